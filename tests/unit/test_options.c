/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/cmd/cmd.h"
#include "uns/cleanup.h"

/* Splits a line at blanks; getopt permutes nothing here, but takes writable strings. */
struct line {
	char *text;
	char *argv[16];
	int argc;
};

static void line_done(struct line *l)
{
	free(l->text);
}

static struct line split(const char *command)
{
	struct line l = { .text = strdup(command) };

	assert_non_null(l.text);
	for (char *word = strtok(l.text, " "); word; word = strtok(NULL, " ")) {
		assert_true(l.argc < 15);
		l.argv[l.argc++] = word;
	}
	return l;
}

static void good(const char *command, struct line *l, struct uns_options *o)
{
	struct uns_err err = { .text = "" };

	*l = split(command);
	if (uns_options_parse(l->argc, l->argv, o, &err) < 0)
		fail_msg("%s: %s", command, err.text);
}

static void bad(const char *command, const char *want)
{
	uns_auto(line_done) struct line l = split(command);
	struct uns_options o = { .file = "untouched" };
	struct uns_err err = { .text = "" };

	if (uns_options_parse(l.argc, l.argv, &o, &err) == 0)
		fail_msg("%s was accepted", command);
	assert_int_equal(err.code, UNS_E_USAGE);
	assert_string_equal(o.file, "untouched");
	if (!strstr(err.text, want))
		fail_msg("%s: \"%s\" lacks \"%s\"", command, err.text, want);
}

#define GOOD(command)                                    \
	uns_auto(line_done) struct line l = { .argc = 0 }; \
	uns_auto(uns_options_done) struct uns_options o; \
	good(command, &l, &o)

static void defaults(void **state)
{
	GOOD("usernsctl enable");
	(void)state;
	assert_int_equal(o.cmd, UNS_CMD_ENABLE);
	assert_string_equal(o.root, "/");
	assert_int_equal(o.json, UNS_JSON_NONE);
	assert_false(o.yes || o.dry_run || o.detailed || o.quiet || o.verbose || o.help || o.version);
	assert_int_equal(o.request.command, UNS_ENABLE);
	assert_string_equal(o.request.user, "dockremap");
	assert_int_equal(o.request.range_how, UNS_RANGE_AUTO);
	assert_int_equal(o.request.range.count, 0);
	assert_int_equal(o.request.migrate, UNS_MIGRATE_ALL);
	assert_int_equal(o.request.ignore.n, 0);
}

static void before_and_after(void **state)
{
	GOOD("usernsctl --root=/r -q --yes enable --user u1 docker --json=lines --migrate volumes --no-restart --dry-run "
	     "--detailed-exitcode");
	(void)state;
	assert_string_equal(o.root, "/r");
	assert_true(o.quiet && o.yes && o.dry_run && o.detailed && o.request.no_restart);
	assert_string_equal(o.request.user, "u1");
	assert_int_equal(o.json, UNS_JSON_LINES);
	assert_int_equal(o.request.migrate, UNS_MIGRATE_VOLUMES);
}

static void after_the_command_even_for_posix(void **state)
{
	(void)state;
	assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
	{
		GOOD("usernsctl enable docker --yes");
		assert_true(o.yes);
	}
	assert_int_equal(unsetenv("POSIXLY_CORRECT"), 0);
}

static void check_range(const char *command, enum uns_range_how how, uint32_t start, uint32_t count)
{
	GOOD(command);
	assert_int_equal(o.request.range_how, how);
	assert_int_equal(o.request.range.start, start);
	assert_int_equal(o.request.range.count, count);
}

