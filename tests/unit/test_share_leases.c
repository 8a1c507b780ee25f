/* SPDX-License-Identifier: MIT */
/* leases.c and machines.c: whose question an answer is for, when a lease is given back, and who
 * counts as there. */
#include "base/clock.h"
#include "share/leases.h"
#include "share/machines.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct share_question
question(uint64_t account, uint64_t holder)
{
	return (struct share_question){.wish.lease = {{1, account, 3}, holder}};
}

static void
check_answers(void)
{
	struct leases leases = {0};
	struct share_question asked[] = {question(7, 1), question(8, 2), question(7, 3)}, whose;
	char seven[LEASE_NAME_SIZE], nine[LEASE_NAME_SIZE];
	for (size_t i = 0; i < TAP_COUNT(asked); i++)
		TAP_OK("asked", leases_asked(&leases, &asked[i]));
	const struct health_key unknown = {1, 9, 3};
	lease_name(&asked[0].wish.lease.key, seven);
	lease_name(&unknown, nine);
	TAP_OK("an answer to nobody", !leases_answered(&leases, nine, true, &whose));
	TAP_OK("an answer", leases_answered(&leases, seven, true, &whose));
	TAP_INT("… is for who asked first", whose.wish.lease.holder, 1);
	TAP_OK("another", leases_answered(&leases, seven, false, &whose));
	TAP_INT("… is for the next", whose.wish.lease.holder, 3);
	TAP_INT("what was granted is held", leases.n_held, 1);
	TAP_OK("… so who is refused it was refused by ourselves",
	       leases_is_own(&leases, &whose.wish.lease));
	whose.wish.lease.holder = 0;
	TAP_OK("… but a health check, beside a probe", !leases_is_own(&leases, &whose.wish.lease));
	TAP_INT("one is still asked for", leases.n_asked, 1);
	leases_clear(&leases);
	TAP_INT("nothing is asked for", leases.n_asked, 0);
	size_t n = 0;
	while (leases_asked(&leases, &asked[0]))
		n++;
	TAP_INT("as many as there is room for", n, LEASES_MAX);
}

/* In a state in which a pause is due, and a request has its lease. */
static void
check_end(struct state *state)
{
	const struct health_key key = {1, 7, 3};
	int64_t now_ms = clock_wall_ms();
	struct health_change change = {
	    .event = HEALTH_EVENT_PAUSED, .pause = PAUSE_NAMED, .now_ms = now_ms};
	struct leases leases = {0};
	struct share_question asked = question(7, 5), whose;
	struct share_lease ended;
	char name[LEASE_NAME_SIZE];
	state_health_change(state, &key, "claude_pro", &change);
	change = (struct health_change){
	    .event = HEALTH_EVENT_LEASED, .now_ms = now_ms + 1, .lease_for_ms = 60000, .holder = 5};
	TAP_INT("the local lease", state_health_change(state, &key, "claude_pro", &change),
		HEALTH_GRANTED);
	leases_asked(&leases, &asked);
	leases_answered(&leases, lease_name(&key, name), true, &whose);
	TAP_OK("it is held while the request probes",
	       !leases_next_ended(&leases, state, now_ms + 2, &ended));
	leases_asked(&leases, &asked);
	TAP_OK("nor while somebody asks for it, who is refused it by ourselves",
	       !leases_next_ended(&leases, state, now_ms + 70000, &ended));
	leases_answered(&leases, lease_name(&key, name), false, &whose);
	TAP_OK("it has ended when the local one has",
	       leases_next_ended(&leases, state, now_ms + 70000, &ended));
	TAP_INT("… and is who held it", ended.holder, 5);
	TAP_OK("… once", !leases_next_ended(&leases, state, now_ms + 70000, &ended));
	leases.held[leases.n_held++] = asked.wish.lease;
	change = (struct health_change){
	    .event = HEALTH_EVENT_SERVED, .now_ms = now_ms + 3, .began_ms = now_ms + 2};
	state_health_change(state, &key, "claude_pro", &change);
	TAP_OK("it has ended with the pause",
	       leases_next_ended(&leases, state, now_ms + 4, &ended));
}

static void
check_machines(void)
{
	struct machines *m = calloc(1, sizeof *m);
	machines_heard(m, 1, 1000);
	machines_heard(m, 2, 1000);
	machines_heard(m, 1, 10000);
	TAP_INT("two are there", machines_count(m, 10000), 2);
	TAP_INT("one is silent for three beats", machines_count(m, 1000 + 3 * machines_beat_ms(2)),
		1);
	for (uint64_t id = 3; id < MACHINES_MAX + 10; id++)
		machines_heard(m, id, 20000);
	TAP_INT("no more than there is room for", m->n, MACHINES_MAX);
	TAP_OK("a thousand say less that they are there than twenty did",
	       MACHINES_MAX / machines_beat_ms(MACHINES_MAX) <= 20 / machines_beat_ms(20) + 1);
	TAP_INT("a few read all once a minute", machines_read_ms(20), 60000);
	TAP_INT("a thousand less often", machines_read_ms(MACHINES_MAX), 3000000);
	machines_clear(m);
	TAP_INT("none", machines_count(m, 20000), 0);
	free(m);
}

int
main(int argc, char **argv)
{
	char path[] = "/tmp/claude-router-test-XXXXXX", file[64];
	struct buf error;
	tap_start("share_leases", argc, argv);
	check_answers();
	buf_init(&error, 1000);
	if (mkdtemp(path) == NULL)
		return 1;
	snprintf(file, sizeof file, "%s/state", path);
	struct state *state = state_open(file, &error);
	check_end(state);
	state_close(state);
	unlink(file);
	rmdir(path);
	buf_free(&error);
	check_machines();
	return tap_finish();
}
