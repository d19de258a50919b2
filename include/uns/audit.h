/* SPDX-License-Identifier: Apache-2.0 */
/* Records of audit about what a run does: a sink of its events. usernsctl(8), AUDIT, lists them. */
#ifndef UNS_AUDIT_H
#define UNS_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "uns/plandoc.h"
#include "uns/root.h"
#include "uns/txn.h"

struct uns_audit {
	int fd; /* -1: nobody is told */
	const struct uns_plan *plan; /* borrowed */
	unsigned number;  /* of the transaction; 0: there is none */
	uint64_t shifted; /* inodes whose owners were changed in this run */
};

/* Opens the audit system for a run. Offline roots, a kernel without audit and a build without libaudit are no error: nothing is sent. */
void uns_audit_open(struct uns_audit *ret, const struct uns_root *root, const struct uns_plan *plan, unsigned number);
/* Sends the records of one event. What cannot be sent (an unprivileged container may not) is let go: it must not stop a change. */
void uns_audit_event(struct uns_audit *a, const struct uns_event *e);
void uns_audit_close(struct uns_audit *a);

/* ---- which records, and what is in them: pure ---- */

enum uns_audit_type { UNS_AUDIT_ADD_USER, UNS_AUDIT_DEL_USER, UNS_AUDIT_ADD_GROUP, UNS_AUDIT_DEL_GROUP, UNS_AUDIT_MGMT, UNS_AUDIT_CONFIG };
#define UNS_AUDIT_PAIRS 6
struct uns_audit_record {
	enum uns_audit_type type; /* ADD_USER, DEL_USER, ADD_GROUP, DEL_GROUP, USER_MGMT, USYS_CONFIG */
	bool ok;
	size_t n;
	struct {
		char name[48];
		char value[1024]; /* cut, never overrun */
		bool safe;        /* a word of ours or a number: needs no encoding */
	} pair[UNS_AUDIT_PAIRS]; /* the first one is op */
};
/* Calls put for each record of the event, none for most; counts what was shifted. */
void uns_audit_records(struct uns_audit *a, const struct uns_event *e, void (*put)(void *user, const struct uns_audit_record *r),
                       void *user);

#endif
