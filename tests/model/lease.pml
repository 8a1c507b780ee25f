/* One provider's health among three processes: rests that only lengthen, and
 * the lease of the probe (BEHAVIOUR.md 4, 5; health.c, plan.c, account.c).
 *
 * Time is told relative to the present, which is always NOW: a tick makes all
 * times one less, a clock that is set back makes them more. So the clock runs
 * for ever in a finite model. What is long ago is 0, what is beyond belief is FAR.
 *
 * Each process has one request at a time, and one is also the checker. FAULTS
 * times, something goes wrong: a process dies or is stopped, the clock steps, a
 * change finds no lock and waits. Then nothing does any more. A change is one step
 * here, since records.pml shows that it is one for all who look.
 *
 * FAULT_…: what the test must find, see run. */
#ifndef FAULTS
#define FAULTS 1
#endif
#define PROCS    3
#define CHECKER  1           /* which of them also checks */
#define GONE     (PROCS + 1) /* a holder whose request has ended: its name never comes back */
#define NOW      4
#define SHORT_MAX 2          /* HEALTH_SHORT_MAX_MS */
#define REST_MAX 3           /* HEALTH_REST_MAX_MS */
#define LEASE    2           /* ACCOUNT_LEASE_MS and HEALTH_LEASE_MAX_MS */
#define DEADLINE 3           /* of a request */
#define SLACK    1           /* CLOCK_SLACK_MS */
#define JUMP     (LEASE + REST_MAX + 1)
#define FAR      (NOW + REST_MAX + JUMP)
#ifdef FAULT_NO_SLACK
#define BELIEVED 0
#else
#define BELIEVED SLACK
#endif

/* enum rest_kind, the vaguest first */
#define NONE     0
#define SHORT    1
#define COOLDOWN 2
#define NAMED    3

/* Where a process is. */
#define IDLE      0
#define LEASING   1 /* it read that the rest is over: account_lease() comes next */
#define ASKING    2 /* exchange_ask() */
#define RELEASING 3 /* give_back_lease() comes next */
#define QUEUED    4 /* its change waits: state_queue.c */
#define RELIEVING 5 /* it read that the rest is over: the checker's relieve() goes on */

/* enum health_event */
#define SERVED   1
#define RESTS    2
#define RELEASED 3
#define RELIEVED 4

/* struct health */
byte rest, until, since, lease, holder;

byte phase[PROCS], began[PROCS];
bool leased[PROCS];              /* turn.leased */
byte event[PROCS], kind[PROCS], length[PROCS]; /* what waits in its queue */
bool stopped[PROCS];
byte faults = FAULTS;

/* What really was so: for the assertions alone. */
byte granted[PROCS]; /* until when a process was told that it is the probe */
bool newer[PROCS];   /* its request began after the last answer that brought a rest */
bool strode[PROCS];  /* the clock stepped while it was at it, */
bool shaken;         /* or while this rest ran */
byte waited;         /* ticks since anybody could be told anything new */

hidden byte n;                        /* health_change.now_ms */
hidden byte b, e, k, l, i, was_rest, was_until; /* of one step */
hidden byte was_running, was_newer, ok;

#ifdef FAULT_QUEUE_KEEPS_CLOCK
byte at[PROCS]; /* when it came to wait, by the clock of then */
#define keep_clock()   at[me] = NOW
#define forget_clock() at[me] = 0
#define shift_clock(x) x(at[p])
#else
#define keep_clock()   skip
#define forget_clock() skip
#define shift_clock(x) skip
#endif

#ifdef FAULT_FAR_BELIEVED
#define is_ahead(t, n, longest) ((t) > (n))
#else
#define is_ahead(t, n, longest) ((t) > (n) && (t) <= (n) + (longest) + BELIEVED)
#endif
#define longest(r)              (r == SHORT -> SHORT_MAX : REST_MAX)
/* health_state() */
#define is_resting(n) (rest != NONE && is_ahead(until, n, longest(rest)))
#define is_leased(n)  is_ahead(lease, n, LEASE)
#define is_probing(n) (rest != NONE && !is_resting(n) && is_leased(n))
#define is_due(n)     (rest != NONE && !is_resting(n) && !is_leased(n))

