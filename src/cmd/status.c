/* SPDX-License-Identifier: Apache-2.0 */
/* status: what is pending (pending.c), configured, in effect, edited since (drift.c), and which data lies where. */
#include "cmd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/http.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/report.h"

static void status_done(struct uns_status *s)
{
	uns_buf_done(&s->text);
}

int uns_status_line(struct uns_status *s, struct uns_err *err, const char *fmt, ...)
{
	char line[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (uns_buf_printf(&s->text, err, "%-13s", s->label) < 0 || uns_report_safe(line, &s->text, err) < 0)
		return -1;
	s->label = "";
	return uns_buf_puts(&s->text, "\n", err);
}

#define SETTING 36 /* columns of a setting, before its place */

static const char *place_of(const struct uns_setting *set)
{
	return set->file ? set->file : "the running command line";
}

static int status_setting(struct uns_status *s, const struct uns_setting *set, json_t *list, struct uns_err *err)
{
	uns_auto_free char *setting = uns_str_printf(err, "userns-remap=%s", set->value ? set->value : "null");
	json_t *j = json_pack("{s:o, s:o, s:i}", "value", uns_report_string_json(set->value), "file",
			      uns_report_string_json(set->file), "line", (int)set->line);

	if (json_array_append_new(list, j) < 0 || !setting)
		return uns_err_nomem(err);
	if (set->line)
		return uns_status_line(s, err, "%-*s %s:%u", SETTING, setting, place_of(set), set->line);
	return uns_status_line(s, err, "%-*s %s", SETTING, setting, place_of(set));
}

static const struct uns_setting *first_remap(const struct uns_facts *f)
{
	size_t at = 0;

	return uns_settings_next(&f->options, "userns-remap", &at);
}

/* USER of "USER[:GROUP]", where USER may be a UID, or "default". Heap string; NULL: no user (root, empty) or out of memory. */
static char *remap_user(const struct uns_facts *f)
{
	const char *value = first_remap(f) ? first_remap(f)->value : NULL;
	const struct uns_account *account;
	size_t len;
	uint32_t uid;

	if (!value || !*value)
		return NULL;
	len = strcspn(value, ":");
	if (len == 7 && strncmp(value, "default", 7) == 0)
		return strdup("dockremap");
	account = uns_num_u32(value, len, &uid) == 0 ? uns_accounts_id(&f->ids.users, uid) : NULL;
	return account ? strdup(account->name) : strndup(value, len);
}

static int status_ranges(struct uns_status *s, const char *user, const struct uns_subid *lines, const char *what, json_t *list,
			 struct uns_err *err)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct uns_subid_line *l = &lines->v[i];
		uns_auto_free char *range = NULL;

		if (strcmp(l->owner, user) != 0)
			continue;
		if (json_array_append_new(list, json_pack("{s:I, s:I}", "start", (json_int_t)l->range.start, "count",
							  (json_int_t)l->range.count)) < 0)
			return uns_err_nomem(err);
		range = uns_str_printf(err, "%s:%u:%u", user, l->range.start, l->range.count);
		if (!range || uns_status_line(s, err, "%-*s %s:%u", SETTING, range, what, l->line) < 0)
			return -1;
	}
	return 0;
}

static int status_configured(struct uns_status *s, const struct uns_facts *f, struct uns_err *err)
{
	const struct uns_setting *set;
	uns_auto_free char *user = remap_user(f);
	uns_auto_json json_t *j = json_pack("{s:[], s:o, s:[], s:[]}", "settings", "user", uns_report_string_json(user), "subuid",
					    "subgid");

	if (!j)
		return uns_err_nomem(err);
	s->label = "Configured";
	for (size_t at = 0; (set = uns_settings_next(&f->options, "userns-remap", &at));)
		if (status_setting(s, set, json_object_get(j, "settings"), err) < 0)
			return -1;
	if (!first_remap(f) && uns_status_line(s, err, "userns-remap is not set") < 0)
		return -1;
	if (user && (status_ranges(s, user, &f->ids.sub[UNS_UID].s, "/etc/subuid", json_object_get(j, "subuid"), err) < 0 ||
		     status_ranges(s, user, &f->ids.sub[UNS_GID].s, "/etc/subgid", json_object_get(j, "subgid"), err) < 0))
		return -1;
	return uns_run_set(s->run, "configured", json_incref(j), err);
}

