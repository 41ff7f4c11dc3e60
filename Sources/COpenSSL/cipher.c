#include "cipher.h"
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

int cossl_aes256_ctr(const uint8_t *key, const uint8_t *counter, const uint8_t *in, size_t length, uint8_t *out) {
  if (length > INT_MAX) return 0;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  if (context == NULL) return 0;
  int written = 0;
  int ok = EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, key, counter) == 1 &&
           EVP_EncryptUpdate(context, out, &written, in, (int)length) == 1 && (size_t)written == length;
  EVP_CIPHER_CTX_free(context);
  return ok;
}

int cossl_hmac_sha256(const uint8_t *key, const uint8_t *bytes, size_t length, uint8_t *out) {
  return HMAC(EVP_sha256(), key, 32, bytes, length, out, NULL) != NULL;
}
