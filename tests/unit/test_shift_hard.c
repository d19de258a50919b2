/* SPDX-License-Identifier: Apache-2.0 */
/* shift-tree where it is hard: with threads, over trees and maps made at random, deep and wide ones, killed at any moment, and
 * while somebody renames things in the tree as fast as he can. What came of it is read by fts(3), not by the walker under test. */
#include "test.h"

#include <fts.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

/* The way home of a finished shift: another leg, which has the record of the first. */
static void go_home(struct world *w)
{
	char first[sizeof(w->c.first_record_name)];

	strcpy(first, w->c.first_record_name);
	new_leg(w, UNS_AFTER);
	strcpy(w->c.first_record_name, first);
	w->c.leg = 1;
	drive(w, UNS_BEFORE);
}

static long microseconds_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - began->tv_sec) * 1000000 + (now.tv_nsec - began->tv_nsec) / 1000;
}

/* A map of several extents for users and one for groups; or one of both, and who is outside is given to one of its IDs. */
static void use_random_maps(struct world *w, bool squash)
{
	struct uns_maps maps;
	const struct uns_extent *e;

	random_map(&maps.uid);
	random_map(&maps.gid);
	if (squash)
		maps.gid = maps.uid;
	use_maps(w, &maps, squash ? "[\"flags\",\"unmapped\"]" : "[\"flags\"]");
	e = &maps.uid.v[any(maps.uid.n)];
	if (squash)
		json_object_set_new(w->step.args, "squash", json_integer(e->to + any(e->count)));
	if (uns_kind_shift_tree.check(w->step.args, NULL))
		fail_msg("the map is not taken");
}

/* Killed up to three times, now on the way on and now on the way back, and left alone at last. */
static enum uns_side kill_and_end(struct world *w, enum uns_side to, long whole)
{
	enum uns_side last = any(2) ? UNS_BEFORE : UNS_AFTER;

	run_child(w, to, (long)any((uint32_t)whole));
	for (unsigned i = any(3); i > 0; i--)
		run_child(w, any(2) ? UNS_BEFORE : UNS_AFTER, (long)any((uint32_t)whole));
	drive(w, last);
	return last;
}

static void kill_in_one(struct world *w, bool squash)
{
	struct timespec began;
	char *before = listing(w), *after;
	long whole;

	clock_gettime(CLOCK_MONOTONIC, &began);
	shift(w, UNS_AFTER);
	whole = 1000 + microseconds_since(&began) * 5 / 4;
	after = listing(w);
	for (int i = 0; i < 3; i++) {
		enum uns_side to = squash || any(2) ? UNS_AFTER : UNS_BEFORE, last;

		if (to == UNS_AFTER)
			go_home(w);
		assert_listing(w, to == UNS_AFTER ? before : after, "before the kills");
		new_leg(w, to == UNS_AFTER ? UNS_BEFORE : UNS_AFTER);
		last = kill_and_end(w, to, whole);
		assert_listing(w, last == UNS_AFTER ? after : before, "after the kills");
		if (last == UNS_BEFORE)
			shift(w, UNS_AFTER);
	}
	go_home(w);
	assert_listing(w, before, "at home");
	free(before);
	free(after);
}

static void kills_lose_nothing_in_any_tree(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	srandom(777);
	for (unsigned i = 0; i < rounds(12); i++) {
		bool squash = i % 3 == 2;

		wipe(w);
		grow(w, 50 + any(400), squash ? 9000 : 5000);
		use_random_maps(w, squash);
		kill_in_one(w, squash);
	}
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

/* Exchanges files, directories and symlinks that lead out of the tree. */
static unsigned exchange(int data, unsigned i)
{
	char a[32], b[32];
	unsigned n;

	snprintf(a, sizeof(a), "d%u", i % 40);
	snprintf(b, sizeof(b), "%s%u", i % 3 ? "out" : "d", (i * 7 + 1) % 40);
	n = !renameat2(data, a, data, b, RENAME_EXCHANGE);
	snprintf(a, sizeof(a), "d%u/f%u", i % 40, i % 20);
	snprintf(b, sizeof(b), "d%u/%s%u", (i + 3) % 40, i % 2 ? "esc" : "f", (i + 5) % 20);
	return n + !renameat2(data, a, data, b, RENAME_EXCHANGE);
}

/* What owners can do to their own inodes; the canary is behind a directory that they may not enter. */
static unsigned meddle(int data, unsigned i)
{
	char name[32], other[32];
	unsigned n = 0;
	int fd;

	snprintf(name, sizeof(name), "d%u/f%u", i * 3 % 40, i % 20);
	snprintf(other, sizeof(other), "d%u/new%u", i * 5 % 40, i % 7);
	n += !unlinkat(data, other, 0);
	n += !fchmodat(data, name, i % 4 ? 0755 : 04755, 0);
	n += !linkat(data, name, data, other, 0);
	n += !unlinkat(data, other, 0);
	n += !fchownat(data, name, i % 65536, i % 65536, AT_SYMLINK_NOFOLLOW);
	fd = openat(data, other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 04755);
	if (fd < 0)
		return n;
	n += write(fd, "evil", 4) == 4;
	close(fd);
	return n;
}

/* Exchanges the tree itself and a symlink to the canary. */
static unsigned swap_base(int top)
{
	return !renameat2(top, "data", top, "swap", RENAME_EXCHANGE);
}

enum racer { HOST_ROOT, OWNER, CONTAINER, BASE, RACERS };

struct race {
	const struct world *w;
	enum racer who;
	uid_t start;      /* of the IDs that the tree belongs to when the race begins */
	atomic_uint *won; /* what succeeded */
};

/* Not under ThreadSanitizer, whose thread of its own the kernel does not take into a user namespace, nor where a host forbids them. */
static bool has_containers(void)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(unshare(CLONE_NEWUSER) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !status;
}

/* That very ID, or root of a user namespace that has all of them; the parent gives it the map. */
static void become(const struct race *r, int talk)
{
	char byte = 0;

	if (r->who == CONTAINER && (unshare(CLONE_NEWUSER) || write(talk, &byte, 1) != 1 || read(talk, &byte, 1) != 1 ||
	                            setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0)))
		_exit(1);
	if (r->who == OWNER && (setgroups(0, NULL) || setresgid(r->start, r->start, r->start) || setresuid(r->start, r->start, r->start)))
		_exit(1);
}

