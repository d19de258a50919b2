/* SPDX-License-Identifier: Apache-2.0 */
/* The options of dockerd, wherever this host keeps them: daemon.json, the env file, the unit, the running command line. */
#include <limits.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"
#include "uns/num.h"
#include "uns/option.h"

#define REMAP "userns-remap"

static const char *const binaries[] = { "/usr/bin/dockerd",        "/usr/sbin/dockerd", "/usr/local/bin/dockerd",
	                                "/usr/local/sbin/dockerd", "/bin/dockerd",      "/sbin/dockerd",
	                                "/opt/bin/dockerd" };

/* How often the flag is set on a command line, *ret (may be NULL on 0) the last value; -1. */
static int in_words(const struct uns_strs *words, const char *flag, char **ret, struct uns_err *err)
{
	return words->n ? uns_option_argv(words->v, words->n, flag, ret, err) : 0;
}

/* The same on the command line that counts. A running daemon has its variables expanded; what was edited since is not in effect. */
static int in_flags(const struct uns_facts *f, const char *flag, char **ret, struct uns_err *err)
{
	return in_words(f->running ? &f->argv : &f->command.words, flag, ret, err);
}

static int wrong_type(const struct uns_facts *f, const char *key, const char *expected, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s: member \"%s\" must be %s; dockerd refuses it as it is", f->config_file, key,
	                   expected);
}

/* Heap value of flag, else of daemon.json, else of def (may be NULL: *ret may stay NULL). */
static int find_option(const struct uns_facts *f, const char *name, const char *key, const char *def, char **ret, struct uns_err *err)
{
	uns_auto_free char *value = NULL;
	json_t *member = json_object_get(f->config, key);
	int n = in_flags(f, name, &value, err);

	if (n < 0)
		return -1;
	if (n == 0 && member && !json_is_null(member) && !json_is_string(member))
		return wrong_type(f, key, "a string", err);
	if (n == 0 && json_string_value(member) && *json_string_value(member))
		def = json_string_value(member);
	if (!value && def && !(value = uns_str_dup(def, err)))
		return -1;
	*ret = uns_take_ptr(value);
	return 0;
}

/* Replaces *path by what it means to the daemon. */
static int make_absolute(const struct uns_facts *f, char **path, struct uns_err *err)
{
	const char *cwd = f->cwd && strcmp(f->cwd, "/") != 0 ? f->cwd : "";
	char *whole;

	if (!*path || **path == '/')
		return 0;
	whole = uns_str_printf(err, "%s/%s", cwd, *path);
	if (!whole)
		return -1;
	free(*path);
	*path = whole;
	return 0;
}

/* ---- daemon.json ---- */

static int parse_config(struct uns_facts *f, const struct uns_buf *text, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL;
	/* dockerd skips a byte order mark. */
	size_t skip = text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	if (text->len == skip || strspn(text->data + skip, " \t\r\n") == text->len - skip)
		return 0;
	if (uns_json_parse(text->data + skip, text->len - skip, f->config_file, &j, err) < 0)
		return -1;
	if (!json_is_object(j))
		return uns_err_set(err, UNS_E_INPUT, "%s:1:1: expected a JSON object ({…}) at the top level", f->config_file);
	f->config = uns_take_ptr(j);
	return 0;
}

