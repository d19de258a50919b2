/* SPDX-License-Identifier: Apache-2.0 */
/* One scan of the lines finds what iniparser does not tell: places, things that are there twice, what it would drop. It also writes the
 * text anew for iniparser, line by line, with numbers in place of the names of sections, which iniparser would put into lower case.
 * Each value must then be the same for both readers. */
#include "uns/ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_INIPARSER_INIPARSER_H
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#include "line.h"
#include "uns/cleanup.h"
#include "uns/str.h"
#include "uns/sys.h"
#include "uns/vec.h"

#define LINE_MAX_BYTES 1000u /* iniparser has room for 1024 */

struct scan {
	const char *file;
	struct uns_line line;
	struct uns_buf clean;
	struct uns_ini ini;
};

void uns_ini_done(struct uns_ini *ini)
{
	for (size_t i = 0; i < ini->sections; i++)
		free(ini->section[i].name);
	for (size_t i = 0; i < ini->n; i++) {
		free(ini->v[i].key);
		free(ini->v[i].value);
	}
	free(ini->section);
	free(ini->v);
	*ini = (struct uns_ini){0};
}

static void scan_done(struct scan *s)
{
	uns_buf_done(&s->clean);
	uns_ini_done(&s->ini);
}

static int bad(const struct scan *s, size_t at, const char *what, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: %s", s->file, s->line.number, at + 1, what);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

/* From "at" on without blanks in front and, from *end back, behind. */
static size_t trim(const char *s, size_t at, size_t *end)
{
	while (at < *end && is_blank(s[at]))
		at++;
	while (*end > at && is_blank(s[*end - 1]))
		--*end;
	return at;
}

static char *copy(const char *s, size_t len, struct uns_err *err)
{
	char *text = strndup(s, len);

	if (!text)
		uns_err_nomem(err);
	return text;
}

/* ---- sections ---- */

static int check_new_section(const struct scan *s, size_t at, const char *name, struct uns_err *err)
{
	for (size_t i = 0; i < s->ini.sections; i++)
		if (strcmp(s->ini.section[i].name, name) == 0)
			return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: found [%s], which line %u has already; expected each section once",
			                   s->file, s->line.number, at + 1, name, s->ini.section[i].line);
	return 0;
}

static int scan_section(struct scan *s, size_t at, size_t end, struct uns_err *err)
{
	struct uns_ini_section *v;
	size_t last = end - 1, from;
	uns_auto_free char *name = NULL;

	if (s->line.s[last] != ']' || last == at)
		return bad(s, end, "found the end of the line; expected [SECTION] and nothing behind it", err);
	from = trim(s->line.s, at + 1, &last);
	name = copy(s->line.s + from, last - from, err);
	if (!name)
		return -1;
	if (!*name || strpbrk(name, "[]"))
		return bad(s, from, "found no name of a section; expected [SECTION]", err);
	if (check_new_section(s, from, name, err) < 0)
		return -1;
	v = uns_vec_room(s->ini.section, s->ini.sections, &s->ini.sections_cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	s->ini.section = v;
	v[s->ini.sections] = (struct uns_ini_section){uns_take_ptr(name), s->line.number, (unsigned)from + 1};
	return uns_buf_printf(&s->clean, err, "[%zu]", s->ini.sections++);
}

/* ---- values ---- */

/* A value in quotes: *end goes back to the closing one. */
static int quoted(const struct scan *s, size_t at, size_t *end, struct uns_err *err)
{
	const char *t = s->line.s, *close = memchr(t + at + 1, t[at], *end - at - 1);
	const char *slash;
	size_t rest;

	if (!close)
		return bad(s, at, "found a quote that is not closed on this line; expected the closing one", err);
	slash = memchr(t + at + 1, '\\', (size_t)(close - t) - at - 1);
	if (slash)
		return bad(s, (size_t)(slash - t), "found a backslash inside of quotes; expected none, as there is no escape: use the other "
			   "kind of quotes for a quote, or none", err);
	rest = trim(t, (size_t)(close - t) + 1, end);
	if (rest < *end && (!is_comment(t[rest]) || !is_blank(close[1])))
		return bad(s, rest, "found more behind the closing quote; expected a blank and a comment, or the end of the line", err);
	*end = (size_t)(close - t);
	return 0;
}

/* A value without quotes ends before a comment. */
static int unquoted(const struct scan *s, size_t at, size_t *end, struct uns_err *err)
{
	const char *t = s->line.s;

	for (size_t i = at; i < *end; i++) {
		if (!is_comment(t[i]))
			continue;
		if (i > at && !is_blank(t[i - 1]))
			return bad(s, i, "found ';' or '#' inside of a value, which would end it; expected quotes around such a value, or a "
				   "blank before a comment", err);
		*end = i;
	}
	trim(t, at, end);
	return 0;
}

static int check_new_key(const struct scan *s, size_t at, const char *key, struct uns_err *err)
{
	for (size_t i = s->ini.n; i-- > 0 && s->ini.v[i].section + 1 == s->ini.sections;)
		if (strcmp(s->ini.v[i].key, key) == 0)
			return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: found %s, which line %u sets already; expected each key once",
			                   s->file, s->line.number, at + 1, key, s->ini.v[i].line);
	return 0;
}

