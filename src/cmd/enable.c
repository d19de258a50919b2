/* SPDX-License-Identifier: Apache-2.0 */
/* enable, disable, migrate, plan; and what every changing command shares: facts → plan → show → gate → transaction. */
#include "display.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/progress.h"
#include "uns/report.h"
#include "uns/step.h"
#include "uns/sys.h"

/* ---- before ---- */

int uns_change_needs_root(const struct uns_run *r, struct uns_err *err)
{
	if (uns_offline_check_root(r, err) < 0)
		return -1;
	if (!r->root.is_host || r->o->dry_run || geteuid() == 0)
		return 0;
	return uns_err_set(err, UNS_E_FAILED, "%s must run as root", uns_options_command_name(r->o->cmd));
}

int uns_change_explain(struct uns_err *err)
{
	size_t len = strlen(err->text);

	if ((err->errnum == EACCES || err->errnum == EPERM) && geteuid() != 0)
		snprintf(err->text + len, sizeof(err->text) - len, "; only root can read it, run it as root");
	return -1;
}

bool uns_change_is_pending(const struct uns_txn *t)
{
	return t->state == UNS_TXN_FORWARD || t->state == UNS_TXN_BACKWARD;
}

const char *uns_change_way(const struct uns_txn *t)
{
	return t->state == UNS_TXN_BACKWARD ? "on its way back" : "on its way there";
}

/* Somebody at work on the transaction is another answer than one that was left. Looking takes the lock for an instant only, on a
 * descriptor for reading: no effect. */
static int nobody_at_work(const struct uns_run *r, struct uns_err *err)
{
	struct uns_err absent;
	uns_auto_close int fd = uns_root_openat(&r->root, UNS_TXN_DIR "/lock", O_RDONLY, &absent);

	if (fd < 0 || uns_lock_holder(fd) == getpid())
		return 0;
	return uns_lock_fd(fd, UNS_TXN_DIR, err);
}

int uns_change_no_pending(const struct uns_run *r, struct uns_err *err)
{
	struct uns_txn t;
	int rc = uns_txn_load(&r->root, 0, &t, err);

	if (rc < 0)
		return uns_change_explain(err);
	if (rc > 0)
		return 0;
	if (uns_change_is_pending(&t)) {
		rc = nobody_at_work(r, err);
		if (rc == 0)
			rc = uns_err_set(err, UNS_E_INCOMPLETE,
					 "transaction %u (%s) is pending, %s; go on with 'usernsctl resume', or back with "
					 "'usernsctl rollback'",
					 t.number, t.plan.title, uns_change_way(&t));
	}
	uns_txn_close(&t);
	return rc;
}

/* ---- planning ---- */

void uns_planned_done(struct uns_planned *p)
{
	uns_facts_done(&p->facts);
	uns_plan_done(&p->plan);
	uns_findings_done(&p->findings);
	uns_further_done(&p->further);
	memset(p, 0, sizeof(*p));
}

static bool same_range(struct uns_range a, struct uns_range b)
{
	return a.start == b.start && a.count == b.count;
}

static bool same_shift(const struct uns_shift *a, const struct uns_shift *b)
{
	return same_range(a->uid, b->uid) && same_range(a->gid, b->gid);
}

/* Until NSS knows no account in the range: each round finds one that was not known. */
static int choose_range(const struct uns_run *r, struct uns_planned *p, struct uns_err *err)
{
	size_t found;

	do {
		int rc;

		found = 0;
		uns_findings_done(&p->findings);
		rc = uns_plan_range(&p->facts, &r->o->request, &p->shift, &p->findings, err);
		p->have_shift = rc == 0;
		if (rc < 0 || (rc == 0 && uns_probe_shift(r, &p->facts.ids, &p->shift, &found, err) < 0))
			return -1;
	} while (found > 0);
	return 0;
}

