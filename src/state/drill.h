/* SPDX-License-Identifier: MIT */
/* The drill in the state file: which one runs, for whom, and how many requests it still answers in
 * a provider's place (BEHAVIOUR.md 13).
 *
 * What several processes change is a word each, which a compare-and-swap changes whole; the count
 * and the pause name their drill. So a late writer of one that has ended changes nothing of the
 * next, and who is killed leaves nothing half. Only what begins one needs the write lock.
 *
 * Owns nothing: works on an image that the caller has mapped or allocated. Times are wall-clock.
 * Any thread of any process. */
#ifndef STATE_DRILL_H
#define STATE_DRILL_H

#include "state/layout.h"

/* By which of two drills is the later one, for all machines. */
uint64_t drill_order(const struct drill *drill);

/* Joins what is known elsewhere: the later drill holds; of the same one, that it has ended, the
 * fewer requests that are left, the later pause, or that it is over, and of two conversations the
 * one with the smaller name. So the same comes of the same facts in any order, lost or repeated.
 * True: something has changed. Pure. */
bool drill_join(struct drill *drill, const struct drill *other);

/* Reads the one that runs at now_ms, while header.reload is reload. False: none does; *out is
 * then undefined. What no drill_write() can have written is none. */
bool drill_read(const struct state_drill *at, uint64_t reload, int64_t now_ms, struct drill *out);

/* Under the write lock. Puts it into the place of one that has ended. */
void drill_write(struct state_drill *at, uint64_t reload, const struct drill *drill);

/* As state_drill_latest(); what has ended, or whose time is over, has_ended in *out. */
bool drill_latest(const struct state_drill *at, uint64_t reload, int64_t now_ms, struct drill *out);

/* Under the write lock. As state_drill_merge(). */
bool drill_merge(struct state_drill *at, uint64_t reload, int64_t now_ms,
		 const struct drill *other);

/* As the functions of state.h with these names. */
bool drill_bind(struct state_drill *at, uint64_t scope);
bool drill_take(struct state_drill *at, uint32_t id);
bool drill_rest(struct state_drill *at, uint32_t id, int64_t now_ms, int64_t until_ms);
bool drill_return(struct state_drill *at, uint32_t id, int64_t now_ms);
bool drill_stop(struct state_drill *at, uint32_t id);

#endif
