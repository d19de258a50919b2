/* SPDX-License-Identifier: Apache-2.0 */
/* uns/json.h and uns/jsontext.h. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/json.h"
#include "uns/jsontext.h"

#define BOM "\xef\xbb\xbf"

static json_t *parse(const char *text)
{
	struct uns_err err = { 0 };
	json_t *j = NULL;

	if (uns_json_parse(text, strlen(text), "f", &j, &err))
		fail_msg("%s: %s", text, err.text);
	return j;
}

/* ---- values ---- */

static void assert_malformed(const char *text, size_t len, const char *begin)
{
	json_t *j = NULL;
	struct uns_err err = { 0 };

	assert_int_equal(uns_json_parse(text, len, "f", &j, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_null(j);
	if (strncmp(err.text, begin, strlen(begin)) != 0)
		assert_string_equal(err.text, begin);
	for (const char *p = err.text; *p; p++)
		assert_in_range((unsigned char)*p, 0x20, 0x7e);
}

static void parse_errors_name_the_place(void **state)
{
	(void)state;
	assert_malformed("", 0, "f:1:1: the text is empty; expected a JSON object or array");
	assert_malformed(NULL, 0, "f:1:1: the text is empty");
	assert_malformed(BOM, 3, "f:1:1: the text is empty");
	assert_malformed("{\n \"a\": }", 9, "f:2:7: unexpected token near '}'");
	assert_malformed("{\"a\":1,\"a\":2}", 13, "f:1:10: duplicate object key");
	assert_malformed("{\"a\":1}}", 8, "f:1:8: end of file expected");
	assert_malformed("[\x1b[2J]", 7, "f:1:2: ");
	assert_malformed("[1e999]", 7, "f:1:6: real number overflow");
	assert_malformed("[\"\\ud800\"]", 10, "f:1:");
	assert_malformed("[\"\xff\"]", 5, "f:1:");
}

static void parse_reads_what_hosts_have(void **state)
{
	json_t *j = parse(BOM "{\"a\":1}");
	bool reals = false;

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(j, "a")), 1);
	json_decref(j);
	j = parse("{\"a\":\"x\\u0000y\"}");
	assert_int_equal(json_string_length(json_object_get(j, "a")), 3);
	json_decref(j);
	j = parse("{\"k\\u0000\":\"\\\\u0000\",\"b\":1}");
	assert_string_equal(json_string_value(json_object_get(j, "k\xef\xbf\xbd")), "\\u0000");
	json_decref(j);
	assert_int_equal(uns_json_load("[18446744073709551615,2]", 24, "f", &reals, &j, NULL), 0);
	assert_true(reals);
	assert_true(json_is_real(json_array_get(j, 1)));
	json_decref(j);
	j = parse("[18446744073709551615,{\"\\u0000\":1}]");
	assert_int_equal(json_array_size(j), 2);
	json_decref(j);
}

static void dump_keeps_the_order(void **state)
{
	json_t *j = parse("{\"z\":1,\"a\":[true,null]}");
	char *s = uns_json_dump(j, false, NULL);

	(void)state;
	assert_string_equal(s, "{\"z\":1,\"a\":[true,null]}");
	free(s);
	s = uns_json_dump(j, true, NULL);
	assert_string_equal(s, "{\n  \"z\": 1,\n  \"a\": [\n    true,\n    null\n  ]\n}");
	free(s);
	s = uns_json_dump(json_object_get(j, "z"), false, NULL);
	assert_string_equal(s, "1");
	free(s);
	json_decref(j);
}

/* Commands of terminals are escaped, and mean the same to who parses them. */
static void dump_is_safe_to_show(void **state)
{
	json_t *j = parse("[\"a\\u009b31m\\u007f\\u00c2\\u00a0 \\u0080\"]"), *again;
	char *s = uns_json_dump(j, false, NULL);

	(void)state;
	assert_string_equal(s, "[\"a\\u009b31m\\u007f\xc3\x82\xc2\xa0 \\u0080\"]");
	again = parse(s);
	assert_true(json_equal(j, again));
	json_decref(again);
	json_decref(j);
	free(s);
}

