/* SPDX-License-Identifier: MIT */
/* Every cap on what comes from outside, and on what we keep. What an operator may change is in
 * config.h instead, with these as its bounds where they are bounds; sizes of our own texts and of
 * the doctor's lists are beside their users. */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

/* Configuration */
#define PROVIDERS_MAX     16  /* provider sections */
#define PROVIDER_NAME_MAX 32  /* bytes of a provider's name, with its NUL */
#define MODEL_RULES_MAX   32  /* globs in one provider's models */
#define MODEL_NAMES_MAX   8   /* successors in one rule */
#define MODEL_NAME_MAX    128 /* bytes of a model's name, with its NUL */
#define LEAVE_AT_MAX      8   /* windows in one provider's leave_at */
#define CONFIG_FILE_MAX   (256 * 1024)
#define TOKENS_FILE_MAX   (64 * 1024)
#define TOKEN_MAX         4096 /* bytes of one credential */
#define TOKEN_LABEL_MAX   17   /* bytes of its label, with its NUL */
#define WEIGHT_MAX        100  /* of a credential beside others */
#define CREDENTIALS_MAX   8    /* of one provider in tokens.txt */
#define STORED_MAX        48   /* values in tokens.txt */
#define SHARE_HOSTS_MAX   1000 /* machines that share one failover state */
#define KEYS_MAX          1000 /* client keys */
#define KEYS_FILE_MAX     (256 * 1024)
#define KEY_BUDGETS_MAX   47   /* client keys with a budget: so many STATE_SCOPES are theirs */
#define KEY_NAME_MAX      64   /* bytes of a client key's name, with its NUL */
#define PRICES_MAX        1000 /* lines of prices */
#define PRICES_FILE_MAX   (256 * 1024)
#define PRICE_TIERS_MAX   4 /* prices of one line by the size of the input */
#define PEAK_RANGES_MAX   4 /* times of the day in one line */

/* A request of a client */
#define PARAMS_MAX              (64 * 1024) /* bytes of FastCGI parameters: libfcgi has no limit */
#define REQUEST_HEADERS_MAX     128
#define MODEL_ID_MAX            128   /* bytes of the {id} in /v1/models/{id} */
#define OPERATOR_PLACES_MAX     64    /* requests at once beside max_streams, for operators */
#define LAST_ACCEPTS_MAX        8192  /* on stopping: more than a socket's queue holds */
#define COLLECT_FOR_MS          60000 /* between two parts of a request; all: deadline */
#define DRAIN_FOR_MS            2000  /* after an early reply: SERVERS.md, rule 4 */
#define HEADER_VALUE_MAX        8192
#define JSON_DEPTH_MAX          512
#define USER_ID_MAX             1024 /* bytes of metadata.user_id; Claude Code sends some 200 */
#define SESSION_ID_MAX          160  /* bytes of a conversation's id in it, with the NUL */
#define KIN_ID_MAX              80   /* … of a device's or account's: 64 hex digits, or a UUID */
#define TOOL_ID_MAX             128  /* bytes of an id that is marked; a longer one is unchanged */
#define SELF_TEST_SILENCE_MAX_S 600
#define SELF_TESTS_SILENT_MAX   16 /* of one process at once */

/* A request to a provider */
#define UPSTREAM_URL_MAX     4096 /* bytes, with the NUL */
#define SPARE_HANDLES_MAX    64   /* of libcurl, that keep their options */
#define WARM_CONNECTIONS_MAX 128  /* idle ones, beside those of running transfers */

