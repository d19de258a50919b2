/* SPDX-License-Identifier: Apache-2.0 */
/* Unit files of systemd. See uns/unit.h. */
#include "uns/unit.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "uns/cleanup.h"

/* ---- words ---- */

static int digits(const char *s, unsigned base, size_t n, unsigned *ret)
{
	unsigned value = 0;

	for (size_t i = 0; i < n; i++) {
		int c = tolower((unsigned char)s[i]);
		unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;

		if (d >= base)
			return -1;
		value = value * base + d;
	}
	*ret = value;
	return 0;
}

/* UTF-8 of a code point. */
static size_t encode(unsigned c, char ret[4])
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		ret[0] = (char)(0xe0 | c >> 12);
		ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | c >> 18);
	ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What "\x41" and the like stand for: how many bytes of s (behind the backslash) were used, 0: no such escape. */
static size_t unescape(const char *s, char ret[4], size_t *ret_len)
{
	static const char names[] = "abfnrtv\\\"'s", values[] = "\a\b\f\n\r\t\v\\\"' ";
	static const struct {
		char c;
		unsigned base;
		size_t n;
	} numbers[] = {{'x', 16, 2}, {'u', 16, 4}, {'U', 16, 8}};
	const char *name = *s ? strchr(names, *s) : NULL;
	unsigned value;

	*ret_len = 1;
	if (name) {
		ret[0] = values[name - names];
		return 1;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (*s != numbers[i].c || strnlen(s, numbers[i].n + 1) <= numbers[i].n)
			continue;
		if (digits(s + 1, 16, numbers[i].n, &value) < 0 || value == 0 || value > 0x10ffff)
			return 0;
		if (*s == 'x')
			ret[0] = (char)value;
		else
			*ret_len = encode(value, ret);
		return numbers[i].n + 1;
	}
	if (strnlen(s, 3) < 3 || digits(s, 8, 3, &value) < 0 || value == 0 || value > 255)
		return 0;
	ret[0] = (char)value;
	return 3;
}

static bool is_blank(char c)
{
	return c && strchr(" \t\r\n", c);
}

/* At a backslash; past it and what it stands for. */
static int add_escaped(const char **s, bool replace, struct uns_buf *word, struct uns_err *err)
{
	size_t len = 0, used = 0;
	char bytes[4];

	++*s;
	if (!**s)
		return replace ? uns_buf_puts(word, "\\", err) : 0;
	if (replace)
		used = unescape(*s, bytes, &len);
	if (!replace) {
		bytes[0] = **s;
		used = len = 1;
	} else if (used == 0) {
		bytes[0] = '\\';
		bytes[1] = **s;
		used = 1;
		len = 2;
	}
	*s += used;
	return uns_buf_append(word, bytes, len, err);
}

static int add_word(const char **s, bool replace, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf word = UNS_BUF_INIT;
	char quote = 0;

	while (**s && (quote || !is_blank(**s))) {
		if (quote ? **s == quote : **s == '"' || **s == '\'') {
			quote = quote ? 0 : **s;
			++*s;
		} else if (**s == '\\') {
			if (add_escaped(s, replace, &word, err) < 0)
				return -1;
		} else if (uns_buf_append(&word, (*s)++, 1, err) < 0) {
			return -1;
		}
	}
	return uns_strs_add(ret, word.data ? word.data : "", err);
}

static int split(const char *s, bool replace, struct uns_strs *ret, struct uns_err *err)
{
	while (*(s += strspn(s, " \t\r\n")))
		if (add_word(&s, replace, ret, err) < 0)
			return -1;
	return 0;
}

int uns_unit_words(const char *value, struct uns_strs *ret, struct uns_err *err)
{
	return split(value, true, ret, err);
}

int uns_unit_variable_words(const char *value, struct uns_strs *ret, struct uns_err *err)
{
	return split(value, false, ret, err);
}

/* ---- lines ---- */

static void trim_end(char *s, size_t len)
{
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
}

/* Appends the next line, continued ones joined by a blank (a comment among them is skipped). 1 at the end of the text. */
static int next_line(const char **text, struct uns_buf *line, unsigned *number, struct uns_err *err)
{
	const char *p = *text;
	bool more = *p != '\0';

	if (!more)
		return 1;
	while (more && *p) {
		size_t len = strcspn(p, "\n");
		size_t used = len && p[len - 1] == '\r' ? len - 1 : len;
		char first = p[strspn(p, " \t")];

		if (first == '#' || first == ';') {
			more = line->len > 0;
		} else {
			more = used && p[used - 1] == '\\';
			if (uns_buf_append(line, p, more ? used - 1 : used, err) < 0 || (more && uns_buf_puts(line, " ", err) < 0))
				return -1;
		}
		p += len + (p[len] == '\n');
		++*number;
	}
	*text = p;
	return 0;
}

static int assignment(char *s, const char *section, uns_unit_visit visit, void *user, unsigned line, struct uns_err *err)
{
	char *value = strchr(s, '=');

	if (!value)
		return 0;
	*value++ = '\0';
	trim_end(s, strlen(s));
	return visit(user, section, s, value + strspn(value, " \t"), line, err);
}

/* "[Service]" becomes "Service". Anything else that begins so is a section that nobody asks for. */
static int enter_section(char *s, char **section, struct uns_err *err)
{
	size_t len = strlen(s);
	char *name;

	if (s[len - 1] == ']')
		s[len - 1] = '\0';
	name = uns_str_dup(s + 1, err);
	if (!name)
		return -1;
	free(*section);
	*section = name;
	return 0;
}

int uns_unit_parse(const char *text, uns_unit_visit visit, void *user, struct uns_err *err)
{
	uns_auto_free char *section = uns_str_dup("", err);
	unsigned number = 0;

	while (section) {
		uns_auto(uns_buf_done) struct uns_buf line = UNS_BUF_INIT;
		unsigned first = number + 1;
		int r = next_line(&text, &line, &number, err);
		char *s;

		if (r)
			return r < 0 ? -1 : 0;
		if (!line.len)
			continue;
		trim_end(line.data, line.len);
		s = line.data + strspn(line.data, " \t");
		if (*s == '[')
			r = enter_section(s, &section, err);
		else if (!strchr("#;", *s))
			r = assignment(s, section, visit, user, first, err);
		if (r < 0)
			return -1;
	}
	return -1;
}
