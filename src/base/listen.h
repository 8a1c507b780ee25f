/* SPDX-License-Identifier: MIT */
/* The socket at which a responder listens: the web server's, which is standard
 * input; systemd's, which opened it for us; or one of our own. One thread. */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

struct listener {
	int fd;
	bool own_service; /* not started by a web server */
	const char *path; /* of our own socket; else NULL: not ours to remove */
	ino_t inode;      /* of it */
};

/* With a path, which lives as long as the listener: opens a Unix socket there, mode 0660; a stale
 * one is replaced. Without one: what systemd passed (LISTEN_PID and LISTEN_FDS, which are taken out
 * of the environment), else standard input. The caller owns the descriptor. False and an error text
 * when there is no socket, or when both are given. */
bool listener_open(struct listener *listener, const char *path, struct buf *error);

/* Removes our own path, unless a successor has put its socket there. */
void listener_remove(const struct listener *listener);

#endif
