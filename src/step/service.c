/* SPDX-License-Identifier: Apache-2.0 */
/* service: running → stopped (a bracket: holds during a run only).
 * Disjoint: BEFORE is "a unit is active" (or on its way up or down), or "the process that the pid file names lives and is that
 * program"; AFTER is the negation of that. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "args.h"
#include "engine.h"
#include "process.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/step.h"
#include "uns/sys.h"

#define UNITS_MAX 16
#define STOP_MS 60000
#define POLL_MS 100
#define LOG_TAIL 700

struct service {
	const json_t *units; /* NULL: a process */
	const json_t *argv, *env;
	const char *cwd, *log, *pidfile, *socket;
};

/* ---- args ---- */

static int check_strings(const json_t *list, const char *key, bool may_be_empty, struct uns_err *err)
{
	if (!may_be_empty && !json_array_size(list))
		return uns_err_set(err, UNS_E_INPUT, "%s: expected at least one string", key);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return uns_err_set(err, UNS_E_INPUT, "%s: element %zu: expected a string", key, i + 1);
	return 0;
}

/* Characters of unit names, systemd.unit(5); what begins with '-' would be an option. */
static int get_units(const json_t *args, struct service *s, struct uns_err *err)
{
	json_t *units;

	if (uns_json_array(args, "units", &units, err) || check_strings(units, "units", false, err))
		return -1;
	if (json_array_size(units) > UNITS_MAX)
		return uns_err_set(err, UNS_E_INPUT, "units: expected at most %d", UNITS_MAX);
	for (size_t i = 0; i < json_array_size(units); i++) {
		const char *u = json_string_value(json_array_get(units, i));

		if (!*u || *u == '-' || u[strspn(u, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.@\\-")])
			return uns_err_set(err, UNS_E_INPUT, "units: element %zu: expected a unit name", i + 1);
	}
	s->units = units;
	return 0;
}

static int get_process(const json_t *args, struct service *s, struct uns_err *err)
{
	json_t *argv, *env;

	if (uns_json_array(args, "argv", &argv, err) || check_strings(argv, "argv", false, err) ||
	    uns_json_array(args, "env", &env, err) || check_strings(env, "env", true, err) ||
	    uns_args_path(args, "cwd", &s->cwd, err) || uns_args_path(args, "pidfile", &s->pidfile, err) ||
	    uns_args_path(args, "socket", &s->socket, err))
		return -1;
	if (!json_is_null(json_object_get(args, "log")) && json_object_get(args, "log") && uns_args_path(args, "log", &s->log, err))
		return -1;
	if (!*json_string_value(json_array_get(argv, 0)))
		return uns_err_set(err, UNS_E_INPUT, "argv: element 1: expected a program");
	s->argv = argv;
	s->env = env;
	return 0;
}

static int get_service(const json_t *args, struct service *ret, struct uns_err *err)
{
	struct service s = {0};
	const char *manager;

	if (uns_json_str(args, "manager", &manager, err))
		return -1;
	if (!strcmp(manager, "systemd")) {
		if (get_units(args, &s, err))
			return -1;
	} else if (!strcmp(manager, "process")) {
		if (get_process(args, &s, err))
			return -1;
	} else {
		return uns_err_set(err, UNS_E_INPUT, "manager: expected \"systemd\" or \"process\", found \"%.40s\"", manager);
	}
	*ret = s;
	return 0;
}

static int service_check(const json_t *args, struct uns_err *err)
{
	struct service s;

	return get_service(args, &s, err);
}

static const char *program_of(const struct service *s)
{
	return json_string_value(json_array_get(s->argv, 0));
}

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

/* ---- systemd ---- */

/* systemctl VERB with all the units, or the one; its exit status in *ret_exit. */
static int systemctl(const char *verb, const json_t *units, const char *unit, int *ret_exit, struct uns_buf *said,
                     struct uns_err *err)
{
	const char *argv[UNITS_MAX + 4] = {"systemctl", verb};
	size_t n = 2;

	if (unit)
		argv[n++] = unit;
	for (size_t i = 0; i < json_array_size(units) && i < UNITS_MAX; i++)
		argv[n++] = json_string_value(json_array_get(units, i));
	return uns_program_run(argv, ret_exit, said, err);
}

/* 1: up, or not yet down; 0: down; -1: no state of a unit. Words of systemctl is-active. */
static int state_up(const char *word)
{
	static const char *const up[] = {"active", "activating", "deactivating", "reloading", "refreshing", "maintenance"};
	static const char *const down[] = {"inactive", "failed", "unknown"};

	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++)
		if (!strcmp(word, up[i]))
			return 1;
	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++)
		if (!strcmp(word, down[i]))
			return 0;
	return -1;
}

/* How many of the units are up. Anything but one state per unit is an error: "offline" must never pass for "stopped". */
static int units_up(const struct service *s, size_t *ret_up, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT, words = UNS_BUF_INIT;
	char *rest = NULL;
	size_t states = 0, up = 0;
	int status;

	if (systemctl("is-active", s->units, NULL, &status, &said, err) ||
	    uns_buf_append(&words, said.data ? said.data : "", said.len, err))
		return -1;
	for (char *w = words.data ? strtok_r(words.data, ";", &rest) : NULL; w; w = strtok_r(NULL, ";", &rest)) {
		int r = state_up(w);

		states += r >= 0;
		up += r > 0;
	}
	if (states != json_array_size(s->units))
		return uns_err_set(err, UNS_E_FAILED, "systemctl is-active does not tell the state of the units: %.600s",
		                   said.data ? said.data : "no output");
	*ret_up = up;
	return 0;
}

/* The last words of the unit are what its administrator has to read. */
static int start_failed(const char *unit, struct uns_buf *said, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf journal = UNS_BUF_INIT;
	int status;

	if (uns_program_run(
	        (const char *const[]){"journalctl", "--unit", unit, "--lines", "4", "--no-pager", "--output", "cat", NULL}, &status,
	        &journal, NULL) ||
	    status)
		uns_buf_done(&journal);
	return uns_err_set(err, UNS_E_FAILED, "systemctl start %s failed: %.250s; its journal ends: %.500s", unit,
	                   said->data ? said->data : "", journal.data ? journal.data : "(not readable)");
}

/* The start limit of a unit (three starts a minute for docker.service) also counts the starts of earlier attempts: forget them. */
static int systemd_start(const struct service *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf ignored = UNS_BUF_INIT;
	int status;

	if (systemctl("reset-failed", s->units, NULL, &status, &ignored, err))
		return -1;
	for (size_t i = 0; i < json_array_size(s->units); i++) {
		uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
		const char *unit = json_string_value(json_array_get(s->units, i));

		if (systemctl("start", NULL, unit, &status, &said, err))
			return -1;
		if (status)
			return start_failed(unit, &said, err);
	}
	return 0;
}

static int systemd_stop(const struct service *s, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(s->units); i++) {
		uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
		const char *unit = json_string_value(json_array_get(s->units, i));
		int status;

		if (systemctl("stop", NULL, unit, &status, &said, err))
			return -1;
		if (status)
			return uns_err_set(err, UNS_E_FAILED, "systemctl stop %s failed: %.600s", unit, said.data ? said.data : "");
	}
	return 0;
}

