/* SPDX-License-Identifier: MIT */
/* The routes for operators (BEHAVIOUR.md 2). Each function replies to the client, which its
 * acceptor owns; access was checked before (client/access.h). Out of memory: a 503. One
 * thread. */
#ifndef OPERATOR_ADMIN_H
#define OPERATOR_ADMIN_H

#include "client/accept.h"

void admin_health(struct client *client);
void admin_status(struct client *client);
void admin_metrics(struct client *client);
void admin_switch(struct client *client);
void admin_retry(struct client *client);

/* Starts a health check, and replies when it is done. */
void admin_health_check(struct client *client);

/* For a person who opens the router's address. */
void admin_greeting(struct client *client);

#endif
