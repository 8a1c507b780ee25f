/* SPDX-License-Identifier: MIT */
#include "route/replies.h"

#include "dialect/dialect.h"
#include "route/catalogue.h"

/* --- Kept errors ------------------------------------------------------ */

void
kept_init(struct kept *kept)
{
	kept->status = 0;
	buf_init(&kept->lines, RESPONSE_HEAD_FORWARDED_MAX);
	buf_init(&kept->body, RESPONSE_ERROR_MAX);
}

void
kept_fini(struct kept *kept)
{
	buf_free(&kept->lines);
	buf_free(&kept->body);
}

/* A page is not in the API's form: an error of ours replaces it. */
static bool
put_page(struct kept *kept, const struct provider *provider, int status)
{
	return buf_printf(&kept->body,
			  "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s "
			  "sent an HTML page instead of a response (%d).\"}}",
			  status == 413 ? "request_too_large" : "invalid_request_error",
			  provider->name, status);
}

static bool
put_body(struct kept *kept, const struct dialect *dialect, int status, const struct buf *body)
{
	if (dialect->decode_error == NULL)
		return buf_add(&kept->body, buf_text(body), body->len);
	return dialect->decode_error(status, buf_text(body), body->len, &kept->body);
}

void
kept_put(struct kept *kept, const struct provider *provider, const struct response *response,
	 int status, const struct buf *body)
{
	kept_fini(kept);
	bool is_put = response->html ? put_page(kept, provider, status)
				     : buf_puts(&kept->lines, buf_text(&response->forwarded)) &&
					   put_body(kept, provider->dialect, status, body);
	kept->status = is_put ? status : 0;
}

/* --- Replies ---------------------------------------------------------- */

int
replies_failure(struct client *client, int status, const char *lines, const char *type,
		const char *message)
{
	client->reply.provider = "none";
	reply_error(&client->reply, status, lines, type, message, client->request.id);
	return status;
}

int
replies_out_of_memory(struct client *client)
{
	const struct refusal *r = &refusal_out_of_memory;
	return replies_failure(client, r->status, REPLY_RETRY_LINE, r->type, r->message);
}

static int
reply_bytes(struct client *client, int status, const char *forwarded, const char *body, size_t n)
{
	struct buf lines;
	buf_init(&lines, 2 * RESPONSE_HEAD_FORWARDED_MAX);
	if (buf_puts(&lines, "content-type: application/json\r\n") && buf_puts(&lines, forwarded))
		reply_whole(&client->reply, status, lines.data, body, n);
	else
		reply_whole(&client->reply, status = 503, REPLY_RETRY_LINE, "", 0);
	buf_free(&lines);
	return status;
}

int
replies_kept(struct client *client, const struct kept *kept)
{
	if (kept->status == 0)
		return replies_failure(client, 503, REPLY_RETRY_LINE, "api_error",
				       "The provider's response cannot be forwarded.");
	return reply_bytes(client, kept->status, buf_text(&kept->lines), buf_text(&kept->body),
			   kept->body.len);
}

int
replies_response(struct client *client, const struct response *response, const struct buf *json)
{
	return reply_bytes(client, response->status, buf_text(&response->forwarded), buf_text(json),
			   json->len);
}

int
replies_cached(struct client *client, const char *json, size_t n)
{
	return reply_bytes(client, 200, "x-router-cache: hit\r\n", json, n);
}

int
replies_locally(struct client *client, const struct config *config)
{
	const struct request *r = &client->request;
	bool counts = r->route->id == ROUTE_COUNT_TOKENS;
	json_object *body = counts ? catalogue_estimate(&r->message)
			    : r->route->id == ROUTE_MODEL
				? catalogue_model(config, r->route_argument)
				: catalogue_models(config);
	if (body == NULL)
		return replies_failure(client, 404, "", "not_found_error",
				       "No provider knows this model.");
	client->reply.provider = "none";
	reply_json(&client->reply, 200, counts ? "x-router-estimate: 1\r\n" : "", body);
	return 200;
}

int
replies_no_provider(struct client *client, const struct no_provider_query *query)
{
	struct no_provider reply;
	no_provider_init(&reply);
	no_provider_reply(&reply, query);
	replies_failure(client, reply.status, buf_text(&reply.lines), reply.type,
			buf_text(&reply.message));
	no_provider_fini(&reply);
	return reply.status;
}
