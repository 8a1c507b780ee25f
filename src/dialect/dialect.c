/* SPDX-License-Identifier: MIT */
#include "dialect/dialect.h"

#include "base/count.h"

#include <string.h>

static const struct dialect *const dialects[] = {
    &dialect_anthropic,
    &dialect_deepseek,
    &dialect_kimi,
};

const struct dialect *
dialect_find(const char *name)
{
	for (size_t i = 0; i < COUNT(dialects); i++)
		if (strcmp(dialects[i]->name, name) == 0)
			return dialects[i];
	return NULL;
}

const char *
dialect_names(void)
{
	return "anthropic, deepseek or kimi";
}
