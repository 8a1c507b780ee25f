/* SPDX-License-Identifier: MIT */
/* OpenAI's rules about the messages, and those of servers with templates: PROTOCOLS.md §8 "Request". */
#include <stdio.h>
#include <string.h>

#include "check_openai.h"

#define ID_MAX   ((size_t)40)
#define ANY      ((size_t)1 << 30)
#define LEN(a)   (sizeof(a) / sizeof((a)[0]))
#define IS(a, b) (strcmp(a, b) == 0)

/* ---- parts of a content ---- */

/* Standard base64 with its padding, not empty. */
static bool
is_base64(const char *text)
{
	size_t n = strlen(text), body = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
						     "tuvwxyz0123456789+/");

	return n > 0 && n % 4 == 0 && n - body <= 2 && strspn(text + body, "=") == n - body;
}

static bool
image_data(struct check *c, const char *path, const char *url)
{
	static const char *const types[] = {"png", "jpeg", "gif", "webp"};
	const char *type = url + strlen("data:"), *data = strstr(url, ";base64,");
	size_t n = data != NULL ? (size_t)(data - type) : 0;
	bool known = false;

	for (size_t i = 0; i < LEN(types); i++)
		known = known || (n == strlen("image/") + strlen(types[i]) &&
				  strncmp(type, "image/", 6) == 0 &&
				  strncmp(type + 6, types[i], n - 6) == 0);
	if (data == NULL)
		return openai_refuse(c, "invalid_value", path,
				     "Invalid '%s'. Expected a base64-encoded data URL with an "
				     "image MIME type (e.g. 'data:image/png;base64,…'), but got a "
				     "data URL without base64.",
				     path);
	if (!known)
		return openai_refuse(c, "invalid_image_format", NULL,
				     "You uploaded an unsupported image. Please make sure your "
				     "image is of one the following formats: ['png', 'jpeg', "
				     "'gif', 'webp'].");
	return !is_base64(data + strlen(";base64,")) &&
	       openai_refuse(c, "invalid_base64", path, "Invalid base64 image_url.");
}

bool
openai_image_url(struct check *c, const char *path, struct json_object *url)
{
	const char *text = json_object_get_string(url);

	if (openai_text(c, path, url, ANY))
		return true;
	if (strncmp(text, "data:", 5) == 0)
		return image_data(c, path, text);
	return strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0 &&
	       openai_refuse(c, "invalid_value", path,
			     "Invalid '%s'. Expected a valid URL, but got a value with an invalid "
			     "format.",
			     path);
}

static bool
image_part(struct check *c, const char *path, struct json_object *part)
{
	static const char *const keys[] = {"url", "detail", NULL};
	static const char *const details[] = {"auto", "low", "high", NULL};
	struct path here = path_of("%s.image_url", path), url = path_of("%s.url", here.text);
	struct json_object *image = json_object_object_get(part, "image_url"), *detail;

	if (image == NULL)
		return openai_missing(c, here.text);
	if (openai_members(c, here.text, image, keys))
		return true;
	if (json_object_object_get_ex(image, "detail", &detail) &&
	    openai_word(c, path_of("%s.detail", here.text).text, detail, details,
			"'auto', 'low', and 'high'"))
		return true;
	return openai_image_url(c, url.text, json_object_object_get(image, "url"));
}

bool
openai_file(struct check *c, const char *path, struct json_object *file)
{
	struct path data = path_of("%s.file_data", path);
	const char *text = check_text(file, "file_data", ""), *body = strstr(text, ";base64,");

	if (json_object_object_get(file, "file_data") == NULL)
		return json_object_object_get(file, "file_id") == NULL &&
		       openai_missing(c, path_of("%s.file_id", path).text);
	if (openai_text(c, path_of("%s.filename", path).text,
			json_object_object_get(file, "filename"), ANY))
		return true;
	return (strncmp(text, "data:application/pdf", 20) != 0 || body == NULL ||
		!is_base64(body + strlen(";base64,"))) &&
	       openai_refuse(c, "invalid_value", data.text,
			     "Invalid '%s'. Expected a base64-encoded data URL with an application "
			     "MIME type (e.g. 'data:application/pdf;base64,…').",
			     data.text);
}

