/* SPDX-License-Identifier: MIT */
/* scan: what is JSON and what is not, where things are, and what words mean. */

#include "json/scan.h"

#include "base/utf8.h"
#include "json/end.h"

#include "material.h"

static const struct {
	int line;
	const char *name;
	const char *text;
	const char *error; /* a part of it; NULL: fine */
} texts[] = {
    {__LINE__, "empty object", "{}", NULL},
    {__LINE__, "empty array, white space", " \r\n\t[ ] ", NULL},
    {__LINE__, "all kinds", "{\"a\":[1,-2.5e+3,true,false,null,\"x\\u00e4\\n\"],\"b\":{}}", NULL},
    {__LINE__, "scalar alone", "0", NULL},
    {__LINE__, "quote in the ninth byte", "\"12345678\\\"12345678\"", NULL},
    {__LINE__, "bytes above 127", "\"\xc3\xa4\xc3\xb6\xf0\x9f\x98\x80 long enough\"", NULL},
    {__LINE__, "nothing", "", "a value is missing"},
    {__LINE__, "object cut", "{", "ends too early"},
    {__LINE__, "comma at an array's end", "[1,]", "a value is missing"},
    {__LINE__, "comma at an object's end", "{\"a\":1,}", "name is missing"},
    {__LINE__, "comma at the beginning", "[,1]", "a value is missing"},
    {__LINE__, "no comma", "[1 2]", "comma"},
    {__LINE__, "wrong bracket", "[1}", "comma"},
    {__LINE__, "no colon", "{\"a\" 1}", "colon"},
    {__LINE__, "name without quotes", "{a:1}", "name is missing"},
    {__LINE__, "single quotes", "{'a':1}", "name is missing"},
    {__LINE__, "leading zero", "[01]", "comma"},
    {__LINE__, "plus", "[+1]", "a value is missing"},
    {__LINE__, "bare fraction", "[1.]", "digit"},
    {__LINE__, "bare exponent", "[1e]", "digit"},
    {__LINE__, "bare minus", "[-]", "digit"},
    {__LINE__, "half a word", "[tru]", "neither"},
    {__LINE__, "NaN", "[NaN]", "a value is missing"},
    {__LINE__, "open string", "[\"abc", "does not end"},
    {__LINE__, "open escape", "[\"abc\\", "does not end"},
    {__LINE__, "unknown escape", "[\"\\x\"]", "unknown escape"},
    {__LINE__, "short unicode escape", "[\"\\u12g4\"]", "unknown escape"},
    {__LINE__, "newline in a string", "[\"a\nb\"]", "control byte"},
    {__LINE__, "control byte behind eight plain ones", "[\"12345678\x1f\"]", "control byte"},
    {__LINE__, "control byte within a word",
     "[\"123\x01"
     "45678 and more\"]",
     "control byte"},
    {__LINE__, "two values", "{} {}", "follows"},
    {__LINE__, "comment", "{} // no", "follows"},
};

static void
check_texts(void)
{
	for (size_t i = 0; i < TAP_COUNT(texts); i++) {
		size_t n = strlen(texts[i].text);
		char *text = material_exact(texts[i].text, n);
		struct scan s;
		scan_init(&s, text, n);
		scan_skip(&s);
		bool fine = scan_end(&s);
		const char *want = texts[i].error, *got = s.error ? s.error : "no error";
		TAP_ROW_AT(texts[i].line, texts[i].name, want ? !fine && strstr(got, want) : fine,
			   "expected %s\ngot      %s at byte %zu", want ? want : "no error", got,
			   s.at);
		free(text);
	}
}

static void
check_depth(void)
{
	static const struct {
		const char *name;
		size_t depth;
		bool fine;
	} rows[] = {
	    {"as deep as allowed", JSON_DEPTH_MAX, true},
	    {"one deeper", JSON_DEPTH_MAX + 1, false},
	    {"a megabyte deep", 1 << 20, false},
	};
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		char *text = malloc(2 * rows[i].depth);
		memset(text, '[', rows[i].depth);
		memset(text + rows[i].depth, ']', rows[i].depth);
		struct scan s;
		scan_init(&s, text, 2 * rows[i].depth);
		scan_skip(&s);
		TAP_INT(rows[i].name, scan_end(&s), rows[i].fine);
		free(text);
	}
}

