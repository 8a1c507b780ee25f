/* SPDX-License-Identifier: MIT */
#include "share/messenger.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "money/cap_scope.h"
#include "share/ask.h"
#include "share/known.h"
#include "share/leases.h"
#include "share/machines.h"
#include "share/parts.h"
#include "share/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	TICK_MS = 20,          /* how long a change waits at most; a look at a word */
	TICK_AWAY_MS = 500,    /* while nobody could be told */
	STATE_TICK_MS = 1000,  /* as state_tick() wants it */
	RENEW_MS = 20000,      /* how often a lease is, whose probe goes on */
	CLOCK_CHANGE_MS = 1000 /* a smaller difference of clocks is none */
};
#define HOURS(n)        (INT64_C(3600000) * (n))
#define KEEP_HEALTH_MS  HEALTH_PAUSE_MAX_MS
#define KEEP_SESSION_MS HOURS(72)

/* Those that the server keeps, each kind in a hash. */
static const enum fact_kind kept_kinds[] = {FACT_HEALTH, FACT_SESSION, FACT_MODEL, FACT_SWITCH,
					    FACT_DRILL};

struct messenger {
	const struct messenger_options *options;
	struct state *state;
	struct wire *wire;
	struct known *known;
	struct leases leases;
	struct parts parts;
	struct machines machines;
	uint64_t id;      /* this machine's, while this runs */
	uint64_t machine; /* state_machine() */
	struct timer tick;
	struct watch questions; /* fd -1: closed */
	struct state_share share;
	int64_t ahead_ms;    /* the server's clock before ours, as facts are translated */
	int64_t wall_ms;     /* our wall clock before the steady one, when that was asked for */
	bool is_unsure;      /* and was set: nothing is told until there is an answer */
	uint64_t seen;       /* state_changes() of what is told */
	unsigned reading;    /* hashes that have not come yet */
	int64_t state_at_ms; /* when, by the steady clock, was the last of each */
	int64_t beat_at_ms;
	int64_t read_at_ms;
	int64_t renewed_at_ms;
	int64_t beat_sent_ms;        /* 0: it has come back */
	char reason[ERROR_TEXT_MAX]; /* why it is away, as logged last */
	/* What was read of the state last. */
	struct health healths[STATE_HEALTHS];
	struct session sessions[STATE_SESSIONS];
	struct model_memory models[STATE_MODELS];
};

/* ---- What is told ---------------------------------------------------------------- */

/* Whether nobody needs it any more. */
static bool
is_old(const struct fact *fact, int64_t now_ms)
{
	const struct health *h = &fact->health;
	int64_t last_ms = h->since_ms > h->until_ms ? h->since_ms : h->until_ms;
	switch (fact->kind) {
	case FACT_HEALTH:
		for (size_t i = 0; i < HEALTH_WINDOWS; i++)
			if (last_ms < h->windows[i].reset_ms)
				last_ms = h->windows[i].reset_ms;
		return last_ms < now_ms - KEEP_HEALTH_MS;
	case FACT_SESSION:
		return fact->session.used_ms < now_ms - KEEP_SESSION_MS;
	case FACT_MODEL:
		return fact->model.used_ms < now_ms - STATE_MODEL_FOR_MS;
	case FACT_DRILL:
		return fact->drill.begun_s < (now_ms - DRILL_MAX_MS) / 1000;
	case FACT_SWITCH:
	case FACT_BEAT:
	case FACT_KINDS:
		break;
	}
	return false;
}

static void
send_fact(struct messenger *m, const struct fact *fact, bool is_kept)
{
	char field[FACT_FIELD_SIZE];
	struct buf text;
	buf_init(&text, FACT_SIZE_MAX);
	if (fact_write(fact, m->options->key, m->ahead_ms, &text))
		wire_tell(m->wire, is_kept ? fact_kind_name(fact->kind) : NULL,
			  fact_field(fact, field), text.data, text.len);
	buf_free(&text);
}

