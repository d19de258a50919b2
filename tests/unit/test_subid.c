/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/subid.h"

static const struct uns_range block = { 231072, 65536 };

static void parse_keeps_file_order_and_lines(void **state)
{
	static const char text[] = "# head\n\nbob:300000:65536\n \t\n#alice:1:1\n1001:100000:65536\nbob:300000:65536";
	struct uns_subid s = { 0 };
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_subid_parse(text, strlen(text), "/etc/subuid", &s, &err), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.v[0].owner, "bob");
	assert_int_equal(s.v[0].range.start, 300000);
	assert_int_equal(s.v[0].range.count, 65536);
	assert_int_equal(s.v[0].line, 3);
	assert_string_equal(s.v[1].owner, "1001");
	assert_int_equal(s.v[1].line, 6);
	assert_int_equal(s.v[2].line, 7);
	uns_subid_done(&s);
	assert_int_equal(s.n, 0);
}

static void parse_takes_an_empty_file(void **state)
{
	struct uns_subid s = { 0 };

	(void)state;
	assert_int_equal(uns_subid_parse(NULL, 0, "f", &s, NULL), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(uns_subid_parse("\n", 1, "f", &s, NULL), 0);
	assert_int_equal(s.n, 0);
	uns_subid_done(&s);
}

static void parse_accepts_the_last_id(void **state)
{
	static const char text[] = "a:4294967294:1\nb:0:4294967295\nc:4294901759:65536\n";
	struct uns_subid s = { 0 };
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_subid_parse(text, strlen(text), "f", &s, &err), 0);
	assert_int_equal(s.n, 3);
	uns_subid_done(&s);
}

struct bad {
	const char *text, *error;
};

/* Each of these means something else to newuidmap, dockerd, podman and LXC. */
static const struct bad bad_lines[] = {
	{ "bob", "1:4: found only one field in \"bob\"" },
	{ "bob:", "1:5: found only two fields" },
	{ "bob:100000", "1:11: found only two fields" },
	{ "bob:100000:65536:x", "1:17: found more than three fields" },
	{ ":100000:65536", "1:1: found no owner" },
	{ "bob:0x186a0:65536", "1:5: found a start that is no plain decimal number" },
	{ "bob:0100000:65536", "1:5: found a start" },
	{ "bob:+100000:65536", "1:5: found a start" },
	{ "bob:-1:10", "1:5: found a start" },
	{ "bob:abc:65536", "1:5: found a start" },
	{ "bob::65536", "1:5: found a start" },
	{ "bob:4294967296:1", "1:5: found a start" },
	{ "bob:18446744073709651616:65536", "1:5: found a start" },
	{ "bob:100000:", "1:12: found a count" },
	{ "bob:100000:065536", "1:12: found a count" },
	{ "bob:100000:0", "1:12: found a count of 0" },
	{ "bob:4294967294:2", "1:16: found a range that reaches past ID 4294967294" },
	{ "bob:4294967295:1", "1:16: found a range that reaches past" },
	{ "bob: 100000:65536", "1:5: found a blank" },
	{ "bob:100000:65536 ", "1:17: found a blank" },
	{ "bob:100000:65536\t# note", "1:17: found a blank" },
	{ " bob:100000:65536", "1:1: found a blank" },
	{ " # no comment to anyone", "1:1: found a blank" },
	{ "bob:100000:65536\r\n", "1:17: found a carriage return in \"bob:100000:65536?\"" },
	{ "\r\n", "1:1: found a carriage return" },
	{ "b\033[2J:1:1", "1:2: found a control character in \"b?[2J:1:1\"" },
	{ "ok:1:1\n\n#\n+::\n", "4:3: found a start" },
	{ "ok:1:1\n-x\n", "2:3: found only one field" },
};

static void parse_refuses_what_is_not_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(*bad_lines); i++) {
		struct uns_subid s = { .n = 77 };
		struct uns_err err = { 0 };
		char start[256];

		assert_int_equal(uns_subid_parse(bad_lines[i].text, strlen(bad_lines[i].text), "/etc/subgid", &s, &err), -1);
		assert_int_equal(err.code, UNS_E_INPUT);
		assert_true(strlen(bad_lines[i].error) + 13 < sizeof(start));
		strcpy(start, "/etc/subgid:");
		strcat(start, bad_lines[i].error);
		if (strncmp(err.text, start, strlen(start)) != 0)
			assert_string_equal(err.text, start);
		assert_non_null(strstr(err.text, "; expected owner:start:count in decimal"));
		assert_int_equal(s.n, 77); /* untouched */
	}
}

