/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/progress.h"
#include "uns/sys.h"

#define PROC_PATH_MAX 64
#define ARGS_MAX (2u << 20) /* ARG_MAX of the usual kernel: 2 MiB */

static const char *const program_dirs[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

int64_t uns_now_ms(void)
{
	struct timespec t = {0, 0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void uns_sleep_ms(int ms)
{
	uns_progress_sleep_ms(ms);
}

static const char *proc_path(pid_t pid, const char *name, char buf[PROC_PATH_MAX])
{
	snprintf(buf, PROC_PATH_MAX, "/proc/%d/%s", (int)pid, name);
	return buf;
}

/* Whole file of /proc, appended. 0; 1 when the process is gone or does not let us look. */
static int read_proc(pid_t pid, const char *name, size_t max, struct uns_buf *ret, struct uns_err *err)
{
	char path[PROC_PATH_MAX], chunk[4096];
	uns_auto_close int fd = open(proc_path(pid, name, path), O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && max) {
		ssize_t n = read(fd, chunk, sizeof(chunk) < max ? sizeof(chunk) : max);

		if (n < 0)
			return 1;
		if (!n)
			return 0;
		if (uns_buf_append(ret, chunk, (size_t)n, err))
			return -1;
		max -= (size_t)n;
	}
	return fd < 0;
}

/* proc_pid_stat(5): "PID (COMM) STATE …", num_threads is field 20. COMM may hold anything, so from the last parenthesis. */
static bool stat_alive(const char *stat)
{
	const char *p = strrchr(stat, ')');
	char state;
	long threads;

	if (!p || sscanf(p + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld", &state, &threads) != 2)
		return false;
	/* A leader that ended before its threads is a zombie, too. */
	return (state != 'Z' && state != 'X') || threads > 1;
}

bool uns_process_alive(pid_t pid)
{
	uns_auto(uns_buf_done) struct uns_buf stat = UNS_BUF_INIT;

	return pid > 0 && !read_proc(pid, "stat", 4096, &stat, NULL) && stat.data && stat_alive(stat.data);
}

const char *uns_process_comm(pid_t pid, char buf[UNS_COMM_MAX])
{
	uns_auto(uns_buf_done) struct uns_buf comm = UNS_BUF_INIT;

	snprintf(buf, UNS_COMM_MAX, "?");
	if (!read_proc(pid, "comm", UNS_COMM_MAX - 1, &comm, NULL) && comm.len > 1)
		snprintf(buf, UNS_COMM_MAX, "%.*s", (int)(comm.len - 1), comm.data);
	for (char *p = buf; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return buf;
}

int uns_process_args(pid_t pid, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (read_proc(pid, "cmdline", ARGS_MAX, &text, err) < 0)
		return -1;
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		if (uns_strs_add(ret, text.data + at, err))
			return -1;
	return 0;
}

int uns_process_mountinfo(pid_t pid, size_t max, struct uns_buf *ret, struct uns_err *err)
{
	return read_proc(pid, "mountinfo", max, ret, err);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool uns_process_is(pid_t pid, const char *program)
{
	uns_auto(uns_strs_done) struct uns_strs args = UNS_STRS_INIT;
	const char *name = last_component(program);
	char comm[UNS_COMM_MAX];

	if (!uns_process_alive(pid))
		return false;
	/* The kernel keeps 15 bytes of a name. */
	if (*name && !strncmp(uns_process_comm(pid, comm), name, 15))
		return true;
	return !uns_process_args(pid, &args, NULL) && args.n && !strcmp(last_component(args.v[0]), name);
}

/* No sync: the root of a container may be a network or FUSE file system that answers nobody. */
bool uns_process_rooted(pid_t pid, int fd)
{
	char path[PROC_PATH_MAX];
	struct statx its, ours;

	if (statx(AT_FDCWD, proc_path(pid, "root", path), AT_STATX_DONT_SYNC, STATX_INO, &its) ||
	    statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &ours))
		return false;
	return its.stx_ino == ours.stx_ino && its.stx_dev_major == ours.stx_dev_major && its.stx_dev_minor == ours.stx_dev_minor;
}

bool uns_process_here(pid_t pid)
{
	char path[PROC_PATH_MAX];
	struct stat its, ours;

	return !stat(proc_path(pid, "ns/pid", path), &its) && !stat("/proc/self/ns/pid", &ours) && its.st_ino == ours.st_ino &&
	       its.st_dev == ours.st_dev;
}

static bool link_is(int dirfd, const char *name, uns_path_is is, const char *what)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return is(target, what);
}

bool uns_process_uses(pid_t pid, uns_path_is is, const char *what)
{
	char path[PROC_PATH_MAX];
	uns_auto(uns_closedirp) DIR *dir = opendir(proc_path(pid, "fd", path));
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (link_is(dirfd(dir), e->d_name, is, what))
			return true;
	return link_is(AT_FDCWD, proc_path(pid, "cwd", path), is, what);
}

int uns_process_each(uns_process_visit f, void *user, struct uns_err *err)
{
	uns_auto(uns_closedirp) DIR *dir = opendir("/proc");
	struct dirent *e;
	int r = 0;

	if (!dir)
		return uns_err_sys(err, errno, "cannot list the processes in /proc");
	while (!r && (e = readdir(dir))) {
		uint32_t pid;

		if (uns_num_u32(e->d_name, strlen(e->d_name), &pid) || pid > INT_MAX || (pid_t)pid == getpid())
			continue;
		r = f(user, (pid_t)pid, err);
	}
	return r;
}

static bool runnable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

int uns_program_find(const char *name, const char *cwd, char **ret, struct uns_err *err)
{
	bool path = strchr(name, '/');
	size_t n = path ? 1 : sizeof(program_dirs) / sizeof(program_dirs[0]);

	for (size_t i = 0; i < n; i++) {
		const char *dir = !path ? program_dirs[i] : *name == '/' ? "" : cwd ? cwd : "/";
		uns_auto_free char *full = uns_str_printf(err, "%s%s%s", dir, *dir ? "/" : "", name);

		if (!full)
			return -1;
		if (runnable(full)) {
			*ret = uns_take_ptr(full);
			return 0;
		}
	}
	return 1;
}

/* A tool's lines as one, so that they fit into a message; bytes that a terminal would obey become '?'. */
static void one_line(char *from, struct uns_buf *b)
{
	char *end = b->data + b->len, *p;

	while (end > from && isspace((unsigned char)end[-1]))
		*--end = '\0';
	b->len = (size_t)(end - b->data);
	for (p = from; p < end; p++) {
		if (*p == '\n')
			*p = ';';
		else if (iscntrl((unsigned char)*p))
			*p = '?';
	}
}

static int run_program(const char *const argv[], int *ret_exit, struct uns_buf *output, struct uns_err *err)
{
	uns_auto_free char *program = NULL;
	const char *run[32] = {NULL};
	int status, r = uns_program_find(argv[0], NULL, &program, err);

	if (r)
		return r < 0 ? -1
		             : uns_err_set(err, UNS_E_FAILED, "%s is not in /usr/sbin, /usr/bin, /sbin, /bin: install it", argv[0]);
	for (size_t i = 0; argv[i]; i++) {
		if (i + 1 >= sizeof(run) / sizeof(run[0]))
			return uns_err_set(err, UNS_E_FAILED, "%s: too many arguments", argv[0]);
		run[i] = i ? argv[i] : program;
	}
	if (uns_sys_spawn(run, &status, output, err))
		return -1;
	*ret_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

int uns_program_run(const char *const argv[], int *ret_exit, struct uns_buf *output, struct uns_err *err)
{
	size_t start = output->len;

	if (run_program(argv, ret_exit, output, err))
		return -1;
	if (output->data)
		one_line(output->data + start, output);
	return 0;
}

int uns_program_lines(const char *const argv[], int *ret_exit, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf output = UNS_BUF_INIT;

	if (run_program(argv, ret_exit, &output, err))
		return -1;
	return uns_lines_add(output.data ? output.data : "", ret, err);
}

int uns_lines_add(const char *text, struct uns_strs *ret, struct uns_err *err)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		uns_auto_free char *line = strndup(text, len);

		if (!line)
			return uns_err_nomem(err);
		for (char *p = line; *p; p++)
			if (iscntrl((unsigned char)*p))
				*p = *p == '\t' ? ' ' : '?';
		if (*line && uns_strs_add(ret, line, err) < 0)
			return -1;
		text += len + (text[len] == '\n');
	}
	return 0;
}
