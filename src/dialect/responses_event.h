/* SPDX-License-Identifier: MIT */
/* What an event of a Responses stream holds, and a whole response, which most of them belong to
 * (PROTOCOLS.md 10, Answer and Stream). Pure; thread-safe. */
#ifndef DIALECT_RESPONSES_EVENT_H
#define DIALECT_RESPONSES_EVENT_H

#include "dialect/openai_read.h"

enum responses_kind { ITEM_NONE, ITEM_MESSAGE, ITEM_REASONING, ITEM_CALL, ITEM_OTHER };

/* An item of an output. All of it borrows the text. */
struct responses_item {
	enum responses_kind kind;
	struct json_text id;
	struct json_text parts;     /* of a message, or the text of reasoning: an array, as JSON */
	struct json_text summary;   /* of reasoning: the same */
	struct json_text encrypted; /* reasoning, too */
	struct call_piece call;     /* whole; without its index */
};

struct responses_event {
	struct json_text type;
	struct json_text delta;
	int64_t output_index;  /* of the item; -1: none */
	int64_t summary_index; /* -1: none */
	struct responses_item item;
	struct openai_failure failure;
	/* Of a response, … */
	bool has_response;
	struct json_text id, model;
	int64_t created;
	struct json_text status, reason; /* … what it is incomplete for, … */
	struct json_text output;         /* … and its items: an array, as JSON */
	bool has_usage;
	struct usage usage; /* in Anthropic's sense: input without what a cache had */
};

/* False: the text is not one JSON object. */
bool responses_event_read(const char *json, size_t n, struct responses_event *event);

/* A cursor over an output's items, or an item's parts, and the next of them; false: there is none,
 * also where the list is not one. */
struct responses_list {
	struct scan s;
};
struct responses_part {
	struct json_text text;
	bool is_refusal;
};
void responses_list_begin(struct responses_list *list, struct json_text array);
bool responses_list_item(struct responses_list *list, struct responses_item *item);
bool responses_list_part(struct responses_list *list, struct responses_part *part);

/* The stop_reason that Anthropic has for the end of a response: a literal. */
const char *responses_reason(const struct responses_event *event, bool has_calls, bool refuses);

#endif
