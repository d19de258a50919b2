/* SPDX-License-Identifier: Apache-2.0 */
/* Small roots are built in a throw-away directory and read; /proc is such a directory too where processes are wanted. NSS and the
 * subid source are played by this program: its functions take the place of those of libc and libsubid. */
#include "test.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <time.h>

#include "../../src/host/host.h"
#include "scratch.h"
#include "uns/sys.h"

struct fixture {
	struct scratch s;
	struct uns_root root;
	struct uns_idfacts f;
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

	uns_idfacts_done(&x->f);
	uns_root_close(&x->root);
	scratch_remove(&x->s);
	free(x);
	return 0;
}

/* The path in the scratch directory; the directories before its last '/' are made. */
static const char *at(struct fixture *x, const char *path)
{
	static char whole[1024];

	snprintf(whole, sizeof(whole), "%s%s", x->s.path, path);
	for (char *p = whole + strlen(x->s.path) + 1; (p = strchr(p, '/')); p++) {
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

static void put_link(struct fixture *x, const char *path, const char *target)
{
	const char *whole = at(x, path);

	unlink(whole);
	assert_int_equal(symlink(target, whole), 0);
}

static void drop(struct fixture *x, const char *path)
{
	const char *whole = at(x, path);

	if (unlink(whole) < 0)
		assert_int_equal(rmdir(whole), 0);
}

static void read_ok(struct fixture *x)
{
	uns_idfacts_done(&x->f);
	x->err = (struct uns_err){ 0 };
	if (uns_idfacts_read(&x->root, &x->f, &x->err) != 0)
		fail_msg("%s", x->err.text);
}

static void read_refused(struct fixture *x, const char *text)
{
	struct uns_idfacts untouched = { .lives = 4711 };

	x->err = (struct uns_err){ 0 };
	assert_int_equal(uns_idfacts_read(&x->root, &untouched, &x->err), -1);
	assert_int_equal(untouched.lives, 4711);
	assert_int_equal(x->err.code, UNS_E_INPUT);
	if (!strstr(x->err.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, x->err.text);
}

/* ---- files ---- */

static void an_empty_root_has_the_defaults(void **state)
{
	struct fixture *x = *state;
	uint64_t effects = uns_sys_effects();

	read_ok(x);
	assert_true(x->f.offline);
	assert_int_equal(x->f.users.n + x->f.groups.n + x->f.lives + x->f.trees + x->f.locks + x->f.sssd.n, 0);
	for (int k = 0; k < UNS_IDKINDS; k++) {
		assert_false(x->f.sub[k].exists || x->f.sub[k].symlink || x->f.has_nss[k] || x->f.defs.sub_set[k]);
		assert_int_equal(x->f.defs.id_min[k], 1000);
		assert_int_equal(x->f.defs.id_max[k], 60000);
		assert_int_equal(x->f.defs.sys_max[k], 999);
		assert_int_equal(x->f.defs.sub_min[k], 100000);
		assert_int_equal(x->f.defs.sub_max[k], 600100000);
		assert_int_equal(x->f.defs.sub_count[k], 65536);
	}
	assert_null(x->f.subid_source);
	assert_int_equal(x->f.present, 0);
	assert_int_equal(uns_sys_effects(), effects);
	uns_idfacts_done(&x->f);
	uns_idfacts_done(&x->f);
}

static void accounts_and_lines_are_read(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n+nis\nbroken\nalice:x:1000:1001::/home/a:/bin/sh\n");
	put(x, "/etc/group", "root:x:0:\nalice:x:1001:bob\n");
	put(x, "/etc/subuid", "# ours\nalice:100000:65536\nbob:0x10:junk\n\n");
	put(x, "/etc/subgid", "");
	assert_int_equal(chmod(at(x, "/etc/subuid"), 0640), 0);
	read_ok(x);
	assert_int_equal(x->f.users.n, 2);
	assert_int_equal(uns_accounts_name(&x->f.users, "alice")->gid, 1001);
	assert_int_equal(uns_accounts_id(&x->f.groups, 1001)->id, 1001);
	assert_true(x->f.sub[UNS_UID].exists && x->f.sub[UNS_GID].exists);
	assert_int_equal(x->f.sub[UNS_UID].mode, 0640);
	assert_int_equal(x->f.sub[UNS_UID].uid, geteuid());
	assert_int_equal(x->f.sub[UNS_UID].s.n, 2); /* the malformed one too */
	assert_int_equal(x->f.sub[UNS_UID].s.v[0].range.start, 100000);
	assert_int_equal(x->f.sub[UNS_UID].s.v[1].line, 3);
	assert_true(x->f.sub[UNS_UID].s.v[1].flaws != 0);
	assert_int_equal(x->f.sub[UNS_GID].s.n, 0);
}

static void a_symlink_is_followed_and_told(void **state)
{
	struct fixture *x = *state;
	struct stat st;

	put(x, "/srv/subuid", "alice:100000:65536\n");
	assert_int_equal(chmod(at(x, "/srv/subuid"), 0600), 0);
	put(x, "/etc/subgid", "alice:100000:65536\n");
	put_link(x, "/etc/subuid", "/srv/subuid"); /* absolute inside the root */
	read_ok(x);
	assert_true(x->f.sub[UNS_UID].symlink && x->f.sub[UNS_UID].exists);
	assert_int_equal(x->f.sub[UNS_UID].mode, 0600);
	assert_int_equal(x->f.sub[UNS_UID].s.n, 1);
	assert_false(x->f.sub[UNS_GID].symlink);
	put_link(x, "/etc/subuid", "/nowhere");
	assert_int_equal(lstat(at(x, "/etc/subuid"), &st), 0);
	read_ok(x);
	assert_true(x->f.sub[UNS_UID].symlink);
	assert_false(x->f.sub[UNS_UID].exists);
}

static void what_cannot_be_read_is_bad_input(void **state)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid", "/etc/passwd", "/etc/group", "/etc/login.defs" };
	struct fixture *x = *state;
	char dir[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(dir, sizeof(dir), "%s/", files[i]);
		at(x, dir);
		read_refused(x, files[i]);
		drop(x, files[i]);
	}
	assert_int_equal(mkfifo(at(x, "/etc/subuid"), 0600), 0); /* must not hang */
	read_refused(x, "/etc/subuid");
}

/* ---- nsswitch.conf ---- */

static void assert_nss(struct fixture *x, const char *text, bool uid, bool gid)
{
	put(x, "/etc/nsswitch.conf", text);
	x->root.is_host = true;
	read_ok(x);
	x->root.is_host = false;
	assert_false(x->f.offline);
	assert_int_equal(x->f.has_nss[UNS_UID], uid);
	assert_int_equal(x->f.has_nss[UNS_GID], gid);
}

static void sources_beyond_files_are_seen(void **state)
{
	struct fixture *x = *state;

	assert_nss(x, "passwd: files sss\ngroup: files\n", true, false);
	assert_nss(x, "passwd:\tfiles\n  group:\tcompat systemd # note\n", false, true);
	assert_nss(x, "passwd: files [!SUCCESS=continue UNAVAIL=return] db\ngroup: compat\n", false, false);
	assert_nss(x, "passwd: files[NOTFOUND=return]ldap\ngroup: [", true, false);
	assert_nss(x, "#passwd: sss\npasswd: files # sss\ngroup: filesystem\nshadow: sss\n", false, true);
	assert_nss(x, "passwd_compat: nis\ngroup:\npasswd:\n", false, false);
	put(x, "/usr/etc/nsswitch.conf", "passwd: files winbind\n");
	assert_nss(x, "", false, false); /* ours hides the distribution's */
	drop(x, "/etc/nsswitch.conf");
	x->root.is_host = true;
	read_ok(x);
	x->root.is_host = false;
	assert_true(x->f.has_nss[UNS_UID]);
}

static void an_offline_root_has_no_nss(void **state)
{
	struct fixture *x = *state;
	size_t found = 4711;

	put(x, "/etc/nsswitch.conf", "passwd: files sss\ngroup: files sss\nsubid: sss\n");
	read_ok(x);
	assert_false(x->f.has_nss[UNS_UID] || x->f.has_nss[UNS_GID]);
	assert_string_equal(x->f.subid_source, "sss");
	assert_false(x->f.subid_source_read);
	assert_int_equal(uns_idfacts_probe(&x->f, UNS_UID, (struct uns_range){ 0, 10 }, &(struct uns_probe){ .deep = true }, &found,
	                                   &x->err),
	                 0);
	assert_int_equal(found + x->f.probed, 0);
}

static void assert_source(struct fixture *x, const char *text, const char *expected)
{
	put(x, "/etc/nsswitch.conf", text);
	read_ok(x);
	if (expected)
		assert_string_equal(x->f.subid_source, expected);
	else
		assert_null(x->f.subid_source);
}

static void the_subid_source_is_shadows(void **state)
{
	struct fixture *x = *state;

	assert_source(x, "subid: sss files\n", "sss");
	assert_source(x, "SubID:\tldap", "ldap");
	assert_source(x, "subid: files nosuch\n", NULL);
	assert_source(x, "subid:\nsubid: one\nsubid: two\n", "one");
	assert_source(x, "subid: files\nsubid: sss\n", NULL);
	assert_source(x, " subid: sss\n#subid: sss\n", NULL); /* shadow wants it at the start of the line */
	assert_source(x, "subid: # none\nsubid: sss\n", NULL);
	assert_source(x, "subid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", NULL); /* 51: too long to it */
	assert_source(x, "subid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

/* ---- login.defs ---- */

static void login_defs_are_read_as_shadow_does(void **state)
{
	struct fixture *x = *state;
	const struct uns_login_defs *d = &x->f.defs;

	put(x, "/etc/login.defs",
	    "# UID_MIN 7\nUID_MIN\t\t 500\nGID_MIN 0x1F4\r\nUID_MAX \"40000\" x\nGID_MAX 0100000\nSUB_UID_MIN 524288\n"
	    "SUB_UID_MAX 99999999999\nSUB_GID_MAX 65536 # note\nSUB_GID_COUNT +131072\nSYS_GID_MAX 300\n SYS_UID_MIN 3\n");
	read_ok(x);
	assert_int_equal(d->id_min[UNS_UID], 500);
	assert_int_equal(d->id_min[UNS_GID], 500);
	assert_int_equal(d->id_max[UNS_UID], 40000);
	assert_int_equal(d->id_max[UNS_GID], 32768);
	assert_int_equal(d->sys_max[UNS_UID], 499);
	assert_int_equal(d->sys_max[UNS_GID], 300);
	assert_int_equal(d->sub_min[UNS_UID], 524288);
	assert_true(d->sub_max[UNS_UID] == UINT32_MAX);
	assert_true(d->sub_set[UNS_UID]);
	assert_int_equal(d->sub_max[UNS_GID], 600100000); /* "65536 # note" is no number to shadow */
	assert_int_equal(d->sub_count[UNS_GID], 131072);
	assert_false(d->sub_set[UNS_GID]);
}

static void the_last_value_counts_and_a_bad_one_is_the_default(void **state)
{
	static const char *const bad[] = { "-1",  "abc", "0x", "08", "1 2", "99999999999999999999", "0xfffffffffffffffff",
		                           "1e3", "+" };
	struct fixture *x = *state;
	char text[128];

	put(x, "/etc/login.defs", "SUB_UID_MIN 1\nSUB_UID_MIN 0\nSUB_GID_MIN 0xFFFFFFFF\nSUB_UID_COUNT\nUID_MIN 0\n");
	read_ok(x);
	assert_int_equal(x->f.defs.sub_min[UNS_UID], 0);
	assert_true(x->f.defs.sub_min[UNS_GID] == UINT32_MAX);
	assert_int_equal(x->f.defs.sub_count[UNS_UID], 65536);
	assert_int_equal(x->f.defs.sys_max[UNS_UID], 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "SUB_UID_MIN 200000\nSUB_UID_MIN %s\n", bad[i]);
		put(x, "/etc/login.defs", text);
		read_ok(x);
		assert_int_equal(x->f.defs.sub_min[UNS_UID], 100000);
		assert_false(x->f.defs.sub_set[UNS_UID]);
	}
}

/* ---- trees ---- */

static void assert_trees(struct fixture *x, const char *joined)
{
	char text[1024] = "";

	read_ok(x);
	for (size_t i = 0; i < x->f.trees; i++) {
		const struct uns_idtree *t = &x->f.tree[i];
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s=%u,%u", i ? " " : "", t->path, t->start[UNS_UID], t->start[UNS_GID]);
	}
	assert_string_equal(text, joined);
}

static void trees_of_the_data_root_are_found(void **state)
{
	struct fixture *x = *state;

	assert_trees(x, "");
	at(x, "/var/lib/docker/100000.200000/");
	at(x, "/var/lib/docker/0100.1/");
	at(x, "/var/lib/docker/1.2.3/");
	at(x, "/var/lib/docker/4294967296.1/");
	at(x, "/var/lib/docker/overlay2/");
	put(x, "/var/lib/docker/300000.300000", "a file");
	put_link(x, "/var/lib/docker/400000.400000", "100000.200000");
	assert_trees(x, "/var/lib/docker/100000.200000=100000,200000");
	at(x, "/srv/d/5.6/");
	at(x, "/srv/d/10.7/");
	put_link(x, "/data", "srv/d");
	put(x, "/etc/docker/daemon.json", "{\"data-root\":\"/data/\",\"graph\":\"/var/lib/docker\"}");
	assert_trees(x, "/srv/d/10.7=10,7 /srv/d/5.6=5,6");
	put(x, "/etc/docker/daemon.json", "{\"graph\":\"srv/d\"}");
	assert_trees(x, "/srv/d/10.7=10,7 /srv/d/5.6=5,6");
	put(x, "/etc/docker/daemon.json", "{\"data-root\":\"/nowhere\"}");
	assert_trees(x, "");
	at(x, "/1.1/");
	put(x, "/etc/docker/daemon.json", "{\"data-root\":\"/\"}");
	assert_trees(x, "/1.1=1,1");
}

static void a_broken_daemon_json_means_the_default_root(void **state)
{
	static const char *const broken[] = { "{", "[]", "{\"data-root\":5}", "", "{\"data-root\":\"\"}", "{\"a\":1,\"a\":2}" };
	struct fixture *x = *state;

	at(x, "/var/lib/docker/7.8/");
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		put(x, "/etc/docker/daemon.json", broken[i]);
		assert_trees(x, "/var/lib/docker/7.8=7,8");
	}
	drop(x, "/etc/docker/daemon.json");
	at(x, "/etc/docker/daemon.json/");
	assert_trees(x, "/var/lib/docker/7.8=7,8");
}

/* ---- presence ---- */

static void each_software_is_known_by_its_places(void **state)
{
	static const struct {
		const char *path;
		unsigned bits;
	} cases[] = {
		{ "/usr/lib/systemd/systemd", UNS_HAS_SYSTEMD },
		{ "/lib/systemd/systemd", UNS_HAS_SYSTEMD },
		{ "/run/systemd/system", 0 }, /* of the running host only */
		{ "/var/lib/systemd/home/alice.identity", UNS_HAS_HOMED },
		{ "/etc/systemd/homed.conf", 0 },
		{ "/usr/lib/systemd/systemd-homed", 0 },
		{ "/usr/bin/kubelet", UNS_HAS_KUBELET },
		{ "/usr/local/bin/kubelet", UNS_HAS_KUBELET },
		{ "/var/lib/kubelet", UNS_HAS_KUBELET },
		{ "/var/lib/incus", UNS_HAS_INCUS },
		{ "/var/lib/lxd", UNS_HAS_INCUS },
		{ "/var/snap/lxd", UNS_HAS_INCUS },
		{ "/usr/bin/incusd", UNS_HAS_INCUS },
		{ "/usr/bin/lxd", UNS_HAS_INCUS },
		{ "/usr/lib/snapd", UNS_HAS_SNAPD },
		{ "/var/lib/snapd/state.json", UNS_HAS_SNAPD },
		{ "/etc/ipa/default.conf", UNS_HAS_IPA },
		{ "/etc/sssd/sssd.conf", UNS_HAS_SSSD },
		{ "/usr/bin/apptainer", UNS_HAS_APPTAINER },
		{ "/etc/apptainer", UNS_HAS_APPTAINER },
		{ "/usr/bin/dockerd", UNS_HAS_DOCKER },
		{ "/usr/sbin/dockerd", UNS_HAS_DOCKER },
		{ "/etc/docker", UNS_HAS_DOCKER },
		{ "/usr/bin/podman", UNS_HAS_PODMAN },
		{ "/etc/containers", UNS_HAS_PODMAN },
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(x, cases[i].path, "");
		read_ok(x);
		if (x->f.present != cases[i].bits)
			fail_msg("%s: %x, not %x", cases[i].path, x->f.present, cases[i].bits);
		drop(x, cases[i].path);
	}
	put(x, "/etc/systemd/homed.conf", "");
	put(x, "/usr/lib/systemd/systemd-homed", "");
	put_link(x, "/usr/bin/podman", "/nowhere");
	read_ok(x);
	assert_int_equal(x->f.present, UNS_HAS_HOMED | UNS_HAS_PODMAN);
}

static void an_empty_home_directory_has_no_homes(void **state)
{
	struct fixture *x = *state;

	at(x, "/var/lib/systemd/home/");
	at(x, "/run/systemd/system/");
	read_ok(x);
	assert_int_equal(x->f.present, 0);
	x->root.is_host = true;
	read_ok(x);
	x->root.is_host = false;
	assert_int_equal(x->f.present, UNS_HAS_SYSTEMD);
}

/* ---- sssd ---- */

static void assert_slices(struct fixture *x, const char *joined)
{
	char text[2048] = "";

	read_ok(x);
	for (size_t i = 0; i < x->f.sssd.n; i++) {
		const struct uns_taken *t = &x->f.sssd.v[i];
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%u+%u %s", i ? "; " : "", t->range.start, t->range.count, t->who);
	}
	assert_string_equal(text, joined);
}

#define CONF "/etc/sssd/sssd.conf"

static void domains_that_map_are_slices(void **state)
{
	struct fixture *x = *state;

	put(x, CONF, "[sssd]\ndomains = other\nid_provider = ad\n[domain/ad.example.org]\nid_provider = ad\n");
	assert_slices(x, "200000+2000000000 [domain/ad.example.org] of " CONF);
	put(x, CONF, "[domain/a]\nid_provider = ldap\n[domain/b]\nID_Provider=AD\nldap_id_mapping = False\n"
	             "[domain/c]\n id_provider = ipa\n[domain/]\nid_provider = ad\n[domain/broken\nid_provider = ad\n");
	assert_slices(x, "");
	put(x, CONF, "  # note\n; note\n[ Domain/l ]\n\tid_provider=ldap\n\tLDAP_ID_MAPPING =  TRUE \r\n"
	             "ldap_idmap_range_min=1000000\nldap_idmap_range_max = 3000000\n"
	             "ldap_idmap_range_size = 10\n[nss]\nldap_id_mapping = true\n"
	             "[domain/ipa]\nid_provider = ipa\nldap_id_mapping = true\nldap_idmap_range_max = zwei\n");
	assert_slices(x, "1000000+2000000 [domain/l] of " CONF "; 200000+2000000000 [domain/ipa] of " CONF);
	put(x, CONF, "[domain/a]\nid_provider = ad\nldap_idmap_range_min = 5\nldap_idmap_range_max = 5\n");
	assert_slices(x, "");
	put(x, CONF, "[domain/a]\nid_provider = ad\nldap_idmap_range_min = 0\nldap_idmap_range_max = 4294967295");
	assert_slices(x, "0+4294967295 [domain/a] of " CONF);
}

static void snippets_are_merged_in_order(void **state)
{
	struct fixture *x = *state;

	put(x, CONF, "[domain/A.example]\nid_provider = ad\nldap_idmap_range_min = 1000000\n");
	put(x, "/etc/sssd/conf.d/20-b.conf", "[domain/a.example]\nldap_idmap_range_min = 3000000\n");
	put(x, "/etc/sssd/conf.d/10-a.conf", "[domain/a.example]\nldap_idmap_range_min = 2000000\n[domain/n]\nid_provider=ad\n");
	put(x, "/etc/sssd/conf.d/.30.conf", "[domain/hidden]\nid_provider = ad\n");
	put(x, "/etc/sssd/conf.d/40.conf.bak", "[domain/a.example]\nldap_idmap_range_min = 4000000\n");
	at(x, "/etc/sssd/conf.d/50.conf/");
	assert_slices(x, "3000000+1997200000 [domain/A.example] of " CONF
	                 "; 200000+2000000000 [domain/n] of /etc/sssd/conf.d/10-a.conf");
	drop(x, CONF);
	assert_slices(x, "200000+2000000000 [domain/n] of /etc/sssd/conf.d/10-a.conf");
	assert_int_equal(x->f.present & UNS_HAS_SSSD, 0);
}

static void an_unreadable_sssd_conf_is_no_error(void **state)
{
	struct fixture *x = *state;
	pid_t pid;
	int status;

	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	put(x, CONF, "[domain/a]\nid_provider = ad\n");
	assert_int_equal(chmod(at(x, CONF), 0600), 0);
	assert_int_equal(chmod(x->s.path, 0755), 0);
	pid = fork();
	if (pid == 0) {
		struct uns_idfacts f = { 0 };

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(9);
		if (uns_idfacts_read(&x->root, &f, &x->err) != 0)
			_exit(1);
		_exit(f.sssd.n == 0 && f.present == UNS_HAS_SSSD ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- locks ---- */

static void set_age(struct fixture *x, const char *path, time_t mtime)
{
	struct timespec t[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };

	assert_int_equal(utimensat(AT_FDCWD, at(x, path), t, 0), 0);
}

static const struct uns_idlock *lock_of(struct fixture *x, const char *path)
{
	for (size_t i = 0; i < x->f.locks; i++)
		if (strcmp(x->f.lock[i].path, path) == 0)
			return &x->f.lock[i];
	fail_msg("%s is not among them", path);
	return NULL;
}

static void read_locks(struct fixture *x, bool offline)
{
	char proc[1024];

	uns_idfacts_done(&x->f);
	x->f.offline = offline;
	if (uns_host_read_locks(&x->root, scratch_path(&x->s, "proc", proc), &x->f, &x->err) != 0)
		fail_msg("%s", x->err.text);
}

/* /proc of a machine that booted at "boot", with this process started "seconds" later. */
static void put_process(struct fixture *x, long boot, long seconds)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getpid());
	snprintf(text, sizeof(text), "%d (a) b) (c) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %ld 1000 1 2\n", (int)getpid(),
	         seconds * sysconf(_SC_CLK_TCK));
	put(x, path, text);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)getpid());
	put(x, path, "a) b) (c\n");
	snprintf(text, sizeof(text), "cpu 1 2 3\nctxt 5\nbtime %ld\nprocesses 4\n", boot);
	put(x, "/proc/stat", text);
}

static void locks_name_their_process(void **state)
{
	struct fixture *x = *state;
	char pid[32];
	const struct uns_idlock *l;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	put_bytes(x, "/etc/subuid.lock", pid, strlen(pid) + 1);
	put(x, "/etc/passwd.lock", pid);
	put(x, "/etc/.pwd.lock", "");
	put(x, "/etc/shadow.lock", pid);
	set_age(x, "/etc/subuid.lock", 2000);
	set_age(x, "/etc/passwd.lock", time(NULL) + 1000);
	put_process(x, 1000, 1000);
	read_locks(x, false);
	assert_int_equal(x->f.locks, 2);
	l = lock_of(x, "/etc/subuid.lock");
	assert_true(l->is_lock && l->alive);
	assert_int_equal(l->pid, getpid());
	assert_false(l->younger);
	assert_string_equal(l->comm, "a) b) (c");
	assert_in_range(l->age, time(NULL) - 2000 - 5, time(NULL) - 2000);
	assert_int_equal(lock_of(x, "/etc/passwd.lock")->age, 0); /* made in the future */
	put_process(x, 1000, 1001); /* within the second that both clocks may be wrong */
	read_locks(x, false);
	assert_false(lock_of(x, "/etc/subuid.lock")->younger);
	put_process(x, 1000, 1002);
	read_locks(x, false);
	assert_true(lock_of(x, "/etc/subuid.lock")->younger && lock_of(x, "/etc/subuid.lock")->alive);
	assert_false(lock_of(x, "/etc/passwd.lock")->younger);
	put(x, "/proc/stat", "cpu 1\n");
	read_locks(x, false);
	assert_false(lock_of(x, "/etc/subuid.lock")->younger); /* not known: not to be broken */
}

static void an_offline_root_has_no_processes(void **state)
{
	struct fixture *x = *state;
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	put(x, "/etc/subgid.lock", pid);
	set_age(x, "/etc/subgid.lock", 2000);
	put_process(x, 1000, 5000);
	read_locks(x, true);
	assert_true(lock_of(x, "/etc/subgid.lock")->alive);
	assert_false(lock_of(x, "/etc/subgid.lock")->younger);
	assert_string_equal(lock_of(x, "/etc/subgid.lock")->comm, "");
}

static void a_pid_is_read_as_strictly_as_shadow_does(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = { { "", 0 }, { "999\n", 4 }, { " 1", 2 }, { "1 ", 2 }, { "-1", 2 }, { "0", 1 }, { "abc", 3 }, { "\0001", 2 },
		    { "99999999999", 11 }, { "2147483648", 10 } };
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_bytes(x, "/etc/group.lock", bad[i].text, bad[i].len);
		read_locks(x, false);
		assert_int_equal(lock_of(x, "/etc/group.lock")->pid, 0);
		assert_false(lock_of(x, "/etc/group.lock")->alive || lock_of(x, "/etc/group.lock")->younger);
	}
	put(x, "/etc/group.lock", "2147483647"); /* beyond the kernel's limit of PIDs */
	read_locks(x, false);
	assert_int_equal(lock_of(x, "/etc/group.lock")->pid, INT_MAX);
	assert_false(lock_of(x, "/etc/group.lock")->alive);
	drop(x, "/etc/group.lock");
	put_link(x, "/etc/group.lock", "/proc/stat");
	put_process(x, 1, 1);
	read_locks(x, false);
	assert_int_equal(lock_of(x, "/etc/group.lock")->pid, 0);
}

