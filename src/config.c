#include "config.h"

#include "dialect.h"
#include "digest.h"
#include "log.h"

#include <arpa/inet.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What a load is doing. */
struct loader {
	struct config *config;
	struct buf *errors;
	const char *path;  /* of the file, for errors */
	struct buf syntax; /* libconfuse's own errors, which end the list */
	bool wrong;        /* an error was found */
	bool broken;       /* … that ended the reading */
	bool unfinished;   /* so what is missing in this section may stand further down */
};

enum taken { TAKEN, WRONG, NO_MEMORY };

struct option;

/* Checks a text and puts what it means into the option's place in target, a
 * struct config or a struct provider. A list's is called once for each entry. */
typedef enum taken take_fn(const struct option *option, void *target, const char *text);

/* Says which values are allowed. */
typedef void allowed_fn(const struct option *option, struct buf *out);

/* A word that may be written, and what it means. */
struct choice {
	const char *word;
	int means;
};

struct option {
	const char *name;
	const char *initial; /* the default; of a list, entries between spaces; NULL: none */
	take_fn *take;
	size_t offset;
	size_t count_offset;         /* of a list: where the number of entries stands */
	int64_t min, max;            /* ms, bytes or plain numbers */
	bool (*check)(const char *); /* of a text */
	const struct choice *choices;
	allowed_fn *allowed;
	const char *allowed_text; /* instead of allowed */
	const char *variable;     /* of the environment, which goes before the file */
	bool list;
	bool required; /* has no default where it has none for a provider of that name */
};

/* Adds to an error text. What does not fit, or finds no memory, is left out: the
 * load fails all the same. */
__attribute__((format(printf, 2, 3))) static void
say(struct buf *out, const char *format, ...)
{
	char text[8192];
	size_t room = out->max - out->len + 1;
	va_list args;
	va_start(args, format);
	bool said = vsnprintf(text, room < sizeof text ? room : sizeof text, format, args) >= 0 &&
		    buf_puts(out, text);
	va_end(args);
	(void)said;
}

/* --- Numbers ------------------------------------------------------------- */

/* Reads up to max_digits decimal digits and moves *at behind them. */
static bool
read_digits(const char **at, unsigned max_digits, uint64_t *value)
{
	unsigned n = 0;
	for (*value = 0; **at >= '0' && **at <= '9'; (*at)++) {
		if (++n > max_digits)
			return false;
		*value = *value * 10 + (uint64_t)(**at - '0');
	}
	return n > 0;
}

struct unit {
	const char *suffix;
	int64_t size;
};

static const struct unit time_units[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 1000},
};

static const struct unit size_units[] = {
    {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1},
    {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10},
};

static int64_t
unit_size(const struct unit *units, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(units[i].suffix, suffix) == 0)
			return units[i].size;
	return 0;
}

/* "1.5", "90s", "10m", "8h", "500ms" as milliseconds. */
static bool
read_time(const char *text, int64_t *ms)
{
	uint64_t whole, thousandths = 0;
	if (!read_digits(&text, 8, &whole))
		return false;
	if (*text == '.') {
		if (text[1] < '0' || text[1] > '9')
			return false;
		uint64_t unit = 100;
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			thousandths += unit * (uint64_t)(*text - '0');
	}
	int64_t unit = unit_size(time_units, COUNT(time_units), text);
	*ms = (int64_t)(whole * 1000 + thousandths) * unit / 1000;
	return unit != 0;
}

/* "1048576", "64K", "32M" as bytes. */
static bool
read_size(const char *text, int64_t *bytes)
{
	uint64_t whole;
	if (!read_digits(&text, 9, &whole))
		return false;
	int64_t unit = unit_size(size_units, COUNT(size_units), text);
	*bytes = (int64_t)whole * unit;
	return unit != 0;
}

/* A time or size in its largest whole unit: "10m", "32M". */
static void
show_units(const struct unit *units, int64_t value, char text[static 32])
{
	while (units->size > 1 && (value == 0 || value % units->size != 0))
		units++;
	snprintf(text, 32, "%" PRId64 "%s", value == 0 ? 0 : value / units->size,
		 value == 0 ? "" : units->suffix);
}

/* --- What a text may look like ------------------------------------------- */

/* Whatever the locale says. */
static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* At least min and at most max bytes, none of them a control byte. */
static bool
is_line(const char *text, size_t min, size_t max)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return n >= min && n <= max;
}

/* Only these bytes and letters and digits, at least one and at most max. */
static bool
is_word(const char *text, size_t n, const char *also, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(text[i]) && strchr(also, text[i]) == NULL)
			return false;
	return n > 0 && n <= max;
}

static bool
is_path(const char *text)
{
	return text[0] == '/' && is_line(text, 2, 4095) && text[strlen(text) - 1] != '/';
}

static bool
is_host(const char *text)
{
	return is_word(text, strlen(text), ".-", 253) && text[0] != '.' && text[0] != '-';
}

static bool
is_message(const char *text)
{
	return is_line(text, 1, 1000);
}

static bool
is_cron(const char *text)
{
	unsigned fields = 0;
	for (; *text != '\0'; fields++) {
		size_t n = strcspn(text, " \t");
		if (!is_word(text, n, "*,-/", 99))
			return false;
		text += n;
		text += strspn(text, " \t");
	}
	return fields == 5;
}

static bool
is_log(const char *text)
{
	return strcmp(text, "auto") == 0 || strcmp(text, "syslog") == 0 || is_path(text);
}

/* The parts of a URL that we accept: only what every reader of URLs reads alike. */
struct url {
	char host[254]; /* without brackets */
	const char *path;
};

/* Reads HOST or [IPv6], then maybe :PORT, and moves *at behind it. */
static bool
read_authority(const char **at, char host[static 254])
{
	bool bracket = **at == '[';
	*at += bracket;
	size_t n = strcspn(*at, bracket ? "]" : ":/");
	if (!is_word(*at, n, bracket ? ":." : "-.", 253))
		return false;
	snprintf(host, 254, "%.*s", (int)n, *at);
	*at += n + (bracket && (*at)[n] == ']');
	uint8_t v6[16];
	if (bracket ? (*at)[-1] != ']' || inet_pton(AF_INET6, host, v6) != 1 : !is_host(host))
		return false;
	if (**at != ':')
		return true;
	uint64_t port;
	(*at)++;
	return read_digits(at, 5, &port) && port >= 1 && port <= 65535;
}

