/* SPDX-License-Identifier: Apache-2.0 */
/* Options of dockerd in argv and inside a shell-like variable. See uns/option.h.
 *
 * A value is unquoted twice: once by who reads the file (systemd's EnvironmentFile=, or sh) and once by systemd as it splits an
 * unbraced $VARIABLE into words. So each byte of the value is kept with the place in the text that it came from, and an edit of a
 * word is an edit of those bytes. An edit is checked by reading the new text: the other words must be what they were. */
#include "uns/option.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/dockerd.h"

/* ---- argv ---- */

static bool is_use_of(const struct uns_dockerd_use *u, const char *flag)
{
	if (u->what != UNS_USE_FLAG)
		return false;
	if (u->option && u->option->flag)
		return strcmp(u->option->flag, flag) == 0;
	return strlen(flag) == u->name_len && strncmp(u->name, flag, u->name_len) == 0;
}

int uns_option_values(char *const argv[], size_t argc, const char *flag, struct uns_strs *ret, struct uns_err *err)
{
	struct uns_dockerd_use u = { .at = 0 };
	int count = 0;

	while (uns_dockerd_next(argv, argc, &u)) {
		if (!is_use_of(&u, flag) || !u.value)
			continue;
		count++;
		if (ret && uns_strs_add(ret, u.value, err))
			return -1;
	}
	return count;
}

int uns_option_argv(char *const argv[], size_t argc, const char *flag, char **ret_value, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	int count = uns_option_values(argv, argc, flag, &values, err);

	if (count > 0 && ret_value) {
		char *copy = uns_str_dup(values.v[values.n - 1], err);
		if (!copy)
			return -1;
		*ret_value = copy;
	}
	return count;
}

/* ---- the variable ---- */

#define MAX_CELLS (1u << 20)

/* A byte of the value, and the bytes [at, end) of the text that stand for it. */
struct cell {
	size_t at, end;
	unsigned segment; /* one pair of quotes, or what is outside */
	char c;
};

/* The last assignment. */
struct value {
	struct cell *v;
	size_t n, cap;
	unsigned segment;
	size_t assignments;                /* of the variable in the text; 0: none of the rest is set */
	size_t line_at;                    /* where its line begins */
	size_t insert_at;                  /* where more can be written */
	enum { EMPTY, BARE, QUOTED } kind; /* of that place */
};

struct word_span {
	size_t first, end; /* cells */
};
struct words {
	struct uns_strs text;
	struct word_span *span; /* as many as text.n, room for text.cap */
};

struct reader {
	const char *text, *file;
	size_t len, at;
	bool systemd; /* as EnvironmentFile= is read: nothing but what begins a line is a comment, and "export" is no name */
	const char *variable;        /* what is read now is assigned to it; NULL: to another one */
	const struct value *earlier; /* that it had before */
	struct uns_err *err;
};

static void value_done(struct value *v)
{
	free(v->v);
	memset(v, 0, sizeof *v);
}

static void words_done(struct words *w)
{
	uns_strs_done(&w->text);
	free(w->span);
	w->span = NULL;
}

static size_t line_of(const char *text, size_t at, size_t *ret_column)
{
	size_t line = 1, begin = 0;

	for (size_t i = 0; i < at; i++)
		if (text[i] == '\n') {
			line++;
			begin = i + 1;
		}
	*ret_column = at - begin + 1;
	return line;
}

static int bad(const struct reader *r, size_t at, const char *what)
{
	size_t column, line = line_of(r->text, at, &column);
	return uns_err_set(r->err, UNS_E_INPUT, "%s:%zu:%zu: %s", r->file, line, column, what);
}

static int peek(const struct reader *r, size_t ahead)
{
	return r->at + ahead < r->len ? (unsigned char)r->text[r->at + ahead] : -1;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static bool is_newline(int c)
{
	return c == '\n' || c == '\r';
}

static bool is_space(int c)
{
	return is_blank(c) || is_newline(c);
}

static bool is_name(int c, bool first)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
}

static void skip_blanks(struct reader *r)
{
	while (is_blank(peek(r, 0)))
		r->at++;
}

