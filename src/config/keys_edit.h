/* SPDX-License-Identifier: MIT */
/* Changing the keys file: what claude-router-ctl key does.
 *
 * The file is written anew beside the old one, brought to the disk and put in its
 * place at once, so that a reader sees the one or the other and a loss of power
 * leaves one of them whole. A lock on its directory makes several changes at once
 * wait for each other. Owner, group, mode and comments stay; a new file is 0640 and
 * belongs to whom tokens.txt, else the directory, belongs to, so that the responder
 * can read it. A symbolic link is followed. Nothing is kept or owned here. */
#ifndef CONFIG_KEYS_EDIT_H
#define CONFIG_KEYS_EDIT_H

#include "config/config.h"
#include "config/keys.h"

/* Makes a key for somebody who has none, and writes down its hash. False, with a
 * sentence: the name is taken or none, the file cannot be used or written. */
bool keys_edit_add(const struct config *config, const char *name, char key[static KEY_SIZE],
		   struct buf *error);

/* Takes somebody's key away. False, with a sentence: nobody has that name, the file
 * cannot be used or written. */
bool keys_edit_remove(const struct config *config, const char *name, struct buf *error);

#endif
