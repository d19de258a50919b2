/* SPDX-License-Identifier: Apache-2.0 */
/* Intent → findings: what stops it, breaks under it or collides. Each with a reason in plain words and, where one exists, a remedy.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"

#define NAMED_MAX 10

static const char *command(const struct uns_intent *w)
{
	static const char *const commands[] = {"usernsctl enable docker", "usernsctl disable docker", "usernsctl migrate",
	                                       "usernsctl daemon set"};

	return commands[w->r->command];
}

/* "a, b and 3 more"; all: how many there are, listed or not. */
static char *join(const struct uns_strs *l, uint64_t all, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < l->n; i++)
		if (uns_buf_printf(&b, err, "%s%s", i ? ", " : "", l->v[i]) < 0)
			return NULL;
	if (all > l->n && uns_buf_printf(&b, err, " and %llu more", (unsigned long long)(all - l->n)) < 0)
		return NULL;
	return uns_buf_take(&b, err);
}

/* ---- the option ---- */

static char *place_text(const struct uns_setting *s, struct uns_err *err)
{
	if (!s->file)
		return uns_str_printf(err, "the running engine's command line (\"%s\")", s->value);
	if (!s->line)
		return uns_str_printf(err, "%s (\"%s\")", s->file, s->value);
	return uns_str_printf(err, "%s:%u (\"%s\")", s->file, s->line, s->value);
}

static int check_twice(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs places = UNS_STRS_INIT;
	uns_auto_free char *text = NULL;
	const struct uns_setting *s;

	for (size_t at = 0; (s = uns_settings_next(&w->f->options, UNS_OPTION, &at));) {
		uns_auto_free char *place = NULL;

		if (!uns_plan_is_place(w->f, s))
			continue;
		place = place_text(s, err);
		if (!place || uns_strs_add(&places, place, err) < 0)
			return -1;
	}
	if (places.n < 2)
		return 0;
	text = join(&places, places.n, err);
	if (!text)
		return -1;
	return uns_intent_add(w, "OptionTwice", UNS_OPTION, "leave the option in one of these places", err,
	                      "the option is set in %zu places, with which the engine does not start: %s", places.n, text);
}

static int check_root(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_free char *tree = NULL;

	if (!w->rooted)
		return 0;
	if (uns_intent_add(w, "OptionRoot", UNS_OPTION, NULL, err,
	                   "the option names root, which cannot be remapped to itself: user namespaces are off") < 0)
		return -1;
	if (!uns_strs_has(&w->f->remap_dirs, "0.0"))
		return 0;
	tree = uns_str_printf(err, "%s/0.0", w->root);
	if (!tree)
		return -1;
	return uns_intent_add(
	    w, "RootTree", tree,
	    "stop the engine, move what lies in 0.0 up into the data root, take the option out, start the engine", err,
	    "with the option value root the engine keeps its data in %s, unshifted; that tree is not taken along", tree);
}

static int check_owner(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_facts *f = w->f;

	if (!w->owner || w->rooted)
		return 0;
	if (strcmp(w->owner, w->r->user) != 0) {
		if (!uns_plan_has_data(&f->nested))
			return 0;
		return uns_intent_add(w, "OptionForeign", w->owner,
		                      "$ usernsctl disable docker && usernsctl enable docker\twhich brings that data home first", err,
		                      "remapping is on for the user %s, and %s/%s holds data", w->owner, w->root, f->active_dir);
	}
	if (w->move || w->r->migrate == UNS_MIGRATE_NONE || !w->have_shift || !uns_plan_has_data(&f->flat) ||
	    !uns_plan_has_data(&f->nested))
		return 0;
	return uns_intent_add(w, "RemapActive", w->root, "$ usernsctl migrate\tadopts the volumes that were left behind", err,
	                      "remapping is on already, with data in %s; what lies in %s itself is from before and not in use",
	                      w->inner, w->root);
}

static int check_off(const struct uns_intent *w, struct uns_err *err)
{
	if (w->option)
		return 0;
	if (w->r->command == UNS_DISABLE)
		return uns_intent_add(w, "NotEnabled", UNS_OPTION, NULL, err, "remapping is off: there is nothing to disable");
	return uns_intent_add(w, "MigrateNeedsRemap", UNS_OPTION, "$ usernsctl enable docker", err,
	                      "remapping is off; enable switches it on and takes all data along");
}

