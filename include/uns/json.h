/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON values with jansson: errors that name file, line, column; getters that say which member is wrong. */
#ifndef UNS_JSON_H
#define UNS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "uns/err.h"

static inline void uns_json_decrefp(json_t **j)
{
	json_decref(*j);
}
#define uns_auto_json __attribute__((cleanup(uns_json_decrefp)))

/* New reference in *ret. UNS_E_INPUT "<file>:<line>:<column>: …" on a syntax error or a duplicate key. A BOM is skipped. Values may
 * hold U+0000 (the getters below refuse those); where a name does, which jansson cannot hold, every U+0000 is read as U+FFFD. When
 * a whole number does not fit 64 bits, all numbers are read as reals. */
int uns_json_parse(const char *text, size_t len, const char *file, json_t **ret, struct uns_err *err);
/* The same for texts that are to be compared: *reals is set when all numbers were read as reals; set before, they are. */
int uns_json_load(const char *text, size_t len, const char *file, bool *reals, json_t **ret, struct uns_err *err);
/* Heap string (caller frees): members in insertion order; indented by 2 when pretty, else compact. */
char *uns_json_dump(const json_t *j, bool pretty, struct uns_err *err);

/* Members of an object; borrowed values. UNS_E_INPUT when absent or of another type. */
int uns_json_str(const json_t *obj, const char *key, const char **ret, struct uns_err *err);
int uns_json_u32(const json_t *obj, const char *key, uint32_t *ret, struct uns_err *err);
int uns_json_array(const json_t *obj, const char *key, json_t **ret, struct uns_err *err);
/* Absent or of another type → the default. */
const char *uns_json_str_or(const json_t *obj, const char *key, const char *def);
bool uns_json_bool_or(const json_t *obj, const char *key, bool def);
/* Heap copy of the string member in place of *ret, which is freed; untouched when it is absent, no string or empty. */
int uns_json_copy(const json_t *obj, const char *key, char **ret, struct uns_err *err);

#endif
