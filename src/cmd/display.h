/* SPDX-License-Identifier: Apache-2.0 */
/* Who shows how far it is: one line that changes on a terminal, lines now and then elsewhere, events for programs, a file for status in
 * another shell, the service manager. There is one terminal, and one of all this. */
#ifndef UNS_CMD_DISPLAY_H
#define UNS_CMD_DISPLAY_H

#include "cmd.h"

/* ---- display.c ---- */

void uns_display_open(const struct uns_run *r);
void uns_display_close(void);
/* Before anything else is written to the terminal: takes the changing line away. It comes back by itself. */
void uns_display_clear(void);
/* The sinks of the loop. */
void uns_display_event(const struct uns_event *e, size_t steps);
void uns_display_tell(const char *text);
/* A transaction is carried out (NULL: no more). t may stay NULL for a run without one. */
void uns_display_transaction(const struct uns_txn *t);

/* ---- signals.c ---- */

/* Handlers for the whole run. stops: SIGINT and SIGTERM are taken as a wish to stop at the next safe point. */
void uns_signals_open(bool stops);
/* From now on the host is changed: a lost terminal is no reason to stop, nor is a second SIGINT one to stop at once. */
void uns_signals_changing(void);
bool uns_signals_is_changing(void);
/* SIGUSR1 came since the last call. */
bool uns_signals_take_report(void);
/* SIGINT and SIGTERM so far. */
unsigned uns_signals_stops(void);
/* Reads a line of the terminal; a signal that asks to stop ends it. 0; 1: there is none (the end of the input, a signal). */
int uns_signals_read_line(char *line, size_t size);

/* ---- notify.c ---- */

/* A datagram to the service manager, sd_notify(3), if there is one that asked for it. */
void uns_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
