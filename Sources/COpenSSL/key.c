#include "key.h"
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

// A cossl_key *is* an EVP_PKEY under a name that needs no OpenSSL header. libcrypto's getters and signing functions take
// a non-const EVP_PKEY for historical reasons; they don't change the key.
static EVP_PKEY *pkey(const cossl_key *key) { return (EVP_PKEY *)(uintptr_t)key; }
static cossl_key *wrapped(EVP_PKEY *key) { return (cossl_key *)key; }

cossl_key *cossl_key_generate_ec(const char *curve) { return wrapped(EVP_EC_gen(curve)); }

cossl_key *cossl_key_generate_ed25519(void) { return wrapped(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")); }

cossl_key *cossl_key_generate_rsa(unsigned bits) { return wrapped(EVP_RSA_gen(bits)); }

void cossl_key_free(cossl_key *key) { EVP_PKEY_free(pkey(key)); }

// Takes over what an i2d function allocated.
static int take(int length, uint8_t *bytes, cossl_buffer *out) {
  if (length <= 0) return 0;
  out->bytes = bytes;
  out->length = (size_t)length;
  return 1;
}

cossl_key *cossl_key_from_spki(const uint8_t *der, size_t length) {
  if (length > INT_MAX) return NULL;
  const uint8_t *end = der;
  EVP_PKEY *key = d2i_PUBKEY(NULL, &end, (long)length);
  if (key != NULL && end != der + length) {
    EVP_PKEY_free(key);
    key = NULL;
  }
  return wrapped(key);
}

int cossl_key_to_spki(const cossl_key *key, cossl_buffer *out) {
  uint8_t *bytes = NULL;
  int length = i2d_PUBKEY(pkey(key), &bytes);
  return take(length, bytes, out);
}

cossl_key *cossl_key_from_pkcs8(const void *der, size_t length) {
  if (length > INT_MAX) return NULL;
  const uint8_t *end = der;
  PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)length);
  EVP_PKEY *key = info != NULL && end == (const uint8_t *)der + length ? EVP_PKCS82PKEY(info) : NULL;
  PKCS8_PRIV_KEY_INFO_free(info);
  return wrapped(key);
}

int cossl_key_to_pkcs8(const cossl_key *key, cossl_buffer *out) {
  PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey(key));
  if (info == NULL) return 0;
  uint8_t *bytes = NULL;
  int length = i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
  PKCS8_PRIV_KEY_INFO_free(info);
  return take(length, bytes, out);
}

cossl_key *cossl_key_from_encrypted_pkcs8(const void *der, size_t length, const void *passphrase,
                                          size_t passphrase_length) {
  if (length > INT_MAX || passphrase_length > INT_MAX) return NULL;
  const uint8_t *end = der;
  X509_SIG *box = d2i_X509_SIG(NULL, &end, (long)length);
  PKCS8_PRIV_KEY_INFO *info = NULL;
  if (box != NULL && end == (const uint8_t *)der + length)
    info = PKCS8_decrypt(box, passphrase, (int)passphrase_length);
  EVP_PKEY *key = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
  PKCS8_PRIV_KEY_INFO_free(info);
  X509_SIG_free(box);
  return wrapped(key);
}

int cossl_key_to_encrypted_pkcs8(const cossl_key *key, const void *passphrase, size_t passphrase_length, uint64_t n,
                                 uint64_t p, cossl_buffer *out) {
  if (passphrase_length > INT_MAX) return 0;
  PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey(key));
  X509_ALGOR *scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 16, NULL, n, 8, p);
  X509_SIG *box = NULL;
  if (info != NULL && scheme != NULL) box = PKCS8_set0_pbe(passphrase, (int)passphrase_length, info, scheme);
  if (box == NULL) X509_ALGOR_free(scheme);
  PKCS8_PRIV_KEY_INFO_free(info);
  if (box == NULL) return 0;
  uint8_t *bytes = NULL;
  int length = i2d_X509_SIG(box, &bytes);
  X509_SIG_free(box);
  return take(length, bytes, out);
}

int cossl_key_number(const cossl_key *key, const char *name, cossl_buffer *out) {
  BIGNUM *number = NULL;
  if (EVP_PKEY_get_bn_param(pkey(key), name, &number) != 1) return 0;
  int length = BN_num_bytes(number);
  uint8_t *bytes = OPENSSL_malloc((size_t)length);
  int ok = bytes != NULL && take(BN_bn2bin(number, bytes), bytes, out);
  if (!ok) OPENSSL_free(bytes);
  BN_clear_free(number);
  return ok;
}

int cossl_key_scalar(const cossl_key *key, size_t width, cossl_buffer *out) {
  BIGNUM *number = NULL;
  if (width > INT_MAX || EVP_PKEY_get_bn_param(pkey(key), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1) return 0;
  uint8_t *bytes = OPENSSL_malloc(width);
  int ok = bytes != NULL && take(BN_bn2binpad(number, bytes, (int)width), bytes, out);
  if (!ok) OPENSSL_free(bytes);
  BN_clear_free(number);
  return ok;
}

int cossl_key_point(const cossl_key *key, cossl_buffer *out) {
  size_t length = 0;
  if (EVP_PKEY_get_octet_string_param(pkey(key), OSSL_PKEY_PARAM_PUB_KEY, NULL, 0, &length) != 1) return 0;
  uint8_t *bytes = OPENSSL_malloc(length);
  int ok = bytes != NULL &&
           EVP_PKEY_get_octet_string_param(pkey(key), OSSL_PKEY_PARAM_PUB_KEY, bytes, length, &length) == 1 &&
           take((int)length, bytes, out);
  if (!ok) OPENSSL_free(bytes);
  return ok;
}

int cossl_key_ed25519_seed(const cossl_key *key, cossl_buffer *out) {
  size_t length = 32;
  uint8_t *bytes = OPENSSL_malloc(length);
  if (bytes == NULL || EVP_PKEY_get_raw_private_key(pkey(key), bytes, &length) != 1) {
    OPENSSL_free(bytes);
    return 0;
  }
  return take((int)length, bytes, out);
}

static const EVP_MD *digest_of(int bits) {
  switch (bits) {
  case 256: return EVP_sha256();
  case 384: return EVP_sha384();
  case 512: return EVP_sha512();
  default: return NULL;
  }
}

int cossl_key_sign(const cossl_key *key, int digest_bits, const uint8_t *bytes, size_t length, cossl_buffer *out) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context == NULL) return 0;
  size_t capacity = (size_t)EVP_PKEY_get_size(pkey(key));
  uint8_t *signature = OPENSSL_malloc(capacity);
  int ok = signature != NULL &&
           EVP_DigestSignInit(context, NULL, digest_of(digest_bits), NULL, pkey(key)) == 1 &&
           EVP_DigestSign(context, signature, &capacity, bytes, length) == 1 && take((int)capacity, signature, out);
  if (!ok) OPENSSL_free(signature);
  EVP_MD_CTX_free(context);
  return ok;
}

int cossl_key_verify(const cossl_key *key, int digest_bits, const uint8_t *bytes, size_t length,
                     const uint8_t *signature, size_t signature_length) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context == NULL) return 0;
  int ok = EVP_DigestVerifyInit(context, NULL, digest_of(digest_bits), NULL, pkey(key)) == 1 &&
           EVP_DigestVerify(context, signature, signature_length, bytes, length) == 1;
  EVP_MD_CTX_free(context);
  return ok;
}
