/* SPDX-License-Identifier: MIT */
/* The tokens that a response says it used: PROTOCOLS.md 1, "Usage". Pure; thread-safe. */
#ifndef DIALECT_USAGE_H
#define DIALECT_USAGE_H

#include "json/scan.h"

/* -1: not reported. The kinds of input differ in price. */
struct usage {
	int64_t input;       /* neither read from a cache nor written to one */
	int64_t cache_write; /* tokens */
	int64_t cache_read;
	int64_t output;
};

#define USAGE_NONE ((struct usage){-1, -1, -1, -1})

/* Reads a usage object at the cursor; what it reports replaces what was known. */
void usage_read(struct usage *usage, struct scan *s);

/* All kinds of input together; -1: none was reported. */
int64_t usage_total_input(const struct usage *usage);

#endif
