/* SPDX-License-Identifier: Apache-2.0 */
/* The walk: one frame per level on a stack of its own. A directory is read whole, its entries are visited in inode order, and only
 * the names of its subdirectories are kept. Few directories stay open; one that was closed is opened again from the match on, never
 * by "..", which a rename meanwhile could have led elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"
#include "uns/cleanup.h"

#define OPEN_MAX_FRAMES 48 /* directories open at a time */
#define REOPEN_KEEP 24     /* how many of them a reopening leaves, so that the next ones need none */
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)

struct subdir {
	uint64_t dev, ino;
	size_t name; /* offset into the frame's names */
};
struct frame {
	int fd; /* -1: closed for now */
	uint64_t dev, ino;
	size_t path_len;
	struct subdir *v;
	size_t n, cap, next;
	struct uns_buf names;
};
struct walk {
	const struct uns_tree *tree;
	uns_visit visit;
	void *user;
	struct uns_err *err;
	struct uns_reader reader;
	struct uns_dirlist list;
	struct uns_entry entry;
	struct uns_buf path; /* of the innermost directory, or of the entry in it; "" is the base */
	const char *match;
	struct frame *stack;
	size_t depth, cap;
	size_t open_from; /* frames below this one are closed, the others open */
};

static void frame_done(struct frame *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->v);
	uns_buf_done(&f->names);
}

static void walk_done(struct walk *w)
{
	while (w->depth)
		frame_done(&w->stack[--w->depth]);
	free(w->stack);
	uns_reader_done(&w->reader);
	uns_dirlist_done(&w->list);
	uns_buf_done(&w->path);
}

/* The directory or entry went away or turned into something else: a live tree may do that at any time. */
static bool vanished(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ESTALE;
}

static int fail(struct walk *w, int errnum, const char *what)
{
	uns_auto_free char *path = uns_str_escape(w->path.len ? w->path.data : ".", NULL);

	if (errnum == EXDEV)
		return uns_err_set(w->err, UNS_E_FAILED, "%s/%s is a mount point; unmount what is mounted there", w->tree->path,
		                   path ? path : "");
	return uns_err_sys(w->err, errnum, "cannot %s %s/%s", what, w->tree->path, path ? path : "");
}

static void cut_path(struct walk *w, size_t len)
{
	w->path.len = len;
	w->path.data[len] = '\0';
}

static int set_path(struct walk *w, size_t dir_len, const char *name)
{
	w->path.len = dir_len;
	if (dir_len && uns_buf_append(&w->path, "/", 1, w->err))
		return -1;
	return uns_buf_puts(&w->path, name, w->err);
}

/* Reads and visits one entry; w->path is its path. 0, 1 when it is gone. */
static int visit_entry(struct walk *w, int dirfd, const char *name)
{
	int r;

	w->entry.path = w->path.len ? w->path.data : ".";
	w->entry.match = w->match;
	r = uns_reader_read(&w->reader, dirfd, name, &w->entry, w->err);
	return r ? r : w->visit(w->user, &w->entry, w->err);
}

static int keep_subdir(struct walk *w, struct frame *f, const char *name)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 8;
		struct subdir *v = reallocarray(f->v, cap, sizeof(*v));

		if (!v)
			return uns_err_nomem(w->err);
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n] = (struct subdir){w->entry.dev, w->entry.ino, f->names.len};
	if (uns_buf_append(&f->names, name, strlen(name) + 1, w->err))
		return -1;
	f->n++;
	return 0;
}

static int visit_entries(struct walk *w, struct frame *f)
{
	if (uns_dirlist_read(&w->list, f->fd)) {
		/* A directory that was removed while open has no entries left. */
		if (!vanished(errno))
			return fail(w, errno, "list");
		w->list.n = 0;
	}
	for (size_t i = 0; i < w->list.n; i++) {
		const char *name = w->list.names.data + w->list.v[i].name;
		int r;

		if (set_path(w, f->path_len, name))
			return -1;
		r = visit_entry(w, f->fd, name);
		if (r < 0)
			return -1;
		if (!r && S_ISDIR(w->entry.mode) && keep_subdir(w, f, name))
			return -1;
	}
	cut_path(w, f->path_len);
	return 0;
}

static struct frame *grow(struct walk *w)
{
	if (w->depth == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 32;
		struct frame *v = reallocarray(w->stack, cap, sizeof(*v));

		if (!v) {
			uns_err_nomem(w->err);
			return NULL;
		}
		w->stack = v;
		w->cap = cap;
	}
	return &w->stack[w->depth];
}

static void close_outermost(struct walk *w, size_t keep)
{
	while (w->depth - w->open_from > keep) {
		close(w->stack[w->open_from].fd);
		w->stack[w->open_from++].fd = -1;
	}
}

/* Goes into the directory that was just visited as (dev, ino); w->path is its path. Skipped when it is another one by now. */
static int push(struct walk *w, int dirfd, const char *name, uint64_t dev, uint64_t ino)
{
	uns_auto_close int fd = uns_tree_enter(w->tree, dirfd, name, DIR_FLAGS);
	struct frame *f;
	struct stat st;

	if (fd < 0)
		return vanished(errno) ? 0 : fail(w, errno, "open");
	if (fstat(fd, &st))
		return fail(w, errno, "look at");
	if (st.st_dev != dev || st.st_ino != ino)
		return 0;
	f = grow(w);
	if (!f)
		return -1;
	*f = (struct frame){.fd = uns_take_fd(fd), .dev = dev, .ino = ino, .path_len = w->path.len};
	if (!w->depth)
		w->open_from = 0;
	w->depth++;
	close_outermost(w, OPEN_MAX_FRAMES);
	return visit_entries(w, f);
}

