/* SPDX-License-Identifier: MIT */
/* claude-router-ctl doctor: looks at all that can be wrong with an
 * installation, and says what to type. Changes nothing. One thread; ends with
 * the process. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "app/cli.h"

struct doctor_options {
	const char *url;      /* of the router; NULL: the places of our own configurations */
	const char *silence;  /* seconds to test the web server with, up to
			       * SELF_TEST_SILENCE_MAX_S; NULL: none */
	const char *crontab;  /* the file with cron's entry; NULL: where cron looks */
	const char *settings; /* Claude Code's; NULL: ~/.claude/settings.json */
	const char *proc;     /* where the processes are told; NULL: /proc */
	bool patient;
	bool notes;
};

/* The options, for a program's table (cli.h). */
#define DOCTOR_CLI_OPTIONS(o)                                                                      \
	{'u',                                                                                      \
	 "url",                                                                                    \
	 "URL",                                                                                    \
	 "doctor: where the router answers (default:\nhttp://127.0.0.1:8000, "                     \
	 "http://127.0.0.1/claude-router)",                                                        \
	 &(o)->url,                                                                                \
	 NULL},                                                                                    \
	    {'p',  "patient",    NULL, "doctor: wait for the web server's time limits, 6 minutes", \
	     NULL, &(o)->patient},                                                                 \
	    {'S', "silence", "SECONDS", "doctor: wait this long for them", &(o)->silence, NULL},   \
	    {'n', "notes", NULL, "doctor: say also what is only good to know", NULL, &(o)->notes}, \
	    {'C',           "crontab", "FILE", "doctor: cron's entry (default: in " CRONDIR ")",   \
	     &(o)->crontab, NULL},                                                                 \
	    {'s',                                                                                  \
	     "settings",                                                                           \
	     "FILE",                                                                               \
	     "doctor: Claude Code's (default: ~/.claude/settings.json)",                           \
	     &(o)->settings,                                                                       \
	     NULL},                                                                                \
	{                                                                                          \
		'P', "proc", "DIRECTORY", "doctor: where the processes are told (default: /proc)", \
		    &(o)->proc, NULL                                                               \
	}

/* Runs all checks and tells what they found: an array of {id, severity, what,
 * cure} if json, else lines for people, none when all is well. Exit status: 0
 * healthy, 1 something is wrong, 2 nothing is known to be wrong but something
 * could not be looked at, 70 and more: no memory. config: of --config, or NULL. */
int doctor_run(const struct doctor_options *options, const char *config, bool json);

#endif
