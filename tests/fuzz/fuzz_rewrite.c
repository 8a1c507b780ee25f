/* SPDX-License-Identifier: MIT */
/* dialect_*.c, rewrite*.c, splice.c: a client's body on its way to each kind of
 * provider. What is sent is JSON; the same body becomes the same; and a body that
 * needs no change gets none. */
#include "fuzz.h"

#include "base/digest.h"
#include "dialect/dialect.h"
#include "dialect/message.h"
#include "json/tree.h"

static const uint8_t key[DIGEST_KEY_SIZE] = {7};

static enum handover_result
hand_over(const struct dialect *dialect, const char *body, size_t n, unsigned quirks,
	  struct buf *out)
{
	struct message message;
	char error[ERROR_TEXT_MAX];
	if (!message_read(body, n, &message, error))
		return HANDOVER_FAILED;
	const struct handover handover = {.provider = dialect->name,
					  .model = dialect->is_authority ? NULL : "some-model",
					  .body = body,
					  .body_len = n,
					  .message = &message,
					  .key = key,
					  .quirks = quirks};
	if (dialect->refuses != NULL)
		dialect->refuses(&message, "some-model");
	return dialect->encode(&handover, out);
}

static void
check(const struct dialect *dialect, const char *body, size_t n, unsigned quirks)
{
	struct buf out[3];
	for (size_t i = 0; i < 3; i++)
		buf_init(&out[i], 64 * n + 65536);
	enum handover_result first = hand_over(dialect, body, n, quirks, &out[0]);
	MUST(first == hand_over(dialect, body, n, quirks, &out[1]));
	MUST(first != HANDOVER_FAILED);
	if (first == HANDOVER_AS_IS) {
		MUST(out[0].len == 0);
	} else {
		json_object *tree = tree_read(out[0].data, out[0].len);
		MUST(json_object_is_type(tree, json_type_object));
		json_object_put(tree);
		MUST(out[0].len == out[1].len && memcmp(out[0].data, out[1].data, out[0].len) == 0);
		/* What Claude gets of it needs no second cut. */
		if (dialect->is_authority)
			MUST(hand_over(dialect, out[0].data, out[0].len, quirks, &out[2]) ==
			     HANDOVER_AS_IS);
	}
	for (size_t i = 0; i < 3; i++)
		buf_free(&out[i]);
}

#define ADDRESS_OF(name) &dialect_##name,

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct dialect *const dialects[] = {DIALECTS(ADDRESS_OF)};
	struct message message;
	char error[ERROR_TEXT_MAX];
	if (n < 1 || n > 65536)
		return 0;
	char *body = fuzz_copy(data + 1, n - 1);
	if (message_read(body, n - 1, &message, error))
		for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
			check(dialects[i], body, n - 1, data[0] & 15);
	else
		MUST(fuzz_is_shown(error));
	free(body);
	return 0;
}
