/* SPDX-License-Identifier: MIT */
#include "main/ctl_drill.h"

#include "app/cli.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/printable.h"
#include "config/text.h"
#include "doctor/http.h"
#include "money/amount.h"
#include "route/drill.h"
#include "route/learned.h"
#include "json/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	WORKS = 0,
	WORKS_NOT = 1,
	NOT_TRIED = 2,
	MESSAGE_MS = 120000, /* for the reply to a message */
	FIND_MS = 2000,
	MAX_TOKENS = 16,
	TEXT_BYTES = 2000, /* of a message as it is sent, at most */
	POLL_MS = 100,
};

/* A drill of its own that runs. */
struct run {
	struct app *app;
	const struct drills_plan *plan;
	const char *url;
	char session[64];
	char body[512];
	size_t sent;
	size_t answered;
	bool works; /* so far */
	bool json;  /* only the result is printed */
};

static int
fail(int status, const char *why)
{
	return cli_error("claude-router-ctl", status, why);
}

/* --- The router ----------------------------------------------------------- */

static bool
is_router(const char *url)
{
	char health[1024];
	struct http_response response = {.code = CURLE_URL_MALFORMAT};
	const struct http_request request = {
	    .url = health, .body_bytes = -1, .timeout_ms = FIND_MS};
	int n =
	    snprintf(health, sizeof health, "%.*s/health?live=1", (int)text_url_length(url), url);
	bool is_there = n > 0 && (size_t)n < sizeof health && http_fetch(&request, &response, 1) &&
			response.code == CURLE_OK && response.status == 200 &&
			response.provider[0] != '\0';
	http_response_fini(&response);
	return is_there;
}

/* NULL: none answers. */
static const char *
find_router(const char *given)
{
	static const char *const usual[] = {"http://127.0.0.1:8000",
					    "http://127.0.0.1/claude-router"};
	if (given != NULL)
		return is_router(given) ? given : NULL;
	for (size_t i = 0; i < COUNT(usual); i++)
		if (is_router(usual[i]))
			return usual[i];
	return NULL;
}

/* --- Its own messages ------------------------------------------------------ */

/* A Haiku, as of the health check: others require what only Claude Code sends. */
static const char *
model_of(const struct config *config)
{
	return config->health_check_models[0];
}

static bool
make_conversation(struct run *r)
{
	uint8_t bytes[12];
	char hex[2 * sizeof bytes + 1];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return false;
	snprintf(r->session, sizeof r->session, "drill-%s", hex_write(bytes, sizeof bytes, hex));
	snprintf(r->body, sizeof r->body,
		 "{\"model\":\"%s\",\"max_tokens\":%d,\"messages\":[{\"role\":\"user\","
		 "\"content\":\"ping\"}]}",
		 model_of(r->app->config), (int)MAX_TOKENS);
	return true;
}

static void
print_reply(const struct run *r, const struct http_response *response, const char *remark,
	    bool is_answered)
{
	char text[PRINTABLE_SIZE];
	printf("%zu  %-12s %3ld  %6" PRId64 " ms  %s\n", r->sent,
	       response->provider[0] == '\0' ? "-" : response->provider, response->status,
	       response->took_ms, remark);
	if (!is_answered && response->body.len > 0)
		printf("   %s\n",
		       printable(response->body.data, response->body.len, text, sizeof text));
	fflush(stdout);
}

/* Sends one message, and prints what came of it. Returns who answered; "": nobody. */
static void
send_message(struct run *r, const char *remark, char provider[static PROVIDER_NAME_MAX],
	     bool *is_drilled)
{
	char url[1024], header[96], id[DRILL_ID_SIZE];
	struct http_response response = {.code = CURLE_URL_MALFORMAT};
	const struct http_request request = {.url = url,
					     .header = header,
					     .extra_header = "anthropic-version: 2023-06-01",
					     .body_bytes = -1,
					     .json = r->body,
					     .timeout_ms = MESSAGE_MS};
	snprintf(header, sizeof header, "x-claude-code-session-id: %s", r->session);
	int n = snprintf(url, sizeof url, "%.*s/v1/messages", (int)text_url_length(r->url), r->url);
	bool is_sent = n > 0 && (size_t)n < sizeof url && http_fetch(&request, &response, 1);
	bool is_answered = is_sent && response.code == CURLE_OK && response.status == 200;
	state_drill_name(r->plan->drill.id, id);
	*is_drilled = strcmp(response.drill, id) == 0;
	snprintf(provider, PROVIDER_NAME_MAX, "%s", is_answered ? response.provider : "");
	r->answered += is_answered;
	r->sent++;
	if (!r->json)
		print_reply(r, &response, remark, is_answered);
	http_response_fini(&response);
}

