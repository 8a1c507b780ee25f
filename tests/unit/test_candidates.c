/* SPDX-License-Identifier: MIT */
/* candidates: what is known of each provider for one request, from configuration, credentials and
 * state; and which of them a request may still go to. */
#include "route/candidates.h"

#include "base/clock.h"
#include "dialect/dialect.h"
#include "private.h"
#include "tap.h"

#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is left out is 0 */

enum { PROVIDERS = 3, HOUR = 3600 * 1000 };

static char dir[] = "/tmp/test_candidates.XXXXXX";
static char config_file[sizeof dir + sizeof "/config"], tokens_file[sizeof dir + sizeof "/tokens"];
static struct config *config;
static struct tokens *tokens;

/* --- Collecting ------------------------------------------------------- */

/* Whose record pauses claude_pro for an hour before the request. */
enum paused { NONE, LOGIN_1, LOGIN_2, EVERYBODY, OPUS_OF_1, DEEPSEEKS, ANOTHER_OF_DEEPSEEK };

/* What the client says of itself; person 1 has login 1. */
enum kin { SAYS_NOTHING, SAYS_PERSON_1, SAYS_PERSON_2, SAYS_DEVICE_1 };

static const struct {
	int line;
	const char *name;
	struct client_credentials client;
	enum paused paused;
	enum kin kin;
	bool kin_is_sure, latest, mid_loop;
	unsigned needs;
	const char *model, *manual;
	/* Of claude_pro, deepseek and claude_api, in this order: own, Stored or - no credential; and
	 * how each stands, as in test_plan. */
	const char *credentials, *standings;
} rows[] = {
    {__LINE__,
     "a login, and a stored key",
     {"login1", NULL, true},
     .credentials = "oS-",
     .standings = "rrU"},
    {__LINE__,
     "an API key of the client's",
     {NULL, "key1", true},
     .credentials = "-So",
     .standings = "Urr"},
    {__LINE__,
     "nothing of the client's",
     {NULL, NULL, true},
     .credentials = "-S-",
     .standings = "UrU"},
    {__LINE__,
     "a client that may not use what is stored",
     {"login1", NULL, false},
     .credentials = "o--",
     .standings = "rUU"},
    {__LINE__,
     "its account is paused",
     {"login1", NULL, true},
     LOGIN_1,
     .credentials = "oS-",
     .standings = "RrU"},
    {__LINE__,
     "another account is",
     {"login1", NULL, true},
     LOGIN_2,
     .credentials = "oS-",
     .standings = "rrU"},
    {__LINE__,
     "everybody is",
     {"login1", NULL, true},
     EVERYBODY,
     .credentials = "oS-",
     .standings = "RrU"},
    {__LINE__,
     "the stored credential's account is",
     {"login1", NULL, true},
     DEEPSEEKS,
     .credentials = "oS-",
     .standings = "rRU"},
    {__LINE__,
     "the model's family is",
     {"login1", NULL, true},
     OPUS_OF_1,
     .model = "claude-opus-5-5",
     .credentials = "oS-",
     .standings = "RrU"},
    {__LINE__,
     "another family is",
     {"login1", NULL, true},
     OPUS_OF_1,
     .model = "claude-sonnet-5-5",
     .credentials = "oS-",
     .standings = "rrU"},
    {__LINE__,
     "chosen by hand",
     {"login1", NULL, true},
     .manual = "deepseek",
     .credentials = "oS-",
     .standings = "rcU"},
    {__LINE__,
     "a need that a provider cannot serve",
     {"login1", NULL, true},
     .needs = NEED_CONTINUATION,
     .credentials = "oS-",
     .standings = "rXU"},
    {__LINE__,
     "a tool loop stays with its provider",
     {"login1", NULL, true},
     .mid_loop = true,
     .credentials = "oS-",
     .standings = "rkU"},

    /* A login that was refreshed */
    {__LINE__,
     "a new login of the same person, surely",
     {"login2", NULL, true},
     LOGIN_1,
     SAYS_PERSON_1,
     true,
     .credentials = "oS-",
     .standings = "RrU"},
    {__LINE__,
     "by its own word alone: a probe",
     {"login2", NULL, true},
     LOGIN_1,
     SAYS_PERSON_1,
     .credentials = "oS-",
     .standings = "prU"},
    {__LINE__,
     "of the same device: a probe",
     {"login2", NULL, true},
     LOGIN_1,
     SAYS_DEVICE_1,
     true,
     .credentials = "oS-",
     .standings = "prU"},
    {__LINE__,
     "of another person",
     {"login2", NULL, true},
     LOGIN_1,
     SAYS_PERSON_2,
     true,
     .credentials = "oS-",
     .standings = "rrU"},
    {__LINE__,
     "a login of which something is known inherits nothing",
     {"login2", NULL, true},
     LOGIN_2,
     SAYS_PERSON_1,
     true,
     .credentials = "oS-",
     .standings = "RrU"},
    {__LINE__,
     "a stored credential inherits nothing of a client",
     {"login1", NULL, true},
     ANOTHER_OF_DEEPSEEK,
     SAYS_PERSON_1,
     true,
     .credentials = "oS-",
     .standings = "rrU"},

    /* For a status, which belongs to no request */
    {__LINE__,
     "latest: the account that was seen last",
     {NULL, NULL, true},
     LOGIN_1,
     .latest = true,
     .credentials = "-S-",
     .standings = "RrU"},
    {__LINE__,
     "latest: none was seen yet",
     {NULL, NULL, true},
     .latest = true,
     .credentials = "-S-",
     .standings = "rrU"},
};

