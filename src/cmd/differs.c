/* SPDX-License-Identifier: Apache-2.0 */
/* apply --check: what a plan would change, told as what differs now. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"
#include "uns/step.h"

bool uns_change_lasts(const struct uns_plan *p, size_t i)
{
	const struct uns_step *a = &p->v[i];
	const struct uns_kind *kind = uns_kind_find(a->kind);

	if (!kind || kind->bracket)
		return false;
	for (size_t k = 0; k < p->n; k++) {
		const struct uns_step *b = &p->v[k];

		if (a->reverse != b->reverse && strcmp(a->kind, b->kind) == 0 && json_equal(a->args, b->args))
			return false;
	}
	return true;
}

/* {file, before, after} of a step that edits a text; *ret NULL: of any other. */
static int text_change(const struct uns_step *s, json_t **ret, struct uns_err *err)
{
	struct uns_step step = *s;
	const struct uns_plan one = {.v = &step, .n = 1};
	uns_auto_json json_t *list = uns_report_diff_json(&one);

	if (!list)
		return uns_err_nomem(err);
	*ret = json_incref(json_array_get(list, 0));
	return 0;
}

static int add_difference(const struct uns_plan *p, size_t i, json_t *list, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *change = NULL, *row = NULL;

	if (uns_step_describe(&p->v[i], &text, err) < 0 || text_change(&p->v[i], &change, err) < 0)
		return -1;
	row = json_pack("{s:s, s:o}", "kind", p->v[i].kind, "text", uns_report_string_json(text.data));
	if (!row || (change && json_object_update(row, change) < 0) || json_array_append(list, row) < 0)
		return uns_err_nomem(err);
	return 0;
}

json_t *uns_differs_json(const struct uns_plan *p, struct uns_err *err)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; p && i < p->n; i++)
		if (uns_change_lasts(p, i) && add_difference(p, i, list, err) < 0)
			return NULL;
	if (!list)
		uns_err_nomem(err);
	return uns_take_ptr(list);
}

/* Lines of a side on one: "a, b". */
static int put_side(const char *text, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *copy = uns_str_dup(text, err);
	size_t n = 0;

	if (!copy)
		return -1;
	for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (uns_buf_puts(ret, n++ ? ", " : "", err) < 0 || uns_report_safe(line, ret, err) < 0)
			return -1;
	return 0;
}

static int put_difference(const json_t *row, struct uns_buf *ret, struct uns_err *err)
{
	const char *file = uns_json_str_or(row, "file", NULL);
	const char *before = uns_json_str_or(row, "before", NULL), *after = uns_json_str_or(row, "after", NULL);

	if (uns_buf_puts(ret, file ? "  " : "  to do: ", err) < 0 ||
	    uns_report_safe(file ? file : uns_json_str_or(row, "text", ""), ret, err) < 0)
		return -1;
	if (before && (uns_buf_puts(ret, ": has ", err) < 0 || put_side(before, ret, err) < 0))
		return -1;
	if (before && file)
		return uns_buf_puts(ret, after ? ", expected " : ", expected without", err) < 0 || (after && put_side(after, ret, err) < 0) ? -1 : 0;
	return after && (uns_buf_puts(ret, ": lacks ", err) < 0 || put_side(after, ret, err) < 0) ? -1 : 0;
}

int uns_differs_show(const struct uns_run *r, const struct uns_plan *p, struct uns_err *err)
{
	uns_auto_json json_t *list = uns_differs_json(p, err);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t n = json_array_size(list);

	if (!list || uns_buf_puts(&text, "The host differs from ", err) < 0 ||
	    uns_report_safe(r->o->policy.name ? r->o->policy.name : "the plan", &text, err) < 0 ||
	    uns_buf_printf(&text, err, " in %zu point%s:\n", n, n == 1 ? "" : "s") < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put_difference(json_array_get(list, i), &text, err) < 0 || uns_buf_puts(&text, "\n", err) < 0)
			return -1;
	uns_run_print(r, text.data);
	return 0;
}
