/* SPDX-License-Identifier: MIT */
/* claude-router-ctl: what operators ask and say. Reads the state file, so that
 * it works without a web server. */
#include "app/cli.h"
#include "app/open.h"
#include "base/clock.h"
#include "config/text.h"
#include "doctor/doctor.h"
#include "doctor/http.h"
#include "main/ctl_key.h"
#include "operator/health_check.h"
#include "operator/status.h"
#include "route/learned.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

_Static_assert(SELF_TEST_SILENCE_MAX_S == 600, "a sentence below says so");

enum {
	ASK_FOR_MS = 2000,
	RELOAD_FOR_MS = 3000, /* a responder looks each second, and notes at once */
};

struct options {
	const char *config;
	bool json;
	struct doctor_options doctor;
	char **words; /* the command and what stands behind it; NULL after the last */
};

/* What is opened for a command. */
enum opens {
	NOTHING,   /* it does so itself, if need be */
	TO_LOOK,   /* configuration, credentials, and the state to look at */
	TO_CHANGE, /* the same, and the state to write to */
	TO_ASK,    /* the same, and a loop to ask providers by */
};

struct command {
	const char *name;
	const char *argument; /* "" : none; in brackets: may be left out */
	const char *help;
	enum opens opens;
	int (*run)(struct app *app, const struct options *options, const char *argument);
	bool many; /* takes several words, and looks at them itself */
};

static void
fail(const char *text)
{
	fprintf(stderr, "claude-router-ctl: %s\n", text);
}

/* --- status ----------------------------------------------------------- */

static const char *
text_of(json_object *o, const char *name)
{
	const char *text = json_object_get_string(json_object_object_get(o, name));
	return text == NULL ? "-" : text;
}

static void
print_provider(const char *name, json_object *p, const char *current)
{
	printf("%s %-12s %-12s %8s %8s  %s\n", strcmp(name, current) == 0 ? "*" : " ", name,
	       text_of(p, "state"), text_of(p, "requests"), text_of(p, "failures"),
	       text_of(p, "reason"));
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
	printf("\nfailovers: %s, the last: %s\nlast check: %s\n", text_of(o, "failover_count"),
	       text_of(o, "last_failover"), text_of(o, "last_health_check"));
	json_object_put(o);
	return EXIT_SUCCESS;
}

static int
run_statusline(struct app *app, const struct options *options, const char *argument)
{
	struct candidates *s = candidates_latest(app, "");
	char line[STATUS_LINE_SIZE];
	(void)options;
	(void)argument;
	if (s == NULL) {
		fail("out of memory");
		return EX_OSERR;
	}
	puts(status_line(s, line, sizeof line));
	free(s);
	return EXIT_SUCCESS;
}

/* Strangers are told no more than the status. */
static const char *
line_of(json_object *health)
{
	return text_of(health, json_object_object_get(health, "line") == NULL ? "status" : "line");
}

/* A person need not be able to read the state file, which is the web server's. */
static int
ask_statusline(struct app *app, const struct options *options, const char *url)
{
	char health[1024];
	struct http_answer answer = {.code = CURLE_URL_MALFORMAT};
	const struct http_ask ask = {.url = health, .body_bytes = -1, .timeout_ms = ASK_FOR_MS};
	(void)app;
	(void)options;
	int n = snprintf(health, sizeof health, "%s/health", url);
	bool fetched = n > 0 && (size_t)n < sizeof health && http_ask(&ask, &answer, 1) &&
		       answer.code == CURLE_OK;
	json_object *o = fetched ? json_tokener_parse(buf_text(&answer.body)) : NULL;
	puts(o == NULL ? "no router" : line_of(o));
	int status = o == NULL ? EX_UNAVAILABLE : EXIT_SUCCESS;
	json_object_put(o);
	http_answer_fini(&answer);
	return status;
}

/* --- switch ----------------------------------------------------------- */

/* first: what may be said beside the providers' names, ending in a comma, or "". */
static void
fail_name(const struct config *config, const char *name, const char *first)
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
		fail_name(app->config, argument, "");
		return EX_USAGE;
	}
	if (!state_retry(app->state, p->id, clock_wall_ms())) {
		fail("the state file is busy: try again");
		return EX_TEMPFAIL;
	}
	return run_statusline(app, options, "");
}

static int
run_switch(struct app *app, const struct options *options, const char *argument)
{
	bool automatic = strcmp(argument, "auto") == 0;
	(void)options;
	if (!automatic && config_provider(app->config, argument) == NULL) {
		fail_name(app->config, argument, "auto, ");
		return EX_USAGE;
	}
	if (!state_switch(app->state, automatic ? "" : argument)) {
		fail("the state file is busy: try again");
		return EX_TEMPFAIL;
	}
	if (!automatic)
		return run_retry(app, options, argument);
	return run_statusline(app, options, "");
}

/* --- check ------------------------------------------------------------ */

