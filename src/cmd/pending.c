/* SPDX-License-Identifier: Apache-2.0 */
/* resume, rollback, verify, history, and what status says of the journal. */
#include "display.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/progress.h"
#include "uns/report.h"
#include "uns/step.h"

/* ---- transactions ---- */

/* A transaction that may not be there. */
struct loaded {
	bool there;
	struct uns_txn t;
};

static void loaded_done(struct loaded *l)
{
	if (l->there)
		uns_txn_close(&l->t);
	l->there = false;
}

static int load(const struct uns_run *r, unsigned number, struct loaded *l, struct uns_err *err)
{
	int rc;

	loaded_done(l);
	rc = uns_txn_load(&r->root, number, &l->t, err);
	l->there = rc == 0;
	return rc < 0 ? uns_change_explain(err) : 0;
}

/* Whether a run to this side has something to do; a step that was given at AFTER is left alone in both directions. */
static bool step_left(const struct uns_txn *t, size_t i, enum uns_side to)
{
	const struct uns_txn_step *s = &t->step[i];

	return s->begun || (s->side != to && !(s->given && to == UNS_AFTER));
}

static enum uns_side direction(const struct uns_txn *t)
{
	return t->state == UNS_TXN_FORWARD || t->state == UNS_TXN_DONE ? UNS_AFTER : UNS_BEFORE;
}

/* The step at which a run to this side would go on; t->plan.n: none is left. */
static size_t next_step(const struct uns_txn *t, enum uns_side to)
{
	for (size_t k = 0; k < t->plan.n; k++) {
		size_t i = to == UNS_AFTER ? k : t->plan.n - 1 - k;

		if (step_left(t, i, to))
			return i;
	}
	return t->plan.n;
}

/* What is left to be done, as a plan to show. */
struct left {
	struct uns_plan plan;
	size_t *numbers; /* of the steps in the transaction, from 1 */
};

static void left_done(struct left *l)
{
	uns_plan_done(&l->plan);
	free(l->numbers);
}

/* The way back is the reversed steps in reverse order. */
static int left_make(const struct uns_txn *t, enum uns_side to, const char *verb, struct left *ret, struct uns_err *err)
{
	uns_auto_free char *title = uns_str_printf(err, "%s transaction %u (%s)", verb, t->number, t->plan.title);

	if (!title || uns_plan_set_title(&ret->plan, title, err) < 0)
		return -1;
	ret->numbers = calloc(t->plan.n + 1, sizeof(*ret->numbers));
	if (!ret->numbers)
		return uns_err_nomem(err);
	for (size_t k = 0; k < t->plan.n; k++) {
		size_t i = to == UNS_AFTER ? k : t->plan.n - 1 - k;
		const struct uns_step *s = &t->plan.v[i];

		if (!step_left(t, i, to))
			continue;
		ret->numbers[ret->plan.n] = i + 1;
		if (uns_plan_add(&ret->plan, s->kind, to == UNS_AFTER ? s->reverse : !s->reverse, json_incref(s->args), err) < 0)
			return -1;
	}
	return 0;
}

/* ---- resume, rollback ---- */

/* The newest transaction that is not rolled back: the only one that can be, since others built on what was before it. */
static int load_top(const struct uns_run *r, struct loaded *l, struct uns_err *err)
{
	uns_auto_free unsigned *numbers = NULL;
	size_t n = 0;

	if (uns_txn_list(&r->root, &numbers, &n, err) < 0)
		return uns_change_explain(err);
	while (n-- > 0) {
		if (load(r, numbers[n], l, err) < 0)
			return -1;
		if (l->there && l->t.state != UNS_TXN_ROLLED_BACK)
			return 0;
	}
	loaded_done(l);
	return 0;
}

