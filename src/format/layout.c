/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's data root as data. See uns/layout.h. */
#include "uns/layout.h"

#include <string.h>

#include "uns/num.h"

/* "l" beside the layers of overlay2 is a directory of short symlinks, 0:0 0700, which dockerd never gives to the remap group: the
 * pattern "*!l" leaves it alone. backingFsBlockDev there is a device node; who sets owner and mode takes directories only. */
const struct uns_layout_driver uns_layout_drivers[] = {
	{ "overlay2", true, { "overlay2/*/diff", "overlay2/*/work" }, { "overlay2", "overlay2/*!l" } },
	{ "fuse-overlayfs",
	  true,
	  { "fuse-overlayfs/*/diff", "fuse-overlayfs/*/work" },
	  { "fuse-overlayfs", "fuse-overlayfs/*!l" } },
	{ "vfs", true, { "vfs/dir/*" }, { "vfs", "vfs/dir" } },
	{ "btrfs", true, { "btrfs/subvolumes/*" }, { "btrfs", "btrfs/subvolumes" } },
	{ "zfs", false, { NULL }, { NULL } },
	{ "aufs", false, { NULL }, { NULL } },
	{ "devicemapper", false, { NULL }, { NULL } },
	{ "overlay", false, { NULL }, { NULL } },
};
const size_t uns_layout_drivers_n = sizeof uns_layout_drivers / sizeof uns_layout_drivers[0];

/* Files that dockerd makes for a container and mounts into it, so that they belong to the container's root. */
static const char *const container_files[] = { "containers/*/hosts", "containers/*/hostname", "containers/*/resolv.conf", NULL };
static const char *const container_dirs[] = { "containers", "containers/*", "containers/*/mounts", NULL };

const char *const uns_layout_json_files[] = { "containers/*/config.v2.json", "containers/*/hostconfig.json", NULL };
const char *const uns_layout_json_fields[] = {
	"LogPath",         "HostnamePath", "HostsPath", "ResolvConfPath", "ShmPath", "MountPoints.*.Source",
	"MountPoints.*.Spec.Source", "Mounts.*.Source", "Binds.*", NULL,
};

const struct uns_layout_driver *uns_layout_driver_find(const char *name)
{
	for (size_t i = 0; i < uns_layout_drivers_n; i++)
		if (strcmp(uns_layout_drivers[i].name, name) == 0)
			return &uns_layout_drivers[i];
	return NULL;
}

static int add_all(const char *const patterns[], struct uns_strs *ret, struct uns_err *err)
{
	for (; *patterns; patterns++)
		if (uns_strs_add(ret, *patterns, err))
			return -1;
	return 0;
}

/* Unsupported drivers have no patterns: that they are there is a finding of the planner. A name that the table lacks is a mistake
 * of the caller, which must not end in layers that are silently left out. */
static int add_drivers(const struct uns_strs *drivers, bool structure, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < drivers->n; i++) {
		const struct uns_layout_driver *d = uns_layout_driver_find(drivers->v[i]);
		if (!d)
			return uns_err_set(err, UNS_E_FAILED, "unknown storage driver \"%s\"", drivers->v[i]);
		if (add_all(structure ? d->structure : d->shift, ret, err))
			return -1;
	}
	return 0;
}

int uns_layout_shift(const struct uns_strs *drivers, bool all, struct uns_strs *ret, struct uns_err *err)
{
	if (all && add_drivers(drivers, false, ret, err))
		return -1;
	if (uns_strs_add(ret, "volumes/*/_data", err))
		return -1;
	return all ? add_all(container_files, ret, err) : 0;
}

int uns_layout_structure(const struct uns_strs *drivers, bool all, struct uns_strs *ret, struct uns_err *err)
{
	if (uns_strs_add(ret, ".", err))
		return -1;
	if (!all)
		return 0;
	if (add_all(container_dirs, ret, err))
		return -1;
	return add_drivers(drivers, true, ret, err);
}

bool uns_layout_is_remap_dir(const char *name)
{
	const char *dot = strchr(name, '.');
	uint32_t id;
	return dot && uns_num_u32(name, (size_t)(dot - name), &id) == 0 && uns_num_u32(dot + 1, strlen(dot + 1), &id) == 0;
}

bool uns_layout_is_managed(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strcmp(name, "lost+found") != 0 && !uns_layout_is_remap_dir(name);
}
