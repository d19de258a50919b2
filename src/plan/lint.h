/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the plan floor: what range check finds out (lint.c) before it is said (lint-say.c for lines, lint-host.c for all else). */
#ifndef UNS_PLAN_LINT_H
#define UNS_PLAN_LINT_H

#include "model.h"

/* What can be said about a line: a bit each, because there may be a million lines. Texts are made of those only that are listed. */
enum uns_lint_bit {
	UNS_LINT_READS_ROOT,
	UNS_LINT_PAST_END,
	UNS_LINT_OVERLAP,
	UNS_LINT_ON_ACCOUNT,
	UNS_LINT_RESERVED,
	UNS_LINT_FILE_REFUSED,
	UNS_LINT_DIFFERENTLY,
	UNS_LINT_SEVERAL,      /* on the second line of the owner */
	UNS_LINT_NAME_AND_UID, /* on the first line that is spelled otherwise than the owner's first */
	UNS_LINT_DUPLICATE,    /* on the later ones */
	UNS_LINT_OWN_ID,
	UNS_LINT_DISCOURAGED,
	UNS_LINT_HIGH,
	UNS_LINT_ASYMMETRIC, /* on the owner's first line that has no like in the other file */
	UNS_LINT_ORPHAN,
	UNS_LINT_STALE_NUMERIC,
	UNS_LINT_NUMERIC,
	UNS_LINT_NIS,
	UNS_LINT_SMALL,
	UNS_LINT_UNALIGNED,
	UNS_LINT_BITS,
	UNS_LINT_OVERLAPPED = UNS_LINT_BITS, /* by a line that says so; for the states only */
};

#define UNS_LINT_NONE UINT32_MAX
#define UNS_LINT_LIST_ALL "usernsctl range check --all lists them"

/* Everybody who is an account or owns a line: his lines by name and by UID together. */
struct uns_lint_owner {
	const char *name;
	uint32_t id[UNS_IDKINDS]; /* UID and primary GID, when known */
	bool known;
	/* His lines that give him IDs, in file order, by uns_lint_side.next; UNS_LINT_NONE: no line. */
	uint32_t first[UNS_IDKINDS], last[UNS_IDKINDS], lines[UNS_IDKINDS];
};

/* Two claims of uns_lint.lines, by position. */
struct uns_lint_pair {
	uint32_t later, earlier;
};

/* One file. Arrays with an entry for each line. */
struct uns_lint_side {
	uint32_t *bits, *owner, *next;
	uint32_t *other; /* the claim that the line overlaps, by position; NULL: no line overlaps one */
	uint32_t *twin;  /* the line that this one repeats; NULL: no line repeats one */
	uint32_t *plugin_owner;
	size_t count[UNS_LINT_BITS + 1]; /* lines that have the bit */
	struct uns_lint_pair *pair;      /* ranges of the plugin that overlap an earlier one */
	size_t pairs, cap;
};

struct uns_lint {
	const struct uns_idfacts *f;
	size_t limit;
	struct uns_findings *ret;
	struct uns_model *lines;    /* of the files and of the plugin */
	struct uns_model *accounts; /* of passwd, group and NSS */
	struct uns_model *reserved; /* and SSSD's slices */
	struct uns_lint_side side[UNS_IDKINDS];
	struct uns_lint_owner *owner;
	size_t owners, cap;
	struct uns_lint_slot *slot; /* of the hash table of names */
	size_t slots;
	struct uns_lint_uid *uid; /* accounts by UID, sorted */
	size_t uids;
};

/* Whose claim it is: index into uns_lint.owner. */
uint32_t uns_lint_owner_of(const struct uns_lint *t, enum uns_idkind kind, const struct uns_claim *c);
/* The owner of this name, or NULL. */
const struct uns_lint_owner *uns_lint_owner_find(const struct uns_lint *t, const char *name);
bool uns_lint_has(const struct uns_lint *t, enum uns_idkind kind, uint32_t line, enum uns_lint_bit bit);
/* The first pair of lines of an owner, one of each file, that differ; UNS_LINT_NONE where a file has no further line. False: none.
 */
bool uns_lint_differ(const struct uns_lint *t, const struct uns_lint_owner *o, uint32_t ret[UNS_IDKINDS]);

/* Adds the finding about one line. */
int uns_lint_say(const struct uns_lint *t, const char *id, enum uns_lint_bit bit, enum uns_idkind kind, uint32_t line,
                 struct uns_err *err);
/* Whether a program makes this of a flaw, for a line whose start is plain digits or is not. */
enum uns_effect uns_lint_effect(enum uns_consumer consumer, enum uns_flaw flaw, bool plain_start);

/* All findings of one id that are not about lines alone. */
typedef int uns_lint_host(const struct uns_lint *t, const char *id, struct uns_err *err);
uns_lint_host uns_lint_plugin, uns_lint_mode, uns_lint_symlink, uns_lint_source, uns_lint_trees, uns_lint_files_left,
    uns_lint_kubelet, uns_lint_stale_lock, uns_lint_missing, uns_lint_live, uns_lint_incus, uns_lint_leftover, uns_lint_probe;

/* The remedy "usernsctl range VERB OWNER": a command, where the owner can be named in one. */
char *uns_lint_command(const char *verb, const char *owner, struct uns_err *err);

#endif
