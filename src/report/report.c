/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"

#define COLUMNS 100u

struct style {
	const char *bold, *red, *yellow, *off;
};

static const struct style plain = { "", "", "", "" };
static const struct style colored = { "\033[1m", "\033[31m", "\033[33m", "\033[0m" };

/* Nothing is seen of it, but of what stands beside it the order or the look changes: what such a text says is not what it is. Of Unicode's
 * format characters and separators those that terminals heed. */
static bool misleads(const unsigned char *p, size_t len)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = { { 0x061c, 0x061c }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x2069 }, { 0xfeff, 0xfeff } };
	uint32_t c = len == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu) : (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);

	for (size_t i = 0; len < 4 && i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return true;
	return false;
}

/* Bytes of the character that p begins with when a terminal may have it; 0: a control character, or no UTF-8 (RFC 3629, section 4). */
static size_t printable(const unsigned char *p)
{
	static const struct {
		unsigned char from, to; /* of the first byte */
		unsigned char low, high; /* of the second */
		size_t len;
	} forms[] = {
		{ 0xc2, 0xc2, 0xa0, 0xbf, 2 }, /* below: C1 */
		{ 0xc3, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (*p < forms[i].from || *p > forms[i].to)
			continue;
		if (p[1] < forms[i].low || p[1] > forms[i].high)
			return 0;
		for (size_t n = 2; n < forms[i].len; n++)
			if ((p[n] & 0xc0) != 0x80)
				return 0;
		return misleads(p, forms[i].len) ? 0 : forms[i].len;
	}
	return 0;
}

int uns_report_safe(const char *s, struct uns_buf *ret, struct uns_err *err)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t n = 0;

		for (size_t more; (more = printable(p + n)) > 0;)
			n += more;
		if (n && uns_buf_append(ret, p, n, err) < 0)
			return -1;
		p += n;
		if (*p && uns_buf_printf(ret, err, "\\x%02x", *p++) < 0)
			return -1;
	}
	return 0;
}

/* Bytes that begin a character: enough for the names that occur here; wide characters only make a line longer. */
static size_t width_of(const char *s, size_t len)
{
	size_t columns = 0;

	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			columns++;
	return columns;
}

static int put_break(struct uns_buf *b, size_t indent, struct uns_err *err)
{
	return uns_buf_printf(b, err, "\n%*s", (int)indent, "");
}

/* The text from column indent on, broken between words; ends the line. Only the text is made safe: the caller may write styles. */
static int put_wrapped(struct uns_buf *b, size_t indent, const char *text, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf safe = UNS_BUF_INIT;
	size_t column = indent;
	const char *p;

	if (uns_report_safe(text, &safe, err) < 0)
		return -1;
	p = safe.data ? safe.data : "";
	while (*p) {
		size_t blanks = strspn(p, " ");
		size_t word = strcspn(p + blanks, " ");
		size_t columns = blanks + width_of(p + blanks, word);

		if (column > indent && column + columns > COLUMNS) {
			if (put_break(b, indent, err) < 0)
				return -1;
			column = indent;
			p += blanks;
			blanks = 0;
			columns = width_of(p, word);
		}
		if (uns_buf_append(b, p, blanks + word, err) < 0)
			return -1;
		column += columns;
		p += blanks + word;
	}
	return uns_buf_puts(b, "\n", err);
}

/* ---- plan ---- */

static const struct {
	const char *kind, *there, *back;
} headings[] = {
	{ "account", "User and ranges", "User and ranges" },
	{ "subid-lines", "User and ranges", "User and ranges" },
	{ "final-newline", "User and ranges", "User and ranges" },
	{ "containers", "Engine down", "Engine up again" },
	{ "service", "Engine down", "Engine up again" },
	{ "interlock", "Engine down", "Engine up again" },
	{ "own-file", "Engine down", "Engine up again" },
	{ "json-member", "Daemon option", "Daemon option" },
	{ "env-option", "Daemon option", "Daemon option" },
	{ "validate", "Daemon option", "Daemon option" },
	{ "reload", "Daemon option", "Daemon option" },
	{ "toml-member", "Engine settings", "Engine settings" },
	{ "engine-sets", "Comparison", "Comparison" },
};

