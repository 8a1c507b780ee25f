/* The listening socket that systemd opened for us: the protocol of sd_listen_fds(3),
 * without its library. One thread. */
#ifndef ACTIVATION_H
#define ACTIVATION_H

#include "buf.h"

#include <stdbool.h>

/* Whether fd is a socket that listens. */
bool is_listening(int fd);

/* Takes the socket over, by LISTEN_PID and LISTEN_FDS, and these variables out of
 * the environment, so that no child believes them. Its path belongs to systemd: it
 * is never unlinked here. *fd is the descriptor, which is now the caller's and is
 * closed on exec, or -1 when nothing was passed to this process. False and an error
 * text when what was passed cannot be used. */
bool activation_take(int *fd, struct buf *error);

#endif
