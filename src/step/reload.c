/* SPDX-License-Identifier: Apache-2.0 */
/* reload: the running engine reads daemon.json again, by SIGHUP (a bracket: – → it has).
 * Disjoint: no fact of the host is meant; the signal goes out on one of the two ways, which "back" tells, and nothing on the other.
 * A plan has one of each around its edits, so that on both ways the engine is told when the files are as they shall be. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "process.h"
#include "uns/cleanup.h"
#include "uns/http.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/step.h"
#include "uns/sys.h"

#define RELOAD_MS 10000
#define POLL_MS 100

struct args {
	const char *pidfile, *socket;
	bool back;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_args_path(j, "pidfile", &ret->pidfile, err) || uns_args_path(j, "socket", &ret->socket, err))
		return -1;
	ret->back = uns_json_bool_or(j, "back", false);
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	(void)c, (void)err;
	*ret = UNS_EITHER;
	return 0;
}

/* The engine's process, 0 when it does not run: then it reads the file when it starts. */
static int engine_pid(const struct uns_step_ctx *c, const char *pidfile, pid_t *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uint32_t pid;
	int r = uns_root_read(c->root, pidfile, 4096, &text, NULL, err);

	if (r < 0)
		return -1;
	*ret = 0;
	if (r || !text.data || uns_num_u32(text.data, strcspn(text.data, " \n"), &pid) || pid == 0 || pid > INT_MAX)
		return 0;
	if (uns_process_is((pid_t)pid, "dockerd"))
		*ret = (pid_t)pid;
	return 0;
}

/* How many reloads the engine remembers since then. It answers at once, as the time ends now. */
static int count_reloads(const char *socket, time_t since, size_t *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	uns_auto_free char *path = NULL;
	long http;

	path =
	    uns_str_printf(err,
	                   "/events?since=%lld&until=%lld&filters=%%7B%%22type%%22%%3A%%5B%%22daemon%%22%%5D%%2C%%22event%%22%%3A"
	                   "%%5B%%22reload%%22%%5D%%7D",
	                   (long long)since, (long long)time(NULL));
	if (!path || uns_http_get(socket, path, &http, &answer, err))
		return -1;
	if (http != 200)
		return uns_err_set(err, UNS_E_FAILED, "the engine answers %ld to GET /events", http);
	*ret = 0;
	for (const char *p = answer.data; p && (p = strstr(p, "\"Action\":\"reload\"")); p++)
		++*ret;
	return 0;
}

static int wait_for(const char *socket, time_t since, size_t before, pid_t pid, struct uns_err *err)
{
	int64_t deadline = uns_now_ms() + RELOAD_MS;
	size_t now = before;

	for (;;) {
		if (!uns_process_alive(pid))
			return uns_err_set(err, UNS_E_FAILED,
			                   "the engine (process %d) ended when it was told to read its configuration again",
			                   (int)pid);
		if (count_reloads(socket, since, &now, err))
			return -1;
		if (now > before)
			return 0;
		if (uns_now_ms() >= deadline)
			return uns_err_set(
			    err, UNS_E_FAILED,
			    "the engine (process %d) did not take the configuration over within %d s: its log tells why", (int)pid,
			    RELOAD_MS / 1000);
		uns_sleep_ms(POLL_MS);
	}
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto_free char *socket = NULL;
	time_t since = time(NULL);
	size_t before = 0;
	struct args a;
	pid_t pid;

	if (parse(c->step->args, &a, err))
		return -1;
	if ((to == UNS_AFTER) == a.back)
		return 0;
	if (!c->root->is_host)
		return uns_err_set(err, UNS_E_FAILED, "engines run on the host only, not in the root %s", c->root->path);
	if (engine_pid(c, a.pidfile, &pid, err))
		return -1;
	if (!pid)
		return 0;
	socket = uns_root_host_path(c->root, a.socket, err);
	if (!socket || count_reloads(socket, since, &before, err))
		return -1;
	if (uns_sys_kill(pid, SIGHUP))
		return uns_err_sys(err, errno, "cannot signal the engine (process %d)", (int)pid);
	return wait_for(socket, since, before, pid, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	(void)reverse;
	if (parse(j, &a, err))
		return -1;
	return uns_buf_puts(ret,
	                    a.back ? "on a way back, make the engine read its configuration again"
	                           : "make the engine read its configuration again (SIGHUP)",
	                    err);
}

const struct uns_kind uns_kind_reload = {"reload", true, check, observe, drive, describe};
