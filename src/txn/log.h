/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the txn floor: the log of a transaction. */
#ifndef UNS_TXN_LOG_H
#define UNS_TXN_LOG_H

#include "uns/txn.h"

/* Reserves room for one whole run from where the log ends, so that a full disk cannot strike while recording. */
int log_reserve(struct uns_txn *t, struct uns_err *err);
/* Appends the event; durable: it is on disk on return. After a failed append the torn rest is cut off by the next one. */
int log_append(struct uns_txn *t, const struct uns_event *e, bool durable, struct uns_err *err);
/* Reads the log into t->step, state, leg, started, ended, log_used. */
int log_fold(struct uns_txn *t, struct uns_err *err);

#endif
