/* SPDX-License-Identifier: Apache-2.0 */
/* Which range. Facts about who else takes IDs come together in one function, fill_taken; a fuller model grows there. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/num.h"

#define FIRST_ID 524288u    /* below lies what systemd-homed maps and where useradd starts to hand out */
#define LAST_ID 2147483647u /* some programs keep IDs as int; what is above turns negative there */

/* Anyone may own files there (systemd's UIDS-GIDS). */
static const struct uns_range foreign_range = {2147352576u, 65536u};

enum {
	TAKEN_UIDS = 1,
	TAKEN_GIDS = 2,
	TAKEN_FILES = 4, /* IDs of files too: for a range that nobody chose yet */
};

static bool of_user(const struct uns_subid_line *line, const char *user, const struct uns_account *account)
{
	char uid[16];

	if (strcmp(line->owner, user) == 0)
		return true;
	if (!account)
		return false;
	snprintf(uid, sizeof(uid), "%u", account->id);
	return strcmp(line->owner, uid) == 0;
}

struct uns_own uns_plan_own(const struct uns_facts *f, const struct uns_subid *s, const char *user)
{
	const struct uns_account *account = uns_accounts_name(&f->users, user);
	struct uns_own own = {0};

	for (size_t i = 0; i < s->n; i++) {
		if (!of_user(&s->v[i], user, account))
			continue;
		if (own.n++ == 0)
			own.first = &s->v[i];
	}
	return own;
}

/* ---- who takes what ---- */

static int taken(struct uns_rangeset *set, struct uns_range r, char *who, struct uns_err *err)
{
	uns_auto_free char *text = who;

	if (!text)
		return -1;
	return uns_range_valid(r) ? uns_rangeset_add(set, r, text, err) : 0;
}

static int taken_lines(const struct uns_facts *f, const struct uns_subid *s, const char *file, const char *user,
                       struct uns_rangeset *set, struct uns_err *err)
{
	const struct uns_account *account = uns_accounts_name(&f->users, user);

	for (size_t i = 0; i < s->n; i++) {
		const struct uns_subid_line *l = &s->v[i];

		if (of_user(l, user, account))
			continue;
		if (taken(set, l->range,
		          uns_str_printf(err, "%s (%s:%u: %s:%u:%u)", l->owner, file, l->line, l->owner, l->range.start,
		                         l->range.count),
		          err) < 0)
			return -1;
	}
	return 0;
}

static int taken_accounts(const struct uns_accounts *a, const char *what, const char *id, struct uns_rangeset *set,
                          struct uns_err *err)
{
	for (size_t i = 0; i < a->n; i++) {
		struct uns_range one = {a->v[i].id, 1};

		if (one.start < UNS_ID_BLOCK)
			continue;
		if (taken(set, one, uns_str_printf(err, "%s %s (%s %u)", what, a->v[i].name, id, one.start), err) < 0)
			return -1;
	}
	return 0;
}

