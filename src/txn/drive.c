/* SPDX-License-Identifier: Apache-2.0 */
/* The one loop: observe → FOREIGN and not begun: conflict → already there and not begun: skip → begin (durable) → drive → require that
 * the host is there → done. Forward and back are this loop, run over the steps in this or the other order. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "uns/audit.h"
#include "uns/cleanup.h"
#include "uns/progress.h"
#include "uns/str.h"
#include "uns/txn.h"

struct loop {
	struct uns_txn *t;
	const struct uns_root *root;
	const struct uns_txn_run *run;
	enum uns_side to;
	struct uns_held held;
	struct uns_audit audit;
};

static void loop_done(struct loop *l)
{
	uns_held_done(&l->held);
	uns_audit_close(&l->audit);
}

static bool is_bracket(const struct uns_txn *t, size_t i)
{
	return uns_kind_find(t->plan.v[i].kind)->bracket;
}

/* The step that ends what step i begins: the same fact, the other way round. 0: none (a mirror comes later than i, so never is 0). */
static size_t mirror(const struct uns_txn *t, size_t i)
{
	const struct uns_step *a = &t->plan.v[i];

	for (size_t j = i + 1; j < t->plan.n; j++) {
		const struct uns_step *b = &t->plan.v[j];

		if (b->reverse != a->reverse && !strcmp(a->kind, b->kind) && json_equal(a->args, b->args))
			return j;
	}
	return 0;
}

/* A leg begins at BEFORE, or at AFTER when a finished transaction is rolled back; in the kind's own terms. */
static enum uns_side leg_start(const struct uns_txn *t, size_t i)
{
	return (t->leg > 0) != t->plan.v[i].reverse ? UNS_AFTER : UNS_BEFORE;
}

static void context(struct uns_step_ctx *c, struct uns_txn *t, const struct uns_root *root, size_t i)
{
	*c = (struct uns_step_ctx){
		.root = root, .step = &t->plan.v[i], .record_dir = t->dir_fd, .leg = t->leg, .leg_start = leg_start(t, i),
		.begun = t->step[i].begun,
	};
	snprintf(c->record_name, sizeof(c->record_name), "record-%04zu-%d.json", i + 1, t->leg);
	snprintf(c->first_record_name, sizeof(c->first_record_name), "record-%04zu-0.json", i + 1);
}

static void loop_context(struct loop *l, struct uns_step_ctx *c, size_t i)
{
	context(c, l->t, l->root, i);
	c->held = &l->held;
	c->lock.timeout_ms = UNS_LOCK_TIMEOUT_MS;
	if (!l->run)
		return;
	c->tell = l->run->tell;
	c->tell_user = l->run->tell_user;
	c->quote = l->run->quote;
	c->quote_user = l->run->quote_user;
	c->locked = l->run->locked;
	c->lock.break_stale = l->run->lock.break_stale;
	if (l->run->lock.timeout_ms)
		c->lock.timeout_ms = l->run->lock.timeout_ms;
	c->jobs = l->run->jobs;
	c->go_on = l->run->go_on;
}

static int note_event(struct loop *l, struct uns_event *e, bool durable, struct uns_err *err)
{
	e->time = time(NULL);
	if (log_append(l->t, e, durable, err))
		return -1;
	uns_audit_event(&l->audit, e);
	if (l->run && l->run->sink)
		l->run->sink(l->run->sink_user, e);
	return 0;
}

static int note_run(struct loop *l, const char *type, struct uns_err *err)
{
	struct uns_event e = {.type = type, .to = l->to};

	return note_event(l, &e, true, err);
}

/* Only a begin must be on disk before what follows. */
static int note_step(struct loop *l, const char *type, size_t i, enum uns_side to, struct uns_err *err)
{
	struct uns_event e = {.type = type, .step = i, .to = to, .what = &l->t->plan.v[i]};

	return note_event(l, &e, !strcmp(type, "begin"), err);
}

static int note_done(struct loop *l, const struct uns_step_ctx *c, size_t i, enum uns_side to, bool kept, struct uns_err *err)
{
	struct uns_event e = {
	    .type = "done", .step = i, .to = to, .what = &l->t->plan.v[i], .kept = kept,
	    .unaudited = c->unaudited, .result = c->result};

	return note_event(l, &e, false, err);
}

