/* SPDX-License-Identifier: MIT */
/* claude-router: the FastCGI responder. */
#include "app/cli.h"
#include "app/open.h"
#include "app/reload.h"
#include "app/respawn.h"
#include "app/routes.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/service.h"
#include "client/accept.h"
#include "money/caps.h"
#include "money/price.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	TICK_MS = 1000,
	BUSY_TICKS = 10,         /* with clients, free memory is returned this often */
	QUIET_TICKS = 10,        /* without a client, unused memory is returned after this, */
	QUIET_AGAIN_TICKS = 600, /* and again, since a health check takes some now and then */
	DRAIN_AS_A_SERVICE_MS = 600000, /* BEHAVIOUR 11, drain = "auto" */
	CLOCK_SETTLES_MS = 600000,      /* after a start without a battery it is set by then */
};

struct options {
	const char *config;
	const char *socket; /* NULL: standard input, or systemd's */
	bool check_config;
	bool respawn;
};

/* The responder from start to stop. */
struct responder {
	struct app app;
	struct acceptor *acceptor;
	struct watch signals;
	struct timer tick;
	struct timer drain;
	int64_t started_ms;
	struct listener listener;
	struct respawned respawned; /* with --respawn */
	bool stopping;
	uint32_t caps_day;     /* in which they began */
	int64_t caps_ahead_ms; /* since when they are, by the steady clock; 0: not */
	unsigned quiet;        /* ticks in a row without a client */
	unsigned busy;         /* ticks with clients */
	uint64_t unrecorded;   /* what the ledger had lost at the last tick */
};

/* --- Options ---------------------------------------------------------- */

static void
read_options(int argc, char **argv, struct options *o)
{
	const struct cli_option table[] = {
	    CLI_CONFIG(&o->config),
	    CLI_TEXT('s', "socket", "PATH", &o->socket, "listen on this Unix socket"),
	    CLI_FLAG('r', "respawn", &o->respawn,
		     "restart at once when killed, on the same socket"),
	    CLI_FLAG('t', "check-config", &o->check_config,
		     "check configuration, tokens, keys and prices, and exit"),
	};
	const struct cli cli = {
	    .program = "claude-router",
	    .usage = "[--config FILE] [--socket PATH] [--respawn] [--check-config]",
	    .purpose =
		"The FastCGI responder of Claude Router. A web server starts it with its "
		"listening\nsocket as standard input, or systemd passes one; with --socket it "
		"opens its own.\n",
	    .options = table,
	    .n_options = COUNT(table),
	};
	int rest = cli_read(&cli, argc, argv);
	if (rest < argc)
		cli_fail(&cli, "unexpected argument: %s", argv[rest]);
	/* The kernel would take it for a name of its own, which anybody may connect to. */
	if (o->socket != NULL && o->socket[0] == '\0')
		cli_fail(&cli, "--socket: the path is empty");
}

static void
print_prices(const struct config *config, const struct prices *prices)
{
	char day[CLOCK_RFC3339_SIZE] = "never";
	int64_t checked_ms = prices_checked_at(prices);
	if (checked_ms >= 0)
		clock_rfc3339(checked_ms, day);
	printf("prices         %s%s, checked %.10s\n", config->prices_file,
	       access(config->prices_file, F_OK) == 0 ? ": OK" : ": does not exist", day);
}

static void
print_files(const struct config *config, const struct keys *keys, const struct prices *prices)
{
	printf("configuration  %s: OK\n",
	       config->path == NULL ? "no file, defaults" : config->path);
	printf("tokens         %s%s\n", config->tokens_file,
	       access(config->tokens_file, F_OK) == 0 ? ": OK" : ": does not exist");
	printf("state          %s%s\n", config->state_file,
	       access(config->state_file, F_OK) == 0 ? "" : ": does not exist yet");
	if (access(config->keys_file, F_OK) == 0)
		printf("client keys    %s: %zu\n", config->keys_file, keys_count(keys));
	else
		printf("client keys    %s: does not exist\n", config->keys_file);
	print_prices(config, prices);
	if (keys_warning(config, keys) != NULL)
		printf("warning: %s\n", keys_warning(config, keys));
}

/* Whether a file could be used; prints why not, and clears that. */
static bool
is_usable(const void *loaded, struct buf *errors)
{
	if (loaded == NULL)
		fprintf(stderr, "%s\n", cli_why(errors));
	buf_clear(errors);
	return loaded != NULL;
}

