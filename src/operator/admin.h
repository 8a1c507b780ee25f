/* SPDX-License-Identifier: MIT */
/* The routes for operators (BEHAVIOUR.md 2). The client is its acceptor's; each
 * function answers it, with an error of ours when it cannot do better. Who may
 * ask was decided before (app/dispatch.h). One thread. */
#ifndef OPERATOR_ADMIN_H
#define OPERATOR_ADMIN_H

#include "client/accept.h"

void admin_health(struct client *client);
void admin_status(struct client *client);
void admin_metrics(struct client *client);
void admin_switch(struct client *client);
void admin_retry(struct client *client);

/* Answers when the check is done; client->check is set until then. */
void admin_check(struct client *client);

/* The client has gone before that. */
void admin_check_aborted(struct client *client);

#endif
