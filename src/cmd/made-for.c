/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan that is saved was made for: the facts of the host that it relies on, as a member of its document. Before it is carried out
 * they are read again, and what differs is named. Steps look at their own fact by themselves; here is what no step looks at: lines and
 * accounts of others that a range must keep clear of, options that decide what the engine does with a tree, IDs on files. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/ranges.h"
#include "uns/report.h"

#define TEXT_MAX (64u << 20)

/* ---- files ---- */

/* Length and FNV-1a, 64 bit, of the text: nobody is to be deceived, only a change to be seen. */
static json_t *print_of(const char *text, size_t len)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
	return json_sprintf("%zu:%016" PRIx64, len, hash);
}

static int add_file(const struct uns_run *r, const char *path, json_t *files, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int rc;

	if (json_object_get(files, path))
		return 0;
	rc = uns_root_read(&r->root, path, TEXT_MAX, &text, NULL, err);
	if (rc < 0)
		return -1;
	return json_object_set_new(files, path, rc > 0 ? json_null() : print_of(text.data ? text.data : "", text.len)) < 0 ?
		       uns_err_nomem(err) : 0;
}

static json_t *files_of_plan(const struct uns_run *r, const struct uns_plan *p, struct uns_err *err)
{
	static const char *const always[] = { "/etc/subuid", "/etc/subgid" };
	uns_auto_json json_t *files = json_object();

	for (size_t i = 0; i < 2; i++)
		if (add_file(r, always[i], files, err) < 0)
			return NULL;
	for (size_t i = 0; i < p->n; i++) {
		const char *file = uns_json_str_or(p->v[i].args, "file", NULL);

		if (file && uns_change_lasts(p, i) && add_file(r, file, files, err) < 0)
			return NULL;
	}
	return uns_take_ptr(files);
}

static json_t *same_files(const struct uns_run *r, json_t *old, struct uns_err *err)
{
	uns_auto_json json_t *files = json_object();
	const char *path;
	json_t *value;

	json_object_foreach (old, path, value)
		if (add_file(r, path, files, err) < 0)
			return NULL;
	return uns_take_ptr(files);
}

/* ---- the engine ---- */

/* Each option: its values and where they stand. */
static json_t *options_json(const struct uns_facts *f)
{
	uns_auto_json json_t *options = json_object();

	for (size_t i = 0; i < f->options.n; i++) {
		const struct uns_setting *s = &f->options.v[i];
		json_t *list = json_object_get(options, s->key);

		if (!list && json_object_set_new(options, s->key, list = json_array()) < 0)
			return NULL;
		if (json_array_append_new(list, json_pack("{s:o, s:O?}", "file", uns_report_string_json(s->file), "value", s->json)) < 0)
			return NULL;
	}
	return uns_take_ptr(options);
}

static json_t *names_json(const struct uns_strs *l)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		if (json_array_append_new(list, uns_report_string_json(l->v[i])) < 0)
			return NULL;
	return uns_take_ptr(list);
}

static json_t *engine_json(const struct uns_facts *f)
{
	return json_pack("{s:o, s:o, s:b, s:i, s:o, s:o}", "data_root", uns_report_string_json(f->data_root), "tree",
			 uns_report_string_json(f->active_dir), "running", (int)f->running, "manager", (int)f->manager, "drivers",
			 names_json(&f->flat.drivers), "options", options_json(f));
}

/* ---- the census ---- */

static json_t *range_json(struct uns_range r)
{
	return json_pack("[I, I]", (json_int_t)r.start, (json_int_t)r.count);
}

static json_t *blocks_json(const struct uns_rangeset *s)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(list, json_integer((json_int_t)s->v[i].range.start)) < 0)
			return NULL;
	return uns_take_ptr(list);
}