/* Tells it, if it is news. False: not now. */
static bool
tell(struct messenger *m, const struct fact *fact)
{
	int64_t now_ms = clock_wall_ms();
	if (is_old(fact, now_ms) || !known_is_news(m->known, fact, now_ms))
		return true;
	if (!wire_is_ready(m->wire))
		return false;
	if (known_add(m->known, fact, now_ms))
		send_fact(m, fact, true);
	return true;
}

static bool
tell_choice(struct messenger *m)
{
	struct summary summary;
	struct fact fact = {.kind = FACT_SWITCH};
	fact.choice.at_ms = state_switched_ms(m->state);
	state_summary(m->state, &summary);
	memcpy(fact.choice.provider, summary.manual, sizeof fact.choice.provider);
	return tell(m, &fact);
}

/* Its words are no record, so that no change of them is counted. */
static void
tell_drill(struct messenger *m)
{
	struct fact fact = {.kind = FACT_DRILL};
	if (state_drill_latest(m->state, clock_wall_ms(), &fact.drill))
		tell(m, &fact);
}

/* False: the rest must wait. */
static bool
tell_all(struct messenger *m)
{
	bool is_told = tell_choice(m);
	size_t n = state_healths(m->state, 0, m->healths, COUNT(m->healths));
	for (size_t i = 0; i < n && is_told; i++)
		is_told = tell(m, &(struct fact){FACT_HEALTH, {.health = m->healths[i]}});
	n = state_sessions(m->state, m->sessions, COUNT(m->sessions));
	for (size_t i = 0; i < n && is_told; i++)
		is_told = tell(m, &(struct fact){FACT_SESSION, {.session = m->sessions[i]}});
	n = state_models(m->state, m->models, COUNT(m->models));
	for (size_t i = 0; i < n && is_told; i++)
		is_told = tell(m, &(struct fact){FACT_MODEL, {.model = m->models[i]}});
	return is_told;
}

static void
beat(struct messenger *m)
{
	const struct fact fact = {FACT_BEAT, {.beat = {m->id, clock_wall_ms()}}};
	send_fact(m, &fact, false);
	m->beat_sent_ms = clock_steady_ms();
}

/* ---- What is heard ------------------------------------------------------------------ */

static void
join_health(struct messenger *m, const struct health *other)
{
	enum health_outcome outcome = state_health_merge(m->state, other);
	if (outcome == HEALTH_PAUSE_BEGAN)
		log_line(LOG_NOTICE, "%s is paused, as another machine found: %s",
			 other->provider_name, other->why);
	else if (outcome == HEALTH_PAUSE_ENDED)
		log_line(LOG_NOTICE, "%s is available again, as another machine found",
			 other->provider_name);
}

static void
join_session(struct messenger *m, const struct session *other)
{
	struct session ours;
	if (!state_session(m->state, other->key, &ours) || ours.used_ms < other->used_ms)
		state_session_put(m->state, other);
}

static void
join_drill(struct messenger *m, const struct drill *other)
{
	char id[DRILL_ID_SIZE];
	if (state_drill_merge(m->state, clock_wall_ms(), other))
		log_line(LOG_NOTICE, "drill %s %s, as another machine tells",
			 state_drill_name(other->id, id),
			 other->has_ended ? "has ended" : "begins");
}

static void
join(struct messenger *m, const struct fact *fact)
{
	switch (fact->kind) {
	case FACT_HEALTH:
		join_health(m, &fact->health);
		break;
	case FACT_SESSION:
		join_session(m, &fact->session);
		break;
	case FACT_MODEL:
		state_model_put(m->state, fact->model.key, fact->model.value, fact->model.used_ms);
		break;
	case FACT_SWITCH:
		state_switch_at(m->state, fact->choice.provider, fact->choice.at_ms);
		break;
	case FACT_DRILL:
		join_drill(m, &fact->drill);
		break;
	case FACT_BEAT:
	case FACT_KINDS:
		break;
	}
}