/* Under the lock: the transaction must still be as it was shown. */
static int reload(const struct uns_run *r, struct loaded *l, struct uns_err *err)
{
	unsigned number = l->t.number;
	enum uns_txn_state state = l->t.state;
	uint64_t log_used = l->t.log_used;
	uns_auto(loaded_done) struct loaded top = { .there = false };

	if (load(r, number, l, err) < 0 || load_top(r, &top, err) < 0)
		return -1;
	if (!l->there || l->t.state != state || l->t.log_used != log_used || !top.there || top.t.number != number)
		return uns_err_set(err, UNS_E_CONFLICT,
				   "transaction %u went on while you were looking, so nothing was done; run it again", number);
	return 0;
}

static int stopped(const struct uns_txn *t, struct uns_err *err)
{
	struct uns_err why = *err;

	if (!uns_change_is_pending(t))
		return -1;
	if (uns_stop_asked())
		return uns_change_stopped(t, err);
	return uns_err_set(err, UNS_E_INCOMPLETE,
			   "transaction %u is pending, %s: %s; when that is mended, run 'usernsctl resume' or 'usernsctl rollback'",
			   t->number, uns_change_way(t), why.text);
}

static bool edits_accounts(const struct uns_plan *p)
{
	static const char *const kinds[] = { "account", "subid-lines", "final-newline" };

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (strcmp(p->v[i].kind, kinds[k]) == 0)
				return true;
	return false;
}

/* A run that was killed may have left its locks, also where no step that is left would take them: the next process with its PID
 * would lock all account tools out. */
static int sweep_locks(const struct uns_run *r, const struct uns_txn *t, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;

	return edits_accounts(&t->plan) ? uns_lock_shadow(&lock, &r->root, &r->o->lock, err) : 0;
}

/* The plan is shown and confirmed; drives under the lock. */
static int go_on(struct uns_run *r, struct loaded *l, enum uns_side to, struct uns_change *c, struct uns_err *err)
{
	struct uns_change_sink sink;
	struct uns_txn_run listen;
	uns_auto_close int lock = -1;
	uns_auto_free char *text = NULL;
	int rc;

	if (uns_txn_lock(&r->root, &lock, err) < 0 || reload(r, l, err) < 0 || sweep_locks(r, &l->t, err) < 0)
		return -1;
	uns_change_listen(&sink, r, l->t.plan.n, &listen);
	uns_display_transaction(&l->t);
	rc = uns_txn_drive(&l->t, &r->root, to, &listen, err);
	uns_display_transaction(NULL);
	if (uns_change_heard(&sink, r, rc < 0 ? NULL : err) < 0 || rc < 0) {
		c->changed = uns_change_is_pending(&l->t);
		return stopped(&l->t, err);
	}
	c->changed = true;
	r->status = r->o->detailed ? UNS_EXIT_CHANGED : 0;
	text = uns_str_printf(err, "Done: transaction %u is %s.\n", l->t.number, uns_txn_state_names[l->t.state]);
	if (text)
		uns_run_print(r, text);
	return 0;
}

static int show_and_go_on(struct uns_run *r, struct loaded *l, enum uns_side to, const char *verb, struct uns_change *c,
			  struct left *left, struct uns_err *err)
{
	int rc;

	c->transaction = l->t.number;
	if (left_make(&l->t, to, verb, left, err) < 0)
		return -1;
	c->plan = &left->plan;
	c->numbers = left->numbers;
	rc = uns_change_gate(r, c, "Carry this out?", err);
	/* With no step left there is still the end to be recorded. */
	if (rc > 0)
		c->changed = true;
	return rc != 0 ? (rc < 0 ? -1 : 0) : go_on(r, l, to, c, err);
}

static int resume(struct uns_run *r, struct uns_change *c, struct left *left, struct uns_err *err)
{
	uns_auto(loaded_done) struct loaded l = { .there = false };

	if (uns_change_needs_root(r, err) < 0 || load(r, 0, &l, err) < 0)
		return -1;
	if (!l.there || !uns_change_is_pending(&l.t)) {
		uns_run_print(r, "Nothing to resume: no transaction is pending.\n");
		return 0;
	}
	return show_and_go_on(r, &l, direction(&l.t), "resume", c, left, err);
}

