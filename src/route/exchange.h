/* SPDX-License-Identifier: MIT */
/* One client request from plan to reply: asks candidate after candidate until one
 * answers, and lets the client see nothing of the failures (ARCHITECTURE.md, "One
 * request's way"). An exchange belongs to itself: it outlives its client only to let a
 * provider's connection come to an end, and frees itself. One thread. */
#ifndef ROUTE_EXCHANGE_H
#define ROUTE_EXCHANGE_H

#include "client/accept.h"

/* Replies to POST /v1/messages, count_tokens, and GET /v1/models of a client whose
 * request was read, now or later. */
void exchange_start(struct client *client);

#endif
