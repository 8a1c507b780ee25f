/* SPDX-License-Identifier: MIT */
/* The messenger between this machine's state file and the server that several machines share: what
 * changes in the file is told, what the others tell is joined to it (BEHAVIOUR.md 14).
 *
 * The file stays this machine's truth. Nobody waits for the messenger but who is about to probe, or
 * needs a larger part of a cap (share/ask.h). What is lost on the way comes with the next reading
 * of all, once a minute or more and after each connection. One thread. */
#ifndef SHARE_MESSENGER_H
#define SHARE_MESSENGER_H

#include "base/loop.h"
#include "config/share_url.h"
#include "state/state.h"

struct messenger_options {
	struct loop *loop;
	struct state *state;    /* whose state_share_lock() the caller has */
	const char *state_file; /* its path */
	const struct share_url *url;
	const char *password; /* NULL: none */
	const uint8_t *key;   /* DIGEST_KEY_SIZE bytes: the machines' common one, and the file's */
};

/* Begins; options and what they point to are borrowed until messenger_free(). NULL and an error
 * text: out of memory, or no socket can be opened beside the state file. */
struct messenger *messenger_new(const struct messenger_options *options, struct buf *error);

/* Ends it: questions are answered no more, and nothing is told. NULL is fine. */
void messenger_free(struct messenger *messenger);

#endif
