#include "state.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- The file ------------------------------------------------------------
 *
 * Words of 64 bits in the machine's byte order (the magic is a word, so a file
 * from a machine of the other order is foreign). What is written after the
 * file was made is atomic words and nothing else.
 *
 * The header's first 72 bytes keep their form in all versions to come, so that
 * every version can tell a newer file from a damaged one. */

typedef _Atomic uint64_t word;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(word) == 8, "words must need no lock");

#define MAGIC UINT64_C(0x3165746174735243) /* "CRstate1" in a hex dump of a little-endian machine */
#define GUARD UINT64_C(0x6c6c65772073276c) /* never zero: what was cut and grown again is zero */

struct header {
	word magic;
	uint32_t version;
	uint32_t size;
	uint64_t layout; /* layout_hash() */
	uint8_t key[DIGEST_KEY_SIZE];
	int64_t created_ms;
	uint64_t checksum; /* of all before it */
	word changes;      /* moves after every change, so that who keeps a copy knows */
	uint64_t reserve[22];
};
_Static_assert(offsetof(struct header, version) == 8, "layout");
_Static_assert(offsetof(struct header, size) == 12, "layout");
_Static_assert(offsetof(struct header, layout) == 16, "layout");
_Static_assert(offsetof(struct header, key) == 24, "layout");
_Static_assert(offsetof(struct header, created_ms) == 56, "layout");
_Static_assert(offsetof(struct header, checksum) == 64, "layout");
_Static_assert(offsetof(struct header, changes) == 72, "layout");
_Static_assert(sizeof(struct header) == 256, "layout");

struct counter_slot {
	word provider; /* 0: free */
	word used_ms;
	word counts[COUNTERS];
	word reserve[3];
};
_Static_assert(offsetof(struct counter_slot, used_ms) == 8, "layout");
_Static_assert(offsetof(struct counter_slot, counts) == 16, "layout");
_Static_assert(sizeof(struct counter_slot) == 64, "layout");

struct process_slot {
	word owner; /* a random number: pids repeat, and differ between containers; 0: free */
	word pid;
	word alive_ms;
	word streams;
	word version;
	word reserve[3];
};
_Static_assert(offsetof(struct process_slot, pid) == 8, "layout");
_Static_assert(offsetof(struct process_slot, alive_ms) == 16, "layout");
_Static_assert(offsetof(struct process_slot, streams) == 24, "layout");
_Static_assert(offsetof(struct process_slot, version) == 32, "layout");
_Static_assert(sizeof(struct process_slot) == 64, "layout");

/* A record: its generation, never 0; two copies, of which the generation's
 * lowest bit names the valid one; a guard. */
#define RECORD_WORDS(type) (1 + 2 * sizeof(type) / 8 + 1)
_Static_assert(sizeof(struct health) % 8 == 0, "whole words");
_Static_assert(sizeof(struct session) == 32, "layout");
_Static_assert(offsetof(struct session, used_ms) == 16, "layout");
_Static_assert(offsetof(struct session, mended) == 24, "layout");
_Static_assert(sizeof(struct model_memory) == 24, "layout");
_Static_assert(offsetof(struct model_memory, used_ms) == 16, "layout");
_Static_assert(sizeof(struct summary) == 96, "layout");
_Static_assert(offsetof(struct summary, current) == 32, "layout");
_Static_assert(offsetof(struct summary, failover_count) == 64, "layout");
_Static_assert(offsetof(struct summary, last_failover_ms) == 72, "layout");
_Static_assert(offsetof(struct summary, last_check_ms) == 80, "layout");
_Static_assert(offsetof(struct summary, check_failures) == 88, "layout");

struct file {
	struct header header;
	word health_index[STATE_HEALTHS]; /* a hash of the record's key; 0: free */
	word session_index[STATE_SESSIONS];
	word model_index[STATE_MODELS];
	struct counter_slot counters[STATE_COUNTERS];
	struct process_slot processes[STATE_PROCESSES];
	word summary[RECORD_WORDS(struct summary)];
	word healths[STATE_HEALTHS][RECORD_WORDS(struct health)];
	word sessions[STATE_SESSIONS][RECORD_WORDS(struct session)];
	word models[STATE_MODELS][RECORD_WORDS(struct model_memory)];
	uint64_t reserve[709];
	word guard; /* the last word: zero after any cut, even if the file grew again */
};
_Static_assert(offsetof(struct file, health_index) == 256, "layout");
_Static_assert(offsetof(struct file, session_index) == 1792, "layout");
_Static_assert(offsetof(struct file, model_index) == 5888, "layout");
_Static_assert(offsetof(struct file, counters) == 6400, "layout");
_Static_assert(offsetof(struct file, processes) == 7424, "layout");
_Static_assert(offsetof(struct file, summary) == 11520, "layout");
_Static_assert(offsetof(struct file, healths) == 11728, "layout");
_Static_assert(offsetof(struct file, sessions) == 162256, "layout");
_Static_assert(offsetof(struct file, models) == 203216, "layout");
_Static_assert(offsetof(struct file, reserve) == 207312, "layout");
_Static_assert(offsetof(struct file, guard) == 212984, "layout");
_Static_assert(sizeof(struct file) == 52 * 4096, "layout");

/* One kind of records, and how to find one among them. */
struct table {
	uint32_t index_at, records_at, count;
	uint32_t bytes;     /* of one copy */
	uint32_t key_bytes; /* at its beginning */
	uint32_t used_at;   /* where it says when it was used last */
};
static const struct table HEALTHS = {offsetof(struct file, health_index),
				     offsetof(struct file, healths),
				     STATE_HEALTHS,
				     sizeof(struct health),
				     sizeof(struct health_key),
				     offsetof(struct health, used_ms)};
static const struct table SESSIONS = {offsetof(struct file, session_index),
				      offsetof(struct file, sessions),
				      STATE_SESSIONS,
				      sizeof(struct session),
				      sizeof(uint64_t),
				      offsetof(struct session, used_ms)};
static const struct table MODELS = {offsetof(struct file, model_index),
				    offsetof(struct file, models),
				    STATE_MODELS,
				    sizeof(struct model_memory),
				    sizeof(uint64_t),
				    offsetof(struct model_memory, used_ms)};
static const struct table *const TABLES[] = {&HEALTHS, &SESSIONS, &MODELS};
#define TABLES_N (sizeof TABLES / sizeof TABLES[0])

/* The largest copy of a record, aligned for all of them. */
union record {
	struct health health;
	struct session session;
	struct model_memory model;
	uint64_t words[sizeof(struct health) / 8];
};

