/* SPDX-License-Identifier: MIT */
/* What all three programs do first: read the configuration and the credentials,
 * open the log and the state, and give up what they do not need. One thread. */
#ifndef APP_OPEN_H
#define APP_OPEN_H

#include "app.h"

/* Exit statuses beyond a program's own: sysexits.h. */

struct app_options {
	const char *program;     /* for the log; kept, not copied */
	const char *config_path; /* of --config, kept, too; NULL: as config_path() says */
	bool asks_providers;     /* loop and upstream are needed */
	bool looks_only;         /* the state may be missing or read-only */
	bool as_owner;           /* started by root, go on as the owner of the state (owner.h) */
};

/* Fills *router. 0, or an exit status (EX_CONFIG, EX_CANTCREAT …) and an error
 * text of one or more lines; then there is nothing to close. */
int app_open(struct app *app, const struct app_options *app_options, struct buf *error);

/* Closes and overwrites all of it. */
void app_close(struct app *app);

/* First of all: no core files and no ptrace by others, since credentials are in
 * this memory; one arena; no death by SIGPIPE or SIGXFSZ. */
void app_harden_process(void);

#endif
