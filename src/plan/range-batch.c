/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of owners: text → wants. */
#include "uns/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "owners.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

struct batch {
	const char *file;
	unsigned line;
	uint32_t count;
	enum uns_range_how how;
	struct uns_words owners; /* index: into the wants */
};

static void batch_done(struct batch *b)
{
	uns_words_done(&b->owners);
}

static int batch_bad(const struct batch *b, size_t column, const char *found, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: found %s; expected OWNER, OWNER:COUNT or OWNER:START:COUNT in decimal",
	                   b->file, b->line, column, found);
}

static int batch_owner(const struct batch *b, const char *owner, const struct uns_range_wants *all, struct uns_err *err)
{
	const struct uns_word *before = uns_words_find(&b->owners, owner);
	size_t good = 0;

	if (before)
		return uns_err_set(err, UNS_E_INPUT, "%s:%u:1: %s is in line %u already; expected each owner once", b->file,
		                   b->line, owner, all->v[before->index].line);
	if (uns_subid_owner_valid(owner))
		return 0;
	while (owner[good] > ' ' && owner[good] <= '~' && owner[good] != '#')
		good++;
	/* Where all bytes may be, it is the first of them or their number. */
	return batch_bad(b, owner[good] ? good + 1 : 1, "what cannot be an owner", err);
}

static int batch_numbers(const struct batch *b, char *const field[3], size_t n, struct uns_range_want *w, struct uns_err *err)
{
	const char *count = n > 1 ? field[n - 1] : NULL;

	if (n == 3) {
		if (uns_num_u32(field[1], strlen(field[1]), &w->range.start) < 0)
			return batch_bad(b, (size_t)(field[1] - field[0]) + 1, "no number of an ID", err);
		w->how = UNS_RANGE_EXACT;
	}
	if (count && (uns_num_u32(count, strlen(count), &w->range.count) < 0 || w->range.count == 0))
		return batch_bad(b, (size_t)(count - field[0]) + 1, "no number of IDs", err);
	return 0;
}

static int batch_push(struct batch *b, const char *owner, struct uns_range_want w, struct uns_range_wants *ret, struct uns_err *err)
{
	struct uns_range_want *v = uns_vec_room(ret->v, ret->n, &ret->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	ret->v = v;
	w.owner = uns_str_dup(owner, err);
	if (!w.owner)
		return -1;
	ret->v[ret->n++] = w;
	return uns_words_add(&b->owners, w.owner, ret->n - 1, err);
}

/* Cuts the line at its colons. */
static int batch_line(struct batch *b, char *line, struct uns_range_wants *ret, struct uns_err *err)
{
	struct uns_range_want w = {.how = b->how, .range = {0, b->count}, .line = b->line};
	char *field[3] = {line}, *colon;
	size_t n = 1;

	while ((colon = strchr(field[n - 1], ':')) != NULL) {
		if (n == 3)
			return batch_bad(b, (size_t)(colon - line) + 1, "a fourth field", err);
		*colon = '\0';
		field[n++] = colon + 1;
	}
	if (batch_owner(b, field[0], ret, err) < 0 || batch_numbers(b, field, n, &w, err) < 0)
		return -1;
	return batch_push(b, field[0], w, ret, err);
}

/* The bytes of one line, which is skipped or read. */
static int batch_bytes(struct batch *b, const char *s, size_t n, struct uns_range_wants *ret, struct uns_err *err)
{
	uns_auto_free char *line = strndup(s, n);
	const char *cr;

	if (!line)
		return uns_err_nomem(err);
	if (strlen(line) != n)
		return batch_bad(b, strlen(line) + 1, "a NUL byte", err);
	if (*line == '#' || !line[strspn(line, " \t")])
		return 0;
	cr = strchr(line, '\r');
	if (cr)
		return batch_bad(b, (size_t)(cr - line) + 1, "a carriage return", err);
	return batch_line(b, line, ret, err);
}

int uns_range_batch_parse(const char *text, size_t len, const char *file, uint32_t count, enum uns_range_how how,
                          struct uns_range_wants *ret, struct uns_err *err)
{
	uns_auto(uns_range_wants_done) struct uns_range_wants all = {0};
	uns_auto(batch_done) struct batch b = {.file = file, .count = count, .how = how};

	for (size_t at = 0, n; at < len; at += n + 1) {
		const char *newline = memchr(text + at, '\n', len - at);

		n = newline ? (size_t)(newline - text) - at : len - at;
		b.line++;
		if (batch_bytes(&b, text + at, n, &all, err) < 0)
			return -1;
	}
	*ret = all;
	all = (struct uns_range_wants){0};
	return 0;
}
