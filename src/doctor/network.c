/* SPDX-License-Identifier: MIT */
/* The way to the providers: name, connection, certificate, and their clocks. No
 * credential is sent, and nothing that costs anything is asked. */
#include "base/clock.h"
#include "config/text.h"
#include "doctor/checks.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 8000 };

/* Whether a request could come to ask it. */
static bool
is_used(const struct doctor *d, const struct provider *p)
{
	return p->enabled && (p->takes_login || (d->app.tokens != NULL &&
						 tokens_get(d->app.tokens, p->name) != NULL));
}

static void
tell_trouble(struct doctor *d, const struct provider *p, const struct http_answer *a)
{
	struct judge_trouble trouble = judge_connection(a->code, a->verify, p->proxy != NULL);
	if (trouble.id == NULL)
		return;
	findings_add(&d->findings, SEVERITY_ERROR, trouble.id, "%s (%s): %s", p->name,
		     doctor_shown(p->url), trouble.what);
	struct url url;
	bool host = trouble.host && text_read_url(p->url, &url);
	findings_cure(&d->findings, "%s%s", trouble.cure, host ? url.host : "");
}

/* True: it was told. */
static bool
tell_clock(struct doctor *d, const struct provider *p, const struct http_answer *a)
{
	int64_t ahead_ms = clock_wall_ms() - a->date_ms;
	int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
	if (a->code != CURLE_OK || a->date_ms == -1 || off_ms <= JUDGE_CLOCK_MS)
		return false;
	findings_add(&d->findings, SEVERITY_ERROR, "clock",
		     "this machine's clock is %lld minutes %s of %s's: rests end at wrong times",
		     (long long)off_ms / 60000, ahead_ms > 0 ? "ahead" : "behind", p->name);
	findings_cure(&d->findings, "sudo timedatectl set-ntp true");
	return true;
}

void
doctor_check_providers(struct doctor *d)
{
	const struct config *config = d->app.config;
	const struct provider *providers[PROVIDERS_MAX];
	struct http_ask asks[PROVIDERS_MAX];
	struct http_answer answers[PROVIDERS_MAX];
	size_t n = 0;
	for (size_t i = 0; config != NULL && i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		if (!is_used(d, p))
			continue;
		providers[n] = p;
		asks[n++] = (struct http_ask){.url = p->url,
					      .head = true,
					      .body_bytes = -1,
					      .timeout_ms = ANSWER_MS,
					      .ca_file = p->ca_file,
					      .ca_path = p->ca_path,
					      .proxy = p->proxy};
	}
	if (n == 0)
		return;
	bool asked = http_ask(asks, answers, n), clock_told = false;
	for (size_t i = 0; i < n; i++) {
		if (asked)
			tell_trouble(d, providers[i], &answers[i]);
		if (asked && !clock_told)
			clock_told = tell_clock(d, providers[i], &answers[i]);
		http_answer_fini(&answers[i]);
	}
}
