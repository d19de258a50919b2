/* SPDX-License-Identifier: Apache-2.0 */
/* shift-tree: the owners in a set of trees, at home or shifted.
 *
 * Disjoint: no ID is both a source and a target of the map of users, or of that of groups (uns_map_add), so an ID tells by itself
 * on which side it is; so do the IDs in ACLs and capabilities. IDs outside of both take no part. What was on the far side before
 * the first change would be mistaken for done and taken home on the way back: the scan refuses it, or, when that was allowed, lists
 * it in the record, and it is never touched. Setuid and setgid bits, capabilities and flags do not tell by themselves what they
 * were once a chown has dropped them: they are in the record, which is durable before the first change.
 *
 * observe, cheap: the side of the matches themselves, or nothing when the whole was asked for. deep: all inodes; what the record
 * lists as foreign does not count, nor do, beside shifted ones, whiteouts of root and the symlink etc/mtab of root: the kernel and
 * the engine make these at home on every host. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "shift.h"
#include "uns/cleanup.h"
#include "uns/json.h"

/* ---- args ---- */

void uns_shift_args_done(struct uns_shift_args *a)
{
	free(a->patterns);
	a->patterns = NULL;
}

/* {"start","count"}: the IDs from 0 on go there. */
static int read_range(const json_t *o, struct uns_extent *ret, struct uns_err *err)
{
	*ret = (struct uns_extent){0};
	return uns_json_u32(o, "start", &ret->to, err) || uns_json_u32(o, "count", &ret->count, err) ? -1 : 0;
}

static int read_extent(const json_t *o, struct uns_extent *ret, struct uns_err *err)
{
	return uns_json_u32(o, "from", &ret->from, err) || uns_json_u32(o, "to", &ret->to, err) ||
	               uns_json_u32(o, "count", &ret->count, err)
	           ? -1
	           : 0;
}

static int read_map(const json_t *j, const char *key, struct uns_map *ret, struct uns_err *err)
{
	const json_t *o = json_object_get(j, key);
	struct uns_extent e;

	if (!json_is_object(o) && !json_is_array(o))
		return uns_err_set(err, UNS_E_INPUT, "\"%s\" is neither an object with start and count nor a list of extents", key);
	if (json_is_object(o))
		return read_range(o, &e, err) || uns_map_add(ret, e, err) ? uns_err_prefix(err, "\"%s\"", key) : 0;
	for (size_t i = 0; i < json_array_size(o); i++)
		if (read_extent(json_array_get(o, i), &e, err) || uns_map_add(ret, e, err))
			return uns_err_prefix(err, "\"%s\", extent %zu", key, i + 1);
	return 0;
}

static int read_patterns(const json_t *list, struct uns_shift_args *ret, struct uns_err *err)
{
	ret->patterns = calloc(json_array_size(list) + 1, sizeof(*ret->patterns));
	if (!ret->patterns)
		return uns_err_nomem(err);
	for (; ret->n < json_array_size(list); ret->n++) {
		const char *p = json_string_value(json_array_get(list, ret->n));

		if (!p || !uns_tree_pattern_valid(p))
			return uns_err_set(err, UNS_E_INPUT, "\"patterns\" has a member that is neither \".\" nor a relative path");
		ret->patterns[ret->n] = p;
	}
	return 0;
}

static int read_allow(const json_t *j, unsigned *ret, struct uns_err *err)
{
	static const char *const names[] = {"unmapped", "in-target", "hard-links", "symlinks", "flags"};
	json_t *list;

	if (uns_json_array(j, "allow", &list, err))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		unsigned bit = 0;

		for (unsigned k = 0; name && k < sizeof(names) / sizeof(*names); k++)
			if (!strcmp(names[k], name))
				bit = 1u << k;
		if (!bit)
			return uns_err_set(err, UNS_E_INPUT, "\"allow\" has the unknown member \"%s\"", name ? name : "");
		*ret |= bit;
	}
	return 0;
}

static int read_squash(const json_t *j, struct uns_shift_args *a, struct uns_err *err)
{
	struct uns_map *const maps[] = {&a->maps.uid, &a->maps.gid};
	uint32_t id;

	a->squash = json_object_get(j, "squash") != NULL;
	if (!a->squash)
		return 0;
	if (uns_json_u32(j, "squash", &id, err))
		return -1;
	for (int i = 0; i < 2; i++)
		if (maps[i]->n && uns_map_squash(maps[i], id, err))
			return uns_err_prefix(err, "\"squash\"");
	return 0;
}