/* Bytes of the file that are locked: one to write, one to check. */
enum { WRITE_BYTE, CHECK_BYTE };

#define LOCK_TRIES   64
#define READ_TRIES   100000 /* each loses to a whole write; nobody writes that often */
#define OPEN_TRIES   32
#define OPEN_FOR_MS  5000
#define CLOSE_FOR_MS 100
#define ALIVE_FOR_MS 5000
#define REFRESH_MS   60000 /* what only says "still used" is written no more often */
#define QUEUE_MAX    128
#define FILE_MODE    0640

/* ---- The handle ---------------------------------------------------------- */

enum change_kind {
	CHANGE_HEALTH,
	CHANGE_SESSION,
	CHANGE_MODEL,
	CHANGE_SWITCH,
	CHANGE_SERVED,
	CHANGE_FAILOVER,
	CHANGE_CHECKED,
	CHANGE_COUNT,
};

/* A change as a fact that can wait in the queue. */
struct change {
	enum change_kind kind;
	int64_t queued_ms; /* steady clock */
	union {
		struct {
			struct health_key key;
			char name[PROVIDER_NAME_MAX];
			struct health_change change;
		} health;
		struct session session;
		struct model_memory model;
		char name[PROVIDER_NAME_MAX]; /* SWITCH, SERVED */
		struct {
			int64_t ms;
			bool could_tell;
		} at; /* FAILOVER, CHECKED */
		struct {
			uint64_t provider;
			enum counter counter;
		} count;
	};
};

struct state {
	struct file *file;             /* mapped; anonymous memory while there can be no file */
	struct file *last;             /* our last copy of it, whence it can be made anew */
	uint64_t kept;                 /* header.changes of that copy */
	volatile sig_atomic_t is_lost; /* set by on_sigbus() */
	bool is_readonly;
	bool is_checking; /* we hold the check's lock */
	bool is_troubled; /* told in the log that there is no file */
	int fd;           /* -1: no file */
	dev_t dev;
	ino_t ino;
	char *path;
	uint64_t owner; /* of our process slot */
	uint8_t key[DIGEST_KEY_SIZE];
	size_t n_queue;
	uint64_t n_dropped;
	struct change queue[QUEUE_MAX];
	struct state *next; /* in mapped_states */
};

/* The one mutable global: a signal handler is given an address and nothing
 * else, and must find the mapping that the address lies in. */
static struct state *volatile mapped_states;
static struct sigaction sigbus_before;

/* ---- Words and records --------------------------------------------------- */

static uint64_t
get(const word *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void
set(word *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_relaxed);
}

static void
copy_out(const word *from, size_t bytes, void *to)
{
	for (size_t i = 0; i < bytes / 8; i++) {
		uint64_t value = get(&from[i]);
		memcpy((char *)to + 8 * i, &value, 8);
	}
}

static void
copy_in(word *to, size_t bytes, const void *from)
{
	for (size_t i = 0; i < bytes / 8; i++) {
		uint64_t value;
		memcpy(&value, (const char *)from + 8 * i, 8);
		set(&to[i], value);
	}
}

static word *
record_copy(word *record, size_t bytes, uint64_t generation)
{
	return record + 1 + (generation & 1) * (bytes / 8);
}

static word *
record_guard(word *record, size_t bytes)
{
	return record + 1 + 2 * (bytes / 8);
}

/* PROOFS.md D, scheme 4. The caller holds the lock, so nobody else moves the
 * generation; a writer killed before the last line has changed nothing. */
static void
write_record(word *record, size_t bytes, const void *from)
{
	uint64_t generation = get(record);
	atomic_thread_fence(memory_order_release);
	copy_in(record_copy(record, bytes, generation + 1), bytes, from);
	atomic_store_explicit(record, generation + 1, memory_order_release);
}

/* False when the record is blank: the file was cut. Gives the generation read. */
static bool
read_record(const word *from, size_t bytes, void *out, uint64_t *generation)
{
	word *record = (word *)from; /* only to share the arithmetic: nothing is written */
	for (int i = 0; i < READ_TRIES; i++) {
		*generation = atomic_load_explicit(record, memory_order_acquire);
		copy_out(record_copy(record, bytes, *generation), bytes, out);
		atomic_thread_fence(memory_order_acquire);
		if (get(record) == *generation)
			return *generation != 0 && get(record_guard(record, bytes)) == GUARD;
	}
	return false;
}

static void
make_record(word *record, size_t bytes)
{
	set(record, 2);
	set(record_guard(record, bytes), GUARD);
}

/* ---- Tables -------------------------------------------------------------- */

static word *
table_index(const struct file *file, const struct table *table)
{
	return (word *)((char *)file + table->index_at);
}

static word *
table_record(const struct file *file, const struct table *table, size_t i)
{
	return (word *)((char *)file + table->records_at) + i * (2 + 2 * (table->bytes / 8));
}

/* The index word of a key; 0, which means free, only for the key 0 of tables
 * whose keys are hashes already. */
