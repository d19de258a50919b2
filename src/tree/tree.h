/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this floor share among themselves. */
#ifndef UNS_TREE_TREE_H
#define UNS_TREE_TREE_H

#include "uns/tree.h"

/* Opens one name of a directory inside the tree; no symlink is followed and no mount entered (EXDEV). -1 with errno. */
int uns_tree_enter(const struct uns_tree *tree, int dirfd, const char *name, int flags);

/* The names of a directory except "." and "..", in the order of their inodes, which is the order on disk. */
struct uns_dirname {
	uint64_t ino;
	size_t name; /* offset into names */
};
struct uns_dirlist {
	struct uns_dirname *v;
	size_t n, cap;
	struct uns_buf names; /* each with its NUL */
	char *block;          /* what the kernel fills */
};
void uns_dirlist_done(struct uns_dirlist *l);
/* Replaces what is in *l. -1 with errno (ENOMEM too). */
int uns_dirlist_read(struct uns_dirlist *l, int fd);

/* Reads inodes one after the other; what an entry points to lasts until the next read. */
struct uns_reader {
	const struct uns_tree *tree;
	bool at_calls; /* the kernel has listxattrat and getxattrat */
	char *list, *value;
	uint8_t *acl_access, *acl_default;
};
int uns_reader_init(struct uns_reader *r, const struct uns_tree *tree, struct uns_err *err);
void uns_reader_done(struct uns_reader *r);
/* Fills what the inode says; path and match are the caller's, and must be set before (for messages). 0; 1: it vanished. */
int uns_reader_read(struct uns_reader *r, int dirfd, const char *name, struct uns_entry *e, struct uns_err *err);

#endif
