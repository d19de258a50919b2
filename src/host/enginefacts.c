/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for the presets: files, programs, settings of the kernel, and the home of one user. */
#include "uns/enginefacts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/option.h"
#include "uns/xattr.h"

/* Where there are several, the first that exists is read. */
static const char *const file_paths[UNS_ENGINEFILES][3] = {
    [UNS_STORAGE_CONF] = {"/etc/containers/storage.conf"},
    [UNS_STORAGE_SHARE] = {"/usr/share/containers/storage.conf"},
    [UNS_KUBELET_CONFIG] = {"/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet/config.json",
                            "/etc/kubernetes/kubelet/kubelet-config.json"},
    [UNS_KUBEADM_FLAGS] = {"/var/lib/kubelet/kubeadm-flags.env"},
    [UNS_KUBELET_DEFAULT] = {"/etc/default/kubelet"},
    [UNS_KUBELET_SYSCONFIG] = {"/etc/sysconfig/kubelet"},
};

/* shadow-utils; the capability that each needs to write a map (newuidmap(1), user_namespaces(7)); 0: none. */
static const struct {
	const char *name;
	unsigned capability;
	bool needs;
} programs[UNS_PROGRAMS] = {
    [UNS_GETSUBIDS] = {"getsubids", 0, false},
    [UNS_NEWUIDMAP] = {"newuidmap", CAP_SETUID, true},
    [UNS_NEWGIDMAP] = {"newgidmap", CAP_SETGID, true},
    [UNS_PROGRAM_ROOTLESSKIT] = {"rootlesskit", 0, false},
    [UNS_SLIRP4NETNS] = {"slirp4netns", 0, false},
    [UNS_PASTA] = {"pasta", 0, false},
    [UNS_FUSE_OVERLAYFS] = {"fuse-overlayfs", 0, false},
};

static const struct {
	const char *name, *path;
} sysctls[UNS_SYSCTLS] = {
    [UNS_MAX_USER_NAMESPACES] = {"user.max_user_namespaces", "/proc/sys/user/max_user_namespaces"},
    [UNS_UNPRIVILEGED_CLONE] = {"kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone"},
    [UNS_APPARMOR_USERNS] = {"kernel.apparmor_restrict_unprivileged_userns",
                             "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"},
};

/* In the order in which containers/storage looks for a driver that was used before (drivers/driver_linux.go). */
static const char *const drivers[] = {"overlay", "aufs", "btrfs", "zfs", "vfs"};

void uns_enginefacts_done(struct uns_enginefacts *f)
{
	uns_idfacts_done(&f->ids);
	for (int i = 0; i < UNS_PROGRAMS; i++)
		free(f->program[i].path);
	for (int i = 0; i < UNS_ENGINEFILES; i++)
		uns_buf_done(&f->file[i].text);
	for (size_t i = 0; i < f->pods; i++)
		free(f->pod[i].uid);
	free(f->pod);
	free(f->graph_driver);
	free(f->kubelet_config);
	uns_strs_done(&f->kubelet_argv);
	for (size_t i = 0; i < f->dropins; i++) {
		free(f->dropin[i].path);
		uns_buf_done(&f->dropin[i].text);
	}
	free(f->dropin);
	*f = (struct uns_enginefacts){.containers_dir = false};
}

/* ---- files ---- */

static int read_file(const struct uns_root *root, enum uns_enginefile_id id, struct uns_enginefile *f, struct uns_err *err)
{
	static const char *const variables[UNS_ENGINEFILES] = {
	    [UNS_KUBEADM_FLAGS] = "KUBELET_KUBEADM_ARGS",
	    [UNS_KUBELET_DEFAULT] = "KUBELET_EXTRA_ARGS",
	    [UNS_KUBELET_SYSCONFIG] = "KUBELET_EXTRA_ARGS",
	};

	f->path = file_paths[id][0];
	f->variable = variables[id];
	for (size_t i = 0; i < 3 && file_paths[id][i] && !f->exists; i++) {
		int r = uns_root_read(root, file_paths[id][i], UNS_HOST_MAX_CONFIG, &f->text, NULL, err);

		if (r < 0)
			return -1;
		f->exists = r == 0;
		if (f->exists)
			f->path = file_paths[id][i];
	}
	return uns_buf_append(&f->text, "", 0, err);
}

