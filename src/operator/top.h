/* SPDX-License-Identifier: MIT */
/* What claude-router-ctl top shows: the same as the page /dashboard, as lines of text. Pure, except
 * that texts contain local times. Borrows everything; thread-safe. */
#ifndef OPERATOR_TOP_H
#define OPERATOR_TOP_H

#include "base/buf.h"

#include <json-c/json.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct top_view {
	json_object *status; /* the body of /v1/status */
	json_object *usage;  /* of /v1/usage?days=1&by=provider; NULL: nothing is recorded */
	json_object *events; /* of /v1/events; NULL: the same */
	int64_t now_ms;      /* wall clock */
	size_t columns;      /* 0: as many as a line has */
	size_t rows;         /* 0: as many as there are; else the last ones are left out */
	bool is_colored;
};

/* Appends the lines, each with its '\n', and no control byte but those of colours. False: out of
 * memory, or out is full. */
bool top_render(const struct top_view *view, struct buf *out) __attribute__((warn_unused_result));

#endif
