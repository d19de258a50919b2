/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that edit files and names: each is looked at, driven there, driven there again, and back; and met half-way. */
#include "test.h"

#include "scratch.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/step.h"
#include "uns/sys.h"

struct place {
	struct scratch s;
	struct uns_root root;
	struct uns_step step;
	struct uns_step_ctx c;
	struct uns_held held;
	struct uns_err err;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	scratch_make(&p->s);
	put_dir(&p->s, "etc");
	put_dir(&p->s, "data");
	put_dir(&p->s, "record");
	assert_int_equal(uns_root_open(&p->root, p->s.path, &p->err), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	json_decref(p->step.args);
	if (p->c.record_dir > 0)
		close(p->c.record_dir);
	uns_root_close(&p->root);
	scratch_remove(&p->s);
	free(p);
	return 0;
}

static void use(struct place *p, const char *kind, json_t *args)
{
	assert_non_null(args);
	p->step.kind = (char *)(uintptr_t)kind;
	p->step.args = args;
	if (p->c.record_dir > 0)
		close(p->c.record_dir);
	p->c = (struct uns_step_ctx){ .root = &p->root, .step = &p->step, .held = &p->held, .leg_start = UNS_BEFORE };
	p->c.record_dir = openat(p->s.fd, "record", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	strcpy(p->c.record_name, "record-0001-0.json");
	strcpy(p->c.first_record_name, "record-0001-0.json");
	if (uns_kind_find(kind)->check(args, &p->err))
		fail_msg("%s", p->err.text);
}

static enum uns_side side(struct place *p)
{
	enum uns_side s;

	if (uns_step_observe(&p->c, &s, &p->err))
		fail_msg("%s", p->err.text);
	return s;
}

static void drive(struct place *p, enum uns_side to)
{
	if (uns_step_drive(&p->c, to, &p->err))
		fail_msg("%s", p->err.text);
	assert_int_equal(side(p), to);
}

static char *contents(struct place *p, const char *path)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (uns_root_read(&p->root, path, 1u << 24, &b, NULL, &p->err))
		return NULL;
	return uns_buf_take(&b, &p->err);
}

static void expect(struct place *p, const char *path, const char *text)
{
	uns_auto_free char *have = contents(p, path);

	if (!text) {
		assert_null(have);
		return;
	}
	assert_non_null(have);
	assert_string_equal(have, text);
}

static bool there(struct place *p, const char *path)
{
	struct stat st;

	return uns_root_stat(&p->root, path, &st, &p->err) == 0;
}

/* There, there again without touching anything, back, back again. */
static void there_and_back(struct place *p, const char *path, const char *before, const char *after)
{
	struct stat first, second;

	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	expect(p, path, after);
	assert_int_equal(uns_root_stat(&p->root, path, &first, &p->err), 0);
	drive(p, UNS_AFTER);
	assert_int_equal(uns_root_stat(&p->root, path, &second, &p->err), 0);
	if (strcmp(p->step.kind, "own-file"))
		assert_true(first.st_ino == second.st_ino && first.st_ctim.tv_nsec == second.st_ctim.tv_nsec);
	drive(p, UNS_BEFORE);
	expect(p, path, before);
	drive(p, UNS_BEFORE);
	expect(p, path, before);
}

static void test_own_file(void **state)
{
	struct place *p = *state;

	use(p, "own-file", json_pack("{s:s,s:s,s:s}", "file", "/etc/x", "content", "ours\n", "mode", "0644"));
	there_and_back(p, "/etc/x", NULL, "ours\n");
	put_file(&p->s, "etc/x", "theirs\n");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_non_null(strstr(p->c.why, "/etc/x"));
}

/* ---- subid-lines ---- */

/* Lists are written "A B C". */
static json_t *line_list(const char *words)
{
	json_t *list = json_array();
	char copy[400], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		assert_int_equal(json_array_append_new(list, json_string(w)), 0);
	return list;
}

static void use_lines(struct place *p, const char *file, const char *before, const char *after, bool created)
{
	json_decref(p->step.args);
	use(p, "subid-lines", json_pack("{s:s,s:o,s:o,s:b}", "file", file, "before", line_list(before), "after", line_list(after),
	                                "created", (int)created));
}

static void reput(struct place *p, const char *path, const char *text)
{
	unlinkat(p->s.fd, path, 0);
	put_file(&p->s, path, text);
}

static void test_lines(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "# people\nalice:100000:65536\n");
	use_lines(p, "/etc/subuid", "", "dockremap:524288:65536", false);
	there_and_back(p, "/etc/subuid", "# people\nalice:100000:65536\n", "# people\nalice:100000:65536\ndockremap:524288:65536\n");
	expect(p, "/etc/subuid-", "# people\nalice:100000:65536\ndockremap:524288:65536\n");
	assert_false(there(p, "/etc/subuid.lock") || there(p, "/etc/subgid.lock") || there(p, "/etc/subuid.lock.usernsctl"));
	assert_false(there(p, "/etc/subuid.usernsctl") || there(p, "/etc/subuid-.usernsctl"));
}

/* All bytes of others stay, however odd they are; those of our owners may be anything that is named. */
static void test_lines_of_several(void **state)
{
	static const char before[] = "# people\n\nalice:100000:65536\n  # odd\nbob:200000:65536\nbob:300000:65536\n\tcarol:0x80000:1\n"
	                             "junk\nmallory:900000:5:x\r\n:1:2\n";
	struct place *p = *state;
	uns_auto_free char *text = NULL;

	put_file(&p->s, "etc/subgid", before);
	use_lines(p, "/etc/subgid", "bob:200000:65536 bob:300000:65536 \tcarol:0x80000:1",
	          "bob:200000:65536 carol:524288:1 dora:1048576:65536 emil:655360:65536", false);
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	text = contents(p, "/etc/subgid");
	assert_non_null(strstr(text, "# people\n\nalice:100000:65536\n  # odd\nbob:200000:65536\n"));
	assert_non_null(strstr(text, "\njunk\n"));
	assert_non_null(strstr(text, "\nmallory:900000:5:x\r\n"));
	assert_non_null(strstr(text, "\ncarol:524288:1\n"));
	assert_non_null(strstr(text, "\ndora:1048576:65536\n"));
	assert_non_null(strstr(text, "\n:1:2\n"));
	assert_null(strstr(text, "300000"));
	assert_null(strstr(text, "0x80000"));
	drive(p, UNS_BEFORE);
	assert_int_equal(side(p), UNS_BEFORE);
}

