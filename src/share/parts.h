/* SPDX-License-Identifier: MIT */
/* This machine's parts of the caps that machines share with share_caps = closed: what is asked of
 * the server for them, what its answers mean, and whose questions they answer (BEHAVIOUR.md 14).
 *
 * The server has the parts of all machines, of each cap and period. A machine takes what a request
 * needs and a slice ahead, never more than the cap leaves, and gives back what it holds for nobody.
 * A server that has lost everything gives nothing at first, and each machine tells it with every
 * wish its own part, and what it last knew of the others': so nothing is given twice, as far as any
 * machine can know. One wish for a part is under way at a time.
 *
 * Reads and writes parts in the state's memory; no other I/O. A struct parts belongs to its caller,
 * and begins as zeros. One thread. */
#ifndef SHARE_PARTS_H
#define SHARE_PARTS_H

#include "share/ask.h"

#define PARTS_MAX       ((size_t)STATE_SCOPES * BUDGET_KINDS * 2)
#define PARTS_ASKED_MAX 64
#define PARTS_SLICES    64   /* a slice is that part of the cap: so little a machine has ahead */
#define PARTS_KEEP_MS   2000 /* so long after a grant it gives nothing back */

/* Of the server's memory: random, so another one after that was lost; "": none is known. With the
 * NUL. */
#define PART_BIRTH_SIZE 17

struct part {
	struct budget_key key;
	int64_t cap;         /* as was asked last; 0: nobody has */
	int64_t promised;    /* granted, and perhaps not reserved yet */
	int64_t promised_ms; /* when it was last; steady clock, as all of these */
	int64_t others;      /* what the other machines had, as the server said last */
	int64_t floor;       /* what they had before the server forgot */
	int64_t spent;       /* what was told of it */
	char birth[PART_BIRTH_SIZE];
	bool is_under_way; /* a wish */
	bool is_due;       /* the server is to be told */
};

struct parts {
	size_t n, n_asked;
	struct part list[PARTS_MAX];
	struct {
		struct share_question question;
		bool is_told; /* the server was asked for it */
	} asked[PARTS_ASKED_MAX];
};

/* A cap and period as the server knows them. Returns text. */
#define PART_NAME_SIZE sizeof("0123456789abcdef:month:65535")
const char *part_name(const struct budget_key *key, char text[static PART_NAME_SIZE]);

/* What to tell the server, and ask of it: to make the part at least need, better want, as far as
 * the cap leaves; or to leave it as it is. Amounts are nano-dollars. */
struct part_wish {
	struct budget_key key;
	int64_t is, spent, need, want, cap;
	int64_t others_known; /* what the others have at least, if its memory is still the known, */
	int64_t others_lost;  /* and if it is not */
	char birth[PART_BIRTH_SIZE];
};

/* What it says: the part, and what all others have, and have spent. */
struct part_answer {
	struct budget_key key;
	int64_t part, others, others_spent;
	char birth[PART_BIRTH_SIZE];
};

/* A question of a responder. False: there is no room. */
bool parts_ask(struct parts *parts, const struct share_question *question);

/* Takes out a question that can be answered now. False: there is none. */
bool parts_next_answer(struct parts *parts, const struct state *state, int64_t now_ms,
		       struct share_question *question, bool *is_granted);

/* Fills in the next wish, which then is under way. False: there is none. */
bool parts_next_wish(struct parts *parts, const struct state *state, struct part_wish *wish);

/* The server's answer to the wish that is under way. */
void parts_learn(struct parts *parts, struct state *state, const struct part_answer *answer);

/* Lowers the parts that are larger than needed; the server is to be told of that, and of what was
 * spent. */
void parts_give_back(struct parts *parts, struct state *state, int64_t now_ms);

/* Forgets those of a day or month more than one ahead, of a clock that was set back: no answer may
 * put them into the state again. */
void parts_forget_ahead(struct parts *parts, const uint32_t periods[static BUDGET_KINDS]);

/* All parts that are in the state are to be told, and what the others have is to be read. */
void parts_tell_all(struct parts *parts, const struct state *state);

/* The server is away: no answer will come. */
void parts_clear(struct parts *parts);

#endif
