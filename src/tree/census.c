/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what a shift would meet. Memory grows only with the number of inodes that have several names. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/progress.h"

#define BLOCKS 65536 /* blocks of UNS_ID_BLOCK IDs in 32 bits */

/* Inodes with several names; value: names not met so far. One for all threads of a walk. */
struct links {
	pthread_mutex_t lock;
	struct uns_inomap met;
};
struct uns_census_run {
	struct uns_census c;
	struct links *links, own; /* links: own, or those of the run that this one was forked from */
	const struct uns_maps *maps;
	const char *base; /* where messages say that the inodes are; when what cannot be read is noted */
	uint8_t uid_blocks[BLOCKS / 8], gid_blocks[BLOCKS / 8];
};

static void list_done(struct uns_census_list *l)
{
	uns_strs_done(&l->paths);
	l->n = 0;
}

void uns_census_done(struct uns_census *c)
{
	uns_rangeset_done(&c->uid_blocks);
	uns_rangeset_done(&c->gid_blocks);
	list_done(&c->unmapped);
	list_done(&c->in_target);
	list_done(&c->outside);
	list_done(&c->symlinks);
	list_done(&c->flagged);
	list_done(&c->xattrs);
	list_done(&c->unread);
}

int uns_census_note_text(struct uns_census_list *l, const char *text, struct uns_err *err)
{
	if (l->paths.n < UNS_CENSUS_LISTED && uns_strs_add(&l->paths, text, err))
		return -1;
	l->n++;
	return 0;
}

int uns_census_note(struct uns_census_list *l, const char *path, const char *what, struct uns_err *err)
{
	uns_auto_free char *escaped = uns_str_escape(path, err);
	uns_auto_free char *text = escaped && what ? uns_str_printf(err, "%s (%s)", escaped, what) : NULL;

	return !escaped || (what && !text) ? -1 : uns_census_note_text(l, text ? text : escaped, err);
}

int uns_census_note_entry(struct uns_census_list *l, const struct uns_entry *e, const char *what, struct uns_err *err)
{
	uns_auto_free char *path = NULL;

	if (l->paths.n == UNS_CENSUS_LISTED) {
		l->n++;
		return 0;
	}
	path = uns_entry_path(e, err);
	return path ? uns_census_note(l, path, what, err) : -1;
}

int uns_census_list_join(struct uns_census_list *l, const struct uns_census_list *more, struct uns_err *err)
{
	for (size_t i = 0; i < more->paths.n; i++)
		if (uns_strs_add(&l->paths, more->paths.v[i], err))
			return -1;
	if (more->paths.n)
		uns_strs_sort(&l->paths);
	while (l->paths.n > UNS_CENSUS_LISTED)
		free(l->paths.v[--l->paths.n]);
	l->n += more->n;
	return 0;
}

struct uns_census_run *uns_census_run_new(const struct uns_maps *maps, struct uns_err *err)
{
	struct uns_census_run *run = calloc(1, sizeof(*run));

	if (!run) {
		uns_err_nomem(err);
		return NULL;
	}
	run->maps = maps;
	run->links = &run->own;
	pthread_mutex_init(&run->own.lock, NULL);
	return run;
}

struct uns_census_run *uns_census_run_fork(struct uns_census_run *run, struct uns_err *err)
{
	struct uns_census_run *forked = uns_census_run_new(run->maps, err);

	if (forked)
		forked->links = &run->own;
	return forked;
}

void uns_census_run_free(struct uns_census_run *run)
{
	if (!run)
		return;
	uns_census_done(&run->c);
	uns_inomap_done(&run->own.met);
	pthread_mutex_destroy(&run->own.lock);
	free(run);
}

/* A block that several threads met keeps the name that is first by name, so that a message is the same each time. */
static int join_blocks(struct uns_rangeset *to, const struct uns_rangeset *from, struct uns_err *err)
{
	for (size_t i = 0; i < from->n; i++) {
		struct uns_taken *have = NULL;

		for (size_t k = 0; k < to->n && !have; k++)
			if (to->v[k].range.start == from->v[i].range.start)
				have = &to->v[k];
		if (!have && uns_rangeset_add(to, from->v[i].range, from->v[i].who, err))
			return -1;
		if (have && strcmp(from->v[i].who, have->who) < 0) {
			char *who = uns_str_dup(from->v[i].who, err);

			if (!who)
				return -1;
			free(have->who);
			have->who = who;
		}
	}
	return 0;
}

