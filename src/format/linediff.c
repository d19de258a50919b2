/* SPDX-License-Identifier: Apache-2.0 */
/* The longest common subsequence of what is left when the lines that both texts begin and end with are taken off. */
#include "uns/linediff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"

#define AROUND 3
#define TABLE_MAX (1u << 20) /* of lines × lines; beyond it all in between is taken out and put in */

struct line {
	const char *s;
	size_t len; /* with its newline, if it has one */
};
struct lines {
	struct line *v;
	size_t n;
};
/* An edit script: ' ', '-', '+' for each line. */
struct diff {
	struct lines old, now;
	char *op;
	size_t n;
};

static void diff_done(struct diff *d)
{
	free(d->old.v);
	free(d->now.v);
	free(d->op);
}

static int split(const char *s, size_t len, struct lines *ret, struct uns_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += s[i] == '\n';
	ret->v = calloc(n + 1, sizeof(*ret->v));
	if (!ret->v)
		return uns_err_nomem(err);
	for (const char *end = s + len; s < end; ret->n++) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		size_t one = newline ? (size_t)(newline - s) + 1 : (size_t)(end - s);

		ret->v[ret->n] = (struct line){ s, one };
		s += one;
	}
	return 0;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

static void put(struct diff *d, char op, size_t times)
{
	memset(d->op + d->n, op, times);
	d->n += times;
}

/* common[i][j]: length of the longest common subsequence of a from i on and b from j on. */
static int script(struct diff *d, const struct line *a, size_t n, const struct line *b, size_t m, struct uns_err *err)
{
	uns_auto_free uint32_t *common = NULL;
	size_t width = m + 1, i = 0, j = 0;

	if (n && m && (n + 1) * width <= TABLE_MAX) {
		common = calloc((n + 1) * width, sizeof(*common));
		if (!common)
			return uns_err_nomem(err);
	}
	for (i = n; common && i-- > 0;)
		for (j = m; j-- > 0;) {
			uint32_t down = common[(i + 1) * width + j], right = common[i * width + j + 1];

			common[i * width + j] = same(&a[i], &b[j]) ? common[(i + 1) * width + j + 1] + 1 : down > right ? down : right;
		}
	i = j = 0;
	while (common && i < n && j < m) {
		if (same(&a[i], &b[j])) {
			put(d, ' ', 1);
			i++, j++;
		} else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) {
			put(d, '-', 1);
			i++;
		} else {
			put(d, '+', 1);
			j++;
		}
	}
	put(d, '-', n - i);
	put(d, '+', m - j);
	return 0;
}

static int compare(struct diff *d, struct uns_err *err)
{
	size_t first = 0, n = d->old.n, m = d->now.n, last = 0;

	d->op = malloc(n + m + 1);
	if (!d->op)
		return uns_err_nomem(err);
	while (first < n && first < m && same(&d->old.v[first], &d->now.v[first]))
		first++;
	while (last < n - first && last < m - first && same(&d->old.v[n - 1 - last], &d->now.v[m - 1 - last]))
		last++;
	put(d, ' ', first);
	if (script(d, d->old.v + first, n - first - last, d->now.v + first, m - first - last, err) < 0)
		return -1;
	put(d, ' ', last);
	return 0;
}

/* ---- output ---- */

struct place {
	size_t op, old, now; /* how many are before it */
};

static void step(const struct diff *d, struct place *p)
{
	p->old += d->op[p->op] != '+';
	p->now += d->op[p->op] != '-';
	p->op++;
}

/* Where the hunk ends that begins before the change at this op: behind three lines after the last change that is near enough. */
static size_t hunk_end(const struct diff *d, size_t change)
{
	size_t last = change;

	for (size_t i = change; i < d->n && i <= last + 2 * AROUND + 1; i++)
		if (d->op[i] != ' ')
			last = i;
	return last + 1 + AROUND < d->n ? last + 1 + AROUND : d->n;
}

/* "12,3"; the count is left out when it is 1, and of no lines the line before is named. */
static int put_range(struct uns_buf *b, char sign, size_t from, size_t n, struct uns_err *err)
{
	if (uns_buf_printf(b, err, " %c%zu", sign, n ? from + 1 : from) < 0)
		return -1;
	return n == 1 ? 0 : uns_buf_printf(b, err, ",%zu", n);
}

static int put_line(struct uns_buf *b, char op, const struct line *l, struct uns_err *err)
{
	if (uns_buf_append(b, &op, 1, err) < 0 || uns_buf_append(b, l->s, l->len, err) < 0)
		return -1;
	return l->s[l->len - 1] == '\n' ? 0 : uns_buf_puts(b, "\n\\ No newline at end of file\n", err);
}

static int put_hunk(const struct diff *d, struct place *p, size_t end, struct uns_buf *b, struct uns_err *err)
{
	struct place to = *p;

	while (to.op < end)
		step(d, &to);
	if (uns_buf_puts(b, "@@", err) < 0 || put_range(b, '-', p->old, to.old - p->old, err) < 0 ||
	    put_range(b, '+', p->now, to.now - p->now, err) < 0 || uns_buf_puts(b, " @@\n", err) < 0)
		return -1;
	for (; p->op < end; step(d, p))
		if (put_line(b, d->op[p->op], d->op[p->op] == '+' ? &d->now.v[p->now] : &d->old.v[p->old], err) < 0)
			return -1;
	return 0;
}

static int put_hunks(const struct diff *d, struct uns_buf *b, struct uns_err *err)
{
	struct place p = { 0 };

	for (size_t change = 0;; change = p.op) {
		while (change < d->n && d->op[change] == ' ')
			change++;
		if (change == d->n)
			return 0;
		while (p.op + AROUND < change)
			step(d, &p);
		if (put_hunk(d, &p, hunk_end(d, change), b, err) < 0)
			return -1;
	}
}

int uns_linediff(const char *old, size_t old_len, const char *now, size_t now_len, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(diff_done) struct diff d = { .n = 0 };

	if (split(old, old_len, &d.old, err) < 0 || split(now, now_len, &d.now, err) < 0 || compare(&d, err) < 0)
		return -1;
	return put_hunks(&d, ret, err);
}
