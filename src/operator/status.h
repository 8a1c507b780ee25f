/* SPDX-License-Identifier: MIT */
/* What operators see: /health, /v1/status, and claude-router-ctl. Objects are
 * the caller's; NULL when memory is short. One thread. Fields: BEHAVIOUR.md 2. */
#ifndef OPERATOR_STATUS_H
#define OPERATOR_STATUS_H

#include "app.h"
#include "operator/metrics.h"
#include "route/candidates.h"

#include <json-c/json.h>

/* The body of /health; *healthy tells whether anybody can be tried. */
json_object *status_health(const struct app *app, bool *healthy);

/* The body of /v1/status. */
json_object *status_full(const struct app *app);

/* What /metrics shows. The texts are the router's, and live as long as its
 * configuration. False when memory is short. */
bool status_metrics(const struct app *app, struct metrics *metrics);

/* One line for people: "Claude Pro · 62 % of 5 h", "DeepSeek (Claude Pro
 * paused until 18:00) · billed to your DeepSeek account". Returns text. */
#define STATUS_LINE_SIZE 192
const char *status_line(const struct candidates *candidates, char *text, size_t size);

/* Who would be asked first; NULL: nobody. */
const struct provider *status_current(const struct candidates *candidates);

#endif
