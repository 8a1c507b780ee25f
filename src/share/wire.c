/* SPDX-License-Identifier: MIT */
#include "share/wire.h"

#include "base/caps.h"
#include "base/clock.h"
#include "base/printable.h"
#include "share/tls.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	LOOK_MS = 200,     /* how often the bounds are checked */
	CONNECT_MS = 3000, /* until it is subscribed */
	AGAIN_FIRST_MS = 500,
	AGAIN_MAX_MS = 10000,
	ENTRY_MAX = 65536, /* of a hash: more of them are nobody's facts */
};
/* Longer than anybody spends it. */
#define PART_DAY_MS   (3 * 86400000LL)
#define PART_MONTH_MS (40 * 86400000LL)

/* Gives a lease back, unless another has it by now. */
#define RELEASE "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end"
/* Or keeps it. */
#define RENEW                                                                                      \
	"if redis.call('get',KEYS[1])==ARGV[1] then "                                              \
	"return redis.call('pexpire',KEYS[1],ARGV[2]) end"

/* A machine's part of a cap among those of all, a field each. KEYS: they; what each has spent,
 * which one of an older version does not tell; the birth of the server's memory; and, while that is
 * young, a sign that nothing is given yet, since machines have not told what they have. ARGV: the
 * machine, struct part_wish in its order, a birth if there is none, how long the first two are
 * kept, and how long the sign. Amounts are below 2^53, so Lua's numbers are exact. */
#define PART                                                                                       \
	"local is,need,want,cap=tonumber(ARGV[2]),tonumber(ARGV[4]),tonumber(ARGV[5]),"            \
	"tonumber(ARGV[6]) "                                                                       \
	"if redis.call('set',KEYS[3],ARGV[10],'nx') then "                                         \
	"redis.call('set',KEYS[4],'1','px',ARGV[12]) end "                                         \
	"local birth=redis.call('get',KEYS[3]) "                                                   \
	"local function others(key) "                                                              \
	"local sum,all=0,redis.call('hgetall',key) "                                               \
	"for i=1,#all,2 do if all[i]~=ARGV[1] then sum=sum+(tonumber(all[i+1]) or 0) end end "     \
	"return sum end "                                                                          \
	"local function keep(key,amount) "                                                         \
	"redis.call('hset',key,ARGV[1],amount) "                                                   \
	"redis.call('pexpire',key,ARGV[11]) end "                                                  \
	"local known=tonumber(birth==ARGV[9] and ARGV[7] or ARGV[8]) "                             \
	"local have=math.max(others(KEYS[1]),known) "                                              \
	"local part=math.min(want,cap-have) "                                                      \
	"if part<need or part<is or redis.call('get',KEYS[4]) then part=is end "                   \
	"part=string.format('%.0f',part) "                                                         \
	"keep(KEYS[1],part) "                                                                      \
	"keep(KEYS[2],ARGV[3]) "                                                                   \
	"return {part,string.format('%.0f',have),string.format('%.0f',others(KEYS[2])),birth}"

/* One connection, and what libhiredis wants of the loop for it. */
struct line {
	struct wire *wire;
	redisAsyncContext *context; /* NULL: none */
	struct watch watch;
	uint32_t events;
};

enum wire_state { WIRE_DOWN, WIRE_CONNECTING, WIRE_UP };

struct wire {
	struct loop *loop;
	const struct share_url *url;
	const char *password;
	struct tls *tls; /* NULL: without */
	const struct wire_events *events;
	void *owner;
	enum wire_state state;
	struct line commands, published;
	struct timer look;
	int64_t since_ms; /* of the state; steady clock, as all of these */
	int64_t again_ms; /* the wait before the next try */
	int64_t asked_ms; /* when the oldest command without an answer was sent, or later */
	unsigned unanswered;
	bool is_subscribed;
	bool has_time;
};

/* What the answer to a command is for. */
struct ask {
	struct wire *wire;
	char name[65]; /* a hash or a lease */
	struct budget_key part;
};

static void drop(struct wire *wire, const char *why);

