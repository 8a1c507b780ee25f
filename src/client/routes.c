/* SPDX-License-Identifier: MIT */
#include "client/routes.h"

#include <string.h>

enum { MODEL_ID_MAX = 128 };

static const struct {
	const char *path; /* ending in "/": an id follows */
	struct route route;
} table[] = {
    {"/v1/messages", {ROUTE_MESSAGES, ROUTE_CLIENTS, "POST", NULL}},
    {"/v1/messages/count_tokens", {ROUTE_COUNT_TOKENS, ROUTE_CLIENTS, "POST", NULL}},
    {"/v1/models", {ROUTE_MODELS, ROUTE_CLIENTS, "GET", NULL}},
    {"/v1/models/", {ROUTE_MODEL, ROUTE_CLIENTS, "GET", NULL}},
    {"/health", {ROUTE_HEALTH, ROUTE_ANYONE, "GET, HEAD", NULL}},
    {"/v1/status", {ROUTE_STATUS, ROUTE_ADMIN, "GET", NULL}},
    {"/v1/switch-provider", {ROUTE_SWITCH, ROUTE_ADMIN, "POST", NULL}},
    {"/v1/retry-provider", {ROUTE_RETRY, ROUTE_ADMIN, "POST", NULL}},
    {"/v1/health-check", {ROUTE_CHECK, ROUTE_ADMIN, "POST", NULL}},
    {"/metrics", {ROUTE_METRICS, ROUTE_ADMIN, "GET, HEAD", NULL}},
    {"/v1/self-test", {ROUTE_SELF_TEST, ROUTE_ADMIN, "POST", NULL}},
    {"/", {ROUTE_GREETING, ROUTE_ANYONE, "GET, HEAD", NULL}},
};

static bool
is_alphanumeric(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [A-Za-z0-9][A-Za-z0-9._:-]{0,127} */
static bool
is_model_id(const char *id)
{
	size_t n = strlen(id);
	if (n > MODEL_ID_MAX || !is_alphanumeric(id[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alphanumeric(id[i]) && strchr("._:-", id[i]) == NULL)
			return false;
	return true;
}

struct route
routes_find(const char *path)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct route route = table[i].route;
		size_t n = strlen(table[i].path);
		if (strcmp(path, table[i].path) == 0 && route.id != ROUTE_MODEL)
			return route;
		if (route.id == ROUTE_MODEL && strncmp(path, table[i].path, n) == 0 &&
		    is_model_id(path + n)) {
			route.argument = path + n;
			return route;
		}
	}
	return (struct route){.id = ROUTE_NONE, .methods = ""};
}

bool
routes_allows(const struct route *route, const char *method)
{
	size_t n = strlen(method);
	for (const char *m = route->methods; *m != '\0'; m += strspn(m, ", ")) {
		size_t word = strcspn(m, ",");
		if (word == n && memcmp(m, method, n) == 0)
			return true;
		m += word;
	}
	return false;
}
