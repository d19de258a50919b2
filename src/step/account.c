/* SPDX-License-Identifier: Apache-2.0 */
/* account {"user","group"}: absent → both exist.
 * Disjoint: BEFORE has neither name in /etc/passwd and /etc/group, AFTER has both. One alone (an account tool that was killed, or
 * somebody's doing) is FOREIGN; each name tells by itself whether it is to be made or removed, so a begun step mends it. Stale
 * .lock files of a killed account tool are taken over by the next one. */
#include <string.h>

#include "process.h"
#include "text.h"
#include "uns/account.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"

#define FILE_MAX (64u << 20)
#define NAME_LEN_MAX 32

struct account {
	const char *user, *group;
};

struct seen {
	bool user, group;
	uint32_t uid;
};

/* Which tools there are: shadow-utils, or else the front ends of Debian or busybox. */
enum tools { TOOLS_SHADOW, TOOLS_DEBIAN, TOOLS_BUSYBOX };

struct job {
	const struct uns_root *root;
	struct account a;
	enum tools tools;
	const char *shell;
	char *prefix; /* host path of an offline root, else NULL */
	struct uns_buf said;
};

static void job_done(struct job *j)
{
	free(j->prefix);
	uns_buf_done(&j->said);
}

/* The portable names of useradd(8), which also are no options. */
static bool name_valid(const char *s)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(s);

	return len && len <= NAME_LEN_MAX && strchr(first, *s) &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.-") == len;
}

static int get_name(const json_t *args, const char *key, const char **ret, struct uns_err *err)
{
	const char *name;

	if (uns_json_str(args, key, &name, err))
		return -1;
	if (!name_valid(name))
		return uns_err_set(err, UNS_E_INPUT,
		                   "%s: expected a name of letters, digits, '_', '.', '-' that begins with a letter or '_'", key);
	*ret = name;
	return 0;
}

static int get_account(const json_t *args, struct account *ret, struct uns_err *err)
{
	struct account a;

	if (get_name(args, "user", &a.user, err) || get_name(args, "group", &a.group, err))
		return -1;
	*ret = a;
	return 0;
}

static int account_check(const json_t *args, struct uns_err *err)
{
	struct account a;

	return get_account(args, &a, err);
}

typedef int (*parse)(const char *text, size_t len, struct uns_accounts *ret, struct uns_err *err);

/* Whether the file has the name, and its ID. */
static int look_up(const struct uns_root *root, const char *file, parse p, const char *name, bool *ret, uint32_t *ret_id,
                   struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_accounts_done) struct uns_accounts list = {0};
	const struct uns_account *a;

	if (uns_root_read(root, file, FILE_MAX, &text, NULL, err) < 0)
		return -1;
	if (text.data && p(text.data, text.len, &list, err))
		return -1;
	a = uns_accounts_name(&list, name);
	*ret = a;
	if (a)
		*ret_id = a->id;
	return 0;
}

static int see(const struct uns_root *root, const struct account *a, struct seen *ret, struct uns_err *err)
{
	struct seen s = {0};
	uint32_t gid = 0;

	if (look_up(root, "/etc/passwd", uns_passwd_parse, a->user, &s.user, &s.uid, err) ||
	    look_up(root, "/etc/group", uns_group_parse, a->group, &s.group, &gid, err))
		return -1;
	*ret = s;
	return 0;
}

static int account_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct account a;
	struct seen s;

	if (get_account(c->step->args, &a, err) || see(c->root, &a, &s, err))
		return -1;
	if (s.user == s.group) {
		*ret = s.user ? UNS_AFTER : UNS_BEFORE;
		return 0;
	}
	snprintf(c->why, sizeof(c->why), "%s %s exists, but %s %s does not", s.user ? "user" : "group", s.user ? a.user : a.group,
	         s.user ? "group" : "user", s.user ? a.group : a.user);
	*ret = UNS_FOREIGN;
	return 0;
}

