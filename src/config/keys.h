/* SPDX-License-Identifier: MIT */
/* Client keys: whoever presents one is a client of this router, from any address (BEHAVIOUR.md 2).
 *
 * A key is "crk_" and 32 letters, digits, - or _: 192 bits from the kernel's generator. The keys
 * file has a line for each, "NAME HASH DATE daily=2 monthly=20", with the key's SHA-256 in
 * hexadecimal, the day on which it was made, and its budget in dollars (all three optional); lines
 * that begin with # and blank lines are ignored. The hash needs neither salt nor slowness: those
 * protect secrets that people make up, and 192 random bits cannot be guessed. So one hash of what a
 * client sends is compared with all of them, in a time that does not reveal how much of it matched.
 *
 * A struct keys is immutable and belongs to its caller. NULL is a set without keys. No error and no
 * other text of these functions holds a key, a hash or other content of the file. One thread at a
 * time. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "base/digest.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define KEY_PREFIX    "crk_"
#define KEY_SIZE      (sizeof(KEY_PREFIX) + 32) /* with the NUL */
#define KEY_HASH_SIZE DIGEST_SIZE
#define KEY_DATE_SIZE sizeof("2026-11-23")

struct keys;

/* What may be billed to the operator for a key's holder, in nano-dollars; 0: no cap. */
struct key_budget {
	int64_t daily_cap;
	int64_t monthly_cap;
};

struct key {
	char name[KEY_NAME_MAX];
	uint8_t hash[KEY_HASH_SIZE];
	char since[KEY_DATE_SIZE]; /* "": not given */
	struct key_budget budget;
	int line;
};

/* Reads a keys file. One that does not exist is not an error: there are then no keys. NULL when it
 * cannot be used: others may read it or its group may write it, a line is wrong, a name or a key is
 * duplicate, there are more than KEYS_MAX, or KEY_BUDGETS_MAX with a budget; error then says why,
 * with file and line and what to do. */
struct keys *keys_load(const char *path, struct buf *error);

/* The same for a text that was read from path. */
struct keys *keys_parse(const char *path, const char *text, size_t n, struct buf *error);

/* Frees it. NULL is fine. */
void keys_free(struct keys *keys);

/* Returns the entry of a key; NULL: unknown key. Lives as long as keys. */
const struct key *keys_find(const struct keys *keys, const char *key);

size_t keys_count(const struct keys *keys);

/* The i-th key of the file, i < keys_count(). */
const struct key *keys_at(const struct keys *keys, size_t i);

/* When they were loaded, in milliseconds since 1970; 0 for NULL. */
int64_t keys_loaded_ms(const struct keys *keys);

/* Whether a text begins as all our keys do, and so was meant as one. */
bool keys_is_key(const char *text);

/* Whether a text may be a key's name: a letter, then letters, digits, '.', '_' and '-'. So a log
 * can show it in place of an address, without confusion. */
bool keys_is_name(const char *text);

/* A sentence when every client is refused, since keys are required and there are none, or when
 * budgets bind each of several machines alone; else NULL. */
const char *keys_warning(const struct config *config, const struct keys *keys);

/* Computes the hash of a key. */
void keys_hash(const char *key, uint8_t hash[static KEY_HASH_SIZE]);

#endif
