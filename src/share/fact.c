/* SPDX-License-Identifier: MIT */
#include "share/fact.h"

#include "config/text.h"
#include "json/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FACT_VERSION 1
#define TIME_MAX     INT64_C(1000000000000000) /* some 30 000 years */

/* What the key hashes elsewhere begins otherwise. */
static const char label[] = "claude-router fact\n";

static const char *const kind_names[] = {
    [FACT_HEALTH] = "health", [FACT_SESSION] = "session", [FACT_MODEL] = "model",
    [FACT_SWITCH] = "switch", [FACT_DRILL] = "drill",     [FACT_BEAT] = "beat",
};

const char *
fact_kind_name(enum fact_kind kind)
{
	return kind_names[kind];
}

const char *
fact_field(const struct fact *fact, char field[static FACT_FIELD_SIZE])
{
	const struct health_key *key = &fact->health.key;
	if (fact->kind == FACT_HEALTH)
		snprintf(field, FACT_FIELD_SIZE, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64,
			 key->provider, key->account, key->family);
	else if (fact->kind == FACT_SWITCH)
		snprintf(field, FACT_FIELD_SIZE, "manual");
	else if (fact->kind == FACT_DRILL)
		snprintf(field, FACT_FIELD_SIZE, "latest");
	else if (fact->kind == FACT_BEAT)
		snprintf(field, FACT_FIELD_SIZE, "%016" PRIx64, fact->beat.machine);
	else
		snprintf(field, FACT_FIELD_SIZE, "%016" PRIx64,
			 fact->kind == FACT_SESSION ? fact->session.key : fact->model.key);
	return field;
}

/* ---- Writing ---------------------------------------------------------------- */

static void
put_word(json_object *tree, const char *name, uint64_t word)
{
	char text[17];
	snprintf(text, sizeof text, "%016" PRIx64, word);
	tree_put(tree, name, json_object_new_string(text));
}

/* Of the bytes that are not printable ASCII, as a provider may have sent them, '?' is left. */
static void
put_text(json_object *tree, const char *name, const char *text)
{
	char plain[HEALTH_TEXT_MAX];
	size_t n = strnlen(text, sizeof plain - 1);
	for (size_t i = 0; i < n; i++)
		plain[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	plain[n] = '\0';
	tree_put(tree, name, json_object_new_string(plain));
}

static void
put_number(json_object *tree, const char *name, int64_t number)
{
	tree_put(tree, name, json_object_new_int64(number));
}

/* 0 means none. */
static void
put_time(json_object *tree, const char *name, int64_t at_ms, int64_t ahead_ms)
{
	put_number(tree, name, at_ms == 0 ? 0 : at_ms + ahead_ms);
}

static void
put_windows(json_object *tree, const struct health *h)
{
	json_object *windows = json_object_new_array();
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *w = &h->windows[i];
		if (w->name[0] == '\0')
			continue;
		json_object *window = json_object_new_object();
		put_text(window, "name", w->name);
		put_number(window, "reset", w->reset_ms);
		put_number(window, "permille", w->permille);
		put_number(window, "rejected", w->rejected);
		tree_add(windows, window);
	}
	tree_put(tree, "windows", windows);
}

static void
put_health(json_object *tree, const struct health *h, int64_t ahead_ms)
{
	put_word(tree, "provider", h->key.provider);
	put_word(tree, "account", h->key.account);
	put_word(tree, "family", h->key.family);
	put_text(tree, "name", h->provider_name);
	put_number(tree, "pause", h->pause);
	put_number(tree, "repeats", h->repeats);
	put_time(tree, "since", h->since_ms, ahead_ms);
	put_time(tree, "until", h->until_ms, ahead_ms);
	put_text(tree, "why", h->why);
	put_word(tree, "person", h->kin.person);
	put_word(tree, "device", h->kin.device);
	put_windows(tree, h);
}

static void
put_drill(json_object *tree, const struct drill *d, int64_t ahead_ms)
{
	put_number(tree, "id", d->id);
	put_number(tree, "begun", d->begun_s);
	put_number(tree, "ended", d->has_ended);
	if (d->has_ended)
		return;
	put_number(tree, "as", d->kind);
	put_word(tree, "provider", d->provider);
	put_word(tree, "scope", d->scope);
	put_number(tree, "requests", d->requests);
	put_number(tree, "left", d->left);
	put_number(tree, "rest", d->rest_ms);
	put_time(tree, "ends", d->ends_ms, ahead_ms);
	put_time(tree, "pause", d->pause_ms, ahead_ms);
	put_number(tree, "returned", d->until_ms == 0);
}

