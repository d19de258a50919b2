/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
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
	assert_true(uns_num_sum(UINT64_MAX - 1, 1) == UINT64_MAX && uns_num_sum(INT64_MAX, 1) == 1ull << 63);
	assert_true(uns_num_sum(UINT64_MAX, UINT64_MAX) == UINT64_MAX && uns_num_sum(2, UINT64_MAX - 1) == UINT64_MAX);
	assert_true(uns_num_signed(1ull << 63) == INT64_MAX && uns_num_signed(7) == 7);
	assert_true(uns_num_rounded(0x1p65) == UINT64_MAX && uns_num_rounded(0x1p64) == UINT64_MAX && uns_num_rounded(1.5) == 2);
	assert_true(uns_num_rounded(-1) == 0 && uns_num_rounded(0.0 / 0.0) == 0);
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

static void test_shell_words(void **state)
{
	static const char *const pairs[][2] = {
		{ "/a-b_c.d:1", "/a-b_c.d:1" }, { "", "''" }, { "a b", "'a b'" }, { "$(x)`y`", "'$(x)`y`'" },
		{ "don't", "'don'\\''t'" }, { "~", "'~'" }, { "a\n'\\\xc3\xa4", "$'a\\012\\'\\\\\\303\\244'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uns_auto_free char *word = uns_str_shell(pairs[i][0], NULL);

		assert_string_equal(word, pairs[i][1]);
	}
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

static void give(const struct place *p, const char *path, uid_t uid, gid_t gid)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", p->dir, path);
	assert_int_equal(chown(full, uid, gid), 0);
}

static void read_stat(const struct place *p, const char *path, struct stat *ret)
{
	struct uns_err err = { 0 };

	assert_int_equal(uns_root_stat(&p->root, path, ret, &err), 0);
}

static bool there(const struct place *p, const char *path)
{
	struct uns_err err = { 0 };
	struct stat st;

	return uns_root_stat(&p->root, path, &st, &err) == 0;
}

static size_t count_names(const struct place *p, const char *path)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_root_list(&p->root, path, &names, &err), 0);
	return names.n;
}

static void expect(const struct place *p, const char *path, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_root_read(&p->root, path, 1000, &b, NULL, &err), 0);
	assert_string_equal(b.data, want);
}

/* Whatever effect fails, the old file stays whole and nothing lies about. */
static void test_write_fails(void **state)
{
	static const char *const effects[] = { "create", "write", "chmod", "fsync", "rename", "chown" };
	struct place *p = *state;
	size_t n = geteuid() == 0 ? 6 : 5;

	put(p, "/data/f", "old");
	if (geteuid() == 0)
		give(p, "/data/f", 12, 34);
	for (size_t i = 0; i < n; i++) {
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
		expect(p, "/data/f", "old");
		assert_int_equal(count_names(p, "/data"), 1);
	}
}

/* ---- replacing ---- */

static int replace(const struct place *p, const char *path, const struct stat *old, const char *text, struct uns_err *err)
{
	return uns_root_replace(&p->root, path, old, true, text, strlen(text), 0644, err);
}

static void test_replace(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct stat st, now, backup;
	char full[256], value[8] = "";
	bool xattr;

	put(p, "/etc/subuid", "one\n");
	snprintf(full, sizeof(full), "%s/etc/subuid", p->dir);
	assert_int_equal(chmod(full, 0640), 0);
	xattr = !setxattr(full, "user.note", "kept", 4, 0);
	if (geteuid() == 0)
		give(p, "/etc/subuid", 12, 34);
	read_stat(p, "/etc/subuid", &st);
	assert_int_equal(replace(p, "/etc/subuid", &st, "two\n", &err), 0);
	read_stat(p, "/etc/subuid", &now);
	read_stat(p, "/etc/subuid-", &backup);
	expect(p, "/etc/subuid", "two\n");
	expect(p, "/etc/subuid-", "one\n");
	assert_true(now.st_ino != st.st_ino);
	assert_true(now.st_mode == st.st_mode && backup.st_mode == st.st_mode);
	assert_true(now.st_uid == st.st_uid && now.st_gid == st.st_gid && backup.st_uid == st.st_uid && backup.st_gid == st.st_gid);
	assert_true(!xattr || (getxattr(full, "user.note", value, sizeof(value)) == 4 && !strcmp(value, "kept")));
	strcat(full, "-");
	assert_true(!xattr || getxattr(full, "user.note", value, sizeof(value)) == 4);
	assert_int_equal(replace(p, "/etc/subuid", &now, "three\n", &err), 0);
	expect(p, "/etc/subuid-", "two\n");
	assert_int_equal(count_names(p, "/etc"), 2);
	assert_int_equal(replace(p, "/data/made", NULL, "x", &err), 0);
	read_stat(p, "/data/made", &now);
	assert_int_equal(now.st_mode & 07777, 0644);
	assert_true(now.st_uid == geteuid());
	assert_int_equal(count_names(p, "/data"), 1);
}

