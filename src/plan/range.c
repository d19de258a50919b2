/* SPDX-License-Identifier: Apache-2.0 */
/* Which range a remap user gets, and whether the one it has will do. Who else takes IDs is the model's to say (model.c). */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/num.h"

static void model_freep(struct uns_model **m)
{
	uns_model_free(*m);
}

static void allocator_freep(struct uns_allocator **a)
{
	uns_allocator_free(*a);
}

struct uns_own uns_plan_own(const struct uns_facts *f, enum uns_idkind kind, const char *user)
{
	const struct uns_subid *s = &f->ids.sub[kind].s;
	struct uns_who who = uns_who_is(&f->ids, user);
	struct uns_own own = {0};

	for (size_t i = 0; i < s->n; i++) {
		if (!uns_who_owns(&who, &s->v[i]))
			continue;
		if (own.n++ == 0)
			own.first = &s->v[i];
	}
	return own;
}

/* "N.M" → two numbers. */
static int split_dir(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	const char *dot = strchr(name, '.');
	uint32_t uid, gid;

	if (!dot || uns_num_u32(name, (size_t)(dot - name), &uid) < 0 || uns_num_u32(dot + 1, strlen(dot + 1), &gid) < 0)
		return -1;
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

/* IDs that files have already, in blocks: nobody would choose them for a range that is to be told from them. */
static int take_census(const struct uns_rangeset *blocks, struct uns_allocator *a, struct uns_err *err)
{
	for (size_t i = 0; i < blocks->n; i++)
		if (uns_allocator_take(a, blocks->v[i].range, err) < 0)
			return -1;
	return 0;
}

int uns_plan_free(const struct uns_facts *f, const char *user, uint32_t count, uint32_t *ret_start, struct uns_err *err)
{
	__attribute__((cleanup(model_freep))) struct uns_model *m = uns_model_new(&f->ids, user, err);
	__attribute__((cleanup(allocator_freep))) struct uns_allocator *a = m ? uns_allocator_new(m, err) : NULL;

	if (!a)
		return -1;
	if (f->have_census &&
	    (take_census(&f->census.uid_blocks, a, err) < 0 || take_census(&f->census.gid_blocks, a, err) < 0))
		return -1;
	return uns_allocator_next(a, count, ret_start, err);
}

/* ---- is it fit ---- */

static int check_safe(const struct uns_request *r, struct uns_range range, const char *what, struct uns_findings *findings,
                      struct uns_err *err)
{
	const char *why = uns_range_unsafe(range);

	if (!why)
		return 0;
	if (uns_findings_add(findings, &r->ignore, "RangeUnsafe", what,
	                     "give the user a range that begins at a multiple of 65536, at 65536 or above", err,
	                     "the range %u:%u cannot be used: %s", range.start, range.count, why) < 0)
		return -1;
	return 1;
}

static int say_taken(const struct uns_request *r, const struct uns_model *m, enum uns_idkind kind, struct uns_range range,
                     const struct uns_claim *c, bool in_use, struct uns_findings *findings, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	char object[32];

	snprintf(object, sizeof(object), "%u:%u", range.start, range.count);
	if (uns_claim_describe(m, kind, c, &who, err) < 0)
		return -1;
	return uns_findings_add(findings, &r->ignore,
	                        in_use ? "RangeShared" : c->severity == UNS_ERROR ? "RangeTaken" : "RangeDiscouraged", object,
	                        in_use ? "$ usernsctl disable docker --purge && usernsctl enable docker\tchooses a free range"
	                               : "usernsctl enable docker --range=auto chooses a free range (a line of the remap user that is "
	                                 "in the way must be removed first)",
	                        err, "the %s range overlaps %s", kind == UNS_UID ? "UID" : "GID", who.data);
}

/* What is the user's own is left out. Files that have such IDs are counted by the census and told one by one. */
static int check_free(const struct uns_facts *f, const struct uns_request *r, const char *user, enum uns_idkind kind,
                      struct uns_range range, bool in_use, struct uns_findings *findings, struct uns_err *err)
{
	__attribute__((cleanup(model_freep))) struct uns_model *m = uns_model_new(&f->ids, user, err);
	const struct uns_claim *c;

	if (!m)
		return -1;
	c = uns_model_find(m, kind, range, UNS_WARNING);
	if (!c)
		return 0;
	if (say_taken(r, m, kind, range, c, in_use, findings, err) < 0)
		return -1;
	return in_use || c->severity != UNS_ERROR ? 0 : 1;
}

static int check_pair(const struct uns_facts *f, const struct uns_request *r, const char *user, const struct uns_shift *s,
                      const char *what, bool in_use, struct uns_findings *findings, struct uns_err *err)
{
	int rc = check_safe(r, s->uid, what, findings, err);

	if (rc == 0)
		rc = check_safe(r, s->gid, what, findings, err);
	if (rc == 0)
		rc = check_free(f, r, user, UNS_UID, s->uid, in_use, findings, err);
	if (rc == 0)
		rc = check_free(f, r, user, UNS_GID, s->gid, in_use, findings, err);
	return rc;
}

/* ---- where it comes from ---- */

static int several(const struct uns_request *r, const char *user, const char *file, size_t n, struct uns_findings *findings,
                   struct uns_err *err)
{
	if (n <= 1)
		return 0;
	if (uns_findings_add(findings, &r->ignore, "RangeSeveral", file,
	                     "leave one line of this user in each of " UNS_SUBUID " and " UNS_SUBGID, err,
	                     "%s has %zu lines; the engine joins them in file order, which any useradd may change, and the data "
	                     "root is named after the first",
	                     user, n) < 0)
		return -1;
	return 1;
}

/* Of --range, when it names or implies one. */
static struct uns_range wanted(const struct uns_request *r)
{
	uint32_t count = r->range.count ? r->range.count : UNS_ID_BLOCK;

	return (struct uns_range){r->range_how == UNS_RANGE_HASH ? uns_range_hash(r->user, count) : r->range.start, count};
}

static int own_line_differs(const struct uns_request *r, const char *user, struct uns_range line, struct uns_findings *findings,
                            struct uns_err *err)
{
	bool automatic = r->range_how == UNS_RANGE_AUTO;
	uint32_t count = r->range.count ? r->range.count : automatic ? line.count : UNS_ID_BLOCK;
	char object[32];

	if ((automatic || line.start == wanted(r).start) && line.count == count)
		return 0;
	snprintf(object, sizeof(object), "%u:%u", line.start, line.count);
	if (uns_findings_add(findings, &r->ignore, "RangeTaken", object,
	                     "leave --range out to use this range, or remove the user's lines from " UNS_SUBUID " and " UNS_SUBGID,
	                     err, "%s has the range %u:%u already, which is not the wanted one", user, line.start, line.count) < 0)
		return -1;
	return 1;
}

static int range_of_lines(const struct uns_facts *f, const struct uns_request *r, struct uns_own u, struct uns_own g,
                          struct uns_shift *ret, struct uns_findings *findings, struct uns_err *err)
{
	struct uns_shift s;
	char dir[32];
	bool in_use;
	int rc;

	s.uid = u.first ? u.first->range : g.first->range;
	s.gid = g.first ? g.first->range : u.first->range;
	rc = own_line_differs(r, r->user, s.uid, findings, err);
	if (rc == 0)
		rc = own_line_differs(r, r->user, s.gid, findings, err);
	if (rc != 0)
		return rc;
	snprintf(dir, sizeof(dir), "%u.%u", s.uid.start, s.gid.start);
	in_use = f->active_dir && strcmp(f->active_dir, dir) == 0 && uns_strs_has(&f->remap_dirs, dir);
	rc = check_pair(f, r, r->user, &s, r->user, in_use, findings, err);
	if (rc == 0)
		*ret = s;
	return rc;
}

static int range_auto(const struct uns_facts *f, const struct uns_request *r, struct uns_shift *ret, struct uns_findings *findings,
                      struct uns_err *err)
{
	uint32_t count = r->range.count ? r->range.count : UNS_ID_BLOCK, start = 0;
	int rc = uns_plan_free(f, r->user, count, &start, err);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		ret->uid = ret->gid = (struct uns_range){start, count};
		return 0;
	}
	if (uns_findings_add(findings, &r->ignore, "RangeNone", r->user,
	                     "choose a smaller count, or free ranges of users that are gone", err,
	                     "no %u IDs in a row are free between 65536 and %u", count, UNS_RANGE_LAST) < 0)
		return -1;
	return 1;
}

