/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5) and group(5). Pure; lines that are no entries (NIS '+'/'-' lines, malformed ones) are skipped, as getpwent does. */
#ifndef UNS_ACCOUNT_H
#define UNS_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"

struct uns_account {
	char *name;
	uint32_t id;  /* UID of a user, GID of a group */
	uint32_t gid; /* primary group of a user; equal to id for a group */
	char *home;   /* of a user, as it stands there; NULL for a group, and for a line that ends before it */
	char *members; /* of a group, as they stand there ("a,b"); NULL for a user, for such a line, and from a name service */
};
struct uns_accounts {
	struct uns_account *v;
	size_t n, cap;
};
void uns_accounts_done(struct uns_accounts *a);
int uns_passwd_parse(const char *text, size_t len, struct uns_accounts *ret, struct uns_err *err);
int uns_group_parse(const char *text, size_t len, struct uns_accounts *ret, struct uns_err *err);
const struct uns_account *uns_accounts_name(const struct uns_accounts *a, const char *name); /* first match or NULL */
const struct uns_account *uns_accounts_id(const struct uns_accounts *a, uint32_t id);

#endif
