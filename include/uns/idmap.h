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

/* The ranges of a remap user: the IDs [0, count) are moved to [start, start+count), for UIDs and GIDs apart. The two must be
 * disjoint (start >= count), so that an ID tells on which side it is. What planners know; uns_maps_of makes maps of it. */
struct uns_shift {
	struct uns_range uid, gid;
};

bool uns_shift_valid(const struct uns_shift *s); /* both valid and start >= count */

/* ---- maps of several extents: what an ownership shift is made of ---- */

enum uns_idside {
	UNS_ID_HOME,    /* a source of the map */
	UNS_ID_SHIFTED, /* a target */
	UNS_ID_OUTSIDE, /* neither: not mapped */
};

#define UNS_MAP_EXTENTS 340 /* as many as the kernel takes in a uid_map (user_namespaces(7)) */

/* The IDs from … from+count-1 are moved to to … to+count-1. */
struct uns_extent {
	uint32_t from, to, count;
};
/* One-to-one, and no ID is both moved and a target, so that an ID tells by itself on which side it is. Zero-initialise; an empty
 * map moves nothing, and no ID is strange to it. A value: copied by assignment, nothing to free. */
struct uns_map {
	uint32_t n;
	struct uns_extent v[UNS_MAP_EXTENTS]; /* ascending by from */
	uint16_t by_to[UNS_MAP_EXTENTS];      /* indices into v, ascending by to */
	/* On the way there, an ID outside of the map becomes squash_to, which is a target; nothing leads back. */
	bool squash;
	uint32_t squash_to;
};
/* Users and groups apart. */
struct uns_maps {
	struct uns_map uid, gid;
};

/* Adds an extent and keeps the order; neighbours that continue each other become one. UNS_E_INPUT, and nothing added, when it is
 * empty, has an ID past UNS_ID_LAST, overlaps an extent that is there (source with source, target with target), when a source is a
 * target (also its own), or when the map is full. */
int uns_map_add(struct uns_map *m, struct uns_extent e, struct uns_err *err);
/* From now on IDs outside are squashed. UNS_E_INPUT unless id is a target of the map. */
int uns_map_squash(struct uns_map *m, uint32_t id, struct uns_err *err);
/* The law above; what uns_map_add made is always valid. */
bool uns_map_valid(const struct uns_map *m);
bool uns_map_equal(const struct uns_map *a, const struct uns_map *b);
/* O(log n); one comparison or two for the usual map of one extent. */
enum uns_idside uns_map_side(const struct uns_map *m, uint32_t id);
/* The ID on the wanted side; an ID already there, or OUTSIDE and not squashed, is returned unchanged. Idempotent. */
uint32_t uns_map_shifted(const struct uns_map *m, uint32_t id);
uint32_t uns_map_home(const struct uns_map *m, uint32_t id);
/* There and home: where the ID is after both, wherever it is now. */
static inline uint32_t uns_map_settled(const struct uns_map *m, uint32_t id)
{
	return uns_map_home(m, m->squash ? uns_map_shifted(m, id) : id);
}

/* The shift as maps: one extent from 0 each. The shift must be valid. */
void uns_maps_of(const struct uns_shift *s, struct uns_maps *ret);
/* Both valid, and not both empty. */
bool uns_maps_valid(const struct uns_maps *m);

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
