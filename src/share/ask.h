/* SPDX-License-Identifier: MIT */
/* The asking for what all machines have one of: a lease, by who is about to be the probe of a due
 * pause, and a larger part of a cap, by who is about to spend it. This machine's messenger is
 * asked, which asks the server (BEHAVIOUR.md 5 and 14). Both ends of the protocol: a datagram of a
 * fixed form to the Unix socket <state_file>.share, and the same back with the answer. Only this
 * machine's own programs speak it, so its numbers are in the machine's order.
 *
 * An asker's struct is a member of its owner's, a messenger's descriptor belongs to the messenger.
 * Nothing here waits. One thread. */
#ifndef SHARE_ASK_H
#define SHARE_ASK_H

#include "base/buf.h"
#include "base/loop.h"
#include "state/state.h"

#include <sys/socket.h>
#include <sys/un.h>

#define SHARE_ASK_MS 50 /* without an answer by then: SHARE_SILENT */

/* --- Who asks --------------------------------------------------------- */

enum share_answer {
	SHARE_ASKED,   /* the answer comes later */
	SHARE_GRANTED, /* this is the one probe of all machines; the part is larger */
	SHARE_REFUSED, /* another machine probes; too little is left */
	SHARE_SILENT,  /* nobody knows */
};

struct share_lease {
	struct health_key key; /* of the record whose pause is due */
	/* Who has the local lease of that record: when he has it no more, the messenger gives the
	 * cluster's back. 0: a health check, for which there is none; it expires. */
	uint64_t holder;
};

enum share_wish_kind { SHARE_LEASE, SHARE_PART };

/* What is asked for. */
struct share_wish {
	enum share_wish_kind kind;
	union {
		struct share_lease lease;
		struct budget_want part;
	};
};

/* All zeros: nothing is asked. */
struct share_ask {
	struct loop *loop; /* NULL: nothing is asked */
	struct watch watch;
	struct timer timer;
	struct share_wish wish;
	/* Called once, from the loop, unless share_ask_end() came first; never with SHARE_ASKED. */
	void (*answered)(struct share_ask *ask, enum share_answer answer);
};

/* Asks for it; state_file: as the messenger opened it. SHARE_ASKED: answered() follows within
 * SHARE_ASK_MS. SHARE_GRANTED at once when no messenger is there, so that there is nobody to share
 * with; SHARE_SILENT at once when it cannot be asked: it is overloaded or forbidden, the path is
 * too long, there is no memory or descriptor. ask must not be asking. */
enum share_answer share_ask_begin(struct share_ask *ask, struct loop *loop, const char *state_file,
				  const struct share_wish *wish);

/* Forgets the question; harmless if there is none. */
void share_ask_end(struct share_ask *ask);

/* --- Who answers ------------------------------------------------------ */

/* A question that was received, and where its answer goes. */
struct share_question {
	struct share_wish wish;
	struct sockaddr_un from;
	socklen_t from_size;
};

/* Opens the socket at which questions arrive, mode 0660, non-blocking; what is left there of a
 * messenger that was killed is removed. So the caller must be the only messenger of that state
 * file. -1 and an error text: the path is too long or something else, or the kernel refuses. */
int share_answer_open(const char *state_file, struct buf *error);

/* Closes and removes it, while the caller still is the only messenger. fd may be -1. */
void share_answer_close(int fd, const char *state_file);

/* Receives the next question. What is not a question is dropped. False: none is waiting. */
bool share_answer_receive(int fd, struct share_question *question);

/* Answers it; who no longer waits misses nothing. */
void share_answer_send(int fd, const struct share_question *question, bool granted);

#endif
