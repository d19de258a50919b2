/* SPDX-License-Identifier: Apache-2.0 */
/* The command floor: a command line becomes a struct uns_options, a command fills a struct uns_run, main prints it and ends. */
#ifndef UNS_CMD_H
#define UNS_CMD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "uns/err.h"
#include "uns/facts.h"
#include "uns/finding.h"
#include "uns/idmap.h"
#include "uns/ini.h"
#include "uns/lock.h"
#include "uns/plan.h"
#include "uns/plandoc.h"
#include "uns/preset.h"
#include "uns/report.h"
#include "uns/root.h"
#include "uns/str.h"
#include "uns/txn.h"

/* Exit status with --detailed-exitcode when something changed, or would in a dry run. */
#define UNS_EXIT_CHANGED 10
#define UNS_OPERANDS_MAX 64

/* ---- options.c ---- */

enum uns_cmd {
	UNS_CMD_ENABLE,
	UNS_CMD_DISABLE,
	UNS_CMD_MIGRATE,
	UNS_CMD_SHIFT,
	UNS_CMD_CHECK,
	UNS_CMD_STATUS,
	UNS_CMD_PLAN,
	UNS_CMD_APPLY,
	UNS_CMD_RESUME,
	UNS_CMD_ROLLBACK,
	UNS_CMD_VERIFY,
	UNS_CMD_HISTORY,
	UNS_CMD_MAP,
	UNS_CMD_RANGE_LIST,
	UNS_CMD_RANGE_NEXT,
	UNS_CMD_RANGE_ADD,
	UNS_CMD_RANGE_REMOVE,
	UNS_CMD_RANGE_MOVE,
	UNS_CMD_RANGE_CHECK,
	UNS_CMD_DAEMON_SHOW,
	UNS_CMD_DAEMON_GET,
	UNS_CMD_DAEMON_SET,
	UNS_CMD_DAEMON_UNSET,
	UNS_CMD_HELP,
	UNS_CMDS,
};

enum uns_json_form { UNS_JSON_NONE, UNS_JSON_COMPACT, UNS_JSON_PRETTY, UNS_JSON_LINES };
enum uns_progress_how { UNS_PROGRESS_AUTO, UNS_PROGRESS_TTY, UNS_PROGRESS_PLAIN, UNS_PROGRESS_JSON, UNS_PROGRESS_NONE };
enum uns_color { UNS_COLOR_AUTO, UNS_COLOR_ALWAYS, UNS_COLOR_NEVER };

enum { UNS_RANGE_OWNER, UNS_RANGE_KIND, UNS_RANGE_START, UNS_RANGE_END, UNS_RANGE_COUNT, UNS_RANGE_LINE, UNS_RANGE_STATE,
       UNS_RANGE_COLUMNS };
extern const char *const uns_range_columns[UNS_RANGE_COLUMNS + 1];

/* Of the range commands; --range itself is in the request. */
struct uns_range_options {
	const char *const *owner; /* operands, in the options */
	size_t owners;
	bool named;               /* --range was given */
	uint32_t count;           /* --count; 0: not given */
	const char *batch;
	int column[UNS_RANGE_COLUMNS];
	size_t columns;           /* 0: all */
	struct uns_strs scan, trees;
	bool deep, fix, all;
	const char *svg;          /* map: a file for the picture, or "-" */
	int timeout_ms;           /* of probing NSS */
};
/* Extents as they were named: not a map yet, as their sources and targets may overlap. */
struct uns_extents {
	struct uns_extent *v;
	size_t n, cap;
};
int uns_extents_add(struct uns_extents *to, struct uns_extent e, struct uns_err *err);
/* Of the command shift; --range and --ignore are in the request. */
struct uns_shift_options {
	struct uns_extents uid, gid;
	bool reverse, no_journal, exclusive;
	enum uns_unmapped { UNS_UNMAPPED_REFUSE, UNS_UNMAPPED_KEEP, UNS_UNMAPPED_SQUASH } unmapped;
	uint32_t squash;  /* who gets what is outside the map, with SQUASH */
	const char *user; /* --user: its ranges are the map */
	const char *even; /* a path that is refused unless it is named so */
	const char *const *path; /* operands, in the options */
	size_t paths;
};

/* Of a policy file (usernsctl.conf(5)); the request of the options is what it says, but for what the command line says. */
struct uns_policy {
	bool wanted;         /* the command reads one */
	bool loaded;
	bool engine;         /* it has [remap]: something is wanted of an engine, and not only ranges of owners */
	char *name;          /* of the file, as it was named */
	struct uns_buf text; /* a policy, or a plan that was saved */
	struct uns_ini ini;
	struct uns_range_wants owners;
};