/* The files that a configuration names. */
static bool
check_files(const struct config *config, struct buf *errors)
{
	struct tokens *tokens = tokens_load(config, errors);
	bool usable = is_usable(tokens, errors);
	struct keys *keys = keys_load(config->keys_file, errors);
	usable &= is_usable(keys, errors);
	struct prices *prices = prices_load(config->prices_file, PRICES_SHIPPED, errors);
	usable &= is_usable(prices, errors);
	if (usable)
		print_files(config, keys, prices);
	prices_free(prices);
	keys_free(keys);
	tokens_free(tokens);
	return usable;
}

static int
check_config(const struct options *o)
{
	struct buf errors;
	buf_init(&errors, CONFIG_FILE_MAX);
	struct config *config = config_load(o->config, &errors);
	bool usable = is_usable(config, &errors) && check_files(config, &errors);
	config_free(config);
	buf_free(&errors);
	return cli_end("claude-router", usable ? EXIT_SUCCESS : EX_CONFIG);
}

/* --- Running ---------------------------------------------------------- */

static void
raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
return_memory(struct responder *r)
{
	bool busy = r->app.clients > 0;
	r->quiet = busy ? 0 : r->quiet + 1;
	if (r->quiet % QUIET_AGAIN_TICKS == QUIET_TICKS)
		memory_give_back();
	else if (busy && ++r->busy % BUSY_TICKS == 0)
		memory_trim();
}

/* A ledger that a reload replaced begins at 0. */
static void
count_unrecorded(struct responder *r)
{
	struct ledger_status status;
	ledger_status(r->app.ledger, &status);
	uint64_t before = status.dropped < r->unrecorded ? 0 : r->unrecorded;
	if (status.dropped > before)
		state_add(r->app.state, STATE_NOBODY, COUNT_UNRECORDED, status.dropped - before);
	r->unrecorded = status.dropped;
}

static void
follow_ledger(struct responder *r)
{
	struct ledger_notice notice;
	if (r->app.ledger == NULL)
		return;
	while (ledger_notice(r->app.ledger, &notice))
		log_line(notice.level, "%s", notice.text);
	count_unrecorded(r);
}

/* Where the state file is another one; with each day, since the clock may have shown another one
 * meanwhile; and anew where they are ahead, but not by a clock that is only waiting to be set. */
static void
begin_caps(struct responder *r)
{
	const struct app *app = &r->app;
	int64_t now_ms = clock_wall_ms(), steady_ms = clock_steady_ms();
	uint32_t day = cap_scope_period(BUDGET_DAY, now_ms);
	if (!caps_are_ahead(app->config, app->keys, app->state, now_ms))
		r->caps_ahead_ms = 0;
	else if (r->caps_ahead_ms == 0)
		r->caps_ahead_ms = steady_ms;
	bool anew = r->caps_ahead_ms != 0 && steady_ms - r->caps_ahead_ms >= CLOCK_SETTLES_MS;
	if (anew || day != r->caps_day ||
	    !caps_have_begun(app->config, app->keys, app->state, now_ms))
		app_begin_caps(&r->app, anew);
	r->caps_day = day;
}

static void stop(struct responder *r);

static void
tick(struct timer *timer)
{
	struct responder *r = CONTAINER_OF(timer, struct responder, tick);
	bool soon = reload_poll(&r->app);
	struct process process = {
	    .pid = (uint64_t)getpid(),
	    .started_ms = r->started_ms,
	    .streams = r->app.clients,
	    .config = reload_followed(&r->app),
	};
	snprintf(process.version, sizeof process.version, "%.*s", STATE_VERSION_TEXT - 1,
		 PACKAGE_VERSION);
	state_tick(r->app.state, &process);
	begin_caps(r);
	follow_ledger(r);
	return_memory(r);
	if (!r->stopping && respawn_is_abandoned(&r->respawned))
		stop(r);
	else if (r->stopping && r->app.clients == 0)
		loop_stop(r->app.loop);
	else if (!loop_after(r->app.loop, &r->tick,
			     r->stopping ? 10
			     : soon      ? RELOAD_SETTLES_MS
					 : TICK_MS))
		loop_stop(r->app.loop);
}