static int check_option(const struct uns_intent *w, struct uns_err *err)
{
	if (check_twice(w, err) < 0 || uns_plan_check_options(w, err) < 0 || check_root(w, err) < 0)
		return -1;
	if (w->r->command == UNS_DAEMON)
		return 0;
	return w->r->command == UNS_ENABLE ? check_owner(w, err) : check_off(w, err);
}

/* ---- the user ---- */

/* What both useradd and every reader of the files takes for a name; "default" and root mean something else to the engine. */
static bool is_fit(const char *user)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_";

	if (!*user || !strchr(first, *user) || strlen(user) > 31)
		return false;
	if (strcmp(user, "default") == 0 || strcmp(user, "root") == 0)
		return false;
	return strspn(user, "abcdefghijklmnopqrstuvwxyz_0123456789-") == strlen(user);
}

static int check_incomplete(const struct uns_intent *w, struct uns_err *err)
{
	const char *user = w->r->user;
	bool have_user = uns_accounts_name(&w->f->ids.users, user), have_group = uns_accounts_name(&w->f->ids.groups, user);
	uns_auto_free char *remedy = NULL, *word = NULL;

	if (have_user == have_group)
		return 0;
	word = uns_str_shell(user, err);
	remedy = word ? uns_str_printf(err, have_user ? "$ groupadd --system %s" : "$ groupdel %s\t(it is made together with the user)", word)
	              : NULL;
	if (!remedy)
		return -1;
	return uns_intent_add(w, "UserIncomplete", user, remedy, err,
	                      "there is a %s %s, but no %s of that name, which the engine needs", have_user ? "user" : "group",
	                      user, have_user ? "group" : "user");
}

static int check_user(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_account *account;

	if (w->r->command == UNS_MIGRATE)
		return 0;
	if (w->r->command == UNS_DISABLE) {
		if (!w->r->purge || !w->work || w->account || !uns_accounts_name(&w->f->ids.users, w->owner))
			return 0;
		return uns_intent_add(w, "PurgeKeepsUser", w->owner, NULL, err,
		                      "the user is no system account with a group of its own: it is kept");
	}
	account = uns_accounts_name(&w->f->ids.users, w->r->user);
	if (!is_fit(w->r->user) || (account && account->id == 0))
		return uns_intent_add(
		    w, "UserUnfit", w->r->user, "$ usernsctl enable docker --user=dockremap", err,
		    "the remap user needs a name of small letters, digits, '-' and '_', and must not be root or default");
	return check_incomplete(w, err);
}

/* ---- engine and kernel ---- */

size_t uns_plan_running(const struct uns_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->containers; i++)
		n += s->container[i].running;
	return n;
}

/* The names of those that run. */
static char *running_names(const struct uns_store *s, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	size_t n = uns_plan_running(s);

	for (size_t i = 0; i < s->containers && names.n < NAMED_MAX; i++) {
		const struct uns_container *c = &s->container[i];
		uns_auto_free char *name = c->running ? uns_str_printf(err, "%s%s", c->name ? c->name : c->id, c->paused ? " (paused)" : "") : NULL;

		if (c->running && (!name || uns_strs_add(&names, name, err) < 0))
			return NULL;
	}
	return join(&names, n, err);
}

static bool any_paused(const struct uns_store *s)
{
	for (size_t i = 0; i < s->containers; i++)
		if (s->container[i].running && s->container[i].paused)
			return true;
	return false;
}

/* Whether the engine that runs keeps its containers when it stops, and the one after the change takes them over: else that one kills
 * them when it starts. */
static int read_live_restore(const struct uns_intent *w, bool *ret_keeps, bool *ret_takes, struct uns_err *err)
{
	uns_auto_json json_t *after = NULL;
	const struct uns_setting *s;

	*ret_keeps = *ret_takes = w->f->live_restore;
	if (w->r->command != UNS_DAEMON)
		return 0;
	if (uns_plan_value(&w->words, w->config, "live-restore", &after, err) < 0)
		return -1;
	*ret_takes = json_is_true(after);
	*ret_keeps = false;
	for (size_t at = 0; (s = uns_settings_next(&w->f->options, "live-restore", &at));)
		*ret_keeps |= s->in_effect && json_is_true(s->json);
	return 0;
}

