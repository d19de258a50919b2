/* SPDX-License-Identifier: Apache-2.0 */
/* interlock: free → this process holds the data root against engines (a bracket: holds during a run only).
 * Disjoint: AFTER is "among the descriptors of this run is the data root's directory", BEFORE is the negation; the descriptor is
 * put there only after every check passed and every volumes/metadata.db is locked, and ends with the process.
 *
 * dockerd holds flock(2) on volumes/metadata.db while it runs, and cannot start without it. The locks are taken first and the
 * checks made under them, so that no engine gets in between. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "process.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"
#include "uns/lock.h"
#include "uns/mountinfo.h"
#include "uns/option.h"
#include "uns/progress.h"
#include "uns/step.h"

#define WAIT_MS 10000
#define RETRY_MS 500
#define MOUNTINFO_MAX (64u << 20)
#define DATA_ROOT_DEFAULT "/var/lib/docker"

struct interlock {
	const struct uns_root *root;
	const char *data_root, *exec_root; /* as named in the args */
	char *real, *host;                 /* the data root without symlinks, inside the root and on the host */
	char *exec_real, *exec_host;
	int slash;                 /* the root directory of this process */
	struct uns_strs looked_at; /* mount namespaces (with the root seen from) that were looked at */
	struct uns_held got;
};

static void release(struct interlock *l)
{
	for (size_t i = 0; i < l->got.n; i++)
		close(l->got.fd[i]);
	free(l->got.fd);
	l->got = (struct uns_held){NULL, 0};
}

static void interlock_done(struct interlock *l)
{
	release(l);
	free(l->real);
	free(l->host);
	free(l->exec_real);
	free(l->exec_host);
	uns_closep(&l->slash);
	uns_strs_done(&l->looked_at);
}

/* "/" as a data root would make every mount of the host one below it. */
static int get_path(const json_t *args, const char *key, const char **ret, struct uns_err *err)
{
	const char *path;

	if (uns_args_path(args, key, &path, err))
		return -1;
	if (!path[1]) {
		uns_err_set(err, UNS_E_INPUT, "%s: expected a path other than \"/\"", key);
		return -1;
	}
	*ret = path;
	return 0;
}

static int interlock_check(const json_t *args, struct uns_err *err)
{
	const char *data_root, *exec_root;

	return get_path(args, "data_root", &data_root, err) || get_path(args, "exec_root", &exec_root, err) ? -1 : 0;
}

/* Takes fd, also on failure. */
static int hold(struct uns_held *h, int fd, struct uns_err *err)
{
	int *grown = realloc(h->fd, (h->n + 1) * sizeof(*grown));

	if (!grown) {
		close(fd);
		return uns_err_nomem(err);
	}
	grown[h->n++] = fd;
	h->fd = grown;
	return 0;
}

static bool holds(const struct uns_held *h, const struct stat *what)
{
	struct stat st;

	for (size_t i = 0; h && i < h->n; i++)
		if (!fstat(h->fd[i], &st) && st.st_dev == what->st_dev && st.st_ino == what->st_ino)
			return true;
	return false;
}

/* ---- locks ---- */

/* One volumes/metadata.db, if it exists. One inode under two names (a symlink between the stores) is locked once. */
static int lock_database(struct interlock *l, const char *path, struct uns_err *err)
{
	struct uns_err why = {0};
	uns_auto_close int fd = uns_root_openat(l->root, path, O_RDWR | O_NONBLOCK | O_NOCTTY, &why);
	struct stat st;

	if (fd < 0 && (why.errnum == ENOENT || why.errnum == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st)) {
		*err = why;
		return fd < 0 ? -1 : uns_err_sys(err, errno, "%s", path);
	}
	if (!S_ISREG(st.st_mode))
		return uns_err_set(err, UNS_E_REFUSED, "%s is no regular file", path);
	if (holds(&l->got, &st))
		return 0;
	if (uns_lock_fd(fd, path, err))
		return -1;
	return hold(&l->got, uns_take_fd(fd), err);
}

/* "N.M", or ".N.M.usernsctl", its name while it is being made. */
static bool is_store(const char *name)
{
	static const char suffix[] = ".usernsctl";
	size_t len = strlen(name), cut = sizeof(suffix) - 1;
	char bare[64];

	if (uns_layout_is_remap_dir(name))
		return true;
	if (*name != '.' || len <= cut + 1 || len - cut > sizeof(bare) || strcmp(name + len - cut, suffix))
		return false;
	snprintf(bare, sizeof(bare), "%.*s", (int)(len - cut - 1), name + 1);
	return uns_layout_is_remap_dir(bare);
}

