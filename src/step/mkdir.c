/* SPDX-License-Identifier: Apache-2.0 */
/* mkdir: a directory that was not there. Disjoint: BEFORE is "no such name", AFTER is "a directory"; anything else under the name is
 * FOREIGN. On the way back a directory that somebody has used since is kept: what lies in it is not ours. Directories above that were
 * missing are made too, and go with it; the record names them. */
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

static int make(int parent, const char *name, const struct uns_args_dir *dir)
{
	return uns_args_make_dir(parent, name, dir) || uns_sys_fsync(parent) ? -1 : 0;
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

/* ---- directories above ---- */

/* {"parents":[P…]}, from the top: those that are not there. */
static json_t *missing(struct uns_step_ctx *c, const char *path, struct uns_err *err)
{
	uns_auto_json json_t *record = json_pack("{s:[]}", "parents");
	json_t *list = json_object_get(record, "parents");

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		uns_auto_free char *above = uns_str_printf(err, "%.*s", (int)(slash - path), path);
		struct stat st;
		int r = above ? uns_root_stat(c->root, above, &st, err) : -1;

		if (r < 0)
			return NULL;
		if (r == 1 && json_array_append_new(list, json_string(above)) < 0) {
			uns_err_nomem(err);
			return NULL;
		}
	}
	return uns_take_ptr(record);
}

/* Of this leg, else of the first one. *ret stays NULL when nothing was made above. */
static int read_parents(struct uns_step_ctx *c, json_t **record, json_t **ret, struct uns_err *err)
{
	int r = uns_record_read(c, false, record, err);

	if (r == 1 && c->leg)
		r = uns_record_read(c, true, record, err);
	if (r)
		return r < 0 ? -1 : 0;
	return uns_json_array(*record, "parents", ret, err);
}

static int make_one(struct uns_step_ctx *c, const char *path, const struct uns_args_dir *dir, struct uns_err *err)
{
	uns_auto_close int parent = -1;
	const char *name;

	if (uns_root_parent(c->root, path, &parent, &name, err))
		return -1;
	return make(parent, name, dir) ? uns_err_sys(err, errno, "cannot make directory %s", path) : 0;
}

/* The record comes first, so that a way back knows which of them are ours. */
static int make_parents(struct uns_step_ctx *c, const struct args *a, struct uns_err *err)
{
	const struct uns_args_dir dir = {a->dir.uid, a->dir.gid, 0755};
	uns_auto_json json_t *record = NULL;
	json_t *list = NULL;
	int r = uns_record_read(c, false, &record, err);

	if (r < 0)
		return -1;
	if (r == 1) {
		record = missing(c, a->path, err);
		if (!record || (c->record_dir >= 0 && uns_record_write(c, record, err)))
			return -1;
	}
	if (uns_json_array(record, "parents", &list, err))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (make_one(c, json_string_value(json_array_get(list, i)), &dir, err))
			return -1;
	return 0;
}

/* From the bottom, as far as nobody else has put anything there. */
static int unmake_parents(struct uns_step_ctx *c, struct uns_err *err)
{
	uns_auto_json json_t *record = NULL;
	json_t *list = NULL;

	if (read_parents(c, &record, &list, err))
		return -1;
	for (size_t i = json_array_size(list); i > 0; i--) {
		const char *path = json_string_value(json_array_get(list, i - 1)), *name;
		uns_auto_close int parent = -1;

		if (uns_root_parent(c->root, path, &parent, &name, err)) {
			if (err->errnum == ENOENT)
				continue;
			return -1;
		}
		if (unmake(parent, name) < 0)
			return uns_err_sys(err, errno, "cannot remove directory %s", path);
	}
	return 0;
}

/* ---- there and back ---- */

static int drive_there(struct uns_step_ctx *c, const struct args *a, struct uns_err *err)
{
	struct stat st;
	uns_auto_free char *above = uns_str_dup(a->path, err);
	int r;

	if (!above)
		return -1;
	*strrchr(above, '/') = '\0';
	r = *above ? uns_root_stat(c->root, above, &st, err) : 0;
	if (r < 0 || (r == 1 && make_parents(c, a, err)))
		return -1;
	return make_one(c, a->path, &a->dir, err);
}

static int drive_back(struct uns_step_ctx *c, const struct args *a, struct uns_err *err)
{
	uns_auto_close int parent = -1;
	const char *name;
	int r = 0;

	if (uns_root_parent(c->root, a->path, &parent, &name, err)) {
		if (err->errnum != ENOENT)
			return -1;
	} else {
		r = unmake(parent, name);
	}
	if (r < 0)
		return uns_err_sys(err, errno, "cannot remove directory %s", a->path);
	return unmake_parents(c, err) ? -1 : r;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	struct args a;

	if (parse(c->step->args, &a, err))
		return -1;
	return to == UNS_AFTER ? drive_there(c, &a, err) : drive_back(c, &a, err);
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
