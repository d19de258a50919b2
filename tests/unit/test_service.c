/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds "service" and "containers" with every manager: stand-ins for systemctl, journalctl, snap, rc-service and service lie
 * over /usr/sbin in a mount namespace of our own, note how they are called, and keep a state in /mnt, which is the test's
 * directory. */
#include "kinds.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "uns/sys.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* ---- the stand-ins ---- */

#define NOTE "#!/bin/sh\necho \"${0##*/} $*\" >> /mnt/calls\n"

static const struct {
	const char *name, *text;
} programs[] = {
    {"systemctl", NOTE "verb=$1; shift\n"
                       "case $verb in\n"
                       "is-active) [ ! -e /mnt/offline ] || { echo offline; exit 1; }\n"
                       "	for u; do if [ -e /mnt/up.$u ]; then echo active; else echo inactive; fi; done ;;\n"
                       "start) [ ! -e /mnt/broken ] || { echo \"Job for $1 failed.\" >&2; exit 1; }\n"
                       "	[ -e /mnt/held ] || : > /mnt/up.$1 ;;\n"
                       "stop) rm -f /mnt/up.$1 ;;\n"
                       "esac\n"},
    {"journalctl", NOTE "case $* in\n"
                        "*_SYSTEMD_UNIT=*) cat /mnt/journal.own 2>/dev/null ;;\n"
                        "*UNIT=*) cat /mnt/journal.unit 2>/dev/null ;;\n"
                        "esac\nexit 0\n"},
    {"snap", NOTE "unit=/mnt/up.snap.$2.service\n"
                  "case $1 in\n"
                  "start) [ -e /mnt/broken ] || : > $unit ;;\n"
                  "stop) rm -f $unit ;;\n"
                  "esac\n"},
    /* As OpenRC: a mark of what was started, the status by exit code, "crashed" when the mark outlived the process. */
    {"rc-service", NOTE "alive() { grep -qs '^State:.[^Z]' /proc/$(cat /mnt/pid 2>/dev/null)/status; }\n" /* a zombie is not */
                        "case $2 in\n"
                        "status) [ ! -e /mnt/status ] || exit $(cat /mnt/status)\n"
                        "	[ -e /mnt/started ] || exit 3\n"
                        "	alive || exit 32 ;;\n"
                        "zap) rm -f /mnt/started ;;\n"
                        "stop) [ ! -e /mnt/broken ] || { echo 'docker: cannot stop' >&2; exit 1; }\n"
                        "	! alive || kill $(cat /mnt/pid); rm -f /mnt/started ;;\n"
                        "start) [ ! -e /mnt/started ] || exit 0\n"
                        "	: > /mnt/started\n"
                        "	setsid /mnt/dockerd --stand-in $(cat /mnt/mode) /mnt/sock /mnt/pid >> /mnt/log 2>&1 < /dev/null &\n"
                        "	echo $! > /mnt/pid ;;\n"
                        "esac\n"},
    /* As Debian's script: complains when it finds nothing to stop. */
    {"service", NOTE "case $2 in\n"
                     "stop) [ -e /mnt/ssd ] || exit 1; rm -f /mnt/ssd; exit 1 ;;\n"
                     "start) [ ! -e /mnt/broken ] || { echo 'docker: not present or not executable' >&2; exit 1; }\n"
                     "	: > /mnt/ssd\n"
                     "	setsid /mnt/dockerd --stand-in $(cat /mnt/mode) /mnt/sock /mnt/pid >> /mnt/log 2>&1 < /dev/null &\n"
                     "esac\n"},
};

static char stage[64];

/* 0; 1 when this machine cannot. */
static int put_on(void)
{
	char options[256];

	if (geteuid() || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 1;
	snprintf(stage, sizeof(stage), "/tmp/uns-programs.XXXXXX");
	if (!mkdtemp(stage))
		return 1;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		char path[128];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", stage, programs[i].name);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
		if (fd < 0 || write(fd, programs[i].text, strlen(programs[i].text)) < 0 || close(fd))
			return 1;
	}
	snprintf(options, sizeof(options), "lowerdir=%s:/usr/sbin", stage);
	return mount("overlay", "/usr/sbin", "overlay", MS_RDONLY, options) ? 1 : 0;
}