/* Account tools with --prefix resolve symlinks on this host: one in an offline root's /etc would lead them to the host's files. */
static int refuse_symlinks(const struct uns_root *root, struct uns_err *err)
{
	static const char *const ours[] = {"passwd", "group", "shadow", "gshadow", "subuid", "subgid", "login.defs", "default"};
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct stat st;
	int r = uns_root_stat(root, "/etc", &st, err);

	if (r)
		return r < 0 ? -1 : uns_err_set(err, UNS_E_FAILED, "%s has no /etc: it is no root of a system", root->path);
	if (!S_ISDIR(st.st_mode))
		return uns_err_set(err, UNS_E_REFUSED, "%s/etc is no directory: account tools would leave the root", root->path);
	if (uns_root_list(root, "/etc", &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++) {
			uns_auto_free char *path = uns_str_printf(err, "/etc/%s", names.v[i]);

			if (!path)
				return -1;
			if (!uns_str_starts(names.v[i], ours[k]))
				continue;
			r = uns_root_stat(root, path, &st, err);
			if (r < 0)
				return -1;
			if (!r && S_ISLNK(st.st_mode))
				return uns_err_set(err, UNS_E_REFUSED,
				                   "%s%s is a symlink: account tools would follow it out of the root", root->path,
				                   path);
		}
	}
	return 0;
}

static const char *find_shell(const struct uns_root *root)
{
	static const char *const shells[] = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false"};
	struct stat st;

	for (size_t i = 0; i < 2; i++)
		if (!uns_root_stat(root, shells[i], &st, NULL))
			return shells[i];
	return shells[2];
}

/* 0, or -1 when there is no tool for accounts at all. */
static int find_tools(const struct uns_root *root, enum tools *ret, struct uns_err *err)
{
	uns_auto_free char *path = NULL, *real = NULL;
	int r = uns_program_find("useradd", NULL, &path, err);

	if (r <= 0) {
		if (!r)
			*ret = TOOLS_SHADOW;
		return r;
	}
	r = root->is_host ? uns_program_find("adduser", NULL, &path, err) : 1;
	if (r)
		return r < 0 ? -1
		             : uns_err_set(err, UNS_E_FAILED,
		                           "there is no useradd in /usr/sbin, /usr/bin, /sbin, /bin: install "
		                           "shadow-utils (package passwd, shadow or shadow-utils)");
	real = uns_root_resolve(root, path, err);
	if (!real)
		return -1;
	*ret = strstr(real, "busybox") ? TOOLS_BUSYBOX : TOOLS_DEBIAN;
	return 0;
}

static int job_start(struct job *j, const struct uns_root *root, const json_t *args, struct uns_err *err)
{
	j->root = root;
	j->shell = find_shell(root);
	if (get_account(args, &j->a, err) || find_tools(root, &j->tools, err))
		return -1;
	if (root->is_host)
		return 0;
	j->prefix = uns_str_dup(root->path, err);
	return j->prefix ? refuse_symlinks(root, err) : -1;
}

/* What a tool's exit status means differs between versions; only what is in the files afterwards counts. Its words are kept. */
static int run(struct job *j, const char *const args[], struct uns_err *err)
{
	const char *argv[24] = {args[0]};
	size_t n = 1;
	int status;

	if (j->prefix) {
		argv[n++] = "--prefix";
		argv[n++] = j->prefix;
	}
	for (size_t i = 1; args[i] && n < 23; i++)
		argv[n++] = args[i];
	if (j->said.len && uns_buf_puts(&j->said, "; ", err))
		return -1;
	if (uns_program_run(argv, &status, &j->said, err))
		return -1;
	if (!status)
		return 0;
	return uns_buf_printf(&j->said, err, "%s(%s: exit status %d)", j->said.len ? " " : "", args[0], status);
}

static int add_group(struct job *j, struct uns_err *err)
{
	static const char *const option[] = {"--system", "--system", "-S"};
	static const char *const tool[] = {"groupadd", "addgroup", "addgroup"};

	return run(j, (const char *const[]){tool[j->tools], option[j->tools], j->a.group, NULL}, err);
}

