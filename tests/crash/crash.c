/* SPDX-License-Identifier: Apache-2.0 */
/* Every effect of a run, crashed before it, after it, half-way through it (torn) and failing; then resumed or rolled back, with a
 * second crash at a random effect of that; and the whole tree compared: types, owners, modes, links, times, devices, xattrs, bytes.
 * The journal must say the same as the host then: finished, and nothing differs. In a change of ranges each file of subordinate IDs is
 * at any instant one that an undisturbed run has, whole.
 *   crash TEMPLATE WORK [STRIDE [stop]]
 * TEMPLATE is a host of tests/demo/make-host; WORK an empty directory; STRIDE: every how manieth effect (1: all); stop: at the first
 * round that fails. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "uns/cleanup.h"
#include "uns/facts.h"
#include "uns/num.h"
#include "uns/plan.h"
#include "uns/sys.h"
#include "uns/txn.h"

enum mode { BEFORE_IT, AFTER_IT, TORN, FAILS, MODES };
static const char *const mode_names[MODES] = { "before", "after", "torn", "failing" };

enum job { RUN_RANGE, RUN_ENABLE, RUN_DISABLE, RESUME, ROLLBACK };

static unsigned rounds, failures;
static bool stop_early;

/* ---- the fault ---- */

struct fault {
	uint64_t at, count;
	enum mode mode;
	bool torn_now;
};

static int fault_enter(void *user, const char *effect, size_t *len)
{
	struct fault *f = user;

	(void)effect;
	if (++f->count != f->at)
		return 0;
	if (f->mode == BEFORE_IT)
		_exit(99);
	if (f->mode == FAILS)
		return EIO;
	if (f->mode == TORN && len) {
		*len /= 2;
		f->torn_now = true;
	}
	return 0;
}

static void fault_leave(void *user, const char *effect)
{
	struct fault *f = user;

	(void)effect;
	if (f->count == f->at && (f->mode == AFTER_IT || f->torn_now))
		_exit(99);
}

/* ---- one job in a child ---- */

/* What stands in both files: one line is replaced, one removed, three are added; and the last line has no newline. */
#define DAVE_OLD "dave:200000:65536"
#define DAVE_NEW "dave:1048576:65536"
#define ERIN "erin:300000:65536"
#define LAST "mallory:400000:65536"
static const char range_old[] = "# people\nalice:100000:65536\n" DAVE_OLD "\n" ERIN "\n  odd line\n# the last\n" LAST;

static json_t *range_args(const char *file)
{
	return json_pack("{s:s, s:[s,s], s:[s,s,s,s], s:b}", "file", file, "before", DAVE_OLD, ERIN, "after", DAVE_NEW,
	                 "bob:524288:65536", "carol:589824:65536", "dora:655360:65536", "created", 0);
}

/* A file that is made with a first key, and gets a second; and the directory for it. */
#define STORAGE "/etc/containers/storage.conf"

static int settings_plan(struct uns_plan *plan, struct uns_err *err)
{
	if (uns_plan_add(plan, "mkdir", false,
	                 json_pack("{s:s, s:s, s:i, s:i}", "path", "/etc/containers", "mode", "0755", "uid", 0, "gid", 0), err))
		return -1;
	if (uns_plan_add(plan, "toml-member", false,
	                 json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "file", STORAGE, "table", "storage.options", "key", "user", "after",
	                           "containers", "header", 1, "base", "[storage]\ndriver = \"vfs\"\n"),
	                 err))
		return -1;
	return uns_plan_add(plan, "toml-member", false,
	                    json_pack("{s:s, s:s, s:s, s:i}", "file", STORAGE, "table", "storage.options", "key", "size", "after", 5), err);
}

static int range_plan(struct uns_plan *plan, struct uns_err *err)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid" };

	for (size_t i = 0; i < 2; i++)
		if (uns_plan_add(plan, "final-newline", false, json_pack("{s:s, s:s}", "file", files[i], "line", LAST), err) ||
		    uns_plan_add(plan, "subid-lines", false, range_args(files[i]), err))
			return -1;
	if (settings_plan(plan, err))
		return -1;
	return uns_plan_set_title(plan, "range", err) || uns_steps_check(plan, "plan", err) ? -1 : 0;
}

