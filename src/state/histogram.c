/* SPDX-License-Identifier: MIT */
#include "state/histogram.h"

/* A first byte takes seconds; a long stream takes minutes. */
static const int64_t bounds_ms[HISTOGRAM_BUCKETS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000, INT64_MAX,
};

size_t
histogram_bucket(int64_t ms)
{
	size_t i = 0;
	while (ms > bounds_ms[i])
		i++;
	return i;
}

int64_t
histogram_bound_ms(size_t bucket)
{
	return bounds_ms[bucket];
}