/* An engine that is down cannot stop what it left running. */
static int add_live_restore(const struct uns_intent *w, size_t n, const char *names, struct uns_err *err)
{
	uns_auto_free char *remedy = NULL;

	if (w->stop && w->r->stop_containers)
		return 0;
	if (w->r->command == UNS_DAEMON)
		return uns_intent_add(w, "LiveRestore", "live-restore",
		                      "--stop-containers stops them and starts them again at the end; --no-restart leaves the engine alone",
		                      err,
		                      "%zu containers keep running while the engine is stopped, and the engine kills them when it starts "
		                      "without live-restore: %s",
		                      n, names);
	remedy = w->stop ? uns_str_printf(err, "$ %s --stop-containers\tstops them and starts them again at the end", command(w))
	                 : uns_str_dup("start the engine and run this again with --stop-containers", err);
	if (!remedy)
		return -1;
	return uns_intent_add(w, "LiveRestore", "live-restore", remedy, err,
	                      "%zu containers keep running while the engine is stopped, and would see their files change owner: %s",
	                      n, names);
}

static int check_running(const struct uns_intent *w, struct uns_err *err)
{
	size_t n = uns_plan_running(w->present);
	uns_auto_free char *names = NULL;
	bool keeps, takes;

	if (n == 0 || (!w->move && !w->stop))
		return 0;
	names = running_names(w->present, err);
	if (!names || read_live_restore(w, &keeps, &takes, err) < 0)
		return -1;
	if (keeps)
		return w->r->command == UNS_DAEMON && takes ? 0 : add_live_restore(w, n, names, err);
	if (!w->stop || w->r->stop_containers)
		return 0;
	return uns_intent_add(w, "ContainersRunning", "docker", "--stop-containers starts them again at the end", err,
	                      "%zu containers run and stop with the engine; only those with a restart policy come up again by "
	                      "themselves%s: %s",
	                      n, any_paused(w->present) ? ", and a paused one comes up unpaused" : "", names);
}

/* Who may not see the engine's process cannot tell how it is started. */
static int check_restart(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_facts *f = w->f;

	if (f->told && !f->running)
		return 0;
	if (f->running && w->r->no_restart && w->move &&
	    uns_intent_add(w, "NoRestartNeedsStop", "--no-restart", "leave --no-restart out, or stop the engine first", err,
	                   "data must be moved, which cannot be done under a running engine") < 0)
		return -1;
	if (w->stop && f->manager != UNS_MANAGER_SYSTEMD && !f->socket &&
	    uns_intent_add(w, "EngineUnmanaged", "dockerd", "let it listen on a unix socket too (-H unix://)", err,
	                   "the engine listens on no unix socket, so nothing tells when it has started") < 0)
		return -1;
	if ((w->stop || (f->running && w->adopts > 0)) && (!f->socket || !f->containers) &&
	    uns_intent_add(
	        w, "EngineSilent", f->socket ? f->socket : "dockerd", NULL, err,
	        "the running engine does not answer on a unix socket: its images, containers, volumes and networks cannot be "
	        "compared afterwards") < 0)
		return -1;
	return 0;
}

static int check_engine(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_facts *f = w->f;

	if (!f->installed && uns_intent_add(w, "NotInstalled", "docker", NULL, err,
	                                    "the engine is not installed: it will find its settings when it is") < 0)
		return -1;
	return check_running(w, err) < 0 ? -1 : check_restart(w, err);
}

/* ---- the trees ---- */

static int check_drivers(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_strs *drivers = &w->source->drivers;

	for (size_t i = 0; w->move && w->all && i < drivers->n; i++) {
		const struct uns_layout_driver *d = uns_layout_driver_find(drivers->v[i]);

		if (d && d->supported)
			continue;
		if (uns_intent_add(w, "StorageDriver", drivers->v[i],
		                   w->r->command == UNS_ENABLE
		                       ? "usernsctl enable docker --migrate=volumes leaves images and containers behind"
		                       : NULL,
		                   err, "layers of the storage driver %s cannot be shifted in place", drivers->v[i]) < 0)
			return -1;
	}
	return 0;
}

