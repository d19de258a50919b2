/* SPDX-License-Identifier: Apache-2.0 */
/* The one reading of a host, and the small readers that the files of this floor share. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"

int uns_host_read_proc(const char *path, struct uns_buf *ret, struct uns_err *err)
{
	char chunk[4096];
	size_t start = ret->len;
	uns_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 1;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return 1;
		if (n == 0)
			return 0;
		if (ret->len - start + (size_t)n > UNS_HOST_MAX_PROC)
			return uns_err_set(err, UNS_E_FAILED, "%s: larger than %u bytes", path, UNS_HOST_MAX_PROC);
		if (uns_buf_append(ret, chunk, (size_t)n, err) < 0)
			return -1;
	}
}

char *uns_host_line(struct uns_buf *text, size_t *at)
{
	char *line, *newline;
	size_t len;

	if (*at >= text->len)
		return NULL;
	line = text->data + *at;
	newline = memchr(line, '\n', text->len - *at);
	len = newline ? (size_t)(newline - line) : text->len - *at;
	*at += len + (newline ? 1 : 0);
	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	line[len] = '\0';
	return line;
}

int uns_host_read_comm(const char *proc, pid_t pid, char *ret, size_t size, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%d/comm", proc, (int)pid);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (!path || uns_host_read_proc(path, &text, err) < 0)
		return -1;
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[text.len - 1] = '\0';
	snprintf(ret, size, "%s", text.data ? text.data : "");
	return 0;
}

int uns_host_read_object(const struct uns_root *root, const char *path, size_t max, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *j = NULL;
	int r = uns_root_read(root, path, max, &text, NULL, err);

	if (r)
		return r;
	if (text.len == 0 || strspn(text.data, " \t\r\n") == text.len)
		return 1;
	if (uns_json_parse(text.data, text.len, path, &j, err) < 0)
		return -1;
	if (!json_is_object(j))
		return uns_err_set(err, UNS_E_INPUT, "%s:1:1: expected a JSON object ({…}) at the top level", path);
	*ret = uns_take_ptr(j);
	return 0;
}

int uns_host_is_dir(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err)
{
	struct stat st;
	int r = uns_root_stat(root, path, &st, err);

	if (r < 0)
		return -1;
	*ret = r == 0 && S_ISDIR(st.st_mode);
	return 0;
}

int uns_host_note_unseen(struct uns_facts *f, enum uns_unseen_what what, const char *path, const char *why, struct uns_err *err)
{
	struct uns_unseen *v;

	for (size_t i = 0; i < f->unseens; i++)
		if (f->unseen[i].what == what && strcmp(f->unseen[i].path, path) == 0)
			return 0;
	v = reallocarray(f->unseen, f->unseens + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	f->unseen = v;
	v[f->unseens] = (struct uns_unseen){ what, uns_str_dup(path, err), uns_str_dup(why, err) };
	f->unseens++;
	return v[f->unseens - 1].path && v[f->unseens - 1].why ? 0 : -1;
}

int uns_host_excuse(struct uns_facts *f, enum uns_unseen_what what, const char *path, const struct uns_err *why, struct uns_err *err)
{
	if (f->partial && (why->errnum == EACCES || why->errnum == EPERM))
		return uns_host_note_unseen(f, what, path, why->text, err);
	if (err)
		*err = *why;
	return -1;
}

int uns_host_is_readonly(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_dup(path, err);
	struct uns_err absent = { 0 };
	struct statvfs vfs;

	while (dir) {
		uns_auto_close int fd = uns_root_openat(root, *dir ? dir : "/", O_PATH, &absent);

		if (fd >= 0 && fstatvfs(fd, &vfs) < 0)
			return uns_err_sys(err, errno, "statvfs %s", path);
		if (fd >= 0) {
			*ret = (vfs.f_flag & ST_RDONLY) != 0;
			return 0;
		}
		if (absent.errnum != ENOENT || !*dir || !strrchr(dir, '/'))
			break;
		*strrchr(dir, '/') = '\0';
	}
	if (dir && err)
		*err = absent;
	return -1;
}

static void mount_free(struct uns_mount *m)
{
	free(m->point);
	free(m->fstype);
	free(m->options);
	free(m->super);
}

static int read_mounts(struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t kept = 0;

	if (uns_host_read_proc("/proc/self/mountinfo", &text, err) != 0)
		return uns_err_set(err, UNS_E_FAILED, "/proc/self/mountinfo: cannot be read; mount proc(5) on /proc");
	if (uns_mountinfo_parse(text.data ? text.data : "", text.len, &f->mounts, err) < 0)
		return -1;
	for (size_t i = 0; i < f->mounts.n; i++) {
		struct uns_mount *m = &f->mounts.v[i];
		if (uns_path_below(m->point, f->data_root) && strcmp(m->point, f->data_root) != 0)
			f->mounts.v[kept++] = *m;
		else
			mount_free(m);
	}
	f->mounts.n = kept;
	return 0;
}

/* A cold look reads each inode and the directories, half a sector for each or more, of which some may be in memory yet; a warm one nothing. */
#define INODES_PER_SECTOR 16