static bool
read_url(const char *text, struct url *url)
{
	const char *at = strstr(text, "://");
	if (at == NULL)
		return false;
	at += 3;
	if (!read_authority(&at, url->host) || (*at != '\0' && *at != '/'))
		return false;
	url->path = at;
	return true;
}

static bool
has_scheme(const char *text, const char *scheme)
{
	size_t n = strlen(scheme);
	return strncasecmp(text, scheme, n) == 0 && strncmp(text + n, "://", 3) == 0;
}

static bool
ends_with(const char *text, size_t n, const char *end)
{
	size_t end_len = strlen(end);
	return n >= end_len && memcmp(text + n - end_len, end, end_len) == 0;
}

/* The length of a URL without slashes at its end. */
static size_t
url_length(const char *text)
{
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '/')
		n--;
	return n;
}

static bool
is_provider_url(const char *text)
{
	struct url url;
	if (!has_scheme(text, "https") && !has_scheme(text, "http"))
		return false;
	if (!read_url(text, &url))
		return false;
	size_t n = strlen(url.path);
	return (n == 0 || is_word(url.path, n, "/-._~%:@!$&'()*+,;=", 1000)) &&
	       !ends_with(text, url_length(text), "/v1") &&
	       !ends_with(text, url_length(text), "/v1/messages");
}

static bool
is_proxy(const char *text)
{
	static const char *const schemes[] = {"http",    "https",  "socks4",
					      "socks4a", "socks5", "socks5h"};
	size_t i = 0;
	while (i < COUNT(schemes) && !has_scheme(text, schemes[i]))
		i++;
	if (i == COUNT(schemes) || !is_line(text, 1, 1000) || strpbrk(text, " ?#\\") != NULL)
		return false;
	const char *at = text + strlen(schemes[i]) + 3;
	const char *user = strrchr(at, '@'); /* maybe with a password */
	char host[254];
	if (user != NULL)
		at = user + 1;
	return read_authority(&at, host) && (*at == '\0' || strcmp(at, "/") == 0);
}

static bool
is_on_change(const char *text)
{
	if (text[0] == '\0')
		return true;
	if (has_scheme(text, "https") || has_scheme(text, "http"))
		return is_line(text, 1, 2000) && strpbrk(text, " \"\\") == NULL &&
		       strlen(strchr(text, ':')) > 3;
	return text[0] == '/' && is_line(text, 2, 4095);
}

/* --- Taking a value ------------------------------------------------------ */

static void *
field_of(const struct option *option, void *target)
{
	return (char *)target + option->offset;
}

static size_t *
count_of(const struct option *option, void *target)
{
	return (size_t *)(void *)((char *)target + option->count_offset);
}

static bool
in_bounds(const struct option *option, int64_t value)
{
	return value >= option->min && value <= option->max;
}

static enum taken
take_time(const struct option *option, void *target, const char *text)
{
	int64_t ms;
	if (!read_time(text, &ms) || !in_bounds(option, ms))
		return WRONG;
	memcpy(field_of(option, target), &ms, sizeof ms);
	return TAKEN;
}

static void
allowed_time(const struct option *option, struct buf *out)
{
	char min[32], max[32];
	show_units(time_units, option->min, min);
	show_units(time_units, option->max, max);
	say(out,
	    "use a time from %s to %s: seconds (1.5), or \"500ms\", \"90s\", "
	    "\"10m\", \"8h\"",
	    min, max);
}

static enum taken
take_drain(const struct option *option, void *target, const char *text)
{
	const int64_t automatic = -1;
	if (strcmp(text, "auto") != 0)
		return take_time(option, target, text);
	memcpy(field_of(option, target), &automatic, sizeof automatic);
	return TAKEN;
}

static enum taken
take_whole(const struct option *option, void *target, const char *text)
{
	uint64_t value;
	if (!read_digits(&text, 9, &value) || *text != '\0' || !in_bounds(option, (int64_t)value))
		return WRONG;
	unsigned number = (unsigned)value;
	memcpy(field_of(option, target), &number, sizeof number);
	return TAKEN;
}

static void
allowed_whole(const struct option *option, struct buf *out)
{
	say(out, "use a whole number from %" PRId64 " to %" PRId64, option->min, option->max);
}

static enum taken
take_size(const struct option *option, void *target, const char *text)
{
	int64_t bytes;
	if (!read_size(text, &bytes) || !in_bounds(option, bytes))
		return WRONG;
	size_t size = (size_t)bytes;
	memcpy(field_of(option, target), &size, sizeof size);
	return TAKEN;
}

static void
allowed_size(const struct option *option, struct buf *out)
{
	char min[32], max[32];
	show_units(size_units, option->min, min);
	show_units(size_units, option->max, max);
	say(out, "use a size from %s to %s: bytes, or \"64K\", \"32M\"", min, max);
}

static enum taken
take_switch(const struct option *option, void *target, const char *text)
{
	int value = cfg_parse_boolean(text);
	if (value != cfg_true && value != cfg_false)
		return WRONG;
	bool on = value == cfg_true;
	memcpy(field_of(option, target), &on, sizeof on);
	return TAKEN;
}

static enum taken
take_choice(const struct option *option, void *target, const char *text)
{
	for (const struct choice *choice = option->choices; choice->word != NULL; choice++) {
		if (strcmp(choice->word, text) != 0)
			continue;
		memcpy(field_of(option, target), &choice->means, sizeof choice->means);
		return TAKEN;
	}
	return WRONG;
}

static void
allowed_choice(const struct option *option, struct buf *out)
{
	const struct choice *choice = option->choices;
	for (; choice->word != NULL; choice++)
		say(out, "%s%s",
		    choice == option->choices    ? "use "
		    : (choice + 1)->word == NULL ? " or "
						 : ", ",
		    choice->word);
}

/* Puts a copy into a place that may hold an older text. */
static enum taken
keep(char **place, const char *text, size_t n)
{
	char *copy = strndup(text, n);
	if (copy == NULL)
		return NO_MEMORY;
	free(*place);
	*place = copy;
	return TAKEN;
}

static enum taken
take_text(const struct option *option, void *target, const char *text)
{
	if (!option->check(text))
		return WRONG;
	return keep(field_of(option, target), text, strlen(text));
}

/* A text that may be empty, and is NULL then. */
static enum taken
take_optional(const struct option *option, void *target, const char *text)
{
	if (text[0] != '\0')
		return take_text(option, target, text);
	char **place = field_of(option, target);
	free(*place);
	*place = NULL;
	return TAKEN;
}