/* An empty store is nobody's loss. */
static bool lists_from_containerd(const struct uns_facts *f)
{
	return f->containerd_store && (json_array_size(f->images) || json_array_size(f->containers));
}

/* Docker 29 and later: with remapping an engine refuses the explicit setting and silently leaves the store unused without it. */
static int check_containerd(const struct uns_intent *w, struct uns_err *err)
{
	if (!w->all || !((w->move && w->source->containerd_images) || (w->work && lists_from_containerd(w->f))))
		return 0;
	return uns_intent_add(
	    w, "ContainerdImageStore", w->root,
	    w->r->command == UNS_ENABLE ? "usernsctl enable docker --migrate=volumes leaves images and containers behind" : NULL,
	    err, "images and containers are in the containerd image store, which the engine does not use with remapping");
}

static int check_target(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_facts *f = w->f;
	uns_auto_free char *remedy = NULL;

	if (w->r->command != UNS_ENABLE || !w->move || w->aside || !uns_strs_has(&f->remap_dirs, w->into))
		return 0;
	if (f->active_dir && strcmp(f->active_dir, w->into) == 0 && f->nested.entries.n == 0)
		return 0;
	remedy = uns_str_printf(err, "if its data is not needed: mv %s %s/.%s.old", w->inner, w->root, w->into);
	if (!remedy)
		return -1;
	return uns_intent_add(
	    w, "TargetDirTaken", w->inner, remedy, err,
	    "the directory exists already, left by an earlier remapping; the data of today would have to go there");
}

static int check_both(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_free char *entries = NULL;

	if (w->r->command != UNS_DISABLE || !w->move || w->aside || !uns_plan_has_data(&w->f->flat))
		return 0;
	entries = join(&w->f->flat.entries, w->f->flat.entries.n, err);
	if (!entries)
		return -1;
	return uns_intent_add(w, "BothTreesHaveData", w->root,
	                      "usernsctl migrate adopts the old volumes; move the rest of the old tree out of the data root", err,
	                      "%s holds data, and so does the data root itself, where it would go: %s", w->inner, entries);
}

static int check_started(const struct uns_intent *w, struct uns_err *err)
{
	if (w->r->command != UNS_MIGRATE || !w->work || uns_strs_has(&w->f->nested.entries, "volumes"))
		return 0;
	return uns_intent_add(w, "NeverStarted", w->inner, "$ usernsctl enable docker\ttakes everything along", err,
	                      "remapping is configured, but the engine has not made its tree yet");
}

/* "name" of "X/name/Y" with text around it, or false. */
static bool is_volume_mount(const struct uns_store *s, const char *path)
{
	const char *name, *slash;

	if (!uns_str_starts(path, "volumes/"))
		return false;
	name = path + strlen("volumes/");
	slash = strchr(name, '/');
	if (!slash || strcmp(slash, "/_data") != 0)
		return false;
	for (size_t i = 0; i < s->volumes; i++)
		if (s->volume[i].mounted_type && strlen(s->volume[i].name) == (size_t)(slash - name) &&
		    strncmp(s->volume[i].name, name, (size_t)(slash - name)) == 0)
			return true;
	return false;
}

/* Matches "dir/<any>/name" and, with below, what lies under it. */
static bool is_in(const char *path, const char *dir, const char *name, bool below)
{
	size_t len = strlen(dir);

	if (strncmp(path, dir, len) != 0 || path[len] != '/')
		return false;
	path = strchr(path + len + 1, '/');
	if (!path || strncmp(path + 1, name, strlen(name)) != 0)
		return false;
	path += 1 + strlen(name);
	return *path == '\0' || (below && *path == '/');
}

/* Mounts that an engine makes and takes away again when it stops. path: below its root. */
static bool is_engine_mount(const struct uns_store *s, const char *path)
{
	return *path == '\0' || is_in(path, "overlay2", "merged", false) || is_in(path, "fuse-overlayfs", "merged", false) ||
	       is_in(path, "containers", "mounts", true) || is_volume_mount(s, path) || uns_path_below(path, "netns");
}

