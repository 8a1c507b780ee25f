/* SPDX-License-Identifier: MIT */
/* The page that GET /metrics shows, in Prometheus' text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats), of figures that somebody
 * else has gathered.
 *
 * Pure, owns nothing; thread-safe. Labels are names of the configuration, of
 * quota windows and of the tables here: no credential, account or client, and no
 * more series than providers ask for. */
#ifndef OPERATOR_METRICS_H
#define OPERATOR_METRICS_H

#include "base/buf.h"
#include "state/health.h"
#include "state/state.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One provider of the configuration. */
struct metrics_provider {
	const char *name;                             /* borrowed */
	bool active;                                  /* can be asked now */
	int64_t until_ms;                             /* it rests until then; 0: it does not */
	struct health_window windows[HEALTH_WINDOWS]; /* those in force; name "" : none */
	uint64_t counts[COUNTERS];
};

/* Whether a file of ours that can be read again is as it stands on the disk. */
struct metrics_file {
	int64_t loaded_ms;
	bool fine;
};

struct metrics {
	const char *version; /* borrowed */
	struct metrics_provider providers[PROVIDERS_MAX];
	size_t n_providers;
	uint64_t nobody[COUNTERS]; /* of requests that no provider answered */
	uint64_t failovers;
	uint64_t streams;
	uint64_t processes;
	struct metrics_file config, tokens;
};

/* Appends the page. False: out is full, and holds a part of it. */
bool metrics_write(const struct metrics *metrics, struct buf *out)
    __attribute__((warn_unused_result));

#endif
