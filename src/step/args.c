/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include "uns/cleanup.h"

int uns_args_open_base(const struct uns_step_ctx *c, const char *base, const char *into, struct uns_tree *ret, struct uns_err *err)
{
	uns_auto_free char *nested = NULL;
	struct stat st;
	int absent;

	if (!c->deep || !into)
		return uns_tree_open(c->root, base, ret, err);
	nested = uns_str_printf(err, "%s/%s", base, into);
	if (!nested || (absent = uns_root_stat(c->root, nested, &st, err)) < 0)
		return -1;
	return uns_tree_open(c->root, absent ? base : nested, ret, err);
}