static int read_config_dir(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	const char *slash = strrchr(f->config_file, '/');
	uns_auto_free char *dir =
	        uns_str_printf(err, "%.*s", slash == f->config_file ? 1 : (int)(slash - f->config_file), f->config_file);
	struct stat st;
	struct uns_err why = { 0 };
	int r = dir ? uns_root_stat(root, dir, &st, &why) : -1;

	if (!dir)
		return -1;
	if (r < 0)
		return uns_host_excuse(f, UNS_UNSEEN_OPTIONS, f->config_file, &why, err);
	/* The directory itself may be a symlink; a dangling one shows when the file is written. */
	f->have_config_dir = r == 0 && (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
	return 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* A file that was moved here counts too: its inode has changed. */
static int read_newer(struct uns_facts *f, const struct stat *st, struct uns_err *err)
{
	struct timespec started;
	int r = f->running ? uns_host_read_start(f->pid, &started, err) : 1;

	if (r)
		return r < 0 ? -1 : 0;
	f->config_newer = is_later(&st->st_mtim, &started) || is_later(&st->st_ctim, &started);
	return 0;
}

static int read_config(const struct uns_root *root, struct uns_facts *f, struct uns_buf *text, struct uns_err *err)
{
	struct uns_err why = { 0 };
	struct stat st;
	int r;

	if (find_option(f, "config-file", "", "/etc/docker/daemon.json", &f->config_file, err) < 0)
		return -1;
	if (make_absolute(f, &f->config_file, err) < 0 || read_config_dir(root, f, err) < 0)
		return -1;
	r = uns_root_read(root, f->config_file, UNS_HOST_MAX_CONFIG, text, &st, &why);
	if (r)
		return r < 0 ? uns_host_excuse(f, UNS_UNSEEN_OPTIONS, f->config_file, &why, err) : 0;
	f->have_config = true;
	if (read_newer(f, &st, err) < 0)
		return -1;
	if (text->len == strlen(text->data ? text->data : "") && !(f->config_text = uns_str_dup(text->data ? text->data : "", err)))
		return -1;
	return text->data ? parse_config(f, text, err) : 0;
}

/* ---- userns-remap ---- */

static bool is_value(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static int check_remap(const struct uns_facts *f, struct uns_err *err)
{
	const json_t *member = json_object_get(f->config, REMAP);

	return !member || json_is_null(member) || json_is_string(member) ? 0 : wrong_type(f, REMAP, "a string or null", err);
}

/* ---- other options ---- */

static int read_live_restore(struct uns_facts *f, struct uns_err *err)
{
	const struct uns_strs *const words[] = { &f->command.words, &f->argv };
	const json_t *member = json_object_get(f->config, "live-restore");

	if (member && !json_is_null(member) && !json_is_boolean(member))
		return wrong_type(f, "live-restore", "true or false", err);
	f->live_restore = json_is_true(member);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uns_auto_free char *value = NULL;
		int n = in_words(words[i], "live-restore", &value, err);
		if (n < 0)
			return -1;
		/* What is no known "false" counts as set: it is the careful answer. */
		if (n > 0 && !is_value(value, "false") && !is_value(value, "0"))
			f->live_restore = true;
	}
	return 0;
}

#define DEFAULT_SOCKET "/var/run/docker.sock"

/* Path of the unix socket that a host names; NULL: none. fd:// is docker.socket's, which listens at the default path. */
static const char *socket_of(const char *host)
{
	if (uns_str_starts(host, "unix://"))
		return host[7] ? host + 7 : DEFAULT_SOCKET;
	return uns_str_starts(host, "fd://") ? DEFAULT_SOCKET : NULL;
}

/* Counts hosts; *ret becomes a copy of the first unix socket among them, if it is not set. -1. */
static int hosts_in_words(const struct uns_strs *words, char **ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs hosts = UNS_STRS_INIT;
	int n = uns_option_values(words->v, words->n, "host", &hosts, err);

	for (size_t i = 0; n > 0 && i < hosts.n && !*ret; i++) {
		const char *path = socket_of(hosts.v[i]);
		if (path && !(*ret = uns_str_dup(path, err)))
			return -1;
	}
	return n;
}

static size_t hosts_in_config(const struct uns_facts *f, const char **ret)
{
	const json_t *array = json_object_get(f->config, "hosts");

	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *host = json_string_value(json_array_get(array, i));
		if (host && !*ret)
			*ret = socket_of(host);
	}
	return json_array_size(array);
}

static int read_socket(struct uns_facts *f, struct uns_err *err)
{
	const char *path = NULL;
	size_t in_config = hosts_in_config(f, &path);
	int in_flags;

	if (path && !(f->socket = uns_str_dup(path, err)))
		return -1;
	in_flags = hosts_in_words(f->running ? &f->argv : &f->command.words, &f->socket, err);
	if (in_flags < 0)
		return -1;
	if (!in_config && !in_flags && !(f->socket = uns_str_dup(DEFAULT_SOCKET, err)))
		return -1;
	return make_absolute(f, &f->socket, err);
}

static int read_data_root(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto_free char *old = NULL;
	uns_auto_free char *path = NULL;
	struct uns_err absent = { 0 };
	char *real;

	/* --graph and "graph" are the names before 17.05; -g is short for both. */
	if (find_option(f, "graph", "graph", "/var/lib/docker", &old, err) < 0)
		return -1;
	if (find_option(f, "data-root", "data-root", old, &path, err) < 0 || make_absolute(f, &path, err) < 0)
		return -1;
	real = uns_root_resolve(root, path, &absent);
	if (!real && absent.errnum != ENOENT && uns_host_excuse(f, UNS_UNSEEN_DATA, path, &absent, err) < 0)
		return -1;
	f->have_data_root = real != NULL || absent.errnum != ENOENT;
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/';)
		path[--len] = '\0';
	f->data_root = real ? real : uns_take_ptr(path);
	return 0;
}

static int read_paths(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto_free char *pidfile = NULL;

	if (find_option(f, "pidfile", "pidfile", "/var/run/docker.pid", &pidfile, err) < 0 ||
	    make_absolute(f, &pidfile, err) < 0)
		return -1;
	if (!f->pidfile)
		f->pidfile = uns_take_ptr(pidfile);
	if (find_option(f, "exec-root", "exec-root", "/var/run/docker", &f->exec_root, err) < 0)
		return -1;
	if (make_absolute(f, &f->exec_root, err) < 0 || read_socket(f, err) < 0)
		return -1;
	return read_data_root(root, f, err);
}

/* ---- process ---- */

static int read_process(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto_free char *pidfile = NULL;

	if (in_flags(f, "pidfile", &pidfile, err) < 0)
		return -1;
	if (pidfile && *pidfile == '/' && uns_host_read_process(root, pidfile, f, err) < 0)
		return -1;
	return f->running ? 0 : uns_host_read_process(root, NULL, f, err);
}

/* A pidfile that only daemon.json names, of a daemon whose mounts are not ours: the search did not see that one. */
static int read_process_late(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	const char *pidfile = json_string_value(json_object_get(f->config, "pidfile"));

	return pidfile && *pidfile == '/' ? uns_host_read_process(root, pidfile, f, err) : 0;
}

static int read_installed(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	struct stat st;

	f->installed = f->unit || f->running || f->manager == UNS_MANAGER_SNAP;
	for (size_t i = 0; !f->installed && i < sizeof(binaries) / sizeof(binaries[0]); i++) {
		int r = uns_root_stat(root, binaries[i], &st, err);
		if (r < 0)
			return -1;
		f->installed = r == 0;
	}
	return 0;
}

static bool is_unseen(const struct uns_facts *f, const char *path)
{
	for (size_t i = 0; i < f->unseens; i++)
		if (f->unseen[i].what == UNS_UNSEEN_OPTIONS && strcmp(f->unseen[i].path, path) == 0)
			return true;
	return false;
}

/* Whether the files are made from elsewhere, or cannot be written. */
static int read_writable(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	struct stat st;
	struct uns_err absent = { 0 };
	uns_auto_free char *real = uns_root_resolve(root, f->config_file, &absent);
	int r = uns_root_stat(root, "/etc/NIXOS", &st, err);

	if (r < 0)
		return -1;
	f->nixos = r == 0 || (real && uns_str_starts(real, "/nix/store/"));
	return is_unseen(f, f->config_file) ? 0 : uns_host_is_readonly(root, f->config_file, &f->config_readonly, err);
}

static int read_program(struct uns_facts *f, struct uns_err *err)
{
	if (f->running) {
		free(f->program);
		f->program = uns_str_dup(f->argv.v[0], err);
		return f->program ? 0 : -1;
	}
	return 0;
}

int uns_host_read_daemon(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (uns_host_read_sources(root, f, err) < 0)
		return -1;
	if (root->is_host && read_process(root, f, err) < 0)
		return -1;
	if (read_config(root, f, &text, err) < 0 || read_writable(root, f, err) < 0)
		return -1;
	if (root->is_host && !f->running && read_process_late(root, f, err) < 0)
		return -1;
	if (uns_host_read_manager(root, f, err) < 0 || read_installed(root, f, err) < 0 || read_program(f, err) < 0)
		return -1;
	if (check_remap(f, err) < 0 || uns_host_read_settings(f, &text, err) < 0)
		return -1;
	return read_live_restore(f, err) < 0 ? -1 : read_paths(root, f, err);
}

/* ---- the directory of the remapped store ---- */

/* The one value that the settings agree on; NULL when off or when they contradict each other (dockerd does not start then). */
static int effective_remap(const struct uns_facts *f, const char **ret, struct uns_err *err)
{
	uns_auto_free char *running = NULL;
	const struct uns_setting *s;
	const char *value = NULL;

	if (f->running && in_words(&f->argv, REMAP, &running, err) < 0)
		return -1;
	*ret = NULL;
	for (size_t at = 0; (s = uns_settings_next(&f->options, REMAP, &at));) {
		/* Not what the running daemon was started with. */
		if (!s->value || (f->running && s->place != UNS_PLACE_JSON && !is_value(s->value, running)))
			continue;
		if (value && strcmp(value, s->value) != 0)
			return 0;
		value = s->value;
	}
	*ret = value && *value ? value : NULL;
	return 0;
}

struct remap_user {
	char *name; /* NULL: only the number is known */
	bool have_uid;
	uint32_t uid;
};

static void remap_user_done(struct remap_user *u)
{
	free(u->name);
}

/* "A[:B]": dockerd looks B up, but both ranges are those of the user A. 0; 1 when it means nobody, or root (which is off). */
static int parse_remap(const struct uns_facts *f, const char *value, struct remap_user *ret, struct uns_err *err)
{
	size_t len = strcspn(value, ":");
	uns_auto_free char *name = strndup(value, len);
	const struct uns_account *a;
	uint32_t uid;

	if (!name)
		return uns_err_nomem(err);
	if (!len || (value[len] && strchr(value + len + 1, ':')))
		return 1;
	/* dockerd reads 32 bits with a sign: a larger number is a name to it. */
	if (uns_num_u32(name, len, &uid) == 0 && uid <= INT32_MAX) {
		a = uns_accounts_id(&f->ids.users, uid);
		ret->have_uid = true;
		ret->uid = uid;
	} else {
		a = uns_accounts_name(&f->ids.users, strcmp(name, "default") == 0 ? "dockremap" : name);
		ret->have_uid = a != NULL;
		ret->uid = a ? a->id : 0;
	}
	if (a ? a->id == 0 : ret->have_uid ? ret->uid == 0 : strcmp(name, "root") == 0)
		return 1;
	if (a)
		ret->name = uns_str_dup(a->name, err);
	else if (!ret->have_uid)
		ret->name = uns_str_dup(strcmp(name, "default") == 0 ? "dockremap" : name, err);
	return (a || !ret->have_uid) && !ret->name ? -1 : 0;
}

/* First range of the user; false when there is none. To dockerd before 28 lines of the UID hide those of the name. */
static bool first_range(const struct uns_subid *s, const struct remap_user *u, bool before_28, uint32_t *ret)
{
	const struct uns_subid_line *found = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct uns_subid_line *l = &s->v[i];
		uint32_t uid;
		bool by_uid = u->have_uid && uns_num_u32(l->owner, strlen(l->owner), &uid) == 0 && uid == u->uid;
		bool by_name = u->name && strcmp(l->owner, u->name) == 0;

		if (l->range.count == 0) /* gives nobody anything */
			continue;
		if (before_28 && by_uid) {
			*ret = l->range.start;
			return true;
		}
		if (!found && (by_uid || by_name))
			found = l;
	}
	if (found)
		*ret = found->range.start;
	return found != NULL;
}

