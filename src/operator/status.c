/* SPDX-License-Identifier: MIT */
#include "operator/status.h"

#include "base/clock.h"
#include "base/count.h"
#include "money/caps.h"
#include "operator/drills.h"
#include "json/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Members ---------------------------------------------------------- */

static void
add_text(json_object *o, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		tree_put_null(o, name);
	else
		tree_put(o, name, json_object_new_string(text));
}

static void
add_number(json_object *o, const char *name, int64_t number)
{
	tree_put(o, name, json_object_new_int64(number));
}

static void
add_bool(json_object *o, const char *name, bool value)
{
	tree_put(o, name, json_object_new_boolean(value));
}

/* at_ms 0: null. */
static void
add_time(json_object *o, const char *name, int64_t at_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	add_text(o, name, at_ms == 0 ? NULL : clock_rfc3339(at_ms, text));
}

/* --- The plan --------------------------------------------------------- */

static const struct candidate *
current(const struct plan *plan)
{
	return plan->n_usable > 0 ? &plan->candidates[0] : NULL;
}

const struct provider *
status_current(const struct candidates *s)
{
	const struct candidate *c = current(&s->plan);
	return c == NULL ? NULL : c->view->provider;
}

/* The provider that the operator wants: the one chosen by hand, if it can be tried (that may be as
 * a probe); else the first that is set up. */
static const struct candidate *
first_choice(const struct candidates *s)
{
	const struct candidate *top = current(&s->plan);
	if (top != NULL && top->is_chosen)
		return top;
	for (size_t i = 0; i < s->n_views; i++) {
		const struct candidate *c = candidates_find(s, s->views[i].provider);
		if (c->standing != STANDING_DISABLED && c->standing != STANDING_UNCONFIGURED)
			return c;
	}
	return NULL;
}

static const char *
condition(const struct candidates *s)
{
	const struct candidate *top = current(&s->plan);
	if (top == NULL)
		return "unhealthy";
	return top == first_choice(s) ? "healthy" : "degraded";
}

/* Why the current provider is used: how the first choice stands. */
static const char *
reason(const struct candidates *s, char *text, size_t size)
{
	const struct candidate *first = first_choice(s);
	if (first == NULL)
		snprintf(text, size, "no provider is set up: add a credential to tokens.txt");
	else
		plan_reason(first, clock_wall_ms(), text, size);
	return text;
}

/* The quota window that is used most; NULL: none is known. */
static const struct health_window *
fullest(const struct health *h)
{
	const struct health_window *most = NULL;
	for (size_t i = 0; i < COUNT(h->windows); i++)
		if (h->windows[i].name[0] != '\0' && h->windows[i].reset_ms > clock_wall_ms() &&
		    (most == NULL || h->windows[i].permille > most->permille))
			most = &h->windows[i];
	return most;
}

static void
append_window(const struct candidate *c, char *text, size_t size)
{
	const struct health_window *w = fullest(&c->view->account);
	size_t n = strlen(text);
	if (w == NULL)
		return;
	size_t digits = strspn(w->name, "0123456789");
	snprintf(text + n, size - n, " · %u %% of %.*s %s", (w->permille + 5) / 10, (int)digits,
		 w->name, w->name + digits);
}

/* Who pays, unless it is the plan. */
static void
append_bill(const struct candidate *c, char *text, size_t size)
{
	size_t n = strlen(text);
	if (credential_is_billed(&c->view->credential, c->view->provider))
		snprintf(text + n, size - n, " · billed to your %s account",
			 config_display_name(c->view->provider->name));
}

const char *
status_line(const struct candidates *s, char *text, size_t size)
{
	const struct candidate *top = current(&s->plan);
	const struct candidate *first = first_choice(s);
	int64_t now_ms = clock_wall_ms();
	char when[CLOCK_SHORT_SIZE];
	if (top == NULL) {
		int64_t earliest_ms = plan_earliest_ms(&s->plan);
		if (earliest_ms == 0)
			snprintf(text, size, "no provider");
		else
			snprintf(text, size, "all paused (until %s)",
				 clock_short(earliest_ms, now_ms, when));
		return text;
	}
	snprintf(text, size, "%s", config_display_name(top->view->provider->name));
	size_t n = strlen(text);
	if (first != NULL && first != top && first->until_ms > now_ms)
		snprintf(text + n, size - n, " (%s %s until %s)",
			 config_display_name(first->view->provider->name),
			 first->standing == STANDING_SPARED ? "spared" : "paused",
			 clock_short(first->until_ms, now_ms, when));
	else
		append_window(top, text, size);
	append_bill(top, text, size);
	return text;
}

