/* SPDX-License-Identifier: MIT */
#include "money/ledger.h"

#include "base/clock.h"
#include "money/ledger_file.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

/* --- The queue ------------------------------------------------------------ */

/* The queue has one thread at each end and no lock, so the loop never waits for a writer that the
 * kernel has stopped. It consists of batches, each of which is allocated for its first entry and
 * freed when it is written: a process that writes little holds one, not the whole queue. Entry n
 * is in batch n / LEDGER_BATCH; there is one batch more, since the oldest may be half written. */
#define BATCHES    (LEDGER_QUEUE_MAX / LEDGER_BATCH + 1)
#define STACK_SIZE (256 * 1024) /* of which SQLite touches some 20 KB */
#define BUSY_MS    5000
#define BACKOFF    12 /* the longest pause, in first pauses */
#define NOTICES    4

struct batch {
	struct ledger_entry entries[LEDGER_BATCH];
};

struct ledger {
	struct ledger_options options;
	char *path;
	struct batch *batches[BATCHES];
	_Atomic uint64_t put;   /* entries, ever; the loop's to change */
	_Atomic uint64_t taken; /* entries, ever; the writer's to change */
	_Atomic uint64_t dropped;
	_Atomic int state; /* enum ledger_state; the writer's to change */
	_Atomic bool closing;
	_Atomic bool over; /* set by the writer's end, and when ledger_close() gives up */
	int wake;          /* eventfds: of the writer, and of ledger_close() */
	int done;
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows; the loop only tries it */
	char why[ERROR_TEXT_MAX];
	struct ledger_notice notices[NOTICES];
	size_t n_notices;
};

static struct batch **
batch_of(struct ledger *ledger, uint64_t entry)
{
	return &ledger->batches[entry / LEDGER_BATCH % BATCHES];
}

static uint64_t
queued(struct ledger *ledger)
{
	return atomic_load(&ledger->put) - atomic_load(&ledger->taken);
}

static void
signal_to(int fd)
{
	const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof one);
	(void)n; /* it is full of signals already, then */
}

/* Whether a signal came within that time (-1: of any length). */
static bool
wait_for(int fd, int64_t for_ms)
{
	uint64_t signals;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int n = poll(&ready, 1, for_ms > 0x7fffffff ? 0x7fffffff : (int)for_ms);
	return n == 1 && read(fd, &signals, sizeof signals) == (ssize_t)sizeof signals;
}

static void
free_ledger(struct ledger *ledger)
{
	for (size_t i = 0; i < BATCHES; i++)
		free(ledger->batches[i]);
	if (ledger->wake >= 0)
		close(ledger->wake);
	if (ledger->done >= 0)
		close(ledger->done);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger->path);
	free(ledger);
}

/* --- The writer: a thread of its own --------------------------------------- */

struct writer {
	struct ledger *ledger;
	struct ledger_file file;
	int64_t pause_ms; /* after the last failure; 0: all is well */
	uint64_t dropped; /* when the failure began */
};

__attribute__((format(printf, 3, 4))) static void
notify(struct ledger *ledger, int level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	pthread_mutex_lock(&ledger->lock);
	if (ledger->n_notices < NOTICES) {
		struct ledger_notice *notice = &ledger->notices[ledger->n_notices++];
		notice->level = level;
		vsnprintf(notice->text, sizeof notice->text, format, args);
	}
	pthread_mutex_unlock(&ledger->lock);
	va_end(args);
}

static void
set_state(struct ledger *ledger, enum ledger_state state, const char *why)
{
	pthread_mutex_lock(&ledger->lock);
	snprintf(ledger->why, sizeof ledger->why, "%s", why);
	pthread_mutex_unlock(&ledger->lock);
	atomic_store(&ledger->state, (int)state);
}

/* Waits until there is something to write; closes the file when that takes long. */
static void
wait_for_entries(struct writer *w)
{
	struct ledger *ledger = w->ledger;
	while (queued(ledger) == 0 && !atomic_load(&ledger->closing)) {
		bool is_open = w->file.db != NULL;
		if (wait_for(ledger->wake, is_open ? ledger->options.idle_ms : -1) || !is_open)
			continue;
		ledger_file_close(&w->file);
		set_state(ledger, LEDGER_CLOSED, "");
	}
}

/* Waits for more, until so many are there, or the time is over, or the ledger is closed. */
static void
wait_for_more(struct ledger *ledger, uint64_t n, int64_t for_ms)
{
	int64_t until_ms = clock_steady_ms() + for_ms;
	while (queued(ledger) < n && !atomic_load(&ledger->closing)) {
		int64_t left_ms = until_ms - clock_steady_ms();
		if (left_ms <= 0)
			return;
		wait_for(ledger->wake, left_ms);
	}
}

