/* SPDX-License-Identifier: MIT */
#include "operator/top.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/printable.h"
#include "config/config.h"
#include "money/amount.h"
#include "json/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	BAR_MIN = 8,
	BAR_MAX = 40,
	BAR_USUAL = 24,
	BESIDE_BAR = 62, /* columns of a line with a bar that are not the bar's, */
	NARROW =
	    BESIDE_BAR + BAR_MIN, /* below so many: the names and the times of bars are short */
	EVENTS = 8,
	LINE_SIZE = 1024,
};

/* --- Lines --------------------------------------------------------------- */

enum tone { PLAIN, BOLD, DIM, GOOD, WARN, BAD };

struct frame {
	const struct top_view *view;
	struct buf *out;
	size_t rows;   /* that are written */
	size_t column; /* in the current one */
	bool fits;
};

static void
put_bytes(struct frame *f, const char *bytes, size_t n)
{
	f->fits = f->fits && buf_add(f->out, bytes, n);
}

static bool
is_full(const struct frame *f)
{
	return f->view->rows != 0 && f->rows >= f->view->rows;
}

static void
set_tone(struct frame *f, enum tone tone)
{
	static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[2m",
					    "\033[32m", "\033[33m", "\033[31m"};
	if (f->view->is_colored && !is_full(f))
		put_bytes(f, codes[tone], strlen(codes[tone]));
}

/* Characters up to the last column; a control byte, or what is no character, is shown as '?'. */
static void
put_text(struct frame *f, const char *text)
{
	for (size_t left = strlen(text); left > 0 && !is_full(f);) {
		size_t n = printable_character(text, left);
		if (f->view->columns != 0 && f->column >= f->view->columns)
			return;
		put_bytes(f, n == 0 ? "?" : text, n == 0 ? 1 : n);
		f->column++;
		n = n == 0 ? 1 : n;
		text += n;
		left -= n;
	}
}

