/* SPDX-License-Identifier: Apache-2.0 */
/* Small roots are built in a throw-away directory and read. */
#include "test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "uns/cleanup.h"
#include "uns/enginefacts.h"
#include "uns/sys.h"

struct fixture {
	struct scratch s;
	struct uns_root root;
	struct uns_enginefacts f;
	struct uns_err err;
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	if (!x)
		return -1;
	scratch_make(&x->s);
	if (uns_root_open(&x->root, x->s.path, &x->err) < 0)
		return -1;
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	uns_enginefacts_done(&x->f);
	uns_root_close(&x->root);
	scratch_remove(&x->s);
	free(x);
	return 0;
}

/* With the directories before its last '/'. */
static void put(struct fixture *x, const char *path, const char *text)
{
	char whole[1024];

	for (const char *p = path; (p = strchr(p, '/')); p++) {
		snprintf(whole, sizeof(whole), "%.*s", (int)(p - path), path);
		if (mkdirat(x->s.fd, whole, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
	if (path[strlen(path) - 1] != '/')
		put_file(&x->s, path, text);
}

static void read_ok(struct fixture *x, const char *user)
{
	uint64_t effects = uns_sys_effects();

	uns_enginefacts_done(&x->f);
	if (uns_enginefacts_read(&x->root, user, &x->f, &x->err) < 0)
		fail_msg("%s", x->err.text);
	assert_int_equal(uns_sys_effects(), effects);
}

static void an_empty_root_has_nothing(void **state)
{
	struct fixture *x = *state;

	read_ok(x, "alice");
	for (int i = 0; i < UNS_PROGRAMS; i++)
		assert_null(x->f.program[i].path);
	for (int i = 0; i < UNS_SYSCTLS; i++)
		assert_false(x->f.sysctl[i].known);
	for (int i = 0; i < UNS_ENGINEFILES; i++) {
		assert_false(x->f.file[i].exists);
		assert_string_equal(x->f.file[i].text.data, "");
	}
	assert_false(x->f.containers_dir || x->f.containers_alone || x->f.home || x->f.lingers || x->f.podman_storage);
	assert_null(x->f.graph_driver);
	assert_string_equal(x->f.program[UNS_NEWGIDMAP].name, "newgidmap");
	assert_string_equal(x->f.sysctl[UNS_MAX_USER_NAMESPACES].name, "user.max_user_namespaces");
}

static void files_are_read(void **state)
{
	struct fixture *x = *state;

	put(x, "etc/containers/storage.conf", "[storage]\n");
	put(x, "etc/kubernetes/kubelet/kubelet-config.json", "{}");
	read_ok(x, NULL);
	assert_string_equal(x->f.file[UNS_STORAGE_CONF].text.data, "[storage]\n");
	assert_true(x->f.containers_dir && x->f.containers_alone);
	assert_string_equal(x->f.file[UNS_KUBELET_CONFIG].path, "/etc/kubernetes/kubelet/kubelet-config.json");
	put(x, "etc/containers/policy.json", "{}");
	put(x, "var/lib/kubelet/config.yaml", "maxPods: 1\n");
	put(x, "var/lib/containers/storage/vfs-images/", "");
	read_ok(x, NULL);
	assert_true(x->f.containers_dir && !x->f.containers_alone);
	assert_string_equal(x->f.file[UNS_KUBELET_CONFIG].text.data, "maxPods: 1\n");
	assert_string_equal(x->f.graph_driver, "vfs");
	put(x, "var/lib/containers/storage/overlay-images/", "");
	read_ok(x, NULL);
	assert_string_equal(x->f.graph_driver, "overlay");
}

static void kubelet_has_drop_ins(void **state)
{
	struct fixture *x = *state;

	put(x, "var/lib/kubelet/config.yaml", "maxPods: 1\n");
	put(x, "etc/kubernetes/kubelet.conf.d/20-b.conf", "b");
	put(x, "etc/kubernetes/kubelet.conf.d/10-a.conf", "a");
	put(x, "etc/kubernetes/kubelet.conf.d/15/x.conf", "x");
	put(x, "etc/kubernetes/kubelet.conf.d/README", "no");
	read_ok(x, NULL);
	assert_int_equal(x->f.dropins, 3);
	assert_string_equal(x->f.dropin[0].text.data, "a");
	assert_string_equal(x->f.dropin[1].path, "/etc/kubernetes/kubelet.conf.d/15/x.conf");
	assert_string_equal(x->f.dropin[2].text.data, "b");
	assert_int_equal(x->f.kubelet_argv.n, 0);
	put(x, "var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--config=/a --config-dir /srv/d\"\n");
	put(x, "etc/default/kubelet", "KUBELET_EXTRA_ARGS=--config=/srv/k.yaml\n");
	put(x, "srv/k.yaml", "maxPods: 2\n");
	put(x, "srv/d/only.conf", "o");
	read_ok(x, NULL);
	assert_string_equal(x->f.file[UNS_KUBELET_CONFIG].path, "/srv/k.yaml");
	assert_string_equal(x->f.file[UNS_KUBELET_CONFIG].text.data, "maxPods: 2\n");
	assert_true(x->f.file[UNS_KUBELET_CONFIG].exists);
	assert_int_equal(x->f.dropins, 1);
	assert_string_equal(x->f.dropin[0].path, "/srv/d/only.conf");
	put(x, "etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS='--config=/gone'\n");
	read_ok(x, NULL);
	assert_false(x->f.file[UNS_KUBELET_CONFIG].exists);
	assert_string_equal(x->f.file[UNS_KUBELET_CONFIG].text.data, "");
}

/* A process of that name, whose command line is ours. */
static void a_kubelet_that_runs_is_seen(void **state)
{
	uns_auto(uns_enginefacts_done) struct uns_enginefacts f = {.containers_dir = false};
	struct uns_root host;
	struct uns_err err;
	int ready[2];
	pid_t pid;
	char byte;

	(void)state;
	assert_int_equal(uns_root_open(&host, "/", &err), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "kubelet");
		_exit(write(ready[1], "", 1) == 1 ? pause() : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	if (uns_enginefacts_read(&host, "root", &f, &err) < 0)
		fail_msg("%s", err.text);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
	uns_root_close(&host);
	assert_true(f.kubelet_argv.n > 0);
	assert_non_null(strstr(f.kubelet_argv.v[0], "test_enginefacts"));
	assert_true(f.sysctl[UNS_MAX_USER_NAMESPACES].known);
}

static void users_have_a_bus(void **state)
{
	struct fixture *x = *state;

	read_ok(x, NULL);
	assert_false(x->f.user_bus || x->f.overlay_needs_fuse);
	assert_int_equal(x->f.cgroups, UNS_CGROUPS_UNKNOWN);
	put(x, "usr/lib/systemd/user/dbus.socket", "");
	read_ok(x, NULL);
	assert_true(x->f.user_bus);
}

static void programs_have_power_or_not(void **state)
{
	struct fixture *x = *state;

	put(x, "usr/bin/newuidmap", "");
	put(x, "usr/bin/getsubids", "");
	read_ok(x, NULL);
	assert_null(x->f.program[UNS_NEWUIDMAP].path); /* no program: nobody may run it */
	set_mode(&x->s, "usr/bin/newuidmap", 0755);
	set_mode(&x->s, "usr/bin/getsubids", 0755);
	read_ok(x, NULL);
	assert_string_equal(x->f.program[UNS_NEWUIDMAP].path, "/usr/bin/newuidmap");
	assert_false(x->f.program[UNS_NEWUIDMAP].powerful);
	assert_true(x->f.program[UNS_GETSUBIDS].powerful); /* it needs none */
	if (geteuid() == 0) {
		set_mode(&x->s, "usr/bin/newuidmap", 04755);
		read_ok(x, NULL);
		assert_true(x->f.program[UNS_NEWUIDMAP].powerful);
		set_owner(&x->s, "usr/bin/newuidmap", 1000, 0);
		set_mode(&x->s, "usr/bin/newuidmap", 04755);
		read_ok(x, NULL);
		assert_false(x->f.program[UNS_NEWUIDMAP].powerful);
	}
}

/* cap_setuid+ep is what newuidmap needs, and not enough for newgidmap. */
static void capabilities_count(void **state)
{
	static const char cap[] = "\x01\x00\x00\x02\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
	struct fixture *x = *state;

	put(x, "usr/bin/newuidmap", "");
	put(x, "usr/bin/newgidmap", "");
	set_mode(&x->s, "usr/bin/newuidmap", 0755);
	set_mode(&x->s, "usr/bin/newgidmap", 0755);
	if (!set_attr(&x->s, "usr/bin/newuidmap", "security.capability", cap, sizeof(cap) - 1) ||
	    !set_attr(&x->s, "usr/bin/newgidmap", "security.capability", cap, sizeof(cap) - 1))
		return;
	read_ok(x, NULL);
	assert_true(x->f.program[UNS_NEWUIDMAP].powerful);
	assert_false(x->f.program[UNS_NEWGIDMAP].powerful);
}

static void pods_are_read(void **state)
{
	struct fixture *x = *state;

	put(x, "var/lib/kubelet/pods/a-1/volumes/", "");
	put(x, "var/lib/kubelet/pods/b-2/userns",
	    "{\"uidMappings\":[{\"hostId\":131072,\"containerId\":0,\"length\":65536}],\"gidMappings\":[]}");
	read_ok(x, NULL);
	assert_int_equal(x->f.pods, 1);
	assert_string_equal(x->f.pod[0].uid, "b-2");
	assert_int_equal(x->f.pod[0].range.start, 131072);
	put(x, "var/lib/kubelet/pods/c-3/userns", "{\"uidMappings\":[]}");
	put(x, "var/lib/kubelet/pods/d-4/userns", "{");
	read_ok(x, NULL);
	assert_int_equal(x->f.pods, 3);
	for (size_t i = 1; i < 3; i++)
		assert_int_equal(x->f.pod[i].range.start + x->f.pod[i].range.count, 0);
}

static void the_home_of_the_user_is_looked_at(void **state)
{
	struct fixture *x = *state;

	put(x, "etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::relative:/bin/sh\n");
	read_ok(x, "alice");
	assert_false(x->f.home);
	put(x, "home/alice/.local/share/containers/storage/", "");
	put(x, "var/lib/systemd/linger/alice", "");
	read_ok(x, "alice");
	assert_true(x->f.home && x->f.lingers && x->f.podman_storage);
	read_ok(x, "bob");
	assert_false(x->f.home || x->f.lingers || x->f.podman_storage);
	read_ok(x, NULL);
	assert_false(x->f.home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_empty_root_has_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(files_are_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(kubelet_has_drop_ins, set_up, tear_down),
	    cmocka_unit_test(a_kubelet_that_runs_is_seen),
	    cmocka_unit_test_setup_teardown(users_have_a_bus, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(programs_have_power_or_not, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(capabilities_count, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(pods_are_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_home_of_the_user_is_looked_at, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