static struct health_key
key_of(const struct state *state, enum paused paused)
{
	const struct provider *pro = &config->providers[0], *deepseek = &config->providers[1];
	struct health_key key = {.provider = pro->id};
	if (paused == DEEPSEEKS)
		return candidates_account_key(state, deepseek, "sk-stored");
	if (paused == ANOTHER_OF_DEEPSEEK)
		return candidates_account_key(state, deepseek, "sk-another");
	if (paused != EVERYBODY)
		key = candidates_account_key(state, pro, paused == LOGIN_2 ? "login2" : "login1");
	if (paused == OPUS_OF_1)
		key.family = message_family_id("claude-opus-5-5");
	return key;
}

static void
pause_one(struct state *state, enum paused paused)
{
	const struct health_key key = key_of(state, paused);
	int64_t now_ms = clock_wall_ms();
	const struct health_change change = {
	    .event = HEALTH_EVENT_PAUSED,
	    .pause = PAUSE_NAMED,
	    .now_ms = now_ms,
	    .began_ms = now_ms,
	    .until_ms = now_ms + HOUR,
	    .why = "429",
	    .kin = {.person = paused == LOGIN_1 || paused == ANOTHER_OF_DEEPSEEK, .device = 11}};
	if (paused != NONE)
		state_health_change(state, &key, "some", &change);
}

static void
read_plan(const struct candidates *s, char credentials[static PROVIDERS + 1],
	  char standings[static PROVIDERS + 1])
{
	static const char letters[] = {
	    [STANDING_READY] = 'r',  [STANDING_CHOSEN] = 'c',       [STANDING_KEPT] = 'k',
	    [STANDING_PROBE] = 'p',  [STANDING_PAUSED] = 'R',       [STANDING_BENCHED] = 'B',
	    [STANDING_PROBED] = 'P', [STANDING_PAID] = '$',         [STANDING_DISABLED] = 'D',
	    [STANDING_UNABLE] = 'X', [STANDING_UNCONFIGURED] = 'U', [STANDING_CAPPED] = 'C',
	};
	for (size_t i = 0; i < PROVIDERS; i++) {
		const struct credential *c = &s->views[i].credential;
		credentials[i] = c->value == NULL ? '-' : c->stored ? 'S' : 'o';
		standings[i] = letters[candidates_find(s, &config->providers[i])->standing];
	}
	credentials[PROVIDERS] = standings[PROVIDERS] = '\0';
}

