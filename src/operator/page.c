/* SPDX-License-Identifier: MIT */
#include "operator/page.h"

#include "base/clock.h"
#include "client/own_page.h"
#include "operator/page_data.h"
#include "operator/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
send_part(struct reply *reply, size_t i)
{
	reply_body(reply, (const char *)page_data[i].bytes, page_data[i].n);
}

/* Adds text that is not markup. */
static void
send_text(struct reply *reply, const char *text)
{
	static const char special[] = "<>&\"'";
	while (*text != '\0') {
		size_t n = strcspn(text, special);
		char escaped[8];
		if (n > 0)
			reply_body(reply, text, n);
		text += n;
		if (*text == '\0')
			break;
		n = (size_t)snprintf(escaped, sizeof escaped, "&#%d;", *text++);
		reply_body(reply, escaped, n);
	}
}

static void
send_line(struct reply *reply, const struct app *app)
{
	char line[STATUS_LINE_SIZE];
	struct candidates *s = candidates_latest(app, "");
	if (s != NULL)
		send_text(reply, status_line(s, line, sizeof line));
	free(s);
}

void
page_show(struct client *client)
{
	struct reply *reply = &client->reply;
	char head[1024], token[OWN_PAGE_TOKEN_SIZE] = "";
	bool admin = client->request.admin;
	if (admin)
		own_page_token(state_key(client->app->state), clock_wall_ms(), token);
	snprintf(head, sizeof head,
		 "content-type: text/html; charset=utf-8\r\n"
		 "content-security-policy: %s\r\n"
		 "x-content-type-options: nosniff\r\n"
		 "referrer-policy: no-referrer\r\n"
		 "cache-control: no-store\r\n"
		 "cross-origin-opener-policy: same-origin\r\n"
		 "cross-origin-resource-policy: same-origin\r\n",
		 page_policy);
	reply_head(reply, 200, head);
	send_part(reply, 0);
	reply_body(reply, token, strlen(token));
	send_part(reply, 1);
	if (admin)
		send_line(reply, client->app);
	send_part(reply, 2);
	reply_end(reply);
}
