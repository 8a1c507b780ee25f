/* SPDX-License-Identifier: MIT */
#include "dialect/forwarding.h"

#include "base/count.h"
#include "base/str.h"

enum forwarding
forwarding_of(const char *name)
{
	/* The first match decides; a name that ends in "-" stands for all that begin so. */
	static const struct {
		const char *name;
		enum forwarding forwarding;
	} table[] = {
	    {"content-type", FORWARDING_SINGLE},   {"accept", FORWARDING_LIST},
	    {"user-agent", FORWARDING_TEXT},       {"x-app", FORWARDING_SINGLE},
	    {"anthropic-beta", FORWARDING_LIST},   {"anthropic-", FORWARDING_SINGLE},
	    {"x-claude-code-", FORWARDING_SINGLE}, {"x-stainless-", FORWARDING_SINGLE},
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		bool is_family = str_ends_with(table[i].name, strlen(table[i].name), "-");
		if (is_family ? str_starts_with(name, table[i].name)
			      : strcmp(name, table[i].name) == 0)
			return table[i].forwarding;
	}
	return FORWARDING_NONE;
}
