/* SPDX-License-Identifier: MIT */
#include "state/image.h"

#include "base/clock.h"
#include "state/budget.h"
#include "state/record.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- Checking ------------------------------------------------ */

static uint64_t
fnv(uint64_t hash, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
	return hash;
}
#define FNV_START UINT64_C(14695981039346656037)

static uint64_t
layout_hash(void)
{
	static const uint64_t facts[] = {
	    sizeof(struct state_image),
	    offsetof(struct state_image, counters),
	    offsetof(struct state_image, processes),
	    offsetof(struct state_image, summary),
	    sizeof(struct state_counters),
	    sizeof(struct state_process),
	    offsetof(struct state_process, started_ms),
	    offsetof(struct state_process, version),
	    sizeof(struct summary),
	    COUNT_VERDICTS,
	    COUNT_PAUSES,
	    COUNT_ENDINGS,
	    COUNT_FIRST_BYTE,
	    COUNT_DURATION, /* more may follow, in the reserve */
	    offsetof(struct health, pause),
	    offsetof(struct health, windows),
	    offsetof(struct health, error),
	    sizeof(struct health_window),
	};
	uint64_t hash = fnv(FNV_START, facts, sizeof facts);
	for (size_t t = 0; t < STATE_TABLES; t++)
		hash = fnv(hash, &state_tables[t], sizeof state_tables[t]);
	return hash;
}

static uint64_t
header_checksum(const struct state_header *header)
{
	return fnv(FNV_START, header, offsetof(struct state_header, checksum));
}

/* A blanked page, or a file that was truncated and grew again, lacks a guard. */
static bool
are_guards_whole(const struct state_image *image)
{
	if (word_get(&image->guard) != STATE_GUARD ||
	    !state_record_is_whole(image->summary, sizeof(struct summary)))
		return false;
	for (size_t t = 0; t < STATE_TABLES; t++)
		for (size_t i = 0; i < state_tables[t].count; i++)
			if (!state_record_is_whole(state_table_record(image, &state_tables[t], i),
						   state_tables[t].bytes))
				return false;
	return true;
}

enum state_soundness
state_image_judge(const struct state_image *image, size_t n, const char **why)
{
	const struct state_header *header = &image->header;
	*why = "cut short";
	if (n < sizeof *header)
		return STATE_DAMAGED;
	*why = "not a state file";
	if (word_get(&header->magic) != STATE_MAGIC)
		return STATE_DAMAGED;
	*why = "damaged in its header";
	if (header_checksum(header) != header->checksum)
		return STATE_DAMAGED;
	*why = "of a newer version";
	if (header->version > STATE_VERSION)
		return STATE_NEWER;
	/* Version 1 is the first; a later one is to convert it here. */
	*why = "of another layout";
	if (header->version != STATE_VERSION || header->layout != layout_hash() ||
	    header->size != sizeof *image)
		return STATE_DAMAGED;
	*why = n < sizeof *image ? "cut short" : "too long";
	if (n != sizeof *image)
		return STATE_DAMAGED;
	*why = "partly blank";
	return are_guards_whole(image) ? STATE_SOUND : STATE_DAMAGED;
}

bool
state_image_is_whole(const struct state_image *image)
{
	return word_get(&image->header.magic) == STATE_MAGIC &&
	       word_get(&image->guard) == STATE_GUARD;
}

void
state_image_make(struct state_image *image)
{
	struct state_header *header = &image->header;
	state_record_make(image->summary, sizeof(struct summary));
	for (size_t t = 0; t < STATE_TABLES; t++)
		for (size_t i = 0; i < state_tables[t].count; i++)
			state_record_make(state_table_record(image, &state_tables[t], i),
					  state_tables[t].bytes);
	word_set(&image->guard, STATE_GUARD);
	word_set(&header->magic, STATE_MAGIC);
	header->version = STATE_VERSION;
	header->size = sizeof *image;
	header->layout = layout_hash();
	header->created_ms = clock_wall_ms();
	header->checksum = header_checksum(header);
}

bool
state_image_make_key(struct state_image *image, const uint8_t *key)
{
	struct state_header *header = &image->header;
	if (key != NULL)
		memcpy(header->key, key, sizeof header->key);
	else if (getrandom(header->key, sizeof header->key, 0) != sizeof header->key)
		return false;
	header->checksum = header_checksum(header);
	return true;
}

void
state_image_free(struct state_image *image)
{
	if (image != NULL)
		explicit_bzero(image->header.key, sizeof image->header.key);
	free(image);
}

/* ---- A copy --------------------------------------------------------------- */

/* Copies one record, if it has changed or is_all. False: the image was truncated meanwhile. */
static bool
keep_record(struct state_image *copy, const struct state_image *image,
	    const struct state_table *table, size_t i, bool is_all)
{
	union state_record record;
	uint64_t generation;
	const word *from = state_table_record(image, table, i);
	word *to = state_table_record(copy, table, i);
	bool is_used = word_get(&state_table_index(image, table)[i]) != 0;
	bool is_read = (is_all || word_get(from) != word_get(to)) &&
		       state_record_read(from, table->bytes, &record, &generation);
	if (!state_image_is_whole(image))
		return false;
	if (is_read)
		state_record_adopt(to, table->bytes, &record, generation);
	/* The index is computed from the record, so they always agree. */
	is_used = is_used && state_record_read(to, table->bytes, &record, &generation);
	word_set(&state_table_index(copy, table)[i],
		 is_used ? state_table_hash(table, &record) : 0);
	return true;
}

static bool
keep_counters(struct state_image *copy, const struct state_image *image)
{
	uint64_t counters[sizeof image->counters / 8];
	state_words_out(&image->counters[0].provider, sizeof counters, counters);
	if (!state_image_is_whole(image))
		return false;
	state_words_in(&copy->counters[0].provider, sizeof counters, counters);
	return true;
}

static bool
keep_summary(struct state_image *copy, const struct state_image *image)
{
	struct summary summary;
	uint64_t generation;
	bool is_read = state_record_read(image->summary, sizeof summary, &summary, &generation);
	if (!state_image_is_whole(image))
		return false;
	if (is_read)
		state_record_adopt(copy->summary, sizeof summary, &summary, generation);
	return true;
}

/* Copies the header with the key, without a drill and a messenger, which end with their file.
 * *is_other: the image is of another file. */
static bool
keep_header(struct state_image *copy, const struct state_image *image, bool *is_other)
{
	struct state_header header;
	memcpy(&header, &image->header, sizeof header);
	if (!state_image_is_whole(image) || header_checksum(&header) != header.checksum)
		return false;
	*is_other = header.checksum != copy->header.checksum;
	memset(&header.drill, 0, sizeof header.drill);
	memset(&header.share, 0, sizeof header.share);
	memcpy(&copy->header, &header, sizeof header);
	return true;
}

bool
state_image_keep(struct state_image *copy, const struct state_image *image, uint64_t *kept)
{
	bool is_other;
	uint64_t changes = atomic_load_explicit(&image->header.changes, memory_order_acquire);
	if (!keep_header(copy, image, &is_other) || !keep_counters(copy, image) ||
	    !budget_keep(copy, image))
		return false;
	bool is_all = is_other || *kept == 0;
	if (!is_all && changes == *kept)
		return true;
	if (!keep_summary(copy, image))
		return false;
	for (size_t t = 0; t < STATE_TABLES; t++)
		for (size_t i = 0; i < state_tables[t].count; i++)
			if (!keep_record(copy, image, &state_tables[t], i, is_all))
				return false;
	*kept = changes;
	return true;
}
