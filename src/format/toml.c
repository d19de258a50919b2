/* SPDX-License-Identifier: Apache-2.0 */
/* A reader that knows of each statement where it lies. All of the file is read, so that nothing is edited that the engine would
 * refuse. */
#include "uns/toml.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"

#define DEPTH_MAX 32
#define PATH_MAX_LEN 1024

/* What is looked for, and where it was found. Offsets into the text. */
struct found {
	bool header;                  /* [table] is there */
	size_t header_at, header_end; /* its line, with the newline */
	size_t last_end;              /* behind the line of the table's last key, or of the header */
	size_t keys;                  /* of the table */
	bool key;
	size_t at, end;           /* the value */
	size_t line_at, line_end; /* the lines of the statement, with the newline */
	json_t *value;
};

struct toml {
	const char *text, *file;
	size_t len, at;
	char path[PATH_MAX_LEN]; /* of the table that we are in, each part with a '\n' behind it, which no bare part has */
	char table[PATH_MAX_LEN], key[PATH_MAX_LEN]; /* the wanted, in that form; key: with the table before it */
	bool here;                                   /* we are in the wanted table */
	struct found f;
	json_t *seen; /* of tables and keys, in that form */
};

static void toml_done(struct toml *t)
{
	json_decref(t->f.value);
	json_decref(t->seen);
}

/* ---- errors ---- */

