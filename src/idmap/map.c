/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "uns/idmap.h"

static struct uns_range source_of(struct uns_extent e)
{
	return (struct uns_range){e.from, e.count};
}

static struct uns_range target_of(struct uns_extent e)
{
	return (struct uns_range){e.to, e.count};
}

/* The last extent whose first ID is not above id, or -1; only that one can hold the ID. */
static int find_source(const struct uns_map *m, uint32_t id)
{
	int lo = 0, hi = (int)m->n;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (m->v[mid].from <= id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && id - m->v[lo - 1].from < m->v[lo - 1].count ? lo - 1 : -1;
}

static int find_target(const struct uns_map *m, uint32_t id)
{
	int lo = 0, hi = (int)m->n, i;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (m->v[m->by_to[mid]].to <= id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return -1;
	i = m->by_to[lo - 1];
	return id - m->v[i].to < m->v[i].count ? i : -1;
}

enum uns_idside uns_map_side(const struct uns_map *m, uint32_t id)
{
	if (m->n == 1) {
		if (id - m->v[0].from < m->v[0].count)
			return UNS_ID_HOME;
		return id - m->v[0].to < m->v[0].count ? UNS_ID_SHIFTED : UNS_ID_OUTSIDE;
	}
	if (find_source(m, id) >= 0)
		return UNS_ID_HOME;
	return find_target(m, id) >= 0 ? UNS_ID_SHIFTED : UNS_ID_OUTSIDE;
}

uint32_t uns_map_shifted(const struct uns_map *m, uint32_t id)
{
	int i = m->n == 1 ? (id - m->v[0].from < m->v[0].count ? 0 : -1) : find_source(m, id);

	if (i >= 0)
		return m->v[i].to + (id - m->v[i].from);
	return m->squash && uns_map_side(m, id) == UNS_ID_OUTSIDE ? m->squash_to : id;
}

uint32_t uns_map_home(const struct uns_map *m, uint32_t id)
{
	int i = m->n == 1 ? (id - m->v[0].to < m->v[0].count ? 0 : -1) : find_target(m, id);

	return i < 0 ? id : m->v[i].from + (id - m->v[i].to);
}

static int clash(const struct uns_map *m, struct uns_extent e, struct uns_err *err)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const char *what = NULL;

		if (uns_range_overlaps(source_of(m->v[i]), source_of(e)))
			what = "two extents move the same IDs";
		else if (uns_range_overlaps(target_of(m->v[i]), target_of(e)))
			what = "two extents have the same target";
		else if (uns_range_overlaps(source_of(m->v[i]), target_of(e)) ||
		         uns_range_overlaps(target_of(m->v[i]), source_of(e)))
			what = "IDs of one extent are targets of the other, so that IDs before and after could not be told apart";
		if (what)
			return uns_err_set(err, UNS_E_INPUT, "%u:%u:%u and %u:%u:%u: %s", m->v[i].from, m->v[i].to, m->v[i].count,
			                   e.from, e.to, e.count, what);
	}
	return 0;
}

static int check_one(struct uns_extent e, struct uns_err *err)
{
	if (!uns_range_valid(source_of(e)) || !uns_range_valid(target_of(e)))
		return uns_err_set(err, UNS_E_INPUT, "%u:%u:%u: expected at least one ID, and none above %u", e.from, e.to, e.count,
		                   UNS_ID_LAST);
	if (uns_range_overlaps(source_of(e), target_of(e)))
		return uns_err_set(err, UNS_E_INPUT,
		                   "%u:%u:%u: source and target overlap, so that IDs before and after could not be told apart",
		                   e.from, e.to, e.count);
	return 0;
}

static void index_targets(struct uns_map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = i;

		for (; at > 0 && m->v[m->by_to[at - 1]].to > m->v[i].to; at--)
			m->by_to[at] = m->by_to[at - 1];
		m->by_to[at] = (uint16_t)i;
	}
}

static bool continues(struct uns_extent a, struct uns_extent b)
{
	return a.from + a.count == b.from && a.to + a.count == b.to;
}

static void remove_at(struct uns_map *m, uint32_t i)
{
	memmove(&m->v[i], &m->v[i + 1], (m->n - i - 1) * sizeof(*m->v));
	m->n--;
}

int uns_map_add(struct uns_map *m, struct uns_extent e, struct uns_err *err)
{
	uint32_t at = m->n;

	if (check_one(e, err) || clash(m, e, err))
		return -1;
	while (at > 0 && m->v[at - 1].from > e.from)
		at--;
	if (at > 0 && continues(m->v[at - 1], e)) {
		m->v[--at].count += e.count;
	} else {
		if (m->n == UNS_MAP_EXTENTS)
			return uns_err_set(err, UNS_E_INPUT, "a map has at most %d extents", UNS_MAP_EXTENTS);
		memmove(&m->v[at + 1], &m->v[at], (m->n - at) * sizeof(*m->v));
		m->v[at] = e;
		m->n++;
	}
	if (at + 1 < m->n && continues(m->v[at], m->v[at + 1])) {
		m->v[at].count += m->v[at + 1].count;
		remove_at(m, at + 1);
	}
	index_targets(m);
	return 0;
}

int uns_map_squash(struct uns_map *m, uint32_t id, struct uns_err *err)
{
	if (uns_map_side(m, id) != UNS_ID_SHIFTED)
		return uns_err_set(err, UNS_E_INPUT, "%u is no target of the map, so nothing can be squashed to it", id);
	m->squash = true;
	m->squash_to = id;
	return 0;
}

bool uns_map_valid(const struct uns_map *m)
{
	struct uns_map copy = {.n = 0};

	if (m->n > UNS_MAP_EXTENTS)
		return false;
	for (uint32_t i = 0; i < m->n; i++)
		if ((i && m->v[i].from < m->v[i - 1].from) || uns_map_add(&copy, m->v[i], NULL))
			return false;
	return true;
}

bool uns_map_equal(const struct uns_map *a, const struct uns_map *b)
{
	return a->n == b->n && !memcmp(a->v, b->v, a->n * sizeof(*a->v)) && a->squash == b->squash &&
	       a->squash_to == b->squash_to;
}

void uns_maps_of(const struct uns_shift *s, struct uns_maps *ret)
{
	*ret = (struct uns_maps){.uid = {.n = 1, .v = {{0, s->uid.start, s->uid.count}}},
	                         .gid = {.n = 1, .v = {{0, s->gid.start, s->gid.count}}}};
}

bool uns_maps_valid(const struct uns_maps *m)
{
	return (m->uid.n || m->gid.n) && uns_map_valid(&m->uid) && uns_map_valid(&m->gid);
}
