/* SPDX-License-Identifier: MIT */
#include "state/state.h"

#include "base/clock.h"
#include "base/count.h"
#include "state/inside.h"
#include "state/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REFRESH_MS 60000 /* a mere "still used" is written no more often */

/* ---- Opening and closing -------------------------------------------------- */

/* Adopts the file's key. Without memory for it the old one stays: then accounts have other names
 * than in the file, and are new to it. */
static bool
take_key(struct state *state)
{
	const uint8_t *key = state->map.last->header.key;
	if (state->digester != NULL && memcmp(state->key, key, sizeof state->key) == 0)
		return true;
	struct digester *digester = digester_new(key);
	if (digester == NULL)
		return false;
	digester_free(state->digester);
	state->digester = digester;
	memcpy(state->key, key, sizeof state->key);
	return true;
}

static struct state *
open_state(const char *path, const uint8_t *key, bool is_readonly, struct buf *error)
{
	struct state *state = calloc(1, sizeof *state);
	if (state == NULL ||
	    getrandom(&state->owner, sizeof state->owner, 0) != sizeof state->owner) {
		buf_append_cut(error, "state file %s: %s", path, strerror(errno));
		goto failed;
	}
	state->owner |= 1;
	/* Unlike those of who had our slot before: state_budget_release() compares them. */
	state->claims = (uint32_t)(state->owner >> 32);
	if (!state_map_init(&state->map, path, key, is_readonly, error))
		goto failed;
	if (take_key(state))
		return state;
	buf_append_cut(error, "state file %s: %s", path, "out of memory");
	state_map_fini(&state->map);
failed:
	free(state);
	return NULL;
}

struct state *
state_open(const char *path, struct buf *error)
{
	return open_state(path, NULL, false, error);
}

struct state *
state_open_keyed(const char *path, const uint8_t *key, struct buf *error)
{
	return open_state(path, key, false, error);
}

struct state *
state_open_readonly(const char *path, struct buf *error)
{
	return open_state(path, NULL, true, error);
}

void
state_close(struct state *state)
{
	if (state == NULL)
		return;
	state_queue_flush(&state->queue, &state->map);
	state_map_fini(&state->map);
	explicit_bzero(state->key, sizeof state->key);
	digester_free(state->digester);
	free(state);
}

const char *
state_path(const struct state *state)
{
	return state->map.path;
}

const uint8_t *
state_key(const struct state *state)
{
	return state->key;
}

uint64_t
state_name(const struct state *state, const char *secret)
{
	return digester_word(state->digester, secret, strlen(secret));
}

/* ---- Processes and ticks -------------------------------------------------- */

static void
keep_word(word *at, uint64_t value)
{
	if (word_get(at) != value)
		word_set(at, value); /* writing the same value would dirty the page too */
}

/* Writes what is new. A reused slot has no owner meanwhile. */
static void
note_process(struct state *state, const struct process *process)
{
	uint64_t version[STATE_VERSION_TEXT / 8];
	struct state_process *slot = state_map_claim_process(&state->map);
	if (slot == NULL)
		return;
	if (word_get(&slot->owner) != state->owner)
		word_set(&slot->owner, 0);
	atomic_thread_fence(memory_order_release);
	memcpy(version, process->version, sizeof version);
	keep_word(&slot->pid, process->pid);
	keep_word(&slot->started_ms, (uint64_t)process->started_ms);
	keep_word(&slot->streams, process->streams);
	keep_word(&slot->config, process->config);
	keep_word(&slot->claims, state_claims(state));
	for (size_t i = 0; i < STATE_VERSION_TEXT / 8; i++)
		keep_word(&slot->version[i], version[i]);
	atomic_thread_fence(memory_order_release);
	keep_word(&slot->owner, state->owner);
}

void
state_tick(struct state *state, const struct process *process)
{
	state_map_follow(&state->map);
	if (state->queue.n > 0)
		state_queue_write(&state->queue, &state->map, NULL, NULL);
	state_map_keep(&state->map);
	take_key(state);
	if (process != NULL && !state->map.is_readonly)
		note_process(state, process);
}

