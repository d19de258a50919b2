/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"
#include "uns/step.h"

static const struct uns_check risk = { "UnmappedId", UNS_ERROR, UNS_E_REFUSED, true, "", NULL };
static const struct uns_check conflict = { "RangeTaken", UNS_ERROR, UNS_E_CONFLICT, false, "", NULL };
static const struct uns_check warning = { "ContainerBind", UNS_WARNING, UNS_OK, true, "", "CIS 1.2" };
static const struct uns_check info = { "NotInstalled", UNS_INFO, UNS_OK, true, "", NULL };

/* uns_finding's texts are the owner's to free; here nobody does. */
static char *text(const char *s)
{
	char *copy = s ? strdup(s) : NULL;

	assert_true(!s || copy);
	return copy;
}

static void add(struct uns_findings *f, const struct uns_check *check, bool ignored, const char *object, const char *reason,
		const char *remedy)
{
	struct uns_finding *v = realloc(f->v, (f->n + 1) * sizeof(*v));

	assert_non_null(v);
	f->v = v;
	f->v[f->n++] = (struct uns_finding){ check, ignored, text(object), text(reason), text(remedy), NULL };
}

/* uns_findings_done belongs to the plan floor, which report does not see. */
static void findings_done(struct uns_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].object);
		free(f->v[i].reason);
		free(f->v[i].remedy);
		free(f->v[i].command);
	}
	free(f->v);
}

static void step(struct uns_plan *p, const char *kind, bool reverse, const char *args)
{
	json_t *j = json_loads(args, 0, NULL);

	assert_non_null(j);
	assert_int_equal(uns_plan_add(p, kind, reverse, j, NULL), 0);
}

static const char line_args[] =
	"{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"dockremap:524288:65536\"],\"created\":false}";
static const char member_args[] =
	"{\"file\":\"/etc/docker/daemon.json\",\"key\":\"userns-remap\",\"after\":\"dockremap\",\"created\":false}";
static const char rename_args[] = "{\"from\":\"/a\",\"to\":\"/b\"}";

static void plan_of_three(struct uns_plan *p)
{
	assert_int_equal(uns_plan_set_title(p, "enable docker", NULL), 0);
	step(p, "subid-lines", false, line_args);
	step(p, "rename", false, rename_args);
	step(p, "json-member", false, member_args);
}

/* ---- text ---- */

static void safe_text(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_report_safe("a\033[2Jb\tc\x7f \xc2\x9b \xc3\xa4 \xe2\x86\x92", &b, NULL), 0);
	assert_string_equal(b.data, "a\\x1b[2Jb\\x09c\\x7f \\xc2\\x9b \xc3\xa4 \xe2\x86\x92");
	/* What is no UTF-8: a lone byte, a character cut off, too long a form, a surrogate, beyond the last, a byte of 8-bit C1. */
	b.len = 0;
	assert_int_equal(uns_report_safe("\xff|\xe2\x86|\xc0\xaf|\xe0\x80\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\x9b|\xf0\x9f\x90\xb3|\xc3", &b, NULL), 0);
	assert_string_equal(b.data, "\\xff|\\xe2\\x86|\\xc0\\xaf|\\xe0\\x80\\x80|\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80|\\x9b|\xf0\x9f\x90\xb3|"
				    "\\xc3");
	/* What turns the order of others around or is not seen (U+061C, U+200B, U+202E, U+2066, U+FEFF); a hyphen and an arrow beside them stay. */
	b.len = 0;
	assert_int_equal(uns_report_safe("\xd8\x9c|\xe2\x80\x8b|\xe2\x80\xae|\xe2\x81\xa6|\xef\xbb\xbf|\xe2\x80\x90\xe2\x86\x90|\xd8\x9b", &b, NULL), 0);
	assert_string_equal(b.data, "\\xd8\\x9c|\\xe2\\x80\\x8b|\\xe2\\x80\\xae|\\xe2\\x81\\xa6|\\xef\\xbb\\xbf|\xe2\x80\x90\xe2\x86\x90|\xd8\x9b");
}

