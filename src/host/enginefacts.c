/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for the presets: files, programs, settings of the kernel, and the home of one user. */
#include "uns/enginefacts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/xattr.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
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
	*f = (struct uns_enginefacts){.containers_dir = false};
}

/* ---- files ---- */

static int read_file(const struct uns_root *root, enum uns_enginefile_id id, struct uns_enginefile *f, struct uns_err *err)
{
	f->path = file_paths[id][0];
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
		if (read_file(root, (enum uns_enginefile_id)i, &f->file[i], err) < 0)
			return -1;
	if (uns_host_is_dir(root, "/etc/containers", &f->containers_dir, err) < 0 ||
	    (f->containers_dir && uns_root_list(root, "/etc/containers", &names, err) < 0))
		return -1;
	f->containers_alone = names.n == 1 && strcmp(names.v[0], "storage.conf") == 0;
	return 0;
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
	    uns_host_is_dir(root, storage, &f->podman_storage, err) < 0)
		return -1;
	r = uns_root_stat(root, linger, &st, err);
	f->lingers = r == 0;
	return r < 0 ? -1 : 0;
}

int uns_enginefacts_read(const struct uns_root *root, const char *user, struct uns_enginefacts *ret, struct uns_err *err)
{
	uns_auto(uns_enginefacts_done) struct uns_enginefacts f = {.containers_dir = false};

	if (uns_idfacts_read(root, &f.ids, err) < 0 || read_files(root, &f, err) < 0)
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
