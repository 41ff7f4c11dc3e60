#ifndef COPENSSL_SECRET_H
#define COPENSSL_SECRET_H
#include <stddef.h>
#include <stdint.h>

/// Bytes that a function of this module allocated; released with `cossl_buffer_free`.
typedef struct {
  uint8_t *bytes;
  size_t length;
} cossl_buffer;

/// Zeroes and releases what `buffer` holds; an empty buffer is allowed.
void cossl_buffer_free(cossl_buffer *buffer);
/// Zeroes `length` bytes in a way that the compiler can't leave out.
void cossl_cleanse(void *bytes, size_t length);
/// Fills `out` from libcrypto's generator for values that become public (serials, salts). 1 on success.
int cossl_random(void *out, size_t length);
/// Fills `out` from libcrypto's separate generator for values that stay secret (keys). 1 on success.
int cossl_random_private(void *out, size_t length);
/// 1 when both ranges hold the same bytes, in a time that doesn't depend on where they differ.
int cossl_equal(const void *a, const void *b, size_t length);

#endif
