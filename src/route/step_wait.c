/* SPDX-License-Identifier: MIT */
/* The step wait: for a retry, or until a provider is available. */
#include "route/steps.h"

static const struct step *
wait(struct exchange *x)
{
	loop_cancel(x->app->loop, &x->timeouts);
	if (loop_after(x->app->loop, &x->timer, x->wait_ms))
		return NULL;
	return steps_close(x, replies_out_of_memory(steps_begin_reply(x)));
}

const struct step step_wait = {"wait", wait};
