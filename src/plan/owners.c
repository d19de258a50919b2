/* SPDX-License-Identifier: Apache-2.0 */
/* Owners by name and by UID, for a million lines at once. */
#include "owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

/* ---- words: strings that belong to somebody else, each with a number ---- */

void uns_words_done(struct uns_words *w)
{
	free(w->v);
	free(w->slot);
}

static size_t hash_of(const char *s)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	return (size_t)(hash ^ hash >> 32);
}

/* The first of this string, *at being SIZE_MAX, then the others; NULL: no more. */
const struct uns_word *uns_words_next(const struct uns_words *w, const char *s, size_t *at)
{
	if (w->slots == 0)
		return NULL;
	for (*at = *at == SIZE_MAX ? hash_of(s) : *at + 1;; ++*at) {
		uint32_t place = w->slot[*at & (w->slots - 1)];

		if (place == 0)
			return NULL;
		if (strcmp(w->v[place - 1].s, s) == 0)
			return &w->v[place - 1];
	}
}

const struct uns_word *uns_words_find(const struct uns_words *w, const char *s)
{
	size_t at = SIZE_MAX;

	return uns_words_next(w, s, &at);
}

static void words_put(struct uns_words *w, size_t place)
{
	size_t at = hash_of(w->v[place].s);

	while (w->slot[at & (w->slots - 1)])
		at++;
	w->slot[at & (w->slots - 1)] = (uint32_t)place + 1;
}

static int words_grow(struct uns_words *w, struct uns_err *err)
{
	size_t slots = w->slots ? 2 * w->slots : 64;
	uint32_t *slot = slots <= UINT32_MAX ? calloc(slots, sizeof(*slot)) : NULL;

	if (!slot)
		return uns_err_nomem(err);
	free(w->slot);
	w->slot = slot;
	w->slots = slots;
	for (size_t i = 0; i < w->n; i++)
		words_put(w, i);
	return 0;
}

int uns_words_add(struct uns_words *w, const char *s, size_t index, struct uns_err *err)
{
	struct uns_word *v;

	if (2 * (w->n + 1) > w->slots && words_grow(w, err) < 0)
		return -1;
	v = uns_vec_room(w->v, w->n, &w->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	w->v = v;
	w->v[w->n] = (struct uns_word){s, index};
	words_put(w, w->n++);
	return 0;
}

/* ---- the lines of the owners that a command is about ---- */

void uns_owners_done(struct uns_owners *o)
{
	uns_words_done(&o->named);
	uns_words_done(&o->spelling);
	uns_strs_done(&o->uids);
	free(o->v);
}

static bool is_number(const char *s)
{
	uint32_t id;

	return uns_num_u32(s, strlen(s), &id) == 0;
}

/* Whether these are spellings of the same owner. */
bool uns_owners_has(const struct uns_owners *o, size_t index, const char *spelling)
{
	size_t at = SIZE_MAX;

	for (const struct uns_word *w; (w = uns_words_next(&o->spelling, spelling, &at)) != NULL;)
		if (w->index == index)
			return true;
	return false;
}

/* Whom it is a line of; the first of them, *at being SIZE_MAX, then the others. */
struct uns_owner *uns_owners_next(const struct uns_owners *o, const struct uns_subid_line *l, size_t *at)
{
	const struct uns_word *w = NULL;

	if (*l->owner && !(l->flaws & UNS_FLAW_BIT(UNS_FLAW_NIS)))
		w = uns_words_next(&o->spelling, l->owner, at);
	return w ? &o->v[w->index] : NULL;
}

bool uns_owners_have(const struct uns_owners *o, const struct uns_subid_line *l)
{
	size_t at = SIZE_MAX;

	return uns_owners_next(o, l, &at) != NULL;
}

static int owners_uid(struct uns_owners *o, size_t index, const char *uid, struct uns_err *err)
{
	o->v[index].known = true;
	if (is_number(o->v[index].name))
		return 0;
	if (uns_strs_add(&o->uids, uid, err) < 0)
		return -1;
	return uns_words_add(&o->spelling, o->uids.v[o->uids.n - 1], index, err);
}

/* The first account of this name: who was named so is read by its UID too, and who was named by the UID by this name too. */
static int owners_account(struct uns_owners *o, const struct uns_account *a, struct uns_err *err)
{
	char uid[16];
	size_t at = SIZE_MAX;

	snprintf(uid, sizeof(uid), "%u", a->id);
	for (const struct uns_word *w; (w = uns_words_next(&o->named, a->name, &at)) != NULL;)
		if (owners_uid(o, w->index, uid, err) < 0)
			return -1;
	at = SIZE_MAX;
	for (const struct uns_word *w; (w = uns_words_next(&o->named, uid, &at)) != NULL;) {
		o->v[w->index].known = true;
		if (!is_number(a->name) && uns_words_add(&o->spelling, a->name, w->index, err) < 0)
			return -1;
	}
	return 0;
}

static int owners_accounts(struct uns_owners *o, const struct uns_accounts *a, struct uns_words *seen, struct uns_err *err)
{
	for (size_t i = 0; i < a->n; i++) {
		if (uns_words_find(seen, a->v[i].name))
			continue;
		if (uns_words_add(seen, a->v[i].name, i, err) < 0 || owners_account(o, &a->v[i], err) < 0)
			return -1;
	}
	return 0;
}

static void owners_lines(struct uns_owners *o, const struct uns_subid *s, enum uns_idkind kind)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t at = SIZE_MAX;

		for (struct uns_owner *owner; (owner = uns_owners_next(o, &s->v[i], &at)) != NULL;) {
			struct uns_held *h = &owner->held[kind];

			if (h->lines++ == 0)
				h->first = &s->v[i];
			h->flawed = h->flawed || (s->v[i].flaws & UNS_OWNERS_DIFFERENT); /* always so when it has no IDs */
		}
	}
}

int uns_owners_make(const struct uns_idfacts *f, const char *const owner[], size_t n, struct uns_owners *ret, struct uns_err *err)
{
	uns_auto(uns_words_done) struct uns_words seen = {0};

	ret->v = calloc(n + 1, sizeof(*ret->v));
	if (!ret->v)
		return uns_err_nomem(err);
	ret->n = n;
	for (size_t i = 0; i < n; i++) {
		ret->v[i].name = owner[i];
		ret->v[i].known = strcmp(owner[i], "containers") == 0; /* podman's, which needs no account */
		if (uns_words_add(&ret->named, owner[i], i, err) < 0 || uns_words_add(&ret->spelling, owner[i], i, err) < 0)
			return -1;
	}
	if (owners_accounts(ret, &f->users, &seen, err) < 0 || owners_accounts(ret, &f->nss[UNS_UID], &seen, err) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		owners_lines(ret, &f->sub[kind].s, (enum uns_idkind)kind);
	return 0;
}
