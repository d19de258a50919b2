/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; at most three quarters full. */
#include <stdlib.h>

#include "hash.h"
#include "uns/tree.h"

void uns_inomap_done(struct uns_inomap *m)
{
	free(m->v);
	*m = (struct uns_inomap){NULL, 0, 0};
}

/* The slot of the inode or the empty one where it belongs; cap is a power of two and one slot at least is empty. */
static struct uns_inoslot *probe(struct uns_inoslot *v, size_t cap, uint64_t dev, uint64_t ino)
{
	size_t i = hash_mix(hash_mix(0, dev), ino) & (cap - 1);

	while (v[i].used && (v[i].dev != dev || v[i].ino != ino))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

struct uns_inoslot *uns_inomap_find(const struct uns_inomap *m, uint64_t dev, uint64_t ino)
{
	struct uns_inoslot *s = m->n ? probe(m->v, m->cap, dev, ino) : NULL;

	return s && s->used ? s : NULL;
}

static int grow(struct uns_inomap *m, struct uns_err *err)
{
	size_t cap = m->cap ? 2 * m->cap : 64;
	struct uns_inoslot *v = calloc(cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < m->cap; i++)
		if (m->v[i].used)
			*probe(v, cap, m->v[i].dev, m->v[i].ino) = m->v[i];
	free(m->v);
	m->v = v;
	m->cap = cap;
	return 0;
}

struct uns_inoslot *uns_inomap_add(struct uns_inomap *m, uint64_t dev, uint64_t ino, bool *ret_new, struct uns_err *err)
{
	struct uns_inoslot *s;

	if (m->n >= m->cap / 4 * 3 && grow(m, err))
		return NULL;
	s = probe(m->v, m->cap, dev, ino);
	if (ret_new)
		*ret_new = !s->used;
	if (!s->used) {
		*s = (struct uns_inoslot){.dev = dev, .ino = ino, .used = true};
		m->n++;
	}
	return s;
}
