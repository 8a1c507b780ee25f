/* SPDX-License-Identifier: MIT */
/* What a process holds while it runs; passed on, never global. Created and freed by
 * app/open.h, borrowed by everything else. One thread. */
#ifndef APP_H
#define APP_H

#include "base/loop.h"
#include "config/config.h"
#include "config/file_watch.h"
#include "config/keys.h"
#include "config/tokens.h"
#include "money/ledger.h"
#include "money/price.h"
#include "state/state.h"
#include "upstream/load.h"
#include "upstream/notify.h"
#include "upstream/pool.h"

struct json_object;
struct response_cache;

/* The state of app/reload.h. */
struct reload {
	const char *program;     /* of struct app_options */
	const char *config_path; /* of struct app_options */
	char *state_file;        /* the path of the open state file */
	char *share;             /* config->share when it was opened */
	struct file_watch config, tokens, keys, prices;
	int64_t config_loaded_ms;
	char config_error[CONFIG_ERROR_MAX]; /* why the file is not in force; "": it is */
	char tokens_error[ERROR_TEXT_MAX];   /* the same */
	char keys_error[ERROR_TEXT_MAX];     /* the same */
	char prices_error[ERROR_TEXT_MAX];   /* the same */
	char restart[ERROR_TEXT_MAX];        /* the changes that need a restart; "": none */
	uint64_t followed;                   /* last state_reload_asked() that was followed */
};

/* Configuration and credentials are in force for what begins now; reload_poll() replaces
 * them. What lives longer than one call (an exchange, a health check) takes a share of both
 * when it begins, and uses that to its end: a provider that is removed from the configuration
 * meanwhile keeps its name, limits and credential, and a retry uses the same as the first
 * attempt. The last share to be freed overwrites its secrets. */
struct app {
	struct loop *loop;
	struct pool *pool;
	struct notifier *notifier;
	struct config *config; /* in force; never NULL */
	struct tokens *tokens; /* the same */
	struct keys *keys;     /* used when a request begins, never shared; NULL: none */
	struct state *state;
	struct prices *prices;                /* in force; NULL: none could be loaded */
	struct ledger *ledger;                /* NULL: off, or not this program's */
	struct response_cache *count_cache;   /* route/response_cache.h; NULL: not needed so far */
	struct response_cache *message_cache; /* the same, for messages */
	struct load load;                     /* of stored credentials */
	struct json_object *today;            /* usage_today(), as last read; NULL: nothing */
	int64_t today_at_ms;                  /* and when, by the wall clock */
	struct reload reload;
	unsigned clients;           /* connections being served */
	size_t unread;              /* bytes that wait for them (client/reply.h) */
	unsigned silent_self_tests; /* self-tests that send nothing now */
	int64_t unanswered_ms;      /* step_lease.c: nobody answers since then, by the steady clock;
				       0: the last question was answered */
	bool logged_login_as_key;   /* exchange.c has logged that a login came as x-api-key */
};

#endif
