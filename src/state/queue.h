/* SPDX-License-Identifier: MIT */
/* Changes of the state, as facts: how each is applied to the file, at once under
 * the write lock or later, in order, when another process holds it.
 *
 * A queue is a part of its opener's struct state, born as zeros, and needs no
 * end. It waits for nobody but in state_queue_flush(). One thread. */
#ifndef STATE_QUEUE_H
#define STATE_QUEUE_H

#include "state/map.h"

enum change_kind {
	CHANGE_HEALTH,
	CHANGE_RETRY, /* of all records of health.key.provider */
	CHANGE_SESSION,
	CHANGE_MODEL,
	CHANGE_SWITCH,
	CHANGE_SERVED,
	CHANGE_FAILOVER,
	CHANGE_CHECKED,
	CHANGE_COUNT,
};

/* A fact that can wait. */
struct state_change {
	enum change_kind kind;
	int64_t queued_ms; /* wall clock; the queue's own */
	union {
		struct {
			struct health_key key;
			char name[PROVIDER_NAME_MAX];
			struct health_change change;
		} health;
		struct session session;
		struct model_memory model;
		char name[PROVIDER_NAME_MAX]; /* SWITCH, SERVED; zeros to its end */
		struct {
			int64_t ms;
			bool could_tell;
		} at; /* FAILOVER, CHECKED */
		struct {
			uint64_t provider;
			enum counter counter;
			uint64_t n;
		} count;
	};
};

struct state_queue {
	size_t n;
	uint64_t n_dropped;
	struct state_change changes[STATE_QUEUE_MAX];
};

/* Applies what waits and then the change, if it is not NULL. *answer, which may
 * be NULL, holds only when true is returned: of a health its enum health_outcome,
 * of a SERVED whether somebody else served before, else 0. False: the lock was
 * not free, the file is cut, or the map is for looking only; then the queue is as
 * it was, and the change is not in it. */
bool state_queue_write(struct state_queue *queue, struct state_map *map,
		       const struct state_change *change, int *answer);

/* The same, but a change that cannot be applied now waits: false. With a map for
 * looking only, it is ignored: false. */
bool state_queue_submit(struct state_queue *queue, struct state_map *map,
			const struct state_change *change, int *answer);

/* The last chance of what waits: tries for 100 ms, and tells what is lost. */
void state_queue_flush(struct state_queue *queue, struct state_map *map);

/* Who served last of what waits; NULL: nothing of that kind waits. Valid until
 * the queue changes. */
const char *state_queue_served(const struct state_queue *queue);

#endif
