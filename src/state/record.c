/* SPDX-License-Identifier: MIT */
#include "state/record.h"

#include "base/clock.h"

#include <string.h>

#define READ_TRIES 100000 /* each loses to a whole write; no writer is that frequent */

/* ---- Records -------------------------------------------------------------- */

void
state_words_out(const word *from, size_t bytes, void *to)
{
	for (size_t i = 0; i < bytes / 8; i++) {
		uint64_t value = word_get(&from[i]);
		memcpy((char *)to + 8 * i, &value, 8);
	}
}

void
state_words_in(word *to, size_t bytes, const void *from)
{
	for (size_t i = 0; i < bytes / 8; i++) {
		uint64_t value;
		memcpy(&value, (const char *)from + 8 * i, 8);
		word_set(&to[i], value);
	}
}

static word *
copy_of(word *record, size_t bytes, uint64_t generation)
{
	return record + 1 + (generation & 1) * (bytes / 8);
}

static word *
guard_of(word *record, size_t bytes)
{
	return record + 1 + 2 * (bytes / 8);
}

/* The caller holds the lock, so no other changes the generation; a writer killed before the last
 * line has changed nothing. */
void
state_record_write(word *record, size_t bytes, const void *from)
{
	uint64_t generation = word_get(record);
	atomic_thread_fence(memory_order_release);
	state_words_in(copy_of(record, bytes, generation + 1), bytes, from);
	atomic_store_explicit(record, generation + 1, memory_order_release);
}

bool
state_record_read(const word *from, size_t bytes, void *out, uint64_t *generation)
{
	word *record = (word *)from; /* only to share the arithmetic: nothing is written */
	for (int i = 0; i < READ_TRIES; i++) {
		*generation = atomic_load_explicit(record, memory_order_acquire);
		state_words_out(copy_of(record, bytes, *generation), bytes, out);
		atomic_thread_fence(memory_order_acquire);
		if (word_get(record) == *generation)
			return *generation != 0 && word_get(guard_of(record, bytes)) == STATE_GUARD;
	}
	return false;
}

void
state_record_make(word *record, size_t bytes)
{
	word_set(record, 2);
	word_set(guard_of(record, bytes), STATE_GUARD);
}

void
state_record_adopt(word *record, size_t bytes, const void *from, uint64_t generation)
{
	state_words_in(copy_of(record, bytes, generation), bytes, from);
	word_set(record, generation);
}

bool
state_record_is_whole(const word *from, size_t bytes)
{
	word *record = (word *)from; /* as above */
	return word_get(record) != 0 && word_get(guard_of(record, bytes)) == STATE_GUARD;
}

/* ---- Tables --------------------------------------------------------------- */

const struct state_table state_tables[STATE_TABLES] = {
    [HEALTHS] = {offsetof(struct state_image, health_index), offsetof(struct state_image, healths),
		 STATE_HEALTHS, sizeof(struct health), sizeof(struct health_key),
		 offsetof(struct health, used_ms)},
    [SESSIONS] = {offsetof(struct state_image, session_index),
		  offsetof(struct state_image, sessions), STATE_SESSIONS, sizeof(struct session),
		  sizeof(uint64_t), offsetof(struct session, used_ms)},
    [MODELS] = {offsetof(struct state_image, model_index), offsetof(struct state_image, models),
		STATE_MODELS, sizeof(struct model_memory), sizeof(uint64_t),
		offsetof(struct model_memory, used_ms)},
};

word *
state_table_index(const struct state_image *image, const struct state_table *table)
{
	return (word *)((char *)image + table->index_at);
}

word *
state_table_record(const struct state_image *image, const struct state_table *table, size_t i)
{
	return (word *)((char *)image + table->records_at) + i * (2 + 2 * (table->bytes / 8));
}

