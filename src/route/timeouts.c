/* SPDX-License-Identifier: MIT */
#include "route/timeouts.h"

enum {
	ERROR_BODY_FOR_MS = 5000, /* how long an error's body may take after its status */
	AUXILIARY_FOR_MS = 20000,
};

static void
bound(struct timeout *timeout, int64_t remaining_ms, enum ending ending)
{
	if (remaining_ms < timeout->remaining_ms)
		*timeout = (struct timeout){remaining_ms, ending};
}

int64_t
timeouts_deadline_ms(const struct config *config, int64_t request_ms, int64_t now_ms)
{
	return request_ms + config->deadline_ms - now_ms;
}

/* The timeouts of the whole, however much the provider sends. */
static struct timeout
whole(const struct timeouts_query *q)
{
	struct timeout timeout = {timeouts_deadline_ms(q->config, q->request_ms, q->now_ms),
				  ENDING_OURS};
	if (q->relaying)
		timeout.remaining_ms = q->content_ms + q->config->stream_deadline_ms - q->now_ms;
	if (q->failed_ms != 0)
		bound(&timeout, q->failed_ms + ERROR_BODY_FOR_MS - q->now_ms, ENDING_CUT);
	if (q->auxiliary)
		bound(&timeout, q->attempt_ms + AUXILIARY_FOR_MS - q->now_ms, ENDING_FIRST_BYTE);
	return timeout;
}

struct timeout
timeouts_next(const struct timeouts_query *q)
{
	struct timeout timeout = whole(q);
	int64_t first_byte_ms = q->config->first_byte_timeout_ms;
	if (q->auxiliary || q->client_is_slow)
		return timeout;
	if (q->has_head)
		bound(&timeout, q->bytes_ms + q->config->idle_timeout_ms - q->now_ms, ENDING_IDLE);
	if (q->streams && !q->relaying)
		bound(&timeout, q->attempt_ms + first_byte_ms - q->now_ms, ENDING_FIRST_BYTE);
	if (q->streams && q->relaying)
		bound(&timeout, q->alive_ms + first_byte_ms - q->now_ms, ENDING_IDLE);
	return timeout;
}
