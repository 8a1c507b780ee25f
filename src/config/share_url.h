/* SPDX-License-Identifier: MIT */
/* The setting share: the server through which several machines share their failover state
 * (BEHAVIOUR.md 14). Owns nothing, allocates nothing, resolves nothing; pure, for any thread. */
#ifndef CONFIG_SHARE_URL_H
#define CONFIG_SHARE_URL_H

#include <stdbool.h>

#define SHARE_SOCKET_SIZE 108 /* as in struct sockaddr_un, with the NUL */
#define SHARE_USER_SIZE   65  /* with the NUL, as the next one */
#define SHARE_PREFIX_SIZE 33
#define SHARE_DB_MAX      15 /* of the 16 that a server has unless configured otherwise */

struct share_url {
	char socket[SHARE_SOCKET_SIZE]; /* the path of a Unix socket; "": host and port */
	char host[254];                 /* a name or an address, IPv6 without brackets */
	unsigned port;
	bool is_tls;
	unsigned db;
	char user[SHARE_USER_SIZE]; /* "": the server's default user */
	char prefix[SHARE_PREFIX_SIZE];
};

/* Reads "valkey://[user@]host[:port][/db][?prefix=cr]" (valkey, redis; with TLS valkeys, rediss) or
 * "unix://[user@]/path[?db=N&prefix=cr]". False: *why, never NULL, is a sentence that says what is
 * allowed and shows nothing of the text, which may hold a password; *out is then undefined. */
bool share_url_parse(const char *text, struct share_url *out, const char **why);

/* Whether a text may be the name of a user there. */
bool share_url_is_user(const char *text);

#endif
