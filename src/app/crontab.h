/* SPDX-License-Identifier: MIT */
/* An entry for cron (crontab(5)), whatever stands in its paths. Pure; thread-safe. */
#ifndef APP_CRONTAB_H
#define APP_CRONTAB_H

#include "base/buf.h"

/* What Debian's cron takes of a command (MAX_COMMAND); of a longer one it refuses the whole file. */
#define CRONTAB_COMMAND_MAX 998

/* Adds an entry by which root runs the program for a state file, with --config FILE unless that is
 * NULL, and a line's end. False: a path holds a control byte, which no entry can, or the command is
 * too long, or there is no room; part of it may be there then. */
bool crontab_entry(struct buf *to, const char *times, const char *program, const char *state_file,
		   const char *config_file) __attribute__((warn_unused_result));

#endif
