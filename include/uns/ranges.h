/* SPDX-License-Identifier: Apache-2.0 */
/* The one collision model, allocation, and the range commands as plans. Pure: facts in, findings and steps out. */
#ifndef UNS_RANGES_H
#define UNS_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/finding.h"
#include "uns/idfacts.h"
#include "uns/plandoc.h"

/* Allocation: from here (below lies what systemd-homed maps and where useradd starts) … */
#define UNS_RANGE_FIRST 524288u
/* … to here (some programs keep IDs as int). */
#define UNS_RANGE_LAST 2147483647u

/* ---- claims: who takes what ---- */

enum uns_claim_source {
	UNS_CLAIM_LINE,    /* a line of subuid or subgid; index into sub[kind].s.v */
	UNS_CLAIM_ACCOUNT, /* of passwd or group; index into users, or into groups and then users (their primary groups) */
	UNS_CLAIM_NSS,     /* index into nss[kind] */
	UNS_CLAIM_PLUGIN,  /* index into plugin[kind] */
	UNS_CLAIM_LIVE,    /* index into live */
	UNS_CLAIM_TREE,    /* index into tree: 65536 IDs from its name on */
	UNS_CLAIM_SSSD,    /* index into sssd */
	UNS_CLAIM_SCAN,    /* index into scanned[kind] */
	UNS_CLAIM_RESERVED,/* index into the table of reserved ranges */
};
struct uns_claim {
	struct uns_range range;
	uint32_t index;
	uint8_t source;   /* enum uns_claim_source */
	uint8_t severity; /* enum uns_severity, for a new range that overlaps it */
};

/* A model may leave out what belongs to one owner (by name and by UID): its own lines, its ranges of the plugin, and trees, live maps
 * and files inside its lines. The facts must live as long as the model. */
struct uns_model;
struct uns_model *uns_model_new(const struct uns_idfacts *f, const char *owner, struct uns_err *err);
void uns_model_free(struct uns_model *m);
/* The claim of at least this severity that overlaps the range: the severest, then the one with the lowest start; NULL: none.
 * O(log n). */
const struct uns_claim *uns_model_find(const struct uns_model *m, enum uns_idkind kind, struct uns_range r, enum uns_severity least);
/* "alice (/etc/subuid:3: alice:100000:65536)", "user bob (UID 100007)", "the tree /var/lib/docker/1.1", "systemd: foreign IDs" */
int uns_claim_describe(const struct uns_model *m, enum uns_idkind kind, const struct uns_claim *c, struct uns_buf *ret,
                       struct uns_err *err);

/* An allocator hands out ranges that overlap no claim of severity warning or error in either kind, nor each other. Start is a multiple
 * of 65536 and not below count; first in the window of login.defs inside UNS_RANGE_FIRST … UNS_RANGE_LAST, then, when that is
 * full, from 65536 (or SUB_UID_MIN) up; when both are full, claims of severity warning no longer count. It needs neither model nor
 * facts any more once it is made, which is linear; a range costs O(log 32768). */
struct uns_allocator;
struct uns_allocator *uns_allocator_new(const struct uns_model *m, struct uns_err *err);
void uns_allocator_free(struct uns_allocator *a);
/* 0; 1 when no range of this size is free (a count of 0, or above 2^31, never is); -1 out of memory. */
int uns_allocator_next(struct uns_allocator *a, uint32_t count, uint32_t *ret_start, struct uns_err *err);
/* Takes a range out, so that it is not handed out (a batch line that names its start). */
int uns_allocator_take(struct uns_allocator *a, struct uns_range r, struct uns_err *err);

/* --range=hash: a function of owner and count alone, the same on every host: slot FNV-1a64(owner) mod the number of slots of the count
 * (rounded up to a multiple of 65536) between 524288, or the count when that is more, and 2147352576, where systemd's foreign IDs
 * begin; 0 when there is no slot. */
uint32_t uns_range_hash(const char *owner, uint32_t count);
/* Why the range cannot be one of a remap user, whoever owns what (past the last ID, below 65536, start below count, beyond
 * UNS_RANGE_LAST), or NULL. */
const char *uns_range_unsafe(struct uns_range r);

/* Ranges that the subid-lines steps of a plan add; what is no line with a range is passed over. */
struct uns_added_ranges {
	struct uns_added_range {
		enum uns_idkind kind;
		struct uns_range range;
	} * v;
	size_t n, cap;
};
void uns_added_ranges_done(struct uns_added_ranges *a);
int uns_plan_added_ranges(const struct uns_plan *p, struct uns_added_ranges *ret, struct uns_err *err);
/* Whose IDs lie in them, whoever asks (claims of severity error and warning): "user bob (UID 100007) in the UID range 65536:65536". */
int uns_ranges_claims(const struct uns_idfacts *f, const struct uns_added_ranges *a, struct uns_strs *ret, struct uns_err *err);

/* ---- lint: range check ---- */

/* Findings about the files and all lines. Of one id and file at most "limit" objects are listed (0: all), then one that counts the rest. */
int uns_ranges_check(const struct uns_idfacts *f, size_t limit, struct uns_findings *ret, struct uns_err *err);
/* What another host has. Strings are the caller's. */
struct uns_expected {
	struct uns_expect {
		const char *owner;
		enum uns_idkind kind;
		struct uns_range range;
	} * v;
	size_t n, cap;
};
/* Findings: ExpectDiffers, where an owner that is expected has not the same ranges in the same order, in both files; ExpectMore, where
 * another owner has any. */
