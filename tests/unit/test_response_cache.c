/* SPDX-License-Identifier: MIT */
/* response_cache: what is kept, for how long, and who asks (BEHAVIOUR 2). */
#include "route/response_cache.h"

#include "base/caps.h"
#include "tap.h"

#define BYTES_MAX ((size_t)4 * RESPONSE_CACHE_RESPONSE_MAX)

struct key {
	uint8_t bytes[DIGEST_SIZE];
};

static struct key
key(unsigned n)
{
	struct key k = {{(uint8_t)n, (uint8_t)(n >> 8)}};
	return k;
}

static void
put(struct response_cache *cache, unsigned n, const char *text, int64_t now_ms, int64_t for_ms)
{
	response_cache_put(cache, key(n).bytes, text, strlen(text), now_ms, for_ms);
}

/* The response under a key, as a text. */
static const char *
find(const struct response_cache *cache, unsigned n, int64_t now_ms)
{
	static char text[64];
	size_t length = 0;
	const char *bytes = response_cache_find(cache, key(n).bytes, now_ms, &length);
	if (bytes == NULL)
		return NULL;
	snprintf(text, sizeof text, "%.*s", (int)length, bytes);
	return text;
}

static void
check_time(void)
{
	struct response_cache *cache = response_cache_new(BYTES_MAX);
	TAP_STR("nothing is kept at first", find(cache, 1, 1000), NULL);
	put(cache, 1, "one", 1000, 500);
	TAP_STR("it is found", find(cache, 1, 1000), "one");
	TAP_STR("until its time is over", find(cache, 1, 1499), "one");
	TAP_STR("and no longer", find(cache, 1, 1500), NULL);
	TAP_STR("another key is another response", find(cache, 2, 1000), NULL);
	put(cache, 1, "again", 1200, 500);
	TAP_STR("a newer one replaces it", find(cache, 1, 1600), "again");
	put(cache, 3, "", 1000, 500);
	TAP_STR("an empty one is not kept", find(cache, 3, 1000), NULL);
	response_cache_free(cache);
}

static void
check_entries(void)
{
	struct response_cache *cache = response_cache_new(BYTES_MAX);
	for (unsigned i = 0; i < RESPONSE_CACHE_ENTRIES; i++)
		put(cache, i, "x", i == 7 ? 0 : 10, 1000);
	TAP_STR("all entries are used", find(cache, RESPONSE_CACHE_ENTRIES - 1, 20), "x");
	put(cache, 1000, "new", 20, 1000);
	TAP_STR("one more is kept", find(cache, 1000, 20), "new");
	TAP_STR("the one that expires first gave way", find(cache, 7, 20), NULL);
	TAP_STR("no other one did", find(cache, 8, 20), "x");
	response_cache_free(cache);
}

static void
check_bytes(void)
{
	static const char large[RESPONSE_CACHE_RESPONSE_MAX + 1];
	enum { FIT = BYTES_MAX / RESPONSE_CACHE_RESPONSE_MAX };
	struct response_cache *cache = response_cache_new(BYTES_MAX);
	size_t n = 0;
	response_cache_put(cache, key(1).bytes, large, sizeof large, 0, 1000);
	TAP_OK("one that is too large is not kept",
	       response_cache_find(cache, key(1).bytes, 0, &n) == NULL);
	for (unsigned i = 0; i <= FIT; i++)
		response_cache_put(cache, key(i).bytes, large, RESPONSE_CACHE_RESPONSE_MAX, i,
				   1000);
	TAP_OK("too many bytes: the first gave way",
	       response_cache_find(cache, key(0).bytes, FIT, &n) == NULL);
	TAP_OK("and only that one", response_cache_find(cache, key(1).bytes, FIT, &n) != NULL);
	TAP_INT("the last is whole",
		response_cache_find(cache, key(FIT).bytes, FIT, &n) == NULL ? 0 : n,
		RESPONSE_CACHE_RESPONSE_MAX);
	response_cache_free(cache);
}

/* --- Requests in flight ----------------------------------------------- */

static unsigned notified;

static void
count_notified(struct flight *flight)
{
	(void)flight;
	notified++;
}

enum { FLIGHTS = 4 };

/* Three equal ones, and a stranger. */
static struct response_cache *
four(struct flight f[static FLIGHTS], bool leads[static FLIGHTS])
{
	struct response_cache *cache = response_cache_new(BYTES_MAX);
	notified = 0;
	for (unsigned i = 0; i < FLIGHTS; i++) {
		f[i] = (struct flight){.leader_left = count_notified};
		memcpy(f[i].key, key(i == 3).bytes, DIGEST_SIZE);
		leads[i] = response_cache_join(cache, &f[i]);
	}
	return cache;
}

static void
end(struct response_cache *cache, struct flight f[static FLIGHTS])
{
	for (unsigned i = 0; i < FLIGHTS; i++)
		response_cache_leave(cache, &f[i], false);
	response_cache_free(cache);
}

static void
check_flights(void)
{
	struct flight f[FLIGHTS];
	bool leads[FLIGHTS];
	struct response_cache *cache = four(f, leads);
	TAP_OK("the first of equal ones leads", leads[0] && !leads[1] && !leads[2]);
	TAP_OK("one with another key leads, too", leads[3]);
	response_cache_leave(cache, &f[1], false);
	TAP_INT("a follower that leaves notifies nobody", notified, 0);
	response_cache_leave(cache, &f[3], false);
	TAP_INT("nor does a stranger", notified, 0);
	response_cache_leave(cache, &f[0], false);
	TAP_INT("a leader notifies those that still follow", notified, 1);
	TAP_OK("it had a response, or was aborted", !f[2].leader_failed);
	TAP_OK("the next one may lead", response_cache_join(cache, &f[2]));
	TAP_OK("and is followed", !response_cache_join(cache, &f[1]));
	end(cache, f);

	cache = four(f, leads);
	response_cache_leave(cache, &f[0], true);
	TAP_INT("a failed leader notifies all", notified, 2);
	TAP_OK("each asks for itself", f[1].leader_failed && f[2].leader_failed);
	response_cache_leave(cache, &f[1], true);
	TAP_INT("who was notified is not in flight any more", notified, 2);
	end(cache, f);
}

int
main(int argc, char **argv)
{
	tap_start("response_cache", argc, argv);
	check_time();
	check_entries();
	check_bytes();
	check_flights();
	return tap_finish();
}
