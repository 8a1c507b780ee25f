/* SPDX-License-Identifier: MIT */
/* loop - epoll, timers, the two clocks. One thread; nothing here is safe from another.
 *
 * Whoever owns a struct source or struct timer keeps it valid until
 * loop_forget() / timer_clear(); memory that an event of the same batch could
 * still point to is given to loop_bury() instead of free(). */
#ifndef SIM_LOOP_H
#define SIM_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct source {
	void (*ready)(struct source *s, uint32_t events); /* EPOLL* bits */
};

struct timer {
	int64_t at_ms; /* monotonic */
	size_t slot;   /* place in the heap + 1; 0: not set */
	void (*fire)(struct timer *t);
};

void loop_init(void);
void loop_watch(int fd, uint32_t events, struct source *s);   /* begin */
void loop_rewatch(int fd, uint32_t events, struct source *s); /* other events */
void loop_bury(void *memory);                                 /* free() after this batch */
void loop_each_turn(void (*hook)(void)); /* called after every batch; at most 4 */
void loop_run(void) __attribute__((noreturn));

void timer_set(struct timer *t, int64_t in_ms); /* sets or moves */
void timer_clear(struct timer *t);

int64_t clock_mono_ms(void);
int64_t clock_real_ms(void); /* tests shift this one, so it is never used for delays */

#endif