static int make_plan(const struct uns_root *root, enum job job, struct uns_plan *plan, struct uns_err *err)
{
	struct uns_request req = { .command = job == RUN_ENABLE ? UNS_ENABLE : UNS_DISABLE, .user = "dockremap",
		                   .range_how = UNS_RANGE_AUTO, .migrate = UNS_MIGRATE_ALL, .purge = true };
	struct uns_facts_want want = { .census = true, .nested = job == RUN_DISABLE };
	uns_auto(uns_findings_done) struct uns_findings findings = { 0 };
	uns_auto(uns_facts_done) struct uns_facts facts = { 0 };

	if (job == RUN_RANGE)
		return range_plan(plan, err);
	if (uns_facts_read(root, &want, &facts, err) || uns_plan_make(&facts, &req, plan, &findings, err))
		return -1;
	for (size_t i = 0; i < findings.n; i++)
		if (findings.v[i].check->severity == UNS_ERROR)
			return uns_err_set(err, UNS_E_REFUSED, "%s: %s", findings.v[i].check->id, findings.v[i].reason);
	return 0;
}

static int run_new(const struct uns_root *root, enum job job, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan plan = { 0 };
	uns_auto(uns_txn_close) struct uns_txn t = { .dir_fd = -1, .log_fd = -1 };
	struct uns_err back;

	if (make_plan(root, job, &plan, err) || uns_txn_create(root, &plan, &t, err))
		return -1;
	if (!uns_txn_drive(&t, root, UNS_AFTER, NULL, err))
		return 0;
	/* As the program does: what failed goes back by itself. */
	return uns_txn_drive(&t, root, UNS_BEFORE, NULL, &back) ? -1 : 0;
}

/* The whole of what a process does. In DISABLE and ROLLBACK of a finished run there is an earlier transaction. */
static int do_job(const struct uns_root *root, enum job job, struct uns_err *err)
{
	uns_auto(uns_txn_close) struct uns_txn t = { .dir_fd = -1, .log_fd = -1 };
	uns_auto_close int lock = -1;
	int r;

	if (uns_txn_lock(root, &lock, err))
		return -1;
	if (job == RUN_RANGE || job == RUN_ENABLE || job == RUN_DISABLE)
		return run_new(root, job, err);
	r = uns_txn_load(root, 0, &t, err);
	if (r)
		return r < 0 ? -1 : 0;
	if (job == ROLLBACK)
		return uns_txn_drive(&t, root, UNS_BEFORE, NULL, err);
	if (t.state == UNS_TXN_DONE || t.state == UNS_TXN_ROLLED_BACK)
		return 0;
	return uns_txn_drive(&t, root, t.state == UNS_TXN_FORWARD ? UNS_AFTER : UNS_BEFORE, NULL, err);
}

struct outcome {
	bool crashed, failed;
	uint64_t effects; /* of a run without a fault */
};

static void child(const char *dir, enum job job, struct fault *fault, int out)
{
	struct uns_sys_hook hook = { fault_enter, fault_leave, fault };
	struct uns_root root;
	struct uns_err err = { 0 };
	int r;

	if (uns_root_open(&root, dir, &err))
		_exit(98);
	uns_sys_set_hook(&hook);
	r = do_job(&root, job, &err);
	uns_root_close(&root);
	if (write(out, &fault->count, sizeof(fault->count)) != sizeof(fault->count))
		_exit(98);
	if (r && fault->at == 0)
		fprintf(stderr, "crash: %s\n", err.text);
	fflush(NULL);
	_exit(r ? 1 : 0);
}

static struct outcome run_job(const char *dir, enum job job, uint64_t at, enum mode mode)
{
	struct fault fault = { .at = at, .mode = mode };
	struct outcome o = { 0 };
	int p[2], status;
	pid_t pid;

