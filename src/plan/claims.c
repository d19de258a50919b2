/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes IDs of the ranges that a plan adds. */
#include <stdlib.h>
#include <string.h>

#include "edits.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/vec.h"

void uns_added_ranges_done(struct uns_added_ranges *a)
{
	free(a->v);
	*a = (struct uns_added_ranges){0};
}

static bool has_text(const json_t *list, const char *text)
{
	size_t i;
	json_t *one;

	json_array_foreach ((json_t *)(uintptr_t)list, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
			return true;
	return false;
}

static int add_text(struct uns_added_ranges *a, enum uns_idkind kind, const char *text, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf line = UNS_BUF_INIT;
	uns_auto(uns_subid_done) struct uns_subid s = {0};
	struct uns_added_range *v;

	if (uns_buf_puts(&line, text, err) < 0 || uns_buf_puts(&line, "\n", err) < 0 || uns_subid_read(&line, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.v[i].range.count == 0)
			continue;
		v = uns_vec_room(a->v, a->n, &a->cap, sizeof(*v));
		if (!v)
			return uns_err_nomem(err);
		a->v = v;
		v[a->n++] = (struct uns_added_range){kind, s.v[i].range};
	}
	return 0;
}

int uns_plan_added_ranges(const struct uns_plan *p, struct uns_added_ranges *ret, struct uns_err *err)
{
	uns_auto(uns_added_ranges_done) struct uns_added_ranges a = {0};

	for (size_t i = 0; i < p->n; i++) {
		const struct uns_step *s = &p->v[i];
		const json_t *before = json_object_get(s->args, s->reverse ? "after" : "before");
		const json_t *after = json_object_get(s->args, s->reverse ? "before" : "after");
		bool group = strcmp(uns_json_str_or(s->args, "file", ""), UNS_SUBID_FILE(UNS_GID)) == 0;
		size_t k;
		json_t *line;

		if (strcmp(s->kind, "subid-lines") != 0)
			continue;
		json_array_foreach ((json_t *)(uintptr_t)after, k, line)
			if (json_is_string(line) && !has_text(before, json_string_value(line)) &&
			    add_text(&a, group ? UNS_GID : UNS_UID, json_string_value(line), err) < 0)
				return -1;
	}
	*ret = a;
	a = (struct uns_added_ranges){0};
	return 0;
}

static int add_claims(const struct uns_model *m, const struct uns_added_range *a, enum uns_severity severity, struct uns_strs *ret,
                      struct uns_err *err)
{
	size_t n;
	const struct uns_claim *end = uns_model_claims(m, a->kind, severity, &n);
	const struct uns_claim *c = uns_model_first(m, a->kind, a->range, severity);

	for (end += n; c && c < end && c->range.start <= uns_range_last(a->range); c++) {
		uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

		if (!uns_range_overlaps(c->range, a->range))
			continue;
		if (uns_claim_describe(m, a->kind, c, &text, err) < 0 ||
		    uns_buf_printf(&text, err, " in the %s range %u:%u", uns_id_names[a->kind], a->range.start, a->range.count) < 0 ||
		    uns_strs_add(ret, text.data, err) < 0)
			return -1;
	}
	return 0;
}

int uns_ranges_claims(const struct uns_idfacts *f, const struct uns_added_ranges *a, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_model_freep) struct uns_model *m = a->n ? uns_model_new(f, NULL, err) : NULL;

	if (a->n && !m)
		return -1;
	for (size_t i = 0; i < a->n; i++)
		if (add_claims(m, &a->v[i], UNS_ERROR, ret, err) < 0 || add_claims(m, &a->v[i], UNS_WARNING, ret, err) < 0)
			return -1;
	return 0;
}
