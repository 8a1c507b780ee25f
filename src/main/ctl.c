/* SPDX-License-Identifier: MIT */
/* claude-router-ctl: query and control, for operators. Uses the state file, so that it works
 * without a web server. */
#include "app/cli.h"
#include "app/open.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "config/text.h"
#include "doctor/doctor.h"
#include "doctor/http.h"
#include "main/ctl_budget.h"
#include "main/ctl_drill.h"
#include "main/ctl_key.h"
#include "main/ctl_share.h"
#include "main/ctl_top.h"
#include "main/ctl_usage.h"
#include "money/ledger.h"
#include "operator/health_check.h"
#include "operator/status.h"
#include "operator/switch.h"
#include "route/learned.h"
#include "json/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

_Static_assert(SELF_TEST_SILENCE_MAX_S == 600, "the limit that --silence reports below");

enum {
	FETCH_MS = 2000,
	LEDGER_MS = 2000,      /* for a disk that works */
	RELOAD_WAIT_MS = 3000, /* responders poll each second, and record at once */
};

struct options {
	const char *config;
	bool json;
	struct doctor_options doctor;
	struct ctl_usage_options usage; /* but for json */
	struct ctl_key_options key;
	bool once;
	struct ctl_drill_options drill; /* but for json and url */
	char **words;                   /* the command and its arguments; NULL after the last */
};

/* What is opened for a command. */
enum opens {
	OPEN_NOTHING, /* the command opens what it needs */
	OPEN_READ,    /* configuration, credentials, and the state for reading */
	OPEN_WRITE,   /* the same, with the state for writing */
	OPEN_LOOP,    /* the same, with a loop to send requests to providers */
};

struct command {
	const char *name;
	const char *argument; /* "" : none; in brackets: optional */
	const char *help;
	enum opens opens;
	int (*run)(struct app *app, const struct options *options, const char *argument);
	bool many; /* accepts several words, and checks them itself */
};

/* --- status ----------------------------------------------------------- */

static const char *
text_of(json_object *o, const char *name)
{
	const char *text = json_object_get_string(json_object_object_get(o, name));
	return text == NULL ? "-" : text;
}

/* Of a provider that has several, or one with a label. */
static void
print_credentials(json_object *credentials)
{
	for (size_t i = 0; i < tree_count(credentials); i++) {
		json_object *c = json_object_array_get_idx(credentials, i);
		const char *label = tree_text(c, "label");
		printf("    %-10s %-12s %8s %8s  %s\n", label[0] == '\0' ? "-" : label,
		       text_of(c, "state"), "", "", text_of(c, "reason"));
	}
}

static void
print_provider(const char *name, json_object *p, const char *current)
{
	printf("%s %-12s %-12s %8s %8s  %s\n", strcmp(name, current) == 0 ? "*" : " ", name,
	       text_of(p, "state"), text_of(p, "requests"), text_of(p, "failures"),
	       text_of(p, "reason"));
	print_credentials(json_object_object_get(p, "credentials"));
}

static void
print_providers(json_object *providers, const char *current)
{
	struct json_object_iterator i = json_object_iter_begin(providers);
	struct json_object_iterator end = json_object_iter_end(providers);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		print_provider(json_object_iter_peek_name(&i), json_object_iter_peek_value(&i),
			       current);
}

/* "cap deepseek, day: $1.20 of $5.00, $0.71 reserved" */
static void
print_caps(json_object *caps)
{
	for (size_t i = 0; i < tree_count(caps); i++) {
		json_object *cap = json_object_array_get_idx(caps, i);
		double others = json_object_get_double(json_object_object_get(cap, "others"));
		printf("cap %s, %s: $%.2f of $%.2f, $%.2f reserved, ", text_of(cap, "scope"),
		       text_of(cap, "period"),
		       json_object_get_double(json_object_object_get(cap, "used")),
		       json_object_get_double(json_object_object_get(cap, "cap")),
		       json_object_get_double(json_object_object_get(cap, "reserved")));
		if (others > 0)
			printf("$%.2f spent by other machines, ", others);
		printf("until %s\n", text_of(cap, "until"));
	}
}

static void
print_drill(json_object *drill)
{
	if (drill != NULL)
		printf("drill %s: %s as if %s, %s of %s left%s, until %s\n", text_of(drill, "id"),
		       text_of(drill, "provider"), text_of(drill, "as"), text_of(drill, "left"),
		       text_of(drill, "requests"),
		       json_object_get_boolean(json_object_object_get(drill, "waits"))
			   ? ", waits for its conversation"
			   : "",
		       text_of(drill, "ends"));
}