	if (pipe(p) || (pid = fork()) < 0) {
		perror("crash");
		exit(1);
	}
	if (!pid)
		child(dir, job, &fault, p[1]);
	close(p[1]);
	if (read(p[0], &o.effects, sizeof(o.effects)) != sizeof(o.effects))
		o.effects = 0;
	close(p[0]);
	waitpid(pid, &status, 0);
	o.crashed = WIFEXITED(status) && WEXITSTATUS(status) == 99;
	o.failed = !o.crashed && status != 0;
	return o;
}

/* ---- the comparison ---- */

static struct uns_buf *the_listing;
static size_t the_prefix;
static struct uns_err the_err;

static bool has_stable_times(const char *path)
{
	return strstr(path, "/diff/") || strstr(path, "/_data/");
}

static int list_xattrs(const char *path)
{
	char names[4096];
	unsigned char value[4096];
	ssize_t n = llistxattr(path, names, sizeof(names));

	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len = lgetxattr(path, p, value, sizeof(value));

		if (uns_buf_printf(the_listing, &the_err, " %s=", p))
			return -1;
		for (ssize_t i = 0; i < len; i++)
			if (uns_buf_printf(the_listing, &the_err, "%02x", value[i]))
				return -1;
	}
	return 0;
}

static int list_contents(const char *path, const struct stat *st)
{
	uns_auto_free char *text = NULL;
	uns_auto_close int fd = -1;
	char chunk[65536];
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, chunk, sizeof(chunk) - 1);
	} else if (S_ISREG(st->st_mode)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, chunk, sizeof(chunk) - 1);
	} else {
		return 0;
	}
	if (n < 0)
		return -1;
	chunk[n] = '\0';
	text = uns_str_escape(chunk, &the_err);
	return text ? uns_buf_printf(the_listing, &the_err, " %s", text) : -1;
}

/* What belongs to the tools that were called, or to the journal, is no part of the host's state. */
static bool is_ours(const char *path)
{
	size_t len = strlen(path);

	return uns_str_starts(path, "/var/lib/usernsctl") || !strcmp(path, "/etc/.pwd.lock") ||
	       (uns_str_starts(path, "/etc/") && len && path[len - 1] == '-');
}

static int list_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *rel = path + the_prefix;

	(void)type;
	(void)ftw;
	if (is_ours(rel))
		return 0;
	if (uns_buf_printf(the_listing, &the_err, "%s %o %u:%u %u", rel, st->st_mode, st->st_uid, st->st_gid,
	                   S_ISDIR(st->st_mode) ? 0 : (unsigned)st->st_nlink))
		return -1;
	if (has_stable_times(rel) && uns_buf_printf(the_listing, &the_err, " %lld.%09ld %u:%u", (long long)st->st_mtim.tv_sec,
	                                            st->st_mtim.tv_nsec, major(st->st_rdev), minor(st->st_rdev)))
		return -1;
	if (list_xattrs(path) || list_contents(path, st))
		return -1;
	return uns_buf_puts(the_listing, "\n", &the_err);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted lines, one string. */
static char *listing(const char *dir)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs lines = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf sorted = UNS_BUF_INIT;
	char *save = NULL;

	the_listing = &b;
	the_prefix = strlen(dir);
	if (nftw(dir, list_one, 32, FTW_PHYS)) {
		fprintf(stderr, "crash: cannot list %s: %s\n", dir, strerror(errno));
		exit(1);
	}
	for (char *line = strtok_r(b.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		uns_strs_add(&lines, line, &the_err);
	qsort(lines.v, lines.n, sizeof(*lines.v), compare_lines);
	for (size_t i = 0; i < lines.n; i++)
		if (uns_buf_printf(&sorted, &the_err, "%s\n", lines.v[i]))
			exit(1);
	return uns_buf_take(&sorted, &the_err);
}

/* How many transactions there are. */
static unsigned transactions(const char *dir)
{
	struct uns_err err = { 0 };
	struct uns_root root;
	unsigned *all = NULL;
	size_t n = 0;

	if (uns_root_open(&root, dir, &err) || uns_txn_list(&root, &all, &n, &err))
		exit(1);
	free(all);
	uns_root_close(&root);
	return (unsigned)n;
}

static void show_difference(const char *want, const char *have)
{
	while (*want && *have) {
		size_t w = strcspn(want, "\n"), h = strcspn(have, "\n");

		if (w != h || memcmp(want, have, w)) {
			fprintf(stderr, "  want: %.*s\n  have: %.*s\n", (int)w, want, (int)h, have);
			return;
		}
		want += w + (want[w] == '\n');
		have += h + (have[h] == '\n');
	}
	fprintf(stderr, "  want: %.200s\n  have: %.200s\n", want, have);
}

/* ---- rounds ---- */

static void command(const char *a, const char *b, const char *c, const char *d)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execlp(a, a, b, c, d, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "crash: %s failed\n", a);
		exit(1);
	}
}

