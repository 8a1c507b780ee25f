/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include <stdio.h>
#include <time.h>

#include "answer.h"

#define UNIFIED "anthropic-ratelimit-unified-"
#define HOUR    3600

static void
one(struct answer *a, const char *window, const char *field, const char *value)
{
	char name[80];

	snprintf(name, sizeof(name), UNIFIED "%s-%s", window, field);
	answer_header(a, name, "%s", value);
}

static void
window(struct answer *a, const struct window *w)
{
	char text[40];

	one(a, w->name, "status", w->status);
	snprintf(text, sizeof(text), "%lld", (long long)w->reset);
	one(a, w->name, "reset", text);
	snprintf(text, sizeof(text), "%.4g", w->utilization);
	one(a, w->name, "utilization", text);
	if (w->utilization >= 0.9)
		one(a, w->name, "surpassed-threshold", "0.9");
}

void
limits_unified(struct answer *a, const struct unified *u)
{
	a->wants_limits = false;
	answer_header(a, UNIFIED "status", "%s", u->status);
	for (size_t i = 0; i < sizeof(u->windows) / sizeof(u->windows[0]); i++)
		if (u->windows[i].name != NULL)
			window(a, &u->windows[i]);
	if (u->claim != NULL)
		answer_header(a, UNIFIED "representative-claim", "%s", u->claim);
	if (u->reset != 0)
		answer_header(a, UNIFIED "reset", "%lld", (long long)u->reset);
	answer_header(a, UNIFIED "fallback-percentage", "0.5");
	if (u->overage_status != NULL)
		answer_header(a, UNIFIED "overage-status", "%s", u->overage_status);
	if (u->overage_reason != NULL)
		answer_header(a, UNIFIED "overage-disabled-reason", "%s", u->overage_reason);
	if (u->overage_in_use)
		answer_header(a, UNIFIED "overage-in-use", "true");
}

struct window
limits_window(const char *name, double utilization, int64_t reset)
{
	return (struct window){.name = name,
			       .status = utilization >= 0.9 ? "allowed_warning" : "allowed",
			       .utilization = utilization,
			       .reset = reset};
}

struct unified
limits_healthy(int64_t now_s)
{
	int64_t five = now_s - now_s % (5 * HOUR) + 5 * HOUR,
		week = now_s - now_s % (168 * HOUR) + 168 * HOUR;

	return (struct unified){
	    .status = "allowed",
	    .claim = "five_hour",
	    .reset = five,
	    .windows = {limits_window("5h", 0.31, five), limits_window("7d", 0.12, week)},
	    .overage_status = "rejected",
	    .overage_reason = "org_level_disabled"};
}

void
limits_api(struct answer *a, int64_t now_s)
{
	static const char *const kinds[] = {"requests", "tokens", "input-tokens", "output-tokens"};
	static const long limits[] = {4000, 480000, 400000, 80000};
	char name[80], when[40];
	time_t at = (time_t)now_s + 60;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "anthropic-ratelimit-%s-limit", kinds[i]);
		answer_header(a, name, "%ld", limits[i]);
		snprintf(name, sizeof(name), "anthropic-ratelimit-%s-remaining", kinds[i]);
		answer_header(a, name, "%ld", limits[i] - limits[i] / 100);
		snprintf(name, sizeof(name), "anthropic-ratelimit-%s-reset", kinds[i]);
		answer_header(a, name, "%s", when);
	}
}

void
limits_duration(int64_t ms, char text[static LIMITS_DURATION_MAX])
{
	long long s = ms / 1000, m = s / 60, h = m / 60;
	char fraction[8] = "";

	if (s == 0 && ms > 0) {
		snprintf(text, LIMITS_DURATION_MAX, "%lldms", (long long)ms);
		return;
	}
	if (ms % 1000 != 0)
		snprintf(fraction, sizeof(fraction), ".%03d", (int)(ms % 1000));
	if (h > 0)
		snprintf(text, LIMITS_DURATION_MAX, "%lldh%lldm%lld%ss", h, m % 60, s % 60,
			 fraction);
	else if (m > 0)
		snprintf(text, LIMITS_DURATION_MAX, "%lldm%lld%ss", m, s % 60, fraction);
	else
		snprintf(text, LIMITS_DURATION_MAX, "%lld%ss", s, fraction);
}

static void
openai_kind(struct answer *a, const char *kind, long limit, long left, int64_t reset_ms)
{
	char name[60], when[LIMITS_DURATION_MAX];

	snprintf(name, sizeof(name), "x-ratelimit-limit-%s", kind);
	answer_header(a, name, "%ld", limit);
	snprintf(name, sizeof(name), "x-ratelimit-remaining-%s", kind);
	answer_header(a, name, "%ld", left);
	snprintf(name, sizeof(name), "x-ratelimit-reset-%s", kind);
	limits_duration(reset_ms, when);
	if (compat_is(&a->provider->compat, "azure"))
		snprintf(when, sizeof(when), "%lld", (long long)(reset_ms / 1000));
	answer_header(a, name, "%s", when);
}

void
limits_openai(struct answer *a, long requests, int64_t requests_ms, long tokens, int64_t tokens_ms)
{
	a->wants_limits = false;
	openai_kind(a, "requests", OPENAI_REQUESTS, requests, requests_ms);
	openai_kind(a, "tokens", OPENAI_TOKENS, tokens, tokens_ms);
}
