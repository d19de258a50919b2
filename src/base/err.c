/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void set_text(struct uns_err *err, enum uns_code code, int errnum, const char *fmt, va_list ap)
{
	err->code = code;
	err->errnum = errnum;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int uns_err_set(struct uns_err *err, enum uns_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	set_text(err, code, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int uns_err_sys(struct uns_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!err)
		return -1;
	va_start(ap, fmt);
	set_text(err, UNS_E_FAILED, errnum, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(errnum));
	return -1;
}

int uns_err_room(struct uns_err *err, const char *place)
{
	size_t len = err ? strlen(err->text) : 0;

	if (err && (err->errnum == ENOSPC || err->errnum == EDQUOT))
		snprintf(err->text + len, sizeof(err->text) - len, "; make room for %s", place);
	return -1;
}

int uns_err_nomem(struct uns_err *err)
{
	return uns_err_set(err, UNS_E_FAILED, "out of memory");
}

int uns_err_prefix(struct uns_err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	size_t len;

	if (!err)
		return -1;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
	return -1;
}
