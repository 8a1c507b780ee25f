/* SPDX-License-Identifier: MIT */
/* The state that several machines share: its messenger, its server, and the server's clock. */
#include "base/clock.h"
#include "doctor/checks.h"

#include <stdlib.h>

enum { CLOCK_MAX_MS = 2000 }; /* pauses are told by the server's clock, as it was on connection */

static void
check_clock(struct doctor *d, int64_t ahead_ms)
{
	if (llabs(ahead_ms) <= CLOCK_MAX_MS)
		return;
	report_add(&d->report, SEVERITY_WARNING, "share-clock",
		   "the clock of the server at share is %lld.%lld s %s this machine's",
		   llabs(ahead_ms) / 1000, llabs(ahead_ms) % 1000 / 100,
		   ahead_ms > 0 ? "ahead of" : "behind");
	report_cure(&d->report, "on both machines: sudo timedatectl set-ntp true");
}

void
doctor_check_share(struct doctor *d)
{
	struct state_share share;
	char since[CLOCK_SHORT_SIZE];
	const struct config *config = d->app.config;
	if (config == NULL || config->share[0] == '\0' || d->app.state == NULL)
		return;
	if (!state_share(d->app.state, &share)) {
		report_add(&d->report, SEVERITY_WARNING, "share-messenger",
			   "claude-router-share does not run, so this machine does not share its "
			   "state");
		report_cure(&d->report, "sudo systemctl enable --now claude-router-share");
	} else if (share.silent_ms != 0) {
		report_add(&d->report, SEVERITY_WARNING, "share-hung",
			   "claude-router-share has not answered since %s, so this machine does "
			   "not share its state",
			   clock_short(share.silent_ms, clock_wall_ms(), since));
		report_cure(&d->report, "sudo systemctl restart claude-router-share");
	} else if (share.since_ms == 0 && share.tried_ms != 0) {
		report_add(&d->report, SEVERITY_WARNING, "share-connection",
			   "%s: not connected since %s, so this machine does not share its state",
			   config->share, clock_short(share.tried_ms, clock_wall_ms(), since));
		report_cure(&d->report,
			    "the log says why: journalctl -u claude-router-share -n 20");
	} else if (share.since_ms != 0) {
		check_clock(d, share.clock_ms);
	}
}
