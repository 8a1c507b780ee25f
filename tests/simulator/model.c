/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "habits.h"

#define TOOLS_MAX  50
#define WORDS_MAX  1000000
#define TOKENS_MAX 10000000

/* Claude Code adds these to what its user wrote, or speaks so itself after a cut (CLIENT.md 3, 4). */
static bool
is_users_own(const char *text)
{
	static const char *const added[] = {"<system-reminder>", "Output token limit hit",
					    "Your response above was cut off"};

	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
		if (strncmp(text, added[i], strlen(added[i])) == 0)
			return false;
	return text[0] != '\0';
}

/* What stands behind the reminders that a text begins with: a dialect may have joined them to it. */
static const char *
behind_reminders(const char *text)
{
	static const char begin[] = "<system-reminder>", end[] = "</system-reminder>";

	while (strncmp(text, begin, strlen(begin)) == 0 && strstr(text, end) != NULL) {
		text = strstr(text, end) + strlen(end);
		text += strspn(text, " \r\n\t");
	}
	return text;
}

/* The messages, or what Responses calls so. */
static struct json_object *
messages_of(struct json_object *body)
{
	return json_object_object_get(body, "messages") ?: json_object_object_get(body, "input");
}

/* The last text in a message that the user wrote, NULL if there is none. */
static const char *
own_text(struct json_object *message)
{
	struct json_object *content = json_object_object_get(message, "content");
	const char *found = NULL;

	if (strcmp(check_text(message, "role", ""), "user") != 0)
		return NULL;
	if (json_object_is_type(content, json_type_string)) {
		found = behind_reminders(json_object_get_string(content));
		return is_users_own(found) ? found : NULL;
	}
	for (size_t i = 0; i < json_object_array_length(content); i++) {
		const char *text =
		    behind_reminders(check_text(json_object_array_get_idx(content, i), "text", ""));

		if (is_users_own(text))
			found = text;
	}
	return found;
}

static long
results_in(struct json_object *message)
{
	struct json_object *content = json_object_object_get(message, "content");
	long n = 0;

	if (strcmp(check_text(message, "role", ""), "tool") == 0 || /* Chat Completions */
	    strcmp(check_text(message, "type", ""), "function_call_output") == 0)
		return 1;
	if (!json_object_is_type(content, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(content); i++)
		n += strcmp(check_text(json_object_array_get_idx(content, i), "type", ""),
			    "tool_result") == 0;
	return n;
}

/* The last own text of the user, and how many tool results came after it. */
static const char *
prompt_of(struct json_object *body, long *results)
{
	struct json_object *messages = messages_of(body);
	const char *text = NULL;

	*results = 0;
	for (size_t i = json_object_array_length(messages); i-- > 0 && text == NULL;) {
		text = own_text(json_object_array_get_idx(messages, i));
		if (text == NULL)
			*results += results_in(json_object_array_get_idx(messages, i));
	}
	return text != NULL ? text : "";
}

static long
directive(const char *prompt, const char *name, long least, long most)
{
	const char *at = strstr(prompt, name);
	long n = at != NULL ? strtol(at + strlen(name), NULL, 10) : 0;

	return at == NULL ? 0 : n < least ? least : n > most ? most : n;
}

static bool
is_search(struct json_object *tool)
{
	return strncmp(check_text(tool, "type", ""), "web_search_", 11) == 0;
}

static const char *
tool_for(struct json_object *body)
{
	struct json_object *tools = json_object_object_get(body, "tools");
	const char *first = NULL;

	for (size_t i = 0;
	     json_object_is_type(tools, json_type_array) && i < json_object_array_length(tools);
	     i++) {
		struct json_object *tool = json_object_array_get_idx(tools, i);
		const char *name =
		    check_text(json_object_object_get(tool, "function") ?: tool, "name", "");

		if (is_search(tool))
			continue;
		if (strcmp(name, "Bash") == 0)
			return name;
		if (first == NULL)
			first = name;
	}
	return first;
}

static char *printed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *
printed(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return xstrdup(text);
}

static void
think(const struct check *c, struct say *s, uint64_t number)
{
	if (!c->thinking)
		return;
	s->thinking = printed("Let me think about it as %s would.", c->provider->name);
	s->signature = c->form != FORM_RESPONSES ? habit_signature(c->provider, number)
		       : c->wants_sealed         ? habit_seal(number)
						 : NULL;
	s->hides = !c->wants_summary || c->provider->compat.set[HABIT_SUMMARIES] == SUMMARIES_NEVER;
}

/* How many calls the conversation has had, whoever made them. */
static size_t
calls_before(struct json_object *body)
{
	struct json_object *messages = messages_of(body), *content;
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);
		struct json_object *calls = json_object_object_get(m, "tool_calls");

		n += calls != NULL ? json_object_array_length(calls) : 0;
		content = json_object_object_get(m, "content");
		for (size_t k = 0; json_object_is_type(content, json_type_array) &&
				   k < json_object_array_length(content);
		     k++)
			n += strcmp(check_text(json_object_array_get_idx(content, k), "type", ""),
				    "tool_use") == 0;
	}
	return n;
}

