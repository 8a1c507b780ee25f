/* SPDX-License-Identifier: MIT */
/* claude-router-ctl drill: begins a drill (BEHAVIOUR.md 13) and, in a conversation of its own,
 * sends the messages that show whether failover and return work. Blocks. One thread. */
#ifndef MAIN_CTL_DRILL_H
#define MAIN_CTL_DRILL_H

#include "operator/drills.h"

struct ctl_drill_options {
	struct drills_wish wish;
	bool self; /* a conversation of its own, in place of the wish's */
	bool dry_run;
	bool yes;
	bool json;
	const char *url; /* of the router; NULL: the usual ones */
};

/* Both return an exit status: of a drill of its own 0: failover and return work; 1: they do not; 2:
 * it could not be tried. */
int ctl_drill(struct app *app, const struct ctl_drill_options *options);
int ctl_drill_stop(struct app *app);

#endif