/* A backslash at the end of a line, which takes the line end away. */
static bool skip_continuation(struct reader *r)
{
	size_t n = peek(r, 1) == '\r' && peek(r, 2) == '\n' ? 3 : 2;

	if (peek(r, 0) != '\\' || !is_newline(peek(r, 1)))
		return false;
	r->at += n;
	return true;
}

/* Past the line end; a comment has no continuation lines, a command has. */
static void skip_line(struct reader *r, bool comment)
{
	while (peek(r, 0) >= 0 && peek(r, 0) != '\n') {
		if (comment || !skip_continuation(r))
			r->at++;
	}
	if (peek(r, 0) == '\n')
		r->at++;
}

static int put_cell(struct reader *r, struct value *v, struct cell cell)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 128;
		struct cell *grown = reallocarray(v->v, cap, sizeof *grown);
		if (!grown)
			return uns_err_nomem(r->err);
		v->v = grown;
		v->cap = cap;
	}
	v->v[v->n++] = cell;
	return 0;
}

/* The next n bytes of the text stand for c. */
static int put(struct reader *r, struct value *v, char c, size_t n)
{
	if (put_cell(r, v, (struct cell){ .at = r->at, .end = r->at + n, .segment = v->segment, .c = c }))
		return -1;
	r->at += n;
	return 0;
}

/* How long $NAME or ${NAME} of the very variable that is assigned is, which a shell replaces; 0: something else. */
static size_t self_reference(const struct reader *r)
{
	size_t n = r->variable && !r->systemd ? strlen(r->variable) : 0;
	size_t before = peek(r, 1) == '{' ? 2 : 1;

	if (!n || peek(r, 0) != '$' || r->len - r->at < before + n || memcmp(r->text + r->at + before, r->variable, n) != 0)
		return 0;
	if (before == 2)
		return peek(r, 2 + n) == '}' ? n + 3 : 0;
	return is_name(peek(r, 1 + n), false) ? 0 : n + 1;
}

/* The earlier value's bytes, which stay where they are in the text, in place of the next n. */
static int put_earlier(struct reader *r, struct value *v, size_t n)
{
	if (v->n + r->earlier->n > MAX_CELLS)
		return bad(r, r->at, "the value doubles and doubles; expected less than a megabyte");
	for (size_t i = 0; i < r->earlier->n; i++)
		if (put_cell(r, v, r->earlier->v[i]))
			return -1;
	r->at += n;
	v->segment++;
	return 0;
}

/* At the opening quote; goes past the closing one. */
static int read_quoted(struct reader *r, struct value *v)
{
	size_t open = r->at, self;
	int quote = peek(r, 0), c, next;

	v->segment++;
	r->at++;
	while ((c = peek(r, 0)) != quote) {
		if (c < 0)
			return bad(r, open, "this quote is never closed; expected the same quote later in the file");
		next = peek(r, 1);
		if (quote == '"' && skip_continuation(r))
			continue;
		if (quote == '"' && (self = self_reference(r))) {
			if (put_earlier(r, v, self))
				return -1;
			continue;
		}
		/* Before any other byte the backslash stands for itself. */
		bool escape = quote == '"' && c == '\\' && next > 0 && strchr("\"\\`$", next);
		if (escape ? put(r, v, (char)next, 2) : put(r, v, (char)c, 1))
			return -1;
	}
	v->insert_at = r->at++;
	v->kind = QUOTED;
	return 0;
}

static bool at_comment(const struct reader *r)
{
	return !r->systemd && peek(r, 0) == '#' && r->at > 0 && is_blank((unsigned char)r->text[r->at - 1]);
}

/* Up to the end of the line, as systemd has it; quotes inside stay for the splitting into words, but a '#' in them does not
 * begin a comment. */