int uns_shift_args_read(const json_t *j, struct uns_shift_args *ret, struct uns_err *err)
{
	uns_auto(uns_shift_args_done) struct uns_shift_args a = {0};
	json_t *patterns;

	if (uns_json_str(j, "base", &a.base, err) || uns_json_array(j, "patterns", &patterns, err) ||
	    read_patterns(patterns, &a, err) || read_map(j, "uid", &a.maps.uid, err) || read_map(j, "gid", &a.maps.gid, err) ||
	    read_allow(j, &a.allow, err))
		return -1;
	if (read_squash(j, &a, err))
		return -1;
	a.into = uns_json_str_or(j, "into", NULL);
	a.whole = uns_json_bool_or(j, "whole", false);
	a.exclusive = uns_json_bool_or(j, "exclusive", false);
	a.passing = uns_json_bool_or(j, "passing", false);
	a.arriving = uns_json_bool_or(j, "arriving", false);
	if (a.base[0] != '/')
		return uns_err_set(err, UNS_E_INPUT, "\"base\" is not an absolute path: \"%s\"", a.base);
	if (!a.maps.uid.n && !a.maps.gid.n)
		return uns_err_set(err, UNS_E_INPUT, "neither \"uid\" nor \"gid\" has an extent");
	*ret = a;
	a.patterns = NULL;
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	uns_auto(uns_shift_args_done) struct uns_shift_args a = {0};

	return uns_shift_args_read(j, &a, err);
}

#define DESCRIBED 3 /* extents that a description names */

static int describe_map(const struct uns_map *m, const char *what, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	for (uint32_t i = 0; i < m->n && i < DESCRIBED; i++) {
		struct uns_extent e = m->v[i];
		uint32_t from = reverse ? e.to : e.from, to = reverse ? e.from : e.to, last = e.count - 1;

		if (uns_buf_printf(ret, err, "%s%u-%u → %u-%u", i ? ", " : what, from, from + last, to, to + last))
			return -1;
	}
	if (m->squash && uns_buf_printf(ret, err, ", all others → %u", m->squash_to))
		return -1;
	return m->n > DESCRIBED ? uns_buf_printf(ret, err, " and %u more", m->n - DESCRIBED) : 0;
}

static int describe_maps(const struct uns_maps *m, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	if (uns_map_equal(&m->uid, &m->gid))
		return describe_map(&m->uid, "", reverse, ret, err);
	if (m->uid.n && describe_map(&m->uid, "users ", reverse, ret, err))
		return -1;
	return m->gid.n ? describe_map(&m->gid, m->uid.n ? ", groups " : "groups ", reverse, ret, err) : 0;
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_shift_args_done) struct uns_shift_args a = {0};

	if (uns_shift_args_read(j, &a, err))
		return -1;
	if (a.n == 1 && !strcmp(a.patterns[0], "."))
		return uns_buf_printf(ret, err, "shift owners in %s: ", a.base) || describe_maps(&a.maps, reverse, ret, err) ? -1
		                                                                                                             : 0;
	if (uns_buf_printf(ret, err, "shift owners in %s (%zu pattern%s): ", a.base, a.n, a.n == 1 ? "" : "s"))
		return -1;
	return describe_maps(&a.maps, reverse, ret, err);
}

/* ---- shared by the parts ---- */

uint32_t uns_shift_id(const struct uns_map *m, uint32_t id, enum uns_side to)
{
	return to == UNS_AFTER ? uns_map_shifted(m, id) : uns_map_home(m, id);
}

static void count_side(void *user, const char *what, bool group, uint32_t id)
{
	struct uns_shift_sides *s = user;
	const struct uns_map *m = group ? &s->maps->gid : &s->maps->uid;

	(void)what;
	s->n[uns_map_side(m, id)] += m->n > 0; /* no ID is strange to an empty map */
}

int uns_shift_sides(const struct uns_maps *maps, const struct uns_entry *e, struct uns_shift_sides *ret)
{
	*ret = (struct uns_shift_sides){.maps = maps};
	return uns_entry_ids(e, count_side, ret);
}

