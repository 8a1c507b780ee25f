/* SPDX-License-Identifier: MIT */
/* state*.c: a state file that anybody may have written into. First byte even: the
 * file is what follows; odd: a sound file, with patches (offset in 3 bytes, a
 * length, bytes), before it is opened or, with the next bit, while it is. */
#include "file.h"

#include "base/log.h"
#include "state/health.h"
#include "state/state.h"

#include <sys/mman.h>

static uint8_t *sound;
static size_t sound_size;

static void
make_sound(void)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	char *path = file_write("", 0);
	unlink(path);
	struct state *state = state_open(path, &error);
	MUST(state != NULL);
	struct health_key key = {.provider = 1, .account = 2};
	struct health_change change = {.event = HEALTH_EVENT_PAUSED,
				       .pause = PAUSE_NAMED,
				       .now_ms = INT64_C(1800000000000),
				       .until_ms = INT64_C(1800000009000)};
	state_health_change(state, &key, "kimi", &change);
	state_session_put(state, &(struct session){.key = 5, .provider = 1, .used_ms = 9});
	state_model_put(state, 8, 1, INT64_C(1800000000000));
	state_switch(state, "kimi");
	state_close(state);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	MUST(fd >= 0 && fstat(fd, &st) == 0);
	sound_size = (size_t)st.st_size;
	sound = malloc(sound_size);
	MUST(sound != NULL && read(fd, sound, sound_size) == (ssize_t)sound_size);
	close(fd);
	buf_free(&error);
}

static void
patch(uint8_t *image, const uint8_t *data, size_t n)
{
	while (n >= 4) {
		size_t at = (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % sound_size;
		size_t length = data[3] % 65;
		data += 4, n -= 4;
		length = length > n ? n : length;
		length = length > sound_size - at ? sound_size - at : length;
		memcpy(image + at, data, length);
		data += length, n -= length;
	}
}

static void
check_health(const struct health *h)
{
	MUST(memchr(h->provider_name, '\0', sizeof h->provider_name) != NULL);
	MUST(memchr(h->why, '\0', sizeof h->why) != NULL && h->pause <= PAUSE_BENCH);
	MUST(memchr(h->error, '\0', sizeof h->error) != NULL);
	health_state(h, INT64_C(1800000000000));
}

static void
use(struct state *state)
{
	static struct health all[STATE_HEALTHS];
	struct process processes[STATE_PROCESSES];
	struct summary summary;
	struct session session;
	struct health_key key = {.provider = 1, .account = 2};
	size_t n = state_healths(state, 0, all, STATE_HEALTHS);
	MUST(n <= STATE_HEALTHS);
	for (size_t i = 0; i < n; i++)
		check_health(&all[i]);
	struct health_change served = {.event = HEALTH_EVENT_SERVED,
				       .now_ms = INT64_C(1800000001000),
				       .began_ms = INT64_C(1800000000900)};
	state_health_change(state, &key, "kimi", &served);
	state_health(state, &key, &all[0]);
	check_health(&all[0]);
	state_summary(state, &summary);
	MUST(memchr(summary.manual, '\0', sizeof summary.manual) != NULL);
	MUST(memchr(summary.current, '\0', sizeof summary.current) != NULL);
	state_session(state, 5, &session);
	state_model(state, 8, INT64_C(1800000001000));
	state_retry(state, 1, INT64_C(1800000001000));
	state_count(state, 3, COUNT_REQUESTS);
	state_served(state, "deepseek");
	state_processes(state, processes, STATE_PROCESSES);
	state_tick(state, &(struct process){.pid = 1});
}

static void
open_and_use(const char *path, const uint8_t *late, size_t n)
{
	struct buf error;
	buf_init(&error, ERROR_TEXT_MAX);
	struct state *looking = state_open_readonly(path, &error);
	if (looking != NULL)
		use(looking);
	else
		MUST(buf_text(&error)[0] != '\0');
	state_close(looking);
	buf_clear(&error);
	struct state *state = state_open(path, &error);
	if (state == NULL) {
		MUST(strstr(buf_text(&error), "newer") != NULL);
	} else {
		use(state);
		int fd = n > 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
		uint8_t *image =
		    fd < 0 ? MAP_FAILED
			   : mmap(NULL, sound_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (image != MAP_FAILED) {
			patch(image, late, n);
			munmap(image, sound_size);
		}
		if (fd >= 0)
			close(fd);
		use(state);
		use(state);
	}
	state_close(state);
	buf_free(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	if (sound == NULL) {
		struct buf error;
		buf_init(&error, ERROR_TEXT_MAX);
		MUST(log_open("fuzz", "/dev/null", LOG_ERR, false, &error));
		buf_free(&error);
		make_sound();
	}
	if (data[0] % 2 == 0) {
		open_and_use(file_write(data + 1, n - 1), NULL, 0);
	} else {
		uint8_t *image = (uint8_t *)fuzz_copy(sound, sound_size);
		bool late = data[0] & 2;
		if (!late)
			patch(image, data + 1, n - 1);
		open_and_use(file_write(image, sound_size), data + 1, late ? n - 1 : 0);
		free(image);
	}
	/* What was set aside. */
	DIR *listing = opendir(file_directory);
	struct dirent *entry;
	while (listing != NULL && (entry = readdir(listing)) != NULL)
		if (strstr(entry->d_name, ".bad-") != NULL)
			unlinkat(dirfd(listing), entry->d_name, 0);
	if (listing != NULL)
		closedir(listing);
	return 0;
}
