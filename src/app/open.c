/* SPDX-License-Identifier: MIT */
#include "app/open.h"

#include "app/owner.h"
#include "app/reload.h"
#include "base/clock.h"
#include "base/log.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

void
app_harden_process(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	/* libcurl's resolver threads need no arenas of their own. */
	mallopt(M_ARENA_MAX, 1);
	/* The one setting that libcurl's TLS would take from the environment. */
	unsetenv("SSLKEYLOGFILE");
	/* A file at its size limit, a client that left: errors to handle, not ends. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static int
open_state(struct app *r, const struct app_options *app_options, struct buf *error)
{
	r->state = app_options->looks_only ? state_open_readonly(r->config->state_file, error)
					   : state_open(r->config->state_file, error);
	return r->state == NULL ? EX_CANTCREAT : 0;
}

/* A keys file that cannot be used lets nobody in, which is safe: who needs no key
 * is served, and the status says what is wrong. */
static void
open_keys(struct app *r)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&r->reload.keys, r->config->keys_file);
	r->keys = keys_load(r->config->keys_file, &error);
	if (r->keys == NULL)
		snprintf(r->reload.keys_error, sizeof r->reload.keys_error, "%s",
			 error.len > 0 ? error.data : "memory is short");
	buf_free(&error);
}

static int
open_files(struct app *r, const struct app_options *app_options, struct buf *error)
{
	bool must_exist;
	file_watch_mark(&r->reload.config, config_path(app_options->config_path, &must_exist));
	r->config = config_load(app_options->config_path, error);
	if (r->config == NULL)
		return EX_CONFIG;
	r->reload.config_loaded_ms = clock_wall_ms();
	/* Before any file is made. */
	if (app_options->as_owner && !owner_become(r->config->state_file, error))
		return EX_NOPERM;
	/* The control program speaks to a terminal, not to a log. */
	if (app_options->asks_providers && !app_options->looks_only &&
	    !log_open(app_options->program, r->config->log, r->config->log_level,
		      r->config->log_format == LOG_JSON, error))
		return EX_CANTCREAT;
	file_watch_mark(&r->reload.tokens, r->config->tokens_file);
	r->tokens = tokens_load(r->config, error);
	if (r->tokens == NULL)
		return EX_CONFIG;
	open_keys(r);
	return open_state(r, app_options, error);
}

static int
open_loop(struct app *r, struct buf *error)
{
	r->loop = loop_new();
	r->pool = r->loop == NULL ? NULL : pool_new(r->loop);
	r->notifier = r->pool == NULL ? NULL : notifier_new(r->loop, r->pool, r->config);
	if (r->notifier != NULL)
		return 0;
	buf_append_cut(error, "no memory or descriptors for the event loop");
	return EX_OSERR;
}

int
app_open(struct app *r, const struct app_options *app_options, struct buf *error)
{
	memset(r, 0, sizeof *r);
	r->reload.program = app_options->program;
	r->reload.config_path = app_options->config_path;
	int status = open_files(r, app_options, error);
	if (status == 0 && app_options->asks_providers)
		status = open_loop(r, error);
	if (status != 0)
		app_close(r);
	return status;
}

void
app_close(struct app *r)
{
	notifier_free(r->notifier);
	pool_free(r->pool);
	loop_free(r->loop);
	state_close(r->state);
	keys_free(r->keys);
	tokens_free(r->tokens);
	config_free(r->config);
	reload_end(r);
	memset(r, 0, sizeof *r);
}