/* n calls at once, the steps from `step` on. */
static void
say_calls(const struct check *c, struct say *s, const char *tool, long step, long n,
	  uint64_t number)
{
	size_t before = calls_before(c->body);

	think(c, s, number);
	s->text = habit_text_before_call(c->provider, step);
	for (long i = 0; i < n; i++)
		s->calls[s->calls_len++] = (struct call){
		    .id = habit_call_id(c->provider, number, (size_t)i, before, tool),
		    .name = xstrdup(tool),
		    .input =
			printed("{\"command\": \"echo step-%ld\", \"description\": \"step %ld\"}",
				step + i, step + i)};
	s->stop_reason = "tool_use";
}

/* Its own web search, where the provider has one and the client offers it. */
static void
say_search(const struct check *c, struct say *s, uint64_t number)
{
	struct json_object *tools = json_object_object_get(c->body, "tools");
	size_t n =
	    json_object_is_type(tools, json_type_array) ? json_object_array_length(tools) : 0;

	for (size_t i = 0; i < n && s->search_id == NULL; i++)
		if (c->provider->family != FAMILY_KIMI &&
		    is_search(json_object_array_get_idx(tools, i))) {
			s->search_id = habit_search_id(c->provider, number);
			s->search_content = habit_search_content(c->provider, number);
		}
}

static char *
first_line(const char *text)
{
	return xstrndup(text, strcspn(text, "\r\n"));
}

static bool
is_image(struct json_object *part)
{
	const char *type = check_text(part, "type", "");

	return strncmp(type, "image", strlen("image")) == 0 || strcmp(type, "input_image") == 0;
}

/* How many images the conversation shows, in any form. */
static size_t
images_in(struct json_object *body)
{
	struct json_object *messages = messages_of(body), *content;
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);

		content =
		    json_object_object_get(m, "content") ?: json_object_object_get(m, "output");
		for (size_t k = 0; json_object_is_type(content, json_type_array) &&
				   k < json_object_array_length(content);
		     k++)
			n += is_image(json_object_array_get_idx(content, k));
	}
	return n;
}

static char *
friendly(const struct check *c, const char *prompt)
{
	size_t bytes = 0, images = images_in(c->body);
	char seen[40] = "";

	for (int i = 0; i < 60 && prompt[bytes] != '\0'; i++)
		bytes += utf8_len(prompt + bytes, strlen(prompt + bytes)) ?: 1;
	if (images > 0)
		snprintf(seen, sizeof(seen), " I see %zu image%s.", images, images > 1 ? "s" : "");
	return printed("Hello from %s, nice to meet you.%s You said: %.*s", c->provider->name, seen,
		       (int)bytes, prompt);
}

static bool
wants_json(struct json_object *body)
{
	struct json_object *config = json_object_object_get(body, "output_config");
	struct json_object *format = json_object_object_get(config, "format");

	format = format ?: json_object_object_get(body, "response_format");
	format = format ?: json_object_object_get(json_object_object_get(body, "text"), "format");
	return strcmp(check_text(format, "type", ""), "json_schema") == 0;
}

/* Which tokens it used, as the prompt says; who has no price of writing counts that as input. */
static void
count_tokens(const struct check *c, struct say *s, const char *prompt, uint64_t number)
{
	s->input_tokens =
	    (size_t)directive(prompt, "SIM:INPUT", 1, TOKENS_MAX) ?: c->request->body_len / 4;
	s->cache_read = (size_t)directive(prompt, "SIM:READ", 0, TOKENS_MAX);
	s->cache_5m = (size_t)directive(prompt, "SIM:WRITE5M", 0, TOKENS_MAX);
	s->cache_1h = (size_t)directive(prompt, "SIM:WRITE1H", 0, TOKENS_MAX);
	if (s->cache_read + s->cache_5m + s->cache_1h > 0)
		s->telling = habit_telling(c->provider, number);
	if (c->provider->family == FAMILY_CLAUDE || c->provider->family == FAMILY_OPENAI)
		return;
	s->input_tokens += s->cache_5m + s->cache_1h;
	s->cache_5m = s->cache_1h = 0;
}

