/* SPDX-License-Identifier: MIT */
/* log.c: foreign text, made fit to show at any size. */
#include "fuzz.h"

#include "base/log.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	char *text = fuzz_copy(data + 1, n - 1);
	size_t sizes[] = {PRINTABLE_SIZE, 1 + (size_t)data[0]};
	for (size_t i = 0; i < 2; i++) {
		char *out = malloc(sizes[i]);
		MUST(out != NULL);
		MUST(printable(text, n - 1, out, sizes[i]) == out);
		MUST(memchr(out, '\0', sizes[i]) != NULL && fuzz_is_shown(out));
		/* Nothing that looks like a key, with something of it behind. */
		const char *key = strstr(out, "sk-ant-");
		MUST(key == NULL || !((key[7] >= 'a' && key[7] <= 'z') && strlen(key) > 40));
		free(out);
	}
	free(text);
	return 0;
}