int uns_cmd_resume(struct uns_run *r, struct uns_err *err)
{
	uns_auto(left_done) struct left left = { .numbers = NULL };
	struct uns_change c = { .changed = false };
	int rc = resume(r, &c, &left, err);

	return uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}

/* 0: *l is to be rolled back; 1: nothing to do, said so; -1: refused. */
static int choose(const struct uns_run *r, struct loaded *l, struct uns_err *err)
{
	uns_auto(loaded_done) struct loaded asked = { .there = false };

	if (load(r, r->o->number, &asked, err) < 0 || load_top(r, l, err) < 0)
		return -1;
	if (r->o->number != 0 && !asked.there)
		return uns_err_set(err, UNS_E_USAGE, "there is no transaction %u; 'usernsctl history' lists them", r->o->number);
	if (!asked.there || asked.t.state == UNS_TXN_ROLLED_BACK) {
		uns_run_print(r, "Nothing to roll back.\n");
		if (asked.there)
			uns_run_note(r, "Transaction %u is rolled back already.", asked.t.number);
		if (asked.there && l->there && r->o->number == 0)
			uns_run_note(r, "To take back the one before it: usernsctl rollback %u (%s)", l->t.number, l->t.plan.title);
		return 1;
	}
	if (l->t.number != asked.t.number)
		return uns_err_set(err, UNS_E_REFUSED,
				   "transaction %u (%s) came after transaction %u and must be rolled back first", l->t.number,
				   l->t.plan.title, asked.t.number);
	return 0;
}

static int rollback(struct uns_run *r, struct uns_change *c, struct left *left, struct uns_err *err)
{
	uns_auto(loaded_done) struct loaded l = { .there = false };
	int rc;

	if (uns_change_needs_root(r, err) < 0)
		return -1;
	rc = choose(r, &l, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return show_and_go_on(r, &l, UNS_BEFORE, "roll back", c, left, err);
}

int uns_cmd_rollback(struct uns_run *r, struct uns_err *err)
{
	uns_auto(left_done) struct left left = { .numbers = NULL };
	struct uns_change c = { .changed = false };
	int rc = rollback(r, &c, &left, err);

	return uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}

/* ---- verify ---- */

struct differences {
	struct uns_run *run;
	json_t *list;
	struct uns_buf text;
	bool failed;
};

static void differences_done(struct differences *d)
{
	json_decref(d->list);
	uns_buf_done(&d->text);
}

static int add_difference(struct differences *d, size_t step, const struct uns_step *what, const char *why)
{
	uns_auto(uns_buf_done) struct uns_buf describe = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf line = UNS_BUF_INIT;

	if (uns_step_describe(what, &describe, NULL) < 0 || uns_buf_printf(&line, NULL, "step %zu: %s: %s", step + 1,
									   describe.data ? describe.data : "", why) < 0 ||
	    uns_report_safe(line.data, &d->text, NULL) < 0 || uns_buf_puts(&d->text, "\n", NULL) < 0)
		return -1;
	return json_array_append_new(d->list,
				     json_pack("{s:I, s:s, s:o, s:o}", "step", (json_int_t)step, "kind", what->kind, "text",
					       uns_report_string_json(describe.data), "why", uns_report_string_json(why)));
}

static void on_difference(void *user, size_t step, const struct uns_step *what, const char *why)
{
	struct differences *d = user;

	if (add_difference(d, step, what, why) < 0)
		d->failed = true;
}

static int show_verified(struct uns_run *r, const struct uns_txn *t, const struct differences *d, size_t n, struct uns_err *err)
{
	uns_auto_free char *text = NULL;

	if (d->text.data)
		uns_run_print(r, d->text.data);
	if (n > 0)
		return uns_err_set(err, UNS_E_CONFLICT, "%zu of %zu steps of transaction %u (%s, %s) are not as they were left", n,
				   t->plan.n, t->number, t->plan.title, uns_txn_state_names[t->state]);
	text = uns_str_printf(err, "Transaction %u (%s, %s): all %zu steps are as they were left.\n", t->number, t->plan.title,
			      uns_txn_state_names[t->state], t->plan.n);
	if (!text)
		return -1;
	uns_run_print(r, text);
	return 0;
}

int uns_cmd_verify(struct uns_run *r, struct uns_err *err)
{
	uns_auto(loaded_done) struct loaded l = { .there = false };
	uns_auto(differences_done) struct differences d = { .run = r };
	const struct uns_verify how = { .report = on_difference, .user = &d };
	size_t n = 0;

	if (load(r, r->o->number, &l, err) < 0)
		return -1;
	if (!l.there && r->o->number != 0)
		return uns_err_set(err, UNS_E_USAGE, "there is no transaction %u; 'usernsctl history' lists them", r->o->number);
	if (!l.there) {
		uns_run_print(r, "Nothing to verify: there is no transaction.\n");
		return uns_run_set(r, "transaction", json_null(), err);
	}
	d.list = json_array();
	if (!d.list)
		return uns_err_nomem(err);
	if (uns_txn_verify(&l.t, &r->root, &how, &n, err) < 0)
		return uns_change_explain(err);
	if (d.failed)
		return uns_err_nomem(err);
	if (uns_run_set(r, "transaction", json_integer((json_int_t)l.t.number), err) < 0 ||
	    uns_run_set(r, "state", json_string(uns_txn_state_names[l.t.state]), err) < 0 ||
	    uns_run_set(r, "differences", json_incref(d.list), err) < 0)
		return -1;
	return show_verified(r, &l.t, &d, n, err);
}

/* ---- history ---- */

static void format_time(int64_t when, bool utc, char text[32])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!(utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)) ||
	    strftime(text, 32, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, 32, "?");
}

