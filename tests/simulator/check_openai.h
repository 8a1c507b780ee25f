/* SPDX-License-Identifier: MIT */
/* check_openai - what the files of OpenAI's checks have in common: its refusals' words and forms.
 *
 * Pure but for what they leave in the check. Each returns true when the request is refused. A path
 * is where something is, as OpenAI names it: "messages[2].tool_calls[0].id". */
#ifndef SIM_CHECK_OPENAI_H
#define SIM_CHECK_OPENAI_H

#include <json-c/json.h>

#include "check.h"

#define PATH_MAX_LEN 160

struct path {
	char text[PATH_MAX_LEN];
};

struct path path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* 400, invalid_request_error; code and param may be NULL. */
bool openai_refuse(struct check *c, const char *code, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

bool openai_missing(struct check *c, const char *path);

/* Is the value of that type? what: "a string", "an array of objects". */
bool openai_type(struct check *c, const char *path, struct json_object *value, enum json_type type,
		 const char *what);

/* An object that has these members only. NULL ends them. */
bool openai_members(struct check *c, const char *path, struct json_object *object,
		    const char *const *known);

/* An array of least to most elements, if there is one at all. */
bool openai_array(struct check *c, const char *path, struct json_object *value, size_t least,
		  size_t most);

/* A text of 1 to most bytes. */
bool openai_text(struct check *c, const char *path, struct json_object *value, size_t most);

/* A name of a tool or a schema: [a-zA-Z0-9_-]{1,64}. */
bool openai_name(struct check *c, const char *path, struct json_object *value);

/* One of these words; listed: how the refusal says them. */
bool openai_word(struct check *c, const char *path, struct json_object *value,
		 const char *const *words, const char *listed);

/* A schema whose outermost type is object; of: "function 'Bash'", "response_format 'output'". */
bool openai_schema(struct check *c, const char *path, const char *code, struct json_object *schema,
		   const char *of, bool strict);

/* For both of its APIs: body, model, stream; a limit and what else belongs to the model, whose rules
 * hold at OpenAI's servers (NULL: none are known); who asks. */
struct gpt;
const struct gpt *openai_rules(const struct check *c);
bool openai_begins(struct check *c);
bool openai_unknown(struct check *c, const char *name); /* refuses that parameter */
bool openai_limit(struct check *c, const char *name, long long least);
bool openai_sampling(struct check *c, const char *name, double most);
bool openai_effort(struct check *c, const char *path, struct json_object *effort);
bool openai_json_schema(struct check *c, const char *path, const char *whole,
			struct json_object *format);
bool openai_identity(struct check *c);
bool openai_context(struct check *c, const char *param);
bool openai_image_url(struct check *c, const char *path, struct json_object *url);
bool openai_file(struct check *c, const char *path, struct json_object *file);

bool check_responses_input(struct check *c);
bool check_openai_messages(struct check *c);
bool check_openai_tools(struct check *c); /* tools, tool_choice, parallel_tool_calls */

#endif
