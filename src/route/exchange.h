/* SPDX-License-Identifier: MIT */
/* One client request from plan to reply: tries one candidate after another until one serves
 * it, and hides the failures from the client (ARCHITECTURE.md, "One request's way"). An
 * exchange has no owner: it frees itself at most a second after its reply, when the transfer has
 * ended and the provider's connection can be used again. One thread. */
#ifndef ROUTE_EXCHANGE_H
#define ROUTE_EXCHANGE_H

#include "client/accept.h"

/* Replies, now or later, to a client's complete request: POST /v1/messages, count_tokens, GET
 * /v1/models. */
void exchange_start(struct client *client);

#endif
