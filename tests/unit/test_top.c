/* SPDX-License-Identifier: MIT */
/* operator/top: what claude-router-ctl top shows, in terminals of several sizes, without one, with
 * and without colours. */
#include "operator/top.h"

#include "base/caps.h"
#include "tap.h"
#include "json/tree.h"

#include <stdlib.h>
#include <time.h>

#define NOW_MS INT64_C(1795460400000) /* 2026-11-23 19:00:00 UTC */

#define STATUS(members)                                                                            \
	"{\"version\":\"1.2\",\"status\":\"degraded\",\"mode\":\"auto\",\"streams\":3,"            \
	"\"current_provider\":\"deepseek\",\"line\":\"DeepSeek (Claude Pro paused)\","             \
	"\"reason\":\"claude_pro is paused\"" members "}"

#define PROVIDERS                                                                                  \
	",\"providers\":{\"claude_pro\":{\"configured\":true,\"state\":\"resting\","               \
	"\"until\":\"2026-11-23T21:14:00.000Z\",\"why\":\"429 unified five_hour\","                \
	"\"paid\":false,\"windows\":{\"5h\":{\"utilization\":1.0,"                                 \
	"\"reset\":\"2026-11-23T21:14:00.000Z\"},\"7d\":{\"utilization\":0.31,"                    \
	"\"reset\":\"2026-11-26T20:00:00.000Z\"},\"7d_opus\":{\"utilization\":0.9,"                \
	"\"reset\":\"2026-11-23T18:00:00.000Z\"}}},"                                               \
	"\"deepseek\":{\"configured\":true,\"state\":\"ready\",\"until\":null,\"why\":null,"       \
	"\"paid\":true,\"windows\":{}},"                                                           \
	"\"kimi\":{\"configured\":false,\"state\":\"unconfigured\",\"paid\":true,"                 \
	"\"windows\":{}}}"

#define CAPS                                                                                       \
	",\"caps\":[{\"scope\":\"all\",\"period\":\"day\",\"cap\":5.0,\"used\":1.25,"              \
	"\"reserved\":0.5}]"

static const char usage[] =
    "{\"rows\":[{\"provider\":\"deepseek\",\"requests\":2,\"spent\":1250000000,"
    "\"spent_unknown\":0}],\"total\":{\"requests\":7,\"spent\":1250000000,\"spent_unknown\":1,"
    "\"worth\":3000000000,\"worth_unknown\":0}}";

static const char events[] =
    "{\"events\":[{\"id\":1,\"at\":\"2026-11-22T12:00:00.000Z\",\"text\":\"the older one\"},"
    "{\"id\":2,\"at\":\"2026-11-23T18:30:00.000Z\",\"text\":\"the newer \\u001b[31mone\"}]}";