static uint64_t
key_hash(const struct table *table, const void *key)
{
	uint64_t value, hash = 0;
	memcpy(&value, key, 8);
	if (table->key_bytes == 8)
		return value;
	for (size_t at = 0; at < table->key_bytes; at += 8) {
		memcpy(&value, (const char *)key + at, 8);
		hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash == 0 ? 1 : hash;
}

/* The place of the record with that key, copied to out; -1 if there is none.
 * The key inside decides: a reader may meet a place that is being given to
 * another key. */
static int
table_find(const struct file *file, const struct table *table, const void *key, void *out)
{
	const word *index = table_index(file, table);
	uint64_t generation, hash = key_hash(table, key);
	for (size_t i = 0; hash != 0 && i < table->count; i++)
		if (get(&index[i]) == hash &&
		    read_record(table_record(file, table, i), table->bytes, out, &generation) &&
		    memcmp(out, key, table->key_bytes) == 0)
			return (int)i;
	return -1;
}

/* A free place, else the one that was used least recently. */
static size_t
table_place(const struct file *file, const struct table *table)
{
	size_t place = 0;
	int64_t oldest_ms = INT64_MAX;
	for (size_t i = 0; i < table->count; i++) {
		union record record;
		uint64_t generation;
		int64_t used_ms;
		if (get(&table_index(file, table)[i]) == 0)
			return i;
		if (!read_record(table_record(file, table, i), table->bytes, &record, &generation))
			continue;
		memcpy(&used_ms, (const char *)&record + table->used_at, sizeof used_ms);
		if (used_ms < oldest_ms) {
			oldest_ms = used_ms;
			place = i;
		}
	}
	return place;
}

/* Writes a record to its place, or -1: to a new one. The place is free while
 * it changes hands, so whoever is killed in between leaves no record that its
 * index word does not name. */
static void
table_put(struct file *file, const struct table *table, int place, const void *record)
{
	if (place >= 0) {
		write_record(table_record(file, table, (size_t)place), table->bytes, record);
		return;
	}
	size_t i = table_place(file, table);
	word *index = &table_index(file, table)[i];
	set(index, 0);
	write_record(table_record(file, table, i), table->bytes, record);
	atomic_store_explicit(index, key_hash(table, record), memory_order_release);
}

/* ---- What a file must be ------------------------------------------------- */

static uint64_t
fnv(uint64_t hash, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
	return hash;
}
#define FNV_START UINT64_C(14695981039346656037)

static uint64_t
layout_hash(void)
{
	static const uint64_t facts[] = {
	    sizeof(struct file),
	    offsetof(struct file, counters),
	    offsetof(struct file, processes),
	    offsetof(struct file, summary),
	    sizeof(struct counter_slot),
	    sizeof(struct process_slot),
	    sizeof(struct summary),
	    COUNTERS,
	    offsetof(struct health, rest),
	    offsetof(struct health, windows),
	    offsetof(struct health, error),
	    sizeof(struct health_window),
	};
	uint64_t hash = fnv(FNV_START, facts, sizeof facts);
	for (size_t t = 0; t < TABLES_N; t++)
		hash = fnv(hash, TABLES[t], sizeof *TABLES[t]);
	return hash;
}

static uint64_t
header_checksum(const struct header *header)
{
	return fnv(FNV_START, header, offsetof(struct header, checksum));
}

static bool
are_guards_whole(const struct file *file)
{
	word *summary = (word *)file->summary;
	if (get(&file->guard) != GUARD || get(summary) == 0 ||
	    get(record_guard(summary, sizeof(struct summary))) != GUARD)
		return false;
	for (size_t t = 0; t < TABLES_N; t++) {
		for (size_t i = 0; i < TABLES[t]->count; i++) {
			word *record = table_record(file, TABLES[t], i);
			if (get(record) == 0 ||
			    get(record_guard(record, TABLES[t]->bytes)) != GUARD)
				return false;
		}
	}
	return true;
}

enum soundness { SOUND, DAMAGED, NEWER };

/* What n bytes (of a buffer of a whole file's size) are, and why. */
static enum soundness
judge(const struct file *file, size_t n, const char **why)
{
	const struct header *header = &file->header;
	*why = "cut short";
	if (n < sizeof *header)
		return DAMAGED;
	*why = "no state file of ours";
	if (get(&header->magic) != MAGIC)
		return DAMAGED;
	*why = "damaged in its header";
	if (header_checksum(header) != header->checksum)
		return DAMAGED;
	*why = "of a newer version";
	if (header->version > STATE_VERSION)
		return NEWER;
	/* Version 1 is the first; the one that follows takes it over here. */
	*why = "of another layout";
	if (header->version != STATE_VERSION || header->layout != layout_hash() ||
	    header->size != sizeof *file)
		return DAMAGED;
	*why = n < sizeof *file ? "cut short" : "too long";
	if (n != sizeof *file)
		return DAMAGED;
	*why = "blank in places";
	return are_guards_whole(file) ? SOUND : DAMAGED;
}

/* Two words tell, on every access, whether a file was cut below its mapping. */
static bool
is_whole(const struct file *file)
{
	return get(&file->header.magic) == MAGIC && get(&file->guard) == GUARD;
}

/* The file, or our last copy while it is damaged. */
static const struct file *
view(const struct state *state)
{
	return is_whole(state->file) ? state->file : state->last;
}

/* Makes a zeroed buffer an empty state, but for the key. */
static void
make_blank(struct file *file)
{
	struct header *header = &file->header;
	make_record(file->summary, sizeof(struct summary));
	for (size_t t = 0; t < TABLES_N; t++)
		for (size_t i = 0; i < TABLES[t]->count; i++)
			make_record(table_record(file, TABLES[t], i), TABLES[t]->bytes);
	set(&file->guard, GUARD);
	set(&header->magic, MAGIC);
	header->version = STATE_VERSION;
	header->size = sizeof *file;
	header->layout = layout_hash();
	header->created_ms = clock_wall_ms();
	header->checksum = header_checksum(header);
}

static bool
make_key(struct file *file)
{
	struct header *header = &file->header;
	if (getrandom(header->key, sizeof header->key, 0) != sizeof header->key)
		return false;
	header->checksum = header_checksum(header);
	return true;
}

/* ---- Our last copy ------------------------------------------------------- */

/* Copies one record, if it has changed or all are wanted. False: the file was
 * cut meanwhile. */
static bool
keep_record(const struct state *state, const struct table *table, size_t i, bool is_all)
{
	union record record;
	uint64_t generation;
	const word *from = table_record(state->file, table, i);
	word *to = table_record(state->last, table, i);
	bool is_used = get(&table_index(state->file, table)[i]) != 0;
	bool is_read = (is_all || get(from) != get(to)) &&
		       read_record(from, table->bytes, &record, &generation);
	if (!is_whole(state->file))
		return false;
	if (is_read) {
		copy_in(record_copy(to, table->bytes, generation), table->bytes, &record);
		set(to, generation);
	}
	/* The index follows from the record, so they agree whenever we looked. */
	copy_out(record_copy(to, table->bytes, get(to)), table->bytes, &record);
	set(&table_index(state->last, table)[i], is_used ? key_hash(table, &record) : 0);
	return true;
}

static bool
keep_counters(const struct state *state)
{
	uint64_t counters[sizeof state->file->counters / 8];
	copy_out(&state->file->counters[0].provider, sizeof counters, counters);
	if (!is_whole(state->file))
		return false;
	copy_in(&state->last->counters[0].provider, sizeof counters, counters);
	return true;
}

static bool
keep_summary(const struct state *state)
{
	struct summary summary;
	uint64_t generation;
	bool is_read = read_record(state->file->summary, sizeof summary, &summary, &generation);
	if (!is_whole(state->file))
		return false;
	if (is_read) {
		copy_in(record_copy(state->last->summary, sizeof summary, generation),
			sizeof summary, &summary);
		set(state->last->summary, generation);
	}
	return true;
}

/* The header with the key. *is_other: it is another file's than we kept. */
static bool
keep_header(const struct state *state, bool *is_other)
{
	struct header header;
	memcpy(&header, &state->file->header, sizeof header);
	if (!is_whole(state->file) || header_checksum(&header) != header.checksum)
		return false;
	*is_other = header.checksum != state->last->header.checksum;
	memcpy(&state->last->header, &header, sizeof header);
	return true;
}

/* Brings our last copy up to the file; false if the file was cut meanwhile.
 * Processes are not kept: they note themselves again. */
static bool
keep(struct state *state)
{
	bool is_other;
	uint64_t changes = atomic_load_explicit(&state->file->header.changes, memory_order_acquire);
	if (!keep_header(state, &is_other) || !keep_counters(state))
		return false;
	bool is_all = is_other || state->kept == 0;
	if (!is_all && changes == state->kept)
		return true;
	if (!keep_summary(state))
		return false;
	for (size_t t = 0; t < TABLES_N; t++)
		for (size_t i = 0; i < TABLES[t]->count; i++)
			if (!keep_record(state, TABLES[t], i, is_all))
				return false;
	state->kept = changes;
	return true;
}

/* ---- SIGBUS -------------------------------------------------------------- */

/* Somebody cut the file below its mapping. Gives the loop blank memory to read
 * on in, which is_whole() tells from a state; state_tick() mends it. */
static void
on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	for (struct state *state = mapped_states; state != NULL; state = state->next) {
		const char *from = (const char *)state->file, *at = info->si_addr;
		if (from == NULL || at < from || at >= from + sizeof *state->file)
			continue;
		int saved_errno = errno;
		void *base = mmap(state->file, sizeof *state->file, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		errno = saved_errno;
		if (base == MAP_FAILED)
			break;
		state->is_lost = 1;
		return;
	}
	sigaction(SIGBUS, &sigbus_before, NULL);
	raise(signal_number);
}

static void
watch_mapping(struct state *state)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	sigemptyset(&action.sa_mask);
	if (mapped_states == NULL)
		sigaction(SIGBUS, &action, &sigbus_before);
	state->next = mapped_states;
	mapped_states = state;
}

