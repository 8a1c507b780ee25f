/* SPDX-License-Identifier: MIT */
#include "gpt.h"

#include <string.h>

#define NEW_EFFORTS                                                                                \
	{                                                                                          \
		"none", "low", "medium", "high", "xhigh"                                           \
	}
#define OLD_EFFORTS                                                                                \
	{                                                                                          \
		"minimal", "low", "medium", "high"                                                 \
	}
#define O_EFFORTS                                                                                  \
	{                                                                                          \
		"low", "medium", "high"                                                            \
	}

static const struct gpt models[] = {
    {"gpt-6.1-sol", NEW_EFFORTS, true, false, 1050000, 128000},
    {"gpt-6-sol", NEW_EFFORTS, true, false, 1050000, 128000},
    {"gpt-6-luna", NEW_EFFORTS, true, false, 1050000, 128000},
    {"gpt-5.6-sol", NEW_EFFORTS, true, false, 1050000, 128000},
    {"gpt-5.6-terra", NEW_EFFORTS, true, false, 1050000, 128000},
    {"gpt-5.6-luna", NEW_EFFORTS, true, false, 1050000, 128000},
    {"gpt-5.2", NEW_EFFORTS, true, false, 272000, 128000},
    {"gpt-5", OLD_EFFORTS, false, false, 272000, 128000},
    {"gpt-5-mini", OLD_EFFORTS, false, false, 272000, 128000},
    {"gpt-5-nano", OLD_EFFORTS, false, false, 272000, 128000},
    {"o1", O_EFFORTS, false, true, 200000, 100000},
    {"o3", O_EFFORTS, false, true, 200000, 100000},
    {"o4-mini", O_EFFORTS, false, true, 200000, 100000},
    {"gpt-4.1", {NULL}, false, false, 1047576, 32768},
    {"gpt-4.1-mini", {NULL}, false, false, 1047576, 32768},
    {"gpt-4o", {NULL}, false, false, 128000, 16384},
    {"gpt-4o-mini", {NULL}, false, false, 128000, 16384},
};

#define MODELS (sizeof(models) / sizeof(models[0]))

static bool
is_date(const char *text)
{
	return strlen(text) == strlen("-2026-10-21") && strspn(text, "-0123456789") == strlen(text);
}

const struct gpt *
gpt_named(const char *name)
{
	static const char maker[] = "openai/";

	if (strncmp(name, maker, strlen(maker)) == 0)
		name += strlen(maker);
	for (size_t i = 0; i < MODELS; i++) {
		size_t n = strlen(models[i].name);

		if (strncmp(name, models[i].name, n) == 0 && (name[n] == '\0' || is_date(name + n)))
			return &models[i];
	}
	return NULL;
}

const struct gpt *
gpt_at(size_t i)
{
	return i < MODELS ? &models[i] : NULL;
}

bool
gpt_reasons(const struct gpt *m)
{
	return m->efforts[0] != NULL;
}

bool
gpt_takes_effort(const struct gpt *m, const char *effort)
{
	for (size_t i = 0; m->efforts[i] != NULL; i++)
		if (strcmp(m->efforts[i], effort) == 0)
			return true;
	return false;
}