/* --- JSON ------------------------------------------------------------- */

static void
add_summary(json_object *o, const struct summary *summary, const struct candidates *s)
{
	const struct provider *p = status_current(s);
	add_text(o, "status", condition(s));
	add_text(o, "current_provider", p == NULL ? NULL : p->name);
	add_number(o, "failover_count", (int64_t)summary->failover_count);
	add_time(o, "last_failover", summary->last_failover_ms);
	add_time(o, "last_health_check", summary->last_check_ms);
	add_number(o, "health_check_failures", (int64_t)summary->check_failures);
}

static void
add_line(json_object *o, const struct candidates *s)
{
	char line[STATUS_LINE_SIZE];
	add_text(o, "line", status_line(s, line, sizeof line));
}

static json_object *
windows(const struct provider *provider, const struct health *h)
{
	json_object *o = json_object_new_object();
	for (size_t i = 0; i < COUNT(h->windows); i++) {
		const struct health_window *w = &h->windows[i];
		if (w->name[0] == '\0')
			continue;
		json_object *window = json_object_new_object();
		tree_put(window, "utilization", json_object_new_double((double)w->permille / 1000));
		add_time(window, "reset", w->reset_ms);
		uint32_t leave_at = config_leave_at(provider, w->name);
		if (leave_at != 0)
			tree_put(window, "leave_at",
				 json_object_new_double((double)leave_at / 1000));
		tree_put(o, w->name, window);
	}
	return o;
}

/* 0: it is not paused. */
static int64_t
paused_until_ms(const struct candidate *c)
{
	return plan_usable(c->standing) ? 0 : c->until_ms;
}

/* When a pause, or the time in which it is spared, is over; 0: neither. */
static int64_t
until_ms(const struct candidate *c)
{
	return c->standing == STANDING_SPARED ? c->until_ms : paused_until_ms(c);
}

static json_object *
provider_health(const struct candidate *c, bool figures)
{
	json_object *o = json_object_new_object();
	add_bool(o, "active", plan_usable(c->standing));
	if (!figures)
		return o;
	add_time(o, "until", until_ms(c));
	tree_put(o, "windows", windows(c->view->provider, &c->view->account));
	return o;
}

json_object *
status_health(const struct app *app, bool figures, bool *healthy)
{
	struct candidates *s = candidates_latest(app, "");
	struct summary summary;
	*healthy = s != NULL && s->plan.n_usable > 0;
	if (s == NULL)
		return NULL;
	json_object *o = json_object_new_object();
	json_object *providers = json_object_new_object();
	state_summary(app->state, &summary);
	add_summary(o, &summary, s);
	for (size_t i = 0; i < app->config->n_providers; i++) {
		const struct candidate *c = candidates_find(s, &app->config->providers[i]);
		tree_put(providers, c->view->provider->name, provider_health(c, figures));
	}
	tree_put(o, "providers", providers);
	add_line(o, s);
	free(s);
	return o;
}

static int64_t
count_accounts(const struct state *state, uint64_t provider)
{
	struct health all[STATE_HEALTHS];
	int64_t accounts = 0;
	size_t n = state_healths(state, provider, all, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++)
		accounts += all[i].key.account != 0 && all[i].key.family == 0;
	return accounts;
}

static void
add_counters(json_object *o, const struct state *state, uint64_t provider)
{
	static const struct {
		const char *name;
		enum counter counter;
	} shown[] = {{"requests", COUNT_REQUESTS},
		     {"attempts", COUNT_ATTEMPTS},
		     {"failures", COUNT_FAILURES}};
	for (size_t i = 0; i < COUNT(shown); i++)
		add_number(o, shown[i].name,
			   (int64_t)state_counted(state, provider, shown[i].counter));
}

/* The model name in use, that of the first rule with another name than its default, else of the
 * last rule; NULL: no rules. */
static const char *
model_in_use(const struct app *app, const struct provider *p)
{
	for (size_t i = 0; i < p->n_models; i++) {
		size_t name = (size_t)state_model(app->state, p->models[i].id, clock_wall_ms());
		if (i + 1 == p->n_models || name != 0)
			return p->models[i].names[name < p->models[i].n_names ? name : 0];
	}
	return NULL;
}

/* How the accounts that the candidate's provider can be used with stand, by the labels in
 * tokens.txt; NULL: one without a label, if any, of which the provider's status says all. */
