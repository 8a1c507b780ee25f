/* SPDX-License-Identifier: MIT */
/* The rules of OpenAI's Responses about the input's items: PROTOCOLS.md §10 "Input". */
#include <string.h>

#include "check_openai.h"
#include "habits.h"

#define ID_MAX   ((size_t)64)
#define ANY      ((size_t)1 << 30)
#define IS(a, b) (strcmp(a, b) == 0)

static struct json_object *
member(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

/* ---- parts of a content, or of an output ---- */

static bool
image(struct check *c, const char *path, struct json_object *part)
{
	static const char *const keys[] = {"type", "detail", "image_url", NULL};
	static const char *const details[] = {"low", "high", "auto", "original", NULL};
	struct json_object *detail = member(part, "detail");

	if (openai_members(c, path, part, keys) ||
	    openai_image_url(c, path_of("%s.image_url", path).text, member(part, "image_url")))
		return true;
	return detail != NULL && openai_word(c, path_of("%s.detail", path).text, detail, details,
					     "'low', 'high', 'auto', and 'original'");
}

static bool
text(struct check *c, const char *path, struct json_object *part)
{
	static const char *const keys[] = {"type", "text", NULL};
	struct path here = path_of("%s.text", path);

	if (openai_members(c, path, part, keys))
		return true;
	if (member(part, "text") == NULL)
		return openai_missing(c, here.text);
	if (check_blank(member(part, "text")) != CHECK_FULL)
		check_problem(c, "%s: an empty or blank text", here.text);
	return openai_type(c, here.text, member(part, "text"), json_type_string, "a string");
}

static bool
file(struct check *c, const char *path, struct json_object *part)
{
	static const char *const keys[] = {"type", "filename", "file_data", "file_id", NULL};

	return openai_members(c, path, part, keys) || openai_file(c, path, part);
}

static bool
part(struct check *c, const char *path, struct json_object *p)
{
	static const char *const types[] = {"input_text", "input_image", "input_file", NULL};
	const char *type = check_text(p, "type", "");

	if (openai_type(c, path, p, json_type_object, "an object") ||
	    openai_word(c, path_of("%s.type", path).text, member(p, "type"), types,
			"'input_text', 'input_image', 'output_text', 'refusal', 'input_file', "
			"'computer_screenshot', and 'summary_text'"))
		return true;
	return (IS(type, "input_text") ? text : IS(type, "input_image") ? image : file)(c, path, p);
}

/* A string, or parts. */
static bool
content(struct check *c, const char *path, struct json_object *v)
{
	if (v == NULL)
		return openai_missing(c, path);
	if (json_object_is_type(v, json_type_string))
		return false;
	if (!json_object_is_type(v, json_type_array))
		return openai_refuse(
		    c, "invalid_type", path,
		    "Invalid type for '%s': expected one of an array of objects or "
		    "string, but got something else instead.",
		    path);
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (part(c, path_of("%s[%zu]", path, i).text, json_object_array_get_idx(v, i)))
			return true;
	return openai_array(c, path, v, 1, ANY);
}

/* ---- items ---- */

static bool
message(struct check *c, const char *path, struct json_object *item)
{
	static const char *const keys[] = {"type", "role", "content", "phase", NULL};
	static const char *const roles[] = {"user", "assistant", "system", "developer", NULL};
	struct json_object *v = member(item, "content");
	struct path here = path_of("%s.content", path);

	if (openai_members(c, path, item, keys) ||
	    openai_word(c, path_of("%s.role", path).text, member(item, "role"), roles,
			"'assistant', 'system', 'developer', and 'user'"))
		return true;
	if (json_object_is_type(v, json_type_string) && check_blank(v) != CHECK_FULL)
		check_problem(c, "%s: an empty or blank text", here.text);
	if (IS(check_text(item, "role", ""), "assistant") &&
	    !json_object_is_type(v, json_type_string))
		return openai_refuse(c, "invalid_value", here.text,
				     "Invalid value: 'input_text'. Supported values are: "
				     "'output_text' and 'refusal'.");
	return content(c, here.text, v);
}

static bool
call(struct check *c, const char *path, struct json_object *item)
{
	static const char *const keys[] = {"type",      "id",     "call_id", "name",
					   "arguments", "status", NULL};
	struct path arguments = path_of("%s.arguments", path);
	struct json_object *v = member(item, "arguments"), *parsed;

	if (openai_members(c, path, item, keys) ||
	    openai_text(c, path_of("%s.call_id", path).text, member(item, "call_id"), ID_MAX) ||
	    openai_name(c, path_of("%s.name", path).text, member(item, "name")))
		return true;
	if (v == NULL)
		return openai_missing(c, arguments.text);
	if (openai_type(c, arguments.text, v, json_type_string, "a string"))
		return true;
	parsed = json_tokener_parse(json_object_get_string(v));
	if (!json_object_is_type(parsed, json_type_object))
		check_problem(c, "%s is no JSON object: %.60s", arguments.text,
			      json_object_get_string(v));
	json_object_put(parsed);
	return false;
}

static bool
output(struct check *c, const char *path, struct json_object *item)
{
	static const char *const keys[] = {"type", "id", "call_id", "output", "status", NULL};

	return openai_members(c, path, item, keys) ||
	       openai_text(c, path_of("%s.call_id", path).text, member(item, "call_id"), ID_MAX) ||
	       content(c, path_of("%s.output", path).text, member(item, "output"));
}

static bool
summary(struct check *c, const char *path, struct json_object *list)
{
	static const char *const keys[] = {"type", "text", NULL};
	static const char *const types[] = {"summary_text", NULL};

	if (list == NULL)
		return openai_missing(c, path);
	if (openai_type(c, path, list, json_type_array, "an array of objects"))
		return true;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct path here = path_of("%s[%zu]", path, i);
		struct json_object *p = json_object_array_get_idx(list, i);

		if (openai_members(c, here.text, p, keys) ||
		    openai_word(c, path_of("%s.type", here.text).text, member(p, "type"), types,
				"'summary_text'") ||
		    openai_text(c, path_of("%s.text", here.text).text, member(p, "text"), ANY))
			return true;
	}
	return false;
}

