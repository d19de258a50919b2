/* SPDX-License-Identifier: Apache-2.0 */
/* shift-tree where it is hard: with threads, over trees and maps made at random, deep and wide ones, killed at any moment, and
 * while somebody renames things in the tree as fast as he can. What came of it is read by fts(3), not by the walker under test. */
#include "test.h"

#include <fts.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "scratch.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/pool.h"
#include "uns/step.h"
#include "uns/sys.h"
#include "uns/tree.h"

struct world {
	struct scratch s; /* "data" is the tree, "rec" holds the records */
	struct uns_root root;
	struct uns_step step;
	struct uns_step_ctx c;
	int records;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	scratch_make(&w->s);
	put_dir(&w->s, "data");
	put_dir(&w->s, "rec");
	assert_int_equal(uns_root_open(&w->root, "/", NULL), 0);
	w->c = (struct uns_step_ctx){.root = &w->root, .step = &w->step, .jobs = 4};
	w->c.record_dir = openat(w->s.fd, "rec", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->step.kind = strdup("shift-tree");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_decref(w->step.args);
	free(w->step.kind);
	close(w->c.record_dir);
	uns_root_close(&w->root);
	scratch_remove(&w->s);
	free(w);
	return 0;
}

static json_t *map_json(const struct uns_map *m)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < m->n; i++)
		json_array_append_new(list, json_pack("{s:I,s:I,s:I}", "from", (json_int_t)m->v[i].from, "to",
		                                      (json_int_t)m->v[i].to, "count", (json_int_t)m->v[i].count));
	return list;
}

static void use_maps(struct world *w, const struct uns_maps *m, const char *allow)
{
	char base[1024];

	json_decref(w->step.args);
	w->step.args = json_pack("{s:s,s:[s],s:o,s:o,s:o}", "base", scratch_path(&w->s, "data", base), "patterns", ".", "uid",
	                         map_json(&m->uid), "gid", map_json(&m->gid), "allow", json_loads(allow, 0, NULL));
	assert_non_null(w->step.args);
	if (uns_kind_shift_tree.check(w->step.args, NULL))
		fail_msg("the map is not taken");
}

static void use_range(struct world *w)
{
	struct uns_shift shift = {{100000, 65536}, {200000, 65536}};
	struct uns_maps maps;

	uns_maps_of(&shift, &maps);
	use_maps(w, &maps, "[\"flags\"]");
}

static void new_leg(struct world *w, enum uns_side start)
{
	w->c.leg = 0;
	w->c.leg_start = start;
	snprintf(w->c.record_name, sizeof(w->c.record_name), "record-%d.json", ++w->records);
	strcpy(w->c.first_record_name, w->c.record_name);
}

static void drive(struct world *w, enum uns_side to)
{
	struct uns_err err = {0};

	if (uns_kind_shift_tree.drive(&w->c, to, &err))
		fail_msg("drive: code %d: %s", err.code, err.text);
	json_decref(w->c.result);
	w->c.result = NULL;
}

static void shift(struct world *w, enum uns_side to)
{
	new_leg(w, to == UNS_AFTER ? UNS_BEFORE : UNS_AFTER);
	drive(w, to);
}

/* ---- a listing of everything that matters ---- */