static void leftovers_are_listed(void **state)
{
	static const char *const left[] = { "subgid+", "subgid-.usernsctl", "subuid+", "subuid.1234", "subuid.cioAb3xYz",
		                            "subuid.lock.999", "subuid.lock.usernsctl", "subuid.usernsctl" };
	static const char *const others[] = { "subuid", "subuid-", "subuid.cioAb3xY", "subuid.cioAb3xYzz", "subuid.cioAb3x.z",
		                              "subuid.", "subuid.12a", "subuid.bak", "subuid.lock2", "passwd+", "passwd.123",
		                              "subuid++", ".pwd.lock", "mysubuid+" };
	struct fixture *x = *state;
	char path[64];

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "/etc/%s", left[i]);
		put(x, path, "alice:1:1\n");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(path, sizeof(path), "/etc/%s", others[i]);
		put(x, path, "");
	}
	read_locks(x, false);
	assert_int_equal(x->f.locks, sizeof(left) / sizeof(left[0]));
	for (size_t i = 0; i < x->f.locks; i++) {
		assert_string_equal(x->f.lock[i].path + strlen("/etc/"), left[i]);
		assert_false(x->f.lock[i].is_lock || x->f.lock[i].pid);
	}
}

/* ---- live maps ---- */

#define WHOLE "         0          0 4294967295\n"