/* Reads the facts with a census for the given shift, and tells which shift they ask for. */
static int read_facts(const struct uns_run *r, const struct uns_shift *shift, struct uns_planned *p, struct uns_err *err)
{
	bool options = r->o->request.command == UNS_DAEMON;
	struct uns_facts_want want = { .census = !options, .options_only = options, .shift = shift };

	want.nested = r->o->request.command == UNS_DISABLE;
	want.partial = r->o->cmd == UNS_CMD_CHECK;
	uns_planned_done(p);
	if (uns_facts_read(&r->root, &want, &p->facts, err) < 0)
		return uns_change_explain(err);
	if (uns_further_begin(r, &p->facts.ids, &p->further, err) < 0)
		return -1;
	return options ? 0 : choose_range(r, p, err);
}

int uns_planned_settle(const struct uns_run *r, struct uns_findings *f, struct uns_err *err)
{
	return r->root.is_host ? 0 : uns_findings_set_root(f, r->o->root, err);
}

/* A plan that the kinds do not take must never reach the journal, which could not be read again. */
static int end_plan(const struct uns_run *r, struct uns_planned *p, struct uns_err *err)
{
	if (uns_further_end(r, &p->facts.ids, r->o->request.user, p->have_shift ? &p->shift : NULL, &p->further, &p->plan, &p->findings,
			    err) < 0 ||
	    uns_planned_settle(r, &p->findings, err) < 0)
		return -1;
	return uns_findings_code(&p->findings) == UNS_OK ? uns_steps_check(&p->plan, "the plan", err) : 0;
}

/* A policy that wants nothing of an engine. */
static int make_ranges(const struct uns_run *r, struct uns_planned *ret, struct uns_err *err)
{
	uns_planned_done(ret);
	if (uns_idfacts_read(&r->root, &ret->facts.ids, err) < 0)
		return uns_change_explain(err);
	return uns_further_begin(r, &ret->facts.ids, &ret->further, err) < 0 ? -1 : end_plan(r, ret, err);
}

/* first: the look that is shown; what only informs is not counted again behind it. */
static int read_host(const struct uns_run *r, bool first, struct uns_planned *p, struct uns_err *err)
{
	struct uns_hostfacts_want want = { .nested = r->o->request.command == UNS_DISABLE, .sizes = first };

	if (r->o->request.command != UNS_DAEMON &&
	    uns_hostfacts_read(&r->root, &p->facts, &want, &p->facts.host, err) < 0)
		return uns_change_explain(err);
	return 0;
}

/* On most hosts no ID is one that the chosen range cannot take: then the first look has counted all, and the trees, which may be
 * large, are not walked again. */
static bool is_counted(struct uns_planned *p)
{
	struct uns_maps maps;

	uns_maps_of(&p->shift, &maps);
	return p->facts.told || (p->facts.have_census && uns_census_settle(&p->facts.census, &maps));
}

int uns_planned_make(const struct uns_run *r, const struct uns_shift *guess, struct uns_planned *ret, struct uns_err *err)
{
	struct uns_shift shift;

	if (r->o->policy.loaded && !r->o->policy.engine)
		return make_ranges(r, ret, err);
	if (read_facts(r, guess, ret, err) < 0)
		return -1;
	if (ret->have_shift && (guess ? !same_shift(guess, &ret->shift) : !is_counted(ret))) {
		shift = ret->shift;
		if (read_facts(r, &shift, ret, err) < 0)
			return -1;
		if (ret->have_shift && !same_shift(&shift, &ret->shift))
			return uns_err_set(err, UNS_E_CONFLICT, "accounts or data changed while they were read; run it again");
	}
	if (read_host(r, !guess, ret, err) < 0 || uns_plan_make(&ret->facts, &r->o->request, &ret->plan, &ret->findings, err) < 0)
		return -1;
	return end_plan(r, ret, err);
}

