/* SPDX-License-Identifier: MIT */
#include "config/syntax.h"

#include "base/count.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "config/settings.h"

#include <assert.h>
#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX 64 /* in one of our tables */

/* The most that libconfuse allocates: its lexer's and stdio's buffers, a copy of the settings for
 * each section, and its values. */
enum { PARSER_MEMORY = 64 * 1024, SECTION_MEMORY = 16 * 1024, BYTE_MEMORY = 64 };

/* The result of a parsing. libconfuse passes no context to its error and free functions, and has
 * one lexer for the whole process; hence this global, set only while cfg_parse_buf() runs. */
struct parsing {
	struct diagnostics *diagnostics;
	bool reported; /* an error of libconfuse was reported */
};

static struct parsing *parsing;

/* --- Values --------------------------------------------------------------- */

/* libconfuse only parses: every setting is a CFGT_PTR to a struct assignment, and all checking is
 * done afterwards, so that all wrong values are reported at once. */
static int
keep_assignment(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t size = strlen(value) + 1;
	struct assignment *assignment = malloc(sizeof *assignment + size);
	if (assignment == NULL)
		return -1;
	assignment->section = cfg;
	assignment->name = opt->name;
	assignment->first = cfg_opt_size(opt) == 1;
	assignment->line = cfg->line;
	memcpy(assignment->text, value, size);
	*(struct assignment **)result = assignment;
	return 0;
}

/* While parsing, libconfuse frees a value only to replace it by another one of the same setting: a
 * duplicate. (After an empty list this goes unnoticed.) */
static void
drop_assignment(void *value)
{
	struct assignment *assignment = value;
	if (parsing != NULL && assignment->first)
		diagnostics_add(parsing->diagnostics, assignment->section->line,
				"duplicate %s, first defined on line %d", assignment->name,
				assignment->line);
	explicit_bzero(assignment->text, strlen(assignment->text)); /* perhaps a proxy's password */
	free(assignment);
}

/* --- Errors --------------------------------------------------------------- */

/* libconfuse's sentences, and what to do about them. */
static const struct {
	const char *begins, *hint;
} hints[] = {
    {"no such option", ": the example claude-router.conf lists all settings"},
    {"found duplicate title", ": write each provider once"},
    {"missing title", ": write provider NAME { … }"},
    {"missing equal sign", ": write setting = value"},
    {"premature end", ": a value is missing"},
};

/* The edit distance of two names; those of more than 31 bytes are too far from all. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);
	if (n >= COUNT(row))
		return COUNT(row);
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0]++;
		for (size_t k = 1; k <= n; k++) {
			size_t best = diagonal + (a[i] != b[k - 1]);
			diagonal = row[k];
			if (best > row[k] + 1)
				best = row[k] + 1;
			row[k] = best > row[k - 1] + 1 ? row[k - 1] + 1 : best;
		}
	}
	return row[n];
}

/* The setting of a section that was probably meant (two of three letters are right); NULL: none. */
static const char *
nearest(const cfg_t *cfg, const char *name)
{
	const char *found = NULL;
	size_t least = strlen(name) / 3 + 1;
	for (const cfg_opt_t *opt = cfg->opts; opt->name != NULL; opt++) {
		size_t away = distance(name, opt->name);
		if (away < least) {
			least = away;
			found = opt->name;
		}
	}
	return found;
}

/* libconfuse's error function: reports its sentence, made safe, with a hint. */
__attribute__((format(printf, 2, 0))) static void
on_parse_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[512], shown[PRINTABLE_SIZE];
	const char *hint = "", *meant = NULL;
	if (strcmp(format, "no such option '%s'") == 0) {
		va_list copy;
		va_copy(copy, args);
		meant = nearest(cfg, va_arg(copy, const char *));
		va_end(copy);
	}
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	printable(text, strlen(text), shown, sizeof shown);
	for (size_t i = 0; i < COUNT(hints); i++)
		if (str_starts_with(format, hints[i].begins))
			hint = hints[i].hint;
	parsing->reported = true;
	if (meant != NULL)
		diagnostics_add(parsing->diagnostics, cfg->line, "%s: did you mean %s?", shown,
				meant);
	else
		diagnostics_add(parsing->diagnostics, cfg->line, "%s%s", shown, hint);
}