static int fail_at(const struct toml *t, size_t at, const char *found, const char *expected, struct uns_err *err)
{
	unsigned line = 1;
	size_t start = 0;

	for (size_t i = 0; i < at && i < t->len; i++)
		if (t->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: found %s; expected %s", t->file, line, at - start + 1, found, expected);
}

static int fail(const struct toml *t, const char *expected, struct uns_err *err)
{
	char found[16];
	unsigned char c;

	if (t->at >= t->len)
		return fail_at(t, t->len, "the end of the file", expected, err);
	c = (unsigned char)t->text[t->at];
	if (c == '\n')
		return fail_at(t, t->at, "the end of the line", expected, err);
	if (c > ' ' && c <= '~')
		snprintf(found, sizeof(found), "'%c'", c);
	else
		snprintf(found, sizeof(found), "byte 0x%02x", c);
	return fail_at(t, t->at, found, expected, err);
}

/* ---- single characters ---- */

static int peek(const struct toml *t, size_t ahead)
{
	return t->at + ahead < t->len ? (unsigned char)t->text[t->at + ahead] : -1;
}

static bool take(struct toml *t, int c)
{
	if (peek(t, 0) != c)
		return false;
	t->at++;
	return true;
}

static bool looks_at(const struct toml *t, const char *s)
{
	size_t n = strlen(s);

	return t->len - t->at >= n && memcmp(t->text + t->at, s, n) == 0;
}

static void skip_blanks(struct toml *t)
{
	while (peek(t, 0) == ' ' || peek(t, 0) == '\t')
		t->at++;
}

static bool at_newline(const struct toml *t)
{
	return peek(t, 0) == '\n' || (peek(t, 0) == '\r' && peek(t, 1) == '\n');
}

static void skip_comment(struct toml *t)
{
	if (peek(t, 0) == '#')
		while (t->at < t->len && !at_newline(t))
			t->at++;
}

/* Blanks and a comment, then the end of the line, which is taken along. */
static int end_line(struct toml *t, struct uns_err *err)
{
	skip_blanks(t);
	skip_comment(t);
	if (t->at >= t->len)
		return 0;
	if (!at_newline(t))
		return fail(t, "the end of the line", err);
	t->at += peek(t, 0) == '\r' ? 2 : 1;
	return 0;
}

static void skip_lines(struct toml *t)
{
	for (;;) {
		skip_blanks(t);
		skip_comment(t);
		if (!at_newline(t))
			return;
		t->at += peek(t, 0) == '\r' ? 2 : 1;
	}
}

/* ---- strings ---- */

static int put_rune(struct uns_buf *b, uint32_t c, struct uns_err *err)
{
	char u[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		u[i] = (char)(0x80 | (c & 0x3f));
	u[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	return uns_buf_append(b, u, n, err);
}

static int hex(struct toml *t, unsigned digits, struct uns_buf *b, struct uns_err *err)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < digits; i++, t->at++) {
		static const char all[] = "0123456789abcdef0123456789ABCDEF";
		int one = peek(t, 0);
		const char *p = one > 0 ? strchr(all, one) : NULL;

		if (!p)
			return fail(t, "a hexadecimal digit", err);
		c = c << 4 | ((uint32_t)(p - all) & 15);
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail_at(t, t->at - digits, "a number that is no character", "one up to 10FFFF", err);
	return put_rune(b, c, err);
}

/* Behind the backslash. */
static int escape(struct toml *t, bool lines, struct uns_buf *b, struct uns_err *err)
{
	static const char letters[] = "btnfr\"\\", bytes[] = "\b\t\n\f\r\"\\";
	int c = peek(t, 0);
	const char *p = c > 0 ? strchr(letters, c) : NULL;

	if (lines && (c == ' ' || c == '\t' || at_newline(t))) {
		skip_blanks(t);
		if (!at_newline(t))
			return fail(t, "the end of the line", err);
		while (peek(t, 0) == ' ' || peek(t, 0) == '\t' || at_newline(t))
			t->at++;
		return 0;
	}
	if (!p && c != 'u' && c != 'U')
		return fail(t, "one of b t n f r \" \\ u U", err);
	t->at++;
	return p ? uns_buf_append(b, &bytes[p - letters], 1, err) : hex(t, c == 'u' ? 4 : 8, b, err);
}

/* One character of a string that is not its end. */
static int character(struct toml *t, int quote, bool lines, struct uns_buf *b, struct uns_err *err)
{
	int c = peek(t, 0);

	if (quote == '"' && c == '\\') {
		t->at++;
		return escape(t, lines, b, err);
	}
	if (c < 0 || (at_newline(t) && !lines) || (c < ' ' && c != '\t' && !at_newline(t)) || c == 0x7f)
		return fail(t, quote == '"' ? "the string's closing \"" : "the string's closing '", err);
	t->at++;
	return uns_buf_append(b, &t->text[t->at - 1], 1, err);
}

static int string(struct toml *t, struct uns_buf *b, struct uns_err *err)
{
	int quote = peek(t, 0);
	const char *three = quote == '"' ? "\"\"\"" : "'''";
	bool lines = looks_at(t, three);

	t->at += lines ? 3 : 1;
	if (lines && at_newline(t))
		t->at += peek(t, 0) == '\r' ? 2 : 1;
	for (;;) {
		/* Up to two quotes may stand before the closing three. */
		if (lines ? looks_at(t, three) && peek(t, 3) != quote : peek(t, 0) == quote) {
			t->at += lines ? 3 : 1;
			return uns_buf_append(b, "", 0, err);
		}
		if (character(t, quote, lines, b, err) < 0)
			return -1;
	}
}

/* ---- keys ---- */

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int key_part(struct toml *t, struct uns_buf *b, struct uns_err *err)
{
	size_t start = t->at;

	if ((peek(t, 0) == '"' && !looks_at(t, "\"\"\"")) || (peek(t, 0) == '\'' && !looks_at(t, "'''"))) {
		if (string(t, b, err) < 0)
			return -1;
		/* A newline is what divides parts here; no part that is looked for has one. */
		for (size_t i = 0; i < b->len; i++)
			b->data[i] = b->data[i] == '\n' || !b->data[i] ? '\r' : b->data[i];
		return uns_buf_puts(b, "\n", err);
	}
	while (is_bare(peek(t, 0)))
		t->at++;
	if (t->at == start)
		return fail(t, "a key", err);
	return uns_buf_append(b, t->text + start, t->at - start, err) < 0 ? -1 : uns_buf_puts(b, "\n", err);
}

/* A dotted key, appended to the path. */
static int key_path(struct toml *t, char path[PATH_MAX_LEN], struct uns_err *err)
{
	size_t start = t->at, used = strlen(path);

	do {
		uns_auto(uns_buf_done) struct uns_buf part = UNS_BUF_INIT;

		skip_blanks(t);
		if (key_part(t, &part, err) < 0)
			return -1;
		if (used + part.len >= PATH_MAX_LEN)
			return fail_at(t, start, "a key that is too long", "one below 1000 bytes", err);
		memcpy(path + used, part.data, part.len + 1);
		used += part.len;
		skip_blanks(t);
	} while (take(t, '.'));
	return 0;
}

/* ---- values ---- */

static int value(struct toml *t, unsigned depth, json_t **ret, struct uns_err *err);

static int element(struct toml *t, unsigned depth, struct uns_err *err)
{
	uns_auto_json json_t *ignored = NULL;

	if (depth > DEPTH_MAX)
		return fail(t, "arrays and tables less deep in each other", err);
	return value(t, depth, &ignored, err);
}

static int array(struct toml *t, unsigned depth, struct uns_err *err)
{
	t->at++;
	for (skip_lines(t); !take(t, ']'); skip_lines(t)) {
		if (element(t, depth + 1, err) < 0)
			return -1;
		skip_lines(t);
		if (!take(t, ',') && peek(t, 0) != ']')
			return fail(t, "',' or ']'", err);
	}
	return 0;
}

static int inline_table(struct toml *t, unsigned depth, struct uns_err *err)
{
	char path[PATH_MAX_LEN];

	t->at++;
	skip_blanks(t);
	if (take(t, '}'))
		return 0;
	do {
		path[0] = '\0';
		skip_blanks(t);
		if (key_path(t, path, err) < 0)
			return -1;
		if (!take(t, '='))
			return fail(t, "'='", err);
		skip_blanks(t);
		if (element(t, depth + 1, err) < 0)
			return -1;
		skip_blanks(t);
	} while (take(t, ','));
	return take(t, '}') ? 0 : fail(t, "',' or '}'", err);
}

/* Of decimal digits, '_' between them; anything else is left to "other". */
static bool integer(const char *s, size_t n, json_int_t *ret)
{
	bool minus = n > 0 && *s == '-';
	size_t i = minus || (n > 0 && *s == '+');
	json_int_t sum = 0;

	if (i == n || s[i] == '_' || s[n - 1] == '_' || (s[i] == '0' && i + 1 < n))
		return false;
	for (; i < n; i++) {
		if (s[i] == '_' && s[i - 1] != '_')
			continue;
		if (s[i] < '0' || s[i] > '9' || sum > (INT64_MAX - (s[i] - '0')) / 10)
			return false;
		sum = sum * 10 + (s[i] - '0');
	}
	*ret = minus ? -sum : sum;
	return true;
}

/* A number, a date or a time: of these only the form is told from what is none of them. */
static bool other(const char *s, size_t n)
{
	size_t i = n > 0 && (*s == '-' || *s == '+');

	if (n - i == 3 && (memcmp(s + i, "inf", 3) == 0 || memcmp(s + i, "nan", 3) == 0))
		return true;
	return i < n && s[i] >= '0' && s[i] <= '9';
}

/* A time may follow its date behind one blank. */
static size_t word(const struct toml *t)
{
	size_t n = 0;
	int c;

	for (;; n++) {
		c = peek(t, n);
		if (is_bare(c) || c == '+' || c == '.' || c == ':')
			continue;
		if (c == ' ' && n == 10 && peek(t, 4) == '-' && peek(t, 7) == '-' && peek(t, 13) == ':')
			continue;
		return n;
	}
}

static int bare(struct toml *t, json_t **ret, struct uns_err *err)
{
	const char *s = t->text + t->at;
	size_t n = word(t);
	json_int_t number;

	if (n == 4 && memcmp(s, "true", 4) == 0)
		*ret = json_true();
	else if (n == 5 && memcmp(s, "false", 5) == 0)
		*ret = json_false();
	else if (integer(s, n, &number))
		*ret = json_integer(number);
	else if (!other(s, n))
		return fail(t, "a value", err);
	t->at += n;
	return 0;
}

/* *ret stays NULL for what is neither string nor integer nor boolean. */
static int value(struct toml *t, unsigned depth, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t start = t->at;

	switch (peek(t, 0)) {
	case '"':
	case '\'':
		if (string(t, &b, err) < 0)
			return -1;
		*ret = json_stringn(b.data, b.len);
		return *ret ? 0 : fail_at(t, start, "bytes that are no UTF-8", "UTF-8", err);
	case '[':
		return array(t, depth, err);
	case '{':
		return inline_table(t, depth, err);
	default:
		return bare(t, ret, err);
	}
}

/* ---- statements ---- */

/* "storage.options" as paths are kept here. */
static void wanted_path(const char *table, const char *key, char ret[PATH_MAX_LEN])
{
	snprintf(ret, PATH_MAX_LEN, "%s.%s", table, key);
	ret[strlen(ret) - (*key ? 0 : 1)] = '\0';
	for (char *c = ret; *c; c++)
		*c = *c == '.' ? '\n' : *c;
	snprintf(ret + strlen(ret), PATH_MAX_LEN - strlen(ret), "\n");
}

/* Each once; what: 't' for tables, 'k' for keys. */
static int once(struct toml *t, const char *path, const char *what, size_t at, struct uns_err *err)
{
	uns_auto_json json_t *number = json_string(what);
	char name[PATH_MAX_LEN];

	/* Names that are no UTF-8 are left to the engine. */
	if (!number || json_object_get(t->seen, path)) {
		snprintf(name, sizeof(name), "%s", path);
		for (char *c = name; *c; c++)
			*c = *c != '\n' ? *c : c[1] ? '.' : '\0';
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " a second time");
		return fail_at(t, at, name, what, err);
	}
	json_object_set(t->seen, path, number);
	return 0;
}

/* Another element of an array begins: what was in the one before may be in it again. */
static void forget_below(struct toml *t)
{
	const char *path;
	json_t *one;
	void *next;

	json_object_foreach_safe(t->seen, next, path, one) if (strncmp(path, t->path, strlen(t->path)) == 0)
	    json_object_del(t->seen, path);
}

/* The table, or something that it lies in, is written so that no line can be added. */
static bool blocks(const struct toml *t, const char *path)
{
	return strncmp(t->table, path, strlen(path)) == 0;
}

/* What is looked for is a table, or an array of them. */
static bool is_inside_key(const struct toml *t, const char *path)
{
	return *t->key && strncmp(path, t->key, strlen(t->key)) == 0;
}

static int not_a_table(const struct toml *t, size_t at, struct uns_err *err)
{
	return fail_at(t, at, "a table", "a key with a value, for that is what this name is for", err);
}

static int header(struct toml *t, struct uns_err *err)
{
	size_t start = t->at;
	bool list = looks_at(t, "[[");

	t->at += list ? 2 : 1;
	t->path[0] = '\0';
	if (key_path(t, t->path, err) < 0)
		return -1;
	if (!looks_at(t, list ? "]]" : "]"))
		return fail(t, list ? "']]'" : "']'", err);
	t->at += list ? 2 : 1;
	if (is_inside_key(t, t->path))
		return not_a_table(t, start, err);
	if (list && blocks(t, t->path))
		return fail_at(t, start, "an array of tables", "one table", err);
	if (list)
		forget_below(t);
	else if (once(t, t->path, "each table once", start, err) < 0)
		return -1;
	if (end_line(t, err) < 0)
		return -1;
	t->here = !list && strcmp(t->path, t->table) == 0;
	if (t->here) {
		t->f.header = true;
		t->f.header_at = start;
		t->f.header_end = t->f.last_end = t->at;
	}
	return 0;
}

static int keep(struct toml *t, size_t at, size_t value_at, size_t value_end, json_t **v, struct uns_err *err)
{
	t->f.key = true;
	t->f.at = value_at;
	t->f.end = value_end;
	t->f.line_at = at;
	t->f.line_end = t->at;
	t->f.value = *v ? uns_take_ptr(*v) : json_pack("{s:s%}", "toml", t->text + value_at, value_end - value_at);
	return t->f.value ? 0 : fail_at(t, value_at, "bytes that are no UTF-8", "UTF-8", err);
}

static int key_value(struct toml *t, struct uns_err *err)
{
	uns_auto_json json_t *v = NULL;
	size_t start = t->at, value_at, value_end;
	char path[PATH_MAX_LEN];

	memcpy(path, t->path, sizeof(path));
	if (key_path(t, path, err) < 0)
		return -1;
	if (!take(t, '='))
		return fail(t, "'='", err);
	skip_blanks(t);
	value_at = t->at;
	if (value(t, 0, &v, err) < 0)
		return -1;
	value_end = t->at;
	if (end_line(t, err) < 0 || once(t, path, "each key once", start, err) < 0)
		return -1;
	/* "storage.options = {…}", or "options.x = …" in [storage]: a header of the table would be its second definition. */
	if (!t->here && (blocks(t, path) || strncmp(path, t->table, strlen(t->table)) == 0) && strlen(t->path) < strlen(t->table))
		return fail_at(t, start, "a part of this table", "it in a table of its own, with a header", err);
	if (!t->here)
		return 0;
	if (is_inside_key(t, path) && strcmp(path, t->key) != 0)
		return not_a_table(t, start, err);
	t->f.keys++;
	t->f.last_end = t->at;
	/* Blanks before the key are part of its line. */
	while (start > 0 && (t->text[start - 1] == ' ' || t->text[start - 1] == '\t'))
		start--;
	return strcmp(path, t->key) == 0 ? keep(t, start, value_at, value_end, &v, err) : 0;
}

static int read_all(struct toml *t, struct uns_err *err)
{
	t->seen = json_object();
	if (!t->seen)
		return uns_err_nomem(err);
	if (memchr(t->text, '\0', t->len)) {
		t->at = (size_t)((const char *)memchr(t->text, '\0', t->len) - t->text);
		return fail(t, "text", err);
	}
	if (looks_at(t, "\xef\xbb\xbf"))
		t->at += 3;
	for (skip_lines(t); t->at < t->len; skip_lines(t))
		if ((peek(t, 0) == '[' ? header(t, err) : key_value(t, err)) < 0)
			return -1;
	return 0;
}

static int look(const char *text, size_t len, const char *file, const char *table, const char *key, struct toml *ret,
                struct uns_err *err)
{
	*ret = (struct toml){.text = text, .file = file, .len = len};
	wanted_path(table, "", ret->table);
	if (*key)
		wanted_path(table, key, ret->key);
	return read_all(ret, err);
}

int uns_toml_get(const char *text, size_t len, const char *file, const char *table, const char *key, json_t **ret,
                 unsigned *ret_line, struct uns_err *err)
{
	uns_auto(toml_done) struct toml t;
	unsigned line = 1;

	if (look(text, len, file, table, key, &t, err) < 0)
		return -1;
	if (!t.f.key)
		return 1;
	for (size_t i = 0; i < t.f.at; i++)
		line += text[i] == '\n';
	if (ret_line)
		*ret_line = line;
	*ret = uns_take_ptr(t.f.value);
	return 0;
}

int uns_toml_has_table(const char *text, size_t len, const char *file, const char *table, bool *ret, struct uns_err *err)
{
	uns_auto(toml_done) struct toml t;

	if (look(text, len, file, table, "", &t, err) < 0)
		return -1;
	*ret = t.f.header;
	return 0;
}

/* ---- editing ---- */

/* In single quotes where what it replaces is, so that the way back gives the same bytes; they know no escapes. */
static bool fits_single(const struct toml *t, const json_t *v)
{
	const char *s = json_string_value(v);

	if (!s || !t->f.key || t->text[t->f.at] != '\'' || (t->f.end - t->f.at > 2 && t->text[t->f.at + 1] == '\''))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f || *s == '\'')
			return false;
	return true;
}

