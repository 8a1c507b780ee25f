/* SPDX-License-Identifier: MIT */
/* share/parts.c: what is asked of the server for a part of a cap, and whose questions its answers
 * answer. The server is the test. */
#include "share/parts.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY 20000
#define CAP INT64_C(640) /* a slice is 10 */

static const struct budget_key key = {7, BUDGET_DAY, DAY};
static struct state *state;
static struct parts parts;
static int64_t now_ms;
static int64_t told_spent; /* with the last wish */

static void
must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "test_share_parts: %s: %s\n", what, strerror(errno));
	abort();
}

static struct share_question
question(int64_t bound)
{
	struct share_question q = {.from_size = (socklen_t)bound};
	q.wish = (struct share_wish){.kind = SHARE_PART, .part = {key, CAP, bound}};
	return q;
}

static bool
ask(int64_t bound)
{
	const struct share_question q = question(bound);
	return parts_ask(&parts, &q);
}

static struct budget_claim
reserve(int64_t bound)
{
	struct budget_claim claim;
	must(state_budget_reserve_part(state, &key, CAP, bound, &claim) == BUDGET_GRANTED,
	     "a reservation");
	return claim;
}

/* The next wish as text, "" if there is none: is, need, want, cap; known, lost; birth. */
static const char *
wish(void)
{
	static char text[160];
	struct part_wish w;
	text[0] = '\0';
	if (!parts_next_wish(&parts, state, &w))
		return text;
	told_spent = w.spent;
	snprintf(text, sizeof text,
		 "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "; %" PRId64 " %" PRId64 "; %s",
		 w.is, w.need, w.want, w.cap, w.others_known, w.others_lost, w.birth);
	return text;
}

static void
learn(int64_t part, int64_t others, const char *birth)
{
	struct part_answer answer = {
	    .key = key, .part = part, .others = others, .others_spent = others - 1};
	snprintf(answer.birth, sizeof answer.birth, "%s", birth);
	parts_learn(&parts, state, &answer);
}

/* All answers that can be given: "+20 -30", with the questions' bounds. */
static const char *
answers(void)
{
	static char text[160];
	struct share_question q;
	bool is_granted;
	size_t n = 0;
	text[0] = '\0';
	while (parts_next_answer(&parts, state, now_ms, &q, &is_granted))
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%c%u", n > 0 ? " " : "",
				      is_granted ? '+' : '-', (unsigned)q.from_size);
	return text;
}

static int64_t
part(void)
{
	struct budget budget;
	state_budget(state, &key, &budget);
	return budget.part;
}

/* Each check goes on where the last one ended. */
static void
check_questions(void)
{
	TAP_STR("nothing to wish", wish(), "");
	TAP_OK("a question", ask(100));
	TAP_STR("cannot be answered yet", answers(), "");
	TAP_STR("so its bound is needed, and a slice wanted", wish(), "0 100 110 640; 0 0; ");
	TAP_OK("two more meanwhile", ask(5) && ask(60));
	TAP_STR("they wait", answers(), "");
	TAP_STR("until the wish that is under way is answered", wish(), "");
	learn(110, 0, "b1");
	TAP_INT("the part is what the server says", part(), 110);
	TAP_STR("what is free is promised once", answers(), "+100 +5");
	TAP_STR("beside what is promised the other one is needed", wish(),
		"110 165 175 640; 0 0; b1");
	learn(110, 500, "b1");
	TAP_STR("too little is left, but nobody has reserved the promised", answers(), "+60");
	reserve(100);
	TAP_OK("a question that is refused", ask(60));
	now_ms += SHARE_ASK_MS + 1;
	TAP_STR("… after the server was asked", answers(), "");
	TAP_STR("… for it", wish(), "110 160 170 640; 0 500; b1");
	learn(110, 500, "b1");
	TAP_STR("… which has no more", answers(), "-60");
	TAP_STR("nothing is left to do", wish(), "");
}

static void
check_forgetting(void)
{
	parts_tell_all(&parts, state);
	TAP_STR("all is told", wish(), "110 0 0 0; 0 500; b1");
	learn(110, 500, "b2");
	parts_tell_all(&parts, state);
	TAP_STR("a server that forgot is reminded", wish(), "110 0 0 0; 500 500; b2");
	learn(110, 520, "b2");
	parts_tell_all(&parts, state);
	TAP_STR("others may have more", wish(), "110 0 0 0; 500 520; b2");
	parts_clear(&parts);
	parts_tell_all(&parts, state);
	TAP_STR("no answer came: it is told again", wish(), "110 0 0 0; 500 520; b2");
	learn(110, 510, "b2");
	parts = (struct parts){0};
	parts_tell_all(&parts, state);
	TAP_STR("who begins anew tells what is in the file", wish(), "110 0 0 0; 0 0; ");
	learn(110, 300, "b2");
	learn(55, 300, "b2");
	TAP_INT("an answer to nothing changes nothing", part(), 110);
}

