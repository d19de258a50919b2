/* SPDX-License-Identifier: Apache-2.0 */
/* The table of dockerd's options, its values and its command line; the units of systemd as text. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/json.h"
#include "uns/unit.h"

/* ---- the table ---- */

static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < uns_dockerd_options_n; i++) {
		const struct uns_dockerd_option *o = &uns_dockerd_options[i];
		uns_auto(uns_buf_done) struct uns_buf why = UNS_BUF_INIT;
		uns_auto_json json_t *initial = o->initial ? json_loads(o->initial, JSON_DECODE_ANY, NULL) : NULL;

		assert_true(o->key || o->flag);
		assert_true(!o->until || o->since <= o->until);
		if (o->key)
			assert_ptr_equal(uns_dockerd_key(o->key), o);
		if (o->initial) {
			assert_non_null(initial);
			assert_int_equal(uns_dockerd_check(o, initial, &why, NULL), 0);
			assert_int_equal(o->reload, UNS_RELOAD_SET);
		}
		for (size_t k = 0; k < i; k++) {
			assert_true(!o->letter || uns_dockerd_options[k].letter != o->letter);
			assert_true(!o->key || !uns_dockerd_options[k].key || strcmp(uns_dockerd_options[k].key, o->key) != 0);
		}
	}
	assert_string_equal(uns_dockerd_find("label")->key, "labels");
	assert_string_equal(uns_dockerd_find("labels")->key, "labels");
	assert_null(uns_dockerd_find("Labels"));
	assert_true(uns_dockerd_has(uns_dockerd_key("proxies"), 0) && !uns_dockerd_has(uns_dockerd_key("proxies"), 20));
	assert_false(uns_dockerd_has(uns_dockerd_key("graph"), 24));
	assert_true(uns_dockerd_has(uns_dockerd_key("features"), 20) && uns_dockerd_has_flag(uns_dockerd_key("features"), 28));
	assert_false(uns_dockerd_has_flag(uns_dockerd_key("features"), 27));
	assert_true(uns_dockerd_has_flag(uns_dockerd_key("features"), 0) && uns_dockerd_has_flag(uns_dockerd_key("debug"), 20));
	assert_false(uns_dockerd_has_flag(uns_dockerd_key("proxies"), 28)); /* it has none */
	assert_true(uns_dockerd_has(uns_dockerd_find("add-registry"), 1) && !uns_dockerd_has(uns_dockerd_find("add-registry"), 20));
}

/* ---- values ---- */

static void assert_value(const char *key, const char *json, const char *why)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	uns_auto_json json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	int r;

	assert_non_null(value);
	r = uns_dockerd_check(uns_dockerd_key(key), value, &said, NULL);
	if (r != (why ? 1 : 0) || (why && !strstr(said.data, why)))
		fail_msg("%s: %s: found %d \"%s\", expected \"%s\"", key, json, r, said.data ? said.data : "", why ? why : "");
}

