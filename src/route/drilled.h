/* SPDX-License-Identifier: MIT */
/* A drill's part in one exchange: whether it covers the request, answers an attempt in the
 * provider's place, and what follows for those that it covers. Nothing here is counted as a
 * provider's, nor changes its health (BEHAVIOUR.md 13).
 *
 * A struct drilled, all zeros at first, belongs to its exchange. Reads and writes the drill in the
 * state; notices. One thread. */
#ifndef ROUTE_DRILLED_H
#define ROUTE_DRILLED_H

#include "client/request.h"
#include "route/drill.h"
#include "route/plan.h"
#include "route/verdict.h"
#include "upstream/attempt.h"

struct app;

struct drilled {
	struct drill drill; /* that covers the request, or may begin with it; id 0: none */
	struct drill_request who;
	uint32_t id;    /* of the last one that covered the request; 0: none has */
	bool has_taken; /* the request is one of those that it answers */
	bool is_now;    /* the attempt is answered by it, not by the provider */
};

/* Finds the drill for a request that is about to be planned. */
void drilled_find(struct drilled *d, const struct state *state, const struct request *request);

/* Whether the drill answers the attempts at the candidate that was chosen: d->is_now. A request is
 * answered so at one provider, once, with its retries. */
void drilled_take(struct drilled *d, struct state *state, const struct candidate *chosen,
		  bool others_ready);

/* Starts an attempt whose response is the drill's, as attempt_start(). */
struct attempt *drilled_start(const struct drilled *d, struct pool *pool,
			      const struct attempt_options *options,
			      void (*on_progress)(void *owner), void *owner);

/* The verdict on the drill's response: a pause lasts as long as the drill's. */
void drilled_judge(const struct drilled *d, struct verdict *verdict);

/* The drill's response was judged: the provider is paused, for those that the drill covers. */
void drilled_record(const struct drilled *d, struct app *app, const struct provider *provider,
		    const struct verdict *verdict);

/* The provider has served the request: if it was the probe after the drill's pause, that is over.
 * */
void drilled_served(const struct drilled *d, struct app *app, const struct provider *provider);

#endif
