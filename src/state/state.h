/* SPDX-License-Identifier: MIT */
/* The failover state: one file, mapped by every process of the responder, by
 * the checker and by the control program (BEHAVIOUR.md 8, PROOFS.md D).
 *
 * Readers never lock and never wait. A record has two copies and a generation word; a writer holds
 * an OFD lock, which the kernel releases when it dies, fills the copy that is not being read, and
 * then increases the generation. Counters are atomic words. A change that cannot get the lock at
 * once is queued and applied by state_tick().
 *
 * A struct state belongs to its caller. One thread for each process; any number of processes. Never
 * fork without exec while one is open: the child would keep the locks of a parent that was killed.
 * While one is open, SIGBUS is handled here; processes with a limit on file sizes must ignore
 * SIGXFSZ. */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/buf.h"
#include "base/digest.h"
#include "state/health.h"
#include "state/histogram.h"

#define STATE_VERSION      1
#define STATE_VERSION_TEXT 16 /* of a program's version, with its NUL */

/* One conversation, and the provider that serves it. */
struct session {
	uint64_t key;      /* state_name() of the session (and agent) id */
	uint64_t provider; /* provider.id */
	int64_t used_ms;
	uint32_t mended; /* messages in a row that we closed for a provider that died */
	/* Of several stored credentials, the one that serves it: session_credential(). 0: unknown,
	 * as in older files, which have zeros here on little-endian machines. */
	uint32_t credential;
};

/* An account's name (state_name()) cut to what a session has room for; never 0. */
static inline uint32_t
session_credential(uint64_t account)
{
	return (uint32_t)(account >> 32) | 1;
}

/* A fact that a response taught about a model at a provider: which of its names works, which form
 * of a request it needs. */
struct model_memory {
	uint64_t key;    /* route/learned.c */
	uint64_t value;  /* 0: as if nothing were remembered */
	int64_t used_ms; /* when it was learned */
};

/* The state of the router as a whole. */
struct summary {
	char manual[PROVIDER_NAME_MAX];  /* the provider that an operator chose; "": automatic */
	char current[PROVIDER_NAME_MAX]; /* served last, except side calls; "": none yet */
	uint64_t failover_count;
	int64_t last_failover_ms;
	int64_t last_check_ms;
	uint64_t check_failures; /* health checks in a row without a result */
};

/* What is counted for each provider and, as STATE_NOBODY, for requests that none served. Counters
 * only grow, until another provider takes the place of the least recently counted one. */
#define COUNTED_ENDINGS  4 /* route/record.c */
#define COUNTED_VERDICTS 6 /* enum verdict_kind, and retries */
#define COUNTED_TOKENS   5
enum counter {
	COUNT_REQUESTS, /* it was chosen for a request */
	COUNT_ATTEMPTS,
	COUNT_FAILURES,
	COUNT_VERDICTS,                                            /* attempts by verdict, */
	COUNT_PAUSES = COUNT_VERDICTS + COUNTED_VERDICTS,          /* pauses by enum pause_kind, */
	COUNT_ENDINGS = COUNT_PAUSES + PAUSE_BENCH + 1,            /* requests by how they ended, */
	COUNT_FIRST_BYTE = COUNT_ENDINGS + COUNTED_ENDINGS,        /* and two histograms, */
	COUNT_DURATION = COUNT_FIRST_BYTE + HISTOGRAM_BUCKETS + 1, /* each with its sum */
	COUNT_TOKENS = COUNT_DURATION + HISTOGRAM_BUCKETS + 1,     /* tokens by kind, */
	COUNT_COST = COUNT_TOKENS + COUNTED_TOKENS, /* nano-dollars that were billed, */
	COUNT_COST_UNKNOWN,                         /* billed attempts that are not in them, */
	COUNT_UNRECORDED,                           /* of nobody, what the ledger lost, */
	COUNT_BOUND_EXCEEDED, /* and attempts that cost more than was reserved for them, */
	COUNT_DRILLED,        /* and requests that a drill answered in its place */
	COUNTERS,
};
#define STATE_NOBODY UINT64_MAX /* not a provider.id */

/* One running responder, as it described itself at its last tick. */
struct process {
	uint64_t pid;
	int64_t started_ms;
	uint64_t streams;
	uint64_t config;                  /* reload_followed(); 0: never requested */
	char version[STATE_VERSION_TEXT]; /* of the program; cut to what fits */
};