static bool
file_part(struct check *c, const char *path, struct json_object *part)
{
	static const char *const keys[] = {"filename", "file_data", "file_id", NULL};
	struct path here = path_of("%s.file", path);
	struct json_object *file = json_object_object_get(part, "file");

	if (!compat_is_openai(&c->provider->compat))
		return openai_refuse(c, NULL, NULL, "unsupported content[].type");
	if (file == NULL)
		return openai_missing(c, here.text);
	return openai_members(c, here.text, file, keys) || openai_file(c, here.text, file);
}

static bool
misplaced_image(struct check *c, size_t message, const char *role)
{
	struct path here = path_of("messages[%zu]", message);

	return openai_refuse(c, "invalid_value", here.text,
			     "Invalid '%s'. Image URLs are only allowed for messages with role "
			     "'user', but this message with role '%s' contains an image URL.",
			     here.text, role);
}

static bool
part(struct check *c, size_t message, size_t at, struct json_object *p, const char *role)
{
	static const char *const keys[] = {"type", "text", "image_url", "file", "refusal", NULL};
	static const char *const users[] = {"text", "image_url", "file", NULL};
	static const char *const assistants[] = {"text", "refusal", NULL};
	static const char *const texts[] = {"text", NULL};
	struct path here = path_of("messages[%zu].content[%zu]", message, at);
	const char *type = check_text(p, "type", "");

	if (openai_type(c, here.text, p, json_type_object, "an object"))
		return true;
	if (IS(type, "image_url") && !IS(role, "user"))
		return misplaced_image(c, message, role);
	if (openai_word(c, path_of("%s.type", here.text).text, json_object_object_get(p, "type"),
			IS(role, "user")        ? users
			: IS(role, "assistant") ? assistants
						: texts,
			IS(role, "user")        ? "'text', 'image_url', 'input_audio', 'refusal', "
						  "'audio', and 'file'"
			: IS(role, "assistant") ? "'text' and 'refusal'"
						: "'text'") ||
	    openai_members(c, here.text, p, keys))
		return true;
	if (IS(type, "image_url"))
		return image_part(c, here.text, p);
	if (IS(type, "file"))
		return file_part(c, here.text, p);
	if (json_object_object_get(p, type) == NULL)
		return openai_missing(c, path_of("%s.%s", here.text, type).text);
	return openai_type(c, path_of("%s.%s", here.text, type).text,
			   json_object_object_get(p, type), json_type_string, "a string");
}

/* ---- one message ---- */

static bool
content(struct check *c, size_t i, struct json_object *m, const char *role)
{
	struct json_object *v = json_object_object_get(m, "content");
	struct path here = path_of("messages[%zu].content", i);
	bool may_lack = IS(role, "assistant") && (json_object_object_get(m, "tool_calls") ||
						  json_object_object_get(m, "refusal"));

	if (v == NULL && may_lack)
		return false;
	if (v == NULL)
		return openai_refuse(c, NULL, path_of("messages.[%zu].content", i).text,
				     "Invalid value for 'content': expected a string, got null.");
	if (json_object_is_type(v, json_type_string)) {
		if (IS(role, "user") && check_blank(v) != CHECK_FULL)
			check_problem(c, "messages.%zu: an empty or blank text", i);
		return false;
	}
	if (!json_object_is_type(v, json_type_array))
		return openai_refuse(c, "invalid_type", here.text,
				     "Invalid type for '%s': expected one of a string or array of "
				     "objects, but got something else instead.",
				     here.text);
	if (openai_array(c, here.text, v, 1, ANY))
		return true;
	for (size_t k = 0; k < json_object_array_length(v); k++) {
		struct json_object *p = json_object_array_get_idx(v, k);

		if (part(c, i, k, p, role))
			return true;
		if (IS(check_text(p, "type", ""), "text") &&
		    check_blank(json_object_object_get(p, "text")) != CHECK_FULL)
			check_problem(c, "messages.%zu.content.%zu: an empty or blank text", i, k);
	}
	return false;
}

static void
arguments(struct check *c, const char *path, struct json_object *f)
{
	struct json_object *v = json_object_object_get(f, "arguments"), *parsed = NULL;

	parsed = json_tokener_parse(json_object_get_string(v));
	if (!json_object_is_type(parsed, json_type_object))
		check_problem(c, "%s is no JSON object: %.60s", path, json_object_get_string(v));
	json_object_put(parsed);
}

