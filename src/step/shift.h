/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the kind shift-tree: shift-tree.c (the kind), shift-scan.c (what is there before the first change), shift-record.c
 * (that as JSON, and back), shift-names.c (what the scan met, by directory), shift-apply.c (one inode), shift-verify.c (nothing lost),
 * shift-lost.c (devices that went elsewhere). */
#ifndef UNS_STEP_SHIFT_H
#define UNS_STEP_SHIFT_H

#include <jansson.h>
#include <sys/stat.h>
#include <time.h>

#include "uns/progress.h"
#include "uns/step.h"
#include "uns/tree.h"

enum {
	UNS_SHIFT_UNMAPPED = 1,
	UNS_SHIFT_IN_TARGET = 2,
	UNS_SHIFT_HARD_LINKS = 4,
	UNS_SHIFT_SYMLINKS = 8,
	UNS_SHIFT_FLAGGED = 16,
};

struct uns_shift_args {
	const char *base;      /* in the step's args */
	const char *into;      /* NULL, or where below the base a later step moves it all */
	const char **patterns; /* the array is heap, the strings are in the step's args */
	size_t n;
	struct uns_maps maps;
	unsigned allow;
	bool whole;   /* the topmost directories alone are not believed */
	bool passing; /* AFTER lasts only until a later step takes it further */
	bool arriving; /* BEFORE lasts only until the step before takes it back further */
	bool squash;  /* the maps squash */
	bool exclusive; /* nobody else works in the trees meanwhile: no file is looked at again before it is changed */
};
void uns_shift_args_done(struct uns_shift_args *a);
int uns_shift_args_read(const json_t *j, struct uns_shift_args *ret, struct uns_err *err);

/* What an inode was when the leg began, or is to be. */
struct uns_shift_state {
	uint32_t uid, gid, mode;
	uint8_t cap[UNS_CAP_MAX];
	size_t cap_len;
	bool immutable, append;
};
/* That it is this inode still, and not a later one with its number. */
struct uns_shift_identity {
	uint64_t ino;    /* by_path: uns_entry_path_hash */
	uint8_t *handle; /* NULL: the file system has none, then the time of its birth tells */
	size_t handle_len;
	int64_t born_sec; /* 0: unknown */
	uint32_t born_nsec;
};
bool uns_shift_same_identity(const struct uns_shift_identity *a, const struct uns_shift_identity *b);
struct uns_shift_special {
	struct uns_shift_state was;
	char *path; /* escaped; one of its names */
	uint64_t dev;
	struct uns_shift_identity id;
	/* Bits that the kernel took from it because somebody wrote into it since are not given back. */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint64_t size;
	/* It had IDs of both sides when the leg began, so mapping back does not bring back what was: its ACLs are kept too. */
	bool exact;
	uint8_t *acl[2]; /* access, default */
	size_t acl_len[2];
};
void uns_shift_special_done(struct uns_shift_special *s);
struct uns_shift_foreign {
	uint64_t dev;
	struct uns_shift_identity id;
	uint32_t uid, gid;
};
void uns_shift_foreign_done(struct uns_shift_foreign *f);
/* What was there when the leg began; inodes. */
struct uns_shift_counts {
	uint64_t inodes, home, already, unmapped, special_bits, capabilities, acls, links;
};
struct uns_shift_tree {
	char *path; /* escaped */
	struct uns_digest digest;
};
struct uns_shift_record {
	enum uns_side from;
	struct uns_shift_identity base; /* the directory that the shift began with; by_path: of number 0 */
	/* On FUSE: numbers and handles of inodes are what its program gives them, as a rule anew with each mount. So they are known by their
	 * paths. */
	bool by_path;
	struct uns_strs devs;     /* for each device: the path of the inode it was first met at, escaped */
	struct uns_inomap dev_no; /* (device, 0) → index in devs + 1 */
	struct uns_shift_identity *dev_ids; /* of the inodes at these paths; none in an older record */
	size_t n_dev_ids;
	/* Devices whose paths lead to something else by now, as indexes in devs. What is recorded of them has numbers of its own for them,
	 * and is found wherever it is by now. */
	size_t *lost, n_lost;
	struct uns_shift_special *specials;
	size_t n_specials, cap_specials;
	struct uns_shift_foreign *foreign; /* wholly on the far side when the leg began: none of ours */
	size_t n_foreign, cap_foreign;
	struct uns_shift_tree *trees; /* sorted by escaped path */
	size_t n_trees;
	struct uns_shift_counts counts;
	struct uns_inomap special_at, foreign_at; /* value: index + 1 */
};
void uns_shift_record_done(struct uns_shift_record *r);
/* Each once per inode; *s and *f are emptied (also on failure). */
int uns_shift_record_add_special(struct uns_shift_record *r, struct uns_shift_special *s, struct uns_err *err);
int uns_shift_record_add_foreign(struct uns_shift_record *r, struct uns_shift_foreign *f, struct uns_err *err);
/* In memory, dev is the device number of today; in JSON it is the place in devs, because numbers of devices change over a reboot.
 */
