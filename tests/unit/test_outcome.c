/* SPDX-License-Identifier: MIT */
/* outcome: what a verdict changes in the state, and which sentence the operator reads. Each row has
 * a provider of its own, p, with two accounts, a and b. */
#include "route/outcome.h"

#include "base/clock.h"
#include "base/log.h"
#include "tap.h"

#include <fnmatch.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

enum { OPUS = 77, STEPS = 3, HOUR = 3600 * 1000 };

static char dir[] = "/tmp/test_outcome.XXXXXX";
static char log_file[sizeof dir + sizeof "/log"], state_file[sizeof dir + sizeof "/state"];
static struct app app;

/* One judged attempt. */
struct step {
	char account; /* '\0': no more steps */
	enum verdict_kind kind;
	int status;
	enum pause_kind pause; /* for an hour */
	enum scope scope;
	bool throttled;
	bool is_probe;       /* record what a probe's first bytes mean, no more */
	int64_t began_in_ms; /* from now; a success must begin after what it ends */
	/* Of a window that resets in an hour. p leaves at 5h=98%. */
	const char *window;
	uint32_t used;
	uint64_t person;   /* 0: unknown */
	const char *label; /* of one of several stored credentials; NULL: it is the only one */
};

#define OK(account)                                                                                \
	{                                                                                          \
		account, VERDICT_PASS, 200, .began_in_ms = 5000                                    \
	}
#define OLD_OK(account)                                                                            \
	{                                                                                          \
		account, VERDICT_PASS, 200, .began_in_ms = -5000                                   \
	}
#define PROBE_OK(account)                                                                          \
	{                                                                                          \
		account, VERDICT_PASS, 200, .is_probe = true, .began_in_ms = 5000                  \
	}
#define USED(account, name, permille, who)                                                         \
	{                                                                                          \
		account, VERDICT_PASS, 200, .began_in_ms = 5000, .window = name, .used = permille, \
					    .person = who                                          \
	}
#define LIMIT(account)                                                                             \
	{                                                                                          \
		account, VERDICT_COOL, 429, PAUSE_NAMED                                            \
	}
#define BUSY(account)                                                                              \
	{                                                                                          \
		account, VERDICT_COOL, 503, PAUSE_SHORT, SCOPE_SPREADING                           \
	}
#define THROTTLED(account)                                                                         \
	{                                                                                          \
		account, VERDICT_COOL, 429, PAUSE_SHORT, SCOPE_ACCOUNT, true                       \
	}

