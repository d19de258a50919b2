/* SPDX-License-Identifier: Apache-2.0 */
/* The journal and the loop, with the kinds that only need a directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "uns/cleanup.h"
#include "uns/lock.h"
#include "uns/root.h"
#include "uns/sys.h"
#include "uns/txn.h"

struct place {
	char dir[64];
	struct uns_root root;
	int lock;
	char events[1024];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct uns_err err = { 0 };

	strcpy(p->dir, "/tmp/usernsctl-txn.XXXXXX");
	if (!mkdtemp(p->dir) || uns_root_open(&p->root, p->dir, &err) || uns_txn_lock(&p->root, &p->lock, &err))
		return -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", p->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	close(p->lock);
	uns_root_close(&p->root);
	free(p);
	return status;
}

static void add_file(struct uns_plan *plan, const char *file, bool reverse)
{
	struct uns_err err = { 0 };

	assert_int_equal(uns_plan_add(plan, "own-file", reverse,
	                              json_pack("{s:s,s:s,s:s}", "file", file, "content", "ours\n", "mode", "0644"), &err), 0);
}

static void add_dir(struct uns_plan *plan, const char *path)
{
	struct uns_err err = { 0 };

	assert_int_equal(uns_plan_add(plan, "mkdir", false,
	                              json_pack("{s:s,s:s,s:i,s:i}", "path", path, "mode", "0755", "uid", (int)geteuid(), "gid",
	                                        (int)getegid()), &err), 0);
}

static void make_plan(struct uns_plan *plan)
{
	struct uns_err err = { 0 };

	assert_int_equal(uns_plan_set_title(plan, "test", &err), 0);
	add_dir(plan, "/a");
	add_file(plan, "/a/hold", false);
	add_file(plan, "/a/f", false);
	add_file(plan, "/a/hold", true);
}

static bool there(const struct place *p, const char *path)
{
	struct uns_err err = { 0 };
	struct stat st;

	return uns_root_stat(&p->root, path, &st, &err) == 0;
}

static void put(const struct place *p, const char *path, const char *text)
{
	struct uns_err err = { 0 };

	assert_int_equal(uns_root_write(&p->root, path, text, strlen(text), 0644, &err), 0);
}

static void sink(void *user, const struct uns_event *e)
{
	struct place *p = user;
	size_t len = strlen(p->events);

	snprintf(p->events + len, sizeof(p->events) - len, "%s%zu ", e->type, e->what ? e->step + 1 : 0);
}

static int drive(struct place *p, struct uns_txn *t, enum uns_side to, struct uns_err *err)
{
	struct uns_txn_run run = { .sink = sink, .sink_user = p };

	p->events[0] = '\0';
	return uns_txn_drive(t, &p->root, to, &run, err);
}

static void start(struct place *p, struct uns_txn *t)
{
	uns_auto(uns_plan_done) struct uns_plan plan = { 0 };
	struct uns_err err = { 0 };

	make_plan(&plan);
	assert_int_equal(uns_txn_create(&p->root, &plan, t, &err), 0);
}

static void reload(struct place *p, struct uns_txn *t)
{
	struct uns_err err = { 0 };

	uns_txn_close(t);
	assert_int_equal(uns_txn_load(&p->root, 0, t, &err), 0);
}

static void test_there_and_back(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;
	size_t differs = 9;

	start(p, &t);
	assert_int_equal(t.number, 1);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	assert_string_equal(p->events, "run0 begin1 done1 begin2 done2 begin3 done3 begin4 done4 end0 ");
	assert_true(there(p, "/a/f"));
	assert_false(there(p, "/a/hold"));
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_DONE);
	assert_int_equal(uns_txn_verify(&t, &p->root, &(struct uns_verify){0}, &differs, &err), 0);
	assert_int_equal(differs, 0);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	assert_string_equal(p->events, "");
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	assert_string_equal(p->events, "run0 begin4 done4 begin3 done3 begin2 done2 begin1 done1 end0 ");
	assert_false(there(p, "/a"));
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_ROLLED_BACK);
	assert_int_equal(t.leg, 1);
	assert_int_equal(uns_txn_verify(&t, &p->root, &(struct uns_verify){0}, &differs, &err), 0);
	assert_int_equal(differs, 0);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), -1);
	assert_int_equal(err.code, UNS_E_CONFLICT);
	uns_txn_close(&t);
}

/* What was there before us is skipped, and stays on the way back. */
static void test_given(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;
	size_t differs = 9;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/a", p->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	put(p, "/a/f", "ours\n");
	start(p, &t);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	assert_string_equal(p->events, "run0 skip1 begin2 done2 skip3 begin4 done4 end0 ");
	reload(p, &t);
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	assert_true(there(p, "/a/f"));
	assert_int_equal(uns_txn_verify(&t, &p->root, &(struct uns_verify){0}, &differs, &err), 0);
	assert_int_equal(differs, 0);
	uns_txn_close(&t);
}

