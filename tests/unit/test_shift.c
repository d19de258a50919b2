/* SPDX-License-Identifier: Apache-2.0 */
/* shift-tree and owner-mode on real directories: there, back, and interrupted at every single effect. */
#include "test.h"

#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "scratch.h"
#include "step/shift.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"
#include "uns/xattr.h"

#define BASE 524288u
#define COUNT 65536u

struct world {
	struct scratch s; /* "data" is the tree, "rec" holds the records */
	struct uns_root root;
	struct uns_step step;
	struct uns_step_ctx c;
	int n_records;
	char told[2048];
};

static void hear(void *user, const char *text)
{
	struct world *w = user;

	snprintf(w->told, sizeof(w->told), "%s", text);
}

/* A new leg from the given side; leg 0 is also the first. */
static void new_leg(struct world *w, int leg, enum uns_side start)
{
	w->c.leg = leg;
	w->c.leg_start = start;
	w->c.begun = false;
	snprintf(w->c.record_name, sizeof(w->c.record_name), "record-%d-%d.json", w->n_records, leg);
	if (!leg)
		snprintf(w->c.first_record_name, sizeof(w->c.first_record_name), "record-%d-0.json", w->n_records);
}

static void new_transaction(struct world *w, enum uns_side start)
{
	w->n_records++;
	new_leg(w, 0, start);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	scratch_make(&w->s);
	put_dir(&w->s, "data");
	put_dir(&w->s, "rec");
	assert_int_equal(uns_root_open(&w->root, "/", NULL), 0);
	w->c.root = &w->root;
	w->c.step = &w->step;
	w->c.record_dir = openat(w->s.fd, "rec", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->c.tell = hear;
	w->c.tell_user = w;
	new_transaction(w, UNS_BEFORE);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	uns_sys_set_hook(NULL);
	json_decref(w->step.args);
	free(w->step.kind);
	close(w->c.record_dir);
	uns_root_close(&w->root);
	scratch_remove(&w->s);
	free(w);
	return 0;
}

/* allow is a JSON array. */
static void use_shift(struct world *w, const char *allow)
{
	char base[1024];

	json_decref(w->step.args);
	free(w->step.kind);
	w->step.kind = strdup("shift-tree");
	w->step.args = json_pack("{s:s,s:[s,s],s:{s:I,s:I},s:{s:I,s:I},s:o}", "base", scratch_path(&w->s, "data", base), "patterns",
	                         "*/diff", "*/hosts", "uid", "start", (json_int_t)BASE, "count", (json_int_t)COUNT, "gid", "start",
	                         (json_int_t)BASE, "count", (json_int_t)COUNT, "allow", json_loads(allow, 0, NULL));
	assert_non_null(w->step.args);
	assert_int_equal(uns_kind_shift_tree.check(w->step.args, NULL), 0);
}

static void use_owner_mode(struct world *w)
{
	char base[1024];

	json_decref(w->step.args);
	free(w->step.kind);
	w->step.kind = strdup("owner-mode");
	w->step.args = json_pack("{s:s,s:[s,s],s:I}", "base", scratch_path(&w->s, "data", base), "patterns", ".", "*", "gid",
	                         (json_int_t)BASE);
	assert_int_equal(uns_kind_owner_mode.check(w->step.args, NULL), 0);
}

static const struct uns_kind *kind(const struct world *w)
{
	return !strcmp(w->step.kind, "shift-tree") ? &uns_kind_shift_tree : &uns_kind_owner_mode;
}

static void drive(struct world *w, enum uns_side to)
{
	struct uns_err err = {0};

	if (kind(w)->drive(&w->c, to, &err))
		fail_msg("drive: code %d: %s", err.code, err.text);
	json_decref(w->c.result);
	w->c.result = NULL;
}

static int drive_fails(struct world *w, enum uns_side to, const char *expected)
{
	struct uns_err err = {0};

	assert_int_equal(kind(w)->drive(&w->c, to, &err), -1);
	if (!strstr(err.text, expected))
		fail_msg("\"%s\" does not contain \"%s\"", err.text, expected);
	return (int)err.code;
}

static void assert_side(struct world *w, bool deep, enum uns_side expected)
{
	struct uns_err err = {0};
	enum uns_side side;

	w->c.deep = deep;
	w->c.why[0] = '\0';
	if (kind(w)->observe(&w->c, &side, &err))
		fail_msg("observe: %s", err.text);
	if (side != expected)
		fail_msg("side %d, not %d: %s", side, expected, w->c.why);
}

/* ---- a listing of everything that matters, read without the code under test ---- */

static uint32_t moved(uint32_t id)
{
	return id < COUNT ? id + BASE : id;
}

static void map_acl(unsigned char *acl, size_t len)
{
	for (size_t at = 4; at + 8 <= len; at += 8) {
		uint32_t id;

		if (acl[at] != 2 && acl[at] != 8)
			continue;
		memcpy(&id, acl + at + 4, 4);
		id = moved(id);
		memcpy(acl + at + 4, &id, 4);
	}
}

static void map_cap(unsigned char *cap, size_t len)
{
	uint32_t id;

	if (len != 24)
		return;
	memcpy(&id, cap + 20, 4);
	id = moved(id);
	memcpy(cap + 20, &id, 4);
}

/* In the order of their names; without the other names that XFS has for ACLs. */
static void list_xattrs(const char *proc, bool shifted, struct uns_buf *b)
{
	struct uns_strs list = UNS_STRS_INIT;
	char names[4096];
	ssize_t len = listxattr(proc, names, sizeof(names));

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1)
		if (!uns_str_starts(names + at, "trusted.SGI_ACL"))
			assert_int_equal(uns_strs_add(&list, names + at, NULL), 0);
	uns_strs_sort(&list);
	for (size_t k = 0; k < list.n; k++) {
		unsigned char value[4096];
		ssize_t n = getxattr(proc, list.v[k], value, sizeof(value));

		assert_true(n >= 0);
		if (shifted && uns_str_starts(list.v[k], "system.posix_acl"))
			map_acl(value, (size_t)n);
		if (shifted && !strcmp(list.v[k], "security.capability"))
			map_cap(value, (size_t)n);
		uns_buf_printf(b, NULL, " %s=", list.v[k]);
		for (ssize_t i = 0; i < n; i++)
			uns_buf_printf(b, NULL, "%02x", value[i]);
	}
	uns_strs_done(&list);
}

enum { LIST_SHIFTED = 1, LIST_CTIME = 2 };

static void list_one(int fd, const char *path, int how, struct uns_strs *lines)
{
	struct uns_buf b = UNS_BUF_INIT;
	bool shifted = how & LIST_SHIFTED;
	struct statx st;
	char proc[64];

	assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st), 0);
	uns_buf_printf(&b, NULL, "%s ino=%llu mode=%o owner=%u:%u links=%u size=%llu mtime=%lld.%09u dev=%u:%u flags=%llx", path,
	               (unsigned long long)st.stx_ino, st.stx_mode, shifted ? moved(st.stx_uid) : st.stx_uid,
	               shifted ? moved(st.stx_gid) : st.stx_gid, st.stx_nlink, (unsigned long long)st.stx_size,
	               (long long)st.stx_mtime.tv_sec, st.stx_mtime.tv_nsec, st.stx_rdev_major, st.stx_rdev_minor,
	               (unsigned long long)(st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)));
	if (how & LIST_CTIME)
		uns_buf_printf(&b, NULL, " ctime=%lld.%09u", (long long)st.stx_ctime.tv_sec, st.stx_ctime.tv_nsec);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	list_xattrs(proc, shifted, &b);
	uns_buf_puts(&b, "\n", NULL);
	assert_int_equal(uns_strs_add(lines, b.data, NULL), 0);
	uns_buf_done(&b);
}

/* Recursion is fine for what the tests make. */
static void list_all(int dirfd, const char *name, const char *path, int how, struct uns_strs *lines)
{
	int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), dir;
	struct dirent *d;
	struct stat st;
	DIR *stream;

	assert_true(fd >= 0);
	list_one(fd, path, how, lines);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	if (!S_ISDIR(st.st_mode))
		return;
	dir = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	stream = fdopendir(dir);
	assert_non_null(stream);
	while ((d = readdir(stream))) {
		char *below;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		below = uns_str_printf(NULL, "%s/%s", path, d->d_name);
		list_all(dir, d->d_name, below, how, lines);
		free(below);
	}
	closedir(stream);
}

static char *listing(const struct world *w, const char *path, int how)
{
	struct uns_strs lines = UNS_STRS_INIT;
	struct uns_buf b = UNS_BUF_INIT;

	list_all(w->s.fd, path, path, how, &lines);
	uns_strs_sort(&lines);
	for (size_t i = 0; i < lines.n; i++)
		assert_int_equal(uns_buf_puts(&b, lines.v[i], NULL), 0);
	uns_strs_done(&lines);
	return uns_buf_take(&b, NULL);
}

/* Names the first line that differs, instead of two pages. */
static void assert_same(const char *got, const char *expected, const char *when)
{
	while (*got && *expected) {
		size_t g = strcspn(got, "\n"), e = strcspn(expected, "\n");

		if (g != e || memcmp(got, expected, g) != 0)
			fail_msg("%s:\n got %.*s\nwant %.*s", when, (int)g, got, (int)e, expected);
		got += g + (got[g] == '\n');
		expected += e + (expected[e] == '\n');
	}
	assert_string_equal(got, expected);
}

static void assert_listing(const struct world *w, const char *path, int how, const char *expected, const char *when)
{
	char *now = listing(w, path, how);

	assert_same(now, expected, when);
	free(now);
}

/* ---- the zoo ---- */

static bool flags_work;