static void
wrote(struct writer *w, uint64_t first, uint64_t n)
{
	struct ledger *ledger = w->ledger;
	if (w->pause_ms > 0)
		notify(ledger, LOG_NOTICE, "ledger %s: written again; %" PRIu64 " rows were lost",
		       ledger->path, atomic_load(&ledger->dropped) - w->dropped);
	w->pause_ms = 0;
	if (atomic_load(&ledger->state) != LEDGER_OPEN)
		set_state(ledger, LEDGER_OPEN, "");
	if ((first + n) % LEDGER_BATCH == 0) {
		free(*batch_of(ledger, first));
		*batch_of(ledger, first) = NULL;
	}
	atomic_store(&ledger->taken, first + n);
}

/* Waits before the next try. False: the ledger is closed, and that was the last one. */
static bool
failed(struct writer *w)
{
	struct ledger *ledger = w->ledger;
	int64_t first_ms = ledger->options.retry_ms;
	bool was_closing = atomic_load(&ledger->closing);
	set_state(ledger, LEDGER_FAILING, w->file.why);
	if (w->pause_ms == 0) {
		w->dropped = atomic_load(&ledger->dropped);
		notify(ledger, LOG_WARNING, "%s. Rows are kept, and written when that is possible",
		       w->file.why);
	}
	w->pause_ms = w->pause_ms == 0 ? first_ms : 2 * w->pause_ms;
	if (w->pause_ms > BACKOFF * first_ms)
		w->pause_ms = BACKOFF * first_ms;
	wait_for_more(ledger, UINT64_MAX, w->pause_ms);
	return !was_closing;
}

/* Writes what is queued, at most a batch. False: there is nothing more to be done. */
static bool
write_some(struct writer *w)
{
	struct ledger *ledger = w->ledger;
	uint64_t first = atomic_load(&ledger->taken), in_batch = first % LEDGER_BATCH;
	uint64_t n = queued(ledger);
	if (n > LEDGER_BATCH - in_batch)
		n = LEDGER_BATCH - in_batch;
	enum ledger_result result = ledger_file_write(
	    &w->file, &(*batch_of(ledger, first))->entries[in_batch], (size_t)n, BUSY_MS);
	if (w->file.moved[0] != '\0')
		notify(ledger, LOG_WARNING, "%s", w->file.moved);
	w->file.moved[0] = '\0';
	if (result == LEDGER_WRITTEN)
		wrote(w, first, n);
	else if (result == LEDGER_LATER)
		return failed(w);
	else {
		notify(ledger, LOG_ERR, "%s. Nothing is written", w->file.why);
		set_state(ledger, LEDGER_OFF, w->file.why);
	}
	return result == LEDGER_WRITTEN;
}

static void *
write_all(void *argument)
{
	struct ledger *ledger = argument;
	struct writer writer = {.ledger = ledger, .file.path = ledger->path};
	for (bool goes_on = true; goes_on;) {
		wait_for_entries(&writer);
		if (queued(ledger) == 0)
			break;
		if (writer.pause_ms == 0)
			wait_for_more(ledger,
				      LEDGER_BATCH - atomic_load(&ledger->taken) % LEDGER_BATCH,
				      ledger->options.flush_ms);
		goes_on = write_some(&writer);
	}
	ledger_file_close(&writer.file);
	if (atomic_exchange(&ledger->over, true))
		free_ledger(ledger);
	else
		signal_to(ledger->done);
	return NULL;
}

/* Signals are the loop's: the thread gets none. */
static bool
start_thread(struct ledger *ledger)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&ledger->thread, &attributes, write_all, ledger) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

/* --- The loop's side ------------------------------------------------------ */

struct ledger *
ledger_new(const struct ledger_options *options)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	if (ledger == NULL)
		return NULL;
	ledger->options = *options;
	if (options->flush_ms == 0)
		ledger->options.flush_ms = 5000;
	if (options->retry_ms == 0)
		ledger->options.retry_ms = 5000;
	if (options->idle_ms == 0)
		ledger->options.idle_ms = 60000;
	ledger->path = strdup(options->path);
	ledger->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ledger->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&ledger->lock, NULL);
	if (ledger->path != NULL && ledger->wake >= 0 && ledger->done >= 0)
		return ledger;
	ledger_close(ledger, 0);
	return NULL;
}

