/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/idmap.h"

static const struct uns_range remap = { 100000, 65536 };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void range_valid_ends_below_minus_one(void **state)
{
	(void)state;
	assert_true(uns_range_valid((struct uns_range){ 0, 1 }));
	assert_true(uns_range_valid((struct uns_range){ UNS_ID_LAST, 1 }));
	assert_true(uns_range_valid((struct uns_range){ 0, UNS_ID_LAST + 1 }));
	assert_true(uns_range_valid((struct uns_range){ UNS_ID_LAST - 65535, 65536 }));
	assert_false(uns_range_valid((struct uns_range){ 100000, 0 }));
	assert_false(uns_range_valid((struct uns_range){ UINT32_MAX, 1 }));
	assert_false(uns_range_valid((struct uns_range){ UNS_ID_LAST, 2 }));
	assert_false(uns_range_valid((struct uns_range){ UNS_ID_LAST - 65535, 65537 }));
	assert_false(uns_range_valid((struct uns_range){ UINT32_MAX, UINT32_MAX }));
}

static void ranges_overlap_by_one_id(void **state)
{
	struct uns_range a = { 1000, 10 };

	(void)state;
	assert_true(uns_range_overlaps(a, a));
	assert_true(uns_range_overlaps(a, (struct uns_range){ 1009, 1 }));
	assert_true(uns_range_overlaps(a, (struct uns_range){ 991, 10 }));
	assert_true(uns_range_overlaps(a, (struct uns_range){ 1003, 2 }));
	assert_true(uns_range_overlaps((struct uns_range){ 1003, 2 }, a));
	assert_false(uns_range_overlaps(a, (struct uns_range){ 1010, 5 }));
	assert_false(uns_range_overlaps(a, (struct uns_range){ 990, 10 }));
	assert_false(uns_range_overlaps(a, (struct uns_range){ 1005, 0 }));
	/* The end of the first lies past 2^32: it must not wrap to low IDs. */
	assert_false(uns_range_overlaps((struct uns_range){ 4294967000u, 65536 }, (struct uns_range){ 0, 1000 }));
	assert_true(uns_range_overlaps((struct uns_range){ 4294967000u, 65536 }, (struct uns_range){ 4294967295u, 1 }));
}

static void range_has_its_ends(void **state)
{
	(void)state;
	assert_true(uns_range_has(remap, 100000));
	assert_true(uns_range_has(remap, 165535));
	assert_false(uns_range_has(remap, 99999));
	assert_false(uns_range_has(remap, 165536));
	assert_false(uns_range_has((struct uns_range){ 5, 0 }, 5));
	assert_false(uns_range_has((struct uns_range){ 4294967000u, 65536 }, 3));
}

static void shift_needs_disjoint_sides(void **state)
{
	struct uns_shift s = { remap, remap };

	(void)state;
	assert_true(uns_shift_valid(&s));
	s.gid = (struct uns_range){ 65536, 65536 };
	assert_true(uns_shift_valid(&s));
	s.gid.start = 65535;
	assert_false(uns_shift_valid(&s));
	s.gid = (struct uns_range){ 65536, 0 };
	assert_false(uns_shift_valid(&s));
	s = (struct uns_shift){ { 4294901760u, 65536 }, remap };
	assert_false(uns_shift_valid(&s));
}

/* ---- maps ---- */

static void put(struct uns_map *m, uint32_t from, uint32_t to, uint32_t count)
{
	struct uns_err err = { 0 };

	if (uns_map_add(m, (struct uns_extent){ from, to, count }, &err))
		fail_msg("%u:%u:%u: %s", from, to, count, err.text);
}

