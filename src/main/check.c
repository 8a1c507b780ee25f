/* SPDX-License-Identifier: MIT */
/* claude-router-check: the health check of Claude Pro while it is paused. Run by cron in the
 * first minutes of each hour: BEHAVIOUR.md 9. */
#include "app/cli.h"
#include "app/crontab.h"
#include "app/open.h"
#include "base/count.h"
#include "base/log.h"
#include "money/ledger.h"
#include "operator/health_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { PRUNE_MS = 60000 };

struct options {
	const char *config;
	const char *provider; /* NULL: config_plan_provider() */
	bool force;
	bool dry_run;
	bool print_crontab;
};

static void
read_options(int argc, char **argv, struct options *o)
{
	const struct cli_option table[] = {
	    CLI_CONFIG(&o->config),
	    CLI_FLAG('f', "force", &o->force, "check now, even if it is not paused"),
	    CLI_TEXT('p', "provider", "NAME", &o->provider, "check another provider"),
	    CLI_FLAG('n', "dry-run", &o->dry_run, "print what would be done, and do nothing"),
	    CLI_FLAG('P', "print-crontab", &o->print_crontab,
		     "print the crontab entry for the configured times"),
	};
	const struct cli cli = {
	    .program = "claude-router-check",
	    .usage = "[--config FILE] [--force] [--provider NAME] [--dry-run]\n"
		     "       claude-router-check --print-crontab",
	    .purpose =
		"Checks whether Claude Pro is available again, and updates the state file. Sends "
		"a\nrequest only while Claude Pro is paused. Deletes what the ledger has held for "
		"long\nenough. Exit status: 0 healthy, 1 still limited, 2 could not check, 64 and "
		"more:\nwrong usage or configuration.\n"
		"Started by root, it runs as the owner of the state file's directory.\n",
	    .options = table,
	    .n_options = COUNT(table),
	};
	int rest = cli_read(&cli, argc, argv);
	if (rest < argc)
		cli_fail(&cli, "unexpected argument: %s", argv[rest]);
}

/* Silent when the provider is healthy, so that cron sends no mail. */
static int
log_result(const struct health_check_report *report)
{
	if (report->result == HEALTH_CHECK_UNKNOWN)
		log_line(LOG_WARNING, "could not check %s: %s", report->provider->name,
			 report->found);
	else if (report->asked && report->result == HEALTH_CHECK_LIMITED)
		log_line(LOG_INFO, "%s", report->found);
	return (int)report->result;
}

static int
check(struct app *app, const struct provider *provider, bool force)
{
	struct health_check_report report = {.result = HEALTH_CHECK_UNKNOWN};
	if (health_check_run(app, provider, force, &report))
		return log_result(&report);
	log_line(LOG_ERR, "out of memory or file descriptors");
	return HEALTH_CHECK_UNKNOWN;
}

/* Silent when it is well. What is left after PRUNE_MS has its turn in the next run. */
static void
prune_ledger(const struct config *config)
{
	char path[PATH_MAX];
	struct ledger_pruned pruned;
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	if (ledger_path(config->ledger, config->state_file, path) != NULL &&
	    !ledger_prune(path, config->ledger_keep_ms, PRUNE_MS, &pruned, &error))
		log_line(LOG_WARNING, "could not delete what is older than ledger_keep: %s",
			 cli_why(&error));
	buf_free(&error);
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
		fputs(
		    "claude-router-check: cron accepts no entry with the paths of this state file "
		    "and configuration: they are too long, or contain a control byte\n",
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
	int status = EXIT_SUCCESS;
	if (config->health_check_enabled || o->force)
		status = check(app, p, o->force);
	prune_ledger(config);
	return status;
}

/* What needs the configuration alone. Returns an exit status when that is all that was asked
 * for, -1 when a health check is to be run. */
static int
run_without_state(const struct options *o)
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
	if (status == -1 && !config->health_check_enabled && !o->force &&
	    (o->dry_run || strcmp(config->ledger, "off") == 0))
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
	int status = run_without_state(&options);
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
