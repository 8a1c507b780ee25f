/* SPDX-License-Identifier: MIT */
/* fault_row - one kind of fault, and what the faults of a kind do to an answer. */
#ifndef SIM_FAULT_ROW_H
#define SIM_FAULT_ROW_H

#include <stdint.h>

#include "answer.h"
#include "fault.h"
#include "provider.h"

/* An error in one family's words; status 0: as Claude says it. */
struct error {
	int status;
	const char *type, *text;
	const char *code; /* OpenAI's alone */
};

struct fault_row {
	const char *name;
	void (*apply)(const struct fault *f, struct answer *a);
	enum act act;  /* for strike() */
	enum place at; /* where, unless "at" says otherwise */
	struct error errors[FAMILIES];
	const char *help;
};

struct fault {
	struct fault *next;
	const struct fault_row *row;
	struct json_object *spec; /* what the control port was given */
	long times, after;
};

/* The table's rows in turn; NULL: there are no more. */
const struct fault_row *fault_row_at(size_t i);

/* What the control port was given, or otherwise. */
const char *fault_text(const struct fault *f, const char *name, const char *otherwise);
long fault_number(const struct fault *f, const char *name, long otherwise);
int64_t fault_reset_s(const struct fault *f);

int64_t fault_now_s(void);
bool fault_is_openai(const struct answer *a);

/* The row's error in the words of the answer's family. */
const struct error *fault_error(const struct fault *f, const struct answer *a);

/* Puts a text in the answer's place; content_type NULL: none. */
void fault_plain(const struct fault *f, struct answer *a, int status, const char *content_type,
		 const char *body);

/* ---- instead of the normal answer: fault_errors.c ---- */

void apply_error(const struct fault *f, struct answer *a);
void apply_throttle(const struct fault *f, struct answer *a);
void apply_limit(const struct fault *f, struct answer *a);
void apply_family_limit(const struct fault *f, struct answer *a);
void apply_usage_text(const struct fault *f, struct answer *a);
void apply_regain_text(const struct fault *f, struct answer *a);
void apply_html(const struct fault *f, struct answer *a);
void apply_empty(const struct fault *f, struct answer *a);
void apply_empty_stream(const struct fault *f, struct answer *a);
void apply_redirect(const struct fault *f, struct answer *a);
void apply_gzip(const struct fault *f, struct answer *a);
void apply_gzip_half(const struct fault *f, struct answer *a);
void apply_raw(const struct fault *f, struct answer *a);

/* ---- at a place in it, or in an odd shape: fault_bends.c ---- */

void apply_strike(const struct fault *f, struct answer *a);
void apply_half(const struct fault *f, struct answer *a);
void apply_split(const struct fault *f, struct answer *a);
void apply_error_event(const struct fault *f, struct answer *a);
void apply_garbage(const struct fault *f, struct answer *a);
void apply_comments(const struct fault *f, struct answer *a);
void apply_pings(const struct fault *f, struct answer *a);
void apply_no_content(const struct fault *f, struct answer *a);
void apply_pass(const struct fault *f, struct answer *a);
void apply_wrong_length(const struct fault *f, struct answer *a);
void apply_huge_header(const struct fault *f, struct answer *a);
void apply_continue(const struct fault *f, struct answer *a);
void apply_http10(const struct fault *f, struct answer *a);
void apply_glued(const struct fault *f, struct answer *a);
void apply_steer(const struct fault *f, struct answer *a);
void apply_extra_usage(const struct fault *f, struct answer *a);
void apply_utilization(const struct fault *f, struct answer *a);

#endif