static json_t *time_json(int64_t when)
{
	char text[32];

	if (when == 0)
		return json_null();
	format_time(when, true, text);
	return json_string(text);
}

static json_t *txn_json(const struct uns_txn *t)
{
	return json_pack("{s:i, s:b, s:s, s:o, s:o, s:s, s:I}", "number", (int)t->number, "pending",
			 (int)uns_change_is_pending(t), "state", uns_txn_state_names[t->state], "started",
			 time_json(t->started), "ended", time_json(t->ended), "command", t->plan.title, "steps",
			 (json_int_t)t->plan.n);
}

#define SPAN_MAX 32

/* "12 s", "3 min", "5 h", "2 d": what a column has room for. "-": not ended. */
static void format_span(const struct uns_txn *t, char text[SPAN_MAX])
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	int64_t span = t->ended > t->started ? t->ended - t->started : 0;
	size_t i = 0;

	while (i < 3 && span < 2 * units[i].seconds)
		i++;
	if (t->ended == 0)
		snprintf(text, SPAN_MAX, "-");
	else
		snprintf(text, SPAN_MAX, "%lld %s", (long long)(span / units[i].seconds), units[i].unit);
}

static const char *state_color(const struct uns_txn *t)
{
	static const char *const colors[] = { "\033[1;33m", "\033[1;33m", "\033[32m", "\033[2m" };

	return colors[t->state];
}

static int history_line(const struct uns_run *r, const struct uns_txn *t, struct uns_buf *text, json_t *list, struct uns_err *err)
{
	char started[32], took[SPAN_MAX];

	format_time(t->started, false, started);
	format_span(t, took);
	if (uns_buf_printf(text, err, "%6u  %s%-11s%s  %-19s  %6s  %5zu  ", t->number, r->color_out ? state_color(t) : "",
			   uns_txn_state_names[t->state], r->color_out ? "\033[0m" : "", started, took, t->plan.n) < 0 ||
	    uns_report_safe(t->plan.title, text, err) < 0 || uns_buf_puts(text, "\n", err) < 0)
		return -1;
	return json_array_append_new(list, txn_json(t)) < 0 ? uns_err_nomem(err) : 0;
}