/* Strings point into argv, or into the policy. */
struct uns_options {
	enum uns_cmd cmd;
	const char *root;
	enum uns_json_form json;
	enum uns_color color;
	enum uns_progress_how progress;
	bool quiet, verbose;
	bool help, version;   /* --help, --version: nothing else counts */
	bool dry_run, yes, detailed;
	bool no_auto_rollback; /* a transaction that fails is left pending */
	struct uns_request request; /* of enable, disable, migrate, daemon set, check, and of plan (which of them: request.command) */
	bool cis; /* check --profile=cis */
	struct uns_strs only; /* check, range check: the findings that are asked for; empty: all */
	const char *file;     /* apply, plan apply: operand; NULL: the root's own policy */
	const char *config;   /* --config */
	const char *expect;   /* check --expect */
	const char *output;   /* -o, as it stands there */
	uint64_t given;       /* bits of the rows of the option table: what the command line, or the policy, names */
	bool drift;           /* apply --check: only tell what differs */
	struct uns_policy policy;
	unsigned number;      /* rollback, verify; 0: the newest */
	struct uns_range_options ranges;
	struct uns_lock_how lock;
	struct uns_shift_options shift;
	const struct uns_preset *preset; /* enable, disable, check, plan: the engine; NULL: Docker */
	const char *preset_user;         /* operand of an engine that works for one user */
	uint32_t max_pods;               /* 0: not given */
	unsigned jobs;        /* 0: as many threads as are good */
	bool go_on;           /* --on-error=continue */
	const char *operand[UNS_OPERANDS_MAX];
	size_t operands;      /* of help completions */
	enum uns_help_topic { UNS_HELP_ALL, UNS_HELP_COMMAND, UNS_HELP_FINDINGS, UNS_HELP_OPTIONS, UNS_HELP_COMPLETIONS } topic;
	enum uns_cmd topic_cmd;
	bool topic_group; /* all commands that share the first word of topic_cmd */
};

/* UNS_E_USAGE when argv is not what the table of commands and options says. On success free with uns_options_done. */
int uns_options_parse(int argc, char *argv[], struct uns_options *ret, struct uns_err *err);
void uns_options_done(struct uns_options *o);
const char *uns_options_command_name(enum uns_cmd cmd);
bool uns_options_walks(enum uns_cmd cmd); /* it may take long, and can be stopped */
bool uns_options_changes(enum uns_cmd cmd); /* the command changes the host (unless --dry-run) */
int uns_options_help(const struct uns_options *o, struct uns_buf *ret, struct uns_err *err);

/* The tables, as help and completions show them. */
struct uns_option_view {
	const char *name;
	char letter;     /* 0: none */
	int has_arg;     /* as getopt_long has it */
	const char *arg; /* what the help calls its value; NULL: none */
	const char *help;
};
bool uns_options_view(size_t i, struct uns_option_view *ret); /* false: there are no more */
/* Whether the option i is for that command; planned: of plan, what is planned (UNS_CMDS: any). */
bool uns_options_takes(size_t i, enum uns_cmd cmd, enum uns_cmd planned);
const char *uns_options_operands(enum uns_cmd cmd); /* "[ENGINE [USER]]" */
const char *uns_options_summary(enum uns_cmd cmd);
size_t uns_options_find(const char *const v[], size_t n, enum uns_cmd *ret); /* how many of the words are the command's name; 0: none */

/* ---- complete.c ---- */

/* What a shell may put in the place of the last operand, which are the words of a command line without the program. The first line is
 * "words", "files" or "directories", a tab, and what stands before the part that is completed; of words, the candidates follow, each
 * with a tab and a few words of help. Behind one that ends in '=' or ':' the word goes on. */
int uns_complete(const struct uns_options *o, struct uns_buf *ret, struct uns_err *err);

/* For a policy: the same values under the same names. The option, unless the command line has named it (given is not changed). */
int uns_options_default(struct uns_options *o, const char *name, const char *arg, struct uns_err *err);
bool uns_options_given(const struct uns_options *o, const char *name);
void uns_options_note(struct uns_options *o, const char *name); /* as if it had been given */
/* "docker", or another engine and its user. */
int uns_options_engine(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err);
/* -1 when an option that is given is not for the engine. */
int uns_options_check_engine(const struct uns_options *o, struct uns_err *err);

