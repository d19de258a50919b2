/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in a data root (moby daemon/container, volume/local, volume/service/db.go): names, drivers, containers, volumes. The
 * engine may be running: what vanishes between two looks was never there. */
#include <string.h>

#include "host.h"
#include "uns/bolt.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"
#include "uns/tree.h"

/* ---- freeing ---- */

static void volume_done(struct uns_volume *v)
{
	free(v->name);
	free(v->device);
	free(v->type);
	free(v->opts);
	json_decref(v->labels);
	json_decref(v->options);
}

void uns_store_done(struct uns_store *s)
{
	uns_strs_done(&s->entries);
	uns_strs_done(&s->drivers);
	for (size_t i = 0; i < s->containers; i++)
		uns_container_done(&s->container[i]);
	free(s->container);
	for (size_t i = 0; i < s->volumes; i++)
		volume_done(&s->volume[i]);
	free(s->volume);
	for (size_t i = 0; i < s->unreads; i++) {
		free(s->unread[i].name);
		free(s->unread[i].why);
	}
	free(s->unread);
	uns_images_done(&s->images);
	*s = (struct uns_store){ 0 };
}

/* ---- what is malformed, or cannot be read ---- */

/* A broken disk; not what another user may read. */
static bool is_broken(const struct uns_err *why)
{
	return why->errnum != EACCES && why->errnum != EPERM && uns_tree_fails_alone(why);
}