static void parse_refuses_a_nul_byte(void **state)
{
	static const char text[] = "bob\0:100000:65536\n";
	struct uns_subid s = { 0 };
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_subid_parse(text, sizeof(text) - 1, "f", &s, &err), -1);
	assert_non_null(strstr(err.text, "f:1:4: found a control character"));
}

static void check_add(const char *before, const char *after)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_subid_add(before, strlen(before), "remap", block, &b, &err), 0);
	assert_string_equal(b.data, after);
	assert_int_equal(b.len, strlen(after));
	uns_buf_done(&b);
}

static void add_finds_the_place(void **state)
{
	(void)state;
	check_add("", "remap:231072:65536\n");
	check_add("# none yet\n", "# none yet\nremap:231072:65536\n");
	check_add("a:100000:65536\n", "a:100000:65536\nremap:231072:65536\n");
	check_add("a:300000:65536\n", "remap:231072:65536\na:300000:65536\n");
	/* The comment stays with the line below it. */
	check_add("a:1:1\n# of b\nb:300000:65536\n", "a:1:1\nremap:231072:65536\n# of b\nb:300000:65536\n");
	check_add("# of a\na:300000:1\n", "# of a\nremap:231072:65536\na:300000:1\n");
	check_add("a:1:1\n\n# foot\n", "a:1:1\nremap:231072:65536\n\n# foot\n");
	/* Not ascending: whoever wrote that order meant it. */
	check_add("a:400000:1\nb:300000:1\nc:1:1\n# foot\n", "a:400000:1\nb:300000:1\nc:1:1\n# foot\nremap:231072:65536\n");
	check_add("a:231072:65536\nb:231073:1\n", "a:231072:65536\nremap:231072:65536\nb:231073:1\n");
}

static void add_mends_a_missing_newline(void **state)
{
	(void)state;
	check_add("a:1:1", "a:1:1\nremap:231072:65536\n");
	check_add("a:300000:1", "remap:231072:65536\na:300000:1\n");
	check_add("a:1:1\n# foot", "a:1:1\nremap:231072:65536\n# foot\n");
}

static void add_stays_before_nis_lines(void **state)
{
	(void)state;
	check_add("a:1:1\n+\n", "a:1:1\nremap:231072:65536\n+\n");
	check_add("a:1:1\n# c\n-x\nb:100000:1\n", "a:1:1\nremap:231072:65536\n# c\n-x\nb:100000:1\n");
	check_add("# c\n-x\nb:100000:1", "# c\nremap:231072:65536\n-x\nb:100000:1\n");
	check_add("b:9:1\na:1:1\n# c\n+b:5:1\n", "b:9:1\na:1:1\n# c\nremap:231072:65536\n+b:5:1\n");
	check_add("+", "remap:231072:65536\n+\n");
}

static void add_changes_nothing_when_the_line_is_there(void **state)
{
	(void)state;
	check_add("z:9:1\nremap:231072:65536\na:1:1", "z:9:1\nremap:231072:65536\na:1:1");
	check_add("remap:231072:65536", "remap:231072:65536");
	check_add("-x\nremap:231072:65536\n", "-x\nremap:231072:65536\n");
	/* Nearly the same is not the same. */
	check_add("remap:231072:655360\n", "remap:231072:655360\nremap:231072:65536\n");
	check_add("#remap:231072:65536\n", "#remap:231072:65536\nremap:231072:65536\n");
}

static void add_leaves_lines_that_it_cannot_read(void **state)
{
	(void)state;
	check_add("junk\r\na:0x1:1\n\xff\n", "junk\r\na:0x1:1\n\xff\nremap:231072:65536\n");
}

static void add_appends_to_the_buffer(void **state)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_buf_puts(&b, "x", &err), 0);
	assert_int_equal(uns_subid_add(NULL, 0, "remap", block, &b, &err), 0);
	assert_string_equal(b.data, "xremap:231072:65536\n");
	uns_buf_done(&b);
}

static void add_refuses_owners_that_would_not_read_back(void **state)
{
	static const char *const owners[] = { "", "a:b", "a b", "a\n", "a\r", "#a", "+a", "-a", "a\033[1m" };

	(void)state;
	for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++) {
		struct uns_buf b = UNS_BUF_INIT;
		struct uns_err err = { 0 };

		assert_int_equal(uns_subid_add("", 0, owners[i], block, &b, &err), -1);
		assert_int_equal(err.code, UNS_E_INPUT);
		assert_non_null(strstr(err.text, "expected a user name"));
		assert_null(strchr(err.text, '\033'));
		assert_int_equal(b.len, 0);
		uns_buf_done(&b);
	}
}

