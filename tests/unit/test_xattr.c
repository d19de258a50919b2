/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/xattr.h"

static const struct uns_maps shift = { .uid = { .n = 1, .v = { { 0, 100000, 65536 } } },
	                               .gid = { .n = 1, .v = { { 0, 200000, 65536 } } } };

/* cap_net_bind_service=ep, as setcap writes it; and the same from inside a namespace whose root is 100000 (0x186a0). */
static const uint8_t cap_v2[20] = { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const uint8_t cap_v3[24] = { 1, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0x86, 1, 0 };

static void v2_stays_on_both_sides(void **state)
{
	uint8_t out[UNS_CAP_MAX];
	uint32_t rootid = 7;

	(void)state;
	assert_int_equal(uns_cap_rootid(cap_v2, 20, &rootid), 1);
	assert_int_equal(rootid, 7);
	assert_int_equal(uns_cap_shifted(cap_v2, 20, &shift.uid, out), 20);
	assert_memory_equal(out, cap_v2, 20);
	assert_int_equal(uns_cap_home(cap_v2, 20, &shift.uid, out), 20);
	assert_memory_equal(out, cap_v2, 20);
}

static void v3_of_our_root_becomes_v2_at_home(void **state)
{
	uint8_t out[UNS_CAP_MAX];
	uint32_t rootid = 7;

	(void)state;
	assert_int_equal(uns_cap_rootid(cap_v3, 24, &rootid), 0);
	assert_int_equal(rootid, 100000);
	assert_int_equal(uns_cap_home(cap_v3, 24, &shift.uid, out), 20);
	assert_memory_equal(out, cap_v2, 20);
	memcpy(out, cap_v3, 24);
	out[0] = 0; /* not effective: the bit is kept as it is */
	assert_int_equal(uns_cap_home(out, 24, &shift.uid, out), 20);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[3], 2);
}

static void v3_of_a_nested_root_keeps_its_version(void **state)
{
	uint8_t nested[24], out[UNS_CAP_MAX], back[UNS_CAP_MAX];
	uint32_t rootid = 0;

	(void)state;
	memcpy(nested, cap_v3, 24);
	nested[20] = 0xe8; /* 1000 */
	nested[21] = 3;
	nested[22] = 0;
	assert_int_equal(uns_cap_shifted(nested, 24, &shift.uid, out), 24);
	assert_int_equal(uns_cap_rootid(out, 24, &rootid), 0);
	assert_int_equal(rootid, 101000);
	assert_int_equal(uns_cap_shifted(out, 24, &shift.uid, out), 24); /* a second time does nothing */
	assert_int_equal(uns_cap_home(out, 24, &shift.uid, back), 24);
	assert_memory_equal(back, nested, 24);
	assert_int_equal(uns_cap_home(back, 24, &shift.uid, back), 24);
	assert_memory_equal(back, nested, 24);
}

static void v3_outside_the_range_stays(void **state)
{
	uint8_t other[24], out[UNS_CAP_MAX];

	(void)state;
	memcpy(other, cap_v3, 24);
	other[23] = 0xff;
	assert_int_equal(uns_cap_shifted(other, 24, &shift.uid, out), 24);
	assert_memory_equal(out, other, 24);
	assert_int_equal(uns_cap_home(other, 24, &shift.uid, out), 24);
	assert_memory_equal(out, other, 24);
}

static void other_bytes_are_no_capability(void **state)
{
	uint8_t bytes[32], out[UNS_CAP_MAX];
	uint32_t rootid;

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, cap_v3, 24);
		assert_int_equal(uns_cap_rootid(bytes, len, &rootid), len == 24 ? 0 : -1);
		memcpy(bytes, cap_v2, 20);
		assert_int_equal(uns_cap_rootid(bytes, len, &rootid), len == 20 ? 1 : -1);
	}
	memcpy(bytes, cap_v2, 20);
	bytes[3] = 1; /* revision 1 */
	assert_int_equal(uns_cap_shifted(bytes, 20, &shift.uid, out), -1);
	assert_int_equal(uns_cap_shifted(bytes, 12, &shift.uid, out), -1);
	bytes[3] = 4;
	assert_int_equal(uns_cap_home(bytes, 20, &shift.uid, out), -1);
	bytes[3] = 2;
	bytes[1] = 1; /* a flag that nobody has defined */
	assert_int_equal(uns_cap_home(bytes, 20, &shift.uid, out), -1);
}

/* ---- ACLs ---- */

struct acl {
	uint8_t data[4 + 16 * 8];
	size_t len;
};

static struct acl acl_new(void)
{
	return (struct acl){ { 2, 0, 0, 0 }, 4 };
}