/* A unit that a condition of its own keeps from starting ends as "inactive" with exit status 0, so the states are asked again. */
static int systemd_drive(const struct service *s, enum uns_side to, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	size_t n = json_array_size(s->units), up;
	int status;

	if (systemctl("daemon-reload", NULL, NULL, &status, &said, err))
		return -1;
	if (status)
		return uns_err_set(err, UNS_E_FAILED, "systemctl daemon-reload failed: %.600s", said.data ? said.data : "");
	if ((to == UNS_AFTER ? systemd_stop(s, err) : systemd_start(s, err)) || units_up(s, &up, err))
		return -1;
	if (to == UNS_AFTER && up)
		return uns_err_set(err, UNS_E_FAILED,
		                   "%zu of %zu units are active again after systemctl stop: see what starts them", up, n);
	if (to == UNS_BEFORE && up != n)
		return uns_err_set(err, UNS_E_FAILED,
		                   "only %zu of %zu units are active after systemctl start: see systemctl status %s", up, n,
		                   json_string_value(json_array_get(s->units, n - 1)));
	return 0;
}

/* ---- a process ---- */

/* The living process that the pid file names and that is the program; 0: none. A file that names a dead process, another program
 * or nothing is what a crash or a reboot leaves. */
static int daemon_pid(struct uns_step_ctx *c, const struct service *s, pid_t *ret, struct uns_err *err)
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
	snprintf(text, sizeof(text), "%s %s (process %d)", what, program, (int)pid);
	c->tell(c->tell_user, text);
}

/* Never SIGKILL: a daemon that takes its containers down needs its time, and one that hangs holds something. */
static int process_stop(struct uns_step_ctx *c, const struct service *s, struct uns_err *err)
{
	int64_t deadline = uns_now_ms() + STOP_MS;
	pid_t pid;

	if (daemon_pid(c, s, &pid, err))
		return -1;
	if (!pid)
		return 0;
	if (uns_sys_kill(pid, SIGTERM) && errno != ESRCH)
		return uns_err_sys(err, errno, "cannot stop %s (process %d)", program_of(s), (int)pid);
	tell(c, "waiting for the end of", program_of(s), pid);
	while (uns_process_alive(pid)) {
		if (uns_now_ms() >= deadline)
			return uns_err_set(err, UNS_E_FAILED,
			                   "%s (process %d) still runs %d s after SIGTERM: see %s, stop it and run again",
			                   program_of(s), (int)pid, STOP_MS / 1000, s->log ? s->log : "its log");
		uns_sleep_ms(POLL_MS);
	}
	if (daemon_pid(c, s, &pid, err))
		return -1;
	if (pid)
		return uns_err_set(err, UNS_E_FAILED,
		                   "%s was started again (process %d) by somebody: stop its supervisor and run again",
		                   program_of(s), (int)pid);
	return 0;
}

