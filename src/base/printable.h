/* SPDX-License-Identifier: MIT */
/* Foreign text, made safe to show in a log, on a terminal, in a reply. Pure; thread-safe. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include "base/caps.h"

#include <stddef.h>

#define PRINTABLE_SIZE (4 * PRINTABLE_TEXT_MAX + 1) /* of an out that never cuts */

/* Makes foreign text safe to show: cut at PRINTABLE_TEXT_MAX bytes, control bytes and invalid UTF-8
 * as \xNN, whatever looks like a credential (sk-…, crk_…, Bearer …, eyJ…, api_key=…, the user in
 * a URL, the key in /k/KEY/) as ***. Ends earlier, never inside a character, when out is small.
 * Returns out. */
const char *printable(const char *text, size_t n, char out[static 1], size_t out_size);

/* Returns the length of the character that n > 0 bytes of text begin with; 0: a control byte, or no
 * character. */
size_t printable_character(const char *text, size_t n);

#endif
