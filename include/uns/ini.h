/* SPDX-License-Identifier: Apache-2.0 */
/* INI text: "[section]" and "key = value" below it. Values are what iniparser makes of them; what it would pass over in silence
 * (keys and sections that are there twice, lines that it cannot read, the rest of a value behind ';' or '#') is an error with its place. */
#ifndef UNS_INI_H
#define UNS_INI_H

#include <stddef.h>

#include "uns/err.h"

#define UNS_INI_MAX (1u << 20) /* bytes of a text */

struct uns_ini_section {
	char *name;      /* as it is written, without blanks around it */
	unsigned line, column;
};
struct uns_ini_entry {
	size_t section;  /* index */
	char *key;       /* in lower case */
	char *value;     /* without quotes and blanks around it; "" when nothing is there */
	unsigned line, column, value_column;
};
struct uns_ini {
	struct uns_ini_section *section;
	size_t sections, sections_cap;
	struct uns_ini_entry *v; /* in the order of the text */
	size_t n, cap;
};

void uns_ini_done(struct uns_ini *ini);
/* A value may stand in "…" or '…', and must when it holds ';' or '#', begins with a quote, or has blanks at its ends; there is no escape inside of
 * quotes, and a backslash there or at the end of a line is refused, as versions of iniparser differ about it. A comment begins with ';' or '#',
 * at the beginning of a line or behind a value and a blank. Section names are told apart by case, keys are not. UNS_E_INPUT
 * "<file>:<line>:<column>: found …; expected …". */
int uns_ini_parse(const char *text, size_t len, const char *file, struct uns_ini *ret, struct uns_err *err);

#endif
