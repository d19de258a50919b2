/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: everything that stops a change, breaks under it, or collides. Each has a stable id. Pure. */
#ifndef UNS_FINDING_H
#define UNS_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/str.h"

enum uns_severity { UNS_INFO, UNS_WARNING, UNS_ERROR };

/* The table of all ids, one place: severity, exit class of an error, and whether --ignore may name it. */
struct uns_check {
	const char *id;        /* "UnmappedId" */
	enum uns_severity severity;
	enum uns_code code;    /* UNS_E_REFUSED or UNS_E_CONFLICT */
	bool ignorable;
	const char *summary;   /* one line for the man page and completions */
	const char *reference; /* what else to read: "CIS Docker 2.9"; NULL: nothing. The man page has the same */
};
extern const struct uns_check uns_checks[];
extern const size_t uns_checks_n;
const struct uns_check *uns_check_find(const char *id);
/* The id that was perhaps meant, in whatever case; NULL: nothing is near. */
const struct uns_check *uns_check_nearest(const char *id);

struct uns_finding {
	const struct uns_check *check;
	bool ignored;
	char *object; /* what it is about: a path, a container, a line */
	char *reason;
	char *remedy;  /* what to do, in words; may be NULL */
	char *command; /* the same as one line for a shell; NULL: there is no command that does it */
};
/* A remedy that begins so is a command, whose words from the host went through uns_str_shell. What follows a tab are words about it
 * for people, not a part of the command: "$ usernsctl range check --fix bob\twrites bob:1:2 in its place". */
#define UNS_COMMAND "$ "
#define UNS_COMMAND_ENDS "\t"
struct uns_findings {
	struct uns_finding *v;
	size_t n, cap;
	uint32_t *slot; /* finds equal ones: a hash table of positions in v, counted from 1, for the first "indexed" of them */
	size_t slots, indexed;
};
void uns_findings_done(struct uns_findings *f);
/* id must be in the table; what was added before (same id, object and reason) is not added again. ignore: ids that the user accepted;
 * an ignorable error among them becomes ignored. */
int uns_findings_add(struct uns_findings *f, const struct uns_strs *ignore, const char *id, const char *object, const char *remedy,
                     struct uns_err *err, const char *reason_fmt, ...) __attribute__((format(printf, 7, 8)));
/* For a host below root: commands of usernsctl get --root, others are none any more, as they would work on the running host. Pieces of a
 * command are joined by " && ". Once. */
int uns_findings_set_root(struct uns_findings *f, const char *root, struct uns_err *err);
/* Leaves the findings with these ids alone and forgets the others. ids empty: all stay. */
void uns_findings_only(struct uns_findings *f, const struct uns_strs *ids);
/* UNS_OK, or the exit class of the findings that refuse (UNS_E_REFUSED before UNS_E_CONFLICT). */
enum uns_code uns_findings_code(const struct uns_findings *f);

#endif