static int lock_databases(struct interlock *l, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	uns_auto_free char *flat = uns_str_printf(err, "%s/volumes/metadata.db", l->real);

	if (!flat || uns_root_list(l->root, l->real, &names, err) < 0 || lock_database(l, flat, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s/volumes/metadata.db", l->real, names.v[i]);

		if (!path || (is_store(names.v[i]) && lock_database(l, path, err)))
			return -1;
	}
	return 0;
}

/* ---- mounts ---- */

static int refuse_mounts(pid_t pid, const char *text, size_t len, const char *below, struct uns_err *err)
{
	uns_auto(uns_mounts_done) struct uns_mounts mounts = {0};
	char comm[UNS_COMM_MAX];

	if (uns_mountinfo_parse(text, len, &mounts, err))
		return uns_err_prefix(err, "/proc/%d/mountinfo", (int)pid);
	for (size_t i = 0; i < mounts.n; i++) {
		const char *point = mounts.v[i].point;

		if (!uns_path_below(point, below) || !strcmp(point, below))
			continue;
		if (pid == getpid())
			return uns_err_set(err, UNS_E_REFUSED, "%s is mounted: stop what uses it, or umount it", point);
		return uns_err_set(err, UNS_E_REFUSED, "%s is mounted where process %d (%s) runs: stop that, or umount it there",
		                   point, (int)pid, uns_process_comm(pid, comm));
	}
	return 0;
}

/* 1 when this mount namespace, seen from this root, was looked at before. */
static int looked_at(struct interlock *l, pid_t pid, const char *below, struct uns_err *err)
{
	char link[64], ns[64];
	uns_auto_free char *key = NULL;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/ns/mnt", (int)pid);
	n = readlink(link, ns, sizeof(ns));
	if (n < 0)
		return 0;
	key = uns_str_printf(err, "%.*s %s", (int)n, ns, below);
	if (!key)
		return -1;
	return uns_strs_has(&l->looked_at, key) ? 1 : uns_strs_add(&l->looked_at, key, err);
}

/* The mounts that a process sees have paths from its own root. A process with another root (a container, another machine's tree)
 * has a data root of its own under that path. */
static int check_mounts(void *user, pid_t pid, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct interlock *l = user;
	const char *below = uns_process_rooted(pid, l->root->fd) ? l->real : uns_process_rooted(pid, l->slash) ? l->host : NULL;
	int r;

	if (!below)
		return 0;
	r = looked_at(l, pid, below, err);
	if (r)
		return r < 0 ? -1 : 0;
	r = uns_process_mountinfo(pid, MOUNTINFO_MAX, &text, err);
	if (r || !text.data)
		return r < 0 ? -1 : 0;
	return refuse_mounts(pid, text.data, text.len, below, err);
}

/* ---- processes ---- */

static bool is_below(const char *path, const char *dir)
{
	return uns_path_below(path, dir);
}

/* The engine's own exec root, or the one that it has while remapping is on ("/run/docker.100000.100000"). */
static bool is_exec(const char *path, const char *exec)
{
	size_t len = strlen(exec);

	if (uns_str_starts(path, "unix://"))
		path += strlen("unix://");
	return uns_path_below(path, exec) || (!strncmp(path, exec, len) && path[len] == '.');
}

/* "-namespace moby" or "moby-U.G", which any engine's shims have, so the bundle's FIFOs must tell whose it is. */
static bool has_moby_namespace(const struct uns_strs *args)
{
	for (size_t i = 1; i < args->n; i++)
		if (!strcmp(args->v[i - 1], "-namespace") && uns_str_starts(args->v[i], "moby"))
			return true;
	return false;
}

static bool is_our_shim(const struct interlock *l, pid_t pid, const struct uns_strs *args)
{
	const char *slash = strrchr(args->v[0], '/');

	if (!uns_str_starts(slash ? slash + 1 : args->v[0], "containerd-shim"))
		return false;
	for (size_t i = 1; i < args->n; i++)
		if (is_exec(args->v[i], l->exec_root) || is_exec(args->v[i], l->exec_real))
			return true;
	return has_moby_namespace(args) && uns_process_uses(pid, is_exec, l->exec_host);
}

/* 1: its command line names this data root, or none while this is the default. */
static int names_data_root(const struct interlock *l, const struct uns_strs *args, struct uns_err *err)
{
	uns_auto_free char *value = NULL, *real = NULL;
	int r = uns_option_argv(args->v, args->n, "data-root", &value, err);

	if (!r)
		r = uns_option_argv(args->v, args->n, "graph", &value, err);
	if (r < 0)
		return -1;
	real = uns_root_resolve(l->root, value ? value : DATA_ROOT_DEFAULT, NULL);
	return !strcmp(real ? real : value ? value : DATA_ROOT_DEFAULT, l->real);
}

static int check_daemon(const struct interlock *l, pid_t pid, const struct uns_strs *args, struct uns_err *err)
{
	int r = names_data_root(l, args, err);

	if (r < 0 || (!r && !uns_process_uses(pid, is_below, l->host)))
		return r;
	return uns_err_set(err, UNS_E_REFUSED, "dockerd (process %d) runs on %s: stop it first", (int)pid, l->data_root);
}

static int check_process(void *user, pid_t pid, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs args = UNS_STRS_INIT;
	const struct interlock *l = user;

	if (!uns_process_rooted(pid, l->root->fd) || !uns_process_here(pid))
		return 0;
	if (uns_process_args(pid, &args, err))
		return -1;
	if (!args.n)
		return 0;
	if (is_our_shim(l, pid, &args))
		return uns_err_set(err, UNS_E_REFUSED,
		                   "a container of this engine still runs under %.200s (process %d): stop the container", args.v[0],
		                   (int)pid);
	return uns_process_is(pid, "dockerd") ? check_daemon(l, pid, &args, err) : 0;
}

/* ---- the kind ---- */

static char *resolve_or_same(const struct uns_root *root, const char *path, struct uns_err *err)
{
	char *real = uns_root_resolve(root, path, NULL);

	return real ? real : uns_str_dup(path, err);
}

static int prepare(struct interlock *l, struct uns_step_ctx *c, struct uns_err *err)
{
	const json_t *args = c->step->args;

	l->root = c->root;
	if (get_path(args, "data_root", &l->data_root, err) || get_path(args, "exec_root", &l->exec_root, err))
		return -1;
	l->slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->slash < 0)
		return uns_err_sys(err, errno, "/");
	l->real = uns_root_resolve(c->root, l->data_root, err);
	l->exec_real = resolve_or_same(c->root, l->exec_root, err);
	if (!l->real || !l->exec_real)
		return -1;
	l->host = uns_root_host_path(c->root, l->real, err);
	l->exec_host = uns_root_host_path(c->root, l->exec_real, err);
	return l->host && l->exec_host ? 0 : -1;
}

