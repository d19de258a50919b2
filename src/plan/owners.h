/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the plan floor: the owners that a range command is about, under all their spellings, and what they have. */
#ifndef UNS_PLAN_OWNERS_H
#define UNS_PLAN_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/idfacts.h"

/* Strings that belong to somebody else, each with a number. One may be in it several times. Not hsearch(3), whose table does not
 * grow and whose hash is one of the first eight bytes alone: names of a directory begin alike. */
struct uns_words {
	struct uns_word {
		const char *s;
		size_t index;
	} * v;
	uint32_t *slot; /* places in v, counted from 1; 0: free; at most half of them are taken */
	size_t n, cap, slots;
};

void uns_words_done(struct uns_words *w);
/* The first of this string, *at being SIZE_MAX, then the others; NULL: no more. */
const struct uns_word *uns_words_next(const struct uns_words *w, const char *s, size_t *at);
/* The first; NULL: none. */
const struct uns_word *uns_words_find(const struct uns_words *w, const char *s);
/* s stays the caller's, and must outlive it. */
int uns_words_add(struct uns_words *w, const char *s, size_t index, struct uns_err *err);

/* Flaws of a line that gives different programs different IDs. */
#define UNS_OWNERS_DIFFERENT                                                                                                       \
	(~(UNS_FLAW_BIT(UNS_FLAW_NO_NEWLINE) | UNS_FLAW_BIT(UNS_FLAW_NUMERIC_OWNER) | UNS_FLAW_BIT(UNS_FLAW_DISABLED)))

/* What one owner has in one file. */
struct uns_held {
	size_t lines;
	bool flawed; /* one of them gives different programs different IDs */
	const struct uns_subid_line *first;
};

struct uns_owner {
	const char *name;
	bool known; /* an account */
	struct uns_held held[UNS_IDKINDS];
};

/* Owners under all their spellings: what uns_line_is_of says of one line and one owner, for all lines and owners at once. Two names
 * of one UID are two owners, and a line by that UID is one of both. */
struct uns_owners {
	struct uns_owner *v;
	size_t n;
	struct uns_words named;    /* as they were named */
	struct uns_words spelling; /* and by the other name */
	struct uns_strs uids;      /* spellings that are ours to free */
};

void uns_owners_done(struct uns_owners *o);
/* Whether this is a spelling of the owner. */
bool uns_owners_has(const struct uns_owners *o, size_t index, const char *spelling);
/* Whom it is a line of; the first of them, *at being SIZE_MAX, then the others. */
struct uns_owner *uns_owners_next(const struct uns_owners *o, const struct uns_subid_line *l, size_t *at);
/* Whether it is a line of any of them. */
bool uns_owners_have(const struct uns_owners *o, const struct uns_subid_line *l);
/* Names stay the caller's; f must outlive it. Linear in owners, accounts and lines. -1 only out of memory. Ended by uns_owners_done
 * also on failure. */
int uns_owners_make(const struct uns_idfacts *f, const char *const owner[], size_t n, struct uns_owners *ret, struct uns_err *err);

#endif
