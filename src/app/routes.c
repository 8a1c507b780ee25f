/* SPDX-License-Identifier: MIT */
#include "app/routes.h"

#include "base/count.h"
#include "operator/admin.h"
#include "operator/drills.h"
#include "operator/page.h"
#include "operator/self_test.h"
#include "operator/usage.h"
#include "route/exchange.h"

/* clang-format off */
static const struct route list[] = {
	/* path                       methods      access         id                  reserved  reply */
	{"/v1/messages",              "POST",      ROUTE_CLIENTS, ROUTE_MESSAGES,     false, exchange_start},
	{"/v1/messages/count_tokens", "POST",      ROUTE_CLIENTS, ROUTE_COUNT_TOKENS, false, exchange_start},
	{"/v1/models",                "GET",       ROUTE_CLIENTS, ROUTE_MODELS,       false, exchange_start},
	{"/v1/models/",               "GET",       ROUTE_CLIENTS, ROUTE_MODEL,        false, exchange_start},
	{"/health",                   "GET, HEAD", ROUTE_ANYONE,  ROUTE_OTHER,        true,  admin_health},
	{"/v1/status",                "GET",       ROUTE_ADMIN,   ROUTE_OTHER,        true,  admin_status},
	{"/v1/usage",                 "GET",       ROUTE_ADMIN,   ROUTE_OTHER,        true,  usage_report},
	{"/v1/events",                "GET",       ROUTE_ADMIN,   ROUTE_OTHER,        true,  usage_events},
	{"/v1/switch-provider",       "POST",      ROUTE_ADMIN,   ROUTE_OTHER,        true,  admin_switch},
	{"/v1/retry-provider",        "POST",      ROUTE_ADMIN,   ROUTE_OTHER,        true,  admin_retry},
	{"/v1/health-check",          "POST",      ROUTE_ADMIN,   ROUTE_OTHER,        false, admin_health_check},
	{"/v1/drill",                 "POST",      ROUTE_ADMIN,   ROUTE_OTHER,        true,  drills_reply},
	{"/metrics",                  "GET, HEAD", ROUTE_ADMIN,   ROUTE_OTHER,        true,  admin_metrics},
	{"/dashboard",                "GET, HEAD", ROUTE_ADMIN,   ROUTE_DASHBOARD,    true,  page_show},
	{"/v1/self-test",             "POST",      ROUTE_ADMIN,   ROUTE_OTHER,        false, self_test_start},
	{"/",                         "GET, HEAD", ROUTE_ANYONE,  ROUTE_OTHER,        true,  admin_greeting},
};
/* clang-format on */

const struct routes app_routes = {list, COUNT(list)};
