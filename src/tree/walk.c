/* SPDX-License-Identifier: Apache-2.0 */
/* The walk: a pool in which a directory is one piece of work. It is read whole, its entries are visited in inode order, which is
 * the order on disk, and each subdirectory becomes work of its own; one with many names is cut in pieces, so that several threads
 * share it. What waits knows only its parent and its name: no path, no descriptor. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"
#include "uns/cleanup.h"
#include "uns/pool.h"
#include "uns/progress.h"
#include "uns/vec.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)
#define PART 1024   /* names that one thread takes of a large directory */
#define GROW_AT 512 /* entries after which more threads are worth their start */
#define TOLD 64    /* entries after which whoever shows the progress is told */

/* The names of a large directory, which its parts share. */
struct listing {
	struct uns_dirlist list;
	atomic_uint refs;
};
struct part {
	bool part; /* true */
	struct uns_dir *dir;
	struct listing *listing; /* NULL: the caller's list of names, number from */
	size_t from, to;
};
struct worker {
	struct uns_reader reader;
	struct uns_dirlist list;
	struct uns_entry entry;
	struct uns_buf path;
	struct uns_dir **subdirs;
	size_t n, cap;
};
struct walk {
	const struct uns_tree *tree;
	const struct uns_strs *matches;
	const struct uns_walk *o;
	struct uns_dircache cache;
	struct worker *workers;
	unsigned jobs;
	atomic_size_t visited;
};

/* One piece of work by one worker. */
struct uns_walk_task {
	struct walk *w;
	struct worker *worker;
	struct uns_pool *pool;
	unsigned no;
	struct uns_dir *dir; /* while the caller goes through its names */
	int fd;
	size_t names;
	struct uns_err *err;
};

static void worker_done(struct worker *k)
{
	uns_reader_done(&k->reader);
	uns_dirlist_done(&k->list);
	uns_buf_done(&k->path);
	free(k->subdirs);
}

static void walk_done(struct walk *w)
{
	for (unsigned i = 0; w->workers && i < w->jobs; i++)
		worker_done(&w->workers[i]);
	free(w->workers);
	uns_dircache_done(&w->cache);
}

static void listing_unref(struct listing *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	uns_dirlist_done(&l->list);
	free(l);
}

static void drop(void *user, void *item)
{
	struct walk *w = user;
	struct part *p = item;

	if (!*(bool *)item) {
		uns_dir_unref(&w->cache, item);
		return;
	}
	listing_unref(p->listing);
	uns_dir_unref(&w->cache, p->dir);
	free(p);
}

/* ---- entries ---- */

static char *path_of(const struct uns_dir *dir)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	return uns_dir_path(dir, &b, NULL) || uns_buf_puts(&b, b.len ? "" : ".", NULL) ? NULL : uns_buf_take(&b, NULL);
}

/* After a failure of the directory, or (NULL) of the entry. 0: go on without it. */
static int left_out(struct uns_walk_task *t, const struct uns_dir *dir)
{
	const struct uns_walk *o = t->w->o;
	uns_auto_free char *path = NULL;

	if (!o->failed)
		return -1;
	path = dir ? path_of(dir) : uns_entry_path(&t->worker->entry, NULL);
	return path && !o->failed(o->users[t->no], path, t->err) ? 0 : -1;
}

/* Reads and visits one entry. 0; 1 when it is gone, or left out. A wish to stop is no failure that could be passed over. */
static int visit_entry(struct uns_walk_task *t, int dirfd, const char *name)
{
	struct worker *k = t->worker;
	int r;

	uns_progress_tick();
	if (uns_stop_check(t->err))
		return -1;
	r = uns_reader_read(&k->reader, dirfd, name, &k->entry, t->err);
	if (r < 0)
		r = left_out(t, NULL) ? -1 : 1;
	else if (!r && t->w->o->visit(t->w->o->users[t->no], &k->entry, t->err))
		r = left_out(t, NULL);
	if (k->entry.fd >= 0)
		close(k->entry.fd);
	k->entry.fd = -1;
	return r;
}

