/* SPDX-License-Identifier: Apache-2.0 */
/* Strict on reading, because the consumers of these files disagree about everything else: a number that is not plain decimal is
 * 100000 to one of them, 32768 to the next and 0 (the host's root) to a third. */
#include "uns/subid.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

#define SHOWN_MAX 64

struct entry {
	size_t owner_len;
	struct uns_range range;
};

void uns_subid_done(struct uns_subid *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].owner);
	free(s->v);
	*s = (struct uns_subid){ 0 };
}

static bool line_is_skipped(const struct uns_line *l)
{
	size_t blanks = 0;

	while (blanks < l->len && (l->s[blanks] == ' ' || l->s[blanks] == '\t'))
		blanks++;
	return blanks == l->len || l->s[0] == '#';
}

static const char *find_unprintable(const char *s, size_t len, const char **ret_at)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c > ' ' && c != 0x7f)
			continue;
		*ret_at = s + i;
		if (c == '\r')
			return "a carriage return";
		return c == ' ' || c == '\t' ? "a blank" : "a control character";
	}
	return NULL;
}

static const char *read_range(const char *start, const char *count, const char *end, struct uns_range *ret, const char **ret_at)
{
	struct uns_range r;

	*ret_at = start;
	if (uns_num_u32(start, (size_t)(count - 1 - start), &r.start) < 0)
		return "a start that is no plain decimal number below 2^32";
	*ret_at = count;
	if (uns_num_u32(count, (size_t)(end - count), &r.count) < 0)
		return "a count that is no plain decimal number below 2^32";
	if (r.count == 0)
		return "a count of 0";
	if (!uns_range_valid(r))
		return "a range that reaches past ID 4294967294, the last that can be mapped,";
	*ret = r;
	return NULL;
}

/* NULL when the line is an entry; else what was found, and where. */
static const char *read_entry(const struct uns_line *l, struct entry *ret, const char **ret_at)
{
	const char *end = l->s + l->len, *found = find_unprintable(l->s, l->len, ret_at);

	if (found)
		return found;

	const char *first = memchr(l->s, ':', l->len);
	const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;

	*ret_at = end;
	if (!second)
		return first ? "only two fields" : "only one field";
	*ret_at = memchr(second + 1, ':', (size_t)(end - second - 1));
	if (*ret_at)
		return "more than three fields";
	*ret_at = l->s;
	if (first == l->s)
		return "no owner";
	ret->owner_len = (size_t)(first - l->s);
	return read_range(first + 1, second + 1, end, &ret->range, ret_at);
}

static bool line_is_entry(const struct uns_line *l, struct entry *ret)
{
	const char *at;

	return !line_is_skipped(l) && !read_entry(l, ret, &at);
}

/* What we quote goes to a terminal, so nothing in it may be a control sequence. */
static void make_printable(const char *s, size_t len, char out[SHOWN_MAX])
{
	size_t n = len < SHOWN_MAX - 1 ? len : SHOWN_MAX - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	out[n] = '\0';
}

static int input_error(const struct uns_line *l, const char *file, const char *found, const char *at, struct uns_err *err)
{
	char shown[SHOWN_MAX];

	make_printable(l->s, l->len, shown);
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: found %s in \"%s\"; expected owner:start:count in decimal", file, l->number,
	                   (size_t)(at - l->s) + 1, found, shown);
}

