/* SPDX-License-Identifier: MIT */
/* The whole content of a state file, in memory or mapped: making a new one, checking one that was
 * found, and keeping a copy.
 *
 * Owns nothing. No I/O but random bytes. A copy has one owner, who alone may change it; checking
 * and copying take no lock, so their result is true of one moment of a mapped image. One thread for
 * each image that is changed. */
#ifndef STATE_IMAGE_H
#define STATE_IMAGE_H

#include "state/layout.h"

/* Turns a zeroed image into an empty state, whose key is zeros. */
void state_image_make(struct state_image *image);

/* Gives it a key of DIGEST_KEY_SIZE bytes; NULL: a random one. False and errno: there are no random
 * bytes. */
bool state_image_make_key(struct state_image *image, const uint8_t *key);

/* Frees an image that was allocated, its key overwritten. NULL is fine. */
void state_image_free(struct state_image *image);

/* STATE_FOREIGN: it is sound, but has another key than it must have (state/file.h). */
enum state_soundness { STATE_SOUND, STATE_DAMAGED, STATE_NEWER, STATE_FOREIGN };

/* Checks n bytes (image has the full size, whatever n is); why, for what is not sound: static text
 * that fits after "it is". */
enum state_soundness state_image_judge(const struct state_image *image, size_t n, const char **why);

/* Whether the file was not truncated below its mapping: two words, cheap enough for every
 * access. */
bool state_image_is_whole(const struct state_image *image);

/* Updates a copy from an image: all of it if *kept is 0 or the image is of another file, else what
 * changed since. *kept is for the next call. Processes are not copied: they register again. False:
 * the image is truncated or damaged; what was copied until then is sound. */
bool state_image_keep(struct state_image *copy, const struct state_image *image, uint64_t *kept);

#endif
