/* SPDX-License-Identifier: Apache-2.0 */
/* engine-sets: – → the running engine has this data root, this remapping and lists at least these (a bracket: nothing of it is
 * kept). Disjoint: there are no two states to mix up; observing always says EITHER, and driving to AFTER is the check, which
 * changes nothing. */
#include <string.h>

#include "args.h"
#include "engine.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"

#define NAMED_MAX 10

/* How the engine lists each set: where, which member holds the array (NULL: the answer itself), and by which members a thing is
 * known; a name may stand in an array, and begin with '/'. */
struct set {
	const char *arg, *path, *member;
	const char *keys[3];
};
static const struct set sets[] = {
    {"images", "/images/json?all=1", NULL, {"Id", "RepoTags", NULL}},
    {"containers", "/containers/json?all=1", NULL, {"Id", "Names", NULL}},
    {"volumes", "/volumes", "Volumes", {"Name", NULL}},
    {"networks", "/networks", NULL, {"Id", "Name", NULL}},
};
#define SETS (sizeof(sets) / sizeof(sets[0]))

struct missing {
	struct uns_buf names;
	size_t n, named;
	size_t of[SETS];
};

static int engine_sets_check(const json_t *args, struct uns_err *err)
{
	const char *path;

	if (uns_args_path(args, "socket", &path, err) || uns_args_path(args, "data_root", &path, err))
		return -1;
	if (!json_is_boolean(json_object_get(args, "userns")))
		return uns_err_set(err, UNS_E_INPUT, "userns: expected true or false");
	for (size_t i = 0; i < SETS; i++) {
		json_t *list;

		if (uns_json_array(args, sets[i].arg, &list, err))
			return -1;
		for (size_t k = 0; k < json_array_size(list); k++)
			if (!json_is_string(json_array_get(list, k)))
				return uns_err_set(err, UNS_E_INPUT, "%s: element %zu: expected a string", sets[i].arg, k + 1);
	}
	return 0;
}

static int engine_sets_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	(void)c;
	(void)err;
	*ret = UNS_EITHER;
	return 0;
}

/* ---- /info ---- */

static bool same_path(const struct uns_root *root, const char *a, const char *b)
{
	uns_auto_free char *real_a = NULL, *real_b = NULL;

	if (!strcmp(a, b))
		return true;
	if (*a != '/' || *b != '/')
		return false;
	real_a = uns_root_resolve(root, a, NULL);
	real_b = uns_root_resolve(root, b, NULL);
	return real_a && real_b && !strcmp(real_a, real_b);
}

/* "name=userns", or with further fields "name=userns,…". */
static bool has_userns(const json_t *info)
{
	const json_t *options = json_object_get(info, "SecurityOptions");

	for (size_t i = 0; i < json_array_size(options); i++) {
		const char *s = json_string_value(json_array_get(options, i));

		if (s && (!strcmp(s, "name=userns") || uns_str_starts(s, "name=userns,")))
			return true;
	}
	return false;
}

static int check_info(struct uns_step_ctx *c, const char *socket, struct uns_err *err)
{
	uns_auto_json json_t *info = NULL;
	const char *want, *have;
	bool userns = json_is_true(json_object_get(c->step->args, "userns"));

	if (uns_args_path(c->step->args, "data_root", &want, err) || uns_engine_get(c->root, socket, "/info", &info, err))
		return -1;
	have = uns_json_str_or(info, "DockerRootDir", "");
	if (!same_path(c->root, have, want))
		return uns_err_set(err, UNS_E_FAILED, "the engine at %s uses the data root %s, expected %s: see how it was started",
		                   socket, have, want);
	if (c->leg || has_userns(info) == userns)
		return 0;
	return uns_err_set(err, UNS_E_FAILED,
	                   "the engine at %s runs %s user namespaces, expected it %s them: see how it was started", socket,
	                   userns ? "without" : "with", userns ? "with" : "without");
}

/* ---- what it lists ---- */

static int note_name(json_t *known, const json_t *name, struct uns_err *err)
{
	const char *s = json_string_value(name);

	if (!s)
		return 0;
	return json_object_set_new(known, *s == '/' ? s + 1 : s, json_true()) ? uns_err_nomem(err) : 0;
}

/* The names and IDs of everything in the list, as the keys of an object. */
static int note_all(const struct set *set, const json_t *list, json_t *known, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (const char *const *key = set->keys; *key; key++) {
			const json_t *v = json_object_get(json_array_get(list, i), *key);

			if (note_name(known, v, err))
				return -1;
			for (size_t k = 0; k < json_array_size(v); k++)
				if (note_name(known, json_array_get(v, k), err))
					return -1;
		}
	}
	return 0;
}

