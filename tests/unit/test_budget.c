/* SPDX-License-Identifier: MIT */
/* state/budget.c: what fits below a cap, when a period changes, and that real processes, of which
 * some are killed, never exceed one together. CHECK_ALL=1 runs more rounds; SEED=N repeats a run. */
#include "base/caps.h"
#include "base/log.h"
#include "state/budget.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define DAY 20000 /* an even one */

static char top[64], path[128]; /* our directory, and the state file in it */

static void
must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "test_budget: %s: %s\n", what, strerror(errno));
	abort();
}

static struct state *
open_state(struct state *(*open_it)(const char *, struct buf *))
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *state = open_it(path, &error);
	must(state != NULL, buf_text(&error));
	buf_free(&error);
	return state;
}

static enum budget_result
begin_at(struct state *state, uint64_t scope, uint32_t period, int64_t spent, bool anew)
{
	const struct budget_start start[BUDGET_KINDS] = {
	    [BUDGET_DAY] = {period, spent, anew}, [BUDGET_MONTH] = {period, 3 * spent, anew}};
	struct budget_begun begun;
	return state_budget_begin(state, scope, start, &begun);
}

/* Begins a scope with what is known to be spent today. */
static enum budget_result
begin(struct state *state, uint64_t scope, int64_t spent)
{
	return begin_at(state, scope, DAY, spent, false);
}

/* ---- One process ------------------------------------------------------------ */

/* What is done in order, in a file of its own: a letter and a number.
 *     r7  reserve 7      s5  settle the last reservation at 5      f5  the first one
 *     d1  it is the day DAY + 1       n50  notice 50 %      b6  6 were spent on DAY
 *     p8  reserve 8 within the part   =9   the part is 9    -2  give back what is above 2
 *     o5  the others have spent 5, as is said with the next part         l3  is too little left for 3
 *     w   what is wanted        a6  begin anew what is ahead, 6 were spent today         h  is any
 * and what the budget is then. The cap is 10. */