int uns_census_run_join(struct uns_census_run *run, struct uns_census_run *forked, struct uns_err *err)
{
	struct uns_census *c = &run->c, *more = &forked->c;

	c->inodes += more->inodes;
	c->directories += more->directories;
	c->bytes = uns_num_sum(c->bytes, more->bytes);
	c->specials += more->specials;
	c->acls += more->acls;
	c->home += more->home;
	c->capabilities += more->capabilities;
	c->hard_links += more->hard_links;
	c->max_uid = more->max_uid > c->max_uid ? more->max_uid : c->max_uid;
	c->max_gid = more->max_gid > c->max_gid ? more->max_gid : c->max_gid;
	return join_blocks(&c->uid_blocks, &more->uid_blocks, err) || join_blocks(&c->gid_blocks, &more->gid_blocks, err) ||
	               uns_census_list_join(&c->unmapped, &more->unmapped, err) ||
	               uns_census_list_join(&c->in_target, &more->in_target, err) ||
	               uns_census_list_join(&c->flagged, &more->flagged, err) ||
	               uns_census_list_join(&c->xattrs, &more->xattrs, err) ||
	               uns_census_list_join(&c->unread, &more->unread, err)
	           ? -1
	           : 0;
}

/* What is found among the IDs of one inode; each problem counts once per inode. */
struct ids {
	struct uns_census_run *run;
	const struct uns_entry *e;
	bool unmapped, in_target, home;
	struct uns_err *err;
	int r;
};

/* The block gets the name of the first path that uses it. */
static void take_block(struct ids *s, bool group, uint32_t id)
{
	uint8_t *bits = group ? s->run->gid_blocks : s->run->uid_blocks;
	struct uns_rangeset *set = group ? &s->run->c.gid_blocks : &s->run->c.uid_blocks;
	uint32_t block = id / UNS_ID_BLOCK;
	struct uns_range r = {block * UNS_ID_BLOCK, UNS_ID_BLOCK};
	uns_auto_free char *plain = NULL;
	uns_auto_free char *path = NULL;

	if (bits[block / 8] & 1u << block % 8)
		return;
	bits[block / 8] |= (uint8_t)(1u << block % 8);
	if (!uns_range_valid(r))
		r.count = UNS_ID_LAST - r.start + 1; /* the last block ends before (uid_t)-1 */
	plain = uns_entry_path(s->e, s->err);
	path = plain ? uns_str_escape(plain, s->err) : NULL;
	if (!path || uns_rangeset_add(set, r, path, s->err))
		s->r = -1;
}

static void take_side(struct ids *s, const char *what, bool group, uint32_t id)
{
	const struct uns_map *map = group ? &s->run->maps->gid : &s->run->maps->uid;
	enum uns_idside side = uns_map_side(map, id);
	struct uns_census_list *l = side == UNS_ID_OUTSIDE ? &s->run->c.unmapped : &s->run->c.in_target;
	bool *seen = side == UNS_ID_OUTSIDE ? &s->unmapped : &s->in_target;
	char text[64];

	s->home = s->home || side == UNS_ID_HOME;
	if (side == UNS_ID_HOME || *seen || !map->n)
		return;
	*seen = true;
	snprintf(text, sizeof(text), "%s %u", what, id);
	if (uns_census_note_entry(l, s->e, text, s->err))
		s->r = -1;
}

static void take_id(void *user, const char *what, bool group, uint32_t id)
{
	struct ids *s = user;
	uint32_t *max = group ? &s->run->c.max_gid : &s->run->c.max_uid;

	if (id > *max)
		*max = id;
	take_block(s, group, id);
	if (s->run->maps)
		take_side(s, what, group, id);
}

/* 1 when the inode was counted under another name. */
static int count_link(struct uns_census_run *run, const struct uns_entry *e, struct uns_err *err)
{
	struct uns_inoslot *slot;
	bool is_new = false;

	if (S_ISDIR(e->mode) || e->nlink < 2)
		return 0;
	pthread_mutex_lock(&run->links->lock);
	slot = uns_inomap_add(&run->links->met, e->dev, e->ino, &is_new, err);
	if (slot && is_new)
		slot->value = uns_entry_whiteout(e) ? 1 : e->nlink;
	if (slot && slot->value)
		slot->value--;
	pthread_mutex_unlock(&run->links->lock);
	run->c.hard_links += is_new;
	return !slot ? -1 : !is_new;
}

