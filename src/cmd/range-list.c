/* SPDX-License-Identifier: Apache-2.0 */
/* range list and range next: what there is. A file may have a million lines, so the table goes out line by line. */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "range.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"

static const char *const kind_names[UNS_IDKINDS] = { "uid", "gid" };

#define NUMBER_WIDTH 10

/* ---- list ---- */

struct listing {
	struct uns_run *run;
	const struct uns_idfacts *f;
	int column[UNS_RANGE_COLUMNS];
	size_t columns;
	bool states; /* they are shown, which costs the whole lint */
	struct uns_line_states state;
	int owner_width, line_width;
	json_t *list; /* NULL: no JSON document is wanted */
	struct uns_who who[UNS_OPERANDS_MAX];
};

/* One entry of one file. */
struct row {
	enum uns_idkind kind;
	const struct uns_subid_line *l;
	const char *state;
};

static void listing_done(struct listing *t)
{
	uns_line_states_done(&t->state);
}

static bool is_wanted(const struct listing *t, const struct uns_subid_line *l)
{
	const struct uns_range_options *o = &t->run->o->ranges;

	if (!*l->owner)
		return false;
	for (size_t i = 0; i < o->owners; i++)
		if (uns_who_owns(&t->who[i], l))
			return true;
	return o->owners == 0;
}

static uint64_t last_of(struct uns_range r)
{
	return (uint64_t)r.start + r.count - 1;
}

static void print_padded(const char *text, size_t len, int width)
{
	fwrite_unlocked(text, 1, len, stdout);
	for (int i = (int)len; i < width; i++)
		putchar_unlocked(' ');
}

static void print_owner(const char *owner, int width)
{
	uns_auto(uns_buf_done) struct uns_buf safe = UNS_BUF_INIT;

	if (uns_report_safe(owner, &safe, NULL) == 0 && safe.data)
		print_padded(safe.data, safe.len, width);
	else
		print_padded("", 0, width);
}

/* printf would take most of the time of a million lines. Right-aligned in ten columns, or left-aligned in more. */
static void print_number(uint64_t n, int width)
{
	char digits[24], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	if (width > 0) {
		print_padded(p, (size_t)(digits + sizeof(digits) - p), width);
		return;
	}
	while (digits + sizeof(digits) - p < NUMBER_WIDTH)
		*--p = ' ';
	fwrite_unlocked(p, 1, (size_t)(digits + sizeof(digits) - p), stdout);
}

static void print_range(const struct row *r, int column)
{
	if (r->l->range.count == 0)
		print_padded("         -", NUMBER_WIDTH, 0);
	else if (column == UNS_RANGE_START)
		print_number(r->l->range.start, 0);
	else if (column == UNS_RANGE_END)
		print_number(last_of(r->l->range), 0);
	else
		print_number(r->l->range.count, 0);
}

static void print_cell(const struct listing *t, const struct row *r, int column)
{
	switch (column) {
	case UNS_RANGE_OWNER:
		print_owner(r->l->owner, t->owner_width);
		break;
	case UNS_RANGE_KIND:
		print_padded(kind_names[r->kind], 3, 4);
		break;
	case UNS_RANGE_LINE:
		fputs_unlocked(UNS_SUBID_FILE(r->kind), stdout);
		putchar_unlocked(':');
		print_number(r->l->line, t->line_width);
		break;
	case UNS_RANGE_STATE:
		fputs_unlocked(r->state, stdout);
		break;
	default:
		print_range(r, column);
	}
}

static void print_row(const struct listing *t, const struct row *r)
{
	for (size_t i = 0; i < t->columns; i++) {
		if (i > 0)
			putchar_unlocked(' ');
		print_cell(t, r, t->column[i]);
	}
	putchar_unlocked('\n');
}

static void print_heading(const struct listing *t)
{
	const int width[UNS_RANGE_COLUMNS] = { -t->owner_width, -4, NUMBER_WIDTH, NUMBER_WIDTH, NUMBER_WIDTH, -t->line_width - (int)sizeof("/etc/subuid:") + 1, 0 };

	for (size_t i = 0; i < t->columns; i++)
		printf("%s%*s", i > 0 ? " " : "", i + 1 < t->columns ? width[t->column[i]] : 0, uns_range_columns[t->column[i]]);
	putchar('\n');
}

static json_t *row_json(const struct row *r)
{
	json_t *flaws = json_array();

	for (int i = 0; i < UNS_FLAW_LINE_FLAWS; i++)
		if (r->l->flaws & UNS_FLAW_BIT(i))
			json_array_append_new(flaws, json_string(uns_flaw_names[i]));
	if (r->l->range.count == 0)
		return json_pack("{s:o, s:s, s:n, s:n, s:i, s:s, s:I, s:s, s:o}", "owner", uns_report_string_json(r->l->owner), "kind",
				 kind_names[r->kind], "start", "end", "count", 0, "file", UNS_SUBID_FILE(r->kind), "line",
				 (json_int_t)r->l->line, "state", r->state, "flaws", flaws);
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:s, s:I, s:s, s:o}", "owner", uns_report_string_json(r->l->owner), "kind",
			 kind_names[r->kind], "start", (json_int_t)r->l->range.start, "end", (json_int_t)last_of(r->l->range), "count",
			 (json_int_t)r->l->range.count, "file", UNS_SUBID_FILE(r->kind), "line", (json_int_t)r->l->line, "state",
			 r->state, "flaws", flaws);
}