static void put_specials(const struct scratch *s)
{
	put_file(s, "data/a/diff/suid", "x");
	set_owner(s, "data/a/diff/suid", 7, 8);
	set_mode(s, "data/a/diff/suid", 06755);
	put_file(s, "data/a/diff/sgid-noexec", "x");
	set_mode(s, "data/a/diff/sgid-noexec", 02644);
	put_file(s, "data/a/diff/cap", "x");
	set_attr(s, "data/a/diff/cap", UNS_XATTR_CAP, CAP_V2, 20);
	put_file(s, "data/a/diff/cap3", "x");
	set_mode(s, "data/a/diff/cap3", 04711);
	set_attr(s, "data/a/diff/cap3", UNS_XATTR_CAP, CAP_V3("\xe8\x03\x00\x00"), 24);
	put_file(s, "data/a/diff/linked", "x");
	set_mode(s, "data/a/diff/linked", 04755);
	set_attr(s, "data/a/diff/linked", UNS_XATTR_CAP, CAP_V2, 20);
	assert_int_equal(linkat(s->fd, "data/a/diff/linked", s->fd, "data/b/diff/linked", 0), 0);
	if (put_node(s, "data/a/diff/fifo", S_IFIFO | 0600, 0))
		set_mode(s, "data/a/diff/fifo", 06777);
	if (put_node(s, "data/a/diff/node", S_IFBLK | 0600, makedev(250, 3)))
		set_mode(s, "data/a/diff/node", 04640);
	assert_int_equal(symlinkat("nowhere", s->fd, "data/a/diff/cap-link"), 0);
	set_attr(s, "data/a/diff/cap-link", UNS_XATTR_CAP, CAP_V2, 20);
}

static void put_plain(const struct scratch *s)
{
	put_file(s, "data/a/hosts", "127.0.0.1\n");
	put_file(s, "data/a/other", "not ours");
	put_dir(s, "data/a/diff/sgid-dir");
	set_owner(s, "data/a/diff/sgid-dir", 33, 65535);
	set_mode(s, "data/a/diff/sgid-dir", 03775);
	put_file(s, "data/a/diff/new\nline", "1");
	put_file(s, "data/a/diff/\xff\xfe%", "2");
	put_file(s, "data/a/diff/acl", "3");
	set_attr(s, "data/a/diff/acl", UNS_XATTR_ACL_ACCESS, ACL_HOME, sizeof(ACL_HOME) - 1);
	set_attr(s, "data/a/diff/acl", "user.note", "kept", 4);
	set_attr(s, "data/a/diff/acl", "trusted.overlay.origin", "\x00\xfb", 2);
	set_attr(s, "data/a/diff/sgid-dir", UNS_XATTR_ACL_DEFAULT, ACL_HOME, sizeof(ACL_HOME) - 1);
	put_file(s, "data/a/diff/one", "4");
	set_owner(s, "data/a/diff/one", 1000, 1000);
	assert_int_equal(linkat(s->fd, "data/a/diff/one", s->fd, "data/a/diff/two", 0), 0);
	assert_int_equal(symlinkat("nowhere", s->fd, "data/a/diff/dangling"), 0);
	assert_int_equal(symlinkat("/etc/passwd", s->fd, "data/a/diff/passwd"), 0);
	assert_int_equal(symlinkat("/etc", s->fd, "data/b/diff/etc"), 0);
	if (put_node(s, "data/b/diff/whiteout", S_IFCHR | 0600, makedev(0, 0)))
		assert_int_equal(linkat(s->fd, "data/b/diff/whiteout", s->fd, "data/b/whiteout-outside", 0), 0);
}

static void put_deep(const struct scratch *s, int depth)
{
	int dir = openat(s->fd, "data/b/diff", O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "deep", 0755), 0);
		next = openat(dir, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(dir);
		dir = next;
	}
	close(dir);
}

static void put_flags(const struct scratch *s)
{
	put_file(s, "data/b/diff/immutable", "x");
	set_mode(s, "data/b/diff/immutable", 04755);
	put_file(s, "data/b/diff/append", "x");
	put_dir(s, "data/b/diff/fixed-dir");
	put_file(s, "data/b/diff/fixed-dir/below", "x");
	age_dirs(s, "data", 0);
	flags_work = set_inode_flags(s, "data/b/diff/immutable", FS_IMMUTABLE_FL) &&
	             set_inode_flags(s, "data/b/diff/append", FS_APPEND_FL) &&
	             set_inode_flags(s, "data/b/diff/fixed-dir", FS_IMMUTABLE_FL);
}

static void clear_flags(const struct scratch *s)
{
	set_inode_flags(s, "data/b/diff/immutable", 0);
	set_inode_flags(s, "data/b/diff/append", 0);
	set_inode_flags(s, "data/b/diff/fixed-dir", 0);
}

static void put_zoo(struct world *w, int depth)
{
	put_dir(&w->s, "data/a");
	put_dir(&w->s, "data/a/diff");
	put_dir(&w->s, "data/b");
	put_dir(&w->s, "data/b/diff");
	put_specials(&w->s);
	put_plain(&w->s);
	put_deep(&w->s, depth);
	put_flags(&w->s);
	use_shift(w, "[\"flags\"]");
}

/* A zoo's own end: flags keep rm from it, also after a failed test. */
static int teardown_zoo(void **state)
{
	struct world *w = *state;

	if (!faccessat(w->s.fd, "data/b/diff/fixed-dir", F_OK, 0))
		clear_flags(&w->s);
	return teardown(state);
}

/* What the matches are to look like when shifted, what is beside them staying as it is. */
static char *expected_shifted(const struct world *w)
{
	static const char *const parts[] = {"data/a/diff", "data/a/hosts", "data/b/diff"};
	struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < 3; i++) {
		char *part = listing(w, parts[i], LIST_SHIFTED);

		uns_buf_puts(&b, part, NULL);
		free(part);
	}
	return uns_buf_take(&b, NULL);
}

static void assert_shifted(const struct world *w, const char *expected, const char *when)
{
	static const char *const parts[] = {"data/a/diff", "data/a/hosts", "data/b/diff"};
	struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < 3; i++) {
		char *part = listing(w, parts[i], 0);

		uns_buf_puts(&b, part, NULL);
		free(part);
	}
	assert_same(b.data, expected, when);
	uns_buf_done(&b);
}

/* ---- there and back ---- */

static void there_and_back_nothing_is_lost(void **state)
{
	struct world *w = *state;
	char *before, *shifted, *beside;

	if (geteuid())
		skip();
	put_zoo(w, 1000);
	before = listing(w, "data", 0);
	shifted = expected_shifted(w);
	beside = listing(w, "data/a/other", LIST_CTIME);
	assert_side(w, false, UNS_BEFORE);
	assert_side(w, true, UNS_BEFORE);
	drive(w, UNS_AFTER);
	assert_shifted(w, shifted, "after the shift");
	assert_listing(w, "data/a/other", LIST_CTIME, beside, "beside the matches");
	assert_non_null(strstr(w->told, "new owners"));
	assert_side(w, false, UNS_AFTER);
	assert_side(w, true, UNS_AFTER);
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "after the way back");
	assert_side(w, true, UNS_BEFORE);
	free(before);
	free(shifted);
	free(beside);
}

static void what_is_right_is_not_touched(void **state)
{
	struct world *w = *state;
	char *once;

	if (geteuid())
		skip();
	put_zoo(w, 3);
	drive(w, UNS_AFTER);
	once = listing(w, "data", LIST_CTIME);
	drive(w, UNS_AFTER);
	assert_listing(w, "data", LIST_CTIME, once, "the same leg again");
	new_transaction(w, UNS_AFTER);
	drive(w, UNS_AFTER);
	assert_listing(w, "data", LIST_CTIME, once, "a leg that ends where it starts");
	free(once);
}

/* Effects that look only: none at all. */
static void observing_changes_nothing(void **state)
{
	struct world *w = *state;
	uint64_t effects;

	if (geteuid())
		skip();
	put_zoo(w, 3);
	effects = uns_sys_effects();
	assert_side(w, true, UNS_BEFORE);
	assert_side(w, false, UNS_BEFORE);
	assert_int_equal(uns_sys_effects(), effects);
}

static void capabilities_made_inside_come_home_as_version_2(void **state)
{
	struct world *w = *state;
	unsigned char cap[32];
	char path[1024];

	if (geteuid())
		skip();
	put_dir(&w->s, "data/a");
	put_dir(&w->s, "data/a/diff");
	put_file(&w->s, "data/a/diff/f", "x");
	use_shift(w, "[]");
	drive(w, UNS_AFTER);
	if (!set_attr(&w->s, "data/a/diff/f", UNS_XATTR_CAP, CAP_V3("\x00\x00\x08\x00"), 24))
		skip();
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_int_equal(getxattr(scratch_path(&w->s, "data/a/diff/f", path), UNS_XATTR_CAP, cap, sizeof(cap)), 20);
	assert_memory_equal(cap, CAP_V2, 20);
	/* and turning back within the leg restores the very bytes */
	drive(w, UNS_AFTER);
	assert_int_equal(getxattr(path, UNS_XATTR_CAP, cap, sizeof(cap)), 24);
	assert_memory_equal(cap, CAP_V3("\x00\x00\x08\x00"), 24);
}

/* ---- killed at every effect ---- */

struct cut {
	int left; /* effects to let through */
	struct world *w;
};

static int die_at(void *user, const char *effect, size_t *len)
{
	struct cut *cut = user;

	(void)effect;
	(void)len;
	if (!cut->left--)
		_exit(99);
	return 0;
}

static void no_leave(void *user, const char *effect)
{
	(void)user;
	(void)effect;
}

/* True when the child was killed before it was done. */
static bool drive_cut(struct world *w, enum uns_side to, int effects)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct cut cut = {.left = effects};
		const struct uns_sys_hook hook = {die_at, no_leave, &cut};
		struct uns_err err = {0};

		uns_sys_set_hook(&hook);
		_exit(kind(w)->drive(&w->c, to, &err) ? 98 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 99)
		assert_int_equal(WEXITSTATUS(status), 0);
	return WEXITSTATUS(status) == 99;
}