static enum taken
take_url(const struct option *option, void *target, const char *text)
{
	if (!is_provider_url(text))
		return WRONG;
	return keep(field_of(option, target), text, url_length(text));
}

static enum taken
take_dialect(const struct option *option, void *target, const char *text)
{
	const struct dialect *dialect = dialect_find(text);
	if (dialect == NULL)
		return WRONG;
	memcpy(field_of(option, target), &dialect, sizeof dialect);
	return TAKEN;
}

static void
allowed_dialect(const struct option *option, struct buf *out)
{
	(void)option;
	say(out, "use %s", dialect_names());
}

static enum taken
take_host(const struct option *option, void *target, const char *text)
{
	char ***hosts = field_of(option, target);
	size_t *n = count_of(option, target);
	if (!is_host(text))
		return WRONG;
	char **longer = realloc(*hosts, (*n + 1) * sizeof *longer);
	if (longer == NULL)
		return NO_MEMORY;
	*hosts = longer;
	longer[*n] = strdup(text);
	if (longer[*n] == NULL)
		return NO_MEMORY;
	(*n)++;
	return TAKEN;
}

/* An address as v6, v4 mapped; *first_bit tells where its own bits begin. */
static bool
read_address(const char *text, uint8_t address[static 16], unsigned *first_bit)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	*first_bit = 96;
	memcpy(address, mapped, sizeof mapped);
	if (inet_pton(AF_INET, text, address + 12) == 1)
		return true;
	*first_bit = 0;
	return inet_pton(AF_INET6, text, address) == 1;
}

static bool
read_network(const char *text, struct network *network)
{
	char address[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "/");
	unsigned first_bit;
	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (!read_address(address, network->address, &first_bit))
		return false;
	network->bits = 128;
	if (text[n] == '\0')
		return true;
	uint64_t bits;
	text += n + 1;
	if (!read_digits(&text, 3, &bits) || *text != '\0' || bits > 128 - first_bit)
		return false;
	network->bits = first_bit + (unsigned)bits;
	return true;
}

static enum taken
take_network(const struct option *option, void *target, const char *text)
{
	struct network **networks = field_of(option, target);
	size_t *n = count_of(option, target);
	struct network network;
	if (!read_network(text, &network))
		return WRONG;
	struct network *longer = realloc(*networks, (*n + 1) * sizeof *longer);
	if (longer == NULL)
		return NO_MEMORY;
	*networks = longer;
	longer[(*n)++] = network;
	return TAKEN;
}

/* "a|b|c": a model's name and its successors. */
static enum taken
take_names(const char *text, char *names[static MODEL_NAMES_MAX], size_t *n)
{
	for (;; text++) {
		size_t length = strcspn(text, "|");
		if (!is_word(text, length, "-._:/@+[]", MODEL_NAME_MAX - 1) ||
		    *n == MODEL_NAMES_MAX)
			return WRONG;
		if (keep(&names[*n], text, length) != TAKEN)
			return NO_MEMORY;
		(*n)++;
		text += length;
		if (*text == '\0')
			return TAKEN;
	}
}

static enum taken
take_health_check_model(const struct option *option, void *target, const char *text)
{
	struct config *config = target;
	(void)option;
	return take_names(text, config->health_check_models, &config->n_health_check_models);
}

/* A rule is remembered by the provider's name and its own words, so that the
 * state file forgets what worked when either changes. */
static bool
name_rule(struct model_rule *rule, const char *provider, const char *text)
{
	char *name = NULL;
	if (asprintf(&name, "%s %s", provider, text) == -1)
		return false;
	rule->id = digest_name(name);
	free(name);
	return true;
}

static enum taken
take_model_rule(const struct option *option, void *target, const char *text)
{
	struct provider *provider = target;
	size_t glob_len = strcspn(text, "=");
	(void)option;
	if (provider->n_models == MODEL_RULES_MAX || text[glob_len] != '=' ||
	    !is_word(text, glob_len, "-._:/@+[]*?!^\\", MODEL_NAME_MAX - 1))
		return WRONG;
	struct model_rule *rule = &provider->models[provider->n_models++];
	if (!name_rule(rule, provider->name, text) || keep(&rule->glob, text, glob_len) != TAKEN)
		return NO_MEMORY;
	return take_names(text + glob_len + 1, rule->names, &rule->n_names);
}

/* --- The options --------------------------------------------------------- */

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number
#define SECONDS(n)       (INT64_C(1000) * (n))
#define MINUTES(n)       SECONDS(60 * (n))
#define HOURS(n)         MINUTES(60 * (n))
#define A_PATH           "use an absolute path"
#define A_SWITCH         "use true or false"
#define A_NETWORK        "use addresses or networks, such as \"10.1.2.3\", \"127.0.0.0/8\", \"::1\""

static const struct choice access_choices[] = {
    {"open", ACCESS_OPEN}, {"keys", ACCESS_KEYS}, {NULL, 0}};
static const struct choice level_choices[] = {{"error", LOG_ERR},     {"warning", LOG_WARNING},
					      {"notice", LOG_NOTICE}, {"info", LOG_INFO},
					      {"debug", LOG_DEBUG},   {NULL, 0}};
static const struct choice format_choices[] = {
    {"logfmt", LOG_LOGFMT}, {"json", LOG_JSON}, {NULL, 0}};
static const struct choice credential_choices[] = {{"client", CREDENTIAL_CLIENT},
						   {"stored", CREDENTIAL_STORED},
						   {"any", CREDENTIAL_ANY},
						   {NULL, 0}};

/* In the order of claude-router.conf(5). */
#define AT(member) .offset = offsetof(struct config, member)
#define A_TIME(member, from, to)                                                                   \
	.take = take_time, .allowed = allowed_time, AT(member), .min = (from), .max = (to)

