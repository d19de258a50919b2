/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, their subordinate ranges, and whether the kernel makes user namespaces at all. */
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"

static int read_users(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_root_read(root, "/etc/passwd", UNS_HOST_MAX_ACCOUNTS, &text, NULL, err);

	if (r)
		return r < 0 ? -1 : 0;
	return uns_passwd_parse(text.data ? text.data : "", text.len, &f->users, err);
}

static int read_groups(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_root_read(root, "/etc/group", UNS_HOST_MAX_ACCOUNTS, &text, NULL, err);

	if (r)
		return r < 0 ? -1 : 0;
	return uns_group_parse(text.data ? text.data : "", text.len, &f->groups, err);
}

static int read_subid(const struct uns_root *root, const char *path, bool *ret_have, struct uns_subid *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_root_read(root, path, UNS_HOST_MAX_ACCOUNTS, &text, NULL, err);

	if (r)
		return r < 0 ? -1 : 0;
	if (uns_subid_parse(text.data ? text.data : "", text.len, path, ret, err) < 0)
		return -1;
	*ret_have = true;
	return 0;
}

/* Of the running kernel only: what an offline tree will be booted with cannot be known. */
static int read_sysctl(struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_host_read_proc("/proc/sys/user/max_user_namespaces", &text, err);

	if (r < 0)
		return -1;
	if (r > 0 || text.len == 0)
		return 0;
	f->have_max_user_namespaces = uns_num_u64(text.data, strcspn(text.data, "\n"), &f->max_user_namespaces) == 0;
	return 0;
}

int uns_host_read_accounts(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	if (read_users(root, f, err) < 0 || read_groups(root, f, err) < 0)
		return -1;
	if (read_subid(root, "/etc/subuid", &f->have_subuid, &f->subuid, err) < 0)
		return -1;
	if (read_subid(root, "/etc/subgid", &f->have_subgid, &f->subgid, err) < 0)
		return -1;
	return root->is_host ? read_sysctl(f, err) : 0;
}
