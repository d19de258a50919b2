/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes which UIDs and GIDs on a host, read once; a part of struct uns_facts, and all that the range commands read. Reads only;
 * with an offline root only files below it: no NSS, no /proc. */
#ifndef UNS_IDFACTS_H
#define UNS_IDFACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "uns/account.h"
#include "uns/err.h"
#include "uns/idmap.h"
#include "uns/root.h"
#include "uns/str.h"
#include "uns/subid.h"

#define UNS_SUBID_FILE(kind) ((kind) == UNS_GID ? "/etc/subgid" : "/etc/subuid")

struct uns_subid_file {
	bool exists, symlink;
	uint32_t mode, uid, gid; /* permission bits and owner of the file itself (of the symlink's target when it is one) */
	struct uns_subid s;
};

/* login.defs(5); values that the file does not set are shadow's own (lib/subordinateio.c, UID_MIN 1000 … ). */
struct uns_login_defs {
	uint32_t id_min[UNS_IDKINDS], id_max[UNS_IDKINDS]; /* UID_MIN … UID_MAX, GID_MIN … GID_MAX */
	uint32_t sys_max[UNS_IDKINDS];                     /* SYS_UID_MAX, SYS_GID_MAX */
	uint32_t sub_min[UNS_IDKINDS], sub_max[UNS_IDKINDS], sub_count[UNS_IDKINDS];
	bool sub_set[UNS_IDKINDS]; /* SUB_?ID_MIN or SUB_?ID_MAX stands in the file */
};

/* A user namespace that processes live in: IDs of the host that it maps (an extent of /proc/PID/uid_map or gid_map). Our own is
 * left out, and extents from below 65536 that map each ID to itself. */
struct uns_live {
	struct uns_range range;
	enum uns_idkind kind;
	pid_t pid; /* one of its processes */
	char comm[32];
};

/* DATA-ROOT/U.G. */
struct uns_idtree {
	char *path;
	uint32_t start[UNS_IDKINDS];
};

/* Software with ranges of its own that stand in no file that everybody reads. Bits of uns_idfacts.present. */
enum uns_present {
	UNS_HAS_SYSTEMD = 1,
	UNS_HAS_HOMED = 2,    /* systemd-homed is installed and has homes */
	UNS_HAS_KUBELET = 4,
	UNS_HAS_INCUS = 8,    /* or LXD */
	UNS_HAS_SNAPD = 16,
	UNS_HAS_IPA = 32,     /* the host is enrolled in FreeIPA: etc/ipa/default.conf */
	UNS_HAS_SSSD = 64,    /* etc/sssd/sssd.conf */
	UNS_HAS_APPTAINER = 128,
	UNS_HAS_DOCKER = 256,
	UNS_HAS_PODMAN = 512,
};

/* "subuid.lock" and what killed account tools leave beside it. */
struct uns_idlock {
	char *path;       /* "/etc/subuid.lock" */
	bool is_lock;     /* else a leftover: F+, F.cioXXXXXX, F.<digits>, F.lock.usernsctl … */
	pid_t pid;        /* 0: the file names none that can be read */
	bool alive;       /* a process has this number */
	bool younger;     /* … but it started after the lock was made: another process */
	char comm[32];
	int64_t age;      /* seconds since the lock was made */
};

struct uns_idfacts {
	bool offline;
	struct uns_accounts users, groups;       /* etc/passwd, etc/group: all */
	struct uns_accounts nss[UNS_IDKINDS];    /* what NSS has beyond these files, as far as asked (uns_idfacts_probe, _name) */
	bool has_nss[UNS_IDKINDS];               /* nsswitch.conf names sources beyond files: asking makes sense */
	uint64_t probed;                         /* IDs that NSS was asked for */
	bool probe_cut;                          /* not all were asked (time limit), or a source did not answer */
	bool probe_silent;                       /* a source did not answer */
	struct uns_subid_file sub[UNS_IDKINDS];
	char *subid_source;                      /* "subid:" of nsswitch.conf when its first word is not files; else NULL */
	bool subid_source_read;                  /* plugin[] was read from it: built with libsubid, and its plugin loads */
	struct uns_rangeset plugin[UNS_IDKINDS]; /* ranges that it gives to owners we know; who = owner */
	struct uns_login_defs defs;
	struct uns_live *live;
	size_t lives;
	struct uns_idtree *tree;
	size_t trees;
	unsigned present;                        /* enum uns_present */
	struct uns_rangeset sssd;                /* slices that sssd.conf maps SIDs to; who = "[domain/x] of /etc/sssd/sssd.conf" */
	struct uns_rangeset scanned[UNS_IDKINDS];/* --scan: blocks with IDs on files; who = a path */
	struct uns_idlock *lock;
	size_t locks;
	uint32_t *by_name;                       /* uns_idfacts_name's own: places in users, in the order of names */
	size_t by_name_n;
};

/* UNS_E_INPUT only for what cannot be read at all (a directory in place of a file, a file of more than 1 GiB). Malformed lines are
 * entries with flaws. A daemon.json that cannot be parsed only means that the default data root is looked at. */
int uns_idfacts_read(const struct uns_root *root, struct uns_idfacts *ret, struct uns_err *err);
void uns_idfacts_done(struct uns_idfacts *f);

/* Asks NSS (getpwuid_r, getgrgid_r) which accounts have an ID of the range: its first and last ID and "samples" between them,
 * spread evenly; deep: every ID. Adds what passwd and group do not have to f->nss[kind]; *ret_new counts that. Asks nothing when f
 * is offline or has_nss[kind] is false. until: CLOCK_MONOTONIC milliseconds at which it stops (probe_cut), 0: never. */
struct uns_probe {
	bool deep;
	unsigned samples; /* 8 is the default of the commands */
	int64_t until;
};
int uns_idfacts_probe(struct uns_idfacts *f, enum uns_idkind kind, struct uns_range r, const struct uns_probe *how, size_t *ret_new,
                      struct uns_err *err);
/* Whether an account of this name exists: passwd, then NSS (then it is in f->nss[UNS_UID] under this very name). f->users must not
 * change between calls. A source that does not answer knows nobody (probe_cut). */
int uns_idfacts_name(struct uns_idfacts *f, const char *name, bool *ret, struct uns_err *err);
/* --scan: adds blocks of 65536 IDs that own files below the path (of the root), from 65536 up. */
int uns_idfacts_scan(const struct uns_root *root, const char *path, struct uns_idfacts *f, struct uns_err *err);
/* CLOCK_MONOTONIC in milliseconds, for "until". */
int64_t uns_idfacts_clock(void);

#endif
