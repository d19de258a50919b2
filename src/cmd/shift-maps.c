/* SPDX-License-Identifier: Apache-2.0 */
/* Which IDs a shift moves where: from the options, from the ranges of a user, or by way of a free range. */
#include "shift.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/subid.h"
#include "uns/tree.h"

#define PASSAGE_FROM                                                                                                               \
	1073741824u /* where a free range is looked for that owners pass through: far above what is given out by hand */

#define SUBID_MAX (512u << 20)

static void extents_done(struct uns_extents *x)
{
	free(x->v);
}

static int usage(struct uns_err *err)
{
	if (err && err->code == UNS_E_INPUT)
		err->code = UNS_E_USAGE;
	return -1;
}

static bool overlapping(const struct uns_extents *x)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->n; k++)
			if (uns_range_overlaps((struct uns_range){x->v[i].from, x->v[i].count},
			                       (struct uns_range){x->v[k].to, x->v[k].count}))
				return true;
	return false;
}

static int make_map(const struct uns_extents *x, struct uns_map *ret, struct uns_err *err)
{
	for (size_t i = 0; i < x->n; i++)
		if (uns_map_add(ret, x->v[i], err))
			return usage(err);
	return 0;
}

static int take(struct uns_rangeset *s, struct uns_range r, struct uns_err *err)
{
	return uns_rangeset_add(s, r, "the map", err);
}

static int take_blocks(struct uns_rangeset *s, const struct uns_rangeset *blocks, struct uns_err *err)
{
	for (size_t i = 0; i < blocks->n; i++)
		if (take(s, blocks->v[i].range, err))
			return -1;
	return 0;
}

/* By a range that nobody in the trees uses, in two passes: taken has what is in use. */
static int make_passage(const struct uns_extents *x, struct uns_rangeset *taken, struct uns_map *there, struct uns_map *on,
                        struct uns_err *err)
{
	for (size_t i = 0; i < x->n; i++)
		if (take(taken, (struct uns_range){x->v[i].from, x->v[i].count}, err) ||
		    take(taken, (struct uns_range){x->v[i].to, x->v[i].count}, err))
			return -1;
	for (size_t i = 0; i < x->n; i++) {
		struct uns_extent e = x->v[i];
		uint32_t via;

		if (uns_rangeset_first_free(taken, PASSAGE_FROM, UNS_ID_LAST, e.count, UNS_ID_BLOCK, &via))
			return uns_err_set(err, UNS_E_REFUSED, "no %u IDs are free for the owners to pass through", e.count);
		if (take(taken, (struct uns_range){via, e.count}, err) ||
		    uns_map_add(there, (struct uns_extent){e.from, via, e.count}, err) ||
		    uns_map_add(on, (struct uns_extent){via, e.to, e.count}, err))
			return usage(err);
	}
	return 0;
}

static bool has(const struct uns_extents *x, bool target, uint32_t id)
{
	for (size_t i = 0; i < x->n; i++)
		if (uns_range_has((struct uns_range){target ? x->v[i].to : x->v[i].from, x->v[i].count}, id))
			return true;
	return false;
}

/* Where sources are targets too, an ID does not tell whether it was moved already. The owner of the topmost directory must. */
static int check_told_apart(const struct uns_shift_cmd *j, const struct uns_extents *uid, const struct uns_extents *gid, struct uns_err *err)
{
	for (size_t i = 0; i < j->n; i++) {
		uns_auto_free char *path = uns_shift_place_path(&j->place[i], err);
		struct stat st;
		bool told;

		if (!path || uns_root_stat(&j->run->root, path, &st, err) < 0)
			return -1;
		told = (has(uid, false, st.st_uid) && !has(uid, true, st.st_uid)) ||
		       (has(gid, false, st.st_gid) && !has(gid, true, st.st_gid));
		if (!told)
			return uns_err_set(
			    err, UNS_E_CONFLICT,
			    "%s belongs to %u:%u: with this map, whose sources are targets too, nobody can tell whether "
			    "it was shifted already",
			    path, st.st_uid, st.st_gid);
	}
	return 0;
}

static int make_two_passes(struct uns_shift_cmd *j, const struct uns_extents *uid, const struct uns_extents *gid, struct uns_err *err)
{
	uns_auto(uns_rangeset_done) struct uns_rangeset users = {.n = 0};
	uns_auto(uns_rangeset_done) struct uns_rangeset groups = {.n = 0};

	if (check_told_apart(j, uid, gid, err))
		return -1;
	for (size_t i = 0; i < j->n; i++) {
		uns_auto(uns_census_done) struct uns_census c = {.inodes = 0};

		if (uns_shift_census(j, i, NULL, &c, err) || take_blocks(&users, &c.uid_blocks, err) ||
		    take_blocks(&groups, &c.gid_blocks, err))
			return -1;
	}
	return make_passage(uid, &users, &j->maps[0].uid, &j->maps[1].uid, err) ||
	               make_passage(gid, &groups, &j->maps[0].gid, &j->maps[1].gid, err)
	           ? -1
	           : 0;
}

