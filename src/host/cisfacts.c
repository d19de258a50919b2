/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for the CIS benchmark: owners and modes of files, where the data lies, and the configured rules of the audit system. A link that
 * leads to itself is as good as absent to those who use the files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "uns/cis.h"
#include "uns/cleanup.h"
#include "uns/vec.h"

#define RULES_DIR "/etc/audit/rules.d"
#define RULES_MAX (4u << 20)

/* Where each is looked for; the first that exists is taken. */
static const char *const places[UNS_CIS_FILES][6] = {
    [UNS_CIS_SERVICE] = {"/etc/systemd/system/docker.service", "/run/systemd/system/docker.service",
                         "/usr/local/lib/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service",
                         "/lib/systemd/system/docker.service"},
    [UNS_CIS_SOCKET_UNIT] = {"/etc/systemd/system/docker.socket", "/run/systemd/system/docker.socket",
                             "/usr/local/lib/systemd/system/docker.socket", "/usr/lib/systemd/system/docker.socket",
                             "/lib/systemd/system/docker.socket"},
    [UNS_CIS_ETC_DOCKER] = {"/etc/docker"},
    [UNS_CIS_SOCKET] = {"/run/docker.sock", "/var/run/docker.sock"},
    [UNS_CIS_DAEMON_JSON] = {"/etc/docker/daemon.json"},
    [UNS_CIS_DEFAULT] = {"/etc/default/docker"},
    [UNS_CIS_SYSCONFIG] = {"/etc/sysconfig/docker"},
    [UNS_CIS_CONTAINERD_SOCKET] = {"/run/containerd/containerd.sock"},
    [UNS_CIS_DOCKERD] = {"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/usr/local/sbin/dockerd"},
    [UNS_CIS_CONTAINERD_RUN] = {"/run/containerd"},
    [UNS_CIS_DATA_ROOT] = {"/var/lib/docker"},
    [UNS_CIS_CONTAINERD_CONFIG] = {"/etc/containerd/config.toml"},
    [UNS_CIS_CONTAINERD] = {"/usr/bin/containerd", "/usr/local/bin/containerd"},
    [UNS_CIS_SHIM] = {"/usr/bin/containerd-shim", "/usr/local/bin/containerd-shim"},
    [UNS_CIS_SHIM_V1] = {"/usr/bin/containerd-shim-runc-v1", "/usr/local/bin/containerd-shim-runc-v1"},
    [UNS_CIS_SHIM_V2] = {"/usr/bin/containerd-shim-runc-v2", "/usr/local/bin/containerd-shim-runc-v2"},
    [UNS_CIS_RUNC] = {"/usr/bin/runc", "/usr/sbin/runc", "/usr/local/bin/runc", "/usr/local/sbin/runc"},
};

void uns_cisfacts_done(struct uns_cisfacts *c)
{
	for (int i = 0; i < UNS_CIS_FILES; i++)
		free(c->file[i].path);
	for (size_t i = 0; i < c->certs; i++) {
		free(c->cert[i].path);
		free(c->cert[i].real);
	}
	free(c->cert);
	free(c->above);
	uns_auditrules_done(&c->rules);
	*c = (struct uns_cisfacts){.effect = UNS_CIS_UNKNOWN};
}

/* As r: 0; 1 when it is absent; -1. */
static int or_loop(int r, const struct uns_err *err)
{
	return r < 0 && err->errnum == ELOOP ? 1 : r;
}

/* 0; 1 when it is absent. Opened as a path only: nothing is started by looking at a socket. *ret_fd may be left open, for the caller. */
static int open_at(const struct uns_root *root, const char *path, int *ret_fd, struct uns_cis_file *ret, struct uns_err *err)
{
	struct stat st;

	*ret_fd = uns_root_openat(root, path, O_PATH, err);
	if (*ret_fd < 0)
		return err->errnum == ENOENT || err->errnum == ENOTDIR ? 1 : or_loop(-1, err);
	if (fstat(*ret_fd, &st) < 0)
		return uns_err_sys(err, errno, "cannot look at %s", path);
	ret->exists = true;
	ret->mode = st.st_mode;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	return 0;
}

static int look_at(const struct uns_root *root, const char *path, struct uns_cis_file *ret, struct uns_err *err)
{
	uns_auto_close int fd = -1;

	return open_at(root, path, &fd, ret, err);
}

/* named: the path that the settings name, or NULL. */
static int read_file(const struct uns_root *root, const char *const *where, const char *named, struct uns_cis_file *ret,
                     struct uns_err *err)
{
	const char *path = named ? named : where[0];
	int r = path ? look_at(root, path, ret, err) : 1;

	for (size_t i = 1; !named && r > 0 && i < 6 && where[i]; i++) {
		r = look_at(root, where[i], ret, err);
		if (r == 0)
			path = where[i];
	}
	if (r < 0)
		return -1;
	if (!path)
		return 0;
	ret->path = uns_str_dup(path, err);
	return ret->path ? 0 : -1;
}

/* The last place that sets it: for files that are only looked at, dockerd's refusal of two is said elsewhere. */
static const char *setting(const struct uns_facts *f, const char *key)
{
	const struct uns_setting *s;
	const char *value = NULL;

	for (size_t at = 0; (s = uns_settings_next(&f->options, key, &at));)
		if (s->value && *s->value == '/')
			value = s->value;
	return value;
}