static int
run_status(struct app *app, const struct options *options, const char *argument)
{
	json_object *o = status_full(app);
	(void)argument;
	if (options->json || o == NULL)
		return cli_print_json("claude-router-ctl", o);
	printf("%s: %s (%s)\n%s\n\n", text_of(o, "status"), text_of(o, "line"), text_of(o, "mode"),
	       text_of(o, "reason"));
	printf("  %-12s %-12s %8s %8s  %s\n", "provider", "state", "requests", "failures", "why");
	print_providers(json_object_object_get(o, "providers"), text_of(o, "current_provider"));
	printf("\nfailovers: %s, last: %s\nlast health check: %s\n", text_of(o, "failover_count"),
	       text_of(o, "last_failover"), text_of(o, "last_health_check"));
	print_caps(json_object_object_get(o, "caps"));
	print_drill(json_object_object_get(o, "drill"));
	json_object_put(o);
	return EXIT_SUCCESS;
}

static int
run_statusline(struct app *app, const struct options *options, const char *argument)
{
	struct candidates *all = candidates_latest(app, "");
	char line[STATUS_LINE_SIZE];
	(void)options;
	(void)argument;
	if (all == NULL)
		return cli_error("claude-router-ctl", EX_OSERR, "out of memory");
	puts(status_line(all, line, sizeof line));
	free(all);
	return EXIT_SUCCESS;
}

/* Clients without admin rights get only the status. */
static const char *
line_of(json_object *health)
{
	return text_of(health, json_object_object_get(health, "line") == NULL ? "status" : "line");
}

/* For users who may not read the state file. */
static int
fetch_statusline(struct app *app, const struct options *options, const char *url)
{
	char health[1024];
	struct http_response response = {.code = CURLE_URL_MALFORMAT};
	const struct http_request request = {
	    .url = health, .body_bytes = -1, .timeout_ms = FETCH_MS};
	(void)app;
	(void)options;
	int n = snprintf(health, sizeof health, "%.*s/health", (int)text_url_length(url), url);
	bool fetched = n > 0 && (size_t)n < sizeof health && http_fetch(&request, &response, 1) &&
		       response.code == CURLE_OK;
	json_object *o = fetched ? json_tokener_parse(buf_text(&response.body)) : NULL;
	puts(o == NULL ? "no router" : line_of(o));
	int status = o == NULL ? EX_UNAVAILABLE : EXIT_SUCCESS;
	json_object_put(o);
	http_response_fini(&response);
	return status;
}

/* --- switch ----------------------------------------------------------- */

/* first: a choice besides the providers, with ", " at its end, or "". */
static void
fail_provider(const struct config *config, const char *name, const char *first)
{
	fprintf(stderr, "claude-router-ctl: %s: no such provider; use %s", name, first);
	for (size_t i = 0; i < config->n_providers; i++)
		fprintf(stderr, "%s%s", i == 0 ? "" : ", ", config->providers[i].name);
	fputs("\n", stderr);
}

static int
run_retry(struct app *app, const struct options *options, const char *argument)
{
	const struct provider *p = config_provider(app->config, argument);
	if (p == NULL) {
		fail_provider(app->config, argument, "");
		return EX_USAGE;
	}
	if (!state_retry(app->state, p->id, clock_wall_ms()))
		return cli_error("claude-router-ctl", EX_TEMPFAIL,
				 "the state file is busy: try again");
	return run_statusline(app, options, "");
}

/* As the router tells it, but that its standard error is out of reach here: syslog takes its place.
 * What cannot be written is in force all the same. */
static void
tell_switch(struct app *app, const struct provider *p)
{
	const struct config *config = app->config;
	const char *target = strcmp(config->log, "auto") == 0 ? "syslog" : config->log;
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	if (!log_open("claude-router-ctl", target, config->log_level,
		      config->log_format == LOG_JSON, &error))
		cli_error("claude-router-ctl", 0, cli_why(&error));
	buf_free(&error);
	app_open_ledger(app);
	switch_tell(app->ledger, p);
	if (ledger_close(app->ledger, LEDGER_MS) > 0)
		cli_error("claude-router-ctl", 0,
			  "the switch is in force, but could not be written to the ledger");
	app->ledger = NULL;
}

