/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, and small makers of what stands in it. Included after test.h. */
#ifndef UNS_TEST_SCRATCH_H
#define UNS_TEST_SCRATCH_H

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct scratch {
	char path[512]; /* absolute */
	int fd;
};

static inline void scratch_make(struct scratch *s)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(s->path, sizeof(s->path), "%s/uns-test-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->fd >= 0);
}

static inline void scratch_run(const char *const argv[])
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Flags must be off already. rm copes with any depth. */
static inline void scratch_remove(struct scratch *s)
{
	const char *const argv[] = {"/bin/rm", "-rf", s->path, NULL};
	struct stat st;

	close(s->fd);
	scratch_run(argv);
	assert_int_equal(lstat(s->path, &st), -1);
}

static inline void put_dir(const struct scratch *s, const char *path)
{
	if (mkdirat(s->fd, path, 0755))
		fail_msg("mkdir %s: %s", path, strerror(errno));
}

static inline void put_file(const struct scratch *s, const char *path, const char *text)
{
	int fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		fail_msg("create %s: %s", path, strerror(errno));
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline void set_owner(const struct scratch *s, const char *path, uid_t uid, gid_t gid)
{
	assert_int_equal(fchownat(s->fd, path, uid, gid, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void set_mode(const struct scratch *s, const char *path, mode_t mode)
{
	assert_int_equal(fchmodat(s->fd, path, mode, 0), 0);
}

static inline char *scratch_path(const struct scratch *s, const char *path, char buf[1024])
{
	snprintf(buf, 1024, "%s/%s", s->path, path);
	return buf;
}

/* False, with a line, where the file system or the privileges at hand refuse it. */
static inline bool set_attr(const struct scratch *s, const char *path, const char *name, const void *value, size_t len)
{
	char buf[1024];

	if (!lsetxattr(scratch_path(s, path, buf), name, value, len, 0))
		return true;
	print_message("not tried: %s on %s: %s\n", name, path, strerror(errno));
	return false;
}

static inline bool set_inode_flags(const struct scratch *s, const char *path, int set)
{
	int fd = openat(s->fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC), flags = 0;
	bool ok;

	assert_true(fd >= 0);
	ok = !ioctl(fd, FS_IOC_GETFLAGS, &flags);
	flags = (flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL)) | set;
	ok = ok && !ioctl(fd, FS_IOC_SETFLAGS, &flags);
	if (!ok)
		print_message("not tried: inode flags on %s: %s\n", path, strerror(errno));
	close(fd);
	return ok;
}

static inline bool put_node(const struct scratch *s, const char *path, mode_t mode, dev_t dev)
{
	if (!mknodat(s->fd, path, mode, dev))
		return true;
	print_message("not tried: node %s: %s\n", path, strerror(errno));
	return false;
}

/* Directories that were not written to for long, as in a real tree: some code believes only those. One in skip is left young. */
static inline void age_dirs(const struct scratch *s, const char *path, unsigned skip)
{
	char top[1024], *paths[] = {scratch_path(s, path, top), NULL};
	const struct timespec old[2] = {{.tv_sec = 1600000000}, {.tv_sec = 1600000000}};
	FTS *fts = fts_open(paths, FTS_PHYSICAL, NULL);
	unsigned n = 0;
	FTSENT *e;

	assert_non_null(fts);
	while ((e = fts_read(fts)))
		if (e->fts_info == FTS_DP && (!skip || ++n % skip))
			assert_int_equal(utimensat(AT_FDCWD, e->fts_accpath, old, AT_SYMLINK_NOFOLLOW), 0);
	fts_close(fts);
}

/* cap_net_bind_service+ep, as a file carries it: version 2, or version 3 with a rootid. */
#define CAP_V2 "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define CAP_V3(rootid) "\x01\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" rootid
/* user::rw-, user:1000:r--, user:2000:rw-, group::r--, group:3000:r--, mask::rw-, other::r-- */
#define ACL_NAMED(id1000, id2000, id3000)                                                                                          \
	"\x02\x00\x00\x00"                                                                                                         \
	"\x01\x00\x06\x00\xff\xff\xff\xff"                                                                                         \
	"\x02\x00\x04\x00" id1000 "\x02\x00\x06\x00" id2000 "\x04\x00\x04\x00\xff\xff\xff\xff"                                     \
	"\x08\x00\x04\x00" id3000 "\x10\x00\x06\x00\xff\xff\xff\xff"                                                               \
	"\x20\x00\x04\x00\xff\xff\xff\xff"
#define ACL_HOME ACL_NAMED("\xe8\x03\x00\x00", "\xd0\x07\x00\x00", "\xb8\x0b\x00\x00")

#endif