int uns_shift_record_note_dev(struct uns_shift_record *r, uint64_t dev, const char *path, struct uns_err *err);
/* What is at the paths of all devices, unless it has gone from there since. */
int uns_shift_record_identify_devs(struct uns_shift_record *r, const struct uns_tree *tree, struct uns_err *err);
/* The number that lost[i] has in this record; the place in lost of such a number, -1: it is none. */
uint64_t uns_shift_lost_dev(size_t i);
ssize_t uns_shift_lost_no(const struct uns_shift_record *r, uint64_t dev);
bool uns_shift_record_knows_dev(const struct uns_shift_record *r, uint64_t dev);
void uns_shift_record_sort(struct uns_shift_record *r);
json_t *uns_shift_record_to_json(const struct uns_shift_record *r, struct uns_err *err);
/* elsewhere: its base may be another directory by now, as a later step moved the tree. UNS_E_CONFLICT with errnum ESTALE when it
 * is another one otherwise. */
int uns_shift_record_from_json(const json_t *j, const struct uns_tree *tree, bool elsewhere, struct uns_shift_record *ret,
                               struct uns_err *err);
bool uns_shift_on_fuse(const struct uns_tree *tree);
/* Takes over what another thread found; *more keeps its memory, but no special. */
int uns_shift_record_join(struct uns_shift_record *r, struct uns_shift_record *more, struct uns_err *err);
/* Adds the inodes that an earlier leg found on the far side: they never were part of the shift. */
int uns_shift_record_inherit(struct uns_shift_record *r, const struct uns_shift_record *earlier, struct uns_err *err);

/* ---- shift-names.c: what the scan met, by directory ---- */

/* The names of one directory, or of a piece of a large one. */
struct uns_shift_list {
	uint64_t dev, ino;
	int64_t mtime_sec; /* of the directory */
	uint32_t mtime_nsec;
	uint32_t next; /* of the same directory, index + 1; 0: none */
	size_t from, to; /* bytes in text */
	uint64_t bytes;  /* of the files that have these names, to be shown */
};
/* What one thread of the scan met; together, after uns_shift_names_join, what all did. */
struct uns_shift_job;
struct uns_shift_names {
	struct uns_shift_list *v;
	size_t n, cap;
	struct uns_buf text[UNS_WALK_JOBS_MAX];
	uint32_t *text_no; /* of each list; only when joined */
	struct uns_inomap at; /* directory → index + 1 of its first list; only when joined */
	uint64_t dev, ino; /* the directory that is being scanned; 0: none yet */
	bool trusted;      /* its names are remembered */
	size_t in_list;    /* names in the last list */
	struct uns_buf last; /* name in it */
	bool owned;        /* uid and gid were written into it, these: */
	uint32_t uid, gid;
};
enum uns_shift_tag {
	UNS_SHIFT_NAME_OWNER = 1, /* in the bytes alone: uid and gid of what follows, four bytes each */
	UNS_SHIFT_NAME_PLAIN,     /* nothing but an owner that is to change; a name, as all below */
	UNS_SHIFT_NAME_SETTLED,   /* not even that */
	UNS_SHIFT_NAME_OTHER,     /* to be looked at closely */
};
void uns_shift_names_done(struct uns_shift_names *names);
/* The stamp of the file system is older than the scan. Stamps of whole seconds say little. */
bool uns_shift_is_old(const struct uns_shift_job *job, int64_t sec, uint32_t nsec);
/* Waits until what is changed from now on gets later stamps than what was changed before, and notes when that is. */
void uns_shift_note_time(struct uns_shift_job *job);
/* Nobody but root, of the host or of the tree's own IDs, can put another inode under a name of the directory, which is open and not
 * younger than the scan. Root of the tree gains nothing by that: it may give away all that is in the tree anyhow. */
bool uns_shift_trusts(const struct uns_shift_job *job, int dirfd, const struct stat *st);
/* Remembers a name for the owner that it is to have, if its directory can be trusted. *ret_remembered: it was; then, unless it is to be
 * looked at closely, it will be changed without another look. */
int uns_shift_names_add(struct uns_shift_names *names, const struct uns_shift_job *job, const struct uns_entry *e,
                        enum uns_shift_tag tag, const uint32_t owner[2], bool *ret_remembered, struct uns_err *err);
/* Takes over what each of n threads has. */
int uns_shift_names_join(struct uns_shift_names *all, struct uns_shift_names *const parts[], unsigned n, struct uns_err *err);
/* The lists of the directory, 0 when there are none, or when it was written to since. */
unsigned uns_shift_names_of(const struct uns_shift_names *names, uint64_t dev, uint64_t ino, const struct stat *st);
/* Goes through list i of the directory. */
struct uns_shift_reading {
	const char *at, *end;
	struct uns_buf name;
	uint32_t owner[2]; /* that it is to have, where it is to change */
};
void uns_shift_reading_start(struct uns_shift_reading *r, const struct uns_shift_names *names, uint64_t dev, uint64_t ino, unsigned i);
void uns_shift_reading_done(struct uns_shift_reading *r);
/* The tag of the next name (enum uns_shift_tag); 0 at the end; -1. */
int uns_shift_reading_next(struct uns_shift_reading *r, struct uns_err *err);
/* The bytes of the files that list i names. */
uint64_t uns_shift_names_bytes(const struct uns_shift_names *names, uint64_t dev, uint64_t ino, unsigned i);

