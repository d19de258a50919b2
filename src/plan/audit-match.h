/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules of audit record what a shift of owners does, and how much that writes. */
#ifndef UNS_PLAN_AUDIT_MATCH_H
#define UNS_PLAN_AUDIT_MATCH_H

#include "uns/account.h"
#include "uns/auditfacts.h"

/* A system call that a shift makes often. */
struct uns_audit_act {
	const char *syscall;
	long number;
	unsigned perm; /* that a rule with perm= must ask for; UNS_AUDIT_PERM_* */
	uint64_t times;
};

/* Who makes it, and where. */
struct uns_audit_who {
	const struct uns_auditfacts *f;
	const struct uns_accounts *users;
	const char *root; /* all of it is below this path */
};

/* The rule that decides about the act, or NULL; the kernel takes the first that matches. What a rule asks for and cannot be known
 * (labels, owners of the objects) counts as so. */
const struct uns_auditrule *uns_audit_decides(const struct uns_audit_who *w, const struct uns_audit_act *a);

struct uns_audit_cost {
	uint64_t events, records, bytes;
};
/* Adds what this many events of the rule write to the log. */
void uns_audit_add_cost(const struct uns_audit_who *w, const struct uns_auditrule *r, uint64_t events, struct uns_audit_cost *c);

#endif