/* ---- health.c ------------------------------------------------------------- */

inline mend_clock()
{
	if :: since > n + BELIEVED -> since = 0 :: else fi;
	if :: until > n + longest(rest) + BELIEVED -> until = n :: else fi;
	if
	:: lease > n + LEASE + BELIEVED ->
		lease = 0;
		/* A clock that was set back ends the leases of before; else nobody is disbelieved. */
		for (i : 0 .. PROCS - 1) { granted[i] = (strode[i] -> 0 : granted[i]) }
	:: else
	fi
}

inline end_rest()
{
	rest = NONE;
	until = 0;
	since = 0;
	lease = 0;
	holder = 0;
	shaken = false;
	waited = 0;
	for (i : 0 .. PROCS - 1) { granted[i] = 0 }
}

/* may_shorten() */
#ifdef FAULT_VAGUE_SHORTENS
#define may_shorten (k != SHORT && b > since)
#elif defined(FAULT_OLD_SHORTENS)
#define may_shorten (k != SHORT && k >= rest)
#elif defined(FAULT_SHORTENS)
#define may_shorten true
#else
#define may_shorten (k != SHORT && k >= rest && b > since)
#endif

inline apply_rests()
{
	if
	:: is_resting(n) && n + l < until && !may_shorten -> skip
	:: else ->
		until = n + l;
		lease = 0;
		holder = 0;
		shaken = strode[me] || (shaken && since > n);
		if :: n > since -> since = n :: else fi;
		rest = k;
		waited = 0;
		for (i : 0 .. PROCS - 1) {
			granted[i] = 0;
			newer[i] = began[i] > since
		}
	fi
}

/* A success of an older request ends nothing. */
inline apply_served()
{
	if
#ifdef FAULT_OLD_SUCCESS
	:: true -> end_rest()
#else
	:: b > since -> end_rest()
	:: else
#endif
	fi
}

inline apply_leased()
{
	ok = false;
	if
#ifdef FAULT_NO_COMPARE
	:: rest != NONE && !is_resting(n) ->
#else
	:: is_due(n) || (is_probing(n) && holder == me + 1) ->
#endif
		/* Nobody else is the probe. */
		for (i : 0 .. PROCS - 1) {
			assert(i == me || !(granted[i] > NOW && granted[i] <= NOW + LEASE + SLACK));
			granted[i] = 0
		}
		lease = n + LEASE;
		holder = me + 1;
		granted[me] = lease;
		waited = 0;
		ok = true
	:: else
	fi
}

inline apply_released()
{
	if
#ifdef FAULT_RELEASE_ANYBODYS
	:: true ->
#else
	:: holder == me + 1 ->
#endif
		lease = 0;
		holder = 0
	:: else
	fi;
	granted[me] = 0
}

/* The check ends a rest that is over by the clock, and none that was told since it looked. */
inline apply_relieved()
{
	if
#ifdef FAULT_RELIEF_UNSEEN
	:: true -> end_rest()
#else
	:: is_due(n) -> end_rest()
	:: else
#endif
	fi
}

/* health_apply(), as apply_health() or apply_queued() calls it. What it may do to a rest that runs. */
inline apply()
{
	was_running = is_resting(NOW);
	was_rest = rest;
	was_until = until;
	was_newer = newer[me];
	b = began[me];
	ok = shaken || strode[me];
	mend_clock();
	if
	:: e == SERVED -> apply_served()
	:: e == RESTS -> apply_rests()
	:: e == RELEASED -> apply_released()
	:: e == RELIEVED -> apply_relieved()
	fi;
	/* Never shortened but by a newer request's success, or its answer that is as sure. */
	assert(!was_running || ok || (rest != NONE && until >= was_until) ||
	    (was_newer && (e == SERVED || (e == RESTS && k != SHORT && k >= was_rest))))
}

