/* SPDX-License-Identifier: Apache-2.0 */
/* The walker over trees that hostile containers wrote. A tree is opened once, as a detached clone of its mount where the kernel has
 * it; nothing in it leads out: no symlink is followed, no nested mount entered. Reads only. */
#ifndef UNS_TREE_H
#define UNS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/idmap.h"
#include "uns/root.h"
#include "uns/str.h"
#include "uns/xattr.h"

struct uns_tree {
	int fd;        /* the base directory, inside the clone; opened for reading */
	int mount;     /* the clone, kept open; -1: none */
	char *path;    /* the base as named (absolute inside the root), for messages */
	bool cloned;   /* false: no detached clone on this kernel; openat2 RESOLVE_BENEATH|NO_SYMLINKS|NO_XDEV instead */
	bool readonly; /* the mount is read-only */
	bool btrfs;
};

/* base was resolved by the caller (uns_root_resolve): a symlink in it now is somebody's doing since, and fails. */
int uns_tree_open(const struct uns_root *root, const char *base, struct uns_tree *ret, struct uns_err *err);
void uns_tree_close(struct uns_tree *tree);

/* Opens a relative path below the base ("." is the base), component by component: no symlink, no nested mount. O_CLOEXEC and
 * O_NOFOLLOW are added. -1 with err (err->errnum ENOENT when it is absent, ELOOP or ENOTDIR when a component is no directory). */
int uns_tree_openat(const struct uns_tree *tree, const char *path, int flags, struct uns_err *err);

/* A pattern is "." (the base itself) or components joined by "/", each literal, "*" (any name but "." and ".."), or "*!name" (any
 * name but "." , ".." and that one). No leading, trailing or double slash, no "." or ".." among the components. */
bool uns_tree_pattern_valid(const char *pattern);
/* Relative paths below the base that match, sorted. An absent path matches nothing. No component may be a symlink: such a match is
 * skipped and, when ret_symlinks is not NULL, the path up to and including the symlink is added there. */
int uns_tree_glob(const struct uns_tree *tree, const char *pattern, struct uns_strs *ret, struct uns_strs *ret_symlinks,
                  struct uns_err *err);
/* What could not be looked at (path, below the base; *why tells) is left out when this returns 0; -1 ends the search. */
struct uns_glob_past {
	int (*failed)(void *user, const char *path, const struct uns_err *why);
	void *user;
};
/* The same, past what cannot be looked at; past: NULL for none. */
int uns_tree_glob_past(const struct uns_tree *tree, const char *pattern, struct uns_strs *ret, struct uns_strs *ret_symlinks,
                       const struct uns_glob_past *past, struct uns_err *err);
/* The matches of all patterns, sorted, each once; a match below another match is left out (the walk gets there anyway). */
int uns_tree_matches(const struct uns_tree *tree, const char *const patterns[], size_t n, struct uns_strs *ret,
                     struct uns_strs *ret_symlinks, struct uns_err *err);

struct uns_dir;    /* a directory of the walk */
struct uns_reader; /* what reads entries */

/* One inode as the visitor sees it. Valid only during the call. */
struct uns_entry {
	int dirfd;               /* directory that holds it; the base itself for the match "." */
	const char *name;        /* in dirfd; "." for the match "." */
	int fd;                  /* O_PATH descriptor of the very inode that was read; -1 in a walk without pins */
	const char *path;        /* relative to the base, or NULL in a walk without paths (see uns_entry_path) */
	const struct uns_dir *dir;
	const char *match;       /* the match (root of the walk) that it belongs to, relative to the base */
	size_t match_no;         /* its place among the matches */
	uint64_t parent;         /* inode number of the directory that holds it; 0 for the match itself */
	uint64_t parent_dev;
	uint32_t uid, gid, mode; /* mode with type bits */
	uint32_t nlink;
	uint64_t dev, ino, size;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
	uint32_t rdev_major, rdev_minor;
	int64_t born_sec; /* 0: the file system does not say */
	uint32_t born_nsec;
	bool immutable, append; /* inode flags, from statx attributes */
	bool attributes;        /* false: not read; what follows says none */
	struct uns_reader *reader;
	uint8_t cap[UNS_CAP_MAX];
	size_t cap_len;                          /* 0: none */
	const uint8_t *acl_access, *acl_default; /* NULL: none */
	size_t acl_access_len, acl_default_len;
	const char *odd;     /* one of its attributes that nobody expects there: "trusted.*", "security.ima", "security.evm"; NULL: none */
	uint64_t xattr_hash; /* of all other xattrs (names and values), order-independent; 0: none. Without those that the
	                      * kernel derives from owner and ACLs. */
};

