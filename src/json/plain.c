/* SPDX-License-Identifier: MIT */
#include "json/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Which bytes of a vector are a certain one, or controls, and a word of bits of those that are: of
 * BITS for each, the lowest may be set. PLAIN_PORTABLE: of the tests, which compare it with the
 * others. */
#if defined(__SSE2__) && !defined(PLAIN_PORTABLE)

#include <emmintrin.h>

typedef __m128i vector;
enum { BITS = 1 };

static inline vector
load(const char *c)
{
	return _mm_loadu_si128((const void *)c);
}

static inline vector
equal(vector v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static inline vector
control(vector v)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ' - 1)), v);
}

static inline uint64_t
bits(vector found)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(found);
}

#elif defined(__ARM_NEON) && !defined(PLAIN_PORTABLE) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>

typedef uint8x16_t vector;
enum { BITS = 1 };

static inline vector
load(const char *c)
{
	return vld1q_u8((const uint8_t *)c);
}

static inline vector
equal(vector v, char c)
{
	return vceqq_u8(v, vdupq_n_u8((uint8_t)c));
}

static inline vector
control(vector v)
{
	return vcltq_u8(v, vdupq_n_u8(' '));
}

static inline uint64_t
bits(vector found)
{
	static const uint8_t places[] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t each = vandq_u8(found, vld1q_u8(places));
	uint64x2_t halves = vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(each)));
	return vgetq_lane_u64(halves, 0) | vgetq_lane_u64(halves, 1) << 8;
}

#else

typedef uint64_t vector;
enum { BITS = 8 };

static const uint64_t ones = UINT64_C(0x0101010101010101);

static inline vector
load(const char *c)
{
	uint64_t word;
	memcpy(&word, c, sizeof word);
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

static inline vector
zero(vector v)
{
	uint64_t low = ones * 0x7f;
	return ~(((v & low) + low) | v | low) >> 7;
}

static inline vector
equal(vector v, char c)
{
	return zero(v ^ ones * (unsigned char)c);
}

static inline vector
control(vector v)
{
	return zero(v & ones * 0xe0);
}

static inline uint64_t
bits(vector found)
{
	return found;
}

#endif

enum { VECTOR = sizeof(vector) };

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

/* Of the bytes of a vector, those that are not plain. */
static inline uint64_t
marks(const char *c)
{
	vector v = load(c);
	return bits(equal(v, '"') | equal(v, '\\') | control(v));
}

/* The byte of the first of some bits. */
static inline size_t
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

/* Skips vectors, and escapes one by one, as far as there are whole vectors. */
static size_t
skip_vectors(const char *text, size_t n)
{
	size_t at = 0;
	for (; n - at >= VECTOR; at += VECTOR)
		for (uint64_t found = marks(text + at); found != 0;) {
			size_t i = first(found);
			if (i == VECTOR - 1 || !is_short_escape(text + at + i))
				return at + i;
			found &= ~(UINT64_C(1) << i * BITS | UINT64_C(1) << (i + 1) * BITS);
		}
	return at;
}

enum { BLOCK = 64 }; /* bytes, each with one bit of a word */

/* Where a block of a string stops: at its end, or at an escape that is none of the frequent short
 * ones, or has its second byte behind the block. slashes: its backslashes, of which there are some;
 * ends: its quotes and controls. */
static uint64_t
stops(const char *block, uint64_t slashes, uint64_t ends)
{
	/* Every other backslash of a row is escaped, and the byte behind the row is if they are
	 * odd in number: the subtraction carries from the row's first to the byte behind it. */
	const uint64_t odd = UINT64_C(0xaaaaaaaaaaaaaaaa);
	uint64_t carried = ((slashes << 1 | odd) - slashes) ^ odd;
	uint64_t escaped = carried ^ slashes, escapes = carried & slashes, frequent = 0;
#pragma GCC unroll 4
	for (unsigned i = 0; i < BLOCK; i += VECTOR) {
		vector v = load(block + i);
		vector quoted = equal(v, '"') | equal(v, '\\');
		vector space = equal(v, 'n') | equal(v, 'r') | equal(v, 't');
		frequent |= bits(quoted | space) << i;
	}
	return (ends & ~escaped) | (escaped & ~frequent) >> 1 | (escapes & UINT64_C(1) << 63);
}

/* As skip_vectors(), but many escapes at a time. */
static size_t
skip_blocks(const char *text, size_t n)
{
	/* Most strings are names, which end in the first vector. */
	uint64_t found = n >= VECTOR ? marks(text) : 0;
	if (found != 0 && text[first(found)] == '"')
		return first(found);
	size_t at = 0;
	for (; n - at >= BLOCK; at += BLOCK) {
		uint64_t slashes = 0, ends = 0;
#pragma GCC unroll 4
		for (unsigned i = 0; i < BLOCK; i += VECTOR) {
			vector v = load(text + at + i);
			slashes |= bits(equal(v, '\\')) << i;
			ends |= bits(equal(v, '"') | control(v)) << i;
		}
		if (slashes != 0)
			ends = stops(text + at, slashes, ends);
		if (ends != 0)
			return at + first(ends);
	}
	return at;
}

size_t
plain_skip(const char *text, size_t n)
{
	size_t at = BITS == 1 ? skip_blocks(text, n) : skip_vectors(text, n);
	while (at < n && is_plain(text[at]))
		at++;
	return at;
}
