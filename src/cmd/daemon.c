/* SPDX-License-Identifier: Apache-2.0 */
/* daemon show, daemon get: the options of dockerd and where they come from. daemon set and daemon unset are a plan as any other
 * (enable.c). */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/json.h"
#include "uns/report.h"

/* ---- values ---- */

/* Strings as they are, anything else as JSON. */
static char *value_text(const json_t *value, struct uns_err *err)
{
	if (json_is_string(value))
		return uns_str_dup(json_string_value(value), err);
	return value ? uns_json_dump(value, false, err) : uns_str_dup("", err);
}

/* b behind or over a: flags of several places are one command line. */
static json_t *merge(json_t *a, json_t *b)
{
	uns_auto_json json_t *both = NULL;

	if (json_is_array(a) && json_is_array(b)) {
		both = json_copy(a);
		return both && json_array_extend(both, b) == 0 ? uns_take_ptr(both) : NULL;
	}
	if (json_is_object(a) && json_is_object(b)) {
		both = json_copy(a);
		return both && json_object_update(both, b) == 0 ? uns_take_ptr(both) : NULL;
	}
	return json_incref(b);
}

/* What the key comes to: of a running engine, what it runs with. *ret stays NULL when it is not set. */
static int effective(const struct uns_facts *f, const char *key, json_t **ret, struct uns_err *err)
{
	uns_auto_json json_t *value = NULL;
	const struct uns_setting *s;

	for (size_t at = 0; (s = uns_settings_next(&f->options, key, &at));) {
		json_t *merged;

		if ((f->running && !s->in_effect) || !s->json || json_is_null(s->json))
			continue;
		merged = value ? merge(value, s->json) : json_incref(s->json);
		if (!merged)
			return uns_err_nomem(err);
		json_decref(value);
		value = merged;
	}
	*ret = uns_take_ptr(value);
	return 0;
}

/* ---- show ---- */

static json_t *setting_json(const struct uns_facts *f, const struct uns_setting *s)
{
	static const char *const places[] = {"daemon.json", "env-file", "command-line", "unit-environment"};

	return json_pack("{s:o, s:O?, s:s, s:o, s:o, s:o, s:o}", "option", uns_report_string_json(s->key), "value", s->json,
	                 "place", places[s->place], "file", uns_report_string_json(s->file), "line",
	                 s->line ? json_integer((json_int_t)s->line) : json_null(), "variable", uns_report_string_json(s->variable),
	                 "in_effect", f->running ? json_boolean(s->in_effect) : json_null());
}

static char *where_text(const struct uns_facts *f, const struct uns_setting *s, struct uns_err *err)
{
	const char *later = f->running && !s->in_effect ? " (not yet in effect)" : "";

	if (!s->file)
		return uns_str_dup("the running command line", err);
	if (s->variable)
		return uns_str_printf(err, "%s:%u %s%s", s->file, s->line, s->variable, later);
	return s->line ? uns_str_printf(err, "%s:%u%s", s->file, s->line, later) : uns_str_printf(err, "%s%s", s->file, later);
}

static int put_row(const char *option, const char *value, const char *where, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *line = uns_str_printf(err, "%-26s %-28s %s", option, value, where);

	return !line || uns_report_safe(line, ret, err) < 0 ? -1 : uns_buf_puts(ret, "\n", err);
}

static int put_setting(const struct uns_facts *f, const struct uns_setting *s, json_t *list, struct uns_buf *text,
                       struct uns_err *err)
{
	uns_auto_free char *value = value_text(s->json, err), *where = where_text(f, s, err);
	json_t *j = setting_json(f, s);

	if (!value || !where)
		return -1;
	if (!j || json_array_append_new(list, j) < 0)
		return uns_err_nomem(err);
	return put_row(s->key, value, where, text, err);
}

/* By name; settings of one option keep their order, in which dockerd takes them. */
static int by_key(const void *a, const void *b)
{
	const struct uns_setting *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : (*x > *y) - (*x < *y);
}

static int put_settings(const struct uns_facts *f, json_t *list, struct uns_buf *text, struct uns_err *err)
{
	uns_auto_free const struct uns_setting **sorted = calloc(f->options.n + 1, sizeof(*sorted));

	if (!sorted)
		return uns_err_nomem(err);
	for (size_t i = 0; i < f->options.n; i++)
		sorted[i] = &f->options.v[i];
	qsort(sorted, f->options.n, sizeof(*sorted), by_key);
	if (f->options.n && put_row("OPTION", "VALUE", "WHERE", text, err) < 0)
		return -1;
	for (size_t i = 0; i < f->options.n; i++)
		if (put_setting(f, sorted[i], list, text, err) < 0)
			return -1;
	return 0;
}

