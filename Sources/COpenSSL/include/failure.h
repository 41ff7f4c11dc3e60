#ifndef COPENSSL_FAILURE_H
#define COPENSSL_FAILURE_H
#include <stddef.h>

/// Empties this thread's error queue and writes its reasons, oldest first, separated by "; ", into `out` (always
/// terminated, cut to `capacity`). Only libcrypto's fixed reason texts are written, never the data beside them, which
/// may quote what was being read.
void cossl_failure(char *out, size_t capacity);

#endif
