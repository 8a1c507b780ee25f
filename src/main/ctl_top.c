/* SPDX-License-Identifier: MIT */
#include "main/ctl_top.h"

#include "app/cli.h"
#include "base/caps.h"
#include "base/clock.h"
#include "money/ledger.h"
#include "operator/status.h"
#include "operator/top.h"
#include "json/tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	REFRESH_MS = 2000,
	EVENTS = 20,
	FRAME_MAX = 256 * 1024,
};

#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J" /* the other screen, no cursor, no wrapping */
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define REST  "\033[J" /* clears what is below */

/* --- The terminal ---------------------------------------------------------- */

static volatile sig_atomic_t caught; /* the last signal; 0: none */

static void
on_signal(int number)
{
	caught = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
enum { SIGNALS = sizeof signals / sizeof *signals };

struct terminal {
	struct termios before;
	bool has_keys;   /* standard input is a terminal, too */
	sigset_t waking; /* the signal mask while it waits */
};

static void
write_out(const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, n);
		if (written < 0 && errno != EINTR)
			return;
		bytes += written < 0 ? 0 : written;
		n -= written < 0 ? 0 : (size_t)written;
	}
}

/* Keys are not shown, and arrive at once. */
static void
enter(struct terminal *t)
{
	t->has_keys = tcgetattr(STDIN_FILENO, &t->before) == 0;
	struct termios silent = t->before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	if (t->has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &silent);
	write_out(ENTER, strlen(ENTER));
}

static void
leave(const struct terminal *t)
{
	write_out(LEAVE, strlen(LEAVE));
	if (t->has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

/* They are noted only while it waits, so none is missed. */
static void
catch_signals(struct terminal *t)
{
	sigset_t blocked;
	const struct sigaction action = {.sa_handler = on_signal};
	sigemptyset(&blocked);
	for (size_t i = 0; i < SIGNALS; i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &t->waking);
}

/* Stops as Ctrl-Z asks, on the shell's screen. */
static void
suspend(struct terminal *t)
{
	leave(t);
	raise(SIGSTOP);
	enter(t);
}

static bool
is_quit_typed(void)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
	return n == 0 || (n > 0 && memchr(keys, 'q', (size_t)n) != NULL);
}

/* Until the next refresh, or a reason for one. False: it is to end. */
static bool
wait_for_refresh(struct terminal *t)
{
	const struct timespec pause = {.tv_sec = REFRESH_MS / 1000};
	struct pollfd keys = {.fd = t->has_keys ? STDIN_FILENO : -1, .events = POLLIN};
	caught = 0;
	int ready = ppoll(&keys, 1, &pause, &t->waking);
	if (caught == SIGTSTP)
		suspend(t);
	if (caught == SIGINT || caught == SIGTERM || caught == SIGHUP)
		return false;
	return ready <= 0 || !is_quit_typed();
}

/* --- What is shown ---------------------------------------------------------- */

static bool
has_colors(void)
{
	const char *no = getenv("NO_COLOR");
	return no == NULL || no[0] == '\0'; /* no-color.org */
}

static struct top_view
size_of_screen(void)
{
	struct winsize size;
	struct top_view view = {.columns = 80, .rows = 24, .is_colored = has_colors()};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
		view.columns = size.ws_col;
		view.rows = size.ws_row;
	}
	return view;
}

/* NULL: they cannot be read. */
static json_object *
read_events(const char *path, struct buf *error)
{
	struct buf text;
	buf_init(&text, RESPONSE_JSON_MAX);
	json_object *events = ledger_events(path, 0, EVENTS, &text, error)
				  ? tree_read(buf_text(&text), text.len)
				  : NULL;
	buf_free(&text);
	return events;
}

/* Fills in what is known now, and renders it. */
static bool
render(struct app *app, struct top_view *view, struct buf *out)
{
	char path[PATH_MAX];
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	state_tick(app->state, NULL);
	view->now_ms = clock_wall_ms();
	view->status = status_full(app);
	if (ledger_path(app->config->ledger, app->config->state_file, path) != NULL) {
		view->usage = ledger_usage(path, view->now_ms, 1, LEDGER_BY_PROVIDER, &error);
		view->events = read_events(path, &error);
	}
	buf_clear(out);
	bool done = view->status != NULL && top_render(view, out);
	json_object_put(view->status);
	json_object_put(view->usage);
	json_object_put(view->events);
	buf_free(&error);
	return done;
}

/* Line by line over what was there, so that nothing flickers. The last line has no end: the screen
 * would scroll. */
static bool
draw(const struct buf *lines, struct buf *frame)
{
	bool fits = true;
	buf_clear(frame);
	fits = buf_puts(frame, HOME);
	for (const char *line = buf_text(lines); fits && *line != '\0';) {
		int n = (int)strcspn(line, "\n");
		fits =
		    buf_printf(frame, "%.*s\033[K%s", n, line, line[n + 1] == '\0' ? "" : "\r\n");
		line += n + 1;
	}
	fits = fits && buf_puts(frame, REST);
	if (fits)
		write_out(frame->data, frame->len);
	return fits;
}

static bool
refresh_in_place(struct app *app, struct buf *lines, struct buf *frame)
{
	struct terminal terminal;
	bool fits = true;
	catch_signals(&terminal);
	enter(&terminal);
	do {
		struct top_view view = size_of_screen();
		fits = render(app, &view, lines) && draw(lines, frame);
	} while (fits && wait_for_refresh(&terminal));
	leave(&terminal);
	return fits;
}

static bool
print_once(struct app *app, struct buf *lines)
{
	struct top_view view = {0};
	if (!render(app, &view, lines))
		return false;
	fputs(buf_text(lines), stdout);
	return true;
}

int
ctl_top(struct app *app, bool once)
{
	const char *term = getenv("TERM");
	bool is_screen = isatty(STDOUT_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
	struct buf lines, frame;
	buf_init(&lines, FRAME_MAX);
	buf_init(&frame, 2 * FRAME_MAX);
	bool done =
	    once || !is_screen ? print_once(app, &lines) : refresh_in_place(app, &lines, &frame);
	buf_free(&lines);
	buf_free(&frame);
	return done ? EXIT_SUCCESS : cli_error("claude-router-ctl", EX_OSERR, "out of memory");
}
