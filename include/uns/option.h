/* SPDX-License-Identifier: Apache-2.0 */
/* Options of dockerd on a command line and inside a shell-like variable: DOCKER_OPTS="…" of Debian's /etc/default/docker
 * (systemd.exec(5) EnvironmentFile and sh agree on this subset). Text-preserving. Pure. */
#ifndef UNS_OPTION_H
#define UNS_OPTION_H

#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* Looks for --name=value, --name value (a bool flag may stand alone: value "true") in argv. Positive answer = how often it is set;
 * *ret_value (caller frees, may be NULL) is the last value. short_name is a letter or 0. */
int uns_option_argv(char *const argv[], size_t argc, const char *name, char short_name, char **ret_value, struct uns_err *err);

/* Splits the value of VARIABLE in the file text into words (quotes removed), as systemd does for an unbraced $VARIABLE. The last
 * assignment counts. 0; 1 when the variable is not assigned. UNS_E_INPUT "<file>:<line>:<column>" for an unclosed quote. */
int uns_option_env_words(const char *text, size_t len, const char *file, const char *variable, struct uns_strs *ret,
                         unsigned *ret_line, struct uns_err *err);
/* Text in which --name has value inside VARIABLE (the existing word or pair of words replaced; else appended to the last
 * assignment; else an assignment VARIABLE="--name=value" added as a last line), or is gone when value is NULL. Other bytes stay.
 * Setting and then removing an option that was absent yields the text as it was. Of several occurrences the last is set, all are
 * removed. UNS_E_INPUT for a value that would need quotes; UNS_E_FAILED when other words would change. */
int uns_option_env_set(const char *text, size_t len, const char *file, const char *variable, const char *name, const char *value,
                       struct uns_buf *ret, struct uns_err *err);

#endif
