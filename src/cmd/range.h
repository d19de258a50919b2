/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the range commands. */
#ifndef UNS_CMD_RANGE_H
#define UNS_CMD_RANGE_H

#include "cmd.h"

/* What a range command read, chose and plans. Zero-initialise. */
struct uns_ranged {
	struct uns_idfacts facts;
	struct uns_range_wants wants; /* add, move, next */
	struct uns_shift old;         /* move */
	struct uns_plan plan;
	struct uns_findings findings;
};
void uns_ranged_done(struct uns_ranged *p);
/* range next: facts, and one want without an owner that was chosen for. */
int uns_ranged_next(const struct uns_run *r, struct uns_ranged *ret, struct uns_err *err);

#endif
