/* SPDX-License-Identifier: MIT */
/* price_file.c and price.c: a file of prices, its errors, and costs, which are never negative and
 * never more than the most. */
#include "file.h"
#include "fuzz.h"

#include "base/caps.h"
#include "money/price.h"

static void
must_be_sound(const struct cost *cost)
{
	MUST(cost->nano_usd >= 0 && cost->nano_usd <= PRICE_NANO_USD_MAX);
	MUST(cost->is_known || cost->nano_usd == 0);
	MUST(strlen(cost->checked) == 0 || strlen(cost->checked) == PRICE_DATE_SIZE - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const models[] = {"claude-opus-5", "claude-haiku-4-5-20251001", "a", ""};
	static const int64_t counts[] = {-1, 0, 1, 100001, INT32_MAX};
	struct buf errors;
	buf_init(&errors, 2 * CONFIG_ERROR_MAX);
	struct prices *prices = prices_load(file_write(data, n), "/nonexistent/prices", &errors);
	for (char *line = errors.data; errors.len > 0 && (line = strchr(line, '\n')) != NULL;)
		*line++ = ' ';
	MUST(fuzz_is_shown(buf_text(&errors)));
	MUST((prices == NULL) == (errors.len > 0));
	for (unsigned i = 0; prices != NULL && i < sizeof models / sizeof *models; i++)
		for (unsigned j = 0; j < sizeof counts / sizeof *counts; j++) {
			int64_t count = counts[j];
			bool odd = (i + j) % 2 == 1;
			struct price_query query = {"backup", models[i],
						    INT64_C(1796000000000) + count, odd,
						    models[j % 2]};
			struct usage usage = {.input = count,
					      .cache_read = count,
					      .cache_write = count,
					      .cache_5m = -1,
					      .cache_1h = count,
					      .output = count,
					      .searches = count,
					      .is_fast = odd};
			struct price_request request = {count < 0 ? INT64_MAX : count, j,
							count < 0 ? INT64_MAX : count, odd, odd};
			struct cost cost = prices_cost(prices, &query, &usage);
			struct cost bound = prices_bound(prices, &query, &request);
			must_be_sound(&cost);
			must_be_sound(&bound);
		}
	prices_free(prices);
	buf_free(&errors);
	return 0;
}
