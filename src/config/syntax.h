/* SPDX-License-Identifier: MIT */
/* The text of claude-router.conf, parsed by libconfuse but not yet judged: which
 * options stand where, with which values. All of libconfuse stands in
 * config/syntax.c, and so does what we do about its gaps.
 *
 * syntax_parse() makes a tree, syntax_free() ends it; sections and settings
 * belong to it. The lexer is one for the whole process: one thread at a time. */
#ifndef CONFIG_SYNTAX_H
#define CONFIG_SYNTAX_H

#include "base/buf.h"
#include "config/diagnostics.h"

#include <stdbool.h>
#include <stddef.h>

struct cfg_t; /* libconfuse's: a whole file or one section of it */

/* A value as it was written. */
struct assignment {
	const struct cfg_t *section;
	const char *option;
	bool first; /* of its list, or the only one */
	int line;
	char text[];
};

/* Parses a text and blanks its comments on the way. NULL: nothing was parsed,
 * since the text is empty or unusable or out of memory. *broken tells whether
 * the parsing ended early; why, and which options stand twice, goes to complaints. */
struct cfg_t *syntax_parse(struct buf *text, struct diagnostics *diagnostics, bool *broken);

/* Frees a tree. NULL is fine. */
void syntax_free(struct cfg_t *tree);

/* How many provider sections there are, and the one at index i (below that
 * number), NULL if there is none. NULL as a tree has none. */
size_t syntax_providers(struct cfg_t *tree);
struct cfg_t *syntax_provider(struct cfg_t *tree, size_t i);

/* A section's title, and the line where it ends. */
const char *syntax_title(struct cfg_t *section);
int syntax_line(const struct cfg_t *section);

/* Whether the section writes that option; an empty list is written, too. NULL as
 * a section writes nothing. */
bool syntax_writes(struct cfg_t *section, const char *option);

/* The option's value at index i, NULL where it has none. */
const struct assignment *syntax_assignment(struct cfg_t *section, const char *option, size_t i);

#endif