static void
drain_is_over(struct timer *timer)
{
	struct responder *r = CONTAINER_OF(timer, struct responder, drain);
	loop_stop(r->app.loop);
}

/* Accepts no new clients; the requests that run have drain_ms to end. SERVERS.md, rule 8: a
 * web server that spawned this process waits for it, and every site with it. */
static void
stop(struct responder *r)
{
	int64_t drain_ms = r->app.config->drain_ms;
	if (drain_ms == -1)
		drain_ms = r->listener.own_service ? DRAIN_AS_A_SERVICE_MS : 0;
	service_tell(SERVICE_STOPPING);
	listener_remove(&r->listener);
	acceptor_stop(r->acceptor);
	r->stopping = true;
	if (!loop_after(r->app.loop, &r->drain, drain_ms) || !loop_after(r->app.loop, &r->tick, 0))
		loop_stop(r->app.loop);
}

static void
on_signal(struct watch *watch, uint32_t events)
{
	struct responder *r = CONTAINER_OF(watch, struct responder, signals);
	struct signalfd_siginfo info;
	(void)events;
	if (read(watch->fd, &info, sizeof info) != sizeof info)
		return;
	/* Sent by systemd's ExecReload. Web servers forward no SIGHUP to a responder
	 * (SERVERS.md). */
	if (info.ssi_signo == SIGHUP)
		reload_now(&r->app);
	/* A second signal: without waiting for clients. */
	else if (r->stopping)
		loop_stop(r->app.loop);
	else
		stop(r);
}

static void
handled_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

/* A signal that arrives during the start waits until the loop runs: a SIGHUP would end the
 * process, and a SIGTERM be lost in libfcgi's handler. */
static void
block_signals(void)
{
	sigset_t set;
	handled_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool
watch_signals(struct responder *r)
{
	sigset_t set;
	handled_signals(&set);
	r->signals.ready = on_signal;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd != -1 && loop_watch(r->app.loop, &r->signals, fd, EPOLLIN);
}

static void
log_respawn(int killed_by)
{
	if (killed_by != 0)
		log_line(LOG_WARNING, "restarted: signal %d (%s) killed the previous responder",
			 killed_by, strsignal(killed_by));
}

/* Serves until a signal stops it. Returns an exit status, with an error text unless 0. */
static int
run(struct responder *r, const struct options *o, struct buf *error)
{
	const struct app_options app_options = {.program = "claude-router",
						.config_path = o->config,
						.asks_providers = true,
						.keeps_ledger = true};
	int status = app_open(&r->app, &app_options, error);
	if (status != 0)
		return status;
	if (!reload_begin(&r->app, error))
		return EX_OSERR;
	if (listener_open(&r->listener, o->socket, error))
		r->acceptor = acceptor_new(&r->app, r->listener.fd, &app_routes, error);
	r->tick.due = tick;
	r->drain.due = drain_is_over;
	if (r->acceptor == NULL)
		return EX_OSERR;
	if (!watch_signals(r)) {
		buf_append_cut(error, "cannot wait for signals: %s", strerror(errno));
		return EX_OSERR;
	}
	r->started_ms = clock_wall_ms();
	r->caps_day = cap_scope_period(BUDGET_DAY, r->started_ms);
	log_respawn(r->respawned.killed_by);
	tick(&r->tick);
	service_tell(SERVICE_READY);
	if (loop_run(r->app.loop))
		return EXIT_SUCCESS;
	buf_append_cut(error, "cannot wait for events: %s", strerror(errno));
	return EX_OSERR;
}

static void
shut_down(struct responder *r)
{
	if (r->app.loop == NULL)
		return;
	acceptor_free(r->acceptor);
	loop_unwatch(r->app.loop, &r->signals);
	loop_cancel(r->app.loop, &r->tick);
	loop_cancel(r->app.loop, &r->drain);
	app_close(&r->app);
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	struct responder responder = {0};
	struct buf error;
	read_options(argc, argv, &options);
	if (options.check_config)
		return check_config(&options);
	block_signals();
	app_harden_process();
	if (options.respawn)
		responder.respawned = respawn();
	raise_file_limit();
	buf_init(&error, CONFIG_FILE_MAX);
	int status = run(&responder, &options, &error);
	if (status != EXIT_SUCCESS)
		log_lines(LOG_ERR, cli_why(&error));
	buf_free(&error);
	shut_down(&responder);
	return status;
}
