/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: caller-owned, one struct. A function that can fail returns 0 (done), -1 (failed, err filled) or a positive, documented answer. */
#ifndef UNS_ERR_H
#define UNS_ERR_H

/* The code alone decides the exit status of the program. */
enum uns_code {
	UNS_OK = 0,
	UNS_E_FAILED = 1,     /* failed; the host is as it was */
	UNS_E_USAGE = 2,      /* bad command line */
	UNS_E_REFUSED = 3,    /* findings of severity error */
	UNS_E_CONFLICT = 4,   /* a fact is neither before nor after, a wanted range is taken */
	UNS_E_INCOMPLETE = 5, /* a transaction is pending */
	UNS_E_LOCKED = 6,     /* another transaction or account tool holds a lock */
	UNS_E_INPUT = 7,      /* a file is malformed */
};

struct uns_err {
	enum uns_code code;
	int errnum; /* errno of the failed call, 0 if none */
	char text[1024];
};

/* Each fills *err (which may be NULL) and returns -1, so that callers can "return uns_err_set(...)". The text is cut, never overrun. */
int uns_err_set(struct uns_err *err, enum uns_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Code UNS_E_FAILED; ": " and strerror(errnum) are appended. */
int uns_err_sys(struct uns_err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Says where room is needed when there is none (ENOSPC, EDQUOT). Returns -1. */
int uns_err_room(struct uns_err *err, const char *place);
int uns_err_nomem(struct uns_err *err);
/* Puts "<prefix>: " before the text that is there; keeps code and errnum. */
int uns_err_prefix(struct uns_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
