/* SPDX-License-Identifier: MIT */
/* The findings of claude-router-ctl doctor, and how they are printed. A report owns its
 * texts but for the ids; longer texts are cut, findings beyond REPORT_FINDINGS_MAX
 * dropped. Callers pass no credential, and text from elsewhere only through
 * printable(). One thread. */
#ifndef DOCTOR_REPORT_H
#define DOCTOR_REPORT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define REPORT_FINDINGS_MAX 64

enum severity {
	SEVERITY_NOTE,    /* good to know; nothing is wrong */
	SEVERITY_UNKNOWN, /* could not be checked */
	SEVERITY_WARNING, /* it works, but not always, or not as meant */
	SEVERITY_ERROR,   /* it does not work */
};

struct finding {
	const char *id; /* stable, for scripts: "tokens-mode" */
	enum severity severity;
	char what[1024]; /* one sentence */
	char cure[1024]; /* what to type or write, in one line */
};

/* All zero: empty. */
struct report {
	struct finding findings[REPORT_FINDINGS_MAX];
	size_t n;
	struct finding *last; /* the one added last; NULL: none, or it was dropped */
};

/* Adds a finding without a cure. id is kept, not copied. */
void report_add(struct report *report, enum severity severity, const char *id, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* Sets the cure of the finding that was added last. */
void report_cure(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 1: an error or a warning was found; else 2: something could not be checked; else 0. */
int report_exit_status(const struct report *report);

/* Prints the findings on standard output, errors first; notes only if asked for. */
void report_print(const struct report *report, bool notes);

/* An array of {id, severity, what, cure}, the caller's; NULL: out of memory. */
json_object *report_json(const struct report *report);

#endif
