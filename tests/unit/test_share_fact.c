/* SPDX-License-Identifier: MIT */
/* fact.c and known.c: what is written is read again, what another has made is refused, and only
 * news is told. */
#include "share/fact.h"
#include "share/known.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#define T INT64_C(1800000000000)

static const uint8_t key[DIGEST_KEY_SIZE] = {1, 2, 3};
static const uint8_t other_key[DIGEST_KEY_SIZE] = {1, 2, 4};

static struct fact
health_fact(void)
{
	struct fact fact = {.kind = FACT_HEALTH};
	struct health *h = &fact.health;
	h->key = (struct health_key){UINT64_MAX, 0x0123456789abcdef, 7};
	snprintf(h->provider_name, sizeof h->provider_name, "claude_pro");
	h->pause = PAUSE_NAMED;
	h->repeats = 3;
	h->since_ms = T;
	h->until_ms = T + 3600000;
	h->kin = (struct health_kin){5, 6};
	snprintf(h->why, sizeof h->why, "429 \"unified\" five_hour\\");
	h->windows[0] = (struct health_window){"5h", T + 9, 1001, 1};
	h->windows[1] = (struct health_window){"7d_opus", T + 99, 10, 0};
	return fact;
}

static const struct {
	const char *name;
	struct fact fact;
} others[] = {
    {"a session", {FACT_SESSION, {.session = {UINT64_MAX, 9, T, 2, 0x80000001}}}},
    {"a model", {FACT_MODEL, {.model = {3, UINT64_MAX - 1, T}}}},
    {"a choice", {FACT_SWITCH, {.choice = {"kimi", T}}}},
    {"automatic", {FACT_SWITCH, {.choice = {"", T}}}},
    {"a drill",
     {FACT_DRILL,
      {.drill = {7, DRILL_CUT, UINT64_MAX, 9, 20, 19, 60000, T + 9, T + 5, T + 5, 123, false}}}},
    {"a drill whose pause is over",
     {FACT_DRILL,
      {.drill = {UINT32_MAX, DRILL_LIMIT, 1, 0, 1, 0, 5000, T, 0, T - 5, UINT32_MAX, false}}}},
    {"a drill that has ended",
     {FACT_DRILL, {.drill = {.id = 7, .begun_s = 123, .has_ended = true}}}},
    {"a beat", {FACT_BEAT, {.beat = {11, T}}}},
};

static void
check_round(const char *name, const struct fact *fact)
{
	struct fact read;
	struct buf text;
	buf_init(&text, FACT_SIZE_MAX);
	TAP_OK(name, fact_write(fact, key, 5000, &text));
	TAP_INT("… is read", fact_read(text.data, text.len, key, 5000, &read), FACT_FINE);
	TAP_OK("… as it was", memcmp(&read, fact, sizeof read) == 0);
	TAP_INT("… with another key it is forged",
		fact_read(text.data, text.len, other_key, 5000, &read), FACT_FORGED);
	unsigned accepted = 0;
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 1;
		accepted += fact_read(text.data, text.len, key, 5000, &read) != FACT_FORGED;
		text.data[i] ^= 1;
		accepted += fact_read(text.data, i, key, 5000, &read) != FACT_FORGED;
	}
	TAP_INT("… changed or cut anywhere, too", accepted, 0);
	buf_free(&text);
}

