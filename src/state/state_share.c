/* SPDX-License-Identifier: MIT */
/* What the messenger needs of the state: to see that something has changed, to read all of it, and
 * to put in what other machines know. */
#include "base/clock.h"
#include "state/budget.h"
#include "state/inside.h"
#include "state/record.h"

#include <sys/random.h>

enum { SILENT_MS = 5000 };

uint64_t
state_changes(const struct state *state)
{
	const struct state_header *header = &state_map_view(&state->map)->header;
	return atomic_load_explicit(&header->changes, memory_order_acquire);
}

size_t
state_sessions(const struct state *state, struct session *out, size_t max)
{
	return state_read_table(state, &state_tables[SESSIONS], 0, out, max);
}

size_t
state_models(const struct state *state, struct model_memory *out, size_t max)
{
	return state_read_table(state, &state_tables[MODELS], 0, out, max);
}

enum health_outcome
state_health_merge(struct state *state, const struct health *other)
{
	int result = 0;
	struct state_change change = {.kind = CHANGE_MERGE, .merge = *other};
	state_make_sane(&change.merge);
	bool is_done = state_queue_submit(&state->queue, &state->map, &change, &result);
	return is_done ? STATE_HEALTH_OUTCOME(result) : HEALTH_SAME;
}

size_t
state_budget_parts(const struct state *state, struct budget_key *keys, size_t max)
{
	return budget_parts(state_map_view(&state->map), keys, max);
}

void
state_budget_part_set(struct state *state, const struct budget_key *key, int64_t part,
		      int64_t others)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget = image == NULL ? NULL : budget_find(image, key);
	if (budget != NULL)
		budget_part_set(budget, key->period, part, others);
}

int64_t
state_budget_part_lower(struct state *state, const struct budget_key *key, int64_t keep)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget = image == NULL ? NULL : budget_find(image, key);
	return budget == NULL ? 0 : budget_part_lower(budget, key->period, keep);
}

uint64_t
state_machine(struct state *state)
{
	word *machine = &state->map.image->header.machine;
	uint64_t id = word_get(machine);
	if (id != 0 || getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
		return id;
	word_set(machine, id | 1);
	return id | 1;
}

bool
state_share_lock(struct state *state)
{
	return state_map_lock_share(&state->map);
}

void
state_share_put(struct state *state, const struct state_share *share)
{
	struct state_share_words *words = &state->map.image->header.share;
	word_set(&words->tried_ms, (uint64_t)share->tried_ms);
	word_set(&words->delay_ms, (uint64_t)share->delay_ms);
	word_set(&words->machines, share->machines);
	word_set(&words->clock_ms, (uint64_t)share->clock_ms);
	word_set(&words->refused, share->refused);
	word_set(&words->beat_ms, (uint64_t)clock_steady_ms());
	word_set(&words->since_ms, (uint64_t)share->since_ms);
}

/* Since when, by the wall clock, it has not said that it is there; 0: it has. Compared by the
 * steady clock, which nobody sets and which all processes of a machine have in common. */
static int64_t
silent_since_ms(const struct state_share_words *words)
{
	int64_t beat_ms = (int64_t)word_get(&words->beat_ms);
	int64_t silence_ms = clock_steady_ms() - beat_ms;
	return beat_ms != 0 && silence_ms > SILENT_MS ? clock_wall_ms() - silence_ms : 0;
}

bool
state_share(const struct state *state, struct state_share *out)
{
	const struct state_share_words *words = &state_map_view(&state->map)->header.share;
	bool is_running = state_map_is_shared(&state->map);
	int64_t since_ms = is_running ? (int64_t)word_get(&words->since_ms) : 0;
	int64_t silent_ms = since_ms != 0 ? silent_since_ms(words) : 0;
	*out = (struct state_share){
	    .since_ms = silent_ms == 0 ? since_ms : 0,
	    .silent_ms = silent_ms,
	    .tried_ms = (int64_t)word_get(&words->tried_ms),
	    .delay_ms = (int64_t)word_get(&words->delay_ms),
	    .machines = (unsigned)word_get(&words->machines),
	    .clock_ms = (int64_t)word_get(&words->clock_ms),
	    .refused = word_get(&words->refused),
	};
	return is_running;
}

bool
state_share_is_connected(const struct state *state)
{
	struct state_share share;
	return state_share(state, &share) && share.since_ms != 0;
}
