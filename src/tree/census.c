/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what a shift would meet. Memory grows only with the number of inodes that have several names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree.h"
#include "uns/cleanup.h"

#define BLOCKS 65536 /* blocks of UNS_ID_BLOCK IDs in 32 bits */

struct uns_census_run {
	struct uns_census c;
	const struct uns_maps *maps;
	struct uns_inomap linked; /* inodes with several names; value: names not met so far */
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
}

int uns_census_note(struct uns_census_list *l, const char *path, const char *what, struct uns_err *err)
{
	uns_auto_free char *escaped = NULL;
	uns_auto_free char *text = NULL;

	if (l->paths.n < UNS_CENSUS_LISTED) {
		escaped = uns_str_escape(path, err);
		if (!escaped)
			return -1;
		text = what ? uns_str_printf(err, "%s (%s)", escaped, what) : uns_str_dup(escaped, err);
		if (!text || uns_strs_add(&l->paths, text, err))
			return -1;
	}
	l->n++;
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
	return run;
}

void uns_census_run_free(struct uns_census_run *run)
{
	if (!run)
		return;
	uns_census_done(&run->c);
	uns_inomap_done(&run->linked);
	free(run);
}

/* What is found among the IDs of one inode; each problem counts once per inode. */
struct ids {
	struct uns_census_run *run;
	const struct uns_entry *e;
	bool unmapped, in_target;
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
	uns_auto_free char *path = NULL;

	if (bits[block / 8] & 1u << block % 8)
		return;
	bits[block / 8] |= (uint8_t)(1u << block % 8);
	if (!uns_range_valid(r))
		r.count = UNS_ID_LAST - r.start + 1; /* the last block ends before (uid_t)-1 */
	path = uns_str_escape(s->e->path, s->err);
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

	if (side == UNS_ID_HOME || *seen || !map->n)
		return;
	*seen = true;
	snprintf(text, sizeof(text), "%s %u", what, id);
	if (uns_census_note(l, s->e->path, text, s->err))
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
	bool is_new;

	if (S_ISDIR(e->mode) || e->nlink < 2)
		return 0;
	slot = uns_inomap_add(&run->linked, e->dev, e->ino, &is_new, err);
	if (!slot)
		return -1;
	if (is_new)
		slot->value = uns_entry_whiteout(e) ? 1 : e->nlink;
	if (slot->value)
		slot->value--;
	run->c.hard_links += is_new;
	return !is_new;
}

int uns_census_run_add(struct uns_census_run *run, const struct uns_entry *e, struct uns_err *err)
{
	struct ids s = {.run = run, .e = e, .err = err};
	int r = count_link(run, e, err);

	if (r)
		return r < 0 ? -1 : 0;
	run->c.inodes++;
	if (!S_ISDIR(e->mode))
		run->c.bytes += e->size;
	run->c.specials += uns_entry_fragile(e) || e->immutable || e->append;
	run->c.acls += e->acl_access || e->acl_default;
	if ((e->immutable || e->append) &&
	    uns_census_note(&run->c.flagged, e->path, e->immutable ? "immutable" : "append-only", err))
		return -1;
	if (uns_entry_ids(e, take_id, &s)) {
		uns_auto_free char *path = uns_str_escape(e->path, NULL);

		return uns_err_set(err, UNS_E_FAILED, "%s has a malformed ACL; remove it with setfacl -b", path ? path : "");
	}
	return s.r;
}

/* ---- names outside ---- */

static int name_link(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct uns_census_run *run = user;
	struct uns_inoslot *slot = S_ISDIR(e->mode) ? NULL : uns_inomap_find(&run->linked, e->dev, e->ino);
	char text[64];

	if (!slot || !slot->value)
		return 0;
	snprintf(text, sizeof(text), "%llu of %u names elsewhere", (unsigned long long)slot->value, e->nlink);
	slot->value = 0;
	return uns_census_note(&run->c.outside, e->path, text, err);
}

/* The paths are read in a second walk, because keeping them would cost memory for each such inode, and almost never are any wanted.
 */
static int name_links(struct uns_census_run *run, const struct uns_tree *tree, const struct uns_strs *matches, struct uns_err *err)
{
	uint64_t n = 0;

	for (size_t i = 0; i < run->linked.cap; i++)
		n += run->linked.v[i].used && run->linked.v[i].value;
	return n ? uns_tree_walk_matches(tree, matches, name_link, run, err) : 0;
}

int uns_census_run_end(struct uns_census_run *run, const struct uns_tree *tree, const struct uns_strs *matches,
                       const struct uns_strs *symlinks, struct uns_census *ret, struct uns_err *err)
{
	for (size_t i = 0; i < symlinks->n; i++)
		if (uns_census_note(&run->c.symlinks, symlinks->v[i], "symlink", err))
			return -1;
	if (name_links(run, tree, matches, err))
		return -1;
	*ret = run->c;
	run->c = (struct uns_census){0};
	return 0;
}

static void run_freep(struct uns_census_run **run)
{
	uns_census_run_free(*run);
}

static int visit(void *user, const struct uns_entry *e, struct uns_err *err)
{
	return uns_census_run_add(user, e, err);
}

int uns_tree_census(const struct uns_tree *tree, const char *const patterns[], size_t n, const struct uns_maps *maps,
                    struct uns_census *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs matches = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs symlinks = UNS_STRS_INIT;
	uns_auto(run_freep) struct uns_census_run *run = uns_census_run_new(maps, err);

	if (!run || uns_tree_matches(tree, patterns, n, &matches, &symlinks, err) ||
	    uns_tree_walk_matches(tree, &matches, visit, run, err))
		return -1;
	return uns_census_run_end(run, tree, &matches, &symlinks, ret, err);
}
