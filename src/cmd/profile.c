/* SPDX-License-Identifier: Apache-2.0 */
/* check --profile=cis: results of the CIS Docker Benchmark as a table, and what mends those that fail. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "uns/cis.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"

#define INDENT "              "

static int read_facts(const struct uns_run *r, struct uns_facts *f, struct uns_cisfacts *c, struct uns_err *err)
{
	const struct uns_facts_want want = {.options_only = false};
	uns_auto_json json_t *info = NULL;

	if (uns_facts_read(&r->root, &want, f, err) < 0 || uns_cisfacts_read(&r->root, f, c, err) < 0)
		return uns_change_explain(err);
	info = uns_status_engine_info(r, f);
	c->effect = !info ? UNS_CIS_UNKNOWN : uns_status_info_userns(info) ? UNS_CIS_ON : UNS_CIS_OFF;
	return 0;
}

/* ---- as findings, for the commands that mend them ---- */

struct mends {
	struct uns_findings f;
	struct uns_check *check; /* one for each row */
};

static void mends_done(struct mends *m)
{
	uns_findings_done(&m->f);
	free(m->check);
}

static int copy_text(const char *s, char **ret, struct uns_err *err)
{
	*ret = s ? uns_str_dup(s, err) : NULL;
	return s && !*ret ? -1 : 0;
}

static int make_mends(const struct uns_run *r, const struct uns_cis_rows *rows, struct mends *m, struct uns_err *err)
{
	m->check = calloc(rows->n + 1, sizeof(*m->check));
	m->f.v = calloc(rows->n + 1, sizeof(*m->f.v));
	if (!m->check || !m->f.v)
		return uns_err_nomem(err);
	m->f.cap = rows->n + 1;
	for (size_t i = 0; i < rows->n; i++) {
		const struct uns_cis_row *row = &rows->v[i];

		m->check[i] = (struct uns_check){.id = row->number, .severity = UNS_ERROR, .code = UNS_E_REFUSED, .summary = row->title};
		m->f.v[m->f.n] = (struct uns_finding){.check = &m->check[i]};
		if (copy_text(row->command, &m->f.v[m->f.n++].command, err) < 0)
			return -1;
	}
	return uns_planned_settle(r, &m->f, err);
}

/* ---- the table ---- */

static int put_row(struct uns_buf *b, const struct uns_cis_row *row, struct uns_err *err)
{
	if (uns_buf_printf(b, err, "%-4s  %-6s  %s\n" INDENT, uns_cis_results[row->result], row->number, row->title) < 0)
		return -1;
	if (row->object && (uns_report_safe(row->object, b, err) < 0 || uns_buf_puts(b, ": ", err) < 0))
		return -1;
	if (uns_report_safe(row->reason, b, err) < 0 || uns_buf_puts(b, "\n", err) < 0)
		return -1;
	if (!row->remedy)
		return 0;
	if (uns_buf_puts(b, INDENT "to mend it: ", err) < 0 || uns_report_safe(row->remedy, b, err) < 0)
		return -1;
	return uns_buf_puts(b, "\n", err);
}

static void count(const struct uns_cis_rows *rows, size_t ret[UNS_CIS_NA + 1])
{
	memset(ret, 0, (UNS_CIS_NA + 1) * sizeof(*ret));
	for (size_t i = 0; i < rows->n; i++)
		ret[rows->v[i].result]++;
}

static int print_table(const struct uns_run *r, const struct uns_cis_rows *rows, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t n[UNS_CIS_NA + 1];

	for (size_t i = 0; i < rows->n; i++)
		if (put_row(&text, &rows->v[i], err) < 0)
			return -1;
	count(rows, n);
	if (uns_buf_printf(&text, err, "%zu PASS, %zu FAIL, %zu WARN, %zu NA (numbers of the CIS Docker Benchmark 1.6)\n", n[UNS_CIS_PASS],
	                   n[UNS_CIS_FAIL], n[UNS_CIS_WARN], n[UNS_CIS_NA]) < 0)
		return -1;
	uns_run_print(r, text.data);
	return 0;
}

/* ---- the document ---- */

static json_t *rows_json(const struct uns_cis_rows *rows, const struct mends *m)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; i < rows->n; i++) {
		const struct uns_cis_row *row = &rows->v[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "number", row->number, "title", row->title,
		                                          "result", uns_cis_results[row->result], "object",
		                                          uns_report_string_json(row->object), "reason", uns_report_string_json(row->reason),
		                                          "remedy", uns_report_string_json(row->remedy), "command",
		                                          uns_report_string_json(m->f.v[i].command))) < 0)
			return NULL;
	}
	return uns_take_ptr(list);
}

/* 0, or -1 with the numbers of those that fail. */
static int failing(const struct uns_cis_rows *rows, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf numbers = UNS_BUF_INIT;

	for (size_t i = 0; i < rows->n; i++)
		if (rows->v[i].result == UNS_CIS_FAIL &&
		    uns_buf_printf(&numbers, err, "%s%s", numbers.len ? ", " : "", rows->v[i].number) < 0)
			return -1;
	return numbers.len ? uns_err_set(err, UNS_E_REFUSED, "the profile cis fails: %s", numbers.data) : 0;
}

int uns_profile_cis(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_facts_done) struct uns_facts f = {0};
	uns_auto(uns_cisfacts_done) struct uns_cisfacts c = {.effect = UNS_CIS_UNKNOWN};
	uns_auto(uns_cis_rows_done) struct uns_cis_rows rows = {0};
	uns_auto(mends_done) struct mends m = {.check = NULL};

	if (read_facts(r, &f, &c, err) < 0 || uns_cis_judge(&f, &c, &rows, err) < 0 || make_mends(r, &rows, &m, err) < 0)
		return -1;
	if (uns_run_set(r, "profile", json_string("cis"), err) < 0 || uns_run_set(r, "results", rows_json(&rows, &m), err) < 0 ||
	    uns_change_set_findings(r, NULL, err) < 0 || print_table(r, &rows, err) < 0)
		return -1;
	uns_planned_show_remedies(r, &m.f);
	return failing(&rows, err);
}
