/* SPDX-License-Identifier: MIT */
#include "base/headers.h"

#include <string.h>

const char *
headers_find(const struct headers *headers, const char *name)
{
	for (size_t i = 0; i < headers->n; i++)
		if (strcmp(headers->list[i].name, name) == 0)
			return headers->list[i].value;
	return NULL;
}
