/* SPDX-License-Identifier: MIT */
#include "app/dispatch.h"

#include "client/access.h"
#include "operator/admin.h"
#include "operator/self_test.h"
#include "route/exchange.h"

#include <stdio.h>
#include <string.h>

#define GREETING "Claude Router " PACKAGE_VERSION ": set ANTHROPIC_BASE_URL to this address.\n"

static struct refusal
admit(struct client *client)
{
	const struct app *app = client->app;
	const struct access_rules rules = {
	    .config = app->config,
	    .keys = app->keys,
	    .admin_token = tokens_admin(app->tokens),
	};
	const struct admission a = access_admit(&rules, &client->request);
	snprintf(client->request.client, sizeof client->request.client, "%s", a.client);
	client->request.stranger = a.stranger;
	return a.refusal;
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
	case ROUTE_RETRY:
		admin_retry(client);
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
	struct refusal refusal = request_read_body(&client->request);
	if (refusal.status != 0)
		client_refuse(client, refusal.status, "", refusal.type, refusal.message);
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
		exchange_abort(client->exchange);
	if (client->check != NULL)
		admin_check_aborted(client);
	if (client->self_test != NULL)
		self_test_aborted(client);
}

const struct handler dispatch_handler = {admit, serve, drained, left};
