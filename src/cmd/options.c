/* SPDX-License-Identifier: Apache-2.0 */
/* One table of commands and one of options. Parsing, every help text and what shells complete come from them; tests/check-docs holds
 * the man page against the help texts. */
#include "values.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/num.h"

/* ---- values ---- */

static int set_root(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!*arg)
		return uns_err_set(err, UNS_E_USAGE, "--root= names no directory");
	o->root = arg;
	return 0;
}

static int set_json(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!arg)
		o->json = UNS_JSON_COMPACT;
	else if (strcmp(arg, "pretty") == 0)
		o->json = UNS_JSON_PRETTY;
	else if (strcmp(arg, "lines") == 0)
		o->json = UNS_JSON_LINES;
	else
		return uns_err_set(err, UNS_E_USAGE, "--json=%s: expected pretty or lines (or --json alone)", arg);
	return 0;
}

static int set_color(struct uns_options *o, const char *arg, struct uns_err *err)
{
	static const char *const names[] = { "auto", "always", "never" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arg, names[i]) == 0) {
			o->color = (enum uns_color)i;
			return 0;
		}
	return uns_err_set(err, UNS_E_USAGE, "--color=%s: expected auto, always or never", arg);
}

static int set_progress(struct uns_options *o, const char *arg, struct uns_err *err)
{
	static const char *const names[] = { "auto", "tty", "plain", "json", "none" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arg, names[i]) == 0) {
			o->progress = (enum uns_progress_how)i;
			return 0;
		}
	return uns_err_set(err, UNS_E_USAGE, "--progress=%s: expected auto, tty, plain, json or none", arg);
}

static int set_quiet(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->quiet = true;
	o->verbose = false;
	return 0;
}

static int set_verbose(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->verbose = true;
	o->quiet = false;
	return 0;
}

static int set_help(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->help = true;
	return 0;
}

static int set_version(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->version = true;
	return 0;
}

static int set_dry_run(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->dry_run = true;
	return 0;
}

static int set_yes(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->yes = true;
	return 0;
}

static int set_detailed(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->detailed = true;
	return 0;
}

/* Only what can be no name at all: the planner knows which names are unfit on this host. */
static int set_user(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (strcmp(arg, "default") == 0)
		return uns_err_set(err, UNS_E_USAGE,
				   "--user=default would let dockerd choose ranges, which collide; name a user, or leave it out "
				   "for dockremap");
	if (!*arg || *arg == '-' || strpbrk(arg, ":,/ \t\r\n") || strspn(arg, "0123456789") == strlen(arg))
		return uns_err_set(err, UNS_E_USAGE, "--user=%s: expected the name of a user", arg);
	o->request.user = o->shift.user = arg;
	return 0;
}

static int set_migrate(struct uns_options *o, const char *arg, struct uns_err *err)
{
	static const char *const names[] = { "all", "volumes", "none" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arg, names[i]) == 0) {
			o->request.migrate = (enum uns_migrate)i;
			return 0;
		}
	return uns_err_set(err, UNS_E_USAGE, "--migrate=%s: expected all, volumes or none", arg);
}

static int set_no_restart(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->request.no_restart = true;
	return 0;
}

static int set_option(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (strncmp(arg, "userns-remap", strcspn(arg, "=")) == 0 && strcspn(arg, "=") == strlen("userns-remap"))
		return uns_err_set(err, UNS_E_USAGE, "--set=%s: enable sets this one by itself; --user names the user", arg);
	return uns_value_set(o, arg, err);
}

static int set_stop_containers(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->request.stop_containers = true;
	return 0;
}

static int set_no_auto_rollback(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->no_auto_rollback = true;
	return 0;
}

static int set_purge(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->request.purge = true;
	return 0;
}

static int set_config(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!*arg)
		return uns_err_set(err, UNS_E_USAGE, "--config= names no file");
	o->config = arg;
	return 0;
}

static int set_expect(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!*arg)
		return uns_err_set(err, UNS_E_USAGE, "--expect= names no file; - is the standard input");
	o->expect = arg;
	return 0;
}

static int set_output(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!*arg)
		return uns_err_set(err, UNS_E_USAGE, "--output= names nothing");
	o->output = arg;
	return 0;
}

/* What differs is what would be done. */
static int set_drift(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->drift = o->dry_run = o->detailed = true;
	return 0;
}

static int set_max_pods(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (uns_num_u32(arg, strlen(arg), &o->max_pods) < 0 || o->max_pods == 0)
		return uns_err_set(err, UNS_E_USAGE, "--max-pods=%s: expected a number above 0", arg);
	return 0;
}

/* ---- the tables ---- */

#define BIT(cmd) (1u << (cmd))
#define OPTIONS_CHANGING (BIT(UNS_CMD_DAEMON_SET) | BIT(UNS_CMD_DAEMON_UNSET))
#define PLANNING (BIT(UNS_CMD_ENABLE) | BIT(UNS_CMD_DISABLE) | BIT(UNS_CMD_MIGRATE))
/* What says how a host is to be. */
#define WISHING (BIT(UNS_CMD_ENABLE) | BIT(UNS_CMD_CHECK) | BIT(UNS_CMD_APPLY))
#define RANGE_CHOOSING (BIT(UNS_CMD_RANGE_ADD) | BIT(UNS_CMD_RANGE_MOVE))
#define RANGE_CHANGING (RANGE_CHOOSING | BIT(UNS_CMD_RANGE_REMOVE) | BIT(UNS_CMD_RANGE_CHECK))
#define RANGE_LOOKING (RANGE_CHOOSING | BIT(UNS_CMD_RANGE_NEXT) | BIT(UNS_CMD_RANGE_CHECK))
#define GATED (PLANNING | OPTIONS_CHANGING | BIT(UNS_CMD_SHIFT) | RANGE_CHANGING | BIT(UNS_CMD_APPLY) | BIT(UNS_CMD_RESUME) | BIT(UNS_CMD_ROLLBACK))
/* What makes a transaction, which is taken back by itself when it fails. */
#define CARRIED_OUT (GATED & ~(BIT(UNS_CMD_RESUME) | BIT(UNS_CMD_ROLLBACK)))
#define EVERY (~0u)

