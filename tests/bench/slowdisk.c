/* SPDX-License-Identifier: Apache-2.0 */
/* slowdisk BACKING MILLISECONDS MOUNTPOINT: a FUSE file system with one file, "disk", which is the file BACKING. Each read waits
 * that long first; reads that come at the same time wait at the same time, as on storage behind a network. Stays in the foreground.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME "/disk"
#define TOGETHER 64 /* requests that may wait at the same time */

static int backing;
static struct timespec latency;

static void *start(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	conn->max_background = TOGETHER;
	conn->congestion_threshold = TOGETHER;
	conn->want |= conn->capable & FUSE_CAP_ASYNC_DIO;
	cfg->attr_timeout = 3600;
	cfg->entry_timeout = 3600;
	return NULL;
}

static int get_attributes(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	if (!strcmp(path, "/")) {
		*st = (struct stat){.st_mode = S_IFDIR | 0700, .st_nlink = 2};
		return 0;
	}
	return strcmp(path, NAME) != 0 ? -ENOENT : fstat(backing, st) ? -errno : 0;
}

static int list(const char *path, void *buf, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *fi,
                enum fuse_readdir_flags flags)
{
	(void)path, (void)at, (void)fi, (void)flags;
	return fill(buf, &NAME[1], NULL, 0, 0) ? -ENOMEM : 0;
}

static int open_disk(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	return strcmp(path, NAME) != 0 ? -ENOENT : 0;
}

static int read_disk(const char *path, char *buf, size_t size, off_t at, struct fuse_file_info *fi)
{
	ssize_t n;

	(void)path, (void)fi;
	nanosleep(&latency, NULL);
	n = pread(backing, buf, size, at);
	return n < 0 ? -errno : (int)n;
}

static int write_disk(const char *path, const char *buf, size_t size, off_t at, struct fuse_file_info *fi)
{
	ssize_t n = pwrite(backing, buf, size, at);

	(void)path, (void)fi;
	return n < 0 ? -errno : (int)n;
}

static int sync_disk(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)path, (void)data_only, (void)fi;
	return fdatasync(backing) ? -errno : 0;
}

static int punch(const char *path, int mode, off_t at, off_t len, struct fuse_file_info *fi)
{
	(void)path, (void)fi;
	return fallocate(backing, mode, at, len) ? -errno : 0;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {.init = start,
	                                                  .getattr = get_attributes,
	                                                  .readdir = list,
	                                                  .open = open_disk,
	                                                  .read = read_disk,
	                                                  .write = write_disk,
	                                                  .fsync = sync_disk,
	                                                  .fallocate = punch};
	char *fuse_argv[] = {argv[0], "-f", argv[3], "-o", (char[]){"max_threads=64"}, NULL};
	/* Before 3.12 there was neither the option nor the limit. */
	int fuse_argc = FUSE_VERSION >= FUSE_MAKE_VERSION(3, 12) ? 5 : 3;
	long ms = argc == 4 ? strtol(argv[2], NULL, 10) : -1;

	backing = ms < 0 ? -1 : open(argv[1], O_RDWR | O_CLOEXEC);
	if (backing < 0) {
		fprintf(stderr, "usage: slowdisk BACKING MILLISECONDS MOUNTPOINT\n");
		return 2;
	}
	latency = (struct timespec){ms / 1000, ms % 1000 * 1000000};
	return fuse_main(fuse_argc, fuse_argv, &operations, NULL);
}
