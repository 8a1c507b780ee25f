/* SPDX-License-Identifier: MIT */
#include "app/open.h"

#include "app/owner.h"
#include "app/reload.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/diagnostics.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

void
setup_process(void)
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
open_state(struct router *r, const struct setup *setup, struct buf *error)
{
	r->state = setup->looks_only ? state_open_readonly(r->config->state_file, error)
				     : state_open(r->config->state_file, error);
	return r->state == NULL ? EX_CANTCREAT : 0;
}

/* A keys file that cannot be used lets nobody in, which is safe: who needs no key
 * is served, and the status says what is wrong. */
static void
open_keys(struct router *r)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	watch_file_mark(&r->reload.keys, r->config->keys_file);
	r->keys = keys_load(r->config->keys_file, &error);
	if (r->keys == NULL)
		snprintf(r->reload.keys_error, sizeof r->reload.keys_error, "%s",
			 error.len > 0 ? error.data : "memory is short");
	buf_free(&error);
}

static int
open_files(struct router *r, const struct setup *setup, struct buf *error)
{
	bool must_exist;
	watch_file_mark(&r->reload.config, config_path(setup->config_path, &must_exist));
	r->config = config_load(setup->config_path, error);
	if (r->config == NULL)
		return EX_CONFIG;
	r->reload.config_loaded_ms = clock_wall_ms();
	/* Before any file is made. */
	if (setup->as_owner && !owner_become(r->config->state_file, error))
		return EX_NOPERM;
	/* The control program speaks to a terminal, not to a log. */
	if (setup->asks_providers && !setup->looks_only &&
	    !log_open(setup->program, r->config->log, r->config->log_level,
		      r->config->log_format == LOG_JSON, error))
		return EX_CANTCREAT;
	watch_file_mark(&r->reload.tokens, r->config->tokens_file);
	r->tokens = tokens_load(r->config, error);
	if (r->tokens == NULL)
		return EX_CONFIG;
	open_keys(r);
	return open_state(r, setup, error);
}

static int
open_loop(struct router *r, struct buf *error)
{
	r->loop = loop_new();
	r->upstream = r->loop == NULL ? NULL : upstream_new(r->loop);
	r->notifier = r->upstream == NULL ? NULL : notifier_new(r->loop, r->upstream, r->config);
	if (r->notifier != NULL)
		return 0;
	complaint_say(error, "no memory or descriptors for the event loop");
	return EX_OSERR;
}

int
setup_open(struct router *r, const struct setup *setup, struct buf *error)
{
	memset(r, 0, sizeof *r);
	r->reload.program = setup->program;
	r->reload.config_path = setup->config_path;
	int status = open_files(r, setup, error);
	if (status == 0 && setup->asks_providers)
		status = open_loop(r, error);
	if (status != 0)
		setup_close(r);
	return status;
}

void
setup_close(struct router *r)
{
	notifier_free(r->notifier);
	upstream_free(r->upstream);
	loop_free(r->loop);
	state_close(r->state);
	keys_free(r->keys);
	tokens_free(r->tokens);
	config_free(r->config);
	reload_end(r);
	memset(r, 0, sizeof *r);
}
