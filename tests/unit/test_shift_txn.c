/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction of the command shift where sources and targets overlap: two passes, stopped before, after and in the middle of
 * each effect, or failing there; then carried on or taken back, by another process. */
#include "test.h"

#include <fts.h>

#include "scratch.h"
#include "uns/json.h"
#include "uns/sys.h"
#include "uns/txn.h"

enum mode { BEFORE_IT, AFTER_IT, TORN, FAILS, MODES };
enum { CRASHED = 99 };

struct world {
	struct scratch s;
	struct uns_plan plan;
};

static json_t *step_args(json_int_t from, json_int_t to, bool passing)
{
	json_t *map = json_pack("[{s:I,s:I,s:I}]", "from", from, "to", to, "count", (json_int_t)65536);
	json_t *args = json_pack("{s:s,s:[s],s:O,s:o,s:[s],s:b,s:b}", "base", "/srv/x", "patterns", ".", "uid", map, "gid", map,
	                         "allow", "flags", "whole", 1, "passing", passing);

	assert_non_null(args);
	return args;
}

static void put_tree(const struct world *w)
{
	const struct scratch *s = &w->s;
	char path[64];

	put_dir(s, "host");
	put_dir(s, "host/srv");
	put_dir(s, "host/srv/x");
	put_dir(s, "host/srv/x/sub");
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "host/srv/x/%s%d", i % 2 ? "sub/" : "", i);
		put_file(s, path, "x");
		set_owner(s, path, 100000 + (uid_t)i * 7000, 165535 - (gid_t)i);
	}
	set_owner(s, "host/srv/x", 100000, 100000);
	set_owner(s, "host/srv/x/sub", 100001, 100000);
	assert_int_equal(linkat(s->fd, "host/srv/x/0", s->fd, "host/srv/x/sub/link", 0), 0);
	set_mode(s, "host/srv/x/0", 06755);
	set_mode(s, "host/srv/x/2", 04711);
	set_attr(s, "host/srv/x/sub/1", "security.capability", CAP_V2, 20);
	set_attr(s, "host/srv/x/sub/3", "security.capability", CAP_V3("\xa0\x86\x01\x00"), 24);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	scratch_make(&w->s);
	assert_int_equal(uns_plan_set_title(&w->plan, "shift /srv/x", NULL), 0);
	assert_int_equal(uns_plan_add(&w->plan, "shift-tree", false, step_args(100000, 1073741824, true), NULL), 0);
	assert_int_equal(uns_plan_add(&w->plan, "shift-tree", false, step_args(1073741824, 131072, false), NULL), 0);
	assert_int_equal(uns_steps_check(&w->plan, "plan", NULL), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	uns_plan_done(&w->plan);
	scratch_remove(&w->s);
	free(w);
	return 0;
}

static void remake(const struct world *w)
{
	char path[1024];
	const char *const argv[] = {"/bin/rm", "-rf", scratch_path(&w->s, "host", path), NULL};

	scratch_run(argv);
	put_tree(w);
}

/* Without times: the files are made anew each time. */
static char *listing(const struct world *w)
{
	char base[1024], value[64], *text = NULL, *paths[] = {base, NULL};
	size_t len;
	FILE *f = open_memstream(&text, &len);
	FTS *fts;

	scratch_path(&w->s, "host/srv", base);
	fts = fts_open(paths, FTS_PHYSICAL, NULL);
	for (FTSENT *e; (e = fts_read(fts));) {
		ssize_t n = e->fts_info == FTS_DP ? -1 : lgetxattr(e->fts_accpath, "security.capability", value, sizeof(value));

		if (e->fts_info == FTS_DP)
			continue;
		fprintf(f, "%s %o %u:%u %d", e->fts_path + strlen(base), e->fts_statp->st_mode, e->fts_statp->st_uid,
		        e->fts_statp->st_gid, (int)n);
		for (ssize_t i = 0; i < n; i++)
			fprintf(f, "%02x", (unsigned char)value[i]);
		fputc('\n', f);
	}
	fts_close(fts);
	fclose(f);
	return text;
}

/* The lines come in the order of the directories, which a new tree may have otherwise. */
static bool same(const char *a, const char *b)
{
	if (strlen(a) != strlen(b))
		return false;
	for (const char *line = a; *line;) {
		char one[256];
		size_t len = strcspn(line, "\n") + 1;

		snprintf(one, sizeof(one), "%.*s", (int)len, line);
		if (!strstr(b, one))
			return false;
		line += len;
	}
	return true;
}