/* The path relative to the base; it may be longer than PATH_MAX, so it is for messages only. Heap string. */
char *uns_entry_path(const struct uns_entry *e, struct uns_err *err);
/* A number made of that path, where those of inodes last no longer than a mount. Somebody who wants to can make two paths with one. */
int uns_entry_path_hash(const struct uns_entry *e, uint64_t *ret, struct uns_err *err);
/* Reads the inode of a walk with pins again, through its descriptor. ACLs of the entry that the visitor got are overwritten. 0; 1 when
 * it is gone for good. */
int uns_entry_again(struct uns_entry *e, struct uns_err *err);
/* What tells the inode from a later one with its number: type and bytes of its file handle (name_to_handle_at(2)), or, where the file
 * system has none, *ret_len 0. 0; 1 when it is gone. */
#define UNS_HANDLE_MAX 132
/* The same of the base. */
int uns_tree_handle(const struct uns_tree *tree, uint8_t ret[UNS_HANDLE_MAX], size_t *ret_len, struct uns_err *err);
/* The path of the topmost directory on the entry's device, or of the entry itself where the device begins with it. Heap string. */
char *uns_entry_dev_path(const struct uns_entry *e, struct uns_err *err);
/* A pin of an entry that was read without one: *ret is the same inode, read again through a descriptor that the caller closes. 0; 1:
 * the name is gone, or leads to another inode by now. */
int uns_entry_pin(const struct uns_entry *e, struct uns_entry *ret, struct uns_err *err);
int uns_entry_handle(const struct uns_entry *e, uint8_t ret[UNS_HANDLE_MAX], size_t *ret_len, struct uns_err *err);
/* Calls f for each ID that the inode carries: what is "uid", "gid", "ACL uid", "ACL gid" or "capability rootid". 0, or -1 when an
 * ACL is malformed (no error text; the IDs of the rest are reported all the same). */
typedef void (*uns_entry_id)(void *user, const char *what, bool group, uint32_t id);
int uns_entry_ids(const struct uns_entry *e, uns_entry_id f, void *user);
/* A character device 0:0 as overlayfs makes them; many names, some out of reach, share one such inode. */
bool uns_entry_whiteout(const struct uns_entry *e);
/* The kernel drops setuid, setgid and capabilities of it when it is given to another owner. */
bool uns_entry_fragile(const struct uns_entry *e);

/* Visits every inode at and below each match of the patterns, parents before children, each name once (a hard link is visited once
 * per name). The visitor returns 0, or -1 to stop. An inode that vanishes during the walk (live engine) is skipped. Depth and width
 * are bounded by memory only: no recursion on the C stack, few open descriptors, no path of more than PATH_MAX handed to the
 * kernel. In the calling thread, directory by directory, and there by inode number; entries have paths. */
typedef int (*uns_visit)(void *user, const struct uns_entry *e, struct uns_err *err);
int uns_tree_walk(const struct uns_tree *tree, const char *const patterns[], size_t n, uns_visit visit, void *user,
                  struct uns_err *err);
/* The same for matches that are known already. */
int uns_tree_walk_matches(const struct uns_tree *tree, const struct uns_strs *matches, uns_visit visit, void *user,
                          struct uns_err *err);

/* More threads than processors, because cold storage waits. A small tree is walked by the calling thread alone. */
#define UNS_WALK_JOBS 16
#define UNS_WALK_JOBS_MAX 64

