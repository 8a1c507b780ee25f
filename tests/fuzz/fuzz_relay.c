/* SPDX-License-Identifier: MIT */
/* exchange.c, step_*.c, relay.c, reply.c: providers' responses on their way to the client,
 * from the head to the last record. attempt.h is implemented here, without sockets; what
 * the client would get is checked.
 *
 * A byte of circumstances, one for the size of the pieces, and the responses in the order
 * of the attempts, with 0x1e in between: head, blank line, body. However a response is cut
 * into pieces, the client gets the same, and no byte that is forwarded is lost or doubled. */
#include "file.h"

#include "app/routes.h"
#include "base/log.h"
#include "dialect/dialect.h"
#include "dialect/origin.h"
#include "dialect/stream.h"
#include "route/exchange.h"
#include "upstream/attempt.h"
#include "json/tree.h"

#include <fastcgi.h>

#define CUT_HERE     0x1e
#define RECEIVED_MAX (1 << 24)

/* Bits of the first byte; three more are the way in which the responses end. */
enum { WANTS_STREAM = 1, CLAUDE_CODE = 2, MARKED_FIRST = 4, ENDING_SHIFT = 3 };

/* The endings of an attempt whose bytes have all arrived. */
static const enum ending endings[8] = {
    ENDING_WHOLE, ENDING_WHOLE, ENDING_WHOLE,   ENDING_CUT,
    ENDING_CUT,   ENDING_IDLE,  ENDING_TOO_BIG, ENDING_TOO_BIG,
};

/* The attempt, and what it gets. */
struct attempt {
	const struct provider *provider;
	void (*on_progress)(void *owner);
	void *owner;
	const char *text; /* head, blank line, body */
	size_t n, at;     /* of it, and how much has arrived */
	size_t read;      /* of it: what was delivered */
	struct response response;
	struct buf bytes;
	bool held, ended;
	enum ending ending;
};

/* What is remembered of the last attempt when it is freed. */
struct last {
	const struct provider *provider;
	const char *body;
	size_t n;
	bool complete; /* its head */
	bool sse;
};

static struct scene {
	const char *remaining; /* the responses that no attempt has got yet */
	size_t n;
	enum ending ending;
	struct attempt *current; /* NULL: none is running */
	unsigned attempts;
	bool early; /* a response was complete before all of it arrived: JSON with more behind it */
	struct last last;
} scene;

/* --- attempt.h, all of it, or the real one is linked, too ------------ */

struct attempt *
attempt_start(struct pool *pool, const struct attempt_options *options,
	      void (*on_progress)(void *owner), void *owner)
{
	(void)pool;
	MUST(scene.current == NULL && options->credential != NULL);
	struct attempt *a = calloc(1, sizeof *a);
	MUST(a != NULL);
	const char *cut = scene.n == 0 ? NULL : memchr(scene.remaining, CUT_HERE, scene.n);
	*a = (struct attempt){
	    .provider = options->provider,
	    .on_progress = on_progress,
	    .owner = owner,
	    .text = scene.remaining,
	    .n = cut == NULL ? scene.n : (size_t)(cut - scene.remaining),
	    .ending = scene.n == 0 ? ENDING_CONNECT : scene.ending,
	};
	size_t used = a->n + (cut != NULL);
	scene.remaining += used;
	scene.n -= used;
	response_init(&a->response);
	buf_init(&a->bytes, RESPONSE_JSON_MAX);
	scene.current = a;
	scene.attempts++;
	scene.last = (struct last){.provider = options->provider};
	return a;
}

struct attempt *
attempt_play(struct pool *pool, const struct attempt_options *options,
	     const struct attempt_script *script, void (*on_progress)(void *owner), void *owner)
{
	(void)pool, (void)options, (void)script, (void)on_progress, (void)owner;
	MUST(!"nobody drills here");
	return NULL;
}

void
attempt_free(struct attempt *a)
{
	if (a == NULL)
		return;
	MUST(scene.current == a);
	scene.current = NULL;
	response_fini(&a->response);
	buf_free(&a->bytes);
	free(a);
}

