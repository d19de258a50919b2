/* SPDX-License-Identifier: Apache-2.0 */
/* check --expect: do the owners of another host have the same ranges here? Files that hosts share carry IDs, and what they mean depends on
 * these lines. The order of an owner's lines counts, as engines join them in it. */
#include <stdlib.h>
#include <string.h>

#include "owners.h"
#include "uns/cleanup.h"
#include "uns/ranges.h"


static int put_range(struct uns_buf *to, struct uns_range r, struct uns_err *err)
{
	return uns_buf_printf(to, err, "%s%u:%u", to->len ? ", " : "", r.start, r.count);
}

/* All lines of the owner in one file, here and there. */
static int compare(const struct uns_idfacts *f, const struct uns_expected *all, size_t first, struct uns_findings *findings,
                   struct uns_err *err)
{
	static const struct uns_strs none = UNS_STRS_INIT;
	const struct uns_expect *e = &all->v[first];
	const struct uns_who who = uns_who_is(f, e->owner);
	const struct uns_subid *s = &f->sub[e->kind].s;
	uns_auto(uns_buf_done) struct uns_buf here = UNS_BUF_INIT, there = UNS_BUF_INIT;

	for (size_t i = first; i < all->n; i++)
		if (all->v[i].kind == e->kind && strcmp(all->v[i].owner, e->owner) == 0 && put_range(&there, all->v[i].range, err) < 0)
			return -1;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].range.count && uns_who_owns(&who, &s->v[i]) && put_range(&here, s->v[i].range, err) < 0)
			return -1;
	if (here.data && strcmp(here.data, there.data) == 0)
		return 0;
	return uns_findings_add(findings, &none, "ExpectDiffers", e->owner,
	                        "files that these hosts share mean different users: give the owner the same range on all of them "
	                        "(usernsctl range move, or a policy)",
	                        err, "in %s it has %s, and %s was expected", UNS_SUBID_FILE(e->kind), here.data ? here.data : "nothing",
	                        there.data);
}

static bool comes_first(const struct uns_expected *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (all->v[k].kind == all->v[i].kind && strcmp(all->v[k].owner, all->v[i].owner) == 0)
			return false;
	return true;
}

static int more(const struct uns_idfacts *f, const struct uns_owners *owners, enum uns_idkind kind, struct uns_findings *findings,
                struct uns_err *err)
{
	static const struct uns_strs none = UNS_STRS_INIT;
	const struct uns_subid *s = &f->sub[kind].s;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].range.count && !uns_owners_have(owners, &s->v[i]) &&
		    uns_findings_add(findings, &none, "ExpectMore", s->v[i].owner, NULL, err,
		                     "it has a range here, and is not among the owners that were expected") < 0)
			return -1;
	return 0;
}

int uns_ranges_expect(const struct uns_idfacts *f, const struct uns_expected *all, struct uns_findings *findings, struct uns_err *err)
{
	uns_auto(uns_owners_done) struct uns_owners owners = {0};
	uns_auto_free const char **name = calloc(all->n + 1, sizeof(*name));

	if (!name)
		return uns_err_nomem(err);
	for (size_t i = 0; i < all->n; i++) {
		name[i] = all->v[i].owner;
		if (comes_first(all, i) && compare(f, all, i, findings, err) < 0)
			return -1;
	}
	if (uns_owners_make(f, name, all->n, &owners, err) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (more(f, &owners, (enum uns_idkind)kind, findings, err) < 0)
			return -1;
	return 0;
}
