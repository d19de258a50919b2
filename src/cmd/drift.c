/* SPDX-License-Identifier: Apache-2.0 */
/* What status says of settings that somebody has edited since a transaction left them. The data is left to verify, which reads it. */
#include "cmd.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"

/* Facts of the host on which a newer transaction has the word, as strings: a binary tree (tsearch(3)). */
struct facts_seen {
	void *tree;
};

struct drift {
	struct uns_status *status;
	struct facts_seen *seen;
	unsigned number;
	json_t *list;
	bool failed;
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void seen_done(struct facts_seen *s)
{
	tdestroy(s->tree, free);
}

/* Takes the key. */
static int see(struct facts_seen *s, char *key, struct uns_err *err)
{
	void *found = key ? tsearch(key, &s->tree, compare) : NULL;

	if (!found)
		free(key);
	else if (*(char **)found != key)
		free(key);
	return found ? 0 : uns_err_nomem(err);
}

/* The members of the args that name the fact, beside the kind; NULL: no setting, or one that holds only during a run. */
static const char *const *names_of(const char *kind)
{
	static const struct {
		const char *kind, *members[4];
	} settings[] = {
		{ "account", { "user" } },
		{ "subid-lines", { "file" } },
		{ "json-member", { "file", "key" } },
		{ "env-option", { "file", "variable", "option" } },
		{ "toml-member", { "file", "table", "key" } },
		{ "own-file", { "file" } },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(settings[i].kind, kind) == 0)
			return settings[i].members;
	return NULL;
}

static char *key_of(const struct uns_step *step, const char *const *members, const char *owner, size_t len, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf key = UNS_BUF_INIT;

	if (uns_buf_puts(&key, step->kind, err) < 0)
		return NULL;
	for (; *members; members++)
		if (uns_buf_printf(&key, err, "\n%s", uns_json_str_or(step->args, *members, "")) < 0)
			return NULL;
	if (uns_buf_puts(&key, "\n", err) < 0 || uns_buf_append(&key, owner, len, err) < 0)
		return NULL;
	return uns_buf_take(&key, err);
}

/* Calls once per fact of the step; of lines, per owner. each: 0 goes on, 1 ends it. */
static int each_fact(const struct uns_step *step, int (*each)(struct facts_seen *s, char *key, struct uns_err *err), struct facts_seen *s,
		     struct uns_err *err)
{
	static const char *const sides[] = { "before", "after" };
	const char *const *members = names_of(step->kind);
	int rc = 0;

	if (!members)
		return 0;
	if (strcmp(step->kind, "subid-lines") != 0)
		return each(s, key_of(step, members, "", 0, err), err);
	for (int side = 0; side < 2; side++) {
		const json_t *lines = json_object_get(step->args, sides[side]), *line;
		size_t i;

		json_array_foreach(lines, i, line) {
			const char *text = json_string_value(line) ? json_string_value(line) : "";

			rc = each(s, key_of(step, members, text, strcspn(text, ":"), err), err);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

static int is_seen(struct facts_seen *s, char *key, struct uns_err *err)
{
	uns_auto_free char *mine = key;

	return mine ? tfind(mine, &s->tree, compare) != NULL : uns_err_nomem(err);
}

static bool wanted(void *user, const struct uns_step *step)
{
	struct drift *d = user;
	int rc = names_of(step->kind) ? each_fact(step, is_seen, d->seen, NULL) : 1;

	d->failed = d->failed || rc < 0;
	return rc == 0;
}

static int say(struct drift *d, size_t step, const struct uns_step *what, const char *why, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (uns_step_describe(what, &text, err) < 0)
		return -1;
	if (json_array_append_new(d->list, json_pack("{s:i, s:I, s:s, s:o, s:o}", "transaction", (int)d->number, "step", (json_int_t)step, "kind",
						     what->kind, "text", uns_report_string_json(text.data), "why",
						     uns_report_string_json(why))) < 0)
		return uns_err_nomem(err);
	/* This one says nothing of what it is about; the others do. */
	if (strcmp(why, "is as before") == 0)
		return uns_status_line(d->status, err, "not done any more; transaction %u: %s", d->number, text.data ? text.data : what->kind);
	return uns_status_line(d->status, err, "%s; transaction %u: %s", why, d->number, text.data ? text.data : what->kind);
}

static void on_drift(void *user, size_t step, const struct uns_step *what, const char *why)
{
	struct drift *d = user;

	if (say(d, step, what, why, NULL) < 0)
		d->failed = true;
}

/* What cannot be looked at is told as such: status shows what it can. */
static int look_at(struct drift *d, struct uns_txn *t, struct uns_err *err)
{
	const struct uns_verify how = { .wanted = wanted, .cheap = true, .report = on_drift, .user = d };
	struct uns_err why = { .code = UNS_OK };
	size_t n;

	d->number = t->number;
	if (t->state == UNS_TXN_DONE && uns_txn_verify(t, &d->status->run->root, &how, &n, &why) < 0 &&
	    uns_status_line(d->status, err, "transaction %u cannot be compared: %s", t->number, why.text) < 0)
		return -1;
	for (size_t i = 0; t->state != UNS_TXN_ROLLED_BACK && i < t->plan.n; i++)
		if (each_fact(&t->plan.v[i], see, d->seen, err) < 0)
			return -1;
	return d->failed ? uns_err_nomem(err) : 0;
}

static int look_at_all(struct drift *d, struct uns_err *err)
{
	const struct uns_root *root = &d->status->run->root;
	uns_auto_free unsigned *numbers = NULL;
	size_t n = 0;

	if (uns_txn_list(root, &numbers, &n, err) < 0)
		return -1;
	while (n-- > 0) {
		struct uns_txn t;
		int rc = uns_txn_load(root, numbers[n], &t, err);

		if (rc == 0) {
			rc = look_at(d, &t, err);
			uns_txn_close(&t);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

int uns_status_drift(struct uns_status *s, struct uns_err *err)
{
	uns_auto(seen_done) struct facts_seen seen = { .tree = NULL };
	struct drift d = { .status = s, .seen = &seen, .list = json_array() };

	s->label = "Drift";
	if (uns_run_set(s->run, "drift", d.list, err) < 0)
		return -1;
	if (look_at_all(&d, err) < 0)
		return uns_change_explain(err);
	if (*s->label && uns_status_line(s, err, "none: what transactions set is as they left it") < 0)
		return -1;
	return 0;
}
