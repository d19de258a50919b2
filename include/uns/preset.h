/* SPDX-License-Identifier: Apache-2.0 */
/* Engines other than Docker: an owner, one range in each file, perhaps a few settings. One const struct each; facts and a request
 * become a plan and findings by the same few functions. Pure. */
#ifndef UNS_PRESET_H
#define UNS_PRESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/enginefacts.h"
#include "uns/err.h"
#include "uns/finding.h"
#include "uns/plan.h"
#include "uns/plandoc.h"
#include "uns/ranges.h"

struct uns_presetting; /* inside the plan floor: a request, and what is known about it so far */

struct uns_preset {
	const char *name, *alias; /* "incus", "lxd"; alias may be NULL */
	const char *title;        /* "Incus" */
	const char *owner;        /* whose lines it reads; NULL: a user that is named */
	uint32_t count;           /* IDs that enable gives; it may come from settings (look) */
	uint32_t least;           /* fewer are of no use */
	bool account;             /* the owner is a system account, which is made when there is none */
	bool account_goes;        /* disable takes it away too: the engine does not start with an account that has no line */
	bool several;             /* further lines of the owner are nobody's fault */
	bool may_name;            /* --user names another owner */
	bool has_pods;            /* --max-pods */
	const char *no_purge;     /* why disable has no --purge; NULL: it has */
	unsigned present;         /* enum uns_present; 0: cannot be told */
	const char *restart;      /* command after which the engine knows; NULL: it looks each time */
	const char *source;       /* what asks the source that nsswitch.conf names; NULL: only the files are read */
	/* The owner as the host's settings have it: *ret is set to a heap string, or left alone. May be NULL. */
	int (*owner_of)(const struct uns_enginefacts *f, char **ret, struct uns_err *err);
	/* What there is to say about the host, and which range is wanted on it. */
	int (*look)(struct uns_presetting *s, struct uns_err *err);
	/* What there is to say about the range that was chosen or found. May be NULL. */
	int (*judge)(struct uns_presetting *s, struct uns_err *err);
	/* Steps beside the account and the lines, there or back. May be NULL. */
	int (*edit)(struct uns_presetting *s, bool back, struct uns_err *err);
	/* Something of it is there although there is no line. May be NULL. */
	bool (*begun)(const struct uns_presetting *s);
};
extern const struct uns_preset uns_preset_podman, uns_preset_kubelet, uns_preset_incus, uns_preset_rootless;
extern const struct uns_preset *const uns_presets[];
extern const size_t uns_presets_n;
const struct uns_preset *uns_preset_find(const char *name); /* by name or alias; NULL: unknown */

struct uns_preset_request {
	const struct uns_preset *preset;
	enum uns_command command; /* UNS_ENABLE or UNS_DISABLE */
	bool checking;            /* enable: what is there in part is drift, an error, not work to be done */
	const char *user;         /* the owner; NULL: as the settings or the preset have it */
	enum uns_range_how how;
	struct uns_range range; /* start: only when exact; count 0: the preset's */
	uint32_t max_pods;      /* 0: as the settings of the host have it */
	bool purge;
	const struct uns_strs *ignore;
};

/* The owner (heap) and the wish; the range is filled in by uns_preset_plan. */
int uns_preset_want(const struct uns_enginefacts *f, const struct uns_preset_request *r, struct uns_range_want *ret,
                    struct uns_err *err);
/* The plan; empty when everything is so already. want->got is the range (count 0: a finding says why there is none), want->had
 * whether it was there. When uns_findings_code(…) != 0 the plan must not be carried out. UNS_E_INPUT for settings that are
 * malformed. */
int uns_preset_plan(const struct uns_enginefacts *f, const struct uns_preset_request *r, struct uns_range_want *want,
                    struct uns_plan *ret, struct uns_findings *findings, struct uns_err *err);

#endif