static void getters(void **state)
{
	json_t *j = parse(
	        "{\"s\":\"x\",\"n\":4294967295,\"big\":4294967296,\"neg\":-1,\"r\":1.0,\"a\":[],\"t\":true,\"nul\":\"a\\u0000\"}");
	json_t *array = NULL;
	const char *s = "untouched";
	uint32_t n = 7;
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_json_str(j, "nul", &s, &err), -1);
	assert_string_equal(err.text, "member \"nul\" is a string; expected a string without U+0000");
	assert_int_equal(uns_json_str(j, "no", &s, &err), -1);
	assert_string_equal(err.text, "member \"no\" is missing; expected a string");
	assert_int_equal(uns_json_str(j, "t", &s, &err), -1);
	assert_string_equal(err.text, "member \"t\" is true or false; expected a string");
	assert_string_equal(s, "untouched");
	assert_int_equal(uns_json_str(j, "s", &s, &err), 0);
	assert_string_equal(s, "x");
	assert_int_equal(uns_json_u32(j, "big", &n, &err), -1);
	assert_string_equal(err.text, "member \"big\" is 4294967296; expected a whole number from 0 to 4294967295");
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_int_equal(uns_json_u32(j, "neg", &n, &err), -1);
	assert_int_equal(uns_json_u32(j, "r", &n, &err), -1);
	assert_int_equal(uns_json_u32(NULL, "n", &n, &err), -1);
	assert_int_equal(n, 7);
	assert_int_equal(uns_json_u32(j, "n", &n, &err), 0);
	assert_int_equal(n, 4294967295u);
	assert_int_equal(uns_json_array(j, "s", &array, &err), -1);
	assert_string_equal(err.text, "member \"s\" is a string; expected an array");
	assert_int_equal(uns_json_array(j, "a", &array, &err), 0);
	assert_ptr_equal(array, json_object_get(j, "a"));
	assert_string_equal(uns_json_str_or(j, "s", "d"), "x");
	assert_string_equal(uns_json_str_or(j, "nul", "d"), "d");
	assert_string_equal(uns_json_str_or(j, "a", "d"), "d");
	assert_null(uns_json_str_or(j, "no", NULL));
	assert_true(uns_json_bool_or(j, "t", false));
	assert_true(uns_json_bool_or(j, "no", true));
	assert_false(uns_json_bool_or(j, "s", false));
	json_decref(j);
}

/* ---- one member as text ---- */

/* value: JSON text, NULL to remove. */
static char *edit(const char *text, const char *key, const char *value)
{
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	json_t *v = value ? json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;

	if (uns_jsontext_member(text, strlen(text), "f", key, v, &out, &err))
		fail_msg("%s: %s", text, err.text);
	json_decref(v);
	return uns_buf_take(&out, NULL);
}

static void assert_edit(const char *text, const char *key, const char *value, const char *want)
{
	char *got = edit(text, key, value);

	assert_string_equal(got, want);
	free(got);
}

