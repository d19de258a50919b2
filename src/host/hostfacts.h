/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that read uns_hostfacts. Each fills its part; 0, or -1 with err. proc and sys are where proc(5) and sysfs(5) are
 * mounted. */
#ifndef UNS_HOST_HOSTFACTS_H
#define UNS_HOST_HOSTFACTS_H

#include "host.h"
#include "uns/hostfacts.h"

/* hostfacts.c: of the kernel that runs. */
int uns_host_read_kernel(const char *proc, struct uns_hostfacts *h, struct uns_err *err);
/* hostfacts.c: os_id, os_version; and el7 of an offline root. */
int uns_host_read_os(const struct uns_root *root, struct uns_hostfacts *h, struct uns_err *err);
/* hostfacts-sysctl.c: persisted, systemd_sysctl. */
int uns_host_read_persisted(const struct uns_root *root, struct uns_hostfacts *h, struct uns_err *err);
/* hostfacts-selinux.c; sys NULL: an offline root. */
int uns_host_read_selinux(const struct uns_root *root, const char *sys, const char *data_root, struct uns_hostfacts *h,
                          struct uns_err *err);
/* hostfacts-trees.c */
int uns_host_read_place(const struct uns_root *root, const struct uns_facts *f, const struct uns_hostfacts_want *want,
                        struct uns_hostfacts *h, struct uns_err *err);
/* The part that mountinfo tells; text as in /proc/self/mountinfo. */
int uns_host_read_mount_options(const char *text, size_t len, const char *data_root, struct uns_hostfacts *h, struct uns_err *err);
/* hostfacts-engines.c; proc NULL: an offline root. */
int uns_host_read_engines(const struct uns_root *root, const char *proc, const struct uns_facts *f, struct uns_hostfacts *h,
                          struct uns_err *err);

#endif
