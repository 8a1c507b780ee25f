/* SPDX-License-Identifier: MIT */
/* The replies that are no stream: a provider's JSON, its error when nobody has anything
 * better, and our own. Each is written whole; the client's head says who replies
 * (reply.provider), which is "none" where it becomes an error of ours. Each returns the
 * status that the client sees. One thread. */
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

/* Keeps n bytes of an error with its head, in place of what was kept; nothing if that
 * finds no memory. An HTML page becomes an error of ours that names the provider. */
void kept_put(struct kept *kept, const struct provider *provider, const struct response *response,
	      int status, const char *body, size_t n);

/* The error that was kept, which may be none. */
int reply_kept(struct client *client, const struct kept *kept);

/* A provider's JSON response in the client's terms; is_message: it holds a message. */
int reply_response(struct client *client, const struct target *target,
		   const struct response *response, const struct buf *json, bool is_message);

/* What can be replied without a provider: a token estimate, a list of models, a model. */
int reply_locally(struct client *client, const struct config *config);

/* No provider can answer. */
int reply_no_provider(struct client *client, const struct no_provider_query *query);

/* An error of ours. lines: further header lines, "" for none. */
int reply_failure(struct client *client, int status, const char *lines, const char *type,
		  const char *message);

/* The same for a lack of memory. */
int reply_out_of_memory(struct client *client);

#endif