/* A cap's sums, in nano-dollars. */
#define BUDGET_MAX INT64_C(0xffffffffffff) /* some 281 000 dollars */

enum budget_kind { BUDGET_DAY, BUDGET_MONTH, BUDGET_KINDS };

struct budget_key {
	uint64_t scope; /* a provider.id, or BUDGET_ALL */
	enum budget_kind kind;
	uint32_t period; /* its number: 1 to 65535, later ones are larger */
};
#define BUDGET_ALL UINT64_MAX /* not a provider.id */

struct budget {
	int64_t held;    /* spent, and reserved by requests that run; this decides */
	int64_t settled; /* spent */
	int64_t part;    /* of a cap that machines share: what this one has taken, */
	int64_t others;  /* what the others have spent, as the server said last, */
	int64_t wanted;  /* and the least bound that state_budget_lacks(); 0: none */
	uint32_t period; /* of all: the one asked for, or a later one */
};

/* What is known to be spent in one period of a scope. */
struct budget_start {
	uint32_t period;
	int64_t spent;
	bool anew; /* with just that, where a sum is of a period more than one ahead */
};

/* What that has changed. */
struct budget_begun {
	int64_t raised[BUDGET_KINDS]; /* by how much a sum */
	bool was_ahead; /* one was of a period to come, and has begun anew: then it is all of it */
};

/* What a machine has too small a part of a cap for. */
struct budget_want {
	struct budget_key key;
	int64_t cap, bound;
};

/* An amount that is reserved in one budget. */
struct budget_claim {
	struct budget_key key;
	uint64_t file;   /* the state file that it is in */
	uint64_t resets; /* how often its sum had begun anew */
	int64_t bound;
};

enum budget_result {
	BUDGET_GRANTED,
	BUDGET_USED,     /* the cap is spent */
	BUDGET_RESERVED, /* the cap is spent or reserved by requests that run */
	BUDGET_PART,     /* this machine's part of the cap is: it must be larger */
	BUDGET_FULL,     /* the file has STATE_SCOPES others */
	BUDGET_CLOSED,   /* no file that processes share, or it cannot be written */
};

/* How a drill answers in a provider's place: BEHAVIOUR.md 13. */
enum drill_kind {
	DRILL_LIMIT,   /* the plan's limit is reached */
	DRILL_BUSY,    /* it is overloaded */
	DRILL_DOWN,    /* no connection can be made */
	DRILL_REFUSED, /* the credential is rejected */
	DRILL_CUT,     /* a response that breaks off in the middle */
	DRILL_KINDS
};

#define DRILL_REQUESTS_MAX 20
#define DRILL_REST_MIN_MS  INT64_C(5000)
#define DRILL_REST_MAX_MS  INT64_C(600000)
#define DRILL_MAX_MS       INT64_C(3600000)

/* The drill that runs. */
struct drill {
	uint32_t id; /* random; 0: none runs */
	enum drill_kind kind;
	uint64_t provider; /* provider.id */
	uint64_t scope;    /* whose requests: a state_name(); 0: the next conversation's */
	unsigned requests; /* that it answers, 1 to DRILL_REQUESTS_MAX, */
	unsigned left;     /* and those it has not answered yet */
	int64_t rest_ms;   /* how long the provider then is paused for them */
	int64_t ends_ms;   /* whatever has happened */
	int64_t until_ms;  /* it is paused for them until then, and then probed; 0: it is not */
	/* For machines that share it (drill_join()). */
	int64_t pause_ms; /* the end of its latest pause, also of one that a probe has ended */
	uint32_t begun_s; /* when it began; of two, each is later than what was known there */
	bool has_ended;   /* before its time; nothing else is then known but id and begun_s */
};

enum drill_begun {
	DRILL_BEGUN,
	DRILL_RUNS,   /* another one does */
	DRILL_CLOSED, /* there is no file that processes share, or it is busy */
};

struct state;

/* Opens, and if need be creates, the file at path, mode 0640. What is damaged, truncated or foreign
 * is moved to path.bad-<seconds> with a log line and recreated; one of a newer version is left
 * alone and is an error. NULL and an error text (what, where, what to do) when there can be no
 * state: directory missing or read-only, disk full. Root gives a new file to the owner of its
 * directory. May wait up to 5 s for another process that is just creating the file. */
struct state *state_open(const char *path, struct buf *error);

