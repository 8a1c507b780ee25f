/* SPDX-License-Identifier: MIT */
/* Looks whether a provider can answer now, by asking it the smallest question:
 * BEHAVIOUR.md 9. Run by cron's claude-router-check and by POST
 * /v1/health-check. One thread; belongs to who started it. */
#ifndef OPERATOR_HEALTH_CHECK_H
#define OPERATOR_HEALTH_CHECK_H

#include "app.h"
#include "route/verdict.h"

enum check_result {
	CHECK_HEALTHY,
	CHECK_LIMITED, /* it rests, or refuses the credential */
	CHECK_UNKNOWN, /* could not be checked */
};

struct check_report {
	enum check_result result;
	bool asked;                      /* the provider was asked */
	const struct provider *provider; /* of the configuration that the check began with */
	const char *before;              /* plan_state_name() */
	const char *after;
	char found[ERROR_TEXT_MAX]; /* in words */
};

struct health_check;

/* Looks at a provider of router->config, whether it rests or not (force), or only when it rests.
 * done() is called from the loop, once, unless health_check_free() came first;
 * it may free. NULL: memory is short. */
struct health_check *
health_check_start(struct app *app, const struct provider *provider, bool force,
		   void (*done)(void *owner, const struct check_report *report), void *owner);

/* Runs one check to its end, with all that it makes the notifier do, in a
 * program that does nothing else. False: memory or descriptors are short. */
bool health_check_run(struct app *app, const struct provider *provider, bool force,
		      struct check_report *report);

/* Ends it. NULL is fine. */
void health_check_free(struct health_check *check);

/* What a check would do now, without doing it: in words. Returns text. */
const char *health_check_intent(const struct app *app, const struct provider *provider, bool force,
				char text[static ERROR_TEXT_MAX]);

#endif
