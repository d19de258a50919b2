/* SPDX-License-Identifier: Apache-2.0 */
/* The reading of one inode, and what follows from it alone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs_tree.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hash.h"
#include "tree.h"
#include "uns/cleanup.h"
#include "uns/sys.h"

/* Linux 6.13; the numbers are the same on all architectures but alpha, which has them 110 higher. */
#ifndef __NR_getxattrat
#define __NR_getxattrat 464
#endif
#ifndef __NR_listxattrat
#define __NR_listxattrat 465
#endif

/* Bytes of the names of attributes, and of a value, as a rule. */
#define LIST_USUAL 256
#define VALUE_USUAL 1024

struct xattr_at {
	uint64_t value; /* the address */
	uint32_t size, flags;
};

void uns_reader_done(struct uns_reader *r)
{
	free(r->list);
	free(r->value);
	free(r->acl_access);
	free(r->acl_default);
	free(r->window);
	if (r->borrowed && r->saved_cwd >= 0) {
		(void)!fchdir(r->saved_cwd);
		close(r->saved_cwd);
	}
	*r = (struct uns_reader){.saved_cwd = -1};
}

int uns_reader_init(struct uns_reader *r, const struct uns_tree *tree, struct uns_err *err)
{
	*r = (struct uns_reader){.tree = tree, .at_calls = true, .saved_cwd = -1, .window = uns_attrwindow_new(tree)};
	r->list = malloc(XATTR_LIST_MAX);
	r->value = malloc(XATTR_SIZE_MAX);
	r->acl_access = malloc(XATTR_SIZE_MAX);
	r->acl_default = malloc(XATTR_SIZE_MAX);
	if (r->list && r->value && r->acl_access && r->acl_default)
		return 0;
	uns_reader_done(r);
	return uns_err_nomem(err);
}

/* Where an entry's attributes are read: by name in its directory, or through a pinned descriptor on older kernels. */
struct place {
	int dirfd;
	const char *name;
	bool cwd;      /* dirfd is the working directory */
	char proc[32]; /* "" : by name */
};

static ssize_t list_into(const struct place *p, char *list, size_t size)
{
	if (*p->proc)
		return listxattr(p->proc, list, size);
	if (p->cwd)
		return llistxattr(p->name, list, size);
	return syscall(__NR_listxattrat, p->dirfd, p->name, AT_SYMLINK_NOFOLLOW, list, size);
}

/* The kernel allocates as much as it is told that there is room for, which for 64 KiB takes longer than all the rest. */
static ssize_t list_names(const struct place *p, char *list)
{
	ssize_t n = list_into(p, list, LIST_USUAL);

	return n < 0 && errno == ERANGE ? list_into(p, list, XATTR_LIST_MAX) : n;
}

static ssize_t get_into(const struct place *p, const char *name, void *value, size_t size)
{
	struct xattr_at arg = {.value = (uintptr_t)value, .size = (uint32_t)size};

	if (*p->proc)
		return getxattr(p->proc, name, value, size);
	if (p->cwd)
		return lgetxattr(p->name, name, value, size);
	return syscall(__NR_getxattrat, p->dirfd, p->name, AT_SYMLINK_NOFOLLOW, name, &arg, sizeof(arg));
}

static ssize_t get_value(const struct place *p, const char *name, void *value, size_t size)
{
	ssize_t n = get_into(p, name, value, size < VALUE_USUAL ? size : VALUE_USUAL);

	return n < 0 && errno == ERANGE && size > VALUE_USUAL ? get_into(p, name, value, size) : n;
}

