/* SPDX-License-Identifier: Apache-2.0 */
/* shift: the owners of any tree, by a map. A plan of shift-tree steps, carried out as every plan is. */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"
#include "uns/step.h"
#include "uns/tree.h"

#define PASSAGE_FROM                                                                                                               \
	1073741824u /* where a free range is looked for that owners pass through: far above what is given out by hand */
#define SHOWN 5     /* paths per problem in the text of a dry run */

/* A tree that was named: a directory, or one name in a directory. */
struct place {
	char *base, *name; /* name: "." or the file in base */
};
struct job {
	struct uns_run *run;
	struct place *place;
	size_t n;
	struct uns_maps maps[2]; /* one after the other; the second is empty unless sources and targets overlap */
	unsigned passes;
	struct uns_plan plan;
};

static void job_done(struct job **job)
{
	struct job *j = *job;

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

static char *place_path(const struct place *p, struct uns_err *err)
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

/* The system itself: these and all below; or these alone, which hold what may well be shifted. */
static const char *system_part(const char *path)
{
	static const char *const trees[] = {"/bin",   "/boot",   "/dev",  "/etc",  "/lib", "/lib32",
	                                    "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr"};
	static const char *const holders[] = {"/",    "/home", "/media", "/mnt",     "/opt",     "/root",   "/run",
	                                      "/srv", "/tmp",  "/var",   "/var/lib", "/var/log", "/var/tmp"};

	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++)
		if (is_or_below(path, trees[i]))
			return trees[i];
	for (size_t i = 0; i < sizeof(holders) / sizeof(*holders); i++)
		if (!strcmp(path, holders[i]))
			return holders[i];
	return NULL;
}

static int check_engine(const struct job *j, const char *path, struct uns_err *err)
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

static int check_place(const struct job *j, const char *path, struct uns_err *err)
{
	const char *even = j->run->o->shift.even, *part;

	if (is_or_below(path, UNS_TXN_DIR) || is_or_below(UNS_TXN_DIR, path))
		return uns_err_set(err, UNS_E_REFUSED, "%s holds the journal, which must stay as it is", path);
	if (even && !strcmp(even, path))
		return 0;
	part = j->run->root.is_host ? system_part(path) : NULL;
	if (part)
		return uns_err_set(err, UNS_E_REFUSED, "%s belongs to the system itself; if you mean it, name it with --even=%s",
		                   path, path);
	return check_engine(j, path, err);
}

/* ---- paths ---- */

/* Absolute inside the root, without symlinks. */
static char *resolve(const struct job *j, const char *path, struct uns_err *err)
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

static int split(const struct job *j, const char *path, struct place *ret, struct uns_err *err)
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

static int find_places(struct job *j, struct uns_err *err)
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
		for (size_t k = 0; k < i; k++)
			if (is_or_below(paths.v[i], paths.v[k]))
				return uns_err_set(err, UNS_E_USAGE, "shift: %s is %s %s, which is named too", paths.v[i],
				                   strcmp(paths.v[i], paths.v[k]) ? "in" : "the same as", paths.v[k]);
		j->n++;
		if (split(j, paths.v[i], &j->place[i], err))
			return -1;
	}
	return 0;
}

/* ---- maps ---- */

static int usage(struct uns_err *err)
{
	if (err && err->code == UNS_E_INPUT)
		err->code = UNS_E_USAGE;
	return -1;
}

static bool overlapping(const struct uns_extents *x)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->n; k++)
			if (uns_range_overlaps((struct uns_range){x->v[i].from, x->v[i].count},
			                       (struct uns_range){x->v[k].to, x->v[k].count}))
				return true;
	return false;
}

static int make_map(const struct uns_extents *x, struct uns_map *ret, struct uns_err *err)
{
	for (size_t i = 0; i < x->n; i++)
		if (uns_map_add(ret, x->v[i], err))
			return usage(err);
	return 0;
}

static int take(struct uns_rangeset *s, struct uns_range r, struct uns_err *err)
{
	return uns_rangeset_add(s, r, "the map", err);
}

static int take_blocks(struct uns_rangeset *s, const struct uns_rangeset *blocks, struct uns_err *err)
{
	for (size_t i = 0; i < blocks->n; i++)
		if (take(s, blocks->v[i].range, err))
			return -1;
	return 0;
}

