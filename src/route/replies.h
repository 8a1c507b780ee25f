/* SPDX-License-Identifier: MIT */
/* The replies that are not streams: a provider's JSON, a provider's error when no other one does
 * better, and our own. Each writes all of the reply, and returns the status that the client gets.
 * reply.provider names the provider for the head; it becomes "none" with an error of ours. Out of
 * memory: a 503. One thread. */
#ifndef ROUTE_REPLIES_H
#define ROUTE_REPLIES_H

#include "client/accept.h"
#include "route/no_provider.h"
#include "route/target.h"
#include "upstream/response.h"

/* A provider's error, kept until it is known whether another provider does better. */
struct kept {
	int status; /* 0: nothing is kept */
	struct buf lines;
	struct buf body;
};

void kept_init(struct kept *kept);
void kept_fini(struct kept *kept);

/* Keeps an error's head and body, instead of what was kept; nothing if out of memory. An HTML page
 * becomes an error of ours that names the provider. */
void kept_put(struct kept *kept, const struct provider *provider, const struct response *response,
	      int status, const struct buf *body);

/* The error that was kept, or a 503 if none was. */
int replies_kept(struct client *client, const struct kept *kept);

/* A provider's JSON response, in the client's form. */
int replies_response(struct client *client, const struct response *response,
		     const struct buf *json);

/* A provider's JSON response to an equal request. */
int replies_cached(struct client *client, const char *json, size_t n);

/* A reply that needs no provider: a token estimate, a list of models, a model. */
int replies_locally(struct client *client, const struct config *config);

/* The reply when no provider can serve the request. */
int replies_no_provider(struct client *client, const struct no_provider_query *query);

/* An error of ours. lines: further header lines, "" for none. */
int replies_failure(struct client *client, int status, const char *lines, const char *type,
		    const char *message);

/* The 503 when out of memory. */
int replies_out_of_memory(struct client *client);

#endif
