/* SPDX-License-Identifier: Apache-2.0 */
/* The range commands as plans: which lines of which owners are to be in the two files. One step a file holds all owners of a
 * command, so that ten thousand owners cost one rewrite. */
#include "uns/ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edits.h"
#include "uns/cleanup.h"
#include "uns/json.h"

#define LISTED 20 /* owners of a batch that findings name one by one */

const char *const uns_id_names[UNS_IDKINDS] = {"UID", "GID"};

void uns_range_wants_done(struct uns_range_wants *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].owner);
	free(w->v);
	*w = (struct uns_range_wants){0};
}

/* ---- steps ---- */

void uns_edits_done(struct uns_edits *e)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		uns_strs_done(&e->of[kind].before);
		uns_strs_done(&e->of[kind].after);
	}
}

static json_t *lines_json(const struct uns_strs *l)
{
	uns_auto_json json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		if (json_array_append_new(list, json_string(l->v[i])) < 0)
			return NULL;
	return uns_take_ptr(list);
}

static bool same_lines(const struct uns_edit *e)
{
	if (e->before.n != e->after.n)
		return false;
	for (size_t i = 0; i < e->before.n; i++)
		if (strcmp(e->before.v[i], e->after.v[i]) != 0)
			return false;
	return true;
}

int uns_ranges_editable(const struct uns_idfacts *f, enum uns_idkind kind, struct uns_err *err)
{
	if (!f->sub[kind].symlink)
		return 0;
	return uns_err_set(err, UNS_E_INPUT, "%s is a symbolic link, which shadow's tools refuse (ELOOP); expected a regular file",
	                   UNS_SUBID_FILE(kind));
}

int uns_edits_add(const struct uns_range_request *r, const struct uns_edits *edits, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_edit *e = &edits->of[kind];

		if (same_lines(e))
			continue;
		if (uns_ranges_editable(r->f, (enum uns_idkind)kind, err) < 0)
			return -1;
		if (uns_plan_add(r->plan, "subid-lines", false,
		                 json_pack("{s:s, s:o, s:o, s:b}", "file", UNS_SUBID_FILE(kind), "before", lines_json(&e->before),
		                           "after", lines_json(&e->after), "created", !r->f->sub[kind].exists),
		                 err) < 0)
			return -1;
	}
	return 0;
}

/* A plan is JSON, which holds neither. */
static const char *not_in_json(const struct uns_buf *raw)
{
	uns_auto_json json_t *j = NULL;

	if (!raw->data || strlen(raw->data) != raw->len)
		return "a NUL byte";
	j = json_string(raw->data);
	return j ? NULL : "bytes that are no UTF-8";
}

int uns_edits_push_raw(const struct uns_range_request *r, enum uns_idkind kind, const struct uns_subid_line *l, struct uns_strs *to,
                       struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT;
	const char *bad;

	if (uns_subid_raw(&r->f->sub[kind].s, l, &raw, err) < 0)
		return -1;
	bad = not_in_json(&raw);
	if (bad)
		return uns_err_set(err, UNS_E_INPUT, "%s:%u: this line holds %s, which a plan cannot hold; mend it by hand",
		                   UNS_SUBID_FILE(kind), l->line, bad);
	return uns_strs_add(to, raw.data, err);
}

int uns_edits_push_range(const char *owner, struct uns_range range, struct uns_strs *to, struct uns_err *err)
{
	uns_auto_free char *line = uns_subid_line_text(owner, range, err);

	return line ? uns_strs_add(to, line, err) : -1;
}

/* ---- which range ---- */

int uns_ranges_say(const struct uns_range_request *r, const char *id, const char *object, const char *remedy, struct uns_err *err,
                   const char *reason)
{
	return uns_findings_add(r->findings, r->ignore, id, object, remedy, err, "%s", reason);
}

/* 0 and what to write before the reason: the line of the batch, or nothing. */
void uns_ranges_object(const struct uns_range_want *w, char *buf, size_t size)
{
	if (w->line)
		snprintf(buf, size, "%s (line %u)", w->owner, w->line);
	else
		snprintf(buf, size, "%s", w->owner);
}

static int taken(const struct uns_range_request *r, const struct uns_range_want *w, const char *id, struct uns_range range,
                 const struct uns_model *m, enum uns_idkind kind, const struct uns_claim *claim, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	char object[320];

	uns_ranges_object(w, object, sizeof(object));
	if (uns_claim_describe(m, kind, claim, &who, err) < 0)
		return -1;
	return uns_findings_add(r->findings, r->ignore, id, object, "$ usernsctl range next\tnames a free range", err,
	                        "the %s range %u:%u overlaps %s", uns_id_names[kind], range.start, range.count, who.data);
}

