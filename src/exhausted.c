#include "exhausted.h"

#include "caps.h"
#include "clock.h"

#include <inttypes.h>

/* CLIENT.md 6: up to 60 s Claude Code waits by itself; a longer wait it is told
 * only in parts, since 61 fails at once. */
#define ASK_AGAIN_S       55
#define ASK_AGAIN_UNTIL_S (5 * 60)

void
exhausted_init(struct exhausted *e)
{
	*e = (struct exhausted){.status = 503, .type = "api_error"};
	buf_init(&e->lines, ANSWER_HEAD_PASSED_MAX);
	buf_init(&e->message, ANSWER_HEAD_PASSED_MAX);
}

void
exhausted_fini(struct exhausted *e)
{
	buf_free(&e->lines);
	buf_free(&e->message);
}

/* A list that is too long is told in part: enough to know what to do. */
static void
name_each(struct exhausted *e, const struct plan *plan, int64_t now_ms)
{
	for (size_t i = 0; i < plan->n; i++) {
		char reason[ERROR_TEXT_MAX];
		plan_reason(&plan->candidates[i], now_ms, reason, sizeof reason);
		if (!buf_printf(&e->message, "%s%s", i == 0 ? " " : "; ", reason))
			return;
	}
	if (!buf_puts(&e->message, "."))
		return;
}

static bool
all_rest(struct exhausted *e, const struct plan *plan, int64_t earliest_ms, bool login,
	 int64_t now_ms)
{
	int64_t wait_s = (earliest_ms - now_ms + 999) / 1000;
	wait_s = wait_s < 1 ? 1 : wait_s;
	bool soon = wait_s <= ASK_AGAIN_UNTIL_S;
	e->status = 429;
	e->type = "rate_limit_error";
	if (!buf_puts(&e->message, "No provider can answer now:"))
		return false;
	name_each(e, plan, now_ms);
	if (!buf_printf(&e->lines, "retry-after: %" PRId64 "\r\n",
			soon && wait_s > ASK_AGAIN_S ? ASK_AGAIN_S : wait_s))
		return false;
	if (soon || !login)
		return true;
	return buf_printf(&e->lines,
			  "anthropic-ratelimit-unified-status: rejected\r\n"
			  "anthropic-ratelimit-unified-reset: %" PRId64 "\r\n"
			  "anthropic-ratelimit-unified-representative-claim: five_hour\r\n",
			  (earliest_ms + 999) / 1000);
}

static bool
is_configured(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->candidates[i].standing != STANDING_UNCONFIGURED &&
		    plan->candidates[i].standing != STANDING_DISABLED)
			return true;
	return false;
}

static bool
nobody(struct exhausted *e, const struct plan *plan, int64_t now_ms)
{
	bool configured = is_configured(plan);
	e->status = configured ? 503 : 403;
	e->type = configured ? "api_error" : "permission_error";
	if (!buf_puts(&e->message, configured ? "No provider can answer this request:"
					      : "No provider is set up for this request:"))
		return false;
	name_each(e, plan, now_ms);
	return buf_puts(&e->message, configured ? " See /v1/status on the router."
						: " Add a credential to tokens.txt, or log in with "
						  "Claude Code.") &&
	       buf_puts(&e->lines, "x-should-retry: false\r\n");
}

/* Whether anybody rests for another reason than a refused credential. */
static bool
anybody_rests(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		enum standing s = plan->candidates[i].standing;
		if (s == STANDING_RESTS || s == STANDING_PROBED)
			return true;
	}
	return false;
}

void
exhausted_answer(struct exhausted *e, const struct plan *plan, const char *last, bool login,
		 int64_t now_ms)
{
	int64_t earliest_ms = plan_earliest_ms(plan);
	bool told = anybody_rests(plan) ? all_rest(e, plan, earliest_ms, login, now_ms)
					: nobody(e, plan, now_ms);
	if (last[0] != '\0')
		told = told && buf_printf(&e->message, " The last answer: %s.", last);
	/* Without memory for it the answer is the shorter one of exhausted_init(). */
	if (!told)
		e->status = 503;
}
