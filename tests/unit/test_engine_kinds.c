/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of step that deal with accounts, processes and the engine: real account tools in a throw-away root, real processes, and
 * an engine that is a child of ours with canned answers. */
#include "kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/http.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"

/* ---- http ---- */

static void test_http(void **state)
{
	static const struct canned answers[] = {
	    {"GET /_ping HTTP", 200, "OK"}, {"GET /a%20b?x=1 HTTP", 404, "gone"}, {NULL, 0, NULL}};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err err = {0};
	uint64_t effects = uns_sys_effects();
	pid_t pid;
	long http = 42;

	(void)state;
	/* A proxy in the environment is not for an engine's socket. */
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	assert_int_equal(uns_http_get(in_dir("sock"), "/_ping", &http, &text, &err), -1);
	assert_non_null(strstr(err.text, in_dir("sock")));
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(http, 42);
	pid = engine(answers);
	assert_int_equal(uns_http_get(in_dir("sock"), "/_ping", &http, &text, &err), 0);
	assert_int_equal(http, 200);
	assert_int_equal(uns_http_get(in_dir("sock"), "/a%20b?x=1", &http, &text, &err), 0);
	assert_int_equal(http, 404);
	assert_string_equal(text.data, "OKgone");
	assert_int_equal(uns_sys_effects(), effects); /* reading is no effect */
	uns_buf_done(&text);
	assert_int_equal(uns_sys_http(in_dir("sock"), "PUT", "/p", "{}", &http, &text, &err), 0);
	assert_true(uns_str_starts(text.data, "PUT /p HTTP/1.1\r\nHost: localhost\r\n"));
	assert_non_null(strstr(text.data, "Content-Type: application/json\r\n"));
	assert_int_equal(uns_sys_effects(), effects + 1);
	end(pid);
	assert_int_equal(uns_http_get(in_dir("sock"), "/_ping", &http, &text, &err), -1);
	assert_non_null(strstr(err.text, "refused"));
	unsetenv("http_proxy");
}

/* ---- account ---- */

static void account_root(struct uns_root *ret)
{
	make_dir("root");
	make_dir("root/etc");
	make_dir("root/usr");
	make_dir("root/usr/sbin");
	put("root/usr/sbin/nologin", "");
	put("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n");
	put("root/etc/group", "root:x:0:\nbob:x:1001:\n");
	put("root/etc/shadow", "root:*:19000:0:99999:7:::\nbob:*:19000:0:99999:7:::\n");
	put("root/etc/gshadow", "root:*::\nbob:!::\n");
	assert_int_equal(uns_root_open(ret, in_dir("root"), NULL), 0);
}

static bool no_account_tools(void)
{
	return geteuid() || access("/usr/sbin/useradd", X_OK);
}