static void expect_changed(const struct place *p, const char *path, const struct stat *old, const char *stays)
{
	struct uns_err err = { 0 };

	assert_int_equal(replace(p, path, old, "ours\n", &err), -1);
	assert_int_equal(err.code, UNS_E_CONFLICT);
	assert_int_equal(err.errnum, EAGAIN);
	assert_non_null(strstr(err.text, path));
	if (stays)
		expect(p, path, stays);
	else
		assert_false(there(p, path));
}

/* Any other file than the one that was read is left alone. */
static void test_replace_changed(void **state)
{
	struct place *p = *state;
	struct stat st, other;

	put(p, "/etc/subuid", "one\n");
	read_stat(p, "/etc/subuid", &st);
	other = st;
	other.st_size++;
	expect_changed(p, "/etc/subuid", &other, "one\n");
	other = st;
	other.st_ino++;
	expect_changed(p, "/etc/subuid", &other, "one\n");
	other = st;
	other.st_mtim.tv_nsec ^= 1;
	expect_changed(p, "/etc/subuid", &other, "one\n");
	other = st;
	other.st_ctim.tv_sec--;
	expect_changed(p, "/etc/subuid", &other, "one\n");
	expect_changed(p, "/etc/subuid", NULL, "one\n");
	expect_changed(p, "/etc/subgid", &st, NULL);
	assert_int_equal(count_names(p, "/etc"), 1); /* and no backup */
}

/* Somebody who takes no lock changes the file, or makes it, at the given effect of ours. */
struct intruder {
	const struct place *p;
	const char *effect;
	unsigned at, seen;
};

static int intrude(void *user, const char *effect, size_t *len)
{
	struct intruder *i = user;
	char full[256];
	FILE *f;

	(void)len;
	if (strcmp(effect, i->effect) || ++i->seen != i->at)
		return 0;
	snprintf(full, sizeof(full), "%s/etc/subuid", i->p->dir);
	f = fopen(full, "ae");
	fputs("theirs\n", f);
	fclose(f);
	return 0;
}

static void expect_intruder(const struct place *p, const char *effect, unsigned at, const struct stat *old, const char *stays)
{
	struct intruder i = { p, effect, at, 0 };
	struct uns_sys_hook hook = { intrude, leave, &i };

	uns_sys_set_hook(&hook);
	expect_changed(p, "/etc/subuid", old, stays);
	uns_sys_set_hook(NULL);
	assert_true(i.seen >= at);
	assert_false(there(p, "/etc/subuid.usernsctl") || there(p, "/etc/subuid-.usernsctl"));
}

static void test_replace_raced(void **state)
{
	struct place *p = *state;
	struct stat st;

	expect_intruder(p, "write", 1, NULL, "theirs\n"); /* before it is looked at again */
	assert_int_equal(unlinkat(p->root.fd, "etc/subuid", 0), 0);
	expect_intruder(p, "rename", 1, NULL, "theirs\n"); /* after that */
	read_stat(p, "/etc/subuid", &st);
	expect_intruder(p, "write", 1, &st, "theirs\ntheirs\n"); /* of the backup */
	read_stat(p, "/etc/subuid", &st);
	expect_intruder(p, "fsync", 2, &st, "theirs\ntheirs\ntheirs\n"); /* the file itself is written */
}

static void expect_input(const struct place *p, const char *path, const char *text)
{
	struct uns_err err = { 0 };

	assert_int_equal(replace(p, path, NULL, "ours\n", &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, text));
}