static void pop(struct walk *w)
{
	frame_done(&w->stack[--w->depth]);
	if (w->open_from > w->depth)
		w->open_from = w->depth;
	if (w->depth)
		cut_path(w, w->stack[w->depth - 1].path_len);
}

/* The name of frame i in frame i - 1: the tail of its path, which the path of the innermost directory begins with. */
static char *frame_name(struct walk *w, size_t i)
{
	size_t from = w->stack[i - 1].path_len, to = w->stack[i].path_len;
	uns_auto(uns_buf_done) struct uns_buf name = UNS_BUF_INIT;

	from += from > 0;
	return uns_buf_append(&name, w->path.data + from, to - from, w->err) ? NULL : uns_buf_take(&name, w->err);
}

static bool is_frame(int fd, const struct frame *f)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_dev == f->dev && st.st_ino == f->ino;
}

/* Opens the frames again from the match down to the innermost, keeping the last few. 1: something on the way is gone. */
static int reopen(struct walk *w)
{
	struct uns_err why = {0};
	uns_auto_close int fd = uns_tree_openat(w->tree, w->match, DIR_FLAGS, &why);
	size_t first = w->depth > REOPEN_KEEP ? w->depth - REOPEN_KEEP : 0;

	if (!is_frame(fd, &w->stack[0]))
		return fd < 0 && !vanished(why.errnum) ? fail(w, why.errnum, "open again") : 1;
	for (size_t i = 1; i < w->depth; i++) {
		uns_auto_free char *name = frame_name(w, i);
		int next;

		if (!name)
			return -1;
		next = uns_tree_enter(w->tree, fd, name, DIR_FLAGS);
		if (next < 0 && !vanished(errno))
			return fail(w, errno, "open again");
		if (!is_frame(next, &w->stack[i])) {
			if (next >= 0)
				close(next);
			return 1;
		}
		if (i > first)
			w->stack[i - 1].fd = uns_take_fd(fd);
		else
			close(fd);
		fd = next;
	}
	w->stack[w->depth - 1].fd = uns_take_fd(fd);
	w->open_from = first;
	return 0;
}

/* After a reopening that broke off: what it had opened is closed again. */
static void give_up(struct walk *w)
{
	for (size_t i = 0; i < w->depth; i++) {
		if (w->stack[i].fd >= 0)
			close(w->stack[i].fd);
		w->stack[i].fd = -1;
	}
	w->open_from = w->depth;
}

/* One subdirectory further, or one level up. */
static int step(struct walk *w)
{
	struct frame *f = &w->stack[w->depth - 1];
	const struct subdir *s;

	if (f->next == f->n) {
		pop(w);
		return 0;
	}
	if (f->fd < 0) {
		int r = reopen(w);

		if (r)
			give_up(w);
		if (r < 0)
			return -1;
		if (r)
			f->next = f->n;
		return 0;
	}
	s = &f->v[f->next++];
	if (set_path(w, f->path_len, f->names.data + s->name) || push(w, f->fd, f->names.data + s->name, s->dev, s->ino))
		return -1;
	cut_path(w, w->stack[w->depth - 1].path_len);
	return 0;
}

/* The directory that holds a match, and the match's name in it. */
static int open_holder(struct walk *w, char **ret_name, struct uns_err *why)
{
	const char *slash = strrchr(w->match, '/');
	uns_auto_free char *name = uns_str_dup(slash ? slash + 1 : w->match, why);
	uns_auto_free char *holder = uns_str_dup(w->match, why);
	int fd;

	if (!name || !holder)
		return -1;
	if (slash)
		holder[slash - w->match] = '\0';
	fd = uns_tree_openat(w->tree, slash ? holder : ".", DIR_FLAGS, why);
	if (fd >= 0)
		*ret_name = uns_take_ptr(name);
	return fd;
}

static int walk_match(struct walk *w)
{
	struct uns_err why = {0};
	uns_auto_free char *name = NULL;
	uns_auto_close int fd = open_holder(w, &name, &why);
	int r;

	if (fd < 0) {
		if (vanished(why.errnum))
			return 0;
		if (w->err)
			*w->err = why;
		return -1;
	}
	if (set_path(w, 0, strcmp(w->match, ".") != 0 ? w->match : ""))
		return -1;
	r = visit_entry(w, fd, name);
	if (r || !S_ISDIR(w->entry.mode))
		return r < 0 ? -1 : 0;
	if (push(w, fd, name, w->entry.dev, w->entry.ino))
		return -1;
	while (w->depth)
		if (step(w))
			return -1;
	return 0;
}

int uns_tree_walk_matches(const struct uns_tree *tree, const struct uns_strs *matches, uns_visit visit, void *user,
                          struct uns_err *err)
{
	uns_auto(walk_done) struct walk w = {.tree = tree, .visit = visit, .user = user, .err = err};

	if (uns_reader_init(&w.reader, tree, err))
		return -1;
	for (size_t i = 0; i < matches->n; i++) {
		w.match = matches->v[i];
		w.entry.match_no = i;
		if (walk_match(&w))
			return -1;
	}
	return 0;
}

int uns_tree_walk(const struct uns_tree *tree, const char *const patterns[], size_t n, uns_visit visit, void *user,
                  struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs matches = UNS_STRS_INIT;

	if (uns_tree_matches(tree, patterns, n, &matches, NULL, err))
		return -1;
	return uns_tree_walk_matches(tree, &matches, visit, user, err);
}