/* ns NULL: it is kept from us. */
static void put_proc(struct fixture *x, const char *pid, const char *ns, const char *uids, const char *gids)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/uid_map", pid);
	put(x, path, uids);
	snprintf(path, sizeof(path), "/proc/%s/gid_map", pid);
	put(x, path, gids);
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	put(x, path, "a comm\nwith two lines\n");
	snprintf(path, sizeof(path), "/proc/%s/ns/user", pid);
	if (ns)
		put_link(x, path, ns);
}

static int compare_live(const void *pa, const void *pb)
{
	const struct uns_live *a = pa, *b = pb;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->range.start < b->range.start ? -1 : a->range.start > b->range.start;
}

static void assert_live(struct fixture *x, const char *joined)
{
	char text[4096] = "", proc[1024];

	uns_idfacts_done(&x->f);
	if (uns_host_read_live(scratch_path(&x->s, "proc", proc), &x->f, &x->err) != 0)
		fail_msg("%s", x->err.text);
	for (size_t i = 0; i < x->f.lives; i++)
		x->f.live[i].pid -= x->f.live[i].pid == 21; /* its twin: which of them is met first the directory decides */
	if (x->f.lives)
		qsort(x->f.live, x->f.lives, sizeof(x->f.live[0]), compare_live);
	for (size_t i = 0; i < x->f.lives; i++) {
		const struct uns_live *l = &x->f.live[i];
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%d%c%u+%u", i ? " " : "", (int)l->pid, l->kind == UNS_UID ? 'u' : 'g',
		         l->range.start, l->range.count);
	}
	assert_string_equal(text, joined);
}

