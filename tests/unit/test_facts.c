/* SPDX-License-Identifier: Apache-2.0 */
/* Small roots are built in a throw-away directory and read. What concerns a live process is read from /proc of a child of ours. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/host/host.h"
#include "uns/facts.h"
#include "uns/json.h"
#include "uns/sys.h"

/* ---- throw-away roots ---- */

struct fixture {
	char dir[128];
	struct uns_root root;
	struct uns_facts f;
	struct uns_err err;
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	const char *tmp = getenv("TMPDIR");

	if (!x)
		return -1;
	snprintf(x->dir, sizeof(x->dir), "%s/uns-facts-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(x->dir) || uns_root_open(&x->root, x->dir, &x->err) < 0)
		return -1;
	*state = x;
	return 0;
}

static void remove_tree(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0)
			remove_tree(fd, e->d_name);
	}
	if (d)
		closedir(d);
	unlinkat(at, name, AT_REMOVEDIR);
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	uns_facts_done(&x->f);
	uns_root_close(&x->root);
	remove_tree(AT_FDCWD, x->dir);
	free(x);
	return 0;
}

/* Makes the directories of the path; the last component too when it ends in '/'. */
static const char *at(struct fixture *x, const char *path)
{
	static char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", x->dir, path);
	for (char *p = whole + strlen(x->dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(whole, 0755);
		*p = '/';
	}
	return whole;
}

static void put_bytes(struct fixture *x, const char *path, const void *data, size_t len)
{
	FILE *file = fopen(at(x, path), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void put(struct fixture *x, const char *path, const char *text)
{
	put_bytes(x, path, text, strlen(text));
}

static void put_dir(struct fixture *x, const char *path)
{
	at(x, path);
}

static void put_link(struct fixture *x, const char *path, const char *target)
{
	assert_int_equal(symlink(target, at(x, path)), 0);
}

static int read_again(struct fixture *x, const struct uns_facts_want *want)
{
	uns_facts_done(&x->f);
	x->err = (struct uns_err){ 0 };
	return uns_facts_read(&x->root, want, &x->f, &x->err);
}

static void read_ok(struct fixture *x)
{
	const struct uns_facts_want want = { 0 };

	if (read_again(x, &want) != 0)
		fail_msg("%s", x->err.text);
}

static void read_refused(struct fixture *x, const char *text)
{
	const struct uns_facts_want want = { 0 };
	struct uns_facts untouched = { .pid = 4711 };

	x->err = (struct uns_err){ 0 };
	assert_int_equal(uns_facts_read(&x->root, &want, &untouched, &x->err), -1);
	assert_int_equal(untouched.pid, 4711);
	assert_int_equal(x->err.code, UNS_E_INPUT);
	if (!strstr(x->err.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, x->err.text);
}

static void assert_list(const struct uns_strs *l, const char *joined)
{
	char text[1024] = "";

	for (size_t i = 0; i < l->n; i++) {
		strncat(text, i ? " " : "", sizeof(text) - strlen(text) - 1);
		strncat(text, l->v[i], sizeof(text) - strlen(text) - 1);
	}
	assert_string_equal(text, joined);
}

static void assert_json(const json_t *j, const char *expected)
{
	char *text;

	assert_non_null(j);
	text = uns_json_dump(j, false, NULL);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

/* The settings of userns-remap: the first, and how many. */
static const struct uns_setting *remap(const struct fixture *x)
{
	size_t at = 0;

	return uns_settings_next(&x->f.options, "userns-remap", &at);
}

static size_t remaps(const struct fixture *x)
{
	size_t n = 0;

	for (size_t at = 0; uns_settings_next(&x->f.options, "userns-remap", &at);)
		n++;
	return n;
}

/* ---- an empty host ---- */

static void an_empty_root_has_the_defaults(void **state)
{
	struct fixture *x = *state;
	const struct uns_facts_want want = { .census = true };
	uint64_t effects = uns_sys_effects();

	assert_int_equal(read_again(x, &want), 0);
	assert_true(x->f.offline);
	assert_false(x->f.installed || x->f.running || x->f.unit || x->f.socket_unit);
	assert_int_equal(x->f.manager, UNS_MANAGER_NONE);
	assert_false(x->f.ids.sub[UNS_UID].exists || x->f.ids.sub[UNS_GID].exists || x->f.have_config || x->f.have_config_dir);
	assert_null(x->f.config);
	assert_null(x->f.env_file);
	assert_int_equal(remaps(x), 0);
	assert_string_equal(x->f.config_file, "/etc/docker/daemon.json");
	assert_string_equal(x->f.data_root, "/var/lib/docker");
	assert_string_equal(x->f.socket, "/var/run/docker.sock");
	assert_string_equal(x->f.pidfile, "/var/run/docker.pid");
	assert_string_equal(x->f.exec_root, "/var/run/docker");
	assert_false(x->f.have_data_root || x->f.have_census || x->f.have_max_user_namespaces);
	assert_null(x->f.active_dir);
	assert_null(x->f.images);
	assert_int_equal(uns_sys_effects(), effects);
}

static void done_takes_zeroed_facts(void **state)
{
	struct uns_facts f = { 0 };

	(void)state;
	uns_facts_done(&f);
	uns_facts_done(&f);
}

/* ---- accounts ---- */

static void accounts_and_ranges_are_read(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n+nis\nbroken\ndockremap:x:997:996::/:/bin/false\n");
	put(x, "/etc/group", "root:x:0:\ndockremap:x:996:\n");
	put(x, "/etc/subuid", "# ours\ndockremap:524288:65536\n");
	read_ok(x);
	assert_int_equal(uns_accounts_name(&x->f.ids.users, "dockremap")->id, 997);
	assert_int_equal(uns_accounts_name(&x->f.ids.groups, "dockremap")->id, 996);
	assert_true(x->f.ids.sub[UNS_UID].exists);
	assert_int_equal(x->f.ids.sub[UNS_UID].s.n, 1);
	assert_int_equal(x->f.ids.sub[UNS_UID].s.v[0].line, 2);
	assert_false(x->f.ids.sub[UNS_GID].exists);
}

static void an_empty_subgid_is_there_all_the_same(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/subgid", "");
	put(x, "/etc/passwd", "");
	put(x, "/etc/group", "");
	read_ok(x);
	assert_true(x->f.ids.sub[UNS_GID].exists);
	assert_int_equal(x->f.ids.sub[UNS_GID].s.n, 0);
}

static void a_malformed_range_is_bad_input(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/subuid", "alice:100000:65536\nbob:abc:65536\n");
	read_refused(x, "/etc/subuid:2:");
	put(x, "/etc/subuid", "alice:100000:65536\n");
	put(x, "/etc/subgid", "alice:0x10:65536\n");
	read_refused(x, "/etc/subgid:1:");
	put(x, "/etc/subgid", "alice:100000:65536:x\n");
	read_refused(x, "/etc/subgid:1:");
}

static void what_all_consumers_take_alike_is_no_bad_input(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/subuid", "+bob:400000:65536\n \n!bob:300000:65536\n1002:200000:65536\nbob:100000:65536");
	put(x, "/etc/subgid", "-bob:1:1\nbob:100000:65536\n");
	put(x, "/etc/docker/daemon.json", "{\"userns-remap\":\"bob\"}");
	read_ok(x);
	assert_string_equal(x->f.active_dir, "100000.100000");
}

static void trees_are_those_of_the_data_root_that_counts(void **state)
{
	struct fixture *x = *state;

	put_dir(x, "/var/lib/docker/1.1/");
	put_dir(x, "/data/docker/2.3/");
	put(x, "/etc/init.d/docker", "#!/sbin/openrc-run\n");
	put(x, "/etc/conf.d/docker", "DOCKER_OPTS=\"--data-root /data/docker\"\n");
	read_ok(x);
	assert_int_equal(x->f.ids.trees, 1);
	assert_string_equal(x->f.ids.tree[0].path, "/data/docker/2.3");
	assert_int_equal(x->f.ids.tree[0].start[UNS_GID], 3);
}

/* ---- daemon.json ---- */

static void daemon_json_is_read(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker/daemon.json", "{\n  \"debug\": true,\n  \"userns-remap\": \"bob\",\n  \"live-restore\": true,\n"
	                                  "  \"exec-root\": \"/run/other\", \"pidfile\": \"/run/other.pid\",\n"
	                                  "  \"hosts\": [\"tcp://127.0.0.1:1\", \"unix:///run/other.sock\"]\n}\n");
	read_ok(x);
	assert_true(x->f.have_config_dir && x->f.have_config && x->f.live_restore);
	assert_int_equal(remaps(x), 1);
	assert_int_equal((*remap(x)).place, UNS_PLACE_JSON);
	assert_string_equal((*remap(x)).value, "bob");
	assert_string_equal((*remap(x)).file, "/etc/docker/daemon.json");
	assert_int_equal((*remap(x)).line, 3);
	assert_string_equal(x->f.exec_root, "/run/other");
	assert_string_equal(x->f.pidfile, "/run/other.pid");
	assert_string_equal(x->f.socket, "/run/other.sock");
}

static void null_and_blank_count_as_unset(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker/daemon.json", "\xef\xbb\xbf \n");
	read_ok(x);
	assert_true(x->f.have_config);
	assert_null(x->f.config);
	put(x, "/etc/docker/daemon.json", "");
	read_ok(x);
	assert_true(x->f.have_config);
	put(x, "/etc/docker/daemon.json", "\xef\xbb\xbf{\"userns-remap\": null, \"data-root\": null, \"live-restore\": null}");
	read_ok(x);
	assert_non_null(x->f.config);
	assert_int_equal(remaps(x), 1);
	assert_null((*remap(x)).value);
	assert_string_equal(x->f.data_root, "/var/lib/docker");
}

static void a_host_without_a_unix_socket_has_none(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker/daemon.json", "{\"hosts\": [\"tcp://127.0.0.1:1\"]}");
	read_ok(x);
	assert_null(x->f.socket);
}

static void malformed_daemon_json_is_bad_input(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker/daemon.json", "{\n  \"debug\": true,\n}\n");
	read_refused(x, "/etc/docker/daemon.json:3:1");
	put(x, "/etc/docker/daemon.json", "[]");
	read_refused(x, "/etc/docker/daemon.json:1:1: expected a JSON object");
	put(x, "/etc/docker/daemon.json", "{\"userns-remap\": true}");
	read_refused(x, "/etc/docker/daemon.json: member \"userns-remap\" must be a string or null");
	put(x, "/etc/docker/daemon.json", "{\"data-root\": 5}");
	read_refused(x, "member \"data-root\" must be a string");
	put(x, "/etc/docker/daemon.json", "{\"live-restore\": \"yes\"}");
	read_refused(x, "member \"live-restore\" must be true or false");
	put(x, "/etc/docker/daemon.json", "{\"a\": 1, \"a\": 2}");
	read_refused(x, "/etc/docker/daemon.json:1:");
}

/* ---- unit and env file ---- */

#define DEBIAN_UNIT \
	"[Unit]\nDescription=x\n[Service]\nEnvironmentFile=-/etc/default/docker\n" \
	"ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS\n"
#define UPSTREAM_UNIT "[Service]\nExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n"

static void the_env_file_counts_when_the_unit_uses_it(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", DEBIAN_UNIT);
	put(x, "/lib/systemd/system/docker.socket", "[Socket]\n");
	put(x, "/etc/default/docker", "# note\n\nDOCKER_OPTS=\"--live-restore --userns-remap=bob\"\n");
	read_ok(x);
	assert_true(x->f.unit && x->f.socket_unit && x->f.installed && x->f.live_restore);
	assert_int_equal(x->f.manager, UNS_MANAGER_SYSTEMD);
	assert_string_equal(x->f.env_file, "/etc/default/docker");
	assert_string_equal(x->f.env_variable, "DOCKER_OPTS");
	assert_int_equal(remaps(x), 1);
	assert_int_equal((*remap(x)).place, UNS_PLACE_ENV);
	assert_string_equal((*remap(x)).value, "bob");
	assert_string_equal((*remap(x)).file, "/etc/default/docker");
	assert_int_equal((*remap(x)).line, 3);
	assert_string_equal(x->f.socket, "/var/run/docker.sock");
}

static void an_env_file_without_the_variable_still_is_the_place(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", DEBIAN_UNIT);
	put(x, "/etc/default/docker", "#DOCKER_OPTS=\"--userns-remap=bob\"\n");
	read_ok(x);
	assert_string_equal(x->f.env_file, "/etc/default/docker");
	assert_int_equal(remaps(x), 0);
}

static void the_env_file_does_not_count_otherwise(void **state)
{
	struct fixture *x = *state;

	put(x, "/usr/lib/systemd/system/docker.service", UPSTREAM_UNIT);
	put(x, "/etc/default/docker", "DOCKER_OPTS=\"--userns-remap=bob --data-root=/nowhere\"\n");
	put(x, "/etc/init.d/docker", "#!/bin/sh\n");
	read_ok(x);
	assert_null(x->f.env_file);
	assert_int_equal(remaps(x), 0);
	assert_string_equal(x->f.data_root, "/var/lib/docker");
}

static void init_scripts_have_their_defaults(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/init.d/docker", "#!/sbin/openrc-run\n");
	put(x, "/etc/conf.d/docker", "DOCKER_OPTS=\"--data-root /data/docker\"\n");
	read_ok(x);
	assert_string_equal(x->f.env_file, "/etc/conf.d/docker");
	assert_string_equal(x->f.data_root, "/data/docker");
	assert_int_equal(x->f.manager, UNS_MANAGER_SYSVINIT);
	put(x, "/sbin/openrc-run", "");
	read_ok(x);
	assert_int_equal(x->f.manager, UNS_MANAGER_OPENRC);
	put(x, "/etc/systemd/system/snap.docker.dockerd.service", "[Service]\n");
	read_ok(x);
	assert_int_equal(x->f.manager, UNS_MANAGER_SNAP);
	put(x, "/etc/default/docker", "DOCKER_OPTS='-g /srv/docker'\nDOCKERD=/opt/dockerd\n");
	read_ok(x);
	assert_string_equal(x->f.env_file, "/etc/conf.d/docker");
	assert_null(x->f.program);
	put(x, "/etc/init.d/docker", "#!/bin/sh\n");
	read_ok(x);
	assert_string_equal(x->f.env_file, "/etc/default/docker");
	assert_string_equal(x->f.data_root, "/srv/docker");
	assert_string_equal(x->f.program, "/opt/dockerd");
}

static void pidfile_of_script(struct fixture *x, const char *script, const char *pidfile, unsigned line)
{
	const struct uns_setting *s;
	size_t at = 0;

	put(x, "/etc/init.d/docker", script);
	read_ok(x);
	s = uns_settings_next(&x->f.options, "pidfile", &at);
	if (!pidfile) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_string_equal(s->value, pidfile);
	assert_string_equal(s->file, "/etc/init.d/docker");
	assert_int_equal(s->line, line);
	assert_int_equal(s->place, UNS_PLACE_ARGV);
}

/* Only what dockerd is given, and not the programs that start it. */
static void scripts_name_a_pidfile(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/conf.d/docker", "DOCKER_PIDFILE=/run/own.pid\nDOCKER_OPTS=-D\n");
	pidfile_of_script(x, "#!/sbin/openrc-run\n\ncommand_args=\"-p \\\"${pidfile}\\\" ${DOCKER_OPTS}\"\n", "/run/own.pid", 3);
	put(x, "/etc/default/docker", "DOCKER_OPTS=-D\n");
	pidfile_of_script(x, "#!/bin/sh\ndockerd --pidfile=/run/d.pid $DOCKER_OPTS &\n", "/run/d.pid", 2);
	pidfile_of_script(x, "#!/bin/sh\nx -p /run/x.pid \\\n -- dockerd \\\n  -p $P $DOCKER_OPTS\n", "/var/run/docker.pid", 2);
	pidfile_of_script(x, "#!/bin/sh\nx -p /run/x.pid -- $DOCKER_OPTS\nkillproc -p /run/d.pid\n", NULL, 0);
	pidfile_of_script(x, "#!/bin/sh\n# dockerd -p /run/d.pid $DOCKER_OPTS\ndaemon --pidfile=/x $exec $DOCKER_OPTS", NULL, 0);
	pidfile_of_script(x, "", NULL, 0);
}

static void drop_ins_override_the_unit(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", DEBIAN_UNIT);
	put(x, "/lib/systemd/system/docker.service.d/10-x.conf",
	    "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --data-root=/vendor\n");
	read_ok(x);
	assert_string_equal(x->f.data_root, "/vendor");
	put(x, "/etc/systemd/system/docker.service.d/10-x.conf",
	    "# note \\\n[Service]\nExecStart=\nExecStart=-/usr/bin/dockerd \\\n; between\n  \"--data-root=/own place\" \\\n"
	    "  --userns-remap carol\n[Install]\nExecStart=/bin/false\n");
	read_ok(x);
	assert_string_equal(x->f.data_root, "/own place");
	assert_int_equal(remaps(x), 1);
	assert_int_equal((*remap(x)).place, UNS_PLACE_ARGV);
	assert_string_equal((*remap(x)).value, "carol");
	assert_string_equal((*remap(x)).file, "/etc/systemd/system/docker.service.d/10-x.conf");
	assert_int_equal((*remap(x)).line, 4);
	assert_null(x->f.env_file);
}

/* systemd.unit(5): what is for all services comes last, but in the order of names. */
static void drop_ins_of_all_services_count(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", UPSTREAM_UNIT);
	put(x, "/etc/systemd/system/service.d/50-x.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -g /all\n");
	read_ok(x);
	assert_string_equal(x->f.data_root, "/all");
	put(x, "/lib/systemd/system/docker.service.d/40-y.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -g /own\n");
	read_ok(x);
	assert_string_equal(x->f.data_root, "/all");
	put(x, "/lib/systemd/system/docker.service.d/50-x.conf", "[Service]\n");
	read_ok(x);
	assert_string_equal(x->f.data_root, "/own");
}

/* Words of the command line of this unit, joined by '|'. */
static void assert_command(struct fixture *x, const char *unit, const char *want)
{
	struct uns_buf joined = UNS_BUF_INIT;

	put(x, "/etc/systemd/system/docker.service", unit);
	read_ok(x);
	for (size_t i = 0; i < x->f.command.words.n; i++)
		assert_int_equal(uns_buf_printf(&joined, NULL, "%s|", x->f.command.words.v[i]), 0);
	assert_string_equal(joined.data ? joined.data : "", want);
	uns_buf_done(&joined);
}

static void env_files_may_be_patterns(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker.d/10-a.env", "A=1\nB=1\n");
	put(x, "/etc/docker.d/20-b.env", "B=2\n");
	put(x, "/etc/docker.d/.30.env", "B=3\n");
	put(x, "/etc/docker.d/40.txt", "B=4\n");
	assert_command(x, "[Service]\nEnvironmentFile=-/etc/d*.d/*.env\nEnvironmentFile=/no/*\nExecStart=dockerd $A $B\n", "1|2|");
	put(x, "/etc/a file", "A=5\n");
	assert_command(x, "[Service]\nEnvironmentFile=/etc/a file\nExecStart=dockerd $A\n", "5|");
}

/* systemd.service(5), "Command lines". */
static void words_are_expanded_as_systemd_does(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/e", "A=\"--x='a  b'  -D \"\n");
	assert_command(x, "[Service]\nEnvironmentFile=/etc/e\nExecStart=dockerd ${A} -l${A} $A\n",
	               "--x='a  b'  -D |-l--x='a  b'  -D |--x=a  b|-D|");
	assert_command(x, "[Service]\nEnvironment=\"A=x  'y z'\"\nExecStart=dockerd ${A} $A ${B} $B ${A:-x} $1 $A/b a$A $$A %%\n",
	               "x  'y z'|x|y z||${A:-x}|a$A|$A|%|");
	assert_command(x, "[Service]\nEnvironment=A=x\nExecStart=-:dockerd $A ${A} $$A %%\n", "$A|${A}|$$A|%|");
	put(x, "/etc/default/docker", "DOCKER_OPTS=-D\n");
	assert_command(x, "[Service]\nEnvironmentFile=/etc/default/docker\nExecStart=:dockerd $DOCKER_OPTS\n", "$DOCKER_OPTS|");
	assert_null(x->f.env_file);
}

static void a_masked_drop_in_says_nothing(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", UPSTREAM_UNIT);
	put(x, "/lib/systemd/system/docker.service.d/x.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -g /vendor\n");
	put(x, "/dev/null", "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -g /null\n"); /* not to be looked into */
	put_link(x, "/etc/systemd/system/docker.service.d/x.conf", "/dev/null");
	put_link(x, "/etc/systemd/system/docker.service", "/dev/null");
	read_ok(x);
	assert_true(x->f.unit);
	assert_string_equal(x->f.data_root, "/var/lib/docker");
}

static void variables_of_the_unit_are_expanded(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/systemd/system/docker.service",
	    "[Service]\nEnvironment=\"DOCKER_OPTS=--userns-remap=dave -H unix:///run/d.sock\" \"ROOT=/a b\"\n"
	    "EnvironmentFile=/etc/sysconfig/docker\n"
	    "ExecStart=/usr/bin/dockerd $DOCKER_OPTS --data-root=${ROOT} $OPTIONS $NOTHING\n");
	put(x, "/etc/sysconfig/docker", "OPTIONS='--exec-root=/run/e'\n");
	read_ok(x);
	assert_string_equal(x->f.env_file, "/etc/sysconfig/docker");
	assert_string_equal(x->f.env_variable, "OPTIONS");
	assert_string_equal(x->f.exec_root, "/run/e");
	assert_string_equal(x->f.data_root, "/a b");
	assert_string_equal(x->f.socket, "/run/d.sock");
	assert_int_equal(remaps(x), 1);
	assert_string_equal((*remap(x)).value, "dave");
	assert_int_equal((*remap(x)).place, UNS_PLACE_UNIT_ENV);
	assert_string_equal((*remap(x)).variable, "DOCKER_OPTS");
	assert_int_equal((*remap(x)).line, 2);
}

static void another_config_file_is_followed(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker/daemon.json", "{malformed, and of no concern");
	put(x, "/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/bin/dockerd --config-file=/srv/d.json\n");
	put(x, "/srv/d.json", "{\"data-root\": \"/srv/data/\"}");
	read_ok(x);
	assert_string_equal(x->f.config_file, "/srv/d.json");
	assert_true(x->f.have_config_dir);
	assert_string_equal(x->f.data_root, "/srv/data");
}

static void an_unclosed_quote_is_bad_input(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", DEBIAN_UNIT);
	put(x, "/etc/default/docker", "DOCKER_OPTS=\"--debug\n");
	read_refused(x, "/etc/default/docker:1:");
}

static void every_place_of_the_option_is_listed(void **state)
{
	struct fixture *x = *state;

	put(x, "/lib/systemd/system/docker.service", DEBIAN_UNIT);
	put(x, "/etc/default/docker", "DOCKER_OPTS=--userns-remap=bob\n");
	put(x, "/etc/docker/daemon.json", "{\"userns-remap\": \"alice\"}");
	put(x, "/etc/subuid", "alice:100000:65536\nbob:200000:65536\n");
	put(x, "/etc/subgid", "alice:100000:65536\nbob:200000:65536\n");
	read_ok(x);
	assert_int_equal(remaps(x), 2);
	assert_null(x->f.active_dir); /* dockerd does not start with both */
}

/* ---- data root ---- */

static void the_data_root_is_resolved_inside_the_root(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/docker/daemon.json", "{\"graph\": \"/old/graph\"}");
	read_ok(x);
	assert_string_equal(x->f.data_root, "/old/graph");
	put(x, "/etc/docker/daemon.json", "{\"graph\": \"/old/graph\", \"data-root\": \"/link\"}");
	put_dir(x, "/big/docker/");
	put_link(x, "/link", "/big/docker");
	read_ok(x);
	assert_true(x->f.have_data_root);
	assert_false(x->f.data_root_readonly);
	assert_string_equal(x->f.data_root, "/big/docker");
}

/* ---- active_dir ---- */

static void assert_active(struct fixture *x, const char *json_value, const char *expected)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"userns-remap\": %s}", json_value);
	put(x, "/etc/docker/daemon.json", text);
	read_ok(x);
	if (!expected)
		assert_null(x->f.active_dir);
	else if (!x->f.active_dir)
		fail_msg("%s: no active directory, expected %s", json_value, expected);
	else
		assert_string_equal(x->f.active_dir, expected);
}

static void the_active_directory_follows_the_setting(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/passwd", "root:x:0:0::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\ndockremap:x:997:996::/:/bin/false\n");
	put(x, "/etc/subuid",
	    "root:1000000:65536\nbob:200000:65536\nbob:400000:65536\ndockremap:100000:65536\n3000:700000:65536\n");
	put(x, "/etc/subgid", "root:1000000:65536\nbob:300000:65536\ndockremap:100000:65536\n3000:700000:65536\nghost:1000:10\n");
	assert_active(x, "\"bob\"", "200000.300000");
	assert_active(x, "\"bob:staff\"", "200000.300000");
	assert_active(x, "\"1001\"", "200000.300000");
	assert_active(x, "\"1001:50\"", "200000.300000");
	assert_active(x, "\"default\"", "100000.100000");
	assert_active(x, "\"3000\"", "700000.700000"); /* no account: the number itself */
	assert_active(x, "\"ghost\"", NULL);           /* no subordinate UIDs */
	assert_active(x, "\"nobody\"", NULL);
	assert_active(x, "\"a:b:c\"", NULL);
	assert_active(x, "\":b\"", NULL);
	assert_active(x, "\"root\"", NULL);
	assert_active(x, "\"0:0\"", NULL);
	assert_active(x, "\"\"", NULL);
	assert_active(x, "null", NULL);
}

static void lines_by_uid_are_decided_by_what_lies_there(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/passwd", "bob:x:1001:1001::/:/bin/sh\n");
	put(x, "/etc/subuid", "bob:200000:65536\n1001:300000:65536\n");
	put(x, "/etc/subgid", "bob:200000:65536\n1001:300000:65536\n");
	assert_active(x, "\"bob\"", NULL); /* dockerd before 28 and since differ */
	put_dir(x, "/var/lib/docker/300000.300000/");
	assert_active(x, "\"bob\"", "300000.300000");
	put_dir(x, "/var/lib/docker/200000.200000/");
	assert_active(x, "\"bob\"", NULL);
	remove_tree(AT_FDCWD, at(x, "/var/lib/docker/300000.300000"));
	assert_active(x, "\"bob\"", "200000.200000");
}

/* ---- stores ---- */

#define D "/var/lib/docker/"

static void containers_are_read(void **state)
{
	struct fixture *x = *state;
	const struct uns_container *c;

	put(x, D "containers/aaa/config.v2.json",
	    "{\"ID\":\"aaa\",\"Name\":\"/web\",\"Driver\":\"overlay2\",\"State\":{\"Running\":true,\"Paused\":true},\"MountPoints\":{"
	    "\"/v\":{\"Type\":\"volume\",\"Name\":\"data\",\"Source\":\"/var/lib/docker/volumes/data/_data\"},"
	    "\"/b\":{\"Type\":\"bind\",\"Source\":\"/srv/x\",\"Name\":\"\"},"
	    "\"/t\":{\"Type\":\"tmpfs\",\"Source\":\"\"},"
	    "\"/o\":{\"Name\":\"old\",\"Source\":\"/y\"},\"/p\":{\"Source\":\"/z\"}}}");
	put(x, D "containers/aaa/hostconfig.json",
	    "{\"Privileged\":true,\"AutoRemove\":true,\"NetworkMode\":\"host\",\"PidMode\":\"\",\"IpcMode\":\"private\","
	    "\"UsernsMode\":\"host\"}");
	put_dir(x, D "containers/bbb/");
	put(x, D "containers/ccc/config.v2.json", "{\"MountPoints\":null,\"State\":null}");
	read_ok(x);
	assert_int_equal(x->f.flat.containers, 2);
	c = &x->f.flat.container[0];
	assert_string_equal(c->id, "aaa");
	assert_string_equal(c->name, "web");
	assert_string_equal(c->driver, "overlay2");
	assert_true(c->running && c->paused && c->privileged && c->auto_remove);
	assert_string_equal(c->network_mode, "host");
	assert_null(c->pid_mode);
	assert_string_equal(c->ipc_mode, "private");
	assert_string_equal(c->userns_mode, "host");
	assert_list(&c->volumes, "data old");
	assert_list(&c->binds, "/srv/x /z");
	c = &x->f.flat.container[1];
	assert_string_equal(c->id, "ccc");
	assert_string_equal(c->name, "");
	assert_false(c->running || c->paused || c->privileged);
	assert_false(x->f.flat.containerd_images);
}

static void assert_unread(const struct uns_unread *u, const char *name, bool volume, const char *why)
{
	assert_string_equal(u->name, name);
	assert_int_equal(u->volume, volume);
	assert_non_null(strstr(u->why, why));
}

static void malformed_containers_hide_nothing_else(void **state)
{
	struct fixture *x = *state;
	const struct uns_store *s = &x->f.flat;

	put(x, D "containers/aaa/config.v2.json", "{\"ID\":\"aaa\",\n\"Name\":}");
	put(x, D "containers/bbb/config.v2.json", "[]");
	put(x, D "containers/ccc/config.v2.json", "{\"ID\":\"ccc\",\"Name\":\"/web\"}");
	put(x, D "containers/ddd/config.v2.json", "{}");
	put(x, D "containers/ddd/hostconfig.json", "{");
	put(x, D "containers/eee/config.v2.json", "{\"Name\":\"\xff\"}");
	put_dir(x, D "containers/fff/config.v2.json/");
	put(x, D "volumes/v/opts.json", "{\"MountType\":");
	put_dir(x, D "volumes/w/_data/");
	read_ok(x);
	assert_int_equal(s->containers, 1);
	assert_string_equal(s->container[0].name, "web");
	assert_int_equal(s->volumes, 1);
	assert_int_equal(s->unreads, 6);
	assert_unread(&s->unread[0], "aaa", false, D "containers/aaa/config.v2.json:2:");
	assert_unread(&s->unread[1], "bbb", false, D "containers/bbb/config.v2.json:1:1: expected a JSON object");
	assert_unread(&s->unread[2], "ddd", false, D "containers/ddd/hostconfig.json:1:");
	assert_unread(&s->unread[3], "eee", false, D "containers/eee/config.v2.json:1:");
	assert_unread(&s->unread[4], "fff", false, "not a regular file");
	assert_unread(&s->unread[5], "v", true, D "volumes/v/opts.json:1:");
}

static void names_and_drivers_are_sorted_out(void **state)
{
	struct fixture *x = *state;

	put_dir(x, D "overlay2/l/");
	put_dir(x, D "overlay2/abc/diff/");
	put_dir(x, D "fuse-overlayfs/l/"); /* made at the first start: no content yet */
	put_dir(x, D "btrfs/");
	put_dir(x, D "vfs/dir/abc/");
	put(x, D "aufs", "a file");
	put_dir(x, D "image/overlay2/");
	put_dir(x, D "lost+found/");
	put_dir(x, D ".cache/");
	put_dir(x, D "100000.100000/overlay2/l/");
	put(x, D "200000.200000", "a file");
	put(x, D "engine-id", "x");
	read_ok(x);
	assert_list(&x->f.flat.entries, "aufs btrfs engine-id fuse-overlayfs image overlay2 vfs");
	assert_list(&x->f.remap_dirs, "100000.100000");
	assert_true(uns_strs_has(&x->f.flat.drivers, "overlay2") && uns_strs_has(&x->f.flat.drivers, "vfs"));
	assert_int_equal(x->f.flat.drivers.n, 2);
	assert_int_equal(x->f.nested.entries.n, 0);
}

static void the_store_of_containerd_is_known(void **state)
{
	struct fixture *x = *state;

	put_dir(x, D "rootfs/overlayfs/");
	read_ok(x);
	assert_true(x->f.flat.containerd_images);
	put_dir(x, D "image/overlay2/");
	read_ok(x);
	assert_false(x->f.flat.containerd_images);
	put(x, D "containers/aaa/config.v2.json", "{\"Driver\":\"btrfs\"}");
	read_ok(x);
	assert_false(x->f.flat.containerd_images);
	put_dir(x, D "rootfs/btrfs/");
	read_ok(x);
	assert_true(x->f.flat.containerd_images); /* image/btrfs is missing */
	put_dir(x, D "image/btrfs/");
	read_ok(x);
	assert_false(x->f.flat.containerd_images);
	put(x, D "containers/aaa/config.v2.json", "{\"Driver\":\"overlayfs\"}");
	read_ok(x);
	assert_true(x->f.flat.containerd_images);
}

/* ---- volumes ---- */

static void volumes_are_read(void **state)
{
	struct fixture *x = *state;
	const struct uns_volume *v;

	put_dir(x, D "volumes/plain/_data/");
	put(x, D "volumes/nfs/opts.json",
	    "{\"MountType\":\"nfs\",\"MountOpts\":\"addr=h\",\"MountDevice\":\":/x\",\"Quota\":{\"Size\":0}}");
	put(x, D "volumes/quota/opts.json", "{\"MountType\":\"\",\"MountOpts\":\"\",\"MountDevice\":\"\",\"Quota\":{\"Size\":9}}");
	put_dir(x, D "volumes/link/");
	put_link(x, D "volumes/link/_data", "/etc");
	put(x, D "volumes/metadata.db", "no database");
	put_link(x, D "volumes/alias", "plain");
	read_ok(x);
	assert_int_equal(x->f.flat.volumes, 4);
	v = x->f.flat.volume;
	assert_string_equal(v[0].name, "link");
	assert_true(v[0].data_is_symlink);
	assert_string_equal(v[1].name, "nfs");
	assert_true(v[1].mounted_type);
	assert_string_equal(v[1].device, ":/x");
	assert_string_equal(v[2].name, "plain");
	assert_false(v[2].mounted_type || v[2].data_is_symlink);
	assert_null(v[2].labels);
	assert_string_equal(v[3].name, "quota");
	assert_false(v[3].mounted_type);
	assert_null(v[3].device);
}

#define PAGE 4096

static void put_number(uint8_t *p, uint64_t v, size_t len)
{
	if (len == 2)
		memcpy(p, &(uint16_t){ (uint16_t)v }, 2);
	else if (len == 4)
		memcpy(p, &(uint32_t){ (uint32_t)v }, 4);
	else
		memcpy(p, &v, 8);
}

static void put_meta(uint8_t *page, unsigned id)
{
	uint8_t *m = page + 16;
	uint64_t sum = 14695981039346656037u;

	put_number(page, id, 8);
	put_number(page + 8, 4, 2);
	put_number(m, 0xed0cdaed, 4);
	put_number(m + 4, 2, 4);
	put_number(m + 8, PAGE, 4);
	put_number(m + 16, 3, 8); /* root bucket */
	put_number(m + 32, 2, 8); /* freelist */
	put_number(m + 40, 4, 8); /* pages */
	put_number(m + 48, id + 1, 8);
	for (size_t i = 0; i < 56; i++)
		sum = (sum ^ m[i]) * 1099511628211u;
	put_number(m + 56, sum, 8);
}

/* A leaf with one element. */
static size_t put_leaf(uint8_t *p, unsigned flags, const char *key, const void *value, size_t len)
{
	put_number(p + 8, 2, 2);
	put_number(p + 10, 1, 2);
	put_number(p + 16, flags, 4);
	put_number(p + 20, 16, 4);
	put_number(p + 24, strlen(key), 4);
	put_number(p + 28, len, 4);
	memcpy(p + 32, key, strlen(key));
	memcpy(p + 32 + strlen(key), value, len);
	return 32 + strlen(key) + len;
}

static void labels_come_from_the_database(void **state)
{
	static const char record[] = "{\"Name\":\"v\",\"Driver\":\"local\",\"Labels\":{\"a\":\"b\"},\"Options\":null}";
	struct fixture *x = *state;
	uint8_t data[4 * PAGE] = { 0 }, bucket[512] = { 0 };
	size_t len = 16 + put_leaf(bucket + 16, 0, "v", record, strlen(record));

	put_meta(data, 0);
	put_meta(data + PAGE, 1);
	put_number(data + 2 * PAGE, 2, 8);
	put_number(data + 2 * PAGE + 8, 0x10, 2);
	put_number(data + 3 * PAGE, 3, 8);
	put_leaf(data + 3 * PAGE, 1, "volumes", bucket, len);
	put_bytes(x, D "volumes/metadata.db", data, sizeof(data));
	put_dir(x, D "volumes/v/_data/");
	put_dir(x, D "volumes/stray/_data/");
	read_ok(x);
	assert_int_equal(x->f.flat.volumes, 2);
	assert_string_equal(x->f.flat.volume[0].name, "stray");
	assert_null(x->f.flat.volume[0].labels);
	assert_json(x->f.flat.volume[1].labels, "{\"a\":\"b\"}");
	assert_json(x->f.flat.volume[1].options, "{}");
}

/* ---- nested store, census ---- */

static void put_nested(struct fixture *x)
{
	put(x, "/etc/subuid", "bob:100000:65536\n");
	put(x, "/etc/subgid", "bob:100000:65536\n");
	put(x, "/etc/docker/daemon.json", "{\"userns-remap\":\"bob\"}");
	put(x, D "overlay2/x/diff/one", "1");
	put(x, D "100000.100000/volumes/v/_data/two", "22");
	put(x, D "100000.100000/volumes/v/_data/three", "333");
	put(x, D "100000.100000/containers/aaa/config.v2.json", "{\"ID\":\"aaa\",\"Name\":\"/n\"}");
	put_dir(x, D "100000.100000/overlay2/y/diff/");
}

static void the_nested_store_is_read(void **state)
{
	struct fixture *x = *state;

	put_nested(x);
	read_ok(x);
	assert_string_equal(x->f.active_dir, "100000.100000");
	assert_list(&x->f.flat.entries, "overlay2");
	assert_list(&x->f.nested.entries, "containers overlay2 volumes");
	assert_list(&x->f.nested.drivers, "overlay2");
	assert_int_equal(x->f.nested.containers, 1);
	assert_string_equal(x->f.nested.container[0].name, "n");
	assert_int_equal(x->f.nested.volumes, 1);
	assert_false(x->f.have_census);
}

static void the_census_walks_the_wanted_store(void **state)
{
	const struct uns_facts_want flat = { .census = true }, nested = { .census = true, .nested = true };
	struct fixture *x = *state;

	put_nested(x);
	if (read_again(x, &flat) != 0)
		fail_msg("%s", x->err.text);
	assert_true(x->f.have_census);
	assert_int_equal(x->f.census.inodes, 2); /* diff and one */
	if (read_again(x, &nested) != 0)
		fail_msg("%s", x->err.text);
	assert_true(x->f.have_census);
	assert_int_equal(x->f.census.inodes, 4); /* _data, two, three; diff */
	put(x, "/etc/docker/daemon.json", "{}");
	assert_int_equal(read_again(x, &nested), 0);
	assert_false(x->f.have_census);
}

/* ---- a running engine ---- */

/* A child that looks like dockerd: its name, a pidfile, a log. */
static pid_t start_child(struct fixture *x, const char *name, bool jailed)
{
	int ready[2];
	char c;
	pid_t pid;

	put(x, "/log", "");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int log = open(at(x, "/log"), O_WRONLY);
		if (log < 0 || dup2(log, 2) < 0 || chdir(x->dir) < 0 || (jailed && chroot(".") < 0))
			_exit(1);
		if (prctl(PR_SET_NAME, name) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void try_child(struct fixture *x, const char *name, const char *prefix, bool jailed)
{
	struct uns_root host;
	pid_t pid = start_child(x, name, jailed);
	char text[64], pidfile[256];

	snprintf(text, sizeof(text), "%s%d\n", prefix, (int)pid);
	put(x, "/pid", text);
	snprintf(pidfile, sizeof(pidfile), "%s", at(x, "/pid"));
	assert_int_equal(uns_root_open(&host, "/", &x->err), 0);
	assert_int_equal(uns_host_read_process(&host, pidfile, &x->f, &x->err), 0);
	uns_root_close(&host);
	if (x->f.running) {
		assert_int_equal(x->f.pid, pid);
		assert_string_equal(x->f.pidfile, pidfile);
	}
	end_child(pid);
}

static void a_daemon_is_found_by_its_pidfile(void **state)
{
	struct fixture *x = *state;
	char *real_dir, *real_log;

	try_child(x, "dockerd", "", false);
	real_dir = realpath(x->dir, NULL);
	real_log = realpath(at(x, "/log"), NULL);
	assert_true(x->f.running);
	assert_true(x->f.argv.n >= 1);
	assert_int_equal(x->f.argv.v[0][0], '/');
	assert_string_equal(x->f.cwd, real_dir);
	assert_string_equal(x->f.log, real_log);
	free(real_dir);
	free(real_log);
}

static void a_stale_pidfile_finds_nothing(void **state)
{
	struct fixture *x = *state;

	try_child(x, "sleeper", "", false);
	assert_false(x->f.running);
	assert_null(x->f.pidfile);
	try_child(x, "dockerd", "0", false); /* no number as dockerd writes it */
	assert_false(x->f.running);
}

static void a_process_has_a_start(void **state)
{
	struct fixture *x = *state;
	struct timespec start, before, after;
	pid_t pid;

	clock_gettime(CLOCK_REALTIME, &before);
	pid = start_child(x, "a) b 1 2", false);
	clock_gettime(CLOCK_REALTIME, &after);
	assert_int_equal(uns_host_read_start(pid, &start, &x->err), 0);
	end_child(pid);
	assert_in_range(start.tv_nsec, 0, 999999999);
	/* Never too early; by two ticks too late at most. */
	assert_true((start.tv_sec - before.tv_sec) * 1000000000 + start.tv_nsec - before.tv_nsec > -1000000);
	assert_true((start.tv_sec - after.tv_sec) * 1000000000 + start.tv_nsec - after.tv_nsec < 20000000);
	assert_int_equal(uns_host_read_start(pid, &start, &x->err), 1);
}

/* The engine that runs reads the file at path; whether the setting of the key is in effect. */
static bool in_effect(struct fixture *x, const char *key, bool newer, const char *info)
{
	struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *said = info ? json_loads(info, 0, NULL) : NULL;
	const struct uns_setting *s;
	size_t at = 0;

	x->f.running = true;
	x->f.config_newer = newer;
	x->f.config = json_loads("{\"iptables\":false,\"debug\":true,\"labels\":[\"a=b\"],\"log-driver\":\"local\","
	                         "\"registry-mirrors\":[\"https://m\"],\"max-concurrent-uploads\":2}", 0, NULL);
	assert_int_equal(uns_host_read_settings(&x->f, &text, &x->err), 0);
	uns_host_compare_info(&x->f, said);
	s = uns_settings_next(&x->f.options, key, &at);
	assert_non_null(s);
	newer = s->in_effect;
	uns_facts_done(&x->f);
	return newer;
}

static void what_came_after_the_start_is_not_in_effect(void **state)
{
	static const char info[] = "{\"Debug\":false,\"Labels\":[\"a=b\"],\"LoggingDriver\":\"local\","
	                           "\"RegistryConfig\":{\"Mirrors\":[\"https://m/\"]}}";
	struct fixture *x = *state;

	assert_true(in_effect(x, "iptables", false, NULL));
	assert_false(in_effect(x, "iptables", true, NULL));
	assert_false(in_effect(x, "iptables", true, info));
	/* SIGHUP may have told it. */
	assert_true(in_effect(x, "max-concurrent-uploads", true, info));
	assert_true(in_effect(x, "debug", true, NULL));
	assert_false(in_effect(x, "debug", true, info));
	assert_true(in_effect(x, "debug", false, info)); /* a flag may say otherwise */
	assert_true(in_effect(x, "labels", true, info));
	assert_true(in_effect(x, "registry-mirrors", true, info));
	assert_false(in_effect(x, "log-driver", true, NULL));
	assert_true(in_effect(x, "log-driver", true, info));
	assert_false(in_effect(x, "log-driver", true, "{\"LoggingDriver\":\"json-file\"}"));
}

static void a_daemon_with_another_root_is_not_ours(void **state)
{
	struct fixture *x = *state;

	if (geteuid() != 0)
		skip(); /* chroot(2) */
	try_child(x, "dockerd", "", true);
	assert_false(x->f.running);
}

/* The tree of the test as if it were the running host; the running engine, where there is one, is this process. */
static enum uns_manager manager_of(struct fixture *x, bool running)
{
	struct uns_root booted = x->root;

	booted.is_host = true;
	x->f.running = running;
	x->f.pid = getpid();
	if (uns_host_read_manager(&booted, &x->f, &x->err) != 0)
		fail_msg("%s", x->err.text);
	return x->f.manager;
}

static void the_manager_is_who_started_the_engine(void **state)
{
	struct fixture *x = *state;
	char pid[32];

	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* Nobody that is known. */
	assert_int_equal(manager_of(x, false), UNS_MANAGER_NONE);
	assert_int_equal(manager_of(x, true), UNS_MANAGER_PROCESS);
	/* An init script, which has not started this one; but at the next boot it would. */
	put(x, "/etc/init.d/docker", "#!/bin/sh\n");
	assert_int_equal(manager_of(x, false), UNS_MANAGER_SYSVINIT);
	assert_int_equal(manager_of(x, true), UNS_MANAGER_PROCESS);
	put(x, "/run/docker-ssd.pid", "1\n");
	assert_int_equal(manager_of(x, true), UNS_MANAGER_PROCESS);
	put(x, "/run/docker-ssd.pid", pid);
	assert_int_equal(manager_of(x, true), UNS_MANAGER_SYSVINIT);
	put(x, "/run/docker-ssd.pid", "");
	put(x, "/var/lock/subsys/docker", "");
	assert_int_equal(manager_of(x, true), UNS_MANAGER_SYSVINIT);
	/* Of OpenRC the marks of other inits say nothing. */
	put(x, "/run/openrc/softlevel", "default");
	assert_int_equal(manager_of(x, true), UNS_MANAGER_PROCESS);
	assert_int_equal(manager_of(x, false), UNS_MANAGER_OPENRC);
	put_link(x, "/run/openrc/started/docker", "/etc/init.d/docker");
	assert_int_equal(manager_of(x, true), UNS_MANAGER_OPENRC);
	/* Booted with systemd, the script counts for nothing. This process is in no unit of an engine. */
	put(x, "/run/systemd/system/x", "");
	assert_int_equal(manager_of(x, true), UNS_MANAGER_PROCESS);
	assert_int_equal(manager_of(x, false), UNS_MANAGER_NONE);
	put(x, "/etc/systemd/system/snap.docker.dockerd.service", "[Service]\n");
	assert_int_equal(manager_of(x, false), UNS_MANAGER_SNAP);
	x->f.unit = true;
	assert_int_equal(manager_of(x, false), UNS_MANAGER_SYSTEMD);
}

struct answer {
	const char *path, *text;
};

static void answer_to(int fd, const char *request, const struct answer *a)
{
	for (; a->path; a++) {
		size_t len = strlen(a->path);
		if (strncmp(request + 4, a->path, len) == 0 && request[4 + len] == ' ') {
			dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(a->text), a->text);
			return;
		}
	}
	dprintf(fd, "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n[]");
}

static void serve(int listener, const struct answer *answers)
{
	for (;;) {
		char request[4096];
		int fd = accept(listener, NULL, NULL);
		ssize_t n = fd < 0 ? -1 : read(fd, request, sizeof(request) - 1);

		if (n <= 0)
			_exit(1);
		request[n] = '\0';
		answer_to(fd, request, answers);
		close(fd);
	}
}

/* An engine that answers so, and 500 to everything else. */
static void read_inventory(struct fixture *x, const struct answer *answers)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", at(x, "/sock"));
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 8), 0);
	pid = fork();
	if (pid == 0)
		serve(listener, answers);
	close(listener);
	x->f.socket = strdup(a.sun_path);
	assert_int_equal(uns_host_read_inventory(&x->f, &x->err), 0);
	end_child(pid);
}

