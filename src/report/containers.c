/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the containers: a block for each verdict, the worst last. */
#include <string.h>

#include "uns/cleanup.h"
#include "uns/report.h"

#define COLUMNS 80u
#define NAME_MAX_COLUMNS 28u

static const char *const headings[UNS_FATES] = {"work unchanged", "work after the migration of what they mount", "need --userns=host",
                                                "cannot work"};

/* Words with their commas, from column *at on; what does not fit goes on at the indent. */
static int put_word(struct uns_buf *b, const char *word, bool last, size_t indent, size_t *at, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf safe = UNS_BUF_INIT;
	size_t len;

	if (uns_report_safe(word, &safe, err) < 0)
		return -1;
	len = safe.len + !last;
	if (*at > indent && *at + 1 + len > COLUMNS) {
		if (uns_buf_printf(b, err, "\n%*s", (int)indent, "") < 0)
			return -1;
		*at = indent;
	} else if (*at > indent) {
		if (uns_buf_puts(b, " ", err) < 0)
			return -1;
		++*at;
	}
	*at += len;
	return uns_buf_printf(b, err, "%s%s", safe.data ? safe.data : "", last ? "" : ",");
}

static const char *name_of(const struct uns_verdict *v)
{
	return *v->container->name ? v->container->name : v->container->id;
}

static size_t count(const struct uns_verdicts *l, enum uns_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].fate == fate;
	return n;
}

/* "web", or "web (--userns=host, /proc)" with what is to be known of it all the same. */
static int put_name(struct uns_buf *b, const struct uns_verdict *v, bool last, size_t *at, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf name = UNS_BUF_INIT;

	if (uns_buf_puts(&name, name_of(v), err) < 0)
		return -1;
	for (size_t i = 0; i < v->reasons; i++)
		if (uns_buf_printf(&name, err, "%s%s", i ? ", " : " (", v->reason[i].what) < 0)
			return -1;
	if (v->reasons && uns_buf_puts(&name, ")", err) < 0)
		return -1;
	return put_word(b, name.data, last, 2, at, err);
}

static int put_names(struct uns_buf *b, const struct uns_verdicts *l, enum uns_fate fate, size_t left, struct uns_err *err)
{
	size_t at = 2;

	if (uns_buf_puts(b, "  ", err) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].fate == fate && put_name(b, &l->v[i], --left == 0, &at, err) < 0)
			return -1;
	return uns_buf_puts(b, "\n", err);
}

static size_t name_columns(const struct uns_verdicts *l)
{
	size_t most = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t len = strlen(name_of(&l->v[i]));

		if (l->v[i].fate != UNS_FATE_WORKS && len <= NAME_MAX_COLUMNS && len > most)
			most = len;
	}
	return most;
}

static int put_why(struct uns_buf *b, const struct uns_verdict *v, size_t columns, struct uns_err *err)
{
	size_t indent = columns + 4, at = 2 + strlen(name_of(v)), n = 0;

	if (uns_buf_puts(b, "  ", err) < 0 || uns_report_safe(name_of(v), b, err) < 0)
		return -1;
	if (at + 2 > indent ? uns_buf_printf(b, err, "\n%*s", (int)indent, "") < 0 : uns_buf_printf(b, err, "%*s", (int)(indent - at), "") < 0)
		return -1;
	at = indent;
	for (size_t i = 0; i < v->reasons; i++)
		n += v->reason[i].fate != UNS_FATE_WORKS;
	for (size_t i = 0; i < v->reasons; i++)
		if (v->reason[i].fate != UNS_FATE_WORKS && put_word(b, v->reason[i].what, --n == 0, indent, &at, err) < 0)
			return -1;
	return uns_buf_puts(b, "\n", err);
}

int uns_report_containers(const struct uns_verdicts *l, bool color, struct uns_buf *ret, struct uns_err *err)
{
	const char *bold = color ? "\033[1m" : "", *off = color ? "\033[0m" : "";
	size_t columns = name_columns(l);

	for (int fate = UNS_FATE_WORKS; fate < UNS_FATES; fate++) {
		size_t n = count(l, fate);

		if (n == 0)
			continue;
		if (uns_buf_printf(ret, err, "%sContainers that %s: %zu%s\n", bold, headings[fate], n, off) < 0)
			return -1;
		if (fate == UNS_FATE_WORKS && put_names(ret, l, fate, n, err) < 0)
			return -1;
		for (size_t i = 0; fate != UNS_FATE_WORKS && i < l->n; i++)
			if ((int)l->v[i].fate == fate && put_why(ret, &l->v[i], columns, err) < 0)
				return -1;
	}
	return 0;
}

/* ---- JSON ---- */

static json_t *reasons_json(const struct uns_verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < v->reasons; i++) {
		const struct uns_reason *r = &v->reason[i];
		json_t *one = json_pack("{s:s, s:o, s:o, s:o, s:o}", "finding", r->check, "what", uns_report_string_json(r->what), "reason",
		                        uns_report_string_json(r->text), "remedy", uns_report_string_json(r->remedy),
		                        "command", uns_report_string_json(r->command));

		if (json_array_append_new(list, one) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *uns_report_containers_json(const struct uns_verdicts *l)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < l->n; i++) {
		const struct uns_verdict *v = &l->v[i];
		json_t *one = json_pack("{s:o, s:o, s:s, s:o}", "name", uns_report_string_json(v->container->name), "id",
		                        uns_report_string_json(v->container->id), "verdict", uns_fate_names[v->fate], "reasons", reasons_json(v));

		if (json_array_append_new(list, one) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