static int keep_subdir(struct uns_walk_task *t, struct uns_dir *dir, const char *name)
{
	struct worker *k = t->worker;
	struct uns_dir **v = uns_vec_room(k->subdirs, k->n, &k->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(t->err);
	k->subdirs = v;
	v[k->n] = uns_dir_new(dir, name, k->entry.dev, k->entry.ino);
	if (!v[k->n])
		return uns_err_nomem(t->err);
	k->n++;
	return 0;
}

static int set_path(struct uns_walk_task *t, size_t dir_len, const char *name)
{
	struct uns_buf *path = &t->worker->path;

	if (!t->w->o->paths)
		return 0;
	path->len = dir_len;
	if ((dir_len && uns_buf_append(path, "/", 1, t->err)) || uns_buf_puts(path, name, t->err))
		return -1;
	t->worker->entry.path = path->data;
	return 0;
}

static void start_dir(struct uns_walk_task *t, struct uns_dir *dir)
{
	struct uns_entry *e = &t->worker->entry;

	e->dir = dir;
	e->path = NULL;
	e->match = dir->match;
	e->match_no = dir->match_no;
	e->parent = dir->ino;
	e->parent_dev = dir->dev;
	t->worker->path.len = 0;
}

static void count(struct uns_walk_task *t, size_t n)
{
	if (atomic_fetch_add(&t->w->visited, n) + n < GROW_AT)
		return;
	uns_pool_grow(t->pool);
}

static int visit_names(struct uns_walk_task *t, struct uns_dir *dir, int fd, const struct uns_dirlist *l, size_t from, size_t to)
{
	size_t dir_len, told = from;
	uint64_t bytes = 0;

	start_dir(t, dir);
	if (t->w->o->paths && uns_dir_path(dir, &t->worker->path, t->err))
		return -1;
	dir_len = t->worker->path.len;
	for (size_t i = from; i < to; i++) {
		const char *name = uns_dirlist_name(l, i);
		int r = set_path(t, dir_len, name) ? -1 : visit_entry(t, fd, name);

		if (r < 0 || (!r && S_ISDIR(t->worker->entry.mode) && keep_subdir(t, dir, name)))
			return -1;
		if (!r && S_ISREG(t->worker->entry.mode))
			bytes += t->worker->entry.size;
		if (i + 1 - told == TOLD) {
			uns_progress_add(TOLD, bytes);
			told = i + 1;
			bytes = 0;
		}
	}
	uns_progress_add(to - told, bytes);
	count(t, to - from);
	return 0;
}

/* The first of them is to be the next, so it is added last. */
static int add_subdirs(struct uns_walk_task *t, bool ok)
{
	struct worker *k = t->worker;
	int r = ok ? 0 : -1;

	while (k->n) {
		struct uns_dir *d = k->subdirs[--k->n];

		if (r)
			uns_dir_unref(&t->w->cache, d);
		else
			r = uns_pool_add(t->pool, t->no, d, t->err);
	}
	return r;
}

static int visit_part(struct uns_walk_task *t, struct uns_dir *dir, int fd, const struct uns_dirlist *l, size_t from, size_t to)
{
	return add_subdirs(t, !visit_names(t, dir, fd, l, from, to));
}

/* ---- names that the caller knows ---- */

int uns_walk_visit(struct uns_walk_task *t, const char *name)
{
	int r = visit_entry(t, t->fd, name);

	t->names++;
	if (r < 0 || (!r && S_ISDIR(t->worker->entry.mode) && keep_subdir(t, t->dir, name)))
		return -1;
	return 0;
}

int uns_walk_look(struct uns_walk_task *t, const char *name, struct uns_entry *ret)
{
	t->names++;
	*ret = t->worker->entry;
	return uns_reader_look(&t->worker->reader, t->fd, name, ret, t->err);
}

int uns_walk_dirfd(const struct uns_walk_task *t)
{
	return t->fd;
}

static int visit_known(struct uns_walk_task *t, struct uns_dir *dir, int fd, unsigned list)
{
	int r;

	t->dir = dir;
	t->fd = fd;
	t->names = 0;
	start_dir(t, dir);
	r = add_subdirs(t, !t->w->o->names(t->w->o->users[t->no], t, list, t->err));
	count(t, t->names);
	return r;
}

/* ---- directories ---- */

static int add_part(struct uns_walk_task *t, struct uns_dir *dir, struct listing *l, size_t from)
{
	struct part *p = malloc(sizeof(*p));

	if (!p)
		return uns_err_nomem(t->err);
	*p = (struct part){true, dir, l, from, l && from + PART < l->list.n ? from + PART : l ? l->list.n : 0};
	if (l)
		atomic_fetch_add(&l->refs, 1);
	atomic_fetch_add(&dir->refs, 1);
	return uns_pool_add(t->pool, t->no, p, t->err);
}

static int cut(struct uns_walk_task *t, struct uns_dir *dir)
{
	struct listing *l = calloc(1, sizeof(*l));
	int r = 0;

	if (!l)
		return uns_err_nomem(t->err);
	l->list = t->worker->list;
	l->refs = 1;
	t->worker->list = (struct uns_dirlist){0};
	uns_dirlist_trim(&l->list);
	uns_pool_grow(t->pool);
	for (size_t n = (l->list.n + PART - 1) / PART; !r && n-- > 0;)
		r = add_part(t, dir, l, n * PART);
	listing_unref(l);
	return r;
}

static int visit_lists(struct uns_walk_task *t, struct uns_dir *dir, int fd, unsigned lists)
{
	int r = 0;

	if (lists > 1 && t->w->jobs > 1) {
		uns_pool_grow(t->pool);
		while (!r && lists-- > 0)
			r = add_part(t, dir, NULL, lists);
		return r;
	}
	for (unsigned i = 0; !r && i < lists; i++)
		r = visit_known(t, dir, fd, i);
	return r;
}

static int visit_dir(struct uns_walk_task *t, struct uns_dir *dir, int fd)
{
	struct uns_dirlist *l = &t->worker->list;
	unsigned lists = t->w->o->known ? t->w->o->known(t->w->o->users[t->no], dir->dev, dir->ino, fd) : 0;

	if (lists)
		return visit_lists(t, dir, fd, lists);
	if (uns_dirlist_read(l, fd)) {
		/* A directory that was removed while open has no entries left. */
		if (!uns_vanished(errno) && uns_walk_fail(t->w->tree, dir, NULL, errno, "list", t->err) && left_out(t, dir))
			return -1;
		l->n = 0;
	}
	return t->w->jobs > 1 && l->n > PART ? cut(t, dir) : visit_part(t, dir, fd, l, 0, l->n);
}

/* The directory that holds a match, and the match's name in it. */
static int open_holder(const struct walk *w, const char *match, const char **ret_name, struct uns_err *why)
{
	const char *slash = strrchr(match, '/');
	uns_auto_free char *holder = uns_str_dup(match, why);

	if (!holder)
		return -1;
	*ret_name = slash ? slash + 1 : match;
	if (slash)
		holder[slash - match] = '\0';
	return uns_tree_openat(w->tree, slash ? holder : ".", DIR_FLAGS, why);
}

/* The match itself. 0: it is a directory; 1: there is nothing below it. */
static int visit_match(struct uns_walk_task *t, struct uns_dir *dir)
{
	struct uns_err why = {0};
	struct uns_entry *e = &t->worker->entry;
	const char *name;
	uns_auto_close int fd = open_holder(t->w, dir->match, &name, &why);
	int r;

	if (fd < 0) {
		if (uns_vanished(why.errnum))
			return 1;
		*t->err = why;
		return left_out(t, dir) ? -1 : 1;
	}
	start_dir(t, dir);
	e->dir = NULL;
	e->parent = e->parent_dev = 0;
	e->path = dir->match;
	r = visit_entry(t, fd, name);
	if (r || !S_ISDIR(e->mode))
		return r < 0 ? -1 : 1;
	dir->dev = e->dev;
	dir->ino = e->ino;
	return 0;
}

static int do_dir(struct uns_walk_task *t, struct uns_dir *dir)
{
	bool match = !dir->parent;
	int fd, r = match ? visit_match(t, dir) : 0;

	if (r)
		return r < 0 ? -1 : 0;
	r = uns_dir_get(&t->w->cache, dir, &fd, t->err);
	if (r)
		return r < 0 ? left_out(t, dir) : 0;
	r = visit_dir(t, dir, fd);
	uns_dir_put(&t->w->cache, dir);
	return r;
}

static int do_part(struct uns_walk_task *t, const struct part *p)
{
	int fd, r = uns_dir_get(&t->w->cache, p->dir, &fd, t->err);

	if (r)
		return r < 0 ? left_out(t, p->dir) : 0;
	r = p->listing ? visit_part(t, p->dir, fd, &p->listing->list, p->from, p->to)
	               : visit_known(t, p->dir, fd, (unsigned)p->from);
	uns_dir_put(&t->w->cache, p->dir);
	return r;
}

static int work(void *user, struct uns_pool *pool, unsigned no, void *item, struct uns_err *err)
{
	struct walk *w = user;
	struct uns_walk_task t = {.w = w, .worker = &w->workers[no], .pool = pool, .no = no, .err = err};
	int r = *(bool *)item ? do_part(&t, item) : do_dir(&t, item);

	drop(w, item);
	return r;
}

/* ---- the whole ---- */

static int start_workers(struct walk *w, struct uns_err *err)
{
	w->workers = calloc(w->jobs, sizeof(*w->workers));
	if (!w->workers)
		return uns_err_nomem(err);
	for (unsigned i = 0; i < w->jobs; i++) {
		struct uns_reader *r = &w->workers[i].reader;

		if (uns_reader_init(r, w->tree, err))
			return -1;
		r->pins = w->o->pins;
		r->borrowed = !i;
		r->wants = w->o->wants;
		r->user = w->o->users[i];
		w->workers[i].entry.fd = -1;
	}
	return 0;
}

static int run(struct walk *w, struct uns_err *err)
{
	size_t n = w->matches->n;
	uns_auto_free void **items = calloc(n + 1, sizeof(*items));

	if (!items)
		return uns_err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		struct uns_dir *d = uns_dir_new(NULL, NULL, 0, 0);

		if (!d) {
			while (i-- > 0)
				free(items[i]);
			return uns_err_nomem(err);
		}
		d->match = w->matches->v[i];
		d->match_no = i;
		items[i] = d;
	}
	return uns_pool_run(w->jobs, items, n, work, drop, w, err);
}