/* What refuses, and which IDs are in use. How many files there are changes all the time, and no plan relies on it. */
static json_t *census_json(const struct uns_facts *f, const struct uns_shift *s, bool nested)
{
	const struct uns_census *c = &f->census;

	if (!f->have_census || !s)
		return json_null();
	return json_pack("{s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "nested", (int)nested, "uid", range_json(s->uid), "gid",
			 range_json(s->gid), "unmapped", (json_int_t)c->unmapped.n, "in_target", (json_int_t)c->in_target.n, "outside",
			 (json_int_t)c->outside.n, "symlinks", (json_int_t)c->symlinks.n, "uid_blocks", blocks_json(&c->uid_blocks),
			 "gid_blocks", blocks_json(&c->gid_blocks));
}

/* ---- the ranges ---- */

/* Whose IDs lie in the ranges that the plan adds: nobody's, but for what was ignored when it was made, or is the owner's own. */
static json_t *claims_of_plan(const struct uns_run *r, const struct uns_plan *p, struct uns_err *err)
{
	uns_auto(uns_added_ranges_done) struct uns_added_ranges added = { .n = 0 };
	uns_auto(uns_idfacts_done) struct uns_idfacts f = { .offline = false };
	uns_auto(uns_strs_done) struct uns_strs claims = UNS_STRS_INIT;
	json_t *list;

	if (uns_plan_added_ranges(p, &added, err) < 0 || (added.n > 0 && uns_idfacts_read(&r->root, &f, err) < 0))
		return NULL;
	for (size_t i = 0; i < added.n; i++) {
		const struct uns_shift both = { added.v[i].range, added.v[i].range };
		size_t found;

		if (uns_probe_shift(r, &f, &both, &found, err) < 0)
			return NULL;
	}
	if (uns_ranges_claims(&f, &added, &claims, err) < 0)
		return NULL;
	list = names_json(&claims);
	if (!list)
		uns_err_nomem(err);
	return list;
}

/* Those who were not there. */
static int name_claims(const json_t *old, const json_t *now, struct uns_buf *to, struct uns_err *err)
{
	uns_auto_json json_t *known = json_object();
	size_t i;
	json_t *one;

	json_array_foreach ((json_t *)(uintptr_t)old, i, one)
		if (json_object_set_new(known, json_is_string(one) ? json_string_value(one) : "", json_true()) < 0)
			return uns_err_nomem(err);
	json_array_foreach ((json_t *)(uintptr_t)now, i, one)
		if (!json_object_get(known, json_string_value(one)) &&
		    uns_buf_printf(to, err, "%s%s", to->len ? ", " : "", json_string_value(one)) < 0)
			return -1;
	return 0;
}

json_t *uns_made_for(const struct uns_run *r, const struct uns_plan *p, const struct uns_planned *planned, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL, *files = files_of_plan(r, p, err), *claims = files ? claims_of_plan(r, p, err) : NULL;
	bool engine = planned && planned->facts.data_root;

	if (!claims)
		return NULL;
	j = json_pack("{s:O, s:O, s:o, s:o}", "files", files, "claims", claims, "engine", engine ? engine_json(&planned->facts) : json_null(), "census",
		      engine ? census_json(&planned->facts, planned->have_shift ? &planned->shift : NULL,
					   r->o->request.command == UNS_DISABLE) : json_null());
	if (!j)
		uns_err_nomem(err);
	return uns_take_ptr(j);
}

/* ---- the same again ---- */

static int malformed(const struct uns_run *r, const char *what, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s: member \"made_for\": %s; make the plan anew", r->o->policy.name, what);
}

static int range_from(const json_t *j, struct uns_range *ret)
{
	json_int_t start, count;

	if (json_unpack((json_t *)(uintptr_t)j, "[I, I!]", &start, &count) < 0 || start < 0 || count < 0 || start > UINT32_MAX ||
	    count > UINT32_MAX)
		return -1;
	*ret = (struct uns_range){ (uint32_t)start, (uint32_t)count };
	return 0;
}

