/* SPDX-License-Identifier: Apache-2.0 */
/* Which inodes of btrfs have attributes: BTRFS_IOC_TREE_SEARCH_V2 (btrfs-ioctl(2)) reads hundreds of inodes at a time from the tree
 * that listxattr(2) descends anew for each of them. Items are sorted by inode, kind and offset; attributes are found in it as soon
 * as they are set, whereas owners and modes are not: the kernel keeps those back. */
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tree.h"

#define ROOM 65536
#define ITEMS 1024 /* in one search; an inode has three, and one more for each piece of a file */
#define WORTH 4    /* inodes of which a search must tell, else asking one by one takes less */
#define REST 64    /* inodes that are asked for one by one then */

struct uns_attrwindow {
	uint64_t dev, first, last; /* the inodes that are known; first > last: none */
	uint64_t having[ITEMS];    /* those with attributes, sorted */
	size_t n;
	unsigned told, rest;
	union {
		struct btrfs_ioctl_search_args_v2 args;
		uint8_t bytes[sizeof(struct btrfs_ioctl_search_args_v2) + ROOM];
	} search;
};

struct uns_attrwindow *uns_attrwindow_new(const struct uns_tree *tree)
{
	struct uns_attrwindow *w = tree->btrfs ? malloc(sizeof(*w)) : NULL;

	if (w)
		*w = (struct uns_attrwindow){.first = 1, .told = WORTH};
	return w;
}

static void note(struct uns_attrwindow *w, const struct btrfs_ioctl_search_header *h)
{
	if (h->type == BTRFS_XATTR_ITEM_KEY && (!w->n || w->having[w->n - 1] != h->objectid))
		w->having[w->n++] = h->objectid;
	/* Of the last inode all attributes were seen once something behind them was. */
	w->last = h->type > BTRFS_XATTR_ITEM_KEY ? h->objectid : h->objectid - 1;
}

/* Reads on from the inode. False: the kernel does not tell. */
static bool search(struct uns_attrwindow *w, int dirfd, uint64_t dev, uint64_t ino)
{
	struct btrfs_ioctl_search_args_v2 *a = &w->search.args;
	struct btrfs_ioctl_search_header h;
	size_t at = 0;

	a->key = (struct btrfs_ioctl_search_key){.min_objectid = ino,
	                                         .max_objectid = UINT64_MAX,
	                                         .min_type = BTRFS_XATTR_ITEM_KEY,
	                                         .max_type = UINT32_MAX,
	                                         .max_offset = UINT64_MAX,
	                                         .max_transid = UINT64_MAX,
	                                         .nr_items = ITEMS};
	a->buf_size = ROOM;
	if (ioctl(dirfd, BTRFS_IOC_TREE_SEARCH_V2, a))
		return false;
	w->dev = dev;
	w->first = ino;
	w->n = 0;
	w->told = 0;
	w->last = a->key.nr_items ? ino - 1 : UINT64_MAX;
	for (uint32_t i = 0; i < a->key.nr_items; i++) {
		memcpy(&h, (const uint8_t *)a->buf + at, sizeof(h));
		note(w, &h);
		at += sizeof(h) + h.len;
	}
	return true;
}

static bool has(const struct uns_attrwindow *w, uint64_t ino)
{
	size_t from = 0, to = w->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (w->having[mid] < ino)
			from = mid + 1;
		else
			to = mid;
	}
	return from < w->n && w->having[from] == ino;
}

bool uns_attrwindow_none(struct uns_attrwindow **window, int dirfd, uint64_t dev, uint64_t ino)
{
	struct uns_attrwindow *w = *window;

	if (w->rest) {
		w->rest--;
		return false;
	}
	if (w->dev != dev || ino < w->first || ino > w->last) {
		if (w->told < WORTH) {
			w->told = WORTH;
			w->rest = REST;
			return false;
		}
		if (!search(w, dirfd, dev, ino)) {
			free(w);
			*window = NULL;
			return false;
		}
	}
	w->told++;
	return ino <= w->last && !has(w, ino);
}
