/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/idmap.h"

bool uns_range_valid(struct uns_range r)
{
	return r.count > 0 && r.start <= UNS_ID_LAST && r.count - 1 <= UNS_ID_LAST - r.start;
}

bool uns_range_overlaps(struct uns_range a, struct uns_range b)
{
	/* 64 bit, because the end of a range read from a hostile file may lie past 2^32. */
	uint64_t a_end = (uint64_t)a.start + a.count, b_end = (uint64_t)b.start + b.count;

	return a.count > 0 && b.count > 0 && a.start < b_end && b.start < a_end;
}

bool uns_range_has(struct uns_range r, uint32_t id)
{
	return id >= r.start && id - r.start < r.count;
}

static bool range_shifts(struct uns_range r)
{
	return uns_range_valid(r) && r.start >= r.count;
}

bool uns_shift_valid(const struct uns_shift *s)
{
	return range_shifts(s->uid) && range_shifts(s->gid);
}
