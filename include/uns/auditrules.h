/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the kernel's audit system: as text (audit.rules(7), auditctl(8)) and as the kernel lists them (struct audit_rule_data of
 * linux/audit.h). Pure. A file that others wrote is never refused: what auditctl would not take is a problem, told with its place. */
#ifndef UNS_AUDITRULES_H
#define UNS_AUDITRULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/str.h"

enum uns_audit_op { UNS_AUDIT_EQ, UNS_AUDIT_NE, UNS_AUDIT_LT, UNS_AUDIT_GT, UNS_AUDIT_LE, UNS_AUDIT_GE, UNS_AUDIT_MASK, UNS_AUDIT_TEST };
extern const char *const uns_audit_op_texts[]; /* "=", "!=", "<", … */

/* -F name op value, or with between -C name op value, where value names a field too. */
struct uns_audit_field {
	char *name;
	enum uns_audit_op op;
	char *value; /* as it is written; from the kernel: decimal, a signed number for exit, "b32"/"b64"/hexadecimal for arch */
	bool between;
};

enum uns_audit_list { UNS_AUDIT_TASK, UNS_AUDIT_EXIT, UNS_AUDIT_USER, UNS_AUDIT_EXCLUDE, UNS_AUDIT_FILESYSTEM, UNS_AUDIT_IO_URING };
/* What the path of a rule is: nothing is named, one inode (-F path=), a tree (-F dir=), or whichever it was when the rule was loaded (-w). */
enum uns_audit_path { UNS_AUDIT_ANYWHERE, UNS_AUDIT_FILE, UNS_AUDIT_TREE, UNS_AUDIT_WATCH };
enum { UNS_AUDIT_PERM_X = 1, UNS_AUDIT_PERM_W = 2, UNS_AUDIT_PERM_R = 4, UNS_AUDIT_PERM_A = 8, UNS_AUDIT_PERM_ALL = 15 };

struct uns_auditrule {
	char *where;  /* "file:line"; for a rule of the kernel what the caller called it */
	enum uns_audit_list list;
	bool never;   /* else always */
	enum uns_audit_path kind;
	char *path;   /* NULL when kind is ANYWHERE; no slash at its end */
	unsigned perm; /* UNS_AUDIT_PERM_*; 0: no permission is asked for (-w without -p has all four) */
	bool all_syscalls; /* also when none is named */
	struct uns_strs syscalls; /* names or numbers, as written; from the kernel: numbers */
	struct uns_audit_field *field; /* -F and -C, but for path, dir, perm and key */
	size_t n, cap;
	struct uns_strs keys;
	uint64_t hash;       /* of the text that uns_auditrule_format makes; 0: not looked at yet */
	bool behind_problem; /* auditctl stops before it, unless go_on */
};

/* Rules in the order in which the kernel tries them. Zero-initialise. */
struct uns_auditrules {
	struct uns_auditrule *v;
	size_t n, cap;
	struct uns_strs problems; /* "file:line: found …; expected …", in the order of the text */
	struct uns_strs notes;    /* "file: sentence": what else is not known of files */
	bool has_enabled, has_failure, has_backlog, has_rate;
	uint32_t enabled; /* the last -e: 0 off, 1 on, 2 on and locked */
	uint32_t failure; /* the last -f: 0 silent, 1 printk, 2 panic */
	uint32_t backlog; /* the last -b; 0: no limit */
	uint32_t rate;    /* the last -r, records a second; 0: no limit */
	size_t changes;   /* lines that added rules or took some away */
	bool go_on;       /* -i or -c: a line that auditctl does not take does not end the loading */
};
#define UNS_AUDIT_PROBLEMS 4
void uns_auditrule_done(struct uns_auditrule *r);
void uns_auditrules_done(struct uns_auditrules *all);

/* Appends what the text makes of the rules so far: -a appends, -A puts in front, -d, -D and -W take away, -e, -f, -b and -r are the last
 * ones. Words are parted by blanks (not tabs), "\ " is a blank within a word, there are no quotes, '#' begins a comment at the
 * beginning of a line. from_dir: a file of rules.d, whose lines augenrules reorders: -D without -k comes first, so takes away
 * nothing; the caller gives the files in the order of "ls -v". More than 10000 lines that change the rules are a problem, told
 * once: what is behind them is not looked at. Of a file with many problems the first UNS_AUDIT_PROBLEMS are told, and a note counts
 * the rest. Fails only for want of memory. */
int uns_auditrules_parse(const char *text, size_t len, const char *file, bool from_dir, struct uns_auditrules *ret, struct uns_err *err);

/* One rule as the kernel lists it (the payload of AUDIT_LIST_RULES), appended. UNS_E_INPUT when it is no such thing. */
int uns_auditrules_decode(const void *data, size_t len, const char *where, struct uns_auditrules *ret, struct uns_err *err);

/* Whether the rule is about the path: the inode itself, or a tree that holds it. A rule without path is about all: true. */
bool uns_auditrule_covers(const struct uns_auditrule *r, const char *path);
/* Whether changes of the path (writes, or owner, mode and the like) by those who have logged in are recorded: the first rule in order
 * that covers it decides. Always needs a path, and a rule that asks for more than arch, perm, key, auid>=1000 and auid!=unset, or
 * for single system calls, is about too little to be either. *ret: the rule that decides, NULL where there is none. */
enum uns_audit_watched {
	UNS_AUDIT_WATCHED,
	UNS_AUDIT_UNWATCHED,  /* no rule */
	UNS_AUDIT_NO_CHANGES, /* a rule that records others */
	UNS_AUDIT_NEVER,      /* a rule with never, of this path or all tasks */
	UNS_AUDIT_NOT_LOADED, /* a rule behind the first problem */
	UNS_AUDIT_OFF,        /* -e 0 */
};
enum uns_audit_watched uns_auditrules_watching(const struct uns_auditrules *all, const char *path, const struct uns_auditrule **ret);
/* A word as auditctl(8) takes it in a line, "" when none can be (a line break is in it); the caller frees it. NULL: out of memory. */
char *uns_auditrule_word(const char *s, struct uns_err *err);
/* The rule as auditctl(8) takes it; the caller frees it. NULL: out of memory. */
char *uns_auditrule_format(const struct uns_auditrule *r, struct uns_err *err);

#endif
