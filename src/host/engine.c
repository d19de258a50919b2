/* SPDX-License-Identifier: Apache-2.0 */
/* The running engine: its process, and what it lists over its socket. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/http.h"
#include "uns/json.h"
#include "uns/num.h"

static const char *const usual_pidfiles[] = { "/run/docker.pid", "/var/run/docker.pid" };

/* NUL-terminated strings in a row, as in /proc/PID/cmdline. 0; 1 when there is nothing to read. */
static int read_strings(pid_t pid, const char *name, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	r = uns_host_read_proc(path, &text, err);
	if (r)
		return r;
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		if (uns_strs_add(ret, text.data + at, err) < 0)
			return -1;
	return ret->n ? 0 : 1;
}

/* 0 and the target; 1 when there is none that we may see. */
static int read_link(pid_t pid, const char *name, char **ret, struct uns_err *err)
{
	char path[64], target[PATH_MAX];
	char *copy;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return 1;
	target[n] = '\0';
	copy = uns_str_dup(target, err);
	if (!copy)
		return -1;
	*ret = copy;
	return 0;
}

/* Whether both name one object; false also when we may not see that. */
static bool same_object(pid_t pid, const char *name, const char *ours)
{
	struct stat theirs, own;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return stat(path, &theirs) == 0 && stat(ours, &own) == 0 && theirs.st_dev == own.st_dev && theirs.st_ino == own.st_ino;
}

/* A daemon inside a container has another root. */
bool uns_host_has_our_root(pid_t pid)
{
	return same_object(pid, "root", "/");
}

static bool has_our_mounts(pid_t pid)
{
	return same_object(pid, "ns/mnt", "/proc/self/ns/mnt");
}

/* 0 and its command line; 1 when it is something else, or a zombie (which has none). */
static int is_dockerd(pid_t pid, struct uns_strs *ret_argv, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf comm = UNS_BUF_INIT;
	const char *base;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	r = uns_host_read_proc(path, &comm, err);
	if (r == 0)
		r = read_strings(pid, "cmdline", ret_argv, err);
	if (r)
		return r;
	base = strrchr(ret_argv->v[0], '/');
	base = base ? base + 1 : ret_argv->v[0];
	return (comm.data && strcmp(comm.data, "dockerd\n") == 0) || strcmp(base, "dockerd") == 0 ? 0 : 1;
}

/* A program that is started again needs its path, also when it was found through PATH the first time. */
static int make_absolute(pid_t pid, struct uns_strs *argv, struct uns_err *err)
{
	uns_auto_free char *exe = NULL;
	int r = argv->v[0][0] == '/' ? 1 : read_link(pid, "exe", &exe, err);

	if (r < 0)
		return -1;
	if (r > 0 || access(exe, X_OK) < 0)
		return 0;
	free(argv->v[0]);
	argv->v[0] = uns_take_ptr(exe);
	return 0;
}

/* Its stderr, when that is a file: a daemon that was started by hand is started again with the same log. */
static int read_log(pid_t pid, char **ret, struct uns_err *err)
{
	uns_auto_free char *target = NULL;
	struct stat st;
	int r = read_link(pid, "fd/2", &target, err);

	if (r < 0)
		return -1;
	if (r == 0 && target[0] == '/' && stat(target, &st) == 0 && S_ISREG(st.st_mode))
		*ret = uns_take_ptr(target);
	return 0;
}

/* Takes the process when it is a dockerd of this host. 0 taken; 1 not. */
static int take_process(pid_t pid, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs argv = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs environment = UNS_STRS_INIT;
	uns_auto_free char *cwd = NULL;
	uns_auto_free char *log = NULL;
	int r = is_dockerd(pid, &argv, err);

	if (r)
		return r;
	if (make_absolute(pid, &argv, err) < 0 || read_strings(pid, "environ", &environment, err) < 0)
		return -1;
	if (read_link(pid, "cwd", &cwd, err) < 0 || read_log(pid, &log, err) < 0)
		return -1;
	f->running = true;
	f->pid = pid;
	f->argv = argv;
	argv = (struct uns_strs)UNS_STRS_INIT;
	f->environ = environment;
	environment = (struct uns_strs)UNS_STRS_INIT;
	f->cwd = uns_take_ptr(cwd);
	f->log = uns_take_ptr(log);
	return 0;
}

