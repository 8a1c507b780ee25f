/* SPDX-License-Identifier: MIT */
#include "app/crontab.h"

#include <string.h>

/* Within the shell's quotes. Some crons remove one of two backslashes, and all of them the one
 * before a %: so the quotes end and begin again after each backslash of the path. */
static bool
add_quoted(struct buf *to, char c)
{
	if (c == '\'')
		return buf_puts(to, "'\\''");
	if (c == '\\')
		return buf_puts(to, "\\''");
	return c == '%' ? buf_puts(to, "\\%") : buf_add(to, &c, 1);
}

/* Unquoted when no character is special to cron or the shell. */
static bool
add_word(struct buf *to, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789/._-+:@,=";
	if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
		return buf_puts(to, word);
	bool added = buf_puts(to, "'");
	for (; added && *word != '\0'; word++)
		added = (unsigned char)*word >= ' ' && *word != 127 && add_quoted(to, *word);
	return added && buf_puts(to, "'");
}

bool
crontab_entry(struct buf *to, const char *times, const char *program, const char *state_file,
	      const char *config_file)
{
	if (!buf_printf(to, "%s root ", times))
		return false;
	size_t before = to->len;
	bool added = buf_puts(to, "ROUTER_STATE_FILE=") && add_word(to, state_file) &&
		     buf_puts(to, " ") && add_word(to, program);
	if (added && config_file != NULL)
		added = buf_puts(to, " --config ") && add_word(to, config_file);
	return added && to->len - before <= CRONTAB_COMMAND_MAX && buf_puts(to, "\n");
}