static int add_user(struct job *j, bool with_group, struct uns_err *err)
{
	switch (j->tools) {
	case TOOLS_DEBIAN:
		return run(j,
		           (const char *const[]){"adduser", "--system", "--no-create-home", "--home", "/nonexistent", "--shell",
		                                 j->shell, "--ingroup", j->a.group, j->a.user, NULL},
		           err);
	case TOOLS_BUSYBOX:
		return run(j,
		           (const char *const[]){"adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", j->shell, "-G",
		                                 j->a.group, j->a.user, NULL},
		           err);
	case TOOLS_SHADOW:
	default:
		return run(j,
		           (const char *const[]){"useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell",
		                                 j->shell, with_group ? "--user-group" : "--gid",
		                                 with_group ? j->a.user : j->a.group, with_group ? NULL : j->a.user, NULL},
		           err);
	}
}

/* One call when both are absent and of one name: useradd then writes both under one lock. */
static int add(struct job *j, struct seen s, struct uns_err *err)
{
	bool at_once = !s.user && !s.group && j->tools == TOOLS_SHADOW && !strcmp(j->a.user, j->a.group);

	if (!at_once && !s.group && add_group(j, err))
		return -1;
	return s.user ? 0 : add_user(j, at_once, err);
}

/* userdel may take the group along or leave it, so that is looked up in between. */
static int del(struct job *j, struct seen s, struct uns_err *err)
{
	bool shadow = j->tools == TOOLS_SHADOW;

	if (s.user && s.uid == 0)
		return uns_err_set(err, UNS_E_REFUSED, "user %s has UID 0 and is never removed", j->a.user);
	if (s.user && run(j, (const char *const[]){shadow ? "userdel" : "deluser", j->a.user, NULL}, err))
		return -1;
	if (see(j->root, &j->a, &s, err))
		return -1;
	/* A group without members is what userdel leaves; while the user is there, it is not ours to take. */
	if (!s.group || s.user)
		return 0;
	return run(j, (const char *const[]){shadow ? "groupdel" : "delgroup", j->a.group, NULL}, err);
}

static int complain(const struct job *j, enum uns_side to, struct uns_err *err)
{
	const char *said = j->said.data ? j->said.data : "";
	bool busy = strstr(said, "cannot lock") || strstr(said, "try again later");

	return uns_err_set(err, busy ? UNS_E_LOCKED : UNS_E_FAILED,
	                   "cannot %s user %s and group %s%s: the account tools say: %.600s", to == UNS_AFTER ? "create" : "remove",
	                   j->a.user, j->a.group, j->prefix ? " in the root" : "", *said ? said : "nothing");
}

/* The tools take the lock themselves, so it must be free when they run. But they give up at once on a subuid.lock or subgid.lock
 * that is held without .pwd.lock, and for ever on one of nobody: we wait, say who has it, and break what we are told to break; also
 * what a run left that was killed here. */
static int pass_lock(const struct uns_step_ctx *c, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;

	return text_lock(c, &lock, err);
}

static int account_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(job_done) struct job j = {0};
	bool want = to == UNS_AFTER;
	struct seen s;

	/* What is so already needs no tool, and nothing of what may be wrong with one. */
	if (get_account(c->step->args, &j.a, err) || pass_lock(c, err) || see(c->root, &j.a, &s, err))
		return -1;
	if (s.user == want && s.group == want)
		return 0;
	if (job_start(&j, c->root, c->step->args, err))
		return -1;
	/* Shadow's tools, which Debian's call too, tell audit themselves. */
	c->unaudited = j.tools == TOOLS_BUSYBOX;
	if (c->locked)
		return uns_err_set(err, UNS_E_FAILED, "the account tools cannot run while we hold the lock of their files");
	if (want ? add(&j, s, err) : del(&j, s, err))
		return -1;
	if (see(c->root, &j.a, &s, err))
		return -1;
	return s.user == want && s.group == want ? 0 : complain(&j, to, err);
}

static int account_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	const char *verb = reverse ? "remove" : "create";
	struct account a;

	if (get_account(args, &a, err))
		return -1;
	if (!strcmp(a.user, a.group))
		return uns_buf_printf(ret, err, "%s system user and group %s", verb, a.user);
	return uns_buf_printf(ret, err, "%s system user %s and group %s", verb, a.user, a.group);
}

const struct uns_kind uns_kind_account = {
    .name = "account",
    .check = account_check,
    .observe = account_observe,
    .drive = account_drive,
    .describe = account_describe,
};
