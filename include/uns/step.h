/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of step: observe on which side of a step the host is, drive it to either side. One source file per kind, which begins
 * with the argument why its before-set and after-set are disjoint. Nothing else in the program changes the host (but the journal). */
#ifndef UNS_STEP_H
#define UNS_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/lock.h"
#include "uns/plandoc.h"
#include "uns/root.h"
#include "uns/str.h"

enum uns_side {
	UNS_BEFORE,
	UNS_AFTER,
	UNS_EITHER,  /* nothing there that could tell; counts as being where one wants to be */
	UNS_FOREIGN, /* neither; only a begun step may be met so */
};

/* What a run holds until it ends: descriptors of interlocks. Closed by uns_held_done. */
struct uns_held {
	int *fd;
	size_t n;
};
void uns_held_done(struct uns_held *h);

struct uns_step_ctx {
	const struct uns_root *root;
	const struct uns_step *step;
	/* Where a kind keeps what cannot be read back from the host after a crash (record): the transaction's directory, and a name that
	 * is unique per step and leg. -1 when there is no transaction (a mere look). A leg is one journey from a settled state: the first
	 * run is leg 0 (also when it is turned back half-way), the rollback of a finished transaction is leg 1. */
	int record_dir;
	char record_name[64]; /* "record-0007-0.json" */
	char first_record_name[64]; /* the record of leg 0 of the same step */
	size_t record_max;          /* bytes of a record at most; 0: 1 GiB */
	int leg;
	/* The side, in the kind's own terms, on which the fact was when the leg began. Driving to that side means: back to the very
	 * values of the record. */
	enum uns_side leg_start;
	bool nested; /* the data is looked for below "into" */
	bool deep;  /* observe everything, not a sample */
	bool begun; /* the log has an unfinished begin for this step: a cheap observe must not say more than it knows */
	unsigned jobs; /* threads that a walk may have; 0: UNS_WALK_JOBS */
	bool go_on;    /* a shift passes over inodes that cannot be changed, and fails at its end */
	struct uns_held *held;
	struct uns_lock_how lock;                 /* how the account files are locked */
	const struct uns_shadow_lock *locked;     /* the caller holds that lock already; NULL: the step takes it */
	/* A line for people about progress inside a step; may be NULL. */
	void (*tell)(void *user, const char *text);
	void *tell_user;
	/* A line that the engine wrote itself, when it does not come up; may be NULL. */
	void (*quote)(void *user, const char *line);
	void *quote_user;
	char why[512]; /* observe: why FOREIGN, for the message */
	/* drive: what was done, in numbers (an object); a new reference that the caller drops; stays NULL when there is nothing to say. */
	json_t *result;
	bool unaudited; /* set by drive: audit is usually told by the programs that do it, but these did not */
};

struct uns_kind {
	const char *name;
	bool bracket; /* holds only during a run; driven again on each run, not part of verify */
	int (*check)(const json_t *args, struct uns_err *err); /* UNS_E_INPUT when args are not what the kind takes */
	int (*observe)(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err);
	/* 0: done, durable. 1: done as far as it should be ("kept"; observe need not agree). */
	int (*drive)(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err);
	/* One line for people: what driving to AFTER does, appended to *ret ("add dockremap:524288:65536 to /etc/subuid"). */
	int (*describe)(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err);
};

extern const struct uns_kind uns_kind_account, uns_kind_containers, uns_kind_engine_sets, uns_kind_env_option, uns_kind_interlock, uns_kind_json_member,
	uns_kind_json_paths, uns_kind_mkdir, uns_kind_nest, uns_kind_own_file, uns_kind_owner_mode, uns_kind_rename, uns_kind_service,
	uns_kind_reload, uns_kind_shift_tree, uns_kind_subid_lines, uns_kind_final_newline, uns_kind_validate, uns_kind_toml_member,
	uns_kind_volume;

const struct uns_kind *uns_kind_find(const char *name); /* NULL: unknown */
/* Known kind and well-formed args for every step; UNS_E_INPUT "<file>: step 3 (nest): …". */
int uns_steps_check(const struct uns_plan *plan, const char *file, struct uns_err *err);

/* The same as the kind's functions, with step->reverse applied (sides swapped). The only way the loop calls a kind. */
int uns_step_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err);
int uns_step_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err);
int uns_step_describe(const struct uns_step *s, struct uns_buf *ret, struct uns_err *err);

/* What driving the step to AFTER would make of its file's text. 0: *text is it, and *there whether the file is there at all; 1: the
 * kind edits no text file; -1: it cannot be edited so. Pure: *text and *there are what the file is before. */
int uns_step_edited(const struct uns_step *s, struct uns_buf *text, bool *there, struct uns_err *err);