void uns_walk_wish(struct uns_walk *w, unsigned jobs)
{
	w->jobs = !jobs ? UNS_WALK_JOBS : jobs < UNS_WALK_JOBS_MAX ? jobs : UNS_WALK_JOBS_MAX;
}

int uns_tree_walk_with(const struct uns_tree *tree, const struct uns_strs *matches, const struct uns_walk *o, struct uns_err *err)
{
	uns_auto(walk_done) struct walk w = {.tree = tree, .matches = matches, .o = o, .jobs = o->jobs ? o->jobs : 1};

	uns_dircache_init(&w.cache, tree);
	return start_workers(&w, err) || run(&w, err) ? -1 : 0;
}

int uns_tree_walk_matches(const struct uns_tree *tree, const struct uns_strs *matches, uns_visit visit, void *user,
                          struct uns_err *err)
{
	struct uns_walk o = {.jobs = 1, .paths = true, .visit = visit, .users = &user};

	return uns_tree_walk_with(tree, matches, &o, err);
}

int uns_tree_walk(const struct uns_tree *tree, const char *const patterns[], size_t n, uns_visit visit, void *user,
                  struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs matches = UNS_STRS_INIT;

	if (uns_tree_matches(tree, patterns, n, &matches, NULL, err))
		return -1;
	return uns_tree_walk_matches(tree, &matches, visit, user, err);
}
