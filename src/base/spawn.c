/* SPDX-License-Identifier: Apache-2.0 */
/* Children. A child gets nothing of ours but what is named: three descriptors, an environment, a directory. It lives in a session
 * of its own, so that an interrupt typed at our terminal cannot stop an account tool between two files. */
#include "uns/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "effect.h"
#include "uns/cleanup.h"
#include "uns/progress.h"

#define OUTPUT_MAX 65536u
#define REPORT_FD 3
#define POLL_MS 50

static const char *const fixed_env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};

struct child {
	const char *const *argv, *const *env;
	const char *cwd; /* NULL: "/" */
	int in, out, report;
};

/* What a child tells about itself before exec: its process, or why there is none. */
struct note {
	pid_t pid;
	int errnum;
};

static void tell(int fd, struct note note)
{
	/* Smaller than PIPE_BUF: whole or not at all; a reader that is gone needs no answer. */
	if (write(fd, &note, sizeof(note)) < 0)
		_exit(127);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(unsigned first)
{
	struct rlimit limit = {0, 0};
	unsigned last = 65536;

#ifdef SYS_close_range
	if (!syscall(SYS_close_range, first, ~0u, 0))
		return;
#endif
	/* An old kernel: every descriptor of ours is close-on-exec, this is for inherited ones, which are low. */
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < last)
		last = (unsigned)limit.rlim_cur;
	for (unsigned fd = first; fd < last; fd++)
		close((int)fd);
}

/* Out of the way first: any of the three may have a number that the next dup2 takes. */
static int place_descriptors(struct child *c)
{
	int in = fcntl(c->in, F_DUPFD_CLOEXEC, 10), out = fcntl(c->out, F_DUPFD_CLOEXEC, 10);
	int report = fcntl(c->report, F_DUPFD_CLOEXEC, 10);

	if (in < 0 || out < 0 || report < 0)
		return -1;
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup3(report, REPORT_FD, O_CLOEXEC) < 0)
		return -1;
	c->report = REPORT_FD;
	close_from(REPORT_FD + 1);
	return 0;
}

static _Noreturn void child_exec(struct child *c)
{
	reset_signals();
	umask(022);
	/* The casts: execve(2) takes its arrays without const, and leaves them alone. */
	if (!place_descriptors(c) && !chdir(c->cwd ? c->cwd : "/"))
		execve(c->argv[0], (char *const *)(uintptr_t)c->argv, (char *const *)(uintptr_t)c->env);
	tell(c->report, (struct note){0, errno});
	_exit(127);
}

static _Noreturn void child_run(struct child *c)
{
	setsid();
	child_exec(c);
}

/* Two forks: the daemon is nobody's child who would have to wait for it, and no session leader that could get a terminal. */
static _Noreturn void child_detach(struct child *c)
{
	pid_t pid;

	setsid();
	pid = fork();
	if (!pid)
		child_exec(c);
	tell(c->report, (struct note){pid, pid < 0 ? errno : 0});
	_exit(0);
}

/* Forks with every signal blocked, so that no handler of ours ever runs in the child. */
static pid_t fork_child(struct child *c, void (*run)(struct child *c))
{
	sigset_t all, old;
	pid_t pid;
	int errnum;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (!pid)
		run(c);
	errnum = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = errnum;
	return pid;
}

static pid_t wait_child(pid_t pid, int *ret_status, int flags)
{
	pid_t r;

	do
		r = waitpid(pid, ret_status, flags);
	while (r < 0 && errno == EINTR);
	return r;
}

/* Reads the notes until exec or the end of the child closed their pipe. *ret_pid: the last process named. 0 or an errno. */
static int read_notes(int fd, pid_t *ret_pid)
{
	struct note note;
	int errnum = 0;

	for (;;) {
		ssize_t n = read(fd, &note, sizeof(note));

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(note))
			return n < 0 ? errno : errnum;
		if (note.errnum)
			errnum = note.errnum;
		else
			*ret_pid = note.pid;
	}
}

/* Starts the child. 0 and its process (of the first fork); *ret_named is the process that the notes named, if any. */
static int start(struct child *c, void (*run)(struct child *c), pid_t *ret_pid, pid_t *ret_named, struct uns_err *err)
{
	uns_auto_close int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uns_auto_close int notes = -1, report = -1;
	int ends[2], errnum, status;
	pid_t pid, named = 0;

	if (in < 0)
		return uns_err_sys(err, errno, "cannot run %s: /dev/null", c->argv[0]);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return uns_err_sys(err, errno, "cannot run %s: pipe", c->argv[0]);
	notes = ends[0];
	report = ends[1];
	c->in = in;
	c->report = report;
	pid = fork_child(c, run);
	if (pid < 0)
		return uns_err_sys(err, errno, "cannot run %s: fork", c->argv[0]);
	uns_closep(&report);
	report = -1;
	errnum = read_notes(notes, &named);
	if (errnum) {
		wait_child(pid, &status, 0);
		return uns_err_sys(err, errnum, "cannot run %s", c->argv[0]);
	}
	*ret_pid = pid;
	*ret_named = named;
	return 0;
}