static void
unwatch_mapping(struct state *state)
{
	struct state *volatile *at = &mapped_states;
	while (*at != NULL && *at != state)
		at = (struct state *volatile *)&(*at)->next;
	if (*at == NULL)
		return;
	*at = state->next;
	if (mapped_states == NULL)
		sigaction(SIGBUS, &sigbus_before, NULL);
}

/* ---- Errors -------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void
explain(struct buf *error, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (error != NULL && !buf_puts(error, text))
		buf_clear(error);
}

/* The directory of the path, "." if it names none; in a buffer of the caller. */
static const char *
directory_of(const char *path, char directory[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return ".";
	int n = slash == path ? 1 : (int)(slash - path);
	snprintf(directory, PATH_MAX, "%.*s", n, path);
	return directory;
}

static void
explain_denied(const char *path, struct buf *error)
{
	char buffer[PATH_MAX];
	const char *directory = directory_of(path, buffer);
	unsigned us = (unsigned)geteuid();
	struct stat there;
	if (lstat(path, &there) == 0)
		explain(
		    error,
		    "state file %s: not ours to write: it belongs to uid %u and has mode %04o, and "
		    "this is uid %u. Type: chown %u %s && chmod 640 %s",
		    path, (unsigned)there.st_uid, (unsigned)there.st_mode & 07777, us, us, path,
		    path);
	else
		explain(error,
			"state file %s: uid %u may not write in %s. Type: chown %u %s && chmod "
			"u+rwx %s",
			path, us, directory, us, directory, directory);
}

static void
explain_errno(const char *path, int number, struct buf *error)
{
	char buffer[PATH_MAX];
	const char *directory = directory_of(path, buffer);
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		explain(error,
			"state file %s: there is no directory %s. Type: mkdir -p %s && chown %u %s",
			path, directory, directory, (unsigned)geteuid(), directory);
		break;
	case EACCES:
	case EPERM:
		explain_denied(path, error);
		break;
	case EROFS:
		explain(error,
			"state file %s: the file system is read-only. Make it writable, or name "
			"another place by state_file",
			path);
		break;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		explain(
		    error,
		    "state file %s: no room for its %zu KB (%s). Make room there (df %s), or name "
		    "another place by state_file",
		    path, sizeof(struct file) / 1024, strerror(number), directory);
		break;
	case ELOOP:
		explain(error,
			"state file %s: it is a symbolic link. Name the file that it leads to",
			path);
		break;
	default:
		explain(error, "state file %s: %s", path, strerror(number));
	}
}

/* ---- Opening ------------------------------------------------------------- */

/* What open_file() and its steps say beside a descriptor. */
enum { NO_FILE = -1, LATER = -2, AGAIN = -3 };

/* Makes the file, empty, ours and 0640 whatever the umask. Root, who may run
 * the control program first, makes it for the owner of the directory. */
static int
create(const char *path)
{
	char buffer[PATH_MAX];
	struct stat directory;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -1;
	if (geteuid() == 0 && stat(directory_of(path, buffer), &directory) == 0 &&
	    fchown(fd, directory.st_uid, directory.st_gid) != 0)
		log_line(LOG_WARNING, "state file %s: cannot give it to uid %u: %s", path,
			 (unsigned)directory.st_uid, strerror(errno));
	if (fchmod(fd, FILE_MODE) != 0)
		log_line(LOG_WARNING, "state file %s: cannot give it mode 0640: %s", path,
			 strerror(errno));
	return fd;
}

