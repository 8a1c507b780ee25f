/* One provider's pause among three machines that tell each other what they know: health_merge() in
 * health.c, and how the messenger reads and fills the server (BEHAVIOUR.md 5).
 *
 * EVENTS times something happens at one machine: a response begins or extends its pause, or a
 * success ends it. Its record is then a fact, which stands at the server in the place of the last
 * one, whatever that was, and which any machine gets: sooner or later, before older ones, twice, or
 * never. A machine reads what stands at the server, joins it, and writes what the server lacks: at
 * any time, and in the end all do, twice. At any time the server loses its data.
 *
 * Time stands still: pauses that are over by the clock are the matter of lease.pml.
 *
 * FAULT_…: what the test must find, see run. */
#ifndef EVENTS
#define EVENTS 4
#endif
#define HOSTS  3
#define SERVER HOSTS /* what stands at the server */

/* struct health, of each machine; then of the server, and of each fact. */
#define RECORDS (HOSTS + 1 + EVENTS + 1)
#define NOTHING (RECORDS - 1)
bool paused[RECORDS];
byte since[RECORDS], until[RECORDS];
byte facts = 0;

byte now = 1;

/* What really was so: for the assertions alone. */
byte begun[EVENTS], ends[EVENTS]; /* of each pause that was told */
byte pauses = 0;
byte proved = 0; /* the newest pause that a success has ended */

/* merge_pause() */
inline merge(to, from)
{
	if
#ifdef FAULT_LAST_WINS
	:: true -> copy(to, from)
#else
	:: paused[from] && paused[to] ->
#ifdef FAULT_SHORTENS
		until[to] = until[from];
#else
		until[to] = (until[from] > until[to] -> until[from] : until[to]);
#endif
#ifdef FAULT_BEGIN_KEPT
		skip
#else
		since[to] = (since[from] > since[to] -> since[from] : since[to])
#endif
#ifdef FAULT_ANY_PAUSE
	:: paused[from] && !paused[to] -> copy(to, from)
#else
	:: paused[from] && !paused[to] && since[from] > since[to] -> copy(to, from)
#endif
#ifdef FAULT_ANY_END
	:: !paused[from] -> copy(to, from)
#else
	:: !paused[from] && since[from] >= since[to] -> copy(to, from)
#endif
	:: else
#endif
	fi
}

inline copy(to, from)
{
	paused[to] = paused[from];
	since[to] = since[from];
	until[to] = until[from]
}

inline tell()
{
	copy(HOSTS + 1 + facts, me);
	copy(SERVER, me);
	facts++
}

/* What a machine's own response does: apply_pause() and end_pause() in health.c. Two may come at
 * the same moment. */
inline respond()
{
	if
	:: now++
	:: skip
	fi;
	if
	:: l = 1
	:: l = 3
	fi;
	until[me] = (paused[me] && until[me] > now + l -> until[me] : now + l);
	since[me] = (since[me] > now -> since[me] : now);
	paused[me] = true;
	begun[pauses] = now;
	ends[pauses] = now + l;
	pauses++;
	tell()
}

/* The success of a request that began after the response that began the pause; so it is later. */
inline succeed()
{
	now++;
	paused[me] = false;
	until[me] = 0;
	proved = (since[me] > proved -> since[me] : proved);
#ifdef FAULT_END_UNNAMED
	since[me] = 0;
#endif
	tell()
}

/* On a connection, and once a minute: read all, join it, send what the server lacks. */
inline exchange(h)
{
	merge(h, SERVER);
#ifdef FAULT_NOT_SENT
	skip
#else
	merge(SERVER, h)
#endif
}

inline forget()
{
	l = 0;
	i = 0
}

#define is_same(a, b) (paused[a] == paused[b] && since[a] == since[b] && until[a] == until[b])

init
{
	byte me, l, i, round;
	do
	:: atomic {
		   facts < EVENTS ->
		   if :: me = 0 :: me = 1 :: me = 2 fi;
		   if
		   :: respond()
		   :: paused[me] -> succeed()
		   fi;
		   me = 0;
		   forget()
	   }
	:: atomic {
		   facts > 0 ->
		   if :: me = 0 :: me = 1 :: me = 2 fi;
		   do
		   :: i + 1 < facts -> i++
		   :: break
		   od;
		   merge(me, HOSTS + 1 + i);
		   me = 0;
		   forget()
	   }
	:: atomic { if :: me = 0 :: me = 1 :: me = 2 fi; exchange(me); me = 0 }
	/* It begins anew, without its data. */
	:: atomic { copy(SERVER, NOTHING) }
	:: break
	od;
	atomic {
#ifndef FAULT_NO_EXCHANGE
		for (round : 1 .. 2) {
			for (me : 0 .. HOSTS - 1) {
				exchange(me)
			}
		}
#endif
		assert(is_same(0, 1) && is_same(1, 2));
		l = 0;
		i = 0;
		do
		:: i < pauses ->
			/* One that no success has ended runs everywhere, to its end or later. */
			assert(begun[i] <= proved || (paused[0] && until[0] >= ends[i]));
			l = l + (begun[i] > proved -> 1 : 0);
			i++
		:: else -> break
		od;
		/* And nothing else does. */
		assert(!paused[0] || l > 0)
	}
}