static json_object *
make_tree(const struct fact *fact, int64_t ahead_ms)
{
	json_object *tree = json_object_new_object();
	put_number(tree, "version", FACT_VERSION);
	tree_put(tree, "kind", json_object_new_string(kind_names[fact->kind]));
	switch (fact->kind) {
	case FACT_HEALTH:
		put_health(tree, &fact->health, ahead_ms);
		break;
	case FACT_SESSION:
		put_word(tree, "key", fact->session.key);
		put_word(tree, "provider", fact->session.provider);
		put_number(tree, "mended", fact->session.mended);
		put_number(tree, "credential", fact->session.credential);
		put_time(tree, "used", fact->session.used_ms, ahead_ms);
		break;
	case FACT_MODEL:
		put_word(tree, "key", fact->model.key);
		put_word(tree, "value", fact->model.value);
		put_time(tree, "used", fact->model.used_ms, ahead_ms);
		break;
	case FACT_DRILL:
		put_drill(tree, &fact->drill, ahead_ms);
		break;
	case FACT_BEAT:
		put_word(tree, "machine", fact->beat.machine);
		put_time(tree, "at", fact->beat.at_ms, ahead_ms);
		break;
	case FACT_SWITCH:
	case FACT_KINDS:
		put_text(tree, "provider", fact->choice.provider);
		put_time(tree, "at", fact->choice.at_ms, ahead_ms);
		break;
	}
	return tree;
}

/* Appends the hash of a text as hexadecimal. */
static bool
put_hash(const char *text, size_t n, const uint8_t key[static DIGEST_KEY_SIZE], struct buf *out)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct buf all;
	buf_init(&all, sizeof label + FACT_SIZE_MAX);
	bool is_made = buf_puts(&all, label) && buf_add(&all, text, n);
	if (is_made)
		digest(key, all.data, all.len, hash);
	buf_free(&all);
	return is_made && buf_puts(out, digest_hex(hash, hex));
}

bool
fact_write(const struct fact *fact, const uint8_t key[static DIGEST_KEY_SIZE], int64_t ahead_ms,
	   struct buf *out)
{
	struct buf text;
	buf_init(&text, FACT_SIZE_MAX - DIGEST_HEX_SIZE);
	json_object *tree = make_tree(fact, ahead_ms);
	bool is_made = tree_write(tree, &text) && put_hash(text.data, text.len, key, out) &&
		       buf_puts(out, " ") && buf_add(out, text.data, text.len);
	json_object_put(tree);
	buf_free(&text);
	return is_made;
}

/* ---- Reading: each returns false for what no fact_write() made ---------------- */

static bool
get_word(json_object *tree, const char *name, uint64_t *word)
{
	const char *text = tree_text(tree, name);
	*word = 0;
	for (size_t i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
		if (digit == NULL)
			return false;
		*word = *word << 4 | (uint64_t)(digit - digits);
	}
	return text[16] == '\0';
}

static bool
get_number(json_object *tree, const char *name, int64_t max, int64_t *number)
{
	json_object *value = tree_get(tree, name);
	*number = json_object_get_int64(value);
	return json_object_is_type(value, json_type_int) && *number >= 0 && *number <= max;
}

static bool
get_u32(json_object *tree, const char *name, uint32_t max, uint32_t *number)
{
	int64_t wide;
	bool is_read = get_number(tree, name, max, &wide);
	*number = is_read ? (uint32_t)wide : 0;
	return is_read;
}

static bool
get_time(json_object *tree, const char *name, int64_t ahead_ms, int64_t *at_ms)
{
	if (!get_number(tree, name, TIME_MAX, at_ms))
		return false;
	if (*at_ms != 0)
		*at_ms = *at_ms > ahead_ms ? *at_ms - ahead_ms : 1;
	return true;
}

/* Printable ASCII, which fits, with its NUL and zeros behind. */
static bool
get_text(json_object *tree, const char *name, char *to, size_t size)
{
	const char *text = tree_text(tree, name);
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	if (n >= size)
		return false;
	memset(to, 0, size);
	memcpy(to, text, n);
	return true;
}

static bool
get_provider(json_object *tree, const char *name, char to[static PROVIDER_NAME_MAX])
{
	return get_text(tree, name, to, PROVIDER_NAME_MAX) &&
	       (to[0] == '\0' || text_is_word(to, strlen(to), "-_.", PROVIDER_NAME_MAX - 1));
}

static bool
get_windows(json_object *tree, struct health *h)
{
	json_object *windows = tree_get(tree, "windows");
	size_t n = tree_count(windows);
	if (n > HEALTH_WINDOWS)
		return false;
	for (size_t i = 0; i < n; i++) {
		json_object *window = json_object_array_get_idx(windows, i);
		struct health_window *w = &h->windows[i];
		if (!get_text(window, "name", w->name, sizeof w->name) || w->name[0] == '\0' ||
		    !get_number(window, "reset", TIME_MAX, &w->reset_ms) ||
		    !get_u32(window, "permille", UINT32_MAX, &w->permille) ||
		    !get_u32(window, "rejected", 1, &w->rejected))
			return false;
	}
	return true;
}

