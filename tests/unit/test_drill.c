/* SPDX-License-Identifier: MIT */
/* The drill (BEHAVIOUR.md 13): whom it covers and which attempt it answers; its place in the state
 * file, step by step; and that real processes, of which some are killed, never take more requests
 * together than there are. */
#include "base/caps.h"
#include "base/log.h"
#include "route/drill.h"
#include "route/verdict.h"
#include "state/drill.h"
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795460400000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

static char top[64], path[128]; /* our directory, and the state file in it */

static void
must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "test_drill: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- Whom it covers, and which attempt it answers --------------------------- */

/* What is true of a request and its attempt, as letters:
 *     s  its session is the scope       c  its client key is       t  a user turn (and a message)
 *     m  a message                      x  it streams              C  Claude Code
 *     o  another provider               S  a stored credential     p  really paused
 *     l  no other provider is left      n  it names no session */
static const struct covered {
	int line;
	const char *name;
	enum drill_kind kind;
	bool has_scope;
	unsigned left;
	const char *traits;
	const char *then; /* c(overed), b(egun with); a(nswered) */
} covered[] = {
    {__LINE__, "its conversation", DRILL_LIMIT, true, 1, "st", "ca"},
    {__LINE__, "its client key", DRILL_LIMIT, true, 1, "ct", "ca"},
    {__LINE__, "another one", DRILL_LIMIT, true, 1, "t", ""},
    {__LINE__, "one without a name", DRILL_LIMIT, true, 1, "nt", ""},
    {__LINE__, "in its tool loop, too", DRILL_LIMIT, true, 1, "sm", "ca"},
    {__LINE__, "not its side calls and counts", DRILL_LIMIT, true, 1, "s", "c"},
    {__LINE__, "the next one, when its user speaks", DRILL_LIMIT, false, 1, "t", "ba"},
    {__LINE__, "not in its tool loop", DRILL_LIMIT, false, 1, "m", ""},
    {__LINE__, "and not one without a name", DRILL_LIMIT, false, 1, "nt", ""},
    {__LINE__, "none is left", DRILL_LIMIT, true, 0, "st", "c"},
    {__LINE__, "another provider", DRILL_LIMIT, true, 1, "sto", "c"},
    {__LINE__, "what is really paused stays so", DRILL_LIMIT, true, 1, "stp", "c"},
    {__LINE__, "nobody could take over", DRILL_LIMIT, true, 1, "stl", "c"},
    {__LINE__, "busy", DRILL_BUSY, true, 1, "stx", "ca"},
    {__LINE__, "down", DRILL_DOWN, true, 1, "stx", "ca"},
    {__LINE__, "a stored credential is rejected", DRILL_REFUSED, true, 1, "stS", "ca"},
    {__LINE__, "a client's own never", DRILL_REFUSED, true, 1, "st", "c"},
    {__LINE__, "Claude Code continues a broken stream", DRILL_CUT, true, 1, "stxC", "ca"},
    {__LINE__, "others could not", DRILL_CUT, true, 1, "stx", "c"},
    {__LINE__, "a broken message is asked for again", DRILL_CUT, true, 1, "st", "ca"},
};

static void
check_covered(const struct covered *c)
{
#define HAS(trait) (strchr(c->traits, trait) != NULL)
	const struct drill drill = {.id = 1,
				    .kind = c->kind,
				    .provider = 7,
				    .scope = c->has_scope ? 100 : 0,
				    .requests = 1,
				    .left = c->left,
				    .rest_ms = MINUTE,
				    .ends_ms = NOW_MS + MINUTE};
	const struct drill_request request = {
	    .session = HAS('n')   ? 0
		       : HAS('s') ? 100
				  : 101,
	    .client = HAS('c') ? 100 : 0,
	    .is_user_turn = HAS('t'),
	    .is_message = HAS('t') || HAS('m'),
	    .streams = HAS('x'),
	    .claude_code = HAS('C'),
	};
	const struct drill_attempt attempt = {
	    .provider = HAS('o') ? 8 : 7,
	    .stored = HAS('S'),
	    .is_paused = HAS('p'),
	    .others_ready = !HAS('l'),
	};
	char then[4] = "", *at = then;
	bool covers = drill_covers(&drill, &request);
	bool begins = drill_may_begin_with(&drill, &request);
	if (covers)
		*at++ = 'c';
	if (begins)
		*at++ = 'b';
	if ((covers || begins) && drill_answers(&drill, &request, &attempt))
		*at++ = 'a';
	TAP_STR_AT(c->line, c->name, then, c->then);
#undef HAS
}

/* ---- What the verdict makes of its response ----------------------------------- */