/* The facts as they were read for the plan, but as they are now. */
static json_t *again(const struct uns_run *r, const json_t *old, struct uns_err *err)
{
	const json_t *engine = json_object_get(old, "engine"), *census = json_object_get(old, "census");
	uns_auto(uns_facts_done) struct uns_facts f = { 0 };
	uns_auto_json json_t *files = NULL, *j = NULL;
	struct uns_shift shift;
	struct uns_facts_want want = { .options_only = !json_is_object(census) };

	if (json_is_object(census)) {
		if (range_from(json_object_get(census, "uid"), &shift.uid) < 0 || range_from(json_object_get(census, "gid"), &shift.gid) < 0) {
			malformed(r, "expected ranges", err);
			return NULL;
		}
		want = (struct uns_facts_want){ .census = true, .nested = json_is_true(json_object_get(census, "nested")), .shift = &shift };
	}
	files = same_files(r, json_object_get(old, "files"), err);
	if (!files || (json_is_object(engine) && uns_facts_read(&r->root, &want, &f, err) < 0))
		return NULL;
	j = json_pack("{s:O, s:o, s:o}", "files", files, "engine", json_is_object(engine) ? engine_json(&f) : json_null(), "census",
		      json_is_object(census) ? census_json(&f, &shift, want.nested) : json_null());
	if (!j)
		uns_err_nomem(err);
	return uns_take_ptr(j);
}

/* Members as people know them. */
static const char *name_of(const char *key)
{
	static const char *const names[][2] = {
		{ "data_root", "the data root of the engine" },
		{ "tree", "the tree that the engine uses" },
		{ "running", "whether the engine runs" },
		{ "manager", "what starts the engine" },
		{ "drivers", "the storage drivers" },
		{ "census", "where the data is" },
		{ "unmapped", "files with IDs that the range does not hold" },
		{ "in_target", "files with IDs of the range" },
		{ "outside", "files with names outside of the data root" },
		{ "symlinks", "symbolic links in place of directories" },
		{ "uid_blocks", "the user IDs of files" },
		{ "gid_blocks", "the group IDs of files" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(key, names[i][0]) == 0)
			return names[i][1];
	return key;
}

static int name_one(struct uns_buf *to, const char *what, const char *key, struct uns_err *err)
{
	const char *name = name_of(key);

	/* Keys of options and paths of files are names already. */
	return uns_buf_printf(to, err, "%s%s%s", to->len ? ", " : "", name == key ? what : "", name);
}

/* Members that are not equal, and those that only one of the two has. */
static int name_members(const json_t *old, const json_t *new, const char *what, struct uns_buf *to, struct uns_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)old, key, value) {
		json_t *now = json_object_get(new, key);

		if (json_is_object(value) && json_is_object(now)) {
			if (name_members(value, now, strcmp(key, "options") == 0 ? "the option " : "the text of ", to, err) < 0)
				return -1;
		} else if (!json_equal(value, now) && name_one(to, what, key, err) < 0) {
			return -1;
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)new, key, value)
		if (!json_object_get(old, key) && name_one(to, what, key, err) < 0)
			return -1;
	return 0;
}

static int check_members(const struct uns_run *r, const json_t *old, struct uns_err *err)
{
	if (!json_is_object(old) || json_object_size(old) != 4 || !json_is_object(json_object_get(old, "files")) ||
	    !json_is_array(json_object_get(old, "claims")) || !json_object_get(old, "engine") || !json_object_get(old, "census"))
		return malformed(r, "expected an object with files, claims, engine and census", err);
	return 0;
}

int uns_made_for_check(const struct uns_run *r, const struct uns_plan *p, const json_t *made_for, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *old = NULL, *now = NULL, *claims = NULL;

	if (!made_for)
		return 0;
	if (check_members(r, made_for, err) < 0)
		return -1;
	now = again(r, made_for, err);
	claims = now ? claims_of_plan(r, p, err) : NULL;
	if (!claims)
		return err->code == UNS_E_INPUT ? -1 : uns_change_explain(err);
	old = json_copy((json_t *)(uintptr_t)made_for);
	if (!old || json_object_del(old, "claims") < 0)
		return uns_err_nomem(err);
	if (name_members(old, now, "", &text, err) < 0 || name_claims(json_object_get(made_for, "claims"), claims, &text, err) < 0)
		return -1;
	if (text.len == 0)
		return 0;
	return uns_err_set(err, UNS_E_CONFLICT, "%s was made for a host that was different, so nothing was done; changed since: %s; make the plan "
			   "anew", r->o->policy.name, text.data);
}
