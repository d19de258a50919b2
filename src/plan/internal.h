/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the plan floor: what facts and request come to (the intent), which findings and steps are both made from. */
#ifndef UNS_PLAN_INTERNAL_H
#define UNS_PLAN_INTERNAL_H

#include "uns/dockerd.h"
#include "uns/plan.h"
#include "uns/ranges.h"

#define UNS_OPTION "userns-remap"
#define UNS_SNAP_UNIT "snap.docker.dockerd.service"
#define UNS_SUBUID "/etc/subuid" /* UNS_SUBID_FILE as a literal */
#define UNS_SUBGID "/etc/subgid"

/* A change of one option in one place. */
struct uns_edit {
	const struct uns_wish *wish;
	const struct uns_dockerd_option *option;
	enum uns_setting_place place;
	const struct uns_setting *now; /* NULL: a new member of daemon.json */
	bool forbidden;                /* a finding says why */
	bool rest;                     /* of a list in several places: not the one that it is in afterwards */
};

struct uns_intent {
	const struct uns_facts *f;
	const struct uns_request *r;
	struct uns_findings *findings;
	const char *root;                 /* the data root */
	const struct uns_store *source;   /* whose data the command takes along: nested for disable, else flat */
	const struct uns_store *present;  /* what the engine works with at present, as far as settings and trees tell */
	const struct uns_setting *option; /* where remapping is switched on; NULL: it is off */
	char *owner;                      /* the user that the option names */
	bool rooted;                      /* the option names root */
	bool have_shift;
	struct uns_shift shift;
	char *into, *inner;                       /* "U.G" and root/U.G; NULL without a range */
	bool account, subuid, subgid, set_option; /* what is to be made (enable) or removed (disable) */
	bool all;                                 /* containers and layers too, not only volumes */
	bool move;                                /* data changes owner and place */
	bool aside;                               /* what lies in the way of that holds no data and is put aside */
	bool stop;                                /* the engine is stopped and started */
	bool hush;                                /* it is down, but its socket would start it: that is stopped and started */
	bool work;                                /* there is anything to do */
	const struct uns_volume **adopt;          /* migrate: the volumes of the old tree that the new one lacks */
	size_t adopts;
	struct uns_wishes wish;           /* options that are to be changed */
	struct uns_edit *edit;
	size_t edits;
	struct uns_wish *gone;            /* as many as wishes: the key, unset in the other places of a list */
	bool late;                        /* what is wished is configured, but the engine was started before that */
	struct uns_strs words;            /* the command line after the change */
	json_t *config;                   /* daemon.json after it; NULL: absent or blank */
	bool reload;                      /* the engine is told to read daemon.json again, which is enough */
	char *root_after;                 /* another data root after the change; NULL: the same */
	bool other_driver, other_store;   /* another storage driver, or image store, after it */
	char *socket_after;               /* where the engine listens after it; NULL: on no unix socket that is known */
	struct uns_strs lost_containers, lost_volumes; /* those that the engine removes when it stops: --rm */
};

/* The lines of a user in one file: by name and by UID, as the engine reads them. */
struct uns_own {
	size_t n;
	const struct uns_subid_line *first;
};
struct uns_own uns_plan_own(const struct uns_facts *f, enum uns_idkind kind, const char *user);

/* The place that switches remapping on, or NULL. Words of the running command line that came from the environment file are no place
 * of their own. */
const struct uns_setting *uns_plan_option(const struct uns_facts *f);
bool uns_plan_is_place(const struct uns_facts *f, const struct uns_setting *s);
/* The user that a value names (USER[:GROUP], default, or a UID); heap string. */
char *uns_plan_owner(const struct uns_facts *f, const char *value, struct uns_err *err);
/* The lowest free range of this size. 0, or 1 when there is none. */
int uns_plan_free(const struct uns_facts *f, const char *user, uint32_t count, uint32_t *ret_start, struct uns_err *err);