static long sectors_read(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) < 0 ? 0 : u.ru_inblock;
}

static int read_census(const struct uns_root *root, const struct uns_facts_want *want, struct uns_facts *f, struct uns_err *err)
{
	const struct uns_store *store = want->nested ? &f->nested : &f->flat;
	uns_auto(uns_strs_done) struct uns_strs patterns = UNS_STRS_INIT;
	uns_auto_free char *base = NULL;
	struct timespec begun, ended;
	struct uns_maps maps;
	struct uns_tree tree;
	long sectors;
	int r;

	if (want->nested && !f->active_dir)
		return 0;
	base = want->nested ? uns_str_printf(err, "%s/%s", f->data_root, f->active_dir) : uns_str_dup(f->data_root, err);
	if (!base || uns_layout_shift(&store->drivers, true, &patterns, err) < 0)
		return -1;
	if (want->nested) {
		bool there = false;
		if (uns_host_is_dir(root, base, &there, err) < 0)
			return -1;
		if (!there)
			return 0;
	}
	if (uns_tree_open(root, base, &tree, err) < 0)
		return -1;
	if (want->shift)
		uns_maps_of(want->shift, &maps);
	sectors = sectors_read();
	clock_gettime(CLOCK_MONOTONIC, &begun);
	r = uns_tree_census(&tree, (const char *const *)patterns.v, patterns.n, want->shift ? &maps : NULL, true, &f->census, err);
	uns_tree_close(&tree);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	f->census_ms = (uint64_t)((ended.tv_sec - begun.tv_sec) * 1000 + (ended.tv_nsec - begun.tv_nsec) / 1000000);
	f->census_cold = (uint64_t)(sectors_read() - sectors) > f->census.inodes / INODES_PER_SECTOR;
	f->have_census = r == 0;
	return r;
}

/* Who may not see the process of the engine, nor its command line, is told by it where its data are. */
static int take_data_root(struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	const char *slash = strrchr(a->data_root, '/');
	bool remapped = uns_layout_is_remap_dir(slash + 1);
	char *dir = remapped ? strndup(a->data_root, (size_t)(slash - a->data_root)) : uns_str_dup(a->data_root, err);

	if (!dir)
		return uns_err_nomem(err);
	free(f->data_root);
	f->data_root = dir;
	return 0;
}

static int ask(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	struct stat st;
	struct uns_err why = { 0 };
	int r;

	if (!root->is_host || !(f->running || f->partial) || !uns_host_may_ask(root, f))
		return 0;
	if (uns_host_ask(root, f, a, err) < 0)
		return -1;
	if (f->running || a->silent)
		return 0;
	if (take_data_root(a, f, err) < 0)
		return -1;
	r = uns_root_stat(root, f->data_root, &st, &why);
	f->have_data_root = r != 1;
	return 0;
}

static int read_stores(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	if (f->have_data_root && (uns_host_is_readonly(root, f->data_root, &f->data_root_readonly, err) < 0 || uns_host_read_flat(root, a, f, err) < 0))
		return -1;
	if (uns_host_read_active_dir(f, err) < 0)
		return -1;
	return f->have_data_root ? uns_host_read_nested(root, a, f, err) : 0;
}

/* The engine tells what its files do not, where that is asked for. */
static int read_stores_or_ask(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	struct uns_err why = { 0 };

	if (read_stores(root, a, f, &why) < 0) {
		if (uns_host_excuse(f, UNS_UNSEEN_DATA, f->data_root, &why, err) < 0)
			return -1;
	} else if (!f->partial || f->have_data_root || a->silent) {
		return 0;
	} else if (uns_host_note_unseen(f, UNS_UNSEEN_ELSEWHERE, a->data_root, "it is not on this host", err) < 0) {
		return -1;
	}
	if (!a->silent)
		return uns_host_read_told(a, f, err);
	if (err)
		*err = why;
	return -1;
}

