/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes that carry IDs: security.capability (linux/capability.h, vfs_cap_data) and POSIX ACLs
 * (linux/posix_acl_xattr.h). Pure. */
#ifndef UNS_XATTR_H
#define UNS_XATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/idmap.h"
#include "uns/str.h"

#define UNS_XATTR_CAP "security.capability"
#define UNS_XATTR_ACL_ACCESS "system.posix_acl_access"
#define UNS_XATTR_ACL_DEFAULT "system.posix_acl_default"
#define UNS_CAP_MAX 24 /* bytes of a v3 capability, the largest */

/* The capability as it must be on the wanted side: v2 stays v2 (it works inside a user namespace), v3 gets its rootid mapped, and
 * becomes v2 where that is 0, as the kernel itself shows it. out holds
 * UNS_CAP_MAX bytes. Returns the new length; -1 when the bytes are no v2 or v3 capability. */
int uns_cap_shifted(const void *cap, size_t len, const struct uns_map *uid, void *out);
int uns_cap_home(const void *cap, size_t len, const struct uns_map *uid, void *out);
/* 0 and *ret_rootid for v3, 1 for v2, -1 otherwise. */
int uns_cap_rootid(const void *cap, size_t len, uint32_t *ret_rootid);

/* Calls f for each ID that the ACL names (group: whether it is a GID). -1 when the bytes are no version-2 ACL. */
int uns_acl_ids(const void *acl, size_t len, void (*f)(void *user, bool group, uint32_t id), void *user);
/* Maps the IDs of the ACL in place to the wanted side. Entries of one tag that were in ascending order of IDs are so again
 * afterwards; any other order is kept (the kernel wants none), so that there and back yields the same bytes. Returns 1 when a byte
 * changed, 0 when not, -1 (nothing changed) when malformed or when two entries of a tag that named two IDs would name one. */
int uns_acl_map(void *acl, size_t len, const struct uns_maps *maps, bool to_shifted);

/* Lower-case hex, heap string; and back (0, or -1 when malformed or longer than max). */
char *uns_hex(const void *data, size_t len, struct uns_err *err);
int uns_unhex(const char *hex, void *out, size_t max, size_t *ret_len);

#endif
