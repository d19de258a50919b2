/* SPDX-License-Identifier: Apache-2.0 */
/* Which line gives user.max_user_namespaces its value the next time that the files of sysctl.d(5) are read. */
#include "hostfacts.h"

#include <string.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/sysctlconf.h"

#define DIRS 5
#define SUFFIX ".conf"

/* Where a name stands in several directories, the first one counts. systemd's src/basic/conf-files.c; procps' sysctl.c (PreloadSystem). */
static const char *const dirs[UNS_SYSCTL_READERS][DIRS] = {
    [UNS_SYSCTL_BOOT] = {"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"},
    [UNS_SYSCTL_SYSTEM] = {"/run/sysctl.d", "/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"},
};

static bool is_conf(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* The names of all directories, each once, in the order in which they are read. */
static int list_names(const struct uns_root *root, const char *const in[DIRS], struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < DIRS; i++) {
		uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

		if (uns_root_list(root, in[i], &names, err) < 0)
			return -1;
		for (size_t k = 0; k < names.n; k++)
			if (is_conf(names.v[k]) && !uns_strs_has(ret, names.v[k]) && uns_strs_add(ret, names.v[k], err) < 0)
				return -1;
	}
	uns_strs_sort(ret);
	return 0;
}

/* A link to /dev/null, which a root may lack, is how a file is masked. */
static bool is_masked(const struct uns_root *root, const char *path)
{
	struct uns_err ignored;
	const char *name;
	char target[16];
	ssize_t len;
	int fd = -1;

	if (uns_root_parent(root, path, &fd, &name, &ignored) < 0)
		return false;
	len = readlinkat(fd, name, target, sizeof(target));
	close(fd);
	return len == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)len) == 0;
}

/* 0 when it was read; 1 when there is none, or it cannot be read, which both programs only complain about. */
static int add_file(const struct uns_root *root, const char *path, struct uns_sysctlconf *c, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err why = {.errnum = 0};
	int r = uns_root_read(root, path, UNS_HOST_MAX_CONFIG, &text, NULL, &why);

	if (r < 0 && why.code != UNS_E_INPUT && why.errnum == ENOMEM)
		return uns_err_nomem(err);
	if (r != 0)
		return 1;
	return uns_sysctlconf_add(c, path, text.data ? text.data : "", text.len, err) < 0 ? -1 : 0;
}

static int add_name(const struct uns_root *root, const char *const in[DIRS], const char *name, struct uns_sysctlconf *c,
                    struct uns_err *err)
{
	for (size_t i = 0; i < DIRS; i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", in[i], name);
		int r;

		if (!path)
			return -1;
		if (is_masked(root, path))
			return 0;
		r = add_file(root, path, c, err);
		if (r <= 0)
			return r;
	}
	return 0;
}

static int read_as(const struct uns_root *root, enum uns_sysctl_reader as, struct uns_persisted *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	uns_auto(uns_sysctlconf_done) struct uns_sysctlconf c = {.key = "user/max_user_namespaces"};
	const struct uns_sysctl_line *l;

	if (list_names(root, dirs[as], &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (add_name(root, dirs[as], names.v[i], &c, err) < 0)
			return -1;
	if (as == UNS_SYSCTL_SYSTEM && add_file(root, "/etc/sysctl.conf", &c, err) < 0)
		return -1;
	l = uns_sysctlconf_result(&c);
	if (!l)
		return 0;
	ret->file = uns_str_dup(l->file, err);
	ret->line = l->line;
	ret->zero = uns_sysctl_is_zero(l->value);
	return ret->file ? 0 : -1;
}

int uns_host_read_persisted(const struct uns_root *root, struct uns_hostfacts *h, struct uns_err *err)
{
	static const char *const programs[] = {"/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"};
	struct stat st;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]) && !h->systemd_sysctl; i++) {
		int r = uns_root_stat(root, programs[i], &st, err);

		if (r < 0)
			return -1;
		h->systemd_sysctl = r == 0;
	}
	if (read_as(root, UNS_SYSCTL_SYSTEM, &h->persisted[UNS_SYSCTL_SYSTEM], err) < 0)
		return -1;
	return read_as(root, h->systemd_sysctl ? UNS_SYSCTL_BOOT : UNS_SYSCTL_SYSTEM, &h->persisted[UNS_SYSCTL_BOOT], err);
}
