/* SPDX-License-Identifier: MIT */
/* Reloads configuration, credentials and client keys while the program runs: when their files
 * have changed, and on request (BEHAVIOUR.md 11). Requests that begin after that use the new
 * ones; those that run hold the old ones until they end (app.h). Its state is app->reload.
 * One thread.
 *
 * A file that cannot be used leaves the old one in force; the error is logged once, kept in
 * app->reload for the status, and the file is tried again at each poll. A new configuration
 * comes with tokens and keys loaded by it, so that a new provider and its token take effect
 * together. All of it takes effect but the path of the state file and what is shared with other
 * machines, which wait for the next start. A configuration file that was removed is an error: the
 * defaults are not used. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "app.h"

/* To be called after app_open(), in the program that keeps running. Ends an operator's switch
 * to a provider that is not configured, and logs what is wrong with the client keys. False and
 * an error text: out of memory. reload_end() is called by app_close(). */
bool reload_begin(struct app *app, struct buf *error);
void reload_end(struct app *app);

/* To be called about once a second: reloads what changed, and everything when the state has a
 * new request (state_reload_request()). True: a file is still being written; call again in
 * RELOAD_SETTLES_MS. */
bool reload_poll(struct app *app);

#define RELOAD_SETTLES_MS 100

/* Reloads the three files now, changed or not. */
void reload_now(struct app *app);

/* How far this process has followed reload requests, for struct process: two times the
 * state_reload_asked() of the last one; plus one while a file cannot be used. */
uint64_t reload_followed(const struct app *app);

#endif