static int read_files(const struct uns_root *root, struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	for (int i = 0; i < UNS_ENGINEFILES; i++)
		if (i != UNS_KUBELET_CONFIG && read_file(root, (enum uns_enginefile_id)i, &f->file[i], err) < 0)
			return -1;
	if (uns_host_is_dir(root, "/etc/containers", &f->containers_dir, err) < 0 ||
	    (f->containers_dir && uns_root_list(root, "/etc/containers", &names, err) < 0))
		return -1;
	f->containers_alone = names.n == 1 && strcmp(names.v[0], "storage.conf") == 0;
	return 0;
}

/* ---- kubelet's configuration ---- */

/* Deeper than anybody nests drop-ins; kubelet itself has no limit. */
#define DROPIN_DEPTH 8
#define DROPIN_DIR "/etc/kubernetes/kubelet.conf.d"

/* The last --flag=VALUE or --flag VALUE (pflag); *ret stays when there is none. */
static void last_flag(const struct uns_strs *words, const char *flag, const char **ret)
{
	size_t len = strlen(flag);

	for (size_t i = 0; i < words->n; i++) {
		const char *w = words->v[i];

		if (strncmp(w, flag, len) != 0)
			continue;
		if (w[len] == '=')
			*ret = w + len + 1;
		else if (!w[len] && i + 1 < words->n)
			*ret = words->v[i + 1];
	}
}

static int read_kubelet_argv(struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto(uns_closedirp) DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)) && f->kubelet_argv.n == 0) {
		uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
		char comm[16], path[64];
		uint32_t pid;

		if (uns_num_u32(e->d_name, strlen(e->d_name), &pid) < 0 || pid > INT32_MAX)
			continue;
		if (uns_host_read_comm("/proc", (pid_t)pid, comm, sizeof(comm), err) < 0)
			return -1;
		snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
		if (strcmp(comm, "kubelet") != 0 || !uns_host_has_our_root((pid_t)pid))
			continue;
		if (uns_host_read_proc(path, &text, err) < 0)
			return -1;
		for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
			if (uns_strs_add(&f->kubelet_argv, text.data + at, err) < 0)
				return -1;
	}
	return 0;
}

/* What a flag says that names a path: of the files, which the next start reads, else of the kubelet that runs. Files with an unclosed
 * quote are for the preset to refuse. */
static int kubelet_path(const struct uns_enginefacts *f, const char *flag, char **ret, struct uns_err *err)
{
	const char *path = NULL;
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	unsigned line;

	last_flag(&f->kubelet_argv, flag, &path);
	for (int i = UNS_KUBEADM_FLAGS; i <= UNS_KUBELET_SYSCONFIG; i++)
		if (uns_option_env_words(f->file[i].text.data, f->file[i].text.len, f->file[i].path, f->file[i].variable, &words, &line,
		                         err) < 0 &&
		    err->code != UNS_E_INPUT)
			return -1;
	last_flag(&words, flag, &path);
	if (!path || *path != '/')
		return 0;
	*ret = uns_str_dup(path, err);
	return *ret ? 0 : -1;
}

static int add_dropin(const struct uns_root *root, const char *path, struct uns_enginefacts *f, struct uns_err *err)
{
	struct uns_dropin one = {.text = UNS_BUF_INIT}, *v;
	int r = uns_root_read(root, path, UNS_HOST_MAX_CONFIG, &one.text, NULL, err);

	if (r == 0 && uns_buf_append(&one.text, "", 0, err) == 0 && (one.path = uns_str_dup(path, err))) {
		v = reallocarray(f->dropin, f->dropins + 1, sizeof(*v));
		if (v) {
			f->dropin = v;
			f->dropin[f->dropins++] = one;
			return 0;
		}
		uns_err_nomem(err);
	}
	free(one.path);
	uns_buf_done(&one.text);
	return r > 0 ? 0 : -1;
}

