/* SPDX-License-Identifier: MIT */
/* The connections to the Valkey or Redis server: one for commands, one for what is published.
 *
 * Connects by itself, and again after each failure, at most every half second at first and every
 * ten seconds in the end. Bounded, since libhiredis queues without a bound and knows no timeouts:
 * WIRE_UNANSWERED_MAX commands, and WIRE_ANSWER_MS for an answer, or both connections are dropped.
 * Only connecting may block, while a name is looked up. One thread. */
#ifndef SHARE_WIRE_H
#define SHARE_WIRE_H

#include "base/loop.h"
#include "config/share_url.h"
#include "share/parts.h"

#define WIRE_UNANSWERED_MAX 64
#define WIRE_ANSWER_MS      1000
#define WIRE_LEASE_MS       60000 /* as long as a probe's lease in the state */
#define WIRE_QUIET_MS       15000 /* longer than until who has lost a connection has another */

struct wire;

struct wire_events {
	/* The server's clock before ours: before up(), and the answer to wire_time(). */
	void (*time)(void *owner, int64_t ahead_ms);
	/* Connected and subscribed. */
	void (*up)(void *owner);
	/* No longer, or not at all. why: printable, without a secret. */
	void (*down)(void *owner, const char *why);
	/* Something was published, by whomever. */
	void (*heard)(void *owner, const char *text, size_t n);
	/* One entry of what wire_read() asked for; field NULL: that was all. */
	void (*entry)(void *owner, const char *hash, const char *field, const char *text, size_t n);
	/* The answer to wire_lease(). */
	void (*lease)(void *owner, const char *name, bool is_granted);
	/* The answer to wire_part(). */
	void (*part)(void *owner, const struct part_answer *answer);
};

/* Begins to connect. url, password (NULL: none) and events are borrowed until wire_free(). NULL:
 * out of memory, or it needs TLS, which this build has not (share/tls.h). */
struct wire *wire_new(struct loop *loop, const struct share_url *url, const char *password,
		      const struct wire_events *events, void *owner);
void wire_free(struct wire *wire); /* NULL is fine; calls none of the events */

/* Whether the next call of each of the following will be sent; else it does nothing. */
bool wire_is_ready(const struct wire *wire);

/* Keeps a text under a field of a hash, and publishes it. hash NULL: publishes it only. */
void wire_tell(struct wire *wire, const char *hash, const char *field, const char *text, size_t n);

/* Asks for the server's clock; time() comes before what is read after this. False: not now. */
bool wire_time(struct wire *wire);

/* Reads a whole hash, which is to be kept for keep_ms from now. False: not now, and no entry()
 * follows. */
bool wire_read(struct wire *wire, const char *hash, int64_t keep_ms);

/* Removes a field. */
void wire_remove(struct wire *wire, const char *hash, const char *field);

/* Asks for a lease of that name (at most 64 bytes) for WIRE_LEASE_MS; gives one back that this
 * holder has, or has it last so long from now on. */
void wire_lease(struct wire *wire, const char *name, const char *holder);
void wire_release(struct wire *wire, const char *name, const char *holder);
void wire_renew(struct wire *wire, const char *name, const char *holder);

/* Tells the machine's part of a cap, and asks for a larger one: part() follows, or down().
 * machine: its state_machine(). The caller has seen that it is ready. */
void wire_part(struct wire *wire, uint64_t machine, const struct part_wish *wish);

#endif