static int
run_switch(struct app *app, const struct options *options, const char *argument)
{
	bool automatic = strcmp(argument, "auto") == 0;
	const struct provider *p = automatic ? NULL : config_provider(app->config, argument);
	if (!automatic && p == NULL) {
		fail_provider(app->config, argument, "auto, ");
		return EX_USAGE;
	}
	if (!switch_to(app->state, p))
		return cli_error("claude-router-ctl", EX_TEMPFAIL,
				 "the state file is busy: try again");
	tell_switch(app, p);
	return run_statusline(app, options, "");
}

/* --- check ------------------------------------------------------------ */

static int
run_check(struct app *app, const struct options *options, const char *argument)
{
	const struct config *config = app->config;
	const struct provider *p =
	    argument[0] == '\0' ? config_plan_provider(config) : config_provider(config, argument);
	struct health_check_report report = {.result = HEALTH_CHECK_UNKNOWN};
	(void)options;
	if (p == NULL) {
		fail_provider(config, argument, "");
		return EX_USAGE;
	}
	if (!health_check_run(app, p, true, &report))
		return cli_error("claude-router-ctl", EX_OSERR,
				 "out of memory or file descriptors");
	printf("%s (%s → %s)\n", report.found, report.before, report.after);
	return (int)report.result;
}

/* --- explain ---------------------------------------------------------- */

/* What else is to be known of a usable candidate. */
static const char *
remark(const struct app *app, const struct plan_view *view)
{
	static const char *const pooled[] = {
	    [BALANCE_STICKY] = " (sticky: each session has its own first choice of the keys)",
	    [BALANCE_ORDER] = " (order: the keys as tokens.txt has them)",
	    [BALANCE_SPREAD] = " (spread: the key with the fewest streams first)"};
	const struct provider *p = view->provider;
	if (p->takes_login && tokens_get(app->tokens, p->name) == NULL)
		return " (if the client sends a Claude login)";
	return view->pool == UINT64_C(1) << view->index ? "" : pooled[p->balance];
}

static void
explain(const struct app *app, const struct candidates *all, const char *model)
{
	char reason[ERROR_TEXT_MAX], before[ERROR_TEXT_MAX] = "";
	for (size_t i = 0; i < all->plan.n; i++) {
		const struct candidate *c = &all->plan.candidates[i];
		const struct provider *p = c->view->provider;
		const char *sent = learned_name(app->state, p, model, 0, 0);
		plan_reason(c, clock_wall_ms(), reason, sizeof reason);
		if (plan_usable(c->standing))
			printf("%zu. %s, model %s%s\n", i + 1, reason, sent == NULL ? model : sent,
			       remark(app, c->view));
		else if (strcmp(reason, before) != 0)
			printf("-  %s\n", reason);
		snprintf(before, sizeof before, "%s", reason);
	}
}

static int
run_explain(struct app *app, const struct options *options, const char *argument)
{
	struct candidates *all = candidates_latest(app, argument);
	(void)options;
	if (all == NULL)
		return cli_error("claude-router-ctl", EX_OSERR, "out of memory");
	explain(app, all, argument);
	free(all);
	return EXIT_SUCCESS;
}

/* --- tokens ----------------------------------------------------------- */

static void
print_stored(const struct tokens *tokens, const struct provider *p)
{
	const struct stored_credential *stored = tokens_at(tokens, p->name, 0);
	char name[CREDENTIAL_NAME_SIZE];
	if (stored == NULL)
		printf("  %-12s none\n", p->name);
	for (size_t i = 0; (stored = tokens_at(tokens, p->name, i)) != NULL; i++) {
		printf("  %-12s stored", credential_name(p->name, stored->label, name));
		if (stored->weight != 1)
			printf(", weight %u", stored->weight);
		printf("\n");
	}
}

static int
run_tokens(struct app *app, const struct options *options, const char *argument)
{
	const struct config *config = app->config;
	(void)options;
	(void)argument;
	printf("%s\n", config->tokens_file);
	for (size_t i = 0; i < config->n_providers; i++)
		print_stored(app->tokens, &config->providers[i]);
	return EXIT_SUCCESS;
}

/* --- budget ----------------------------------------------------------- */

static int
run_budget(struct app *app, const struct options *options, const char *argument)
{
	return argument[0] == '\0' ? ctl_budget_list(app, options->json)
				   : ctl_budget_release(app, options->words + 1);
}

/* --- top -------------------------------------------------------------- */

