/* SPDX-License-Identifier: MIT */
/* gpt - the models that OpenAI knows, and what each of them takes (PROTOCOLS.md §8 "Models"). Pure. */
#ifndef SIM_GPT_H
#define SIM_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gpt {
	const char *name;
	const char *efforts[8];  /* of reasoning_effort; none: it does not reason */
	bool alone;              /* it takes no tools while it reasons */
	bool one_call_unsaid;    /* it does not know parallel_tool_calls */
	int64_t context, output; /* tokens */
};

/* NULL: OpenAI knows no such model. "openai/" before the name and a date behind it are fine. */
const struct gpt *gpt_named(const char *name);

/* The one at i; NULL behind the last. */
const struct gpt *gpt_at(size_t i);

bool gpt_reasons(const struct gpt *m);
bool gpt_takes_effort(const struct gpt *m, const char *effort);

#endif
