/* SPDX-License-Identifier: Apache-2.0 */
/* The only door to effects: every call that changes the host goes through here, is counted, and can be failed or stopped by a test.
 * Unless said otherwise a function behaves as the system call of its name: 0 (or a descriptor) on success, -1 with errno set. */
#ifndef UNS_SYS_H
#define UNS_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "uns/err.h"
#include "uns/str.h"

/* Called around each effect. enter: returns 0 to go on or an errno with which the effect fails without being done; for a write
 * it may lower *len (a torn write). leave: called after the effect was done. len is NULL for effects without a length. */
struct uns_sys_hook {
	int (*enter)(void *user, const char *effect, size_t *len);
	void (*leave)(void *user, const char *effect);
	void *user;
};
void uns_sys_set_hook(const struct uns_sys_hook *hook); /* NULL removes it; the struct must outlive its use */
uint64_t uns_sys_effects(void);                          /* effects entered by this process so far */

/* O_CREAT|O_CLOEXEC|O_NOFOLLOW are added to flags. */
int uns_sys_create(int dirfd, const char *name, int flags, mode_t mode);
/* Writes everything or fails. */
int uns_sys_write(int fd, const void *data, size_t len);
int uns_sys_fallocate(int fd, off_t off, off_t len); /* keeps the file size (FALLOC_FL_KEEP_SIZE) */
int uns_sys_truncate(int fd, off_t len);
int uns_sys_fsync(int fd);
int uns_sys_syncfs(int fd);
/* All that was changed on the file system of the directory is durable, as after syncfs(2). Where a journal holds it all (ext4), it is
 * enough that the journal is written: places all over the disk are left to the kernel, which after a crash takes them from there. */
int uns_sys_commit(int dir);
bool uns_sys_has_journal(int fd); /* it is such a file system; no effect */
int uns_sys_rename(int olddir, const char *old, int newdir, const char *name, unsigned flags); /* renameat2; RENAME_NOREPLACE, … */
int uns_sys_link(int olddir, const char *old, int newdir, const char *name);
int uns_sys_unlink(int dirfd, const char *name, int flags);
int uns_sys_mkdir(int dirfd, const char *name, mode_t mode);

/* Ownership, never following a symlink: name "" means the inode of dirfd itself (also an O_PATH descriptor). */
int uns_sys_chown(int dirfd, const char *name, uid_t uid, gid_t gid);
/* The inode of fd (O_PATH allowed); it must not be a symlink. */
int uns_sys_chmod(int fd, mode_t mode);
int uns_sys_setxattr(int fd, const char *name, const void *value, size_t len);
int uns_sys_removexattr(int fd, const char *name);
int uns_sys_setflags(int fd, unsigned flags); /* FS_IOC_SETFLAGS; fd opened for reading */

/* Runs argv[0] (absolute path) with a fixed environment (PATH, LC_ALL=C), stdin from /dev/null, no other descriptor, signals at their
 * defaults; waits for it. *ret_status is waitpid's; output (stdout and stderr together, cut at 64 KiB) is appended to *output. */
int uns_sys_spawn(const char *const argv[], int *ret_status, struct uns_buf *output, struct uns_err *err);
/* Starts argv detached (own session, stdin from /dev/null, stdout and stderr appended to log, or /dev/null when log is NULL); with
 * env (NULL-terminated) or the fixed environment when env is NULL; cwd may be NULL. *ret_pid is its process. Not waited for. */
int uns_sys_daemon(const char *const argv[], const char *const env[], const char *cwd, const char *log, pid_t *ret_pid,
                   struct uns_err *err);
int uns_sys_kill(pid_t pid, int sig);

/* POST, PUT or DELETE to an engine's unix socket (docs.docker.com, Engine API). body may be NULL. *ret_http is the HTTP status, the
 * answer is appended to *answer. -1 only when no answer came. */
int uns_sys_http(const char *socket, const char *method, const char *path, const char *body, long *ret_http, struct uns_buf *answer,
                 struct uns_err *err);

/* A private detached view of the mount that holds fd's directory, with that directory as its root: no nested mounts, no symlink
 * following, no devices, no setuid, no atime updates (open_tree(2), mount_setattr(2)). *ret_mount is to be kept open as long as
 * anything of the view is used: without it the kernel takes a global lock each time that it looks up a name there. -1 with
 * ENOSYS/EPERM/EINVAL where the
 * kernel has it not. Not counted as an effect: nothing outside this process can see it. */
int uns_sys_open_clone(int fd, int *ret_mount);

/* A file in memory alone that holds these bytes, for libraries that only take the name of one: /proc/self/fd/N. Not counted as an effect:
 * nothing outside this process can see it. */
int uns_sys_memory_file(const void *data, size_t len);

/* From now on the calling thread has a working directory of its own (unshare(2), CLONE_FS). Not counted as an effect. */
int uns_sys_own_cwd(void);

#endif
