/* SPDX-License-Identifier: Apache-2.0 */
/* shift: the owners of any tree, by a map. A plan of shift-tree steps, carried out as every plan is. */
#include "display.h"
#include "shift.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "uns/audit.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/progress.h"
#include "uns/report.h"
#include "uns/step.h"
#include "uns/syspath.h"
#include "uns/tree.h"

static void job_done(struct uns_shift_cmd **job)
{
	struct uns_shift_cmd *j = *job;

	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++) {
		free(j->place[i].base);
		free(j->place[i].name);
	}
	free(j->place);
	uns_plan_done(&j->plan);
	free(j);
}

char *uns_shift_place_path(const struct uns_shift_place *p, struct uns_err *err)
{
	if (!strcmp(p->name, "."))
		return uns_str_dup(p->base, err);
	return uns_str_printf(err, "%s%s%s", p->base, p->base[1] ? "/" : "", p->name);
}

/* ---- what is refused ---- */

static bool is_or_below(const char *path, const char *top)
{
	return !strcmp(top, "/") || uns_path_below(path, top);
}

static int check_engine(const struct uns_shift_cmd *j, const char *path, struct uns_err *err)
{
	uns_auto(uns_facts_done) struct uns_facts f = {.offline = false};
	struct uns_facts_want want = {.census = false};
	struct uns_err why;

	/* What is malformed there is none of our business. */
	if (uns_facts_read(&j->run->root, &want, &f, &why) < 0 || !f.running || !f.data_root)
		return 0;
	if (!is_or_below(path, f.data_root) && !is_or_below(f.data_root, path))
		return 0;
	return uns_err_set(err, UNS_E_REFUSED, "%s is data of the running engine (%s); stop it, or name it with --even=%s", path,
	                   f.data_root, path);
}

static int check_place(const struct uns_shift_cmd *j, const char *path, struct uns_err *err)
{
	const char *even = j->run->o->shift.even;

	if (is_or_below(path, UNS_TXN_DIR) || is_or_below(UNS_TXN_DIR, path))
		return uns_err_set(err, UNS_E_REFUSED, "%s holds the journal, which must stay as it is", path);
	if (even && !strcmp(even, path))
		return 0;
	if (uns_path_is_systems(path))
		return uns_err_set(err, UNS_E_REFUSED, "%s belongs to the system itself; if you mean it, name it with --even=%s",
		                   path, path);
	return check_engine(j, path, err);
}

/* ---- paths ---- */

/* Absolute inside the root, without symlinks. */
static char *resolve(const struct uns_shift_cmd *j, const char *path, struct uns_err *err)
{
	uns_auto_free char *cwd = NULL;
	uns_auto_free char *full = NULL;

	if (*path == '/')
		return uns_root_resolve(&j->run->root, path, err);
	if (!j->run->root.is_host) {
		uns_err_set(err, UNS_E_USAGE, "shift: with --root, '%s' must be an absolute path inside it", path);
		return NULL;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd) {
		uns_err_sys(err, errno, "cannot tell the working directory");
		return NULL;
	}
	full = uns_str_printf(err, "%s/%s", cwd, path);
	return full ? uns_root_resolve(&j->run->root, full, err) : NULL;
}

static int split(const struct uns_shift_cmd *j, const char *path, struct uns_shift_place *ret, struct uns_err *err)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	int r = uns_root_stat(&j->run->root, path, &st, err);

	if (r)
		return r < 0 ? -1 : uns_err_sys(err, ENOENT, "cannot look at %s", path);
	if (S_ISDIR(st.st_mode)) {
		ret->base = uns_str_dup(path, err);
		ret->name = uns_str_dup(".", err);
	} else if (slash[1] == '*' || !uns_tree_pattern_valid(slash + 1)) {
		return uns_err_set(err, UNS_E_USAGE, "shift: '%s' cannot be named by itself; name its directory", path);
	} else {
		ret->base = slash == path ? uns_str_dup("/", err) : uns_str_printf(err, "%.*s", (int)(slash - path), path);
		ret->name = uns_str_dup(slash + 1, err);
	}
	return ret->base && ret->name ? 0 : -1;
}

