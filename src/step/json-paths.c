/* SPDX-License-Identifier: Apache-2.0 */
/* json-paths: paths of the data root inside the containers' JSON files (config.v2.json, hostconfig.json). BEFORE are values that start
 * with ROOT/ and not with ROOT/N.M/, AFTER those that start with ROOT/U.G/: disjoint, and mapping one twice does not nest it twice.
 * The paths that the engine writes tell the side. Paths that a user wrote (binds) may lie on either side by the user's own will, so
 * they do not tell, and those that were on the far side when the leg began are recorded and left alone on the way there and back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "args.h"
#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/jsontext.h"
#include "uns/layout.h"
#include "uns/step.h"
#include "uns/sys.h"
#include "uns/tree.h"

#define STRINGS_MAX 64

struct args {
	const char *base, *into;
	const char *patterns[STRINGS_MAX], *fields[STRINGS_MAX];
	size_t n_patterns, n_fields;
};

static int strings(const json_t *j, const char *key, const char *v[STRINGS_MAX], size_t *ret_n, struct uns_err *err)
{
	json_t *array, *s;
	size_t i;

	if (uns_json_array(j, key, &array, err))
		return -1;
	if (json_array_size(array) > STRINGS_MAX)
		return uns_err_set(err, UNS_E_INPUT, "more than %d %s", STRINGS_MAX, key);
	json_array_foreach(array, i, s) {
		if (!json_is_string(s))
			return uns_err_set(err, UNS_E_INPUT, "%s: not all are strings", key);
		v[i] = json_string_value(s);
	}
	*ret_n = json_array_size(array);
	return 0;
}

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "base", &ret->base, err) || uns_json_str(j, "into", &ret->into, err) ||
	    strings(j, "patterns", ret->patterns, &ret->n_patterns, err) || strings(j, "fields", ret->fields, &ret->n_fields, err))
		return -1;
	if (!uns_layout_is_remap_dir(ret->into))
		return uns_err_set(err, UNS_E_INPUT, "into \"%s\" is not of the form UID.GID", ret->into);
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

/* One pass over all files, looking or changing. */
struct pass {
	const struct args *a;
	const char *base;   /* where the files are found */
	const char *file;   /* relative to it */
	bool change, forward;
	json_t *kept;       /* "file path=value" → true: on the far side from the start */
	bool collect;       /* fill kept, change nothing */
	size_t before, after; /* values that tell */
};

/* The length of the path part: a bind is "source:target[:options]". */
static size_t source_len(const char *path, const char *value)
{
	return uns_str_starts(path, "Binds.") ? strcspn(value, ":") : strlen(value);
}

/* Where the value's path lies. rest: what follows ROOT or ROOT/U.G. */
static enum uns_side side_of(const struct args *a, const char *path, const char *value, const char **ret_rest)
{
	size_t base = strlen(a->base), into = strlen(a->into), len = source_len(path, value);
	char name[32] = "";
	size_t n;

	if (len <= base || strncmp(value, a->base, base) || value[base] != '/')
		return UNS_FOREIGN;
	n = strcspn(value + base + 1, "/:");
	if (n == into && !strncmp(value + base + 1, a->into, into)) {
		*ret_rest = value + base + 1 + into;
		return UNS_AFTER;
	}
	if (n < sizeof(name))
		memcpy(name, value + base + 1, n);
	*ret_rest = value + base;
	return uns_layout_is_remap_dir(name) ? UNS_FOREIGN : UNS_BEFORE;
}

static bool users_own(const char *path)
{
	return uns_str_starts(path, "Binds.") || uns_str_starts(path, "Mounts.") || uns_str_starts(path, "MountPoints.");
}

