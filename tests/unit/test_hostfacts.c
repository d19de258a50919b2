/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of the kernel (from files in its place), of mount options and of sysctl.d. Whole roots are in the golden cases. */
#include "test.h"

#include "scratch.h"

#include "host/host.h"
#include "host/hostfacts.h"
#include "uns/cis.h"
#include "uns/cleanup.h"
#include "uns/sysctlconf.h"

/* ---- sysctl.d ---- */

static const char *key_value(const char *text, unsigned *ret_line)
{
	static struct uns_sysctlconf c;
	const struct uns_sysctl_line *l;
	struct uns_err err;

	uns_sysctlconf_done(&c);
	c.key = "user/max_user_namespaces";
	assert_int_equal(uns_sysctlconf_add(&c, "f", text, strlen(text), &err), 0);
	l = uns_sysctlconf_result(&c);
	*ret_line = l ? l->line : 0;
	return l ? l->value : "none";
}

static void the_last_assignment_of_the_key_counts(void **state)
{
	static const struct {
		const char *text, *value;
		unsigned line;
	} cases[] = {
	    {"", "none", 0},
	    {"user.max_user_namespaces=1", "1", 1},
	    {"user/max_user_namespaces = 2 \t\r\n", "2", 1},
	    {"\n  \tuser.max_user_namespaces\t=\t3\n", "3", 2},
	    {"#user.max_user_namespaces=4\n;user.max_user_namespaces=5\n", "none", 0},
	    {"user.max_user_namespaces=6\nuser.max_user_namespaces=7", "7", 2},
	    {"-user.max_user_namespaces=8", "8", 1},
	    {" - user.max_user_namespaces = 9", "9", 1},
	    {"user.max_user_namespaces=10\n-user.max_user_namespaces\n", "none", 0},
	    {"-user.max_user_namespaces\nuser.max_user_namespaces=11\n", "11", 2},
	    {"user.*=12", "12", 1},
	    {"user.max_user_namespaces=13\nuser/max_*=14", "13", 1},
	    {"user.max_user_[a-n]*=15\nuser.max_?ser_namespaces=16", "16", 2},
	    {"-user.max_user_namespaces\nuser.*=17", "none", 0},
	    {"*=18\n*.*.*=19", "none", 0},
	    {"user.max_user_namespaces 20\nuser.max_user_namespaces", "none", 0},
	    {"/user/max_user_namespaces=21", "21", 1},
	    {"user/max.user_namespaces=22\nuser.max/user_namespaces=23", "none", 0},
	    {"xuser.max_user_namespaces=24\nuser.max_user_namespacesx=25", "none", 0},
	    {"user.max_user_namespaces=", "", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned line;

		assert_string_equal(key_value(cases[i].text, &line), cases[i].value);
		assert_int_equal(line, cases[i].line);
	}
	key_value("", &(unsigned){0});
}

static void zero_has_several_forms(void **state)
{
	static const char *const zero[] = {"0", "00", "0x0", "0X00"}, *const other[] = {"", "1", "10", "01", "0x10", "0x", "zero", "-1"};

	(void)state;
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		assert_true(uns_sysctl_is_zero(zero[i]));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(uns_sysctl_is_zero(other[i]));
}

/* ---- the kernel ---- */

struct proc {
	struct scratch s;
	struct uns_hostfacts h;
};

static void put_text(const struct scratch *s, const char *path, const char *text)
{
	char whole[1024];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", s->path, path);
	for (char *slash = strchr(whole + strlen(s->path) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void read_kernel(struct proc *p)
{
	struct uns_err err;

	uns_hostfacts_done(&p->h);
	assert_int_equal(uns_host_read_kernel(p->s.path, &p->h, &err), 0);
}

static void the_kernel_says_what_it_allows(void **state)
{
	struct proc p = {.h = {.known = false}};

	(void)state;
	scratch_make(&p.s);
	read_kernel(&p);
	assert_true(p.h.no_namespaces);
	assert_false(p.h.el7 || p.h.clone_off || p.h.apparmor);
	put_text(&p.s, "self/ns/user", "");
	put_text(&p.s, "cmdline", "quiet user_namespace.enable=10 root=x\n");
	put_text(&p.s, "sys/kernel/osrelease", "6.1.0-13-amd64\n");
	put_text(&p.s, "sys/kernel/unprivileged_userns_clone", "1\n");
	put_text(&p.s, "sys/kernel/apparmor_restrict_unprivileged_userns", "0\n");
	read_kernel(&p);
	assert_false(p.h.no_namespaces || p.h.el7 || p.h.el7_no_sysctl || p.h.el7_switch || p.h.clone_off || p.h.apparmor);
	put_text(&p.s, "sys/kernel/unprivileged_userns_clone", "0\n");
	put_text(&p.s, "sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
	put_text(&p.s, "sys/kernel/osrelease", "3.10.0-514.el7.x86_64\n");
	read_kernel(&p);
	assert_true(p.h.el7 && p.h.el7_no_sysctl && p.h.clone_off && p.h.apparmor);
	assert_false(p.h.el7_switch);
	put_text(&p.s, "cmdline", "quiet user_namespace.enable=1\n");
	put_text(&p.s, "sys/user/max_user_namespaces", "0\n");
	put_text(&p.s, "sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n");
	read_kernel(&p);
	assert_true(p.h.el7 && p.h.el7_switch);
	assert_false(p.h.el7_no_sysctl);
	uns_hostfacts_done(&p.h);
	scratch_remove(&p.s);
}

/* ---- mount options ---- */

#define MOUNTS                                                                                                                    \
	"20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n"                                                        \
	"21 20 8:2 / /var rw,nosuid,noexec shared:5 - ext4 /dev/sda2 rw,noacl,quota,usrquota,grpjquota=aquota.group,jqfmt=vfsv1\n" \
	"22 20 8:3 / /srv rw,noexecx - xfs /dev/mapper/a\\040b rw,attr2,inode64,uqnoenforce,prjquota\n"                           \
	"23 20 0:9 / /mnt rw - fuse.sshfs  rw,user_id=0\n"

static void read_options(const char *root, struct uns_hostfacts *h)
{
	struct uns_err err;

	uns_hostfacts_done(h);
	if (uns_host_read_mount_options(MOUNTS, strlen(MOUNTS), root, h, &err) < 0)
		fail_msg("%s", err.text);
}

static void partition_is(const char *more, const char *root, enum uns_cis_mount want, const char *above)
{
	uns_auto(uns_cisfacts_done) struct uns_cisfacts c = {.effect = UNS_CIS_UNKNOWN};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err err;

	assert_int_equal(uns_buf_printf(&text, &err, MOUNTS "%s", more), 0);
	assert_int_equal(uns_host_read_partition(text.data, text.len, root, &c, &err), 0);
	assert_int_equal(c.mount, want);
	assert_string_equal(c.above, above);
}

/* A bind mount, or another subvolume, fills up together with what it is a part of. */
static void a_mount_of_the_same_file_system_is_no_partition(void **state)
{
	(void)state;
	partition_is("", "/srv", UNS_CIS_MOUNT_OWN, "/");
	partition_is("", "/srv/docker", UNS_CIS_MOUNT_ABOVE, "/srv");
	partition_is("", "/docker", UNS_CIS_MOUNT_ABOVE, "/");
	partition_is("24 21 8:2 /x /var/lib/docker rw - ext4 /dev/sda2 rw\n", "/var/lib/docker", UNS_CIS_MOUNT_SAME, "/var");
	partition_is("24 21 8:9 / /var/lib/docker rw - ext4 /dev/sda9 rw\n", "/var/lib/docker", UNS_CIS_MOUNT_OWN, "/var");
	partition_is("24 21 8:9 / /var/lib/dock rw - ext4 /dev/sda9 rw\n", "/var/lib/docker", UNS_CIS_MOUNT_ABOVE, "/var");
}

static void the_mount_of_the_data_root_is_the_one_that_counts(void **state)
{
	struct uns_hostfacts h = {.known = false};

	(void)state;
	read_options("/var/lib/docker", &h);
	assert_string_equal(h.fstype, "ext4");
	assert_true(h.noexec && h.nosuid && h.no_acl);
	assert_string_equal(h.quota, "quota,usrquota,grpjquota=aquota.group");
	read_options("/srv/docker", &h);
	assert_string_equal(h.fstype, "xfs");
	assert_false(h.noexec || h.nosuid || h.no_acl);
	assert_null(h.quota);
	read_options("/mnt/docker", &h);
	assert_string_equal(h.fstype, "fuse.sshfs");
	assert_null(h.quota);
	read_options("/docker", &h);
	assert_false(h.noexec || h.quota);
	uns_hostfacts_done(&h);
}

/* ---- this host ---- */

/* An engine of the machine that the test runs on is nobody's business here: whatever there is, it is read without an error. */
static void a_process_of_a_user_is_found(void **state)
{
	struct proc p = {.h = {.known = false}};
	struct uns_facts f = {.data_root = p.s.path};
	char name[] = "alice", home[] = "/nowhere";
	struct uns_account users[] = {{.name = name, .id = 1000, .gid = 1000, .home = home}};
	struct uns_root root;
	struct uns_err err;
	char path[600];

	(void)state;
	scratch_make(&p.s);
	put_text(&p.s, "77/comm", "dockerd\n");
	put_text(&p.s, "78/comm", "dockerd\n");
	put_text(&p.s, "79/comm", "bash\n");
	snprintf(path, sizeof(path), "%s/77", p.s.path);
	if (chown(path, 1000, 1000) < 0) {
		scratch_remove(&p.s);
		skip();
	}
	f.ids.users = (struct uns_accounts){users, 1, 1};
	assert_int_equal(uns_root_open(&root, "/", &err), 0);
	assert_int_equal(uns_host_read_engines(&root, p.s.path, &f, &p.h, &err), 0);
	assert_int_equal(p.h.rootlesses, 1);
	assert_string_equal(p.h.rootless[0].user, "alice");
	assert_true(p.h.rootless[0].running);
	uns_hostfacts_done(&p.h);
	uns_root_close(&root);
	scratch_remove(&p.s);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_assignment_of_the_key_counts),
		cmocka_unit_test(zero_has_several_forms),
		cmocka_unit_test(the_kernel_says_what_it_allows),
		cmocka_unit_test(the_mount_of_the_data_root_is_the_one_that_counts),
		cmocka_unit_test(a_mount_of_the_same_file_system_is_no_partition),
		cmocka_unit_test(a_process_of_a_user_is_found),
	};
	/* clang-format on */

	return cmocka_run_group_tests_name("hostfacts", tests, NULL, NULL);
}
