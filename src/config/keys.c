/* SPDX-License-Identifier: MIT */
#include "config/keys.h"

#include "base/clock.h"
#include "base/str.h"
#include "config/file.h"
#include "config/text.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 6 };

struct keys {
	int64_t loaded_at;
	size_t n;
	size_t budgets; /* of them: those with a budget */
	struct key list[];
};

/* --- Words of a line -------------------------------------------------- */

struct word {
	const char *text;
	size_t n;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The words between at and end, at most WORDS_MAX of them. */
static size_t
split(const char *at, const char *end, struct word words[static WORDS_MAX])
{
	size_t n = 0;
	while (n < WORDS_MAX) {
		while (at < end && is_space(*at))
			at++;
		if (at == end)
			break;
		words[n].text = at;
		while (at < end && !is_space(*at))
			at++;
		words[n].n = (size_t)(at - words[n].text);
		n++;
	}
	return n;
}

static bool
begins_as_key(const struct word *word)
{
	size_t n = strlen(KEY_PREFIX);
	return word->n >= n && strncasecmp(word->text, KEY_PREFIX, n) == 0;
}

static bool
read_hash(const struct word *word, uint8_t hash[static KEY_HASH_SIZE])
{
	return word->n == 2 * KEY_HASH_SIZE && hex_read(word->text, KEY_HASH_SIZE, hash);
}

static bool
read_name(const struct word *word, char name[static KEY_NAME_MAX])
{
	if (word->n >= KEY_NAME_MAX)
		return false;
	memcpy(name, word->text, word->n);
	name[word->n] = '\0';
	return keys_is_name(name);
}

static bool
read_date(const struct word *word, char date[static KEY_DATE_SIZE])
{
	static const char form[] = "dddd-dd-dd";
	if (word->n != sizeof form - 1)
		return false;
	for (size_t i = 0; i < word->n; i++) {
		char c = word->text[i];
		if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
			return false;
	}
	memcpy(date, word->text, word->n);
	date[word->n] = '\0';
	return true;
}

/* "daily=2" or "monthly=20": a cap that was not given before. */
static bool
read_cap(const struct word *word, struct key_budget *budget)
{
	static const char daily[] = "daily=", monthly[] = "monthly=";
	char text[32];
	if (word->n >= sizeof text)
		return false;
	memcpy(text, word->text, word->n);
	text[word->n] = '\0';
	bool is_daily = str_starts_with(text, daily);
	if (!is_daily && !str_starts_with(text, monthly))
		return false;
	int64_t *cap = is_daily ? &budget->daily_cap : &budget->monthly_cap;
	return *cap == 0 && text_read_cap(strchr(text, '=') + 1, cap) && *cap != 0;
}

/* What follows the hash: a date, then a budget. */
static bool
read_rest(const struct word *words, size_t n, struct key *key)
{
	size_t i = n > 0 && read_date(&words[0], key->since) ? 1 : 0;
	while (i < n && read_cap(&words[i], &key->budget))
		i++;
	return i == n;
}

/* --- The file --------------------------------------------------------- */

struct reader {
	const char *path;
	struct keys *keys;
	struct buf *error;
	int line;
};

/* Reports what is wrong with the line. Always false. */
static bool
refuse(const struct reader *r, const char *what)
{
	buf_append_cut(r->error, "%s:%d: %s", r->path, r->line, what);
	return false;
}

static bool
refuse_second(const struct reader *r, const char *what, const struct key *first)
{
	buf_append_cut(r->error, "%s:%d: duplicate %s, first defined on line %d", r->path, r->line,
		       what, first->line);
	return false;
}

static bool
take_key(const struct reader *r, const struct key *key)
{
	struct keys *keys = r->keys;
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *other = &keys->list[i];
		if (strcmp(other->name, key->name) == 0)
			return refuse_second(r, "name", other);
		if (CRYPTO_memcmp(other->hash, key->hash, sizeof key->hash) == 0)
			return refuse_second(r, "key", other);
	}
	if (keys->n == KEYS_MAX) {
		buf_append_cut(r->error, "%s:%d: more than %d keys", r->path, r->line, KEYS_MAX);
		return false;
	}
	keys->budgets += (key->budget.daily_cap | key->budget.monthly_cap) != 0;
	if (keys->budgets > KEY_BUDGETS_MAX) {
		buf_append_cut(r->error,
			       "%s:%d: %s is one budget too many: at most %d keys may have one",
			       r->path, r->line, key->name, KEY_BUDGETS_MAX);
		return false;
	}
	keys->list[keys->n++] = *key;
	return true;
}