/* Claims of severity error refuse, those of severity warning are said. */
static int check_claims(const struct uns_range_request *r, const struct uns_range_want *w, const struct uns_model *m,
                        enum uns_idkind kind, struct uns_range range, struct uns_err *err)
{
	const struct uns_claim *c = uns_model_find(m, kind, range, UNS_WARNING);

	if (!c)
		return 0;
	return taken(r, w, c->severity == UNS_ERROR ? "RangeTaken" : "RangeDiscouraged", range, m, kind, c, err);
}

static uint32_t count_of(const struct uns_range_want *w)
{
	return w->range.count ? w->range.count : UNS_ID_BLOCK;
}

static int check_exact(const struct uns_range_request *r, const struct uns_range_want *w, const struct uns_model *m,
                       struct uns_range range, struct uns_err *err)
{
	char object[320];

	uns_ranges_object(w, object, sizeof(object));
	if (!uns_range_valid(range))
		return uns_findings_add(r->findings, r->ignore, "RangeUnsafe", object, NULL, err,
		                        "the range %u:%u cannot be used: it ends beyond 4294967294, the last ID", range.start,
		                        range.count);
	if (range.start % UNS_ID_BLOCK != 0 &&
	    uns_findings_add(r->findings, r->ignore, "RangeUnaligned", object, NULL, err,
	                     "%u is no multiple of 65536, as kubelet and systemd want it", range.start) < 0)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (check_claims(r, w, m, (enum uns_idkind)kind, range, err) < 0)
			return -1;
	return 0;
}

static int none_free(const struct uns_range_request *r, const struct uns_range_want *w, struct uns_err *err)
{
	char object[320];

	uns_ranges_object(w, object, sizeof(object));
	return uns_findings_add(r->findings, r->ignore, "RangeNone", object,
	                        "choose a smaller count, or free ranges of owners that are gone: usernsctl range check", err,
	                        "no %u IDs in a row are free between 65536 and %u", count_of(w), UNS_RANGE_LAST);
}

/* The ranges that are named go first: what is chosen must keep clear of them. */
static int choose_named(const struct uns_range_request *r, struct uns_range_want *w, const struct uns_model *m,
                        struct uns_allocator *a, struct uns_err *err)
{
	if (w->fixed || w->how == UNS_RANGE_AUTO)
		return 0;
	w->got = (struct uns_range){w->how == UNS_RANGE_HASH ? uns_range_hash(w->owner, count_of(w)) : w->range.start, count_of(w)};
	if (w->how == UNS_RANGE_HASH && w->got.start == 0)
		return none_free(r, w, err);
	if (check_exact(r, w, m, w->got, err) < 0)
		return -1;
	return uns_allocator_take(a, w->got, err);
}

static int choose_free(const struct uns_range_request *r, struct uns_range_want *w, struct uns_allocator *a, struct uns_err *err)
{
	int rc;

	if (w->fixed || w->how != UNS_RANGE_AUTO)
		return 0;
	w->got.count = count_of(w);
	rc = uns_allocator_next(a, w->got.count, &w->got.start, err);
	return rc > 0 ? none_free(r, w, err) : rc;
}

static void allocator_freep(struct uns_allocator **a)
{
	uns_allocator_free(*a);
}

static int choose(const struct uns_range_request *r, struct uns_range_wants *wants, const struct uns_model *m, struct uns_err *err)
{
	uns_auto(allocator_freep) struct uns_allocator *a = uns_allocator_new(m, err);

	if (!a)
		return -1;
	for (size_t i = 0; i < wants->n; i++)
		if (choose_named(r, &wants->v[i], m, a, err) < 0)
			return -1;
	for (size_t i = 0; i < wants->n; i++)
		if (choose_free(r, &wants->v[i], a, err) < 0)
			return -1;
	return 0;
}

/* For one owner that has nothing. */
int uns_ranges_choose(const struct uns_range_request *r, struct uns_range_want *w, const char *leave_out, struct uns_err *err)
{
	uns_auto(uns_model_freep) struct uns_model *m = uns_model_new(r->f, leave_out, err);
	struct uns_range_wants one = {w, 1, 1};

	w->fixed = w->had = false;
	return m ? choose(r, &one, m, err) : -1;
}

/* ---- new lines against each other ---- */