static bool is_hold_member(const struct uns_step *s)
{
	return strcmp(s->kind, "json-member") == 0 && strcmp(uns_json_str_or(s->args, "key", ""), UNS_HOLD_KEY) == 0;
}

/* The hold of the engine is a file in a drop-in directory, which is made for it, or a member of daemon.json, for which a directory may
 * be made just before and removed just after. */
static bool is_of_hold(const struct uns_plan *p, size_t i)
{
	const struct uns_step *s = &p->v[i];

	if (strcmp(s->kind, "mkdir") != 0)
		return is_hold_member(s);
	if (uns_str_starts(uns_json_str_or(s->args, "path", ""), "/etc/systemd/"))
		return true;
	return s->reverse ? i > 0 && is_hold_member(&p->v[i - 1]) : i + 1 < p->n && is_hold_member(&p->v[i + 1]);
}

static const char *heading_of(const struct uns_plan *p, size_t at)
{
	const struct uns_step *s = &p->v[at];

	if (strcmp(s->kind, "own-file") == 0 && strstr(uns_json_str_or(s->args, "file", ""), "usernsctl-options"))
		return "Daemon option";
	if (is_of_hold(p, at))
		return s->reverse ? "Engine up again" : "Engine down";
	if (strcmp(s->kind, "mkdir") == 0 && strcmp(uns_json_str_or(s->args, "path", ""), "/etc/containers") == 0)
		return "Engine settings";
	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
		if (strcmp(headings[i].kind, s->kind) == 0)
			return s->reverse ? headings[i].back : headings[i].there;
	return "Data";
}

static unsigned digits_of(size_t n)
{
	unsigned digits = 1;

	while (n >= 10) {
		n /= 10;
		digits++;
	}
	return digits;
}

/* A step of a kind that this program does not know (the plan of a newer version) is named, not refused: the caller decides. */
static int describe(const struct uns_step *s, struct uns_buf *ret, struct uns_err *err)
{
	if (!uns_kind_find(s->kind))
		return uns_buf_printf(ret, err, "step of the unknown kind \"%s\"", s->kind);
	return uns_step_describe(s, ret, err);
}

static int put_step(struct uns_buf *b, size_t number, unsigned digits, const struct uns_step *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (describe(s, &text, err) < 0 || uns_buf_printf(b, err, "  %*zu. ", (int)digits, number) < 0)
		return -1;
	return put_wrapped(b, digits + 4, text.data ? text.data : "", err);
}

static size_t largest_number(const struct uns_plan *p, const size_t *numbers)
{
	size_t largest = 0;

	if (!numbers)
		return p->n;
	for (size_t i = 0; i < p->n; i++)
		if (numbers[i] > largest)
			largest = numbers[i];
	return largest;
}

int uns_report_plan(const struct uns_plan *p, const size_t *numbers, bool color, struct uns_buf *ret, struct uns_err *err)
{
	const struct style *st = color ? &colored : &plain;
	unsigned digits = digits_of(largest_number(p, numbers));
	const char *last = NULL;

	if (uns_buf_printf(ret, err, "%sPlan: ", st->bold) < 0 || uns_report_safe(p->title ? p->title : "", ret, err) < 0 ||
	    uns_buf_printf(ret, err, ", %zu step%s%s\n", p->n, p->n == 1 ? "" : "s", st->off) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		const char *heading = heading_of(p, i);

		if ((!last || strcmp(last, heading) != 0) && uns_buf_printf(ret, err, "%s%s%s\n", st->bold, heading, st->off) < 0)
			return -1;
		last = heading;
		if (put_step(ret, numbers ? numbers[i] : i + 1, digits, &p->v[i], err) < 0)
			return -1;
	}
	return 0;
}

/* ---- findings ---- */

static const char *severity_name(enum uns_severity s)
{
	return s == UNS_ERROR ? "error" : s == UNS_WARNING ? "warning" : "info";
}

