/* SPDX-License-Identifier: Apache-2.0 */
/* What of a host stops remapping, or breaks under it. See uns/hostfacts.h. */
#include "hostfacts.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/num.h"

/* ---- the kernel ---- */

/* A file of proc as a string without its newline. 0; 1 when there is none. */
static int read_word(const char *proc, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", proc, name);
	int r = path ? uns_host_read_proc(path, ret, err) : -1;

	if (r == 0 && uns_buf_append(ret, "", 0, err) < 0)
		return -1;
	if (r == 0)
		ret->data[strcspn(ret->data, "\n")] = '\0';
	return r;
}

static int read_number(const char *proc, const char *name, uint64_t none, uint64_t *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = read_word(proc, name, &text, err);

	if (r < 0)
		return -1;
	*ret = none;
	if (r == 0 && uns_num_u64(text.data, strlen(text.data), ret) < 0)
		*ret = none;
	return 0;
}

static bool has_word(char *line, const char *word)
{
	char *rest = NULL;

	for (char *w = strtok_r(line, " \t\n", &rest); w; w = strtok_r(NULL, " \t\n", &rest))
		if (strcmp(w, word) == 0)
			return true;
	return false;
}

static int read_el7(const char *proc, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf release = UNS_BUF_INIT, cmdline = UNS_BUF_INIT;
	uint64_t most;
	int r = read_word(proc, "sys/kernel/osrelease", &release, err);

	if (r == 0)
		r = read_word(proc, "cmdline", &cmdline, err);
	if (r != 0 || read_number(proc, "sys/user/max_user_namespaces", UINT64_MAX, &most, err) < 0)
		return r > 0 ? 0 : -1;
	h->el7 = strstr(release.data, ".el7.") != NULL;
	h->el7_no_sysctl = h->el7 && most == UINT64_MAX;
	h->el7_switch = has_word(cmdline.data, "user_namespace.enable=1");
	return 0;
}

int uns_host_read_kernel(const char *proc, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *ns = uns_str_printf(err, "%s/self/ns/user", proc);
	uint64_t clone, apparmor;

	if (!ns || read_number(proc, "sys/kernel/unprivileged_userns_clone", 1, &clone, err) < 0 ||
	    read_number(proc, "sys/kernel/apparmor_restrict_unprivileged_userns", 0, &apparmor, err) < 0)
		return -1;
	h->no_namespaces = faccessat(AT_FDCWD, ns, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
	h->clone_off = clone == 0;
	h->apparmor = apparmor == 1;
	return read_el7(proc, h, err);
}

/* ---- os-release(5) ---- */

/* NAME=VALUE, the value quoted or not; what is escaped in it is of no use to us. */
static int take_name(char *line, const char *name, char **ret, struct uns_err *err)
{
	char *value = line + strlen(name);
	size_t len;

	if (!uns_str_starts(line, name) || *value++ != '=')
		return 0;
	value += strspn(value, "\"'");
	len = strcspn(value, "\"' \t");
	value[len] = '\0';
	free(*ret);
	*ret = uns_str_dup(value, err);
	return *ret ? 0 : -1;
}

static bool is_el7(const struct uns_hostfacts *h)
{
	static const char *const ids[] = {"rhel", "centos", "ol", "scientific", "cloudlinux", "virtuozzo"};

	if (!h->os_id || !h->os_version || *h->os_version != '7' || isdigit((unsigned char)h->os_version[1]))
		return false;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (strcmp(h->os_id, ids[i]) == 0)
			return true;
	return false;
}

int uns_host_read_os(const struct uns_root *root, struct uns_hostfacts *h, struct uns_err *err)
{
	static const char *const files[] = {"/etc/os-release", "/usr/lib/os-release"};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t at = 0;
	char *line;
	int r = 1;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && r > 0; i++)
		r = uns_root_read(root, files[i], UNS_HOST_MAX_CONFIG, &text, NULL, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	while ((line = uns_host_line(&text, &at)))
		if (take_name(line, "ID", &h->os_id, err) < 0 || take_name(line, "VERSION_ID", &h->os_version, err) < 0)
			return -1;
	if (!root->is_host)
		h->el7 = is_el7(h);
	return 0;
}

/* ---- all of it ---- */

int uns_hostfacts_read(const struct uns_root *root, const struct uns_facts *f, const struct uns_hostfacts_want *want,
                       struct uns_hostfacts *ret, struct uns_err *err)
{
	uns_auto(uns_hostfacts_done) struct uns_hostfacts h = {.known = true, .told = f->told};

	if (root->is_host && uns_host_read_kernel("/proc", &h, err) < 0)
		return -1;
	if (uns_host_read_os(root, &h, err) < 0 || uns_host_read_persisted(root, &h, err) < 0 ||
	    uns_host_read_selinux(root, root->is_host ? "/sys" : NULL, f->data_root, &h, err) < 0 ||
	    uns_host_read_place(root, f, want, &h, err) < 0 ||
	    uns_host_read_engines(root, root->is_host ? "/proc" : NULL, f, &h, err) < 0)
		return -1;
	*ret = h;
	h = (struct uns_hostfacts){.known = false};
	return 0;
}

static void lists_done(struct uns_hostfacts *h)
{
	for (size_t i = 0; i < h->parents; i++)
		free(h->parent[i].path);
	for (size_t i = 0; i < h->fixeds; i++)
		free(h->fixed[i].path);
	for (size_t i = 0; i < h->pinneds; i++)
		free(h->pinned[i].path);
	for (size_t i = 0; i < h->olds; i++)
		free(h->old[i].name);
	for (size_t i = 0; i < h->plugins; i++)
		free(h->plugin[i].name);
	for (size_t i = 0; i < h->rootlesses; i++)
		free(h->rootless[i].user);
}

void uns_hostfacts_done(struct uns_hostfacts *h)
{
	lists_done(h);
	for (int i = 0; i < UNS_SYSCTL_READERS; i++)
		free(h->persisted[i].file);
	free(h->os_id);
	free(h->os_version);
	free(h->parent);
	free(h->fixed);
	free(h->pinned);
	free(h->fstype);
	free(h->mount_point);
	free(h->quota);
	free(h->old);
	free(h->selinux_alias);
	uns_strs_done(&h->selinux_subs);
	uns_strs_done(&h->selinux_locals);
	free(h->plugin);
	free(h->rootless);
	uns_strs_done(&h->desktops);
	free(h->containerd_db);
	*h = (struct uns_hostfacts){.known = false};
}
