/* SPDX-License-Identifier: Apache-2.0 */
/* bare DIRECTORY UID THREADS [exclusive]: the system calls that a shift must make, with no tool around them. First each name is looked
 * at and its attributes are listed (statx, listxattrat), then it is looked at again, unless exclusive, and given away (fchownat). No
 * record, no check, no sums, nothing but files and directories, no wait for the disk: the floor under what a shift can take. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_listxattrat
#define __NR_listxattrat 465
#endif
#define PART 1000 /* names that one thread takes of a directory */
#define THREADS_MAX 64

struct part {
	struct part *next;
	char *path;       /* of the directory; parts share it */
	char *names, *end; /* each with its NUL; NULL: still to be read */
};

static struct part *todo, *done;
static unsigned busy, waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static bool changing, exclusive;
static uid_t owner;

static void stop(const char *what)
{
	perror(what);
	exit(1);
}

static void *room(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		stop("bare");
	return p;
}

static void put(struct part **list, struct part p)
{
	struct part *copy = room(NULL, sizeof(p));

	*copy = p;
	pthread_mutex_lock(&lock);
	copy->next = *list;
	*list = copy;
	if (waiting)
		pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

static void put_dir(const char *above, const char *name)
{
	char *path = room(NULL, strlen(above) + strlen(name) + 2);

	sprintf(path, "%s/%s", above, name);
	put(&todo, (struct part){.path = path});
}

static void put_names(char *path, const char *names, size_t len)
{
	char *copy = memcpy(room(NULL, len), names, len);

	put(&done, (struct part){.path = path, .names = copy, .end = copy + len});
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		stop(path);
	return fd;
}

struct name {
	ino_t ino;
	char *name;
};

static int by_inode(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static size_t read_names(int fd, struct name **ret)
{
	DIR *dir = fdopendir(dup(fd));
	struct name *v = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (n == cap)
			v = room(v, (cap = 2 * cap + 64) * sizeof(*v));
		v[n++] = (struct name){e->d_ino, strdup(e->d_name)};
	}
	closedir(dir);
	if (n)
		qsort(v, n, sizeof(*v), by_inode);
	*ret = v;
	return n;
}

static void look(int fd, const char *name, struct statx *st)
{
	if (statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, st))
		stop(name);
}

/* What is to be done later, in the same pieces. */
static void scan(const struct part *p)
{
	int fd = open_dir(p->path);
	static _Thread_local char names[PART * 256];
	char list[256], *end = names;
	struct name *v;
	struct statx st;

	for (size_t n = read_names(fd, &v), i = 0; i < n; i++) {
		look(fd, v[i].name, &st);
		(void)!syscall(__NR_listxattrat, fd, v[i].name, AT_SYMLINK_NOFOLLOW, list, sizeof(list));
		if (S_ISDIR(st.stx_mode))
			put_dir(p->path, v[i].name);
		end = stpcpy(end, v[i].name) + 1;
		free(v[i].name);
		if (i + 1 < n && (i + 1) % PART)
			continue;
		put_names(p->path, names, (size_t)(end - names));
		end = names;
	}
	free(v);
	close(fd);
}

static void change(const struct part *p)
{
	int fd = open_dir(p->path);
	struct statx st;

	for (const char *name = p->names; name < p->end; name += strlen(name) + 1) {
		if (!exclusive)
			look(fd, name, &st);
		if (fchownat(fd, name, owner, owner, AT_SYMLINK_NOFOLLOW))
			stop(name);
	}
	close(fd);
}

static void *work(void *unused)
{
	struct part *p;

	(void)unused;
	pthread_mutex_lock(&lock);
	while (todo || busy) {
		if (!todo) {
			waiting++;
			pthread_cond_wait(&more, &lock);
			waiting--;
			continue;
		}
		p = todo;
		todo = p->next;
		busy++;
		pthread_mutex_unlock(&lock);
		(changing ? change : scan)(p);
		free(p);
		pthread_mutex_lock(&lock);
		if (!--busy && !todo)
			pthread_cond_broadcast(&more);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void run(unsigned threads)
{
	pthread_t thread[THREADS_MAX];

	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, NULL))
			stop("bare");
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 3 ? (unsigned)atoi(argv[3]) : 0;

	if (!threads || threads > THREADS_MAX) {
		fputs("usage: bare DIRECTORY UID THREADS [exclusive]\n", stderr);
		return 2;
	}
	owner = (uid_t)atol(argv[2]);
	exclusive = argc > 4;
	put(&todo, (struct part){.path = strdup(argv[1])});
	run(threads);
	if (fchownat(AT_FDCWD, argv[1], owner, owner, AT_SYMLINK_NOFOLLOW))
		stop(argv[1]);
	todo = done;
	changing = true;
	run(threads);
	return 0;
}