static void
check_row(size_t i)
{
	static const struct health_kin kins[] = {
	    [SAYS_PERSON_1] = {1, 12}, [SAYS_PERSON_2] = {2, 12}, [SAYS_DEVICE_1] = {0, 11}};
	char path[sizeof dir + 16], credentials[PROVIDERS + 1], standings[PROVIDERS + 1];
	struct buf error;
	buf_init(&error, 4096);
	snprintf(path, sizeof path, "%s/state-%zu", dir, i);
	struct state *state = state_open(path, &error);
	if (state == NULL)
		abort();
	pause_one(state, rows[i].paused);
	if (rows[i].manual != NULL)
		state_switch(state, rows[i].manual);
	const struct message message = {.needs = rows[i].needs, .mid_loop = rows[i].mid_loop};
	const struct candidates_query query = {
	    .config = config,
	    .tokens = tokens,
	    .state = state,
	    .client = &rows[i].client,
	    .message = &message,
	    .model = rows[i].model == NULL ? "" : rows[i].model,
	    .session_provider = rows[i].mid_loop ? config->providers[1].id : 0,
	    .kin = kins[rows[i].kin],
	    .kin_is_sure = rows[i].kin_is_sure,
	    .latest = rows[i].latest,
	    .now_ms = clock_wall_ms(),
	};
	struct candidates *s = candidates_collect(&query);
	if (s == NULL)
		abort();
	read_plan(s, credentials, standings);
	free(s);
	TAP_ROW_AT(rows[i].line, rows[i].name,
		   strcmp(credentials, rows[i].credentials) == 0 &&
		       strcmp(standings, rows[i].standings) == 0,
		   "expected credentials %s, standings %s\ngot      credentials %s, standings %s",
		   rows[i].credentials, rows[i].standings, credentials, standings);
	state_close(state);
	buf_free(&error);
	unlink(path);
}

/* --- Which to try next ------------------------------------------------ */

/* Plans of three: c counts tokens and lists models, n does not; in capitals: a probe; after the
 * space: not usable. In this order in the configuration, too, but for a row's skipped. */
static const struct {
	int line;
	const char *name, *plan;
	struct candidates_filter filter;
	int next;   /* its place; -1: none */
	bool other; /* than the first of the plan */
} opens[] = {
    {__LINE__, "the first", "ccc", {0}, 0, true},
    {__LINE__, "the next after one that was tried", "ccc", {.tried = 1}, 1, true},
    {__LINE__, "the last", "ccc", {.tried = 3}, 2, true},
    {__LINE__, "none is left", "ccc", {.tried = 7}, -1, false},
    {__LINE__, "what is not usable is no choice", "c cc", {.tried = 1}, -1, false},
    {__LINE__, "none is usable", " ccc", {0}, -1, false},
    {__LINE__, "a probe", "Ccc", {0}, 0, true},
    {__LINE__, "models: no probe", "Ccc", {.auxiliary = true}, 1, true},
    {__LINE__, "models: of one that lists them", "ncn", {.auxiliary = true}, 1, true},
    {__LINE__, "models: none lists them", "nnn", {.auxiliary = true}, -1, false},
    {__LINE__,
     "a count: by the one that would serve",
     "cnn",
     {.auxiliary = true, .counts_tokens = true},
     0,
     true},
    {__LINE__,
     "a count: that one cannot, and no other's counts",
     "ncc",
     {.auxiliary = true, .counts_tokens = true},
     -1,
     true},
};