static const struct option root_options[] = {
    {"tokens_file", SYSCONFDIR "/claude-router/tokens.txt", take_text, AT(tokens_file),
     .check = is_path, .allowed_text = A_PATH, .variable = "ROUTER_TOKENS_FILE"},
    {"state_file", LOCALSTATEDIR "/lib/claude-router/state", take_text, AT(state_file),
     .check = is_path, .allowed_text = A_PATH, .variable = "ROUTER_STATE_FILE"},
    {"max_retries", "3", take_whole, AT(max_retries), .min = 0, .max = 10, .allowed = allowed_whole,
     .variable = "MAX_RETRIES"},
    {"retry_delay", "1.0", A_TIME(retry_delay_ms, 0, SECONDS(60)), .variable = "RETRY_DELAY"},
    {"hold", "20", A_TIME(hold_ms, 0, MINUTES(10))},
    {"deadline", "15m", A_TIME(deadline_ms, SECONDS(1), HOURS(2))},
    {"connect_timeout", "10", A_TIME(connect_timeout_ms, SECONDS(1), MINUTES(5))},
    {"first_byte_timeout", "5m", A_TIME(first_byte_timeout_ms, SECONDS(1), HOURS(1))},
    {"idle_timeout", "290", A_TIME(idle_timeout_ms, SECONDS(1), HOURS(1))},
    {"max_request_bytes", "32M", take_size, AT(max_request_bytes), .min = 1 << 10, .max = 1 << 30,
     .allowed = allowed_size},
    {"max_streams", "2000", take_whole, AT(max_streams), .min = 1, .max = 100000,
     .allowed = allowed_whole},
    {"drain", "auto", take_drain, AT(drain_ms), .min = 0, .max = HOURS(1),
     .allowed_text = "use auto, or a time from 0 to 1h, such as 30 (seconds) or \"10m\""},
    {"access", "open", take_choice, AT(access), .choices = access_choices,
     .allowed = allowed_choice},
    {"keys_file", SYSCONFDIR "/claude-router/keys", take_text, AT(keys_file), .check = is_path,
     .allowed_text = A_PATH},
    {"allow_open", "false", take_switch, AT(allow_open), .allowed_text = A_SWITCH},
    {"admin_from", "127.0.0.0/8 ::1", take_network, AT(admin_from),
     .count_offset = offsetof(struct config, n_admin_from), .list = true,
     .allowed_text = A_NETWORK},
    {"trusted_proxies", "", take_network, AT(trusted_proxies),
     .count_offset = offsetof(struct config, n_trusted_proxies), .list = true,
     .allowed_text = A_NETWORK},
    {"hosts", "", take_host, AT(hosts), .count_offset = offsetof(struct config, n_hosts),
     .list = true, .allowed_text = "use names without a port, such as \"router.example\""},
    {"plan_limits_only", "false", take_switch, AT(plan_limits_only), .allowed_text = A_SWITCH},

    {"health_check_enabled", "true", take_switch, AT(health_check_enabled),
     .allowed_text = A_SWITCH},
    {"health_check_cron", "0-4 * * * *", take_text, AT(health_check_cron), .check = is_cron,
     .allowed_text = "use the five time fields of a crontab entry, such as \"0-4 * * * *\""},
    {"health_check_message", "ping", take_text, AT(health_check_message), .check = is_message,
     .allowed_text = "use one line of 1 to 1000 bytes"},
    {"health_check_model", "claude-haiku-5-5|claude-haiku-4-5", take_health_check_model,
     .allowed_text =
	 "use a model's name, or \"name|successor\" (at most " TEXT_OF(MODEL_NAMES_MAX) " names)"},

    {"log", "auto", take_text, AT(log), .check = is_log,
     .allowed_text = "use auto, syslog or an absolute path"},
    {"log_level", "info", take_choice, AT(log_level), .choices = level_choices,
     .allowed = allowed_choice},
    {"log_format", "logfmt", take_choice, AT(log_format), .choices = format_choices,
     .allowed = allowed_choice},
    {"on_change", "", take_text, AT(on_change), .check = is_on_change,
     .allowed_text = "use an absolute path with arguments, or an http(s) URL"},
};

#undef AT
#define AT(member) .offset = offsetof(struct provider, member)

static const struct option provider_options[] = {
    {"dialect", NULL, take_dialect, AT(dialect), .allowed = allowed_dialect, .required = true},
    {"url", NULL, take_url, AT(url), .required = true,
     .allowed_text = "use https://HOST[:PORT][/PATH], without user, query, fragment or the "
		     "final /v1"},
    {"credential", "stored", take_choice, AT(credential), .choices = credential_choices,
     .allowed = allowed_choice},
    {"models", "", take_model_rule, .list = true,
     .allowed_text = "use \"glob=name\" or \"glob=name|successor\" (at most " TEXT_OF(
	 MODEL_RULES_MAX) " rules of " TEXT_OF(MODEL_NAMES_MAX) " names)"},
    {"cooldown", "5m", A_TIME(cooldown_ms, SECONDS(1), HOURS(24))},
    {"paid", "false", take_switch, AT(paid), .allowed_text = A_SWITCH},
    {"enabled", "true", take_switch, AT(enabled), .allowed_text = A_SWITCH},
    {"ca_file", NULL, take_optional, AT(ca_file), .check = is_path, .allowed_text = A_PATH},
    {"ca_path", NULL, take_optional, AT(ca_path), .check = is_path, .allowed_text = A_PATH},
    {"proxy", NULL, take_optional, AT(proxy), .check = is_proxy,
     .allowed_text = "use SCHEME://HOST[:PORT], where SCHEME is http, https, socks4, socks4a, "
		     "socks5 or socks5h"},
    {"dns_cache", "60", A_TIME(dns_cache_ms, 0, HOURS(24))},
    {"allow_plain", "false", take_switch, AT(allow_plain), .allowed_text = A_SWITCH},
    {"trust_url", "false", take_switch, AT(trust_url), .allowed_text = A_SWITCH},
};

/* The providers that need no configuration, in the default order, and where
 * they differ from provider_options. */
static const struct known {
	const char *name;
	struct {
		const char *option, *text;
	} initial[5];
} known_providers[] = {
    {"claude_pro",
     {
	 {"dialect", "anthropic"},
	 {"url", "https://api.anthropic.com"},
	 {"credential", "any"},
     }},
    {"deepseek",
     {
	 {"dialect", "deepseek"},
	 {"url", "https://api.deepseek.com/anthropic"},
	 {"models", "claude-opus-*=deepseek-v4-pro|deepseek-reasoner "
		    "*=deepseek-reasoner|deepseek-flash"},
	 {"paid", "true"},
     }},
    {"kimi",
     {
	 {"dialect", "kimi"},
	 {"url", "https://api.moonshot.ai/anthropic"},
	 {"models", "*=kimi-k2|kimi-k3"},
	 {"paid", "true"},
     }},
    {"claude_api",
     {
	 {"dialect", "anthropic"},
	 {"url", "https://api.anthropic.com"},
	 {"credential", "any"},
	 {"paid", "true"},
     }},
};