/* Opens what is at the path, or makes it. O_NONBLOCK: a FIFO would wait. */
static int
open_path(const struct state *state, struct buf *error)
{
	int flags = (state->is_readonly ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = open(state->path, flags);
	if (fd < 0 && errno == ENOENT && !state->is_readonly)
		fd = create(state->path);
	if (fd < 0 && errno == EEXIST)
		return AGAIN;
	struct stat here;
	if (fd >= 0 && fstat(fd, &here) == 0 && S_ISREG(here.st_mode))
		return fd;
	if (fd >= 0 || errno == EISDIR || errno == ENXIO)
		explain(error,
			"state file %s: it is no regular file. Move it away, or name another "
			"place by state_file",
			state->path);
	else if (errno == ENOENT && state->is_readonly)
		explain(error,
			"state file %s: there is none yet; the router makes it when it starts",
			state->path);
	else if (errno == EACCES && state->is_readonly)
		explain(error,
			"state file %s: uid %u may not read it. Run this as root, or as the user "
			"that the router runs as",
			state->path, (unsigned)geteuid());
	else
		explain_errno(state->path, errno, error);
	if (fd >= 0)
		close(fd);
	return NO_FILE;
}

/* Waits for whoever makes the file, which takes a millisecond. */
static bool
lock_making(int fd, int how, int64_t for_ms)
{
	int64_t until_ms = clock_steady_ms() + for_ms;
	while (flock(fd, how | LOCK_NB) != 0) {
		if (clock_steady_ms() >= until_ms)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return true;
}

static bool
write_all(int fd, const struct file *file)
{
	for (size_t at = 0; at < sizeof *file;) {
		ssize_t n = pwrite(fd, (const char *)file + at, sizeof *file - at, (off_t)at);
		if (n < 0 && errno != EINTR)
			return false;
		at += n < 0 ? 0 : (size_t)n;
	}
	return true;
}

/* Gives an empty file its space and its content: what we remember, if anything. */
static int
fill(const struct state *state, int fd, struct buf *error)
{
	struct file *file = calloc(1, sizeof *file);
	int number = file == NULL ? ENOMEM : posix_fallocate(fd, 0, sizeof *file);
	if (number == 0 && state->last != NULL) {
		memcpy(file, state->last, sizeof *file);
	} else if (number == 0) {
		make_blank(file);
		number = make_key(file) ? 0 : errno;
	}
	if (number == 0 && !write_all(fd, file))
		number = errno;
	free(file);
	if (number == 0)
		return fd;
	explain_errno(state->path, number, error);
	if (ftruncate(fd, 0) != 0)
		log_line(LOG_WARNING, "state file %s: %s", state->path, strerror(errno));
	return NO_FILE;
}

/* Moves a damaged file to path.bad-<seconds>; the caller holds its flock. */
static int
set_aside(const struct state *state, const char *why, struct buf *error)
{
	char name[PATH_MAX + 32];
	int64_t seconds = clock_wall_ms() / 1000;
	do
		snprintf(name, sizeof name, "%s.bad-%lld", state->path, (long long)seconds++);
	while (access(name, F_OK) == 0);
	if (rename(state->path, name) != 0) {
		explain(error, "state file %s: it is %s, and cannot be moved away: %s", state->path,
			why, strerror(errno));
		return NO_FILE;
	}
	log_line(LOG_WARNING, "state file %s was %s: it is %s now, and is made anew %s",
		 state->path, why, name,
		 state->last == NULL ? "without its history" : "from memory");
	return AGAIN;
}

/* Reads the file and says what is to be done: with its flock held, so that
 * nobody else does it too. */
static int
take(const struct state *state, int fd, struct buf *error)
{
	struct stat here, there;
	if (fstat(fd, &here) != 0 || lstat(state->path, &there) != 0 ||
	    here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return AGAIN; /* somebody moved it away while we waited for the flock */
	if (here.st_size == 0 && !state->is_readonly)
		return fill(state, fd, error);
	struct file *file = calloc(1, sizeof *file);
	ssize_t n = file == NULL ? -1 : pread(fd, file, sizeof *file, 0);
	if (n < 0) {
		explain_errno(state->path, errno, error);
		free(file);
		return NO_FILE;
	}
	const char *why;
	size_t bytes = n < (ssize_t)sizeof *file ? (size_t)n : (size_t)here.st_size;
	enum soundness soundness = judge(file, bytes, &why);
	free(file);
	if (soundness == SOUND)
		return fd;
	if (soundness == DAMAGED && !state->is_readonly)
		return set_aside(state, why, error);
	explain(error, "state file %s: it is %s. %s", state->path, why,
		soundness == NEWER ? "Use the newer program, or name another place by state_file"
				   : "The router sets it aside when it starts");
	return NO_FILE;
}

/* A descriptor of a sound file at the path; NO_FILE with an error text when
 * there can be none; LATER when somebody is at it for longer than for_ms. */
static int
open_file(const struct state *state, int64_t for_ms, struct buf *error)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		int fd = open_path(state, error);
		if (fd == AGAIN)
			continue;
		if (fd < 0)
			return fd;
		int result = LATER;
		if (lock_making(fd, state->is_readonly ? LOCK_SH : LOCK_EX, for_ms))
			result = take(state, fd, error);
		flock(fd, LOCK_UN);
		if (result >= 0)
			return fd;
		close(fd);
		if (result != AGAIN)
			return result;
	}
	return LATER;
}

/* ---- Mapping ------------------------------------------------------------- */

static bool
lock_byte(const struct state *state, off_t byte, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return state->fd < 0 || fcntl(state->fd, F_OFD_SETLK, &lock) == 0;
}

/* Puts another mapping in the place of the one there is. */
static void
replace_mapping(struct state *state, struct file *file, int fd)
{
	struct file *before = state->file;
	state->file = file;
	atomic_signal_fence(
	    memory_order_seq_cst); /* on_sigbus() must know it before it is touched */
	state->is_lost = 0;
	state->kept = 0;
	if (before != NULL)
		munmap(before, sizeof *before);
	if (state->fd >= 0)
		close(state->fd);
	state->fd = fd;
	if (state->is_checking)
		lock_byte(state, CHECK_BYTE, F_WRLCK);
}

/* Maps an open file, whose descriptor is the state's from now on, or closed. */
static bool
map_file(struct state *state, int fd)
{
	struct stat here;
	int access = state->is_readonly ? PROT_READ : PROT_READ | PROT_WRITE;
	struct file *file = mmap(NULL, sizeof *file, access, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED || fstat(fd, &here) != 0) {
		if (file != MAP_FAILED)
			munmap(file, sizeof *file);
		close(fd);
		return false;
	}
	replace_mapping(state, file, fd);
	state->dev = here.st_dev;
	state->ino = here.st_ino;
	if (!keep(state))
		return false;
	memcpy(state->key, state->last->header.key, sizeof state->key);
	return true;
}

/* Goes on in memory, with what we remember. */
static void
map_memory(struct state *state)
{
	struct file *file =
	    mmap(NULL, sizeof *file, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file == MAP_FAILED)
		return; /* view() still has our copy, and changes wait in the queue */
	memcpy(file, state->last, sizeof *file);
	replace_mapping(state, file, -1);
}

static struct state *
open_state(const char *path, bool is_readonly, struct buf *error)
{
	struct state *state = calloc(1, sizeof *state);
	if (state == NULL)
		goto no_memory;
	state->fd = -1;
	state->is_readonly = is_readonly;
	state->path = strdup(path);
	if (state->path == NULL ||
	    getrandom(&state->owner, sizeof state->owner, 0) != sizeof state->owner)
		goto no_memory;
	state->owner |= 1;
	watch_mapping(state);
	int fd = open_file(state, OPEN_FOR_MS, error);
	if (fd == LATER)
		explain(error,
			"state file %s: another process holds it and does not let go: see "
			"fuser %s",
			path, path);
	if (fd < 0)
		goto failed;
	state->last = calloc(1, sizeof *state->last);
	if (state->last != NULL)
		make_blank(state->last);
	if (state->last == NULL)
		close(fd);
	else if (map_file(state, fd))
		return state;
no_memory:
	explain(error, "state file %s: %s", path, strerror(errno));
failed:
	state_close(state);
	return NULL;
}

struct state *
state_open(const char *path, struct buf *error)
{
	return open_state(path, false, error);
}

struct state *
state_open_readonly(const char *path, struct buf *error)
{
	return open_state(path, true, error);
}

/* ---- Changes ------------------------------------------------------------- */

static int
apply_health(struct file *file, const struct change *change)
{
	struct health health, before;
	int place = table_find(file, &HEALTHS, &change->health.key, &health);
	if (place < 0)
		health = (struct health){.key = change->health.key};
	before = health;
	enum health_outcome outcome = health_apply(&health, &change->health.change);
	if (memcmp(&health, &before, sizeof health) == 0)
		return (int)outcome;
	if (change->health.name[0] != '\0')
		memcpy(health.provider_name, change->health.name, sizeof health.provider_name);
	table_put(file, &HEALTHS, place, &health);
	return (int)outcome;
}

static int
apply_session(struct file *file, const struct change *change)
{
	struct session before;
	int place = table_find(file, &SESSIONS, &change->session.key, &before);
	table_put(file, &SESSIONS, place, &change->session);
	return 0;
}

static int
apply_model(struct file *file, const struct change *change)
{
	struct model_memory before;
	int place = table_find(file, &MODELS, &change->model.rule, &before);
	table_put(file, &MODELS, place, &change->model);
	return 0;
}

/* True if somebody else served before. */
static int
note_served(struct summary *summary, const char *name)
{
	bool is_other = summary->current[0] != '\0' && strcmp(summary->current, name) != 0;
	memcpy(summary->current, name, sizeof summary->current);
	return is_other;
}

static int
apply_summary(struct file *file, const struct change *change)
{
	struct summary summary;
	uint64_t generation;
	int answer = 0;
	if (!read_record(file->summary, sizeof summary, &summary, &generation))
		return 0;
	if (change->kind == CHANGE_SERVED) {
		answer = note_served(&summary, change->name);
	} else if (change->kind == CHANGE_SWITCH) {
		memcpy(summary.manual, change->name, sizeof summary.manual);
	} else if (change->kind == CHANGE_FAILOVER) {
		summary.failover_count++;
		summary.last_failover_ms = change->at.ms;
	} else {
		summary.last_check_ms = change->at.ms;
		summary.check_failures = change->at.could_tell ? 0 : summary.check_failures + 1;
	}
	write_record(file->summary, sizeof summary, &summary);
	return answer;
}

static struct counter_slot *
find_counters(const struct file *file, uint64_t provider)
{
	for (size_t i = 0; i < STATE_COUNTERS; i++)
		if (get(&file->counters[i].provider) == provider)
			return (struct counter_slot *)&file->counters[i];
	return NULL;
}

static void
count(struct counter_slot *slot, enum counter counter)
{
	atomic_fetch_add_explicit(&slot->counts[counter], 1, memory_order_relaxed);
	set(&slot->used_ms, (uint64_t)clock_wall_ms());
}

/* Counts, in a new slot if need be: a free one (which was never used), else
 * the one that was used least recently. */
static int
apply_count(struct file *file, const struct change *change)
{
	struct counter_slot *slot = find_counters(file, change->count.provider);
	if (slot == NULL) {
		slot = &file->counters[0];
		for (size_t i = 1; i < STATE_COUNTERS; i++)
			if (get(&file->counters[i].used_ms) < get(&slot->used_ms))
				slot = &file->counters[i];
		set(&slot->provider, 0);
		for (size_t i = 0; i < COUNTERS; i++)
			set(&slot->counts[i], 0);
		set(&slot->provider, change->count.provider);
	}
	count(slot, change->count.counter);
	return 0;
}

/* What a change does to the file; the caller has the lock. The answer is what
 * the public function returns. */
static int
apply(struct file *file, const struct change *change)
{
	static int (*const appliers[])(struct file *, const struct change *) = {
	    [CHANGE_HEALTH] = apply_health,   [CHANGE_SESSION] = apply_session,
	    [CHANGE_MODEL] = apply_model,     [CHANGE_SWITCH] = apply_summary,
	    [CHANGE_SERVED] = apply_summary,  [CHANGE_FAILOVER] = apply_summary,
	    [CHANGE_CHECKED] = apply_summary, [CHANGE_COUNT] = apply_count,
	};
	return appliers[change->kind](file, change);
}

/* A queued change of a health happens when it is applied, not when it was
 * queued: or the other processes' changes in between would seem to be of the
 * future. */
static void
apply_queued(struct file *file, const struct change *queued)
{
	struct change change = *queued;
	if (change.kind == CHANGE_HEALTH)
		change.health.change.now_ms += clock_steady_ms() - queued->queued_ms;
	apply(file, &change);
}

static bool
lock_writing(const struct state *state)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (lock_byte(state, WRITE_BYTE, F_WRLCK))
			return true;
		sched_yield();
	}
	return false;
}

