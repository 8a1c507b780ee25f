/* SPDX-License-Identifier: MIT */
#include "operator/usage.h"

#include "base/clock.h"
#include "base/count.h"
#include "config/text.h"
#include "money/ledger.h"
#include "route/replies.h"
#include "json/tree.h"

#include <stdio.h>

#define LINES "cache-control: no-store\r\n"

enum { EVENTS = 100 }; /* where the client does not say how many */

/* The ledger's path; NULL: it is off, which is the reply. */
static const char *
find_ledger(struct client *client, char path[static PATH_MAX])
{
	const struct config *config = client->app->config;
	const char *found = ledger_path(config->ledger, config->state_file, path);
	if (found == NULL) {
		json_object *off = json_object_new_object();
		tree_put(off, "ledger", json_object_new_string("off"));
		reply_json(&client->reply, 200, LINES, off);
	}
	return found;
}

/* There is no report. */
static void
reply_failure(struct client *client, const struct buf *error)
{
	if (error->len > 0)
		replies_failure(client, 503, "", "api_error", error->data);
	else
		replies_out_of_memory(client);
}

/* A parameter of min to max; if it was not sent, *number stays. Else refuses it. */
static bool
read_number(struct client *client, const char *name, const char *text, uint64_t min, uint64_t max,
	    uint64_t *number)
{
	char message[ERROR_TEXT_MAX];
	if (text == NULL || (text_read_digits(&text, 19, number) && *text == '\0' &&
			     *number >= min && *number <= max))
		return true;
	snprintf(message, sizeof message, "%s must be a number from %llu to %llu.", name,
		 (unsigned long long)min, (unsigned long long)max);
	client_refuse(client, 400, "", "invalid_request_error", message);
	return false;
}

static bool
read_by(struct client *client, enum ledger_by *by)
{
	const char *text = client->request.by;
	if (text == NULL || ledger_by_read(text, by))
		return true;
	client_refuse(client, 400, "", "invalid_request_error",
		      "by must be " LEDGER_BY_CHOICES ".");
	return false;
}

void
usage_report(struct client *client)
{
	char path[PATH_MAX];
	uint64_t days = LEDGER_DAYS;
	enum ledger_by by = LEDGER_BY_MODEL;
	struct buf error;
	if (!read_number(client, "days", client->request.days, 1, LEDGER_DAYS_MAX, &days) ||
	    !read_by(client, &by) || find_ledger(client, path) == NULL)
		return;
	buf_init(&error, ERROR_TEXT_MAX);
	json_object *report = ledger_usage(path, clock_wall_ms(), (int)days, by, &error);
	if (report != NULL)
		reply_json(&client->reply, 200, LINES, report);
	else
		reply_failure(client, &error);
	buf_free(&error);
}

void
usage_events(struct client *client)
{
	const struct request *r = &client->request;
	char path[PATH_MAX];
	uint64_t after = 0, limit = EVENTS;
	struct buf error, events;
	if (!read_number(client, "after", r->after, 0, INT64_MAX, &after) ||
	    !read_number(client, "limit", r->limit, 1, LEDGER_REPORT_MAX, &limit) ||
	    find_ledger(client, path) == NULL)
		return;
	buf_init(&error, ERROR_TEXT_MAX);
	buf_init(&events, RESPONSE_JSON_MAX);
	if (ledger_events(path, (int64_t)after, (int)limit, &events, &error))
		reply_whole(&client->reply, 200, "content-type: application/json\r\n" LINES,
			    events.data, events.len);
	else
		reply_failure(client, &error);
	buf_free(&events);
	buf_free(&error);
}

/* --- Today ------------------------------------------------------------ */

/* The sums of a report that say what was spent; NULL: of no report. */
static json_object *
spent_of(json_object *report)
{
	static const char *const names[] = {"spent", "spent_unknown", "worth", "worth_unknown"};
	json_object *total = report == NULL ? NULL : tree_get(report, "total");
	if (total == NULL)
		return NULL;
	json_object *o = json_object_new_object();
	for (size_t i = 0; i < COUNT(names); i++)
		tree_put(o, names[i], json_object_get(tree_get(total, names[i])));
	return o;
}

json_object *
usage_today(struct app *app)
{
	char path[PATH_MAX];
	struct buf error;
	int64_t now_ms = clock_wall_ms(), age_ms = now_ms - app->today_at_ms;
	if (ledger_path(app->config->ledger, app->config->state_file, path) == NULL)
		return NULL;
	if (age_ms >= 0 && age_ms < USAGE_TODAY_MS)
		return json_object_get(app->today);
	buf_init(&error, ERROR_TEXT_MAX);
	json_object *report = ledger_usage(path, now_ms, 1, LEDGER_BY_PROVIDER, &error);
	json_object_put(app->today);
	app->today = spent_of(report);
	app->today_at_ms = now_ms;
	json_object_put(report);
	buf_free(&error);
	return json_object_get(app->today);
}
