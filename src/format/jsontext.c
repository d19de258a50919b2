/* SPDX-License-Identifier: Apache-2.0 */
/* Editing JSON as text. A scanner of our own (RFC 8259, nothing more) finds where members and strings begin and end; the edit cuts
 * there and nowhere else; jansson reads the text before and after and has the last word on what it means. See uns/jsontext.h. */
#include "uns/jsontext.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"

/* Deeper than any file of an engine, and shallow enough for the stack: the scanner recurses. */
#define MAX_DEPTH 512

/* Where the scanner is: the chain of members and elements up to the root, which has up == NULL. */
struct node {
	const struct node *up;
	const char *name; /* NULL: element of an array */
	size_t index;     /* of that element */
};

/* A member of the outermost object; each _end is one past the last byte. */
struct member {
	size_t key_at, key_end, value_at, value_end;
	char *name;
};
struct members {
	struct member *v;
	size_t n, cap;
	size_t open, close; /* of the braces */
};

struct scan {
	const char *text, *file;
	size_t len, at;
	unsigned depth;
	struct members *members; /* filled with those of the outermost object; may be NULL */
	int (*string)(struct scan *s, const struct node *path, size_t from, size_t to); /* for each string value; may be NULL */
	void *user;
	struct uns_err *err;
};

static void members_done(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].name);
	free(m->v);
}

static int expected(const struct scan *s, const char *what)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < s->at; i++) {
		column = s->text[i] == '\n' ? 1 : column + 1;
		line += s->text[i] == '\n';
	}
	return uns_err_set(s->err, UNS_E_INPUT, "%s:%zu:%zu: expected %s", s->file, line, column, what);
}

static int peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int hex(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void skip_blank(struct scan *s)
{
	while (is_blank(peek(s)))
		s->at++;
}

static bool skip_bom(struct scan *s)
{
	if (s->len < 3 || memcmp(s->text, "\xef\xbb\xbf", 3) != 0)
		return false;
	s->at = 3;
	return true;
}

/* ---- strings ---- */

/* At the 'u' of an escape; passes over its four digits. */
static int scan_hex4(struct scan *s, uint32_t *ret)
{
	uint32_t code = 0;

	s->at++;
	for (int i = 0; i < 4; i++, s->at++) {
		if (hex(peek(s)) < 0)
			return expected(s, "four hexadecimal digits after \\u");
		code = code << 4 | (uint32_t)hex(peek(s));
	}
	*ret = code;
	return 0;
}

/* A surrogate alone stands for no character: whoever decodes it must invent one. */
static int scan_unicode(struct scan *s, uint32_t *ret)
{
	static const char pair[] = "a surrogate only as one of a pair (\\ud800\\udc00 to \\udbff\\udfff)";
	uint32_t high, low;

	if (scan_hex4(s, &high))
		return -1;
	*ret = high;
	if (high < 0xd800 || high > 0xdfff)
		return 0;
	if (high > 0xdbff || peek(s) != '\\')
		return expected(s, pair);
	s->at++;
	if (peek(s) != 'u')
		return expected(s, pair);
	if (scan_hex4(s, &low))
		return -1;
	if (low < 0xdc00 || low > 0xdfff)
		return expected(s, pair);
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

/* At the backslash. */
static int scan_escape(struct scan *s, uint32_t *ret)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *found;

	s->at++;
	if (peek(s) == 'u')
		return scan_unicode(s, ret);
	found = peek(s) > 0 ? strchr(letters, peek(s)) : NULL;
	if (!found)
		return expected(s, "one of \" \\ / b f n r t u after a backslash");
	*ret = (uint32_t)meanings[found - letters];
	s->at++;
	return 0;
}

static int put_code(struct uns_buf *b, uint32_t c, struct uns_err *err)
{
	char utf8[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1)
		return uns_buf_append(b, &(char){ (char)c }, 1, err);
	for (size_t i = n; i-- > 1; c >>= 6)
		utf8[i] = (char)(0x80 | (c & 0x3f));
	utf8[0] = (char)((0xf00 >> n & 0xff) | c);
	return uns_buf_append(b, utf8, n, err);
}

/* At the opening quote; goes past the closing one. The value in UTF-8 is appended to ret, which may be NULL. */
static int scan_string(struct scan *s, struct uns_buf *ret)
{
	size_t from = ++s->at;
	uint32_t code = 0;

	for (;;) {
		int c = peek(s);

		if (c >= 0x20 && c != '"' && c != '\\') {
			s->at++;
			continue;
		}
		if (ret && uns_buf_append(ret, s->text + from, s->at - from, s->err))
			return -1;
		if (c == '"')
			break;
		if (c != '\\')
			return expected(s, c < 0 ? "'\"' at the end of the string" : "no control character inside a string");
		if (scan_escape(s, &code) || (ret && put_code(ret, code, s->err)))
			return -1;
		from = s->at;
	}
	s->at++;
	return 0;
}

/* ---- values ---- */

static int scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return expected(s, "a digit");
	while (is_digit(peek(s)))
		s->at++;
	return 0;
}

