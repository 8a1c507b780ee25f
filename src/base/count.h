/* SPDX-License-Identifier: MIT */
/* The number of entries of a table. */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
