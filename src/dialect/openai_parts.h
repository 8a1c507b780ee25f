/* SPDX-License-Identifier: MIT */
/* What requests to both of OpenAI's APIs are made of (PROTOCOLS.md 8, 10). Each function makes a
 * new value, which the caller owns, or writes a member; out of memory sets r->failed. Pure;
 * thread-safe. */
#ifndef DIALECT_OPENAI_PARTS_H
#define DIALECT_OPENAI_PARTS_H

#include "dialect/openai.h"

/* Writes some members of a request. */
typedef void openai_step(struct rewrite *r, json_object *to);

/* A request: its model, and what n steps write, in their order. */
json_object *openai_build(struct rewrite *r, openai_step *const *steps, size_t n);

/* Texts that become one: begun, added to, then ended once or freed. */
struct joined {
	struct buf text;
	bool any;
};
void joined_begin(struct rewrite *r, struct joined *j);
void joined_add(struct rewrite *r, struct joined *j, const char *between, const char *text);
json_object *joined_end(struct rewrite *r, struct joined *j);
void joined_free(struct joined *j);

/* {"type":TYPE,NAME:value}, which takes ownership of value. */
json_object *openai_typed(struct rewrite *r, const char *type, const char *name,
			  json_object *value);

/* {"role":ROLE,"content":content}, which takes ownership of content; NULL: null. */
json_object *openai_message(struct rewrite *r, const char *role, json_object *content);

/* The address of an image: its own, or one that contains it. */
json_object *openai_image_url(struct rewrite *r, json_object *image);

/* Writes filename and file_data of a document. */
void openai_put_file(struct rewrite *r, json_object *to, json_object *document);

/* The texts of a content, which is a string or blocks, as one, after a word that says what they
 * are. image: what stands in place of each image. */
json_object *openai_text(struct rewrite *r, json_object *content, const char *before,
			 const char *image);

/* "Error: " before the result of a tool that failed, else "". */
const char *openai_result_mark(json_object *result);

/* Writes a call's id, shorter if OpenAI would refuse it for its length; both halves of a pair
 * alike. */
void openai_put_id(struct rewrite *r, json_object *to, const char *name, const char *id);

/* A call's input as text. */
json_object *openai_arguments(struct rewrite *r, json_object *call);

/* Writes the tools that may be called under "tools", each in the form of new_tool; false: none. */
bool openai_put_tools(struct rewrite *r, json_object *to,
		      json_object *(*new_tool)(struct rewrite *r, json_object *tool));

/* Writes name, description, and the schema as "parameters", which OpenAI refuses where it is not
 * one of an object with properties. */
void openai_put_function(struct rewrite *r, json_object *to, json_object *tool);

/* Writes tool_choice and parallel_tool_calls. named: the form that names a tool. */
void openai_put_choice(struct rewrite *r, json_object *to,
		       json_object *(*named)(struct rewrite *r, const char *name));

/* Writes the limit under that name, at least least. */
void openai_put_limit(struct rewrite *r, json_object *to, const char *name, int64_t least);

/* Writes temperature and top_p, where they are accepted; false: they are not. */
bool openai_put_sampling(struct rewrite *r, json_object *to);

/* The effort to ask for: a literal; NULL: none is said. alone: the model reasons only without
 * tools, and there are some. */
const char *openai_effort(const struct rewrite *r, bool alone);

/* The least limit of a request with that effort. */
int64_t openai_least_limit(const struct rewrite *r, const char *effort);

/* Writes name and schema of the format that was asked for; false: none was. */
bool openai_put_schema(struct rewrite *r, json_object *to);

/* Writes safety_identifier and prompt_cache_key. */
void openai_put_user(struct rewrite *r, json_object *to);

#endif