static void test_account_there_and_back(void **state)
{
	uns_auto(one_done) struct one o;
	uns_auto(uns_root_close) struct uns_root root;

	(void)state;
	if (no_account_tools())
		skip();
	account_root(&root);
	one_init(&o, &root, "account", json_pack("{s:s, s:s}", "user", "dockremap", "group", "dockremap"));
	assert_describes(&o, false, "create system user and group dockremap");
	assert_describes(&o, true, "remove system user and group dockremap");
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	assert_non_null(strstr(text_of("root/etc/passwd"), ":/nonexistent:/usr/sbin/nologin\n"));
	drive(&o, UNS_AFTER);
	drive(&o, UNS_BEFORE);
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive(&o, UNS_BEFORE);
	assert_string_equal(text_of("root/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n");
	assert_string_equal(text_of("root/etc/group"), "root:x:0:\nbob:x:1001:\n");
}

static void test_account_of_two_names(void **state)
{
	uns_auto(one_done) struct one o;
	uns_auto(uns_root_close) struct uns_root root;

	(void)state;
	if (no_account_tools())
		skip();
	account_root(&root);
	one_init(&o, &root, "account", json_pack("{s:s, s:s}", "user", "shifter", "group", "shifted"));
	assert_describes(&o, false, "create system user shifter and group shifted");
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	assert_null(strstr(text_of("root/etc/group"), "shifter:"));
	drive(&o, UNS_BEFORE);
	assert_int_equal(observe(&o), UNS_BEFORE);
	assert_null(strstr(text_of("root/etc/group"), "shifted:"));
}

/* An account tool that was killed between passwd and group. */
static void test_account_torn(void **state)
{
	uns_auto(one_done) struct one o;
	uns_auto(uns_root_close) struct uns_root root;

	(void)state;
	if (no_account_tools())
		skip();
	account_root(&root);
	one_init(&o, &root, "account", json_pack("{s:s, s:s}", "user", "dockremap", "group", "dockremap"));
	put("root/etc/group", "root:x:0:\nbob:x:1001:\ndockremap:x:333:\n");
	put("root/etc/gshadow", "root:*::\nbob:!::\ndockremap:!::\n");
	assert_int_equal(observe(&o), UNS_FOREIGN);
	assert_string_equal(o.c.why, "group dockremap exists, but user dockremap does not");
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	assert_non_null(strstr(text_of("root/etc/passwd"), ":333:"));
	put("root/etc/group", "root:x:0:\nbob:x:1001:\n");
	put("root/etc/gshadow", "root:*::\nbob:!::\n");
	assert_int_equal(observe(&o), UNS_FOREIGN);
	assert_string_equal(o.c.why, "user dockremap exists, but group dockremap does not");
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	put("root/etc/group", "root:x:0:\nbob:x:1001:\ndockremap:x:333:\n");
	put("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n");
	drive(&o, UNS_BEFORE);
	assert_int_equal(observe(&o), UNS_BEFORE);
}

static void test_account_refusals(void **state)
{
	uns_auto(one_done) struct one o, root_user;
	uns_auto(uns_root_close) struct uns_root root;

	(void)state;
	args_refused("account", json_pack("{s:s, s:s}", "user", "-r", "group", "x"), "user: expected a name");
	args_refused("account", json_pack("{s:s, s:s}", "user", "x", "group", "a:b"), "group: expected a name");
	args_refused("account", json_pack("{s:s}", "user", "x"), "group");
	account_root(&root);
	one_init(&root_user, &root, "account", json_pack("{s:s, s:s}", "user", "root", "group", "root"));
	one_init(&o, &root, "account", json_pack("{s:s, s:s}", "user", "bob2", "group", "bob"));
	if (no_account_tools())
		skip();
	drive_fails(&root_user, UNS_BEFORE, UNS_E_REFUSED, "UID 0");
	assert_int_equal(observe(&root_user), UNS_AFTER);
	/* Account tools would follow this one to the host's file. */
	assert_int_equal(rename(in_dir("root/etc/group"), in_dir("outside")), 0);
	assert_int_equal(symlink(in_dir("outside"), in_dir("root/etc/group")), 0);
	drive_fails(&o, UNS_AFTER, UNS_E_REFUSED, "etc/group is a symlink");
	assert_string_equal(text_of("outside"), "root:x:0:\nbob:x:1001:\n");
	assert_int_equal(unlink(in_dir("root/etc/group")), 0);
	/* A tool that fails is quoted. */
	put("root/etc/group", "root:x:0:\n");
	make_dir("root/etc/group-");
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "the account tools say: groupadd: ");
	assert_non_null(strstr(o.err.text, "(groupadd: exit status "));
}

/* ---- service ---- */

static json_t *service_args(const char *mode)
{
	char exe[PATH_LEN];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	return json_pack("{s:s, s:[s,s,s,s,s], s:[s], s:s, s:s, s:s, s:s}", "manager", "process", "argv", exe, "--stand-in", mode,
	                 in_dir("sock"), in_dir("pid"), "env", "A=b", "cwd", dir, "log", in_dir("log"), "pidfile", in_dir("pid"),
	                 "socket", in_dir("sock"));
}

static void put_pid(const char *name, pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", (int)pid);
	put(name, text);
}

static void test_service_process(void **state)
{
	uns_auto(one_done) struct one o;
	int started[2];
	pid_t sleeper;
	char byte;

	(void)state;
	assert_int_equal(pipe2(started, O_CLOEXEC), 0);
	sleeper = fork_bound();
	if (!sleeper) {
		execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(1);
	}
	close(started[1]);
	assert_int_equal(read(started[0], &byte, 1), 0); /* until then it is this very program */
	close(started[0]);
	one_init(&o, &host, "service", service_args("runs"));
	assert_int_equal(observe(&o), UNS_AFTER);
	/* What a crash leaves in a pid file. */
	put("pid", "");
	assert_int_equal(observe(&o), UNS_AFTER);
	put("pid", "1\n");
	assert_int_equal(observe(&o), UNS_AFTER);
	put_pid("pid", 4194304 + 7);
	assert_int_equal(observe(&o), UNS_AFTER);
	put_pid("pid", sleeper); /* its number went to another program */
	assert_int_equal(observe(&o), UNS_AFTER);
	drive(&o, UNS_AFTER);
	assert_int_equal(kill(sleeper, 0), 0);
	drive(&o, UNS_BEFORE);
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive(&o, UNS_BEFORE);
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	end(sleeper);
}

