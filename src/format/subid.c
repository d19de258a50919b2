/* SPDX-License-Identifier: Apache-2.0 */
/* Lenient on reading, because the consumers of these files disagree: a number that is not plain decimal is 100000 to one of them,
 * 32768 to the next and 0 (the host's root) to a third. Each deviation is kept as a flaw, and what follows from it is a table. */
#include "uns/subid.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/num.h"

enum { SHOWN_MAX = 64, OWNER_MAX = 255, LONG_LINE = 1023, VERY_LONG_LINE = 65535 };

_Static_assert(sizeof(struct uns_subid_line) == 32, "a million lines are read");
_Static_assert(UNS_FLAW_LINE_FLAWS <= 32, "one bit each");

void uns_subid_done(struct uns_subid *s)
{
	free(s->text);
	free(s->v);
	*s = (struct uns_subid){ 0 };
}

/* ---- one line ---- */

struct look {
	const char *s; /* the line … */
	size_t len;    /* … without its newline */
	const char *owner;
	size_t owner_len;
	const char *colon; /* behind the owner; NULL: it has none */
	struct uns_range range;
	uint32_t flaws;
	size_t column; /* of the leftmost flaw that is not tolerated, 1-based; 0: none */
	enum uns_flaw first;
};

static void note(struct look *k, enum uns_flaw flaw, const char *at)
{
	size_t column = (size_t)(at - k->s) + 1;

	k->flaws |= UNS_FLAW_BIT(flaw);
	if (UNS_FLAW_BIT(flaw) & UNS_SUBID_TOLERATED || (k->column && k->column <= column))
		return;
	k->column = column;
	k->first = flaw;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* isspace in the C locale, as strtoul skips it. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The length of the white space at s that Go's TrimSpace takes off (Unicode's, in UTF-8), or 0. */
static size_t space_at(const char *s, const char *end)
{
	static const char wide[][4] = { "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
		                        "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000" };
	size_t left = (size_t)(end - s);

	if (left == 0 || (unsigned char)*s < 0x80)
		return left > 0 && is_blank(*s);
	if (left > 1 && (!memcmp(s, "\xc2\x85", 2) || !memcmp(s, "\xc2\xa0", 2)))
		return 2;
	for (size_t i = 0; left > 2 && i < sizeof(wide) / sizeof(*wide); i++)
		if (!memcmp(s, wide[i], 3))
			return 3;
	return 0;
}

static const char *skip_space(const char *s, const char *end)
{
	for (size_t n; (n = space_at(s, end)) > 0;)
		s += n;
	return s;
}

static const char *trim_space(const char *s, const char *end)
{
	for (size_t n = 1; n <= 3 && n <= (size_t)(end - s);) {
		if (space_at(end - n, end) == n) {
			end -= n;
			n = 1;
		} else {
			n++;
		}
	}
	return end;
}

struct number {
	uint64_t value;
	bool is;     /* there are digits */
	bool minus;
	bool beyond; /* they mean more than 64 bits */
};

static unsigned digit_of(char c)
{
	if (is_digit(c))
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static const char *read_digits(const char *s, const char *end, unsigned base, struct number *n)
{
	for (; s < end && digit_of(*s) < base; s++) {
		n->is = true;
		n->beyond = n->beyond || n->value > (UINT64_MAX - digit_of(*s)) / base;
		n->value = n->value * base + digit_of(*s);
	}
	return s;
}

static bool is_octal(const char *s, const char *end)
{
	while (s < end && *s >= '0' && *s <= '7')
		s++;
	return s == end || !is_digit(*s);
}

/* As strtoul does with base 0, but that 089 is 89, since whoever takes it at all takes it as decimal. Returns what is behind it. */
static const char *read_number(struct look *k, const char *s, const char *end, struct number *n)
{
	const char *p = s, *sign, *digits;
	unsigned base = 10;

	while (p < end && is_blank(*p))
		p++;
	sign = p;
	p += p < end && (*p == '+' || *p == '-');
	digits = p;
	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x' && digit_of(p[2]) < 16) {
		base = 16;
		p += 2;
	} else if (end - p > 1 && p[0] == '0' && is_digit(p[1])) {
		base = is_octal(p, end) ? 8 : 10;
	}
	*n = (struct number){ .minus = digits > sign && *sign == '-' };
	p = read_digits(p, end, base, n);
	if (!n->is)
		return s;
	if (sign > s)
		note(k, UNS_FLAW_NUMBER_BLANK, s);
	if (digits > sign)
		note(k, n->minus ? UNS_FLAW_NEGATIVE : UNS_FLAW_PLUS, sign);
	if (base == 16)
		note(k, UNS_FLAW_HEX, digits);
	else if (digits[0] == '0' && p > digits + 1)
		note(k, UNS_FLAW_OCTAL, digits);
	if (n->minus)
		n->value = -n->value;
	return p;
}