/* A mount inside another tree is not entered from there, so it may be named beside it. */
static int same_mount(const struct uns_shift_cmd *j, const char *a, const char *b, bool *ret, struct uns_err *err)
{
	const char *const paths[2] = {a, b};
	struct statx st[2];

	for (int i = 0; i < 2; i++) {
		uns_auto_close int fd = uns_root_openat(&j->run->root, paths[i], O_PATH | O_NOFOLLOW, err);

		if (fd < 0)
			return -1;
		if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st[i]))
			return uns_err_sys(err, errno, "cannot look at %s", paths[i]);
	}
	*ret = !(st[0].stx_mask & st[1].stx_mask & STATX_MNT_ID) || st[0].stx_mnt_id == st[1].stx_mnt_id;
	return 0;
}

/* Of the paths before it, sorted, none may hold this one. */
static int check_apart(const struct uns_shift_cmd *j, const struct uns_strs *paths, size_t i, struct uns_err *err)
{
	for (size_t k = 0; k < i; k++) {
		bool same = true;

		if (!is_or_below(paths->v[i], paths->v[k]))
			continue;
		if (strcmp(paths->v[i], paths->v[k]) != 0 && same_mount(j, paths->v[i], paths->v[k], &same, err))
			return -1;
		if (same)
			return uns_err_set(err, UNS_E_USAGE, "shift: %s is %s %s, which is named too", paths->v[i],
			                   strcmp(paths->v[i], paths->v[k]) ? "in" : "the same as", paths->v[k]);
	}
	return 0;
}

static int find_places(struct uns_shift_cmd *j, struct uns_err *err)
{
	const struct uns_shift_options *o = &j->run->o->shift;
	uns_auto(uns_strs_done) struct uns_strs paths = UNS_STRS_INIT;

	j->place = calloc(o->paths, sizeof(*j->place));
	if (!j->place)
		return uns_err_nomem(err);
	for (size_t i = 0; i < o->paths; i++) {
		uns_auto_free char *path = resolve(j, o->path[i], err);

		if (!path || check_place(j, path, err) || uns_strs_add(&paths, path, err))
			return -1;
	}
	uns_strs_sort(&paths);
	for (size_t i = 0; i < paths.n; i++) {
		if (check_apart(j, &paths, i, err))
			return -1;
		j->n++;
		if (split(j, paths.v[i], &j->place[i], err))
			return -1;
	}
	return 0;
}

static int open_place(const struct uns_shift_cmd *j, size_t i, struct uns_tree *tree, struct uns_strs *matches, struct uns_strs *symlinks,
                      struct uns_err *err)
{
	const char *pattern = j->place[i].name;

	if (uns_tree_open(&j->run->root, j->place[i].base, tree, err))
		return -1;
	return uns_tree_matches(tree, &pattern, 1, matches, symlinks, err);
}

int uns_shift_census(const struct uns_shift_cmd *j, size_t i, const struct uns_maps *maps, struct uns_census *ret, struct uns_err *err)
{
	uns_auto(uns_tree_close) struct uns_tree tree = {.fd = -1};
	uns_auto(uns_strs_done) struct uns_strs matches = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs symlinks = UNS_STRS_INIT;

	if (open_place(j, i, &tree, &matches, &symlinks, err) ||
	    uns_tree_census_matches(&tree, &matches, &symlinks, maps, j->run->o->jobs, ret, err))
		return uns_change_explain(err);
	return 0;
}

/* ---- the plan ---- */

