/* SPDX-License-Identifier: Apache-2.0 */
/* The plan document: {"version":1,"title":"enable docker","steps":[{"kind":"subid-lines","reverse":true,"args":{…}}]}.
 * A step names two states of one fact of the host, BEFORE and AFTER; "reverse" swaps the two, so that the way back is the same
 * step. The same document is the --json output, the journal's plan.json, and what apply takes. */
#ifndef UNS_PLANDOC_H
#define UNS_PLANDOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"

#define UNS_PLAN_VERSION 1
/* A member of daemon.json with this name keeps every dockerd from starting, whoever starts it: it refuses a file with a directive that
 * it does not know (moby, daemon/config/config.go, findConfigurationConflicts). It is there while data is on the move. */
#define UNS_HOLD_KEY "usernsctl-hold"

struct uns_step {
	char *kind;
	bool reverse;
	json_t *args; /* object */
};
struct uns_plan {
	char *title; /* the command that it carries out */
	struct uns_step *v;
	size_t n, cap;
};

void uns_plan_done(struct uns_plan *p);
int uns_plan_set_title(struct uns_plan *p, const char *title, struct uns_err *err);
/* Takes args (its reference is gone also on failure); NULL args = an earlier json_pack ran out of memory. */
int uns_plan_add(struct uns_plan *p, const char *kind, bool reverse, json_t *args, struct uns_err *err);
/* New reference; NULL when out of memory. */
json_t *uns_plan_to_json(const struct uns_plan *p);
/* UNS_E_INPUT when version, members or types are not as above (title may be absent: ""; made_for, which the caller reads,
 * too); kinds and args are checked by the step floor. */
int uns_plan_from_json(const json_t *j, const char *file, struct uns_plan *ret, struct uns_err *err);

#endif
