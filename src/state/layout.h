/* SPDX-License-Identifier: MIT */
/* The state file's layout, in one place, for every process of every build that maps it. Frozen
 * since 0.2.0: a change here is a new STATE_VERSION, which takes over files of older ones
 * (image.c). New counters come last, in the reserve, and change nothing.
 *
 * Words of 64 bits in the machine's byte order (the magic is a word, so a file from a machine of
 * the other order is foreign). After the file was created only atomic words are written: any thread
 * of any process may read them at any time. A writer holds the write lock; but counters are added
 * to, and a process updates its slot, whose own lock it holds, without it.
 *
 * The header's first 72 bytes keep their form in all versions to come, so that
 * every version can tell a newer file from a damaged one. */
#ifndef STATE_LAYOUT_H
#define STATE_LAYOUT_H

#include "state/state.h"

#include <stdatomic.h>

typedef _Atomic uint64_t word;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(word) == 8, "words must need no lock");

/* Relaxed; callers that need an order add fences. */
static inline uint64_t
word_get(const word *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static inline void
word_set(word *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_relaxed);
}

/* "CRstate1" in a hex dump of a little-endian machine. */
#define STATE_MAGIC UINT64_C(0x3165746174735243)
/* Not zero, which a file has where it was truncated and grew again. */
#define STATE_GUARD UINT64_C(0x6c6c65772073276c)

/* state/drill.h. Zeros, as in older files: none runs. */
struct state_drill {
	word head; /* its id, and in the lowest byte the requests that are left */
	word provider;
	word scope;
	word kind; /* and in the second byte the requests that it began with */
	word rest_ms;
	word ends_ms;
	word until;  /* a time; in the upper 16 bits the lowest of the id; between, state/drill.c */
	word reload; /* header.reload when it began */
	word begun;  /* drill_order() of the latest, also when it has ended; zero in older files */
};
_Static_assert(offsetof(struct state_drill, until) == 48, "layout");
_Static_assert(sizeof(struct state_drill) == 72, "layout");

/* What the messenger tells of itself: struct state_share. */
struct state_share_words {
	word since_ms;
	word tried_ms;
	word delay_ms;
	word machines;
	word clock_ms; /* signed */
	word refused;
	word beat_ms; /* when it last said that it is there, by the steady clock; 0: unknown */
};
_Static_assert(sizeof(struct state_share_words) == 56, "layout");

struct state_header {
	word magic;
	uint32_t version;
	uint32_t size;
	uint64_t layout; /* a hash of it: builds that differ in it share no file */
	uint8_t key[DIGEST_KEY_SIZE];
	int64_t created_ms;
	uint64_t checksum; /* of all before it */
	word changes;      /* increases after every change, for those who keep a copy */
	word reload;       /* increases when a reload is requested */
	struct state_drill drill;
	/* Zeros in older files. */
	word switched_ms; /* when an operator chose a provider last, or automatic */
	struct state_share_words share;
	word machine; /* random, as the server knows it */
	uint64_t reserve[3];
};
_Static_assert(offsetof(struct state_header, version) == 8, "layout");
_Static_assert(offsetof(struct state_header, size) == 12, "layout");
_Static_assert(offsetof(struct state_header, layout) == 16, "layout");
_Static_assert(offsetof(struct state_header, key) == 24, "layout");
_Static_assert(offsetof(struct state_header, created_ms) == 56, "layout");
_Static_assert(offsetof(struct state_header, checksum) == 64, "layout");
_Static_assert(offsetof(struct state_header, changes) == 72, "layout");
_Static_assert(offsetof(struct state_header, reload) == 80, "layout");
_Static_assert(offsetof(struct state_header, drill) == 88, "layout");
_Static_assert(offsetof(struct state_header, switched_ms) == 160, "layout");
_Static_assert(offsetof(struct state_header, share) == 168, "layout");
_Static_assert(sizeof(struct state_header) == 256, "layout");

struct state_counters {
	word provider; /* 0: free */
	word used_ms;
	word counts[COUNTERS];
	word reserve[62 - COUNTERS];
};
_Static_assert(offsetof(struct state_counters, used_ms) == 8, "layout");
_Static_assert(offsetof(struct state_counters, counts) == 16, "layout");
_Static_assert(sizeof(struct state_counters) == 512, "layout");

/* The process that holds the lock of its byte lives; the data of a dead one stays until the slot is
 * reused. */
struct state_process {
	word owner; /* a random number: pids repeat, and differ between containers; 0: none */
	word pid;
	word started_ms;
	word streams;
	word config;
	word version[STATE_VERSION_TEXT / 8];
	word claims; /* made by it in budgets: a count in the upper half, and those that are open */
};
_Static_assert(offsetof(struct state_process, pid) == 8, "layout");
_Static_assert(offsetof(struct state_process, started_ms) == 16, "layout");
_Static_assert(offsetof(struct state_process, streams) == 24, "layout");
_Static_assert(offsetof(struct state_process, config) == 32, "layout");
_Static_assert(offsetof(struct state_process, version) == 40, "layout");
_Static_assert(sizeof(struct state_process) == 64, "layout");