/* As kubelet walks it: names by bytes, a directory where its name stands (mergeKubeletConfigurations, filepath.WalkDir). */
static int read_dropins(const struct uns_root *root, const char *dir, int depth, struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (uns_root_list(root, dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", dir, names.v[i]);
		size_t len = strlen(names.v[i]);
		bool is_dir = false;

		if (!path || uns_host_is_dir(root, path, &is_dir, err) < 0)
			return -1;
		if (is_dir ? depth < DROPIN_DEPTH && read_dropins(root, path, depth + 1, f, err) < 0
		           : len >= 5 && strcmp(names.v[i] + len - 5, ".conf") == 0 && add_dropin(root, path, f, err) < 0)
			return -1;
	}
	return 0;
}

static int read_kubelet(const struct uns_root *root, struct uns_enginefacts *f, struct uns_err *err)
{
	struct uns_enginefile *config = &f->file[UNS_KUBELET_CONFIG];
	uns_auto_free char *dir = NULL;
	int r;

	if (root->is_host && read_kubelet_argv(f, err) < 0)
		return -1;
	if (kubelet_path(f, "--config", &f->kubelet_config, err) < 0 || kubelet_path(f, "--config-dir", &dir, err) < 0 ||
	    read_dropins(root, dir ? dir : DROPIN_DIR, 0, f, err) < 0)
		return -1;
	if (!f->kubelet_config)
		return read_file(root, UNS_KUBELET_CONFIG, config, err);
	config->path = f->kubelet_config;
	r = uns_root_read(root, config->path, UNS_HOST_MAX_CONFIG, &config->text, NULL, err);
	config->exists = r == 0;
	return r < 0 ? -1 : uns_buf_append(&config->text, "", 0, err);
}

/* ---- programs ---- */

/* vfs_cap_data: magic with the effective flag, then permitted and inheritable in little endian. */
static bool has_capability(int fd, unsigned capability)
{
	unsigned char cap[UNS_CAP_MAX];
	ssize_t n = fgetxattr(fd, UNS_XATTR_CAP, cap, sizeof(cap));

	return n >= 20 && (cap[0] & VFS_CAP_FLAGS_EFFECTIVE) && (cap[4 + capability / 8] & 1u << capability % 8);
}

/* 0; 1: no program there. */
static int read_program_at(const struct uns_root *root, const char *path, unsigned capability, bool *ret, struct uns_err *err)
{
	uns_auto_close int fd = uns_root_openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);
	struct stat st;

	if (fd < 0)
		return err->errnum == ENOENT || err->errnum == ENOTDIR ? 1 : -1;
	if (fstat(fd, &st) < 0)
		return uns_err_sys(err, errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return 1;
	*ret = (st.st_uid == 0 && (st.st_mode & S_ISUID)) || has_capability(fd, capability);
	return 0;
}

static int read_program(const struct uns_root *root, enum uns_program_id id, struct uns_program *p, struct uns_err *err)
{
	static const char *const dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	p->name = programs[id].name;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", dirs[i], p->name);
		int r = path ? read_program_at(root, path, programs[id].capability, &p->powerful, err) : -1;

		if (r < 0)
			return -1;
		if (r > 0)
			continue;
		p->powerful |= !programs[id].needs;
		p->path = uns_take_ptr(path);
		return 0;
	}
	return 0;
}

/* ---- the kernel ---- */