static void test_service_that_dies(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	put("log", "failed long ago\n");
	one_init(&o, &host, "service", service_args("dies"));
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "failed to start daemon: no good reason");
	assert_non_null(strstr(o.err.text, "ended right after its start"));
	assert_non_null(strstr(o.err.text, in_dir("log")));
	assert_null(strstr(o.err.text, "long ago"));
	json_object_set_new(o.step.args, "argv", json_pack("[s]", "no-such-program"));
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "no-such-program: no such program in");
}

static void test_service_args(void **state)
{
	uns_auto(one_done) struct one o;
	struct uns_root other = {.fd = host.fd, .path = dir, .is_host = false};
	enum uns_side side = UNS_FOREIGN;

	(void)state;
	args_refused("service", json_pack("{s:s}", "manager", "upstart"), "\"sysvinit\" or \"process\", found \"upstart\"");
	args_refused("service", json_pack("{s:s, s:[]}", "manager", "systemd", "units"), "at least one");
	args_refused("service", json_pack("{s:s, s:[s]}", "manager", "systemd", "units", "--now"), "a unit name");
	args_refused("service", json_pack("{s:s, s:[s]}", "manager", "systemd", "units", "a b.service"), "a unit name");
	args_refused("service", json_pack("{s:s, s:[i]}", "manager", "systemd", "units", 1), "expected a string");
	args_refused(
	    "service",
	    json_pack("{s:s, s:[s], s:[], s:s, s:s}", "manager", "process", "argv", "x", "env", "cwd", "/", "pidfile", "p"),
	    "pidfile: expected an absolute path");
	one_init(&o, &other, "service",
	         json_pack("{s:s, s:[s,s]}", "manager", "systemd", "units", "docker.socket", "docker.service"));
	assert_describes(&o, false, "stop docker.socket, docker.service");
	assert_describes(&o, true, "start docker.socket, docker.service");
	assert_int_equal(uns_step_observe(&o.c, &side, &o.err), -1);
	assert_err(&o, UNS_E_FAILED, "on the host only");
	assert_int_equal(side, UNS_FOREIGN);
}

/* Where no systemd runs, a unit's state must be an error and not "stopped". */
static void test_service_without_systemd(void **state)
{
	uns_auto(one_done) struct one o;
	enum uns_side side = UNS_FOREIGN;

	(void)state;
	if (!access("/run/systemd/system", F_OK))
		skip();
	one_init(&o, &host, "service", json_pack("{s:s, s:[s]}", "manager", "systemd", "units", "docker.service"));
	assert_int_equal(uns_step_observe(&o.c, &side, &o.err), -1);
	assert_int_equal(side, UNS_FOREIGN);
	assert_err(&o, UNS_E_FAILED, "systemctl");
}

/* ---- interlock ---- */

static json_t *interlock_args(const char *data_root)
{
	return json_pack("{s:s, s:s}", "data_root", in_dir(data_root), "exec_root", in_dir("run/docker"));
}

static void data_root(const char *name)
{
	char path[PATH_LEN];
	static const char *const dirs[] = {"",
	                                   "/volumes",
	                                   "/100000.100000",
	                                   "/100000.100000/volumes",
	                                   "/.7.8.usernsctl",
	                                   "/.7.8.usernsctl/volumes",
	                                   "/.9.usernsctl",
	                                   "/.9.usernsctl/volumes",
	                                   "/overlay2"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", name, dirs[i]);
		make_dir(path);
		snprintf(path, sizeof(path), "%s%s/metadata.db", name, dirs[i]);
		if (strstr(dirs[i], "volumes"))
			put(path, "db");
	}
}

static bool lockable(const char *name)
{
	uns_auto_close int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return !flock(fd, LOCK_EX | LOCK_NB);
}

