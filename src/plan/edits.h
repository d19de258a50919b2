/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the plan floor: between the files of the range commands. */
#ifndef UNS_PLAN_EDITS_H
#define UNS_PLAN_EDITS_H

#include "model.h"
#include "owners.h"
#include "uns/ranges.h"

extern const char *const uns_id_names[UNS_IDKINDS]; /* "UID", "GID" */

/* What is to become of one file. */
struct uns_edit {
	struct uns_strs before, after;
};
struct uns_edits {
	struct uns_edit of[UNS_IDKINDS];
};

void uns_edits_done(struct uns_edits *e);
/* The steps that make of each file what is to become of it; none where that is what it is. */
int uns_edits_add(const struct uns_range_request *r, const struct uns_edits *edits, struct uns_err *err);
/* The line as it stands in the file; UNS_E_INPUT when no plan can hold it. */
int uns_edits_push_raw(const struct uns_range_request *r, enum uns_idkind kind, const struct uns_subid_line *l, struct uns_strs *to,
                       struct uns_err *err);
int uns_edits_push_range(const char *owner, struct uns_range range, struct uns_strs *to, struct uns_err *err);

int uns_ranges_say(const struct uns_range_request *r, const char *id, const char *object, const char *remedy, struct uns_err *err,
                   const char *reason);
/* The owner, and the line of the batch if there is one. */
void uns_ranges_object(const struct uns_range_want *w, char *buf, size_t size);
/* A range for one owner that has nothing. leave_out: whose claims do not count; NULL: all count. */
int uns_ranges_choose(const struct uns_range_request *r, struct uns_range_want *w, const char *leave_out, struct uns_err *err);
/* What the owner has already decides: one range for good. 1: there is a finding. */
int uns_ranges_check_held(const struct uns_range_request *r, const struct uns_owner *o, struct uns_err *err);
/* Each valid, and once. */
int uns_ranges_owners(const struct uns_idfacts *f, const struct uns_range_wants *wants, struct uns_owners *ret,
                      struct uns_err *err);
/* The range is not the wanted one. */
bool uns_ranges_differ(const struct uns_range_want *w, struct uns_range has);

#endif
