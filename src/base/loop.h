/* SPDX-License-Identifier: MIT */
/* The event loop: descriptors, timers, and work for the end of an iteration. One thread. No
 * callback may block, except for the 20 ms of operator/admin.c while the state file is busy.
 *
 * A watch, a timer and a task are members of their owner's struct; the loop keeps pointers to them,
 * so the owner must remove them (loop_unwatch, loop_cancel, loop_recall; each harmless when there
 * is nothing to remove) before it frees itself. Any callback may remove any of them. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/* The struct of which pointer is a member. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct watch {
	void (*ready)(struct watch *watch, uint32_t events); /* EPOLLIN, EPOLLHUP, … */
	int fd;
	uint32_t events; /* 0: not watched */
};

struct timer {
	void (*due)(struct timer *timer);
	int64_t at_ms; /* clock_steady_ms() */
	size_t place;  /* in the loop's heap, from 1; 0: not set */
};

struct task {
	void (*run)(struct task *task);
	struct task *next;
	struct task **link; /* what points to it; NULL: not queued */
	struct loop *owner;
};

/* NULL and errno when the kernel refuses epoll, or when out of memory. */
struct loop *loop_new(void);

/* Frees the loop, from which everything must have been removed. NULL is fine. */
void loop_free(struct loop *loop);

/* Watches fd for events (level-triggered), or changes the events. False and errno when the kernel
 * refuses. */
bool loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events);
void loop_unwatch(struct loop *loop, struct watch *watch);

/* As loop_unwatch(), without a system call: for a descriptor of which there is no other copy, and
 * which the owner closes before this iteration ends. */
void loop_forget(struct loop *loop, struct watch *watch);

/* Calls due() once, in_ms from now (0: in the next iteration), unless it is set again or cancelled
 * before. False: out of memory, and the timer is not set. */
bool loop_after(struct loop *loop, struct timer *timer, int64_t in_ms);
void loop_cancel(struct loop *loop, struct timer *timer);

/* Calls run() once at the end of this iteration. Queueing a queued task does nothing. */
void loop_queue(struct loop *loop, struct task *task);
void loop_recall(struct task *task);

/* Runs until loop_stop(). False and errno when epoll fails. */
bool loop_run(struct loop *loop);

/* Ends loop_run() after this iteration. */
void loop_stop(struct loop *loop);

#endif