static const struct row {
	const char *name, *steps;
	const char
	    *results; /* of r and p: g, u(sed), R(eserved), p(art); of n, l and h: 1, 0; of w */
	int64_t held, settled;
} rows[] = {
    {"nothing is known", "", "", 0, 0},
    {"a bound is reserved", "r7", "g", 7, 0},
    {"the cap is exceeded by less than a bound", "r7 r7", "gg", 14, 0},
    {"then nothing more is reserved", "r7 r7 r1", "ggR", 14, 0},
    {"below the cap by one", "r9 r5", "gg", 14, 0},
    {"exactly the cap", "r10 r1", "gR", 10, 0},
    {"it is settled for less", "r7 s2", "g", 2, 2},
    {"for more", "r7 s9", "g", 9, 9},
    {"for nothing", "r7 s0", "g", 0, 0},
    {"what is spent is used", "r7 s10 r1", "gu", 10, 10},
    {"what is given back is free again", "r10 r1 s0 r1", "gRg", 1, 0},
    {"a free model fits in a budget that is not used up", "r0", "g", 0, 0},
    {"the next day is another budget", "r10 s10 d1 r3", "gg", 3, 0},
    {"the day after begins at zero in the same place", "r10 s10 d2 r3", "gg", 3, 0},
    {"and is settled there", "r10 s10 d2 r3 s1", "gg", 1, 1},
    {"what began yesterday is settled there", "r7 d1 r3 d0 f5", "gg", 5, 5},
    {"what began two days ago is settled nowhere", "r7 d2 r3 f5", "gg", 3, 0},
    {"a clock that is set back begins no period", "d2 r9 d0 r5 d2", "gg", 14, 0},
    {"and finds its cap used", "d2 r10 s10 d0 r5", "gu", 10, 10},
    {"it is settled in the period that granted it", "d2 r9 d0 r5 s1", "gg", 10, 1},
    {"it begins with what is known", "b6 r3", "g", 9, 6},
    {"and may have used its cap by then", "b10 r3", "u", 10, 10},
    {"what is known is not counted twice", "b6 b6 r3", "g", 9, 6},
    {"nor is what it has counted itself", "r7 s7 b7 b5", "g", 7, 7},
    {"what it has not counted is added", "r3 s3 r2 b5", "gg", 7, 5},
    {"what is known of yesterday is not of today", "d1 b6", "", 0, 0},
    {"each percentage is noticed once", "r1 n50 n50 n80 n50 n80", "g10100", 1, 0},
    {"without a part nothing is reserved", "p1", "p", 0, 0},
    {"but what is free", "p0", "g", 0, 0},
    {"within a part", "=6 p4 p2", "gg", 6, 0},
    {"never above it", "=6 p4 p3", "gp", 4, 0},
    {"a larger part helps", "=6 p4 p3 =7 p3", "gpg", 7, 0},
    {"but not above the cap", "=12 p8 p3 p2", "gRg", 10, 0},
    {"nor beside what is spent", "=10 p8 s8 p3", "gu", 8, 8},
    {"what is settled is free again", "=6 p6 p1 s1 p5", "gpg", 6, 1},
    {"what nobody holds is given back", "=8 p2 -4 p2 p1", "ggp", 4, 0},
    {"but not what is held", "=8 p6 -2 p1", "gp", 6, 0},
    {"a smaller part gives nothing back", "=3 -5 p3 p1", "gp", 3, 0},
    {"of tomorrow there is no part", "=8 d1 p1", "p", 0, 0},
    {"nor of the day after, in the same place", "=8 p2 d2 p1", "gp", 0, 0},
    {"yesterday's part does not replace it", "d2 =5 d0 =9 d2 p6 p5", "pg", 5, 0},
    {"what others have spent is used", "o8 =2 p3", "u", 0, 0},
    {"but not what they may have taken", "o7 =2 p3", "p", 0, 0},
    {"beside what is spent here", "o5 =4 p3 s3 p2 p3", "gpu", 3, 3},
    {"what is in the part is granted all the same", "o9 =2 p2", "g", 2, 0},
    {"until the server says otherwise", "o8 =2 p3 o7 =2 p3", "up", 0, 0},
    {"and of another day it says nothing", "o8 =2 d1 p3 d2 p3", "pp", 0, 0},
    {"what may fit does not lack", "o7 =2 l3 w", "00", 0, 0},
    {"of what lacks the least is wanted", "o7 =2 l5 l4 l6 w", "1114", 0, 0},
    {"in that period", "o7 =2 l4 d1 w d2 w o7 =2 l5 w", "10015", 0, 0},
    {"a day that is far ahead keeps its place", "d8 r3 s3 d0 h b6 r1", "g1g", 4, 3},
    {"until it begins anew", "d8 r3 s3 d0 a2 h r1", "g0g", 3, 2},
    {"and the next one at zero", "d8 r3 s3 d0 a2 d2 r1", "gg", 1, 0},
    {"also in the other place", "d9 r3 s3 d0 h a2 h d1 r1", "g10g", 1, 0},
    {"today's own place stays", "r3 s3 d9 r4 d0 a2", "gg", 3, 3},
    {"so does tomorrow", "d1 r3 s3 d0 h a0 d1", "g0", 3, 3},
    {"and what of today is still known", "r3 s3 d8 r1 d0 a0", "gg", 3, 3},
    {"and reserves until it settles", "d8 r1 s1 d0 a2 r4 r4 s3", "ggg", 9, 5},
    {"what was reserved far ahead costs today", "d8 r3 d0 a2 s1", "g", 3, 3},
    {"from the other place, too", "d9 r3 d0 a2 s1", "g", 3, 3},
    {"and begins nothing there", "d8 r3 d0 a2 s1 h d2 r1", "g0g", 1, 0},
    {"what was reserved before all that is not given back twice", "r3 d8 r1 d0 a2 f1", "gg", 3, 3},
    {"the part of a day that is far ahead is none", "d8 =6 p4 d0 a0 p1", "gp", 0, 0},
    {"and one of today is taken", "d8 =6 p4 d0 a0 =3 p2 p2", "ggp", 2, 0},
    {"others have spent nothing yet", "d8 o8 =2 p3 d0 a0 h p1 o0 =2 p2", "u0pg", 2, 0},
    {"and nothing is wanted", "d8 o7 =2 l4 d0 a0 w =2 l5 w", "1015", 0, 0},
    {"nor noticed", "d8 r1 n50 d0 a0 r1 n50", "g1g1", 1, 0},
    {"and again in another period", "r1 n50 d1 r1 n50 d2 r1 n50", "g1g1g1", 1, 0},
};

