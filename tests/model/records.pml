/* A record of the state file, and the place in a table that it stands in:
 * nobody reads half of a change, no change is lost, no lock is left, though a
 * writer may be killed between any two steps (BEHAVIOUR.md 8, PROOFS.md D).
 *
 * One place, two keys that want it. Three processes write and one reads; any
 * writer is killed, wherever it is, any number of times, and a new one takes its
 * place. Each change makes the record's count one larger than what its writer read, or
 * begins at one where the place goes over to the other key; so a torn record,
 * and a change that was lost, are seen.
 *
 * Steps are taken one after the other. What the fences of state_record.c keep
 * in order is in order here; what they leave open (in which order the words of
 * a copy come and go) is open here, and each fence has a fault that leaves it out.
 *
 * FAULT_…: what the test must find, see run. */
#ifndef CHANGES
#define CHANGES 4
#endif
#define QUEUE_MAX 2 /* STATE_QUEUE_MAX, where the oldest is lost */

/* What is in the file: struct state_image. Two words of a copy stand for all. */
byte index;      /* whose the place is; 0: free */
byte generation; /* its lowest bit names the valid copy */
byte keys[2];    /* the copies: the first word, */
byte counts[2];  /* and the last one */

byte lock; /* STATE_WRITE_BYTE: process + 1; 0: free */
bool writing[3]; /* who is between state_map_lock() and state_map_unlock(), alive */
byte changes_left = CHANGES;
chan kill = [0] of { byte };

/* What really was written, by generation: for the assertions alone. */
byte true_keys[CHANGES + 1], true_counts[CHANGES + 1];

#define VALID (generation & 1)

/* state_record_write(): the words in any order, and then the generation. */
inline write_record(k, n)
{
	g = generation;
#ifdef FAULT_LATE_GENERATION /* no release fence: the last change's generation comes after our first word */
	g = g + owed;
#endif
	true_keys[g + 1] = k;
	true_counts[g + 1] = n;
#ifdef FAULT_EARLY_GENERATION /* no release order: the generation before the words */
	generation = g + 1;
#endif
#ifdef FAULT_LIVE_COPY
#define COPY (g & 1)
#else
#define COPY ((g + 1) & 1)
#endif
	if
	:: keys[COPY] = k; settle(); counts[COPY] = n
	:: counts[COPY] = n; settle(); keys[COPY] = k
	fi;
#ifdef FAULT_LATE_GENERATION
	owed = 1;
#else
	assert(generation == g || generation == g + 1);
	generation = g + 1
#endif
}

/* Equal states look equal. */
inline forget()
{
	k = 0;
	n = 0;
	g = 0;
	found = false
}

/* What FAULT_LATE_GENERATION put off. */
inline settle()
{
#ifdef FAULT_LATE_GENERATION
	generation = generation + owed;
	owed = 0
#else
	skip
#endif
}

/* apply_health(), apply_session() …: state_table_find(), and state_table_put().
 * Under the lock nobody else writes, so what is read is one step. */
inline apply()
{
	if
	:: k = 1
	:: k = 2
	fi;
#ifdef FAULT_LATE_GENERATION
	atomic { n = counts[(generation + owed) & 1]; found = index == k && keys[(generation + owed) & 1] == k };
#else
	atomic { n = counts[VALID]; found = index == k && keys[VALID] == k };
#endif
	if
	:: found -> write_record(k, n + 1)
	:: else ->
#ifdef FAULT_INDEX_KEPT /* the place has an owner while it changes hands */
		index = k;
		write_record(k, 1)
#else
		index = 0;
		write_record(k, 1);
		index = k
#endif
	fi;
	queued--
}

/* state_queue_write(): all that waits, in one holding of the lock. */
inline write_queue()
{
	assert(index == 0 || index == keys[VALID]); /* whoever was killed left the place free or right */
	do
	:: queued > 0 -> apply()
	:: else -> break
	od;
	settle();
	/* state_map_unlock() */
	atomic { lock = 0; writing[me] = false; forget() }
}

/* state_table_find() by a reader, with state_record_read() in it. */
inline find()
{
	if
	:: k = 1
	:: k = 2
	fi;
	if
	:: index != k -> skip
	:: else ->
again:		g = generation;
		if
		:: seen_key = keys[g & 1]; seen_count = counts[g & 1]
		:: seen_count = counts[g & 1]; seen_key = keys[g & 1]
		fi;
#ifndef FAULT_NO_RECHECK
		if
		:: generation != g -> goto again
		:: else -> skip
		fi;
#endif
		assert(seen_key == true_keys[g] && seen_count == true_counts[g]);
#ifdef FAULT_INDEX_TRUSTED
		assert(seen_key == k)
#endif
	fi;
	atomic { k = 0; g = 0; seen_key = 0; seen_count = 0 }
}

/* Who writes: responders, the checker, the control program. */
proctype writer(byte me)
{
	byte k, n, g, queued;
	bool found;
#ifdef FAULT_LATE_GENERATION
	byte owed;
#endif
	do
	:: {
end:		do
		/* state_queue_submit(): a change of a health, a session, …; waits if it must. */
		:: atomic {
			   changes_left > 0 -> changes_left--;
			   if
			   :: queued < QUEUE_MAX -> queued++
			   :: else -> skip
			   fi
		   }
		/* state_map_lock(), at once or from state_tick(). */
		:: atomic {
#ifdef FAULT_NO_LOCK
			   queued > 0 -> lock = me + 1; writing[me] = true
#else
			   queued > 0 && lock == 0 -> lock = me + 1; writing[me] = true
#endif
		   };
		   write_queue()
		od
	   } unless {
		/* kill -9: the kernel frees the lock, all that waited is lost, and a new one begins. */
		atomic {
			kill?eval(me) ->
#ifndef FAULT_LOCK_LEFT
			if
			:: lock == me + 1 -> lock = 0
			:: else -> skip
			fi;
#endif
#ifdef FAULT_LATE_GENERATION
			owed = 0;
#endif
			writing[me] = false;
			assert(lock == 0 || writing[lock - 1]); /* no lock is left */
			forget();
			queued = 0
		}
	   }
	od
}

/* Who reads. A reader changes nothing, so one stands for all. */
active proctype reader()
{
	byte k, g, seen_key, seen_count;
end:	do
	:: find()
	od
}

/* Whoever kills, wherever it likes. */
active proctype killer()
{
end:	do
	:: kill!0
	:: kill!1
	:: kill!2
	od
}

init
{
	atomic { run writer(0); run writer(1); run writer(2) }
}
