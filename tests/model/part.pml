/* A cap that two machines share (share_caps = closed): the server has both parts, a messenger has its
 * machine's made larger and smaller, and processes reserve within it (state/budget.c, share/parts.c).
 * The other machine spends at once all that it gets. Any answer of the server may be lost, and once
 * all that it knows.
 *
 * A server that has lost all gives nothing until both machines, which are connected, have told it
 * their parts: what its first seconds are for.
 *
 * FAULT_…: what the test must find, see run. */
#define CAP    4
#define BOUND  2
#define SLICE  1
#define WISHES 3 /* and givings back */

byte held[2], part[2];
byte granted[2]; /* what may be spent, with an account of its own */
byte given[2];   /* the server's */
bool is_told[2] = true;

inline check()
{
	assert(granted[0] + granted[1] <= CAP)
}

proctype process()
{
	byte was, is;
again:	was = held[0];
	is = part[0];
	if
	:: was + BOUND > is -> goto done /* it asks, and the messenger answers */
	:: else
	fi;
	d_step {
		if
		:: held[0] == was -> held[0] = was + BOUND; was = 0
		:: else -> was = 255
		fi
	}
	if
	:: was == 255 -> goto again
	:: else
	fi;
#ifndef FAULT_NO_RECHECK
	was = held[0];
#endif
	d_step {
		if
		:: was <= part[0] -> granted[0] = granted[0] + BOUND
		:: else -> held[0] = held[0] - BOUND; was = 255
		fi
	}
	check();
	if /* it costs all or nothing */
	:: true
	:: was != 255 -> d_step { granted[0] = granted[0] - BOUND; held[0] = held[0] - BOUND }
	fi;
done:	skip
}

/* What the server does with a wish; part_now: what the machine says that it has. */
inline serve(m)
{
	d_step {
#ifdef FAULT_OWN_FORGOTTEN
		part_now = given[m];
#endif
		given[m] = part_now;
		is_told[m] = true;
		room = CAP - given[1 - m];
		if
		:: given[1 - m] > CAP -> room = 0
		:: else
		fi;
		if
		:: want < room -> room = want
		:: else
		fi;
		if
#ifdef FAULT_NO_QUIET
		:: room >= need && room > part_now -> given[m] = room
#else
		:: room >= need && room > part_now && is_told[1 - m] -> given[m] = room
#endif
		:: else
		fi;
		answer = given[m]
	}
}

inline give_back()
{
	need = held[0];
	want = part[0];
	if
	:: want > need + SLICE ->
		part[0] = need + SLICE;
#ifdef FAULT_TELL_FIRST
		given[0] = need + SLICE;
#endif
#ifndef FAULT_NO_LOOK
		answer = held[0];
		if
		:: answer <= need + SLICE
		:: answer > need + SLICE && answer < want -> part[0] = answer
		:: answer >= want -> part[0] = want
		fi
#endif
	:: else
	fi
}

proctype messenger()
{
	byte n, need, want, part_now, room, answer;
	do
	:: n == WISHES -> break
	:: n < WISHES ->
		n++;
		need = held[0] + BOUND;
		want = need + SLICE;
		part_now = part[0];
		serve(0);
		if
		:: part[0] = answer
		:: true /* it was lost */
		fi
	:: n < WISHES -> n++; give_back()
	od
}

proctype other()
{
	byte need = 1, want = CAP, part_now, room, answer, n;
	do
	:: n == 2 -> break
	:: n < 2 ->
		atomic {
			n++;
			part_now = part[1];
			serve(1);
			if
			:: part[1] = answer
			:: true
			fi;
			granted[1] = part[1]
		}
		check()
	od
}

proctype forget()
{
	d_step {
		given[0] = 0;
		given[1] = 0;
		is_told[0] = false;
		is_told[1] = false
	}
}

init {
	atomic {
		run process();
		run process();
		run messenger();
		run other();
		run forget()
	}
}
