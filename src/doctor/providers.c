/* SPDX-License-Identifier: MIT */
/* The providers: rejected credentials, and the connection to each, with its name,
 * certificate and clock. No credential is sent, and nothing that costs anything. */
#include "base/clock.h"
#include "config/text.h"
#include "doctor/checks.h"
#include "operator/status.h"
#include "json/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RESPONSE_MS = 8000,
	CLOCK_OFF_MAX_MS = 300000,
};

/* --- Credentials ------------------------------------------------------ */

/* standing: the provider's, or that of one of its credentials, whose label is in it. */
static void
check_credential(struct doctor *d, const char *provider, json_object *standing)
{
	const char *state = json_object_get_string(json_object_object_get(standing, "state"));
	const char *why = json_object_get_string(json_object_object_get(standing, "why"));
	char name[CREDENTIAL_NAME_SIZE];
	if (state == NULL || strcmp(state, "benched") != 0)
		return;
	credential_name(provider, tree_text(standing, "label"), name);
	report_add(&d->report, SEVERITY_ERROR, "credential-refused",
		   "%s rejects the stored credential (%s)", doctor_shown(name).text,
		   why == NULL ? "for no known reason" : doctor_shown(why).text);
	report_cure(&d->report, "write a new one after %s = in %s", doctor_shown(name).text,
		    d->app.config == NULL ? "tokens.txt" : d->app.config->tokens_file);
}

void
doctor_check_credentials(struct doctor *d)
{
	const struct app *app = &d->app;
	if (d->status == NULL && app->config != NULL && app->tokens != NULL && app->state != NULL)
		d->status = status_full(app);
	json_object *providers = json_object_object_get(d->status, "providers");
	if (providers == NULL || !json_object_is_type(providers, json_type_object))
		return;
	struct json_object_iterator i = json_object_iter_begin(providers);
	struct json_object_iterator end = json_object_iter_end(providers);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
		const char *name = json_object_iter_peek_name(&i);
		json_object *p = json_object_iter_peek_value(&i);
		json_object *credentials = json_object_object_get(p, "credentials");
		size_t n = tree_count(credentials);
		if (n == 0)
			check_credential(d, name, p);
		for (size_t k = 0; k < n; k++)
			check_credential(d, name, json_object_array_get_idx(credentials, k));
	}
}

/* --- Connections ------------------------------------------------------ */

/* Whether requests can be sent to it. */
static bool
is_used(const struct doctor *d, const struct provider *p)
{
	return p->enabled && (p->takes_login || (d->app.tokens != NULL &&
						 tokens_get(d->app.tokens, p->name) != NULL));
}

static void
check_connection(struct doctor *d, const struct provider *p, const struct http_response *response)
{
	struct diagnose_fault fault =
	    diagnose_connection(response->code, response->verify, p->proxy != NULL);
	if (fault.id == NULL)
		return;
	report_add(&d->report, SEVERITY_ERROR, fault.id, "%s (%s): %s", p->name,
		   doctor_shown(p->url).text, fault.what);
	struct url url;
	bool add_host = fault.add_host && text_read_url(p->url, &url);
	report_cure(&d->report, "%s%s", fault.cure, add_host ? url.host : "");
}

/* True: the clock is wrong, and that is reported. */
static bool
check_clock(struct doctor *d, const struct provider *p, const struct http_response *response)
{
	int64_t ahead_ms = clock_wall_ms() - response->date_ms;
	int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
	if (response->code != CURLE_OK || response->date_ms == -1 || off_ms <= CLOCK_OFF_MAX_MS)
		return false;
	report_add(&d->report, SEVERITY_ERROR, "clock",
		   "this machine's clock is %lld minutes %s %s's: pauses end at the wrong time",
		   (long long)off_ms / 60000, ahead_ms > 0 ? "ahead of" : "behind", p->name);
	report_cure(&d->report, "sudo timedatectl set-ntp true");
	return true;
}

void
doctor_check_providers(struct doctor *d)
{
	const struct config *config = d->app.config;
	const struct provider *providers[PROVIDERS_MAX];
	struct http_request requests[PROVIDERS_MAX];
	struct http_response responses[PROVIDERS_MAX];
	size_t n = 0;
	for (size_t i = 0; config != NULL && i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		if (!is_used(d, p))
			continue;
		providers[n] = p;
		requests[n++] = (struct http_request){.url = p->url,
						      .head = true,
						      .body_bytes = -1,
						      .timeout_ms = RESPONSE_MS,
						      .ca_file = p->ca_file,
						      .ca_path = p->ca_path,
						      .proxy = p->proxy};
	}
	if (n == 0)
		return;
	bool fetched = http_fetch(requests, responses, n), clock_is_wrong = false;
	for (size_t i = 0; i < n; i++) {
		if (fetched)
			check_connection(d, providers[i], &responses[i]);
		if (fetched && !clock_is_wrong)
			clock_is_wrong = check_clock(d, providers[i], &responses[i]);
		http_response_fini(&responses[i]);
	}
}
