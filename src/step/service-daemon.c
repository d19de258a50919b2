/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon that is known by its pid file: started by OpenRC, by an init script, or by its own command line. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "process.h"
#include "service.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/progress.h"
#include "uns/sys.h"

#define STOP_MS 60000
#define SEEN_MS 6000 /* in which a script's daemon has to be there */
#define POLL_MS 100
#define LOG_TAIL 8192

static const char *program_of(const struct uns_service *s)
{
	return s->argv ? json_string_value(json_array_get(s->argv, 0)) : "dockerd";
}

/* The living process that the pid file names and that is the program; 0: none. A file that names a dead process, another program
 * or nothing is what a crash or a reboot leaves. */
static int daemon_pid(struct uns_step_ctx *c, const struct uns_service *s, pid_t *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uint32_t pid;

	if (uns_root_read(c->root, s->pidfile, 4096, &text, NULL, err) < 0)
		return -1;
	while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
		text.len--;
	if (!text.len || uns_num_u32(text.data, text.len, &pid) || pid <= 1 || pid > INT_MAX ||
	    !uns_process_is((pid_t)pid, program_of(s)))
		pid = 0;
	*ret = (pid_t)pid;
	return 0;
}

static void tell(struct uns_step_ctx *c, const char *what, const char *program, pid_t pid)
{
	char text[256];

	if (!c->tell)
		return;
	if (pid)
		snprintf(text, sizeof(text), "%s %s (process %d)", what, program, (int)pid);
	else
		snprintf(text, sizeof(text), "%s %s", what, program);
	c->tell(c->tell_user, text);
}

/* ---- its log ---- */

static off_t log_size(struct uns_step_ctx *c, const struct uns_service *s)
{
	struct stat st;

	return s->log && !uns_root_stat(c->root, s->log, &st, NULL) ? st.st_size : 0;
}

/* The last whole lines that were written to the log since it had this size. A log that is shorter now was made anew. */
static void log_tail(struct uns_step_ctx *c, const struct uns_service *s, off_t from, struct uns_strs *ret)
{
	char text[LOG_TAIL + 1];
	uns_auto_close int fd = s->log ? uns_root_openat(c->root, s->log, O_RDONLY | O_NONBLOCK, NULL) : -1;
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0, start = end < from ? 0 : from;
	off_t at = end - LOG_TAIL > start ? end - LOG_TAIL : start;
	ssize_t n = end > at ? pread(fd, text, (size_t)(end - at), at) : 0;
	const char *line = text;

	text[n > 0 ? n : 0] = '\0';
	if (at > start && strchr(text, '\n'))
		line = strchr(text, '\n') + 1;
	/* Out of memory: then there is nothing to quote. */
	if (uns_lines_add(line, ret, NULL) < 0)
		uns_strs_done(ret);
}

static int quote_log(struct uns_step_ctx *c, const struct uns_service *s, off_t from, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;

	log_tail(c, s, from, &lines);
	return uns_service_quote(c, s->log ? s->log : "its log", &lines, err);
}

/* ---- scripts ---- */

/* rc-service NAME VERB, or service NAME VERB; the exit status in *ret_exit. */
static int script(const struct uns_service *s, const char *verb, int *ret_exit, struct uns_buf *said, struct uns_err *err)
{
	const char *runner = s->manager == UNS_SERVICE_OPENRC ? "rc-service" : "service";

	return uns_program_run((const char *const[]){runner, s->name, verb, NULL}, ret_exit, said, err);
}

/* What rc-service says of a service by its exit status (OpenRC, sh/openrc-run.sh.in, _status). */
enum rc_state {
	RC_STARTED = 0,
	RC_STOPPED = 3,
	RC_STOPPING = 4,
	RC_STARTING = 8,
	RC_INACTIVE = 16,
	RC_CRASHED = 32,
	RC_UNSUPERVISED = 64
};

