/* SPDX-License-Identifier: Apache-2.0 */
/* env-option: one option inside a variable of an environment file (DOCKER_OPTS="--userns-remap=x" of /etc/default/docker). Disjoint
 * as json-member: two different values, one of which may be "absent"; a third is FOREIGN. A string means the value that counts, the
 * last one, and JSON's true a bool that stands alone; an array means all values of an option that is repeated; the two forms do not
 * meet in one step, as they could both be true at once. All other bytes of the file stay. It is read as who gives it to the engine
 * reads it, a shell or systemd. */
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/option.h"
#include "uns/step.h"

struct args {
	const char *file, *variable, *option;
	const json_t *before, *after; /* NULL: absent */
	enum uns_option_reader by;
};

static bool same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

/* Of a side that is no array. */
static const char *text_of(const json_t *side)
{
	return json_is_true(side) ? "true" : json_string_value(side);
}

/* A string, true, or an array of strings with at least one. */
static int get_side(const json_t *j, const char *key, const json_t **ret, struct uns_err *err)
{
	const json_t *side = json_object_get(j, key);

	*ret = json_is_null(side) ? NULL : side;
	if (!*ret || json_is_string(side) || json_is_true(side))
		return 0;
	for (size_t i = 0; i < json_array_size(side); i++)
		if (!json_is_string(json_array_get(side, i)))
			return uns_err_set(err, UNS_E_INPUT, "%s: element %zu: expected a string", key, i + 1);
	return json_array_size(side) ? 0 : uns_err_set(err, UNS_E_INPUT, "%s: expected a string or a list of strings", key);
}

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "file", &ret->file, err) || uns_json_str(j, "variable", &ret->variable, err) ||
	    uns_json_str(j, "option", &ret->option, err) || get_side(j, "before", &ret->before, err) ||
	    get_side(j, "after", &ret->after, err))
		return -1;
	ret->by = uns_json_bool_or(j, "systemd", false) ? UNS_READ_SYSTEMD : UNS_READ_SH;
	if (ret->before && ret->after && json_is_array(ret->before) != json_is_array(ret->after))
		return uns_err_set(err, UNS_E_INPUT, "before and after: expected two strings or two lists");
	if (same(ret->before, ret->after) ||
	    (ret->before && ret->after && !json_is_array(ret->before) && strcmp(text_of(ret->before), text_of(ret->after)) == 0))
		return uns_err_set(err, UNS_E_INPUT, "before and after are the same");
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static int now(const struct text *t, const struct args *a, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	int (*read)(const char *, size_t, const char *, const char *, struct uns_strs *, unsigned *, struct uns_err *) =
	    a->by == UNS_READ_SYSTEMD ? uns_option_unit_env_words : uns_option_env_words;

	if (read(t->old.data, t->old.len, a->file, a->variable, &words, NULL, err) < 0 ||
	    uns_option_values(words.v, words.n, a->option, ret, err) < 0)
		return -1;
	return 0;
}

static bool is_at(const struct uns_strs *values, const json_t *side)
{
	if (!side || values->n == 0)
		return !side && values->n == 0;
	if (!json_is_array(side))
		return strcmp(values->v[values->n - 1], text_of(side)) == 0;
	if (json_array_size(side) != values->n)
		return false;
	for (size_t i = 0; i < values->n; i++)
		if (strcmp(values->v[i], json_string_value(json_array_get(side, i))) != 0)
			return false;
	return true;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(text_done) struct text t = {0};
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err) || now(&t, &a, &values, err))
		return -1;
	*ret = is_at(&values, a.after) ? UNS_AFTER : is_at(&values, a.before) ? UNS_BEFORE : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%s: --%s in %s is %s", a.file, a.option, a.variable,
		         values.n ? values.v[values.n - 1] : "not set");
	return 0;
}

