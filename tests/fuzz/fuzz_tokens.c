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
	struct config config = {.tokens_file = file_write(data, n), .n_providers = 4};
	for (size_t i = 0; i < 4; i++)
		snprintf(config.providers[i].name, sizeof config.providers[i].name, "%s", names[i]);
	buf_init(&error, ERROR_TEXT_MAX);
	struct tokens *tokens = tokens_load(&config, &error);
	if (tokens == NULL) {
		const char *text = buf_text(&error);
		MUST(text[0] != '\0' && fuzz_is_shown(text) && strstr(text, "sk-") == NULL);
	} else {
		for (size_t i = 0; i < 4; i++) {
			const char *value = tokens_get(tokens, names[i]);
			MUST(value == NULL || (fuzz_is_shown(value) && strlen(value) <= TOKEN_MAX &&
					       strchr(value, ' ') == NULL && value[0] != '\0'));
		}
		const char *admin = tokens_admin(tokens);
		MUST(admin == NULL || admin[0] != '\0');
	}
	tokens_free(tokens);
	buf_free(&error);
	return 0;
}
