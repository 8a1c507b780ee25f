/* SPDX-License-Identifier: MIT */
/* admin.c: the body of a switch or a check. Its reader is the file's own. */
#include "fuzz.h"

#include "operator/admin.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf body;
	char name[PROVIDER_NAME_MAX];
	buf_init(&body, n + 1);
	MUST(n == 0 || buf_add(&body, (const char *)data, n));
	read_name(&body, name);
	MUST(memchr(name, '\0', sizeof name) != NULL);
	buf_free(&body);
	return 0;
}