/* ---- a process with a fault ---- */

struct fault {
	uint64_t at, count;
	enum mode mode;
	bool torn;
};

static int enter(void *user, const char *effect, size_t *len)
{
	struct fault *f = user;

	(void)effect;
	if (++f->count != f->at)
		return 0;
	if (f->mode == BEFORE_IT)
		_exit(CRASHED);
	if (f->mode == TORN && len) {
		*len /= 2;
		f->torn = true;
	}
	return f->mode == FAILS ? EIO : 0;
}

static void leave(void *user, const char *effect)
{
	struct fault *f = user;

	(void)effect;
	if (f->count == f->at && (f->mode == AFTER_IT || f->torn))
		_exit(CRASHED);
}

static int run(const struct world *w, const struct uns_root *root, bool fresh, enum uns_side to, struct uns_err *err)
{
	struct uns_txn t;
	int lock, r;

	if (uns_txn_lock(root, &lock, err))
		return -1;
	r = fresh ? uns_txn_create(root, &w->plan, &t, err) : uns_txn_load(root, 0, &t, err);
	if (!r) {
		if (!fresh && to == UNS_AFTER && (t.state == UNS_TXN_BACKWARD || t.state == UNS_TXN_ROLLED_BACK))
			to = UNS_BEFORE;
		r = uns_txn_drive(&t, root, to, NULL, err);
		uns_txn_close(&t);
	}
	close(lock);
	return r < 0 ? -1 : 0; /* 1: there is no transaction, so nothing was begun */
}

/* 0, 1: failed, CRASHED. */
static int in_child(const struct world *w, bool fresh, enum uns_side to, uint64_t at, enum mode mode)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		struct fault fault = {.at = at, .mode = mode};
		const struct uns_sys_hook hook = {enter, leave, &fault};
		struct uns_err err = {0};
		struct uns_root root;
		char path[1024];

		if (uns_root_open(&root, scratch_path(&w->s, "host", path), &err))
			_exit(2);
		uns_sys_set_hook(&hook);
		status = run(w, &root, fresh, to, &err) ? 1 : 0;
		if (status && !at)
			fprintf(stderr, "%s\n", err.text);
		/* Past the last effect: the sweep is over. */
		_exit(!status && at && fault.count < at ? 3 : status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_state(const struct world *w, const char *a, const char *b, uint64_t at, enum mode mode, enum uns_side to)
{
	char *now = listing(w);

	if (!same(now, a) && !(b && same(now, b)))
		fail_msg("effect %llu, mode %d, then %s:\n%s", (unsigned long long)at, (int)mode,
		         to == UNS_AFTER ? "resume" : "rollback", now);
	free(now);
}

static void two_passes_stopped_anywhere(void **state)
{
	struct world *w = *state;
	char *before, *after;
	int r = 0;

	if (geteuid())
		skip();
	put_tree(w);
	before = listing(w);
	assert_int_equal(in_child(w, true, UNS_AFTER, 0, BEFORE_IT), 0);
	after = listing(w);
	assert_non_null(strstr(after, " 131072:131072 "));
	assert_null(strstr(after, " 100000:"));
	assert_int_equal(in_child(w, false, UNS_BEFORE, 0, BEFORE_IT), 0);
	assert_state(w, before, NULL, 0, BEFORE_IT, UNS_BEFORE);
	for (uint64_t at = 1; r != 3; at += 2)
		for (int k = 0; k < 2 * MODES; k++) {
			enum mode mode = (enum mode)(k / 2);
			enum uns_side to = k % 2 ? UNS_BEFORE : UNS_AFTER;

			remake(w);
			r = in_child(w, true, UNS_AFTER, at, mode);
			if (r == 3)
				break;
			/* A second one on the way, then to the end. */
			(void)in_child(w, false, to, 1 + at * 7 % 40, (enum mode)((at + (uint64_t)k) % MODES));
			assert_int_equal(in_child(w, false, to, 0, BEFORE_IT), 0);
			/* Going on may be to go back, where nothing was begun. */
			assert_state(w, to == UNS_AFTER ? after : before, to == UNS_AFTER ? before : NULL, at, mode, to);
		}
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(two_passes_stopped_anywhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