static int read_bare(struct reader *r, struct value *v)
{
	int c, quote = 0;
	size_t self;

	v->segment++;
	while ((c = peek(r, 0)) >= 0 && !is_newline(c) && (quote || !at_comment(r))) {
		if (skip_continuation(r))
			continue;
		if (quote != '\'' && (self = self_reference(r))) {
			if (put_earlier(r, v, self))
				return -1;
			v->insert_at = r->at;
			v->kind = BARE;
			continue;
		}
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		/* A backslash that ends the text stands for nothing. */
		if (c == '\\' && peek(r, 1) < 0)
			r->at++;
		else if (c == '\\' ? put(r, v, r->text[r->at + 1], 2) : put(r, v, (char)c, 1))
			return -1;
	}
	/* Blanks at the end do not count, escaped ones do. */
	while (v->n && v->v[v->n - 1].segment == v->segment && is_blank(v->v[v->n - 1].c) &&
	       v->v[v->n - 1].end - v->v[v->n - 1].at == 1)
		v->n--;
	if (v->n && v->v[v->n - 1].segment == v->segment) {
		v->insert_at = v->v[v->n - 1].end;
		v->kind = BARE;
	}
	return 0;
}

/* After the '='; goes to the next line. */
static int read_value(struct reader *r, struct value *v)
{
	v->insert_at = r->at;
	v->kind = EMPTY;
	for (;;) {
		int c;

		skip_blanks(r);
		c = peek(r, 0);
		if (c < 0 || is_newline(c) || at_comment(r) || (c == ';' && v->kind == QUOTED && !r->systemd))
			break;
		if (!r->systemd && skip_continuation(r))
			continue;
		if (c == '"' || c == '\'' ? read_quoted(r, v) : read_bare(r, v))
			return -1;
	}
	skip_line(r, true);
	return 0;
}

/* To systemd whatever comes before the '=' is the name, blanks at its end apart; one that is no name assigns nothing, but what is
 * behind it is read as its value. */
static bool read_unit_name(struct reader *r, size_t *ret_at, size_t *ret_len)
{
	size_t begin = r->at;

	while (peek(r, 0) >= 0 && peek(r, 0) != '=' && !is_newline(peek(r, 0)))
		r->at++;
	*ret_at = begin;
	*ret_len = r->at - begin;
	while (*ret_len && is_blank((unsigned char)r->text[begin + *ret_len - 1]))
		--*ret_len;
	if (peek(r, 0) == '=') {
		r->at++;
		return true;
	}
	r->at = begin;
	return false;
}

/* [export] NAME= at the reader, which then is behind it; else it stays. */
static bool read_name(struct reader *r, size_t *ret_at, size_t *ret_len)
{
	size_t begin = r->at, at;

	if (r->systemd)
		return read_unit_name(r, ret_at, ret_len);
	if (r->len - begin > 7 && memcmp(r->text + begin, "export", 6) == 0 && is_blank(peek(r, 6))) {
		r->at += 6;
		skip_blanks(r);
	}
	at = r->at;
	while (is_name(peek(r, 0), r->at == at))
		r->at++;
	*ret_at = at;
	*ret_len = r->at - at;
	skip_blanks(r);
	if (*ret_len && peek(r, 0) == '=') {
		r->at++;
		return true;
	}
	r->at = begin;
	return false;
}

/* Reads the whole text, also the other variables: where they end decides where ours begins. Without one ret stays empty. */
static int read_text(struct reader *r, const char *variable, struct value *ret)
{
	const char *nul = r->len ? memchr(r->text, '\0', r->len) : NULL;

	if (nul)
		return bad(r, (size_t)(nul - r->text), "a NUL byte; expected text");
	while (r->at < r->len) {
		uns_auto(value_done) struct value v = { .line_at = r->at, .segment = ret->segment };
		size_t name, len;
		bool ours;

		skip_blanks(r);
		if (peek(r, 0) == '#' || peek(r, 0) == ';') {
			skip_line(r, true);
			continue;
		}
		if (!read_name(r, &name, &len)) {
			skip_line(r, r->systemd);
			continue;
		}
		ours = strlen(variable) == len && memcmp(variable, r->text + name, len) == 0;
		r->variable = ours ? variable : NULL;
		r->earlier = ret;
		if (read_value(r, &v))
			return -1;
		if (!ours)
			continue;
		v.assignments = ret->assignments + 1;
		value_done(ret);
		*ret = v;
		memset(&v, 0, sizeof v);
	}
	return 0;
}