static void refuse(struct uns_map *m, uint32_t from, uint32_t to, uint32_t count, const char *why)
{
	struct uns_map before = *m;
	struct uns_err err = { 0 };

	assert_int_equal(uns_map_add(m, (struct uns_extent){ from, to, count }, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" does not contain \"%s\"", err.text, why);
	assert_true(uns_map_equal(m, &before));
}

static void ids_move_once_and_back(void **state)
{
	static const uint32_t home[] = { 0, 1, 1000, 65535 }, outside[] = { 65536, 99999, 165536, UNS_ID_LAST, UINT32_MAX };
	struct uns_shift shift = { remap, remap };
	struct uns_maps maps;

	(void)state;
	uns_maps_of(&shift, &maps);
	assert_true(uns_maps_valid(&maps));
	assert_true(uns_map_equal(&maps.uid, &maps.gid));
	for (size_t i = 0; i < sizeof(home) / sizeof(*home); i++) {
		uint32_t there = uns_map_shifted(&maps.uid, home[i]);

		assert_int_equal(there, home[i] + 100000);
		assert_int_equal(uns_map_shifted(&maps.uid, there), there);
		assert_int_equal(uns_map_home(&maps.uid, there), home[i]);
		assert_int_equal(uns_map_home(&maps.uid, home[i]), home[i]);
		assert_int_equal(uns_map_side(&maps.uid, home[i]), UNS_ID_HOME);
		assert_int_equal(uns_map_side(&maps.uid, there), UNS_ID_SHIFTED);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
		assert_int_equal(uns_map_side(&maps.uid, outside[i]), UNS_ID_OUTSIDE);
		assert_int_equal(uns_map_shifted(&maps.uid, outside[i]), outside[i]);
		assert_int_equal(uns_map_home(&maps.uid, outside[i]), outside[i]);
	}
}

static void a_map_keeps_the_law(void **state)
{
	struct uns_map m = { .n = 0 };

	(void)state;
	assert_true(uns_map_valid(&m)); /* empty: moves nothing */
	assert_int_equal(uns_map_side(&m, 0), UNS_ID_OUTSIDE);
	refuse(&m, 0, 100000, 0, "at least one ID");
	refuse(&m, 0, UNS_ID_LAST, 2, "none above");
	refuse(&m, UNS_ID_LAST, 5, 2, "none above");
	refuse(&m, 0, 65535, 65536, "source and target overlap");
	refuse(&m, 100000, 100000, 1, "source and target overlap");
	put(&m, 1000, 200000, 10);
	refuse(&m, 1009, 300000, 1, "move the same IDs");
	refuse(&m, 500, 300000, 501, "move the same IDs");
	refuse(&m, 5, 200009, 1, "the same target");
	refuse(&m, 5, 1005, 1, "could not be told apart");
	refuse(&m, 200005, 5, 1, "could not be told apart");
	put(&m, 1, 0, 1);
	put(&m, 1010, UNS_ID_LAST, 1);
	assert_true(uns_map_valid(&m));
	assert_int_equal(m.n, 3);
	m.v[1].to = 1005; /* what was not made by adding is looked at again */
	assert_false(uns_map_valid(&m));
}

static void neighbours_become_one(void **state)
{
	struct uns_map m = { .n = 0 };

	(void)state;
	put(&m, 20, 120, 10);
	put(&m, 0, 100, 10);
	assert_int_equal(m.n, 2);
	put(&m, 10, 110, 10);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.v[0].count, 30);
	put(&m, 30, 200, 10); /* continues the source, not the target */
	assert_int_equal(m.n, 2);
}

/* 340 extents in an order of their own, each ID asked in both directions, against the plain search. */
static void many_extents_are_found(void **state)
{
	struct uns_map m = { .n = 0 };

	(void)state;
	for (uint32_t i = 0; i < UNS_MAP_EXTENTS; i++) {
		uint32_t k = i * 211 % UNS_MAP_EXTENTS; /* 211 and 340 have no common divisor */

		put(&m, k * 10, 1000000 + (UNS_MAP_EXTENTS - k) * 100, 7);
	}
	assert_int_equal(m.n, UNS_MAP_EXTENTS);
	assert_true(uns_map_valid(&m));
	for (uint32_t id = 0; id < 3500; id++) {
		bool in = id < 3400 && id % 10 < 7;
		uint32_t to = 1000000 + (UNS_MAP_EXTENTS - id / 10) * 100 + id % 10;

		assert_int_equal(uns_map_side(&m, id), in ? UNS_ID_HOME : UNS_ID_OUTSIDE);
		assert_int_equal(uns_map_shifted(&m, id), in ? to : id);
		if (in) {
			assert_int_equal(uns_map_side(&m, to), UNS_ID_SHIFTED);
			assert_int_equal(uns_map_home(&m, to), id);
		}
	}
	assert_int_equal(uns_map_side(&m, 1000100 + 7), UNS_ID_OUTSIDE);
	refuse(&m, 5000, 3000000, 1, "at most 340");
	put(&m, 3397, 1000107, 1); /* grows the last one */
	assert_int_equal(uns_map_home(&m, 1000107), 3397);
}

