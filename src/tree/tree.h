/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this floor share among themselves. */
#ifndef UNS_TREE_TREE_H
#define UNS_TREE_TREE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "uns/tree.h"

/* Opens one name of a directory inside the tree; no symlink is followed and no mount entered (EXDEV). -1 with errno. */
int uns_tree_enter(const struct uns_tree *tree, int dirfd, const char *name, int flags);

/* The names of a directory except "." and "..", in the order of their inodes, which is the order on disk. A directory may have
 * millions of them, so a name costs its bytes and four more. */
struct uns_dirname {
	uint64_t ino;
	uint32_t name; /* offset into names */
} __attribute__((packed));
struct uns_dirlist {
	union {
		struct uns_dirname *found; /* while it is read */
		uint32_t *order;           /* then: n offsets into names */
	};
	size_t n, cap;
	struct uns_buf names; /* each with its NUL */
	char *block;          /* what the kernel fills */
};
void uns_dirlist_done(struct uns_dirlist *l);
/* Replaces what is in *l. -1 with errno (ENOMEM too). */
int uns_dirlist_read(struct uns_dirlist *l, int fd);
/* Gives back memory that only reading needs; it cannot be read into again. */
void uns_dirlist_trim(struct uns_dirlist *l);
static inline const char *uns_dirlist_name(const struct uns_dirlist *l, size_t i)
{
	return l->names.data + l->order[i];
}

/* A directory of a walk: where it hangs, not a path. Its descriptor is closed and opened again as room demands. */
struct uns_dirslot;
struct uns_dir {
	bool part; /* false: what waits in the pool is a directory, not a part of one */
	struct uns_dir *parent;   /* NULL: a match */
	struct uns_dirslot *slot; /* NULL: closed */
	const char *match;
	size_t match_no;
	uint64_t dev, ino;
	atomic_uint refs;
	char name[];
};
/* A name in parent (whose count of references goes up), or a match (parent and name NULL). NULL when out of memory. */
struct uns_dir *uns_dir_new(struct uns_dir *parent, const char *name, uint64_t dev, uint64_t ino);
/* Appends the path of the directory, relative to the base; "" for the base itself. */
int uns_dir_path(const struct uns_dir *d, struct uns_buf *ret, struct uns_err *err);

/* Descriptors of directories, at most so many at a time beside those in use; the one that was not used for the longest time is
 * closed. A closed one is opened again from above, never by "..", which a rename meanwhile could have led elsewhere. */
struct uns_dircache {
	const struct uns_tree *tree;
	pthread_mutex_t lock;
	struct uns_dirslot *newest, *oldest;
	size_t open, max;
};
void uns_dircache_init(struct uns_dircache *c, const struct uns_tree *tree);
void uns_dircache_done(struct uns_dircache *c);
/* Opens the directory, or uses what is open. 0: to be put back with uns_dir_put; 1: it is gone or another one by now. */
int uns_dir_get(struct uns_dircache *c, struct uns_dir *d, int *ret_fd, struct uns_err *err);
/* fd is the directory, just opened by the caller; taken in any case. */
int uns_dir_set(struct uns_dircache *c, struct uns_dir *d, int fd, struct uns_err *err);
void uns_dir_put(struct uns_dircache *c, struct uns_dir *d);
void uns_dir_unref(struct uns_dircache *c, struct uns_dir *d);
/* The directory or entry went away or turned into something else: a live tree may do that at any time. */
static inline bool uns_vanished(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ESTALE;
}
int uns_walk_fail(const struct uns_tree *tree, const struct uns_dir *d, const char *name, int errnum, const char *what,
                  struct uns_err *err);

/* See uns_tree_matches and uns_tree_glob_past. */
int uns_tree_matches_past(const struct uns_tree *tree, const char *const patterns[], size_t n, struct uns_strs *ret,
                          struct uns_strs *ret_symlinks, const struct uns_glob_past *past, struct uns_err *err);

/* What is known of the attributes of inodes without asking for each (btrfs). NULL: nothing. Freed with free(). */
struct uns_attrwindow;
struct uns_attrwindow *uns_attrwindow_new(const struct uns_tree *tree);
/* Whether it is known that the inode, of the same subvolume as the directory, has none. Fastest when asked in the order of inodes. What it
 * says may be older than the walk's look at the inode, but not than the walk. *window becomes NULL where the kernel does not tell. */
bool uns_attrwindow_none(struct uns_attrwindow **window, int dirfd, uint64_t dev, uint64_t ino);

/* Reads inodes one after the other; what an entry points to lasts until the next read. */
struct uns_reader {
	const struct uns_tree *tree;
	bool pins;
	bool (*wants)(void *user, const struct uns_entry *e); /* NULL: always */
	void *user;
	bool at_calls; /* the kernel has listxattrat and getxattrat */
	/* Without them attributes are read by name in the working directory of the thread. */
	enum { UNS_CWD_UNKNOWN, UNS_CWD_OURS, UNS_CWD_NONE } cwd;
	bool borrowed;             /* it is the program's own thread: the directory is given back */
	int saved_cwd;             /* of that thread; -1: not changed */
	uint64_t cwd_dev, cwd_ino; /* where it is; 0, 0: not known */
	struct uns_attrwindow *window; /* NULL: none */
	char *list, *value;
	uint8_t *acl_access, *acl_default;
};
int uns_reader_init(struct uns_reader *r, const struct uns_tree *tree, struct uns_err *err);
void uns_reader_done(struct uns_reader *r);
/* Only what statx says, by name. 0; 1: it vanished. */
int uns_reader_look(struct uns_reader *r, int dirfd, const char *name, struct uns_entry *e, struct uns_err *err);
/* Fills what the inode says; dir, path and match are the caller's, and must be set before (for messages). With pins the caller closes
 * e->fd. 0; 1: it vanished. */
int uns_reader_read(struct uns_reader *r, int dirfd, const char *name, struct uns_entry *e, struct uns_err *err);

#endif
