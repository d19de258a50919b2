/* SPDX-License-Identifier: Apache-2.0 */
/* cutdisk BACKING SEED MOUNTPOINT: a FUSE file system with one file, "disk", which is the file BACKING: a disk with a cache. A flush
 * makes sure what was written before it. SIGUSR1 cuts the power: of the blocks written since the last flush some are there and some are
 * what they were, by the seed; then a byte is written to the standard output, and nothing is read or written any more. Stays in the
 * foreground. */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "/disk"
#define BLOCK 4096

static int backing;
static off_t size;
static unsigned share; /* of what was not flushed and is there all the same, of 4 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool dead;
static char **old; /* of each block that was written since the last flush: what it was */
static size_t *dirty, n_dirty;
static sigset_t cut_signal;

static void *wait_for_cut(void *unused)
{
	int sig;

	(void)unused;
	sigwait(&cut_signal, &sig);
	pthread_mutex_lock(&lock);
	dead = true;
	for (size_t i = 0; i < n_dirty; i++)
		if ((unsigned)random() % 4 >= share && pwrite(backing, old[dirty[i]], BLOCK, (off_t)dirty[i] * BLOCK) != BLOCK)
			_exit(1);
	pthread_mutex_unlock(&lock);
	if (write(STDOUT_FILENO, "c", 1) != 1)
		_exit(1);
	return NULL;
}

static void *start(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	pthread_t thread;

	(void)conn;
	cfg->attr_timeout = 3600;
	cfg->entry_timeout = 3600;
	if (pthread_create(&thread, NULL, wait_for_cut, NULL) || write(STDOUT_FILENO, "s", 1) != 1)
		_exit(1);
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

static int open_disk(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	return strcmp(path, NAME) != 0 ? -ENOENT : 0;
}

static int read_disk(const char *path, char *buf, size_t len, off_t at, struct fuse_file_info *fi)
{
	ssize_t n;

	(void)path, (void)fi;
	pthread_mutex_lock(&lock);
	errno = EIO;
	n = dead ? -1 : pread(backing, buf, len, at);
	pthread_mutex_unlock(&lock);
	return n < 0 ? -errno : (int)n;
}

static int keep_old(size_t block)
{
	char *copy;

	if (old[block])
		return 0;
	copy = malloc(BLOCK);
	if (!copy || pread(backing, copy, BLOCK, (off_t)block * BLOCK) != BLOCK) {
		free(copy);
		return -1;
	}
	old[block] = copy;
	dirty[n_dirty++] = block;
	return 0;
}

static ssize_t write_some(const char *buf, size_t len, off_t at)
{
	errno = EIO;
	if (dead || at < 0 || at + (off_t)len > size)
		return -1;
	for (off_t b = at / BLOCK; b * BLOCK < at + (off_t)len; b++)
		if (keep_old((size_t)b))
			return -1;
	return pwrite(backing, buf, len, at);
}

static int write_disk(const char *path, const char *buf, size_t len, off_t at, struct fuse_file_info *fi)
{
	ssize_t n;

	(void)path, (void)fi;
	pthread_mutex_lock(&lock);
	n = write_some(buf, len, at);
	pthread_mutex_unlock(&lock);
	return n < 0 ? -errno : (int)n;
}

static int flush_disk(const char *path, int data_only, struct fuse_file_info *fi)
{
	int r = 0;

	(void)path, (void)data_only, (void)fi;
	pthread_mutex_lock(&lock);
	if (dead)
		r = -EIO;
	while (!dead && n_dirty) {
		size_t block = dirty[--n_dirty];

		free(old[block]);
		old[block] = NULL;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {.init = start,
	                                                  .getattr = get_attributes,
	                                                  .open = open_disk,
	                                                  .read = read_disk,
	                                                  .write = write_disk,
	                                                  .fsync = flush_disk};
	char *fuse_argv[] = {argv[0], "-f", argv[3], NULL};
	struct stat st;

	backing = argc == 4 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	if (backing < 0 || fstat(backing, &st)) {
		fprintf(stderr, "usage: cutdisk BACKING SEED MOUNTPOINT\n");
		return 2;
	}
	srandom((unsigned)strtoul(argv[2], NULL, 10));
	share = (unsigned)random() % 5;
	size = st.st_size / BLOCK * BLOCK;
	old = calloc((size_t)size / BLOCK, sizeof(*old));
	dirty = calloc((size_t)size / BLOCK, sizeof(*dirty));
	if (!old || !dirty)
		return 1;
	sigemptyset(&cut_signal);
	sigaddset(&cut_signal, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &cut_signal, NULL);
	return fuse_main(3, fuse_argv, &operations, NULL);
}