/* The place for one more entry; NULL: there is none. */
static struct ledger_entry *
place(struct ledger *ledger)
{
	uint64_t at = atomic_load(&ledger->put), taken = atomic_load(&ledger->taken);
	struct batch **batch = batch_of(ledger, at);
	if (at - taken == LEDGER_QUEUE_MAX || atomic_load(&ledger->state) == LEDGER_OFF)
		return NULL;
	if (at % LEDGER_BATCH == 0)
		*batch = malloc(sizeof **batch);
	return *batch == NULL ? NULL : &(*batch)->entries[at % LEDGER_BATCH];
}

/* Hands the entry over. The writer is woken for the first one, which begins its time, and for the
 * last of a batch. */
static void
hand_over(struct ledger *ledger)
{
	uint64_t at = atomic_load(&ledger->put);
	atomic_store(&ledger->put, at + 1);
	if (!ledger->has_thread)
		ledger->has_thread = start_thread(ledger);
	if (atomic_load(&ledger->taken) == at || (at + 1) % LEDGER_BATCH == 0)
		signal_to(ledger->wake);
}

bool
ledger_put(struct ledger *ledger, const struct ledger_row *row)
{
	struct ledger_entry *entry = place(ledger);
	if (entry == NULL) {
		atomic_fetch_add(&ledger->dropped, 1);
		return false;
	}
	entry->is_event = false;
	entry->row = *row;
	hand_over(ledger);
	return true;
}

bool
ledger_put_event(struct ledger *ledger, const struct ledger_event *event)
{
	struct ledger_entry *entry = place(ledger);
	if (entry == NULL) {
		atomic_fetch_add(&ledger->dropped, 1);
		return false;
	}
	entry->is_event = true;
	entry->event = *event;
	hand_over(ledger);
	return true;
}

void
ledger_tell(struct ledger *ledger, const char *kind, const char *provider, const char *text)
{
	struct ledger_event event = {.at_ms = clock_wall_ms()};
	if (ledger == NULL)
		return;
	snprintf(event.kind, sizeof event.kind, "%s", kind);
	snprintf(event.provider, sizeof event.provider, "%s", provider);
	snprintf(event.text, sizeof event.text, "%s", text);
	ledger_put_event(ledger, &event);
}

void
ledger_status(struct ledger *ledger, struct ledger_status *status)
{
	*status = (struct ledger_status){.state = (enum ledger_state)atomic_load(&ledger->state),
					 .written = atomic_load(&ledger->taken),
					 .dropped = atomic_load(&ledger->dropped),
					 .queued = queued(ledger)};
	if (status->state == LEDGER_OFF) { /* what is still queued will never be written */
		status->dropped += status->queued;
		status->queued = 0;
	}
	if (pthread_mutex_trylock(&ledger->lock) != 0)
		return;
	memcpy(status->why, ledger->why, sizeof status->why);
	pthread_mutex_unlock(&ledger->lock);
}

bool
ledger_notice(struct ledger *ledger, struct ledger_notice *notice)
{
	if (pthread_mutex_trylock(&ledger->lock) != 0)
		return false; /* the next call finds it */
	bool found = ledger->n_notices > 0;
	if (found) {
		*notice = ledger->notices[0];
		ledger->n_notices--;
		memmove(ledger->notices, ledger->notices + 1,
			ledger->n_notices * sizeof ledger->notices[0]);
	}
	pthread_mutex_unlock(&ledger->lock);
	return found;
}

/* Waits for the writer's end. False: it goes on alone, and frees the ledger at its end.
 * *left: what was not written until then. */
static bool
end_thread(struct ledger *ledger, int64_t wait_ms, uint64_t *left)
{
	pthread_t thread = ledger->thread;
	atomic_store(&ledger->closing, true);
	signal_to(ledger->wake);
	for (int64_t until_ms = clock_steady_ms() + wait_ms; !atomic_load(&ledger->over);) {
		int64_t left_ms = until_ms - clock_steady_ms();
		if (left_ms <= 0)
			break;
		wait_for(ledger->done, left_ms); /* or a signal ends it */
	}
	*left = queued(ledger);
	if (atomic_exchange(&ledger->over, true))
		return pthread_join(thread, NULL) == 0;
	pthread_detach(thread);
	return false;
}

uint64_t
ledger_close(struct ledger *ledger, int64_t wait_ms)
{
	if (ledger == NULL)
		return 0;
	uint64_t left = queued(ledger);
	if (ledger->has_thread && !end_thread(ledger, wait_ms, &left))
		return left;
	free_ledger(ledger);
	return left;
}
