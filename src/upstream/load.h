/* SPDX-License-Identifier: MIT */
/* How many attempts each stored credential carries in this process, where a provider has several.
 * Owned by struct app; all zeros: none. Pure. One thread. */
#ifndef UPSTREAM_LOAD_H
#define UPSTREAM_LOAD_H

#include "base/caps.h"

#include <stdint.h>

struct load {
	struct load_entry {
		uint64_t account; /* state_name() of the credential */
		unsigned attempts;
	} entries[CANDIDATES_MAX];
};

/* Counts an attempt that begins. One that finds no place, since so many other accounts carry some,
 * is not counted. */
void load_begin(struct load *load, uint64_t account);

/* One ends. */
void load_end(struct load *load, uint64_t account);

unsigned load_of(const struct load *load, uint64_t account);

#endif