/* A machine's word that it is there; our own tells how long the way is. */
static void
hear_beat(struct messenger *m, uint64_t machine)
{
	machines_heard(&m->machines, machine, clock_steady_ms());
	if (machine != m->id || m->beat_sent_ms == 0)
		return;
	m->share.delay_ms = clock_steady_ms() - m->beat_sent_ms;
	m->beat_sent_ms = 0;
}

/* False: it was not made with our key. */
static bool
read_fact(struct messenger *m, const char *text, size_t n, struct fact *fact, bool *is_read)
{
	enum fact_result result = fact_read(text, n, m->options->key, m->ahead_ms, fact);
	*is_read = result == FACT_FINE;
	if (result == FACT_FORGED && m->share.refused++ == 0)
		log_line(LOG_WARNING, "what another machine tells was not made with our share_key: "
				      "it is ignored");
	return result != FACT_FORGED;
}

static void
heard(void *owner, const char *text, size_t n)
{
	struct messenger *m = owner;
	struct fact fact;
	bool is_read;
	read_fact(m, text, n, &fact, &is_read);
	int64_t now_ms = clock_wall_ms();
	if (!is_read)
		return;
	if (fact.kind == FACT_BEAT)
		hear_beat(m, fact.beat.machine);
	else if (known_is_news(m->known, &fact, now_ms) && known_add(m->known, &fact, now_ms))
		join(m, &fact);
}

/* ---- Parts of caps ----------------------------------------------------------------- */

/* Answers those that can be answered, and tells the server what it does not know. */
static void
work_on_parts(struct messenger *m)
{
	struct share_question question;
	struct part_wish wish;
	bool is_granted;
	while (parts_next_answer(&m->parts, m->state, clock_steady_ms(), &question, &is_granted))
		share_answer_send(m->questions.fd, &question, is_granted);
	while (wire_is_ready(m->wire) && parts_next_wish(&m->parts, m->state, &wish))
		wire_part(m->wire, m->machine, &wish);
}

static void
part(void *owner, const struct part_answer *answer)
{
	struct messenger *m = owner;
	parts_learn(&m->parts, m->state, answer);
	work_on_parts(m);
}

/* ---- Reading all -------------------------------------------------------------------- */

static void
read_all(struct messenger *m)
{
	m->read_at_ms = clock_steady_ms();
	m->reading = 0;
	known_clear(m->known);
	parts_tell_all(&m->parts, m->state);
	wire_time(m->wire);
	for (size_t i = 0; i < COUNT(kept_kinds); i++)
		m->reading += wire_read(m->wire, fact_kind_name(kept_kinds[i]), KEEP_HEALTH_MS);
}

static void
entry(void *owner, const char *hash, const char *field, const char *text, size_t n)
{
	struct messenger *m = owner;
	struct fact fact;
	bool is_read;
	if (field == NULL) {
		m->reading--;
		m->seen = 0;
		return;
	}
	int64_t now_ms = clock_wall_ms();
	read_fact(m, text, n, &fact, &is_read);
	if (is_read && is_old(&fact, now_ms))
		wire_remove(m->wire, hash, field);
	else if (is_read && fact.kind != FACT_BEAT && known_add(m->known, &fact, now_ms))
		join(m, &fact);
}

/* ---- The connection ----------------------------------------------------------------- */

/* Our wall clock before the steady one: another value when it is set. */
static int64_t
wall_before_steady_ms(void)
{
	return clock_wall_ms() - clock_steady_ms();
}

/* Facts are compared by their times: a new measure of the same difference must not move them. */
static void
server_time(void *owner, int64_t ahead_ms)
{
	struct messenger *m = owner;
	if (llabs(ahead_ms - m->ahead_ms) > CLOCK_CHANGE_MS) {
		m->ahead_ms = ahead_ms;
		m->read_at_ms = 0; /* what is known has times of before */
	}
	m->share.clock_ms = ahead_ms;
	m->is_unsure = false;
}

