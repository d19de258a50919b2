/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "uns/cleanup.h"
#include "uns/lock.h"
#include "uns/sys.h"

#define SYMLINKS_MAX 40
#define OPEN_TRIES 32
#define TMP_SUFFIX ".usernsctl"

int uns_root_open(struct uns_root *ret, const char *dir, struct uns_err *err)
{
	uns_auto_free char *path = realpath(dir, NULL);
	uns_auto_close int fd = -1;

	if (!path || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		uns_err_sys(err, errno, "cannot open the root %s", dir);
		err->code = UNS_E_USAGE;
		return -1;
	}
	if (!strcmp(path, "/"))
		path[0] = '\0';
	ret->is_host = !*path;
	ret->fd = uns_take_fd(fd);
	ret->path = uns_take_ptr(path);
	return 0;
}

void uns_root_close(struct uns_root *root)
{
	uns_closep(&root->fd);
	free(root->path);
	root->path = NULL;
	root->fd = -1;
}

/* A directory stack for the walking fallback: ".." pops, and never below the root. */
struct walk {
	int fd[PATH_MAX / 2];
	size_t n;
};

static void walk_done(struct walk *w)
{
	while (w->n)
		close(w->fd[--w->n]);
}

static int walk_push(struct walk *w, int fd)
{
	if (w->n == sizeof(w->fd) / sizeof(*w->fd)) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	w->fd[w->n++] = fd;
	return 0;
}

static int walk_root(struct walk *w, int root)
{
	int fd;

	walk_done(w);
	fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : walk_push(w, fd);
}

/* Puts the symlink's target before the rest of the path. Returns 1 when it was absolute. */
static int expand(int dirfd, const char *name, const char *rest, char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target));
	size_t rest_len = strlen(rest);

	if (n < 0)
		return -1;
	if ((size_t)n + 1 + rest_len + 1 > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memmove(path + n + 1, rest, rest_len + 1);
	memcpy(path, target, (size_t)n);
	path[n] = '/';
	return target[0] == '/';
}

static int walk_component(struct walk *w, int root, const char *name, char *path, const char *rest, int flags, int *links, int *ret)
{
	int dir = w->fd[w->n - 1];
	bool last = rest[strspn(rest, "/")] == '\0';
	struct stat st;
	int fd, absolute;

	if (!strcmp(name, ".."))
		return w->n > 1 ? (close(w->fd[--w->n]), 0) : 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW))) {
		if (++*links > SYMLINKS_MAX) {
			errno = ELOOP;
			return -1;
		}
		absolute = expand(dir, name, rest, path);
		return absolute < 0 ? -1 : absolute && walk_root(w, root) ? -1 : 1;
	}
	fd = openat(dir, name, last ? flags | O_NOFOLLOW | O_CLOEXEC : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (last) {
		*ret = fd;
		return 0;
	}
	return walk_push(w, fd);
}

/* What openat2 RESOLVE_IN_ROOT does, component by component, for kernels before 5.6. */
static int walk_open(int root, const char *path, int flags)
{
	uns_auto(walk_done) struct walk w = { .n = 0 };
	char left[PATH_MAX], name[NAME_MAX + 1];
	int links = 0, fd = -1;

	if (strlen(path) >= sizeof(left)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(left, path, strlen(path) + 1);
	if (walk_root(&w, root))
		return -1;
	for (;;) {
		char *start = left + strspn(left, "/");
		size_t len = strcspn(start, "/");
		int r;

		if (!len)
			break;
		if (len > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, start, len);
		name[len] = '\0';
		r = !strcmp(name, ".") ? 0 : walk_component(&w, root, name, left, start + len, flags, &links, &fd);
		if (r < 0 || fd >= 0)
			return fd;
		if (r == 0)
			memmove(left, start + len, strlen(start + len) + 1);
	}
	return openat(w.fd[w.n - 1], ".", flags | O_CLOEXEC);
}

/* openat2(2): EAGAIN means that something was renamed or mounted on the machine meanwhile; it is to be tried again. */
static int open_in(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

		if (fd >= 0 || (errno != EAGAIN && errno != ENOSYS && errno != EPERM))
			return fd;
		if (errno != EAGAIN)
			break;
	}
	return walk_open(root, path, flags);
}

