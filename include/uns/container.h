/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as the data root has them (moby daemon/container: config.v2.json, hostconfig.json) and as the engine tells them (GET
 * /containers/ID/json), the paths of the host that they use, and what becomes of each under remapping. The structs are filled by the
 * host floor; the verdicts are pure. */
#ifndef UNS_CONTAINER_H
#define UNS_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/str.h"

/* Whom a container runs as: Config.User, looked up in the passwd and group of its own layers where it is a name. */
struct uns_runs_as {
	bool known; /* false: a name that no file of the layers gives an ID to */
	uint32_t uid, gid;
};

struct uns_container {
	char *id, *name; /* name without the leading '/' */
	bool running, paused, privileged, auto_remove;
	char *network_mode, *pid_mode, *ipc_mode, *userns_mode, *driver;
	struct uns_strs volumes; /* names of volumes it mounts */
	struct uns_strs binds;   /* host paths it mounts */
	json_t *host;            /* HostConfig as it stands there; NULL: none */
	json_t *mounts;          /* MountPoints: by the path inside; NULL: none */
	char *user;              /* Config.User; NULL: none, which is root */
	char *image;             /* "sha256:…"; NULL: none */
	struct uns_runs_as as;
	bool ignored; /* its files are there, but the engine that runs has not loaded it */
	bool no_files; /* the engine that runs has it, but its directory is not there */
};
void uns_container_done(struct uns_container *c);
bool uns_container_is_id(const char *s); /* 64 hex digits; s may be NULL */
/* config.v2.json and hostconfig.json (NULL: none); id: the directory's name. What is of another type than it should be counts as
 * absent. Fills all but as, ignored and no_files. */
int uns_container_parse(const json_t *config, json_t *host, const char *id, struct uns_container *ret, struct uns_err *err);
/* An answer to GET /containers/ID/json. UNS_E_INPUT: it is none about this container. */
int uns_container_parse_answer(const json_t *answer, const char *id, struct uns_container *ret, struct uns_err *err);

/* An entry of a directory that not everybody may read and write. */
struct uns_closed {
	char *name;
	uint32_t uid, gid, mode;
};
#define UNS_CLOSED_LOOKED 4096 /* entries that are looked at */

/* A path of the host that a container mounts or uses as a device, symlinks followed. */
struct uns_hostpath {
	char *path;                    /* as it stands there */
	char *real;                    /* without symlinks; NULL when not there */
	bool there;
	bool closed_to_us;             /* it may not be looked at; there is false */
	bool empty;                    /* a directory with nothing in it, or one that cannot be read */
	bool devices;                  /* a directory with device nodes in it, not below */
	uint32_t uid, gid, mode;       /* mode with type bits */
	uint32_t dev_major, dev_minor; /* of a device */
	struct uns_closed *closed;     /* of a directory: sorted by name, one for each kind, owner and mode of entries in it, not
	                                * below; not of /proc and /sys */
	size_t closeds;
};
struct uns_hostpaths {
	struct uns_hostpath *v; /* sorted by path */
	size_t n;
	unsigned kernel;        /* major << 16 | minor of the running kernel; 0: another host's */
};
const struct uns_hostpath *uns_hostpath_find(const struct uns_hostpaths *l, const char *path); /* NULL: not looked at */

/* ---- verdicts ---- */

enum uns_fate {
	UNS_FATE_WORKS,   /* as it is, with what enable does */
	UNS_FATE_SHIFT,   /* once the files that it uses outside of the data root have changed owner too */
	UNS_FATE_HOST,    /* only when it is made anew with --userns=host */
	UNS_FATE_NOT,     /* neither so nor with --userns=host */
	UNS_FATES
};
extern const char *const uns_fate_names[UNS_FATES]; /* as in JSON */

/* Why: what the finding says. */
struct uns_reason {
	const char *check; /* id of the finding */
	enum uns_fate fate;
	char *what;        /* short: "--privileged", "/srv/www" */
	char *text;        /* a sentence */
	char *remedy;      /* in words; may be NULL */
	char *command;     /* the same for a shell, where one command does it; NULL: none. Of a shift: for after the switch */
};
struct uns_verdict {
	const struct uns_container *container; /* borrowed */
	enum uns_fate fate;                    /* the worst of the reasons */
	struct uns_reason *reason;
	size_t reasons;
};
struct uns_verdicts {
	struct uns_verdict *v; /* one per container, in their order */
	size_t n;
};
void uns_verdicts_done(struct uns_verdicts *l);

struct uns_facts;
struct uns_store;
struct uns_shift;
/* What the containers of the store will be like with this shift of this user in effect; of those that are remapped already, are. Pure. */
int uns_containers_judge(const struct uns_facts *f, const struct uns_store *store, const struct uns_shift *shift, const char *user,
                         struct uns_verdicts *ret, struct uns_err *err);
/* The option with which the engine or its runtime starts no container that is remapped, or NULL. */
const char *uns_container_forbidden(const struct uns_container *c);
/* The host lives by this path, which has no symlinks: it is never offered for a shift. */
bool uns_container_dangerous(const struct uns_facts *f, const char *path);
/* The store that the engine works with: the nested one where remapping is on and it has data, else the flat one. */
const struct uns_store *uns_containers_store(const struct uns_facts *f);

#endif
