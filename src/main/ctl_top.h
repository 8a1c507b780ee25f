/* SPDX-License-Identifier: MIT */
/* claude-router-ctl top: what operator/top.h renders, refreshed in place on a terminal until a
 * signal or the key q; elsewhere once. One thread. */
#ifndef MAIN_CTL_TOP_H
#define MAIN_CTL_TOP_H

#include "app.h"

/* Returns an exit status. The terminal is left as it was found. */
int ctl_top(struct app *app, bool once);

#endif
