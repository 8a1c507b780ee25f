/* SPDX-License-Identifier: MIT */
/* claude-router-ctl key: adds, lists and removes client keys, and their budgets (keys_edit.h).
 * Requires the configuration and nothing else, so that it works before the router has ever run.
 * One thread. */
#ifndef MAIN_CTL_KEY_H
#define MAIN_CTL_KEY_H

/* Of the command line, borrowed. */
struct ctl_key_options {
	const char *daily, *monthly; /* dollars, or "off"; NULL: not given */
};

/* words: "list", or "add", "budget" or "remove" and a name; NULL after the last.
 * config_path: of --config; NULL: see config_path(). Prints the list, or the new key, which is
 * stored nowhere. Returns an exit status: sysexits.h. */
int ctl_key(const char *config_path, char *const *words, const struct ctl_key_options *options);

#endif