static int add_word(struct words *w, const char *text, struct word_span span, struct uns_err *err)
{
	struct word_span *grown;

	if (uns_strs_add(&w->text, text, err))
		return -1;
	grown = reallocarray(w->span, w->text.cap, sizeof *grown);
	if (!grown)
		return uns_err_nomem(err);
	w->span = grown;
	w->span[w->text.n - 1] = span;
	return 0;
}

/* One word from cell i on, quotes removed; *ret_end is the first cell behind it. */
static int read_word(const struct reader *r, const struct value *v, size_t i, struct uns_buf *word, size_t *ret_end)
{
	size_t open = i;
	char quote = '\0';

	for (; i < v->n && (quote || !is_space(v->v[i].c)); i++) {
		char c = v->v[i].c;

		if (c == '\\' && i + 1 < v->n) {
			c = v->v[++i].c;
		} else if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			open = i;
			continue;
		}
		if (uns_buf_append(word, &c, 1, r->err))
			return -1;
	}
	if (quote)
		return bad(r, v->v[open].at,
		           "this quote inside the value is never closed; expected the same quote before the value ends");
	*ret_end = i;
	return 0;
}

static int split(const struct reader *r, const struct value *v, struct words *ret)
{
	for (size_t i = 0; i < v->n;) {
		uns_auto(uns_buf_done) struct uns_buf word = UNS_BUF_INIT;
		struct word_span span = { .first = i };

		if (is_space(v->v[i].c)) {
			i++;
			continue;
		}
		if (read_word(r, v, i, &word, &span.end) || add_word(ret, word.data ? word.data : "", span, r->err))
			return -1;
		i = span.end;
	}
	return 0;
}

/* A command line as a unit has it: every byte stands for itself. */
static int read_line(struct reader *r, struct value *v)
{
	const char *nul = r->len ? memchr(r->text, '\0', r->len) : NULL;

	if (nul)
		return bad(r, (size_t)(nul - r->text), "a NUL byte; expected text");
	v->assignments = 1;
	v->insert_at = r->len;
	v->kind = QUOTED;
	while (r->at < r->len)
		if (put(r, v, r->text[r->at], 1))
			return -1;
	return 0;
}

/* variable NULL: the text is a command line. */
static int read_words(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                      struct value *v, struct words *w, struct uns_err *err)
{
	struct reader r = { .text = text, .file = file, .len = len, .systemd = by == UNS_READ_SYSTEMD, .err = err };
	return (variable ? read_text(&r, variable, v) : read_line(&r, v)) || split(&r, v, w) ? -1 : 0;
}

static int env_words(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                     struct uns_strs *ret, unsigned *ret_line, struct uns_err *err)
{
	uns_auto(value_done) struct value v = { .n = 0 };
	uns_auto(words_done) struct words w = { .span = NULL };
	size_t column;

	if (read_words(by, text, len, file, variable, &v, &w, err))
		return -1;
	if (!v.assignments)
		return 1;
	for (size_t i = 0; i < w.text.n; i++)
		if (uns_strs_add(ret, w.text.v[i], err))
			return -1;
	if (ret_line)
		*ret_line = (unsigned)line_of(text, v.line_at, &column);
	return 0;
}

int uns_option_env_words(const char *text, size_t len, const char *file, const char *variable, struct uns_strs *ret,
                         unsigned *ret_line, struct uns_err *err)
{
	return env_words(UNS_READ_SH, text, len, file, variable, ret, ret_line, err);
}

int uns_option_unit_env_words(const char *text, size_t len, const char *file, const char *variable, struct uns_strs *ret,
                              unsigned *ret_line, struct uns_err *err)
{
	return env_words(UNS_READ_SYSTEMD, text, len, file, variable, ret, ret_line, err);
}

int uns_option_unit_env_value(const char *text, size_t len, const char *file, const char *variable, struct uns_buf *ret,
                              struct uns_err *err)
{
	struct reader r = { .text = text, .file = file, .len = len, .systemd = true, .err = err };
	uns_auto(value_done) struct value v = { .n = 0 };