static const struct command {
	const char *name, *operands, *summary;
} commands[UNS_CMDS] = {
	[UNS_CMD_ENABLE] = { "enable", "[ENGINE [USER]]", "switch userns-remap on and take all data along, as one transaction" },
	[UNS_CMD_DISABLE] = { "disable", "[ENGINE [USER]]", "switch userns-remap off, with the data made since" },
	[UNS_CMD_MIGRATE] = { "migrate", "[docker]", "take along data that was left behind when remapping was switched on" },
	[UNS_CMD_SHIFT] = { "shift", "PATH...", "give the files of any tree to other owners, by a map" },
	[UNS_CMD_CHECK] = { "check", "[ENGINE [USER]]", "find what stops enable, breaks under it, or collides" },
	[UNS_CMD_STATUS] = { "status", "", "what is configured, in effect, and pending" },
	[UNS_CMD_PLAN] = { "plan", "[enable|disable|migrate|apply] [ENGINE [USER]]", "show the plan alone; with -o or --json, for apply" },
	[UNS_CMD_APPLY] = { "apply", "[FILE]", "bring the host to what a policy file says, or carry out a saved plan" },
	[UNS_CMD_RESUME] = { "resume", "", "go on with the pending transaction" },
	[UNS_CMD_ROLLBACK] = { "rollback", "[NUMBER]", "take the pending or the last transaction back" },
	[UNS_CMD_VERIFY] = { "verify", "[NUMBER]", "compare the host with what a transaction left" },
	[UNS_CMD_HISTORY] = { "history", "", "list the transactions" },
	[UNS_CMD_MAP] = { "map", "", "draw the IDs of this host: accounts, ranges, what is free, what collides" },
	[UNS_CMD_RANGE_LIST] = { "range list", "[OWNER]...", "list who owns which subordinate IDs" },
	[UNS_CMD_RANGE_NEXT] = { "range next", "", "name the next free range" },
	[UNS_CMD_RANGE_ADD] = { "range add", "[OWNER]...", "give owners a range, the same for UIDs and GIDs" },
	[UNS_CMD_RANGE_REMOVE] = { "range remove", "OWNER", "take away an owner's ranges, or a part of them" },
	[UNS_CMD_RANGE_MOVE] = { "range move", "OWNER", "give an owner another range, and shift trees along" },
	[UNS_CMD_RANGE_CHECK] = { "range check", "[OWNER]...", "find what is wrong with all ranges, and mend what is safe" },
	[UNS_CMD_DAEMON_SHOW] = { "daemon show", "", "show the options of dockerd, where they come from and what is wrong with them" },
	[UNS_CMD_DAEMON_GET] = { "daemon get", "KEY", "show the value of one option of dockerd" },
	[UNS_CMD_DAEMON_SET] = { "daemon set", "KEY=VALUE...", "set options of dockerd, wherever this host keeps them" },
	[UNS_CMD_DAEMON_UNSET] = { "daemon unset", "KEY...", "take options of dockerd away" },
	[UNS_CMD_HELP] = { "help", "[COMMAND|findings|options|completions]", "show help, of a command, the ids of all findings, dockerd's options, or for shells" },
};