static void fresh(const char *template, const char *dir)
{
	command("rm", "-rf", dir, NULL);
	command("cp", "-a", template, dir);
}

struct states {
	const char *name, *template;
	unsigned transactions; /* in the template */
	char *at_start, *at_end; /* listings before the first job and after it ran undisturbed */
};

static bool expect(const char *dir, const char *want, const char *what)
{
	uns_auto_free char *have = listing(dir);

	if (!strcmp(want, have))
		return true;
	fprintf(stderr, "not ok: %s\n", what);
	show_difference(want, have);
	failures++;
	return false;
}

static unsigned long long seed = 88172645463325252ull;
static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? seed % n : 0;
}

static void count_difference(void *user, size_t step, const struct uns_step *s, const char *why)
{
	(void)user;
	fprintf(stderr, "  step %zu (%s): %s\n", step + 1, s->kind, why);
}

/* 0: finished, and the host is as the journal says. */
static int check_journal(const char *dir, struct uns_err *err)
{
	uns_auto(uns_txn_close) struct uns_txn t = { .dir_fd = -1, .log_fd = -1 };
	uns_auto(uns_root_close) struct uns_root root = { .fd = -1 };
	size_t differs;
	int r;

	if (uns_root_open(&root, dir, err) || (r = uns_txn_load(&root, 0, &t, err)) < 0)
		return -1;
	if (r)
		return uns_err_set(err, UNS_E_FAILED, "there is none");
	if (t.state != UNS_TXN_DONE && t.state != UNS_TXN_ROLLED_BACK)
		return uns_err_set(err, UNS_E_FAILED, "transaction %u is %s", t.number, uns_txn_state_names[t.state]);
	if (uns_txn_verify(&t, &root, &(struct uns_verify){ .report = count_difference }, &differs, err))
		return -1;
	return differs ? uns_err_set(err, UNS_E_FAILED, "%zu step(s) of transaction %u differ", differs, t.number) : 0;
}

static void expect_journal(const char *dir, const char *what)
{
	struct uns_err err = { 0 };

	if (!check_journal(dir, &err))
		return;
	fprintf(stderr, "not ok: %s: the journal: %s\n", what, err.text);
	failures++;
}

/* ---- the files of subordinate IDs ---- */

/* What each of them is at some instant of an undisturbed run, in either direction. Empty where that is not looked at. */
static struct uns_strs whole_files;

static char *read_file(const char *dir, const char *name)
{
	struct uns_err err = { 0 };
	uns_auto(uns_root_close) struct uns_root root = { .fd = -1 };
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (uns_root_open(&root, dir, &err) || uns_root_read(&root, name, 1u << 20, &b, NULL, &err) || uns_buf_puts(&b, "", &err)) {
		fprintf(stderr, "crash: cannot read %s%s\n", dir, name);
		exit(1);
	}
	return uns_buf_take(&b, &err);
}

static void learn_files(const char *at_end)
{
	uns_auto_free char *ended = uns_str_printf(NULL, "%s\n", range_old);
	uns_auto_free char *uid = read_file(at_end, "/etc/subuid"), *gid = read_file(at_end, "/etc/subgid");

	if (!ended || strcmp(uid, gid) || uns_strs_add(&whole_files, range_old, &the_err) ||
	    uns_strs_add(&whole_files, ended, &the_err) || uns_strs_add(&whole_files, uid, &the_err)) {
		fprintf(stderr, "crash: the undisturbed run made two files of one\n");
		exit(1);
	}
}

