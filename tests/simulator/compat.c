/* SPDX-License-Identifier: MIT */
#include "compat.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX ((size_t)7)

static const struct {
	const char *name, *words[WORDS_MAX];
	const char *help;
} habits[HABITS] = {
    {"reasoning", {"none", "reasoning_content", "reasoning", "both"}, "the member it comes in"},
    {"calls", {"deltas", "interleaved", "whole"}, "in pieces, in turns, or each in one chunk"},
    {"index", {"counted", "missing", "zero", "one"}, "of a call: 0, 1 …; none; 0 for all; 1, 2 …"},
    {"ids", {"given", "missing", "empty", "repeated"}, "of a call; repeated in each of its deltas"},
    {"names", {"once", "repeated"}, "of a call, in each of its deltas"},
    {"arguments", {"text", "object", "empty"}, "JSON text, an object, or nothing at all"},
    {"content", {"text", "parts"}, "of a JSON answer"},
    {"usage", {"chunk", "delta", "beside", "each", "groq", "never"}, "where a stream tells it"},
    {"cache", {"details", "hits", "untold"}, "where usage tells what was read from a cache"},
    {"finish",
     {"told", "stop", "empty", "never", "with"},
     "stop also after calls; \"\" until the end; with the last text"},
    {"done", {"told", "never"}, "[DONE]"},
    {"first", {"role", "filter", "comment"}, "what a stream begins with"},
    {"stream", {"events", "json"}, "what stream true is answered with"},
    {"errors", {"openai", "flat", "text", "number"}, "the form of an error"},
    {"error_events",
     {"chunk", "named", "beside"},
     "… inside a stream: alone, event: error, or "
     "beside finish_reason error"},
    {"keys", {"needed", "any"}, "or none"},
    {"models", {"known", "any"}, "or any other, too"},
    {"roles", {"free", "alternate"}, "the template's rules"},
    {"choice", {"free", "words"}, "tool_choice takes words alone"},
    {"replay", {"free", "never", "needed"}, "reasoning that is given back"},
    {"summaries",
     {"told", "never", "refused"},
     "of reasoning, in Responses: shown, empty, or not for this organization"},
};

/* PROTOCOLS.md §8; the formats of ids are those that people show. */
static const struct server {
	const char *name, *base, *call_id; /* the beginning of a call's id … */
	int digits;                        /* … and how many come behind it */
	bool openai;
	unsigned char set[HABITS];
	const char *refuses;
} servers[] = {
    {"openai", "", "call_", 24, .openai = true, .set = {[HABIT_REPLAY] = REPLAY_NEVER}},
    {"azure", "/openai", "call_", 24, .openai = true,
     .set = {[HABIT_REPLAY] = REPLAY_NEVER,
	     [HABIT_FIRST] = FIRST_FILTER,
	     [HABIT_MODELS] = MODELS_ANY}},
    {"openrouter", "/api", "call_", 24,
     .set = {[HABIT_REASONING] = REASONING_PLAIN,
	     [HABIT_USAGE] = USAGE_WITH_DELTA,
	     [HABIT_FIRST] = FIRST_COMMENT,
	     [HABIT_ERRORS] = ERRORS_NUMBER,
	     [HABIT_ERROR_EVENTS] = ERROR_EVENTS_BESIDE,
	     [HABIT_MODELS] = MODELS_ANY}},
    {"groq", "/openai", "call_", 8,
     .set = {[HABIT_REASONING] = REASONING_PLAIN,
	     [HABIT_CALLS] = CALLS_WHOLE,
	     [HABIT_USAGE] = USAGE_GROQ,
	     [HABIT_MODELS] = MODELS_ANY},
     .refuses = ",reasoning_content,"},
    {"ollama", "", "call_", 8,
     .set = {[HABIT_REASONING] = REASONING_PLAIN,
	     [HABIT_CALLS] = CALLS_WHOLE,
	     [HABIT_INDEX] = INDEX_ZERO,
	     [HABIT_FINISH] = FINISH_STOP,
	     [HABIT_CACHE] = CACHE_UNTOLD,
	     [HABIT_KEYS] = KEYS_ANY,
	     [HABIT_MODELS] = MODELS_ANY}},
    {"llamacpp", "", "", 32,
     .set = {[HABIT_REASONING] = REASONING_CONTENT,
	     [HABIT_CALLS] = CALLS_WHOLE,
	     [HABIT_USAGE] = USAGE_BESIDE,
	     [HABIT_KEYS] = KEYS_ANY,
	     [HABIT_MODELS] = MODELS_ANY,
	     [HABIT_ROLES] = ROLES_ALTERNATE,
	     [HABIT_CHOICE] = CHOICE_WORDS}},
    {"vllm", "", "chatcmpl-tool-", 32, /* 46 bytes: longer than OpenAI takes */
     .set = {[HABIT_REASONING] = REASONING_PLAIN,
	     [HABIT_ERRORS] = ERRORS_FLAT,
	     [HABIT_KEYS] = KEYS_ANY,
	     [HABIT_MODELS] = MODELS_ANY,
	     [HABIT_ROLES] = ROLES_ALTERNATE}},
    {"lmstudio", "", "", 9,
     .set = {[HABIT_ERRORS] = ERRORS_TEXT,
	     [HABIT_CACHE] = CACHE_UNTOLD,
	     [HABIT_KEYS] = KEYS_ANY,
	     [HABIT_MODELS] = MODELS_ANY,
	     [HABIT_CHOICE] = CHOICE_WORDS}},
    {"deepseek", "", "call_00_", 24,
     .set = {[HABIT_REASONING] = REASONING_CONTENT,
	     [HABIT_USAGE] = USAGE_BESIDE,
	     [HABIT_CACHE] = CACHE_HITS,
	     [HABIT_MODELS] = MODELS_ANY,
	     [HABIT_REPLAY] = REPLAY_NEEDED}},
};