static const struct row {
	const char *name;
	char letter; /* 0: none */
	int has_arg;
	const char *arg;
	unsigned cmds;
	int (*set)(struct uns_options *o, const char *arg, struct uns_err *err);
	const char *help;
} rows[] = {
	{ "root", 0, required_argument, "DIR", EVERY, set_root, "work on the host below DIR instead of the running one" },
	{ "json", 0, optional_argument, "pretty|lines", EVERY, set_json, "JSON on stdout; lines: events as they happen" },
	{ "config", 0, required_argument, "FILE", BIT(UNS_CMD_APPLY) | BIT(UNS_CMD_CHECK) | BIT(UNS_CMD_PLAN), set_config,
	  "the policy to read (apply: " UNS_POLICY_FILE ")" },
	{ "color", 0, required_argument, "auto|always|never", EVERY, set_color, "color; auto: on a terminal" },
	{ "progress", 0, required_argument, "auto|tty|plain|json|none", EVERY, set_progress, "how far it is; auto: as the terminal can" },
	{ "quiet", 'q', no_argument, NULL, EVERY, set_quiet, "say only what is wrong" },
	{ "verbose", 'v', no_argument, NULL, EVERY, set_verbose, "also name the steps that are so already" },
	{ "help", 'h', no_argument, NULL, EVERY, set_help, "show help" },
	{ "version", 0, no_argument, NULL, EVERY, set_version, "show the version" },
	{ "dry-run", 0, no_argument, NULL, GATED, set_dry_run, "show what would be done, change nothing" },
	{ "yes", 0, no_argument, NULL, GATED, set_yes, "do not ask; needed without a terminal" },
	{ "detailed-exitcode", 0, no_argument, NULL, GATED | BIT(UNS_CMD_PLAN), set_detailed,
	  "exit 10 when something changed, or would" },
	{ "expect", 0, required_argument, "FILE", BIT(UNS_CMD_CHECK), set_expect,
	  "ranges are to be as range list told of another host, in JSON; -: standard input" },
	{ "check", 0, no_argument, NULL, BIT(UNS_CMD_APPLY), set_drift, "change nothing, tell what differs; exit 10 when something does" },
	{ "user", 0, required_argument, "NAME", WISHING | BIT(UNS_CMD_SHIFT), set_user,
	  "remap user (dockremap); of podman: whose range it uses; of shift: to this user's ranges" },
	{ "range", 0, required_argument, "auto|hash|START[:COUNT]",
	  WISHING | RANGE_CHOOSING | BIT(UNS_CMD_RANGE_REMOVE) | BIT(UNS_CMD_SHIFT), uns_value_range,
	  "IDs (auto: first free; hash: by the owner's name; also auto:COUNT)" },
	{ "migrate", 0, required_argument, "all|volumes|none", WISHING, set_migrate,
	  "data to take along (all)" },
	{ "set", 0, required_argument, "KEY=VALUE", WISHING, set_option,
	  "set this option of dockerd too; repeatable" },
	{ "max-pods", 0, required_argument, "N", WISHING, set_max_pods,
	  "kubelet: pods that the range is for (its maxPods)" },
	{ "no-restart", 0, no_argument, NULL, BIT(UNS_CMD_ENABLE) | BIT(UNS_CMD_APPLY) | OPTIONS_CHANGING, set_no_restart,
	  "leave the engine alone; nothing may need moving" },
	{ "stop-containers", 0, no_argument, NULL, PLANNING | OPTIONS_CHANGING | WISHING, set_stop_containers,
	  "stop containers that run before the engine, start them again at the end" },
	{ "no-auto-rollback", 0, no_argument, NULL, CARRIED_OUT, set_no_auto_rollback, "stay where it failed, for resume or rollback" },
	{ "purge", 0, no_argument, NULL, BIT(UNS_CMD_DISABLE), set_purge, "remove the remap user and its ranges too" },
	{ "ignore", 0, required_argument, "ID[,ID]", PLANNING | OPTIONS_CHANGING | BIT(UNS_CMD_SHIFT) | RANGE_CHANGING | WISHING, uns_value_ignore,
	  "accept these findings" },
	{ "profile", 0, required_argument, "cis", BIT(UNS_CMD_CHECK), uns_value_profile, "results of the CIS Docker Benchmark instead" },
	{ "only", 0, required_argument, "ID[,ID]", BIT(UNS_CMD_CHECK) | BIT(UNS_CMD_RANGE_CHECK), uns_value_only,
	  "look for these findings alone; repeatable" },
	{ "count", 0, required_argument, "N", RANGE_CHOOSING | BIT(UNS_CMD_RANGE_NEXT), uns_value_count, "number of IDs (65536)" },
	{ "batch", 0, required_argument, "FILE", BIT(UNS_CMD_RANGE_ADD), uns_value_batch,
	  "owners, one a line: OWNER[:[START:]COUNT]; -: standard input" },
	{ "output", 'o', required_argument, "COLUMNS|FILE", BIT(UNS_CMD_RANGE_LIST) | BIT(UNS_CMD_PLAN), set_output,
	  "range list: some of owner,kind,start,end,count,line,state; plan: a file for apply" },
	{ "scan", 0, required_argument, "PATH", RANGE_LOOKING, uns_value_scan, "IDs of files below PATH count too" },
	{ "deep", 0, no_argument, NULL, RANGE_LOOKING, uns_value_deep, "ask NSS about every ID, not about a sample" },
	{ "timeout", 0, required_argument, "SECONDS", RANGE_LOOKING, uns_value_timeout, "for asking NSS (10)" },
	{ "fix", 0, no_argument, NULL, BIT(UNS_CMD_RANGE_CHECK), uns_value_fix, "mend what is safe to mend" },
	{ "svg", 0, required_argument, "FILE", BIT(UNS_CMD_MAP), uns_value_svg, "draw a picture too; -: only that, on stdout" },
	{ "all", 0, no_argument, NULL, BIT(UNS_CMD_RANGE_CHECK), uns_value_all, "name every line, however many there are" },
	{ "shift", 0, required_argument, "PATH", BIT(UNS_CMD_RANGE_MOVE), uns_value_shift, "shift this tree to the new range" },
	{ "lock-timeout", 0, required_argument, "SECONDS", GATED, uns_value_lock_timeout, "wait for the account files (15)" },
	{ "break-stale-locks", 0, no_argument, NULL, GATED, uns_value_break_locks, "remove locks that nobody can hold any more" },
	{ "map", 0, required_argument, "u|g|b:FROM:TO:COUNT", BIT(UNS_CMD_SHIFT), uns_value_map,
	  "move these users, groups, or both; repeatable" },
	{ "reverse", 0, no_argument, NULL, BIT(UNS_CMD_SHIFT), uns_value_reverse, "from the targets back to the sources" },
	{ "unmapped", 0, required_argument, "refuse|keep|squash=ID", BIT(UNS_CMD_SHIFT), uns_value_unmapped,
	  "IDs outside of the map (refuse)" },
	{ "even", 0, required_argument, "PATH", BIT(UNS_CMD_SHIFT), uns_value_even, "shift this directory of the system too" },
	{ "no-journal", 0, no_argument, NULL, BIT(UNS_CMD_SHIFT), uns_value_no_journal,
	  "keep no record: it cannot be resumed or taken back" },
	{ "exclusive", 0, no_argument, NULL, BIT(UNS_CMD_SHIFT), uns_value_exclusive,
	  "nobody else works in the trees meanwhile: do not look twice" },
	{ "on-error", 0, required_argument, "stop|continue", GATED, uns_value_on_error,
	  "at inodes that cannot be changed (stop, and take it back)" },
	{ "jobs", 0, required_argument, "N", GATED, uns_value_jobs, "threads that walk a tree (16)" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROWS <= 64, "the rows that were given are bits of a number");
#define ROW_VALUE 256 /* of the first row, for getopt_long: beyond all characters */

const char *uns_options_command_name(enum uns_cmd cmd)
{
	return commands[cmd].name;
}

bool uns_options_walks(enum uns_cmd cmd)
{
	return (GATED | BIT(UNS_CMD_PLAN) | BIT(UNS_CMD_CHECK) | BIT(UNS_CMD_VERIFY)) & BIT(cmd);
}

bool uns_options_changes(enum uns_cmd cmd)
{
	return GATED & BIT(cmd);
}

/* The name of a command is one word or two. */
static bool is_command(enum uns_cmd cmd, const char *const v[], size_t n)
{
	const char *name = commands[cmd].name, *second = strchr(name, ' ');
	size_t first = second ? (size_t)(second - name) : strlen(name);

	if (n == 0 || strlen(v[0]) != first || strncmp(v[0], name, first) != 0)
		return false;
	return !second || (n > 1 && strcmp(v[1], second + 1) == 0);
}

/* How many of the words are the command's name; 0: there is no such command. */
static size_t find_command(const char *const v[], size_t n, enum uns_cmd *ret)
{
	for (int i = 0; i < UNS_CMDS; i++)
		if (is_command((enum uns_cmd)i, v, n)) {
			*ret = (enum uns_cmd)i;
			return strchr(commands[i].name, ' ') ? 2 : 1;
		}
	return 0;
}

/* The first command of a group ("range"), for help. */
static bool find_group(const char *word, enum uns_cmd *ret)
{
	size_t len = strlen(word);

	for (int i = 0; i < UNS_CMDS; i++)
		if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ') {
			*ret = (enum uns_cmd)i;
			return true;
		}
	return false;
}

