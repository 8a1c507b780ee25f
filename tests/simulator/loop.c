/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "buf.h"

#define BATCH 256

static int epfd = -1;
static struct timer **heap; /* heap[0] fires first */
static size_t heap_len, heap_cap;
static void **graves;
static size_t graves_len, graves_cap;
static void (*hooks[4])(void);
static size_t hooks_len;

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t
clock_real_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

void
loop_init(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd == -1)
		die("epoll_create1: %s", strerror(errno));
}

static void
control(int op, int fd, uint32_t events, struct source *s)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(epfd, op, fd, &ev) == -1)
		die("epoll_ctl on fd %d: %s", fd, strerror(errno));
}

void
loop_watch(int fd, uint32_t events, struct source *s)
{
	control(EPOLL_CTL_ADD, fd, events, s);
}

void
loop_rewatch(int fd, uint32_t events, struct source *s)
{
	control(EPOLL_CTL_MOD, fd, events, s);
}

void
loop_bury(void *memory)
{
	if (graves_len == graves_cap) {
		graves_cap = graves_cap ? graves_cap * 2 : 64;
		graves = realloc(graves, graves_cap * sizeof(*graves));
		if (graves == NULL)
			die("out of memory");
	}
	graves[graves_len++] = memory;
}

void
loop_each_turn(void (*hook)(void))
{
	hooks[hooks_len++] = hook;
}

static void
heap_put(size_t i, struct timer *t)
{
	heap[i] = t;
	t->slot = i + 1;
}

static void
heap_up(size_t i)
{
	struct timer *t = heap[i];

	while (i > 0 && heap[(i - 1) / 2]->at_ms > t->at_ms) {
		heap_put(i, heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(i, t);
}

static void
heap_down(size_t i)
{
	struct timer *t = heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= heap_len)
			break;
		if (kid + 1 < heap_len && heap[kid + 1]->at_ms < heap[kid]->at_ms)
			kid++;
		if (heap[kid]->at_ms >= t->at_ms)
			break;
		heap_put(i, heap[kid]);
		i = kid;
	}
	heap_put(i, t);
}

void
timer_clear(struct timer *t)
{
	size_t i = t->slot - 1;

	if (t->slot == 0)
		return;
	t->slot = 0;
	heap_len--;
	if (i == heap_len)
		return;
	heap_put(i, heap[heap_len]);
	heap_up(i);
	heap_down(heap[i]->slot - 1);
}

void
timer_set(struct timer *t, int64_t in_ms)
{
	timer_clear(t);
	t->at_ms = clock_mono_ms() + (in_ms > 0 ? in_ms : 0);
	if (heap_len == heap_cap) {
		heap_cap = heap_cap ? heap_cap * 2 : 64;
		heap = realloc(heap, heap_cap * sizeof(struct timer *));
		if (heap == NULL)
			die("out of memory");
	}
	heap_put(heap_len, t);
	heap_len++;
	heap_up(heap_len - 1);
}

static void
timers_fire(void)
{
	int64_t now = clock_mono_ms();

	while (heap_len > 0 && heap[0]->at_ms <= now) {
		struct timer *t = heap[0];

		timer_clear(t);
		t->fire(t);
	}
}

static int
timers_wait(void)
{
	int64_t left;

	if (heap_len == 0)
		return -1;
	left = heap[0]->at_ms - clock_mono_ms();
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void
turn_end(void)
{
	for (size_t i = 0; i < hooks_len; i++)
		hooks[i]();
	while (graves_len > 0)
		free(graves[--graves_len]);
}

void
loop_run(void)
{
	struct epoll_event events[BATCH];

	for (;;) {
		int n;

		timers_fire();
		turn_end(); /* before the wait is reckoned: hooks set timers */
		n = epoll_wait(epfd, events, BATCH, timers_wait());
		if (n == -1 && errno != EINTR)
			die("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < n; i++) {
			struct source *s = events[i].data.ptr;

			s->ready(s, events[i].events);
		}
	}
}
