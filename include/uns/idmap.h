/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on IDs and ranges. Pure. IDs are 32 bit; 4294967295 is (uid_t)-1 and never mapped (user_namespaces(7)). */
#ifndef UNS_IDMAP_H
#define UNS_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"

#define UNS_ID_LAST 4294967294u
#define UNS_ID_BLOCK 65536u

/* IDs start … start+count-1. */
struct uns_range {
	uint32_t start, count;
};

bool uns_range_valid(struct uns_range r); /* count > 0 and no ID past UNS_ID_LAST */
bool uns_range_overlaps(struct uns_range a, struct uns_range b);
bool uns_range_has(struct uns_range r, uint32_t id);

/* A shift moves the IDs [0, count) to [start, start+count) of the range, for UIDs and GIDs apart. The two must be disjoint
 * (start >= count), so that an ID tells on which side it is. */
enum uns_idside {
	UNS_ID_HOME,    /* in [0, count) */
	UNS_ID_SHIFTED, /* in the range */
	UNS_ID_OUTSIDE, /* neither: cannot be mapped */
};

struct uns_shift {
	struct uns_range uid, gid;
};

bool uns_shift_valid(const struct uns_shift *s); /* both valid and start >= count */
enum uns_idside uns_id_side(struct uns_range r, uint32_t id);
/* The ID on the wanted side; an ID already there, or OUTSIDE, is returned unchanged. Idempotent. */
uint32_t uns_id_shifted(struct uns_range r, uint32_t id);
uint32_t uns_id_home(struct uns_range r, uint32_t id);

/* A set of IDs as ranges, each with a name of who takes it (for messages). Zero-initialise. */
struct uns_taken {
	struct uns_range range;
	char *who;
};
struct uns_rangeset {
	struct uns_taken *v;
	size_t n, cap;
};
void uns_rangeset_done(struct uns_rangeset *s);
int uns_rangeset_add(struct uns_rangeset *s, struct uns_range r, const char *who, struct uns_err *err); /* copies who */
/* Of the taken ranges that overlap r the one with the lowest start (then count, then name), or NULL. */
const struct uns_taken *uns_rangeset_find(const struct uns_rangeset *s, struct uns_range r);
/* Lowest start >= from that is a multiple of align, with [start, start+count) free in s and start+count-1 <= last.
 * 0, or 1 when there is none (*ret_start untouched; a count of 0 and IDs past UNS_ID_LAST are never free). Sorts s; an align of 0
 * counts as 1. O(n log n). */
int uns_rangeset_first_free(struct uns_rangeset *s, uint32_t from, uint32_t last, uint32_t count, uint32_t align,
                            uint32_t *ret_start);

#endif