static void
read_process(const struct state_process *slot, struct process *out)
{
	uint64_t version[STATE_VERSION_TEXT / 8];
	for (size_t i = 0; i < STATE_VERSION_TEXT / 8; i++)
		version[i] = word_get(&slot->version[i]);
	*out = (struct process){.pid = word_get(&slot->pid),
				.started_ms = (int64_t)word_get(&slot->started_ms),
				.streams = word_get(&slot->streams),
				.config = word_get(&slot->config)};
	memcpy(out->version, version, sizeof version);
	out->version[STATE_VERSION_TEXT - 1] = '\0';
}

/* Reads the owner before and after, so that no entry mixes two processes. One that took a dead
 * process' slot a moment ago may be shown with its predecessor's facts. */
size_t
state_processes(const struct state *state, struct process *out, size_t max)
{
	const struct state_process *slots = state_map_view(&state->map)->processes;
	size_t n = 0;
	for (size_t i = 0; i < STATE_PROCESSES && n < max; i++) {
		uint64_t owner = atomic_load_explicit(&slots[i].owner, memory_order_acquire);
		if (owner == 0 || !state_map_has_process(&state->map, i))
			continue;
		read_process(&slots[i], &out[n]);
		atomic_thread_fence(memory_order_acquire);
		n += word_get(&slots[i].owner) == owner;
	}
	return n;
}

/* ---- Reloading ------------------------------------------------------------ */

bool
state_reload_request(struct state *state)
{
	struct state_map *map = &state->map;
	if (map->is_readonly || map->fd < 0 || !state_image_is_whole(map->image))
		return false;
	atomic_fetch_add_explicit(&map->image->header.reload, 1, memory_order_release);
	return state_image_is_whole(map->image);
}

uint64_t
state_reload_asked(const struct state *state)
{
	const struct state_header *header = &state_map_view(&state->map)->header;
	return atomic_load_explicit(&header->reload, memory_order_acquire);
}

/* ---- Helpers -------------------------------------------------- */

/* Tries again if the file was truncated during the first time. */
static bool
look_up(const struct state *state, const struct state_table *table, const void *key, void *out)
{
	const struct state_image *first = state_map_view(&state->map);
	if (state_table_find(first, table, key, out) >= 0)
		return true;
	const struct state_image *second = state_map_view(&state->map);
	return second != first && state_table_find(second, table, key, out) >= 0;
}

size_t
state_read_table(const struct state *state, const struct state_table *table, uint64_t first,
		 void *out, size_t max)
{
	const struct state_image *image = state_map_view(&state->map);
	size_t n = 0;
	for (size_t i = 0; i < table->count && n < max; i++) {
		uint64_t generation, hash = word_get(&state_table_index(image, table)[i]);
		char *at = (char *)out + n * table->bytes;
		if (hash != 0 &&
		    state_record_read(state_table_record(image, table, i), table->bytes, at,
				      &generation) &&
		    state_table_hash(table, at) == hash &&
		    (first == 0 || memcmp(at, &first, sizeof first) == 0))
			n++;
	}
	bool was_cut = state_map_view(&state->map) != image && image == state->map.image;
	return was_cut ? state_read_table(state, table, first, out, max) : n;
}

struct state_image *
state_shared_image(const struct state *state)
{
	const struct state_map *map = &state->map;
	bool is_shared = map->fd >= 0 && !map->is_reported && state_image_is_whole(map->image);
	return is_shared && !map->is_readonly ? map->image : NULL;
}

/* False: it was queued. */
static bool
submit(struct state *state, const struct state_change *change)
{
	return state_queue_submit(&state->queue, &state->map, change, NULL);
}

static void
copy_name(char to[static PROVIDER_NAME_MAX], const char *from)
{
	size_t n = strnlen(from, PROVIDER_NAME_MAX - 1);
	memcpy(to, from, n);
	memset(to + n, 0, PROVIDER_NAME_MAX - n);
}

/* Whether it was used within REFRESH_MS, by a clock that may have jumped. */
static bool
is_fresh(int64_t used_ms, int64_t now_ms)
{
	return used_ms > now_ms - REFRESH_MS && used_ms < now_ms + REFRESH_MS;
}

/* ---- Health --------------------------------------------------------------- */

/* Any program may have written the file: makes texts end, and numbers valid. A time before 1970
 * becomes 0, since computing with it could overflow. */
static int64_t
sane_time(int64_t at_ms)
{
	return at_ms < 0 ? 0 : at_ms;
}