static void take_off(void)
{
	char path[128];

	umount("/usr/sbin");
	for (size_t i = 0; *stage && i < sizeof(programs) / sizeof(programs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", stage, programs[i].name);
		unlink(path);
	}
	if (*stage)
		rmdir(stage);
}

static int setup_mnt(void **state)
{
	char exe[PATH_LEN];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (setup(state) || n <= 0 || mount(dir, "/mnt", NULL, MS_BIND, NULL))
		return -1;
	exe[n] = '\0';
	put("mode", "runs");
	return symlink(exe, in_dir("dockerd"));
}

static int teardown_mnt(void **state)
{
	pid_t pid = (pid_t)atoi(text_of("pid"));

	/* A daemon that a failing test has left. */
	if (pid > 1)
		kill(pid, SIGKILL);
	umount2("/mnt", MNT_DETACH);
	return teardown(state);
}

/* What was called since the last look, a call a line. */
static void assert_calls(const char *want)
{
	char have[4096];

	snprintf(have, sizeof(have), "%s", text_of("calls"));
	put("calls", "");
	if (strcmp(have, want) != 0)
		fail_msg("called:\n%sexpected:\n%s", have, want);
}

/* What comes after may be questions while it is waited for. */
static void assert_calls_begin(const char *want)
{
	if (!uns_str_starts(text_of("calls"), want))
		fail_msg("called:\n%sexpected first:\n%s", text_of("calls"), want);
	put("calls", "");
}

static void assert_called(const char *part)
{
	if (!strstr(text_of("calls"), part))
		fail_msg("called:\n%sbut not \"%s\"", text_of("calls"), part);
	put("calls", "");
}

/* ---- quotes ---- */

static void collect(void *user, const char *line)
{
	struct uns_strs *lines = user;

	assert_int_equal(uns_strs_add(lines, line, NULL), 0);
}

static void listen_to(struct one *o, struct uns_strs *lines)
{
	o->c.quote = collect;
	o->c.quote_user = lines;
	o->c.tell = collect;
	o->c.tell_user = lines;
}

static bool heard(const struct uns_strs *lines, const char *what)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strstr(lines->v[i], what))
			return true;
	return false;
}

/* ---- systemd ---- */

#define UNITS "docker.socket docker.service"

static json_t *systemd_args(void)
{
	return json_pack("{s:s, s:[s,s]}", "manager", "systemd", "units", "docker.socket", "docker.service");
}

static void test_systemd(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	one_init(&o, &host, "service", systemd_args());
	assert_int_equal(observe(&o), UNS_AFTER);
	assert_calls("systemctl is-active " UNITS "\n");
	/* The start limit is forgotten before each start, not after a failure. */
	drive(&o, UNS_BEFORE);
	assert_calls("systemctl daemon-reload\nsystemctl reset-failed " UNITS "\nsystemctl start docker.socket\n"
	             "systemctl start docker.service\nsystemctl is-active " UNITS "\n");
	assert_int_equal(observe(&o), UNS_BEFORE);
	put("calls", "");
	drive(&o, UNS_AFTER);
	assert_calls("systemctl daemon-reload\nsystemctl stop docker.socket\nsystemctl stop docker.service\n"
	             "systemctl is-active " UNITS "\n");
	put("up.docker.socket", ""); /* one is enough to be up */
	assert_int_equal(observe(&o), UNS_BEFORE);
	put("offline", "");
	assert_int_equal(uns_step_observe(&o.c, &(enum uns_side){UNS_BEFORE}, &o.err), -1);
	assert_err(&o, UNS_E_FAILED, "does not tell the state of the units: offline");
}

static void test_systemd_quotes_the_journal(void **state)
{
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;
	uns_auto(one_done) struct one o;

	(void)state;
	put("broken", "");
	put("journal.own", "starting up\n\nfailed to start daemon: no\tgood \033reason\n");
	put("journal.unit", "Failed with result 'exit-code'.\n");
	one_init(&o, &host, "service", systemd_args());
	listen_to(&o, &lines);
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "systemctl start docker.socket failed: Job for docker.socket failed.");
	assert_non_null(
	    strstr(o.err.text, "the journal of docker.socket ends: starting up; failed to start daemon: no good ?reason"));
	assert_int_equal(lines.n, 2);
	assert_string_equal(lines.v[1], "failed to start daemon: no good ?reason");
	assert_called("_SYSTEMD_UNIT=docker.socket\n");
	/* It never ran, so systemd has the word. */
	assert_int_equal(unlink(in_dir("journal.own")), 0);
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "ends: Failed with result 'exit-code'.");
	assert_called("--since=@");
	assert_int_equal(unlink(in_dir("journal.unit")), 0);
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "ends: (nothing)");
	/* What a condition holds down is not up, whatever systemctl start said. */
	assert_int_equal(unlink(in_dir("broken")), 0);
	put("held", "");
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "only 0 of 2 units are active");
}

