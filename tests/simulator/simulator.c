/* SPDX-License-Identifier: MIT */
/* simulator - six providers on loopback ports, for ./dev serve, the tests and the benchmark.
 *
 * README.md says how to use it and what it does not do. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"
#include "control.h"
#include "fault.h"
#include "http.h"
#include "loop.h"
#include "provider.h"

struct options {
	const char *port_file, *cert, *key;
	uint16_t control;
	bool quiet;
};

static void
print_and_exit(void (*list)(struct buf *), void (*also)(struct buf *))
{
	struct buf out = {0};

	list(&out);
	if (also != NULL)
		also(&out);
	fputs(out.data, stdout);
	buf_free(&out);
	exit(0);
}

static void
usage(struct buf *out)
{
	buf_adds(out, "simulator [--port-file FILE] [--control PORT] [--tls-cert PEM --tls-key "
		      "PEM] [--chunk-delay MS] [--quiet]\n"
		      "simulator --list-faults | --list-habits | --help\n\n"
		      "  --port-file FILE   write the ports there as JSON when ready (they go to "
		      "standard output too)\n"
		      "  --control PORT     port of the control API; all others, and this one by "
		      "default, are free ports\n"
		      "  --tls-cert, --tls-key   serve each provider on a TLS port too\n"
		      "  --chunk-delay MS   pause between two events of a stream (default 0)\n"
		      "  --quiet            do not print the ports\n\n");
}

static unsigned
number(const char *option, const char *text, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > most)
		die("%s: \"%s\" is no number from 0 to %lu", option, text, most);
	return (unsigned)n;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {{"port-file", required_argument, NULL, 'p'},
					      {"control", required_argument, NULL, 'c'},
					      {"tls-cert", required_argument, NULL, 't'},
					      {"tls-key", required_argument, NULL, 'k'},
					      {"chunk-delay", required_argument, NULL, 'd'},
					      {"quiet", no_argument, NULL, 'q'},
					      {"list-faults", no_argument, NULL, 'l'},
					      {"list-habits", no_argument, NULL, 'a'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int got;

	while ((got = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (got) {
		case 'p':
			o->port_file = optarg;
			break;
		case 'c':
			o->control = (uint16_t)number("--control", optarg, 65535);
			break;
		case 't':
			o->cert = optarg;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'd':
			provider_chunk_delay_ms = number("--chunk-delay", optarg, 3600000);
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'l':
			print_and_exit(fault_list, NULL);
			break;
		case 'a':
			print_and_exit(compat_list, NULL);
			break;
		case 'h':
			print_and_exit(usage, control_list);
			break;
		default:
			exit(64);
		}
	}
	if (optind < argc)
		die("unexpected argument \"%s\"; see --help", argv[optind]);
	if ((o->cert == NULL) != (o->key == NULL))
		die("--tls-cert and --tls-key belong together");
}

static void
stop(int signal)
{
	(void)signal;
	_exit(0); /* nothing is worth keeping, and streams may be open for ever */
}

static void
prepare_process(void)
{
	struct sigaction end = {.sa_handler = stop}, ignore = {.sa_handler = SIG_IGN};
	struct rlimit files;

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void
ports_json(struct buf *out, bool tls)
{
	buf_addf(out, "{\"control\":%u", control_port());
	for (size_t i = 0; i < PROVIDERS; i++)
		buf_addf(out, ",\"%s\":%u", provider_at(i)->name, provider_at(i)->plain.port);
	buf_adds(out, ",\"tls\":{");
	for (size_t i = 0; tls && i < PROVIDERS; i++)
		buf_addf(out, "%s\"%s\":%u", i ? "," : "", provider_at(i)->name,
			 provider_at(i)->tls.port);
	buf_adds(out, "}}\n");
}

/* By rename, so that whoever waits for the file never reads half of it. */
static void
write_port_file(const char *name, const struct buf *text)
{
	struct buf temp = {0};
	FILE *f;

	buf_addf(&temp, "%s.%ld.tmp", name, (long)getpid());
	f = fopen(temp.data, "w");
	if (f == NULL || fwrite(text->data, 1, text->len, f) != text->len || fclose(f) != 0 ||
	    rename(temp.data, name) != 0)
		die("cannot write %s: %s", name, strerror(errno));
	buf_free(&temp);
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	struct buf ports = {0};
	SSL_CTX *tls = NULL;

	parse_options(argc, argv, &options);
	prepare_process();
	loop_init();
	if (options.cert != NULL)
		tls = tls_context(options.cert, options.key);
	providers_open(tls);
	control_open(options.control);
	ports_json(&ports, tls != NULL);
	if (options.port_file != NULL)
		write_port_file(options.port_file, &ports);
	if (!options.quiet) {
		fputs(ports.data, stdout);
		fflush(stdout);
	}
	buf_free(&ports);
	loop_run();
}
