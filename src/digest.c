#include "digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

void
digest(const uint8_t key[static DIGEST_KEY_SIZE], const void *bytes, size_t n,
       uint8_t out[static DIGEST_SIZE])
{
	unsigned size = DIGEST_SIZE;
	if (HMAC(EVP_sha256(), key, DIGEST_KEY_SIZE, bytes, n, out, &size) == NULL)
		abort();
}

struct digester {
	EVP_MAC_CTX *keyed; /* copied for each use: 3.0 cannot begin anew with the same key */
};

struct digester *
digester_new(const uint8_t key[static DIGEST_KEY_SIZE])
{
	char name[] = "SHA256";
	const OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
	    OSSL_PARAM_construct_end(),
	};
	struct digester *d = calloc(1, sizeof *d);
	EVP_MAC *hmac = d == NULL ? NULL : EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac != NULL)
		d->keyed = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (d != NULL && d->keyed != NULL &&
	    EVP_MAC_init(d->keyed, key, DIGEST_KEY_SIZE, parameters))
		return d;
	digester_free(d);
	return NULL;
}

void
digester_free(struct digester *d)
{
	if (d != NULL)
		EVP_MAC_CTX_free(d->keyed);
	free(d);
}

uint64_t
digester_word(struct digester *d, const void *bytes, size_t n)
{
	uint8_t hash[DIGEST_SIZE];
	uint64_t word;
	size_t size;
	EVP_MAC_CTX *context = EVP_MAC_CTX_dup(d->keyed);
	if (context == NULL || !EVP_MAC_update(context, bytes, n) ||
	    !EVP_MAC_final(context, hash, &size, sizeof hash))
		abort();
	EVP_MAC_CTX_free(context);
	memcpy(&word, hash, sizeof word);
	return word == 0 ? 1 : word;
}

uint64_t
digest_name(const char *name)
{
	/* FNV-1a: names are few, public and chosen by the operator. */
	uint64_t word = UINT64_C(14695981039346656037);
	for (; *name != '\0'; name++)
		word = (word ^ (uint8_t)*name) * UINT64_C(1099511628211);
	return word == 0 ? 1 : word;
}

const char *
digest_hex(const uint8_t hash[static DIGEST_SIZE], char text[static DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		text[2 * i] = digits[hash[i] >> 4];
		text[2 * i + 1] = digits[hash[i] & 15];
	}
	text[DIGEST_HEX_SIZE - 1] = '\0';
	return text;
}