/* What the engine says of itself: {"SecurityOptions":["name=userns",…],"DockerRootDir":"…"}. NULL: it does not answer. */
json_t *uns_status_engine_info(const struct uns_run *r, const struct uns_facts *f)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	struct uns_err err;
	json_t *info = NULL;
	long status = 0;

	if (!f->running || !f->socket || !r->root.is_host)
		return NULL;
	if (uns_http_get(f->socket, "/info", &status, &answer, &err) < 0 || status != 200 || !answer.data ||
	    uns_json_parse(answer.data, answer.len, "/info", &info, &err) < 0)
		return NULL;
	return info;
}

bool uns_status_info_userns(const json_t *info)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(info, "SecurityOptions"), i, one) {
		const char *option = json_string_value(one);

		if (option && (strcmp(option, "name=userns") == 0 || uns_str_starts(option, "name=userns,")))
			return true;
	}
	return false;
}

static int status_engine_line(struct uns_status *s, const struct uns_facts *f, const json_t *info, const char *root,
			      struct uns_err *err)
{
	s->label = "In effect";
	if (!f->installed && !f->running)
		return uns_status_line(s, err, "Docker is not installed");
	if (!f->running)
		return uns_status_line(s, err, "the engine is not running");
	if (!info)
		return uns_status_line(s, err, "the engine runs (process %d) and does not answer", (int)f->pid);
	if (uns_status_line(s, err, "the engine runs (process %d) %s userns-remap, on %s", (int)f->pid,
			    uns_status_info_userns(info) ? "with" : "without", root ? root : "an unknown data root") < 0)
		return -1;
	if (uns_status_info_userns(info) == (first_remap(f) != NULL))
		return 0;
	return uns_status_line(s, err, "what is configured is not in effect: the engine was not started with it");
}

static int status_effect(struct uns_status *s, const struct uns_facts *f, struct uns_err *err)
{
	uns_auto_json json_t *info = uns_status_engine_info(s->run, f);
	const char *root = info ? uns_json_str_or(info, "DockerRootDir", NULL) : NULL;
	json_t *j = json_pack("{s:b, s:b, s:o, s:o, s:o}", "installed", (int)f->installed, "running", (int)f->running, "pid",
			      f->running ? json_integer((json_int_t)f->pid) : json_null(), "userns",
			      info ? json_boolean(uns_status_info_userns(info)) : json_null(), "data_root", uns_report_string_json(root));

	if (uns_run_set(s->run, "in_effect", j, err) < 0)
		return -1;
	return status_engine_line(s, f, info, root, err);
}

/* Numbers of things in a data root, or in N.M of one; -1: not known. */
struct world {
	long images, containers, volumes;
};

