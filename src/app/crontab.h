/* SPDX-License-Identifier: MIT */
/* An entry for cron (crontab(5)), with paths of any bytes quoted. Pure; thread-safe. */
#ifndef APP_CRONTAB_H
#define APP_CRONTAB_H

#include "base/buf.h"

/* The longest command of Debian's cron (MAX_COMMAND), which else ignores the whole file. */
#define CRONTAB_COMMAND_MAX 998

/* Appends an entry by which root runs the program for a state file, with --config FILE unless that
 * is NULL, and a newline. False: a path contains a control byte, which no entry can, or the command
 * is too long, or to is full or out of memory; part of it may have been appended. */
bool crontab_entry(struct buf *to, const char *times, const char *program, const char *state_file,
		   const char *config_file) __attribute__((warn_unused_result));

#endif