/* ---- The loop, for libhiredis ------------------------------------------------- */

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct line *line = CONTAINER_OF(watch, struct line, watch);
	/* Either may end the connection; a failure is found by whoever is tried. */
	if (line->context != NULL && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 &&
	    (line->events & EPOLLOUT) != 0)
		redisAsyncHandleWrite(line->context);
	if (line->context != NULL && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		redisAsyncHandleRead(line->context);
}

static void
want(struct line *line, uint32_t events)
{
	if (line->context == NULL || line->events == events)
		return;
	line->events = events;
	if (events == 0)
		loop_unwatch(line->wire->loop, &line->watch);
	else if (!loop_watch(line->wire->loop, &line->watch, line->context->c.fd, events))
		line->wire->asked_ms = 0; /* no answer will come, and look() sees that */
}

static void
add_read(void *line)
{
	want(line, ((struct line *)line)->events | EPOLLIN);
}

static void
del_read(void *line)
{
	want(line, ((struct line *)line)->events & ~(uint32_t)EPOLLIN);
}

static void
add_write(void *line)
{
	want(line, ((struct line *)line)->events | EPOLLOUT);
}

static void
del_write(void *line)
{
	want(line, ((struct line *)line)->events & ~(uint32_t)EPOLLOUT);
}

static void
forget(void *at)
{
	struct line *line = at;
	if (line->context != NULL)
		loop_unwatch(line->wire->loop, &line->watch);
	line->context = NULL;
	line->events = 0;
}

/* ---- Connecting ------------------------------------------------------------- */

/* A context that failed is freed by libhiredis, after these. */
static void
on_connect(const redisAsyncContext *context, int status)
{
	struct line *line = context->ev.data;
	if (status == REDIS_OK)
		return;
	forget(line);
	drop(line->wire, context->errstr);
}

static void
on_disconnect(const redisAsyncContext *context, int status)
{
	struct line *line = context->ev.data;
	forget(line);
	drop(line->wire, status == REDIS_OK ? "disconnected" : context->errstr);
}

/* NULL, or what the server says against it. */
static const char *
refusal(const redisReply *reply)
{
	return reply != NULL && reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

/* Every answer passes here. False: there is none, or an error, and the connections are gone. */
static bool
answered(struct wire *wire, const redisReply *reply)
{
	if (reply == NULL || wire->state == WIRE_DOWN)
		return false; /* the end of a connection, which drop() tells */
	if (wire->unanswered > 0)
		wire->unanswered--;
	wire->asked_ms = clock_steady_ms();
	if (refusal(reply) == NULL)
		return true;
	drop(wire, refusal(reply));
	return false;
}

static void
come_up(struct wire *wire)
{
	if (wire->state != WIRE_CONNECTING || !wire->is_subscribed || !wire->has_time)
		return;
	wire->state = WIRE_UP;
	wire->since_ms = clock_steady_ms();
	wire->again_ms = AGAIN_FIRST_MS;
	wire->events->up(wire->owner);
}

static void
on_setup(redisAsyncContext *context, void *reply, void *wire)
{
	(void)context;
	answered(wire, reply);
}

static void
on_time(redisAsyncContext *context, void *reply, void *at)
{
	struct wire *wire = at;
	const redisReply *r = reply;
	(void)context;
	if (!answered(wire, r))
		return;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[0]->str == NULL ||
	    r->element[1]->str == NULL) {
		drop(wire, "the server does not tell the time");
		return;
	}
	wire->events->time(wire->owner, strtoll(r->element[0]->str, NULL, 10) * 1000 +
					    strtoll(r->element[1]->str, NULL, 10) / 1000 -
					    clock_wall_ms());
	wire->has_time = true;
	come_up(wire);
}

/* Called for the subscription, and for each message. */
static void
on_published(redisAsyncContext *context, void *reply, void *at)
{
	struct wire *wire = at;
	const redisReply *r = reply;
	(void)context;
	if (r == NULL || wire->state == WIRE_DOWN)
		return;
	if (refusal(r) != NULL) {
		drop(wire, refusal(r));
	} else if (r->type == REDIS_REPLY_ARRAY && r->elements == 3 &&
		   r->element[0]->type == REDIS_REPLY_STRING) {
		bool is_message = strcmp(r->element[0]->str, "message") == 0;
		if (is_message && r->element[2]->type == REDIS_REPLY_STRING)
			wire->events->heard(wire->owner, r->element[2]->str, r->element[2]->len);
		else if (!is_message)
			wire->is_subscribed = true;
		come_up(wire);
	}
}