/* As JSON: its escapes are TOML's, but for the slash, which is not escaped here. */
static char *value_text(const struct toml *t, const json_t *v, struct uns_err *err)
{
	char *text;

	if (fits_single(t, v))
		return uns_str_printf(err, "'%s'", json_string_value(v));
	text = json_is_string(v) || json_is_integer(v) ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	if (!text)
		uns_err_set(err, UNS_E_FAILED, "neither a string nor an integer, or out of memory");
	return text;
}

/* Text before, something in place of what lies between the two offsets, text behind. */
static int splice(const struct toml *t, size_t from, size_t to, const char *with, struct uns_buf *ret, struct uns_err *err)
{
	if (uns_buf_append(ret, t->text, from, err) < 0 || uns_buf_puts(ret, with, err) < 0)
		return -1;
	return uns_buf_append(ret, t->text + to, t->len - to, err);
}

/* A file that ends without a newline does so afterwards, too. */
static int add(const struct toml *t, const struct uns_toml_edit *e, const char *v, struct uns_buf *ret, struct uns_err *err)
{
	size_t at = t->f.header ? t->f.last_end : t->len;
	bool open = at > 0 && t->text[at - 1] != '\n';
	uns_auto_free char *head =
	    t->f.header ? uns_str_dup("", err) : uns_str_printf(err, "%s[%s]\n", t->len > 0 && !open ? "\n" : "", e->table);
	uns_auto_free char *line =
	    head ? uns_str_printf(err, "%s%s%s = %s%s", open ? "\n" : "", head, e->key, v, open ? "" : "\n") : NULL;

	return line ? splice(t, at, at, line, ret, err) : -1;
}