void
state_make_sane(struct health *health)
{
	int64_t *const times[] = {&health->since_ms,     &health->until_ms, &health->lease_ms,
				  &health->throttled_ms, &health->used_ms,  &health->success_ms,
				  &health->error_ms};
	for (size_t i = 0; i < COUNT(times); i++)
		*times[i] = sane_time(*times[i]);
	health->provider_name[PROVIDER_NAME_MAX - 1] = '\0';
	health->why[HEALTH_TEXT_MAX - 1] = '\0';
	health->error[HEALTH_TEXT_MAX - 1] = '\0';
	for (size_t i = 0; i < HEALTH_WINDOWS; i++)
		health->windows[i].name[HEALTH_WINDOW_NAME_MAX - 1] = '\0';
	if (health->pause > PAUSE_BENCH)
		health->pause = PAUSE_NONE;
}

bool
state_health(const struct state *state, const struct health_key *key, struct health *out)
{
	if (look_up(state, &state_tables[HEALTHS], key, out)) {
		state_make_sane(out);
		return true;
	}
	*out = (struct health){.key = *key};
	return false;
}

enum health_outcome
state_health_change(struct state *state, const struct health_key *key, const char *provider_name,
		    const struct health_change *change)
{
	unsigned passed;
	return state_health_note(state, key, provider_name, change, &passed);
}

enum health_outcome
state_health_note(struct state *state, const struct health_key *key, const char *provider_name,
		  const struct health_change *health_change, unsigned *passed)
{
	int result = 0;
	struct health known;
	*passed = 0;
	/* If the queue is not empty, it may matter after what is queued. */
	if (state->queue.n == 0 && state_health(state, key, &known) &&
	    !health_is_worth_writing(&known, health_change))
		return HEALTH_SAME;
	struct state_change change = {.kind = CHANGE_HEALTH,
				      .health = {.key = *key, .change = *health_change}};
	copy_name(change.health.name, provider_name);
	bool is_lease = health_change->event == HEALTH_EVENT_LEASED; /* only now or not at all */
	bool is_done = is_lease ? state_queue_write(&state->queue, &state->map, &change, &result)
				: state_queue_submit(&state->queue, &state->map, &change, &result);
	if (is_done) {
		*passed = STATE_HEALTH_PASSED(result);
		return STATE_HEALTH_OUTCOME(result);
	}
	return is_lease ? HEALTH_REFUSED : HEALTH_SAME;
}

bool
state_retry(struct state *state, uint64_t provider, int64_t now_ms)
{
	struct state_change change = {
	    .kind = CHANGE_RETRY,
	    .health = {
		.key = {.provider = provider},
		.change = {.event = HEALTH_EVENT_RETRIED, .now_ms = now_ms, .began_ms = now_ms}}};
	return submit(state, &change);
}

size_t
state_healths(const struct state *state, uint64_t provider, struct health *out, size_t max)
{
	size_t n = state_read_table(state, &state_tables[HEALTHS], provider, out, max);
	for (size_t i = 0; i < n; i++)
		state_make_sane(&out[i]);
	return n;
}

/* ---- Sessions and models -------------------------------------------------- */

bool
state_session(const struct state *state, uint64_t key, struct session *out)
{
	if (look_up(state, &state_tables[SESSIONS], &key, out))
		return true;
	*out = (struct session){.key = key};
	return false;
}

void
state_session_put(struct state *state, const struct session *session)
{
	struct session before;
	if (session->key == 0)
		return;
	if (state_session(state, session->key, &before) && before.provider == session->provider &&
	    before.mended == session->mended && before.credential == session->credential &&
	    is_fresh(before.used_ms, session->used_ms))
		return;
	submit(state, &(struct state_change){.kind = CHANGE_SESSION, .session = *session});
}

/* After a clock jumped back, what was learned in the future is forgotten, too. */
uint64_t
state_model(const struct state *state, uint64_t key, int64_t now_ms)
{
	struct model_memory memory;
	if (!look_up(state, &state_tables[MODELS], &key, &memory))
		return 0;
	bool is_young =
	    memory.used_ms > now_ms - STATE_MODEL_FOR_MS && memory.used_ms < now_ms + REFRESH_MS;
	return is_young ? memory.value : 0;
}