/* The same, for a file with this secret key, DIGEST_KEY_SIZE bytes that many machines have in
 * common; NULL: any key. A new file gets it. One with another key, whose names mean nothing here,
 * is moved away when the state is opened; later, when the path leads to such a file, this process
 * keeps the one that it has, since programs with two keys would move away each other's for ever. */
struct state *state_open_keyed(const char *path, const uint8_t *key, struct buf *error);

/* Opens an existing file read-only: never creates, moves or writes one; all changes are ignored.
 * NULL and an error text if there is no sound one. */
struct state *state_open_readonly(const char *path, struct buf *error);

/* Writes the queue (for which it may wait 100 ms), unmaps and frees; NULL is fine. */
void state_close(struct state *state);

/* Call it once a second: applies the queue, checks whether the path still leads to the mapped file
 * (deleted, replaced, truncated: maps what is there, or recreates it from this process' last copy),
 * survives a SIGBUS from a truncation, and, if process is not NULL, keeps this process listed with
 * these facts, as alive until state_close() or its end, however that comes. Writes nothing when
 * nothing is queued and no fact is new: an idle machine keeps its disk asleep. Where no file can be
 * created it continues in memory and tries again at the next tick. A responder beyond
 * STATE_PROCESSES is not listed. */
void state_tick(struct state *state, const struct process *process);

/* Returns the path that it was opened at; valid until state_close(). */
const char *state_path(const struct state *state);

/* Returns the file's secret key, by which credentials and sessions are named in it: DIGEST_KEY_SIZE
 * bytes; valid until the next state_tick(). */
const uint8_t *state_key(const struct state *state);

/* Returns the name of a credential or a session in the file: a hash with that key; never 0. */
uint64_t state_name(const struct state *state, const char *secret);

/* Reads one record. False: nothing is known, and *out is all zeros with that key, which means
 * ready. */
bool state_health(const struct state *state, const struct health_key *key, struct health *out);

/* Applies a change to one record, which is created if new (the least recently used one gives way).
 * HEALTH_SAME also when it was queued; a LEASED that cannot get the lock at once is
 * HEALTH_REFUSED. */
enum health_outcome state_health_change(struct state *state, const struct health_key *key,
					const char *provider_name,
					const struct health_change *change);

/* The same; *passed becomes health_passed(), for one of all processes only, or 0 when the
 * change was queued. */
enum health_outcome state_health_note(struct state *state, const struct health_key *key,
				      const char *provider_name, const struct health_change *change,
				      unsigned *passed);

/* Makes those pauses and benches of a provider due that began before now_ms, when an operator asked
 * for that. False: it could not be written at once and is queued, or the state is read-only. */
bool state_retry(struct state *state, uint64_t provider, int64_t now_ms);

/* Copies up to max records of a provider (0: of all), in no order; returns how many. A record that
 * is replaced and returns meanwhile may be there twice. */
size_t state_healths(const struct state *state, uint64_t provider, struct health *out, size_t max);

/* Reads one session. False: unknown. */
bool state_session(const struct state *state, uint64_t key, struct session *out);

/* Records the provider that serves a conversation; the least recently used one gives way. A change
 * of used_ms alone is written once a minute. A key of 0 is ignored. */
void state_session_put(struct state *state, const struct session *session);

/* Returns what is remembered under a key, for STATE_MODEL_FOR_MS; 0: nothing. What was learned
 * first gives way. A key of 0 is ignored. */
uint64_t state_model(const struct state *state, uint64_t key, int64_t now_ms);
void state_model_put(struct state *state, uint64_t key, uint64_t value, int64_t now_ms);
#define STATE_MODEL_FOR_MS (INT64_C(24) * 3600 * 1000)

void state_summary(const struct state *state, struct summary *out);

/* Sets the provider that was chosen manually, "" for automatic. False: it could not be written at
 * once and is queued, or the state is read-only. */
bool state_switch(struct state *state, const char *provider_name);

/* The same as of at_ms: nothing, if a later choice is known. */
bool state_switch_at(struct state *state, const char *provider_name, int64_t at_ms);

/* When a provider, or automatic, was chosen last; 0: never, or before that was recorded. */
int64_t state_switched_ms(const struct state *state);

/* Records the provider that served; true if it was another one, or none, before (the caller reports
 * it once). Almost free when it is the same. */
bool state_served(struct state *state, const char *provider_name);

