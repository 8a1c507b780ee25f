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

/* Our directory, the state file in it, and another machine's. */
static char top[64], path[128], path_there[128];

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
open_at(const char *at)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = state_open(at, &error);
	must(state != NULL, buf_text(&error));
	buf_free(&error);
	return state;
}

static struct state *
open_state(void)
{
	return open_at(path);
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
		must(unlink(state_path(*state)) == 0, "unlink");
		state_tick(*state, NULL);
		return '\0';
	}
}

/* What is there: then[] of a row. */
static void
describe(const struct state *state, int64_t now_ms, char then[static 8])
{
	struct drill d;
	snprintf(then, 8, "%s", "");
	if (state_drill(state, now_ms, &d))
		snprintf(then, 8, "%u%c", d.left,
			 d.until_ms == 0       ? '-'
			 : d.until_ms > now_ms ? 'P'
					       : 'D');
}

static void
check_row(const struct row *row)
{
	char results[32] = "", then[8], name[160];
	size_t n = 0;
	int64_t now_ms = NOW_MS;
	uint32_t id[2] = {0, 1};
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
	describe(state, now_ms, then);
	snprintf(name, sizeof name, "%s: results", row->name);
	TAP_STR(name, results, row->results);
	snprintf(name, sizeof name, "%s: then", row->name);
	TAP_STR(name, then, row->then);
	state_close(state);
}

/* ---- Several machines ----------------------------------------------------------- */

/* As above, each step with the machine before it, 0 or 1; and what they tell of the latest drill:
 *     >  0 tells 1     <  1 tells 0     =  both     o  1 tells what 0 knew at the last >
 * then: what is there on each. */
static const struct row shared_rows[] = {
    {"none", "=", "", "|"},
    {"one that begins", "0b3 >", "b", "3-|3-"},
    {"of which each takes", "0b3 > 1t < 0t >", "b11", "1-|1-"},
    {"and both at once", "0b3 > 0t 1t =", "b11", "2-|2-"},
    {"one at a time", "0b3 > 1b2", "br", "3-|3-"},
    {"a pause", "0b1 > 1t 1p <", "b11", "0P|0P"},
    {"of which the later holds", "0b2 > 0t 0p f10 1t 1p = f55", "b1111", "1P|1P"},
    {"a probe ends it", "0b2 > 0t 0p > f61 1r <", "b111", "1-|1-"},
    {"once", "0b2 > 0t 0p > f61 1r < 0r", "b1110", "1-|1-"},
    {"and the next pause is one", "0b3 > 0t 0p > f61 1r < 1t 1p <", "b11111", "1P|1P"},
    {"a late word of it makes none", "0b2 0t 0p > f61 0r > o", "b111", "1-|1-"},
    {"the last probe ends it", "0b1 > 0t 0p > f61 1r <", "b111", "|"},
    {"so does stop", "0b3 > 1s <", "b1", "|"},
    {"and a reload", "0b3 > 1l <", "b", "|"},
    {"and it stays ended", "0b3 > 1s > <", "b1", "|"},
    {"with its time it ends by itself", "0b3 > f601 =", "b", "|"},
    {"then it is no news", "0b3 f601 >", "b", "|"},
    {"a machine with a new file has it again", "1b3 < 0g <", "b", "3-|3-"},
    {"of two the later holds", "0b2 f1 1b3 =", "bb", "3-|3-"},
    {"who knows of one begins a later one", "0b2 > 0s 0b3 = 1s 1b1 =", "b1b1b", "1-|1-"},
    {"by whatever clock", "0b2 > f-9 0s 0b3 =", "b1b", "3-|3-"},
    {"a later one that has ended ends the earlier", "0b2 f1 1b3 1s <", "bb1", "|"},
    {"the next conversation", "0n3 > 0B5 > 1t", "b11", "3-|2-"},
    {"is one for both", "0n3 > 0B5 1B4 = 1B5 0B4", "b1101", "3-|3-"},
    {"of which a late word comes first", "0b3 > 0s 1g > o", "b1", "|"},
    {"one that ends too late by the clock here", "0b3 > 1g f-3001 o", "b", "|3-"},
};

static void
tell(const struct drill *latest, bool is_known, struct state *other, int64_t now_ms)
{
	if (is_known)
		state_drill_merge(other, now_ms, latest);
}

