/* SPDX-License-Identifier: MIT */
#include "client/access.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define HOW_TO_SEND                                                                                \
	"Send it as the header x-router-key (Claude Code: ANTHROPIC_CUSTOM_HEADERS="               \
	"\"x-router-key: KEY\") or in the address (ANTHROPIC_BASE_URL=http://ROUTER/k/KEY). The "  \
	"operator of the router creates one: claude-router-ctl key add NAME"

/* Compares in constant time, so that a guess learns nothing. */
static bool
is_admin_token(const char *presented, const char *token)
{
	return presented != NULL && token != NULL && strlen(presented) == strlen(token) &&
	       CRYPTO_memcmp(presented, token, strlen(token)) == 0;
}

static bool
is_admin(const struct access_rules *rules, const struct request *r)
{
	const struct config *config = rules->config;
	return network_includes(r->address, config->admin_from, config->n_admin_from) ||
	       is_admin_token(r->presented_token, rules->admin_token);
}

static struct refusal
admit_client(const struct access_rules *rules, const struct request *r, bool known)
{
	if (r->client_key != NULL && !known)
		return refusal_make(401, "authentication_error",
				    "Unknown client key: mistyped or revoked. " HOW_TO_SEND);
	if (rules->config->access == ACCESS_KEYS && !known)
		return refusal_make(401, "authentication_error",
				    "This router requires a client key. " HOW_TO_SEND);
	return refusal_none;
}

static struct refusal
admit_admin(bool admin)
{
	if (admin)
		return refusal_none;
	return refusal_make(
	    403, "permission_error",
	    "Only for admins: send it from an address in admin_from (loopback by "
	    "default) to the router's own address or name, or send the admin_token of "
	    "tokens.txt as x-router-admin.");
}

struct admission
access_admit(const struct access_rules *rules, const struct request *r)
{
	struct admission a = {.refusal = {0}};
	const char *client = r->client_key == NULL ? NULL : keys_find(rules->keys, r->client_key);
	if (client != NULL && r->route->access != ROUTE_ADMIN)
		snprintf(a.client, sizeof a.client, "%s", client);
	if (r->route->access == ROUTE_CLIENTS)
		a.refusal = admit_client(rules, r, client != NULL);
	else if (r->route->access == ROUTE_ADMIN)
		a.refusal = admit_admin(is_admin(rules, r));
	else
		a.anonymous =
		    rules->config->access == ACCESS_KEYS && client == NULL && !is_admin(rules, r);
	return a;
}

bool
access_may_use_stored(const struct config *config, const struct request *r)
{
	return r->client[0] != '\0' || (!r->from_web_page && (r->local || config->allow_open));
}
