/* SPDX-License-Identifier: MIT */
/* The text of claude-router.conf, parsed by libconfuse but not yet checked: which settings are
 * written where, with which values. All use of libconfuse is in config/syntax.c, and so are the
 * workarounds for its gaps.
 *
 * syntax_parse() makes a tree, syntax_free() ends it; sections and assignments belong to it. The
 * process has one lexer: one thread at a time. */
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
	const char *name; /* of the setting */
	bool first;       /* of its list, or the only one */
	int line;
	char text[];
};

/* Parses a text and blanks its comments on the way. NULL: nothing was parsed, since the text is
 * empty or unusable, or out of memory. *broken: the parsing ended early; the reason, and duplicate
 * settings, go to diagnostics. */
struct cfg_t *syntax_parse(struct buf *text, struct diagnostics *diagnostics, bool *broken);

/* Frees a tree. NULL is fine. */
void syntax_free(struct cfg_t *tree);

/* The number of provider sections, and the one at index i (below that number); NULL: none. A NULL
 * tree has none. */
size_t syntax_providers(struct cfg_t *tree);
struct cfg_t *syntax_provider(struct cfg_t *tree, size_t i);

/* A section's title, and the line where it ends. */
const char *syntax_title(struct cfg_t *section);
int syntax_line(const struct cfg_t *section);

/* Whether the section writes that setting; an empty list counts. A NULL section writes nothing. */
bool syntax_writes(struct cfg_t *section, const char *name);

/* Returns the setting's value at index i; NULL: none. */
const struct assignment *syntax_assignment(struct cfg_t *section, const char *name, size_t i);

#endif
