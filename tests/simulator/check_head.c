/* SPDX-License-Identifier: MIT */
/* What a provider objects to in a request's head, whoever sent it: SERVERS.md "Rules for the responder". */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "check.h"

#define INVALID "invalid_request_error"

/* A web server in between that hands a header on twice loses or joins a value sooner or later. */
bool
check_doubled(struct check *c)
{
	static const char *const single[] = {"content-type",  "content-length",    "x-api-key",
					     "authorization", "anthropic-version", "host",
					     "user-agent"};

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (request_header_count(c->request, single[i]) > 1)
			return check_refuse(c, 400, INVALID, "%s: header given more than once",
					    single[i]);
	return false;
}

/* Is it application/json, parameters or not? */
static bool
is_json(const char *type)
{
	size_t n = strlen("application/json");

	return type != NULL && strncasecmp(type, "application/json", n) == 0 &&
	       strchr(";, \t", type[n]) != NULL && strchr(type, ',') == NULL;
}

bool
check_head(struct check *c)
{
	const char *version = request_header(c->request, "anthropic-version");

	if (strcmp(c->request->method, "POST") == 0 &&
	    !is_json(request_header(c->request, "content-type")))
		return check_refuse(c, 400, INVALID,
				    "content-type: must be application/json, not %.60s",
				    request_header(c->request, "content-type") ?: "missing");
	if (c->provider->family != FAMILY_CLAUDE)
		return false;
	if (version == NULL)
		return check_refuse(c, 400, INVALID, "anthropic-version: header is required");
	/* The newer SDK names a newer day than Claude Code: only the form is known. */
	if (strlen(version) != strlen("2023-06-01") || strspn(version, "0123456789-") != 10)
		return check_refuse(c, 400, INVALID,
				    "anthropic-version: \"%.40s\" is not a valid version", version);
	return false;
}
