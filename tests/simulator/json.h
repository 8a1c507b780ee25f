/* SPDX-License-Identifier: MIT */
/* json - is a text strict JSON (RFC 8259) in valid UTF-8? Pure.
 *
 * json-c is not asked: without its strict mode it takes comments, NaN and
 * single quotes, and in that mode 0.18 refuses every byte above 0x7f in a
 * string. What passes here, json-c parses alike with no flags at all. */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include <stddef.h>

#define JSON_DEPTH 256 /* tool schemas nest deeper than json-c's 32 */

enum json_fault {
	JSON_FINE,
	JSON_SYNTAX, /* no JSON, unfinished, nested too deep, or bytes behind it */
	JSON_UTF8,   /* a byte that is not UTF-8 */
	JSON_NUL_NAME /* a member's name has a \u0000: C strings would cut it, and take it for another */
};

/* Looks at all len bytes; *at becomes the offset of what is wrong (len when nothing is). */
enum json_fault json_check(const char *text, size_t len, size_t *at);

#endif
