/* SPDX-License-Identifier: MIT */
/* Client keys: who has one is a client of this router, from wherever it asks
 * (BEHAVIOUR.md 2).
 *
 * A key is "crk_" and 32 letters, digits, - or _: 192 bits out of the kernel's
 * generator. The keys file has a line for each, "NAME HASH DATE", with the key's
 * SHA-256 in hexadecimal and the day on which it was made (which may be missing);
 * lines that begin with # and blank lines mean nothing. The hash wants neither
 * salt nor slowness: those protect secrets that people think up, and nobody finds
 * 192 random bits by trying. So one hash of what a client shows is compared with
 * all of them, in a time that does not tell how much was right.
 *
 * A struct keys is immutable; its owner is who made it. NULL is a set without
 * keys: nobody is found in it. No error and no other text of these functions holds
 * a key, a hash or what else stands in the file. One thread at a time. */
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

struct key {
	char name[KEY_NAME_MAX];
	uint8_t hash[KEY_HASH_SIZE];
	char since[KEY_DATE_SIZE]; /* "" : not told */
	int line;
};

/* Reads a keys file. One that does not exist is no error: there are then no keys.
 * NULL when it cannot be used: others may read it or its group may write it, a
 * line is wrong, a name or a key stands twice, there are more than KEYS_MAX;
 * error then says why, with file and line and what to do. */
struct keys *keys_load(const char *path, struct buf *error);

/* The same of a text that was read from path. */
struct keys *keys_parse(const char *path, const char *text, size_t n, struct buf *error);

/* Frees it. NULL is fine. */
void keys_free(struct keys *keys);

/* The name of whom a key belongs to; NULL when it is nobody's. Lives as long as
 * keys. */
const char *keys_find(const struct keys *keys, const char *key);

size_t keys_count(const struct keys *keys);

/* The i-th key of the file, i < keys_count(). */
const struct key *keys_at(const struct keys *keys, size_t i);

/* When they were loaded, milliseconds since 1970; 0 for NULL. */
int64_t keys_loaded_at(const struct keys *keys);

/* Whether a text begins as all our keys do, and so was meant to be one. */
bool keys_is_key(const char *text);

/* Whether a text may be a key's name: a letter, then letters, digits, '.', '_' and
 * '-'. So it can stand in a log where else an address would, and is none. */
bool keys_is_name(const char *text);

/* What keeps every client out, in words: keys are wanted, and there are none. NULL:
 * nothing does. */
const char *keys_warning(const struct config *config, const struct keys *keys);

/* The hash of a key. */
void keys_hash(const char *key, uint8_t hash[static KEY_HASH_SIZE]);

#endif
