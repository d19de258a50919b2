/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "uns/layout.h"

static void fill(struct uns_strs *l, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(uns_strs_add(l, names[i], NULL), 0);
}

static void assert_list(const struct uns_strs *l, const char *const want[])
{
	size_t n = 0;

	for (; want[n]; n++) {
		assert_true(n < l->n);
		assert_string_equal(l->v[n], want[n]);
	}
	assert_int_equal(l->n, n);
}

static void shift_of_volumes_alone(void **state)
{
	struct uns_strs drivers = UNS_STRS_INIT, got = UNS_STRS_INIT;

	(void)state;
	fill(&drivers, (const char *const[]){ "overlay2" }, 1);
	assert_int_equal(uns_layout_shift(&drivers, false, &got, NULL), 0);
	assert_list(&got, (const char *const[]){ "volumes/*/_data", NULL });
	uns_strs_done(&got);
	assert_int_equal(uns_layout_structure(&drivers, false, &got, NULL), 0);
	assert_list(&got, (const char *const[]){ ".", NULL });
	uns_strs_done(&got);
	uns_strs_done(&drivers);
}

static void shift_of_all(void **state)
{
	struct uns_strs drivers = UNS_STRS_INIT, got = UNS_STRS_INIT;

	(void)state;
	fill(&drivers, (const char *const[]){ "overlay2", "vfs" }, 2);
	fill(&got, (const char *const[]){ "kept" }, 1);
	assert_int_equal(uns_layout_shift(&drivers, true, &got, NULL), 0);
	assert_list(&got, (const char *const[]){ "kept", "overlay2/*/diff", "overlay2/*/work", "vfs/dir/*", "volumes/*/_data",
	                                         "containers/*/hosts", "containers/*/hostname", "containers/*/resolv.conf", NULL });
	uns_strs_done(&got);
	uns_strs_done(&drivers);
}

static void structure_of_all_leaves_links_alone(void **state)
{
	struct uns_strs drivers = UNS_STRS_INIT, got = UNS_STRS_INIT;

	(void)state;
	fill(&drivers, (const char *const[]){ "overlay2", "btrfs", "fuse-overlayfs" }, 3);
	assert_int_equal(uns_layout_structure(&drivers, true, &got, NULL), 0);
	assert_list(&got,
	            (const char *const[]){ ".", "containers", "containers/*", "containers/*/mounts", "overlay2", "overlay2/*!l",
	                                   "btrfs", "btrfs/subvolumes", "fuse-overlayfs", "fuse-overlayfs/*!l", NULL });
	uns_strs_done(&got);
	uns_strs_done(&drivers);
}

static void unsupported_drivers_have_no_patterns(void **state)
{
	static const char *const names[] = { "zfs", "aufs", "devicemapper", "overlay" };
	struct uns_strs drivers = UNS_STRS_INIT, got = UNS_STRS_INIT;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_non_null(uns_layout_driver_find(names[i]));
		assert_false(uns_layout_driver_find(names[i])->supported);
	}
	fill(&drivers, names, 4);
	assert_int_equal(uns_layout_structure(&drivers, true, &got, NULL), 0);
	assert_int_equal(got.n, 4);
	uns_strs_done(&got);
	assert_int_equal(uns_layout_shift(&drivers, true, &got, NULL), 0);
	assert_int_equal(got.n, 4);
	uns_strs_done(&got);
	uns_strs_done(&drivers);
}

static void unknown_driver_is_an_error(void **state)
{
	struct uns_strs drivers = UNS_STRS_INIT, got = UNS_STRS_INIT;
	struct uns_err err = { 0 };

	(void)state;
	assert_null(uns_layout_driver_find("overlay3"));
	assert_null(uns_layout_driver_find(""));
	fill(&drivers, (const char *const[]){ "overlay3" }, 1);
	assert_int_equal(uns_layout_shift(&drivers, true, &got, &err), -1);
	assert_string_equal(err.text, "unknown storage driver \"overlay3\"");
	assert_int_equal(err.code, UNS_E_FAILED);
	uns_strs_done(&got);
	uns_strs_done(&drivers);
}

static void supported_drivers_have_both(void **state)
{
	(void)state;
	for (size_t i = 0; i < uns_layout_drivers_n; i++) {
		const struct uns_layout_driver *d = &uns_layout_drivers[i];

		assert_int_equal(d->supported, d->shift[0] != NULL);
		assert_int_equal(d->supported, d->structure[0] != NULL);
		for (size_t k = 0; d->shift[k]; k++)
			assert_int_equal(strncmp(d->shift[k], d->name, strlen(d->name)), 0);
		assert_ptr_equal(uns_layout_driver_find(d->name), d);
	}
}

static void json_tables(void **state)
{
	size_t n = 0;

	(void)state;
	assert_string_equal(uns_layout_json_files[0], "containers/*/config.v2.json");
	assert_string_equal(uns_layout_json_files[1], "containers/*/hostconfig.json");
	assert_null(uns_layout_json_files[2]);
	while (uns_layout_json_fields[n])
		n++;
	assert_int_equal(n, 9);
}

static void remap_dirs(void **state)
{
	static const char *const yes[] = { "100000.100000", "0.0", "4294967295.1", "524288.65536" };
	static const char *const no[] = { "",
		                          ".",
		                          "1",
		                          "1.",
		                          ".1",
		                          "1.2.3",
		                          "01.1",
		                          "1.01",
		                          "-1.-1",
		                          "1.2 ",
		                          " 1.2",
		                          "4294967296.1",
		                          "1.4294967296",
		                          "a.b",
		                          "1,2",
		                          "0x1.1",
		                          "100000.100000/" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(uns_layout_is_remap_dir(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(uns_layout_is_remap_dir(no[i]));
}

static void managed_names(void **state)
{
	static const char *const yes[] = { "overlay2", "engine-id", "volumes", "1.2.3", "lost", "1." };
	static const char *const no[] = { "", ".", "..", ".hidden", "lost+found", "1.2" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(uns_layout_is_managed(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(uns_layout_is_managed(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shift_of_volumes_alone),
		cmocka_unit_test(shift_of_all),
		cmocka_unit_test(structure_of_all_leaves_links_alone),
		cmocka_unit_test(unsupported_drivers_have_no_patterns),
		cmocka_unit_test(unknown_driver_is_an_error),
		cmocka_unit_test(supported_drivers_have_both),
		cmocka_unit_test(json_tables),
		cmocka_unit_test(remap_dirs),
		cmocka_unit_test(managed_names),
	};
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
