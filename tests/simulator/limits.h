/* SPDX-License-Identifier: MIT */
/* limits - the rate limit headers of Claude (PROTOCOLS.md §1 "Headers", §4 "anthropic-ratelimit-unified-")
 * and of OpenAI (§8 "Errors"). */
#ifndef SIM_LIMITS_H
#define SIM_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct answer;

struct window {
	const char *name;   /* "5h"; NULL: absent */
	const char *status; /* allowed, allowed_warning, rejected */
	double utilization;
	int64_t reset; /* epoch seconds */
};

struct unified {
	const char *status, *claim;
	int64_t reset; /* 0: none */
	struct window windows[3];
	const char *overage_status, *overage_reason; /* NULL: absent */
	bool overage_in_use;
};

void limits_unified(struct answer *a, const struct unified *u);

/* What a healthy Claude login shows on every 200: a third of 5 h, a tenth of 7 d. */
struct unified limits_healthy(int64_t now_s);

/* Sets a window's status by its utilization: a warning from 0.9. */
struct window limits_window(const char *name, double utilization, int64_t reset);

/* What an OpenAI account may do; how much of it is left, and until when it is whole again. */
#define OPENAI_REQUESTS 10000L
#define OPENAI_TOKENS   2000000L
void limits_openai(struct answer *a, long requests, int64_t requests_ms, long tokens,
		   int64_t tokens_ms);

/* A duration as OpenAI writes it: "6ms", "1.5s", "6m0s", "2h0m0s". */
#define LIMITS_DURATION_MAX 40
void limits_duration(int64_t ms, char text[static LIMITS_DURATION_MAX]);

void limits_api(struct answer *a, int64_t now_s); /* RFC 3339, of an API key */

#endif