static void ranges(void **state)
{
	(void)state;
	check_range("usernsctl enable --range=auto", UNS_RANGE_AUTO, 0, 0);
	check_range("usernsctl enable --range=auto:131072", UNS_RANGE_AUTO, 0, 131072);
	check_range("usernsctl enable --range=hash", UNS_RANGE_HASH, 0, 0);
	check_range("usernsctl range add a --range=hash:131072", UNS_RANGE_HASH, 0, 131072);
	check_range("usernsctl range add a --range=hash --count=131072", UNS_RANGE_HASH, 0, 131072);
	check_range("usernsctl range next --count=1", UNS_RANGE_AUTO, 0, 1);
	check_range("usernsctl check --range=524288", UNS_RANGE_EXACT, 524288, 0);
	check_range("usernsctl plan --range=524288:65536", UNS_RANGE_EXACT, 524288, 65536);
	bad("usernsctl enable --range=", "--range=: expected auto");
	bad("usernsctl enable --range=auto:", "--range=auto:: expected");
	bad("usernsctl enable --range=autox", "expected auto");
	bad("usernsctl enable --range=auto:0", "expected auto");
	bad("usernsctl enable --range=0524288", "plain decimal");
	bad("usernsctl enable --range=0x80000", "plain decimal");
	bad("usernsctl enable --range=524288:", "plain decimal");
	bad("usernsctl enable --range=524288:0", "plain decimal");
	bad("usernsctl enable --range=524288:1:2", "plain decimal");
	bad("usernsctl enable --range=-1", "plain decimal");
	bad("usernsctl enable --range=4294967296", "plain decimal");
}

static void range_commands(void **state)
{
	GOOD("usernsctl range add bob 1001 DOM\\eve --lock-timeout=3 --break-stale-locks --scan=/home --scan=/srv --deep");
	(void)state;
	assert_int_equal(o.cmd, UNS_CMD_RANGE_ADD);
	assert_int_equal(o.ranges.owners, 3);
	assert_string_equal(o.ranges.owner[0], "bob");
	assert_string_equal(o.ranges.owner[2], "DOM\\eve");
	assert_int_equal(o.lock.timeout_ms, 3000);
	assert_true(o.lock.break_stale && o.ranges.deep);
	assert_int_equal(o.ranges.scan.n, 2);
}

static void range_columns(void **state)
{
	GOOD("usernsctl range list -o line,owner");
	(void)state;
	assert_int_equal(o.ranges.columns, 2);
	assert_int_equal(o.ranges.column[0], UNS_RANGE_LINE);
	assert_int_equal(o.ranges.column[1], UNS_RANGE_OWNER);
	bad("usernsctl range list -o", "--output needs a value");
	bad("usernsctl range list -o owner,", "expected some of");
	bad("usernsctl range list -o owners", "expected some of");
	bad("usernsctl range list -o owner,line,owner", "each once");
}

static void range_commands_that_make_no_sense(void **state)
{
	(void)state;
	bad("usernsctl range", "range: which command?");
	bad("usernsctl range frob", "range: unknown command 'frob'");
	bad("usernsctl range add", "an owner is needed, or --batch");
	bad("usernsctl range add a:b", "cannot be an owner");
	bad("usernsctl range add +a", "cannot be an owner");
	bad("usernsctl range add a b --range=524288", "2 owners cannot have the same range");
	bad("usernsctl range add a --batch=f", "either owners or --batch");
	bad("usernsctl range add --batch=f --range=524288", "the file names the ranges");
	bad("usernsctl range add a --count=0", "--count=0: expected");
	bad("usernsctl range add a --count=1 --range=auto:2", "--count and --range disagree");
	bad("usernsctl range add a --shift=/x", "range add: the option --shift");
	bad("usernsctl range remove", "an owner is needed");
	bad("usernsctl range remove a b", "unexpected operand 'b'");
	bad("usernsctl range remove a --range=auto", "expected --range=START:COUNT");
	bad("usernsctl range remove a --range=1", "expected --range=START:COUNT");
	bad("usernsctl range move a --shift=x", "the absolute path");
	bad("usernsctl range move a --shift=/", "the absolute path");
	bad("usernsctl range next a", "unexpected operand 'a'");
	bad("usernsctl range check --lock-timeout=x", "--lock-timeout=x: expected seconds");
	bad("usernsctl range check --lock-timeout=86401", "expected seconds");
	bad("usernsctl range list --yes", "range list: the option --yes");
}

static void ignores(void **state)
{
	const struct uns_check *fixed = NULL;
	uns_auto_free char *command = NULL;

	(void)state;
	{
		GOOD("usernsctl migrate --ignore=UnmappedId,TargetIdInUse --ignore=UnmappedId");
		assert_int_equal(o.request.ignore.n, 2);
		assert_true(uns_strs_has(&o.request.ignore, "UnmappedId"));
		assert_true(uns_strs_has(&o.request.ignore, "TargetIdInUse"));
		assert_int_equal(o.request.command, UNS_MIGRATE);
	}
	bad("usernsctl enable --ignore=Nonesuch", "no finding has this id");
	bad("usernsctl enable --ignore=UnmappedId,", "--ignore=: no finding");
	bad("usernsctl enable --ignore=", "--ignore=: no finding");
	for (size_t i = 0; i < uns_checks_n; i++)
		if (!uns_checks[i].ignorable)
			fixed = &uns_checks[i];
	assert_non_null(fixed);
	command = uns_str_printf(NULL, "usernsctl enable --ignore=%s", fixed->id);
	bad(command, "cannot be ignored");
}

