/* SPDX-License-Identifier: MIT */
#include "doctor/checks.h"

#include "app/cli.h"
#include "base/clock.h"
#include "base/log.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* --- What the checks share -------------------------------------------- */

struct doctor_shown
doctor_shown(const char *text)
{
	struct doctor_shown shown = {.text = ""};
	printable(text, strlen(text), shown.text, sizeof shown.text);
	return shown;
}

bool
doctor_read_file(const char *path, struct buf *text)
{
	struct stat st;
	struct buf why;
	buf_init(&why, ERROR_TEXT_MAX + 4096);
	bool read = config_read_file(path, text, &st, &why) == FILE_READ;
	buf_free(&why);
	return read;
}

void
doctor_not_allowed(struct doctor *d, const char *path)
{
	report_add(&d->report, SEVERITY_UNKNOWN, "not-allowed", "%s: this user may not read it",
		   path);
	report_cure(&d->report, "sudo claude-router-ctl doctor");
}

/* --- All checks ------------------------------------------------------- */

static void (*const checks[])(struct doctor *) = {
    doctor_check_environment, doctor_check_processes, doctor_check_tokens,
    doctor_check_keys,        doctor_check_log,       doctor_check_state,
    doctor_check_cron,        doctor_check_server,    doctor_check_reloads,
    doctor_check_share,       doctor_check_money,     doctor_check_credentials,
    doctor_check_neighbours,  doctor_check_providers, doctor_check_claude_code,
};

static void
fini(struct doctor *d)
{
	json_object_put(d->status);
	state_close(d->app.state);
	tokens_free(d->app.tokens);
	config_free(d->app.config);
	free(d->tasks);
	free(d);
}

static int
print(const struct doctor *d, bool json)
{
	if (!json) {
		report_print(&d->report, d->options->notes);
		return report_exit_status(&d->report);
	}
	int status = cli_print_json("claude-router-ctl", report_json(&d->report));
	return status == EXIT_SUCCESS ? report_exit_status(&d->report) : status;
}

int
doctor_run(const struct doctor_options *options, const char *config, bool json)
{
	struct doctor *d = calloc(1, sizeof *d);
	if (d == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(d);
		fputs("claude-router-ctl: out of memory\n", stderr);
		return EX_OSERR;
	}
	d->options = options;
	d->config_path = config;
	if (config != NULL)
		snprintf(d->with_config, sizeof d->with_config, " --config %s", config);
	for (size_t i = 0; i < COUNT(checks); i++)
		checks[i](d);
	int status = print(d, json);
	fini(d);
	curl_global_cleanup();
	return status;
}
