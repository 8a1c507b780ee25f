/* SPDX-License-Identifier: MIT */
/* A target: some bytes from outside, and what must hold whatever they are.
 *
 * Each fuzz_NAME.c defines LLVMFuzzerTestOneInput(). libFuzzer calls it with
 * inputs that it makes (./dev fuzz), replay.c with those that are kept in
 * seeds/NAME and found/NAME (./dev check). No target keeps anything from one
 * input to the next that would change what it does with that. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What must hold. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A copy at its own allocation, so that a byte read too far is seen; to be freed. */
__attribute__((unused)) static char *
fuzz_copy(const void *bytes, size_t n)
{
	char *copy = calloc(1, n == 0 ? 1 : n); /* set: gcc warns of an input without bytes */
	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, bytes, n);
	return copy;
}

/* The same with a NUL behind it. */
__attribute__((unused)) static char *
fuzz_text(const void *bytes, size_t n)
{
	char *copy = malloc(n + 1);
	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, bytes, n);
	copy[n] = '\0';
	return copy;
}

/* Whether a text is fit to be shown: no control bytes. */
__attribute__((unused)) static bool
fuzz_is_shown(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

#endif
