/* SPDX-License-Identifier: MIT */
/* What one machine tells the others: a record of the state file as a line of text, with a hash by
 * the machines' common key, so that who can write to the server can invent nothing.
 *
 * A fact names accounts, people and conversations by keyed hashes alone, and holds neither a
 * credential nor anything that was said. Its times are by the server's clock. Pure;
 * thread-safe. */
#ifndef SHARE_FACT_H
#define SHARE_FACT_H

#include "base/buf.h"
#include "state/state.h"

#define FACT_SIZE_MAX   2048
#define FACT_FIELD_SIZE 49 /* three words as hexadecimal, with a NUL */

enum fact_kind {
	FACT_HEALTH,
	FACT_SESSION,
	FACT_MODEL,
	FACT_SWITCH,
	FACT_DRILL,
	FACT_BEAT, /* a machine is there; the only one that nobody keeps */
	FACT_KINDS
};

struct fact {
	enum fact_kind kind;
	union {
		struct health health; /* without its lease, and what is only told */
		struct session session;
		struct model_memory model;
		struct {
			char provider[PROVIDER_NAME_MAX]; /* "": automatic */
			int64_t at_ms;
		} choice;           /* of an operator */
		struct drill drill; /* the latest */
		struct {
			uint64_t machine; /* random */
			int64_t at_ms;
		} beat;
	};
};

enum fact_result {
	FACT_FINE,
	FACT_FORGED,  /* not by who has the key */
	FACT_FOREIGN, /* of a version or a kind that this program does not know, or damaged */
};

/* Appends the text of a fact; ahead_ms: the server's clock before ours. False: out of memory. */
bool fact_write(const struct fact *fact, const uint8_t key[static DIGEST_KEY_SIZE],
		int64_t ahead_ms, struct buf *out);

/* Reads n bytes, whatever they are; *fact is set only for FACT_FINE. FACT_FOREIGN also when out of
 * memory. */
enum fact_result fact_read(const char *text, size_t n, const uint8_t key[static DIGEST_KEY_SIZE],
			   int64_t ahead_ms, struct fact *fact);

/* Returns the name of what it is about, unique within its kind. */
const char *fact_field(const struct fact *fact, char field[static FACT_FIELD_SIZE]);

/* Returns the name of a kind, "health". */
const char *fact_kind_name(enum fact_kind kind);

#endif