#define CLAUDE_PRO "claude_pro" /* whose client credential is a login, not an API key */
#define CLAUDE_API "claude_api" /* whose credential may come from the environment */

/* The default of an option for a provider of that name. */
static const char *
initial_text(const struct option *option, const char *provider)
{
	for (size_t i = 0; provider != NULL && i < COUNT(known_providers); i++) {
		if (strcmp(known_providers[i].name, provider) != 0)
			continue;
		for (size_t k = 0; k < COUNT(known_providers[i].initial); k++) {
			const char *name = known_providers[i].initial[k].option;
			if (name != NULL && strcmp(name, option->name) == 0)
				return known_providers[i].initial[k].text;
		}
	}
	return option->initial;
}

/* --- Errors -------------------------------------------------------------- */

#define NO_LINE     0
#define ENVIRONMENT (-1) /* instead of a line */

/* One more line of errors. */
__attribute__((format(printf, 3, 4))) static void
complain(struct loader *l, int line, const char *format, ...)
{
	char text[LOG_FOREIGN_SIZE + ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	l->wrong = true;
	if (line == ENVIRONMENT)
		say(l->errors, "environment: %s\n", text);
	else if (line == NO_LINE)
		say(l->errors, "%s: %s\n", l->path, text);
	else
		say(l->errors, "%s:%d: %s\n", l->path, line, text);
}

static void
complain_of_memory(struct loader *l)
{
	complain(l, NO_LINE, "memory is short");
}

static void
add_allowed(const struct option *option, struct buf *out)
{
	if (option->allowed_text != NULL)
		say(out, "%s", option->allowed_text);
	else
		option->allowed(option, out);
}

/* "option = value: what is allowed", the value fit to show. */
static void
complain_of_value(struct loader *l, int line, const struct option *option, const char *value)
{
	char shown[LOG_FOREIGN_SIZE];
	struct buf allowed;
	buf_init(&allowed, ERROR_TEXT_MAX);
	add_allowed(option, &allowed);
	log_foreign(value, strlen(value), shown, sizeof shown);
	complain(l, line, "%s = %s: %s", line == ENVIRONMENT ? option->variable : option->name,
		 shown, buf_text(&allowed));
	buf_free(&allowed);
}

/* --- Reading the file ---------------------------------------------------- */

static enum file_read
unusable(struct buf *why, const char *path, const char *reason)
{
	say(why, "%s: %s", path, reason);
	return FILE_UNUSABLE;
}

static enum file_read
unreadable(struct buf *why, const char *path)
{
	int reason = errno;
	say(why, "%s: %s", path, strerror(reason));
	if (reason == EACCES)
		say(why, ": let user %u read it", (unsigned)geteuid());
	return reason == ENOENT ? FILE_ABSENT : FILE_UNUSABLE;
}

static enum file_read
read_all(int fd, const char *path, struct buf *bytes, struct buf *why)
{
	for (;;) {
		if (!buf_reserve(bytes, 1)) {
			say(why, "%s: is larger than %zu bytes, or memory is short", path,
			    bytes->max);
			return FILE_UNUSABLE;
		}
		ssize_t n = read(fd, bytes->data + bytes->len, bytes->cap - bytes->len);
		if (n == -1 && errno != EINTR)
			return unreadable(why, path);
		if (n == 0)
			return FILE_READ;
		if (n > 0)
			bytes->len += (size_t)n;
		bytes->data[bytes->len] = '\0';
	}
}

enum file_read
config_read_file(const char *path, struct buf *bytes, struct stat *st, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return unreadable(why, path);
	enum file_read result;
	if (fstat(fd, st) == -1)
		result = unreadable(why, path);
	else if (!S_ISREG(st->st_mode))
		result = unusable(why, path, "is no regular file");
	else if (st->st_size < 0 || !buf_reserve(bytes, (size_t)st->st_size + 1))
		result = unusable(why, path, "is too large, or memory is short");
	else
		result = read_all(fd, path, bytes, why);
	close(fd);
	return result;
}

/* --- libconfuse ---------------------------------------------------------- */

/* A value as it was written. libconfuse only parses: every option is a
 * CFGT_PTR to one of these, and all checking is done afterwards, so that all
 * wrong values can be reported at once. */
struct setting {
	int line;
	char text[];
};

static int
keep_setting(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t size = strlen(value) + 1;
	struct setting *setting = malloc(sizeof *setting + size);
	(void)opt;
	if (setting == NULL)
		return -1;
	setting->line = cfg->line;
	memcpy(setting->text, value, size);
	*(struct setting **)result = setting;
	return 0;
}

/* libconfuse's lexer is one for the whole process, and its error function is
 * given no context of ours; hence this one, only set while cfg_parse_buf() runs. */
static struct loader *parsing;

/* What libconfuse says, and what to do about it. */
static const struct {
	const char *begins, *hint;
} hints[] = {
    {"no such option", ": see claude-router.conf(5) for the options"},
    {"found duplicate title", ": write each provider once"},
    {"missing title", ": write provider NAME { … }"},
    {"missing equal sign", ": write option = value"},
    {"premature end", ": a value is missing"},
};

/* How many letters must be added, removed or replaced to make a of b; names of
 * more than 31 bytes are all too far away. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);
	if (n >= COUNT(row))
		return COUNT(row);
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0]++;
		for (size_t k = 1; k <= n; k++) {
			size_t best = diagonal + (a[i] != b[k - 1]);
			diagonal = row[k];
			if (best > row[k] + 1)
				best = row[k] + 1;
			row[k] = best > row[k - 1] + 1 ? row[k - 1] + 1 : best;
		}
	}
	return row[n];
}

/* The option of a section that was probably meant (two letters of three are
 * right), NULL if none was. */
static const char *
nearest(const cfg_t *cfg, const char *name)
{
	const char *found = NULL;
	size_t least = strlen(name) / 3 + 1;
	for (const cfg_opt_t *opt = cfg->opts; opt->name != NULL; opt++) {
		size_t away = distance(name, opt->name);
		if (away < least) {
			least = away;
			found = opt->name;
		}
	}
	return found;
}

/* libconfuse's error function: its sentence, made safe, with a hint. */
__attribute__((format(printf, 2, 0))) static void
hear(cfg_t *cfg, const char *format, va_list args)
{
	char said[512], shown[LOG_FOREIGN_SIZE];
	const char *hint = "", *meant = NULL;
	if (strcmp(format, "no such option '%s'") == 0) {
		va_list copy;
		va_copy(copy, args);
		meant = nearest(cfg, va_arg(copy, const char *));
		va_end(copy);
	}
	if (vsnprintf(said, sizeof said, format, args) < 0)
		said[0] = '\0';
	log_foreign(said, strlen(said), shown, sizeof shown);
	for (size_t i = 0; i < COUNT(hints); i++)
		if (strncmp(format, hints[i].begins, strlen(hints[i].begins)) == 0)
			hint = hints[i].hint;
	if (meant != NULL)
		say(&parsing->syntax, "%s:%d: %s: is %s meant?\n", parsing->path, cfg->line, shown,
		    meant);
	else
		say(&parsing->syntax, "%s:%d: %s%s\n", parsing->path, cfg->line, shown, hint);
}

static void
make_opts(const struct option *options, size_t n, cfg_opt_t *opts)
{
	for (size_t i = 0; i < n; i++) {
		const cfg_opt_t opt =
		    CFG_PTR_CB(options[i].name, NULL, CFGF_NODEFAULT, keep_setting, free);
		opts[i] = opt;
		if (options[i].list)
			opts[i].flags |= CFGF_LIST;
	}
}

/* What a file that was never parsed looks like. NULL: memory is short. */
static cfg_t *
make_cfg(void)
{
	const cfg_opt_t end = CFG_END();
	cfg_opt_t inner[COUNT(provider_options) + 1];
	cfg_opt_t outer[COUNT(root_options) + 2];
	const cfg_opt_t section =
	    CFG_SEC("provider", inner, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	make_opts(provider_options, COUNT(provider_options), inner);
	make_opts(root_options, COUNT(root_options), outer);
	inner[COUNT(provider_options)] = end;
	outer[COUNT(root_options)] = section;
	outer[COUNT(root_options) + 1] = end;
	return cfg_init(outer, CFGF_NONE);
}

/* libconfuse 3.3 counts a comment as several lines, takes none inside a list,
 * says nothing about a last string, comment or section that never ends (and
 * writes to standard output when that string ends in a backslash), and drops a
 * bare * or +. So comments are blanked before it sees them, and the rest is
 * refused: this walks over the text by the rules of its lexer.l. */

/* Behind the string whose quote stands at that place; NULL: it never ends. */
static char *
string_end(char *at)
{
	char quote = *at;
	for (at++; *at != quote; at++) {
		if (*at == '\\')
			at++;
		else if (quote == '"' && at[0] == '$' && at[1] == '{' && strchr(at, '}') != NULL)
			at = strchr(at, '}');
		if (*at == '\0')
			return NULL;
	}
	return at + 1;
}

/* Behind the comment at that place, at itself if there is none; NULL: it never ends. */
static char *
comment_end(char *at)
{
	if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
		return at + strcspn(at, "\n");
	if (at[0] != '/' || at[1] != '*')
		return at;
	char *end = strstr(at + 2, "*/");
	return end == NULL ? NULL : end + 2;
}

static void
blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Behind the token at that place; NULL and *problem when there is something wrong. */
static char *
token_end(char *at, const char **problem)
{
	*problem = "this comment never ends: write */";
	char *end = comment_end(at);
	if (end == NULL)
		return NULL;
	if (end > at) {
		blank(at, end);
		return end;
	}
	*problem = "this string never ends: a closing quote is missing";
	if (*at == '"' || *at == '\'')
		return string_end(at);
	if (at[0] == '$' && at[1] == '{' && strchr(at, '}') != NULL)
		return strchr(at, '}') + 1;
	*problem = "write * and + only between quotes, and a list as a whole";
	if (*at == '*' || *at == '+')
		return NULL;
	size_t unquoted = strcspn(at, " #\"'\t\n\r={}()+,*");
	return at + (unquoted > 0 ? unquoted : 1);
}

/* Blanks the comments; false and a complaint when the text cannot be parsed. */
static bool
blank_comments(struct loader *l, char *text)
{
	int line = 1, open_line = 0, depth = 0;
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
		blank(text, text + 3);
	while (*text != '\0') {
		const char *problem;
		char *end = token_end(text, &problem);
		if (end == NULL) {
			complain(l, line, "%s", problem);
			return false;
		}
		if (*text == '{' && depth++ == 0)
			open_line = line;
		depth -= *text == '}' && depth > 0;
		for (; text < end; text++)
			line += *text == '\n';
	}
	if (depth > 0)
		complain(l, open_line, "this brace is never closed: write }");
	return depth == 0;
}

/* Whether memory was short in the middle of a section. */
static bool
is_half_made(cfg_t *cfg)
{
	for (unsigned i = 0; i < cfg_size(cfg, "provider"); i++) {
		const cfg_t *section = cfg_getnsec(cfg, "provider", i);
		if (section == NULL || section->opts == NULL || section->title == NULL)
			return true;
	}
	return false;
}

/* Where the parsing came to, in a section or behind it. */
static int
last_line(cfg_t *cfg)
{
	unsigned n = cfg_size(cfg, "provider");
	const cfg_t *section = n == 0 ? NULL : cfg_getnsec(cfg, "provider", n - 1);
	return section != NULL && section->line > cfg->line ? section->line : cfg->line;
}

/* Parses what is to be parsed; the values are checked later. NULL: nothing was
 * parsed. l->broken tells that the parsing ended early. */
static cfg_t *
parse(struct loader *l, struct buf *text)
{
	l->broken = true;
	if (memchr(buf_text(text), '\0', text->len) != NULL) {
		complain(l, NO_LINE, "holds a NUL byte: this is no text file");
		return NULL;
	}
	if (text->len == 0 || !blank_comments(l, text->data)) {
		l->broken = text->len > 0;
		return NULL;
	}
	cfg_t *cfg = make_cfg();
	if (cfg == NULL) {
		complain_of_memory(l);
		return NULL;
	}
	parsing = l;
	cfg_set_error_function(cfg, hear);
	l->broken = cfg_parse_buf(cfg, text->data) != CFG_SUCCESS;
	parsing = NULL;
	if (l->broken && is_half_made(cfg)) {
		complain_of_memory(l);
		return NULL; /* lost: cfg_free() would fall over it */
	}
	if (l->broken && l->syntax.len == 0)
		say(&l->syntax, "%s:%d: an option's name is empty, or memory is short\n", l->path,
		    last_line(cfg));
	return cfg;
}

/* --- From texts to the configuration ------------------------------------- */

static void
take_value(struct loader *l, int line, const struct option *option, void *target, const char *value)
{
	switch (option->take(option, target, value)) {
	case TAKEN:
		break;
	case WRONG:
		complain_of_value(l, line, option, value);
		break;
	case NO_MEMORY:
		complain_of_memory(l);
		break;
	}
}

static void
take_initial(struct loader *l, const struct option *option, void *target, const char *initial)
{
	char entry[256];
	if (!option->list) {
		take_value(l, NO_LINE, option, target, initial);
		return;
	}
	for (size_t n; *initial != '\0'; initial += n + (initial[n] == ' ')) {
		n = strcspn(initial, " ");
		snprintf(entry, sizeof entry, "%.*s", (int)n, initial);
		take_value(l, NO_LINE, option, target, entry);
	}
}

/* The setting of that option in a section, NULL where it stands not. */
static const struct setting *
setting_at(cfg_t *section, const char *name, unsigned i)
{
	cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, name);
	return opt == NULL || i >= cfg_opt_size(opt) ? NULL : cfg_opt_getnptr(opt, i);
}

/* Whether the section writes that option; an empty list is written, too. */
static bool
is_written(cfg_t *section, const char *name)
{
	cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, name);
	return opt != NULL && (opt->flags & CFGF_MODIFIED) != 0;
}