static void acl_put(struct acl *a, unsigned tag, unsigned perm, uint32_t id)
{
	const uint8_t e[8] = { (uint8_t)tag, 0, (uint8_t)perm, 0,
		               (uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24) };

	assert_true(a->len + 8 <= sizeof(a->data));
	memcpy(a->data + a->len, e, 8);
	a->len += 8;
}

/* user::rwx user:A:r user:B:rw group::r-x group:C:x mask::rwx other::--- */
static struct acl acl_of(uint32_t a, uint32_t b, uint32_t c)
{
	struct acl acl = acl_new();

	acl_put(&acl, 0x01, 7, UINT32_MAX);
	acl_put(&acl, 0x02, 4, a);
	acl_put(&acl, 0x02, 6, b);
	acl_put(&acl, 0x04, 5, UINT32_MAX);
	acl_put(&acl, 0x08, 1, c);
	acl_put(&acl, 0x10, 7, UINT32_MAX);
	acl_put(&acl, 0x20, 0, UINT32_MAX);
	return acl;
}

static void check_acl_map(struct acl from, bool to_shifted, int answer, struct acl to)
{
	assert_int_equal(uns_acl_map(from.data, from.len, &shift, to_shifted), answer);
	assert_int_equal(from.len, to.len);
	assert_memory_equal(from.data, to.data, to.len);
}

static void acl_ids_move_once_and_back(void **state)
{
	struct acl home = acl_of(0, 1000, 33), there = acl_of(100000, 101000, 200033);

	(void)state;
	check_acl_map(home, true, 1, there);
	check_acl_map(there, true, 0, there);
	check_acl_map(there, false, 1, home);
	check_acl_map(home, false, 0, home);
}

static void acl_without_names_stays(void **state)
{
	struct acl a = acl_new();

	(void)state;
	check_acl_map(a, true, 0, a);
	acl_put(&a, 0x01, 7, UINT32_MAX);
	acl_put(&a, 0x04, 5, 0); /* the ID of an unnamed entry means nothing, not even a small one */
	acl_put(&a, 0x20, 5, 0);
	check_acl_map(a, true, 0, a);
}

static void acl_order_stays_ascending(void **state)
{
	/* 70000 is outside; 1000 passes it by on the way. Entries move with their permissions. */
	struct acl home = acl_new(), there = acl_new();

	(void)state;
	acl_put(&home, 0x02, 1, 1000);
	acl_put(&home, 0x02, 2, 70000);
	acl_put(&home, 0x08, 3, 5);
	acl_put(&there, 0x02, 2, 70000);
	acl_put(&there, 0x02, 1, 101000);
	acl_put(&there, 0x08, 3, 200005);
	check_acl_map(home, true, 1, there);
	check_acl_map(there, false, 1, home);
}

static void acl_order_of_its_own_is_kept(void **state)
{
	struct acl home = acl_new(), there = acl_new();

	(void)state;
	acl_put(&home, 0x02, 1, 1000);
	acl_put(&home, 0x02, 2, 5);
	acl_put(&home, 0x02, 3, 5);
	acl_put(&there, 0x02, 1, 101000);
	acl_put(&there, 0x02, 2, 100005);
	acl_put(&there, 0x02, 3, 100005);
	check_acl_map(home, true, 1, there);
	check_acl_map(there, false, 1, home);
}

static void acl_that_would_merge_two_ids_is_refused(void **state)
{
	struct acl both = acl_of(1000, 101000, 0), groups = acl_new(), mixed = acl_new();

	(void)state;
	check_acl_map(both, true, -1, both);
	check_acl_map(both, false, -1, both);
	acl_put(&groups, 0x08, 1, 0);
	acl_put(&groups, 0x08, 1, 200000);
	check_acl_map(groups, true, -1, groups);
	/* A user and a group of one number are two IDs; so are a user here and another there. */
	acl_put(&mixed, 0x02, 1, 5);
	acl_put(&mixed, 0x08, 1, 100005);
	assert_int_equal(uns_acl_map(mixed.data, mixed.len, &shift, true), 1);
	mixed = acl_new();
	acl_put(&mixed, 0x02, 1, 5);
	acl_put(&mixed, 0x02, 1, 100006);
	assert_int_equal(uns_acl_map(mixed.data, mixed.len, &shift, true), 1);
}

