/* SPDX-License-Identifier: MIT */
/* The page as it is sent, and its policy: made from page/ by page/make when the program is built.
 * For page.c only. */
#ifndef OPERATOR_PAGE_DATA_H
#define OPERATOR_PAGE_DATA_H

#include <stddef.h>

/* What stands before, between and behind the token and the status line. */
struct page_data {
	const unsigned char *bytes;
	size_t n;
};
extern const struct page_data page_data[3];

/* The value of content-security-policy, with the hashes of the style and the script. */
extern const char page_policy[];

#endif
