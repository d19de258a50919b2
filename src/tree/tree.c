/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a tree, going down in it, and finding the matches of patterns. */
#include "uns/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tree.h"
#include "uns/cleanup.h"
#include "uns/sys.h"
#include "uns/vec.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)
#define DIR_BLOCK 65536

int uns_tree_open(const struct uns_root *root, const char *base, struct uns_tree *ret, struct uns_err *err)
{
	uns_auto_close int plain = uns_root_open_straight(root, base, DIR_FLAGS, err);
	uns_auto_free char *path = NULL;
	struct statvfs vfs;
	struct statfs fs;
	int fd;

	if (plain < 0)
		return -1;
	path = uns_str_dup(base, err);
	if (!path)
		return -1;
	if (fstatvfs(plain, &vfs) || fstatfs(plain, &fs))
		return uns_err_sys(err, errno, "cannot read the file system of %s", base);
	/* Any failure will do for the fallback: an old kernel, a filter, a missing privilege. What is forbidden shows up later. */
	ret->mount = -1;
	fd = uns_sys_open_clone(plain, &ret->mount);
	ret->cloned = fd >= 0;
	ret->fd = fd >= 0 ? fd : uns_take_fd(plain);
	ret->path = uns_take_ptr(path);
	ret->readonly = vfs.f_flag & ST_RDONLY;
	ret->btrfs = fs.f_type == BTRFS_SUPER_MAGIC;
	return 0;
}

void uns_tree_close(struct uns_tree *tree)
{
	if (tree->path)
		close(tree->fd);
	if (tree->path && tree->mount >= 0)
		close(tree->mount);
	free(tree->path);
	*tree = (struct uns_tree){.fd = -1, .mount = -1};
}

/* Without openat2 a mount shows by its device alone. */
static int enter_checked(int dirfd, const char *name, int flags)
{
	uns_auto_close int fd = openat(dirfd, name, flags);
	struct stat in, out;

	if (fd < 0)
		return -1;
	if (fstat(fd, &in) || fstat(dirfd, &out))
		return -1;
	if (in.st_dev != out.st_dev) {
		errno = EXDEV;
		return -1;
	}
	return uns_take_fd(fd);
}