static int subid_push(struct uns_subid *s, const struct uns_line *l, const struct entry *e, struct uns_err *err)
{
	struct uns_subid_line *v = uns_vec_room(s->v, s->n, &s->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	s->v = v;

	char *owner = strndup(l->s, e->owner_len);

	if (!owner)
		return uns_err_nomem(err);
	s->v[s->n++] = (struct uns_subid_line){ owner, e->range, l->number };
	return 0;
}

int uns_subid_parse(const char *text, size_t len, const char *file, struct uns_subid *ret, struct uns_err *err)
{
	uns_auto(uns_subid_done) struct uns_subid all = { 0 };

	for (struct uns_line l = { 0 }; uns_line_next(&l, text, len);) {
		struct entry e;
		const char *at, *found;

		if (line_is_skipped(&l))
			continue;
		found = read_entry(&l, &e, &at);
		if (found)
			return input_error(&l, file, found, at, err);
		if (subid_push(&all, &l, &e, err) < 0)
			return -1;
	}
	*ret = all;
	all = (struct uns_subid){ 0 };
	return 0;
}

/* The line without its newline, or NULL. */
static char *format_line(const char *owner, struct uns_range range, struct uns_err *err)
{
	uns_auto_free char *s = uns_str_printf(err, "%s:%u:%u", owner, range.start, range.count);
	struct entry e;
	char shown[SHOWN_MAX];

	if (!s)
		return NULL;

	struct uns_line l = { .s = s, .len = strlen(s) };

	/* What we write must read back as what we meant; '+' and '-' start NIS lines, which shadow-utils skips. */
	if (line_is_entry(&l, &e) && !strchr("+-", s[0]))
		return uns_take_ptr(s);
	make_printable(s, l.len, shown);
	uns_err_set(err, UNS_E_INPUT,
	            "\"%s\" cannot be a line of a subordinate ID file; expected a user name without blanks and ':' that does not start "
	            "with '#', '+' or '-', and a range of at least one ID that ends below 4294967295",
	            shown);
	return NULL;
}

static bool line_equals(const struct uns_line *l, const char *wanted)
{
	return strlen(wanted) == l->len && !memcmp(l->s, wanted, l->len);
}

/* True when the line is there already; else *ret_at is the offset to insert it at. */
static bool find_place(const char *text, size_t len, const char *wanted, uint32_t start, size_t *ret_at)
{
	size_t end = 0, first = SIZE_MAX, after = SIZE_MAX;
	uint32_t previous = 0;
	bool ascending = true, nis = false;

	for (struct uns_line l = { 0 }; uns_line_next(&l, text, len);) {
		struct entry e;

		if (line_equals(&l, wanted))
			return true;
		/* shadow-utils neither sorts nor finds what comes after such a line. */
		nis = nis || *l.s == '+' || *l.s == '-';
		if (nis)
			continue;
		end = (size_t)(l.s - text) + l.size;
		if (!line_is_entry(&l, &e))
			continue;
		ascending = ascending && e.range.start >= previous;
		previous = e.range.start;
		if (first == SIZE_MAX)
			first = (size_t)(l.s - text);
		if (e.range.start <= start)
			after = end;
	}
	/* Behind the lower neighbour rather than before the higher one, whose comment stands above it. */
	if (!ascending || first == SIZE_MAX)
		*ret_at = end;
	else
		*ret_at = after != SIZE_MAX ? after : first;
	return false;
}

static int append_lines(struct uns_buf *b, const char *text, size_t len, struct uns_err *err)
{
	if (len == 0)
		return 0;
	if (uns_buf_append(b, text, len, err) < 0)
		return -1;
	return text[len - 1] == '\n' ? 0 : uns_buf_append(b, "\n", 1, err);
}

/* In one piece, so that ret is untouched on failure. */
static int hand_over(struct uns_buf *ret, const struct uns_buf *b, struct uns_err *err)
{
	return uns_buf_append(ret, b->data ? b->data : "", b->len, err);
}

int uns_subid_add(const char *text, size_t len, const char *owner, struct uns_range range, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *line = format_line(owner, range, err);
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t at = 0;

	if (!line)
		return -1;
	if (find_place(text, len, line, range.start, &at))
		return uns_buf_append(ret, len ? text : "", len, err);
	if (append_lines(&b, text, at, err) < 0 || append_lines(&b, line, strlen(line), err) < 0 ||
	    append_lines(&b, at < len ? text + at : "", len - at, err) < 0)
		return -1;
	return hand_over(ret, &b, err);
}

int uns_subid_remove(const char *text, size_t len, const char *owner, struct uns_range range, struct uns_buf *ret,
                     struct uns_err *err)
{
	uns_auto_free char *line = format_line(owner, range, err);
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (!line)
		return -1;
	for (struct uns_line l = { 0 }; uns_line_next(&l, text, len);)
		if (!line_equals(&l, line) && uns_buf_append(&b, l.s, l.size, err) < 0)
			return -1;
	return hand_over(ret, &b, err);
}

void uns_subid_count(const struct uns_subid *s, const char *owner, struct uns_range range, size_t *ret_same, size_t *ret_other)
{
	size_t same = 0, other = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct uns_subid_line *l = &s->v[i];

		if (strcmp(l->owner, owner) != 0)
			continue;
		if (l->range.start == range.start && l->range.count == range.count)
			same++;
		else
			other++;
	}
	*ret_same = same;
	*ret_other = other;
}
