/* SPDX-License-Identifier: MIT */
#include "share/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
part_name(const struct budget_key *key, char text[static PART_NAME_SIZE])
{
	snprintf(text, PART_NAME_SIZE, "%016" PRIx64 ":%s:%u", key->scope,
		 key->kind == BUDGET_DAY ? "day" : "month", key->period & UINT16_MAX);
	return text;
}

static bool
is_same(const struct budget_key *a, const struct budget_key *b)
{
	return a->scope == b->scope && a->kind == b->kind && a->period == b->period;
}

/* Finds a part, or makes one, in the place of an ended period's if there is one: a budget has two
 * periods at a time. NULL: there is no room. */
static struct part *
part_at(struct parts *parts, const struct budget_key *key)
{
	struct part *at = NULL;
	for (size_t i = 0; i < parts->n; i++) {
		struct part *p = &parts->list[i];
		if (is_same(&p->key, key))
			return p;
		if (p->key.scope == key->scope && p->key.kind == key->kind &&
		    p->key.period + 1 < key->period && !p->is_under_way)
			at = p;
	}
	if (at == NULL && parts->n < PARTS_MAX)
		at = &parts->list[parts->n++];
	if (at != NULL)
		*at = (struct part){.key = *key};
	return at;
}

/* --- Questions -------------------------------------------------------- */

bool
parts_ask(struct parts *parts, const struct share_question *question)
{
	const struct budget_want *want = &question->wish.part;
	struct part *p = parts->n_asked < PARTS_ASKED_MAX ? part_at(parts, &want->key) : NULL;
	if (p == NULL)
		return false;
	p->cap = want->cap;
	parts->asked[parts->n_asked].is_told = false;
	parts->asked[parts->n_asked++].question = *question;
	return true;
}

/* What was promised to those who had no time yet to reserve it. */
static int64_t
promised(struct part *p, int64_t now_ms)
{
	if (now_ms - p->promised_ms > SHARE_ASK_MS)
		p->promised = 0;
	return p->promised;
}

/* Whether the question can be answered now, and how: yes, or as the server left it. */
static bool
can_answer(struct part *p, const struct state *state, int64_t now_ms, int64_t bound, bool is_told,
	   bool *is_granted)
{
	struct budget budget;
	state_budget(state, &p->key, &budget);
	*is_granted = budget.held + bound + (is_told ? 0 : promised(p, now_ms)) <= budget.part;
	return *is_granted || is_told;
}

static void
take_question(struct parts *parts, size_t i, struct share_question *question)
{
	*question = parts->asked[i].question;
	parts->n_asked--;
	memmove(&parts->asked[i], &parts->asked[i + 1],
		(parts->n_asked - i) * sizeof parts->asked[0]);
}

bool
parts_next_answer(struct parts *parts, const struct state *state, int64_t now_ms,
		  struct share_question *question, bool *is_granted)
{
	for (size_t i = 0; i < parts->n_asked; i++) {
		const struct budget_want *want = &parts->asked[i].question.wish.part;
		int64_t bound = want->bound;
		struct part *p = part_at(parts, &want->key);
		if (p == NULL || p->is_under_way ||
		    !can_answer(p, state, now_ms, bound, parts->asked[i].is_told, is_granted))
			continue;
		if (*is_granted) {
			p->promised = promised(p, now_ms) + bound;
			p->promised_ms = now_ms;
		}
		take_question(parts, i, question);
		return true;
	}
	return false;
}

/* --- Wishes ----------------------------------------------------------- */

/* Adds what the questions for the part that the server does not know need. */
static void
add_questions(struct parts *parts, const struct part *p, struct part_wish *wish,
	      const struct budget *budget)
{
	for (size_t i = 0; i < parts->n_asked; i++) {
		const struct budget_want *asked = &parts->asked[i].question.wish.part;
		if (parts->asked[i].is_told || !is_same(&asked->key, &p->key))
			continue;
		if (wish->cap == 0) {
			wish->cap = asked->cap;
			wish->need = budget->held + p->promised;
			wish->want = wish->need + p->cap / PARTS_SLICES;
			wish->need += asked->bound;
		}
		wish->want += asked->bound;
		parts->asked[i].is_told = true;
	}
}

bool
parts_next_wish(struct parts *parts, const struct state *state, struct part_wish *wish)
{
	for (size_t i = 0; i < parts->n; i++) {
		struct part *p = &parts->list[i];
		struct budget budget;
		if (p->is_under_way)
			continue;
		state_budget(state, &p->key, &budget);
		*wish = (struct part_wish){
		    .key = p->key,
		    .is = budget.part,
		    .spent = budget.settled,
		    .others_known = p->floor,
		    .others_lost = p->floor > p->others ? p->floor : p->others,
		};
		memcpy(wish->birth, p->birth, sizeof wish->birth);
		add_questions(parts, p, wish, &budget);
		if (wish->cap == 0 && !p->is_due)
			continue;
		p->is_under_way = true;
		p->is_due = false;
		p->spent = budget.settled;
		return true;
	}
	return false;
}

void
parts_learn(struct parts *parts, struct state *state, const struct part_answer *answer)
{
	struct part *p = part_at(parts, &answer->key);
	if (p == NULL || !p->is_under_way)
		return;
	p->is_under_way = false;
	if (p->others > p->floor && strcmp(p->birth, answer->birth) != 0)
		p->floor = p->others;
	p->others = answer->others;
	memcpy(p->birth, answer->birth, sizeof p->birth);
	state_budget_part_set(state, &answer->key, answer->part, answer->others_spent);
}

/* --- Time ------------------------------------------------------------- */

/* A slice, unless so little of the cap is left that another machine may need it. */
static int64_t
keep_ahead(const struct part *p, int64_t part)
{
	int64_t slice = p->cap / PARTS_SLICES;
	return p->cap - p->others - part < slice ? 0 : slice;
}

void
parts_give_back(struct parts *parts, struct state *state, int64_t now_ms)
{
	for (size_t i = 0; i < parts->n; i++) {
		struct part *p = &parts->list[i];
		struct budget budget;
		state_budget(state, &p->key, &budget);
		int64_t keep = budget.held + keep_ahead(p, budget.part);
		p->is_due |= budget.settled != p->spent;
		if (!p->is_under_way && budget.part > keep &&
		    now_ms - p->promised_ms > PARTS_KEEP_MS)
			p->is_due |= state_budget_part_lower(state, &p->key, keep) < budget.part;
	}
}

void
parts_forget_ahead(struct parts *parts, const uint32_t periods[static BUDGET_KINDS])
{
	for (size_t i = parts->n; i-- > 0;)
		if (parts->list[i].key.period > periods[parts->list[i].key.kind] + 1)
			parts->list[i] = parts->list[--parts->n];
}

void
parts_tell_all(struct parts *parts, const struct state *state)
{
	struct budget_key keys[PARTS_MAX];
	size_t n = state_budget_parts(state, keys, PARTS_MAX);
	for (size_t i = 0; i < n; i++)
		part_at(parts, &keys[i]);
	for (size_t i = 0; i < parts->n; i++)
		parts->list[i].is_due = true;
}

void
parts_clear(struct parts *parts)
{
	parts->n_asked = 0;
	for (size_t i = 0; i < parts->n; i++)
		parts->list[i].is_under_way = false;
}