/* A record: its generation, never 0; two copies, of which the generation's lowest bit selects the
 * valid one; a guard. */
#define STATE_RECORD_WORDS(type) (1 + 2 * sizeof(type) / 8 + 1)
_Static_assert(sizeof(struct health) % 8 == 0, "whole words");
_Static_assert(sizeof(struct session) == 32, "layout");
_Static_assert(offsetof(struct session, used_ms) == 16, "layout");
_Static_assert(offsetof(struct session, mended) == 24, "layout");
_Static_assert(offsetof(struct session, credential) == 28, "layout"); /* half of a former word */
_Static_assert(sizeof(struct model_memory) == 24, "layout");
_Static_assert(offsetof(struct model_memory, used_ms) == 16, "layout");
_Static_assert(sizeof(struct summary) == 96, "layout");
_Static_assert(offsetof(struct summary, current) == 32, "layout");
_Static_assert(offsetof(struct summary, failover_count) == 64, "layout");
_Static_assert(offsetof(struct summary, last_failover_ms) == 72, "layout");
_Static_assert(offsetof(struct summary, last_check_ms) == 80, "layout");
_Static_assert(offsetof(struct summary, check_failures) == 88, "layout");

/* state/budget.h */
struct state_budget {
	word scope; /* in the first place of a scope; 0: free */
	word held;  /* spent and reserved; this and those that follow hold a period, too */
	word settled;
	word noticed; /* the percentage of the cap that was reported */
	word part;    /* of a cap that machines share; and what struct budget says of the next */
	word others;
	word wanted;
	word resets; /* how often it began anew, with no period; 0 in older files */
};
_Static_assert(offsetof(struct state_budget, held) == 8, "layout");
_Static_assert(offsetof(struct state_budget, settled) == 16, "layout");
_Static_assert(offsetof(struct state_budget, noticed) == 24, "layout");
_Static_assert(offsetof(struct state_budget, part) == 32, "layout");
_Static_assert(offsetof(struct state_budget, others) == 40, "layout");
_Static_assert(offsetof(struct state_budget, wanted) == 48, "layout");
_Static_assert(offsetof(struct state_budget, resets) == 56, "layout");
_Static_assert(sizeof(struct state_budget) == 64, "layout");

struct state_image {
	struct state_header header;
	word health_index[STATE_HEALTHS]; /* a hash of the record's key; 0: free */
	word session_index[STATE_SESSIONS];
	word model_index[STATE_MODELS];
	struct state_counters counters[STATE_COUNTERS];
	struct state_process processes[STATE_PROCESSES];
	struct state_budget budgets[STATE_SCOPES][4]; /* zeros in older files */
	word summary[STATE_RECORD_WORDS(struct summary)];
	word healths[STATE_HEALTHS][STATE_RECORD_WORDS(struct health)];
	word sessions[STATE_SESSIONS][STATE_RECORD_WORDS(struct session)];
	word models[STATE_MODELS][STATE_RECORD_WORDS(struct model_memory)];
	uint64_t reserve[5];
	word guard; /* the last word: zero after any truncation, even if the file grew again */
};
_Static_assert(offsetof(struct state_image, health_index) == 256, "layout");
_Static_assert(offsetof(struct state_image, session_index) == 1792, "layout");
_Static_assert(offsetof(struct state_image, model_index) == 5888, "layout");
_Static_assert(offsetof(struct state_image, counters) == 6912, "layout");
_Static_assert(offsetof(struct state_image, processes) == 19200, "layout");
_Static_assert(offsetof(struct state_image, budgets) == 23296, "layout");
_Static_assert(offsetof(struct state_image, summary) == 39680, "layout");
_Static_assert(offsetof(struct state_image, healths) == 39888, "layout");
_Static_assert(offsetof(struct state_image, sessions) == 196560, "layout");
_Static_assert(offsetof(struct state_image, models) == 237520, "layout");
_Static_assert(offsetof(struct state_image, reserve) == 245712, "layout");
_Static_assert(offsetof(struct state_image, guard) == 245752, "layout");
_Static_assert(sizeof(struct state_image) == 60 * 4096, "layout");

/* Bytes of the file that are locked (OFD): one for writing, one for the health check, one for each
 * process slot, as long as its process lives, and one for the messenger. The content of those bytes
 * does not matter. */
enum {
	STATE_WRITE_BYTE,
	STATE_CHECK_BYTE,
	STATE_PROCESS_BYTES,
	STATE_SHARE_BYTE = STATE_PROCESS_BYTES + STATE_PROCESSES
};

#endif
