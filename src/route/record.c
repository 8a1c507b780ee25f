/* SPDX-License-Identifier: MIT */
#include "route/record.h"

#include "base/count.h"
#include "base/log.h"

#include <stdio.h>

/* The provider that bills the operator for it; "": none, it is within the plan or the client's
 * own account. */
static const char *
billed_to(const struct request_record *r)
{
	return r->is_billed && r->status < 400 ? r->provider->name : "";
}

void
record_log(const struct request_record *r)
{
	const struct request *request = r->request;
	const struct usage usage = usage_sum(&r->usage);
	char drill[DRILL_ID_SIZE];
	struct log_field fields[] = {
	    LOG_TEXT("id", request->id),
	    LOG_TEXT("client", request_client(request)),
	    LOG_TEXT("address", request->client[0] == '\0' ? "" : request->address),
	    LOG_TEXT("path", request->path),
	    LOG_TEXT("model", request->message.model),
	    LOG_TEXT("sent_model", r->sent_model),
	    LOG_TEXT("provider", r->provider == NULL ? "none" : r->provider->name),
	    LOG_TEXT("passed", r->skipped),
	    LOG_TEXT("billed_to", billed_to(r)),
	    LOG_TEXT("attempts", r->attempts),
	    LOG_NUMBER("status", r->status),
	    LOG_NUMBER("bytes", (int64_t)r->bytes),
	    LOG_NUMBER("first_ms", r->first_ms),
	    LOG_NUMBER("ms", r->ms),
	    LOG_NUMBER("input_tokens", usage_total_input(&usage)),
	    LOG_NUMBER("output_tokens", usage.output),
	    LOG_TEXT("mended", stream_mend_name(r->mend)),
	    LOG_TEXT("drill", state_drill_name(r->drill, drill)),
	};
	size_t n = 0;
	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct log_field *f = &fields[i];
		if (f->text == NULL ? f->number >= 0 : f->text[0] != '\0')
			fields[n++] = *f;
	}
	log_fields(LOG_INFO, "request", fields, n);
}

/* How a request ended, in the order of the counters. */
enum request_ending { REQUEST_OK, REQUEST_ERROR, REQUEST_CUT, REQUEST_ABORTED };
_Static_assert(REQUEST_ABORTED == COUNTED_ENDINGS - 1, "a counter for each ending");

static enum request_ending
ending_of(const struct request_record *r)
{
	return r->status == STATUS_ABORTED ? REQUEST_ABORTED
	       : r->status >= 400          ? REQUEST_ERROR
	       : r->is_cut                 ? REQUEST_CUT
					   : REQUEST_OK;
}

static void
add_to_histogram(struct state *state, uint64_t provider, enum counter histogram, int64_t ms)
{
	state_count(state, provider, histogram + histogram_bucket(ms));
	state_add(state, provider, histogram + HISTOGRAM_BUCKETS, ms < 0 ? 0 : (uint64_t)ms);
}

void
record_count(const struct request_record *r, struct state *state)
{
	enum request_ending ending = ending_of(r);
	bool is_ours = r->replied_by_us && ending != REQUEST_ABORTED;
	bool has_no_provider = r->provider == NULL || is_ours;
	uint64_t provider = has_no_provider ? STATE_NOBODY : r->provider->id;
	state_count(state, provider, COUNT_ENDINGS + ending);
	if (has_no_provider || ending == REQUEST_ABORTED)
		return;
	add_to_histogram(state, provider, COUNT_DURATION, r->ms);
	if (r->provider_first_ms >= 0 && ending != REQUEST_ERROR)
		add_to_histogram(state, provider, COUNT_FIRST_BYTE, r->provider_first_ms);
}

/* --- The ledger ------------------------------------------------------- */

static enum ledger_kind
kind_of(const struct message *message)
{
	if (!message->side_call)
		return LEDGER_MESSAGE;
	return message->max_tokens == 1 ? LEDGER_QUOTA : LEDGER_TITLE;
}

