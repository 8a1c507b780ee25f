/* SPDX-License-Identifier: MIT */
/* claude-router-ctl usage: what the ledger holds (money/ledger.h), as a table, JSON or CSV.
 * Requires the configuration and nothing else. One thread; blocks. */
#ifndef MAIN_CTL_USAGE_H
#define MAIN_CTL_USAGE_H

#include <stdbool.h>

/* Of the command line, borrowed. */
struct ctl_usage_options {
	const char *days;  /* NULL: a week */
	const char *by;    /* NULL: model */
	const char *since; /* of --recost */
	bool json, csv;
	bool recost; /* changes costs instead of reporting them: main/ctl_recost.h */
};

/* Prints the report, or prices the rows anew. config_path: of --config; NULL: see config_path().
 * Started by root, the process continues as the owner of the state (app/owner.h). Returns an exit
 * status: sysexits.h. */
int ctl_usage(const char *config_path, const struct ctl_usage_options *options);

#endif