static void other_namespaces_are_seen_once(void **state)
{
	struct fixture *x = *state;

	assert_live(x, ""); /* no proc(5) at all */
	put_proc(x, "self", "user:[1]", WHOLE, WHOLE);
	put_proc(x, "1", "user:[1]", WHOLE, WHOLE);
	put_proc(x, "20", "user:[2]", "0 100000 65536\n", "0 200000 65536\n");
	put_proc(x, "21", "user:[2]", "0 100000 65536\n", "0 200000 65536\n");
	put_proc(x, "30", "user:[3]", "  0 100000  1000\n  1000 1000 1\n 1001 101000 64536\n", "0 100000 1000\n");
	put_proc(x, "40", "user:[4]", "", ""); /* not mapped yet */
	put_proc(x, "050", "user:[5]", "0 1 1\n", "0 1 1\n"); /* no PID */
	put_proc(x, "sys", "user:[6]", "0 1 1\n", "0 1 1\n");
	at(x, "/proc/60/"); /* died while we look */
	assert_live(x, "20u100000+65536 20g200000+65536 30u100000+1000 30u101000+64536 30g100000+1000");
	assert_string_equal(x->f.live[0].comm, "a comm\nwith two lines");
}

static void hidden_ones_with_equal_maps_are_one(void **state)
{
	struct fixture *x = *state;
	char proc[1024];
	size_t uids = 0, gids = 0;

	put_proc(x, "self", "user:[1]", WHOLE, WHOLE);
	put_proc(x, "2", NULL, WHOLE, WHOLE);
	put_proc(x, "3", NULL, "0 100000 65536\n", "0 100000 65536\n");
	put_proc(x, "4", NULL, "0 100000 65536\n", "0 100000 65536\n");
	put_proc(x, "5", NULL, "0 100000 65536\n", "0 300000 65536\n");
	put_proc(x, "6", "something else", "0 100000 65536\n", "0 300000 65536\n");
	assert_int_equal(uns_host_read_live(scratch_path(&x->s, "proc", proc), &x->f, &x->err), 0);
	for (size_t i = 0; i < x->f.lives; i++)
		*(x->f.live[i].kind == UNS_UID ? &uids : &gids) += x->f.live[i].range.start;
	assert_int_equal(x->f.lives, 4); /* 3 or 4, and 5 or 6: in the order of the directory */
	assert_int_equal(uids, 200000);
	assert_int_equal(gids, 400000);
}