	if (read_text(&r, variable, &v))
		return -1;
	for (size_t i = 0; i < v.n; i++)
		if (uns_buf_append(ret, &v.v[i].c, 1, err))
			return -1;
	return v.assignments ? 0 : 1;
}

/* ---- edits ---- */

struct edit {
	enum uns_option_reader by;
	const char *text, *file, *variable, *name;
	bool alone; /* the value "true" is not written out */
	size_t len;
	struct value value;
	struct words words;
	struct uns_err *err;
};

static void edit_done(struct edit *e)
{
	value_done(&e->value);
	words_done(&e->words);
}

/* One use of the option: its value (NULL: none), and the bytes [from, to) of the text that are it. */
struct occurrence {
	const char *value;
	size_t words;
	size_t first, end; /* cells */
	size_t from, to;
	size_t value_from; /* where the bytes of the value begin, to to; SIZE_MAX: it stands alone */
	bool crowded;      /* other options are in the same word */
};

/* The cell behind the first n bytes of a word: with the opening quote of what follows. */
static size_t cell_after(const struct value *v, size_t first, size_t n)
{
	size_t i = first;
	char quote = '\0';

	for (; n > 0; i++) {
		char c = v->v[i].c;

		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\')
			i++;
		n--;
	}
	return i;
}

static int fill_occurrence(const struct edit *e, const struct uns_dockerd_use *u, struct occurrence *ret)
{
	const struct reader r = { .text = e->text, .file = e->file, .len = e->len, .err = e->err };
	const struct cell *cells = e->value.v;
	struct occurrence o = { .value = u->value, .words = u->words, .value_from = SIZE_MAX };

	o.first = e->words.span[u->at].first;
	o.end = e->words.span[u->at + u->words - 1].end;
	o.from = cells[o.first].at;
	o.to = cells[o.end - 1].end;
	o.crowded = u->name_len == 1 && (u->next_in_word || u->name != e->words.text.v[u->at] + 1) &&
	            strncmp(e->words.text.v[u->at], "--", 2) != 0;
	if (u->value_at != SIZE_MAX) {
		size_t cell = cell_after(&e->value, e->words.span[u->value_word].first, u->value_at);
		o.value_from = cell < o.end ? cells[cell].at : o.to;
	}
	for (size_t i = o.first; i < o.end; i++)
		if (cells[i].segment != cells[o.first].segment)
			return bad(&r, o.from,
			           "this option is put together from several quoted parts; write it as --NAME=VALUE within one");
	*ret = o;
	return 0;
}

/* The n-th use (from 0), or the last of all. *ret_n: how many there are; *ret untouched when there is none such. */
static int find(const struct edit *e, size_t n, struct occurrence *ret, size_t *ret_n)
{
	struct uns_dockerd_use u = { .at = 0 };
	size_t count = 0;

	while (uns_dockerd_next(e->words.text.v, e->words.text.n, &u)) {
		if (!is_use_of(&u, e->name) || !u.value)
			continue;
		if ((count == n || n == SIZE_MAX) && fill_occurrence(e, &u, ret))
			return -1;
		count++;
	}
	*ret_n = count;
	return 0;
}

static int splice(const struct edit *e, size_t from, size_t to, const char *before, const char *word, struct uns_buf *ret)
{
	if (uns_buf_append(ret, e->text, from, e->err) || uns_buf_puts(ret, before, e->err) || uns_buf_puts(ret, word, e->err))
		return -1;
	return uns_buf_append(ret, e->text + to, e->len - to, e->err);
}

/* The new line is NAME="--name=value" with the line end that the text has: none when it has none, so that it can be taken away. */
static int add_line(const struct edit *e, const char *word, struct uns_buf *ret)
{
	bool open = e->len && e->text[e->len - 1] != '\n';

	if (uns_buf_append(ret, e->text, e->len, e->err))
		return -1;
	return uns_buf_printf(ret, e->err, "%s%s=\"%s\"%s", open ? "\n" : "", e->variable, word, open ? "" : "\n");
}

/* Between quotes a blank comes first also when there is nothing before: VARIABLE="--name=value" is what add_line writes, and must
 * stay different from what becomes of VARIABLE="". Outside of quotes the blank is escaped, for sh. */
