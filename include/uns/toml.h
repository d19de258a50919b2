/* SPDX-License-Identifier: Apache-2.0 */
/* One key of a TOML file that people edit (containers-storage.conf(5); toml.io, v1.0): found by its meaning, edited as text. Pure.
 */
#ifndef UNS_TOML_H
#define UNS_TOML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* The value of the key in the table, both as bare words, the table's with dots ("storage.options", "auto-userns-min-size"). *ret: a
 * new reference to a string, an integer or a boolean; any other value is {"toml": its text}. *ret_line may be NULL. 0; 1 when it is
 * not set. UNS_E_INPUT "<file>:<line>:<column>: found …; expected …" for what is no TOML, anywhere in the file, for a key or a
 * table that is there twice, and where the table is written in a way to which no line can be added (inline, by dotted keys of
 * another table, or as an array). */
int uns_toml_get(const char *text, size_t len, const char *file, const char *table, const char *key, json_t **ret,
                 unsigned *ret_line, struct uns_err *err);

/* How a key is set or removed. */
struct uns_toml_edit {
	const char *table, *key;
	const json_t *value; /* a string or an integer; NULL: removed */
	bool header;         /* remove: the table's header too, and the blank line above it, when the table is empty then */
};
/* Appends the text in which that is so. A value that is there is replaced in its place; a new one becomes the last line of its
 * table, a new table the last of the file, behind a blank line. All other bytes stay, and removing what was added (with header when
 * the table was added too) gives back the text as it was. Errors as above; setting what is set, or removing what is not, changes
 * nothing. */
int uns_toml_set(const char *text, size_t len, const char *file, const struct uns_toml_edit *e, struct uns_buf *ret,
                 struct uns_err *err);
/* Whether the table has a header in the text; errors as above. */
int uns_toml_has_table(const char *text, size_t len, const char *file, const char *table, bool *ret, struct uns_err *err);

#endif