static void our_own_namespace_is_left_out(void **state)
{
	struct fixture *x = *state;

	/* We are in a container: our map is shown in the parent's IDs. */
	put_proc(x, "self", "user:[7]", "0 100000 65536\n", "0 100000 65536\n");
	put_proc(x, "1", "user:[7]", "0 100000 65536\n", "0 100000 65536\n");
	put_proc(x, "2", NULL, "0 100000 65536\n", "0 100000 65536\n");
	put_proc(x, "3", "user:[1]", "0 4294967295 4294967295\n", "0 4294967295 4294967295\n"); /* the host's: not in ours */
	put_proc(x, "4", "user:[8]", "0 1000 100\n", "0 1000 100\n");
	assert_live(x, "4u1000+100 4g1000+100");
}

static void maps_that_leave_accounts_alone_take_nothing(void **state)
{
	struct fixture *x = *state;

	put_proc(x, "self", "user:[1]", WHOLE, WHOLE);
	put_proc(x, "2", "user:[2]", WHOLE, WHOLE);
	put_proc(x, "3", "user:[3]", "0 0 1\n1 1 4294967294\n", "0 0 65536\n");
	put_proc(x, "4", "user:[4]", "1000 1000 1\n", "0 1000 1\n");
	put_proc(x, "5", "user:[5]", "100000 100000 65536\n", "65535 65535 1\n");
	put_proc(x, "6", "user:[6]", "0 4294901760 65536\n", "0 70000 4294967295\n");
	put_proc(x, "7", "user:[7]", "0 1 x\n0 1\n0 1 2 3\n0 5 6\n0 7 0\n\n", "0 4294967296 1\n");
	assert_live(x, "4g1000+1 5u100000+65536 6u4294901760+65535 6g70000+4294897295 7u5+6");
}

