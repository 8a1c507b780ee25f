/* SPDX-License-Identifier: MIT */
/* config*.c, option*.c: the configuration. It is read whole, or what is wrong with
 * it is told. */
#include "file.h"

#include "config/config.h"
#include "config/share_url.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf errors;
	if (n > 32768)
		return 0;
	buf_init(&errors, 65536);
	struct config *config = config_load(file_write(data, n), &errors);
	const char *text = buf_text(&errors);
	if (config == NULL) {
		MUST(text[0] != '\0');
	} else {
		MUST(config->n_providers >= 1 && config->n_providers <= PROVIDERS_MAX);
		MUST(config->state_file != NULL && config->tokens_file != NULL);
		struct share_url share;
		const char *why;
		MUST(config->share[0] == '\0' || (share_url_parse(config->share, &share, &why) &&
						  fuzz_is_shown(config->share)));
		for (size_t i = 0; i < config->n_providers; i++) {
			const struct provider *p = &config->providers[i];
			MUST(p->dialect != NULL && p->url != NULL && fuzz_is_shown(p->url));
			MUST(config_provider(config, p->name) == p);
			MUST(strncasecmp(p->url, "https://", 8) == 0 ||
			     strncasecmp(p->url, "http://", 7) == 0);
			config_model_rule(p, "claude-sonnet-5-5");
		}
	}
	config_free(config);
	buf_free(&errors);
	return 0;
}