/* Whenever it was stopped: old or new, and the backup too. */
static void expect_whole(const char *dir, const char *what)
{
	static const char *const names[] = { "/etc/subuid", "/etc/subgid", "/etc/subuid-", "/etc/subgid-" };

	for (size_t i = 0; whole_files.n && i < sizeof(names) / sizeof(*names); i++) {
		char path[4200];
		uns_auto_free char *text = NULL;

		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		if (i >= 2 && access(path, F_OK))
			continue;
		text = read_file(dir, names[i]);
		if (uns_strs_has(&whole_files, text))
			continue;
		fprintf(stderr, "not ok: %s: %s is neither the old nor the new one: %s\n", what, names[i], text);
		failures++;
	}
}

/* After the first fault: go on with second, itself disturbed once, then undisturbed; the end must be one of the two states. */
static void recover(const char *dir, const struct states *s, enum job second, const char *what)
{
	struct outcome o = run_job(dir, second, 1 + random_below(150), (enum mode)random_below(MODES));
	const char *want;

	/* What failed half-way is gone on with by the same command; RESUME goes on in the direction of the log. */
	expect_whole(dir, what);
	if (o.crashed || o.failed)
		o = run_job(dir, second, 0, BEFORE_IT);
	if (o.failed) {
		fprintf(stderr, "not ok: %s: the %s failed\n", what, second == RESUME ? "resume" : "rollback");
		failures++;
		return;
	}
	if (second == ROLLBACK) {
		want = s->at_start;
	} else {
		/* On, unless nothing had begun yet, or a failing effect had turned it back already. */
		uns_auto_free char *have = listing(dir);

		want = strcmp(have, s->at_start) ? s->at_end : s->at_start;
	}
	if (expect(dir, want, what))
		expect_journal(dir, what);
}

static void one_round(const char *dir, const struct states *s, enum job first, uint64_t at, enum mode mode, enum job second)
{
	char what[160];
	struct outcome o;

	snprintf(what, sizeof(what), "%s crashed %s effect %llu, then %s", s->name, mode_names[mode], (unsigned long long)at,
	         second == RESUME ? "resume" : "rollback");
	rounds++;
	fresh(s->template, dir);
	o = run_job(dir, first, at, mode);
	expect_whole(dir, what);
	if (mode == FAILS && !o.crashed && !o.failed) {
		/* The failure was dealt with inside: the host must be wholly on one side. */
		uns_auto_free char *have = listing(dir);

		if (strcmp(have, s->at_start))
			expect(dir, s->at_end, what);
		return;
	}
	/* Before a transaction of its own there is nothing to go on with; a rollback would mean the one before. */
	if (first != ROLLBACK && transactions(dir) == s->transactions)
		expect(dir, s->at_start, what);
	else
		recover(dir, s, second, what);
}

/* home: what a way back must lead to, or NULL. */
static uint64_t prepare(const char *dir, struct states *s, enum job first, const char *home)
{
	struct outcome o;

	fresh(s->template, dir);
	s->at_start = listing(dir);
	s->transactions = transactions(dir);
	o = run_job(dir, first, 0, BEFORE_IT);
	if (o.failed || o.crashed) {
		fprintf(stderr, "crash: the undisturbed run failed\n");
		exit(1);
	}
	s->at_end = listing(dir);
	if (!strcmp(s->at_start, s->at_end)) {
		fprintf(stderr, "crash: the undisturbed run changed nothing\n");
		exit(1);
	}
	if (home)
		expect(dir, home, "the undisturbed way back");
	return o.effects;
}