static void killed_anywhere_it_goes_on_either_way(void **state)
{
	struct world *w = *state;
	char *before, *shifted, when[64];
	bool cut = true;
	int k;

	if (geteuid())
		skip();
	put_zoo(w, 3);
	before = listing(w, "data", 0);
	shifted = expected_shifted(w);
	for (k = 0; cut; k++) {
		/* on, after a second cut at another place; then back in the same leg */
		new_transaction(w, UNS_BEFORE);
		cut = drive_cut(w, UNS_AFTER, k);
		drive_cut(w, UNS_AFTER, k / 2);
		snprintf(when, sizeof(when), "cut at effect %d, driven on", k);
		w->c.begun = true;
		drive(w, UNS_AFTER);
		assert_shifted(w, shifted, when);
		assert_side(w, false, UNS_AFTER);
		snprintf(when, sizeof(when), "cut at effect %d, driven on and back", k);
		drive(w, UNS_BEFORE);
		assert_listing(w, "data", 0, before, when);
		/* back at once, the way back cut too */
		new_transaction(w, UNS_BEFORE);
		drive_cut(w, UNS_AFTER, k);
		drive_cut(w, UNS_BEFORE, k / 2);
		snprintf(when, sizeof(when), "cut at effect %d, driven back", k);
		drive(w, UNS_BEFORE);
		assert_listing(w, "data", 0, before, when);
	}
	assert_true(k > 50);
	free(before);
	free(shifted);
}

static void killed_on_the_way_home(void **state)
{
	struct world *w = *state;
	char *before, *shifted, when[64];
	bool cut = true;

	if (geteuid())
		skip();
	put_zoo(w, 3);
	before = listing(w, "data", 0);
	shifted = expected_shifted(w);
	drive(w, UNS_AFTER);
	for (int k = 0; cut; k++) {
		new_transaction(w, UNS_AFTER);
		drive_cut(w, UNS_BEFORE, k);
		snprintf(when, sizeof(when), "way home cut at effect %d, turned back", k);
		drive(w, UNS_AFTER);
		assert_shifted(w, shifted, when);
		new_transaction(w, UNS_AFTER);
		cut = drive_cut(w, UNS_BEFORE, k);
		snprintf(when, sizeof(when), "way home cut at effect %d, driven on", k);
		drive(w, UNS_BEFORE);
		assert_listing(w, "data", 0, before, when);
		new_transaction(w, UNS_BEFORE);
		drive(w, UNS_AFTER);
	}
	free(before);
	free(shifted);
}

/* What a power cut leaves and a kill does not: the capability gone, the owner still the old one. */
static void a_capability_lost_before_its_owner_comes_back(void **state)
{
	struct world *w = *state;
	char *before, path[1024];

	if (geteuid())
		skip();
	put_zoo(w, 1);
	before = listing(w, "data", 0);
	assert_true(drive_cut(w, UNS_AFTER, 6));
	if (removexattr(scratch_path(&w->s, "data/a/diff/cap", path), UNS_XATTR_CAP))
		skip();
	drive(w, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "after the loss");
	free(before);
}

/* ---- errors half-way ---- */

static int fail_chown(void *user, const char *effect, size_t *len)
{
	struct cut *cut = user;

	(void)len;
	return !strcmp(effect, "chown") && !cut->left-- ? EIO : 0;
}

static void an_error_half_way_is_incomplete(void **state)
{
	struct world *w = *state;
	struct cut cut = {.left = 5};
	const struct uns_sys_hook hook = {fail_chown, no_leave, &cut};
	char *before;

	if (geteuid())
		skip();
	put_zoo(w, 1);
	before = listing(w, "data", 0);
	uns_sys_set_hook(&hook);
	assert_int_equal(drive_fails(w, UNS_AFTER, "cannot change the owner of"), UNS_E_INCOMPLETE);
	uns_sys_set_hook(NULL);
	w->c.begun = true;
	assert_side(w, false, UNS_FOREIGN);
	drive(w, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "after the error");
	free(before);
}

/* A shift that forgets a bit must be found out: here the chmod is swallowed. */
static int no_enter(void *user, const char *effect, size_t *len)
{
	(void)user, (void)effect, (void)len;
	return 0;
}

static void swallow_chmod(void *user, const char *effect)
{
	struct world *w = user;
	char path[1024];

	if (!strcmp(effect, "chmod"))
		assert_int_equal(chmod(scratch_path(&w->s, "data/a/diff/suid", path), 0755), 0);
}

static void verification_finds_a_lost_bit(void **state)
{
	struct world *w = *state;
	const struct uns_sys_hook hook = {no_enter, swallow_chmod, w};

	if (geteuid())
		skip();
	put_zoo(w, 1);
	uns_sys_set_hook(&hook);
	assert_int_equal(drive_fails(w, UNS_AFTER, "a/diff/suid did not keep"), UNS_E_INCOMPLETE);
	assert_int_equal(drive_fails(w, UNS_AFTER, "did not keep"), UNS_E_INCOMPLETE);
	uns_sys_set_hook(NULL);
	drive(w, UNS_AFTER);
}

static int write_meanwhile(void *user, const char *effect, size_t *len)
{
	struct world *w = user;

	(void)len;
	if (!strcmp(effect, "chown") && faccessat(w->s.fd, "data/a/diff/late", F_OK, 0)) {
		put_file(&w->s, "data/a/diff/late", "x");
		set_owner(&w->s, "data/a/diff/late", BASE, BASE);
	}
	return 0;
}

static void writing_meanwhile_is_told_apart(void **state)
{
	struct world *w = *state;
	const struct uns_sys_hook hook = {write_meanwhile, no_leave, w};

	if (geteuid())
		skip();
	put_zoo(w, 1);
	uns_sys_set_hook(&hook);
	assert_int_equal(drive_fails(w, UNS_AFTER, "a/diff: names"), UNS_E_INCOMPLETE);
	uns_sys_set_hook(NULL);
	w->told[0] = '\0';
	drive(w, UNS_AFTER);
	assert_side(w, true, UNS_AFTER);
}

/* A file with an owner at home takes the name of another, when the directory is half done. */
static int swap_meanwhile(void *user, const char *effect, size_t *len)
{
	struct cut *cut = user;
	const struct scratch *s = &cut->w->s;
	char name[32];
	struct stat st;

	(void)len;
	if (strcmp(effect, "chown") != 0 || cut->left-- != 4)
		return 0;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "data/a/diff/%d", i);
		if (!fstatat(s->fd, name, &st, 0) && st.st_uid == BASE)
			return renameat(s->fd, "data/b/new", s->fd, name) ? errno : 0;
	}
	return EIO;
}

static void put_ten(struct world *w)
{
	char name[32];

	put_dir(&w->s, "data/a");
	put_dir(&w->s, "data/a/diff");
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "data/a/diff/%d", i);
		put_file(&w->s, name, "x");
	}
	put_dir(&w->s, "data/b");
	put_file(&w->s, "data/b/new", "");
	age_dirs(&w->s, "data", 0);
	use_shift(w, "[]");
}

static void a_name_that_went_to_another_inode_is_found(void **state)
{
	struct world *w = *state;
	struct cut cut = {9, w};
	const struct uns_sys_hook hook = {swap_meanwhile, no_leave, &cut};

	if (geteuid())
		skip();
	put_ten(w);
	uns_sys_set_hook(&hook);
	assert_int_equal(drive_fails(w, UNS_AFTER, "not on the wanted side"), UNS_E_INCOMPLETE);
	uns_sys_set_hook(NULL);
	drive(w, UNS_AFTER);
	assert_side(w, true, UNS_AFTER);
}

/* Some file systems answer that they did it, and did nothing. */
static void undo_chown(void *user, const char *effect)
{
	struct world *w = user;
	struct stat st;
	char name[32];

	for (int i = 0; !strcmp(effect, "chown") && i < 10; i++) {
		snprintf(name, sizeof(name), "data/a/diff/%d", i);
		if (!fstatat(w->s.fd, name, &st, 0) && st.st_uid == BASE)
			set_owner(&w->s, name, 0, 0);
	}
}

static void a_change_that_does_nothing_is_found(void **state)
{
	struct world *w = *state;
	const struct uns_sys_hook hook = {no_enter, undo_chown, w};

	if (geteuid())
		skip();
	put_ten(w);
	uns_sys_set_hook(&hook);
	assert_int_equal(drive_fails(w, UNS_AFTER, "not on the wanted side"), UNS_E_INCOMPLETE);
	uns_sys_set_hook(NULL);
}

/* ---- what the record is for ---- */

static void put_two(struct world *w)
{
	put_dir(&w->s, "data/a");
	put_dir(&w->s, "data/a/diff");
	put_file(&w->s, "data/a/diff/f", "x");
	put_file(&w->s, "data/a/diff/g", "x");
	use_shift(w, "[]");
}

