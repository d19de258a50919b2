/* SPDX-License-Identifier: Apache-2.0 */
/* A sweep over the claims of the collision model: where one begins or ends, a band does. */
#include "uns/idspace.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "uns/cleanup.h"
#include "uns/vec.h"

#define NAMED 3      /* of a band */
#define NEAR 1000u   /* accounts with fewer IDs between them are one band */
#define LOOKED_AT 64 /* of the claims that overlap at one place; what lies below so many is only counted */

/* A claim, or several accounts side by side. */
struct piece {
	uint32_t first, last;
	const struct uns_claim *claim, *end; /* of accounts: the first and the last */
	size_t accounts;                     /* 0: not accounts */
	size_t at;                           /* where it stands among those that are open */
};

struct edge {
	uint32_t id; /* the piece begins here, or is the last before */
	bool end;
	struct piece *piece;
};

struct sweep {
	const struct uns_model *m;
	const struct uns_idfacts *f;
	enum uns_idkind kind;
	struct piece *piece;
	size_t pieces, piece_cap;
	struct edge *edge;
	size_t edges;
	struct piece **open; /* overlap at the present place */
	size_t opens;
	uint32_t *bound; /* where lines begin, or have ended: accounts on both sides are not one band */
	size_t bounds, bound_cap;
	struct uns_idspace *out;
};

static void band_done(struct uns_band *b)
{
	uns_strs_done(&b->who);
}

void uns_idspace_done(struct uns_idspace *s)
{
	for (size_t i = 0; i < s->n; i++)
		band_done(&s->v[i]);
	free(s->v);
	*s = (struct uns_idspace){0};
}

static void sweep_done(struct sweep *s)
{
	free(s->piece);
	free(s->edge);
	free(s->open);
	free(s->bound);
}

/* ---- pieces ---- */

static bool is_account(const struct uns_claim *c)
{
	return c->source == UNS_CLAIM_ACCOUNT || c->source == UNS_CLAIM_NSS;
}

static bool is_range(const struct uns_claim *c)
{
	return c->source == UNS_CLAIM_LINE || c->source == UNS_CLAIM_PLUGIN;
}

/* What other software may choose from, and takes nothing by itself, is free: else nearly nothing would be. */
static bool is_shown(const struct uns_claim *c)
{
	return c->severity != UNS_INFO;
}