/* No line of the log, which says it by a begin without its done: only audit is told. */
static int note_fail(struct loop *l, const struct uns_step_ctx *c, size_t i, enum uns_side to)
{
	struct uns_event e = {.type = "fail", .time = time(NULL), .to = to};

	if (c) {
		e.step = i;
		e.what = &l->t->plan.v[i];
		e.unaudited = c->unaudited;
		e.result = c->result;
	}
	uns_audit_event(&l->audit, &e);
	return -1;
}

static int fail_step(const struct loop *l, size_t i, struct uns_err *err)
{
	return uns_err_prefix(err, "step %zu of %zu (%s)", i + 1, l->t->plan.n, l->t->plan.v[i].kind);
}

static int require(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	enum uns_side now;

	c->begun = false;
	if (uns_step_observe(c, &now, err))
		return -1;
	if (now == to || now == UNS_EITHER)
		return 0;
	return uns_err_set(err, UNS_E_INCOMPLETE, "done, but the host is not so%s%s", *c->why ? ": " : "", c->why);
}

static int drive_and_note(struct loop *l, struct uns_step_ctx *c, size_t i, enum uns_side to, struct uns_err *err)
{
	struct uns_txn_step *s = &l->t->step[i];
	int kept = uns_step_drive(c, to, err);

	if (kept < 0 || (!kept && require(c, to, err)) || note_done(l, c, i, to, kept == 1, err))
		return -1;
	s->begun = false;
	s->kept = kept == 1;
	s->side = to;
	return 0;
}

/* begin → drive → require → done. The begin is on disk before the first effect, so that a step that was interrupted is known. */
static int carry_out(struct loop *l, struct uns_step_ctx *c, size_t i, enum uns_side to, struct uns_err *err)
{
	int r;

	if (note_step(l, "begin", i, to, err))
		return -1;
	l->t->step[i].begun = c->begun = true;
	r = drive_and_note(l, c, i, to, err);
	if (r)
		note_fail(l, c, i, to);
	json_decref(c->result);
	c->result = NULL;
	return r;
}

/* Brackets that enclose step i hold while it is driven, also in a process that came later than the one that closed them. */
static int hold_brackets(struct loop *l, size_t i, struct uns_err *err)
{
	for (size_t b = 0; b < i; b++) {
		struct uns_step_ctx c;
		enum uns_side now;

		if (!is_bracket(l->t, b) || mirror(l->t, b) <= i)
			continue;
		loop_context(l, &c, b);
		if (uns_step_observe(&c, &now, err))
			return fail_step(l, b, err);
		if (now != UNS_AFTER && carry_out(l, &c, b, UNS_AFTER, err))
			return fail_step(l, b, err);
	}
	return 0;
}

static int one_step(struct loop *l, size_t i, struct uns_err *err)
{
	struct uns_txn_step *s = &l->t->step[i];
	struct uns_step_ctx c;
	enum uns_side now;

	if (s->side == l->to && !s->begun)
		return 0;
	if (uns_stop_check(err))
		return uns_err_prefix(err, "before step %zu of %zu", i + 1, l->t->plan.n);
	if (!is_bracket(l->t, i) && hold_brackets(l, i, err))
		return -1;
	loop_context(l, &c, i);
	if (uns_step_observe(&c, &now, err))
		return fail_step(l, i, err);
	if (now == UNS_FOREIGN && !s->begun) {
		uns_err_set(err, UNS_E_CONFLICT, "the host is neither as before nor as after%s%s", *c.why ? ": " : "", c.why);
		return fail_step(l, i, err);
	}
	if (now == l->to && !s->begun) {
		s->given |= l->to == UNS_AFTER;
		return note_step(l, "skip", i, l->to, err);
	}
	return carry_out(l, &c, i, l->to, err) ? fail_step(l, i, err) : 0;
}

static int all_steps(struct loop *l, struct uns_err *err)
{
	size_t n = l->t->plan.n;

	for (size_t k = 0; k < n; k++)
		if (one_step(l, l->to == UNS_AFTER ? k : n - 1 - k, err))
			return -1;
	return 0;
}

static int start(struct loop *l, struct uns_err *err)
{
	struct uns_txn *t = l->t;

	if (l->to == UNS_AFTER && (t->state == UNS_TXN_BACKWARD || t->state == UNS_TXN_ROLLED_BACK))
		return uns_err_set(err, UNS_E_CONFLICT, "transaction %u %s; it cannot go forward again", t->number,
		                   t->state == UNS_TXN_BACKWARD ? "is going back" : "is rolled back");
	if (l->to == UNS_BEFORE && t->state == UNS_TXN_DONE)
		t->leg++;
	if (log_reserve(t, err) || note_run(l, "run", err))
		return -1;
	t->state = l->to == UNS_AFTER ? UNS_TXN_FORWARD : UNS_TXN_BACKWARD;
	t->ended = 0;
	return 0;
}