struct run {
	struct state *state;
	struct budget_key key;
	struct budget_claim first, last;
	int64_t others; /* have spent that, as is said with the next part */
	char results[32];
	size_t n;
};

static void
note(struct run *r, char result)
{
	r->results[r->n++] = result;
}

static void
note_reserved(struct run *r, enum budget_result result)
{
	static const char letters[] = {[BUDGET_GRANTED] = 'g',
				       [BUDGET_USED] = 'u',
				       [BUDGET_RESERVED] = 'R',
				       [BUDGET_PART] = 'p',
				       [BUDGET_CLOSED] = 'c'};
	if (r->first.bound == 0)
		r->first = r->last;
	note(r, letters[result]);
}

static struct budget
budget_of(const struct run *r)
{
	struct budget budget;
	state_budget(r->state, &r->key, &budget);
	return budget;
}

static void
take_step(struct run *r, char what, long number)
{
	const struct budget_want want = {r->key, 10, number};
	switch (what) {
	case 'r':
		note_reserved(r, state_budget_reserve(r->state, &r->key, 10, number, &r->last));
		break;
	case 'p':
		note_reserved(r,
			      state_budget_reserve_part(r->state, &r->key, 10, number, &r->last));
		break;
	case '=':
		state_budget_part_set(r->state, &r->key, number, r->others);
		break;
	case 'o':
		r->others = number;
		break;
	case 'l':
		note(r, state_budget_lacks(r->state, &want) ? '1' : '0');
		break;
	case 'w':
		note(r, (char)('0' + budget_of(r).wanted));
		break;
	case '-':
		state_budget_part_lower(r->state, &r->key, number);
		break;
	case 's':
		state_budget_settle(r->state, &r->last, number);
		break;
	case 'f':
		state_budget_settle(r->state, &r->first, number);
		break;
	case 'b':
	case 'a':
		must(begin_at(r->state, 7, what == 'b' ? DAY : r->key.period, number,
			      what == 'a') == BUDGET_GRANTED,
		     "begin");
		break;
	case 'h':
		note(r, state_budget_is_ahead(r->state, &r->key) ? '1' : '0');
		break;
	case 'n':
		note(r, state_budget_notice(r->state, &r->key, (unsigned)number) ? '1' : '0');
		break;
	default:
		r->key.period = (uint32_t)(DAY + number);
	}
}

static void
check_row(const struct row *row)
{
	struct run r = {.key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY}};
	char name[160];
	unlink(path);
	r.state = open_state(state_open);
	must(row->steps[0] == 'b' || begin(r.state, 7, 0) == BUDGET_GRANTED, "begin");
	for (const char *step = row->steps; *step != '\0'; step += strcspn(step, " ")) {
		step += *step == ' ';
		take_step(&r, *step, strtol(step + 1, NULL, 10));
	}
	struct budget budget = budget_of(&r);
	snprintf(name, sizeof name, "%s: results", row->name);
	TAP_STR(name, r.results, row->results);
	snprintf(name, sizeof name, "%s: held", row->name);
	TAP_INT(name, budget.held, row->held);
	snprintf(name, sizeof name, "%s: settled", row->name);
	TAP_INT(name, budget.settled, row->settled);
	state_close(r.state);
}

