/* SPDX-License-Identifier: MIT */
#include "dialect/dialect.h"

#include "base/count.h"

#include <string.h>

#define ADDRESS_OF(name) &dialect_##name,
static const struct dialect *const dialects[] = {DIALECTS(ADDRESS_OF)};

const struct dialect *
dialect_find(const char *name)
{
	for (size_t i = 0; i < COUNT(dialects); i++)
		if (strcmp(dialects[i]->name, name) == 0)
			return dialects[i];
	return NULL;
}

void
dialect_names(struct buf *out)
{
	for (size_t i = 0; i < COUNT(dialects); i++)
		buf_append_cut(out, "%s%s",
			       i == 0                     ? ""
			       : i + 1 == COUNT(dialects) ? " or "
							  : ", ",
			       dialects[i]->name);
}
