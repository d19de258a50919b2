/* SPDX-License-Identifier: Apache-2.0 */
/* Owners beside the remap user, whose ranges a policy names. Ranges that it names go first, then the engine's is chosen or checked, and last
 * those that are chosen freely: each looks at facts in which the lines of those before it stand in the files already, so that one model of
 * collisions judges all of them. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"
#include "uns/vec.h"

#define PROBE_ROUNDS 1000 /* as for the range commands */

void uns_further_done(struct uns_further *x)
{
	for (int i = 0; i < 3; i++)
		uns_range_wants_done(&x->wants[i]);
	uns_plan_done(&x->plan);
	uns_findings_done(&x->findings);
	memset(x, 0, sizeof(*x));
}

static int push_want(struct uns_range_wants *to, const struct uns_range_want *w, struct uns_err *err)
{
	struct uns_range_want *v = uns_vec_room(to->v, to->n, &to->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	to->v = v;
	v[to->n] = *w;
	v[to->n].owner = uns_str_dup(w->owner, err);
	if (!v[to->n].owner)
		return -1;
	to->n++;
	return 0;
}

static int split(const struct uns_range_wants *all, struct uns_further *x, struct uns_err *err)
{
	for (size_t i = 0; i < all->n; i++)
		if (push_want(&x->wants[all->v[i].how == UNS_RANGE_AUTO], &all->v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- choosing ---- */

/* Whoever only NSS knows is no stranger. */
static int look_up_names(struct uns_idfacts *f, const struct uns_range_wants *w, struct uns_err *err)
{
	for (size_t i = 0; f->has_nss[UNS_UID] && i < w->n; i++) {
		bool exists;

		if (uns_idfacts_name(f, w->v[i].owner, &exists, err) < 0)
			return -1;
	}
	return 0;
}

static int probe(const struct uns_run *r, struct uns_idfacts *f, const struct uns_range_wants *w, size_t *ret_found, struct uns_err *err)
{
	*ret_found = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct uns_shift s = {w->v[i].got, w->v[i].got};
		size_t found = 0;

		if (!w->v[i].had && s.uid.count && uns_probe_shift(r, f, &s, &found, err) < 0)
			return -1;
		*ret_found += found;
	}
	return 0;
}

/* Until NSS knows no account in what was chosen. */
static int settle(const struct uns_run *r, struct uns_idfacts *f, struct uns_range_wants *w, struct uns_further *x, struct uns_err *err)
{
	size_t found = 1;

	if (w->n == 0)
		return 0;
	if (look_up_names(f, w, err) < 0)
		return -1;
	for (int round = 0; found > 0; round++) {
		uns_auto(uns_plan_done) struct uns_plan plan = {.n = 0};
		uns_auto(uns_findings_done) struct uns_findings findings = {.n = 0};
		const struct uns_range_request q = {f, &r->o->request.ignore, &plan, &findings};

		if (round == PROBE_ROUNDS)
			return uns_err_set(err, UNS_E_CONFLICT, "wherever a range was tried, NSS has accounts; name one in the policy");
		if (uns_ranges_add(&q, w, err) < 0)
			return err && err->code == UNS_E_INPUT ? uns_err_prefix(err, "%s", r->o->policy.name) : -1;
		if (uns_findings_code(&findings) != UNS_OK)
			found = 0;
		else if (probe(r, f, w, &found, err) < 0)
			return -1;
		if (found == 0) {
			struct uns_plan old = x->plan;
			struct uns_findings told = x->findings;

			x->plan = plan;
			x->findings = findings;
			plan = old;
			findings = told;
		}
	}
	return 0;
}

/* ---- facts as they will be ---- */

static bool has_line(const struct uns_idfacts *f, enum uns_idkind kind, const char *owner)
{
	const struct uns_who who = uns_who_is(f, owner);
	const struct uns_subid *s = &f->sub[kind].s;

	for (size_t i = 0; i < s->n; i++)
		if (uns_who_owns(&who, &s->v[i]))
			return true;
	return false;
}

static int add_line(struct uns_buf *text, const char *owner, struct uns_range range, struct uns_err *err)
{
	if (text->len && text->data[text->len - 1] != '\n' && uns_buf_puts(text, "\n", err) < 0)
		return -1;
	return uns_buf_printf(text, err, "%s:%u:%u\n", owner, range.start, range.count);
}

static int put_text(struct uns_subid_file *file, struct uns_buf *text, struct uns_err *err)
{
	struct uns_subid s;

	if (text->len == 0)
		return 0;
	if (uns_subid_read(text, &s, err) < 0)
		return -1;
	uns_subid_done(&file->s);
	file->s = s;
	file->exists = true;
	return 0;
}

static int imagine(struct uns_idfacts *f, const struct uns_range_wants *w, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

		if (uns_subid_print(&f->sub[kind].s, &text, err) < 0)
			return -1;
		for (size_t i = 0; i < w->n; i++)
			if (!w->v[i].had && w->v[i].got.count && !has_line(f, (enum uns_idkind)kind, w->v[i].owner) &&
			    add_line(&text, w->v[i].owner, w->v[i].got, err) < 0)
				return -1;
		if (put_text(&f->sub[kind], &text, err) < 0)
			return -1;
	}
	return 0;
}

static int imagine_engine(struct uns_idfacts *f, const char *user, const struct uns_shift *s, struct uns_further *x, struct uns_err *err)
{
	const struct uns_range range[UNS_IDKINDS] = {s->uid, s->gid};
	uns_auto_free char *owner = uns_str_dup(user, err);
	const struct uns_range_want w = {.owner = owner, .got = s->uid, .had = has_line(f, UNS_UID, user) && has_line(f, UNS_GID, user)};

	if (!owner || push_want(&x->wants[2], &w, err) < 0)
		return -1;

	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

		if (has_line(f, (enum uns_idkind)kind, user))
			continue;
		if (uns_subid_print(&f->sub[kind].s, &text, err) < 0 || add_line(&text, user, range[kind], err) < 0 ||
		    put_text(&f->sub[kind], &text, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- before and after the engine ---- */

int uns_further_begin(const struct uns_run *r, struct uns_idfacts *f, struct uns_further *ret, struct uns_err *err)
{
	uns_further_done(ret);
	if (split(&r->o->policy.owners, ret, err) < 0 || settle(r, f, &ret->wants[0], ret, err) < 0)
		return -1;
	return uns_findings_code(&ret->findings) == UNS_OK ? imagine(f, &ret->wants[0], err) : 0;
}

static int add_findings(const struct uns_further *x, const struct uns_strs *ignore, struct uns_findings *to, struct uns_err *err)
{
	for (size_t i = 0; i < x->findings.n; i++) {
		const struct uns_finding *one = &x->findings.v[i];

		if (uns_findings_add(to, ignore, one->check->id, one->object, one->remedy, err, "%s", one->reason) < 0)
			return -1;
	}
	return 0;
}

/* Moves the steps behind those that are there. */
static int add_steps(struct uns_plan *from, struct uns_plan *to, struct uns_err *err)
{
	for (size_t i = 0; i < from->n; i++)
		if (uns_plan_add(to, from->v[i].kind, from->v[i].reverse, json_incref(from->v[i].args), err) < 0)
			return -1;
	uns_plan_done(from);
	return 0;
}

static int set_title(const struct uns_run *r, struct uns_plan *plan, struct uns_err *err)
{
	uns_auto_free char *title = uns_str_printf(err, "apply %s", r->o->policy.name);

	return title ? uns_plan_set_title(plan, title, err) : -1;
}

int uns_further_end(const struct uns_run *r, struct uns_idfacts *f, const char *user, const struct uns_shift *s, struct uns_further *x,
		    struct uns_plan *plan, struct uns_findings *findings, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan all = {.n = 0};

	if (!r->o->policy.loaded)
		return 0;
	if (add_findings(x, &r->o->request.ignore, findings, err) < 0 || add_steps(&x->plan, &all, err) < 0 ||
	    add_steps(plan, &all, err) < 0 || (s && imagine_engine(f, user, s, x, err) < 0))
		return -1;
	uns_findings_done(&x->findings);
	if (settle(r, f, &x->wants[1], x, err) < 0 || add_findings(x, &r->o->request.ignore, findings, err) < 0 ||
	    add_steps(&x->plan, &all, err) < 0 || set_title(r, &all, err) < 0)
		return -1;
	*plan = all;
	memset(&all, 0, sizeof(all));
	return 0;
}

int uns_further_rows(const struct uns_further *x, json_t *list, struct uns_err *err)
{
	for (int i = 2; i >= 0; i--)
		for (size_t k = 0; k < x->wants[i].n; k++) {
			const struct uns_range_want *w = &x->wants[i].v[k];

			if (json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:b}", "owner", uns_report_string_json(w->owner), "start",
								  (json_int_t)w->got.start, "count", (json_int_t)w->got.count, "changed",
								  !w->had)) < 0)
				return uns_err_nomem(err);
		}
	return 0;
}
