/* SPDX-License-Identifier: Apache-2.0 */
/* containers: they run → they are stopped (a bracket: holds during a run only).
 * Disjoint: BEFORE is "all of them run", AFTER is "no container runs at all", or that there is no engine to ask: then what it left
 * running is for the interlock to find. What lies between is neither (EITHER), which is driven on; each container is told again
 * without harm. Others that run are stopped too (on the way back months later there are such), but not started: they are not known
 * then. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "engine.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/progress.h"
#include "uns/sys.h"

#define SHOWN_MAX 10
#define TRIES 2 /* one may need another that comes later in the list (its network, say) */

struct containers {
	const char *socket;
	json_t *names;    /* ID → name */
	json_t *may_fail; /* IDs */
};

/* IDs become part of a request's path. */
static bool is_id(const char *s)
{
	return *s && strlen(s) <= 64 && !s[strspn(s, "0123456789abcdef")];
}

static int get_args(const json_t *args, struct containers *ret, struct uns_err *err)
{
	struct containers s;
	const char *id;
	json_t *v;

	if (uns_args_path(args, "socket", &s.socket, err) || uns_json_array(args, "may_fail", &s.may_fail, err))
		return -1;
	s.names = json_object_get(args, "containers");
	if (!json_is_object(s.names) || !json_object_size(s.names))
		return uns_err_set(err, UNS_E_INPUT, "containers: expected an object with at least one member");
	json_object_foreach(s.names, id, v) if (!is_id(id) || !json_is_string(v)) return uns_err_set(
	    err, UNS_E_INPUT, "containers: expected names by ID, found \"%.80s\"", id);
	for (size_t i = 0; i < json_array_size(s.may_fail); i++)
		if (!json_is_string(json_array_get(s.may_fail, i)))
			return uns_err_set(err, UNS_E_INPUT, "may_fail: element %zu: expected a string", i + 1);
	*ret = s;
	return 0;
}

static int containers_check(const json_t *args, struct uns_err *err)
{
	struct containers s;

	return get_args(args, &s, err);
}

static bool may_fail(const struct containers *s, const char *id)
{
	for (size_t i = 0; i < json_array_size(s->may_fail); i++)
		if (!strcmp(json_string_value(json_array_get(s->may_fail, i)), id))
			return true;
	return false;
}

/* ---- observe ---- */

/* The IDs of those that run, as keys. 0; 1 when no engine answers. */
static int list_running(struct uns_step_ctx *c, const struct containers *s, json_t *running, struct uns_err *err)
{
	uns_auto_json json_t *answer = NULL;
	struct uns_err no_engine;

	if (uns_engine_get(c->root, s->socket, "/containers/json", &answer, &no_engine))
		return 1;
	for (size_t i = 0; i < json_array_size(answer); i++) {
		const char *id = uns_json_str_or(json_array_get(answer, i), "Id", "");

		if (json_object_set_new(running, id, json_true()))
			return uns_err_nomem(err);
	}
	return 0;
}

static int containers_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto_json json_t *running = json_object();
	struct containers s;
	size_t n = 0, all;
	const char *id;
	json_t *v;

	if (!running)
		return uns_err_nomem(err);
	if (get_args(c->step->args, &s, err) || list_running(c, &s, running, err) < 0)
		return -1;
	json_object_foreach(s.names, id, v) n += json_object_get(running, id) != NULL;
	all = json_object_size(running);
	*ret = all == 0 ? UNS_AFTER : n == json_object_size(s.names) ? UNS_BEFORE : UNS_EITHER;
	return 0;
}

/* ---- drive ---- */

static void tell(struct uns_step_ctx *c, const char *what, const char *name, const char *why)
{
	char text[512];

	if (!c->tell)
		return;
	snprintf(text, sizeof(text), "%s %.120s%s%.300s", what, name, *why ? ": " : "", why);
	c->tell(c->tell_user, text);
}

/* 204: done; 304: is so already; 404: there is none, which counts as stopped. 0; 1 with the engine's words in *ret_why. */
static int ask(struct uns_step_ctx *c, const struct containers *s, const char *id, const char *verb, struct uns_err *ret_why,
               struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	uns_auto_free char *host = uns_root_host_path(c->root, s->socket, err);
	uns_auto_free char *path = uns_str_printf(err, "/containers/%s/%s", id, verb);
	bool stop = !strcmp(verb, "stop");
	char what[160];
	long http;

	if (!host || !path || uns_sys_http(host, "POST", path, NULL, &http, &answer, err))
		return -1;
	if (http == 204 || http == 304 || (stop && http == 404))
		return 0;
	snprintf(what, sizeof(what), "cannot %s the container %.100s", verb, uns_json_str_or(s->names, id, id));
	uns_engine_refused(what, http, &answer, ret_why);
	return 1;
}