static int unknown_command(const char *const v[], size_t n, struct uns_err *err)
{
	enum uns_cmd first;

	if (!find_group(v[0], &first))
		return uns_err_set(err, UNS_E_USAGE, "unknown command '%s'; 'usernsctl --help' lists the commands", v[0]);
	if (n > 1)
		return uns_err_set(err, UNS_E_USAGE, "%s: unknown command '%s'; 'usernsctl help %s' lists what there is", v[0], v[1], v[0]);
	return uns_err_set(err, UNS_E_USAGE, "%s: which command? 'usernsctl help %s' lists what there is", v[0], v[0]);
}

/* ---- operands ---- */

static int too_many(const struct uns_options *o, const char *operand, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_USAGE, "%s: unexpected operand '%s'; usage: usernsctl %s%s%s", commands[o->cmd].name, operand,
			   commands[o->cmd].name, *commands[o->cmd].operands ? " " : "", commands[o->cmd].operands);
}

static int unknown_engine(const struct uns_options *o, const char *name, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_USAGE, "%s: the engine '%s' is not known; there are docker, podman, kubelet, incus, and rootless USER",
			   commands[o->cmd].name, name);
}

/* An engine that works for one user is named with him. */
static int take_user(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	if (o->preset->owner)
		return n > 1 ? too_many(o, v[1], err) : 0;
	if (n < 2)
		return uns_err_set(err, UNS_E_USAGE, "%s %s: for which user? usage: usernsctl %s %s USER", commands[o->cmd].name, v[0],
				   commands[o->cmd].name, v[0]);
	if (!uns_subid_owner_valid(v[1]))
		return uns_err_set(err, UNS_E_USAGE, "%s %s: '%s' cannot be an owner; expected the name or the UID of a user",
				   commands[o->cmd].name, v[0], v[1]);
	o->preset_user = v[1];
	return n > 2 ? too_many(o, v[2], err) : 0;
}

static int take_engine(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	if (n == 0 || strcmp(v[0], "docker") == 0)
		return n > 1 ? too_many(o, v[1], err) : 0;
	o->preset = uns_preset_find(v[0]);
	if (!o->preset)
		return unknown_engine(o, v[0], err);
	if (o->request.command == UNS_MIGRATE)
		return uns_err_set(err, UNS_E_USAGE, "%s: only docker has data to adopt, not %s", commands[o->cmd].name, v[0]);
	return take_user(o, v, n, err);
}

static int take_number(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	uint32_t number;

	if (n > 1)
		return too_many(o, v[1], err);
	if (n == 0)
		return 0;
	if (uns_num_u32(v[0], strlen(v[0]), &number) < 0 || number == 0)
		return uns_err_set(err, UNS_E_USAGE, "%s: '%s' is no transaction number; 'usernsctl history' lists them",
				   commands[o->cmd].name, v[0]);
	o->number = number;
	return 0;
}

/* At most one file: the operand, or that of --config. */
static int take_file(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	if (n > 1)
		return too_many(o, v[1], err);
	if (n == 1 && o->config)
		return uns_err_set(err, UNS_E_USAGE, "%s: both %s and --config=%s name the file", commands[o->cmd].name, v[0], o->config);
	o->file = n == 1 ? v[0] : o->config;
	o->policy.wanted = true;
	return 0;
}

static int take_planned(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	enum uns_cmd planned = UNS_CMD_ENABLE;
	size_t used = n > 0 ? find_command(v, n, &planned) : 0;

	if (planned == UNS_CMD_APPLY)
		return take_file(o, v + used, n - used, err);
	if (!(BIT(planned) & PLANNING))
		return uns_err_set(err, UNS_E_USAGE, "plan: '%s' has no plan; expected enable, disable, migrate or apply", v[0]);
	if (o->config)
		return uns_err_set(err, UNS_E_USAGE, "plan %s reads no policy; that is: plan apply --config=%s", commands[planned].name, o->config);
	o->request.command = planned == UNS_CMD_DISABLE ? UNS_DISABLE : planned == UNS_CMD_MIGRATE ? UNS_MIGRATE : UNS_ENABLE;
	return take_engine(o, v + used, n - used, err);
}

/* The words of a command line, of which a shell wants the last completed. */
static int take_line(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	if (n > UNS_OPERANDS_MAX)
		return too_many(o, v[UNS_OPERANDS_MAX], err);
	o->topic = UNS_HELP_COMPLETIONS;
	memcpy(o->operand, v, n * sizeof(*v));
	o->operands = n;
	return 0;
}

static int take_topic(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	size_t used;

	if (n == 0)
		return 0;
	if (strcmp(v[0], "findings") == 0 || strcmp(v[0], "options") == 0) {
		o->topic = *v[0] == 'f' ? UNS_HELP_FINDINGS : UNS_HELP_OPTIONS;
		return n > 1 ? too_many(o, v[1], err) : 0;
	}
	if (strcmp(v[0], "completions") == 0)
		return take_line(o, v + 1, n - 1, err);
	used = find_command(v, n, &o->topic_cmd);
	if (used == 0 && find_group(v[0], &o->topic_cmd)) {
		o->topic_group = true;
		used = 1;
	}
	if (used == 0)
		return uns_err_set(err, UNS_E_USAGE, "help: no command is named '%s'; 'usernsctl --help' lists them", v[0]);
	o->topic = UNS_HELP_COMMAND;
	return n > used ? too_many(o, v[used], err) : 0;
}

