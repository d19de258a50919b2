/* SPDX-License-Identifier: Apache-2.0 */
/* owner-mode: the directories of an engine's own, through which containers reach their data.
 *
 * Disjoint by the group: AFTER is "the group is ours", BEFORE is "it is another". Owner and mode do not tell: engines of three eras
 * left directories as 0:G 0710, 0:0 0701 and U:G 0700, so that both sides may have either; AFTER makes them 0:G 0710. What they
 * were when the leg began is in the record, for the way back. Directories that differ in their group among themselves are FOREIGN.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/step.h"
#include "uns/sys.h"
#include "uns/tree.h"

#define MODE 0710

struct args {
	const char *base, *into; /* into: NULL, or where a later step moves it all */
	const json_t *patterns;
	uint32_t gid;
};

struct job {
	struct uns_step_ctx *c;
	struct args args;
	struct uns_tree tree;
	struct uns_strs dirs;   /* relative to the base */
	json_t *record, *first; /* of this leg, of leg 0; NULL: none */
};

static void job_done(struct job *job)
{
	uns_tree_close(&job->tree);
	uns_strs_done(&job->dirs);
	json_decref(job->record);
	json_decref(job->first);
}

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	json_t *patterns;

	if (uns_json_str(j, "base", &ret->base, err) || uns_json_u32(j, "gid", &ret->gid, err) ||
	    uns_json_array(j, "patterns", &patterns, err))
		return -1;
	ret->into = uns_json_str_or(j, "into", NULL);
	if (ret->base[0] != '/')
		return uns_err_set(err, UNS_E_INPUT, "\"base\" is not an absolute path: \"%s\"", ret->base);
	if (!ret->gid || ret->gid > UNS_ID_LAST)
		return uns_err_set(err, UNS_E_INPUT, "\"gid\" %u is no group of a range", ret->gid);
	for (size_t i = 0; i < json_array_size(patterns); i++) {
		const char *p = json_string_value(json_array_get(patterns, i));

		if (!p || !uns_tree_pattern_valid(p))
			return uns_err_set(err, UNS_E_INPUT, "\"patterns\" has a member that is neither \".\" nor a relative path");
	}
	ret->patterns = patterns;
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	if (reverse)
		return uns_buf_printf(ret, err, "take directories in %s back from group %u", a.base, a.gid);
	return uns_buf_printf(ret, err, "open directories in %s to group %u (0:%u, %04o)", a.base, a.gid, a.gid, MODE);
}

/* The directory itself, pinned. 0; 1: gone or no directory. */
static int pin(const struct job *job, const char *path, int *ret_fd, struct stat *ret_st, struct uns_err *err)
{
	struct uns_err why = {0};
	uns_auto_close int fd = uns_tree_openat(&job->tree, path, O_PATH | O_DIRECTORY, &why);

	if (fd < 0 && (why.errnum == ENOENT || why.errnum == ENOTDIR || why.errnum == ELOOP))
		return 1;
	if (fd < 0) {
		if (err)
			*err = why;
		return -1;
	}
	if (fstat(fd, ret_st))
		return uns_err_sys(err, errno, "cannot look at %s/%s", job->args.base, path);
	*ret_fd = uns_take_fd(fd);
	return 0;
}

/* Each pattern for itself: a directory and one below it may both be meant. */
static int find_dirs(struct job *job, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(job->args.patterns); i++) {
		uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;

		if (uns_tree_glob(&job->tree, json_string_value(json_array_get(job->args.patterns, i)), &found, NULL, err))
			return -1;
		for (size_t k = 0; k < found.n; k++)
			if (uns_strs_add(&job->dirs, found.v[k], err))
				return -1;
	}
	uns_strs_sort(&job->dirs);
	return 0;
}

static int job_open(struct job *job, struct uns_err *err)
{
	if (parse(job->c->step->args, &job->args, err) || uns_args_open_base(job->c, job->args.base, job->args.into, &job->tree, err))
		return -1;
	return find_dirs(job, err);
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(job_done) struct job job = {.c = c};
	const char *first[2] = {NULL, NULL}; /* not ours, ours */
	struct uns_err why = {0};

	if (job_open(&job, &why)) {
		if (why.errnum == ENOENT) {
			*ret = UNS_EITHER;
			return 0;
		}
		if (err)
			*err = why;
		return -1;
	}
	for (size_t i = 0; i < job.dirs.n; i++) {
		uns_auto_close int fd = -1;
		struct stat st;
		int r = pin(&job, job.dirs.v[i], &fd, &st, err);

		if (r < 0)
			return -1;
		if (!r && !first[st.st_gid == job.args.gid])
			first[st.st_gid == job.args.gid] = job.dirs.v[i];
	}
	*ret = first[0] && first[1] ? UNS_FOREIGN : first[0] ? UNS_BEFORE : first[1] ? UNS_AFTER : UNS_EITHER;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "directory %s/%s has group %u, %s/%s has not", job.tree.path, first[1],
		         job.args.gid, job.tree.path, first[0]);
	return 0;
}

/* ---- the record ---- */

