/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FIELDS_MAX 63 /* of one line; the longest has a third of that */

enum target { TO_STDERR, TO_SYSLOG, TO_FILE };

static struct {
	int level;
	bool json;
	enum target target;
	int fd;
	bool may_block; /* fd is a pipe, a socket or a terminal */
	char *path;     /* of the file, else NULL */
	dev_t device;   /* the file's identity */
	ino_t inode;
	int64_t checked_at; /* steady clock: when the path was checked last */
	int64_t lost;       /* lines, since the last one that was written */
} the_log = {.level = LOG_INFO, .target = TO_STDERR, .fd = STDERR_FILENO, .may_block = true};

/* --- One line ------------------------------------------------------------ */

struct line {
	char text[LOG_LINE_MAX];
	size_t len;
	bool json;
	bool full;
};

#define LINE_TAIL sizeof(",\"cut\":1}\n") /* kept free for the end of a line that was cut */

static void
add(struct line *line, const char *bytes, size_t n)
{
	if (n > sizeof line->text - LINE_TAIL - line->len)
		line->full = true;
	if (line->full)
		return;
	memcpy(line->text + line->len, bytes, n);
	line->len += n;
}

static void
add_text(struct line *line, const char *text)
{
	add(line, text, strlen(text));
}

/* Adds one byte that cannot be shown as it is. */
static void
add_hidden(struct line *line, unsigned char byte)
{
	char shown[8];
	if (!line->json)
		snprintf(shown, sizeof shown, "\\x%02X", byte);
	else if (byte < 0x80)
		snprintf(shown, sizeof shown, "\\u%04x", byte);
	else
		snprintf(shown, sizeof shown, "\xef\xbf\xbd"); /* U+FFFD */
	add_text(line, shown);
}

static void
add_quoted(struct line *line, const char *text, size_t n)
{
	add_text(line, "\"");
	for (size_t at = 0, used; at < n; at += used) {
		used = printable_character(text + at, n - at);
		if (text[at] == '"' || text[at] == '\\')
			add_text(line, "\\");
		if (used > 0)
			add(line, text + at, used);
		else
			add_hidden(line, (unsigned char)text[at]);
		used += used == 0;
	}
	add_text(line, "\"");
}

/* Whether logfmt requires quotes around a text. */
static bool
needs_quotes(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '=' ||
		    text[i] == '\\')
			return true;
	return n == 0;
}

/* The bytes of text to show: at most LOG_FIELD_MAX, whole characters. */
static size_t
cut(const char *text)
{
	size_t n = strnlen(text, LOG_FIELD_MAX + 1);
	if (n <= LOG_FIELD_MAX)
		return n;
	n = LOG_FIELD_MAX;
	for (size_t back = 0; back < 3 && ((unsigned char)text[n] & 0xc0) == 0x80; back++)
		n--;
	return n;
}

static void
add_value(struct line *line, const struct log_field *field)
{
	if (field->text == NULL) {
		char number[sizeof("-9223372036854775808")];
		snprintf(number, sizeof number, "%" PRId64, field->number);
		add_text(line, number);
		return;
	}
	size_t n = cut(field->text);
	if (line->json || needs_quotes(field->text, n))
		add_quoted(line, field->text, n);
	else
		add(line, field->text, n);
}

/* Adds the whole field, or nothing of it. */
static void
add_field(struct line *line, const struct log_field *field)
{
	size_t before = line->len;
	if (before > 0)
		add_text(line, line->json ? "," : " ");
	add_text(line, line->json ? (before > 0 ? "\"" : "{\"") : "");
	add_text(line, field->name);
	add_text(line, line->json ? "\":" : "=");
	add_value(line, field);
	if (line->full)
		line->len = before;
}

/* Ends the line in the room that add() kept for this. */
static void
end_line(struct line *line)
{
	const char *tail =
	    line->full ? (line->json ? ",\"cut\":1}\n" : " cut=1\n") : (line->json ? "}\n" : "\n");
	memcpy(line->text + line->len, tail, strlen(tail) + 1);
	line->len += strlen(tail);
}

/* --- Where lines go ------------------------------------------------------ */

/* Opens the file, or creates it; -1 and errno. A FIFO without a reader is an error, not a wait. */
static int
open_file(const char *path, struct stat *st)
{
	int fd =
	    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd == -1)
		return -1;
	if (fstat(fd, st) == 0)
		return fd;
	int reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

static void
use_file(int fd, const struct stat *st)
{
	if (the_log.target == TO_FILE)
		close(the_log.fd);
	the_log.target = TO_FILE;
	the_log.fd = fd;
	the_log.may_block = !S_ISREG(st->st_mode);
	the_log.device = st->st_dev;
	the_log.inode = st->st_ino;
	the_log.checked_at = clock_steady_ms();
}

/* Reopens the file when its path leads to another one, or to none. */
static void
follow_file(void)
{
	struct stat st;
	int64_t now = clock_steady_ms();
	if (now - the_log.checked_at < 1000)
		return;
	the_log.checked_at = now;
	if (stat(the_log.path, &st) == 0 && st.st_dev == the_log.device &&
	    st.st_ino == the_log.inode)
		return;
	int fd = open_file(the_log.path, &st);
	if (fd != -1)
		use_file(fd, &st);
}