static void
check_integers(void)
{
	static const struct {
		int line;
		const char *text;
		bool taken;
		int64_t value;
	} rows[] = {
	    {__LINE__, "0", true, 0},
	    {__LINE__, "-7", true, -7},
	    {__LINE__, "12.9", true, 12},
	    {__LINE__, "1e3", true, 1000},
	    {__LINE__, "1.5e-3", true, 0},
	    {__LINE__, "9223372036854775807", true, INT64_MAX},
	    {__LINE__, "9223372036854775808", true, INT64_MAX},
	    {__LINE__, "-9223372036854775808", true, INT64_MIN},
	    {__LINE__, "-99999999999999999999", true, INT64_MIN},
	    {__LINE__, "1e400", true, INT64_MAX},
	    {__LINE__, "-1e400", true, INT64_MIN},
	    {__LINE__, "-0", true, 0},
	    {__LINE__, "1e-400", true, 0},
	    {__LINE__, "1e99999999999999999999999999999999999999999999999999999999999999999999",
	     true, INT64_MAX},
	    {__LINE__, "\"1\"", false, 5},
	    {__LINE__, "[1]", false, 5},
	    {__LINE__, "null", false, 5},
	};
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct scan s;
		int64_t value = 5;
		scan_init(&s, rows[i].text, strlen(rows[i].text));
		bool taken = scan_integer(&s, &value);
		TAP_ROW_AT(rows[i].line, rows[i].text,
			   taken == rows[i].taken && value == rows[i].value && scan_end(&s),
			   "expected %d %jd\ngot      %d %jd", rows[i].taken,
			   (intmax_t)rows[i].value, taken, (intmax_t)value);
	}
}

static void
check_words(void)
{
	static const struct {
		int line;
		const char *text, *word;
		bool is, begins;
	} rows[] = {
	    {__LINE__, "model", "model", true, true},
	    {__LINE__, "models", "model", false, true},
	    {__LINE__, "mode", "model", false, false},
	    {__LINE__, "", "model", false, false},
	    {__LINE__, "\\u006dodel", "model", true, true},
	    {__LINE__, "mode\\u006C", "model", true, true},
	    {__LINE__, "\\u006d", "model", false, false},
	    {__LINE__, "router\\u002edeepseek", "router.", false, true},
	    {__LINE__, "\\nodel", "model", false, false},
	    {__LINE__, "mode\\", "model", false, false}, /* no text that was scanned … */
	    {__LINE__, "mode\\u00", "model", false,
	     false}, /* … but nothing may be read behind it */
	    {__LINE__, "mode\\q", "model", false, false},
	};
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		size_t n = strlen(rows[i].text);
		char *text = material_exact(rows[i].text, n);
		struct span span = {0, n};
		TAP_ROW_AT(rows[i].line, rows[i].text,
			   span_is(text, span, rows[i].word) == rows[i].is &&
			       span_begins(text, span, rows[i].word) == rows[i].begins,
			   "expected is %d, begins %d", rows[i].is, rows[i].begins);
		free(text);
	}
}

