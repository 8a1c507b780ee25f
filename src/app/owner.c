/* SPDX-License-Identifier: MIT */
#include "app/owner.h"

#include "base/path.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
fail(struct buf *error, const char *directory, const char *why)
{
	if (!buf_printf(error, "cannot run as the owner of %s: %s", directory, why))
		buf_clear(error);
	return false;
}

/* Groups first, which requires root. A user without an entry gets the directory's group alone. */
static bool
set_groups(uid_t uid, gid_t gid)
{
	const struct passwd *entry = getpwuid(uid);
	if (entry == NULL)
		return setgroups(0, NULL) == 0 && setgid(gid) == 0;
	gid = entry->pw_gid;
	return initgroups(entry->pw_name, gid) == 0 && setgid(gid) == 0;
}

/* As root, setuid() changes the real, effective and saved user. Getting back to root must
 * fail, else it did not. */
static bool
set_user(uid_t uid)
{
	if (setuid(uid) != 0)
		return false;
	errno = EPERM;
	return setuid(0) != 0 && geteuid() == uid && prctl(PR_SET_DUMPABLE, 0) == 0;
}

bool
owner_become(const char *path, struct buf *error)
{
	char directory[PATH_MAX];
	struct stat st;
	if (geteuid() != 0)
		return true;
	if (stat(path_directory(path, directory), &st) != 0)
		return fail(error, directory, strerror(errno));
	if (st.st_uid == 0)
		return true;
	errno = 0;
	if (!set_groups(st.st_uid, st.st_gid) || !set_user(st.st_uid))
		return fail(error, directory, strerror(errno));
	return true;
}
