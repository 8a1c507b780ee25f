/* SPDX-License-Identifier: MIT */
#include "gzip.h"

#include <stdint.h>

static uint32_t
crc32(const char *data, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0u);
	}
	return ~crc;
}

static void
little_endian(struct buf *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		char byte = (char)(value >> (8 * i) & 0xff);

		buf_add(out, &byte, 1);
	}
}

void
gzip_stored(const char *data, size_t len, struct buf *out)
{
	size_t at = 0, n;

	buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	do {
		n = len - at < 65535 ? len - at : 65535;
		buf_add(out, at + n == len ? "\1" : "\0", 1); /* last block?, type 00 */
		little_endian(out, (uint32_t)n, 2);
		little_endian(out, ~(uint32_t)n & 0xffff, 2);
		buf_add(out, data + at, n);
		at += n;
	} while (at < len);
	little_endian(out, crc32(data, len), 4);
	little_endian(out, (uint32_t)len, 4);
}