static int put_finding_head(struct uns_buf *b, const struct uns_finding *f, const struct style *st, struct uns_err *err)
{
	bool refuses = f->check->severity == UNS_ERROR && !f->ignored;
	const char *paint = refuses ? st->red : f->check->severity == UNS_INFO ? st->bold : st->yellow;

	if (uns_buf_printf(b, err, "%s%s%s: %s", paint, severity_name(f->check->severity), f->ignored ? " (ignored)" : "",
			   f->check->id) < 0)
		return -1;
	if (uns_buf_printf(b, err, "%s", st->off) < 0)
		return -1;
	if (!f->object || !*f->object)
		return uns_buf_puts(b, "\n", err);
	if (uns_buf_puts(b, ": ", err) < 0 || uns_report_safe(f->object, b, err) < 0)
		return -1;
	return uns_buf_puts(b, "\n", err);
}

static int put_labelled(struct uns_buf *b, const char *label, const char *text, struct uns_err *err)
{
	return uns_buf_puts(b, label, err) < 0 ? -1 : put_wrapped(b, strlen(label), text, err);
}

static int put_finding(struct uns_buf *b, const struct uns_finding *f, const struct style *st, struct uns_err *err)
{
	if (put_finding_head(b, f, st, err) < 0)
		return -1;
	if (f->reason && *f->reason && (uns_buf_puts(b, "    ", err) < 0 || put_wrapped(b, 4, f->reason, err) < 0))
		return -1;
	if (f->remedy && *f->remedy && !f->ignored && put_labelled(b, "    to mend it: ", f->remedy, err) < 0)
		return -1;
	return f->check->reference ? put_labelled(b, "    reference: ", f->check->reference, err) : 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct uns_finding *a = *(const struct uns_finding *const *)pa, *b = *(const struct uns_finding *const *)pb;
	int r;

	if (a->check->severity != b->check->severity)
		return a->check->severity < b->check->severity ? -1 : 1;
	r = strverscmp(a->check->id, b->check->id); /* 1.1.5 before 1.1.10 */
	return r ? r : a < b ? -1 : a > b;
}

const struct uns_finding **uns_report_order(const struct uns_findings *f, struct uns_err *err)
{
	const struct uns_finding **v = calloc(f->n + 1, sizeof(const struct uns_finding *));

	if (!v) {
		uns_err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < f->n; i++)
		v[i] = &f->v[i];
	qsort(v, f->n, sizeof(const struct uns_finding *), compare);
	return v;
}

int uns_report_findings(const struct uns_findings *f, bool color, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free const struct uns_finding **v = uns_report_order(f, err);

	for (size_t i = 0; v && i < f->n; i++)
		if (put_finding(ret, v[i], color ? &colored : &plain, err) < 0)
			return -1;
	return v ? 0 : -1;
}

/* ---- events ---- */

/* Driving a step back is what driving the reversed step there is. */
static int describe_towards(const struct uns_step *s, enum uns_side to, struct uns_buf *ret, struct uns_err *err)
{
	struct uns_step step = *s;

	if (to == UNS_BEFORE)
		step.reverse = !step.reverse;
	return describe(&step, ret, err);
}

/* NULL: not for people. */
static const char *event_prefix(const struct uns_event *e)
{
	if (strcmp(e->type, "begin") == 0)
		return "";
	if (strcmp(e->type, "skip") == 0)
		return "is so already: ";
	return strcmp(e->type, "done") == 0 && e->kept ? "left as it is: " : NULL;
}

char *uns_report_step_text(const struct uns_event *e, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (describe_towards(e->what, e->to, &text, err) < 0)
		return NULL;
	return uns_str_dup(text.data ? text.data : "", err);
}

int uns_report_event(const struct uns_event *e, size_t steps, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	const char *prefix = event_prefix(e);

	if (!prefix || !e->what)
		return 0;
	if (describe_towards(e->what, e->to, &text, err) < 0 ||
	    uns_buf_printf(ret, err, "[%*zu/%zu] %s", (int)digits_of(steps), e->step + 1, steps, prefix) < 0 ||
	    uns_report_safe(text.data ? text.data : "", ret, err) < 0)
		return -1;
	return uns_buf_puts(ret, "\n", err);
}

/* ---- JSON ---- */

json_t *uns_report_string_json(const char *s)
{
	uns_auto_free char *escaped = NULL;
	json_t *j;

	if (!s)
		return json_null();
	j = json_string(s);
	if (j)
		return j;
	escaped = uns_str_escape(s, NULL);
	return escaped ? json_string(escaped) : NULL;
}

