/* SPDX-License-Identifier: MIT */
#include "app/open.h"

#include "app/owner.h"
#include "app/reload.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "money/caps.h"
#include "route/response_cache.h"

#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

enum { LEDGER_CLOSE_MS = 2000 };

void
app_harden_process(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	memory_keep();
	/* The one variable that libcurl's TLS would use. */
	unsetenv("SSLKEYLOGFILE");
	/* A file at its size limit and a closed connection are errors to handle. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static int
open_state(struct app *app, const struct app_options *app_options, struct buf *error)
{
	const char *path = app->config->state_file;
	const uint8_t *key = app->config->share[0] == '\0' ? NULL : tokens_share_key(app->tokens);
	app->state = app_options->looks_only ? state_open_readonly(path, error)
					     : state_open_keyed(path, key, error);
	return app->state == NULL ? EX_CANTCREAT : 0;
}

/* Without a usable keys file no key is accepted, which is safe: clients that need none are
 * served, and the status reports the error. */
static void
open_keys(struct app *app)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&app->reload.keys, app->config->keys_file);
	app->keys = keys_load(app->config->keys_file, &error);
	if (app->keys == NULL)
		snprintf(app->reload.keys_error, sizeof app->reload.keys_error, "%s",
			 error.len > 0 ? error.data : "out of memory");
	buf_free(&error);
}

/* Without usable prices costs are unknown, which the status reports. */
static void
open_prices(struct app *app)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	file_watch_mark(&app->reload.prices, app->config->prices_file);
	app->prices = prices_load(app->config->prices_file, PRICES_SHIPPED, &error);
	if (app->prices == NULL)
		snprintf(app->reload.prices_error, sizeof app->reload.prices_error, "%s",
			 error.len > 0 ? error.data : "out of memory");
	buf_free(&error);
}

void
app_open_ledger(struct app *app)
{
	char path[PATH_MAX];
	const struct ledger_options options = {
	    .path = ledger_path(app->config->ledger, app->config->state_file, path),
	    .flush_ms = app->config->ledger_flush_ms,
	};
	/* What is queued is written all the same. */
	ledger_close(app->ledger, 0);
	app->ledger = options.path == NULL ? NULL : ledger_new(&options);
	if (options.path != NULL && app->ledger == NULL)
		log_line(LOG_ERR, "out of memory for the ledger: nothing is recorded until the "
				  "next reload");
}

void
app_begin_caps(struct app *app, bool anew)
{
	char path[PATH_MAX];
	caps_begin(app->config, app->keys, app->state,
		   ledger_path(app->config->ledger, app->config->state_file, path), anew,
		   clock_wall_ms());
}

static int
open_files(struct app *app, const struct app_options *app_options, struct buf *error)
{
	bool must_exist;
	file_watch_mark(&app->reload.config, config_path(app_options->config_path, &must_exist));
	app->config = config_load(app_options->config_path, error);
	if (app->config == NULL)
		return EX_CONFIG;
	app->reload.config_loaded_ms = clock_wall_ms();
	/* Before any file is created. */
	if (app_options->as_owner && !owner_become(app->config->state_file, error))
		return EX_NOPERM;
	/* claude-router-ctl prints to a terminal and has no log. */
	if (app_options->asks_providers && !app_options->looks_only &&
	    !log_open(app_options->program, app->config->log, app->config->log_level,
		      app->config->log_format == LOG_JSON, error))
		return EX_CANTCREAT;
	file_watch_mark(&app->reload.tokens, app->config->tokens_file);
	app->tokens = tokens_load(app->config, error);
	if (app->tokens == NULL)
		return EX_CONFIG;
	open_keys(app);
	int status = open_state(app, app_options, error);
	if (status == 0 && app_options->keeps_ledger) {
		open_prices(app);
		app_open_ledger(app);
		app_begin_caps(app, false);
	}
	return status;
}

static int
open_loop(struct app *app, struct buf *error)
{
	app->loop = loop_new();
	app->pool = app->loop == NULL ? NULL : pool_new(app->loop);
	app->notifier = app->pool == NULL ? NULL : notifier_new(app->loop, app->pool, app->config);
	if (app->notifier != NULL)
		return 0;
	buf_append_cut(error, "out of memory or file descriptors");
	return EX_OSERR;
}

int
app_open(struct app *app, const struct app_options *app_options, struct buf *error)
{
	memset(app, 0, sizeof *app);
	app->reload.program = app_options->program;
	app->reload.config_path = app_options->config_path;
	int status = open_files(app, app_options, error);
	if (status == 0 && app_options->asks_providers)
		status = open_loop(app, error);
	if (status != 0)
		app_close(app);
	return status;
}

void
app_close(struct app *app)
{
	response_cache_free(app->count_cache);
	response_cache_free(app->message_cache);
	json_object_put(app->today);
	notifier_free(app->notifier);
	pool_free(app->pool);
	loop_free(app->loop);
	ledger_close(app->ledger, LEDGER_CLOSE_MS);
	prices_free(app->prices);
	state_close(app->state);
	keys_free(app->keys);
	tokens_free(app->tokens);
	config_free(app->config);
	reload_end(app);
	memset(app, 0, sizeof *app);
}
