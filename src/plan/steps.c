/* SPDX-License-Identifier: Apache-2.0 */
/* Intent → steps. A plan is a bracket (engine down, held down, locked … and all that undone) around its middle, the lasting steps.
 * The bracket is symmetric, so that the way back, which runs the steps in reverse, opens and closes it in the same order: the
 * engine is stopped before the hold is put on and started after it is taken off, in both directions. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"

#define SETS_VOLUMES 1
#define SETS_ALL 2

/* ---- JSON ---- */

static json_t *text(const char *s, struct uns_err *err)
{
	json_t *j = json_string(s);
	uns_auto_free char *escaped = NULL;

	if (j)
		return j;
	escaped = uns_str_escape(s, err);
	if (escaped)
		uns_err_set(err, UNS_E_INPUT, "%s: expected UTF-8 text, which a plan is made of", escaped);
	return NULL;
}

static int put_text(json_t *o, const char *key, const char *s, struct uns_err *err)
{
	json_t *j = text(s, err);

	if (!j)
		return -1;
	return json_object_set_new(o, key, j) < 0 ? uns_err_nomem(err) : 0;
}

/* Takes value; NULL: out of memory. */
static int put(json_t *o, const char *key, json_t *value, struct uns_err *err)
{
	return json_object_set_new(o, key, value) < 0 ? uns_err_nomem(err) : 0;
}

static int push_text(json_t *array, const char *s, struct uns_err *err)
{
	json_t *j = text(s, err);

	if (!j)
		return -1;
	return json_array_append_new(array, j) < 0 ? uns_err_nomem(err) : 0;
}

