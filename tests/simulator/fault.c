/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <fnmatch.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_row.h"
#include "provider.h"

#define QUEUE_MAX ((size_t)1000)

/* ---- parameters ---- */

static const struct param {
	const char *name;
	enum json_type type, or_type;
	const char *help;
} params[] = {
    {"fault", json_type_string, json_type_string, "name of the fault"},
    {"times", json_type_int, json_type_int,
     "how many requests get it; -1: all until cleared (default 1)"},
    {"after", json_type_int, json_type_int, "let so many fitting requests pass first"},
    {"match", json_type_object, json_type_object,
     "only requests that fit: stream (bool), model (glob), path and credential (substrings)"},
    {"reset", json_type_int, json_type_double,
     "seconds from now until the limit is over (default 1800)"},
    {"retry_after", json_type_int, json_type_string, "value of a retry-after header"},
    {"at", json_type_string, json_type_int,
     "place in the answer, or a number of body bytes; for the faults that say so"},
    {"end", json_type_string, json_type_string,
     "half_event: what then: close, reset, stall, clean (default close)"},
    {"delay_ms", json_type_int, json_type_int,
     "slow, pause, pings, comments: the rhythm; else the wait before the first byte"},
    {"count", json_type_int, json_type_int,
     "pings, comments: how many, then go on (default -1: until the peer leaves)"},
    {"status", json_type_int, json_type_int, "another HTTP status"},
    {"type", json_type_string, json_type_string, "another error type"},
    {"code", json_type_string, json_type_string, "another error code (OpenAI's form)"},
    {"message", json_type_string, json_type_string, "another error text"},
    {"body", json_type_string, json_type_string, "another body, byte for byte"},
    {"content_type", json_type_string, json_type_string, "another Content-Type (raw, html)"},
    {"headers", json_type_array, json_type_array,
     "[[name,value],…] added to the answer's head as they are"},
    {"wire", json_type_string, json_type_string,
     "raw: these bytes are the whole answer, then the connection is closed"},
    {"location", json_type_string, json_type_string,
     "redirect: where to (default: the backup provider)"},
    {"family", json_type_string, json_type_string,
     "family_limit: suffix of the window (default 7d_opus)"},
    {"utilization", json_type_double, json_type_object, "0.97 for 5h, or {\"5h\":0.97,\"7d\":0.3}"},
    {"stop_reason", json_type_string, json_type_string,
     "no_content_stream: how it ends (default end_turn)"},
    {"bytes", json_type_int, json_type_int,
     "huge_header, wrong_length_*: how many (default 1048576, 100, 20)"},
};

#define PARAMS (sizeof(params) / sizeof(params[0]))

const char *
fault_text(const struct fault *f, const char *name, const char *otherwise)
{
	struct json_object *v = json_object_object_get(f->spec, name);

	return v != NULL ? json_object_get_string(v) : otherwise;
}

long
fault_number(const struct fault *f, const char *name, long otherwise)
{
	struct json_object *v = json_object_object_get(f->spec, name);

	return v != NULL ? (long)json_object_get_int64(v) : otherwise;
}

int64_t
fault_now_s(void)
{
	return clock_real_ms() / 1000;
}

int64_t
fault_reset_s(const struct fault *f)
{
	return fault_now_s() + fault_number(f, "reset", 1800);
}

void
fault_list(struct buf *out)
{
	const struct fault_row *row;

	buf_adds(out, "Faults:\n");
	for (size_t i = 0; (row = fault_row_at(i)) != NULL; i++)
		buf_addf(out, "  %-21s %s\n", row->name, row->help);
	buf_adds(out, "\nParameters:\n");
	for (size_t i = 0; i < PARAMS; i++)
		buf_addf(out, "  %-21s %s\n", params[i].name, params[i].help);
	buf_adds(out, "\nPlaces (`at`), in the order an answer reaches them:\n  ");
	place_list(out);
	buf_adds(
	    out,
	    "\n  A JSON answer has no events: any place inside a stream means half of its body.\n");
}

/* ---- from the control port ---- */

static const struct fault_row *
row_named(const char *name)
{
	const struct fault_row *row;
	size_t i = 0;

	while ((row = fault_row_at(i)) != NULL && strcmp(row->name, name) != 0)
		i++;
	return row;
}

static bool
type_fits(struct json_object *v, const struct param *p)
{
	enum json_type type = json_object_get_type(v);

	return type == p->type || type == p->or_type ||
	       (type == json_type_int && p->type == json_type_double);
}