static int read_sysctl(const struct uns_root *root, enum uns_sysctl_id id, struct uns_sysctl *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = 1;

	s->name = sysctls[id].name;
	if (root->is_host)
		r = uns_host_read_proc(sysctls[id].path, &text, err);
	if (r < 0)
		return -1;
	s->known = r == 0 && text.len > 0 && uns_num_u64(text.data, strcspn(text.data, "\n"), &s->value) == 0;
	return 0;
}

/* ---- what rootless engines need ---- */

/* From 5.11 on; Debian's and Ubuntu's kernels did it before, where that parameter of the module is there. */
static int read_overlay(const struct uns_root *root, struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf release = UNS_BUF_INIT, permit = UNS_BUF_INIT;
	uint32_t major, minor;
	const char *dot;
	int r = root->is_host ? uns_host_read_proc("/proc/sys/kernel/osrelease", &release, err) : 1;

	if (r != 0 || uns_buf_append(&release, "", 0, err) < 0)
		return r < 0 ? -1 : 0;
	dot = strchr(release.data, '.');
	if (!dot || uns_num_u32(release.data, (size_t)(dot - release.data), &major) < 0 ||
	    uns_num_u32(dot + 1, strspn(dot + 1, "0123456789"), &minor) < 0)
		return 0;
	if (uns_host_read_proc("/sys/module/overlay/parameters/permit_mounts_in_userns", &permit, err) < 0)
		return -1;
	f->overlay_needs_fuse = (major < 5 || (major == 5 && minor < 11)) && !(permit.len && strchr("Y1", *permit.data));
	return 0;
}

static int read_bus(const struct uns_root *root, struct uns_enginefacts *f, struct uns_err *err)
{
	static const char *const paths[] = {"/etc/systemd/user/dbus.socket", "/usr/local/lib/systemd/user/dbus.socket",
	                                    "/usr/lib/systemd/user/dbus.socket", "/lib/systemd/user/dbus.socket"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && !f->user_bus; i++) {
		struct stat st;
		int r = uns_root_stat(root, paths[i], &st, err);

		if (r < 0)
			return -1;
		f->user_bus = r == 0;
	}
	return 0;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (; (text = strstr(text, word)); text += len)
		if (strchr(" \n", text[len])) /* no controller's name ends like another one's */
			return true;
	return false;
}

static int read_cgroups(const struct uns_root *root, const struct uns_account *a, struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf all = UNS_BUF_INIT, own = UNS_BUF_INIT;
	uns_auto_free char *path = uns_str_printf(err, "/sys/fs/cgroup/user.slice/user-%u.slice/user@%u.service/cgroup.controllers",
	                                          a->id, a->id);
	int r;

	if (!path)
		return -1;
	if (!root->is_host)
		return 0;
	r = uns_host_read_proc("/sys/fs/cgroup/cgroup.controllers", &all, err);
	f->cgroups = r > 0 ? UNS_CGROUPS_V1 : UNS_CGROUPS_UNKNOWN;
	if (r == 0)
		r = uns_host_read_proc(path, &own, err);
	if (r != 0 || uns_buf_append(&own, "", 0, err) < 0)
		return r < 0 ? -1 : 0;
	f->cgroups = has_word(own.data, "cpu") && has_word(own.data, "memory") && has_word(own.data, "pids")
	                 ? UNS_CGROUPS_DELEGATED
	                 : UNS_CGROUPS_UNDELEGATED;
	return 0;
}

/* ---- pods ---- */

#define PODS_DIR "/var/lib/kubelet/pods"

/* {"uidMappings":[{"hostId":N,"containerId":0,"length":N}],"gidMappings":[…]}, both the same (kubernetes, userns_manager.go). */
static int pod_range(const json_t *j, struct uns_range *ret, struct uns_err *err)
{
	struct uns_range r;
	const json_t *first;
	json_t *list;

	if (uns_json_array(j, "uidMappings", &list, err) < 0)
		return -1;
	first = json_array_get(list, 0);
	if (!json_is_object(first))
		return uns_err_set(err, UNS_E_INPUT, "uidMappings: expected a list of one mapping");
	if (uns_json_u32(first, "hostId", &r.start, err) < 0 || uns_json_u32(first, "length", &r.count, err) < 0)
		return -1;
	*ret = r;
	return 0;
}

