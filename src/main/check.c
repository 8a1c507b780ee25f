/* SPDX-License-Identifier: MIT */
/* claude-router-check: looks at Claude Pro while it rests. Run by cron in the
 * first minutes of each hour: BEHAVIOUR.md 9. */
#include "app/cli.h"
#include "app/crontab.h"
#include "app/open.h"
#include "base/log.h"
#include "operator/health_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct options {
	const char *config;
	const char *provider; /* NULL: the first of the configuration */
	bool force;
	bool dry_run;
	bool print_crontab;
};

static void
read_options(int argc, char **argv, struct options *o)
{
	const struct cli_option table[] = {
	    CLI_CONFIG(&o->config),
	    {'f', "force", NULL, "ask now, even if nothing rests", NULL, &o->force},
	    {'p', "provider", "NAME", "look at another provider", &o->provider, NULL},
	    {'n', "dry-run", NULL, "say what would be done, and do nothing", NULL, &o->dry_run},
	    {'P', "print-crontab", NULL, "print the crontab entry for the configured times", NULL,
	     &o->print_crontab},
	};
	const struct cli cli = {
	    .program = "claude-router-check",
	    .usage = "[--config FILE] [--force] [--provider NAME] [--dry-run]\n"
		     "       claude-router-check --print-crontab",
	    .purpose =
		"Looks whether Claude Pro can answer again, and updates the state file. Asks "
		"only\nwhile Claude Pro rests. Exit status: 0 healthy, 1 still limited, 2 could "
		"not check,\n64 and more: wrong usage or configuration.\n"
		"Started by root, it goes on as the owner of the state file's directory.\n",
	    .options = table,
	    .n_options = sizeof table / sizeof *table,
	};
	int rest = cli_read(&cli, argc, argv);
	if (rest < argc)
		cli_fail(&cli, argv[rest], "takes no such argument");
}

/* Silent when well, so that cron sends no mail. */
static int
tell(const struct check_report *report)
{
	if (report->result == CHECK_UNKNOWN)
		log_line(LOG_WARNING, "could not check %s: %s", report->provider->name,
			 report->found);
	else if (report->asked && report->result == CHECK_LIMITED)
		log_line(LOG_INFO, "%s", report->found);
	return (int)report->result;
}

static int
check(struct app *app, const struct provider *provider, bool force)
{
	struct check_report report = {.result = CHECK_UNKNOWN};
	if (health_check_run(app, provider, force, &report))
		return tell(&report);
	log_line(LOG_ERR, "no memory or descriptors to check with");
	return CHECK_UNKNOWN;
}

static int
print_crontab(const struct config *config)
{
	struct buf entry;
	buf_init(&entry, 4 * CRONTAB_COMMAND_MAX);
	bool made = crontab_entry(&entry, config->health_check_cron, SBINDIR "/claude-router-check",
				  config->state_file, config->path);
	if (made)
		fputs(buf_text(&entry), stdout);
	else
		fputs("claude-router-check: cron takes no entry with these paths of the state file "
		      "and the configuration: they are too long, or hold a control byte\n",
		      stderr);
	buf_free(&entry);
	return made ? EXIT_SUCCESS : EX_CONFIG;
}

static int
run(struct app *app, const struct options *o)
{
	const struct config *config = app->config;
	const struct provider *p = o->provider == NULL ? config_plan_provider(config)
						       : config_provider(config, o->provider);
	if (p == NULL) {
		fprintf(stderr, "claude-router-check: %s: no such provider is configured\n",
			o->provider);
		return EX_USAGE;
	}
	if (o->dry_run) {
		char text[ERROR_TEXT_MAX];
		puts(health_check_intent(app, p, o->force, text));
		return EXIT_SUCCESS;
	}
	return check(app, p, o->force);
}

/* Without tokens or state: EXIT_SUCCESS or EX_CONFIG when that is all there is
 * to do, -1 when there is something to check. */
static int
look_at_config(const struct options *o)
{
	struct buf errors;
	buf_init(&errors, CONFIG_FILE_MAX);
	struct config *config = config_load(o->config, &errors);
	int status = config == NULL ? EX_CONFIG : -1;
	if (config == NULL)
		fprintf(stderr, "%s\n", cli_why(&errors));
	else if (o->print_crontab)
		status = print_crontab(config);
	else if (!config->health_check_enabled && o->dry_run)
		puts("health_check_enabled is false: nothing would be done");
	if (status == -1 && !config->health_check_enabled && !o->force)
		status = EXIT_SUCCESS;
	config_free(config);
	buf_free(&errors);
	return status;
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	struct app app;
	struct buf error;
	read_options(argc, argv, &options);
	app_harden_process();
	int status = look_at_config(&options);
	if (status != -1)
		return cli_end("claude-router-check", status);
	buf_init(&error, CONFIG_FILE_MAX);
	const struct app_options app_options = {.program = "claude-router-check",
						.config_path = options.config,
						.asks_providers = true,
						.as_owner = true};
	status = app_open(&app, &app_options, &error);
	if (status != 0) {
		fprintf(stderr, "claude-router-check: %s\n", cli_why(&error));
	} else {
		status = run(&app, &options);
		app_close(&app);
	}
	buf_free(&error);
	return cli_end("claude-router-check", status);
}
