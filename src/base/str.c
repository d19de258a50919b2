/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"

#define LARGE (1u << 20) /* bytes */

void uns_buf_done(struct uns_buf *b)
{
	free(b->data);
	*b = (struct uns_buf)UNS_BUF_INIT;
}

static int reserve(struct uns_buf *b, size_t more, struct uns_err *err)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	if (more >= SIZE_MAX / 2 - b->len)
		return uns_err_nomem(err);
	while (cap < b->len + more + 1)
		cap += cap < LARGE ? cap : cap / 4; /* what is large is moved by its pages, and half of it should not lie idle */
	if (cap == b->cap)
		return 0;
	p = realloc(b->data, cap);
	if (!p)
		return uns_err_nomem(err);
	b->data = p;
	b->cap = cap;
	return 0;
}

int uns_buf_append(struct uns_buf *b, const void *data, size_t len, struct uns_err *err)
{
	if (reserve(b, len, err))
		return -1;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int uns_buf_puts(struct uns_buf *b, const char *s, struct uns_err *err)
{
	return uns_buf_append(b, s, strlen(s), err);
}

__attribute__((format(printf, 3, 0))) static int buf_vprintf(struct uns_buf *b, struct uns_err *err, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return uns_err_set(err, UNS_E_FAILED, "cannot format a message");
	if (reserve(b, (size_t)n, err))
		return -1;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int uns_buf_printf(struct uns_buf *b, struct uns_err *err, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vprintf(b, err, fmt, ap);
	va_end(ap);
	return r;
}

char *uns_buf_take(struct uns_buf *b, struct uns_err *err)
{
	char *s;

	if (reserve(b, 0, err))
		return NULL;
	b->data[b->len] = '\0';
	s = uns_take_ptr(b->data);
	*b = (struct uns_buf)UNS_BUF_INIT;
	return s;
}

void uns_strs_done(struct uns_strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct uns_strs)UNS_STRS_INIT;
}

int uns_strs_add(struct uns_strs *l, const char *s, struct uns_err *err)
{
	uns_auto_free char *copy = uns_str_dup(s, err);

	if (!copy)
		return -1;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		char **v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return uns_err_nomem(err);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = uns_take_ptr(copy);
	return 0;
}

bool uns_strs_has(const struct uns_strs *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], s))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void uns_strs_sort(struct uns_strs *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

char *uns_str_printf(struct uns_err *err, const char *fmt, ...)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vprintf(&b, err, fmt, ap);
	va_end(ap);
	return r ? NULL : uns_buf_take(&b, err);
}

char *uns_str_dup(const char *s, struct uns_err *err)
{
	char *copy = strdup(s);

	if (!copy)
		uns_err_nomem(err);
	return copy;
}

bool uns_str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool uns_path_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(path, prefix, len) && (path[len] == '\0' || path[len] == '/');
}

char *uns_str_escape(const char *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		int r = c > 0x20 && c < 0x7f && c != '%' ? uns_buf_append(&b, s, 1, err) : uns_buf_printf(&b, err, "%%%02X", c);

		if (r)
			return NULL;
	}
	return uns_buf_take(&b, err);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

char *uns_str_shell(const char *s, struct uns_err *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	bool printable = is_printable(s);

	if (*s && s[strspn(s, plain)] == '\0')
		return uns_str_dup(s, err);
	if (uns_buf_puts(&b, printable ? "'" : "$'", err) < 0)
		return NULL;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		int r = printable           ? uns_buf_puts(&b, c == '\'' ? "'\\''" : (char[]){*s, '\0'}, err)
		        : c < 0x20 || c > 0x7e ? uns_buf_printf(&b, err, "\\%03o", c)
		                               : uns_buf_printf(&b, err, c == '\'' || c == '\\' ? "\\%c" : "%c", c);

		if (r < 0)
			return NULL;
	}
	return uns_buf_puts(&b, "'", err) < 0 ? NULL : uns_buf_take(&b, err);
}