/* Those of the plan, then whatever else runs: an ID for a name. */
static int list_to_stop(struct uns_step_ctx *c, const struct containers *s, json_t *ret, struct uns_err *err)
{
	uns_auto_json json_t *running = json_object();
	const char *id;
	json_t *v;

	if (!running || json_object_update(ret, s->names))
		return uns_err_nomem(err);
	if (list_running(c, s, running, err) < 0)
		return -1;
	json_object_foreach(running, id, v) if (is_id(id) && !json_object_get(ret, id) &&
	                                        json_object_set_new(ret, id, json_string(id))) return uns_err_nomem(err);
	return 0;
}

static int stop_all(struct uns_step_ctx *c, const struct containers *s, struct uns_err *err)
{
	uns_auto_json json_t *all = json_object();
	const char *id;
	json_t *name;

	if (!all)
		return uns_err_nomem(err);
	if (list_to_stop(c, s, all, err))
		return -1;
	json_object_foreach(all, id, name)
	{
		tell(c, "stopping", json_string_value(name), "");
		if (uns_stop_check(err) || ask(c, s, id, "stop", err, err))
			return -1;
	}
	return 0;
}

/* Whether that container has to start: on the way there, unless it was foreseen; back home, what cannot start is only told of,
 * since the rest of the way must not end there. */
static bool must_start(const struct uns_step_ctx *c, const struct containers *s, const char *id)
{
	return c->step->reverse && !may_fail(s, id);
}

/* Takes out of todo what was started. The last reason of one that must start is in *ret_why; *ret_failed: whether there is such a
 * one. */
static int start_round(struct uns_step_ctx *c, const struct containers *s, json_t *todo, bool last, bool *ret_failed,
                       struct uns_err *ret_why, struct uns_err *err)
{
	const char *id;
	json_t *name;
	void *next;

	*ret_failed = false;
	json_object_foreach_safe(todo, next, id, name)
	{
		struct uns_err why = {0};
		int r = ask(c, s, id, "start", &why, err);

		if (r < 0)
			return -1;
		if (r > 0 && last)
			tell(c, "not started:", json_string_value(name), why.text);
		if (r > 0 && must_start(c, s, id)) {
			*ret_failed = true;
			*ret_why = why;
		}
		if (!r) {
			tell(c, "started", json_string_value(name), "");
			json_object_del(todo, id);
		}
	}
	return 0;
}

static int start_all(struct uns_step_ctx *c, const struct containers *s, struct uns_err *err)
{
	uns_auto_json json_t *todo = json_copy(s->names);
	struct uns_err why = {0};
	bool failed = false;

	if (!todo)
		return uns_err_nomem(err);
	if (uns_engine_wait(c->root, s->socket, UNS_ENGINE_START_MS, NULL, NULL, err))
		return -1;
	for (int i = 1; i <= TRIES && json_object_size(todo); i++)
		if (start_round(c, s, todo, i == TRIES, &failed, &why, err))
			return -1;
	if (failed)
		return uns_err_set(err, UNS_E_FAILED, "a container that ran before does not start: %.800s", why.text);
	return 1; /* what has ended its work since is no failure */
}

static int containers_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	struct containers s;

	if (get_args(c->step->args, &s, err))
		return -1;
	return to == UNS_AFTER ? stop_all(c, &s, err) : start_all(c, &s, err);
}

static int containers_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct containers s;
	size_t shown = 0;
	const char *id;
	json_t *name;

	if (get_args(args, &s, err) ||
	    uns_buf_puts(ret, reverse ? "start the containers again:" : "stop the running containers:", err))
		return -1;
	json_object_foreach(s.names, id, name)
	{
		if (shown++ == SHOWN_MAX)
			return uns_buf_printf(ret, err, " and %zu more", json_object_size(s.names) - SHOWN_MAX);
		if (uns_buf_printf(ret, err, "%s %s", shown > 1 ? "," : "", json_string_value(name)))
			return -1;
	}
	return 0;
}

const struct uns_kind uns_kind_containers = {
    .name = "containers",
    .bracket = true,
    .check = containers_check,
    .observe = containers_observe,
    .drive = containers_drive,
    .describe = containers_describe,
};