static bool
params_ok(struct json_object *spec, struct buf *why)
{
	json_object_object_foreach(spec, key, value)
	{
		const struct param *p = NULL;

		for (size_t i = 0; i < PARAMS && p == NULL; i++)
			p = strcmp(params[i].name, key) == 0 ? &params[i] : NULL;
		if (p == NULL) {
			buf_addf(why, "unknown parameter \"%s\"; there are:", key);
			for (size_t i = 0; i < PARAMS; i++)
				buf_addf(why, " %s", params[i].name);
			return false;
		}
		if (!type_fits(value, p)) {
			buf_addf(why, "\"%s\" has the wrong type: %s", key, p->help);
			return false;
		}
	}
	return true;
}

static bool
headers_ok(struct json_object *headers, struct buf *why)
{
	for (size_t i = 0; headers != NULL && i < json_object_array_length(headers); i++) {
		struct json_object *pair = json_object_array_get_idx(headers, i);

		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2 ||
		    !json_object_is_type(json_object_array_get_idx(pair, 0), json_type_string) ||
		    !json_object_is_type(json_object_array_get_idx(pair, 1), json_type_string)) {
			buf_adds(why, "\"headers\" is a list of [name, value] pairs of strings");
			return false;
		}
	}
	return true;
}

static bool
match_ok(struct json_object *match, struct buf *why)
{
	if (match == NULL)
		return true;
	json_object_object_foreach(match, key, value)
	{
		enum json_type want =
		    strcmp(key, "stream") == 0 ? json_type_boolean : json_type_string;

		if ((strcmp(key, "stream") != 0 && strcmp(key, "model") != 0 &&
		     strcmp(key, "path") != 0 && strcmp(key, "credential") != 0) ||
		    !json_object_is_type(value, want)) {
			buf_adds(why, "\"match\" takes stream (true, false), model (a glob), "
				      "path and credential (substrings)");
			return false;
		}
	}
	return true;
}

static bool
is_any(const struct fault_row *row)
{
	return row != NULL;
}

/* The names of the rows of which that is true. */
static void
add_names(struct buf *out, bool (*is_one)(const struct fault_row *row))
{
	const struct fault_row *row;

	for (size_t i = 0; (row = fault_row_at(i)) != NULL; i++)
		if (is_one(row))
			buf_addf(out, " %s", row->name);
}

/* An "at" that would do nothing is a test's mistake. */
static bool
takes_place(const struct fault_row *row)
{
	return row->apply == apply_strike || row->apply == apply_half ||
	       row->apply == apply_split || row->apply == apply_error_event ||
	       row->apply == apply_garbage || row->apply == apply_pings ||
	       row->apply == apply_comments;
}

static bool
place_ok(const struct fault *f, struct buf *why)
{
	struct json_object *at = json_object_object_get(f->spec, "at");

	if (at == NULL)
		return true;
	if (!takes_place(f->row)) {
		buf_addf(why, "%s has no \"at\"; these have:", f->row->name);
		add_names(why, takes_place);
		return false;
	}
	if (json_object_is_type(at, json_type_string)
		? place_named(json_object_get_string(at)) == PLACE_NONE
		: json_object_get_int64(at) < 0) {
		buf_addf(why, "unknown place \"%s\" for \"at\"; there are: ",
			 json_object_get_string(at));
		place_list(why);
		buf_adds(why, ", or a number of body bytes");
		return false;
	}
	return true;
}

static bool
in_range(const struct fault *f, const char *name, long least, long most, struct buf *why)
{
	long n = fault_number(f, name, most);

	if (n >= least && n <= most)
		return true;
	buf_addf(why, "\"%s\" is between %ld and %ld", name, least, most);
	return false;
}

static bool
values_ok(const struct fault *f, struct buf *why)
{
	const char *end = fault_text(f, "end", "close");

	if (strcmp(end, "close") != 0 && strcmp(end, "reset") != 0 && strcmp(end, "stall") != 0 &&
	    strcmp(end, "clean") != 0) {
		buf_adds(why, "\"end\" is close, reset, stall or clean");
		return false;
	}
	if (f->times < -1 || f->times == 0 || f->after < 0) {
		buf_adds(why, "\"times\" is 1 or more, or -1; \"after\" is 0 or more");
		return false;
	}
	return in_range(f, "status", 200, 999, why) && in_range(f, "delay_ms", 0, 86400000, why) &&
	       in_range(f, "bytes", 0, (long)BUF_MAX / 4, why) && place_ok(f, why);
}

