/* SPDX-License-Identifier: MIT */
#include "route/target.h"

#include "base/log.h"
#include "dialect/dialect.h"
#include "route/learned.h"

#include <stdio.h>

void
target_set(struct target *t, const struct candidate *c, const struct state *state,
	   const char *model)
{
	const struct plan_view *view = c->view;
	uint64_t own_account = view->credential.stored ? 0 : view->account.key.account;
	*t = (struct target){
	    .provider = view->provider,
	    .index = view->index,
	    .pool = view->pool,
	    .credential = view->credential,
	    .key = view->account.key,
	    .own_account = own_account,
	    .lease = t->lease,
	    .first_name = learned_first(state, view->provider, model, own_account),
	};
}

bool
target_is_pooled(const struct target *t)
{
	return (t->pool & (t->pool - 1)) != 0;
}

const char *
target_model(const struct target *t, const struct request *r)
{
	return t->model[0] != '\0' ? t->model : r->message.model;
}

bool
target_asks_for_1h(const struct target *t, const struct request *r)
{
	return t->provider->dialect->keeps_cache_control && r->message.cache_1h;
}

void
target_choose_model(struct target *t, const struct state *state, const struct request *r)
{
	const struct dialect *dialect = t->provider->dialect;
	const char *model =
	    learned_name_at(t->provider, r->message.model, t->first_name, t->successor);
	const char *sent = dialect->model == NULL ? model : dialect->model(&r->message, model);
	snprintf(t->model, sizeof t->model, "%s", sent == NULL ? "" : sent);
	t->family = message_family_id(target_model(t, r));
	t->quirks |= learned_quirks(state, t->provider, target_model(t, r), t->own_account);
}

bool
target_write_body(struct target *t, const struct state *state, const struct request *r,
		  struct buf *out)
{
	const struct dialect *dialect = t->provider->dialect;
	target_choose_model(t, state, r);
	buf_free(out);
	const struct handover handover = {
	    .provider = t->provider->name,
	    .model = learned_name_at(t->provider, r->message.model, t->first_name, t->successor),
	    .body = r->body.data,
	    .body_len = r->body.len,
	    .message = &r->message,
	    .key = state_key(state),
	    .quirks = t->quirks,
	};
	return !route_has_message(r->route) || dialect->encode(&handover, out) != HANDOVER_FAILED;
}

bool
target_try_another(struct target *t, const struct request *r, const struct verdict *verdict,
		   const char *error)
{
	const struct dialect *dialect = t->provider->dialect;
	if (verdict->kind == VERDICT_SUCCESSOR) {
		const char *next =
		    learned_name_at(t->provider, r->message.model, t->first_name, t->successor + 1);
		t->successor += next != NULL;
		return next != NULL;
	}
	unsigned quirk = dialect->quirk == NULL ? 0 : dialect->quirk(verdict->status, error);
	bool is_new = (quirk & ~t->quirks) != 0;
	t->quirks |= quirk;
	return is_new;
}

void
target_worked(const struct target *t, struct state *state, const struct request *r)
{
	const char *model = r->message.model;
	const char *refused = learned_name_at(t->provider, model, t->first_name, 0);
	if (r->route->id == ROUTE_MESSAGES)
		learned_quirks_worked(state, t->provider, target_model(t, r), t->own_account,
				      t->quirks);
	if (t->successor > 0 &&
	    learned_name_worked(state, t->provider, model, t->own_account, t->model))
		log_line(LOG_NOTICE, "%s no longer knows %s: using %s instead", t->provider->name,
			 refused, t->model);
}