/* Nothing is stored, so what it holds must be there, and as it was made. */
static bool
reasoning(struct check *c, const char *path, struct json_object *item)
{
	static const char *const keys[] = {"type",   "id", "summary", "encrypted_content",
					   "status", NULL};
	const char *id = check_text(item, "id", ""),
		   *sealed = check_text(item, "encrypted_content", "");

	if (member(item, "content") != NULL)
		return openai_refuse(c, "array_above_max_length", path_of("%s.content", path).text,
				     "Invalid '%s.content': array too long. Expected an array with "
				     "maximum length 0, but got an array with length 1 instead.",
				     path);
	if (openai_members(c, path, item, keys) ||
	    openai_text(c, path_of("%s.id", path).text, member(item, "id"), ID_MAX) ||
	    summary(c, path_of("%s.summary", path).text, member(item, "summary")))
		return true;
	if (sealed[0] == '\0') {
		openai_refuse(
		    c, NULL, "input",
		    "Item with id '%s' not found. Items are not persisted when `store` is "
		    "set to false. Try again with `store` set to true, or remove this "
		    "item from your input.",
		    id);
		c->status = 404;
		return true;
	}
	return !habit_seal_fits(id, sealed) &&
	       openai_refuse(c, "invalid_encrypted_content", NULL,
			     "The encrypted content %.4s...%s could not be verified.", sealed,
			     strlen(sealed) > 8 ? sealed + strlen(sealed) - 4 : "");
}

static bool
one_item(struct check *c, const char *path, struct json_object *item)
{
	static const char *const types[] = {"message", "reasoning", "function_call",
					    "function_call_output", NULL};
	const char *type = check_text(item, "type", "message");

	if (openai_type(c, path, item, json_type_object, "an object"))
		return true;
	if (!check_listed(type, types))
		return openai_word(c, path_of("%s.type", path).text, member(item, "type"), types,
				   "'message', 'reasoning', 'function_call', "
				   "'function_call_output', and others");
	return (IS(type, "message")         ? message
		: IS(type, "reasoning")     ? reasoning
		: IS(type, "function_call") ? call
					    : output)(c, path, item);
}

/* ---- how they go together ---- */

/* Reasoning leads to a message of the assistant, or to a call. */
static bool
leads(struct check *c, struct json_object *items, size_t i)
{
	struct json_object *next = json_object_array_get_idx(items, i + 1);
	const char *type = check_text(next, "type", "message");
	bool fits = next != NULL &&
		    (IS(type, "reasoning") || IS(type, "function_call") ||
		     (IS(type, "message") && IS(check_text(next, "role", ""), "assistant")));

	return !fits && openai_refuse(c, NULL, "input",
				      "Item '%s' of type 'reasoning' was provided without its "
				      "required following item.",
				      check_text(json_object_array_get_idx(items, i), "id", ""));
}

/* Which item with that type has that id; the number of items: none. */
static size_t
find(struct json_object *items, const char *type, const char *id)
{
	size_t n = json_object_array_length(items), i = 0;

	while (i < n && !(IS(check_text(json_object_array_get_idx(items, i), "type", ""), type) &&
			  IS(check_text(json_object_array_get_idx(items, i), "call_id", ""), id)))
		i++;
	return i;
}

static bool
pairs(struct check *c, struct json_object *items, size_t i)
{
	struct json_object *item = json_object_array_get_idx(items, i);
	const char *type = check_text(item, "type", "message"),
		   *id = check_text(item, "call_id", "");
	size_t n = json_object_array_length(items);

	if (IS(type, "reasoning"))
		return leads(c, items, i);
	if (IS(type, "function_call"))
		return find(items, "function_call_output", id) == n &&
		       openai_refuse(c, NULL, "input", "No tool output found for function call %s.",
				     id);
	if (!IS(type, "function_call_output"))
		return false;
	if (find(items, "function_call_output", id) < i)
		check_problem(c, "a second output for %s", id);
	return find(items, "function_call", id) >= i &&
	       openai_refuse(c, NULL, "input",
			     "No tool call found for function call output with call_id %s.", id);
}

bool
check_responses_input(struct check *c)
{
	struct json_object *items = json_object_object_get(c->body, "input");
	size_t n;

	if (items == NULL)
		return openai_missing(c, "input");
	if (openai_type(c, "input", items, json_type_array, "an array of objects"))
		return true;
	n = json_object_array_length(items);
	for (size_t i = 0; i < n; i++)
		if (one_item(c, path_of("input[%zu]", i).text, json_object_array_get_idx(items, i)))
			return true;
	for (size_t i = 0; i < n; i++)
		if (pairs(c, items, i))
			return true;
	return openai_array(c, "input", items, 1, ANY);
}
