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

/* --- Small things ----------------------------------------------------- */

const char *
doctor_shown(const char *text)
{
	static char shown[4][PRINTABLE_SIZE];
	static size_t next;
	next = (next + 1) % COUNT(shown);
	return printable(text, strlen(text), shown[next], sizeof shown[next]);
}

bool
doctor_read(const char *path, struct buf *text)
{
	struct stat st;
	struct buf why;
	buf_init(&why, ERROR_TEXT_MAX + 4096);
	bool read = config_read_file(path, text, &st, &why) == FILE_READ;
	buf_free(&why);
	return read;
}

void
doctor_cannot_look(struct doctor *d, const char *path)
{
	findings_add(&d->findings, SEVERITY_UNKNOWN, "not-allowed",
		     "%s: this user may not look at it", path);
	findings_cure(&d->findings, "sudo claude-router-ctl doctor");
}

/* --- All checks ------------------------------------------------------- */

static void (*const checks[])(struct doctor *) = {
    doctor_check_environment, doctor_check_processes, doctor_check_tokens,      doctor_check_keys,
    doctor_check_state,       doctor_check_cron,      doctor_check_server,      doctor_check_status,
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
tell(const struct doctor *d, bool json)
{
	if (!json) {
		findings_print(&d->findings, d->options->notes);
		return findings_status(&d->findings);
	}
	int status = cli_print_json("claude-router-ctl", findings_json(&d->findings));
	return status == EXIT_SUCCESS ? findings_status(&d->findings) : status;
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
	for (size_t i = 0; i < COUNT(checks); i++)
		checks[i](d);
	int status = tell(d, json);
	fini(d);
	curl_global_cleanup();
	return status;
}
