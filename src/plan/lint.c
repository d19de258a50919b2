/* SPDX-License-Identifier: Apache-2.0 */
/* range check: what is wrong with the lines. Two halves: first every line gets its bits, in passes that are linear or sort once;
 * then the findings are made of the bits, worst first, as many as are wanted. So a million lines cost no text, and nothing is
 * compared with everything. */
#include "lint.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

#define BIT(bit) (1u << (bit))

struct uns_lint_slot {
	uint32_t hash, owner; /* counted from 1; 0: empty */
};

struct uns_lint_uid {
	uint32_t uid, owner;
};

static void lint_done(struct uns_lint *t)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		struct uns_lint_side *s = &t->side[kind];

		free(s->bits);
		free(s->owner);
		free(s->next);
		free(s->other);
		free(s->twin);
		free(s->plugin_owner);
		free(s->pair);
	}
	uns_model_free(t->lines);
	uns_model_free(t->accounts);
	uns_model_free(t->reserved);
	free(t->owner);
	free(t->slot);
	free(t->uid);
}

bool uns_lint_has(const struct uns_lint *t, enum uns_idkind kind, uint32_t line, enum uns_lint_bit bit)
{
	return t->side[kind].bits[line] & BIT(bit);
}

static void mark(struct uns_lint *t, enum uns_idkind kind, uint32_t line, enum uns_lint_bit bit)
{
	if (uns_lint_has(t, kind, line, bit))
		return;
	t->side[kind].bits[line] |= BIT(bit);
	t->side[kind].count[bit]++;
}

/* ---- owners ---- */

/* FNV-1, not 1a: names that count up come to lie side by side, in one cache line. */
static uint32_t hash_name(const char *s)
{
	uint32_t hash = 2166136261u;

	for (; *s; s++)
		hash = hash * 16777619u ^ (unsigned char)*s;
	return hash;
}

static void slot_put(struct uns_lint_slot *slot, size_t slots, struct uns_lint_slot new)
{
	size_t at = new.hash &(slots - 1);

	while (slot[at].owner)
		at = (at + 1) & (slots - 1);
	slot[at] = new;
}

static int slots_grow(struct uns_lint *t, struct uns_err *err)
{
	size_t slots = t->slots ? 2 * t->slots : 256;
	struct uns_lint_slot *slot;

	if (2 * (t->owners + 1) <= t->slots)
		return 0;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return uns_err_nomem(err);
	for (size_t i = 0; i < t->slots; i++)
		if (t->slot[i].owner)
			slot_put(slot, slots, t->slot[i]);
	free(t->slot);
	t->slot = slot;
	t->slots = slots;
	return 0;
}

static uint32_t owner_find(const struct uns_lint *t, const char *name, uint32_t hash)
{
	size_t at = hash & (t->slots - 1);

	if (!t->slots)
		return UNS_LINT_NONE;
	for (; t->slot[at].owner; at = (at + 1) & (t->slots - 1))
		if (t->slot[at].hash == hash && strcmp(t->owner[t->slot[at].owner - 1].name, name) == 0)
			return t->slot[at].owner - 1;
	return UNS_LINT_NONE;
}

const struct uns_lint_owner *uns_lint_owner_find(const struct uns_lint *t, const char *name)
{
	uint32_t i = owner_find(t, name, hash_name(name));

	return i == UNS_LINT_NONE ? NULL : &t->owner[i];
}