void uns_shift_state_of(const struct uns_entry *e, struct uns_shift_state *ret)
{
	*ret = (struct uns_shift_state){.uid = e->uid,
	                                .gid = e->gid,
	                                .mode = e->mode & 07777,
	                                .cap_len = e->cap_len,
	                                .immutable = e->immutable,
	                                .append = e->append};
	memcpy(ret->cap, e->cap, e->cap_len);
}

static bool same_inode(const struct uns_shift_identity *id, const struct uns_entry *e)
{
	uint8_t handle[UNS_HANDLE_MAX];
	size_t len;

	if (!id->handle)
		return !id->born_sec || !e->born_sec || (id->born_sec == e->born_sec && id->born_nsec == e->born_nsec);
	return !uns_entry_handle(e, handle, &len, NULL) && len == id->handle_len && !memcmp(handle, id->handle, len);
}

/* A number alone tells nothing on a device that the record knows by another path. */
static bool same_elsewhere(const struct uns_shift_record *r, const struct uns_shift_identity *id, const struct uns_entry *e)
{
	bool proof = id->handle || (id->born_sec && e->born_sec);

	return (proof || !uns_shift_record_knows_dev(r, e->dev)) && same_inode(id, e);
}

/* The number that the record has for it. */
static int number_of(const struct uns_shift_record *r, const struct uns_entry *e, uint64_t *ret)
{
	*ret = e->ino;
	return r->by_path ? uns_entry_path_hash(e, ret, NULL) : 0;
}

static const struct uns_shift_foreign *foreign_on(const struct uns_shift_record *r, uint64_t dev, uint64_t number,
                                                  const struct uns_entry *e)
{
	const struct uns_inoslot *slot = uns_inomap_find(&r->foreign_at, dev, number);
	const struct uns_shift_foreign *f = slot ? &r->foreign[slot->value - 1] : NULL;

	/* The owner must be the same still: a record that was inherited or has no handles may speak of an earlier inode. */
	return f && f->uid == e->uid && f->gid == e->gid ? f : NULL;
}

static bool in_foreign(const struct uns_shift_record *r, const struct uns_entry *e)
{
	const struct uns_shift_foreign *f;
	uint64_t number;
	bool is;

	if (!r->n_foreign || number_of(r, e, &number))
		return false;
	f = foreign_on(r, e->dev, number, e);
	is = f && same_inode(&f->id, e);
	for (size_t i = 0; !is && i < r->n_lost; i++) {
		f = foreign_on(r, uns_shift_lost_dev(i), number, e);
		is = f && same_elsewhere(r, &f->id, e);
	}
	return is;
}

bool uns_shift_is_foreign(const struct uns_shift_job *job, const struct uns_entry *e)
{
	return in_foreign(&job->rec, e);
}

static const struct uns_shift_special *special_on(const struct uns_shift_record *r, uint64_t dev, uint64_t number)
{
	const struct uns_inoslot *slot = uns_inomap_find(&r->special_at, dev, number);

	return slot ? &r->specials[slot->value - 1] : NULL;
}

/* Another path may have been made to have the same number. */
static bool is_at(const struct uns_entry *e, const char *escaped)
{
	uns_auto_free char *plain = uns_entry_path(e, NULL);
	uns_auto_free char *path = plain ? uns_str_escape(plain, NULL) : NULL;

	return path && !strcmp(path, escaped);
}

const struct uns_shift_special *uns_shift_find_special(const struct uns_shift_record *r, const struct uns_entry *e)
{
	const struct uns_shift_special *s;
	uint64_t number;

	if (!r->n_specials || number_of(r, e, &number))
		return NULL;
	s = special_on(r, e->dev, number);
	if (s && same_inode(&s->id, e) && (!r->by_path || is_at(e, s->path)))
		return s;
	for (size_t i = 0; i < r->n_lost; i++) {
		s = special_on(r, uns_shift_lost_dev(i), number);
		if (s && same_elsewhere(r, &s->id, e))
			return s;
	}
	return NULL;
}

/* Errors of the system about one inode; not those that would strike at the next one, too. */
int uns_shift_forgive(const struct uns_shift_job *job, struct uns_census_list *failed, const struct uns_err *why)
{
	if (!job->c->go_on || !uns_tree_fails_alone(why) || why->errnum == EXDEV || why->errnum == ENOSPC || why->errnum == EDQUOT ||
	    why->errnum == EROFS)
		return -1;
	return uns_census_note_text(failed, why->text, NULL);
}

