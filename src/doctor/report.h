/* SPDX-License-Identifier: MIT */
/* What claude-router-ctl doctor found: a list, and how it is told. A struct
 * findings owns all of its texts; what does not fit is cut, what comes beyond
 * FINDINGS_MAX is dropped. Callers pass no credential; foreign text they pass
 * through printable(). One thread. */
#ifndef DOCTOR_REPORT_H
#define DOCTOR_REPORT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define FINDINGS_MAX 64

enum severity {
	SEVERITY_NOTE,    /* good to know; nothing is wrong */
	SEVERITY_UNKNOWN, /* could not be looked at */
	SEVERITY_WARNING, /* it works, but not always, or not as meant */
	SEVERITY_ERROR,   /* it does not work */
};

struct finding {
	const char *id; /* stable, for scripts: "tokens-mode" */
	enum severity severity;
	char what[1024]; /* one sentence */
	char cure[1024]; /* what to type or write, in one line */
};

struct findings {
	struct finding all[FINDINGS_MAX];
	size_t n;
	struct finding *last; /* that was added; NULL: none, or it was dropped */
};

/* Adds a finding without a cure. id is kept, not copied. */
void findings_add(struct findings *f, enum severity severity, const char *id, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* The cure of the finding that was added last; dropped with it. */
void findings_cure(struct findings *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 1: something is wrong; else 2: something could not be looked at; else 0. */
int findings_status(const struct findings *f);

/* Tells them on standard output, the gravest first; notes only if asked for.
 * Nothing for none. */
void findings_print(const struct findings *f, bool notes);

/* An array of {id, severity, what, cure}, the caller's; NULL: memory is short. */
json_object *findings_json(const struct findings *f);

#endif