/* Twenty lines are handed on, and the message keeps the last ones that it has room for. */
static void test_long_quotes_are_cut_in_front(void **state)
{
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf journal = UNS_BUF_INIT;
	uns_auto(one_done) struct one o;

	(void)state;
	put("broken", "");
	for (int i = 1; i <= 30; i++)
		assert_int_equal(uns_buf_printf(&journal, NULL, "line %02d %050d\n", i, 0), 0);
	put("journal.own", journal.data);
	one_init(&o, &host, "service", systemd_args());
	listen_to(&o, &lines);
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "; line 30 0");
	assert_null(strstr(o.err.text, "line 20 "));
	assert_int_equal(lines.n, 20);
	assert_true(uns_str_starts(lines.v[0], "line 11 "));
}

/* ---- snap ---- */

static json_t *snap_args(void)
{
	return json_pack("{s:s, s:[s], s:s}", "manager", "snap", "units", "snap.docker.dockerd.service", "socket", in_dir("sock"));
}

static void test_snap(void **state)
{
	static const struct canned answers[] = {{"GET /_ping HTTP", 200, "OK"}, {NULL, 0, NULL}};
	uns_auto(one_done) struct one o;
	pid_t pid = engine(answers);

	(void)state;
	one_init(&o, &host, "service", snap_args());
	assert_describes(&o, false, "stop snap.docker.dockerd.service (snap)");
	assert_int_equal(observe(&o), UNS_AFTER);
	put("calls", "");
	drive(&o, UNS_BEFORE);
	assert_calls("systemctl daemon-reload\nsystemctl reset-failed snap.docker.dockerd.service\nsnap start docker.dockerd\n"
	             "systemctl is-active snap.docker.dockerd.service\n");
	assert_int_equal(observe(&o), UNS_BEFORE);
	drive(&o, UNS_AFTER);
	assert_called("snap stop docker.dockerd\n");
	assert_int_equal(observe(&o), UNS_AFTER);
	end(pid);
	assert_int_equal(unlink(in_dir("sock")), 0);
	/* snap start says nothing of a daemon that ends at once. */
	put("broken", "");
	put("journal.own", "failed to start daemon: confined\n");
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED,
	            "ended right after its start; the journal of snap.docker.dockerd.service ends: failed");
	args_refused("service", json_pack("{s:s, s:[s], s:s}", "manager", "snap", "units", "docker.service", "socket", "/s"),
	             "expected snap.SNAP.APP.service");
	args_refused("service", json_pack("{s:s, s:[s]}", "manager", "snap", "units", "snap.a.b.service"), "socket");
}

/* ---- OpenRC ---- */

static json_t *script_args(const char *manager)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "manager", manager, "service", "docker", "pidfile", in_dir("pid"), "socket",
	                 in_dir("sock"), "log", in_dir("log"));
}

static void test_openrc(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	one_init(&o, &host, "service", script_args("openrc"));
	assert_describes(&o, false, "stop docker (OpenRC)");
	assert_describes(&o, true, "start docker (OpenRC)");
	assert_int_equal(observe(&o), UNS_AFTER);
	put("calls", "");
	drive(&o, UNS_BEFORE);
	assert_calls_begin("rc-service docker status\nrc-service docker start\n");
	assert_int_equal(observe(&o), UNS_BEFORE);
	assert_calls(""); /* a process that runs needs no word of OpenRC */
	drive(&o, UNS_AFTER);
	assert_calls("rc-service docker stop\nrc-service docker status\n");
	assert_int_equal(observe(&o), UNS_AFTER);
	/* Started half-way: stopped first. */
	o.c.begun = true;
	put("calls", "");
	drive(&o, UNS_BEFORE);
	assert_called("rc-service docker stop\n");
	/* Killed behind the back of OpenRC, which has it started still. */
	assert_int_equal(kill((pid_t)atoi(text_of("pid")), SIGKILL), 0);
	usleep(100000);
	assert_int_equal(observe(&o), UNS_AFTER);
	o.c.begun = false;
	put("calls", "");
	drive(&o, UNS_BEFORE);
	assert_calls_begin("rc-service docker status\nrc-service docker zap\nrc-service docker start\n");
	drive(&o, UNS_AFTER);
}