void
state_model_put(struct state *state, uint64_t key, uint64_t value, int64_t now_ms)
{
	struct model_memory before;
	struct state_change change = {.kind = CHANGE_MODEL,
				      .model = {.key = key, .value = value, .used_ms = now_ms}};
	if (key == 0 || (look_up(state, &state_tables[MODELS], &key, &before) &&
			 before.value == value && is_fresh(before.used_ms, now_ms)))
		return;
	submit(state, &change);
}

/* ---- The summary ---------------------------------------------------------- */

void
state_summary(const struct state *state, struct summary *out)
{
	uint64_t generation;
	if (!state_record_read(state_map_view(&state->map)->summary, sizeof *out, out,
			       &generation) &&
	    !state_record_read(state->map.last->summary, sizeof *out, out, &generation))
		*out = (struct summary){0};
	out->manual[PROVIDER_NAME_MAX - 1] = '\0';
	out->current[PROVIDER_NAME_MAX - 1] = '\0';
	out->last_failover_ms = sane_time(out->last_failover_ms);
	out->last_check_ms = sane_time(out->last_check_ms);
}

bool
state_switch(struct state *state, const char *provider_name)
{
	/* An operator's choice must not go into a file that was moved away a moment ago. */
	if (!state->map.is_readonly)
		state_tick(state, NULL);
	int64_t now_ms = clock_wall_ms(), before_ms = state_switched_ms(state);
	return state_switch_at(state, provider_name, now_ms > before_ms ? now_ms : before_ms + 1);
}

bool
state_switch_at(struct state *state, const char *provider_name, int64_t at_ms)
{
	struct state_change change = {.kind = CHANGE_SWITCH, .chosen = {.at_ms = at_ms}};
	copy_name(change.chosen.name, provider_name);
	return submit(state, &change);
}

int64_t
state_switched_ms(const struct state *state)
{
	return sane_time((int64_t)word_get(&state_map_view(&state->map)->header.switched_ms));
}

bool
state_served(struct state *state, const char *provider_name)
{
	int result;
	struct summary summary;
	struct state_change change = {.kind = CHANGE_SERVED};
	copy_name(change.chosen.name, provider_name);
	state_summary(state, &summary);
	/* What is queued was already reported. */
	const char *waits = state_queue_served(&state->queue);
	const char *before = waits != NULL ? waits : summary.current;
	if (strcmp(before, change.chosen.name) == 0)
		return false;
	return state_queue_submit(&state->queue, &state->map, &change, &result) ? result : true;
}

void
state_failover(struct state *state, int64_t now_ms)
{
	submit(state, &(struct state_change){.kind = CHANGE_FAILOVER, .at = {.ms = now_ms}});
}

void
state_checked(struct state *state, int64_t now_ms, bool could_tell)
{
	struct state_change change = {.kind = CHANGE_CHECKED,
				      .at = {.ms = now_ms, .could_tell = could_tell}};
	submit(state, &change);
}

bool
state_check_lock(struct state *state)
{
	return state_map_lock_check(&state->map);
}

void
state_check_unlock(struct state *state)
{
	state_map_unlock_check(&state->map);
}

/* ---- Counters ------------------------------------------------------------- */

void
state_count(struct state *state, uint64_t provider, enum counter counter)
{
	state_add(state, provider, counter, 1);
}

void
state_add(struct state *state, uint64_t provider, enum counter counter, uint64_t n)
{
	struct state_change change = {.kind = CHANGE_COUNT, .count = {provider, counter, n}};
	struct state_counters *counters = NULL;
	if (provider == 0 || state->map.is_readonly)
		return;
	if (state_image_is_whole(state->map.image))
		counters = state_counters_find(state->map.image, provider);
	if (counters != NULL)
		state_counters_add(counters, counter, n);
	else
		submit(state, &change);
}

uint64_t
state_counted(const struct state *state, uint64_t provider, enum counter counter)
{
	uint64_t counts[COUNTERS];
	state_counts(state, provider, counts);
	return counts[counter];
}

void
state_counts(const struct state *state, uint64_t provider, uint64_t out[static COUNTERS])
{
	const struct state_counters *counters =
	    provider == 0 ? NULL : state_counters_find(state_map_view(&state->map), provider);
	memset(out, 0, COUNTERS * sizeof *out);
	if (counters != NULL)
		state_words_out(counters->counts, COUNTERS * sizeof *out, out);
}