int uns_ranges_expect(const struct uns_idfacts *f, const struct uns_expected *all, struct uns_findings *findings, struct uns_err *err);
/* One line of range list: what is worst about the line, as a word: "ok", "nis", "orphan", "duplicate", "reserved", "overlap",
 * "account", "malformed", "past-end", "root"; in file order. */
enum uns_line_state {
	UNS_LINE_OK, UNS_LINE_NIS, UNS_LINE_ORPHAN, UNS_LINE_DUPLICATE, UNS_LINE_RESERVED, UNS_LINE_OVERLAP, UNS_LINE_ACCOUNT,
	UNS_LINE_MALFORMED, UNS_LINE_PAST_END, UNS_LINE_ROOT, UNS_LINE_STATES
};
extern const char *const uns_line_state_names[UNS_LINE_STATES];
struct uns_line_states {
	uint8_t *of[UNS_IDKINDS]; /* enum uns_line_state, one per entry of f->sub[kind].s.v */
};
void uns_line_states_done(struct uns_line_states *s);
int uns_ranges_states(const struct uns_idfacts *f, struct uns_line_states *ret, struct uns_err *err);
/* The line's owner is this user: by name, or by the UID of the account of that name (owner may also be a number). */
bool uns_line_is_of(const struct uns_idfacts *f, const struct uns_subid_line *l, const char *owner);
/* The same for many lines: the accounts are looked through once. Points into f and to owner. */
struct uns_who {
	const char *owner;
	bool number, known; /* owner is a number; it is a name with the UID id */
	uint32_t id;
	const char *name[8]; /* of accounts that have the number */
	size_t names;
};
struct uns_who uns_who_is(const struct uns_idfacts *f, const char *owner);
bool uns_who_owns(const struct uns_who *w, const struct uns_subid_line *l);

/* ---- the range commands as plans ---- */

/* -1 (UNS_E_INPUT) when the file is a symbolic link: the step that edits it would refuse that too, but later. */
int uns_ranges_editable(const struct uns_idfacts *f, enum uns_idkind kind, struct uns_err *err);

struct uns_range_want {
	char *owner;
	enum uns_range_how { UNS_RANGE_AUTO, UNS_RANGE_EXACT, UNS_RANGE_HASH } how;
	struct uns_range range; /* start: only when exact; count 0: 65536 */
	unsigned line;          /* of the batch file; 0: the command line */
	bool made;              /* the same plan makes its account */
	struct uns_range got;   /* out: what it was given, or has already */
	bool fixed;             /* out: the lines that the owner has decide */
	bool had;               /* out: in both files, so that nothing is to be done */
};
struct uns_range_wants {
	struct uns_range_want *v;
	size_t n, cap;
};
void uns_range_wants_done(struct uns_range_wants *w);
/* A batch: OWNER, OWNER:COUNT, or OWNER:START:COUNT a line; blank lines and lines that start with '#' are skipped; an owner twice, a
 * bad number or owner is UNS_E_INPUT "<file>:<line>:<column>: …". count and how are the defaults of lines that name none. */
int uns_range_batch_parse(const char *text, size_t len, const char *file, uint32_t count, enum uns_range_how how,
                          struct uns_range_wants *ret, struct uns_err *err);

struct uns_range_request {
	const struct uns_idfacts *f;
	const struct uns_strs *ignore;
	struct uns_plan *plan;         /* steps are added */
	struct uns_findings *findings;
};
/* Gives each owner one line in each file. An owner that has one line of the wanted kind in both is left as it is; one that has a line in
 * one file only gets the same range in the other, where what belongs to it is no collision. Two wants that are one user are
 * UNS_E_USAGE, or UNS_E_INPUT when a batch names the second. */
int uns_ranges_add(const struct uns_range_request *r, struct uns_range_wants *wants, struct uns_err *err);
/* Only chooses: what a new owner would be given. No step. */
int uns_ranges_next(const struct uns_range_request *r, struct uns_range_want *want, struct uns_err *err);
/* Removes the owner's lines, or, with part, these IDs of them: lines are trimmed or split. Refused while a live map or a tree uses
 * what goes (RangeInUse); a tree uses all from its start to the end of that line, and the owner's lines behind it. */
int uns_ranges_remove(const struct uns_range_request *r, const char *owner, const struct uns_range *part, struct uns_err *err);
/* Gives the owner another range (want->how) in place of the one it has in both files, *ret_old. trees: paths whose IDs are shifted
 * along, as steps; one that lies in another is UNS_E_USAGE. Refused as removing is. No step, and had, when the named or hashed range
 * is the one it has. */
int uns_ranges_move(const struct uns_range_request *r, struct uns_range_want *want, const struct uns_strs *trees,
                    struct uns_shift *ret_old, struct uns_err *err);
/* What is safe to mend: a missing final newline, duplicate lines (the later goes), and lines of these owners in canonical spelling
 * where all consumers that read the line at all agree about its numbers. */
int uns_ranges_fix(const struct uns_range_request *r, const struct uns_strs *owners, struct uns_err *err);

#endif