static int add_entry(struct scan *s, size_t at, char *key, size_t value_at, char *value, struct uns_err *err)
{
	struct uns_ini_entry *v = uns_vec_room(s->ini.v, s->ini.n, &s->ini.cap, sizeof(*v));

	if (!v) {
		free(key);
		free(value);
		return uns_err_nomem(err);
	}
	s->ini.v = v;
	v[s->ini.n++] = (struct uns_ini_entry){s->ini.sections - 1, key, value, s->line.number, (unsigned)at + 1, (unsigned)value_at + 1};
	return 0;
}

static size_t key_length(const char *s, size_t at, size_t end)
{
	size_t n = at;

	while (n < end && (isalnum((unsigned char)s[n]) || strchr("-_.", s[n])))
		n++;
	return n - at;
}

static int scan_entry(struct scan *s, size_t at, size_t end, struct uns_err *err)
{
	const char *t = s->line.s;
	size_t len = key_length(t, at, end), equal = at + len, value_at;
	uns_auto_free char *key = copy(t + at, len, err), *value = NULL;
	bool quotes;

	while (equal < end && is_blank(t[equal]))
		equal++;
	if (len == 0 || equal == end || t[equal] != '=')
		return bad(s, equal, "found neither [SECTION] nor a key; expected KEY = VALUE", err);
	if (s->ini.sections == 0)
		return bad(s, at, "found a key before the first section; expected [SECTION] above it", err);
	value_at = trim(t, equal + 1, &end);
	quotes = value_at < end && (t[value_at] == '"' || t[value_at] == '\'');
	if (!key || (quotes ? quoted : unquoted)(s, value_at, &end, err) < 0)
		return -1;
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (check_new_key(s, at, key, err) < 0)
		return -1;
	value = copy(t + value_at + quotes, end - value_at - quotes, err);
	if (!value || uns_buf_append(&s->clean, t, end + quotes, err) < 0)
		return -1;
	return add_entry(s, at, uns_take_ptr(key), value_at, uns_take_ptr(value), err);
}

/* ---- lines ---- */

static int check_bytes(const struct scan *s, struct uns_err *err)
{
	if (s->line.len > LINE_MAX_BYTES)
		return bad(s, LINE_MAX_BYTES, "found a line of more than 1000 bytes; expected a shorter one", err);
	for (size_t i = 0; i < s->line.len; i++) {
		unsigned char c = (unsigned char)s->line.s[i];

		if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			return bad(s, i, "found a control character; expected text", err);
	}
	return 0;
}

static int scan_line(struct scan *s, struct uns_err *err)
{
	size_t end = s->line.len, at = trim(s->line.s, 0, &end);
	int rc = 0;

	if (check_bytes(s, err) < 0)
		return -1;
	if (at < end && !is_comment(s->line.s[at])) {
		if (s->line.s[end - 1] == '\\')
			return bad(s, end - 1, "found a backslash at the end of the line; expected the whole of it on one line", err);
		rc = (s->line.s[at] == '[' ? scan_section : scan_entry)(s, at, end, err);
	}
	return rc < 0 ? -1 : uns_buf_puts(&s->clean, "\n", err);
}

/* ---- what iniparser reads ---- */

static int say_nothing(const char *format, ...)
{
	(void)format;
	return 0;
}

static dictionary *load(const struct uns_buf *clean, struct uns_err *err)
{
	uns_auto_close int fd = uns_sys_memory_file(clean->data ? clean->data : "", clean->len);
	char path[40];
	dictionary *d;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || access(path, R_OK) < 0) {
		uns_err_sys(err, errno, "cannot hand the text to iniparser (is proc(5) mounted on /proc?)");
		return NULL;
	}
	iniparser_set_error_callback(say_nothing);
	d = iniparser_load(path);
	if (!d)
		uns_err_set(err, UNS_E_FAILED, "iniparser cannot read the text, which is well-formed: out of memory?");
	return d;
}

static void dictionary_done(dictionary **d)
{
	if (*d)
		iniparser_freedict(*d);
}

static int take_values(struct scan *s, struct uns_err *err)
{
	__attribute__((cleanup(dictionary_done))) dictionary *d = load(&s->clean, err);

	if (!d)
		return uns_err_prefix(err, "%s", s->file);
	for (size_t i = 0; i < s->ini.n; i++) {
		const struct uns_ini_entry *e = &s->ini.v[i];
		uns_auto_free char *name = uns_str_printf(err, "%zu:%s", e->section, e->key);
		const char *value = name ? iniparser_getstring(d, name, NULL) : NULL;

		if (!name)
			return -1;
		if (!value || strcmp(value, e->value) != 0)
			return uns_err_set(err, UNS_E_INPUT,
			                   "%s:%u:%u: found a value that iniparser reads as \"%s\"; expected one that leaves no doubt: put it "
			                   "into quotes",
			                   s->file, e->line, e->value_column, value ? value : "");
	}
	return 0;
}

int uns_ini_parse(const char *text, size_t len, const char *file, struct uns_ini *ret, struct uns_err *err)
{
	uns_auto(scan_done) struct scan s = {.file = file};

	if (len > UNS_INI_MAX)
		return uns_err_set(err, UNS_E_INPUT, "%s: found more than %u bytes; expected fewer", file, UNS_INI_MAX);
	if (uns_str_starts(text, "\xef\xbb\xbf"))
		return uns_err_set(err, UNS_E_INPUT, "%s:1:1: found a byte order mark; expected UTF-8 without one", file);
	while (uns_line_next(&s.line, text, len))
		if (scan_line(&s, err) < 0)
			return -1;
	if (s.ini.n > 0 && take_values(&s, err) < 0)
		return -1;
	*ret = s.ini;
	s.ini = (struct uns_ini){0};
	return 0;
}