static json_t *map_json(const struct uns_map *m)
{
	json_t *list;

	if (m->n == 1 && m->v[0].from == 0)
		return json_pack("{s:I, s:I}", "start", (json_int_t)m->v[0].to, "count", (json_int_t)m->v[0].count);
	list = json_array();
	for (uint32_t i = 0; i < m->n; i++)
		if (json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "from", (json_int_t)m->v[i].from, "to",
		                                          (json_int_t)m->v[i].to, "count", (json_int_t)m->v[i].count)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *allow_json(const struct uns_shift_cmd *j, unsigned pass)
{
	const struct uns_strs *ignore = &j->run->o->request.ignore;
	bool keep = j->run->o->shift.unmapped != UNS_UNMAPPED_REFUSE || uns_strs_has(ignore, "UnmappedId");
	json_t *list = json_pack("[s]", "flags");

	/* What the first pass left alone may well lie among the targets of the second. */
	if ((keep && json_array_append_new(list, json_string("unmapped")) < 0) ||
	    ((uns_strs_has(ignore, "TargetIdInUse") || (keep && pass > 0)) &&
	     json_array_append_new(list, json_string("in-target")) < 0) ||
	    (uns_strs_has(ignore, "HardLinkOutside") && json_array_append_new(list, json_string("hard-links")) < 0)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static int add_step(struct uns_shift_cmd *j, size_t i, unsigned pass, struct uns_err *err)
{
	const struct uns_map *m = j->maps[pass].uid.n ? &j->maps[pass].uid : &j->maps[pass].gid;
	json_t *args =
	    json_pack("{s:s, s:[s], s:o, s:o, s:o, s:b}", "base", j->place[i].base, "patterns", j->place[i].name, "uid",
	              map_json(&j->maps[pass].uid), "gid", map_json(&j->maps[pass].gid), "allow", allow_json(j, pass), "whole", 1);

	if (args && ((j->passes > 1 && json_object_set_new(args, pass ? "arriving" : "passing", json_true()) < 0) ||
	             (j->run->o->shift.exclusive && json_object_set_new(args, "exclusive", json_true()) < 0) ||
	             (m->squash && json_object_set_new(args, "squash", json_integer(m->squash_to)) < 0))) {
		json_decref(args);
		args = NULL;
	}
	return uns_plan_add(&j->plan, "shift-tree", false, args, err);
}

static int make_plan(struct uns_shift_cmd *j, struct uns_err *err)
{
	uns_auto_free char *path = uns_shift_place_path(&j->place[0], err);
	uns_auto_free char *title = NULL;

	if (!path)
		return -1;
	title = j->n == 1 ? uns_str_printf(err, "shift %s", path) : uns_str_printf(err, "shift %zu trees", j->n);
	if (!title || uns_plan_set_title(&j->plan, title, err))
		return -1;
	for (size_t i = 0; i < j->n; i++)
		for (unsigned pass = 0; pass < j->passes; pass++)
			if (add_step(j, i, pass, err))
				return -1;
	return uns_steps_check(&j->plan, "the plan", err);
}

/* ---- the run ---- */

static int look(const struct uns_shift_cmd *j, const struct uns_step *step, bool deep, enum uns_side *ret, struct uns_err *err)
{
	struct uns_step_ctx c = {
	    .root = &j->run->root, .step = step, .record_dir = -1, .leg_start = UNS_BEFORE, .deep = deep, .jobs = j->run->o->jobs};

	return uns_step_observe(&c, ret, err);
}

/* The owners of the topmost directories say whether it is worth to look at all the others. Owners that pass through a range do not
 * tell (see check_told_apart). */
static int all_there(const struct uns_shift_cmd *j, struct uns_err *err)
{
	enum uns_side side;

	for (size_t i = 0; i < j->plan.n; i++) {
		uns_auto_json json_t *args = json_deep_copy(j->plan.v[i].args);
		struct uns_step top = {.kind = j->plan.v[i].kind, .args = args};

		if (!args)
			return uns_err_nomem(err);
		json_object_del(args, "whole");
		if (look(j, &top, false, &side, err))
			return uns_change_explain(err);
		if (side != UNS_AFTER)
			return 0;
	}
	for (size_t i = 0; i < j->plan.n; i++) {
		if (look(j, &j->plan.v[i], true, &side, err))
			return uns_change_explain(err);
		if (side != UNS_AFTER)
			return 0;
	}
	return j->passes == 1;
}

static int set_seconds(struct uns_run *r, const struct timespec *began, struct uns_err *err)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return uns_run_set(r, "seconds",
	                   json_real((double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9), err);
}

static void tell_audit(struct uns_audit *a, const char *type)
{
	const struct uns_event e = {.type = type, .time = time(NULL), .to = UNS_AFTER};

	uns_audit_event(a, &e);
}

/* No other run may be at work in the tree meanwhile. Where the journal's place takes no file, it holds no transaction that could begin. */
static int hold_others_off(const struct uns_shift_cmd *j, int *ret_lock, struct uns_err *err)
{
	struct uns_err why = {0};

	if (uns_txn_lock(&j->run->root, ret_lock, &why) && why.errnum != EROFS && why.errnum != ENOSPC && why.errnum != EDQUOT) {
		*err = why;
		return -1;
	}
	return uns_change_no_pending(j->run, err);
}

static int drive_all(struct uns_shift_cmd *j, const struct uns_txn_run *listen, struct uns_audit *audit, struct uns_err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < j->plan.n; i++) {
		struct uns_step_ctx step = {.root = &j->run->root, .step = &j->plan.v[i], .record_dir = -1, .leg_start = UNS_BEFORE,
		                            .jobs = listen->jobs, .go_on = listen->go_on, .tell = listen->tell,
		                            .tell_user = listen->tell_user};
		struct uns_event e = {.type = "begin", .time = time(NULL), .step = i, .to = UNS_AFTER, .what = &j->plan.v[i]};

		listen->sink(listen->sink_user, &e);
		r = uns_stop_check(err) || uns_step_drive(&step, UNS_AFTER, err) < 0 ? -1 : 0;
		e.type = "done";
		e.time = time(NULL);
		e.result = step.result;
		if (!r) {
			uns_audit_event(audit, &e);
			listen->sink(listen->sink_user, &e);
		}
		json_decref(step.result);
	}
	return r;
}

/* Nothing is kept that could take it back or carry it on; what is told comes to the document all the same. */
static int without_journal(struct uns_shift_cmd *j, struct uns_change *c, struct uns_err *err)
{
	struct uns_change_sink sink;
	struct uns_txn_run listen;
	struct uns_audit audit;
	uns_auto_close int lock = -1;
	int r;

	if (hold_others_off(j, &lock, err) < 0)
		return -1;
	uns_change_listen(&sink, j->run, j->plan.n, &listen);
	uns_audit_open(&audit, &j->run->root, &j->plan, 0);
	tell_audit(&audit, "run");
	r = drive_all(j, &listen, &audit, err);
	tell_audit(&audit, r ? "fail" : "end");
	uns_audit_close(&audit);
	if (r && uns_stop_asked())
		uns_err_set(err, UNS_E_INCOMPLETE, "stopped; no record was kept, and the same command again goes on");
	c->changed = true;
	j->run->status = j->run->o->detailed ? UNS_EXIT_CHANGED : 0;
	return uns_change_heard(&sink, j->run, r ? NULL : err) < 0 ? -1 : r;
}

static int by_journal(const struct uns_shift_cmd *j, struct uns_change *c, struct uns_err *err)
{
	uns_auto_close int lock = -1;

	if (uns_txn_lock(&j->run->root, &lock, err) < 0 || uns_change_no_pending(j->run, err) < 0)
		return -1;
	return uns_change_carry_out(j->run, c, err);
}

static int carry_out(struct uns_shift_cmd *j, struct uns_change *c, struct uns_err *err)
{
	struct timespec began;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &began);
	r = j->run->o->shift.no_journal ? without_journal(j, c, err) : by_journal(j, c, err);
	return set_seconds(j->run, &began, r ? NULL : err) ? -1 : r;
}

static int shift(struct uns_shift_cmd *j, struct uns_change *c, struct uns_err *err)
{
	int r;

	if (uns_change_needs_root(j->run, err) < 0 ||
	    uns_change_no_pending(j->run, err) < 0 || find_places(j, err) ||
	    uns_shift_make_maps(j, err) || make_plan(j, err))
		return -1;
	c->plan = &j->plan;
	c->outlook.no_record = j->run->o->shift.no_journal;
	r = j->run->o->dry_run ? 0 : all_there(j, err);
	if (r > 0) {
		uns_run_print(j->run, "Nothing to do: all owners are there already.\n");
		c->plan = NULL;
	}
	if (r)
		return r < 0 ? -1 : 0;
	r = uns_change_gate(j->run, c, "Shift the owners?", err);
	if (r)
		return r < 0 ? -1 : uns_shift_dry_run(j, c, err);
	return carry_out(j, c, err);
}

int uns_cmd_shift(struct uns_run *r, struct uns_err *err)
{
	uns_auto(job_done) struct uns_shift_cmd *j = calloc(1, sizeof(*j));
	struct uns_change c = {.changed = false};
	int rc;

	if (!j)
		return uns_err_nomem(err);
	j->run = r;
	rc = shift(j, &c, err);
	return uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}