static bool is_foreign_mount(const struct uns_intent *w, const char *point)
{
	const char *path, *inner = w->f->active_dir;

	if (!uns_path_below(point, w->root))
		return false;
	path = point + strlen(w->root);
	path += *path == '/';
	if (!inner || !uns_path_below(path, inner))
		return !is_engine_mount(&w->f->flat, path);
	path += strlen(inner);
	path += *path == '/';
	return !is_engine_mount(&w->f->nested, path);
}

static int check_mounts(const struct uns_intent *w, struct uns_err *err)
{
	for (size_t i = 0; w->move && i < w->f->mounts.n; i++) {
		uns_auto_free char *point = NULL;

		if (!is_foreign_mount(w, w->f->mounts.v[i].point))
			continue;
		point = uns_str_escape(w->f->mounts.v[i].point, err);
		if (!point ||
		    uns_intent_add(w, "NestedMount", point, "unmount it, or move what is on it into the data root", err,
		                   "%s is mounted below the data root: nothing can be renamed across it, and it is not entered",
		                   w->f->mounts.v[i].fstype ? w->f->mounts.v[i].fstype : "a file system") < 0)
			return -1;
	}
	return 0;
}

static int check_trees(const struct uns_intent *w, struct uns_err *err)
{
	if (w->move && w->f->data_root_readonly &&
	    uns_intent_add(w, "DataRootReadOnly", w->root, "mount it read-write", err, "the data root is on a read-only mount") < 0)
		return -1;
	if (check_drivers(w, err) < 0 || check_containerd(w, err) < 0 || check_target(w, err) < 0 || check_both(w, err) < 0)
		return -1;
	return check_started(w, err) < 0 ? -1 : check_mounts(w, err);
}

/* ---- the census ---- */

static bool concerns(const struct uns_intent *w, const char *path)
{
	if (w->r->command != UNS_MIGRATE)
		return w->all || uns_str_starts(path, "volumes/");
	for (size_t i = 0; i < w->adopts; i++) {
		const char *name = w->adopt[i]->name;

		if (uns_str_starts(path, "volumes/") && uns_str_starts(path + 8, name) && path[8 + strlen(name)] == '/')
			return true;
	}
	return false;
}

/* With whose layer it is in. */
static int add_path(const struct uns_intent *w, const char *path, struct uns_strs *ret, struct uns_err *err)
{
	const char *whose = uns_images_whose(&w->source->images, path);
	uns_auto_free char *text = whose ? uns_str_printf(err, "%s [%s]", path, whose) : NULL;

	return whose && !text ? -1 : uns_strs_add(ret, text ? text : path, err);
}

/* The census is of whole trees. Where only volumes are taken, files of layers do not count; but only a whole list can be sifted. */
static int sift(const struct uns_intent *w, const struct uns_census_list *l, uint64_t *ret_n, char **ret_text, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs paths = UNS_STRS_INIT;
	bool whole = l->n == l->paths.n;
	uint64_t n;

	for (size_t i = 0; i < l->paths.n; i++)
		if ((!whole || concerns(w, l->paths.v[i])) && add_path(w, l->paths.v[i], &paths, err) < 0)
			return -1;
	n = whole ? paths.n : l->n;
	if (n == 0) {
		*ret_n = 0;
		return 0;
	}
	*ret_text = join(&paths, n, err);
	if (!*ret_text)
		return -1;
	*ret_n = n;
	return 0;
}