static int read_data(const struct uns_root *root, const struct uns_facts_want *want, struct uns_asked *a, struct uns_facts *f,
                     struct uns_err *err)
{
	if (ask(root, a, f, err) < 0 || read_stores_or_ask(root, a, f, err) < 0)
		return -1;
	if (!f->have_data_root)
		return 0;
	if (uns_host_read_hostpaths(root, f, err) < 0)
		return -1;
	if (root->is_host && read_mounts(f, err) < 0)
		return -1;
	return want->census && !f->told ? read_census(root, want, f, err) : 0;
}

/* What was to be excused as the engine tells the rest, and it does not. */
static int refuse_unseen(const struct uns_facts *f, struct uns_err *err)
{
	for (size_t i = 0; !f->told && i < f->unseens; i++) {
		if (f->unseen[i].what == UNS_UNSEEN_ANSWER || f->unseen[i].what == UNS_UNSEEN_ENGINE)
			continue;
		uns_err_set(err, UNS_E_FAILED, "%s", f->unseen[i].why);
		if (err)
			err->errnum = EACCES;
		return -1;
	}
	return 0;
}

static int read_inventory(const struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	if (!f->running)
		return 0;
	if (!a->late && (!a->dead || a->info))
		return uns_host_read_inventory(f, err);
	uns_host_compare_info(f, a->info);
	return 0;
}

static int read_all(const struct uns_root *root, const struct uns_facts_want *want, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_host_asked_done) struct uns_asked a = { .silent = true };

	f->offline = !root->is_host;
	f->partial = want->partial && root->is_host;
	if (uns_idfacts_read(root, &f->ids, err) < 0)
		return -1;
	if (!want->options_only && uns_host_read_accounts(root, f, err) < 0)
		return -1;
	if (uns_host_read_daemon(root, f, err) < 0)
		return -1;
	/* Only now is known where the data root is that counts. */
	if (uns_host_read_trees(root, f->data_root, &f->ids, err) < 0)
		return -1;
	if (read_data(root, want, &a, f, err) < 0 || refuse_unseen(f, err) < 0)
		return -1;
	if (!want->options_only && uns_auditfacts_read(root, &f->audit, err) < 0)
		return -1;
	return read_inventory(&a, f, err);
}

int uns_facts_read(const struct uns_root *root, const struct uns_facts_want *want, struct uns_facts *ret, struct uns_err *err)
{
	struct uns_facts f = { 0 };

	if (read_all(root, want, &f, err) < 0) {
		uns_facts_done(&f);
		return -1;
	}
	*ret = f;
	return 0;
}

static void daemon_done(struct uns_facts *f)
{
	char *const strings[] = { f->config_file, f->env_file, f->env_variable, f->cwd,       f->log,      f->pidfile,
		                  f->socket,      f->exec_root, f->program,      f->exec_text, f->exec_file, f->drop_in,   f->config_text };

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(strings[i]);
	json_decref(f->config);
	uns_settings_done(&f->options);
	uns_cmdline_done(&f->command);
	uns_strs_done(&f->unit_env);
	uns_strs_done(&f->argv);
	uns_strs_done(&f->environ);
}

void uns_facts_done(struct uns_facts *f)
{
	uns_hostfacts_done(&f->host);
	uns_idfacts_done(&f->ids);
	daemon_done(f);
	free(f->data_root);
	free(f->active_dir);
	uns_store_done(&f->flat);
	uns_store_done(&f->nested);
	uns_hostpaths_done(&f->hostpaths);
	uns_strs_done(&f->remap_dirs);
	uns_mounts_done(&f->mounts);
	uns_census_done(&f->census);
	uns_auditfacts_done(&f->audit);
	for (size_t i = 0; i < f->unseens; i++) {
		free(f->unseen[i].path);
		free(f->unseen[i].why);
	}
	free(f->unseen);
	json_decref(f->images);
	json_decref(f->containers);
	json_decref(f->volume_names);
	json_decref(f->networks);
	*f = (struct uns_facts){ 0 };
}
