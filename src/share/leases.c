/* SPDX-License-Identifier: MIT */
#include "share/leases.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
lease_name(const struct health_key *key, char name[static LEASE_NAME_SIZE])
{
	snprintf(name, LEASE_NAME_SIZE, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, key->provider,
		 key->account, key->family);
	return name;
}

const char *
lease_holder(uint64_t machine, uint64_t holder, char text[static LEASE_HOLDER_SIZE])
{
	snprintf(text, LEASE_HOLDER_SIZE, "%016" PRIx64 "%016" PRIx64, machine, holder);
	return text;
}

bool
leases_asked(struct leases *leases, const struct share_question *question)
{
	if (leases->n_asked == LEASES_MAX)
		return false;
	leases->asked[leases->n_asked++] = *question;
	return true;
}

bool
leases_answered(struct leases *leases, const char *name, bool is_granted,
		struct share_question *question)
{
	char its[LEASE_NAME_SIZE];
	size_t i = 0;
	while (i < leases->n_asked &&
	       strcmp(lease_name(&leases->asked[i].wish.lease.key, its), name) != 0)
		i++;
	if (i == leases->n_asked)
		return false;
	*question = leases->asked[i];
	leases->n_asked--;
	memmove(&leases->asked[i], &leases->asked[i + 1],
		(leases->n_asked - i) * sizeof leases->asked[0]);
	/* A health check has no lease in the state by which its end could be seen: it expires. */
	if (is_granted && question->wish.lease.holder != 0 && leases->n_held < LEASES_MAX)
		leases->held[leases->n_held++] = question->wish.lease;
	return true;
}

/* A health check has no local lease, so that it may ask while a request probes. */
bool
leases_is_own(const struct leases *leases, const struct share_lease *refused)
{
	for (size_t i = 0; i < leases->n_held && refused->holder != 0; i++)
		if (memcmp(&leases->held[i].key, &refused->key, sizeof refused->key) == 0)
			return true;
	return false;
}

/* Whether its answer is outstanding: a refusal by ours must find it held. */
static bool
is_asked(const struct leases *leases, const struct health_key *key)
{
	for (size_t i = 0; i < leases->n_asked; i++)
		if (memcmp(&leases->asked[i].wish.lease.key, key, sizeof *key) == 0)
			return true;
	return false;
}

static bool
has_ended(const struct share_lease *lease, const struct state *state, int64_t now_ms)
{
	struct health health;
	state_health(state, &lease->key, &health);
	enum health_state is = health_state(&health, now_ms);
	return is != HEALTH_PROBING || health.lease_holder != lease->holder;
}

bool
leases_next_ended(struct leases *leases, const struct state *state, int64_t now_ms,
		  struct share_lease *ended)
{
	for (size_t i = 0; i < leases->n_held; i++) {
		if (is_asked(leases, &leases->held[i].key) ||
		    !has_ended(&leases->held[i], state, now_ms))
			continue;
		*ended = leases->held[i];
		leases->held[i] = leases->held[--leases->n_held];
		return true;
	}
	return false;
}

void
leases_clear(struct leases *leases)
{
	leases->n_asked = leases->n_held = 0;
}