static long count_dirs(const struct uns_root *root, const char *dir, const char *below)
{
	uns_auto_free char *path = uns_str_printf(NULL, "%s/%s", dir, below);
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_err err;
	long n = 0;

	if (!path || uns_root_list(root, path, &names, &err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *one = uns_str_printf(NULL, "%s/%s", path, names.v[i]);
		struct stat st;

		if (!one)
			return -1;
		if (uns_root_stat(root, one, &st, &err) == 0 && S_ISDIR(st.st_mode))
			n++;
	}
	return n;
}

static long count_images(const struct uns_root *root, const char *dir)
{
	uns_auto_free char *path = uns_str_printf(NULL, "%s/image", dir);
	uns_auto(uns_strs_done) struct uns_strs drivers = UNS_STRS_INIT;
	struct uns_err err;
	long n = 0;

	if (!path || uns_root_list(root, path, &drivers, &err) < 0)
		return -1;
	for (size_t i = 0; i < drivers.n; i++) {
		uns_auto_free char *ids = uns_str_printf(NULL, "%s/%s/imagedb/content/sha256", path, drivers.v[i]);
		uns_auto(uns_strs_done) struct uns_strs images = UNS_STRS_INIT;

		if (!ids || uns_root_list(root, ids, &images, &err) < 0)
			return -1;
		n += (long)images.n;
	}
	return n;
}

static json_t *count_json(long n)
{
	return n < 0 ? json_null() : json_integer(n);
}

#define NUMBER_MAX 24

static const char *count_text(long n, char text[NUMBER_MAX])
{
	snprintf(text, NUMBER_MAX, "%ld", n);
	return n < 0 ? "?" : text;
}

static int status_world(struct uns_status *s, const char *dir, int width, bool current, json_t *list, struct uns_err *err)
{
	const struct uns_root *root = &s->run->root;
	struct world w = { count_images(root, dir), count_dirs(root, dir, "containers"), count_dirs(root, dir, "volumes") };
	char images[NUMBER_MAX], containers[NUMBER_MAX], volumes[NUMBER_MAX];
	json_t *j = json_pack("{s:o, s:b, s:o, s:o, s:o}", "path", uns_report_string_json(dir), "current", (int)current, "images",
			      count_json(w.images), "containers", count_json(w.containers), "volumes", count_json(w.volumes));

	if (json_array_append_new(list, j) < 0)
		return uns_err_nomem(err);
	return uns_status_line(s, err, "%-*s %6s %10s %7s  %s", width, dir, count_text(w.images, images),
			       count_text(w.containers, containers), count_text(w.volumes, volumes), current ? "in use" : "-");
}

static int longer(int width, size_t len)
{
	return len > (size_t)width ? (int)len : width;
}

static int status_worlds(struct uns_status *s, const struct uns_facts *f, struct uns_err *err)
{
	uns_auto_json json_t *list = json_array();
	int width = longer(30, strlen(f->data_root));

	if (!list)
		return uns_err_nomem(err);
	s->label = "Data";
	for (size_t i = 0; i < f->remap_dirs.n; i++)
		width = longer(width, strlen(f->data_root) + 1 + strlen(f->remap_dirs.v[i]));
	if (!f->have_data_root) {
		if (uns_status_line(s, err, "%s is absent", f->data_root) < 0)
			return -1;
		return uns_run_set(s->run, "data", json_incref(list), err);
	}
	if (uns_status_line(s, err, "%-*s %6s %10s %7s  %s", width, "PATH", "IMAGES", "CONTAINERS", "VOLUMES", "STATE") < 0 ||
	    status_world(s, f->data_root, width, !f->active_dir, list, err) < 0)
		return -1;
	for (size_t i = 0; i < f->remap_dirs.n; i++) {
		const char *name = f->remap_dirs.v[i];
		uns_auto_free char *dir = uns_str_printf(err, "%s/%s", f->data_root, name);

		if (!dir || status_world(s, dir, width, f->active_dir && strcmp(f->active_dir, name) == 0, list, err) < 0)
			return -1;
	}
	return uns_run_set(s->run, "data", json_incref(list), err);
}

static int status_host(struct uns_status *s, struct uns_err *err)
{
	uns_auto(uns_facts_done) struct uns_facts f = { .offline = false };
	struct uns_facts_want want = { .census = false };

	if (uns_facts_read(&s->run->root, &want, &f, err) < 0)
		return uns_change_explain(err);
	if (status_configured(s, &f, err) < 0 || status_effect(s, &f, err) < 0 || uns_status_drift(s, err) < 0)
		return -1;
	return status_worlds(s, &f, err);
}

int uns_cmd_status(struct uns_run *r, struct uns_err *err)
{
	uns_auto(status_done) struct uns_status s = { .run = r, .label = "" };
	int rc = uns_status_journal(&s, err);

	if (rc == 0)
		rc = status_host(&s, err);
	/* What was learnt is shown, also when a file is malformed. */
	if (s.text.data)
		uns_run_print(r, s.text.data);
	return rc;
}
