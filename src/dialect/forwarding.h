/* SPDX-License-Identifier: MIT */
/* Which headers of a client go to a Claude provider, and what may be in them (BEHAVIOUR 3). Pure;
 * thread-safe. */
#ifndef DIALECT_FORWARDING_H
#define DIALECT_FORWARDING_H

enum forwarding {
	FORWARDING_NONE,
	FORWARDING_TEXT,   /* the first of its lines, whole */
	FORWARDING_SINGLE, /* the same, and the first of values that a web server joined */
	FORWARDING_LIST,   /* the values of all its lines */
};

/* name: in lower case. */
enum forwarding forwarding_of(const char *name);

#endif
