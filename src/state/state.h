/* SPDX-License-Identifier: MIT */
/* The failover state: one file, mapped by every process of the responder, by
 * the checker and by the control program (BEHAVIOUR.md 8, PROOFS.md D).
 *
 * Readers never lock and never wait. A record has two copies and a generation
 * word; a writer holds an OFD lock, which the kernel frees when it dies, fills
 * the copy that nobody reads, and then moves the generation. Counters are
 * atomic words. A change that cannot have the lock at once is queued and
 * applied by state_tick().
 *
 * A struct state is its opener's. One thread a process; any number of
 * processes. Never fork without exec while one is open: the child would keep
 * the locks of a parent that was killed. While one is open, SIGBUS is handled
 * here; SIGXFSZ must be ignored by whoever may have a limit on file sizes. */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/buf.h"
#include "base/digest.h"
#include "state/health.h"
#include "state/histogram.h"

#define STATE_VERSION      1
#define STATE_VERSION_TEXT 16 /* of a program's version, with its end */

/* One conversation, and who serves it. */
struct session {
	uint64_t key;      /* digest64 of the session (and agent) id */
	uint64_t provider; /* provider.id */
	int64_t used_ms;
	uint64_t mended; /* messages in a row that we ended for a provider that died */
};

/* A small thing that an answer taught of a model at a provider: which of its names
 * works, what form of a request it wants. */
struct model_memory {
	uint64_t key;    /* route/candidates.h */
	uint64_t value;  /* 0: as if nothing was remembered */
	int64_t used_ms; /* when it was learned */
};

/* What is true of the router as a whole. */
struct summary {
	char manual[PROVIDER_NAME_MAX];  /* the provider an operator chose; "" : automatic */
	char current[PROVIDER_NAME_MAX]; /* who served last, side calls aside; "" : nobody yet */
	uint64_t failover_count;
	int64_t last_failover_ms;
	int64_t last_check_ms;
	uint64_t check_failures; /* checks in a row that could not tell */
};

/* What is counted of each provider, and, of STATE_NOBODY, for requests that none
 * answered. They only grow, until the provider has not been counted for so long
 * that another takes its place. */
#define COUNTED_ENDINGS  4 /* route/record.c */
#define COUNTED_VERDICTS 6 /* enum verdict_kind, and what was asked again */
enum counter {
	COUNT_REQUESTS, /* it was chosen to be asked */
	COUNT_ATTEMPTS,
	COUNT_FAILURES,
	COUNT_VERDICTS,                                   /* attempts by verdict, */
	COUNT_PAUSES = COUNT_VERDICTS + COUNTED_VERDICTS, /* rests that began by enum pause_kind, */
	COUNT_ENDINGS = COUNT_PAUSES + PAUSE_BENCH + 1,   /* requests by how they ended, */
	COUNT_FIRST_BYTE = COUNT_ENDINGS + COUNTED_ENDINGS,        /* and two histograms, */
	COUNT_DURATION = COUNT_FIRST_BYTE + HISTOGRAM_BUCKETS + 1, /* each with its sum */
	COUNTERS = COUNT_DURATION + HISTOGRAM_BUCKETS + 1,
};
#define STATE_NOBODY UINT64_MAX /* no provider.id */

/* One running responder, by its own word of its last tick. */
struct process {
	uint64_t pid;
	int64_t started_ms;
	uint64_t streams;
	uint64_t config;                  /* reload_followed(); 0: never asked to */
	char version[STATE_VERSION_TEXT]; /* of the program; cut to what fits */
};

struct state;

/* Opens, and if need be makes, the file at path, mode 0640. What is damaged,
 * cut or foreign is moved aside to path.bad-<seconds> with a log line and made
 * anew; a file of an older version is taken over; one of a newer version is
 * left alone and is an error. NULL and an error text (what, where, what to do)
 * when there can be no state: directory missing or read-only, disk full. Root
 * makes the file for the owner of its directory. May wait up to 5 s for another
 * process that is just making the file. */
struct state *state_open(const char *path, struct buf *error);

/* Opens an existing file for looking only: never makes, moves or writes one;
 * all changes are ignored. NULL and an error text if there is no sound one. */
struct state *state_open_readonly(const char *path, struct buf *error);

/* Writes what is queued (for which it may wait 100 ms), unmaps and frees; NULL is fine. */
void state_close(struct state *state);

