/* SPDX-License-Identifier: MIT */
#include "json/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* marks(): which of VECTOR bytes are not plain: BITS bits for each, of which the lowest may be set.
 * PLAIN_PORTABLE: of the tests, which compare it with the other. */
#if defined(__SSE2__) && !defined(PLAIN_PORTABLE)

#include <emmintrin.h>

enum { VECTOR = 16, BITS = 1 };

static uint64_t
marks(const char *c)
{
	__m128i bytes = _mm_loadu_si128((const void *)c);
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ' - 1)), bytes);
	__m128i found = _mm_or_si128(_mm_or_si128(quote, slash), control);
	return (uint64_t)(unsigned)_mm_movemask_epi8(found);
}

#elif defined(__ARM_NEON) && !defined(PLAIN_PORTABLE) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>

enum { VECTOR = 16, BITS = 4 };

static uint64_t
marks(const char *c)
{
	uint8x16_t bytes = vld1q_u8((const uint8_t *)c);
	uint8x16_t quote = vceqq_u8(bytes, vdupq_n_u8('"'));
	uint8x16_t slash = vceqq_u8(bytes, vdupq_n_u8('\\'));
	uint8x16_t control = vcltq_u8(bytes, vdupq_n_u8(' '));
	uint8x16_t found = vorrq_u8(vorrq_u8(quote, slash), control);
	uint8x8_t halves = vshrn_n_u16(vreinterpretq_u16_u8(found), 4);
	return vget_lane_u64(vreinterpret_u64_u8(halves), 0) & UINT64_C(0x1111111111111111);
}

#else

enum { VECTOR = 8, BITS = 8 };

static const uint64_t ones = UINT64_C(0x0101010101010101);

static uint64_t
zeros(uint64_t word)
{
	uint64_t low = ones * 0x7f;
	return ~(((word & low) + low) | word | low) >> 7;
}

static uint64_t
marks(const char *c)
{
	uint64_t word;
	memcpy(&word, c, sizeof word);
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		word = __builtin_bswap64(word);
	return zeros(word ^ ones * '"') | zeros(word ^ ones * '\\') | zeros(word & ones * 0xe0);
}

#endif

enum { BLOCK = 64 / BITS }; /* bytes whose marks are one word */

const char plain_escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

static bool
is_plain(char c)
{
	return c != '"' && c != '\\' && (unsigned char)c >= ' ';
}

static bool
is_short_escape(const char *c)
{
	return *c == '\\' && plain_escapes[(unsigned char)c[1]] != '\0';
}

/* The byte of the first of some marks. */
static size_t
first(uint64_t found)
{
	return (size_t)__builtin_ctzll(found) / BITS;
}

size_t
plain_copy(char *to, const char *text, size_t n)
{
	size_t i = 0;
	for (; n - i >= VECTOR; i += VECTOR) {
		uint64_t found = marks(text + i);
		memcpy(to + i, text + i, VECTOR);
		if (found != 0)
			return i + first(found);
	}
	for (; i < n && is_plain(text[i]); i++)
		to[i] = text[i];
	return i;
}

static uint64_t
marks_of_block(const char *c)
{
	uint64_t found = 0;
#pragma GCC unroll 4
	for (unsigned i = 0; i < BLOCK; i += VECTOR)
		found |= marks(c + i) << i * BITS;
	return found;
}

size_t
plain_skip(const char *text, size_t n)
{
	size_t at = 0;
	for (; n - at >= BLOCK; at += BLOCK)
		for (uint64_t found = marks_of_block(text + at); found != 0;) {
			size_t i = first(found);
			if (i == BLOCK - 1 || !is_short_escape(text + at + i))
				return at + i;
			found &= ~(UINT64_C(1) << i * BITS | UINT64_C(1) << (i + 1) * BITS);
		}
	while (at < n && is_plain(text[at]))
		at++;
	return at;
}
