/* SPDX-License-Identifier: Apache-2.0 */
/* The record of shift-tree:
 * {"from":"before","base":{"ino","handle","born":[s,ns]},"counts":{…},"devs":[path…],"specials":[{"path","dev","ino","handle","born",
 * "mtime":[s,ns],"size","uid","gid","mode","cap","flags","acl_access","acl_default","exact"}],"foreign":[{"dev","ino","handle","born",
 * "uid","gid"}],"dev_ids":[{"ino","handle"}…],"trees":[{"path","inodes","sums":[hex…]}]}.
 * Paths are escaped. Older ones have no handles of what is foreign, and no dev_ids. The base has the number 0 on FUSE, where those of
 * specials and of what is foreign are made of their paths. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shift.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"

/* Numbers that no device has. */
#define DEV_LOST UINT64_MAX

void uns_shift_foreign_done(struct uns_shift_foreign *f)
{
	free(f->id.handle);
	*f = (struct uns_shift_foreign){0};
}

static void identity_done(struct uns_shift_identity *id)
{
	free(id->handle);
	*id = (struct uns_shift_identity){0};
}

void uns_shift_special_done(struct uns_shift_special *s)
{
	free(s->path);
	free(s->id.handle);
	free(s->acl[0]);
	free(s->acl[1]);
	*s = (struct uns_shift_special){0};
}

void uns_shift_record_done(struct uns_shift_record *r)
{
	for (size_t i = 0; i < r->n_specials; i++)
		uns_shift_special_done(&r->specials[i]);
	for (size_t i = 0; i < r->n_foreign; i++)
		uns_shift_foreign_done(&r->foreign[i]);
	for (size_t i = 0; i < r->n_trees; i++)
		free(r->trees[i].path);
	for (size_t i = 0; i < r->n_dev_ids; i++)
		identity_done(&r->dev_ids[i]);
	free(r->dev_ids);
	free(r->lost);
	free(r->specials);
	free(r->foreign);
	free(r->trees);
	free(r->base.handle);
	uns_strs_done(&r->devs);
	uns_inomap_done(&r->dev_no);
	uns_inomap_done(&r->special_at);
	uns_inomap_done(&r->foreign_at);
	*r = (struct uns_shift_record){0};
}

/* Room for one more. */
static int room(void **v, size_t n, size_t *cap, size_t size, struct uns_err *err)
{
	size_t more = *cap ? 2 * *cap : 16;
	void *p;

	if (n < *cap)
		return 0;
	p = reallocarray(*v, more, size);
	if (!p)
		return uns_err_nomem(err);
	*v = p;
	*cap = more;
	return 0;
}

int uns_shift_record_add_special(struct uns_shift_record *r, struct uns_shift_special *s, struct uns_err *err)
{
	uns_auto(uns_shift_special_done) struct uns_shift_special taken = *s;
	void *v = r->specials;
	struct uns_inoslot *slot;

	*s = (struct uns_shift_special){0};
	if (room(&v, r->n_specials, &r->cap_specials, sizeof(*r->specials), err))
		return -1;
	r->specials = v;
	slot = uns_inomap_add(&r->special_at, taken.dev, taken.id.ino, NULL, err);
	if (!slot)
		return -1;
	if (slot->value)
		return 0;
	r->specials[r->n_specials++] = taken;
	slot->value = r->n_specials;
	taken = (struct uns_shift_special){0};
	return 0;
}

int uns_shift_record_add_foreign(struct uns_shift_record *r, struct uns_shift_foreign *f, struct uns_err *err)
{
	uns_auto(uns_shift_foreign_done) struct uns_shift_foreign taken = *f;
	void *v = r->foreign;
	struct uns_inoslot *slot;

	*f = (struct uns_shift_foreign){0};
	if (room(&v, r->n_foreign, &r->cap_foreign, sizeof(*r->foreign), err))
		return -1;
	r->foreign = v;
	slot = uns_inomap_add(&r->foreign_at, taken.dev, taken.id.ino, NULL, err);
	if (!slot)
		return -1;
	if (slot->value)
		return 0;
	r->foreign[r->n_foreign++] = taken;
	slot->value = r->n_foreign;
	taken = (struct uns_shift_foreign){0};
	return 0;
}