const struct response *
attempt_response(const struct attempt *a)
{
	return &a->response;
}

void
attempt_forget_head(struct attempt *a)
{
	buf_free(&a->response.forwarded);
}

void
attempt_forget_request(struct attempt *a)
{
	(void)a;
}

struct buf *
attempt_body(struct attempt *a)
{
	return &a->bytes;
}

void
attempt_pause(struct attempt *a)
{
	a->held = true;
}

void
attempt_resume(struct attempt *a)
{
	a->held = false;
}

bool
attempt_is_sent(const struct attempt *a)
{
	(void)a;
	return true;
}

bool
attempt_ended(const struct attempt *a, enum ending *ending)
{
	*ending = a->ending;
	/* There is no complete response without a head. */
	if (a->ending == ENDING_WHOLE && !a->response.complete)
		*ending = ENDING_CUT;
	return a->ended;
}

bool
attempt_was_lost(const struct attempt *a)
{
	(void)a;
	return false;
}

void
attempt_redact(const struct attempt *a, char *bytes, size_t n)
{
	(void)a, (void)bytes, (void)n;
}

/* The next n bytes arrive: complete lines of the head, any bytes of the body. */
static void
arrive(struct attempt *a, size_t n)
{
	a->at += n;
	while (!a->response.complete) {
		const char *line = a->text + a->read;
		const char *end = a->at == a->read ? NULL : memchr(line, '\n', a->at - a->read);
		if (end == NULL)
			return;
		size_t length = (size_t)(end - line) + 1;
		char *copy = fuzz_copy(line, length);
		response_line(&a->response, copy, length, INT64_C(1800000000000),
			      HIDE_ORGANIZATION);
		free(copy);
		a->read += length;
		scene.last = (struct last){.provider = a->provider,
					   .body = a->text + a->read,
					   .n = a->n - a->read,
					   .complete = a->response.complete,
					   .sse = a->response.sse};
	}
	MUST(a->at == a->read || buf_add(&a->bytes, a->text + a->read, a->at - a->read));
	a->read = a->at;
}

/* --- The exchange ----------------------------------------------------- */

static struct app app;
static struct config *configs[2]; /* with MARKED_FIRST, and without */
static struct timer end;

static void
stop(struct timer *timer)
{
	(void)timer;
	loop_stop(app.loop);
}

static struct config *
load_config(const char *providers)
{
	char text[512];
	struct buf error;
	buf_init(&error, CONFIG_ERROR_MAX);
	int n = snprintf(text, sizeof text, "max_retries = 0\nhold = 0\n%s", providers);
	struct config *config = config_load(file_write(text, (size_t)n), &error);
	MUST(config != NULL);
	buf_free(&error);
	return config;
}

/* Everything that lives from one input to the next; the state is read-only, so that it
 * remembers nothing. */
static void
open_router(void)
{
	static const char *const variables[] = {"MAX_RETRIES", "RETRY_DELAY", "CLAUDE_API_KEY",
						"ROUTER_TOKENS_FILE", "ROUTER_STATE_FILE"};
	static const char tokens[] = "claude_api = sk-ant-api03-fuzz\ndeepseek = sk-fuzz\n";
	static char claude[] = "provider claude_api { url = \"http://127.0.0.1:1\" }\n";
	static char deepseek[] = "provider deepseek { url = \"http://127.0.0.1:1\" }\n";
	char both[256];
	struct buf error;
	buf_init(&error, CONFIG_ERROR_MAX);
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		unsetenv(variables[i]);
	MUST(log_open("fuzz", "/dev/null", LOG_ERR, false, &error));
	snprintf(both, sizeof both, "%s%s", claude, deepseek);
	configs[0] = load_config(both);
	snprintf(both, sizeof both, "%s%s", deepseek, claude);
	configs[1] = load_config(both);
	char *path = file_write(tokens, strlen(tokens));
	free(configs[0]->tokens_file);
	configs[0]->tokens_file = strdup(path);
	app.tokens = tokens_load(configs[0], &error);
	unlink(path);
	state_close(state_open(path, &error));
	app.state = state_open_readonly(path, &error);
	app.loop = loop_new();
	MUST(app.tokens != NULL && app.state != NULL && app.loop != NULL);
	app.notifier = notifier_new(app.loop, NULL, configs[0]);
	MUST(app.notifier != NULL);
	end.due = stop;
	buf_free(&error);
}

