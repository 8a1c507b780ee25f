/* SPDX-License-Identifier: MIT */
/* The routes of the responder: BEHAVIOUR.md 2 as one table. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include "client/route.h"

extern const struct routes app_routes;

#endif
