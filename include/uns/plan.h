/* SPDX-License-Identifier: Apache-2.0 */
/* Facts and a request → a plan and findings. Pure: no file, no clock, no effect. */
#ifndef UNS_PLAN_H
#define UNS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/facts.h"
#include "uns/finding.h"
#include "uns/plandoc.h"
#include "uns/ranges.h"

enum uns_command { UNS_ENABLE, UNS_DISABLE, UNS_MIGRATE, UNS_DAEMON };
enum uns_migrate { UNS_MIGRATE_ALL, UNS_MIGRATE_VOLUMES, UNS_MIGRATE_NONE };

/* An option of dockerd that is to have a value, or none. */
struct uns_wish {
	char *key;
	json_t *value; /* as in daemon.json; NULL: unset */
};
struct uns_wishes {
	struct uns_wish *v;
	size_t n;
};

struct uns_request {
	enum uns_command command;
	struct uns_wishes set;   /* enable and daemon: options beside userns-remap */
	const char *user;        /* remap user, "dockremap" when not given */
	enum uns_range_how range_how;
	struct uns_range range;  /* start: only when exact; count 0: 65536 */
	enum uns_migrate migrate;
	bool no_restart;         /* leave the engine stopped state alone: only allowed when nothing must be moved */
	bool purge;              /* disable: user and ranges too */
	bool stop_containers;    /* stop those that run before the engine, start them at the end */
	struct uns_strs ignore;  /* ids of findings */
};

/* What dockerd would say to the configuration as it is for its next start: findings, whether or not they refuse. */
int uns_plan_daemon_verdict(const struct uns_facts *f, struct uns_findings *findings, struct uns_err *err);

/* Range that the plan uses, for a census that must know it: of the lines that are there, else a free one (enable), or of the tree that
 * is in use (disable, migrate). 0; 1 when there is none: remapping is off, or a finding says why. Call it with facts whose census knows
 * no range yet; uns_plan_make asks again, and a finding that is found twice is listed once. */
int uns_plan_range(const struct uns_facts *f, const struct uns_request *r, struct uns_shift *ret, struct uns_findings *findings,
                   struct uns_err *err);
/* The plan; empty (n == 0) when everything is so already. Findings are added whether or not they refuse; when
 * uns_findings_code(…) != 0 the plan must not be carried out. */
int uns_plan_make(const struct uns_facts *f, const struct uns_request *r, struct uns_plan *ret, struct uns_findings *findings,
                  struct uns_err *err);

/* How long the change of owners takes, by how long the census of the very same trees took: to look at an inode is a part of changing it.
 * How many times as long: usernsctl-checks(7), HOW LONG IT TAKES. Without the stop and the start of the engine. */
struct uns_estimate {
	uint64_t inodes, bytes;
	uint64_t seconds_min, seconds_max; /* rounded down, up */
};
/* False: the plan shifts nothing, or nothing was counted. */
bool uns_plan_estimate(const struct uns_facts *f, const struct uns_plan *p, struct uns_estimate *ret);

/* Whether options are in effect only when the engine is started again, after the plan was carried out: those that it changes, and
 * what was changed before and left for later. */
bool uns_plan_restart_required(const struct uns_facts *f, const struct uns_plan *p);

#endif