static int
run_top(struct app *app, const struct options *options, const char *argument)
{
	(void)argument;
	return options->json ? run_status(app, options, "") : ctl_top(app, options->once);
}

/* --- drill ------------------------------------------------------------ */

static int
run_drill(struct app *app, const struct options *options, const char *argument)
{
	struct ctl_drill_options drill = options->drill;
	drill.json = options->json;
	drill.url = options->doctor.url;
	if (strcmp(argument, "stop") == 0)
		return ctl_drill_stop(app);
	drill.wish.provider = argument[0] == '\0' ? NULL : argument;
	return ctl_drill(app, &drill);
}

/* --- reload ----------------------------------------------------------- */

/* How far the responders have followed a reload request. */
struct followed {
	size_t processes;
	size_t done;  /* have followed it */
	size_t stale; /* of those: could not reload all files */
};

static struct followed
check_processes(const struct state *state, uint64_t request, bool print)
{
	struct process all[STATE_PROCESSES];
	struct followed f = {0};
	f.processes = state_processes(state, all, STATE_PROCESSES);
	for (size_t i = 0; i < f.processes; i++) {
		bool done = all[i].config >> 1 >= request, stale = all[i].config & 1;
		f.done += done;
		f.stale += done && stale;
		if (print && (!done || stale))
			fprintf(stderr, "claude-router-ctl: process %" PRIu64 " %s\n", all[i].pid,
				done ? "could not reload: its log and /v1/status say why"
				     : "did not reload within 3 s");
	}
	return f;
}

/* Configuration and tokens are valid, else app_open() had failed; for the keys, which all other
 * commands do without, that is checked here. */
static int
run_reload(struct app *app, const struct options *options, const char *argument)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	int64_t end_ms = clock_steady_ms() + RELOAD_WAIT_MS;
	(void)options;
	(void)argument;
	if (app->reload.keys_error[0] != '\0')
		return cli_error("claude-router-ctl", EX_CONFIG, app->reload.keys_error);
	if (!state_reload_request(app->state))
		return cli_error(
		    "claude-router-ctl", EX_TEMPFAIL,
		    "the state file cannot be written: no responder could see the request");
	uint64_t request = state_reload_asked(app->state);
	struct followed f = check_processes(app->state, request, false);
	while (f.done < f.processes && clock_steady_ms() < end_ms) {
		nanosleep(&pause, NULL);
		f = check_processes(app->state, request, false);
	}
	if (f.processes == 0)
		return cli_error(
		    "claude-router-ctl", EX_UNAVAILABLE,
		    "configuration, tokens and keys are valid, but no responder runs with this "
		    "state file");
	f = check_processes(app->state, request, true);
	size_t reloaded = f.done - f.stale;
	printf("%zu responder%s reloaded\n", reloaded, reloaded == 1 ? "" : "s");
	return reloaded == f.processes ? EXIT_SUCCESS : EX_TEMPFAIL;
}

/* --- Commands that open what they need --------------------------------- */

static int
run_key(struct app *app, const struct options *options, const char *argument)
{
	(void)app;
	(void)argument;
	return ctl_key(options->config, options->words + 1, &options->key);
}

static int
run_share(struct app *app, const struct options *options, const char *argument)
{
	(void)app;
	(void)argument;
	return ctl_share(options->config, options->words + 1);
}

static int
run_usage(struct app *app, const struct options *options, const char *argument)
{
	struct ctl_usage_options usage = options->usage;
	(void)app;
	(void)argument;
	usage.json = options->json;
	return ctl_usage(options->config, &usage);
}

/* Must work with files that cannot be opened. */
static int
run_doctor(struct app *app, const struct options *options, const char *argument)
{
	(void)app;
	(void)argument;
	return doctor_run(&options->doctor, options->config, options->json);
}

/* --- The table -------------------------------------------------------- */

