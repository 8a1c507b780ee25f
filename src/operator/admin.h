/* SPDX-License-Identifier: MIT */
/* The routes for operators (BEHAVIOUR.md 2). The client is its acceptor's; each
 * function answers it, with an error of ours when it cannot do better. Who may
 * ask was decided before (client/access.h). One thread. */
#ifndef OPERATOR_ADMIN_H
#define OPERATOR_ADMIN_H

#include "client/accept.h"

void admin_health(struct client *client);
void admin_status(struct client *client);
void admin_metrics(struct client *client);
void admin_switch(struct client *client);
void admin_retry(struct client *client);

/* Replies when the health check is done. */
void admin_health_check(struct client *client);

/* What a person sees who opens the router's address. */
void admin_greeting(struct client *client);

#endif