/* 0 taken; 1 when the file is absent, unreadable or stale. */
static int try_pidfile(const struct uns_root *root, const char *path, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_free char *copy = NULL;
	struct uns_err ignored = { 0 };
	uint32_t pid;
	int r;

	/* dockerd itself takes a pidfile that it cannot make sense of for a stale one. */
	if (uns_root_read(root, path, 4096, &text, NULL, &ignored) != 0 || text.len == 0)
		return 1;
	if (uns_num_u32(text.data, strcspn(text.data, " \n"), &pid) < 0 || pid == 0 || pid > INT_MAX || !uns_host_has_our_root((pid_t)pid))
		return 1;
	copy = uns_str_dup(path, err);
	if (!copy)
		return -1;
	r = take_process((pid_t)pid, f, err);
	if (r == 0)
		f->pidfile = uns_take_ptr(copy);
	return r;
}

/* 0 taken; 1 when there is none. The mounts must be ours too: without a pidfile that says so, a daemon with mounts of its own need
 * not be the one of this host. */
static int scan_processes(struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_closedirp) DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		uint32_t pid;
		int r;

		if (uns_num_u32(e->d_name, strlen(e->d_name), &pid) < 0 || pid > INT_MAX)
			continue;
		if (!uns_host_has_our_root((pid_t)pid) || !has_our_mounts((pid_t)pid))
			continue;
		r = take_process((pid_t)pid, f, err);
		if (r <= 0)
			return r;
	}
	return 1;
}

int uns_host_read_process(const struct uns_root *root, const char *pidfile, struct uns_facts *f, struct uns_err *err)
{
	int r = 1;

	if (pidfile)
		return try_pidfile(root, pidfile, f, err) < 0 ? -1 : 0;
	for (size_t i = 0; r > 0 && i < sizeof(usual_pidfiles) / sizeof(usual_pidfiles[0]); i++)
		r = try_pidfile(root, usual_pidfiles[i], f, err);
	if (r > 0)
		r = scan_processes(f, err);
	return r < 0 ? -1 : 0;
}

/* Whose root directory may not be seen is not known to be ours; but what the pidfile of this host names, is. */
static bool names_dockerd(const struct uns_root *root, const char *pidfile)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err ignored = { 0 };
	char comm[32];
	uint32_t pid;

	if (uns_root_read(root, pidfile, 4096, &text, NULL, &ignored) != 0 || text.len == 0 ||
	    uns_num_u32(text.data, strcspn(text.data, " \n"), &pid) < 0 || pid > INT_MAX)
		return false;
	return uns_host_read_comm("/proc", (pid_t)pid, comm, sizeof(comm), &ignored) == 0 && strcmp(comm, "dockerd") == 0;
}

/* A question to docker.socket would start the engine. */
bool uns_host_may_ask(const struct uns_root *root, const struct uns_facts *f)
{
	bool runs = f->running || !f->socket_unit || (f->pidfile && names_dockerd(root, f->pidfile));

	for (size_t i = 0; !runs && i < sizeof(usual_pidfiles) / sizeof(usual_pidfiles[0]); i++)
		runs = names_dockerd(root, usual_pidfiles[i]);
	return f->socket && runs;
}

/* Field 22 of /proc/PID/stat: ticks since the system booted. The name in field 2 may hold anything. */
static int read_ticks(pid_t pid, unsigned long long *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	char path[64];
	const char *p;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = uns_host_read_proc(path, &text, err);
	if (r)
		return r;
	p = text.data ? strrchr(text.data, ')') : NULL;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu", ret) != 1)
		return uns_err_set(err, UNS_E_FAILED, "%s: expected 22 fields or more", path);
	return 0;
}

int uns_host_read_start(pid_t pid, struct timespec *ret, struct uns_err *err)
{
	const long second = 1000000000;
	long hz = sysconf(_SC_CLK_TCK);
	struct timespec now, up;
	unsigned long long ticks;
	long long ns;
	int r = read_ticks(pid, &ticks, err);

	if (r)
		return r;
	if (hz <= 0 || clock_gettime(CLOCK_REALTIME, &now) || clock_gettime(CLOCK_BOOTTIME, &up))
		return uns_err_sys(err, errno, "cannot read the clock");
	/* A tick that has begun counts as a whole. */
	ns = (now.tv_sec - up.tv_sec) * second + (now.tv_nsec - up.tv_nsec) + (long long)((ticks + 1) * (unsigned long long)(second / hz));
	*ret = (struct timespec){ .tv_sec = ns / second, .tv_nsec = ns % second };
	return 0;
}