static bool fits(const struct number *n)
{
	return n->is && !n->beyond && n->value <= UINT32_MAX;
}

/* More than 32 bits, and not because a minus sign was wrapped. */
static bool too_large(const struct number *n)
{
	return n->is && !n->minus && !fits(n);
}

static void look_sum(struct look *k, const struct number *start, const char *start_at, const struct number *count,
                     const char *count_at)
{
	uint64_t left = start->value <= UNS_ID_LAST ? (uint64_t)UNS_ID_LAST + 1 - start->value : 0;

	if (count->is && count->value == 0 && !count->beyond)
		note(k, UNS_FLAW_ZERO_COUNT, count_at);
	if (too_large(start))
		note(k, UNS_FLAW_PAST_END, start_at);
	if (too_large(count))
		note(k, UNS_FLAW_PAST_END, count_at);
	if (!fits(start))
		return;
	k->range.start = (uint32_t)start->value;
	if (!fits(count) && !too_large(count))
		return;
	if (fits(count) && count->value <= left) {
		k->range.count = (uint32_t)count->value;
		return;
	}
	k->range.count = (uint32_t)left;
	note(k, UNS_FLAW_PAST_END, count_at);
}

static void look_range(struct look *k, const char *start_at, const char *start_end, const char *count_at, const char *count_end)
{
	struct number start, count;
	const char *start_rest = read_number(k, start_at, start_end, &start);
	const char *count_rest = read_number(k, count_at, count_end, &count);
	bool good = start.is && start_rest == start_end;

	if (!good)
		note(k, UNS_FLAW_NO_NUMBER, start_at);
	if (!count.is)
		note(k, UNS_FLAW_NO_NUMBER, count_at);
	else if (count_rest < count_end)
		note(k, UNS_FLAW_NOTE, count_rest);
	if (good && count.is)
		look_sum(k, &start, start_at, &count, count_at);
}

