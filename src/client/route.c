/* SPDX-License-Identifier: MIT */
#include "client/route.h"

#include "base/caps.h"
#include "base/str.h"

#include <string.h>

/* [A-Za-z0-9][A-Za-z0-9._:-]{0,127} */
static bool
is_model_id(const char *id)
{
	size_t n = strlen(id);
	if (n > MODEL_ID_MAX || !str_is_alnum(id[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!str_is_alnum(id[i]) && strchr("._:-", id[i]) == NULL)
			return false;
	return true;
}

const struct route route_none = {.path = "", .methods = "", .id = ROUTE_NONE};

const struct route *
route_find(const struct routes *routes, const char *path, const char **argument)
{
	*argument = NULL;
	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->list[i];
		size_t n = strlen(route->path);
		if (route->id == ROUTE_MODEL && str_starts_with(path, route->path) &&
		    is_model_id(path + n)) {
			*argument = path + n;
			return route;
		}
		if (route->id != ROUTE_MODEL && strcmp(path, route->path) == 0)
			return route;
	}
	return &route_none;
}

bool
route_has_message(const struct route *route)
{
	return route->id == ROUTE_MESSAGES || route->id == ROUTE_COUNT_TOKENS;
}

bool
route_allows(const struct route *route, const char *method)
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
