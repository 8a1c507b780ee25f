/* SPDX-License-Identifier: MIT */
/* What the router itself says is wrong: /v1/status, or the same from its files. */
#include "operator/status.h"
#include "doctor/checks.h"

#include <string.h>

/* A member's member as text; NULL: it is null or not there. */
static const char *
text_in(json_object *o, const char *name, const char *member)
{
	return json_object_get_string(
	    json_object_object_get(json_object_object_get(o, name), member));
}

/* As the responder has them, who tells what is wrong with them. */
static void
look_at_files(struct doctor *d)
{
	const char *tokens = text_in(d->status, "tokens_file", "error");
	const char *keys = text_in(d->status, "keys_file", "error");
	const char *config = text_in(d->status, "config", "error");
	if (tokens != NULL) {
		findings_add(&d->findings, SEVERITY_ERROR, "responder-tokens",
			     "the responder goes on with old credentials: %s",
			     doctor_shown(tokens));
		findings_cure(&d->findings, "mend that; it is taken up within a second");
	}
	if (keys != NULL) {
		findings_add(&d->findings, SEVERITY_ERROR, "responder-keys",
			     "the responder cannot use the client keys: %s", doctor_shown(keys));
		findings_cure(&d->findings, "mend that; it is taken up within a second");
	}
	if (config != NULL) {
		findings_add(&d->findings, SEVERITY_ERROR, "responder-config",
			     "the responder goes on with an old configuration: %s",
			     doctor_shown(config));
		findings_cure(&d->findings, "mend that, then type: claude-router --check-config");
	}
}

static void
look_at_provider(struct doctor *d, const char *name, json_object *p)
{
	const char *state = json_object_get_string(json_object_object_get(p, "state"));
	const char *why = json_object_get_string(json_object_object_get(p, "why"));
	if (state == NULL || strcmp(state, "benched") != 0)
		return;
	findings_add(&d->findings, SEVERITY_ERROR, "credential-refused",
		     "%s refuses the stored credential (%s)", doctor_shown(name),
		     why == NULL ? "it does not say why" : doctor_shown(why));
	findings_cure(&d->findings, "write a new one behind %s = in %s", doctor_shown(name),
		      d->app.config == NULL ? "tokens.txt" : d->app.config->tokens_file);
}

void
doctor_check_status(struct doctor *d)
{
	const struct app *r = &d->app;
	bool told = d->status != NULL;
	if (!told && r->config != NULL && r->tokens != NULL && r->state != NULL)
		d->status = status_full(r);
	json_object *providers = json_object_object_get(d->status, "providers");
	if (providers == NULL || !json_object_is_type(providers, json_type_object))
		return;
	if (told)
		look_at_files(d);
	struct json_object_iterator i = json_object_iter_begin(providers);
	struct json_object_iterator end = json_object_iter_end(providers);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		look_at_provider(d, json_object_iter_peek_name(&i),
				 json_object_iter_peek_value(&i));
}
