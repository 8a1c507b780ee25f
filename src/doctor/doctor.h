/* SPDX-License-Identifier: MIT */
/* claude-router-ctl doctor: checks an installation for all known faults, and prints
 * each with the command that fixes it. Changes nothing. One thread; blocks. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>

/* Of the command line, all borrowed. */
struct doctor_options {
	const char *url;      /* of the router; NULL: try those of our own configurations */
	const char *silence;  /* seconds of silence to test the web server with, up to
			       * SELF_TEST_SILENCE_MAX_S; NULL: none */
	const char *crontab;  /* the file with cron's entry; NULL: where cron looks */
	const char *settings; /* Claude Code's; NULL: ~/.claude/settings.json */
	const char *proc;     /* the procfs mount; NULL: /proc */
	bool patient;         /* test the web server's usual time limits */
	bool notes;           /* print notes, too */
};

/* Runs all checks and prints the report: an array of {id, severity, what, cure} if json,
 * else lines for people, none when all is well. Returns an exit status: 0 healthy,
 * 1 a fault was found, 2 no fault was found but something could not be checked,
 * EX_OSERR or EX_IOERR. config: of --config; NULL: not given. */
int doctor_run(const struct doctor_options *options, const char *config, bool json);

#endif
