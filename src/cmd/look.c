/* SPDX-License-Identifier: Apache-2.0 */
/* check: findings alone. apply: a policy, which is planned as enable is; or a plan that was saved, and perhaps edited, through the same
 * gate as any other. */
#include "cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/ranges.h"
#include "uns/report.h"
#include "uns/step.h"

#define LINT_LISTED 20 /* as for range check */

/* ---- check ---- */

int uns_check_none_of(const struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	for (size_t i = 0; i < r->o->only.n; i++)
		if (uns_buf_printf(&text, err, "%s%s", i ? ", " : "Nothing of this refuses: ", r->o->only.v[i]) < 0)
			return -1;
	if (uns_buf_puts(&text, ".\n", err) < 0)
		return -1;
	uns_run_print(r, text.data);
	return 0;
}

int uns_check_report(struct uns_run *r, struct uns_findings *f, const char *fine, struct uns_err *err)
{
	int rc;

	uns_findings_only(f, &r->o->only);
	uns_planned_show_findings(r, f);
	uns_planned_show_remedies(r, f);
	if (uns_change_set_findings(r, f, err) < 0)
		return -1;
	rc = uns_planned_stopped(f, err);
	if (rc < 0 || r->o->only.n > 0)
		return rc < 0 ? -1 : uns_check_none_of(r, err);
	uns_run_print(r, fine);
	return 0;
}

static char *fine_text(const struct uns_run *r, const struct uns_planned *p, struct uns_err *err)
{
	if (p->facts.told)
		return uns_str_dup("Nothing of what could be read stops 'usernsctl enable docker'.\n", err);
	if (p->plan.n == 0 && r->o->policy.loaded)
		return uns_str_printf(err, "Nothing to do: the host is as %s says.\n", r->o->policy.name);
	if (p->plan.n == 0)
		return uns_str_dup("Nothing to do: remapping is on, and no data was left behind.\n", err);
	if (r->o->policy.loaded)
		return uns_str_printf(err, "Nothing stops 'usernsctl apply %s' (%zu steps).\n", r->o->policy.name, p->plan.n);
	return uns_str_printf(err, "Nothing stops 'usernsctl enable docker' (%zu steps).\n", p->plan.n);
}

/* A file of the engine or of a container is malformed (err says which): no plan can be made. What is wrong with the ranges is another
 * matter, and is said beside it. */
static int check_ranges_alone(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_findings_done) struct uns_findings f = {0};
	uns_auto(uns_idfacts_done) struct uns_idfacts ids = {0};
	struct uns_err second;

	if (uns_idfacts_read(&r->root, &ids, &second) < 0 || uns_ranges_check(&ids, LINT_LISTED, &f, &second) < 0 ||
	    uns_planned_settle(r, &f, &second) < 0)
		return -1;
	uns_findings_only(&f, &r->o->only);
	uns_planned_show_findings(r, &f);
	uns_planned_show_remedies(r, &f);
	if (uns_change_set_findings(r, &f, &second) < 0)
		*err = second;
	return -1;
}

/* All of them, those of a host that is remapped already too. Who asks for findings alone is told no more. */
static int show_containers(struct uns_run *r, const struct uns_planned *p, struct uns_err *err)
{
	uns_auto(uns_verdicts_done) struct uns_verdicts l = { NULL, 0 };
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (r->o->only.n > 0)
		return 0;
	if (p->have_shift && uns_containers_judge(&p->facts, uns_containers_store(&p->facts), &p->shift, r->o->request.user, &l, err) < 0)
		return -1;
	if (uns_run_set(r, "containers", uns_report_containers_json(&l), err) < 0 ||
	    uns_report_containers(&l, r->color_out, &text, err) < 0)
		return -1;
	if (text.data)
		uns_run_print(r, text.data);
	return 0;
}

int uns_planned_estimate(struct uns_run *r, const struct uns_planned *p, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_estimate e;

	if (r->o->only.n > 0 || !uns_plan_estimate(&p->facts, &p->plan, &e))
		return 0;
	if (uns_report_estimate(&e, &text, err) < 0)
		return -1;
	if (text.data)
		uns_run_print(r, text.data);
	return uns_run_set(r, "estimate", uns_report_estimate_json(&e), err);
}