static void
check_giving_back(void)
{
	TAP_OK("a question", ask(200));
	TAP_STR("a wish", wish(), "110 300 310 640; 0 300; b2");
	parts_give_back(&parts, state, now_ms + 60000);
	TAP_INT("nothing is given back under way", part(), 110);
	learn(310, 300, "b2");
	TAP_STR("granted", answers(), "+200");
	parts_give_back(&parts, state, now_ms + PARTS_KEEP_MS);
	TAP_INT("nor soon after", part(), 310);
	TAP_STR("of which nothing is told", wish(), "");
	parts_give_back(&parts, state, now_ms + PARTS_KEEP_MS + 1);
	TAP_INT("then what is above the held and a slice", part(), 110);
	TAP_STR("which is told", wish(), "110 0 0 0; 0 300; b2");
	learn(110, 300, "b2");
	parts_give_back(&parts, state, now_ms + 60000);
	TAP_STR("once", wish(), "");
}

static void
check_slice(void)
{
	parts_give_back(&parts, state, now_ms + 60000);
	TAP_INT("a slice is kept ahead", part(), 110);
	parts_tell_all(&parts, state);
	wish();
	learn(110, 520, "b2");
	parts_give_back(&parts, state, now_ms + 60000);
	TAP_INT("while another is left", part(), 110);
	parts_tell_all(&parts, state);
	wish();
	learn(110, 521, "b2");
	parts_give_back(&parts, state, now_ms + 60000);
	TAP_INT("and then none", part(), 104);
	TAP_STR("… which is told", wish(), "104 0 0 0; 0 521; b2");
	learn(104, 521, "b2");
}

static void
check_spending(void)
{
	struct budget budget;
	state_budget(state, &key, &budget);
	TAP_INT("what the others have spent is known", budget.others, 299);
	const struct budget_claim claim = reserve(5);
	state_budget_settle(state, &claim, 4);
	TAP_STR("what is spent", wish(), "");
	parts_give_back(&parts, state, now_ms);
	TAP_STR("… is told soon", wish(), "110 0 0 0; 0 300; b2");
	TAP_INT("… as much as it is", told_spent, 4);
	learn(110, 300, "b2");
	parts_give_back(&parts, state, now_ms);
	TAP_STR("… once", wish(), "");
}

static void
check_room(void)
{
	struct parts many = {0};
	size_t n = 0;
	struct share_question q = question(1);
	while (parts_ask(&many, &q))
		n++;
	TAP_INT("so many questions at a time", n, PARTS_ASKED_MAX);
	many.n_asked = 0;
	for (n = 0; n < 3 * PARTS_MAX; n++) {
		q.wish.part.key.period = DAY + (uint32_t)n;
		many.n_asked = 0;
		must(parts_ask(&many, &q), "a question");
	}
	TAP_INT("of a scope two periods at a time", many.n, 2);
	for (n = 0; n < PARTS_MAX + 1; n++) {
		q.wish.part.key.scope = n + 1;
		many.n_asked = 0;
		if (!parts_ask(&many, &q))
			break;
	}
	TAP_OK("and no more parts than there is room for", n < PARTS_MAX && many.n == PARTS_MAX);
}

/* A question from when the clock was ahead, whose answer comes after it was set back. */
static void
check_ahead(void)
{
	const struct budget_key far = {7, BUDGET_DAY, DAY + 8}, next = {7, BUDGET_DAY, DAY + 1};
	struct share_question q = question(20);
	struct budget budget;
	memset(&parts, 0, sizeof parts);
	q.wish.part.key = far;
	must(parts_ask(&parts, &q), "a question");
	q.wish.part.key = next;
	must(parts_ask(&parts, &q), "a question");
	while (wish()[0] != '\0')
		;
	parts_forget_ahead(&parts, (const uint32_t[BUDGET_KINDS]){DAY, 1});
	TAP_INT("a day that is far ahead is forgotten, tomorrow is not", (int64_t)parts.n, 1);
	parts_learn(&parts, state, &(struct part_answer){.key = far, .part = 20});
	parts_learn(&parts, state, &(struct part_answer){.key = next, .part = 20});
	state_budget(state, &far, &budget);
	TAP_INT("so it gets no part", budget.part, 0);
	state_budget(state, &next, &budget);
	TAP_INT("as tomorrow does", budget.part, 20);
}

static void
check_names(void)
{
	char text[PART_NAME_SIZE];
	const struct budget_key month = {UINT64_MAX, BUDGET_MONTH, UINT16_MAX};
	TAP_STR("a day's name", part_name(&key, text), "0000000000000007:day:20000");
	TAP_STR("the longest", part_name(&month, text), "ffffffffffffffff:month:65535");
}

int
main(int argc, char **argv)
{
	char path[] = "/tmp/test_share_parts.XXXXXX";
	struct buf error;
	const struct budget_start start[BUDGET_KINDS] = {{DAY, 0, false}, {1, 0, false}};
	struct budget_begun begun = {0};
	tap_start("share_parts", argc, argv);
	int fd = mkstemp(path);
	must(fd != -1 && close(fd) == 0 && unlink(path) == 0, "a file");
	buf_init(&error, ERROR_TEXT_MAX);
	state = state_open(path, &error);
	must(state != NULL, buf_text(&error));
	must(state_budget_begin(state, 7, start, &begun) == BUDGET_GRANTED, "a scope");
	check_questions();
	check_forgetting();
	check_giving_back();
	check_spending();
	check_slice();
	check_room();
	check_ahead();
	check_names();
	state_close(state);
	unlink(path);
	buf_free(&error);
	return tap_finish();
}