/* Once a second: applies what was queued, looks whether the path still leads
 * to the mapped file (deleted, replaced, cut: maps what is there, or makes it
 * anew from this process' last copy), survives a SIGBUS that the cut caused,
 * and, if process is not NULL, keeps this process listed with these facts: as
 * one that lives until state_close() or its end, however that comes. Writes
 * nothing when nothing is queued and no fact is new: an idle box keeps its disk
 * asleep. Where no file can be made it goes on in memory and tries again at the
 * next tick. A responder beyond STATE_PROCESSES is not listed. */
void state_tick(struct state *state, const struct process *process);

/* The file's secret, by which credentials and sessions are named in it.
 * DIGEST_KEY_SIZE bytes; valid until the next state_tick(). */
const uint8_t *state_key(const struct state *state);

/* The name of a credential or a session in the file: a hash keyed with that
 * secret; never 0. */
uint64_t state_name(const struct state *state, const char *secret);

/* Reads one record. False: nothing is known, and *out is an all-zero health
 * with that key, which is a ready one. */
bool state_health(const struct state *state, const struct health_key *key, struct health *out);

/* Applies a change to one record, making it if it is new (the least recently
 * used one gives way). HEALTH_SAME also when it was queued; a LEASED that
 * cannot have the lock at once is HEALTH_REFUSED. */
enum health_outcome state_health_change(struct state *state, const struct health_key *key,
					const char *provider_name,
					const struct health_change *change);

/* Makes the rests and benches of a provider due that began before now_ms, when a person
 * asked for that. False: it could not be written at once and waits in the queue, or
 * the state is for looking only. */
bool state_retry(struct state *state, uint64_t provider, int64_t now_ms);

/* Copies up to max records of a provider (0: of all), in no order; returns how
 * many. A record that is pushed out and comes back meanwhile may be there twice. */
size_t state_healths(const struct state *state, uint64_t provider, struct health *out, size_t max);

/* False: unknown. */
bool state_session(const struct state *state, uint64_t key, struct session *out);

/* Notes who serves a conversation; the least recently used one gives way. What
 * only says that it is still used is written once a minute. A key of 0 is none. */
void state_session_put(struct state *state, const struct session *session);

/* What was remembered under a key, for STATE_MODEL_FOR_MS; 0 if nothing is. What was
 * learned first gives way. A key of 0 is none. */
uint64_t state_model(const struct state *state, uint64_t key, int64_t now_ms);
void state_model_put(struct state *state, uint64_t key, uint64_t value, int64_t now_ms);
#define STATE_MODEL_FOR_MS (INT64_C(24) * 3600 * 1000)

void state_summary(const struct state *state, struct summary *out);

/* Who was chosen by hand, "" for automatic. False: it could not be written at
 * once and waits in the queue, or the state is for looking only. */
bool state_switch(struct state *state, const char *provider_name);

/* Who served; true if it was somebody else, or nobody, before (the caller tells
 * it once).
 * Costs next to nothing when it is the same. */
bool state_served(struct state *state, const char *provider_name);

/* Counts a failover at a time. */
void state_failover(struct state *state, int64_t now_ms);

/* Notes a check and whether it could tell anything. */
void state_checked(struct state *state, int64_t now_ms, bool could_tell);

/* Only one check at a time: takes the check's lock, which ends with
 * state_check_unlock() or the process. False: somebody else has it. */
bool state_check_lock(struct state *state);
void state_check_unlock(struct state *state);

/* Counts one, or adds; a provider beyond STATE_COUNTERS takes the place of the
 * least recently counted one. 0 is not counted. */
void state_count(struct state *state, uint64_t provider, enum counter counter);
void state_add(struct state *state, uint64_t provider, enum counter counter, uint64_t n);
uint64_t state_counted(const struct state *state, uint64_t provider, enum counter counter);

/* All of a provider's counters, zeros if there are none. */
void state_counts(const struct state *state, uint64_t provider, uint64_t out[static COUNTERS]);

/* Copies up to max of the responders that live, in no order; returns how many.
 * Asks the kernel of each, some 200 ns. */
size_t state_processes(const struct state *state, struct process *out, size_t max);

/* ---- Reloading -------------------------------------------------------------- */

/* Asks every responder to read its configuration again. False: the state is for
 * looking only, or there is no file by which they could see it. */
bool state_reload_request(struct state *state);

/* A number that moves with each request: whoever saw another one before is asked.
 * It may move without a request when another file takes the place of this one. */
uint64_t state_reload_asked(const struct state *state);

#endif
