/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of audit a run makes, and what is in them. That they reach audit is shown by tests/e2e/audit. */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "uns/audit.h"

static char said[4096];

/* "TYPE ok op=… name='value'" a line; what needs encoding is in quotes. */
static void say(void *user, const struct uns_audit_record *r)
{
	static const char *const types[] = {"ADD_USER", "DEL_USER", "ADD_GROUP", "DEL_GROUP", "USER_MGMT", "USYS_CONFIG"};
	size_t at = strlen(said);

	(void)user;
	at += (size_t)snprintf(said + at, sizeof(said) - at, "%s %s", types[r->type], r->ok ? "ok" : "failed");
	for (size_t i = 0; i < r->n; i++)
		at += (size_t)snprintf(said + at, sizeof(said) - at, r->pair[i].safe ? " %s=%s" : " %s='%s'", r->pair[i].name,
		                       r->pair[i].value);
	snprintf(said + at, sizeof(said) - at, "\n");
}

static struct uns_plan plan_of(const char *kind, bool reverse, json_t *args)
{
	struct uns_plan p = {0};

	assert_int_equal(uns_plan_add(&p, kind, reverse, args, NULL), 0);
	return p;
}

static void assert_said(struct uns_plan *p, const char *type, enum uns_side to, bool unaudited, const char *wanted)
{
	struct uns_audit a = {.fd = -1, .plan = p, .number = 7};
	struct uns_event e = {.type = type, .to = to, .what = &p->v[0], .unaudited = unaudited};

	said[0] = '\0';
	uns_audit_records(&a, &e, say, NULL);
	assert_string_equal(said, wanted);
}

static void ranges_are_told(void **state)
{
	struct uns_plan p = plan_of("subid-lines", false, json_pack("{s:s,s:[s],s:[s,s]}", "file", "/etc/subgid", "before", "a b:1:2", "after",
	                                                            "a b:5:6", "c:0x7:8"));

	(void)state;
	assert_said(&p, "begin", UNS_AFTER, false, "");
	assert_said(&p, "skip", UNS_AFTER, false, "");
	assert_said(&p, "done", UNS_AFTER, false,
	            "USER_MGMT ok op=del-subgid-range acct='a b' subid-first=1 subid-count=2\n"
	            "USER_MGMT ok op=add-subgid-range acct='a b' subid-first=5 subid-count=6\n"
	            "USER_MGMT ok op=add-subgid-range acct='c' subid-first='0x7' subid-count=8\n");
	assert_said(&p, "fail", UNS_BEFORE, false,
	            "USER_MGMT failed op=del-subgid-range acct='a b' subid-first=5 subid-count=6\n"
	            "USER_MGMT failed op=del-subgid-range acct='c' subid-first='0x7' subid-count=8\n"
	            "USER_MGMT failed op=add-subgid-range acct='a b' subid-first=1 subid-count=2\n");
	uns_plan_done(&p);
	p = plan_of("subid-lines", true, json_pack("{s:s,s:[],s:[s]}", "file", "/etc/subuid", "before", "after", "x"));
	assert_said(&p, "done", UNS_AFTER, false, "USER_MGMT ok op=del-subuid-range acct='x' subid-first='' subid-count=''\n");
	uns_plan_done(&p);
}

static void accounts_are_told_when_nobody_else_does(void **state)
{
	struct uns_plan p = plan_of("account", false, json_pack("{s:s,s:s}", "user", "u", "group", "g"));

	(void)state;
	assert_said(&p, "done", UNS_AFTER, false, "");
	assert_said(&p, "done", UNS_AFTER, true, "ADD_GROUP ok op=add-group acct='g'\nADD_USER ok op=add-user acct='u'\n");
	assert_said(&p, "fail", UNS_BEFORE, true, "DEL_USER failed op=delete-user acct='u'\nDEL_GROUP failed op=delete-group acct='g'\n");
	uns_plan_done(&p);
}

