/* SPDX-License-Identifier: Apache-2.0 */
/* --root: what must be so before anything is planned or changed below it. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

/* A typing error must not become the first files of a system. A tree to shift need be no system. */
int uns_offline_check_root(const struct uns_run *r, struct uns_err *err)
{
	struct stat st;
	int rc;

	if (r->root.is_host || r->o->cmd == UNS_CMD_SHIFT || r->o->cmd == UNS_CMD_RESUME || r->o->cmd == UNS_CMD_ROLLBACK)
		return 0;
	rc = uns_root_stat(&r->root, "/etc", &st, err);
	if (rc < 0)
		return uns_change_explain(err);
	if (rc == 0)
		return 0;
	return uns_err_set(err, UNS_E_FAILED, "%s has no /etc: it is no root of a system; expected the directory that will be /", r->root.path);
}

/* Files that belong to the caller are his to edit, but what gives files or accounts away is not for everybody. */
int uns_offline_check_plan(const struct uns_plan *p, struct uns_err *err)
{
	static const char *const kinds[] = { "account", "owner-mode", "shift-tree", "nest" };

	for (size_t i = 0; geteuid() != 0 && i < p->n; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (strcmp(p->v[i].kind, kinds[k]) == 0)
				return uns_err_set(err, UNS_E_FAILED,
						   "step %zu (%s) needs root, also in a root that is yours; run it as root, or as the root of a "
						   "user namespace (unshare --map-auto --map-root-user)",
						   i + 1, kinds[k]);
	return 0;
}