static int scan_number(struct scan *s)
{
	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (scan_digits(s))
		return -1;
	if (peek(s) == '.') {
		s->at++;
		if (scan_digits(s))
			return -1;
	}
	if (peek(s) != 'e' && peek(s) != 'E')
		return 0;
	s->at++;
	if (peek(s) == '+' || peek(s) == '-')
		s->at++;
	return scan_digits(s);
}

static int scan_word(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i]);
		if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
			s->at += n;
			return 0;
		}
	}
	return expected(s, "a value: {, [, a string in double quotes, a number, true, false or null");
}

static int scan_value(struct scan *s, const struct node *path);

static int note_member(struct members *m, struct member *found, struct uns_err *err)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 16;
		struct member *v = reallocarray(m->v, cap, sizeof *v);
		if (!v)
			return uns_err_nomem(err);
		m->v = v;
		m->cap = cap;
	}
	m->v[m->n] = *found;
	m->v[m->n++].name = uns_take_ptr(found->name);
	return 0;
}

/* U+0000, which cannot be in a name in C, is U+FFFD there, as in uns_json_parse. */
static int scan_name(struct scan *s, char **ret)
{
	uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT, name = UNS_BUF_INIT;

	if (scan_string(s, &raw))
		return -1;
	for (size_t i = 0; i < raw.len; i++)
		if (uns_buf_append(&name, raw.data[i] ? raw.data + i : "\xef\xbf\xbd", raw.data[i] ? 1 : 3, s->err))
			return -1;
	*ret = uns_buf_take(&name, s->err);
	return *ret ? 0 : -1;
}

static int scan_member(struct scan *s, const struct node *path)
{
	uns_auto_free char *name = NULL;
	struct member m = { .key_at = s->at };

	if (peek(s) != '"')
		return expected(s, "a member: a name in double quotes");
	if (scan_name(s, &name))
		return -1;
	m.key_end = s->at;
	skip_blank(s);
	if (peek(s) != ':')
		return expected(s, "':' after the name of a member");
	s->at++;
	skip_blank(s);
	m.value_at = s->at;
	if (scan_value(s, &(struct node){ .up = path, .name = name }))
		return -1;
	m.value_end = s->at;
	if (path->up || !s->members)
		return 0;
	m.name = uns_take_ptr(name);
	if (note_member(s->members, &m, s->err)) {
		free(m.name);
		return -1;
	}
	return 0;
}

static int scan_element(struct scan *s, const struct node *path, size_t index)
{
	return scan_value(s, &(struct node){ .up = path, .index = index });
}

/* At the opening bracket; goes past the closing one. */
static int scan_list(struct scan *s, const struct node *path, char close)
{
	s->at++;
	skip_blank(s);
	if (peek(s) == close) {
		s->at++;
		return 0;
	}
	for (size_t i = 0;; i++) {
		if (close == '}' ? scan_member(s, path) : scan_element(s, path, i))
			return -1;
		skip_blank(s);
		if (peek(s) == close)
			break;
		if (peek(s) != ',')
			return expected(s, close == '}' ? "',' or '}' after a member" : "',' or ']' after an element");
		s->at++;
		skip_blank(s);
	}
	s->at++;
	return 0;
}

