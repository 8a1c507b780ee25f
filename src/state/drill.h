/* SPDX-License-Identifier: MIT */
/* The drill in the state file: which one runs, for whom, and how many requests it still answers in
 * a provider's place (BEHAVIOUR.md 13).
 *
 * What several processes change is a word each, which a compare-and-swap changes whole; the count
 * and the pause name their drill. So a late writer of one that has ended changes nothing of the
 * next, and who is killed leaves nothing half. Only drill_write() needs the write lock.
 *
 * Owns nothing: works on an image that the caller has mapped or allocated. Times are wall-clock.
 * Any thread of any process. */
#ifndef STATE_DRILL_H
#define STATE_DRILL_H

#include "state/layout.h"

/* Reads the one that runs at now_ms, while header.reload is reload. False: none does; *out is
 * then undefined. What no drill_write() can have written is none. */
bool drill_read(const struct state_drill *at, uint64_t reload, int64_t now_ms, struct drill *out);

/* Under the write lock. Puts it into the place of one that has ended. */
void drill_write(struct state_drill *at, uint64_t reload, const struct drill *drill);

/* As the functions of state.h with these names. */
bool drill_bind(struct state_drill *at, uint64_t scope);
bool drill_take(struct state_drill *at, uint32_t id);
bool drill_rest(struct state_drill *at, uint32_t id, int64_t now_ms, int64_t until_ms);
bool drill_return(struct state_drill *at, uint32_t id, int64_t now_ms);
bool drill_stop(struct state_drill *at, uint32_t id);

#endif