static json_object *
credentials_status(const struct candidates *s, const struct candidate *of)
{
	json_object *list = NULL;
	char text[ERROR_TEXT_MAX];
	for (size_t i = 0; i < s->plan.n; i++) {
		const struct candidate *c = &s->plan.candidates[i];
		const char *label = c->view->credential.label;
		if (c->view->provider != of->view->provider || label == NULL ||
		    (label[0] == '\0' && c->view->pool == UINT64_C(1) << c->view->index))
			continue;
		json_object *o = json_object_new_object();
		tree_put(o, "label", json_object_new_string(label));
		add_text(o, "state", plan_state_name(c->standing));
		add_time(o, "until", until_ms(c));
		add_text(o, "why", c->cause == NULL ? NULL : c->cause->why);
		add_text(o, "reason", plan_reason(c, clock_wall_ms(), text, sizeof text));
		add_bool(o, "active", plan_usable(c->standing));
		add_time(o, "last_success", c->view->account.success_ms);
		add_time(o, "last_error", c->view->account.error_ms);
		add_text(o, "last_error_why", c->view->account.error);
		list = list == NULL ? json_object_new_array() : list;
		tree_add(list, o);
	}
	return list;
}

static json_object *
provider_status(const struct app *app, const struct candidates *s, const struct candidate *c)
{
	json_object *o = json_object_new_object();
	const struct provider *p = c->view->provider;
	const struct health *account = &c->view->account;
	char text[ERROR_TEXT_MAX];
	add_bool(o, "configured",
		 c->standing != STANDING_UNCONFIGURED && c->standing != STANDING_DISABLED);
	add_text(o, "state", plan_state_name(c->standing));
	add_time(o, "until", until_ms(c));
	add_text(o, "why", c->cause == NULL ? NULL : c->cause->why);
	add_text(o, "reason", plan_reason(c, clock_wall_ms(), text, sizeof text));
	add_bool(o, "active", plan_usable(c->standing));
	add_bool(o, "paid", p->paid);
	add_text(o, "model", model_in_use(app, p));
	tree_put(o, "windows", windows(p, account));
	add_number(o, "accounts", count_accounts(app->state, p->id));
	add_counters(o, app->state, p->id);
	add_time(o, "last_success", account->success_ms);
	add_time(o, "last_error", account->error_ms);
	add_text(o, "last_error_why", account->error);
	json_object *credentials = credentials_status(s, c);
	if (credentials != NULL)
		tree_put(o, "credentials", credentials);
	return o;
}

static json_object *
file_status(int64_t loaded_ms, const char *error)
{
	json_object *o = json_object_new_object();
	add_time(o, "loaded", loaded_ms);
	add_text(o, "error", error);
	return o;
}

static json_object *
keys_status(const struct app *app)
{
	const char *error = app->reload.keys_error;
	if (error[0] == '\0')
		error = keys_warning(app->config, app->keys);
	json_object *o = file_status(keys_loaded_ms(app->keys), error);
	add_number(o, "keys", (int64_t)keys_count(app->keys));
	return o;
}

static int64_t
count_streams(const struct state *state, size_t *n_processes)
{
	struct process all[STATE_PROCESSES];
	int64_t streams = 0;
	*n_processes = state_processes(state, all, STATE_PROCESSES);
	for (size_t i = 0; i < *n_processes; i++)
		streams += (int64_t)all[i].streams;
	return streams;
}

/* What is counted, and whether it can be. */
static json_object *
ledger_status_of(const struct app *app)
{
	static const char *const states[] = {"ok", "ok", "failing", "off"};
	struct ledger_status status = {.state = LEDGER_OFF};
	json_object *o = json_object_new_object();
	if (app->ledger != NULL)
		ledger_status(app->ledger, &status);
	add_text(o, "state", states[status.state]);
	add_text(o, "why", status.why);
	add_number(o, "written", (int64_t)status.written);
	add_number(o, "queued", (int64_t)status.queued);
	add_number(o, "dropped", (int64_t)status.dropped);
	return o;
}

static json_object *
prices_status(const struct app *app)
{
	json_object *o = json_object_new_object();
	int64_t checked_ms = app->prices == NULL ? -1 : prices_checked_at(app->prices);
	if (checked_ms >= 0)
		add_time(o, "checked", checked_ms);
	add_text(o, "error", app->reload.prices_error);
	return o;
}

