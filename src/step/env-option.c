/* SPDX-License-Identifier: Apache-2.0 */
/* env-option: one option inside a variable of an environment file (DOCKER_OPTS="--userns-remap=x" of /etc/default/docker). Disjoint as
 * json-member: two different values, one of which may be "absent"; a third is FOREIGN. All other bytes of the file stay. */
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/option.h"
#include "uns/step.h"

struct args {
	const char *file, *variable, *option;
	const char *before, *after; /* NULL: absent */
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "file", &ret->file, err) || uns_json_str(j, "variable", &ret->variable, err) ||
	    uns_json_str(j, "option", &ret->option, err))
		return -1;
	ret->before = uns_json_str_or(j, "before", NULL);
	ret->after = uns_json_str_or(j, "after", NULL);
	if (same(ret->before, ret->after))
		return uns_err_set(err, UNS_E_INPUT, "before and after are the same");
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

/* *ret: heap string or NULL when the option is not set. */
static int now(const struct text *t, const struct args *a, char **ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	char *value = NULL;
	unsigned line;

	if (uns_option_env_words(t->old.data, t->old.len, a->file, a->variable, &words, &line, err) < 0 ||
	    uns_option_argv(words.v, words.n, a->option, &value, err) < 0)
		return -1;
	*ret = value;
	return 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	uns_auto_free char *value = NULL;
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err) || now(&t, &a, &value, err))
		return -1;
	*ret = same(value, a.after) ? UNS_AFTER : same(value, a.before) ? UNS_BEFORE : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%s: --%s in %s is %s", a.file, a.option, a.variable, value ? value : "not set");
	return 0;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	uns_auto_free char *value = NULL;
	const char *wanted;
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err) || now(&t, &a, &value, err))
		return -1;
	wanted = to == UNS_AFTER ? a.after : a.before;
	if (same(value, wanted))
		return t.existed ? uns_root_clean(c->root, a.file, err) : 0;
	if (uns_option_env_set(t.old.data, t.old.len, a.file, a.variable, a.option, wanted, &t.new, err))
		return -1;
	return text_publish(&t, c->root, false, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	const char *value;
	struct args a;

	if (parse(j, &a, err))
		return -1;
	value = reverse ? a.before : a.after;
	if (!value)
		return uns_buf_printf(ret, err, "remove --%s from %s in %s", a.option, a.variable, a.file);
	return uns_buf_printf(ret, err, "set --%s=%s in %s of %s", a.option, value, a.variable, a.file);
}

const struct uns_kind uns_kind_env_option = { "env-option", false, check, observe, drive, describe };
