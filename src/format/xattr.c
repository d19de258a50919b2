/* SPDX-License-Identifier: Apache-2.0 */
/* Both attributes are little-endian on every machine, so they are read and written byte by byte. */
#include "uns/xattr.h"

#include <stdlib.h>
#include <string.h>

#define CAP_EFFECTIVE 0x00000001u
#define CAP_REVISION_2 0x02000000u
#define CAP_REVISION_3 0x03000000u
#define CAP_V2_SIZE 20
#define CAP_V3_SIZE UNS_CAP_MAX
#define CAP_ROOTID_AT 20

#define ACL_VERSION 2u
#define ACL_HEADER_SIZE 4
#define ACL_ENTRY_SIZE 8
#define ACL_ID_AT 4
#define ACL_SIZE_MAX 65536 /* XATTR_SIZE_MAX of linux/limits.h */
#define ACL_ENTRIES_MAX ((ACL_SIZE_MAX - ACL_HEADER_SIZE) / ACL_ENTRY_SIZE)

enum { TAG_USER_OBJ = 0x01, TAG_USER = 0x02, TAG_GROUP_OBJ = 0x04, TAG_GROUP = 0x08, TAG_MASK = 0x10, TAG_OTHER = 0x20 };

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* ---- capabilities ---- */

int uns_cap_rootid(const void *cap, size_t len, uint32_t *ret_rootid)
{
	const uint8_t *p = cap;
	uint32_t revision = len >= 4 ? get_le32(p) & ~CAP_EFFECTIVE : 0;

	if (len == CAP_V2_SIZE && revision == CAP_REVISION_2)
		return 1;
	if (len != CAP_V3_SIZE || revision != CAP_REVISION_3)
		return -1;
	*ret_rootid = get_le32(p + CAP_ROOTID_AT);
	return 0;
}

static int cap_map(const void *cap, size_t len, uint32_t (*map_id)(const struct uns_map *, uint32_t), const struct uns_map *uid,
                   uint8_t *to)
{
	uint32_t rootid = 0, mapped;
	int answer = uns_cap_rootid(cap, len, &rootid);

	if (answer < 0)
		return -1;
	memmove(to, cap, len);
	mapped = answer == 0 ? map_id(uid, rootid) : rootid;
	if (mapped == rootid)
		return (int)len;
	put_le32(to + CAP_ROOTID_AT, mapped);
	if (mapped != 0)
		return CAP_V3_SIZE;
	/* Version 3 in the name of the initial namespace's root is what version 2 means; the kernel itself shows it so. */
	put_le32(to, (get_le32(to) & CAP_EFFECTIVE) | CAP_REVISION_2);
	return CAP_V2_SIZE;
}

int uns_cap_shifted(const void *cap, size_t len, const struct uns_map *uid, void *out)
{
	return cap_map(cap, len, uns_map_shifted, uid, out);
}

int uns_cap_home(const void *cap, size_t len, const struct uns_map *uid, void *out)
{
	return cap_map(cap, len, uns_map_home, uid, out);
}

/* ---- ACLs ---- */

static unsigned entry_tag(const uint8_t *e)
{
	return e[0] | (unsigned)e[1] << 8;
}

static uint32_t entry_id(const uint8_t *e)
{
	return get_le32(e + ACL_ID_AT);
}

static bool tag_is_named(unsigned tag)
{
	return tag == TAG_USER || tag == TAG_GROUP;
}

static bool tag_is_known(unsigned tag)
{
	switch (tag) {
	case TAG_USER_OBJ:
	case TAG_USER:
	case TAG_GROUP_OBJ:
	case TAG_GROUP:
	case TAG_MASK:
	case TAG_OTHER:
		return true;
	}
	return false;
}

/* Number of entries, or -1. */
static int acl_entries(const uint8_t *acl, size_t len)
{
	if (len < ACL_HEADER_SIZE || len > ACL_SIZE_MAX || (len - ACL_HEADER_SIZE) % ACL_ENTRY_SIZE != 0 || get_le32(acl) != ACL_VERSION)
		return -1;
	for (size_t at = ACL_HEADER_SIZE; at < len; at += ACL_ENTRY_SIZE)
		if (!tag_is_known(entry_tag(acl + at)))
			return -1;
	return (int)((len - ACL_HEADER_SIZE) / ACL_ENTRY_SIZE);
}

int uns_acl_ids(const void *acl, size_t len, void (*f)(void *user, bool group, uint32_t id), void *user)
{
	const uint8_t *e = acl;
	int n = acl_entries(e, len);

	if (n < 0)
		return -1;
	for (e += ACL_HEADER_SIZE; n > 0; n--, e += ACL_ENTRY_SIZE)
		if (tag_is_named(entry_tag(e)))
			f(user, entry_tag(e) == TAG_GROUP, entry_id(e));
	return 0;
}

