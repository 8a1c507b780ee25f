/* SPDX-License-Identifier: MIT */
/*
 * tap.h: rows of a table test, printed as TAP for `make check` and `./dev check`.
 *
 *     int main(int argc, char **argv)
 *     {
 *         tap_start("verdict", argc, argv);
 *         for (size_t i = 0; i < TAP_COUNT(rows); i++)
 *             row_check(&rows[i]);            // uses TAP_ROW, TAP_INT, TAP_STR …, each with a name
 *         return tap_finish();
 *     }
 *
 * argv[1] is a filter: only rows whose full name "unit/<suite>/<row>" holds it are counted and printed (a row that is
 * left out is still evaluated, so a failure of a neighbour cannot hide). A failing row prints what was expected, what
 * came, where, and the command that repeats it. One thread; nothing to free.
 */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* One row: COND holds, or the format tells what was expected and what came. Evaluates to COND. */
#define TAP_ROW(name, cond, ...) tap_row((cond), __FILE__, __LINE__, (name), __VA_ARGS__)

/* The same for a row of a table that carries its own __LINE__, so that the failure points into the table. */
#define TAP_ROW_AT(line, name, cond, ...) tap_row((cond), __FILE__, (line), (name), __VA_ARGS__)

/* Shorter forms: what came, then what was expected. NULL strings are compared and shown as such. */
#define TAP_OK(name, cond) tap_row((cond), __FILE__, __LINE__, (name), "expected: %s", #cond)
#define TAP_INT(name, got, want)                                                                   \
	tap_int(__FILE__, __LINE__, (name), (intmax_t)(got), (intmax_t)(want))
#define TAP_STR(name, got, want) tap_str(__FILE__, __LINE__, (name), (got), (want))
#define TAP_MEM(name, got, got_len, want, want_len)                                                \
	tap_mem(__FILE__, __LINE__, (name), (got), (got_len), (want), (want_len))
#define TAP_INT_AT(line, name, got, want)                                                          \
	tap_int(__FILE__, (line), (name), (intmax_t)(got), (intmax_t)(want))
#define TAP_STR_AT(line, name, got, want) tap_str(__FILE__, (line), (name), (got), (want))

static struct {
	const char *suite;
	const char *filter;
	unsigned run, failed;
} tap;

/* Begins a suite. SUITE is the file's name without test_ and .c. */
__attribute__((unused)) static void
tap_start(const char *suite, int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	tap.suite = suite;
	tap.filter = argc > 1 ? argv[1] : "";
}

/* Prints the plan. Result: main's exit status. */
__attribute__((unused)) static int
tap_finish(void)
{
	printf("1..%u\n", tap.run);
	if (tap.failed)
		printf("# %s: %u of %u failed\n", tap.suite, tap.failed, tap.run);
	return tap.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The name with what TAP would read as a directive made harmless, cut at a size nobody needs more of. */
__attribute__((unused)) static const char *
tap_name(const char *name)
{
	static char full[512];
	snprintf(full, sizeof full, "unit/%s/%s", tap.suite ? tap.suite : "?",
		 name ? name : "(no name)");
	for (char *c = full; *c; c++)
		if (*c == '#' || (unsigned char)*c < ' ')
			*c = '_';
	return full;
}

/* A diagnostic of any length, every line of it behind "# ". */
__attribute__((unused, format(printf, 1, 0))) static void
tap_note(const char *format, va_list args)
{
	char text[4096];
	vsnprintf(text, sizeof text, format, args);
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		printf("#   %s\n", line);
	}
}

__attribute__((unused, format(printf, 5, 6))) static bool
tap_row(bool ok, const char *file, int line, const char *name, const char *format, ...)
{
	const char *full = tap_name(name);
	if (tap.filter && !strstr(full, tap.filter))
		return ok;
	tap.run++;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", tap.run, full);
	if (ok)
		return true;
	tap.failed++;
	va_list args;
	va_start(args, format);
	tap_note(format, args);
	va_end(args);
	printf("#   at %s:%d\n#   repeat: ./dev check '%s'\n", file, line, full);
	return false;
}

__attribute__((unused)) static bool
tap_int(const char *file, int line, const char *name, intmax_t got, intmax_t want)
{
	return tap_row(got == want, file, line, name, "expected %jd\ngot      %jd", want, got);
}

__attribute__((unused)) static bool
tap_str(const char *file, int line, const char *name, const char *got, const char *want)
{
	const bool same = got && want ? strcmp(got, want) == 0 : got == want;
	return tap_row(same, file, line, name, "expected %s%s%s\ngot      %s%s%s", want ? "\"" : "",
		       want ? want : "NULL", want ? "\"" : "", got ? "\"" : "", got ? got : "NULL",
		       got ? "\"" : "");
}

__attribute__((unused)) static bool
tap_mem(const char *file, int line, const char *name, const void *got, size_t got_len,
	const void *want, size_t want_len)
{
	const unsigned char *g = got, *w = want;
	size_t at = 0;
	while (at < got_len && at < want_len && g[at] == w[at])
		at++;
	const bool same = at == got_len && at == want_len;
	const int got_rest = (int)(got_len - at > 60 ? 60 : got_len - at);
	const int want_rest = (int)(want_len - at > 60 ? 60 : want_len - at);
	return tap_row(same, file, line, name,
		       "expected %zu bytes, got %zu; they differ from byte %zu on\nexpected "
		       "…%.*s\ngot      …%.*s",
		       want_len, got_len, at, want_rest, (const char *)w + at, got_rest,
		       (const char *)g + at);
}

/* A row that cannot be run here, and why. */
__attribute__((unused)) static void
tap_skip(const char *name, const char *why)
{
	const char *full = tap_name(name);
	if (tap.filter && !strstr(full, tap.filter))
		return;
	tap.run++;
	printf("ok %u - %s # SKIP %s\n", tap.run, full, why);
}

#endif
