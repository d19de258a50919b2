/* SPDX-License-Identifier: Apache-2.0 */
/* The look before the first change: what a chown would destroy, what is there on the far side already, what cannot be done at all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shift.h"
#include "uns/cleanup.h"

#define NAMED 3 /* paths per reason in the refusal */

struct scan {
	struct uns_shift_job *job;
	struct uns_census_run *run;
	struct uns_shift_record rec;
	struct uns_census_list impossible;
	enum uns_side far;
};

static void list_done(struct uns_census_list *l)
{
	uns_strs_done(&l->paths);
}

static void scan_done(struct scan *s)
{
	uns_census_run_free(s->run);
	uns_shift_record_done(&s->rec);
	list_done(&s->impossible);
}

static int copy_acl(const uint8_t *acl, size_t len, uint8_t **ret, size_t *ret_len, struct uns_err *err)
{
	if (!acl)
		return 0;
	*ret = malloc(len + 1);
	if (!*ret)
		return uns_err_nomem(err);
	memcpy(*ret, acl, len);
	*ret_len = len;
	return 0;
}

static int add_special(struct scan *s, const struct uns_entry *e, bool exact, struct uns_err *err)
{
	struct uns_shift_special sp = {.dev = e->dev, .ino = e->ino, .exact = exact};

	if (uns_inomap_find(&s->rec.special_at, e->dev, e->ino))
		return 0;
	uns_shift_state_of(e, &sp.was);
	sp.path = uns_str_escape(e->path, err);
	if (!sp.path || (exact && (copy_acl(e->acl_access, e->acl_access_len, &sp.acl[0], &sp.acl_len[0], err) ||
	                           copy_acl(e->acl_default, e->acl_default_len, &sp.acl[1], &sp.acl_len[1], err)))) {
		free(sp.path);
		free(sp.acl[0]);
		free(sp.acl[1]);
		return -1;
	}
	return uns_shift_record_add_special(&s->rec, &sp, err);
}

/* 1 when the ACL could be mapped. */
static int acl_maps(struct scan *s, const uint8_t *acl, size_t len, struct uns_err *err)
{
	uns_auto_free uint8_t *copy = NULL;
	size_t copied;

	if (!acl)
		return 1;
	if (copy_acl(acl, len, &copy, &copied, err))
		return -1;
	return uns_acl_map(copy, len, &s->job->args.maps, s->far == UNS_AFTER) >= 0;
}

static int check_possible(struct scan *s, const struct uns_entry *e, struct uns_err *err)
{
	uint32_t rootid;
	int access = acl_maps(s, e->acl_access, e->acl_access_len, err);
	int def = access < 0 ? -1 : acl_maps(s, e->acl_default, e->acl_default_len, err);

	if (access < 0 || def < 0)
		return -1;
	if (!access || !def)
		return uns_census_note(&s->impossible, e->path, "its ACL names both an ID and what that ID is mapped to", err);
	if (e->cap_len && uns_cap_rootid(e->cap, e->cap_len, &rootid) < 0)
		return uns_census_note(&s->impossible, e->path, "its capability is of an unknown version", err);
	return 0;
}

static int classify(struct scan *s, const struct uns_entry *e, struct uns_err *err)
{
	struct uns_shift_foreign f = {e->dev, e->ino, e->uid, e->gid};
	struct uns_shift_sides sides;
	unsigned near, far;

	uns_shift_sides(&s->job->args.maps, e, &sides);
	near = sides.n[uns_shift_idside(s->rec.from)];
	far = sides.n[uns_shift_idside(s->far)];
	if (!near)
		return far ? uns_shift_record_add_foreign(&s->rec, &f, err) : 0;
	if (check_possible(s, e, err))
		return -1;
	if (far || uns_entry_fragile(e) || e->cap_len || e->immutable || e->append)
		return add_special(s, e, far > 0, err);
	return 0;
}

