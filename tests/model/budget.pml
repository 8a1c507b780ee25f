/* One scope's days in the state file, in places by their parity, and two processes that reserve
 * before they ask, and settle after (state/budget.c). Each may die between any two steps; the day
 * ends, and the clock may be set back once.
 *
 * A word holds a day and an amount, and changes as a whole, if it still is what was read.
 *
 * FAULT_…: what the test must find, see run. */
#define PROCS    2
#define REQUESTS 2 /* of each process */
#define CAP      3
#define BOUND    2
#define DAYS     4 /* 1 to 3; 0: none yet */

typedef word { byte day; byte amount };
word held[2];

byte now = 1;
byte billed[DAYS]; /* by the provider, with an account of its own */

inline read(place)
{
	d_step {
		swapped = false;
		was_day = held[place].day;
		was = held[place].amount
	}
}

/* swapped: the word was what we had read. */
inline swap(place)
{
	d_step {
		swapped = held[place].day == was_day && held[place].amount == was;
#ifdef FAULT_NO_COMPARE
		swapped = true;
#endif
		if
		:: swapped -> held[place].day = is_day; held[place].amount = is
		:: else
		fi
	}
}

/* As if the day had begun there, if the word is of an earlier one. */
inline roll(day)
{
	d_step {
		is_day = was_day;
		is = was;
		if
#ifdef FAULT_GOES_BACK
		:: was_day != day -> is_day = day; is = 0
#else
		:: was_day < day -> is_day = day; is = 0
#endif
		:: else
		fi
	}
}

inline may_die()
{
	if
	:: true
	:: true -> goto dead
	fi
}

active [PROCS] proctype process()
{
	byte day, granted, was_day, was, is_day, is, cost, n;
	bool swapped;
	do
	:: n == REQUESTS -> break
	:: else ->
		n++;
		day = now;
again:		read(day % 2);
		roll(day);
		if
		:: is >= CAP -> goto refused
		:: else
		fi;
		is = is + BOUND;
		swap(day % 2);
		if
		:: swapped
		:: else -> goto again
		fi;
		granted = is_day;
		may_die();
		/* It is asked, and bills. */
		if
		:: cost = 0
		:: cost = BOUND
		fi;
		d_step {
			billed[granted] = billed[granted] + cost;
			assert(billed[granted] < CAP + BOUND);
			assert(held[granted % 2].day != granted ||
			       held[granted % 2].amount >= billed[granted])
		};
#ifdef FAULT_DEAD_FREED
		if
		:: true
		:: true ->
			d_step {
				if
				:: held[granted % 2].day == granted ->
					held[granted % 2].amount = held[granted % 2].amount - BOUND
				:: else
				fi
			};
			goto dead
		fi;
#endif
settle:		may_die();
		read(granted % 2);
		if
#ifndef FAULT_ANY_DAY
		:: was_day != granted -> goto settled
#endif
		:: else
		fi;
		is_day = was_day;
		is = (was + cost >= BOUND -> was + cost - BOUND : 0);
		swap(granted % 2);
		if
		:: swapped
		:: else -> goto settle
		fi;
settled:	cost = 0;
refused:	skip;
		d_step { day = 0; granted = 0; was_day = 0; was = 0; is_day = 0; is = 0; swapped = false }
	od;
dead:	skip
}

active proctype clock()
{
	bool set_back;
	do
	:: now < DAYS - 1 -> now++
	:: now > 2 && !set_back -> now = now - 2; set_back = true
	:: break
	od
}
