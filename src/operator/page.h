/* SPDX-License-Identifier: MIT */
/* GET /dashboard: the page that shows what /v1/status, /v1/usage and /v1/events say (BEHAVIOUR.md
 * 2, "The page"). It holds no data; its script asks these routes. Access was checked before
 * (client/access.h). One thread. */
#ifndef OPERATOR_PAGE_H
#define OPERATOR_PAGE_H

#include "client/accept.h"

/* Sends the page; to an admin with the token of its buttons (client/own_page.h) and, for a browser
 * without JavaScript, the status line. */
void page_show(struct client *client);

#endif
