/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "scratch.h"
#include "uns/cleanup.h"
#include "uns/sys.h"
#include "uns/tree.h"

static const struct uns_maps shift = {.uid = {.n = 1, .v = {{0, 524288, 65536}}}, .gid = {.n = 1, .v = {{0, 524288, 65536}}}};

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	scratch_make(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	scratch_remove(*state);
	free(*state);
	return 0;
}

static void open_tree(const struct scratch *s, struct uns_tree *tree)
{
	struct uns_root root;
	struct uns_err err = {0};

	assert_int_equal(uns_root_open(&root, "/", &err), 0);
	if (uns_tree_open(&root, s->path, tree, &err))
		fail_msg("%s", err.text);
	uns_root_close(&root);
}

/* The list as one string, joined by blanks. */
static void assert_list(const struct uns_strs *l, const char *expected)
{
	struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(uns_buf_puts(&b, "", NULL), 0);
	for (size_t i = 0; i < l->n; i++)
		assert_int_equal(uns_buf_printf(&b, NULL, "%s%s", i ? " " : "", l->v[i]), 0);
	assert_string_equal(b.data, expected);
	uns_buf_done(&b);
}

static void assert_glob(const struct uns_tree *tree, const char *pattern, const char *expected, const char *symlinks)
{
	struct uns_strs found = UNS_STRS_INIT, links = UNS_STRS_INIT;
	struct uns_err err = {0};

	if (uns_tree_glob(tree, pattern, &found, &links, &err))
		fail_msg("%s", err.text);
	assert_list(&found, expected);
	assert_list(&links, symlinks);
	uns_strs_done(&found);
	uns_strs_done(&links);
}

static void put_layers(const struct scratch *s)
{
	put_dir(s, "overlay2");
	put_dir(s, "overlay2/b");
	put_dir(s, "overlay2/b/diff");
	put_dir(s, "overlay2/a");
	put_dir(s, "overlay2/a/diff");
	put_dir(s, "overlay2/l");
	put_dir(s, "overlay2/l/diff");
	put_file(s, "overlay2/file", "x");
	assert_int_equal(symlinkat("/etc", s->fd, "overlay2/out"), 0);
	put_dir(s, "overlay2/c");
	assert_int_equal(symlinkat("../a/diff", s->fd, "overlay2/c/diff"), 0);
}

static void glob_finds_sorted_and_follows_nothing(void **state)
{
	const struct scratch *s = *state;
	struct uns_tree tree;

	put_layers(s);
	open_tree(s, &tree);
	assert_glob(&tree, ".", ".", "");
	assert_glob(&tree, "overlay2", "overlay2", "");
	assert_glob(&tree, "overlay2/*/diff", "overlay2/a/diff overlay2/b/diff overlay2/l/diff", "overlay2/out overlay2/c/diff");
	assert_glob(&tree, "overlay2/a/diff", "overlay2/a/diff", "");
	assert_glob(&tree, "overlay2/out/passwd", "", "overlay2/out");
	assert_glob(&tree, "overlay2/file/x", "", "");
	assert_glob(&tree, "nothing/*/diff", "", "");
	assert_glob(&tree, "*", "overlay2", "");
	assert_glob(&tree, "*!overlay2", "", "");
	uns_tree_close(&tree);
}

static void glob_leaves_out_one_name(void **state)
{
	const struct scratch *s = *state;
	struct uns_tree tree;

	put_dir(s, "d");
	put_dir(s, "d/l");
	put_dir(s, "d/l2");
	put_dir(s, "d/.hidden");
	open_tree(s, &tree);
	assert_glob(&tree, "d/*!l", "d/.hidden d/l2", "");
	assert_glob(&tree, "d/*", "d/.hidden d/l d/l2", "");
	uns_tree_close(&tree);
}

static void patterns_that_lead_out_are_refused(void **state)
{
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", "..", "a/..", "../a", "./a", "a/./b"};
	const struct scratch *s = *state;
	struct uns_strs found = UNS_STRS_INIT;
	struct uns_err err = {0};
	struct uns_tree tree;

	open_tree(s, &tree);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(uns_tree_pattern_valid(bad[i]));
		assert_int_equal(uns_tree_glob(&tree, bad[i], &found, NULL, &err), -1);
		assert_int_equal(err.code, UNS_E_INPUT);
	}
	assert_true(uns_tree_pattern_valid("a/*/..."));
	assert_int_equal(found.n, 0);
	uns_tree_close(&tree);
}