static void bytes_that_are_no_text_are_escaped(void **state)
{
	static const struct {
		const char *text, *wanted;
	} v[] = {
		{"a\x9b[2J", "a\\x9b[2J"},
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc3", "\\xc3"},                   /* cut */
		{"\xe2\x86", "\\xe2\\x86"},
		{"\xc3(", "\\xc3("},
		{"\xc0\x9b", "\\xc0\\x9b"},         /* too long */
		{"\xe0\x82\x9b", "\\xe0\\x82\\x9b"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half of a pair */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xf0\x9f\x90\xb3 \xed\x9f\xbf", "\xf0\x9f\x90\xb3 \xed\x9f\xbf"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

		assert_int_equal(uns_report_safe(v[i].text, &b, NULL), 0);
		assert_string_equal(b.data, v[i].wanted);
	}
}

static void plan_headings_and_numbers(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	plan_of_three(&p);
	assert_int_equal(uns_report_plan(&p, NULL, false, &b, NULL), 0);
	assert_string_equal(b.data, "Plan: enable docker, 3 steps\n"
				    "User and ranges\n"
				    "  1. add dockremap:524288:65536 to /etc/subuid\n"
				    "Data\n"
				    "  2. rename /a to /b\n"
				    "Daemon option\n"
				    "  3. set \"userns-remap\": \"dockremap\" in /etc/docker/daemon.json\n");
}

static void plan_heading_once_per_group(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	const char *first;

	(void)state;
	assert_int_equal(uns_plan_set_title(&p, "x", NULL), 0);
	step(&p, "rename", false, rename_args);
	step(&p, "rename", true, rename_args);
	assert_int_equal(uns_report_plan(&p, NULL, false, &b, NULL), 0);
	first = strstr(b.data, "\nData\n");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\nData\n"));
	assert_non_null(strstr(b.data, "2. rename /b to /a\n"));
}

static void plan_numbers_of_a_part(void **state)
{
	static const size_t numbers[] = { 12, 9, 1 };
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	plan_of_three(&p);
	assert_int_equal(uns_report_plan(&p, numbers, false, &b, NULL), 0);
	assert_non_null(strstr(b.data, "\n  12. add "));
	assert_non_null(strstr(b.data, "\n   9. rename "));
	assert_non_null(strstr(b.data, "\n   1. set "));
}

static void plan_lines_are_broken(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	char args[512], path[151];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	snprintf(args, sizeof(args), "{\"from\":\"/%s\",\"to\":\"/%.40s\"}", path, path);
	assert_int_equal(uns_plan_set_title(&p, "x", NULL), 0);
	step(&p, "rename", false, args);
	assert_int_equal(uns_report_plan(&p, NULL, false, &b, NULL), 0);
	/* A word that is longer than a line is not cut; what follows hangs under the text. */
	assert_non_null(strstr(b.data, "  1. rename\n     /xxx"));
	assert_non_null(strstr(b.data, "xxx\n     to /xxx"));
}

static void plan_of_unknown_kind(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_plan_set_title(&p, "x\033[2J", NULL), 0);
	step(&p, "teleport", false, "{}");
	assert_int_equal(uns_report_plan(&p, NULL, false, &b, NULL), 0);
	assert_non_null(strstr(b.data, "1. step of the unknown kind \"teleport\"\n"));
	assert_null(strchr(b.data, '\033'));
}

static void plan_colors(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	plan_of_three(&p);
	assert_int_equal(uns_report_plan(&p, NULL, true, &b, NULL), 0);
	assert_non_null(strstr(b.data, "\033[1mData\033[0m\n"));
}

