/* SPDX-License-Identifier: MIT */
/* tokens.c: the file of credentials. What is wrong with it is told without them. */
#include "file.h"
#include "fuzz.h"

#include "config/config.h"
#include "config/tokens.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = {"claude_pro", "deepseek", "kimi", "claude_api"};
	struct buf error;
	char share[] = "";
	struct config config = {
	    .tokens_file = file_write(data, n), .share = share, .n_providers = 4};
	for (size_t i = 0; i < 4; i++)
		snprintf(config.providers[i].name, sizeof config.providers[i].name, "%s", names[i]);
	buf_init(&error, 16 * ERROR_TEXT_MAX);
	struct tokens *tokens = tokens_load(&config, &error);
	if (tokens == NULL) {
		MUST(error.len > 0 && strstr(buf_text(&error), "sk-") == NULL);
		for (char *line, *rest = error.data; (line = strsep(&rest, "\n")) != NULL;)
			MUST(line[0] != '\0' && fuzz_is_shown(line));
	} else {
		for (size_t i = 0; i < 4; i++) {
			size_t n_stored = 0;
			const struct stored_credential *s;
			for (; (s = tokens_at(tokens, names[i], n_stored)) != NULL; n_stored++)
				MUST(fuzz_is_shown(s->value) && strlen(s->value) <= TOKEN_MAX &&
				     strchr(s->value, ' ') == NULL && s->value[0] != '\0' &&
				     strlen(s->label) < TOKEN_LABEL_MAX && s->weight >= 1 &&
				     s->weight <= WEIGHT_MAX);
			MUST(n_stored <= (i == 0 ? 1 : CREDENTIALS_MAX));
		}
		const char *admin = tokens_admin(tokens);
		MUST(admin == NULL || admin[0] != '\0');
	}
	tokens_free(tokens);
	buf_free(&error);
	return 0;
}