static void
open_client(struct client *client, unsigned way)
{
	char method[] = "REQUEST_METHOD=POST", uri[] = "REQUEST_URI=/v1/messages";
	char address[] = "REMOTE_ADDR=127.0.0.1", agent[] = "HTTP_USER_AGENT=claude-cli/2.0.0";
	char host[] = "HTTP_HOST=localhost", session[] = "HTTP_X_CLAUDE_CODE_SESSION_ID=s";
	char *params[] = {method, uri, address, host, session, way & CLAUDE_CODE ? agent : NULL,
			  NULL};
	const char *body = way & WANTS_STREAM
			       ? "{\"model\":\"claude-sonnet-5-5\",\"stream\":true,\"messages\":[]}"
			       : "{\"model\":\"claude-sonnet-5-5\",\"messages\":[]}";
	*client = (struct client){.app = &app};
	request_init(&client->request, 4096);
	reply_init(&client->reply, app.loop, -1, 1000, &app.unread);
	MUST(request_read_params(&client->request, params, app.config, &app_routes).status == 0);
	MUST(buf_puts(&client->request.body, body));
	MUST(request_read_body(&client->request).status == 0);
}

/* The client reads all that waits for it. */
static void
drain(struct client *client, struct buf *sink)
{
	struct buf *out = &client->reply.out;
	MUST(app.unread == out->len);
	MUST(out->len == 0 || buf_add(sink, out->data, out->len));
	app.unread = 0;
	buf_free(out);
	if (client->handler != NULL)
		client->handler->drained(client->handling);
}

/* One attempt to its end, or until the exchange frees it. */
static void
run_attempt(struct client *client, size_t piece, struct buf *sink)
{
	unsigned attempts = scene.attempts;
	struct attempt *a = scene.current;
	while (scene.current == a && scene.attempts == attempts && !a->ended) {
		size_t remaining = a->n - a->at;
		a->ended = remaining == 0 || (piece == SIZE_MAX && remaining <= piece);
		arrive(a, remaining < piece ? remaining : piece);
		MUST(!a->held);
		bool more = a->at < a->n && a->response.complete && !a->response.sse;
		a->on_progress(a->owner);
		scene.early |= more && (scene.current != a || client->handler == NULL);
		drain(client, sink);
	}
}

/* All records that the client gets when responses arrive in pieces of that size. */
static void
run(const uint8_t *data, size_t n, size_t piece, struct buf *sink)
{
	struct client client;
	unsigned way = data[0];
	scene = (struct scene){.remaining = (const char *)data + 2,
			       .n = n - 2,
			       .ending = endings[way >> ENDING_SHIFT & 7]};
	app.config = configs[way & MARKED_FIRST ? 1 : 0];
	open_client(&client, way);
	exchange_start(&client);
	while (scene.current != NULL && !scene.current->ended)
		run_attempt(&client, piece, sink);
	MUST(scene.attempts > 0 && client.handler == NULL && client.reply.ended);
	drain(&client, sink);
	request_fini(&client.request);
	reply_fini(&client.reply);
	MUST(loop_after(app.loop, &end, 0) && loop_run(app.loop));
	MUST(scene.current == NULL && app.unread == 0);
}

/* --- What the client received ---------------------------------------------- */

struct received {
	struct buf bytes; /* of the reply: its head and body */
	const char *body;
	size_t n;
	int status;
	bool ours; /* it is not a provider's */
};

