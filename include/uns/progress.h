/* SPDX-License-Identifier: Apache-2.0 */
/* How far long work is, for whoever shows it, and the wish to stop it. Both belong to the process, as signals do, so there is one of
 * each. Nothing here decides what is done to the host. */
#ifndef UNS_PROGRESS_H
#define UNS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "uns/err.h"

/* ---- counters ---- */

struct uns_progress {
	const char *what;    /* "reading the trees"; NULL: nothing is counted at present */
	uint64_t names, bytes;
	uint64_t total_names, total_bytes; /* 0: not known */
	int64_t began_ms;    /* monotonic */
};
/* Begins to count from 0. what: a constant, borrowed. Of the thread that works for the caller only, as are end and get. */
void uns_progress_begin(const char *what, uint64_t total_names, uint64_t total_bytes);
void uns_progress_end(void);
/* From any thread. */
void uns_progress_add(uint64_t names, uint64_t bytes);
void uns_progress_get(struct uns_progress *ret);
int64_t uns_progress_now_ms(void); /* the clock of began_ms */

/* ---- who watches ---- */

/* watch is called by uns_progress_tick, in the thread that set it, about ten times a second. NULL: nobody watches. */
void uns_progress_set_watch(void (*watch)(void *user), void *user);
/* For everything that takes long: call it often. Cheap when there is nothing to do; does nothing in other threads. */
void uns_progress_tick(void);
/* The next tick calls the watch in any case. From a signal handler, too. */
void uns_progress_urge(void);
#define UNS_PROGRESS_TICK_MS 100
/* Sleeps, and ticks meanwhile. A signal does not cut it short. */
void uns_progress_sleep_ms(int ms);

/* ---- the wish to stop ---- */

/* From a signal handler, too. It is never taken back. */
void uns_stop_ask(int sig);
int uns_stop_asked(void); /* the signal; 0: nobody asked */
/* At a point where the work may end and be gone on with later. 0; -1: UNS_E_INCOMPLETE, "stopped by SIGINT". From any thread. */
int uns_stop_check(struct uns_err *err);

#endif