/* Lines that others add in between survive the way back, and so does the file. */
static void test_lines_keep_others(void **state)
{
	struct place *p = *state;

	use_lines(p, "/etc/subgid", "", "dockremap:524288:65536", true);
	there_and_back(p, "/etc/subgid", NULL, "dockremap:524288:65536\n");
	drive(p, UNS_AFTER);
	reput(p, "etc/subgid", "dockremap:524288:65536\nbob:700000:65536\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subgid", "bob:700000:65536\n");
	/* Not made by us: empty, but there. */
	reput(p, "etc/subgid", "dockremap:524288:65536\n");
	use_lines(p, "/etc/subgid", "", "dockremap:524288:65536", false);
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subgid", "");
	use_lines(p, "/etc/subgid", "", "dockremap:524288:65536", true);
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subgid", NULL);
}

static void expect_foreign(struct place *p, const char *text, const char *why)
{
	struct uns_err err = { 0 };

	reput(p, "etc/subuid", text);
	assert_int_equal(side(p), UNS_FOREIGN);
	if (!strstr(p->c.why, why) || !strstr(p->c.why, "/etc/subuid"))
		fail_msg("%s: found no %s", p->c.why, why);
	/* A step that had begun is driven all the same, but never over what it does not know. */
	for (int to = UNS_BEFORE; to <= UNS_AFTER; to++) {
		assert_int_equal(uns_step_drive(&p->c, (enum uns_side)to, &err), -1);
		assert_int_equal(err.code, UNS_E_CONFLICT);
		assert_non_null(strstr(err.text, why));
		expect(p, "/etc/subuid", text);
	}
	assert_false(there(p, "/etc/subuid-") || there(p, "/etc/subuid.lock"));
}

static void test_lines_foreign(void **state)
{
	struct place *p = *state;

	use_lines(p, "/etc/subuid", "", "bob:524288:65536", false);
	expect_foreign(p, "bob:100000:65536\n", "has the line \"bob:100000:65536\"");
	expect_foreign(p, "bob:524288:65536\n bob:100000:65536\n", "has the line \" bob:100000:65536\"");
	expect_foreign(p, "bob:524288:65536\nbob:524288:65536\n", "has the line \"bob:524288:65536\"");
	expect_foreign(p, "bob\n#\nbob:\033[31m\n", "\"bob:?[31m\"");
	use_lines(p, "/etc/subuid", "bob:1:2", "bob:524288:65536 eve:700000:1", false);
	expect_foreign(p, "", "lacks the line \"bob:524288:65536\"");
	expect_foreign(p, "bob:524288:65536\n", "lacks the line \"eve:700000:1\"");
	expect_foreign(p, "bob:1:2\neve:700000:1\n", "\"bob:");
	expect_foreign(p, "bob:1:2\nbob:524288:65536\neve:700000:1\n", "has the line \"bob:1:2\"");
}

/* Whose IDs they are is looked at once more when the lines are written. */
static void expect_overlap(struct place *p, const char *text, const char *added, const char *other)
{
	struct stat before, after;

	reput(p, "etc/subuid", text);
	unlinkat(p->s.fd, "etc/subuid-", 0);
	assert_int_equal(uns_root_stat(&p->root, "/etc/subuid", &before, &p->err), 0);
	assert_int_equal(side(p), UNS_BEFORE);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_CONFLICT);
	if (!strstr(p->err.text, added) || !strstr(p->err.text, other))
		fail_msg("%s: found no %s, %s", p->err.text, added, other);
	assert_int_equal(uns_root_stat(&p->root, "/etc/subuid", &after, &p->err), 0);
	assert_true(before.st_ino == after.st_ino);
	assert_false(there(p, "/etc/subuid-"));
}

static void test_lines_overlap(void **state)
{
	struct place *p = *state;

	use_lines(p, "/etc/subuid", "", "bob:524288:65536 carol:100000:10 carol:589824:65536 dora:4294901759:65536", false);
	expect_overlap(p, "# x\neve:589823:1\n", "bob:524288:65536", "\"eve:589823:1\" in line 2");
	expect_overlap(p, "eve:1:65535\neve:500000:24289\n", "bob:524288:65536", "eve:500000:24289");
	expect_overlap(p, "eve:0x80000:1\n", "bob:524288:65536", "eve:0x80000:1");
	expect_overlap(p, "eve:65536:4000000000\n", "carol:100000:10", "line 1");
	expect_overlap(p, "1000:4294967294:1\n", "dora:4294901759:65536", "1000:4294967294:1");
	/* Beside it is not in it, and what nobody reads takes nothing. */
	reput(p, "etc/subuid", "eve:100010:424278\neve:655360:1\neve:x:y\n#bob:524288:65536\neve:524288:0\n");
	drive(p, UNS_AFTER);
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subuid", "eve:100010:424278\neve:655360:1\neve:x:y\n#bob:524288:65536\neve:524288:0\n");
}