/* With a policy, that names the engine. */
static int take_checked(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	if (!o->config)
		return take_engine(o, v, n, err);
	if (n > 0)
		return uns_err_set(err, UNS_E_USAGE, "check: the policy names the engine; leave '%s' out, or --config", v[0]);
	return take_file(o, v, 0, err);
}

/* Into the options, since the operands themselves are gone when parsing is over. */
static int take_owners(struct uns_options *o, const char *const v[], size_t n, size_t max, struct uns_err *err)
{
	if (n > max)
		return too_many(o, v[max], err);
	for (size_t i = 0; i < n; i++) {
		if (!uns_subid_owner_valid(v[i]))
			return uns_err_set(err, UNS_E_USAGE, "%s: '%s' cannot be an owner; expected the name or the UID of a user",
					   commands[o->cmd].name, v[i]);
		o->operand[i] = v[i];
	}
	o->ranges.owner = o->operand;
	o->ranges.owners = n;
	return 0;
}

static int take_range(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	bool one = o->cmd == UNS_CMD_RANGE_REMOVE || o->cmd == UNS_CMD_RANGE_MOVE;
	const char *name = commands[o->cmd].name;

	if ((one && n == 0) || (o->cmd == UNS_CMD_RANGE_ADD && n == 0 && !o->ranges.batch))
		return uns_err_set(err, UNS_E_USAGE, "%s: an owner is needed%s", name, one ? "" : ", or --batch=FILE");
	if (o->ranges.batch && n > 0)
		return uns_err_set(err, UNS_E_USAGE, "%s: either owners or --batch, not both", name);
	if (o->ranges.batch && o->request.range_how == UNS_RANGE_EXACT)
		return uns_err_set(err, UNS_E_USAGE, "%s: with --batch the file names the ranges: OWNER:START:COUNT", name);
	if (o->cmd == UNS_CMD_RANGE_ADD && n > 1 && o->request.range_how == UNS_RANGE_EXACT)
		return uns_err_set(err, UNS_E_USAGE, "%s: %zu owners cannot have the same range", name, n);
	if (o->cmd == UNS_CMD_RANGE_REMOVE && o->ranges.named && (o->request.range_how != UNS_RANGE_EXACT || !o->request.range.count))
		return uns_err_set(err, UNS_E_USAGE, "%s: expected --range=START:COUNT", name);
	if (o->ranges.count && o->request.range.count && o->ranges.count != o->request.range.count)
		return uns_err_set(err, UNS_E_USAGE, "%s: --count and --range disagree", name);
	if (o->ranges.count)
		o->request.range.count = o->ranges.count;
	if (o->output && uns_value_columns(o, o->output, err) < 0)
		return -1;
	return take_owners(o, v, n, o->cmd == UNS_CMD_RANGE_NEXT ? 0 : one ? 1 : UNS_OPERANDS_MAX, err);
}

static int take_paths(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	bool range = o->request.range_how == UNS_RANGE_EXACT, map = o->shift.uid.n || o->shift.gid.n;

	if (n == 0)
		return uns_err_set(err, UNS_E_USAGE, "shift: which tree? usage: usernsctl shift --map=… %s", commands[o->cmd].operands);
	if (n > UNS_OPERANDS_MAX)
		return too_many(o, v[UNS_OPERANDS_MAX], err);
	if (range + map + (o->shift.user != NULL) != 1 || (!range && o->ranges.named))
		return uns_err_set(err, UNS_E_USAGE,
				   "shift: expected one of --range=START[:COUNT], --map=u|g|b:FROM:TO:COUNT and --user=NAME");
	memcpy(o->operand, v, n * sizeof(*v));
	o->shift.path = o->operand;
	o->shift.paths = n;
	return 0;
}

static int take_wishes(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	bool set = o->cmd == UNS_CMD_DAEMON_SET;

	o->request.command = UNS_DAEMON;
	if (n == 0)
		return uns_err_set(err, UNS_E_USAGE, "%s: which option? usage: usernsctl %s %s", commands[o->cmd].name,
				   commands[o->cmd].name, commands[o->cmd].operands);
	for (size_t i = 0; i < n; i++)
		if ((set ? uns_value_set(o, v[i], err) : uns_value_unset(o, v[i], err)) < 0)
			return uns_err_prefix(err, "%s", commands[o->cmd].name);
	return 0;
}

static int take_key(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	if (n == 0)
		return uns_err_set(err, UNS_E_USAGE, "%s: which option? 'usernsctl daemon show' lists those that are set",
				   commands[o->cmd].name);
	if (n > 1)
		return too_many(o, v[1], err);
	o->operand[0] = v[0];
	return 0;
}

static int take_operands(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	switch (o->cmd) {
	case UNS_CMD_DISABLE:
		o->request.command = UNS_DISABLE;
		return take_engine(o, v, n, err);
	case UNS_CMD_MIGRATE:
		o->request.command = UNS_MIGRATE;
		return take_engine(o, v, n, err);
	case UNS_CMD_ENABLE:
		return take_engine(o, v, n, err);
	case UNS_CMD_CHECK:
		return take_checked(o, v, n, err);
	case UNS_CMD_PLAN:
		return take_planned(o, v, n, err);
	case UNS_CMD_APPLY:
		return take_file(o, v, n, err);
	case UNS_CMD_ROLLBACK:
	case UNS_CMD_VERIFY:
		return take_number(o, v, n, err);
	case UNS_CMD_RANGE_LIST:
	case UNS_CMD_RANGE_NEXT:
	case UNS_CMD_RANGE_ADD:
	case UNS_CMD_RANGE_REMOVE:
	case UNS_CMD_RANGE_MOVE:
	case UNS_CMD_RANGE_CHECK:
		return take_range(o, v, n, err);
	case UNS_CMD_SHIFT:
		return take_paths(o, v, n, err);
	case UNS_CMD_DAEMON_GET:
		return take_key(o, v, n, err);
	case UNS_CMD_DAEMON_SET:
	case UNS_CMD_DAEMON_UNSET:
		return take_wishes(o, v, n, err);
	case UNS_CMD_HELP:
		return take_topic(o, v, n, err);
	default:
		return n > 0 ? too_many(o, v[0], err) : 0;
	}
}

