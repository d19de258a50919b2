/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/sys.h"

int uns_args_mode(const json_t *args, uint32_t *ret, struct uns_err *err)
{
	const char *mode;

	if (uns_json_str(args, "mode", &mode, err))
		return -1;
	if (uns_num_mode(mode, strlen(mode), ret))
		return uns_err_set(err, UNS_E_INPUT, "mode \"%s\" is not octal", mode);
	return 0;
}

int uns_args_dir(const json_t *args, struct uns_args_dir *ret, struct uns_err *err)
{
	if (uns_json_u32(args, "uid", &ret->uid, err) || uns_json_u32(args, "gid", &ret->gid, err))
		return -1;
	return uns_args_mode(args, &ret->mode, err);
}

int uns_args_make_dir(int parent, const char *name, const struct uns_args_dir *d)
{
	uns_auto_close int fd = -1;

	if (uns_sys_mkdir(parent, name, 0700) && errno != EEXIST)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || uns_sys_chown(fd, "", d->uid, d->gid) || uns_sys_chmod(fd, d->mode) || uns_sys_fsync(fd) ? -1 : 0;
}

int uns_args_open_base(const struct uns_step_ctx *c, const char *base, const char *into, struct uns_tree *ret, struct uns_err *err)
{
	uns_auto_free char *nested = NULL;
	struct stat st;
	int absent;

	if (!c->nested || !into)
		return uns_tree_open(c->root, base, ret, err);
	nested = uns_str_printf(err, "%s/%s", base, into);
	if (!nested || (absent = uns_root_stat(c->root, nested, &st, err)) < 0)
		return -1;
	return uns_tree_open(c->root, absent ? base : nested, ret, err);
}
