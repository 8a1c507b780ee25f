/* SPDX-License-Identifier: MIT */
/* keys.c: the file of client keys. What is wrong with it is told without it. */
#include "fuzz.h"

#include "config/keys.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf error;
	char *text = fuzz_copy(data, n);
	buf_init(&error, ERROR_TEXT_MAX);
	struct keys *keys = keys_parse("/keys", text, n, &error);
	MUST((keys == NULL) == (buf_text(&error)[0] != '\0'));
	MUST(fuzz_is_shown(buf_text(&error)));
	for (size_t i = 0; i < keys_count(keys); i++) {
		const struct key *key = keys_at(keys, i);
		MUST(key->name[0] != '\0' && fuzz_is_shown(key->name) && fuzz_is_shown(key->since));
		for (size_t j = 0; j < i; j++)
			MUST(strcmp(key->name, keys_at(keys, j)->name) != 0);
	}
	MUST(keys_find(keys, "") == NULL && keys_find(keys, "crk_") == NULL);
	keys_free(keys);
	buf_free(&error);
	free(text);
	return 0;
}
