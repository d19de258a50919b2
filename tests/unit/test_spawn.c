/* SPDX-License-Identifier: Apache-2.0 */
/* Children, with real ones. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/sys.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/uns-spawn.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlink(in_dir("log"));
	unlink(in_dir("fifo"));
	return rmdir(dir);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* sh -c script; must be run at all. */
static int sh(const char *script, struct uns_buf *out)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct uns_err err = {0};
	int status = -1;

	if (uns_sys_spawn(argv, &status, out, &err))
		fail_msg("%s", err.text);
	return status;
}

static void expect_output(const char *script, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;

	assert_int_equal(sh(script, &out), 0);
	assert_string_equal(out.data ? out.data : "", want);
}

static void test_output(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_buf_puts(&out, "kept|", NULL), 0);
	assert_int_equal(WEXITSTATUS(sh("echo one; echo two >&2; echo three; exit 7", &out)), 7);
	assert_string_equal(out.data, "kept|one\ntwo\nthree\n");
	assert_int_equal(WTERMSIG(sh("kill -9 $$", &out)), SIGKILL);
}

static void test_output_is_cut(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(sh("head -c 300000 /dev/zero | tr '\\0' x", &out), 0);
	assert_int_equal(out.len, 65536);
	assert_int_equal(strspn(out.data, "x"), 65536);
}