static const struct response_row {
	const char *name;
	enum drill_kind kind;
	bool reports_quota, streams;
	const char *verdict; /* and retry */
	enum pause_kind pause;
} responses[] = {
    {"limit of a plan", DRILL_LIMIT, true, true, "cool", PAUSE_NAMED},
    {"limit of a key", DRILL_LIMIT, false, true, "cool", PAUSE_TIMED},
    {"busy", DRILL_BUSY, true, true, "cool retry", PAUSE_SHORT},
    {"down", DRILL_DOWN, true, true, "cool retry", PAUSE_SHORT},
    {"refused", DRILL_REFUSED, true, false, "bench", PAUSE_BENCH},
    {"cut JSON", DRILL_CUT, true, false, "cool retry", PAUSE_SHORT},
};

static void
check_response(const struct response_row *row)
{
	const struct drill drill = {.id = 1, .kind = row->kind, .rest_ms = MINUTE};
	const struct drill_form form = {
	    .reports_quota = row->reports_quota, .streams = row->streams, .now_ms = NOW_MS};
	struct drill_response r;
	struct response head;
	must(drill_respond(&drill, &form, &r), "drill_respond");
	response_init(&head);
	for (const char *line = buf_text(&r.head), *end; (end = strchr(line, '\n')) != NULL;
	     line = end + 1)
		response_line(&head, line, (size_t)(end + 1 - line), NOW_MS, HIDE_NOTHING);
	const struct evidence evidence = {.ending = r.ending,
					  .response = &head,
					  .body = buf_text(&r.body),
					  .body_len = r.body.len,
					  .asked = ASKED_MESSAGE,
					  .wants_stream = row->streams,
					  .others_ready = true,
					  .is_authority = true,
					  .stored = true,
					  .cooldown_ms = 5 * MINUTE,
					  .now_ms = NOW_MS};
	struct verdict v = verdict_judge(&evidence);
	char got[32];
	snprintf(got, sizeof got, "%s%s", verdict_name(v.kind), v.retry ? " retry" : "");
	TAP_STR(row->name, got, row->verdict);
	TAP_INT(row->name, v.pause, row->pause);
	response_fini(&head);
	drill_response_fini(&r);
}

/* ---- In the state file ----------------------------------------------------------- */

static struct state *
open_state(void)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = state_open(path, &error);
	must(state != NULL, buf_text(&error));
	buf_free(&error);
	return state;
}

static enum drill_begun
begin(struct state *state, int64_t now_ms, unsigned requests, uint64_t scope, struct drill *drill)
{
	*drill = (struct drill){.kind = DRILL_LIMIT,
				.provider = 7,
				.scope = scope,
				.requests = requests,
				.rest_ms = MINUTE,
				.ends_ms = now_ms + 10 * MINUTE};
	return state_drill_begin(state, now_ms, drill);
}

/* What is done in order, in a file of its own, by one process: a letter and a number.
 *     b2  begin, of 2 requests     n2  the same, without a scope   B5  bind it to 5
 *     t   take      p  pause       r  return       s  stop         o  take, pause and return with
 *     f30 30 seconds go by                                            the id of the drill before
 *     l   a reload is asked for    g  the file is made anew
 * what each returned (0, 1; b: b(egun), r(uns); f, l, g: nothing), and what is then there: its left,
 * and whether the provider is paused (P), due (D) or ready (-); "": no drill. */
static const struct row {
	const char *name, *steps, *results, *then;
} rows[] = {
    {"none runs", "t p r s", "0000", ""},
    {"one begins", "b3", "b", "3-"},
    {"one at a time", "b3 b2", "br", "3-"},
    {"each request is taken once", "b2 t t t", "b110", "0-"},
    {"a pause", "b1 t p", "b11", "0P"},
    {"which is longer after a second answer, and no news", "b2 t t p f10 p f55", "b1110", "0P"},
    {"and is over", "b1 t p f61", "b11", "0D"},
    {"a probe ends it, and the drill", "b1 t p f61 r r", "b1110", ""},
    {"but not before its time", "b1 t p r", "b110", "0P"},
    {"with requests left it goes on", "b2 t p f61 r t p", "b11111", "0P"},
    {"it ends by its time", "b2 t p f601", "b11", ""},
    {"which another one may follow", "b2 f601 b1", "bb", "1-"},
    {"by a clock that was set back", "b2 f-7200", "b", ""},
    {"by stop", "b2 t s s t", "b1100", ""},
    {"by a reload", "b2 t l", "b1", ""},
    {"with its file", "b2 g", "b", ""},
    {"the next conversation's", "n1 B5 B6 B5", "b101", "1-"},
    {"what a late writer says of another drill counts for nothing", "b2 s b2 o", "b1b000", "2-"},
    {"and ends no pause", "b2 s b2 t p f61 o", "b1b11000", "1D"},
};

