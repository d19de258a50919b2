/* SPDX-License-Identifier: Apache-2.0 */
/* enable, disable, check and plan for engines other than Docker: facts → plan → show → gate → transaction, as for the range
 * commands. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/report.h"
#include "uns/step.h"

#define PROBE_ROUNDS 1000 /* as for the range commands */

struct presetted {
	struct uns_enginefacts facts;
	struct uns_range_want want;
	struct uns_plan plan;
	struct uns_findings findings;
	struct uns_further further;
};

static void forget(struct presetted *p)
{
	uns_plan_done(&p->plan);
	uns_findings_done(&p->findings);
}

static void presetted_done(struct presetted *p)
{
	uns_enginefacts_done(&p->facts);
	free(p->want.owner);
	p->want.owner = NULL;
	uns_further_done(&p->further);
	forget(p);
}

/* ---- planning ---- */

static struct uns_preset_request request_of(const struct uns_run *r)
{
	const struct uns_options *o = r->o;

	return (struct uns_preset_request){
	    .preset = o->preset,
	    .command = o->request.command,
	    .checking = o->cmd == UNS_CMD_CHECK,
	    .user = o->preset_user ? o->preset_user : o->request.user,
	    .how = o->request.range_how,
	    .range = o->request.range,
	    .max_pods = o->max_pods,
	    .purge = o->request.purge,
	    .ignore = &o->request.ignore,
	};
}

/* Whoever only NSS knows is no stranger. */
static int look_up_owner(struct presetted *p, struct uns_err *err)
{
	bool exists;

	return p->facts.ids.has_nss[UNS_UID] ? uns_idfacts_name(&p->facts.ids, p->want.owner, &exists, err) : 0;
}

static int probe_range(const struct uns_run *r, struct presetted *p, size_t *ret_found, struct uns_err *err)
{
	struct uns_shift s = {p->want.got, p->want.got};

	*ret_found = 0;
	if (p->want.fixed || p->want.got.count == 0 || uns_findings_code(&p->findings) != UNS_OK)
		return 0;
	return uns_probe_shift(r, &p->facts.ids, &s, ret_found, err);
}

/* Chooses until NSS knows no account in what was chosen. */
static int plan_settled(const struct uns_run *r, const struct uns_preset_request *q, struct presetted *p, struct uns_err *err)
{
	for (int round = 0; round < PROBE_ROUNDS; round++) {
		size_t found;

		forget(p);
		if (uns_preset_plan(&p->facts, q, &p->want, &p->plan, &p->findings, err) < 0 || probe_range(r, p, &found, err) < 0)
			return -1;
		if (found == 0)
			return 0;
	}
	return uns_err_set(err, UNS_E_CONFLICT, "wherever a range was tried, NSS has accounts; name one with --range");
}

static int end_plan(const struct uns_run *r, struct presetted *p, struct uns_err *err)
{
	const struct uns_shift s = {p->want.got, p->want.got};
	bool refused = uns_findings_code(&p->findings) != UNS_OK || s.uid.count == 0;

	if (uns_further_end(r, &p->facts.ids, p->want.owner, refused ? NULL : &s, &p->further, &p->plan, &p->findings, err) < 0)
		return -1;
	return uns_planned_settle(r, &p->findings, err);
}

static int plan_all(const struct uns_run *r, struct presetted *p, struct uns_err *err)
{
	struct uns_preset_request q = request_of(r);

	presetted_done(p);
	if (uns_enginefacts_read(&r->root, r->o->preset_user, &p->facts, err) < 0)
		return uns_change_explain(err);
	if (uns_further_begin(r, &p->facts.ids, &p->further, err) < 0 || uns_preset_want(&p->facts, &q, &p->want, err) < 0 ||
	    look_up_owner(p, err) < 0 || plan_settled(r, &q, p, err) < 0 || end_plan(r, p, err) < 0)
		return -1;
	return uns_findings_code(&p->findings) == UNS_OK ? uns_steps_check(&p->plan, "the plan", err) : 0;
}

/* ---- enable, disable ---- */

static int show_refusals(const struct uns_run *r, struct uns_change *c, const struct presetted *p, struct uns_err *err)
{
	c->findings = &p->findings;
	uns_planned_show_findings(r, &p->findings);
	return uns_planned_refused(&p->findings, err);
}

static bool has_account_step(const struct uns_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].kind, "account") == 0)
			return true;
	return false;
}

/* As for the range commands: who said yes to anything gets the next range, who was asked is asked again. */
static int look_again(const struct uns_run *r, struct uns_change *c, struct presetted *p, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan shown = p->plan;

	p->plan = (struct uns_plan){.n = 0};
	if (uns_change_no_pending(r, err) < 0 || plan_all(r, p, err) < 0)
		return -1;
	if (uns_findings_code(&p->findings) != UNS_OK)
		return show_refusals(r, c, p, err);
	if (r->o->yes || uns_change_same_plan(&shown, &p->plan))
		return 0;
	return uns_err_set(err, UNS_E_CONFLICT, "the host changed while you were looking, so nothing was done; run it again");
}

