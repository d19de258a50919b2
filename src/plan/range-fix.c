/* SPDX-License-Identifier: Apache-2.0 */
/* range check --fix: what is safe to mend. */
#include "uns/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "edits.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"

static bool is_mendable(const struct uns_subid_line *l)
{
	uint32_t more = UNS_SUBID_MENDABLE & ~UNS_FLAW_BIT(UNS_FLAW_NO_NEWLINE); /* than a step of its own mends */

	return (l->flaws & more) && !(l->flaws & ~UNS_SUBID_MENDABLE) && uns_range_valid(l->range) && uns_subid_owner_valid(l->owner);
}

/* One file. */
struct mend {
	const struct uns_range_request *r;
	enum uns_idkind kind;
	struct uns_owners named;  /* whose lines are rewritten */
	struct uns_words doubled; /* spellings with the same line twice */
	struct uns_words there;   /* lines that are to be there: a second one goes */
};

static void mend_done(struct mend *m)
{
	uns_owners_done(&m->named);
	uns_words_done(&m->doubled);
	uns_words_done(&m->there);
}

static int text_compare(const void *pa, const void *pb)
{
	const struct uns_subid_line *a = *(const struct uns_subid_line *const *)pa, *b = *(const struct uns_subid_line *const *)pb;
	int rc = strcmp(a->owner, b->owner);

	if (rc == 0 && a->range.start != b->range.start)
		rc = a->range.start < b->range.start ? -1 : 1;
	if (rc == 0 && a->range.count != b->range.count)
		rc = a->range.count < b->range.count ? -1 : 1;
	return rc ? rc : a->line < b->line ? -1 : a->line > b->line;
}

static bool same_entry(const struct uns_subid_line *a, const struct uns_subid_line *b)
{
	return strcmp(a->owner, b->owner) == 0 && a->range.start == b->range.start && a->range.count == b->range.count;
}

static int find_doubled(const struct uns_subid *s, struct uns_words *ret, struct uns_err *err)
{
	uns_auto_free const struct uns_subid_line **v = calloc(s->n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < s->n; i++)
		if (uns_range_valid(s->v[i].range) && !(s->v[i].flaws & UNS_OWNERS_DIFFERENT))
			v[n++] = &s->v[i];
	qsort(v, n, sizeof(*v), text_compare);
	for (size_t i = 1; i < n; i++)
		if (same_entry(v[i - 1], v[i]) && !uns_words_find(ret, v[i]->owner) && uns_words_add(ret, v[i]->owner, i, err) < 0)
			return -1;
	return 0;
}

/* The one name that this UID has, when every program finds it there; NULL: it has none, or others too, who would lose the line. */
static const char *name_of(const struct uns_idfacts *f, uint32_t id)
{
	const struct uns_accounts *const all[] = {&f->users, &f->nss[UNS_UID]};
	const struct uns_account *found = uns_accounts_id(&f->users, id);

	if (!found || !uns_subid_owner_valid(found->name) || uns_is_digits(found->name, strlen(found->name)))
		return NULL;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (size_t k = 0; k < all[i]->n; k++)
			if ((all[i]->v[k].id == id) != (strcmp(all[i]->v[k].name, found->name) == 0))
				return NULL;
	return found->name;
}

static const char *canonical_owner(const struct uns_idfacts *f, const struct uns_subid_line *l)
{
	const char *name = NULL;
	uint32_t id;

	if ((l->flaws & UNS_FLAW_BIT(UNS_FLAW_NUMERIC_OWNER)) && uns_num_u32(l->owner, strlen(l->owner), &id) == 0)
		name = name_of(f, id);
	return name ? name : l->owner;
}

/* What is to stand in place of the line: itself, its canonical spelling, or nothing when that is there already. */
static int mend_line(struct mend *m, const struct uns_subid_line *l, struct uns_edit *e, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs text = UNS_STRS_INIT;
	bool rewrite = uns_owners_have(&m->named, l) && is_mendable(l);
	int rc = rewrite ? uns_edits_push_range(canonical_owner(m->r->f, l), l->range, &text, err)
	                 : uns_edits_push_raw(m->r, m->kind, l, &text, err);

	if (rc < 0 || uns_edits_push_raw(m->r, m->kind, l, &e->before, err) < 0)
		return -1;
	if (uns_words_find(&m->there, text.v[0]))
		return 0;
	if (uns_strs_add(&e->after, text.v[0], err) < 0)
		return -1;
	return uns_words_add(&m->there, e->after.v[e->after.n - 1], 0, err);
}

static int mend_lines(struct mend *m, struct uns_edit *e, struct uns_err *err)
{
	const struct uns_subid *s = &m->r->f->sub[m->kind].s;

	for (size_t i = 0; i < s->n; i++) {
		const struct uns_subid_line *l = &s->v[i];

		if (!uns_subid_owner_valid(l->owner))
			continue; /* no step would write it */
		if ((uns_owners_have(&m->named, l) || uns_words_find(&m->doubled, l->owner)) && mend_line(m, l, e, err) < 0)
			return -1;
	}
	return 0;
}

static int mend_newline(const struct uns_range_request *r, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_subid *s = &r->f->sub[kind].s;
	uns_auto(uns_strs_done) struct uns_strs last = UNS_STRS_INIT;

	if (s->n == 0 || !(s->v[s->n - 1].flaws & UNS_FLAW_BIT(UNS_FLAW_NO_NEWLINE)))
		return 0;
	if (uns_ranges_editable(r->f, kind, err) < 0 || uns_edits_push_raw(r, kind, &s->v[s->n - 1], &last, err) < 0)
		return -1;
	return uns_plan_add(r->plan, "final-newline", false,
	                    json_pack("{s:s, s:s}", "file", UNS_SUBID_FILE(kind), "line", last.v[0]), err);
}

static int mend_file(const struct uns_range_request *r, enum uns_idkind kind, const struct uns_strs *owners, struct uns_edit *e,
                     struct uns_err *err)
{
	uns_auto(mend_done) struct mend m = {.r = r, .kind = kind};

	if (find_doubled(&r->f->sub[kind].s, &m.doubled, err) < 0 ||
	    uns_owners_make(r->f, (const char *const *)owners->v, owners->n, &m.named, err) < 0)
		return -1;
	return mend_lines(&m, e, err);
}

int uns_ranges_fix(const struct uns_range_request *r, const struct uns_strs *owners, struct uns_err *err)
{
	uns_auto(uns_edits_done) struct uns_edits e = {0};

	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (mend_newline(r, (enum uns_idkind)kind, err) < 0 ||
		    mend_file(r, (enum uns_idkind)kind, owners, &e.of[kind], err) < 0)
			return -1;
	return uns_edits_add(r, &e, err);
}