static off_t log_size(struct uns_step_ctx *c, const struct service *s)
{
	struct stat st;

	return s->log && !uns_root_stat(c->root, s->log, &st, NULL) ? st.st_size : 0;
}

/* The last whole lines that the daemon wrote since `from`, as one line; "" when there is nothing. */
static void log_tail(struct uns_step_ctx *c, const struct service *s, off_t from, char ret[LOG_TAIL + 1])
{
	uns_auto_close int fd = s->log ? uns_root_openat(c->root, s->log, O_RDONLY | O_NONBLOCK, NULL) : -1;
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0, at = end - LOG_TAIL > from ? end - LOG_TAIL : from;
	ssize_t n = end > at ? pread(fd, ret, (size_t)(end - at), at) : 0;
	char *line;

	ret[n > 0 ? n : 0] = '\0';
	line = at > from ? strchr(ret, '\n') : NULL;
	if (line)
		memmove(ret, line + 1, strlen(line + 1) + 1);
	while (*ret && ret[strlen(ret) - 1] == '\n')
		ret[strlen(ret) - 1] = '\0';
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = *p == '\n' ? ';' : ' ';
}

static int ended(struct uns_step_ctx *c, const struct service *s, off_t from, struct uns_err *err)
{
	char tail[LOG_TAIL + 1];

	log_tail(c, s, from, tail);
	return uns_err_set(err, UNS_E_FAILED, "%s ended right after its start; the end of %s: %s", program_of(s),
	                   s->log ? s->log : "its log", *tail ? tail : "(nothing)");
}

static int launch(const struct service *s, pid_t *ret_pid, struct uns_err *err)
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

static int process_start(struct uns_step_ctx *c, const struct service *s, struct uns_err *err)
{
	off_t from = log_size(c, s);
	char tail[LOG_TAIL + 1];
	pid_t pid;
	int r;

	/* Half-way: it may have been told to stop, and still answers for a while. */
	if ((c->begun && process_stop(c, s, err)) || daemon_pid(c, s, &pid, err) || (!pid && launch(s, &pid, err)))
		return -1;
	tell(c, "waiting for the start of", program_of(s), pid);
	r = uns_engine_wait(c->root, s->socket, UNS_ENGINE_START_MS, pid, err);
	if (r > 0)
		return ended(c, s, from, err);
	if (!r)
		return 0;
	log_tail(c, s, from, tail);
	return uns_err_prefix(err, "%s (process %d) was started but is not ready; the end of %s: %.400s", program_of(s), (int)pid,
	                      s->log ? s->log : "its log", *tail ? tail : "(nothing)");
}

/* ---- the kind ---- */

static int get_here(struct uns_step_ctx *c, struct service *ret, struct uns_err *err)
{
	if (!c->root->is_host)
		return uns_err_set(err, UNS_E_FAILED, "services run on the host only, not in the root %s", c->root->path);
	return get_service(c->step->args, ret, err);
}

static int service_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct service s;
	size_t up = 0;
	pid_t pid = 0;

	if (get_here(c, &s, err) || (s.units ? units_up(&s, &up, err) : daemon_pid(c, &s, &pid, err)))
		return -1;
	*ret = up || pid ? UNS_BEFORE : UNS_AFTER;
	return 0;
}

static int service_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	struct service s;

	if (get_here(c, &s, err))
		return -1;
	if (s.units)
		return systemd_drive(&s, to, err);
	return to == UNS_AFTER ? process_stop(c, &s, err) : process_start(c, &s, err);
}

static int service_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct service s;

	if (get_service(args, &s, err) || uns_buf_puts(ret, reverse ? "start " : "stop ", err))
		return -1;
	if (!s.units)
		return uns_buf_puts(ret, program_of(&s), err);
	for (size_t i = 0; i < json_array_size(s.units); i++)
		if (uns_buf_printf(ret, err, "%s%s", i ? ", " : "", json_string_value(json_array_get(s.units, i))))
			return -1;
	return 0;
}

const struct uns_kind uns_kind_service = {
    .name = "service",
    .bracket = true,
    .check = service_check,
    .observe = service_observe,
    .drive = service_drive,
    .describe = service_describe,
};
