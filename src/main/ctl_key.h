/* SPDX-License-Identifier: MIT */
/* claude-router-ctl key: makes, shows and takes away client keys (keys_edit.h).
 * Needs the configuration and nothing else, so that it works before the router has
 * ever run. One thread. */
#ifndef MAIN_CTL_KEY_H
#define MAIN_CTL_KEY_H

/* words: "add" and a name, "list", or "remove" and a name; NULL after the last.
 * config_path: of --config; NULL: as config.h says. Prints what is asked for, and
 * the only time ever a key that it made. Returns an exit status: sysexits.h. */
int ctl_key(const char *config_path, char *const *words);

#endif
