/* SPDX-License-Identifier: MIT */
/* Takes up configuration, credentials and client keys while the program runs: when their files
 * have changed, and when somebody asks for it (BEHAVIOUR.md 11). What begins from
 * then on goes by the new ones; what runs has its own share of the old ones
 * (app.h). Keeps what it needs to know in router->reload. One thread.
 *
 * What cannot be used leaves the old one of it in force, is logged once, stands
 * in router->reload for the status, and is tried again at each look until it can
 * be. A configuration brings its credentials and keys along, so that a new provider
 * and its token begin together. Everything in it takes effect but the path of the
 * state file, which waits for the next start; a file that went away is no reason
 * to fall back to the defaults. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "app.h"

/* After app_open(), in the program that stays: what was loaded is in force, an
 * operator's switch to a provider that is not configured ends, and what is wrong with
 * the client keys is logged. False and an
 * error text: memory is short. reload_end() is app_close()'s. */
bool reload_begin(struct app *app, struct buf *error);
void reload_end(struct app *app);

/* To be called about once a second: looks at the files, and at the requests in the
 * state (state_reload_request()). True: a file is being written: call again in
 * RELOAD_SETTLES_MS. */
bool reload_poll(struct app *app);

#define RELOAD_SETTLES_MS 100

/* Reads the three files now, changed or not. */
void reload_now(struct app *app);

/* How far this process has come, for struct process: the state_reload_asked() that
 * it followed last, times two; plus one while something cannot be used. */
uint64_t reload_followed(const struct app *app);

#endif