static void operands(void **state)
{
	(void)state;
	{
		GOOD("usernsctl plan disable docker --purge");
		assert_int_equal(o.cmd, UNS_CMD_PLAN);
		assert_int_equal(o.request.command, UNS_DISABLE);
		assert_true(o.request.purge);
	}
	{
		GOOD("usernsctl plan docker");
		assert_int_equal(o.request.command, UNS_ENABLE);
	}
	{
		GOOD("usernsctl rollback 12");
		assert_int_equal(o.number, 12);
	}
	{
		GOOD("usernsctl apply -- --odd-name");
		assert_string_equal(o.file, "--odd-name");
	}
	bad("usernsctl enable xen", "'xen' is not known; there are docker, podman, kubelet, incus, and rootless USER");
	bad("usernsctl plan xen", "'xen' is not known");
	bad("usernsctl plan status", "'status' has no plan");
	bad("usernsctl enable docker docker", "unexpected operand 'docker'");
	bad("usernsctl resume 3", "unexpected operand '3'");
	bad("usernsctl rollback 0", "'0' is no transaction number");
	bad("usernsctl rollback 0001", "'0001' is no transaction number");
	bad("usernsctl verify x", "'x' is no transaction number");
	{
		GOOD("usernsctl apply");
		assert_null(o.file);
		assert_true(o.policy.wanted && !o.policy.loaded && !o.dry_run);
	}
	{
		GOOD("usernsctl apply --check --config=x");
		assert_string_equal(o.file, "x");
		assert_true(o.drift && o.dry_run && o.detailed);
	}
	{
		GOOD("usernsctl plan apply x -o y");
		assert_string_equal(o.file, "x");
		assert_string_equal(o.output, "y");
	}
	{
		GOOD("usernsctl check --config=x");
		assert_string_equal(o.file, "x");
	}
	bad("usernsctl plan apply --check", "the option --check is not for this command");
	bad("usernsctl plan apply --yes", "the option --yes is not for this command");
	bad("usernsctl plan disable --config=x", "plan disable reads no policy");
	bad("usernsctl apply x --config=y", "both x and --config=y name the file");
	bad("usernsctl apply a b", "unexpected operand 'b'");
	bad("usernsctl apply a b c d e", "unexpected operand 'b'");
}

static void other_engines(void **state)
{
	(void)state;
	{
		GOOD("usernsctl enable docker");
		assert_null(o.preset);
		assert_string_equal(o.request.user, "dockremap");
	}
	{
		GOOD("usernsctl plan disable podman --purge");
		assert_ptr_equal(o.preset, &uns_preset_podman);
		assert_null(o.request.user);
		assert_true(o.request.purge);
		assert_int_equal(o.request.command, UNS_DISABLE);
	}
	{
		GOOD("usernsctl check kubelet --max-pods=250 --range=hash");
		assert_ptr_equal(o.preset, &uns_preset_kubelet);
		assert_int_equal(o.max_pods, 250);
	}
	{
		GOOD("usernsctl enable lxd --range=1000000:1000000000");
		assert_ptr_equal(o.preset, &uns_preset_incus);
	}
	{
		GOOD("usernsctl enable rootless alice");
		assert_ptr_equal(o.preset, &uns_preset_rootless);
		assert_string_equal(o.preset_user, "alice");
	}
	bad("usernsctl enable rootless", "for which user? usage: usernsctl enable rootless USER");
	bad("usernsctl enable rootless a:b", "'a:b' cannot be an owner");
	bad("usernsctl enable rootless alice bob", "unexpected operand 'bob'");
	bad("usernsctl enable podman alice", "unexpected operand 'alice'");
	bad("usernsctl migrate podman", "only docker has data to adopt");
	bad("usernsctl enable podman --migrate=none", "--migrate is not for this engine: only docker has data");
	bad("usernsctl enable incus --no-restart", "--no-restart is not for this engine: only docker is stopped");
	bad("usernsctl enable kubelet --user=x", "--user is not for this engine: its owner is always the same");
	bad("usernsctl enable rootless alice --user=x", "--user is not for this engine: the user is the operand");
	bad("usernsctl enable podman --max-pods=5", "--max-pods is not for this engine: only kubelet counts pods");
	bad("usernsctl enable docker --max-pods=5", "enable docker: the option --max-pods is not for this engine");
	bad("usernsctl enable kubelet --max-pods=0", "--max-pods=0: expected a number above 0");
	bad("usernsctl disable kubelet --purge", "--purge is not for this engine: the user kubelet goes with its line");
	bad("usernsctl disable incus --purge", "--purge is not for this engine: the owner of the range is root");
	bad("usernsctl disable rootless alice --purge", "--purge is not for this engine: the user is a person's account");
	bad("usernsctl disable podman --range=524288", "the option --range is not for this command");
}