bool uns_shift_was_mixed(const struct uns_shift_job *job, const struct uns_entry *e)
{
	const struct uns_shift_special *s = job->first.n_specials ? uns_shift_find_special(&job->first, e) : NULL;

	return s && s->exact;
}

static void job_done(struct uns_shift_job *job)
{
	uns_shift_args_done(&job->args);
	uns_tree_close(&job->tree);
	uns_strs_done(&job->matches);
	uns_strs_done(&job->symlinks);
	uns_shift_record_done(&job->rec);
	uns_shift_record_done(&job->first);
	uns_strs_done(&job->unrecorded.paths);
	uns_strs_done(&job->altered.paths);
	uns_strs_done(&job->late_links.paths);
	uns_strs_done(&job->failed.paths);
	uns_strs_done(&job->wrong.paths);
	uns_inomap_done(&job->attributed);
	uns_shift_names_done(&job->names);
	uns_shift_met_done(&job->met_lost);
	free(job->digests);
	free(job->unread);
}

static int job_open(struct uns_shift_job *job, struct uns_err *err)
{
	const struct uns_shift_args *a = &job->args;

	if (uns_shift_args_read(job->c->step->args, &job->args, err) ||
	    uns_args_open_base(job->c, a->base, a->into, &job->tree, err))
		return -1;
	return uns_tree_matches(&job->tree, a->patterns, a->n, &job->matches, &job->symlinks, err);
}

/* 0; 1: there is none. */
static int load_record(struct uns_shift_job *job, bool first, struct uns_shift_record *ret, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL;
	int r = uns_record_read(job->c, first, &j, err);

	if (r)
		return r;
	if (uns_shift_record_from_json(j, &job->tree, first || job->c->nested, ret, err))
		return uns_err_prefix(err, "%s of the transaction", first ? job->c->first_record_name : job->c->record_name);
	return 0;
}

/* The record of this leg into job->rec, with what leg 0 found foreign. 1: there is none of this leg. */
static int load_records(struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(uns_shift_record_done) struct uns_shift_record first = {0};
	int r = load_record(job, false, &job->rec, err), r0;

	if (r < 0 || !job->c->leg)
		return r;
	r0 = load_record(job, true, &first, err);
	if (r) {
		job->rec.by_path = first.by_path;
		job->rec.from = job->c->leg_start == UNS_AFTER ? UNS_AFTER : UNS_BEFORE;
	}
	if (r0 < 0 || (!r0 && uns_shift_record_inherit(&job->rec, &first, err)))
		return -1;
	if (first.from == UNS_BEFORE) {
		uns_shift_record_done(&job->first);
		job->first = first;
		first = (struct uns_shift_record){0};
	}
	return r;
}

/* ---- observe ---- */

struct look {
	const struct uns_shift_job *job;
	bool allow_unmapped;
	uint64_t n[3];  /* by enum uns_idside */
	char *first[3]; /* a path of each */
};
/* One for each thread; the first one gets what the others found. */
struct looks {
	struct look v[UNS_WALK_JOBS_MAX];
};

static void looks_done(struct looks *l)
{
	for (size_t k = 0; k < UNS_WALK_JOBS_MAX; k++)
		for (int i = 0; i < 3; i++)
			free(l->v[k].first[i]);
}

static int look_at(struct look *l, enum uns_idside side, const char *path, struct uns_err *err)
{
	l->n[side]++;
	if (!l->first[side])
		l->first[side] = uns_str_escape(path, err);
	return l->first[side] ? 0 : -1;
}

static int look_at_entry(struct look *l, enum uns_idside side, const struct uns_entry *e, struct uns_err *err)
{
	uns_auto_free char *path = NULL;

	if (l->first[side]) {
		l->n[side]++;
		return 0;
	}
	path = uns_entry_path(e, err);
	return path ? look_at(l, side, path, err) : -1;
}

/* The kernel and the engine make these for root on hosts with remapping, too. 1: it is one of them. */
static int home_everywhere(const struct uns_entry *e, struct uns_err *err)
{
	static const char tail[] = "/etc/mtab";
	uns_auto_free char *path = NULL;
	size_t len;

	if (e->uid || e->gid)
		return 0;
	if (uns_entry_whiteout(e))
		return 1;
	if (!S_ISLNK(e->mode) || strcmp(e->name, "mtab") != 0)
		return 0;
	path = uns_entry_path(e, err);
	if (!path)
		return -1;
	len = strlen(path);
	return len >= sizeof(tail) - 1 && !strcmp(path + len - (sizeof(tail) - 1), tail);
}

