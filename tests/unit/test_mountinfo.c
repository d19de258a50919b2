/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/mountinfo.h"

static const char text[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
                           "30 22 0:26 / /var/lib/docker rw,noatime shared:5 master:2 - xfs /dev/sdb rw\n"
                           "31 30 0:27 / /var/lib/docker/a\\040b\\011c\\012d\\134e ro - fuse.x\\040y none rw\n"
                           "32 30 0:28 / /var/lib/docker/a rw - tmpfs tmpfs rw\n"
                           "33 32 259:12345 /sub /var/lib/docker/a ro,nosuid - btrfs /dev/nvme0n1 rw\n";

static void fields_are_decoded(void **state)
{
	struct uns_mounts m = { 0 };
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_mountinfo_parse(text, strlen(text), &m, &err), 0);
	assert_int_equal(m.n, 5);
	assert_string_equal(m.v[0].point, "/");
	assert_string_equal(m.v[0].fstype, "ext4");
	assert_string_equal(m.v[0].options, "rw,relatime");
	assert_int_equal(m.v[0].major, 8);
	assert_int_equal(m.v[0].minor, 1);
	assert_string_equal(m.v[1].fstype, "xfs");
	assert_string_equal(m.v[2].point, "/var/lib/docker/a b\tc\nd\\e");
	assert_string_equal(m.v[2].fstype, "fuse.x y");
	assert_int_equal(m.v[4].major, 259);
	assert_int_equal(m.v[4].minor, 12345);
	uns_mounts_done(&m);
	assert_int_equal(m.n, 0);
}

static void longest_mount_point_holds_the_path(void **state)
{
	struct uns_mounts m = { 0 };

	(void)state;
	assert_int_equal(uns_mountinfo_parse(text, strlen(text), &m, NULL), 0);
	assert_ptr_equal(uns_mounts_of(&m, "/"), &m.v[0]);
	assert_ptr_equal(uns_mounts_of(&m, "/var/lib/dockerx"), &m.v[0]);
	assert_ptr_equal(uns_mounts_of(&m, "/var/lib/docker"), &m.v[1]);
	assert_ptr_equal(uns_mounts_of(&m, "/var/lib/docker/volumes/x"), &m.v[1]);
	/* Two on one point: the later lies on top. */
	assert_ptr_equal(uns_mounts_of(&m, "/var/lib/docker/a/deep"), &m.v[4]);
	assert_ptr_equal(uns_mounts_of(&m, "/var/lib/docker/ab"), &m.v[1]);
	assert_null(uns_mounts_of(&m, "relative"));
	assert_null(uns_mounts_of(&m, ""));
	uns_mounts_done(&m);
	assert_null(uns_mounts_of(&m, "/"));
}

static void backslashes_that_are_no_escape_stay(void **state)
{
	static const char line[] = "1 0 0:1 / /a\\04\\x\\777\\000\\ rw - t s rw\n";
	struct uns_mounts m = { 0 };

	(void)state;
	assert_int_equal(uns_mountinfo_parse(line, strlen(line), &m, NULL), 0);
	assert_string_equal(m.v[0].point, "/a\\04\\x\\777\\000\\");
	uns_mounts_done(&m);
}

static void malformed_lines_are_named(void **state)
{
	static const struct {
		const char *line, *found;
	} bad[] = {
		{ "", "found too few fields" },
		{ "1 0 0:1 / /a", "found too few fields" },
		{ "1 0 0:1 /  /a rw - t s rw", "found too few fields" },
		{ "1 0 01 / /a rw - t s rw", "found no device numbers" },
		{ "1 0 0: / /a rw - t s rw", "found no device numbers" },
		{ "1 0 0:-1 / /a rw - t s rw", "found no device numbers" },
		{ "1 0 0:1 / a rw - t s rw", "found a mount point that is no absolute path" },
		{ "1 0 0:1 / /a rw", "found no filesystem type" },
		{ "1 0 0:1 / /a rw shared:1 -", "found no filesystem type" },
		{ "1 0 0:1 / /a rw --", "found no filesystem type" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct uns_mounts m = { .n = 5 };
		struct uns_err err = { 0 };
		char all[256] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

		strcat(strcat(all, bad[i].line), "\n");
		assert_int_equal(uns_mountinfo_parse(all, strlen(all), &m, &err), -1);
		assert_int_equal(err.code, UNS_E_INPUT);
		assert_non_null(strstr(err.text, "mountinfo:2: "));
		assert_non_null(strstr(err.text, bad[i].found));
		assert_int_equal(m.n, 5);
	}
}

static void the_running_kernel_is_understood(void **state)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct uns_mounts m = { 0 };
	struct uns_err err = { 0 };
	char *line = NULL;
	size_t size = 0, lines = 0;

	(void)state;
	if (!f)
		skip();
	for (ssize_t n; (n = getline(&line, &size, f)) > 0; lines++) {
		assert_int_equal(uns_mountinfo_parse(line, (size_t)n, &m, &err), 0);
		assert_int_equal(m.n, 1);
		uns_mounts_done(&m);
	}
	assert_true(lines > 0);
	free(line);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_decoded),
		cmocka_unit_test(longest_mount_point_holds_the_path),
		cmocka_unit_test(backslashes_that_are_no_escape_stay),
		cmocka_unit_test(malformed_lines_are_named),
		cmocka_unit_test(the_running_kernel_is_understood),
	};

	return cmocka_run_group_tests_name("mountinfo", tests, NULL, NULL);
}