static void
up(void *owner)
{
	struct messenger *m = owner;
	m->share.since_ms = clock_wall_ms();
	m->wall_ms = wall_before_steady_ms();
	m->reason[0] = '\0';
	m->beat_at_ms = m->beat_sent_ms = 0;
	machines_clear(&m->machines);
	log_line(LOG_NOTICE, "connected to the server that the machines share");
	read_all(m);
}

static void
down(void *owner, const char *why)
{
	struct messenger *m = owner;
	if (m->share.since_ms != 0 || m->share.tried_ms == 0)
		m->share.tried_ms = clock_wall_ms();
	m->share.since_ms = 0;
	m->share.machines = 0;
	leases_clear(&m->leases);
	parts_clear(&m->parts);
	state_share_put(m->state, &m->share);
	if (strcmp(m->reason, why) != 0)
		log_line(LOG_WARNING,
			 "not connected to the server that the machines share: %s. "
			 "This one goes on by itself",
			 why);
	snprintf(m->reason, sizeof m->reason, "%s", why);
}

/* Refused by ourselves is no answer: the next request asks again. */
static void
lease(void *owner, const char *name, bool is_granted)
{
	struct messenger *m = owner;
	struct share_question question;
	if (leases_answered(&m->leases, name, is_granted, &question) &&
	    (is_granted || !leases_is_own(&m->leases, &question.wish.lease)))
		share_answer_send(m->questions.fd, &question, is_granted);
}

/* Those whose probe has ended. */
static void
release_leases(struct messenger *m)
{
	struct share_lease ended;
	char name[LEASE_NAME_SIZE], holder[LEASE_HOLDER_SIZE];
	while (wire_is_ready(m->wire) &&
	       leases_next_ended(&m->leases, m->state, clock_wall_ms(), &ended))
		wire_release(m->wire, lease_name(&ended.key, name),
			     lease_holder(m->id, ended.holder, holder));
}

static void
ask_for_lease(struct messenger *m, const struct share_question *question)
{
	const struct share_lease *lease = &question->wish.lease;
	char name[LEASE_NAME_SIZE], holder[LEASE_HOLDER_SIZE];
	release_leases(m); /* maybe the one that is asked for */
	if (wire_is_ready(m->wire) && leases_asked(&m->leases, question))
		wire_lease(m->wire, lease_name(&lease->key, name),
			   lease_holder(m->id, lease->holder, holder));
}

/* While the server is away, whoever asks probes for this machine, and no part becomes larger. */
static void
on_question(struct watch *watch, uint32_t events)
{
	struct messenger *m = CONTAINER_OF(watch, struct messenger, questions);
	struct share_question question;
	(void)events;
	while (share_answer_receive(watch->fd, &question)) {
		bool is_lease = question.wish.kind == SHARE_LEASE;
		if (m->share.since_ms == 0)
			share_answer_send(watch->fd, &question, is_lease);
		else if (is_lease)
			ask_for_lease(m, &question);
		else if (parts_ask(&m->parts, &question))
			work_on_parts(m);
	}
}

/* As the probe renews its own in the state. */
static void
renew_leases(struct messenger *m)
{
	char name[LEASE_NAME_SIZE], holder[LEASE_HOLDER_SIZE];
	release_leases(m);
	for (size_t i = 0; i < m->leases.n_held; i++)
		wire_renew(m->wire, lease_name(&m->leases.held[i].key, name),
			   lease_holder(m->id, m->leases.held[i].holder, holder));
}

/* ---- Time ---------------------------------------------------------------------------- */