static void
complain_of_absence(struct loader *l, const struct option *option, cfg_t *section,
		    const char *provider)
{
	struct buf allowed;
	buf_init(&allowed, ERROR_TEXT_MAX);
	add_allowed(option, &allowed);
	complain(l, section->line, "provider %s: %s is missing: %s", provider, option->name,
		 buf_text(&allowed));
	buf_free(&allowed);
}

static void
take_option(struct loader *l, const struct option *option, cfg_t *section, void *target,
	    const char *provider)
{
	const char *initial = initial_text(option, provider);
	if (is_written(section, option->name)) {
		const struct setting *setting;
		for (unsigned i = 0; (setting = setting_at(section, option->name, i)) != NULL; i++)
			take_value(l, setting->line, option, target, setting->text);
	} else if (initial != NULL) {
		take_initial(l, option, target, initial);
	} else if (option->required && !l->unfinished) {
		complain_of_absence(l, option, section, provider);
	}
}

/* The line of the first of these options that is written, else the section's end. */
static int
line_of(cfg_t *section, const char *first, const char *second)
{
	const struct setting *setting = setting_at(section, first, 0);
	if (setting == NULL)
		setting = setting_at(section, second, 0);
	return setting != NULL ? setting->line : section != NULL ? section->line : NO_LINE;
}