static const struct {
	int line;
	const char *name;
	struct step steps[STEPS];
	const char *states; /* of everybody, a, a's opus, b: ready, Paused, Benched, - unknown */
	unsigned failures, failovers;
	const char *log; /* all sentences, as a pattern of fnmatch(3) */
} rows[] = {
    {__LINE__, "a success", {OK('a')}, "-r--", 0, 0, ""},
    {__LINE__, "an error that only moves on", {{'a', VERDICT_HOP, 500}}, "-r--", 1, 0, ""},
    {__LINE__, "an error for the client", {{'a', VERDICT_PASS, 400}}, "-r--", 1, 0, ""},
    {__LINE__,
     "a client's own credential that is rejected leaves no record",
     {{'a', VERDICT_PASS, 401}},
     "----",
     1,
     0,
     ""},
    {__LINE__, "a limit", {LIMIT('a')}, "-P--", 1, 1, "p is paused until * (why)\n"},
    {__LINE__,
     "of a model's family",
     {{'a', VERDICT_COOL, 429, PAUSE_NAMED, SCOPE_FAMILY}},
     "--P-",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "of everybody",
     {{'a', VERDICT_COOL, 0, PAUSE_SHORT, SCOPE_EVERYBODY}},
     "P---",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "paid usage counts as the limit",
     {{'a', VERDICT_PASS, 200, PAUSE_NAMED}},
     "-P--",
     0,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "a rejected credential",
     {{'a', VERDICT_BENCH, 401, PAUSE_BENCH}},
     "-B--",
     1,
     1,
     "p rejects its credential (why); tried again at *\n"},
    {__LINE__,
     "the same limit again is no news",
     {LIMIT('a'), LIMIT('a')},
     "-P--",
     2,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "a limit of each account",
     {LIMIT('a'), LIMIT('b')},
     "-P-P",
     2,
     2,
     "p is paused until * (why)\np is paused until * (why)\n"},
    {__LINE__, "trouble of one account", {BUSY('a')}, "-P--", 1, 1, "p is paused until * (why)\n"},
    {__LINE__,
     "of two within a minute: of everybody",
     {BUSY('b'), BUSY('a')},
     "PP-P",
     2,
     3,
     "p is paused until * (why)\np is paused until * (why)\np is paused until * (why)\n"},
    {__LINE__,
     "but not when the other one sent too much",
     {THROTTLED('b'), BUSY('a')},
     "-P-P",
     2,
     2,
     "p is paused until * (why)\np is paused until * (why)\n"},
    {__LINE__,
     "nor when it has reached its limit",
     {LIMIT('b'), BUSY('a')},
     "-P-P",
     2,
     2,
     "p is paused until * (why)\np is paused until * (why)\n"},
    {__LINE__,
     "a newer request's success ends a pause",
     {LIMIT('a'), OK('a')},
     "-r--",
     1,
     1,
     "p is paused until * (why)\np is available again\n"},
    {__LINE__,
     "an older one's does not",
     {LIMIT('a'), OLD_OK('a')},
     "-P--",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "nor does another account's",
     {LIMIT('a'), OK('b')},
     "-P-r",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "it ends that of everybody",
     {{'a', VERDICT_COOL, 0, PAUSE_SHORT, SCOPE_EVERYBODY}, OK('b')},
     "r--r",
     1,
     1,
     "p is paused until * (why)\np is available again\n"},
    {__LINE__,
     "and that of the family that was served",
     {{'a', VERDICT_COOL, 429, PAUSE_NAMED, SCOPE_FAMILY}, OK('a')},
     "-rr-",
     1,
     1,
     "p is paused until * (why)\np is available again\n"},
    {__LINE__,
     "a probe's first bytes end it, too",
     {LIMIT('a'), PROBE_OK('a')},
     "-r--",
     1,
     1,
     "p is paused until * (why)\np is available again\n"},
    {__LINE__,
     "a success ends a bench",
     {{'a', VERDICT_BENCH, 401, PAUSE_BENCH}, OK('a')},
     "-r--",
     1,
     1,
     "p rejects its credential (why); tried again at *\np is available again\n"},

    /* Several stored credentials */
    {__LINE__,
     "a limit of one of several",
     {{'a', VERDICT_COOL, 429, PAUSE_NAMED, .label = "work"}},
     "-P--",
     1,
     1,
     "p.work is paused until * (why)\n"},
    {__LINE__,
     "of the one without a label",
     {{'a', VERDICT_COOL, 429, PAUSE_NAMED, .label = ""}},
     "-P--",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "one of several is rejected, and replaced",
     {{'a', VERDICT_BENCH, 401, PAUSE_BENCH, .label = "work"},
      {'a', VERDICT_PASS, 200, .began_in_ms = 5000, .label = "work"}},
     "-r--",
     1,
     1,
     "p.work rejects its credential (why); tried again at *\np.work is available again\n"},
    {__LINE__,
     "trouble with one of several is everybody's at once",
     {{'a', VERDICT_COOL, 503, PAUSE_SHORT, SCOPE_SPREADING, .label = "work"}},
     "P---",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "which a success of another one ends",
     {{'a', VERDICT_COOL, 503, PAUSE_SHORT, SCOPE_SPREADING, .label = "work"},
      {'b', VERDICT_PASS, 200, .began_in_ms = 5000, .label = "home"}},
     "r--r",
     1,
     1,
     "p is paused until * (why)\np is available again\n"},

    /* Quota windows */
    {__LINE__, "a window with room", {USED('a', "5h", 799, 0)}, "-r--", 0, 0, ""},
    {__LINE__,
     "80 % of a window",
     {USED('a', "5h", 800, 0)},
     "-r--",
     0,
     0,
     "p: 80 % of the 5-hour window used, begins anew ??:??\n"},
    {__LINE__,
     "only 95 %, when both are passed",
     {USED('a', "7d", 960, 0)},
     "-r--",
     0,
     0,
     "p: 95 % of the 7-day window used, begins anew ??:??\n"},
    {__LINE__,
     "each once",
     {USED('a', "5h", 810, 0), USED('a', "5h", 820, 0), USED('a', "5h", 955, 0)},
     "-r--",
     0,
     0,
     "p: 80 % of the 5-hour window used, begins anew ??:??\np: 95 % of the 5-hour window used, "
     "begins "
     "anew ??:??\n"},
    {__LINE__,
     "of a family",
     {USED('a', "7d_opus", 800, 0)},
     "-r--",
     0,
     0,
     "p: 80 % of the 7-day opus window used, begins anew ??:??\n"},
    {__LINE__,
     "of another kind",
     {USED('a', "30m", 800, 0)},
     "-r--",
     0,
     0,
     "p: 80 % of the 30m window used, begins anew ??:??\n"},
    {__LINE__,
     "two people",
     {USED('a', "5h", 800, 1), USED('b', "5h", 800, 2)},
     "-r-r",
     0,
     0,
     "p: 80 %*\np: 80 %*\n"},
    {__LINE__,
     "one person's next login",
     {USED('a', "5h", 800, 1), USED('b', "5h", 810, 1)},
     "-r-r",
     0,
     0,
     "p: 80 % of the 5-hour window used, begins anew ??:??\n"},
    {__LINE__,
     "a window that rejects is its pause's",
     {{'a', VERDICT_COOL, 429, PAUSE_NAMED, .window = "!5h", .used = 1000}},
     "-P--",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "a family's pause knows no account's windows",
     {{'a', VERDICT_COOL, 429, PAUSE_NAMED, SCOPE_FAMILY, .window = "5h", .used = 850}},
     "--P-",
     1,
     1,
     "p is paused until * (why)\n"},
    {__LINE__,
     "leaving early",
     {USED('a', "5h", 960, 0), USED('a', "5h", 980, 0), USED('a', "5h", 990, 0)},
     "-r--",
     0,
     1,
     "p: 95 %*\np is spared (5h 98 % ≥ 98 %), until ??:??\n"},
    {__LINE__,
     "one person's next login leaves once",
     {USED('a', "5h", 980, 1), USED('b', "5h", 980, 1)},
     "-r-r",
     0,
     1,
     "p: 95 %*\np is spared (5h 98 % ≥ 98 %), until ??:??\n"},
};

