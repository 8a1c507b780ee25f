/* SPDX-License-Identifier: MIT */
/* What systemd is told about this process: sd_notify(3), without its library. Owns nothing. Reads
 * the environment: one thread. */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

#include <stdbool.h>

#define SERVICE_READY    "READY=1"
#define SERVICE_STOPPING "STOPPING=1"

/* Sends a state, without waiting, to the socket that NOTIFY_SOCKET names: a path, or "@" and an
 * abstract name. False: there is none, or it cannot be reached; that is no error of ours, since
 * nobody waits there then. */
bool service_tell(const char *state);

#endif
