/* SPDX-License-Identifier: Apache-2.0 */
/* Editing JSON as text, so that every byte that is not ours stays (indentation, order, line ends, final newline).
 * Every edit is parsed again and must equal the wanted document (jansson), else UNS_E_FAILED and nothing is returned. Pure. */
#ifndef UNS_JSONTEXT_H
#define UNS_JSONTEXT_H

#include <jansson.h>

#include "uns/err.h"
#include "uns/str.h"

/* Top-level member of the object text: sets it to value (in place when it exists, else added as the last member in the style of the
 * text: its indentation, its line ends), or removes it when value is NULL (with its comma and, when it stood alone on a line, that
 * line). An empty or all-blank text counts as {} and yields "{\n    \"key\": value\n}\n". A BOM is kept. *ret is appended to.
 * 0; UNS_E_INPUT "<file>:<line>:<column>" for malformed text, duplicate keys or a top level that is no object. Setting and then
 * removing a new member yields the text as it was, byte for byte (a blank text comes back as "{\n}\n"). A member that has this
 * value already keeps its spelling. */
int uns_jsontext_member(const char *text, size_t len, const char *file, const char *key, const json_t *value, struct uns_buf *ret,
                        struct uns_err *err);

/* The same; a value that is set is written in this spelling (JSON text of that value), not in ours; NULL: in ours. */
int uns_jsontext_spelled(const char *text, size_t len, const char *file, const char *key, const json_t *value, const char *spelling,
                         struct uns_buf *ret, struct uns_err *err);
/* The spelling of a top-level member's value, appended. 0; 1 when there is none, or the text is malformed. */
int uns_jsontext_value(const char *text, size_t len, const char *key, struct uns_buf *ret, struct uns_err *err);
/* Our spelling of a value, appended. */
int uns_jsontext_encode(const json_t *value, struct uns_buf *ret, struct uns_err *err);
/* The line, from 1, of the name of a top-level member; 0 when there is none, or the text is malformed. */
unsigned uns_jsontext_line(const char *text, size_t len, const char *key);

/* Calls map for each string value whose path matches one of the n patterns, and replaces it by the string that map gives.
 * Pattern: member names joined by '.', "*" for any member or array element ("MountPoints.*.Source", "Binds.*", "LogPath"). map
 * returns 0 with *ret_new NULL (leave it) or a heap string (taken), or -1. Strings are decoded before and encoded after.
 * Strings with U+0000 are passed over, and the whole text is known to be well-formed before map is called; path is for messages.
 * *ret_changed counts replacements; ret may be NULL when only visiting. */
typedef int (*uns_jsontext_map)(void *user, const char *path, const char *value, char **ret_new, struct uns_err *err);
int uns_jsontext_strings(const char *text, size_t len, const char *file, const char *const patterns[], size_t n,
                         uns_jsontext_map map, void *user, struct uns_buf *ret, size_t *ret_changed, struct uns_err *err);

#endif
