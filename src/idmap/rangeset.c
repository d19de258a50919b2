/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/idmap.h"
#include "uns/str.h"
#include "uns/vec.h"

void uns_rangeset_done(struct uns_rangeset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].who);
	free(s->v);
	*s = (struct uns_rangeset){ 0 };
}

int uns_rangeset_add(struct uns_rangeset *s, struct uns_range r, const char *who, struct uns_err *err)
{
	uns_auto_free char *copy = uns_str_dup(who, err);

	if (!copy)
		return -1;

	struct uns_taken *v = uns_vec_room(s->v, s->n, &s->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	s->v = v;
	s->v[s->n++] = (struct uns_taken){ r, uns_take_ptr(copy) };
	return 0;
}

static int taken_compare(const void *pa, const void *pb)
{
	const struct uns_taken *a = pa, *b = pb;

	if (a->range.start != b->range.start)
		return a->range.start < b->range.start ? -1 : 1;
	if (a->range.count != b->range.count)
		return a->range.count < b->range.count ? -1 : 1;
	return strcmp(a->who, b->who);
}

const struct uns_taken *uns_rangeset_find(const struct uns_rangeset *s, struct uns_range r)
{
	const struct uns_taken *first = NULL;

	/* Not the first in the array: its order changes when first_free sorts it, and messages must not depend on that. */
	for (size_t i = 0; i < s->n; i++)
		if (uns_range_overlaps(s->v[i].range, r) && (!first || taken_compare(&s->v[i], first) < 0))
			first = &s->v[i];
	return first;
}

static uint64_t round_up(uint64_t n, uint32_t align)
{
	uint64_t rest = align ? n % align : 0;

	return rest ? n + (align - rest) : n;
}

int uns_rangeset_first_free(struct uns_rangeset *s, uint32_t from, uint32_t last, uint32_t count, uint32_t align,
                            uint32_t *ret_start)
{
	uint64_t start = round_up(from, align);

	if (count == 0)
		return 1;
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), taken_compare);
	/* One pass is enough: the start only grows, so a range that was passed once never comes back into the way. */
	for (size_t i = 0; i < s->n && s->v[i].range.start < start + count; i++) {
		uint64_t end = (uint64_t)s->v[i].range.start + s->v[i].range.count;

		if (s->v[i].range.count > 0 && end > start)
			start = round_up(end, align);
	}
	if (start + count - 1 > (last < UNS_ID_LAST ? last : UNS_ID_LAST))
		return 1;
	*ret_start = (uint32_t)start;
	return 0;
}
