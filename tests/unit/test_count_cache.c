/* SPDX-License-Identifier: MIT */
/* count_cache: what is kept, for how long, and who asks (BEHAVIOUR 2). */
#include "route/count_cache.h"

#include "base/caps.h"
#include "tap.h"

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
put(struct count_cache *cache, unsigned n, const char *text, int64_t now_ms, int64_t for_ms)
{
	count_cache_put(cache, key(n).bytes, text, strlen(text), now_ms, for_ms);
}

/* The response under a key, as a text. */
static const char *
find(const struct count_cache *cache, unsigned n, int64_t now_ms)
{
	static char text[64];
	size_t length = 0;
	const char *bytes = count_cache_find(cache, key(n).bytes, now_ms, &length);
	if (bytes == NULL)
		return NULL;
	snprintf(text, sizeof text, "%.*s", (int)length, bytes);
	return text;
}

static void
check_time(void)
{
	struct count_cache *cache = count_cache_new();
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
	count_cache_free(cache);
}

static void
check_entries(void)
{
	struct count_cache *cache = count_cache_new();
	for (unsigned i = 0; i < COUNT_CACHE_ENTRIES; i++)
		put(cache, i, "x", i == 7 ? 0 : 10, 1000);
	TAP_STR("all entries are used", find(cache, COUNT_CACHE_ENTRIES - 1, 20), "x");
	put(cache, 1000, "new", 20, 1000);
	TAP_STR("one more is kept", find(cache, 1000, 20), "new");
	TAP_STR("the one that expires first gave way", find(cache, 7, 20), NULL);
	TAP_STR("no other one did", find(cache, 8, 20), "x");
	count_cache_free(cache);
}

static void
check_bytes(void)
{
	static const char large[COUNT_CACHE_RESPONSE_MAX + 1];
	enum { FIT = COUNT_CACHE_BYTES_MAX / COUNT_CACHE_RESPONSE_MAX };
	struct count_cache *cache = count_cache_new();
	size_t n = 0;
	count_cache_put(cache, key(1).bytes, large, sizeof large, 0, 1000);
	TAP_OK("one that is too large is not kept",
	       count_cache_find(cache, key(1).bytes, 0, &n) == NULL);
	for (unsigned i = 0; i <= FIT; i++)
		count_cache_put(cache, key(i).bytes, large, COUNT_CACHE_RESPONSE_MAX, i, 1000);
	TAP_OK("too many bytes: the first gave way",
	       count_cache_find(cache, key(0).bytes, FIT, &n) == NULL);
	TAP_OK("and only that one", count_cache_find(cache, key(1).bytes, FIT, &n) != NULL);
	TAP_INT("the last is whole",
		count_cache_find(cache, key(FIT).bytes, FIT, &n) == NULL ? 0 : n,
		COUNT_CACHE_RESPONSE_MAX);
	count_cache_free(cache);
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
static struct count_cache *
four(struct flight f[static FLIGHTS], bool leads[static FLIGHTS])
{
	struct count_cache *cache = count_cache_new();
	notified = 0;
	for (unsigned i = 0; i < FLIGHTS; i++) {
		f[i] = (struct flight){.leader_left = count_notified};
		memcpy(f[i].key, key(i == 3).bytes, DIGEST_SIZE);
		leads[i] = count_cache_join(cache, &f[i]);
	}
	return cache;
}

static void
end(struct count_cache *cache, struct flight f[static FLIGHTS])
{
	for (unsigned i = 0; i < FLIGHTS; i++)
		count_cache_leave(cache, &f[i], false);
	count_cache_free(cache);
}

static void
check_flights(void)
{
	struct flight f[FLIGHTS];
	bool leads[FLIGHTS];
	struct count_cache *cache = four(f, leads);
	TAP_OK("the first of equal ones leads", leads[0] && !leads[1] && !leads[2]);
	TAP_OK("one with another key leads, too", leads[3]);
	count_cache_leave(cache, &f[1], false);
	TAP_INT("a follower that leaves notifies nobody", notified, 0);
	count_cache_leave(cache, &f[3], false);
	TAP_INT("nor does a stranger", notified, 0);
	count_cache_leave(cache, &f[0], false);
	TAP_INT("a leader notifies those that still follow", notified, 1);
	TAP_OK("it had a response, or was aborted", !f[2].leader_failed);
	TAP_OK("the next one may lead", count_cache_join(cache, &f[2]));
	TAP_OK("and is followed", !count_cache_join(cache, &f[1]));
	end(cache, f);

	cache = four(f, leads);
	count_cache_leave(cache, &f[0], true);
	TAP_INT("a failed leader notifies all", notified, 2);
	TAP_OK("each asks for itself", f[1].leader_failed && f[2].leader_failed);
	count_cache_leave(cache, &f[1], true);
	TAP_INT("who was notified is not in flight any more", notified, 2);
	end(cache, f);
}

int
main(int argc, char **argv)
{
	tap_start("count_cache", argc, argv);
	check_time();
	check_entries();
	check_bytes();
	check_flights();
	return tap_finish();
}