/* Whether a host is this machine by whatever name it is resolved. */
static bool
is_loopback(const char *host)
{
	static const struct network loopback[] = {
	    {{[10] = 0xff, [11] = 0xff, [12] = 127}, 104},
	    {{[15] = 1}, 128},
	};
	return strcasecmp(host, "localhost") == 0 ||
	       config_address_in(host, loopback, COUNT(loopback));
}

/* What no option can be judged by alone: where credentials may go. */
static void
check_provider(struct loader *l, const struct provider *p, cfg_t *section)
{
	struct url url;
	if (p->url == NULL || !read_url(p->url, &url))
		return; /* told already */
	bool plain = has_scheme(p->url, "http");
	bool near = is_loopback(url.host);
	bool claude = !plain && strcasecmp(url.host, "api.anthropic.com") == 0;
	if (plain && !near && !p->allow_plain)
		complain(l, line_of(section, "url", "url"),
			 "url = %s: use https; plain http is taken only to a loopback address, "
			 "or with allow_plain = true",
			 p->url);
	if (p->credential != CREDENTIAL_STORED && !claude && !near && !p->trust_url)
		complain(l, line_of(section, "credential", "url"),
			 "credential = %s: clients' own credentials go only to "
			 "https://api.anthropic.com or a loopback address: use stored, or "
			 "trust_url = true if %s may have them",
			 credential_choices[p->credential].word, url.host);
}

/* Lower case, so that no alias of tokens.txt can be meant; words that mean
 * something else where a provider is named are none. */
static bool
is_provider_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			return false;
	return is_word(name, strlen(name), "_-", PROVIDER_NAME_MAX - 1) && name[0] >= 'a' &&
	       strcmp(name, "auto") != 0 && strcmp(name, "admin_token") != 0;
}

static void
take_provider(struct loader *l, const char *name, cfg_t *section)
{
	struct config *config = l->config;
	int line = section == NULL ? NO_LINE : section->line;
	if (!is_provider_name(name)) {
		char shown[LOG_FOREIGN_SIZE];
		log_foreign(name, strlen(name), shown, sizeof shown);
		complain(l, line,
			 "provider %s: use a name of up to %d lower-case letters, digits, _ and -, "
			 "but auto and admin_token",
			 shown, PROVIDER_NAME_MAX - 1);
		return;
	}
	if (config->n_providers == PROVIDERS_MAX) {
		complain(l, line, "provider %s: there are more than %d providers", name,
			 PROVIDERS_MAX);
		return;
	}
	struct provider *p = &config->providers[config->n_providers++];
	snprintf(p->name, sizeof p->name, "%s", name);
	p->id = digest_name(name);
	p->takes_login = strcmp(name, CLAUDE_PRO) == 0;
	p->credential = CREDENTIAL_STORED; /* also when what is written is no value */
	for (size_t i = 0; i < COUNT(provider_options); i++)
		take_option(l, &provider_options[i], section, p, name);
	if (!l->unfinished)
		check_provider(l, p, section);
}

static void
take_providers(struct loader *l, cfg_t *cfg)
{
	unsigned n = cfg == NULL ? 0 : cfg_size(cfg, "provider");
	for (unsigned i = 0; i < n; i++) {
		cfg_t *section = cfg_getnsec(cfg, "provider", i);
		l->unfinished = l->broken && i + 1 == n;
		if (section != NULL)
			take_provider(l, cfg_title(section), section);
	}
	for (size_t i = 0; n == 0 && i < COUNT(known_providers); i++)
		take_provider(l, known_providers[i].name, NULL);
}