/* By a range that nobody in the trees uses, in two passes: taken has what is in use. */
static int make_passage(const struct uns_extents *x, struct uns_rangeset *taken, struct uns_map *there, struct uns_map *on,
                        struct uns_err *err)
{
	for (size_t i = 0; i < x->n; i++)
		if (take(taken, (struct uns_range){x->v[i].from, x->v[i].count}, err) ||
		    take(taken, (struct uns_range){x->v[i].to, x->v[i].count}, err))
			return -1;
	for (size_t i = 0; i < x->n; i++) {
		struct uns_extent e = x->v[i];
		uint32_t via;

		if (uns_rangeset_first_free(taken, PASSAGE_FROM, UNS_ID_LAST, e.count, UNS_ID_BLOCK, &via))
			return uns_err_set(err, UNS_E_REFUSED, "no %u IDs are free for the owners to pass through", e.count);
		if (take(taken, (struct uns_range){via, e.count}, err) ||
		    uns_map_add(there, (struct uns_extent){e.from, via, e.count}, err) ||
		    uns_map_add(on, (struct uns_extent){via, e.to, e.count}, err))
			return usage(err);
	}
	return 0;
}

static int open_place(const struct job *j, size_t i, struct uns_tree *tree, struct uns_strs *matches, struct uns_strs *symlinks,
                      struct uns_err *err)
{
	const char *pattern = j->place[i].name;

	if (uns_tree_open(&j->run->root, j->place[i].base, tree, err))
		return -1;
	return uns_tree_matches(tree, &pattern, 1, matches, symlinks, err);
}

static int census(const struct job *j, size_t i, const struct uns_maps *maps, struct uns_census *ret, struct uns_err *err)
{
	uns_auto(uns_tree_close) struct uns_tree tree = {.fd = -1};
	uns_auto(uns_strs_done) struct uns_strs matches = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs symlinks = UNS_STRS_INIT;

	if (open_place(j, i, &tree, &matches, &symlinks, err) ||
	    uns_tree_census_matches(&tree, &matches, &symlinks, maps, j->run->o->jobs, ret, err))
		return uns_change_explain(err);
	return 0;
}

static bool has(const struct uns_extents *x, bool target, uint32_t id)
{
	for (size_t i = 0; i < x->n; i++)
		if (uns_range_has((struct uns_range){target ? x->v[i].to : x->v[i].from, x->v[i].count}, id))
			return true;
	return false;
}

/* Where sources are targets too, an ID does not tell whether it was moved already. The owner of the topmost directory must. */
static int check_told_apart(const struct job *j, const struct uns_extents *uid, const struct uns_extents *gid, struct uns_err *err)
{
	for (size_t i = 0; i < j->n; i++) {
		uns_auto_free char *path = place_path(&j->place[i], err);
		struct stat st;
		bool told;

		if (!path || uns_root_stat(&j->run->root, path, &st, err) < 0)
			return -1;
		told = (has(uid, false, st.st_uid) && !has(uid, true, st.st_uid)) ||
		       (has(gid, false, st.st_gid) && !has(gid, true, st.st_gid));
		if (!told)
			return uns_err_set(
			    err, UNS_E_CONFLICT,
			    "%s belongs to %u:%u: with this map, whose sources are targets too, nobody can tell whether "
			    "it was shifted already",
			    path, st.st_uid, st.st_gid);
	}
	return 0;
}

static int make_two_passes(struct job *j, const struct uns_extents *uid, const struct uns_extents *gid, struct uns_err *err)
{
	uns_auto(uns_rangeset_done) struct uns_rangeset users = {.n = 0};
	uns_auto(uns_rangeset_done) struct uns_rangeset groups = {.n = 0};

	if (check_told_apart(j, uid, gid, err))
		return -1;
	for (size_t i = 0; i < j->n; i++) {
		uns_auto(uns_census_done) struct uns_census c = {.inodes = 0};

		if (census(j, i, NULL, &c, err) || take_blocks(&users, &c.uid_blocks, err) ||
		    take_blocks(&groups, &c.gid_blocks, err))
			return -1;
	}
	j->passes = 2;
	return make_passage(uid, &users, &j->maps[0].uid, &j->maps[1].uid, err) ||
	               make_passage(gid, &groups, &j->maps[0].gid, &j->maps[1].gid, err)
	           ? -1
	           : 0;
}

static void turn_round(struct uns_extents *x)
{
	for (size_t i = 0; i < x->n; i++)
		x->v[i] = (struct uns_extent){x->v[i].to, x->v[i].from, x->v[i].count};
}

