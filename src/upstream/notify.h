/* SPDX-License-Identifier: MIT */
/* Notifies an operator of changes: on_change of the configuration, a command or a webhook
 * (BEHAVIOUR.md 11). Only our own words leave the process, never a credential, never foreign text.
 *
 * A notifier is owned by struct app. It never delays a request. One thread. */
#ifndef UPSTREAM_NOTIFY_H
#define UPSTREAM_NOTIFY_H

#include "base/loop.h"
#include "config/config.h"
#include "upstream/pool.h"

struct notifier;

enum notice {
	NOTICE_PAUSED,    /* a provider is paused or rejects its credential */
	NOTICE_AVAILABLE, /* a provider is available again */
	NOTICE_PAID,      /* requests now go to a provider that costs money */
	NOTICE_NEAR,      /* much of a quota window is used */
	NOTICE_SPARED,    /* so much that others are preferred: leave_at */
	NOTICE_CAP,       /* half, most or all of a cap is used */
	NOTICE_DRILL,     /* what a drill does; none of the others */
};

/* NULL: out of memory. Everything is borrowed. */
struct notifier *notifier_new(struct loop *loop, struct pool *pool, const struct config *config);

/* Uses another configuration from now on, borrowed too; what runs continues and uses neither. */
void notifier_follow(struct notifier *notifier, const struct config *config);

/* Kills what still runs, and frees the notifier. NULL is fine. */
void notifier_free(struct notifier *notifier);

/* Logs the sentence at LOG_NOTICE, and starts the command or the webhook. At most NOTICES_MAX run
 * at once, each for 30 s; more are only logged. */
void notify(struct notifier *notifier, enum notice notice, const char *provider,
	    const char *sentence);

/* Whether anything still runs. idle() is called from the loop whenever the last one ends. */
bool notifier_busy(const struct notifier *notifier);
void notifier_when_idle(struct notifier *notifier, void (*idle)(void *owner), void *owner);

#endif