static void the_real_proc_is_read(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(uns_host_read_live("/proc", &x->f, &x->err), 0);
	for (size_t i = 0; i < x->f.lives; i++) {
		assert_true(uns_range_valid(x->f.live[i].range));
		assert_true(x->f.live[i].pid > 0);
	}
}

/* ---- NSS, played ---- */

static struct {
	uint32_t id;          /* answered … */
	const char *name;     /* … with this; NULL: nobody */
	size_t need;          /* bytes of buffer that it takes */
	int errnum;           /* answered in place of nobody */
	int interrupted;      /* so many times first */
	bool everybody;       /* every ID has a name */
	struct uns_probe *stop; /* its time is over at question number stop_at */
	uint64_t stop_at;
	uint64_t asked;
	uint32_t first[16], last;
} directory;

static int question(uint32_t id, size_t len, bool *found)
{
	*found = false;
	if (directory.interrupted > 0) {
		directory.interrupted--;
		return EINTR;
	}
	if (len < directory.need)
		return ERANGE;
	if (directory.asked < 16)
		directory.first[directory.asked] = id;
	directory.last = id;
	if (++directory.asked == directory.stop_at)
		directory.stop->until = 1;
	*found = directory.everybody || (directory.name && directory.id == id);
	return *found ? 0 : directory.errnum;
}

/* The name at the end of the buffer: a smaller one would not do. */
static char *place(char *buf, size_t len, const char *name)
{
	size_t size = strlen(name) + 1;

	return memcpy(buf + len - size, name, size);
}

static char home[] = "/home/x";

int getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t len, struct passwd **result)
{
	bool found;
	int e = question(uid, len, &found);

	*result = found ? pw : NULL;
	if (found)
		*pw = (struct passwd){ .pw_name = place(buf, len, directory.name), .pw_uid = uid, .pw_gid = 4711,
		                       .pw_dir = home };
	return e;
}

int getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t len, struct group **result)
{
	bool found;
	int e = question(gid, len, &found);

	*result = found ? gr : NULL;
	if (found)
		*gr = (struct group){ .gr_name = place(buf, len, directory.name), .gr_gid = gid };
	return e;
}

int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t len, struct passwd **result)
{
	bool found;
	int e = question(directory.name && strcasecmp(name, directory.name) == 0 ? directory.id : UINT32_MAX, len, &found);

	*result = found ? pw : NULL;
	if (found)
		*pw = (struct passwd){ .pw_name = place(buf, len, directory.name), .pw_uid = directory.id,
		                       .pw_gid = 4711, .pw_dir = home };
	return e;
}

static size_t probe(struct fixture *x, enum uns_idkind kind, uint32_t start, uint32_t count, struct uns_probe how)
{
	size_t found = SIZE_MAX;

	directory.asked = 0;
	x->f.has_nss[kind] = true;
	if (uns_idfacts_probe(&x->f, kind, (struct uns_range){ start, count }, &how, &found, &x->err) != 0)
		fail_msg("%s", x->err.text);
	return found;
}

static void the_first_the_last_and_samples_are_asked_for(void **state)
{
	static const uint32_t expected[] = { 100000, 107281, 114563, 121845, 129126, 136408, 143690, 150971, 158253, 165535 };
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	assert_int_equal(probe(x, UNS_UID, 100000, 65536, (struct uns_probe){ .samples = 8 }), 0);
	assert_int_equal(directory.asked, 10);
	assert_int_equal(x->f.probed, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(directory.first[i], expected[i]);
	assert_int_equal(probe(x, UNS_UID, 5, 100, (struct uns_probe){ .samples = 0 }), 0);
	assert_int_equal(directory.asked, 2);
	assert_int_equal(directory.first[0], 5);
	assert_int_equal(directory.first[1], 104);
	assert_int_equal(probe(x, UNS_UID, 7, 1, (struct uns_probe){ .samples = 8 }), 0);
	assert_int_equal(directory.asked, 1);
	assert_int_equal(probe(x, UNS_UID, 7, 0, (struct uns_probe){ .samples = 8 }), 0);
	assert_int_equal(directory.asked, 0);
	assert_int_equal(probe(x, UNS_UID, 7, 3, (struct uns_probe){ .samples = 8 }), 0); /* fewer than samples: each once */
	assert_int_equal(directory.asked, 3);
	assert_int_equal(probe(x, UNS_GID, 0, UINT32_MAX, (struct uns_probe){ .samples = UINT32_MAX, .until = 1 }), 0);
	assert_int_equal(directory.asked, 0);
	assert_true(x->f.probe_cut);
}

static void nobody_is_asked_beyond_the_last_id(void **state)
{
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	assert_int_equal(probe(x, UNS_UID, 4294967290u, 65536, (struct uns_probe){ .deep = true }), 0);
	assert_int_equal(directory.asked, 5);
	assert_true(directory.last == UNS_ID_LAST);
	assert_int_equal(probe(x, UNS_UID, UINT32_MAX, 1, (struct uns_probe){ .deep = true }), 0);
	assert_int_equal(directory.asked, 0);
	assert_int_equal(probe(x, UNS_UID, 1, UINT32_MAX, (struct uns_probe){ .samples = 1 }), 0);
	assert_int_equal(directory.asked, 3);
	assert_true(directory.last == UNS_ID_LAST);
}

static void a_new_account_is_added_once(void **state)
{
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	directory.id = 165535;
	directory.name = "DOM\\carol";
	assert_int_equal(probe(x, UNS_UID, 100000, 65536, (struct uns_probe){ .samples = 8 }), 1);
	assert_int_equal(probe(x, UNS_UID, 100000, 65536, (struct uns_probe){ .deep = true }), 0);
	assert_int_equal(directory.asked, 65536);
	assert_int_equal(x->f.nss[UNS_UID].n, 1);
	assert_string_equal(x->f.nss[UNS_UID].v[0].name, "DOM\\carol");
	assert_int_equal(x->f.nss[UNS_UID].v[0].id, 165535);
	assert_int_equal(x->f.nss[UNS_UID].v[0].gid, 4711);
	assert_string_equal(x->f.nss[UNS_UID].v[0].home, "/home/x");
	assert_int_equal(x->f.nss[UNS_GID].n, 0);
	assert_int_equal(probe(x, UNS_GID, 165535, 1, (struct uns_probe){ .samples = 8 }), 1);
	assert_int_equal(x->f.nss[UNS_GID].v[0].gid, 165535);
	assert_null(x->f.nss[UNS_GID].v[0].home);
}

static void what_the_files_have_is_no_news(void **state)
{
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	directory.everybody = true;
	directory.name = "x";
	put(x, "/etc/passwd", "b:x:103:0:::\na:x:101:0:::\nc:x:999:0:::\nb2:x:103:0:::\n");
	put(x, "/etc/group", "g:x:100:\n");
	read_ok(x);
	x->f.offline = false;
	assert_int_equal(probe(x, UNS_UID, 100, 5, (struct uns_probe){ .deep = true }), 3);
	assert_null(uns_accounts_id(&x->f.nss[UNS_UID], 101));
	assert_null(uns_accounts_id(&x->f.nss[UNS_UID], 103));
	assert_non_null(uns_accounts_id(&x->f.nss[UNS_UID], 104));
	put(x, "/etc/passwd", "e:x:9:0:::\nd:x:8:0:::\nc:x:7:0:::\nb:x:6:0:::\na:x:5:0:::\n");
	read_ok(x);
	x->f.offline = false;
	assert_int_equal(probe(x, UNS_UID, 5, 5, (struct uns_probe){ .deep = true }), 0);
	assert_int_equal(probe(x, UNS_GID, 100, 5, (struct uns_probe){ .deep = true }), 4);
	assert_int_equal(probe(x, UNS_GID, 100, 6, (struct uns_probe){ .deep = true }), 1);
}

static void long_and_interrupted_answers_are_waited_for(void **state)
{
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	directory.id = 5;
	directory.name = "many-members";
	directory.need = 3000000;
	directory.interrupted = 3;
	assert_int_equal(probe(x, UNS_GID, 5, 1, (struct uns_probe){ .samples = 8 }), 1);
	assert_string_equal(x->f.nss[UNS_GID].v[0].name, "many-members");
	directory.need = SIZE_MAX; /* a service that always wants more */
	assert_int_equal(probe(x, UNS_GID, 6, 1, (struct uns_probe){ .samples = 8 }), 0);
	assert_true(x->f.probe_cut);
}

static void a_directory_that_fails_cuts_the_probe(void **state)
{
	static const int nobody[] = { ENOENT, ESRCH, EBADF, EPERM };
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		directory.errnum = nobody[i];
		assert_int_equal(probe(x, UNS_UID, 5, 1, (struct uns_probe){ .samples = 8 }), 0);
		assert_false(x->f.probe_cut);
	}
	directory.errnum = EIO;
	assert_int_equal(probe(x, UNS_UID, 5, 1, (struct uns_probe){ .samples = 8 }), 0);
	assert_true(x->f.probe_cut && x->f.probe_silent);
}

