/* SPDX-License-Identifier: MIT */
/* What tests of bodies and streams share: real requests, and damage to them.
 * Samples: the folder $SAMPLES, else $TEST_SRCDIR/tests/samples. */
#ifndef MATERIAL_H
#define MATERIAL_H

#include "tap.h"

#include <time.h>

static const char *const material_names[] = {
    "continue-after-max-tokens",
    "count-tokens",
    "first-turn-apikey",
    "first-turn-authtoken",
    "first-turn-oauth",
    "first-turn-old-model",
    "nonstream-fallback",
    "quota-probe",
    "resume-after-cut",
    "subagent-turn",
    "title-call",
    "tool-turn",
    "tui-first-turn-login",
};

/* The text of a sample, malloc'ed; NULL when there are no samples here. */
__attribute__((unused)) static char *
material_sample(const char *name, size_t *n)
{
	const char *top = getenv("TEST_SRCDIR"), *given = getenv("SAMPLES");
	char path[512];
	snprintf(path, sizeof path, "%s%s/%s.json",
		 given ? given
		 : top ? top
		       : ".",
		 given ? "" : "/tests/samples", name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	char *text = calloc(1, 1 << 20);
	*n = text ? fread(text, 1, (1 << 20) - 1, file) : 0;
	fclose(file);
	return text;
}

/* An exact copy at its own allocation, so that ASan sees a byte read too far. */
__attribute__((unused)) static char *
material_exact(const char *text, size_t n)
{
	char *copy = malloc(n == 0 ? 1 : n);
	if (copy == NULL)
		abort();
	memcpy(copy, text, n);
	return copy;
}

static uint64_t material_state;

__attribute__((unused)) static size_t
material_random(size_t below)
{
	material_state =
	    material_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(material_state >> 33) % (below ? below : 1);
}

/* Damages a text a little, in place; its new length. Room: n + 64. */
__attribute__((unused)) static size_t
material_damage(char *text, size_t n)
{
	static const char *const bits[] = {"{",
					   "}",
					   "[",
					   "]",
					   "\"",
					   ",",
					   ":",
					   "\\u00",
					   "\\ud800",
					   "null",
					   "1e9",
					   "\\",
					   "\"type\":\"tool_use\",",
					   "\"content\":[],",
					   "[[[[[[[[",
					   "\xff",
					   "\"signature\":\"router.\",",
					   "\0",
					   "\n",
					   "\r",
					   "true"};
	for (size_t times = 1 + material_random(3); times > 0 && n > 0; times--) {
		size_t at = material_random(n), kind = material_random(4);
		const char *bit = bits[material_random(TAP_COUNT(bits))];
		size_t len = *bit ? strlen(bit) : 1, cut = 1 + material_random(20);
		if (kind == 0) {
			text[at] = (char)material_random(256);
		} else if (kind == 1 && len < 24) {
			if (len > n - at)
				len = n - at;
			memcpy(text + at, bit, len);
		} else if (kind == 2) {
			if (cut > n - at)
				cut = n - at;
			memmove(text + at, text + at + cut, n - at - cut);
			n -= cut;
		} else if (len < 20) {
			memmove(text + at + len, text + at, n - at);
			memcpy(text + at, bit, len);
			n += len;
		}
	}
	return n;
}

/* Whether the damage loop should go on: $MUTATE_SECONDS, else half a second. */
__attribute__((unused)) static bool
material_more(time_t began, unsigned rounds)
{
	const char *seconds = getenv("MUTATE_SECONDS");
	return seconds ? time(NULL) - began < strtol(seconds, NULL, 10) : rounds < 2000;
}

#endif
