/* SPDX-License-Identifier: MIT */
/* The whole content of a state file, in memory or mapped: how a new one is made,
 * how a found one is judged, and how a copy of it is kept.
 *
 * Owns nothing. No I/O but random bytes. A copy has one owner, who alone may
 * call what changes it; judging and copying take no lock, so what they say of a
 * mapped image is true of a moment. One thread for each image that is changed. */
#ifndef STATE_IMAGE_H
#define STATE_IMAGE_H

#include "state/layout.h"

/* Makes a zeroed image an empty state, whose key is zeros. */
void state_image_make(struct state_image *image);

/* Gives it a key. False, and errno: there are no random bytes. */
bool state_image_make_key(struct state_image *image);

/* Frees an image that was allocated, its key overwritten. NULL is fine. */
void state_image_free(struct state_image *image);

enum state_soundness { STATE_SOUND, STATE_DAMAGED, STATE_NEWER };

/* What n bytes are (image has a whole one's size, whatever n is), and why, in
 * words that fit behind "it is": static text, only for what is not sound. */
enum state_soundness state_image_judge(const struct state_image *image, size_t n, const char **why);

/* Two words tell, on every access, whether a file was cut below its mapping. */
bool state_image_is_whole(const struct state_image *image);

/* Brings a copy up to an image: all of it if *kept is 0 or the image is another
 * file's than was copied, else what changed since. *kept is for the next call.
 * Processes are not kept: they note themselves again. False: the image is cut
 * or damaged; what was copied until then is sound. */
bool state_image_keep(struct state_image *copy, const struct state_image *image, uint64_t *kept);

#endif
