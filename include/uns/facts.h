/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the planner knows about a host, read once. Reads only. All paths are inside the root. */
#ifndef UNS_FACTS_H
#define UNS_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "uns/container.h"
#include "uns/err.h"
#include "uns/hostfacts.h"
#include "uns/idfacts.h"
#include "uns/images.h"
#include "uns/mountinfo.h"
#include "uns/root.h"
#include "uns/str.h"
#include "uns/tree.h"
#include "uns/auditfacts.h"

/* One place where a daemon option is set. */
struct uns_setting {
	char *value; /* as text; of several in one place the last one; NULL in JSON: null */
	char *file;  /* file, or NULL for the running command line only */
	unsigned line;
	enum uns_setting_place {
		UNS_PLACE_JSON,     /* daemon.json */
		UNS_PLACE_ENV,      /* a variable in a file that the service manager reads */
		UNS_PLACE_ARGV,     /* ExecStart= of a unit; without a file: the running command line only */
		UNS_PLACE_UNIT_ENV, /* a variable in Environment= of a unit */
	} place;
	char *key;      /* its name in daemon.json; of what has none there, or is not known, the flag */
	char *variable; /* ENV, UNIT_ENV */
	json_t *json;   /* the value as daemon.json would have it; NULL: a flag that needs a value and has none */
	struct uns_strs flags; /* values of the flag in this place, in their order */
	bool alone;     /* a bool flag whose last use has no value */
	/* The running engine is known to have it. Flags: they are on its command line. Members of daemon.json: the file is as it was
	 * when the engine started; or the key is one that it reads again on SIGHUP; unless /info tells its value, which then decides.
	 * What may only come with a restart is not in effect. */
	bool in_effect;
};
struct uns_settings {
	struct uns_setting *v;
	size_t n, cap;
};
/* The first setting of the key from position *at on, which is moved behind it; NULL: no more. */
static inline const struct uns_setting *uns_settings_next(const struct uns_settings *l, const char *key, size_t *at)
{
	while (*at < l->n)
		if (strcmp(l->v[(*at)++].key, key) == 0)
			return &l->v[*at - 1];
	return NULL;
}

/* Where a word of a command line comes from. */
struct uns_origin {
	enum uns_setting_place place;
	const char *file, *variable; /* in the names of the command line */
	unsigned line;
};
/* A command line behind the program; as many origins as words. */
struct uns_cmdline {
	struct uns_strs words, names;
	struct uns_origin *from;
};

/* Drop-in that holds what we change in a unit: behind the names that people choose. */
#define UNS_DROP_IN_DIR "/etc/systemd/system/docker.service.d"
#define UNS_DROP_IN_NAME "zz-usernsctl-options.conf"
#define UNS_DROP_IN UNS_DROP_IN_DIR "/" UNS_DROP_IN_NAME

/* Who starts and stops the engine. Snap: systemd, but with units and a program of snapd's. Process: a dockerd that was started by hand
 * or by something unknown, and can be started again by its command line. */
enum uns_manager {
	UNS_MANAGER_NONE,
	UNS_MANAGER_SYSTEMD,
	UNS_MANAGER_SNAP,
	UNS_MANAGER_OPENRC,
	UNS_MANAGER_SYSVINIT,
	UNS_MANAGER_PROCESS,
};

struct uns_volume {
	char *name;
	bool data_is_symlink;
	bool mounted_type;   /* opts.json names a type or device: _data is only a mount point */
	char *device;        /* from opts.json, or NULL */
	char *type, *opts;   /* MountType and MountOpts of opts.json, or NULL */
	json_t *labels, *options; /* from metadata.db; NULL when it has no record of the volume */
};

/* A container or volume whose files are malformed, or cannot be read by anybody; what else there is has been read. */
struct uns_unread {
	char *name; /* the container's ID, the volume's name */
	bool volume;
	char *why;  /* the file, line and column, and what is wrong */
};

/* A data root as a tree: the flat one, or one below N.M. */
struct uns_store {
	struct uns_strs entries; /* its top-level names that dockerd manages: without N.M, lost+found and hidden names */
	struct uns_strs drivers; /* of overlay2, vfs, btrfs, fuse-overlayfs, zfs, aufs, devicemapper, overlay: those with content */
	bool containerd_images;  /* the containerd image store is in use: containers with such a driver, or rootfs/ and no image/ */
	struct uns_container *container;
	size_t containers;
	struct uns_volume *volume;
	size_t volumes;
	struct uns_unread *unread; /* not among those above */
	size_t unreads;
	struct uns_images images;
};