/* Adds the step that makes the directory of daemon.json, or, reversed, takes it away; none when it is there. */
int uns_intent_config_dir(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err);

/* Containers, volumes or layers: something that somebody would miss. An engine makes all other entries by itself. */
bool uns_plan_has_data(const struct uns_store *s);
const struct uns_volume *uns_plan_volume(const struct uns_store *s, const char *name);
/* The name is one that the engine would accept; nothing else can become part of a pattern or path. */
bool uns_plan_volume_name(const char *name);
/* How many of its containers run. */
size_t uns_plan_running(const struct uns_store *s);
/* The option with which the container cannot start where this command takes it, or NULL. */
const char *uns_plan_forbidden(const struct uns_intent *w, const struct uns_container *c);

int uns_plan_check(const struct uns_intent *w, struct uns_err *err);
/* check-containers.c */
int uns_plan_check_unseen(const struct uns_intent *w, struct uns_err *err);
int uns_plan_check_unread(const struct uns_intent *w, struct uns_err *err);
/* The remedy that shows ACLs of the data root. The caller frees; NULL: no memory. */
char *uns_plan_remount_acl(const struct uns_intent *w, struct uns_err *err);
int uns_plan_check_apart(const struct uns_intent *w, struct uns_err *err);
int uns_plan_check_containers(const struct uns_intent *w, struct uns_err *err);
/* check-image.c */
int uns_plan_check_images(const struct uns_intent *w, const struct uns_store *s, struct uns_err *err);
int uns_plan_steps(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err);

/* steps.c: the engine is started by units of systemd (its own or a snap's), which can be held down by drop-ins. */
bool uns_plan_has_units(const struct uns_intent *w);
/* options.c: from the wishes to the edits, words and config; what is wrong with them; their steps. */
int uns_plan_options(struct uns_intent *w, struct uns_err *err);
void uns_plan_options_done(struct uns_intent *w);
int uns_plan_check_options(const struct uns_intent *w, struct uns_err *err);
int uns_plan_option_steps(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err);
/* Asks dockerd itself about the new configuration, before it is published. */
int uns_plan_validate_step(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err);
/* The words that the engine is started with as things are. */
int uns_plan_words(const struct uns_facts *f, struct uns_strs *ret, struct uns_err *err);
/* verdict.c */
int uns_plan_verdict(const struct uns_intent *w, struct uns_err *err);
/* The value of the flag in these words or of the member: new reference; NULL: none. */
int uns_plan_value(const struct uns_strs *words, const json_t *config, const char *key, json_t **ret, struct uns_err *err);
enum uns_tristate { UNS_UNSET, UNS_FALSE, UNS_TRUE };
/* One of the features: of the member, or of flags NAME=BOOL. */
enum uns_tristate uns_plan_feature(const json_t *features, const char *name);
/* check-audit.c */
int uns_plan_check_audit(const struct uns_intent *w, struct uns_err *err);
/* moves.c: whether the engine starts with another store or on another socket, and the finding. */
int uns_plan_moves(struct uns_intent *w, struct uns_err *err);
void uns_plan_moves_done(struct uns_intent *w);
int uns_plan_check_moves(const struct uns_intent *w, struct uns_err *err);

/* check-remap.c: whether the settings lead to the tree that the data is in. */
int uns_plan_check_remap(const struct uns_intent *w, struct uns_err *err);
/* The tree has data, and where the engine looks with the present settings there is none. */
bool uns_plan_is_needed(const struct uns_intent *w, const struct uns_old_tree *t);
/* And the user and the range of this change do not lead to it either. */
bool uns_plan_is_lost(const struct uns_intent *w, const struct uns_old_tree *t);

/* check-host.c: the kernel, the trees as file systems, and what else is on the host. */
int uns_plan_check_host(const struct uns_intent *w, struct uns_err *err);

#define uns_intent_add(w, id, object, remedy, err, ...)                                                                            \
	uns_findings_add((w)->findings, &(w)->r->ignore, id, object, remedy, err, __VA_ARGS__)

#endif