/* Applies the queue and then the change, if there is one. False: nothing was
 * applied, or to a file that is lost. */
static bool
write_change(struct state *state, const struct change *change, int *answer)
{
	if (state->is_readonly || !lock_writing(state))
		return false;
	bool was_whole = is_whole(state->file);
	if (was_whole) {
		for (size_t i = 0; i < state->n_queue; i++)
			apply_queued(state->file, &state->queue[i]);
		*answer = change == NULL ? 0 : apply(state->file, change);
		atomic_fetch_add_explicit(&state->file->header.changes, 1, memory_order_release);
	}
	lock_byte(state, WRITE_BYTE, F_UNLCK);
	if (!was_whole || !is_whole(state->file))
		return false;
	state->n_queue = 0;
	if (state->n_dropped > 0)
		log_line(LOG_WARNING, "state file %s: free again; %llu changes were lost",
			 state->path, (unsigned long long)state->n_dropped);
	state->n_dropped = 0;
	return true;
}

static void
queue_change(struct state *state, const struct change *change)
{
	if (state->is_readonly)
		return;
	if (state->n_queue == QUEUE_MAX) {
		if (state->n_dropped++ == 0)
			log_line(
			    LOG_WARNING,
			    "state file %s: another process keeps it locked (see /proc/locks); "
			    "the oldest changes are lost",
			    state->path);
		state->n_queue--;
		memmove(&state->queue[0], &state->queue[1], state->n_queue * sizeof *change);
	}
	state->queue[state->n_queue] = *change;
	state->queue[state->n_queue].queued_ms = clock_steady_ms();
	state->n_queue++;
}