static enum budget_result
reserve(struct state *state, uint64_t scope, enum budget_kind kind)
{
	const struct budget_key key = {.scope = scope, .kind = kind, .period = DAY};
	struct budget_claim claim;
	enum budget_result begun = begin(state, scope, 0);
	return begun == BUDGET_GRANTED ? state_budget_reserve(state, &key, 10, 10, &claim) : begun;
}

static void
check_scopes(void)
{
	unlink(path);
	struct state *state = open_state(state_open);
	size_t granted = 0;
	for (uint64_t scope = 1; scope <= STATE_SCOPES; scope++)
		granted += reserve(state, scope, BUDGET_DAY) == BUDGET_GRANTED &&
			   reserve(state, scope, BUDGET_MONTH) == BUDGET_GRANTED;
	TAP_INT("each scope has a day and a month of its own", granted, STATE_SCOPES);
	const struct budget_key more = {
	    .scope = STATE_SCOPES + 1, .kind = BUDGET_DAY, .period = DAY};
	struct budget budget;
	TAP_INT("one more has no room", reserve(state, more.scope, BUDGET_DAY), BUDGET_FULL);
	TAP_INT("which is known before", state_budget(state, &more, &budget), BUDGET_FULL);
	TAP_OK("so it is not tried again", !state_budget_may_begin(state, more.scope));
	TAP_INT("and nobody gives way", reserve(state, 1, BUDGET_DAY), BUDGET_RESERVED);
	state_close(state);
}

static void
check_largest(void)
{
	const struct budget_key key = {.scope = 7, .kind = BUDGET_MONTH, .period = 1};
	struct budget_claim claim;
	struct budget budget;
	unlink(path);
	struct state *state = open_state(state_open);
	begin(state, 7, 0);
	state_budget_reserve(state, &key, BUDGET_MAX, BUDGET_MAX - 1, &claim);
	TAP_INT("no sum overflows into its period",
		state_budget_reserve(state, &key, BUDGET_MAX, 2, &claim), BUDGET_RESERVED);
	state_budget_settle(state, &claim, INT64_MAX / 2);
	state_budget(state, &key, &budget);
	TAP_INT("nor does a cost", budget.held, BUDGET_MAX);
	state_close(state);
}

/* No shared file, no money. */
static void
check_closed(void)
{
	struct budget budget;
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	unlink(path);
	struct state *state = open_state(state_open);
	TAP_INT("with a file", reserve(state, 7, BUDGET_DAY), BUDGET_GRANTED);
	struct state *reader = open_state(state_open_readonly);
	TAP_INT("one that may only read reserves nothing", reserve(reader, 7, BUDGET_MONTH),
		BUDGET_CLOSED);
	TAP_INT("but sees the sums", state_budget(reader, &key, &budget), BUDGET_GRANTED);
	TAP_INT("as they are", budget.held, 10);
	state_close(reader);

	must(unlink(path) == 0 && mkdir(path, 0700) == 0, "a directory in its place");
	state_tick(state, NULL);
	TAP_INT("without a file nothing is reserved", reserve(state, 8, BUDGET_DAY), BUDGET_CLOSED);
	TAP_INT("nor is a sum known", state_budget(state, &key, &budget), BUDGET_CLOSED);
	must(rmdir(path) == 0, "rmdir");
	state_tick(state, NULL);
	TAP_INT("a file made anew", state_budget(state, &key, &budget), BUDGET_GRANTED);
	TAP_INT("has the sums of before", budget.held, 10);
	state_close(state);
}

/* ---- What the dead had reserved -------------------------------------------- */

/* Returns what is given back of the budget 7, or -1: it is not known whose that is. */
static int64_t
release(struct state *state)
{
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	int64_t amount;
	return state_budget_release(state, &key, &amount) == BUDGET_GRANTED ? amount : -1;
}