static void the_engine_is_asked_for_its_lists(void **state)
{
	static const struct answer answers[] = {
		{ "/info", "{\"DriverStatus\": [[\"driver-type\", \"io.containerd.snapshotter.v1\"]]}" },
		{ "/images/json?all=1", "[{\"Id\":\"i2\"}, {\"Id\":\"i1\"} ]\n" },
		{ "/volumes", "{\"Volumes\":null}" },
		{ "/networks", "[{\"Name\": 5}]" },
		{ NULL, NULL },
	};
	struct fixture *x = *state;

	read_inventory(x, answers);
	assert_json(x->f.images, "[\"i1\",\"i2\"]");
	assert_null(x->f.containers); /* status 500 */
	assert_json(x->f.volume_names, "[]");
	assert_null(x->f.networks); /* a name that is no string */
	assert_true(x->f.containerd_store);
}

static void what_swarm_makes_is_not_waited_for(void **state)
{
	static const struct answer answers[] = {
		{ "/info", "{\"DriverStatus\": [[\"Backing Filesystem\", \"extfs\"], []]}" },
		{ "/containers/json?all=1",
		  "[{\"Id\":\"c1\", \"Labels\": {\"com.docker.swarm.task.id\": \"x\"}}, {\"Id\":\"c2\", \"Labels\": {\"a\": \"b\"}}]" },
		{ "/networks", "[{\"Name\": \"ingress\", \"Scope\": \"swarm\"}, {\"Name\": \"lan\", \"Scope\": \"local\"}]" },
		{ NULL, NULL },
	};
	struct fixture *x = *state;

	read_inventory(x, answers);
	assert_json(x->f.containers, "[\"c2\"]");
	assert_json(x->f.networks, "[\"lan\"]");
	assert_false(x->f.containerd_store);
}

