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
enum uns_program_id {
	UNS_GETSUBIDS,
	UNS_NEWUIDMAP,
	UNS_NEWGIDMAP,
	UNS_PROGRAM_ROOTLESSKIT,
	UNS_SLIRP4NETNS,
	UNS_PASTA,
	UNS_FUSE_OVERLAYFS,
	UNS_PROGRAMS
};
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
	UNS_KUBELET_CONFIG,    /* what --config names, in the files below or on the command line of the kubelet that runs; else
	                          /var/lib/kubelet/config.yaml (kubeadm), config.json or kubelet-config.json (EKS) in
	                          /etc/kubernetes/kubelet */
	/* Flags, in the order in which kubeadm's unit puts them on the command line: the last one counts. */
	UNS_KUBEADM_FLAGS,     /* /var/lib/kubelet/kubeadm-flags.env: KUBELET_KUBEADM_ARGS */
	UNS_KUBELET_DEFAULT,   /* /etc/default/kubelet, KUBELET_EXTRA_ARGS */
	UNS_KUBELET_SYSCONFIG, /* /etc/sysconfig/kubelet, the same */
	UNS_ENGINEFILES
};
struct uns_enginefile {
	const char *path;     /* the first of the usual ones that exists, else the first */
	const char *variable; /* which has the flags; NULL: no file of flags */
	bool exists;
	struct uns_buf text; /* data is a string, also when it is absent */
};

/* A pod of kubelet's with a user namespace: the IDs of the host that it has (what kubelet remembers of it on disk);
 * 0:0 when that cannot be read, which kubelet cannot either. */
struct uns_pod {
	char *uid;
	struct uns_range range;
};

/* A file of --config-dir (else of /etc/kubernetes/kubelet.conf.d), in kubelet's order: each wins over those before it. */
struct uns_dropin {
	char *path;
	struct uns_buf text;
};

/* What limits of a user's containers need. */
enum uns_cgroups {
	UNS_CGROUPS_UNKNOWN,     /* an offline root, or no manager of the user runs */
	UNS_CGROUPS_V1,
	UNS_CGROUPS_UNDELEGATED, /* the user's manager has not got cpu, memory and pids */
	UNS_CGROUPS_DELEGATED
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
	struct uns_strs kubelet_argv; /* of the kubelet that runs; empty: none does */
	char *kubelet_config;         /* the path of --config; NULL: one of the usual ones */
	struct uns_dropin *dropin;
	size_t dropins;
	bool user_bus;           /* systemd gives users a bus of their own (dbus.socket among their units) */
	bool overlay_needs_fuse; /* the kernel that runs mounts no overlay inside a user namespace (before 5.11) */
	/* Of the one user that was named, when passwd has it. */
	bool home, lingers, podman_storage;
	enum uns_cgroups cgroups;
};

/* user: whose home is looked at; may be NULL. UNS_E_INPUT for what cannot be read at all. */
int uns_enginefacts_read(const struct uns_root *root, const char *user, struct uns_enginefacts *ret, struct uns_err *err);
void uns_enginefacts_done(struct uns_enginefacts *f);

#endif