/* Who may not read what transactions there are is told so, beside what else he may not read. */
static int say_pending_unread(const struct uns_run *r, const struct uns_err *why, struct uns_planned *p, struct uns_err *err)
{
	if (!why->errnum)
		return 0;
	if (!p->facts.told) {
		*err = *why;
		return -1;
	}
	return uns_findings_add(&p->findings, &r->o->request.ignore, "PathUnread", UNS_TXN_DIR, "run it as root", err,
	                        "whether a transaction is pending is not known");
}

int uns_cmd_check(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_planned_done) struct uns_planned p = { .have_shift = false };
	struct uns_err unread = { .errnum = 0 };
	uns_auto_free char *fine = NULL;

	if (r->o->cis)
		return uns_profile_cis(r, err);
	if (r->o->preset)
		return uns_preset_check(r, err);
	if (uns_change_no_pending(r, err) < 0) {
		if (err->errnum != EACCES)
			return -1;
		unread = *err;
	}
	if (uns_planned_make(r, NULL, &p, err) < 0)
		return err->code == UNS_E_INPUT ? check_ranges_alone(r, err) : -1;
	if (say_pending_unread(r, &unread, &p, err) < 0)
		return -1;
	if (uns_expect_check(r, &p.findings, err) < 0)
		return -1;
	fine = fine_text(r, &p, err);
	if (fine && (show_containers(r, &p, err) < 0 || uns_planned_estimate(r, &p, err) < 0))
		return -1;
	return fine ? uns_check_report(r, &p.findings, fine, err) : -1;
}

/* ---- apply ---- */

/* The plan of "plan --json", or the document of "enable --dry-run --json", which has it as a member. */
static int parse_plan(const struct uns_buf *text, const char *file, struct uns_plan *ret, json_t **ret_made_for, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL;
	const json_t *inner;

	if (uns_json_parse(text->data ? text->data : "", text->len, file, &j, err) < 0)
		return -1;
	inner = json_object_get(j, "plan");
	inner = inner ? inner : j;
	*ret_made_for = json_incref(json_object_get(inner, "made_for"));
	return uns_plan_from_json(inner, file, ret, err);
}

static int load_plan(const struct uns_policy *from, struct uns_plan *ret, json_t **ret_made_for, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan plan = { .n = 0 };

	if (parse_plan(&from->text, from->name, &plan, ret_made_for, err) < 0 || uns_steps_check(&plan, from->name, err) < 0)
		return -1;
	*ret = plan;
	memset(&plan, 0, sizeof(plan));
	return 0;
}

/* True when every fact that lasts is there already. A step that cannot be judged yet, as it builds on an earlier one, is work. */
static bool all_done(const struct uns_run *r, const struct uns_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct uns_step_ctx ctx = {
			.root = &r->root, .step = &p->v[i], .record_dir = -1, .leg_start = UNS_BEFORE, .deep = true
		};
		enum uns_side side = UNS_FOREIGN;
		struct uns_err err;

		if (!uns_change_lasts(p, i))
			continue;
		if (uns_step_observe(&ctx, &side, &err) < 0 || (side != UNS_AFTER && side != UNS_EITHER))
			return false;
	}
	return true;
}

static int apply(struct uns_run *r, struct uns_change *c, struct uns_plan *plan, struct uns_err *err)
{
	uns_auto_close int lock = -1;
	uns_auto_json json_t *made_for = NULL;
	int rc;

	if (uns_change_needs_root(r, err) < 0 || load_plan(&r->o->policy, plan, &made_for, err) < 0)
		return -1;
	c->plan = plan;
	if (uns_change_no_pending(r, err) < 0)
		return -1;
	if (all_done(r, plan)) {
		uns_run_print(r, "Nothing to do: all steps of this plan are done.\n");
		return 0;
	}
	if (uns_made_for_check(r, plan, made_for, err) < 0)
		return -1;
	rc = uns_change_gate(r, c, "Apply this plan?", err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (uns_txn_lock(&r->root, &lock, err) < 0 || uns_change_no_pending(r, err) < 0)
		return -1;
	/* Who was asked may have thought about it for long, and who held the lock may have changed the host. */
	if (uns_made_for_check(r, plan, made_for, err) < 0)
		return -1;
	return uns_change_carry_out(r, c, err);
}

int uns_cmd_apply(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan plan = { .n = 0 };
	struct uns_change c = { .changed = false };
	int rc;

	if (r->o->policy.loaded)
		return uns_cmd_enable(r, err);
	rc = apply(r, &c, &plan, err);

	return uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}