/* Whether a line can be written at once: a pipe that polls as writable has room for PIPE_BUF bytes.
 * Never writes to a reader that is gone: SIGPIPE. */
static bool
is_ready(void)
{
	struct pollfd ready = {.fd = the_log.fd, .events = POLLOUT};
	return poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT;
}

static void
write_line(int level, const struct line *line)
{
	if (the_log.target == TO_SYSLOG) {
		syslog(level, "%.*s", (int)line->len - 1, line->text);
		return;
	}
	if (the_log.target == TO_FILE)
		follow_file();
	if (the_log.may_block && !is_ready()) {
		the_log.lost++;
		return;
	}
	ssize_t n;
	do
		n = write(the_log.fd, line->text, line->len);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)line->len)
		the_log.lost++;
}

static const char *
level_name(int level)
{
	static const char *const names[] = {"error",   "error",  "error", "error",
					    "warning", "notice", "info",  "debug"};
	return names[level < LOG_EMERG ? LOG_EMERG : level > LOG_DEBUG ? LOG_DEBUG : level];
}

static void
write_event(int level, const struct log_field *fields, size_t n)
{
	struct line line;
	line.len = 0;
	line.json = the_log.json;
	line.full = false;
	if (the_log.target != TO_SYSLOG) { /* which writes the time itself */
		char time[CLOCK_RFC3339_SIZE];
		add_field(&line, &LOG_TEXT("time", clock_rfc3339(clock_wall_ms(), time)));
	}
	add_field(&line, &LOG_TEXT("level", level_name(level)));
	for (size_t i = 0; i < n; i++)
		if (!line.full)
			add_field(&line, &fields[i]);
	end_line(&line);
	write_line(level, &line);
}

/* Logs how many lines were lost, as soon as that can be written. */
static void
report_lost(void)
{
	int64_t lost = the_log.lost;
	if (lost == 0)
		return;
	const struct log_field fields[] = {LOG_TEXT("event", "log_lost"),
					   LOG_NUMBER("lines", lost)};
	the_log.lost = 0;
	write_event(LOG_WARNING, fields, 2);
	if (the_log.lost > 0)
		the_log.lost = lost;
}

void
log_fields(int level, const char *event, const struct log_field *fields, size_t n)
{
	struct log_field all[1 + FIELDS_MAX] = {LOG_TEXT("event", event)};
	if (level > the_log.level)
		return;
	if (n > FIELDS_MAX)
		n = FIELDS_MAX;
	if (n > 0)
		memcpy(all + 1, fields, n * sizeof *fields);
	report_lost();
	write_event(level, all, n + 1);
}

void
log_line(int level, const char *format, ...)
{
	char text[LOG_FIELD_MAX + 2];
	va_list args;
	if (level > the_log.level)
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	report_lost();
	write_event(level, &LOG_TEXT("msg", text), 1);
}

void
log_lines(int level, const char *text)
{
	for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		log_line(level, "%.*s", (int)n, text);
	}
}

/* --- Opening ------------------------------------------------------------- */

/* Whether standard error has a reader: it is open, and not /dev/null. */
static bool
stderr_is_read(void)
{
	struct stat st;
	if (fstat(STDERR_FILENO, &st) == -1)
		return false;
	return !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3);
}

static void
leave_file(void)
{
	if (the_log.target == TO_FILE)
		close(the_log.fd);
	free(the_log.path);
	the_log.path = NULL;
}

static void
use_stderr(void)
{
	struct stat st;
	leave_file();
	the_log.target = TO_STDERR;
	the_log.fd = STDERR_FILENO;
	the_log.may_block = fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode);
}

static void
use_syslog(const char *program)
{
	leave_file();
	the_log.target = TO_SYSLOG;
	openlog(program, LOG_PID, LOG_DAEMON);
}

/* Reports why not. Always false. */
static bool
refuse(struct buf *error, const char *target, const char *why)
{
	char shown[PRINTABLE_SIZE];
	printable(target, strlen(target), shown, sizeof shown);
	buf_append_cut(error, "log = %s: %s", shown, why);
	return false;
}

static bool
open_path(const char *path, struct buf *error)
{
	struct stat st;
	if (path[0] != '/')
		return refuse(error, path, "use auto, syslog or an absolute path");
	char *copy = strdup(path);
	int fd = copy == NULL ? -1 : open_file(path, &st);
	if (fd == -1) {
		refuse(error, path, strerror(errno));
		free(copy);
		return false;
	}
	use_file(fd, &st);
	free(the_log.path);
	the_log.path = copy;
	return true;
}

bool
log_open(const char *program, const char *target, int level, bool json, struct buf *error)
{
	bool automatic = strcmp(target, "auto") == 0;
	if (automatic && stderr_is_read())
		use_stderr();
	else if (automatic || strcmp(target, "syslog") == 0)
		use_syslog(program);
	else if (!open_path(target, error))
		return false;
	the_log.level = level;
	the_log.json = json;
	return true;
}