static bool is_odd(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static void look_owner(struct look *k, bool nis)
{
	const char *s = k->owner, *hash = memchr(s, '#', k->owner_len);
	size_t digits = 0, odd = 0;

	if (hash)
		note(k, UNS_FLAW_HASH, hash);
	if (nis)
		return;
	while (digits < k->owner_len && is_digit(s[digits]))
		digits++;
	while (odd < k->owner_len && !is_odd(s[odd]))
		odd++;
	if (k->owner_len == 0 || odd < k->owner_len)
		note(k, UNS_FLAW_BAD_OWNER, s + odd);
	else if (digits == k->owner_len)
		note(k, UNS_FLAW_NUMERIC_OWNER, s);
	else if (*s == '!')
		note(k, UNS_FLAW_DISABLED, s);
}

static const char *find(const char *s, char c, const char *end)
{
	return s < end ? memchr(s, c, (size_t)(end - s)) : NULL;
}

static void look_fields(struct look *k, const char *s, const char *end)
{
	bool nis = *k->s == '+' || *k->s == '-';
	const char *first = find(s, ':', end), *second = first ? find(first + 1, ':', end) : NULL;
	const char *third = second ? find(second + 1, ':', end) : NULL;
	const char *hash = second ? find(first, '#', second) : NULL;

	if (nis)
		note(k, UNS_FLAW_NIS, s);
	if (first && !find(s, '\0', first)) {
		k->owner = s;
		k->owner_len = (size_t)(first - s);
		k->colon = first;
		look_owner(k, nis);
	}
	if (!second) {
		note(k, UNS_FLAW_FIELDS, end);
		return;
	}
	if (hash)
		note(k, UNS_FLAW_HASH, hash);
	if (third)
		note(k, UNS_FLAW_FOURTH_FIELD, third);
	if (!nis)
		look_range(k, first + 1, second, second + 1, third ? third : end);
}

static void look_long(struct look *k)
{
	const char *end = k->s + k->len, *s, *tail;

	if (end[-1] == '\r')
		note(k, UNS_FLAW_CR, --end);
	s = skip_space(k->s, end);
	if (s == end || *s == '#') {
		if (end > k->s)
			note(k, UNS_FLAW_BLANK_LINE, k->s);
		return;
	}
	if (s > k->s)
		note(k, UNS_FLAW_LEADING_BLANK, k->s);
	tail = trim_space(s, end);
	if (tail < end)
		note(k, UNS_FLAW_TRAILING_BLANK, tail);
	look_fields(k, s, tail);
}

/* What nearly all lines are: canonical. False when the long way has to be gone. */
static bool look_short(struct look *k)
{
	const char *s = k->s, *end = s + k->len, *second;
	struct uns_range r;
	bool digits = true;

	if (k->len > LONG_LINE || *s == '!' || *s == '+' || *s == '-' || (unsigned char)*s >= 0x80)
		return false;
	for (; s < end && *s != ':'; s++) {
		if (is_odd(*s) || *s == '#')
			return false;
		digits = digits && is_digit(*s);
	}
	second = s < end ? find(s + 1, ':', end) : NULL;
	if (digits || !second || uns_num_u32(s + 1, (size_t)(second - s - 1), &r.start) < 0 ||
	    uns_num_u32(second + 1, (size_t)(end - second - 1), &r.count) < 0 || !uns_range_valid(r))
		return false;
	k->owner = k->s;
	k->owner_len = (size_t)(s - k->s);
	k->colon = s;
	k->range = r;
	return true;
}

/* False: the line is empty or a plain comment. */
static bool look(struct look *k, const char *s, size_t len, bool terminated)
{
	*k = (struct look){ .s = s, .len = len };
	if (len == 0)
		return false;
	if (!terminated)
		note(k, UNS_FLAW_NO_NEWLINE, s + len);
	if (*s != '#' && look_short(k))
		return true;

	const char *nul = memchr(s, '\0', len);

	if (nul)
		note(k, UNS_FLAW_NUL, nul);
	if (len > VERY_LONG_LINE)
		note(k, UNS_FLAW_VERY_LONG, s + VERY_LONG_LINE);
	if (*s == '#')
		return k->flaws;
	if (len > LONG_LINE)
		note(k, UNS_FLAW_LONG, s + LONG_LINE);
	look_long(k);
	return true;
}

/* ---- the file ---- */

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (struct uns_line l = { 0 }; uns_line_next(&l, text, len);)
		n++;
	return n;
}

static void take_line(struct uns_subid *s, const struct uns_line *l)
{
	struct look k;
	char *end = s->text + s->len;

	if (!look(&k, l->s, l->len, l->size > l->len))
		return;
	s->v[s->n++] = (struct uns_subid_line){
		.owner = k.colon ? k.owner : end,
		.range = k.range,
		.line = l->number,
		.flaws = k.flaws,
		.at = (uint32_t)(l->s - s->text),
		.len = (uint32_t)l->len,
	};
	if (k.colon)
		s->text[k.colon - s->text] = '\0';
}

int uns_subid_read(struct uns_buf *text, struct uns_subid *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf mine = *text;
	uns_auto(uns_subid_done) struct uns_subid s = { 0 };

	*text = (struct uns_buf)UNS_BUF_INIT;
	if (mine.len > UINT32_MAX)
		return uns_err_set(err, UNS_E_INPUT, "found a file of %zu bytes; expected fewer than 4 GiB", mine.len);
	s.cap = count_lines(mine.data, mine.len);
	s.v = s.cap ? reallocarray(NULL, s.cap, sizeof(*s.v)) : NULL;
	if (s.cap && !s.v)
		return uns_err_nomem(err);
	s.text = uns_take_ptr(mine.data);
	s.len = mine.len;
	for (struct uns_line l = { 0 }; uns_line_next(&l, s.text, s.len);)
		take_line(&s, &l);
	*ret = s;
	s = (struct uns_subid){ 0 };
	return 0;
}

