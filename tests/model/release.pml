/* One scope's place in the state file: what was spent before is counted when it begins, and
 * what the dead had reserved is given back (state_budget_begin(), state_budget_release()). Two
 * processes begin the scope and ask; a control program releases. A process may be killed between
 * any two steps, and a new one takes its slot; meanwhile the next period comes that uses the place.
 *
 * That a word changes as a whole is proved in budget.pml: here it is one step.
 *
 * FAULT_…: what the test must find, see run. */
#define PROCS    2
#define TROUBLES 1 /* somebody is killed, or the next day begins */
#define CAP      2
#define BOUND    1
#define BEFORE   1 /* was spent, and is in the ledger */
#define DAYS     3 /* 1 and 2; 0: none yet */
#define NOBODY   255

typedef word { byte day; byte amount };
word held, settled;
byte scope; /* 0: free */

byte lock; /* STATE_WRITE_BYTE; 0: free */
bool lives[PROCS]; /* holds the lock of its slot */
byte claims[PROCS]; /* in the slot: twice those that were ever made, and 1 if one is open */

byte now = 1;
byte ledger[DAYS];
byte troubles = TROUBLES;

/* What is true, for the assertions alone. */
byte spent[DAYS]; /* and not forgotten by a release */
byte lost[DAYS];  /* of it, by the dead, who have not settled */
byte left[DAYS];  /* reserved by the dead */
byte owns[PROCS], owns_day[PROCS]; /* by the living: in held, and not in settled */

#define OWN(i, d) (owns_day[i] == d -> owns[i] : 0)
#define SETTLED(d) (settled.day == d -> settled.amount : 0)

/* Nothing counts twice, and what is held is all that it must be, and no more. */
inline check()
{
	assert(scope == 0 || SETTLED(held.day) <= spent[held.day]);
	assert(scope == 0 || held.amount == SETTLED(held.day) + OWN(0, held.day) +
	       OWN(1, held.day) + left[held.day])
}

/* Before a step that others see: all between two of them is one. */
inline may_die()
{
	if
	:: true
	:: troubles > 0 -> troubles--; goto dead
	fi
}

/* As if the day had begun there, if the word is of an earlier one. */
inline roll(at, d)
{
	if
	:: at.day < d -> at.day = d; at.amount = 0
	:: else
	fi
}

inline own(d, amount)
{
	owns_day[me] = (amount > 0 -> d : 0);
	owns[me] = amount
}

/* budget_settle() and raise(): first what is held, … */
inline add_held(d, plus, minus)
{
	atomic {
		may_die();
		roll(held, d);
		if
		:: held.day == d -> held.amount = held.amount + plus - minus; own(d, plus)
		:: else -> own(0, 0)
		fi;
		check()
	}
}

/* … then what is settled. */
inline add_settled(d, plus)
{
	atomic {
		may_die();
		roll(settled, d);
		if
		:: settled.day == d -> settled.amount = settled.amount + plus
		:: else
		fi;
		own(0, 0);
		check()
	}
}

inline find_missing(d, known)
{
	missing = SETTLED((held.day > d -> held.day : d));
	missing = (known > missing -> known - missing : 0)
}

/* budget_begin(). */
inline raise_sums(d)
{
	atomic {
		may_die();
#ifndef FAULT_RESIDUE
		if
		:: scope == 0 ->
			held.day = 0; held.amount = 0; settled.day = 0; settled.amount = 0;
			left[1] = 0; left[2] = 0
		:: else
		fi;
#endif
#ifndef FAULT_SUMS_FIRST
		find_missing(d, known)
#endif
	};
	if
	:: missing > 0 ->
#ifdef FAULT_SETTLED_FIRST
		add_settled(d, missing);
		add_held(d, missing, 0);
		own(0, 0)
#else
		add_held(d, missing, 0);
		add_settled(d, missing)
#endif
	:: else
	fi;
	atomic { may_die(); scope = 1; check() };
	atomic {
		may_die();
		if
		:: lock == me + 1 -> lock = 0
		:: else
		fi
	}
}

/* caps_begin(): the ledger is read before the lock is taken. */
inline begin()
{
#ifdef FAULT_SUMS_FIRST
	atomic { may_die(); day = now; find_missing(day, NOBODY) };
	missing = NOBODY - missing;
	atomic { may_die(); known = ledger[day]; missing = (known > missing -> known - missing : 0) };
#else
	atomic { may_die(); day = now; known = ledger[day] };
#endif
	if
#ifdef FAULT_BEGIN_UNLOCKED
	:: true -> raise_sums(day)
#else
	:: atomic { lock == 0 -> may_die(); lock = me + 1 };
		raise_sums(day)
#endif
	:: scope == 0 /* the lock was not free: it is tried again at the next tick */
	fi
}

