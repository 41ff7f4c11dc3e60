#include "digest.h"
#include <openssl/evp.h>
#include <stdlib.h>

struct cossl_digest {
  EVP_MD_CTX *context;
};

cossl_digest *cossl_digest_new(int bits) {
  const EVP_MD *kind = bits == 256 ? EVP_sha256() : bits == 512 ? EVP_sha512() : NULL;
  if (kind == NULL) return NULL;
  cossl_digest *digest = malloc(sizeof *digest);
  if (digest == NULL) return NULL;
  digest->context = EVP_MD_CTX_new();
  if (digest->context == NULL || EVP_DigestInit_ex(digest->context, kind, NULL) != 1) {
    cossl_digest_free(digest);
    return NULL;
  }
  return digest;
}

int cossl_digest_update(cossl_digest *digest, const void *bytes, size_t length) {
  return EVP_DigestUpdate(digest->context, bytes, length) == 1;
}

int cossl_digest_finish(cossl_digest *digest, uint8_t *out) {
  int ok = EVP_DigestFinal_ex(digest->context, out, NULL) == 1;
  cossl_digest_free(digest);
  return ok;
}

void cossl_digest_free(cossl_digest *digest) {
  if (digest == NULL) return;
  EVP_MD_CTX_free(digest->context);
  free(digest);
}