static bool
is_drilled_one(const struct run *r, const char *provider)
{
	return strcmp(provider, r->plan->provider->name) == 0;
}

/* Waits until the drill's pause is over. False: there is none, or the drill has ended. */
static bool
wait_for_pause(const struct run *r)
{
	const struct timespec pause = {.tv_nsec = (long)POLL_MS * 1000000};
	struct drill d;
	bool was_paused = false;
	while (state_drill(r->app->state, clock_wall_ms(), &d) && d.id == r->plan->drill.id &&
	       d.until_ms != 0) {
		was_paused = true;
		if (d.until_ms <= clock_wall_ms())
			return true;
		nanosleep(&pause, NULL);
	}
	return was_paused && d.id == r->plan->drill.id;
}

/* One request that the drill answers, one while the provider is paused, and the pause. False: the
 * drill did not take place. */
static bool
leave(struct run *r)
{
	char provider[PROVIDER_NAME_MAX], remark[128];
	bool is_drilled;
	struct drill d;
	snprintf(remark, sizeof remark, "(drill) %s fails as if: %s", r->plan->provider->name,
		 drill_kind_name(r->plan->drill.kind));
	send_message(r, remark, provider, &is_drilled);
	if (!is_drilled)
		return false;
	r->works &= provider[0] != '\0' && !is_drilled_one(r, provider);
	if (!state_drill(r->app->state, clock_wall_ms(), &d) || d.until_ms == 0)
		return r->works = false, true;
	snprintf(remark, sizeof remark, "%s is paused for this conversation (drill)",
		 r->plan->provider->name);
	send_message(r, remark, provider, &is_drilled);
	r->works &= provider[0] != '\0' && !is_drilled_one(r, provider);
	r->works &= wait_for_pause(r);
	return true;
}

/* The way back: the provider itself is asked. */
static void
come_back(struct run *r)
{
	char provider[PROVIDER_NAME_MAX];
	bool is_drilled;
	struct drill d;
	send_message(r, "the pause is over", provider, &is_drilled);
	r->works &= is_drilled_one(r, provider);
	/* It ends with the response of its probe. */
	r->works &= !state_drill(r->app->state, clock_wall_ms(), &d) || d.id != r->plan->drill.id;
}

static int
print_result(const struct run *r)
{
	json_object *o = json_object_new_object();
	tree_put(o, "works", json_object_new_boolean(r->works));
	tree_put(o, "sent", json_object_new_int64((int64_t)r->sent));
	tree_put(o, "answered", json_object_new_int64((int64_t)r->answered));
	int status = cli_print_json("claude-router-ctl", o);
	return status != EXIT_SUCCESS ? status : r->works ? WORKS : WORKS_NOT;
}

static int
run_own(struct run *r)
{
	for (unsigned i = 0; i < r->plan->drill.requests && r->works; i++)
		if (!leave(r)) {
			state_drill_stop(r->app->state, r->plan->drill.id);
			return fail(NOT_TRIED,
				    "the router did not take part: does it use this state "
				    "file, and serve messages without a client key?");
		}
	if (r->works)
		come_back(r);
	state_drill_stop(r->app->state, r->plan->drill.id);
	if (r->json)
		return print_result(r);
	printf("%s. %zu of %zu answered\n",
	       r->works ? "well: failover and return work" : "not well", r->answered, r->sent);
	return r->works ? WORKS : WORKS_NOT;
}

/* --- Money ----------------------------------------------------------------- */

/* The most that one of its own messages can cost there, in words. */
static const char *
bound_text(const struct app *app, const struct drills_plan *plan, char text[static 64])
{
	char amount[AMOUNT_SIZE];
	const char *model = model_of(app->config);
	const char *sent = learned_name(app->state, plan->next, model, 0, 0);
	const struct price_query query = {.provider = plan->next->name,
					  .model = sent == NULL ? model : sent,
					  .at_ms = clock_wall_ms()};
	const struct price_request request = {.text_bytes = TEXT_BYTES, .max_tokens = MAX_TOKENS};
	struct buf errors;
	buf_init(&errors, ERROR_TEXT_MAX);
	struct prices *prices = prices_load(app->config->prices_file, PRICES_SHIPPED, &errors);
	struct cost cost = {.is_known = false};
	if (prices != NULL)
		cost = prices_bound(prices, &query, &request);
	prices_free(prices);
	buf_free(&errors);
	if (!cost.is_known)
		snprintf(text, 64, "at a price that is not known");
	else
		snprintf(text, 64, "$%s each at most", amount_decimal(cost.nano_usd, amount));
	return text;
}