struct uns_walk_task; /* a directory in the hands of a thread */
struct uns_walk {
	unsigned jobs;   /* threads at most; 1: as above */
	bool paths;      /* entries have their path */
	bool pins;       /* entries have a descriptor, and everything is read through it */
	uns_visit visit; /* may be called by several threads at a time */
	/* Whether the attributes of what was read so far are wanted; NULL: always. */
	bool (*wants)(void *user, const struct uns_entry *e);
	/* For a caller that knows the names of directories from an earlier walk; both NULL otherwise. known: how many lists of names it
	 * has of the directory, which is open as fd; 0: none, the directory is to be read. names: goes through one of them with the
	 * functions below; lists of one directory may be gone through by several threads. */
	unsigned (*known)(void *user, uint64_t dev, uint64_t ino, int fd);
	int (*names)(void *user, struct uns_walk_task *t, unsigned list, struct uns_err *err);
	/* What could not be read or visited (path, below the base; *why tells) is left out, and what is below it, when this returns 0; -1
	 * ends the walk. NULL: ends it. */
	int (*failed)(void *user, const char *path, const struct uns_err *why);
	void *const *users; /* user of all these for each of the jobs; users[0] is of the calling thread */
};
/* The name is read and visited as if it had been found in the directory. 0, also when it is gone; -1. */
int uns_walk_visit(struct uns_walk_task *t, const char *name);
/* The name is only looked at, without a pin and without its attributes. 0; 1: it is gone. */
int uns_walk_look(struct uns_walk_task *t, const char *name, struct uns_entry *ret);
int uns_walk_dirfd(const struct uns_walk_task *t);
/* Sets jobs as a user wishes: so many threads; 0: UNS_WALK_JOBS. */
void uns_walk_wish(struct uns_walk *w, unsigned jobs);
int uns_tree_walk_with(const struct uns_tree *tree, const struct uns_strs *matches, const struct uns_walk *w, struct uns_err *err);

/* ---- inodes by device and number, O(1) ---- */

struct uns_inoslot {
	uint64_t dev, ino;
	uint64_t value; /* the user's; 0 when new */
	bool used;
};
struct uns_inomap {
	struct uns_inoslot *v;
	size_t n, cap;
};
void uns_inomap_done(struct uns_inomap *m);
struct uns_inoslot *uns_inomap_find(const struct uns_inomap *m, uint64_t dev, uint64_t ino); /* NULL: not there */
/* The slot, new when there was none (*ret_new, may be NULL); valid until the next add. NULL when out of memory. */
struct uns_inoslot *uns_inomap_add(struct uns_inomap *m, uint64_t dev, uint64_t ino, bool *ret_new, struct uns_err *err);

/* ---- census: what a shift would meet ---- */

#define UNS_CENSUS_LISTED 20 /* paths listed per problem; all are counted */

struct uns_census_list {
	uint64_t n;            /* all */
	struct uns_strs paths; /* the first UNS_CENSUS_LISTED, escaped (uns_str_escape), with what is wrong: "a/b (uid 70000)" */
};
struct uns_census {
	uint64_t inodes, bytes, specials /* setuid, setgid, capability, flags */, acls, hard_links /* inodes with nlink > 1 */;
	uint64_t home, capabilities; /* home: inodes with an ID that the maps move (needs maps) */
	uint64_t directories;
	uint32_t max_uid, max_gid;
	struct uns_rangeset uid_blocks,
	    gid_blocks;                   /* blocks of 65536 IDs that are in use (owners, ACLs, v3 rootids), who = a path */
	struct uns_census_list unmapped;  /* IDs that the maps do not cover (needs maps) */
	struct uns_census_list in_target; /* IDs that are targets already (needs maps) */
	struct uns_census_list outside;   /* hard links with names outside the walked trees; kernel whiteouts (char 0:0) exempt */
	struct uns_census_list symlinks;  /* matches whose last component is a symlink where a directory belongs */
	struct uns_census_list flagged;   /* immutable or append-only */
	struct uns_census_list xattrs;    /* attributes that nobody expects (uns_entry.odd) */
	struct uns_census_list unread;    /* what could not be read, with the reason; not counted above, nor is what is below it */
};
void uns_census_done(struct uns_census *c);
/* Counts one problem and lists it while there is room: "a/b (what)"; what may be NULL. */
int uns_census_note(struct uns_census_list *l, const char *path, const char *what, struct uns_err *err);
int uns_census_note_entry(struct uns_census_list *l, const struct uns_entry *e, const char *what, struct uns_err *err);
/* The same for a text that is safe already. */
int uns_census_note_text(struct uns_census_list *l, const char *text, struct uns_err *err);
/* Adds what is in more; of the paths the first ones by name stay. */
int uns_census_list_join(struct uns_census_list *l, const struct uns_census_list *more, struct uns_err *err);
/* maps: NULL before a range is chosen (unmapped and in_target stay empty; max_uid, max_gid and the blocks tell). Walks the
 * patterns. An inode is counted once, whatever the number of its names. go_on: what cannot be read is listed (unread) and left out, as
 * long as it is the matter of one inode; else it ends the census, as it does without go_on. A mount point is left out without a word. */