/* A provider's response */
#define RESPONSE_HEAD_MAX           (64 * 1024) /* bytes of all header lines */
#define RESPONSE_HEAD_FORWARDED_MAX 4096        /* … of those that the client gets: BEHAVIOUR 3 */
#define RESPONSE_ERROR_MAX          (256 * 1024)       /* bytes of an error body that are read */
#define RESPONSE_JSON_MAX           (32 * 1024 * 1024) /* bytes of a JSON body, read whole */
#define RESPONSE_GATE_MAX           (1024 * 1024)      /* bytes of a stream before its content */
#define SSE_EVENT_MAX               (16 * 1024 * 1024) /* bytes of one event */
#define ORIGIN_OPEN_MAX             16                /* blocks of a stream that are open at once */
#define TRANSLATION_ITEMS_MAX       256               /* blocks of a translated message */
#define TRANSLATION_HELD_MAX        (8 * 1024 * 1024) /* bytes of it that wait for a block's end */
#define USAGE_MODELS_MAX            4                 /* models that one response is made by */
#define STREAM_OPEN_MAX             16 /* the same; with one more, the oldest counts as closed */
#define UNREAD_STREAM_MAX           (64 * 1024) /* read ahead for one slow client; then we pause */
#define UNREAD_PROCESS_MAX          (256 * 1024 * 1024)
/* Of that, reserved for replies below UNREAD_LARGE: else a few large ones that no client reads
 * would block all others. */
#define UNREAD_KEPT                 (32 * 1024 * 1024)
#define UNREAD_LARGE                (1024 * 1024)

/* One request's way: BEHAVIOUR 5 */
#define CANDIDATES_MAX      (PROVIDERS_MAX + STORED_MAX)
#define ATTEMPTS_MAX        12
#define MENDED_IN_A_ROW_MAX 2    /* closed messages of one conversation: BEHAVIOUR 6 */
#define ATTEMPTS_TEXT_MAX   1024 /* bytes of attempts= in the log */
#define READING_WORD_MAX    64   /* bytes of an error's type or code */
#define READING_TEXT_MAX    512  /* bytes of its message: its beginning, the provider's own words */
#define WINDOWS_MAX         8    /* quota windows named in one response */

/* Responses that are kept in each process: route/response_cache.h */
#define RESPONSE_CACHE_ENTRIES      256
#define RESPONSE_CACHE_RESPONSE_MAX (64 * 1024)       /* bytes of one; a token count has some 20 */
#define COUNT_CACHE_BYTES_MAX       (256 * 1024)      /* of all counts and lists of models */
#define MESSAGE_CACHE_BYTES_MAX     (4 * 1024 * 1024) /* of all messages */
#define MESSAGE_CACHE_SECONDS_MAX   86400             /* for one */

/* The state file; its layout follows from these */
#define STATE_HEALTHS          192 /* of some 64 accounts, with their families */
#define STATE_SESSIONS         512
#define STATE_MODELS           128
#define STATE_COUNTERS         24 /* PROVIDERS_MAX, STATE_NOBODY, and some that were renamed */
#define STATE_PROCESSES        64
#define STATE_SCOPES           64  /* what budgets are for: all providers, each, and keys */
#define STATE_BAD_MAX          3   /* files set aside that are kept, the newest */
#define HEALTH_TEXT_MAX        64  /* bytes of a reason, with its NUL */
#define HEALTH_WINDOW_NAME_MAX 16  /* … of a quota window's name */
#define STATE_QUEUE_MAX        128 /* changes that wait; then the oldest is lost, and logged */

#define NOTICES_MAX          8 /* commands or webhooks of on_change at once */
#define NOTICE_ARGUMENTS_MAX 32

/* Foreign text, in a log line or a status */
#define PRINTABLE_TEXT_MAX 200

/* The log */
#define LOG_FIELD_MAX 1000 /* bytes of one text */
#define LOG_LINE_MAX  8192 /* bytes of a line; fields beyond it are left out, and cut=1 says so */

/* The ledger */
#define LEDGER_QUEUE_MAX  1024 /* rows that wait for the disk, in one process */
#define LEDGER_BATCH      64   /* rows of one transaction */
#define LEDGER_PRUNE_MAX  500  /* the same, when old ones are deleted */
#define LEDGER_BAD_MAX    3    /* files set aside that are kept, the newest */
#define LEDGER_DAYS_MAX   400  /* of one report */
#define LEDGER_REPORT_MAX 1000 /* rows of one report */
#define LEDGER_REPORT_MS  300  /* for one report, while the loop waits: operator/usage.h */

#define METRICS_PAGE_MAX (512 * 1024) /* PROVIDERS_MAX take some 130 KB */

/* Sentences of ours about an error; all that are kept about a configuration */
#define ERROR_TEXT_MAX   512
#define CONFIG_ERROR_MAX 4096

#endif