/* max_tokens 1 (Claude Code's "quota" call, the checker's ping): one token, of thinking if that is on at DeepSeek (§2). */
static void
say_one_token(const struct check *c, struct say *s, uint64_t number)
{
	s->stop_reason = "max_tokens";
	s->output_tokens = 1;
	if (c->provider->family == FAMILY_DEEPSEEK && c->thinking) {
		s->thinking = xstrdup("Let");
		s->signature = habit_signature(c->provider, number);
	} else {
		s->text = xstrdup("Hello");
	}
}

static void
say_stop(struct say *s, const char *prompt)
{
	const char *at = strstr(prompt, "SIM:STOP ");
	char *word =
	    at != NULL ? xstrndup(at + 9, strspn(at + 9, "abcdefghijklmnopqrstuvwxyz_")) : NULL;

	if (word != NULL)
		s->stop_reason = say_stop_reason(word);
	free(word);
}

/* The others say it by their stop reason alone. */
static void
say_refusal(const struct check *c, struct say *s, const char *text)
{
	s->text = first_line(text);
	s->refuses = true;
	if (c->provider->family != FAMILY_OPENAI)
		s->stop_reason = "refusal";
}

static void
say_something(const struct check *c, struct say *s, uint64_t number)
{
	long results, steps, calls;
	const char *prompt = prompt_of(c->body, &results), *tool = tool_for(c->body),
		   *said = strstr(prompt, "SIM:SAY "), *refused = strstr(prompt, "SIM:REFUSE ");

	count_tokens(c, s, prompt, number);
	s->sleep_ms = directive(prompt, "SIM:SLEEP", 0, 3600000);
	steps = directive(prompt, "SIM:TOOLS", 1, TOOLS_MAX);
	if (c->max_tokens == 1) {
		say_one_token(c, s, number);
		return;
	}
	if (strstr(prompt, "SIM:SEARCH") != NULL)
		say_search(c, s, number);
	if (steps > results && tool != NULL) {
		calls = directive(prompt, "SIM:CALLS", 1, CALLS_MAX) ?: 1;
		say_calls(c, s, tool, results + 1,
			  calls < steps - results ? calls : steps - results, number);
		say_stop(s, prompt);
		return;
	}
	think(c, s, number);
	s->words = directive(prompt, "SIM:LONG", 0, WORDS_MAX);
	s->pace_ms = (unsigned)directive(prompt, "SIM:PACE", 0, 3600000);
	if (wants_json(c->body))
		s->text = xstrdup("{\"title\":\"Simulated title\"}");
	else if (steps > 0)
		s->text = printed("done %ld steps, last by %s", results, c->provider->name);
	else if (refused != NULL)
		say_refusal(c, s, refused + strlen("SIM:REFUSE "));
	else if (said != NULL)
		s->text = first_line(said + strlen("SIM:SAY "));
	else if (s->words == 0)
		s->text = friendly(c, prompt);
	if (s->text != NULL)
		s->words = 0;
	say_stop(s, prompt);
}

struct say *
model_say(const struct check *c, uint64_t number)
{
	static const char *const ids[] = {
	    [FORM_MESSAGES] = "msg_", [FORM_CHAT] = "chatcmpl-", [FORM_RESPONSES] = "resp_"};
	struct say *s = xalloc(sizeof(*s));

	s->form = c->form;
	s->id = printed("%s%s_%llu", ids[s->form], c->provider->name, (unsigned long long)number);
	s->compat = c->provider->compat;
	s->created = clock_real_ms() / 1000;
	s->wants_usage = c->wants_usage;
	s->model = xstrdup(c->model);
	s->stop_reason = "end_turn";
	s->output_tokens = 12;
	say_something(c, s, number);
	if (s->words > 0)
		s->output_tokens = (size_t)s->words;
	if (s->text != NULL &&
	    s->text[0] == '\0') { /* "SIM:SAY " and nothing: Claude never sends an empty block */
		free(s->text);
		s->text = xstrdup("(nothing)");
	}
	return s;
}
