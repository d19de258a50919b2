/* SPDX-License-Identifier: Apache-2.0 */
/* Handing out ranges. They begin at multiples of 65536, so the IDs are blocks of that size, and of a block only this matters: how
 * many of its IDs are free from its first one on. Over the blocks lies a tree that knows of each part the longest range that can
 * begin in it; it is of the same size however many claims there are, and a question costs its depth. */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "uns/cleanup.h"

#define BLOCKS 32768u /* up to UNS_RANGE_LAST; a power of two */
#define HASH_END 2147352576u

_Static_assert((uint64_t)BLOCKS *UNS_ID_BLOCK == (uint64_t)UNS_RANGE_LAST + 1, "the blocks are the IDs that can be handed out");

/* A part of the IDs. Free IDs in a row: from its first one on; up to its end, from the beginning of a block on; the most inside of
 * it, from the beginning of a block on. */
struct part {
	uint32_t head, tail, best;
};

/* Node 1 is all, 2i and 2i+1 are the halves of i, block b is BLOCKS + b. */
struct tree {
	struct part part[2 * BLOCKS];
};

/* Where a range may begin and must end. */
struct window {
	uint32_t from, last;
};

struct uns_allocator {
	struct tree clear;  /* free of errors and of warnings */
	struct tree usable; /* free of errors */
	struct window window[2];
};

/* ---- the tree ---- */

static void set_block(struct tree *t, uint32_t block, uint32_t head)
{
	t->part[BLOCKS + block] = (struct part){head, head == UNS_ID_BLOCK ? head : 0, head};
}

/* size: IDs of each half. */
static void join_halves(struct tree *t, uint32_t node, uint32_t size)
{
	const struct part *left = &t->part[2 * node], *right = &t->part[2 * node + 1];
	struct part *p = &t->part[node];
	uint32_t across = left->tail + right->head;

	p->head = left->head == size ? size + right->head : left->head;
	p->tail = right->tail == size ? size + left->tail : right->tail;
	p->best = left->best > right->best ? left->best : right->best;
	p->best = across > p->best ? across : p->best;
}

static void join_all(struct tree *t)
{
	for (uint32_t node = BLOCKS - 1, size = UNS_ID_BLOCK, level = BLOCKS / 2; node > 0; node--) {
		join_halves(t, node, size);
		if (node == level) {
			level /= 2;
			size *= 2;
		}
	}
}

/* The blocks that sorted claims leave: the one where a claim begins keeps what lies before, those that it reaches into keep
 * nothing. */
static void fill_blocks(struct tree *t, const struct uns_claim *v, size_t n)
{
	uint32_t done = 0; /* the first block that no claim before reached into */

	for (size_t i = 0; i < n && v[i].range.start <= UNS_RANGE_LAST; i++) {
		uint32_t first = v[i].range.start / UNS_ID_BLOCK, head = v[i].range.start % UNS_ID_BLOCK;
		uint32_t last = uns_range_last(v[i].range) / UNS_ID_BLOCK;

		if (head < t->part[BLOCKS + first].head)
			set_block(t, first, head);
		last = last < BLOCKS ? last : BLOCKS - 1;
		for (done = done > first ? done : first + 1; done <= last; done++)
			set_block(t, done, 0);
	}
}

static void fill_tree(struct tree *t, const struct uns_model *m, enum uns_severity least)
{
	for (uint32_t block = 0; block < BLOCKS; block++)
		set_block(t, block, UNS_ID_BLOCK);
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		for (int severity = UNS_ERROR; severity >= (int)least; severity--) {
			size_t n;
			const struct uns_claim *v = uns_model_claims(m, (enum uns_idkind)kind, (enum uns_severity)severity, &n);

			fill_blocks(t, v, n);
		}
	}
	join_all(t);
}

/* Part of the tree: a node, its first ID and how many it has. */
struct spot {
	uint32_t node, first, size;
};

static struct spot half(struct spot at, unsigned right)
{
	return (struct spot){2 * at.node + right, at.first + (right ? at.size / 2 : 0), at.size / 2};
}

/* Takes the IDs first … last. Where nothing is free nothing is done, so all taking together passes each block once or twice. */
static void take(struct tree *t, struct spot at, uint32_t first, uint32_t last)
{
	if (t->part[at.node].best == 0 || last < at.first || first > at.first + (at.size - 1))
		return;
	if (at.size == UNS_ID_BLOCK) {
		uint32_t head = first > at.first ? first - at.first : 0;

		if (head < t->part[at.node].head)
			set_block(t, at.node - BLOCKS, head);
		return;
	}
	take(t, half(at, 0), first, last);
	take(t, half(at, 1), first, last);
	join_halves(t, at.node, at.size / 2);
}

struct search {
	uint32_t from, count;
	uint32_t run; /* free IDs right before the place where the search is, from the beginning of a block on */
	uint32_t start;
};

/* The lowest place for count IDs from "from" on. From left to right: only what begins before "from", or has the answer, is opened.
 */