/* What is chosen keeps clear of all, and what is named of all lines that are there. What is left: those that are named, and those
 * that an owner has in one file already, in the other file. */
enum group { GROUP_NONE, GROUP_NAMED, GROUP_TO_UID, GROUP_TO_GID, GROUPS };

static enum group group_of(const struct uns_range_want *w, const struct uns_owner *o)
{
	if (w->fixed)
		return w->had ? GROUP_NONE : o->held[UNS_UID].lines ? GROUP_TO_GID : GROUP_TO_UID;
	return w->how == UNS_RANGE_AUTO ? GROUP_NONE : GROUP_NAMED;
}

static int want_compare(const void *pa, const void *pb)
{
	const struct uns_range_want *a = *(const struct uns_range_want *const *)pa, *b = *(const struct uns_range_want *const *)pb;

	if (a->got.start != b->got.start)
		return a->got.start < b->got.start ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* The one that comes later in the batch is said to be in the way. */
static int say_overlap(const struct uns_range_request *r, const struct uns_range_want *a, const struct uns_range_want *b,
                       struct uns_err *err)
{
	const struct uns_range_want *later = a < b ? b : a;
	char object[320];

	uns_ranges_object(later, object, sizeof(object));
	return uns_findings_add(r->findings, r->ignore, "RangeTaken", object, NULL, err,
	                        "the range %u:%u overlaps that of %s in the same batch", later->got.start, later->got.count,
	                        (a < b ? a : b)->owner);
}

/* Each is compared with the one before it that reaches farthest. */
static int check_group(const struct uns_range_request *r, struct uns_range_want **v, size_t n, struct uns_err *err)
{
	size_t far = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), want_compare);
	for (size_t i = 1; i < n; i++) {
		const struct uns_range *a = &v[far]->got, *b = &v[i]->got;

		if (uns_range_overlaps(*a, *b) && say_overlap(r, v[far], v[i], err) < 0)
			return -1;
		if ((uint64_t)a->start + a->count < (uint64_t)b->start + b->count)
			far = i;
	}
	return 0;
}

static int check_each_other(const struct uns_range_request *r, struct uns_range_wants *wants, const struct uns_owners *o,
                            struct uns_err *err)
{
	uns_auto_free struct uns_range_want **v = calloc(wants->n + 1, sizeof(struct uns_range_want *));