static void test_interlock(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	data_root("d");
	/* One file under two names must not block itself. */
	make_dir("d/5.5");
	assert_int_equal(symlink("../volumes", in_dir("d/5.5/volumes")), 0);
	one_init(&o, &host, "interlock", interlock_args("d"));
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	assert_int_equal(o.held.n, 4);
	drive(&o, UNS_AFTER);
	assert_int_equal(o.held.n, 4);
	assert_false(lockable("d/volumes/metadata.db"));
	assert_false(lockable("d/100000.100000/volumes/metadata.db"));
	assert_false(lockable("d/.7.8.usernsctl/volumes/metadata.db"));
	assert_true(lockable("d/.9.usernsctl/volumes/metadata.db"));
	drive(&o, UNS_BEFORE);
	assert_int_equal(observe(&o), UNS_BEFORE);
	assert_int_equal(o.held.n, 0);
	assert_true(lockable("d/volumes/metadata.db"));
	o.c.held = NULL;
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "no run that could hold");
	args_refused("interlock", json_pack("{s:s, s:s}", "data_root", "/", "exec_root", "/run/docker"), "data_root");
	args_refused("interlock", json_pack("{s:s, s:s}", "data_root", "/d", "exec_root", "run"), "exec_root");
}

static void test_interlock_without_databases(void **state)
{
	uns_auto(one_done) struct one o, absent;

	(void)state;
	make_dir("d");
	one_init(&o, &host, "interlock", interlock_args("d"));
	one_init(&absent, &host, "interlock", interlock_args("absent"));
	drive(&o, UNS_AFTER);
	assert_int_equal(observe(&o), UNS_AFTER);
	drive_fails(&absent, UNS_AFTER, UNS_E_FAILED, in_dir("absent"));
}

/* A shell that waits, with a command line that passes for another program's. It reads from a pipe that says nothing. */
static pid_t pretend(int keep_open[2], const char *const args[], const char *opened)
{
	const char *argv[16] = {args[0], "-c", "read x", "sh"};
	int started[2];
	char none;
	pid_t pid;

	for (size_t i = 1; args[i]; i++)
		argv[i + 3] = args[i];
	assert_int_equal(pipe2(keep_open, O_CLOEXEC), 0);
	assert_int_equal(pipe2(started, O_CLOEXEC), 0); /* closed when it has become the shell */
	pid = fork_bound();
	if (!pid) {
		dup2(keep_open[0], 0);
		if (opened && open(opened, O_RDWR) < 0)
			_exit(1);
		execv("/bin/sh", (char *const *)(uintptr_t)argv);
		_exit(1);
	}
	close(keep_open[0]);
	close(started[1]);
	assert_int_equal(read(started[0], &none, 1), 0);
	close(started[0]);
	return pid;
}

static void end_pretence(int keep_open, pid_t pid)
{
	close(keep_open);
	end(pid);
}

struct refusal {
	struct one o;
	int r;
};

static void *refuse(void *user)
{
	struct refusal *f = user;

	f->r = uns_step_drive(&f->o.c, UNS_AFTER, &f->o.err);
	return NULL;
}

/* Each refusal comes after ten seconds of patience, so they are waited for together. */
static void all_refuse(struct refusal *f, size_t n)
{
	pthread_t thread[8];

	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, refuse, &f[i]), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(f[i].r, -1);
		assert_int_equal(f[i].o.held.n, 0);
		assert_non_null(strstr(f[i].o.err.text, " is in use: "));
	}
}

/* A child with a mount below the data root in a mount namespace of its own. */
static pid_t mounter(const char *point)
{
	int ready[2];
	char c = 'x';
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork_bound();
	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", point, "tmpfs", 0, NULL))
			c = '!';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (c == 'x')
		return pid;
	end(pid);
	return 0;
}

static pid_t locker(const char *name, unsigned seconds)
{
	int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);
	pid_t pid;

	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork_bound();
	if (!pid) {
		sleep(seconds);
		_exit(0);
	}
	close(fd); /* the child's copy keeps the lock */
	return pid;
}