/* Random maps that the law lets pass: one-to-one, there and back, from either side. */
static void random_maps_go_there_and_back(void **state)
{
	(void)state;
	srandom(20261);
	for (int round = 0; round < 500; round++) {
		struct uns_map m = { .n = 0 };

		for (int i = 0; i < 30; i++) {
			struct uns_extent e = { (uint32_t)random() % 500, (uint32_t)random() % 500, 1 + (uint32_t)random() % 20 };

			(void)uns_map_add(&m, e, NULL);
		}
		assert_true(uns_map_valid(&m));
		for (uint32_t id = 0; id < 540; id++) {
			enum uns_idside side = uns_map_side(&m, id);
			uint32_t there = uns_map_shifted(&m, id), back = uns_map_home(&m, id);

			assert_true((side == UNS_ID_HOME) == (there != id));
			assert_true((side == UNS_ID_SHIFTED) == (back != id));
			assert_int_equal(uns_map_home(&m, there), side == UNS_ID_SHIFTED ? back : id);
			assert_int_equal(uns_map_shifted(&m, back), side == UNS_ID_HOME ? there : id);
		}
	}
}

static void find_names_the_lowest_in_any_order(void **state)
{
	struct uns_rangeset s = { 0 };
	struct uns_err err = { 0 };
	char who[] = "bob";
	uint32_t start;

	(void)state;
	assert_int_equal(uns_rangeset_add(&s, (struct uns_range){ 300000, 10 }, "carol", &err), 0);
	assert_int_equal(uns_rangeset_add(&s, (struct uns_range){ 200000, 10 }, who, &err), 0);
	assert_int_equal(uns_rangeset_add(&s, (struct uns_range){ 200000, 5 }, "alice", &err), 0);
	who[0] = 'x'; /* the set has a copy */
	for (int sorted = 0; sorted < 2; sorted++) {
		assert_null(uns_rangeset_find(&s, (struct uns_range){ 200010, 99990 }));
		assert_string_equal(uns_rangeset_find(&s, (struct uns_range){ 0, 400000 })->who, "alice");
		assert_string_equal(uns_rangeset_find(&s, (struct uns_range){ 200007, 400000 })->who, "bob");
		assert_string_equal(uns_rangeset_find(&s, (struct uns_range){ 300009, 1 })->who, "carol");
		assert_int_equal(uns_rangeset_first_free(&s, 0, UNS_ID_LAST, 1, 1, &start), 0);
	}
	uns_rangeset_done(&s);
	assert_int_equal(s.n, 0);
	uns_rangeset_done(&s);
}

static void first_free_fills_holes(void **state)
{
	struct uns_rangeset s = { 0 };
	struct uns_err err = { 0 };
	uint32_t start = 7;

	(void)state;
	assert_int_equal(uns_rangeset_first_free(&s, 100000, UNS_ID_LAST, 65536, 65536, &start), 0);
	assert_int_equal(start, 131072);
	assert_int_equal(uns_rangeset_add(&s, (struct uns_range){ 196608, 65536 }, "b", &err), 0);
	assert_int_equal(uns_rangeset_add(&s, (struct uns_range){ 131072, 1 }, "one id of it", &err), 0);
	assert_int_equal(uns_rangeset_first_free(&s, 65536, UNS_ID_LAST, 65536, 65536, &start), 0);
	assert_int_equal(start, 65536);
	assert_int_equal(uns_rangeset_first_free(&s, 65537, UNS_ID_LAST, 65536, 65536, &start), 0);
	assert_int_equal(start, 262144);
	assert_int_equal(uns_rangeset_first_free(&s, 65537, UNS_ID_LAST, 65535, 1, &start), 0);
	assert_int_equal(start, 65537);
	assert_int_equal(uns_rangeset_first_free(&s, 65537, UNS_ID_LAST, 65536, 0, &start), 0);
	assert_int_equal(start, 262144);
	uns_rangeset_done(&s);
}

