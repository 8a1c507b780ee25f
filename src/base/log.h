/* SPDX-License-Identifier: MIT */
/* The log: one line an event, logfmt or JSON, to standard error, syslog or a file (BEHAVIOUR.md
 * 10). A mutable global, so that any code can log. A secret has no printing function: pass names,
 * never credentials. One thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"
#include "base/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/* Where lines go until log_open(): standard error, LOG_INFO, logfmt. */

/* target: "auto", "syslog" or an absolute path (made 0640, appended to; reopened when it was
 * moved away). "auto" is standard error if that is a terminal, a pipe, a socket or a file, else
 * (closed, /dev/null) syslog. False and an error text when the file cannot be opened; the log then
 * stays where it was. program is borrowed for good. May be called again. */
bool log_open(const char *program, const char *target, int level, bool json, struct buf *error);

/* One field of a line: a name and a text or a number. */
struct log_field {
	const char *name;
	const char *text; /* NULL: the field is a number */
	int64_t number;
};
#define LOG_TEXT(name, text)     ((struct log_field){(name), (text), 0})
#define LOG_NUMBER(name, number) ((struct log_field){(name), NULL, (number)})

/* Writes a line with fields; event is our own word for what happened. Field texts are cut at
 * LOG_FIELD_MAX bytes; control bytes and invalid UTF-8 are shown as \xNN (in JSON as \u00NN, and
 * U+FFFD for the latter). Writes nothing below the level. Never waits: a line that a full pipe
 * cannot take at once is lost, and counted in the next one (event=log_lost). */
void log_fields(int level, const char *event, const struct log_field *fields, size_t n);

/* Writes a line that is one sentence, under the field "msg". */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes such a line for each line of a text: all that is wrong with a configuration is longer than
 * one may be. */
void log_lines(int level, const char *text);

#endif