/* The same name may have a row without and one with an argument. */
static const struct command commands[] = {
    {"status", "", "the provider in use, and the state of each (--json)", OPEN_READ, run_status,
     false},
    {"top", "", "the same as a picture, refreshed; without a terminal, or with --once, once",
     OPEN_READ, run_top, false},
    {"switch", "NAME|auto", "put a provider first by hand; auto undoes it", OPEN_WRITE, run_switch,
     false},
    {"retry", "NAME", "end its pauses (limit lifted, bill paid); the next request tries it",
     OPEN_WRITE, run_retry, false},
    {"check", "[NAME]", "check now whether Claude Pro, or another provider, is available",
     OPEN_LOOP, run_check, false},
    {"drill", "[NAME|stop]", "answer as if its limit were reached, and see what follows",
     OPEN_WRITE, run_drill, false},
    {"explain", "MODEL", "the providers for this model, in order, and why", OPEN_READ, run_explain,
     false},
    {"tokens", "", "which credentials are stored (never their values)", OPEN_READ, run_tokens,
     false},
    {"usage", "",
     "what was used and spent (--days, --by, --json, --csv,\n"
     "                        --recost --since DAY)",
     OPEN_NOTHING, run_usage, false},
    {"budget", "", "what is spent and reserved of each cap (--json)", OPEN_READ, run_budget, false},
    {"budget", "release [SCOPE]",
     "give back what killed processes had reserved, while no request runs", OPEN_WRITE, run_budget,
     true},
    {"key", "add NAME | budget NAME | list | remove NAME",
     "client keys, for access = \"keys\", and their budgets (--daily, --monthly)", OPEN_NOTHING,
     run_key, true},
    {"share", "key | acl [USER] | status",
     "many machines with one state: their common key, the server's rules,\n"
     "                        and whether this one is connected",
     OPEN_NOTHING, run_share, true},
    {"reload", "", "reload configuration, tokens and keys", OPEN_WRITE, run_reload, false},
    {"statusline", "", "one line for Claude Code's status line", OPEN_READ, run_statusline, false},
    {"statusline", "URL", "the same from the router there, for every user", OPEN_NOTHING,
     fetch_statusline, false},
    {"doctor", "", "check this installation: prints each fault and its fix, else nothing",
     OPEN_NOTHING, run_doctor, false},
};

enum { COMMANDS = COUNT(commands) };

/* For --help. */
static const char *
purpose(struct buf *text)
{
	bool written = buf_puts(
	    text, "Queries and controls Claude Router. Started by root, it runs as the owner "
		  "of the\nstate file's directory.\n\n");
	for (size_t i = 0; written && i < COMMANDS; i++)
		written = buf_printf(text, "  %-10s %-10s %s\n", commands[i].name,
				     commands[i].argument, commands[i].help);
	return buf_text(text);
}

/* Whether a command accepts words[1] and further. */
static bool
fits(const struct command *c, char *const *words)
{
	bool allowed = c->argument[0] != '\0', required = allowed && c->argument[0] != '[';
	if (words[1] == NULL)
		return !required;
	return allowed && (words[2] == NULL || c->many);
}

/* The command that the words name. Exits on wrong usage. */
static const struct command *
find_command(const struct cli *cli, char *const *words)
{
	const struct command *named = NULL;
	if (words[0] == NULL)
		cli_fail(cli, "a command is required");
	for (const struct command *c = commands; c < commands + COMMANDS; c++) {
		if (strcmp(c->name, words[0]) != 0)
			continue;
		if (fits(c, words))
			return c;
		named = c;
	}
	if (named == NULL)
		cli_fail(cli, "unknown command: %s", words[0]);
	if (named->argument[0] == '\0')
		cli_fail(cli, "unexpected argument: %s", words[1]);
	cli_fail(cli, "usage: %s %s", named->name, named->argument);
}

/* Whether the router's self-test can be silent for that many seconds. */
static bool
is_silence(const char *text)
{
	uint64_t seconds;
	return text_read_digits(&text, 3, &seconds) && *text == '\0' && seconds > 0 &&
	       seconds <= SELF_TEST_SILENCE_MAX_S;
}

