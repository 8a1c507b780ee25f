/* SPDX-License-Identifier: MIT */
#include "route/catalogue.h"

#include "base/count.h"
#include "json/tree.h"

#include <string.h>

/* The models that Claude Code uses: CLIENT.md 1. */
static const char *const claude_models[] = {"claude-opus-5-5", "claude-sonnet-5-5",
					    "claude-haiku-5-5"};

enum { CLAUDE_MODELS = COUNT(claude_models) };

json_object *
catalogue_estimate(const struct message *message)
{
	json_object *o = json_object_new_object();
	tree_put(o, "input_tokens", json_object_new_int64(message_tokens(message)));
	return o;
}

static json_object *
model(const char *id)
{
	json_object *o = json_object_new_object();
	tree_put(o, "type", json_object_new_string("model"));
	tree_put(o, "id", json_object_new_string(id));
	tree_put(o, "display_name", json_object_new_string(id));
	tree_put(o, "created_at", json_object_new_string("1970-01-01T00:00:00Z"));
	return o;
}

static bool
is_listed(json_object *list, const char *id)
{
	for (size_t i = 0; i < tree_count(list); i++)
		if (strcmp(tree_text(json_object_array_get_idx(list, i), "id"), id) == 0)
			return true;
	return false;
}

static void
add(json_object *list, const char *id)
{
	if (strpbrk(id, "*?[") == NULL && !is_listed(list, id))
		tree_add(list, model(id));
}

static void
add_provider(json_object *list, const struct provider *p)
{
	for (size_t i = 0; p->enabled && i < p->n_models; i++) {
		add(list, p->models[i].glob);
		for (size_t k = 0; k < p->models[i].n_names; k++)
			add(list, p->models[i].names[k]);
	}
}

static json_object *
id_at(json_object *list, size_t i)
{
	json_object *entry = i < tree_count(list) ? json_object_array_get_idx(list, i) : NULL;
	return json_object_get(tree_get(entry, "id"));
}

json_object *
catalogue_models(const struct config *config)
{
	json_object *o = json_object_new_object();
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < CLAUDE_MODELS; i++)
		add(list, claude_models[i]);
	for (size_t i = 0; i < config->n_providers; i++)
		add_provider(list, &config->providers[i]);
	tree_put(o, "data", list);
	tree_put(o, "has_more", json_object_new_boolean(false));
	tree_put(o, "first_id", id_at(list, 0));
	tree_put(o, "last_id", id_at(list, tree_count(list) - 1));
	return o;
}

json_object *
catalogue_model(const struct config *config, const char *id)
{
	json_object *all = catalogue_models(config);
	bool known = is_listed(json_object_object_get(all, "data"), id);
	json_object_put(all);
	return known ? model(id) : NULL;
}