static int make_maps(struct job *j, struct uns_err *err)
{
	const struct uns_request *q = &j->run->o->request;
	struct uns_extent all = {0, q->range.start, q->range.count ? q->range.count : UNS_ID_BLOCK};
	struct uns_extents uid = j->run->o->shift.uid, gid = j->run->o->shift.gid;
	int r;

	if (q->range_how == UNS_RANGE_EXACT)
		uid = gid = (struct uns_extents){.v = &all, .n = 1};
	if (j->run->o->shift.reverse) {
		turn_round(&uid);
		if (gid.v != uid.v)
			turn_round(&gid);
	}
	if (q->range_how != UNS_RANGE_EXACT && (overlapping(&uid) || overlapping(&gid))) {
		r = make_two_passes(j, &uid, &gid, err);
	} else {
		j->passes = 1;
		r = make_map(&uid, &j->maps[0].uid, err) || make_map(&gid, &j->maps[0].gid, err) ? -1 : 0;
	}
	if (j->run->o->shift.reverse) { /* the options stay as they were given */
		turn_round(&uid);
		if (gid.v != uid.v)
			turn_round(&gid);
	}
	return r;
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

static json_t *allow_json(const struct job *j, unsigned pass)
{
	const struct uns_strs *ignore = &j->run->o->request.ignore;
	bool keep = j->run->o->shift.keep_unmapped || uns_strs_has(ignore, "UnmappedId");
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

static int add_step(struct job *j, size_t i, unsigned pass, struct uns_err *err)
{
	json_t *args =
	    json_pack("{s:s, s:[s], s:o, s:o, s:o, s:b}", "base", j->place[i].base, "patterns", j->place[i].name, "uid",
	              map_json(&j->maps[pass].uid), "gid", map_json(&j->maps[pass].gid), "allow", allow_json(j, pass), "whole", 1);

	if (args && pass + 1 < j->passes && json_object_set_new(args, "passing", json_true()) < 0) {
		json_decref(args);
		args = NULL;
	}
	return uns_plan_add(&j->plan, "shift-tree", false, args, err);
}

static int make_plan(struct job *j, struct uns_err *err)
{
	uns_auto_free char *path = place_path(&j->place[0], err);
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

/* ---- dry run ---- */

static int put_list(struct uns_buf *b, const char *label, const struct uns_census_list *l, struct uns_err *err)
{
	if (!l->n)
		return 0;
	if (uns_buf_printf(b, err, "  %-22s %" PRIu64 ":", label, l->n))
		return -1;
	for (size_t i = 0; i < l->paths.n && i < SHOWN; i++)
		if (uns_buf_printf(b, err, "%s %s", i ? "," : "", l->paths.v[i]))
			return -1;
	return uns_buf_puts(b, l->n > SHOWN ? ", …\n" : "\n", err);
}

static int put_count(struct uns_buf *b, const char *label, uint64_t n, struct uns_err *err)
{
	return n ? uns_buf_printf(b, err, "  %-22s %" PRIu64 "\n", label, n) : 0;
}

static int census_text(const char *path, const struct uns_census *c, struct uns_buf *b, struct uns_err *err)
{
	if (uns_report_safe(path, b, err) ||
	    uns_buf_printf(b, err, ": %" PRIu64 " inodes, %" PRIu64 " bytes\n", c->inodes, c->bytes) ||
	    uns_buf_printf(b, err, "  %-22s %" PRIu64 "\n", "to be shifted", c->home))
		return -1;
	return put_list(b, "there already", &c->in_target, err) || put_list(b, "outside the map", &c->unmapped, err) ||
	               put_count(b, "setuid, flags and such", c->specials, err) ||
	               put_count(b, "with capabilities", c->capabilities, err) || put_count(b, "with ACLs", c->acls, err) ||
	               put_count(b, "with several names", c->hard_links, err) || put_list(b, "names outside", &c->outside, err) ||
	               put_list(b, "immutable or such", &c->flagged, err)
	           ? -1
	           : 0;
}

static json_t *list_json(const struct uns_census_list *l)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < l->paths.n; i++)
		if (json_array_append_new(paths, uns_report_string_json(l->paths.v[i])) < 0) {
			json_decref(paths);
			return NULL;
		}
	return json_pack("{s:I, s:o}", "count", (json_int_t)l->n, "paths", paths);
}

static json_t *census_json(const char *path, const struct uns_census *c)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "path", uns_report_string_json(path),
	                 "inodes", (json_int_t)c->inodes, "bytes", (json_int_t)c->bytes, "to_shift", (json_int_t)c->home, "already",
	                 list_json(&c->in_target), "unmapped", list_json(&c->unmapped), "specials", (json_int_t)c->specials,
	                 "capabilities", (json_int_t)c->capabilities, "acls", (json_int_t)c->acls, "hard_links",
	                 (json_int_t)c->hard_links, "links_outside", list_json(&c->outside), "flagged", list_json(&c->flagged));
}

struct refusal {
	struct uns_buf text;
};

static void refusal_done(struct refusal *f)
{
	uns_buf_done(&f->text);
}