/* Whether it is time again; the first time at once. */
static bool
is_time(int64_t *last_ms, int64_t every_ms)
{
	int64_t now_ms = clock_steady_ms();
	if (*last_ms != 0 && now_ms - *last_ms < every_ms)
		return false;
	*last_ms = now_ms;
	return true;
}

static void
work(struct messenger *m)
{
	uint64_t changes = state_changes(m->state);
	int64_t wall_ms = wall_before_steady_ms();
	if (llabs(wall_ms - m->wall_ms) > CLOCK_CHANGE_MS && wire_time(m->wire)) {
		m->wall_ms = wall_ms;
		m->is_unsure = true;
	}
	if (is_time(&m->beat_at_ms, machines_beat_ms(m->share.machines)))
		beat(m);
	if (m->reading == 0 && is_time(&m->read_at_ms, machines_read_ms(m->share.machines)))
		read_all(m);
	if (is_time(&m->renewed_at_ms, RENEW_MS))
		renew_leases(m);
	work_on_parts(m);
	if (m->reading > 0 || m->is_unsure)
		return;
	tell_drill(m);
	if (changes == m->seen)
		return;
	release_leases(m);
	if (tell_all(m))
		m->seen = changes;
}

static void
tick(struct timer *timer)
{
	struct messenger *m = CONTAINER_OF(timer, struct messenger, tick);
	bool is_up = m->share.since_ms != 0;
	loop_after(m->options->loop, timer, is_up ? TICK_MS : TICK_AWAY_MS); /* it has a place */
	if (is_time(&m->state_at_ms, STATE_TICK_MS)) {
		state_tick(m->state, NULL);
		m->share.machines = machines_count(&m->machines, clock_steady_ms());
		state_share_put(m->state, &m->share); /* that it is there, above all */
		parts_forget_ahead(&m->parts, (const uint32_t[BUDGET_KINDS]){
						  cap_scope_period(BUDGET_DAY, clock_wall_ms()),
						  cap_scope_period(BUDGET_MONTH, clock_wall_ms())});
		parts_give_back(&m->parts, m->state, clock_steady_ms());
	}
	if (is_up)
		work(m);
}

/* ---- Beginning and ending ---------------------------------------------------------------- */

static const struct wire_events events = {server_time, up, down, heard, entry, lease, part};

static bool
begin(struct messenger *m, struct buf *error)
{
	const struct messenger_options *o = m->options;
	/* Those of a predecessor that was killed count again, since we have its lock. */
	state_share_put(m->state, &m->share);
	m->questions = (struct watch){on_question, share_answer_open(o->state_file, error), 0};
	if (m->questions.fd < 0)
		return false;
	m->known = known_new();
	m->wire = m->known == NULL ? NULL : wire_new(o->loop, o->url, o->password, &events, m);
	m->machine = state_machine(m->state);
	if (m->wire != NULL && m->machine != 0 &&
	    getrandom(&m->id, sizeof m->id, 0) == sizeof m->id &&
	    loop_watch(o->loop, &m->questions, m->questions.fd, EPOLLIN) &&
	    loop_after(o->loop, &m->tick, 0))
		return true;
	buf_append_cut(error, "out of memory or file descriptors");
	return false;
}

struct messenger *
messenger_new(const struct messenger_options *options, struct buf *error)
{
	struct messenger *m = calloc(1, sizeof *m);
	if (m == NULL) {
		buf_append_cut(error, "out of memory");
		return NULL;
	}
	m->options = options;
	m->state = options->state;
	m->questions.fd = -1;
	m->tick.due = tick;
	if (begin(m, error))
		return m;
	messenger_free(m);
	return NULL;
}

void
messenger_free(struct messenger *m)
{
	if (m == NULL)
		return;
	wire_free(m->wire);
	known_free(m->known);
	loop_cancel(m->options->loop, &m->tick);
	if (m->questions.fd >= 0)
		loop_unwatch(m->options->loop, &m->questions);
	share_answer_close(m->questions.fd, m->options->state_file);
	free(m);
}