static int look_deep(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct look *l = user;
	struct uns_shift_sides sides;
	const struct uns_shift_special *s;
	int r = home_everywhere(e, err);

	if (r || in_foreign(&l->job->rec, e))
		return r < 0 ? -1 : 0;
	uns_shift_sides(&l->job->args.maps, e, &sides);
	s = uns_shift_find_special(&l->job->rec, e);
	if (s && s->exact && sides.n[UNS_ID_HOME] && sides.n[UNS_ID_SHIFTED])
		sides.n[uns_shift_idside(uns_shift_other(l->job->rec.from))] = 0; /* as it was before the leg */
	if (sides.n[UNS_ID_HOME] && sides.n[UNS_ID_SHIFTED] && uns_shift_was_mixed(l->job, e))
		sides.n[UNS_ID_SHIFTED] = 0;
	for (int side = 0; side < 3; side++)
		if (sides.n[side] && !(side == UNS_ID_OUTSIDE && l->allow_unmapped) &&
		    look_at_entry(l, (enum uns_idside)side, e, err))
			return -1;
	return 0;
}

static int look_match(struct look *l, const char *path, struct uns_err *err)
{
	const struct uns_maps *maps = &l->job->args.maps;
	struct uns_err why = {0};
	uns_auto_close int fd = uns_tree_openat(&l->job->tree, path, O_PATH, &why);
	enum uns_idside uid, gid;
	struct stat st;

	if (fd < 0 && (why.errnum == ENOENT || why.errnum == ENOTDIR || why.errnum == ELOOP))
		return 0;
	if (fd < 0) {
		if (err)
			*err = why;
		return -1;
	}
	if (fstat(fd, &st))
		return uns_err_sys(err, errno, "cannot look at %s/%s", l->job->args.base, path);
	uid = uns_map_side(&maps->uid, st.st_uid);
	gid = uns_map_side(&maps->gid, st.st_gid);
	if (uid != UNS_ID_OUTSIDE && look_at(l, uid, path, err))
		return -1;
	return gid != UNS_ID_OUTSIDE ? look_at(l, gid, path, err) : 0;
}

static enum uns_side judge(const struct look *l, struct uns_step_ctx *c)
{
	const char *base = l->job->tree.path;

	if (l->n[UNS_ID_OUTSIDE]) {
		snprintf(c->why, sizeof(c->why), "%s/%s has an ID that is neither at home nor shifted: the map does not cover it",
		         base, l->first[UNS_ID_OUTSIDE]);
		return UNS_FOREIGN;
	}
	if (l->n[UNS_ID_HOME] && l->n[UNS_ID_SHIFTED]) {
		snprintf(c->why, sizeof(c->why), "%s/%s has IDs at home, %s/%s has shifted ones", base, l->first[UNS_ID_HOME], base,
		         l->first[UNS_ID_SHIFTED]);
		return UNS_FOREIGN;
	}
	return l->n[UNS_ID_HOME] ? UNS_BEFORE : l->n[UNS_ID_SHIFTED] ? UNS_AFTER : UNS_EITHER;
}

static int look_parallel(struct looks *l, const struct uns_shift_job *job, struct uns_err *err)
{
	void *users[UNS_WALK_JOBS_MAX];
	struct uns_walk w = {.visit = look_deep, .users = users};
	int r;

	uns_walk_wish(&w, job->c->jobs);
	for (unsigned i = 0; i < w.jobs; i++) {
		l->v[i].job = job;
		l->v[i].allow_unmapped = job->args.allow & UNS_SHIFT_UNMAPPED;
		users[i] = &l->v[i];
	}
	uns_progress_begin("looking at all owners", job->met.names, job->met.bytes);
	r = uns_tree_walk_with(&job->tree, &job->matches, &w, err);
	uns_progress_end();
	if (r)
		return -1;
	for (unsigned i = 1; i < w.jobs; i++)
		for (int side = 0; side < 3; side++) {
			l->v[0].n[side] += l->v[i].n[side];
			if (!l->v[0].first[side])
				l->v[0].first[side] = uns_take_ptr(l->v[i].first[side]);
		}
	return 0;
}