static int refusing_ids(const struct uns_findings *f, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct uns_finding *one = &f->v[i];

		if (one->check->severity == UNS_ERROR && !one->ignored && !uns_strs_has(ret, one->check->id) &&
		    uns_strs_add(ret, one->check->id, err) < 0)
			return -1;
	}
	uns_strs_sort(ret);
	return 0;
}

static int refused(const struct uns_findings *f, const char *what, struct uns_err *err)
{
	enum uns_code code = uns_findings_code(f);
	uns_auto(uns_strs_done) struct uns_strs ids = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (code == UNS_OK)
		return 0;
	if (refusing_ids(f, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (uns_buf_printf(&text, err, "%s%s", i ? ", " : "", ids.v[i]) < 0)
			return -1;
	return uns_err_set(err, code, "%s: %s", what, text.data ? text.data : "");
}

int uns_planned_refused(const struct uns_findings *f, struct uns_err *err)
{
	return refused(f, "refused, nothing was changed", err);
}

int uns_planned_stopped(const struct uns_findings *f, struct uns_err *err)
{
	return refused(f, "it would be refused", err);
}

static void finding_events(const struct uns_run *r, const struct uns_findings *f)
{
	uns_auto_json json_t *list = uns_report_findings_json(f);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_pack("{s:s}", "type", "finding");

		if (one && json_object_update(one, json_array_get(list, i)) < 0)
			json_decref(one);
		else
			uns_run_line(r, one);
	}
}

void uns_planned_show_findings(const struct uns_run *r, const struct uns_findings *f)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err err;

	if (r->o->quiet && uns_findings_code(f) == UNS_OK)
		return;
	uns_display_clear();
	fflush(stdout);
	if (r->o->progress == UNS_PROGRESS_JSON && r->o->json != UNS_JSON_LINES) {
		finding_events(r, f);
		return;
	}
	if (uns_report_findings(f, r->color_err, &text, &err) < 0)
		uns_run_complain("%s", err.text);
	else if (text.data)
		fputs(text.data, stderr);
}

void uns_planned_show_remedies(struct uns_run *r, const struct uns_findings *f)
{
	struct uns_err err;

	if (!r->o->quiet && r->o->json == UNS_JSON_NONE && uns_report_remedies(f, &r->last, &err) < 0)
		uns_run_complain("%s", err.text);
}

/* ---- the document ---- */

int uns_change_set_findings(struct uns_run *r, const struct uns_findings *f, struct uns_err *err)
{
	static const struct uns_findings none;

	f = f ? f : &none;
	if (uns_run_set(r, "findings", uns_report_findings_json(f), err) < 0)
		return -1;
	return uns_run_set(r, "warnings", uns_report_warnings_json(f), err);
}

/* One that may be saved says what it was made for. */
static json_t *plan_json(const struct uns_run *r, const struct uns_plan *p, struct uns_err *err)
{
	uns_auto_json json_t *j = uns_plan_to_json(p);

	if (!j) {
		uns_err_nomem(err);
		return NULL;
	}
	if (p->n > 0 && (r->o->cmd == UNS_CMD_PLAN || (r->o->dry_run && !(r->o->policy.wanted && !r->o->policy.loaded)))) {
		json_t *made_for = uns_made_for(r, p, r->planned, err);

		if (!made_for)
			return NULL;
		if (json_object_set_new(j, "made_for", made_for) < 0) {
			uns_err_nomem(err);
			return NULL;
		}
	}
	return uns_take_ptr(j);
}

int uns_change_set_plan(struct uns_run *r, const struct uns_plan *p, struct uns_err *err)
{
	static const struct uns_plan none;
	json_t *j = p ? plan_json(r, p, err) : json_null();

	if (!j || uns_run_set(r, "plan", j, err) < 0)
		return -1;
	p = p ? p : &none;
	if (uns_run_set(r, "actions", uns_report_actions_json(p), err) < 0)
		return -1;
	return uns_run_set(r, "diff", uns_report_diff_json(p), err);
}