/* Account tools take the lock of the account files themselves: where one is to run, each step locks for itself, and refuses when
 * the range has gone meanwhile. */
static int carry_out(struct uns_run *r, struct uns_change *c, struct presetted *p, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock shadow = UNS_SHADOW_LOCK_INIT;
	uns_auto_close int lock = -1;

	if (uns_txn_lock(&r->root, &lock, err) < 0)
		return -1;
	if (!has_account_step(&p->plan)) {
		if (uns_lock_shadow(&shadow, &r->root, &r->o->lock, err) < 0)
			return -1;
		c->locked = &shadow;
	}
	if (look_again(r, c, p, err) < 0)
		return -1;
	if (c->locked && has_account_step(&p->plan))
		return uns_err_set(err, UNS_E_CONFLICT, "accounts changed while they were read; run it again");
	return p->plan.n > 0 ? uns_change_carry_out(r, c, err) : 0;
}

static void show_range(const struct uns_run *r, const struct presetted *p)
{
	const struct uns_range_want *w = &p->want;
	uns_auto_free char *text = NULL;

	if (r->o->request.command == UNS_DISABLE)
		return;
	text = uns_str_printf(NULL, "%s:%u:%u%s\n", w->owner, w->got.start, w->got.count, w->had ? "  (as before)" : "");
	if (text)
		uns_run_print(r, text);
}

static void say_what_next(const struct uns_run *r, const struct uns_change *c, const struct presetted *p)
{
	if (c->restart_required)
		uns_run_note(r, "That is: %s", r->o->preset->restart);
	if (p->facts.podman_storage)
		uns_run_note(r, "As %s, run 'podman system migrate': it ends what still runs with the IDs of before.",
		             p->want.owner);
}

static int change(struct uns_run *r, struct uns_change *c, struct presetted *p, struct uns_err *err)
{
	int rc;

	if (uns_change_needs_root(r, err) < 0 || uns_change_no_pending(r, err) < 0 || plan_all(r, p, err) < 0 ||
	    show_refusals(r, c, p, err) < 0)
		return -1;
	c->plan = &p->plan;
	if (p->plan.n == 0) {
		uns_run_print(r, "Nothing to do.\n");
		show_range(r, p);
		return 0;
	}
	c->restart_required = r->o->preset->restart && (p->facts.ids.present & r->o->preset->present);
	rc = uns_change_gate(r, c, "Apply this plan?", err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (carry_out(r, c, p, err) < 0)
		return -1;
	show_range(r, p);
	say_what_next(r, c, p);
	return 0;
}

static int set_range(struct uns_run *r, const struct presetted *p, struct uns_err *err)
{
	const struct uns_range_want *w = &p->want;
	json_t *list;

	if (r->o->request.command == UNS_DISABLE)
		return 0;
	list = json_pack("[{s:o, s:I, s:I, s:b}]", "owner", uns_report_string_json(w->owner), "start", (json_int_t)w->got.start, "count",
	                 (json_int_t)w->got.count, "changed", !w->had);
	if (uns_run_set(r, "ranges", list, err) < 0 || !r->o->policy.loaded)
		return list ? 0 : -1;
	json_array_clear(list);
	return uns_further_rows(&p->further, list, err);
}

int uns_preset_change(struct uns_run *r, struct uns_err *err)
{
	uns_auto(presetted_done) struct presetted p = {.plan.n = 0};
	struct uns_change c = {.changed = false};
	int rc = change(r, &c, &p, err);

	/* A failure that is there already says more than one of its report. */
	if (uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 || (rc == 0 && set_range(r, &p, err) < 0))
		return -1;
	return rc;
}

/* ---- check, plan ---- */

static char *fine_text(const struct uns_preset *preset, const struct presetted *p, struct uns_err *err)
{
	if (p->plan.n == 0)
		return uns_str_printf(err, "Nothing to do: %s has %u IDs from %u on for %s.\n", p->want.owner, p->want.got.count,
		                      p->want.got.start, preset->title);
	return uns_str_printf(err, "Nothing stops 'usernsctl enable %s%s%s' (%zu steps).\n", preset->name, preset->owner ? "" : " ",
	                      preset->owner ? "" : p->want.owner, p->plan.n);
}

int uns_preset_check(struct uns_run *r, struct uns_err *err)
{
	uns_auto(presetted_done) struct presetted p = {.plan.n = 0};
	uns_auto_free char *fine = NULL;

	if (uns_change_no_pending(r, err) < 0 || plan_all(r, &p, err) < 0 || uns_expect_check(r, &p.findings, err) < 0)
		return -1;
	fine = fine_text(r->o->preset, &p, err);
	return fine && uns_check_report(r, &p.findings, fine, err) == 0 ? set_range(r, &p, err) : -1;
}

int uns_preset_show_plan(struct uns_run *r, struct uns_err *err)
{
	uns_auto(presetted_done) struct presetted p = {.plan.n = 0};

	if (uns_change_no_pending(r, err) < 0 || plan_all(r, &p, err) < 0)
		return -1;
	return uns_change_only_plan(r, &p.plan, &p.findings, &(struct uns_outlook){ .counted = false }, err);
}
