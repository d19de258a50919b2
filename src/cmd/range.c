/* SPDX-License-Identifier: Apache-2.0 */
/* range add, remove, move and check: facts → plan → show → gate → transaction, with the account files locked from the last look until
 * the end, so that a range that was free when it was chosen is free when it is written. */
#include "range.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/report.h"
#include "uns/step.h"

#define SAMPLES 8
#define LINT_LISTED 20
#define PROBE_ROUNDS 1000 /* every round finds an account that was not known, so this ends where NSS is endless */

void uns_ranged_done(struct uns_ranged *p)
{
	uns_idfacts_done(&p->facts);
	uns_range_wants_done(&p->wants);
	uns_plan_done(&p->plan);
	uns_findings_done(&p->findings);
	memset(p, 0, sizeof(*p));
}

/* ---- reading ---- */

static int read_facts(const struct uns_run *r, struct uns_ranged *p, struct uns_err *err)
{
	if (uns_idfacts_read(&r->root, &p->facts, err) < 0)
		return uns_change_explain(err);
	for (size_t i = 0; i < r->o->ranges.scan.n; i++)
		if (uns_idfacts_scan(&r->root, r->o->ranges.scan.v[i], &p->facts, err) < 0)
			return uns_change_explain(err);
	return 0;
}

static int read_batch(const struct uns_run *r, struct uns_range_wants *ret, struct uns_err *err)
{
	const char *file = r->o->ranges.batch, *name = strcmp(file, "-") == 0 ? "the standard input" : file;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (uns_run_read_file(strcmp(file, "-") == 0 ? NULL : file, name, &text, err) < 0)
		return -1;
	return uns_range_batch_parse(text.data ? text.data : "", text.len, name, r->o->request.range.count, r->o->request.range_how,
				     ret, err);
}

static int wants_of_operands(const struct uns_run *r, struct uns_range_wants *ret, struct uns_err *err)
{
	const struct uns_range_options *o = &r->o->ranges;

	ret->v = calloc(o->owners, sizeof(*ret->v));
	if (!ret->v)
		return uns_err_nomem(err);
	ret->cap = o->owners;
	for (; ret->n < o->owners; ret->n++) {
		struct uns_range_want *w = &ret->v[ret->n];

		*w = (struct uns_range_want){ .how = r->o->request.range_how, .range = r->o->request.range };
		w->owner = uns_str_dup(o->owner[ret->n], err);
		if (!w->owner)
			return -1;
	}
	return 0;
}

static int read_wants(const struct uns_run *r, struct uns_range_wants *ret, struct uns_err *err)
{
	return r->o->ranges.batch ? read_batch(r, ret, err) : wants_of_operands(r, ret, err);
}

/* ---- NSS ---- */

/* Names that only NSS knows. Numbers are not looked up: who gives a number knows whom it means. */
static int look_up_names(struct uns_ranged *p, struct uns_err *err)
{
	for (size_t i = 0; p->facts.has_nss[UNS_UID] && i < p->wants.n; i++) {
		bool exists;

		if (uns_idfacts_name(&p->facts, p->wants.v[i].owner, &exists, err) < 0)
			return -1;
	}
	return 0;
}

static struct uns_probe probe_of(const struct uns_run *r)
{
	return (struct uns_probe){
		.deep = r->o->ranges.deep, .samples = SAMPLES, .until = uns_idfacts_clock() + r->o->ranges.timeout_ms
	};
}

int uns_probe_shift(const struct uns_run *r, struct uns_idfacts *f, const struct uns_shift *s, size_t *ret_found, struct uns_err *err)
{
	struct uns_probe how = probe_of(r);
	size_t uids = 0, gids = 0;

	if (uns_idfacts_probe(f, UNS_UID, s->uid, &how, &uids, err) < 0 || uns_idfacts_probe(f, UNS_GID, s->gid, &how, &gids, err) < 0)
		return -1;
	*ret_found = uids + gids;
	return 0;
}

static int probe_range(struct uns_idfacts *f, struct uns_range range, const struct uns_probe *how, size_t *found, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		size_t new = 0;

		if (uns_idfacts_probe(f, (enum uns_idkind)kind, range, how, &new, err) < 0)
			return -1;
		*found += new;
	}
	return 0;
}

/* Of what was chosen; -1, or how many accounts turned up that nobody knew of. */
static int probe_wants(struct uns_ranged *p, const struct uns_probe *how, size_t *ret_found, struct uns_err *err)
{
	*ret_found = 0;
	for (size_t i = 0; i < p->wants.n; i++)
		if (!p->wants.v[i].had && probe_range(&p->facts, p->wants.v[i].got, how, ret_found, err) < 0)
			return -1;
	return 0;
}

