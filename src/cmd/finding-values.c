/* SPDX-License-Identifier: Apache-2.0 */
/* --ignore and --only: ids of findings. */
#include <string.h>

#include "uns/cleanup.h"
#include "values.h"

static const struct uns_check *find(const char *option, const char *id, struct uns_err *err)
{
	const struct uns_check *check = uns_check_find(id), *near = check ? NULL : uns_check_nearest(id);

	if (!check)
		uns_err_set(err, UNS_E_USAGE, "--%s=%s: no finding has this id; %s%s%s'usernsctl help findings' lists all", option, id,
		            near ? "did you mean " : "", near ? near->id : "", near ? "? " : "");
	return check;
}

static int ignore_one(struct uns_options *o, const char *id, struct uns_err *err)
{
	const struct uns_check *check = find("ignore", id, err);

	if (!check)
		return -1;
	if (!check->ignorable)
		return uns_err_set(err, UNS_E_USAGE,
		                   "--ignore=%s: this finding cannot be ignored: going on would lose data, or could not work; see "
		                   "usernsctl-checks(7)",
		                   id);
	return uns_strs_has(&o->request.ignore, id) ? 0 : uns_strs_add(&o->request.ignore, id, err);
}

static int only_one(struct uns_options *o, const char *id, struct uns_err *err)
{
	if (!find("only", id, err))
		return -1;
	return uns_strs_has(&o->only, id) ? 0 : uns_strs_add(&o->only, id, err);
}

static int each(struct uns_options *o, const char *arg, int (*take)(struct uns_options *o, const char *id, struct uns_err *err),
                struct uns_err *err)
{
	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");
		uns_auto_free char *id = uns_str_printf(err, "%.*s", (int)len, p);

		if (!id || take(o, id, err) < 0)
			return -1;
		p += len;
		if (!*p)
			return 0;
	}
}

int uns_value_ignore(struct uns_options *o, const char *arg, struct uns_err *err)
{
	return each(o, arg, ignore_one, err);
}

int uns_value_profile(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (strcmp(arg, "cis") != 0)
		return uns_err_set(err, UNS_E_USAGE, "--profile=%s: expected cis", arg);
	o->cis = true;
	return 0;
}

int uns_value_only(struct uns_options *o, const char *arg, struct uns_err *err)
{
	return each(o, arg, only_one, err);
}
