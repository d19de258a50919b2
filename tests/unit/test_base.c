/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test.h"
#include "uns/cleanup.h"
#include "uns/lock.h"
#include "uns/num.h"
#include "uns/root.h"
#include "uns/str.h"
#include "uns/sys.h"

struct place {
	char dir[64];
	struct uns_root root;
};

static void put(const struct place *p, const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", p->dir, path);
	f = fopen(full, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make(const struct place *p, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", p->dir, path);
	assert_int_equal(mkdir(full, 0755), 0);
}

static void point(const struct place *p, const char *target, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", p->dir, path);
	assert_int_equal(symlink(target, full), 0);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct uns_err err;

	strcpy(p->dir, "/tmp/usernsctl-base.XXXXXX");
	if (!mkdtemp(p->dir) || uns_root_open(&p->root, p->dir, &err))
		return -1;
	make(p, "/etc");
	make(p, "/data");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char cmd[128];
	int status = 0;
	pid_t pid = fork();

	snprintf(cmd, sizeof(cmd), "%s", p->dir);
	if (!pid) {
		execlp("rm", "rm", "-rf", cmd, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	uns_root_close(&p->root);
	free(p);
	return status;
}

static void test_numbers(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "01", "00", "0x10", "1e3", "4294967296", "99999999999999999999" };
	uint32_t v = 7;
	uint64_t w = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(uns_num_u32(bad[i], strlen(bad[i]), &v), -1);
	assert_int_equal(v, 7);
	assert_int_equal(uns_num_u32("4294967295", 10, &v), 0);
	assert_int_equal(v, 4294967295u);
	assert_int_equal(uns_num_u32("0", 1, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(uns_num_u64("18446744073709551615", 20, &w), 0);
	assert_true(w == UINT64_MAX);
	assert_int_equal(uns_num_u64("18446744073709551616", 20, &w), -1);
	assert_int_equal(uns_num_mode("4755", 4, &v), 0);
	assert_int_equal(v, 04755);
	assert_int_equal(uns_num_mode("10000", 5, &v), -1);
	assert_int_equal(uns_num_mode("8", 1, &v), -1);
}

static void test_strings(void **state)
{
	struct uns_err err = { 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs l = UNS_STRS_INIT;
	uns_auto_free char *esc = NULL;
	uns_auto_free char *all = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(uns_buf_printf(&b, &err, "%d,", i), 0);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(b.data), b.len);
	all = uns_buf_take(&b, &err);
	assert_non_null(all);
	assert_null(b.data);
	assert_int_equal(uns_strs_add(&l, "b", &err), 0);
	assert_int_equal(uns_strs_add(&l, "a", &err), 0);
	uns_strs_sort(&l);
	assert_string_equal(l.v[0], "a");
	assert_true(uns_strs_has(&l, "b"));
	assert_false(uns_strs_has(&l, "c"));
	esc = uns_str_escape("a b%\n\xff", &err);
	assert_string_equal(esc, "a%20b%25%0A%FF");
	assert_true(uns_path_below("/a/b", "/a"));
	assert_true(uns_path_below("/a", "/a"));
	assert_false(uns_path_below("/ab", "/a"));
}

static void test_errors(void **state)
{
	char longer[3000];
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_err_sys(&err, ENOSPC, "cannot write %s", "x"), -1);
	assert_int_equal(err.code, UNS_E_FAILED);
	assert_int_equal(err.errnum, ENOSPC);
	assert_string_equal(err.text, "cannot write x: No space left on device");
	uns_err_set(&err, UNS_E_CONFLICT, "taken");
	uns_err_prefix(&err, "step %d", 3);
	assert_string_equal(err.text, "step 3: taken");
	assert_int_equal(err.code, UNS_E_CONFLICT);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	uns_err_prefix(&err, "%s", longer);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(uns_err_set(NULL, UNS_E_FAILED, "nobody listens"), -1);
}

/* Absolute and relative links stay inside the root, however many dots they have. */
static void test_root_links(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	uns_auto_free char *real = NULL;

	put(p, "/data/passwd", "inside\n");
	point(p, "/data/passwd", "/etc/absolute");
	point(p, "../../../../data/passwd", "/etc/dots");
	point(p, "loop", "/etc/loop");
	assert_int_equal(uns_root_read(&p->root, "/etc/absolute", 100, &b, NULL, &err), 0);
	assert_int_equal(uns_root_read(&p->root, "/etc/dots", 100, &b, NULL, &err), 0);
	assert_string_equal(b.data, "inside\ninside\n");
	real = uns_root_resolve(&p->root, "/etc/dots", &err);
	assert_string_equal(real, "/data/passwd");
	assert_int_equal(uns_root_read(&p->root, "/etc/loop", 100, &b, NULL, &err), -1);
	assert_int_equal(uns_root_read(&p->root, "/etc/none", 100, &b, NULL, &err), 1);
	assert_int_equal(uns_root_read(&p->root, "/none/none", 100, &b, NULL, &err), 1);
	assert_int_equal(uns_root_read(&p->root, "/etc", 100, &b, NULL, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_int_equal(uns_root_read(&p->root, "/data/passwd", 3, &b, NULL, &err), -1);
	assert_non_null(strstr(err.text, "larger than 3 bytes"));
}

/* As a kernel before 5.6 is. */
static int deny_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(*code), .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int read_equals(const struct place *p, const char *path, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	int r = uns_root_read(&p->root, path, 100, &b, NULL, &err);

	return want ? !r && !strcmp(b.data, want) : r != 0;
}

/* The walk without openat2 resolves the same, and no more. */
static void test_root_fallback(void **state)
{
	struct place *p = *state;
	int status;
	pid_t pid;

	put(p, "/data/passwd", "inside\n");
	point(p, "/data/passwd", "/etc/absolute");
	point(p, "../../../../data/passwd", "/etc/dots");
	point(p, "loop", "/etc/loop");
	point(p, "/data", "/etc/dir");
	point(p, "../../etc/hostname", "/etc/outside");
	pid = fork();
	if (!pid) {
		struct uns_err err = { 0 };
		struct stat st;

		if (deny_openat2())
			_exit(2);
		_exit(!(read_equals(p, "/etc/absolute", "inside\n") && read_equals(p, "/etc/dots", "inside\n") &&
		        read_equals(p, "/etc/dir/passwd", "inside\n") && read_equals(p, "/etc/./../data//passwd", "inside\n") &&
		        read_equals(p, "/etc/loop", NULL) && read_equals(p, "/etc/outside", NULL) && read_equals(p, "/none", NULL) &&
		        uns_root_stat(&p->root, "/etc/loop", &st, &err) == 0 && S_ISLNK(st.st_mode) &&
		        uns_root_stat(&p->root, "/", &st, &err) == 0 && S_ISDIR(st.st_mode)));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_root_write(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	char full[256];
	struct stat st;

	put(p, "/data/f", "old");
	snprintf(full, sizeof(full), "%s/data/f", p->dir);
	assert_int_equal(chmod(full, 0640), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(full, 12, 34), 0);
	point(p, "/data/f", "/etc/f");
	assert_int_equal(uns_root_write(&p->root, "/etc/f", "new", 3, 0600, &err), 0);
	assert_int_equal(uns_root_stat(&p->root, "/etc/f", &st, &err), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(uns_root_read(&p->root, "/data/f", 10, &b, &st, &err), 0);
	assert_string_equal(b.data, "new");
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0)
		assert_int_equal(st.st_uid * 100 + st.st_gid, 1234);
	assert_int_equal(uns_root_write(&p->root, "/data/made", "x", 1, 0604, &err), 0);
	assert_int_equal(uns_root_stat(&p->root, "/data/made", &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(uns_root_remove(&p->root, "/data/made", &err), 0);
	assert_int_equal(uns_root_remove(&p->root, "/data/made", &err), 1);
	assert_int_equal(uns_root_write(&p->root, "/none/made", "x", 1, 0604, &err), -1);
	assert_int_equal(uns_root_list(&p->root, "/data", &names, &err), 0);
	assert_int_equal(names.n, 1); /* no temporary file is left */
}

static int refuse(void *user, const char *effect, size_t *len)
{
	(void)len;
	return strcmp(effect, user) ? 0 : EIO;
}

static void leave(void *user, const char *effect)
{
	(void)user;
	(void)effect;
}

/* Whatever effect fails, the old file stays whole and nothing lies about. */
static void test_write_fails(void **state)
{
	static const char *const effects[] = { "create", "write", "chown", "chmod", "fsync", "rename" };
	struct place *p = *state;

	put(p, "/data/f", "old");
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++) {
		uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
		uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
		char effect[16];
		struct uns_sys_hook hook = { refuse, leave, effect };
		struct uns_err err = { 0 };
		uint64_t before = uns_sys_effects();
		int r;

		snprintf(effect, sizeof(effect), "%s", effects[i]);
		uns_sys_set_hook(&hook);
		r = uns_root_write(&p->root, "/data/f", "new", 3, 0600, &err);
		uns_sys_set_hook(NULL);
		assert_int_equal(r, -1);
		assert_int_equal(err.errnum, EIO);
		assert_true(uns_sys_effects() > before);
		assert_int_equal(uns_root_read(&p->root, "/data/f", 10, &b, NULL, &err), 0);
		assert_string_equal(b.data, "old");
		assert_int_equal(uns_root_list(&p->root, "/data", &names, &err), 0);
		assert_int_equal(names.n, 1);
	}
}

static void test_shadow_lock(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock a = UNS_SHADOW_LOCK_INIT, b = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };
	struct stat st;

	assert_int_equal(uns_lock_shadow(&a, &p->root, 0, &err), 0);
	assert_int_equal(uns_root_stat(&p->root, "/etc/subuid.lock", &st, &err), 0);
	assert_int_equal(uns_root_stat(&p->root, "/etc/subgid.lock", &st, &err), 0);
	assert_int_equal(uns_lock_shadow(&b, &p->root, 0, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	uns_unlock_shadow(&a);
	assert_int_equal(uns_root_stat(&p->root, "/etc/subuid.lock", &st, &err), 1);
	assert_int_equal(uns_lock_shadow(&b, &p->root, 0, &err), 0);
	uns_unlock_shadow(&b);
}

/* A lock file of a process that is gone is taken over; one of a live process, or an unreadable one, is not. */
static void test_stale_lock(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };
	struct stat st;
	char text[32];
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	snprintf(text, sizeof(text), "%d", (int)pid);
	put(p, "/etc/subuid.lock", text);
	assert_int_equal(uns_lock_shadow(&l, &p->root, 0, &err), 0);
	uns_unlock_shadow(&l);
	put(p, "/etc/subuid.lock", "1");
	assert_int_equal(uns_lock_shadow(&l, &p->root, 0, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	assert_non_null(strstr(err.text, "PID 1"));
	put(p, "/etc/subuid.lock", "garbage\n");
	assert_int_equal(uns_lock_shadow(&l, &p->root, 0, &err), -1);
	assert_non_null(strstr(err.text, "unknown process"));
	assert_int_equal(uns_root_stat(&p->root, "/etc/subgid.lock", &st, &err), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_errors),
		cmocka_unit_test_setup_teardown(test_root_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_fallback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shadow_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_lock, setup, teardown),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