static void findings_worst_last(void **state)
{
	uns_auto(findings_done) struct uns_findings f = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	add(&f, &conflict, false, "524288:65536", "taken by alice", "usernsctl enable docker --range=auto");
	add(&f, &info, false, "docker", "not installed", NULL);
	add(&f, &warning, false, "web\033", "mounts /srv", NULL);
	add(&f, &risk, true, "volumes/a", "70000", "not shown when ignored");
	assert_int_equal(uns_report_findings(&f, false, &b, NULL), 0);
	assert_string_equal(b.data, "info: NotInstalled: docker\n    not installed\n"
				    "warning: ContainerBind: web\\x1b\n    mounts /srv\n    reference: CIS 1.2\n"
				    "error: RangeTaken: 524288:65536\n    taken by alice\n"
				    "    to mend it: usernsctl enable docker --range=auto\n"
				    "error (ignored): UnmappedId: volumes/a\n    70000\n");
}

static void by_severity_then_id(void **state)
{
	uns_auto(findings_done) struct uns_findings f = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	add(&f, &risk, false, "2", NULL, NULL);
	add(&f, &conflict, false, "b", NULL, NULL);
	add(&f, &warning, false, "w", NULL, NULL);
	add(&f, &risk, false, "1", NULL, NULL);
	add(&f, &conflict, false, "a", NULL, NULL);
	assert_int_equal(uns_report_findings(&f, false, &b, NULL), 0);
	assert_string_equal(b.data, "warning: ContainerBind: w\n    reference: CIS 1.2\n"
				    "error: RangeTaken: b\nerror: RangeTaken: a\nerror: UnmappedId: 2\nerror: UnmappedId: 1\n");
}

static void remedies(void **state)
{
	static const char *const commands[] = { "b 'x y'", "a", NULL, "a", "a", "c\033" };
	const struct uns_check *const checks[] = { &warning, &info, &conflict, &conflict, &conflict, &risk };
	uns_auto(findings_done) struct uns_findings f = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_report_remedies(&f, &b, NULL), 0);
	for (size_t i = 0; i < 6; i++) {
		add(&f, checks[i], false, "x", "y", "z");
		f.v[i].command = text(commands[i]);
	}
	add(&f, &risk, true, "x", "accepted", "z");
	f.v[6].command = text("not shown when ignored");
	assert_int_equal(uns_report_remedies(&f, &b, NULL), 0);
	assert_string_equal(b.data, "########## BEGIN: commands that mend it; read each before you run it ##########\n"
				    "# RangeTaken, NotInstalled\na\n# UnmappedId\nc\\x1b\n# ContainerBind\nb 'x y'\n"
				    "########## END ##########\n");
}

static void numbers_of_a_benchmark_are_in_order(void **state)
{
	static const struct uns_check rows[] = {{.id = "1.1.10", .severity = UNS_ERROR}, {.id = "1.1.5", .severity = UNS_ERROR}};
	uns_auto(findings_done) struct uns_findings f = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		add(&f, &rows[i], false, "x", "y", "z");
		f.v[i].command = text(rows[i].id);
	}
	assert_int_equal(uns_report_remedies(&f, &b, NULL), 0);
	assert_non_null(strstr(b.data, "# 1.1.5\n1.1.5\n# 1.1.10\n1.1.10\n"));
}

static void findings_none(void **state)
{
	struct uns_findings f = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_report_findings(&f, true, &b, NULL), 0);
	assert_int_equal(b.len, 0);
}

static void event_line(const char *type, enum uns_side to, bool kept, const char *want)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct uns_event e = { .type = type, .step = 1, .to = to, .kept = kept };

	plan_of_three(&p);
	e.what = &p.v[1];
	assert_int_equal(uns_report_event(&e, 12, &b, NULL), 0);
	assert_string_equal(b.data ? b.data : "", want);
}

static void events(void **state)
{
	struct uns_event run = { .type = "run", .to = UNS_AFTER };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	event_line("begin", UNS_AFTER, false, "[ 2/12] rename /a to /b\n");
	event_line("begin", UNS_BEFORE, false, "[ 2/12] rename /b to /a\n");
	event_line("done", UNS_AFTER, false, "");
	event_line("done", UNS_BEFORE, true, "[ 2/12] left as it is: rename /b to /a\n");
	event_line("skip", UNS_AFTER, false, "[ 2/12] is so already: rename /a to /b\n");
	assert_int_equal(uns_report_event(&run, 12, &b, NULL), 0);
	assert_int_equal(b.len, 0);
}