/* state_budget_reserve(). */
inline reserve()
{
	atomic {
		may_die();
		if
#ifndef FAULT_UNBEGUN
		:: scope == 0
#endif
		:: else ->
			if
			:: held.day >= day && held.amount >= CAP
			:: else ->
				roll(held, day);
				held.amount = held.amount + BOUND;
				granted = held.day;
				own(granted, BOUND);
				check()
			fi
		fi
	}
}

inline note_claims(open)
{
	atomic { may_die(); claims[me] = 2 * ever + open }
}

inline enter_row()
{
	atomic { may_die(); ledger[granted] = ledger[granted] + cost }
}

proctype process(byte me)
{
	byte life, ever, day, known, missing, granted, cost;
	bool is_settled;
start:	lives[me] = true;
#ifndef FAULT_CLAIMS_ALIKE
	ever = 4 * life;
#endif
	note_claims(0);
	begin();
	atomic { ever++; day = now; known = 0; missing = 0 };
#ifndef FAULT_LATE_CLAIM
	note_claims(1);
#endif
	reserve();
#ifdef FAULT_LATE_CLAIM
	note_claims(1);
#endif
	/* It is asked, and bills. */
	atomic {
		may_die();
		if
		:: granted == 0 -> goto refused
		:: granted > 0 -> cost = 0
		:: granted > 0 -> cost = BOUND
		fi;
		day = 0;
		spent[granted] = spent[granted] + cost;
		assert(spent[granted] < CAP + BOUND)
	};
#ifdef FAULT_ROW_FIRST
	enter_row();
#endif
#ifdef FAULT_EARLY_CLOSE
	note_claims(0);
#endif
	add_held(granted, cost, BOUND);
	add_settled(granted, cost);
	is_settled = true;
refused:	note_claims(0);
#ifndef FAULT_ROW_FIRST
	enter_row();
#endif
	atomic { day = 0; granted = 0; cost = 0; is_settled = false };
	atomic { may_die(); goto end };
dead:	atomic {
		lives[me] = false;
		if
		:: lock == me + 1 -> lock = 0
		:: else
		fi;
		left[owns_day[me]] = left[owns_day[me]] + owns[me];
		if
		:: !is_settled -> lost[granted] = lost[granted] + cost
		:: else
		fi;
		own(0, 0);
		life++;
		ever = 0; day = 0; known = 0; missing = 0; granted = 0; cost = 0;
		is_settled = false
	};
	goto start;
end:	skip
}

/* read_claims(), of one slot. */
inline look(i, at)
{
	d_step {
		at = (lives[i] -> claims[i] : NOBODY);
#ifdef FAULT_OPEN_ALONE
		at = (lives[i] -> claims[i] & 1 : NOBODY);
#endif
		busy = busy || (at != NOBODY && (at & 1))
	}
}

#ifdef FAULT_ANY_DAY
#define SAME_DAY true
#else
#define SAME_DAY (held.day == was_day)
#endif

proctype release(byte me)
{
	byte day, first[PROCS], second[PROCS], was_day, was, is;
	bool busy;
	day = now;
#ifndef FAULT_RELEASE_UNLOCKED
	atomic { lock == 0 -> lock = me + 1 };
#endif
	look(0, first[0]);
	look(1, first[1]);
	d_step {
		was_day = (held.day > day -> held.day : day);
		was = (held.day < day -> 0 : held.amount)
	};
	is = SETTLED(was_day);
#ifdef FAULT_ONE_LOOK
	second[0] = first[0];
	second[1] = first[1];
#else
	look(0, second[0]);
	look(1, second[1]);
#endif
#ifdef FAULT_NO_LOOK
	busy = false;
	second[0] = first[0];
	second[1] = first[1];
#endif
	d_step {
		roll(held, day);
		if
		:: scope == 1 && !busy && first[0] == second[0] && first[1] == second[1] && was > is &&
		   held.amount == was && SAME_DAY ->
			held.amount = is;
			left[held.day] = 0;
			spent[held.day] = spent[held.day] - lost[held.day];
			lost[held.day] = 0;
			check()
		:: else
		fi;
		day = 0; first[0] = 0; first[1] = 0; second[0] = 0; second[1] = 0;
		was_day = 0; was = 0; is = 0; busy = false
	};
#ifndef FAULT_RELEASE_UNLOCKED
	lock = 0
#endif
}

init
{
	atomic {
		spent[1] = BEFORE;
		ledger[1] = BEFORE;
		if
		:: true /* the file is new, or the cap; */
		:: held.day = 1; held.amount = 2; /* who began another scope there was killed, */
		   settled.day = 1; settled.amount = 2
		:: scope = 1; held.day = 1; held.amount = 1; left[1] = 1 /* the cap was off for a
		   while, and what somebody dead had reserved is left */
		fi;
		run process(0);
		run process(1);
		run release(PROCS)
	};
	if
	:: atomic { troubles > 0 -> now++; troubles-- }
	:: true
	fi
}
