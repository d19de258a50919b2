/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of kinds share that deal with processes and engines: a directory, one step with all that a run gives it, an engine
 * that is a child of ours with canned answers, and a daemon that is this program, run again. */
#ifndef UNS_KINDS_H
#define UNS_KINDS_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"

#define PATH_LEN 256

static char dir[64];
static struct uns_root host;

/* Eight paths may be in use at a time. */
static inline const char *in_dir(const char *name)
{
	static char path[8][PATH_LEN];
	static unsigned next;
	char *p = path[next++ % 8];

	snprintf(p, PATH_LEN, "%s/%.*s", dir, PATH_LEN - (int)sizeof(dir) - 2, name);
	return p;
}

static inline void put(const char *name, const char *text)
{
	uns_auto_close int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static inline void make_dir(const char *name)
{
	assert_int_equal(mkdir(in_dir(name), 0755), 0);
}

static inline int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/uns-engine.XXXXXX");
	return mkdtemp(dir) ? uns_root_open(&host, "/", NULL) : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
{
	(void)state;
	uns_root_close(&host);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A child that a failing test does not leave behind. */
static inline pid_t fork_bound(void)
{
	pid_t pid = fork();

	if (!pid && prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(1);
	return pid;
}

/* ---- one step, with everything that a run gives it ---- */

struct one {
	struct uns_step step;
	struct uns_held held;
	struct uns_step_ctx c;
	struct uns_err err;
};

static inline void one_done(struct one *o)
{
	uns_held_done(&o->held);
	json_decref(o->step.args);
}

static inline void one_init(struct one *o, const struct uns_root *root, const char *kind, json_t *args)
{
	assert_non_null(args);
	*o = (struct one){0};
	o->step.kind = (char *)(uintptr_t)kind;
	o->step.args = args;
	o->c.root = root;
	o->c.step = &o->step;
	o->c.record_dir = -1;
	o->c.held = &o->held;
	if (uns_kind_find(kind)->check(args, &o->err))
		fail_msg("%s", o->err.text);
}

static inline enum uns_side observe(struct one *o)
{
	enum uns_side side;

	if (uns_step_observe(&o->c, &side, &o->err))
		fail_msg("%s", o->err.text);
	return side;
}

static inline void drive(struct one *o, enum uns_side to)
{
	if (uns_step_drive(&o->c, to, &o->err))
		fail_msg("%s", o->err.text);
}

static inline void assert_err(const struct one *o, enum uns_code code, const char *text)
{
	if (o->err.code != code || !strstr(o->err.text, text))
		fail_msg("found code %d, \"%s\"; expected %d, \"%s\"", (int)o->err.code, o->err.text, (int)code, text);
}

static inline void drive_fails(struct one *o, enum uns_side to, enum uns_code code, const char *text)
{
	assert_int_equal(uns_step_drive(&o->c, to, &o->err), -1);
	assert_err(o, code, text);
}

static inline void assert_describes(struct one *o, bool reverse, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	o->step.reverse = reverse;
	assert_int_equal(uns_step_describe(&o->step, &text, NULL), 0);
	o->step.reverse = false;
	assert_string_equal(text.data, want);
}

static inline void args_refused(const char *kind, json_t *args, const char *text)
{
	struct uns_err err = {0};

	assert_non_null(args);
	assert_int_equal(uns_kind_find(kind)->check(args, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	if (!strstr(err.text, text))
		fail_msg("found \"%s\", expected \"%s\"", err.text, text);
	json_decref(args);
}

/* ---- an engine ---- */

/* What the child answers; a request is known by its first line. */
struct canned {
	const char *request;
	int status;
	const char *body;
};

static inline void answer_one(int fd, const struct canned *answers)
{
	char request[8192], head[256];
	size_t len = 0;
	ssize_t n;
	const struct canned *a = answers;
	const char *body;

	while ((n = read(fd, request + len, sizeof(request) - 1 - len)) > 0) {
		len += (size_t)n;
		request[len] = '\0';
		/* Bodies here are short objects, and only POST may have one. */
		if (strstr(request, "\r\n\r\n") &&
		    (strncmp(request, "POST", 4) || request[len - 1] == '}' || strstr(request, "Content-Length: 0\r\n")))
			break;
	}
	while (a->request && strncmp(request, a->request, strlen(a->request)))
		a++;
	snprintf(head, sizeof(head), "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
	         a->request ? a->status : 500, a->request ? strlen(a->body) : strlen(request));
	/* An unknown request is sent back, so that the test shows it. Who got an answer without a body may have closed already. */
	body = a->request ? a->body : request;
	if (write(fd, head, strlen(head)) < 0 || (*body && write(fd, body, strlen(body)) < 0))
		_exit(1);
}

static inline int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 8))
		return -1;
	return fd;
}

static inline _Noreturn void serve(int fd, const struct canned *answers)
{
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		if (peer < 0)
			_exit(1);
		answer_one(peer, answers);
		close(peer);
	}
}

static inline pid_t engine(const struct canned *answers)
{
	int fd = listen_at(in_dir("sock"));
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork_bound();
	if (!pid)
		serve(fd, answers);
	close(fd);
	return pid;
}

static inline void end(pid_t pid)
{
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- a daemon ---- */

/* The stand-in for a daemon: this program, run again. */
static inline int daemon_main(char **argv)
{
	static const struct canned answers[] = {{"GET /_ping HTTP", 200, "OK"}, {NULL, 0, NULL}};
	char pid[32];
	int fd, sock;

	if (!strcmp(argv[2], "dies")) {
		fprintf(stderr, "level=info msg=starting\nfailed to start daemon: no good reason\n");
		return 1;
	}
	fd = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (fd < 0 || write(fd, pid, strlen(pid)) < 0 || close(fd))
		return 1;
	unlink(argv[3]);
	usleep(300000); /* the socket comes late */
	sock = listen_at(argv[3]);
	if (sock >= 0)
		serve(sock, answers);
	return 1;
}

static inline const char *text_of(const char *name)
{
	static char text[4096];
	uns_auto_close int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

#endif