/* ---- JSON ---- */

static void assert_json(json_t *got, const char *want)
{
	uns_auto_json json_t *expected = json_loads(want, JSON_DECODE_ANY, NULL);

	assert_non_null(expected);
	assert_non_null(got);
	if (!json_equal(got, expected)) {
		print_error("%s\n", json_dumps(got, JSON_ENCODE_ANY));
		fail();
	}
	json_decref(got);
}

static void strings(void **state)
{
	(void)state;
	assert_json(uns_report_string_json(NULL), "null");
	assert_json(uns_report_string_json("\xc3\xa4 b"), "\"\\u00e4 b\"");
	assert_json(uns_report_string_json("a\xff"), "\"a%FF\"");
}

static void findings_json(void **state)
{
	uns_auto(findings_done) struct uns_findings f = { .n = 0 };

	(void)state;
	assert_json(uns_report_findings_json(&f), "[]");
	add(&f, &conflict, false, "x", "y", NULL);
	add(&f, &warning, false, "web", "mounts /srv", "z");
	add(&f, &risk, true, "v", "70000", NULL);
	add(&f, &info, false, "docker", "not installed", NULL);
	f.v[1].command = text("do z");
	assert_json(uns_report_findings_json(&f),
		    "[{\"id\":\"NotInstalled\",\"severity\":\"info\",\"ignored\":false,\"exit\":0,\"object\":\"docker\","
		    "\"reason\":\"not installed\",\"remedy\":null,\"command\":null,\"reference\":null},"
		    "{\"id\":\"ContainerBind\",\"severity\":\"warning\",\"ignored\":false,\"exit\":0,\"object\":\"web\","
		    "\"reason\":\"mounts /srv\",\"remedy\":\"z\",\"command\":\"do z\",\"reference\":\"CIS 1.2\"},"
		    "{\"id\":\"RangeTaken\",\"severity\":\"error\",\"ignored\":false,\"exit\":4,\"object\":\"x\",\"reason\":\"y\","
		    "\"remedy\":null,\"command\":null,\"reference\":null},"
		    "{\"id\":\"UnmappedId\",\"severity\":\"error\",\"ignored\":true,\"exit\":0,\"object\":\"v\","
		    "\"reason\":\"70000\",\"remedy\":null,\"command\":null,\"reference\":null}]");
	assert_json(uns_report_warnings_json(&f), "[\"ContainerBind: web: mounts /srv\",\"UnmappedId (ignored): v: 70000\"]");
}

static void event_json(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	struct uns_event e = { .type = "done", .time = 42, .step = 1, .to = UNS_BEFORE, .kept = true };

	(void)state;
	plan_of_three(&p);
	e.what = &p.v[1];
	assert_json(uns_report_event_json(&e), "{\"type\":\"done\",\"time\":42,\"to\":\"before\",\"step\":1,\"kind\":\"rename\","
					       "\"text\":\"rename /b to /a\",\"kept\":true}");
	e = (struct uns_event){ .type = "end", .time = 43, .to = UNS_AFTER };
	assert_json(uns_report_event_json(&e), "{\"type\":\"end\",\"time\":43,\"to\":\"after\"}");
}

static void actions_json(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };

	(void)state;
	assert_json(uns_report_actions_json(&p), "[]");
	plan_of_three(&p);
	assert_json(uns_report_actions_json(&p), "[\"add dockremap:524288:65536 to /etc/subuid\",\"rename /a to /b\","
						 "\"set \\\"userns-remap\\\": \\\"dockremap\\\" in /etc/docker/daemon.json\"]");
}

