/* SPDX-License-Identifier: Apache-2.0 */
/* auditd.conf(5): how much auditd may write, and what it does when there is no more room. Pure. */
#ifndef UNS_AUDITDCONF_H
#define UNS_AUDITDCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/str.h"

enum uns_auditd_action {
	UNS_AUDITD_IGNORE, UNS_AUDITD_SYSLOG, UNS_AUDITD_ROTATE, UNS_AUDITD_EMAIL, UNS_AUDITD_EXEC, UNS_AUDITD_SUSPEND, UNS_AUDITD_SINGLE,
	UNS_AUDITD_HALT, UNS_AUDITD_KEEP_LOGS,
};
extern const char *const uns_auditd_action_names[]; /* "IGNORE", … as auditd.conf writes them */

struct uns_auditd_room {
	uint32_t amount; /* MiB, or percent of the file system; 0: never */
	bool percent;
	enum uns_auditd_action action;
};
struct uns_auditdconf {
	char *log_file;
	bool write_logs, enriched;
	char *flush;           /* as written, NULL: not set (NONE) */
	uint32_t max_log_file; /* MiB; 0: no limit */
	uint32_t num_logs;     /* 0 or 1: not rotated */
	enum uns_auditd_action max_log_file_action;
	struct uns_auditd_room space_left, admin_space_left;
	enum uns_auditd_action disk_full_action, disk_error_action;
	struct uns_strs problems; /* "file:line: found …; expected …": auditd does not start with such a file */
};
void uns_auditdconf_done(struct uns_auditdconf *c);
/* What auditd has without a file. */
int uns_auditdconf_default(struct uns_auditdconf *ret, struct uns_err *err);
/* Settings other than these are passed over. Fails only for want of memory. */
int uns_auditdconf_parse(const char *text, size_t len, const char *file, struct uns_auditdconf *ret, struct uns_err *err);
/* Bytes that the log may grow to before the oldest are dropped or it is stopped; UINT64_MAX: no limit is set. */
uint64_t uns_auditdconf_capacity(const struct uns_auditdconf *c);

#endif
