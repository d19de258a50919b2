/* SPDX-License-Identifier: Apache-2.0 */
/* Unit files of systemd as text (systemd.syntax(7), systemd.service(5) "Command lines"). Pure. */
#ifndef UNS_UNIT_H
#define UNS_UNIT_H

#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* Called for each "key=value" with the section that it is in ("" before the first one). Blanks around both are gone, lines that a
 * backslash continues are joined by a blank. line: the first of them. -1 ends it. */
typedef int (*uns_unit_visit)(void *user, const char *section, const char *key, const char *value, unsigned line,
                              struct uns_err *err);
/* systemd passes over what it does not understand, and so does this. The text ends at its first NUL. */
int uns_unit_parse(const char *text, uns_unit_visit visit, void *user, struct uns_err *err);

/* Words of a command line or of Environment=: blanks part them, quotes keep them together, \n, \x20 and the like are replaced, a
 * backslash before anything else stays. Words of an unclosed quote reach to the end. */
int uns_unit_words(const char *value, struct uns_strs *ret, struct uns_err *err);
/* Words of a variable that stands alone in a command line ($NAME): quotes and backslashes are taken away, nothing is replaced. */
int uns_unit_variable_words(const char *value, struct uns_strs *ret, struct uns_err *err);

#endif