/* In the order of their names: a file system gives them in any. */
static void list_xattrs(FILE *f, const char *path)
{
	char names[4096], value[4096];
	ssize_t n = llistxattr(path, names, sizeof(names));
	struct uns_strs list = UNS_STRS_INIT;

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
		assert_int_equal(uns_strs_add(&list, names + at, NULL), 0);
	uns_strs_sort(&list);
	for (size_t k = 0; k < list.n; k++) {
		ssize_t len = lgetxattr(path, list.v[k], value, sizeof(value));

		fprintf(f, " %s=", list.v[k]);
		for (ssize_t i = 0; i < len; i++)
			fprintf(f, "%02x", (unsigned char)value[i]);
	}
	uns_strs_done(&list);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static char *listing(const struct world *w)
{
	char base[1024], *text = NULL, *paths[] = {base, NULL};
	size_t len;
	FILE *f = open_memstream(&text, &len);
	FTS *fts;

	scratch_path(&w->s, "data", base);
	fts = fts_open(paths, FTS_PHYSICAL, by_name);
	assert_non_null(fts);
	for (FTSENT *e; (e = fts_read(fts));) {
		const struct stat *st = e->fts_statp;

		if (e->fts_info == FTS_DP)
			continue;
		fprintf(f, "%s %o %u:%u %ju %ju %jd.%09ld %jx", e->fts_path + strlen(base), st->st_mode, st->st_uid, st->st_gid,
		        (uintmax_t)st->st_nlink, (uintmax_t)(S_ISDIR(st->st_mode) ? 0 : st->st_size), (intmax_t)st->st_mtim.tv_sec,
		        st->st_mtim.tv_nsec, (uintmax_t)st->st_rdev);
		list_xattrs(f, e->fts_accpath);
		fputc('\n', f);
	}
	fts_close(fts);
	fclose(f);
	return text;
}

static void assert_listing(const struct world *w, const char *expected, const char *when)
{
	char *now = listing(w);
	size_t i = 0, line;

	if (strcmp(now, expected) != 0) {
		while (now[i] == expected[i])
			i++;
		for (line = i; line > 0 && now[line - 1] != '\n';)
			line--;
		fail_msg("%s:\nis  %.*s\nnot %.*s", when, (int)strcspn(now + line, "\n"), now + line,
		         (int)strcspn(expected + line, "\n"), expected + line);
	}
	free(now);
}

/* Owners of all that is there, by themselves. */
static size_t count_outside(const struct world *w, uint32_t from, uint32_t count)
{
	char base[1024], *paths[] = {base, NULL};
	size_t n = 0;
	FTS *fts;

	scratch_path(&w->s, "data", base);
	fts = fts_open(paths, FTS_PHYSICAL, NULL);
	for (FTSENT *e; (e = fts_read(fts));)
		n += e->fts_info != FTS_DP && e->fts_statp->st_uid - from >= count;
	fts_close(fts);
	return n;
}

/* ---- trees at random ---- */

static uint32_t any(uint32_t n)
{
	return (uint32_t)random() % n;
}

struct grower {
	struct world *w;
	char dirs[64][256];
	size_t n_dirs;
	char files[256][256];
	size_t n_files;
	unsigned ids;
	bool attributes; /* until the file system refuses them */
};

static const char *new_path(struct grower *g, char buf[256])
{
	static const char *const odd[] = {"new\nline", "\xff\xfe", "*", "*!x", " ", "-rf", "\303\244"};
	const char *dir = g->dirs[any((uint32_t)g->n_dirs)];

	if (any(8) == 0)
		snprintf(buf, 256, "%.200s/%s%u", dir, odd[any(7)], any(1000000));
	else
		snprintf(buf, 256, "%.200s/n%u", dir, any(1000000));
	return buf;
}

static void dress(struct grower *g, const char *path, mode_t type)
{
	static const mode_t modes[] = {0644, 0755, 04755, 02755, 06711, 02644, 01777, 0, 0200};
	char full[1024];

	set_owner(&g->w->s, path, any(g->ids), any(g->ids));
	if (type == S_IFLNK)
		return;
	set_mode(&g->w->s, path, modes[any(9)]);
	if (g->attributes && any(5) == 0)
		g->attributes = set_attr(&g->w->s, path, "system.posix_acl_access", ACL_HOME, sizeof(ACL_HOME) - 1);
	if (g->attributes && type == S_IFDIR && any(3) == 0)
		g->attributes = set_attr(&g->w->s, path, "system.posix_acl_default", ACL_HOME, sizeof(ACL_HOME) - 1);
	if (g->attributes && type == S_IFREG && any(5) == 0)
		g->attributes = set_attr(&g->w->s, path, "security.capability", CAP_V2, 20);
	if (type == S_IFREG && any(5) == 0)
		(void)lsetxattr(scratch_path(&g->w->s, path, full), "user.note", "kept", 4, 0);
}

static void grow_one(struct grower *g)
{
	const struct scratch *s = &g->w->s;
	char path[256];
	mode_t type = S_IFREG;

	new_path(g, path);
	switch (any(10)) {
	case 0:
	case 1:
		type = S_IFDIR;
		if (mkdirat(s->fd, path, 0755))
			return;
		if (g->n_dirs < 64)
			strcpy(g->dirs[g->n_dirs++], path);
		break;
	case 2:
		type = S_IFLNK;
		if (symlinkat(any(2) ? "/etc/passwd" : "..", s->fd, path))
			return;
		break;
	case 3:
		type = any(2) ? S_IFIFO : S_IFSOCK;
		if (mknodat(s->fd, path, type | 0644, 0))
			return;
		break;
	case 4:
		if (g->n_files)
			(void)linkat(s->fd, g->files[any((uint32_t)g->n_files)], s->fd, path, 0);
		return;
	default: {
		int fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0)
			return;
		close(fd);
		if (g->n_files < 256)
			strcpy(g->files[g->n_files++], path);
	}
	}
	dress(g, path, type);
}

