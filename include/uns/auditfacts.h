/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the audit system of a host: what it records, how much room its log has, and who we are to it. */
#ifndef UNS_AUDITFACTS_H
#define UNS_AUDITFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "uns/auditdconf.h"
#include "uns/auditrules.h"
#include "uns/err.h"
#include "uns/root.h"
#include "uns/str.h"

#define UNS_AUID_UNSET UINT32_MAX
#define UNS_AUDIT_BACKLOG 64 /* the kernel's own limit, where no rule sets one */

struct uns_auditfacts {
	bool loaded; /* the kernel was asked: rules and the four numbers are its own; else they are those of the files */
	bool enabled, locked; /* locked: -e 2, nothing can be changed before a reboot */
	uint32_t failure, backlog, rate; /* the latter two: 0 is no limit */
	struct uns_auditrules rules; /* in the order in which they are tried */
	bool have_conf;              /* auditd.conf is there */
	struct uns_auditdconf conf;
	bool have_space;             /* of the file system of the log; not in an offline root */
	uint64_t space_free, space_size;
	uint64_t log_used;           /* bytes that the log has now, older ones included */
	uint32_t auid;               /* our loginuid; offline: that of some user who logs in */
	char *exe;                   /* our program; offline: where it is installed */
	struct uns_strs scanners;    /* paths of programs and jobs that look for files of nobody, or for files that changed */
};
void uns_auditfacts_done(struct uns_auditfacts *f);
/* Files as augenrules(8) takes them: those of rules.d, else audit.rules. No audit at all is no error. A file that is there but
 * cannot be read is a note of the rules. */
int uns_auditfacts_read(const struct uns_root *root, struct uns_auditfacts *ret, struct uns_err *err);

#endif
