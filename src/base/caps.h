/* SPDX-License-Identifier: MIT */
/* Every cap of the program, in one place. What an operator may change stands
 * in config.h instead, with these as its bounds where they are bounds. */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

/* Configuration */
#define PROVIDERS_MAX     16  /* provider sections */
#define PROVIDER_NAME_MAX 32  /* bytes of a provider's name, with its NUL */
#define MODEL_RULES_MAX   32  /* globs in one provider's models */
#define MODEL_NAMES_MAX   8   /* successors in one rule */
#define MODEL_NAME_MAX    128 /* bytes of a model's name, with its NUL */
#define CONFIG_FILE_MAX   (256 * 1024)
#define TOKENS_FILE_MAX   (64 * 1024)
#define TOKEN_MAX         4096 /* bytes of one credential */
#define KEYS_MAX          1000 /* client keys */
#define KEYS_FILE_MAX     (256 * 1024)
#define KEY_NAME_MAX      64 /* bytes of a client key's name, with its NUL */

/* A request of a client */
#define PARAMS_MAX                                                                                 \
	(64 * 1024) /* bytes of FastCGI parameters: SERVERS.md, "libfcgi" has no limit of its own */
#define COLLECT_FOR_MS          60000 /* between two parts of a request; all of it: deadline */
#define DRAIN_FOR_MS            2000  /* after an early answer: SERVERS.md, rule 4 */
#define HEADER_VALUE_MAX        8192
#define JSON_DEPTH_MAX          512
#define SELF_TEST_SILENCE_MAX_S 600
#define SELF_TESTS_SILENT_MAX   16 /* of one process at once */

/* A provider's answer */
#define RESPONSE_HEAD_MAX (64 * 1024) /* bytes of all header lines */
#define RESPONSE_HEAD_FORWARDED_MAX                                                                \
	4096 /* bytes of header lines that go on to the client: BEHAVIOUR 3 */
#define RESPONSE_ERROR_MAX (256 * 1024)       /* bytes of an error body that are read */
#define RESPONSE_JSON_MAX  (32 * 1024 * 1024) /* bytes of a JSON answer, which is read whole */
#define RESPONSE_GATE_MAX  (1024 * 1024)      /* bytes of a stream before its first content event */
#define SSE_EVENT_MAX      (16 * 1024 * 1024) /* bytes of one event */
#define UNREAD_STREAM_MAX                                                                          \
	(64 * 1024) /* bytes read ahead for one slow client before its upstream pauses */
#define UNREAD_PROCESS_MAX (256 * 1024 * 1024)
/* Of that, so much is kept for answers below UNREAD_LARGE: else some large ones that nobody
 * reads would keep everybody from being served. */
#define UNREAD_KEPT        (32 * 1024 * 1024)
#define UNREAD_LARGE       (1024 * 1024)

/* One request's way: BEHAVIOUR 5 */
#define ATTEMPTS_MAX 12
#define WINDOWS_MAX  8 /* quota windows told in one answer */

#define NOTICES_MAX 8 /* commands or webhooks of on_change at once */

/* Text that somebody else wrote, in a log line or a status */
#define PRINTABLE_TEXT_MAX 200

#define METRICS_PAGE_MAX (512 * 1024) /* PROVIDERS_MAX take some 130 KB */

/* Sentences of ours about an error; all that are kept about a configuration */
#define ERROR_TEXT_MAX   512
#define CONFIG_ERROR_MAX 4096

#endif