/* What is there, but not for who asks; what depends on it is not known. */
enum uns_unseen_what {
	UNS_UNSEEN_DATA,      /* the data root: the engine told what there is */
	UNS_UNSEEN_ELSEWHERE, /* the engine's data root is not on this host */
	UNS_UNSEEN_OPTIONS,   /* daemon.json, or another file with options of dockerd */
	UNS_UNSEEN_ANSWER,    /* a container without files or an image that the engine lists, and does not tell of; or one of its lists */
	UNS_UNSEEN_ENGINE,    /* an engine answers that is no process of this host, by what it says with our data root */
};
struct uns_unseen {
	enum uns_unseen_what what;
	char *path; /* ANSWER: the name, the ID, or the list; ENGINE, or without any of these: the socket */
	char *why;
};

struct uns_facts {
	bool offline; /* --root */
	/* partial: as uns_facts_want. told: only then, the stores are as the running engine tells them, without what is only in the
	 * files of the data root (entries: what the engine has something of). */
	bool partial, told;
	bool told_swarm, told_manager; /* by the engine: it is a node, and a manager, of a swarm */
	struct uns_unseen *unseen; /* ANSWER and ENGINE also when not told */
	size_t unseens;
	struct uns_idfacts ids;

	char *config_file;    /* /etc/docker/daemon.json or --config-file of the running daemon */
	bool have_config_dir, have_config;
	bool config_newer;    /* the file was changed after the running engine started */
	json_t *config;       /* object; NULL when the file is absent or blank */
	char *config_text;    /* the file as it is; NULL: absent, or with a NUL byte */
	char *env_file, *env_variable; /* file whose variable the unit hands to dockerd; NULL when there is none on this host */
	struct uns_settings options;      /* every place that sets an option, in effect or not */
	struct uns_cmdline command;       /* that dockerd is started with the next time */
	char *program;                    /* of the unit, the init script's defaults or the running daemon; NULL: not known */
	char *exec_text, *exec_file;      /* value of ExecStart= that counts, on one line, and its file; NULL: no unit counts */
	struct uns_strs unit_env;         /* NAME=value of Environment= that counts */
	char *drop_in;                    /* contents of UNS_DROP_IN; NULL: absent */
	bool have_drop_in_dir;
	bool nixos, config_readonly;      /* files are made from elsewhere; the file system of daemon.json is read-only */
	unsigned major;                   /* version of the running engine; 0: not known */
	bool live_restore;

	bool installed;       /* a dockerd binary or a docker.service is there */
	bool running;
	pid_t pid;
	struct uns_strs argv, environ;
	char *cwd, *log;      /* of the running daemon; log: the regular file that is its stderr, or NULL */
	char *pidfile, *socket, *exec_root;
	enum uns_manager manager;
	bool unit, socket_unit; /* docker.service, docker.socket exist */
	bool listening;         /* no daemon runs, but its socket is listened on: docker.socket would start it */

	char *data_root;      /* resolved; the default when absent */
	bool have_data_root, data_root_readonly;
	struct uns_store flat;          /* what lies directly in the data root */
	struct uns_strs remap_dirs;     /* names N.M in the data root */
	char *active_dir;               /* N.M that the present settings use, NULL when remapping is off or undecidable */
	struct uns_store nested;        /* what lies in active_dir */
	struct uns_hostpaths hostpaths; /* that the containers of both use */
	struct uns_mounts mounts;       /* below the data root, this mount namespace */

	bool have_max_user_namespaces;
	uint64_t max_user_namespaces;

	struct uns_auditfacts audit;    /* nothing when options_only */

	bool have_census;
	uint64_t census_ms;             /* how long it took */
	bool census_cold;               /* much of it was read from the disk, not from memory */
	struct uns_census census;       /* of the trees that a migration of the flat (enable, migrate) or nested (disable) store shifts */

	struct uns_hostfacts host;      /* read by uns_hostfacts_read */

	/* What the running engine lists; NULL when it does not answer. Arrays of strings: image and container IDs, names. Without what
	 * swarm mode makes and takes away by itself. */
	json_t *images, *containers, *volume_names, *networks;
	bool containerd_store; /* it says that its images are in the containerd image store */
};

struct uns_facts_want {
	bool census;          /* walk the trees */
	bool partial;         /* what may not be read is noted as unseen, where the engine answers in its place */
	bool options_only;    /* for the options of dockerd: malformed ranges are no error */
	bool nested;          /* of the nested store (disable), else of the flat one */
	const struct uns_shift *shift; /* for the census, may be NULL */
};

/* UNS_E_INPUT (file, line, column) when a file that matters is malformed: subuid, subgid, daemon.json. Of a container or volume: unread. */
int uns_facts_read(const struct uns_root *root, const struct uns_facts_want *want, struct uns_facts *ret, struct uns_err *err);
void uns_facts_done(struct uns_facts *f);

#endif