/* A damaged transaction does not hide the others; it decides the status. */
static int history_lines(const struct uns_run *r, struct uns_buf *text, json_t *list, struct uns_err *err)
{
	uns_auto(loaded_done) struct loaded l = { .there = false };
	uns_auto_free unsigned *numbers = NULL;
	struct uns_err bad;
	size_t n = 0;
	int rc = 0;

	if (uns_txn_list(&r->root, &numbers, &n, err) < 0)
		return uns_change_explain(err);
	for (size_t i = 0; i < n; i++) {
		if (load(r, numbers[i], &l, &bad) < 0) {
			if (rc < 0)
				uns_run_complain("%s", err->text);
			*err = bad;
			rc = -1;
		} else if (l.there && history_line(r, &l.t, text, list, err) < 0) {
			return -1;
		}
	}
	return rc;
}

int uns_cmd_history(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *list = json_array();
	int rc;

	if (!list)
		return uns_err_nomem(err);
	if (uns_buf_puts(&text, "NUMBER  STATE        STARTED                TOOK  STEPS  COMMAND\n", err) < 0)
		return -1;
	rc = history_lines(r, &text, list, err);
	uns_run_print(r, json_array_size(list) > 0 ? text.data : rc == 0 ? "There is no transaction.\n" : "");
	if (uns_run_set(r, "transactions", json_incref(list), rc < 0 ? NULL : err) < 0)
		return -1;
	return rc;
}

/* ---- status: the journal ---- */

/* A member of daemon.json holds when it is there. *ret: whether. */
static int holds_member(struct uns_status *s, const struct uns_step *step, bool *ret, struct uns_err *err)
{
	struct uns_step there = *step;
	struct uns_step_ctx c = { .root = &s->run->root, .step = &there, .record_dir = -1 };
	enum uns_side side;

	there.reverse = false;
	if (uns_step_observe(&c, &side, err) < 0)
		return -1;
	*ret = side == UNS_AFTER;
	return 0;
}

/* Whether the step is one that holds the engine down, and its file is there. */
static int holds(struct uns_status *s, const struct uns_step *step, bool *ret, struct uns_err *err)
{
	const char *file = uns_json_str_or(step->args, "file", NULL);
	struct stat st;
	int rc;

	*ret = false;
	if (!file)
		return 0;
	if (strcmp(step->kind, "json-member") == 0 && strcmp(uns_json_str_or(step->args, "key", ""), UNS_HOLD_KEY) == 0)
		return holds_member(s, step, ret, err);
	if (strcmp(step->kind, "own-file") != 0)
		return 0;
	rc = uns_root_stat(&s->run->root, file, &st, err);
	*ret = rc == 0;
	return rc < 0 ? -1 : 0;
}

static bool is_listed(const json_t *list, const json_t *one)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), one))
			return true;
	return false;
}

/* What holds the engine down: drop-ins, or a member of daemon.json. The plan names each twice, to put on and to take off. */
static int status_hold(struct uns_status *s, const struct uns_txn *t, json_t *hold, struct uns_err *err)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		const struct uns_step *step = &t->plan.v[i];
		const char *file = uns_json_str_or(step->args, "file", "");
		bool member = strcmp(step->kind, "json-member") == 0, there;
		uns_auto_json json_t *path = NULL;

		if (holds(s, step, &there, err) < 0)
			return -1;
		path = there ? uns_report_string_json(file) : NULL;
		if (!path || is_listed(hold, path))
			continue;
		if (json_array_append(hold, path) < 0)
			return uns_err_nomem(err);
		if (uns_status_line(s, err, member ? "the engine is kept down by \"" UNS_HOLD_KEY "\" in %s" : "the engine is kept down by %s",
				    file) < 0)
			return -1;
	}
	return 0;
}

