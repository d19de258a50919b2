/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "uns/account.h"

static void passwd_gives_names_and_ids(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n"
	                           "remap:!:999:998::/nonexistent:/usr/sbin/nologin\nn:x:4294967294:5::/:";
	struct uns_accounts a = { 0 };
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_passwd_parse(text, strlen(text), &a, &err), 0);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[0].name, "root");
	assert_int_equal(a.v[0].id, 0);
	assert_int_equal(a.v[1].id, 999);
	assert_int_equal(a.v[1].gid, 998);
	assert_int_equal(a.v[2].id, 4294967294u);
	assert_ptr_equal(uns_accounts_name(&a, "remap"), &a.v[1]);
	assert_ptr_equal(uns_accounts_id(&a, 999), &a.v[1]);
	assert_null(uns_accounts_name(&a, "rema"));
	assert_null(uns_accounts_name(&a, ""));
	assert_null(uns_accounts_id(&a, 998));
	uns_accounts_done(&a);
	assert_int_equal(a.n, 0);
}

static void group_gives_names_and_ids(void **state)
{
	static const char text[] = "root:x:0:\ndocker:x:117:alice,bob\nshort:x:7\n";
	struct uns_accounts a = { 0 };
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_group_parse(text, strlen(text), &a, &err), 0);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[1].name, "docker");
	assert_int_equal(a.v[1].id, 117);
	assert_int_equal(a.v[1].gid, 117);
	assert_string_equal(a.v[0].members, "");
	assert_string_equal(a.v[1].members, "alice,bob");
	assert_int_equal(a.v[2].id, 7);
	assert_null(a.v[2].members);
	uns_accounts_done(&a);
}

static void first_match_counts(void **state)
{
	static const char text[] = "a:x:5:1\nb:x:5:2\na:x:6:3\n";
	struct uns_accounts a = { 0 };

	(void)state;
	assert_int_equal(uns_passwd_parse(text, strlen(text), &a, NULL), 0);
	assert_int_equal(uns_accounts_name(&a, "a")->id, 5);
	assert_string_equal(uns_accounts_id(&a, 5)->name, "a");
	uns_accounts_done(&a);
}

/* What getpwent(3) of glibc reads must be seen here, or a range could be given out over a living account. */
static void numbers_are_read_as_getpwent_reads_them(void **state)
{
	static const char text[] = "a:x:0100:7:\n  b:x: 8:+9::\nc:x:10:11\nd:x:00:000:\n";
	struct uns_accounts a = { 0 };

	(void)state;
	assert_int_equal(uns_passwd_parse(text, strlen(text), &a, NULL), 0);
	assert_int_equal(a.n, 4);
	assert_int_equal(a.v[0].id, 100);
	assert_string_equal(a.v[1].name, "b");
	assert_int_equal(a.v[1].id, 8);
	assert_int_equal(a.v[1].gid, 9);
	assert_int_equal(a.v[2].gid, 11);
	assert_int_equal(a.v[3].id, 0);
	uns_accounts_done(&a);
}

static void other_lines_are_skipped(void **state)
{
	static const char text[] = "\n# c:x:1:1::/:\n+::::::\n-bob:x:1:1::/:\n:x:1:1::/:\nno colons\nshort:x:1\n"
	                           "hex:x:0x10:1::/:\nneg:x:-1:1::/:\nbig:x:4294967296:1::/:\nempty:x::1::/:\nbadgid:x:1:y::/:\n"
	                           "nul\0:x:1:1::/:\njunk:x:1 :1::/:\nok:x:42:43::/:\r\n";
	struct uns_accounts a = { 0 };

	(void)state;
	assert_int_equal(uns_passwd_parse(text, sizeof(text) - 1, &a, NULL), 0);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.v[0].name, "ok");
	uns_accounts_done(&a);
	assert_int_equal(uns_group_parse(NULL, 0, &a, NULL), 0);
	assert_int_equal(a.n, 0);
	uns_accounts_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwd_gives_names_and_ids),
		cmocka_unit_test(group_gives_names_and_ids),
		cmocka_unit_test(first_match_counts),
		cmocka_unit_test(numbers_are_read_as_getpwent_reads_them),
		cmocka_unit_test(other_lines_are_skipped),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
