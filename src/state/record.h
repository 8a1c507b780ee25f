/* SPDX-License-Identifier: MIT */
/* Records in the state file, their tables, and the counters: reading, writing and finding one, and
 * which gives way to a new one (PROOFS.md D, scheme 4).
 *
 * Owns nothing: works on an image that the caller has mapped or allocated. Readers need no lock and
 * never wait; a writer holds the write lock, or is the only one to know the image. Any thread of
 * any process. */
#ifndef STATE_RECORD_H
#define STATE_RECORD_H

#include "state/layout.h"

/* ---- Records: bytes is the size of one copy, whole words ------------------ */

/* Turns zeroed memory into a valid record of zeros. */
void state_record_make(word *record, size_t bytes);

/* Reads the valid copy and its generation. False: the record is blank (the file was truncated), or
 * 100 000 tries in a row met a writer. */
bool state_record_read(const word *record, size_t bytes, void *out, uint64_t *generation);

/* Under the lock. A writer that is killed in here has changed nothing. */
void state_record_write(word *record, size_t bytes, const void *from);

/* Sets a record that only we know to one that was read: its content and its generation. */
void state_record_adopt(word *record, size_t bytes, const void *from, uint64_t generation);

/* Neither blank nor truncated, as far as two words can show. */
bool state_record_is_whole(const word *record, size_t bytes);

/* Words to bytes and back, a word at a time. */
void state_words_out(const word *from, size_t bytes, void *to);
void state_words_in(word *to, size_t bytes, const void *from);

/* ---- Tables --------------------------------------------------------------- */

/* One kind of records, and where they are. */
struct state_table {
	uint32_t index_at, records_at, count;
	uint32_t bytes;     /* of one copy */
	uint32_t key_bytes; /* at its beginning */
	uint32_t used_at;   /* where its time of last use is */
};
enum { HEALTHS, SESSIONS, MODELS, STATE_TABLES };
extern const struct state_table state_tables[STATE_TABLES];

/* The largest copy of a record, aligned for all of them. */
union state_record {
	struct health health;
	struct session session;
	struct model_memory model;
	uint64_t words[sizeof(struct health) / 8];
};

/* Returns a table's index words, and its record i < count. Not const, so that readers and writers
 * share them: a reader must not write. */
word *state_table_index(const struct state_image *image, const struct state_table *table);
word *state_table_record(const struct state_image *image, const struct state_table *table,
			 size_t i);

/* Returns the index word of a key (or of a record, which begins with it); 0, which means free, only
 * for the key 0 of tables whose keys are hashes already. */
uint64_t state_table_hash(const struct state_table *table, const void *key);

/* Returns the place of the record with that key, copied to out (table->bytes; garbage if there is
 * none); -1: none. */
int state_table_find(const struct state_image *image, const struct state_table *table,
		     const void *key, void *out);

/* Under the lock. Writes a record to its place, or -1: to a free place, else to
 * that of the least recently used one; of healths, of the one that matters least
 * (health_is_evicted_before()), and nowhere if all matter more. A writer that is killed in here
 * leaves the old record, the new one, or a free place. */
void state_table_put(struct state_image *image, const struct state_table *table, int place,
		     const void *record);

/* ---- Counters ------------------------------------------------------------- */

/* Returns a provider's counters; NULL: none. 0 finds a free slot. */
struct state_counters *state_counters_find(const struct state_image *image, uint64_t provider);

/* Under the lock. Returns a slot that is free or was used least recently, zeroed, the provider's
 * from now on. */
struct state_counters *state_counters_make(struct state_image *image, uint64_t provider);

/* Adds; atomic, without the lock. */
void state_counters_add(struct state_counters *counters, enum counter counter, uint64_t n);

#endif