int uns_census_run_add(struct uns_census_run *run, const struct uns_entry *e, struct uns_err *err)
{
	struct ids s = {.run = run, .e = e, .err = err};
	int r = count_link(run, e, err);

	if (r)
		return r < 0 ? -1 : 0;
	run->c.inodes++;
	if (S_ISDIR(e->mode))
		run->c.directories++;
	else
		run->c.bytes = uns_num_sum(run->c.bytes, e->size);
	run->c.specials += uns_entry_fragile(e) || e->immutable || e->append;
	run->c.acls += e->acl_access || e->acl_default;
	run->c.capabilities += e->cap_len > 0;
	if ((e->immutable || e->append) &&
	    uns_census_note_entry(&run->c.flagged, e, e->immutable ? "immutable" : "append-only", err))
		return -1;
	if (e->odd && uns_census_note_entry(&run->c.xattrs, e, e->odd, err))
		return -1;
	if (uns_entry_ids(e, take_id, &s)) {
		uns_auto_free char *plain = uns_entry_path(e, NULL);
		uns_auto_free char *path = plain ? uns_str_escape(plain, NULL) : NULL;

		uns_err_set(err, UNS_E_FAILED, "%s has a malformed ACL; remove it with setfacl -b", path ? path : "");
		if (err)
			err->errnum = EINVAL;
		return -1;
	}
	run->c.home += s.home;
	return s.r;
}

/* ---- names outside ---- */

static int name_link(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct uns_census_run *run = user;
	struct uns_inoslot *slot = S_ISDIR(e->mode) ? NULL : uns_inomap_find(&run->own.met, e->dev, e->ino);
	char text[64];

	if (!slot || !slot->value)
		return 0;
	snprintf(text, sizeof(text), "%llu of %u names elsewhere", (unsigned long long)slot->value, e->nlink);
	slot->value = 0;
	return uns_census_note(&run->c.outside, e->path, text, err);
}

/* The first walk said what there was to say of it. */
static int pass_over(void *user, const char *path, const struct uns_err *why)
{
	(void)user, (void)path, (void)why;
	return 0;
}

/* The paths are read in a second walk, because keeping them would cost memory for each such inode, and almost never are any wanted.
 */
static int name_links(struct uns_census_run *run, const struct uns_tree *tree, const struct uns_strs *matches, struct uns_err *err)
{
	void *user = run;
	struct uns_walk w = {.jobs = 1, .paths = true, .visit = name_link, .failed = pass_over, .users = &user};
	uint64_t n = 0;

	for (size_t i = 0; i < run->own.met.cap; i++)
		n += run->own.met.v[i].used && run->own.met.v[i].value;
	return n ? uns_tree_walk_with(tree, matches, &w, err) : 0;
}

int uns_census_run_end(struct uns_census_run *run, const struct uns_tree *tree, const struct uns_strs *matches,
                       const struct uns_strs *symlinks, struct uns_census *ret, struct uns_err *err)
{
	for (size_t i = 0; i < symlinks->n; i++)
		if (uns_census_note(&run->c.symlinks, symlinks->v[i], "symlink", err))
			return -1;
	if (name_links(run, tree, matches, err))
		return -1;
	/* The order of the walk, which is that of the disk, is nothing that a message should depend on. */
	uns_strs_sort(&run->c.unmapped.paths);
	uns_strs_sort(&run->c.in_target.paths);
	uns_strs_sort(&run->c.outside.paths);
	uns_strs_sort(&run->c.flagged.paths);
	uns_strs_sort(&run->c.xattrs.paths);
	uns_strs_sort(&run->c.unread.paths);
	*ret = run->c;
	run->c = (struct uns_census){0};
	return 0;
}

static int visit(void *user, const struct uns_entry *e, struct uns_err *err)
{
	return uns_census_run_add(user, e, err);
}

/* IDs up to max are sources of the map, so that none is a target or outside. */
static bool moves_all(const struct uns_map *map, uint32_t max)
{
	return map->n == 1 && map->v[0].from == 0 && max < map->v[0].count;
}

bool uns_census_settle(struct uns_census *c, const struct uns_maps *maps)
{
	if (!moves_all(&maps->uid, c->max_uid) || !moves_all(&maps->gid, c->max_gid))
		return false;
	c->home = c->inodes;
	return true;
}

/* ---- what cannot be read ---- */

bool uns_tree_fails_alone(const struct uns_err *why)
{
	return why->errnum && why->errnum != ENOMEM && why->errnum != EMFILE && why->errnum != ENFILE;
}