/* --- The file's description ---------------------------------------------------- */

/* Converts a table to libconfuse's, with room for one more entry before its end. */
static void
make_opts(const struct settings_table *table, cfg_opt_t opts[static SETTINGS_MAX + 2])
{
	const cfg_opt_t end = CFG_END();
	assert(table->n <= SETTINGS_MAX);
	for (size_t i = 0; i < table->n; i++) {
		const cfg_opt_t opt = CFG_PTR_CB(table->list[i].name, NULL, CFGF_NODEFAULT,
						 keep_assignment, drop_assignment);
		opts[i] = opt;
		if (table->list[i].list)
			opts[i].flags |= CFGF_LIST;
	}
	opts[table->n] = opts[table->n + 1] = end;
}

/* Makes libconfuse's description of the file. NULL: out of memory. */
static cfg_t *
make_cfg(void)
{
	cfg_opt_t inner[SETTINGS_MAX + 2], outer[SETTINGS_MAX + 2];
	const cfg_opt_t section =
	    CFG_SEC("provider", inner, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	make_opts(&provider_settings, inner);
	make_opts(&root_settings, outer);
	outer[root_settings.n] = section;
	return cfg_init(outer, CFGF_NONE);
}

/* --- Comments, and what libconfuse would not notice ------------------------ */

/* libconfuse 3.3 counts a comment as several lines, accepts none inside a list, ignores an
 * unterminated string, comment or section at the end (and writes to standard output when that
 * string ends in a backslash), and drops a bare * or +. So comments are blanked before it sees
 * them, and the rest is refused: this walks over the text by the rules of its lexer.l. */

/* Returns the end of the string whose quote is at that place; NULL: unterminated. */
static char *
string_end(char *at)
{
	char quote = *at;
	for (at++; *at != quote; at++) {
		char *brace = quote == '"' && at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
		if (*at == '\\')
			at++;
		else if (brace != NULL)
			at = brace;
		if (*at == '\0')
			return NULL;
	}
	return at + 1;
}

/* Returns the end of the comment at that place, the place itself if there is none; NULL:
 * unterminated. */
static char *
comment_end(char *at)
{
	if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
		return at + strcspn(at, "\n");
	if (at[0] != '/' || at[1] != '*')
		return at;
	char *end = strstr(at + 2, "*/");
	return end == NULL ? NULL : end + 2;
}

static void
blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Returns the end of the token at that place; NULL and *problem: something is wrong. */
static char *
token_end(char *at, const char **problem)
{
	*problem = "unterminated comment: write */";
	char *end = comment_end(at);
	if (end == NULL)
		return NULL;
	if (end > at) {
		blank(at, end);
		return end;
	}
	*problem = "unterminated string: a closing quote is missing";
	if (*at == '"' || *at == '\'')
		return string_end(at);
	if (at[0] == '$' && at[1] == '{' && strchr(at, '}') != NULL)
		return strchr(at, '}') + 1;
	*problem = "write * and + only between quotes, and a list as a whole";
	if (*at == '*' || *at == '+')
		return NULL;
	size_t unquoted = strcspn(at, " #\"'\t\n\r={}()+,*");
	return at + (unquoted > 0 ? unquoted : 1);
}

/* Blanks the comments; false and a diagnostic when the text cannot be parsed. */
static bool
blank_comments(struct diagnostics *diagnostics, char *text)
{
	int line = 1, open_line = 0, depth = 0;
	if (str_starts_with(text, "\xef\xbb\xbf")) /* a byte order mark */
		blank(text, text + 3);
	while (*text != '\0') {
		const char *problem;
		char *end = token_end(text, &problem);
		if (end == NULL) {
			diagnostics_add(diagnostics, line, "%s", problem);
			return false;
		}
		if (*text == '{' && depth++ == 0)
			open_line = line;
		depth -= *text == '}' && depth > 0;
		for (; text < end; text++)
			line += *text == '\n';
	}
	if (depth > 0)
		diagnostics_add(diagnostics, open_line, "this brace is never closed: write }");
	return depth == 0;
}

/* --- Parsing -------------------------------------------------------------- */

/* Whether libconfuse ran out of memory in the middle of a section. */
static bool
is_half_made(cfg_t *cfg)
{
	for (unsigned i = 0; i < cfg_size(cfg, "provider"); i++) {
		const cfg_t *section = cfg_getnsec(cfg, "provider", i);
		if (section == NULL || section->opts == NULL || section->title == NULL)
			return true;
	}
	return false;
}

/* The line that the parsing reached, in a section or after it. */
static int
last_line(cfg_t *cfg)
{
	unsigned n = cfg_size(cfg, "provider");
	const cfg_t *section = n == 0 ? NULL : cfg_getnsec(cfg, "provider", n - 1);
	return section != NULL && section->line > cfg->line ? section->line : cfg->line;
}

/* Parses the text into cfg; false: it ended early. */
static bool
parse(cfg_t *cfg, const char *text, struct diagnostics *diagnostics)
{
	struct parsing found = {.diagnostics = diagnostics};
	parsing = &found;
	cfg_set_error_function(cfg, on_parse_error);
	bool whole = cfg_parse_buf(cfg, text) == CFG_SUCCESS;
	parsing = NULL;
	if (!whole && !found.reported && !is_half_made(cfg))
		diagnostics_add(diagnostics, last_line(cfg),
				"a setting's name is empty, or out of memory");
	return whole;
}

/* Without memory libconfuse uses what it has freed, or ends the process, so this checks first
 * whether it will get enough. */
static bool
has_memory(const struct buf *text)
{
	size_t n = PARSER_MEMORY + text->len * BYTE_MEMORY;
	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '{' ? SECTION_MEMORY : 0;
	return memory_has(n);
}

cfg_t *
syntax_parse(struct buf *text, struct diagnostics *diagnostics, bool *broken)
{
	*broken = text->len > 0;
	if (memchr(buf_text(text), '\0', text->len) != NULL) {
		diagnostics_add(diagnostics, DIAGNOSTIC_WHOLE_FILE,
				"holds a NUL byte: this is not a text file");
		return NULL;
	}
	if (text->len == 0 || !blank_comments(diagnostics, text->data))
		return NULL;
	cfg_t *cfg = has_memory(text) ? make_cfg() : NULL;
	if (cfg == NULL) {
		diagnostics_add_memory(diagnostics);
		return NULL;
	}
	*broken = !parse(cfg, text->data, diagnostics);
	if (*broken && is_half_made(cfg)) {
		diagnostics_add_memory(diagnostics);
		return NULL; /* leaked: cfg_free() would crash on it */
	}
	return cfg;
}

void
syntax_free(cfg_t *tree)
{
	if (tree != NULL)
		cfg_free(tree);
}

/* --- Queries --------------------------------------------------------------- */

size_t
syntax_providers(cfg_t *tree)
{
	return tree == NULL ? 0 : cfg_size(tree, "provider");
}

cfg_t *
syntax_provider(cfg_t *tree, size_t i)
{
	return cfg_getnsec(tree, "provider", (unsigned)i);
}

const char *
syntax_title(cfg_t *section)
{
	return cfg_title(section);
}

int
syntax_line(const cfg_t *section)
{
	return section->line;
}

bool
syntax_writes(cfg_t *section, const char *name)
{
	const cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, name);
	return opt != NULL && (opt->flags & CFGF_MODIFIED) != 0;
}

const struct assignment *
syntax_assignment(cfg_t *section, const char *name, size_t i)
{
	cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, name);
	return opt == NULL || i >= cfg_opt_size(opt) ? NULL : cfg_opt_getnptr(opt, (unsigned)i);
}
