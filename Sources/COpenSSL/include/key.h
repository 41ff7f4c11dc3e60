#ifndef COPENSSL_KEY_H
#define COPENSSL_KEY_H
#include "secret.h"
#include <stddef.h>
#include <stdint.h>

/// A public key, or a key pair. OpenSSL's own type stays behind this pointer. A key is not changed after it was made, so
/// that several threads may sign with one at once.
typedef struct cossl_key cossl_key;

/// Makes an elliptic-curve key pair; `curve` is a name libcrypto knows, such as "P-256". NULL on failure.
cossl_key *cossl_key_generate_ec(const char *curve);
/// Makes an Ed25519 key pair. NULL on failure.
cossl_key *cossl_key_generate_ed25519(void);
/// Makes an RSA key pair with a modulus of `bits` and the exponent 65537. NULL on failure.
cossl_key *cossl_key_generate_rsa(unsigned bits);
/// Releases a key and zeroes its private part; NULL is allowed.
void cossl_key_free(cossl_key *key);

/// Reads a SubjectPublicKeyInfo that fills `length` bytes exactly. NULL when it is none.
cossl_key *cossl_key_from_spki(const uint8_t *der, size_t length);
/// Writes the SubjectPublicKeyInfo. 1 on success.
int cossl_key_to_spki(const cossl_key *key, cossl_buffer *out);

/// Reads a PKCS#8 PrivateKeyInfo that fills `length` bytes exactly. NULL when it is none.
cossl_key *cossl_key_from_pkcs8(const void *der, size_t length);
/// Writes the PKCS#8 PrivateKeyInfo. 1 on success.
int cossl_key_to_pkcs8(const cossl_key *key, cossl_buffer *out);
/// Reads a PKCS#8 EncryptedPrivateKeyInfo. NULL when the passphrase doesn't open it or what it opens is no key.
cossl_key *cossl_key_from_encrypted_pkcs8(const void *der, size_t length, const void *passphrase,
                                          size_t passphrase_length);
/// Writes a PKCS#8 EncryptedPrivateKeyInfo: PBES2 with scrypt at cost `n`, block size 8 and `p` lanes, and AES-256-CBC.
/// 1 on success.
int cossl_key_to_encrypted_pkcs8(const cossl_key *key, const void *passphrase, size_t passphrase_length, uint64_t n,
                                 uint64_t p, cossl_buffer *out);

/// Writes a number of the key (an RSA "n", "e", "d", "rsa-factor1", "rsa-factor2", "rsa-coefficient1"), big-endian
/// without leading zeros. 1 on success.
int cossl_key_number(const cossl_key *key, const char *name, cossl_buffer *out);
/// Writes an elliptic-curve key's private number in `width` bytes, big-endian. 1 on success.
int cossl_key_scalar(const cossl_key *key, size_t width, cossl_buffer *out);
/// Writes an elliptic-curve key's uncompressed point, or an Ed25519 key's 32 public bytes. 1 on success.
int cossl_key_point(const cossl_key *key, cossl_buffer *out);
/// Writes the 32 raw bytes of an Ed25519 key's private part (its seed). 1 on success.
int cossl_key_ed25519_seed(const cossl_key *key, cossl_buffer *out);

/// Signs `length` bytes; `digest_bits` is 256, 384 or 512, or 0 where the algorithm has its own (Ed25519). 1 on success.
int cossl_key_sign(const cossl_key *key, int digest_bits, const uint8_t *bytes, size_t length, cossl_buffer *out);
/// 1 when `signature` is the key's over `bytes`, 0 when it isn't.
int cossl_key_verify(const cossl_key *key, int digest_bits, const uint8_t *bytes, size_t length,
                     const uint8_t *signature, size_t signature_length);

#endif
