/* SPDX-License-Identifier: MIT */
/* Starts an exchange, follows its steps, and receives its events. What each step does is in
 * step_*.c. */
#include "route/exchange.h"

#include "base/caps.h"
#include "base/clock.h"
#include "base/log.h"
#include "route/record.h"
#include "route/steps.h"

#include <stdlib.h>

/* Follows the steps until one waits for an event. After close, the exchange may be freed. */
static void
run(struct exchange *x, const struct step *step)
{
	while (step != NULL) {
		x->step = step;
		step = step->run(x);
	}
}

/* --- Events ----------------------------------------------------------- */

/* Bytes arrived from the provider, or the attempt ended. */
static void
on_progress(void *owner)
{
	struct exchange *x = owner;
	enum ending ending;
	x->target.bytes_ms = clock_steady_ms();
	if (x->step == &step_ask || x->step == &step_receive)
		run(x, &step_receive);
	else if (x->step == &step_relay)
		run(x, &step_relay);
	else if (x->step == &step_close && attempt_ended(x->attempt, &ending))
		steps_free(x);
}

/* This machine's messenger has answered, or not in time. */
static void
on_answered(struct share_ask *ask, enum share_answer answer)
{
	struct exchange *x = CONTAINER_OF(ask, struct exchange, share_ask);
	run(x, x->step == &step_lease ? steps_leased(x, answer) : steps_parted(x, answer));
}

static void
on_timer(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, timer);
	if (x->step == &step_close)
		steps_free(x);
	else
		run(x, x->after);
}

static void
on_timeouts(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, timeouts);
	lease_renew(&x->target.lease, x->app->state);
	run(x, steps_check_timeouts(x));
}

/* The equal request that this one waited for has its response, or will get none. */
static void
on_leader_left(struct task *task)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, leader_left);
	loop_cancel(x->app->loop, &x->timer);
	run(x, &step_share);
}

/* Not at once: the leader is in the middle of a step. */
static void
queue_leader_left(struct flight *flight)
{
	struct exchange *x = CONTAINER_OF(flight, struct exchange, flight);
	loop_queue(x->app->loop, &x->leader_left);
}

/* The client has read what was waiting for it. */
static void
on_drained(void *handling)
{
	struct exchange *x = handling;
	if (x->step == &step_relay)
		attempt_resume(x->attempt);
}

/* The client has disconnected. */
static void
on_aborted(void *handling)
{
	struct exchange *x = handling;
	x->status = STATUS_ABORTED;
	run(x, &step_close);
}

/* --- Begin ------------------------------------------------------------ */

/* Logged once: the operator may wonder why such a client is served by its plan. */
static void
log_login_as_key(struct app *app, const struct request *request)
{
	if (!request->login_as_key || app->logged_login_as_key)
		return;
	app->logged_login_as_key = true;
	log_line(LOG_NOTICE, "%s sends its Claude login as x-api-key: it is used as the login",
		 request_client(request));
}

static struct exchange *
exchange_new(struct client *client)
{
	struct exchange *x = calloc(1, sizeof *x);
	if (x == NULL)
		return NULL;
	x->client = client;
	x->app = client->app;
	x->config = config_share(client->app->config);
	x->tokens = tokens_share(client->app->tokens);
	x->request = &client->request;
	x->auxiliary = client->request.route->id != ROUTE_MESSAGES;
	x->probe_id = digest_name(client->request.id);
	x->start_ms = clock_steady_ms();
	x->first_ms = -1;
	x->on_progress = on_progress;
	x->share_ask.answered = on_answered;
	x->timer.due = on_timer;
	x->timeouts.due = on_timeouts;
	x->flight.leader_left = queue_leader_left;
	x->leader_left.run = on_leader_left;
	buf_init(&x->body, 2 * x->request->body.max + 65536);
	kept_init(&x->kept);
	buf_init(&x->trail, ATTEMPTS_TEXT_MAX);
	return x;
}

void
exchange_start(struct client *client)
{
	static const struct handler handler = {on_drained, on_aborted};
	struct exchange *x = exchange_new(client);
	log_login_as_key(client->app, &client->request);
	if (x == NULL) {
		replies_out_of_memory(client);
		return;
	}
	client->handler = &handler;
	client->handling = x;
	identity_find(&x->identity, x->app->state, x->request);
	run(x, x->auxiliary ? &step_plan : &step_recall);
}
