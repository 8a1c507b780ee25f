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

#define OPTIONS_MAX 64 /* in one of our tables */

/* What libconfuse takes at most: its lexer's and stdio's buffers, a copy of the options
 * for each section, and its values. */
enum { PARSER_MEMORY = 64 * 1024, SECTION_MEMORY = 16 * 1024, BYTE_MEMORY = 64 };

/* What a parsing found. libconfuse's lexer is one for the whole process, and its
 * error function and free function are given no context of ours; hence this one,
 * only set while cfg_parse_buf() runs. */
struct parsing {
	struct diagnostics *diagnostics;
	bool heard; /* an error of libconfuse's */
};

static struct parsing *parsing;

/* --- Values --------------------------------------------------------------- */

/* libconfuse only parses: every option is a CFGT_PTR to a struct assignment, and all
 * checking is done afterwards, so that all wrong values can be reported at once. */
static int
keep_setting(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t size = strlen(value) + 1;
	struct assignment *setting = malloc(sizeof *setting + size);
	if (setting == NULL)
		return -1;
	setting->section = cfg;
	setting->option = opt->name;
	setting->first = cfg_opt_size(opt) == 1;
	setting->line = cfg->line;
	memcpy(setting->text, value, size);
	*(struct assignment **)result = setting;
	return 0;
}

/* Within a parsing, libconfuse frees a value only to make room for another one of
 * the same option: it stands twice. (After an empty list this is not seen.) */
static void
drop_setting(void *value)
{
	struct assignment *setting = value;
	if (parsing != NULL && setting->first)
		diagnostics_add(parsing->diagnostics, setting->section->line,
				"duplicate %s, first defined on line %d", setting->option,
				setting->line);
	explicit_bzero(setting->text, strlen(setting->text)); /* maybe a proxy's password */
	free(setting);
}

/* --- Errors --------------------------------------------------------------- */

/* What libconfuse says, and what to do about it. */
static const struct {
	const char *begins, *hint;
} hints[] = {
    {"no such option", ": the example claude-router.conf lists all settings"},
    {"found duplicate title", ": write each provider once"},
    {"missing title", ": write provider NAME { … }"},
    {"missing equal sign", ": write setting = value"},
    {"premature end", ": a value is missing"},
};

/* How many letters must be added, removed or replaced to make a of b; names of
 * more than 31 bytes are all too far away. */
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

/* The option of a section that was probably meant (two letters of three are
 * right), NULL if none was. */
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

/* libconfuse's error function: its sentence, made safe, with a hint. */
__attribute__((format(printf, 2, 0))) static void
hear(cfg_t *cfg, const char *format, va_list args)
{
	char said[512], shown[PRINTABLE_SIZE];
	const char *hint = "", *meant = NULL;
	if (strcmp(format, "no such option '%s'") == 0) {
		va_list copy;
		va_copy(copy, args);
		meant = nearest(cfg, va_arg(copy, const char *));
		va_end(copy);
	}
	if (vsnprintf(said, sizeof said, format, args) < 0)
		said[0] = '\0';
	printable(said, strlen(said), shown, sizeof shown);
	for (size_t i = 0; i < COUNT(hints); i++)
		if (str_starts_with(format, hints[i].begins))
			hint = hints[i].hint;
	parsing->heard = true;
	if (meant != NULL)
		diagnostics_add(parsing->diagnostics, cfg->line, "%s: did you mean %s?", shown,
				meant);
	else
		diagnostics_add(parsing->diagnostics, cfg->line, "%s%s", shown, hint);
}

/* --- What there may be ---------------------------------------------------- */

/* The table as libconfuse's, with room for one more option before its end. */
static void
make_opts(const struct settings_table *table, cfg_opt_t opts[static OPTIONS_MAX + 2])
{
	const cfg_opt_t end = CFG_END();
	assert(table->n <= OPTIONS_MAX);
	for (size_t i = 0; i < table->n; i++) {
		const cfg_opt_t opt = CFG_PTR_CB(table->options[i].name, NULL, CFGF_NODEFAULT,
						 keep_setting, drop_setting);
		opts[i] = opt;
		if (table->options[i].list)
			opts[i].flags |= CFGF_LIST;
	}
	opts[table->n] = opts[table->n + 1] = end;
}

/* What a file that was never parsed looks like. NULL: out of memory. */
static cfg_t *
make_cfg(void)
{
	cfg_opt_t inner[OPTIONS_MAX + 2], outer[OPTIONS_MAX + 2];
	const cfg_opt_t section =
	    CFG_SEC("provider", inner, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	make_opts(&provider_options, inner);
	make_opts(&root_options, outer);
	outer[root_options.n] = section;
	return cfg_init(outer, CFGF_NONE);
}

/* --- Comments, and what libconfuse would not notice ------------------------ */

/* libconfuse 3.3 counts a comment as several lines, takes none inside a list,
 * says nothing about a last string, comment or section that never ends (and
 * writes to standard output when that string ends in a backslash), and drops a
 * bare * or +. So comments are blanked before it sees them, and the rest is
 * refused: this walks over the text by the rules of its lexer.l. */

/* Behind the string whose quote stands at that place; NULL: it never ends. */
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

/* Behind the comment at that place, at itself if there is none; NULL: it never ends. */
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

/* Behind the token at that place; NULL and *problem when there is something wrong. */
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

/* Blanks the comments; false and a complaint when the text cannot be parsed. */
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

/* Whether memory was short in the middle of a section. */
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

/* Where the parsing came to, in a section or behind it. */
static int
last_line(cfg_t *cfg)
{
	unsigned n = cfg_size(cfg, "provider");
	const cfg_t *section = n == 0 ? NULL : cfg_getnsec(cfg, "provider", n - 1);
	return section != NULL && section->line > cfg->line ? section->line : cfg->line;
}

/* Parses what cfg is made for; false when that ended early. */
static bool
parse(cfg_t *cfg, const char *text, struct diagnostics *diagnostics)
{
	struct parsing found = {.diagnostics = diagnostics};
	parsing = &found;
	cfg_set_error_function(cfg, hear);
	bool whole = cfg_parse_buf(cfg, text) == CFG_SUCCESS;
	parsing = NULL;
	if (!whole && !found.heard && !is_half_made(cfg))
		diagnostics_add(diagnostics, last_line(cfg),
				"a setting's name is empty, or out of memory");
	return whole;
}

/* libconfuse goes on with what it has freed when it gets no memory within a section, or
 * ends the process, so it is tried here whether it will get it. */
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
		return NULL; /* lost: cfg_free() would fall over it */
	}
	return cfg;
}

void
syntax_free(cfg_t *tree)
{
	if (tree != NULL)
		cfg_free(tree);
}

/* --- Asking --------------------------------------------------------------- */

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
syntax_writes(cfg_t *section, const char *option)
{
	const cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, option);
	return opt != NULL && (opt->flags & CFGF_MODIFIED) != 0;
}

const struct assignment *
syntax_assignment(cfg_t *section, const char *option, size_t i)
{
	cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, option);
	return opt == NULL || i >= cfg_opt_size(opt) ? NULL : cfg_opt_getnptr(opt, (unsigned)i);
}