static int range_wanted(const struct uns_facts *f, const struct uns_request *r, struct uns_shift *ret,
                        struct uns_findings *findings, struct uns_err *err)
{
	struct uns_shift s = {wanted(r), wanted(r)};
	int rc;

	if (s.uid.start % UNS_ID_BLOCK != 0) {
		if (uns_findings_add(findings, &r->ignore, "RangeUnsafe", "--range", "$ usernsctl enable docker --range=auto", err,
		                     "%u is no multiple of 65536", s.uid.start) < 0)
			return -1;
		return 1;
	}
	rc = check_pair(f, r, r->user, &s, "--range", false, findings, err);
	if (rc == 0)
		*ret = s;
	return rc;
}

static int broken(const struct uns_request *r, const char *user, struct uns_findings *findings, struct uns_err *err)
{
	if (uns_findings_add(findings, &r->ignore, "RemapBroken", user,
	                     "give the user its line in " UNS_SUBUID " and " UNS_SUBGID ", or take the option " UNS_OPTION " out",
	                     err,
	                     "the option " UNS_OPTION " names %s, but there is no such user with one line in each of " UNS_SUBUID
	                     " and " UNS_SUBGID ", so that nothing tells which tree is in use",
	                     user) < 0)
		return -1;
	return 1;
}

