/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine commands want to know beyond who takes which IDs: whether the ranges mean the same to everybody, and whether the
 * kernel makes user namespaces at all. */
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"

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

/* One line that its consumers read differently can move a container's root, so an engine is not touched before it is mended. */
int uns_host_read_accounts(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++)
		if (uns_subid_strict(&f->ids.sub[k].s, UNS_SUBID_FILE(k), err) < 0)
			return -1;
	return root->is_host ? read_sysctl(f, err) : 0;
}
