/* SPDX-License-Identifier: MIT */
/* dialect/origin.c: a provider's JSON answer. Marked, it is JSON if it was; and each
 * thinking block's signature is, without its mark, what the provider wrote. */
#include "fuzz.h"

#include "dialect/origin.h"
#include "json/tree.h"

static bool
is_thinking(json_object *block)
{
	return tree_is(block, "type", "thinking") && tree_get(block, "data") == NULL;
}

/* The next thinking block from *i on; NULL: there is none. */
static json_object *
next_thinking(json_object *content, size_t *i)
{
	while (*i < tree_count(content)) {
		json_object *block = json_object_array_get_idx(content, (*i)++);
		if (is_thinking(block))
			return block;
	}
	return NULL;
}

/* Blank texts may have gone; nothing else did. */
static void
compare(json_object *before, json_object *after)
{
	json_object *a = tree_get(before, "content"), *b = tree_get(after, "content"), *was;
	size_t i = 0, k = 0;
	MUST(tree_count(b) <= tree_count(a));
	while ((was = next_thinking(a, &i)) != NULL) {
		json_object *is = next_thinking(b, &k);
		MUST(is != NULL);
		const char *signature = tree_text(is, "signature"),
			   *old = tree_text(was, "signature");
		json_object *any = tree_get(was, "signature");
		if (any != NULL && !json_object_is_type(any, json_type_string))
			continue;
		MUST(signature != NULL && origin_own(signature, "kimi") != NULL);
		MUST(origin_own(signature, "deepseek") == NULL);
		MUST(strcmp(origin_own(signature, "kimi"), old == NULL ? "" : old) == 0);
	}
	MUST(next_thinking(b, &k) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf out;
	char *json = fuzz_copy(data, n);
	buf_init(&out, 64 * n + 4096);
	MUST(origin_mark_json("kimi", -1, json, n, &out));
	json_object *before = tree_read(json, n);
	if (before == NULL || !json_object_is_type(before, json_type_object)) {
		MUST(before != NULL ||
		     (out.len == n && (n == 0 || memcmp(out.data, data, n) == 0)));
	} else {
		json_object *after = tree_read(out.data, out.len);
		MUST(after != NULL);
		compare(before, after);
		json_object_put(after);
	}
	json_object_put(before);
	buf_free(&out);
	free(json);
	return 0;
}