/* False: it cannot be, and the other one is closed, too. */
static bool
connect_line(struct line *line)
{
	const struct share_url *url = line->wire->url;
	redisAsyncContext *context = url->socket[0] != '\0'
					 ? redisAsyncConnectUnix(url->socket)
					 : redisAsyncConnect(url->host, (int)url->port);
	if (context == NULL) {
		drop(line->wire, "out of memory");
		return false;
	}
	bool is_plain = line->wire->tls == NULL;
	if (context->err != 0 || !(is_plain || tls_start(line->wire->tls, &context->c))) {
		drop(line->wire, context->err != 0 ? context->errstr : "TLS cannot be begun");
		redisAsyncFree(context);
		return false;
	}
	line->context = context;
	context->ev.data = line;
	context->ev.addRead = add_read;
	context->ev.delRead = del_read;
	context->ev.addWrite = add_write;
	context->ev.delWrite = del_write;
	context->ev.cleanup = forget;
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	return true;
}

/* The first words on a connection: nobody else's, so they are not counted. */
static void
introduce(struct line *line)
{
	const struct share_url *url = line->wire->url;
	const char *password = line->wire->password;
	if (password != NULL && url->user[0] != '\0')
		redisAsyncCommand(line->context, on_setup, line->wire, "AUTH %s %s", url->user,
				  password);
	else if (password != NULL)
		redisAsyncCommand(line->context, on_setup, line->wire, "AUTH %s", password);
	if (url->db != 0)
		redisAsyncCommand(line->context, on_setup, line->wire, "SELECT %u", url->db);
}

static void
connect_both(struct wire *wire)
{
	wire->state = WIRE_CONNECTING;
	wire->since_ms = wire->asked_ms = clock_steady_ms();
	wire->unanswered = 0;
	wire->is_subscribed = wire->has_time = false;
	if (!connect_line(&wire->commands) || !connect_line(&wire->published))
		return;
	introduce(&wire->commands);
	introduce(&wire->published);
	redisAsyncCommand(wire->commands.context, on_time, wire, "TIME");
	redisAsyncCommand(wire->published.context, on_published, wire, "SUBSCRIBE %s:facts",
			  wire->url->prefix);
}

/* ---- The end of a connection --------------------------------------------------- */

static void
close_line(struct line *line)
{
	redisAsyncContext *context = line->context;
	forget(line);
	if (context != NULL)
		redisAsyncFree(context); /* calls those who wait for answers, without one */
}

static void
drop(struct wire *wire, const char *why)
{
	char text[PRINTABLE_SIZE];
	if (wire->state == WIRE_DOWN)
		return;
	/* Of TLS libhiredis says only that it failed. */
	const char *reason = wire->tls == NULL ? NULL : tls_reason();
	if (reason != NULL)
		why = reason;
	printable(why, strlen(why), text, sizeof text);
	wire->state = WIRE_DOWN;
	wire->since_ms = clock_steady_ms();
	close_line(&wire->commands);
	close_line(&wire->published);
	wire->events->down(wire->owner, text);
}

static bool
is_overdue(const struct wire *wire, int64_t now_ms)
{
	return (wire->state == WIRE_CONNECTING && now_ms - wire->since_ms > CONNECT_MS) ||
	       (wire->state == WIRE_UP && wire->unanswered > 0 &&
		now_ms - wire->asked_ms > WIRE_ANSWER_MS);
}

static void
look(struct timer *timer)
{
	struct wire *wire = CONTAINER_OF(timer, struct wire, look);
	int64_t now_ms = clock_steady_ms();
	loop_after(wire->loop, &wire->look, LOOK_MS); /* its place is free: it cannot fail */
	if (is_overdue(wire, now_ms)) {
		drop(wire, "the server does not answer");
	} else if (wire->state == WIRE_DOWN && now_ms - wire->since_ms >= wire->again_ms) {
		wire->again_ms =
		    wire->again_ms * 2 < AGAIN_MAX_MS ? wire->again_ms * 2 : AGAIN_MAX_MS;
		connect_both(wire);
	}
}