/* ---- parsing ---- */

static enum uns_cmd planned_cmd(const struct uns_options *o)
{
	if (o->request.command == UNS_DISABLE)
		return UNS_CMD_DISABLE;
	return o->request.command == UNS_MIGRATE ? UNS_CMD_MIGRATE : UNS_CMD_ENABLE;
}

/* plan has the options of the command that it plans, but not those of carrying it out (which resume has too, or which are of all that make a transaction). */
static bool row_allowed(const struct row *row, enum uns_cmd cmd, enum uns_cmd planned)
{
	if (row->cmds & BIT(cmd))
		return true;
	planned = planned == UNS_CMD_APPLY ? UNS_CMD_ENABLE : planned;
	return cmd == UNS_CMD_PLAN && (row->cmds & BIT(planned)) && !(row->cmds & BIT(UNS_CMD_RESUME)) && row->cmds != CARRIED_OUT;
}

/* What getopt_long takes, made from the rows. "-": operands are met in their place, also when POSIXLY_CORRECT is set, so that
 * options are accepted before and after the command everywhere; ":": messages are ours. */
struct getopt_tables {
	struct option longs[ROWS + 1];
	char letters[2 + 2 * ROWS + 1]; /* "-:", each with its ':' */
};

static void fill_tables(struct getopt_tables *t)
{
	char *p = t->letters;

	memset(t, 0, sizeof(*t));
	*p++ = '-';
	*p++ = ':';
	for (size_t i = 0; i < ROWS; i++) {
		t->longs[i] = (struct option){ rows[i].name, rows[i].has_arg, NULL, ROW_VALUE + (int)i };
		if (!rows[i].letter)
			continue;
		*p++ = rows[i].letter;
		if (rows[i].has_arg == required_argument)
			*p++ = ':';
	}
}

static size_t row_of_value(int value)
{
	for (size_t i = 0; i < ROWS; i++)
		if (value == ROW_VALUE + (int)i || (rows[i].letter && value == rows[i].letter))
			return i;
	return ROWS;
}

/* getopt_long leaves optopt 0 for a long option that it does not know, and its value for one that it knows. */
static int bad_option(int argc, char *argv[], int value, struct uns_err *err)
{
	size_t row = row_of_value(optopt);

	if (value == ':' && row < ROWS)
		return uns_err_set(err, UNS_E_USAGE, "--%s needs a value: --%s=%s", rows[row].name, rows[row].name, rows[row].arg);
	if (optopt >= ROW_VALUE && row < ROWS)
		return uns_err_set(err, UNS_E_USAGE, "--%s takes no value", rows[row].name);
	if (optopt)
		return uns_err_set(err, UNS_E_USAGE, "unknown option '-%c'; 'usernsctl --help' lists the options", optopt);
	return uns_err_set(err, UNS_E_USAGE, "unknown or ambiguous option '%s'; 'usernsctl --help' lists the options",
			   optind > 0 && optind <= argc ? argv[optind - 1] : "");
}

struct scan {
	const char *operands[UNS_OPERANDS_MAX + 2];
	size_t n;
};

static int scan_operand(struct scan *s, const char *operand, struct uns_err *err)
{
	if (s->n == sizeof(s->operands) / sizeof(s->operands[0]))
		return uns_err_set(err, UNS_E_USAGE, "too many operands: '%s'", operand);
	s->operands[s->n++] = operand;
	return 0;
}

static int scan_argv(int argc, char *argv[], struct scan *s, struct uns_options *o, struct uns_err *err)
{
	struct getopt_tables tables;
	int value;

	fill_tables(&tables);
	optind = 0; /* glibc: start afresh */
	opterr = 0;
	while ((value = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) >= 0) {
		size_t row;

		if (value == 1) {
			if (scan_operand(s, optarg, err) < 0)
				return -1;
			continue;
		}
		row = value == '?' || value == ':' ? ROWS : row_of_value(value);
		if (row == ROWS)
			return bad_option(argc, argv, value, err);
		o->given |= UINT64_C(1) << row;
		if (rows[row].set(o, optarg, err) < 0)
			return -1;
	}
	for (; optind < argc; optind++)
		if (scan_operand(s, argv[optind], err) < 0)
			return -1;
	return 0;
}

static int check_rows(const struct uns_options *o, struct uns_err *err)
{
	for (size_t i = 0; i < ROWS; i++)
		if (((o->given >> i) & 1) && !row_allowed(&rows[i], o->cmd, planned_cmd(o)))
			return uns_err_set(err, UNS_E_USAGE, "%s%s%s: the option --%s is not for this command",
					   commands[o->cmd].name, o->cmd == UNS_CMD_PLAN ? " " : "",
					   o->cmd == UNS_CMD_PLAN ? commands[planned_cmd(o)].name : "", rows[i].name);
	return 0;
}

static size_t row_of_name(const char *name)
{
	size_t i = 0;

	while (i < ROWS && strcmp(rows[i].name, name) != 0)
		i++;
	return i;
}

bool uns_options_given(const struct uns_options *o, const char *name)
{
	size_t row = row_of_name(name);

	return row < ROWS && ((o->given >> row) & 1);
}

void uns_options_note(struct uns_options *o, const char *name)
{
	size_t row = row_of_name(name);

	if (row < ROWS)
		o->given |= UINT64_C(1) << row;
}

int uns_options_default(struct uns_options *o, const char *name, const char *arg, struct uns_err *err)
{
	size_t row = row_of_name(name);

	if (row == ROWS)
		return uns_err_set(err, UNS_E_FAILED, "there is no option --%s", name);
	return uns_options_given(o, name) ? 0 : rows[row].set(o, arg, err);
}

