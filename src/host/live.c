/* SPDX-License-Identifier: Apache-2.0 */
/* The user namespaces that processes live in (user_namespaces(7)). Linear in the number of processes: a namespace is read once,
 * however many processes are in it. */
#include <fcntl.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

struct sweep {
	const char *proc;
	bool have_own;              /* our namespace is known by its number */
	uint64_t own;
	struct uns_buf own_maps;
	struct uns_inomap known;    /* namespaces by number (dev 0), or by a hash of their maps (dev 1: texts.v[value - 1]) */
	struct uns_strs texts;      /* maps of namespaces whose number is kept from us */
	struct uns_live *v;
	size_t n, cap;
};

static void sweep_done(struct sweep *w)
{
	uns_buf_done(&w->own_maps);
	uns_inomap_done(&w->known);
	uns_strs_done(&w->texts);
	free(w->v);
}

/* The number in "user:[4026531837]". 0; 1 when it is kept from us or the process is gone. */
static int read_namespace(const char *proc, const char *pid, uint64_t *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s/ns/user", proc, pid);
	char target[64];
	size_t len;
	ssize_t n;

	if (!path)
		return -1;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return 1;
	target[n] = '\0';
	len = strlen("user:[");
	if (!uns_str_starts(target, "user:["))
		return 1;
	return uns_num_u64(target + len, strcspn(target + len, "]"), ret) == 0 ? 0 : 1;
}

static int append_map(const char *proc, const char *pid, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s/%s", proc, pid, name);

	return path ? uns_host_read_proc(path, ret, err) : -1;
}

/* Both maps in one text, *ret_gids where the second begins. 0; 1 when the process is gone or there are none (yet). */
static int read_maps(const char *proc, const char *pid, struct uns_buf *ret, size_t *ret_gids, struct uns_err *err)
{
	int r = append_map(proc, pid, "uid_map", ret, err);
	size_t gids = ret->len;

	if (r == 0)
		r = append_map(proc, pid, "gid_map", ret, err);
	if (r)
		return r;
	*ret_gids = gids;
	return ret->len ? 0 : 1;
}

/* Three numbers with blanks before them. */
static bool read_extent(const char *line, uint32_t ret[3])
{
	for (size_t i = 0; i < 3; i++) {
		size_t len;

		line += strspn(line, " \t");
		len = strcspn(line, " \t");
		if (uns_num_u32(line, len, &ret[i]) < 0)
			return false;
		line += len;
	}
	return *line == '\0';
}

/* Whether the extent takes IDs of ours. An outside of (uid_t)-1 is none that our namespace has. Accounts that stay what they are
 * (systemd's PrivateUsers=identity, and =full with its "1 1 4294967294") are nobody's range; what begins higher may well be. */
static bool takes_ids(const uint32_t extent[3], struct uns_range *ret)
{
	uint32_t start = extent[1], count = extent[2];

	if (start > UNS_ID_LAST || count == 0 || (extent[0] == start && start < UNS_ID_BLOCK))
		return false;
	if (count > UNS_ID_LAST - start + 1)
		count = UNS_ID_LAST - start + 1;
	*ret = (struct uns_range){ start, count };
	return true;
}

static int add_extents(struct sweep *w, struct uns_buf *maps, size_t gids, const struct uns_live *proto, struct uns_err *err)
{
	size_t at = 0;

	for (;;) {
		struct uns_live one = *proto, *v;
		uint32_t extent[3];
		char *line;

		one.kind = at < gids ? UNS_UID : UNS_GID;
		line = uns_host_line(maps, &at);
		if (!line)
			return 0;
		if (!read_extent(line, extent) || !takes_ids(extent, &one.range))
			continue;
		v = uns_vec_room(w->v, w->n, &w->cap, sizeof(*v));
		if (!v)
			return uns_err_nomem(err);
		w->v = v;
		w->v[w->n++] = one;
	}
}

static uint64_t hash_of(const struct uns_buf *b)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < b->len; i++)
		h = (h ^ (unsigned char)b->data[i]) * 1099511628211u;
	return h;
}

static bool is_text(const struct uns_buf *b, const char *s)
{
	return strlen(s) == b->len && memcmp(b->data, s, b->len) == 0;
}

/* Of a namespace without a number: whether these very maps were met before. 0 new; 1 met; -1. */
static int note_maps(struct sweep *w, const struct uns_buf *maps, struct uns_err *err)
{
	struct uns_inoslot *slot;
	bool is_new;

	/* Ours, as far as can be told: its maps are shown to us in the parent's IDs, those of any below us in our own. */
	if (w->own_maps.len == maps->len && memcmp(w->own_maps.data, maps->data, maps->len) == 0)
		return 1;
	slot = uns_inomap_add(&w->known, 1, hash_of(maps), &is_new, err);
	if (!slot)
		return -1;
	if (!is_new)
		return is_text(maps, w->texts.v[slot->value - 1]) ? 1 : 0;
	slot->value = w->texts.n + 1;
	return uns_strs_add(&w->texts, maps->data, err);
}

/* Remembers the namespace, or its maps. 0 new; 1 met before; -1. */
static int note(struct sweep *w, bool have_ns, uint64_t ns, const struct uns_buf *maps, struct uns_err *err)
{
	if (!have_ns)
		return note_maps(w, maps, err);
	return uns_inomap_add(&w->known, 0, ns, NULL, err) ? 0 : -1;
}

static int take_process(struct sweep *w, const char *name, uint32_t pid, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf maps = UNS_BUF_INIT;
	struct uns_live proto = { .pid = (pid_t)pid };
	uint64_t ns = 0;
	size_t gids = 0;
	int hidden = read_namespace(w->proc, name, &ns, err), r;

	if (hidden < 0)
		return -1;
	if (!hidden && ((w->have_own && ns == w->own) || uns_inomap_find(&w->known, 0, ns)))
		return 0;
	r = read_maps(w->proc, name, &maps, &gids, err);
	if (r == 0)
		r = note(w, !hidden, ns, &maps, err);
	if (r)
		return r < 0 ? -1 : 0;
	if (uns_host_read_comm(w->proc, proto.pid, proto.comm, sizeof(proto.comm), err) < 0)
		return -1;
	return add_extents(w, &maps, gids, &proto, err);
}

static int read_own(struct sweep *w, struct uns_err *err)
{
	size_t gids;
	int r = read_namespace(w->proc, "self", &w->own, err);

	if (r < 0 || read_maps(w->proc, "self", &w->own_maps, &gids, err) < 0)
		return -1;
	w->have_own = r == 0;
	return 0;
}

int uns_host_read_live(const char *proc, struct uns_idfacts *f, struct uns_err *err)
{
	uns_auto(uns_closedirp) DIR *d = opendir(proc);
	uns_auto(sweep_done) struct sweep w = { .proc = proc };
	struct dirent *e;

	if (read_own(&w, err) < 0)
		return -1;
	while (d && (e = readdir(d))) {
		uint32_t pid;

		if (uns_num_u32(e->d_name, strlen(e->d_name), &pid) < 0 || pid == 0 || pid > INT32_MAX)
			continue;
		if (take_process(&w, e->d_name, pid, err) < 0)
			return -1;
	}
	f->live = uns_take_ptr(w.v);
	f->lives = w.n;
	return 0;
}
