/* SPDX-License-Identifier: Apache-2.0 */
/* A file system that shows a directory, and answers with an error where it is told to:
 *
 *   answers DIRECTORY MOUNT-POINT [numbered] CALL=ERRNO[:FROM]...
 *
 * CALL: chown, chmod, setxattr, listxattr, getxattr, readdir, or setxattr/NAME for one attribute. From the FROM-th such call on (1
 * when left out) it fails; NOTHING instead of an error: it does nothing and says that all is well. SIGUSR1 ends that. "numbered":
 * inodes have the numbers that libfuse gives them while it runs, as with programs that do not ask for their own. What real
 * ones answer: a server with root squash and FAT to chown (EPERM), FAT mounted with "quiet" to chown (NOTHING), a full disk to
 * setxattr (ENOSPC), a dying one to readdir (EIO). */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RULES 8
#define NOTHING 4096 /* beyond all errors */

static struct rule {
	char call[64], name[64]; /* name "": any */
	int error;
	long from;
	atomic_long calls;
} rules[RULES];
static size_t n_rules;
static int directory;
static int numbered;
static volatile sig_atomic_t calm;

static void become_calm(int sig)
{
	(void)sig;
	calm = 1;
}

static int answer(const char *call, const char *name)
{
	for (size_t i = 0; i < n_rules; i++) {
		struct rule *r = &rules[i];

		if (strcmp(r->call, call) || (*r->name && strcmp(r->name, name)))
			continue;
		if (atomic_fetch_add(&r->calls, 1) + 1 >= r->from && !calm)
			return -r->error;
	}
	return 0;
}

static int quiet(int told)
{
	return told == -NOTHING ? 0 : told;
}

/* The directory is the working directory. */
static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int done(int r)
{
	return r < 0 ? -errno : r;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	return done(lstat(below(path), st));
}

static int do_readlink(const char *path, char *buf, size_t size)
{
	ssize_t n = readlink(below(path), buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int r = answer("chmod", "");

	(void)fi;
	return r ? quiet(r) : done(chmod(below(path), mode));
}

static int do_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	int r = answer("chown", "");

	(void)fi;
	return r ? quiet(r) : done(lchown(below(path), uid, gid));
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	int fd = open(below(path), fi->flags | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	return 0;
}

static int do_read(const char *path, char *buf, size_t size, off_t at, struct fuse_file_info *fi)
{
	(void)path;
	return done((int)pread((int)fi->fh, buf, size, at));
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return done(close((int)fi->fh));
}

static int do_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *fi,
                      enum fuse_readdir_flags flags)
{
	int r = answer("readdir", "");
	DIR *d = r ? NULL : opendir(below(path));
	struct dirent *e;

	(void)at;
	(void)fi;
	(void)flags;
	if (!d)
		return r ? r : -errno;
	while ((e = readdir(d))) {
		struct stat st = {.st_ino = e->d_ino, .st_mode = DTTOIF(e->d_type)};

		if (fill(buf, e->d_name, &st, 0, 0))
			break;
	}
	closedir(d);
	return 0;
}

static int do_setxattr(const char *path, const char *name, const char *value, size_t size, int flags)
{
	int r = answer("setxattr", name);

	return r ? quiet(r) : done(lsetxattr(below(path), name, value, size, flags));
}

static int do_getxattr(const char *path, const char *name, char *value, size_t size)
{
	int r = answer("getxattr", name);

	return r ? r : done((int)lgetxattr(below(path), name, value, size));
}

static int do_listxattr(const char *path, char *list, size_t size)
{
	int r = answer("listxattr", "");

	return r ? r : done((int)llistxattr(below(path), list, size));
}

static int do_removexattr(const char *path, const char *name)
{
	return done(lremovexattr(below(path), name));
}

static int do_statfs(const char *path, struct statvfs *st)
{
	return done(statvfs(below(path), st));
}

static void *do_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	struct sigaction act = {.sa_handler = become_calm};

	(void)conn;
	sigaction(SIGUSR1, &act, NULL);
	/* libfuse has gone to / by now */
	if (fchdir(directory))
		abort();
	cfg->use_ino = !numbered;
	cfg->entry_timeout = cfg->attr_timeout = cfg->negative_timeout = 0;
	return NULL;
}

static const struct fuse_operations operations = {.getattr = do_getattr,
                                                  .readlink = do_readlink,
                                                  .chmod = do_chmod,
                                                  .chown = do_chown,
                                                  .open = do_open,
                                                  .read = do_read,
                                                  .release = do_release,
                                                  .readdir = do_readdir,
                                                  .setxattr = do_setxattr,
                                                  .getxattr = do_getxattr,
                                                  .listxattr = do_listxattr,
                                                  .removexattr = do_removexattr,
                                                  .statfs = do_statfs,
                                                  .init = do_init};

static int error_of(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} all[] = {{"EPERM", EPERM},   {"EACCES", EACCES},         {"EIO", EIO},
	           {"ENOSPC", ENOSPC}, {"EOPNOTSUPP", EOPNOTSUPP}, {"NOTHING", NOTHING}};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(all[i].name, name))
			return all[i].error;
	return 0;
}

static int read_rule(const char *text, struct rule *r)
{
	char error[16];
	int n;

	r->from = 1;
	n = sscanf(text, "%63[a-z]/%63[^=]=%15[A-Z]:%ld", r->call, r->name, error, &r->from);
	if (n < 3) {
		*r->name = '\0';
		n = sscanf(text, "%63[a-z]=%15[A-Z]:%ld", r->call, error, &r->from);
	}
	r->error = n >= 2 ? error_of(error) : 0;
	return r->error ? 0 : -1;
}

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], "-f", "-s", "-o", "dev,suid,default_permissions,allow_other", argc > 2 ? argv[2] : NULL,
	                     NULL};

	directory = argc < 3 ? -1 : open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || argc - 3 > RULES) {
		fprintf(stderr, "usage: answers DIRECTORY MOUNT-POINT [numbered] CALL[/NAME]=ERRNO[:FROM]...\n");
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "numbered")) {
			numbered = 1;
		} else if (read_rule(argv[i], &rules[n_rules++])) {
			fprintf(stderr, "answers: what is '%s'?\n", argv[i]);
			return 2;
		}
	}
	umask(0);
	return fuse_main(6, fuse_argv, &operations, NULL);
}