static void wrong_options(void **state)
{
	(void)state;
	bad("usernsctl", "a command is needed");
	bad("usernsctl frobnicate", "unknown command 'frobnicate'");
	bad("usernsctl --nonesuch enable", "unknown or ambiguous option '--nonesuch'");
	bad("usernsctl -x enable", "unknown option '-x'");
	bad("usernsctl enable --user", "--user needs a value: --user=NAME");
	bad("usernsctl enable --yes=1", "--yes takes no value");
	bad("usernsctl --json=xml status", "expected pretty or lines");
	bad("usernsctl --color=maybe status", "expected auto, always or never");
	bad("usernsctl --root= status", "names no directory");
	bad("usernsctl enable --migrate=some", "expected all, volumes or none");
	bad("usernsctl enable --user=default", "would let dockerd choose");
	bad("usernsctl enable --user=", "expected the name of a user");
	bad("usernsctl enable --user=a:b", "expected the name of a user");
	bad("usernsctl enable --user=1000", "expected the name of a user");
}

static void options_belong_to_commands(void **state)
{
	(void)state;
	bad("usernsctl status --yes", "status: the option --yes is not for this command");
	bad("usernsctl enable --purge", "enable: the option --purge");
	bad("usernsctl disable --user=x", "disable: the option --user");
	bad("usernsctl disable --no-restart", "disable: the option --no-restart");
	bad("usernsctl plan migrate --purge", "plan migrate: the option --purge");
	bad("usernsctl plan disable --range=auto", "plan disable: the option --range");
	bad("usernsctl plan --yes", "plan enable: the option --yes");
	bad("usernsctl plan --dry-run", "plan enable: the option --dry-run");
	bad("usernsctl check --dry-run", "check: the option --dry-run");
	bad("usernsctl rollback --ignore=UnmappedId", "rollback: the option --ignore");
}

static void quiet_or_verbose(void **state)
{
	(void)state;
	{
		GOOD("usernsctl -q -v status");
		assert_true(o.verbose && !o.quiet);
	}
	{
		GOOD("usernsctl --verbose --quiet status");
		assert_true(!o.verbose && o.quiet);
	}
}

static void who_changes(void **state)
{
	(void)state;
	assert_true(uns_options_changes(UNS_CMD_ENABLE));
	assert_true(uns_options_changes(UNS_CMD_RESUME));
	assert_false(uns_options_changes(UNS_CMD_PLAN));
	assert_false(uns_options_changes(UNS_CMD_STATUS));
	assert_string_equal(uns_options_command_name(UNS_CMD_ROLLBACK), "rollback");
}

static char *help_of(const char *command)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	GOOD(command);

	assert_int_equal(o.cmd, UNS_CMD_HELP);
	assert_int_equal(uns_options_help(&o, &b, NULL), 0);
	return uns_buf_take(&b, NULL);
}

static void help(void **state)
{
	uns_auto_free char *all = help_of("usernsctl --help"), *same = help_of("usernsctl help");
	uns_auto_free char *one = help_of("usernsctl disable --help"), *also = help_of("usernsctl help disable");
	uns_auto_free char *findings = help_of("usernsctl help findings");

	(void)state;
	assert_string_equal(all, same);
	assert_string_equal(one, also);
	for (int i = 0; i < UNS_CMDS; i++) {
		uns_auto_free char *row = uns_str_printf(NULL, "\n  %s ", uns_options_command_name((enum uns_cmd)i));

		assert_non_null(strstr(all, row));
	}
	assert_non_null(strstr(all, "--json[=pretty|lines]"));
	assert_non_null(strstr(one, "Usage: usernsctl disable [OPTION]... [ENGINE [USER]]\n"));
	assert_non_null(strstr(one, "--purge"));
	assert_null(strstr(one, "--user"));
	assert_non_null(strstr(findings, "UnmappedId "));
	bad("usernsctl help nonesuch", "no command is named 'nonesuch'");
	bad("usernsctl --help nonesuch", "unknown command 'nonesuch'");
}

