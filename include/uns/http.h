/* SPDX-License-Identifier: Apache-2.0 */
/* Reading from an engine's API over its unix socket. What changes the engine is in uns/sys.h. */
#ifndef UNS_HTTP_H
#define UNS_HTTP_H

#include "uns/err.h"
#include "uns/str.h"

/* GET; the answer (at most 64 MiB) is appended to *answer, *ret_http is the HTTP status. -1 when no answer came within 30 s. */
int uns_http_get(const char *socket, const char *path, long *ret_http, struct uns_buf *answer, struct uns_err *err);
/* The same with fewer seconds (from 1). */
int uns_http_get_within(const char *socket, const char *path, unsigned seconds, long *ret_http, struct uns_buf *answer, struct uns_err *err);

#endif