/* What tests/model/release.pml has found: nothing of it can be seen from outside. */
static void
check_image(void)
{
	const struct budget_start start[BUDGET_KINDS] = {{DAY, 3, true}, {1, 3, true}};
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	struct budget_begun begun = {0};
	uint32_t day = DAY;
	struct state_image *image = calloc(1, sizeof *image);
	must(image != NULL, "calloc");
	const struct budget_start other[BUDGET_KINDS] = {{DAY, 100, true}, {1, 100, true}};
	budget_begin(image, 8, other, &begun);
	word_set(&image->budgets[0][0].scope, 0); /* whoever began it was killed before that */
	budget_begin(image, 7, start, &begun);
	struct state_budget *budget = budget_find(image, &key);
	TAP_INT("a scope does not begin with another one's sums", budget_read(budget, DAY).held, 3);
	budget_reserve(budget, 100, 10, &day);
	const struct budget read = budget_read(budget, day);
	day += 2;
	budget_reserve(budget, 100, read.held, &day);
	TAP_OK("the same sum of another period is not given back",
	       !budget_release(budget, DAY, &read));
	TAP_INT("and stays", budget_read(budget, day).held, read.held);
	budget_begin(image, 7, start, &begun);
	TAP_OK("it is ahead", begun.was_ahead);
	TAP_INT("and what is spent today is known", begun.raised[BUDGET_DAY], 3);
	day = DAY;
	budget_reserve(budget, 100, 10, &day);
	/* Who settled in the day ahead at that moment. */
	word_set(&budget->settled, (uint64_t)(DAY + 2) << 48 | 5);
	budget_begin(image, 7, start, &begun);
	TAP_INT("what is settled late does not stay", budget_read(budget, DAY).settled, 3);
	TAP_INT("nor takes a reservation with it", budget_read(budget, DAY).held, 13);
	TAP_OK("so nothing is ahead", !budget_is_ahead(image, &key));
	free(image);
}

