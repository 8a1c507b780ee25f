/* SPDX-License-Identifier: MIT */
#include "base/write.h"

#include <errno.h>
#include <unistd.h>

bool
write_all(int fd, const void *bytes, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t written = write(fd, (const char *)bytes + done, n - done);
		if (written == -1 && errno != EINTR)
			return false;
		if (written > 0)
			done += (size_t)written;
	}
	return true;
}
