/* SPDX-License-Identifier: MIT */
/* The ledger: what each attempt used and cost, in a SQLite file that all processes write.
 *
 * The loop copies a row into a bounded queue and goes on; a thread of the ledger's own writes the
 * queue into the file, so a slow, full or absent disk never delays a request. A row holds names,
 * numbers and keyed hashes: never a body, a prompt, a credential or an address.
 *
 * A struct ledger belongs to one thread, the loop's, and all functions that take one are that
 * thread's. Only the ledger's thread uses its SQLite connection, and this process may open and
 * close the file only through SQLite: closing it would drop SQLite's POSIX locks.
 * These are on its own files only; the state file's OFD locks are others, on another file. While
 * the file is open, fork only to execute another program. */
#ifndef MONEY_LEDGER_H
#define MONEY_LEDGER_H

#include "base/buf.h"
#include "base/caps.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- What is written ------------------------------------------------------ */

#define LEDGER_WORD_MAX 24  /* bytes of a short text, with its NUL */
#define LEDGER_ID_MAX   40  /* of a request's id */
#define LEDGER_TEXT_MAX 256 /* of an event's text */

enum ledger_kind { LEDGER_MESSAGE, LEDGER_TITLE, LEDGER_QUOTA };

/* One attempt that may have been billed, or (without a provider) a request that no provider
 * took. Texts end in a NUL and are "" when they are not known. */
struct ledger_row {
	int64_t at_ms; /* wall clock, when the attempt began: its day, in local time, counts */
	char id[LEDGER_ID_MAX]; /* of the request */
	int attempt;            /* from 1 on */
	char client[KEY_NAME_MAX];
	uint64_t session; /* a keyed hash; 0: none */
	char provider[PROVIDER_NAME_MAX];
	char credential[LEDGER_WORD_MAX]; /* a label of tokens.txt, or "own" */
	enum ledger_kind kind;
	char asked[MODEL_NAME_MAX];
	char served[MODEL_NAME_MAX]; /* the model whose price counts: struct cost */
	int status;                  /* HTTP; 0: no head came */
	char ending[LEDGER_WORD_MAX];
	bool error;            /* counted as one in reports */
	int64_t first_byte_ms; /* -1: there was none */
	int64_t ms;
	int64_t input, cache_read, cache_5m, cache_1h, output, searches; /* -1: not reported */
	char speed[LEDGER_WORD_MAX];
	bool estimated;
	bool is_mixed; /* further models took part: its cost is not that of served alone */
	int64_t cost;  /* nano-dollars; -1: the price is not known */
	bool billed;   /* to the operator; else a plan, or the client's own key */
	char price[LEDGER_WORD_MAX]; /* the date of the price that was used */
};

#define LEDGER_ROW_EMPTY                                                                           \
	((struct ledger_row){.first_byte_ms = -1,                                                  \
			     .input = -1,                                                          \
			     .cache_read = -1,                                                     \
			     .cache_5m = -1,                                                       \
			     .cache_1h = -1,                                                       \
			     .output = -1,                                                         \
			     .searches = -1,                                                       \
			     .cost = -1})

/* Something that an operator wants to find later. */
struct ledger_event {
	int64_t at_ms;
	char kind[LEDGER_WORD_MAX]; /* left, returned, paid, serving, near, cap, spared, switch */
	char provider[PROVIDER_NAME_MAX];
	char text[LEDGER_TEXT_MAX]; /* a sentence of ours */
};

/* --- Writing -------------------------------------------------------------- */

struct ledger;

/* Times in ms; 0: the default. */
struct ledger_options {
	const char *path; /* copied; its directory must exist */
	int64_t flush_ms; /* a row waits so long for others: 5 s */
	int64_t
	    retry_ms; /* the first pause after a failure, which doubles up to 12 times this: 5 s */
	int64_t idle_ms; /* the file is closed after so long without a row: 60 s */
};

/* Opens nothing yet: the thread and the file come with the first row. NULL: out of memory or
 * descriptors. */
struct ledger *ledger_new(const struct ledger_options *options);

/* Queue a copy; never wait. False: the queue is full (LEDGER_QUEUE_MAX entries), out of memory, or
 * the ledger is off; then the row is dropped, and counted in the status. */
bool ledger_put(struct ledger *ledger, const struct ledger_row *row);
bool ledger_put_event(struct ledger *ledger, const struct ledger_event *event);

/* The same of an event that happens now, of which texts that are too long are cut; without a ledger
 * nothing happens. */
void ledger_tell(struct ledger *ledger, const char *kind, const char *provider, const char *text);

enum ledger_state {
	LEDGER_CLOSED,  /* nothing to write */
	LEDGER_OPEN,    /* all is well */
	LEDGER_FAILING, /* kept and tried again; rows are dropped once the queue is full */
	LEDGER_OFF,     /* for good: the file is a newer version's, or another program's */
};