static int add_piece(struct sweep *s, const struct uns_claim *c, struct uns_err *err)
{
	struct piece *v = uns_vec_room(s->piece, s->pieces, &s->piece_cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	s->piece = v;
	v[s->pieces++] = (struct piece){c->range.start, uns_range_last(c->range), c, c, is_account(c), 0};
	return 0;
}

static int add_bound(struct sweep *s, uint32_t id, struct uns_err *err)
{
	uint32_t *v = uns_vec_room(s->bound, s->bounds, &s->bound_cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	s->bound = v;
	v[s->bounds++] = id;
	return 0;
}

static int add_claims(struct sweep *s, enum uns_severity severity, struct uns_err *err)
{
	size_t n;
	const struct uns_claim *c = uns_model_claims(s->m, s->kind, severity, &n);

	for (size_t i = 0; i < n; i++) {
		if (!is_shown(&c[i]))
			continue;
		if (add_piece(s, &c[i], err) < 0)
			return -1;
		if (is_range(&c[i]) &&
		    (add_bound(s, c[i].range.start, err) < 0 || add_bound(s, uns_range_last(c[i].range) + 1, err) < 0))
			return -1;
	}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Accounts in front, so that those which are neighbours stand side by side. */
static int compare_pieces(const void *pa, const void *pb)
{
	const struct piece *a = pa, *b = pb;

	if (!a->accounts != !b->accounts)
		return a->accounts ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->claim->source != b->claim->source ? (a->claim->source < b->claim->source ? -1 : 1)
	                                            : (a->claim->index > b->claim->index) - (a->claim->index < b->claim->index);
}

/* Whether a line begins or ends in (from, to]; ids ascend from call to call, *at goes along. */
static bool bound_between(const struct sweep *s, size_t *at, uint32_t from, uint32_t to)
{
	while (*at < s->bounds && s->bound[*at] <= from)
		(*at)++;
	return *at < s->bounds && s->bound[*at] <= to;
}

static void join_accounts(struct sweep *s)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < s->pieces; i++) {
		struct piece *p = &s->piece[i], *last = n ? &s->piece[n - 1] : NULL;

		if (last && last->accounts && p->accounts && p->first - last->last <= NEAR &&
		    !bound_between(s, &at, last->last, p->first)) {
			last->accounts += p->first != last->last; /* a group, and whose primary group it is */
			last->last = p->last;
			last->end = p->end;
		} else {
			s->piece[n++] = *p;
		}
	}
	s->pieces = n;
}

static int collect(struct sweep *s, struct uns_err *err)
{
	for (int severity = UNS_INFO; severity <= UNS_ERROR; severity++)
		if (add_claims(s, severity, err) < 0)
			return -1;
	if (s->pieces)
		qsort(s->piece, s->pieces, sizeof(*s->piece), compare_pieces);
	if (s->bounds)
		qsort(s->bound, s->bounds, sizeof(*s->bound), compare_ids);
	join_accounts(s);
	return 0;
}

/* ---- what lies at one place ---- */

struct place {
	enum uns_band_state state;
	const struct piece *shown[LOOKED_AT];
	size_t n, all;
};

static const char *owner_of(const struct sweep *s, const struct piece *p)
{
	if (p->claim->source == UNS_CLAIM_LINE)
		return s->f->sub[s->kind].s.v[p->claim->index].owner;
	return p->claim->source == UNS_CLAIM_PLUGIN ? s->f->plugin[s->kind].v[p->claim->index].who : NULL;
}

/* Two that cannot both have an ID. */
static bool excludes(const struct sweep *s, const struct piece *a, const struct piece *b)
{
	const char *x = owner_of(s, a), *y = owner_of(s, b);

	if (!x && !y)
		return false;
	if (x && y)
		return strcmp(x, y) != 0 &&
		       !(a->claim->source == UNS_CLAIM_LINE && uns_line_is_of(s->f, &s->f->sub[s->kind].s.v[a->claim->index], y));
	if (y)
		return excludes(s, b, a);
	return b->accounts || b->claim->source == UNS_CLAIM_SSSD ||
	       (b->claim->source == UNS_CLAIM_RESERVED && b->claim->severity == UNS_ERROR);
}

static enum uns_band_state state_of(const struct piece *p)
{
	switch ((enum uns_claim_source)p->claim->source) {
	case UNS_CLAIM_LINE:
	case UNS_CLAIM_PLUGIN:
		return UNS_BAND_RANGE;
	case UNS_CLAIM_ACCOUNT:
	case UNS_CLAIM_NSS:
		return UNS_BAND_ACCOUNTS;
	case UNS_CLAIM_LIVE:
	case UNS_CLAIM_TREE:
	case UNS_CLAIM_SCAN:
		return UNS_BAND_USED;
	case UNS_CLAIM_SSSD:
	case UNS_CLAIM_RESERVED:
		break;
	}
	return UNS_BAND_RESERVED;
}

/* A range before accounts before uses before what is only reserved; each in the order of the model. */
static int compare_shown(const void *pa, const void *pb)
{
	static const int rank[UNS_BAND_STATES] = {
	    [UNS_BAND_RANGE] = 0, [UNS_BAND_ACCOUNTS] = 1, [UNS_BAND_USED] = 2, [UNS_BAND_RESERVED] = 3};
	const struct piece *a = *(const struct piece *const *)pa, *b = *(const struct piece *const *)pb;
	int x = rank[state_of(a)], y = rank[state_of(b)];

	return x != y ? x - y : a < b ? -1 : a > b;
}

static bool collides(const struct sweep *s, const struct place *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = i + 1; j < p->n; j++)
			if (excludes(s, p->shown[i], p->shown[j]))
				return true;
	return false;
}

/* Accounts lie where IDs are reserved for accounts, and what is in use lies in its owner's range: what only confirms is left off,
 * unless it is half of a collision. */