static void
check_open(size_t i)
{
	static const struct dialect counts = {.has_auxiliary_routes = true},
				    plain = {.name = "plain"};
	struct provider providers[PROVIDERS] = {0};
	struct plan_view views[PROVIDERS];
	struct candidates s = {.views = views};
	bool usable = true;
	for (const char *c = opens[i].plan; *c != '\0'; c++) {
		if (*c == ' ') {
			usable = false;
			continue;
		}
		size_t k = s.plan.n++;
		providers[k].dialect = *c == 'n' ? &plain : &counts;
		s.views[k] = (struct plan_view){.provider = &providers[k], .index = (unsigned)k};
		s.plan.candidates[k] = (struct candidate){.view = &s.views[k],
							  .standing = !usable     ? STANDING_PAUSED
								      : *c == 'C' ? STANDING_PROBE
										  : STANDING_READY};
		s.plan.n_usable += usable;
	}
	const struct candidate *next = candidates_next(&s, &opens[i].filter);
	int place = next == NULL ? -1 : (int)(next - s.plan.candidates);
	bool other = candidates_has_other(&s, &s.plan.candidates[0], false, &opens[i].filter);
	TAP_ROW_AT(opens[i].line, opens[i].name, place == opens[i].next && other == opens[i].other,
		   "expected %d, other %d\ngot      %d, other %d", opens[i].next, opens[i].other,
		   place, other);
}

/* --- Several keys ------------------------------------------------------ */

static struct tokens *pool; /* deepseek: one without a label, work, home */

/* Deepseek's candidates: "" is f, work w, home h. */
static const struct {
	int line;
	const char *name;
	enum balance balance;
	char current; /* served the session last */
	bool mid_loop, is_remote, is_disabled;
	const char *paused;  /* those that are, for an hour, two hours, … */
	const char *usable;  /* in order */
	const char *skipped; /* the others, in order */
	char found;          /* the one that shows how deepseek stands */
} pools[] = {
    {__LINE__, "each is a candidate", BALANCE_ORDER, .paused = "", .usable = "fwh", .skipped = "",
     .found = 'f'},
    {__LINE__, "one is paused: the next", BALANCE_ORDER, .paused = "f", .usable = "wh",
     .skipped = "f", .found = 'w'},
    {__LINE__, "all are: the one that is available first", BALANCE_ORDER, .paused = "hfw",
     .usable = "", .skipped = "fwh", .found = 'h'},
    {__LINE__, "back to the first at a user turn", BALANCE_ORDER, 'h', .paused = "",
     .usable = "fwh", .skipped = "", .found = 'f'},
    {__LINE__, "not in a loop", BALANCE_ORDER, 'h', true, .paused = "", .usable = "hfw",
     .skipped = "", .found = 'h'},
    {__LINE__, "but when it is paused", BALANCE_ORDER, 'h', true, .paused = "h", .usable = "fw",
     .skipped = "h", .found = 'f'},
    {__LINE__, "spread: the one that carries none", BALANCE_SPREAD, .paused = "", .usable = "hwf",
     .skipped = "", .found = 'h'},
    {__LINE__, "spread: the session's", BALANCE_SPREAD, 'f', .paused = "", .usable = "fhw",
     .skipped = "", .found = 'f'},
    {__LINE__, "for who may not use them they are one", BALANCE_ORDER, .is_remote = true,
     .paused = "", .usable = "", .skipped = "-", .found = '-'},
    {__LINE__, "so they are where it is disabled", BALANCE_ORDER, .is_disabled = true, .paused = "",
     .usable = "", .skipped = "f", .found = 'f'},
};

static const struct stored_credential *
stored_of(char letter)
{
	return tokens_at(pool, "deepseek", letter == 'f' ? 0 : letter == 'w' ? 1 : 2);
}

static char
letter_of(const struct candidate *c)
{
	const char *label = c->view->credential.label;
	return label == NULL ? '-' : label[0] == '\0' ? 'f' : label[0];
}

/* The numbers do not depend on the order, and each is in the pool. */
static bool
has_its_number(const struct candidate *c, bool several)
{
	char letter = letter_of(c);
	unsigned number = letter == 'w' ? 2 : letter == 'h' ? 3 : 1;
	return c->view->index == number && c->view->pool == (several ? 0xe : 0x2);
}