static void an_engine_that_does_not_answer_is_no_error(void **state)
{
	struct fixture *x = *state;

	x->f.socket = strdup("/nonexistent/docker.sock");
	assert_int_equal(uns_host_read_inventory(&x->f, &x->err), 0);
	assert_null(x->f.images);
	free(x->f.socket);
	x->f.socket = NULL;
	assert_int_equal(uns_host_read_inventory(&x->f, &x->err), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_root_has_the_defaults),
		cmocka_unit_test(done_takes_zeroed_facts),
		T(accounts_and_ranges_are_read),
		T(an_empty_subgid_is_there_all_the_same),
		T(a_malformed_range_is_bad_input),
		T(what_all_consumers_take_alike_is_no_bad_input),
		T(trees_are_those_of_the_data_root_that_counts),
		T(daemon_json_is_read),
		T(null_and_blank_count_as_unset),
		T(a_host_without_a_unix_socket_has_none),
		T(malformed_daemon_json_is_bad_input),
		T(the_env_file_counts_when_the_unit_uses_it),
		T(an_env_file_without_the_variable_still_is_the_place),
		T(the_env_file_does_not_count_otherwise),
		T(init_scripts_have_their_defaults),
		T(scripts_name_a_pidfile),
		T(drop_ins_of_all_services_count),
		T(env_files_may_be_patterns),
		T(words_are_expanded_as_systemd_does),
		T(drop_ins_override_the_unit),
		T(a_masked_drop_in_says_nothing),
		T(variables_of_the_unit_are_expanded),
		T(another_config_file_is_followed),
		T(an_unclosed_quote_is_bad_input),
		T(every_place_of_the_option_is_listed),
		T(the_data_root_is_resolved_inside_the_root),
		T(the_active_directory_follows_the_setting),
		T(lines_by_uid_are_decided_by_what_lies_there),
		T(containers_are_read),
		T(malformed_containers_hide_nothing_else),
		T(names_and_drivers_are_sorted_out),
		T(the_store_of_containerd_is_known),
		T(volumes_are_read),
		T(labels_come_from_the_database),
		T(the_nested_store_is_read),
		T(the_census_walks_the_wanted_store),
		T(the_manager_is_who_started_the_engine),
		T(a_daemon_is_found_by_its_pidfile),
		T(a_stale_pidfile_finds_nothing),
		T(a_daemon_with_another_root_is_not_ours),
		T(a_process_has_a_start),
		T(what_came_after_the_start_is_not_in_effect),
		T(the_engine_is_asked_for_its_lists),
		T(what_swarm_makes_is_not_waited_for),
		T(an_engine_that_does_not_answer_is_no_error),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
