/* SPDX-License-Identifier: MIT */
/* request.c, route.c, message.c: a client's parameters, one a line ("NAME=VALUE"), a blank
 * line, and its body. */
#include "fuzz.h"

#include "app/routes.h"
#include "client/request.h"
#include "config/credential.h"
#include "json/tree.h"

#define PARAMS 64

static struct network loopback[] = {
    {.address = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104}};
static struct network proxies[] = {
    {.address = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .bits = 128}};
static char host[] = "router.example";
static char *hosts[] = {host};
static const struct config config = {.admin_from = loopback,
				     .n_admin_from = 1,
				     .trusted_proxies = proxies,
				     .n_trusted_proxies = 1,
				     .hosts = hosts,
				     .n_hosts = 1};

/* The body, behind a blank line; "" if there is none. The rest is cut into lines. */
static char *
split(char *text, char *params[PARAMS + 1])
{
	char *body = strstr(text, "\n\n");
	size_t n = 0;
	if (body != NULL) {
		*body = '\0';
		body += 2;
	}
	for (char *line = text, *next; line != NULL && n < PARAMS; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		params[n++] = line;
	}
	params[n] = NULL;
	return body == NULL ? text + strlen(text) : body;
}

static void
check_accepted(const struct request *r)
{
	MUST(r->path[0] == '/' && fuzz_is_shown(r->path));
	MUST(fuzz_is_shown(r->query) && strpbrk(r->query, " #") == NULL);
	MUST(!r->local || r->address[0] != '\0');
	for (size_t i = 0; i < r->headers.n; i++) {
		MUST(fuzz_is_shown(r->headers.list[i].name) && r->headers.list[i].name[0] != '\0' &&
		     strpbrk(r->headers.list[i].name, " :") == NULL);
		MUST(fuzz_is_shown(r->headers.list[i].value));
		MUST(headers_find(&r->headers, r->headers.list[i].name) != NULL);
	}
	const char *secrets[] = {r->login, r->api_key, r->presented_token};
	for (size_t i = 0; i < 3; i++)
		MUST(secrets[i] == NULL || fuzz_is_shown(secrets[i]));
}

static void
check_refusal(const struct refusal *c)
{
	MUST(c->status >= 400 && c->status < 600 && c->type != NULL);
	MUST(memchr(c->message, '\0', sizeof c->message) != NULL && fuzz_is_shown(c->message));
}

/* What message_read() accepts is a JSON object. */
static void
check_message(const struct request *r)
{
	const struct message *m = &r->message;
	char family[MODEL_NAME_MAX];
	json_object *tree = tree_read(buf_text(&r->body), r->body.len);
	MUST(tree != NULL && json_object_is_type(tree, json_type_object));
	json_object_put(tree);
	MUST(memchr(m->model, '\0', sizeof m->model) &&
	     memchr(m->session_id, '\0', sizeof m->session_id));
	MUST(m->max_tokens >= -1 && m->data_bytes <= m->bytes && message_tokens(m) >= 0);
	message_family(m->model, family);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *params[PARAMS + 1], session[2 * SESSION_ID_MAX];
	char *text = fuzz_text(data, n);
	char *body = split(text, params);
	struct request r;
	request_init(&r, 1 << 20);
	struct refusal c = request_read_params(&r, params, &config, &app_routes);
	if (c.status != 0) {
		check_refusal(&c);
	} else {
		check_accepted(&r);
		request_session(&r, session);
		size_t length = n - (size_t)(body - text);
		bool fits = buf_add(&r.body, body, length);
		MUST(fits == (length <= 1 << 20));
		c = request_read_body(&r);
		if (c.status != 0)
			check_refusal(&c);
		else if (r.route->id == ROUTE_MESSAGES)
			check_message(&r);
		request_session(&r, session);
		MUST(memchr(session, '\0', sizeof session) != NULL);
	}
	request_fini(&r);
	free(text);
	return 0;
}
