/* SPDX-License-Identifier: MIT */
/* Whether, and after which wait, the same provider is asked once more: BEHAVIOUR 5,
 * "Retries". Pure; thread-safe. */
#ifndef ROUTE_RETRY_H
#define ROUTE_RETRY_H

#include "route/verdict.h"

struct retry_query {
	const struct verdict *verdict;
	unsigned retries;     /* so far, of this provider */
	unsigned max_retries; /* the configuration's */
	int64_t delay_ms;     /* the configuration's, of the first one */
	bool others_ready;    /* another provider could answer */
	bool was_lost;        /* a kept connection died before any byte of a response */
	bool auxiliary;       /* count_tokens and models */
	unsigned random;      /* 0 to 255: ± 25 % */
};

/* 0: at once; -1: not again. */
int64_t retry_delay_ms(const struct retry_query *query);

#endif
