/* SPDX-License-Identifier: Apache-2.0 */
/* range remove and range move: both take IDs away, which nobody may be using. */
#include "uns/ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edits.h"
#include "uns/cleanup.h"
#include "uns/json.h"

/* ---- in use ---- */

/* Of one owner's lines of one file, in the order of the file. */
struct use {
	const struct uns_range_request *r;
	const char *owner;
	enum uns_idkind kind;
	struct uns_model *live;
	bool *begun; /* trees that begin in a line before: they go on in all lines behind */
};

static void use_done(struct use *u)
{
	uns_model_free(u->live);
	free(u->begun);
}

static int use_make(struct use *u, struct uns_err *err)
{
	u->begun = calloc(u->r->f->trees + 1, sizeof(*u->begun));
	if (!u->begun)
		return uns_err_nomem(err);
	/* Its claims of severity error: who maps everything to itself is none. */
	u->live = uns_model_of(u->r->f, NULL, UNS_CLAIM_BIT(UNS_CLAIM_LIVE), err);
	return u->live ? 0 : -1;
}

static int check_live(const struct use *u, struct uns_range gone, struct uns_err *err)
{
	size_t n;
	const struct uns_claim *end = uns_model_claims(u->live, u->kind, UNS_ERROR, &n);
	const struct uns_claim *c = uns_model_first(u->live, u->kind, gone, UNS_ERROR);

	for (end += n; c && c < end && c->range.start <= uns_range_last(gone); c++) {
		const struct uns_live *l = &u->r->f->live[c->index];
		char object[64];

		if (!uns_range_overlaps(l->range, gone))
			continue;
		snprintf(object, sizeof(object), "process %d (%s)", (int)l->pid, l->comm);
		if (uns_findings_add(u->r->findings, u->r->ignore, "RangeInUse", object, "stop it first", err,
		                     "it runs in a user namespace with the %ss %u:%u of %s", uns_id_names[u->kind], l->range.start,
		                     l->range.count, u->owner) < 0)
			return -1;
	}
	return 0;
}

/* The name of a tree tells only where its range begins. line: what the line gives, gone: what of that goes. */
static int check_trees(const struct use *u, struct uns_range line, struct uns_range gone, struct uns_err *err)
{
	for (size_t i = 0; i < u->r->f->trees; i++) {
		const struct uns_idtree *t = &u->r->f->tree[i];

		if (!u->begun[i] && (!uns_range_has(line, t->start[u->kind]) || uns_range_last(gone) < t->start[u->kind]))
			continue;
		if (uns_findings_add(u->r->findings, u->r->ignore, "RangeInUse", t->path,
		                     "usernsctl disable docker --purge takes the data home first; then enable chooses a range", err,
		                     "this tree of an engine holds files with IDs of %s", u->owner) < 0)
			return -1;
	}
	return 0;
}

static struct uns_range part_of(struct uns_range r, const struct uns_range *part)
{
	uint64_t start, end;

	if (!part)
		return r;
	start = r.start > part->start ? r.start : part->start;
	end = (uint64_t)r.start + r.count;
	if (end > (uint64_t)part->start + part->count)
		end = (uint64_t)part->start + part->count;
	return start < end ? (struct uns_range){(uint32_t)start, (uint32_t)(end - start)} : (struct uns_range){r.start, 0};
}

/* A line goes, or a part of it: of all that some program takes it for. */
static int check_in_use(const struct use *u, const struct uns_subid_line *l, const struct uns_range *part, struct uns_err *err)
{
	struct uns_range line[UNS_LINE_READINGS];
	size_t n = uns_line_readings(&u->r->f->sub[u->kind].s, l, line);

	for (size_t i = 0; i < n; i++) {
		struct uns_range gone = part_of(line[i], part);

		if (gone.count && (check_live(u, gone, err) < 0 || check_trees(u, line[i], gone, err) < 0))
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < u->r->f->trees; k++)
			u->begun[k] = u->begun[k] || uns_range_has(line[i], u->r->f->tree[k].start[u->kind]);
	return 0;
}

/* ---- remove ---- */

static bool meets(const struct uns_subid *s, const struct uns_subid_line *l, const struct uns_range *part)
{
	struct uns_range line[UNS_LINE_READINGS];
	size_t n = uns_line_readings(s, l, line);

	for (size_t i = 0; i < n; i++)
		if (part_of(line[i], part).count)
			return true;
	return false;
}