static void scenario(const char *name, const char *dir, const char *template, enum job first, unsigned stride, const char *home)
{
	struct states s = { .name = name, .template = template };
	unsigned before = failures, start = rounds;
	uint64_t effects = prepare(dir, &s, first, home);

	for (uint64_t at = 1; at <= effects; at += stride)
		for (int mode = 0; mode < MODES && !(stop_early && failures); mode++) {
			one_round(dir, &s, first, at, (enum mode)mode, RESUME);
			if (first != ROLLBACK)
				one_round(dir, &s, first, at, (enum mode)mode, ROLLBACK);
		}
	printf("%s: %llu effects, %u rounds, %u failed\n", name, (unsigned long long)effects, rounds - start, failures - before);
	fflush(stdout);
	free(s.at_start);
	free(s.at_end);
}

/* The host after an undisturbed run, as the template of the ways back. */
static void make_done(const char *template, enum job job, const char *dir)
{
	struct outcome o;

	fresh(template, dir);
	o = run_job(dir, job, 0, BEFORE_IT);
	if (o.failed || o.crashed)
		exit(1);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	struct uns_err err = { 0 };
	uns_auto(uns_root_close) struct uns_root root = { .fd = -1 };

	if (!uns_root_open(&root, dir, &err) && !uns_root_write(&root, name, text, strlen(text), 0644, &err))
		return;
	fprintf(stderr, "crash: %s\n", err.text);
	exit(1);
}

/* A root that has nothing but what a change of ranges needs: many rounds in little time. */
static void ranges(const char *work, unsigned stride)
{
	char host[4096], template[4096], done[4096], etc[4200], lib[4200];
	uns_auto_free char *home = NULL;

	snprintf(host, sizeof(host), "%s/host", work);
	snprintf(template, sizeof(template), "%s/range", work);
	snprintf(done, sizeof(done), "%s/ranged", work);
	snprintf(etc, sizeof(etc), "%s/etc", template);
	snprintf(lib, sizeof(lib), "%s/var/lib", template);
	command("mkdir", "-p", etc, lib);
	put_file(template, "/etc/subuid", range_old);
	put_file(template, "/etc/subgid", range_old);
	home = listing(template);
	make_done(template, RUN_RANGE, done);
	learn_files(done);
	scenario("range", host, template, RUN_RANGE, stride, NULL);
	scenario("rollback of a finished range", host, done, ROLLBACK, stride, home);
	uns_strs_done(&whole_files);
}

/* The same host without units: a member of daemon.json, which is made for it and vanishes again, holds the engine down. */
static void held_by_configuration(const char *work, const char *from, unsigned stride)
{
	char host[4096], template[4096], units[4200], docker[4200];

	snprintf(host, sizeof(host), "%s/host", work);
	snprintf(template, sizeof(template), "%s/no-units", work);
	snprintf(units, sizeof(units), "%s/usr/lib/systemd", template);
	snprintf(docker, sizeof(docker), "%s/etc/docker", template);
	fresh(from, template);
	command("rm", "-r", units, docker);
	scenario("enable, held by daemon.json", host, template, RUN_ENABLE, stride, NULL);
}

int main(int argc, char **argv)
{
	char host[4096], enabled[4096];
	uns_auto_free char *home = NULL;
	uint32_t stride = 1;

	if (argc < 3 || (argc > 3 && (uns_num_u32(argv[3], strlen(argv[3]), &stride) || !stride))) {
		fprintf(stderr, "usage: crash TEMPLATE WORK [STRIDE [stop]]\n");
		return 2;
	}
	stop_early = argc > 4 && !strcmp(argv[4], "stop");
	snprintf(host, sizeof(host), "%s/host", argv[2]);
	snprintf(enabled, sizeof(enabled), "%s/enabled", argv[2]);
	home = listing(argv[1]);
	ranges(argv[2], stride);
	scenario("enable", host, argv[1], RUN_ENABLE, stride, NULL);
	make_done(argv[1], RUN_ENABLE, enabled);
	scenario("rollback of a finished enable", host, enabled, ROLLBACK, stride, home);
	scenario("disable", host, enabled, RUN_DISABLE, stride, home);
	held_by_configuration(argv[2], argv[1], stride > 1 ? 3 * stride : 1);
	printf("%u passed, %u failed\n", rounds - failures, failures);
	return failures ? 1 : 0;
}