/* Complete records, the last of which end the stream and the request. */
static void
read_records(const struct buf *sink, struct received *received)
{
	FCGI_Header h = {0};
	size_t at = 0, length = 1;
	bool closed = false;
	while (at < sink->len) {
		MUST(h.type != FCGI_END_REQUEST && sink->len - at >= sizeof h);
		memcpy(&h, sink->data + at, sizeof h);
		length = (size_t)h.contentLengthB1 << 8 | h.contentLengthB0;
		at += sizeof h;
		MUST(h.version == FCGI_VERSION_1 && h.paddingLength == 0 &&
		     sink->len - at >= length);
		MUST(closed ? h.type == FCGI_END_REQUEST : h.type == FCGI_STDOUT);
		closed = length == 0;
		if (h.type == FCGI_STDOUT)
			MUST(buf_add(&received->bytes, sink->data + at, length));
		at += length;
	}
	MUST(h.type == FCGI_END_REQUEST && length == sizeof(FCGI_EndRequestBody));
}

/* One head, of which each line is safe for a web server, and the body. */
static void
read_received(const struct buf *sink, struct received *received)
{
	char provider[PROVIDER_NAME_MAX];
	unsigned attempts;
	buf_init(&received->bytes, RECEIVED_MAX);
	read_records(sink, received);
	const char *text = buf_text(&received->bytes), *line = text, *stop;
	MUST(sscanf(text, "Status: %d\r\nx-router-provider: %31s\r\nx-router-attempts: %u\r\n",
		    &received->status, provider, &attempts) == 3);
	for (; (stop = strstr(line, "\r\n")) != line; line = stop + 2) {
		MUST(stop != NULL && memchr(line, ':', (size_t)(stop - line)) != NULL);
		for (const char *c = line; c < stop; c++)
			MUST(*c >= ' ' && *c <= '~');
	}
	received->body = line + 2;
	received->n = received->bytes.len - (size_t)(received->body - text);
	received->ours = strcmp(provider, "none") == 0;
	MUST(attempts == scene.attempts && received->status >= 200 && received->status < 600);
	MUST(received->ours || strcmp(provider, scene.last.provider->name) == 0);
}

/* The message of an error of ours. */
static const char *
read_error(const struct received *received, json_object **tree)
{
	json_object *error, *message;
	MUST(received->status >= 400);
	*tree = tree_read(received->body, received->n);
	MUST(*tree != NULL && json_object_object_get_ex(*tree, "error", &error) &&
	     json_object_object_get_ex(error, "message", &message));
	const char *text = json_object_get_string(message);
	MUST(text[0] != '\0' && fuzz_is_shown(text));
	return text;
}

static bool
is_bytes(const struct received *received, const char *bytes, size_t n)
{
	return received->n == n && (n == 0 || memcmp(received->body, bytes, n) == 0);
}

static void
note_all(struct stream *stream, const char *bytes, size_t n)
{
	struct sse sse;
	struct sse_event event;
	size_t at = 0;
	sse_init(&sse);
	while (sse_next(&sse, bytes + at, n - at, &event) == SSE_EVENT) {
		stream_note(stream, &event);
		at += event.raw_len;
	}
	sse_fini(&sse);
}

/* Every event as the provider's dialect decodes it for the client, up to the last one, or
 * to the end that replaces it when the provider breaks off. */