static int
run_check(struct app *app, const struct options *options, const char *argument)
{
	const struct config *config = app->config;
	const struct provider *p =
	    argument[0] == '\0' ? config_plan_provider(config) : config_provider(config, argument);
	struct check_report report = {.result = CHECK_UNKNOWN};
	(void)options;
	if (p == NULL) {
		fail_name(config, argument, "");
		return EX_USAGE;
	}
	if (!health_check_run(app, p, true, &report)) {
		fail("no memory or descriptors to check with");
		return EX_OSERR;
	}
	printf("%s (%s → %s)\n", report.found, report.before, report.after);
	return (int)report.result;
}

/* --- explain ---------------------------------------------------------- */

static void
explain(const struct app *app, const struct candidates *s, const char *model)
{
	for (size_t i = 0; i < s->plan.n; i++) {
		const struct candidate *c = &s->plan.candidates[i];
		const struct provider *p = c->view->provider;
		const char *sent = learned_name(app->state, p, model, 0, 0);
		char reason[ERROR_TEXT_MAX];
		plan_reason(c, clock_wall_ms(), reason, sizeof reason);
		bool brought = p->takes_login && tokens_get(app->tokens, p->name) == NULL;
		if (plan_usable(c->standing))
			printf("%zu. %s, asked for %s%s\n", i + 1, reason,
			       sent == NULL ? model : sent,
			       brought ? " (if the client brings a Claude login)" : "");
		else
			printf("-  %s\n", reason);
	}
}

static int
run_explain(struct app *app, const struct options *options, const char *argument)
{
	struct candidates *s = candidates_latest(app, argument);
	(void)options;
	if (s == NULL) {
		fail("out of memory");
		return EX_OSERR;
	}
	explain(app, s, argument);
	free(s);
	return EXIT_SUCCESS;
}

/* --- tokens ----------------------------------------------------------- */

static int
run_tokens(struct app *app, const struct options *options, const char *argument)
{
	const struct config *config = app->config;
	(void)options;
	(void)argument;
	printf("%s\n", config->tokens_file);
	for (size_t i = 0; i < config->n_providers; i++) {
		const char *name = config->providers[i].name;
		printf("  %-12s %s\n", name,
		       tokens_get(app->tokens, name) != NULL ? "stored" : "none");
	}
	return EXIT_SUCCESS;
}

/* --- reload ----------------------------------------------------------- */

/* How far the responders have come with an order. */
struct followed {
	size_t processes;
	size_t done;  /* have followed it */
	size_t stale; /* of them: could not take up all of it */
};

static struct followed
look_at_processes(const struct state *state, uint64_t order, bool tell)
{
	struct process all[STATE_PROCESSES];
	struct followed f = {0};
	f.processes = state_processes(state, all, STATE_PROCESSES);
	for (size_t i = 0; i < f.processes; i++) {
		bool done = all[i].config >> 1 >= order, stale = all[i].config & 1;
		f.done += done;
		f.stale += done && stale;
		if (tell && (!done || stale))
			fprintf(stderr, "claude-router-ctl: process %" PRIu64 " %s\n", all[i].pid,
				done ? "could not take it up: its log and /v1/status say why"
				     : "has not taken it up within 3 s");
	}
	return f;
}

/* That configuration and tokens are fine was seen when they were read, or we would not
 * be here; without usable keys all other commands go on. */
static int
run_reload(struct app *app, const struct options *options, const char *argument)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	int64_t end_ms = clock_steady_ms() + RELOAD_FOR_MS;
	(void)options;
	(void)argument;
	if (app->reload.keys_error[0] != '\0') {
		fail(app->reload.keys_error);
		return EX_CONFIG;
	}
	if (!state_reload_request(app->state)) {
		fail("the state file cannot be written: no responder could see the request");
		return EX_TEMPFAIL;
	}
	uint64_t order = state_reload_asked(app->state);
	struct followed f = look_at_processes(app->state, order, false);
	while (f.done < f.processes && clock_steady_ms() < end_ms) {
		nanosleep(&pause, NULL);
		f = look_at_processes(app->state, order, false);
	}
	if (f.processes == 0) {
		fail("configuration, tokens and keys are fine, but no responder runs with this "
		     "state file");
		return EX_UNAVAILABLE;
	}
	f = look_at_processes(app->state, order, true);
	size_t took = f.done - f.stale;
	printf("%zu responder%s took it up\n", took, took == 1 ? "" : "s");
	return took == f.processes ? EXIT_SUCCESS : EX_TEMPFAIL;
}

/* --- What opens all it needs itself ------------------------------------ */

static int
run_key(struct app *app, const struct options *options, const char *argument)
{
	(void)app;
	(void)argument;
	return ctl_key(options->config, options->words + 1);
}

/* Must bear what cannot be opened. */
static int
run_doctor(struct app *app, const struct options *options, const char *argument)
{
	(void)app;
	(void)argument;
	return doctor_run(&options->doctor, options->config, options->json);
}

