/* SPDX-License-Identifier: Apache-2.0 */
/* Engines beside the one of the data root, and what that one has beyond containers: a swarm, plugins, images in containerd. */
#include "hostfacts.h"

#include <string.h>

#include "uns/bolt.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"

#define HOMES_MAX 1000 /* accounts whose homes are looked at */
#define USER_FIRST 1000u
#define NOBODY 65534u

static bool is_there(const struct uns_root *root, const char *path, bool dir)
{
	struct uns_err ignored;
	struct stat st;

	return uns_root_stat(root, path, &st, &ignored) == 0 && (!dir || S_ISDIR(st.st_mode));
}

/* ---- a swarm ---- */

/* daemon/cluster: docker-state.json is there as long as the node belongs to a swarm; raft is a manager's. */
static int read_swarm(const struct uns_root *root, const char *base, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *state = uns_str_printf(err, "%s/swarm/docker-state.json", base);
	uns_auto_free char *raft = uns_str_printf(err, "%s/swarm/raft", base);

	if (!state || !raft)
		return -1;
	h->swarm = is_there(root, state, false);
	h->swarm_manager = h->swarm && is_there(root, raft, true);
	return 0;
}

/* ---- plugins ---- */

static bool is_volume_driver(const json_t *config)
{
	const json_t *types = json_object_get(json_object_get(config, "Interface"), "Types");

	for (size_t i = 0; i < json_array_size(types); i++) {
		const char *type = json_string_value(json_array_get(types, i));

		if (type && strstr(type, "volumedriver"))
			return true;
	}
	return false;
}