/* One malformed file hides nothing else: it is noted. What is no fault of the file stays an error. */
static int note_unread(struct uns_store *s, const char *name, bool volume, const struct uns_err *why, struct uns_err *err)
{
	struct uns_unread *v;

	if (why->code != UNS_E_INPUT && !is_broken(why)) {
		if (err)
			*err = *why;
		return -1;
	}
	v = reallocarray(s->unread, s->unreads + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	s->unread = v;
	v[s->unreads] = (struct uns_unread){ uns_str_dup(name, err), volume, uns_str_dup(why->text, err) };
	s->unreads++;
	return v[s->unreads - 1].name && v[s->unreads - 1].why ? 0 : -1;
}

/* ---- containers ---- */

/* 0 when taken; 1 when the directory is the rest of a crash: dockerd does not load it either. */
static int read_container(const struct uns_root *root, const char *dir, const char *id, struct uns_container *ret,
                          struct uns_err *err)
{
	uns_auto_free char *config = uns_str_printf(err, "%s/%s/config.v2.json", dir, id);
	uns_auto_free char *host = uns_str_printf(err, "%s/%s/hostconfig.json", dir, id);
	uns_auto_json json_t *j = NULL;
	uns_auto_json json_t *h = NULL;
	int r = config && host ? uns_host_read_object(root, config, UNS_HOST_MAX_CONTAINER, &j, err) : -1;

	if (r)
		return r;
	if (uns_host_read_object(root, host, UNS_HOST_MAX_CONTAINER, &h, err) < 0)
		return -1;
	return uns_container_parse(j, h, id, ret, err);
}

static int read_containers(const struct uns_root *root, const char *base, struct uns_store *s, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/containers", base);
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_err why = { 0 };
	int r = dir ? uns_root_list(root, dir, &names, err) : -1;

	if (r || !names.n)
		return r < 0 ? -1 : 0;
	s->container = calloc(names.n, sizeof(*s->container));
	if (!s->container)
		return uns_err_nomem(err);
	for (size_t i = 0; i < names.n; i++) {
		r = read_container(root, dir, names.v[i], &s->container[s->containers], &why);
		if (r < 0 && note_unread(s, names.v[i], false, &why, err) < 0)
			return -1;
		s->containers += r == 0;
	}
	return 0;
}

/* ---- volumes ---- */

/* Collects {name: {"Labels":…,"Options":…,…}}. */
static int take_record(void *user, const void *key, size_t key_len, const void *value, size_t value_len, struct uns_err *err)
{
	uns_auto_free char *name = strndup(key, key_len);
	json_t *record = NULL;

	if (!name)
		return uns_err_nomem(err);
	if (uns_json_parse(value, value_len, "metadata.db", &record, err) < 0)
		return -1;
	if (json_object_set_new(user, name, record) < 0)
		return uns_err_set(err, UNS_E_INPUT, "metadata.db: a volume's name is no UTF-8");
	return 0;
}

/* 0; 1 when there is no record to be had: no file or bucket, or one that cannot be made sense of. */
static int read_records_once(const struct uns_root *root, const char *path, json_t **ret, bool *ret_malformed, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf data = UNS_BUF_INIT;
	uns_auto_json json_t *records = json_object();
	struct uns_err why = { 0 };
	int r = records ? uns_root_read(root, path, UNS_HOST_MAX_CONTAINER, &data, NULL, &why) : uns_err_nomem(&why);

	if (r == 0)
		r = uns_bolt_bucket(data.data ? data.data : "", data.len, path, "volumes", take_record, records, &why);
	if (r == 0)
		*ret = uns_take_ptr(records);
	*ret_malformed = r < 0 && why.code == UNS_E_INPUT;
	if (r < 0 && !*ret_malformed && err)
		*err = why;
	return r < 0 && !*ret_malformed ? -1 : r != 0;
}

/* A running engine writes the file while we read it, hence the second look. Labels are not worth more than that: without them a
 * volume works, and the planner says that it has none. */
static int read_records(const struct uns_root *root, const char *dir, json_t **ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/metadata.db", dir);
	bool malformed;
	int r = path ? read_records_once(root, path, ret, &malformed, err) : -1;

	if (r > 0 && malformed)
		r = read_records_once(root, path, ret, &malformed, err);
	return r < 0 ? -1 : 0;
}

/* The member as an object of its own: Go writes null for an empty map. */
static int copy_map(const json_t *record, const char *key, json_t **ret, struct uns_err *err)
{
	json_t *map = json_object_get(record, key);

	*ret = json_is_object(map) ? json_deep_copy(map) : json_object();
	return *ret ? 0 : uns_err_nomem(err);
}

/* dockerd mounts such a volume onto _data when it is used (volume/local, needsMount). */
static int read_opts(const struct uns_root *root, const char *dir, struct uns_volume *v, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/opts.json", dir);
	uns_auto_json json_t *j = NULL;

	if (!path || uns_host_read_object(root, path, UNS_HOST_MAX_CONFIG, &j, err) < 0)
		return -1;
	v->mounted_type = *uns_json_str_or(j, "MountType", "") || *uns_json_str_or(j, "MountDevice", "");
	if (uns_json_copy(j, "MountType", &v->type, err) < 0 || uns_json_copy(j, "MountOpts", &v->opts, err) < 0)
		return -1;
	return uns_json_copy(j, "MountDevice", &v->device, err);
}

/* 0 taken; 1 when it is no volume: volumes are directories. */
static int read_volume(const struct uns_root *root, const char *parent, const char *name, const json_t *records,
                       struct uns_volume *ret, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/%s", parent, name);
	uns_auto_free char *data = uns_str_printf(err, "%s/%s/_data", parent, name);
	uns_auto(volume_done) struct uns_volume v = { .name = uns_str_dup(name, err) };
	const json_t *record = json_object_get(records, name);
	bool is_dir = false;
	struct stat st;
	int r;

	if (!dir || !data || !v.name || uns_host_is_dir(root, dir, &is_dir, err) < 0)
		return -1;
	if (!is_dir)
		return 1;
	r = uns_root_stat(root, data, &st, err);
	if (r < 0 || read_opts(root, dir, &v, err) < 0)
		return -1;
	v.data_is_symlink = r == 0 && S_ISLNK(st.st_mode);
	if (record && (copy_map(record, "Labels", &v.labels, err) < 0 || copy_map(record, "Options", &v.options, err) < 0))
		return -1;
	*ret = v;
	v = (struct uns_volume){ 0 };
	return 0;
}

static int read_volumes(const struct uns_root *root, const char *base, struct uns_store *s, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/volumes", base);
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	uns_auto_json json_t *records = NULL;
	struct uns_err why = { 0 };
	int r = dir ? uns_root_list(root, dir, &names, err) : -1;

	if (r || !names.n)
		return r < 0 ? -1 : 0;
	if (read_records(root, dir, &records, err) < 0)
		return -1;
	s->volume = calloc(names.n, sizeof(*s->volume));
	if (!s->volume)
		return uns_err_nomem(err);
	for (size_t i = 0; i < names.n; i++) {
		r = read_volume(root, dir, names.v[i], records, &s->volume[s->volumes], &why);
		if (r < 0 && note_unread(s, names.v[i], true, &why, err) < 0)
			return -1;
		s->volumes += r == 0;
	}
	return 0;
}

/* ---- drivers ---- */

static int has_content(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (uns_root_list(root, path, &names, err) < 0)
		return -1;
	/* What a driver makes at its first start is no layer yet. */
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.v[i], "l") && strcmp(names.v[i], "backingFsBlockDev")) {
			*ret = true;
			return 0;
		}
	*ret = false;
	return 0;
}