static int look(struct looks *l, const struct uns_shift_job *job, bool deep, struct uns_err *err)
{
	if (deep)
		return look_parallel(l, job, err);
	l->v[0].job = job;
	for (size_t i = 0; i < job->matches.n; i++)
		if (look_match(&l->v[0], job->matches.v[i], err))
			return -1;
	return 0;
}

/* Where another step of the same plan took the owners further (c->nested: this step is expected at AFTER). */
static bool passed_on(const struct uns_step_ctx *c, const struct uns_shift_args *a)
{
	return c->nested ? a->passing : a->arriving;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(job_done) struct uns_shift_job job = {.c = c};
	uns_auto(looks_done) struct looks l = {0};
	struct uns_err why = {0};
	bool deep = c->deep || c->begun;
	int r = 0;

	if (job_open(&job, &why)) {
		if (why.errnum == ENOENT || why.errnum == ELOOP || why.errnum == ENOTDIR) {
			*ret = UNS_EITHER;
			return 0;
		}
		if (err)
			*err = why;
		return -1;
	}
	if (!c->begun && ((c->deep && passed_on(c, &job.args)) || (!c->deep && job.args.whole))) {
		*ret = UNS_EITHER;
		return 0;
	}
	if (deep && (r = load_records(&job, &why)) < 0) {
		*ret = UNS_EITHER;
		if (why.errnum == ESTALE)
			return 0;
		if (err)
			*err = why;
		return -1;
	}
	/* IDs of the range that were accepted, and that no record tells apart yet: only the matches themselves can tell. */
	if (r == 1 && !c->leg && job.args.allow & UNS_SHIFT_IN_TARGET)
		deep = false;
	if (look(&l, &job, deep, err)) {
		/* Without a record nothing was changed, and what cannot be read must not keep the transaction pending. */
		if (uns_stop_asked() || !c->begun || r <= 0 || c->record_dir < 0)
			return -1;
		*ret = c->leg_start;
		return 0;
	}
	*ret = judge(&l.v[0], c);
	return 0;
}

/* ---- drive ---- */

static double seconds_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

/* "(already there 3, ACLs 1)"; what is not there is not said. */
static int put_counts(const struct uns_shift_counts *n, struct uns_buf *b, struct uns_err *err)
{
	const struct {
		const char *what;
		uint64_t n;
	} all[] = {{"already there", n->already},   {"outside the map", n->unmapped}, {"special bits", n->special_bits},
	           {"capabilities", n->capabilities}, {"ACLs", n->acls},                {"several names", n->links}};
	bool any = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i].n && uns_buf_printf(b, err, "%s%s %" PRIu64, any ? ", " : " (", all[i].what, all[i].n))
			return -1;
		any = any || all[i].n;
	}
	return any ? uns_buf_puts(b, ")", err) : 0;
}

static int put_first(struct uns_buf *b, const struct uns_census_list *l, const char *what, struct uns_err *err)
{
	return l->n ? uns_buf_printf(b, err, "; %" PRIu64 " %s, the first is %s", l->n, what, l->paths.v[0]) : 0;
}

/* What people may want to know of a run that went well. */
static int tell(const struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (!job->c->tell)
		return 0;
	if (uns_buf_printf(&text, err, "%s: %" PRIu64 " of %" PRIu64 " inodes given to their new owners in %.1f s", job->args.base,
	                   job->changed, job->rec.counts.inodes, seconds_since(&job->began)) ||
	    put_counts(&job->rec.counts, &text, err) ||
	    put_first(&text, &job->unrecorded, "with setuid, capability or flags came after the record was written", err) ||
	    put_first(&text, &job->altered, "were changed by others since the record was written, and kept so", err) ||
	    put_first(&text, &job->late_links, "got another name meanwhile, which may be outside, and were left alone", err))
		return -1;
	job->c->tell(job->c->tell_user, text.data);
	return 0;
}