static void test_replace_refuses(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct stat st;
	int status;
	pid_t pid;

	put(p, "/data/real", "real");
	point(p, "/data/real", "/etc/subuid");
	point(p, "nowhere", "/etc/dangling");
	make(p, "/etc/dir");
	assert_int_equal(mkfifoat(p->root.fd, "etc/fifo", 0600), 0);
	expect_input(p, "/etc/subuid", "is a symbolic link, which shadow's tools refuse");
	expect_input(p, "/etc/dangling", "expected a regular file");
	expect_input(p, "/etc/dir", "no regular file");
	expect_input(p, "/etc/fifo", "no regular file");
	expect(p, "/data/real", "real");
	read_stat(p, "/data/real", &st);
	pid = fork();
	if (!pid) {
		int fd = openat(p->root.fd, "data/real", O_RDONLY | O_CLOEXEC), r;

		if (uns_lock_fd(fd, "it", &err))
			_exit(2);
		pid = fork();
		if (pid) {
			waitpid(pid, &status, 0);
			_exit(WEXITSTATUS(status));
		}
		r = replace(p, "/data/real", &st, "ours", &err);
		_exit(!(r == -1 && err.code == UNS_E_LOCKED && strstr(err.text, "/data/real is locked by PID")));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	expect(p, "/data/real", "real");
	assert_int_equal(count_names(p, "/data"), 1);
}

struct nth {
	uint64_t at, count;
};

static int refuse_nth(void *user, const char *effect, size_t *len)
{
	struct nth *n = user;

	(void)effect;
	(void)len;
	return ++n->count == n->at ? EIO : 0;
}

/* One replacement, of which effect number "at" fails (0: none); how many effects there were. */
static uint64_t replace_failing(const struct place *p, uint64_t at, int *ret)
{
	struct nth n = { at, 0 };
	struct uns_sys_hook hook = { refuse_nth, leave, &n };
	struct uns_err err = { 0 };
	struct stat st;

	put(p, "/etc/subuid", "old\n");
	put(p, "/etc/subuid-", "older\n");
	read_stat(p, "/etc/subuid", &st);
	uns_sys_set_hook(&hook);
	*ret = replace(p, "/etc/subuid", &st, "new\n", &err);
	uns_sys_set_hook(NULL);
	if (*ret)
		assert_int_equal(err.errnum, EIO);
	return n.count;
}

/* Each effect in turn fails: the file is the old one or the new one, the backup is whole, and nothing lies about. */
static void test_replace_fails(void **state)
{
	struct place *p = *state;
	int r;
	uint64_t effects = replace_failing(p, 0, &r);

	assert_int_equal(r, 0);
	assert_int_equal(effects, 11); /* twice create, write, chmod, fsync, rename; and the directory */
	for (uint64_t at = 1; at <= effects; at++) {
		replace_failing(p, at, &r);
		assert_int_equal(r, -1);
		expect(p, "/etc/subuid", at == effects ? "new\n" : "old\n");
		expect(p, "/etc/subuid-", at <= 5 ? "older\n" : "old\n");
		assert_int_equal(count_names(p, "/etc"), 2);
	}
}

/* What a kill leaves of either file is swept up. */
static void test_clean(void **state)
{
	struct place *p = *state;
	struct uns_err err = { 0 };
	struct stat st;

	put(p, "/etc/subuid", "x");
	for (int i = 0; i < 3; i++) {
		put(p, "/etc/subuid.usernsctl", "half");
		put(p, "/etc/subuid-.usernsctl", "half");
		read_stat(p, "/etc/subuid", &st);
		if (i == 0)
			assert_int_equal(uns_root_clean(&p->root, "/etc/subuid", &err), 0);
		else if (i == 1)
			assert_int_equal(replace(p, "/etc/subuid", &st, "y", &err), 0);
		else
			assert_int_equal(uns_root_remove(&p->root, "/etc/subuid", &err), 0);
		assert_false(there(p, "/etc/subuid.usernsctl") || there(p, "/etc/subuid-.usernsctl"));
	}
}

static int as_nobody(const struct place *p, const char *effect)
{
	struct uns_sys_hook hook = { refuse, leave, (void *)(uintptr_t)effect };
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_lock_how how = { 0 };
	struct uns_err err = { 0 };
	struct stat st;

	if (setgid(4321) || setuid(1234))
		return 2;
	uns_sys_set_hook(&hook); /* nothing is given to anybody */
	if (uns_lock_shadow(&l, &p->root, &how, &err) || uns_root_stat(&p->root, "/etc/subuid", &st, &err) ||
	    replace(p, "/etc/subuid", &st, "two\n", &err) || replace(p, "/etc/made", NULL, "x", &err) ||
	    uns_root_write(&p->root, "/etc/written", "x", 1, 0600, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 3;
	}
	uns_unlock_shadow(&l);
	return uns_root_stat(&p->root, "/etc/made", &st, &err) || st.st_uid != 1234 || st.st_gid != 4321;
}

/* Who owns a root can write in it without being root, and owns what is made there. */
static void test_unprivileged(void **state)
{
	static const char effect[] = "chown";
	struct place *p = *state;
	struct stat st;
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		print_message("not tried: needs root to become somebody else\n");
		return;
	}
	put(p, "/etc/subuid", "one\n");
	give(p, "/etc", 1234, 4321);
	give(p, "/etc/subuid", 1234, 4321);
	give(p, "", 1234, 4321);
	pid = fork();
	if (!pid)
		_exit(as_nobody(p, effect));
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	expect(p, "/etc/subuid", "two\n");
	expect(p, "/etc/subuid-", "one\n");
	read_stat(p, "/etc/written", &st);
	assert_true(st.st_uid == 1234 && st.st_gid == 4321);
}

/* ---- the lock of the account files ---- */

static int take(const struct place *p, bool break_stale, struct uns_shadow_lock *ret, struct uns_err *err)
{
	struct uns_lock_how how = { .timeout_ms = 0, .break_stale = break_stale };

	return uns_lock_shadow(ret, &p->root, &how, err);
}

static void test_shadow_lock(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock a = UNS_SHADOW_LOCK_INIT, b = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };
	char pid[16], have[16] = "";
	int fd;

	assert_int_equal(take(p, false, &a, &err), 0);
	/* As shadow writes it: with a NUL behind. */
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	fd = openat(p->root.fd, "etc/subuid.lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, have, sizeof(have)), (ssize_t)strlen(pid) + 1);
	close(fd);
	assert_string_equal(have, pid);
	assert_true(there(p, "/etc/subgid.lock"));
	assert_int_equal(take(p, true, &b, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	assert_int_equal(b.pwd_fd, -1);
	uns_unlock_shadow(&a);
	assert_int_equal(count_names(p, "/etc"), 1); /* .pwd.lock stays */
	assert_int_equal(take(p, false, &b, &err), 0);
	uns_unlock_shadow(&b);
}

/* A process that lives until its descriptor is closed. */
struct sleeper {
	pid_t pid;
	int fd;
};

static struct sleeper sleep_on(void)
{
	struct sleeper s;
	int fds[2];
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s.pid = fork();
	if (!s.pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0);
	}
	close(fds[0]);
	s.fd = fds[1];
	return s;
}

static void wake(struct sleeper *s)
{
	close(s->fd);
	waitpid(s->pid, NULL, 0);
}

static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

/* A lock of that age with those bytes; and its inode. */
static ino_t put_lock(const struct place *p, const char *name, const char *text, size_t len, int64_t age)
{
	struct timespec times[2];
	struct stat st;
	int fd = openat(p->root.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= (time_t)age;
	times[1] = times[0];
	if (age)
		assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return st.st_ino;
}

static void expect_taken(struct place *p, bool break_stale)
{
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };

	if (take(p, break_stale, &l, &err))
		fail_msg("%s", err.text);
	uns_unlock_shadow(&l);
	assert_int_equal(count_names(p, "/etc"), 1);
}

/* Refused with this message, and the lock is still there, the very same. */
static void expect_held(struct place *p, bool break_stale, ino_t ino, const char *text)
{
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };
	struct stat st;

	assert_int_equal(take(p, break_stale, &l, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	if (!strstr(err.text, text) || !strstr(err.text, "/etc/subuid.lock"))
		fail_msg("%s: found no %s", err.text, text);
	read_stat(p, "/etc/subuid.lock", &st);
	assert_true(st.st_ino == ino);
	assert_int_equal(count_names(p, "/etc"), 2); /* with .pwd.lock */
}

static void expect_stale(struct place *p, const char *text, size_t len, int64_t age, const char *message)
{
	ino_t ino = put_lock(p, "etc/subuid.lock", text, len, age);

	expect_held(p, false, ino, message);
	expect_held(p, false, ino, "--break-stale-locks");
	expect_taken(p, true);
}

/* A lock of a process that is gone is taken over, as shadow does it, with or without the NUL. */
static void test_lock_of_dead(void **state)
{
	struct place *p = *state;
	char text[16];

	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "%d", (int)dead_pid());
		put_lock(p, i < 2 ? "etc/subuid.lock" : "etc/subgid.lock", text, strlen(text) + (size_t)(i & 1), 0);
		expect_taken(p, i == 3);
	}
}

/* Nobody knows whose it is: only who says so breaks it. */
static void test_lock_of_nobody(void **state)
{
	struct place *p = *state;
	struct stat st;

	expect_stale(p, "", 0, 0, "names no PID");
	expect_stale(p, "999999\n", 7, 200, "made 3 min ago");
	expect_stale(p, "999999\n", 8, 20000, "made 5 h ago");
	expect_stale(p, "0", 2, 0, "an unknown process");
	expect_stale(p, "-1", 3, 0, "names no PID");
	expect_stale(p, "99999999999", 12, 300000, "made 3 days ago");
	point(p, "host.4242", "/etc/subuid.lock");
	read_stat(p, "/etc/subuid.lock", &st);
	expect_held(p, false, st.st_ino, "names no PID");
	expect_taken(p, true);
	make(p, "/etc/subuid.lock");
	read_stat(p, "/etc/subuid.lock", &st);
	expect_held(p, true, st.st_ino, "an unknown process");
}

/* The lock of a process that lives, and that was there before it, is never lost. */
static void test_lock_of_living(void **state)
{
	struct place *p = *state;
	struct sleeper s = sleep_on();
	char text[16], named[64], message[32];
	ino_t ino;

	snprintf(text, sizeof(text), "%d", (int)s.pid);
	snprintf(named, sizeof(named), "is held by PID %d (", (int)s.pid);
	snprintf(message, sizeof(message), "PID %d", (int)s.pid);
	for (int i = 0; i < 4; i++) {
		ino = put_lock(p, "etc/subuid.lock", text, strlen(text) + (size_t)(i & 1), i < 2 ? 0 : -3600);
		expect_held(p, false, ino, named);
		expect_held(p, true, ino, i < 2 ? " s ago" : "made 0 s ago");
		assert_int_equal(unlinkat(p->root.fd, "etc/subuid.lock", 0), 0);
	}
	/* The PID was given out again: now it is another process. */
	expect_stale(p, text, strlen(text) + 1, 3600, message);
	expect_stale(p, text, strlen(text), 3600, "started after the lock was made");
	expect_stale(p, text, strlen(text), 30, " s ago");
	wake(&s);
}

/* ---- two who break the same lock ---- */

/* Somebody else is faster: he removes the stale lock, and makes one of his own, just when we want to take it away. */
struct rival {
	const struct place *p;
	const char *text; /* NULL: only removes */
	unsigned links;
	bool again; /* also when we want to put it back */
	ino_t ino;
};

static int rival_enter(void *user, const char *effect, size_t *len)
{
	struct rival *r = user;

	(void)len;
	if (!strcmp(effect, "rename")) {
		unlinkat(r->p->root.fd, "etc/subuid.lock", 0);
		if (r->text)
			r->ino = put_lock(r->p, "etc/subuid.lock", r->text, strlen(r->text) + 1, 0);
	}
	/* 1: our first try. 2: putting back. */
	if (!strcmp(effect, "link") && ++r->links == 2 && r->again)
		r->ino = put_lock(r->p, "etc/subuid.lock", r->text, strlen(r->text) + 1, 0);
	return 0;
}

static int take_from_rival(struct place *p, struct rival *r, struct uns_shadow_lock *l)
{
	struct uns_sys_hook hook = { rival_enter, leave, r };
	struct uns_err err = { 0 };
	char text[16];
	int got;

	snprintf(text, sizeof(text), "%d", (int)dead_pid());
	put_lock(p, "etc/subuid.lock", text, strlen(text) + 1, 0);
	uns_sys_set_hook(&hook);
	got = take(p, true, l, &err);
	uns_sys_set_hook(NULL);
	if (got)
		assert_int_equal(err.code, UNS_E_LOCKED);
	return got;
}

static void expect_rivals(struct place *p, const struct rival *r)
{
	struct stat st;

	expect(p, "/etc/subuid.lock", r->text);
	read_stat(p, "/etc/subuid.lock", &st);
	assert_true(st.st_ino == r->ino);
	assert_int_equal(count_names(p, "/etc"), 2);
	assert_int_equal(unlinkat(p->root.fd, "etc/subuid.lock", 0), 0);
}

static void test_two_breakers(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct sleeper s = sleep_on();
	char text[16];
	struct rival r = { .p = p, .text = text };

	snprintf(text, sizeof(text), "%d", (int)s.pid);
	assert_int_equal(take_from_rival(p, &r, &l), -1);
	expect_rivals(p, &r);
	r = (struct rival){ .p = p, .text = text, .again = true };
	assert_int_equal(take_from_rival(p, &r, &l), -1);
	expect_rivals(p, &r);
	r = (struct rival){ .p = p };
	assert_int_equal(take_from_rival(p, &r, &l), 0);
	uns_unlock_shadow(&l);
	assert_int_equal(count_names(p, "/etc"), 1);
	wake(&s);
}

/* Killed while it had a stale lock in its hands: that is a lock again, to be judged by the next one. */
static void test_killed_breaker(void **state)
{
	struct place *p = *state;
	ino_t ino = put_lock(p, "etc/subuid.lock.stale.usernsctl", "x", 1, 0);

	expect_held(p, false, ino, "names no PID");
	expect_taken(p, true);
	put_lock(p, "etc/subuid.lock.stale.usernsctl", "x", 1, 0);
	put_lock(p, "etc/subuid.lock.usernsctl", "x", 1, 0);
	expect_taken(p, true);
	put_lock(p, "etc/subuid.lock.stale.usernsctl", "x", 1, 0);
	ino = put_lock(p, "etc/subuid.lock", "1", 2, 0);
	expect_held(p, true, ino, "PID 1 ");
}

/* Each effect in turn fails while a stale lock is broken: it is there still, or it is broken; nothing else is left but what is needed
 * to try again. */
static void test_lock_fails(void **state)
{
	struct place *p = *state;
	uint64_t at = 0, effects = 0;

	do {
		struct nth n = { ++at, 0 };
		struct uns_sys_hook hook = { refuse_nth, leave, &n };
		struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
		struct uns_err err = { 0 };
		int r;

		put_lock(p, "etc/subuid.lock", "", 0, 0);
		uns_sys_set_hook(&hook);
		r = take(p, true, &l, &err);
		effects = n.count;
		uns_unlock_shadow(&l);
		uns_sys_set_hook(NULL);
		if (r)
			assert_int_equal(err.code, UNS_E_FAILED);
		if (r && at > 1)
			assert_int_equal(count_names(p, "/etc"), there(p, "/etc/subuid.lock") ? 2 : 1);
		expect_taken(p, true);
	} while (at <= effects);
	assert_true(effects >= 10);
}

/* Ours was broken meanwhile, and somebody has a new one: that is not ours to remove. */
static void test_unlock_leaves_others(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(take(p, false, &l, &err), 0);
	assert_int_equal(unlinkat(p->root.fd, "etc/subuid.lock", 0), 0);
	put_lock(p, "etc/subuid.lock", "1", 2, 0);
	uns_unlock_shadow(&l);
	expect(p, "/etc/subuid.lock", "1");
	assert_false(there(p, "/etc/subgid.lock"));
}

/* ---- who holds .pwd.lock ---- */

static int hold_posix(const struct place *p)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(p->root.fd, "etc/.pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fcntl(fd, F_SETLK, &fl);
}

static int hold_ours(const struct place *p)
{
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };

	return take(p, false, &l, &err);
}