static void grow(struct world *w, size_t n, unsigned ids)
{
	struct grower g = {.w = w, .ids = ids, .attributes = true, .n_dirs = 1, .dirs = {"data"}};

	for (size_t i = 0; i < n; i++)
		grow_one(&g);
	age_dirs(&w->s, "data", 1 + any(4));
}

static void wipe(struct world *w)
{
	char path[1024];
	const char *argv[] = {"/bin/rm", "-rf", scratch_path(&w->s, "data", path), NULL};

	scratch_run(argv);
	put_dir(&w->s, "data");
}

/* Covers the IDs 0 to 4999, in pieces that go to places of their own. */
static void random_map(struct uns_map *m)
{
	uint32_t from = 0, slot = any(50);

	*m = (struct uns_map){.n = 0};
	while (from < 5000) {
		uint32_t count = any(4) ? 1 + any(40) : 1 + any(5000);

		if (count > 5000 - from || m->n > 300)
			count = 5000 - from;
		assert_int_equal(uns_map_add(m, (struct uns_extent){from, 100000 + slot * 10000 + any(5000), count}, NULL), 0);
		from += count;
		slot += 1 + any(3);
	}
}

/* UNS_TEST_ROUNDS=N: so many times as long, for a long run by hand. */
static unsigned rounds(unsigned usual)
{
	const char *text = getenv("UNS_TEST_ROUNDS");
	uint32_t times;

	return text && !uns_num_u32(text, strlen(text), &times) && times && times < 10000 ? usual * times : usual;
}

static void there_and_back_is_identity(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	srandom(4242);
	for (unsigned i = 0; i < rounds(60); i++) {
		struct uns_maps maps;
		char *before, *after;

		wipe(w);
		grow(w, 5 + any(120), 5000);
		random_map(&maps.uid);
		random_map(&maps.gid);
		use_maps(w, &maps, "[]");
		before = listing(w);
		shift(w, UNS_AFTER);
		assert_int_equal(count_outside(w, 0, 100000), count_outside(w, 0, 0));
		after = listing(w);
		shift(w, UNS_BEFORE);
		assert_listing(w, before, "there and back");
		shift(w, UNS_AFTER);
		assert_listing(w, after, "there again");
		free(before);
		free(after);
	}
}

/* ---- killed at any moment ---- */

static void run_child(struct world *w, enum uns_side to, long microseconds)
{
	struct timespec wait = {microseconds / 1000000, microseconds % 1000000 * 1000};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct uns_err err = {0};

		_exit(uns_kind_shift_tree.drive(&w->c, to, &err) ? 1 : 0);
	}
	nanosleep(&wait, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_kill_at_any_moment_loses_nothing(void **state)
{
	struct world *w = *state;
	char *before, *after;

	if (geteuid())
		skip();
	srandom(99);
	use_range(w);
	grow(w, 3000, 5000);
	before = listing(w);
	shift(w, UNS_AFTER);
	after = listing(w);
	shift(w, UNS_BEFORE);
	for (unsigned i = 0; i < rounds(25); i++) {
		enum uns_side first = i % 2 ? UNS_BEFORE : UNS_AFTER, last = any(2) ? UNS_BEFORE : UNS_AFTER;

		if (first == UNS_BEFORE)
			shift(w, UNS_AFTER);
		new_leg(w, first == UNS_AFTER ? UNS_BEFORE : UNS_AFTER);
		run_child(w, first, (long)any(60000));
		run_child(w, any(2) ? UNS_BEFORE : UNS_AFTER, (long)any(30000));
		drive(w, last);
		assert_listing(w, last == UNS_AFTER ? after : before, "after the kills");
		if (last == UNS_AFTER)
			shift(w, UNS_BEFORE);
	}
	free(before);
	free(after);
}

/* ---- deep and wide ---- */

static void a_directory_of_many_names(void **state)
{
	struct world *w = *state;
	char name[64], *before;
	enum { N = 20000 };

	if (geteuid())
		skip();
	use_range(w);
	put_dir(&w->s, "data/wide");
	put_dir(&w->s, "data/other");
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "data/wide/%d", i);
		put_file(&w->s, name, "");
		if (i % 100 == 0) {
			char link[64];

			snprintf(link, sizeof(link), "data/other/%d", i);
			assert_int_equal(linkat(w->s.fd, name, w->s.fd, link, 0), 0);
			set_mode(&w->s, name, 04755);
		}
	}
	before = listing(w);
	shift(w, UNS_AFTER);
	assert_int_equal(count_outside(w, 100000, 65536), 0);
	shift(w, UNS_BEFORE);
	assert_listing(w, before, "there and back");
	free(before);
}

