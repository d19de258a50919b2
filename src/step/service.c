/* SPDX-License-Identifier: Apache-2.0 */
/* service: running → stopped (a bracket: holds during a run only).
 * Disjoint: BEFORE is "a unit is active" (or on its way up or down), or "the process that the pid file names lives and is that
 * program", or "OpenRC has the service started"; AFTER is the negation of that. */
#include "service.h"

#include <string.h>

#include "args.h"
#include "uns/cleanup.h"
#include "uns/json.h"

#define QUOTE_MAX 20   /* lines that are handed on */
#define QUOTE_TEXT 420 /* bytes of them in the message */

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

/* What begins with '-' would be an option. */
static bool is_name(const char *s, const char *characters)
{
	return *s && *s != '-' && *s != '.' && !s[strspn(s, characters)];
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* Characters of unit names, systemd.unit(5). */
static int get_units(const json_t *args, struct uns_service *s, struct uns_err *err)
{
	json_t *units;

	if (uns_json_array(args, "units", &units, err) || check_strings(units, "units", false, err))
		return -1;
	if (json_array_size(units) > UNS_SERVICE_UNITS)
		return uns_err_set(err, UNS_E_INPUT, "units: expected at most %d", UNS_SERVICE_UNITS);
	for (size_t i = 0; i < json_array_size(units); i++)
		if (!is_name(json_string_value(json_array_get(units, i)), LETTERS ":_.@\\-"))
			return uns_err_set(err, UNS_E_INPUT, "units: element %zu: expected a unit name", i + 1);
	s->units = units;
	return 0;
}

/* snapd names the unit of an app after it: snap.SNAP.APP.service. */
static int get_snap(const json_t *args, struct uns_service *s, struct uns_err *err)
{
	if (get_units(args, s, err) || uns_args_path(args, "socket", &s->socket, err))
		return -1;
	for (size_t i = 0; i < json_array_size(s->units); i++) {
		const char *u = json_string_value(json_array_get(s->units, i));
		size_t len = strlen(u);

		if (!uns_str_starts(u, "snap.") || len < strlen("snap.x.service") ||
		    strcmp(u + len - strlen(".service"), ".service"))
			return uns_err_set(err, UNS_E_INPUT, "units: element %zu: expected snap.SNAP.APP.service", i + 1);
	}
	return 0;
}

static int get_traces(const json_t *args, struct uns_service *s, struct uns_err *err)
{
	if (uns_args_path(args, "pidfile", &s->pidfile, err) || uns_args_path(args, "socket", &s->socket, err))
		return -1;
	if (json_is_null(json_object_get(args, "log")) || !json_object_get(args, "log"))
		return 0;
	return uns_args_path(args, "log", &s->log, err);
}

static int get_script(const json_t *args, struct uns_service *s, struct uns_err *err)
{
	if (uns_json_str(args, "service", &s->name, err) || get_traces(args, s, err))
		return -1;
	return is_name(s->name, LETTERS "_.-") ? 0 : uns_err_set(err, UNS_E_INPUT, "service: expected the name of an init script");
}

static int get_process(const json_t *args, struct uns_service *s, struct uns_err *err)
{
	json_t *argv, *env;

	if (uns_json_array(args, "argv", &argv, err) || check_strings(argv, "argv", false, err) ||
	    uns_json_array(args, "env", &env, err) || check_strings(env, "env", true, err) ||
	    uns_args_path(args, "cwd", &s->cwd, err) || get_traces(args, s, err))
		return -1;
	if (!*json_string_value(json_array_get(argv, 0)))
		return uns_err_set(err, UNS_E_INPUT, "argv: element 1: expected a program");
	s->argv = argv;
	s->env = env;
	return 0;
}

static const struct manager {
	const char *name;
	int (*get)(const json_t *args, struct uns_service *s, struct uns_err *err);
} managers[] = {
    [UNS_SERVICE_SYSTEMD] = {"systemd", get_units},   [UNS_SERVICE_SNAP] = {"snap", get_snap},
    [UNS_SERVICE_OPENRC] = {"openrc", get_script},    [UNS_SERVICE_SYSVINIT] = {"sysvinit", get_script},
    [UNS_SERVICE_PROCESS] = {"process", get_process},
};

static int get_service(const json_t *args, struct uns_service *ret, struct uns_err *err)
{
	struct uns_service s = {0};
	const char *manager;

	if (uns_json_str(args, "manager", &manager, err))
		return -1;
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		if (strcmp(manager, managers[i].name))
			continue;
		s.manager = (enum uns_service_manager)i;
		if (managers[i].get(args, &s, err))
			return -1;
		*ret = s;
		return 0;
	}
	return uns_err_set(err, UNS_E_INPUT,
	                   "manager: expected \"systemd\", \"snap\", \"openrc\", \"sysvinit\" or \"process\", found \"%.40s\"",
	                   manager);
}

