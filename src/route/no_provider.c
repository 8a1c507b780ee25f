/* SPDX-License-Identifier: MIT */
#include "route/no_provider.h"

#include "base/caps.h"
#include "base/clock.h"
#include "base/str.h"
#include "client/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* CLIENT.md 6: Claude Code waits for up to 60 s by itself, and fails at once for 61; so a wait
 * of up to RETRY_SOON_S is split into parts. */
#define RETRY_AFTER_MAX_S 55
#define RETRY_SOON_S      (5 * 60)

void
no_provider_init(struct no_provider *n)
{
	*n = (struct no_provider){.status = 503, .type = "api_error"};
	buf_init(&n->lines, RESPONSE_HEAD_FORWARDED_MAX);
	buf_init(&n->message, RESPONSE_HEAD_FORWARDED_MAX);
}

void
no_provider_fini(struct no_provider *n)
{
	buf_free(&n->lines);
	buf_free(&n->message);
}

/* Adds each candidate's reason. A list that is too long is cut. */
static void
add_reasons(struct no_provider *n, const struct no_provider_query *query)
{
	char reason[ERROR_TEXT_MAX], before[ERROR_TEXT_MAX] = "";
	for (size_t i = 0; i < query->plan->n; i++) {
		plan_reason(&query->plan->candidates[i], query->now_ms, reason, sizeof reason);
		/* What is true of all credentials of a provider is said once. */
		if (strcmp(reason, before) == 0)
			continue;
		snprintf(before, sizeof before, "%s", reason);
		if (!buf_printf(&n->message, "%s%s", i == 0 ? " " : "; ", reason))
			return;
	}
	buf_append_cut(&n->message, ".");
}

/* The candidate whose reason is the budget of the client's key, or the one that may be available
 * first of the others; NULL: there is none. */
static const struct candidate *
find_waiting(const struct plan *plan, bool by_budget)
{
	const struct candidate *found = NULL;
	for (size_t i = 0; i < plan->n; i++) {
		const struct candidate *c = &plan->candidates[i];
		bool is_capped = c->standing == STANDING_CAPPED && c->until_ms != 0;
		bool is_budget = is_capped && c->view->capped.is_of_client;
		bool waits =
		    is_capped || c->standing == STANDING_PAUSED || c->standing == STANDING_PROBED;
		if (waits && is_budget == by_budget &&
		    (found == NULL || c->until_ms < found->until_ms))
			found = c;
	}
	return found;
}

/* "alice's budget for today ($2.00) is used up; Claude Pro serves again 18:00": whatever else could
 * serve costs money that the client may not spend. */
static bool
add_budget(struct no_provider *n, const struct no_provider_query *query,
	   const struct candidate *budget)
{
	const struct caps_refusal *refusal = &budget->view->capped;
	const struct candidate *next = find_waiting(query->plan, false);
	char when[CLOCK_SHORT_SIZE];
	if (!buf_puts(&n->message, refusal->text))
		return false;
	if (next != NULL && next->until_ms < budget->until_ms)
		return buf_printf(&n->message, "; %s serves again %s.",
				  config_display_name(next->view->provider->name),
				  clock_short(next->until_ms, query->now_ms, when));
	return refusal->reason != CAPS_SPENT
		   ? buf_puts(&n->message, ".")
		   : buf_printf(&n->message, "; it begins anew %s.",
				clock_short(budget->until_ms, query->now_ms, when));
}

/* Claude's name for the window that is used up, as its own header has it (PROTOCOLS.md 4,
 * representative-claim). */
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
			if (w->rejected && str_starts_with(w->name, "7d"))
				snprintf(claim, size, "seven_day%s", w->name + 2);
		}
	}
}

static bool
explain_paused(struct no_provider *n, const struct no_provider_query *query)
{
	const struct candidate *budget = find_waiting(query->plan, true);
	if (budget != NULL)
		return add_budget(n, query, budget);
	if (!buf_puts(&n->message, "No provider can answer now:"))
		return false;
	add_reasons(n, query);
	return true;
}

static bool
write_paused(struct no_provider *n, const struct no_provider_query *query, int64_t earliest_ms)
{
	int64_t wait_s = (earliest_ms - query->now_ms + 999) / 1000;
	wait_s = wait_s < 1 ? 1 : wait_s;
	bool soon = wait_s <= RETRY_SOON_S;
	char claim[32];
	n->status = 429;
	n->type = "rate_limit_error";
	if (!explain_paused(n, query))
		return false;
	if (!buf_printf(&n->lines, "retry-after: %" PRId64 "\r\n",
			soon && wait_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : wait_s))
		return false;
	if (soon || !query->login)
		return true;
	write_claim(query->plan, claim, sizeof claim);
	return buf_printf(&n->lines,
			  "anthropic-ratelimit-unified-status: rejected\r\n"
			  "anthropic-ratelimit-unified-reset: %" PRId64 "\r\n"
			  "anthropic-ratelimit-unified-representative-claim: %s\r\n",
			  (earliest_ms + 999) / 1000, claim);
}

static bool
write_unavailable(struct no_provider *n, const struct no_provider_query *query, bool configured)
{
	n->status = configured ? 503 : 403;
	n->type = configured ? "api_error" : "permission_error";
	if (!buf_puts(&n->message, configured ? "No provider can answer this request:"
					      : "No provider is set up for this request:"))
		return false;
	add_reasons(n, query);
	return buf_puts(&n->message, configured ? " See /v1/status on the router."
						: " Add a credential to tokens.txt, or log in with "
						  "Claude Code.") &&
	       buf_puts(&n->lines, "x-should-retry: false\r\n");
}

/* A provider is available, but this request has no time or attempts left. */
static bool
write_spent(struct no_provider *n)
{
	n->status = 503;
	n->type = "api_error";
	return buf_puts(&n->message, "This request used up its attempts or its time "
				     "(deadline). Send it again.") &&
	       buf_puts(&n->lines, REPLY_RETRY_LINE);
}

/* What the candidates have in common. */
struct standings {
	bool configured; /* one is set up */
	bool usable;     /* one is available */
	bool paused;     /* one is paused, not for a rejected credential, or capped until a time */
};

static struct standings
summarize(const struct plan *plan)
{
	struct standings found = {0};
	for (size_t i = 0; i < plan->n; i++) {
		const struct candidate *c = &plan->candidates[i];
		enum standing s = c->standing;
		found.configured |= s != STANDING_UNCONFIGURED && s != STANDING_DISABLED;
		found.usable |= plan_usable(s);
		found.paused |= s == STANDING_PAUSED || s == STANDING_PROBED ||
				(s == STANDING_CAPPED && c->until_ms != 0);
	}
	return found;
}

void
no_provider_reply(struct no_provider *n, const struct no_provider_query *query)
{
	const struct standings found = summarize(query->plan);
	bool written;
	if (query->limited && found.usable)
		written = write_paused(n, query, query->now_ms);
	else if (query->spent && found.usable)
		written = write_spent(n);
	else if (found.paused)
		written = write_paused(n, query, plan_earliest_ms(query->plan));
	else
		written = write_unavailable(n, query, found.configured);
	if (written && query->last[0] != '\0')
		written = buf_printf(&n->message, " The last response: %s.", query->last);
	/* Out of memory: the status of no_provider_init(), with what was written of the message. */
	if (!written)
		n->status = 503;
}
