/* SPDX-License-Identifier: MIT */
/* Keyed hashes, which name credentials and sessions in the state file and to other providers
 * without revealing them; and plain ones. HMAC-SHA-256 and SHA-256 by libcrypto. Thread-safe. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_KEY_SIZE 32
#define DIGEST_SIZE     32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)

/* The keyed hash of n bytes. Allocates nothing and cannot fail: a wrong name would mix accounts. */
void digest(const uint8_t key[static DIGEST_KEY_SIZE], const void *bytes, size_t n,
	    uint8_t out[static DIGEST_SIZE]);

/* The plain SHA-256 of n bytes. Allocates nothing and cannot fail: a valid client key would be
 * refused as unknown. */
void digest_plain(const void *bytes, size_t n, uint8_t out[static DIGEST_SIZE]);

/* A key that is prepared once, which halves the hashing. NULL: out of memory. */
struct digester;
struct digester *digester_new(const uint8_t key[static DIGEST_KEY_SIZE]);
void digester_free(struct digester *digester); /* NULL is fine; the key is wiped */

/* The first 64 bits of the keyed hash; never 0, which means "none" everywhere. Allocates nothing
 * and cannot fail. */
uint64_t digester_word(struct digester *digester, const void *bytes, size_t n);

/* A public name (a provider, a model family, a rule) as a number that is the
 * same in every process and on every machine; never 0. Not secret. */
uint64_t digest_name(const char *name);

/* n bytes as lower-case hexadecimal; text has room for 2 * n + 1. Returns text. */
const char *hex_write(const uint8_t *bytes, size_t n, char *text);

/* Reads n bytes from 2 * n hexadecimal digits in any case. False: one is none; bytes are then
 * undefined. */
bool hex_read(const char *text, size_t n, uint8_t *bytes);

/* The digest as lower-case hexadecimal; returns text. */
const char *digest_hex(const uint8_t hash[static DIGEST_SIZE], char text[static DIGEST_HEX_SIZE]);

#endif