static void
check_stream(const struct received *received, unsigned way)
{
	const struct last *last = &scene.last;
	const struct dialect *dialect = last->provider->dialect;
	struct origin origin = {.provider = last->provider->name};
	struct sse_event event = {0};
	struct stream stream;
	struct buf seen;
	struct sse sse;
	size_t at = 0;
	bool had_content = false, over = false, held = false, reordered = false;
	size_t held_from = 0;
	struct stream before;
	sse_init(&sse);
	stream_init(&stream);
	buf_init(&seen, RECEIVED_MAX);
	while (!over && sse_next(&sse, last->body + at, last->n - at, &event) == SSE_EVENT) {
		at += event.raw_len;
		over = event.kind == SSE_ERROR;
		if (over)
			break;
		had_content = stream.content;
		/* A ping overtakes the start of a block that is held. */
		reordered |= held && event.kind == SSE_PING;
		if (event.kind != SSE_PING) {
			bool was_held = held;
			held = had_content && event.kind == SSE_BLOCK_START;
			/* Of several starts in a row, all are held. */
			if (held && !was_held)
				held_from = seen.len, before = stream;
		}
		size_t from = seen.len;
		MUST(dialect->decode_event == NULL ? buf_add(&seen, event.raw, event.raw_len)
						   : dialect->decode_event(&origin, &event, &seen));
		/* As it came it is not read anew: its end may be a CR, behind which an LF may follow. */
		size_t n = seen.len - from;
		if (n == event.raw_len && memcmp(buf_text(&seen) + from, event.raw, n) == 0)
			stream_note(&stream, &event);
		else
			note_all(&stream, buf_text(&seen) + from, n);
		enum block_kind kind =
		    stream.n_open == 0 ? BLOCK_NONE : stream.open[stream.n_open - 1].kind;
		held = held && (kind == BLOCK_TEXT || kind == BLOCK_TOOL_USE);
		over = stream.complete;
	}
	MUST(stream.content || stream.complete);
	bool failed = event.kind == SSE_ERROR;
	/* The start of a block without content was not sent, but a ping behind it was. */
	if ((!over || failed) && held) {
		stream = before;
		seen.len = held_from;
	}
	if (!over || failed)
		MUST(stream_close(&stream, stream_mend(&stream, way & CLAUDE_CODE, true),
				  failed ? event.raw : NULL, failed ? event.raw_len : 0, &seen));
	MUST(reordered || is_bytes(received, buf_text(&seen), seen.len));
	buf_free(&seen);
	origin_fini(&origin);
	sse_fini(&sse);
}

/* The reply to responses in one piece. */
static void
check_whole(const struct received *received, unsigned way)
{
	const struct last *last = &scene.last;
	struct buf marked;
	json_object *tree;
	if (received->ours) {
		read_error(received, &tree);
		json_object_put(tree);
		return;
	}
	MUST(last->complete); /* else it is ours */
	if (received->status == 200 && last->sse) {
		check_stream(received, way);
	} else if (received->status >= 300 && last->sse) {
		MUST(received->n <= last->n);
	} else if (received->status >= 300 || last->provider->dialect->decode_json == NULL) {
		MUST(is_bytes(received, last->body, last->n));
	} else {
		buf_init(&marked, RECEIVED_MAX);
		MUST(last->provider->dialect->decode_json(last->provider->name, -1, last->body,
							  last->n, &marked));
		MUST(is_bytes(received, buf_text(&marked), marked.len));
		buf_free(&marked);
	}
}

static void
check_same(const struct received *a, const struct received *b)
{
	json_object *trees[2];
	MUST(a->status == b->status && a->ours == b->ours);
	if (a->ours) {
		MUST(strcmp(read_error(a, &trees[0]), read_error(b, &trees[1])) == 0);
		json_object_put(trees[0]);
		json_object_put(trees[1]);
		return;
	}
	MUST(a->bytes.len == b->bytes.len &&
	     memcmp(a->bytes.data, b->bytes.data, a->bytes.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf sinks[2];
	struct received received[2];
	if (n < 2 || n > 16384)
		return 0;
	if (app.loop == NULL)
		open_router();
	memset(received, 0, sizeof received);
	for (size_t i = 0; i < 2; i++) {
		buf_init(&sinks[i], RECEIVED_MAX);
		run(data, n, i == 0 ? SIZE_MAX : 1 + (size_t)data[1] * data[1] / 64, &sinks[i]);
		read_received(&sinks[i], &received[i]);
		if (i == 0)
			check_whole(&received[i], data[0]);
	}
	if (!scene.early)
		check_same(&received[0], &received[1]);
	for (size_t i = 0; i < 2; i++) {
		buf_free(&sinks[i]);
		buf_free(&received[i].bytes);
	}
	return 0;
}