static void diff_json(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };

	(void)state;
	plan_of_three(&p);
	step(&p, "subid-lines", true, line_args);
	step(&p, "env-option", false,
	     "{\"file\":\"/etc/default/docker\",\"variable\":\"DOCKER_OPTS\",\"option\":\"userns-remap\","
	     "\"before\":\"a\",\"after\":\"b\"}");
	step(&p, "subid-lines", false,
	     "{\"file\":\"/etc/subgid\",\"before\":[\"b:1:2\",\"a:3:4\"],\"after\":[\"a:3:4\",\"c:5:6\",\"b:7:8\"]}");
	step(&p, "final-newline", false, "{\"file\":\"/etc/subuid\",\"line\":\"a:3:4\"}");
	step(&p, "final-newline", true, "{\"file\":\"/etc/subuid\",\"line\":\"a:3:4\"}");
	step(&p, "own-file", true, "{\"file\":\"/x\",\"content\":\"[Unit]\\n\",\"mode\":\"0644\"}");
	assert_json(uns_report_diff_json(&p),
		    "[{\"file\":\"/etc/subuid\",\"before\":null,\"after\":\"dockremap:524288:65536\"},"
		    "{\"file\":\"/etc/docker/daemon.json\",\"before\":null,\"after\":\"\\\"userns-remap\\\": \\\"dockremap\\\"\"},"
		    "{\"file\":\"/etc/subuid\",\"before\":\"dockremap:524288:65536\",\"after\":null},"
		    "{\"file\":\"/etc/default/docker\",\"before\":\"DOCKER_OPTS: --userns-remap=a\","
		    "\"after\":\"DOCKER_OPTS: --userns-remap=b\"},"
		    "{\"file\":\"/etc/subgid\",\"before\":\"b:1:2\\na:3:4\",\"after\":\"a:3:4\\nc:5:6\\nb:7:8\"},"
		    "{\"file\":\"/etc/subuid\",\"before\":\"a:3:4\",\"after\":\"a:3:4\\n\"},"
		    "{\"file\":\"/etc/subuid\",\"before\":\"a:3:4\\n\",\"after\":\"a:3:4\"},"
		    "{\"file\":\"/x\",\"before\":\"[Unit]\\n\",\"after\":null}]");
}

static void malformed_args_are_survived(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan p = { .n = 0 };
	uns_auto_json json_t *actions = NULL;

	(void)state;
	step(&p, "subid-lines", false, "{\"file\":7}");
	step(&p, "json-member", false, "{}");
	assert_json(uns_report_diff_json(&p), "[]");
	actions = uns_report_actions_json(&p);
	assert_int_equal(json_array_size(actions), 2);
}

/* ---- progress ---- */

static struct uns_under_way half_way(void)
{
	return (struct uns_under_way){
		.step = 9, .steps = 16, .text = "shift owners in /var/lib/docker (6 patterns): 0-65535", .step_ms = 4000,
		.at = { .what = "shifting", .names = 4000, .total_names = 10000, .bytes = 3u << 20, .total_bytes = 12u << 20 },
		.at_ms = 2000
	};
}

static void assert_line(const struct uns_under_way *w, unsigned columns, const char *wanted)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(uns_report_under_way(w, columns, &b, NULL), 0);
	assert_string_equal(b.data ? b.data : "", wanted);
}

static void progress_has_what_there_is_room_for(void **state)
{
	struct uns_under_way w = half_way();

	(void)state;
	assert_line(&w, 0, "[ 9/16] shift owners in /var/lib/docker (6 patterns): 0-65535: shifting: 40% 4000/10000 files, "
			   "3.0/12.0 MiB, 2000/s, 0:03 left");
	assert_line(&w, 120, "[ 9/16] shift owners in /var/lib/docker (6 patterns): 0… shifting: 40% 4000/10000 files, "
			     "3.0/12.0 MiB, 2000/s, 0:03 left");
	assert_line(&w, 77, "[ 9/16] shift owners i… 40% 4000/10000 files, 3.0/12.0 MiB, 2000/s, 0:03 left");
	assert_line(&w, 61, "[ 9/16] 40% 4000/10000 files, 3.0/12.0 MiB, 2000/s, 0:03 left");
	assert_line(&w, 60, "[ 9/16] 40% 4000/10000 files, 3.0/12.0 MiB, 0:03 left");
	assert_line(&w, 40, "[ 9/16] 40% 4000/10000 files, 0:03 left");
	assert_line(&w, 30, "[ 9/16] 40% 4000/10000 files");
	assert_line(&w, 20, "[ 9/16] shift owner…");
	assert_line(&w, 5, "");
}