/* As usermod does it: what lies below the part stays, and what lies above. */
static int push_rest(const struct uns_subid_line *l, struct uns_range gone, struct uns_strs *after, struct uns_err *err)
{
	struct uns_range low = {l->range.start, gone.start - l->range.start};
	struct uns_range high = {gone.start + gone.count, l->range.count - low.count - gone.count};

	if (low.count && uns_edits_push_range(l->owner, low, after, err) < 0)
		return -1;
	return high.count ? uns_edits_push_range(l->owner, high, after, err) : 0;
}

static int refuse_line(const struct use *u, const struct uns_subid_line *l, const char *why, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s:%u: %s", UNS_SUBID_FILE(u->kind), l->line, why);
}

static int remove_line(const struct use *u, const struct uns_subid_line *l, const struct uns_range *part, struct uns_edit *e,
                       struct uns_err *err)
{
	bool goes = !part || meets(&u->r->f->sub[u->kind].s, l, part);

	if (!uns_subid_owner_valid(l->owner))
		return refuse_line(u, l, "the owner of this line is spelled as no step would write it; mend it by hand", err);
	if (uns_edits_push_raw(u->r, u->kind, l, &e->before, err) < 0)
		return -1;
	if (part && goes && (l->flaws & UNS_OWNERS_DIFFERENT))
		return uns_err_set(err, UNS_E_INPUT,
		                   "%s:%u: this line is read differently by different programs; mend it first: "
		                   "usernsctl range check --fix %s",
		                   UNS_SUBID_FILE(u->kind), l->line, l->owner);
	if (check_in_use(u, l, part, err) < 0)
		return -1;
	if (!goes)
		return uns_edits_push_raw(u->r, u->kind, l, &e->after, err);
	return part ? push_rest(l, part_of(l->range, part), &e->after, err) : 0;
}