static int owner_add(struct uns_lint *t, const char *name, uint32_t hash, uint32_t *ret, struct uns_err *err)
{
	struct uns_lint_owner *v = uns_vec_room(t->owner, t->owners, &t->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	t->owner = v;
	if (slots_grow(t, err) < 0)
		return -1;
	slot_put(t->slot, t->slots, (struct uns_lint_slot){hash, (uint32_t)t->owners + 1});
	*ret = (uint32_t)t->owners++;
	t->owner[*ret] = (struct uns_lint_owner){.name = name, .first = {UNS_LINT_NONE, UNS_LINT_NONE}};
	return 0;
}

/* guess: where the owner may be. The lines of both files mostly come in one order, and then nothing needs to be searched. */
static int intern(struct uns_lint *t, const char *name, uint32_t guess, uint32_t *ret, struct uns_err *err)
{
	uint32_t hash;

	if (guess < t->owners && strcmp(t->owner[guess].name, name) == 0) {
		*ret = guess;
		return 0;
	}
	hash = hash_name(name);
	*ret = owner_find(t, name, hash);
	return *ret == UNS_LINT_NONE ? owner_add(t, name, hash, ret, err) : 0;
}

static int uid_compare(const void *pa, const void *pb)
{
	const struct uns_lint_uid *a = pa, *b = pb;

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return a->owner < b->owner ? -1 : a->owner > b->owner;
}

static int know_accounts(struct uns_lint *t, const struct uns_accounts *a, struct uns_err *err)
{
	for (size_t i = 0; i < a->n; i++) {
		uint32_t at = 0;

		if (intern(t, a->v[i].name, UNS_LINT_NONE, &at, err) < 0)
			return -1;
		if (t->owner[at].known)
			continue;
		t->owner[at].known = true;
		t->owner[at].id[UNS_UID] = a->v[i].id;
		t->owner[at].id[UNS_GID] = a->v[i].gid;
		t->uid[t->uids++] = (struct uns_lint_uid){a->v[i].id, at};
	}
	return 0;
}

static int know_all(struct uns_lint *t, struct uns_err *err)
{
	const struct uns_idfacts *f = t->f;

	t->uid = reallocarray(NULL, f->users.n + f->nss[UNS_UID].n + 1, sizeof(*t->uid));
	if (!t->uid)
		return uns_err_nomem(err);
	if (know_accounts(t, &f->users, err) < 0 || know_accounts(t, &f->nss[UNS_UID], err) < 0)
		return -1;
	qsort(t->uid, t->uids, sizeof(*t->uid), uid_compare);
	return 0;
}

/* The account that has this UID, the first of passwd when several have. */
static uint32_t owner_by_uid(const struct uns_lint *t, uint32_t uid)
{
	size_t low = 0, high = t->uids;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->uid[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->uids && t->uid[low].uid == uid ? t->uid[low].owner : UNS_LINT_NONE;
}

static int intern_owner(struct uns_lint *t, const char *name, uint32_t guess, uint32_t *ret, struct uns_err *err)
{
	uint32_t uid, at;

	if (*name >= '0' && *name <= '9' && uns_num_u32(name, strlen(name), &uid) == 0) {
		at = owner_by_uid(t, uid);
		if (at != UNS_LINT_NONE) {
			*ret = at;
			return 0;
		}
	}
	return intern(t, name, guess, ret, err);
}

uint32_t uns_lint_owner_of(const struct uns_lint *t, enum uns_idkind kind, const struct uns_claim *c)
{
	return c->source == UNS_CLAIM_PLUGIN ? t->side[kind].plugin_owner[c->index] : t->side[kind].owner[c->index];
}

/* ---- each line by itself: how it is written ---- */

#define FLAW(flaw) UNS_FLAW_BIT(UNS_FLAW_##flaw)
/* Each has a finding of its own. */
#define OWN_FINDING (FLAW(NUMERIC_OWNER) | FLAW(DISABLED) | FLAW(NIS) | FLAW(PAST_END) | FLAW(ZERO_COUNT))

/* Flaws by what the worst program makes of them. */
struct flaw_sets {
	uint32_t root, refused, differ;
};

enum uns_effect uns_lint_effect(enum uns_consumer consumer, enum uns_flaw flaw, bool plain_start)
{
	enum uns_effect e = uns_consumer_effect(consumer, flaw);

	return e == UNS_READS_ZERO && plain_start ? UNS_READS_NO_IDS : e;
}

static struct flaw_sets flaw_sets(void)
{
	struct flaw_sets s = {0};

	for (int flaw = 0; flaw < UNS_FLAW_LINE_FLAWS; flaw++) {
		if (UNS_FLAW_BIT(flaw) & OWN_FINDING)
			continue;
		if (uns_flaw_is_root((enum uns_flaw)flaw))
			s.root |= UNS_FLAW_BIT(flaw);
		if (!uns_flaw_is_harmless((enum uns_flaw)flaw))
			s.differ |= UNS_FLAW_BIT(flaw);
		for (int c = 0; c < UNS_CONSUMERS; c++) {
			enum uns_effect e = uns_consumer_effect((enum uns_consumer)c, (enum uns_flaw)flaw);

			if (e == UNS_REFUSES_FILE || e == UNS_STOPS_READING)
				s.refused |= UNS_FLAW_BIT(flaw);
		}
	}
	return s;
}

/* Nobody is such an owner, whatever the rest says. */
static bool is_nobodys(const struct uns_subid_line *l)
{
	return !*l->owner || (l->flaws & (FLAW(NIS) | FLAW(DISABLED)));
}

static bool reads_root(const struct uns_subid *s, const struct uns_subid_line *l, const struct flaw_sets *sets)
{
	struct uns_line_fields f;

	if (is_nobodys(l))
		return false;
	if (l->range.count && l->range.start == 0)
		return true;
	/* A line that is too long ends the reading of those who would take it for 0. */
	if (!(l->flaws & sets->root) || (l->flaws & FLAW(VERY_LONG)))
		return false;
	/* It is a start of 0 that makes a root; a count of 0 gives nothing. */
	f = uns_line_fields(s, l);
	return !uns_is_digits(f.start, f.start_len);
}

static void mark_flaws(struct uns_lint *t, enum uns_idkind kind, uint32_t i, const struct flaw_sets *sets)
{
	const struct uns_subid *s = &t->f->sub[kind].s;
	const struct uns_subid_line *l = &s->v[i];

	if (l->flaws & FLAW(NIS))
		mark(t, kind, i, UNS_LINT_NIS);
	if ((l->flaws & FLAW(PAST_END)) && !is_nobodys(l))
		mark(t, kind, i, UNS_LINT_PAST_END);
	if (reads_root(s, l, sets))
		mark(t, kind, i, UNS_LINT_READS_ROOT);
	else if (l->flaws & sets->refused)
		mark(t, kind, i, UNS_LINT_FILE_REFUSED);
	else if ((l->flaws & sets->differ) && !(l->flaws & (FLAW(NIS) | FLAW(DISABLED))))
		mark(t, kind, i, UNS_LINT_DIFFERENTLY);
}

/* Podman's owner of automatic ranges, who is no account. */
static bool is_pseudo(const char *owner)
{
	return strcmp(owner, "containers") == 0;
}

static void mark_owner(struct uns_lint *t, enum uns_idkind kind, uint32_t i)
{
	const struct uns_subid_line *l = &t->f->sub[kind].s.v[i];
	bool known = t->owner[t->side[kind].owner[i]].known;

	if (is_nobodys(l) || (l->range.count == 0 && !known))
		return;
	if (l->flaws & FLAW(NUMERIC_OWNER))
		mark(t, kind, i, known ? UNS_LINT_NUMERIC : UNS_LINT_STALE_NUMERIC);
	else if (!known && !is_pseudo(l->owner))
		mark(t, kind, i, UNS_LINT_ORPHAN);
}

/* ---- each line by itself: its IDs ---- */

/* Accounts in the range; the owner's own ID, and that of all who share it, is no collision. ID 0 is said as such. */
static void mark_accounts(struct uns_lint *t, enum uns_idkind kind, uint32_t i, struct uns_range r)
{
	const struct uns_lint_owner *o = &t->owner[t->side[kind].owner[i]];
	struct uns_range low = {r.start ? r.start : 1, 0}, high = {0, 0};
	uint32_t last = uns_range_last(r), own = o->id[kind];

	if (last == 0)
		return;
	low.count = last - low.start + 1;
	if (o->known && uns_range_has(r, own)) {
		if (own)
			mark(t, kind, i, UNS_LINT_OWN_ID);
		low.count = own > low.start ? own - low.start : 0;
		high = (struct uns_range){own + 1, last - own};
	}
	if (uns_model_first(t->accounts, kind, low, UNS_ERROR) || uns_model_first(t->accounts, kind, high, UNS_ERROR))
		mark(t, kind, i, UNS_LINT_ON_ACCOUNT);
}

/* The owner's own ID and nothing else, as it was once written for Docker: nothing that is not his already. */
static bool is_own_id(const struct uns_lint_owner *o, enum uns_idkind kind, struct uns_range r)
{
	return o->known && r.count == 1 && r.start == o->id[kind];
}

static void mark_reserved(struct uns_lint *t, enum uns_idkind kind, uint32_t i, struct uns_range r)
{
	const struct uns_claim *c;

	if (uns_range_last(r) > UNS_RANGE_LAST)
		mark(t, kind, i, UNS_LINT_HIGH);
	if (r.start == 0 || is_own_id(&t->owner[t->side[kind].owner[i]], kind, r))
		return;
	if (uns_model_first(t->reserved, kind, r, UNS_ERROR))
		mark(t, kind, i, UNS_LINT_RESERVED);
	c = uns_model_first(t->reserved, kind, r, UNS_WARNING);
	if (c && !uns_claim_is_high(c))
		mark(t, kind, i, UNS_LINT_DISCOURAGED);
}

static void mark_range(struct uns_lint *t, enum uns_idkind kind, uint32_t i)
{
	const struct uns_subid_line *l = &t->f->sub[kind].s.v[i];

	if (l->flaws & FLAW(NIS))
		return;
	if (l->range.count < UNS_ID_BLOCK && (l->range.count || (l->flaws & FLAW(ZERO_COUNT))))
		mark(t, kind, i, UNS_LINT_SMALL);
	if (l->range.count == 0)
		return;
	if (l->range.start % UNS_ID_BLOCK)
		mark(t, kind, i, UNS_LINT_UNALIGNED);
	mark_accounts(t, kind, i, l->range);
	mark_reserved(t, kind, i, l->range);
}

/* ---- the lines of one owner ---- */

static void chain(struct uns_lint *t, enum uns_idkind kind, uint32_t i)
{
	const struct uns_subid_line *l = &t->f->sub[kind].s.v[i];
	struct uns_lint_side *s = &t->side[kind];
	struct uns_lint_owner *o = &t->owner[s->owner[i]];

	s->next[i] = UNS_LINT_NONE;
	if (is_nobodys(l) || l->range.count == 0)
		return;
	if (o->lines[kind]++ == 0)
		o->first[kind] = i;
	else
		s->next[o->last[kind]] = i;
	o->last[kind] = i;
}

/* A line of an owner who has several. */
struct own_line {
	uint32_t start, count, line;
	bool numeric;
};

static int own_compare(const void *pa, const void *pb)
{
	const struct own_line *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	if (a->numeric != b->numeric)
		return a->numeric ? 1 : -1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static bool own_same(const struct own_line *a, const struct own_line *b)
{
	return a->start == b->start && a->count == b->count && a->numeric == b->numeric;
}

static int mark_twin(struct uns_lint *t, enum uns_idkind kind, uint32_t line, uint32_t of, struct uns_err *err)
{
	struct uns_lint_side *s = &t->side[kind];

	if (!s->twin)
		s->twin = calloc(t->f->sub[kind].s.n, sizeof(*s->twin));
	if (!s->twin)
		return uns_err_nomem(err);
	s->twin[line] = of;
	mark(t, kind, line, UNS_LINT_DUPLICATE);
	return 0;
}

static int mark_twins(struct uns_lint *t, enum uns_idkind kind, const struct uns_lint_owner *o, struct uns_err *err)
{
	const struct uns_subid *s = &t->f->sub[kind].s;
	uns_auto_free struct own_line *v = reallocarray(NULL, o->lines[kind], sizeof(*v));
	size_t n = 0, first = 0;

	if (!v)
		return uns_err_nomem(err);
	for (uint32_t i = o->first[kind]; i != UNS_LINT_NONE; i = t->side[kind].next[i])
		v[n++] = (struct own_line){s->v[i].range.start, s->v[i].range.count, i, s->v[i].flaws & FLAW(NUMERIC_OWNER)};
	qsort(v, n, sizeof(*v), own_compare);
	for (size_t i = 1; i < n; i++) {
		if (!own_same(&v[i], &v[first]))
			first = i;
		else if (mark_twin(t, kind, v[i].line, v[first].line, err) < 0)
			return -1;
	}
	return 0;
}

static void mark_several(struct uns_lint *t, enum uns_idkind kind, const struct uns_lint_owner *o)
{
	const struct uns_subid *s = &t->f->sub[kind].s;
	uint32_t numeric = s->v[o->first[kind]].flaws & FLAW(NUMERIC_OWNER);
	bool several = false, spelled = false;

	for (uint32_t i = t->side[kind].next[o->first[kind]]; i != UNS_LINT_NONE; i = t->side[kind].next[i]) {
		if (!several && !uns_lint_has(t, kind, i, UNS_LINT_DUPLICATE)) {
			mark(t, kind, i, UNS_LINT_SEVERAL);
			several = true;
		}
		if (!spelled && (s->v[i].flaws & FLAW(NUMERIC_OWNER)) != numeric) {
			mark(t, kind, i, UNS_LINT_NAME_AND_UID);
			spelled = true;
		}
	}
}

static uint32_t skip_twins(const struct uns_lint *t, enum uns_idkind kind, uint32_t i)
{
	while (i != UNS_LINT_NONE && uns_lint_has(t, kind, i, UNS_LINT_DUPLICATE))
		i = t->side[kind].next[i];
	return i;
}

static bool same_range(const struct uns_lint *t, const uint32_t line[UNS_IDKINDS])
{
	struct uns_range u, g;

	if (line[UNS_UID] == UNS_LINT_NONE || line[UNS_GID] == UNS_LINT_NONE)
		return line[UNS_UID] == line[UNS_GID];
	u = t->f->sub[UNS_UID].s.v[line[UNS_UID]].range;
	g = t->f->sub[UNS_GID].s.v[line[UNS_GID]].range;
	return u.start == g.start && u.count == g.count;
}

bool uns_lint_differ(const struct uns_lint *t, const struct uns_lint_owner *o, uint32_t ret[UNS_IDKINDS])
{
	uint32_t at[UNS_IDKINDS] = {o->first[UNS_UID], o->first[UNS_GID]};

	for (;;) {
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			at[kind] = skip_twins(t, (enum uns_idkind)kind, at[kind]);
		if (!same_range(t, at)) {
			memcpy(ret, at, sizeof(at));
			return true;
		}
		if (at[UNS_UID] == UNS_LINT_NONE)
			return false;
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			at[kind] = t->side[kind].next[at[kind]];
	}
}

static int mark_owners(struct uns_lint *t, struct uns_err *err)
{
	for (size_t i = 0; i < t->owners; i++) {
		const struct uns_lint_owner *o = &t->owner[i];
		uint32_t line[UNS_IDKINDS];

		for (int kind = 0; kind < UNS_IDKINDS; kind++) {
			if (o->lines[kind] < 2)
				continue;
			if (mark_twins(t, (enum uns_idkind)kind, o, err) < 0)
				return -1;
			mark_several(t, (enum uns_idkind)kind, o);
		}
		if (!uns_lint_differ(t, o, line))
			continue;
		if (line[UNS_UID] != UNS_LINT_NONE)
			mark(t, UNS_UID, line[UNS_UID], UNS_LINT_ASYMMETRIC);
		else
			mark(t, UNS_GID, line[UNS_GID], UNS_LINT_ASYMMETRIC);
	}
	return 0;
}

/* ---- lines of several owners ---- */

/* The claim that reaches furthest, and that of another owner which does. */
struct reach {
	uint32_t owner, at, last;
};

static int mark_pair(struct uns_lint *t, enum uns_idkind kind, const struct uns_claim *v, struct uns_lint_pair p,
                     struct uns_err *err)
{
	struct uns_lint_side *s = &t->side[kind];
	uint32_t line = v[p.later].index;
	struct uns_lint_pair *pair;

	if (v[p.later].source == UNS_CLAIM_LINE) {
		if (!s->other)
			s->other = calloc(t->f->sub[kind].s.n, sizeof(*s->other));
		if (!s->other)
			return uns_err_nomem(err);
		if (!uns_lint_has(t, kind, line, UNS_LINT_OVERLAP))
			s->other[line] = p.earlier;
		mark(t, kind, line, UNS_LINT_OVERLAP);
		return 0;
	}
	pair = uns_vec_room(s->pair, s->pairs, &s->cap, sizeof(*pair));
	if (!pair)
		return uns_err_nomem(err);
	s->pair = pair;
	s->pair[s->pairs++] = p;
	return 0;
}

static void reach_on(struct reach best[2], struct reach new)
{
	if (best[0].owner == new.owner || best[0].owner == UNS_LINT_NONE) {
		if (best[0].owner == UNS_LINT_NONE || new.last > best[0].last)
			best[0] = new;
		return;
	}
	if (new.last > best[0].last) {
		best[1] = best[0];
		best[0] = new;
	} else if (best[1].owner == UNS_LINT_NONE || new.last > best[1].last) {
		best[1] = new;
	}
}

/* In the order of their starts: what begins inside of an earlier one of another owner overlaps it, and is said once. */
static int sweep(struct uns_lint *t, enum uns_idkind kind, const struct uns_claim *v, size_t n, struct uns_err *err)
{
	struct reach best[2] = {{UNS_LINT_NONE, 0, 0}, {UNS_LINT_NONE, 0, 0}};

	for (size_t i = 0; i < n; i++) {
		struct reach this = {uns_lint_owner_of(t, kind, &v[i]), (uint32_t)i, uns_range_last(v[i].range)};
		const struct reach *b = &best[best[0].owner == this.owner];

		if (b->owner != UNS_LINT_NONE && b->last >= v[i].range.start &&
		    mark_pair(t, kind, v, (struct uns_lint_pair){(uint32_t)i, b->at}, err) < 0)
			return -1;
		reach_on(best, this);
	}
	return 0;
}

/* The other half, for the states: into whom somebody else's begins. From behind, with the next claim that has another owner. */
static void sweep_back(struct uns_lint *t, enum uns_idkind kind, const struct uns_claim *v, size_t n)
{
	size_t other = n;

	for (size_t i = n; i-- > 0;) {
		if (i + 1 < n && uns_lint_owner_of(t, kind, &v[i]) != uns_lint_owner_of(t, kind, &v[i + 1]))
			other = i + 1;
		if (v[i].source == UNS_CLAIM_LINE && other < n && v[other].range.start <= uns_range_last(v[i].range))
			mark(t, kind, v[i].index, UNS_LINT_OVERLAPPED);
	}
}

static int mark_overlaps(struct uns_lint *t, enum uns_idkind kind, struct uns_err *err)
{
	size_t n;
	const struct uns_claim *v = uns_model_claims(t->lines, kind, UNS_ERROR, &n);

	if (sweep(t, kind, v, n, err) < 0)
		return -1;
	sweep_back(t, kind, v, n);
	return 0;
}

/* ---- all of it ---- */

static int make_side(struct uns_lint *t, enum uns_idkind kind, struct uns_err *err)
{
	struct uns_lint_side *s = &t->side[kind];
	size_t n = t->f->sub[kind].s.n, plugins = t->f->plugin[kind].n;

	s->bits = calloc(n + 1, sizeof(*s->bits));
	s->owner = calloc(n + 1, sizeof(*s->owner));
	s->next = calloc(n + 1, sizeof(*s->next));
	s->plugin_owner = calloc(plugins + 1, sizeof(*s->plugin_owner));
	if (!s->bits || !s->owner || !s->next || !s->plugin_owner)
		return uns_err_nomem(err);
	for (size_t i = 0; i < plugins; i++)
		if (intern_owner(t, t->f->plugin[kind].v[i].who, UNS_LINT_NONE, &s->plugin_owner[i], err) < 0)
			return -1;
	return 0;
}

/* What Apptainer disabled is still its owner's: others who overlap it get his files. */
static const char *owner_name(const struct uns_subid_line *l)
{
	return (l->flaws & FLAW(DISABLED)) && *l->owner == '!' ? l->owner + 1 : l->owner;
}

static int mark_lines(struct uns_lint *t, enum uns_idkind kind, const struct flaw_sets *sets, struct uns_err *err)
{
	const struct uns_subid *s = &t->f->sub[kind].s;
	uint32_t guess = UNS_LINT_NONE;

	if (make_side(t, kind, err) < 0)
		return -1;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t *owner = &t->side[kind].owner[i];

		if (intern_owner(t, owner_name(&s->v[i]), guess, owner, err) < 0)
			return -1;
		guess = *owner + 1;
		if (s->v[i].flaws || s->v[i].range.start == 0)
			mark_flaws(t, kind, i, sets);
		mark_owner(t, kind, i);
		mark_range(t, kind, i);
		chain(t, kind, i);
	}
	return 0;
}

static int lint_make(struct uns_lint *t, const struct uns_idfacts *f, struct uns_err *err)
{
	struct flaw_sets sets = flaw_sets();

	t->f = f;
	t->lines = uns_model_of(f, NULL, UNS_CLAIM_BIT(UNS_CLAIM_LINE) | UNS_CLAIM_BIT(UNS_CLAIM_PLUGIN), err);
	t->accounts = t->lines ? uns_model_of(f, NULL, UNS_CLAIM_BIT(UNS_CLAIM_ACCOUNT) | UNS_CLAIM_BIT(UNS_CLAIM_NSS), err) : NULL;
	t->reserved =
	    t->accounts ? uns_model_of(f, NULL, UNS_CLAIM_BIT(UNS_CLAIM_RESERVED) | UNS_CLAIM_BIT(UNS_CLAIM_SSSD), err) : NULL;
	if (!t->reserved || know_all(t, err) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (mark_lines(t, (enum uns_idkind)kind, &sets, err) < 0)
			return -1;
	if (mark_owners(t, err) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (mark_overlaps(t, (enum uns_idkind)kind, err) < 0)
			return -1;
	return 0;
}

/* ---- findings ---- */

/* Worst first. Errors, warnings, infos; a rule is about lines, or has a function of its own, or both. */
static const struct rule {
	const char *id;
	enum uns_lint_bit bit; /* UNS_LINT_BITS: none */
	uns_lint_host *host;
} rules[] = {
    {"SubidReadsRoot", UNS_LINT_READS_ROOT, NULL},
    {"RangeOverlap", UNS_LINT_OVERLAP, uns_lint_plugin},
    {"RangeOnAccount", UNS_LINT_ON_ACCOUNT, NULL},
    {"RangeReserved", UNS_LINT_RESERVED, NULL},
    {"RangePastEnd", UNS_LINT_PAST_END, NULL},
    {"SubidFileMode", UNS_LINT_BITS, uns_lint_mode},
    {"SubidSymlink", UNS_LINT_BITS, uns_lint_symlink},
    {"SubidFileRefused", UNS_LINT_FILE_REFUSED, NULL},
    {"SubidReadDifferently", UNS_LINT_DIFFERENTLY, NULL},
    {"SubidNameAndUid", UNS_LINT_NAME_AND_UID, NULL},
    {"SubidDuplicate", UNS_LINT_DUPLICATE, NULL},
    {"SubidSource", UNS_LINT_BITS, uns_lint_source},
    {"StaleLock", UNS_LINT_BITS, uns_lint_stale_lock},
    {"RangeOwnUid", UNS_LINT_OWN_ID, NULL},
    {"RangeStaleNumeric", UNS_LINT_STALE_NUMERIC, NULL},
    {"RangeSeveralLines", UNS_LINT_SEVERAL, NULL},
    {"RangeAsymmetric", UNS_LINT_ASYMMETRIC, NULL},
    {"RangeTreeUnowned", UNS_LINT_BITS, uns_lint_trees},
    {"RangeFilesLeft", UNS_LINT_BITS, uns_lint_files_left},
    {"KubeletRange", UNS_LINT_BITS, uns_lint_kubelet},
    {"RangeHigh", UNS_LINT_HIGH, NULL},
    {"RangeDiscouraged", UNS_LINT_DISCOURAGED, NULL},
    {"RangeOrphan", UNS_LINT_ORPHAN, NULL},
    {"RangeLiveUnrecorded", UNS_LINT_BITS, uns_lint_live},
    {"SubidMissing", UNS_LINT_BITS, uns_lint_missing},
    {"SubidLeftover", UNS_LINT_BITS, uns_lint_leftover},
    {"SubidNisLine", UNS_LINT_NIS, NULL},
    {"SubidNumericOwner", UNS_LINT_NUMERIC, NULL},
    {"RangeSmall", UNS_LINT_SMALL, NULL},
    {"RangeUnaligned", UNS_LINT_UNALIGNED, NULL},
    {"IncusImplicit", UNS_LINT_BITS, uns_lint_incus},
    {"ProbeIncomplete", UNS_LINT_BITS, uns_lint_probe},
};

static int say_lines(const struct uns_lint *t, const struct rule *r, enum uns_idkind kind, struct uns_err *err)
{
	size_t all = t->side[kind].count[r->bit], shown = 0, rest;

	for (uint32_t i = 0; shown < all && (!t->limit || shown < t->limit); i++) {
		if (!uns_lint_has(t, kind, i, r->bit))
			continue;
		if (uns_lint_say(t, r->id, r->bit, kind, i, err) < 0)
			return -1;
		shown++;
	}
	rest = all - shown;
	if (rest == 0)
		return 0;
	return uns_findings_add(t->ret, NULL, r->id, UNS_SUBID_FILE(kind), UNS_LINT_LIST_ALL, err,
	                        "… and %zu more line%s of this file", rest, rest == 1 ? "" : "s");
}

static int say_rule(const struct uns_lint *t, const struct rule *r, struct uns_err *err)
{
	for (int kind = 0; r->bit != UNS_LINT_BITS && kind < UNS_IDKINDS; kind++)
		if (say_lines(t, r, (enum uns_idkind)kind, err) < 0)
			return -1;
	return r->host ? r->host(t, r->id, err) : 0;
}

int uns_ranges_check(const struct uns_idfacts *f, size_t limit, struct uns_findings *ret, struct uns_err *err)
{
	uns_auto(lint_done) struct uns_lint t = {.limit = limit, .ret = ret};

	if (lint_make(&t, f, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (say_rule(&t, &rules[i], err) < 0)
			return -1;
	return 0;
}

/* ---- states ---- */

const char *const uns_line_state_names[UNS_LINE_STATES] = {
    [UNS_LINE_OK] = "ok",
    [UNS_LINE_NIS] = "nis",
    [UNS_LINE_ORPHAN] = "orphan",
    [UNS_LINE_DUPLICATE] = "duplicate",
    [UNS_LINE_RESERVED] = "reserved",
    [UNS_LINE_OVERLAP] = "overlap",
    [UNS_LINE_ACCOUNT] = "account",
    [UNS_LINE_MALFORMED] = "malformed",
    [UNS_LINE_PAST_END] = "past-end",
    [UNS_LINE_ROOT] = "root",
};

/* A file that ends in this line refuses to end: that is the file's flaw, and mended with any line that is added. */
static bool is_malformed(const struct uns_subid_line *l, uint32_t bits)
{
	if (l->range.count == 0 && !is_nobodys(l))
		return true;
	return (bits & (BIT(UNS_LINT_FILE_REFUSED) | BIT(UNS_LINT_DIFFERENTLY))) && (l->flaws & ~(FLAW(NO_NEWLINE) | OWN_FINDING));
}

static enum uns_line_state state_of(const struct uns_subid_line *l, uint32_t bits)
{
	static const struct {
		uint32_t bits;
		enum uns_line_state state;
	} states[] = {
	    {BIT(UNS_LINT_ON_ACCOUNT), UNS_LINE_ACCOUNT},
	    {BIT(UNS_LINT_OVERLAP) | BIT(UNS_LINT_OVERLAPPED), UNS_LINE_OVERLAP},
	    {BIT(UNS_LINT_RESERVED), UNS_LINE_RESERVED},
	    {BIT(UNS_LINT_DUPLICATE), UNS_LINE_DUPLICATE},
	    {BIT(UNS_LINT_ORPHAN) | BIT(UNS_LINT_STALE_NUMERIC), UNS_LINE_ORPHAN},
	    {BIT(UNS_LINT_NIS), UNS_LINE_NIS},
	};

	if (bits & BIT(UNS_LINT_READS_ROOT))
		return UNS_LINE_ROOT;
	if (bits & BIT(UNS_LINT_PAST_END))
		return UNS_LINE_PAST_END;
	if (is_malformed(l, bits))
		return UNS_LINE_MALFORMED;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (bits & states[i].bits)
			return states[i].state;
	return UNS_LINE_OK;
}

void uns_line_states_done(struct uns_line_states *s)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		free(s->of[kind]);
	*s = (struct uns_line_states){0};
}

static int fill_states(const struct uns_lint *t, enum uns_idkind kind, uint8_t **ret, struct uns_err *err)
{
	const struct uns_subid *s = &t->f->sub[kind].s;
	uint8_t *state = calloc(s->n + 1, sizeof(*state));

	if (!state)
		return uns_err_nomem(err);
	for (size_t i = 0; i < s->n; i++)
		state[i] = (uint8_t)state_of(&s->v[i], t->side[kind].bits[i]);
	*ret = state;
	return 0;
}

int uns_ranges_states(const struct uns_idfacts *f, struct uns_line_states *ret, struct uns_err *err)
{
	uns_auto(lint_done) struct uns_lint t = {.limit = 0};
	uns_auto(uns_line_states_done) struct uns_line_states states = {0};

	if (lint_make(&t, f, err) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (fill_states(&t, (enum uns_idkind)kind, &states.of[kind], err) < 0)
			return -1;
	*ret = states;
	states = (struct uns_line_states){0};
	return 0;
}