static int check_list(const struct uns_intent *w, const struct uns_census_list *l, const char *id, const char *remedy,
                      const char *what, struct uns_err *err)
{
	uns_auto_free char *text = NULL;
	uns_auto_free char *ignore = NULL;
	uint64_t n = 0;

	if (sift(w, l, &n, &text, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	if (!remedy) {
		ignore = uns_str_printf(err, "%s --ignore=%s accepts it", command(w), id);
		if (!ignore)
			return -1;
	}
	return uns_intent_add(w, id, w->root, remedy ? remedy : ignore, err, "%s (%llu): %s", what, (unsigned long long)n, text);
}

/* A range that holds the highest ID too, when there is one. */
static char *larger_range(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_census *c = &w->f->census;
	uint32_t highest = c->max_uid > c->max_gid ? c->max_uid : c->max_gid;
	uint32_t blocks = highest / UNS_ID_BLOCK + 1, start;
	const char *first =
	    w->subuid && w->subgid ? "" : "remove the lines of the remap user from " UNS_SUBUID " and " UNS_SUBGID ", then ";
	int rc = 1;

	if (w->r->command == UNS_ENABLE && blocks <= 4096)
		rc = uns_plan_free(w->f, w->r->user, blocks * UNS_ID_BLOCK, &start, err);
	if (rc < 0)
		return NULL;
	if (rc > 0)
		return uns_str_printf(
		    err, "chown these files to IDs that the range holds, or %s --ignore=UnmappedId leaves them as they are",
		    command(w));
	return uns_str_printf(err, "%susernsctl enable docker --range=%u:%u", *first ? first : UNS_COMMAND, start, blocks * UNS_ID_BLOCK);
}

static int check_unmapped(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_free char *remedy = NULL;
	char what[160];

	if (w->f->census.unmapped.n == 0)
		return 0;
	remedy = larger_range(w, err);
	if (!remedy)
		return -1;
	snprintf(what, sizeof(what),
	         "files have IDs that the range of %u cannot hold; they would belong to nobody and be missing from exports",
	         w->shift.uid.count);
	return check_list(w, &w->f->census.unmapped, "UnmappedId", remedy, what, err);
}

static bool names_acl(const struct uns_strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (strstr(l->v[i], "system.posix_acl_"))
			return true;
	return false;
}

/* What the shift would be refused for, whatever is ignored. */
static int check_unread_inodes(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_census_list *l = &w->f->census.unread;
	bool hidden = w->f->host.no_acl && names_acl(&l->paths);
	uns_auto_free char *remedy =
	    hidden ? uns_plan_remount_acl(w, err)
	           : uns_str_dup("mend the file system, of which the kernel's log tells more, or take away what is not needed", err);

	return !remedy ? -1
	               : check_list(w, l, "InodeUnreadable", remedy,
	                            "files or directories cannot be read, and so neither judged nor taken along", err);
}

static int check_census(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_census *c = &w->f->census;

	if (!w->f->have_census || !w->move)
		return 0;
	if (check_unread_inodes(w, err) < 0)
		return -1;
	if (!w->have_shift)
		return 0;
	/* On the way back every file has an ID of the range. */
	if (w->r->command != UNS_DISABLE &&
	    check_list(w, &c->in_target, "TargetIdInUse", NULL,
	               "files have IDs of the range already: on the way back they could not be told from the shifted ones",
	               err) < 0)
		return -1;
	if (check_unmapped(w, err) < 0)
		return -1;
	if (check_list(w, &c->outside, "HardLinkOutside", NULL,
	               "files have further names outside the trees, whose owner would change with them", err) < 0)
		return -1;
	if (check_list(w, &c->symlinks, "VolumeSymlink", NULL, "directories are symlinks: what they point to is not shifted", err) <
	    0)
		return -1;
	if (check_list(w, &c->xattrs, "UnexpectedXattr", "nothing need be done, unless the host checks signatures of files (IMA, EVM)",
	               "files have attributes that a container in a user namespace cannot read, or that hold a signature over their owner",
	               err) < 0)
		return -1;
	return check_list(w, &c->flagged, "FlaggedInode", "nothing need be done",
	                  "files are immutable or append-only; the flag is lifted for the change of owner and set again", err);
}

static bool is(const char *s, const char *value)
{
	return s && strcmp(s, value) == 0;
}

/* ---- volumes ---- */

static bool takes_along(const struct uns_intent *w, const struct uns_volume *v)
{
	if (w->r->command != UNS_MIGRATE)
		return w->move;
	for (size_t i = 0; i < w->adopts; i++)
		if (w->adopt[i] == v)
			return true;
	return false;
}

static int check_volume(const struct uns_intent *w, const struct uns_volume *v, struct uns_err *err)
{
	bool counted = w->f->have_census && w->f->census.symlinks.n > 0;
	uns_auto_free char *device = NULL;

	if (v->data_is_symlink && !counted &&
	    uns_intent_add(w, "VolumeSymlink", v->name,
	                   "put the files into the volume itself; --ignore=VolumeSymlink leaves them as they are", err,
	                   "its _data is a symlink: what it points to is not shifted") < 0)
		return -1;
	if (!v->device || !uns_path_below(v->device, w->root))
		return 0;
	device = uns_str_escape(v->device, err);
	if (!device)
		return -1;
	return uns_intent_add(w, "VolumeDeviceInside", v->name, "create the volume anew with a device outside the data root", err,
	                      "its device %s lies inside the data root and would be gone after the move", device);
}

/* A volume that is only a mount of the same thing was adopted before. */
static bool is_same_mount(const struct uns_volume *a, const struct uns_volume *b)
{
	return a->mounted_type && b->mounted_type && (a->device ? is(b->device, a->device) : !b->device);
}

static int check_old_volume(const struct uns_intent *w, const struct uns_volume *v, struct uns_err *err)
{
	const struct uns_volume *other = uns_plan_volume(&w->f->nested, v->name);

	if (other && !is_same_mount(v, other))
		return uns_intent_add(w, "VolumeNameTaken", v->name, "usernsctl migrate --ignore=VolumeNameTaken skips it", err,
		                      "both %s/volumes and %s/volumes have a volume of this name; neither is overwritten", w->root,
		                      w->inner);
	if (!other && !w->f->running && json_object_size(v->labels) > 0)
		return uns_intent_add(w, "VolumeLabelsLost", v->name, "start the engine and run usernsctl migrate again", err,
		                      "its %zu labels can only be taken along while the engine runs", json_object_size(v->labels));
	return 0;
}

static int check_old_tree(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_store *flat = &w->f->flat;
	bool left = w->r->command == UNS_MIGRATE ? w->have_shift && w->option : w->r->command == UNS_ENABLE && w->work && !w->all;

	if (!left || (flat->containers == 0 && flat->drivers.n == 0))
		return 0;
	return uns_intent_add(w, "OldTreeLeft", w->root, NULL, err,
	                      "%zu containers and the images from before remapping stay in the data root, not in use",
	                      flat->containers);
}

static int check_volumes(const struct uns_intent *w, struct uns_err *err)
{
	for (size_t i = 0; i < w->source->volumes; i++) {
		const struct uns_volume *v = &w->source->volume[i];

		if (takes_along(w, v) && check_volume(w, v, err) < 0)
			return -1;
		if (w->r->command == UNS_MIGRATE && w->have_shift && w->option && uns_plan_volume_name(v->name) &&
		    check_old_volume(w, v, err) < 0)
			return -1;
	}
	return check_old_tree(w, err);
}

/* What is wrong with the ranges of others does not stop this one; what concerns this one is said where it is chosen. */
static int check_all_ranges(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto(uns_findings_done) struct uns_findings all = {0};
	uns_auto(uns_buf_done) struct uns_buf ids = UNS_BUF_INIT;

	if (w->r->command != UNS_ENABLE)
		return 0;
	if (uns_ranges_check(&w->f->ids, 1, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct uns_check *c = all.v[i].check;

		if (c->severity != UNS_ERROR || (ids.data && strstr(ids.data, c->id)))
			continue;
		if (uns_buf_printf(&ids, err, "%s%s", ids.len ? ", " : "", c->id) < 0)
			return -1;
	}
	if (ids.len == 0)
		return 0;
	return uns_intent_add(w, "RangesNeedCare", UNS_SUBUID ", " UNS_SUBGID, "$ usernsctl range check\tnames the lines", err,
	                      "ranges of others collide or can be misread (%s)", ids.data);
}

int uns_plan_check(const struct uns_intent *w, struct uns_err *err)
{
	if (w->r->command == UNS_DAEMON)
		return check_option(w, err) < 0 || check_engine(w, err) < 0 || uns_plan_check_apart(w, err) < 0 ? -1 : uns_plan_check_host(w, err);
	if (uns_plan_check_audit(w, err) < 0 || uns_plan_check_unseen(w, err) < 0)
		return -1;
	if (check_option(w, err) < 0 || uns_plan_check_remap(w, err) < 0 || check_user(w, err) < 0 || check_engine(w, err) < 0 ||
	    uns_plan_check_host(w, err) < 0 || check_trees(w, err) < 0)
		return -1;
	if (check_census(w, err) < 0 || uns_plan_check_unread(w, err) < 0 || uns_plan_check_containers(w, err) < 0)
		return -1;
	return check_volumes(w, err) < 0 ? -1 : check_all_ranges(w, err);
}
