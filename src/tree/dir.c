/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of a walk and their descriptors. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"
#include "uns/cleanup.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)
#define OPEN_MAX_DIRS 128
#define FEW 16 /* directories above, for which no memory is asked */

struct uns_dirslot {
	struct uns_dir *dir;
	int fd;
	unsigned users;
	struct uns_dirslot *newer, *older;
};

struct uns_dir *uns_dir_new(struct uns_dir *parent, const char *name, uint64_t dev, uint64_t ino)
{
	size_t len = name ? strlen(name) : 0;
	struct uns_dir *d = malloc(sizeof(*d) + len + 1);

	if (!d)
		return NULL;
	*d = (struct uns_dir){.parent = parent, .dev = dev, .ino = ino, .refs = 1};
	memcpy(d->name, name ? name : "", len + 1);
	if (parent) {
		d->match = parent->match;
		d->match_no = parent->match_no;
		atomic_fetch_add(&parent->refs, 1);
	}
	return d;
}

/* From the end to the front, because the way leads up. */
int uns_dir_path(const struct uns_dir *dir, struct uns_buf *ret, struct uns_err *err)
{
	const struct uns_dir *d = dir, *top;
	size_t len = 0, top_len;
	char *end;

	for (; d->parent; d = d->parent)
		len += strlen(d->name) + 1;
	top = d;
	top_len = strcmp(top->match, ".") != 0 ? strlen(top->match) : 0;
	if (!top_len && len)
		len--;
	if (!top_len && !len)
		return 0; /* the base itself */
	for (size_t i = 0; i < top_len + len; i++)
		if (uns_buf_append(ret, "/", 1, err))
			return -1;
	end = ret->data + ret->len;
	for (d = dir; d->parent; d = d->parent) {
		size_t n = strlen(d->name);

		end -= n;
		memcpy(end, d->name, n);
		end -= d->parent->parent || top_len; /* the slash is there */
	}
	if (top_len)
		memcpy(end - top_len, top->match, top_len);
	return 0;
}

int uns_walk_fail(const struct uns_tree *tree, const struct uns_dir *d, const char *name, int errnum, const char *what,
                  struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf path = UNS_BUF_INIT;
	uns_auto_free char *escaped = NULL;

	if (uns_dir_path(d, &path, NULL) || (name && uns_buf_printf(&path, NULL, "%s%s", path.len ? "/" : "", name)))
		return uns_err_nomem(err);
	escaped = uns_str_escape(path.len ? path.data : ".", NULL);
	if (errnum == EXDEV) {
		uns_err_set(err, UNS_E_FAILED, "%s/%s is a mount point; unmount what is mounted there", tree->path, escaped ? escaped : "");
		if (err)
			err->errnum = EXDEV;
		return -1;
	}
	return uns_err_sys(err, errnum, "cannot %s %s/%s", what, tree->path, escaped ? escaped : "");
}

/* ---- the descriptors ---- */

void uns_dircache_init(struct uns_dircache *c, const struct uns_tree *tree)
{
	struct rlimit limit;

	*c = (struct uns_dircache){.tree = tree, .lock = PTHREAD_MUTEX_INITIALIZER, .max = OPEN_MAX_DIRS};
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur / 8 < c->max)
		c->max = (size_t)limit.rlim_cur / 8;
	if (c->max < 4)
		c->max = 4;
}

void uns_dircache_done(struct uns_dircache *c)
{
	pthread_mutex_destroy(&c->lock);
}

static void unlink_slot(struct uns_dircache *c, struct uns_dirslot *s)
{
	*(s->newer ? &s->newer->older : &c->newest) = s->older;
	*(s->older ? &s->older->newer : &c->oldest) = s->newer;
}

static void link_newest(struct uns_dircache *c, struct uns_dirslot *s)
{
	s->newer = NULL;
	s->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = s;
	c->newest = s;
}

static void free_slot(struct uns_dircache *c, struct uns_dirslot *s)
{
	unlink_slot(c, s);
	close(s->fd);
	s->dir->slot = NULL;
	free(s);
	c->open--;
}

static void make_room(struct uns_dircache *c)
{
	struct uns_dirslot *s = c->oldest;

	while (s && c->open > c->max) {
		struct uns_dirslot *next = s->newer;

		if (!s->users)
			free_slot(c, s);
		s = next;
	}
}

/* -1: it is closed. */
static int use_open(struct uns_dircache *c, struct uns_dir *d)
{
	int fd = -1;

	pthread_mutex_lock(&c->lock);
	if (d->slot) {
		fd = d->slot->fd;
		d->slot->users++;
		unlink_slot(c, d->slot);
		link_newest(c, d->slot);
	}
	pthread_mutex_unlock(&c->lock);
	return fd;
}

