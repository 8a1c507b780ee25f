/* SPDX-License-Identifier: MIT */
#include "share/known.h"

#include "state/drill.h"

#include <stdlib.h>
#include <string.h>

#define PLACES     2048 /* a power of two, above KNOWN_MAX */
#define REFRESH_MS 60000

struct known {
	size_t n;
	struct {
		bool is_used;
		struct fact fact;
	} places[PLACES];
};

struct known *
known_new(void)
{
	return calloc(1, sizeof(struct known));
}

void
known_free(struct known *known)
{
	free(known);
}

void
known_clear(struct known *known)
{
	memset(known, 0, sizeof *known);
}

/* What a fact is about. */
static struct health_key
key_of(const struct fact *fact)
{
	switch (fact->kind) {
	case FACT_HEALTH:
		return fact->health.key;
	case FACT_SESSION:
		return (struct health_key){.account = fact->session.key};
	case FACT_MODEL:
		return (struct health_key){.account = fact->model.key};
	case FACT_BEAT:
		return (struct health_key){.account = fact->beat.machine};
	case FACT_SWITCH:
	case FACT_DRILL:
	case FACT_KINDS:
		break;
	}
	return (struct health_key){0};
}

/* Returns the place of what the fact is about, or the free one for it. There always is one. The
 * keys are hashes already. */
static size_t
place_of(const struct known *known, const struct fact *fact)
{
	const struct health_key key = key_of(fact);
	size_t i =
	    (size_t)(key.account ^ key.family ^ key.provider ^ (uint64_t)fact->kind) % PLACES;
	for (; known->places[i].is_used; i = (i + 1) % PLACES) {
		const struct fact *other = &known->places[i].fact;
		const struct health_key its = key_of(other);
		if (other->kind == fact->kind && memcmp(&its, &key, sizeof key) == 0)
			break;
	}
	return i;
}

/* Whether at_ms is later, and what it is about is another, or a minute has passed. */
static bool
is_later(int64_t at_ms, int64_t than_ms, bool is_other)
{
	return at_ms > than_ms && (is_other || at_ms - than_ms >= REFRESH_MS);
}

static bool
is_other_session(const struct session *one, const struct session *other)
{
	return one->provider != other->provider || one->mended != other->mended ||
	       one->credential != other->credential;
}

static bool
is_drill_news(const struct drill *drill, const struct drill *is)
{
	struct drill joined = *is;
	return drill_join(&joined, drill);
}

bool
known_is_news(const struct known *known, const struct fact *fact, int64_t now_ms)
{
	size_t i = place_of(known, fact);
	const struct fact nothing = {.kind = fact->kind, .health = {.key = key_of(fact)}};
	const struct fact *is = known->places[i].is_used ? &known->places[i].fact : &nothing;
	switch (fact->kind) {
	case FACT_HEALTH:
		return health_is_news(&fact->health, &is->health, now_ms);
	case FACT_SESSION:
		return is == &nothing || is_later(fact->session.used_ms, is->session.used_ms,
						  is_other_session(&fact->session, &is->session));
	case FACT_MODEL:
		return is == &nothing || is_later(fact->model.used_ms, is->model.used_ms,
						  fact->model.value != is->model.value);
	case FACT_SWITCH:
		return is == &nothing ? fact->choice.at_ms > 0
				      : fact->choice.at_ms > is->choice.at_ms;
	case FACT_DRILL:
		return is_drill_news(&fact->drill, &is->drill);
	case FACT_BEAT:
	case FACT_KINDS:
		break;
	}
	return false;
}

bool
known_add(struct known *known, const struct fact *fact, int64_t now_ms)
{
	size_t i = place_of(known, fact);
	bool is_new = !known->places[i].is_used;
	struct fact *is = &known->places[i].fact;
	if (is_new && known->n == KNOWN_MAX)
		return false;
	if (is_new)
		*is = (struct fact){.kind = fact->kind, .health = {.key = key_of(fact)}};
	if (fact->kind == FACT_HEALTH)
		health_merge(&is->health, &fact->health, now_ms);
	else if (fact->kind == FACT_DRILL)
		drill_join(&is->drill, &fact->drill);
	else if (is_new || known_is_news(known, fact, now_ms))
		*is = *fact;
	known->n += is_new;
	known->places[i].is_used = true;
	return true;
}
