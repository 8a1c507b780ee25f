/* SPDX-License-Identifier: MIT */
/* How OpenAI refuses a value, whatever it belongs to: PROTOCOLS.md §8. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check_openai.h"

#define NAME_CHARS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
#define TOOL_NAME_MAX 64

struct path
path_of(const char *fmt, ...)
{
	struct path p;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p.text, sizeof(p.text), fmt, ap);
	va_end(ap);
	return p;
}

bool
openai_refuse(struct check *c, const char *code, const char *param, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(c->code, sizeof(c->code), "%s", code != NULL ? code : "");
	snprintf(c->param, sizeof(c->param), "%s", param != NULL ? param : "");
	return check_refuse(c, 400, "invalid_request_error", "%s", text);
}

bool
openai_missing(struct check *c, const char *path)
{
	return openai_refuse(c, "missing_required_parameter", path,
			     "Missing required parameter: '%s'.", path);
}

static const char *
said_type(struct json_object *value)
{
	static const char *const words[] = {
	    [json_type_null] = "null",        [json_type_boolean] = "a boolean",
	    [json_type_double] = "a decimal", [json_type_int] = "an integer",
	    [json_type_object] = "an object", [json_type_array] = "an array",
	    [json_type_string] = "a string"};

	return words[json_object_get_type(value)];
}

bool
openai_type(struct check *c, const char *path, struct json_object *value, enum json_type type,
	    const char *what)
{
	if (json_object_is_type(value, type))
		return false;
	return openai_refuse(c, "invalid_type", path,
			     "Invalid type for '%s': expected %s, but got %s instead.", path, what,
			     said_type(value));
}

bool
openai_members(struct check *c, const char *path, struct json_object *object,
	       const char *const *known)
{
	if (openai_type(c, path, object, json_type_object, "an object"))
		return true;
	json_object_object_foreach(object, key, value)
	{
		struct path p = path_of("%s%s%s", path, path[0] != '\0' ? "." : "", key);

		(void)value;
		if (!check_listed(key, known))
			return openai_refuse(c, "unknown_parameter", p.text,
					     "Unknown parameter: '%s'.", p.text);
	}
	return false;
}

bool
openai_array(struct check *c, const char *path, struct json_object *value, size_t least,
	     size_t most)
{
	size_t n;

	if (value == NULL)
		return false;
	if (openai_type(c, path, value, json_type_array, "an array"))
		return true;
	n = json_object_array_length(value);
	if (n < least)
		return openai_refuse(c, "empty_array", path,
				     "Invalid '%s': empty array. Expected an array with minimum "
				     "length %zu, but got an empty array instead.",
				     path, least);
	if (n > most)
		return openai_refuse(c, "array_above_max_length", path,
				     "Invalid '%s': array too long. Expected an array with maximum "
				     "length %zu, but got an array with length %zu instead.",
				     path, most, n);
	return false;
}

bool
openai_text(struct check *c, const char *path, struct json_object *value, size_t most)
{
	size_t n;

	if (value == NULL)
		return openai_missing(c, path);
	if (openai_type(c, path, value, json_type_string, "a string"))
		return true;
	n = (size_t)json_object_get_string_len(value);
	if (n == 0)
		return openai_refuse(c, "empty_string", path,
				     "Invalid '%s': empty string. Expected a string with minimum "
				     "length 1, but got an empty string instead.",
				     path);
	if (n > most)
		return openai_refuse(
		    c, "string_above_max_length", path,
		    "Invalid '%s': string too long. Expected a string with "
		    "maximum length %zu, but got a string with length %zu instead.",
		    path, most, n);
	return false;
}

bool
openai_name(struct check *c, const char *path, struct json_object *value)
{
	if (openai_text(c, path, value, TOOL_NAME_MAX))
		return true;
	if (strspn(json_object_get_string(value), NAME_CHARS) ==
	    (size_t)json_object_get_string_len(value))
		return false;
	return openai_refuse(c, "invalid_value", path,
			     "Invalid '%s': string does not match pattern. Expected a string that "
			     "matches the pattern '^[a-zA-Z0-9_-]+$'.",
			     path);
}

bool
openai_word(struct check *c, const char *path, struct json_object *value, const char *const *words,
	    const char *listed)
{
	if (value == NULL)
		return openai_missing(c, path);
	if (json_object_is_type(value, json_type_string) &&
	    check_listed(json_object_get_string(value), words))
		return false;
	return openai_refuse(c, "invalid_value", path,
			     "Invalid value: '%.60s'. Supported values are: %s.",
			     json_object_get_string(value), listed);
}

/* ---- schemas ---- */

/* The keys on the way to a part of a schema, as the refusal shows them. */
struct context {
	const struct context *outer;
	const char *key;
};

static void
context_text(const struct context *at, char *text, size_t size)
{
	size_t n;

	if (at == NULL)
		return;
	context_text(at->outer, text, size);
	n = strlen(text);
	snprintf(text + n, size - n, "%s'%.40s'", n > 0 ? ", " : "", at->key);
}

static bool
has_type(struct json_object *schema, const char *type)
{
	struct json_object *v = json_object_object_get(schema, "type");

	for (size_t i = 0;
	     json_object_is_type(v, json_type_array) && i < json_object_array_length(v); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(v, i)) ?: "", type) ==
		    0)
			return true;
	return strcmp(check_text(schema, "type", ""), type) == 0;
}

/* The path of the first part that is an array of nothing; false: there is none. */
static bool
lacks_items(struct json_object *schema, const struct context *at, char *text, size_t size)
{
	struct json_object *properties = json_object_object_get(schema, "properties"),
			   *items = json_object_object_get(schema, "items");
	struct context here = {at, "properties"}, inner = {&here, NULL}, deeper = {at, "items"};

	if (!json_object_is_type(schema, json_type_object))
		return false;
	if (has_type(schema, "array") && items == NULL) {
		context_text(at, text, size);
		return true;
	}
	if (lacks_items(items, &deeper, text, size))
		return true;
	if (!json_object_is_type(properties, json_type_object))
		return false;
	json_object_object_foreach(properties, key, value)
	{
		inner.key = key;
		if (lacks_items(value, &inner, text, size))
			return true;
	}
	return false;
}

bool
openai_schema(struct check *c, const char *path, const char *code, struct json_object *schema,
	      const char *of, bool strict)
{
	char context[200] = "";
	struct json_object *additional = json_object_object_get(schema, "additionalProperties");

	if (openai_type(c, path, schema, json_type_object, "an object"))
		return true;
	if (!has_type(schema, "object"))
		return openai_refuse(c, code, path,
				     "Invalid schema for %s: schema must be a JSON Schema of "
				     "'type: \"object\"', got 'type: \"%s\"'.",
				     of, check_text(schema, "type", "None"));
	if (json_object_object_get(schema, "properties") == NULL)
		return openai_refuse(c, code, path,
				     "Invalid schema for %s: In context=(), object schema missing "
				     "properties.",
				     of);
	if (lacks_items(schema, NULL, context, sizeof(context)))
		return openai_refuse(
		    c, code, path,
		    "Invalid schema for %s: In context=(%s), array schema missing items.", of,
		    context);
	if (strict && (!json_object_is_type(additional, json_type_boolean) ||
		       json_object_get_boolean(additional)))
		return openai_refuse(c, code, path,
				     "Invalid schema for %s: In context=(), 'additionalProperties' "
				     "is required to be supplied and to be false.",
				     of);
	return false;
}