int uns_tree_enter(const struct uns_tree *tree, int dirfd, const char *name, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
	                       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	long fd;

	if (!strcmp(name, "..")) {
		errno = EXDEV;
		return -1;
	}
	if (tree->cloned)
		return openat(dirfd, name, (int)how.flags);
	do { /* EAGAIN: something was renamed or mounted on the machine meanwhile */
		fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return enter_checked(dirfd, name, (int)how.flags);
	return (int)fd;
}

/* The first component of *path into buf, *path moved behind it. */
static const char *next_component(const char **path, struct uns_buf *buf, struct uns_err *err)
{
	size_t len = strcspn(*path, "/");

	buf->len = 0;
	if (uns_buf_append(buf, *path, len, err))
		return NULL;
	*path += len;
	*path += **path == '/';
	return buf->data;
}

int uns_tree_openat(const struct uns_tree *tree, const char *path, int flags, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf name = UNS_BUF_INIT;
	const char *rest = path, *component;
	uns_auto_close int dir = -1;

	for (;;) {
		int fd;

		component = next_component(&rest, &name, err);
		if (!component)
			return -1;
		fd = uns_tree_enter(tree, dir < 0 ? tree->fd : dir, component, *rest ? DIR_FLAGS : flags);
		if (fd < 0 && errno == EXDEV)
			return uns_err_sys(err, EXDEV, "%s/%s is behind a mount point; unmount what is mounted there", tree->path,
			                   path);
		if (fd < 0)
			return uns_err_sys(err, errno, "cannot open %s/%s", tree->path, path);
		if (!*rest)
			return fd;
		if (dir >= 0)
			close(dir);
		dir = fd;
	}
}

void uns_dirlist_done(struct uns_dirlist *l)
{
	free(l->order);
	free(l->block);
	uns_buf_done(&l->names);
	*l = (struct uns_dirlist){0};
}

static int dirlist_add(struct uns_dirlist *l, const struct dirent64 *d)
{
	struct uns_dirname *v;

	if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
		return 0;
	v = uns_vec_room(l->found, l->n, &l->cap, sizeof(*v));
	if (!v || l->names.len > UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	l->found = v;
	v[l->n] = (struct uns_dirname){d->d_ino, (uint32_t)l->names.len};
	if (uns_buf_append(&l->names, d->d_name, strlen(d->d_name) + 1, NULL)) {
		errno = ENOMEM;
		return -1;
	}
	l->n++;
	return 0;
}

static int compare_inodes(const void *a, const void *b)
{
	const struct uns_dirname *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* The offsets move to the front of the array, over what was read already. */
static void put_in_order(struct uns_dirlist *l)
{
	char *to = (char *)l->found;

	if (l->n)
		qsort(l->found, l->n, sizeof(*l->found), compare_inodes);
	for (size_t i = 0; i < l->n; i++) {
		uint32_t name = l->found[i].name;

		memcpy(to + i * sizeof(name), &name, sizeof(name));
	}
}

int uns_dirlist_read(struct uns_dirlist *l, int fd)
{
	l->n = 0;
	l->names.len = 0;
	if (!l->block)
		l->block = malloc(DIR_BLOCK);
	if (!l->block)
		return -1;
	for (;;) {
		ssize_t len = getdents64(fd, l->block, DIR_BLOCK);

		if (len < 0)
			return -1;
		if (!len)
			break;
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *d = (const void *)(l->block + at);

			if (dirlist_add(l, d))
				return -1;
			at += d->d_reclen;
		}
	}
	put_in_order(l);
	return 0;
}

void uns_dirlist_trim(struct uns_dirlist *l)
{
	void *order = realloc(l->order, (l->n + 1) * sizeof(*l->order)), *names = realloc(l->names.data, l->names.len + 1);

	l->order = order ? order : l->order;
	l->names.data = names ? names : l->names.data;
	free(l->block);
	l->block = NULL;
}

bool uns_tree_pattern_valid(const char *pattern)
{
	if (!strcmp(pattern, "."))
		return true;
	for (;;) {
		size_t len = strcspn(pattern, "/");

		if (!len || (len == 1 && *pattern == '.') || (len == 2 && !strncmp(pattern, "..", 2)))
			return false;
		if (!pattern[len])
			return true;
		pattern += len + 1;
	}
}

/* ---- glob: one component after the other over all prefixes found so far ---- */

struct glob {
	const struct uns_tree *tree;
	struct uns_strs *found, *symlinks; /* symlinks may be NULL */
	bool last;
	const struct uns_glob_past *past;
	/* The directory that the last prefix was in, as many are in the same. */
	int above;
	char *above_path;
};

static void glob_done(struct glob *g)
{
	if (g->above >= 0)
		close(g->above);
	free(g->above_path);
}

static int left_out(const struct glob *g, const char *path, const struct uns_err *why, struct uns_err *err)
{
	if (g->past && !g->past->failed(g->past->user, path, why))
		return 0;
	if (err)
		*err = *why;
	return -1;
}

/* A name that exists below prefix ("" is the base). */
static int glob_name(struct glob *g, int dirfd, const char *prefix, const char *name, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s%s%s", prefix, *prefix ? "/" : "", name);
	struct uns_err why = {0};
	struct stat st;

	if (!path)
		return -1;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) {
		if (errno == ENOENT || errno == ENAMETOOLONG)
			return 0;
		uns_err_sys(&why, errno, "cannot look at %s/%s", g->tree->path, path);
		return left_out(g, path, &why, err);
	}
	if (S_ISLNK(st.st_mode))
		return g->symlinks ? uns_strs_add(g->symlinks, path, err) : 0;
	if (!g->last && !S_ISDIR(st.st_mode))
		return 0;
	return uns_strs_add(g->found, path, err);
}

static int glob_star(struct glob *g, int dirfd, const char *prefix, const char *except, struct uns_err *err)
{
	uns_auto(uns_dirlist_done) struct uns_dirlist names = {0};
	struct uns_err why = {0};

	if (uns_dirlist_read(&names, dirfd)) {
		uns_err_sys(&why, errno, "cannot list %s/%s", g->tree->path, prefix);
		return left_out(g, *prefix ? prefix : ".", &why, err);
	}
	for (size_t i = 0; i < names.n; i++) {
		const char *name = uns_dirlist_name(&names, i);

		if (except && !strcmp(name, except))
			continue;
		if (glob_name(g, dirfd, prefix, name, err))
			return -1;
	}
	return 0;
}

/* Opens the prefix; -1 with why. */
static int open_prefix(struct glob *g, const char *prefix, struct uns_err *why)
{
	const char *slash = strrchr(prefix, '/');
	size_t len = slash ? (size_t)(slash - prefix) : 0;
	int fd;

	if (!slash)
		return uns_tree_openat(g->tree, *prefix ? prefix : ".", DIR_FLAGS, why);
	if (!g->above_path || strlen(g->above_path) != len || memcmp(g->above_path, prefix, len) != 0) {
		glob_done(g);
		g->above_path = strndup(prefix, len);
		g->above = g->above_path ? uns_tree_openat(g->tree, g->above_path, DIR_FLAGS, why) : uns_err_nomem(why);
		if (g->above < 0)
			return -1;
	}
	fd = uns_tree_enter(g->tree, g->above, slash + 1, DIR_FLAGS);
	return fd >= 0 ? fd : uns_tree_openat(g->tree, prefix, DIR_FLAGS, why); /* which says why */
}

static int glob_below(struct glob *g, const char *prefix, const char *component, struct uns_err *err)
{
	struct uns_err why = {0};
	uns_auto_close int fd = open_prefix(g, prefix, &why);

	if (fd < 0 && (why.errnum == ENOENT || why.errnum == ENOTDIR || why.errnum == ELOOP))
		return 0; /* gone since it was found */
	if (fd < 0)
		return left_out(g, *prefix ? prefix : ".", &why, err);
	if (!strcmp(component, "*"))
		return glob_star(g, fd, prefix, NULL, err);
	if (uns_str_starts(component, "*!"))
		return glob_star(g, fd, prefix, component + 2, err);
	return glob_name(g, fd, prefix, component, err);
}

static int move_all(struct uns_strs *to, const struct uns_strs *from, struct uns_err *err)
{
	for (size_t i = 0; i < from->n; i++)
		if (uns_strs_add(to, from->v[i], err))
			return -1;
	return 0;
}

int uns_tree_glob(const struct uns_tree *tree, const char *pattern, struct uns_strs *ret, struct uns_strs *ret_symlinks,
                  struct uns_err *err)
{
	return uns_tree_glob_past(tree, pattern, ret, ret_symlinks, NULL, err);
}

int uns_tree_glob_past(const struct uns_tree *tree, const char *pattern, struct uns_strs *ret, struct uns_strs *ret_symlinks,
                       const struct uns_glob_past *past, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs prefixes = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf name = UNS_BUF_INIT;
	const char *rest = pattern;

	if (!uns_tree_pattern_valid(pattern))
		return uns_err_set(err, UNS_E_INPUT,
		                   "pattern \"%s\" is not \".\" or a relative path of names, \"*\" and \"*!name\"", pattern);
	if (!strcmp(pattern, "."))
		return uns_strs_add(ret, ".", err);
	if (uns_strs_add(&prefixes, "", err))
		return -1;
	while (*rest) {
		uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;
		const char *component = next_component(&rest, &name, err);
		uns_auto(glob_done) struct glob g = {tree, &found, ret_symlinks, !*rest, past, -1, NULL};
		struct uns_strs old;

		if (!component)
			return -1;
		for (size_t i = 0; i < prefixes.n; i++)
			if (glob_below(&g, prefixes.v[i], component, err))
				return -1;
		old = prefixes;
		prefixes = found;
		found = old;
	}
	uns_strs_sort(&prefixes);
	return move_all(ret, &prefixes, err);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool listed(const struct uns_strs *sorted, const char *s)
{
	return sorted->n && bsearch(&s, sorted->v, sorted->n, sizeof(*sorted->v), compare_strings);
}

/* Whether a parent directory of the path is itself a match. */
static int covered(const struct uns_strs *sorted, const char *path, struct uns_err *err)
{
	uns_auto_free char *parent = uns_str_dup(path, err);
	char *slash;

	if (!parent)
		return -1;
	if (strcmp(path, ".") != 0 && listed(sorted, "."))
		return 1;
	while ((slash = strrchr(parent, '/'))) {
		*slash = '\0';
		if (listed(sorted, parent))
			return 1;
	}
	return 0;
}

int uns_tree_matches(const struct uns_tree *tree, const char *const patterns[], size_t n, struct uns_strs *ret,
                     struct uns_strs *ret_symlinks, struct uns_err *err)
{
	return uns_tree_matches_past(tree, patterns, n, ret, ret_symlinks, NULL, err);
}

int uns_tree_matches_past(const struct uns_tree *tree, const char *const patterns[], size_t n, struct uns_strs *ret,
                          struct uns_strs *ret_symlinks, const struct uns_glob_past *past, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs all = UNS_STRS_INIT;

	for (size_t i = 0; i < n; i++)
		if (uns_tree_glob_past(tree, patterns[i], &all, ret_symlinks, past, err))
			return -1;
	uns_strs_sort(&all);
	for (size_t i = 0; i < all.n; i++) {
		int below;

		if (i && !strcmp(all.v[i], all.v[i - 1]))
			continue;
		below = covered(&all, all.v[i], err);
		if (below < 0 || (!below && uns_strs_add(ret, all.v[i], err)))
			return -1;
	}
	return 0;
}