/* Keeps what fits and lets the rest go by, so that the child never blocks on us. 1 at the end of the output. */
static int take_output(int fd, size_t *room, struct uns_buf *output, struct uns_err *err)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	size_t keep;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : 1;
	if (!n)
		return 1;
	keep = (size_t)n < *room ? (size_t)n : *room;
	*room -= keep;
	return uns_buf_append(output, chunk, keep, err);
}

/* Reads until the output ends, then waits; a grandchild that keeps the output open (a cache daemon, say) is not waited for. */
static int collect(int fd, pid_t pid, int *ret_status, struct uns_buf *output, struct uns_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t room = OUTPUT_MAX;
	bool lost = false;
	int r = 0;

	while (r != 1) {
		int ready = poll(&p, 1, POLL_MS);

		if (ready <= 0) {
			pid_t ended = wait_child(pid, ret_status, WNOHANG);

			uns_progress_tick();
			if (ended)
				return ended < 0 ? uns_err_sys(err, errno, "waitpid") : lost ? -1 : 0;
			continue;
		}
		r = take_output(fd, &room, output, lost ? NULL : err);
		if (r < 0) {
			lost = true;
			room = 0;
		}
	}
	if (wait_child(pid, ret_status, 0) < 0)
		return uns_err_sys(err, errno, "waitpid");
	return lost ? -1 : 0;
}

static int spawn(const char *const argv[], int *ret_status, struct uns_buf *output, struct uns_err *err)
{
	struct child c = {.argv = argv, .env = fixed_env};
	uns_auto_close int from = -1, to = -1;
	int ends[2], status = 0;
	pid_t pid, named;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return uns_err_sys(err, errno, "cannot run %s: pipe", argv[0]);
	from = ends[0];
	to = c.out = ends[1];
	if (start(&c, child_run, &pid, &named, err))
		return -1;
	uns_closep(&to);
	to = -1;
	if (collect(from, pid, &status, output, err))
		return uns_err_prefix(err, "running %s", argv[0]);
	*ret_status = status;
	return 0;
}

/* A caller that was started with SIGCHLD ignored would never learn how a child ended. */
int uns_sys_spawn(const char *const argv[], int *ret_status, struct uns_buf *output, struct uns_err *err)
{
	struct sigaction usual = {.sa_handler = SIG_DFL}, old;
	size_t len = output->len;
	int r;

	if (uns_effect_enter("spawn", NULL))
		return uns_err_sys(err, errno, "cannot run %s", argv[0]);
	sigaction(SIGCHLD, &usual, &old);
	r = spawn(argv, ret_status, output, err);
	sigaction(SIGCHLD, &old, NULL);
	uns_effect_leave("spawn");
	if (r && output->data) {
		output->len = len;
		output->data[len] = '\0';
	}
	return r;
}

/* O_NONBLOCK: a FIFO in the place of a log must not stop us. */
static int open_log(const char *log, struct uns_err *err)
{
	uns_auto_close int fd =
	    open(log ? log : "/dev/null", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return uns_err_sys(err, errno, "cannot open the log %s", log ? log : "/dev/null");
	if (log && !S_ISREG(st.st_mode))
		return uns_err_set(err, UNS_E_FAILED, "the log %s is no regular file", log);
	return uns_take_fd(fd);
}

static int detach(const char *const argv[], const char *const env[], const char *cwd, const char *log, pid_t *ret_pid,
                  struct uns_err *err)
{
	struct child c = {.argv = argv, .env = env ? env : fixed_env, .cwd = cwd};
	uns_auto_close int out = open_log(log, err);
	pid_t pid, named = 0;
	int status;

	if (out < 0)
		return -1;
	c.out = out;
	if (start(&c, child_detach, &pid, &named, err))
		return -1;
	wait_child(pid, &status, 0);
	*ret_pid = named;
	return 0;
}

int uns_sys_daemon(const char *const argv[], const char *const env[], const char *cwd, const char *log, pid_t *ret_pid,
                   struct uns_err *err)
{
	int r;

	if (uns_effect_enter("daemon", NULL))
		return uns_err_sys(err, errno, "cannot start %s", argv[0]);
	r = detach(argv, env, cwd, log, ret_pid, err);
	uns_effect_leave("daemon");
	return r;
}

int uns_sys_kill(pid_t pid, int sig)
{
	int r;

	/* Process groups, everything, and init are never meant. */
	if (pid <= 1) {
		errno = EINVAL;
		return -1;
	}
	if (uns_effect_enter("kill", NULL))
		return -1;
	r = kill(pid, sig);
	uns_effect_leave("kill");
	return r;
}