/* The sentences logged since the last call, a line each. */
static const char *
logged(void)
{
	static char out[4096];
	char line[1024];
	size_t n = 0;
	FILE *file = fopen(log_file, "r");
	out[0] = '\0';
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *text = strstr(line, "msg=\""), *end = strrchr(line, '"');
		if (text == NULL || end < text + 5)
			continue;
		*end = '\0';
		n += (size_t)snprintf(out + n, sizeof out - n, "%s\n", text + 5);
	}
	if (file == NULL || fclose(file) != 0 || truncate(log_file, 0) == -1)
		abort();
	return out;
}

/* --- Rows ------------------------------------------------------------- */

static struct health_key
key_of(const struct provider *p, uint64_t account, uint64_t family)
{
	return (struct health_key){.provider = p->id, .account = account, .family = family};
}

static void
take(const struct provider *p, const struct step *s)
{
	int64_t now_ms = clock_wall_ms();
	struct response response = {.status = s->status, .n_windows = s->window != NULL};
	if (s->window != NULL) {
		struct health_window *w = &response.windows[0];
		w->rejected = s->window[0] == '!';
		snprintf(w->name, sizeof w->name, "%s", s->window + w->rejected);
		w->permille = s->used;
		w->reset_ms = now_ms + HOUR;
	}
	const struct verdict verdict = {.kind = s->kind,
					.status = s->status,
					.pause = s->pause,
					.scope = s->scope,
					.family = OPUS,
					.until_ms = now_ms + HOUR,
					.throttled = s->throttled,
					.why = "why"};
	const struct outcome outcome = {.provider = p,
					.key = key_of(p, (uint64_t)s->account, 0),
					.family = OPUS,
					.began_ms = now_ms + s->began_in_ms,
					.label = s->label,
					.is_pooled = s->label != NULL,
					.kin = {.person = s->person},
					.response = &response,
					.verdict = &verdict};
	if (s->is_probe)
		outcome_probe_served(&app, &outcome);
	else
		outcome_record(&app, &outcome);
}

static char
letter_of(const struct provider *p, uint64_t account, uint64_t family)
{
	static const char letters[] = {
	    [HEALTH_READY] = 'r', [HEALTH_IS_PAUSED] = 'P', [HEALTH_BENCHED] = 'B'};
	const struct health_key key = key_of(p, account, family);
	struct health h;
	if (!state_health(app.state, &key, &h))
		return '-';
	return letters[health_state(&h, clock_wall_ms())];
}

static struct provider
provider_of(size_t row)
{
	return (struct provider){
	    .name = "p", .id = 100 + row, .paid = true, .leave_at = {{"5h", 980}}, .n_leave_at = 1};
}