/* In the line, the offset of the NUL that stands for the ':' behind the owner; SIZE_MAX: it has none. */
static size_t colon_of(const struct uns_subid *s, const struct uns_subid_line *l)
{
	uintptr_t line = (uintptr_t)s->text + l->at, owner = (uintptr_t)l->owner;

	return owner >= line && owner < line + l->len ? (size_t)(owner - line) + strlen(l->owner) : SIZE_MAX;
}

int uns_subid_raw(const struct uns_subid *s, const struct uns_subid_line *l, struct uns_buf *ret, struct uns_err *err)
{
	size_t before = ret->len, colon = colon_of(s, l);

	if (uns_buf_append(ret, l->len ? s->text + l->at : "", l->len, err) < 0)
		return -1;
	if (colon != SIZE_MAX)
		ret->data[before + colon] = ':';
	return 0;
}

int uns_subid_print(const struct uns_subid *s, struct uns_buf *ret, struct uns_err *err)
{
	size_t before = ret->len;

	if (uns_buf_append(ret, s->len ? s->text : "", s->len, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		size_t colon = colon_of(s, &s->v[i]);

		if (colon != SIZE_MAX)
			ret->data[before + s->v[i].at + colon] = ':';
	}
	return 0;
}

/* What we quote goes to a terminal, so nothing in it may be a control sequence. */
static void make_printable(const char *s, size_t len, char out[SHOWN_MAX])
{
	size_t n = len < SHOWN_MAX - 1 ? len : SHOWN_MAX - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	out[n] = '\0';
}

static int refuse_line(const struct uns_subid *s, const struct uns_subid_line *l, const char *file, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT;
	char shown[SHOWN_MAX];
	struct look k;

	if (uns_subid_raw(s, l, &raw, err) < 0)
		return -1;
	look(&k, raw.data, raw.len, true);
	make_printable(raw.data, raw.len, shown);
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: found %s in \"%s\"; expected owner:start:count in decimal", file, l->line,
	                   k.column, uns_flaw_names[k.first], shown);
}

int uns_subid_strict(const struct uns_subid *s, const char *file, struct uns_err *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].flaws & ~UNS_SUBID_TOLERATED)
			return refuse_line(s, &s->v[i], file, err);
	return 0;
}

int uns_subid_parse(const char *text, size_t len, const char *file, struct uns_subid *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf copy = UNS_BUF_INIT;
	uns_auto(uns_subid_done) struct uns_subid s = { 0 };

	if (uns_buf_append(&copy, len ? text : "", len, err) < 0 || uns_subid_read(&copy, &s, err) < 0 ||
	    uns_subid_strict(&s, file, err) < 0)
		return -1;
	*ret = s;
	s = (struct uns_subid){ 0 };
	return 0;
}

/* ---- lines that we write ---- */

bool uns_subid_owner_valid(const char *owner)
{
	size_t len = 0;

	for (; owner[len]; len++)
		if (owner[len] <= ' ' || owner[len] > '~' || owner[len] == ':' || owner[len] == '#')
			return false;
	return len > 0 && len <= OWNER_MAX && !strchr("+-!~", *owner);
}

char *uns_subid_line_text(const char *owner, struct uns_range range, struct uns_err *err)
{
	char shown[SHOWN_MAX];

	if (uns_subid_owner_valid(owner) && uns_range_valid(range))
		return uns_str_printf(err, "%s:%u:%u", owner, range.start, range.count);
	make_printable(owner, strlen(owner), shown);
	uns_err_set(err, UNS_E_INPUT,
	            "\"%s:%u:%u\" cannot be a line of a subordinate ID file; expected a user name of at most 255 ASCII characters "
	            "without blanks, ':' and '#' that does not start with '+', '-', '!' or '~', and a range of at least one ID "
	            "that ends below 4294967295",
	            shown, range.start, range.count);
	return NULL;
}

const char *uns_subid_owner_of(const char *line, size_t len, size_t *ret_len)
{
	struct look k;

	look(&k, line, len, true);
	*ret_len = k.colon ? k.owner_len : 0;
	return k.colon ? k.owner : line;
}

/* ---- edit ---- */

