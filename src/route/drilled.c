/* SPDX-License-Identifier: MIT */
#include "route/drilled.h"

#include "app.h"
#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/outcome.h"

#include <stdio.h>

/* The conversation without its sub-agents, which share it. */
static uint64_t
session_scope(const struct state *state, const struct request *r)
{
	char text[DRILL_SCOPE_SIZE];
	const char *session = headers_find(&r->headers, "x-claude-code-session-id");
	session = session == NULL ? r->message.session_id : session;
	return session[0] == '\0' ? 0 : state_name(state, drill_session_scope(session, text));
}

static uint64_t
client_scope(const struct state *state, const struct request *r)
{
	char text[DRILL_SCOPE_SIZE];
	return r->client[0] == '\0' ? 0 : state_name(state, drill_client_scope(r->client, text));
}

static struct drill_request
describe(const struct state *state, const struct request *r)
{
	const struct message *m = &r->message;
	bool is_message = r->route->id == ROUTE_MESSAGES && !m->side_call;
	return (struct drill_request){
	    .session = session_scope(state, r),
	    .client = client_scope(state, r),
	    .is_user_turn = is_message && !m->mid_loop,
	    .is_message = is_message,
	    .streams = m->stream,
	    .claude_code = r->claude_code,
	};
}

void
drilled_find(struct drilled *d, const struct state *state, const struct request *r)
{
	if (!state_drill(state, clock_wall_ms(), &d->drill))
		return;
	d->who = describe(state, r);
	if (drill_covers(&d->drill, &d->who))
		d->id = d->drill.id;
	else if (!drill_may_begin_with(&d->drill, &d->who))
		d->drill = (struct drill){0};
}

void
drilled_take(struct drilled *d, struct state *state, const struct candidate *chosen,
	     bool others_ready)
{
	const struct plan_view *view = chosen->view;
	const struct drill_attempt attempt = {
	    .provider = view->provider->id,
	    .stored = view->credential.stored,
	    .is_paused = chosen->cause != NULL && chosen->cause != &view->drill,
	    .others_ready = others_ready,
	};
	uint64_t scope = d->drill.scope == 0 ? d->who.session : d->drill.scope;
	d->is_now =
	    d->drill.id != 0 && !d->has_taken && drill_answers(&d->drill, &d->who, &attempt) &&
	    state_drill_bind(state, &d->drill, scope) && state_drill_take(state, d->drill.id);
	if (!d->is_now)
		return;
	d->has_taken = true;
	d->id = d->drill.id;
	state_count(state, d->drill.provider, COUNT_DRILLED);
}

struct attempt *
drilled_start(const struct drilled *d, struct pool *pool, const struct attempt_options *options,
	      void (*on_progress)(void *owner), void *owner)
{
	const struct dialect *dialect = options->provider->dialect;
	const struct drill_form form = {
	    .reports_quota = dialect->reports_quota,
	    .first_words = dialect->first_words,
	    .streams = d->who.streams,
	    .now_ms = clock_wall_ms(),
	};
	struct drill_response response;
	struct attempt *attempt = NULL;
	if (drill_respond(&d->drill, &form, &response)) {
		const struct attempt_script script = {
		    .head = buf_text(&response.head),
		    .body = buf_text(&response.body),
		    .body_len = response.body.len,
		    .ending = response.ending,
		};
		attempt = attempt_play(pool, options, &script, on_progress, owner);
	}
	drill_response_fini(&response);
	return attempt;
}

void
drilled_judge(const struct drilled *d, struct verdict *verdict)
{
	if (d->is_now && verdict->pause != PAUSE_NONE)
		verdict->until_ms = clock_wall_ms() + d->drill.rest_ms;
}

void
drilled_record(const struct drilled *d, struct app *app, const struct provider *provider,
	       const struct verdict *verdict)
{
	char text[ERROR_TEXT_MAX], id[DRILL_ID_SIZE], until[CLOCK_SHORT_SIZE];
	int64_t now_ms = clock_wall_ms();
	if (verdict->pause == PAUSE_NONE ||
	    !state_drill_rest(app->state, d->drill.id, now_ms, verdict->until_ms))
		return;
	snprintf(text, sizeof text, "drill %s: %s is paused until %s for what it covers (as if %s)",
		 state_drill_name(d->drill.id, id), provider->name,
		 clock_short(verdict->until_ms, now_ms, until), verdict->why);
	outcome_report(app, NOTICE_DRILL, provider->name, text);
}

void
drilled_served(const struct drilled *d, struct app *app, const struct provider *provider)
{
	char text[ERROR_TEXT_MAX], id[DRILL_ID_SIZE];
	if (d->drill.id == 0 || d->drill.provider != provider->id || d->drill.until_ms == 0 ||
	    !state_drill_return(app->state, d->drill.id, clock_wall_ms()))
		return;
	snprintf(text, sizeof text, "drill %s: %s serves what it covers again",
		 state_drill_name(d->drill.id, id), provider->name);
	outcome_report(app, NOTICE_DRILL, provider->name, text);
}