/* The command of the command line, and its options. Exits on wrong usage. */
static const struct command *
read_command(int argc, char **argv, struct options *o)
{
	const struct cli_option table[] = {
	    CLI_CONFIG(&o->config),
	    CLI_FLAG('j', "json", &o->json, "JSON instead of a table"),
	    CLI_TEXT('d', "days", "DAYS", &o->usage.days,
		     "usage: of today and the days before it (default: 7)"),
	    CLI_TEXT('b', "by", "WHAT", &o->usage.by, "usage: by " LEDGER_BY_CHOICES),
	    CLI_FLAG('x', "csv", &o->usage.csv, "usage: CSV"),
	    CLI_FLAG('R', "recost", &o->usage.recost,
		     "usage: price the rows anew, instead of a report"),
	    CLI_TEXT('f', "since", "DAY", &o->usage.since,
		     "usage: --recost of this day and those after it"),
	    CLI_TEXT('D', "daily", "DOLLARS", &o->key.daily,
		     "key add, key budget: what may be billed for it in a day; or off"),
	    CLI_TEXT('M', "monthly", "DOLLARS", &o->key.monthly, "the same in a month"),
	    CLI_FLAG('O', "once", &o->once, "top: print it once"),
	    CLI_TEXT('a', "as", "KIND", &o->drill.wish.as,
		     "drill: limit (default), busy, down, refused or cut"),
	    CLI_TEXT('r', "requests", "N", &o->drill.wish.requests,
		     "drill: how many are answered so, 1 (default) to 20"),
	    CLI_TEXT('w', "rest", "TIME", &o->drill.wish.rest,
		     "drill: how long the provider is then paused (default: 60s)"),
	    CLI_TEXT('t', "for", "TIME", &o->drill.wish.duration,
		     "drill: when it ends at the latest (default: 10m)"),
	    CLI_FLAG('N', "next", &o->drill.wish.next, "drill: the next conversation"),
	    CLI_TEXT('i', "session", "ID", &o->drill.wish.session, "drill: that conversation"),
	    CLI_TEXT('k', "client", "NAME", &o->drill.wish.client,
		     "drill: who has that client key"),
	    CLI_FLAG('o', "self", &o->drill.self, "drill: a conversation of its own"),
	    CLI_FLAG('q', "dry-run", &o->drill.dry_run, "drill: print what it would do"),
	    CLI_FLAG('y', "yes", &o->drill.yes, "drill: do not ask, though it costs money"),
	    CLI_TEXT('u', "url", "URL", &o->doctor.url,
		     "doctor, drill: the router's URL (default:\nhttp://127.0.0.1:8000, "
		     "http://127.0.0.1/claude-router)"),
	    CLI_FLAG('p', "patient", &o->doctor.patient,
		     "doctor: test the web server's time limits, 6 minutes"),
	    CLI_TEXT('S', "silence", "SECONDS", &o->doctor.silence,
		     "doctor: test them with this silence"),
	    CLI_FLAG('n', "notes", &o->doctor.notes,
		     "doctor: print also what is only good to know"),
	    CLI_TEXT('C', "crontab", "FILE", &o->doctor.crontab,
		     "doctor: cron's entry (default: in " CRONDIR ")"),
	    CLI_TEXT('s', "settings", "FILE", &o->doctor.settings,
		     "doctor: Claude Code's (default: ~/.claude/settings.json)"),
	    CLI_TEXT('P', "proc", "DIRECTORY", &o->doctor.proc,
		     "doctor: the procfs mount (default: /proc)"),
	};
	_Static_assert(COUNT(table) <= CLI_OPTIONS_MAX, "cli_read() has room for no more");
	struct buf text;
	buf_init(&text, CONFIG_FILE_MAX);
	const struct cli cli = {
	    .program = "claude-router-ctl",
	    .usage = "[--config FILE] [--json] COMMAND [ARGUMENT]",
	    .purpose = purpose(&text),
	    .options = table,
	    .n_options = COUNT(table),
	};
	o->words = argv + cli_read(&cli, argc, argv);
	const struct command *c = find_command(&cli, o->words);
	if (o->doctor.silence != NULL && !is_silence(o->doctor.silence))
		cli_fail(&cli, "--silence %s: must be 1 to 600 seconds", o->doctor.silence);
	buf_free(&text);
	return c;
}

static int
run_command(const struct command *command, const struct options *options)
{
	const char *argument = options->words[1] == NULL ? "" : options->words[1];
	struct app app;
	struct buf error;
	if (command->opens == OPEN_NOTHING)
		return command->run(NULL, options, argument);
	buf_init(&error, CONFIG_FILE_MAX);
	const struct app_options app_options = {.program = "claude-router-ctl",
						.config_path = options->config,
						.asks_providers = command->opens == OPEN_LOOP,
						.as_owner = true,
						.looks_only = command->opens == OPEN_READ};
	int status = app_open(&app, &app_options, &error);
	if (status != 0) {
		cli_error("claude-router-ctl", status, cli_why(&error));
	} else {
		status = command->run(&app, options, argument);
		app_close(&app);
	}
	buf_free(&error);
	return status;
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	const struct command *command = read_command(argc, argv, &options);
	app_harden_process();
	return cli_end("claude-router-ctl", run_command(command, &options));
}
