/* SPDX-License-Identifier: MIT */
/* libcrypto's plain SHA-256: its successor (EVP) allocates memory for each hash, and neither a
 * request nor the process may fail for lack of a name. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/digest.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/* HMAC: RFC 2104, 2. The states after the key's first block. */
struct digester {
	SHA256_CTX inner, outer;
};

static void
begin(SHA256_CTX *context, const uint8_t key[static DIGEST_KEY_SIZE], uint8_t pad)
{
	uint8_t block[SHA256_CBLOCK];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (i < DIGEST_KEY_SIZE ? key[i] : 0) ^ pad;
	SHA256_Init(context);
	SHA256_Update(context, block, sizeof block);
	explicit_bzero(block, sizeof block);
}

static void
key_digester(struct digester *d, const uint8_t key[static DIGEST_KEY_SIZE])
{
	begin(&d->inner, key, 0x36);
	begin(&d->outer, key, 0x5c);
}

static void
hmac(const struct digester *d, const void *bytes, size_t n, uint8_t out[static DIGEST_SIZE])
{
	SHA256_CTX context = d->inner;
	SHA256_Update(&context, bytes, n);
	SHA256_Final(out, &context);
	context = d->outer;
	SHA256_Update(&context, out, DIGEST_SIZE);
	SHA256_Final(out, &context); /* wipes what it hashed */
}

void
digest(const uint8_t key[static DIGEST_KEY_SIZE], const void *bytes, size_t n,
       uint8_t out[static DIGEST_SIZE])
{
	struct digester d;
	key_digester(&d, key);
	hmac(&d, bytes, n, out);
	explicit_bzero(&d, sizeof d);
}

void
digest_plain(const void *bytes, size_t n, uint8_t out[static DIGEST_SIZE])
{
	SHA256_CTX context;
	SHA256_Init(&context);
	SHA256_Update(&context, bytes, n);
	SHA256_Final(out, &context);
}

struct digester *
digester_new(const uint8_t key[static DIGEST_KEY_SIZE])
{
	struct digester *d = malloc(sizeof *d);
	if (d != NULL)
		key_digester(d, key);
	return d;
}

void
digester_free(struct digester *d)
{
	if (d != NULL)
		explicit_bzero(d, sizeof *d);
	free(d);
}

uint64_t
digester_word(struct digester *d, const void *bytes, size_t n)
{
	uint8_t out[DIGEST_SIZE];
	uint64_t word;
	hmac(d, bytes, n, out);
	memcpy(&word, out, sizeof word);
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
hex_write(const uint8_t *bytes, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * n] = '\0';
	return text;
}

static int
digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, c | ('A' <= c && c <= 'F' ? 32 : 0), sizeof digits - 1);
	return at == NULL ? -1 : (int)(at - digits);
}

bool
hex_read(const char *text, size_t n, uint8_t *bytes)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

const char *
digest_hex(const uint8_t hash[static DIGEST_SIZE], char text[static DIGEST_HEX_SIZE])
{
	return hex_write(hash, DIGEST_SIZE, text);
}