static void write_map(pid_t pid, const char *name, uid_t start)
{
	char path[64], text[64];
	int fd, len = snprintf(text, sizeof(text), "0 %u 65536", start);

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)len), len);
	close(fd);
}

static void run_race(const struct race *r, int talk)
{
	int data = openat(r->w->s.fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	become(r, talk);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is stopped leaves nobody behind */
	for (unsigned i = 0;; i++) {
		unsigned n = r->who == BASE ? swap_base(r->w->s.fd) : exchange(data, i);

		if (r->who == OWNER || r->who == CONTAINER)
			n += meddle(data, i);
		atomic_fetch_add(r->won, n);
	}
}

static pid_t start_race(const struct race *r)
{
	int talk[2];
	char byte;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk), 0);
	pid = fork();
	assert_true(pid >= 0);
	close(talk[!pid ? 0 : 1]);
	if (!pid)
		run_race(r, talk[1]);
	if (r->who == CONTAINER) {
		assert_int_equal(read(talk[0], &byte, 1), 1);
		write_map(pid, "uid_map", r->start);
		write_map(pid, "gid_map", r->start);
		assert_int_equal(write(talk[0], &byte, 1), 1);
	}
	close(talk[0]);
	return pid;
}

#define RACE_HOME 100000u
#define RACE_THERE 300000u

static void put_race_dir(const struct scratch *s, int i)
{
	char path[64];

	snprintf(path, sizeof(path), "data/d%d", i);
	put_dir(s, path);
	set_mode(s, path, i % 2 ? 0777 : 0755);
	for (int k = 0; k < 20; k++) {
		snprintf(path, sizeof(path), "data/d%d/f%d", i, k);
		put_file(s, path, "");
		set_owner(s, path, RACE_HOME, RACE_HOME);
		set_mode(s, path, k % 5 ? 0644 : 04755);
		snprintf(path, sizeof(path), "data/d%d/esc%d", i, k);
		assert_int_equal(symlinkat("../../canary/file", s->fd, path), 0);
		set_owner(s, path, RACE_HOME, RACE_HOME);
	}
	snprintf(path, sizeof(path), "data/d%d", i);
	set_owner(s, path, RACE_HOME, RACE_HOME);
}

static const char *const canaries[] = {"canary", "canary/file", "canary/suid", "canary/d0", "canary/d0/f0"};
enum { CANARIES = sizeof(canaries) / sizeof(*canaries) };

/* It has names that the tree has, and IDs that the map moves, for who is led there to have something to do. */
static void put_canary(const struct scratch *s, struct stat st[CANARIES])
{
	put_dir(s, "canary");
	put_dir(s, "canary/d0");
	put_file(s, "canary/d0/f0", "x");
	put_file(s, "canary/file", "x");
	put_file(s, "canary/suid", "x");
	set_owner(s, "canary/d0", RACE_HOME + 5, RACE_HOME + 5);
	set_owner(s, "canary/d0/f0", RACE_HOME + 5, RACE_HOME + 5);
	set_owner(s, "canary/suid", RACE_HOME + 5, RACE_HOME + 5);
	set_owner(s, "canary/file", RACE_HOME + 5, RACE_HOME + 5);
	set_mode(s, "canary/suid", 04755);
	set_mode(s, "canary/d0", 0700);
	set_owner(s, "canary", RACE_HOME + 5, RACE_HOME + 5);
	for (int i = 0; i < CANARIES; i++)
		assert_int_equal(fstatat(s->fd, canaries[i], &st[i], AT_SYMLINK_NOFOLLOW), 0);
}

