/* SPDX-License-Identifier: Apache-2.0 */
/* subid-lines: the lines of some owners in /etc/subuid or /etc/subgid. The fact is the multiset of all lines, in this file, of the
 * owners that the lines of before and after name. Disjoint: BEFORE it equals one list, AFTER it equals the other, and the two lists
 * differ. Any other multiset is FOREIGN: an engine would join a further line of the owner to its range, and the order of the file would
 * choose its data root. The lines of all other owners, comments and the order of what was there are no part of the fact and stay. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/subid.h"
#include "uns/vec.h"

#define SHOWN_LINES 3
#define OWNER_MAX 255
#define SHOWN_MAX 120

/* Bytes of somebody else's text. at: their place in the list before it was sorted. */
struct bytes {
	const char *s;
	size_t len, at;
};
struct list {
	struct bytes *v;
	size_t n, cap;
};

struct args {
	const char *file;
	bool created;
	struct list before, after; /* sorted */
	struct list owners;
	uint32_t *slot; /* the set of owners: 1 + an index, 0: free */
	size_t mask;
};

static void list_done(struct list *l)
{
	free(l->v);
	*l = (struct list){ 0 };
}

static void args_done(struct args *a)
{
	list_done(&a->before);
	list_done(&a->after);
	list_done(&a->owners);
	free(a->slot);
}

static int compare(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;
	int r = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

static void list_sort(struct list *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

static int list_add(struct list *l, const char *s, size_t len, struct uns_err *err)
{
	struct bytes *v = uns_vec_room(l->v, l->n, &l->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	l->v = v;
	l->v[l->n] = (struct bytes){ s, len, l->n };
	l->n++;
	return 0;
}

static bool list_equal(const struct list *a, const struct list *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (compare(&a->v[i], &b->v[i]))
			return false;
	return a->n == b->n;
}

static bool list_has(const struct list *l, const char *s, size_t len)
{
	struct bytes key = { .s = s, .len = len };

	return l->n && bsearch(&key, l->v, l->n, sizeof(*l->v), compare);
}

/* Walks two sorted lists: the first line from *at on that a has once more often than b; NULL when there is none. */
static const struct bytes *next_excess(const struct list *a, const struct list *b, size_t *i, size_t *k)
{
	while (*i < a->n) {
		int r = *k < b->n ? compare(&a->v[*i], &b->v[*k]) : -1;

		if (r < 0)
			return &a->v[(*i)++];
		*i += r == 0;
		(*k)++;
	}
	return NULL;
}

static const struct bytes *first_excess(const struct list *a, const struct list *b)
{
	size_t i = 0, k = 0;

	return next_excess(a, b, &i, &k);
}

static int by_place(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* In the order of the plan, which is that of the file: the order of an owner's lines has a meaning. */
static int subtract(const struct list *a, const struct list *b, struct list *ret, struct uns_err *err)
{
	size_t i = 0, k = 0;

	for (const struct bytes *l; (l = next_excess(a, b, &i, &k));) {
		if (list_add(ret, l->s, l->len, err))
			return -1;
		ret->v[ret->n - 1].at = l->at;
	}
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_place);
	return 0;
}

/* ---- the set of owners: asked once for each line of a file that may have a million ---- */

static uint32_t *owner_slot(const struct args *a, const char *s, size_t len)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)s[i]) * 16777619u;
	for (size_t i = hash & a->mask;; i = (i + 1) & a->mask) {
		const struct bytes *have = a->slot[i] ? &a->owners.v[a->slot[i] - 1] : NULL;

		if (!have || (have->len == len && !memcmp(have->s, s, len)))
			return &a->slot[i];
	}
}

static bool is_ours(const struct args *a, const char *s, size_t len)
{
	return *owner_slot(a, s, len) != 0;
}