static int scan_value(struct scan *s, const struct node *path)
{
	size_t from = s->at;
	int c = peek(s), r;

	if (c == '{' || c == '[') {
		if (s->depth == MAX_DEPTH)
			return expected(s, "at most 512 levels of nesting");
		s->depth++;
		r = scan_list(s, path, c == '{' ? '}' : ']');
		s->depth--;
		return r;
	}
	if (c == '"') {
		if (scan_string(s, NULL))
			return -1;
		return s->string ? s->string(s, path, from, s->at) : 0;
	}
	return c == '-' || is_digit(c) ? scan_number(s) : scan_word(s);
}

static int scan_document(struct scan *s)
{
	skip_bom(s);
	skip_blank(s);
	if (s->members) {
		if (peek(s) != '{')
			return expected(s, "an object: '{'");
		s->members->open = s->at;
	}
	if (scan_value(s, &(struct node){ NULL, NULL, 0 }))
		return -1;
	if (s->members)
		s->members->close = s->at - 1;
	skip_blank(s);
	return s->at == s->len ? 0 : expected(s, "the end of the text");
}

/* ---- what both edits share ---- */

/* Strings and names in the way of jansson: only what must be escaped is. Others on one line, with ", " and ": ". */
static int encode(const json_t *value, char **ret, struct uns_err *err)
{
	char *s = json_dumps(value, JSON_ENCODE_ANY);
	if (!s)
		return uns_err_nomem(err);
	*ret = s;
	return 0;
}

/* jansson's strings are UTF-8, and neither a name from the command line nor a path need be. */
static int string_value(const char *s, json_t **ret, struct uns_err *err)
{
	uns_auto_free char *shown = NULL;
	json_t *j = json_string(s);

	if (j) {
		*ret = j;
		return 0;
	}
	shown = uns_str_escape(s, err);
	if (!shown)
		return -1;
	return uns_err_set(err, UNS_E_INPUT, "%s: not UTF-8 (bytes shown as %%XX), cannot be written to a JSON file", shown);
}

/* The proof: what jansson reads in the new text is the document that was wanted. */
static int require_same(const struct uns_buf *text, const char *file, bool reals, const json_t *want, struct uns_err *err)
{
	uns_auto_json json_t *got = NULL;
	struct uns_err why;

	if (uns_json_load(text->data, text->len, file, &reals, &got, &why))
		return uns_err_set(err, UNS_E_FAILED, "%s: the edited text would be malformed (%s); nothing was changed", file,
		                   why.text);
	if (!json_equal(got, want))
		return uns_err_set(err, UNS_E_FAILED, "%s: the edited text would not mean what was wanted; nothing was changed",
		                   file);
	return 0;
}

/* ---- one member ---- */

struct edit {
	const char *text;
	size_t len;
	size_t from, to;    /* these bytes go */
	struct uns_buf ins; /* and these come in their place */
};

static void edit_done(struct edit *e)
{
	uns_buf_done(&e->ins);
}

/* Begin of the blanks that end at to. */
static size_t blanks_before(const char *text, size_t from, size_t to)
{
	while (to > from && is_blank((unsigned char)text[to - 1]))
		to--;
	return to;
}

/* Begin of the last line end (LF or CRLF) within [from, to), or to. */
static size_t last_line_end(const char *text, size_t from, size_t to)
{
	for (size_t i = to; i-- > from;)
		if (text[i] == '\n')
			return i > from && text[i - 1] == '\r' ? i - 1 : i;
	return to;
}

/* Appends "key<colon>value". */
static int put_member(struct uns_buf *b, const char *key, const char *colon, size_t colon_len, const char *value,
                      struct uns_err *err)
{
	uns_auto_json json_t *name = NULL;
	uns_auto_free char *raw = NULL;

	if (string_value(key, &name, err) || encode(name, &raw, err) || uns_buf_puts(b, raw, err))
		return -1;
	return uns_buf_append(b, colon, colon_len, err) || uns_buf_puts(b, value, err) ? -1 : 0;
}