static int rc_state(const struct uns_service *s, enum rc_state *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	int status;

	if (script(s, "status", &status, &said, err))
		return -1;
	switch (status) {
	case RC_STARTED:
	case RC_STOPPED:
	case RC_STOPPING:
	case RC_STARTING:
	case RC_INACTIVE:
	case RC_CRASHED:
	case RC_UNSUPERVISED:
		*ret = (enum rc_state)status;
		return 0;
	default:
		return uns_err_set(err, UNS_E_FAILED,
		                   "rc-service %s status does not tell the state of the service (exit %d): %.600s", s->name, status,
		                   said.data ? said.data : "no output");
	}
}

int uns_service_daemon_up(struct uns_step_ctx *c, const struct uns_service *s, bool *ret, struct uns_err *err)
{
	enum rc_state state = RC_STOPPED;
	pid_t pid;

	if (daemon_pid(c, s, &pid, err) || (!pid && s->manager == UNS_SERVICE_OPENRC && rc_state(s, &state, err)))
		return -1;
	/* Of a crashed one only the record in OpenRC is left. */
	*ret = pid || (state != RC_STOPPED && state != RC_CRASHED);
	return 0;
}

/* ---- stop ---- */

static int still_runs(const struct uns_service *s, pid_t pid, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_FAILED,
	                   "%s (process %d) still runs %d s after it was told to stop: see %s, stop it and run again",
	                   program_of(s), (int)pid, STOP_MS / 1000, s->log ? s->log : "its log");
}

static int wait_end(struct uns_step_ctx *c, const struct uns_service *s, pid_t pid, struct uns_err *err)
{
	int64_t deadline = uns_now_ms() + STOP_MS;

	tell(c, "waiting for the end of", program_of(s), pid);
	while (uns_process_alive(pid)) {
		if (uns_now_ms() >= deadline)
			return still_runs(s, pid, err);
		if (uns_stop_check(err))
			return -1;
		uns_sleep_ms(POLL_MS);
	}
	return 0;
}

static int require_down(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	pid_t pid;

	if (daemon_pid(c, s, &pid, err))
		return -1;
	return pid ? uns_err_set(err, UNS_E_FAILED,
	                         "%s was started again (process %d) by somebody: stop its supervisor and run again", program_of(s),
	                         (int)pid)
	           : 0;
}

/* Never SIGKILL: a daemon that takes its containers down needs its time, and one that hangs holds something. */
static int terminate(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	pid_t pid;

	if (daemon_pid(c, s, &pid, err))
		return -1;
	if (!pid)
		return 0;
	if (uns_sys_kill(pid, SIGTERM) && errno != ESRCH)
		return uns_err_sys(err, errno, "cannot stop %s (process %d)", program_of(s), (int)pid);
	return wait_end(c, s, pid, err);
}

/* Debian's script kills what has not ended after ten seconds, so the engine is told before; the script then clears away what it
 * noted of it. It may well complain that nothing runs. */
static int stop_sysvinit(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf ignored = UNS_BUF_INIT;
	int status;

	return terminate(c, s, err) || script(s, "stop", &status, &ignored, err) ? -1 : 0;
}

/* OpenRC would start again what ends by itself (supervise-daemon). */
static int stop_openrc(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	enum rc_state state;
	pid_t pid;
	int status;

	if (daemon_pid(c, s, &pid, err) || script(s, "stop", &status, &said, err))
		return -1;
	if (status)
		return uns_err_set(err, UNS_E_FAILED, "rc-service %s stop failed: %.600s", s->name, said.data ? said.data : "");
	if ((pid && wait_end(c, s, pid, err)) || rc_state(s, &state, err))
		return -1;
	return state == RC_STOPPED
	           ? 0
	           : uns_err_set(err, UNS_E_FAILED, "rc-service %s is not stopped after rc-service %s stop: see what starts it",
	                         s->name, s->name);
}

static int stop(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	int r = s->manager == UNS_SERVICE_OPENRC     ? stop_openrc(c, s, err)
	        : s->manager == UNS_SERVICE_SYSVINIT ? stop_sysvinit(c, s, err)
	                                             : terminate(c, s, err);

	return r ? -1 : require_down(c, s, err);
}

/* ---- start ---- */

