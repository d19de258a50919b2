/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the options of the range commands: from the text of the command line into struct uns_options. Each returns 0, or -1 with
 * UNS_E_USAGE. */
#ifndef UNS_CMD_VALUES_H
#define UNS_CMD_VALUES_H

#include "cmd.h"

int uns_value_range(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_count(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_batch(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_columns(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_scan(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_deep(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_svg(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_timeout(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_fix(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_all(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_shift(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_lock_timeout(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_break_locks(struct uns_options *o, const char *arg, struct uns_err *err);

/* options.c: ids of findings, separated by commas; added to those that are there. */
int uns_value_ignore(struct uns_options *o, const char *arg, struct uns_err *err);

/* daemon-values.c: KEY=VALUE, KEY; and what they leave in the options. */
int uns_value_set(struct uns_options *o, const char *arg, struct uns_err *err);
/* The same for a file: what stands among the first "before" wishes, which are of the command line, is left as it is. */
int uns_value_default(struct uns_options *o, const char *key, const char *value, size_t before, struct uns_err *err);
int uns_value_unset(struct uns_options *o, const char *arg, struct uns_err *err);
void uns_value_wishes_done(struct uns_options *o);

/* ---- finding-values.c ---- */

int uns_value_profile(struct uns_options *o, const char *arg, struct uns_err *err);
int uns_value_only(struct uns_options *o, const char *arg, struct uns_err *err);

#endif
