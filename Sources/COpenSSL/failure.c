#include "failure.h"
#include <openssl/err.h>
#include <stdio.h>

void cossl_failure(char *out, size_t capacity) {
  if (capacity == 0) return;
  out[0] = '\0';
  size_t used = 0;
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    const char *reason = ERR_reason_error_string(code);
    if (reason == NULL || used >= capacity - 1) continue;
    int written = snprintf(out + used, capacity - used, "%s%s", used == 0 ? "" : "; ", reason);
    if (written > 0) used += (size_t)written;
  }
}
