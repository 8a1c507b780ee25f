/* SPDX-License-Identifier: MIT */
/* A responder that is killed is started again at once, by a parent that keeps the
 * listening socket meanwhile: connections wait in it instead of being refused.
 *
 * lighttpd looks at the responders that it starts once a second and answers 503 until then
 * (SERVERS.md, "Start, stop, processes"). systemd and mod_fcgid need no such help. */
#ifndef APP_RESPAWN_H
#define APP_RESPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* What a child knows of those who started it. All zero: a process that was not respawned. */
struct respawned {
	int killed_by; /* the signal that killed the child before it; 0: it is the first */
	pid_t parent;  /* who keeps the socket */
	pid_t starter; /* who started that: the web server */
};

/* Splits the process in two: the parent starts children, one after the other, hands SIGTERM,
 * SIGINT and SIGHUP on to the one that runs, and ends with a child that ends by itself or
 * that was told to stop. To be called before anything is opened, with those signals blocked.
 *
 * Returns in each child. Does not return in the parent, which exits with the status of the
 * last child; without memory for a child it tries again, at the latest each
 * RESPAWN_WAIT_MAX_MS. */
struct respawned respawn(void);

/* Whether both the parent and the web server are gone, so that nobody would ever stop this
 * process. While the web server runs it goes on: lighttpd takes it for a server that it did not
 * start, uses it, and starts no other. */
bool respawn_is_abandoned(const struct respawned *respawned);

#define RESPAWN_WAIT_MAX_MS 5000

#endif
