/* SPDX-License-Identifier: MIT */
/* OpenAI's rules about tools and which of them to call: PROTOCOLS.md §8 "Request". */
#include <stdio.h>
#include <string.h>

#include "check_openai.h"
#include "gpt.h"

#define TOOLS_MAX ((size_t)128)

/* Responses has its members flat; that of Chat Completions has them in a member. */
static const char *
tool_name(struct json_object *tools, size_t i)
{
	struct json_object *tool = json_object_array_get_idx(tools, i);

	return check_text(json_object_object_get(tool, "function") ?: tool, "name", "");
}

static bool
named_before(struct json_object *tools, size_t end, const char *name)
{
	for (size_t i = 0; i < end; i++)
		if (strcmp(tool_name(tools, i), name) == 0)
			return true;
	return false;
}

static bool
function(struct check *c, struct json_object *f, struct path here)
{
	struct path name = path_of("%s.name", here.text),
		    parameters = path_of("%s.parameters", here.text), of;
	struct json_object *v;

	if (openai_name(c, name.text, json_object_object_get(f, "name")))
		return true;
	of = path_of("function '%s'", check_text(f, "name", ""));
	if (json_object_object_get_ex(f, "description", &v) &&
	    openai_type(c, path_of("%s.description", here.text).text, v, json_type_string,
			"a string"))
		return true;
	return json_object_object_get_ex(f, "parameters", &v) &&
	       openai_schema(c, parameters.text, "invalid_function_parameters", v, of.text,
			     json_object_get_boolean(json_object_object_get(f, "strict")));
}

static bool
in_a_member(struct check *c, struct json_object *tool, struct path here)
{
	static const char *const keys[] = {"type", "function", NULL};
	static const char *const inner[] = {"name", "description", "parameters", "strict", NULL};
	struct json_object *f = json_object_object_get(tool, "function");
	struct path there = path_of("%s.function", here.text);

	if (openai_members(c, here.text, tool, keys))
		return true;
	if (f == NULL)
		return openai_missing(c, there.text);
	return openai_members(c, there.text, f, inner) || function(c, f, there);
}

/* What is not said to be strict counts as strict: few clients' schemas are (PROTOCOLS.md §10). */
static bool
flat(struct check *c, struct json_object *tool, struct path here)
{
	static const char *const keys[] = {"type",       "name",   "description",
					   "parameters", "strict", NULL};

	if (openai_members(c, here.text, tool, keys))
		return true;
	if (!json_object_object_get_ex(tool, "strict", NULL))
		check_problem(c, "%s does not say whether it is strict", here.text);
	if (json_object_object_get(tool, "parameters") == NULL)
		return openai_missing(c, path_of("%s.parameters", here.text).text);
	return function(c, tool, here);
}

static bool
one_tool(struct check *c, struct json_object *tools, size_t i)
{
	static const char *const types[] = {"function", NULL};
	struct json_object *tool = json_object_array_get_idx(tools, i);
	struct path here = path_of("tools[%zu]", i);

	if (openai_type(c, here.text, tool, json_type_object, "an object") ||
	    openai_word(c, path_of("%s.type", here.text).text, json_object_object_get(tool, "type"),
			types, "'function' and 'custom'"))
		return true;
	if ((c->form == FORM_RESPONSES ? flat : in_a_member)(c, tool, here))
		return true;
	/* Nobody saw OpenAI refuse this; those who pass requests on to others do. */
	return named_before(tools, i, tool_name(tools, i)) &&
	       openai_refuse(c, NULL, "tools", "tools: Tool names must be unique.");
}

static bool
choice_form(struct check *c, struct json_object *choice)
{
	static const char *const keys[] = {"type", "function", NULL};
	static const char *const flat_keys[] = {"type", "name", NULL};
	static const char *const inner[] = {"name", NULL};
	struct json_object *f = json_object_object_get(choice, "function");

	if (c->form == FORM_RESPONSES)
		return openai_members(c, "tool_choice", choice, flat_keys) ||
		       openai_name(c, "tool_choice.name", json_object_object_get(choice, "name"));
	if (openai_members(c, "tool_choice", choice, keys))
		return true;
	if (f == NULL)
		return openai_missing(c, "tool_choice.function");
	return openai_members(c, "tool_choice.function", f, inner) ||
	       openai_name(c, "tool_choice.function.name", json_object_object_get(f, "name"));
}

static bool
named_choice(struct check *c, struct json_object *choice, struct json_object *tools)
{
	static const char *const types[] = {"function", NULL};
	struct json_object *f = json_object_object_get(choice, "function") ?: choice;
	const char *name = check_text(f, "name", "");

	if (openai_word(c, "tool_choice.type", json_object_object_get(choice, "type"), types,
			"'allowed_tools', 'function', and 'custom'") ||
	    choice_form(c, choice))
		return true;
	return !named_before(tools, json_object_array_length(tools), name) &&
	       openai_refuse(c, NULL, "tool_choice",
			     "Invalid value for 'tool_choice': no function named '%s' was "
			     "specified in the 'tools' parameter.",
			     name);
}

static bool
tool_choice(struct check *c, struct json_object *tools)
{
	static const char *const words[] = {"none", "auto", "required", NULL};
	struct json_object *choice = json_object_object_get(c->body, "tool_choice");

	if (choice == NULL)
		return false;
	if (tools == NULL)
		return openai_refuse(c, NULL, "tool_choice",
				     "Invalid value for 'tool_choice': 'tool_choice' is only "
				     "allowed when 'tools' are specified.");
	if (!json_object_is_type(choice, json_type_object))
		return openai_word(c, "tool_choice", choice, words,
				   "'none', 'auto', and 'required'");
	if (c->provider->compat.set[HABIT_CHOICE] == CHOICE_WORDS)
		return openai_refuse(c, NULL, NULL,
				     "Invalid tool_choice type: 'object'. Supported string values: "
				     "none, auto, required");
	return named_choice(c, choice, tools);
}

static bool
parallel(struct check *c, struct json_object *tools)
{
	struct json_object *v = json_object_object_get(c->body, "parallel_tool_calls");
	const struct gpt *m = gpt_named(c->model);

	if (v == NULL)
		return false;
	if (openai_type(c, "parallel_tool_calls", v, json_type_boolean, "a boolean"))
		return true;
	if (tools == NULL)
		return openai_refuse(c, NULL, "parallel_tool_calls",
				     "Invalid value for 'parallel_tool_calls': "
				     "'parallel_tool_calls' is only allowed when 'tools' are "
				     "specified.");
	return compat_is_openai(&c->provider->compat) && m != NULL && m->one_call_unsaid &&
	       openai_refuse(c, "unsupported_parameter", "parallel_tool_calls",
			     "Unsupported parameter: 'parallel_tool_calls' is not supported with "
			     "this model.");
}

bool
check_openai_tools(struct check *c)
{
	struct json_object *tools = json_object_object_get(c->body, "tools");

	if (openai_array(c, "tools", tools, 1, TOOLS_MAX))
		return true;
	for (size_t i = 0; tools != NULL && i < json_object_array_length(tools); i++)
		if (one_tool(c, tools, i))
			return true;
	return tool_choice(c, tools) || parallel(c, tools);
}