/* A process that reserves 10, and waits to be killed. */
static pid_t
start_holder(void)
{
	int ready[2];
	char byte;
	must(pipe(ready) == 0, "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		struct state *state = open_state(state_open);
		const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
		struct budget_claim claim;
		bool granted = state_budget_reserve(state, &key, 100, 10, &claim) == BUDGET_GRANTED;
		must(granted && write(ready[1], "", 1) == 1, "a holder");
		for (;;)
			pause();
	}
	must(read(ready[0], &byte, 1) == 1, "a holder");
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void
end_holder(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void
check_release(void)
{
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	struct budget_claim claim;
	struct budget budget;
	unlink(path);
	struct state *state = open_state(state_open);
	TAP_INT("nothing is known", release(state), 0);
	TAP_OK("it may begin", state_budget_may_begin(state, 7));
	TAP_INT("before, nothing is reserved", state_budget_reserve(state, &key, 100, 7, &claim),
		BUDGET_CLOSED);
	begin(state, 7, 0);
	TAP_OK("it has begun", !state_budget_may_begin(state, 7));
	state_budget_reserve(state, &key, 100, 7, &claim);
	TAP_INT("our own reservation is not given back", release(state), -1);
	state_budget_settle(state, &claim, 5);
	TAP_INT("what is spent is not given back", release(state), 0);
	pid_t first = start_holder(), second = start_holder();
	TAP_OK("somebody holds a reservation", !state_budget_is_idle(state));
	TAP_INT("nor is that of another process", release(state), -1);
	end_holder(first);
	TAP_INT("nor while only one of two is dead", release(state), -1);
	end_holder(second);
	TAP_OK("nobody holds one", state_budget_is_idle(state));
	state_budget(state, &key, &budget);
	TAP_INT("the dead hold it", budget.held, 25);
	struct state *reader = open_state(state_open_readonly);
	TAP_INT("who may only read gives nothing back", release(reader), -1);
	TAP_OK("but knows whose it is", state_budget_is_idle(reader));
	state_close(reader);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock lock = {.l_type = F_WRLCK, .l_start = STATE_WRITE_BYTE, .l_len = 1};
	must(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0, "the write lock");
	TAP_INT("nothing is given back while a scope may be beginning", release(state), -1);
	close(fd);
	TAP_INT("what the dead had reserved is given back", release(state), 20);
	state_budget(state, &key, &budget);
	TAP_INT("and what is spent stays", budget.held, 5);
	TAP_INT("and stays", budget.settled, 5);
	TAP_INT("once", release(state), 0);
	state_close(state);
}

/* ---- Many processes ------------------------------------------------------- */

enum { PROCESSES = 16, GRANTS = 200 };

#define CAP   INT64_C(1000000000)
#define BOUND (CAP / 200)
#define KNOWN (CAP / 4) /* spent before: the first of all processes counts it */

static uint64_t random_state;

typedef enum budget_result reserve_as(struct state *state, const struct budget_key *key,
				      int64_t cap, int64_t bound, struct budget_claim *claim);

static uint64_t
random_below(uint64_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (random_state >> 33) % n;
}

/* What the provider has billed, with an account of its own. */
struct bill {
	_Atomic int64_t sum, most;
	_Atomic int ready; /* processes that have begun: all wait for each other */
};

static void
charge(struct bill *bill, int64_t cost)
{
	int64_t sum = atomic_fetch_add(&bill->sum, cost) + cost, most = atomic_load(&bill->most);
	while (sum > most && !atomic_compare_exchange_weak(&bill->most, &most, sum))
		;
}

static reserve_as *spends_as = state_budget_reserve;

static _Noreturn void
spend(struct bill *bill, uint64_t seed)
{
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	struct state *state = open_state(state_open);
	random_state = seed;
	atomic_fetch_add(&bill->ready, 1);
	while (atomic_load(&bill->ready) < PROCESSES)
		sched_yield();
	while (begin(state, 7, KNOWN) == BUDGET_CLOSED)
		sched_yield();
	for (int i = 0; i < GRANTS; i++) {
		struct budget_claim claim;
		if (spends_as(state, &key, CAP, BOUND, &claim) != BUDGET_GRANTED)
			continue;
		int64_t cost = random_below(10) == 0 ? 0 : (int64_t)random_below(BOUND + 1);
		charge(bill, cost);
		if (random_below(8) == 0)
			usleep(1);
		state_budget_settle(state, &claim, cost);
	}
	state_close(state);
	_exit(0);
}

static void
start_spenders(struct bill *bill, pid_t children[static PROCESSES])
{
	for (int i = 0; i < PROCESSES; i++) {
		uint64_t seed = random_below(UINT32_MAX);
		children[i] = fork();
		must(children[i] >= 0, "fork");
		if (children[i] == 0)
			spend(bill, seed);
	}
}

/* Returns how much above the cap was billed, or -1 if less was held than billed. */
static int64_t
spend_together(struct bill *bill, int *kills)
{
	pid_t children[PROCESSES];
	struct budget budget;
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	unlink(path);
	*bill = (struct bill){.sum = KNOWN};
	struct state *state = open_state(state_open);
	start_spenders(bill, children);
	while (atomic_load(&bill->ready) < PROCESSES)
		sched_yield();
	for (int i = 0; i < PROCESSES / 4; i++) {
		usleep((useconds_t)random_below(1000));
		*kills += kill(children[random_below(PROCESSES)], SIGKILL) == 0;
	}
	for (int i = 0; i < PROCESSES; i++)
		waitpid(children[i], NULL, 0);
	state_budget(state, &key, &budget);
	state_close(state);
	return budget.held < bill->sum ? -1 : bill->most > CAP ? bill->most - CAP : 0;
}

/* While processes reserve and settle, somebody gives back again and again. */
static void
check_release_beside(struct bill *bill)
{
	pid_t children[PROCESSES];
	struct budget budget;
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	int64_t released = 0, running = PROCESSES;
	unlink(path);
	*bill = (struct bill){.sum = KNOWN};
	struct state *state = open_state(state_open);
	start_spenders(bill, children);
	while (running > 0) {
		int64_t amount = release(state);
		released += amount > 0 ? amount : 0;
		running -= waitpid(-1, NULL, WNOHANG) > 0;
	}
	state_budget(state, &key, &budget);
	state_close(state);
	TAP_INT("the living lose nothing to who gives back", released, 0);
	TAP_INT("so the sum is the bill", budget.held, bill->sum);
}

/* While processes spend within a part, it is enlarged and given back again and again: what the
 * others may have meanwhile and what is held here are never more than the cap. */
static void
check_part_beside(struct bill *bill)
{
	pid_t children[PROCESSES];
	struct budget budget;
	const struct budget_key key = {.scope = 7, .kind = BUDGET_DAY, .period = DAY};
	int64_t above = 0, lowered = 0, running = PROCESSES, part = KNOWN;
	unlink(path);
	*bill = (struct bill){.sum = KNOWN};
	spends_as = state_budget_reserve_part;
	struct state *state = open_state(state_open);
	must(begin(state, 7, KNOWN) == BUDGET_GRANTED, "begin");
	start_spenders(bill, children);
	while (running > 0) {
		int64_t before = part < CAP ? part + BOUND : part;
		state_budget_part_set(state, &key, before, 0);
		sched_yield();
		state_budget(state, &key, &budget);
		part = state_budget_part_lower(state, &key, budget.held - BOUND);
		lowered += part < before;
		/* What is granted from now on is within the part. */
		sched_yield();
		above += bill->sum > part;
		running -= waitpid(-1, NULL, WNOHANG) > 0;
	}
	spends_as = state_budget_reserve;
	state_budget(state, &key, &budget);
	state_close(state);
	TAP_INT("what was given back is not spent", above, 0);
	TAP_OK("and something was", lowered > 0);
	TAP_INT("so the sum is the bill", budget.held, bill->sum);
}

static void
check_together(void)
{
	int rounds = getenv("CHECK_ALL") != NULL ? 100 : 8, kills = 0, reached = 0, lost = 0;
	int64_t most_above = 0;
	struct bill *bill =
	    mmap(NULL, sizeof *bill, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(bill != MAP_FAILED, "mmap");
	for (int i = 0; i < rounds; i++) {
		int64_t above = spend_together(bill, &kills);
		lost += above < 0;
		reached += bill->sum > CAP - 2 * PROCESSES * BOUND;
		most_above = above > most_above ? above : most_above;
	}
	printf("# %d rounds, %d kills, at most %.3f of a bound above the cap\n", rounds, kills,
	       (double)most_above / (double)BOUND);
	TAP_INT("what is held is never less than the bill", lost, 0);
	TAP_ROW("no cap is exceeded by more than one bound", most_above <= BOUND,
		"expected: at most %" PRId64 " above, not %" PRId64, BOUND, most_above);
	TAP_ROW("and it was reached", reached > 0, "expected: in one of %d rounds", rounds);
	check_release_beside(bill);
	check_part_beside(bill);
	munmap(bill, sizeof *bill);
}

int
main(int argc, char **argv)
{
	struct buf error;
	tap_start("budget", argc, argv);
	snprintf(top, sizeof top, "%s/test_budget.XXXXXX", "/tmp");
	must(mkdtemp(top) != NULL, "mkdtemp");
	snprintf(path, sizeof path, "%s/log", top);
	buf_init(&error, ERROR_TEXT_MAX);
	must(log_open("test_budget", path, LOG_DEBUG, false, &error), "log_open");
	random_state = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 10) : 1;
	snprintf(path, sizeof path, "%s/state", top);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	check_scopes();
	check_largest();
	check_closed();
	check_release();
	check_image();
	check_together();
	unlink(path);
	snprintf(path, sizeof path, "%s/log", top);
	unlink(path);
	rmdir(top);
	return tap_finish();
}
