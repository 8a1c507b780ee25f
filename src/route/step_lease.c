/* SPDX-License-Identifier: MIT */
/* The step lease: a probe of a provider of which other machines know, too, is made by one of all of
 * them (BEHAVIOUR 5). */
#include "base/clock.h"
#include "route/steps.h"

enum { MUTE_MS = 5000 }; /* a messenger that lost its server says so in two */

static const struct step *
lease(struct exchange *x)
{
	const struct share_wish wish = {.kind = SHARE_LEASE,
					.lease = {x->target.lease.key, x->target.lease.holder}};
	if (!x->target.lease.held || !state_share_is_connected(x->app->state))
		return &step_share;
	loop_cancel(x->app->loop, &x->timeouts);
	enum share_answer answer =
	    share_ask_begin(&x->share_ask, x->app->loop, state_path(x->app->state), &wish);
	return answer == SHARE_ASKED ? NULL : steps_leased(x, answer);
}

const struct step step_lease = {"lease", lease};

/* Whether the messenger, which is there and connected by its own word, has answered nothing for so
 * long that it cannot be asked: its socket may be another user's. Then this machine is alone. */
static bool
is_mute(struct app *app, enum share_answer answer)
{
	int64_t now_ms = clock_steady_ms();
	if (answer != SHARE_SILENT)
		app->unanswered_ms = 0;
	else if (app->unanswered_ms == 0)
		app->unanswered_ms = now_ms;
	return answer == SHARE_SILENT && now_ms - app->unanswered_ms > MUTE_MS;
}

/* Refused, the local lease stays taken until the other machine's result comes as news, or it runs
 * out: nobody here need ask again. Without an answer the next request may. */
const struct step *
steps_leased(struct exchange *x, enum share_answer answer)
{
	if (is_mute(x->app, answer) || answer == SHARE_GRANTED)
		return &step_share;
	if (answer == SHARE_REFUSED)
		x->target.lease.held = false;
	lease_release(&x->target.lease, x->app->state);
	x->probed |= UINT64_C(1) << x->target.index;
	x->target.provider = x->asked;
	return &step_plan;
}
