/* SPDX-License-Identifier: MIT */
/* Changes of the state, as facts: each is applied to the file at once under the write lock or, when
 * another process holds that, later and in order.
 *
 * A queue is a part of struct state, begins as zeros, and needs no end. Waits only in
 * state_queue_flush(). One thread. */
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
	CHANGE_MERGE, /* what another machine knows */
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
		struct health merge;
		struct session session;
		struct model_memory model;
		struct {
			char name[PROVIDER_NAME_MAX]; /* zeros to its end */
			int64_t at_ms;                /* SWITCH */
		} chosen;                             /* SWITCH, SERVED */
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

/* The result of a change or a merge of a health: its enum health_outcome, its health_passed(). */
#define STATE_HEALTH_RESULT(outcome, passed) ((int)((passed) << 4 | (outcome)))
#define STATE_HEALTH_OUTCOME(result)         ((enum health_outcome)((result)&15))
#define STATE_HEALTH_PASSED(result)          ((unsigned)(result) >> 4)

/* Applies the queue and then the change, if that is not NULL. *result, which may be NULL, is set
 * only when true is returned: for a health STATE_HEALTH_RESULT(), for a SERVED whether another
 * provider served before, else 0. False: the lock was not free, the file is truncated, or the map
 * is read-only; then the queue is unchanged, and the change is not in it. */
bool state_queue_write(struct state_queue *queue, struct state_map *map,
		       const struct state_change *change, int *result);

/* The same, but a change that cannot be applied now is queued: false. With a read-only map it is
 * ignored: false. */
bool state_queue_submit(struct state_queue *queue, struct state_map *map,
			const struct state_change *change, int *result);

/* Tries to apply the queue for 100 ms, and logs what is lost. */
void state_queue_flush(struct state_queue *queue, struct state_map *map);

/* Returns the last CHANGE_SERVED's provider in the queue; NULL: none. Valid until the queue
 * changes. */
const char *state_queue_served(const struct state_queue *queue);

#endif
