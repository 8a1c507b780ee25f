/* SPDX-License-Identifier: MIT */
/* Hands a request that has been read to who answers it: who may, and what
 * (BEHAVIOUR.md 2). Owns nothing: the client is its acceptor's. Whatever goes
 * wrong becomes an answer. One thread. */
#ifndef APP_DISPATCH_H
#define APP_DISPATCH_H

#include "client/accept.h"

/* For acceptor_new(). */
extern const struct handler dispatch_handler;

#endif
