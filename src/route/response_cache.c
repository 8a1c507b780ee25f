/* SPDX-License-Identifier: MIT */
#include "route/response_cache.h"

#include "base/caps.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	uint8_t key[DIGEST_SIZE];
	int64_t until_ms;
	char *bytes; /* NULL: the entry is free */
	size_t n;
};
_Static_assert(sizeof(struct entry) <= 64, "256 of them in each process");

struct response_cache {
	struct entry entries[RESPONSE_CACHE_ENTRIES];
	size_t bytes, bytes_max; /* of all of them */
	struct flight *flights;
};

struct response_cache *
response_cache_new(size_t bytes_max)
{
	struct response_cache *cache = calloc(1, sizeof *cache);
	if (cache != NULL)
		cache->bytes_max = bytes_max;
	return cache;
}

static void
drop(struct response_cache *cache, struct entry *e)
{
	cache->bytes -= e->n;
	free(e->bytes);
	*e = (struct entry){.bytes = NULL};
}

void
response_cache_free(struct response_cache *cache)
{
	for (size_t i = 0; cache != NULL && i < RESPONSE_CACHE_ENTRIES; i++)
		free(cache->entries[i].bytes);
	free(cache);
}

/* --- Responses -------------------------------------------------------- */

static bool
has_key(const struct entry *e, const uint8_t key[static DIGEST_SIZE])
{
	return e->bytes != NULL && memcmp(e->key, key, DIGEST_SIZE) == 0;
}

const char *
response_cache_find(const struct response_cache *cache, const uint8_t key[static DIGEST_SIZE],
		    int64_t now_ms, size_t *n)
{
	for (const struct entry *e = cache->entries; e < cache->entries + RESPONSE_CACHE_ENTRIES;
	     e++)
		if (has_key(e, key) && now_ms < e->until_ms) {
			*n = e->n;
			return e->bytes;
		}
	return NULL;
}

/* The used entry that expires first; a free one if all are free. */
static struct entry *
first_to_expire(struct response_cache *cache)
{
	struct entry *first = cache->entries;
	for (struct entry *e = first; e < cache->entries + RESPONSE_CACHE_ENTRIES; e++)
		if (e->bytes != NULL && (first->bytes == NULL || e->until_ms < first->until_ms))
			first = e;
	return first;
}

/* Makes room for n bytes, and returns a free entry. */
static struct entry *
make_room(struct response_cache *cache, size_t n)
{
	while (cache->bytes + n > cache->bytes_max)
		drop(cache, first_to_expire(cache));
	for (struct entry *e = cache->entries; e < cache->entries + RESPONSE_CACHE_ENTRIES; e++)
		if (e->bytes == NULL)
			return e;
	struct entry *first = first_to_expire(cache);
	drop(cache, first);
	return first;
}

void
response_cache_put(struct response_cache *cache, const uint8_t key[static DIGEST_SIZE],
		   const char *bytes, size_t n, int64_t now_ms, int64_t for_ms)
{
	char *copy = n == 0 || n > RESPONSE_CACHE_RESPONSE_MAX ? NULL : malloc(n);
	if (copy == NULL)
		return;
	memcpy(copy, bytes, n);
	for (struct entry *e = cache->entries; e < cache->entries + RESPONSE_CACHE_ENTRIES; e++)
		if (has_key(e, key))
			drop(cache, e);
	struct entry *e = make_room(cache, n);
	*e = (struct entry){.until_ms = now_ms + for_ms, .bytes = copy, .n = n};
	memcpy(e->key, key, DIGEST_SIZE);
	cache->bytes += n;
}

/* --- Requests in flight ----------------------------------------------- */

static bool
is_equal(const struct flight *a, const struct flight *b)
{
	return memcmp(a->key, b->key, DIGEST_SIZE) == 0;
}

bool
response_cache_join(struct response_cache *cache, struct flight *flight)
{
	flight->role = FLIGHT_LEADS;
	for (const struct flight *f = cache->flights; f != NULL; f = f->next)
		if (is_equal(f, flight))
			flight->role = FLIGHT_FOLLOWS;
	flight->next = cache->flights;
	cache->flights = flight;
	return flight->role == FLIGHT_LEADS;
}

/* Takes it out of the list at link. */
static void
unlink_flight(struct flight **link)
{
	struct flight *f = *link;
	*link = f->next;
	f->next = NULL;
	f->role = FLIGHT_NONE;
}

static void
release_followers(struct response_cache *cache, const struct flight *leader, bool failed)
{
	struct flight **link = &cache->flights;
	while (*link != NULL) {
		struct flight *f = *link;
		if (!is_equal(f, leader)) {
			link = &f->next;
			continue;
		}
		unlink_flight(link);
		f->leader_failed = failed;
		f->leader_left(f);
	}
}

void
response_cache_leave(struct response_cache *cache, struct flight *flight, bool failed)
{
	enum flight_role role = flight->role;
	struct flight **link = &cache->flights;
	if (role == FLIGHT_NONE)
		return;
	while (*link != flight)
		link = &(*link)->next;
	unlink_flight(link);
	if (role == FLIGHT_LEADS)
		release_followers(cache, flight, failed);
}
