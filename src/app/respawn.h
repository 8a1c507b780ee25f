/* SPDX-License-Identifier: MIT */
/* Restarts a responder at once when it is killed. The parent process keeps the listening
 * socket open, so that connections wait instead of being refused.
 *
 * lighttpd checks the responders that it started once a second, and replies with 503 until
 * then (SERVERS.md, "Start, stop, processes"). systemd and mod_fcgid do not need this. */
#ifndef APP_RESPAWN_H
#define APP_RESPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* What a child knows of the processes that started it. All zero: started without respawn(). */
struct respawned {
	int killed_by; /* the signal that killed the previous child; 0: this is the first */
	pid_t parent;  /* keeps the socket */
	pid_t starter; /* the parent of that: the web server */
};

/* Forks. The parent starts children, one after the other, forwards SIGTERM, SIGINT and SIGHUP
 * to the running one, and exits with the status of a child that exits by itself or was asked
 * to stop by a signal. To be called before anything is opened, with those signals blocked.
 *
 * Returns in each child, never in the parent. A failed fork() is retried, at least every
 * RESPAWN_WAIT_MAX_MS. */
struct respawned respawn(void);

/* Whether both the parent and the web server have exited, so that this process would never be
 * stopped. While the web server still runs it is in use: lighttpd treats it as a backend that
 * it did not start, and starts no other. */
bool respawn_is_abandoned(const struct respawned *respawned);

#define RESPAWN_WAIT_MAX_MS 5000

#endif