/* What mends an overlap, or leaves it as it is, is not refused for it. */
static void test_lines_had_overlap(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "alice:100000:65536\nbob:0x186a0:70000\n");
	use_lines(p, "/etc/subuid", "bob:0x186a0:70000", "bob:100000:65536 bob:165536:10", false);
	drive(p, UNS_AFTER);
	reput(p, "etc/subuid", "alice:100000:65536\nbob:0x186a0:70000\n");
	use_lines(p, "/etc/subuid", "bob:0x186a0:70000", "bob:99999:70000", false);
	expect_overlap(p, "alice:100000:65536\nbob:0x186a0:70000\n", "bob:99999:70000", "alice:100000:65536");
	use_lines(p, "/etc/subuid", "bob:0x186a0:70000", "carol:100000:70000", false);
	expect_overlap(p, "alice:100000:65536\nbob:0x186a0:70000\n", "carol:100000:70000", "alice:100000:65536");
	/* The way back leads to what was, whatever has been added since. */
	use_lines(p, "/etc/subuid", "bob:524288:65536", "", false);
	reput(p, "etc/subuid", "eve:524288:65536\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subuid", "eve:524288:65536\nbob:524288:65536\n");
}

static void test_lines_symlink(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "data/subuid", "alice:100000:65536\n");
	assert_int_equal(symlinkat("/data/subuid", p->s.fd, "etc/subuid"), 0);
	use_lines(p, "/etc/subuid", "", "bob:524288:65536", false);
	assert_int_equal(side(p), UNS_BEFORE);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_INPUT);
	assert_non_null(strstr(p->err.text, "/etc/subuid is a symbolic link"));
	expect(p, "/data/subuid", "alice:100000:65536\n");
	assert_false(there(p, "/etc/subuid.lock"));
}

/* An editor that takes no lock adds a line each time that we write one of our temporary files, so many times. */
struct editor {
	struct place *p;
	unsigned times, done;
};

static int editor_enter(void *user, const char *effect, size_t *len)
{
	struct editor *e = user;
	char path[1024];
	FILE *f;

	(void)len;
	if (strcmp(effect, "chmod") || e->done == e->times)
		return 0;
	f = fopen(scratch_path(&e->p->s, "etc/subuid", path), "ae");
	fprintf(f, "user%u:%u:1\n", e->done, 700000 + e->done);
	fclose(f);
	e->done++;
	return 0;
}

static void editor_leave(void *user, const char *effect)
{
	(void)user;
	(void)effect;
}

static int drive_edited(struct place *p, unsigned times, unsigned *ret_done)
{
	struct editor e = { p, times, 0 };
	struct uns_sys_hook hook = { editor_enter, editor_leave, &e };
	int r;

	reput(p, "etc/subuid", "alice:100000:65536\n");
	uns_sys_set_hook(&hook);
	r = uns_step_drive(&p->c, UNS_AFTER, &p->err);
	uns_sys_set_hook(NULL);
	*ret_done = e.done;
	return r;
}

static void test_lines_unlocked_editor(void **state)
{
	struct place *p = *state;
	uns_auto_free char *text = NULL;
	unsigned done;

	use_lines(p, "/etc/subuid", "", "bob:524288:65536", false);
	assert_int_equal(drive_edited(p, 9, &done), 0);
	assert_int_equal(done, 9);
	assert_int_equal(side(p), UNS_AFTER);
	text = contents(p, "/etc/subuid");
	assert_non_null(strstr(text, "\nuser0:700000:1\n"));
	assert_non_null(strstr(text, "\nuser8:700008:1\n"));
	assert_int_equal(drive_edited(p, 1000, &done), -1);
	assert_int_equal(p->err.code, UNS_E_CONFLICT);
	assert_non_null(strstr(p->err.text, "was changed by somebody else"));
	assert_int_equal(side(p), UNS_BEFORE);
	assert_false(there(p, "/etc/subuid.usernsctl") || there(p, "/etc/subuid-.usernsctl") || there(p, "/etc/subuid.lock"));
}

/* The step takes the lock as it is told to, or leaves that to its caller. */
static void test_lines_lock(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;
	struct uns_lock_how how = { 0 };

	use_lines(p, "/etc/subuid", "", "bob:524288:65536", true);
	assert_int_equal(uns_lock_shadow(&lock, &p->root, &how, &p->err), 0);
	p->c.lock.timeout_ms = 1;
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_LOCKED);
	p->c.locked = &lock;
	drive(p, UNS_AFTER);
	assert_true(there(p, "/etc/subuid.lock"));
	uns_unlock_shadow(&lock);
	p->c.locked = NULL;
	put_file(&p->s, "etc/subuid.lock", "who knows");
	assert_int_equal(uns_step_drive(&p->c, UNS_BEFORE, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_LOCKED);
	p->c.lock.break_stale = true;
	drive(p, UNS_BEFORE);
	assert_false(there(p, "/etc/subuid") || there(p, "/etc/subuid.lock"));
}

/* What a killed run left is swept up also when there is nothing else to do. */
static void test_lines_leftovers(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "bob:524288:65536\n");
	use_lines(p, "/etc/subuid", "", "bob:524288:65536", false);
	for (int to = UNS_BEFORE; to <= UNS_AFTER; to++) {
		put_file(&p->s, "etc/subuid.usernsctl", "bob:5");
		put_file(&p->s, "etc/subuid-.usernsctl", "");
		drive(p, to == UNS_BEFORE ? UNS_AFTER : UNS_BEFORE);
		assert_false(there(p, "/etc/subuid.usernsctl") || there(p, "/etc/subuid-.usernsctl"));
	}
	expect(p, "/etc/subuid", "");
}

/* Many at once: each line is there once, and what was there stays in its order. */
static void test_lines_many(void **state)
{
	enum { LINES = 50000, ADDED = 2000 };
	static const char head[] = "user0:524288:16\nnew0:524304:16\nuser1:524320:16\n";
	struct place *p = *state;
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	uns_auto_free char *text = NULL, *back = NULL;
	json_t *after = json_array();
	size_t lines = 0;

	for (unsigned i = 0; i < LINES; i++)
		assert_int_equal(uns_buf_printf(&b, &p->err, "user%u:%u:16\n", i, 524288 + i * 32), 0);
	put_file(&p->s, "etc/subuid", b.data);
	for (unsigned i = 0; i < ADDED; i++)
		json_array_append_new(after, json_sprintf("new%u:%u:16", i, 524288 + 16 + i * 32 * (LINES / ADDED)));
	use(p, "subid-lines", json_pack("{s:s,s:[],s:o}", "file", "/etc/subuid", "before", "after", after));
	drive(p, UNS_AFTER);
	text = contents(p, "/etc/subuid");
	assert_non_null(text);
	for (char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, LINES + ADDED);
	assert_int_equal(strncmp(text, head, strlen(head)), 0);
	drive(p, UNS_BEFORE);
	back = contents(p, "/etc/subuid");
	assert_string_equal(back, b.data);
}