/* 5000 levels, a side branch on each of the lower ones, and few descriptors. */
static void a_deep_tree(void **state)
{
	struct world *w = *state;
	struct rlimit old, few;
	int dir = openat(w->s.fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	enum { DEPTH = 5000 };

	if (geteuid()) {
		close(dir);
		skip();
	}
	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "level", 0755), 0);
		if (i % 50 == 0) {
			assert_int_equal(mkdirat(dir, "side", 0755), 0);
			assert_int_equal(symlinkat("x", dir, "side/link"), 0);
		}
		next = openat(dir, "level", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	use_range(w);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){128, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	shift(w, UNS_AFTER);
	assert_int_equal(fstat(dir, &st), 0);
	assert_int_equal(st.st_uid, 100000);
	assert_int_equal(st.st_gid, 200000);
	shift(w, UNS_BEFORE);
	assert_int_equal(fstat(dir, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(dir);
}

/* ---- somebody renames ---- */

/* Swaps files, directories and symlinks that lead out of the tree, until it is killed. */
static void race(const struct world *w)
{
	int data = openat(w->s.fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char a[32], b[32];

	for (unsigned i = 0;; i++) {
		snprintf(a, sizeof(a), "d%u", i % 40);
		snprintf(b, sizeof(b), "%s%u", i % 3 ? "out" : "d", (i * 7 + 1) % 40);
		renameat2(data, a, data, b, RENAME_EXCHANGE);
		snprintf(a, sizeof(a), "d%u/f%u", i % 40, i % 20);
		snprintf(b, sizeof(b), "d%u/%s%u", (i + 3) % 40, i % 2 ? "esc" : "f", (i + 5) % 20);
		renameat2(data, a, data, b, RENAME_EXCHANGE);
	}
}

static void put_race(struct world *w)
{
	char path[64], target[1024];

	put_dir(&w->s, "canary");
	put_file(&w->s, "canary/file", "x");
	scratch_path(&w->s, "canary", target);
	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "data/d%d", i);
		put_dir(&w->s, path);
		set_mode(&w->s, path, i % 2 ? 0777 : 0755);
		for (int k = 0; k < 20; k++) {
			snprintf(path, sizeof(path), "data/d%d/f%d", i, k);
			put_file(&w->s, path, "");
			set_mode(&w->s, path, k % 5 ? 0644 : 04755);
			snprintf(path, sizeof(path), "data/d%d/esc%d", i, k);
			assert_int_equal(symlinkat("../../canary/file", w->s.fd, path), 0);
		}
		snprintf(path, sizeof(path), "data/out%d", i);
		assert_int_equal(symlinkat(target, w->s.fd, path), 0);
	}
}

static void assert_canary(const struct world *w, const struct stat *dir, const struct stat *file)
{
	struct stat st;

	assert_int_equal(fstatat(w->s.fd, "canary", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
	assert_memory_equal(&st.st_ctim, &dir->st_ctim, sizeof(st.st_ctim));
	assert_int_equal(fstatat(w->s.fd, "canary/file", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
	assert_memory_equal(&st.st_ctim, &file->st_ctim, sizeof(st.st_ctim));
}

static void renaming_meanwhile_leads_nowhere(void **state)
{
	struct world *w = *state;
	struct stat dir, file;
	char *now;

	if (geteuid())
		skip();
	put_race(w);
	use_range(w);
	assert_int_equal(fstatat(w->s.fd, "canary", &dir, 0), 0);
	assert_int_equal(fstatat(w->s.fd, "canary/file", &file, 0), 0);
	for (unsigned i = 0; i < rounds(100); i++) {
		enum uns_side to = i % 2 ? UNS_BEFORE : UNS_AFTER;
		struct uns_err err = {0};
		pid_t racer = fork();

		assert_true(racer >= 0);
		if (!racer) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is stopped leaves nobody behind */
			race(w);
		}
		new_leg(w, i % 2 ? UNS_AFTER : UNS_BEFORE);
		if (uns_kind_shift_tree.drive(&w->c, to, &err))
			assert_int_equal(err.code, UNS_E_INCOMPLETE); /* what it missed it says */
		assert_int_equal(kill(racer, SIGKILL), 0);
		assert_int_equal(waitpid(racer, NULL, 0), racer);
		assert_canary(w, &dir, &file);
		drive(w, to); /* and finishes when it is left in peace */
		assert_canary(w, &dir, &file);
	}
	assert_int_equal(count_outside(w, 0, 65536), 0);
	now = listing(w);
	assert_null(strstr(now, " 100000:"));
	free(now);
}

/* ---- the pool ---- */

struct tally {
	pthread_mutex_t lock;
	unsigned done, dropped, fail_at;
};

struct number {
	unsigned left;
};

static void drop_number(void *user, void *item)
{
	struct tally *t = user;

	pthread_mutex_lock(&t->lock);
	t->dropped++;
	pthread_mutex_unlock(&t->lock);
	free(item);
}

static int do_number(void *user, struct uns_pool *pool, unsigned worker, void *item, struct uns_err *err)
{
	struct tally *t = user;
	unsigned left = ((struct number *)item)->left, done;

	free(item);
	pthread_mutex_lock(&t->lock);
	done = ++t->done;
	pthread_mutex_unlock(&t->lock);
	if (t->fail_at && done == t->fail_at)
		return uns_err_set(err, UNS_E_FAILED, "item %u", done);
	if (done == 10)
		uns_pool_grow(pool, UNS_POOL_JOBS_MAX);
	for (int i = 0; left && i < 2; i++) {
		struct number *more = malloc(sizeof(*more));

		assert_non_null(more);
		more->left = left - 1;
		if (uns_pool_add(pool, worker, more, err))
			return -1;
	}
	return 0;
}

static void the_pool_does_everything_once(void **state)
{
	(void)state;
	for (unsigned jobs = 1; jobs < 10; jobs += 4) {
		struct tally t = {.lock = PTHREAD_MUTEX_INITIALIZER};
		struct number *first = malloc(sizeof(*first));
		struct uns_err err = {0};

		first->left = 12;
		assert_int_equal(uns_pool_run(jobs, (void *[]){first}, 1, do_number, drop_number, &t, &err), 0);
		assert_int_equal(t.done, (1u << 13) - 1);
		assert_int_equal(t.dropped, 0);
		t = (struct tally){.lock = PTHREAD_MUTEX_INITIALIZER, .fail_at = 500};
		first = malloc(sizeof(*first));
		first->left = 12;
		assert_int_equal(uns_pool_run(jobs, (void *[]){first}, 1, do_number, drop_number, &t, &err), -1);
		assert_string_equal(err.text, "item 500");
		assert_true(t.dropped > 0); /* and nothing is lost, as the leak checker says */
	}
}

/* ---- the census with threads is that without ---- */

static void threads_count_alike(void **state)
{
	struct world *w = *state;
	struct uns_shift range = {{100000, 65536}, {200000, 65536}};
	struct uns_strs matches = UNS_STRS_INIT, none = UNS_STRS_INIT;
	struct uns_census c[2] = {{0}};
	struct uns_maps maps;
	struct uns_tree tree;
	char base[1024];

	if (geteuid())
		skip();
	srandom(7);
	grow(w, 4000, 70000);
	uns_maps_of(&range, &maps);
	assert_int_equal(uns_tree_open(&w->root, scratch_path(&w->s, "data", base), &tree, NULL), 0);
	assert_int_equal(uns_strs_add(&matches, ".", NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(uns_tree_census_matches(&tree, &matches, &none, &maps, i ? 8 : 1, &c[i], NULL), 0);
	assert_int_equal(c[0].inodes, c[1].inodes);
	assert_int_equal(c[0].bytes, c[1].bytes);
	assert_int_equal(c[0].home, c[1].home);
	assert_int_equal(c[0].specials, c[1].specials);
	assert_int_equal(c[0].capabilities, c[1].capabilities);
	assert_int_equal(c[0].acls, c[1].acls);
	assert_int_equal(c[0].hard_links, c[1].hard_links);
	assert_int_equal(c[0].max_uid, c[1].max_uid);
	assert_int_equal(c[0].unmapped.n, c[1].unmapped.n);
	assert_true(c[0].unmapped.n > UNS_CENSUS_LISTED);
	assert_int_equal(c[1].unmapped.paths.n, UNS_CENSUS_LISTED);
	assert_int_equal(c[0].outside.n, 0);
	assert_int_equal(c[1].outside.n, 0);
	assert_int_equal(c[0].uid_blocks.n, c[1].uid_blocks.n);
	uns_census_done(&c[0]);
	uns_census_done(&c[1]);
	uns_strs_done(&matches);
	uns_tree_close(&tree);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_pool_does_everything_once),
	    TEST(threads_count_alike),
	    TEST(there_and_back_is_identity),
	    TEST(a_directory_of_many_names),
	    TEST(a_deep_tree),
	    TEST(a_kill_at_any_moment_loses_nothing),
	    TEST(renaming_meanwhile_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