static int probe_lines(struct uns_idfacts *f, const struct uns_probe *how, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_subid *s = &f->sub[kind].s;
		size_t new;

		for (size_t i = 0; i < s->n && !f->probe_cut; i++)
			if (uns_range_valid(s->v[i].range) &&
			    uns_idfacts_probe(f, (enum uns_idkind)kind, s->v[i].range, how, &new, err) < 0)
				return -1;
	}
	return 0;
}

/* ---- planning ---- */

static void forget_choice(struct uns_ranged *p)
{
	uns_plan_done(&p->plan);
	uns_findings_done(&p->findings);
	for (size_t i = 0; i < p->wants.n; i++)
		p->wants.v[i].had = p->wants.v[i].fixed = false;
}

/* The trees are opened later without following any symlink. */
static int move(const struct uns_run *r, const struct uns_range_request *q, struct uns_ranged *p, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs trees = UNS_STRS_INIT;

	for (size_t i = 0; i < r->o->ranges.trees.n; i++) {
		uns_auto_free char *path = uns_root_resolve(&r->root, r->o->ranges.trees.v[i], err);

		if (!path || uns_strs_add(&trees, path, err) < 0)
			return -1;
	}
	return uns_ranges_move(q, &p->wants.v[0], &trees, &p->old, err);
}

static int plan_once(const struct uns_run *r, struct uns_ranged *p, struct uns_err *err)
{
	const struct uns_range_request q = { &p->facts, &r->o->request.ignore, &p->plan, &p->findings };

	switch (r->o->cmd) {
	case UNS_CMD_RANGE_ADD:
		return uns_ranges_add(&q, &p->wants, err);
	case UNS_CMD_RANGE_MOVE:
		return move(r, &q, p, err);
	case UNS_CMD_RANGE_REMOVE:
		return uns_ranges_remove(&q, r->o->ranges.owner[0], r->o->ranges.named ? &r->o->request.range : NULL, err);
	default:
		return uns_ranges_next(&q, &p->wants.v[0], err);
	}
}

/* Chooses until NSS knows no account in what was chosen. */
static int plan_settled(const struct uns_run *r, struct uns_ranged *p, struct uns_err *err)
{
	struct uns_probe how = probe_of(r);

	for (int round = 0; round < PROBE_ROUNDS; round++) {
		size_t found = 0;

		forget_choice(p);
		if (plan_once(r, p, err) < 0)
			return -1;
		if (uns_findings_code(&p->findings) != UNS_OK || p->wants.n == 0)
			return 0;
		if (probe_wants(p, &how, &found, err) < 0)
			return -1;
		if (found == 0)
			return 0;
	}
	return uns_err_set(err, UNS_E_CONFLICT, "wherever a range was tried, NSS has accounts; name one with --range");
}

static const char *title_of(const struct uns_run *r, const struct uns_ranged *p, char *buf, size_t size)
{
	const struct uns_range_options *o = &r->o->ranges;
	const char *name = uns_options_command_name(r->o->cmd);

	if (p->wants.n > 1)
		snprintf(buf, size, "%s, %zu owners", name, p->wants.n);
	else
		snprintf(buf, size, "%s %s", name, o->owners ? o->owner[0] : p->wants.n ? p->wants.v[0].owner : "");
	return buf;
}

/* Anew, with the wants of the caller. */
static int plan_all(const struct uns_run *r, struct uns_ranged *p, struct uns_err *err)
{
	char title[320];

	uns_idfacts_done(&p->facts);
	if (read_facts(r, p, err) < 0 || look_up_names(p, err) < 0 || plan_settled(r, p, err) < 0 ||
	    uns_planned_settle(r, &p->findings, err) < 0)
		return -1;
	if (uns_plan_set_title(&p->plan, title_of(r, p, title, sizeof(title)), err) < 0)
		return -1;
	return uns_findings_code(&p->findings) == UNS_OK ? uns_steps_check(&p->plan, "the plan", err) : 0;
}

int uns_ranged_next(const struct uns_run *r, struct uns_ranged *ret, struct uns_err *err)
{
	ret->wants.v = calloc(1, sizeof(*ret->wants.v));
	if (!ret->wants.v)
		return uns_err_nomem(err);
	ret->wants.n = ret->wants.cap = 1;
	ret->wants.v[0].range.count = r->o->ranges.count;
	ret->wants.v[0].owner = uns_str_dup("a new owner", err);
	return ret->wants.v[0].owner ? plan_all(r, ret, err) : -1;
}

/* ---- results ---- */

static json_t *wants_json(const struct uns_ranged *p)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; i < p->wants.n; i++) {
		const struct uns_range_want *w = &p->wants.v[i];

		if (json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:b}", "owner", uns_report_string_json(w->owner), "start",
							  (json_int_t)w->got.start, "count", (json_int_t)w->got.count, "changed",
							  !w->had)) < 0)
			return NULL;
	}
	return uns_take_ptr(list);
}

