/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "uns/auditdconf.h"
#include "uns/auditrules.h"
#include "uns/cleanup.h"

static struct uns_auditrules parse(const char *text, bool from_dir)
{
	struct uns_auditrules all = {0};

	assert_int_equal(uns_auditrules_parse(text, strlen(text), "f", from_dir, &all, NULL), 0);
	return all;
}

static void assert_rule(const struct uns_auditrule *r, const char *text)
{
	uns_auto_free char *s = uns_auditrule_format(r, NULL);

	assert_string_equal(s, text);
}

static void assert_rules(const char *text, bool from_dir, const char *const *wanted, size_t n)
{
	struct uns_auditrules all = parse(text, from_dir);

	assert_int_equal(all.problems.n, 0);
	assert_int_equal(all.n, n);
	for (size_t i = 0; i < n; i++)
		assert_rule(&all.v[i], wanted[i]);
	uns_auditrules_done(&all);
}
#define RULES(text, from_dir, ...)                                                                                             \
	do {                                                                                                                       \
		static const char *const wanted_[] = {__VA_ARGS__};                                                                    \
		assert_rules(text, from_dir, wanted_, sizeof(wanted_) / sizeof(*wanted_));                                             \
	} while (0)

static void every_form_of_a_rule_is_read(void **state)
{
	(void)state;
	RULES("# a comment\n\n   \n-w /var/lib/docker/ -p wa -k docker\n", false,
	      "-a always,exit -F dir=/var/lib/docker -F perm=wa -F key=docker");
	RULES("-w /etc/x", false, "-a always,exit -F dir=/etc/x -F perm=xwra");
	RULES("-a always,exit -F arch=b64 -S chown,fchown -S lchown -F auid>=1000 -F auid!=unset -F key=perm_mod", false,
	      "-a always,exit -F arch=b64 -S chown,fchown,lchown -F auid>=1000 -F auid!=unset -F key=perm_mod");
	RULES("-a exit,never -F path=/a\\ b\\\\c -Fperm=RA -kq", false, "-a never,exit -F path=/a\\ b\\\\c -F perm=ra -F key=q");
	RULES("-a always,exit -F dir=/x -C uid!=obj_uid -S all -F a0&0x7C -F a1&=3 -F exit<0 -F a2<=1 -F a3>9", false,
	      "-a always,exit -F dir=/x -C uid!=obj_uid -F a0&0x7C -F a1&=3 -F exit<0 -F a2<=1 -F a3>9");
	RULES("-a never,task", false, "-a never,task");
	RULES("-a always,exclude -F msgtype=CWD\n-a never,user -F uid=chrony\n-a filesystem,never -F fstype=tracefs", false,
	      "-a always,exclude -F msgtype=CWD", "-a never,user -F uid=chrony", "-a never,filesystem -F fstype=tracefs");
	RULES("-a always,exit", false, "-a always,exit -S all");
}

/* A file that is no text would have a problem in each line. */
static void of_many_problems_the_first_are_told(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_auditrules all;

	(void)state;
	for (size_t i = 0; i < UNS_AUDIT_PROBLEMS; i++)
		assert_int_equal(uns_buf_puts(&text, "-w x\n", NULL), 0);
	all = parse(text.data, false);
	assert_int_equal(all.problems.n, UNS_AUDIT_PROBLEMS);
	assert_int_equal(all.notes.n, 0);
	uns_auditrules_done(&all);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(uns_buf_puts(&text, "xxxxxxxxxx", NULL), 0);
	assert_int_equal(uns_buf_puts(&text, "\n-w y\n-w /y\n", NULL), 0);
	all = parse(text.data, false);
	assert_int_equal(all.problems.n, UNS_AUDIT_PROBLEMS);
	assert_int_equal(all.notes.n, 1);
	assert_string_equal(all.notes.v[0], "f: 2 more lines are none that auditctl takes");
	assert_int_equal(all.n, 1);
	/* The next file has problems of its own, and no word fills a screen. */
	assert_int_equal(uns_auditrules_parse(text.data + 5 * UNS_AUDIT_PROBLEMS, 10001, "g", false, &all, NULL), 0);
	assert_int_equal(all.problems.n, UNS_AUDIT_PROBLEMS + 1);
	assert_true(strlen(all.problems.v[UNS_AUDIT_PROBLEMS]) < 200);
	uns_auditrules_done(&all);
}