static int index_owners(struct args *a, struct uns_err *err)
{
	size_t slots = 4;

	while (slots < a->owners.n * 4)
		slots *= 2;
	a->slot = calloc(slots, sizeof(*a->slot));
	if (!a->slot)
		return uns_err_nomem(err);
	a->mask = slots - 1;
	for (size_t i = 0; i < a->owners.n; i++) {
		uint32_t *slot = owner_slot(a, a->owners.v[i].s, a->owners.v[i].len);

		if (!*slot)
			*slot = (uint32_t)i + 1;
	}
	return 0;
}

/* ---- args ---- */

/* A line for messages: what is quoted goes to a terminal. */
static const char *show(const struct bytes *l, char buf[SHOWN_MAX])
{
	size_t n = l->len < SHOWN_MAX - 1 ? l->len : SHOWN_MAX - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = l->s[i] >= ' ' && l->s[i] <= '~' ? l->s[i] : '?';
	buf[n] = '\0';
	return buf;
}

static int refuse_line(const char *key, size_t number, const char *line, const char *why, struct uns_err *err)
{
	struct bytes l = { .s = line, .len = strlen(line) };
	char shown[SHOWN_MAX];

	return uns_err_set(err, UNS_E_INPUT, "%s, line %zu: \"%s\" %s", key, number, show(&l, shown), why);
}

static int parse_line(const char *key, size_t number, const json_t *value, struct list *lines, struct list *owners,
                      struct uns_err *err)
{
	const char *line = json_string_value(value), *owner;
	char name[OWNER_MAX + 1] = "";
	size_t len;

	if (!line)
		return uns_err_set(err, UNS_E_INPUT, "%s, line %zu: expected a string", key, number);
	if (strlen(line) != json_string_length(value) || strchr(line, '\n'))
		return refuse_line(key, number, line, "is cut: a line has no newline and no NUL in it", err);
	owner = uns_subid_owner_of(line, strlen(line), &len);
	if (len <= OWNER_MAX)
		memcpy(name, owner, len);
	if (!uns_subid_owner_valid(name))
		return refuse_line(key, number, line, "has no owner that we would write; expected owner:start:count", err);
	if (list_add(owners, owner, len, err))
		return -1;
	return list_add(lines, line, strlen(line), err);
}

static int parse_lines(const json_t *j, const char *key, struct list *ret, struct list *owners, struct uns_err *err)
{
	json_t *array;

	if (uns_json_array(j, key, &array, err))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++)
		if (parse_line(key, i + 1, json_array_get(array, i), ret, owners, err))
			return -1;
	return 0;
}

/* Everything points into j. */
static int parse(const json_t *j, struct args *a, struct uns_err *err)
{
	if (text_subid_file(j, &a->file, err) || parse_lines(j, "before", &a->before, &a->owners, err) ||
	    parse_lines(j, "after", &a->after, &a->owners, err))
		return -1;
	a->created = uns_json_bool_or(j, "created", false);
	list_sort(&a->before);
	list_sort(&a->after);
	if (index_owners(a, err))
		return -1;
	if (list_equal(&a->before, &a->after))
		return uns_err_set(err, UNS_E_INPUT, "before and after are the same lines");
	return 0;
}

/* What we write is read in the same way by everybody. */
static int check_canonical(const struct args *a, const struct bytes *l, struct uns_err *err)
{
	uns_auto(uns_subid_done) struct uns_subid s = { 0 };
	uns_auto_free char *canonical = NULL;
	char shown[SHOWN_MAX];

	if (uns_subid_parse(l->s, l->len, a->file, &s, err))
		return uns_err_prefix(err, "after");
	canonical = s.n == 1 ? uns_subid_line_text(s.v[0].owner, s.v[0].range, err) : NULL;
	if (s.n == 1 && !canonical)
		return -1;
	if (canonical && strlen(canonical) == l->len && !memcmp(canonical, l->s, l->len))
		return 0;
	return uns_err_set(err, UNS_E_INPUT, "after: found \"%s\"; expected owner:start:count in decimal", show(l, shown));
}