/* IDs shortened as engines show them. */
static int add_missing(struct missing *m, size_t which, const char *name, struct uns_err *err)
{
	int len = uns_str_starts(name, "sha256:") ? 19 : strlen(name) == 64 ? 12 : 64;

	m->n++;
	m->of[which]++;
	if (m->named >= NAMED_MAX)
		return 0;
	m->named++;
	return uns_buf_printf(&m->names, err, "%s%.*s", m->names.len ? ", " : "", len, name);
}

static int check_set(struct uns_step_ctx *c, const char *socket, size_t which, struct missing *m, struct uns_err *err)
{
	const struct set *set = &sets[which];
	uns_auto_json json_t *answer = NULL, *known = json_object();
	json_t *want;

	if (!known)
		return uns_err_nomem(err);
	if (uns_json_array(c->step->args, set->arg, &want, err))
		return -1;
	if (!json_array_size(want))
		return 0;
	if (uns_engine_get(c->root, socket, set->path, &answer, err) ||
	    note_all(set, set->member ? json_object_get(answer, set->member) : answer, known, err))
		return -1;
	for (size_t i = 0; i < json_array_size(want); i++) {
		const char *name = json_string_value(json_array_get(want, i));

		if (name && !json_object_get(known, name) && add_missing(m, which, name, err))
			return -1;
	}
	return 0;
}

static void missing_done(struct missing *m)
{
	uns_buf_done(&m->names);
}

static int tell_missing(const struct uns_step_ctx *c, const struct missing *m, const char *counts, struct uns_err *err)
{
	uns_auto_free char *text = uns_str_printf(err, "the engine does not list %s that it had when this began: %.700s%s", counts,
	                                          m->names.data, m->n > m->named ? ", …" : "");

	if (text && c->tell)
		c->tell(c->tell_user, text);
	return text ? 0 : -1;
}

static int check_sets(struct uns_step_ctx *c, const char *socket, struct uns_err *err)
{
	uns_auto(missing_done) struct missing m = {0};
	uns_auto(uns_buf_done) struct uns_buf counts = UNS_BUF_INIT;

	for (size_t i = 0; i < SETS; i++)
		if (check_set(c, socket, i, &m, err))
			return -1;
	if (!m.n)
		return 0;
	for (size_t i = 0; i < SETS; i++)
		if (m.of[i] && uns_buf_printf(&counts, err, "%s%zu of %zu %s", counts.len ? ", " : "", m.of[i],
		                              json_array_size(json_object_get(c->step->args, sets[i].arg)), sets[i].arg))
			return -1;
	/* On the way back they may have been removed with good reason since, and the way home must not end here. */
	if (c->step->reverse)
		return tell_missing(c, &m, counts.data, err);
	return uns_err_set(err, UNS_E_FAILED,
	                   "the engine does not list %s that it had before: %.700s%s; roll back, nothing is lost on disk",
	                   counts.data, m.names.data, m.n > m.named ? ", …" : "");
}

static int engine_sets_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	const char *socket;

	if (to != UNS_AFTER)
		return 0;
	if (uns_args_path(c->step->args, "socket", &socket, err) || uns_engine_wait(c->root, socket, UNS_ENGINE_START_MS, NULL, NULL, err) ||
	    check_info(c, socket, err))
		return -1;
	/* Later, things may have been removed with good reason. */
	return c->leg ? 0 : check_sets(c, socket, err);
}

static int engine_sets_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	const char *data_root;
	bool userns = json_is_true(json_object_get(args, "userns"));

	if (uns_args_path(args, "data_root", &data_root, err))
		return -1;
	if (reverse)
		return uns_buf_printf(ret, err, "remember what the engine on %s lists, for a way back", data_root);
	if (uns_buf_printf(ret, err, "check that the engine runs on %s %s user namespaces and lists", data_root,
	                   userns ? "with" : "without"))
		return -1;
	for (size_t i = 0; i < SETS; i++)
		if (uns_buf_printf(ret, err, "%s %zu %s", i ? "," : "", json_array_size(json_object_get(args, sets[i].arg)),
		                   sets[i].arg))
			return -1;
	return 0;
}

const struct uns_kind uns_kind_engine_sets = {
    .name = "engine-sets",
    .bracket = true,
    .check = engine_sets_check,
    .observe = engine_sets_observe,
    .drive = engine_sets_drive,
    .describe = engine_sets_describe,
};