static void add_and_remove_leaves_no_trace(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "{\"k\": \"v\"}" },
		{ "{ }", "{ \"k\": \"v\" }" },
		{ "{}\n", "{\"k\": \"v\"}\n" },
		{ "{\n}\n", "{\n    \"k\": \"v\"\n}\n" },
		{ "{\r\n}\r\n", "{\r\n    \"k\": \"v\"\r\n}\r\n" },
		{ "{\n\n}", "{\n    \"k\": \"v\"\n\n}" },
		{ "  {\n  }", "  {\n      \"k\": \"v\"\n  }" },
		{ "{ \n \t}", "{\n \t    \"k\": \"v\" \n \t}" },
		{ "{\r}", "{\r\"k\": \"v\"\r}" },
		{ BOM "{}", BOM "{\"k\": \"v\"}" },
		{ "{\"a\":1}", "{\"a\":1,\"k\":\"v\"}" },
		{ "{\"a\": 1}", "{\"a\": 1, \"k\": \"v\"}" },
		{ "{ \"a\" : 1 }", "{ \"a\" : 1, \"k\" : \"v\" }" },
		{ "{\"a\": 1, \"b\": 2}\n", "{\"a\": 1, \"b\": 2, \"k\": \"v\"}\n" },
		{ "{\n\t\"a\": 1\n}\n", "{\n\t\"a\": 1,\n\t\"k\": \"v\"\n}\n" },
		{ "{\n  \"a\": 1,\n  \"b\": {}\n}", "{\n  \"a\": 1,\n  \"b\": {},\n  \"k\": \"v\"\n}" },
		{ "{\n    \"a\": [\n        1\n    ]\n}\n", "{\n    \"a\": [\n        1\n    ],\n    \"k\": \"v\"\n}\n" },
		{ "{\r\n  \"a\": 1\r\n}\r\n", "{\r\n  \"a\": 1,\r\n  \"k\": \"v\"\r\n}\r\n" },
		{ "{\n  \"a\": 1,\n\n\n  \"b\": 2\n\n}\n", "{\n  \"a\": 1,\n\n\n  \"b\": 2,\n  \"k\": \"v\"\n\n}\n" },
		{ "{\n  \"a\": 1\n  , \"b\": 2\n}\n", "{\n  \"a\": 1\n  , \"b\": 2, \"k\": \"v\"\n}\n" },
		{ "{\"a\":1\n}", "{\"a\":1,\"k\":\"v\"\n}" },
		{ "{\"a\":\n1}", "{\"a\":\n1, \"k\": \"v\"}" },
		{ "{ \"x\":\"}\\\"{\", \"n\":-0.5e+3 }", "{ \"x\":\"}\\\"{\", \"n\":-0.5e+3, \"k\":\"v\" }" },
		{ "{\"u\":18446744073709551615}", "{\"u\":18446744073709551615,\"k\":\"v\"}" },
		{ "{\"\\u0000\":\"\\u0000\"}", "{\"\\u0000\":\"\\u0000\",\"k\":\"v\"}" },
		{ "{\"o\":{\"k\":1}}", "{\"o\":{\"k\":1},\"k\":\"v\"}" },
		{ "\n{\"a\":1}\n\n", "\n{\"a\":1,\"k\":\"v\"}\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *with = edit(cases[i][0], "k", "\"v\"");

		assert_string_equal(with, cases[i][1]);
		assert_edit(with, "k", NULL, cases[i][0]);
		assert_edit(with, "k", "\"v\"", with);
		assert_edit(cases[i][0], "k", NULL, cases[i][0]);
		free(with);
	}
}

/* Each pair of members, whatever the style: both orders of removal. */
static void two_members_come_and_go(void **state)
{
	static const char *const texts[] = {
		"{}", "{ }", "{\n}", "{\r\n\t}", "{\"a\":1}", "{\n  \"a\": 1\n}\n", " {\"a\" :[1, 2] } "
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *one = edit(texts[i], "k", "{\"x\": 1}"), *two = edit(one, "l", "2.5"), *left;

		assert_edit(two, "l", NULL, one);
		left = edit(two, "k", NULL);
		assert_edit(left, "l", NULL, texts[i]);
		free(left);
		free(two);
		free(one);
	}
}

static void blank_texts_become_objects(void **state)
{
	(void)state;
	assert_edit("", "k", "\"v\"", "{\n    \"k\": \"v\"\n}\n");
	assert_edit(" \n\t\r\n", "k", "1", "{\n    \"k\": 1\n}\n");
	assert_edit(BOM, "k", "1", BOM "{\n    \"k\": 1\n}\n");
	assert_edit(BOM " \n", "k", NULL, BOM " \n");
	assert_edit("", "k", NULL, "");
}

