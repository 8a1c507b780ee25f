/* SPDX-License-Identifier: MIT */
#include "route/identity.h"

#include <inttypes.h>
#include <stdio.h>

enum { OWNER_SIZE = DIGEST_HEX_SIZE + KEY_NAME_MAX };

/* The hash of what a client says about itself, with the scope in which it holds: two clients
 * that say the same do not share it. 0: it says nothing. */
static uint64_t
name_of(const struct state *state, const char *kind, const char *scope, const char *what)
{
	char name[2 * SESSION_ID_MAX + KIN_ID_MAX + OWNER_SIZE];
	if (what[0] == '\0')
		return 0;
	snprintf(name, sizeof name, "%s/%s/%s", kind, scope, what);
	return state_name(state, name);
}

/* The owner of a conversation: the client key, else the login or API key that the provider
 * will get (hashed, so that it is not copied), else 0. */
static void
find_owner(const struct state *state, const struct request *r, char owner[static OWNER_SIZE])
{
	const char *credential = r->login != NULL ? r->login : r->api_key;
	uint64_t hash = credential == NULL ? 0 : state_name(state, credential);
	if (r->client[0] != '\0')
		snprintf(owner, OWNER_SIZE, "key/%s", r->client);
	else
		snprintf(owner, OWNER_SIZE, "%016" PRIx64, hash);
}

void
identity_find(struct identity *identity, const struct state *state, const struct request *r)
{
	const struct message *m = &r->message;
	char session[2 * SESSION_ID_MAX], owner[OWNER_SIZE];
	const char *scope = r->client[0] != '\0' ? r->client : r->local ? "/local" : r->address;
	request_session(r, session);
	const char *device = m->device_id[0] != '\0' ? m->device_id : session;
	find_owner(state, r, owner);
	uint64_t key = name_of(state, "session", owner, session);
	*identity = (struct identity){
	    .affinity = digest_name(session[0] != '\0' ? session : scope),
	    .kin = {.person = name_of(state, "person", scope, m->account_id),
		    .device = name_of(state, "device", scope, device)},
	    .kin_is_sure = r->local || r->client[0] != '\0',
	};
	if (!state_session(state, key, &identity->session))
		identity->session = (struct session){.key = key};
}
