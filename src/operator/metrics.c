/* SPDX-License-Identifier: MIT */
#include "operator/metrics.h"

#include "base/count.h"
#include "money/amount.h"
#include "state/histogram.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "claude_router_"

/* --- The format ------------------------------------------------------- */

struct page {
	struct buf *out;
	bool fits;
};

/* A label's value, escaped. Names of ours are printable ASCII; other bytes may not be text. */
#define LABEL_MAX 64
struct label {
	char text[LABEL_MAX];
};

static struct label
label(const char *value)
{
	struct label l;
	size_t n = 0;
	for (; *value != '\0' && n < sizeof l.text - 2; value++) {
		if (*value == '"' || *value == '\\')
			l.text[n++] = '\\';
		l.text[n++] = *value < ' ' || *value > '~' ? '_' : *value;
	}
	l.text[n] = '\0';
	return l;
}

__attribute__((format(printf, 2, 3))) static void
put(struct page *p, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	p->fits = p->fits && n >= 0 && (size_t)n < sizeof text && buf_add(p->out, text, (size_t)n);
}

static void
head(struct page *p, const char *name, const char *type, const char *help)
{
	put(p, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

/* A metric without labels. */
static void
figure(struct page *p, const char *name, const char *type, const char *help, uint64_t value)
{
	head(p, name, type, help);
	put(p, PREFIX "%s %" PRIu64 "\n", name, value);
}

/* Thousandths as decimals: ms to seconds, permille to ratios. */
struct decimal {
	char text[32];
};

static struct decimal
thousandths(uint64_t n)
{
	struct decimal d;
	snprintf(d.text, sizeof d.text, "%" PRIu64 ".%03u", n / 1000, (unsigned)(n % 1000));
	return d;
}

static struct decimal
time_of(int64_t ms)
{
	return thousandths(ms < 0 ? 0 : (uint64_t)ms);
}

/* --- Counters of each provider ---------------------------------------- */

static const char *const outcomes[] = {"ok", "error", "cut", "left"};
static const char *const verdicts[] = {"pass", "hop", "cool", "bench", "successor", "retry"};
static const char *const reasons[] = {"busy", "cooldown", "retry_after", "reset", "refused"};
static const char *const kinds[] = {"input", "cache_read", "cache_5m", "cache_1h", "output"};

static const struct counted {
	const char *name, *help;
	const char *label;
	const char *const *values; /* of the label, one a counter */
	size_t n;
	enum counter first;
	bool has_none;
} counted[] = {
    {"requests_total",
     "Requests for a message, by the provider that responded (none: no provider could) and how "
     "they ended: ok, error (a status of 400 or more), cut (the provider broke off and the router "
     "closed the stream), left (the client disconnected).",
     "outcome", outcomes, COUNT(outcomes), COUNT_ENDINGS, true},
    {"attempts_total",
     "Attempts, by what the provider's response led to: pass (to the client), hop (to the next "
     "provider), cool or bench (the same, and the provider is paused), successor (another attempt "
     "with another model name), retry (another attempt).",
     "verdict", verdicts, COUNT(verdicts), COUNT_VERDICTS, false},
    {"rests_total",
     "Pauses that began, by reason: busy, cooldown (a limit without a time), retry_after, reset (a "
     "quota window's end), refused (the credential).",
     "reason", reasons, COUNT(reasons), COUNT_PAUSES + PAUSE_SHORT, false},
    {"tokens_total",
     "Tokens that were reported, or estimated of what was cut: input, cache_read, cache_5m and "
     "cache_1h (read from a cache, and written to one) and output.",
     "kind", kinds, COUNT(kinds), COUNT_TOKENS, false},
};
_Static_assert(COUNT(outcomes) == COUNTED_ENDINGS, "a name for each");
_Static_assert(COUNT(verdicts) == COUNTED_VERDICTS, "a name for each");
_Static_assert(COUNT(kinds) == COUNTED_TOKENS, "a name for each");
_Static_assert(COUNT(reasons) == PAUSE_BENCH, "a name for each but PAUSE_NONE");

static void
put_counted(struct page *p, const struct counted *c, const char *name, const uint64_t *counts)
{
	for (size_t i = 0; i < c->n; i++)
		put(p, PREFIX "%s{provider=\"%s\",%s=\"%s\"} %" PRIu64 "\n", c->name,
		    label(name).text, c->label, c->values[i], counts[c->first + i]);
}

static void
put_counters(struct page *p, const struct metrics *m)
{
	for (const struct counted *c = counted; c < counted + COUNT(counted); c++) {
		head(p, c->name, "counter", c->help);
		for (size_t i = 0; i < m->n_providers; i++)
			put_counted(p, c, m->providers[i].name, m->providers[i].counts);
		if (c->has_none)
			put_counted(p, c, "none", m->none);
	}
}

static void
put_histogram(struct page *p, const char *name, const char *provider, const uint64_t *words)
{
	struct label l = label(provider);
	uint64_t so_far = 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		so_far += words[i];
		put(p, PREFIX "%s_bucket{provider=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, l.text,
		    (double)histogram_bound_ms(i) / 1000, so_far);
	}
	so_far += words[HISTOGRAM_BUCKETS - 1];
	put(p, PREFIX "%s_bucket{provider=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, l.text, so_far);
	put(p, PREFIX "%s_sum{provider=\"%s\"} %s\n", name, l.text,
	    thousandths(words[HISTOGRAM_BUCKETS]).text);
	put(p, PREFIX "%s_count{provider=\"%s\"} %" PRIu64 "\n", name, l.text, so_far);
}

static void
put_histograms(struct page *p, const struct metrics *m)
{
	static const struct {
		const char *name, *help;
		enum counter first;
	} all[] = {
	    {"first_byte_seconds",
	     "From the attempt that the provider responded to until the first byte for the client; "
	     "of "
	     "requests that are over.",
	     COUNT_FIRST_BYTE},
	    {"request_duration_seconds",
	     "From a request to the end of its reply, by the provider that responded.",
	     COUNT_DURATION},
	};
	for (size_t h = 0; h < COUNT(all); h++) {
		head(p, all[h].name, "histogram", all[h].help);
		for (size_t i = 0; i < m->n_providers; i++)
			put_histogram(p, all[h].name, m->providers[i].name,
				      &m->providers[i].counts[all[h].first]);
	}
}

/* --- Money ------------------------------------------------------------ */

/* Nano-dollars as decimals. */
static struct decimal
dollars(uint64_t nano_usd)
{
	struct decimal d;
	char text[AMOUNT_SIZE];
	uint64_t most = INT64_MAX;
	amount_decimal((int64_t)(nano_usd < most ? nano_usd : most), text);
	snprintf(d.text, sizeof d.text, "%.31s", text);
	return d;
}

/* One counter of each provider. */
static void
put_each(struct page *p, const struct metrics *m, enum counter counter, const char *name,
	 const char *help)
{
	head(p, name, "counter", help);
	for (size_t i = 0; i < m->n_providers; i++)
		put(p, PREFIX "%s{provider=\"%s\"} %" PRIu64 "\n", name,
		    label(m->providers[i].name).text, m->providers[i].counts[counter]);
}

static void
put_costs(struct page *p, const struct metrics *m)
{
	head(p, "cost_dollars_total", "counter",
	     "What was billed to the operator, as far as it is known; not what a plan served.");
	for (size_t i = 0; i < m->n_providers; i++)
		put(p, PREFIX "cost_dollars_total{provider=\"%s\"} %s\n",
		    label(m->providers[i].name).text,
		    dollars(m->providers[i].counts[COUNT_COST]).text);
	put_each(p, m, COUNT_COST_UNKNOWN, "cost_unknown_total",
		 "Attempts that were billed, and whose cost is not known.");
	put_each(p, m, COUNT_BOUND_EXCEEDED, "bound_exceeded_total",
		 "Attempts that cost more than was reserved for them under a cap; always 0, unless "
		 "the estimate is wrong.");
	put_each(p, m, COUNT_DRILLED, "drilled_total",
		 "Requests that a drill answered in the provider's place; they are in no other "
		 "figure of it.");
	figure(p, "ledger_dropped_total", "counter",
	       "Rows and events that the ledger could not take.", m->none[COUNT_UNRECORDED]);
}

static void
put_caps(struct page *p, const struct metrics *m)
{
	static const struct {
		const char *name, *help;
		size_t at;
	} all[] = {
	    {"cap_dollars", "The most that a scope may cost in this day or month.",
	     offsetof(struct caps_use, cap)},
	    {"cap_used_dollars", "What was spent of it.", offsetof(struct caps_use, used)},
	    {"cap_reserved_dollars", "What running requests have reserved of it.",
	     offsetof(struct caps_use, reserved)},
	};
	for (size_t k = 0; k < COUNT(all); k++) {
		head(p, all[k].name, "gauge", all[k].help);
		for (size_t i = 0; i < m->n_caps; i++) {
			const struct caps_use *use = &m->caps[i];
			const int64_t *amount = (const int64_t *)((const char *)use + all[k].at);
			put(p, PREFIX "%s{scope=\"%s\",period=\"%s\"} %s\n", all[k].name,
			    label(use->scope).text, use->period,
			    dollars(*amount < 0 ? 0 : (uint64_t)*amount).text);
		}
	}
}

/* --- Gauges ----------------------------------------------------------- */

static void
put_providers(struct page *p, const struct metrics *m)
{
	head(p, "provider_active", "gauge", "Whether the provider is usable now.");
	for (size_t i = 0; i < m->n_providers; i++)
		put(p, PREFIX "provider_active{provider=\"%s\"} %d\n",
		    label(m->providers[i].name).text, m->providers[i].active);
	head(p, "provider_resting_until_timestamp_seconds", "gauge",
	     "When the provider's pause ends; absent while it is not paused.");
	for (size_t i = 0; i < m->n_providers; i++)
		if (m->providers[i].until_ms != 0)
			put(p,
			    PREFIX "provider_resting_until_timestamp_seconds{provider=\"%s\"} %s\n",
			    label(m->providers[i].name).text,
			    time_of(m->providers[i].until_ms).text);
}

/* Whether a window's name is not used by one before it: a duplicate series makes the whole page
 * invalid. */
static bool
is_first(const struct health_window *windows, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(label(windows[k].name).text, label(windows[i].name).text) == 0)
			return false;
	return windows[i].name[0] != '\0';
}

static void
put_windows(struct page *p, const struct metrics_provider *provider, bool resets)
{
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *w = &provider->windows[i];
		if (!is_first(provider->windows, i) || (resets && w->reset_ms == 0))
			continue;
		put(p, PREFIX "quota_window_%s{provider=\"%s\",window=\"%s\"} %s\n",
		    resets ? "reset_timestamp_seconds" : "utilization_ratio",
		    label(provider->name).text, label(w->name).text,
		    resets ? time_of(w->reset_ms).text : thousandths(w->permille).text);
	}
}

