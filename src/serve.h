/* Hands a request that has been read to who answers it: who may, and what
 * (BEHAVIOUR.md 2). Owns nothing: the client is its acceptor's. Whatever goes
 * wrong becomes an answer. One thread. */
#ifndef SERVE_H
#define SERVE_H

#include "accept.h"

/* For acceptor_new(). */
extern const struct handler serve_handler;

#endif
