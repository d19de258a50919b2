/* SPDX-License-Identifier: Apache-2.0 */
/* check --expect=FILE: the document of range list --json of another host, as what this one is to have. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/vec.h"

static void expected_done(struct uns_expected *e)
{
	free(e->v);
}

static int bad_row(const char *file, size_t row, const char *why, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s: ranges[%zu]: %s", file, row, why);
}

/* Lines that give nobody a range are nobody's to expect. */
static int add_row(const char *file, size_t row, const json_t *j, struct uns_expected *to, struct uns_err *err)
{
	const char *owner = uns_json_str_or(j, "owner", NULL), *kind = uns_json_str_or(j, "kind", "");
	struct uns_expect *v;
	struct uns_range r;

	if (!owner || (strcmp(kind, "uid") != 0 && strcmp(kind, "gid") != 0))
		return bad_row(file, row, "expected an object with owner, kind (uid or gid), start and count", err);
	if (json_is_null(json_object_get(j, "start")) || json_integer_value(json_object_get(j, "count")) == 0)
		return 0;
	if (uns_json_u32(j, "start", &r.start, err) < 0 || uns_json_u32(j, "count", &r.count, err) < 0)
		return uns_err_prefix(err, "%s: ranges[%zu]", file, row);
	v = uns_vec_room(to->v, to->n, &to->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	to->v = v;
	v[to->n++] = (struct uns_expect){ owner, strcmp(kind, "gid") == 0 ? UNS_GID : UNS_UID, r };
	return 0;
}

static int read_expected(const char *file, json_t **ret_doc, struct uns_expected *to, struct uns_err *err)
{
	bool standard_input = strcmp(file, "-") == 0;
	const char *name = standard_input ? "the standard input" : file;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	const json_t *ranges;

	if (uns_run_read_file(standard_input ? NULL : file, name, &text, err) < 0 ||
	    uns_json_parse(text.data ? text.data : "", text.len, name, ret_doc, err) < 0)
		return -1;
	ranges = json_object_get(*ret_doc, "ranges");
	if (!json_is_array(ranges) || strcmp(uns_json_str_or(*ret_doc, "command", "range list"), "range list") != 0)
		return uns_err_set(err, UNS_E_INPUT, "%s: expected the document that 'usernsctl range list --json' prints on another host", name);
	for (size_t i = 0; i < json_array_size(ranges); i++)
		if (add_row(name, i, json_array_get(ranges, i), to, err) < 0)
			return -1;
	return 0;
}

/* Of the host as it is, not as a policy would make it. */
int uns_expect_check(const struct uns_run *r, struct uns_findings *findings, struct uns_err *err)
{
	uns_auto(uns_idfacts_done) struct uns_idfacts f = { .offline = false };
	uns_auto(expected_done) struct uns_expected e = { .v = NULL };
	uns_auto_json json_t *doc = NULL;

	if (!r->o->expect)
		return 0;
	if (read_expected(r->o->expect, &doc, &e, err) < 0)
		return -1;
	if (uns_idfacts_read(&r->root, &f, err) < 0)
		return uns_change_explain(err);
	return uns_ranges_expect(&f, &e, findings, err);
}