/* A line of "remove", once. */
struct wanted {
	const char *line;
	size_t len;
	size_t take, stay; /* so many go, so many stay because "add" has them too */
	size_t seen;       /* so many there are: the last ones go */
	size_t passed;
};

/* Slots are 1 + the index of a line, 0: free; at most half of them are taken. */
struct wanteds {
	struct wanted *v;
	size_t n, mask;
	uint32_t *slot;
};

/* A line of "add". */
struct addition {
	const char *line, *owner;
	size_t len, owner_len;
	struct uns_range range;
	uint64_t key; /* where it belongs: its start, or one of the two below */
	size_t index; /* in "add" */
	size_t at;    /* in the text: the offset that it goes to */
	bool pinned;  /* it takes the place of a line that goes */
};
#define KEY_NO_RANGE ((uint64_t)1 << 32)
#define KEY_NIS ((uint64_t)2 << 32)

struct cut {
	size_t at, size;
	struct uns_range range;
};

struct edit {
	const char *text;
	size_t len;
	struct wanteds remove;
	struct addition *add;
	size_t adds, placed;
	struct cut *cut;
	size_t cuts;
	/* Of the lines before those of NIS that stay: */
	size_t behind; /* the end of the last one with a range; SIZE_MAX: there was none yet */
	size_t end;    /* the end of all */
	uint32_t previous;
	bool ascending, nis;
};

static void edit_done(struct edit *e)
{
	free(e->remove.v);
	free(e->remove.slot);
	free(e->add);
	free(e->cut);
}

static uint64_t hash_line(const char *s, size_t len)
{
	uint64_t h = len, word = 0;

	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s, len);
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* The slot that the line is in, or the one that it would be put in. */
static uint32_t *find_slot(const struct wanteds *w, const char *s, size_t len)
{
	for (size_t i = hash_line(s, len) & w->mask;; i = (i + 1) & w->mask) {
		const struct wanted *v = w->slot[i] ? &w->v[w->slot[i] - 1] : NULL;

		if (!v || (v->len == len && !memcmp(v->line, s, len)))
			return &w->slot[i];
	}
}

static struct wanted *find_wanted(const struct wanteds *w, const char *s, size_t len)
{
	uint32_t slot = w->n ? *find_slot(w, s, len) : 0;

	return slot ? &w->v[slot - 1] : NULL;
}