static void the_time_limit_ends_a_deep_probe(void **state)
{
	struct fixture *x = *state;
	struct uns_probe how = { .deep = true, .until = INT64_MAX };
	size_t found = 0;

	memset(&directory, 0, sizeof(directory));
	directory.everybody = true;
	directory.name = "x";
	directory.stop = &how;
	directory.stop_at = 1000;
	x->f.has_nss[UNS_UID] = true;
	assert_int_equal(uns_idfacts_probe(&x->f, UNS_UID, (struct uns_range){ 100000, 65536 }, &how, &found, &x->err), 0);
	assert_in_range(directory.asked, 1000, 1064);
	assert_int_equal(found, directory.asked);
	assert_int_equal(x->f.probed, directory.asked);
	assert_true(x->f.probe_cut && !x->f.probe_silent);
	assert_true(uns_idfacts_clock() > 1);
}

static void without_sources_nobody_is_asked(void **state)
{
	struct fixture *x = *state;
	bool there = true;
	size_t found = 4711;

	memset(&directory, 0, sizeof(directory));
	directory.everybody = true;
	directory.name = "x";
	assert_int_equal(uns_idfacts_probe(&x->f, UNS_UID, (struct uns_range){ 0, 10 }, &(struct uns_probe){ .deep = true }, &found,
	                                   &x->err),
	                 0);
	assert_int_equal(uns_idfacts_name(&x->f, "x", &there, &x->err), 0);
	assert_false(there);
	x->f.has_nss[UNS_UID] = true;
	x->f.offline = true;
	there = true;
	assert_int_equal(uns_idfacts_name(&x->f, "x", &there, &x->err), 0);
	assert_false(there);
	assert_int_equal(directory.asked + found, 0);
}

static bool knows(struct fixture *x, const char *name)
{
	bool there = false;

	directory.asked = 0;
	if (uns_idfacts_name(&x->f, name, &there, &x->err) != 0)
		fail_msg("%s", x->err.text);
	return there;
}

static void names_are_looked_up(void **state)
{
	struct fixture *x = *state;

	memset(&directory, 0, sizeof(directory));
	put(x, "/etc/passwd", "zoe:x:1:0:::\nbob:x:2:0:::\nalice:x:3:0:::\nbob:x:4:0:::\n");
	read_ok(x);
	x->f.offline = false;
	x->f.has_nss[UNS_UID] = true;
	directory.id = 200001;
	directory.name = "carol@example.org";
	assert_true(knows(x, "zoe") && knows(x, "bob") && knows(x, "alice"));
	assert_int_equal(directory.asked, 0);
	assert_false(knows(x, "bo") || knows(x, "bobb") || knows(x, "") || knows(x, "zz"));
	assert_int_equal(directory.asked, 1);
	assert_true(knows(x, "Carol@Example.org")); /* the directory does not care for case */
	assert_int_equal(uns_accounts_name(&x->f.nss[UNS_UID], "Carol@Example.org")->id, 200001);
	assert_true(knows(x, "Carol@Example.org"));
	assert_int_equal(directory.asked, 0);
	assert_int_equal(x->f.nss[UNS_UID].n, 1);
	assert_false(x->f.probe_cut);
	directory.errnum = EIO;
	assert_false(knows(x, "dave"));
	assert_true(x->f.probe_cut && x->f.probe_silent);
}

/* ---- the subid source, played ---- */

#ifdef HAVE_LIBSUBID
#include <shadow/subid.h>

static struct {
	char asked[1024];
	FILE *log;
} source;

bool subid_init(const char *progname, FILE *log)
{
	(void)progname;
	source.log = log;
	return true;
}