static void acl_as_long_as_the_kernel_allows(void **state)
{
	size_t len = 4 + 8 * 8191;
	uint8_t *acl = calloc(1, len + 8);

	(void)state;
	assert_non_null(acl);
	acl[0] = 2;
	for (size_t i = 0; i < 8191; i++) {
		uint32_t id = (uint32_t)(8191 - i) * 2 + (i % 2 ? 100001 : 0);

		acl[4 + 8 * i] = 2;
		for (int byte = 0; byte < 4; byte++)
			acl[8 + 8 * i + (size_t)byte] = (uint8_t)(id >> (8 * byte));
	}
	assert_int_equal(uns_acl_map(acl, len, &shift, true), 1);
	assert_int_equal(uns_acl_map(acl, len, &shift, true), 0);
	acl[len] = 2;
	assert_int_equal(uns_acl_map(acl, len + 8, &shift, true), -1);
	free(acl);
}

struct seen {
	size_t n;
	bool group[4];
	uint32_t id[4];
};

static void note_id(void *user, bool group, uint32_t id)
{
	struct seen *s = user;

	assert_true(s->n < 4);
	s->group[s->n] = group;
	s->id[s->n++] = id;
}

static void acl_ids_are_visited(void **state)
{
	struct acl a = acl_of(1, 4294967294u, 3);
	struct seen s = { 0 };

	(void)state;
	assert_int_equal(uns_acl_ids(a.data, a.len, note_id, &s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.id[0], 1);
	assert_int_equal(s.id[1], 4294967294u);
	assert_false(s.group[1]);
	assert_int_equal(s.id[2], 3);
	assert_true(s.group[2]);
}

static void malformed_acls_are_refused_whole(void **state)
{
	struct acl a = acl_of(1, 2, 3), before;
	struct seen s = { 0 };

	(void)state;
	for (size_t len = 0; len < a.len; len++) {
		struct acl cut = a;
		bool good = len >= 4 && (len - 4) % 8 == 0;

		s.n = 0;
		assert_int_equal(uns_acl_ids(a.data, len, note_id, &s), good ? 0 : -1);
		assert_true(good || s.n == 0);
		assert_int_equal(uns_acl_map(cut.data, len, &shift, true) >= 0, good);
	}
	assert_int_equal(uns_acl_map(NULL, 0, &shift, true), -1);
	before = a;
	before.data[0] = 3; /* version */
	check_acl_map(before, true, -1, before);
	before = a;
	before.data[a.len - 8] = 0x40; /* the last entry's tag: the first ones must not have moved */
	check_acl_map(before, true, -1, before);
	before.data[a.len - 8] = 0x20;
	before.data[a.len - 7] = 1;
	check_acl_map(before, true, -1, before);
}

/* ---- hex ---- */

static void hex_is_there_and_back(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x09, 0x0a, 0x7f, 0x80, 0xff };
	struct uns_err err = { 0 };
	uint8_t out[8];
	size_t len = 0;
	char *hex = uns_hex(bytes, sizeof(bytes), &err);

	(void)state;
	assert_string_equal(hex, "00090a7f80ff");
	assert_int_equal(uns_unhex(hex, out, 6, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(out, bytes, 6);
	assert_int_equal(uns_unhex(hex, out, 5, &len), -1);
	free(hex);
	hex = uns_hex(NULL, 0, &err);
	assert_string_equal(hex, "");
	assert_int_equal(uns_unhex(hex, out, 0, &len), 0);
	assert_int_equal(len, 0);
	free(hex);
}

static void unhex_takes_only_what_hex_gives(void **state)
{
	static const char *const bad[] = { "0", "000", "0g", "0A", " 0", "0x", "00 ", "/0", ":0", "`0" };
	uint8_t out[8] = { 42 };
	size_t len = 9;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(uns_unhex(bad[i], out, sizeof(out), &len), -1);
	assert_int_equal(len, 9);
	assert_int_equal(out[0], 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_stays_on_both_sides),
		cmocka_unit_test(v3_of_our_root_becomes_v2_at_home),
		cmocka_unit_test(v3_of_a_nested_root_keeps_its_version),
		cmocka_unit_test(v3_outside_the_range_stays),
		cmocka_unit_test(other_bytes_are_no_capability),
		cmocka_unit_test(acl_ids_move_once_and_back),
		cmocka_unit_test(acl_without_names_stays),
		cmocka_unit_test(acl_order_stays_ascending),
		cmocka_unit_test(acl_order_of_its_own_is_kept),
		cmocka_unit_test(acl_that_would_merge_two_ids_is_refused),
		cmocka_unit_test(acl_as_long_as_the_kernel_allows),
		cmocka_unit_test(acl_ids_are_visited),
		cmocka_unit_test(malformed_acls_are_refused_whole),
		cmocka_unit_test(hex_is_there_and_back),
		cmocka_unit_test(unhex_takes_only_what_hex_gives),
	};

	return cmocka_run_group_tests_name("xattr", tests, NULL, NULL);
}