static int visit(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct scan *s = user;

	if (uns_census_run_add(s->run, e, err) || uns_shift_record_note_dev(&s->rec, e->dev, e->path, err) ||
	    uns_digest_add(&s->rec.trees[e->match_no].digest, e, &s->job->args.maps, err))
		return -1;
	return classify(s, e, err);
}

static int start_trees(struct scan *s, struct uns_err *err)
{
	const struct uns_strs *m = &s->job->matches;

	s->rec.trees = calloc(m->n + 1, sizeof(*s->rec.trees));
	if (!s->rec.trees)
		return uns_err_nomem(err);
	for (; s->rec.n_trees < m->n; s->rec.n_trees++) {
		s->rec.trees[s->rec.n_trees].path = uns_str_escape(m->v[s->rec.n_trees], err);
		if (!s->rec.trees[s->rec.n_trees].path)
			return -1;
	}
	return 0;
}

/* ---- refusals ---- */

struct reason {
	const struct uns_census_list *list;
	unsigned allow; /* 0: never */
	const char *what;
};

static int add_reason(struct uns_buf *text, const struct reason *r, struct uns_err *err)
{
	if (uns_buf_printf(text, err, "%s%" PRIu64 " %s: ", text->len ? "; " : "", r->list->n, r->what))
		return -1;
	for (size_t i = 0; i < r->list->paths.n && i < NAMED; i++)
		if (uns_buf_printf(text, err, "%s%s", i ? ", " : "", r->list->paths.v[i]))
			return -1;
	return r->list->n > NAMED ? uns_buf_puts(text, ", …", err) : 0;
}

static int refuse(struct scan *s, const struct uns_census *c, struct uns_err *err)
{
	const struct uns_shift_args *a = &s->job->args;
	/* Coming home, a home ID is nothing strange: containers without the remapping and the kernel make such files. */
	unsigned allow = a->allow | (s->rec.from == UNS_AFTER ? UNS_SHIFT_IN_TARGET | UNS_SHIFT_UNMAPPED : 0);
	const struct reason reasons[] = {
	    {&c->unmapped, UNS_SHIFT_UNMAPPED, "with IDs that the range does not cover"},
	    {&c->in_target, UNS_SHIFT_IN_TARGET, "with IDs that lie in the range already"},
	    {&c->outside, UNS_SHIFT_HARD_LINKS, "with hard links outside the trees to shift"},
	    {&c->symlinks, UNS_SHIFT_SYMLINKS, "symlinks where the data should be"},
	    {&c->flagged, UNS_SHIFT_FLAGGED, "immutable or append-only"},
	    {&s->impossible, 0, "cannot be mapped"},
	};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].list->n && !(reasons[i].allow & allow) && add_reason(&text, &reasons[i], err))
			return -1;
	if (!text.len)
		return 0;
	return uns_err_set(err, UNS_E_REFUSED, "shift of %s refused, nothing changed: %s", a->base, text.data);
}

int uns_shift_scan(struct uns_shift_job *job, struct uns_shift_record *ret, struct uns_err *err)
{
	uns_auto(scan_done) struct scan s = {.job = job, .far = job->to};
	uns_auto(uns_census_done) struct uns_census c = {0};
	struct stat st;

	if (job->tree.readonly)
		return uns_err_set(err, UNS_E_REFUSED, "%s is mounted read-only; mount it writable first", job->args.base);
	s.rec.from = uns_shift_other(job->to);
	s.run = uns_census_run_new(&job->args.maps, err);
	/* The base can always be found again, the first inode of a tree not. */
	if (!s.run || fstat(job->tree.fd, &st) || uns_shift_record_note_dev(&s.rec, st.st_dev, ".", err) || start_trees(&s, err) ||
	    uns_tree_walk_matches(&job->tree, &job->matches, visit, &s, err))
		return -1;
	if (uns_census_run_end(s.run, &job->tree, &job->matches, &job->symlinks, &c, err) || refuse(&s, &c, err))
		return -1;
	*ret = s.rec;
	s.rec = (struct uns_shift_record){0};
	return 0;
}
