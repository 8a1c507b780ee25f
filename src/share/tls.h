/* SPDX-License-Identifier: MIT */
/* TLS for a connection of libhiredis, where that has it: from 1.0 on, as in Debian 13. The server's
 * certificate must be for its name and by an authority that this machine knows (SSL_CERT_FILE and
 * SSL_CERT_DIR are understood). One thread. */
#ifndef SHARE_TLS_H
#define SHARE_TLS_H

#include <stdbool.h>

struct redisContext;
struct tls;

/* Whether this build has it. */
bool tls_is_there(void);

/* Prepares connections to a host, which is borrowed until tls_free(). NULL: out of memory, or there
 * is none. */
struct tls *tls_new(const char *host);
void tls_free(struct tls *tls); /* NULL is fine */

/* Begins it on a connection that is being made. False: it cannot be. */
bool tls_start(const struct tls *tls, struct redisContext *context);

/* Returns what went wrong last, once: static text ("certificate verify failed"); NULL: nothing. */
const char *tls_reason(void);

#endif