/* ---- its lists ---- */

struct list {
	const char *path;
	const char *wrap; /* member of the answer that holds the array; NULL: the answer is the array */
	const char *key;  /* member of each element */
};

/* Swarm mode makes and takes away by itself: containers of tasks are replaced whenever an engine starts, and its networks are not
 * there before its managers have agreed. */
static bool is_of_swarm(const json_t *thing)
{
	return json_object_get(json_object_get(thing, "Labels"), "com.docker.swarm.task.id") ||
	       strcmp(uns_json_str_or(thing, "Scope", ""), "swarm") == 0;
}

/* 0; 1 when the answer is no such list. */
static int collect(const json_t *answer, const struct list *l, struct uns_strs *ret, struct uns_err *err)
{
	const json_t *array = l->wrap ? json_object_get(answer, l->wrap) : answer;

	if (json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return 1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *thing = json_array_get(array, i);
		const char *s = json_string_value(json_object_get(thing, l->key));
		if (!s)
			return 1;
		if (!is_of_swarm(thing) && uns_strs_add(ret, s, err) < 0)
			return -1;
	}
	uns_strs_sort(ret);
	return 0;
}

static json_t *to_array(const struct uns_strs *list, struct uns_err *err)
{
	uns_auto_json json_t *array = json_array();

	for (size_t i = 0; array && i < list->n; i++)
		if (json_array_append_new(array, json_string(list->v[i])) < 0) {
			uns_err_nomem(err);
			return NULL;
		}
	if (!array)
		uns_err_nomem(err);
	return uns_take_ptr(array);
}

/* 0; 1 when the engine does not answer at all. *ret stays NULL when the answer is none of use. */
static int ask(const char *socket, const char *path, json_t **ret)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err ignored = { 0 };
	long http = 0;

	if (uns_http_get(socket, path, &http, &text, &ignored) < 0)
		return 1;
	if (http == 200 && text.data)
		(void)uns_json_parse(text.data, text.len, path, ret, &ignored);
	return 0;
}

/* 0; 1 when the engine does not answer at all; -1. *ret stays NULL when it has no such list. */
static int get_list(const char *socket, const struct list *l, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;
	uns_auto_json json_t *answer = NULL;
	int r = ask(socket, l->path, &answer);

	if (r || !answer)
		return r;
	r = collect(answer, l, &found, err);
	if (r)
		return r < 0 ? -1 : 0;
	*ret = to_array(&found, err);
	return *ret ? 0 : -1;
}

/* ["driver-type", "io.containerd.snapshotter.v1"] is among the pairs of DriverStatus (moby daemon/containerd, LayerStoreStatus). */
static bool has_containerd_store(const json_t *info)
{
	const json_t *status = json_object_get(info, "DriverStatus");

	for (size_t i = 0; i < json_array_size(status); i++) {
		const char *value = json_string_value(json_array_get(json_array_get(status, i), 1));
		if (value && uns_str_starts(value, "io.containerd.snapshotter."))
			return true;
	}
	return false;
}

int uns_host_read_inventory(struct uns_facts *f, struct uns_err *err)
{
	static const struct list images = { "/images/json?all=1", NULL, "Id" };
	static const struct list containers = { "/containers/json?all=1", NULL, "Id" };
	static const struct list volumes = { "/volumes", "Volumes", "Name" };
	static const struct list networks = { "/networks", NULL, "Name" };
	const struct {
		const struct list *list;
		json_t **ret;
	} all[] = {
		{ &images, &f->images },
		{ &containers, &f->containers },
		{ &volumes, &f->volume_names },
		{ &networks, &f->networks },
	};
	uns_auto_json json_t *info = NULL;
	int r = f->socket ? ask(f->socket, "/info", &info) : 0;

	f->containerd_store = has_containerd_store(info);
	uns_host_compare_info(f, info);
	/* An engine that let one request run into its timeout is not asked again. */
	for (size_t i = 0; r == 0 && f->socket && i < sizeof(all) / sizeof(all[0]); i++)
		r = get_list(f->socket, all[i].list, all[i].ret, err);
	return r < 0 ? -1 : 0;
}