static int append_word(const struct edit *e, const char *word, struct uns_buf *ret)
{
	static const char *const before[] = { [EMPTY] = "", [BARE] = "\\ ", [QUOTED] = " " };

	if (!e->value.assignments)
		return add_line(e, word, ret);
	return splice(e, e->value.insert_at, e->value.insert_at, before[e->value.kind], word, ret);
}

bool uns_option_plain(const char *s, bool command_line)
{
	for (; *s; s++)
		if ((!is_name(*s, false) && !strchr("@%+=:,./-", *s)) || (command_line && *s == '%'))
			return false;
	return true;
}

static int check_plain(const struct edit *e, const char *s, const char *what)
{
	if (uns_option_plain(s, !e->variable))
		return 0;
	return uns_err_set(e->err, UNS_E_INPUT,
	                   "%s \"%s\" cannot be written to a variable for dockerd; expected only letters, "
	                   "digits and _@%%+=:,./-",
	                   what, s);
}

static int crowded(const struct edit *e, const struct occurrence *o)
{
	const struct reader r = { .text = e->text, .file = e->file, .len = e->len, .err = e->err };

	return bad(&r, o->from, "several options share this word; write them apart");
}

/* Gives the use another value, in the spelling that it has. */
static int replace(const struct edit *e, const struct occurrence *o, const char *value, struct uns_buf *ret)
{
	uns_auto_free char *word = NULL;

	if (o->crowded)
		return crowded(e, o);
	if (check_plain(e, value, "value"))
		return -1;
	if (e->alone && o->value_from != SIZE_MAX && o->value_from > o->from && e->text[o->value_from - 1] == '=')
		return splice(e, o->value_from - 1, o->to, "", "", ret);
	if (o->value_from == SIZE_MAX) {
		word = uns_str_printf(e->err, "=%s", value);
		return word ? splice(e, o->to, o->to, "", word, ret) : -1;
	}
	if (*value)
		return splice(e, o->value_from, o->to, "", value, ret);
	word = uns_str_printf(e->err, "--%s=", e->name);
	return word ? splice(e, o->from, o->to, "", word, ret) : -1;
}

/* after: one of the same option that it goes behind, or NULL. */
static int add(const struct edit *e, const struct occurrence *after, const char *value, struct uns_buf *ret)
{
	uns_auto_free char *word = NULL;

	if (check_plain(e, e->name, "option") || check_plain(e, value, "value"))
		return -1;
	word = uns_str_printf(e->err, "--%s%s%s", e->name, e->alone ? "" : "=", e->alone ? "" : value);
	if (!word)
		return -1;
	return after && e->value.kind == QUOTED && after->from >= e->value.line_at ? splice(e, after->to, after->to, " ", word, ret) : append_word(e, word, ret);
}

/* The line that add_line writes, and no earlier assignment that its removal would bring back. */
static bool is_added_line(const struct edit *e, const struct occurrence *o)
{
	size_t at = e->value.line_at, n = e->variable ? strlen(e->variable) : 0;

	if (!n || e->value.assignments != 1 || o->words != 1 || o->from != at + n + 2 || o->end - o->first != e->value.n)
		return false;
	if (memcmp(e->text + at, e->variable, n) != 0 || e->text[at + n] != '=' || e->text[at + n + 1] != '"')
		return false;
	return e->text[o->to] == '"' && (o->to + 1 == e->len || e->text[o->to + 1] == '\n');
}

/* The option alone on one of several lines joined by backslashes: *ret_from, *ret_to are that line. A blank must remain between the
 * words around it. */
static bool is_own_line(const struct edit *e, const struct occurrence *o, size_t *ret_from, size_t *ret_to)
{
	const char *t = e->text;
	size_t from = o->from, to = o->to;

	while (from > 0 && is_blank(t[from - 1]))
		from--;
	while (to < e->len && is_blank(t[to]))
		to++;
	if (from < 3 || t[from - 1] != '\n' || t[from - 2] != '\\' || to + 2 >= e->len || t[to] != '\\' || t[to + 1] != '\n')
		return false;
	if (!is_blank(t[from - 3]) && !is_blank(t[to + 2]))
		return false;
	*ret_from = from;
	*ret_to = to + 2;
	return true;
}

