/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing lost: the digest of each match, IDs taken home, equals that of the record, and no ID is on the wrong side. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shift.h"
#include "uns/cleanup.h"

#define LISTED 20

/* A shift cannot change these; where they differ, somebody else wrote in the tree, and the sums prove nothing about the shift. */
#define WRITTEN                                                                                                                    \
	(1u << UNS_ASPECT_NAMES | 1u << UNS_ASPECT_LINKS | 1u << UNS_ASPECT_SIZES | 1u << UNS_ASPECT_TIMES |                       \
	 1u << UNS_ASPECT_DEVICES)

/* The digests and what is on the wrong side belong to the job, or to the second look. */
struct verify {
	struct uns_shift_job *job;
	const struct uns_digest *digests; /* by match */
	const struct uns_digest *unread;  /* of what was not read back; NULL: all was read */
	const struct uns_census_list *wrong;
	struct uns_buf text, written; /* what differs; what differs because of others */
	size_t n_differ, n_written;
};

static void verify_done(struct verify *v)
{
	uns_buf_done(&v->text);
	uns_buf_done(&v->written);
}

static bool can_map(const struct uns_shift_job *job, const uint8_t *acl, size_t len)
{
	uns_auto_free uint8_t *copy = acl ? malloc(len + 1) : NULL;

	if (!acl || !copy)
		return true;
	memcpy(copy, acl, len);
	return uns_acl_map(copy, len, &job->args.maps, job->to == UNS_AFTER) >= 0;
}

/* An ACL that names both an ID and what that becomes was made since the scan, and left as it is. */
static bool can_map_acls(const struct uns_shift_job *job, const struct uns_entry *e)
{
	return can_map(job, e->acl_access, e->acl_access_len) && can_map(job, e->acl_default, e->acl_default_len);
}

int uns_shift_check_side(const struct uns_shift_job *job, const struct uns_entry *e, struct uns_census_list *wrong,
                         struct uns_err *err)
{
	const struct uns_shift_special *s;
	struct uns_shift_sides sides;
	unsigned left;

	uns_shift_sides(&job->args.maps, e, &sides);
	if ((e->acl_access || e->acl_default) && !can_map_acls(job, e)) {
		struct uns_entry bare = *e;

		bare.acl_access = bare.acl_default = NULL;
		uns_shift_sides(&job->args.maps, &bare, &sides);
	}
	left = sides.n[uns_shift_idside(uns_shift_other(job->to))];
	if (job->args.squash && job->to == UNS_AFTER)
		left += sides.n[UNS_ID_OUTSIDE];
	if (!left || uns_shift_is_foreign(job, e) || (job->to == UNS_BEFORE && uns_shift_was_mixed(job, e)))
		return 0;
	s = uns_shift_find_special(&job->rec, e);
	if (s && s->exact && job->to == job->rec.from)
		return 0;
	return uns_census_note_entry(wrong, e, NULL, err);
}

static int compare_path(const void *path, const void *tree)
{
	return strcmp(path, ((const struct uns_shift_tree *)tree)->path);
}

static unsigned differing(const struct uns_digest *a, const struct uns_digest *b)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < UNS_ASPECTS; i++)
		mask |= (unsigned)(a->sum[i] != b->sum[i]) << i;
	return mask | (a->inodes != b->inodes ? WRITTEN : 0);
}

static int add_difference(struct verify *v, const char *path, unsigned mask, const char *what, struct uns_err *err)
{
	/* The user asked for going on after an interruption: what others did meanwhile is not the shift's to fail on. What could be
	 * lost was looked at inode by inode. */
	bool excused = v->job->resumed;
	struct uns_buf *to = excused ? &v->written : &v->text;
	const char *sep = ": ";

	if (++*(excused ? &v->n_written : &v->n_differ) > LISTED)
		return 0;
	if (uns_buf_printf(to, err, "%s%s", to->len ? "; " : "", path))
		return -1;
	if (what)
		return uns_buf_printf(to, err, ": %s", what);
	for (unsigned i = 0; i < UNS_ASPECTS; i++) {
		if (!(mask & 1u << i))
			continue;
		if (uns_buf_printf(to, err, "%s%s", sep, uns_aspect_names[i]))
			return -1;
		sep = ", ";
	}
	return 0;
}

static int compare_match(struct verify *v, size_t i, bool *seen, struct uns_err *err)
{
	const struct uns_shift_record *rec = &v->job->rec;
	uns_auto_free char *path = uns_str_escape(v->job->matches.v[i], err);
	struct uns_digest now = v->digests[i];
	const struct uns_shift_tree *t;
	unsigned mask;

	if (!path)
		return -1;
	if (v->unread)
		uns_digest_sum(&now, &v->unread[i]);
	t = rec->n_trees ? bsearch(path, rec->trees, rec->n_trees, sizeof(*rec->trees), compare_path) : NULL;
	if (!t)
		return add_difference(v, path, WRITTEN, "not there when the shift began", err);
	seen[t - rec->trees] = true;
	mask = differing(&t->digest, &now);
	return mask ? add_difference(v, path, mask, NULL, err) : 0;
}