/* 0; 1 when the user has no ranges. */
static int remap_dir(const struct uns_facts *f, const struct remap_user *u, bool before_28, char **ret, struct uns_err *err)
{
	uint32_t uid, gid;

	if (!first_range(&f->ids.sub[UNS_UID].s, u, before_28, &uid) || !first_range(&f->ids.sub[UNS_GID].s, u, before_28, &gid))
		return 1;
	*ret = uns_str_printf(err, "%u.%u", uid, gid);
	return *ret ? 0 : -1;
}

int uns_host_read_active_dir(struct uns_facts *f, struct uns_err *err)
{
	uns_auto(remap_user_done) struct remap_user user = { 0 };
	uns_auto_free char *old = NULL;
	uns_auto_free char *new = NULL;
	const char *value;
	int r;

	if (effective_remap(f, &value, err) < 0)
		return -1;
	r = value ? parse_remap(f, value, &user, err) : 1;
	if (r == 0)
		r = remap_dir(f, &user, true, &old, err);
	if (r == 0)
		r = remap_dir(f, &user, false, &new, err);
	if (r)
		return r < 0 ? -1 : 0;
	/* Where the versions of dockerd differ, the one that was here left its directory. */
	if (strcmp(old, new) == 0 || (uns_strs_has(&f->remap_dirs, new) && !uns_strs_has(&f->remap_dirs, old)))
		f->active_dir = uns_take_ptr(new);
	else if (uns_strs_has(&f->remap_dirs, old) && !uns_strs_has(&f->remap_dirs, new))
		f->active_dir = uns_take_ptr(old);
	return 0;
}