/* What is neither as before nor as after is better met while the engine still runs. */
static int foresee(struct loop *l, struct uns_err *err)
{
	for (size_t i = 0; i < l->t->plan.n; i++) {
		struct uns_step_ctx c;
		enum uns_side now;

		if (is_bracket(l->t, i) || l->t->step[i].begun || l->t->step[i].side == l->to)
			continue;
		loop_context(l, &c, i);
		if (uns_step_observe(&c, &now, err))
			return fail_step(l, i, err);
		if (now == UNS_FOREIGN) {
			uns_err_set(err, UNS_E_CONFLICT, "nothing was done: the host is neither as before nor as after%s%s",
			            *c.why ? ": " : "", c.why);
			return fail_step(l, i, err);
		}
	}
	return 0;
}

int uns_txn_drive(struct uns_txn *t, const struct uns_root *root, enum uns_side to, const struct uns_txn_run *run, struct uns_err *err)
{
	uns_auto(loop_done) struct loop l = { .t = t, .root = root, .run = run, .to = to, .audit.fd = -1 };

	if ((to == UNS_AFTER && t->state == UNS_TXN_DONE) || (to == UNS_BEFORE && t->state == UNS_TXN_ROLLED_BACK))
		return 0;
	if (t->state == UNS_TXN_DONE && foresee(&l, err))
		return -1;
	uns_audit_open(&l.audit, root, &t->plan, t->number);
	if (start(&l, err) || all_steps(&l, err) || note_run(&l, "end", err))
		return note_fail(&l, NULL, 0, to);
	t->state = to == UNS_AFTER ? UNS_TXN_DONE : UNS_TXN_ROLLED_BACK;
	t->ended = time(NULL);
	return 0;
}

static enum uns_side expected_side(const struct uns_txn *t, size_t i)
{
	if (t->step[i].given || t->state == UNS_TXN_DONE)
		return UNS_AFTER;
	return t->state == UNS_TXN_ROLLED_BACK ? UNS_BEFORE : t->step[i].side;
}

/* Of two steps on one fact, the one that is driven last in this direction says how it ends. */
static bool is_overruled(const struct uns_txn *t, size_t i)
{
	if (t->state == UNS_TXN_FORWARD || t->state == UNS_TXN_DONE)
		return mirror(t, i) != 0;
	for (size_t j = 0; j < i; j++)
		if (mirror(t, j) == i)
			return true;
	return false;
}

static bool is_verified(const struct uns_txn *t, size_t i)
{
	return !is_bracket(t, i) && !t->step[i].begun && !t->step[i].kept && !is_overruled(t, i);
}

static int verify_step(struct uns_txn *t, const struct uns_root *root, size_t i, bool deep, char why[512], struct uns_err *err)
{
	enum uns_side expected = expected_side(t, i);
	struct uns_step_ctx c;
	enum uns_side now;

	context(&c, t, root, i);
	c.deep = deep;
	c.nested = (expected == UNS_AFTER) != t->plan.v[i].reverse;
	if (uns_step_observe(&c, &now, err))
		return -1;
	if (now == expected || now == UNS_EITHER)
		return 0;
	snprintf(why, 512, "%s", *c.why ? c.why : now == UNS_BEFORE ? "is as before" : "is as after");
	return 1;
}

int uns_txn_verify(struct uns_txn *t, const struct uns_root *root, const struct uns_verify *how, size_t *ret_differs,
                   struct uns_err *err)
{
	size_t differs = 0;

	for (size_t i = 0; i < t->plan.n; i++) {
		char why[512];
		int r;

		if (!is_verified(t, i) || (how->wanted && !how->wanted(how->user, &t->plan.v[i])))
			continue;
		r = verify_step(t, root, i, !how->cheap, why, err);
		if (r < 0)
			return fail_step(&(struct loop){ .t = t }, i, err);
		if (r && how->report)
			how->report(how->user, i, &t->plan.v[i], why);
		differs += (size_t)r;
	}
	*ret_differs = differs;
	return 0;
}
