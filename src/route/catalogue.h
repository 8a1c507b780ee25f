/* SPDX-License-Identifier: MIT */
/* What is answered about models without asking any provider. Objects are the
 * caller's; NULL: memory is short, or there is nothing to tell. Pure. Shapes:
 * PROTOCOLS.md 1, count_tokens and models. */
#ifndef ROUTE_CATALOGUE_H
#define ROUTE_CATALOGUE_H

#include "config/config.h"
#include "dialect/message.h"

#include <json-c/json.h>

/* {"input_tokens":N}, estimated. */
json_object *catalogue_estimate(const struct message *message);

/* The models that a client may name: Claude's current ones, and what the
 * providers' mappings name literally. */
json_object *catalogue_models(const struct config *config);

/* One of them; NULL: unknown. */
json_object *catalogue_model(const struct config *config, const char *id);

#endif