static void test_interlock_refuses(void **state)
{
	enum { MOUNT, LOCK, DAEMON, DAEMON_FD, SHIM, SHIM_FD, N };
	static const char *const data[N] = {"mount", "lock", "daemon", "daemonfd", "shim", "shimfd"};
	struct refusal f[N];
	int keep[N][2];
	pid_t pid[N], waited;
	char want[64];

	(void)state;
	make_dir("run");
	make_dir("run/docker");
	make_dir("run2");
	make_dir("run2/docker.5.5");
	put("run2/docker.5.5/init-stdin", "");
	for (size_t i = 0; i < N; i++) {
		f[i] = (struct refusal){.r = 0};
		data_root(data[i]);
		one_init(&f[i].o, &host, "interlock", interlock_args(data[i]));
		json_object_set_new(f[i].o.step.args, "exec_root",
		                    json_string(in_dir(i == SHIM      ? "run/docker"
		                                       : i == SHIM_FD ? "run2/docker"
		                                                      : "none")));
	}
	pid[MOUNT] = mounter(in_dir("mount/overlay2"));
	if (!pid[MOUNT])
		skip();
	pid[LOCK] = locker("lock/100000.100000/volumes/metadata.db", 60);
	pid[DAEMON] = pretend(keep[DAEMON], (const char *const[]){"/x/dockerd", "--data-root", in_dir("daemon"), NULL}, NULL);
	pid[DAEMON_FD] = pretend(keep[DAEMON_FD], (const char *const[]){"dockerd", NULL}, in_dir("daemonfd/volumes/metadata.db"));
	pid[SHIM] = pretend(keep[SHIM],
	                    (const char *const[]){"/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-address",
	                                          in_dir("run/docker/c.sock"), NULL},
	                    NULL);
	pid[SHIM_FD] = pretend(keep[SHIM_FD], (const char *const[]){"containerd-shim-runc-v2", "-namespace", "moby-5.5", NULL},
	                       in_dir("run2/docker.5.5/init-stdin"));
	all_refuse(f, N);
	assert_err(&f[MOUNT].o, UNS_E_REFUSED, in_dir("mount/overlay2"));
	snprintf(want, sizeof(want), "process %d (", (int)pid[MOUNT]);
	assert_err(&f[MOUNT].o, UNS_E_REFUSED, want);
	assert_err(&f[LOCK].o, UNS_E_LOCKED, in_dir("lock/100000.100000/volumes/metadata.db"));
	snprintf(want, sizeof(want), "dockerd (process %d)", (int)pid[DAEMON]);
	assert_err(&f[DAEMON].o, UNS_E_REFUSED, want);
	snprintf(want, sizeof(want), "dockerd (process %d)", (int)pid[DAEMON_FD]);
	assert_err(&f[DAEMON_FD].o, UNS_E_REFUSED, want);
	snprintf(want, sizeof(want), "containerd-shim-runc-v2 (process %d)", (int)pid[SHIM]);
	assert_err(&f[SHIM].o, UNS_E_REFUSED, want);
	snprintf(want, sizeof(want), "containerd-shim-runc-v2 (process %d)", (int)pid[SHIM_FD]);
	assert_err(&f[SHIM_FD].o, UNS_E_REFUSED, want);
	for (size_t i = DAEMON; i < N; i++)
		end_pretence(keep[i][1], pid[i]);
	end(pid[MOUNT]);
	end(pid[LOCK]);
	/* All gone: now each can be held; and one that lets go in time is waited for. */
	waited = locker("lock/volumes/metadata.db", 1);
	for (size_t i = 0; i < N; i++) {
		drive(&f[i].o, UNS_AFTER);
		one_done(&f[i].o);
	}
	assert_int_equal(waitpid(waited, NULL, 0), waited);
}

/* Other engines on the same host are none of our business. */
static void test_interlock_beside_others(void **state)
{
	uns_auto(one_done) struct one o;
	int keep[2][2];
	pid_t daemon, shim;
	char want[PATH_LEN * 2];

	(void)state;
	data_root("d");
	data_root("other");
	make_dir("run");
	make_dir("run/docker2");
	put("run/docker2/init-stdin", "");
	daemon = pretend(keep[0], (const char *const[]){"dockerd", "--data-root", in_dir("other"), NULL}, NULL);
	shim = pretend(
	    keep[1],
	    (const char *const[]){"containerd-shim-runc-v2", "-namespace", "moby", "-address", in_dir("run/docker2/c.sock"), NULL},
	    in_dir("run/docker2/init-stdin"));
	one_init(&o, &host, "interlock", interlock_args("d"));
	snprintf(want, sizeof(want), "hold %s against engines while it is changed", in_dir("d"));
	assert_describes(&o, false, want);
	snprintf(want, sizeof(want), "let engines use %s again", in_dir("d"));
	assert_describes(&o, true, want);
	drive(&o, UNS_AFTER);
	end_pretence(keep[0][1], daemon);
	end_pretence(keep[1][1], shim);
}