static void version(void **state)
{
	GOOD("usernsctl enable --version");
	(void)state;
	assert_true(o.version);
	assert_int_equal(o.cmd, UNS_CMD_HELP);
}

static void shifts(void **state)
{
	GOOD("usernsctl shift --map=u:0:100000:10 --map=b:10:200000:5 --reverse --unmapped=keep --jobs=3 --even=/etc a /b");
	(void)state;
	assert_int_equal(o.cmd, UNS_CMD_SHIFT);
	assert_int_equal(o.shift.uid.n, 2);
	assert_int_equal(o.shift.gid.n, 1);
	assert_int_equal(o.shift.uid.v[1].from, 10);
	assert_int_equal(o.shift.gid.v[0].to, 200000);
	assert_int_equal(o.shift.gid.v[0].count, 5);
	assert_true(o.shift.reverse && o.shift.unmapped == UNS_UNMAPPED_KEEP);
	assert_false(o.go_on || o.shift.no_journal || o.shift.user);
	assert_int_equal(o.jobs, 3);
	assert_string_equal(o.shift.even, "/etc");
	assert_int_equal(o.shift.paths, 2);
	assert_string_equal(o.shift.path[0], "a");
	assert_string_equal(o.shift.path[1], "/b");
	bad("usernsctl shift --range=100000", "which tree");
	bad("usernsctl shift a", "one of --range");
	bad("usernsctl shift --range=100000 --map=b:0:1:1 a", "one of --range");
	bad("usernsctl shift --map=x:0:1:1 a", "--map=x:0:1:1");
	bad("usernsctl shift --map=b a", "--map=b");
	bad("usernsctl shift --map=b:0:1 a", "--map=b:0:1");
	bad("usernsctl shift --map=b:0:1:1:1 a", "plain decimal");
	bad("usernsctl shift --map=b:0:0x10:1 a", "plain decimal");
	bad("usernsctl shift --map=b:0:10:0 a", "at least one ID");
	bad("usernsctl shift --map=b:0:4294967290:10 a", "none above");
	bad("usernsctl shift --range=100000 --user=bob a", "one of --range");
	bad("usernsctl shift --range=100000 --unmapped=squash a", "squash=ID");
	bad("usernsctl shift --range=100000 --unmapped=squash=1x a", "squash=ID");
	bad("usernsctl shift --range=100000 --on-error=go a", "stop or continue");
	bad("usernsctl shift --range=100000 --jobs=0 a", "from 1 to 64");
	bad("usernsctl shift --range=100000 --jobs=65 a", "from 1 to 64");
	bad("usernsctl shift --range=100000 --even=etc a", "absolute path");
	bad("usernsctl enable --map=b:0:1:1", "not for this command");
}

static void shifts_of_a_user(void **state)
{
	GOOD("usernsctl shift --user=bob --unmapped=squash=165534 --no-journal --on-error=continue a");
	(void)state;
	assert_string_equal(o.shift.user, "bob");
	assert_int_equal(o.shift.unmapped, UNS_UNMAPPED_SQUASH);
	assert_int_equal(o.shift.squash, 165534);
	assert_true(o.go_on && o.shift.no_journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(before_and_after),
		cmocka_unit_test(after_the_command_even_for_posix),
		cmocka_unit_test(ranges),
		cmocka_unit_test(range_commands),
		cmocka_unit_test(range_columns),
		cmocka_unit_test(range_commands_that_make_no_sense),
		cmocka_unit_test(ignores),
		cmocka_unit_test(operands),
		cmocka_unit_test(other_engines),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(options_belong_to_commands),
		cmocka_unit_test(quiet_or_verbose),
		cmocka_unit_test(who_changes),
		cmocka_unit_test(help),
		cmocka_unit_test(version),
		cmocka_unit_test(shifts),
		cmocka_unit_test(shifts_of_a_user),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
