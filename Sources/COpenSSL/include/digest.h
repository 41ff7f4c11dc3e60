#ifndef COPENSSL_DIGEST_H
#define COPENSSL_DIGEST_H
#include <stddef.h>
#include <stdint.h>

/// A running SHA-256 or SHA-512 computation. OpenSSL's own types stay behind this pointer, so that its headers never
/// meet another TLS library's in one Swift module.
typedef struct cossl_digest cossl_digest;

/// Starts a digest; `bits` is 256 or 512. NULL when memory is short or `bits` is another number.
cossl_digest *cossl_digest_new(int bits);
/// Adds `length` bytes. 1 on success.
int cossl_digest_update(cossl_digest *digest, const void *bytes, size_t length);
/// Writes 32 or 64 bytes into `out` and releases the digest. 1 on success.
int cossl_digest_finish(cossl_digest *digest, uint8_t *out);
/// Releases a digest that is not wanted any more; NULL is allowed.
void cossl_digest_free(cossl_digest *digest);

#endif
