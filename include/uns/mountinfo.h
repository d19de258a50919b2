/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/mountinfo, proc_pid_mountinfo(5). Pure. */
#ifndef UNS_MOUNTINFO_H
#define UNS_MOUNTINFO_H

#include <stddef.h>

#include "uns/err.h"

struct uns_mount {
	char *point;  /* mount point, octal escapes decoded */
	char *fstype;
	char *options; /* per-mount options, comma separated */
	char *super;   /* options of the file system itself */
	unsigned major, minor;
};
struct uns_mounts {
	struct uns_mount *v;
	size_t n, cap;
};
void uns_mounts_done(struct uns_mounts *m);
int uns_mountinfo_parse(const char *text, size_t len, struct uns_mounts *ret, struct uns_err *err);
/* The mount that holds path (the longest mount point that is path or above it; of equals the last), or NULL. */
const struct uns_mount *uns_mounts_of(const struct uns_mounts *m, const char *path);

#endif
