/* SPDX-License-Identifier: MIT */
/* A JSON text as a json-c tree, and back, for bodies that must be rewritten.
 *
 * Read by scan, not by json-c's own tokener, so that there is one opinion of
 * what JSON is, and so that numbers keep the very text they had, of whatever
 * size. Trees are reference counted as json-c has it. Pure; thread-safe.
 *
 * A "\u0000" within a string or a name is kept as the two bytes C0 80, which stand in no
 * UTF-8, and written as it was: json-c's names, and ours that read its strings, end at a
 * NUL. */
#ifndef JSON_TREE_H
#define JSON_TREE_H

#include "base/buf.h"

#include <json-c/json.h>

/* The tree of n bytes, the caller's to json_object_put(); NULL when they are no
 * JSON object or out of memory. Of two members of one name the last counts. */
json_object *tree_read(const char *text, size_t n);

/* Appends a tree that tree_read() made, or parts of one with new strings and
 * int64 numbers, as compact text. False: out is full or out of memory. */
bool tree_write(json_object *tree, struct buf *out) __attribute__((warn_unused_result));

/* A member, borrowed; NULL when tree is no object, has none or holds null there. */
json_object *tree_get(json_object *tree, const char *name);

/* A member that is a string, else "". */
const char *tree_text(json_object *tree, const char *name);

/* Whether a member is exactly this string. */
bool tree_is(json_object *tree, const char *name, const char *text);

/* How many elements an array has; 0 when it is none. */
size_t tree_count(json_object *array);

/* Gives value to an object under a name, or to an array as its last element. NULL,
 * of either, is memory that was short: tree_write() then says so of the whole tree.
 * tree_put_null() is for a null that is meant. */
void tree_put(json_object *object, const char *name, json_object *value);
void tree_put_null(json_object *object, const char *name);
void tree_add(json_object *array, json_object *value);

#endif
