/* SPDX-License-Identifier: Apache-2.0 */
/* KEY=VALUE and KEY of dockerd's options, from the command line into the request. */
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/json.h"
#include "values.h"

static int unknown(const char *key, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_USAGE, "%s: no option of dockerd has this name; 'usernsctl help options' lists them", key);
}

/* The option by its key or flag. */
static int find(const char *key, const struct uns_dockerd_option **ret, struct uns_err *err)
{
	const struct uns_dockerd_option *o = uns_dockerd_find(key);

	if (!o)
		return unknown(key, err);
	if (!o->key && (uns_str_starts(key, "http") || strcmp(key, "no-proxy") == 0))
		return uns_err_set(err, UNS_E_USAGE, "%s: daemon.json has it in an object: set proxies='{\"%s\":\"…\"}'", key, key);
	if (!o->key)
		return uns_err_set(err, UNS_E_USAGE, "%s: this is only a flag of dockerd, daemon.json does not have it", key);
	*ret = o;
	return 0;
}

/* Takes value; NULL: unset. */
static int add(struct uns_options *o, const char *key, json_t *value, struct uns_err *err)
{
	uns_auto_json json_t *taken = value;
	struct uns_wishes *l = &o->request.set;
	struct uns_wish *grown;
	char *copy;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key, key) == 0)
			return uns_err_set(err, UNS_E_USAGE, "%s: given twice", key);
	grown = reallocarray(l->v, l->n + 1, sizeof(*grown));
	if (!grown)
		return uns_err_nomem(err);
	l->v = grown;
	copy = uns_str_dup(key, err);
	if (!copy)
		return -1;
	l->v[l->n++] = (struct uns_wish){copy, uns_take_ptr(taken)};
	return 0;
}

int uns_value_set(struct uns_options *o, const char *arg, struct uns_err *err)
{
	size_t len = strcspn(arg, "=");
	uns_auto_free char *key = uns_str_printf(err, "%.*s", (int)len, arg);
	const struct uns_dockerd_option *option = NULL;
	json_t *value = NULL;

	if (!key)
		return -1;
	if (!arg[len] || !len)
		return uns_err_set(err, UNS_E_USAGE, "%s: expected KEY=VALUE, an option of dockerd and its value", arg);
	if (find(key, &option, err) < 0 || uns_dockerd_parse(option, arg + len + 1, &value, err) < 0)
		return -1;
	return add(o, option->key, value, err);
}

int uns_value_default(struct uns_options *o, const char *key, const char *value, size_t before, struct uns_err *err)
{
	const struct uns_dockerd_option *option = NULL;
	json_t *parsed = NULL;

	if (find(key, &option, err) < 0)
		return -1;
	for (size_t i = 0; i < before; i++)
		if (strcmp(o->request.set.v[i].key, option->key) == 0)
			return 0;
	return uns_dockerd_parse(option, value, &parsed, err) < 0 ? -1 : add(o, option->key, parsed, err);
}

int uns_value_unset(struct uns_options *o, const char *arg, struct uns_err *err)
{
	const struct uns_dockerd_option *option = uns_dockerd_find(arg);

	/* What dockerd does not know may have to be taken out just for that. */
	if (!*arg || strchr(arg, '='))
		return uns_err_set(err, UNS_E_USAGE, "%s: expected KEY, an option of dockerd", arg);
	return add(o, option && option->key ? option->key : arg, NULL, err);
}

void uns_value_wishes_done(struct uns_options *o)
{
	for (size_t i = 0; i < o->request.set.n; i++) {
		free(o->request.set.v[i].key);
		json_decref(o->request.set.v[i].value);
	}
	free(o->request.set.v);
}
