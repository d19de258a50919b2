/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "uns/cleanup.h"
#include "uns/ini.h"

static void good(const char *text, struct uns_ini *ret)
{
	struct uns_err err = {.text = ""};

	*ret = (struct uns_ini){0};
	if (uns_ini_parse(text, strlen(text), "f", ret, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void value(const char *text, const char *want)
{
	uns_auto_free char *whole = NULL;
	uns_auto(uns_ini_done) struct uns_ini ini = {0};

	assert_true(asprintf(&whole, "[s]\nk = %s\n", text) > 0);
	good(whole, &ini);
	assert_int_equal(ini.n, 1);
	assert_string_equal(ini.v[0].value, want);
}

static void bad(const char *text, const char *want)
{
	struct uns_ini ini = {.n = 77};
	struct uns_err err = {.text = ""};

	if (uns_ini_parse(text, strlen(text), "f", &ini, &err) == 0)
		fail_msg("%s was accepted", text);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_int_equal(ini.n, 77);
	if (!strstr(err.text, want))
		fail_msg("%s: \"%s\" lacks \"%s\"", text, err.text, want);
}

static void values(void **state)
{
	(void)state;
	value("a", "a");
	value("  a b  ", "a b");
	value("", "");
	value("\"\"", "");
	value("''", "");
	value("a ; said", "a");
	value("a\t# said", "a");
	value("; said", "");
	value("\" a; #b \"", " a; #b ");
	value("'{\"tag\": \"a;b\"}' # said", "{\"tag\": \"a;b\"}");
	value("{\"max-size\": \"10m\", \"a\": [1]}", "{\"max-size\": \"10m\", \"a\": [1]}");
	value("site=b,rack=7", "site=b,rack=7");
	value("a\\b", "a\\b");
	value("a\"b\"", "a\"b\"");
	value("gr\xc3\xbc\xc3\x9f\x65", "gr\xc3\xbc\xc3\x9f\x65");
	value("a\r", "a");
}

/* iniparser alone would put both into lower case, and take the second for the first. */
static void sections_are_told_apart_by_case(void **state)
{
	uns_auto(uns_ini_done) struct uns_ini ini = {0};

	(void)state;
	good("# c \\\n[range:Alice] \nStart=1\n\n  ; c\n[range:alice]\n\tstart = 2\n[ DOM\\x@y ]", &ini);
	assert_int_equal(ini.sections, 3);
	assert_string_equal(ini.section[0].name, "range:Alice");
	assert_string_equal(ini.section[1].name, "range:alice");
	assert_string_equal(ini.section[2].name, "DOM\\x@y");
	assert_int_equal(ini.n, 2);
	assert_string_equal(ini.v[0].key, "start");
	assert_string_equal(ini.v[0].value, "1");
	assert_int_equal(ini.v[0].section, 0);
	assert_int_equal(ini.v[0].line, 3);
	assert_string_equal(ini.v[1].value, "2");
	assert_int_equal(ini.v[1].section, 1);
	assert_int_equal(ini.v[1].line, 7);
	assert_int_equal(ini.v[1].column, 2);
	assert_int_equal(ini.v[1].value_column, 10);
}

static void nothing(void **state)
{
	uns_auto(uns_ini_done) struct uns_ini ini = {0};

	(void)state;
	good("", &ini);
	good("# only this", &ini);
	assert_int_equal(ini.n + ini.sections, 0);
}

static void malformed(void **state)
{
	uns_auto_free char *line = NULL;

	(void)state;
	bad("[a]\nk = 1\nK = 2\n", "f:3:1: found k, which line 2 sets already");
	bad("[a]\n[b]\n [a]\n", "f:3:3: found [a], which line 1 has already");
	bad("k = 1\n", "f:1:1: found a key before the first section");
	bad("[a]\nk 1\n", "f:2:3: found neither [SECTION] nor a key");
	bad("[a]\n= 1\n", "f:2:1: found neither");
	bad("[a]\nk\n", "f:2:2: found neither");
	bad("[a\nk = 1\n", "f:1:3: found the end of the line; expected [SECTION]");
	bad("[a] # c\n", "expected [SECTION] and nothing behind it");
	bad("[ ]\n", "f:1:3: found no name of a section");
	bad("[a[b]\n", "found no name of a section");
	bad("[", "f:1:2: found the end");
	bad("[a]\nk = a;b\n", "f:2:6: found ';' or '#' inside of a value");
	bad("[a]\nk = 'a\n", "f:2:5: found a quote that is not closed");
	bad("[a]\nk = \"a\" b\n", "f:2:9: found more behind the closing quote");
	bad("[a]\nk = \"a\"#b\n", "found more behind the closing quote");
	bad("[a]\nk = \"a\\\"b\"\n", "f:2:7: found a backslash inside of quotes");
	bad("[a]\nk = a \\\nb\n", "f:2:7: found a backslash at the end of the line");
	bad("[a]\nk = a\033[1m\n", "f:2:6: found a control character");
	assert_true(asprintf(&line, "[a]\nk = %01001d\n", 0) > 0);
	bad(line, "f:2:1001: found a line of more than 1000 bytes");
}

static void a_nul_byte_and_too_much(void **state)
{
	struct uns_ini ini;
	struct uns_err err;
	uns_auto_free char *much = calloc(1, UNS_INI_MAX + 1);

	(void)state;
	assert_int_equal(uns_ini_parse("[a]\nk = a\0b\n", 12, "f", &ini, &err), -1);
	assert_non_null(strstr(err.text, "f:2:6: found a control character"));
	assert_non_null(much);
	memset(much, '\n', UNS_INI_MAX + 1);
	assert_int_equal(uns_ini_parse(much, UNS_INI_MAX + 1, "f", &ini, &err), -1);
	assert_non_null(strstr(err.text, "f: found more than 1048576 bytes"));
	assert_int_equal(uns_ini_parse(much, UNS_INI_MAX, "f", &ini, &err), 0);
	uns_ini_done(&ini);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),    cmocka_unit_test(sections_are_told_apart_by_case), cmocka_unit_test(nothing),
	    cmocka_unit_test(malformed), cmocka_unit_test(a_nul_byte_and_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