static void progress_without_totals(void **state)
{
	struct uns_under_way w = half_way();

	(void)state;
	w.steps = 0;
	w.text = NULL;
	w.at = (struct uns_progress){ .what = "reading the trees", .names = 12, .bytes = 999 };
	assert_line(&w, 80, "reading the trees: 12 files, 999 B, 6/s");
	w.at_ms = 100;
	assert_line(&w, 80, "reading the trees: 12 files, 999 B");
	w.at.what = NULL;
	assert_line(&w, 80, "");
}

static void progress_of_a_step_that_counts_nothing(void **state)
{
	struct uns_under_way w = half_way();

	(void)state;
	w.at.what = NULL;
	w.text = "stop docker\033[2J.service";
	assert_line(&w, 80, "[ 9/16] stop docker\\x1b[2J.service (4 s)");
	w.step_ms = 999;
	assert_line(&w, 80, "[ 9/16] stop docker\\x1b[2J.service");
}

/* More than was expected is no more than all; 100 % is nothing less than all. */
static void progress_at_the_end(void **state)
{
	struct uns_under_way w = half_way();

	(void)state;
	w.text = NULL;
	w.at.names = 9999;
	assert_line(&w, 40, "[ 9/16] 99% 9999/10000 files, 0:01 left");
	w.at.names = 10007;
	w.at.bytes = 13u << 20;
	assert_line(&w, 0, "[ 9/16] shifting: 100% 10000/10000 files, 12.0/12.0 MiB, 5003/s, 0:00 left");
	w.at.names = 1;
	w.at.total_names = 100000;
	w.at_ms = 3600;
	assert_line(&w, 39, "[ 9/16] 0% 1/100000 files");
	w.at.names = 40;
	assert_line(&w, 48, "[ 9/16] 0% 40/100000 files, 2:29:57 left");
}

static void progress_json(void **state)
{
	struct uns_under_way w = half_way();
	uns_auto_json json_t *j = NULL;

	(void)state;
	w.time = 7;
	j = uns_report_progress_json(&w);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "type")), "progress");
	assert_int_equal(json_integer_value(json_object_get(j, "time")), 7);
	assert_int_equal(json_integer_value(json_object_get(j, "step")), 8);
	assert_int_equal(json_integer_value(json_object_get(j, "steps")), 16);
	assert_string_equal(json_string_value(json_object_get(j, "phase")), "shifting");
	assert_int_equal(json_integer_value(json_object_get(j, "total_bytes")), 12 << 20);
	assert_int_equal(json_integer_value(json_object_get(j, "rate")), 2000);
	assert_int_equal(json_integer_value(json_object_get(j, "seconds_left")), 3);
}

/* ---- the outlook ---- */

static void assert_outlook(const struct uns_plan *p, const struct uns_outlook *o, const char *wanted)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(uns_report_outlook(p, o, false, &b, NULL), 0);
	assert_string_equal(b.data ? b.data : "", wanted);
}