static int get_ino(const struct world *w, const char *path, ino_t *ret)
{
	struct stat st;

	if (fstatat(w->s.fd, path, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	*ret = st.st_ino;
	return 0;
}

/* Takes the file away, and makes others until one has its number: that is name. Skips the test where there is none. */
static void reuse_number(const struct world *w, const char *path, uid_t owner, mode_t mode, char name[64])
{
	ino_t was = 0, now = 0;

	assert_int_equal(get_ino(w, path, &was), 0);
	assert_int_equal(unlinkat(w->s.fd, path, 0), 0);
	for (int i = 0; i < 2000 && now != was; i++) {
		snprintf(name, 64, "data/a/diff/new%d", i);
		put_file(&w->s, name, "");
		set_owner(&w->s, name, owner, owner);
		set_mode(&w->s, name, mode);
		assert_int_equal(get_ino(w, name, &now), 0);
	}
	if (now == was)
		return;
	print_message("not tried: the file system gives no number twice\n");
	skip();
}

/* Cut off before the first change; then a setuid file goes, and its number to a file that never had the bit. */
static void a_reused_number_gets_no_bit(void **state)
{
	struct world *w = *state;
	char name[64];
	struct stat st;

	if (geteuid())
		skip();
	put_two(w);
	put_file(&w->s, "data/a/diff/suid", "x");
	set_mode(&w->s, "data/a/diff/suid", 04755);
	assert_true(drive_cut(w, UNS_AFTER, 5));
	assert_int_equal(fstatat(w->c.record_dir, w->c.record_name, &st, 0), 0);
	reuse_number(w, "data/a/diff/suid", 0, 0755, name);
	drive(w, UNS_BEFORE);
	assert_int_equal(fstatat(w->s.fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

/* Somebody takes the bit away while the transaction is pending: that is not undone. */
static void what_others_changed_since_is_kept(void **state)
{
	struct world *w = *state;
	struct stat st;

	if (geteuid())
		skip();
	put_two(w);
	put_file(&w->s, "data/a/diff/suid", "x");
	set_mode(&w->s, "data/a/diff/suid", 04755);
	assert_true(drive_cut(w, UNS_AFTER, 5));
	set_mode(&w->s, "data/a/diff/suid", 0700);
	w->told[0] = '\0';
	(void)kind(w)->drive(&w->c, UNS_AFTER, NULL);
	json_decref(w->c.result);
	w->c.result = NULL;
	assert_int_equal(fstatat(w->s.fd, "data/a/diff/suid", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, BASE);
}

static void assert_owner(const struct world *w, const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(fstatat(w->s.fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* What is changed there is copied to another layer, which says of another time that it was born then. */
static void a_bit_lost_on_an_overlay_comes_back(void **state)
{
	struct world *w = *state;
	char data[1024], options[4096];

	if (geteuid() || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		skip();
	close(w->s.fd); /* those that were opened before are outside */
	w->s.fd = open(w->s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uns_root_close(&w->root);
	assert_int_equal(uns_root_open(&w->root, "/", NULL), 0);
	put_dir(&w->s, "upper");
	put_dir(&w->s, "work");
	put_two(w);
	put_file(&w->s, "data/a/diff/suid", "x");
	set_mode(&w->s, "data/a/diff/suid", 04755);
	scratch_path(&w->s, "data", data);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", data, w->s.path, w->s.path);
	if (mount("overlay", data, "overlay", 0, options)) {
		print_message("not tried: overlay: %s\n", strerror(errno));
		skip();
	}
	assert_true(drive_cut(w, UNS_AFTER, 5));
	usleep(20000);
	set_owner(&w->s, "data/a/diff/suid", BASE, BASE); /* as the cut left it: the bit went with the owner */
	assert_owner(w, "data/a/diff/suid", BASE, BASE, 0755);
	drive(w, UNS_AFTER);
	assert_owner(w, "data/a/diff/suid", BASE, BASE, 04755);
	assert_int_equal(umount2(data, MNT_DETACH), 0);
}

/* A record that was there, as somebody else would have written it. */
static json_t *record_of(const struct world *w)
{
	char path[1024], name[128];
	json_t *j;

	snprintf(name, sizeof(name), "rec/%s", w->c.record_name);
	j = json_load_file(scratch_path(&w->s, name, path), 0, NULL);
	assert_non_null(j);
	return j;
}

static void write_record(const struct world *w, json_t *j)
{
	char path[1024], name[128];

	snprintf(name, sizeof(name), "rec/%s", w->c.record_name);
	assert_int_equal(json_dump_file(j, scratch_path(&w->s, name, path), 0), 0);
	json_decref(j);
}

/* What was in the range before the leg is none of ours, but what got its number since is. */
static void a_reused_number_is_not_foreign(void **state)
{
	struct world *w = *state;
	char name[64];
	struct stat st;

	if (geteuid())
		skip();
	put_two(w);
	use_shift(w, "[\"in-target\"]");
	put_file(&w->s, "data/a/diff/strange", "x");
	set_owner(&w->s, "data/a/diff/strange", BASE + 7, BASE + 7);
	drive(w, UNS_AFTER);
	reuse_number(w, "data/a/diff/strange", BASE + 7, 0644, name);
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_int_equal(fstatat(w->s.fd, name, &st, 0), 0);
	assert_int_equal(st.st_uid, 7);
	assert_side(w, true, UNS_BEFORE);
}

/* As written before there were handles of what is foreign, and identities of devices. */
static void an_older_record_is_read(void **state)
{
	struct world *w = *state;
	char *before;
	json_t *j, *f;
	size_t i;

	if (geteuid())
		skip();
	put_two(w);
	use_shift(w, "[\"in-target\"]");
	put_file(&w->s, "data/a/diff/strange", "x");
	set_owner(&w->s, "data/a/diff/strange", BASE + 7, BASE + 7);
	before = listing(w, "data", 0);
	drive(w, UNS_AFTER);
	j = record_of(w);
	assert_int_equal(json_array_size(json_object_get(j, "foreign")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "dev_ids")), 1);
	json_object_del(j, "dev_ids");
	json_array_foreach(json_object_get(j, "foreign"), i, f) {
		assert_true(json_object_get(f, "handle") || json_object_get(f, "born"));
		json_object_del(f, "handle");
		json_object_del(f, "born");
	}
	write_record(w, j);
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "back by an older record");
	free(before);
}

/* The record of an interrupted shift, with all that it lists on a second device, which begins at the path. */
static void put_on_device(const struct world *w, const char *path, bool only)
{
	json_t *j = record_of(w), *devs = json_object_get(j, "devs"), *ids = json_object_get(j, "dev_ids"), *s;
	const char *lists[] = {"specials", "foreign"};
	size_t i;

	json_array_append_new(devs, json_string(path));
	json_array_append_new(ids, json_null());
	for (int k = 0; k < 2; k++)
		json_array_foreach(json_object_get(j, lists[k]), i, s)
			json_object_set_new(s, "dev", json_integer(only ? 0 : 1));
	if (only) {
		json_array_remove(devs, 0);
		json_array_remove(ids, 0);
	}
	write_record(w, j);
}

/* Bits that went with a power cut, before the owner was changed. */
static void put_bare_and_cut(struct world *w)
{
	put_two(w);
	use_shift(w, "[\"in-target\"]");
	put_file(&w->s, "data/a/diff/strange", "x");
	set_owner(&w->s, "data/a/diff/strange", BASE + 7, BASE + 7);
	put_file(&w->s, "data/a/diff/suid", "x");
	set_mode(&w->s, "data/a/diff/suid", 04755);
	assert_true(drive_cut(w, UNS_AFTER, 5));
	set_mode(&w->s, "data/a/diff/suid", 0755);
	w->c.begun = true;
}

static void break_record(const struct world *w, const char *list, const char *key)
{
	json_t *j = record_of(w);

	json_object_set_new(json_array_get(json_object_get(j, list), 0), key, json_string("x"));
	write_record(w, j);
}

static void what_is_wrong_in_a_record_is_named(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_bare_and_cut(w);
	break_record(w, "specials", "size");
	drive_fails(w, UNS_BEFORE, " of the transaction: specials[0]: \"size\" is not a number");
	new_transaction(w, UNS_BEFORE);
	drive(w, UNS_AFTER);
	break_record(w, "foreign", "ino");
	drive_fails(w, UNS_BEFORE, " of the transaction: foreign[0]: \"ino\" is not a number");
}

/* The device is where it was not, and its inodes are found by what they are. */
static void what_was_on_a_device_is_found_elsewhere(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_bare_and_cut(w);
	put_on_device(w, "a/gone", true);
	drive(w, UNS_AFTER);
	assert_owner(w, "data/a/diff/suid", BASE, BASE, 04755);
	assert_owner(w, "data/a/diff/strange", BASE + 7, BASE + 7, 0644);
	drive(w, UNS_BEFORE);
	assert_owner(w, "data/a/diff/suid", 0, 0, 04755);
	assert_owner(w, "data/a/diff/strange", BASE + 7, BASE + 7, 0644);
}

/* Another one may have its place. */
static void what_is_in_the_place_of_a_device_is_told_apart(void **state)
{
	struct world *w = *state;
	json_t *j;

	if (geteuid())
		skip();
	put_bare_and_cut(w);
	put_on_device(w, "a", true);
	j = record_of(w);
	json_array_set_new(json_object_get(j, "dev_ids"), 0, json_pack("{s:i,s:s}", "ino", 256, "handle", "01000000aabb"));
	write_record(w, j);
	drive(w, UNS_AFTER);
	assert_owner(w, "data/a/diff/suid", BASE, BASE, 04755);
	assert_owner(w, "data/a/diff/strange", BASE + 7, BASE + 7, 0644);
}

/* A rollback that was cut, of a shift that was finished. */
static void roll_back_and_cut(struct world *w)
{
	put_two(w);
	put_file(&w->s, "data/a/diff/suid", "x");
	set_owner(&w->s, "data/a/diff/suid", 0, BASE + 7); /* of both sides, so that the record of leg 0 is asked, too */
	set_mode(&w->s, "data/a/diff/suid", 04755);
	use_shift(w, "[\"in-target\"]");
	drive(w, UNS_AFTER);
	put_on_device(w, "a/gone", false);
	new_leg(w, 1, UNS_AFTER);
	assert_true(drive_cut(w, UNS_BEFORE, 5));
	put_on_device(w, "a/gone", false);
	w->c.begun = true;
}

static void what_is_gone_on_the_way_home_is_told_once(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	roll_back_and_cut(w);
	assert_int_equal(unlinkat(w->s.fd, "data/a/diff/suid", 0), 0);
	for (int i = 0; i < 2; i++) {
		struct uns_err err = {0};

		w->told[0] = '\0';
		if (kind(w)->drive(&w->c, UNS_BEFORE, &err))
			fail_msg("it never ends: %s", err.text);
		assert_int_equal(json_integer_value(json_object_get(w->c.result, "lost")), 1);
		json_decref(w->c.result);
		w->c.result = NULL;
		assert_side(w, true, UNS_BEFORE);
	}
	assert_owner(w, "data/a/diff/f", 0, 0, 0644);
}

static void what_is_gone_with_its_device_is_told(void **state)
{
	struct world *w = *state;
	json_t *j;

	if (geteuid())
		skip();
	put_bare_and_cut(w);
	put_on_device(w, "a/gone", false);
	assert_int_equal(unlinkat(w->s.fd, "data/a/diff/suid", 0), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(drive_fails(w, UNS_AFTER, "1 inodes with setuid, capability, flags or another owner were recorded below "),
		                 UNS_E_INCOMPLETE);
	drive_fails(w, UNS_AFTER, "in what is gone from there: a/gone; put it back and resume, or roll back without it");
	assert_owner(w, "data/a/diff/f", BASE, BASE, 0644); /* all else is done */
	w->told[0] = '\0';
	assert_int_equal(kind(w)->drive(&w->c, UNS_BEFORE, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(w->c.result, "lost")), 1);
	json_decref(w->c.result);
	w->c.result = NULL;
	assert_owner(w, "data/a/diff/f", 0, 0, 0644);
	j = record_of(w);
	json_array_set_new(json_object_get(j, "devs"), 1, json_string("a/diff/suid")); /* a file that was all of it was deleted, no more */
	write_record(w, j);
	drive(w, UNS_AFTER);
}

/* ---- what others do meanwhile ---- */

/* As a member of the group, who may write to it: the kernel takes the bit away. */
static void write_as(const struct world *w, const char *path, uid_t uid, gid_t gid)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		int fd;

		if (fchdir(w->s.fd) || setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(1);
		fd = open(path, O_WRONLY | O_TRUNC);
		_exit(fd < 0 || write(fd, "evil", 4) != 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void what_was_written_meanwhile_gets_no_bit(void **state)
{
	struct world *w = *state;
	struct stat st;

	if (geteuid())
		skip();
	put_two(w);
	set_mode(&w->s, ".", 0755);
	put_file(&w->s, "data/a/diff/suid", "good");
	set_owner(&w->s, "data/a/diff/suid", 0, 50);
	set_mode(&w->s, "data/a/diff/suid", 04775);
	assert_true(drive_cut(w, UNS_AFTER, 5));
	write_as(w, "data/a/diff/suid", 2000, 50);
	drive(w, UNS_AFTER);
	assert_owner(w, "data/a/diff/suid", BASE, BASE + 50, 0775);
	drive(w, UNS_BEFORE);
	assert_owner(w, "data/a/diff/suid", 0, 50, 0775);
	assert_int_equal(fstatat(w->s.fd, "data/a/diff/suid", &st, 0), 0);
}

static int set_bit_meanwhile(void *user, const char *effect, size_t *len)
{
	struct cut *cut = user;
	char name[32];
	struct stat st;

	(void)len;
	if (strcmp(effect, "chown") != 0 || cut->left-- != 4)
		return 0;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "data/a/diff/%d", i);
		if (!fstatat(cut->w->s.fd, name, &st, 0) && st.st_uid != BASE)
			set_mode(&cut->w->s, name, 04755);
	}
	return 0;
}

static void a_bit_that_came_since_the_scan_is_kept(void **state)
{
	struct world *w = *state;
	struct cut cut = {8, w};
	const struct uns_sys_hook hook = {set_bit_meanwhile, no_leave, &cut};
	unsigned n = 0;

	if (geteuid())
		skip();
	put_ten(w);
	uns_sys_set_hook(&hook);
	(void)kind(w)->drive(&w->c, UNS_AFTER, NULL); /* the modes differ from what the scan saw: it is told */
	uns_sys_set_hook(NULL);
	json_decref(w->c.result);
	w->c.result = NULL;
	drive(w, UNS_AFTER);
	for (int i = 0; i < 10; i++) {
		char name[32];
		struct stat st;

		snprintf(name, sizeof(name), "data/a/diff/%d", i);
		assert_int_equal(fstatat(w->s.fd, name, &st, 0), 0);
		assert_int_equal(st.st_uid, BASE);
		n += (st.st_mode & 04000) != 0;
	}
	assert_true(n > 2);
}

/* The owner of the directory above puts something else in the place of the tree. */
static void another_tree_in_its_place_is_left_alone(void **state)
{
	struct world *w = *state;
	char *canary;

	if (geteuid())
		skip();
	put_two(w);
	put_dir(&w->s, "etc");
	put_dir(&w->s, "etc/a");
	put_dir(&w->s, "etc/a/diff");
	put_file(&w->s, "etc/a/diff/shadow", "x");
	canary = listing(w, "etc/a", LIST_CTIME);
	assert_true(drive_cut(w, UNS_AFTER, 5));
	w->c.begun = true;
	assert_int_equal(renameat(w->s.fd, "data", w->s.fd, "moved"), 0);
	assert_int_equal(symlinkat("etc", w->s.fd, "data"), 0);
	drive_fails(w, UNS_AFTER, "cannot open");
	drive(w, UNS_BEFORE); /* nothing to take back */
	assert_int_equal(unlinkat(w->s.fd, "data", 0), 0);
	assert_int_equal(renameat(w->s.fd, "etc", w->s.fd, "data"), 0);
	assert_int_equal(drive_fails(w, UNS_AFTER, "is another directory than"), UNS_E_CONFLICT);
	drive(w, UNS_BEFORE);
	assert_int_equal(renameat(w->s.fd, "data", w->s.fd, "etc"), 0);
	assert_listing(w, "etc/a", LIST_CTIME, canary, "the canary");
	assert_int_equal(renameat(w->s.fd, "moved", w->s.fd, "data"), 0);
	drive(w, UNS_AFTER);
	free(canary);
}

static void an_acl_that_cannot_be_mapped_keeps_nothing_from_its_way(void **state)
{
	static const char acl[] = ACL_NAMED("\x05\x00\x00\x00", "\x05\x00\x08\x00", "\xb8\x0b\x00\x00"); /* 5, and 5 shifted */
	struct world *w = *state;

	if (geteuid())
		skip();
	put_two(w);
	put_file(&w->s, "data/a/diff/acl", "x");
	assert_true(drive_cut(w, UNS_AFTER, 5));
	if (!set_attr(&w->s, "data/a/diff/acl", UNS_XATTR_ACL_ACCESS, acl, sizeof(acl) - 1))
		skip();
	drive(w, UNS_AFTER);
	assert_owner(w, "data/a/diff/acl", BASE, BASE, 0664);
	drive(w, UNS_BEFORE);
	assert_owner(w, "data/a/diff/acl", 0, 0, 0664);
}

/* Names are kept as what they do not share with the one before. */
static void names_of_all_lengths_are_found(void **state)
{
	struct world *w = *state;
	char path[512];

	if (geteuid())
		skip();
	put_two(w);
	for (unsigned len = 1; len <= 255; len++) {
		int at = snprintf(path, sizeof(path), "data/a/diff/");

		memset(path + at, len % 7 ? 'x' : len % 256, len);
		path[at + (int)len] = '\0';
		put_file(&w->s, path, "x");
		set_owner(&w->s, path, len / 3, len / 5);
		if (len % 11 == 0)
			assert_int_equal(fchmodat(w->s.fd, path, 04755, 0), 0);
	}
	age_dirs(&w->s, "data", 0);
	drive(w, UNS_AFTER);
	for (unsigned len = 1; len <= 255; len++) {
		int at = snprintf(path, sizeof(path), "data/a/diff/");
		struct stat st;

		memset(path + at, len % 7 ? 'x' : len % 256, len);
		path[at + (int)len] = '\0';
		assert_int_equal(fstatat(w->s.fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_uid, BASE + len / 3);
		assert_int_equal(st.st_gid, BASE + len / 5);
		assert_int_equal(st.st_mode & 04000, len % 11 ? 0 : 04000);
	}
}

static void a_link_made_meanwhile_is_left_alone(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_two(w);
	put_dir(&w->s, "outside");
	put_file(&w->s, "outside/file", "x");
	assert_true(drive_cut(w, UNS_AFTER, 5));
	assert_int_equal(linkat(w->s.fd, "outside/file", w->s.fd, "data/a/diff/link", 0), 0);
	assert_int_equal(drive_fails(w, UNS_AFTER, "names outside of the tree, the first is a/diff/link"), UNS_E_INCOMPLETE);
	assert_owner(w, "outside/file", 0, 0, 0644);
	assert_int_equal(unlinkat(w->s.fd, "data/a/diff/link", 0), 0);
	drive(w, UNS_AFTER);
	assert_owner(w, "outside/file", 0, 0, 0644);
}

/* A rename gives the directory a new time, and nothing that hangs in it. */
static int move_in_meanwhile(void *user, const char *effect, size_t *len)
{
	struct cut *cut = user;

	(void)len;
	if (!strcmp(effect, "chown") && cut->left-- == 1)
		assert_int_equal(renameat(cut->w->s.fd, "outside/d", cut->w->s.fd, "data/a/diff/d"), 0);
	return 0;
}

static void a_directory_that_the_scan_missed_loses_nothing(void **state)
{
	struct world *w = *state;
	struct cut cut = {1, w};
	const struct uns_sys_hook hook = {move_in_meanwhile, no_leave, &cut};
	char path[PATH_MAX];
	uint8_t cap[64];

	if (geteuid())
		skip();
	put_dir(&w->s, "outside");
	put_dir(&w->s, "outside/d");
	put_file(&w->s, "outside/d/capable", "x");
	if (!set_attr(&w->s, "outside/d/capable", UNS_XATTR_CAP, CAP_V2, 20))
		skip();
	put_file(&w->s, "outside/d/linked", "x");
	assert_int_equal(linkat(w->s.fd, "outside/d/linked", w->s.fd, "outside/file", 0), 0);
	put_ten(w);
	uns_sys_set_hook(&hook);
	(void)kind(w)->drive(&w->c, UNS_AFTER, NULL); /* there is more than the scan saw: it is told */
	uns_sys_set_hook(NULL);
	assert_owner(w, "data/a/diff/d/capable", BASE, BASE, 0644);
	assert_int_equal(getxattr(scratch_path(&w->s, "data/a/diff/d/capable", path), UNS_XATTR_CAP, cap, sizeof(cap)), 20);
	assert_owner(w, "outside/file", 0, 0, 0644);
}

/* Two files change places all the time: what one has must never be given to the other. */
struct exchange {
	const struct world *w;
	atomic_bool over;
};

static void *exchange(void *user)
{
	struct exchange *x = user;

	while (!atomic_load(&x->over))
		(void)syscall(SYS_renameat2, x->w->s.fd, "data/a/diff/mine", x->w->s.fd, "data/a/diff/capable", RENAME_EXCHANGE);
	return NULL;
}

static void what_changes_places_keeps_its_own(void **state)
{
	struct world *w = *state;
	struct exchange x = {.w = w};
	pthread_t thread;

	if (geteuid())
		skip();
	put_two(w);
	put_file(&w->s, "data/a/diff/mine", "1");
	put_file(&w->s, "data/a/diff/capable", "22");
	set_owner(&w->s, "data/a/diff/mine", 1000, 1000);
	set_owner(&w->s, "data/a/diff", 1000, 1000);
	if (!set_attr(&w->s, "data/a/diff/capable", UNS_XATTR_CAP, CAP_V2, 20))
		skip();
	assert_int_equal(pthread_create(&thread, NULL, exchange, &x), 0);
	for (int i = 0; i < 30; i++) {
		new_transaction(w, i % 2 ? UNS_AFTER : UNS_BEFORE);
		for (int tries = 0; tries < 3 && kind(w)->drive(&w->c, i % 2 ? UNS_BEFORE : UNS_AFTER, NULL); tries++)
			;
		json_decref(w->c.result);
		w->c.result = NULL;
	}
	atomic_store(&x.over, true);
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++) {
		char path[1024], value[64];
		struct stat st;

		scratch_path(&w->s, i ? "data/a/diff/mine" : "data/a/diff/capable", path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(lgetxattr(path, UNS_XATTR_CAP, value, sizeof(value)) > 0, st.st_size == 2);
	}
}

/* ---- IDs outside of the map, given to one ---- */

static void put_strangers(struct world *w)
{
	static const char acl[] = ACL_NAMED("\xe8\x03\x00\x00", "\x70\x11\x01\x00", "\xb8\x0b\x00\x00"); /* 70000 */

	put_two(w);
	put_file(&w->s, "data/a/diff/stranger", "x");
	set_owner(&w->s, "data/a/diff/stranger", 70000, 5);
	set_mode(&w->s, "data/a/diff/stranger", 04711);
	put_file(&w->s, "data/a/diff/group", "x");
	set_owner(&w->s, "data/a/diff/group", 5, 80000);
	put_file(&w->s, "data/a/diff/acl", "x");
	set_attr(&w->s, "data/a/diff/acl", UNS_XATTR_ACL_ACCESS, acl, sizeof(acl) - 1);
	put_file(&w->s, "data/a/diff/nobody", "x"); /* belongs by right to whom the others are given to */
	set_owner(&w->s, "data/a/diff/nobody", 65534, 65534);
	age_dirs(&w->s, "data", 0);
	json_object_set_new(w->step.args, "squash", json_integer(BASE + 65534));
	json_object_set_new(w->step.args, "allow", json_pack("[s]", "unmapped"));
	assert_int_equal(uns_kind_shift_tree.check(w->step.args, NULL), 0);
}

static void assert_squashed(struct world *w)
{
	static const char acl[] = ACL_NAMED("\xe8\x03\x08\x00", "\xfe\xff\x08\x00", "\xb8\x0b\x08\x00");
	char path[1024], value[256];

	assert_owner(w, "data/a/diff/stranger", BASE + 65534, BASE + 5, 04711);
	assert_owner(w, "data/a/diff/group", BASE + 5, BASE + 65534, 0644);
	assert_owner(w, "data/a/diff/nobody", BASE + 65534, BASE + 65534, 0644);
	assert_int_equal(getxattr(scratch_path(&w->s, "data/a/diff/acl", path), UNS_XATTR_ACL_ACCESS, value, sizeof(value)),
	                 sizeof(acl) - 1);
	assert_memory_equal(value, acl, sizeof(acl) - 1);
}

static void strangers_are_squashed_and_get_back_what_they_had(void **state)
{
	struct world *w = *state;
	char *before;

	if (geteuid())
		skip();
	put_strangers(w);
	before = listing(w, "data", 0);
	drive(w, UNS_AFTER);
	assert_squashed(w);
	drive(w, UNS_BEFORE); /* as after an interruption */
	assert_listing(w, "data", 0, before, "back in the same leg");
	new_transaction(w, UNS_BEFORE);
	drive(w, UNS_AFTER);
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "back from a finished shift");
	free(before);
}

static void squashing_can_be_killed_anywhere(void **state)
{
	struct world *w = *state;
	char *before;
	bool cut = true;

	if (geteuid())
		skip();
	put_strangers(w);
	before = listing(w, "data", 0);
	for (int k = 0; cut; k++) {
		new_transaction(w, UNS_BEFORE);
		cut = drive_cut(w, UNS_AFTER, k);
		if (k % 2)
			drive(w, UNS_AFTER);
		if (k % 2)
			new_leg(w, 1, UNS_AFTER);
		if (k % 2 && drive_cut(w, UNS_BEFORE, k))
			drive(w, UNS_BEFORE);
		if (k % 2 == 0)
			drive(w, UNS_BEFORE);
		assert_listing(w, "data", 0, before, "cut and back");
	}
	free(before);
}

static void squashing_two_of_one_acl_is_refused(void **state)
{
	static const char acl[] = ACL_NAMED("\x71\x11\x01\x00", "\x70\x11\x01\x00", "\xb8\x0b\x00\x00");
	struct world *w = *state;

	if (geteuid())
		skip();
	put_strangers(w);
	if (!set_attr(&w->s, "data/a/diff/group", UNS_XATTR_ACL_ACCESS, acl, sizeof(acl) - 1))
		skip();
	assert_int_equal(drive_fails(w, UNS_AFTER, "a/diff/group (its ACL names"), UNS_E_REFUSED);
}

/* ---- past errors ---- */

static int fail_some(void *user, const char *effect, size_t *len)
{
	int *n = user;

	(void)len;
	return !strcmp(effect, "chown") && ++*n % 3 == 0 ? EPERM : 0;
}

static void errors_can_be_passed_over(void **state)
{
	struct world *w = *state;
	int n = 0;
	const struct uns_sys_hook hook = {fail_some, no_leave, &n};
	char *before, *expected;

	if (geteuid())
		skip();
	put_zoo(w, 3);
	before = listing(w, "data", 0);
	expected = expected_shifted(w);
	w->c.go_on = true;
	uns_sys_set_hook(&hook);
	assert_int_equal(drive_fails(w, UNS_AFTER, "could not be changed: cannot change the owner of"), UNS_E_INCOMPLETE);
	uns_sys_set_hook(NULL);
	assert_true(n > 20); /* it did go on */
	drive(w, UNS_AFTER);
	assert_shifted(w, expected, "after the second run");
	drive(w, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "after the way back");
	free(before);
	free(expected);
}

/* ---- refusals ---- */

static void assert_refused(struct world *w, const char *expected)
{
	char *before = listing(w, "data", LIST_CTIME);
	uint64_t effects = uns_sys_effects();
	struct stat st;

	assert_int_equal(drive_fails(w, UNS_AFTER, expected), UNS_E_REFUSED);
	assert_int_equal(uns_sys_effects(), effects);
	assert_listing(w, "data", LIST_CTIME, before, expected);
	assert_int_equal(fstatat(w->c.record_dir, w->c.record_name, &st, 0), -1);
	free(before);
}

static void ids_that_cannot_be_mapped_are_refused(void **state)
{
	struct world *w = *state;
	struct stat st;

	if (geteuid())
		skip();
	put_two(w);
	set_owner(&w->s, "data/a/diff/f", 70000, 5);
	assert_refused(w, "1 with IDs that the range does not cover: a/diff/f (uid 70000)");
	use_shift(w, "[\"unmapped\"]");
	drive(w, UNS_AFTER);
	assert_int_equal(fstatat(w->s.fd, "data/a/diff/f", &st, 0), 0);
	assert_int_equal(st.st_uid, 70000);
	assert_int_equal(st.st_gid, BASE + 5);
	assert_side(w, true, UNS_AFTER);
	use_shift(w, "[]");
	assert_side(w, true, UNS_FOREIGN);
	assert_non_null(strstr(w->c.why, "a/diff/f"));
}

static void ids_already_in_the_range_are_refused_or_never_touched(void **state)
{
	struct world *w = *state;
	char *before, *foreign;

	if (geteuid())
		skip();
	put_two(w);
	set_owner(&w->s, "data/a/diff/f", BASE + 9, BASE + 9);
	set_mode(&w->s, "data/a/diff/f", 04755);
	set_owner(&w->s, "data/a/diff/g", 3, BASE + 4);
	assert_refused(w, "2 with IDs that lie in the range already: a/diff/");
	assert_side(w, true, UNS_FOREIGN);
	use_shift(w, "[\"in-target\"]");
	before = listing(w, "data", 0);
	foreign = listing(w, "data/a/diff/f", LIST_CTIME);
	assert_side(w, true, UNS_BEFORE);
	drive(w, UNS_AFTER);
	assert_side(w, true, UNS_AFTER);
	assert_listing(w, "data/a/diff/f", LIST_CTIME, foreign, "foreign, on the way there");
	drive(w, UNS_BEFORE);
	assert_side(w, true, UNS_BEFORE);
	assert_listing(w, "data", 0, before, "in the same leg");
	/* and when the leg was over */
	set_owner(&w->s, "data/a/diff/g", 3, 4);
	new_transaction(w, UNS_BEFORE);
	drive(w, UNS_AFTER);
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_side(w, true, UNS_BEFORE);
	assert_listing(w, "data/a/diff/f", LIST_CTIME, foreign, "foreign, on the way home in another leg");
	free(before);
	free(foreign);
}

/* As much as a record can hold is shifted, a byte more is not. */
static void more_than_a_record_holds_is_refused(void **state)
{
	struct world *w = *state;
	char name[64];
	struct stat st;

	if (geteuid())
		skip();
	put_two(w);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "data/a/diff/suid%d", i);
		put_file(&w->s, name, "x");
		set_mode(&w->s, name, 04755);
	}
	w->c.record_max = 1000;
	assert_refused(w, "data refused, nothing changed: ");
	assert_refused(w, "bytes are to be recorded, and a record can hold 1000; shift parts of the tree one by one");
	w->c.record_max = 0;
	drive(w, UNS_AFTER);
	assert_int_equal(fstatat(w->c.record_dir, w->c.record_name, &st, 0), 0);
	assert_true(st.st_size > 10000);
	w->c.record_max = (size_t)st.st_size - 1;
	assert_int_equal(drive_fails(w, UNS_BEFORE, "larger than a record can be"), UNS_E_INPUT);
	w->c.record_max++;
	drive(w, UNS_BEFORE);
	new_transaction(w, UNS_BEFORE);
	w->c.record_max--;
	assert_refused(w, "shift parts of the tree");
	w->c.record_max++;
	drive(w, UNS_AFTER);
}

static void hard_links_that_lead_out_are_refused(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_two(w);
	assert_int_equal(linkat(w->s.fd, "data/a/diff/f", w->s.fd, "data/a/outside", 0), 0);
	assert_refused(w, "1 with hard links outside the trees to shift: a/diff/f (1 of 2 names elsewhere)");
	use_shift(w, "[\"hard-links\"]");
	drive(w, UNS_AFTER);
}

static void symlinks_in_the_place_of_data_are_refused(void **state)
{
	struct world *w = *state;
	char *before;

	if (geteuid())
		skip();
	put_two(w);
	put_dir(&w->s, "data/v");
	put_dir(&w->s, "elsewhere");
	assert_int_equal(symlinkat("../../elsewhere", w->s.fd, "data/v/diff"), 0);
	assert_refused(w, "1 symlinks where the data should be: v/diff (symlink)");
	use_shift(w, "[\"symlinks\"]");
	before = listing(w, "elsewhere", LIST_CTIME);
	drive(w, UNS_AFTER);
	assert_listing(w, "elsewhere", LIST_CTIME, before, "behind a symlink");
	free(before);
}

static void flags_are_refused(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_zoo(w, 1);
	if (!flags_work)
		skip();
	use_shift(w, "[]");
	assert_refused(w, "3 immutable or append-only: b/diff/");
}

static void acls_that_name_an_id_twice_are_refused(void **state)
{
	static const char acl[] = ACL_NAMED("\xe8\x03\x00\x00", "\xe8\x03\x08\x00", "\xb8\x0b\x00\x00"); /* 1000 and 525288 */
	struct world *w = *state;

	if (geteuid())
		skip();
	put_two(w);
	if (!set_attr(&w->s, "data/a/diff/f", UNS_XATTR_ACL_ACCESS, acl, sizeof(acl) - 1))
		skip();
	use_shift(w, "[\"in-target\"]");
	assert_refused(w, "1 cannot be mapped: a/diff/f (its ACL names both");
}

/* ---- observe ---- */

static void mixed_owners_are_foreign(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_two(w);
	put_dir(&w->s, "data/b");
	put_dir(&w->s, "data/b/diff");
	set_owner(&w->s, "data/b/diff", BASE, BASE);
	assert_side(w, false, UNS_FOREIGN);
	assert_non_null(strstr(w->c.why, "data/a/diff"));
	assert_non_null(strstr(w->c.why, "data/b/diff"));
	set_owner(&w->s, "data/b/diff", 0, 0);
	set_owner(&w->s, "data/a/diff/f", BASE, BASE);
	assert_side(w, false, UNS_BEFORE);
	assert_side(w, true, UNS_FOREIGN);
	w->c.begun = true;
	assert_side(w, false, UNS_FOREIGN);
}

static void what_engines_make_at_home_is_no_contradiction(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_two(w);
	drive(w, UNS_AFTER);
	put_dir(&w->s, "data/a/diff/etc");
	set_owner(&w->s, "data/a/diff/etc", BASE, BASE);
	assert_int_equal(symlinkat("/proc/mounts", w->s.fd, "data/a/diff/etc/mtab"), 0);
	put_node(&w->s, "data/a/diff/etc/wh", S_IFCHR, makedev(0, 0));
	assert_side(w, true, UNS_AFTER);
	put_file(&w->s, "data/a/diff/by-host-root", "");
	assert_side(w, true, UNS_FOREIGN);
	assert_non_null(strstr(w->c.why, "by-host-root"));
	/* the way home takes it all the same */
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_side(w, true, UNS_BEFORE);
	/* and turning back there brings back just what was */
	drive(w, UNS_AFTER);
	w->c.begun = true;
	assert_side(w, true, UNS_AFTER);
}

static void nothing_there_is_either(void **state)
{
	struct world *w = *state;

	use_shift(w, "[]");
	assert_side(w, false, UNS_EITHER);
	assert_side(w, true, UNS_EITHER);
	drive(w, UNS_AFTER);
	json_object_set_new(w->step.args, "base", json_string("/nonexistent-base"));
	assert_side(w, false, UNS_EITHER);
}

/* ---- args ---- */

static void assert_bad(const char *args, const char *expected)
{
	json_t *j = json_loads(args, 0, NULL);
	struct uns_err err = {0};

	assert_non_null(j);
	assert_int_equal(uns_kind_shift_tree.check(j, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	if (!strstr(err.text, expected))
		fail_msg("\"%s\" does not contain \"%s\"", err.text, expected);
	json_decref(j);
}

static void args_are_checked(void **state)
{
	(void)state;
#define RANGES "\"uid\":{\"start\":524288,\"count\":65536},\"gid\":{\"start\":524288,\"count\":65536}"
	assert_bad("{}", "base");
	assert_bad("{\"base\":\"rel\",\"patterns\":[\".\"]," RANGES ",\"allow\":[]}", "\"base\" is not an absolute path");
	assert_bad("{\"base\":\"/x\",\"patterns\":[\"../y\"]," RANGES ",\"allow\":[]}", "patterns");
	assert_bad("{\"base\":\"/x\",\"patterns\":[\".\"]," RANGES ",\"allow\":[\"all\"]}", "unknown member \"all\"");
	assert_bad(
	    "{\"base\":\"/x\",\"patterns\":[\".\"],\"uid\":{\"start\":1,\"count\":65536},\"gid\":{\"start\":524288,\"count\":1},"
	    "\"allow\":[]}",
	    "\"uid\": 0:1:65536: source and target overlap");
	assert_bad("{\"base\":\"/x\",\"patterns\":[\".\"],\"uid\":5,\"allow\":[]}", "\"uid\" is neither an object");
	assert_bad("{\"base\":\"/x\",\"patterns\":[\".\"],\"uid\":[],\"gid\":[],\"allow\":[]}", "has an extent");
	assert_bad("{\"base\":\"/x\",\"patterns\":[\".\"],\"uid\":[{\"from\":0,\"to\":100000,\"count\":10},"
	           "{\"from\":20,\"to\":100009,\"count\":1}],\"gid\":[],\"allow\":[]}",
	           "\"uid\", extent 2: 0:100000:10 and 20:100009:1: two extents have the same target");
	assert_bad("{\"base\":\"/x\",\"patterns\":[\".\"],\"uid\":[{\"from\":0,\"to\":100000}],\"gid\":[],\"allow\":[]}",
	           "\"uid\", extent 1: member \"count\" is missing");
#undef RANGES
}

static void assert_description(const struct world *w, bool reverse, const char *expected)
{
	struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(kind(w)->describe(w->step.args, reverse, &b, NULL), 0);
	if (!strstr(b.data, expected))
		fail_msg("\"%s\" does not contain \"%s\"", b.data, expected);
	uns_buf_done(&b);
}

static void it_describes_itself(void **state)
{
	struct world *w = *state;

	use_shift(w, "[]");
	assert_description(w, false, "data (2 patterns): 0-65535 → 524288-589823");
	assert_description(w, true, "data (2 patterns): 524288-589823 → 0-65535");
	json_object_set_new(json_object_get(w->step.args, "gid"), "start", json_integer(655360));
	assert_description(w, false, "users 0-65535 → 524288-589823, groups 0-65535 → 655360-720895");
	json_object_set_new(w->step.args, "gid", json_loads("[{\"from\":5,\"to\":655360,\"count\":1}]", 0, NULL));
	assert_description(w, true, "users 524288-589823 → 0-65535, groups 655360-655360 → 5-5");
	use_owner_mode(w);
	assert_description(w, false, "to group 524288 (0:524288, 0710)");
	assert_description(w, true, "back from group 524288");
}

/* ---- owner-mode ---- */

static void put_eras(struct world *w)
{
	put_dir(&w->s, "data/new");
	set_mode(&w->s, "data/new", 0710);
	put_dir(&w->s, "data/old");
	set_mode(&w->s, "data/old", 0701);
	put_dir(&w->s, "data/mine");
	set_owner(&w->s, "data/mine", 12, 34);
	set_mode(&w->s, "data/mine", 02750);
	put_file(&w->s, "data/file", "x");
	assert_int_equal(symlinkat("/etc", w->s.fd, "data/link"), 0);
	set_mode(&w->s, "data", 0711);
	use_owner_mode(w);
}

static void assert_owner_mode(const struct world *w, const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(fstatat(w->s.fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void directories_are_opened_and_closed_as_they_were(void **state)
{
	struct world *w = *state;
	char *before, *beside, *etc;
	struct stat st, after;

	if (geteuid())
		skip();
	put_eras(w);
	before = listing(w, "data", 0);
	beside = listing(w, "data/file", LIST_CTIME);
	etc = listing(w, "data/link", LIST_CTIME);
	assert_int_equal(stat("/etc", &st), 0);
	assert_side(w, false, UNS_BEFORE);
	drive(w, UNS_AFTER);
	assert_side(w, true, UNS_AFTER);
	assert_owner_mode(w, "data", 0, BASE, 0710);
	assert_owner_mode(w, "data/old", 0, BASE, 0710);
	assert_owner_mode(w, "data/mine", 0, BASE, 0710);
	assert_listing(w, "data/file", LIST_CTIME, beside, "a file is no directory");
	assert_listing(w, "data/link", LIST_CTIME, etc, "a symlink is no directory");
	assert_int_equal(stat("/etc", &after), 0);
	assert_int_equal(st.st_ctime, after.st_ctime);
	/* the rollback of a finished run; what came since gets the plain values */
	put_dir(&w->s, "data/since");
	set_owner(&w->s, "data/since", 0, BASE);
	new_leg(w, 1, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_owner_mode(w, "data/since", 0, 0, 0710);
	assert_int_equal(unlinkat(w->s.fd, "data/since", AT_REMOVEDIR), 0);
	free(beside);
	beside = listing(w, "data/mine", 0);
	assert_non_null(strstr(before, beside));
	assert_owner_mode(w, "data", 0, 0, 0711);
	assert_owner_mode(w, "data/old", 0, 0, 0701);
	free(before);
	free(beside);
	free(etc);
}

static void a_first_way_back_has_no_record(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_eras(w);
	set_owner(&w->s, "data", 0, BASE);
	set_owner(&w->s, "data/new", 0, BASE);
	set_owner(&w->s, "data/old", BASE, BASE); /* as the first engines did it */
	set_mode(&w->s, "data/old", 0700);
	set_owner(&w->s, "data/mine", 0, BASE);
	new_transaction(w, UNS_AFTER);
	assert_side(w, false, UNS_AFTER);
	drive(w, UNS_BEFORE);
	assert_owner_mode(w, "data", 0, 0, 0711);
	assert_owner_mode(w, "data/old", 0, 0, 0710);
	drive(w, UNS_AFTER);
	assert_owner_mode(w, "data/old", BASE, BASE, 0700);
	assert_owner_mode(w, "data", 0, BASE, 0711);
	assert_owner_mode(w, "data/mine", 0, BASE, 02750);
}

static void mixed_directories_are_foreign(void **state)
{
	struct world *w = *state;

	if (geteuid())
		skip();
	put_eras(w);
	set_owner(&w->s, "data/old", 0, BASE);
	assert_side(w, false, UNS_FOREIGN);
	assert_non_null(strstr(w->c.why, "data/old has group 524288"));
}

static void owner_mode_killed_anywhere(void **state)
{
	struct world *w = *state;
	bool cut = true;
	char *before;

	if (geteuid())
		skip();
	put_eras(w);
	before = listing(w, "data", 0);
	for (int k = 0; cut; k++) {
		new_transaction(w, UNS_BEFORE);
		cut = drive_cut(w, UNS_AFTER, k);
		drive_cut(w, UNS_BEFORE, k / 2);
		drive(w, UNS_BEFORE);
		assert_listing(w, "data", 0, before, "turned back");
		new_transaction(w, UNS_BEFORE);
		drive_cut(w, UNS_AFTER, k);
		drive(w, UNS_AFTER);
		assert_owner_mode(w, "data/mine", 0, BASE, 0710);
		assert_owner_mode(w, "data/old", 0, BASE, 0710);
		drive(w, UNS_BEFORE);
		assert_listing(w, "data", 0, before, "driven on and back");
	}
	free(before);
}

static void an_owner_mode_group_must_be_one_of_a_range(void **state)
{
	struct world *w = *state;
	struct uns_err err = {0};

	use_owner_mode(w);
	json_object_set_new(w->step.args, "gid", json_integer(0));
	assert_int_equal(uns_kind_owner_mode.check(w->step.args, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define ZOO(f) cmocka_unit_test_setup_teardown(f, setup, teardown_zoo)

static bool remembers(struct uns_shift_names *names, const struct uns_shift_job *job, int fd, mode_t mode, unsigned n)
{
	const uint32_t owner[2] = {0, 0};
	struct stat st;
	bool is = false;

	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (unsigned i = 0; i < n; i++) {
		char name[16];
		struct uns_entry e = {.dirfd = fd, .parent = st.st_ino, .parent_dev = st.st_dev, .name = name, .mode = S_IFREG};

		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(uns_shift_names_add(names, job, &e, UNS_SHIFT_NAME_SETTLED, owner, &is, NULL), 0);
	}
	return is;
}

/* A part of the names must not be taken for all of them. */
static void a_directory_is_trusted_as_a_whole(void **state)
{
	static const mode_t modes[][2] = {{0777, 0755}, {0755, 0777}, {0755, 0755}};
	struct world *w = *state;
	struct uns_shift_job job = {.scanned = {.tv_sec = INT32_MAX}};
	char path[PATH_MAX];
	int fd = open(scratch_path(&w->s, "data", path), O_RDONLY | O_DIRECTORY);
	struct stat st;

	assert_true(fd >= 0);
	for (size_t i = 0; i < 3; i++) {
		struct uns_shift_names part = {.n = 0}, all = {.n = 0}, *parts[] = {&part};

		/* As the directory before left it. */
		part.in_list = 1024;
		assert_int_equal(remembers(&part, &job, fd, modes[i][0], 1024), modes[i][0] == 0755);
		assert_int_equal(remembers(&part, &job, fd, modes[i][1], 1), i != 1 && modes[i][0] == 0755);
		assert_int_equal(uns_shift_names_join(&all, parts, 1, NULL), 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(uns_shift_names_of(&all, st.st_dev, st.st_ino, &st), i == 2 ? 2 : 0);
		uns_shift_names_done(&part);
		uns_shift_names_done(&all);
	}
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ZOO(there_and_back_nothing_is_lost),
	    ZOO(what_is_right_is_not_touched),
	    ZOO(observing_changes_nothing),
	    TEST(capabilities_made_inside_come_home_as_version_2),
	    ZOO(killed_anywhere_it_goes_on_either_way),
	    ZOO(killed_on_the_way_home),
	    ZOO(a_capability_lost_before_its_owner_comes_back),
	    ZOO(an_error_half_way_is_incomplete),
	    ZOO(verification_finds_a_lost_bit),
	    ZOO(writing_meanwhile_is_told_apart),
	    TEST(a_directory_is_trusted_as_a_whole),
	    TEST(a_name_that_went_to_another_inode_is_found),
	    TEST(a_change_that_does_nothing_is_found),
	    TEST(a_reused_number_gets_no_bit),
	    TEST(a_bit_lost_on_an_overlay_comes_back),
	    TEST(a_reused_number_is_not_foreign),
	    TEST(an_older_record_is_read),
	    TEST(what_is_wrong_in_a_record_is_named),
	    TEST(what_was_on_a_device_is_found_elsewhere),
	    TEST(what_is_in_the_place_of_a_device_is_told_apart),
	    TEST(what_is_gone_with_its_device_is_told),
	    TEST(what_is_gone_on_the_way_home_is_told_once),
	    TEST(what_others_changed_since_is_kept),
	    TEST(what_was_written_meanwhile_gets_no_bit),
	    TEST(a_bit_that_came_since_the_scan_is_kept),
	    TEST(another_tree_in_its_place_is_left_alone),
	    TEST(an_acl_that_cannot_be_mapped_keeps_nothing_from_its_way),
	    TEST(names_of_all_lengths_are_found),
	    TEST(a_link_made_meanwhile_is_left_alone),
	    TEST(a_directory_that_the_scan_missed_loses_nothing),
	    TEST(what_changes_places_keeps_its_own),
	    TEST(strangers_are_squashed_and_get_back_what_they_had),
	    TEST(squashing_can_be_killed_anywhere),
	    TEST(squashing_two_of_one_acl_is_refused),
	    ZOO(errors_can_be_passed_over),
	    TEST(ids_that_cannot_be_mapped_are_refused),
	    TEST(ids_already_in_the_range_are_refused_or_never_touched),
	    TEST(more_than_a_record_holds_is_refused),
	    TEST(hard_links_that_lead_out_are_refused),
	    TEST(symlinks_in_the_place_of_data_are_refused),
	    ZOO(flags_are_refused),
	    TEST(acls_that_name_an_id_twice_are_refused),
	    TEST(mixed_owners_are_foreign),
	    TEST(what_engines_make_at_home_is_no_contradiction),
	    TEST(nothing_there_is_either),
	    cmocka_unit_test(args_are_checked),
	    TEST(it_describes_itself),
	    TEST(directories_are_opened_and_closed_as_they_were),
	    TEST(a_first_way_back_has_no_record),
	    TEST(mixed_directories_are_foreign),
	    TEST(owner_mode_killed_anywhere),
	    TEST(an_owner_mode_group_must_be_one_of_a_range),
	};

	return cmocka_run_group_tests_name("shift", tests, NULL, NULL);
}