static const struct row {
	int line;
	const char *name, *status, *usage, *events;
	size_t columns, rows;
	bool is_colored;
	const char *text;
} rows[] = {
    {__LINE__, "everything, without a terminal", STATUS(PROVIDERS CAPS), usage, events, 0, 0, false,

     "Claude Router 1.2  auto, 3 running\n"
     "\n"
     "● DeepSeek (Claude Pro paused)\n"
     "  claude_pro is paused\n"
     "\n"
     "Limits\n"
     "  claude_pro  5h      ████████████████████████ 100 %  anew 21:14 (in 2 h 14 min)\n"
     "  claude_pro  7d      ███████░░░░░░░░░░░░░░░░░  31 %  anew Nov 26 20:00 (in 3 d 1 h)\n"
     "  claude_pro  7d_opus ░░░░░░░░░░░░░░░░░░░░░░░░  begun anew\n"
     "\n"
     "Providers, in order\n"
     "  claude_pro  resting       until 21:14 (in 2 h 14 min), 429 unified five_hour\n"
     "▸ deepseek    serves        $1.25 today\n"
     "  kimi        unconfigured  \n"
     "\n"
     "Today\n"
     "  at least $1.25 spent; plans served what is worth $3.00; 7 requests\n"
     "  all         day     ██████░░░░░░░░░░░░░░░░░░ $1.25 of $5.00, $0.50 reserved\n"
     "\n"
     "What happened last\n"
     "  18:30        the newer ?[31mone\n"
     "  Nov 22 12:00 the older one\n"},
    {__LINE__, "a terminal of 80 columns", STATUS(PROVIDERS), NULL, NULL, 80, 24, false,
     "Claude Router 1.2  auto, 3 running\n"
     "\n"
     "● DeepSeek (Claude Pro paused)\n"
     "  claude_pro is paused\n"
     "\n"
     "Limits\n"
     "  claude_pro  5h      ██████████████████ 100 %  anew 21:14 (in 2 h 14 min)\n"
     "  claude_pro  7d      ██████░░░░░░░░░░░░  31 %  anew Nov 26 20:00 (in 3 d 1 h)\n"
     "  claude_pro  7d_opus ░░░░░░░░░░░░░░░░░░  begun anew\n"
     "\n"
     "Providers, in order\n"
     "  claude_pro  resting       until 21:14 (in 2 h 14 min), 429 unified five_hour\n"
     "▸ deepseek    serves        \n"
     "  kimi        unconfigured  \n"
     "\n"
     "Today\n"
     "  nothing is recorded, or it cannot be read\n"},
    {__LINE__, "a small one", STATUS(PROVIDERS CAPS), usage, events, 34, 9, false,
     "Claude Router 1.2  auto, 3 running\n"
     "\n"
     "● DeepSeek (Claude Pro paused)\n"
     "  claude_pro is paused\n"
     "\n"
     "Limits\n"
     "  5h      ████████ 100 %  21:14\n"
     "  7d      ██░░░░░░  31 %  Nov 26 2\n"
     "  7d_opus ░░░░░░░░  begun anew\n"},
    {__LINE__, "a wide one", STATUS(PROVIDERS CAPS), usage, NULL, 200, 60, false,
     "Claude Router 1.2  auto, 3 running\n"
     "\n"
     "● DeepSeek (Claude Pro paused)\n"
     "  claude_pro is paused\n"
     "\n"
     "Limits\n"
     "  claude_pro  5h      ████████████████████████████████████████ 100 %  anew 21:14 (in 2 h 14 "
     "min)\n"
     "  claude_pro  7d      ████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░  31 %  anew Nov 26 20:00 (in "
     "3 d 1 h)\n"
     "  claude_pro  7d_opus ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  begun anew\n"
     "\n"
     "Providers, in order\n"
     "  claude_pro  resting       until 21:14 (in 2 h 14 min), 429 unified five_hour\n"
     "▸ deepseek    serves        $1.25 today\n"
     "  kimi        unconfigured  \n"
     "\n"
     "Today\n"
     "  at least $1.25 spent; plans served what is worth $3.00; 7 requests\n"
     "  all         day     ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ $1.25 of $5.00, $0.50 "
     "reserved\n"},
    {__LINE__, "one column, one row", STATUS(PROVIDERS CAPS), usage, events, 1, 1, false, "C\n"},
    {__LINE__, "colours", STATUS(""), NULL, NULL, 80, 3, true,
     "\033[1mClaude Router 1.2\033[0m\033[2m  auto, 3 running\033[0m\n"
     "\n"
     "\033[33m● \033[0m\033[1mDeepSeek (Claude Pro paused)\033[0m\n"},
    {__LINE__, "what is wrong, and a drill",
     STATUS(",\"tokens_file\":{\"error\":\"tokens.txt: line 3\"},\"config\":{\"error\":null,"
	    "\"restart\":\"state_file waits\"},\"drill\":{\"id\":\"0000beef\",\"provider\":"
	    "\"claude_pro\",\"as\":\"limit\",\"left\":2,\"ends\":\"2026-11-23T19:10:00.000Z\"}"),
     NULL, NULL, 0, 7, false,
     "Claude Router 1.2  auto, 3 running\n"
     "\n"
     "● DeepSeek (Claude Pro paused)\n"
     "  claude_pro is paused\n"
     "! tokens.txt: line 3\n"
     "! state_file waits\n"
     "  drill 0000beef: claude_pro as if limit, 2 left, ends 19:10 (in 10 min)\n"},
    {__LINE__, "a cap of several machines",
     "{\"caps\":[{\"scope\":\"all\",\"period\":\"day\",\"cap\":5.0,\"used\":0.25,\"reserved\":0.5,"
     "\"others\":3.75}]}",
     NULL, NULL, 0, 0, false,
     "Claude Router   , 0 running\n"
     "\n"
     "● \n"
     "  \n"
     "\n"
     "Providers, in order\n"
     "\n"
     "Today\n"
     "  nothing is recorded, or it cannot be read\n"
     "  all         day     ███████████████████░░░░░ $4.00 of $5.00, $3.75 by other machines, "
     "$0.50 "
     "reserved\n"},
    {__LINE__, "nothing at all", "{}", "{}", "{}", 80, 24, false,
     "Claude Router   , 0 running\n"
     "\n"
     "● \n"
     "  \n"
     "\n"
     "Providers, in order\n"
     "\n"
     "Today\n"
     "  nothing is recorded, or it cannot be read\n"},
    {__LINE__, "of other types", "{\"status\":[],\"providers\":7,\"caps\":{},\"drill\":\"x\"}",
     "{\"rows\":{},\"total\":[]}", "{\"events\":[1,\"\",{}]}", 80, 24, false,
     "Claude Router   , 0 running\n"
     "\n"
     "● \n"
     "  \n"
     "\n"
     "Providers, in order\n"
     "\n"
     "Today\n"
     "  nothing is recorded, or it cannot be read\n"
     "\n"
     "What happened last\n"
     "  Jan 01 00:00 \n"
     "  Jan 01 00:00 \n"
     "  Jan 01 00:00 \n"},
};

static json_object *
read_json(const char *text)
{
	return text == NULL ? NULL : tree_read(text, strlen(text));
}

static void
check_row(const struct row *row)
{
	struct top_view view = {
	    .status = read_json(row->status),
	    .usage = read_json(row->usage),
	    .events = read_json(row->events),
	    .now_ms = NOW_MS,
	    .columns = row->columns,
	    .rows = row->rows,
	    .is_colored = row->is_colored,
	};
	struct buf out;
	buf_init(&out, RESPONSE_ERROR_MAX);
	TAP_OK(row->name, top_render(&view, &out));
	TAP_STR_AT(row->line, row->name, buf_text(&out), row->text);
	buf_free(&out);
	json_object_put(view.status);
	json_object_put(view.usage);
	json_object_put(view.events);
}

int
main(int argc, char **argv)
{
	setenv("TZ", "UTC", 1);
	tzset();
	tap_start("top", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	return tap_finish();
}