/* After the last member, with the blanks that part it from what is before it (of several lines only the last), and its colon. */
static int add_last(struct edit *e, const struct members *m, const char *key, const char *value, struct uns_err *err)
{
	const struct member *last = &m->v[m->n - 1];
	const char *colon = e->text + last->key_end;
	size_t colon_len = last->value_at - last->key_end;
	size_t blank = blanks_before(e->text, m->open + 1, last->key_at);
	size_t sep = last_line_end(e->text, blank, last->key_at);

	if (memchr(colon, '\n', colon_len)) {
		colon = ": ";
		colon_len = 2;
	}
	if (sep == last->key_at)
		sep = blank;
	e->from = e->to = last->value_end;
	if (uns_buf_puts(&e->ins, ",", err) || uns_buf_append(&e->ins, e->text + sep, last->key_at - sep, err))
		return -1;
	/* {"a": 1} shows its style only in the colon. */
	if (sep == last->key_at && colon_len > 1 && uns_buf_puts(&e->ins, " ", err))
		return -1;
	return put_member(&e->ins, key, colon, colon_len, value, err);
}

/* Into an object without members. remove_member finds its blanks again after the new member, so they are put there whole; before it
 * comes a line end with indentation when they have one, else (one line) the same blanks. */
static int add_first(struct edit *e, const struct members *m, const char *key, const char *value, struct uns_err *err)
{
	const char *text = e->text;
	size_t from = m->open + 1, to = m->close;
	size_t newline = last_line_end(text, from, to);

	e->from = e->to = from;
	if (uns_buf_append(&e->ins, text + newline, to - newline, err))
		return -1;
	if (newline == to ? uns_buf_append(&e->ins, text + from, to - from, err) : uns_buf_puts(&e->ins, "    ", err))
		return -1;
	return put_member(&e->ins, key, ": ", 2, value, err);
}

static int add_member(struct edit *e, const struct members *m, const char *key, const char *value, struct uns_err *err)
{
	return m->n ? add_last(e, m, key, value, err) : add_first(e, m, key, value, err);
}

/* With its comma, and so that what add_member added goes without a trace. */
static void remove_member(struct edit *e, const struct members *m, size_t i)
{
	const struct member *v = m->v;
	size_t from = m->open + 1;

	if (m->n == 1) {
		size_t newline = last_line_end(e->text, from, v[0].key_at);
		e->from = newline == v[0].key_at ? from : newline;
		e->to = v[0].value_end;
	} else if (i + 1 < m->n) {
		e->from = v[i].key_at;
		e->to = v[i + 1].key_at;
	} else {
		e->from = v[i - 1].value_end;
		e->to = v[i].value_end;
	}
}

static int apply(const struct edit *e, struct uns_buf *ret, struct uns_err *err)
{
	if (uns_buf_append(ret, e->text, e->from, err) || uns_buf_append(ret, e->ins.data, e->ins.len, err))
		return -1;
	return uns_buf_append(ret, e->text + e->to, e->len - e->to, err);
}

/* Fills the edit; changes doc, the document that the text means, in the same way. *ret_none: it is so already. */
static int plan_edit(struct edit *e, const struct members *m, json_t *doc, const char *key, json_t *value, const char *raw,
                     bool *ret_none, struct uns_err *err)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->v[i].name, key) != 0)
		i++;
	*ret_none = value ? i < m->n && json_equal(json_object_get(doc, key), value) : i == m->n;
	if (*ret_none)
		return 0;
	if (!value) {
		remove_member(e, m, i);
		return json_object_del(doc, key) ? uns_err_set(err, UNS_E_FAILED, "member \"%s\" was read by one parser only", key)
		                                 : 0;
	}
	if (i < m->n) {
		e->from = m->v[i].value_at;
		e->to = m->v[i].value_end;
		if (uns_buf_puts(&e->ins, raw, err))
			return -1;
	} else if (add_member(e, m, key, raw, err)) {
		return -1;
	}
	return json_object_set(doc, key, value) ? uns_err_nomem(err) : 0;
}

/* The value as the edited text will be read: numbers as reals when those of the file are. */
static int reread(const char *raw, const char *file, bool *reals, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *array = NULL;

	if (uns_buf_printf(&text, err, "[%s]", raw) || uns_json_load(text.data, text.len, file, reals, &array, err))
		return -1;
	*ret = json_incref(json_array_get(array, 0));
	return 0;
}