static void members_have_types(void **state)
{
	(void)state;
	assert_value("debug", "true", NULL);
	assert_value("debug", "null", NULL);
	assert_value("debug", "\"true\"", "true or false");
	assert_value("mtu", "1400", NULL);
	assert_value("mtu", "1400.0", "a whole number");
	assert_value("max-concurrent-downloads", "-1", "negative");
	assert_value("labels", "[\"a=b\"]", NULL);
	assert_value("labels", "[\"a\"]", "no label");
	assert_value("labels", "[\"COM.docker.x=1\"]", "no label");
	assert_value("labels", "\"a=b\"", "a list of strings");
	assert_value("labels", "[1]", "a string");
	assert_value("log-opts", "{\"max-size\":\"1m\"}", NULL);
	assert_value("log-opts", "{\"max-size\":1}", "\"max-size\" is not a string");
	assert_value("runtimes", "{\"x\":{\"path\":\"/x\"}}", NULL);
	assert_value("runtimes", "{\"x\":\"/x\"}", "not an object");
	assert_value("features", "{\"buildkit\":true}", NULL);
	assert_value("features", "{\"buildkit\":1}", "true or false");
	assert_value("default-address-pools", "[{\"base\":\"10.0.0.0/8\",\"size\":24}]", NULL);
	assert_value("default-address-pools", "[{\"base\":\"10.0.0.0/8\"}]", "no pool");
	assert_value("default-shm-size", "\"64m\"", NULL);
	assert_value("default-shm-size", "\"1.5 GiB\"", NULL);
	assert_value("default-shm-size", "64", "a size");
	assert_value("default-shm-size", "\"much\"", "no size");
	assert_value("dns", "[\"8.8.8.8\",\"::1\"]", NULL);
	assert_value("dns", "[\"8.8.8\"]", "no IP address");
	assert_value("ip", "\"\"", NULL);
	assert_value("dns-search", "[\".\",\"a-b.example.\",\"x\"]", NULL);
	assert_value("dns-search", "[\"-a\"]", "no domain");
	assert_value("dns-search", "[\"1.2\"]", "no domain");
	assert_value("registry-mirrors", "[\"https://m.example:5000/\"]", NULL);
	assert_value("registry-mirrors", "[\"https://u@m.example\"]", "no mirror");
	assert_value("insecure-registries", "[\"-x\"]", "hyphen");
	assert_value("hosts", "[\"fd://\",\"unix:///x\",\"1.2.3.4:1\"]", NULL);
	assert_value("hosts", "[\"ftp://x\"]", "no socket");
	assert_value("log-level", "\"loud\"", "no log level");
	assert_value("default-ipc-mode", "\"host\"", "neither private nor shareable");
	assert_value("default-cgroupns-mode", "\"shareable\"", "neither private nor host");
}

static void assert_parse(const char *key, const char *text, const char *want)
{
	uns_auto_json json_t *value = NULL;
	uns_auto_free char *found = NULL;
	struct uns_err err = {0};
	int r = uns_dockerd_parse(uns_dockerd_key(key), text, &value, &err);

	if (!want) {
		assert_int_equal(r, -1);
		assert_int_equal(err.code, UNS_E_USAGE);
		return;
	}
	if (r)
		fail_msg("%s=%s: %s", key, text, err.text);
	found = uns_json_dump(value, false, NULL);
	assert_string_equal(found, want);
}

static void people_write_values(void **state)
{
	(void)state;
	assert_parse("iptables", "false", "false");
	assert_parse("iptables", "no", NULL);
	assert_parse("mtu", "0x578", "1400");
	assert_parse("mtu", "-5", "-5");
	assert_parse("mtu", "1e3", NULL);
	assert_parse("mtu", "99999999999999999999", NULL);
	assert_parse("labels", "a=b,c=d", "[\"a=b\",\"c=d\"]");
	assert_parse("labels", "[\"a=b,c\"]", "[\"a=b,c\"]");
	assert_parse("labels", "", "[]");
	assert_parse("labels", "[\"a=b\"", NULL);
	assert_parse("log-opts", "max-size=1m,tag=a=b", "{\"max-size\":\"1m\",\"tag\":\"a=b\"}");
	assert_parse("log-opts", "{\"max-size\":1}", NULL);
	assert_parse("runtimes", "null", NULL);
	assert_parse("default-shm-size", "1g", "\"1g\"");
}

