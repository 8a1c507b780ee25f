/* SPDX-License-Identifier: MIT */
/* One client request from plan to reply: asks candidate after candidate until
 * one answers, and lets the client see nothing of the failures (ARCHITECTURE.md,
 * "One request's way").
 *
 * An exchange belongs to itself: it is told of the client by exchange_drained()
 * and exchange_abort(), outlives it only to let a provider's connection come to
 * rest, and frees itself. One thread. */
#ifndef ROUTE_EXCHANGE_H
#define ROUTE_EXCHANGE_H

#include "client/accept.h"

/* Answers POST /v1/messages, count_tokens, and GET /v1/models of a client whose
 * request is read; client->exchange is set while it needs to be told things. */
void exchange_start(struct client *client);

/* The client took what waited for it. */
void exchange_drained(struct exchange *exchange);

/* The client has gone, or has all of its answer: forget it. */
void exchange_abort(struct exchange *exchange);

#endif