static void
pause_key(struct state *state, char letter, int64_t for_ms)
{
	const struct health_key key =
	    candidates_account_key(state, &config->providers[1], stored_of(letter)->value);
	int64_t now_ms = clock_wall_ms();
	const struct health_change change = {.event = HEALTH_EVENT_PAUSED,
					     .pause = PAUSE_NAMED,
					     .now_ms = now_ms,
					     .began_ms = now_ms,
					     .until_ms = now_ms + for_ms,
					     .why = "429"};
	state_health_change(state, &key, "deepseek", &change);
}

static struct candidates *
collect_pool(const struct state *state, size_t i)
{
	const struct client_credentials client = {.may_use_stored = !pools[i].is_remote};
	const struct message message = {.mid_loop = pools[i].mid_loop};
	struct load load = {0};
	char current = pools[i].current;
	load_begin(&load, state_name(state, stored_of('f')->value));
	load_begin(&load, state_name(state, stored_of('f')->value));
	load_begin(&load, state_name(state, stored_of('w')->value));
	config->providers[1].balance = pools[i].balance;
	config->providers[1].enabled = !pools[i].is_disabled;
	const struct candidates_query query = {
	    .config = config,
	    .tokens = pool,
	    .state = state,
	    .client = &client,
	    .message = &message,
	    .model = "",
	    .session_provider = current == '\0' ? 0 : config->providers[1].id,
	    .session_credential =
		current == '\0' ? 0
				: session_credential(state_name(state, stored_of(current)->value)),
	    .affinity = 7,
	    .load = &load,
	    .now_ms = clock_wall_ms(),
	};
	struct candidates *s = candidates_collect(&query);
	if (s == NULL)
		abort();
	config->providers[1].balance = BALANCE_STICKY;
	config->providers[1].enabled = true;
	return s;
}

static void
check_pool(size_t i)
{
	char path[sizeof dir + 16], usable[8] = "", skipped[8] = "";
	size_t n_usable = 0, n_skipped = 0;
	bool numbers = true;
	struct buf error;
	buf_init(&error, 4096);
	snprintf(path, sizeof path, "%s/pool-%zu", dir, i);
	struct state *state = state_open(path, &error);
	if (state == NULL)
		abort();
	for (size_t k = 0; pools[i].paused[k] != '\0'; k++)
		pause_key(state, pools[i].paused[k], (int64_t)(k + 1) * HOUR);
	struct candidates *s = collect_pool(state, i);
	for (size_t k = 0; k < s->plan.n; k++) {
		const struct candidate *c = &s->plan.candidates[k];
		if (c->view->provider != &config->providers[1])
			continue;
		if (k < s->plan.n_usable)
			usable[n_usable++] = letter_of(c);
		else
			skipped[n_skipped++] = letter_of(c);
		numbers &= has_its_number(c, s->n_views > PROVIDERS);
	}
	char found = letter_of(candidates_find(s, &config->providers[1]));
	TAP_ROW_AT(
	    pools[i].line, pools[i].name,
	    strcmp(usable, pools[i].usable) == 0 && strcmp(skipped, pools[i].skipped) == 0 &&
		found == pools[i].found && numbers,
	    "expected %s, skipped %s, found %c\ngot      %s, skipped %s, found %c, numbers %d",
	    pools[i].usable, pools[i].skipped, pools[i].found, usable, skipped, found, numbers);
	free(s);
	state_close(state);
	buf_free(&error);
	unlink(path);
}