static void first_free_says_none(void **state)
{
	struct uns_rangeset s = { 0 };
	struct uns_err err = { 0 };
	uint32_t start = 7;

	(void)state;
	assert_int_equal(uns_rangeset_first_free(&s, 0, 65534, 65536, 1, &start), 1);
	assert_int_equal(uns_rangeset_first_free(&s, 0, UNS_ID_LAST, 0, 1, &start), 1);
	/* The block that ends with 4294967295 is never free, whatever last says. */
	assert_int_equal(uns_rangeset_first_free(&s, 4294901760u, UINT32_MAX, 65536, 65536, &start), 1);
	assert_int_equal(uns_rangeset_first_free(&s, UINT32_MAX, UINT32_MAX, 1, 1, &start), 1);
	assert_int_equal(uns_rangeset_first_free(&s, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, &start), 1);
	assert_int_equal(uns_rangeset_add(&s, (struct uns_range){ 0, UINT32_MAX }, "all", &err), 0);
	assert_int_equal(uns_rangeset_first_free(&s, 0, UNS_ID_LAST, 1, 1, &start), 1);
	assert_int_equal(start, 7);
	uns_rangeset_done(&s);
}

/* Says the same by trying every ID. */
static int brute_first_free(const struct uns_rangeset *s, uint32_t from, uint32_t last, uint32_t count, uint32_t align,
                            uint32_t *ret)
{
	for (uint64_t start = from; start <= UNS_ID_LAST; start++) {
		bool is_free = start % align == 0 && start + count - 1 <= last && start + count - 1 <= UNS_ID_LAST;

		for (uint64_t id = start; is_free && id < start + count; id++)
			for (size_t i = 0; is_free && i < s->n; i++)
				is_free = !uns_range_has(s->v[i].range, (uint32_t)id);
		if (is_free) {
			*ret = (uint32_t)start;
			return 0;
		}
		if (start > (uint64_t)from + 400)
			break;
	}
	return 1;
}

static void property_once(uint64_t *random, uint32_t base)
{
	struct uns_rangeset s = { 0 };
	struct uns_err err = { 0 };
	uint32_t from = base + (uint32_t)(next_random(random) % 100), count = 1 + (uint32_t)(next_random(random) % 12);
	uint32_t align = 1 + (uint32_t)(next_random(random) % 9), start = 1, expected = 1;
	uint64_t last = base + next_random(random) % 300;

	for (uint64_t n = next_random(random) % 12; n > 0; n--) {
		uint64_t at = base + next_random(random) % 200;
		struct uns_range r = { at > UINT32_MAX ? UINT32_MAX : (uint32_t)at, (uint32_t)(next_random(random) % 30) };

		assert_int_equal(uns_rangeset_add(&s, r, "x", &err), 0);
	}
	if (from < base)
		from = UINT32_MAX;
	if (last > UINT32_MAX)
		last = UINT32_MAX;

	int answer = brute_first_free(&s, from, (uint32_t)last, count, align, &expected);

	assert_int_equal(uns_rangeset_first_free(&s, from, (uint32_t)last, count, align, &start), answer);
	assert_int_equal(start, expected);
	uns_rangeset_done(&s);
}

static void first_free_is_what_brute_force_finds(void **state)
{
	static const uint32_t bases[] = { 0, 65530, 2147483600u, 4294967000u, 4294967200u };
	uint64_t random = 88172645463325252u;

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++)
		for (int round = 0; round < 2000; round++)
			property_once(&random, bases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_valid_ends_below_minus_one),
		cmocka_unit_test(ranges_overlap_by_one_id),
		cmocka_unit_test(range_has_its_ends),
		cmocka_unit_test(shift_needs_disjoint_sides),
		cmocka_unit_test(ids_move_once_and_back),
		cmocka_unit_test(a_map_keeps_the_law),
		cmocka_unit_test(neighbours_become_one),
		cmocka_unit_test(many_extents_are_found),
		cmocka_unit_test(random_maps_go_there_and_back),
		cmocka_unit_test(find_names_the_lowest_in_any_order),
		cmocka_unit_test(first_free_fills_holes),
		cmocka_unit_test(first_free_says_none),
		cmocka_unit_test(first_free_is_what_brute_force_finds),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