static const char *named(const struct uns_facts *f, enum uns_cis_file_id id)
{
	switch (id) {
	case UNS_CIS_CA:
		return setting(f, "tlscacert");
	case UNS_CIS_CERT:
		return setting(f, "tlscert");
	case UNS_CIS_KEY:
		return setting(f, "tlskey");
	case UNS_CIS_SOCKET:
		return f->socket;
	case UNS_CIS_DAEMON_JSON:
		return f->config_file;
	case UNS_CIS_DATA_ROOT:
		return f->data_root;
	default:
		return NULL;
	}
}

static int add_cert(const struct uns_root *root, const char *dir, const char *name, struct uns_cisfacts *c, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", dir, name), *real = NULL;
	struct uns_cis_file one = {0}, *v;
	uns_auto_close int fd = -1;

	if (!path || open_at(root, path, &fd, &one, err) < 0)
		return -1;
	if (!one.exists || !S_ISREG(one.mode))
		return 0;
	real = uns_root_path_of(root, fd, path, err);
	if (!real)
		return -1;
	v = uns_vec_room(c->cert, c->certs, &c->cert_cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	c->cert = v;
	if (strcmp(real, path) != 0)
		one.real = uns_take_ptr(real);
	one.path = uns_take_ptr(path);
	v[c->certs++] = one;
	return 0;
}

/* The engine takes certificates and keys from a directory of each registry's name; what lies beside these it does not read. */
static int read_certs(const struct uns_root *root, struct uns_cisfacts *c, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs registries = UNS_STRS_INIT;

	if (or_loop(uns_root_list(root, UNS_CIS_CERTS, &registries, err), err) < 0)
		return -1;
	for (size_t i = 0; i < registries.n; i++) {
		uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
		uns_auto_free char *dir = uns_str_printf(err, UNS_CIS_CERTS "/%s", registries.v[i]);

		if (!dir || or_loop(uns_root_list(root, dir, &names, err), err) < 0)
			return -1;
		for (size_t k = 0; k < names.n; k++)
			if (add_cert(root, dir, names.v[k], c, err) < 0)
				return -1;
	}
	return 0;
}

static int read_rules_file(const struct uns_root *root, const char *path, bool from_dir, struct uns_auditrules *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = or_loop(uns_root_read(root, path, RULES_MAX, &text, NULL, err), err);

	if (r != 0)
		return r;
	return uns_auditrules_parse(text.data ? text.data : "", text.len, path, from_dir, ret, err);
}

/* As "ls -v" has them. */
static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* augenrules(8) makes audit.rules of the directory, where there is a file in it. */
static int read_rules(const struct uns_root *root, struct uns_auditrules *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	size_t read = 0;

	if (or_loop(uns_root_list(root, RULES_DIR, &names, err), err) < 0)
		return -1;
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_version);
	for (size_t i = 0; i < names.n; i++) {
		size_t len = strlen(names.v[i]);
		uns_auto_free char *path = NULL;
		int r;

		if (len < 6 || strcmp(names.v[i] + len - 6, ".rules") != 0)
			continue;
		path = uns_str_printf(err, RULES_DIR "/%s", names.v[i]);
		r = path ? read_rules_file(root, path, true, ret, err) : -1;
		if (r < 0)
			return -1;
		read += r == 0;
	}
	return read > 0 || read_rules_file(root, "/etc/audit/audit.rules", false, ret, err) >= 0 ? 0 : -1;
}

int uns_host_read_partition(const char *text, size_t len, const char *data_root, struct uns_cisfacts *c, struct uns_err *err)
{
	uns_auto_free char *parent = strndup(data_root, (size_t)(strrchr(data_root, '/') - data_root));
	uns_auto(uns_mounts_done) struct uns_mounts mounts = {.n = 0};
	const struct uns_mount *at, *above;

	if (!parent)
		return uns_err_nomem(err);
	if (uns_mountinfo_parse(text, len, &mounts, err) < 0)
		return -1;
	at = uns_mounts_of(&mounts, data_root);
	above = uns_mounts_of(&mounts, *parent ? parent : "/");
	if (!at || !above)
		return 0;
	c->mount = strcmp(at->point, data_root) != 0                           ? UNS_CIS_MOUNT_ABOVE
	           : at->major == above->major && at->minor == above->minor ? UNS_CIS_MOUNT_SAME
	                                                                       : UNS_CIS_MOUNT_OWN;
	c->above = uns_str_dup(above->point, err);
	return c->above ? 0 : -1;
}

static int read_partition(const struct uns_root *root, const struct uns_facts *f, struct uns_cisfacts *c, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (!root->is_host || !f->have_data_root)
		return 0;
	if (uns_host_read_proc("/proc/self/mountinfo", &text, err) != 0)
		return uns_err_set(err, UNS_E_FAILED, "/proc/self/mountinfo: cannot be read; mount proc(5) on /proc");
	return uns_host_read_partition(text.data ? text.data : "", text.len, f->data_root, c, err);
}

int uns_cisfacts_read(const struct uns_root *root, const struct uns_facts *f, struct uns_cisfacts *ret, struct uns_err *err)
{
	uns_auto(uns_cisfacts_done) struct uns_cisfacts c = {.effect = UNS_CIS_UNKNOWN};

	for (int i = 0; i < UNS_CIS_FILES; i++)
		if (read_file(root, places[i], named(f, (enum uns_cis_file_id)i), &c.file[i], err) < 0)
			return -1;
	if (read_partition(root, f, &c, err) < 0 || read_certs(root, &c, err) < 0 || read_rules(root, &c.rules, err) < 0)
		return -1;
	*ret = c;
	c = (struct uns_cisfacts){.effect = UNS_CIS_UNKNOWN};
	return 0;
}