static json_object *
share_status(const struct app *app)
{
	struct state_share share;
	bool is_running = state_share(app->state, &share);
	json_object *o = json_object_new_object();
	add_text(o, "server", app->config->share);
	add_time(o, "connected", share.since_ms);
	if (share.since_ms != 0) {
		add_number(o, "machines", share.machines);
		add_number(o, "delay_ms", share.delay_ms);
		add_number(o, "clock_ms", share.clock_ms);
	} else if (share.silent_ms != 0) {
		add_time(o, "silent", share.silent_ms);
		add_text(o, "error", "claude-router-share does not answer");
	} else if (is_running) {
		add_time(o, "tried", share.tried_ms);
		add_text(o, "error", "not connected: the log of claude-router-share says why");
	} else {
		add_text(o, "error", "claude-router-share does not run");
	}
	add_number(o, "refused", (int64_t)share.refused);
	return o;
}

json_object *
status_full(const struct app *app)
{
	const struct reload *reload = &app->reload;
	struct candidates *s = candidates_latest(app, "");
	struct summary summary;
	char text[ERROR_TEXT_MAX];
	size_t n_processes;
	if (s == NULL)
		return NULL;
	json_object *o = json_object_new_object();
	json_object *providers = json_object_new_object();
	state_summary(app->state, &summary);
	add_summary(o, &summary, s);
	add_text(o, "mode", summary.manual[0] == '\0' ? "auto" : "manual");
	add_text(o, "reason", reason(s, text, sizeof text));
	add_line(o, s);
	for (size_t i = 0; i < app->config->n_providers; i++) {
		const struct candidate *c = candidates_find(s, &app->config->providers[i]);
		tree_put(providers, c->view->provider->name, provider_status(app, s, c));
	}
	tree_put(o, "providers", providers);
	tree_put(o, "tokens_file",
		 file_status(tokens_loaded_ms(app->tokens), reload->tokens_error));
	tree_put(o, "keys_file", keys_status(app));
	tree_put(o, "ledger", ledger_status_of(app));
	tree_put(o, "caps", caps_status(app->config, app->keys, app->state, clock_wall_ms()));
	tree_put(o, "prices", prices_status(app));
	json_object *config = file_status(reload->config_loaded_ms, reload->config_error);
	add_text(config, "restart", reload->restart);
	tree_put(o, "config", config);
	json_object *drill = drills_status(app);
	if (drill != NULL)
		tree_put(o, "drill", drill);
	else
		tree_put_null(o, "drill");
	if (app->config->share[0] != '\0')
		tree_put(o, "share", share_status(app));
	add_number(o, "streams", count_streams(app->state, &n_processes));
	add_number(o, "processes", (int64_t)n_processes);
	add_text(o, "version", PACKAGE_VERSION);
	free(s);
	return o;
}

/* --- Metrics ---------------------------------------------------------- */

static void
measure_provider(const struct app *app, const struct candidate *c, struct metrics_provider *out)
{
	const struct health *account = &c->view->account;
	size_t n = 0;
	out->name = c->view->provider->name;
	out->active = plan_usable(c->standing);
	out->until_ms = paused_until_ms(c);
	state_counts(app->state, c->view->provider->id, out->counts);
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *w = &account->windows[i];
		/* The use of a window that is over says nothing about the next. */
		if (w->reset_ms == 0 || w->reset_ms > clock_wall_ms())
			out->windows[n++] = *w;
	}
}

bool
status_metrics(const struct app *app, struct metrics *m)
{
	const struct reload *reload = &app->reload;
	struct candidates *s = candidates_latest(app, "");
	struct summary summary;
	size_t n_processes;
	if (s == NULL)
		return false;
	state_summary(app->state, &summary);
	*m = (struct metrics){
	    .version = PACKAGE_VERSION,
	    .n_providers = app->config->n_providers,
	    .failovers = summary.failover_count,
	    .streams = (uint64_t)count_streams(app->state, &n_processes),
	    .config = {reload->config_loaded_ms, reload->config_error[0] == '\0'},
	    .tokens = {tokens_loaded_ms(app->tokens), reload->tokens_error[0] == '\0'},
	};
	m->processes = n_processes;
	m->is_sharing = app->config->share[0] != '\0';
	state_share(app->state, &m->share);
	m->n_caps = caps_uses(app->config, app->state, clock_wall_ms(), m->caps);
	state_counts(app->state, STATE_NOBODY, m->none);
	for (size_t i = 0; i < m->n_providers; i++)
		measure_provider(app, candidates_find(s, &app->config->providers[i]),
				 &m->providers[i]);
	free(s);
	return true;
}