/* ---- engine-sets ---- */

static json_t *sets_args(const char *root, bool userns, json_t *containers)
{
	return json_pack("{s:s, s:s, s:b, s:[s], s:o, s:[s], s:[s,s]}", "socket", in_dir("sock"), "data_root", root, "userns",
	                 userns, "images", "sha256:1111111111111111111111111111111111111111111111111111111111111111", "containers",
	                 containers, "volumes", "v1", "networks", "bridge", "front");
}

static const struct canned lists[] = {
    {"GET /_ping HTTP", 200, "OK"},
    {"GET /info HTTP", 200,
     "{\"DockerRootDir\":\"/data/5.5\",\"SecurityOptions\":[\"name=seccomp,profile=default\",\"name=userns\"]}"},
    {"GET /images/json?all=1 HTTP", 200,
     "[{\"Id\":\"sha256:1111111111111111111111111111111111111111111111111111111111111111\",\"RepoTags\":null}]"},
    {"GET /containers/json?all=1 HTTP", 200, "[{\"Id\":\"abc\",\"Names\":[\"/web\"]},{\"Id\":\"def\",\"Names\":[\"/db\"]}]"},
    {"GET /volumes HTTP", 200, "{\"Volumes\":[{\"Name\":\"v1\"},{\"Name\":\"later\"}],\"Warnings\":null}"},
    {"GET /networks HTTP", 200, "[{\"Name\":\"bridge\",\"Id\":\"1\"},{\"Name\":\"front\",\"Id\":\"2\"}]"},
    {NULL, 0, NULL},
};

static void test_engine_sets(void **state)
{
	uns_auto(one_done) struct one good, missing, plain, elsewhere;
	pid_t pid = engine(lists);
	uint64_t effects = uns_sys_effects();

	(void)state;
	one_init(&good, &host, "engine-sets", sets_args("/data/5.5", true, json_pack("[s,s]", "abc", "db")));
	assert_describes(
	    &good, false,
	    "check that the engine runs on /data/5.5 with user namespaces and lists 1 images, 2 containers, 1 volumes, "
	    "2 networks");
	assert_int_equal(observe(&good), UNS_EITHER);
	drive(&good, UNS_AFTER);
	one_init(&missing, &host, "engine-sets",
	         sets_args("/data/5.5", true,
	                   json_pack("[s,s,s,s,s,s,s,s,s,s,s,s]", "abc", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9",
	                             "m10", "m11")));
	drive_fails(&missing, UNS_AFTER, UNS_E_FAILED, "does not list 11 of 12 containers");
	assert_non_null(strstr(missing.err.text, ": m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, …"));
	missing.c.leg = 1;
	drive(&missing, UNS_AFTER);
	one_init(&plain, &host, "engine-sets", sets_args("/data/5.5", false, json_array()));
	drive_fails(&plain, UNS_AFTER, UNS_E_FAILED, "runs with user namespaces, expected it without them");
	one_init(&elsewhere, &host, "engine-sets", sets_args("/data", true, json_array()));
	elsewhere.c.leg = 1;
	drive_fails(&elsewhere, UNS_AFTER, UNS_E_FAILED, "uses the data root /data/5.5, expected /data");
	end(pid);
	drive(&elsewhere, UNS_BEFORE); /* nothing to do, and no engine needed */
	assert_int_equal(uns_sys_effects(), effects);
	args_refused("engine-sets", json_pack("{s:s, s:s, s:i}", "socket", "/s", "data_root", "/d", "userns", 1), "userns");
	args_refused("engine-sets",
	             json_pack("{s:s, s:s, s:b, s:[i]}", "socket", "/s", "data_root", "/d", "userns", 1, "images", 1), "images");
}

