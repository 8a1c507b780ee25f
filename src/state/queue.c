/* SPDX-License-Identifier: MIT */
#include "state/queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "state/record.h"

#include <string.h>
#include <time.h>

#define FLUSH_FOR_MS 100

/* ---- Applying a change: the caller has the lock -------------------------- */

static int
apply_health(struct state_image *image, const struct state_change *change)
{
	struct health health, before;
	int place = state_table_find(image, &state_tables[HEALTHS], &change->health.key, &health);
	if (place < 0)
		health = (struct health){.key = change->health.key};
	before = health;
	enum health_outcome outcome = health_apply(&health, &change->health.change);
	int result =
	    STATE_HEALTH_RESULT(outcome, health_passed(&before, &health, &change->health.change));
	if (memcmp(&health, &before, sizeof health) == 0)
		return result;
	if (change->health.name[0] != '\0')
		memcpy(health.provider_name, change->health.name, sizeof health.provider_name);
	state_table_put(image, &state_tables[HEALTHS], place, &health);
	return result;
}

static int
apply_merge(struct state_image *image, const struct state_change *change)
{
	const struct health *other = &change->merge;
	struct health health, before;
	int place = state_table_find(image, &state_tables[HEALTHS], &other->key, &health);
	if (place < 0) {
		health = (struct health){.key = other->key};
		memcpy(health.provider_name, other->provider_name, sizeof health.provider_name);
	}
	before = health;
	enum health_outcome outcome = health_merge(&health, other, clock_wall_ms());
	if (memcmp(&health, &before, sizeof health) != 0)
		state_table_put(image, &state_tables[HEALTHS], place, &health);
	return STATE_HEALTH_RESULT(outcome, 0);
}

static int
apply_retry(struct state_image *image, const struct state_change *change)
{
	const struct state_table *table = &state_tables[HEALTHS];
	struct state_change one = *change;
	for (size_t i = 0; i < table->count; i++) {
		struct health health;
		uint64_t generation;
		if (word_get(&state_table_index(image, table)[i]) == 0 ||
		    !state_record_read(state_table_record(image, table, i), table->bytes, &health,
				       &generation) ||
		    health.key.provider != change->health.key.provider)
			continue;
		one.health.key = health.key;
		apply_health(image, &one);
	}
	return 0;
}

static int
apply_session(struct state_image *image, const struct state_change *change)
{
	struct session before;
	int place = state_table_find(image, &state_tables[SESSIONS], &change->session.key, &before);
	state_table_put(image, &state_tables[SESSIONS], place, &change->session);
	return 0;
}

static int
apply_model(struct state_image *image, const struct state_change *change)
{
	struct model_memory before;
	int place = state_table_find(image, &state_tables[MODELS], &change->model.key, &before);
	state_table_put(image, &state_tables[MODELS], place, &change->model);
	return 0;
}

/* Returns whether another provider, or none, served before. */
static int
note_served(struct summary *summary, const char *name)
{
	bool is_other = strcmp(summary->current, name) != 0;
	memcpy(summary->current, name, sizeof summary->current);
	return is_other;
}

static int
apply_summary(struct state_image *image, const struct state_change *change)
{
	struct summary summary;
	uint64_t generation;
	int result = 0;
	if (!state_record_read(image->summary, sizeof summary, &summary, &generation))
		return 0;
	if (change->kind == CHANGE_SERVED) {
		result = note_served(&summary, change->chosen.name);
	} else if (change->kind == CHANGE_SWITCH) {
		/* Another machine's may come late. */
		if (change->chosen.at_ms < (int64_t)word_get(&image->header.switched_ms))
			return 0;
		memcpy(summary.manual, change->chosen.name, sizeof summary.manual);
		word_set(&image->header.switched_ms, (uint64_t)change->chosen.at_ms);
	} else if (change->kind == CHANGE_FAILOVER) {
		summary.failover_count++;
		summary.last_failover_ms = change->at.ms;
	} else {
		summary.last_check_ms = change->at.ms;
		summary.check_failures = change->at.could_tell ? 0 : summary.check_failures + 1;
	}
	state_record_write(image->summary, sizeof summary, &summary);
	return result;
}