int uns_dir_set(struct uns_dircache *c, struct uns_dir *d, int fd, struct uns_err *err)
{
	struct uns_dirslot *s = malloc(sizeof(*s));

	if (!s) {
		close(fd);
		return uns_err_nomem(err);
	}
	*s = (struct uns_dirslot){.dir = d, .fd = fd, .users = 1};
	pthread_mutex_lock(&c->lock);
	if (d->slot) { /* another thread was faster */
		d->slot->users++;
		close(fd);
		free(s);
	} else {
		d->slot = s;
		link_newest(c, s);
		c->open++;
		make_room(c);
	}
	pthread_mutex_unlock(&c->lock);
	return 0;
}

void uns_dir_put(struct uns_dircache *c, struct uns_dir *d)
{
	pthread_mutex_lock(&c->lock);
	d->slot->users--;
	pthread_mutex_unlock(&c->lock);
}

void uns_dir_unref(struct uns_dircache *c, struct uns_dir *d)
{
	while (d && atomic_fetch_sub(&d->refs, 1) == 1) {
		struct uns_dir *parent = d->parent;

		pthread_mutex_lock(&c->lock);
		if (d->slot)
			free_slot(c, d->slot);
		pthread_mutex_unlock(&c->lock);
		free(d);
		d = parent;
	}
}

/* ---- opening again ---- */

/* An open directory on the way down: held in the cache, or for itself. */
struct held {
	struct uns_dir *dir;
	int fd;
};

static void held_drop(struct uns_dircache *c, struct held *h)
{
	if (h->dir)
		uns_dir_put(c, h->dir);
	else if (h->fd >= 0)
		close(h->fd);
	*h = (struct held){NULL, -1};
}

/* 0, 1: gone or another one. */
static int open_below(struct uns_dircache *c, const struct held *above, const struct uns_dir *d, int *ret_fd, struct uns_err *err)
{
	struct uns_err why = {0};
	uns_auto_close int fd = d->parent ? uns_tree_enter(c->tree, above->fd, d->name, DIR_FLAGS)
	                                  : uns_tree_openat(c->tree, d->match, DIR_FLAGS, &why);
	int errnum = d->parent ? errno : why.errnum;
	struct stat st;

	if (fd < 0)
		return uns_vanished(errnum) ? 1 : uns_walk_fail(c->tree, d, NULL, errnum, "open", err);
	if (fstat(fd, &st))
		return uns_walk_fail(c->tree, d, NULL, errno, "look at", err);
	if (st.st_dev != d->dev || st.st_ino != d->ino)
		return 1;
	*ret_fd = uns_take_fd(fd);
	return 0;
}

/* chain[n - 1] is the uppermost that is closed; above is what it hangs in. Those next to the last one stay open: siblings of it,
 * and of them, will ask for them next. */
static int open_chain(struct uns_dircache *c, struct uns_dir *const *chain, size_t n, struct held above, int *ret_fd,
                      struct uns_err *err)
{
	while (n-- > 0) {
		int fd, r = open_below(c, &above, chain[n], &fd, err);

		held_drop(c, &above);
		if (r)
			return r;
		above = (struct held){NULL, fd};
		if (n >= c->max / 2)
			continue;
		if (uns_dir_set(c, chain[n], fd, err))
			return -1;
		above = (struct held){chain[n], chain[n]->slot->fd};
	}
	*ret_fd = above.fd;
	return 0;
}

int uns_dir_get(struct uns_dircache *c, struct uns_dir *d, int *ret_fd, struct uns_err *err)
{
	struct uns_dir *few[FEW], **chain = few;
	uns_auto_free struct uns_dir **many = NULL;
	struct uns_dir *p = d->parent;
	size_t n = 0, depth = 0;
	int fd = use_open(c, d);

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (!p || (fd = use_open(c, p)) >= 0)
		return open_chain(c, &d, 1, (struct held){p, fd}, ret_fd, err);
	for (p = d; p; p = p->parent)
		depth++;
	if (depth > FEW) {
		chain = many = malloc(depth * sizeof(*chain));
		if (!many)
			return uns_err_nomem(err);
	}
	for (p = d; p && (fd = p == d ? -1 : use_open(c, p)) < 0; p = p->parent)
		chain[n++] = p;
	return open_chain(c, chain, n, (struct held){p, fd}, ret_fd, err);
}