/* As we write it, or as it is spelled. */
static int spell(const json_t *value, const char *spelling, char **ret, struct uns_err *err)
{
	if (!spelling)
		return encode(value, ret, err);
	*ret = uns_str_dup(spelling, err);
	return *ret ? 0 : -1;
}

static int edit_member(const char *text, size_t len, const char *file, const char *key, const json_t *value, const char *spelling,
                       struct uns_buf *ret,
                       struct uns_err *err)
{
	uns_auto(members_done) struct members m = { NULL, 0, 0, 0, 0 };
	uns_auto(edit_done) struct edit e = { .text = text, .len = len };
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	uns_auto_json json_t *doc = NULL, *same = NULL;
	uns_auto_free char *raw = NULL;
	struct scan s = { .text = text, .len = len, .file = file, .members = &m, .err = err };
	bool reals = false, none;

	if (scan_document(&s) || uns_json_load(text, len, file, &reals, &doc, err))
		return -1;
	if (value && (spell(value, spelling, &raw, err) || reread(raw, file, &reals, &same, err)))
		return -1;
	if (plan_edit(&e, &m, doc, key, same, raw, &none, err))
		return -1;
	if (none)
		return uns_buf_append(ret, text, len, err);
	if (apply(&e, &out, err) || require_same(&out, file, reals, doc, err))
		return -1;
	return uns_buf_append(ret, out.data, out.len, err);
}

int uns_jsontext_member(const char *text, size_t len, const char *file, const char *key, const json_t *value, struct uns_buf *ret,
                        struct uns_err *err)
{
	return uns_jsontext_spelled(text, len, file, key, value, NULL, ret, err);
}

int uns_jsontext_spelled(const char *text, size_t len, const char *file, const char *key, const json_t *value, const char *spelling,
                         struct uns_buf *ret, struct uns_err *err)
{
	static const char empty[] = "{\n}\n";
	uns_auto(uns_buf_done) struct uns_buf whole = UNS_BUF_INIT;
	struct scan s = { .text = text, .len = len };
	bool bom = skip_bom(&s);

	skip_blank(&s);
	if (s.at < len)
		return edit_member(text, len, file, key, value, spelling, ret, err);
	if (!value)
		return uns_buf_append(ret, text, len, err);
	if (uns_buf_puts(&whole, bom ? "\xef\xbb\xbf" : "", err) || uns_buf_puts(&whole, empty, err))
		return -1;
	return edit_member(whole.data, whole.len, file, key, value, spelling, ret, err);
}

int uns_jsontext_value(const char *text, size_t len, const char *key, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(members_done) struct members m = { .v = NULL };
	struct uns_err ignored;
	struct scan s = { .text = text, .file = "", .len = len, .members = &m, .err = &ignored };

	if (scan_document(&s))
		return 1;
	for (size_t i = 0; i < m.n; i++)
		if (strcmp(m.v[i].name, key) == 0)
			return uns_buf_append(ret, text + m.v[i].value_at, m.v[i].value_end - m.v[i].value_at, err);
	return 1;
}

int uns_jsontext_encode(const json_t *value, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *raw = NULL;

	return encode(value, &raw, err) ? -1 : uns_buf_puts(ret, raw, err);
}

unsigned uns_jsontext_line(const char *text, size_t len, const char *key)
{
	uns_auto(members_done) struct members m = { .v = NULL };
	struct uns_err ignored;
	struct scan s = { .text = text, .file = "", .len = len, .members = &m, .err = &ignored };
	unsigned line = 1;

	if (scan_document(&s))
		return 0;
	for (size_t i = 0; i < m.n; i++) {
		if (strcmp(m.v[i].name, key) != 0)
			continue;
		for (size_t k = 0; k < m.v[i].key_at; k++)
			line += text[k] == '\n';
		return line;
	}
	return 0;
}

/* ---- many strings ---- */

struct rewrite {
	const char *const *patterns;
	size_t n;
	uns_jsontext_map map;
	void *user;
	json_t *want;       /* the document, changed as the text is */
	struct uns_buf out; /* the new text, as far as */
	size_t copied;      /* this offset in the old one */
	size_t changed;
};