static void matches_are_merged(void **state)
{
	static const char *const patterns[] = {"overlay2/*/diff", "overlay2/a", "overlay2/a/diff", "overlay2/b/diff"};
	static const char *const all[] = {"overlay2/a", "."};
	const struct scratch *s = *state;
	struct uns_strs found = UNS_STRS_INIT, whole = UNS_STRS_INIT;
	struct uns_tree tree;

	put_layers(s);
	put_dir(s, "overlay2/a-b");
	put_dir(s, "overlay2/a-b/diff");
	open_tree(s, &tree);
	assert_int_equal(uns_tree_matches(&tree, patterns, 4, &found, NULL, NULL), 0);
	assert_list(&found, "overlay2/a overlay2/a-b/diff overlay2/b/diff overlay2/l/diff");
	assert_int_equal(uns_tree_matches(&tree, all, 2, &whole, NULL, NULL), 0);
	assert_list(&whole, ".");
	uns_strs_done(&found);
	uns_strs_done(&whole);
	uns_tree_close(&tree);
}

static void an_absent_base_says_so(void **state)
{
	const struct scratch *s = *state;
	struct uns_err err = {0};
	struct uns_root root;
	struct uns_tree tree;
	char path[1024];

	assert_int_equal(uns_root_open(&root, "/", &err), 0);
	assert_int_equal(uns_tree_open(&root, scratch_path(s, "none", path), &tree, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_non_null(strstr(err.text, "none"));
	uns_root_close(&root);
}

static void openat_follows_no_symlink(void **state)
{
	const struct scratch *s = *state;
	struct uns_err err = {0};
	struct uns_tree tree;

	put_layers(s);
	open_tree(s, &tree);
	assert_int_equal(uns_tree_openat(&tree, "overlay2/out/passwd", O_PATH, &err), -1);
	assert_true(err.errnum == ELOOP || err.errnum == ENOTDIR);
	assert_int_equal(uns_tree_openat(&tree, "..", O_PATH, &err), -1);
	assert_int_equal(uns_tree_openat(&tree, "overlay2/none", O_PATH, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	uns_tree_close(&tree);
}

/* ---- walk ---- */

struct seen {
	struct uns_strs paths;
	struct uns_entry last;
	size_t n;
	size_t stop_at;
	const struct scratch *remove_from; /* at the first visit below "d", all others of its four are removed */
};

static int see(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct seen *s = user;
	struct stat st;

	s->n++;
	s->last = *e;
	if (s->stop_at == s->n)
		return uns_err_set(err, UNS_E_FAILED, "enough");
	for (char name[] = "d/0"; s->remove_from && uns_str_starts(e->path, "d/") && name[2] < '4'; name[2]++)
		if (strcmp(name, e->path) != 0)
			unlinkat(s->remove_from->fd, name, name[2] < '2' ? 0 : AT_REMOVEDIR);
	assert_int_equal(fstatat(e->dirfd, e->name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_ino, e->ino);
	assert_int_equal(st.st_dev, e->dev);
	return uns_strs_add(&s->paths, e->path, err);
}

static void walk(const struct scratch *s, const char *const patterns[], size_t n, struct seen *seen)
{
	struct uns_err err = {0};
	struct uns_tree tree;

	open_tree(s, &tree);
	if (uns_tree_walk(&tree, patterns, n, see, seen, &err))
		fail_msg("%s", err.text);
	uns_tree_close(&tree);
}

static void walk_visits_each_name_once_parents_first(void **state)
{
	static const char *const dot[] = {"."};
	const struct scratch *s = *state;
	struct seen seen = {0};

	put_layers(s);
	put_file(s, "overlay2/a/diff/new\nline", "x");
	put_file(s, "overlay2/a/diff/\xff\xfe", "x");
	assert_int_equal(linkat(s->fd, "overlay2/file", s->fd, "overlay2/a/diff/link", 0), 0);
	walk(s, dot, 1, &seen);
	assert_string_equal(seen.paths.v[0], ".");
	assert_true(uns_strs_has(&seen.paths, "overlay2/a/diff/new\nline"));
	assert_true(uns_strs_has(&seen.paths, "overlay2/a/diff/\xff\xfe"));
	assert_true(uns_strs_has(&seen.paths, "overlay2/a/diff/link"));
	assert_true(uns_strs_has(&seen.paths, "overlay2/out"));
	assert_false(uns_strs_has(&seen.paths, "overlay2/out/passwd"));
	assert_int_equal(seen.n, 15);
	for (size_t i = 0; i < seen.paths.n; i++) {
		char *slash = strrchr(seen.paths.v[i], '/');
		bool found = !slash;

		for (size_t k = 0; slash && k < i; k++)
			found = found || (strlen(seen.paths.v[k]) == (size_t)(slash - seen.paths.v[i]) &&
			                  uns_str_starts(seen.paths.v[i], seen.paths.v[k]));
		assert_true(found);
	}
	uns_strs_done(&seen.paths);
}

static void walk_of_a_file_and_of_nothing(void **state)
{
	static const char *const patterns[] = {"overlay2/file", "none"};
	const struct scratch *s = *state;
	struct seen seen = {0};

	put_layers(s);
	walk(s, patterns, 2, &seen);
	assert_list(&seen.paths, "overlay2/file");
	assert_int_equal(seen.last.size, 1);
	uns_strs_done(&seen.paths);
}

static void a_visitor_can_stop(void **state)
{
	static const char *const dot[] = {"."};
	const struct scratch *s = *state;
	struct seen seen = {.stop_at = 3};
	struct uns_err err = {0};
	struct uns_tree tree;

	put_layers(s);
	open_tree(s, &tree);
	assert_int_equal(uns_tree_walk(&tree, dot, 1, see, &seen, &err), -1);
	assert_string_equal(err.text, "enough");
	assert_int_equal(seen.n, 3);
	uns_strs_done(&seen.paths);
	uns_tree_close(&tree);
}

static void what_vanishes_is_skipped(void **state)
{
	static const char *const dot[] = {"."};
	const struct scratch *s = *state;
	struct seen seen = {.remove_from = s};

	put_dir(s, "d");
	put_file(s, "d/0", "");
	put_file(s, "d/1", "");
	put_dir(s, "d/2");
	put_dir(s, "d/3");
	walk(s, dot, 1, &seen);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.paths.v[1], "d");
	uns_strs_done(&seen.paths);
}

/* A directory that is replaced between its visit and the descent must not be entered under false colours. */
static int swap(void *user, const struct uns_entry *e, struct uns_err *err)
{
	const struct scratch *s = user;

	(void)err;
	if (!strcmp(e->path, "victim"))
		assert_int_equal(renameat2(s->fd, "victim", s->fd, "other", RENAME_EXCHANGE), 0);
	assert_false(uns_str_starts(e->path, "victim/"));
	return 0;
}

static void a_swapped_directory_is_not_entered(void **state)
{
	static const char *const patterns[] = {"victim"};
	struct scratch *s = *state;
	struct uns_err err = {0};
	struct uns_tree tree;

	put_dir(s, "victim");
	put_file(s, "victim/inside", "");
	assert_int_equal(symlinkat("/etc", s->fd, "other"), 0);
	open_tree(s, &tree);
	assert_int_equal(uns_tree_walk(&tree, patterns, 1, swap, s, &err), 0);
	assert_int_equal(renameat2(s->fd, "victim", s->fd, "other", RENAME_EXCHANGE), 0);
	assert_int_equal(unlinkat(s->fd, "other", 0), 0);
	put_dir(s, "other");
	put_file(s, "other/inside", "");
	assert_int_equal(uns_tree_walk(&tree, patterns, 1, swap, s, &err), 0);
	uns_tree_close(&tree);
}

/* Two branches at each of the upper levels, so that the walk comes back to directories that it had to close. */
static void a_deep_tree_needs_few_descriptors(void **state)
{
	static const char *const dot[] = {"."};
	const struct scratch *s = *state;
	int dir = openat(s->fd, ".", O_RDONLY | O_DIRECTORY);
	struct seen seen = {0};
	enum { DEPTH = 1000, SIDE = 200 };

	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "some-name", 0755), 0);
		if (i < SIDE) {
			assert_int_equal(mkdirat(dir, "another", 0755), 0);
			assert_int_equal(mkdirat(dir, "another/below", 0755), 0);
		}
		next = openat(dir, "some-name", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(dir);
		dir = next;
	}
	close(dir);
	walk(s, dot, 1, &seen);
	assert_int_equal(seen.n, 1 + DEPTH + 2 * SIDE);
	dir = dup(0);
	assert_true(dir < 32); /* nothing was left open */
	close(dir);
	uns_strs_done(&seen.paths);
}

static void a_wide_directory(void **state)
{
	static const char *const dot[] = {"d"};
	const struct scratch *s = *state;
	struct seen seen = {0};
	enum { WIDTH = 5000 };

	put_dir(s, "d");
	for (int i = 0; i < WIDTH; i++) {
		char name[64];

		snprintf(name, sizeof(name), "d/a-name-that-fills-the-block-%d", i);
		put_file(s, name, "");
	}
	walk(s, dot, 1, &seen);
	assert_int_equal(seen.n, 1 + WIDTH);
	uns_strs_done(&seen.paths);
}

/* The calls that older kernels do not have fail as they do there. */
static void deny_new_calls(void)
{
	static const int calls[] = {SYS_openat2, SYS_open_tree, 464 /* getxattrat */, 465 /* listxattrat */};
	struct sock_filter code[2 + 2 * sizeof(calls) / sizeof(*calls)];
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(*code), .filter = code};
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

static int add_digest(void *user, const struct uns_entry *e, struct uns_err *err)
{
	(void)err;
	uns_digest_add(user, e, &shift);
	return 0;
}

static int look_without_new_calls(const struct scratch *s, const struct uns_digest *expected)
{
	static const char *const dot[] = {"."};
	struct uns_digest d = {0};
	struct uns_err err = {0};
	struct uns_tree tree;

	deny_new_calls();
	open_tree(s, &tree);
	if (tree.cloned)
		return 10;
	if (uns_tree_walk(&tree, dot, 1, add_digest, &d, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 11;
	}
	if (uns_tree_openat(&tree, "overlay2/out/x", O_PATH, NULL) >= 0 || uns_tree_openat(&tree, "..", O_PATH, NULL) >= 0)
		return 12;
	return memcmp(&d, expected, sizeof(d)) ? 13 : 0;
}

/* Each thread reads attributes from a directory of its own; the program's own stays where it was. */
static int count_without_new_calls(const struct scratch *s)
{
	static const char *const dot[] = {"."};
	char before[4096], after[4096];
	struct uns_census c = {0};
	struct uns_tree tree;
	int r;

	deny_new_calls();
	open_tree(s, &tree);
	if (!getcwd(before, sizeof(before)) || uns_tree_census(&tree, dot, 1, NULL, false, &c, NULL) || !getcwd(after, sizeof(after)))
		return 10;
	r = c.acls == 400 && c.inodes == 1 + 40 + 2000 && !strcmp(before, after) ? 0 : 11;
	uns_census_done(&c);
	uns_tree_close(&tree);
	return r;
}

static void an_old_kernel_with_threads(void **state)
{
	const struct scratch *s = *state;
	char path[64];
	int status;
	pid_t pid;

	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "d%d", i / 50);
		if (i % 50 == 0)
			put_dir(s, path);
		snprintf(path, sizeof(path), "d%d/f%d", i / 50, i);
		put_file(s, path, "");
		if (i % 5 == 0 && !set_attr(s, path, UNS_XATTR_ACL_ACCESS, ACL_HOME, sizeof(ACL_HOME) - 1))
			skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(count_without_new_calls(s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void an_old_kernel_sees_the_same(void **state)
{
	static const char *const dot[] = {"."};
	const struct scratch *s = *state;
	struct uns_digest d = {0};
	struct uns_tree tree;
	int status;
	pid_t pid;

	put_layers(s);
	set_attr(s, "overlay2/file", UNS_XATTR_ACL_ACCESS, ACL_HOME, sizeof(ACL_HOME) - 1);
	set_attr(s, "overlay2/b", "user.note", "v", 1);
	set_attr(s, "overlay2/file", UNS_XATTR_CAP, CAP_V2, 20);
	open_tree(s, &tree);
	assert_int_equal(uns_tree_walk(&tree, dot, 1, add_digest, &d, NULL), 0);
	assert_int_equal(d.inodes, 12);
	uns_tree_close(&tree);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(look_without_new_calls(s, &d));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void attributes_are_read(void **state)
{
	static const char *const f[] = {"f"};
	const struct scratch *s = *state;
	struct seen seen = {0};
	uint64_t plain;

	put_file(s, "f", "hello");
	walk(s, f, 1, &seen);
	assert_int_equal(seen.last.cap_len, 0);
	assert_null(seen.last.acl_access);
	assert_false(uns_entry_fragile(&seen.last));
	plain = seen.last.xattr_hash;
	if (set_attr(s, "f", "user.note", "v", 1)) {
		walk(s, f, 1, &seen);
		assert_int_not_equal(seen.last.xattr_hash, plain);
	}
	if (set_attr(s, "f", UNS_XATTR_CAP, CAP_V2, 20)) {
		walk(s, f, 1, &seen);
		assert_int_equal(seen.last.cap_len, 20);
		assert_memory_equal(seen.last.cap, CAP_V2, 20);
		assert_true(uns_entry_fragile(&seen.last));
	}
	if (set_attr(s, "f", UNS_XATTR_ACL_ACCESS, ACL_HOME, sizeof(ACL_HOME) - 1)) {
		walk(s, f, 1, &seen);
		assert_int_equal(seen.last.acl_access_len, sizeof(ACL_HOME) - 1);
	}
	uns_strs_done(&seen.paths);
}

/* ---- census ---- */

static void census_of(const struct scratch *s, const char *pattern, const struct uns_maps *by, struct uns_census *c)
{
	const char *const patterns[] = {pattern};
	struct uns_err err = {0};
	struct uns_tree tree;

	open_tree(s, &tree);
	if (uns_tree_census(&tree, patterns, 1, by, false, c, &err))
		fail_msg("%s", err.text);
	uns_tree_close(&tree);
}

static void census_counts_and_names(void **state)
{
	const struct scratch *s = *state;
	struct uns_census c = {0};

	if (geteuid())
		skip();
	put_dir(s, "in");
	put_dir(s, "out");
	put_file(s, "in/plain", "12345");
	put_file(s, "in/suid", "");
	set_mode(s, "in/suid", 04755);
	put_file(s, "in/un mapped", "");
	set_owner(s, "in/un mapped", 70000, 1);
	put_file(s, "in/taken", "");
	set_owner(s, "in/taken", 2, 524288 + 7);
	put_file(s, "in/linked", "");
	assert_int_equal(linkat(s->fd, "in/linked", s->fd, "out/linked", 0), 0);
	put_file(s, "in/two", "");
	assert_int_equal(linkat(s->fd, "in/two", s->fd, "in/too", 0), 0);
	census_of(s, "in", &shift, &c);
	assert_int_equal(c.inodes, 7);
	assert_int_equal(c.bytes, 5);
	assert_int_equal(c.specials, 1);
	assert_int_equal(c.hard_links, 2);
	assert_int_equal(c.directories, 1);
	assert_int_equal(c.max_uid, 70000);
	assert_int_equal(c.max_gid, 524295);
	assert_int_equal(c.unmapped.n, 1);
	assert_list(&c.unmapped.paths, "in/un%20mapped (uid 70000)");
	assert_list(&c.in_target.paths, "in/taken (gid 524295)");
	assert_list(&c.outside.paths, "in/linked (1 of 2 names elsewhere)");
	assert_int_equal(c.flagged.n, 0);
	assert_int_equal(c.uid_blocks.n, 2);
	assert_non_null(uns_rangeset_find(&c.uid_blocks, (struct uns_range){65536, 65536}));
	assert_string_equal(uns_rangeset_find(&c.gid_blocks, (struct uns_range){524288, 65536})->who, "in/taken");
	uns_census_done(&c);
	census_of(s, ".", NULL, &c);
	assert_int_equal(c.outside.n + c.unmapped.n + c.in_target.n, 0);
	uns_census_done(&c);
}

/* One walk is enough where no ID is beyond what the maps move. */
static void census_without_maps_may_settle(void **state)
{
	const struct scratch *s = *state;
	struct uns_census c = {0}, with = {0};

	if (geteuid())
		skip();
	put_dir(s, "d");
	put_file(s, "d/f", "");
	set_owner(s, "d/f", 65535, 65535);
	census_of(s, "d", NULL, &c);
	census_of(s, "d", &shift, &with);
	assert_int_equal(c.home, 0);
	assert_true(uns_census_settle(&c, &shift));
	assert_int_equal(c.home, 2);
	assert_int_equal(with.home, 2);
	uns_census_done(&c);
	uns_census_done(&with);
	for (int i = 0; i < 2; i++) {
		set_owner(s, "d/f", i ? 65536 : 0, i ? 0 : 524288);
		census_of(s, "d", NULL, &c);
		assert_false(uns_census_settle(&c, &shift));
		assert_int_equal(c.home, 0);
		uns_census_done(&c);
	}
}

static void census_reads_ids_in_attributes(void **state)
{
	static const char acl[] = ACL_NAMED("\x70\x11\x01\x00", "\xd0\x07\x00\x00", "\xb8\x0b\x08\x00"); /* 70000, 2000, 527288 */
	const struct scratch *s = *state;
	struct uns_census c = {0};

	if (geteuid())
		skip();
	put_dir(s, "d");
	if (!set_attr(s, "d", UNS_XATTR_ACL_DEFAULT, acl, sizeof(acl) - 1))
		skip();
	put_file(s, "f", "");
	if (!set_attr(s, "f", UNS_XATTR_CAP, CAP_V3("\x00\x00\x08\x00"), 24))
		skip();
	census_of(s, ".", &shift, &c);
	assert_true(uns_strs_has(&c.unmapped.paths, "d (ACL uid 70000)"));
	assert_true(uns_strs_has(&c.in_target.paths, "d (ACL gid 527288)"));
	assert_true(uns_strs_has(&c.in_target.paths, "f (capability rootid 524288)"));
	uns_census_done(&c);
}

static void census_exempts_whiteouts_and_lists_symlinks(void **state)
{
	const struct scratch *s = *state;
	struct uns_census c = {0};

	put_dir(s, "a");
	put_dir(s, "b");
	if (geteuid() || !put_node(s, "a/wh", S_IFCHR | 0600, makedev(0, 0)))
		skip();
	assert_int_equal(linkat(s->fd, "a/wh", s->fd, "b/wh", 0), 0);
	assert_int_equal(symlinkat("a", s->fd, "link"), 0);
	census_of(s, "*!b", &shift, &c);
	assert_int_equal(c.outside.n, 0);
	assert_list(&c.symlinks.paths, "link (symlink)");
	uns_census_done(&c);
}

static void census_lists_twenty_and_counts_all(void **state)
{
	const struct scratch *s = *state;
	struct uns_census c = {0};

	if (geteuid())
		skip();
	for (int i = 0; i < 30; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		put_file(s, name, "");
		set_owner(s, name, 4000000000u, 0);
	}
	census_of(s, ".", &shift, &c);
	assert_int_equal(c.unmapped.n, 30);
	assert_int_equal(c.unmapped.paths.n, UNS_CENSUS_LISTED);
	uns_census_done(&c);
}

static int census_as_nobody(const struct scratch *s, bool go_on, struct uns_census *c, struct uns_err *err)
{
	static const char *const patterns[] = {"in", "shut"};
	struct uns_tree tree;
	int r;

	assert_int_equal(chmod(s->path, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	open_tree(s, &tree);
	r = uns_tree_census(&tree, patterns, 2, &shift, go_on, c, err);
	uns_tree_close(&tree);
	assert_int_equal(seteuid(0), 0);
	return r;
}

/* All that can be read is counted and judged, and the rest is named. */
static void census_goes_on_past_what_cannot_be_read(void **state)
{
	const struct scratch *s = *state;
	struct uns_census c = {0};
	struct uns_err err = {0};

	if (geteuid())
		skip();
	put_dir(s, "in");
	put_dir(s, "in/a");
	put_file(s, "in/a/high", "");
	set_owner(s, "in/a/high", 70000, 0);
	put_dir(s, "in/s hut");
	put_file(s, "in/s hut/never", "");
	set_mode(s, "in/s hut", 0700);
	put_dir(s, "in/z");
	put_dir(s, "shut");
	set_mode(s, "shut", 0);
	assert_int_equal(census_as_nobody(s, true, &c, &err), 0);
	assert_int_equal(c.unread.n, 2);
	assert_list(&c.unread.paths, "in/s%20hut (cannot open: Permission denied) shut (cannot open: Permission denied)");
	assert_list(&c.unmapped.paths, "in/a/high (uid 70000)");
	assert_int_equal(c.directories, 5);
	uns_census_done(&c);
	assert_int_equal(census_as_nobody(s, false, &c, &err), -1);
	assert_non_null(strstr(err.text, "Permission denied"));
}

static int count_beside_a_mount(const struct scratch *s)
{
	struct uns_census c = {0};
	struct uns_err err = {0};
	uns_auto_free char *point = uns_str_printf(NULL, "%s/in/m", s->path);
	int r;

	if (!point || unshare(CLONE_NEWNS) || syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    syscall(SYS_mount, "none", point, "tmpfs", 0, NULL))
		return 77;
	r = census_as_nobody(s, false, &c, &err);
	if (!r || !strstr(err.text, "in/m is a mount point"))
		return 10;
	r = census_as_nobody(s, true, &c, &err);
	r = !r && c.inodes == 3 && !c.unread.n ? 0 : 11;
	uns_census_done(&c);
	return r;
}

/* Without a clone of the tree a mount hides what is below it; who looks at mounts tells it. */
static void census_goes_on_past_a_mount(void **state)
{
	const struct scratch *s = *state;
	int status;
	pid_t pid;

	if (geteuid())
		skip();
	put_dir(s, "in");
	put_dir(s, "in/m");
	put_dir(s, "in/n");
	put_file(s, "in/n/f", "");
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(count_beside_a_mount(s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What would strike at the next inode too is not passed over. */
static void a_malformed_list_is_the_matter_of_one_inode(void **state)
{
	struct uns_err err = {0};
	uint8_t acl[] = {2};
	struct uns_entry e = {.path = "m", .match = "m", .mode = S_IFREG, .nlink = 1, .acl_access = acl, .acl_access_len = sizeof(acl)};
	struct uns_census_run *run = uns_census_run_new(&shift, &err);

	(void)state;
	assert_non_null(run);
	assert_int_equal(uns_census_run_add(run, &e, &err), -1);
	assert_string_equal(err.text, "m has a malformed ACL; remove it with setfacl -b");
	assert_true(uns_tree_fails_alone(&err));
	uns_err_nomem(&err);
	assert_false(uns_tree_fails_alone(&err));
	uns_err_sys(&err, EMFILE, "x");
	assert_false(uns_tree_fails_alone(&err));
	uns_err_sys(&err, EIO, "x");
	assert_true(uns_tree_fails_alone(&err));
	uns_census_run_free(run);
}

/* ---- digest ---- */

static struct uns_entry sample(void)
{
	return (struct uns_entry){.path = "m/f",
	                          .name = "f",
	                          .parent = 5,
	                          .match = "m",
	                          .uid = 1,
	                          .gid = 2,
	                          .mode = S_IFREG | 0644,
	                          .nlink = 1,
	                          .ino = 77,
	                          .size = 10,
	                          .mtime_sec = 5,
	                          .mtime_nsec = 6};
}

static struct uns_digest digest_of(const struct uns_entry *e)
{
	struct uns_digest d = {0};

	uns_digest_add(&d, e, &shift);
	return d;
}

/* Which aspects differ, as bits. */
static unsigned differ(const struct uns_entry *a, const struct uns_entry *b)
{
	struct uns_digest x = digest_of(a), y = digest_of(b);
	unsigned mask = 0;

	for (unsigned i = 0; i < UNS_ASPECTS; i++)
		mask |= (unsigned)(x.sum[i] != y.sum[i]) << i;
	return mask;
}

static void digest_is_blind_to_the_shift_alone(void **state)
{
	static const char shifted[] = ACL_NAMED("\xe8\x03\x08\x00", "\xd0\x07\x08\x00", "\xb8\x0b\x08\x00");
	static const char swapped[] = ACL_NAMED("\xd0\x07\x00\x00", "\xe8\x03\x00\x00", "\xb8\x0b\x00\x00");
	struct uns_entry a = sample(), b = sample();

	(void)state;
	memcpy(a.cap, CAP_V2, a.cap_len = 20);
	memcpy(b.cap, CAP_V3("\x00\x00\x08\x00"), b.cap_len = 24);
	a.acl_access = (const uint8_t *)ACL_HOME;
	b.acl_access = (const uint8_t *)shifted;
	a.acl_access_len = b.acl_access_len = sizeof(shifted) - 1;
	b.uid += 524288;
	b.gid += 524288;
	assert_int_equal(differ(&a, &b), 0);
	b.path = "elsewhere/m/f";
	b.match = "elsewhere/m";
	assert_int_equal(differ(&a, &b), 0);
	b.acl_access = (const uint8_t *)swapped;
	assert_int_equal(differ(&a, &b), 1u << UNS_ASPECT_XATTRS);
}

static void digest_says_what_differs(void **state)
{
	struct uns_entry a = sample(), b;

	(void)state;
#define CHECK(change, aspects)                                                                                                     \
	do {                                                                                                                       \
		b = sample();                                                                                                      \
		b.change;                                                                                                          \
		assert_int_equal(differ(&a, &b), aspects);                                                                         \
	} while (0)
	CHECK(name = "g", 1u << UNS_ASPECT_NAMES);
	CHECK(parent = 6, 1u << UNS_ASPECT_NAMES);
	CHECK(parent = 0, 1u << UNS_ASPECT_NAMES);
	CHECK(gid = 3, 1u << UNS_ASPECT_OWNERS);
	CHECK(mode = S_IFREG | 04644, 1u << UNS_ASPECT_MODES);
	CHECK(immutable = true, 1u << UNS_ASPECT_MODES);
	CHECK(nlink = 2, 1u << UNS_ASPECT_LINKS);
	CHECK(size = 11, 1u << UNS_ASPECT_SIZES);
	CHECK(mtime_nsec = 7, 1u << UNS_ASPECT_TIMES);
	CHECK(rdev_minor = 1, 1u << UNS_ASPECT_DEVICES);
	CHECK(cap_len = 1, 1u << UNS_ASPECT_CAPS);
	CHECK(xattr_hash = 1, 1u << UNS_ASPECT_XATTRS);
	CHECK(ino = 78, (1u << UNS_ASPECTS) - 1);
#undef CHECK
}

static void inomap_keeps_what_it_got(void **state)
{
	struct uns_inomap m = {0};
	bool is_new;

	(void)state;
	assert_null(uns_inomap_find(&m, 1, 1));
	for (uint64_t i = 0; i < 10000; i++) {
		struct uns_inoslot *slot = uns_inomap_add(&m, i % 3, i * 4096, &is_new, NULL);

		assert_true(is_new);
		assert_int_equal(slot->value, 0);
		slot->value = i + 1;
	}
	for (uint64_t i = 0; i < 10000; i++) {
		assert_int_equal(uns_inomap_find(&m, i % 3, i * 4096)->value, i + 1);
		assert_null(uns_inomap_find(&m, i % 3 + 3, i * 4096));
	}
	assert_non_null(uns_inomap_add(&m, 0, 0, &is_new, NULL));
	assert_false(is_new);
	assert_int_equal(m.n, 10000);
	uns_inomap_done(&m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(glob_finds_sorted_and_follows_nothing),
	    TEST(glob_leaves_out_one_name),
	    TEST(patterns_that_lead_out_are_refused),
	    TEST(matches_are_merged),
	    TEST(an_absent_base_says_so),
	    TEST(openat_follows_no_symlink),
	    TEST(walk_visits_each_name_once_parents_first),
	    TEST(walk_of_a_file_and_of_nothing),
	    TEST(a_visitor_can_stop),
	    TEST(what_vanishes_is_skipped),
	    TEST(a_deep_tree_needs_few_descriptors),
	    TEST(a_wide_directory),
	    TEST(a_swapped_directory_is_not_entered),
	    TEST(an_old_kernel_sees_the_same),
	    TEST(an_old_kernel_with_threads),
	    TEST(attributes_are_read),
	    TEST(census_counts_and_names),
	    TEST(census_without_maps_may_settle),
	    TEST(census_reads_ids_in_attributes),
	    TEST(census_exempts_whiteouts_and_lists_symlinks),
	    TEST(census_lists_twenty_and_counts_all),
	    TEST(census_goes_on_past_what_cannot_be_read),
	    TEST(census_goes_on_past_a_mount),
	    TEST(a_malformed_list_is_the_matter_of_one_inode),
	    cmocka_unit_test(digest_is_blind_to_the_shift_alone),
	    cmocka_unit_test(digest_says_what_differs),
	    cmocka_unit_test(inomap_keeps_what_it_got),
	};
	uint64_t effects = uns_sys_effects();
	int failed = cmocka_run_group_tests_name("tree", tests, NULL, NULL);

	/* The floor reads only. */
	return failed || uns_sys_effects() != effects;
}
