/* SPDX-License-Identifier: MIT */
/* What operators see: /health, /v1/status, /metrics, and claude-router-ctl. Objects are the
 * caller's; NULL: out of memory. One thread. Fields: BEHAVIOUR.md 2. */
#ifndef OPERATOR_STATUS_H
#define OPERATOR_STATUS_H

#include "app.h"
#include "operator/metrics.h"
#include "route/candidates.h"

#include <json-c/json.h>

/* The body of /health; figures: with those of each provider, but not today's cost
 * (operator/usage.h). *healthy: whether a provider is usable. */
json_object *status_health(const struct app *app, bool figures, bool *healthy);

/* The body of /v1/status. */
json_object *status_full(const struct app *app);

/* Fills what /metrics shows. Texts are borrowed from app's configuration. False: out of
 * memory. */
bool status_metrics(const struct app *app, struct metrics *metrics);

/* One line for people: "Claude Pro · 62 % of 5 h", "DeepSeek (Claude Pro
 * paused until 18:00) · billed to your DeepSeek account". Cut to size; returns text. */
#define STATUS_LINE_SIZE 192
const char *status_line(const struct candidates *candidates, char *text, size_t size);

/* The provider that the next request would go to; NULL: none. */
const struct provider *status_current(const struct candidates *candidates);

#endif