/* What has the key but is no fact: another version's, or damaged before it was hashed. */
static void
check_foreign(void)
{
#define DRILL(as, requests, left, rest)                                                            \
	"{\"version\":1,\"kind\":\"drill\",\"id\":7,\"begun\":1,\"ended\":0,\"as\":" as            \
	",\"provider\":\"0000000000000001\",\"scope\":\"0000000000000000\",\"requests\":" requests \
	",\"left\":" left ",\"rest\":" rest ",\"ends\":9,\"pause\":0,\"returned\":1}"
	static const char *const texts[] = {
	    "",
	    "{}",
	    "[]",
	    "{\"version\":2,\"kind\":\"switch\",\"provider\":\"kimi\",\"at\":1}",
	    "{\"version\":1,\"kind\":\"mood\",\"provider\":\"kimi\",\"at\":1}",
	    "{\"version\":1,\"kind\":\"switch\",\"provider\":\"ki mi\",\"at\":1}",
	    "{\"version\":1,\"kind\":\"switch\",\"provider\":\"kimi\",\"at\":-1}",
	    "{\"version\":1,\"kind\":\"switch\",\"provider\":\"kimi\",\"at\":1e99}",
	    "{\"version\":1,\"kind\":\"switch\",\"provider\":\"kimi\"}",
	    "{\"version\":1,\"kind\":\"model\",\"key\":\"00\",\"value\":\"00\",\"used\":1}",
	    "{\"version\":1,\"kind\":\"session\",\"key\":\"0000000000000000\"}",
	    "{\"version\":1,\"kind\":\"drill\",\"id\":0,\"begun\":1,\"ended\":1}",
	    "{\"version\":1,\"kind\":\"drill\",\"id\":7,\"begun\":1,\"ended\":2}",
	    "{\"version\":1,\"kind\":\"drill\",\"id\":7,\"begun\":1,\"ended\":0}",
	    DRILL("5", "1", "1", "5000"),
	    DRILL("0", "0", "0", "5000"),
	    DRILL("0", "21", "1", "5000"),
	    DRILL("0", "1", "2", "5000"),
	    DRILL("0", "1", "1", "4999"),
	    DRILL("0", "1", "1", "600001"),
	};
	for (size_t i = 0; i < TAP_COUNT(texts); i++) {
		static const char label[] = "claude-router fact\n";
		struct fact read;
		uint8_t hash[DIGEST_SIZE];
		char hex[DIGEST_HEX_SIZE], all[512];
		int n = snprintf(all, sizeof all, "%s%s", label, texts[i]);
		digest(key, all, (size_t)n, hash);
		n = snprintf(all, sizeof all, "%s %s", digest_hex(hash, hex), texts[i]);
		TAP_INT(texts[i], fact_read(all, (size_t)n, key, 0, &read), FACT_FOREIGN);
	}
}

/* Clocks that differ: the times are the reader's. */
static void
check_clocks(void)
{
	struct fact fact = health_fact(), read;
	struct buf text;
	buf_init(&text, FACT_SIZE_MAX);
	TAP_OK("a writer whose clock is 5 s late", fact_write(&fact, key, 5000, &text));
	fact_read(text.data, text.len, key, -2000, &read);
	TAP_INT("a reader whose clock is 2 s early", read.health.since_ms, T + 7000);
	TAP_INT("a window's reset is the provider's time", read.health.windows[0].reset_ms, T + 9);
	buf_free(&text);
}

static void
check_known(void)
{
	struct known *known = known_new();
	struct fact fact = health_fact();
	TAP_OK("a new fact is news", known_is_news(known, &fact, T));
	TAP_OK("it is added", known_add(known, &fact, T));
	TAP_OK("then it is none", !known_is_news(known, &fact, T));
	fact.health.until_ms -= 1000;
	TAP_OK("an earlier end is none", !known_is_news(known, &fact, T));
	fact.health.until_ms += 2000;
	TAP_OK("a later end is", known_is_news(known, &fact, T));
	for (size_t i = 0; i < TAP_COUNT(others) - 1; i++) {
		struct fact other = others[i].fact;
		known_clear(known);
		TAP_OK(others[i].name, known_is_news(known, &other, T));
		TAP_OK("… is added", known_add(known, &other, T));
		TAP_OK("… then it is no news", !known_is_news(known, &other, T));
	}
	struct fact session = others[0].fact;
	known_clear(known);
	known_add(known, &session, T);
	session.session.used_ms += 59999;
	TAP_OK("a session that is used within a minute is none",
	       !known_is_news(known, &session, T));
	session.session.provider++;
	TAP_OK("by another provider it is", known_is_news(known, &session, T));
	known_clear(known);
	size_t n = 0;
	for (session.session.key = 1; known_add(known, &session, T); session.session.key++)
		n++;
	TAP_INT("as many as there is room for", n, KNOWN_MAX);
	session.session.key = 1;
	TAP_OK("what is there can still be changed", known_add(known, &session, T));
	known_free(known);
}

int
main(int argc, char **argv)
{
	tap_start("share_fact", argc, argv);
	const struct fact health = health_fact();
	check_round("a health", &health);
	for (size_t i = 0; i < TAP_COUNT(others); i++)
		check_round(others[i].name, &others[i].fact);
	check_foreign();
	check_clocks();
	check_known();
	return tap_finish();
}
