/* SPDX-License-Identifier: Apache-2.0 */
/* Incus and LXD: root's lines (incus doc/userns-idmap.md; shared/idmap/set_load.go). Without both files, both programs and a line
 * they take 1000000 to 1000999999, which no file says. Instances that are there are shifted by Incus itself when they start. */
#include "preset.h"

static int look(struct uns_presetting *s, struct uns_err *err)
{
	static const char why[] = "without it Incus leaves both files unread and takes IDs from 1000000 on";

	if (uns_preset_need_program(s, UNS_NEWUIDMAP, "install uidmap (shadow-utils)", why, err) < 0)
		return -1;
	return uns_preset_need_program(s, UNS_NEWGIDMAP, "install uidmap (shadow-utils)", why, err);
}

const struct uns_preset uns_preset_incus = {
    .name = "incus",
    .alias = "lxd",
    .title = "Incus",
    .owner = "root",
    .count = 256 * UNS_ID_BLOCK, /* a block for the default profile, and for 255 instances with security.idmap.isolated */
    .least = UNS_ID_BLOCK,
    .several = true, /* raw.idmap wants lines such as root:1000:1 */
    .no_purge = "the owner of the range is root",
    .present = UNS_HAS_INCUS,
    .restart = "systemctl restart incus (or snap.lxd.daemon)",
    .look = look,
};