static int remove_lines(const struct uns_range_request *r, const struct uns_owners *o, enum uns_idkind kind,
                        const struct uns_range *part, struct uns_edit *e, struct uns_err *err)
{
	uns_auto(use_done) struct use u = {.r = r, .owner = o->v[0].name, .kind = kind};
	const struct uns_subid *s = &r->f->sub[kind].s;

	if (use_make(&u, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (uns_owners_have(o, &s->v[i]) && remove_line(&u, &s->v[i], part, e, err) < 0)
			return -1;
	return 0;
}

int uns_ranges_remove(const struct uns_range_request *r, const char *owner, const struct uns_range *part, struct uns_err *err)
{
	uns_auto(uns_owners_done) struct uns_owners o = {0};
	uns_auto(uns_edits_done) struct uns_edits e = {0};

	if (part && !uns_range_valid(*part))
		return uns_err_set(err, UNS_E_USAGE, "%u:%u is no range of IDs", part->start, part->count);
	if (uns_owners_make(r->f, &owner, 1, &o, err) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (remove_lines(r, &o, (enum uns_idkind)kind, part, &e.of[kind], err) < 0)
			return -1;
	return uns_findings_code(r->findings) == UNS_OK ? uns_edits_add(r, &e, err) : 0;
}

/* ---- move ---- */

static json_t *map_json(struct uns_range from, struct uns_range to)
{
	return json_pack("[{s:I, s:I, s:I}]", "from", (json_int_t)from.start, "to", (json_int_t)to.start, "count",
	                 (json_int_t)from.count);
}

/* IDs outside of the old range stay: in the storage of a rootless engine the owner's own UID is the container's root. */
static int move_trees(const struct uns_range_request *r, const struct uns_shift *old, struct uns_range new,
                      const struct uns_strs *trees, struct uns_err *err)
{
	for (size_t i = 0; i < trees->n; i++)
		if (uns_plan_add(r->plan, "shift-tree", false,
		                 json_pack("{s:s, s:[s], s:o, s:o, s:[s]}", "base", trees->v[i], "patterns", ".", "uid",
		                           map_json(old->uid, new), "gid", map_json(old->gid, new), "allow", "unmapped"),
		                 err) < 0)
			return -1;
	return 0;
}

/* Without the slashes at its end. */
static size_t path_len(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

/* What was shifted with the one tree would be found shifted with the other. */
static int check_paths(const struct uns_strs *trees, struct uns_err *err)
{
	for (size_t i = 0; i < trees->n; i++) {
		uns_auto_json json_t *j = json_string(trees->v[i]);
		size_t len = path_len(trees->v[i]);

		if (!j)
			return uns_err_set(err, UNS_E_USAGE,
			                   "the path of a tree holds bytes that are no UTF-8, which a plan cannot hold");
		for (size_t k = 0; k < trees->n; k++)
			if (k != i && strncmp(trees->v[k], trees->v[i], len) == 0 && (!trees->v[k][len] || trees->v[k][len] == '/'))
				return uns_err_set(err, UNS_E_USAGE,
				                   "the tree %s lies in %s, which is shifted too; expected each tree once",
				                   trees->v[k], trees->v[i]);
	}
	return 0;
}

static int move_in_use(const struct uns_range_request *r, const struct uns_owner *o, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		uns_auto(use_done) struct use u = {.r = r, .owner = o->name, .kind = (enum uns_idkind)kind};

		if (use_make(&u, err) < 0 || check_in_use(&u, o->held[kind].first, NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int move_refused(const struct uns_range_request *r, const struct uns_owner *o, struct uns_err *err)
{
	int rc = uns_ranges_check_held(r, o, err);

	if (rc != 0)
		return rc;
	if (o->held[UNS_UID].lines && o->held[UNS_GID].lines)
		return 0;
	if (uns_ranges_say(r, "RangeNoLine", o->name, "usernsctl range add gives it a range", err,
	                   "it has no line in each of /etc/subuid and /etc/subgid to move") < 0)
		return -1;
	return 1;
}

static int move_lines(const struct uns_range_request *r, const struct uns_owner *o, struct uns_range new, struct uns_err *err)
{
	uns_auto(uns_edits_done) struct uns_edits e = {0};

	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (uns_edits_push_raw(r, (enum uns_idkind)kind, o->held[kind].first, &e.of[kind].before, err) < 0 ||
		    uns_edits_push_range(o->held[kind].first->owner, new, &e.of[kind].after, err) < 0)
			return -1;
	return uns_edits_add(r, &e, err);
}

/* The same command again finds its work done. */
static bool is_moved(const struct uns_range_want *w, const struct uns_shift *old)
{
	return w->how != UNS_RANGE_AUTO && !uns_ranges_differ(w, old->uid) && !uns_ranges_differ(w, old->gid);
}

/* Against its own lines too: IDs before and after must differ, or no file could tell whether it is done. */
static int move_choose(const struct uns_range_request *r, struct uns_range_want *want, const struct uns_shift *old,
                       const struct uns_owner *o, struct uns_err *err)
{
	struct uns_range_want w = *want;

	if (w.range.count == 0)
		w.range.count = old->uid.count > old->gid.count ? old->uid.count : old->gid.count;
	if (w.range.count < old->uid.count || w.range.count < old->gid.count)
		return uns_err_set(err, UNS_E_USAGE, "%u IDs are fewer than %s has now", w.range.count, w.owner);
	want->fixed = want->had = is_moved(&w, old);
	want->got = old->uid;
	if (want->had)
		return 0;
	if (move_in_use(r, o, err) < 0 || uns_ranges_choose(r, &w, NULL, err) < 0)
		return -1;
	want->got = w.got;
	return 0;
}

int uns_ranges_move(const struct uns_range_request *r, struct uns_range_want *want, const struct uns_strs *trees,
                    struct uns_shift *ret_old, struct uns_err *err)
{
	struct uns_range_wants one = {want, 1, 1};
	uns_auto(uns_owners_done) struct uns_owners o = {0};
	struct uns_shift old;
	int rc;

	if (check_paths(trees, err) < 0 || uns_ranges_owners(r->f, &one, &o, err) < 0)
		return -1;
	rc = move_refused(r, &o.v[0], err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	old.uid = o.v[0].held[UNS_UID].first->range;
	old.gid = o.v[0].held[UNS_GID].first->range;
	if (move_choose(r, want, &old, &o.v[0], err) < 0)
		return -1;
	*ret_old = old;
	if (want->had || uns_findings_code(r->findings) != UNS_OK)
		return 0;
	return move_trees(r, &old, want->got, trees, err) < 0 ? -1 : move_lines(r, &o.v[0], want->got, err);
}