static json_t *finding_json(const struct uns_finding *f)
{
	int status = f->check->severity == UNS_ERROR && !f->ignored ? (int)f->check->code : 0;

	/* "o" takes the reference, and a NULL makes the whole fail (and be freed). */
	return json_pack("{s:s, s:s, s:b, s:i, s:o, s:o, s:o, s:o, s:s?}", "id", f->check->id, "severity",
			 severity_name(f->check->severity), "ignored", (int)f->ignored, "exit", status, "object",
			 uns_report_string_json(f->object), "reason", uns_report_string_json(f->reason), "remedy",
			 uns_report_string_json(f->remedy), "command", uns_report_string_json(f->command), "reference",
			 f->check->reference);
}

json_t *uns_report_findings_json(const struct uns_findings *f)
{
	uns_auto_json json_t *list = json_array();
	uns_auto_free const struct uns_finding **v = uns_report_order(f, NULL);

	if (!list || !v)
		return NULL;
	for (size_t i = 0; i < f->n; i++)
		if (json_array_append_new(list, finding_json(v[i])) < 0)
			return NULL;
	return uns_take_ptr(list);
}

static json_t *warning_json(const struct uns_finding *f)
{
	uns_auto_free char *text = uns_str_printf(NULL, "%s%s: %s%s%s", f->check->id, f->ignored ? " (ignored)" : "",
						  f->object ? f->object : "", f->object && f->reason ? ": " : "",
						  f->reason ? f->reason : "");

	return text ? uns_report_string_json(text) : NULL;
}

json_t *uns_report_warnings_json(const struct uns_findings *f)
{
	uns_auto_json json_t *list = json_array();
	uns_auto_free const struct uns_finding **v = uns_report_order(f, NULL);

	if (!list || !v)
		return NULL;
	for (size_t i = 0; i < f->n; i++) {
		if (v[i]->check->severity != UNS_WARNING && !v[i]->ignored)
			continue;
		if (json_array_append_new(list, warning_json(v[i])) < 0)
			return NULL;
	}
	return uns_take_ptr(list);
}

static json_t *step_text_json(const struct uns_step *s, enum uns_side to)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err err;

	if (describe_towards(s, to, &text, &err) < 0)
		return uns_report_string_json(err.text); /* malformed args: the reason is what there is to say */
	return uns_report_string_json(text.data ? text.data : "");
}

json_t *uns_report_event_json(const struct uns_event *e)
{
	uns_auto_json json_t *j = json_pack("{s:s, s:I, s:s}", "type", e->type, "time", (json_int_t)e->time, "to",
					    e->to == UNS_BEFORE ? "before" : "after");

	if (!j || !e->what)
		return uns_take_ptr(j);
	if (json_object_set_new(j, "step", json_integer((json_int_t)e->step)) < 0 ||
	    json_object_set_new(j, "kind", uns_report_string_json(e->what->kind)) < 0 ||
	    json_object_set_new(j, "text", step_text_json(e->what, e->to)) < 0 ||
	    (e->kept && json_object_set_new(j, "kept", json_true()) < 0) ||
	    (e->result && json_object_set_new(j, "result", json_deep_copy(e->result)) < 0))
		return NULL;
	return uns_take_ptr(j);
}

json_t *uns_report_actions_json(const struct uns_plan *p)
{
	uns_auto_json json_t *list = json_array();

	if (!list)
		return NULL;
	for (size_t i = 0; i < p->n; i++)
		if (json_array_append_new(list, step_text_json(&p->v[i], UNS_AFTER)) < 0)
			return NULL;
	return uns_take_ptr(list);
}

/* "key": value, or null when the member is absent on that side. */
static json_t *member_text(const json_t *args, const char *side)
{
	const json_t *value = json_object_get(args, side);
	uns_auto_free char *dumped = NULL, *text = NULL;

	if (!value)
		return json_null();
	dumped = json_dumps(value, JSON_ENCODE_ANY);
	if (!dumped)
		return NULL;
	text = uns_str_printf(NULL, "\"%s\": %s", json_string_value(json_object_get(args, "key")), dumped);
	return text ? uns_report_string_json(text) : NULL;
}