static void test_engine_sets_bad_answers(void **state)
{
	static const struct canned bad[] = {
	    {"GET /_ping HTTP", 200, "OK"},
	    {"GET /info HTTP", 500, "{\"message\":\"out of order\"}"},
	    {NULL, 0, NULL},
	};
	static const struct canned torn[] = {
	    {"GET /_ping HTTP", 200, "OK"},
	    {"GET /info HTTP", 200, "{\"DockerRootDir\":"},
	    {NULL, 0, NULL},
	};
	uns_auto(one_done) struct one o;
	pid_t pid = engine(bad);

	(void)state;
	one_init(&o, &host, "engine-sets", sets_args("/data", true, json_array()));
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "GET /info: the engine answers 500: out of order");
	end(pid);
	assert_int_equal(unlink(in_dir("sock")), 0);
	pid = engine(torn);
	drive_fails(&o, UNS_AFTER, UNS_E_INPUT, "GET /info:1:");
	end(pid);
}

/* ---- volume ---- */

static json_t *volume_args(void)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s}, s:{}}", "socket", in_dir("sock"), "path", in_dir("volumes/v1"), "name", "v1",
	                 "labels", "a", "b", "options");
}

static void test_volume_args_and_no_engine(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	one_init(&o, &host, "volume", volume_args());
	assert_describes(&o, false, "create volume v1");
	assert_describes(&o, true, "remove the empty volume v1");
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED,
	            "volume v1 needs the running engine (start it and run again): the engine does not answer at");
	json_object_set_new(o.step.args, "name", json_string("../containers/x"));
	args_refused("volume", json_incref(o.step.args), "name: expected");
	json_object_set_new(o.step.args, "name", json_string("v1"));
	json_object_set_new(o.step.args, "labels", json_pack("{s:i}", "a", 1));
	args_refused("volume", json_incref(o.step.args), "labels: member a: expected a string");
	make_dir("volumes");
	put("volumes/v1", "a file");
	json_object_set_new(o.step.args, "labels", json_object());
	assert_int_equal(observe(&o), UNS_FOREIGN);
	assert_non_null(strstr(o.c.why, "is no directory"));
}

static void test_volume(void **state)
{
	static const struct canned answers[] = {
	    {"POST /volumes/create HTTP", 201, "{\"Name\":\"v1\",\"Driver\":\"local\"}"},
	    {"DELETE /volumes/v1 HTTP", 204, ""},
	    {NULL, 0, NULL},
	};
	uns_auto(one_done) struct one o;
	pid_t pid = engine(answers);

	(void)state;
	make_dir("volumes");
	one_init(&o, &host, "volume", volume_args());
	drive(&o, UNS_AFTER);
	make_dir("volumes/v1");
	assert_int_equal(observe(&o), UNS_AFTER);
	make_dir("volumes/v1/_data");
	drive(&o, UNS_BEFORE);
	put("volumes/v1/_data/.kept", "x");
	drive_fails(&o, UNS_BEFORE, UNS_E_REFUSED, "volume v1 has content in");
	/* A link is no answer to the question whether there is content. */
	assert_int_equal(rename(in_dir("volumes/v1/_data"), in_dir("real")), 0);
	assert_int_equal(symlink("../../real", in_dir("volumes/v1/_data")), 0);
	drive_fails(&o, UNS_BEFORE, UNS_E_REFUSED, "volume v1 is not removed");
	end(pid);
}

static void test_volume_body(void **state)
{
	/* Anything unknown is echoed with status 500, so the error text shows the request. */
	static const struct canned none[] = {{NULL, 0, NULL}};
	static const struct canned other[] = {
	    {"POST", 201, "{\"Name\":\"v2\"}"},
	    {"DELETE", 409, "{\"message\":\"volume is in use\"}"},
	    {NULL, 0, NULL},
	};
	uns_auto(one_done) struct one o;
	pid_t pid = engine(none);

	(void)state;
	one_init(&o, &host, "volume", volume_args());
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "cannot create volume v1: the engine answers 500: POST /volumes/create HTTP/1.1");
	assert_non_null(strstr(o.err.text, "{\"Name\":\"v1\",\"Driver\":\"local\",\"Labels\":{\"a\":\"b\"},\"DriverOpts\":{}}"));
	end(pid);
	assert_int_equal(unlink(in_dir("sock")), 0);
	pid = engine(other);
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "the engine made volume v2, expected v1");
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "cannot remove volume v1: the engine answers 409: volume is in use");
	end(pid);
}

/* ---- validate ---- */