/* The option with one blank before it, as append_word wrote it; or, the first of its quotes, with the blanks behind it. */
static void widen(const struct edit *e, const struct occurrence *o, size_t *ret_from, size_t *ret_to)
{
	const struct cell *cells = e->value.v;
	unsigned segment = cells[o->first].segment;

	*ret_from = o->from;
	*ret_to = o->to;
	if (o->first > 0 && cells[o->first - 1].segment == segment) {
		*ret_from = cells[o->first - 1].at;
		return;
	}
	for (size_t i = o->end; i < e->value.n && cells[i].segment == segment; i++) {
		*ret_to = is_space(cells[i].c) ? cells[i].end : cells[i].at;
		if (!is_space(cells[i].c))
			break;
	}
}

static int cut(const struct edit *e, const struct occurrence *o, struct uns_buf *ret)
{
	size_t from, to;

	if (is_added_line(e, o)) {
		from = e->value.line_at;
		to = o->to + 1;
		if (to < e->len)
			to++;
		else if (from > 0)
			from--;
	} else if (!is_own_line(e, o, &from, &to)) {
		widen(e, o, &from, &to);
	}
	return splice(e, from, to, "", "", ret);
}

/* One edit towards the wanted values: 0 and the new text; 1 when it is so already. all: the uses are to be exactly these; else
 * only the last one counts, and without a value none is to be left. */
static int edit_once(const struct edit *e, const struct uns_strs *wanted, bool all, struct uns_buf *ret)
{
	struct occurrence o = { .value = NULL };
	size_t n = 0;

	if (find(e, SIZE_MAX, &o, &n))
		return -1;
	if (n > wanted->n && (all || wanted->n == 0))
		return o.crowded ? crowded(e, &o) : cut(e, &o, ret);
	if (!all && n > 0)
		return wanted->n == 0 || strcmp(o.value, wanted->v[0]) == 0 ? 1 : replace(e, &o, wanted->v[0], ret);
	for (size_t i = 0; i < n; i++) {
		if (find(e, i, &o, &n))
			return -1;
		if (strcmp(o.value, wanted->v[i]) != 0)
			return replace(e, &o, wanted->v[i], ret);
	}
	return n < wanted->n ? add(e, n ? &o : NULL, wanted->v[n], ret) : 1;
}

/* How many edits it takes. More would mean that one of them went somewhere where it does not count; verify says so then. */
static size_t count_edits(const struct uns_strs *now, const struct uns_strs *wanted, bool all)
{
	size_t common = now->n < wanted->n ? now->n : wanted->n, edits;

	if (!all && now->n > 0 && wanted->n > 0)
		return strcmp(now->v[now->n - 1], wanted->v[0]) != 0;
	edits = (now->n - common) + (wanted->n - common);
	for (size_t i = 0; i < common; i++)
		edits += strcmp(now->v[i], wanted->v[i]) != 0;
	return edits;
}

/* Edits one by one; each time the text is read anew. */
static int edit_all(const struct edit *first, const struct uns_strs *wanted, bool all, struct uns_buf *ret)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs now = UNS_STRS_INIT;

	if (uns_buf_append(&text, first->text, first->len, first->err) ||
	    uns_option_values(first->words.text.v, first->words.text.n, first->name, &now, first->err) < 0)
		return -1;
	for (size_t left = count_edits(&now, wanted, all);; left--) {
		uns_auto(edit_done) struct edit e = {
			.by = first->by,
			.text = text.data,
			.len = text.len,
			.file = first->file,
			.variable = first->variable,
			.name = first->name,
			.alone = first->alone,
			.err = first->err,
		};
		uns_auto(uns_buf_done) struct uns_buf next = UNS_BUF_INIT;
		int r;

		if (read_words(e.by, e.text, e.len, e.file, e.variable, &e.value, &e.words, e.err))
			return -1;
		r = left ? edit_once(&e, wanted, all, &next) : 1;
		if (r)
			return r < 0 ? -1 : uns_buf_append(ret, text.data, text.len, e.err);
		uns_buf_done(&text);
		text = next;
		next = (struct uns_buf)UNS_BUF_INIT;
	}
}

