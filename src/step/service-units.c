/* SPDX-License-Identifier: Apache-2.0 */
/* Units of systemd: by systemctl, or by snapd for those that it made. Both kinds have their states and their journal from systemd.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine.h"
#include "process.h"
#include "service.h"
#include "uns/cleanup.h"
#include "uns/progress.h"

/* systemctl VERB with all the units, or the one; its exit status in *ret_exit. */
static int systemctl(const char *verb, const json_t *units, const char *unit, int *ret_exit, struct uns_buf *said,
                     struct uns_err *err)
{
	const char *argv[UNS_SERVICE_UNITS + 4] = {"systemctl", verb};
	size_t n = 2;

	if (unit)
		argv[n++] = unit;
	for (size_t i = 0; i < json_array_size(units) && i < UNS_SERVICE_UNITS; i++)
		argv[n++] = json_string_value(json_array_get(units, i));
	return uns_program_run(argv, ret_exit, said, err);
}

/* snap VERB SNAP.APP. Never with --disable or --enable: at the next boot all is as it was. */
static int snap(const char *verb, const char *unit, int *ret_exit, struct uns_buf *said, struct uns_err *err)
{
	char app[256];

	snprintf(app, sizeof(app), "%.*s", (int)(strlen(unit) - strlen("snap.") - strlen(".service")), unit + strlen("snap."));
	return uns_program_run((const char *const[]){"snap", verb, app, NULL}, ret_exit, said, err);
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
static int count_up(const struct uns_service *s, size_t *ret_up, struct uns_err *err)
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

int uns_service_units_up(const struct uns_service *s, bool *ret, struct uns_err *err)
{
	size_t up;

	if (count_up(s, &up, err))
		return -1;
	*ret = up > 0;
	return 0;
}

/* ---- the journal ---- */

/* What the processes of the unit wrote; failing that (they never ran), what systemd says of it. */
static int read_journal(const char *unit, const char *since, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto_free char *own = uns_str_printf(err, "_SYSTEMD_UNIT=%s", unit), *all = uns_str_printf(err, "UNIT=%s", unit);
	const char *const matches[] = {own, all};
	int status;

	for (size_t i = 0; own && all && ret->n == 0 && i < 2; i++)
		if (uns_program_lines((const char *const[]){"journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=20",
		                                            since, matches[i], NULL},
		                      &status, ret, err))
			return -1;
	return own && all ? 0 : -1;
}

/* The words of the engine are what its administrator has to read. */
static int quote_journal(struct uns_step_ctx *c, const char *unit, time_t start, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf ignored = UNS_BUF_INIT;
	char since[48], from[300];
	int status;

	snprintf(since, sizeof(since), "--since=@%lld", (long long)start);
	snprintf(from, sizeof(from), "the journal of %s", unit);
	/* What is on its way to the journal is waited for; where that is not known, what is there must do. */
	if (uns_program_run((const char *const[]){"journalctl", "--sync", NULL}, &status, &ignored, NULL) ||
	    read_journal(unit, since, &lines, NULL))
		uns_strs_done(&lines);
	return uns_service_quote(c, from, &lines, err);
}

/* ---- start and stop ---- */

static int start_unit(struct uns_step_ctx *c, const struct uns_service *s, const char *unit, time_t since, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	bool by_snap = s->manager == UNS_SERVICE_SNAP;
	int status;

	if (by_snap ? snap("start", unit, &status, &said, err) : systemctl("start", NULL, unit, &status, &said, err))
		return -1;
	if (!status)
		return 0;
	uns_err_set(err, UNS_E_FAILED, "%s start %s failed: %.250s", by_snap ? "snap" : "systemctl", unit,
	            said.data ? said.data : "");
	return quote_journal(c, unit, since, err);
}

struct watch {
	const struct uns_service *s;
};

static bool is_down(void *user)
{
	const struct watch *w = user;
	size_t up = 1;

	return !count_up(w->s, &up, NULL) && !up;
}

/* Where systemd is not told when the engine is ready, its socket tells. */
static int wait_ready(struct uns_step_ctx *c, const struct uns_service *s, const char *unit, time_t since, struct uns_err *err)
{
	struct watch w = {s};
	int r = uns_engine_wait(c->root, s->socket, UNS_ENGINE_START_MS, is_down, &w, err);

	if (!r || uns_stop_asked())
		return r ? -1 : 0;
	if (r > 0)
		uns_err_set(err, UNS_E_FAILED, "%s ended right after its start", unit);
	return quote_journal(c, unit, since, err);
}

/* The start limit of a unit (three starts a minute for docker.service) also counts the starts of earlier attempts: forget them. A
 * unit that a condition of its own keeps from starting ends as "inactive" with exit status 0, so the states are asked again. */
static int start(struct uns_step_ctx *c, const struct uns_service *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf ignored = UNS_BUF_INIT;
	size_t n = json_array_size(s->units), up;
	const char *last = json_string_value(json_array_get(s->units, n - 1));
	time_t since = time(NULL);
	int status;

	if (systemctl("reset-failed", s->units, NULL, &status, &ignored, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (start_unit(c, s, json_string_value(json_array_get(s->units, i)), since, err))
			return -1;
	if ((s->socket && wait_ready(c, s, last, since, err)) || count_up(s, &up, err))
		return -1;
	if (up == n)
		return 0;
	uns_err_set(err, UNS_E_FAILED, "only %zu of %zu units are active after systemctl start: see systemctl status %s", up, n,
	            last);
	return quote_journal(c, last, since, err);
}

static int stop(const struct uns_service *s, struct uns_err *err)
{
	bool by_snap = s->manager == UNS_SERVICE_SNAP;
	size_t up;

	for (size_t i = 0; i < json_array_size(s->units); i++) {
		uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
		const char *unit = json_string_value(json_array_get(s->units, i));
		int status;

		if (by_snap ? snap("stop", unit, &status, &said, err) : systemctl("stop", NULL, unit, &status, &said, err))
			return -1;
		if (status)
			return uns_err_set(err, UNS_E_FAILED, "%s stop %s failed: %.600s", by_snap ? "snap" : "systemctl", unit,
			                   said.data ? said.data : "");
	}
	if (count_up(s, &up, err))
		return -1;
	return up ? uns_err_set(err, UNS_E_FAILED,
	                        "%zu of %zu units are active again after they were stopped: see what starts them", up,
	                        json_array_size(s->units))
	          : 0;
}

int uns_service_units_drive(struct uns_step_ctx *c, const struct uns_service *s, enum uns_side to, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	int status;

	if (systemctl("daemon-reload", NULL, NULL, &status, &said, err))
		return -1;
	if (status)
		return uns_err_set(err, UNS_E_FAILED, "systemctl daemon-reload failed: %.600s", said.data ? said.data : "");
	return to == UNS_AFTER ? stop(s, err) : start(c, s, err);
}
