/* SPDX-License-Identifier: MIT */
/* How many entries a table has. */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