struct wire *
wire_new(struct loop *loop, const struct share_url *url, const char *password,
	 const struct wire_events *events, void *owner)
{
	struct wire *wire = calloc(1, sizeof *wire);
	if (wire == NULL)
		return NULL;
	*wire = (struct wire){
	    .loop = loop,
	    .url = url,
	    .password = password,
	    .events = events,
	    .owner = owner,
	    .commands = {.wire = wire, .watch = {.ready = on_ready}},
	    .published = {.wire = wire, .watch = {.ready = on_ready}},
	    .look = {.due = look},
	    .since_ms = clock_steady_ms() - AGAIN_MAX_MS,
	    .again_ms = AGAIN_FIRST_MS / 2,
	};
	wire->tls = url->is_tls ? tls_new(url->host) : NULL;
	if ((!url->is_tls || wire->tls != NULL) && loop_after(loop, &wire->look, 0))
		return wire;
	tls_free(wire->tls);
	free(wire);
	return NULL;
}

void
wire_free(struct wire *wire)
{
	if (wire == NULL)
		return;
	wire->state = WIRE_DOWN;
	close_line(&wire->commands);
	close_line(&wire->published);
	loop_cancel(wire->loop, &wire->look);
	tls_free(wire->tls);
	free(wire);
}

/* ---- Commands ------------------------------------------------------------------- */

bool
wire_is_ready(const struct wire *wire)
{
	return wire->state == WIRE_UP && wire->unanswered < WIRE_UNANSWERED_MAX;
}

/* False: no answer will come. */
static bool
send_command(struct wire *wire, redisCallbackFn *on_answer, void *data, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (wire->unanswered++ == 0)
		wire->asked_ms = clock_steady_ms();
	bool is_sent = redisvAsyncCommand(wire->commands.context, on_answer, data, format,
					  arguments) == REDIS_OK;
	va_end(arguments);
	if (!is_sent)
		wire->asked_ms = 0; /* look() sees that no answer comes */
	return is_sent;
}

static void
on_done(redisAsyncContext *context, void *reply, void *wire)
{
	(void)context;
	answered(wire, reply);
}

void
wire_tell(struct wire *wire, const char *hash, const char *field, const char *text, size_t n)
{
	const char *prefix = wire->url->prefix;
	if (!wire_is_ready(wire))
		return;
	if (hash != NULL)
		send_command(wire, on_done, wire, "HSET %s:%s %s %b", prefix, hash, field, text, n);
	send_command(wire, on_done, wire, "PUBLISH %s:facts %b", prefix, text, n);
}

void
wire_remove(struct wire *wire, const char *hash, const char *field)
{
	if (wire_is_ready(wire))
		send_command(wire, on_done, wire, "HDEL %s:%s %s", wire->url->prefix, hash, field);
}

bool
wire_time(struct wire *wire)
{
	return wire_is_ready(wire) && send_command(wire, on_time, wire, "TIME");
}

static struct ask *
ask_new(struct wire *wire, const char *name)
{
	struct ask *ask = calloc(1, sizeof *ask);
	if (ask == NULL)
		return NULL;
	ask->wire = wire;
	snprintf(ask->name, sizeof ask->name, "%s", name);
	return ask;
}

static void
on_hash(redisAsyncContext *context, void *reply, void *data)
{
	struct ask *ask = data;
	struct wire *wire = ask->wire;
	const redisReply *r = reply;
	(void)context;
	if (answered(wire, r)) {
		size_t n = r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
		for (size_t i = 0; i + 1 < n && i < ENTRY_MAX && wire->state == WIRE_UP; i += 2)
			if (r->element[i]->str != NULL && r->element[i + 1]->str != NULL)
				wire->events->entry(wire->owner, ask->name, r->element[i]->str,
						    r->element[i + 1]->str, r->element[i + 1]->len);
		if (wire->state == WIRE_UP)
			wire->events->entry(wire->owner, ask->name, NULL, NULL, 0);
	}
	free(ask);
}