static void flags_become_members_and_back(void **state)
{
	static const struct {
		const char *key, *values[3], *json;
		bool back;
	} cases[] = {
	    {"debug", {"false", "T"}, "true", true},
	    {"mtu", {"1400"}, "1400", true},
	    {"labels", {"a=1", "b=2"}, "[\"a=1\",\"b=2\"]", true},
	    {"log-opts", {"a=1", "b"}, "{\"a\":\"1\",\"b\":\"\"}", true},
	    {"log-driver", {"x", "y"}, "\"y\"", true},
	    {"default-ulimits", {"nofile=1:2"}, "[\"nofile=1:2\"]", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct uns_dockerd_option *o = uns_dockerd_key(cases[i].key);
		uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT, back = UNS_STRS_INIT;
		uns_auto_free char *text = NULL;
		uns_auto_json json_t *json = NULL;

		for (size_t k = 0; k < 3 && cases[i].values[k]; k++)
			assert_int_equal(uns_strs_add(&values, cases[i].values[k], NULL), 0);
		json = uns_dockerd_from_flags(o, &values, NULL);
		text = uns_json_dump(json, false, NULL);
		assert_string_equal(text, cases[i].json);
		assert_int_equal(uns_dockerd_to_flags(o, json, &back, NULL), cases[i].back ? 0 : 1);
		assert_true(back.n > 0);
	}
}

/* ---- the command line ---- */

/* "name=value/words" of each use, joined by blanks. */
static void assert_uses(const char *const words[], const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf found = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs argv = UNS_STRS_INIT;
	struct uns_dockerd_use u = {.at = 0};

	for (size_t i = 0; words[i]; i++)
		assert_int_equal(uns_strs_add(&argv, words[i], NULL), 0);
	while (uns_dockerd_next(argv.v, argv.n, &u))
		assert_int_equal(uns_buf_printf(&found, NULL, "%s%s%s%.*s=%s/%zu", found.len ? " " : "",
		                                u.what == UNS_USE_OPERAND ? "(" : "",
		                                u.what == UNS_USE_FLAG && !u.option ? "?" : "", (int)u.name_len, u.name,
		                                u.value ? u.value : "-", u.words),
		                 0);
	assert_string_equal(found.data ? found.data : "", want);
}

static void a_command_line_is_read_as_pflag_does(void **state)
{
	(void)state;
	assert_uses((const char *const[]){"-H", "fd://", "--debug", "--mtu=5", NULL}, "H=fd:///2 debug=true/1 mtu=5/1");
	assert_uses((const char *const[]){"-Dlinfo", "-DH", "x", "-D=false", NULL}, "D=true/1 l=info/1 D=true/1 H=x/2 D=false/1");
	assert_uses((const char *const[]){"--label", "--debug", "-l=x", "--icc", "false", NULL},
	            "label=--debug/2 l=x/1 icc=true/1 (false=false/1");
	assert_uses((const char *const[]){"--frob", "x", "--frob", "-D", "--mtu", NULL}, "?frob=x/2 ?frob=true/1 D=true/1 mtu=-/1");
	assert_uses((const char *const[]){"-", "--", "-D", NULL}, "(-=-/1 (--=--/1");
	assert_uses((const char *const[]){NULL}, "");
}

/* ---- units ---- */

static int collect(void *user, const char *section, const char *key, const char *value, unsigned line, struct uns_err *err)
{
	return uns_buf_printf(user, err, "%s.%s=%s@%u|", section, key, value, line);
}

static void units_are_read_by_line(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf found = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_unit_parse("a=0\n[Unit]\r\n# c \\\nb = 1 \\\n; x\n\t2  \n[Service]\n  ExecStart=\nword\nExecStart=x=y",
	                                collect, &found, NULL),
	                 0);
	assert_string_equal(found.data, ".a=0@1|Unit.b=1  \t2@4|Service.ExecStart=@8|Service.ExecStart=x=y@10|");
}

static void assert_words(const char *text, bool variable, const char *want)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf found = UNS_BUF_INIT;

	assert_int_equal(variable ? uns_unit_variable_words(text, &words, NULL) : uns_unit_words(text, &words, NULL), 0);
	for (size_t i = 0; i < words.n; i++)
		assert_int_equal(uns_buf_printf(&found, NULL, "%s|", words.v[i]), 0);
	assert_string_equal(found.data ? found.data : "", want);
}

static void words_are_unquoted_once(void **state)
{
	(void)state;
	assert_words(" a\t\"b c\" 'd e'f ''  ", false, "a|b c|d ef||");
	assert_words("\\x41\\101\\u00e9\\U0001F600 a\\sb \"q\\\"q\" a\\qb a\\ b \\x00 \\", false,
	             "AA\xc3\xa9\xf0\x9f\x98\x80|a b|q\"q|a\\qb|a\\ b|\\x00|\\|");
	assert_words("\\x41 a\\ b 'c\\'d' e\\", true, "x41|a b|c'd|e|");
	assert_words("\"open a", false, "open a|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_is_sound),
	    cmocka_unit_test(members_have_types),
	    cmocka_unit_test(people_write_values),
	    cmocka_unit_test(flags_become_members_and_back),
	    cmocka_unit_test(a_command_line_is_read_as_pflag_does),
	    cmocka_unit_test(units_are_read_by_line),
	    cmocka_unit_test(words_are_unquoted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