int uns_options_engine(struct uns_options *o, const char *const v[], size_t n, struct uns_err *err)
{
	return take_engine(o, v, n, err);
}

/* What is not for this engine, and why; NULL: all are. */
static const char *misfit(const struct uns_options *o, const struct uns_preset *p, const char **ret_why)
{
	static const char data[] = "only docker has data that is taken along";

	*ret_why = p && uns_options_given(o, "migrate") ? data : "only docker is stopped and started";
	if (p && uns_options_given(o, "migrate"))
		return "migrate";
	if (p && uns_options_given(o, "no-restart"))
		return "no-restart";
	*ret_why = p && !p->owner ? "the user is the operand" : "its owner is always the same";
	if (p && uns_options_given(o, "user") && !p->may_name)
		return "user";
	*ret_why = "only kubelet counts pods";
	if (uns_options_given(o, "max-pods") && !(p && p->has_pods))
		return "max-pods";
	*ret_why = p ? p->no_purge : NULL;
	return *ret_why && uns_options_given(o, "purge") ? "purge" : NULL;
}

static int check_profile(const struct uns_options *o, struct uns_err *err)
{
	if (o->cis && o->preset)
		return uns_err_set(err, UNS_E_USAGE, "check %s: --profile=cis is the benchmark of docker", o->preset->name);
	if (o->cis && o->only.n > 0)
		return uns_err_set(err, UNS_E_USAGE, "check: the results of --profile=cis are no findings; leave --only out");
	return 0;
}

int uns_options_check_engine(const struct uns_options *o, struct uns_err *err)
{
	const char *why, *name = misfit(o, o->preset, &why);

	if (check_profile(o, err) < 0)
		return -1;
	if (!name)
		return 0;
	return uns_err_set(err, UNS_E_USAGE, "%s %s: the option --%s is not for this engine: %s", commands[o->cmd].name,
			   o->preset ? o->preset->name : "docker", name, why);
}

/* "--help" before or after a command is help on it; alone it is the overview. */
static int finish_help(struct scan *s, struct uns_options *o, struct uns_err *err)
{
	if (s->n == 0 || o->version) {
		o->cmd = UNS_CMD_HELP;
		return 0;
	}
	if (find_command(s->operands, s->n, &o->topic_cmd) == 0) {
		if (!find_group(s->operands[0], &o->topic_cmd))
			return unknown_command(s->operands, s->n, err);
		o->topic_group = true;
	}
	o->cmd = UNS_CMD_HELP;
	o->topic = UNS_HELP_COMMAND;
	return 0;
}

static int parse(int argc, char *argv[], struct uns_options *o, struct uns_err *err)
{
	struct scan s = { .n = 0 };
	size_t words;

	o->root = "/";
	o->request = (struct uns_request){
		.command = UNS_ENABLE, .range_how = UNS_RANGE_AUTO, .migrate = UNS_MIGRATE_ALL
	};
	o->lock.timeout_ms = UNS_LOCK_TIMEOUT_MS;
	o->ranges.timeout_ms = 10000;
	if (scan_argv(argc, argv, &s, o, err) < 0)
		return -1;
	if (o->help || o->version)
		return finish_help(&s, o, err);
	if (s.n == 0)
		return uns_err_set(err, UNS_E_USAGE, "a command is needed; 'usernsctl --help' lists the commands");
	words = find_command(s.operands, s.n, &o->cmd);
	if (words == 0)
		return unknown_command(s.operands, s.n, err);
	if (take_operands(o, s.operands + words, s.n - words, err) < 0 || check_rows(o, err) < 0 || uns_options_check_engine(o, err) < 0)
		return -1;
	/* The owner of another engine is for its settings to say. */
	if (!o->request.user && !o->preset)
		o->request.user = "dockremap";
	return 0;
}

int uns_options_parse(int argc, char *argv[], struct uns_options *ret, struct uns_err *err)
{
	struct uns_options o = { .cmd = UNS_CMD_HELP };

	if (parse(argc, argv, &o, err) < 0) {
		uns_options_done(&o);
		return -1;
	}
	*ret = o;
	ret->ranges.owner = ret->operand;
	if (o.shift.path)
		ret->shift.path = ret->operand;
	return 0;
}

void uns_options_done(struct uns_options *o)
{
	free(o->shift.uid.v);
	free(o->shift.gid.v);
	free(o->policy.name);
	uns_buf_done(&o->policy.text);
	uns_ini_done(&o->policy.ini);
	uns_range_wants_done(&o->policy.owners);
	uns_strs_done(&o->request.ignore);
	uns_strs_done(&o->only);
	uns_value_wishes_done(o);
	uns_strs_done(&o->ranges.scan);
	uns_strs_done(&o->ranges.trees);
}

/* ---- help ---- */

static int help_row(const struct row *row, struct uns_buf *b, struct uns_err *err)
{
	const char *open = row->has_arg == optional_argument ? "[=" : "=";
	const char *close = row->has_arg == optional_argument ? "]" : "";
	char letter[] = "-x, ";
	uns_auto_free char *left = NULL;

	letter[1] = row->letter;
	left = uns_str_printf(err, "%s--%s%s%s%s", row->letter ? letter : "    ", row->name, row->arg ? open : "",
			      row->arg ? row->arg : "", row->arg ? close : "");
	if (!left)
		return -1;
	return uns_buf_printf(b, err, "  %-33s %s\n", left, row->help);
}

static int help_rows(const char *title, bool common, enum uns_cmd cmd, struct uns_buf *b, struct uns_err *err)
{
	bool titled = false;

	for (size_t i = 0; i < ROWS; i++) {
		if (common ? rows[i].cmds != EVERY : rows[i].cmds == EVERY)
			continue;
		/* plan's own page lists what it takes for any of the three. */
		if (!common && cmd != UNS_CMDS && !uns_options_takes(i, cmd, UNS_CMDS))
			continue;
		if (!titled && uns_buf_printf(b, err, "\n%s:\n", title) < 0)
			return -1;
		titled = true;
		if (help_row(&rows[i], b, err) < 0)
			return -1;
	}
	return 0;
}