static int put_texts(json_t *o, const char *key, const char *const list[], size_t n, struct uns_err *err)
{
	json_t *array = json_array();

	if (put(o, key, array, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (push_text(array, list[i], err) < 0)
			return -1;
	return 0;
}

static int put_strs(json_t *o, const char *key, const struct uns_strs *list, struct uns_err *err)
{
	return put_texts(o, key, (const char *const *)list->v, list->n, err);
}

/* Adds the step and takes what args points to; args of NULL: out of memory. */
static int add(struct uns_plan *p, const char *kind, bool reverse, json_t **args, struct uns_err *err)
{
	return uns_plan_add(p, kind, reverse, uns_take_ptr(*args), err);
}

/* ---- the engine ---- */

static bool has_text(const struct uns_strs *l, const json_t *j)
{
	return json_is_string(j) && uns_strs_has(l, json_string_value(j));
}

/* What the engine lists under key, without those names. */
static int put_listed(json_t *o, const char *key, const json_t *all, const struct uns_strs *without, struct uns_err *err)
{
	json_t *array = json_array();

	if (put(o, key, array, err) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *one = json_array_get(all, i);

		if (!has_text(without, one) && json_array_append(array, one) < 0)
			return uns_err_nomem(err);
	}
	return 0;
}

static int put_sets(const struct uns_intent *w, json_t *o, int sets, struct uns_err *err)
{
	/* Every engine makes these anew, whatever tree it has. */
	static char bridge[] = "bridge", host[] = "host", none[] = "none";
	char *builtin[] = {bridge, host, none};
	const struct uns_strs networks = {builtin, 3, 3}, nothing = UNS_STRS_INIT;
	const struct uns_facts *f = w->f;
	const json_t *volumes = sets & (SETS_VOLUMES | SETS_ALL) ? f->volume_names : NULL;
	bool all = sets & SETS_ALL;

	if (put_listed(o, "images", all ? f->images : NULL, &nothing, err) < 0 ||
	    put_listed(o, "containers", all ? f->containers : NULL, &w->lost_containers, err) < 0 ||
	    put_listed(o, "volumes", volumes, &w->lost_volumes, err) < 0 ||
	    put_listed(o, "networks", all ? f->networks : NULL, &networks, err) < 0)
		return -1;
	return 0;
}

static int put_adopted(const struct uns_intent *w, json_t *o, struct uns_err *err)
{
	json_t *volumes = json_object_get(o, "volumes");

	for (size_t i = 0; i < w->adopts; i++)
		if (push_text(volumes, w->adopt[i]->name, err) < 0)
			return -1;
	return 0;
}

/* Where the engine is asked, and what it must say of itself; dir: of its root below the data root, or NULL. */
struct engine {
	const char *socket, *root, *dir;
	bool userns;
};

static json_t *engine_sets(const struct uns_intent *w, const struct engine *e, int sets, struct uns_err *err)
{
	uns_auto_json json_t *o = json_object();
	uns_auto_free char *root = e->dir ? uns_str_printf(err, "%s/%s", e->root, e->dir) : uns_str_dup(e->root, err);

	if (!root)
		return NULL;
	if (put_text(o, "socket", e->socket, err) < 0 || put_text(o, "data_root", root, err) < 0 ||
	    put(o, "userns", json_boolean(e->userns), err) < 0 || put_sets(w, o, sets, err) < 0)
		return NULL;
	return uns_take_ptr(o);
}

/* Checks nothing now; on the way back, the engine with the settings of today. What it lists is of the tree that it was started
 * with, which is not the tree of its settings where these were changed under it. */
static int add_departure(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	bool changed = w->rooted || (w->f->active_dir && w->present != &w->f->nested);
	const struct engine e = {w->f->socket, w->root, w->rooted ? "0.0" : w->f->active_dir, w->f->active_dir && !w->rooted};
	uns_auto_json json_t *args = NULL;

	if (!w->stop || !w->f->socket)
		return 0;
	args = engine_sets(w, &e, changed ? 0 : SETS_ALL, err);
	return args ? add(p, "engine-sets", true, &args, err) : -1;
}

/* What is expected of the engine at the end: what it lists now, if that is what was moved, or what stays. */
static int arrival_sets(const struct uns_intent *w)
{
	if (w->r->command == UNS_DAEMON)
		return w->root_after ? 0 : w->other_driver || w->other_store ? SETS_VOLUMES : SETS_ALL;
	if (w->r->command == UNS_MIGRATE)
		return SETS_ALL;
	if (!w->move || w->present != w->source)
		return 0;
	return w->all ? SETS_ALL : SETS_VOLUMES;
}

/* Other options, the same data, as far as the engine still has the same store. */
static int add_same(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	const struct engine e = {w->socket_after, w->root_after ? w->root_after : w->root, w->rooted ? "0.0" : w->f->active_dir,
	                         w->f->active_dir && !w->rooted};
	uns_auto_json json_t *args = NULL;

	/* Remapping switched alone leads to a tree whose name the engine chooses. */
	for (size_t i = 0; i < w->edits; i++)
		if (strcmp(w->edit[i].wish->key, UNS_OPTION) == 0)
			return 0;
	args = engine_sets(w, &e, arrival_sets(w), err);
	return args ? add(p, "engine-sets", false, &args, err) : -1;
}

static int add_arrival(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	bool on = w->r->command != UNS_DISABLE;
	const struct engine e = {w->socket_after, w->root, on ? w->into : NULL, on};
	uns_auto_json json_t *args = NULL;

	if (!w->stop || !w->socket_after)
		return 0;
	if (w->r->command == UNS_DAEMON)
		return add_same(w, p, err);
	args = engine_sets(w, &e, arrival_sets(w), err);
	if (!args || put_adopted(w, args, err) < 0)
		return -1;
	return add(p, "engine-sets", false, &args, err);
}

static json_t *service_systemd(const struct uns_intent *w, struct uns_err *err)
{
	static const char *const units[] = {"docker.socket", "docker.service"};
	size_t first = w->f->socket_unit ? 0 : 1, end = w->stop ? 2 : 1; /* only what was up is brought up again */
	uns_auto_json json_t *o = json_object();

	if (put_text(o, "manager", "systemd", err) < 0 || put_texts(o, "units", units + first, end - first, err) < 0)
		return NULL;
	return uns_take_ptr(o);
}

/* Its unit does not tell when the engine is ready, so the socket must. */
static json_t *service_snap(const struct uns_intent *w, struct uns_err *err)
{
	static const char *const units[] = {UNS_SNAP_UNIT};
	uns_auto_json json_t *o = json_object();

	if (put_text(o, "manager", "snap", err) < 0 || put_texts(o, "units", units, 1, err) < 0 ||
	    put_text(o, "socket", w->f->socket ? w->f->socket : "/var/run/docker.sock", err) < 0)
		return NULL;
	return uns_take_ptr(o);
}

/* How to tell whether the daemon runs, answers, and what it said. */
static int put_traces(const struct uns_intent *w, json_t *o, struct uns_err *err)
{
	const struct uns_facts *f = w->f;

	if (put_text(o, "pidfile", f->pidfile ? f->pidfile : "/var/run/docker.pid", err) < 0 ||
	    put_text(o, "socket", f->socket ? f->socket : "/var/run/docker.sock", err) < 0)
		return -1;
	return f->log ? put_text(o, "log", f->log, err) : 0;
}

static json_t *service_script(const struct uns_intent *w, const char *manager, struct uns_err *err)
{
	uns_auto_json json_t *o = json_object();

	if (put_text(o, "manager", manager, err) < 0 || put_text(o, "service", "docker", err) < 0 || put_traces(w, o, err) < 0)
		return NULL;
	return uns_take_ptr(o);
}

static json_t *service_process(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_facts *f = w->f;
	uns_auto_json json_t *o = json_object();

	if (put_text(o, "manager", "process", err) < 0 || put_strs(o, "argv", &f->argv, err) < 0 ||
	    put_strs(o, "env", &f->environ, err) < 0 || put_text(o, "cwd", f->cwd ? f->cwd : "/", err) < 0 ||
	    put_traces(w, o, err) < 0)
		return NULL;
	return uns_take_ptr(o);
}

static json_t *service(const struct uns_intent *w, struct uns_err *err)
{
	switch (w->f->manager) {
	case UNS_MANAGER_SYSTEMD:
		return service_systemd(w, err);
	case UNS_MANAGER_SNAP:
		return service_snap(w, err);
	case UNS_MANAGER_OPENRC:
		return service_script(w, "openrc", err);
	case UNS_MANAGER_SYSVINIT:
		return service_script(w, "sysvinit", err);
	case UNS_MANAGER_PROCESS:
	case UNS_MANAGER_NONE: /* not of an engine that runs */
		break;
	}
	return service_process(w, err);
}

/* Those that ran are stopped before the engine, and run again at the end. May fail: what is not taken along, cannot run with
 * remapping, or is gone once it is stopped. */
static int add_containers(const struct uns_intent *w, struct uns_plan *p, bool start, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object(), *ids = json_object(), *may_fail = json_array();
	const char *socket = start ? w->socket_after : w->f->socket;
	bool come_along = arrival_sets(w) == SETS_ALL;

	if (!w->stop || !w->r->stop_containers || uns_plan_running(w->present) == 0)
		return 0;
	for (size_t i = 0; i < w->present->containers; i++) {
		const struct uns_container *c = &w->present->container[i];

		if (!c->running)
			continue;
		if (put_text(ids, c->id, c->name ? c->name : c->id, err) < 0)
			return -1;
		if ((!come_along || c->auto_remove || uns_plan_forbidden(w, c)) && push_text(may_fail, c->id, err) < 0)
			return -1;
	}
	if (put_text(args, "socket", socket ? socket : "/var/run/docker.sock", err) < 0 ||
	    put(args, "containers", uns_take_ptr(ids), err) < 0 || put(args, "may_fail", uns_take_ptr(may_fail), err) < 0)
		return -1;
	return add(p, "containers", start, &args, err);
}

static int add_service(const struct uns_intent *w, struct uns_plan *p, bool start, struct uns_err *err)
{
	uns_auto_json json_t *args = NULL;

	if (!w->stop && !w->hush)
		return 0;
	args = service(w, err);
	return args ? add(p, "service", start, &args, err) : -1;
}

/* ---- keeping it down ---- */

static int add_mkdir(struct uns_plan *p, bool reverse, const char *path, const char *mode, uint32_t gid, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object();

	if (put_text(args, "path", path, err) < 0 || put_text(args, "mode", mode, err) < 0 ||
	    put(args, "uid", json_integer(0), err) < 0 || put(args, "gid", json_integer(gid), err) < 0)
		return -1;
	return add(p, "mkdir", reverse, &args, err);
}

static int add_hold_file(struct uns_plan *p, bool reverse, const char *dir, struct uns_err *err)
{
	uns_auto_free char *file = uns_str_printf(err, "%s/90-usernsctl-hold.conf", dir);
	uns_auto_free char *content = NULL;
	uns_auto_json json_t *args = json_object();

	if (!file)
		return -1;
	content = uns_str_printf(err,
	                         "# usernsctl: keeps the engine down while a transaction is open; removed at its end.\n"
	                         "[Unit]\nConditionPathExists=!%s\n",
	                         file);
	if (!content || put_text(args, "file", file, err) < 0 || put_text(args, "content", content, err) < 0 ||
	    put_text(args, "mode", "0644", err) < 0)
		return -1;
	return add(p, "own-file", reverse, &args, err);
}

static int add_hold_unit(struct uns_plan *p, bool reverse, const char *dir, struct uns_err *err)
{
	if (!reverse)
		return add_mkdir(p, false, dir, "0755", 0, err) < 0 ? -1 : add_hold_file(p, false, dir, err);
	return add_hold_file(p, true, dir, err) < 0 ? -1 : add_mkdir(p, true, dir, "0755", 0, err);
}

static const char *config_file(const struct uns_intent *w)
{
	return w->f->config_file ? w->f->config_file : "/etc/docker/daemon.json";
}

int uns_intent_config_dir(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_dup(config_file(w), err);
	char *slash;

	if (!dir)
		return -1;
	slash = strrchr(dir, '/');
	if (w->f->have_config_dir || !slash || slash == dir)
		return 0;
	*slash = '\0';
	return add_mkdir(p, reverse, dir, "0755", 0, err);
}

/* For whatever starts dockerd: it refuses a daemon.json with a directive that it does not know, and names it. */
static int add_hold_member(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object();

	if (put_text(args, "file", config_file(w), err) < 0 || put_text(args, "key", UNS_HOLD_KEY, err) < 0 ||
	    put_text(args, "after", "keeps the engine down while a transaction is open; see usernsctl status", err) < 0 ||
	    put(args, "created", json_boolean(!w->f->have_config), err) < 0)
		return -1;
	return add(p, "json-member", reverse, &args, err);
}

/* Whether units of systemd start the engine. */
bool uns_plan_has_units(const struct uns_intent *w)
{
	return w->f->manager == UNS_MANAGER_SYSTEMD || w->f->manager == UNS_MANAGER_SNAP;
}

static int add_hold_config(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err)
{
	if (!reverse)
		return uns_intent_config_dir(w, p, false, err) < 0 ? -1 : add_hold_member(w, p, false, err);
	return add_hold_member(w, p, true, err) < 0 ? -1 : uns_intent_config_dir(w, p, true, err);
}

/* Over a reboot no lock lasts; a condition on a file does, and so does what the engine itself refuses. */
static int add_hold(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err)
{
	static const char *const docker[] = {"/etc/systemd/system/docker.service.d", "/etc/systemd/system/docker.socket.d"};
	static const char *const snap[] = {"/etc/systemd/system/" UNS_SNAP_UNIT ".d"};
	const char *const *dirs = w->f->manager == UNS_MANAGER_SNAP ? snap : docker;
	size_t n = dirs == docker && w->f->socket_unit ? 2 : 1;

	if (!w->move)
		return 0;
	if (!uns_plan_has_units(w))
		return add_hold_config(w, p, reverse, err);
	for (size_t i = 0; i < n; i++)
		if (add_hold_unit(p, reverse, dirs[reverse ? n - 1 - i : i], err) < 0)
			return -1;
	return 0;
}

static int add_interlock(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object();

	if (!w->move || w->f->offline)
		return 0;
	if (put_text(args, "data_root", w->root, err) < 0 ||
	    put_text(args, "exec_root", w->f->exec_root ? w->f->exec_root : "/var/run/docker", err) < 0)
		return -1;
	return add(p, "interlock", reverse, &args, err);
}

/* ---- user and ranges ---- */

static int add_account(const struct uns_intent *w, struct uns_plan *p, const char *user, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object();

	if (!w->account)
		return 0;
	if (put_text(args, "user", user, err) < 0 || put_text(args, "group", user, err) < 0)
		return -1;
	return add(p, "account", false, &args, err);
}

/* The line is to be there (enable), or is there and the plan is turned round (disable). */
static int add_line(struct uns_plan *p, enum uns_idkind kind, char *line, bool created, struct uns_err *err)
{
	uns_auto_free char *text = line;

	if (!text)
		return -1;
	return uns_plan_add(p, "subid-lines", false,
	                    json_pack("{s:s, s:[], s:[s], s:b}", "file", UNS_SUBID_FILE(kind), "before", "after", text, "created",
	                              created),
	                    err);
}

/* For disable the line that is there, byte by byte. */
static char *line_of(const struct uns_intent *w, enum uns_idkind kind, const char *user, struct uns_err *err)
{
	const struct uns_subid *s = &w->f->ids.sub[kind].s;
	uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT;

	if (w->r->command != UNS_DISABLE)
		return uns_subid_line_text(user, kind == UNS_UID ? w->shift.uid : w->shift.gid, err);
	if (uns_subid_raw(s, uns_plan_own(w->f, kind, user).first, &raw, err) < 0)
		return NULL;
	return uns_buf_take(&raw, err);
}

static int add_lines(const struct uns_intent *w, struct uns_plan *p, const char *user, struct uns_err *err)
{
	const bool wanted[UNS_IDKINDS] = {w->subuid, w->subgid};

	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		bool created = w->r->command != UNS_DISABLE && !w->f->ids.sub[kind].exists;

		if (wanted[kind] && uns_ranges_editable(&w->f->ids, (enum uns_idkind)kind, err) < 0)
			return -1;
		if (wanted[kind] && add_line(p, (enum uns_idkind)kind, line_of(w, (enum uns_idkind)kind, user, err), created, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- data ---- */

static int put_range(json_t *o, const char *key, struct uns_range r, struct uns_err *err)
{
	json_t *range = json_object();

	if (put(o, key, range, err) < 0 || put(range, "start", json_integer(r.start), err) < 0 ||
	    put(range, "count", json_integer(r.count), err) < 0)
		return -1;
	return 0;
}

static int put_allow(const struct uns_intent *w, json_t *o, struct uns_err *err)
{
	static const char *const risks[][2] = {
	    {"UnmappedId", "unmapped"},
	    {"TargetIdInUse", "in-target"},
	    {"HardLinkOutside", "hard-links"},
	    {"VolumeSymlink", "symlinks"},
	};
	const char *allowed[5] = {"flags"};
	size_t n = 1;

	for (size_t i = 0; i < 4; i++)
		if (uns_strs_has(&w->r->ignore, risks[i][0]))
			allowed[n++] = risks[i][1];
	return put_texts(o, "allow", allowed, n, err);
}

static int add_shift(const struct uns_intent *w, struct uns_plan *p, const struct uns_strs *patterns, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object();

	if (patterns->n == 0)
		return 0;
	if (put_text(args, "base", w->root, err) < 0 || put_strs(args, "patterns", patterns, err) < 0 ||
	    put_text(args, "into", w->into, err) < 0 || put_range(args, "uid", w->shift.uid, err) < 0 || put_range(args, "gid", w->shift.gid, err) < 0 ||
	    put_allow(w, args, err) < 0)
		return -1;
	/* The engine is stopped, and the interlock says that no container is left; an offline root has none. */
	if (!w->f->offline && json_object_set_new(args, "exclusive", json_true()) < 0)
		return uns_err_nomem(err);
	return add(p, "shift-tree", false, &args, err);
}

static int add_owner_mode(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs patterns = UNS_STRS_INIT;
	uns_auto_json json_t *args = json_object();

	if (uns_layout_structure(&w->source->drivers, w->all, &patterns, err) < 0)
		return -1;
	if (put_text(args, "base", w->root, err) < 0 || put_strs(args, "patterns", &patterns, err) < 0 ||
	    put_text(args, "into", w->into, err) < 0 || put(args, "gid", json_integer(w->shift.gid.start), err) < 0)
		return -1;
	return add(p, "owner-mode", false, &args, err);
}

static size_t count(const char *const list[])
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static int add_json_paths(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto_json json_t *args = json_object();

	if (!w->all || w->source->containers == 0)
		return 0;
	if (put_text(args, "base", w->root, err) < 0 ||
	    put_texts(args, "patterns", uns_layout_json_files, count(uns_layout_json_files), err) < 0 ||
	    put_texts(args, "fields", uns_layout_json_fields, count(uns_layout_json_fields), err) < 0 ||
	    put_text(args, "into", w->into, err) < 0)
		return -1;
	return add(p, "json-paths", false, &args, err);
}

/* refilled: a later step makes the name in from_dir anew. */
static int add_rename(struct uns_plan *p, const char *from_dir, const char *to_dir, const char *name, bool refilled,
                      struct uns_err *err)
{
	uns_auto_free char *from = uns_str_printf(err, "%s/%s", from_dir, name);
	uns_auto_free char *to = uns_str_printf(err, "%s/%s", to_dir, name);
	uns_auto_json json_t *args = json_object();

	if (!from || !to || put_text(args, "from", from, err) < 0 || put_text(args, "to", to, err) < 0 ||
	    (refilled && put(args, "refilled", json_true(), err) < 0))
		return -1;
	return add(p, "rename", false, &args, err);
}

static int add_nest(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	static const char *const keep[] = {"lost+found"};
	uns_auto_json json_t *args = json_object();

	if (put_text(args, "dir", w->root, err) < 0 || put_text(args, "into", w->into, err) < 0 ||
	    put(args, "gid", json_integer(w->shift.gid.start), err) < 0 || put_texts(args, "keep", keep, 1, err) < 0)
		return -1;
	return add(p, "nest", false, &args, err);
}

static int add_place(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	if (w->all)
		return add_nest(w, p, err);
	if (add_mkdir(p, false, w->inner, "0710", w->shift.gid.start, err) < 0)
		return -1;
	return add_rename(p, w->root, w->inner, "volumes", false, err);
}

static int add_data(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs patterns = UNS_STRS_INIT;

	if (!w->move)
		return 0;
	if (uns_layout_shift(&w->source->drivers, w->all, &patterns, err) < 0)
		return -1;
	if (add_owner_mode(w, p, err) < 0 || add_shift(w, p, &patterns, err) < 0 || add_json_paths(w, p, err) < 0)
		return -1;
	return add_place(w, p, err);
}

/* The empty tree that an engine made where the data goes, under a hidden name that no engine looks at. */
static int add_aside_inner(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto_free char *to = uns_str_printf(err, "%s/.%s.aside", w->root, w->into);
	uns_auto_json json_t *args = json_object();

	if (!to || put_text(args, "from", w->inner, err) < 0 || put_text(args, "to", to, err) < 0 ||
	    put(args, "refilled", json_true(), err) < 0)
		return -1;
	return add(p, "rename", false, &args, err);
}

static int add_aside_flat(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/.before-%s.aside", w->root, w->into);

	if (!dir || add_mkdir(p, false, dir, "0700", 0, err) < 0)
		return -1;
	for (size_t i = 0; i < w->f->flat.entries.n; i++)
		if (add_rename(p, w->root, dir, w->f->flat.entries.v[i], true, err) < 0)
			return -1;
	return 0;
}

static int add_aside(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	if (!w->aside)
		return 0;
	return w->r->command == UNS_DISABLE ? add_aside_flat(w, p, err) : add_aside_inner(w, p, err);
}

/* ---- volumes of an old tree ---- */

static int put_copy(json_t *o, const char *key, const json_t *value, struct uns_err *err)
{
	return put(o, key, json_is_object(value) ? json_deep_copy(value) : json_object(), err);
}

/* Only the engine can write a volume's labels: it makes the volume while it still runs, the contents follow when it is down. */
static int add_volumes(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	for (size_t i = 0; w->f->running && i < w->adopts; i++) {
		const struct uns_volume *v = w->adopt[i];
		uns_auto_free char *path = uns_str_printf(err, "%s/volumes/%s", w->inner, v->name);
		uns_auto_json json_t *args = json_object();

		if (!path || put_text(args, "socket", w->f->socket ? w->f->socket : "/var/run/docker.sock", err) < 0 ||
		    put_text(args, "path", path, err) < 0 || put_text(args, "name", v->name, err) < 0 ||
		    put_copy(args, "labels", v->labels, err) < 0 || put_copy(args, "options", v->options, err) < 0 ||
		    add(p, "volume", false, &args, err) < 0)
			return -1;
	}
	return 0;
}

static int add_contents(const struct uns_intent *w, struct uns_plan *p, const struct uns_volume *v, struct uns_err *err)
{
	uns_auto_free char *from = uns_str_printf(err, "%s/volumes/%s/_data", w->root, v->name);
	uns_auto_free char *to = uns_str_printf(err, "%s/volumes/%s/_data", w->inner, v->name);
	uns_auto_json json_t *args = json_object();

	if (!from || !to || put_text(args, "from", from, err) < 0 || put_text(args, "to", to, err) < 0 ||
	    put(args, "over_empty", json_true(), err) < 0 || put(args, "uid", json_integer(w->shift.uid.start), err) < 0 ||
	    put(args, "gid", json_integer(w->shift.gid.start), err) < 0 || put_text(args, "mode", "0755", err) < 0)
		return -1;
	return add(p, "rename", false, &args, err);
}

/* What the old volume's directory leaves behind: without this a second migrate would find the name in both trees. */
static int add_leftover(const struct uns_intent *w, struct uns_plan *p, const char *dir, const char *name, struct uns_err *err)
{
	uns_auto_free char *volumes = uns_str_printf(err, "%s/volumes", w->root);

	return volumes ? add_rename(p, volumes, dir, name, false, err) : -1;
}

/* The engine has made the volumes; their contents go there. */
static int add_taken_over(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/.adopted-by-%s", w->root, w->into);

	if (!dir || add_mkdir(p, false, dir, "0700", 0, err) < 0)
		return -1;
	for (size_t i = 0; i < w->adopts; i++) {
		const struct uns_volume *v = w->adopt[i];

		if ((!v->mounted_type && add_contents(w, p, v, err) < 0) || add_leftover(w, p, dir, v->name, err) < 0)
			return -1;
	}
	return 0;
}

/* Without an engine the volumes go whole; the new one finds them when it starts. */
static int add_moved(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto_free char *from = uns_str_printf(err, "%s/volumes", w->root);
	uns_auto_free char *to = uns_str_printf(err, "%s/volumes", w->inner);

	if (!from || !to)
		return -1;
	for (size_t i = 0; i < w->adopts; i++)
		if (add_rename(p, from, to, w->adopt[i]->name, false, err) < 0)
			return -1;
	return 0;
}

static int add_adoption(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs patterns = UNS_STRS_INIT;

	for (size_t i = 0; i < w->adopts; i++) {
		uns_auto_free char *pattern = NULL;

		if (w->adopt[i]->mounted_type)
			continue;
		pattern = uns_str_printf(err, "volumes/%s/_data", w->adopt[i]->name);
		if (!pattern || uns_strs_add(&patterns, pattern, err) < 0)
			return -1;
	}
	if (w->adopts == 0)
		return 0;
	if (add_shift(w, p, &patterns, err) < 0)
		return -1;
	return w->f->running ? add_taken_over(w, p, err) : add_moved(w, p, err);
}

/* ---- together ---- */

/* What enable makes, in its order; disable takes the same steps backwards. */
static int add_lasting(const struct uns_intent *w, struct uns_plan *p, const char *user, struct uns_err *err)
{
	if (add_account(w, p, user, err) < 0 || add_lines(w, p, user, err) < 0)
		return -1;
	/* From 26 on dockerd looks the user and its ranges up; before the data, for a refusal that late would cost a way back. */
	if (w->r->command != UNS_DISABLE && uns_plan_validate_step(w, p, err) < 0)
		return -1;
	if (add_data(w, p, err) < 0)
		return -1;
	return uns_plan_option_steps(w, p, err);
}

static int add_mirrored(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan forward = {0};

	if (add_lasting(w, &forward, w->owner, err) < 0)
		return -1;
	for (size_t i = forward.n; i > 0; i--) {
		const struct uns_step *s = &forward.v[i - 1];

		if (uns_plan_add(p, s->kind, !s->reverse, json_incref(s->args), err) < 0)
			return -1;
	}
	return 0;
}

static int add_middle(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	switch (w->r->command) {
	case UNS_ENABLE:
		return add_lasting(w, p, w->r->user, err);
	case UNS_DISABLE:
		return add_mirrored(w, p, err);
	case UNS_MIGRATE:
		return add_adoption(w, p, err);
	case UNS_DAEMON:
		return uns_plan_option_steps(w, p, err);
	}
	return uns_err_set(err, UNS_E_FAILED, "unknown command");
}

int uns_plan_steps(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	/* Nothing of it needs the engine down: one that says no goes on running. */
	if (w->r->command == UNS_DAEMON && uns_plan_validate_step(w, p, err) < 0)
		return -1;
	if (add_containers(w, p, false, err) < 0 || add_departure(w, p, err) < 0 || add_volumes(w, p, err) < 0)
		return -1;
	if (add_service(w, p, false, err) < 0 || add_hold(w, p, false, err) < 0 || add_interlock(w, p, false, err) < 0)
		return -1;
	/* Not mirrored, as the rest of disable is: it asks on the way there. */
	if (w->r->command == UNS_DISABLE && uns_plan_validate_step(w, p, err) < 0)
		return -1;
	if (add_aside(w, p, err) < 0 || add_middle(w, p, err) < 0)
		return -1;
	if (add_interlock(w, p, true, err) < 0 || add_hold(w, p, true, err) < 0 || add_service(w, p, true, err) < 0)
		return -1;
	return add_arrival(w, p, err) < 0 ? -1 : add_containers(w, p, true, err);
}