/* Applies one step; returns its result, or NUL. */
static char
apply(struct state **state, char step, long number, int64_t *now_ms, uint32_t id[static 2])
{
	struct drill d;
	enum drill_begun begun;
	switch (step) {
	case 'b':
	case 'n':
		begun = begin(*state, *now_ms, (unsigned)number, step == 'b' ? 100 : 0, &d);
		if (begun == DRILL_BEGUN) {
			id[0] = id[1];
			id[1] = d.id;
		}
		return begun == DRILL_BEGUN ? 'b' : begun == DRILL_RUNS ? 'r' : 'c';
	case 'B':
		state_drill(*state, *now_ms, &d);
		return state_drill_bind(*state, &d, (uint64_t)number) ? '1' : '0';
	case 't':
		return state_drill_take(*state, id[1]) ? '1' : '0';
	case 'p':
		return state_drill_rest(*state, id[1], *now_ms, *now_ms + MINUTE) ? '1' : '0';
	case 'r':
		return state_drill_return(*state, id[1], *now_ms) ? '1' : '0';
	case 's':
		return state_drill_stop(*state, 0) ? '1' : '0';
	case 'f':
		*now_ms += number * SECOND;
		return '\0';
	case 'l':
		must(state_reload_request(*state), "state_reload_request");
		return '\0';
	default:
		must(unlink(path) == 0, "unlink");
		state_tick(*state, NULL);
		return '\0';
	}
}

static void
check_row(const struct row *row)
{
	char results[32] = "", then[8] = "", name[160];
	size_t n = 0;
	int64_t now_ms = NOW_MS;
	uint32_t id[2] = {0, 1};
	struct drill d;
	unlink(path);
	struct state *state = open_state();
	for (const char *step = row->steps; *step != '\0'; step += strcspn(step, " ")) {
		step += *step == ' ';
		long number = strtol(step + 1, NULL, 10);
		uint32_t before[2] = {id[0], id[0]};
		if (*step == 'o')
			for (const char *late = "tpr"; *late != '\0'; late++)
				results[n++] = apply(&state, *late, 0, &now_ms, before);
		else if ((results[n] = apply(&state, *step, number, &now_ms, id)) != '\0')
			n++;
	}
	if (state_drill(state, now_ms, &d))
		snprintf(then, sizeof then, "%u%c", d.left,
			 d.until_ms == 0       ? '-'
			 : d.until_ms > now_ms ? 'P'
					       : 'D');
	snprintf(name, sizeof name, "%s: results", row->name);
	TAP_STR(name, results, row->results);
	snprintf(name, sizeof name, "%s: then", row->name);
	TAP_STR(name, then, row->then);
	state_close(state);
}

/* ---- Several processes -------------------------------------------------------- */

enum { PROCESSES = 4, REQUESTS = 20, ROUNDS = 12 };

/* Takes what it can, and counts it. */
static void
take_all(_Atomic unsigned *taken, _Atomic bool *go)
{
	struct state *state = open_state();
	struct drill d;
	while (!*go)
		sched_yield();
	while (state_drill(state, NOW_MS, &d) && d.left > 0)
		if (state_drill_take(state, d.id))
			(*taken)++;
	state_close(state);
	_exit(0);
}

struct shared {
	_Atomic unsigned taken;
	_Atomic bool go;
};

/* One drill, one count. A process that is killed may have taken one and not counted it. */
static void
check_together(struct shared *shared, bool kills)
{
	struct state *state = open_state();
	struct drill d;
	pid_t pids[PROCESSES];
	shared->taken = 0;
	shared->go = false;
	state_drill_stop(state, 0);
	must(begin(state, NOW_MS, REQUESTS, 100, &d) == DRILL_BEGUN, "begin");
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		must(pids[i] >= 0, "fork");
		if (pids[i] == 0)
			take_all(&shared->taken, &shared->go);
	}
	shared->go = true;
	if (kills)
		kill(pids[0], SIGKILL);
	for (int i = 0; i < PROCESSES; i++)
		waitpid(pids[i], NULL, 0);
	unsigned least = REQUESTS - kills;
	state_drill(state, NOW_MS, &d);
	TAP_ROW("so many are taken, and never one more",
		shared->taken <= REQUESTS && shared->taken >= least && d.left == 0,
		"expected: %u to %d, none left; got %u and %u", least, REQUESTS, shared->taken,
		d.left);
	state_close(state);
}

int
main(int argc, char **argv)
{
	struct buf error;
	tap_start("drill", argc, argv);
	snprintf(top, sizeof top, "%s/test_drill.XXXXXX", "/tmp");
	must(mkdtemp(top) != NULL, "mkdtemp");
	snprintf(path, sizeof path, "%s/log", top);
	buf_init(&error, ERROR_TEXT_MAX);
	must(log_open("test_drill", path, LOG_DEBUG, false, &error), "log_open");
	snprintf(path, sizeof path, "%s/state", top);
	for (size_t i = 0; i < TAP_COUNT(covered); i++)
		check_covered(&covered[i]);
	for (size_t i = 0; i < TAP_COUNT(responses); i++)
		check_response(&responses[i]);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	struct shared *shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	for (int i = 0; i < ROUNDS; i++)
		check_together(shared, i % 2 == 1);
	munmap(shared, sizeof *shared);
	unlink(path);
	snprintf(path, sizeof path, "%s/log", top);
	unlink(path);
	rmdir(top);
	return tap_finish();
}