/* The message without the place, which stands beside it: "cannot open: Input/output error". */
static char *reason_of(const char *base, const char *path, const char *message)
{
	uns_auto_free char *escaped = uns_str_escape(path, NULL);
	uns_auto_free char *place = escaped ? uns_str_printf(NULL, "%s/%s", base, escaped) : NULL;
	const char *at = place ? strstr(message, place) : NULL, *rest = at ? at + strlen(place) : NULL;
	size_t len = at ? (size_t)(at - message) : 0;

	if (!place)
		return NULL;
	if (!at && uns_str_starts(message, escaped))
		rest = message + strlen(escaped);
	if (!rest)
		return uns_str_dup(message, NULL);
	if (!len)
		return uns_str_dup(rest + (*rest == ' '), NULL);
	len -= message[len - 1] == ' ';
	len -= len > 3 && strncmp(message + len - 3, " of", 3) == 0 ? 3 : 0;
	return uns_str_printf(NULL, "%.*s%s", (int)len, message, rest);
}

/* A mount is told where mounts are looked at, and what it hides is not read by kernels that know no clone of a tree. */
static int note(const char *base, struct uns_census_list *l, const char *path, const struct uns_err *why)
{
	uns_auto_free char *reason = NULL;

	if (why->errnum == EXDEV)
		return 0;
	if (!uns_tree_fails_alone(why))
		return -1;
	reason = reason_of(base, path, why->text);
	return reason ? uns_census_note(l, path, reason, NULL) : -1;
}

static int note_unread(void *user, const char *path, const struct uns_err *why)
{
	struct uns_census_run *run = user;

	return note(run->base, &run->c.unread, path, why);
}

/* What the search for the trees could not look at; several patterns may lead there. */
struct passed {
	const char *base;
	struct uns_census_list list;
	struct uns_strs seen;
};

static void passed_done(struct passed *p)
{
	list_done(&p->list);
	uns_strs_done(&p->seen);
}

static int note_passed(void *user, const char *path, const struct uns_err *why)
{
	struct passed *p = user;

	if (uns_strs_has(&p->seen, path))
		return 0;
	return uns_strs_add(&p->seen, path, NULL) || note(p->base, &p->list, path, why) ? -1 : 0;
}

/* ---- by several threads ---- */

struct threads {
	struct uns_census_run *run[UNS_WALK_JOBS_MAX]; /* the first is the whole's */
};

static void threads_done(struct threads *t)
{
	for (size_t i = UNS_WALK_JOBS_MAX; i-- > 0;)
		uns_census_run_free(t->run[i]);
}

static int count_matches(const struct uns_tree *tree, const struct uns_strs *matches, const struct uns_strs *symlinks,
                         const struct uns_maps *maps, bool go_on, unsigned jobs, struct uns_census *ret, struct uns_err *err)
{
	uns_auto(threads_done) struct threads t = {{NULL}};
	void *users[UNS_WALK_JOBS_MAX];
	struct uns_walk w = {.visit = visit, .failed = go_on ? note_unread : NULL, .users = users};
	int r;

	uns_walk_wish(&w, jobs);
	for (unsigned i = 0; i < w.jobs; i++) {
		t.run[i] = i ? uns_census_run_fork(t.run[0], err) : uns_census_run_new(maps, err);
		if (!t.run[i])
			return -1;
		t.run[i]->base = tree->path;
		users[i] = t.run[i];
	}
	uns_progress_begin("reading the trees", 0, 0);
	r = uns_tree_walk_with(tree, matches, &w, err);
	uns_progress_end();
	if (r)
		return -1;
	for (unsigned i = 1; i < w.jobs; i++)
		if (uns_census_run_join(t.run[0], t.run[i], err))
			return -1;
	return uns_census_run_end(t.run[0], tree, matches, symlinks, ret, err);
}

int uns_tree_census_matches(const struct uns_tree *tree, const struct uns_strs *matches, const struct uns_strs *symlinks,
                            const struct uns_maps *maps, unsigned jobs, struct uns_census *ret, struct uns_err *err)
{
	return count_matches(tree, matches, symlinks, maps, false, jobs, ret, err);
}

int uns_tree_census(const struct uns_tree *tree, const char *const patterns[], size_t n, const struct uns_maps *maps, bool go_on,
                    struct uns_census *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs matches = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs symlinks = UNS_STRS_INIT;
	uns_auto(passed_done) struct passed passed = {.base = tree->path};
	const struct uns_glob_past past = {note_passed, &passed};

	if (uns_tree_matches_past(tree, patterns, n, &matches, &symlinks, go_on ? &past : NULL, err) ||
	    count_matches(tree, &matches, &symlinks, maps, go_on, 0, ret, err))
		return -1;
	return uns_census_list_join(&ret->unread, &passed.list, err);
}
