/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "effect.h"
#include "uns/cleanup.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* Of ext4, Linux 5.15; ENODEV where there is no journal. With this flag nothing is done. */
#define EXT4_CHECKPOINT _IOW('f', 43, uint32_t)
#define EXT4_CHECKPOINT_DRY_RUN 4u

static const struct uns_sys_hook *the_hook;
static pthread_mutex_t the_hook_lock = PTHREAD_MUTEX_INITIALIZER; /* effects of several threads come to it one by one */

/* Threads count on lines of the processor's cache of their own; else each chown would wait for the other thread's. */
#define COUNTS 16
static struct {
	_Alignas(64) atomic_uint_fast64_t n;
} the_counts[COUNTS];
static atomic_uint the_threads;
static _Thread_local unsigned the_thread; /* counted from 1 */

void uns_sys_set_hook(const struct uns_sys_hook *hook)
{
	the_hook = hook;
}

uint64_t uns_sys_effects(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < COUNTS; i++)
		n += atomic_load(&the_counts[i].n);
	return n;
}

static void count_effect(void)
{
	if (!the_thread)
		the_thread = atomic_fetch_add(&the_threads, 1) + 1;
	atomic_fetch_add_explicit(&the_counts[the_thread % COUNTS].n, 1, memory_order_relaxed);
}

int uns_effect_enter(const char *effect, size_t *len)
{
	int errnum;

	count_effect();
	if (!the_hook)
		return 0;
	pthread_mutex_lock(&the_hook_lock);
	errnum = the_hook->enter(the_hook->user, effect, len);
	pthread_mutex_unlock(&the_hook_lock);
	if (!errnum)
		return 0;
	errno = errnum;
	return -1;
}

void uns_effect_leave(const char *effect)
{
	int saved = errno;

	if (the_hook) {
		pthread_mutex_lock(&the_hook_lock);
		the_hook->leave(the_hook->user, effect);
		pthread_mutex_unlock(&the_hook_lock);
	}
	errno = saved;
}

/* An effect that is one call which returns -1 or not. */
#define EFFECT(name, call) \
	({ \
		int effect_r_ = uns_effect_enter(name, NULL); \
		if (!effect_r_) { \
			effect_r_ = (int)(call); \
			uns_effect_leave(name); \
		} \
		effect_r_; \
	})

/* /proc/self/fd/N is the only way to chmod(2) and setxattr(2) the inode of an O_PATH descriptor on every kernel. */
#define PROC_FD_MAX 40
static const char *proc_fd(int fd, char buf[PROC_FD_MAX])
{
	snprintf(buf, PROC_FD_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

int uns_sys_create(int dirfd, const char *name, int flags, mode_t mode)
{
	return EFFECT("create", openat(dirfd, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int uns_sys_write(int fd, const void *data, size_t len)
{
	size_t wanted = len;
	int r;

	if (uns_effect_enter("write", &wanted))
		return -1;
	r = write_all(fd, data, wanted);
	uns_effect_leave("write");
	return r;
}

int uns_sys_fallocate(int fd, off_t off, off_t len)
{
	return EFFECT("fallocate", fallocate(fd, FALLOC_FL_KEEP_SIZE, off, len));
}

int uns_sys_truncate(int fd, off_t len)
{
	return EFFECT("truncate", ftruncate(fd, len));
}

int uns_sys_fsync(int fd)
{
	return EFFECT("fsync", fsync(fd));
}

int uns_sys_syncfs(int fd)
{
	return EFFECT("syncfs", syncfs(fd));
}

bool uns_sys_has_journal(int fd)
{
	uint32_t flags = EXT4_CHECKPOINT_DRY_RUN;
	struct statfs st;

	return !fstatfs(fd, &st) && st.f_type == EXT4_SUPER_MAGIC && !ioctl(fd, EXT4_CHECKPOINT, &flags);
}

/* Transactions of the journal are written in their order, so all that came before the making of this file is in it, or in an
 * earlier one. */
static int write_journal(int dir)
{
	uns_auto_close int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : fsync(fd);
}

int uns_sys_commit(int dir)
{
	return EFFECT("syncfs", uns_sys_has_journal(dir) && !write_journal(dir) ? 0 : syncfs(dir));
}

int uns_sys_rename(int olddir, const char *old, int newdir, const char *name, unsigned flags)
{
	return EFFECT("rename", renameat2(olddir, old, newdir, name, flags));
}

int uns_sys_link(int olddir, const char *old, int newdir, const char *name)
{
	return EFFECT("link", linkat(olddir, old, newdir, name, 0));
}

int uns_sys_unlink(int dirfd, const char *name, int flags)
{
	return EFFECT("unlink", unlinkat(dirfd, name, flags));
}

int uns_sys_mkdir(int dirfd, const char *name, mode_t mode)
{
	return EFFECT("mkdir", mkdirat(dirfd, name, mode));
}

int uns_sys_chown(int dirfd, const char *name, uid_t uid, gid_t gid)
{
	return EFFECT("chown", fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)));
}

int uns_sys_chmod(int fd, mode_t mode)
{
	char path[PROC_FD_MAX];

	return EFFECT("chmod", chmod(proc_fd(fd, path), mode));
}

int uns_sys_setxattr(int fd, const char *name, const void *value, size_t len)
{
	char path[PROC_FD_MAX];

	return EFFECT("setxattr", setxattr(proc_fd(fd, path), name, value, len, 0));
}

int uns_sys_removexattr(int fd, const char *name)
{
	char path[PROC_FD_MAX];

	return EFFECT("removexattr", removexattr(proc_fd(fd, path), name));
}

int uns_sys_setflags(int fd, unsigned flags)
{
	return EFFECT("setflags", ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

int uns_sys_memory_file(const void *data, size_t len)
{
	uns_auto_close int fd = memfd_create("usernsctl", MFD_CLOEXEC);
	const char *p = data;

	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return uns_take_fd(fd);
}

int uns_sys_own_cwd(void)
{
	return unshare(CLONE_FS);
}

int uns_sys_open_clone(int fd, int *ret_mount)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME |
		                               MOUNT_ATTR_NOSYMFOLLOW,
		                   .attr_clr = MOUNT_ATTR__ATIME };
	uns_auto_close int clone = (int)syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int dir;

	if (clone < 0)
		return -1;
	if (syscall(SYS_mount_setattr, clone, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		return -1;
	/* The clone itself is an O_PATH descriptor; one that can be read and synced is wanted. */
	dir = openat(clone, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		*ret_mount = uns_take_fd(clone);
	return dir;
}
