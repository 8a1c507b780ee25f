/* SPDX-License-Identifier: MIT */
#include "config/diagnostics.h"

#include "base/caps.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
diagnostics_init(struct diagnostics *c, const char *path, size_t max_bytes)
{
	const struct diagnostics empty = {.path = path};
	*c = empty;
	buf_init(&c->texts, max_bytes);
}

void
diagnostics_fini(struct diagnostics *c)
{
	buf_free(&c->texts);
	free(c->list);
	c->list = NULL;
	c->n = 0;
}

/* Adds a whole text under a line, if there is room. */
static void
add(struct diagnostics *c, int line, const char *text)
{
	c->any = true;
	size_t at = c->texts.len;
	struct diagnostic *longer = realloc(c->list, (c->n + 1) * sizeof *longer);
	if (longer == NULL)
		return;
	c->list = longer;
	if (!buf_add(&c->texts, text, strlen(text) + 1))
		return;
	longer[c->n++] = (struct diagnostic){line, at};
}

void
diagnostics_add(struct diagnostics *c, int line, const char *format, ...)
{
	char text[PRINTABLE_SIZE + ERROR_TEXT_MAX];
	struct buf whole;
	va_list args;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	buf_init(&whole, sizeof text + 4096 + 16);
	if (line == DIAGNOSTIC_ENVIRONMENT)
		buf_append_cut(&whole, "environment: %s", text);
	else if (line == DIAGNOSTIC_WHOLE_FILE)
		buf_append_cut(&whole, "%s: %s", c->path, text);
	else
		buf_append_cut(&whole, "%s:%d: %s", c->path, line, text);
	add(c, line, buf_text(&whole));
	buf_free(&whole);
}

void
diagnostics_add_whole(struct diagnostics *c, const char *text)
{
	add(c, DIAGNOSTIC_WHOLE_FILE, text);
}

void
diagnostics_add_memory(struct diagnostics *c)
{
	diagnostics_add(c, DIAGNOSTIC_WHOLE_FILE, "out of memory");
}

static int
by_line(const void *a, const void *b)
{
	const struct diagnostic *one = a, *other = b;
	if (one->line != other->line)
		return one->line < other->line ? -1 : 1;
	return one->at < other->at ? -1 : one->at > other->at;
}

void
diagnostics_report(struct diagnostics *c, struct buf *out)
{
	if (c->n > 0)
		qsort(c->list, c->n, sizeof *c->list, by_line);
	for (size_t i = 0; i < c->n; i++)
		buf_append_cut(out, "%s\n", c->texts.data + c->list[i].at);
	if (c->any && c->n == 0)
		buf_append_cut(out, "%s: out of memory\n", c->path);
}