bool
wire_read(struct wire *wire, const char *hash, int64_t keep_ms)
{
	struct ask *ask = wire_is_ready(wire) ? ask_new(wire, hash) : NULL;
	if (ask == NULL)
		return false;
	send_command(wire, on_done, wire, "PEXPIRE %s:%s %lld", wire->url->prefix, hash,
		     (long long)keep_ms);
	if (send_command(wire, on_hash, ask, "HGETALL %s:%s", wire->url->prefix, hash))
		return true;
	free(ask);
	return false;
}

static void
on_lease(redisAsyncContext *context, void *reply, void *data)
{
	struct ask *ask = data;
	struct wire *wire = ask->wire;
	const redisReply *r = reply;
	(void)context;
	if (answered(wire, r))
		wire->events->lease(wire->owner, ask->name, r->type == REDIS_REPLY_STATUS);
	free(ask);
}

void
wire_lease(struct wire *wire, const char *name, const char *holder)
{
	struct ask *ask = wire_is_ready(wire) ? ask_new(wire, name) : NULL;
	if (ask != NULL && !send_command(wire, on_lease, ask, "SET %s:lease:%s %s NX PX %d",
					 wire->url->prefix, name, holder, WIRE_LEASE_MS))
		free(ask);
}

void
wire_release(struct wire *wire, const char *name, const char *holder)
{
	if (wire_is_ready(wire))
		send_command(wire, on_done, wire, "EVAL %s 1 %s:lease:%s %s", RELEASE,
			     wire->url->prefix, name, holder);
}

void
wire_renew(struct wire *wire, const char *name, const char *holder)
{
	if (wire_is_ready(wire))
		send_command(wire, on_done, wire, "EVAL %s 1 %s:lease:%s %s %d", RENEW,
			     wire->url->prefix, name, holder, WIRE_LEASE_MS);
}

/* False: it is no such answer. */
static bool
read_part(const redisReply *r, struct part_answer *answer)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 4)
		return false;
	for (size_t i = 0; i < r->elements; i++)
		if (r->element[i]->type != REDIS_REPLY_STRING)
			return false;
	answer->part = strtoll(r->element[0]->str, NULL, 10);
	answer->others = strtoll(r->element[1]->str, NULL, 10);
	answer->others_spent = strtoll(r->element[2]->str, NULL, 10);
	snprintf(answer->birth, sizeof answer->birth, "%s", r->element[3]->str);
	return true;
}

static void
on_part(redisAsyncContext *context, void *reply, void *data)
{
	struct ask *ask = data;
	struct wire *wire = ask->wire;
	struct part_answer answer = {.key = ask->part};
	(void)context;
	if (answered(wire, reply)) {
		if (read_part(reply, &answer))
			wire->events->part(wire->owner, &answer);
		else
			drop(wire, "the server's answer is no part of a cap");
	}
	free(ask);
}

void
wire_part(struct wire *wire, uint64_t machine, const struct part_wish *w)
{
	const char *prefix = wire->url->prefix;
	char name[PART_NAME_SIZE];
	uint64_t fresh;
	part_name(&w->key, name);
	struct ask *ask = ask_new(wire, name);
	if (ask == NULL || getrandom(&fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh) {
		free(ask);
		drop(wire, "out of memory"); /* rather than that the owner waits for ever */
		return;
	}
	ask->part = w->key;
	if (!send_command(wire, on_part, ask,
			  "EVAL %s 4 %s:part:%s %s:part:%s:spent %s:part:birth %s:part:quiet "
			  "%016llx %lld %lld %lld %lld %lld %lld %lld %s %016llx %lld %d",
			  PART, prefix, name, prefix, name, prefix, prefix,
			  (unsigned long long)machine, (long long)w->is, (long long)w->spent,
			  (long long)w->need, (long long)w->want, (long long)w->cap,
			  (long long)w->others_known, (long long)w->others_lost, w->birth,
			  (unsigned long long)fresh,
			  w->key.kind == BUDGET_DAY ? PART_DAY_MS : PART_MONTH_MS, WIRE_QUIET_MS))
		free(ask);
}
