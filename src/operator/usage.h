/* SPDX-License-Identifier: MIT */
/* GET /v1/usage and /v1/events: what the ledger holds (BEHAVIOUR.md 12). Each function replies to
 * the client, which its acceptor owns; access was checked before (client/access.h). One thread.
 *
 * The loop waits for a report, as it reads only the sums of the days, or events by their key: less
 * than 1 ms for a week, 9 ms for a year of two clients with four models each, 140 ms for 400 days
 * of 25 of them (x86, in memory). LEDGER_REPORT_MS is the end, but for a disk that does not return
 * from a read. It asks for no fsync, and writers do not make it wait. Only an admin can ask, and
 * the other processes go on meanwhile. */
#ifndef OPERATOR_USAGE_H
#define OPERATOR_USAGE_H

#include "client/accept.h"

void usage_report(struct client *client);
void usage_events(struct client *client);

#endif
