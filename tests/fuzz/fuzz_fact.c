/* SPDX-License-Identifier: MIT */
/* fact.c and known.c: what comes from the server. Whatever the key's holder has hashed, it is read
 * or refused; what is read can be written, and is then the same; and is no news once it is known. */
#include "fuzz.h"

#include "share/fact.h"
#include "share/known.h"

#include <string.h>

#define NOW INT64_C(1800000000000)

static const uint8_t key[DIGEST_KEY_SIZE] = {7};

/* As fact_write() does it. */
static void
add_hash(const uint8_t *bytes, size_t n, struct buf *out)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct buf all;
	buf_init(&all, 100000);
	MUST(buf_puts(&all, "claude-router fact\n") && buf_add(&all, bytes, n));
	digest(key, all.data, all.len, hash);
	MUST(buf_puts(out, digest_hex(hash, hex)) && buf_puts(out, " ") && buf_add(out, bytes, n));
	buf_free(&all);
}

static void
check_again(const struct fact *fact, struct known *known)
{
	struct fact again;
	struct buf text;
	buf_init(&text, FACT_SIZE_MAX);
	MUST(fact_write(fact, key, 0, &text));
	MUST(fact_read(text.data, text.len, key, 0, &again) == FACT_FINE);
	MUST(memcmp(&again, fact, sizeof again) == 0);
	known_is_news(known, fact, NOW);
	MUST(known_add(known, fact, NOW));
	MUST(!known_is_news(known, fact, NOW));
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fact fact;
	struct buf text;
	struct known *known = known_new();
	MUST(known != NULL);
	buf_init(&text, 100000);
	MUST(fact_read((const char *)bytes, n, key, 0, &fact) == FACT_FORGED);
	add_hash(bytes, n, &text);
	if (fact_read(text.data, text.len, key, 0, &fact) == FACT_FINE)
		check_again(&fact, known);
	known_free(known);
	buf_free(&text);
	return 0;
}
