/* SPDX-License-Identifier: MIT */
/* model - what the "model" says: a pure function of the request, and of a number that makes ids unique.
 *
 * Directives in the last text of the user (README.md "What it answers"):
 * SIM:TOOLS n, SIM:SAY text, SIM:LONG n, SIM:PACE ms, SIM:SLEEP ms. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdint.h>

#include "check.h"
#include "sse.h"

/* The caller owns the result. c has passed check_body(). */
struct say *model_say(const struct check *c, uint64_t number);

#endif