/* ---- Requests ------------------------------------------------------------- */

/* The request is over; a lease that it still holds is nobody's, and runs out. */
inline forget()
{
	if :: holder == me + 1 -> holder = GONE :: else fi;
	phase[me] = IDLE;
	began[me] = 0;
	leased[me] = false;
	granted[me] = 0;
	newer[me] = false;
	strode[me] = false;
	stopped[me] = false;
	event[me] = 0;
	kind[me] = 0;
	length[me] = 0;
	forget_clock()
}

/* What follows when a change is written, or waits. */
inline go_on()
{
	if
	:: e == RESTS && leased[me] -> phase[me] = RELEASING /* judge(): account(), then hop() */
	:: else -> forget()
	fi
}

/* state_health_change(): now; or, if the lock is not to be had, from the queue. The clock was
 * read a moment ago, which may have been before the last tick. */
inline change()
{
	if
	:: n = NOW
	:: began[me] < NOW || strode[me] -> n = NOW - 1
	fi;
	d_step { apply(); go_on() }
}

inline queue()
{
	d_step {
		faults > 0 && me < FAULTS -> faults--;
		event[me] = e;
		kind[me] = k;
		length[me] = l;
		keep_clock();
		phase[me] = QUEUED
	}
}

inline submit()
{
	if
	:: change()
	:: queue()
	fi
}

#define can_go (!stopped[me])

proctype process(byte me)
{
end:	do
	/* plan_make(): whoever rests or is probed is passed over. */
	:: atomic {
		   phase[me] == IDLE && rest == NONE ->
		   phase[me] = ASKING;
		   began[me] = NOW;
		   newer[me] = true
	   }
	:: atomic { phase[me] == IDLE && is_due(NOW) -> phase[me] = LEASING }
	/* healthcheck.c, one at a time: relieve() a rest that is over, ask() in the middle of one. */
	:: atomic { phase[me] == IDLE && me == CHECKER && is_due(NOW) -> phase[me] = RELIEVING }
	:: atomic {
		   phase[me] == IDLE && me == CHECKER && is_resting(NOW) ->
		   phase[me] = ASKING;
		   began[me] = NOW;
		   newer[me] = NOW > since
	   }
	:: atomic { phase[me] == RELIEVING && can_go -> e = RELIEVED; submit() }

	/* exchange.c: account_lease(), and the request if it is granted. */
	:: atomic {
		   phase[me] == LEASING && can_go ->
		   if
		   :: n = NOW
		   :: n = NOW - 1
		   fi;
		   d_step {
			   mend_clock();
			   apply_leased();
			   if
			   :: ok ->
				   phase[me] = ASKING;
				   leased[me] = true;
				   began[me] = NOW;
				   newer[me] = true
			   :: else -> forget()
			   fi
		   }
	   }
	/* renew_lease() */
	:: atomic {
		   phase[me] == ASKING && leased[me] && granted[me] <= NOW + 1 && can_go ->
		   n = NOW;
		   d_step { mend_clock(); apply_leased(); leased[me] = ok }
	   }
	/* answer_probe(): the head of an answer; its stream goes on. */
	:: atomic {
		   phase[me] == ASKING && leased[me] && can_go ->
		   e = SERVED;
		   n = NOW;
		   d_step { apply(); leased[me] = false; granted[me] = 0 }
	   }
	/* judge(): a success, or a rest, more or less sure of itself. */
	:: atomic { phase[me] == ASKING && can_go -> e = SERVED; submit() }
	:: atomic {
		   phase[me] == ASKING && can_go -> e = RESTS;
		   if
		   :: k = SHORT; l = 1
		   :: k = SHORT; l = SHORT_MAX
		   :: k = COOLDOWN; l = 1
		   :: k = NAMED; l = 0
		   :: k = NAMED; l = 1
		   :: k = NAMED; l = REST_MAX
		   fi;
		   submit()
	   }
	/* An answer that tells nothing, a success that is no news (health_is_worth_writing()), or a client
	 * that went away. */
	:: atomic {
		   phase[me] == ASKING && can_go ->
		   if
		   :: leased[me] -> phase[me] = RELEASING
		   :: else -> forget()
		   fi
	   }
	/* give_back_lease() */
	:: atomic {
		   phase[me] == RELEASING && can_go ->
		   leased[me] = false;
		   e = RELEASED;
		   submit()
	   }
	/* state_tick(): apply_queued() at the time that it is now. */
	:: d_step {
		   phase[me] == QUEUED && can_go ->
		   e = event[me];
		   k = kind[me];
		   l = length[me];
#ifdef FAULT_QUEUE_KEEPS_CLOCK
		   n = at[me];
#else
		   n = NOW;
#endif
		   apply();
		   go_on()
	   }
	od
}

