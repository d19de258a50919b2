/* SPDX-License-Identifier: Apache-2.0 */
/* Growing byte buffers and lists of strings. */
#ifndef UNS_STR_H
#define UNS_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"

/* data is always NUL-terminated when non-NULL; len does not count that NUL. Zero-initialise; empty with uns_buf_done. */
struct uns_buf {
	char *data;
	size_t len, cap;
};

#define UNS_BUF_INIT { NULL, 0, 0 }

void uns_buf_done(struct uns_buf *b);
int uns_buf_append(struct uns_buf *b, const void *data, size_t len, struct uns_err *err);
int uns_buf_puts(struct uns_buf *b, const char *s, struct uns_err *err);
int uns_buf_printf(struct uns_buf *b, struct uns_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Hands the string to the caller, who frees it; never NULL unless out of memory (err filled). */
char *uns_buf_take(struct uns_buf *b, struct uns_err *err);

/* A list of heap strings, owned by the list. Zero-initialise. */
struct uns_strs {
	char **v;
	size_t n, cap;
};

#define UNS_STRS_INIT { NULL, 0, 0 }

void uns_strs_done(struct uns_strs *l);
int uns_strs_add(struct uns_strs *l, const char *s, struct uns_err *err); /* copies s */
bool uns_strs_has(const struct uns_strs *l, const char *s);
void uns_strs_sort(struct uns_strs *l); /* byte order */

/* Heap string, freed by the caller; NULL only when out of memory (err filled). */
char *uns_str_printf(struct uns_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *uns_str_dup(const char *s, struct uns_err *err);

bool uns_str_starts(const char *s, const char *prefix);
/* True if path is prefix itself or lies below it ("/a" covers "/a" and "/a/b", not "/ab"); prefix without trailing slash. */
bool uns_path_below(const char *path, const char *prefix);

/* Bytes of a path as printable ASCII: bytes outside 0x21..0x7e and '%' become %XX. Reversible; for JSON and messages. */
char *uns_str_escape(const char *s, struct uns_err *err);
/* One word for a shell, in printable ASCII: as it is where that is safe, else in quotes; with bytes that are not printable ASCII as
 * $'\ooo' (POSIX.1-2024; bash, zsh, ksh, busybox). */
char *uns_str_shell(const char *s, struct uns_err *err);

#endif