static bool
call(struct check *c, size_t i, size_t k, struct json_object *o)
{
	static const char *const keys[] = {"id", "type", "function", NULL};
	static const char *const inner[] = {"name", "arguments", NULL};
	static const char *const types[] = {"function", NULL};
	struct path here = path_of("messages[%zu].tool_calls[%zu]", i, k),
		    fp = path_of("%s.function", here.text), ap = path_of("%s.arguments", fp.text);
	struct json_object *f = json_object_object_get(o, "function");

	if (openai_members(c, here.text, o, keys) ||
	    openai_text(c, path_of("%s.id", here.text).text, json_object_object_get(o, "id"),
			ID_MAX) ||
	    openai_word(c, path_of("%s.type", here.text).text, json_object_object_get(o, "type"),
			types, "'function' and 'custom'"))
		return true;
	if (f == NULL)
		return openai_missing(c, fp.text);
	if (openai_members(c, fp.text, f, inner) ||
	    openai_name(c, path_of("%s.name", fp.text).text, json_object_object_get(f, "name")))
		return true;
	if (json_object_object_get(f, "arguments") == NULL)
		return openai_missing(c, ap.text);
	if (openai_type(c, ap.text, json_object_object_get(f, "arguments"), json_type_string,
			"a string"))
		return true;
	arguments(c, ap.text, f);
	return false;
}

static bool
calls(struct check *c, size_t i, struct json_object *m)
{
	struct path here = path_of("messages[%zu].tool_calls", i);
	struct json_object *list = json_object_object_get(m, "tool_calls");

	if (openai_array(c, here.text, list, 1, ANY))
		return true;
	for (size_t k = 0; list != NULL && k < json_object_array_length(list); k++)
		if (call(c, i, k, json_object_array_get_idx(list, k)))
			return true;
	return false;
}

/* Reasoning that is given back: whom to, under which name (PROTOCOLS.md §8). */
static bool
replay(struct check *c, size_t i, struct json_object *m)
{
	static const char *const names[] = {"reasoning_content", "reasoning"};
	const unsigned char *set = c->provider->compat.set;
	const char *own = names[set[HABIT_REASONING] == REASONING_CONTENT ||
					set[HABIT_REASONING] == REASONING_NONE
				    ? 0
				    : 1];
	bool any = false;

	for (size_t k = 0; k < LEN(names); k++) {
		if (!json_object_object_get_ex(m, names[k], NULL))
			continue;
		any = true;
		if (compat_refuses(&c->provider->compat, names[k]))
			return openai_refuse(c, NULL, NULL,
					     "'messages.%zu' : for 'role:assistant' the following "
					     "must be satisfied[('messages.%zu' : property '%s' is "
					     "unsupported)]",
					     i, i, names[k]);
		if (!IS(names[k], own) && set[HABIT_REASONING] != REASONING_BOTH)
			check_problem(c, "messages.%zu.%s: it reads %s alone", i, names[k], own);
	}
	return set[HABIT_REPLAY] == REPLAY_NEEDED && !any &&
	       openai_refuse(c, NULL, NULL,
			     "The `reasoning_content` in the thinking mode must be passed back to "
			     "the API.");
}

static bool
members(struct check *c, size_t i, struct json_object *m, const char *role)
{
	static const char *const plain[] = {"role", "content", "name", NULL};
	static const char *const tools[] = {"role", "content", "tool_call_id", NULL};
	static const char *const own[] = {"role", "content", "name", "refusal", "tool_calls", NULL};
	static const char *const thought[] = {
	    "role",      "content",    "name", "refusal", "reasoning_content",
	    "reasoning", "tool_calls", NULL};
	bool replays = c->provider->compat.set[HABIT_REPLAY] != REPLAY_NEVER;

	return openai_members(c, path_of("messages[%zu]", i).text, m,
			      IS(role, "tool")         ? tools
			      : !IS(role, "assistant") ? plain
			      : replays                ? thought
						       : own);
}

static bool
message(struct check *c, size_t i, struct json_object *m)
{
	static const char *const roles[] = {"system",    "developer", "user",
					    "assistant", "tool",      NULL};
	const char *role = check_text(m, "role", "");
	struct path id = path_of("messages[%zu].tool_call_id", i);

	if (openai_type(c, path_of("messages[%zu]", i).text, m, json_type_object, "an object") ||
	    openai_word(c, path_of("messages[%zu].role", i).text, json_object_object_get(m, "role"),
			roles,
			"'system', 'assistant', 'user', 'function', 'tool', and 'developer'") ||
	    members(c, i, m, role) || content(c, i, m, role))
		return true;
	if (IS(role, "tool"))
		return openai_text(c, id.text, json_object_object_get(m, "tool_call_id"), ID_MAX);
	return IS(role, "assistant") && (calls(c, i, m) || replay(c, i, m));
}