/* The plan as it is in the journal has all that was there before in its steps. */
static int set_backup(struct uns_run *r, const struct uns_change *c, struct uns_err *err)
{
	json_t *file = c->transaction ? json_sprintf(UNS_TXN_DIR "/%04u/plan.json", c->transaction) : json_null();

	return uns_run_set(r, "backup_file", file, err);
}

int uns_change_document(struct uns_run *r, const struct uns_change *c, struct uns_err *err)
{
	if (uns_run_set(r, "changed", json_boolean(c->changed), err) < 0 ||
	    uns_run_set(r, "dry_run", json_boolean(r->o->dry_run), err) < 0 || uns_change_set_findings(r, c->findings, err) < 0 ||
	    uns_change_set_plan(r, c->plan, err) < 0 || uns_run_set(r, "restart_required", json_boolean(c->restart_required), err) < 0 ||
	    (r->o->drift && uns_run_set(r, "differences", uns_differs_json(c->plan, err), err) < 0) ||
	    uns_run_set(r, "transaction", c->transaction ? json_integer((json_int_t)c->transaction) : json_null(), err) < 0)
		return -1;
	if (set_backup(r, c, err) < 0)
		return -1;
	return uns_run_set(r, "effects", json_integer((json_int_t)uns_sys_effects()), err);
}

/* ---- the gate ---- */

/* outlook: NULL: only the steps. */
static int show_plan(const struct uns_run *r, const struct uns_plan *p, const size_t *numbers, const struct uns_outlook *outlook, bool must,
		     struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	bool out = r->o->json == UNS_JSON_NONE && !r->o->quiet;

	if (!out && !must)
		return 0;
	if (uns_report_plan(p, numbers, out ? r->color_out : r->color_err, &text, err) < 0 ||
	    (outlook && uns_outlook_put(r, p, outlook, out ? r->color_out : r->color_err, &text, err) < 0))
		return -1;
	uns_display_clear();
	fputs(text.data ? text.data : "", out ? stdout : stderr);
	return 0;
}

/* 0: yes; 1: anything else. */
static int ask(const char *question)
{
	char line[16];

	uns_display_clear();
	fflush(stdout);
	fprintf(stderr, "%s [y/N] ", question);
	if (uns_signals_read_line(line, sizeof(line))) {
		fputc('\n', stderr);
		return 1;
	}
	line[strcspn(line, "\r")] = '\0';
	return strcmp(line, "y") == 0 || strcmp(line, "Y") == 0 || strcmp(line, "yes") == 0 ? 0 : 1;
}

int uns_change_gate(struct uns_run *r, struct uns_change *c, const char *question, struct uns_err *err)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);

	if (r->o->drift) {
		c->changed = c->plan->n > 0;
		r->status = c->changed ? UNS_EXIT_CHANGED : 0;
		return uns_differs_show(r, c->plan, err) < 0 ? -1 : 1;
	}
	/* Who has answered already, or goes on with what was shown once, needs no more than the steps. */
	if (show_plan(r, c->plan, c->numbers, c->numbers || (r->o->yes && !r->o->dry_run) ? NULL : &c->outlook,
		      terminal && !r->o->dry_run && !r->o->yes, err) < 0)
		return -1;
	if (r->o->dry_run) {
		c->changed = c->plan->n > 0;
		r->status = c->changed && r->o->detailed ? UNS_EXIT_CHANGED : 0;
		uns_run_print(r, "Dry run: nothing was changed.\n");
		return 1;
	}
	if (uns_offline_check_plan(c->plan, err) < 0)
		return -1;
	if (r->o->yes)
		return 0;
	if (!terminal)
		return uns_err_set(err, UNS_E_USAGE,
				   "there is no terminal to ask on, so nothing was done; give --yes to carry this out, --dry-run "
				   "to look only");
	return ask(question) == 0 ? 0 : uns_err_set(err, UNS_E_FAILED, "not confirmed; nothing was done");
}