struct mapping {
	const struct uns_map *map;
	bool to_shifted;
};

static uint32_t map_id(struct mapping m, uint32_t id)
{
	return m.to_shifted ? uns_map_shifted(m.map, id) : uns_map_home(m.map, id);
}

static int id_compare(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Would an entry of the tag that moves meet one that stays, or (squashed) another that moves? Sorted, because a hostile ACL can have thousands of entries. */
static bool ids_meet(const uint8_t *entries, int n, unsigned tag, struct mapping m)
{
	uint32_t moved[ACL_ENTRIES_MAX], stays = 0;
	size_t moved_n = 0;

	for (int i = 0; i < n; i++) {
		const uint8_t *e = entries + (size_t)i * ACL_ENTRY_SIZE;
		uint32_t to = map_id(m, entry_id(e));

		if (entry_tag(e) != tag)
			continue;
		if (to != entry_id(e))
			moved[moved_n++] = to;
		else
			stays++;
	}
	if (moved_n == 0)
		return false;
	qsort(moved, moved_n, sizeof(*moved), id_compare);
	for (size_t i = 1; i < moved_n; i++)
		if (moved[i] == moved[i - 1] && m.to_shifted && m.map->squash)
			return true;
	if (stays == 0)
		return false;
	for (int i = 0; i < n; i++) {
		const uint8_t *e = entries + (size_t)i * ACL_ENTRY_SIZE;
		uint32_t id = entry_id(e);

		if (entry_tag(e) == tag && map_id(m, id) == id && bsearch(&id, moved, moved_n, sizeof(*moved), id_compare))
			return true;
	}
	return false;
}

static int entry_compare(const void *pa, const void *pb)
{
	uint32_t a = entry_id(pa), b = entry_id(pb);

	return (a > b) - (a < b);
}

/* Maps n neighbours of one tag. */
static bool map_run(uint8_t *run, size_t n, struct mapping m)
{
	bool ascending = true, changed = false;

	for (size_t i = 1; i < n; i++)
		ascending = ascending && entry_id(run + (i - 1) * ACL_ENTRY_SIZE) < entry_id(run + i * ACL_ENTRY_SIZE);
	for (size_t i = 0; i < n; i++) {
		uint8_t *e = run + i * ACL_ENTRY_SIZE;
		uint32_t id = entry_id(e), to = map_id(m, id);

		put_le32(e + ACL_ID_AT, to);
		changed = changed || to != id;
	}
	if (ascending && changed)
		qsort(run, n, ACL_ENTRY_SIZE, entry_compare);
	return changed;
}

int uns_acl_map(void *acl, size_t len, const struct uns_maps *maps, bool to_shifted)
{
	uint8_t *entries = acl;
	struct mapping uid = { &maps->uid, to_shifted }, gid = { &maps->gid, to_shifted };
	int n = acl_entries(entries, len), changed = 0;

	if (n < 0)
		return -1;
	entries += ACL_HEADER_SIZE;
	if (ids_meet(entries, n, TAG_USER, uid) || ids_meet(entries, n, TAG_GROUP, gid))
		return -1;
	for (int i = 0, next; i < n; i = next) {
		uint8_t *run = entries + (size_t)i * ACL_ENTRY_SIZE;
		unsigned tag = entry_tag(run);

		for (next = i + 1; next < n && entry_tag(entries + (size_t)next * ACL_ENTRY_SIZE) == tag;)
			next++;
		if (tag_is_named(tag) && map_run(run, (size_t)(next - i), tag == TAG_USER ? uid : gid))
			changed = 1;
	}
	return changed;
}

/* ---- hex ---- */

char *uns_hex(const void *data, size_t len, struct uns_err *err)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;
	char *hex = len < SIZE_MAX / 2 ? malloc(len * 2 + 1) : NULL;

	if (!hex) {
		uns_err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	hex[2 * len] = '\0';
	return hex;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uns_unhex(const char *hex, void *out, size_t max, size_t *ret_len)
{
	size_t digits = strlen(hex);
	uint8_t *p = out;

	if (digits % 2 != 0 || digits / 2 > max)
		return -1;
	for (size_t i = 0; i < digits; i++)
		if (hex_digit(hex[i]) < 0)
			return -1;
	for (size_t i = 0; i < digits / 2; i++)
		p[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	*ret_len = digits / 2;
	return 0;
}
