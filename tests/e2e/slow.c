/* SPDX-License-Identifier: Apache-2.0 */
/* A library to be preloaded: while the file that $SLOW names is there, each look at an inode and each change of an owner takes longer by
 * as many microseconds as its size says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void wait_a_little(void)
{
	const char *file = getenv("SLOW");
	struct stat st;

	if (file && !stat(file, &st) && st.st_size)
		usleep((useconds_t)st.st_size);
}

int statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret)
{
	static int (*real)(int, const char *, int, unsigned, struct statx *);

	if (!real)
		real = dlsym(RTLD_NEXT, "statx");
	wait_a_little();
	return real(fd, path, flags, mask, ret);
}

int fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
	static int (*real)(int, const char *, uid_t, gid_t, int);

	if (!real)
		real = dlsym(RTLD_NEXT, "fchownat");
	wait_a_little();
	return real(fd, path, uid, gid, flags);
}