/* Counts a failover at now_ms. */
void state_failover(struct state *state, int64_t now_ms);

/* Records a health check and whether it had a result. */
void state_checked(struct state *state, int64_t now_ms, bool could_tell);

/* Only one health check at a time: takes its lock, which ends with state_check_unlock() or the
 * process. False: another holds it. */
bool state_check_lock(struct state *state);
void state_check_unlock(struct state *state);

/* Adds one, or n; a provider beyond STATE_COUNTERS takes the place of the least recently counted
 * one. Provider 0 is not counted. */
void state_count(struct state *state, uint64_t provider, enum counter counter);
void state_add(struct state *state, uint64_t provider, enum counter counter, uint64_t n);
uint64_t state_counted(const struct state *state, uint64_t provider, enum counter counter);

/* Copies all of a provider's counters, zeros if there are none. */
void state_counts(const struct state *state, uint64_t provider, uint64_t out[static COUNTERS]);

/* Copies up to max of the living responders, in no order; returns how many. One system call for
 * each, some 200 ns. */
size_t state_processes(const struct state *state, struct process *out, size_t max);

/* ---- Budgets ---------------------------------------------------------------- */

/* Begins a scope's budgets: before, nothing can be reserved in them. Then, and at any later time,
 * it makes their sums at least what is known to be spent, by kind. So it does not matter which
 * process is first. BUDGET_CLOSED also when the lock was not free. */
enum budget_result state_budget_begin(struct state *state, uint64_t scope,
				      const struct budget_start start[static BUDGET_KINDS],
				      struct budget_begun *begun);

/* Whether state_budget_begin() would begin it. */
bool state_budget_may_begin(const struct state *state, uint64_t scope);

/* Whether a sum of the scope and kind is of a period more than one ahead of the key's, by a clock
 * that was wrong. */
bool state_budget_is_ahead(const struct state *state, const struct budget_key *key);

/* Reserves bound, 0 to BUDGET_MAX, for a key's period if less than the cap is held there,
 * atomically among all processes: so they never exceed it by more than one bound. Fills *claim if
 * it is granted. BUDGET_CLOSED also when the scope has not begun. */
enum budget_result state_budget_reserve(struct state *state, const struct budget_key *key,
					int64_t cap, int64_t bound, struct budget_claim *claim);

/* The same for a cap that machines share, never above it: within the part that this one has taken;
 * else BUDGET_PART, if a larger part could help. */
enum budget_result state_budget_reserve_part(struct state *state, const struct budget_key *key,
					     int64_t cap, int64_t bound,
					     struct budget_claim *claim);

/* Ends a reservation: it has cost so much; 0 gives it all back. Without the file that it was made
 * in nothing is given back. */
void state_budget_settle(struct state *state, const struct budget_claim *claim, int64_t cost);

/* Whether what all machines have spent leaves less of a shared cap than the bound, until the period
 * ends: then the bound is remembered as wanted, if it is the least. A cap of 0 lacks nothing. */
bool state_budget_lacks(struct state *state, const struct budget_want *want);

/* Reads a budget; BUDGET_GRANTED, zeros if nothing is known, else why nothing can be reserved. */
enum budget_result state_budget(const struct state *state, const struct budget_key *key,
				struct budget *out);

/* Gives back what is reserved in a budget by processes that were killed: *amount, 0 or more. That
 * is known only while no living process holds a reservation in any budget; else BUDGET_RESERVED,
 * and nothing has changed. BUDGET_CLOSED as above, or the lock was not free. */
enum budget_result state_budget_release(struct state *state, const struct budget_key *key,
					int64_t *amount);

/* Whether no living process holds a reservation: then all that is reserved is a dead one's. */
bool state_budget_is_idle(const struct state *state);

/* Whether the caller is the first of all processes to see that percentage reached in the period. */
bool state_budget_notice(struct state *state, const struct budget_key *key, unsigned percent);

/* ---- The drill -------------------------------------------------------------- */

/* Reads the drill that runs; false: none does, and *out is zeros. It has ended when its time is
 * over, when a reload was requested since it began, and with the state file. Two words, without
 * one. */
bool state_drill(const struct state *state, int64_t now_ms, struct drill *out);

/* An id as it is shown, 8 hexadecimal digits; "" for 0. Returns text. */
#define DRILL_ID_SIZE sizeof("0123abcd")
const char *state_drill_name(uint32_t id, char text[static DRILL_ID_SIZE]);