static int service_check(const json_t *args, struct uns_err *err)
{
	struct uns_service s;

	return get_service(args, &s, err);
}

/* ---- what the engine says ---- */

/* The first of the last lines that fit into a message. */
static size_t first_quoted(const struct uns_strs *lines)
{
	size_t i = lines->n, room = QUOTE_TEXT;

	while (i > 0 && strlen(lines->v[i - 1]) + 2 <= room)
		room -= strlen(lines->v[--i]) + 2;
	return i == lines->n && i > 0 ? i - 1 : i; /* at least the beginning of the last one */
}

int uns_service_quote(struct uns_step_ctx *c, const char *from, const struct uns_strs *lines, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err what;

	for (size_t i = lines->n > QUOTE_MAX ? lines->n - QUOTE_MAX : 0; c->quote && i < lines->n; i++)
		c->quote(c->quote_user, lines->v[i]);
	for (size_t i = first_quoted(lines); i < lines->n; i++)
		if (uns_buf_printf(&text, err, "%s%.*s", text.len ? "; " : "", QUOTE_TEXT, lines->v[i]) < 0)
			return -1;
	if (!err)
		return -1;
	what = *err;
	return uns_err_set(err, what.code, "%.350s; %s ends: %s", what.text, from, text.len ? text.data : "(nothing)");
}

/* ---- the kind ---- */

static int get_here(struct uns_step_ctx *c, struct uns_service *ret, struct uns_err *err)
{
	if (!c->root->is_host)
		return uns_err_set(err, UNS_E_FAILED, "services run on the host only, not in the root %s", c->root->path);
	return get_service(c->step->args, ret, err);
}

static int service_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct uns_service s;
	bool up;

	if (get_here(c, &s, err) || (s.units ? uns_service_units_up(&s, &up, err) : uns_service_daemon_up(c, &s, &up, err)))
		return -1;
	*ret = up ? UNS_BEFORE : UNS_AFTER;
	return 0;
}

static int service_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	struct uns_service s;

	if (get_here(c, &s, err))
		return -1;
	return s.units ? uns_service_units_drive(c, &s, to, err) : uns_service_daemon_drive(c, &s, to, err);
}

static int describe_units(const struct uns_service *s, struct uns_buf *ret, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(s->units); i++)
		if (uns_buf_printf(ret, err, "%s%s", i ? ", " : "", json_string_value(json_array_get(s->units, i))))
			return -1;
	return s->manager == UNS_SERVICE_SNAP ? uns_buf_puts(ret, " (snap)", err) : 0;
}

static int service_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct uns_service s;

	if (get_service(args, &s, err) || uns_buf_puts(ret, reverse ? "start " : "stop ", err))
		return -1;
	if (s.units)
		return describe_units(&s, ret, err);
	if (s.name)
		return uns_buf_printf(ret, err, "%s (%s)", s.name, s.manager == UNS_SERVICE_OPENRC ? "OpenRC" : "init script");
	return uns_buf_puts(ret, json_string_value(json_array_get(s.argv, 0)), err);
}

const struct uns_kind uns_kind_service = {
    .name = "service",
    .bracket = true,
    .check = service_check,
    .observe = service_observe,
    .drive = service_drive,
    .describe = service_describe,
};