/* The record of a step: a JSON document published durably and once (an existing one is never replaced). */
int uns_record_write(const struct uns_step_ctx *c, const json_t *record, struct uns_err *err);
/* 0 and a new reference; 1 when there is none. first: that of leg 0. */
int uns_record_read(const struct uns_step_ctx *c, bool first, json_t **ret, struct uns_err *err);

/* Args of each kind (BEFORE → AFTER):
 *
 * account      {"user":S,"group":S}                                        absent → both exist (made by useradd/adduser)
 * subid-lines  {"file":P,"before":[L…],"after":[L…],"created":B}          the lines of the owners that these lines name are exactly
 *              before → exactly after (L: a whole line as its bytes stand in the file; created: the file is absent before)
 * final-newline {"file":P,"line":L}                                        the file's last line is L without a newline → ends in one
 * json-member  {"file":P,"key":S,"before":V?,"after":V?,"created":B,"beyond":[V]?,"behind":[V]?,"before_text":S?,
 *              "after_text":S?}                                            member is before (or absent) → is after
 *              (or absent); beyond: the value (or []: absent) to which another step takes it on; behind: from which another step brought it;
 *              …_text: the spelling of a side
 * env-option   {"file":P,"variable":S,"option":S,"before":V?,"after":V?,"systemd":B?}   the same inside VARIABLE="--option=value"; a string is the
 *              value that counts (the last one), true a bool flag without a value, an array all values of a repeated option;
 *              systemd: it reads the file, and no shell does
 * toml-member  {"file":P,"table":S,"key":S,"before":V?,"after":V?,"header":B?,"base":S?}  key of a TOML file is before (or absent) →
 *              after (or absent); V: string or integer; header: [table] is made for it; base: the file is made, with this text
 * own-file     {"file":P,"content":S,"mode":"0644","before":S?}            absent (or ours with those bytes) → present, ours
 * mkdir        {"path":P,"mode":"0755","uid":N,"gid":N}                    absent → directory, with those above that are missing
 *                                                                          (0755); going back keeps what is not empty
 * rename       {"from":P,"to":P,"over_empty":B?,"refilled":B?,"uid":N,"gid":N,"mode":S}   at from → at to; over_empty: replaces an empty directory,
 *                                                                          which is made again (uid, gid, mode) on the way back
 * nest         {"dir":P,"into":"U.G","gid":N,"keep":[S…]}                  entries in dir → in dir/U.G (0:gid 0710); entries named
 *                                                                          N.M, in keep, or hidden stay
 * owner-mode   {"base":P,"patterns":[S…],"into":S?,"gid":N}                         directories 0:0 (or what the record says) → 0:gid 0710
 * shift-tree   {"base":P,"patterns":[S…],"into":S?,"uid":M,"gid":M,"allow":[S…],"whole":B?,"passing":B?,"arriving":B?,"squash":N?,"exclusive":B?}  IDs at home → shifted;
 *              a map M is {"start":N,"count":N} (from 0) or a list of {"from":N,"to":N,"count":N}; allow: "unmapped",
 *              "in-target", "hard-links", "symlinks", "flags": risks that were named and accepted; whole: a look at the
 *              matches alone is not enough; passing, arriving: another step takes the owners further, there or back; squash: who gets
 *              what is outside of the maps; exclusive: nobody else works in the trees meanwhile
 * json-paths   {"base":P,"patterns":[S…],"fields":[S…],"into":"U.G"}       paths base/… → base/U.G/…
 * volume       {"socket":P,"path":P,"name":S,"labels":{…},"options":{…}}    engine lacks the volume → has it (path exists)
 * containers   {"socket":P,"containers":{ID:NAME…},"may_fail":[ID…]}       bracket: running → stopped; may_fail: those that need
 *              not start again on the way there
 * service      {"manager":"systemd","units":[S…]} | {"manager":"snap","units":[S…],"socket":P} |
 *              {"manager":"openrc"|"sysvinit","service":S,"pidfile":P,"socket":P,"log":P?} |
 *              {"manager":"process","argv":[S…],"env":[S…],"cwd":P,"pidfile":P,"socket":P,"log":P?}   bracket: running → stopped
 * interlock    {"data_root":P,"exec_root":P}                               bracket: free → held by this process
 * validate     {"program":P,"argv":[S…],"file":P,"members":{KEY:V|null…}}  bracket: – → dockerd takes this command line with this
 *              daemon.json, changed in these members (null: absent)
 * reload       {"pidfile":P,"socket":P,"back":B?}                          bracket: – → the engine has read daemon.json again; back:
 *              on the way back instead
 * engine-sets  {"socket":P,"data_root":P,"userns":B,"images":[S…],"containers":[S…],"volumes":[S…],"networks":[S…]}  bracket:
 *              – → the engine answers, has this root, this remapping and at least these
 */

#endif