static void
check_shared_row(const struct row *row)
{
	char results[32] = "", then[2][8], name[160], both[17];
	size_t n = 0;
	int64_t now_ms = NOW_MS;
	uint32_t id[2] = {0, 1};
	struct drill late = {0};
	unlink(path);
	unlink(path_there);
	struct state *states[] = {open_at(path), open_at(path_there)};
	for (const char *step = row->steps; *step != '\0'; step += strcspn(step, " ")) {
		step += *step == ' ';
		struct drill latest[2];
		bool is_known[2];
		for (size_t i = 0; i < 2; i++)
			is_known[i] = state_drill_latest(states[i], now_ms, &latest[i]);
		if (*step == '>' || *step == '=')
			tell(&latest[0], is_known[0], states[1], now_ms);
		if (*step == '<' || *step == '=')
			tell(&latest[1], is_known[1], states[0], now_ms);
		if (*step == '>' && late.id == 0)
			late = latest[0];
		if (*step == 'o')
			tell(&late, true, states[1], now_ms);
		if (*step == 'f')
			now_ms += strtol(step + 1, NULL, 10) * SECOND;
		if (*step != '0' && *step != '1')
			continue;
		results[n] =
		    apply(&states[*step - '0'], step[1], strtol(step + 2, NULL, 10), &now_ms, id);
		n += results[n] != '\0';
	}
	for (size_t i = 0; i < 2; i++) {
		describe(states[i], now_ms, then[i]);
		state_close(states[i]);
	}
	snprintf(both, sizeof both, "%s|%s", then[0], then[1]);
	snprintf(name, sizeof name, "machines: %s: results", row->name);
	TAP_STR(name, results, row->results);
	snprintf(name, sizeof name, "machines: %s: then", row->name);
	TAP_STR(name, both, row->then);
}

/* What is told of two drills, of which the second is the later one. */
#define TOLD(number, is_left, whose, paused_until, is_back)                                        \
	{                                                                                          \
		.id = (number), .begun_s = 100 + (number), .requests = 9, .left = (is_left),       \
		.scope = (whose), .pause_ms = (paused_until),                                      \
		.until_ms = (is_back) ? 0 : (paused_until)                                         \
	}
static const struct drill told[] = {
    TOLD(1, 1, 3, 90, true), TOLD(2, 9, 0, 0, false),  TOLD(2, 8, 7, 50, false),
    TOLD(2, 7, 6, 50, true), TOLD(2, 8, 7, 60, false), {.id = 1, .begun_s = 101, .has_ended = true},
};

/* Joins them in each order, all n of which are left in rest; counts what came of it. */
static void
join_all(struct drill is, unsigned rest, unsigned counts[static 2])
{
	if (rest == 0) {
		counts[0]++;
		counts[1] += is.id == 2 && is.left == 7 && is.scope == 6 && is.pause_ms == 60 &&
			     is.until_ms == 60 && !is.has_ended;
		for (size_t i = 0; i < TAP_COUNT(told); i++)
			counts[1] -= drill_join(&is, &told[i]); /* again: no news */
	}
	for (size_t i = 0; i < TAP_COUNT(told); i++) {
		struct drill joined = is;
		if ((rest >> i & 1) == 0)
			continue;
		drill_join(&joined, &told[i]);
		join_all(joined, rest & ~(1U << i), counts);
	}
}

static void
check_orders(void)
{
	unsigned counts[2] = {0, 0};
	join_all((struct drill){0}, (1U << TAP_COUNT(told)) - 1, counts);
	TAP_INT("in so many orders", counts[0], 720);
	TAP_INT("the same comes of it", counts[1], 720);
	struct drill ended = told[TAP_COUNT(told) - 1];
	TAP_OK("to one that has ended nothing is news", !drill_join(&ended, &told[0]));
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
	snprintf(path_there, sizeof path_there, "%s/there", top);
	for (size_t i = 0; i < TAP_COUNT(covered); i++)
		check_covered(&covered[i]);
	for (size_t i = 0; i < TAP_COUNT(responses); i++)
		check_response(&responses[i]);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	for (size_t i = 0; i < TAP_COUNT(shared_rows); i++)
		check_shared_row(&shared_rows[i]);
	check_orders();
	struct shared *shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	for (int i = 0; i < ROUNDS; i++)
		check_together(shared, i % 2 == 1);
	munmap(shared, sizeof *shared);
	unlink(path);
	unlink(path_there);
	snprintf(path, sizeof path, "%s/log", top);
	unlink(path);
	rmdir(top);
	return tap_finish();
}