static int show_wants(const struct uns_run *r, const struct uns_ranged *p, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	for (size_t i = 0; i < p->wants.n; i++) {
		const struct uns_range_want *w = &p->wants.v[i];

		if (uns_buf_printf(&text, err, "%s:%u:%u%s\n", w->owner, w->got.start, w->got.count, w->had ? "  (as before)" : "") < 0)
			return -1;
	}
	uns_run_print(r, text.data ? text.data : "");
	return 0;
}

/* Where rootless engines of this user keep files with IDs of its range (containers-storage.conf(5); Docker's rootless mode). */
static const char *const storages[] = { ".local/share/containers/storage", ".local/share/docker" };

static int say_storage(const struct uns_run *r, const char *path)
{
	struct uns_err err;
	struct stat st;

	if (uns_root_stat(&r->root, path, &st, &err) != 0 || !S_ISDIR(st.st_mode) || uns_strs_has(&r->o->ranges.trees, path))
		return 0;
	uns_run_note(r, "%s holds files with the old IDs: --shift=%s takes it along.", path, path);
	return 0;
}

static int say_storages(const struct uns_run *r, const struct uns_ranged *p, struct uns_err *err)
{
	const struct uns_account *a = uns_accounts_name(&p->facts.users, p->wants.v[0].owner);

	if (strcmp(p->wants.v[0].owner, "containers") == 0)
		return say_storage(r, "/var/lib/containers/storage");
	for (size_t i = 0; a && a->home && i < sizeof(storages) / sizeof(storages[0]); i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", a->home, storages[i]);

		if (!path)
			return -1;
		say_storage(r, path);
	}
	return 0;
}

/* ---- add, remove, move ---- */

static int show_refusals(const struct uns_run *r, struct uns_change *c, const struct uns_ranged *p, struct uns_err *err)
{
	c->findings = &p->findings;
	uns_planned_show_findings(r, &p->findings);
	return uns_planned_refused(&p->findings, err);
}

/* What was shown was seen without the locks. Under them the range may have gone to somebody else: who said yes to anything gets the next
 * one, who was asked is asked again. */
static int look_again(const struct uns_run *r, struct uns_change *c, struct uns_ranged *p, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan shown = p->plan;

	p->plan = (struct uns_plan){ .n = 0 };
	if (uns_change_no_pending(r, err) < 0 || plan_all(r, p, err) < 0)
		return -1;
	if (uns_findings_code(&p->findings) != UNS_OK)
		return show_refusals(r, c, p, err);
	if (r->o->yes || uns_change_same_plan(&shown, &p->plan))
		return 0;
	return uns_err_set(err, UNS_E_CONFLICT, "the host changed while you were looking, so nothing was done; run it again");
}

/* A shift takes its time: nobody shall wait for the account files that long. Then each step locks for itself, and refuses when the
 * range has gone meanwhile. */
static int carry_out(struct uns_run *r, struct uns_change *c, struct uns_ranged *p, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock shadow = UNS_SHADOW_LOCK_INIT;
	uns_auto_close int lock = -1;

	if (uns_txn_lock(&r->root, &lock, err) < 0)
		return -1;
	if (r->o->ranges.trees.n == 0) {
		if (uns_lock_shadow(&shadow, &r->root, &r->o->lock, err) < 0)
			return -1;
		c->locked = &shadow;
	}
	if (look_again(r, c, p, err) < 0)
		return -1;
	return p->plan.n > 0 ? uns_change_carry_out(r, c, err) : 0;
}

static int change(struct uns_run *r, struct uns_change *c, struct uns_ranged *p, struct uns_err *err)
{
	int rc;

	if (uns_change_needs_root(r, err) < 0 || uns_change_no_pending(r, err) < 0)
		return -1;
	if (r->o->cmd != UNS_CMD_RANGE_REMOVE && read_wants(r, &p->wants, err) < 0)
		return -1;
	if (plan_all(r, p, err) < 0 || show_refusals(r, c, p, err) < 0)
		return -1;
	c->plan = &p->plan;
	if (p->plan.n == 0) {
		uns_run_print(r, "Nothing to do.\n");
		return show_wants(r, p, err);
	}
	if (r->o->cmd == UNS_CMD_RANGE_MOVE && say_storages(r, p, err) < 0)
		return -1;
	rc = uns_change_gate(r, c, "Apply this plan?", err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return carry_out(r, c, p, err) < 0 ? -1 : show_wants(r, p, err);
}

int uns_cmd_range_change(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_ranged_done) struct uns_ranged p = { .wants.n = 0 };
	struct uns_change c = { .changed = false };
	int rc = change(r, &c, &p, err);

	/* A failure that is there already says more than one of its report. */
	if (uns_change_document(r, &c, rc < 0 ? NULL : err) < 0)
		return -1;
	if (rc == 0 && uns_run_set(r, "ranges", wants_json(&p), err) < 0)
		return -1;
	return rc;
}

