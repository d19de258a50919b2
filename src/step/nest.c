/* SPDX-License-Identifier: Apache-2.0 */
/* nest: the entries of a data root move into its subdirectory U.G, which is where a remapped engine looks (moby setupDaemonRoot).
 * Disjoint: while entries move, in either direction, the subdirectory bears another, hidden name; so "U.G is there and nothing is left
 * beside it" is AFTER, "U.G is not there (or empty)" is BEFORE, and the hidden name tells that a move was interrupted. Each entry is
 * at one of two places, whatever instant the run ended at, and is never renamed over another. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"
#include "uns/step.h"
#include "uns/sys.h"

struct args {
	const char *dir, *into;
	uint32_t gid;
	json_t *keep;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "dir", &ret->dir, err) || uns_json_str(j, "into", &ret->into, err) ||
	    uns_json_u32(j, "gid", &ret->gid, err) || uns_json_array(j, "keep", &ret->keep, err))
		return -1;
	if (!uns_layout_is_remap_dir(ret->into))
		return uns_err_set(err, UNS_E_INPUT, "into \"%s\" is not of the form UID.GID", ret->into);
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static bool moves(const struct args *a, const char *name)
{
	json_t *keep;
	size_t i;

	json_array_foreach(a->keep, i, keep)
		if (json_is_string(keep) && !strcmp(json_string_value(keep), name))
			return false;
	return uns_layout_is_managed(name);
}

static size_t count_moving(const struct args *a, const struct uns_strs *names)
{
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++)
		n += moves(a, names->v[i]);
	return n;
}

static char *sub(const struct args *a, bool hidden, struct uns_err *err)
{
	return uns_str_printf(err, "%s/%s%s%s", a->dir, hidden ? "." : "", a->into, hidden ? ".usernsctl" : "");
}

/* Names in the data root, in U.G and in its hidden form. */
struct sight {
	struct uns_strs outer, inner, hidden;
	bool has_inner, has_hidden;
};

static void sight_done(struct sight *s)
{
	uns_strs_done(&s->outer);
	uns_strs_done(&s->inner);
	uns_strs_done(&s->hidden);
}

static int look(const struct uns_root *root, const struct args *a, struct sight *s, struct uns_err *err)
{
	uns_auto_free char *inner = sub(a, false, err);
	uns_auto_free char *hidden = sub(a, true, err);
	int outer_r, inner_r, hidden_r;

	if (!inner || !hidden || (outer_r = uns_root_list(root, a->dir, &s->outer, err)) < 0 ||
	    (inner_r = uns_root_list(root, inner, &s->inner, err)) < 0 ||
	    (hidden_r = uns_root_list(root, hidden, &s->hidden, err)) < 0)
		return -1;
	if (outer_r)
		return uns_err_set(err, UNS_E_CONFLICT, "%s is gone", a->dir);
	s->has_inner = !inner_r;
	s->has_hidden = !hidden_r;
	return 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(sight_done) struct sight s = { 0 };
	struct args a;
	size_t outside;

	if (parse(c->step->args, &a, err) || look(c->root, &a, &s, err))
		return -1;
	outside = count_moving(&a, &s.outer);
	*ret = UNS_FOREIGN;
	if (s.has_hidden)
		snprintf(c->why, sizeof(c->why), "%s/.%s.usernsctl: a move was interrupted", a.dir, a.into);
	else if (!s.has_inner || !s.inner.n)
		*ret = UNS_BEFORE;
	else if (!outside)
		*ret = UNS_AFTER;
	else
		snprintf(c->why, sizeof(c->why), "%s and %s/%s both hold data of an engine", a.dir, a.dir, a.into);
	return 0;
}

/* Opens (making it where needed) the hidden directory; U.G, when it is there, becomes it. */
static int open_hidden(int dir, const char *inner, const char *hidden, uint32_t gid)
{
	uns_auto_close int fd = -1;

	if (uns_sys_rename(dir, inner, dir, hidden, RENAME_NOREPLACE) && errno != ENOENT && errno != EEXIST)
		return -1;
	if (uns_sys_mkdir(dir, hidden, 0700) && errno != EEXIST)
		return -1;
	fd = openat(dir, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || uns_sys_chown(fd, "", 0, gid) || uns_sys_chmod(fd, 0710) || uns_sys_fsync(dir))
		return -1;
	return uns_take_fd(fd);
}

static int move_all(int from, int to, const struct args *a, const struct uns_strs *names, bool all, struct uns_err *err)
{
	for (size_t i = 0; i < names->n; i++)
		if ((all || moves(a, names->v[i])) && uns_sys_rename(from, names->v[i], to, names->v[i], RENAME_NOREPLACE))
			return uns_err_sys(err, errno, "cannot move %s between %s and %s/%s", names->v[i], a->dir, a->dir, a->into);
	if (uns_sys_fsync(from) || uns_sys_fsync(to))
		return uns_err_sys(err, errno, "cannot sync %s", a->dir);
	return 0;
}

static int finish(int dir, const char *inner, const char *hidden, bool forward)
{
	int r = forward ? uns_sys_rename(dir, hidden, dir, inner, RENAME_NOREPLACE) : uns_sys_unlink(dir, hidden, AT_REMOVEDIR);

	return r || uns_sys_fsync(dir) ? -1 : 0;
}

/* Wholly there: killed between the last effect and its record. */
static bool already(const struct sight *s, const struct args *a, bool forward)
{
	if (s->has_hidden)
		return false;
	return forward ? s->inner.n && !count_moving(a, &s->outer) : !s->has_inner;
}

static int drive_open(struct uns_step_ctx *c, const struct args *a, int dir, bool forward, struct uns_err *err)
{
	uns_auto_free char *hidden = uns_str_printf(err, ".%s.usernsctl", a->into);
	uns_auto(sight_done) struct sight s = { 0 };
	uns_auto_close int sub_fd = -1;

	if (!hidden || look(c->root, a, &s, err))
		return -1;
	if (already(&s, a, forward))
		return 0;
	sub_fd = open_hidden(dir, a->into, hidden, a->gid);
	if (sub_fd < 0)
		return uns_err_sys(err, errno, "cannot prepare %s/%s", a->dir, hidden);
	sight_done(&s);
	memset(&s, 0, sizeof(s));
	if (look(c->root, a, &s, err) ||
	    move_all(forward ? dir : sub_fd, forward ? sub_fd : dir, a, forward ? &s.outer : &s.hidden, !forward, err))
		return -1;
	if (finish(dir, a->into, hidden, forward))
		return uns_err_sys(err, errno, "cannot finish %s/%s", a->dir, a->into);
	return 0;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto_close int dir = -1;
	struct args a;

	if (parse(c->step->args, &a, err))
		return -1;
	dir = uns_root_openat(c->root, a.dir, O_RDONLY | O_DIRECTORY, err);
	return dir < 0 ? -1 : drive_open(c, &a, dir, to == UNS_AFTER, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	if (reverse)
		return uns_buf_printf(ret, err, "move everything in %s/%s back to %s (renames, no copies)", a.dir, a.into, a.dir);
	return uns_buf_printf(ret, err, "move everything in %s into %s/%s (renames, no copies)", a.dir, a.dir, a.into);
}

const struct uns_kind uns_kind_nest = { "nest", false, check, observe, drive, describe };
