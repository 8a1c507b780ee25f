/* SPDX-License-Identifier: MIT */
/* claude-router-share: the messenger between this machine's state file and a Valkey or Redis
 * server, through which several machines share one failover state (BEHAVIOUR.md 14). */
#include "app/cli.h"
#include "app/open.h"
#include "base/count.h"
#include "base/log.h"
#include "share/messenger.h"
#include "share/tls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

struct options {
	const char *config;
};

static void
read_options(int argc, char **argv, struct options *o)
{
	const struct cli_option table[] = {CLI_CONFIG(&o->config)};
	const struct cli cli = {
	    .program = "claude-router-share",
	    .usage = "[--config FILE]",
	    .purpose =
		"Keeps this machine's failover state and that of the others alike, through the\n"
		"Valkey or Redis server of the setting share. Without that setting it ends at "
		"once.\nStarted by root, it runs as the owner of the state file's directory.\n",
	    .options = table,
	    .n_options = COUNT(table),
	};
	int rest = cli_read(&cli, argc, argv);
	if (rest < argc)
		cli_fail(&cli, "unexpected argument: %s", argv[rest]);
}

/* Whether the configuration asks for it. Returns an exit status when that is all, else -1. */
static int
run_without_state(const struct options *o, struct buf *error)
{
	struct config *config = config_load(o->config, error);
	int status = config == NULL ? EX_CONFIG : config->share[0] == '\0' ? EXIT_SUCCESS : -1;
	if (config == NULL)
		fprintf(stderr, "claude-router-share: %s\n", cli_why(error));
	else if (status == EXIT_SUCCESS)
		puts("claude-router-share: share is not set: this machine's state is its own");
	config_free(config);
	return status;
}

/* SIGTERM and SIGINT, after which the socket is removed. */
struct stopper {
	struct watch watch;
	struct loop *loop;
};

static void
on_signal(struct watch *watch, uint32_t events)
{
	(void)events;
	loop_stop(CONTAINER_OF(watch, struct stopper, watch)->loop);
}

static bool
watch_signals(struct stopper *stopper)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	int fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
		     ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
		     : -1;
	return fd != -1 && loop_watch(stopper->loop, &stopper->watch, fd, EPOLLIN);
}

/* Until a signal stops it. */
static bool
serve(struct app *app)
{
	struct stopper stopper = {.watch = {.ready = on_signal}, .loop = app->loop};
	bool has_run = watch_signals(&stopper) && loop_run(app->loop);
	if (stopper.watch.events != 0) {
		loop_unwatch(app->loop, &stopper.watch);
		close(stopper.watch.fd);
	}
	return has_run;
}

static int
run(struct app *app, struct buf *error)
{
	struct share_url url;
	const char *why;
	if (!share_url_parse(app->config->share, &url, &why))
		return EX_CONFIG; /* the configuration was checked */
	if (url.is_tls && !tls_is_there()) {
		buf_append_cut(error,
			       "share: this build's libhiredis has no TLS (Debian 13's has it): "
			       "use valkey:// over a VPN, or a tunnel on this machine");
		return EX_CONFIG;
	}
	if (!state_share_lock(app->state)) {
		buf_append_cut(error, "another one runs for this state file");
		return EX_TEMPFAIL;
	}
	const struct messenger_options options = {
	    .loop = app->loop,
	    .state = app->state,
	    .state_file = app->config->state_file,
	    .url = &url,
	    .password = tokens_share_password(app->tokens),
	    .key = tokens_share_key(app->tokens),
	};
	struct messenger *messenger = messenger_new(&options, error);
	if (messenger == NULL)
		return EX_OSERR;
	bool has_run = serve(app);
	messenger_free(messenger);
	if (!has_run)
		buf_append_cut(error, "the event loop failed");
	return has_run ? EXIT_SUCCESS : EX_OSERR;
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	struct app app;
	struct buf error;
	read_options(argc, argv, &options);
	app_harden_process();
	buf_init(&error, CONFIG_FILE_MAX);
	int status = run_without_state(&options, &error);
	if (status == -1) {
		const struct app_options app_options = {.program = "claude-router-share",
							.config_path = options.config,
							.asks_providers = true,
							.as_owner = true};
		status = app_open(&app, &app_options, &error);
		if (status == 0) {
			status = run(&app, &error);
			app_close(&app);
		}
		if (error.len > 0)
			fprintf(stderr, "claude-router-share: %s\n", cli_why(&error));
	}
	buf_free(&error);
	return cli_end("claude-router-share", status);
}