static void expect_text(struct place *p, bool reverse, const char *want)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	p->step.reverse = reverse;
	assert_int_equal(uns_step_describe(&p->step, &b, &p->err), 0);
	assert_string_equal(b.data, want);
	p->step.reverse = false;
}

static void test_lines_described(void **state)
{
	struct place *p = *state;

	use_lines(p, "/etc/subuid", "", "bob:524288:65536", false);
	expect_text(p, false, "add bob:524288:65536 to /etc/subuid");
	expect_text(p, true, "remove bob:524288:65536 from /etc/subuid");
	use_lines(p, "/etc/subuid", "bob:1:2", "bob:524288:65536", false);
	expect_text(p, false, "replace bob:1:2 by bob:524288:65536 in /etc/subuid");
	expect_text(p, true, "replace bob:524288:65536 by bob:1:2 in /etc/subuid");
	use_lines(p, "/etc/subgid", "z:9:9", "z:9:9 d:4:1 b:2:1 c:3:1 a:1:1", false);
	expect_text(p, false, "add 4 lines to /etc/subgid (d:4:1, b:2:1, c:3:1, …)");
	use_lines(p, "/etc/subgid", "z:9:9", "b:2:1 a:1:1", false);
	expect_text(p, false, "replace 1 line by 2 in /etc/subgid (z:9:9 by b:2:1, a:1:1)");
	expect_text(p, true, "replace 2 lines by 1 in /etc/subgid (b:2:1, a:1:1 by z:9:9)");
}

/* A step that is reversed has its sides swapped, and nothing else. */
static void test_lines_reversed(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "alice:100000:65536\nbob:524288:65536\n");
	use_lines(p, "/etc/subuid", "", "bob:524288:65536", false);
	p->step.reverse = true;
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	expect(p, "/etc/subuid", "alice:100000:65536\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subuid", "alice:100000:65536\nbob:524288:65536\n");
}

/* The account tools want the lock themselves: it is waited for, never held, and broken as told, before they run. */
static void test_account_lock(void **state)
{
	struct place *p = *state;
	struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;
	struct stat st;

	if (geteuid() != 0 || (stat("/usr/sbin/useradd", &st) && stat("/sbin/useradd", &st))) {
		print_message("not tried: needs root and useradd\n");
		return;
	}
	put_file(&p->s, "etc/passwd", "root:x:0:0::/root:/bin/sh\n");
	put_file(&p->s, "etc/group", "root:x:0:\n");
	put_file(&p->s, "etc/shadow", "root:*:19000:0:99999:7:::\n");
	put_file(&p->s, "etc/subuid", "");
	put_file(&p->s, "etc/subgid", "");
	use(p, "account", json_pack("{s:s,s:s}", "user", "shifter", "group", "shifter"));
	put_file(&p->s, "etc/subuid.lock", "who knows");
	p->c.lock.timeout_ms = 1;
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_LOCKED);
	assert_non_null(strstr(p->err.text, "--break-stale-locks"));
	p->c.locked = &lock;
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_non_null(strstr(p->err.text, "while we hold the lock"));
	assert_int_equal(side(p), UNS_BEFORE);
	p->c.locked = NULL;
	p->c.lock.break_stale = true;
	drive(p, UNS_AFTER);
	assert_false(there(p, "/etc/subuid.lock") || there(p, "/etc/subgid.lock"));
	/* Killed when it had the lock, and nothing else to do: that lock goes too. */
	put_file(&p->s, "etc/subgid.lock", "");
	drive(p, UNS_AFTER);
	assert_false(there(p, "/etc/subgid.lock"));
	drive(p, UNS_BEFORE);
}

/* ---- final-newline ---- */

static void use_newline(struct place *p, const char *line)
{
	json_decref(p->step.args);
	use(p, "final-newline", json_pack("{s:s,s:s}", "file", "/etc/subuid", "line", line));
}

static void test_newline(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "alice:100000:65536\nbob:200000:65536");
	use_newline(p, "bob:200000:65536");
	there_and_back(p, "/etc/subuid", "alice:100000:65536\nbob:200000:65536", "alice:100000:65536\nbob:200000:65536\n");
	expect(p, "/etc/subuid-", "alice:100000:65536\nbob:200000:65536\n");
	expect_text(p, false, "end the last line of /etc/subuid with a newline");
	expect_text(p, true, "take the newline from the end of /etc/subuid again");
	reput(p, "etc/subuid", "bob:200000:65536");
	there_and_back(p, "/etc/subuid", "bob:200000:65536", "bob:200000:65536\n");
}

static void expect_kept(struct place *p, const char *text)
{
	reput(p, "etc/subuid", text);
	assert_int_equal(uns_step_drive(&p->c, UNS_BEFORE, &p->err), 1);
	expect(p, "/etc/subuid", text);
}

/* The newline is taken only from behind that line. */
static void test_newline_kept(void **state)
{
	struct place *p = *state;

	use_newline(p, "bob:200000:65536");
	expect_kept(p, "bob:200000:65536\ncarol:300000:65536\n");
	expect_kept(p, "bob:200000:65536\n\n");
	expect_kept(p, "xbob:200000:65536\n");
	expect_kept(p, "bob:200000:65536\r\n");
	expect_kept(p, "00000:65536\n");
	expect_kept(p, "\n");
	expect_kept(p, "");
	expect_kept(p, "bob:200000:65536\ncarol:300000:65536");
	assert_false(there(p, "/etc/subuid-"));
}