static void
put_quotas(struct page *p, const struct metrics *m)
{
	head(p, "quota_window_utilization_ratio", "gauge",
	     "How much of a quota window is used, as the provider last reported it.");
	for (size_t i = 0; i < m->n_providers; i++)
		put_windows(p, &m->providers[i], false);
	head(p, "quota_window_reset_timestamp_seconds", "gauge", "When a quota window is reset.");
	for (size_t i = 0; i < m->n_providers; i++)
		put_windows(p, &m->providers[i], true);
}

static void
put_share(struct page *p, const struct state_share *share)
{
	bool is_connected = share->since_ms != 0;
	figure(p, "share_connected", "gauge",
	       "Whether this machine shares its state with others now.", is_connected);
	figure(p, "share_machines", "gauge",
	       "Machines that share it, this one included; 0 while it is not connected.",
	       is_connected ? share->machines : 0);
	head(p, "share_delay_seconds", "gauge",
	     "How long the last fact took to the server and back; absent while it is not "
	     "connected.");
	if (is_connected)
		put(p, PREFIX "share_delay_seconds %s\n", time_of(share->delay_ms).text);
	figure(p, "share_refused_total", "counter",
	       "Facts that were not made with this machine's share_key.", share->refused);
}

static void
put_file(struct page *p, const char *name, const struct metrics_file *file)
{
	char full[64];
	snprintf(full, sizeof full, "%s_last_reload_successful", name);
	figure(p, full, "gauge", "Whether the file is in force as it was last seen.",
	       file->is_current);
	snprintf(full, sizeof full, "%s_last_reload_success_timestamp_seconds", name);
	head(p, full, "gauge",
	     "When what is in force was read, by the process that answers this scrape.");
	put(p, PREFIX "%s %s\n", full, time_of(file->loaded_ms).text);
}

bool
metrics_write(const struct metrics *m, struct buf *out)
{
	struct page p = {.out = out, .fits = true};
	head(&p, "build_info", "gauge", "The version of the program that answers this scrape.");
	put(&p, PREFIX "build_info{version=\"%s\"} 1\n", label(m->version).text);
	figure(&p, "processes", "gauge", "Running responder processes.", m->processes);
	figure(&p, "streams", "gauge", "Requests being served, in all processes.", m->streams);
	figure(&p, "failovers_total", "counter",
	       "How often requests moved from a provider to the next one.", m->failovers);
	put_counters(&p, m);
	put_histograms(&p, m);
	put_costs(&p, m);
	put_caps(&p, m);
	put_providers(&p, m);
	put_quotas(&p, m);
	put_file(&p, "config", &m->config);
	put_file(&p, "tokens", &m->tokens);
	if (m->is_sharing)
		put_share(&p, &m->share);
	return p.fits;
}
