/* SPDX-License-Identifier: MIT */
/* GET /v1/usage and /v1/events: what the ledger holds (BEHAVIOUR.md 12). Each function replies to
 * the client, which its acceptor owns; access was checked before (client/access.h). One thread.
 *
 * The loop waits for a report, as it reads only the sums of the days, or events by their key: less
 * than 1 ms for a week, 9 ms for a year of two clients with four models each, 140 ms for 400 days
 * of 25 of them (x86, in memory). LEDGER_REPORT_MS is the end, but for a disk that does not return
 * from a read. It asks for no fsync, and writers do not make it wait. Only an admin can ask for
 * more than today, and the other processes go on meanwhile. */
#ifndef OPERATOR_USAGE_H
#define OPERATOR_USAGE_H

#include "client/accept.h"

void usage_report(struct client *client);
void usage_events(struct client *client);

/* What /health has of today, for who may see it: {"spent", "spent_unknown", "worth",
 * "worth_unknown"}, as /v1/usage has them. Read anew every USAGE_TODAY_MS at most, since anyone
 * with a client key can ask. NULL: the ledger is off or cannot be read, or out of memory. The
 * caller's. */
#define USAGE_TODAY_MS 2000
json_object *usage_today(struct app *app);

#endif