static int status_next(struct uns_status *s, const struct uns_txn *t, json_t *j, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf what = UNS_BUF_INIT;
	enum uns_side to = direction(t);
	size_t i = next_step(t, to);
	struct uns_step step;

	if (i == t->plan.n)
		return uns_status_line(s, err, "no step is left, only the end is not recorded");
	step = t->plan.v[i];
	if (to == UNS_BEFORE)
		step.reverse = !step.reverse;
	if (uns_step_describe(&step, &what, err) < 0)
		return -1;
	if (json_object_set_new(j, "next_step", json_pack("{s:I, s:s, s:b, s:o}", "step", (json_int_t)i, "kind", step.kind, "begun",
							  (int)t->step[i].begun, "text", uns_report_string_json(what.data))) < 0)
		return uns_err_nomem(err);
	return uns_status_line(s, err, "%s step %zu of %zu: %s", t->step[i].begun ? "half-way in" : "next is", i + 1, t->plan.n,
			   what.data ? what.data : "");
}

/* What the running process says of itself; what a killed one left is none of it. */
static json_t *running_json(const struct uns_txn *t, pid_t pid)
{
	uns_auto_json json_t *progress = uns_txn_progress_read(t);
	bool its = json_integer_value(json_object_get(progress, "pid")) == pid;

	return json_pack("{s:I, s:o}", "pid", (json_int_t)pid, "progress", its ? json_incref(progress) : json_null());
}

/* 0; 1: no process is at it, as far as can be seen. */
static int status_running(struct uns_status *s, const struct uns_txn *t, json_t *j, struct uns_err *err)
{
	pid_t pid = uns_txn_runner(&s->run->root);
	json_t *running = pid > 0 ? running_json(t, pid) : json_null();
	const char *text = uns_json_str_or(json_object_get(running, "progress"), "text", NULL);

	if (json_object_set_new(j, "running", running) < 0)
		return uns_err_nomem(err);
	if (pid <= 0)
		return 1;
	return uns_status_line(s, err, "process %d is at it now%s%s", (int)pid, text ? ": " : "", text ? text : "");
}

static int status_pending(struct uns_status *s, const struct uns_txn *t, struct uns_err *err)
{
	uns_auto_json json_t *j = txn_json(t);
	json_t *hold = json_array();
	char started[32];
	int running;

	if (json_object_set_new(j, "hold", hold) < 0)
		return uns_err_nomem(err);
	format_time(t->started, false, started);
	if (uns_status_line(s, err, "%u (%s) is pending: %s, since %s", t->number, t->plan.title, uns_change_way(t), started) < 0 ||
	    status_next(s, t, j, err) < 0 || status_hold(s, t, hold, err) < 0)
		return -1;
	running = status_running(s, t, j, err);
	if (running < 0 || (running > 0 && uns_status_line(s, err, "go on with 'usernsctl resume', or back with 'usernsctl rollback'") < 0))
		return -1;
	return uns_run_set(s->run, "pending", json_incref(j), err);
}

static int status_settled(struct uns_status *s, const struct loaded *l, struct uns_err *err)
{
	char ended[32];

	if (uns_run_set(s->run, "pending", json_null(), err) < 0 ||
	    uns_run_set(s->run, "last", l->there ? txn_json(&l->t) : json_null(), err) < 0)
		return -1;
	if (!l->there)
		return uns_status_line(s, err, "none");
	format_time(l->t.ended, false, ended);
	return uns_status_line(s, err, "none is pending; the last was %u (%s): %s, %s", l->t.number, l->t.plan.title,
			   uns_txn_state_names[l->t.state], ended);
}

int uns_status_journal(struct uns_status *s, struct uns_err *err)
{
	uns_auto(loaded_done) struct loaded l = { .there = false };

	if (load(s->run, 0, &l, err) < 0)
		return -1;
	s->label = "Transaction";
	if (!l.there || !uns_change_is_pending(&l.t))
		return status_settled(s, &l, err);
	s->run->status = (int)UNS_E_INCOMPLETE;
	return status_pending(s, &l.t, err);
}
