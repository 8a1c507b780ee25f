/* SPDX-License-Identifier: MIT */
/* claude-router-ctl usage --recost: gives the ledger's rows the costs of today's prices. One
 * thread; blocks. */
#ifndef MAIN_CTL_RECOST_H
#define MAIN_CTL_RECOST_H

#include "config/config.h"

#include <stdbool.h>

/* Whether the text is a day, as 2026-11-27; *at_ms: its first moment, in local time. */
bool ctl_recost_day(const char *text, int64_t *at_ms);

/* Changes the ledger at path, which may not exist, and prints how many rows changed and by how
 * much. since: as it was written. Returns an exit status: sysexits.h. */
int ctl_recost(const struct config *config, const char *path, const char *since, bool json);

#endif
