/* SPDX-License-Identifier: Apache-2.0 */
/* rename: one name moves. Disjoint: the thing is either at "from" or at "to". With over_empty an empty directory waits at "to" and is
 * replaced: BEFORE then means "from is there", AFTER "from is gone and to is there". Nothing that has contents is ever replaced. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>

#include "args.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"

struct args {
	const char *from, *to;
	bool over_empty;
	bool refilled; /* a later step makes "from" anew, so "to" alone tells */
	struct uns_args_dir dir; /* the empty directory */
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "from", &ret->from, err) || uns_json_str(j, "to", &ret->to, err))
		return -1;
	ret->over_empty = uns_json_bool_or(j, "over_empty", false);
	ret->refilled = uns_json_bool_or(j, "refilled", false);
	return ret->over_empty ? uns_args_dir(j, &ret->dir, err) : 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

/* 1: an empty directory. */
static int is_empty_dir(const struct uns_root *root, const char *path, const struct stat *st, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (!S_ISDIR(st->st_mode))
		return 0;
	return uns_root_list(root, path, &names, err) < 0 ? -1 : names.n == 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct stat from_st, to_st;
	struct args a;
	int from, to, empty = 0;

	if (parse(c->step->args, &a, err) || (from = uns_root_stat(c->root, a.from, &from_st, err)) < 0 ||
	    (to = uns_root_stat(c->root, a.to, &to_st, err)) < 0)
		return -1;
	if (!from && !to && a.over_empty && (empty = is_empty_dir(c->root, a.to, &to_st, err)) < 0)
		return -1;
	if (!from && (a.over_empty ? empty : to))
		*ret = UNS_BEFORE;
	else if (!to && (from || a.refilled))
		*ret = UNS_AFTER;
	else
		*ret = UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%s %s, %s %s", a.from, from ? "is gone" : "is there", a.to,
		         to ? "is gone" : "is there");
	return 0;
}

static int there(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

static int move(int from_dir, const char *from, int to_dir, const char *to, const struct args *a, bool forward)
{
	if (forward) {
		/* Where an empty directory may be replaced, rename(2) itself refuses anything else (ENOTEMPTY, ENOTDIR). */
		if (there(from_dir, from) && uns_sys_rename(from_dir, from, to_dir, to, a->over_empty ? 0 : RENAME_NOREPLACE))
			return -1;
	} else {
		if (!there(from_dir, from) && uns_sys_rename(to_dir, to, from_dir, from, RENAME_NOREPLACE))
			return -1;
		if (a->over_empty && uns_args_make_dir(to_dir, to, &a->dir))
			return -1;
	}
	return uns_sys_fsync(from_dir) || uns_sys_fsync(to_dir) ? -1 : 0;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto_close int from_dir = -1;
	uns_auto_close int to_dir = -1;
	const char *from, *name;
	struct args a;

	if (parse(c->step->args, &a, err) || uns_root_parent(c->root, a.from, &from_dir, &from, err) ||
	    uns_root_parent(c->root, a.to, &to_dir, &name, err))
		return -1;
	if (move(from_dir, from, to_dir, name, &a, to == UNS_AFTER))
		return uns_err_sys(err, errno, "cannot rename %s to %s", to == UNS_AFTER ? a.from : a.to,
		                   to == UNS_AFTER ? a.to : a.from);
	return 0;
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	return uns_buf_printf(ret, err, "rename %s to %s", reverse ? a.to : a.from, reverse ? a.from : a.to);
}

const struct uns_kind uns_kind_rename = { "rename", false, check, observe, drive, describe };
