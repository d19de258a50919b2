/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction on disk and the one loop that carries it out, in either direction.
 * /var/lib/usernsctl/NNNN/: plan.json (published once, before the first effect), log (append-only JSON lines, space reserved),
 * record-*.json. State is the fold of the log and is stored nowhere else. */
#ifndef UNS_TXN_H
#define UNS_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"
#include "uns/plandoc.h"
#include "uns/root.h"
#include "uns/step.h"

#define UNS_TXN_DIR "/var/lib/usernsctl"

enum uns_txn_state {
	UNS_TXN_FORWARD,     /* pending: begun, goes to AFTER */
	UNS_TXN_BACKWARD,    /* pending: goes to BEFORE */
	UNS_TXN_DONE,        /* finished at AFTER */
	UNS_TXN_ROLLED_BACK, /* finished at BEFORE */
};
extern const char *const uns_txn_state_names[]; /* "running forward", … */

/* A line of the log; also what every sink of events gets. */
struct uns_event {
	const char *type; /* "run" (a run starts), "begin", "done", "skip", "end" */
	int64_t time;     /* seconds since the epoch */
	size_t step;      /* begin, done, skip: 0-based */
	enum uns_side to; /* UNS_AFTER or UNS_BEFORE */
	const struct uns_step *what; /* NULL for run and end */
	bool kept;        /* done: the drive said "kept" */
	bool unaudited;   /* done, fail: nobody else has told audit what should be */
	const json_t *result; /* done: what the step did, in numbers; NULL: nothing to say */
};
/* Audit (uns/audit.h) is a sink that each run has by itself; it is told of failures too (type "fail": of a step, and of the run with
 * what NULL), which are no lines of the log. */
typedef void (*uns_event_sink)(void *user, const struct uns_event *e);

struct uns_txn_step {
	bool begun; /* a begin without its done: the step may be half-way */
	bool kept;  /* the last drive left it as far as it should be, short of its side */
	bool given; /* was at AFTER without us: skipped on the way there, and so on the way back */
	enum uns_side side; /* where the last done left it, UNS_BEFORE at first */
};
struct uns_txn {
	unsigned number;
	int dir_fd, log_fd;
	struct uns_plan plan;
	struct uns_txn_step *step; /* plan.n of them */
	enum uns_txn_state state;
	int leg;
	int64_t started, ended; /* seconds since the epoch; ended 0 when pending */
	uint64_t log_used;      /* bytes of whole lines */
};

/* The lock of all transactions of a root (flock on UNS_TXN_DIR/lock, created when absent). UNS_E_LOCKED names the holder. */
int uns_txn_lock(const struct uns_root *root, int *ret_fd, struct uns_err *err);

/* New transaction: next free number, plan published (RENAME_NOREPLACE) and log made with its space reserved, all durable. Nothing of
 * the host is touched yet. On failure nothing is left behind but perhaps an unpublished directory, which the next one replaces. */
int uns_txn_create(const struct uns_root *root, const struct uns_plan *plan, struct uns_txn *ret, struct uns_err *err);
/* Number 0: the pending one, else the newest. 0; 1 when there is none. A torn last line of the log is dropped; damage elsewhere is UNS_E_INPUT. */
int uns_txn_load(const struct uns_root *root, unsigned number, struct uns_txn *ret, struct uns_err *err);
void uns_txn_close(struct uns_txn *t);
/* Numbers that exist, ascending; caller frees *ret. */
int uns_txn_list(const struct uns_root *root, unsigned **ret, size_t *ret_n, struct uns_err *err);

/* ---- for display only ---- */

/* How far the run is, in a file of the transaction for another process to show. Not durable; what fails is let go. Must never decide
 * anything: the state is the fold of the log. */
void uns_txn_progress_write(const struct uns_txn *t, const json_t *progress);
void uns_txn_progress_drop(const struct uns_txn *t); /* at the end of the run */
json_t *uns_txn_progress_read(const struct uns_txn *t); /* an object, new reference; NULL: there is none */
/* The process that has the lock of all transactions; 0: none, or it cannot be seen. */
pid_t uns_txn_runner(const struct uns_root *root);

/* ---- the loop ---- */

struct uns_txn_run {
	uns_event_sink sink; /* may be NULL */
	void *sink_user;
	void (*tell)(void *user, const char *text); /* progress inside a step; may be NULL */
	void *tell_user;
	void (*quote)(void *user, const char *line); /* what the engine itself says, when it does not come up; may be NULL */
	void *quote_user;
	struct uns_lock_how lock; /* of the account files; timeout_ms 0: UNS_LOCK_TIMEOUT_MS */
	const struct uns_shadow_lock *locked; /* held by the caller for the whole run; NULL: steps take it */
	unsigned jobs; /* threads inside a step; 0: UNS_WALK_JOBS */
	bool go_on;    /* see struct uns_step_ctx */
};
/* Drives every step to AFTER (plan order) or to BEFORE (reverse order), from whatever point the log says, and logs the end.
 * -1: stopped at a step, the transaction stays pending (UNS_E_CONFLICT: a step was FOREIGN and not begun, that step is untouched). */
int uns_txn_drive(struct uns_txn *t, const struct uns_root *root, enum uns_side to, const struct uns_txn_run *run, struct uns_err *err);

/* Observes every step that is no bracket. *ret_differs counts steps that are not where the state says; each is reported. */
struct uns_verify {
	bool (*wanted)(void *user, const struct uns_step *what); /* others are passed over; NULL: all are wanted */
	bool cheap;                                              /* a sample instead of all that a step spans */
	void (*report)(void *user, size_t step, const struct uns_step *what, const char *why); /* may be NULL */
	void *user;
};
int uns_txn_verify(struct uns_txn *t, const struct uns_root *root, const struct uns_verify *how, size_t *ret_differs,
                   struct uns_err *err);

#endif