/* ---- the transaction ---- */

/* Out of memory costs the report a row, nothing else. */
static void keep_result(struct uns_change_sink *s, const struct uns_event *e)
{
	json_t *row = json_pack("{s:I, s:s}", "step", (json_int_t)e->step, "kind", e->what->kind);

	if (!s->results)
		s->results = json_array();
	if (row && json_object_update(row, (json_t *)(uintptr_t)e->result) == 0)
		json_array_append_new(s->results, row);
	else
		json_decref(row);
}

int uns_change_heard(struct uns_change_sink *s, struct uns_run *r, struct uns_err *err)
{
	json_t *results = uns_take_ptr(s->results);

	return results ? uns_run_set(r, "results", results, err) : 0;
}

static void on_event(void *user, const struct uns_event *e)
{
	struct uns_change_sink *s = user;

	if (e->result)
		keep_result(s, e);
	uns_display_event(e, s->steps);
}

static void on_tell(void *user, const char *text)
{
	(void)user;
	uns_display_tell(text);
}

/* For people as it comes; in the one document all of it together. */
static void on_quote(void *user, const char *line)
{
	const struct uns_change_sink *s = user;
	json_t *list = json_object_get(s->run->document, "engine_log");

	uns_run_line(s->run, json_pack("{s:s, s:o}", "type", "engine_log", "text", uns_report_string_json(line)));
	if (s->run->o->json != UNS_JSON_LINES && s->run->o->progress != UNS_PROGRESS_JSON)
		uns_run_note(s->run, "      | %s", line);
	/* Out of memory: it was shown, and the error quotes the last of it. */
	if (!list && json_object_set_new(s->run->document, "engine_log", json_array()) == 0)
		list = json_object_get(s->run->document, "engine_log");
	if (list)
		(void)json_array_append_new(list, uns_report_string_json(line));
}

void uns_change_listen(struct uns_change_sink *s, struct uns_run *r, size_t steps, struct uns_txn_run *ret)
{
	*s = (struct uns_change_sink){ .run = r, .steps = steps };
	*ret = (struct uns_txn_run){
		.sink = on_event, .sink_user = s, .tell = on_tell, .tell_user = s, .quote = on_quote, .quote_user = s,
		.lock = r->o->lock, .jobs = r->o->jobs, .go_on = r->o->go_on
	};
	uns_signals_changing();
}

/* The first failure decides the status, unless the way back fails too. */
static int go_back(const struct uns_run *r, struct uns_txn *t, const struct uns_txn_run *listen, struct uns_err *err)
{
	struct uns_err first = *err, second;

	uns_run_complain("%s", first.text);
	uns_run_note(r, "Taking back what was done:");
	if (uns_txn_drive(t, &r->root, UNS_BEFORE, listen, &second) < 0)
		return uns_err_set(err, UNS_E_INCOMPLETE,
				   "transaction %u is pending: %s; and the way back stopped: %s; run 'usernsctl resume' or "
				   "'usernsctl rollback'",
				   t->number, first.text, second.text);
	return uns_err_set(err, first.code == UNS_E_INCOMPLETE ? UNS_E_FAILED : first.code,
			   "transaction %u was taken back and the host is as it was, because: %s", t->number, first.text);
}

int uns_change_stopped(const struct uns_txn *t, struct uns_err *err)
{
	struct uns_err why = *err;

	return uns_err_set(err, UNS_E_INCOMPLETE,
			   "transaction %u is pending, %s: %s; 'usernsctl resume' goes on, 'usernsctl rollback' takes it back",
			   t->number, uns_change_way(t), why.text);
}

/* Whoever asked to go on past errors wants what could be done to stay done; and so does who wants to mend the reason and go on. */
static int after_failure(struct uns_run *r, struct uns_change *c, struct uns_txn *t, const struct uns_txn_run *listen,
			 struct uns_err *err)
{
	struct uns_err why = *err;
	int rc = -1;