bool
fault_queue(struct provider *p, struct json_object *spec, struct buf *why)
{
	struct fault *f = xalloc(sizeof(*f)), **end = &p->faults;
	const char *name;

	f->spec = json_object_get(spec);
	if (!params_ok(spec, why))
		goto bad;
	name = fault_text(f, "fault", "");
	f->row = row_named(name);
	f->times = fault_number(f, "times", 1);
	f->after = fault_number(f, "after", 0);
	if (f->row == NULL) {
		buf_addf(why, "unknown fault \"%s\"; there are:", name);
		add_names(why, is_any);
		goto bad;
	}
	if (!headers_ok(json_object_object_get(spec, "headers"), why) ||
	    !match_ok(json_object_object_get(spec, "match"), why) || !values_ok(f, why))
		goto bad;
	if (fault_count(p) >= QUEUE_MAX) {
		buf_adds(why, "1000 faults are queued already");
		goto bad;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = f;
	return true;
bad:
	json_object_put(f->spec);
	free(f);
	return false;
}

/* ---- the queue ---- */

static void
fault_free(struct fault *f)
{
	json_object_put(f->spec);
	free(f);
}

void
fault_clear(struct provider *p)
{
	while (p->faults != NULL) {
		struct fault *f = p->faults;

		p->faults = f->next;
		fault_free(f);
	}
}

size_t
fault_count(const struct provider *p)
{
	size_t n = 0;

	for (const struct fault *f = p->faults; f != NULL; f = f->next)
		n++;
	return n;
}

void
fault_json(const struct provider *p, struct buf *out)
{
	buf_adds(out, "[");
	for (const struct fault *f = p->faults; f != NULL; f = f->next)
		buf_addf(out, "%s{\"left\":%ld,\"after\":%ld,\"as\":%s}", f == p->faults ? "" : ",",
			 f->times, f->after,
			 json_object_to_json_string_ext(f->spec, JSON_C_TO_STRING_PLAIN));
	buf_adds(out, "]");
}

static bool
fits(const struct fault *f, const struct fault_subject *s)
{
	struct json_object *match = json_object_object_get(f->spec, "match"), *v = NULL;

	if (match == NULL)
		return true;
	if (json_object_object_get_ex(match, "stream", &v) &&
	    json_object_get_boolean(v) != s->stream)
		return false;
	if (json_object_object_get_ex(match, "path", &v) &&
	    strstr(s->path, json_object_get_string(v)) == NULL)
		return false;
	if (json_object_object_get_ex(match, "credential", &v) &&
	    (s->credential == NULL || strstr(s->credential, json_object_get_string(v)) == NULL))
		return false;
	if (json_object_object_get_ex(match, "model", &v) &&
	    (s->model == NULL || fnmatch(json_object_get_string(v), s->model, 0) != 0))
		return false;
	return true;
}

struct fault *
fault_take(struct provider *p, const struct fault_subject *s)
{
	for (struct fault *f = p->faults; f != NULL; f = f->next) {
		if (!fits(f, s))
			continue;
		if (f->after > 0) {
			f->after--;
			continue;
		}
		if (f->times > 0)
			f->times--;
		return f;
	}
	return NULL;
}

void
fault_done(struct provider *p, struct fault *f)
{
	struct fault **at = &p->faults;

	if (f->times != 0)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	fault_free(f);
}

bool
fault_refuse(struct provider *p)
{
	struct fault *f = p->faults;

	if (f == NULL || strcmp(f->row->name, "refuse") != 0 || f->after > 0 ||
	    json_object_object_get(f->spec, "match") != NULL)
		return false;
	if (f->times > 0)
		f->times--;
	fault_done(p, f);
	return true;
}

const char *
fault_name(const struct fault *f)
{
	return f->row->name;
}

void
fault_apply(const struct fault *f, struct answer *a)
{
	struct json_object *headers = json_object_object_get(f->spec, "headers");

	f->row->apply(f, a);
	if (a->strike.act != ACT_PACE && a->strike.act != ACT_PAUSE && a->strike.act != ACT_DRIP)
		a->delay_ms += fault_number(f, "delay_ms", 0);
	for (size_t i = 0; headers != NULL && i < json_object_array_length(headers); i++) {
		struct json_object *pair = json_object_array_get_idx(headers, i);

		buf_addf(&a->headers, "%s: %s\r\n",
			 json_object_get_string(json_object_array_get_idx(pair, 0)),
			 json_object_get_string(json_object_array_get_idx(pair, 1)));
	}
}
