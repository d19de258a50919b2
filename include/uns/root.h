/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside a root: the running host ("/") or an offline tree (--root=DIR). All paths are absolute as seen inside the root; a
 * symlink is resolved inside the root and cannot lead out (openat2 RESOLVE_IN_ROOT, with a walking fallback for older kernels). */
#ifndef UNS_ROOT_H
#define UNS_ROOT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "uns/err.h"
#include "uns/str.h"

struct uns_root {
	int fd;
	char *path;   /* canonical host path of the root, "" for "/" (so that path + absolute path is a host path) */
	bool is_host; /* the running host */
};

/* Opens DIR as the root; UNS_E_USAGE when it is not a directory. */
int uns_root_open(struct uns_root *ret, const char *dir, struct uns_err *err);
void uns_root_close(struct uns_root *root);

/* Descriptor, or -1 with err (err->errnum ENOENT when it is absent). O_CLOEXEC is added. Does not create (see uns_root_write). */
int uns_root_openat(const struct uns_root *root, const char *path, int flags, struct uns_err *err);
/* A directory by a path that was resolved already: no component is followed if it is a symlink by now (errnum ELOOP or ENOTDIR). */
int uns_root_open_straight(const struct uns_root *root, const char *path, int flags, struct uns_err *err);
/* Opens the directory that holds path (O_RDONLY|O_DIRECTORY); *ret_name points to the last component inside path, which must not
 * end in '/', ".", or "..". */
int uns_root_parent(const struct uns_root *root, const char *path, int *ret_dirfd, const char **ret_name, struct uns_err *err);
/* lstat. 0; 1 when absent (also when a parent is absent). */
int uns_root_stat(const struct uns_root *root, const char *path, struct stat *ret, struct uns_err *err);
/* Whole regular file, at most max bytes (more: UNS_E_INPUT), appended to *ret; follows a final symlink inside the root. 0; 1 when
 * absent. ret_st may be NULL. */
int uns_root_read(const struct uns_root *root, const char *path, size_t max, struct uns_buf *ret, struct stat *ret_st,
                  struct uns_err *err);
/* Names in a directory except "." and "..", sorted by bytes. 0; 1 when absent. */
int uns_root_list(const struct uns_root *root, const char *path, struct uns_strs *ret, struct uns_err *err);
/* The path without symlinks, absolute inside the root; freed by the caller; NULL with err (ENOENT when absent). */
char *uns_root_resolve(const struct uns_root *root, const char *path, struct uns_err *err);
/* The same of what was opened by that path already. */
char *uns_root_path_of(const struct uns_root *root, int fd, const char *path, struct uns_err *err);
/* The path on the host (root->path + path); freed by the caller. For children and messages only, never to open. */
char *uns_root_host_path(const struct uns_root *root, const char *path, struct uns_err *err);

/* ---- effects ---- */

/* Replaces or creates a regular file: temporary file in the same directory, written, owner, mode and xattrs of the old file (or
 * root:root and mode, when there is none; the caller's own when he is not root), fsync, rename over the resolved file, fsync of the
 * directory. Durable on return. */
int uns_root_write(const struct uns_root *root, const char *path, const void *data, size_t len, mode_t mode, struct uns_err *err);
/* The same for a file that other programs edit too: only when the file is still the one that was read (old: device, inode, size,
 * mtime and ctime of then; NULL: it was absent), else UNS_E_CONFLICT with errnum EAGAIN and nothing changed; with flock(2) held on the old
 * file while it is replaced (Apptainer; UNS_E_LOCKED when somebody else has it). backup: what was there is first copied to
 * "<path>-" in the same way (shadow's backup). A final symlink is refused (UNS_E_INPUT). A file that is made belongs to root:root,
 * or to the caller when the caller is not root. */
int uns_root_replace(const struct uns_root *root, const char *path, const struct stat *old, bool backup, const void *data, size_t len,
                     mode_t mode, struct uns_err *err);
/* The same as uns_root_write for a name in an open directory; the temporary file is "<name>.usernsctl". The parent of path is not resolved again. */
int uns_root_write_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct uns_err *err);
/* Removes the temporary files that a write or a replacement of path may have left behind when it was killed. */
int uns_root_clean(const struct uns_root *root, const char *path, struct uns_err *err);
/* Unlinks (and cleans) and syncs the directory. 0; 1 when it was absent. */
int uns_root_remove(const struct uns_root *root, const char *path, struct uns_err *err);

#endif
