/* SPDX-License-Identifier: MIT */
#include "route/no_provider.h"

#include "base/caps.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* CLIENT.md 6: up to 60 s Claude Code waits by itself; a longer wait it is told
 * only in parts, since 61 fails at once. */
#define ASK_AGAIN_S       55
#define ASK_AGAIN_UNTIL_S (5 * 60)

void
no_provider_init(struct no_provider *e)
{
	*e = (struct no_provider){.status = 503, .type = "api_error"};
	buf_init(&e->lines, RESPONSE_HEAD_FORWARDED_MAX);
	buf_init(&e->message, RESPONSE_HEAD_FORWARDED_MAX);
}

void
no_provider_fini(struct no_provider *e)
{
	buf_free(&e->lines);
	buf_free(&e->message);
}

/* A list that is too long is told in part: enough to know what to do. */
static void
name_each(struct no_provider *e, const struct no_provider_query *ask)
{
	for (size_t i = 0; i < ask->plan->n; i++) {
		char reason[ERROR_TEXT_MAX];
		plan_reason(&ask->plan->candidates[i], ask->now_ms, reason, sizeof reason);
		if (!buf_printf(&e->message, "%s%s", i == 0 ? " " : "; ", reason))
			return;
	}
	if (!buf_puts(&e->message, "."))
		return;
}

/* Claude's word for the window that is used up, as it would tell itself
 * (PROTOCOLS.md 4, representative-claim). */
static void
write_claim(const struct plan *plan, char *claim, size_t size)
{
	snprintf(claim, size, "five_hour");
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_view *view = plan->candidates[i].view;
		const struct health *h = plan->candidates[i].cause;
		for (size_t k = 0; view->provider->takes_login && h != NULL && k < HEALTH_WINDOWS;
		     k++) {
			const struct health_window *w = &h->windows[k];
			if (w->rejected && strncmp(w->name, "7d", 2) == 0)
				snprintf(claim, size, "seven_day%s", w->name + 2);
		}
	}
}

static bool
all_rest(struct no_provider *e, const struct no_provider_query *ask, int64_t earliest_ms)
{
	int64_t wait_s = (earliest_ms - ask->now_ms + 999) / 1000;
	wait_s = wait_s < 1 ? 1 : wait_s;
	bool soon = wait_s <= ASK_AGAIN_UNTIL_S;
	char claim[32];
	e->status = 429;
	e->type = "rate_limit_error";
	if (!buf_puts(&e->message, "No provider can answer now:"))
		return false;
	name_each(e, ask);
	if (!buf_printf(&e->lines, "retry-after: %" PRId64 "\r\n",
			soon && wait_s > ASK_AGAIN_S ? ASK_AGAIN_S : wait_s))
		return false;
	if (soon || !ask->login)
		return true;
	write_claim(ask->plan, claim, sizeof claim);
	return buf_printf(&e->lines,
			  "anthropic-ratelimit-unified-status: rejected\r\n"
			  "anthropic-ratelimit-unified-reset: %" PRId64 "\r\n"
			  "anthropic-ratelimit-unified-representative-claim: %s\r\n",
			  (earliest_ms + 999) / 1000, claim);
}

static bool
nobody(struct no_provider *e, const struct no_provider_query *ask, bool configured)
{
	e->status = configured ? 503 : 403;
	e->type = configured ? "api_error" : "permission_error";
	if (!buf_puts(&e->message, configured ? "No provider can answer this request:"
					      : "No provider is set up for this request:"))
		return false;
	name_each(e, ask);
	return buf_puts(&e->message, configured ? " See /v1/status on the router."
						: " Add a credential to tokens.txt, or log in with "
						  "Claude Code.") &&
	       buf_puts(&e->lines, "x-should-retry: false\r\n");
}

/* Somebody could be asked, but this request has no time or attempts left. */
static bool
spent(struct no_provider *e)
{
	e->status = 503;
	e->type = "api_error";
	return buf_puts(&e->message, "This request used up its attempts or its time "
				     "(deadline). Send it again.") &&
	       buf_puts(&e->lines, "retry-after: 2\r\n");
}

/* How the candidates stand. */
struct standings {
	bool configured; /* somebody is set up */
	bool usable;     /* somebody could be asked */
	bool paused;     /* somebody rests for another reason than a refused credential */
};

static struct standings
look(const struct plan *plan)
{
	struct standings found = {0};
	for (size_t i = 0; i < plan->n; i++) {
		enum standing s = plan->candidates[i].standing;
		found.configured |= s != STANDING_UNCONFIGURED && s != STANDING_DISABLED;
		found.usable |= plan_usable(s);
		found.paused |= s == STANDING_PAUSED || s == STANDING_PROBED;
	}
	return found;
}

void
no_provider_reply(struct no_provider *e, const struct no_provider_query *ask)
{
	const struct standings found = look(ask->plan);
	bool told;
	if (ask->limited && found.usable)
		told = all_rest(e, ask, ask->now_ms);
	else if (ask->spent && found.usable)
		told = spent(e);
	else if (found.paused)
		told = all_rest(e, ask, plan_earliest_ms(ask->plan));
	else
		told = nobody(e, ask, found.configured);
	if (told && ask->last[0] != '\0')
		told = buf_printf(&e->message, " The last response: %s.", ask->last);
	/* Without memory for it the answer is the shorter one of no_provider_init(). */
	if (!told)
		e->status = 503;
}
