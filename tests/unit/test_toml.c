/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/kubeletconf.h"
#include "uns/toml.h"

#define TABLE "storage.options"
#define KEY "auto-userns-min-size"

/* "absent", or the value as JSON. */
static void reads(const char *text, const char *want)
{
	uns_auto_json json_t *v = NULL;
	uns_auto_free char *got = NULL;
	struct uns_err err = {.text = ""};
	int r = uns_toml_get(text, strlen(text), "f", TABLE, KEY, &v, NULL, &err);

	if (r < 0)
		fail_msg("%s: %s", text, err.text);
	got = r ? strdup("absent") : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	assert_string_equal(got, want);
}

static void refused(const char *text, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct uns_toml_edit e = {.table = TABLE, .key = KEY};
	struct uns_err err = {.text = ""};
	json_t *v = NULL;

	if (uns_toml_get(text, strlen(text), "f", TABLE, KEY, &v, NULL, &err) >= 0)
		fail_msg("accepted: %s", text);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_string_equal(err.text, want);
	assert_int_equal(uns_toml_set(text, strlen(text), "f", &e, &b, &err), -1);
	assert_int_equal(b.len, 0);
}

static char *set(const char *text, const json_t *value, bool header)
{
	struct uns_toml_edit e = {.table = TABLE, .key = KEY, .value = value, .header = header};
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = {.text = ""};

	if (uns_toml_set(text, strlen(text), "f", &e, &b, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return uns_buf_take(&b, NULL);
}

/* Set, it reads so; removed again, the text is as it was. */
static void there_and_back(const char *text, const char *want)
{
	uns_auto_json json_t *value = json_integer(2048);
	bool table;

	assert_int_equal(uns_toml_has_table(text, strlen(text), "f", TABLE, &table, NULL), 0);

	uns_auto_free char *after = set(text, value, !table);
	uns_auto_free char *again = set(after, value, !table);
	uns_auto_free char *back = set(after, NULL, !table);

	assert_string_equal(after, want);
	assert_string_equal(again, want);
	reads(after, "2048");
	assert_string_equal(back, text);
}

static void values_are_read(void **state)
{
	(void)state;
	reads("", "absent");
	reads("[storage.options]\n", "absent");
	reads("# " KEY " = 1\n[storage]\n" KEY " = 5\n[storage.options.overlay]\n" KEY " = 6\n", "absent");
	reads("[storage.options]\n" KEY " = 1024 # why\n", "1024");
	reads("[ storage . options ]\n\t" KEY "=1_024", "1024");
	reads("[storage.\"options\"]\n\"" KEY "\" = \"a\\tb\\u00e9\"\r\n", "\"a\\tb\303\251\"");
	reads("[storage.options]\n'" KEY "' = 'raw\\n'\n", "\"raw\\\\n\"");
	reads("[storage.options]\n" KEY " = \"\"\"\nx\\\n   y\"\"\"\n", "\"xy\"");
	reads("[storage.options]\n" KEY " = '''\na\n'b''''\n", "\"a\\n'b'\"");
	reads("[storage.options]\n" KEY " = true\n", "true");
	reads("[storage.options]\n" KEY " = -7\n", "-7");
	reads("[storage.options]\n" KEY " = [ 1, # one\n 2,\n]\n", "{\"toml\":\"[ 1, # one\\n 2,\\n]\"}");
	reads("[storage.options]\n" KEY " = 0x10\n", "{\"toml\":\"0x10\"}");
	reads("[storage.options]\n" KEY " = 1979-05-27 07:32:00Z\n", "{\"toml\":\"1979-05-27 07:32:00Z\"}");
	reads("[storage.options]\n" KEY " = { a.b = 1, c = [ {} ] }\n", "{\"toml\":\"{ a.b = 1, c = [ {} ] }\"}");
	/* what looks like it inside a value is none */
	reads("[a]\nx = \"\"\"\n[storage.options]\n" KEY " = 1\n\"\"\"\n", "absent");
	/* elements of an array may have the same keys */
	reads("[[r]]\nk = 1\n[r.s]\nk = 1\n[[r]]\nk = 2\n[r.s]\nk = 2\n[storage.options]\n" KEY " = 3\n", "3");
	reads("\xef\xbb\xbf[storage.options]\n" KEY " = 3\n", "3");
}

static void what_is_no_toml_is_refused(void **state)
{
	(void)state;
	refused("[storage\n", "f:1:9: found the end of the line; expected ']'");
	refused("[storage.options]\nx\n", "f:2:2: found the end of the line; expected '='");
	refused("[storage.options]\nx = \n", "f:2:5: found the end of the line; expected a value");
	refused("[storage.options]\nx = yes\n", "f:2:5: found 'y'; expected a value");
	refused("[storage.options]\nx = \"a\n", "f:2:7: found the end of the line; expected the string's closing \"");
	refused("[storage.options]\nx = 'a", "f:2:7: found the end of the file; expected the string's closing '");
	refused("x = \"\\q\"\n", "f:1:7: found 'q'; expected one of b t n f r \" \\ u U");
	refused("x = \"\\ud800\"\n", "f:1:8: found a number that is no character; expected one up to 10FFFF");
	refused("x = [1 2]\n", "f:1:8: found '2'; expected ',' or ']'");
	refused("x = {a = 1\n}", "f:1:11: found the end of the line; expected ',' or '}'");
	refused("x = 1 y = 2\n", "f:1:7: found 'y'; expected the end of the line");
	refused("= 1\n", "f:1:1: found '='; expected a key");
	refused("x = 1\nx = 2\n", "f:2:1: found x a second time; expected each key once");
	refused("[a.b]\n[a.b]\n", "f:2:1: found a.b a second time; expected each table once");
	refused("x = \"\x01\"\n", "f:1:6: found byte 0x01; expected the string's closing \"");
}

static void tables_without_room_are_refused(void **state)
{
	(void)state;
	refused("[storage]\noptions = { x = 1 }\n",
	        "f:2:1: found a part of this table; expected it in a table of its own, with a header");
	refused("[storage]\noptions.x = 1\n",
	        "f:2:1: found a part of this table; expected it in a table of its own, with a header");
	refused("storage = 1\n", "f:1:1: found a part of this table; expected it in a table of its own, with a header");
	refused("[storage.options." KEY "]\n",
	        "f:1:1: found a table; expected a key with a value, for that is what this name is for");
	refused("[storage.options]\n" KEY ".x = 1\n",
	        "f:2:1: found a table; expected a key with a value, for that is what this name is for");
	refused("[[storage.options]]\n", "f:1:1: found an array of tables; expected one table");
}

static void a_key_comes_and_goes(void **state)
{
	(void)state;
	there_and_back("", "[storage.options]\n" KEY " = 2048\n");
	there_and_back("[storage]\nx = 1\n", "[storage]\nx = 1\n\n[storage.options]\n" KEY " = 2048\n");
	there_and_back("[storage]\nx = 1", "[storage]\nx = 1\n[storage.options]\n" KEY " = 2048");
	there_and_back("[storage.options]", "[storage.options]\n" KEY " = 2048");
	there_and_back("[storage.options]\n", "[storage.options]\n" KEY " = 2048\n");
	there_and_back("[storage.options] # s\n# none\n\n[z]\n", "[storage.options] # s\n" KEY " = 2048\n# none\n\n[z]\n");
	there_and_back("[storage.options]\n# about x\nx = [\n]\n\n# z\n[z]\ny=1\n",
	               "[storage.options]\n# about x\nx = [\n]\n" KEY " = 2048\n\n# z\n[z]\ny=1\n");
	there_and_back("[storage.options.overlay]\nx=1\n", "[storage.options.overlay]\nx=1\n\n[storage.options]\n" KEY " = 2048\n");
}

static void a_value_is_replaced_in_its_place(void **state)
{
	uns_auto_json json_t *v = json_string("a\"b");

	(void)state;

	uns_auto_free char *got = set("[storage.options]\n  " KEY " = '''x\ny''' # keep\nz = 1\n", v, false);
	uns_auto_free char *gone = set(got, NULL, true);

	assert_string_equal(got, "[storage.options]\n  " KEY " = \"a\\\"b\" # keep\nz = 1\n");
	assert_string_equal(gone, "[storage.options]\nz = 1\n");
}

/* The header stays when it is not alone with the key. */
static void a_header_with_company_stays(void **state)
{
	uns_auto_free char *a = set("[storage.options]\n# mine\n" KEY " = 1\n", NULL, true);
	uns_auto_free char *b = set("[storage.options]\n" KEY " = 1\n# mine\n", NULL, true);
	uns_auto_free char *c = set("[storage.options]\n" KEY " = 1\n", NULL, false);

	(void)state;
	assert_string_equal(a, "[storage.options]\n# mine\n");
	assert_string_equal(b, "[storage.options]\n# mine\n");
	assert_string_equal(c, "[storage.options]\n");
}

/* ---- kubelet's configuration ---- */

static void pods(const char *text, uint32_t max_pods, uint32_t ids_per_pod)
{
	struct uns_kubeletconf c = {9, 9};
	struct uns_err err = {.text = ""};

	if (uns_kubeletconf_parse(text, strlen(text), "c", &c, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(c.max_pods, max_pods);
	assert_int_equal(c.ids_per_pod, ids_per_pod);
}

static void no_pods(const char *text, const char *want)
{
	struct uns_kubeletconf c = {9, 9};
	struct uns_err err = {.text = ""};

	assert_int_equal(uns_kubeletconf_parse(text, strlen(text), "c", &c, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	if (!strstr(err.text, want))
		fail_msg("\"%s\" lacks \"%s\"", err.text, want);
	assert_int_equal(c.max_pods, 9);
}

static void kubelet_settings_are_read(void **state)
{
	(void)state;
	pods("", 0, 0);
	pods("apiVersion: kubelet.config.k8s.io/v1beta1\nmaxPods: 250 # many\nx:\n  maxPods: 7\n", 250, 0);
	pods("\"maxPods\": 5\r\nuserNamespaces: # in its own\n\n  # here\n  idsPerPod: 131072\nother:\n  idsPerPod: 1\n", 5,
	     131072);
	pods("#maxPods: 3\nuserNamespaces:\n  x: 1\n", 0, 0);
	pods("{\"maxPods\": 17, \"userNamespaces\": {\"idsPerPod\": 65536}}", 17, 65536);
	no_pods("x: 1\nmaxPods: lots\n", "c:2:10: expected a number above 0");
	no_pods("maxPods: 0\n", "c:1:10: expected a number above 0");
	no_pods("maxPods: 1\nmaxPods: 2\n", "c:2:10: expected this key once");
	no_pods("userNamespaces: {idsPerPod: 65536}\n", "c:1:17: expected its keys in lines of their own");
	no_pods("{\"maxPods\": \"7\"}", "c: ");
	no_pods("{\"maxPods\": 0}", "c: maxPods: expected a number above 0");
	no_pods("{", "c:1:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_read),
	    cmocka_unit_test(what_is_no_toml_is_refused),
	    cmocka_unit_test(tables_without_room_are_refused),
	    cmocka_unit_test(a_key_comes_and_goes),
	    cmocka_unit_test(a_value_is_replaced_in_its_place),
	    cmocka_unit_test(a_header_with_company_stays),
	    cmocka_unit_test(kubelet_settings_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
