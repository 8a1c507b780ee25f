/* SPDX-License-Identifier: MIT */
/* The drill of state.h: that of drill.h, in the file that all processes share. */
#include "state/drill.h"
#include "state/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

static struct state_drill *
shared_drill(const struct state *state)
{
	struct state_image *image = state_shared_image(state);
	return image == NULL ? NULL : &image->header.drill;
}

bool
state_drill(const struct state *state, int64_t now_ms, struct drill *out)
{
	const struct state_map *map = &state->map;
	const struct state_header *header = &map->image->header;
	bool is_shared = map->fd >= 0 && !map->is_reported && state_image_is_whole(map->image);
	if (is_shared && drill_read(&header->drill, word_get(&header->reload), now_ms, out) &&
	    state_image_is_whole(map->image))
		return true;
	*out = (struct drill){0};
	return false;
}

const char *
state_drill_name(uint32_t id, char text[static DRILL_ID_SIZE])
{
	snprintf(text, DRILL_ID_SIZE, id == 0 ? "" : "%08" PRIx32, id);
	return text;
}

/* Now, or later than what is known here, whatever the clocks of other machines say. */
static uint32_t
later_than(uint64_t begun, int64_t now_ms)
{
	int64_t last_s = (int64_t)(begun >> 32);
	return (uint32_t)(now_ms / 1000 > last_s ? now_ms / 1000 : last_s + 1);
}

enum drill_begun
state_drill_begin(struct state *state, int64_t now_ms, struct drill *drill)
{
	struct state_image *image;
	struct drill running;
	/* An operator's word must not go into a file that was moved away a moment ago. */
	if (!state->map.is_readonly)
		state_tick(state, NULL);
	image = state_shared_image(state);
	if (image == NULL ||
	    getrandom(&drill->id, sizeof drill->id, 0) != (ssize_t)sizeof drill->id ||
	    !state_map_lock(&state->map))
		return DRILL_CLOSED;
	drill->id |= 1;
	drill->left = drill->requests;
	drill->until_ms = drill->pause_ms = 0;
	drill->has_ended = false;
	drill->begun_s = later_than(word_get(&image->header.drill.begun), now_ms);
	bool runs = state_drill(state, now_ms, &running);
	if (!runs)
		drill_write(&image->header.drill, word_get(&image->header.reload), drill);
	state_map_unlock(&state->map);
	if (!state_image_is_whole(image))
		return DRILL_CLOSED;
	if (runs)
		*drill = running;
	return runs ? DRILL_RUNS : DRILL_BEGUN;
}

bool
state_drill_bind(struct state *state, const struct drill *drill, uint64_t scope)
{
	struct state_drill *at = shared_drill(state);
	return at != NULL && (drill->scope == scope || drill_bind(at, scope));
}

bool
state_drill_take(struct state *state, uint32_t id)
{
	struct state_drill *at = shared_drill(state);
	return at != NULL && drill_take(at, id);
}

bool
state_drill_rest(struct state *state, uint32_t id, int64_t now_ms, int64_t until_ms)
{
	struct state_drill *at = shared_drill(state);
	return at != NULL && drill_rest(at, id, now_ms, until_ms);
}

bool
state_drill_return(struct state *state, uint32_t id, int64_t now_ms)
{
	struct state_drill *at = shared_drill(state);
	return at != NULL && drill_return(at, id, now_ms);
}

bool
state_drill_stop(struct state *state, uint32_t id)
{
	struct state_drill *at = shared_drill(state);
	return at != NULL && drill_stop(at, id);
}

bool
state_drill_latest(const struct state *state, int64_t now_ms, struct drill *out)
{
	const struct state_image *image = state_shared_image(state);
	*out = (struct drill){0};
	return image != NULL &&
	       drill_latest(&image->header.drill, word_get(&image->header.reload), now_ms, out) &&
	       state_image_is_whole(image);
}

bool
state_drill_merge(struct state *state, int64_t now_ms, const struct drill *other)
{
	struct state_image *image = state_shared_image(state);
	if (image == NULL || !state_map_lock(&state->map))
		return false;
	bool is_other =
	    drill_merge(&image->header.drill, word_get(&image->header.reload), now_ms, other);
	state_map_unlock(&state->map);
	return is_other;
}