/* ---- check ---- */

static int lint(const struct uns_run *r, struct uns_ranged *p, struct uns_err *err)
{
	struct uns_probe how = probe_of(r);

	uns_idfacts_done(&p->facts);
	uns_findings_done(&p->findings);
	if (read_facts(r, p, err) < 0 || probe_lines(&p->facts, &how, err) < 0)
		return -1;
	if (uns_ranges_check(&p->facts, r->o->ranges.all ? 0 : LINT_LISTED, &p->findings, err) < 0)
		return -1;
	return uns_planned_settle(r, &p->findings, err);
}

static int plan_fix(const struct uns_run *r, struct uns_ranged *p, struct uns_err *err)
{
	const struct uns_range_request q = { &p->facts, &r->o->request.ignore, &p->plan, &p->findings };
	uns_auto(uns_strs_done) struct uns_strs owners = UNS_STRS_INIT;

	for (size_t i = 0; i < r->o->ranges.owners; i++)
		if (uns_strs_add(&owners, r->o->ranges.owner[i], err) < 0)
			return -1;
	if (owners.n == 0 && uns_strs_add(&owners, r->o->request.user, err) < 0)
		return -1;
	uns_plan_done(&p->plan);
	if (uns_ranges_fix(&q, &owners, err) < 0 || uns_plan_set_title(&p->plan, "range check --fix", err) < 0)
		return -1;
	return uns_steps_check(&p->plan, "the plan", err);
}

static int fix_locked(struct uns_run *r, struct uns_change *c, struct uns_ranged *p, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock shadow = UNS_SHADOW_LOCK_INIT;
	uns_auto(uns_plan_done) struct uns_plan shown = p->plan;
	uns_auto_close int lock = -1;

	p->plan = (struct uns_plan){ .n = 0 };
	if (uns_txn_lock(&r->root, &lock, err) < 0 || uns_lock_shadow(&shadow, &r->root, &r->o->lock, err) < 0 ||
	    uns_change_no_pending(r, err) < 0 || lint(r, p, err) < 0 || plan_fix(r, p, err) < 0)
		return -1;
	if (!uns_change_same_plan(&shown, &p->plan))
		return uns_err_set(err, UNS_E_CONFLICT, "the host changed while you were looking, so nothing was done; run it again");
	c->locked = &shadow;
	return uns_change_carry_out(r, c, err);
}

/* What was mended is mended; the exit status tells of the rest. */
static int remaining(const struct uns_findings *f, struct uns_err *err)
{
	if (uns_planned_refused(f, err) == 0)
		return 0;
	return uns_err_set(err, err->code, "mended, but for what needs a decision of yours: usernsctl range check");
}

static int fix(struct uns_run *r, struct uns_change *c, struct uns_ranged *p, struct uns_err *err)
{
	int rc;

	if (uns_change_needs_root(r, err) < 0 || plan_fix(r, p, err) < 0)
		return -1;
	c->plan = &p->plan;
	if (p->plan.n == 0) {
		uns_run_print(r, "There is nothing that could be mended without a decision of yours.\n");
		return uns_planned_refused(&p->findings, err);
	}
	rc = uns_change_gate(r, c, "Mend this?", err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (fix_locked(r, c, p, err) < 0 || lint(r, p, err) < 0)
		return -1;
	return remaining(&p->findings, err);
}

static int check(struct uns_run *r, struct uns_change *c, struct uns_ranged *p, struct uns_err *err)
{
	if (r->o->ranges.owners > 0 && !r->o->ranges.fix)
		return uns_err_set(err, UNS_E_USAGE, "range check: owners are for --fix, which rewrites their lines");
	if (uns_change_no_pending(r, err) < 0 || lint(r, p, err) < 0)
		return -1;
	uns_findings_only(&p->findings, &r->o->only);
	c->findings = &p->findings;
	uns_planned_show_findings(r, &p->findings);
	if (r->o->ranges.fix)
		return fix(r, c, p, err);
	uns_planned_show_remedies(r, &p->findings);
	if (uns_planned_refused(&p->findings, err) < 0)
		return -1;
	if (r->o->only.n > 0)
		return uns_check_none_of(r, err);
	if (p->findings.n == 0)
		uns_run_print(r, "Nothing collides: all ranges are in order.\n");
	return 0;
}

int uns_cmd_range_check(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_ranged_done) struct uns_ranged p = { .wants.n = 0 };
	struct uns_change c = { .changed = false };
	int rc = check(r, &c, &p, err);

	return uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}