static void
check_strings(void)
{
	static const struct {
		int line;
		const char *text, *unescaped /* NULL: refused */, *decoded;
	} rows[] = {
	    {__LINE__, "plain", "plain", "plain"},
	    {__LINE__, "\\\"\\\\\\/", "\"\\/", "\"\\/"},
	    {__LINE__, "a\\nb", NULL, "a\nb"},
	    {__LINE__, "a\\u0000b", NULL, NULL},
	    {__LINE__, "a\x01", NULL, "a\x01"},
	    {__LINE__, "\\u00e4\\u20ac", "\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
	    {__LINE__, "\\ud83d\\ude00!", "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!"},
	    {__LINE__, "\\ud83d!", NULL, "\xef\xbf\xbd!"},
	    {__LINE__, "\\ud83d\\u0041", NULL,
	     "\xef\xbf\xbd"
	     "A"},
	    {__LINE__, "\\ude00\\ud83d", NULL, "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		char out[64];
		struct span span = {0, strlen(rows[i].text)};
		bool fine = span_unescape(rows[i].text, span, out, sizeof out);
		TAP_STR_AT(rows[i].line, rows[i].text, fine ? out : NULL, rows[i].unescaped);
		if (!fine)
			TAP_STR_AT(rows[i].line, rows[i].text, out, "");
		if (rows[i].decoded == NULL)
			continue;
		size_t n = span_decode(rows[i].text, span, out);
		TAP_ROW_AT(rows[i].line, rows[i].text,
			   n == strlen(rows[i].decoded) && !strcmp(out, rows[i].decoded),
			   "decoded\nexpected %s\ngot      %s", rows[i].decoded, out);
	}
	char small[5], nul[8];
	size_t n = span_decode("a\\u0000b", (struct span){0, 8}, nul);
	TAP_MEM("a NUL is decoded", nul, n, "a\0b", 3);
	TAP_OK("a raw NUL is refused",
	       !span_unescape("a\0b", (struct span){0, 3}, nul, sizeof nul));
	TAP_OK("does not fit", !span_unescape("12345", (struct span){0, 5}, small, sizeof small));
	TAP_OK("just fits", span_unescape("1234", (struct span){0, 4}, small, sizeof small));
}

static void
check_walk(void)
{
	static const char text[] =
	    "{\"a\":7,\"b\":[{\"c\":\"d\"},5],\"e\":\"not an array\",\"f\":true}";
	struct scan s;
	struct span key, value = {0, 0};
	int64_t a = 0;
	bool f = false;
	unsigned elements = 0, within = 0;
	scan_init(&s, text, strlen(text));
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(text, key, "a"))
			scan_integer(&s, &a);
		else if (span_is(text, key, "b"))
			for (scan_array(&s); scan_element(&s); elements++)
				for (scan_object(&s); scan_member(&s, &key); within++)
					scan_string(&s, &value);
		else if (span_is(text, key, "e"))
			for (scan_array(&s); scan_element(&s);)
				scan_skip(&s);
		else
			scan_bool(&s, &f);
	TAP_OK("walk ends well", scan_end(&s));
	TAP_INT("walk: number", a, 7);
	TAP_INT("walk: elements", elements, 2);
	TAP_INT("walk: members within", within, 1);
	TAP_OK("walk: string", span_is(text, value, "d"));
	TAP_OK("walk: bool", f);
}

/* --- Where an object ends, and what is UTF-8 ------------------------------------- */

static const struct {
	int line;
	const char *text;
	bool ends;
} objects[] = {
    {__LINE__, "{}", true},
    {__LINE__, " \n{\"a\":[1,{\"b\":\"}\"}]} \n", true},
    {__LINE__, "{\"a\":\"\\\"}\"}", true},
    {__LINE__, "{\"a\":\"}", false},
    {__LINE__, "{\"a\":{}", false},
    {__LINE__, "{} x", false},
    {__LINE__, "[]", false},
    {__LINE__, "}", false},
    {__LINE__, "", false},
};

/* However it is cut, it ends where it ends, and no byte is looked at twice. */
static void
check_ends(void)
{
	for (size_t i = 0; i < TAP_COUNT(objects); i++) {
		size_t n = strlen(objects[i].text);
		bool right = true;
		for (size_t cut = 0; cut <= n; cut++) {
			struct json_end end = {0};
			bool early = json_end_reached(&end, objects[i].text, cut);
			size_t looked = end.at;
			right &=
			    early || json_end_reached(&end, objects[i].text, n) == objects[i].ends;
			right &= looked <= cut && end.at >= looked;
		}
		TAP_ROW_AT(objects[i].line, objects[i].text, right, "expected %d", objects[i].ends);
	}
}

/* Whoever asks after each piece is told of an end once at most, so that what he
 * does then is done once: also of what was no JSON, and goes on and on. */
static void
check_told_once(void)
{
	static const char *const begins[] = {"{}", "{\"a\" 1}", "{]", "{\"a\":[{}", "{\"a\":\""};
	static const char *const pieces[] = {"{}", ",{}", "}", "}}}", " \n", "[]"};
	for (size_t i = 0; i < TAP_COUNT(begins) * TAP_COUNT(pieces); i++) {
		const char *begin = begins[i / TAP_COUNT(pieces)],
			   *piece = pieces[i % TAP_COUNT(pieces)];
		char text[2048], name[64];
		struct json_end end = {0};
		unsigned told = 0;
		size_t n = (size_t)snprintf(text, sizeof text, "%s", begin);
		for (unsigned k = 0; k < 500; k++) {
			told += json_end_reached(&end, text, n);
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", piece);
		}
		snprintf(name, sizeof name, "%s, then %s", begin, piece);
		TAP_ROW(name, told <= 1 && end.at <= n, "told %u times, %zu of %zu", told, end.at,
			n);
	}
}

static const struct {
	int line;
	const char *name, *text;
	size_t valid;
} encodings[] = {
    {__LINE__, "ASCII", "plain text of more than eight bytes", 35},
    {__LINE__, "two, three and four bytes", "\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x98\x80", 9},
    {__LINE__, "behind ASCII", "12345678\xff", 8},
    {__LINE__, "overlong", "a\xc0\x80", 1},
    {__LINE__, "a surrogate", "\xed\xa0\x80", 0},
    {__LINE__, "above U+10FFFF", "\xf4\x90\x80\x80", 0},
    {__LINE__, "half a character", "ab\xe6\xbc", 2},
    {__LINE__, "a lone continuation", "ab\x80", 2},
    {__LINE__, "Latin-1", "f\xfcr", 1},
};

static void
check_encodings(void)
{
	for (size_t i = 0; i < TAP_COUNT(encodings); i++)
		TAP_INT(encodings[i].name, utf8_valid(encodings[i].text, strlen(encodings[i].text)),
			encodings[i].valid);
}

int
main(int argc, char **argv)
{
	tap_start("scan", argc, argv);
	check_texts();
	check_depth();
	check_integers();
	check_words();
	check_strings();
	check_walk();
	check_ends();
	check_told_once();
	check_encodings();
	return tap_finish();
}