static int collect_wanted(struct wanteds *w, const struct uns_strs *remove, struct uns_err *err)
{
	size_t slots = 2;

	if (remove->n == 0)
		return 0;
	if (remove->n >= UINT32_MAX)
		return uns_err_nomem(err);
	while (slots < 2 * remove->n)
		slots *= 2;
	w->mask = slots - 1;
	w->v = calloc(remove->n, sizeof(*w->v));
	w->slot = calloc(slots, sizeof(*w->slot));
	if (!w->v || !w->slot)
		return uns_err_nomem(err);
	for (size_t i = 0; i < remove->n; i++) {
		size_t len = strlen(remove->v[i]);
		uint32_t *slot = find_slot(w, remove->v[i], len);

		if (!*slot) {
			w->v[w->n++] = (struct wanted){ .line = remove->v[i], .len = len };
			*slot = (uint32_t)w->n;
		}
		w->v[*slot - 1].take++;
	}
	return 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_owners(const void *pa, const void *pb)
{
	const struct addition *a = pa, *b = pb;
	size_t len = a->owner_len < b->owner_len ? a->owner_len : b->owner_len;
	int r = memcmp(a->owner, b->owner, len);

	r = r ? r : compare_numbers(a->owner_len, b->owner_len);
	return r ? r : compare_numbers(a->index, b->index);
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct addition *a = pa, *b = pb;
	int r = compare_numbers(a->key, b->key);

	return r ? r : compare_numbers(a->index, b->index);
}

static int compare_places(const void *pa, const void *pb)
{
	const struct addition *a = pa, *b = pb;
	int r = compare_numbers(a->at, b->at);

	return r ? r : compare_keys(pa, pb);
}

static void sort_additions(struct edit *e, int (*compare)(const void *, const void *))
{
	if (e->adds > 1)
		qsort(e->add, e->adds, sizeof(*e->add), compare);
}

static int add_line(struct edit *e, const char *line, size_t index, struct uns_err *err)
{
	struct addition a = { .line = line, .len = strlen(line), .key = KEY_NO_RANGE, .index = index };
	struct wanted *w = find_wanted(&e->remove, line, a.len);
	char shown[SHOWN_MAX];
	struct look k;

	if (memchr(line, '\n', a.len)) {
		make_printable(line, a.len, shown);
		return uns_err_set(err, UNS_E_INPUT, "found a newline in \"%s\"; expected one line", shown);
	}
	if (w && w->take > 0) {
		w->take--;
		w->stay++;
		return 0;
	}
	look(&k, line, a.len, true);
	a.owner = k.colon ? k.owner : line;
	a.owner_len = k.owner_len;
	if (k.flaws & UNS_FLAW_BIT(UNS_FLAW_NIS))
		a.key = KEY_NIS;
	else if (k.range.count > 0)
		a.key = k.range.start;
	a.range = k.range;
	e->add[e->adds++] = a;
	return 0;
}

/* Two ranges of one owner in descending order are an order that somebody may rely on: the lower one stays behind the higher one. */
static void keep_order_of_owners(struct edit *e)
{
	const struct addition *last = NULL;

	sort_additions(e, compare_owners);
	for (size_t i = 0; i < e->adds; i++) {
		struct addition *a = &e->add[i];

		if (a->key >= KEY_NO_RANGE)
			continue;
		if (last && last->owner_len == a->owner_len && !memcmp(last->owner, a->owner, a->owner_len) && a->key < last->key)
			a->key = last->key;
		last = a;
	}
}

static int collect_additions(struct edit *e, const struct uns_strs *add, struct uns_err *err)
{
	if (add->n == 0)
		return 0;
	e->add = calloc(add->n, sizeof(*e->add));
	if (!e->add)
		return uns_err_nomem(err);
	for (size_t i = 0; i < add->n; i++)
		if (add_line(e, add->v[i], i, err) < 0)
			return -1;
	keep_order_of_owners(e);
	sort_additions(e, compare_keys);
	return 0;
}

static void count_wanted(struct edit *e)
{
	for (struct uns_line l = { 0 }; e->remove.n > 0 && uns_line_next(&l, e->text, e->len);) {
		struct wanted *w = find_wanted(&e->remove, l.s, l.len);

		if (w)
			w->seen++;
	}
}

static bool cut_line(struct edit *e, const struct uns_line *l)
{
	struct wanted *w = find_wanted(&e->remove, l->s, l->len);
	struct look k;

	if (!w || w->passed++ + w->take < w->seen)
		return false;
	look(&k, l->s, l->len, true);
	e->cut[e->cuts++] = (struct cut){ (size_t)(l->s - e->text), l->size, k.range };
	return true;
}

/* While the entries ascend, what is to be added and lower than this one has its place: behind the one before. */
static void pass_line(struct edit *e, const struct uns_line *l)
{
	size_t at = (size_t)(l->s - e->text);
	struct look k;

	if (e->nis)
		return;
	e->nis = *l->s == '+' || *l->s == '-';
	if (e->nis)
		return;
	e->end = at + l->size;
	if (!look(&k, l->s, l->len, true) || k.range.count == 0)
		return;
	e->ascending = e->ascending && k.range.start >= e->previous;
	for (; e->placed < e->adds && e->add[e->placed].key < k.range.start; e->placed++)
		e->add[e->placed].at = e->behind == SIZE_MAX ? at : e->behind;
	e->previous = k.range.start;
	e->behind = e->end;
}

static void scan_text(struct edit *e)
{
	for (struct uns_line l = { 0 }; uns_line_next(&l, e->text, e->len);)
		if (!cut_line(e, &l) && e->adds > 0)
			pass_line(e, &l);
}

static int compare_ranges(const struct uns_range *a, const struct uns_range *b)
{
	int r = compare_numbers(a->start, b->start);

	return r ? r : compare_numbers(a->count, b->count);
}

static int compare_pins(const void *pa, const void *pb)
{
	const struct addition *a = *(const struct addition *const *)pa, *b = *(const struct addition *const *)pb;
	int r = compare_ranges(&a->range, &b->range);

	return r ? r : compare_numbers(a->index, b->index);
}

/* The first addition with the range that has no place yet, or NULL. */
static struct addition *find_pin(struct addition *const v[], size_t n, const struct uns_range *range)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_ranges(&v[mid]->range, range) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	while (low < n && v[low]->pinned)
		low++;
	return low < n && compare_ranges(&v[low]->range, range) == 0 ? v[low] : NULL;
}