static bool seek(const struct tree *t, struct spot at, struct search *s)
{
	const struct part *p = &t->part[at.node];

	if (at.first + (at.size - 1) < s->from)
		return false;
	if (at.first >= s->from) {
		if (s->run + p->head >= s->count) {
			s->start = at.first - s->run;
			return true;
		}
		if (p->best < s->count) {
			s->run = p->head == at.size ? s->run + at.size : p->tail;
			return false;
		}
	}
	return seek(t, half(at, 0), s) || seek(t, half(at, 1), s);
}

static const struct spot whole = {1, 0, UNS_RANGE_LAST + 1};

/* ---- the allocator ---- */

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Where login.defs wants ranges, as far as we would put them there too; then anywhere, but not below a limit that somebody set. A
 * highest ID of 0 is no limit. */
static void set_windows(struct uns_allocator *a, const struct uns_login_defs *d)
{
	a->window[0] = (struct window){UNS_RANGE_FIRST, UNS_RANGE_LAST};
	a->window[1] = (struct window){UNS_ID_BLOCK, UNS_RANGE_LAST};
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		a->window[0].from = most(a->window[0].from, d->sub_min[kind]);
		if (d->sub_max[kind])
			a->window[0].last = least(a->window[0].last, d->sub_max[kind]);
		if (d->sub_set[kind])
			a->window[1].from = most(a->window[1].from, d->sub_min[kind]);
	}
}

struct uns_allocator *uns_allocator_new(const struct uns_model *m, struct uns_err *err)
{
	struct uns_allocator *a = calloc(1, sizeof(*a));

	if (!a) {
		uns_err_nomem(err);
		return NULL;
	}
	fill_tree(&a->clear, m, UNS_WARNING);
	fill_tree(&a->usable, m, UNS_ERROR);
	set_windows(a, &uns_model_facts(m)->defs);
	return a;
}

void uns_allocator_free(struct uns_allocator *a)
{
	free(a);
}

/* A range below its own count could not be told from the IDs that are mapped to it. */
static bool find(const struct tree *t, const struct window *w, uint32_t count, uint32_t *ret)
{
	uint64_t from = ((uint64_t)most(w->from, count) + UNS_ID_BLOCK - 1) / UNS_ID_BLOCK * UNS_ID_BLOCK;
	struct search s = {.count = count};

	if (from > w->last)
		return false;
	s.from = (uint32_t)from;
	if (!seek(t, whole, &s) || s.start > w->last || count - 1 > w->last - s.start)
		return false;
	*ret = s.start;
	return true;
}

int uns_allocator_next(struct uns_allocator *a, uint32_t count, uint32_t *ret_start, struct uns_err *err)
{
	uint32_t start = 0;

	if (count == 0 || count > UNS_RANGE_LAST)
		return 1;
	if (!find(&a->clear, &a->window[0], count, &start) && !find(&a->clear, &a->window[1], count, &start) &&
	    !find(&a->usable, &a->window[0], count, &start) && !find(&a->usable, &a->window[1], count, &start))
		return 1;
	if (uns_allocator_take(a, (struct uns_range){start, count}, err) < 0)
		return -1;
	*ret_start = start;
	return 0;
}

int uns_allocator_take(struct uns_allocator *a, struct uns_range r, struct uns_err *err)
{
	(void)err; /* nothing can fail: the trees never grow */
	if (r.count == 0)
		return 0;
	take(&a->clear, whole, r.start, uns_range_last(r));
	take(&a->usable, whole, r.start, uns_range_last(r));
	return 0;
}

/* ---- a range by name, and what is no range for anybody ---- */

/* FNV-1a, 64 bit. */
static uint64_t hash_name(const char *s)
{
	uint64_t hash = 14695981039346656037u;

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	return hash;
}

uint32_t uns_range_hash(const char *owner, uint32_t count)
{
	uint64_t size = count ? ((uint64_t)count + UNS_ID_BLOCK - 1) / UNS_ID_BLOCK * UNS_ID_BLOCK : UNS_ID_BLOCK;
	uint64_t base = size > UNS_RANGE_FIRST ? size : UNS_RANGE_FIRST;
	uint64_t slots = base < HASH_END ? (HASH_END - base) / size : 0;

	return slots ? (uint32_t)(base + hash_name(owner) % slots * size) : 0;
}

const char *uns_range_unsafe(struct uns_range r)
{
	if (!uns_range_valid(r))
		return "it holds no IDs or ends beyond the last one";
	if (r.start < UNS_ID_BLOCK)
		return "it begins below 65536, among the IDs of the host's own users";
	if (r.start < r.count)
		return "it begins below its own count, so that IDs before and after a shift could not be told apart";
	if (r.start > UNS_RANGE_LAST || r.count > UNS_RANGE_LAST + 1 - r.start)
		return "it reaches beyond 2147483647, which programs that keep IDs as int take for negative";
	return NULL;
}
