/* SPDX-License-Identifier: Apache-2.0 */
/* mkdir: a directory that was not there. Disjoint: BEFORE is "no such name", AFTER is "a directory"; anything else under the name is
 * FOREIGN. On the way back a directory that somebody has used since is kept: what lies in it is not ours. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "args.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"

struct args {
	const char *path;
	struct uns_args_dir dir;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	return uns_json_str(j, "path", &ret->path, err) || uns_args_dir(j, &ret->dir, err) ? -1 : 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct args a;
	struct stat st;
	int r;

	if (parse(c->step->args, &a, err) || (r = uns_root_stat(c->root, a.path, &st, err)) < 0)
		return -1;
	*ret = r == 1 ? UNS_BEFORE : S_ISDIR(st.st_mode) ? UNS_AFTER : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%s is there and is no directory", a.path);
	return 0;
}

static int make(int parent, const char *name, const struct args *a)
{
	return uns_args_make_dir(parent, name, &a->dir) || uns_sys_fsync(parent) ? -1 : 0;
}

static int unmake(int parent, const char *name)
{
	if (uns_sys_unlink(parent, name, AT_REMOVEDIR)) {
		if (errno == ENOTEMPTY || errno == EEXIST)
			return 1;
		if (errno != ENOENT)
			return -1;
	}
	return uns_sys_fsync(parent);
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto_close int parent = -1;
	const char *name;
	struct args a;
	int r;

	if (parse(c->step->args, &a, err))
		return -1;
	if (uns_root_parent(c->root, a.path, &parent, &name, err)) /* without a parent there is nothing to remove */
		return to == UNS_BEFORE && err->errnum == ENOENT ? 0 : -1;
	r = to == UNS_AFTER ? make(parent, name, &a) : unmake(parent, name);
	return r < 0 ? uns_err_sys(err, errno, "cannot %s directory %s", to == UNS_AFTER ? "make" : "remove", a.path) : r;
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	if (reverse)
		return uns_buf_printf(ret, err, "remove directory %s, if empty", a.path);
	return uns_buf_printf(ret, err, "make directory %s (%u:%u, %04o)", a.path, a.dir.uid, a.dir.gid,
	                      a.dir.mode);
}

const struct uns_kind uns_kind_mkdir = { "mkdir", false, check, observe, drive, describe };