/* One attribute. One that vanished since it was listed is none. */
static int read_value(struct uns_reader *r, const struct place *p, const char *name, struct uns_entry *e)
{
	void *to = r->value;
	size_t max = XATTR_SIZE_MAX;
	bool cap = !strcmp(name, UNS_XATTR_CAP), access = !strcmp(name, UNS_XATTR_ACL_ACCESS);
	bool def = !strcmp(name, UNS_XATTR_ACL_DEFAULT);
	ssize_t len;

	if (cap) {
		to = e->cap;
		max = sizeof(e->cap);
	} else if (access || def) {
		to = access ? r->acl_access : r->acl_default;
	}
	len = get_value(p, name, to, max);
	if (len < 0)
		return errno == ENODATA ? 0 : -1;
	if (cap) {
		e->cap_len = (size_t)len;
	} else if (access) {
		e->acl_access = r->acl_access;
		e->acl_access_len = (size_t)len;
	} else if (def) {
		e->acl_default = r->acl_default;
		e->acl_default_len = (size_t)len;
	} else {
		e->xattr_hash += hash_bytes(hash_bytes(1, name, strlen(name)), r->value, (size_t)len);
	}
	return 0;
}

/* The kernel makes these from what is read anyway: from the owner (evm), or XFS as another name of the ACLs, IDs included. */
static bool derived(const char *name)
{
	return !strcmp(name, "security.evm") || !strcmp(name, "trusted.SGI_ACL_FILE") || !strcmp(name, "trusted.SGI_ACL_DEFAULT");
}

/* What containers in a user namespace cannot read, or what a change of owner may make invalid. Overlayfs' own is neither. */
static const char *odd(const char *name)
{
	if (!strncmp(name, "trusted.", 8))
		return strncmp(name, "trusted.overlay.", 16) && !derived(name) ? "trusted.*" : NULL;
	if (!strcmp(name, "security.ima"))
		return "security.ima";
	return strcmp(name, "security.evm") ? NULL : "security.evm";
}

static int read_values(struct uns_reader *r, const struct place *p, size_t listed, struct uns_entry *e, struct uns_err *err)
{
	for (size_t at = 0; at < listed; at += strlen(r->list + at) + 1) {
		uns_auto_free char *path = NULL;
		uns_auto_free char *plain = NULL;

		e->odd = e->odd ? e->odd : odd(r->list + at);
		if (derived(r->list + at) || !read_value(r, p, r->list + at, e))
			continue;
		if (errno == ENOENT)
			return 1;
		plain = uns_entry_path(e, NULL);
		path = plain ? uns_str_escape(plain, NULL) : NULL;
		return uns_err_sys(err, errno, "cannot read the attribute %s of %s/%s", r->list + at, r->tree->path,
		                   path ? path : "");
	}
	return 0;
}