static int edit(struct text *t, const struct args *a, const json_t *side, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;

	if (json_is_true(side))
		return uns_option_env_alone(a->by, t->old.data, t->old.len, a->file, a->variable, a->option, &t->new, err);
	if (!json_is_array(side))
		return uns_option_env_set(a->by, t->old.data, t->old.len, a->file, a->variable, a->option, json_string_value(side),
		                          &t->new, err);
	for (size_t i = 0; i < json_array_size(side); i++)
		if (uns_strs_add(&values, json_string_value(json_array_get(side, i)), err))
			return -1;
	return uns_option_env_list(a->by, t->old.data, t->old.len, a->file, a->variable, a->option, &values, &t->new, err);
}

int text_edit_env_option(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	const json_t *wanted;
	struct args a;

	if (parse(args, &a, err) || now(t, &a, &values, err))
		return -1;
	wanted = to == UNS_AFTER ? a.after : a.before;
	if (is_at(&values, wanted))
		return TEXT_SAME;
	return edit(t, &a, wanted, err) ? -1 : TEXT_NEW;
}

/* Values alone do not say how a person had quoted them. So the first leg records the file before and after its edit, and as long as
 * nobody else has edited it since, the way back gives back the very bytes. 0: t->new is they; 1: there is nothing to give back. */
static int recall(const struct uns_step_ctx *c, struct text *t, struct uns_err *err)
{
	uns_auto_json json_t *record = NULL;
	const json_t *old, *new;
	int r = uns_record_read(c, true, &record, err);

	if (r)
		return r;
	old = json_object_get(record, "old");
	new = json_object_get(record, "new");
	if (!json_is_string(old) || json_string_length(new) != t->old.len || memcmp(json_string_value(new), t->old.data, t->old.len) != 0)
		return 1;
	t->new.len = 0;
	return uns_buf_append(&t->new, json_string_value(old), json_string_length(old), err);
}

/* Text that JSON cannot hold is given back by its values. */
static int remember(const struct uns_step_ctx *c, const struct text *t, struct uns_err *err)
{
	uns_auto_json json_t *record = NULL, *there = NULL;
	int r = c->record_dir < 0 || c->leg ? 0 : uns_record_read(c, true, &there, err);

	if (r <= 0)
		return r;
	record = json_pack("{s:o, s:o}", "old", json_stringn(t->old.data ? t->old.data : "", t->old.len), "new",
	                   json_stringn(t->new.data ? t->new.data : "", t->new.len));
	return record ? uns_record_write(c, record, err) : 0;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(text_done) struct text t = {0};
	struct args a;
	int answer, r;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err))
		return -1;
	answer = text_edit_env_option(c->step->args, to, &t, err);
	if (answer < 0)
		return -1;
	if (answer == TEXT_SAME)
		return t.existed ? uns_root_clean(c->root, a.file, err) : 0;
	r = t.existed ? recall(c, &t, err) : 1;
	if (r < 0 || (r && remember(c, &t, err)))
		return -1;
	return text_publish(&t, c->root, false, err);
}

static int describe_values(const struct args *a, const json_t *side, struct uns_buf *ret, struct uns_err *err)
{
	size_t n = json_is_array(side) ? json_array_size(side) : 1;

	if (json_is_true(side))
		return uns_buf_printf(ret, err, "--%s", a->option);
	for (size_t i = 0; i < n; i++)
		if (uns_buf_printf(ret, err, "%s--%s=%s", i ? " " : "", a->option,
		                   json_string_value(json_is_array(side) ? json_array_get(side, i) : side)))
			return -1;
	return 0;
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	const json_t *side;
	struct args a;

	if (parse(j, &a, err))
		return -1;
	side = reverse ? a.before : a.after;
	if (!side)
		return uns_buf_printf(ret, err, "remove --%s from %s in %s", a.option, a.variable, a.file);
	if (uns_buf_puts(ret, "set ", err) || describe_values(&a, side, ret, err))
		return -1;
	return uns_buf_printf(ret, err, " in %s of %s", a.variable, a.file);
}

const struct uns_kind uns_kind_env_option = {"env-option", false, check, observe, drive, describe};
