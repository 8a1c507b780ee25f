/* SPDX-License-Identifier: MIT */
/* plain: by vectors, by words and by bytes, runs and strings end at the same byte, and nothing is read or written beyond
 * the text. */
#include "json/plain.h"

#include "material.h"
#include "portable.h"

enum { LONGEST = 150 }; /* more than two blocks */

static size_t
copied(const char *text, size_t n)
{
	size_t i = 0;
	while (i < n && is_plain(text[i]))
		i++;
	return i;
}

static bool
copies(size_t (*copy)(char *, const char *, size_t), const char *text, size_t n)
{
	char *to = material_exact(text, n);
	memset(to, '?', n);
	size_t got = copy(to, text, n), want = copied(text, n);
	bool right = got == want && memcmp(to, text, want) == 0;
	free(to);
	return right;
}

/* Where a skip may end: at an escape before the first byte that is neither plain nor of a short one, or there. */
static bool
skips(size_t (*skip)(const char *, size_t), const char *text, size_t n)
{
	size_t got = skip(text, n), at = 0;
	while (at < n && (is_plain(text[at]) || (at + 1 < n && is_short_escape(text + at)))) {
		if (at == got && !is_plain(text[at]))
			return true;
		at += is_plain(text[at]) ? 1 : 2;
	}
	return got == at;
}

/* Of a text in an allocation of just its size. */
static bool
agree(const char *text, size_t n)
{
	char *exact = material_exact(text, n);
	bool right = copies(plain_copy, exact, n) && copies(portable_copy, exact, n) &&
		     skips(plain_skip, exact, n) && skips(portable_skip, exact, n);
	free(exact);
	return right;
}

/* Each byte there is, at each place of texts of some lengths, among others that are all alike. */
static unsigned
wrong_among(char others)
{
	static const size_t lengths[] = {1, 7, 8, 9, 15, 16, 17, 31, 40, 63, 64, 65, 66, 130};
	char text[LONGEST];
	unsigned wrong = 0;
	for (size_t i = 0; i < TAP_COUNT(lengths) * 256; i++) {
		size_t n = lengths[i / 256];
		for (size_t at = 0; at < n; at++) {
			memset(text, others, n);
			text[at] = (char)(i % 256);
			wrong += !agree(text, n);
		}
	}
	return wrong;
}

/* Texts of all lengths of what strings are made of, from fixed seeds. */
static unsigned
wrong_mixtures(void)
{
	static const char made_of[] = "abc \\\\\\\\\"\"nnu/\x1f\x7f\x80\xff!#[";
	char text[LONGEST];
	unsigned wrong = 0;
	uint32_t random = 1;
	for (unsigned k = 0; k < 200 * LONGEST; k++) {
		for (size_t i = 0; i < k % LONGEST; i++) {
			random = random * 1103515245 + 12345;
			text[i] = random >> 28 < 12
				      ? 'x'
				      : made_of[(random >> 16) % (sizeof made_of - 1)];
		}
		wrong += !agree(text, k % LONGEST);
	}
	return wrong;
}

int
main(int argc, char **argv)
{
	static const char others[] = {'a', '!', '#', '[', ' ', '\x7f', '\x80', '\xff', '\\', '"'};
	tap_start("plain", argc, argv);
	TAP_OK("nothing", agree("", 0));
	for (size_t i = 0; i < TAP_COUNT(others); i++) {
		char name[64];
		snprintf(name, sizeof name, "every byte at every place among %02x",
			 (unsigned)(unsigned char)others[i]);
		TAP_INT(name, wrong_among(others[i]), 0);
	}
	TAP_INT("mixtures", wrong_mixtures(), 0);
	TAP_MEM("what escapes mean is the same", plain_escapes, 256, portable_escapes, 256);
	return tap_finish();
}