static void expect_named(struct place *p, int (*hold)(const struct place *))
{
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };
	char who[32], c = 0;
	int to[2], from[2];
	pid_t pid;

	assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		close(to[1]);
		c = hold(p) ? 'n' : 'y';
		_exit(write(from[1], &c, 1) != 1 || read(to[0], &c, 1) != 0);
	}
	assert_int_equal(read(from[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	snprintf(who, sizeof(who), "PID %d (", (int)pid);
	assert_int_equal(take(p, true, &l, &err), -1);
	assert_int_equal(err.code, UNS_E_LOCKED);
	if (!strstr(err.text, who) || !strstr(err.text, "/etc/.pwd.lock"))
		fail_msg("%s", err.text);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	waitpid(pid, NULL, 0);
	expect_taken(p, false);
}

static void test_pwd_lock_holder(void **state)
{
	expect_named(*state, hold_posix);
	expect_named(*state, hold_ours);
}

/* ---- many at once ---- */

#define CONTENDERS 12
#define ROUNDS 200

/* Every tenth time it is held by a process that is killed with it. */
static int die_with_it(const struct place *p, const struct uns_lock_how *how)
{
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
	struct uns_err err = { 0 };
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(uns_lock_shadow(&l, &p->root, how, &err) ? 1 : 0);
	return waitpid(pid, &status, 0) != pid || status;
}

static int contend(const struct place *p, int *inside)
{
	struct uns_lock_how how = { .timeout_ms = 120000 };

	for (int i = 0; i < ROUNDS; i++) {
		struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;
		struct uns_err err = { 0 };

		if (i % 10 == 9 && die_with_it(p, &how))
			return 2;
		if (uns_lock_shadow(&l, &p->root, &how, &err)) {
			fprintf(stderr, "%s\n", err.text);
			return 3;
		}
		if (__atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST) != 1)
			return 4;
		sched_yield();
		if (__atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST) != 0)
			return 5;
		uns_unlock_shadow(&l);
	}
	return 0;
}

