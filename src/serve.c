#include "serve.h"

#include "admin.h"
#include "exchange.h"
#include "selftest.h"

#include <openssl/crypto.h>
#include <string.h>

#define GREETING "Claude Router " PACKAGE_VERSION ": set ANTHROPIC_BASE_URL to this address.\n"

static void
refuse(struct client *client, int status, const char *type, const char *message)
{
	client_refuse(client, status, "", type, message);
}

/* Compares without telling by its time how much was right. */
static bool
is_admin_token(const char *shown, const char *token)
{
	return shown != NULL && token != NULL && strlen(shown) == strlen(token) &&
	       CRYPTO_memcmp(shown, token, strlen(token)) == 0;
}

static bool
is_admin(const struct client *client)
{
	const struct config *config = client->router->config;
	return network_includes(client->request.address, config->admin_from,
				config->n_admin_from) ||
	       is_admin_token(client->request.shown_token, tokens_admin(client->router->tokens));
}

static bool
may_ask(struct client *client)
{
	switch (client->request.route.access) {
	case ROUTE_ANYONE:
		return true;
	case ROUTE_CLIENTS:
		if (client->router->config->access == ACCESS_OPEN)
			return true;
		refuse(
		    client, 401, "authentication_error",
		    "access = \"keys\" in the router's configuration wants client keys, which this "
		    "version cannot check yet: nobody is let in. Use access = \"open\".");
		return false;
	case ROUTE_ADMIN:
		if (is_admin(client))
			return true;
		refuse(client, 403, "permission_error",
		       "Only for admins: ask from an address in admin_from (loopback by default), "
		       "by the router's own address or name, or send the admin_token of tokens.txt "
		       "as x-router-admin.");
		return false;
	}
	return false;
}

static void
answer(struct client *client)
{
	switch (client->request.route.id) {
	case ROUTE_MESSAGES:
	case ROUTE_COUNT_TOKENS:
	case ROUTE_MODELS:
	case ROUTE_MODEL:
		exchange_start(client);
		break;
	case ROUTE_HEALTH:
		admin_health(client);
		break;
	case ROUTE_STATUS:
		admin_status(client);
		break;
	case ROUTE_SWITCH:
		admin_switch(client);
		break;
	case ROUTE_CHECK:
		admin_check(client);
		break;
	case ROUTE_METRICS:
		admin_metrics(client);
		break;
	case ROUTE_SELF_TEST:
		self_test_start(client);
		break;
	case ROUTE_GREETING:
		reply_whole(&client->reply, 200, "content-type: text/plain\r\n", GREETING,
			    strlen(GREETING));
		break;
	case ROUTE_NONE:
		break; /* answered when its parameters were read */
	}
}

static void
serve(struct client *client)
{
	client->reply.no_body = strcmp(client->request.method, "HEAD") == 0;
	if (!may_ask(client))
		return;
	struct complaint complaint = request_read_body(&client->request);
	if (complaint.status != 0)
		refuse(client, complaint.status, complaint.type, complaint.message);
	else
		answer(client);
}

static void
drained(struct client *client)
{
	if (client->exchange != NULL)
		exchange_drained(client->exchange);
}

static void
left(struct client *client)
{
	if (client->exchange != NULL)
		exchange_left(client->exchange);
	if (client->check != NULL)
		admin_check_left(client);
	if (client->self_test != NULL)
		self_test_left(client);
}

const struct handler serve_handler = {serve, drained, left};
