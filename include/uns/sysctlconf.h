/* SPDX-License-Identifier: Apache-2.0 */
/* What files of sysctl.d(5) and sysctl.conf(5) make of one key, as systemd-sysctl(8) and sysctl(8) of procps read them. Pure. */
#ifndef UNS_SYSCTLCONF_H
#define UNS_SYSCTLCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"

struct uns_sysctl_line {
	char *value; /* without the blanks around it; NULL: "-key" without a value, which leaves the key alone */
	char *file;  /* NULL: no line at all */
	unsigned line;
};
struct uns_sysctlconf {
	const char *key;                   /* with slashes, "user/max_user_namespaces"; the caller's */
	struct uns_sysctl_line plain, glob; /* the last line that names the key, and the last whose pattern matches it */
};

/* Takes the lines of one more file; files are given in the order in which they are read. Lines that are no assignment are passed
 * over, as both programs do. */
int uns_sysctlconf_add(struct uns_sysctlconf *c, const char *file, const char *text, size_t len, struct uns_err *err);
/* The line that counts, with a value; NULL: none sets the key. A line with the key itself counts more than any pattern. */
const struct uns_sysctl_line *uns_sysctlconf_result(const struct uns_sysctlconf *c);
void uns_sysctlconf_done(struct uns_sysctlconf *c);
/* Whether the kernel reads the value as 0 (it takes octal and hexadecimal digits too). */
bool uns_sysctl_is_zero(const char *value);

#endif