static void limits_are_the_last_ones(void **state)
{
	struct uns_auditrules all = parse("-b 64 -r 7\n-r 10\n-b 0\n", false);

	(void)state;
	assert_int_equal(all.problems.n, 0);
	assert_true(all.has_rate && all.has_backlog);
	assert_int_equal(all.rate, 10);
	assert_int_equal(all.backlog, 0);
	uns_auditrules_done(&all);
}

static void order_is_that_of_the_kernel(void **state)
{
	(void)state;
	RULES("-w /a -k a\n-A exit,never -F dir=/b\n", false, "-a never,exit -F dir=/b", "-a always,exit -F dir=/a -F perm=xwra -F key=a");
	RULES("-w /a -k a\n-w /b -k b\n-D\n-w /c -k c", false, "-a always,exit -F dir=/c -F perm=xwra -F key=c");
	RULES("-w /a -k a\n-D\n-w /c -k c", true, "-a always,exit -F dir=/a -F perm=xwra -F key=a",
	      "-a always,exit -F dir=/c -F perm=xwra -F key=c");
	RULES("-w /a -k a\n-w /b -k b\n-D -k a\n", true, "-a always,exit -F dir=/b -F perm=xwra -F key=b");
	RULES("-w /a -p w\n-w /b -p r\n-W /a -p w", false, "-a always,exit -F dir=/b -F perm=r");
	RULES("-a always,exit -S open\n-w /b -p r\n-d always,exit -S open", false, "-a always,exit -F dir=/b -F perm=r");
}

static void control_lines_are_read(void **state)
{
	struct uns_auditrules all = parse("-D\n-b 8192\n-f 1\n--backlog_wait_time 60000\n--loginuid-immutable\n-c\n-f 2\n-e 2\n-r 0\n-q /a,/b\n", false);

	(void)state;
	assert_int_equal(all.problems.n, 0);
	assert_true(all.has_enabled && all.has_failure && all.has_backlog && all.go_on);
	assert_int_equal(all.enabled, 2);
	assert_int_equal(all.failure, 2);
	assert_int_equal(all.backlog, 8192);
	uns_auditrules_done(&all);
}

static void what_auditctl_does_not_take_is_named(void **state)
{
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{"\n-a always", "f:2: found \"always\"; expected always or never, a comma, and"},
		{"-a possible,exit", "f:1: found \"possible,exit\"; expected always or never"},
		{"-a entry,always", "f:1: found \"entry,always\""},
		{"-w relative", "f:1: found \"relative\"; expected an absolute path"},
		{"-w /a -p wz", "f:1: found \"wz\"; expected letters of rwxa"},
		{"-p w", "f:1: found \"w\"; expected -w or -W before -p"},
		{"-S open", "f:1: found \"open\"; expected -a, -A or -d before -S"},
		{"-F uid=0", "f:1: found \"uid=0\"; expected -a, -A or -d before -F"},
		{"-a always,exit -F nonsense=1", "f:1: found \"nonsense=1\"; expected a field of auditctl(8)"},
		{"-a always,exit -F uid", "f:1: found \"uid\"; expected a field, an operator and a value"},
		{"-a always,exit -F uid=", "expected a field, an operator and a value"},
		{"-a always,exit -C uid>euid", "expected two fields that are equal or not"},
		{"-a always,exit -F dir=/a -F path=/b", "expected one path in a rule"},
		{"-a always,exit -w /a", "expected one of -a, -A, -d, -D, -w and -W in a line"},
		{"-k x", "f:1: found \"x\"; expected a rule before -k"},
		{"-e 3", "f:1: found \"3\"; expected -e 0, 1 or 2"},
		{"-f x", "expected -f 0, 1 or 2"},
		{"-b -1", "expected -b and a number"},
		{"-a", "f:1: found \"-a\"; expected an argument behind it"},
		{"-z", "f:1: found \"-z\"; expected an option of auditctl(8)"},
		{"--nonsense", "expected an option of auditctl(8)"},
		{"nonsense", "expected an option of auditctl(8)"},
		{"-w /a -k \"x y\"", "f:1: found \"y\"\"; expected an option of auditctl(8)"},
		{"-d always,exit -S open", "expected a rule that is there, to delete"},
		{"\t# a tab", "expected an option of auditctl(8)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct uns_auditrules all = parse(bad[i].text, false);

		assert_int_equal(all.n, 0);
		assert_int_equal(all.problems.n, 1);
		if (!strstr(all.problems.v[0], bad[i].problem))
			fail_msg("%s: %s", bad[i].text, all.problems.v[0]);
		uns_auditrules_done(&all);
	}
}

