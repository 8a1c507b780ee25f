/* SPDX-License-Identifier: MIT */
#include "habits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

static char *printed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *
printed(const char *fmt, ...)
{
	struct buf out = {0};
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_adds(&out, text);
	return out.data;
}

char *
habit_call_id(const struct provider *p, uint64_t number, size_t at, size_t before, const char *name)
{
	unsigned long long n = (unsigned long long)number;

	if (p->family == FAMILY_OPENAI)
		return compat_call_id(&p->compat, number, at);
	if (p->family == FAMILY_KIMI)
		return printed("functions.%.300s:%zu", name, before + at);
	if (p->family == FAMILY_DEEPSEEK)
		return printed("call_%02zu_dS%020llu", at, n);
	return printed("toolu_%s_%llu_%zu", p->name, n, at);
}

/* PROTOCOLS.md §7: Claude's begin with EqoB here; the number and its product tell an altered one (check_blocks.c). */
char *
habit_signature(const struct provider *p, uint64_t number)
{
	unsigned long long n = (unsigned long long)number;

	if (p->family == FAMILY_CLAUDE)
		return printed("EqoBCkgI%s%012llxGAIiQ0simulated+signature/%012llx==", p->name, n,
			       n * 2654435761u);
	if (p->family == FAMILY_DEEPSEEK)
		return printed("%08llx-5eed-4dee-8eec-%012llx", n, n);
	return NULL;
}

/* Only with the id of the same number it is one (habit_seal_fits). */
char *
habit_seal(uint64_t number)
{
	unsigned long long n = (unsigned long long)number;

	return printed("gAAAAAsim_-%012llx%012llx==", n, n * 2654435761u);
}

bool
habit_seal_fits(const char *id, const char *content)
{
	static const char begin[] = "rs_openai_";
	bool own = strncmp(id, begin, strlen(begin)) == 0;
	char *made = habit_seal(own ? strtoull(id + strlen(begin), NULL, 10) : 0);
	bool fits = own && strcmp(made, content) == 0;

	free(made);
	return fits;
}

char *
habit_search_id(const struct provider *p, uint64_t number)
{
	if (p->family == FAMILY_CLAUDE)
		return printed("srvtoolu_%s_%llu", p->name, (unsigned long long)number);
	return habit_call_id(p, number, 0, 0, "web_search");
}

char *
habit_search_content(const struct provider *p, uint64_t number)
{
	char *signed_part = habit_signature(p, number);
	char *content =
	    printed("[{\"type\":\"web_search_result\",\"title\":\"Found by %s\",\"url\":"
		    "\"https://example.com/%llu\",\"page_age\":null,\"encrypted_content\":\"%s\"}]",
		    p->name, (unsigned long long)number, signed_part != NULL ? signed_part : "");

	free(signed_part);
	return content;
}

/* Every other step of Kimi's begins with a block of line ends. */
char *
habit_text_before_call(const struct provider *p, long step)
{
	return p->family == FAMILY_KIMI && step % 2 == 1 ? printed("%s", "\n\n") : NULL;
}

enum telling
habit_telling(const struct provider *p, uint64_t number)
{
	static const enum telling claude[] = {TELLS_ALL, TELLS_ONCE, TELLS_ALL, TELLS_NULL};

	if (p->family == FAMILY_OPENAI) /* its habits are its own: compat.h */
		return TELLS_ALL;
	if (p->family == FAMILY_KIMI)
		return TELLS_LATE;
	if (p->family == FAMILY_DEEPSEEK)
		return number % 2 == 0 ? TELLS_SUM : TELLS_ALL;
	return claude[number % 4];
}