static int check(const json_t *j, struct uns_err *err)
{
	uns_auto(args_done) struct args a = { 0 };
	size_t i = 0, k = 0;

	if (parse(j, &a, err))
		return -1;
	for (const struct bytes *l; (l = next_excess(&a.after, &a.before, &i, &k));)
		if (check_canonical(&a, l, err))
			return -1;
	return 0;
}

/* ---- looking ---- */

/* Whether the line is of one of our owners. Nearly all begin with a name, and not with ours: that is seen without a closer look. */
static bool line_is_ours(const struct args *a, const char *line, size_t len)
{
	const char *colon, *owner;
	size_t owner_len;

	if (!len || *line == '#')
		return false;
	if (*line > ' ' && *line <= '~') {
		colon = memchr(line, ':', len);
		if (!colon || !is_ours(a, line, (size_t)(colon - line)))
			return false;
	}
	owner = uns_subid_owner_of(line, len, &owner_len);
	return owner_len && is_ours(a, owner, owner_len);
}

/* The lines of our owners, sorted; they point into the text. */
static int find_ours(const struct text *t, const struct args *a, struct list *ret, struct uns_err *err)
{
	const char *end = t->old.data + t->old.len, *next;

	for (const char *line = t->old.data; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline ? newline : end) - line);

		next = newline ? newline + 1 : end;
		if (line_is_ours(a, line, len) && list_add(ret, line, len, err))
			return -1;
	}
	list_sort(ret);
	return 0;
}

/* In what the lines that were found differ: the first that neither side has, else the first that is missing or too much. */
static void explain(const struct args *a, const struct list *have, char *why, size_t size)
{
	const struct bytes *missing = first_excess(&a->after, have), *extra;
	size_t i = 0, k = 0;
	char shown[SHOWN_MAX];

	while ((extra = next_excess(have, &a->after, &i, &k)))
		if (!list_has(&a->before, extra->s, extra->len))
			break;
	if (!extra && !missing)
		extra = first_excess(have, &a->after);
	if (extra)
		snprintf(why, size, "%s has the line \"%s\"", a->file, show(extra, shown));
	else
		snprintf(why, size, "%s lacks the line \"%s\"", a->file, show(missing, shown));
}

static int look(const struct text *t, const struct args *a, enum uns_side *ret, char *why, size_t size, struct uns_err *err)
{
	uns_auto(list_done) struct list have = { 0 };

	if (find_ours(t, a, &have, err))
		return -1;
	*ret = list_equal(&have, &a->after) ? UNS_AFTER : list_equal(&have, &a->before) ? UNS_BEFORE : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		explain(a, &have, why, size);
	return 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(args_done) struct args a = { 0 };
	uns_auto(text_done) struct text t = { 0 };

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err))
		return -1;
	return look(&t, &a, ret, c->why, sizeof(c->why), err);
}

/* ---- overlaps ---- */

/* Lines that are to be added, by start; reach[i] is the end of the farthest of the first i + 1. */
struct added {
	struct uns_subid lines;
	uint64_t *reach;
	struct uns_subid gone; /* what the same step takes away */
};

static void added_done(struct added *a)
{
	uns_subid_done(&a->lines);
	uns_subid_done(&a->gone);
	free(a->reach);
}

static uint64_t end_of(const struct uns_subid_line *l)
{
	return (uint64_t)l->range.start + l->range.count;
}