/* Borrowed strings, NULL-terminated. NULL when out of memory. */
static const char **strings(const json_t *list, struct uns_err *err)
{
	const char **v = calloc(json_array_size(list) + 1, sizeof(*v));

	if (!v) {
		uns_err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		v[i] = json_string_value(json_array_get(list, i));
	return v;
}

static int launch(const struct uns_service *s, pid_t *ret_pid, struct uns_err *err)
{
	uns_auto_free const char **argv = strings(s->argv, err);
	uns_auto_free const char **env = argv ? strings(s->env, err) : NULL;
	uns_auto_free char *program = NULL;
	int r;

	if (!argv || !env)
		return -1;
	r = uns_program_find(argv[0], s->cwd, &program, err);
	if (r)
		return r < 0 ? -1
		             : uns_err_set(err, UNS_E_FAILED,
		                           "cannot start %s: no such program in /usr/sbin, /usr/bin, /sbin, /bin", argv[0]);
	argv[0] = program;
	return uns_sys_daemon(argv, *env ? env : NULL, s->cwd, s->log, ret_pid, err);
}

/* What crashed counts as started to OpenRC, until that is forgotten. */
static int forget_crash(const struct uns_service *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf ignored = UNS_BUF_INIT;
	enum rc_state state;
	int status;

	if (rc_state(s, &state, err))
		return -1;
	return state == RC_CRASHED ? script(s, "zap", &status, &ignored, err) : 0;
}

static int start_script(const struct uns_service *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	int status;

	if ((s->manager == UNS_SERVICE_OPENRC && forget_crash(s, err)) || script(s, "start", &status, &said, err))
		return -1;
	return status
	           ? uns_err_set(err, UNS_E_FAILED, "%s %s start failed: %.400s",
	                         s->manager == UNS_SERVICE_OPENRC ? "rc-service" : "service", s->name, said.data ? said.data : "")
	           : 0;
}

/* The process that was started, or the one that the pid file names in time and then no more. */
struct watch {
	struct uns_step_ctx *c;
	const struct uns_service *s;
	pid_t pid;
	int64_t deadline;
	unsigned gone; /* how often in a row OpenRC said so */
};

#define GONE 3 /* a pid file that is being written has no process for an instant */

static bool is_gone(const struct uns_service *s)
{
	enum rc_state state;

	return s->manager == UNS_SERVICE_OPENRC && !rc_state(s, &state, NULL) && (state == RC_CRASHED || state == RC_STOPPED);
}

static bool has_ended(void *user)
{
	struct watch *w = user;
	pid_t pid;

	if (w->pid)
		return !uns_process_alive(w->pid);
	if (!daemon_pid(w->c, w->s, &pid, NULL))
		w->pid = pid;
	if (w->pid)
		return false;
	w->gone = is_gone(w->s) ? w->gone + 1 : 0;
	return w->gone == GONE || uns_now_ms() >= w->deadline;
}

static int wait_ready(struct uns_step_ctx *c, const struct uns_service *s, pid_t pid, struct uns_err *err)
{
	struct watch w = {c, s, pid, uns_now_ms() + SEEN_MS, 0};
	int r;

	tell(c, "waiting for the start of", program_of(s), pid);
	r = uns_engine_wait(c->root, s->socket, UNS_ENGINE_START_MS, has_ended, &w, err);
	if (r > 0)
		return uns_err_set(err, UNS_E_FAILED, "%s ended right after its start", program_of(s));
	return r < 0 ? uns_err_prefix(err, "%s was started but is not ready", program_of(s)) : 0;
}

static int start(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	off_t from = log_size(c, s);
	pid_t pid;
	int r;

	/* Half-way: it may have been told to stop, and still answers for a while. */
	if ((c->begun && stop(c, s, err)) || daemon_pid(c, s, &pid, err))
		return -1;
	if (s->manager != UNS_SERVICE_PROCESS)
		r = start_script(s, err);
	else
		r = pid ? 0 : launch(s, &pid, err);
	if (!r)
		r = wait_ready(c, s, pid, err);
	return r && !uns_stop_asked() ? quote_log(c, s, from, err) : r ? -1 : 0;
}

int uns_service_daemon_drive(struct uns_step_ctx *c, const struct uns_service *s, enum uns_side to, struct uns_err *err)
{
	return to == UNS_AFTER ? stop(c, s, err) : start(c, s, err);
}