static void rewrite_done(struct rewrite *r)
{
	json_decref(r->want);
	uns_buf_done(&r->out);
}

static bool component_matches(const char *component, size_t len, const char *name)
{
	if (len == 1 && *component == '*')
		return true;
	return name && strlen(name) == len && memcmp(name, component, len) == 0;
}

/* Component by component from the end: a name may have dots of its own, so names are never joined for this. */
static bool matches(const char *pattern, const struct node *n)
{
	const char *end = pattern + strlen(pattern);

	for (; n->up; n = n->up) {
		const char *start = end;

		while (start > pattern && start[-1] != '.')
			start--;
		if (!component_matches(start, (size_t)(end - start), n->name))
			return false;
		if (start == pattern)
			return !n->up->up;
		end = start - 1;
	}
	return false;
}

static int put_path(struct uns_buf *b, const struct node *n, struct uns_err *err)
{
	if (!n->up)
		return 0;
	if (put_path(b, n->up, err) || (n->up->up && uns_buf_puts(b, ".", err)))
		return -1;
	return n->name ? uns_buf_puts(b, n->name, err) : uns_buf_printf(b, err, "%zu", n->index);
}

static json_t *locate(json_t *root, const struct node *n)
{
	json_t *up;

	if (!n->up)
		return root;
	up = locate(root, n->up);
	return n->name ? json_object_get(up, n->name) : json_array_get(up, n->index);
}

/* The bytes [from, to) of the old text become the string. */
static int replace(struct scan *s, const struct node *path, size_t from, size_t to, const char *string)
{
	struct rewrite *r = s->user;
	uns_auto_json json_t *j = NULL;
	uns_auto_free char *raw = NULL;
	json_t *up = locate(r->want, path->up);

	if (string_value(string, &j, s->err) || encode(j, &raw, s->err))
		return -1;
	if (uns_buf_append(&r->out, s->text + r->copied, from - r->copied, s->err) || uns_buf_puts(&r->out, raw, s->err))
		return -1;
	r->copied = to;
	r->changed++;
	if (path->name ? json_object_set(up, path->name, j) : json_array_set(up, path->index, j))
		return uns_err_nomem(s->err);
	return 0;
}

static int visit(struct scan *s, const struct node *path, size_t from, size_t to)
{
	struct rewrite *r = s->user;
	uns_auto(uns_buf_done) struct uns_buf value = UNS_BUF_INIT, name = UNS_BUF_INIT;
	uns_auto_free char *mapped = NULL;
	struct scan one = { .text = s->text, .len = to, .file = s->file, .at = from, .err = s->err };
	size_t i = 0;

	while (i < r->n && !matches(r->patterns[i], path))
		i++;
	if (i == r->n)
		return 0;
	if (scan_string(&one, &value))
		return -1;
	/* No path of this host, and C would see half of it. */
	if (memchr(value.data, '\0', value.len))
		return 0;
	if (put_path(&name, path, s->err) || r->map(r->user, name.data, value.data, &mapped, s->err))
		return -1;
	return mapped && strcmp(mapped, value.data) != 0 ? replace(s, path, from, to, mapped) : 0;
}

int uns_jsontext_strings(const char *text, size_t len, const char *file, const char *const patterns[], size_t n,
                         uns_jsontext_map map, void *user, struct uns_buf *ret, size_t *ret_changed, struct uns_err *err)
{
	uns_auto(rewrite_done) struct rewrite r = { .patterns = patterns, .n = n, .map = map, .user = user };
	struct scan strict = { .text = text, .len = len, .file = file, .err = err }, s = strict;
	bool reals = false;

	/* The whole text is known to be well-formed before the first call of map. */
	if (scan_document(&strict) || uns_json_load(text, len, file, &reals, &r.want, err))
		return -1;
	s.string = visit;
	s.user = &r;
	if (scan_document(&s) || uns_buf_append(&r.out, text + r.copied, len - r.copied, err))
		return -1;
	if (require_same(&r.out, file, reals, r.want, err))
		return -1;
	if (ret && uns_buf_append(ret, r.out.data, r.out.len, err))
		return -1;
	if (ret_changed)
		*ret_changed = r.changed;
	return 0;
}