static int by_start(const void *a, const void *b)
{
	const struct uns_subid_line *x = a, *y = b;

	return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

static int read_lines(const struct list *l, struct uns_subid *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	for (size_t i = 0; i < l->n; i++)
		if (uns_buf_append(&text, l->v[i].s, l->v[i].len, err) || uns_buf_append(&text, "\n", 1, err))
			return -1;
	return uns_subid_read(&text, ret, err);
}

static int added_read(struct added *a, const struct list *add, const struct list *remove, struct uns_err *err)
{
	if (read_lines(add, &a->lines, err) || read_lines(remove, &a->gone, err))
		return -1;
	a->reach = calloc(a->lines.n + 1, sizeof(*a->reach));
	if (!a->reach)
		return uns_err_nomem(err);
	if (a->lines.n > 1)
		qsort(a->lines.v, a->lines.n, sizeof(*a->lines.v), by_start);
	for (size_t i = 0; i < a->lines.n; i++) {
		uint64_t end = end_of(&a->lines.v[i]);

		a->reach[i] = i && a->reach[i - 1] > end ? a->reach[i - 1] : end;
	}
	return 0;
}

static bool overlaps_any(const struct added *a, const struct uns_subid_line *l)
{
	uint64_t end = end_of(l);
	size_t low = 0, high = a->lines.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (a->lines.v[mid].range.start < end)
			low = mid + 1;
		else
			high = mid;
	}
	return low && a->reach[low - 1] > l->range.start;
}

/* IDs that the owner had in a line that goes, trimmed or respelt, are nothing new: refusing that would keep the overlap. */
static bool had_them(const struct added *a, const struct uns_subid_line *l)
{
	for (size_t i = 0; i < a->gone.n; i++) {
		const struct uns_subid_line *g = &a->gone.v[i];

		if (g->range.start <= l->range.start && end_of(g) >= end_of(l) && !strcmp(g->owner, l->owner))
			return true;
	}
	return false;
}

static int refuse_overlap(const struct added *a, const struct text *t, const struct uns_subid_line *other, struct uns_err *err)
{
	char shown[SHOWN_MAX];

	for (size_t i = 0; i < a->lines.n; i++) {
		const struct uns_subid_line *l = &a->lines.v[i];

		if (!uns_range_overlaps(l->range, other->range) || had_them(a, l))
			continue;
		return uns_err_set(err, UNS_E_CONFLICT, "%s:%u:%u cannot be added to %s: it overlaps \"%s\" in line %u", l->owner,
		                   l->range.start, l->range.count, t->file,
		                   show(&(struct bytes){ .s = t->old.data + other->at, .len = other->len }, shown), other->line);
	}
	return 0;
}

/* Somebody may have been given IDs since the plan was made: UNS_E_CONFLICT when another owner has some of those that are added. */
static int check_overlaps(const struct args *a, const struct text *t, const struct list *add, const struct list *remove,
                          struct uns_err *err)
{
	uns_auto(added_done) struct added d = { 0 };
	uns_auto(uns_subid_done) struct uns_subid all = { 0 };
	uns_auto(uns_buf_done) struct uns_buf copy = UNS_BUF_INIT;

	if (added_read(&d, add, remove, err) || uns_buf_append(&copy, t->old.data, t->old.len, err) ||
	    uns_subid_read(&copy, &all, err))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct uns_subid_line *l = &all.v[i];

		if (l->range.count && overlaps_any(&d, l) && !is_ours(a, l->owner, strlen(l->owner)) &&
		    refuse_overlap(&d, t, l, err))
			return -1;
	}
	return 0;
}

/* ---- driving ---- */

struct edit {
	const struct args *a;
	enum uns_side to;
};

static int copy_list(const struct list *l, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		uns_auto_free char *s = strndup(l->v[i].s, l->v[i].len);

		if (!s)
			return uns_err_nomem(err);
		if (uns_strs_add(ret, s, err))
			return -1;
	}
	return 0;
}

static int change(struct text *t, const struct args *a, enum uns_side to, struct uns_err *err)
{
	const struct list *from_lines = to == UNS_AFTER ? &a->before : &a->after;
	const struct list *to_lines = to == UNS_AFTER ? &a->after : &a->before;
	uns_auto(list_done) struct list add = { 0 }, remove = { 0 };
	uns_auto(uns_strs_done) struct uns_strs add_strs = UNS_STRS_INIT, remove_strs = UNS_STRS_INIT;

	if (subtract(from_lines, to_lines, &remove, err) || subtract(to_lines, from_lines, &add, err))
		return -1;
	/* What was there before us comes back whatever stands there now. */
	if (to == UNS_AFTER && add.n && check_overlaps(a, t, &add, &remove, err))
		return -1;
	if (copy_list(&remove, &remove_strs, err) || copy_list(&add, &add_strs, err))
		return -1;
	return uns_subid_edit(t->old.data, t->old.len, &remove_strs, &add_strs, &t->new, err);
}

