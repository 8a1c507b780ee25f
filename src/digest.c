#include "digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
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

uint64_t
digest64(const uint8_t key[static DIGEST_KEY_SIZE], const void *bytes, size_t n)
{
	uint8_t hash[DIGEST_SIZE];
	uint64_t word;
	digest(key, bytes, n, hash);
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