/* What each option comes to. */
static json_t *all_effective(const struct uns_facts *f, struct uns_err *err)
{
	uns_auto_json json_t *all = json_object();

	for (size_t i = 0; i < f->options.n; i++) {
		const char *key = f->options.v[i].key;
		json_t *value = NULL;

		if (json_object_get(all, key))
			continue;
		if (effective(f, key, &value, err) < 0)
			return NULL;
		if (value && json_object_set_new(all, key, value) < 0) {
			uns_err_nomem(err);
			return NULL;
		}
	}
	return uns_take_ptr(all);
}

/* The words that dockerd is started with the next time, behind its own name. */
static json_t *command_json(const struct uns_facts *f)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; i < f->command.words.n; i++)
		if (json_array_append_new(list, uns_report_string_json(f->command.words.v[i])) < 0)
			return NULL;
	return uns_take_ptr(list);
}

static int set_document(struct uns_run *r, const struct uns_facts *f, const struct uns_findings *findings, json_t *list,
                        struct uns_err *err)
{
	json_t *all = all_effective(f, err);

	if (!all || uns_run_set(r, "effective", all, err) < 0)
		return -1;
	if (uns_run_set(r, "options", json_incref(list), err) < 0 || uns_run_set(r, "command_line", command_json(f), err) < 0 ||
	    uns_run_set(r, "config_file", uns_report_string_json(f->config_file), err) < 0 ||
	    uns_run_set(r, "running", json_boolean(f->running), err) < 0 ||
	    uns_run_set(r, "accepted", json_boolean(uns_findings_code(findings) == UNS_OK), err) < 0 ||
	    uns_run_set(r, "findings", uns_report_findings_json(findings), err) < 0)
		return -1;
	return uns_run_set(r, "warnings", uns_report_warnings_json(findings), err);
}

static int read_options(const struct uns_run *r, struct uns_facts *f, struct uns_err *err)
{
	const struct uns_facts_want want = {.options_only = true};

	return uns_facts_read(&r->root, &want, f, err) < 0 ? uns_change_explain(err) : 0;
}

int uns_cmd_daemon_show(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_facts_done) struct uns_facts f = {0};
	uns_auto(uns_findings_done) struct uns_findings findings = {0};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *list = json_array();

	if (!list)
		return uns_err_nomem(err);
	if (read_options(r, &f, err) < 0 || uns_plan_daemon_verdict(&f, &findings, err) < 0 ||
	    uns_planned_settle(r, &findings, err) < 0 ||
	    put_settings(&f, list, &text, err) < 0 || set_document(r, &f, &findings, list, err) < 0)
		return -1;
	uns_run_print(r, text.data ? text.data : "No option of dockerd is set.\n");
	uns_planned_show_findings(r, &findings);
	uns_planned_show_remedies(r, &findings);
	return 0;
}

/* ---- get ---- */

int uns_cmd_daemon_get(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_facts_done) struct uns_facts f = {0};
	uns_auto_json json_t *value = NULL, *list = json_array();
	uns_auto_free char *text = NULL, *line = NULL;
	const struct uns_dockerd_option *o = uns_dockerd_find(r->o->operand[0]);
	const char *key = o && o->key ? o->key : r->o->operand[0];
	const struct uns_setting *s;

	if (!list)
		return uns_err_nomem(err);
	if (read_options(r, &f, err) < 0 || effective(&f, key, &value, err) < 0)
		return -1;
	for (size_t at = 0; (s = uns_settings_next(&f.options, key, &at));)
		if (json_array_append_new(list, setting_json(&f, s)) < 0)
			return uns_err_nomem(err);
	if (uns_run_set(r, "option", uns_report_string_json(key), err) < 0 ||
	    uns_run_set(r, "set", json_boolean(value != NULL), err) < 0 ||
	    uns_run_set(r, "value", value ? json_incref(value) : json_null(), err) < 0 ||
	    uns_run_set(r, "options", json_incref(list), err) < 0)
		return -1;
	if (!value) {
		uns_run_note(r, "%s is not set: dockerd uses its default", key);
		r->status = 1;
		return 0;
	}
	text = value_text(value, err);
	line = text ? uns_str_printf(err, "%s\n", text) : NULL;
	if (!line)
		return -1;
	uns_run_print(r, line);
	return 0;
}