static void outlook_of_plans(void **state)
{
	uns_auto(uns_plan_done) struct uns_plan none = { .n = 0 }, p = { .n = 0 };
	struct uns_outlook o = { .counted = true, .files = 1234, .bytes = 3u << 20 };

	(void)state;
	assert_outlook(&none, &o, "");
	step(&p, "subid-lines", false, line_args);
	assert_outlook(&p, &o, "Down      nothing\nWay back  every step can be taken back: usernsctl rollback\n");
	step(&p, "containers", false, "{}");
	step(&p, "service", false, "{}");
	step(&p, "shift-tree", false, "{}");
	step(&p, "service", true, "{}");
	assert_outlook(&p, &o,
		       "Size      1234 files of 3.0 MiB; owners change where the files are, nothing is copied\n"
		       "Down      the engine and its containers, from step 3 to step 5; how long is not known; containers that run are "
		       "started again\n"
		       "Way back  every step can be taken back: usernsctl rollback\n"
		       "          but not: what runs in the containers that are stopped (they begin anew)\n"
		       "                   connections to the engine\n");
	o = (struct uns_outlook){ .seconds = 150, .no_record = true };
	assert_outlook(&p, &o,
		       "Size      not counted yet; owners change where the files are, nothing is copied\n"
		       "Down      the engine and its containers, from step 3 to step 5; about 3 min or less; containers that run are started again\n"
		       "Way back  none: no record is kept\n");
	step(&p, "account", true, "{}");
	o.no_record = false;
	o.seconds = 20000;
	assert_outlook(&p, &o,
		       "Size      not counted yet; owners change where the files are, nothing is copied\n"
		       "Down      the engine and its containers, from step 3 to step 5; about 6 h or less; containers that run are started again\n"
		       "Way back  every step can be taken back: usernsctl rollback\n"
		       "          but not: the user that is removed (one that is made again may have other IDs)\n"
		       "                   what runs in the containers that are stopped (they begin anew)\n"
		       "                   connections to the engine\n");
}

static void diff_text(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf old = UNS_BUF_INIT, now = UNS_BUF_INIT, b = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_buf_append(&old, "a\n\tb\033[2J\n", 9, NULL), 0);
	assert_int_equal(uns_buf_puts(&now, "a\n", NULL), 0);
	assert_int_equal(uns_report_diff("/etc/x", &old, &old, true, &b, NULL), 0);
	assert_null(b.data);
	assert_int_equal(uns_report_diff("/etc/x", &old, &now, false, &b, NULL), 0);
	assert_string_equal(b.data, "--- /etc/x\n+++ /etc/x\n@@ -1,2 +1 @@\n a\n-\tb\\x1b[2J\n");
	b.len = 0;
	assert_int_equal(uns_report_diff("/etc/x", NULL, &now, true, &b, NULL), 0);
	assert_string_equal(b.data, "\033[1m--- /dev/null\033[0m\n\033[1m+++ /etc/x\033[0m\n\033[36m@@ -0,0 +1 @@\033[0m\n"
				    "\033[32m+a\033[0m\n");
}

static void diff_text_is_cut(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf now = UNS_BUF_INIT, b = UNS_BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(uns_buf_printf(&now, NULL, "%u\n", i), 0);
	assert_int_equal(uns_report_diff("/etc/x", NULL, &now, false, &b, NULL), 0);
	assert_non_null(strstr(b.data, "\n+118\n… and 881 lines more\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_text),
		cmocka_unit_test(bytes_that_are_no_text_are_escaped),
		cmocka_unit_test(plan_headings_and_numbers),
		cmocka_unit_test(plan_heading_once_per_group),
		cmocka_unit_test(plan_numbers_of_a_part),
		cmocka_unit_test(plan_lines_are_broken),
		cmocka_unit_test(plan_of_unknown_kind),
		cmocka_unit_test(plan_colors),
		cmocka_unit_test(findings_worst_last),
		cmocka_unit_test(by_severity_then_id),
		cmocka_unit_test(remedies),
		cmocka_unit_test(numbers_of_a_benchmark_are_in_order),
		cmocka_unit_test(findings_none),
		cmocka_unit_test(events),
		cmocka_unit_test(strings),
		cmocka_unit_test(findings_json),
		cmocka_unit_test(event_json),
		cmocka_unit_test(actions_json),
		cmocka_unit_test(diff_json),
		cmocka_unit_test(malformed_args_are_survived),
		cmocka_unit_test(progress_has_what_there_is_room_for),
		cmocka_unit_test(progress_without_totals),
		cmocka_unit_test(progress_of_a_step_that_counts_nothing),
		cmocka_unit_test(progress_at_the_end),
		cmocka_unit_test(progress_json),
		cmocka_unit_test(outlook_of_plans),
		cmocka_unit_test(diff_text),
		cmocka_unit_test(diff_text_is_cut),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
