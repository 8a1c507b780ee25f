/* SPDX-License-Identifier: MIT */
/* What one responder process has: handed down, never global. Made and ended by
 * app/open.h; everybody else borrows. One thread. */
#ifndef APP_H
#define APP_H

#include "base/loop.h"
#include "config/config.h"
#include "config/file_watch.h"
#include "config/keys.h"
#include "config/tokens.h"
#include "state/state.h"
#include "upstream/notify.h"
#include "upstream/pool.h"

/* The state of app/reload.h. */
struct reload {
	const char *program;     /* of struct app_options */
	const char *config_path; /* of struct app_options */
	char *state_file;        /* the path of the state that is open */
	struct file_watch config, tokens, keys;
	int64_t config_loaded_ms;
	char config_error[CONFIG_ERROR_MAX]; /* why the file cannot be used; "" : it is in force */
	char tokens_error[ERROR_TEXT_MAX];   /* the same */
	char keys_error[ERROR_TEXT_MAX];     /* the same */
	char restart[ERROR_TEXT_MAX];        /* what waits for the next start; "" : nothing */
	uint64_t followed;                   /* state_reload_asked() */
};

/* Configuration and credentials are in force for what begins now; reload_poll()
 * puts others in their place. Whatever lives longer than one call (an exchange, a
 * check) takes a share of both when it begins and uses that to its end: a provider
 * that is taken out of the configuration while it answers stays the one it was,
 * with its name, limits and credential, and a retry asks with what the first
 * attempt was judged by. The last share that is given up overwrites and frees. */
struct app {
	struct loop *loop;
	struct pool *pool;
	struct notifier *notifier;
	struct config *config; /* in force; never NULL */
	struct tokens *tokens; /* the same */
	struct keys *keys;     /* asked when a request begins, shared by none; NULL: none */
	struct state *state;
	struct reload reload;
	unsigned clients;       /* connections being served */
	size_t unread;          /* bytes that wait for them */
	unsigned silences;      /* self-tests that are silent now */
	bool logged_login_as_key; /* the log said once that a login came as x-api-key */
};

#endif
