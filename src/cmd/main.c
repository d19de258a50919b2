/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to an exit status: the only place that prints documents and ends the program. */
#include "display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/progress.h"
#include "uns/report.h"

static int (*const commands[UNS_CMDS])(struct uns_run *r, struct uns_err *err) = {
	[UNS_CMD_ENABLE] = uns_cmd_enable,
	[UNS_CMD_DISABLE] = uns_cmd_enable,
	[UNS_CMD_MIGRATE] = uns_cmd_enable,
	[UNS_CMD_SHIFT] = uns_cmd_shift,
	[UNS_CMD_CHECK] = uns_cmd_check,
	[UNS_CMD_STATUS] = uns_cmd_status,
	[UNS_CMD_PLAN] = uns_cmd_plan,
	[UNS_CMD_APPLY] = uns_cmd_apply,
	[UNS_CMD_RESUME] = uns_cmd_resume,
	[UNS_CMD_ROLLBACK] = uns_cmd_rollback,
	[UNS_CMD_VERIFY] = uns_cmd_verify,
	[UNS_CMD_HISTORY] = uns_cmd_history,
	[UNS_CMD_MAP] = uns_cmd_map,
	[UNS_CMD_RANGE_LIST] = uns_cmd_range_list,
	[UNS_CMD_RANGE_NEXT] = uns_cmd_range_next,
	[UNS_CMD_RANGE_ADD] = uns_cmd_range_change,
	[UNS_CMD_RANGE_REMOVE] = uns_cmd_range_change,
	[UNS_CMD_RANGE_MOVE] = uns_cmd_range_change,
	[UNS_CMD_RANGE_CHECK] = uns_cmd_range_check,
	[UNS_CMD_DAEMON_SHOW] = uns_cmd_daemon_show,
	[UNS_CMD_DAEMON_GET] = uns_cmd_daemon_get,
	[UNS_CMD_DAEMON_SET] = uns_cmd_enable,
	[UNS_CMD_DAEMON_UNSET] = uns_cmd_enable,
};

/* ---- output ---- */

void uns_run_print(const struct uns_run *r, const char *text)
{
	uns_display_clear();
	if (r->o->json == UNS_JSON_NONE && !r->o->quiet)
		fputs(text, stdout);
}

/* stderr has events only (--progress=json). */
static bool events_on_stderr;

static void put_message(const char *level, const char *text)
{
	uns_auto_json json_t *j = json_pack("{s:s, s:s, s:o}", "type", "message", "level", level, "text", uns_report_string_json(text));
	uns_auto_free char *line = j ? uns_json_dump(j, false, NULL) : NULL;

	if (line)
		fprintf(stderr, "%s\n", line);
}

static void put_safe_line(const char *prefix, const char *text)
{
	uns_auto(uns_buf_done) struct uns_buf safe = UNS_BUF_INIT;

	uns_display_clear();
	fflush(stdout); /* so that the two streams keep their order on a terminal */
	if (events_on_stderr) {
		put_message(*prefix ? "error" : "note", text);
		return;
	}
	if (uns_report_safe(text, &safe, NULL) < 0)
		return;
	fprintf(stderr, "%s%s\n", prefix, safe.data ? safe.data : "");
}

__attribute__((format(printf, 2, 0))) static void put_line(const char *prefix, const char *fmt, va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	put_safe_line(prefix, text);
}

void uns_run_note(const struct uns_run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!r->o->quiet)
		put_line("", fmt, ap);
	va_end(ap);
}

void uns_run_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

void uns_run_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("usernsctl: ", fmt, ap);
	va_end(ap);
}

static int put_json(const struct uns_options *o, const json_t *j, struct uns_err *err)
{
	uns_auto_free char *text = uns_json_dump(j, o->json == UNS_JSON_PRETTY, err);

	if (!text)
		return -1;
	uns_display_clear();
	fprintf(stdout, "%s\n", text);
	fflush(stdout);
	return 0;
}

void uns_run_line(const struct uns_run *r, json_t *j)
{
	uns_auto_json json_t *line = j;

	if (line && r->o->json == UNS_JSON_LINES) {
		put_json(r->o, line, NULL);
	} else if (line && r->o->progress == UNS_PROGRESS_JSON) {
		uns_auto_free char *text = uns_json_dump(line, false, NULL);

		if (text)
			fprintf(stderr, "%s\n", text);
	}
}

int uns_run_set(struct uns_run *r, const char *key, json_t *value, struct uns_err *err)
{
	return json_object_set_new(r->document, key, value) < 0 ? uns_err_nomem(err) : 0;
}

/* ---- input ---- */

#define FILE_MAX (64u << 20)

static int read_all(int fd, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return uns_err_sys(err, errno, "cannot read %s", name);
		if (ret->len + (size_t)n > FILE_MAX)
			return uns_err_set(err, UNS_E_INPUT, "%s: expected at most %u bytes", name, FILE_MAX);
		if (uns_buf_append(ret, chunk, (size_t)n, err) < 0)
			return -1;
	}
	return 0;
}

int uns_run_read_file(const char *file, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_close int fd = -1;

	if (!file)
		return read_all(STDIN_FILENO, name, ret, err);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? uns_err_sys(err, errno, "cannot open %s", name) : read_all(fd, name, ret, err);
}