static void test_newline_foreign(void **state)
{
	static const char *const texts[] = { "carol:1:1", "xbob:200000:65536", "bob:200000:65536\nx", "00000:65536" };
	struct place *p = *state;

	use_newline(p, "bob:200000:65536");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		reput(p, "etc/subuid", texts[i]);
		assert_int_equal(side(p), UNS_FOREIGN);
		assert_non_null(strstr(p->c.why, "/etc/subuid"));
		assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
		assert_int_equal(p->err.code, UNS_E_CONFLICT);
		expect(p, "/etc/subuid", texts[i]);
	}
	reput(p, "etc/subuid", "");
	assert_int_equal(side(p), UNS_AFTER);
	drive(p, UNS_AFTER);
	assert_int_equal(unlinkat(p->s.fd, "etc/subuid", 0), 0);
	assert_int_equal(side(p), UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/etc/subuid", NULL);
}

/* Lines are added behind the last one, and taken away again: the newline goes back last. */
static void test_newline_below_lines(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "bob:200000:65536");
	use_newline(p, "bob:200000:65536");
	drive(p, UNS_AFTER);
	use_lines(p, "/etc/subuid", "", "carol:524288:65536", false);
	drive(p, UNS_AFTER);
	use_newline(p, "bob:200000:65536");
	assert_int_equal(side(p), UNS_AFTER);
	use_lines(p, "/etc/subuid", "", "carol:524288:65536", false);
	drive(p, UNS_BEFORE);
	use_newline(p, "bob:200000:65536");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subuid", "bob:200000:65536");
}

/* ---- json-member ---- */

static void use_member(struct place *p, json_t *before, json_t *after, bool created)
{
	json_t *args = json_pack("{s:s,s:s,s:b}", "file", "/etc/daemon.json", "key", "userns-remap", "created", created);

	if (before)
		json_object_set_new(args, "before", before);
	if (after)
		json_object_set_new(args, "after", after);
	use(p, "json-member", args);
}

static void test_json_member(void **state)
{
	static const char text[] = "{\r\n\t\"iptables\" : false,\r\n\t\"dns\": [ \"9.9.9.9\" ]\r\n}";
	struct place *p = *state;

	put_file(&p->s, "etc/daemon.json", text);
	use_member(p, NULL, json_string("dockremap"), false);
	there_and_back(p, "/etc/daemon.json", text,
	               "{\r\n\t\"iptables\" : false,\r\n\t\"dns\": [ \"9.9.9.9\" ],\r\n\t\"userns-remap\": \"dockremap\"\r\n}");
}

static void test_json_member_created(void **state)
{
	struct place *p = *state;

	use_member(p, NULL, json_string("dockremap"), true);
	there_and_back(p, "/etc/daemon.json", NULL, "{\n    \"userns-remap\": \"dockremap\"\n}\n");
	drive(p, UNS_AFTER);
	assert_int_equal(unlinkat(p->s.fd, "etc/daemon.json", 0), 0);
	put_file(&p->s, "etc/daemon.json", "{\"userns-remap\": \"dockremap\", \"debug\": true}\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/daemon.json", "{\"debug\": true}\n");
}

static void use_toml(struct place *p, const char *key, json_t *before, json_t *after, bool header, const char *base)
{
	json_t *args = json_pack("{s:s,s:s,s:s,s:b,s:o*,s:o*,s:s*}", "file", "/etc/storage.conf", "table", "storage.options", "key",
	                         key, "header", header, "before", before, "after", after, "base", base);

	assert_non_null(args);
	json_decref(p->step.args);
	use(p, "toml-member", args);
}

static void test_toml_member(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/storage.conf", "[storage]\ndriver = 'x' # y\n");
	use_toml(p, "user", NULL, json_string("containers"), true, NULL);
	there_and_back(p, "/etc/storage.conf", "[storage]\ndriver = 'x' # y\n",
	               "[storage]\ndriver = 'x' # y\n\n[storage.options]\nuser = \"containers\"\n");
}

/* Made with a base, and a second key after it: it vanishes when both are gone, and stays when somebody has added to it. */
static void test_toml_member_created(void **state)
{
	struct place *p = *state;

	use_toml(p, "user", NULL, json_string("containers"), true, "# base\n");
	there_and_back(p, "/etc/storage.conf", NULL, "# base\n\n[storage.options]\nuser = \"containers\"\n");
	drive(p, UNS_AFTER);
	use_toml(p, "size", NULL, json_integer(5), false, NULL);
	drive(p, UNS_AFTER);
	expect(p, "/etc/storage.conf", "# base\n\n[storage.options]\nuser = \"containers\"\nsize = 5\n");
	drive(p, UNS_BEFORE);
	use_toml(p, "user", NULL, json_string("containers"), true, "# base\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/storage.conf", NULL);
	drive(p, UNS_AFTER);
	assert_int_equal(unlinkat(p->s.fd, "etc/storage.conf", 0), 0);
	put_file(&p->s, "etc/storage.conf", "# base\nx = 1\n\n[storage.options]\nuser = \"containers\"\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/storage.conf", "# base\nx = 1\n");
}

static void test_toml_member_foreign(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/storage.conf", "[storage.options]\nuser = 'bob'\n");
	use_toml(p, "user", NULL, json_string("containers"), false, NULL);
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_string_equal(p->c.why, "/etc/storage.conf: user in [storage.options] is \"bob\"");
	use_toml(p, "user", json_string("bob"), json_string("containers"), false, NULL);
	there_and_back(p, "/etc/storage.conf", "[storage.options]\nuser = 'bob'\n", "[storage.options]\nuser = 'containers'\n");
}