int uns_root_openat(const struct uns_root *root, const char *path, int flags, struct uns_err *err)
{
	int fd = open_in(root->fd, path, flags);

	if (fd < 0)
		uns_err_sys(err, errno, "cannot open %s%s", root->path, path);
	return fd;
}

/* Component by component, for kernels before 5.6. */
static int walk_straight(int root, const char *path, int flags)
{
	uns_auto_close int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

	for (path += strspn(path, "/"); at >= 0 && *path; path += strspn(path, "/")) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(path, "/");
		int next;

		if (len > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		if (!strcmp(name, "..")) {
			errno = ELOOP;
			return -1;
		}
		next = openat(at, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	return at < 0 ? -1 : openat(at, ".", flags | O_CLOEXEC);
}

int uns_root_open_straight(const struct uns_root *root, const char *path, int flags, struct uns_err *err)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	                       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
	int fd = -1;

	for (int tries = 0; fd < 0 && tries < OPEN_TRIES; tries++) {
		fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	if (fd < 0 && (errno == EAGAIN || errno == ENOSYS || errno == EPERM))
		fd = walk_straight(root->fd, path, flags);
	if (fd < 0)
		uns_err_sys(err, errno, "cannot open %s%s", root->path, path);
	return fd;
}

int uns_root_parent(const struct uns_root *root, const char *path, int *ret_dirfd, const char **ret_name, struct uns_err *err)
{
	const char *slash = strrchr(path, '/');
	uns_auto_free char *dir = NULL;
	int fd;

	if (!slash || !slash[1] || !strcmp(slash, "/.") || !strcmp(slash, "/.."))
		return uns_err_set(err, UNS_E_FAILED, "%s is no absolute path of a file", path);
	dir = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	if (!dir)
		return uns_err_nomem(err);
	fd = uns_root_openat(root, dir, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return -1;
	*ret_dirfd = fd;
	*ret_name = slash + 1;
	return 0;
}

static bool absent(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR;
}

int uns_root_stat(const struct uns_root *root, const char *path, struct stat *ret, struct uns_err *err)
{
	uns_auto_close int fd = open_in(root->fd, path, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 && absent(errno))
		return 1;
	if (fd < 0 || fstat(fd, &st))
		return uns_err_sys(err, errno, "cannot look at %s%s", root->path, path);
	*ret = st;
	return 0;
}

static int read_all(int fd, size_t max, struct uns_buf *ret, struct uns_err *err)
{
	char chunk[16384];
	size_t start = ret->len;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return uns_err_sys(err, errno, "cannot read");
		if (n == 0)
			return 0;
		if (ret->len - start + (size_t)n > max)
			return uns_err_set(err, UNS_E_INPUT, "larger than %zu bytes", max);
		if (uns_buf_append(ret, chunk, (size_t)n, err))
			return -1;
	}
}

int uns_root_read(const struct uns_root *root, const char *path, size_t max, struct uns_buf *ret, struct stat *ret_st,
                  struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	/* O_NONBLOCK: a fifo in the place of the file must not hang us. */
	uns_auto_close int fd = open_in(root->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && absent(errno))
		return 1;
	if (fd < 0 || fstat(fd, &st))
		return uns_err_sys(err, errno, "cannot open %s%s", root->path, path);
	if (!S_ISREG(st.st_mode))
		return uns_err_set(err, UNS_E_INPUT, "%s%s: not a regular file", root->path, path);
	if (read_all(fd, max, &b, err))
		return uns_err_prefix(err, "%s%s", root->path, path);
	if (uns_buf_append(ret, b.data, b.len, err))
		return -1;
	if (ret_st)
		*ret_st = st;
	return 0;
}

int uns_root_list(const struct uns_root *root, const char *path, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto_close int fd = open_in(root->fd, path, O_RDONLY | O_DIRECTORY);
	uns_auto(uns_closedirp) DIR *d = NULL;
	struct dirent *e;

	if (fd < 0 && absent(errno))
		return 1;
	if (fd < 0 || !(d = fdopendir(fd)))
		return uns_err_sys(err, errno, "cannot list %s%s", root->path, path);
	fd = -1; /* the stream owns it now */
	while ((errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && uns_strs_add(ret, e->d_name, err))
			return -1;
	if (errno)
		return uns_err_sys(err, errno, "cannot list %s%s", root->path, path);
	uns_strs_sort(ret);
	return 0;
}

char *uns_root_path_of(const struct uns_root *root, int fd, const char *path, struct uns_err *err)
{
	char link[64], target[PATH_MAX];
	size_t prefix = strlen(root->path);
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0) {
		uns_err_sys(err, errno, "cannot resolve %s%s", root->path, path);
		return NULL;
	}
	target[n] = '\0';
	if (!uns_path_below(target, root->path)) {
		uns_err_set(err, UNS_E_FAILED, "%s%s resolves to %s, outside of the root", root->path, path, target);
		return NULL;
	}
	return uns_str_dup(target[prefix] ? target + prefix : "/", err);
}

char *uns_root_resolve(const struct uns_root *root, const char *path, struct uns_err *err)
{
	uns_auto_close int fd = uns_root_openat(root, path, O_PATH, err);

	return fd < 0 ? NULL : uns_root_path_of(root, fd, path, err);
}

char *uns_root_host_path(const struct uns_root *root, const char *path, struct uns_err *err)
{
	return uns_str_printf(err, "%s%s", root->path, path);
}

static int copy_one_xattr(int from, int to, const char *name)
{
	char value[65536], have[65536]; /* XATTR_SIZE_MAX */
	ssize_t n = fgetxattr(from, name, value, sizeof(value));

	/* A label that the new file got by itself could often not be set by somebody who is not root. */
	if (n >= 0 && fgetxattr(to, name, have, sizeof(have)) == n && !memcmp(value, have, (size_t)n))
		return 0;
	return n < 0 ? -1 : uns_sys_setxattr(to, name, value, (size_t)n);
}

/* SELinux labels and ACLs belong to the name, so the new file gets them; a file system without xattrs has none to lose. */
static int copy_xattrs(int from, int to)
{
	char names[65536];
	ssize_t n = flistxattr(from, names, sizeof(names));

	if (n < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (char *p = names; p < names + n; p += strlen(p) + 1)
		if (copy_one_xattr(from, to, p))
			return -1;
	return 0;
}

/* Files that are made belong to root, or, when the caller is not root, to the caller. */
static int give(int fd, const struct stat *old)
{
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	if (!old && geteuid() != 0)
		return 0;
	if (st.st_uid == (old ? old->st_uid : 0) && st.st_gid == (old ? old->st_gid : 0))
		return 0;
	return uns_sys_chown(fd, "", old ? old->st_uid : 0, old ? old->st_gid : 0);
}

static int write_contents(int fd, int old, const void *data, size_t len, mode_t mode)
{
	struct stat st = { .st_mode = mode };

	if (old >= 0 && fstat(old, &st))
		return -1;
	if (uns_sys_write(fd, data, len) || give(fd, old >= 0 ? &st : NULL) || uns_sys_chmod(fd, st.st_mode & 07777))
		return -1;
	if (old >= 0 && copy_xattrs(old, fd))
		return -1;
	return uns_sys_fsync(fd);
}

static int drop_leftover(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -1;
	return uns_sys_unlink(dirfd, name, 0);
}

static int open_old(int dirfd, const char *name, int *ret)
{
	*ret = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return *ret < 0 && errno != ENOENT ? -1 : 0;
}

/* A whole file under the name tmp, with the attributes of old (-1: none) and on disk. */
static int write_tmp(int dirfd, const char *tmp, int old, const void *data, size_t len, mode_t mode)
{
	uns_auto_close int fd = -1;

	if (drop_leftover(dirfd, tmp))
		return -1;
	fd = uns_sys_create(dirfd, tmp, O_WRONLY | O_EXCL, 0600);
	return fd < 0 ? -1 : write_contents(fd, old, data, len, mode);
}

static int replace(int dirfd, const char *name, const char *tmp, const void *data, size_t len, mode_t mode)
{
	uns_auto_close int old = -1;

	if (open_old(dirfd, name, &old) || write_tmp(dirfd, tmp, old, data, len, mode))
		return -1;
	if (uns_sys_rename(dirfd, tmp, dirfd, name, 0))
		return -1;
	return uns_sys_fsync(dirfd);
}

int uns_root_write_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct uns_err *err)
{
	uns_auto_free char *tmp = uns_str_printf(err, "%s" TMP_SUFFIX, name);
	int errnum;

	if (!tmp)
		return -1;
	if (!replace(dirfd, name, tmp, data, len, mode))
		return 0;
	errnum = errno;
	drop_leftover(dirfd, tmp);
	return uns_err_sys(err, errnum, "cannot write %s", name);
}

int uns_root_write(const struct uns_root *root, const char *path, const void *data, size_t len, mode_t mode, struct uns_err *err)
{
	uns_auto_free char *real = uns_root_resolve(root, path, err);
	uns_auto_close int dir = -1;
	const char *name;

	if (!real && err->errnum != ENOENT)
		return -1;
	if (uns_root_parent(root, real ? real : path, &dir, &name, err))
		return -1;
	if (uns_root_write_at(dir, name, data, len, mode, err))
		return uns_err_prefix(err, "%s%s", root->path, path);
	return 0;
}

/* ---- replacing what others edit too ---- */

struct edit {
	const struct uns_root *root;
	const char *path;       /* for messages */
	int dir;
	const char *name;
	const struct stat *was; /* NULL: absent */
	int old;
	char *tmp, *backup, *backup_tmp;
};

static void edit_done(struct edit *e)
{
	uns_closep(&e->dir);
	uns_closep(&e->old);
	uns_freep(&e->tmp);
	uns_freep(&e->backup);
	uns_freep(&e->backup_tmp);
}

static int edit_changed(const struct edit *e, struct uns_err *err)
{
	uns_err_set(err, UNS_E_CONFLICT, "%s%s was changed by somebody else meanwhile", e->root->path, e->path);
	if (err)
		err->errnum = EAGAIN;
	return -1;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* Whether the name still leads to the very file that was read, and that is as it was. */
static int edit_compare(const struct edit *e, struct uns_err *err)
{
	struct stat st;
	bool absent_now = fstatat(e->dir, e->name, &st, AT_SYMLINK_NOFOLLOW) != 0;

	if (absent_now && errno != ENOENT)
		return uns_err_sys(err, errno, "cannot look at %s%s", e->root->path, e->path);
	if (!absent_now && S_ISLNK(st.st_mode))
		return uns_err_set(err, UNS_E_INPUT,
		                   "%s%s is a symbolic link, which shadow's tools refuse (ELOOP); expected a regular file",
		                   e->root->path, e->path);
	if (!absent_now && !S_ISREG(st.st_mode))
		return uns_err_set(err, UNS_E_INPUT, "%s%s: found no regular file; expected one", e->root->path, e->path);
	if (absent_now != !e->was || (e->was && !same_file(&st, e->was)))
		return edit_changed(e, err);
	return 0;
}

static int edit_open(struct edit *e, struct uns_err *err)
{
	uns_auto_free char *shown = uns_root_host_path(e->root, e->path, err);
	struct stat st;

	if (!shown || uns_root_parent(e->root, e->path, &e->dir, &e->name, err) || edit_compare(e, err))
		return -1;
	e->tmp = uns_str_printf(err, "%s" TMP_SUFFIX, e->name);
	e->backup = uns_str_printf(err, "%s-", e->name);
	e->backup_tmp = uns_str_printf(err, "%s-" TMP_SUFFIX, e->name);
	if (!e->tmp || !e->backup || !e->backup_tmp)
		return -1;
	if (!e->was)
		return 0;
	/* Over NFS flock(2) wants a descriptor that can be written. */
	e->old = openat(e->dir, e->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (e->old < 0 && open_old(e->dir, e->name, &e->old))
		return uns_err_sys(err, errno, "cannot open %s", shown);
	if (e->old < 0 || fstat(e->old, &st) || !same_file(&st, e->was))
		return edit_changed(e, err);
	return uns_lock_fd(e->old, shown, err);
}

static int edit_backup(const struct edit *e, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (read_all(e->old, SIZE_MAX, &b, err))
		return uns_err_prefix(err, "%s%s", e->root->path, e->path);
	if (write_tmp(e->dir, e->backup_tmp, e->old, b.data, b.len, 0) ||
	    uns_sys_rename(e->dir, e->backup_tmp, e->dir, e->backup, 0))
		return uns_err_sys(err, errno, "cannot write %s%s-", e->root->path, e->path);
	return 0;
}

/* A name that was absent is never taken over; where the file system cannot promise that, it was at least absent just now. */
static int edit_publish(const struct edit *e, struct uns_err *err)
{
	int r;

	if (edit_compare(e, err))
		return -1;
	r = uns_sys_rename(e->dir, e->tmp, e->dir, e->name, e->was ? 0 : RENAME_NOREPLACE);
	if (r && !e->was && errno == EEXIST)
		return edit_changed(e, err);
	if (r && !e->was && errno == EINVAL)
		r = uns_sys_rename(e->dir, e->tmp, e->dir, e->name, 0);
	return r || uns_sys_fsync(e->dir) ? uns_err_sys(err, errno, "cannot write %s%s", e->root->path, e->path) : 0;
}

static int edit_write(const struct edit *e, bool backup, const void *data, size_t len, mode_t mode, struct uns_err *err)
{
	if (backup && e->old >= 0 && edit_backup(e, err))
		return -1;
	if (write_tmp(e->dir, e->tmp, e->old, data, len, mode))
		return uns_err_sys(err, errno, "cannot write %s%s", e->root->path, e->path);
	return edit_publish(e, err);
}

int uns_root_replace(const struct uns_root *root, const char *path, const struct stat *old, bool backup, const void *data, size_t len,
                     mode_t mode, struct uns_err *err)
{
	uns_auto(edit_done) struct edit e = { .root = root, .path = path, .dir = -1, .was = old, .old = -1 };

	if (edit_open(&e, err))
		return -1;
	if (!edit_write(&e, backup, data, len, mode, err))
		return 0;
	drop_leftover(e.dir, e.backup_tmp);
	drop_leftover(e.dir, e.tmp);
	return -1;
}

/* ---- cleaning and removing ---- */

static int drop_tmp(int dirfd, const char *name, struct uns_err *err)
{
	static const char *const suffixes[] = { TMP_SUFFIX, "-" TMP_SUFFIX };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		uns_auto_free char *tmp = uns_str_printf(err, "%s%s", name, suffixes[i]);

		if (!tmp)
			return -1;
		if (drop_leftover(dirfd, tmp))
			return uns_err_sys(err, errno, "cannot remove %s", tmp);
	}
	return 0;
}

int uns_root_clean(const struct uns_root *root, const char *path, struct uns_err *err)
{
	uns_auto_free char *real = uns_root_resolve(root, path, err);
	uns_auto_close int dir = -1;
	const char *name;

	if (!real && err->errnum != ENOENT)
		return -1;
	if (uns_root_parent(root, real ? real : path, &dir, &name, err))
		return absent(err->errnum) ? 0 : -1;
	return drop_tmp(dir, name, err);
}

int uns_root_remove(const struct uns_root *root, const char *path, struct uns_err *err)
{
	uns_auto_close int dir = -1;
	const char *name;

	if (uns_root_parent(root, path, &dir, &name, err))
		return absent(err->errnum) ? 1 : -1;
	if (drop_tmp(dir, name, err))
		return -1;
	if (uns_sys_unlink(dir, name, 0))
		return errno == ENOENT ? 1 : uns_err_sys(err, errno, "cannot remove %s%s", root->path, path);
	if (uns_sys_fsync(dir))
		return uns_err_sys(err, errno, "cannot sync the directory of %s%s", root->path, path);
	return 0;
}
