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

static void ids_move_once_and_back(void **state)
{
	static const uint32_t home[] = { 0, 1, 1000, 65535 }, outside[] = { 65536, 99999, 165536, UNS_ID_LAST, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(home) / sizeof(*home); i++) {
		uint32_t there = uns_id_shifted(remap, home[i]);

		assert_int_equal(there, home[i] + 100000);
		assert_int_equal(uns_id_shifted(remap, there), there);
		assert_int_equal(uns_id_home(remap, there), home[i]);
		assert_int_equal(uns_id_home(remap, home[i]), home[i]);
		assert_int_equal(uns_id_side(remap, home[i]), UNS_ID_HOME);
		assert_int_equal(uns_id_side(remap, there), UNS_ID_SHIFTED);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
		assert_int_equal(uns_id_side(remap, outside[i]), UNS_ID_OUTSIDE);
		assert_int_equal(uns_id_shifted(remap, outside[i]), outside[i]);
		assert_int_equal(uns_id_home(remap, outside[i]), outside[i]);
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
		cmocka_unit_test(find_names_the_lowest_in_any_order),
		cmocka_unit_test(first_free_fills_holes),
		cmocka_unit_test(first_free_says_none),
		cmocka_unit_test(first_free_is_what_brute_force_finds),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