static int refuse(const struct job *j, struct refusal *f, const struct uns_census *c, struct uns_err *err)
{
	const struct uns_strs *ignore = &j->run->o->request.ignore;
	const struct {
		uint64_t n;
		bool accepted;
		const char *what;
	} all[] = {
	    {c->unmapped.n, j->run->o->shift.keep_unmapped || uns_strs_has(ignore, "UnmappedId"),
	     "with IDs outside of the map (--unmapped=keep)"},
	    /* All there and nothing to move: that is done, not refused. */
	    {c->home ? c->in_target.n : 0, uns_strs_has(ignore, "TargetIdInUse"),
	     "with IDs that are targets (--ignore=TargetIdInUse)"},
	    {c->outside.n, uns_strs_has(ignore, "HardLinkOutside"), "with names outside the tree (--ignore=HardLinkOutside)"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].n && !all[i].accepted &&
		    uns_buf_printf(&f->text, err, "%s%" PRIu64 " inodes %s", f->text.len ? "; " : "", all[i].n, all[i].what))
			return -1;
	return 0;
}

static int one_census(const struct job *j, size_t i, struct uns_change *c, json_t *list, struct refusal *f, struct uns_err *err)
{
	uns_auto(uns_census_done) struct uns_census found = {.inodes = 0};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_free char *path = place_path(&j->place[i], err);

	if (!path || census(j, i, &j->maps[0], &found, err) || census_text(path, &found, &text, err) || refuse(j, f, &found, err))
		return -1;
	uns_run_print(j->run, text.data);
	c->changed = c->changed || found.home;
	return json_array_append_new(list, census_json(path, &found)) < 0 ? uns_err_nomem(err) : 0;
}

static int dry_run(struct job *j, struct uns_change *c, struct uns_err *err)
{
	uns_auto(refusal_done) struct refusal f = {.text = UNS_BUF_INIT};
	uns_auto_json json_t *list = json_array();

	if (!list)
		return uns_err_nomem(err);
	c->changed = false;
	for (size_t i = 0; i < j->n; i++)
		if (one_census(j, i, c, list, &f, err))
			return -1;
	if (uns_run_set(j->run, "trees", json_incref(list), err))
		return -1;
	c->changed = c->changed && !f.text.len;
	if (f.text.len)
		return uns_err_set(err, UNS_E_REFUSED, "this shift would be refused: %s", f.text.data);
	j->run->status = c->changed && j->run->o->detailed ? UNS_EXIT_CHANGED : 0;
	return 0;
}

/* ---- the run ---- */

static int look(const struct job *j, const struct uns_step *step, bool deep, enum uns_side *ret, struct uns_err *err)
{
	struct uns_step_ctx c = {
	    .root = &j->run->root, .step = step, .record_dir = -1, .leg_start = UNS_BEFORE, .deep = deep, .jobs = j->run->o->jobs};

	return uns_step_observe(&c, ret, err);
}

/* The owners of the topmost directories say whether it is worth to look at all the others. Owners that pass through a range do not
 * tell (see check_told_apart). */
static int all_there(const struct job *j, struct uns_err *err)
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

static int carry_out(struct job *j, struct uns_change *c, struct uns_err *err)
{
	uns_auto_close int lock = -1;
	struct timespec began;
	int r;

	if (uns_txn_lock(&j->run->root, &lock, err) < 0 || uns_change_no_pending(j->run, err) < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &began);
	r = uns_change_carry_out(j->run, c, err);
	return set_seconds(j->run, &began, r ? NULL : err) ? -1 : r;
}

static int shift(struct job *j, struct uns_change *c, struct uns_err *err)
{
	int r;

	if (uns_change_needs_root(j->run, err) < 0 || uns_change_no_pending(j->run, err) < 0 || find_places(j, err) ||
	    make_maps(j, err) || make_plan(j, err))
		return -1;
	c->plan = &j->plan;
	r = j->run->o->dry_run ? 0 : all_there(j, err);
	if (r > 0) {
		uns_run_print(j->run, "Nothing to do: all owners are there already.\n");
		c->plan = NULL;
	}
	if (r)
		return r < 0 ? -1 : 0;
	r = uns_change_gate(j->run, c, "Shift the owners?", err);
	if (r)
		return r < 0 ? -1 : dry_run(j, c, err);
	return carry_out(j, c, err);
}

int uns_cmd_shift(struct uns_run *r, struct uns_err *err)
{
	uns_auto(job_done) struct job *j = calloc(1, sizeof(*j));
	struct uns_change c = {.changed = false};
	int rc;

	if (!j)
		return uns_err_nomem(err);
	j->run = r;
	rc = shift(j, &c, err);
	return uns_change_document(r, &c, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}