static size_t before_newline(const struct toml *t, size_t at)
{
	if (at > 0 && t->text[at - 1] == '\n')
		at--;
	return at;
}

/* Nothing of the table, not even a comment, between its header and the key or behind it. */
static bool is_alone(const struct toml *t)
{
	size_t at = t->f.line_end;

	while (at < t->len && strchr(" \t\r\n", t->text[at]))
		at++;
	return t->f.keys == 1 && t->f.header_end == t->f.line_at && (at == t->len || t->text[at] == '[');
}

static int drop(const struct toml *t, const struct uns_toml_edit *e, struct uns_buf *ret, struct uns_err *err)
{
	size_t from = t->f.line_at, to = t->f.line_end;
	bool open = t->text[to - 1] != '\n';

	if (e->header && is_alone(t)) {
		from = t->f.header_at;
		if (from > 1 && t->text[from - 1] == '\n' && t->text[from - 2] == '\n')
			from--;
	}
	return splice(t, open ? before_newline(t, from) : from, to, "", ret, err);
}

int uns_toml_set(const char *text, size_t len, const char *file, const struct uns_toml_edit *e, struct uns_buf *ret,
                 struct uns_err *err)
{
	uns_auto(toml_done) struct toml t;
	uns_auto_free char *v = NULL;

	if (look(text, len, file, e->table, e->key, &t, err) < 0)
		return -1;
	if (!e->value)
		return t.f.key ? drop(&t, e, ret, err) : uns_buf_append(ret, text, len, err);
	if (t.f.key && json_equal(t.f.value, e->value))
		return uns_buf_append(ret, text, len, err);
	v = value_text(&t, e->value, err);
	if (!v)
		return -1;
	return t.f.key ? splice(&t, t.f.at, t.f.end, v, ret, err) : add(&t, e, v, ret, err);
}