/* Another key is no other provider. */
static void
check_siblings(void)
{
	static const struct provider some = {0};
	static const struct dialect plain = {.name = "plain"};
	struct provider providers[2] = {some, some};
	struct plan_view views[PROVIDERS];
	struct candidates s = {.views = views, .plan = {.n = PROVIDERS, .n_usable = PROVIDERS}};
	for (unsigned k = 0; k < PROVIDERS; k++) {
		providers[k > 1].dialect = &plain;
		views[k] = (struct plan_view){.provider = &providers[k > 1], .index = k};
		s.plan.candidates[k].view = &views[k];
	}
	const struct candidate *first = &s.plan.candidates[0];
	TAP_OK("another key is there",
	       candidates_has_other(&s, first, true, &(struct candidates_filter){0}));
	TAP_OK("it was tried",
	       !candidates_has_other(&s, first, true, &(struct candidates_filter){.tried = 2}));
	TAP_OK("another provider is there",
	       candidates_has_other(&s, first, false, &(struct candidates_filter){.tried = 2}));
	TAP_OK("another key is no other provider",
	       !candidates_has_other(&s, first, false, &(struct candidates_filter){.tried = 4}));
}

/* Of a plan in which the configuration's second is chosen. */
static void
check_skipped(void)
{
	static const struct {
		const char *name;
		unsigned indexes[PROVIDERS]; /* of views, as the plan has them; two are usable */
		int skipped;                 /* its place; -1: none */
		bool spared;                 /* the second one is */
	} plans[] = {
	    {"one that is preferred was skipped", {1, 2, 0}, 2},
	    {"one that is not preferred was not", {1, 0, 2}, -1},
	    {"one that is preferred was spared", {1, 0, 2}, 1, true},
	    {"one that is not preferred is spared", {0, 1, 2}, -1, true},
	};
	for (size_t i = 0; i < TAP_COUNT(plans); i++) {
		struct plan_view views[PROVIDERS] = {0};
		struct candidates s = {.views = views, .plan = {.n = PROVIDERS, .n_usable = 2}};
		for (size_t k = 0; k < PROVIDERS; k++) {
			s.plan.candidates[k].view = &s.views[plans[i].indexes[k]];
			if (plans[i].spared && k == 1)
				s.plan.candidates[k].standing = STANDING_SPARED;
		}
		const struct candidate *c = candidates_first_skipped(&s, &s.plan.candidates[0]);
		TAP_INT(plans[i].name, c == NULL ? -1 : c - s.plan.candidates, plans[i].skipped);
	}
}

static void
load(void)
{
	char text[1024];
	struct buf error;
	buf_init(&error, 4096);
	snprintf(config_file, sizeof config_file, "%s/config", dir);
	snprintf(tokens_file, sizeof tokens_file, "%s/tokens", dir);
	int n = snprintf(text, sizeof text,
			 "tokens_file = \"%s\"\nprovider claude_pro { }\nprovider deepseek { }\n"
			 "provider claude_api { }\n",
			 tokens_file);
	private_write(config_file, text, (size_t)n, 0600);
	private_write(tokens_file, AND_NUL("deepseek = sk-stored\n"), 0600);
	config = config_load(config_file, &error);
	tokens = config == NULL ? NULL : tokens_load(config, &error);
	if (tokens == NULL) {
		printf("# %s\n", buf_text(&error));
		abort();
	}
	private_write(tokens_file,
		      AND_NUL("deepseek = sk-f\ndeepseek.work = sk-w\ndeepseek.home = sk-h\n"),
		      0600);
	pool = tokens_load(config, &error);
	if (pool == NULL)
		abort();
	buf_free(&error);
}

int
main(int argc, char **argv)
{
	tap_start("candidates", argc, argv);
	if (mkdtemp(dir) == NULL)
		abort();
	load();
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(i);
	for (size_t i = 0; i < TAP_COUNT(opens); i++)
		check_open(i);
	check_skipped();
	for (size_t i = 0; i < TAP_COUNT(pools); i++)
		check_pool(i);
	check_siblings();
	tokens_free(pool);
	tokens_free(tokens);
	config_free(config);
	unlink(config_file);
	unlink(tokens_file);
	rmdir(dir);
	return tap_finish();
}
