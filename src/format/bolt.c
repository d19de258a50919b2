/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are in the byte order of the machine that wrote the file, which is this one or the magic number does not match. Nothing
 * is read in place: a key or an inline bucket can stand at any address. */
#include "uns/bolt.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"

#define META_MAGIC 0xed0cdaedu
#define META_VERSION 2u
#define META_SUMMED 56 /* bytes before the checksum */
#define META_SIZE 64
#define PAGE_HEADER 16
#define ELEMENT_SIZE 16
#define BUCKET_HEADER 16
#define PAGE_BRANCH 0x01u
#define PAGE_LEAF 0x02u
#define LEAF_IS_BUCKET 0x01u
#define PAGE_SIZE_MIN 512u
#define PAGE_SIZE_MAX (32u << 20) /* bbolt itself looks for a second meta page up to here */
#define DEPTH_MAX 64              /* a branch has two children at least, so no true tree is deeper */

struct meta {
	uint32_t page_size;
	uint64_t root, pages, txid;
};

struct bolt {
	const uint8_t *data;
	size_t len;
	const char *file;
	struct meta meta;
	uint8_t *seen; /* a bit per page: no page has two parents in a true tree, so neither cycle nor blow-up gets by */
};

struct page {
	const uint8_t *data;
	size_t len; /* with its overflow pages */
	unsigned flags, count;
	uint64_t id; /* for messages */
};

struct leaf {
	const uint8_t *key, *value;
	size_t key_len, value_len;
	bool is_bucket;
};

/* 0 goes on; anything else stops the walk and is its answer. */
typedef int (*leaf_visit)(void *user, struct bolt *b, const struct leaf *l, struct uns_err *err);

static unsigned get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t fnv1a(const uint8_t *p, size_t len)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static int damaged(const struct bolt *b, uint64_t page, const char *what, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s: page %llu: %s; expected an undamaged bbolt database", b->file, (unsigned long long)page,
	                   what);
}

/* ---- meta pages ---- */

static bool read_meta(const struct bolt *b, size_t at, struct meta *ret)
{
	if (at > b->len || b->len - at < PAGE_HEADER + META_SIZE)
		return false;

	const uint8_t *p = b->data + at + PAGE_HEADER;
	struct meta m = { get_u32(p + 8), get_u64(p + 16), get_u64(p + 40), get_u64(p + 48) };

	if (get_u32(p) != META_MAGIC || get_u32(p + 4) != META_VERSION || get_u64(p + META_SUMMED) != fnv1a(p, META_SUMMED))
		return false;
	if (m.page_size < PAGE_SIZE_MIN || m.page_size > PAGE_SIZE_MAX || (m.page_size & (m.page_size - 1)) != 0)
		return false;
	*ret = m;
	return true;
}

/* The newer of the two that is whole: a commit writes them in turn, and a crash can tear the one being written. */
static int choose_meta(struct bolt *b, struct uns_err *err)
{
	struct meta first = { 0 }, second;
	bool have_first = read_meta(b, 0, &first), have = have_first;

	b->meta = first;
	for (uint32_t size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) {
		if (have_first && size != first.page_size)
			continue;
		if (!read_meta(b, size, &second) || second.page_size != size || (have && second.txid < b->meta.txid))
			continue;
		b->meta = second;
		have = true;
	}
	if (!have)
		return uns_err_set(err, UNS_E_INPUT,
		                   "%s: neither page 0 nor page 1 is a meta page with the right magic number, version 2 and checksum; "
		                   "expected an undamaged bbolt database written on this architecture",
		                   b->file);
	return 0;
}

/* ---- pages ---- */

static void page_from(const uint8_t *data, size_t len, uint64_t id, struct page *ret)
{
	*ret = (struct page){ data, len, get_u16(data + 8), get_u16(data + 10), id };
}

static int get_page(struct bolt *b, uint64_t id, struct page *ret, struct uns_err *err)
{
	size_t size = b->meta.page_size, whole = b->len / size;

	if (id >= whole || id >= b->meta.pages)
		return damaged(b, id, "lies past the end of the file", err);
	if (b->seen[id / 8] & (1u << (id % 8)))
		return damaged(b, id, "is reached twice", err);
	b->seen[id / 8] |= (uint8_t)(1u << (id % 8));

	const uint8_t *p = b->data + id * size;
	uint32_t overflow = get_u32(p + 12);

	if (get_u64(p) != id)
		return damaged(b, id, "carries another page's number", err);
	if (overflow >= whole - id)
		return damaged(b, id, "has overflow pages past the end of the file", err);
	page_from(p, ((size_t)overflow + 1) * size, id, ret);
	return 0;
}

static int get_leaf(const struct bolt *b, const struct page *p, unsigned i, struct leaf *ret, struct uns_err *err)
{
	size_t at = PAGE_HEADER + (size_t)i * ELEMENT_SIZE;
	const uint8_t *e = p->data + at;
	uint32_t pos = get_u32(e + 4), key_len = get_u32(e + 8), value_len = get_u32(e + 12);

	if ((uint64_t)at + pos + key_len + value_len > p->len)
		return damaged(b, p->id, "has an element that reaches past the page", err);
	*ret = (struct leaf){ e + pos, e + pos + key_len, key_len, value_len, (get_u32(e) & LEAF_IS_BUCKET) != 0 };
	return 0;
}