/* With --json=lines each range is a line of its own, so that no document of a million members is built. */
static int put_row(const struct listing *t, const struct row *r, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL;

	if (t->run->o->json == UNS_JSON_NONE) {
		if (!t->run->o->quiet)
			print_row(t, r);
		return 0;
	}
	j = row_json(r);
	if (!j)
		return uns_err_nomem(err);
	if (t->list)
		return json_array_append(t->list, j) < 0 ? uns_err_nomem(err) : 0;
	if (json_object_set_new(j, "type", json_string("range")) < 0)
		return uns_err_nomem(err);
	uns_run_line(t->run, uns_take_ptr(j));
	return 0;
}

static int list_kind(const struct listing *t, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_subid *s = &t->f->sub[kind].s;
	const uint8_t *state = t->state.of[kind];

	for (size_t i = 0; i < s->n; i++) {
		struct row r = { kind, &s->v[i], state ? uns_line_state_names[state[i]] : "" };

		if (is_wanted(t, &s->v[i]) && put_row(t, &r, err) < 0)
			return -1;
	}
	return 0;
}

static int digits(uint32_t n)
{
	return snprintf(NULL, 0, "%u", n);
}

static void measure(struct listing *t)
{
	const struct uns_range_options *o = &t->run->o->ranges;

	for (size_t i = 0; i < o->owners; i++)
		t->who[i] = uns_who_is(t->f, o->owner[i]);
	t->owner_width = (int)sizeof("owner") - 1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_subid *s = &t->f->sub[kind].s;

		for (size_t i = 0; i < s->n; i++) {
			int len = (int)strnlen(s->v[i].owner, 64);

			if (len > t->owner_width && is_wanted(t, &s->v[i]))
				t->owner_width = len;
		}
		if (s->n > 0 && digits(s->v[s->n - 1].line) > t->line_width)
			t->line_width = digits(s->v[s->n - 1].line);
	}
	t->columns = o->columns ? o->columns : UNS_RANGE_COLUMNS;
	for (int i = 0; i < UNS_RANGE_COLUMNS; i++)
		t->column[i] = o->columns ? o->column[i] : i;
	t->states = t->run->o->json != UNS_JSON_NONE;
	for (size_t i = 0; i < t->columns; i++)
		t->states = t->states || t->column[i] == UNS_RANGE_STATE;
}

static int list(struct uns_run *r, struct uns_idfacts *f, struct uns_err *err)
{
	uns_auto(listing_done) struct listing t = { .run = r, .f = f };
	bool document = r->o->json == UNS_JSON_COMPACT || r->o->json == UNS_JSON_PRETTY;

	if (uns_idfacts_read(&r->root, f, err) < 0)
		return uns_change_explain(err);
	measure(&t);
	if (t.states && uns_ranges_states(f, &t.state, err) < 0)
		return -1;
	if (document) {
		t.list = json_array();
		if (uns_run_set(r, "ranges", t.list, err) < 0)
			return -1;
	}
	if (r->o->json == UNS_JSON_NONE && !r->o->quiet)
		print_heading(&t);
	return list_kind(&t, UNS_UID, err) < 0 || list_kind(&t, UNS_GID, err) < 0 ? -1 : 0;
}

int uns_cmd_range_list(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_idfacts_done) struct uns_idfacts f = { .offline = false };

	return list(r, &f, err);
}

/* ---- next ---- */

static int show_next(struct uns_run *r, struct uns_range got, struct uns_err *err)
{
	uns_auto_free char *text = uns_str_printf(err, "%u:%u\n", got.start, got.count);

	if (!text)
		return -1;
	uns_run_print(r, text);
	if (uns_run_set(r, "start", json_integer(got.start), err) < 0)
		return -1;
	return uns_run_set(r, "count", json_integer(got.count), err);
}

/* A range for nobody yet: what add would choose for a new owner. */
int uns_cmd_range_next(struct uns_run *r, struct uns_err *err)
{
	uns_auto(uns_ranged_done) struct uns_ranged p = { .wants.n = 0 };

	if (uns_ranged_next(r, &p, err) < 0)
		return -1;
	uns_planned_show_findings(r, &p.findings);
	if (uns_run_set(r, "findings", uns_report_findings_json(&p.findings), err) < 0 || uns_planned_refused(&p.findings, err) < 0)
		return -1;
	return show_next(r, p.wants.v[0].got, err);
}