static int help_command(enum uns_cmd cmd, struct uns_buf *b, struct uns_err *err)
{
	const struct command *c = &commands[cmd];

	if (uns_buf_printf(b, err, "Usage: usernsctl %s [OPTION]...%s%s\n\n%c%s.\n", c->name, *c->operands ? " " : "", c->operands,
			   toupper((unsigned char)c->summary[0]), c->summary + 1) < 0 ||
	    help_rows("Options", false, cmd, b, err) < 0 || help_rows("Options of every command", true, cmd, b, err) < 0)
		return -1;
	return uns_buf_puts(b, "\nSee usernsctl(8).\n", err);
}

static int help_all(struct uns_buf *b, struct uns_err *err)
{
	if (uns_buf_puts(b, "Usage: usernsctl [OPTION]... COMMAND [OPTION]... [OPERAND]...\n\n"
			    "Switches a Docker host to user namespaces (userns-remap) with all its images,\n"
			    "containers and volumes, and back.\n\nCommands:\n", err) < 0)
		return -1;
	for (int i = 0; i < UNS_CMDS; i++)
		if (uns_buf_printf(b, err, "  %-13s %s\n", commands[i].name, commands[i].summary) < 0)
			return -1;
	if (help_rows("Options of every command", true, UNS_CMDS, b, err) < 0 ||
	    help_rows("Options of some commands ('usernsctl help COMMAND' tells which)", false, UNS_CMDS, b, err) < 0)
		return -1;
	return uns_buf_puts(b, "\nExit status: 0 done, 1 failed (the host is as it was), 2 usage, 3 refused by findings,\n"
			       "4 conflict, 5 a transaction is pending, 6 locked, 7 a file is malformed.\n"
			       "See usernsctl(8).\n", err);
}

static int help_findings(struct uns_buf *b, struct uns_err *err)
{
	static const char *const severities[] = { "info", "warning", "error" };

	for (size_t i = 0; i < uns_checks_n; i++)
		if (uns_buf_printf(b, err, "%-22s %-8s%-11s %s", uns_checks[i].id, severities[uns_checks[i].severity],
				   uns_checks[i].ignorable ? "ignorable" : "", uns_checks[i].summary) < 0 ||
		    (uns_checks[i].reference && uns_buf_printf(b, err, " [%s]", uns_checks[i].reference) < 0) ||
		    uns_buf_puts(b, "\n", err) < 0)
			return -1;
	return 0;
}

/* Key, the type as messages have it, the versions of the engine that have it, and whether SIGHUP is enough. */
static int help_options(struct uns_buf *b, struct uns_err *err)
{
	for (size_t i = 0; i < uns_dockerd_options_n; i++) {
		const struct uns_dockerd_option *o = &uns_dockerd_options[i];

		if (!o->key)
			continue;
		if (uns_buf_printf(b, err, "%-33s%s", o->key, uns_dockerd_type_name(o->type)) < 0 ||
		    (o->since && uns_buf_printf(b, err, ", from Docker %u", o->since) < 0) ||
		    (o->until && uns_buf_printf(b, err, ", until Docker %u", o->until) < 0) ||
		    uns_buf_puts(b, o->reload != UNS_RELOAD_NO ? ", without restart\n" : "\n", err) < 0)
			return -1;
	}
	return 0;
}

static int help_group(enum uns_cmd first, struct uns_buf *b, struct uns_err *err)
{
	const char *name = commands[first].name;
	size_t len = strcspn(name, " ") + 1;

	if (uns_buf_printf(b, err, "Usage: usernsctl %.*s COMMAND [OPTION]...\n\nCommands:\n", (int)len - 1, name) < 0)
		return -1;
	for (int i = 0; i < UNS_CMDS; i++)
		if (strncmp(commands[i].name, name, len) == 0 &&
		    uns_buf_printf(b, err, "  %-13s %s\n", commands[i].name, commands[i].summary) < 0)
			return -1;
	if (help_rows("Options of every command", true, UNS_CMDS, b, err) < 0)
		return -1;
	return uns_buf_printf(b, err, "\n'usernsctl help %.*s COMMAND' tells the options of each. See usernsctl(8).\n", (int)len - 1, name);
}

int uns_options_help(const struct uns_options *o, struct uns_buf *ret, struct uns_err *err)
{
	if (o->topic == UNS_HELP_FINDINGS)
		return help_findings(ret, err);
	if (o->topic == UNS_HELP_OPTIONS)
		return help_options(ret, err);
	if (o->topic_group)
		return help_group(o->topic_cmd, ret, err);
	return o->topic == UNS_HELP_COMMAND ? help_command(o->topic_cmd, ret, err) : help_all(ret, err);
}

/* ---- the tables, for completions ---- */

bool uns_options_view(size_t i, struct uns_option_view *ret)
{
	if (i < ROWS)
		*ret = (struct uns_option_view){ rows[i].name, rows[i].letter, rows[i].has_arg, rows[i].arg, rows[i].help };
	return i < ROWS;
}

bool uns_options_takes(size_t i, enum uns_cmd cmd, enum uns_cmd planned)
{
	if (planned != UNS_CMDS)
		return row_allowed(&rows[i], cmd, planned);
	return row_allowed(&rows[i], cmd, UNS_CMD_ENABLE) || row_allowed(&rows[i], cmd, UNS_CMD_DISABLE) ||
	       row_allowed(&rows[i], cmd, UNS_CMD_MIGRATE);
}

const char *uns_options_operands(enum uns_cmd cmd)
{
	return commands[cmd].operands;
}

const char *uns_options_summary(enum uns_cmd cmd)
{
	return commands[cmd].summary;
}

size_t uns_options_find(const char *const v[], size_t n, enum uns_cmd *ret)
{
	return find_command(v, n, ret);
}