/* ---- the document ---- */

static const char *code_name(enum uns_code code)
{
	static const char *const names[] = { "ok", "failed", "usage", "refused", "conflict", "incomplete", "locked", "input" };

	return (size_t)code < sizeof(names) / sizeof(names[0]) ? names[code] : "failed";
}

static json_t *error_json(const struct uns_err *failed)
{
	if (!failed)
		return json_null();
	return json_pack("{s:s, s:o}", "code", code_name(failed->code), "message", uns_report_string_json(failed->text));
}

static int put_document(const struct uns_run *r, const struct uns_err *failed, struct uns_err *err)
{
	uns_auto_json json_t *j = json_object();

	if (r->bare && !failed && r->o->json != UNS_JSON_LINES)
		return put_json(r->o, r->bare, err);
	/* Each stops the next: a set of a NULL value or into a NULL object fails. */
	if ((r->o->json == UNS_JSON_LINES && json_object_set_new(j, "type", json_string("result")) < 0) ||
	    json_object_set_new(j, "version", json_integer(1)) < 0 ||
	    json_object_set_new(j, "command", json_string(uns_options_command_name(r->o->cmd))) < 0 ||
	    json_object_set_new(j, "exit", json_integer(r->status)) < 0 ||
	    json_object_set_new(j, "error", error_json(failed)) < 0 || json_object_update(j, r->document) < 0)
		return uns_err_nomem(err);
	return put_json(r->o, j, err);
}

/* ---- the run ---- */

static bool wants_color(enum uns_color color, int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != UNS_COLOR_AUTO)
		return color == UNS_COLOR_ALWAYS;
	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void run_command(struct uns_run *r, struct uns_options *o, struct uns_err *err)
{
	struct uns_err failed = { .code = UNS_E_FAILED };
	int rc;

	r->document = json_object();
	rc = r->document ? uns_root_open(&r->root, r->o->root, &failed) : uns_err_nomem(&failed);
	if (rc == 0) {
		rc = uns_policy_load(r, o, &failed);
		if (rc == 0)
			rc = commands[o->cmd](r, &failed);
		uns_root_close(&r->root);
	}
	uns_display_close();
	/* Where nothing was changed yet, nothing is left to go on with. */
	if (rc < 0 && uns_stop_asked() && !uns_signals_is_changing())
		uns_err_set(&failed, UNS_E_FAILED, "stopped by %s; nothing was changed", uns_stop_asked() == SIGINT ? "SIGINT" : "SIGTERM");
	if (rc < 0) {
		r->status = (int)failed.code;
		uns_run_complain("%s", failed.text);
	}
	if (r->last.data) {
		fflush(stdout);
		fputs(r->last.data, stderr);
	}
	if (r->o->json != UNS_JSON_NONE && put_document(r, rc < 0 ? &failed : NULL, err) < 0)
		uns_run_complain("%s", err->text);
	json_decref(r->document);
	json_decref(r->bare);
	uns_buf_done(&r->last);
}

static int show_help(const struct uns_options *o, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (o->version) {
		puts("usernsctl " PACKAGE_VERSION);
		return 0;
	}
	if ((o->topic == UNS_HELP_COMPLETIONS ? uns_complete(o, &text, err) : uns_options_help(o, &text, err)) < 0) {
		uns_run_complain("%s", err->text);
		return (int)err->code;
	}
	fputs(text.data ? text.data : "", stdout);
	return 0;
}

static int run(struct uns_options *o, struct uns_err *err)
{
	struct uns_run r = { .o = o };

	if (o->cmd == UNS_CMD_HELP)
		return show_help(o, err);
	r.color_out = wants_color(o->color, STDOUT_FILENO);
	r.color_err = wants_color(o->color, STDERR_FILENO);
	events_on_stderr = o->progress == UNS_PROGRESS_JSON && o->json != UNS_JSON_LINES;
	uns_signals_open(uns_options_walks(o->cmd));
	uns_display_open(&r);
	uns_run_line(&r, json_pack("{s:s, s:i, s:s}", "type", "version", "version", 1, "program", "usernsctl " PACKAGE_VERSION));
	run_command(&r, o, err);
	return r.status;
}

/* A caller may have closed 0, 1 or 2: what is opened next would get that number, and a message would be written into it. */
static int keep_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -1;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

/* What was changed stays changed when its report cannot be written, so the status of a change is kept. */
static int finish_output(const struct uns_options *o, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	uns_run_complain("cannot write to the standard output");
	return status == 0 && (!uns_options_changes(o->cmd) || o->dry_run) ? (int)UNS_E_FAILED : status;
}

int main(int argc, char *argv[])
{
	struct uns_options o;
	struct uns_err err = { .code = UNS_E_FAILED };
	int status;

	if (keep_standard_fds() < 0)
		return (int)UNS_E_FAILED;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* the write fails then, and what was begun is taken back */
	umask(022); /* the modes of what is made do not depend on the caller */
	if (uns_options_parse(argc, argv, &o, &err) < 0) {
		uns_run_complain("%s", err.text);
		return (int)err.code;
	}
	status = finish_output(&o, run(&o, &err));
	uns_options_done(&o);
	return status;
}
