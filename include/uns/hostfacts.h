/* SPDX-License-Identifier: Apache-2.0 */
/* What of a host stops remapping or breaks under it, beside the engine and its data themselves. Reads only. Of an offline root what its
 * files say: nothing of the kernel that runs, of its mounts or of its processes. */
#ifndef UNS_HOSTFACTS_H
#define UNS_HOSTFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/root.h"
#include "uns/str.h"

struct uns_facts;

/* A line that sets user.max_user_namespaces, when the files are read by
 * boot: what reads them when the host starts: systemd-sysctl(8), or, where there is none, the same as system;
 * system: "sysctl --system" of procps, which prefers other directories and reads /etc/sysctl.conf last. */
enum uns_sysctl_reader { UNS_SYSCTL_BOOT, UNS_SYSCTL_SYSTEM, UNS_SYSCTL_READERS };
struct uns_persisted {
	char *file; /* NULL: no line sets it */
	unsigned line;
	bool zero;
};

/* A directory on the way to the data root, "/" too. */
struct uns_parent {
	char *path;
	uint32_t uid, gid, mode;
};

/* A path that a change of the engine touches and whose inode is immutable or append-only. */
enum uns_touched { UNS_TOUCHED_DATA, UNS_TOUCHED_ACCOUNTS, UNS_TOUCHED_SUBIDS, UNS_TOUCHED_OPTIONS, UNS_TOUCHED_JOURNAL, UNS_TOUCHED };
struct uns_fixed {
	char *path;
	enum uns_touched what;
	bool append; /* append-only; else immutable */
};

/* A path that a change of the engine replaces by renaming another one over it, and cannot. */
struct uns_pinned {
	char *path;
	enum uns_touched what;
	enum uns_pin {
		UNS_PIN_READONLY, /* the file system of its directory is read-only */
		UNS_PIN_MOUNT,    /* a file system is mounted on it */
		UNS_PIN_SYMLINK,  /* account tools would follow it out of the offline root */
	} why;
};

/* The file system of a place that is written to; of a directory that is still to be made, that of the one above it. */
enum uns_space_of { UNS_SPACE_DATA, UNS_SPACE_JOURNAL, UNS_SPACE_ETC, UNS_SPACES };
struct uns_space {
	const char *path;
	uint64_t dev;
	uint64_t bytes, inodes; /* free; inodes UINT64_MAX: the file system makes them as needed */
};

/* How the file system of the data root keeps owners. */
enum uns_ownership {
	UNS_OWNERS_KEPT,
	UNS_OWNERS_NONE,   /* FAT and the like, CIFS: all files belong to whom the mount says */
	UNS_OWNERS_REMOTE, /* a server or a program decides */
};

/* A tree N.M that is not in use. */
struct uns_old_tree {
	char *name;
	bool measured; /* files, bytes, newest and cut are known */
	uint64_t files, bytes; /* of regular files; names of one inode count once, as long as all are in the tree */
	int64_t newest;        /* last change of content, seconds since 1970; 0: there is no file */
	bool cut;              /* the time limit ended the count */
	size_t containers, volumes;
	bool layers;
};

/* A managed plugin in the data root. */
struct uns_plugin {
	char *name;
	bool enabled, volumes; /* volumes: it is a volume driver */
};

/* An engine of a user. */
struct uns_rootless {
	char *user;   /* name, or the number of an account that passwd does not have */
	bool running; /* its dockerd runs; else there is only its data */
};

struct uns_hostfacts {
	bool known; /* has been read */
	bool told;  /* as uns_facts.told: without what is only in the data root, which may not be read */
	/* the kernel */
	bool no_namespaces;  /* it runs, and was built without user namespaces */
	bool el7;            /* a kernel of Enterprise Linux 7, or an offline root of it */
	bool el7_switch;     /* the kernel that runs was booted with user_namespace.enable=1 */
	bool el7_no_sysctl;  /* it runs, and does not know user.max_user_namespaces (before 7.4) */
	bool clone_off;      /* kernel.unprivileged_userns_clone is 0 */
	bool apparmor;       /* kernel.apparmor_restrict_unprivileged_userns is 1 */
	bool systemd_sysctl;
	struct uns_persisted persisted[UNS_SYSCTL_READERS];
	char *os_id, *os_version; /* of os-release; NULL: it does not say */

	/* the trees */
	struct uns_parent *parent;
	size_t parents;
	struct uns_fixed *fixed; /* UNS_FIXED_LISTED of them at most; all are counted */
	size_t fixeds;
	uint64_t fixed_all[UNS_TOUCHED];
	struct uns_pinned *pinned;
	size_t pinneds;
	uint64_t touched; /* directories and files of the data root that are changed or moved by themselves */
	struct uns_space space[UNS_SPACES];
	char *fstype;            /* of the data root; NULL: not known */
	char *mount_point;       /* of that file system; NULL: not known */
	enum uns_ownership owners;
	bool copy_on_write;      /* each change of an inode takes new room: btrfs, bcachefs, zfs */
	bool noexec, nosuid;     /* of its mount */
	bool no_acl;             /* mounted with noacl: what ACLs there are cannot be seen */
	char *quota;             /* its mount options that limit users or groups; NULL: none */
	struct uns_old_tree *old;
	size_t olds;

	/* SELinux: in use, the directory that its policy has patterns for, and what the administrator has added below the data root */
	bool selinux, selinux_enforcing;
	char *selinux_alias;            /* what the data root is the same as for the policy; NULL: itself */
	struct uns_strs selinux_subs;   /* paths of file_contexts.subs and subs_dist */
	struct uns_strs selinux_locals; /* expressions of file_contexts.local */

	/* engines */
	bool swarm, swarm_manager;
	struct uns_plugin *plugin;
	size_t plugins;
	struct uns_rootless *rootless;
	size_t rootlesses;
	bool desktop;               /* Docker Desktop is installed */
	struct uns_strs desktops;   /* users with data of it */
	bool containerd_images;     /* containerd has images of the engine (namespace moby): the containerd image store was used */
	char *containerd_db;        /* where that was read; NULL: nowhere */
};

#define UNS_FIXED_LISTED 20
#define UNS_OLD_TREES_LIMIT 3000 /* milliseconds for the sizes of all of them */

struct uns_hostfacts_want {
	bool nested; /* the tree that a change starts from is the one with remapping */
	bool sizes;  /* of old trees too */
};
/* f must have been read already. */
int uns_hostfacts_read(const struct uns_root *root, const struct uns_facts *f, const struct uns_hostfacts_want *want,
                       struct uns_hostfacts *ret, struct uns_err *err);
void uns_hostfacts_done(struct uns_hostfacts *h);

#endif