__attribute__((format(printf, 3, 4))) static void
put(struct frame *f, enum tone tone, const char *format, ...)
{
	char text[LINE_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (tone != PLAIN)
		set_tone(f, tone);
	put_text(f, text);
	if (tone != PLAIN)
		set_tone(f, PLAIN);
}

static void
end_line(struct frame *f)
{
	if (is_full(f))
		return;
	put_bytes(f, "\n", 1);
	f->rows++;
	f->column = 0;
}

/* Blanks up to a column, one at least. */
static void
put_until(struct frame *f, size_t column)
{
	do
		put_text(f, " ");
	while (f->column < column && !is_full(f) &&
	       (f->view->columns == 0 || f->column < f->view->columns));
}

static void
put_heading(struct frame *f, const char *text)
{
	end_line(f);
	put(f, BOLD, "%s", text);
	end_line(f);
}

/* --- Values --------------------------------------------------------------- */

static bool
is_true(json_object *o, const char *name)
{
	return json_object_get_boolean(tree_get(o, name));
}

static double
number_of(json_object *o, const char *name)
{
	return json_object_get_double(tree_get(o, name));
}

/* NULL: it is none, or not there. */
static json_object *
object_of(json_object *o, const char *name)
{
	json_object *member = tree_get(o, name);
	return json_object_is_type(member, json_type_object) ? member : NULL;
}

/* 0: it is null, or no time. */
static int64_t
time_of(json_object *o, const char *name)
{
	int64_t at_ms = clock_parse_ms(tree_text(o, name));
	return at_ms < 0 ? 0 : at_ms;
}

static const char *
span_text(int64_t ms, char text[static 32])
{
	int64_t minutes = (ms + 30000) / 60000;
	if (minutes < 1)
		snprintf(text, 32, "less than a minute");
	else if (minutes < 60)
		snprintf(text, 32, "%" PRId64 " min", minutes);
	else if (minutes < 24 * 60)
		snprintf(text, 32, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
	else
		snprintf(text, 32, "%" PRId64 " d %" PRId64 " h", minutes / 60 / 24,
			 minutes / 60 % 24);
	return text;
}

/* "18:00 (in 2 h 14 min)" */
static const char *
moment_text(const struct frame *f, int64_t at_ms, char text[static 64])
{
	char when[CLOCK_SHORT_SIZE], span[32];
	int64_t now_ms = f->view->now_ms;
	if (at_ms <= now_ms)
		snprintf(text, 64, "now");
	else
		snprintf(text, 64, "%s (in %s)", clock_short(at_ms, now_ms, when),
			 span_text(at_ms - now_ms, span));
	return text;
}

static bool
is_narrow(const struct frame *f)
{
	return f->view->columns != 0 && f->view->columns < NARROW;
}

static void
put_bar(struct frame *f, double part, enum tone tone)
{
	size_t columns = f->view->columns;
	size_t width = columns == 0                     ? BAR_USUAL
		       : is_narrow(f)                   ? BAR_MIN
		       : columns > BESIDE_BAR + BAR_MAX ? BAR_MAX
							: columns - BESIDE_BAR;
	double within = part < 0 ? 0 : part > 1 ? 1 : part;
	size_t full = (size_t)(within * (double)width + 0.5);
	for (size_t i = 0; i < width; i++)
		put(f, i < full ? tone : DIM, "%s", i < full ? "█" : "░");
}

/* What a bar is about. */
static void
put_label(struct frame *f, const char *whose, const char *what)
{
	put_text(f, "  ");
	if (!is_narrow(f)) {
		put_text(f, whose);
		put_until(f, 14);
	}
	put_text(f, what);
	put_until(f, is_narrow(f) ? 10 : 22);
}

static enum tone
tone_of(double part)
{
	return part >= 0.95 ? BAD : part >= 0.8 ? WARN : GOOD;
}

/* --- The parts -------------------------------------------------------------- */

static void
put_head(struct frame *f)
{
	json_object *s = f->view->status;
	bool healthy = tree_is(s, "status", "healthy"), lost = tree_is(s, "status", "unhealthy");
	put(f, BOLD, "Claude Router %s", tree_text(s, "version"));
	put(f, DIM, "  %s, %" PRId64 " running", tree_text(s, "mode"),
	    json_object_get_int64(tree_get(s, "streams")));
	end_line(f);
	end_line(f);
	put(f, healthy ? GOOD : lost ? BAD : WARN, "● ");
	put(f, BOLD, "%s", tree_text(s, "line"));
	end_line(f);
	put(f, DIM, "  %s", tree_text(s, "reason"));
	end_line(f);
}

/* What is wrong with the router's own files. */
static void
put_alerts(struct frame *f)
{
	static const char *const files[][2] = {{"tokens_file", "error"},
					       {"keys_file", "error"},
					       {"config", "error"},
					       {"config", "restart"},
					       {"prices", "error"}};
	for (size_t i = 0; i < COUNT(files); i++) {
		const char *why = tree_text(tree_get(f->view->status, files[i][0]), files[i][1]);
		if (why[0] == '\0')
			continue;
		put(f, WARN, "! %s", why);
		end_line(f);
	}
}

static void
put_drill(struct frame *f)
{
	json_object *d = object_of(f->view->status, "drill");
	char ends[64];
	if (d == NULL)
		return;
	put(f, WARN, "  drill %s: %s as if %s, %" PRId64 " left, ends %s", tree_text(d, "id"),
	    tree_text(d, "provider"), tree_text(d, "as"),
	    json_object_get_int64(tree_get(d, "left")), moment_text(f, time_of(d, "ends"), ends));
	end_line(f);
}

static void
put_window(struct frame *f, const char *provider, const char *name, json_object *window)
{
	char reset[64];
	double used = number_of(window, "utilization");
	int64_t reset_ms = time_of(window, "reset");
	bool is_over = reset_ms != 0 && reset_ms <= f->view->now_ms;
	put_label(f, provider, name);
	put_bar(f, is_over ? 0 : used, tone_of(used));
	if (is_over)
		put(f, DIM, "  begun anew");
	else
		put(f, PLAIN, " %3.0f %%", used * 100);
	if (!is_over && reset_ms != 0)
		put(f, DIM, "  %s%s", is_narrow(f) ? "" : "anew ",
		    is_narrow(f) ? clock_short(reset_ms, f->view->now_ms, reset)
				 : moment_text(f, reset_ms, reset));
	end_line(f);
}

/* Calls put_one() for each member of an object; NULL: for none. */
static void
put_each(struct frame *f, json_object *o, const char *of,
	 void (*put_one)(struct frame *f, const char *of, const char *name, json_object *value))
{
	if (o == NULL)
		return;
	struct json_object_iterator i = json_object_iter_begin(o), end = json_object_iter_end(o);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		put_one(f, of, json_object_iter_peek_name(&i), json_object_iter_peek_value(&i));
}

static bool
has_windows(json_object *providers)
{
	if (providers == NULL)
		return false;
	struct json_object_iterator i = json_object_iter_begin(providers);
	struct json_object_iterator end = json_object_iter_end(providers);
	bool found = false;
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
		json_object *windows = object_of(json_object_iter_peek_value(&i), "windows");
		found |= windows != NULL && json_object_object_length(windows) > 0;
	}
	return found;
}

/* The windows of one provider. */
static void
put_windows(struct frame *f, const char *of, const char *name, json_object *provider)
{
	(void)of;
	put_each(f, object_of(provider, "windows"), name, put_window);
}

static json_object *
usage_of(const struct frame *f, const char *provider)
{
	json_object *rows = tree_get(f->view->usage, "rows");
	for (size_t i = 0; i < tree_count(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		if (tree_is(row, "provider", provider))
			return row;
	}
	return NULL;
}

/* "$1.20 today", or how many requests a plan served. */
static void
put_today(struct frame *f, json_object *provider, json_object *row)
{
	char amount[AMOUNT_SIZE];
	if (f->view->usage == NULL)
		return;
	if (is_true(provider, "paid"))
		put(f, PLAIN, "%s today",
		    amount_at_least(json_object_get_int64(tree_get(row, "spent")),
				    json_object_get_int64(tree_get(row, "spent_unknown")), amount));
	else
		put(f, PLAIN, "%s requests today",
		    amount_count(json_object_get_int64(tree_get(row, "requests")), amount));
}

static void
put_cap(struct frame *f, json_object *cap)
{
	double of = number_of(cap, "cap"), others = number_of(cap, "others");
	double used = number_of(cap, "used") + others;
	double reserved = number_of(cap, "reserved"), part = of > 0 ? used / of : 0;
	put_label(f, tree_text(cap, "scope"), tree_text(cap, "period"));
	put_bar(f, part, tone_of(part));
	put(f, PLAIN, " $%.2f of $%.2f", used, of);
	if (others > 0)
		put(f, DIM, ", $%.2f by other machines", others);
	if (reserved > 0)
		put(f, DIM, ", $%.2f reserved", reserved);
	end_line(f);
}

static void
put_provider(struct frame *f, const char *of, const char *name, json_object *p)
{
	(void)of;
	bool serves = tree_is(f->view->status, "current_provider", name);
	const char *state = tree_text(p, "state"), *why = tree_text(p, "why");
	int64_t until_ms = time_of(p, "until");
	bool is_set_up = is_true(p, "configured");
	char until[64];
	put(f, serves ? GOOD : PLAIN, "%s%s", serves ? "▸ " : "  ", name);
	put_until(f, 14);
	put(f,
	    serves || strcmp(state, "ready") == 0 ? GOOD
	    : strcmp(state, "benched") == 0       ? BAD
	    : is_set_up                           ? WARN
						  : DIM,
	    "%s", serves ? "serves" : state);
	put_until(f, 28);
	if (until_ms > f->view->now_ms)
		put(f, PLAIN, "until %s%s%s", moment_text(f, until_ms, until),
		    why[0] == '\0' ? "" : ", ", why);
	else if (is_set_up)
		put_today(f, p, usage_of(f, name));
	end_line(f);
}

static void
put_cost(struct frame *f)
{
	json_object *caps = tree_get(f->view->status, "caps");
	json_object *total = object_of(f->view->usage, "total");
	char spent[AMOUNT_SIZE], worth[AMOUNT_SIZE];
	put_heading(f, "Today");
	if (total == NULL)
		put(f, DIM, "  nothing is recorded, or it cannot be read");
	else
		put(f, PLAIN, "  %s spent; plans served what is worth %s; %" PRId64 " requests",
		    amount_at_least(json_object_get_int64(tree_get(total, "spent")),
				    json_object_get_int64(tree_get(total, "spent_unknown")), spent),
		    amount_at_least(json_object_get_int64(tree_get(total, "worth")),
				    json_object_get_int64(tree_get(total, "worth_unknown")), worth),
		    json_object_get_int64(tree_get(total, "requests")));
	end_line(f);
	for (size_t i = 0; i < tree_count(caps); i++)
		put_cap(f, json_object_array_get_idx(caps, i));
}

static void
put_events(struct frame *f)
{
	json_object *events = tree_get(f->view->events, "events");
	size_t n = tree_count(events);
	char when[CLOCK_SHORT_SIZE];
	if (n == 0)
		return;
	put_heading(f, "What happened last");
	for (size_t i = 0; i < n && i < EVENTS; i++) {
		json_object *event = json_object_array_get_idx(events, n - 1 - i);
		put(f, DIM, "  %-12s ", clock_short(time_of(event, "at"), f->view->now_ms, when));
		put(f, PLAIN, "%s", tree_text(event, "text"));
		end_line(f);
	}
}

bool
top_render(const struct top_view *view, struct buf *out)
{
	struct frame f = {.view = view, .out = out, .fits = true};
	put_head(&f);
	put_alerts(&f);
	put_drill(&f);
	json_object *providers = object_of(view->status, "providers");
	if (has_windows(providers)) {
		put_heading(&f, "Limits");
		put_each(&f, providers, "", put_windows);
	}
	put_heading(&f, "Providers, in order");
	put_each(&f, providers, "", put_provider);
	put_cost(&f);
	put_events(&f);
	return f.fits;
}
