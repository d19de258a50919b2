/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between two texts, by lines. Pure. */
#ifndef UNS_LINEDIFF_H
#define UNS_LINEDIFF_H

#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* Appends the hunks of a unified diff, with three lines around each (POSIX diff(1), "Diff -u Output Format"); nothing when the texts are
 * the same. Where more than about a thousand lines differ it may be longer than it had to be. Bytes are as they are. */
int uns_linediff(const char *old, size_t old_len, const char *now, size_t now_len, struct uns_buf *ret, struct uns_err *err);

#endif