static bool
get_health(json_object *tree, int64_t ahead_ms, struct health *h)
{
	return get_word(tree, "provider", &h->key.provider) &&
	       get_word(tree, "account", &h->key.account) &&
	       get_word(tree, "family", &h->key.family) &&
	       get_provider(tree, "name", h->provider_name) &&
	       get_u32(tree, "pause", PAUSE_BENCH, &h->pause) &&
	       get_u32(tree, "repeats", UINT32_MAX, &h->repeats) &&
	       get_time(tree, "since", ahead_ms, &h->since_ms) &&
	       get_time(tree, "until", ahead_ms, &h->until_ms) &&
	       get_text(tree, "why", h->why, sizeof h->why) &&
	       get_word(tree, "person", &h->kin.person) &&
	       get_word(tree, "device", &h->kin.device) && get_windows(tree, h);
}

static bool
get_session(json_object *tree, int64_t ahead_ms, struct session *s)
{
	return get_word(tree, "key", &s->key) && s->key != 0 &&
	       get_word(tree, "provider", &s->provider) &&
	       get_u32(tree, "mended", UINT32_MAX, &s->mended) &&
	       get_u32(tree, "credential", UINT32_MAX, &s->credential) &&
	       get_time(tree, "used", ahead_ms, &s->used_ms);
}

static bool
get_drill(json_object *tree, int64_t ahead_ms, struct drill *d)
{
	uint32_t ended, kind, returned;
	if (!get_u32(tree, "id", UINT32_MAX, &d->id) || d->id == 0 ||
	    !get_u32(tree, "begun", UINT32_MAX, &d->begun_s) || !get_u32(tree, "ended", 1, &ended))
		return false;
	d->has_ended = ended == 1;
	if (d->has_ended)
		return true;
	bool is_read =
	    get_u32(tree, "as", DRILL_KINDS - 1, &kind) &&
	    get_word(tree, "provider", &d->provider) && get_word(tree, "scope", &d->scope) &&
	    get_u32(tree, "requests", DRILL_REQUESTS_MAX, &d->requests) && d->requests >= 1 &&
	    get_u32(tree, "left", d->requests, &d->left) &&
	    get_number(tree, "rest", DRILL_REST_MAX_MS, &d->rest_ms) &&
	    d->rest_ms >= DRILL_REST_MIN_MS && get_time(tree, "ends", ahead_ms, &d->ends_ms) &&
	    get_time(tree, "pause", ahead_ms, &d->pause_ms) &&
	    get_u32(tree, "returned", 1, &returned);
	if (is_read) {
		d->kind = (enum drill_kind)kind;
		d->until_ms = returned == 1 ? 0 : d->pause_ms;
	}
	return is_read;
}

static bool
get_fact(json_object *tree, int64_t ahead_ms, struct fact *fact)
{
	int64_t version;
	if (!get_number(tree, "version", FACT_VERSION, &version) || version != FACT_VERSION)
		return false;
	for (fact->kind = 0; fact->kind < FACT_KINDS; fact->kind++)
		if (tree_is(tree, "kind", kind_names[fact->kind]))
			break;
	switch (fact->kind) {
	case FACT_HEALTH:
		return get_health(tree, ahead_ms, &fact->health);
	case FACT_SESSION:
		return get_session(tree, ahead_ms, &fact->session);
	case FACT_MODEL:
		return get_word(tree, "key", &fact->model.key) && fact->model.key != 0 &&
		       get_word(tree, "value", &fact->model.value) &&
		       get_time(tree, "used", ahead_ms, &fact->model.used_ms);
	case FACT_SWITCH:
		return get_provider(tree, "provider", fact->choice.provider) &&
		       get_time(tree, "at", ahead_ms, &fact->choice.at_ms);
	case FACT_DRILL:
		return get_drill(tree, ahead_ms, &fact->drill);
	case FACT_BEAT:
		return get_word(tree, "machine", &fact->beat.machine) &&
		       get_time(tree, "at", ahead_ms, &fact->beat.at_ms);
	case FACT_KINDS:
		break;
	}
	return false;
}

/* Whether a text begins with the hash of what follows it. */
static bool
is_genuine(const char *text, size_t n, const uint8_t key[static DIGEST_KEY_SIZE])
{
	struct buf hash;
	if (n < DIGEST_HEX_SIZE || n > FACT_SIZE_MAX || text[DIGEST_HEX_SIZE - 1] != ' ')
		return false;
	buf_init(&hash, DIGEST_HEX_SIZE);
	bool is_made = put_hash(text + DIGEST_HEX_SIZE, n - DIGEST_HEX_SIZE, key, &hash);
	int differs = 0;
	for (size_t i = 0; i < hash.len; i++) /* an early end would tell how much fits */
		differs |= hash.data[i] ^ text[i];
	buf_free(&hash);
	return is_made && differs == 0;
}

enum fact_result
fact_read(const char *text, size_t n, const uint8_t key[static DIGEST_KEY_SIZE], int64_t ahead_ms,
	  struct fact *fact)
{
	struct fact read = {0};
	if (!is_genuine(text, n, key))
		return FACT_FORGED;
	json_object *tree = tree_read(text + DIGEST_HEX_SIZE, n - DIGEST_HEX_SIZE);
	bool is_read = tree != NULL && get_fact(tree, ahead_ms, &read);
	json_object_put(tree);
	if (is_read)
		*fact = read;
	return is_read ? FACT_FINE : FACT_FOREIGN;
}