static int compare(struct verify *v, struct uns_err *err)
{
	const struct uns_shift_record *rec = &v->job->rec;
	uns_auto_free bool *seen = calloc(rec->n_trees + 1, sizeof(*seen));

	if (!seen)
		return uns_err_nomem(err);
	for (size_t i = 0; i < v->job->matches.n; i++)
		if (compare_match(v, i, seen, err))
			return -1;
	for (size_t i = 0; i < rec->n_trees; i++)
		if (!seen[i] && add_difference(v, rec->trees[i].path, WRITTEN, "gone", err))
			return -1;
	return 0;
}

static int judge(struct verify *v, struct uns_err *err)
{
	const struct uns_shift_job *job = v->job;

	if (v->wrong->n)
		return uns_err_set(err, UNS_E_INCOMPLETE,
		                   "verification failed: %" PRIu64
		                   " names below %s are not on the wanted side, the first is %s; stop what writes there and "
		                   "resume, or roll back when this file system takes owners and forgets them (FAT, some of FUSE)",
		                   v->wrong->n, job->args.base, v->wrong->paths.v[0]);
	if (v->n_differ)
		return uns_err_set(err, UNS_E_INCOMPLETE, "verification failed: %zu trees below %s differ: %s", v->n_differ,
		                   job->args.base, v->text.data);
	/* On FUSE the sums are of numbers that may be others by now. */
	if (v->n_written && job->c->tell && !job->rec.by_path) {
		uns_auto_free char *line = uns_str_printf(err, "%zu trees below %s were written to by others meanwhile: %s",
		                                          v->n_written, job->args.base, v->written.data);

		if (!line)
			return -1;
		job->c->tell(job->c->tell_user, line);
	}
	return 0;
}

/* ---- the second look ---- */

struct part {
	const struct uns_shift_job *job;
	struct uns_digest *digests;
	struct uns_census_list wrong;
};
struct look {
	struct part part[UNS_WALK_JOBS_MAX]; /* the first one gets what the others found */
};

static void look_done(struct look *l)
{
	for (unsigned i = 0; i < UNS_WALK_JOBS_MAX; i++) {
		free(l->part[i].digests);
		uns_strs_done(&l->part[i].wrong.paths);
	}
}

static int visit(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct part *p = user;

	uns_digest_add(&p->digests[e->match_no], e, &p->job->args.maps);
	return uns_shift_check_side(p->job, e, &p->wrong, err);
}

static int look(struct look *l, const struct uns_shift_job *job, struct uns_err *err)
{
	void *users[UNS_WALK_JOBS_MAX];
	struct uns_walk w = {.visit = visit, .users = users};
	int r;

	uns_walk_wish(&w, job->c->jobs);
	for (unsigned i = 0; i < w.jobs; i++) {
		l->part[i] = (struct part){.job = job, .digests = calloc(job->matches.n + 1, sizeof(struct uns_digest))};
		users[i] = &l->part[i];
		if (!l->part[i].digests)
			return uns_err_nomem(err);
	}
	uns_progress_begin("comparing", job->met.names, job->met.bytes);
	r = uns_tree_walk_with(&job->tree, &job->matches, &w, err);
	uns_progress_end();
	if (r)
		return -1;
	for (unsigned i = 1; i < w.jobs; i++) {
		if (uns_census_list_join(&l->part[0].wrong, &l->part[i].wrong, err))
			return -1;
		for (size_t k = 0; k < job->matches.n; k++)
			uns_digest_sum(&l->part[0].digests[k], &l->part[i].digests[k]);
	}
	return 0;
}

/* What was read back after each change is enough when it says what the scan said. When not, somebody may have been at work in the
 * tree during the walk: the tree as it is now decides. */
int uns_shift_verify(struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(verify_done) struct verify first = {
	    .job = job, .digests = job->digests, .unread = job->unread, .wrong = &job->wrong};
	uns_auto(verify_done) struct verify second = {.job = job};
	uns_auto(look_done) struct look now = {0};

	if (compare(&first, err))
		return -1;
	if (!job->moved && !first.wrong->n && !first.n_differ && !first.n_written)
		return 0;
	if (look(&now, job, err))
		return -1;
	second.digests = now.part[0].digests;
	second.wrong = &now.part[0].wrong;
	return compare(&second, err) || judge(&second, err) ? -1 : 0;
}