/* Applies a change now or queues it; false if it had to be queued. */
static bool
submit(struct state *state, const struct change *change, int *answer)
{
	*answer = 0;
	if (write_change(state, change, answer))
		return true;
	queue_change(state, change);
	return false;
}

static void
copy_name(char to[static PROVIDER_NAME_MAX], const char *from)
{
	size_t n = strnlen(from, PROVIDER_NAME_MAX - 1);
	memcpy(to, from, n);
	memset(to + n, 0, PROVIDER_NAME_MAX - n);
}

/* ---- Ticks --------------------------------------------------------------- */

static bool
is_at_path(const struct state *state)
{
	struct stat there;
	return state->fd >= 0 && lstat(state->path, &there) == 0 && there.st_ino == state->ino &&
	       there.st_dev == state->dev && there.st_size == sizeof *state->file;
}

/* The mapping holds a state, as far as can be told without a lock. */
static bool
is_mapping_sound(const struct state *state)
{
	const char *why;
	return !state->is_lost && judge(state->file, sizeof *state->file, &why) == SOUND &&
	       !state->is_lost;
}

/* Looks whether the path still leads to what is mapped, and mends that. What
 * cannot be mended now is tried again at the next tick. */
static void
look_after_file(struct state *state)
{
	struct buf error;
	bool is_sound = is_mapping_sound(state);
	if (is_sound && is_at_path(state))
		return;
	keep(state); /* whatever can still be read of what is mapped is the newest there is */
	buf_init(&error, ERROR_TEXT_MAX);
	int fd = open_file(state, 0, &error);
	if (fd >= 0 && map_file(state, fd)) {
		log_line(LOG_NOTICE, "state file %s: opened again", state->path);
		state->is_troubled = false;
	} else if (fd != LATER) {
		if (!is_sound)
			map_memory(state);
		if (!state->is_troubled)
			log_line(LOG_ERR, "%s. Going on from memory",
				 fd >= 0 ? "state file: it cannot be mapped" : buf_text(&error));
		state->is_troubled = true;
	}
	buf_free(&error);
}

static bool
is_alive(const struct process_slot *slot, int64_t now_ms)
{
	int64_t alive_ms = (int64_t)atomic_load_explicit(&slot->alive_ms, memory_order_acquire);
	return alive_ms >= now_ms - ALIVE_FOR_MS && alive_ms <= now_ms + ALIVE_FOR_MS;
}

/* Our slot, or one that is free or a dead process' and ours from now on. */
static struct process_slot *
own_slot(const struct state *state, int64_t now_ms)
{
	struct process_slot *slots = state->file->processes;
	for (size_t i = 0; i < STATE_PROCESSES; i++)
		if (get(&slots[i].owner) == state->owner)
			return &slots[i];
	for (size_t i = 0; i < STATE_PROCESSES; i++) {
		uint64_t owner = get(&slots[i].owner);
		if ((owner == 0 || !is_alive(&slots[i], now_ms)) &&
		    atomic_compare_exchange_strong(&slots[i].owner, &owner, state->owner))
			return &slots[i];
	}
	return NULL;
}

static void
note_process(const struct state *state, const struct process *process)
{
	struct process_slot *slot = own_slot(state, process->alive_ms);
	if (slot == NULL)
		return;
	set(&slot->pid, process->pid);
	set(&slot->streams, process->streams);
	set(&slot->version, process->version);
	atomic_store_explicit(&slot->alive_ms, (uint64_t)process->alive_ms, memory_order_release);
}

void
state_tick(struct state *state, const struct process *process)
{
	int answer;
	look_after_file(state);
	if (state->n_queue > 0)
		write_change(state, NULL, &answer);
	keep(state);
	memcpy(state->key, state->last->header.key, sizeof state->key);
	if (process != NULL && !state->is_readonly)
		note_process(state, process);
}