/* One try: everything held in l->got, or nothing. */
static int try_hold(struct interlock *l, struct uns_err *err)
{
	int fd = uns_root_openat(l->root, l->real, O_RDONLY | O_DIRECTORY, err);

	uns_strs_done(&l->looked_at);
	l->looked_at = (struct uns_strs)UNS_STRS_INIT;
	if (fd < 0 || hold(&l->got, fd, err))
		return -1;
	/* Processes first: who runs a container is better to know than what it has mounted. */
	if (!lock_databases(l, err) && !uns_process_each(check_process, l, err) && !check_mounts(l, getpid(), err) &&
	    !uns_process_each(check_mounts, l, err))
		return 0;
	release(l);
	return -1;
}

static int hand_over(struct interlock *l, struct uns_held *to, struct uns_err *err)
{
	while (l->got.n) {
		if (hold(to, l->got.fd[l->got.n - 1], err)) {
			l->got.n--;
			return -1;
		}
		l->got.n--;
	}
	return 0;
}

/* An engine that was just stopped may still be letting go: lazy unmounts, a shim on its way out. */
static int take(struct uns_step_ctx *c, struct uns_err *err)
{
	uns_auto(interlock_done) struct interlock l = {.slash = -1};
	int64_t deadline = uns_now_ms() + WAIT_MS;
	struct uns_err why = {0};

	if (!c->held)
		return uns_err_set(err, UNS_E_FAILED, "there is no run that could hold the data root");
	if (prepare(&l, c, err))
		return -1;
	while (try_hold(&l, &why)) {
		bool in_use = why.code == UNS_E_REFUSED || why.code == UNS_E_LOCKED;

		if (!in_use || uns_now_ms() >= deadline) {
			if (err)
				*err = why;
			return in_use ? uns_err_prefix(err, "%s is in use", l.data_root) : -1;
		}
		if (uns_stop_check(err))
			return -1;
		uns_sleep_ms(RETRY_MS);
	}
	return hand_over(&l, c->held, err);
}

static int interlock_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct uns_err why = {0};
	const char *data_root;
	struct stat st;

	if (get_path(c->step->args, "data_root", &data_root, err))
		return -1;
	uns_auto_close int fd = uns_root_openat(c->root, data_root, O_PATH | O_DIRECTORY, &why);
	*ret = fd >= 0 && !fstat(fd, &st) && holds(c->held, &st) ? UNS_AFTER : UNS_BEFORE;
	return 0;
}

static int interlock_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	enum uns_side now;

	if (interlock_observe(c, &now, err))
		return -1;
	if (now == to)
		return 0;
	if (to == UNS_AFTER)
		return take(c, err);
	uns_held_done(c->held);
	return 0;
}

static int interlock_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	const char *data_root;

	if (get_path(args, "data_root", &data_root, err))
		return -1;
	return uns_buf_printf(ret, err, reverse ? "let engines use %s again" : "hold %s against engines while it is changed",
	                      data_root);
}

const struct uns_kind uns_kind_interlock = {
    .name = "interlock",
    .bracket = true,
    .check = interlock_check,
    .observe = interlock_observe,
    .drive = interlock_drive,
    .describe = interlock_describe,
};