static void put_race(struct world *w, struct stat canary[CANARIES])
{
	char path[64], target[1024];

	put_canary(&w->s, canary);
	scratch_path(&w->s, "canary", target);
	for (int i = 0; i < 40; i++) {
		put_race_dir(&w->s, i);
		snprintf(path, sizeof(path), "data/out%d", i);
		assert_int_equal(symlinkat(target, w->s.fd, path), 0);
		set_owner(&w->s, path, RACE_HOME, RACE_HOME);
	}
	set_owner(&w->s, "data", RACE_HOME, RACE_HOME);
	assert_int_equal(symlinkat("canary", w->s.fd, "swap"), 0);
}

static void assert_canary(const struct world *w, const struct stat was[CANARIES])
{
	struct stat st;

	for (int i = 0; i < CANARIES; i++) {
		assert_int_equal(fstatat(w->s.fd, canaries[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_uid, was[i].st_uid);
		assert_int_equal(st.st_gid, was[i].st_gid);
		assert_int_equal(st.st_mode, was[i].st_mode);
		assert_int_equal(st.st_nlink, was[i].st_nlink);
		assert_memory_equal(&st.st_ctim, &was[i].st_ctim, sizeof(st.st_ctim));
	}
}

/* The tree is what it was named, whoever else has its name just now. */
static void put_base_back(const struct world *w)
{
	struct stat st;

	assert_int_equal(fstatat(w->s.fd, "data", &st, AT_SYMLINK_NOFOLLOW), 0);
	if (!S_ISDIR(st.st_mode))
		assert_int_equal(swap_base(w->s.fd), 1);
}

/* Now and then the first run is killed, and another one goes on or back while the racer is at it. */
static void shift_meanwhile(struct world *w, enum uns_side to, const struct race *r)
{
	struct uns_err err = {0};
	pid_t racer = start_race(r);

	new_leg(w, to == UNS_AFTER ? UNS_BEFORE : UNS_AFTER);
	w->c.begun = any(3) == 0;
	if (w->c.begun) {
		run_child(w, to, (long)any(15000));
		to = any(2) ? UNS_BEFORE : UNS_AFTER;
	}
	if (uns_kind_shift_tree.drive(&w->c, to, &err) && err.code != UNS_E_INCOMPLETE && err.code != UNS_E_REFUSED &&
	    !(r->who == BASE && (err.code == UNS_E_CONFLICT || err.errnum == ELOOP || err.errnum == ENOTDIR)))
		fail_msg("racer %d: code %d: %s", (int)r->who, err.code, err.text); /* what it missed it says */
	json_decref(w->c.result);
	w->c.result = NULL;
	assert_int_equal(kill(racer, SIGKILL), 0);
	assert_int_equal(waitpid(racer, NULL, 0), racer);
	put_base_back(w);
}

static void use_race(struct world *w)
{
	struct uns_maps maps = {.uid = {.n = 0}};

	assert_int_equal(uns_map_add(&maps.uid, (struct uns_extent){RACE_HOME, RACE_THERE, 65536}, NULL), 0);
	maps.gid = maps.uid;
	use_maps(w, &maps, "[\"flags\"]");
}

static void nobody_leads_it_out(void **state)
{
	struct world *w = *state;
	struct stat canary[CANARIES];
	bool containers = has_containers();
	atomic_uint *won = mmap(NULL, RACERS * sizeof(*won), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(won != MAP_FAILED);
	if (geteuid())
		skip();
	srandom(55);
	put_race(w, canary);
	use_race(w);
	for (unsigned i = 0; i < rounds(100); i++) {
		enum uns_side to = i % 2 ? UNS_BEFORE : UNS_AFTER;
		struct race r = {w, (enum racer)(i / 2 % RACERS), i % 2 ? RACE_THERE : RACE_HOME, NULL};

		if (r.who == CONTAINER && !containers)
			r.who = OWNER;
		r.won = &won[r.who];
		shift_meanwhile(w, to, &r);
		assert_canary(w, canary);
		drive(w, to); /* finishes when it is left in peace */
		assert_canary(w, canary);
		assert_int_equal(count_outside(w, to == UNS_AFTER ? RACE_THERE : RACE_HOME, 65536), 0);
	}
	for (int i = 0; i < RACERS; i++)
		if (atomic_load(&won[i]) < 100 && (containers || i != CONTAINER))
			fail_msg("racer %d did nothing to speak of: %u", i, atomic_load(&won[i]));
	munmap(won, RACERS * sizeof(*won));
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
		uns_pool_grow(pool);
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
	    TEST(kills_lose_nothing_in_any_tree),
	    TEST(nobody_leads_it_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
