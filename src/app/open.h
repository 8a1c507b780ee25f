/* SPDX-License-Identifier: MIT */
/* What all programs do first: load configuration, credentials and client keys, open
 * the log and the state, drop privileges. One thread. */
#ifndef APP_OPEN_H
#define APP_OPEN_H

#include "app.h"

struct app_options {
	const char *program;     /* for the log; borrowed as long as app is open */
	const char *config_path; /* of --config, borrowed, too; NULL: see config_path() */
	bool asks_providers;     /* open the log, and what sends requests: loop, pool, notifier */
	bool looks_only;         /* the state is only read; it may be missing or read-only */
	bool keeps_ledger;       /* the responder does */
	bool as_owner;           /* started by root, run as the owner of the state (owner.h) */
};

/* Fills *app. Returns 0, or an exit status (sysexits.h: EX_CONFIG, EX_CANTCREAT, …) and an
 * error text of one or more lines, none when out of memory; then there is nothing to close. */
int app_open(struct app *app, const struct app_options *app_options, struct buf *error);

/* Opens the ledger that the configuration in force asks for, in place of the one that is open. */
void app_open_ledger(struct app *app);

/* Begins the caps of the configuration and the keys in force; anew: also those that are ahead
 * (money/caps.h). */
void app_begin_caps(struct app *app, bool anew);

/* Closes and frees all of it; credentials are overwritten. */
void app_close(struct app *app);

/* To be called before anything else. Forbids core files and ptrace by other users, since
 * credentials will be in memory; one malloc arena; ignores SIGPIPE and SIGXFSZ. */
void app_harden_process(void);

#endif
