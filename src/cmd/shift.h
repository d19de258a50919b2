/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the command shift share among themselves: shift.c (the command), shift-maps.c (which IDs go where), shift-count.c
 * (the dry run). */
#ifndef UNS_CMD_SHIFT_H
#define UNS_CMD_SHIFT_H

#include "cmd.h"

/* A tree that was named: a directory, or one name in a directory. */
struct uns_shift_place {
	char *base, *name; /* name: "." or the file in base */
};
struct uns_shift_cmd {
	struct uns_run *run;
	struct uns_shift_place *place;
	size_t n;
	struct uns_maps maps[2]; /* one after the other; the second is empty unless sources and targets overlap */
	unsigned passes;
	struct uns_plan plan;
};

/* Heap string. */
char *uns_shift_place_path(const struct uns_shift_place *p, struct uns_err *err);
/* What place i holds; maps may be NULL. */
int uns_shift_census(const struct uns_shift_cmd *j, size_t i, const struct uns_maps *maps, struct uns_census *ret, struct uns_err *err);
/* Fills maps and passes from the options. */
int uns_shift_make_maps(struct uns_shift_cmd *j, struct uns_err *err);
/* Counts what is there, says whether it would be refused, changes nothing. */
int uns_shift_dry_run(struct uns_shift_cmd *j, struct uns_change *c, struct uns_err *err);

#endif