static void bad_lines_leave_the_others(void **state)
{
	struct uns_auditrules all = parse("-w /a\n-w b\n\t# c\n-w /d", true);

	(void)state;
	assert_int_equal(all.n, 2);
	assert_int_equal(all.problems.n, 1);
	assert_string_equal(all.v[1].where, "f:4");
	uns_auditrules_done(&all);
}

static void put_rules(struct uns_buf *b, const char *option, int n, bool same)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(uns_buf_printf(b, NULL, "%s%d\n", option, same ? -1 : i), 0);
}

/* So little that only another order of growth needs more. */
static void many_rules_take_little_time(void **state)
{
	static const struct {
		const char *first, *then;
		int n, n_then;
		bool same;
		size_t rules, problems;
	} cases[] = {{"-w /a", "-W /a", 5000, 5000, true, 5000, UNS_AUDIT_PROBLEMS},
	             {"-w /a", "-W /a", 5000, 5000, false, 0, 0},
	             {"-A never,exit -Fuid=", "", 60000, 0, false, 10000, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
		struct uns_auditrules all;
		clock_t began;

		put_rules(&b, cases[i].first, cases[i].n, false);
		put_rules(&b, cases[i].then, cases[i].n_then, cases[i].same);
		began = clock();
		all = parse(b.data, true);
		assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
		assert_int_equal(all.n, cases[i].rules);
		assert_int_equal(all.problems.n, cases[i].problems);
		uns_auditrules_done(&all);
	}
}

static void assert_watched(const char *text, const char *path, enum uns_audit_watched how, const char *where)
{
	struct uns_auditrules all = parse(text, true);
	const struct uns_auditrule *rule;
	enum uns_audit_watched found = uns_auditrules_watching(&all, path, &rule);

	if (found != how || !rule != !where || (rule && strcmp(rule->where, where) != 0))
		fail_msg("%s: %d by %s", text, (int)found, rule ? rule->where : "none");
	uns_auditrules_done(&all);
}

static void watches_are_found(void **state)
{
	static const char text[] = "-a always,exit -S open\n-a never,exit -F dir=/etc/docker/x\n-w /etc/docker -k d\n"
	                           "-a always,exit -F path=/etc/passwd -F perm=wa\n-w /etc/shadow -p w\n";

	(void)state;
	assert_watched(text, "/etc/docker", UNS_AUDIT_WATCHED, "f:3");
	assert_watched(text, "/etc/docker/daemon.json", UNS_AUDIT_WATCHED, "f:3");
	assert_watched(text, "/etc/docker/x", UNS_AUDIT_NEVER, "f:2");
	assert_watched(text, "/etc/passwd", UNS_AUDIT_WATCHED, "f:4");
	assert_watched(text, "/etc/shadow/x", UNS_AUDIT_WATCHED, "f:5");
	assert_watched(text, "/etc/passwd/x", UNS_AUDIT_UNWATCHED, NULL);
	assert_watched(text, "/etc/docker2", UNS_AUDIT_UNWATCHED, NULL);
	assert_watched("-w / -p w", "/x", UNS_AUDIT_WATCHED, "f:1");
}

static void the_first_rule_that_fits_decides(void **state)
{
	static const char path[] = "/etc/docker/daemon.json";

	(void)state;
	assert_watched("-a never,exit -F dir=/etc\n-w /etc/docker", path, UNS_AUDIT_NEVER, "f:1");
	assert_watched("-w /etc/docker\n-A never,exit", path, UNS_AUDIT_NEVER, "f:2");
	assert_watched("-w /etc/docker\n-a never,exit -F dir=/etc", path, UNS_AUDIT_WATCHED, "f:1");
	assert_watched("-a never,exit -F dir=/etc -F perm=r\n-w /etc/docker", path, UNS_AUDIT_WATCHED, "f:2");
	assert_watched("-a never,exit -F dir=/etc -F perm=w\n-w /etc/docker -p w", path, UNS_AUDIT_NO_CHANGES, "f:2");
	assert_watched("-a never,exit -F dir=/etc -F perm=w\n-w /etc/docker -p a", path, UNS_AUDIT_WATCHED, "f:2");
	assert_watched("-a never,exit -F dir=/etc -F auid=unset\n-w /etc/docker", path, UNS_AUDIT_WATCHED, "f:2");
	assert_watched("-a never,exit -F dir=/etc -S open\n-w /etc/docker", path, UNS_AUDIT_WATCHED, "f:2");
	assert_watched("-a never,task\n-w /etc/docker", path, UNS_AUDIT_NEVER, "f:1");
	assert_watched("-w /etc/docker\n-a never,task", path, UNS_AUDIT_NEVER, "f:2");
	assert_watched("-a never,task -F uid=5\n-w /etc/docker", path, UNS_AUDIT_WATCHED, "f:2");
	assert_watched("-w /etc/docker -p r\n-w /etc/docker -p wa", path, UNS_AUDIT_WATCHED, "f:2");
	assert_watched("-w /etc/docker -p r\n", path, UNS_AUDIT_NO_CHANGES, "f:1");
	assert_watched("-w /etc/docker\n-e 0", path, UNS_AUDIT_OFF, NULL);
	assert_watched("-w /etc/docker\n-e 2", path, UNS_AUDIT_WATCHED, "f:1");
}

static void rules_about_little_do_not_watch(void **state)
{
	static const char path[] = "/etc/docker";

	(void)state;
	assert_watched("-a always,exit -F dir=/etc/docker -F perm=wa -F auid=4242 -F success=0", path, UNS_AUDIT_UNWATCHED, NULL);
	assert_watched("-a always,exit -F dir=/etc/docker -F perm=wa -F auid>=2000", path, UNS_AUDIT_UNWATCHED, NULL);
	assert_watched("-a always,exit -F arch=b64 -S mount -F dir=/etc/docker", path, UNS_AUDIT_UNWATCHED, NULL);
	assert_watched("-a always,exit -F dir=/etc/docker -C auid!=obj_uid", path, UNS_AUDIT_UNWATCHED, NULL);
	assert_watched("-a always,exit -F dir=/etc/docker -F perm=wa -F auid>=1000 -F auid!=-1 -F key=d", path, UNS_AUDIT_WATCHED, "f:1");
	if (sizeof(long) == 8)
		assert_watched("-a always,exit -F arch=b32 -F dir=/etc/docker\n-a always,exit -F arch=b64 -F dir=/etc/docker", path,
		               UNS_AUDIT_WATCHED, "f:2");
}

static void rules_behind_a_problem_are_not_loaded(void **state)
{
	static const char path[] = "/etc/docker";

	(void)state;
	assert_watched("-z\n-w /etc/docker", path, UNS_AUDIT_NOT_LOADED, "f:2");
	assert_watched("-w /etc/docker\n-z", path, UNS_AUDIT_WATCHED, "f:1");
	assert_watched("-c\n-z\n-w /etc/docker", path, UNS_AUDIT_WATCHED, "f:3");
	assert_watched("-w /etc/docker\n-z\n-a never,task", path, UNS_AUDIT_WATCHED, "f:1");
}

static void words_are_written_as_they_are_read(void **state)
{
	uns_auto_free char *word = uns_auditrule_word("/a b\\c", NULL), *none = uns_auditrule_word("/a\n-e 0", NULL);

	(void)state;
	assert_string_equal(word, "/a\\ b\\\\c");
	assert_string_equal(none, "");
}

/* ---- the kernel's form ---- */

union kernel_rule {
	struct audit_rule_data d;
	char bytes[sizeof(struct audit_rule_data) + 128];
};

static void add(union kernel_rule *k, uint32_t type, uint32_t op, uint32_t value, const char *text)
{
	uint32_t at = k->d.field_count++;

	k->d.fields[at] = type;
	k->d.fieldflags[at] = op;
	k->d.values[at] = text ? (uint32_t)strlen(text) : value;
	if (text) {
		memcpy(k->bytes + sizeof(k->d) + k->d.buflen, text, strlen(text));
		k->d.buflen += (uint32_t)strlen(text);
	}
}

static void assert_decoded(const union kernel_rule *k, const char *text)
{
	uns_auto(uns_auditrules_done) struct uns_auditrules all = {0};
	struct uns_err err = {0};

	assert_int_equal(uns_auditrules_decode(k, sizeof(k->d) + k->d.buflen, "kernel", &all, &err), 0);
	assert_rule(&all.v[0], text);
	assert_int_equal(uns_auditrules_decode(k, sizeof(k->d) - 1, "kernel", &all, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	if (k->d.buflen)
		assert_int_equal(uns_auditrules_decode(k, sizeof(k->d) + k->d.buflen - 1, "kernel", &all, &err), -1);
}

static void rules_of_the_kernel_are_read(void **state)
{
	union kernel_rule k = {.d = {.flags = AUDIT_FILTER_EXIT, .action = AUDIT_ALWAYS}};

	(void)state;
	k.d.mask[2] = 1u << 29; /* 93 */
	k.d.mask[8] = 1u << 4;  /* 260 */
	add(&k, AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64, NULL);
	add(&k, AUDIT_LOGINUID, AUDIT_GREATER_THAN_OR_EQUAL, 1000, NULL);
	add(&k, AUDIT_LOGINUID, AUDIT_NOT_EQUAL, UINT32_MAX, NULL);
	add(&k, AUDIT_EXIT, AUDIT_EQUAL, (uint32_t)-13, NULL);
	add(&k, AUDIT_FIELD_COMPARE, AUDIT_NOT_EQUAL, AUDIT_COMPARE_UID_TO_OBJ_UID, NULL);
	add(&k, 112, AUDIT_EQUAL, 0, "/usr/bin/x");
	add(&k, AUDIT_FILTERKEY, AUDIT_EQUAL, 0, "perm_mod\001two");
	assert_decoded(&k, "-a always,exit -F arch=b64 -S 93,260 -F auid>=1000 -F auid!=4294967295 -F exit=-13 -C uid!=obj_uid "
	                   "-F exe=/usr/bin/x -F key=perm_mod -F key=two");
}

static void watches_of_the_kernel_are_read(void **state)
{
	union kernel_rule k = {.d = {.flags = AUDIT_FILTER_EXIT, .action = AUDIT_NEVER}};

	(void)state;
	memset(k.d.mask, 0xff, sizeof(k.d.mask));
	add(&k, AUDIT_DIR, AUDIT_EQUAL, 0, "/var/lib/docker");
	add(&k, AUDIT_PERM, AUDIT_EQUAL, 10, NULL);
	assert_decoded(&k, "-a never,exit -F dir=/var/lib/docker -F perm=wa");
}

/* ---- auditd.conf ---- */

static struct uns_auditdconf conf(const char *text)
{
	struct uns_auditdconf c = {0};

	assert_int_equal(uns_auditdconf_parse(text, strlen(text), "auditd.conf", &c, NULL), 0);
	return c;
}

static void auditd_conf_is_read(void **state)
{
	struct uns_auditdconf c = conf("# c\nlog_file = /x/audit.log\nlog_format = RAW\nflush = INCREMENTAL_ASYNC\nmax_log_file = 8\nnum_logs = 5\n"
	                               "max_log_file_action = rotate\nspace_left = 25%\nspace_left_action = EXEC /x\nadmin_space_left = 50\n"
	                               "admin_space_left_action = halt\ndisk_full_action = SINGLE\ndisk_error_action = SUSPEND\n##name = x\nother = 1\n");

	(void)state;
	assert_int_equal(c.problems.n, 0);
	assert_string_equal(c.log_file, "/x/audit.log");
	assert_string_equal(c.flush, "INCREMENTAL_ASYNC");
	assert_true(c.write_logs && !c.enriched);
	assert_true(c.space_left.percent && c.space_left.amount == 25 && c.space_left.action == UNS_AUDITD_EXEC);
	assert_true(!c.admin_space_left.percent && c.admin_space_left.amount == 50 && c.admin_space_left.action == UNS_AUDITD_HALT);
	assert_int_equal(c.disk_full_action, UNS_AUDITD_SINGLE);
	assert_int_equal(c.disk_error_action, UNS_AUDITD_SUSPEND);
	assert_true(uns_auditdconf_capacity(&c) == 40ull << 20);
	uns_auditdconf_done(&c);
}

static void capacity_depends_on_the_action(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} is[] = {
		{"", UINT64_MAX},
		{"max_log_file = 8\nmax_log_file_action = KEEP_LOGS\nnum_logs = 5\n", UINT64_MAX},
		{"max_log_file = 8\nmax_log_file_action = SUSPEND\nnum_logs = 5\n", 8 << 20},
		{"max_log_file = 8\nmax_log_file_action = ROTATE\nnum_logs = 1\n", UINT64_MAX},
		{"max_log_file = 8\nmax_log_file_action = ROTATE\nnum_logs = 2\n", 16 << 20},
		{"max_log_file = 8\nmax_log_file_action = IGNORE\n", UINT64_MAX},
		{"log_format = NOLOG\n", 0},
		{"write_logs = no\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		struct uns_auditdconf c = conf(is[i].text);

		assert_int_equal(c.problems.n, 0);
		assert_string_equal(c.log_file, "/var/log/audit/audit.log");
		assert_true(uns_auditdconf_capacity(&c) == is[i].bytes);
		uns_auditdconf_done(&c);
	}
}

static void problems_of_auditd_conf_are_named(void **state)
{
	struct uns_auditdconf c = conf("max_log_file=8\nnum_logs = 1000\nspace_left = 100%\ndisk_full_action = KEEP_LOGS\nwrite_logs = maybe\na = b c d\n");

	(void)state;
	assert_int_equal(c.problems.n, 6);
	assert_string_equal(c.problems.v[0], "auditd.conf:1: found \"max_log_file=8\"; expected a name, a blank, '=', a blank and a value");
	assert_string_equal(c.problems.v[1], "auditd.conf:2: found \"1000\"; expected a number");
	assert_string_equal(c.problems.v[3], "auditd.conf:4: found \"KEEP_LOGS\"; expected an action of auditd.conf(5)");
	uns_auditdconf_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_a_rule_is_read),
		cmocka_unit_test(of_many_problems_the_first_are_told),
		cmocka_unit_test(limits_are_the_last_ones),
		cmocka_unit_test(order_is_that_of_the_kernel),
		cmocka_unit_test(control_lines_are_read),
		cmocka_unit_test(what_auditctl_does_not_take_is_named),
		cmocka_unit_test(bad_lines_leave_the_others),
		cmocka_unit_test(watches_are_found),
		cmocka_unit_test(many_rules_take_little_time),
		cmocka_unit_test(the_first_rule_that_fits_decides),
		cmocka_unit_test(rules_about_little_do_not_watch),
		cmocka_unit_test(rules_behind_a_problem_are_not_loaded),
		cmocka_unit_test(words_are_written_as_they_are_read),
		cmocka_unit_test(rules_of_the_kernel_are_read),
		cmocka_unit_test(watches_of_the_kernel_are_read),
		cmocka_unit_test(auditd_conf_is_read),
		cmocka_unit_test(capacity_depends_on_the_action),
		cmocka_unit_test(problems_of_auditd_conf_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
