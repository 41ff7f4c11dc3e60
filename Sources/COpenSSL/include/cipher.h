#ifndef COPENSSL_CIPHER_H
#define COPENSSL_CIPHER_H
#include <stddef.h>
#include <stdint.h>

/// AES-256 in counter mode: encrypts or decrypts `length` bytes of `in` into `out` (which may be `in`), with a key of 32
/// bytes and an initial counter block of 16. 1 on success.
int cossl_aes256_ctr(const uint8_t *key, const uint8_t *counter, const uint8_t *in, size_t length, uint8_t *out);
/// HMAC-SHA-256 of `length` bytes under a key of 32 bytes, written as 32 bytes into `out`. 1 on success.
int cossl_hmac_sha256(const uint8_t *key, const uint8_t *bytes, size_t length, uint8_t *out);

#endif
