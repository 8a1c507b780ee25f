/* SPDX-License-Identifier: MIT */
#include "client/access.h"

#include "client/own_page.h"

#include <openssl/crypto.h>
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

/* Whether it is a button of the page that we gave to an admin. */
static bool
is_own_page(const struct access_rules *rules, const struct request *r)
{
	return r->page_address[0] != '\0' && rules->page_key != NULL &&
	       rules->config->dashboard != DASHBOARD_OFF &&
	       own_page_knows(rules->page_key, rules->now_ms,
			      headers_find(&r->headers, "x-router-page"));
}

static bool
is_admin(const struct access_rules *rules, const struct request *r)
{
	const struct config *config = rules->config;
	const char *address = is_own_page(rules, r) ? r->page_address : r->address;
	return network_includes(address, config->admin_from, config->n_admin_from) ||
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

/* The page is HTML for a person, who needs other advice. */
static struct refusal
admit_viewer(enum dashboard dashboard, bool admin)
{
	if (dashboard == DASHBOARD_OFF)
		return refusal_make(404, "not_found_error",
				    "There is no page here: dashboard = \"off\".");
	if (admin || dashboard == DASHBOARD_TOKEN)
		return refusal_none;
	return refusal_make(
	    403, "permission_error",
	    "Only for admins: open it from an address in admin_from (loopback by default), by "
	    "the router's own address or a name in hosts, and not by a link of another site; or "
	    "set dashboard = \"token\", and the page asks for the admin_token of tokens.txt.");
}

struct admission
access_admit(const struct access_rules *rules, const struct request *r)
{
	struct admission a = {.refusal = {0}};
	const struct key *client =
	    r->client_key == NULL ? NULL : keys_find(rules->keys, r->client_key);
	if (r->route->access != ROUTE_ADMIN)
		a.client = client;
	if (r->route->access == ROUTE_CLIENTS)
		a.refusal = admit_client(rules, r, client != NULL);
	else
		a.admin = is_admin(rules, r);
	if (r->route->id == ROUTE_DASHBOARD)
		a.refusal = admit_viewer(rules->config->dashboard, a.admin);
	else if (r->route->access == ROUTE_ADMIN)
		a.refusal = admit_admin(a.admin);
	else if (r->route->access == ROUTE_ANYONE)
		a.anonymous = rules->config->access == ACCESS_KEYS && client == NULL && !a.admin;
	return a;
}

bool
access_may_use_stored(const struct config *config, const struct request *r)
{
	return r->client[0] != '\0' || (!r->from_web_page && (r->local || config->allow_open));
}

bool
access_may_see_figures(const struct request *r)
{
	return r->client[0] != '\0' || r->admin;
}