static void leave_off(struct place *p)
{
	enum uns_band_state top = state_of(p->shown[0]);
	size_t n = 0;

	if (p->state == UNS_BAND_COLLISION)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (state_of(p->shown[i]) != UNS_BAND_RESERVED || top == UNS_BAND_RESERVED ||
		    (top == UNS_BAND_RANGE && p->shown[i]->claim->severity == UNS_WARNING))
			p->shown[n++] = p->shown[i];
	p->all -= p->n - n;
	p->n = n;
}

static void look(const struct sweep *s, struct place *p)
{
	p->state = UNS_BAND_FREE;
	p->n = s->opens < LOOKED_AT ? s->opens : LOOKED_AT;
	p->all = s->opens;
	if (p->n == 0)
		return;
	memcpy(p->shown, s->open, p->n * sizeof(p->shown[0]));
	qsort(p->shown, p->n, sizeof(p->shown[0]), compare_shown);
	p->state = collides(s, p) ? UNS_BAND_COLLISION : state_of(p->shown[0]);
	leave_off(p);
}

/* ---- bands ---- */

static const char *account_name(const struct sweep *s, const struct uns_claim *c)
{
	const struct uns_accounts *first = s->kind == UNS_UID ? &s->f->users : &s->f->groups;

	if (c->source == UNS_CLAIM_NSS)
		return s->f->nss[s->kind].v[c->index].name;
	return c->index < first->n ? first->v[c->index].name : s->f->users.v[c->index - first->n].name;
}

static int put_label(const struct sweep *s, const struct piece *p, struct uns_buf *b, struct uns_err *err)
{
	if (p->accounts > 1)
		return uns_buf_printf(b, err, "%zu %s, %s … %s", p->accounts, s->kind == UNS_UID ? "users" : "groups",
		                      account_name(s, p->claim), account_name(s, p->end));
	if (p->accounts)
		return uns_buf_printf(b, err, "%s %s", s->kind == UNS_UID ? "user" : "group", account_name(s, p->claim));
	if (p->claim->source == UNS_CLAIM_LINE)
		return uns_buf_printf(b, err, "%s (line %u)", owner_of(s, p), s->f->sub[s->kind].s.v[p->claim->index].line);
	return uns_claim_describe(s->m, s->kind, p->claim, b, err);
}

static int name_all(const struct sweep *s, const struct place *p, struct uns_band *band, struct uns_err *err)
{
	for (size_t i = 0; i < p->n && i < NAMED; i++) {
		uns_auto(uns_buf_done) struct uns_buf label = UNS_BUF_INIT;

		if (put_label(s, p->shown[i], &label, err) < 0 || uns_strs_add(&band->who, label.data ? label.data : "", err) < 0)
			return -1;
	}
	band->all = p->all;
	return 0;
}

static bool same_who(const struct uns_band *a, const struct uns_band *b)
{
	if (a->state != b->state || a->all != b->all || a->who.n != b->who.n)
		return false;
	for (size_t i = 0; i < a->who.n; i++)
		if (strcmp(a->who.v[i], b->who.v[i]) != 0)
			return false;
	return true;
}

