/* SPDX-License-Identifier: MIT */
#include "base/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 };

struct loop {
	int epoll;
	bool stopping;
	struct epoll_event events[EVENTS_MAX];
	int n_events;        /* of this iteration */
	struct timer **heap; /* a binary heap from place 1: the earliest first */
	size_t n_timers, heap_size;
	struct task *first, **last;
};

struct loop *
loop_new(void)
{
	struct loop *loop = calloc(1, sizeof *loop);
	if (loop == NULL)
		return NULL;
	loop->last = &loop->first;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll == -1) {
		free(loop);
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	close(loop->epoll);
	free(loop->heap);
	free(loop);
}

bool
loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	if (watch->events == events && watch->fd == fd)
		return true;
	struct epoll_event event = {.events = events, .data.ptr = watch};
	int what = watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	if (epoll_ctl(loop->epoll, what, fd, &event) == -1)
		return false;
	watch->fd = fd;
	watch->events = events;
	return true;
}

void
loop_unwatch(struct loop *loop, struct watch *watch)
{
	if (watch->events != 0)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	loop_forget(loop, watch);
}

void
loop_forget(struct loop *loop, struct watch *watch)
{
	if (watch->events == 0)
		return;
	watch->events = 0;
	/* Its event may still be waiting in this iteration. */
	for (int i = 0; i < loop->n_events; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

static void
put(struct loop *loop, struct timer *timer, size_t place)
{
	loop->heap[place] = timer;
	timer->place = place;
}

/* Moves a timer towards the heap's top or bottom until its order is right. */
static void
settle(struct loop *loop, struct timer *timer, size_t place)
{
	for (; place > 1 && loop->heap[place / 2]->at_ms > timer->at_ms; place /= 2)
		put(loop, loop->heap[place / 2], place);
	for (size_t child; (child = 2 * place) <= loop->n_timers; place = child) {
		if (child < loop->n_timers &&
		    loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
			child++;
		if (loop->heap[child]->at_ms >= timer->at_ms)
			break;
		put(loop, loop->heap[child], place);
	}
	put(loop, timer, place);
}

static bool
make_room(struct loop *loop)
{
	if (loop->n_timers + 1 < loop->heap_size)
		return true;
	size_t size = loop->heap_size == 0 ? 64 : 2 * loop->heap_size;
	struct timer **heap = realloc(loop->heap, size * sizeof(struct timer *));
	if (heap == NULL)
		return false;
	loop->heap = heap;
	loop->heap_size = size;
	return true;
}

bool
loop_after(struct loop *loop, struct timer *timer, int64_t in_ms)
{
	if (timer->place == 0 && !make_room(loop))
		return false;
	timer->at_ms = clock_steady_ms() + (in_ms > 0 ? in_ms : 0);
	settle(loop, timer, timer->place != 0 ? timer->place : ++loop->n_timers);
	return true;
}

void
loop_cancel(struct loop *loop, struct timer *timer)
{
	size_t place = timer->place;
	if (place == 0)
		return;
	timer->place = 0;
	struct timer *last = loop->heap[loop->n_timers--];
	if (last != timer)
		settle(loop, last, place);
}

void
loop_queue(struct loop *loop, struct task *task)
{
	if (task->link != NULL)
		return;
	task->next = NULL;
	task->link = loop->last;
	*loop->last = task;
	loop->last = &task->next;
	task->owner = loop;
}

void
loop_recall(struct task *task)
{
	if (task->link == NULL)
		return;
	*task->link = task->next;
	if (task->next != NULL)
		task->next->link = task->link;
	else
		task->owner->last = task->link;
	task->link = NULL;
}

static void
run_timers(struct loop *loop)
{
	int64_t now_ms = clock_steady_ms();
	while (loop->n_timers > 0 && loop->heap[1]->at_ms <= now_ms) {
		struct timer *timer = loop->heap[1];
		loop_cancel(loop, timer);
		timer->due(timer);
	}
}

static void
run_tasks(struct loop *loop)
{
	while (loop->first != NULL) {
		struct task *task = loop->first;
		loop_recall(task);
		task->run(task);
	}
}

static int
wait_ms(const struct loop *loop)
{
	if (loop->first != NULL)
		return 0;
	if (loop->n_timers == 0)
		return -1;
	int64_t left_ms = loop->heap[1]->at_ms - clock_steady_ms();
	return left_ms <= 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms;
}

static bool
iterate(struct loop *loop)
{
	loop->n_events = epoll_wait(loop->epoll, loop->events, EVENTS_MAX, wait_ms(loop));
	if (loop->n_events == -1) {
		loop->n_events = 0;
		return errno == EINTR;
	}
	for (int i = 0; i < loop->n_events; i++) {
		struct watch *watch = loop->events[i].data.ptr;
		if (watch != NULL)
			watch->ready(watch, loop->events[i].events);
	}
	loop->n_events = 0;
	run_timers(loop);
	run_tasks(loop);
	return true;
}

bool
loop_run(struct loop *loop)
{
	loop->stopping = false;
	while (!loop->stopping)
		if (!iterate(loop))
			return false;
	return true;
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