static int set_result(const struct uns_shift_job *job, struct uns_err *err)
{
	const struct uns_shift_counts *n = &job->rec.counts;

	job->c->result = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f}", "inodes", (json_int_t)n->inodes, "changed",
	                           (json_int_t)job->changed, "already", (json_int_t)n->already, "unmapped",
	                           (json_int_t)n->unmapped, "special_bits", (json_int_t)n->special_bits, "capabilities",
	                           (json_int_t)n->capabilities, "acls", (json_int_t)n->acls, "links", (json_int_t)n->links,
	                           "altered", (json_int_t)job->altered.n, "lost", (json_int_t)job->lost, "seconds",
	                           seconds_since(&job->began));
	return job->c->result ? 0 : uns_err_nomem(err);
}

/* Scan, and the record on disk before anything is changed. What is used from here on is what was read back. */
static int begin_leg(struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(uns_shift_record_done) struct uns_shift_record found = {0};
	uns_auto_json json_t *j = NULL;

	if (uns_shift_scan(job, &found, err))
		return -1;
	if (job->c->record_dir < 0) { /* without a journal */
		job->rec = found;
		found = (struct uns_shift_record){0};
		return 0;
	}
	j = uns_shift_record_to_json(&found, err);
	if (!j || uns_record_write(job->c, j, err))
		return err && err->code == UNS_E_REFUSED ? uns_err_prefix(err, "shift of %s refused, nothing changed", job->args.base) : -1;
	uns_shift_record_done(&job->rec);
	return load_records(job, err) ? -1 : 0;
}

static int report_failed(const struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	const struct uns_census_list *l = &job->failed;

	if (!l->n)
		return 0;
	for (size_t i = 0; i < l->paths.n; i++)
		if (uns_buf_printf(&text, err, "%s%s", i ? "; " : "", l->paths.v[i]))
			return -1;
	return uns_err_set(err, UNS_E_INCOMPLETE, "%" PRIu64 " inodes below %s could not be changed: %s%s", l->n, job->args.base,
	                   text.data, l->n > l->paths.n ? "; …" : "");
}

/* After failures that were passed over there is nothing to verify yet. */
static int finish(struct uns_shift_job *job, struct uns_err *err)
{
	if (uns_shift_apply(job, err) || report_failed(job, err) || uns_shift_verify(job, err) || uns_shift_report_lost(job, err) ||
	    tell(job, err) || set_result(job, err)) {
		if (err)
			err->code = UNS_E_INCOMPLETE;
		return -1;
	}
	return 0;
}

/* What root may not do, it may not do on a file system with other ideas of owners. */
static int explain(struct uns_err *err)
{
	const char *why = NULL;
	size_t len;

	if (err && err->errnum == EPERM)
		why = "a file system without owners (FAT), or a server that does not let root change them (NFS with root_squash: "
		      "shift it there)";
	else if (err && err->errnum == EACCES)
		why = "root may not do so: a server that takes root for nobody (NFS with root_squash: shift it there)";
	if (why) {
		len = strlen(err->text);
		snprintf(err->text + len, sizeof(err->text) - len, "; %s", why);
	}
	return -1;
}

/* Where the tree is gone, or another one has its place, there is nothing to take back, and the way home must not end there. */
static int without_tree(const struct uns_shift_job *job, const struct uns_err *why, struct uns_err *err)
{
	bool gone = why->errnum == ENOENT || why->errnum == ESTALE || why->errnum == ELOOP || why->errnum == ENOTDIR;

	if (gone && job->c->begun && job->to == job->c->leg_start) {
		if (job->c->tell)
			job->c->tell(job->c->tell_user, why->text);
		return 0;
	}
	if (err)
		*err = *why;
	return -1;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(job_done) struct uns_shift_job job = {.c = c, .to = to};
	struct uns_err why = {0};
	int r;

	clock_gettime(CLOCK_MONOTONIC, &job.began);
	r = job_open(&job, &why) ? -1 : load_records(&job, &why);
	if (r < 0)
		return without_tree(&job, &why, err);
	job.resumed = !r;
	if (r && (to == c->leg_start || (!job.matches.n && !job.symlinks.n)))
		return 0; /* the record comes before the first change, so nothing was changed */
	if (job.resumed && job.tree.readonly)
		return uns_err_set(err, UNS_E_INCOMPLETE, "%s is mounted read-only; mount it writable and resume", job.args.base);
	if (r && begin_leg(&job, err))
		return explain(err);
	return finish(&job, err) ? explain(err) : 0;
}

const struct uns_kind uns_kind_shift_tree = {"shift-tree", false, check, observe, drive, describe};
