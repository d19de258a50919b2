/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "uns/cleanup.h"
#include "uns/linediff.h"

static void assert_diff(const char *old, const char *now, const char *wanted)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(uns_linediff(old, strlen(old), now, strlen(now), &b, NULL), 0);
	assert_string_equal(b.data ? b.data : "", wanted);
}

static void nothing_changes(void **state)
{
	(void)state;
	assert_diff("", "", "");
	assert_diff("a\nb\n", "a\nb\n", "");
}

static void a_file_comes_and_goes(void **state)
{
	(void)state;
	assert_diff("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n");
	assert_diff("a\n", "", "@@ -1 +0,0 @@\n-a\n");
}

static void three_lines_around(void **state)
{
	(void)state;
	assert_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
		    "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
	assert_diff("1\n2\n", "1\n2\n3\n", "@@ -1,2 +1,3 @@\n 1\n 2\n+3\n");
	assert_diff("1\n2\n", "0\n1\n2\n", "@@ -1,2 +1,3 @@\n+0\n 1\n 2\n");
}

/* Six lines between two changes make one hunk, seven make two. */
static void hunks_meet_or_not(void **state)
{
	(void)state;
	assert_diff("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
		    "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
	assert_diff("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
		    "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

static void no_newline_at_the_end(void **state)
{
	(void)state;
	assert_diff("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
	assert_diff("a\nb", "A\nb", "@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n");
}

static void the_shortest(void **state)
{
	(void)state;
	assert_diff("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n",
		    "@@ -1,7 +1,6 @@\n-a\n-b\n c\n-a\n b\n+a\n b\n a\n+c\n");
}

/* Too much to look for the shortest: still right, and at once. */
static void very_long(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf old = UNS_BUF_INIT, now = UNS_BUF_INIT, b = UNS_BUF_INIT;
	size_t minus = 0, plus = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		assert_int_equal(uns_buf_printf(&old, NULL, "o%u\n", i), 0);
		assert_int_equal(uns_buf_printf(&now, NULL, "n%u\n", i), 0);
	}
	assert_int_equal(uns_linediff(old.data, old.len, now.data, now.len, &b, NULL), 0);
	for (const char *s = b.data; s && *s; s = strchr(s, '\n') + 1) {
		minus += *s == '-';
		plus += *s == '+';
	}
	assert_int_equal(minus, 20000);
	assert_int_equal(plus, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes),       cmocka_unit_test(a_file_comes_and_goes), cmocka_unit_test(three_lines_around),
		cmocka_unit_test(hunks_meet_or_not),     cmocka_unit_test(no_newline_at_the_end), cmocka_unit_test(the_shortest),
		cmocka_unit_test(very_long),
	};

	return cmocka_run_group_tests_name("linediff", tests, NULL, NULL);
}