/* A fact that is on neither side stops the run before that step is touched. */
static void test_conflict(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/a", p->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	put(p, "/a/f", "theirs\n");
	start(p, &t);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), -1);
	assert_int_equal(err.code, UNS_E_CONFLICT);
	assert_non_null(strstr(err.text, "step 3 of 4 (own-file)"));
	assert_non_null(strstr(err.text, "/a/f has other contents"));
	assert_int_equal(uns_root_read(&p->root, "/a/f", 100, &b, NULL, &err), 0);
	assert_string_equal(b.data, "theirs\n");
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_FORWARD);
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	assert_false(there(p, "/a/hold"));
	assert_true(there(p, "/a/f"));
	uns_txn_close(&t);
}

static void append(const struct place *p, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s" UNS_TXN_DIR "/0001/log", p->dir);
	f = fopen(path, "ae");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_torn_line(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;

	start(p, &t);
	append(p, "{\"t\":1,\"ev\":\"run\",\"to\":\"after\",\"leg\":0}\n{\"t\":1,\"ev\":\"begin\",\"st");
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_FORWARD);
	assert_false(t.step[0].begun);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_DONE);
	uns_txn_close(&t);
}

static void test_damaged_line(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;

	start(p, &t);
	uns_txn_close(&t);
	append(p, "{\"t\":1,\"ev\":\"run\",\"to\":\"after\",\"leg\":0}\n{\"t\":1,\"ev\":\"begin\",\"step\":77,\"to\":\"after\"}\n"
	          "{\"t\":1,\"ev\":\"begin\",\"step\":0,\"to\":\"after\"}\n");
	assert_int_equal(uns_txn_load(&p->root, 0, &t, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_non_null(strstr(err.text, "/0001/log:2:1"));
}

/* A begun step is driven again whatever a look at it says. */
static void test_begun_is_driven(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;

	start(p, &t);
	append(p, "{\"t\":1,\"ev\":\"run\",\"to\":\"after\",\"leg\":0}\n{\"t\":1,\"ev\":\"begin\",\"step\":0,\"to\":\"after\"}\n");
	reload(p, &t);
	assert_true(t.step[0].begun);
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	assert_string_equal(p->events, "run0 begin1 done1 end0 ");
	uns_txn_close(&t);
}

/* A transaction that is pending again, behind newer ones that were rolled back, is not lost from sight. */
static void test_pending_older(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;

	start(p, &t);
	uns_txn_close(&t);
	start(p, &t);
	assert_int_equal(t.number, 2);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	reload(p, &t);
	assert_int_equal(t.number, 1);
	assert_int_equal(t.state, UNS_TXN_FORWARD);
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	reload(p, &t);
	assert_int_equal(t.number, 2);
	uns_txn_close(&t);
}

/* What stands in the way of a rollback is found before the first effect. */
static void test_rollback_foresees(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;

	start(p, &t);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	put(p, "/a/f", "theirs\n");
	reload(p, &t);
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), -1);
	assert_int_equal(err.code, UNS_E_CONFLICT);
	assert_non_null(strstr(err.text, "nothing was done"));
	assert_string_equal(p->events, "");
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_DONE);
	uns_txn_close(&t);
}

static int no_space(void *user, const char *effect, size_t *len)
{
	(void)len;
	return strcmp(effect, user) ? 0 : ENOSPC;
}

static void leave(void *user, const char *effect)
{
	(void)user;
	(void)effect;
}

/* A disk without room for the journal: nothing of the host is touched, nothing is left over. */
static void test_full_disk(void **state)
{
	static const char *const effects[] = { "fallocate", "write", "mkdir", "rename", "fsync" };
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++) {
		uns_auto(uns_plan_done) struct uns_plan plan = { 0 };
		char effect[16];
		struct uns_sys_hook hook = { no_space, leave, effect };
		struct uns_err err = { 0 };
		struct uns_txn t;
		int r;

		snprintf(effect, sizeof(effect), "%s", effects[i]);
		make_plan(&plan);
		uns_sys_set_hook(&hook);
		r = uns_txn_create(&p->root, &plan, &t, &err);
		uns_sys_set_hook(NULL);
		assert_int_equal(r, -1);
		assert_int_equal(err.code, UNS_E_FAILED);
		assert_int_equal(err.errnum, ENOSPC);
		assert_false(there(p, "/a"));
		assert_false(there(p, UNS_TXN_DIR "/new"));
	}
}

