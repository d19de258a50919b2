/* SPDX-License-Identifier: Apache-2.0 */
/* What the presets of engines other than Docker need to know of a host, beside who takes which IDs. Reads only; texts of files are
 * given as they are, for only the preset that they concern may refuse them. */
#ifndef UNS_ENGINEFACTS_H
#define UNS_ENGINEFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/idfacts.h"
#include "uns/idmap.h"
#include "uns/root.h"
#include "uns/str.h"

/* A program in the directories that engines are started with: /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin. */
enum uns_program_id { UNS_GETSUBIDS, UNS_NEWUIDMAP, UNS_NEWGIDMAP, UNS_PROGRAMS };
struct uns_program {
	const char *name;
	char *path;    /* inside the root; NULL: there is none */
	bool powerful; /* it belongs to root and is setuid, or has the capability that it needs (cap_setuid, cap_setgid) */
};

enum uns_sysctl_id { UNS_MAX_USER_NAMESPACES, UNS_UNPRIVILEGED_CLONE, UNS_APPARMOR_USERNS, UNS_SYSCTLS };
struct uns_sysctl {
	const char *name; /* "user.max_user_namespaces" */
	bool known;       /* never in an offline root */
	uint64_t value;
};

enum uns_enginefile_id {
	UNS_STORAGE_CONF,      /* /etc/containers/storage.conf */
	UNS_STORAGE_SHARE,     /* /usr/share/containers/storage.conf: read only when the other one is absent */
	UNS_KUBELET_CONFIG,    /* /var/lib/kubelet/config.yaml (kubeadm), else config.json or kubelet-config.json (EKS) in
	                          /etc/kubernetes/kubelet */
	UNS_KUBEADM_FLAGS,     /* /var/lib/kubelet/kubeadm-flags.env: KUBELET_KUBEADM_ARGS */
	UNS_KUBELET_DEFAULT,   /* /etc/default/kubelet, KUBELET_EXTRA_ARGS */
	UNS_KUBELET_SYSCONFIG, /* /etc/sysconfig/kubelet, the same */
	UNS_ENGINEFILES
};
struct uns_enginefile {
	const char *path; /* the first of the usual ones that exists, else the first */
	bool exists;
	struct uns_buf text; /* data is a string, also when it is absent */
};

/* A pod of kubelet's with a user namespace: the IDs of the host that it has (what kubelet remembers of it on disk);
 * 0:0 when that cannot be read, which kubelet cannot either. */
struct uns_pod {
	char *uid;
	struct uns_range range;
};

struct uns_enginefacts {
	struct uns_idfacts ids;
	struct uns_program program[UNS_PROGRAMS];
	struct uns_sysctl sysctl[UNS_SYSCTLS];
	struct uns_enginefile file[UNS_ENGINEFILES];
	bool containers_dir, containers_alone; /* /etc/containers is there; it holds storage.conf and nothing else */
	char *graph_driver;                    /* whose images lie in /var/lib/containers/storage; NULL: none do */
	struct uns_pod *pod;                   /* of /var/lib/kubelet/pods */
	size_t pods;
	/* Of the one user that was named, when passwd has it. */
	bool home, lingers, podman_storage;
};

/* user: whose home is looked at; may be NULL. UNS_E_INPUT for what cannot be read at all. */
int uns_enginefacts_read(const struct uns_root *root, const char *user, struct uns_enginefacts *ret, struct uns_err *err);
void uns_enginefacts_done(struct uns_enginefacts *f);

#endif
