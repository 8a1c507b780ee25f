/* SPDX-License-Identifier: MIT */
/* How many machines share: those that were heard within the last beats. Pure; a struct machines
 * belongs to its caller, and begins as zeros. One thread. */
#ifndef SHARE_MACHINES_H
#define SHARE_MACHINES_H

#include <stddef.h>
#include <stdint.h>

#define MACHINES_MAX 1000

struct machines {
	size_t n;
	struct {
		uint64_t id;
		int64_t heard_ms;
	} list[MACHINES_MAX];
};

/* Times are of any steady clock. One machine more than MACHINES_MAX takes the place of the one that
 * was not heard for the longest time. */
void machines_heard(struct machines *machines, uint64_t id, int64_t now_ms);

/* Returns how often each of so many machines says that it is there: the more, the less often, since
 * each is heard by each. */
int64_t machines_beat_ms(unsigned n);

/* Returns how often each of them reads all that the server has: the same. */
int64_t machines_read_ms(unsigned n);

/* Returns how many are there: heard within three beats. */
unsigned machines_count(const struct machines *machines, int64_t now_ms);

void machines_clear(struct machines *machines);

#endif
