/* SPDX-License-Identifier: MIT */
/* The facts that routing needs from the body of a Messages request. Pure; thread-safe. */
#ifndef DIALECT_MESSAGE_H
#define DIALECT_MESSAGE_H

#include "base/caps.h"
#include "json/scan.h"

/* What some providers cannot do (PROTOCOLS.md 6). */
enum need {
	NEED_IMAGES = 1 << 0,
	NEED_SERVER_TOOLS = 1 << 1, /* that only Claude runs: not web search or tool search */
	NEED_WEB_SEARCH = 1 << 2,
	NEED_FORCED_TOOL = 1 << 3,  /* tool_choice any or tool */
	NEED_CONTINUATION = 1 << 4, /* thread, container, file_id: the history is at Anthropic */
	NEED_MCP_SERVERS = 1 << 5,
	NEED_JSON_SCHEMA = 1 << 6, /* output_config.format */
	NEED_COMPUTER = 1 << 7,    /* computer_*: only Claude knows how to use it */
};

struct message {
	char model[MODEL_NAME_MAX];      /* "": none */
	char session_id[SESSION_ID_MAX]; /* of metadata.user_id; "": none */
	char device_id[KIN_ID_MAX];      /* the same */
	char account_id[KIN_ID_MAX];     /* the same: account_uuid */
	bool stream;
	bool stream_odd; /* "stream" is neither true, false nor null */
	bool mid_loop;   /* the last message holds a tool_result: BEHAVIOUR 5 */
	bool side_call;  /* a title, "quota" (CLIENT.md 1): neither moves a session nor probes */
	bool foreign_thinking; /* thinking in the history that is not Claude's: origin.h */
	bool foreign_ids;      /* an id in the history that does not have the form of Claude's */
	bool cache_1h;         /* some cache_control asks for an hour: what is written costs more */
	bool repeatable;       /* asks for the same answer each time: temperature 0, no tools, no
			       thinking, nothing at Anthropic that may change */
	bool own_tools;        /* at least one tool that the client describes and runs itself */
	int64_t max_tokens;    /* -1: none */
	unsigned needs;        /* enum need, or'ed */
	size_t bytes;          /* of the body */
	size_t data_bytes;     /* … of which images and documents in base64 */
	unsigned files;        /* the number of those */
};

/* Reads the facts. False, and a sentence for the client with the byte of the error, when the body
 * is not a JSON object. Fields of an unexpected kind count as absent: providers judge bodies, we do
 * not. Of a duplicate name the last counts, as for most parsers; needs are those of all. */
bool message_read(const char *body, size_t n, struct message *out,
		  char error[static ERROR_TEXT_MAX]);

/* Estimates the tokens of a body: a quarter of its bytes, and a fixed number for each image or
 * document, whose base64 is not counted (PROTOCOLS.md 6: neither DeepSeek nor Kimi counts). */
int64_t message_tokens(const struct message *message);

/* The family of a Claude model: "opus" for "claude-opus-5-5"; "" for any other model. Returns
 * family. */
const char *message_family(const char *model, char family[static MODEL_NAME_MAX]);

/* Its hash, by which the state names it; 0: the model has none. */
uint64_t message_family_id(const char *model);

/* The same for the family that a quota window names ("7d_opus"); 0: none, or an unknown one
 * (PROTOCOLS.md 4, 9). */
uint64_t message_window_family(const char *window);

#endif