uint64_t
state_table_hash(const struct state_table *table, const void *key)
{
	uint64_t value, hash = 0;
	memcpy(&value, key, 8);
	if (table->key_bytes == 8)
		return value;
	for (size_t at = 0; at < table->key_bytes; at += 8) {
		memcpy(&value, (const char *)key + at, 8);
		hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash == 0 ? 1 : hash;
}

/* The key in the record decides: a reader may meet a place that is being reused. */
int
state_table_find(const struct state_image *image, const struct state_table *table, const void *key,
		 void *out)
{
	const word *index = state_table_index(image, table);
	uint64_t generation, hash = state_table_hash(table, key);
	for (size_t i = 0; hash != 0 && i < table->count; i++)
		if (word_get(&index[i]) == hash &&
		    state_record_read(state_table_record(image, table, i), table->bytes, out,
				      &generation) &&
		    memcmp(out, key, table->key_bytes) == 0)
			return (int)i;
	return -1;
}

static int64_t
used_ms(const struct state_table *table, const void *record)
{
	int64_t at_ms;
	memcpy(&at_ms, (const char *)record + table->used_at, sizeof at_ms);
	return at_ms;
}

static bool
is_evicted_before(const struct state_table *table, const union state_record *record,
		  const union state_record *other)
{
	if (table == &state_tables[HEALTHS])
		return health_is_evicted_before(&record->health, &other->health);
	return used_ms(table, record) < used_ms(table, other);
}

/* A free place, else that of the record that matters least; -1: all matter more than the new one,
 * whose last change is now. */
static int
table_place(const struct state_image *image, const struct state_table *table, const void *new)
{
	int place = -1;
	union state_record record, first;
	for (size_t i = 0; i < table->count; i++) {
		uint64_t generation;
		if (word_get(&state_table_index(image, table)[i]) == 0)
			return (int)i;
		if (!state_record_read(state_table_record(image, table, i), table->bytes, &record,
				       &generation))
			continue;
		if (place < 0 || is_evicted_before(table, &record, &first)) {
			first = record;
			place = (int)i;
		}
	}
	if (place >= 0 && table == &state_tables[HEALTHS] &&
	    !health_may_give_way(&first.health, new, used_ms(table, new)))
		return -1;
	return place;
}

/* The place is free while it is reused, so that a writer killed in between leaves no record whose
 * index word is another's. */
void
state_table_put(struct state_image *image, const struct state_table *table, int place,
		const void *record)
{
	if (place >= 0) {
		state_record_write(state_table_record(image, table, (size_t)place), table->bytes,
				   record);
		return;
	}
	int i = table_place(image, table, record);
	if (i < 0)
		return;
	word *index = &state_table_index(image, table)[i];
	word_set(index, 0);
	state_record_write(state_table_record(image, table, (size_t)i), table->bytes, record);
	atomic_store_explicit(index, state_table_hash(table, record), memory_order_release);
}

/* ---- Counters ------------------------------------------------------------- */

struct state_counters *
state_counters_find(const struct state_image *image, uint64_t provider)
{
	for (size_t i = 0; i < STATE_COUNTERS; i++)
		if (word_get(&image->counters[i].provider) == provider)
			return (struct state_counters *)&image->counters[i];
	return NULL;
}

/* A free slot was never used, so it is the one that was used least recently. */
struct state_counters *
state_counters_make(struct state_image *image, uint64_t provider)
{
	struct state_counters *counters = &image->counters[0];
	for (size_t i = 1; i < STATE_COUNTERS; i++)
		if (word_get(&image->counters[i].used_ms) < word_get(&counters->used_ms))
			counters = &image->counters[i];
	word_set(&counters->provider, 0);
	for (size_t i = 0; i < COUNTERS; i++)
		word_set(&counters->counts[i], 0);
	word_set(&counters->provider, provider);
	return counters;
}

void
state_counters_add(struct state_counters *counters, enum counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&counters->counts[counter], n, memory_order_relaxed);
	word_set(&counters->used_ms, (uint64_t)clock_wall_ms());
}
