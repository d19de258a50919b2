/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of the host that containers mount or use as devices: who owns them, and what in them not everybody may use. A path that
 * cannot be looked at is one that is not there: nothing is foretold of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"

static void closed_done(struct uns_hostpath *p)
{
	for (size_t i = 0; i < p->closeds; i++)
		free(p->closed[i].name);
	free(p->closed);
	p->closed = NULL;
	p->closeds = 0;
}

void uns_hostpaths_done(struct uns_hostpaths *l)
{
	for (size_t i = 0; i < l->n; i++) {
		closed_done(&l->v[i]);
		free(l->v[i].path);
		free(l->v[i].real);
	}
	free(l->v);
	*l = (struct uns_hostpaths){0};
}

/* ---- which ---- */

static int add_devices(const struct uns_container *c, struct uns_strs *ret, struct uns_err *err)
{
	const json_t *devices = json_object_get(c->host, "Devices");

	for (size_t i = 0; i < json_array_size(devices); i++) {
		const char *path = uns_json_str_or(json_array_get(devices, i), "PathOnHost", "");

		if (*path == '/' && uns_strs_add(ret, path, err) < 0)
			return -1;
	}
	return 0;
}

/* Where the drivers of volumes said that these lie, when the container was made. */
static int add_volumes(const struct uns_container *c, struct uns_strs *ret, struct uns_err *err)
{
	json_t *m;
	const char *inside;

	json_object_foreach (c->mounts, inside, m) {
		const char *driver = uns_json_str_or(m, "Driver", ""), *source = uns_json_str_or(m, "Source", "");

		if (*driver && strcmp(driver, "local") != 0 && *source == '/' && uns_strs_add(ret, source, err) < 0)
			return -1;
	}
	return 0;
}

static int add_store(const struct uns_store *s, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < s->containers; i++) {
		const struct uns_container *c = &s->container[i];

		for (size_t k = 0; k < c->binds.n; k++)
			if (*c->binds.v[k] == '/' && uns_strs_add(ret, c->binds.v[k], err) < 0)
				return -1;
		if (add_devices(c, ret, err) < 0 || add_volumes(c, ret, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < s->volumes; i++)
		if (s->volume[i].device && *s->volume[i].device == '/' && uns_strs_add(ret, s->volume[i].device, err) < 0)
			return -1;
	return 0;
}

/* ---- what they are ---- */

/* What others may not read and write; of a directory: not enter either. */
static bool is_closed(const struct stat *st)
{
	mode_t need = S_IROTH | S_IWOTH | (S_ISDIR(st->st_mode) ? S_IXOTH : 0);

	return !S_ISLNK(st->st_mode) && (st->st_mode & need) != need;
}

static int add_closed(struct uns_hostpath *p, const char *name, const struct stat *st, struct uns_err *err)
{
	struct uns_closed *v = reallocarray(p->closed, p->closeds + 1, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	p->closed = v;
	v[p->closeds].name = uns_str_dup(name, err);
	if (!v[p->closeds].name)
		return -1;
	v[p->closeds].uid = st->st_uid;
	v[p->closeds].gid = st->st_gid;
	v[p->closeds++].mode = st->st_mode;
	return 0;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int by_owner(const void *a, const void *b)
{
	const struct uns_closed *x = a, *y = b;
	int r = ORDER(x->uid, y->uid);

	r = r ? r : ORDER(x->gid, y->gid);
	r = r ? r : ORDER(x->mode, y->mode);
	return r ? r : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct uns_closed *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Entries of one kind, owner and mode share their fate: the first by name stands for them, so that a message is the same each time. */
static void keep_one_of_each(struct uns_hostpath *p)
{
	size_t n = 0;

	if (!p->closeds)
		return;
	qsort(p->closed, p->closeds, sizeof(*p->closed), by_owner);
	for (size_t i = 0; i < p->closeds; i++) {
		struct uns_closed *e = &p->closed[i], *kept = n ? &p->closed[n - 1] : NULL;

		if (kept && kept->uid == e->uid && kept->gid == e->gid && kept->mode == e->mode)
			free(e->name);
		else
			p->closed[n++] = *e;
	}
	p->closeds = n;
	qsort(p->closed, n, sizeof(*p->closed), by_name);
}

static int read_closed(const struct uns_root *root, struct uns_hostpath *p, struct uns_err *err)
{
	struct uns_err why = {0};
	int fd = uns_root_openat(root, p->path, O_RDONLY | O_DIRECTORY, &why);
	uns_auto(uns_closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	p->empty = true;
	if (!d && fd >= 0)
		close(fd);
	for (size_t looked = 0; d && looked < UNS_CLOSED_LOOKED && (e = readdir(d)); looked++) {
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		p->empty = false;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
			continue;
		p->devices |= S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
		if (is_closed(&st) && add_closed(p, e->d_name, &st, err) < 0)
			return -1;
	}
	keep_one_of_each(p);
	return 0;
}

static int look(const struct uns_root *root, struct uns_hostpath *p, struct uns_err *err)
{
	struct uns_err why = {0};
	uns_auto_close int fd = uns_root_openat(root, p->path, O_PATH, &why);
	struct stat st;

	p->closed_to_us = fd < 0 && (why.errnum == EACCES || why.errnum == EPERM);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	p->real = uns_root_resolve(root, p->path, &why);
	p->there = p->real != NULL;
	if (!p->there)
		return 0;
	p->uid = st.st_uid;
	p->gid = st.st_gid;
	p->mode = st.st_mode;
	p->dev_major = major(st.st_rdev);
	p->dev_minor = minor(st.st_rdev);
	if (!S_ISDIR(st.st_mode) || uns_path_below(p->real, "/proc") || uns_path_below(p->real, "/sys"))
		return 0;
	return read_closed(root, p, err);
}

static unsigned read_kernel(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 ? major << 16 | minor : 0;
}

int uns_host_read_hostpaths(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	struct uns_hostpaths *l = &f->hostpaths;
	uns_auto(uns_strs_done) struct uns_strs paths = UNS_STRS_INIT;

	l->kernel = root->is_host ? read_kernel() : 0;
	if (add_store(&f->flat, &paths, err) < 0 || add_store(&f->nested, &paths, err) < 0)
		return -1;
	if (paths.n == 0)
		return 0;
	uns_strs_sort(&paths);
	l->v = calloc(paths.n, sizeof(*l->v));
	if (!l->v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < paths.n; i++) {
		if (i && strcmp(paths.v[i], paths.v[i - 1]) == 0)
			continue;
		l->v[l->n].path = uns_str_dup(paths.v[i], err);
		if (!l->v[l->n].path || look(root, &l->v[l->n++], err) < 0)
			return -1;
	}
	return 0;
}
