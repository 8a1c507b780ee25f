/* SPDX-License-Identifier: MIT */
#include "route/retry.h"

enum { RETRY_DELAY_MAX_MS = 60000 };

static bool
may_retry(const struct retry_query *q)
{
	unsigned budget = q->others_ready && q->max_retries > 1 ? 1 : q->max_retries;
	/* A request that does not need a provider is not retried, except when the provider had
	 * closed a kept connection, which is no failure. */
	return q->verdict->retry && q->retries < budget && (!q->auxiliary || q->was_lost);
}

int64_t
retry_delay_ms(const struct retry_query *q)
{
	bool unreachable = q->verdict->status == 0;
	if (!may_retry(q))
		return -1;
	if (unreachable && q->retries == 0)
		return 0;
	unsigned doublings = q->retries - (unreachable && q->retries > 0 ? 1 : 0);
	int64_t delay_ms = q->delay_ms << doublings;
	delay_ms = delay_ms > RETRY_DELAY_MAX_MS ? RETRY_DELAY_MAX_MS : delay_ms;
	return delay_ms + delay_ms * ((int64_t)q->random - 128) / 512;
}
