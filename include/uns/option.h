/* SPDX-License-Identifier: Apache-2.0 */
/* Options of dockerd on a command line and inside a shell-like variable: DOCKER_OPTS="…" of Debian's /etc/default/docker
 * (systemd.exec(5) EnvironmentFile and sh agree on this subset). Text-preserving. Pure. */
#ifndef UNS_OPTION_H
#define UNS_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* Looks for a flag of dockerd (its long name; written in full or as its letter, "--flag=value" or "--flag value"; a bool flag may
 * stand alone: value "true") in argv, as dockerd reads it (uns/dockerd.h). Positive answer = how often it is set; *ret_value (caller
 * frees, may be NULL) is the last value. */
int uns_option_argv(char *const argv[], size_t argc, const char *flag, char **ret_value, struct uns_err *err);
/* The same; all values are appended to *ret (may be NULL). */
int uns_option_values(char *const argv[], size_t argc, const char *flag, struct uns_strs *ret, struct uns_err *err);

/* Splits the value of VARIABLE in the file text, which a shell sources, into words (quotes removed). The last
 * assignment counts; $VARIABLE or ${VARIABLE} in it, but for single quotes, are the words of the one before. 0; 1 when the variable is not assigned. UNS_E_INPUT "<file>:<line>:<column>" for an unclosed quote. */
int uns_option_env_words(const char *text, size_t len, const char *file, const char *variable, struct uns_strs *ret,
                         unsigned *ret_line, struct uns_err *err);
/* The same where systemd reads the file by EnvironmentFile=: a '#' behind a value belongs to it, and "export NAME" assigns nothing. */
int uns_option_unit_env_words(const char *text, size_t len, const char *file, const char *variable, struct uns_strs *ret,
                              unsigned *ret_line, struct uns_err *err);
/* The value as a whole, quotes in it included, appended to *ret. 0; 1 when the variable is not assigned. */
int uns_option_unit_env_value(const char *text, size_t len, const char *file, const char *variable, struct uns_buf *ret,
                              struct uns_err *err);
/* Who reads the file that is edited: systemd (uns_option_unit_env_words) or a shell (uns_option_env_words). */
enum uns_option_reader { UNS_READ_SH, UNS_READ_SYSTEMD };
/* Text in which --flag has value inside VARIABLE (the value replaced in the spelling that is there; else --flag=value appended to the
 * last assignment; else an assignment VARIABLE="--flag=value" added as a last line), or is gone when value is NULL. Other bytes stay.
 * Setting and then removing an option that was absent yields the text as it was. Of several uses the last is set, all are
 * removed. UNS_E_INPUT for a value that would need quotes; UNS_E_FAILED when other words would change. */
int uns_option_env_set(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                       const char *flag, const char *value, struct uns_buf *ret, struct uns_err *err);
/* Sets a bool flag to true without a value: --flag. */
int uns_option_env_alone(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                         const char *flag, struct uns_buf *ret, struct uns_err *err);
/* The same for a flag that is repeated: its uses become exactly these values, in this order (none: all are removed). */
int uns_option_env_list(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                        const char *flag, const struct uns_strs *values, struct uns_buf *ret, struct uns_err *err);
/* The same in a command line as a unit's ExecStart= has it (one line, without '-' and the like before the program). all: the uses become exactly these values; else the last one
 * becomes values[0]. */
int uns_option_line_set(const char *line, const char *file, const char *flag, const struct uns_strs *values, bool all,
                        struct uns_buf *ret, struct uns_err *err);
/* Whether a value can be written to such a place: it needs no quotes. In a command line of a unit '%' means something else. */
bool uns_option_plain(const char *value, bool command_line);

#endif