static json_t *option_text(const json_t *args, const char *side)
{
	const json_t *values = json_object_get(args, side);
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t n = json_is_array(values) ? json_array_size(values) : json_is_string(values);

	if (json_is_true(values)) {
		if (uns_buf_printf(&b, NULL, "%s: --%s", json_string_value(json_object_get(args, "variable")),
				   json_string_value(json_object_get(args, "option"))) < 0)
			return NULL;
		return uns_report_string_json(b.data);
	}
	if (n == 0)
		return json_null();
	if (uns_buf_printf(&b, NULL, "%s:", json_string_value(json_object_get(args, "variable"))) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (uns_buf_printf(&b, NULL, " --%s=%s", json_string_value(json_object_get(args, "option")),
				   json_string_value(json_is_array(values) ? json_array_get(values, i) : values)) < 0)
			return NULL;
	return uns_report_string_json(b.data);
}

/* The lines of one side, joined by newlines; null when it has none. */
static json_t *lines_text(const json_t *args, const char *side)
{
	const json_t *lines = json_object_get(args, side);
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < json_array_size(lines); i++)
		if (uns_buf_puts(&b, i ? "\n" : "", NULL) < 0 || uns_buf_puts(&b, json_string_value(json_array_get(lines, i)), NULL) < 0)
			return NULL;
	return uns_report_string_json(b.data);
}

static json_t *toml_text(const json_t *args, const char *side)
{
	const json_t *value = json_object_get(args, side);
	uns_auto_free char *v = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL, *text = NULL;

	if (!value)
		return json_null();
	text = v ? uns_str_printf(NULL, "%s = %s", json_string_value(json_object_get(args, "key")), v) : NULL;
	return text ? uns_report_string_json(text) : NULL;
}

static json_t *ended_line(const json_t *args)
{
	uns_auto_free char *text = uns_str_printf(NULL, "%s\n", json_string_value(json_object_get(args, "line")));

	return text ? uns_report_string_json(text) : NULL;
}

/* 1 when the kind edits no text file, -1 when out of memory. */
static int diff_sides(const struct uns_step *s, json_t **ret_before, json_t **ret_after)
{
	if (strcmp(s->kind, "subid-lines") == 0) {
		*ret_before = lines_text(s->args, "before");
		*ret_after = lines_text(s->args, "after");
	} else if (strcmp(s->kind, "final-newline") == 0) {
		*ret_before = json_incref(json_object_get(s->args, "line"));
		*ret_after = ended_line(s->args);
	} else if (strcmp(s->kind, "json-member") == 0) {
		*ret_before = member_text(s->args, "before");
		*ret_after = member_text(s->args, "after");
	} else if (strcmp(s->kind, "env-option") == 0) {
		*ret_before = option_text(s->args, "before");
		*ret_after = option_text(s->args, "after");
	} else if (strcmp(s->kind, "toml-member") == 0) {
		*ret_before = toml_text(s->args, "before");
		*ret_after = toml_text(s->args, "after");
	} else if (strcmp(s->kind, "own-file") == 0) {
		*ret_before = json_is_string(json_object_get(s->args, "before")) ? json_incref(json_object_get(s->args, "before")) : json_null();
		*ret_after = json_incref(json_object_get(s->args, "content"));
	} else {
		return 1;
	}
	return *ret_before && *ret_after ? 0 : -1;
}

json_t *uns_report_diff_json(const struct uns_plan *p)
{
	uns_auto_json json_t *list = json_array();

	if (!list)
		return NULL;
	for (size_t i = 0; i < p->n; i++) {
		const struct uns_step *s = &p->v[i];
		uns_auto_json json_t *before = NULL, *after = NULL;
		int r;

		/* The args of a step of an unknown kind or a damaged one are not trusted to have these members. */
		if (!uns_kind_find(s->kind) || uns_kind_find(s->kind)->check(s->args, NULL) < 0)
			continue;
		r = diff_sides(s, &before, &after);
		if (r > 0)
			continue;
		if (r < 0 || json_array_append_new(list, json_pack("{s:O, s:O, s:O}", "file", json_object_get(s->args, "file"),
								   "before", s->reverse ? after : before, "after",
								   s->reverse ? before : after)) < 0)
			return NULL;
	}
	return uns_take_ptr(list);
}