static int answer(const char *owner, unsigned long start, struct subid_range **ranges)
{
	size_t len = strlen(source.asked);

	snprintf(source.asked + len, sizeof(source.asked) - len, "%s ", owner);
	if (strcmp(owner, "alice") != 0 && strcmp(owner, "carol") != 0)
		return -1;
	*ranges = calloc(4, sizeof(**ranges));
	(*ranges)[0] = (struct subid_range){ start, 65536 };
	(*ranges)[1] = (struct subid_range){ 4294967296, 65536 };
	(*ranges)[2] = (struct subid_range){ 4294901760, 18446744073709551615ul };
	(*ranges)[3] = (struct subid_range){ 5, 0 };
	return 4;
}

int subid_get_uid_ranges(const char *owner, struct subid_range **ranges)
{
	return answer(owner, 2147483648, ranges);
}

int subid_get_gid_ranges(const char *owner, struct subid_range **ranges)
{
	return answer(owner, 2147549184, ranges);
}

#ifdef HAVE_SUBID_FREE
void subid_free(void *ptr)
{
	free(ptr);
}
#endif

static void the_source_is_asked_for_those_we_know(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/passwd", "root:x:0:0:::\nalice:x:1000:0:::\n");
	put(x, "/etc/subuid", "alice:100000:65536\n1000:1:1\ncarol:1:junk\n+nis\n!bob:1:1\n");
	put(x, "/etc/subgid", "carol:100000:65536\ndave:1:1\n");
	read_ok(x);
	source.asked[0] = '\0';
	assert_int_equal(uns_host_ask_plugin(&x->f, &x->err), 0);
	assert_string_equal(source.asked, "alice alice carol carol dave dave root root ");
	assert_true(x->f.subid_source_read);
	assert_int_equal(x->f.plugin[UNS_UID].n, 4);
	assert_string_equal(x->f.plugin[UNS_UID].v[0].who, "alice");
	assert_true(x->f.plugin[UNS_UID].v[0].range.start == 2147483648);
	assert_int_equal(x->f.plugin[UNS_UID].v[0].range.count, 65536);
	assert_true(x->f.plugin[UNS_UID].v[1].range.start == 4294901760);
	assert_int_equal(x->f.plugin[UNS_UID].v[1].range.count, 65535); /* not past the last ID */
	assert_string_equal(x->f.plugin[UNS_UID].v[2].who, "carol");
	assert_true(x->f.plugin[UNS_GID].v[0].range.start == 2147549184);
}

static void a_source_that_is_not_loaded_is_not_read(void **state)
{
	struct fixture *x = *state;

	put(x, "/etc/passwd", "alice:x:1000:0:::\n");
	put(x, "/etc/nsswitch.conf", "subid: no-such-plugin\n");
	x->root.is_host = true;
	source.asked[0] = '\0';
	read_ok(x);
	x->root.is_host = false;
	assert_string_equal(x->f.subid_source, "no-such-plugin");
	assert_false(x->f.subid_source_read);
	assert_int_equal(x->f.plugin[UNS_UID].n, 0);
	assert_null(strstr(source.asked, "alice"));
	assert_ptr_equal(source.log, stderr); /* as it was before */
}
#endif

/* ---- scan ---- */

static void blocks_above_the_first_are_scanned(void **state)
{
	struct fixture *x = *state;

	if (geteuid() != 0)
		skip(); /* chown(2) */
	put(x, "/srv/t/low", "");
	put(x, "/srv/t/sub/high one", "");
	put(x, "/srv/t/group", "");
	assert_int_equal(lchown(at(x, "/srv/t/sub/high one"), 165536 + 7, 1000), 0);
	assert_int_equal(lchown(at(x, "/srv/t/group"), 65535, 4294967294u), 0);
	if (uns_idfacts_scan(&x->root, "/srv/t", &x->f, &x->err) != 0)
		fail_msg("%s", x->err.text);
	assert_int_equal(x->f.scanned[UNS_UID].n, 1);
	assert_int_equal(x->f.scanned[UNS_UID].v[0].range.start, 131072);
	assert_int_equal(x->f.scanned[UNS_UID].v[0].range.count, 65536);
	assert_string_equal(x->f.scanned[UNS_UID].v[0].who, "/srv/t/sub/high%20one");
	assert_int_equal(x->f.scanned[UNS_GID].n, 1);
	assert_true(x->f.scanned[UNS_GID].v[0].range.start == 4294901760);
	assert_int_equal(x->f.scanned[UNS_GID].v[0].range.count, 65535);
	assert_int_equal(lchown(at(x, "/srv/t"), 524288, 0), 0);
	assert_int_equal(uns_idfacts_scan(&x->root, "/srv/t", &x->f, &x->err), 0);
	assert_string_equal(x->f.scanned[UNS_UID].v[1].who, "/srv/t"); /* added to what was there */
	assert_int_equal(uns_idfacts_scan(&x->root, "/nowhere", &x->f, &x->err), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_root_has_the_defaults),
		T(accounts_and_lines_are_read),
		T(a_symlink_is_followed_and_told),
		T(what_cannot_be_read_is_bad_input),
		T(sources_beyond_files_are_seen),
		T(an_offline_root_has_no_nss),
		T(the_subid_source_is_shadows),
		T(login_defs_are_read_as_shadow_does),
		T(the_last_value_counts_and_a_bad_one_is_the_default),
		T(trees_of_the_data_root_are_found),
		T(a_broken_daemon_json_means_the_default_root),
		T(each_software_is_known_by_its_places),
		T(an_empty_home_directory_has_no_homes),
		T(domains_that_map_are_slices),
		T(snippets_are_merged_in_order),
		T(an_unreadable_sssd_conf_is_no_error),
		T(locks_name_their_process),
		T(an_offline_root_has_no_processes),
		T(a_pid_is_read_as_strictly_as_shadow_does),
		T(leftovers_are_listed),
		T(other_namespaces_are_seen_once),
		T(hidden_ones_with_equal_maps_are_one),
		T(our_own_namespace_is_left_out),
		T(maps_that_leave_accounts_alone_take_nothing),
		T(the_real_proc_is_read),
		T(the_first_the_last_and_samples_are_asked_for),
		T(nobody_is_asked_beyond_the_last_id),
		T(a_new_account_is_added_once),
		T(what_the_files_have_is_no_news),
		T(long_and_interrupted_answers_are_waited_for),
		T(a_directory_that_fails_cuts_the_probe),
		T(the_time_limit_ends_a_deep_probe),
		T(without_sources_nobody_is_asked),
		T(names_are_looked_up),
#ifdef HAVE_LIBSUBID
		T(the_source_is_asked_for_those_we_know),
		T(a_source_that_is_not_loaded_is_not_read),
#endif
		T(blocks_above_the_first_are_scanned),
	};

	return cmocka_run_group_tests_name("idfacts", tests, NULL, NULL);
}
