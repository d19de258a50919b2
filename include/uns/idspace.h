/* SPDX-License-Identifier: Apache-2.0 */
/* The ID space of a host as bands: what lies where, from ID 0 to 4294967295, without gaps and overlaps. Pure. */
#ifndef UNS_IDSPACE_H
#define UNS_IDSPACE_H

#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/idfacts.h"
#include "uns/ranges.h"
#include "uns/str.h"

enum uns_band_state {
	UNS_BAND_FREE,
	UNS_BAND_RESERVED,  /* nobody has it, and nobody should */
	UNS_BAND_ACCOUNTS,  /* from the first to the last of accounts that lie close to each other */
	UNS_BAND_RANGE,     /* subordinate IDs of one owner */
	UNS_BAND_USED,      /* processes or files have the IDs, and no line gives them to anybody */
	UNS_BAND_COLLISION, /* more than one owner */
	UNS_BAND_STATES
};
static inline const char *uns_band_state_name(enum uns_band_state state)
{
	static const char *const names[] = {"free", "reserved", "accounts", "range", "used", "collision"};

	return names[state];
}

struct uns_band {
	uint32_t first, last;
	enum uns_band_state state;
	struct uns_strs who; /* the first few, for people */
	size_t all;          /* how many there are; more than who.n: not all are listed */
};
struct uns_idspace {
	struct uns_band *v; /* ascending; the first begins at 0, each next one where the one before ends, the last ends at 4294967295 */
	size_t n, cap;
	size_t collisions;
};

/* O(n log n). Neighbours of one state with the same owners are one band. Beyond "most" bands, neighbouring ranges become one band that
 * counts them (with what is free between them when that is less than a block); collisions never do. 0: no limit. */
int uns_idspace_make(const struct uns_idfacts *f, enum uns_idkind kind, size_t most, struct uns_idspace *ret, struct uns_err *err);
void uns_idspace_done(struct uns_idspace *s);

#endif