static bool
take_line(const struct reader *r, const char *at, const char *end)
{
	struct word words[WORDS_MAX];
	struct key key = {.line = r->line};
	size_t n = split(at, end, words);
	if (n == 0 || words[0].text[0] == '#')
		return true;
	for (size_t i = 0; i < n; i++)
		if (begins_as_key(&words[i]))
			return refuse(r, "this is a key, but only its hash belongs here: treat "
					 "it as leaked, and make another one with "
					 "claude-router-ctl key add NAME");
	if (n < 2 || !read_hash(&words[1], key.hash) || !read_rest(&words[2], n - 2, &key))
		return refuse(r,
			      "write NAME HASH DATE, as claude-router-ctl key add NAME does; then "
			      "perhaps daily=2 and monthly=20, dollars from 0.01 to 100000");
	if (!read_name(&words[0], key.name))
		return refuse(r, "a name is a letter and up to 62 letters, digits, '.', '_' or "
				 "'-'");
	return take_key(r, &key);
}

static bool
take_lines(struct reader *r, const char *text, size_t n)
{
	for (struct lines lines = lines_of(text, n); lines_next(&lines);) {
		r->line = lines.number;
		if (lines_is_binary(&lines))
			return refuse(r, "holds a NUL byte: this is not a text file");
		if (!take_line(r, text + lines.begin, text + lines.end))
			return false;
	}
	return true;
}

/* The number of keys that a text of n bytes can hold. */
static size_t
room_for(size_t n)
{
	size_t shortest = sizeof("n ") - 1 + (size_t)2 * KEY_HASH_SIZE;
	return n / shortest < KEYS_MAX ? n / shortest : KEYS_MAX;
}

struct keys *
keys_parse(const char *path, const char *text, size_t n, struct buf *error)
{
	struct keys *keys = calloc(1, sizeof *keys + room_for(n) * sizeof keys->list[0]);
	struct reader r = {path, keys, error, 0};
	if (keys == NULL) {
		buf_append_cut(error, "%s: out of memory", path);
		return NULL;
	}
	keys->loaded_at = clock_wall_ms();
	if (take_lines(&r, text, n))
		return keys;
	keys_free(keys);
	return NULL;
}

struct keys *
keys_load(const char *path, struct buf *error)
{
	struct stat st;
	struct buf text;
	struct keys *keys = NULL;
	buf_init_secret(&text, KEYS_FILE_MAX + 1); /* read(2) needs room to see the end */
	if (config_read_private(path, &text, &st, error) != FILE_UNUSABLE)
		keys = keys_parse(path, text.data, text.len, error);
	buf_free(&text);
	return keys;
}

void
keys_free(struct keys *keys)
{
	free(keys);
}

/* --- Queries ----------------------------------------------------------- */

void
keys_hash(const char *key, uint8_t hash[static KEY_HASH_SIZE])
{
	digest_plain(key, strlen(key), hash);
}

const struct key *
keys_find(const struct keys *keys, const char *key)
{
	uint8_t hash[KEY_HASH_SIZE];
	const struct key *found = NULL;
	if (keys == NULL || !keys_is_key(key))
		return NULL;
	keys_hash(key, hash);
	for (size_t i = 0; i < keys->n; i++)
		if (CRYPTO_memcmp(keys->list[i].hash, hash, sizeof hash) == 0)
			found = &keys->list[i];
	return found;
}

size_t
keys_count(const struct keys *keys)
{
	return keys == NULL ? 0 : keys->n;
}

const struct key *
keys_at(const struct keys *keys, size_t i)
{
	return &keys->list[i];
}

int64_t
keys_loaded_ms(const struct keys *keys)
{
	return keys == NULL ? 0 : keys->loaded_at;
}

bool
keys_is_key(const char *text)
{
	return strncasecmp(text, KEY_PREFIX, strlen(KEY_PREFIX)) == 0;
}

bool
keys_is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-";
	size_t n = strlen(text);
	return n > 0 && n < KEY_NAME_MAX && strchr(letters, text[0]) != NULL &&
	       strspn(text, others) == n && !keys_is_key(text);
}

const char *
keys_warning(const struct config *config, const struct keys *keys)
{
	if (keys != NULL && keys->budgets > 0 && config->share_hosts == 0 &&
	    config->share[0] != '\0' && config->share_caps == SHARE_CAPS_SPLIT)
		return "share is set, and a client key has a budget: without share_hosts, or "
		       "share_caps = closed, each machine lets its client spend a whole one";
	if (config->access == ACCESS_OPEN || keys_count(keys) > 0)
		return NULL;
	return "access = \"keys\", and there is no key: every client is refused. Make one with: "
	       "claude-router-ctl key add NAME";
}
