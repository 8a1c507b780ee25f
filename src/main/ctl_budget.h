/* SPDX-License-Identifier: MIT */
/* claude-router-ctl budget: what is spent and reserved of each cap (money/caps.h), and giving back
 * what killed processes had reserved. The app is borrowed. Return exit statuses: sysexits.h. One
 * thread. */
#ifndef MAIN_CTL_BUDGET_H
#define MAIN_CTL_BUDGET_H

#include "app.h"

/* Prints a table, or JSON as the caps of /v1/status. */
int ctl_budget_list(const struct app *app, bool json);

/* words: "release", and perhaps the name of a scope as the table has it; NULL after the last. For
 * that the state must be writable. */
int ctl_budget_release(struct app *app, char *const *words);

#endif