static int map(void *user, const char *path, const char *value, char **ret_new, struct uns_err *err)
{
	struct pass *p = user;
	const char *rest = NULL;
	enum uns_side side = side_of(p->a, path, value, &rest);
	uns_auto_free char *key = NULL;

	*ret_new = NULL;
	if (side == UNS_FOREIGN)
		return 0;
	if (!users_own(path)) {
		p->before += side == UNS_BEFORE;
		p->after += side == UNS_AFTER;
	}
	if (!p->collect && (!p->change || side == (p->forward ? UNS_AFTER : UNS_BEFORE)))
		return 0;
	key = uns_str_printf(err, "%s %s=%s", p->file, path, value);
	if (!key)
		return -1;
	if (p->collect) {
		if (users_own(path) && side == (p->forward ? UNS_AFTER : UNS_BEFORE) && json_object_set_new(p->kept, key, json_true()))
			return uns_err_nomem(err);
		return 0;
	}
	if (p->kept && json_object_get(p->kept, key))
		return 0;
	*ret_new = p->forward ? uns_str_printf(err, "%s/%s%s", p->a->base, p->a->into, rest)
	                      : uns_str_printf(err, "%s%s", p->a->base, rest);
	return *ret_new ? 0 : -1;
}

static int one_file(struct uns_step_ctx *c, struct pass *p, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", p->base, p->file);
	uns_auto(text_done) struct text t = { 0 };
	size_t changed = 0;

	if (!path || text_read(&t, c->root, path, err))
		return -1;
	if (!t.existed || !t.old.len)
		return 0;
	if (uns_jsontext_strings(t.old.data, t.old.len, path, p->a->fields, p->a->n_fields, map, p, p->change ? &t.new : NULL,
	                         &changed, err))
		return -1;
	return p->change ? text_publish(&t, c->root, false, err) : 0;
}

static int all_files(struct uns_step_ctx *c, struct pass *p, struct uns_err *err)
{
	uns_auto(uns_tree_close) struct uns_tree tree = { .fd = -1 };
	uns_auto(uns_strs_done) struct uns_strs files = UNS_STRS_INIT;

	if (uns_args_open_base(c, p->a->base, p->a->into, &tree, err))
		return -1;
	p->base = tree.path;
	for (size_t i = 0; i < p->a->n_patterns; i++)
		if (uns_tree_glob(&tree, p->a->patterns[i], &files, NULL, err))
			return -1;
	for (size_t i = 0; i < files.n; i++) {
		p->file = files.v[i];
		if (one_file(c, p, err))
			return -1;
	}
	return 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct args a;
	struct pass p = { .a = &a };

	if (parse(c->step->args, &a, err) || all_files(c, &p, err))
		return -1;
	*ret = !p.before && !p.after ? UNS_EITHER : !p.after ? UNS_BEFORE : !p.before ? UNS_AFTER : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%zu paths of containers lie in %s, %zu in %s/%s", p.before, a.base, p.after, a.base,
		         a.into);
	return 0;
}

/* What lay on the far side, seen from where the leg began, is the user's own. Written before the first change. */
static int kept_of(struct uns_step_ctx *c, const struct args *a, json_t **ret, struct uns_err *err)
{
	int r = uns_record_read(c, false, ret, err);
	struct pass p = { .a = a, .collect = true, .forward = c->leg_start == UNS_BEFORE };
	uns_auto_json json_t *kept = NULL;

	if (r != 1)
		return r;
	p.kept = kept = json_object();
	if (!kept)
		return uns_err_nomem(err);
	if (all_files(c, &p, err) || (c->record_dir >= 0 && uns_record_write(c, kept, err)))
		return -1;
	*ret = uns_take_ptr(kept);
	return 0;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto_json json_t *kept = NULL;
	struct args a;
	struct pass p = { .a = &a, .change = true, .forward = to == UNS_AFTER };

	if (parse(c->step->args, &a, err) || kept_of(c, &a, &kept, err))
		return -1;
	p.kept = kept;
	return all_files(c, &p, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	return uns_buf_printf(ret, err, "rewrite %s%s%s to %s%s%s in the containers' JSON files", a.base, reverse ? "/" : "",
	                      reverse ? a.into : "", a.base, reverse ? "" : "/", reverse ? "" : a.into);
}

const struct uns_kind uns_kind_json_paths = { "json-paths", false, check, observe, drive, describe };
