/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON values with jansson. See uns/json.h. */
#include "uns/json.h"

#include <string.h>

#include "uns/cleanup.h"
#include "uns/str.h"

static const char *type_name(const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "of an unknown type";
}

/* jansson quotes the text that it stumbled over, and that text may come from a container: no control characters to a terminal. */
static void tame(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

/* jansson cannot hold U+0000 in a name, but any image may bring it in a label: a copy of the text with U+FFFD in its place, which
 * has the same length, so that positions hold. */
static int replace_nul(const char *text, size_t len, char **ret, struct uns_err *err)
{
	char *copy = malloc(len);

	if (!copy)
		return uns_err_nomem(err);
	memcpy(copy, text, len);
	for (size_t i = 0; i + 5 < len; i++) {
		if (copy[i] != '\\')
			continue;
		if (memcmp(copy + i + 1, "u0000", 5) == 0)
			memcpy(copy + i + 1, "ufffd", 5);
		i++; /* the escaped character, which may be a backslash */
	}
	*ret = copy;
	return 0;
}

static int syntax_error(const char *file, json_error_t *e, struct uns_err *err)
{
	if (json_error_code(e) == json_error_out_of_memory)
		return uns_err_nomem(err);
	tame(e->text);
	return uns_err_set(err, UNS_E_INPUT, "%s:%d:%d: %s", file, e->line < 1 ? 1 : e->line, e->column < 1 ? 1 : e->column,
	                   e->text);
}

int uns_json_load(const char *text, size_t len, const char *file, bool *reals, json_t **ret, struct uns_err *err)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	const size_t bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	uns_auto_free char *copy = NULL;
	json_error_t e;
	json_t *j;

	if (len == bom)
		return uns_err_set(err, UNS_E_INPUT, "%s:1:1: the text is empty; expected a JSON object or array", file);
	for (;;) {
		j = json_loadb(copy ? copy : text + bom, len - bom, flags | (*reals ? JSON_DECODE_INT_AS_REAL : 0), &e);
		if (j)
			break;
		if (json_error_code(&e) == json_error_numeric_overflow && !*reals)
			*reals = true;
		else if (json_error_code(&e) != json_error_null_byte_in_key || copy)
			return syntax_error(file, &e, err);
		else if (replace_nul(text + bom, len - bom, &copy, err))
			return -1;
	}
	*ret = j;
	return 0;
}

int uns_json_parse(const char *text, size_t len, const char *file, json_t **ret, struct uns_err *err)
{
	bool reals = false;
	return uns_json_load(text, len, file, &reals, ret, err);
}

/* DEL, or one of U+0080 to U+009F in UTF-8: to some terminals these are commands, and the program that they may be shown on is not
 * ours to know. Its length in bytes; 0: it is none. */
static size_t control_len(const unsigned char *s)
{
	if (*s == 0x7f)
		return 1;
	return *s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f ? 2 : 0;
}

static char *escape_controls(const char *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t len; *s; s += len) {
		size_t control = control_len((const unsigned char *)s);
		unsigned code = (unsigned char)s[control ? control - 1 : 0];

		len = control ? control : strcspn(s + 1, "\x7f\xc2") + 1;
		if ((control ? uns_buf_printf(&b, err, "\\u%04x", code) : uns_buf_append(&b, s, len, err)) < 0)
			return NULL;
	}
	return uns_buf_take(&b, err);
}

char *uns_json_dump(const json_t *j, bool pretty, struct uns_err *err)
{
	uns_auto_free char *s = json_dumps(j, JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT));

	if (!s) {
		uns_err_nomem(err);
		return NULL;
	}
	return strpbrk(s, "\x7f\xc2") ? escape_controls(s, err) : uns_take_ptr(s);
}

static int wrong(const json_t *found, const char *key, const char *expected, struct uns_err *err)
{
	if (!found)
		return uns_err_set(err, UNS_E_INPUT, "member \"%s\" is missing; expected %s", key, expected);
	return uns_err_set(err, UNS_E_INPUT, "member \"%s\" is %s; expected %s", key, type_name(found), expected);
}

/* NULL for a string that C would cut short at a U+0000. */
static const char *c_string(const json_t *j)
{
	const char *s = json_string_value(j);
	return s && strlen(s) == json_string_length(j) ? s : NULL;
}

int uns_json_str(const json_t *obj, const char *key, const char **ret, struct uns_err *err)
{
	const json_t *j = json_object_get(obj, key);
	const char *s = c_string(j);
	if (!s)
		return wrong(j, key, json_is_string(j) ? "a string without U+0000" : "a string", err);
	*ret = s;
	return 0;
}

int uns_json_u32(const json_t *obj, const char *key, uint32_t *ret, struct uns_err *err)
{
	static const char expected[] = "a whole number from 0 to 4294967295";
	const json_t *j = json_object_get(obj, key);
	json_int_t n;

	if (!json_is_integer(j))
		return wrong(j, key, expected, err);
	n = json_integer_value(j);
	if (n < 0 || n > UINT32_MAX)
		return uns_err_set(err, UNS_E_INPUT, "member \"%s\" is %" JSON_INTEGER_FORMAT "; expected %s", key, n, expected);
	*ret = (uint32_t)n;
	return 0;
}

int uns_json_array(const json_t *obj, const char *key, json_t **ret, struct uns_err *err)
{
	json_t *j = json_object_get(obj, key);
	if (!json_is_array(j))
		return wrong(j, key, "an array", err);
	*ret = j;
	return 0;
}

const char *uns_json_str_or(const json_t *obj, const char *key, const char *def)
{
	const char *s = c_string(json_object_get(obj, key));
	return s ? s : def;
}

bool uns_json_bool_or(const json_t *obj, const char *key, bool def)
{
	const json_t *j = json_object_get(obj, key);
	return json_is_boolean(j) ? json_is_true(j) : def;
}

int uns_json_copy(const json_t *obj, const char *key, char **ret, struct uns_err *err)
{
	const char *s = json_string_value(json_object_get(obj, key));
	char *copy;

	if (!s || !*s)
		return 0;
	copy = uns_str_dup(s, err);
	if (!copy)
		return -1;
	free(*ret);
	*ret = copy;
	return 0;
}