/* ---- how they go together ---- */

/* The calls of the last assistant: true of those that were answered. */
static void
remember(struct json_object *asked, struct json_object *m)
{
	struct json_object *list = json_object_object_get(m, "tool_calls");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		json_object_object_add(asked,
				       check_text(json_object_array_get_idx(list, i), "id", ""),
				       json_object_new_boolean(false));
}

static bool
unanswered(struct check *c, size_t i, struct json_object *asked)
{
	char ids[300] = "";

	json_object_object_foreach(asked, id, answered)
	{
		size_t n = strlen(ids);

		if (!json_object_get_boolean(answered))
			snprintf(ids + n, sizeof(ids) - n, "%s%s", n > 0 ? ", " : "", id);
	}
	return ids[0] != '\0' &&
	       openai_refuse(c, NULL, path_of("messages.[%zu].role", i).text,
			     "An assistant message with 'tool_calls' must be followed by tool "
			     "messages responding to each 'tool_call_id'. The following "
			     "tool_call_ids did not have response messages: %s",
			     ids);
}

static bool
answered(struct check *c, size_t i, struct json_object *m, struct json_object *asked)
{
	const char *id = check_text(m, "tool_call_id", "");
	struct json_object *before = NULL;

	if (json_object_object_length(asked) == 0)
		return openai_refuse(c, NULL, path_of("messages.[%zu].role", i).text,
				     "Invalid parameter: messages with role 'tool' must be a "
				     "response to a preceeding message with 'tool_calls'.");
	if (!json_object_object_get_ex(asked, id, &before))
		return openai_refuse(c, NULL, path_of("messages.[%zu].tool_call_id", i).text,
				     "Invalid parameter: 'tool_call_id' of '%s' not found in "
				     "'tool_calls' of previous message.",
				     id);
	if (json_object_get_boolean(before))
		return openai_refuse(c, NULL, path_of("messages.[%zu].tool_call_id", i).text,
				     "Duplicate value for 'tool_call_id' of '%s' in message[%zu]",
				     id, i);
	json_object_set_boolean(before, true);
	return false;
}

static bool
pairs(struct check *c, struct json_object *messages)
{
	struct json_object *asked = json_object_new_object();
	size_t n = json_object_array_length(messages), i;
	bool refused = false;

	for (i = 0; i < n && !refused; i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);

		if (IS(check_text(m, "role", ""), "tool")) {
			refused = answered(c, i, m, asked);
			continue;
		}
		refused = unanswered(c, i, asked);
		json_object_put(asked);
		asked = json_object_new_object();
		remember(asked, m);
	}
	refused = refused || unanswered(c, n, asked);
	json_object_put(asked);
	return refused;
}

static bool
template_fails(struct check *c, const char *text)
{
	return check_refuse(c, 500, "server_error", "%s", text);
}

/* What the templates of many local models insist on. */
static bool
alternate(struct check *c, struct json_object *messages)
{
	const char *before = "";

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		const char *role = check_text(json_object_array_get_idx(messages, i), "role", "");

		if (IS(role, "developer"))
			return template_fails(c, "Unexpected message role.");
		if (IS(role, "system") && i > 0)
			return template_fails(c, "System message must be at the beginning.");
		if (IS(role, before) && !IS(role, "tool"))
			return template_fails(c, "After the optional system message, conversation "
						 "roles must alternate "
						 "user/assistant/user/assistant/...");
		before = role;
	}
	return false;
}

bool
check_openai_messages(struct check *c)
{
	struct json_object *messages = json_object_object_get(c->body, "messages");

	if (messages == NULL)
		return openai_missing(c, "messages");
	if (openai_type(c, "messages", messages, json_type_array, "an array of objects") ||
	    openai_array(c, "messages", messages, 1, ANY))
		return true;
	for (size_t i = 0; i < json_object_array_length(messages); i++)
		if (message(c, i, json_object_array_get_idx(messages, i)))
			return true;
	if (c->provider->compat.set[HABIT_ROLES] == ROLES_ALTERNATE && alternate(c, messages))
		return true;
	return pairs(c, messages);
}