static int read_drivers(const struct uns_root *root, const char *base, struct uns_store *s, struct uns_err *err)
{
	for (size_t i = 0; i < uns_layout_drivers_n; i++) {
		const char *name = uns_layout_drivers[i].name;
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", base, name);
		bool full = false;

		if (!path || has_content(root, path, &full, err) < 0)
			return -1;
		if (full && uns_strs_add(&s->drivers, name, err) < 0)
			return -1;
	}
	return 0;
}

static int is_dir_in(const struct uns_root *root, const char *base, const char *dir, const char *name, bool *ret,
                     struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s%s", base, dir, name);

	return path ? uns_host_is_dir(root, path, ret, err) : -1;
}

/* Some snapshotters of containerd bear the name of a graph driver; those have rootfs/NAME and no image/NAME. */
static int is_snapshotter(const struct uns_root *root, const char *base, const char *driver, bool *ret, struct uns_err *err)
{
	bool mounts = false, images = false;

	if (!uns_layout_driver_find(driver)) {
		*ret = true;
		return 0;
	}
	if (is_dir_in(root, base, "rootfs/", driver, &mounts, err) < 0 || is_dir_in(root, base, "image/", driver, &images, err) < 0)
		return -1;
	*ret = mounts && !images;
	return 0;
}

static int read_containerd(const struct uns_root *root, const char *base, struct uns_store *s, struct uns_err *err)
{
	for (size_t i = 0; i < s->containers && !s->containerd_images; i++) {
		const char *driver = s->container[i].driver;

		if (driver && is_snapshotter(root, base, driver, &s->containerd_images, err) < 0)
			return -1;
	}
	if (uns_strs_has(&s->entries, "rootfs") && !uns_strs_has(&s->entries, "image"))
		s->containerd_images = true;
	return 0;
}

/* ---- stores ---- */

/* Directories in base/dir. */
static int count_dirs(const struct uns_root *root, const char *base, const char *dir, size_t *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", base, dir);
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (!path || uns_root_list(root, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		bool is_dir = false;

		if (is_dir_in(root, path, "/", names.v[i], &is_dir, err) < 0)
			return -1;
		*ret += is_dir;
	}
	return 0;
}

int uns_host_count_store(const struct uns_root *root, const char *base, struct uns_strs *ret_drivers, size_t *ret_containers, size_t *ret_volumes,
                         struct uns_err *err)
{
	struct uns_store s = { 0 };
	int r;

	if (count_dirs(root, base, "containers", ret_containers, err) < 0 || count_dirs(root, base, "volumes", ret_volumes, err) < 0)
		return -1;
	r = read_drivers(root, base, &s, err);
	*ret_drivers = s.drivers;
	return r;
}

static int read_store(const struct uns_root *root, const char *base, const struct uns_strs *names, struct uns_asked *a,
                      struct uns_facts *f, struct uns_store *s, struct uns_err *err)
{
	for (size_t i = 0; i < names->n; i++)
		if (uns_layout_is_managed(names->v[i]) && uns_strs_add(&s->entries, names->v[i], err) < 0)
			return -1;
	if (read_drivers(root, base, s, err) < 0 || read_containers(root, base, s, err) < 0)
		return -1;
	if (!a->silent && strcmp(a->data_root, base) == 0 && uns_host_settle(root, base, a, f, s, err) < 0)
		return -1;
	if (read_volumes(root, base, s, err) < 0)
		return -1;
	if (read_containerd(root, base, s, err) < 0)
		return -1;
	return uns_host_read_images(root, base, s, err);
}

static int read_remap_dirs(const struct uns_root *root, const struct uns_strs *names, struct uns_facts *f, struct uns_err *err)
{
	for (size_t i = 0; i < names->n; i++) {
		bool is_dir = false;

		if (!uns_layout_is_remap_dir(names->v[i]))
			continue;
		if (is_dir_in(root, f->data_root, "", names->v[i], &is_dir, err) < 0)
			return -1;
		if (is_dir && uns_strs_add(&f->remap_dirs, names->v[i], err) < 0)
			return -1;
	}
	return 0;
}

int uns_host_read_flat(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (uns_root_list(root, f->data_root, &names, err) < 0 || read_remap_dirs(root, &names, f, err) < 0)
		return -1;
	return read_store(root, f->data_root, &names, a, f, &f->flat, err);
}

int uns_host_read_nested(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	uns_auto_free char *base = NULL;

	if (!f->active_dir || !uns_strs_has(&f->remap_dirs, f->active_dir))
		return 0;
	base = uns_str_printf(err, "%s/%s", f->data_root, f->active_dir);
	if (!base || uns_root_list(root, base, &names, err) < 0)
		return -1;
	return read_store(root, base, &names, a, f, &f->nested, err);
}
