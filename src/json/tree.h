/* SPDX-License-Identifier: MIT */
/* A JSON text as a json-c tree, and back, for bodies that must be rewritten.
 *
 * Parsed by scan, not by json-c's tokener, so that there is one opinion of what JSON is and numbers
 * keep their text, of whatever size. Trees are reference counted by json-c. Pure; thread-safe.
 *
 * A "\u0000" within a string or a name is kept as the two bytes C0 80, which UTF-8 never has, and
 * written as it was: json-c's names, and our readers of its strings, end at a NUL. */
#ifndef JSON_TREE_H
#define JSON_TREE_H

#include "base/buf.h"

#include <json-c/json.h>

/* Parses n bytes into a tree, which the caller must json_object_put(). NULL: not a JSON object, or
 * out of memory. Of two members of one name the last counts. */
json_object *tree_read(const char *text, size_t n);

/* Appends a tree that tree_read() made, or parts of one with new strings and int64 numbers, as
 * compact text. False: out is full, or out of memory. */
bool tree_write(json_object *tree, struct buf *out) __attribute__((warn_unused_result));

/* Returns a member, borrowed; NULL when tree is not an object, has no such member, or it is
 * null. */
json_object *tree_get(json_object *tree, const char *name);

/* A member that is a string, else "". */
const char *tree_text(json_object *tree, const char *name);

/* Whether a member is exactly this string. */
bool tree_is(json_object *tree, const char *name, const char *text);

/* The number of an array's elements; 0 for anything else. */
size_t tree_count(json_object *array);

/* Gives value to an object under a name, or to an array as its last element; takes ownership of it.
 * NULL, for either, means out of memory: tree_write() then fails for the whole tree.
 * tree_put_null() is for an intended null. */
void tree_put(json_object *object, const char *name, json_object *value);
void tree_put_null(json_object *object, const char *name);
void tree_add(json_object *array, json_object *value);

#endif