int uns_tree_census(const struct uns_tree *tree, const char *const patterns[], size_t n, const struct uns_maps *maps, bool go_on,
                    struct uns_census *ret, struct uns_err *err);
int uns_tree_census_matches(const struct uns_tree *tree, const struct uns_strs *matches, const struct uns_strs *symlinks,
                            const struct uns_maps *maps, unsigned jobs, struct uns_census *ret, struct uns_err *err);
/* What a census without maps says with these, where no second walk is needed for it: every ID that is in use is one that they move.
 * False, and nothing changed, where that cannot be told. */
bool uns_census_settle(struct uns_census *c, const struct uns_maps *maps);

/* Whether a failure to read an inode says nothing of the next one: an error of the system, but of memory or descriptors. */
bool uns_tree_fails_alone(const struct uns_err *why);

/* The same inside a walk of the caller's: new, add for each entry, end (may walk again to name hard links), free. */
struct uns_census_run;
struct uns_census_run *uns_census_run_new(const struct uns_maps *maps, struct uns_err *err);
void uns_census_run_free(struct uns_census_run *run);
/* For another thread of the same walk; it counts hard links together with run, which must live longer. */
struct uns_census_run *uns_census_run_fork(struct uns_census_run *run, struct uns_err *err);
/* Adds what a forked run counted, after the walk. */
int uns_census_run_join(struct uns_census_run *run, struct uns_census_run *forked, struct uns_err *err);
int uns_census_run_add(struct uns_census_run *run, const struct uns_entry *e, struct uns_err *err);
int uns_census_run_end(struct uns_census_run *run, const struct uns_tree *tree, const struct uns_strs *matches,
                       const struct uns_strs *symlinks, struct uns_census *ret, struct uns_err *err);

/* ---- digest: nothing lost ---- */

/* Order-independent sums over inodes of one match, one per aspect, so that a mismatch says what differs. IDs (owner, ACL, v3
 * rootid) are taken home first, v3 capabilities of our root count as v2, so that the digest is the same before, in the middle of
 * and after a shift. Hashed with the inode number, which an in-place shift keeps. A name counts together with the inode number of
 * its directory, from the match on, so a tree may move. Modes include the immutable and append-only flags, xattrs the ACLs. */
enum uns_aspect {
	UNS_ASPECT_NAMES,
	UNS_ASPECT_OWNERS,
	UNS_ASPECT_MODES,
	UNS_ASPECT_LINKS,
	UNS_ASPECT_SIZES,
	UNS_ASPECT_TIMES,
	UNS_ASPECT_DEVICES,
	UNS_ASPECT_CAPS,
	UNS_ASPECT_XATTRS,
	UNS_ASPECTS
};
extern const char *const uns_aspect_names[UNS_ASPECTS];
struct uns_digest {
	uint64_t inodes;
	uint64_t sum[UNS_ASPECTS];
};
/* Adds one entry; caller must add each (dev, ino) as often in both walks (each name). Sizes of directories and the number of their links are left out. */
void uns_digest_add(struct uns_digest *d, const struct uns_entry *e, const struct uns_maps *maps);
void uns_digest_sum(struct uns_digest *d, const struct uns_digest *more);

#endif