/* ---- Time, and what goes wrong -------------------------------------------- */

#define less(t) t = (t > 0 -> t - 1 : 0)
#define more(t) t = (t == 0 -> 0 : (t + step > FAR -> FAR : t + step))

/* Steps that take no time are taken before time goes on, the lease is renewed, and requests
 * end in time: but for who is stopped. What waits for a lock waits no longer than its fault. */
#define is_busy(p)                                                                                 \
	(!stopped[p] && (phase[p] == LEASING || phase[p] == RELEASING || phase[p] == RELIEVING ||  \
			    (phase[p] == QUEUED && faults == 0) ||                                 \
			    (phase[p] == ASKING &&                                                 \
				(began[p] <= NOW - DEADLINE || (leased[p] && granted[p] <= NOW + 1)))))
#define LIMIT (REST_MAX + SLACK + LEASE + SLACK)

proctype clock()
{
	byte p, step;
end:	do
	:: d_step {
		   !is_busy(0) && !is_busy(1) && !is_busy(2) ->
		   less(until);
		   less(since);
		   less(lease);
		   for (p : 0 .. PROCS - 1) {
			   less(began[p]);
			   less(granted[p])
		   };
		   p = 0;
		   /* A rest comes to its end: then somebody can be its probe. */
		   if
		   :: faults == 0 && (is_resting(NOW) || is_probing(NOW)) -> waited++
		   :: else -> waited = 0
		   fi;
		   assert(waited <= LIMIT)
	   }
	/* The clock is set, by less or by more than the slack. */
	:: atomic {
		   faults > 0 -> faults--;
		   if
		   :: step = 1
		   :: step = JUMP
		   fi;
		   if
		   :: d_step {
			   more(until);
			   more(since);
			   more(lease);
			   for (p : 0 .. PROCS - 1) {
				   more(began[p]);
				   more(granted[p]);
				   shift_clock(more)
			   }
		      }
		   :: d_step {
			   do
			   :: step > 0 ->
				   step--;
				   less(until);
				   less(since);
				   less(lease);
				   for (p : 0 .. PROCS - 1) {
					   less(began[p]);
					   less(granted[p]);
					   shift_clock(less)
				   }
			   :: else -> break
			   od
		      }
		   fi;
		   d_step {
			   step = 0;
			   shaken = rest != NONE;
			   for (p : 0 .. PROCS - 1) {
				   strode[p] = strode[p] || phase[p] != IDLE
			   };
			   p = 0
		   }
	   }
	od
}

/* Dies: what waits in its queue is lost, its lease runs on. Or is stopped, for any time. */
proctype fate(byte me)
{
end:	do
	:: d_step { faults > 0 && phase[me] != IDLE -> faults--; forget() }
	:: d_step { faults > 0 && phase[me] != IDLE && !stopped[me] -> faults--; stopped[me] = true }
	:: d_step { stopped[me] -> stopped[me] = false }
	od
}

init
{
	atomic {
		run process(0); run process(1); run process(2);
		/* The processes are alike, so the faults may as well hit the first ones. */
		run fate(0); run fate(1);
		run clock()
	}
}