static void test_surroundings(void **state)
{
	uns_auto_close int leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
	uns_auto_close int high = fcntl(leak, F_DUPFD, 200);

	(void)state;
	assert_true(leak >= 0 && high >= 200);
	setenv("UNS_TEST_SECRET", "x", 1);
	expect_output("/usr/bin/env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort", "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
	unsetenv("UNS_TEST_SECRET");
	expect_output("cat", "");
	expect_output("readlink /proc/self/fd/0; pwd; umask", "/dev/null\n/\n0022\n");
	expect_output("cd /proc/$$/fd; for i in *; do [ ! -L $i ] || echo $i; done", "0\n1\n2\n");
	/* Its own session: an interrupt at our terminal is not for it. */
	expect_output("[ $(ps -o sid= -p $$) = $$ ] && echo own", "own\n");
}

static void test_signals_at_their_defaults(void **state)
{
	sigset_t mask, old;
	struct sigaction now;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &old);
	/* 32 and 33 belong to the C library, which lets nobody change them. */
	expect_output("while read -r name set; do case $name in SigBlk:|SigIgn:) echo $name $((0x$set & 0x7fffffff)) ;; esac; done "
	              "< /proc/self/status",
	              "SigBlk: 0\nSigIgn: 0\n");
	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_true(sigismember(&mask, SIGTERM));
	sigprocmask(SIG_SETMASK, &old, NULL);
	sigaction(SIGCHLD, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
}

static void test_cannot_run(void **state)
{
	const char *const argv[] = {"/nonexistent/tool", "x", NULL};
	const char *const plain[] = {"/etc/passwd", NULL};
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = {0};
	int status = 42;

	(void)state;
	assert_int_equal(uns_sys_spawn(argv, &status, &out, &err), -1);
	assert_int_equal(err.code, UNS_E_FAILED);
	assert_int_equal(err.errnum, ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/tool"));
	assert_int_equal(uns_sys_spawn(plain, &status, &out, &err), -1);
	assert_int_equal(err.errnum, EACCES);
	assert_int_equal(status, 42);
	assert_int_equal(out.len, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
}

/* A cache daemon that an account tool starts keeps our pipe open; the tool itself has ended. */
static void test_grandchild_is_not_waited_for(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	double begin = seconds();

	(void)state;
	assert_int_equal(sh("sleep 20 & echo $!", &out), 0);
	assert_true(seconds() - begin < 10);
	assert_int_equal(uns_sys_kill((pid_t)strtol(out.data, NULL, 10), SIGTERM), 0);
}

static void test_without_stdio(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		const char *const argv[] = {"/bin/sh", "-c", "echo out; echo err >&2; cat", NULL};
		struct uns_buf out = UNS_BUF_INIT;
		int child;

		close(0);
		close(1);
		close(2);
		if (uns_sys_spawn(argv, &child, &out, NULL) || child)
			_exit(1);
		_exit(strcmp(out.data, "out\nerr\n") ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- the hook ---- */

static unsigned left;
static char last_effect[32];

static int deny(void *user, const char *effect, size_t *len)
{
	(void)user;
	(void)len;
	snprintf(last_effect, sizeof(last_effect), "%s", effect);
	return EIO;
}

static void note_leave(void *user, const char *effect)
{
	(void)user;
	(void)effect;
	left++;
}

static void test_counted_and_denied(void **state)
{
	static const struct uns_sys_hook hook = {.enter = deny, .leave = note_leave};
	const char *const argv[] = {"/bin/sh", "-c", "touch \"$0\"", in_dir("log"), NULL};
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	uint64_t before = uns_sys_effects();
	struct uns_err err = {0};
	int status = 42;
	pid_t pid = 42;

	(void)state;
	uns_sys_set_hook(&hook);
	assert_int_equal(uns_sys_spawn(argv, &status, &out, &err), -1);
	assert_int_equal(err.errnum, EIO);
	assert_string_equal(last_effect, "spawn");
	assert_int_equal(uns_sys_daemon(argv, NULL, NULL, NULL, &pid, &err), -1);
	assert_string_equal(last_effect, "daemon");
	assert_int_equal(uns_sys_kill(getpid(), SIGKILL), -1);
	assert_int_equal(errno, EIO);
	uns_sys_set_hook(NULL);
	assert_int_equal(uns_sys_effects() - before, 3);
	assert_int_equal(left, 0);
	assert_int_equal(status, 42);
	assert_int_equal(pid, 42);
	assert_int_equal(access(in_dir("log"), F_OK), -1);
}

/* ---- daemons ---- */

static char *read_log(void)
{
	static char text[4096];
	uns_auto_close int fd = open(in_dir("log"), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool wait_for_log(const char *text)
{
	for (int i = 0; i < 200; i++) {
		if (strstr(read_log(), text))
			return true;
		usleep(20000);
	}
	return false;
}

static void append_to_log(const char *text)
{
	uns_auto_close int fd = open(in_dir("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_daemon(void **state)
{
	const char *const argv[] = {
	    "/bin/sh", "-c",
	    "echo cwd $(pwd) env $A $LC_ALL; cd /proc/$$/fd; for i in *; do [ ! -L $i ] || echo fd $i; done; "
	    "readlink 0; echo ready >&2; exec sleep 60",
	    NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", "A=b", NULL};
	uns_auto_close int leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
	char want[64];
	pid_t pid = 0, sid;

	(void)state;
	assert_true(leak >= 0);
	append_to_log("before\n");
	assert_int_equal(uns_sys_daemon(argv, env, "/usr", in_dir("log"), &pid, NULL), 0);
	assert_true(wait_for_log("ready\n"));
	assert_string_equal(read_log(), "before\ncwd /usr env b\nfd 0\nfd 1\nfd 2\n/dev/null\nready\n");
	assert_true(pid > 1);
	sid = getsid(pid);
	assert_true(sid > 0 && sid != getsid(0) && sid != pid);
	/* It is nobody's child here. */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(uns_sys_kill(pid, SIGTERM), 0);
	snprintf(want, sizeof(want), "/proc/%d/exe", (int)pid);
	for (int i = 0; i < 200 && !access(want, F_OK); i++)
		usleep(20000);
	assert_int_equal(access(want, F_OK), -1);
}

static void test_daemon_cannot_start(void **state)
{
	const char *const argv[] = {"/nonexistent/dockerd", NULL};
	const char *const sleeper[] = {"/bin/sleep", "60", NULL};
	struct uns_err err = {0};
	pid_t pid = 42;

	(void)state;
	assert_int_equal(uns_sys_daemon(argv, NULL, NULL, NULL, &pid, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/dockerd"));
	assert_int_equal(uns_sys_daemon(sleeper, NULL, "/nonexistent", NULL, &pid, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(uns_sys_daemon(sleeper, NULL, NULL, in_dir("fifo"), &pid, &err), -1);
	assert_non_null(strstr(err.text, in_dir("fifo")));
	assert_int_equal(pid, 42);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_kill_never_reaches_groups_or_init(void **state)
{
	static const pid_t never[] = {1, 0, -1, -4711};
	uint64_t before = uns_sys_effects();

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		errno = 0;
		assert_int_equal(uns_sys_kill(never[i], 0), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(uns_sys_effects(), before);
	assert_int_equal(uns_sys_kill(getpid(), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_output),
	    cmocka_unit_test(test_output_is_cut),
	    cmocka_unit_test(test_surroundings),
	    cmocka_unit_test(test_signals_at_their_defaults),
	    cmocka_unit_test(test_cannot_run),
	    cmocka_unit_test(test_grandchild_is_not_waited_for),
	    cmocka_unit_test(test_without_stdio),
	    cmocka_unit_test_setup_teardown(test_counted_and_denied, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_daemon, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_daemon_cannot_start, setup, teardown),
	    cmocka_unit_test(test_kill_never_reaches_groups_or_init),
	};

	return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
