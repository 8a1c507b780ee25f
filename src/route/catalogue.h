/* SPDX-License-Identifier: MIT */
/* Replies about models and tokens that need no provider. The caller owns the objects; NULL:
 * out of memory. Pure; thread-safe. Forms: PROTOCOLS.md 1, count_tokens and models. */
#ifndef ROUTE_CATALOGUE_H
#define ROUTE_CATALOGUE_H

#include "config/config.h"
#include "dialect/message.h"

#include <json-c/json.h>

/* {"input_tokens":N}, estimated. */
json_object *catalogue_estimate(const struct message *message);

/* The models that a client may name: Claude's current ones, and the names without wildcards in
 * the providers' mappings. */
json_object *catalogue_models(const struct config *config);

/* One of them; NULL: unknown, or out of memory. */
json_object *catalogue_model(const struct config *config, const char *id);

#endif