static void
put_usage(struct ledger_row *row, const struct attempt_record *r)
{
	const struct usage sum = usage_sum(&r->usage);
	bool wrote = sum.cache_write >= 0 || sum.cache_5m >= 0 || sum.cache_1h >= 0;
	row->input = sum.input;
	row->cache_read = sum.cache_read;
	row->cache_5m = wrote ? usage_cache_5m(&sum, r->asked_for_1h) : -1;
	row->cache_1h = wrote ? usage_cache_1h(&sum, r->asked_for_1h) : -1;
	row->output = sum.output;
	row->searches = sum.searches;
	row->estimated = r->estimated || sum.is_estimated || sum.is_odd;
	row->is_mixed = r->usage.iterations.n > 1 || r->usage.iterations.is_cut;
	snprintf(row->speed, sizeof row->speed, "%s", sum.is_fast ? "fast" : "");
}

struct cost
record_cost(const struct attempt_record *r, const struct prices *prices)
{
	const struct price_query query = {
	    .provider = r->provider->name,
	    .model = r->model,
	    .at_ms = r->began_ms,
	    .asked_for_1h = r->asked_for_1h,
	    .answered = r->usage.model,
	};
	if (r->is_free)
		return (struct cost){.is_known = true, .model = r->model};
	if (prices == NULL)
		return (struct cost){.model =
					 r->usage.model[0] == '\0' ? r->model : r->usage.model};
	return prices_cost(prices, &query, &r->usage);
}

static void
put_provider(struct ledger_row *row, const struct attempt_record *r, const struct cost *cost)
{
	snprintf(row->provider, sizeof row->provider, "%s", r->provider->name);
	const char *label = r->credential->label;
	snprintf(row->credential, sizeof row->credential, "%s",
		 !r->credential->stored              ? "own"
		 : label != NULL && label[0] != '\0' ? label
						     : "stored");
	snprintf(row->served, sizeof row->served, "%s", cost->model);
	snprintf(row->price, sizeof row->price, "%s", cost->checked);
	row->cost = cost->is_known ? cost->nano_usd : -1;
	row->billed = credential_is_billed(r->credential, r->provider);
	put_usage(row, r);
}

void
record_attempt(const struct attempt_record *r, const struct cost *cost, struct ledger *ledger)
{
	const struct request *request = r->request;
	struct ledger_row row = LEDGER_ROW_EMPTY;
	if (ledger == NULL)
		return;
	row.at_ms = r->began_ms;
	row.attempt = (int)r->number;
	row.session = r->session;
	row.kind = kind_of(&request->message);
	row.status = r->status;
	row.error = r->status >= 400;
	row.first_byte_ms = r->first_byte_ms;
	row.ms = r->ms;
	snprintf(row.id, sizeof row.id, "%s", request->id);
	snprintf(row.client, sizeof row.client, "%s", request->client);
	snprintf(row.asked, sizeof row.asked, "%s", request->message.model);
	snprintf(row.ending, sizeof row.ending, "%s", r->ending);
	if (r->provider != NULL)
		put_provider(&row, r, cost);
	else
		row.cost = 0;
	ledger_put(ledger, &row);
}

void
record_count_usage(const struct attempt_record *r, const struct cost *cost, struct state *state)
{
	const struct usage sum = usage_sum(&r->usage);
	const int64_t tokens[COUNTED_TOKENS] = {
	    sum.input,
	    sum.cache_read,
	    usage_cache_5m(&sum, r->asked_for_1h),
	    usage_cache_1h(&sum, r->asked_for_1h),
	    sum.output,
	};
	uint64_t provider = r->provider->id;
	for (enum counter i = 0; i < COUNTED_TOKENS; i++)
		if (tokens[i] > 0)
			state_add(state, provider, COUNT_TOKENS + i, (uint64_t)tokens[i]);
	if (!credential_is_billed(r->credential, r->provider))
		return;
	if (!cost->is_known)
		state_count(state, provider, COUNT_COST_UNKNOWN);
	else if (cost->nano_usd > 0)
		state_add(state, provider, COUNT_COST, (uint64_t)cost->nano_usd);
}