/* The last chance of what waits: the process ends, so it may wait a little. */
static void
write_last(struct state *state)
{
	int answer;
	int64_t until_ms = clock_steady_ms() + CLOSE_FOR_MS;
	while (state->n_queue > 0 && !write_change(state, NULL, &answer)) {
		if (clock_steady_ms() >= until_ms) {
			log_line(LOG_WARNING, "state file %s: the last %zu changes were lost",
				 state->path, state->n_queue);
			return;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static void
free_slot(const struct state *state)
{
	struct process_slot *slots = state->file->processes;
	for (size_t i = 0; i < STATE_PROCESSES && !state->is_readonly; i++)
		if (get(&slots[i].owner) == state->owner)
			set(&slots[i].owner, 0);
}

void
state_close(struct state *state)
{
	if (state == NULL)
		return;
	if (state->file != NULL) {
		write_last(state);
		free_slot(state);
		munmap(state->file, sizeof *state->file);
	}
	unwatch_mapping(state);
	if (state->fd >= 0)
		close(state->fd);
	explicit_bzero(state->key, sizeof state->key);
	free(state->last);
	free(state->path);
	free(state);
}

/* ---- Reading and writing, as the program knows it ------------------------ */

/* A second look, if the file was cut during the first. */
static bool
look_up(const struct state *state, const struct table *table, const void *key, void *out)
{
	const struct file *first = view(state);
	if (table_find(first, table, key, out) >= 0)
		return true;
	const struct file *second = view(state);
	return second != first && table_find(second, table, key, out) >= 0;
}

/* What stands in the file may have been written by anybody: texts end, and
 * numbers are of their kinds. */
static void
mend_health(struct health *health)
{
	health->provider_name[PROVIDER_NAME_MAX - 1] = '\0';
	health->why[HEALTH_TEXT_MAX - 1] = '\0';
	health->error[HEALTH_TEXT_MAX - 1] = '\0';
	for (size_t i = 0; i < HEALTH_WINDOWS; i++)
		health->windows[i].name[HEALTH_WINDOW_NAME_MAX - 1] = '\0';
	if (health->rest > REST_BENCH)
		health->rest = REST_NONE;
}

const uint8_t *
state_key(const struct state *state)
{
	return state->key;
}

bool
state_health(const struct state *state, const struct health_key *key, struct health *out)
{
	if (look_up(state, &HEALTHS, key, out)) {
		mend_health(out);
		return true;
	}
	*out = (struct health){.key = *key};
	return false;
}

enum health_outcome
state_health_change(struct state *state, const struct health_key *key, const char *provider_name,
		    const struct health_change *health_change)
{
	int answer = 0;
	struct change change = {.kind = CHANGE_HEALTH,
				.health = {.key = *key, .change = *health_change}};
	copy_name(change.health.name, provider_name);
	if (health_change->event == HEALTH_LEASED) /* a lease is for now or not at all */
		return write_change(state, &change, &answer) ? (enum health_outcome)answer
							     : HEALTH_REFUSED;
	return submit(state, &change, &answer) ? (enum health_outcome)answer : HEALTH_SAME;
}

size_t
state_healths(const struct state *state, uint64_t provider, struct health *out, size_t max)
{
	const struct file *file = view(state);
	const word *index = table_index(file, &HEALTHS);
	size_t n = 0;
	for (size_t i = 0; i < HEALTHS.count && n < max; i++) {
		uint64_t generation, hash = get(&index[i]);
		if (hash == 0 || !read_record(table_record(file, &HEALTHS, i), HEALTHS.bytes,
					      &out[n], &generation))
			continue;
		if (key_hash(&HEALTHS, &out[n].key) != hash ||
		    (provider != 0 && out[n].key.provider != provider))
			continue;
		mend_health(&out[n]);
		n++;
	}
	bool was_cut = view(state) != file && file == state->file;
	return was_cut ? state_healths(state, provider, out, max) : n;
}

/* False: not used since long, by a clock that may have jumped. */
static bool
is_fresh(int64_t used_ms, int64_t now_ms)
{
	return used_ms > now_ms - REFRESH_MS && used_ms < now_ms + REFRESH_MS;
}

bool
state_session(const struct state *state, uint64_t key, struct session *out)
{
	if (look_up(state, &SESSIONS, &key, out))
		return true;
	*out = (struct session){.key = key};
	return false;
}

void
state_session_put(struct state *state, const struct session *session)
{
	int answer;
	struct session before;
	struct change change = {.kind = CHANGE_SESSION, .session = *session};
	if (session->key == 0)
		return;
	if (state_session(state, session->key, &before) && before.provider == session->provider &&
	    before.mended == session->mended && is_fresh(before.used_ms, session->used_ms))
		return;
	submit(state, &change, &answer);
}

size_t
state_model(const struct state *state, uint64_t rule)
{
	struct model_memory memory;
	if (!look_up(state, &MODELS, &rule, &memory) || memory.name >= MODEL_NAMES_MAX)
		return 0;
	return (size_t)memory.name;
}

void
state_model_put(struct state *state, uint64_t rule, size_t name, int64_t now_ms)
{
	int answer;
	struct model_memory before;
	struct change change = {.kind = CHANGE_MODEL,
				.model = {.rule = rule, .name = name, .used_ms = now_ms}};
	if (rule == 0 || (look_up(state, &MODELS, &rule, &before) && before.name == name &&
			  is_fresh(before.used_ms, now_ms)))
		return;
	submit(state, &change, &answer);
}

void
state_summary(const struct state *state, struct summary *out)
{
	uint64_t generation;
	if (!read_record(view(state)->summary, sizeof *out, out, &generation) &&
	    !read_record(state->last->summary, sizeof *out, out, &generation))
		*out = (struct summary){0};
	out->manual[PROVIDER_NAME_MAX - 1] = '\0';
	out->current[PROVIDER_NAME_MAX - 1] = '\0';
}

bool
state_switch(struct state *state, const char *provider_name)
{
	int answer;
	struct change change = {.kind = CHANGE_SWITCH};
	copy_name(change.name, provider_name);
	return submit(state, &change, &answer);
}

bool
state_served(struct state *state, const char *provider_name)
{
	int answer;
	struct summary summary;
	struct change change = {.kind = CHANGE_SERVED};
	copy_name(change.name, provider_name);
	state_summary(state, &summary);
	for (size_t i = 0; i < state->n_queue; i++) /* what waits was told already */
		if (state->queue[i].kind == CHANGE_SERVED)
			memcpy(summary.current, state->queue[i].name, sizeof summary.current);
	if (strcmp(summary.current, change.name) == 0)
		return false;
	return submit(state, &change, &answer) ? answer : note_served(&summary, change.name);
}

void
state_failover(struct state *state, int64_t now_ms)
{
	int answer;
	submit(state, &(struct change){.kind = CHANGE_FAILOVER, .at = {.ms = now_ms}}, &answer);
}

void
state_checked(struct state *state, int64_t now_ms, bool could_tell)
{
	int answer;
	struct change change = {.kind = CHANGE_CHECKED,
				.at = {.ms = now_ms, .could_tell = could_tell}};
	submit(state, &change, &answer);
}

bool
state_check_lock(struct state *state)
{
	if (state->is_checking || state->is_readonly)
		return false; /* an OFD lock would be granted to its own holder again */
	state->is_checking = lock_byte(state, CHECK_BYTE, F_WRLCK);
	return state->is_checking;
}

void
state_check_unlock(struct state *state)
{
	if (state->is_checking)
		lock_byte(state, CHECK_BYTE, F_UNLCK);
	state->is_checking = false;
}

void
state_count(struct state *state, uint64_t provider, enum counter counter)
{
	int answer;
	struct change change = {.kind = CHANGE_COUNT,
				.count = {.provider = provider, .counter = counter}};
	struct counter_slot *slot = NULL;
	if (provider == 0 || state->is_readonly)
		return;
	if (is_whole(state->file))
		slot = find_counters(state->file, provider);
	if (slot != NULL)
		count(slot, counter);
	else
		submit(state, &change, &answer);
}

uint64_t
state_counted(const struct state *state, uint64_t provider, enum counter counter)
{
	const struct counter_slot *slot = find_counters(view(state), provider);
	return provider == 0 || slot == NULL ? 0 : get(&slot->counts[counter]);
}

size_t
state_processes(const struct state *state, int64_t now_ms, struct process *out, size_t max)
{
	const struct process_slot *slots = view(state)->processes;
	size_t n = 0;
	for (size_t i = 0; i < STATE_PROCESSES && n < max; i++) {
		uint64_t owner = get(&slots[i].owner);
		if (owner == 0 || !is_alive(&slots[i], now_ms))
			continue;
		out[n] = (struct process){.pid = get(&slots[i].pid),
					  .alive_ms = (int64_t)get(&slots[i].alive_ms),
					  .streams = get(&slots[i].streams),
					  .version = get(&slots[i].version)};
		n += get(&slots[i].owner) == owner;
	}
	return n;
}