static void values_are_replaced_in_place(void **state)
{
	(void)state;
	assert_edit("{\"a\" : 1 ,\"k\" :\"old\" , \"b\":2}", "k", "\"new\"", "{\"a\" : 1 ,\"k\" :\"new\" , \"b\":2}");
	assert_edit("{\"k\": {\"x\":[1,2,{}]}\n}", "k", "true", "{\"k\": true\n}");
	assert_edit("{\"\\u006b\": 1}", "k", "2", "{\"\\u006b\": 2}");
	/* What says the same already keeps its spelling. */
	assert_edit("{\"k\": \"\\u0061\\/\"}", "k", "\"a/\"", "{\"k\": \"\\u0061\\/\"}");
	assert_edit("{\"k\": {\"x\":1,  \"y\":2}}", "k", "{\"y\":2,\"x\":1}", "{\"k\": {\"x\":1,  \"y\":2}}");
	assert_edit("{\"k\": 9007199254740993}", "k", "9007199254740992", "{\"k\": 9007199254740992}");
	assert_edit("{\"u\": 18446744073709551615, \"k\": 1}", "k", "2", "{\"u\": 18446744073709551615, \"k\": 2}");
	assert_edit("{\"k\": null}", "k", "\"a\\u0000b\"", "{\"k\": \"a\\u0000b\"}");
	assert_edit("{\"r\": 0.1}", "k", "3.14159", "{\"r\": 0.1, \"k\": 3.1415899999999999}");
}

static void members_are_removed(void **state)
{
	static const char text[] = "{\n  \"a\": 1,\n  \"k\": 2,\n\n  \"b\": 3\n}\n";

	(void)state;
	assert_edit(text, "a", NULL, "{\n  \"k\": 2,\n\n  \"b\": 3\n}\n");
	assert_edit(text, "k", NULL, "{\n  \"a\": 1,\n  \"b\": 3\n}\n");
	assert_edit(text, "b", NULL, "{\n  \"a\": 1,\n  \"k\": 2\n}\n");
	assert_edit("{\"k\":1}", "k", NULL, "{}");
	assert_edit("{\n\t\"k\":1\n}", "k", NULL, "{\n}");
	assert_edit("{ \"k\":1}", "k", NULL, "{}");
	assert_edit("{\"k\":1\n}", "k", NULL, "{\n}");
	assert_edit("{\"a\":1\n,\"k\":2\n,\"b\":3\n}", "k", NULL, "{\"a\":1\n,\"b\":3\n}");
	assert_edit("{\"a\":{\"k\":1},\"k\":2}", "k", NULL, "{\"a\":{\"k\":1}}");
}

static void keys_are_escaped(void **state)
{
	(void)state;
	assert_edit("{}", "a\"\n\\", "1", "{\"a\\\"\\n\\\\\": 1}");
	assert_edit("{\"a\\\"\\n\\\\\": 1}", "a\"\n\\", NULL, "{}");
	assert_edit("{}", "caf\xc3\xa9", "1", "{\"caf\xc3\xa9\": 1}");
	assert_edit("{\"\\ud83d\\ude00\":1,\"b\":2}", "\xf0\x9f\x98\x80", NULL, "{\"b\":2}");
}