/* The range of the tree that is in use. The directory's name holds the starts, the lines the counts; they must agree. */
static int range_active(const struct uns_facts *f, const struct uns_request *r, struct uns_shift *ret,
                        struct uns_findings *findings, struct uns_err *err)
{
	const struct uns_setting *option = uns_plan_option(f);
	uns_auto_free char *user = NULL;
	struct uns_own u, g;
	struct uns_shift s;
	uint32_t uid, gid;
	int rc;

	if (!option)
		return 1;
	user = uns_plan_owner(f, option->value, err);
	if (!user)
		return -1;
	if (strcmp(user, "root") == 0)
		return 1;
	u = uns_plan_own(f, UNS_UID, user);
	g = uns_plan_own(f, UNS_GID, user);
	rc = several(r, user, UNS_SUBUID, u.n, findings, err);
	if (rc == 0)
		rc = several(r, user, UNS_SUBGID, g.n, findings, err);
	if (rc != 0)
		return rc;
	if (!u.n || !g.n || !f->active_dir || split_dir(f->active_dir, &uid, &gid) < 0 || u.first->range.start != uid ||
	    g.first->range.start != gid)
		return broken(r, user, findings, err);
	s = (struct uns_shift){u.first->range, g.first->range};
	rc = check_safe(r, s.uid, user, findings, err);
	if (rc == 0)
		rc = check_safe(r, s.gid, user, findings, err);
	if (rc == 0)
		*ret = s;
	return rc;
}

int uns_plan_range(const struct uns_facts *f, const struct uns_request *r, struct uns_shift *ret, struct uns_findings *findings,
                   struct uns_err *err)
{
	struct uns_own u, g;
	int rc;

	if (r->command != UNS_ENABLE)
		return range_active(f, r, ret, findings, err);
	u = uns_plan_own(f, UNS_UID, r->user);
	g = uns_plan_own(f, UNS_GID, r->user);
	rc = several(r, r->user, UNS_SUBUID, u.n, findings, err);
	if (rc == 0)
		rc = several(r, r->user, UNS_SUBGID, g.n, findings, err);
	if (rc != 0)
		return rc;
	if (u.n || g.n)
		return range_of_lines(f, r, u, g, ret, findings, err);
	return r->range_how == UNS_RANGE_AUTO ? range_auto(f, r, ret, findings, err) : range_wanted(f, r, ret, findings, err);
}