/* A line that only changes its spelling or its owner stays where it is: the order of lines chooses Docker's data root. */
static int pin_replacements(struct edit *e, struct uns_err *err)
{
	uns_auto_free struct addition **v = calloc(e->adds + 1, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < e->adds; i++)
		v[i] = &e->add[i];
	if (e->adds > 1)
		qsort(v, e->adds, sizeof(*v), compare_pins);
	for (size_t i = 0; i < e->cuts; i++) {
		struct addition *a = e->cut[i].range.count ? find_pin(v, e->adds, &e->cut[i].range) : NULL;

		if (!a)
			continue;
		a->at = e->cut[i].at;
		a->pinned = true;
	}
	return 0;
}

static void place_rest(struct edit *e)
{
	size_t behind = e->behind == SIZE_MAX ? e->end : e->behind;

	for (size_t i = e->ascending ? e->placed : 0; i < e->adds; i++) {
		struct addition *a = &e->add[i];

		if (a->pinned)
			continue;
		a->at = a->key == KEY_NIS ? e->end : behind;
		if (!e->ascending && a->key != KEY_NIS)
			a->key = 0;
	}
	sort_additions(e, compare_places);
}

static int require_all_seen(const struct wanteds *w, struct uns_err *err)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct wanted *v = &w->v[i];
		char shown[SHOWN_MAX];

		if (v->seen >= v->take + v->stay)
			continue;
		make_printable(v->line, v->len, shown);
		return uns_err_set(err, UNS_E_CONFLICT, "found the line \"%s\" %zu times; expected it %zu times at least", shown,
		                   v->seen, v->take + v->stay);
	}
	return 0;
}

static int put_line(const struct addition *a, size_t from, struct uns_buf *ret, struct uns_err *err)
{
	if (ret->len > from && ret->data[ret->len - 1] != '\n' && uns_buf_append(ret, "\n", 1, err) < 0)
		return -1;
	if (uns_buf_append(ret, a->line, a->len, err) < 0)
		return -1;
	return uns_buf_append(ret, "\n", 1, err);
}

static int put_text(const struct edit *e, size_t *at, size_t end, struct uns_buf *ret, struct uns_err *err)
{
	size_t from = *at;

	*at = end;
	return uns_buf_append(ret, end > from ? e->text + from : "", end - from, err);
}

static int put_all(const struct edit *e, struct uns_buf *ret, struct uns_err *err)
{
	size_t at = 0, a = 0, c = 0, from = ret->len;

	while (a < e->adds || c < e->cuts) {
		if (a < e->adds && (c == e->cuts || e->add[a].at <= e->cut[c].at)) {
			if (put_text(e, &at, e->add[a].at, ret, err) < 0 || put_line(&e->add[a], from, ret, err) < 0)
				return -1;
			a++;
		} else {
			if (put_text(e, &at, e->cut[c].at, ret, err) < 0)
				return -1;
			at += e->cut[c++].size;
		}
	}
	return put_text(e, &at, e->len, ret, err);
}

int uns_subid_edit(const char *text, size_t len, const struct uns_strs *remove, const struct uns_strs *add, struct uns_buf *ret,
                   struct uns_err *err)
{
	uns_auto(edit_done) struct edit e = { .text = text, .len = len, .behind = SIZE_MAX, .ascending = true };
	size_t before = ret->len;

	if (collect_wanted(&e.remove, remove, err) < 0 || collect_additions(&e, add, err) < 0)
		return -1;
	e.cut = calloc(remove->n + 1, sizeof(*e.cut));
	if (!e.cut)
		return uns_err_nomem(err);
	count_wanted(&e);
	if (require_all_seen(&e.remove, err) < 0)
		return -1;
	scan_text(&e);
	if (pin_replacements(&e, err) < 0)
		return -1;
	place_rest(&e);
	if (put_all(&e, ret, err) == 0)
		return 0;
	ret->len = before;
	if (ret->data)
		ret->data[before] = '\0';
	return -1;
}