static void options_are_told(void **state)
{
	struct uns_plan p = plan_of("json-member", false, json_pack("{s:s,s:s,s:s}", "file", "/etc/docker/daemon.json", "key", "userns-remap",
	                                                            "after", "dockremap"));

	(void)state;
	assert_said(&p, "done", UNS_AFTER, false,
	            "USYS_CONFIG ok op=set-engine-option old-userns-remap=? new-userns-remap='dockremap' path='/etc/docker/daemon.json'\n");
	assert_said(&p, "done", UNS_BEFORE, false,
	            "USYS_CONFIG ok op=set-engine-option old-userns-remap='dockremap' new-userns-remap=? path='/etc/docker/daemon.json'\n");
	uns_plan_done(&p);
	p = plan_of("env-option", false, json_pack("{s:s,s:s,s:b,s:[s]}", "file", "/f", "option", "a b=c", "before", 1, "after", "x"));
	assert_said(&p, "fail", UNS_AFTER, false,
	            "USYS_CONFIG failed op=set-engine-option old-option='true' new-option='[\"x\"]' path='/f'\n");
	uns_plan_done(&p);
	p = plan_of("json-member", false, json_pack("{s:s,s:s,s:b}", "file", "/f", "key", UNS_HOLD_KEY, "after", 1));
	assert_said(&p, "done", UNS_AFTER, false, "");
	uns_plan_done(&p);
}

static void migrations_are_told(void **state)
{
	struct uns_plan p = plan_of("shift-tree", false, json_pack("{s:s}", "base", "/var/lib/docker"));
	struct uns_audit a = {.fd = -1, .plan = &p, .number = 7};
	json_t *result = json_pack("{s:i}", "changed", 10);
	const struct uns_event run = {.type = "run", .to = UNS_AFTER}, end = {.type = "end", .to = UNS_AFTER},
	                       fail = {.type = "fail", .to = UNS_AFTER}, run_back = {.type = "run", .to = UNS_BEFORE},
	                       end_back = {.type = "end", .to = UNS_BEFORE}, fail_back = {.type = "fail", .to = UNS_BEFORE},
	                       done = {.type = "done", .to = UNS_AFTER, .what = &p.v[0], .result = result};
	const struct uns_event *const all[] = {&run, &done, &end, &fail, &run_back, &end_back, &fail_back};

	(void)state;
	said[0] = '\0';
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		uns_audit_records(&a, all[i], say, NULL);
	assert_string_equal(said, "USYS_CONFIG ok op=userns-migrate-start path='/var/lib/docker' transaction=7\n"
	                          "USYS_CONFIG ok op=userns-migrate-finish path='/var/lib/docker' transaction=7 shifted=10\n"
	                          "USYS_CONFIG failed op=userns-migrate-abort path='/var/lib/docker' transaction=7 shifted=10\n"
	                          "USYS_CONFIG ok op=userns-migrate-rollback path='/var/lib/docker' transaction=7 shifted=0\n"
	                          "USYS_CONFIG failed op=userns-migrate-rollback path='/var/lib/docker' transaction=7 shifted=0\n");
	json_decref(result);
	uns_plan_done(&p);
}

static void without_data_there_is_no_migration(void **state)
{
	struct uns_plan p = plan_of("json-member", false, json_pack("{s:s,s:s,s:b}", "file", "/f", "key", "debug", "after", 1));
	struct uns_audit a = {.fd = -1, .plan = &p, .number = 7};
	const struct uns_event run = {.type = "run", .to = UNS_AFTER}, end = {.type = "end", .to = UNS_AFTER};

	(void)state;
	said[0] = '\0';
	uns_audit_records(&a, &run, say, NULL);
	uns_audit_records(&a, &end, say, NULL);
	assert_string_equal(said, "");
	uns_plan_done(&p);
}

static void long_values_are_cut(void **state)
{
	static char value[5000];
	struct uns_plan p;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	p = plan_of("subid-lines", false, json_pack("{s:s,s:[],s:[s]}", "file", "/etc/subuid", "before", "after", value));
	assert_said(&p, "run", UNS_AFTER, false, "");
	said[0] = '\0';
	uns_audit_records(&(struct uns_audit){.fd = -1, .plan = &p}, &(struct uns_event){.type = "done", .to = UNS_AFTER, .what = &p.v[0]}, say,
	                  NULL);
	assert_true(strlen(said) < 700);
	uns_plan_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_told),
		cmocka_unit_test(accounts_are_told_when_nobody_else_does),
		cmocka_unit_test(options_are_told),
		cmocka_unit_test(migrations_are_told),
		cmocka_unit_test(without_data_there_is_no_migration),
		cmocka_unit_test(long_values_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