static void test_openrc_refusals(void **state)
{
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;
	uns_auto(one_done) struct one o;

	(void)state;
	put("log", "failed long ago\n");
	one_init(&o, &host, "service", script_args("openrc"));
	/* On its way up or down, supervised without a process, or inactive: not down. */
	for (const char *const *code = (const char *const[]){"4", "8", "16", "64", NULL}; *code; code++) {
		put("status", *code);
		assert_int_equal(observe(&o), UNS_BEFORE);
	}
	put("status", "1");
	assert_int_equal(uns_step_observe(&o.c, &(enum uns_side){UNS_BEFORE}, &o.err), -1);
	assert_err(&o, UNS_E_FAILED, "does not tell the state of the service (exit 1)");
	put("status", "16");
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "is not stopped after rc-service docker stop");
	put("broken", "");
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "rc-service docker stop failed: docker: cannot stop");
	assert_int_equal(unlink(in_dir("broken")) | unlink(in_dir("status")), 0);
	/* It ends at once, and what it said since the start is quoted. */
	put("mode", "dies");
	listen_to(&o, &lines);
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "dockerd ended right after its start");
	assert_non_null(strstr(o.err.text, "log ends: level=info msg=starting; failed to start daemon: no good reason"));
	assert_true(heard(&lines, "failed to start daemon: no good reason"));
	assert_false(heard(&lines, "long ago"));
	args_refused("service",
	             json_pack("{s:s, s:s, s:s, s:s}", "manager", "openrc", "service", "../x", "pidfile", "/p", "socket", "/s"),
	             "the name of an init script");
	args_refused("service", json_pack("{s:s, s:s, s:s}", "manager", "openrc", "service", "docker", "pidfile", "/p"), "socket");
}

/* ---- sysvinit ---- */

static void test_sysvinit(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	one_init(&o, &host, "service", script_args("sysvinit"));
	assert_describes(&o, true, "start docker (init script)");
	assert_int_equal(observe(&o), UNS_AFTER);
	drive(&o, UNS_BEFORE);
	assert_calls("service docker start\n");
	assert_int_equal(observe(&o), UNS_BEFORE);
	/* The engine has ended when the script comes, which only clears away, and may complain. */
	drive(&o, UNS_AFTER);
	assert_calls("service docker stop\n");
	assert_int_equal(access(in_dir("ssd"), F_OK), -1);
	assert_int_equal(observe(&o), UNS_AFTER);
	put("broken", "");
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "service docker start failed: docker: not present or not executable");
	assert_int_equal(unlink(in_dir("broken")), 0);
	put("mode", "dies");
	drive_fails(&o, UNS_BEFORE, UNS_E_FAILED, "ends: level=info msg=starting; failed to start daemon: no good reason");
}

/* ---- containers ---- */

static json_t *containers_args(const char *may_fail)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:[s]}", "socket", in_dir("sock"), "containers", HEX_A, "web", HEX_B, "db",
	                 "may_fail", may_fail);
}

static enum uns_side observe_with(struct one *o, const char *list)
{
	const struct canned answers[] = {{"GET /containers/json HTTP", 200, list}, {NULL, 0, NULL}};
	pid_t pid = engine(answers);
	enum uns_side side = observe(o);

	end(pid);
	assert_int_equal(unlink(in_dir("sock")), 0);
	return side;
}