/* A dockerd that says its version, and of a configuration with "bad" in it that it does not take it; it keeps what it was asked. */
static void fake_dockerd(const char *version)
{
	char text[1024];

	snprintf(text, sizeof(text),
	         "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'Docker version %s, build 0'; exit 0; }\n"
	         "printf '%%s\\n' \"$@\" > %s/asked\nfor a; do case $a in --config-file=*) cp \"${a#*=}\" %s/copy ;; esac; done\n"
	         "grep -q bad %s/copy && { echo 'unable to configure the Docker daemon with file x: bad' >&2; exit 1; }\n"
	         "echo 'configuration OK'\n",
	         version, dir, dir, dir);
	put("dockerd", text);
	assert_int_equal(chmod(in_dir("dockerd"), 0755), 0);
}

static void assert_file(const char *name, const char *want)
{
	uns_auto_close int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);
	char text[1024] = "";

	if (!want) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, want);
}

static void validate_init(struct one *o, const char *member, json_t *value)
{
	one_init(o, &host, "validate", json_pack("{s:s, s:[s,s,s], s:s, s:{s:o}}", "program", in_dir("dockerd"), "argv", "--debug",
	                                         "--config-file", "/x", "file", in_dir("daemon.json"), "members", member, value));
	o->c.record_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(o->c.record_dir >= 0);
}

static void test_validate(void **state)
{
	char want[PATH_LEN + 64];

	(void)state;
	make_dir("journal");
	put("daemon.json", "{\n\t\"mtu\" : 1400\n}\n");
	fake_dockerd("26.1.5+dfsg1");
	for (int bad = 0; bad < 2; bad++) {
		uns_auto(one_done) struct one o;

		validate_init(&o, "log-driver", json_string(bad ? "bad" : "local"));
		close(o.c.record_dir);
		o.c.record_dir = open(in_dir("journal"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (bad)
			drive_fails(&o, UNS_AFTER, UNS_E_REFUSED, "was not published: unable to configure the Docker daemon");
		else
			drive(&o, UNS_AFTER);
		assert_int_equal(observe(&o), UNS_EITHER);
		close(o.c.record_dir);
		assert_file("daemon.json", "{\n\t\"mtu\" : 1400\n}\n"); /* itself untouched */
		assert_file("journal/daemon.json", NULL);
	}
	snprintf(want, sizeof(want), "--validate\n--config-file=%s/journal/daemon.json\n--debug\n", dir);
	assert_file("asked", want);
	assert_file("copy", "{\n\t\"mtu\" : 1400,\n\t\"log-driver\" : \"bad\"\n}\n");
}

static void test_validate_is_not_asked(void **state)
{
	static const struct {
		const char *version, *member, *value, *why;
	} cases[] = {
	    {"20.10.24", "log-driver", "\"bad\"", NULL},
	    {"28.5.2", "userns-remap", "\"default\"", NULL}, /* it would create accounts */
	    {"20.10.24", "proxies", "{}", "Docker 20 does not know the option proxies (it came with 23)"},
	    {"29.0.0", "graph", "\"/x\"", "does not know the option graph any more"},
	    {"20.10.24", "proxies", "null", NULL},
	};

	(void)state;
	put("daemon.json", "{}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uns_auto(one_done) struct one o;

		fake_dockerd(cases[i].version);
		validate_init(&o, cases[i].member, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		if (cases[i].why)
			drive_fails(&o, UNS_AFTER, UNS_E_REFUSED, cases[i].why);
		else
			drive(&o, UNS_AFTER);
		drive(&o, UNS_BEFORE);
		close(o.c.record_dir);
		assert_file("asked", NULL);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_http),
	    TEST(test_validate),
	    TEST(test_validate_is_not_asked),
	    TEST(test_account_there_and_back),
	    TEST(test_account_of_two_names),
	    TEST(test_account_torn),
	    TEST(test_account_refusals),
	    TEST(test_service_process),
	    TEST(test_service_that_dies),
	    TEST(test_service_args),
	    TEST(test_service_without_systemd),
	    TEST(test_interlock),
	    TEST(test_interlock_without_databases),
	    TEST(test_interlock_refuses),
	    TEST(test_interlock_beside_others),
	    TEST(test_engine_sets),
	    TEST(test_engine_sets_bad_answers),
	    TEST(test_volume_args_and_no_engine),
	    TEST(test_volume),
	    TEST(test_volume_body),
	};

	if (argc == 5 && !strcmp(argv[1], "--stand-in"))
		return daemon_main(argv);
	return cmocka_run_group_tests_name("engine_kinds", tests, NULL, NULL);
}
