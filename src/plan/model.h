/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the plan floor: what the allocator and the lint see of the collision model beyond uns/ranges.h. */
#ifndef UNS_PLAN_MODEL_H
#define UNS_PLAN_MODEL_H

#include "uns/ranges.h"

#define UNS_CLAIM_BIT(source) (1u << (source))
#define UNS_CLAIMS_ALL (~0u)
#define UNS_LINE_READINGS 4 /* ranges that one line may mean */
#define UNS_TEXT_SHOWN 72   /* bytes of a line that a message quotes, with the NUL */

/* A model of these sources only (UNS_CLAIM_BIT). */
struct uns_model *uns_model_of(const struct uns_idfacts *f, const char *owner, unsigned sources, struct uns_err *err);
const struct uns_idfacts *uns_model_facts(const struct uns_model *m);
/* The claims of one severity, sorted by start and then in the order of sources and of the facts. */
const struct uns_claim *uns_model_claims(const struct uns_model *m, enum uns_idkind kind, enum uns_severity severity,
                                         size_t *ret_n);
/* The first claim of one severity (lowest start) that overlaps the range, or NULL. */
const struct uns_claim *uns_model_first(const struct uns_model *m, enum uns_idkind kind, struct uns_range r,
                                        enum uns_severity severity);
/* The reserved range is that of IDs which are negative as int. */
bool uns_claim_is_high(const struct uns_claim *c);

/* Its last ID, 4294967295 when it ends beyond; the count must not be 0. */
uint32_t uns_range_last(struct uns_range r);

/* An account of this name: of passwd, else of NSS; or NULL. */
const struct uns_account *uns_user_find(const struct uns_idfacts *f, const char *name);

/* The fields behind the owner, as they stand in the line; "" when it has none. */
struct uns_line_fields {
	const char *start, *count;
	size_t start_len, count_len;
};
struct uns_line_fields uns_line_fields(const struct uns_subid *s, const struct uns_subid_line *l);
/* Whether all bytes are digits, and there are any. */
bool uns_is_digits(const char *s, size_t len);
/* All ranges that some program takes the line for, and how many; ret[0] is the line's own. */
size_t uns_line_readings(const struct uns_subid *s, const struct uns_subid_line *l, struct uns_range ret[UNS_LINE_READINGS]);
/* What messages quote: shortened, and '?' for all that is not printable ASCII. A line is shown as it stands in the file. */
void uns_text_show(const char *s, size_t len, char ret[UNS_TEXT_SHOWN]);
void uns_line_show(const struct uns_subid *s, const struct uns_subid_line *l, char ret[UNS_TEXT_SHOWN]);

static inline void uns_model_freep(struct uns_model **m)
{
	uns_model_free(*m);
}

#endif