/* Begins a drill, with an id of its own. *drill: the members to begin with, id, left and until_ms
 * are set; or the running one, for DRILL_RUNS. */
enum drill_begun state_drill_begin(struct state *state, int64_t now_ms, struct drill *drill);

/* Makes the drill, if it has no scope yet, that of the caller. False: it has another one by now. */
bool state_drill_bind(struct state *state, const struct drill *drill, uint64_t scope);

/* Takes one of the requests that are left; false: none is, or the drill has ended. All processes
 * together take no more than there were. */
bool state_drill_take(struct state *state, uint32_t id);

/* The provider is paused until then for those in scope. True: it was not before. */
bool state_drill_rest(struct state *state, uint32_t id, int64_t now_ms, int64_t until_ms);

/* A probe was served: the pause, which was over, ends, and the drill when no request is left. True
 * for one of all callers. */
bool state_drill_return(struct state *state, uint32_t id, int64_t now_ms);

/* Ends the drill; true for one of all callers. 0: whichever runs. */
bool state_drill_stop(struct state *state, uint32_t id);

/* Reads the drill that began last, also when it has ended. False: there is nothing that other
 * machines need know: it never was, or its time is over. */
bool state_drill_latest(const struct state *state, int64_t now_ms, struct drill *out);

/* Joins what another machine knows of a drill (drill_join()). True: one began here, or ended, by
 * that. Does nothing while the lock is not free. */
bool state_drill_merge(struct state *state, int64_t now_ms, const struct drill *other);

/* ---- Many machines: for the messenger, and who asks after it (state_share.c) --- */

/* Returns a number that changes with each change of a record. A word in memory. */
uint64_t state_changes(const struct state *state);

/* Copy up to max records, in no order; return how many. */
size_t state_sessions(const struct state *state, struct session *out, size_t max);
size_t state_models(const struct state *state, struct model_memory *out, size_t max);

/* Joins what another machine knows: health_merge(). HEALTH_SAME also when it was queued. */
enum health_outcome state_health_merge(struct state *state, const struct health *other);

/* The budgets of which this machine has taken a part; copies up to max, returns how many. */
size_t state_budget_parts(const struct state *state, struct budget_key *keys, size_t max);

/* Sets a part, as the server has granted it, and what the others have spent; and gives back what is
 * above keep and not held now: returns what is left. For who has the messenger's lock. */
void state_budget_part_set(struct state *state, const struct budget_key *key, int64_t part,
			   int64_t others);
int64_t state_budget_part_lower(struct state *state, const struct budget_key *key, int64_t keep);

/* Returns a random number, never 0, by which the server knows this state file among the machines';
 * 0: there are no random bytes. For who has the messenger's lock. */
uint64_t state_machine(struct state *state);

/* What the messenger tells of itself. Times are by this machine's wall clock. */
struct state_share {
	int64_t since_ms;  /* connected since; 0: it is not */
	int64_t silent_ms; /* it was connected, and hangs since then; 0: it does not hang */
	int64_t tried_ms;  /* when the connection was lost, or first tried; 0: it never was tried */
	int64_t delay_ms;  /* of the last answer of the server */
	unsigned machines; /* that share, this one included */
	int64_t clock_ms;  /* the server's clock before ours */
	uint64_t refused;  /* facts that were not made with our key, since it began */
};

/* Only one messenger of a machine at a time: takes its lock, for as long as the process lives.
 * False: another has it. */
bool state_share_lock(struct state *state);

/* For who has that lock, once a second: it tells that it is there, too. silent_ms is ignored. */
void state_share_put(struct state *state, const struct state_share *share);

/* Whether a messenger runs; *out: what it told last, or (then not connected) its predecessor. One
 * that is connected by its own word, but has not said for 5 s that it is there, is not: silent_ms.
 * One system call. */
bool state_share(const struct state *state, struct state_share *out);

/* Whether a messenger runs that is connected to the server, and so can be asked. */
bool state_share_is_connected(const struct state *state);

/* ---- Reloading -------------------------------------------------------------- */

/* Requests that every responder reloads its configuration. False: the state is read-only, or there
 * is no file by which they could see it. */
bool state_reload_request(struct state *state);

/* Returns a number that changes with each request to reload: a responder that saw another number is
 * asked. It may also change when another file replaces this one. */
uint64_t state_reload_asked(const struct state *state);

#endif