	if (!v)
		return uns_err_nomem(err);
	for (int group = GROUP_NAMED; group < GROUPS; group++) {
		size_t n = 0;

		for (size_t i = 0; i < wants->n; i++)
			if ((int)group_of(&wants->v[i], &o->v[i]) == group)
				v[n++] = &wants->v[i];
		if (check_group(r, v, n, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- add ---- */

static int several(const struct uns_range_request *r, const struct uns_owner *o, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (o->held[kind].lines > 1)
			return uns_findings_add(r->findings, r->ignore, "RangeSeveral", UNS_SUBID_FILE(kind),
			                        "usernsctl range remove takes the lines away", err,
			                        "%s has %zu lines; expected one in each file", o->name, o->held[kind].lines);
	return 0;
}

/* What the owner has already decides: one range for good. 1: there is a finding. */
int uns_ranges_check_held(const struct uns_range_request *r, const struct uns_owner *o, struct uns_err *err)
{
	char at[64];

	if (o->held[UNS_UID].lines > 1 || o->held[UNS_GID].lines > 1)
		return several(r, o, err) < 0 ? -1 : 1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		if (!o->held[kind].flawed)
			continue;
		snprintf(at, sizeof(at), "%s:%u", UNS_SUBID_FILE(kind), o->held[kind].first->line);
		if (uns_findings_add(r->findings, r->ignore, "SubidOwnLine", at,
		                     "usernsctl range check --fix, with the owner's name", err,
		                     "the line of %s is read differently by different programs", o->name) < 0)
			return -1;
		return 1;
	}
	return 0;
}

bool uns_ranges_differ(const struct uns_range_want *w, struct uns_range has)
{
	uint32_t start = w->how == UNS_RANGE_EXACT ? w->range.start : uns_range_hash(w->owner, count_of(w));

	if (w->how != UNS_RANGE_AUTO && start != has.start)
		return true;
	return w->range.count && w->range.count != has.count;
}

/* Of the two lines there is at least one. */
static int keep_held(const struct uns_range_request *r, struct uns_range_want *w, const struct uns_owner *o, struct uns_err *err)
{
	const struct uns_subid_line *u = o->held[UNS_UID].first, *g = o->held[UNS_GID].first, *other;
	char object[320];

	w->got = u ? u->range : g->range;
	w->had = u && g;
	uns_ranges_object(w, object, sizeof(object));
	other = u && uns_ranges_differ(w, u->range) ? u : g && uns_ranges_differ(w, g->range) ? g : NULL;
	if (other)
		return uns_findings_add(r->findings, r->ignore, "RangeDiffers", object, "usernsctl range move gives it another one",
		                        err, "it has the range %u:%u already, which is not the wanted one", other->range.start,
		                        other->range.count);
	if (u && g && (u->range.start != g->range.start || u->range.count != g->range.count))
		return uns_findings_add(r->findings, r->ignore, "RangeAsymmetric", object,
		                        "usernsctl range move gives it one for both", err,
		                        "its UID range %u:%u and its GID range %u:%u differ", u->range.start, u->range.count,
		                        g->range.start, g->range.count);
	return 0;
}

/* An owner that has a range in one file only. */
struct half {
	const struct uns_idfacts *f;
	const struct uns_owners *all;
	const struct uns_owner *o;
	enum uns_idkind has, lacks;
	struct uns_range range;
};

/* A process that has the owner's range of the one kind. */
static bool is_own_process(const struct half *h, pid_t pid)
{
	for (size_t i = 0; i < h->f->lives; i++) {
		const struct uns_live *l = &h->f->live[i];

		if (l->pid == pid && l->kind == h->has && l->range.count && uns_range_has(h->range, l->range.start) &&
		    uns_range_last(l->range) <= uns_range_last(h->range))
			return true;
	}
	return false;
}

/* The line of this file may have been lost while containers had its IDs. */
static bool is_own(const struct half *h, const struct uns_claim *c)
{
	switch ((enum uns_claim_source)c->source) {
	case UNS_CLAIM_PLUGIN:
		return uns_owners_has(h->all, (size_t)(h->o - h->all->v), h->f->plugin[h->lacks].v[c->index].who);
	case UNS_CLAIM_LIVE:
		return is_own_process(h, h->f->live[c->index].pid);
	case UNS_CLAIM_TREE:
		return uns_range_has(h->range, h->f->tree[c->index].start[h->has]);
	default:
		return false;
	}
}

static const struct uns_claim *claim_of_others(const struct half *h, const struct uns_model *m, enum uns_severity severity)
{
	size_t n;
	const struct uns_claim *end = uns_model_claims(m, h->lacks, severity, &n);
	const struct uns_claim *c = uns_model_first(m, h->lacks, h->range, severity);

	for (end += n; c && c < end && c->range.start <= uns_range_last(h->range); c++)
		if (uns_range_overlaps(c->range, h->range) && !is_own(h, c))
			return c;
	return NULL;
}

/* Who else has it in the other file? A model without the owner's own would cost a batch one model for each owner; only for root it
 * makes a difference: what Incus takes because root has no line is no collision for root's. */
static int check_other_file(const struct uns_range_request *r, const struct uns_range_want *w, const struct half *h,
                            const struct uns_model *m, struct uns_err *err)
{
	uns_auto(uns_model_freep) struct uns_model *roots = NULL;
	const struct uns_claim *c;

	if (uns_owners_has(h->all, (size_t)(h->o - h->all->v), "root")) {
		m = roots = uns_model_new(r->f, w->owner, err);
		if (!m)
			return -1;
	}
	c = claim_of_others(h, m, UNS_ERROR);
	if (c)
		return taken(r, w, "RangeTaken", h->range, m, h->lacks, c, err);
	c = claim_of_others(h, m, UNS_WARNING);
	return c ? taken(r, w, "RangeDiscouraged", h->range, m, h->lacks, c, err) : 0;
}

static int look_at_held(const struct uns_range_request *r, struct uns_range_want *w, const struct uns_owners *all,
                        const struct uns_owner *o, const struct uns_model *m, struct uns_err *err)
{
	struct half h = {.f = r->f, .all = all, .o = o, .has = o->held[UNS_UID].lines ? UNS_UID : UNS_GID};
	int rc;

	w->got = (struct uns_range){0, 0};
	w->had = false;
	w->fixed = o->held[UNS_UID].lines || o->held[UNS_GID].lines;
	if (!w->fixed)
		return 0;
	rc = uns_ranges_check_held(r, o, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (keep_held(r, w, o, err) < 0)
		return -1;
	h.lacks = h.has == UNS_UID ? UNS_GID : UNS_UID;
	h.range = w->got;
	return w->had ? 0 : check_other_file(r, w, &h, m, err);
}

/* Names of ten thousand strangers help nobody. */
static int check_known(const struct uns_range_request *r, const struct uns_range_wants *wants, const struct uns_owners *o,
                       struct uns_err *err)
{
	size_t unknown = 0;
	char object[320];

	for (size_t i = 0; i < wants->n; i++) {
		if (o->v[i].known || wants->v[i].made || wants->v[i].fixed || unknown++ >= LISTED)
			continue;
		uns_ranges_object(&wants->v[i], object, sizeof(object));
		if (uns_ranges_say(
		        r, "OwnerUnknown", object,
		        "check the spelling; an owner that this host cannot know, or a pseudo owner: --ignore=OwnerUnknown", err,
		        "no account of this name exists") < 0)
			return -1;
	}
	if (unknown <= LISTED)
		return 0;
	return uns_findings_add(r->findings, r->ignore, "OwnerUnknown", "the batch", NULL, err, "… and %zu owners more",
	                        unknown - LISTED);
}

static int add_steps(const struct uns_range_request *r, const struct uns_range_wants *wants, const struct uns_owners *o,
                     struct uns_err *err)
{
	uns_auto(uns_edits_done) struct uns_edits e = {0};

	for (size_t i = 0; i < wants->n; i++)
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			if (!o->v[i].held[kind].lines &&
			    uns_edits_push_range(wants->v[i].owner, wants->v[i].got, &e.of[kind].after, err) < 0)
				return -1;
	return uns_edits_add(r, &e, err);
}

static enum uns_code code_of(const struct uns_range_want *w)
{
	return w->line ? UNS_E_INPUT : UNS_E_USAGE;
}

/* Two that are one would get two ranges. */
static int check_once(const struct uns_range_wants *wants, const struct uns_owners *o, struct uns_err *err)
{
	char first[320], second[320];

	for (size_t i = 0; i < wants->n; i++) {
		const struct uns_range_want *w = &wants->v[i];
		size_t at = SIZE_MAX;

		for (const struct uns_word *same; (same = uns_words_next(&o->spelling, w->owner, &at)) != NULL;) {
			if (same->index >= i)
				continue;
			uns_ranges_object(&wants->v[same->index], first, sizeof(first));
			uns_ranges_object(w, second, sizeof(second));
			if (strcmp(wants->v[same->index].owner, w->owner) == 0)
				return uns_err_set(err, code_of(w), "%s is named twice; expected each owner once", second);
			return uns_err_set(err, code_of(w), "%s and %s are the same user; expected each owner once", first, second);
		}
	}
	return 0;
}

int uns_ranges_owners(const struct uns_idfacts *f, const struct uns_range_wants *wants, struct uns_owners *ret, struct uns_err *err)
{
	uns_auto_free const char **name = calloc(wants->n + 1, sizeof(*name));

	if (!name)
		return uns_err_nomem(err);
	for (size_t i = 0; i < wants->n; i++) {
		name[i] = wants->v[i].owner;
		if (!uns_subid_owner_valid(name[i]))
			return uns_err_set(
			    err, code_of(&wants->v[i]),
			    "\"%s\" cannot be an owner; expected the name or the UID of a user, without blanks and ':'", name[i]);
	}
	return uns_owners_make(f, name, wants->n, ret, err) < 0 ? -1 : check_once(wants, ret, err);
}

int uns_ranges_add(const struct uns_range_request *r, struct uns_range_wants *wants, struct uns_err *err)
{
	uns_auto(uns_owners_done) struct uns_owners o = {0};
	uns_auto(uns_model_freep) struct uns_model *m = NULL;

	if (uns_ranges_owners(r->f, wants, &o, err) < 0)
		return -1;
	m = uns_model_new(r->f, NULL, err);
	if (!m)
		return -1;
	for (size_t i = 0; i < wants->n; i++)
		if (look_at_held(r, &wants->v[i], &o, &o.v[i], m, err) < 0)
			return -1;
	if (check_known(r, wants, &o, err) < 0 || choose(r, wants, m, err) < 0 || check_each_other(r, wants, &o, err) < 0)
		return -1;
	return uns_findings_code(r->findings) == UNS_OK ? add_steps(r, wants, &o, err) : 0;
}

int uns_ranges_next(const struct uns_range_request *r, struct uns_range_want *want, struct uns_err *err)
{
	return uns_ranges_choose(r, want, NULL, err);
}
