/* SPDX-License-Identifier: Apache-2.0 */
/* The plan document. See uns/plandoc.h. */
#include "uns/plandoc.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/str.h"

void uns_plan_done(struct uns_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].kind);
		json_decref(p->v[i].args);
	}
	free(p->v);
	free(p->title);
	memset(p, 0, sizeof *p);
}

int uns_plan_set_title(struct uns_plan *p, const char *title, struct uns_err *err)
{
	char *copy = uns_str_dup(title, err);
	if (!copy)
		return -1;
	free(p->title);
	p->title = copy;
	return 0;
}

static int grow(struct uns_plan *p, struct uns_err *err)
{
	size_t cap = p->cap ? 2 * p->cap : 16;
	struct uns_step *v;

	if (p->n < p->cap)
		return 0;
	v = reallocarray(p->v, cap, sizeof *v);
	if (!v)
		return uns_err_nomem(err);
	p->v = v;
	p->cap = cap;
	return 0;
}

int uns_plan_add(struct uns_plan *p, const char *kind, bool reverse, json_t *args, struct uns_err *err)
{
	uns_auto_json json_t *own = args;
	uns_auto_free char *name = NULL;

	if (!own)
		return uns_err_nomem(err);
	if (!json_is_object(own))
		return uns_err_set(err, UNS_E_FAILED, "step %zu (%s): the arguments are no object", p->n + 1, kind);
	name = uns_str_dup(kind, err);
	if (!name || grow(p, err))
		return -1;
	p->v[p->n++] = (struct uns_step){ .kind = uns_take_ptr(name), .reverse = reverse, .args = uns_take_ptr(own) };
	return 0;
}

static json_t *step_to_json(const struct uns_step *s)
{
	json_t *j = json_pack("{s:s}", "kind", s->kind);
	if (j && s->reverse && json_object_set_new(j, "reverse", json_true())) {
		json_decref(j);
		return NULL;
	}
	if (j && json_object_set(j, "args", s->args)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

json_t *uns_plan_to_json(const struct uns_plan *p)
{
	uns_auto_json json_t *j = json_pack("{s:i}", "version", UNS_PLAN_VERSION);
	json_t *steps = json_array();

	if (!j || !steps || (p->title && json_object_set_new(j, "title", json_string(p->title)))) {
		json_decref(steps);
		return NULL;
	}
	if (json_object_set_new(j, "steps", steps))
		return NULL;
	for (size_t i = 0; i < p->n; i++)
		if (json_array_append_new(steps, step_to_json(&p->v[i])))
			return NULL;
	return uns_take_ptr(j);
}

/* A step is carried out as root: a member that we do not know ("revers") must not be passed over. */
static int check_members(json_t *step, struct uns_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach (step, key, value) {
		if (strcmp(key, "kind") == 0 || strcmp(key, "args") == 0)
			continue;
		if (strcmp(key, "reverse") != 0)
			return uns_err_set(err, UNS_E_INPUT, "unknown member \"%.100s\"; expected kind, reverse, args", key);
		if (!json_is_boolean(value))
			return uns_err_set(err, UNS_E_INPUT, "member \"reverse\": expected true or false");
	}
	return 0;
}

static int step_from_json(json_t *j, struct uns_plan *p, struct uns_err *err)
{
	const char *kind;
	json_t *args = json_object_get(j, "args");

	if (!json_is_object(j))
		return uns_err_set(err, UNS_E_INPUT, "expected an object with the members kind, reverse, args");
	if (check_members(j, err) || uns_json_str(j, "kind", &kind, err))
		return -1;
	if (!json_is_object(args))
		return uns_err_set(err, UNS_E_INPUT, "member \"args\": expected an object");
	return uns_plan_add(p, kind, uns_json_bool_or(j, "reverse", false), json_incref(args), err);
}

/* "made_fro" would carry the plan out without a look at the host. */
static int check_plan_members(const json_t *j, struct uns_err *err)
{
	static const char *const names[] = { "version", "title", "steps", "made_for" };
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)j, key, value) {
		size_t i = 0;

		while (i < sizeof(names) / sizeof(names[0]) && strcmp(key, names[i]) != 0)
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return uns_err_set(err, UNS_E_INPUT, "unknown member \"%.100s\"; expected version, title, steps, made_for", key);
	}
	return 0;
}

static int check_version(const json_t *j, struct uns_err *err)
{
	uint32_t version;

	if (!json_is_object(j))
		return uns_err_set(err, UNS_E_INPUT, "a plan is an object with the members version, title, steps");
	if (uns_json_u32(j, "version", &version, err))
		return -1;
	if (version != UNS_PLAN_VERSION)
		return uns_err_set(err, UNS_E_INPUT, "this is a plan of version %u; expected version %d, make the plan anew",
		                   version, UNS_PLAN_VERSION);
	return 0;
}

static int title_from_json(const json_t *j, struct uns_plan *p, struct uns_err *err)
{
	const char *title = "";

	if (json_object_get(j, "title") && uns_json_str(j, "title", &title, err))
		return -1;
	return uns_plan_set_title(p, title, err);
}

int uns_plan_from_json(const json_t *j, const char *file, struct uns_plan *ret, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan p = { NULL, NULL, 0, 0 };
	json_t *steps;

	if (check_version(j, err) || check_plan_members(j, err) || title_from_json(j, &p, err) || uns_json_array(j, "steps", &steps, err))
		return uns_err_prefix(err, "%s", file);
	for (size_t i = 0; i < json_array_size(steps); i++)
		if (step_from_json(json_array_get(steps, i), &p, err))
			return uns_err_prefix(err, "%s: step %zu", file, i + 1);
	*ret = p;
	memset(&p, 0, sizeof p);
	return 0;
}
