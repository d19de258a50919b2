/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's data root as data: which paths hold files of containers (to shift), which are structure (owner 0:G, mode 0710), which
 * JSON files hold paths. moby daemon/graphdriver, volume/local, daemon/container (section 2.1 of the table: overlay2, vfs, btrfs,
 * fuse-overlayfs). One place for host (census), plan and tests. Pure. */
#ifndef UNS_LAYOUT_H
#define UNS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* Driver directories in the data root; supported: its layers are plain trees that can be shifted in place. */
struct uns_layout_driver {
	const char *name;
	bool supported;
	const char *shift[4];     /* patterns, NULL-terminated */
	const char *structure[4];
};
extern const struct uns_layout_driver uns_layout_drivers[];
extern const size_t uns_layout_drivers_n;
const struct uns_layout_driver *uns_layout_driver_find(const char *name); /* NULL: unknown */

/* Appends the patterns of trees to shift: volumes; and with all: the drivers' layers and the containers' own files. Unsupported
 * drivers have none; an unknown one is UNS_E_FAILED. */
int uns_layout_shift(const struct uns_strs *drivers, bool all, struct uns_strs *ret, struct uns_err *err);
/* Appends the patterns of structural directories ("." is the data root itself; a match that is no directory is none). "*!l" is any
 * name but "l". */
int uns_layout_structure(const struct uns_strs *drivers, bool all, struct uns_strs *ret, struct uns_err *err);

extern const char *const uns_layout_json_files[]; /* patterns, NULL-terminated */
extern const char *const uns_layout_json_fields[];

/* "N.M" with two strict 32-bit numbers. */
bool uns_layout_is_remap_dir(const char *name);
/* A top-level name that dockerd manages: no remap directory, not lost+found, not hidden. */
bool uns_layout_is_managed(const char *name);

#endif