static int visit_leaves(struct bolt *b, const struct page *p, leaf_visit f, void *user, struct uns_err *err)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct leaf l;

		if (get_leaf(b, p, i, &l, err) < 0)
			return -1;

		int answer = f(user, b, &l, err);

		if (answer != 0)
			return answer;
	}
	return 0;
}

static int visit_page(struct bolt *b, const struct page *p, unsigned depth, leaf_visit f, void *user, struct uns_err *err)
{
	if (PAGE_HEADER + (size_t)p->count * ELEMENT_SIZE > p->len)
		return damaged(b, p->id, "has more elements than it has room for", err);
	if (p->flags == PAGE_LEAF)
		return visit_leaves(b, p, f, user, err);
	if (p->flags != PAGE_BRANCH)
		return damaged(b, p->id, "is neither a branch nor a leaf", err);
	if (depth >= DEPTH_MAX)
		return damaged(b, p->id, "lies too deep in the tree", err);
	for (unsigned i = 0; i < p->count; i++) {
		struct page child;

		if (get_page(b, get_u64(p->data + PAGE_HEADER + (size_t)i * ELEMENT_SIZE + 8), &child, err) < 0)
			return -1;

		int answer = visit_page(b, &child, depth + 1, f, user, err);

		if (answer != 0)
			return answer;
	}
	return 0;
}

/* ---- buckets ---- */

struct caller {
	uns_bolt_visit f;
	void *user;
};

static int hand_to_caller(void *user, struct bolt *b, const struct leaf *l, struct uns_err *err)
{
	struct caller *c = user;

	(void)b;
	if (l->is_bucket)
		return 0;
	return c->f(c->user, l->key, l->key_len, l->value, l->value_len, err) ? -1 : 0;
}

/* What f answers for the leaves of the bucket l. */
static int visit_bucket(struct bolt *b, const struct leaf *l, leaf_visit f, void *user, struct uns_err *err)
{
	struct page p;

	if (l->value_len < BUCKET_HEADER)
		return uns_err_set(err, UNS_E_INPUT, "%s: a bucket has no header; expected an undamaged bbolt database", b->file);

	uint64_t root = get_u64(l->value);

	if (root != 0)
		return get_page(b, root, &p, err) < 0 ? -1 : visit_page(b, &p, 0, f, user, err);
	/* A small bucket is a leaf page right here, with its own length as the limit. */
	if (l->value_len < BUCKET_HEADER + PAGE_HEADER)
		return uns_err_set(err, UNS_E_INPUT, "%s: an inline bucket is cut off; expected an undamaged bbolt database", b->file);
	page_from(l->value + BUCKET_HEADER, l->value_len - BUCKET_HEADER, 0, &p);
	if (p.flags != PAGE_LEAF)
		return uns_err_set(err, UNS_E_INPUT, "%s: an inline bucket is no leaf; expected an undamaged bbolt database", b->file);
	return visit_page(b, &p, 0, f, user, err);
}

struct search {
	const char *bucket;
	struct caller caller;
};

/* 1: found and done. */
static int search_bucket(void *user, struct bolt *b, const struct leaf *l, struct uns_err *err)
{
	struct search *s = user;

	if (!l->is_bucket || l->key_len != strlen(s->bucket) || memcmp(l->key, s->bucket, l->key_len) != 0)
		return 0;
	return visit_bucket(b, l, hand_to_caller, &s->caller, err) < 0 ? -1 : 1;
}

/* From the buckets at the top: the answer of f. A file that is empty has none: a crash between creating the file and writing it leaves
 * that, and bbolt takes it for a new database. */
static int visit_top(struct bolt *b, leaf_visit f, void *user, struct uns_err *err)
{
	uns_auto_free uint8_t *seen = NULL;
	struct page root;

	if (b->len == 0)
		return 0;
	if (choose_meta(b, err) < 0)
		return -1;
	seen = calloc(b->len / b->meta.page_size / 8 + 1, 1);
	if (!seen)
		return uns_err_nomem(err);
	b->seen = seen;
	if (get_page(b, b->meta.root, &root, err) < 0)
		return -1;
	return visit_page(b, &root, 0, f, user, err);
}

int uns_bolt_bucket(const void *data, size_t len, const char *file, const char *bucket, uns_bolt_visit f, void *user,
                    struct uns_err *err)
{
	struct bolt b = {.data = data, .len = len, .file = file};
	struct search s = {bucket, {f, user}};
	int answer = visit_top(&b, search_bucket, &s, err);

	return answer < 0 ? -1 : !answer;
}

struct descent {
	const char *const *path;
	size_t n;
	bool filled;
};

static int descend(void *user, struct bolt *b, const struct leaf *l, struct uns_err *err)
{
	struct descent *d = user, below = {NULL, 0, false};

	if (d->n == 0) {
		d->filled = true;
		return 1;
	}
	below.path = d->path + 1;
	below.n = d->n - 1;
	if (!l->is_bucket || l->key_len != strlen(*d->path) || memcmp(l->key, *d->path, l->key_len) != 0)
		return 0;
	if (visit_bucket(b, l, descend, &below, err) < 0)
		return -1;
	d->filled = below.filled;
	return 1;
}

int uns_bolt_filled(const void *data, size_t len, const char *file, const char *const path[], size_t n, bool *ret, struct uns_err *err)
{
	struct bolt b = {.data = data, .len = len, .file = file};
	struct descent d = {path, n, false};

	if (visit_top(&b, descend, &d, err) < 0)
		return -1;
	*ret = d.filled;
	return 0;
}
