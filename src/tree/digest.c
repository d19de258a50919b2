/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of hashes: the order of the walk does not matter, and an entry that is lost, doubled or changed shows. */
#include <string.h>
#include <sys/stat.h>

#include "hash.h"
#include "uns/tree.h"

const char *const uns_aspect_names[UNS_ASPECTS] = {"names", "owners",  "modes",        "links",           "sizes",
                                                   "times", "devices", "capabilities", "other attributes"};

#define CAP_SETS 4
#define CAP_SETS_LEN 16
#define ACL_HEADER 4
#define ACL_ENTRY 8

static uint64_t hash2(uint64_t inode, uint64_t a, uint64_t b)
{
	return hash_mix(hash_mix(inode, a), b);
}

/* The match itself has no name that counts, so that it may be moved. */
static uint64_t hash_name(uint64_t inode, const struct uns_entry *e)
{
	return e->parent ? hash_bytes(hash_mix(inode, e->parent), e->name, strlen(e->name)) : inode;
}

/* Version 2 speaks of root without saying so: with a map that gives files to root, it is what version 3 becomes. The first four
 * bytes are the version and the flag "effective", which is their lowest bit; the rootid is the last four of version 3. */
static uint64_t hash_cap(uint64_t inode, const struct uns_entry *e, const struct uns_maps *maps)
{
	uint32_t rootid = 0;

	if (uns_cap_rootid(e->cap, e->cap_len, &rootid) < 0)
		return hash_bytes(inode, e->cap, e->cap_len);
	return hash_bytes(hash2(inode, uns_map_settled(&maps->uid, rootid), e->cap[0] & 1u), e->cap + CAP_SETS, CAP_SETS_LEN);
}

struct acl_sum {
	const struct uns_maps *maps;
	uint64_t seed, sum;
};

static void add_acl_id(void *user, bool group, uint32_t id)
{
	struct acl_sum *s = user;

	s->sum += hash2(s->seed, group, uns_map_settled(group ? &s->maps->gid : &s->maps->uid, id));
}

/* The order of entries does not count, as mapping may change it: permissions without their IDs by entry, IDs through the map. What
 * belongs to what is kept by hashing each named entry as one small ACL. */
static uint64_t hash_acl(uint64_t seed, const uint8_t *acl, size_t len, const struct uns_maps *maps)
{
	struct acl_sum s = {.maps = maps, .seed = seed};

	if (!acl)
		return 0;
	if (len < ACL_HEADER || (len - ACL_HEADER) % ACL_ENTRY)
		return hash_bytes(seed, acl, len);
	for (size_t at = ACL_HEADER; at < len; at += ACL_ENTRY) {
		uint8_t one[ACL_HEADER + ACL_ENTRY];
		uint64_t before = s.sum;

		memcpy(one, acl, ACL_HEADER);
		memcpy(one + ACL_HEADER, acl + at, ACL_ENTRY);
		/* tag and permissions are the first four bytes of an entry, its ID the others */
		s.seed = hash_bytes(seed, one + ACL_HEADER, ACL_ENTRY / 2);
		if (uns_acl_ids(one, sizeof(one), add_acl_id, &s) || s.sum == before)
			s.sum += hash_mix(s.seed, 1);
	}
	return s.sum;
}

static uint64_t hash_flags(const struct uns_entry *e)
{
	return (uint64_t)e->immutable << 1 | e->append;
}

void uns_digest_add(struct uns_digest *d, const struct uns_entry *e, const struct uns_maps *maps)
{
	uint64_t i = hash_mix(0, e->ino);

	d->inodes++;
	d->sum[UNS_ASPECT_NAMES] += hash_name(i, e);
	d->sum[UNS_ASPECT_OWNERS] += hash2(i, uns_map_settled(&maps->uid, e->uid), uns_map_settled(&maps->gid, e->gid));
	d->sum[UNS_ASPECT_MODES] += hash2(i, e->mode, hash_flags(e));
	/* An overlay counts those of a directory anew when it is copied up. */
	d->sum[UNS_ASPECT_LINKS] += hash_mix(i, S_ISDIR(e->mode) ? 0 : e->nlink);
	d->sum[UNS_ASPECT_SIZES] += hash_mix(i, S_ISDIR(e->mode) ? 0 : e->size);
	d->sum[UNS_ASPECT_TIMES] += hash2(i, (uint64_t)e->mtime_sec, e->mtime_nsec);
	d->sum[UNS_ASPECT_DEVICES] += hash2(i, e->rdev_major, e->rdev_minor);
	d->sum[UNS_ASPECT_CAPS] += hash_cap(i, e, maps);
	d->sum[UNS_ASPECT_XATTRS] += hash_mix(i, e->xattr_hash) + hash_acl(hash_mix(i, 2), e->acl_access, e->acl_access_len, maps) +
	                             hash_acl(hash_mix(i, 3), e->acl_default, e->acl_default_len, maps);
}

void uns_digest_sum(struct uns_digest *d, const struct uns_digest *more)
{
	d->inodes += more->inodes;
	for (int i = 0; i < UNS_ASPECTS; i++)
		d->sum[i] += more->sum[i];
}