static int taken_blocks(const struct uns_rangeset *blocks, struct uns_rangeset *set, struct uns_err *err)
{
	for (size_t i = 0; i < blocks->n; i++)
		if (uns_rangeset_add(set, blocks->v[i].range, blocks->v[i].who, err) < 0)
			return -1;
	return 0;
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

/* The directory tells only where its range begins; its files reach at least a block further. */
static int taken_dirs(const struct uns_facts *f, struct uns_rangeset *set, struct uns_err *err)
{
	for (size_t i = 0; i < f->remap_dirs.n; i++) {
		const char *name = f->remap_dirs.v[i];
		struct uns_range u = {0, UNS_ID_BLOCK}, g = {0, UNS_ID_BLOCK};

		if (split_dir(name, &u.start, &g.start) < 0)
			continue;
		if (taken(set, u, uns_str_printf(err, "the tree %s/%s", f->data_root, name), err) < 0 ||
		    taken(set, g, uns_str_printf(err, "the tree %s/%s", f->data_root, name), err) < 0)
			return -1;
	}
	return 0;
}

static int fill_taken(const struct uns_facts *f, const char *user, int what, struct uns_rangeset *set, struct uns_err *err)
{
	if (uns_rangeset_add(set, foreign_range, "systemd's foreign IDs", err) < 0)
		return -1;
	if ((what & TAKEN_UIDS) &&
	    (taken_lines(f, &f->subuid, UNS_SUBUID, user, set, err) < 0 || taken_accounts(&f->users, "user", "UID", set, err) < 0))
		return -1;
	if ((what & TAKEN_GIDS) && (taken_lines(f, &f->subgid, UNS_SUBGID, user, set, err) < 0 ||
	                            taken_accounts(&f->groups, "group", "GID", set, err) < 0))
		return -1;
	if (!(what & TAKEN_FILES))
		return 0;
	if (f->have_census &&
	    (taken_blocks(&f->census.uid_blocks, set, err) < 0 || taken_blocks(&f->census.gid_blocks, set, err) < 0))
		return -1;
	return taken_dirs(f, set, err);
}

int uns_plan_free(const struct uns_facts *f, const char *user, uint32_t count, uint32_t *ret_start, struct uns_err *err)
{
	uns_auto(uns_rangeset_done) struct uns_rangeset set = {0};
	uint32_t low = count > UNS_ID_BLOCK ? count : UNS_ID_BLOCK;

	if (fill_taken(f, user, TAKEN_UIDS | TAKEN_GIDS | TAKEN_FILES, &set, err) < 0)
		return -1;
	if (uns_rangeset_first_free(&set, low > FIRST_ID ? low : FIRST_ID, LAST_ID, count, UNS_ID_BLOCK, ret_start) == 0)
		return 0;
	return uns_rangeset_first_free(&set, low, LAST_ID, count, UNS_ID_BLOCK, ret_start) == 0 ? 0 : 1;
}

/* ---- is it fit ---- */

/* Why not, or NULL. Home and shifted IDs must be disjoint, or a run that was cut could not tell which files are done. */
static const char *unsafe(struct uns_range r)
{
	if (!uns_range_valid(r))
		return "it holds no IDs or ends beyond the last one";
	if (r.start < UNS_ID_BLOCK)
		return "it begins below 65536, among the IDs of the host's own users";
	if (r.start < r.count)
		return "it begins below its own count, so that IDs before and after the shift could not be told apart";
	if (r.start > LAST_ID || r.count > LAST_ID + 1 - r.start)
		return "it reaches beyond 2147483647, which programs that keep IDs as int take for negative";
	return NULL;
}

static int check_safe(const struct uns_request *r, struct uns_range range, const char *what, struct uns_findings *findings,
                      struct uns_err *err)
{
	const char *why = unsafe(range);

	if (!why)
		return 0;
	if (uns_findings_add(findings, &r->ignore, "RangeUnsafe", what,
	                     "give the user a range that begins at a multiple of 65536, at 65536 or above", err,
	                     "the range %u:%u cannot be used: %s", range.start, range.count, why) < 0)
		return -1;
	return 1;
}

/* Only other people's lines and accounts: files that have such IDs are counted by the census and told one by one. */
static int check_free(const struct uns_facts *f, const struct uns_request *r, const char *user, int what, struct uns_range range,
                      bool in_use, struct uns_findings *findings, struct uns_err *err)
{
	uns_auto(uns_rangeset_done) struct uns_rangeset set = {0};
	const struct uns_taken *other;
	char object[32];

	if (fill_taken(f, user, what, &set, err) < 0)
		return -1;
	other = uns_rangeset_find(&set, range);
	if (!other)
		return 0;
	snprintf(object, sizeof(object), "%u:%u", range.start, range.count);
	if (uns_findings_add(findings, &r->ignore, in_use ? "RangeShared" : "RangeTaken", object,
	                     in_use ? "usernsctl disable docker --purge, then usernsctl enable docker: it chooses a free range"
	                            : "usernsctl enable docker --range=auto chooses a free range (a line of the remap user that is "
	                              "in the way must be removed first)",
	                     err, "%s range overlaps %s", what == TAKEN_UIDS ? "the UID" : "the GID", other->who) < 0)
		return -1;
	return in_use ? 0 : 1;
}

static int check_pair(const struct uns_facts *f, const struct uns_request *r, const char *user, const struct uns_shift *s,
                      const char *what, bool in_use, struct uns_findings *findings, struct uns_err *err)
{
	int rc = check_safe(r, s->uid, what, findings, err);

	if (rc == 0)
		rc = check_safe(r, s->gid, what, findings, err);
	if (rc == 0)
		rc = check_free(f, r, user, TAKEN_UIDS, s->uid, in_use, findings, err);
	if (rc == 0)
		rc = check_free(f, r, user, TAKEN_GIDS, s->gid, in_use, findings, err);
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

static int own_line_differs(const struct uns_request *r, const char *user, struct uns_range line, struct uns_findings *findings,
                            struct uns_err *err)
{
	uint32_t count = r->range.count ? r->range.count : r->range_auto ? line.count : UNS_ID_BLOCK;
	char object[32];

	if ((r->range_auto || line.start == r->range.start) && line.count == count)
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
	                     "no %u IDs in a row are free between 65536 and %u", count, LAST_ID) < 0)
		return -1;
	return 1;
}

static int range_wanted(const struct uns_facts *f, const struct uns_request *r, struct uns_shift *ret,
                        struct uns_findings *findings, struct uns_err *err)
{
	struct uns_range wanted = {r->range.start, r->range.count ? r->range.count : UNS_ID_BLOCK};
	struct uns_shift s = {wanted, wanted};
	int rc;

	if (wanted.start % UNS_ID_BLOCK != 0) {
		if (uns_findings_add(findings, &r->ignore, "RangeUnsafe", "--range", "usernsctl enable docker --range=auto", err,
		                     "%u is no multiple of 65536", wanted.start) < 0)
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
	u = uns_plan_own(f, &f->subuid, user);
	g = uns_plan_own(f, &f->subgid, user);
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
	u = uns_plan_own(f, &f->subuid, r->user);
	g = uns_plan_own(f, &f->subgid, r->user);
	rc = several(r, r->user, UNS_SUBUID, u.n, findings, err);
	if (rc == 0)
		rc = several(r, r->user, UNS_SUBGID, g.n, findings, err);
	if (rc != 0)
		return rc;
	if (u.n || g.n)
		return range_of_lines(f, r, u, g, ret, findings, err);
	return r->range_auto ? range_auto(f, r, ret, findings, err) : range_wanted(f, r, ret, findings, err);
}