/* Appends the words that are not the option. */
static int others(const struct words *w, const char *name, struct uns_strs *ret, struct uns_err *err)
{
	struct uns_dockerd_use u = { .at = 0 };
	size_t from = 0;

	while (uns_dockerd_next(w->text.v, w->text.n, &u)) {
		if (!is_use_of(&u, name) || u.next_in_word)
			continue;
		for (; from < u.at; from++)
			if (uns_strs_add(ret, w->text.v[from], err))
				return -1;
		from = u.at + u.words;
	}
	for (; from < w->text.n; from++)
		if (uns_strs_add(ret, w->text.v[from], err))
			return -1;
	return 0;
}

static bool same_words(const struct uns_strs *a, const struct uns_strs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

/* The proof: the option is what was wanted, the other words are what they were. */
static int verify(const struct edit *old, const struct uns_buf *text, const struct uns_strs *wanted, bool all)
{
	uns_auto(edit_done) struct edit now = *old;
	uns_auto(uns_strs_done) struct uns_strs before = UNS_STRS_INIT, after = UNS_STRS_INIT, found = UNS_STRS_INIT;
	struct uns_err why;
	bool good;

	now.value = (struct value){ .n = 0 };
	now.words = (struct words){ .span = NULL };
	if (others(&old->words, old->name, &before, old->err))
		return -1;
	good = read_words(old->by, text->data, text->len, old->file, old->variable, &now.value, &now.words, &why) == 0;
	if (good && (others(&now.words, old->name, &after, old->err) ||
	             uns_option_values(now.words.text.v, now.words.text.n, old->name, &found, old->err) < 0))
		return -1;
	if (good && (all || wanted->n == 0))
		good = same_words(&found, wanted);
	else if (good)
		good = found.n > 0 && strcmp(found.v[found.n - 1], wanted->v[0]) == 0;
	if (good && same_words(&before, &after))
		return 0;
	return uns_err_set(old->err, UNS_E_FAILED,
	                   "%s: cannot %s --%s in %s without a change to other options; edit the file by hand "
	                   "(nothing was changed)",
	                   old->file, wanted->n ? "set" : "remove", old->name, old->variable ? old->variable : "the command line");
}

static int edit_text(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                     const char *flag, const struct uns_strs *wanted, bool all, bool alone, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	uns_auto(edit_done) struct edit e = {
		.by = by,
		.text = len ? text : "",
		.len = len,
		.file = file,
		.variable = variable,
		.name = flag,
		.alone = alone,
		.err = err,
	};

	if (read_words(by, e.text, len, file, variable, &e.value, &e.words, err))
		return -1;
	if (edit_all(&e, wanted, all, &out) || verify(&e, &out, wanted, all))
		return -1;
	return uns_buf_append(ret, out.data, out.len, err);
}

int uns_option_env_set(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                       const char *flag, const char *value, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs wanted = UNS_STRS_INIT;

	if (value && uns_strs_add(&wanted, value, err))
		return -1;
	return edit_text(by, text, len, file, variable, flag, &wanted, false, false, ret, err);
}

int uns_option_env_alone(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                         const char *flag, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs wanted = UNS_STRS_INIT;

	if (uns_strs_add(&wanted, "true", err))
		return -1;
	return edit_text(by, text, len, file, variable, flag, &wanted, false, true, ret, err);
}

int uns_option_env_list(enum uns_option_reader by, const char *text, size_t len, const char *file, const char *variable,
                        const char *flag, const struct uns_strs *values, struct uns_buf *ret, struct uns_err *err)
{
	return edit_text(by, text, len, file, variable, flag, values, true, false, ret, err);
}

int uns_option_line_set(const char *line, const char *file, const char *flag, const struct uns_strs *values, bool all,
                        struct uns_buf *ret, struct uns_err *err)
{
	return edit_text(UNS_READ_SH, line, strlen(line), file, NULL, flag, values, all, false, ret, err);
}