/* ---- policy.c ---- */

struct uns_run;
#define UNS_POLICY_FILE "/etc/usernsctl.conf"
/* Reads the file that the command line names, or the root's own, into the options, where the command wants one. A plan that was saved is
 * only read: policy.text. UNS_E_INPUT "<file>:<line>:<column>: …". */
int uns_policy_load(const struct uns_run *r, struct uns_options *o, struct uns_err *err);

/* ---- policy-ranges.c: the ranges of further owners, around the plan for an engine ---- */

/* Zero-initialise. */
struct uns_further {
	/* With a range that the policy names; with one that is chosen; and the engine's, only to be told. */
	struct uns_range_wants wants[3];
	struct uns_plan plan; /* of the first, then of the second */
	struct uns_findings findings;
};
void uns_further_done(struct uns_further *x);
/* Before the engine's range is chosen: facts as if the named ranges were in the files already. Nothing without a policy. */
int uns_further_begin(const struct uns_run *r, struct uns_idfacts *f, struct uns_further *ret, struct uns_err *err);
/* After it: chooses the others, beside that of the engine (s; NULL: none), and adds all steps and findings to those of the engine. */
int uns_further_end(const struct uns_run *r, struct uns_idfacts *f, const char *user, const struct uns_shift *s, struct uns_further *x,
		    struct uns_plan *plan, struct uns_findings *findings, struct uns_err *err);
/* What each owner was given or has, and whether that is new: rows for the member "ranges". */
int uns_further_rows(const struct uns_further *x, json_t *list, struct uns_err *err);

/* ---- shift-values.c: values of the options of shift ---- */