static int edit(struct text *t, void *user, struct uns_err *err)
{
	const struct edit *e = user;
	enum uns_side now;
	char why[400];

	if (look(t, e->a, &now, why, sizeof(why), err))
		return -1;
	if (now == UNS_FOREIGN)
		return uns_err_set(err, UNS_E_CONFLICT, "the lines are neither as before nor as after: %s", why);
	if (now != e->to && change(t, e->a, e->to, err))
		return -1;
	/* A file that we made goes with its last line. */
	if (e->to == UNS_BEFORE && e->a->created && !(now == e->to ? t->old.len : t->new.len))
		return TEXT_REMOVE;
	return now == e->to ? TEXT_SAME : TEXT_NEW;
}

int text_edit_subid_lines(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err)
{
	uns_auto(args_done) struct args a = { 0 };

	return parse(args, &a, err) ? -1 : edit(t, &(struct edit){ &a, to }, err);
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(args_done) struct args a = { 0 };

	if (parse(c->step->args, &a, err))
		return -1;
	return text_edit_subid(c, a.file, edit, &(struct edit){ &a, to }, err);
}

/* ---- describing ---- */

static int put_lines(const struct list *l, struct uns_buf *ret, struct uns_err *err)
{
	char shown[SHOWN_MAX];

	for (size_t i = 0; i < l->n && i < SHOWN_LINES; i++)
		if (uns_buf_printf(ret, err, "%s%s", i ? ", " : "", show(&l->v[i], shown)))
			return -1;
	return l->n > SHOWN_LINES ? uns_buf_puts(ret, ", …", err) : 0;
}

/* "add A to F" or "add 3 lines to F (A, B, C)". */
static int put_one_way(const char *verb, const char *word, const struct list *l, const char *file, struct uns_buf *ret,
                       struct uns_err *err)
{
	char shown[SHOWN_MAX];

	if (l->n == 1)
		return uns_buf_printf(ret, err, "%s %s %s %s", verb, show(l->v, shown), word, file);
	if (uns_buf_printf(ret, err, "%s %zu lines %s %s (", verb, l->n, word, file) || put_lines(l, ret, err))
		return -1;
	return uns_buf_puts(ret, ")", err);
}

/* "replace A by B in F" or "replace 2 lines by 1 in F (A, B by C)". */
static int put_both_ways(const struct list *old, const struct list *new, const char *file, struct uns_buf *ret, struct uns_err *err)
{
	char a[SHOWN_MAX], b[SHOWN_MAX];

	if (old->n == 1 && new->n == 1)
		return uns_buf_printf(ret, err, "replace %s by %s in %s", show(old->v, a), show(new->v, b), file);
	if (uns_buf_printf(ret, err, "replace %zu line%s by %zu in %s (", old->n, old->n == 1 ? "" : "s", new->n, file) ||
	    put_lines(old, ret, err) || uns_buf_puts(ret, " by ", err) || put_lines(new, ret, err))
		return -1;
	return uns_buf_puts(ret, ")", err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(args_done) struct args a = { 0 };
	uns_auto(list_done) struct list old = { 0 }, new = { 0 };

	if (parse(j, &a, err) || subtract(reverse ? &a.after : &a.before, reverse ? &a.before : &a.after, &old, err) ||
	    subtract(reverse ? &a.before : &a.after, reverse ? &a.after : &a.before, &new, err))
		return -1;
	if (!old.n)
		return put_one_way("add", "to", &new, a.file, ret, err);
	if (!new.n)
		return put_one_way("remove", "from", &old, a.file, ret, err);
	return put_both_ways(&old, &new, a.file, ret, err);
}

const struct uns_kind uns_kind_subid_lines = { "subid-lines", false, check, observe, drive, describe };