	if (uns_stop_asked())
		uns_change_stopped(t, err);
	else if (r->o->no_auto_rollback || (r->o->go_on && why.code == UNS_E_INCOMPLETE))
		uns_err_set(err, UNS_E_INCOMPLETE, "transaction %u is pending: %s; run 'usernsctl resume' or 'usernsctl rollback'",
			    t->number, why.text);
	else
		rc = go_back(r, t, listen, err);
	c->changed = uns_change_is_pending(t);
	c->restart_required = false;
	return rc;
}

static int drive(struct uns_run *r, struct uns_change *c, struct uns_txn *t, struct uns_err *err)
{
	struct uns_change_sink sink;
	struct uns_txn_run listen;
	int rc;

	uns_change_listen(&sink, r, c->plan->n, &listen);
	listen.locked = c->locked;
	rc = uns_txn_drive(t, &r->root, UNS_AFTER, &listen, err);
	if (rc < 0)
		rc = after_failure(r, c, t, &listen, err);
	if (uns_change_heard(&sink, r, rc < 0 ? NULL : err) < 0 || rc < 0)
		return -1;
	c->changed = true;
	r->status = r->o->detailed ? UNS_EXIT_CHANGED : 0;
	return 0;
}

static void note_restart(const struct uns_run *r, const struct uns_change *c)
{
	if (c->restart_required)
		uns_run_note(r, "The engine must be restarted for the new options to be in effect.");
}

int uns_change_carry_out(struct uns_run *r, struct uns_change *c, struct uns_err *err)
{
	uns_auto_free char *text = NULL;
	struct uns_txn t;
	int rc;

	if (uns_stop_check(err))
		return -1;
	uns_signals_changing();
	if (uns_txn_create(&r->root, c->plan, &t, err) < 0)
		return -1;
	c->transaction = t.number;
	uns_display_transaction(&t);
	rc = drive(r, c, &t, err);
	uns_display_transaction(NULL);
	uns_txn_close(&t);
	if (rc < 0)
		return -1;
	text = uns_str_printf(err, "Done: transaction %u. The way back: usernsctl rollback\n", c->transaction);
	if (text)
		uns_run_print(r, text);
	note_restart(r, c);
	return 0;
}

/* ---- enable, disable, migrate ---- */

bool uns_change_same_plan(const struct uns_plan *a, const struct uns_plan *b)
{
	uns_auto_json json_t *ja = uns_plan_to_json(a);
	uns_auto_json json_t *jb = uns_plan_to_json(b);

	return ja && jb && json_equal(ja, jb);
}

/* What was shown was seen without the lock: under it, it must still be so. */
static int confirm_plan(const struct uns_run *r, const struct uns_planned *shown, struct uns_err *err)
{
	uns_auto(uns_planned_done) struct uns_planned now = { .have_shift = false };

	if (uns_change_no_pending(r, err) < 0 || uns_planned_make(r, shown->have_shift ? &shown->shift : NULL, &now, err) < 0)
		return -1;
	if (uns_findings_code(&now.findings) != UNS_OK) {
		uns_planned_show_findings(r, &now.findings);
		return uns_planned_refused(&now.findings, err);
	}
	if (!uns_change_same_plan(&shown->plan, &now.plan))
		return uns_err_set(err, UNS_E_CONFLICT,
				   "the host changed while you were looking, so nothing was done; run it again");
	return 0;
}

/* An engine gives its containers 10 seconds to end (docker-stop(1)), and takes about as long to be up again. */
#define STOP_AND_START 20

/* The census has counted what changes its owner, and how long it took tells how long the change may take. */
static struct uns_outlook outlook_of(const struct uns_facts *f, const struct uns_plan *p)
{
	struct uns_estimate e = { .seconds_max = 0 };
	struct uns_outlook o = { .counted = f->have_census, .files = f->census.home, .bytes = f->census.bytes };

