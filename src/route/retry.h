/* SPDX-License-Identifier: MIT */
/* Whether, and after how long, the same provider is tried once more: BEHAVIOUR 5, "Retries".
 * Pure; thread-safe. */
#ifndef ROUTE_RETRY_H
#define ROUTE_RETRY_H

#include "route/verdict.h"

struct retry_query {
	const struct verdict *verdict;
	unsigned retries;     /* so far, at this provider */
	unsigned max_retries; /* the configuration's */
	int64_t delay_ms;     /* the configuration's, before the first retry */
	bool others_ready;    /* another candidate is available */
	bool was_lost;        /* a kept connection died before any byte of a response */
	bool auxiliary;       /* count_tokens and models */
	unsigned random;      /* 0 to 255: ± 25 % */
};

/* The time to wait; 0: none; -1: no retry. */
int64_t retry_delay_ms(const struct retry_query *query);

#endif
