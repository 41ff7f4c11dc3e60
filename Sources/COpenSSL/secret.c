#include "secret.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

void cossl_buffer_free(cossl_buffer *buffer) {
  OPENSSL_clear_free(buffer->bytes, buffer->length);
  buffer->bytes = NULL;
  buffer->length = 0;
}

void cossl_cleanse(void *bytes, size_t length) { OPENSSL_cleanse(bytes, length); }

int cossl_random(void *out, size_t length) { return length <= INT_MAX && RAND_bytes(out, (int)length) == 1; }

int cossl_random_private(void *out, size_t length) {
  return length <= INT_MAX && RAND_priv_bytes(out, (int)length) == 1;
}

int cossl_equal(const void *a, const void *b, size_t length) { return CRYPTO_memcmp(a, b, length) == 0; }
