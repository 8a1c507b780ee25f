/* SPDX-License-Identifier: MIT */
/* Changing the keys file: what claude-router-ctl key does.
 *
 * A new file is written beside the old one, synced and renamed over it, so that a reader sees the
 * one or the other and a power loss leaves one of them whole. A lock on its directory serializes
 * changes. Owner, group, mode and comments stay; a new file is 0640 and belongs to the owner of
 * tokens.txt, else of the state file's directory, so that the responder can read it. A symbolic
 * link is followed. Keeps and owns nothing. */
#ifndef CONFIG_KEYS_EDIT_H
#define CONFIG_KEYS_EDIT_H

#include "config/config.h"
#include "config/keys.h"

/* Makes a key for a new name, and stores its hash, with a budget. False, with a sentence: the name
 * is in use or invalid, KEY_BUDGETS_MAX others have a budget, the file cannot be read or
 * written. */
bool keys_edit_add(const struct config *config, const char *name, const struct key_budget *budget,
		   char key[static KEY_SIZE], struct buf *error);

/* Gives the key of a name another budget; a cap of -1 stays as it is. False, with a sentence: no
 * key has that name, or as above. */
bool keys_edit_budget(const struct config *config, const char *name,
		      const struct key_budget *budget, struct buf *error);

/* Removes the key of a name. False, with a sentence: no key has that name, the file cannot be read
 * or written. */
bool keys_edit_remove(const struct config *config, const char *name, struct buf *error);

#endif