static void add_refuses_ranges_that_cannot_be_mapped(void **state)
{
	static const struct uns_range ranges[] = { { 100000, 0 }, { UINT32_MAX, 1 }, { UNS_ID_LAST, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct uns_buf b = UNS_BUF_INIT;
		struct uns_err err = { 0 };

		assert_int_equal(uns_subid_add("", 0, "a", ranges[i], &b, &err), -1);
		assert_int_equal(err.code, UNS_E_INPUT);
		uns_buf_done(&b);
	}
}

static void check_remove(const char *before, const char *after)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_subid_remove(before, strlen(before), "remap", block, &b, &err), 0);
	assert_int_equal(b.len, strlen(after));
	assert_memory_equal(b.data ? b.data : "", after, b.len);
	uns_buf_done(&b);
}

static void remove_takes_only_the_exact_lines(void **state)
{
	(void)state;
	check_remove("", "");
	check_remove("remap:231072:65536\n", "");
	check_remove("remap:231072:65536", "");
	check_remove("a:1:1\nremap:231072:65536\n# c\n\nremap:231072:65536\nb:2:1", "a:1:1\n# c\n\nb:2:1");
	check_remove("remap:231072:65537\nremap:231073:65536\nxremap:231072:65536\nremap:231072:65536\r\n#remap:231072:65536\n",
	             "remap:231072:65537\nremap:231073:65536\nxremap:231072:65536\nremap:231072:65536\r\n#remap:231072:65536\n");
	check_remove("-x\nremap:231072:65536\n", "-x\n");
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void add_then_remove_is_the_text_as_it_was(void **state)
{
	static const char *const lines[] = { "a:1:1\n", "b:231072:65536\n", "c:400000:7\n", "# x\n", "\n",
		                             "junk\n", "+\n", "-q:5:5\n", " \n" };
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct uns_buf text = UNS_BUF_INIT, with = UNS_BUF_INIT, back = UNS_BUF_INIT;
		struct uns_err err = { 0 };

		assert_int_equal(uns_buf_puts(&text, "", &err), 0);
		for (uint64_t n = next_random(&random) % 9; n > 0; n--)
			assert_int_equal(uns_buf_puts(&text, lines[next_random(&random) % (sizeof(lines) / sizeof(*lines))], &err), 0);
		assert_int_equal(uns_subid_add(text.data, text.len, "remap", block, &with, &err), 0);
		assert_int_equal(with.len, text.len + strlen("remap:231072:65536\n"));
		assert_int_equal(uns_subid_remove(with.data, with.len, "remap", block, &back, &err), 0);
		assert_int_equal(back.len, text.len);
		assert_memory_equal(back.data ? back.data : "", text.data ? text.data : "", text.len);
		uns_buf_done(&text);
		uns_buf_done(&with);
		uns_buf_done(&back);
	}
}

static void count_tells_same_from_other(void **state)
{
	static const char text[] = "remap:231072:65536\nremap:231072:65537\nremap:1:65536\nalice:231072:65536\nremap:231072:65536\n";
	struct uns_subid s = { 0 };
	struct uns_err err = { 0 };
	size_t same = 9, other = 9;

	(void)state;
	assert_int_equal(uns_subid_parse(text, strlen(text), "f", &s, &err), 0);
	uns_subid_count(&s, "remap", block, &same, &other);
	assert_int_equal(same, 2);
	assert_int_equal(other, 2);
	uns_subid_count(&s, "nobody", block, &same, &other);
	assert_int_equal(same, 0);
	assert_int_equal(other, 0);
	uns_subid_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_keeps_file_order_and_lines),
		cmocka_unit_test(parse_takes_an_empty_file),
		cmocka_unit_test(parse_accepts_the_last_id),
		cmocka_unit_test(parse_refuses_what_is_not_canonical),
		cmocka_unit_test(parse_refuses_a_nul_byte),
		cmocka_unit_test(add_finds_the_place),
		cmocka_unit_test(add_mends_a_missing_newline),
		cmocka_unit_test(add_stays_before_nis_lines),
		cmocka_unit_test(add_changes_nothing_when_the_line_is_there),
		cmocka_unit_test(add_leaves_lines_that_it_cannot_read),
		cmocka_unit_test(add_appends_to_the_buffer),
		cmocka_unit_test(add_refuses_owners_that_would_not_read_back),
		cmocka_unit_test(add_refuses_ranges_that_cannot_be_mapped),
		cmocka_unit_test(remove_takes_only_the_exact_lines),
		cmocka_unit_test(add_then_remove_is_the_text_as_it_was),
		cmocka_unit_test(count_tells_same_from_other),
	};

	return cmocka_run_group_tests_name("subid", tests, NULL, NULL);
}