static int open_pinned(struct place *p, struct uns_err *err)
{
	int fd = openat(p->dirfd, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return -2;
	if (fd < 0)
		return uns_err_sys(err, errno, "cannot open %s", p->name);
	snprintf(p->proc, sizeof(p->proc), "/proc/self/fd/%d", fd);
	return fd;
}

/* The thread that the program began with lends its directory, the others get one each. */
static void start_cwd(struct uns_reader *r)
{
	if (r->borrowed)
		r->saved_cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r->cwd = (r->borrowed ? r->saved_cwd >= 0 : !uns_sys_own_cwd()) ? UNS_CWD_OURS : UNS_CWD_NONE;
}

/* False where it cannot be: then each inode is pinned for the sake of its attributes, which takes three times as long. */
static bool enter_cwd(struct uns_reader *r, const struct uns_entry *e)
{
	if (r->cwd == UNS_CWD_UNKNOWN)
		start_cwd(r);
	if (r->cwd == UNS_CWD_NONE)
		return false;
	if (e->parent && r->cwd_ino == e->parent && r->cwd_dev == e->parent_dev)
		return true;
	r->cwd_dev = r->cwd_ino = 0;
	if (fchdir(e->dirfd))
		return false;
	r->cwd_dev = e->parent_dev;
	r->cwd_ino = e->parent;
	return true;
}

static int fail_to_list(const struct uns_reader *r, const struct uns_entry *e, int errnum, struct uns_err *err)
{
	uns_auto_free char *plain = uns_entry_path(e, NULL);
	uns_auto_free char *path = plain ? uns_str_escape(plain, NULL) : NULL;

	return uns_err_sys(err, errnum, "cannot list the attributes of %s/%s", r->tree->path, path ? path : "");
}

static int read_xattrs(struct uns_reader *r, int dirfd, const char *name, struct uns_entry *e, struct uns_err *err)
{
	struct place p = {.dirfd = dirfd, .name = name};
	uns_auto_close int fd = -1;
	ssize_t n = -1;

	if (e->fd >= 0) {
		snprintf(p.proc, sizeof(p.proc), "/proc/self/fd/%d", e->fd);
	} else if (r->at_calls) {
		n = list_names(&p, r->list);
		/* listxattr(2) itself never says EPERM: that is a system call filter which does not know the call. */
		if (n < 0 && (errno == ENOSYS || errno == EPERM))
			r->at_calls = false;
		else if (n < 0 && errno == ENOENT)
			return 1;
	}
	if (e->fd < 0 && !r->at_calls && enter_cwd(r, e)) {
		p.cwd = true;
		n = list_names(&p, r->list);
		if (n < 0 && errno == ENOENT)
			return 1;
	} else if (e->fd >= 0 || !r->at_calls) {
		fd = e->fd < 0 ? open_pinned(&p, err) : -1;
		if (e->fd < 0 && fd < 0)
			return fd == -2 ? 1 : -1;
		n = list_names(&p, r->list);
		if (n < 0 && errno == ENOENT)
			return uns_err_set(err, UNS_E_FAILED, "attributes cannot be read without /proc; mount it");
	}
	if (n < 0 && errno == EOPNOTSUPP)
		return 0;
	if (n < 0)
		return fail_to_list(r, e, errno, err);
	return n ? read_values(r, &p, (size_t)n, e, err) : 0;
}

static bool is_mount_point(const struct statx *st, int dirfd)
{
	struct stat dir;

	if (st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return st->stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return fstat(dirfd, &dir) == 0 && dir.st_dev != makedev(st->stx_dev_major, st->stx_dev_minor);
}

static void fill(struct uns_entry *e, const struct statx *st)
{
	e->uid = st->stx_uid;
	e->gid = st->stx_gid;
	e->mode = st->stx_mode;
	e->nlink = st->stx_nlink;
	e->dev = makedev(st->stx_dev_major, st->stx_dev_minor);
	e->ino = st->stx_ino;
	e->size = st->stx_size;
	e->mtime_sec = st->stx_mtime.tv_sec;
	e->mtime_nsec = st->stx_mtime.tv_nsec;
	e->ctime_sec = st->stx_ctime.tv_sec;
	e->ctime_nsec = st->stx_ctime.tv_nsec;
	e->born_sec = st->stx_mask & STATX_BTIME ? st->stx_btime.tv_sec : 0;
	e->born_nsec = st->stx_mask & STATX_BTIME ? st->stx_btime.tv_nsec : 0;
	e->rdev_major = st->stx_rdev_major;
	e->rdev_minor = st->stx_rdev_minor;
	e->immutable = st->stx_attributes & STATX_ATTR_IMMUTABLE;
	e->append = st->stx_attributes & STATX_ATTR_APPEND;
	e->cap_len = e->acl_access_len = e->acl_default_len = 0;
	e->acl_access = e->acl_default = NULL;
	e->xattr_hash = 0;
	e->odd = NULL;
	e->attributes = false;
}

static char *escaped_path(const struct uns_entry *e)
{
	uns_auto_free char *path = uns_entry_path(e, NULL);

	return path ? uns_str_escape(path, NULL) : NULL;
}

/* What was pinned is read through its descriptor, whatever its name leads to by now. */
static int look(const struct uns_reader *r, const struct uns_entry *e, struct statx *st, struct uns_err *err)
{
	uns_auto_free char *path = NULL;
	bool pinned = e->fd >= 0;

	if (!statx(pinned ? e->fd : e->dirfd, pinned ? "" : e->name,
	           AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (pinned ? AT_EMPTY_PATH : 0), STATX_BASIC_STATS | STATX_BTIME, st))
		return 0;
	if (errno == ENOENT)
		return 1;
	path = escaped_path(e);
	return uns_err_sys(err, errno, "cannot look at %s/%s", r->tree->path, path ? path : e->name);
}

static int read_rest(struct uns_reader *r, struct uns_entry *e, struct uns_err *err)
{
	if (r->wants && !r->wants(r->user, e))
		return 0;
	e->attributes = true;
	if (r->window && e->fd < 0 && e->dev == e->parent_dev && uns_attrwindow_none(&r->window, e->dirfd, e->dev, e->ino))
		return 0;
	return read_xattrs(r, e->dirfd, e->name, e, err);
}

static int pin(const struct uns_reader *r, struct uns_entry *e, struct uns_err *err)
{
	uns_auto_free char *path = NULL;

	e->fd = openat(e->dirfd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (e->fd >= 0)
		return 0;
	if (errno == ENOENT)
		return 1;
	path = escaped_path(e);
	return uns_err_sys(err, errno, "cannot open %s/%s", r->tree->path, path ? path : e->name);
}

int uns_reader_read(struct uns_reader *r, int dirfd, const char *name, struct uns_entry *e, struct uns_err *err)
{
	struct statx st;
	int rc;

	e->dirfd = dirfd;
	e->name = name;
	e->fd = -1;
	e->reader = r;
	rc = r->pins ? pin(r, e, err) : 0;
	if (rc)
		return rc;
	rc = look(r, e, &st, err);
	if (rc)
		return rc;
	/* Inside a clone there is no mount but its own root. */
	if (!r->tree->cloned && strcmp(name, ".") != 0 && is_mount_point(&st, dirfd)) {
		uns_auto_free char *path = escaped_path(e);

		uns_err_set(err, UNS_E_FAILED,
		            "%s/%s is a mount point, and what it hides cannot be reached here; unmount what is mounted there",
		            r->tree->path, path ? path : name);
		if (err)
			err->errnum = EXDEV;
		return -1;
	}
	/* Where a snapshot has no copy of a subvolume, btrfs shows a directory that is no inode: what it is given is not kept. */
	if (r->tree->btrfs && st.stx_ino == BTRFS_EMPTY_SUBVOL_DIR_OBJECTID)
		return 1;
	fill(e, &st);
	return read_rest(r, e, err);
}

int uns_reader_look(struct uns_reader *r, int dirfd, const char *name, struct uns_entry *e, struct uns_err *err)
{
	struct statx st;
	int rc;

	e->dirfd = dirfd;
	e->name = name;
	e->fd = -1;
	e->reader = r;
	rc = look(r, e, &st, err);
	if (!rc)
		fill(e, &st);
	return rc;
}

int uns_entry_again(struct uns_entry *e, struct uns_err *err)
{
	bool attributes = e->attributes;
	struct statx st;
	int rc = look(e->reader, e, &st, err);

	if (rc)
		return rc;
	fill(e, &st);
	e->attributes = attributes;
	return attributes ? read_xattrs(e->reader, e->dirfd, e->name, e, err) : 0;
}

char *uns_entry_path(const struct uns_entry *e, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (e->path)
		return uns_str_dup(e->path, err);
	if (!e->dir)
		return uns_str_dup(e->match, err);
	if (uns_dir_path(e->dir, &b, err) || (b.len && uns_buf_puts(&b, "/", err)) || uns_buf_puts(&b, e->name, err))
		return NULL;
	return uns_buf_take(&b, err);
}

int uns_entry_path_hash(const struct uns_entry *e, uint64_t *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_entry_path(e, err);

	if (!path)
		return -1;
	*ret = hash_bytes(0, path, strlen(path));
	return 0;
}

/* The type goes first, for the bytes alone may mean another inode to another file system. 0; 1: gone; -1 with errno. */
static int get_handle(int dirfd, const char *name, int flags, uint8_t ret[UNS_HANDLE_MAX], size_t *ret_len)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h.handle_bytes = MAX_HANDLE_SZ};
	int mount;

	*ret_len = 0;
	if (name_to_handle_at(dirfd, name, &u.h, &mount, flags)) {
		if (errno == ENOENT || errno == ESTALE)
			return 1;
		return errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM ? 0 : -1;
	}
	memcpy(ret, &u.h.handle_type, sizeof(u.h.handle_type));
	memcpy(ret + sizeof(u.h.handle_type), u.h.f_handle, u.h.handle_bytes);
	*ret_len = sizeof(u.h.handle_type) + u.h.handle_bytes;
	return 0;
}

int uns_entry_handle(const struct uns_entry *e, uint8_t ret[UNS_HANDLE_MAX], size_t *ret_len, struct uns_err *err)
{
	bool pinned = e->fd >= 0;
	int r = get_handle(pinned ? e->fd : e->dirfd, pinned ? "" : e->name, pinned ? AT_EMPTY_PATH : 0, ret, ret_len);

	return r < 0 ? uns_err_sys(err, errno, "cannot get the handle of %s in %s", e->name, e->reader->tree->path) : r;
}

int uns_tree_handle(const struct uns_tree *tree, uint8_t ret[UNS_HANDLE_MAX], size_t *ret_len, struct uns_err *err)
{
	int r = get_handle(tree->fd, "", AT_EMPTY_PATH, ret, ret_len);

	return r < 0 ? uns_err_sys(err, errno, "cannot get the handle of %s", tree->path) : r;
}

char *uns_entry_dev_path(const struct uns_entry *e, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	const struct uns_dir *d = e->dir;

	if (!d || d->dev != e->dev)
		return uns_entry_path(e, err);
	while (d->parent && d->parent->dev == e->dev)
		d = d->parent;
	if (uns_dir_path(d, &b, err))
		return NULL;
	return b.len ? uns_buf_take(&b, err) : uns_str_dup(".", err);
}

int uns_entry_pin(const struct uns_entry *e, struct uns_entry *ret, struct uns_err *err)
{
	int r;

	*ret = *e;
	r = pin(e->reader, ret, err);
	if (!r)
		r = uns_entry_again(ret, err);
	if (!r && (ret->dev != e->dev || ret->ino != e->ino))
		r = 1;
	if (r && ret->fd >= 0)
		close(ret->fd);
	return r;
}

struct acl_user {
	uns_entry_id f;
	void *user;
};

static void acl_id(void *user, bool group, uint32_t id)
{
	const struct acl_user *a = user;

	a->f(a->user, group ? "ACL gid" : "ACL uid", group, id);
}

int uns_entry_ids(const struct uns_entry *e, uns_entry_id f, void *user)
{
	struct acl_user a = {f, user};
	uint32_t rootid;
	int r = 0;

	f(user, "uid", false, e->uid);
	f(user, "gid", true, e->gid);
	if (e->cap_len && uns_cap_rootid(e->cap, e->cap_len, &rootid) == 0)
		f(user, "capability rootid", false, rootid);
	if (e->acl_access && uns_acl_ids(e->acl_access, e->acl_access_len, acl_id, &a))
		r = -1;
	if (e->acl_default && uns_acl_ids(e->acl_default, e->acl_default_len, acl_id, &a))
		r = -1;
	return r;
}

bool uns_entry_whiteout(const struct uns_entry *e)
{
	return S_ISCHR(e->mode) && !e->rdev_major && !e->rdev_minor;
}

bool uns_entry_fragile(const struct uns_entry *e)
{
	return !S_ISDIR(e->mode) && (e->mode & (S_ISUID | S_ISGID) || e->cap_len);
}
