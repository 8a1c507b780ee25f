/* SPDX-License-Identifier: MIT */
/* Responses that equal requests share. A response is kept under a key for a while, and while a
 * request for it is in flight, equal ones may wait for it instead of asking too.
 *
 * The owner is struct app; a struct flight is a member of its owner's struct. Bounds: caps.h. Pure:
 * the time, in ms of any clock that never goes back, is passed in. One thread. */
#ifndef ROUTE_RESPONSE_CACHE_H
#define ROUTE_RESPONSE_CACHE_H

#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct response_cache;

enum flight_role { FLIGHT_NONE, FLIGHT_LEADS, FLIGHT_FOLLOWS };

/* A request in flight. */
struct flight {
	uint8_t key[DIGEST_SIZE];
	enum flight_role role;
	bool leader_failed; /* it asks for itself */
	/* The leader has left, and this one follows no more. It must not join or leave at once. */
	void (*leader_left)(struct flight *flight);
	struct flight *next;
};

/* bytes_max: of all responses together, at least RESPONSE_CACHE_RESPONSE_MAX. NULL: out of
 * memory. */
struct response_cache *response_cache_new(size_t bytes_max);

/* Frees it, when all flights have left. NULL is fine. */
void response_cache_free(struct response_cache *cache);

/* Returns the response under the key, *n bytes, borrowed until the next put; NULL: none. */
const char *response_cache_find(const struct response_cache *cache,
				const uint8_t key[static DIGEST_SIZE], int64_t now_ms, size_t *n);

/* Keeps a copy of a response for for_ms; the ones that expire first give way. Keeps nothing if it
 * is empty or too large, or when out of memory. */
void response_cache_put(struct response_cache *cache, const uint8_t key[static DIGEST_SIZE],
			const char *bytes, size_t n, int64_t now_ms, int64_t for_ms);

/* Joins those in flight. True: it leads, as there is none with its key; false: it follows the one
 * there is, and leader_left() will be called, unless it leaves before. */
bool response_cache_join(struct response_cache *cache, struct flight *flight);

/* Leaves; harmless if it has not joined. Followers of a leader are notified; failed: they are to
 * ask for themselves if the response is not there, else one of them may lead. */
void response_cache_leave(struct response_cache *cache, struct flight *flight, bool failed);

#endif