static int
apply_count(struct state_image *image, const struct state_change *change)
{
	struct state_counters *counters = state_counters_find(image, change->count.provider);
	if (counters == NULL)
		counters = state_counters_make(image, change->count.provider);
	state_counters_add(counters, change->count.counter, change->count.n);
	return 0;
}

/* Returns what the public function reports. */
static int
apply(struct state_image *image, const struct state_change *change)
{
	static int (*const appliers[])(struct state_image *, const struct state_change *) = {
	    [CHANGE_HEALTH] = apply_health,    [CHANGE_RETRY] = apply_retry,
	    [CHANGE_SESSION] = apply_session,  [CHANGE_MODEL] = apply_model,
	    [CHANGE_SWITCH] = apply_summary,   [CHANGE_SERVED] = apply_summary,
	    [CHANGE_FAILOVER] = apply_summary, [CHANGE_CHECKED] = apply_summary,
	    [CHANGE_COUNT] = apply_count,      [CHANGE_MERGE] = apply_merge,
	};
	return appliers[change->kind](image, change);
}

/* A queued change of a health happens when it is applied, not when it was queued: otherwise the
 * other processes' changes in between would seem to be in the future. By the clock that they read,
 * which may have been set meanwhile. */
static void
apply_queued(struct state_image *image, const struct state_change *queued)
{
	struct state_change change = *queued;
	if (change.kind == CHANGE_HEALTH || change.kind == CHANGE_RETRY)
		change.health.change.now_ms += clock_wall_ms() - queued->queued_ms;
	apply(image, &change);
}

/* ---- Now or later ------------------------------------------------------ */

bool
state_queue_write(struct state_queue *queue, struct state_map *map,
		  const struct state_change *change, int *result)
{
	if (map->is_readonly || !state_map_lock(map))
		return false;
	struct state_image *image = map->image;
	bool was_whole = state_image_is_whole(image);
	if (was_whole) {
		for (size_t i = 0; i < queue->n; i++)
			apply_queued(image, &queue->changes[i]);
		int outcome = change == NULL ? 0 : apply(image, change);
		if (result != NULL)
			*result = outcome;
		atomic_fetch_add_explicit(&image->header.changes, 1, memory_order_release);
	}
	state_map_unlock(map);
	if (!was_whole || !state_image_is_whole(image))
		return false;
	queue->n = 0;
	if (queue->n_dropped > 0)
		log_line(LOG_WARNING, "state file %s: unlocked again; %llu changes were lost",
			 map->path, (unsigned long long)queue->n_dropped);
	queue->n_dropped = 0;
	return true;
}

static void
enqueue(struct state_queue *queue, const struct state_map *map, const struct state_change *change)
{
	if (map->is_readonly)
		return;
	if (queue->n == STATE_QUEUE_MAX) {
		if (queue->n_dropped++ == 0)
			log_line(
			    LOG_WARNING,
			    "state file %s: another process keeps it locked (see /proc/locks); "
			    "the oldest changes are lost",
			    map->path);
		queue->n--;
		memmove(&queue->changes[0], &queue->changes[1], queue->n * sizeof *change);
	}
	queue->changes[queue->n] = *change;
	queue->changes[queue->n].queued_ms = clock_wall_ms();
	queue->n++;
}

bool
state_queue_submit(struct state_queue *queue, struct state_map *map,
		   const struct state_change *change, int *result)
{
	if (state_queue_write(queue, map, change, result))
		return true;
	enqueue(queue, map, change);
	return false;
}

void
state_queue_flush(struct state_queue *queue, struct state_map *map)
{
	int64_t until_ms = clock_steady_ms() + FLUSH_FOR_MS;
	while (queue->n > 0 && !state_queue_write(queue, map, NULL, NULL)) {
		if (clock_steady_ms() >= until_ms) {
			log_line(LOG_WARNING, "state file %s: the last %zu changes were lost",
				 map->path, queue->n);
			return;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

const char *
state_queue_served(const struct state_queue *queue)
{
	for (size_t i = queue->n; i > 0; i--)
		if (queue->changes[i - 1].kind == CHANGE_SERVED)
			return queue->changes[i - 1].chosen.name;
	return NULL;
}