struct ledger_status {
	enum ledger_state state;
	char why[ERROR_TEXT_MAX]; /* failing or off: what is wrong, and what to do */
	uint64_t written;         /* rows and events, by this process */
	uint64_t dropped;
	uint64_t queued; /* and not yet written */
};

/* Never waits: the sentence may be "" for a moment while it changes. */
void ledger_status(struct ledger *ledger, struct ledger_status *status);

/* The next line for the log, since base/log.h is one thread's: call it about once a second until
 * it returns false. Of a failure there are two, one when it begins and one when it is over. */
struct ledger_notice {
	int level; /* as syslog(3) */
	char text[ERROR_TEXT_MAX];
};
bool ledger_notice(struct ledger *ledger, struct ledger_notice *notice);

/* Writes what is queued and ends the ledger, which is freed. Waits for that for at most wait_ms: at
 * the end of a process 2 s are enough for a disk that works. What is not done by then the thread
 * does on its own, while the process lasts; so 0 is for a loop that goes on, with another ledger.
 * Returns how many rows and events were not written, or (after wait_ms) not yet. NULL is fine. */
uint64_t ledger_close(struct ledger *ledger, int64_t wait_ms);

/* --- Keeping -------------------------------------------------------------- */

struct ledger_pruned {
	int64_t rows, events;
	bool finished; /* nothing older is left; else the time was over */
};

/* Deletes rows and events older than keep_ms, LEDGER_PRUNE_MAX in a transaction, for at most
 * for_ms; the sums of each day stay. Blocks: for a program that runs beside the router. No file is
 * nothing to delete. False: errors says why, and pruned what was done until then. */
bool ledger_prune(const char *path, int64_t keep_ms, int64_t for_ms, struct ledger_pruned *pruned,
		  struct buf *error);

/* --- Reading -------------------------------------------------------------- */

/* Reports read the file by a connection of their own, read-only; they return an object that is
 * the caller's to json_object_put(), or NULL and an error. They take some ms, LEDGER_REPORT_MS at
 * most, then they are an error. No file is an empty report. Any thread. */

enum ledger_by {
	LEDGER_BY_MODEL,
	LEDGER_BY_PROVIDER,
	LEDGER_BY_CLIENT,
	LEDGER_BY_DAY,
	LEDGER_BY_DAY_AND_PROVIDER, /* rows have both members */
};

#define LEDGER_BY_CHOICES "model, provider, client or day, or both as day,provider"

/* Whether the text is one of the choices. */
bool ledger_by_read(const char *text, enum ledger_by *by);

#define LEDGER_DAYS 7 /* of a report, where nobody says how many */

/* What was used since the day before today by days - 1, of 1 to LEDGER_DAYS_MAX days:
 *
 *     {"days": 7, "since": 20261124, "by": "model", "cut": false,
 *      "rows": [{"model": "…", "requests": 2, "errors": 0, "input": 10, "cache_read": 0,
 *                "cache_5m": 0, "cache_1h": 0, "output": 5, "searches": 0,
 *                "spent": 1200, "spent_unknown": 0, "worth": 0, "worth_unknown": 0}, …],
 *      "total": {… the same without a name …}}
 *
 * Money is in nano-dollars: spent is what was billed to the operator, worth what the rest would
 * have cost; the _unknown are the requests that are in neither for want of a price. The
 * largest first (days: in order), LEDGER_REPORT_MAX rows at most; cut says whether there were
 * more. total counts them all. */
json_object *ledger_usage(const char *path, int64_t now_ms, int days, enum ledger_by by,
			  struct buf *error);

/* What was billed to the operator in this month and today, in nano-dollars, as far as it is known
 * and written: calls each for every pair of a provider and a client. No file is nothing. False, and
 * an error: it may have been called for some. */
typedef void ledger_spent_fn(void *arg, const char *provider, const char *client, int64_t today,
			     int64_t month);
bool ledger_spent(const char *path, int64_t now_ms, ledger_spent_fn *each, void *arg,
		  struct buf *error);

/* Appends the newest events after that id, oldest first, limit (1 to LEDGER_REPORT_MAX) at most, to
 * out, as text: a tree of a thousand would hold up whoever answers meanwhile. False: out is full or
 * out of memory; or, with the reason in error, they cannot be read.
 * {"events":[{"id":3,"at":"2026-11-27T…Z","kind":"left","provider":"…","text":"…"}]} */
bool ledger_events(const char *path, int64_t after, int limit, struct buf *out, struct buf *error);

/* --- Where, and which day ------------------------------------------------- */

/* The path that the setting ledger means: "auto" is usage.db beside the state file. NULL: "off",
 * or there can be none: it is longer than PATH_MAX, or the state file itself. */
const char *ledger_path(const char *setting, const char *state_file, char path[static PATH_MAX]);

/* The day of a time in local time, as 20261127. Thread-safe. */
int64_t ledger_day(int64_t at_ms);

#endif