/* An object by path, so that it is found at once. */
static int add_dir(json_t *dirs, const char *path, const struct stat *st)
{
	uns_auto_free char *escaped = uns_str_escape(path, NULL);
	char mode[16];

	if (!escaped)
		return -1;
	snprintf(mode, sizeof(mode), "%04o", st->st_mode & 07777);
	return json_object_set_new(dirs, escaped,
	                           json_pack("{s:I,s:I,s:I,s:s}", "ino", (json_int_t)st->st_ino, "uid", (json_int_t)st->st_uid,
	                                     "gid", (json_int_t)st->st_gid, "mode", mode));
}

static int write_record(struct job *job, enum uns_side from, struct uns_err *err)
{
	uns_auto_json json_t *dirs = json_object(), *record = NULL;

	for (size_t i = 0; i < job->dirs.n; i++) {
		uns_auto_close int fd = -1;
		struct stat st;
		int r = pin(job, job->dirs.v[i], &fd, &st, err);

		if (r < 0)
			return -1;
		if (!r && add_dir(dirs, job->dirs.v[i], &st))
			return uns_err_nomem(err);
	}
	record = json_pack("{s:s,s:O}", "from", from == UNS_BEFORE ? "before" : "after", "dirs", dirs);
	return record ? uns_record_write(job->c, record, err) : uns_err_nomem(err);
}

static bool is_from(const json_t *record, enum uns_side side)
{
	return record && !strcmp(uns_json_str_or(record, "from", ""), side == UNS_BEFORE ? "before" : "after");
}

/* What is to be. */
struct want {
	uint32_t uid, gid, mode;
};

/* What the record says of the directory. 0; 1: nothing. */
static int recorded(const json_t *record, const char *path, const struct stat *st, struct want *ret, struct uns_err *err)
{
	uns_auto_free char *escaped = uns_str_escape(path, err);
	const json_t *d;
	const char *mode;

	if (!escaped)
		return -1;
	d = json_object_get(json_object_get(record, "dirs"), escaped);
	if (!d || (uint64_t)json_integer_value(json_object_get(d, "ino")) != st->st_ino)
		return 1;
	if (uns_json_str(d, "mode", &mode, err) || uns_json_u32(d, "uid", &ret->uid, err) || uns_json_u32(d, "gid", &ret->gid, err))
		return uns_err_prefix(err, "the record of %s", escaped);
	if (uns_num_mode(mode, strlen(mode), &ret->mode))
		return uns_err_set(err, UNS_E_INPUT, "the record of %s has a mode that is not octal: \"%s\"", escaped, mode);
	return 0;
}

static int find_want(const struct job *job, const char *path, const struct stat *st, enum uns_side to, struct want *ret,
                     struct uns_err *err)
{
	const json_t *record = is_from(job->record, to)                      ? job->record
	                       : to == UNS_BEFORE && is_from(job->first, to) ? job->first
	                                                                     : NULL;
	int r = record ? recorded(record, path, st, ret, err) : 1;

	if (r <= 0)
		return r;
	ret->uid = 0;
	ret->gid = to == UNS_AFTER ? job->args.gid : 0;
	/* Nobody but its owner knows how open a data root was meant to be before. */
	ret->mode = to == UNS_BEFORE && !strcmp(path, ".") ? st->st_mode & 07777 : MODE;
	return 0;
}

static int drive_dir(const struct job *job, const char *path, enum uns_side to, struct uns_err *err)
{
	uns_auto_close int fd = -1;
	struct want w = {0};
	struct stat st;
	int r = pin(job, path, &fd, &st, err);

	if (r)
		return r < 0 ? -1 : 0;
	if (find_want(job, path, &st, to, &w, err))
		return -1;
	if ((st.st_uid != w.uid || st.st_gid != w.gid) && uns_sys_chown(fd, "", w.uid, w.gid))
		return uns_err_sys(err, errno, "cannot change the owner of %s/%s", job->args.base, path);
	if ((st.st_mode & 07777) != w.mode && uns_sys_chmod(fd, w.mode))
		return uns_err_sys(err, errno, "cannot set the mode of %s/%s", job->args.base, path);
	return 0;
}

static int drive_all(const struct job *job, enum uns_side to, struct uns_err *err)
{
	for (size_t i = 0; i < job->dirs.n; i++)
		if (drive_dir(job, job->dirs.v[i], to, err))
			return -1;
	if (uns_sys_syncfs(job->tree.fd))
		return uns_err_sys(err, errno, "cannot sync the file system of %s", job->args.base);
	return 0;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(job_done) struct job job = {.c = c};
	int r;

	if (job_open(&job, err))
		return -1;
	r = uns_record_read(c, false, &job.record, err);
	if (r < 0 || (c->leg && uns_record_read(c, true, &job.first, err) < 0))
		return -1;
	if (r && (to == c->leg_start || !job.dirs.n))
		return 0; /* the record comes before the first change, so nothing was changed */
	if (r && job.tree.readonly)
		return uns_err_set(err, UNS_E_REFUSED, "%s is mounted read-only; mount it writable first", job.args.base);
	if (r && write_record(&job, to == UNS_AFTER ? UNS_BEFORE : UNS_AFTER, err))
		return -1;
	if (drive_all(&job, to, err)) {
		if (err)
			err->code = UNS_E_INCOMPLETE;
		return -1;
	}
	return 0;
}

const struct uns_kind uns_kind_owner_mode = {"owner-mode", false, check, observe, drive, describe};