/* Whether it may cost what it costs. */
static bool
is_allowed(const struct ctl_drill_options *options, const struct drills_plan *plan)
{
	char answer[8] = "";
	if (!plan->is_billed || options->yes)
		return true;
	if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0)
		return false;
	fprintf(stderr, "Messages go to %s, which costs money. Go on? [y/N] ", plan->next->name);
	return fgets(answer, sizeof answer, stdin) != NULL && (*answer == 'y' || *answer == 'Y');
}

/* --- Public ------------------------------------------------------------------ */

/* Whether a responder could take part. */
static bool
has_responder(const struct state *state)
{
	struct process one;
	return state_processes(state, &one, 1) > 0;
}

static int
begin(struct app *app, struct drills_plan *plan)
{
	char id[DRILL_ID_SIZE], text[128];
	enum drill_begun begun = state_drill_begin(app->state, clock_wall_ms(), &plan->drill);
	if (begun == DRILL_BEGUN)
		return EXIT_SUCCESS;
	if (begun == DRILL_CLOSED)
		return fail(EX_TEMPFAIL, "the state file is busy: try again");
	snprintf(text, sizeof text, "the drill %s runs: claude-router-ctl drill stop ends it",
		 state_drill_name(plan->drill.id, id));
	return fail(NOT_TRIED, text);
}

static int
print_begun(const struct app *app, const struct ctl_drill_options *options,
	    const struct drills_plan *plan)
{
	char id[DRILL_ID_SIZE];
	if (options->json)
		return cli_print_json("claude-router-ctl", drills_status(app));
	printf("drill %s: %s\n", state_drill_name(plan->drill.id, id), plan->what);
	fflush(stdout);
	return EXIT_SUCCESS;
}

static int
dry_run(const struct app *app, const struct drills_plan *plan, bool is_own)
{
	char bound[64];
	printf("%s\n", plan->what);
	if (is_own)
		printf("%u messages of its own, of which %u go to %s: %s\n",
		       2 * plan->drill.requests + 1, 2 * plan->drill.requests, plan->next->name,
		       plan->is_billed ? bound_text(app, plan, bound) : "nothing is billed");
	return EXIT_SUCCESS;
}

static bool
has_scope(const struct drills_wish *wish)
{
	return wish->next || wish->session != NULL || wish->client != NULL;
}

/* Where a stored credential serves the provider, a conversation of its own is the default: then
 * nobody at all is touched. */
static bool
is_own(const struct app *app, const struct ctl_drill_options *options)
{
	const struct drills_wish *w = &options->wish;
	const struct provider *p = w->provider == NULL ? config_plan_provider(app->config)
						       : config_provider(app->config, w->provider);
	return options->self ||
	       (!has_scope(w) && p != NULL && tokens_get(app->tokens, p->name) != NULL);
}

int
ctl_drill(struct app *app, const struct ctl_drill_options *options)
{
	struct drills_wish wish = options->wish;
	struct drills_plan plan;
	char why[ERROR_TEXT_MAX];
	bool own = is_own(app, options);
	struct run run = {.app = app, .plan = &plan, .works = true};
	if (options->self && has_scope(&wish))
		return fail(EX_USAGE, "--self, --next, --session and --client: only one of them");
	if (own && !make_conversation(&run))
		return fail(EX_OSERR, "no random numbers");
	if (own)
		wish.session = run.session;
	enum drills_readiness ready = drills_prepare(app, &wish, &plan, why);
	if (ready != DRILLS_READY)
		return fail(ready == DRILLS_WRONG ? EX_USAGE : NOT_TRIED, why);
	if (options->dry_run)
		return dry_run(app, &plan, own);
	if (!is_allowed(options, &plan))
		return fail(NOT_TRIED,
			    "it costs money: --yes allows that, --dry-run says how much");
	if (!has_responder(app->state))
		return fail(NOT_TRIED, "no responder runs with this state file");
	if (own && (run.url = find_router(options->url)) == NULL)
		return fail(NOT_TRIED, "no router answers: --url says where it is");
	int status = begin(app, &plan);
	run.json = options->json;
	if (status == EXIT_SUCCESS && !(own && run.json))
		status = print_begun(app, options, &plan);
	return status == EXIT_SUCCESS && own ? run_own(&run) : status;
}

int
ctl_drill_stop(struct app *app)
{
	puts(state_drill_stop(app->state, 0) ? "the drill was stopped" : "no drill runs");
	return EXIT_SUCCESS;
}