static void test_containers_are_observed(void **state)
{
	uns_auto(one_done) struct one o;

	(void)state;
	one_init(&o, &host, "containers", containers_args(""));
	assert_describes(&o, false, "stop the running containers: web, db");
	assert_describes(&o, true, "start the containers again: web, db");
	assert_int_equal(observe(&o), UNS_AFTER); /* no engine */
	assert_int_equal(observe_with(&o, "[]"), UNS_AFTER);
	assert_int_equal(observe_with(&o, "[{\"Id\":\"" HEX_B "\"},{\"Id\":\"other\"}]"), UNS_EITHER);
	assert_int_equal(observe_with(&o, "[{\"Id\":\"" HEX_C "\"}]"), UNS_EITHER); /* another one that must not run */
	assert_int_equal(observe_with(&o, "[{\"Id\":\"" HEX_B "\"},{\"Id\":\"" HEX_A "\"}]"), UNS_BEFORE);
	args_refused("containers", json_pack("{s:s, s:{}, s:[]}", "socket", "/s", "containers", "may_fail"), "at least one");
	args_refused("containers", json_pack("{s:s, s:{s:s}, s:[]}", "socket", "/s", "containers", "../x", "x", "may_fail"),
	             "expected names by ID");
	args_refused("containers", json_pack("{s:s, s:{s:s}, s:[i]}", "socket", "/s", "containers", HEX_A, "x", "may_fail", 1),
	             "element 1: expected a string");
}

static void test_containers_stop_and_start(void **state)
{
	static const struct canned answers[] = {
	    {"GET /_ping HTTP", 200, "OK"},
	    {"GET /containers/json HTTP", 200, "[{\"Id\":\"" HEX_A "\"},{\"Id\":\"" HEX_C "\"}]"},
	    {"POST /containers/" HEX_C "/stop HTTP", 204, ""}, /* runs, but the plan does not know it */
	    {"POST /containers/" HEX_A "/stop HTTP", 304, ""},
	    {"POST /containers/" HEX_B "/stop HTTP", 404, "{\"message\":\"No such container\"}"}, /* --rm */
	    {"POST /containers/" HEX_A "/start HTTP", 204, ""},
	    {"POST /containers/" HEX_B "/start HTTP", 500, "{\"message\":\"privileged mode is incompatible\"}"},
	    {NULL, 0, NULL},
	};
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;
	uns_auto(one_done) struct one strict, lenient;
	pid_t pid = engine(answers);

	(void)state;
	one_init(&strict, &host, "containers", containers_args(""));
	listen_to(&strict, &lines);
	drive(&strict, UNS_AFTER);
	assert_true(heard(&lines, "stopping " HEX_C));
	/* On the way there (the step that starts is the reversed one) all must start. */
	strict.step.reverse = true;
	drive_fails(
	    &strict, UNS_AFTER, UNS_E_FAILED,
	    "a container that ran before does not start: cannot start the container db: the engine answers 500: privileged");
	/* On the way back it is told, and the way goes on. */
	strict.step.reverse = false;
	assert_int_equal(uns_step_drive(&strict.c, UNS_BEFORE, &strict.err), 1);
	assert_true(heard(&lines, "started web"));
	assert_true(heard(&lines, "not started: db: cannot start the container db"));
	one_init(&lenient, &host, "containers", containers_args(HEX_B));
	lenient.step.reverse = true;
	assert_int_equal(uns_step_drive(&lenient.c, UNS_AFTER, &lenient.err), 1);
	end(pid);
}

static void test_containers_that_do_not_stop(void **state)
{
	static const struct canned answers[] = {{"POST /containers/" HEX_A "/stop HTTP", 500, "{\"message\":\"stuck\"}"},
	                                        {NULL, 0, NULL}};
	uns_auto(one_done) struct one o;
	pid_t pid = engine(answers);

	(void)state;
	one_init(&o, &host, "containers", containers_args(""));
	drive_fails(&o, UNS_AFTER, UNS_E_FAILED, "cannot stop the container web: the engine answers 500: stuck");
	end(pid);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_mnt, teardown_mnt)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_systemd),
	    TEST(test_systemd_quotes_the_journal),
	    TEST(test_long_quotes_are_cut_in_front),
	    TEST(test_snap),
	    TEST(test_openrc),
	    TEST(test_openrc_refusals),
	    TEST(test_sysvinit),
	    TEST(test_containers_are_observed),
	    TEST(test_containers_stop_and_start),
	    TEST(test_containers_that_do_not_stop),
	};
	int r;

	if (argc == 5 && !strcmp(argv[1], "--stand-in")) {
		alarm(120); /* it must not outlive a test that was killed */
		return daemon_main(argv);
	}
	if (put_on()) {
		take_off();
		puts("needs root, and an overlay over /usr/sbin");
		return getenv("REQUIRE") ? 1 : 77;
	}
	r = cmocka_run_group_tests_name("service", tests, NULL, NULL);
	take_off();
	return r;
}