/* plugin/v2: {"plugin":{"Name":…,"Enabled":…,"Config":{"Interface":{"Types":["docker.volumedriver/1.0"]}}}}. */
static int read_plugin(const struct uns_root *root, const char *dir, const char *id, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s/config.json", dir, id);
	uns_auto_json json_t *j = NULL;
	struct uns_err malformed;
	struct uns_plugin *v;
	const json_t *p;

	if (!path)
		return -1;
	if (uns_host_read_object(root, path, UNS_HOST_MAX_CONTAINER, &j, &malformed) != 0)
		return 0;
	p = json_object_get(j, "plugin");
	v = reallocarray(h->plugin, h->plugins + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	h->plugin = v;
	v[h->plugins] = (struct uns_plugin){uns_str_dup(uns_json_str_or(p, "Name", id), err), uns_json_bool_or(p, "Enabled", false),
	                                    is_volume_driver(json_object_get(p, "Config"))};
	return v[h->plugins++].name ? 0 : -1;
}

static int read_plugins(const struct uns_root *root, const char *base, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/plugins", base);
	uns_auto(uns_strs_done) struct uns_strs ids = UNS_STRS_INIT;

	if (!dir || uns_root_list(root, dir, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (read_plugin(root, dir, ids.v[i], h, err) < 0)
			return -1;
	return 0;
}

/* ---- images in containerd ---- */

/* A running containerd writes the file while it is read, hence the second look; what cannot be made sense of says nothing. */
static int read_images(const struct uns_root *root, const char *db, bool *ret, struct uns_err *err)
{
	static const char *const path[] = {"v1", "moby", "images"};

	for (int tries = 0; tries < 2; tries++) {
		uns_auto(uns_buf_done) struct uns_buf data = UNS_BUF_INIT;
		struct uns_err why = {.errnum = 0};
		int r = uns_root_read(root, db, UNS_HOST_MAX_CONTAINER, &data, NULL, &why);

		if (r == 0)
			r = uns_bolt_filled(data.data ? data.data : "", data.len, db, path, sizeof(path) / sizeof(path[0]), ret, &why);
		if (r >= 0)
			return 0;
		if (why.errnum == ENOMEM)
			return uns_err_nomem(err);
		if (why.code != UNS_E_INPUT)
			return 0;
	}
	return 0;
}

/* The containerd that the engine starts itself has its data in the data root; else there is one of the host. */
static int read_containerd(const struct uns_root *root, const char *base, struct uns_hostfacts *h, struct uns_err *err)
{
	static const char file[] = "io.containerd.metadata.v1.bolt/meta.db";
	uns_auto_free char *own = uns_str_printf(err, "%s/containerd/daemon/%s", base, file);
	uns_auto_free char *shared = uns_str_printf(err, "/var/lib/containerd/%s", file);
	char **const dbs[] = {&own, &shared};

	if (!own || !shared)
		return -1;
	for (size_t i = 0; i < 2 && !h->containerd_images; i++) {
		if (read_images(root, *dbs[i], &h->containerd_images, err) < 0)
			return -1;
		if (h->containerd_images)
			h->containerd_db = uns_take_ptr(*dbs[i]);
	}
	return 0;
}

/* ---- engines of users ---- */

static int add_rootless(struct uns_hostfacts *h, const char *user, bool running, struct uns_err *err)
{
	struct uns_rootless *v;

	for (size_t i = 0; i < h->rootlesses; i++)
		if (strcmp(h->rootless[i].user, user) == 0)
			return 0;
	v = reallocarray(h->rootless, h->rootlesses + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	h->rootless = v;
	v[h->rootlesses] = (struct uns_rootless){uns_str_dup(user, err), running};
	return v[h->rootlesses++].user ? 0 : -1;
}

/* A dockerd of a user is one of an account of this host: what has IDs of a range runs in a container. */
static int look_at_process(const char *proc, const char *pid, const struct uns_facts *f, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", proc, pid);
	const struct uns_account *a;
	char comm[32];
	struct stat st;
	uint32_t n;

	if (!path)
		return -1;
	if (uns_num_u32(pid, strlen(pid), &n) < 0 || n > INT32_MAX || stat(path, &st) < 0 || st.st_uid == 0)
		return 0;
	if (uns_host_read_comm(proc, (pid_t)n, comm, sizeof(comm), err) < 0)
		return -1;
	a = strcmp(comm, "dockerd") == 0 ? uns_accounts_id(&f->ids.users, st.st_uid) : NULL;
	return a ? add_rootless(h, a->name, true, err) : 0;
}

static int read_processes(const char *proc, const struct uns_facts *f, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto(uns_closedirp) DIR *d = opendir(proc);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (look_at_process(proc, e->d_name, f, h, err) < 0)
			return -1;
	return 0;
}

static int look_at_home(const struct uns_root *root, const struct uns_account *a, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *data = uns_str_printf(err, "%s/.local/share/docker", a->home);
	uns_auto_free char *desktop = uns_str_printf(err, "%s/.docker/desktop", a->home);

	if (!data || !desktop)
		return -1;
	if (is_there(root, data, true) && add_rootless(h, a->name, false, err) < 0)
		return -1;
	return is_there(root, desktop, true) ? uns_strs_add(&h->desktops, a->name, err) : 0;
}

static int read_homes(const struct uns_root *root, const struct uns_accounts *users, struct uns_hostfacts *h, struct uns_err *err)
{
	size_t looked = 0;

	for (size_t i = 0; i < users->n && looked < HOMES_MAX; i++) {
		const struct uns_account *a = &users->v[i];

		if (a->id < USER_FIRST || a->id == NOBODY || !a->home || a->home[0] != '/' || !a->home[1])
			continue;
		looked++;
		if (look_at_home(root, a, h, err) < 0)
			return -1;
	}
	return 0;
}

int uns_host_read_engines(const struct uns_root *root, const char *proc, const struct uns_facts *f, struct uns_hostfacts *h,
                          struct uns_err *err)
{
	bool nested = f->active_dir && uns_strs_has(&f->remap_dirs, f->active_dir);
	uns_auto_free char *base = nested ? uns_str_printf(err, "%s/%s", f->data_root, f->active_dir) : uns_str_dup(f->data_root, err);

	if (!base || (!f->told && (read_swarm(root, base, h, err) < 0 || read_plugins(root, base, h, err) < 0 || read_containerd(root, base, h, err) < 0)))
		return -1;
	if (f->told) {
		h->swarm = f->told_swarm;
		h->swarm_manager = f->told_manager;
	}
	if (proc && read_processes(proc, f, h, err) < 0)
		return -1;
	h->desktop = is_there(root, "/opt/docker-desktop", true);
	return read_homes(root, &f->ids.users, h, err);
}