	uns_plan_estimate(f, p, &e);
	o.seconds = (int64_t)e.seconds_max + STOP_AND_START;
	return o;
}

static int change(struct uns_run *r, struct uns_change *c, struct uns_planned *shown, struct uns_err *err)
{
	uns_auto_close int lock = -1;
	int rc;

	if (uns_change_needs_root(r, err) < 0 || uns_change_no_pending(r, err) < 0 || uns_planned_make(r, NULL, shown, err) < 0)
		return -1;
	c->findings = &shown->findings;
	uns_planned_show_findings(r, &shown->findings);
	if (uns_planned_refused(&shown->findings, err) < 0)
		return -1;
	c->plan = &shown->plan;
	c->outlook = outlook_of(&shown->facts, &shown->plan);
	c->restart_required = uns_plan_restart_required(&shown->facts, &shown->plan);
	if (shown->plan.n == 0) {
		uns_run_print(r, "Nothing to do.\n");
		note_restart(r, c);
		return 0;
	}
	if (uns_planned_estimate(r, shown, err) < 0)
		return -1;
	rc = uns_change_gate(r, c, "Apply this plan?", err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (uns_txn_lock(&r->root, &lock, err) < 0 || confirm_plan(r, shown, err) < 0)
		return -1;
	return uns_change_carry_out(r, c, err);
}

/* Who has which range, for a policy that names them. */
static int set_ranges(struct uns_run *r, const struct uns_further *x, struct uns_err *err)
{
	json_t *list = json_array();

	if (!list || uns_run_set(r, "ranges", list, err) < 0)
		return uns_err_nomem(err);
	return uns_further_rows(x, list, err);
}

int uns_cmd_enable(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_planned_done) struct uns_planned shown = { .have_shift = false };
	struct uns_change c = { .changed = false };
	int rc;

	if (r->o->preset)
		return uns_preset_change(r, err);
	r->planned = &shown;
	rc = change(r, &c, &shown, err);

	/* A failure that is there already says more than one of its report. */
	if (uns_change_document(r, &c, rc < 0 ? NULL : err) < 0)
		return -1;
	if (rc == 0 && r->o->policy.loaded && set_ranges(r, &shown.further, err) < 0)
		return -1;
	return rc;
}

/* ---- plan ---- */

int uns_change_only_plan(struct uns_run *r, const struct uns_plan *p, const struct uns_findings *f, const struct uns_outlook *outlook,
			 struct uns_err *err)
{
	bool alone = r->o->output && strcmp(r->o->output, "-") == 0;

	if (alone && r->o->json != UNS_JSON_NONE)
		return uns_err_set(err, UNS_E_USAGE, "-o - and --json both write to the standard output; name a file");
	uns_planned_show_findings(r, f);
	if (uns_change_set_findings(r, f, err) < 0 || uns_planned_refused(f, err) < 0 || uns_change_set_plan(r, p, err) < 0)
		return -1;
	r->bare = json_incref(json_object_get(r->document, "plan"));
	if (r->o->output && uns_run_save(r->o->output, r->bare, err) < 0)
		return -1;
	if (p->n == 0 && !alone)
		uns_run_print(r, "Nothing to do.\n");
	else if (p->n > 0 && !alone && show_plan(r, p, NULL, outlook, false, err) < 0)
		return -1;
	r->status = p->n > 0 && r->o->detailed ? UNS_EXIT_CHANGED : 0;
	return 0;
}

int uns_cmd_plan(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_planned_done) struct uns_planned p = { .have_shift = false };
	struct uns_outlook outlook;

	if (r->o->preset)
		return uns_preset_show_plan(r, err);
	if (uns_change_no_pending(r, err) < 0 || uns_planned_make(r, NULL, &p, err) < 0)
		return -1;
	r->planned = &p;
	outlook = outlook_of(&p.facts, &p.plan);
	return uns_change_only_plan(r, &p.plan, &p.findings, &outlook, err);
}