/* Which of the lost devices of the record and of that of leg 0 were met elsewhere; indexed as lost is. */
struct uns_shift_met {
	bool *again, *first;
};
void uns_shift_met_done(struct uns_shift_met *m);

/* One run of drive. */
struct uns_shift_job {
	struct uns_step_ctx *c;
	struct uns_shift_args args;
	struct uns_tree tree;
	struct uns_strs matches, symlinks;
	struct uns_shift_record rec;
	struct uns_shift_record first; /* in a later leg: that of leg 0; its exact specials are what no map brings back */
	enum uns_side to;
	struct timespec began;
	bool resumed; /* the record was there already: an earlier run may have been anywhere */
	uint64_t changed;
	struct uns_census_list unrecorded; /* specials that the record does not know */
	struct uns_census_list altered;    /* specials that somebody changed since the record was written */
	struct uns_census_list late_links; /* inodes that got another name since the scan, and are left alone */
	struct uns_shift_met met_lost;
	uint64_t lost; /* inodes that were recorded and are gone with their device */
	struct uns_census_list failed;     /* texts: what could not be done, when the run is to go on */
	/* What the scan of this very run knows: the inodes that have attributes, so that those of the others, which are most, need not
	 * be asked for again unless they changed since. A chown gives no inode an attribute. */
	bool know_attributes;
	struct uns_inomap attributed;
	bool other_clock; /* stamps are a server's or another program's: they tell nothing */
	struct timespec scanned; /* what has this ctime or a later one may have changed since the scan began */
	uint64_t total;          /* names that the scan met; 0: unknown */
	struct uns_progress met; /* how much that is, to be shown; zero: unknown */
	struct uns_shift_names names;
	/* What was read back after each change, and what the scan says of those names that are changed without another look; by match. */
	struct uns_digest *digests, *unread;
	bool moved; /* names were given to other inodes meanwhile: what was read back proves nothing */
	struct uns_census_list wrong; /* on the wrong side */
};

/* Notes the entry in wrong when it is not on the wanted side. */
int uns_shift_check_side(const struct uns_shift_job *job, const struct uns_entry *e, struct uns_census_list *wrong,
                         struct uns_err *err);

void uns_shift_state_of(const struct uns_entry *e, struct uns_shift_state *ret);
uint32_t uns_shift_id(const struct uns_map *m, uint32_t id, enum uns_side to);
/* How many of an inode's IDs are on which side; indexed by enum uns_idside. 0, or -1 on a malformed ACL. */
struct uns_shift_sides {
	const struct uns_maps *maps;
	unsigned n[3];
};
int uns_shift_sides(const struct uns_maps *maps, const struct uns_entry *e, struct uns_shift_sides *ret);
static inline enum uns_idside uns_shift_idside(enum uns_side side)
{
	return side == UNS_AFTER ? UNS_ID_SHIFTED : UNS_ID_HOME;
}
static inline enum uns_side uns_shift_other(enum uns_side side)
{
	return side == UNS_AFTER ? UNS_BEFORE : UNS_AFTER;
}
bool uns_shift_is_foreign(const struct uns_shift_job *job, const struct uns_entry *e);
/* In a later leg: leg 0 found IDs of both sides at it, which no map tells apart any more. */
bool uns_shift_was_mixed(const struct uns_shift_job *job, const struct uns_entry *e);
/* NULL: none, or what the record tells of was another inode with this number. */
const struct uns_shift_special *uns_shift_find_special(const struct uns_shift_record *rec, const struct uns_entry *e);
/* Whether the run goes on after this failure, which is noted then. 0; -1: no. */
int uns_shift_forgive(const struct uns_shift_job *job, struct uns_census_list *failed, const struct uns_err *why);

/* Fills *ret; UNS_E_REFUSED when there is what the args do not allow. Changes nothing. */
int uns_shift_scan(struct uns_shift_job *job, struct uns_shift_record *ret, struct uns_err *err);
int uns_shift_apply(struct uns_shift_job *job, struct uns_err *err);
int uns_shift_verify(struct uns_shift_job *job, struct uns_err *err);

/* ---- shift-lost.c: devices that are not where they were recorded ---- */

/* For one thread. */
int uns_shift_lost_begin(const struct uns_shift_job *job, struct uns_shift_met *ret, struct uns_err *err);
/* s: what rec tells of the entry, NULL: nothing. */
void uns_shift_lost_meet(const struct uns_shift_job *job, const struct uns_shift_special *s, const struct uns_entry *e,
                         struct uns_shift_met *met);
void uns_shift_lost_join(const struct uns_shift_job *job, struct uns_shift_met *met, const struct uns_shift_met *more);
/* After all was walked: UNS_E_INCOMPLETE with the paths, or told on the way back. */
int uns_shift_report_lost(struct uns_shift_job *job, struct uns_err *err);

#endif