static int add_band(struct sweep *s, uint32_t first, uint32_t last, struct uns_err *err)
{
	uns_auto(band_done) struct uns_band new = {first, last, UNS_BAND_FREE, UNS_STRS_INIT, 0};
	struct uns_idspace *out = s->out;
	struct place here;
	struct uns_band *v;

	look(s, &here);
	new.state = here.state;
	if (name_all(s, &here, &new, err) < 0)
		return -1;
	if (out->n && same_who(&out->v[out->n - 1], &new)) {
		out->v[out->n - 1].last = last;
		return 0;
	}
	v = uns_vec_room(out->v, out->n, &out->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	out->v = v;
	v[out->n++] = new;
	out->collisions += new.state == UNS_BAND_COLLISION;
	new = (struct uns_band){0};
	return 0;
}

static int compare_edges(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->piece < b->piece ? -1 : a->piece > b->piece;
}

static int make_edges(struct sweep *s, struct uns_err *err)
{
	s->edge = calloc(2 * s->pieces + 1, sizeof(*s->edge));
	s->open = calloc(s->pieces + 1, sizeof(struct piece *));
	if (!s->edge || !s->open)
		return uns_err_nomem(err);
	for (size_t i = 0; i < s->pieces; i++) {
		struct piece *p = &s->piece[i];

		s->edge[s->edges++] = (struct edge){p->first, false, p};
		if (p->last < UINT32_MAX)
			s->edge[s->edges++] = (struct edge){p->last + 1, true, p};
	}
	if (s->edges)
		qsort(s->edge, s->edges, sizeof(*s->edge), compare_edges);
	return 0;
}

static void pass(struct sweep *s, const struct edge *e)
{
	if (!e->end) {
		e->piece->at = s->opens;
		s->open[s->opens++] = e->piece;
		return;
	}
	s->open[e->piece->at] = s->open[--s->opens];
	s->open[e->piece->at]->at = e->piece->at;
}

static int sweep(struct sweep *s, struct uns_err *err)
{
	uint32_t from = 0;

	for (size_t i = 0; i < s->edges;) {
		uint32_t id = s->edge[i].id;

		if (id > from && add_band(s, from, id - 1, err) < 0)
			return -1;
		for (; i < s->edges && s->edge[i].id == id; i++)
			pass(s, &s->edge[i]);
		from = id;
	}
	return add_band(s, from, UINT32_MAX, err);
}

/* ---- fewer bands ---- */

static bool is_run(const struct uns_band *b)
{
	return b->state == UNS_BAND_RANGE || (b->state == UNS_BAND_FREE && b->last - b->first < UNS_ID_BLOCK - 1);
}

/* b[0] … b[n-1], of which the first and the last are ranges, become b[0]. */
static int join_bands(struct uns_band *b, size_t n, struct uns_err *err)
{
	size_t ranges = 0;
	uns_auto_free char *text = NULL;

	for (size_t i = 0; i < n; i++)
		ranges += b[i].state == UNS_BAND_RANGE;
	text = uns_str_printf(err, "%zu ranges, %s … %s", ranges, b[0].who.v[0], b[n - 1].who.v[0]);
	if (!text)
		return -1;
	b[0].last = b[n - 1].last;
	for (size_t i = 0; i < n; i++)
		band_done(&b[i]);
	b[0].who = (struct uns_strs)UNS_STRS_INIT;
	b[0].all = ranges;
	return uns_strs_add(&b[0].who, text, err);
}

static size_t run_length(const struct uns_band *b, size_t n)
{
	size_t length = 0;

	for (size_t i = 0; i < n && is_run(&b[i]); i++)
		if (b[i].state == UNS_BAND_RANGE)
			length = i + 1;
	return length;
}

static int shorten(struct uns_idspace *s, struct uns_err *err)
{
	size_t n = 0;

	for (size_t i = 0, run; i < s->n; i += run) {
		run = s->v[i].state == UNS_BAND_RANGE ? run_length(&s->v[i], s->n - i) : 1;
		if (run > NAMED && join_bands(&s->v[i], run, err) < 0)
			return -1;
		for (size_t j = i; j < i + (run > NAMED ? 1 : run); j++)
			s->v[n++] = s->v[j];
	}
	s->n = n;
	return 0;
}

int uns_idspace_make(const struct uns_idfacts *f, enum uns_idkind kind, size_t most, struct uns_idspace *ret, struct uns_err *err)
{
	uns_auto(uns_model_freep) struct uns_model *m = uns_model_new(f, NULL, err);
	uns_auto(uns_idspace_done) struct uns_idspace out = {0};
	uns_auto(sweep_done) struct sweep s = {.m = m, .f = f, .kind = kind, .out = &out};

	if (!m || collect(&s, err) < 0 || make_edges(&s, err) < 0 || sweep(&s, err) < 0)
		return -1;
	if (most && out.n > most && shorten(&out, err) < 0)
		return -1;
	*ret = out;
	out = (struct uns_idspace){0};
	return 0;
}
