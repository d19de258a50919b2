/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/json.h"
#include "uns/plandoc.h"
#include "uns/str.h"

static int from_text(const char *text, struct uns_plan *ret, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL;

	assert_int_equal(uns_json_parse(text, strlen(text), "p.json", &j, err), 0);
	return uns_plan_from_json(j, "p.json", ret, err);
}

static void assert_refused(const char *text, const char *message)
{
	struct uns_plan p;
	struct uns_plan untouched;
	struct uns_err err = { 0 };

	memset(&p, 0xa5, sizeof p);
	memset(&untouched, 0xa5, sizeof untouched);
	assert_int_equal(from_text(text, &p, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_string_equal(err.text, message);
	assert_memory_equal(&p, &untouched, sizeof p);
}

static void a_plan_as_json(void **state)
{
	struct uns_plan p = { 0 };
	json_t *j;
	char *text;

	(void)state;
	assert_int_equal(uns_plan_set_title(&p, "wrong", NULL), 0);
	assert_int_equal(uns_plan_set_title(&p, "enable docker", NULL), 0);
	assert_int_equal(uns_plan_add(&p, "mkdir", false, json_pack("{s:s}", "path", "/a"), NULL), 0);
	assert_int_equal(uns_plan_add(&p, "nest", true, json_object(), NULL), 0);
	j = uns_plan_to_json(&p);
	assert_non_null(j);
	text = uns_json_dump(j, false, NULL);
	assert_string_equal(text,
	                    "{\"version\":1,\"title\":\"enable docker\",\"steps\":[{\"kind\":\"mkdir\",\"args\":{\"path\":\"/a\"}},"
	                    "{\"kind\":\"nest\",\"reverse\":true,\"args\":{}}]}");
	free(text);
	uns_plan_done(&p);
	assert_int_equal(p.n, 0);
	assert_null(p.title);
	/* The document lives longer than the plan. */
	assert_int_equal(uns_plan_from_json(j, "x", &p, NULL), 0);
	json_decref(j);
	assert_string_equal(p.title, "enable docker");
	assert_int_equal(p.n, 2);
	assert_string_equal(p.v[0].kind, "mkdir");
	assert_false(p.v[0].reverse);
	assert_string_equal(json_string_value(json_object_get(p.v[0].args, "path")), "/a");
	assert_true(p.v[1].reverse);
	uns_plan_done(&p);
}

static void many_steps(void **state)
{
	struct uns_plan p = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(uns_plan_add(&p, "k", i % 2, json_pack("{s:i}", "n", i), NULL), 0);
	assert_int_equal(p.n, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(p.v[i].reverse, i % 2);
		assert_int_equal(json_integer_value(json_object_get(p.v[i].args, "n")), i);
	}
	uns_plan_done(&p);
}

static void add_refuses_what_is_no_object(void **state)
{
	struct uns_plan p = { 0 };
	struct uns_err err = { 0 };
	json_t *array = json_array();

	(void)state;
	assert_int_equal(uns_plan_add(&p, "k", false, NULL, &err), -1);
	assert_int_equal(err.code, UNS_E_FAILED);
	assert_int_equal(uns_plan_add(&p, "k", false, json_incref(array), &err), -1);
	assert_string_equal(err.text, "step 1 (k): the arguments are no object");
	assert_int_equal(array->refcount, 1); /* taken also on failure */
	json_decref(array);
	assert_int_equal(p.n, 0);
	uns_plan_done(&p);
}

static void title_may_be_absent_and_made_for_be_there(void **state)
{
	struct uns_plan p = { 0 };

	(void)state;
	assert_int_equal(from_text("{\"version\":1,\"steps\":[],\"made_for\":{}}", &p, NULL), 0);
	assert_string_equal(p.title, "");
	assert_int_equal(p.n, 0);
	uns_plan_done(&p);
}

static void malformed_plans(void **state)
{
	(void)state;
	assert_refused("[]", "p.json: a plan is an object with the members version, title, steps");
	assert_refused("{}", "p.json: member \"version\" is missing; expected a whole number from 0 to 4294967295");
	assert_refused("{\"version\":2,\"steps\":[]}",
	               "p.json: this is a plan of version 2; expected version 1, make the plan anew");
	assert_refused("{\"version\":\"1\",\"steps\":[]}",
	               "p.json: member \"version\" is a string; expected a whole number from 0 to 4294967295");
	assert_refused("{\"version\":1,\"title\":7,\"steps\":[]}", "p.json: member \"title\" is a number; expected a string");
	assert_refused("{\"version\":1,\"steps\":[],\"made_fro\":{}}",
	               "p.json: unknown member \"made_fro\"; expected version, title, steps, made_for");
	assert_refused("{\"version\":1}", "p.json: member \"steps\" is missing; expected an array");
	assert_refused("{\"version\":1,\"steps\":{}}", "p.json: member \"steps\" is an object; expected an array");
	assert_refused("{\"version\":1,\"steps\":[1]}", "p.json: step 1: expected an object with the members kind, reverse, args");
}

static void malformed_steps(void **state)
{
	static const char good[] = "{\"version\":1,\"steps\":[{\"kind\":\"a\",\"args\":{}},%s]}";
	static const char *const cases[][2] = {
		{ "{\"args\":{}}", "p.json: step 2: member \"kind\" is missing; expected a string" },
		{ "{\"kind\":null,\"args\":{}}", "p.json: step 2: member \"kind\" is null; expected a string" },
		{ "{\"kind\":\"a\\u0000b\",\"args\":{}}",
		  "p.json: step 2: member \"kind\" is a string; expected a string without U+0000" },
		{ "{\"kind\":\"a\"}", "p.json: step 2: member \"args\": expected an object" },
		{ "{\"kind\":\"a\",\"args\":[]}", "p.json: step 2: member \"args\": expected an object" },
		{ "{\"kind\":\"a\",\"args\":{},\"reverse\":1}", "p.json: step 2: member \"reverse\": expected true or false" },
		{ "{\"kind\":\"a\",\"args\":{},\"revers\":true}",
		  "p.json: step 2: unknown member \"revers\"; expected kind, reverse, args" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct uns_buf text = UNS_BUF_INIT;
		const char *hole = strstr(good, "%s");

		assert_int_equal(uns_buf_append(&text, good, (size_t)(hole - good), NULL), 0);
		assert_int_equal(uns_buf_puts(&text, cases[i][0], NULL), 0);
		assert_int_equal(uns_buf_puts(&text, hole + 2, NULL), 0);
		assert_refused(text.data, cases[i][1]);
		uns_buf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_as_json),
		cmocka_unit_test(many_steps),
		cmocka_unit_test(add_refuses_what_is_no_object),
		cmocka_unit_test(title_may_be_absent_and_made_for_be_there),
		cmocka_unit_test(malformed_plans),
		cmocka_unit_test(malformed_steps),
	};
	return cmocka_run_group_tests_name("plandoc", tests, NULL, NULL);
}
