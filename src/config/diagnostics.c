/* SPDX-License-Identifier: MIT */
#include "config/diagnostics.h"

#include "base/caps.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
diagnostics_init(struct diagnostics *d, const char *path, size_t max_bytes)
{
	const struct diagnostics empty = {.path = path};
	*d = empty;
	buf_init(&d->texts, max_bytes);
}

void
diagnostics_fini(struct diagnostics *d)
{
	buf_free(&d->texts);
	free(d->list);
	d->list = NULL;
	d->n = 0;
}

/* Adds a whole text under a line, if there is room. */
static void
add(struct diagnostics *d, int line, const char *text)
{
	d->any = true;
	size_t at = d->texts.len;
	struct diagnostic *longer = realloc(d->list, (d->n + 1) * sizeof *longer);
	if (longer == NULL)
		return;
	d->list = longer;
	if (!buf_add(&d->texts, text, strlen(text) + 1))
		return;
	longer[d->n++] = (struct diagnostic){line, at};
}

void
diagnostics_add(struct diagnostics *d, int line, const char *format, ...)
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
		buf_append_cut(&whole, "%s: %s", d->path, text);
	else
		buf_append_cut(&whole, "%s:%d: %s", d->path, line, text);
	add(d, line, buf_text(&whole));
	buf_free(&whole);
}

void
diagnostics_add_whole(struct diagnostics *d, const char *text)
{
	add(d, DIAGNOSTIC_WHOLE_FILE, text);
}

void
diagnostics_add_memory(struct diagnostics *d)
{
	diagnostics_add(d, DIAGNOSTIC_WHOLE_FILE, "out of memory");
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
diagnostics_report(struct diagnostics *d, struct buf *out)
{
	if (d->n > 0)
		qsort(d->list, d->n, sizeof *d->list, by_line);
	for (size_t i = 0; i < d->n; i++)
		buf_append_cut(out, "%s%s", out->len == 0 ? "" : "\n",
			       d->texts.data + d->list[i].at);
	if (d->any && d->n == 0)
		buf_append_cut(out, "%s%s: out of memory", out->len == 0 ? "" : "\n", d->path);
}