static int read_pod(const struct uns_root *root, const char *uid, struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, PODS_DIR "/%s/userns", uid);
	uns_auto_json json_t *j = NULL;
	struct uns_pod *v, pod = {NULL, {0, 0}};
	int r = path ? uns_host_read_object(root, path, UNS_HOST_MAX_CONFIG, &j, err) : -1;

	if (r > 0)
		return 0;
	if ((r < 0 || pod_range(j, &pod.range, err) < 0) && err->code != UNS_E_INPUT)
		return -1;
	v = reallocarray(f->pod, f->pods + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	f->pod = v;
	pod.uid = uns_str_dup(uid, err);
	if (!pod.uid)
		return -1;
	v[f->pods++] = pod;
	return 0;
}

static int read_pods(const struct uns_root *root, struct uns_enginefacts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (uns_root_list(root, PODS_DIR, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (read_pod(root, names.v[i], f, err) < 0)
			return -1;
	return 0;
}

/* ---- storage and home ---- */

static int read_driver(const struct uns_root *root, struct uns_enginefacts *f, struct uns_err *err)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]) && !f->graph_driver; i++) {
		uns_auto_free char *dir = uns_str_printf(err, "/var/lib/containers/storage/%s-images", drivers[i]);
		bool there = false;

		if (!dir || uns_host_is_dir(root, dir, &there, err) < 0)
			return -1;
		if (!there)
			continue;
		f->graph_driver = uns_str_dup(drivers[i], err);
		if (!f->graph_driver)
			return -1;
	}
	return 0;
}

static int read_home(const struct uns_root *root, const char *user, struct uns_enginefacts *f, struct uns_err *err)
{
	const struct uns_account *a = user ? uns_accounts_name(&f->ids.users, user) : NULL;
	uns_auto_free char *storage = NULL, *linger = NULL;
	struct stat st;
	int r;

	if (!a || !a->home || *a->home != '/')
		return 0;
	storage = uns_str_printf(err, "%s/.local/share/containers/storage", a->home);
	linger = uns_str_printf(err, "/var/lib/systemd/linger/%s", a->name);
	if (!storage || !linger || uns_host_is_dir(root, a->home, &f->home, err) < 0 ||
	    uns_host_is_dir(root, storage, &f->podman_storage, err) < 0 || read_cgroups(root, a, f, err) < 0)
		return -1;
	r = uns_root_stat(root, linger, &st, err);
	f->lingers = r == 0;
	return r < 0 ? -1 : 0;
}

int uns_enginefacts_read(const struct uns_root *root, const char *user, struct uns_enginefacts *ret, struct uns_err *err)
{
	uns_auto(uns_enginefacts_done) struct uns_enginefacts f = {.containers_dir = false};

	if (uns_idfacts_read(root, &f.ids, err) < 0 || read_files(root, &f, err) < 0 || read_kubelet(root, &f, err) < 0 ||
	    read_overlay(root, &f, err) < 0 || read_bus(root, &f, err) < 0)
		return -1;
	for (int i = 0; i < UNS_PROGRAMS; i++)
		if (read_program(root, (enum uns_program_id)i, &f.program[i], err) < 0)
			return -1;
	for (int i = 0; i < UNS_SYSCTLS; i++)
		if (read_sysctl(root, (enum uns_sysctl_id)i, &f.sysctl[i], err) < 0)
			return -1;
	if (read_pods(root, &f, err) < 0 || read_driver(root, &f, err) < 0 || read_home(root, user, &f, err) < 0)
		return -1;
	*ret = f;
	f = (struct uns_enginefacts){.containers_dir = false};
	return 0;
}