/* --- The table -------------------------------------------------------- */

/* A name that stands twice is another command with an argument than without. */
static const struct command commands[] = {
    {"status", "", "who serves, and how every provider stands (--json)", TO_LOOK, run_status,
     false},
    {"switch", "NAME|auto", "put a provider first by hand; auto gives the choice back", TO_CHANGE,
     run_switch, false},
    {"retry", "NAME", "its limit was lifted, its key paid: have the next request find out",
     TO_CHANGE, run_retry, false},
    {"check", "[NAME]", "ask Claude Pro, or another provider, now", TO_ASK, run_check, false},
    {"explain", "MODEL", "who would be asked for this model, in which order, and why", TO_LOOK,
     run_explain, false},
    {"tokens", "", "which credentials are stored (never their values)", TO_LOOK, run_tokens, false},
    {"key", "add NAME | list | remove NAME", "client keys, for access = \"keys\"", NOTHING, run_key,
     true},
    {"reload", "", "have configuration, tokens and keys taken up now, if they are fine", TO_CHANGE,
     run_reload, false},
    {"statusline", "", "one line for Claude Code's status line", TO_LOOK, run_statusline, false},
    {"statusline", "URL", "the same of the router there, which anybody may ask", NOTHING,
     ask_statusline, false},
    {"doctor", "", "what is wrong with this installation, and what to type; silent when well",
     NOTHING, run_doctor, false},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* The commands, for --help. */
static const char *
purpose(struct buf *text)
{
	bool told =
	    buf_puts(text, "Asks and tells Claude Router what operators want to know and say. "
			   "Started by root,\nit goes on as the owner of the state file's "
			   "directory.\n\n");
	for (size_t i = 0; told && i < COMMANDS; i++)
		told = buf_printf(text, "  %-10s %-10s %s\n", commands[i].name,
				  commands[i].argument, commands[i].help);
	return buf_text(text);
}

/* Whether a command is this one, and words[1] and further are what it takes. */
static bool
fits(const struct command *c, char *const *words)
{
	bool takes = c->argument[0] != '\0', needs = takes && c->argument[0] != '[';
	if (words[1] == NULL)
		return !needs;
	return takes && (words[2] == NULL || c->many);
}

/* The command that these words are. Exits when they are none. */
static const struct command *
find_command(const struct cli *cli, char *const *words)
{
	const struct command *named = NULL;
	if (words[0] == NULL)
		cli_fail(cli, "", "which command?");
	for (const struct command *c = commands; c < commands + COMMANDS; c++) {
		if (strcmp(c->name, words[0]) != 0)
			continue;
		if (fits(c, words))
			return c;
		named = c;
	}
	if (named == NULL)
		cli_fail(cli, words[0], "no such command");
	cli_fail(cli, words[0], named->argument[0] != '\0' ? named->argument : "takes no argument");
}

/* Seconds that the router's self-test can be silent. */
static bool
is_silence(const char *text)
{
	uint64_t seconds;
	return text_read_digits(&text, 3, &seconds) && *text == '\0' && seconds > 0 &&
	       seconds <= SELF_TEST_SILENCE_MAX_S;
}

/* The command, whose words stand in o->words. Exits when something does not fit. */
static const struct command *
read_command(int argc, char **argv, struct options *o)
{
	const struct cli_option table[] = {
	    CLI_CONFIG(&o->config),
	    {'j', "json", NULL, "JSON instead of a table", NULL, &o->json},
	    DOCTOR_CLI_OPTIONS(&o->doctor),
	};
	struct buf text;
	buf_init(&text, CONFIG_FILE_MAX);
	const struct cli cli = {
	    .program = "claude-router-ctl",
	    .usage = "[--config FILE] [--json] COMMAND [ARGUMENT]",
	    .purpose = purpose(&text),
	    .options = table,
	    .n_options = sizeof table / sizeof *table,
	};
	o->words = argv + cli_read(&cli, argc, argv);
	const struct command *c = find_command(&cli, o->words);
	if (o->doctor.silence != NULL && !is_silence(o->doctor.silence))
		cli_fail(&cli, o->doctor.silence, "--silence takes 1 to 600 seconds");
	buf_free(&text);
	return c;
}

static int
obey(const struct command *command, const struct options *options)
{
	const char *argument = options->words[1] == NULL ? "" : options->words[1];
	struct app app;
	struct buf error;
	if (command->opens == NOTHING)
		return command->run(NULL, options, argument);
	buf_init(&error, CONFIG_FILE_MAX);
	const struct app_options app_options = {.program = "claude-router-ctl",
						.config_path = options->config,
						.asks_providers = command->opens == TO_ASK,
						.as_owner = true,
						.looks_only = command->opens == TO_LOOK};
	int status = app_open(&app, &app_options, &error);
	if (status != 0) {
		fail(cli_why(&error));
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
	return cli_end("claude-router-ctl", obey(command, &options));
}
