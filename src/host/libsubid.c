/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges that a directory gives (nsswitch.conf, subid:), read as newuidmap reads them: through shadow's library and its plugin.
 * Only reading: what else libsubid offers is not safe to allocate with. Optional (configure --with-libsubid). */
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"

#ifdef HAVE_LIBSUBID

#include <dlfcn.h>
#include <shadow/subid.h>

#define ASK_MS 10000 /* a directory that is slow must not hold up a look at the ranges for ever */

static void free_ranges(struct subid_range *r)
{
#ifdef HAVE_SUBID_FREE
	subid_free(r);
#else
	free(r);
#endif
}

/* ---- whom to ask for ---- */

struct owners {
	const char **v;
	size_t n;
};

static void owners_done(struct owners *o)
{
	free(o->v);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_owner(struct owners *o, const char *name)
{
	if (!uns_subid_owner_valid(name) || strspn(name, "0123456789") == strlen(name))
		return; /* a source knows users by name; those that a number stands for are in passwd */
	o->v[o->n++] = name;
}

/* Owners of lines and users of passwd, each once. */
static int find_owners(const struct uns_idfacts *f, struct owners *ret, struct uns_err *err)
{
	size_t all = f->users.n + f->sub[UNS_UID].s.n + f->sub[UNS_GID].s.n, kept = 0;

	ret->v = reallocarray(NULL, all ? all : 1, sizeof(*ret->v));
	if (!ret->v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < f->users.n; i++)
		add_owner(ret, f->users.v[i].name);
	for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++)
		for (size_t i = 0; i < f->sub[k].s.n; i++)
			add_owner(ret, f->sub[k].s.v[i].owner);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	for (size_t i = 0; i < ret->n; i++)
		if (kept == 0 || strcmp(ret->v[kept - 1], ret->v[i]) != 0)
			ret->v[kept++] = ret->v[i];
	ret->n = kept;
	return 0;
}

/* ---- asking ---- */

static int get_ranges(enum uns_idkind kind, const char *owner, struct subid_range **ret)
{
	return kind == UNS_UID ? subid_get_uid_ranges(owner, ret) : subid_get_gid_ranges(owner, ret);
}

/* To a source numbers are longs; what lies beyond the last ID nobody can map. */
static int add_range(const struct subid_range *r, const char *owner, struct uns_rangeset *ret, struct uns_err *err)
{
	struct uns_range range = { (uint32_t)r->start, 0 };

	if (r->start > UNS_ID_LAST || r->count == 0)
		return 0;
	range.count = r->count > UNS_ID_LAST - r->start + 1 ? UNS_ID_LAST - range.start + 1 : (uint32_t)r->count;
	return uns_rangeset_add(ret, range, owner, err);
}

static int ask_owner(struct uns_idfacts *f, enum uns_idkind kind, const char *owner, struct uns_err *err)
{
	struct subid_range *ranges = NULL;
	int n = get_ranges(kind, owner, &ranges), r = 0; /* negative: it does not know the user, or does not answer */

	for (int i = 0; r == 0 && ranges && i < n; i++)
		r = add_range(&ranges[i], owner, &f->plugin[kind], err);
	if (ranges)
		free_ranges(ranges);
	return r;
}

int uns_host_ask_plugin(struct uns_idfacts *f, struct uns_err *err)
{
	uns_auto(owners_done) struct owners o = { 0 };
	int64_t until = uns_idfacts_clock() + ASK_MS;

	if (find_owners(f, &o, err) < 0)
		return -1;
	f->subid_source_read = true;
	for (size_t i = 0; i < o.n; i++) {
		if (uns_idfacts_clock() >= until) {
			f->probe_cut = true;
			return 0;
		}
		for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++)
			if (ask_owner(f, k, o.v[i], err) < 0)
				return -1;
	}
	return 0;
}

/* Where the plugin cannot be loaded, libsubid reads the files in its place, and they must not be taken for the source's word. */
static bool is_loaded(const char *source)
{
	struct subid_range *ranges = NULL;
	char name[128];
	void *handle;

	if (subid_get_uid_ranges("root", &ranges) > 0)
		free_ranges(ranges);
	snprintf(name, sizeof(name), "libsubid_%s.so", source);
	handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
	if (handle)
		dlclose(handle);
	return handle != NULL;
}

int uns_host_read_plugin(struct uns_idfacts *f, struct uns_err *err)
{
	FILE *quiet;
	int r = 0;

	if (f->offline || !f->subid_source)
		return 0;
	/* It says what it thinks of the configuration on stderr, which is not ours to write to. */
	quiet = fopen("/dev/null", "we");
	if (!quiet)
		return uns_err_sys(err, errno, "cannot open /dev/null");
	if (subid_init(NULL, quiet) && is_loaded(f->subid_source))
		r = uns_host_ask_plugin(f, err);
	subid_init(NULL, stderr);
	fclose(quiet);
	return r;
}

#else

int uns_host_ask_plugin(struct uns_idfacts *f, struct uns_err *err)
{
	(void)f;
	(void)err;
	return 0;
}

int uns_host_read_plugin(struct uns_idfacts *f, struct uns_err *err)
{
	return uns_host_ask_plugin(f, err);
}

#endif
