/* SPDX-License-Identifier: MIT */
/* The page of GET /metrics, in Prometheus' text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats), written from collected figures.
 *
 * Pure, owns nothing; thread-safe. Label values come from the configuration, from quota
 * windows and from the tables here: no credential, account or client, so that the number of
 * series depends on the providers alone. */
#ifndef OPERATOR_METRICS_H
#define OPERATOR_METRICS_H

#include "base/buf.h"
#include "money/caps.h"
#include "state/health.h"
#include "state/state.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One provider of the configuration. */
struct metrics_provider {
	const char *name;                             /* borrowed */
	bool active;                                  /* usable now */
	int64_t until_ms;                             /* paused until then; 0: not paused */
	struct health_window windows[HEALTH_WINDOWS]; /* those in force; name "" : none */
	uint64_t counts[COUNTERS];
};

/* Whether a file that can be reloaded is in force as it is on the disk. */
struct metrics_file {
	int64_t loaded_ms;
	bool is_current;
};

struct metrics {
	const char *version; /* borrowed */
	struct metrics_provider providers[PROVIDERS_MAX];
	size_t n_providers;
	uint64_t none[COUNTERS]; /* of requests without a provider's response */
	uint64_t failovers;
	uint64_t streams;
	uint64_t processes;
	struct caps_use caps[CAPS_USES_MAX];
	size_t n_caps;
	struct metrics_file config, tokens;
	bool is_sharing;          /* share is configured */
	struct state_share share; /* if it is */
};

/* Appends the page. False: out is full or out of memory, and contains a part of it. */
bool metrics_write(const struct metrics *metrics, struct buf *out)
    __attribute__((warn_unused_result));

#endif
