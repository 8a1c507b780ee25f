/* SPDX-License-Identifier: MIT */
/* The health check: finds out whether a provider can serve now, by sending it the smallest
 * message (BEHAVIOUR.md 9). Run by claude-router-check from cron, and by POST /v1/health-check.
 * Owned by the caller that started it. One thread. */
#ifndef OPERATOR_HEALTH_CHECK_H
#define OPERATOR_HEALTH_CHECK_H

#include "app.h"
#include "route/verdict.h"

enum health_check_result {
	HEALTH_CHECK_HEALTHY,
	HEALTH_CHECK_LIMITED, /* it is paused, or rejects the credential */
	HEALTH_CHECK_UNKNOWN, /* could not be checked */
};

struct health_check_report {
	enum health_check_result result;
	bool asked;                      /* a message was sent */
	const struct provider *provider; /* of the configuration when it began */
	const char *before;              /* plan_state_name() when it began */
	const char *after;               /* and when it was done */
	char found[ERROR_TEXT_MAX];      /* the result, for a person */
};

struct health_check;

/* Starts the health check of a provider of app->config; without force, a message is sent only if
 * the provider is paused. done() is called from the loop, once, unless health_check_free() is
 * called first; it may call that. NULL: out of memory. */
struct health_check *
health_check_start(struct app *app, const struct provider *provider, bool force,
		   void (*done)(void *owner, const struct health_check_report *report),
		   void *owner);

/* Runs a health check to its end, with all notices that it causes, in a program that does nothing
 * else. False: out of memory or descriptors. */
bool health_check_run(struct app *app, const struct provider *provider, bool force,
		      struct health_check_report *report);

/* Ends and frees it. NULL is fine. */
void health_check_free(struct health_check *check);

/* Writes what a health check would do now to text, for a person. Returns text. */
const char *health_check_intent(const struct app *app, const struct provider *provider, bool force,
				char text[static ERROR_TEXT_MAX]);

#endif