static void
check_row(size_t i)
{
	const struct provider p = provider_of(i);
	struct summary before, after;
	state_summary(app.state, &before);
	for (const struct step *s = rows[i].steps; s < rows[i].steps + STEPS && s->account; s++)
		take(&p, s);
	state_summary(app.state, &after);
	const char states[] = {letter_of(&p, 0, 0), letter_of(&p, 'a', 0), letter_of(&p, 'a', OPUS),
			       letter_of(&p, 'b', 0), '\0'};
	uint64_t failures = state_counted(app.state, p.id, COUNT_FAILURES);
	uint64_t failovers = after.failover_count - before.failover_count;
	const char *log = logged();
	TAP_ROW_AT(rows[i].line, rows[i].name,
		   strcmp(states, rows[i].states) == 0 && failures == rows[i].failures &&
		       failovers == rows[i].failovers && fnmatch(rows[i].log, log, 0) == 0,
		   "expected %s, %u failures, %u failovers, log:\n%s\ngot %s, %u, %u, log:\n%s",
		   rows[i].states, rows[i].failures, rows[i].failovers, rows[i].log, states,
		   (unsigned)failures, (unsigned)failovers, log);
}

/* --- Who serves now, and what it costs ------------------------------------ */

static void
check_serving(void)
{
	struct provider paid = {.name = "paid", .id = 50, .paid = true};
	struct provider plan = {.name = "plan", .id = 51};
	const struct response response = {.status = 200};
	const struct verdict limit = {
	    .kind = VERDICT_COOL, .pause = PAUSE_NAMED, .until_ms = clock_wall_ms() + HOUR};
	struct outcome by_paid = {.provider = &paid,
				  .key = key_of(&paid, 'a', 0),
				  .began_ms = clock_wall_ms() - 5000,
				  .response = &response,
				  .verdict = &limit};
	struct outcome by_plan = by_paid;
	by_plan.provider = &plan;
	by_plan.key = key_of(&plan, 'a', 0);
	static const char sentence[] =
	    "requests now go to paid, which costs money: billed to your paid account\n";
	outcome_serving(&app, &by_plan, false);
	TAP_STR("the plan serves: nothing to say", logged(), "");
	outcome_serving(&app, &by_paid, true);
	TAP_STR("a paid provider serves: said", logged(), sentence);
	outcome_serving(&app, &by_paid, true);
	TAP_STR("once", logged(), "");
	outcome_serving(&app, &by_plan, false);
	outcome_serving(&app, &by_paid, false);
	TAP_STR("by the client's own credential: not said", logged(), "");
	outcome_serving(&app, &by_plan, false);
	outcome_record(&app, &by_paid);
	logged();
	outcome_serving(&app, &by_paid, true);
	TAP_STR("one that was paused since is not the one that serves", logged(), "");
}

/* --- Attempts --------------------------------------------------------- */

static void
check_counts(void)
{
	static const struct {
		const char *name;
		enum verdict_kind kind;
		bool again;
		unsigned counter;
	} counts[] = {
	    {"pass", VERDICT_PASS, false, 0},          {"hop", VERDICT_HOP, false, 1},
	    {"cool", VERDICT_COOL, false, 2},          {"bench", VERDICT_BENCH, false, 3},
	    {"successor", VERDICT_SUCCESSOR, true, 4}, {"retry", VERDICT_COOL, true, 5},
	};
	for (size_t i = 0; i < TAP_COUNT(counts); i++) {
		const struct provider p = {.name = "counted", .id = 60 + i};
		const struct verdict verdict = {.kind = counts[i].kind};
		char name[64];
		outcome_count_attempt(app.state, &p, &verdict, counts[i].again);
		snprintf(name, sizeof name, "an attempt is counted as %s", counts[i].name);
		TAP_OK(name,
		       state_counted(app.state, p.id, COUNT_ATTEMPTS) == 1 &&
			   state_counted(app.state, p.id, COUNT_VERDICTS + counts[i].counter) == 1);
	}
}

int
main(int argc, char **argv)
{
	struct config config = {.on_change = (char[]){""}};
	struct buf error;
	tap_start("outcome", argc, argv);
	buf_init(&error, 4096);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(log_file, sizeof log_file, "%s/log", dir);
	snprintf(state_file, sizeof state_file, "%s/state", dir);
	app.state = state_open(state_file, &error);
	app.notifier = notifier_new(NULL, NULL, &config);
	if (app.state == NULL || app.notifier == NULL ||
	    !log_open("test", log_file, LOG_INFO, false, &error))
		abort();
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(i);
	check_serving();
	check_counts();
	notifier_free(app.notifier);
	state_close(app.state);
	buf_free(&error);
	unlink(log_file);
	unlink(state_file);
	rmdir(dir);
	return tap_finish();
}
