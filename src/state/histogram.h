/* SPDX-License-Identifier: MIT */
/* The buckets of durations that the state file counts. Pure; thread-safe. */
#ifndef STATE_HISTOGRAM_H
#define STATE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 14

/* Returns the bucket (0 … HISTOGRAM_BUCKETS - 1) of a duration. */
size_t histogram_bucket(int64_t ms);

/* Returns a bucket's inclusive upper bound; INT64_MAX for the last one. */
int64_t histogram_bound_ms(size_t bucket);

#endif
