/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/subuid and /etc/subgid: subuid(5), moby/sys/user ParseSubIDFilter, shadow lib/subordinateio.c. Lossless: lines are kept as
 * bytes; an edit adds or removes exactly one line. Pure. */
#ifndef UNS_SUBID_H
#define UNS_SUBID_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/idmap.h"
#include "uns/str.h"

struct uns_subid_line {
	char *owner; /* NULL when the line is no entry (blank, comment) */
	struct uns_range range;
	unsigned line; /* 1-based */
};

struct uns_subid {
	struct uns_subid_line *v; /* entries only, in file order */
	size_t n, cap;
};

void uns_subid_done(struct uns_subid *s);
/* Blank lines and lines that start with '#' are kept and skipped. Any other line must be "owner:start:count" with strict decimal
 * numbers, no blanks, no CR and a range that stays below 2^32-1; else UNS_E_INPUT "<file>:<line>:<column>: <what was found>;
 * expected owner:start:count in decimal". A missing final newline is accepted on reading (and mended when a line is added). */
int uns_subid_parse(const char *text, size_t len, const char *file, struct uns_subid *ret, struct uns_err *err);
/* Text with the line "owner:start:count\n" added: in ascending place by start among the entries when they are ascending, else at
 * the end; never after a line that starts with '+' or '-'. Nothing changes when the exact line is there. */
int uns_subid_add(const char *text, size_t len, const char *owner, struct uns_range range, struct uns_buf *ret, struct uns_err *err);
/* Text without the exact line(s) owner:start:count. */
int uns_subid_remove(const char *text, size_t len, const char *owner, struct uns_range range, struct uns_buf *ret,
                     struct uns_err *err);
/* How many lines are exactly owner:start:count, and how many of this owner are anything else. */
void uns_subid_count(const struct uns_subid *s, const char *owner, struct uns_range range, size_t *ret_same, size_t *ret_other);

#endif