#define SERVERS (sizeof(servers) / sizeof(servers[0]))

static void
become(struct compat *c, unsigned server)
{
	*c = (struct compat){.server = server};
	memcpy(c->set, servers[server].set, sizeof(c->set));
	if (servers[server].refuses != NULL)
		snprintf(c->refuses, sizeof(c->refuses), "%s", servers[server].refuses);
}

void
compat_reset(struct compat *c)
{
	become(c, 0);
}

/* ---- from the control port ---- */

static bool
choose_server(struct compat *c, struct json_object *v, struct buf *why)
{
	for (unsigned i = 0; v != NULL && i < SERVERS; i++)
		if (strcmp(servers[i].name, json_object_get_string(v)) == 0) {
			become(c, i);
			return true;
		}
	if (v == NULL)
		return true;
	buf_addf(why, "unknown server \"%s\"; there are:", json_object_get_string(v));
	for (size_t i = 0; i < SERVERS; i++)
		buf_addf(why, " %s", servers[i].name);
	return false;
}

static bool
choose_refuses(struct compat *c, struct json_object *list, struct buf *why)
{
	struct buf all = {0};
	bool fits = json_object_is_type(list, json_type_array);

	for (size_t i = 0; fits && i < json_object_array_length(list); i++)
		buf_addf(&all, "%s%s,", i ? "" : ",",
			 json_object_get_string(json_object_array_get_idx(list, i)));
	fits = fits && all.len < sizeof(c->refuses);
	if (fits)
		snprintf(c->refuses, sizeof(c->refuses), "%s", all.data != NULL ? all.data : "");
	else
		buf_adds(why, "\"refuses\" is a list of parameters, short enough to be kept");
	buf_free(&all);
	return fits;
}

static bool
choose_habit(struct compat *c, const char *name, struct json_object *word, struct buf *why)
{
	size_t i = 0;

	while (i < HABITS && strcmp(habits[i].name, name) != 0)
		i++;
	if (i == HABITS) {
		buf_addf(why, "unknown habit \"%s\"; there are: server refuses", name);
		for (i = 0; i < HABITS; i++)
			buf_addf(why, " %s", habits[i].name);
		return false;
	}
	for (size_t k = 0; k < WORDS_MAX && habits[i].words[k] != NULL; k++)
		if (strcmp(habits[i].words[k], json_object_get_string(word)) == 0) {
			c->set[i] = (unsigned char)k;
			return true;
		}
	buf_addf(why, "\"%s\" is one of:", name);
	for (size_t k = 0; k < WORDS_MAX && habits[i].words[k] != NULL; k++)
		buf_addf(why, " %s", habits[i].words[k]);
	return false;
}

bool
compat_choose(struct compat *c, struct json_object *spec, struct buf *why)
{
	struct compat chosen = *c;

	if (!choose_server(&chosen, json_object_object_get(spec, "server"), why))
		return false;
	json_object_object_foreach(spec, key, value)
	{
		if (strcmp(key, "server") == 0)
			continue;
		if (strcmp(key, "refuses") == 0 ? !choose_refuses(&chosen, value, why)
						: !choose_habit(&chosen, key, value, why))
			return false;
	}
	*c = chosen;
	return true;
}

void
compat_json(const struct compat *c, struct buf *out)
{
	buf_addf(out, "{\"server\":\"%s\",\"refuses\":\"%s\"", servers[c->server].name, c->refuses);
	for (size_t i = 0; i < HABITS; i++)
		buf_addf(out, ",\"%s\":\"%s\"", habits[i].name, habits[i].words[c->set[i]]);
	buf_adds(out, "}");
}

void
compat_list(struct buf *out)
{
	buf_adds(out, "Servers:\n ");
	for (size_t i = 0; i < SERVERS; i++)
		buf_addf(out, " %s", servers[i].name);
	buf_adds(out, "\n\nHabits:\n");
	for (size_t i = 0; i < HABITS; i++) {
		buf_addf(out, "  %-13s", habits[i].name);
		for (size_t k = 0; k < WORDS_MAX && habits[i].words[k] != NULL; k++)
			buf_addf(out, " %s", habits[i].words[k]);
		buf_addf(out, ": %s\n", habits[i].help);
	}
	buf_adds(out, "  refuses       [PARAMETER, …]: it does not know these\n");
}

/* ---- what is asked about a server ---- */

bool
compat_is(const struct compat *c, const char *server)
{
	return strcmp(servers[c->server].name, server) == 0;
}

bool
compat_is_openai(const struct compat *c)
{
	return servers[c->server].openai;
}

bool
compat_refuses(const struct compat *c, const char *parameter)
{
	char word[128];

	snprintf(word, sizeof(word), ",%s,", parameter);
	return strstr(c->refuses, word) != NULL;
}

const char *
compat_base(const struct compat *c)
{
	return servers[c->server].base;
}

/* The number in all digits but the last two, which say which of the answer's calls it is. */
char *
compat_call_id(const struct compat *c, uint64_t number, size_t at)
{
	const struct server *s = &servers[c->server];
	char id[80];

	snprintf(id, sizeof(id), "%s%0*llu%02zu", s->call_id, s->digits - 2,
		 (unsigned long long)number, at);
	return xstrdup(id);
}
