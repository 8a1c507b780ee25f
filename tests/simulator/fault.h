/* SPDX-License-Identifier: MIT */
/* fault - the table of faults and a provider's queue of them.
 *
 * A fault is made from the control port's JSON, owned by its provider's queue,
 * and gone when its `times` are used up or fault_clear() is called. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct answer;
struct fault;
struct json_object;
struct provider;

/* What a fault's "match" can look at. */
struct fault_subject {
	const char *path, *model; /* model may be NULL */
	const char *credential;   /* its header's value; may be NULL */
	bool stream;
};

/* Queues the fault that the object describes. False, and a sentence in *why,
 * when it describes none; *why is the caller's to free. */
bool fault_queue(struct provider *p, struct json_object *spec, struct buf *why);

void fault_clear(struct provider *p);
size_t fault_count(const struct provider *p);
void fault_json(const struct provider *p, struct buf *out); /* an array of what waits */

/* The first queued fault that fits, its `times` reduced by one; NULL: none.
 * Valid until fault_done(), which frees it when it is used up. */
struct fault *fault_take(struct provider *p, const struct fault_subject *s);
void fault_done(struct provider *p, struct fault *f);
const char *fault_name(const struct fault *f);

/* Bends the answer. */
void fault_apply(const struct fault *f, struct answer *a);

/* True when a "refuse" heads the queue: the accepted connection is to be closed. Uses one of its times. */
bool fault_refuse(struct provider *p);

void fault_list(struct buf *out); /* the table and the parameters, for people */

#endif