/* --- The environment ----------------------------------------------------- */

/* A variable that is set and not empty, else NULL. */
static char *
variable(const char *name)
{
	char *value = getenv(name);
	return value == NULL || value[0] == '\0' ? NULL : value;
}

static void
take_environment(struct loader *l)
{
	for (size_t i = 0; i < COUNT(root_options); i++) {
		const struct option *option = &root_options[i];
		const char *value = option->variable == NULL ? NULL : variable(option->variable);
		if (value != NULL)
			take_value(l, ENVIRONMENT, option, l->config, value);
	}
}

static void
wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static bool
is_credential(const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return n <= TOKEN_MAX;
}

/* CLAUDE_API_KEY as it was when it was seen last: it is taken out of the
 * environment by the first load and must still be known to the later ones. */
static char *api_key;

/* Moves CLAUDE_API_KEY from the environment to api_key. */
static void
take_api_key(struct loader *l)
{
	char *value = variable("CLAUDE_API_KEY");
	if (value == NULL)
		return;
	char *copy = strdup(value);
	memset(value, 'x', strlen(value));
	unsetenv("CLAUDE_API_KEY");
	if (copy == NULL) {
		complain_of_memory(l);
	} else if (!is_credential(copy)) {
		complain(l, ENVIRONMENT,
			 "CLAUDE_API_KEY: use printable characters without spaces, at most %d",
			 TOKEN_MAX);
		wipe(copy);
	} else {
		wipe(api_key);
		api_key = copy;
	}
}

static void
give_api_key(struct loader *l)
{
	struct config *config = l->config;
	for (size_t i = 0; api_key != NULL && i < config->n_providers; i++) {
		struct provider *p = &config->providers[i];
		if (strcmp(p->name, CLAUDE_API) != 0)
			continue;
		p->env_credential = strdup(api_key);
		if (p->env_credential == NULL)
			complain_of_memory(l);
	}
}

/* --- Loading ------------------------------------------------------------- */

const char *
config_path(const char *path, bool *must_exist)
{
	const char *standard = SYSCONFDIR "/claude-router/claude-router.conf";
	*must_exist = true;
	if (path != NULL)
		return path;
	path = variable("CLAUDE_ROUTER_CONFIG");
	*must_exist = path != NULL && strcmp(path, standard) != 0;
	return path != NULL ? path : standard;
}

/* Reads and parses the file, if there is one; NULL: the defaults hold, or
 * something is wrong and was told. */
static cfg_t *
read_settings(struct loader *l, bool must_exist)
{
	struct buf text, why;
	struct stat st;
	cfg_t *cfg = NULL;
	buf_init(&text, CONFIG_FILE_MAX + 1); /* read(2) wants room to see the end */
	buf_init(&why, ERROR_TEXT_MAX + 4096);
	enum file_read read = config_read_file(l->path, &text, &st, &why);
	if (read == FILE_READ) {
		if (keep(&l->config->path, l->path, strlen(l->path)) != TAKEN)
			complain_of_memory(l);
		cfg = parse(l, &text);
	} else if (read == FILE_UNUSABLE || must_exist) {
		l->wrong = l->broken = true;
		say(l->errors, "%s\n", buf_text(&why));
	}
	buf_free(&why);
	buf_free(&text);
	return cfg;
}

static void
take_all(struct loader *l, cfg_t *cfg)
{
	for (size_t i = 0; i < COUNT(root_options); i++)
		take_option(l, &root_options[i], cfg, l->config, NULL);
	take_providers(l, cfg);
	if (cfg != NULL && l->broken) {
		l->wrong = true;
		say(l->errors, "%s", buf_text(&l->syntax));
	}
	take_environment(l);
	give_api_key(l);
}

struct config *
config_load(const char *path, struct buf *errors)
{
	bool must_exist;
	struct loader l = {.errors = errors, .path = config_path(path, &must_exist)};
	buf_init(&l.syntax, 64 * 1024);
	take_api_key(&l);
	l.config = calloc(1, sizeof *l.config);
	if (l.config == NULL) {
		complain_of_memory(&l);
		return NULL;
	}
	cfg_t *cfg = read_settings(&l, must_exist);
	take_all(&l, cfg);
	if (cfg != NULL)
		cfg_free(cfg);
	buf_free(&l.syntax);
	if (!l.wrong)
		return l.config;
	config_free(l.config);
	return NULL;
}

static void
free_names(char *names[static MODEL_NAMES_MAX])
{
	for (size_t i = 0; i < MODEL_NAMES_MAX; i++)
		free(names[i]);
}

static void
free_provider(struct provider *p)
{
	for (size_t i = 0; i < p->n_models; i++) {
		free(p->models[i].glob);
		free_names(p->models[i].names);
	}
	free(p->url);
	free(p->ca_file);
	free(p->ca_path);
	wipe(p->proxy);
	wipe(p->env_credential);
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->n_providers; i++)
		free_provider(&config->providers[i]);
	for (size_t i = 0; i < config->n_hosts; i++)
		free(config->hosts[i]);
	free(config->hosts);
	free(config->admin_from);
	free(config->trusted_proxies);
	free_names(config->health_check_models);
	free(config->path);
	for (size_t i = 0; i < COUNT(root_options); i++)
		if (root_options[i].take == take_text)
			free(*(char **)field_of(&root_options[i], config));
	free(config);
}

/* --- Asking -------------------------------------------------------------- */

const struct provider *
config_provider(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_providers; i++)
		if (strcmp(config->providers[i].name, name) == 0)
			return &config->providers[i];
	return NULL;
}

const struct model_rule *
config_model_rule(const struct provider *provider, const char *model)
{
	for (size_t i = 0; i < provider->n_models; i++)
		if (fnmatch(provider->models[i].glob, model, 0) == 0)
			return &provider->models[i];
	return NULL;
}

static bool
is_in(const uint8_t address[static 16], const struct network *network)
{
	unsigned bytes = network->bits / 8, bits = network->bits % 8;
	if (memcmp(address, network->address, bytes) != 0)
		return false;
	return bits == 0 || (address[bytes] ^ network->address[bytes]) >> (8 - bits) == 0;
}

bool
config_address_in(const char *address, const struct network *networks, size_t n)
{
	uint8_t bytes[16];
	unsigned first_bit;
	if (!read_address(address, bytes, &first_bit))
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_in(bytes, &networks[i]))
			return true;
	return false;
}