static void test_contention(void **state)
{
	struct place *p = *state;
	int *inside = mmap(NULL, sizeof(*inside), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[CONTENDERS];

	assert_true(inside != MAP_FAILED);
	for (int i = 0; i < CONTENDERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(contend(p, inside));
	}
	for (int i = 0; i < CONTENDERS; i++) {
		int status;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(*inside, 0);
	munmap(inside, sizeof(*inside));
	assert_int_equal(count_names(p, "/etc"), 1);
}

static int fail_each(void *user, const char *effect, size_t *len)
{
	(void)len;
	assert_string_equal(effect, "syncfs");
	return *(int *)user;
}

static void never(void *user, const char *effect)
{
	(void)user;
	fail_msg("%s was done", effect);
}

/* One effect, wherever it is, and nothing of it stays. */
static void test_commit(void **state)
{
	struct place *p = *state;
	int errnum = EIO, shm = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct uns_sys_hook hook = {fail_each, never, &errnum};
	uint64_t effects = uns_sys_effects();
	size_t names = count_names(p, "/");

	assert_int_equal(uns_sys_commit(dir), 0);
	assert_int_equal(uns_sys_effects(), effects + 1);
	assert_int_equal(count_names(p, "/"), names);
	if (shm >= 0) {
		assert_false(uns_sys_has_journal(shm));
		assert_int_equal(uns_sys_commit(shm), 0);
		close(shm);
	}
	uns_sys_set_hook(&hook);
	assert_int_equal(uns_sys_commit(dir), -1);
	uns_sys_set_hook(NULL);
	assert_int_equal(errno, EIO);
	close(dir);
	assert_int_equal(uns_sys_commit(dir), -1);
	assert_int_equal(errno, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test_setup_teardown(test_commit, setup, teardown),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_shell_words),
		cmocka_unit_test(test_errors),
		cmocka_unit_test_setup_teardown(test_root_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_fallback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_raced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unprivileged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shadow_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_of_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_of_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_of_living, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_breakers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_breaker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlock_leaves_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pwd_lock_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_contention, setup, teardown),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