static void assert_edit_fails(const char *text, size_t len, const char *key, const char *begin)
{
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	json_t *v = json_true();

	assert_int_equal(uns_jsontext_member(text, len, "f", key, v, &out, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	if (strncmp(err.text, begin, strlen(begin)) != 0)
		assert_string_equal(err.text, begin);
	assert_null(out.data);
	json_decref(v);
}

/* The scanner is strict: one case per rule of RFC 8259. */
static void malformed_texts(void **state)
{
	static const char value[] = "a value: {, [, a string in double quotes, a number, true, false or null";
	static const struct {
		const char *text, *place, *what;
	} cases[] = {
		{ "[]", "1:1", "an object: '{'" },
		{ " \n x", "2:2", "an object: '{'" },
		{ "{", "1:2", "a member: a name in double quotes" },
		{ "{\"a\":1,}", "1:8", "a member: a name in double quotes" },
		{ "{\n  // hm\n}", "2:3", "a member: a name in double quotes" },
		{ "{'a':1}", "1:2", "a member: a name in double quotes" },
		{ "{\"a\" 1}", "1:6", "':' after the name of a member" },
		{ "{\"a\":}", "1:6", value },
		{ "{\"a\":1\n \"b\":2}", "2:2", "',' or '}' after a member" },
		{ "{\"a\":[1 2]}", "1:9", "',' or ']' after an element" },
		{ "{\"a\":[1,]}", "1:9", value },
		{ "{\"a\":[,]}", "1:7", value },
		{ "{\"a\":tru}", "1:6", value },
		{ "{\"a\":nul", "1:6", value },
		{ "{\"a\":truex}", "1:10", "',' or '}' after a member" },
		{ "{\"a\":+1}", "1:6", value },
		{ "{\"a\":.5}", "1:6", value },
		{ "{\"a\":NaN}", "1:6", value },
		{ "{\"a\":-}", "1:7", "a digit" },
		{ "{\"a\":1.}", "1:8", "a digit" },
		{ "{\"a\":1e}", "1:8", "a digit" },
		{ "{\"a\":1e+}", "1:9", "a digit" },
		{ "{\"a\":01}", "1:7", "',' or '}' after a member" },
		{ "{\"a\":\"x", "1:8", "'\"' at the end of the string" },
		{ "{\"a\":\"x\ty\"}", "1:8", "no control character inside a string" },
		{ "{\"a\":\"x\ny\"}", "1:8", "no control character inside a string" },
		{ "{\"a\":\"\\x41\"}", "1:8", "one of \" \\ / b f n r t u after a backslash" },
		{ "{\"a\":\"\\", "1:8", "one of \" \\ / b f n r t u after a backslash" },
		{ "{\"a\":\"\\u12g4\"}", "1:11", "four hexadecimal digits after \\u" },
		{ "{\"a\":\"\\ud800\"}", "1:13", "a surrogate only as one of a pair (\\ud800\\udc00 to \\udbff\\udfff)" },
		{ "{\"a\":\"\\udc00\"}", "1:13", "a surrogate only as one of a pair (\\ud800\\udc00 to \\udbff\\udfff)" },
		{ "{\"a\":\"\\ud800\\n\"}", "1:14", "a surrogate only as one of a pair (\\ud800\\udc00 to \\udbff\\udfff)" },
		{ "{\"a\":\"\\ud800\\ud800\"}", "1:19", "a surrogate only as one of a pair (\\ud800\\udc00 to \\udbff\\udfff)" },
		{ "{\"a\":1}\n}", "2:1", "the end of the text" },
		{ "{} # no", "1:4", "the end of the text" },
		{ "{\f}", "1:2", "a member: a name in double quotes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char want[256];

		snprintf(want, sizeof want, "f:%s: expected %s", cases[i].place, cases[i].what);
		assert_edit_fails(cases[i].text, strlen(cases[i].text), "k", want);
	}
	assert_edit_fails("{\"a\":1}\0", 8, "k", "f:1:8: expected the end of the text");
	assert_edit_fails("{\"a\":1,\"b\":2,\"a\":3}", 19, "k", "f:1:16: duplicate object key");
	assert_edit_fails("{\"o\":{\"a\":1,\"\\u0061\":2}}", 24, "k", "f:1:20: duplicate object key");
	assert_edit_fails("{\"a\":\"\xff\"}", 9, "k", "f:1:");
	assert_edit_fails("{}", 2, "k\xff", "k%FF: not UTF-8");
}

static void nesting_is_bounded(void **state)
{
	struct uns_buf deep = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_buf_puts(&deep, "{\"a\":", NULL), 0);
	for (int i = 0; i < 511; i++)
		assert_int_equal(uns_buf_puts(&deep, "[", NULL), 0);
	for (int i = 0; i < 511; i++)
		assert_int_equal(uns_buf_puts(&deep, "]", NULL), 0);
	assert_int_equal(uns_buf_puts(&deep, "}", NULL), 0);
	free(edit(deep.data, "k", "1"));
	uns_buf_done(&deep);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(uns_buf_puts(&deep, "{\"a\":", NULL), 0);
	assert_edit_fails(deep.data, deep.len, "k", "f:1:2561: expected at most 512 levels of nesting");
	uns_buf_done(&deep);
}

/* ---- many strings ---- */

struct seen {
	struct uns_strs paths, values;
	int fail;
};

/* /old/… becomes /new/…; all calls are noted. */
static int map(void *user, const char *path, const char *value, char **ret_new, struct uns_err *err)
{
	struct seen *s = user;

	if (uns_strs_add(&s->paths, path, err) || uns_strs_add(&s->values, value, err))
		return -1;
	if (s->fail)
		return uns_err_set(err, UNS_E_CONFLICT, "%s: no", path);
	*ret_new = uns_str_starts(value, "/old/") ? uns_str_printf(err, "/new/%s", value + 5) : NULL;
	return 0;
}

static void seen_done(struct seen *s)
{
	uns_strs_done(&s->paths);
	uns_strs_done(&s->values);
}

static const char *const fields[] = { "LogPath", "MountPoints.*.Source", "Mounts.*.Source", "Binds.*" };

static void assert_strings(const char *text, const char *want, size_t want_changed)
{
	struct seen seen = { 0 };
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	size_t changed = 99;

	if (uns_jsontext_strings(text, strlen(text), "f", fields, 4, map, &seen, &out, &changed, &err))
		fail_msg("%s", err.text);
	assert_string_equal(out.data, want);
	assert_int_equal(changed, want_changed);
	uns_buf_done(&out);
	seen_done(&seen);
}

static void strings_of_the_fields_are_mapped(void **state)
{
	(void)state;
	assert_strings("{\"LogPath\" : \"/old/a\",\"X\":\"/old/a\"}\n", "{\"LogPath\" : \"/new/a\",\"X\":\"/old/a\"}\n", 1);
	assert_strings("{\"A\":{\"LogPath\":\"/old/a\"}}", "{\"A\":{\"LogPath\":\"/old/a\"}}", 0);
	assert_strings(
	        "{\"MountPoints\":{\"/d\":{\"Source\":\"/old/x\",\"S\":{\"Source\":\"/old/x\"}},\"/a.b\":{\"Source\":\"/old/y\"}}}",
	        "{\"MountPoints\":{\"/d\":{\"Source\":\"/new/x\",\"S\":{\"Source\":\"/old/x\"}},\"/a.b\":{\"Source\":\"/new/y\"}}}",
	        2);
	assert_strings("{\"Mounts\":[{\"Source\":\"/old/1\"},{\"Source\":null},{\"Source\":\"x\"},{\"Source\":\"/old/2\"}]}",
	               "{\"Mounts\":[{\"Source\":\"/new/1\"},{\"Source\":null},{\"Source\":\"x\"},{\"Source\":\"/new/2\"}]}", 2);
	assert_strings("{\"Binds\":[\"/old/a:/b\", \"c:/d\"],\"Binds2\":[\"/old/a\"]}",
	               "{\"Binds\":[\"/new/a:/b\", \"c:/d\"],\"Binds2\":[\"/old/a\"]}", 1);
	assert_strings("{\"Binds\":null,\"LogPath\":1,\"MountPoints\":[],\"Mounts\":\"/old/\"}",
	               "{\"Binds\":null,\"LogPath\":1,\"MountPoints\":[],\"Mounts\":\"/old/\"}", 0);
	assert_strings("[\"/old/x\"]", "[\"/old/x\"]", 0);
	/* Names that look like several components, or like a pattern. */
	assert_strings("{\"MountPoints./a.Source\":\"/old/x\",\"*\":\"/old/x\",\"Binds.0\":\"/old/x\"}",
	               "{\"MountPoints./a.Source\":\"/old/x\",\"*\":\"/old/x\",\"Binds.0\":\"/old/x\"}", 0);
}

static void spelling_of_others_stays(void **state)
{
	(void)state;
	assert_strings(
	        "{\"L\":\"\\u003c\\/\\u00e9\\n\",\"n\":1.50,\"LogPath\":\"\\u002fold\\/\\u003ca\\u003e \\ud83d\\ude00\\t\\\"\"}",
	        "{\"L\":\"\\u003c\\/\\u00e9\\n\",\"n\":1.50,\"LogPath\":\"/new/<a> \xf0\x9f\x98\x80\\t\\\"\"}", 1);
	assert_strings("{\"Log\\u0050ath\":\"/old/\\u00e9\\u20ac\"}", "{\"Log\\u0050ath\":\"/new/\xc3\xa9\xe2\x82\xac\"}", 1);
	assert_strings(BOM "{\"LogPath\":\"/old/\"}", BOM "{\"LogPath\":\"/new/\"}", 1);
	/* A string that C cannot hold is no path of this host. */
	assert_strings("{\"LogPath\":\"/old/\\u0000\",\"k\\u0000\":18446744073709551615,\"Binds\":[\"/old/a\"]}",
	               "{\"LogPath\":\"/old/\\u0000\",\"k\\u0000\":18446744073709551615,\"Binds\":[\"/new/a\"]}", 1);
}

static void the_map_gets_path_and_value(void **state)
{
	static const char text[] = "{\"MountPoints\":{\"/a.b\":{\"Source\":\"\"}},\"Binds\":[\"x\",\"\\u003cy\"]}";
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(uns_jsontext_strings(text, strlen(text), "f", fields, 4, map, &seen, NULL, NULL, NULL), 0);
	assert_int_equal(seen.paths.n, 3);
	assert_string_equal(seen.paths.v[0], "MountPoints./a.b.Source");
	assert_string_equal(seen.values.v[0], "");
	assert_string_equal(seen.paths.v[2], "Binds.1");
	assert_string_equal(seen.values.v[2], "<y");
	seen_done(&seen);
}

static void failures_give_nothing(void **state)
{
	static const char text[] = "{\"LogPath\":\"/old/a\"}", broken[] = "{\"LogPath\":\"/old/a\",\n \"b\" 1}";
	struct seen seen = { .fail = 1 };
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	size_t changed = 99;

	(void)state;
	assert_int_equal(uns_jsontext_strings(text, strlen(text), "f", fields, 4, map, &seen, &out, &changed, &err), -1);
	assert_string_equal(err.text, "LogPath: no");
	assert_int_equal(err.code, UNS_E_CONFLICT);
	seen_done(&seen);
	seen = (struct seen){ 0 };
	assert_int_equal(uns_jsontext_strings(broken, strlen(broken), "f", fields, 4, map, &seen, &out, &changed, &err), -1);
	assert_string_equal(err.text, "f:2:6: expected ':' after the name of a member");
	assert_int_equal(seen.paths.n, 0); /* no call for a text that is refused in the end */
	assert_int_equal(uns_jsontext_strings("", 0, "f", fields, 4, map, &seen, &out, &changed, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_int_equal(changed, 99);
	assert_null(out.data);
	seen_done(&seen);
}

static int to_bytes(void *user, const char *path, const char *value, char **ret_new, struct uns_err *err)
{
	(void)path;
	(void)value;
	*ret_new = uns_str_dup(user, err);
	return 0;
}

static void new_strings_must_be_utf8(void **state)
{
	static const char text[] = "{\"LogPath\":\"a\"}";
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	char bytes[] = "/\xff", plain[] = "/\x01\x7f";

	(void)state;
	assert_int_equal(uns_jsontext_strings(text, strlen(text), "f", fields, 4, to_bytes, bytes, &out, NULL, &err), -1);
	assert_string_equal(err.text, "/%FF: not UTF-8 (bytes shown as %XX), cannot be written to a JSON file");
	assert_int_equal(uns_jsontext_strings(text, strlen(text), "f", fields, 4, to_bytes, plain, &out, NULL, &err), 0);
	assert_string_equal(out.data, "{\"LogPath\":\"/\\u0001\x7f\"}");
	uns_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_errors_name_the_place),
		cmocka_unit_test(parse_reads_what_hosts_have),
		cmocka_unit_test(dump_keeps_the_order), cmocka_unit_test(dump_is_safe_to_show),
		cmocka_unit_test(getters),
		cmocka_unit_test(add_and_remove_leaves_no_trace),
		cmocka_unit_test(two_members_come_and_go),
		cmocka_unit_test(blank_texts_become_objects),
		cmocka_unit_test(values_are_replaced_in_place),
		cmocka_unit_test(members_are_removed),
		cmocka_unit_test(keys_are_escaped),
		cmocka_unit_test(malformed_texts),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(strings_of_the_fields_are_mapped),
		cmocka_unit_test(spelling_of_others_stays),
		cmocka_unit_test(the_map_gets_path_and_value),
		cmocka_unit_test(failures_give_nothing),
		cmocka_unit_test(new_strings_must_be_utf8),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
