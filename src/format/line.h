/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a text that need not be a C string. Zero-initialise; s is NULL before the first line. */
#ifndef UNS_LINE_H
#define UNS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct uns_line {
	const char *s;
	size_t len, size; /* without and with the newline; equal when the last line has none */
	unsigned number;  /* 1-based */
};

static inline bool uns_line_next(struct uns_line *l, const char *text, size_t len)
{
	size_t at = l->s ? (size_t)(l->s - text) + l->size : 0;

	if (at >= len)
		return false;
	l->s = text + at;

	const char *newline = memchr(l->s, '\n', len - at);

	l->len = newline ? (size_t)(newline - l->s) : len - at;
	l->size = l->len + (newline ? 1 : 0);
	l->number++;
	return true;
}

#endif