int uns_value_map(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_reverse(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_unmapped(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_even(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_jobs(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_on_error(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_no_journal(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_exclusive(struct uns_options *o, const char *arg, struct uns_err *err);

/* ---- main.c ---- */

/* One run of the program. A command returns 0 (status is the exit status) or -1 (err->code is it). What it learnt until then is
 * printed in either case. */
struct uns_run {
	const struct uns_options *o;
	struct uns_root root;
	bool color_out, color_err;
	int status;
	json_t *document; /* members of the command's JSON document; version, command, exit and error are added by main */
	struct uns_buf last; /* for people, on stderr after everything else */
	const struct uns_planned *planned; /* what the plan was made from, as long as the command runs; NULL: not known */
	json_t *bare;     /* when not NULL and the command succeeded: the whole document, as it is (plan) */
};

/* Text for people on stdout; nothing with --json or -q. The text is printed as it is. */
void uns_run_print(const struct uns_run *r, const char *text);
/* A line for people on stderr; nothing with -q. Made safe for a terminal. */
void uns_run_note(const struct uns_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "usernsctl: <text>" on stderr, also with -q. */
void uns_run_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line for people on stderr, whatever -q says: whoever calls it has decided. Made safe for a terminal. */
void uns_run_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line of the stream of events: on stdout with --json=lines, on stderr with --progress=json. Takes the reference; nothing
 * otherwise, or when j is NULL. */
void uns_run_line(const struct uns_run *r, json_t *j);
/* Appends the whole file to *ret; it is named from where the caller is, not from inside --root. NULL: the standard input. More than
 * 64 MiB are UNS_E_INPUT. name is for messages. */
int uns_run_read_file(const char *file, const char *name, struct uns_buf *ret, struct uns_err *err);
/* save.c: writes the text to a file that is named from where the caller is; "-": the standard output. A regular file is replaced as a
 * whole and gets the mode; what is none is written to. */
int uns_run_write_file(const char *file, const char *text, mode_t mode, struct uns_err *err);
/* The document so, with mode 0600. */
int uns_run_save(const char *file, const json_t *document, struct uns_err *err);
/* Sets a member of the document; takes the reference; NULL value is "out of memory". */
int uns_run_set(struct uns_run *r, const char *key, json_t *value, struct uns_err *err);

/* ---- enable.c: what the changing commands share ---- */

/* What a changing command shows and does. */
struct uns_change {
	const struct uns_plan *plan;         /* borrowed; NULL: there is none */
	const size_t *numbers;               /* borrowed; numbers of its steps, to show; NULL: 1, 2, … */
	const struct uns_findings *findings; /* borrowed; NULL: none */
	bool changed;                        /* the host was changed, or would be (dry run) */
	bool restart_required;
	unsigned transaction;                /* 0: none */
	struct uns_outlook outlook;          /* what is known of it, to show */
	const struct uns_shadow_lock *locked; /* the account files are locked for the whole transaction; NULL: steps do it */
};
/* Its parts: findings and warnings; plan, actions and diff. f, p: NULL: none. */
int uns_change_set_findings(struct uns_run *r, const struct uns_findings *f, struct uns_err *err);
int uns_change_set_plan(struct uns_run *r, const struct uns_plan *p, struct uns_err *err);
/* Shows the plan that was made, for the command plan. */
int uns_change_only_plan(struct uns_run *r, const struct uns_plan *p, const struct uns_findings *f, const struct uns_outlook *outlook,
			 struct uns_err *err);
/* Puts the documented members of a changing command into the run's document. */
int uns_change_document(struct uns_run *r, const struct uns_change *c, struct uns_err *err);

/* What a person wants to know of a plan before it is carried out: the outlook, and what becomes of each text file. Appended. */
int uns_outlook_put(const struct uns_run *r, const struct uns_plan *p, const struct uns_outlook *o, bool color, struct uns_buf *ret,
                    struct uns_err *err);
/* -1 unless root, or a dry run, or another root than the running host. */
int uns_change_needs_root(const struct uns_run *r, struct uns_err *err);
/* Adds the advice to be root to an error that comes from not being it. Returns -1. */
int uns_change_explain(struct uns_err *err);
bool uns_change_is_pending(const struct uns_txn *t);
const char *uns_change_way(const struct uns_txn *t); /* of a pending one: "on its way there" or "on its way back" */
/* Says of a transaction that was stopped by a signal how to go on with it. Returns -1. */
int uns_change_stopped(const struct uns_txn *t, struct uns_err *err);
/* -1: UNS_E_INCOMPLETE when the newest transaction is pending, UNS_E_LOCKED when a process is at it. */
int uns_change_no_pending(const struct uns_run *r, struct uns_err *err);
/* Shows the plan and asks. 0: go on; 1: a dry run, nothing more to do (changed and status are set); -1: not confirmed. */
int uns_change_gate(struct uns_run *r, struct uns_change *c, const char *question, struct uns_err *err);
/* Events and progress go to stderr or become JSON lines. s must outlive the run. */
struct uns_change_sink {
	struct uns_run *run;
	size_t steps;
	json_t *results; /* of the steps that had any */
};
void uns_change_listen(struct uns_change_sink *s, struct uns_run *r, size_t steps, struct uns_txn_run *ret);
/* After the run: what was heard of results becomes a member of the document. */
int uns_change_heard(struct uns_change_sink *s, struct uns_run *r, struct uns_err *err);
/* The lock is held: creates the transaction, drives it there, and back when that fails. Sets changed, transaction, status. */
int uns_change_carry_out(struct uns_run *r, struct uns_change *c, struct uns_err *err);

/* Facts, range, census, plan and findings for the request of the options. */
struct uns_planned {
	struct uns_facts facts;
	struct uns_plan plan;
	struct uns_findings findings;
	struct uns_shift shift;
	bool have_shift;
	struct uns_further further;
};
void uns_planned_done(struct uns_planned *p);
/* guess: a shift that is probably the one, which saves a walk of the trees, or NULL. ret must be zero; done with in any case. */
int uns_planned_make(const struct uns_run *r, const struct uns_shift *guess, struct uns_planned *ret, struct uns_err *err);
/* When all findings of a plan are there: commands are made for the root that was looked at. */
int uns_planned_settle(const struct uns_run *r, struct uns_findings *f, struct uns_err *err);
/* How long it takes: for people, and the member "estimate" of the document; neither when no owner changes. */
int uns_planned_estimate(struct uns_run *r, const struct uns_planned *p, struct uns_err *err);
/* 0, or -1 with the exit class of the findings that refuse and their ids. */
int uns_planned_refused(const struct uns_findings *f, struct uns_err *err);
/* The same, said by a command that only looks. */
int uns_planned_stopped(const struct uns_findings *f, struct uns_err *err);
bool uns_change_same_plan(const struct uns_plan *a, const struct uns_plan *b);
void uns_planned_show_findings(const struct uns_run *r, const struct uns_findings *f);
/* The commands among their remedies, to copy and paste: at the end of what a command that only looks says. Nothing with --json or -q. */
void uns_planned_show_remedies(struct uns_run *r, const struct uns_findings *f);

/* ---- offline.c ---- */

/* -1 when --root names no root of a system. */
int uns_offline_check_root(const struct uns_run *r, struct uns_err *err);
/* -1 when a step needs root and the caller is not. */
int uns_offline_check_plan(const struct uns_plan *p, struct uns_err *err);

/* ---- made-for.c ---- */

/* What a plan relies on, for its document; NULL: failed. planned: NULL: only the files are known. */
json_t *uns_made_for(const struct uns_run *r, const struct uns_plan *p, const struct uns_planned *planned, struct uns_err *err);
/* UNS_E_CONFLICT names what has changed since. made_for: NULL: an old plan, which does not say. */
int uns_made_for_check(const struct uns_run *r, const struct uns_plan *p, const json_t *made_for, struct uns_err *err);

/* ---- expect.c ---- */

/* What --expect asks for, if it is given: findings. */
int uns_expect_check(const struct uns_run *r, struct uns_findings *findings, struct uns_err *err);

/* ---- differs.c ---- */

/* The step is no bracket, and no other takes it back: it says something at the end. */
bool uns_change_lasts(const struct uns_plan *p, size_t i);
/* The steps that last, as rows {kind, text, and of those that edit a text file, before, after}. p may be NULL. */
json_t *uns_differs_json(const struct uns_plan *p, struct uns_err *err);
int uns_differs_show(const struct uns_run *r, const struct uns_plan *p, struct uns_err *err);

/* ---- status ---- */

/* What the running engine says of itself (GET /info); NULL when none answers. */
json_t *uns_status_engine_info(const struct uns_run *r, const struct uns_facts *f);
bool uns_status_info_userns(const json_t *info);

struct uns_status {
	struct uns_run *run;
	struct uns_buf text;
	const char *label; /* of the next line; "" after it was used */
};
int uns_status_line(struct uns_status *s, struct uns_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What is pending: text, members "pending" and "last" of the document, the exit status. */
int uns_status_journal(struct uns_status *s, struct uns_err *err);
/* Settings that are not as the newest transaction on them left them: text, member "drift". */
int uns_status_drift(struct uns_status *s, struct uns_err *err);

/* ---- preset.c: enable, disable, check and plan for an engine other than Docker ---- */

int uns_preset_change(struct uns_run *r, struct uns_err *err);
int uns_preset_check(struct uns_run *r, struct uns_err *err);
int uns_preset_show_plan(struct uns_run *r, struct uns_err *err);

/* ---- range.c ---- */

/* Asks NSS about both ranges of a shift; *ret_found accounts are new in f. */
int uns_probe_shift(const struct uns_run *r, struct uns_idfacts *f, const struct uns_shift *s, size_t *ret_found, struct uns_err *err);

/* ---- one function per command ---- */
int uns_cmd_enable(struct uns_run *r, struct uns_err *err); /* also disable, migrate, daemon set and daemon unset */
int uns_cmd_plan(struct uns_run *r, struct uns_err *err);
int uns_cmd_shift(struct uns_run *r, struct uns_err *err);
int uns_cmd_check(struct uns_run *r, struct uns_err *err);
int uns_profile_cis(struct uns_run *r, struct uns_err *err); /* check --profile=cis */
/* At the end of a check with --only, when none of these findings refuses: of the rest nothing is known. */
int uns_check_none_of(const struct uns_run *r, struct uns_err *err);
/* What every check says and puts into its document: the findings, of which those of --only alone; then, where none of them refuses, fine. */
int uns_check_report(struct uns_run *r, struct uns_findings *f, const char *fine, struct uns_err *err);
int uns_cmd_apply(struct uns_run *r, struct uns_err *err);
int uns_cmd_status(struct uns_run *r, struct uns_err *err);
int uns_cmd_resume(struct uns_run *r, struct uns_err *err);
int uns_cmd_rollback(struct uns_run *r, struct uns_err *err);
int uns_cmd_verify(struct uns_run *r, struct uns_err *err);
int uns_cmd_history(struct uns_run *r, struct uns_err *err);
int uns_cmd_map(struct uns_run *r, struct uns_err *err);
int uns_cmd_range_list(struct uns_run *r, struct uns_err *err);
int uns_cmd_range_next(struct uns_run *r, struct uns_err *err);
int uns_cmd_range_check(struct uns_run *r, struct uns_err *err);
int uns_cmd_daemon_show(struct uns_run *r, struct uns_err *err);
int uns_cmd_daemon_get(struct uns_run *r, struct uns_err *err);
int uns_cmd_range_change(struct uns_run *r, struct uns_err *err); /* add, remove, move */

#endif