static int copy_foreign(const struct uns_shift_foreign *from, struct uns_shift_foreign *ret, struct uns_err *err)
{
	*ret = *from;
	if (!from->id.handle)
		return 0;
	ret->id.handle = malloc(from->id.handle_len + 1);
	if (!ret->id.handle)
		return uns_err_nomem(err);
	memcpy(ret->id.handle, from->id.handle, from->id.handle_len);
	return 0;
}

uint64_t uns_shift_lost_dev(size_t i)
{
	return DEV_LOST - i;
}

ssize_t uns_shift_lost_no(const struct uns_shift_record *r, uint64_t dev)
{
	return DEV_LOST - dev < r->n_lost ? (ssize_t)(DEV_LOST - dev) : -1;
}

bool uns_shift_record_knows_dev(const struct uns_shift_record *r, uint64_t dev)
{
	return uns_inomap_find(&r->dev_no, dev, 0) != NULL;
}

static int add_lost(struct uns_shift_record *r, size_t dev_index, struct uns_err *err)
{
	size_t *v = reallocarray(r->lost, r->n_lost + 1, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	r->lost = v;
	v[r->n_lost++] = dev_index;
	return 0;
}

/* What an earlier record lost is lost here too, with paths of that record. */
static int inherit_lost(struct uns_shift_record *r, const struct uns_shift_record *earlier, struct uns_err *err)
{
	for (size_t i = 0; i < earlier->n_lost; i++)
		if (uns_strs_add(&r->devs, earlier->devs.v[earlier->lost[i]], err) || add_lost(r, r->devs.n - 1, err))
			return -1;
	return 0;
}

int uns_shift_record_inherit(struct uns_shift_record *r, const struct uns_shift_record *earlier, struct uns_err *err)
{
	size_t own = r->n_lost;

	if (earlier->from == r->from)
		return 0;
	if (inherit_lost(r, earlier, err))
		return -1;
	for (size_t i = 0; i < earlier->n_foreign; i++) {
		ssize_t lost = uns_shift_lost_no(earlier, earlier->foreign[i].dev);
		struct uns_shift_foreign f;

		if (copy_foreign(&earlier->foreign[i], &f, err))
			return -1;
		if (lost >= 0)
			f.dev = uns_shift_lost_dev(own + (size_t)lost);
		if (uns_shift_record_add_foreign(r, &f, err))
			return -1;
	}
	return 0;
}

int uns_shift_record_note_dev(struct uns_shift_record *r, uint64_t dev, const char *path, struct uns_err *err)
{
	uns_auto_free char *escaped = NULL;
	struct uns_inoslot *slot;

	if (uns_inomap_find(&r->dev_no, dev, 0))
		return 0;
	escaped = uns_str_escape(path, err);
	if (!escaped || uns_strs_add(&r->devs, escaped, err))
		return -1;
	slot = uns_inomap_add(&r->dev_no, dev, 0, NULL, err);
	if (!slot)
		return -1;
	slot->value = r->devs.n;
	return 0;
}

static int join_devs(struct uns_shift_record *r, const struct uns_shift_record *more, struct uns_err *err)
{
	for (size_t i = 0; i < more->dev_no.cap; i++) {
		const struct uns_inoslot *have = &more->dev_no.v[i];
		struct uns_inoslot *slot;

		if (!have->used || uns_inomap_find(&r->dev_no, have->dev, 0))
			continue;
		if (uns_strs_add(&r->devs, more->devs.v[have->value - 1], err))
			return -1;
		slot = uns_inomap_add(&r->dev_no, have->dev, 0, NULL, err);
		if (!slot)
			return -1;
		slot->value = r->devs.n;
	}
	return 0;
}

int uns_shift_record_join(struct uns_shift_record *r, struct uns_shift_record *more, struct uns_err *err)
{
	for (size_t i = 0; i < more->n_specials; i++)
		if (uns_shift_record_add_special(r, &more->specials[i], err))
			return -1;
	for (size_t i = 0; i < more->n_foreign; i++)
		if (uns_shift_record_add_foreign(r, &more->foreign[i], err))
			return -1;
	return join_devs(r, more, err);
}

/* uns_str_escape undone, in place. */
static int unescape(char *s, struct uns_err *err)
{
	static const char digits[] = "0123456789abcdef";
	char *to = s;

	for (; *s; s++) {
		const char *hi, *lo;

		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		hi = s[1] ? strchr(digits, s[1] | 0x20) : NULL;
		lo = hi && s[2] ? strchr(digits, s[2] | 0x20) : NULL;
		if (!lo)
			return uns_err_set(err, UNS_E_INPUT, "\"devs\" has a path that is not escaped as it should be");
		*to++ = (char)((hi - digits) << 4 | (lo - digits));
		s += 2;
	}
	*to = '\0';
	return 0;
}

static int identify(const struct uns_tree *tree, int fd, struct uns_shift_identity *ret, struct uns_err *err)
{
	const struct uns_tree at = {.fd = fd, .path = tree->path};
	uint8_t handle[UNS_HANDLE_MAX];
	struct stat st;

	if (fstat(fd, &st))
		return uns_err_sys(err, errno, "cannot look into %s", tree->path);
	ret->ino = st.st_ino;
	if (uns_tree_handle(&at, handle, &ret->handle_len, err) < 0)
		return -1;
	if (!ret->handle_len)
		return 0;
	ret->handle = malloc(ret->handle_len);
	if (!ret->handle)
		return uns_err_nomem(err);
	memcpy(ret->handle, handle, ret->handle_len);
	return 0;
}

/* A descriptor; -2: there is nothing at that path, or not any more. */
static int open_dev(const struct uns_tree *tree, const char *escaped, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_dup(escaped, err);
	struct uns_err why = {0};
	int fd;

	if (!path || unescape(path, err))
		return -1;
	fd = uns_tree_openat(tree, path, O_PATH, &why);
	if (fd >= 0)
		return fd;
	if (why.errnum == ENOENT || why.errnum == ENOTDIR || why.errnum == ELOOP)
		return -2;
	if (err)
		*err = why;
	return -1;
}

int uns_shift_record_identify_devs(struct uns_shift_record *r, const struct uns_tree *tree, struct uns_err *err)
{
	r->dev_ids = calloc(r->devs.n + 1, sizeof(*r->dev_ids));
	if (!r->dev_ids)
		return uns_err_nomem(err);
	r->n_dev_ids = r->devs.n;
	for (size_t i = 0; i < r->devs.n; i++) {
		bool base = !strcmp(r->devs.v[i], "."); /* which has a member of its own, and may be another one elsewhere */
		uns_auto_close int fd = base ? -2 : open_dev(tree, r->devs.v[i], err);
		const struct uns_inoslot *slot;
		struct stat st;

		if (fd == -1)
			return -1;
		if (fd < 0 || fstat(fd, &st))
			continue;
		slot = uns_inomap_find(&r->dev_no, st.st_dev, 0);
		if (slot && slot->value == i + 1 && identify(tree, fd, &r->dev_ids[i], err))
			return -1;
	}
	return 0;
}

static int compare_trees(const void *a, const void *b)
{
	return strcmp(((const struct uns_shift_tree *)a)->path, ((const struct uns_shift_tree *)b)->path);
}

void uns_shift_record_sort(struct uns_shift_record *r)
{
	if (r->n_trees)
		qsort(r->trees, r->n_trees, sizeof(*r->trees), compare_trees);
}

/* ---- to JSON; NULL means out of memory ---- */

static json_int_t dev_index(const struct uns_shift_record *r, uint64_t dev)
{
	const struct uns_inoslot *slot = uns_inomap_find(&r->dev_no, dev, 0);

	return slot ? (json_int_t)slot->value - 1 : -1;
}

static int set_hex(json_t *obj, const char *key, const void *data, size_t len)
{
	uns_auto_free char *hex = uns_hex(data, len, NULL);

	return hex ? json_object_set_new(obj, key, json_string(hex)) : -1;
}

static int set_time(json_t *obj, const char *key, int64_t sec, uint32_t nsec)
{
	return json_object_set_new(obj, key, json_pack("[I,I]", (json_int_t)sec, (json_int_t)nsec));
}

static int set_identity(json_t *obj, const struct uns_shift_identity *id)
{
	if (json_object_set_new(obj, "ino", json_integer((json_int_t)id->ino)) ||
	    (id->handle && set_hex(obj, "handle", id->handle, id->handle_len)))
		return -1;
	return id->born_sec ? set_time(obj, "born", id->born_sec, id->born_nsec) : 0;
}

static json_t *identity_json(const struct uns_shift_identity *id)
{
	json_t *j = json_object();

	if (j && set_identity(j, id)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static int set_optional(json_t *obj, const struct uns_shift_special *s)
{
	static const char *const flags[] = {"", "i", "a", "ia"};
	unsigned f = (unsigned)s->was.immutable | (unsigned)s->was.append << 1;

	if (set_identity(obj, &s->id))
		return -1;
	if (f && json_object_set_new(obj, "flags", json_string(flags[f])))
		return -1;
	if (s->was.cap_len && set_hex(obj, "cap", s->was.cap, s->was.cap_len))
		return -1;
	if (!s->exact)
		return 0;
	if (json_object_set_new(obj, "exact", json_true()))
		return -1;
	if (s->acl[0] && set_hex(obj, "acl_access", s->acl[0], s->acl_len[0]))
		return -1;
	return s->acl[1] ? set_hex(obj, "acl_default", s->acl[1], s->acl_len[1]) : 0;
}

static json_t *special_json(const struct uns_shift_record *r, const struct uns_shift_special *s)
{
	char mode[16];
	json_t *j;

	snprintf(mode, sizeof(mode), "%04o", s->was.mode & 07777);
	j = json_pack("{s:s,s:I,s:I,s:I,s:I,s:s}", "path", s->path, "dev", dev_index(r, s->dev), "size", (json_int_t)s->size, "uid",
	              (json_int_t)s->was.uid, "gid", (json_int_t)s->was.gid, "mode", mode);
	if (j && (set_time(j, "mtime", s->mtime_sec, s->mtime_nsec) || set_optional(j, s))) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *foreign_json(const struct uns_shift_record *r, const struct uns_shift_foreign *f)
{
	json_t *j = json_pack("{s:I,s:I,s:I}", "dev", dev_index(r, f->dev), "uid", (json_int_t)f->uid, "gid", (json_int_t)f->gid);

	if (j && set_identity(j, &f->id)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *tree_json(const struct uns_shift_tree *t)
{
	uns_auto_json json_t *sums = json_array();

	for (int i = 0; i < UNS_ASPECTS; i++) {
		char hex[17];

		snprintf(hex, sizeof(hex), "%016" PRIx64, t->digest.sum[i]);
		if (json_array_append_new(sums, json_string(hex)))
			return NULL;
	}
	return json_pack("{s:s,s:I,s:O}", "path", t->path, "inodes", (json_int_t)t->digest.inodes, "sums", sums);
}

/* The arrays, filled; -1 when out of memory (appending NULL fails, too). */
static int fill_devs(const struct uns_shift_record *r, json_t *devs, json_t *ids)
{
	for (size_t i = 0; i < r->devs.n; i++) {
		const struct uns_shift_identity *id = i < r->n_dev_ids ? &r->dev_ids[i] : NULL;

		if (json_array_append_new(devs, json_string(r->devs.v[i])) ||
		    json_array_append_new(ids, id && id->ino ? identity_json(id) : json_null()))
			return -1;
	}
	return 0;
}

static int fill_json(const struct uns_shift_record *r, json_t *specials, json_t *foreign, json_t *trees)
{
	for (size_t i = 0; i < r->n_specials; i++)
		if (json_array_append_new(specials, special_json(r, &r->specials[i])))
			return -1;
	for (size_t i = 0; i < r->n_foreign; i++)
		if (json_array_append_new(foreign, foreign_json(r, &r->foreign[i])))
			return -1;
	for (size_t i = 0; i < r->n_trees; i++)
		if (json_array_append_new(trees, tree_json(&r->trees[i])))
			return -1;
	return 0;
}

static json_t *counts_json(const struct uns_shift_counts *n)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "inodes", (json_int_t)n->inodes, "home", (json_int_t)n->home, "already",
	                 (json_int_t)n->already, "unmapped", (json_int_t)n->unmapped, "special_bits", (json_int_t)n->special_bits,
	                 "capabilities", (json_int_t)n->capabilities, "acls", (json_int_t)n->acls, "links", (json_int_t)n->links);
}

json_t *uns_shift_record_to_json(const struct uns_shift_record *r, struct uns_err *err)
{
	uns_auto_json json_t *devs = json_array(), *ids = json_array(), *specials = json_array();
	uns_auto_json json_t *foreign = json_array(), *trees = json_array();
	json_t *j = NULL;

	if (!fill_devs(r, devs, ids) && !fill_json(r, specials, foreign, trees))
		j = json_pack("{s:s,s:o,s:o,s:O,s:O,s:O,s:O,s:O}", "from", r->from == UNS_BEFORE ? "before" : "after", "base",
		              identity_json(&r->base), "counts", counts_json(&r->counts), "devs", devs, "dev_ids", ids,
		              "specials", specials, "foreign", foreign, "trees", trees);
	if (!j)
		uns_err_nomem(err);
	return j;
}

/* ---- from JSON ---- */

struct reader {
	struct uns_shift_record *r;
	uint64_t *devs; /* today's number by index */
	struct uns_err *err;
};

static void reader_done(struct reader *rd)
{
	free(rd->devs);
}

static int get_u64(const json_t *obj, const char *key, uint64_t *ret, struct uns_err *err)
{
	const json_t *j = json_object_get(obj, key);

	if (!json_is_integer(j))
		return uns_err_set(err, UNS_E_INPUT, "\"%s\" is not a number", key);
	*ret = (uint64_t)json_integer_value(j); /* large inode numbers come back as they were */
	return 0;
}

static int get_dev(const struct reader *rd, const json_t *obj, uint64_t *ret)
{
	uint64_t i = 0;

	if (get_u64(obj, "dev", &i, rd->err))
		return -1;
	if (i >= rd->r->devs.n)
		return uns_err_set(rd->err, UNS_E_INPUT, "\"dev\" is not an index of \"devs\"");
	*ret = rd->devs[i];
	return 0;
}

static int get_hex(const json_t *obj, const char *key, uint8_t *out, size_t max, size_t *ret_len, struct uns_err *err)
{
	const char *hex = uns_json_str_or(obj, key, NULL);

	if (!hex)
		return 0;
	if (uns_unhex(hex, out, max, ret_len))
		return uns_err_set(err, UNS_E_INPUT, "\"%s\" is not hexadecimal or longer than %zu bytes", key, max);
	return 0;
}

static int get_bytes(const json_t *obj, const char *key, uint8_t **ret, size_t *ret_len, struct uns_err *err)
{
	const char *hex = uns_json_str_or(obj, key, NULL);
	uint8_t *bytes;

	if (!hex)
		return 0;
	bytes = malloc(strlen(hex) / 2 + 1);
	if (!bytes)
		return uns_err_nomem(err);
	*ret = bytes;
	return get_hex(obj, key, bytes, strlen(hex) / 2, ret_len, err);
}

static int read_state(const json_t *j, struct uns_shift_state *s, struct uns_err *err)
{
	const char *mode, *flags = uns_json_str_or(j, "flags", "");

	if (uns_json_u32(j, "uid", &s->uid, err) || uns_json_u32(j, "gid", &s->gid, err) || uns_json_str(j, "mode", &mode, err))
		return -1;
	if (uns_num_mode(mode, strlen(mode), &s->mode))
		return uns_err_set(err, UNS_E_INPUT, "\"mode\" is not octal");
	s->immutable = strchr(flags, 'i') != NULL;
	s->append = strchr(flags, 'a') != NULL;
	return get_hex(j, "cap", s->cap, sizeof(s->cap), &s->cap_len, err);
}

static void get_time(const json_t *j, const char *key, int64_t *sec, uint32_t *nsec)
{
	const json_t *pair = json_object_get(j, key);

	*sec = json_integer_value(json_array_get(pair, 0));
	*nsec = (uint32_t)json_integer_value(json_array_get(pair, 1));
}

static int read_identity(const json_t *j, struct uns_shift_identity *id, struct uns_err *err)
{
	get_time(j, "born", &id->born_sec, &id->born_nsec);
	if (get_u64(j, "ino", &id->ino, err) || get_bytes(j, "handle", &id->handle, &id->handle_len, err))
		return -1;
	return id->handle_len <= UNS_HANDLE_MAX ? 0 : uns_err_set(err, UNS_E_INPUT, "\"handle\" is longer than a handle can be");
}

static int same_base(const struct uns_shift_identity *id, const struct uns_tree *tree, struct uns_err *err)
{
	uint8_t handle[UNS_HANDLE_MAX];
	struct stat st;
	size_t len;

	if (fstat(tree->fd, &st) || uns_tree_handle(tree, handle, &len, err) < 0)
		return -1;
	if (!id->ino && uns_shift_on_fuse(tree))
		return 0;
	if (st.st_ino == id->ino && (!id->handle || (len == id->handle_len && !memcmp(handle, id->handle, len))))
		return 0;
	uns_err_set(err, UNS_E_CONFLICT, "%s is another directory than the one that the shift began with", tree->path);
	err->errnum = ESTALE;
	return -1;
}

static int read_special(const struct reader *rd, const json_t *j)
{
	uns_auto(uns_shift_special_done) struct uns_shift_special s = {0};
	const char *path;

	if (get_dev(rd, j, &s.dev) || read_identity(j, &s.id, rd->err) || get_u64(j, "size", &s.size, rd->err) || read_state(j, &s.was, rd->err) ||
	    uns_json_str(j, "path", &path, rd->err))
		return -1;
	get_time(j, "mtime", &s.mtime_sec, &s.mtime_nsec);
	s.exact = uns_json_bool_or(j, "exact", false);
	if (get_bytes(j, "acl_access", &s.acl[0], &s.acl_len[0], rd->err) ||
	    get_bytes(j, "acl_default", &s.acl[1], &s.acl_len[1], rd->err))
		return -1;
	s.path = uns_str_dup(path, rd->err);
	if (!s.path)
		return -1;
	return uns_shift_record_add_special(rd->r, &s, rd->err);
}

static int read_foreign(const struct reader *rd, const json_t *j)
{
	uns_auto(uns_shift_foreign_done) struct uns_shift_foreign f = {0};

	if (get_dev(rd, j, &f.dev) || read_identity(j, &f.id, rd->err) || uns_json_u32(j, "uid", &f.uid, rd->err) ||
	    uns_json_u32(j, "gid", &f.gid, rd->err))
		return -1;
	return uns_shift_record_add_foreign(rd->r, &f, rd->err);
}

static int read_sums(const json_t *sums, struct uns_digest *d, struct uns_err *err)
{
	if (json_array_size(sums) != UNS_ASPECTS)
		return uns_err_set(err, UNS_E_INPUT, "\"sums\" has not %d members", UNS_ASPECTS);
	for (size_t i = 0; i < UNS_ASPECTS; i++) {
		const char *hex = json_string_value(json_array_get(sums, i));
		uint8_t bytes[8];
		size_t len = 0;

		if (!hex || uns_unhex(hex, bytes, sizeof(bytes), &len) || len != sizeof(bytes))
			return uns_err_set(err, UNS_E_INPUT, "\"sums\" has a member that is not 16 hexadecimal digits");
		for (size_t k = 0; k < sizeof(bytes); k++)
			d->sum[i] = d->sum[i] << 8 | bytes[k];
	}
	return 0;
}

static int read_tree(const struct reader *rd, const json_t *j)
{
	struct uns_shift_tree *t = &rd->r->trees[rd->r->n_trees];
	const char *path;
	json_t *sums;

	if (uns_json_str(j, "path", &path, rd->err) || uns_json_array(j, "sums", &sums, rd->err) ||
	    get_u64(j, "inodes", &t->digest.inodes, rd->err) || read_sums(sums, &t->digest, rd->err))
		return -1;
	t->path = uns_str_dup(path, rd->err);
	if (!t->path)
		return -1;
	rd->r->n_trees++;
	return 0;
}

/* Counts are for people: of a record that has none, they are 0. */
static void read_counts(const json_t *j, struct uns_shift_counts *ret)
{
	const struct {
		const char *key;
		uint64_t *to;
	} all[] = {{"inodes", &ret->inodes},       {"home", &ret->home},
	           {"already", &ret->already},     {"unmapped", &ret->unmapped},
	           {"special_bits", &ret->special_bits}, {"capabilities", &ret->capabilities},
	           {"acls", &ret->acls},           {"links", &ret->links}};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		*all[i].to = (uint64_t)json_integer_value(json_object_get(j, all[i].key));
}

bool uns_shift_same_identity(const struct uns_shift_identity *a, const struct uns_shift_identity *b)
{
	return a->ino == b->ino && a->handle_len == b->handle_len && (!a->handle_len || !memcmp(a->handle, b->handle, a->handle_len));
}

/* Whether fd is what was at the path of device i; an older record does not say. */
static int is_still(const struct reader *rd, const struct uns_tree *tree, size_t i, int fd, bool *ret)
{
	uns_auto(identity_done) struct uns_shift_identity now = {0};

	*ret = true;
	if (i >= rd->r->n_dev_ids || !rd->r->dev_ids[i].ino)
		return 0;
	if (identify(tree, fd, &now, rd->err))
		return -1;
	*ret = uns_shift_same_identity(&rd->r->dev_ids[i], &now);
	return 0;
}

/* Today's number of device i; two that were apart cannot be one by now. */
static int find_dev(const struct reader *rd, const struct uns_tree *tree, size_t i)
{
	uns_auto_close int fd = open_dev(tree, rd->r->devs.v[i], rd->err);
	struct uns_inoslot *slot;
	bool still = false, new = false;
	struct stat st;

	if (fd == -1 || (fd >= 0 && is_still(rd, tree, i, fd, &still)))
		return -1;
	if (still && fstat(fd, &st))
		return uns_err_sys(rd->err, errno, "cannot look at %s", rd->r->devs.v[i]);
	if (still) {
		slot = uns_inomap_add(&rd->r->dev_no, st.st_dev, 0, &new, rd->err);
		if (!slot)
			return -1;
		if (new)
			slot->value = i + 1;
	}
	rd->devs[i] = new ? st.st_dev : uns_shift_lost_dev(rd->r->n_lost);
	return new ? 0 : add_lost(rd->r, i, rd->err);
}

static int read_devs(struct reader *rd, const json_t *devs)
{
	rd->devs = calloc(json_array_size(devs) + 1, sizeof(*rd->devs));
	if (!rd->devs)
		return uns_err_nomem(rd->err);
	for (size_t i = 0; i < json_array_size(devs); i++) {
		const char *path = json_string_value(json_array_get(devs, i));

		if (!path)
			return uns_err_set(rd->err, UNS_E_INPUT, "\"devs\" has a member that is not a string");
		if (uns_strs_add(&rd->r->devs, path, rd->err))
			return -1;
	}
	return 0;
}

/* Members that are null: nothing was at that path any more. */
static int read_dev_ids(const struct reader *rd, const json_t *ids)
{
	size_t n = rd->r->devs.n;

	if (!ids)
		return 0;
	if (json_array_size(ids) != n)
		return uns_err_set(rd->err, UNS_E_INPUT, "\"dev_ids\" has not as many members as \"devs\"");
	rd->r->dev_ids = calloc(n + 1, sizeof(*rd->r->dev_ids));
	if (!rd->r->dev_ids)
		return uns_err_nomem(rd->err);
	rd->r->n_dev_ids = n;
	for (size_t i = 0; i < n; i++)
		if (!json_is_null(json_array_get(ids, i)) && read_identity(json_array_get(ids, i), &rd->r->dev_ids[i], rd->err))
			return uns_err_prefix(rd->err, "dev_ids[%zu]", i);
	return 0;
}

static int find_devs(const struct reader *rd, const struct uns_tree *tree)
{
	for (size_t i = 0; i < rd->r->devs.n; i++)
		if (find_dev(rd, tree, i))
			return -1;
	return 0;
}

static int read_each(const struct reader *rd, const char *key, const json_t *array,
                     int (*read_one)(const struct reader *, const json_t *))
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (read_one(rd, json_array_get(array, i)))
			return uns_err_prefix(rd->err, "%s[%zu]", key, i);
	return 0;
}

static int read_from(const json_t *j, enum uns_side *ret, struct uns_err *err)
{
	const char *from;

	if (uns_json_str(j, "from", &from, err))
		return -1;
	if (strcmp(from, "before") != 0 && strcmp(from, "after") != 0)
		return uns_err_set(err, UNS_E_INPUT, "\"from\" is neither \"before\" nor \"after\"");
	*ret = strcmp(from, "before") != 0 ? UNS_AFTER : UNS_BEFORE;
	return 0;
}

int uns_shift_record_from_json(const json_t *j, const struct uns_tree *tree, bool elsewhere, struct uns_shift_record *ret,
                               struct uns_err *err)
{
	uns_auto(uns_shift_record_done) struct uns_shift_record r = {0};
	uns_auto(reader_done) struct reader rd = {&r, NULL, err};
	json_t *devs, *specials, *foreign, *trees;

	if (read_from(j, &r.from, err) || uns_json_array(j, "devs", &devs, err) || uns_json_array(j, "specials", &specials, err) ||
	    uns_json_array(j, "foreign", &foreign, err) || uns_json_array(j, "trees", &trees, err))
		return -1;
	if (read_identity(json_object_get(j, "base"), &r.base, err))
		return uns_err_prefix(err, "base");
	if (!elsewhere && same_base(&r.base, tree, err))
		return -1;
	r.by_path = !r.base.ino;
	r.trees = calloc(json_array_size(trees) + 1, sizeof(*r.trees));
	if (!r.trees)
		return uns_err_nomem(err);
	if (read_devs(&rd, devs) || read_dev_ids(&rd, json_object_get(j, "dev_ids")) || find_devs(&rd, tree) ||
	    read_each(&rd, "specials", specials, read_special) || read_each(&rd, "foreign", foreign, read_foreign) ||
	    read_each(&rd, "trees", trees, read_tree))
		return -1;
	read_counts(json_object_get(j, "counts"), &r.counts);
	uns_shift_record_sort(&r);
	*ret = r;
	r = (struct uns_shift_record){0};
	return 0;
}
