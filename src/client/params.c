/* SPDX-License-Identifier: MIT */
#include "client/params.h"

#include <fastcgi.h>
#include <stdint.h>
#include <string.h>

/* The contents of the PARAMS records, one behind the other. */
struct contents {
	const char *at, *end;
	size_t left; /* of the record that at lies in */
};

/* Goes on to a record that has some; false at the end. */
static bool
find_content(struct contents *c)
{
	while (c->left == 0) {
		FCGI_Header h;
		if ((size_t)(c->end - c->at) < sizeof h)
			return false;
		memcpy(&h, c->at, sizeof h);
		c->at += sizeof h;
		size_t length = (size_t)h.contentLengthB1 << 8 | h.contentLengthB0;
		if (length > (size_t)(c->end - c->at))
			return false;
		if (h.type == FCGI_PARAMS)
			c->left = length;
		else
			c->at += length;
	}
	return true;
}

static bool
take_byte(struct contents *c, uint8_t *byte)
{
	if (!find_content(c))
		return false;
	*byte = (uint8_t)*c->at++;
	c->left--;
	return true;
}

/* One byte, or four whose highest bit is set. */
static bool
take_length(struct contents *c, size_t *length)
{
	uint8_t byte;
	if (!take_byte(c, &byte))
		return false;
	*length = byte;
	if (byte < 0x80)
		return true;
	*length = byte & 0x7f;
	for (int i = 0; i < 3; i++) {
		if (!take_byte(c, &byte))
			return false;
		*length = *length << 8 | byte;
	}
	return true;
}

static bool
pass_over(struct contents *c, size_t length)
{
	while (length > 0) {
		if (!find_content(c))
			return false;
		size_t part = length < c->left ? length : c->left;
		if (memchr(c->at, '\0', part) != NULL)
			return false;
		c->at += part;
		c->left -= part;
		length -= part;
	}
	return true;
}

bool
params_are_whole(const char *records, size_t n)
{
	struct contents c = {.at = records, .end = records + n};
	size_t name, value;
	while (find_content(&c))
		if (!take_length(&c, &name) || !take_length(&c, &value) ||
		    !pass_over(&c, name + value))
			return false;
	return true;
}