static void test_json_member_foreign(void **state)
{
	struct place *p = *state;
	enum uns_side s;

	put_file(&p->s, "etc/daemon.json", "{\"userns-remap\": \"alice\"}");
	use_member(p, NULL, json_string("dockremap"), false);
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_non_null(strstr(p->c.why, "\"alice\""));
	assert_int_equal(unlinkat(p->s.fd, "etc/daemon.json", 0), 0);
	put_file(&p->s, "etc/daemon.json", "{\"userns-remap\": }");
	assert_int_equal(uns_step_observe(&p->c, &s, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_INPUT);
	assert_non_null(strstr(p->err.text, "/etc/daemon.json:1:"));
}

static void test_env_option(void **state)
{
	static const char text[] = "# options\nDOCKER_OPTS=\"--dns 8.8.8.8\"\nOTHER=1\n";
	struct place *p = *state;

	put_file(&p->s, "etc/docker", text);
	use(p, "env-option", json_pack("{s:s,s:s,s:s,s:s}", "file", "/etc/docker", "variable", "DOCKER_OPTS", "option", "userns-remap",
	                               "after", "dockremap"));
	there_and_back(p, "/etc/docker", text, "# options\nDOCKER_OPTS=\"--dns 8.8.8.8 --userns-remap=dockremap\"\nOTHER=1\n");
}

static void use_env(struct place *p, const char *option, const char *before, const char *after)
{
	json_t *args = json_pack("{s:s,s:s,s:s}", "file", "/etc/docker", "variable", "DOCKER_OPTS", "option", option);

	json_decref(p->step.args); /* of an earlier one */
	if (before)
		json_object_set_new(args, "before", json_loads(before, JSON_DECODE_ANY, NULL));
	if (after)
		json_object_set_new(args, "after", json_loads(after, JSON_DECODE_ANY, NULL));
	use(p, "env-option", args);
}

static void test_env_option_repeated(void **state)
{
	static const char text[] = "DOCKER_OPTS=\"--label a=1 -D --label=b=2\"\n";
	struct place *p = *state;

	put_file(&p->s, "etc/docker", text);
	use_env(p, "label", "[\"a=1\",\"b=2\"]", "[\"a=1\",\"c=3\"]");
	there_and_back(p, "/etc/docker", text, "DOCKER_OPTS=\"--label a=1 -D --label=c=3\"\n");
	use_env(p, "label", "[\"a=1\"]", "[\"c=3\"]");
	assert_int_equal(side(p), UNS_FOREIGN);
}

/* A bool that stood alone stands alone again. */
static void test_env_option_alone(void **state)
{
	static const char text[] = "DOCKER_OPTS='-D --live-restore --icc=true'\n";
	struct place *p = *state;

	put_file(&p->s, "etc/docker", text);
	use_env(p, "live-restore", "true", "\"false\"");
	there_and_back(p, "/etc/docker", text, "DOCKER_OPTS='-D --live-restore=false --icc=true'\n");
	use_env(p, "debug", "true", "\"false\"");
	there_and_back(p, "/etc/docker", text, "DOCKER_OPTS='-D=false --live-restore --icc=true'\n");
	use_env(p, "icc", "\"true\"", "\"false\"");
	there_and_back(p, "/etc/docker", text, "DOCKER_OPTS='-D --live-restore --icc=false'\n");
}

static void put_again(struct place *p, const char *path, const char *text)
{
	assert_int_equal(unlinkat(p->s.fd, path, 0), 0);
	put_file(&p->s, path, text);
}

static void test_own_file_changed(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/x", "old\n");
	use(p, "own-file", json_pack("{s:s,s:s,s:s,s:s}", "file", "/etc/x", "content", "new\n", "mode", "0644", "before", "old\n"));
	there_and_back(p, "/etc/x", "old\n", "new\n");
	put_again(p, "etc/x", "theirs\n");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(unlinkat(p->s.fd, "etc/x", 0), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
}

/* Each byte of the old value comes back; what another step makes of the new one is on this side too. */
static void test_json_member_spelling(void **state)
{
	static const char text[] = "{\"dns\":[ \"9.9.9.9\",\"1.1.1.1\" ]}";
	struct place *p = *state;
	json_t *args = json_pack("{s:s,s:s,s:[s,s],s:[s],s:s,s:[[s]],s:[]}", "file", "/etc/daemon.json", "key", "dns", "before", "9.9.9.9",
	                         "1.1.1.1", "after", "8.8.8.8", "before_text", "[ \"9.9.9.9\",\"1.1.1.1\" ]", "beyond", "7.7.7.7", "behind");

	put_file(&p->s, "etc/daemon.json", text);
	use(p, "json-member", args);
	there_and_back(p, "/etc/daemon.json", text, "{\"dns\":[\"8.8.8.8\"]}");
	put_again(p, "etc/daemon.json", "{\"dns\":[\"7.7.7.7\"]}");
	assert_int_equal(side(p), UNS_AFTER);
	put_again(p, "etc/daemon.json", "{}");
	assert_int_equal(side(p), UNS_BEFORE);
	put_again(p, "etc/daemon.json", "{\"dns\":[]}");
	assert_int_equal(side(p), UNS_FOREIGN);
}

static void use_mkdir(struct place *p)
{
	use(p, "mkdir", json_pack("{s:s,s:s,s:i,s:i}", "path", "/data/d", "mode", "0710", "uid", (int)geteuid(), "gid", (int)getegid()));
}

static void test_mkdir(void **state)
{
	struct place *p = *state;
	struct stat st;

	use_mkdir(p);
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	assert_int_equal(uns_root_stat(&p->root, "/data/d", &st, &p->err), 0);
	assert_int_equal(st.st_mode & 07777, 0710);
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	put_file(&p->s, "data/d", "");
	assert_int_equal(side(p), UNS_FOREIGN);
}

/* What somebody has put there since is not ours. */
static void test_mkdir_kept(void **state)
{
	struct place *p = *state;

	use_mkdir(p);
	drive(p, UNS_AFTER);
	put_file(&p->s, "data/d/theirs", "x");
	assert_int_equal(uns_step_drive(&p->c, UNS_BEFORE, &p->err), 1);
	expect(p, "/data/d/theirs", "x");
}

static bool is_there(struct place *p, const char *path)
{
	struct stat st;

	return uns_root_stat(&p->root, path, &st, &p->err) == 0;
}

static void test_mkdir_above(void **state)
{
	struct place *p = *state;

	use(p, "mkdir", json_pack("{s:s,s:s,s:i,s:i}", "path", "/data/x/y/d", "mode", "0710", "uid", (int)geteuid(), "gid", (int)getegid()));
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	assert_int_equal(side(p), UNS_AFTER);
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	assert_false(is_there(p, "/data/x"));
	assert_true(is_there(p, "/data"));
	drive(p, UNS_AFTER);
	put_file(&p->s, "data/x/theirs", "t");
	assert_int_equal(uns_step_drive(&p->c, UNS_BEFORE, &p->err), 0);
	assert_false(is_there(p, "/data/x/y"));
	expect(p, "/data/x/theirs", "t");
}

static void test_rename(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "data/a", "a");
	use(p, "rename", json_pack("{s:s,s:s}", "from", "/data/a", "to", "/etc/b"));
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/etc/b", "a");
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	put_file(&p->s, "etc/b", "other");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	expect(p, "/etc/b", "other");
	expect(p, "/data/a", "a");
}

static void test_rename_over_empty(void **state)
{
	struct place *p = *state;
	struct stat st;

	put_dir(&p->s, "data/from");
	put_file(&p->s, "data/from/x", "x");
	put_dir(&p->s, "data/to");
	use(p, "rename", json_pack("{s:s,s:s,s:b,s:i,s:i,s:s}", "from", "/data/from", "to", "/data/to", "over_empty", 1, "uid",
	                           (int)geteuid(), "gid", (int)getegid(), "mode", "0701"));
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/data/to/x", "x");
	drive(p, UNS_BEFORE);
	expect(p, "/data/from/x", "x");
	assert_int_equal(uns_root_stat(&p->root, "/data/to", &st, &p->err), 0);
	assert_int_equal(st.st_mode & 07777, 0701);
	/* Killed between the rename back and the making of the empty directory. */
	assert_int_equal(unlinkat(p->s.fd, "data/to", AT_REMOVEDIR), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
	drive(p, UNS_BEFORE);
	put_file(&p->s, "data/to/theirs", "y");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	expect(p, "/data/to/theirs", "y");
}

static void use_nest(struct place *p)
{
	use(p, "nest", json_pack("{s:s,s:s,s:i,s:[s]}", "dir", "/data", "into", "100000.100000", "gid", (int)getegid(), "keep",
	                         "lost+found"));
}

static void fill(struct place *p)
{
	put_dir(&p->s, "data/overlay2");
	put_dir(&p->s, "data/lost+found");
	put_dir(&p->s, "data/200000.200000");
	put_file(&p->s, "data/engine-id", "id");
}

static void test_nest(void **state)
{
	struct place *p = *state;

	fill(p);
	use_nest(p);
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/data/100000.100000/engine-id", "id");
	assert_true(there(p, "/data/100000.100000/overlay2") && there(p, "/data/lost+found") && there(p, "/data/200000.200000"));
	assert_false(there(p, "/data/overlay2") || there(p, "/data/.100000.100000.usernsctl"));
	put_file(&p->s, "data/100000.100000/since", "s"); /* moves back as well */
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	expect(p, "/data/since", "s");
	assert_false(there(p, "/data/100000.100000") || there(p, "/data/.100000.100000.usernsctl"));
}

/* Killed in the middle, in either direction, and driven to either side. */
static void test_nest_half_way(void **state)
{
	struct place *p = *state;

	fill(p);
	use_nest(p);
	put_dir(&p->s, "data/.100000.100000.usernsctl");
	assert_int_equal(renameat(p->s.fd, "data/engine-id", p->s.fd, "data/.100000.100000.usernsctl/engine-id"), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
	drive(p, UNS_AFTER);
	expect(p, "/data/100000.100000/engine-id", "id");
	assert_int_equal(renameat(p->s.fd, "data/100000.100000", p->s.fd, "data/.100000.100000.usernsctl"), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
	drive(p, UNS_BEFORE);
	expect(p, "/data/engine-id", "id");
}

/* An engine that ran in the other mode has made a second tree: nothing is mixed, nothing overwritten. */
static void test_nest_both(void **state)
{
	struct place *p = *state;

	fill(p);
	put_dir(&p->s, "data/100000.100000");
	use_nest(p);
	assert_int_equal(side(p), UNS_BEFORE); /* an empty one is no other tree */
	put_file(&p->s, "data/100000.100000/engine-id", "other");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_non_null(strstr(p->err.text, "engine-id"));
	expect(p, "/data/engine-id", "id");
}

static void use_paths(struct place *p)
{
	use(p, "json-paths", json_pack("{s:s,s:s,s:[s],s:[s,s,s]}", "base", "/data", "into", "100000.100000", "patterns",
	                               "containers/*/config.v2.json", "fields", "LogPath", "Binds.*", "MountPoints.*.Source"));
	put_dir(&p->s, "data/containers");
	put_dir(&p->s, "data/containers/c");
}

static void test_json_paths(void **state)
{
	static const char before[] = "{\"LogPath\":\"/data/containers/c/log\", \"Other\":\"/data/x\", \"Binds\":[\"/data/volumes/v:/v:ro\","
	                             "\"/database:/x\",\"vol:/y\",\"/data/200000.200000/z:/z\"],\"MountPoints\":{\"/a.b\":"
	                             "{\"Source\":\"/data/volumes/v/_data\"}}}\n";
	static const char after[] = "{\"LogPath\":\"/data/100000.100000/containers/c/log\", \"Other\":\"/data/x\", \"Binds\":"
	                            "[\"/data/100000.100000/volumes/v:/v:ro\",\"/database:/x\",\"vol:/y\",\"/data/200000.200000/z:/z\"],"
	                            "\"MountPoints\":{\"/a.b\":{\"Source\":\"/data/100000.100000/volumes/v/_data\"}}}\n";
	struct place *p = *state;

	use_paths(p);
	assert_int_equal(side(p), UNS_EITHER);
	put_file(&p->s, "data/containers/c/config.v2.json", before);
	there_and_back(p, "/data/containers/c/config.v2.json", before, after);
}

/* A bind that its user had put on the far side from the start is not ours, neither there nor back. */
static void test_json_paths_users_own(void **state)
{
	static const char before[] = "{\"LogPath\":\"/data/log\",\"Binds\":[\"/data/100000.100000/mine:/m\",\"/data/yours:/y\"]}";
	struct place *p = *state;

	use_paths(p);
	put_file(&p->s, "data/containers/c/config.v2.json", before);
	there_and_back(p, "/data/containers/c/config.v2.json", before,
	               "{\"LogPath\":\"/data/100000.100000/log\",\"Binds\":[\"/data/100000.100000/mine:/m\","
	               "\"/data/100000.100000/yours:/y\"]}");
}

static void test_checks(void **state)
{
	static const char *const bad[][2] = {
		{ "mkdir", "{\"path\":\"/a\",\"mode\":\"9\",\"uid\":0,\"gid\":0}" },
		{ "mkdir", "{\"path\":\"/a\",\"mode\":\"0755\",\"uid\":-1,\"gid\":0}" },
		{ "nest", "{\"dir\":\"/a\",\"into\":\"x\",\"gid\":0,\"keep\":[]}" },
		{ "json-member", "{\"file\":\"/a\",\"key\":\"k\",\"before\":1,\"after\":1}" },
		{ "env-option", "{\"file\":\"/a\",\"variable\":\"V\",\"option\":\"o\"}" },
		{ "toml-member", "{\"file\":\"/a\",\"table\":\"t\",\"key\":\"k\"}" },
		{ "toml-member", "{\"file\":\"/a\",\"table\":\"t\",\"key\":\"k\",\"after\":[1]}" },
		{ "toml-member", "{\"file\":\"/a\",\"table\":\"t..u\",\"key\":\"k\",\"after\":1}" },
		{ "toml-member", "{\"file\":\"/a\",\"table\":\"t\",\"key\":\"k.l\",\"after\":1}" },
		{ "toml-member", "{\"file\":\"a\",\"table\":\"t\",\"key\":\"k\",\"after\":1}" },
		{ "subid-lines", "{\"file\":\"/etc/passwd\",\"before\":[],\"after\":[\"a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[\"a:1:1\",\"b:2:2\"],\"after\":[\"b:2:2\",\"a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"after\":[\"a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[7]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\":1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:1:1\\n\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:1:1\\u0000\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:1:1\\nb:2:2\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:01:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:0x10:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:1:0\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:4294967295:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\" a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"a:1:1:\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"#a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"+a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[\"junk\"],\"after\":[\"a:1:1\"]}" },
		{ "subid-lines", "{\"file\":\"/etc/subuid\",\"before\":[\"a:x:1\"],\"after\":[\"a:x:1\",\"a:y:1\"]}" },
		{ "final-newline", "{\"file\":\"/etc/subuid\"}" },
		{ "final-newline", "{\"file\":\"/etc/group\",\"line\":\"a:1:1\"}" },
		{ "final-newline", "{\"file\":\"/etc/subuid\",\"line\":\"\"}" },
		{ "final-newline", "{\"file\":\"/etc/subuid\",\"line\":\"a:1:1\\n\"}" },
		{ "own-file", "{\"file\":\"/a\"}" },
		{ "own-file", "{\"file\":\"/a\",\"content\":\"x\",\"before\":\"x\",\"mode\":\"0644\"}" },
		{ "env-option", "{\"file\":\"/a\",\"variable\":\"V\",\"option\":\"o\",\"before\":\"x\",\"after\":[\"x\"]}" },
		{ "env-option", "{\"file\":\"/a\",\"variable\":\"V\",\"option\":\"o\",\"before\":true,\"after\":\"true\"}" },
		{ "env-option", "{\"file\":\"/a\",\"variable\":\"V\",\"option\":\"o\",\"after\":[]}" },
		{ "json-member", "{\"file\":\"/a\",\"key\":\"k\",\"before\":1,\"after\":2,\"beyond\":[1]}" },
		{ "json-member", "{\"file\":\"/a\",\"key\":\"k\",\"before\":1,\"after\":2,\"before_text\":\"3\"}" },
		{ "validate", "{\"program\":\"dockerd\",\"argv\":[1],\"file\":\"/a\",\"members\":{}}" },
		{ "validate", "{\"program\":\"dockerd\",\"argv\":[],\"file\":\"a\",\"members\":{}}" },
		{ "reload", "{\"pidfile\":\"/a\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct uns_err err = { 0 };
		uns_auto_json json_t *args = json_loads(bad[i][1], JSON_ALLOW_NUL, NULL);

		assert_non_null(args);
		if (!uns_kind_find(bad[i][0])->check(args, &err))
			fail_msg("%s is accepted", bad[i][1]);
		assert_int_equal(err.code, UNS_E_INPUT);
	}
	assert_null(uns_kind_find("frobnicate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_of_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_keep_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_had_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_symlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_unlocked_editor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_described, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_reversed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_account_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newline_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newline_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newline_below_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member_created, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_toml_member, setup, teardown),
		cmocka_unit_test_setup_teardown(test_toml_member_created, setup, teardown),
		cmocka_unit_test_setup_teardown(test_toml_member_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_env_option, setup, teardown),
		cmocka_unit_test_setup_teardown(test_env_option_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_env_option_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_file_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member_spelling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdir_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdir_above, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rename_over_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nest_half_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nest_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_paths_users_own, setup, teardown),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