static void test_second_process(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	int fd, status;
	pid_t pid = fork();

	if (!pid)
		_exit(uns_txn_lock(&p->root, &fd, &err) == -1 && err.code == UNS_E_LOCKED ? 0 : 1);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void start_lines(struct place *p, struct uns_txn *t)
{
	uns_auto(uns_plan_done) struct uns_plan plan = { 0 };
	struct uns_err err = { 0 };

	assert_int_equal(uns_plan_set_title(&plan, "test", &err), 0);
	assert_int_equal(uns_plan_add(&plan, "subid-lines", false,
	                              json_pack("{s:s,s:[],s:[s],s:b}", "file", "/etc/subuid", "before", "after", "bob:524288:65536",
	                                        "created", 1), &err), 0);
	assert_int_equal(uns_txn_create(&p->root, &plan, t, &err), 0);
}

/* How the account files are locked is the caller's to say: the steps are told, or find that he has done it. */
static void test_run_locks(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;
	struct uns_lock_how now = { .timeout_ms = 1 };
	struct uns_txn_run run = { .lock = now };
	struct uns_err err = { 0 };
	struct uns_txn t;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/etc", p->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	start_lines(p, &t);
	assert_int_equal(uns_lock_shadow(&lock, &p->root, &now, &err), 0);
	assert_int_equal(uns_txn_drive(&t, &p->root, UNS_AFTER, &run, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	assert_non_null(strstr(err.text, "step 1 of 1 (subid-lines)"));
	assert_false(there(p, "/etc/subuid"));
	run.locked = &lock;
	assert_int_equal(uns_txn_drive(&t, &p->root, UNS_AFTER, &run, &err), 0);
	assert_true(there(p, "/etc/subuid") && there(p, "/etc/subuid.lock"));
	uns_unlock_shadow(&lock);
	put(p, "/etc/subuid.lock", "");
	run.locked = NULL;
	assert_int_equal(uns_txn_drive(&t, &p->root, UNS_BEFORE, &run, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	assert_non_null(strstr(err.text, "--break-stale-locks"));
	run.lock.break_stale = true;
	assert_int_equal(uns_txn_drive(&t, &p->root, UNS_BEFORE, &run, &err), 0);
	assert_false(there(p, "/etc/subuid") || there(p, "/etc/subuid.lock"));
	uns_txn_close(&t);
}

/* Without a word about it a step waits for the lock, and gets it. */
static void test_run_takes_lock(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct uns_txn t;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/etc", p->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	start_lines(p, &t);
	assert_int_equal(uns_txn_drive(&t, &p->root, UNS_AFTER, NULL, &err), 0);
	assert_true(there(p, "/etc/subuid"));
	assert_false(there(p, "/etc/subuid.lock") || there(p, "/etc/subgid.lock"));
	uns_txn_close(&t);
}

/* The end of a file that has lines behind it now is left as it is on the way back; that is no difference. */
static void test_newline_left(void **state)
{
	struct place *p = *state;
	uns_auto(uns_plan_done) struct uns_plan plan = { 0 };
	struct uns_err err = { 0 };
	struct uns_txn t;
	size_t differs = 9;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/etc", p->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	put(p, "/etc/subuid", "a:100000:1");
	assert_int_equal(uns_plan_set_title(&plan, "test", &err), 0);
	assert_int_equal(uns_plan_add(&plan, "final-newline", false,
	                              json_pack("{s:s,s:s}", "file", "/etc/subuid", "line", "a:100000:1"), &err), 0);
	assert_int_equal(uns_txn_create(&p->root, &plan, &t, &err), 0);
	assert_int_equal(drive(p, &t, UNS_AFTER, &err), 0);
	put(p, "/etc/subuid", "a:100000:1\nb:200000:1\n");
	assert_int_equal(drive(p, &t, UNS_BEFORE, &err), 0);
	reload(p, &t);
	assert_int_equal(t.state, UNS_TXN_ROLLED_BACK);
	assert_true(t.step[0].kept);
	assert_int_equal(uns_txn_verify(&t, &p->root, &(struct uns_verify){0}, &differs, &err), 0);
	assert_int_equal(differs, 0);
	uns_txn_close(&t);
}

static void test_list(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	uns_auto_free unsigned *all = NULL;
	struct uns_txn t;
	size_t n = 9;

	assert_int_equal(uns_txn_load(&p->root, 0, &t, &err), 1);
	for (int i = 0; i < 3; i++) {
		start(p, &t);
		uns_txn_close(&t);
	}
	assert_int_equal(uns_txn_list(&p->root, &all, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(all[2], 3);
	assert_int_equal(uns_txn_load(&p->root, 2, &t, &err), 0);
	assert_int_equal(t.number, 2);
	assert_string_equal(t.plan.title, "test");
	uns_txn_close(&t);
	assert_int_equal(uns_txn_load(&p->root, 4, &t, &err), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begun_is_driven, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_older, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rollback_foresees, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_locks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_takes_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newline_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
	};

	return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