static void turn_round(struct uns_extents *x)
{
	for (size_t i = 0; i < x->n; i++)
		x->v[i] = (struct uns_extent){x->v[i].to, x->v[i].from, x->v[i].count};
}

/* ---- the ranges of a user ---- */

/* As dockerd and the kernel's uid_map have it: the lines of the owner follow each other, in the order of the file. */
static int take_lines(const struct uns_subid *s, const char *file, const char *owner, struct uns_extents *ret, struct uns_err *err)
{
	uint32_t from = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct uns_range r = s->v[i].range;

		if (strcmp(s->v[i].owner, owner) != 0 || !r.count)
			continue;
		if (r.count > UNS_ID_LAST - from)
			return uns_err_set(err, UNS_E_INPUT, "%s:%u: the ranges of %s have more IDs than there are", file,
			                   s->v[i].line, owner);
		if (uns_extents_add(ret, (struct uns_extent){from, r.start, r.count}, err))
			return -1;
		from += r.count;
	}
	return ret->n ? 0 : uns_err_set(err, UNS_E_USAGE, "shift: %s has no range in %s; 'usernsctl range add %s' gives one", owner, file,
	                                owner);
}

static int take_user(const struct uns_shift_cmd *j, enum uns_idkind kind, struct uns_extents *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_subid_done) struct uns_subid s = {.n = 0};
	const char *file = UNS_SUBID_FILE(kind);

	if (uns_root_read(&j->run->root, file, SUBID_MAX, &text, NULL, err) < 0 ||
	    uns_subid_parse(text.data ? text.data : "", text.len, file, &s, err))
		return -1;
	return take_lines(&s, file, j->run->o->shift.user, ret, err);
}

/* ---- the maps ---- */

static int squash_all(struct uns_maps *m, uint32_t id, struct uns_err *err)
{
	struct uns_map *const maps[] = {&m->uid, &m->gid};

	for (int i = 0; i < 2; i++)
		if (maps[i]->n && uns_map_squash(maps[i], id, err))
			return usage(err);
	return 0;
}

static int squash(struct uns_shift_cmd *j, struct uns_err *err)
{
	if (j->run->o->shift.unmapped != UNS_UNMAPPED_SQUASH)
		return 0;
	if (j->passes == 2)
		return uns_err_set(err, UNS_E_USAGE,
		                   "shift: --unmapped=squash does not go with a map whose sources are targets too: what is outside of "
		                   "it could not be told from what was shifted before");
	return squash_all(&j->maps[0], j->run->o->shift.squash, err);
}

static int find_extents(const struct uns_shift_cmd *j, struct uns_extents *uid, struct uns_extents *gid, struct uns_err *err)
{
	const struct uns_options *o = j->run->o;
	struct uns_extent all = {0, o->request.range.start, o->request.range.count ? o->request.range.count : UNS_ID_BLOCK};

	if (o->shift.user)
		return take_user(j, UNS_UID, uid, err) || take_user(j, UNS_GID, gid, err) ? -1 : 0;
	if (o->request.range_how == UNS_RANGE_EXACT)
		return uns_extents_add(uid, all, err) || uns_extents_add(gid, all, err) ? -1 : 0;
	for (size_t i = 0; i < o->shift.uid.n; i++)
		if (uns_extents_add(uid, o->shift.uid.v[i], err))
			return -1;
	for (size_t i = 0; i < o->shift.gid.n; i++)
		if (uns_extents_add(gid, o->shift.gid.v[i], err))
			return -1;
	return 0;
}

int uns_shift_make_maps(struct uns_shift_cmd *j, struct uns_err *err)
{
	uns_auto(extents_done) struct uns_extents uid = {.n = 0};
	uns_auto(extents_done) struct uns_extents gid = {.n = 0};

	if (find_extents(j, &uid, &gid, err))
		return -1;
	if (j->run->o->shift.reverse) {
		turn_round(&uid);
		turn_round(&gid);
	}
	j->passes = overlapping(&uid) || overlapping(&gid) ? 2 : 1;
	if (j->passes == 2 ? make_two_passes(j, &uid, &gid, err)
	                   : make_map(&uid, &j->maps[0].uid, err) || make_map(&gid, &j->maps[0].gid, err))
		return -1;
	return squash(j, err);
}
