/* SPDX-License-Identifier: Apache-2.0 */
/* The places that a change writes to: the way to the data root, its file system, inodes that cannot be changed, room, and the trees of
 * earlier remappings. */
#include "hostfacts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "uns/cleanup.h"
#include "uns/layout.h"
#include "uns/num.h"
#include "uns/tree.h"
#include "uns/vec.h"

#define JOURNAL "/var/lib/usernsctl" /* of transactions, which are two floors above */

/* ---- the way to the data root ---- */

static int add_parent(const struct uns_root *root, const char *path, size_t len, size_t *cap, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *copy = strndup(path, len);
	struct uns_parent *v = uns_vec_room(h->parent, h->parents, cap, sizeof(*v));
	struct uns_err why = {.errnum = 0};
	struct stat st;
	int r;

	if (v)
		h->parent = v;
	if (!copy || !v)
		return uns_err_nomem(err);
	r = uns_root_stat(root, copy, &st, &why);
	if (r < 0 && h->told)
		return 0;
	if (r < 0 && err)
		*err = why;
	if (r == 0 && S_ISDIR(st.st_mode))
		h->parent[h->parents++] = (struct uns_parent){uns_take_ptr(copy), st.st_uid, st.st_gid, st.st_mode & 07777};
	return r < 0 ? -1 : 0;
}

/* The path is resolved: none of its parts is a symlink. */
static int read_parents(const struct uns_root *root, const char *path, struct uns_hostfacts *h, struct uns_err *err)
{
	size_t cap = 0;

	for (const char *slash = path; slash; slash = strchr(slash + 1, '/'))
		if (add_parent(root, path, slash == path ? 1 : (size_t)(slash - path), &cap, h, err) < 0)
			return -1;
	return 0;
}

/* ---- inodes that cannot be changed ---- */

/* The descriptor's inode; closes it. */
static int add_fixed(int fd, const char *path, enum uns_touched what, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_close int held = fd;
	struct statx stx;
	struct uns_fixed *v;

	if (statx(held, "", AT_EMPTY_PATH, STATX_TYPE, &stx) < 0 || !(stx.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)))
		return 0;
	h->fixed_all[what]++;
	if (h->fixeds == UNS_FIXED_LISTED)
		return 0;
	v = reallocarray(h->fixed, h->fixeds + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	h->fixed = v;
	v[h->fixeds] = (struct uns_fixed){uns_str_dup(path, err), what, !(stx.stx_attributes & STATX_ATTR_IMMUTABLE)};
	return v[h->fixeds++].path ? 0 : -1;
}

/* What is absent, or a symlink, is not changed itself. */
static int look_at(const struct uns_root *root, const char *path, enum uns_touched what, struct uns_hostfacts *h, struct uns_err *err)
{
	struct uns_err absent;
	int fd = path ? uns_root_openat(root, path, O_PATH | O_NOFOLLOW, &absent) : -1;

	return fd < 0 ? 0 : add_fixed(fd, path, what, h, err);
}

static int look_below(const struct uns_tree *tree, const char *name, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *path = strcmp(name, ".") == 0 ? uns_str_dup(tree->path, err) : uns_str_printf(err, "%s/%s", tree->path, name);
	struct uns_err absent;
	int fd = path ? uns_tree_openat(tree, name, O_PATH, &absent) : -1;

	if (!path)
		return -1;
	return fd < 0 ? 0 : add_fixed(fd, path, UNS_TOUCHED_DATA, h, err);
}

static int pass_unread(void *user, const char *path, const struct uns_err *why)
{
	(void)user;
	(void)path;
	return uns_tree_fails_alone(why) ? 0 : -1;
}

/* Directories that get the group of the range, files that are rewritten, entries that are moved. What is below is the census's.
 * unread: there is what it could not read, so that nothing will be changed. */
static int list_touched(const struct uns_tree *tree, const struct uns_store *s, bool unread, struct uns_strs *ret, struct uns_err *err)
{
	const struct uns_glob_past past = {pass_unread, NULL};
	uns_auto(uns_strs_done) struct uns_strs patterns = UNS_STRS_INIT;

	if (uns_layout_structure(&s->drivers, true, &patterns, err) < 0)
		return -1;
	for (size_t i = 0; uns_layout_json_files[i]; i++)
		if (uns_strs_add(&patterns, uns_layout_json_files[i], err) < 0)
			return -1;
	for (size_t i = 0; i < s->entries.n; i++)
		if (uns_strs_add(ret, s->entries.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < patterns.n; i++)
		if (uns_tree_glob_past(tree, patterns.v[i], ret, NULL, unread ? &past : NULL, err) < 0)
			return -1;
	uns_strs_sort(ret);
	return 0;
}

static int look_at_data(const struct uns_root *root, const char *base, const struct uns_store *s, bool unread, struct uns_hostfacts *h,
                        struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_tree tree;
	int r;

	if (uns_tree_open(root, base, &tree, err) < 0)
		return -1;
	r = list_touched(&tree, s, unread, &names, err);
	h->touched = names.n;
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (i == 0 || strcmp(names.v[i], names.v[i - 1]) != 0)
			r = look_below(&tree, names.v[i], h, err);
	uns_tree_close(&tree);
	return r;
}

static int look_at_files(const struct uns_root *root, const struct uns_facts *f, struct uns_hostfacts *h, struct uns_err *err)
{
	static const char *const accounts[] = {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"};
	static const char *const subids[] = {"/etc", "/etc/subuid", "/etc/subgid"};
	const char *const options[] = {f->config_file, f->env_file};

	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		if (look_at(root, accounts[i], UNS_TOUCHED_ACCOUNTS, h, err) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(subids) / sizeof(subids[0]); i++)
		if (look_at(root, subids[i], UNS_TOUCHED_SUBIDS, h, err) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		uns_auto_free char *dir = options[i] ? uns_str_dup(options[i], err) : NULL;

		if (options[i] && !dir)
			return -1;
		if (!dir || dir == strrchr(dir, '/'))
			continue;
		*strrchr(dir, '/') = '\0';
		if (look_at(root, options[i], UNS_TOUCHED_OPTIONS, h, err) < 0 || look_at(root, dir, UNS_TOUCHED_OPTIONS, h, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- files that cannot be replaced ---- */

/* What says which mount a descriptor is on, since Linux 3.15; "": not known. */
static int read_mount_id(int fd, char ret[32], struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "/proc/self/fdinfo/%d", fd);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t at = 0;
	char *line;

	*ret = '\0';
	if (!path || uns_host_read_proc(path, &text, err) < 0)
		return -1;
	while ((line = uns_host_line(&text, &at)))
		if (uns_str_starts(line, "mnt_id:"))
			snprintf(ret, 32, "%s", line);
	return 0;
}

static int add_pinned(const char *path, enum uns_touched what, enum uns_pin why, struct uns_hostfacts *h, struct uns_err *err)
{
	struct uns_pinned *v = reallocarray(h->pinned, h->pinneds + 1, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	h->pinned = v;
	v[h->pinneds] = (struct uns_pinned){uns_str_dup(path, err), what, why};
	return v[h->pinneds++].path ? 0 : -1;
}

/* What is absent, or a symlink, is on no mount of its own: a rename replaces it. */
static int look_at_pin(const struct uns_root *root, const char *path, enum uns_touched what, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_dup(path, err);
	char mine[32] = "", above[32] = "";
	struct uns_err absent;
	bool readonly = false;
	struct stat st;

	if (!dir)
		return -1;
	*strrchr(dir, '/') = '\0';
	uns_auto_close int at = uns_root_openat(root, *dir ? dir : "/", O_PATH, &absent);
	uns_auto_close int fd = uns_root_openat(root, path, O_PATH | O_NOFOLLOW, &absent);

	if (at >= 0 && fd >= 0 && (read_mount_id(at, above, err) < 0 || read_mount_id(fd, mine, err) < 0))
		return -1;
	if (strcmp(mine, above) != 0)
		return add_pinned(path, what, UNS_PIN_MOUNT, h, err);
	if (!root->is_host && what == UNS_TOUCHED_ACCOUNTS && fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		return add_pinned(path, what, UNS_PIN_SYMLINK, h, err);
	/* The places of options say so by themselves: OptionsReadOnly. */
	if (what == UNS_TOUCHED_OPTIONS)
		return 0;
	if (uns_host_is_readonly(root, dir, &readonly, err) < 0)
		return -1;
	return readonly ? add_pinned(path, what, UNS_PIN_READONLY, h, err) : 0;
}

static int read_pinned(const struct uns_root *root, const struct uns_facts *f, struct uns_hostfacts *h, struct uns_err *err)
{
	const struct {
		const char *path;
		enum uns_touched what;
	} files[] = {
	    {"/etc/passwd", UNS_TOUCHED_ACCOUNTS},   {"/etc/group", UNS_TOUCHED_ACCOUNTS}, {"/etc/shadow", UNS_TOUCHED_ACCOUNTS},
	    {"/etc/gshadow", UNS_TOUCHED_ACCOUNTS},  {"/etc/subuid", UNS_TOUCHED_SUBIDS},  {"/etc/subgid", UNS_TOUCHED_SUBIDS},
	    {f->config_file, UNS_TOUCHED_OPTIONS},   {f->env_file, UNS_TOUCHED_OPTIONS},
	};
	bool readonly = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].path && strchr(files[i].path, '/') && look_at_pin(root, files[i].path, files[i].what, h, err) < 0)
			return -1;
	if (uns_host_is_readonly(root, JOURNAL, &readonly, err) < 0)
		return -1;
	return readonly ? add_pinned(JOURNAL, UNS_TOUCHED_JOURNAL, UNS_PIN_READONLY, h, err) : 0;
}

/* ---- the file system ---- */

static const struct {
	uint32_t magic;
	const char *name;
	enum uns_ownership owners;
	bool copy_on_write;
} file_systems[] = {
    {MSDOS_SUPER_MAGIC, "vfat", UNS_OWNERS_NONE, false},
    {EXFAT_SUPER_MAGIC, "exfat", UNS_OWNERS_NONE, false},
    {0xff534d42u, "cifs", UNS_OWNERS_NONE, false},
    {0xfe534d42u, "smb3", UNS_OWNERS_NONE, false},
    {0x7366746eu, "ntfs3", UNS_OWNERS_NONE, false},
    {NFS_SUPER_MAGIC, "nfs", UNS_OWNERS_REMOTE, false},
    {0x65735546u, "fuse", UNS_OWNERS_REMOTE, false},
    {V9FS_MAGIC, "9p", UNS_OWNERS_REMOTE, false},
    {AFS_SUPER_MAGIC, "afs", UNS_OWNERS_REMOTE, false},
    {BTRFS_SUPER_MAGIC, "btrfs", UNS_OWNERS_KEPT, true},
    {0xca451a4eu, "bcachefs", UNS_OWNERS_KEPT, true},
    {0x2fc12fc1u, "zfs", UNS_OWNERS_KEPT, true},
};

/* The path, or the nearest directory above it that is there; told: and that may be looked at. */
static int open_nearest(const struct uns_root *root, const char *path, bool told, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_dup(path, err);
	struct uns_err why = {.errnum = 0};

	while (dir) {
		int fd = uns_root_openat(root, *dir ? dir : "/", O_PATH | O_DIRECTORY, &why);

		if (fd >= 0)
			return fd;
		if ((why.errnum != ENOENT && !(told && why.errnum == EACCES)) || !strrchr(dir, '/') || !*dir)
			break;
		*strrchr(dir, '/') = '\0';
	}
	if (dir && err)
		*err = why;
	return -1;
}

static int read_space(const struct uns_root *root, const char *path, bool told, struct uns_space *ret, struct uns_err *err)
{
	uns_auto_close int fd = open_nearest(root, path, told, err);
	struct statvfs vfs;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstatvfs(fd, &vfs) < 0 || fstat(fd, &st) < 0)
		return uns_err_sys(err, errno, "cannot look at the file system of %s", path);
	/* What is reserved for root counts: that is who writes. */
	*ret = (struct uns_space){path, st.st_dev, (uint64_t)vfs.f_bfree * vfs.f_frsize, vfs.f_files ? vfs.f_ffree : UINT64_MAX};
	return 0;
}

static int read_type(const struct uns_root *root, const char *path, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_close int fd = open_nearest(root, path, h->told, err);
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs) < 0)
		return uns_err_sys(err, errno, "cannot look at the file system of %s", path);
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		if ((uint32_t)fs.f_type != file_systems[i].magic)
			continue;
		h->owners = file_systems[i].owners;
		h->copy_on_write = file_systems[i].copy_on_write;
		h->fstype = uns_str_dup(file_systems[i].name, err);
		return h->fstype ? 0 : -1;
	}
	return 0;
}

/* ---- mount options ---- */

static bool has_option(const char *options, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = options; *s; s += strcspn(s, ","), s += *s == ',')
		if (strcspn(s, ",") == len && strncmp(s, name, len) == 0)
			return true;
	return false;
}

/* Limits of users and groups: ext4 and xfs name them so (ext4(5), xfs(5)); uqnoenforce and gqnoenforce only count. */
static int read_quota(const char *options, struct uns_hostfacts *h, struct uns_err *err)
{
	static const char *const names[] = {"quota", "usrquota", "grpquota", "uquota", "gquota", "usrjquota", "grpjquota"};
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (const char *s = options; *s; s += strcspn(s, ","), s += *s == ',') {
		size_t len = strcspn(s, ","), name = strcspn(s, ",=");

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strlen(names[i]) == name && strncmp(s, names[i], name) == 0 &&
			    uns_buf_printf(&b, err, "%s%.*s", b.len ? "," : "", (int)len, s) < 0)
				return -1;
	}
	if (!b.len)
		return 0;
	h->quota = uns_buf_take(&b, err);
	return h->quota ? 0 : -1;
}

int uns_host_read_mount_options(const char *text, size_t len, const char *data_root, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto(uns_mounts_done) struct uns_mounts mounts = {.n = 0};
	const struct uns_mount *m;

	if (uns_mountinfo_parse(text, len, &mounts, err) < 0)
		return -1;
	m = uns_mounts_of(&mounts, data_root);
	if (!m)
		return 0;
	free(h->fstype);
	free(h->mount_point);
	h->fstype = uns_str_dup(m->fstype, err);
	h->mount_point = uns_str_dup(m->point, err);
	h->noexec = has_option(m->options, "noexec");
	h->nosuid = has_option(m->options, "nosuid");
	h->no_acl = has_option(m->super, "noacl");
	return h->fstype && h->mount_point ? read_quota(m->super, h, err) : -1;
}

static int read_mount(const char *data_root, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (uns_host_read_proc("/proc/self/mountinfo", &text, err) != 0)
		return uns_err_set(err, UNS_E_FAILED, "/proc/self/mountinfo: cannot be read; mount proc(5) on /proc");
	return uns_host_read_mount_options(text.data ? text.data : "", text.len, data_root, h, err);
}

/* ---- old trees ---- */

/* What one thread has counted. An inode with n names counts 1/n at each of them. */
struct sum {
	double files, bytes;
	int64_t newest;
	uint64_t seen;
	int64_t until;
	atomic_bool *cut;
};

static int visit(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct sum *s = user;

	if (S_ISREG(e->mode)) {
		double names = e->nlink ? e->nlink : 1; /* 0: removed meanwhile */

		s->files += 1 / names;
		s->bytes += (double)e->size / names;
		if (e->mtime_sec > s->newest)
			s->newest = e->mtime_sec;
	}
	if (s->seen++ % 256 == 0 && uns_idfacts_clock() >= s->until)
		atomic_store(s->cut, true);
	return atomic_load(s->cut) ? uns_err_set(err, UNS_E_FAILED, "the time is over") : 0;
}

static bool wants_nothing(void *user, const struct uns_entry *e)
{
	(void)user;
	(void)e;
	return false;
}

/* What cannot be read does not count. */
static int passed_over(void *user, const char *path, const struct uns_err *why)
{
	struct sum *s = user;

	(void)path;
	(void)why;
	return atomic_load(s->cut) ? -1 : 0;
}

static int measure(const struct uns_tree *tree, int64_t until, struct uns_old_tree *ret, struct uns_err *err)
{
	struct sum sum[UNS_WALK_JOBS] = {{.files = 0}};
	void *users[UNS_WALK_JOBS];
	struct uns_walk w = {.jobs = UNS_WALK_JOBS, .visit = visit, .wants = wants_nothing, .failed = passed_over, .users = users};
	uns_auto(uns_strs_done) struct uns_strs all = UNS_STRS_INIT;
	atomic_bool cut = false;
	struct uns_err why;
	double files = 0, bytes = 0;

	for (size_t i = 0; i < UNS_WALK_JOBS; i++) {
		sum[i] = (struct sum){.until = until, .cut = &cut};
		users[i] = &sum[i];
	}
	if (uns_strs_add(&all, ".", err) < 0)
		return -1;
	ret->cut = uns_tree_walk_with(tree, &all, &w, &why) < 0 || atomic_load(&cut);
	for (size_t i = 0; i < UNS_WALK_JOBS; i++) {
		files += sum[i].files;
		bytes += sum[i].bytes;
		ret->newest = sum[i].newest > ret->newest ? sum[i].newest : ret->newest;
	}
	ret->files = uns_num_rounded(files);
	ret->bytes = uns_num_rounded(bytes);
	return 0;
}

/* Whether anybody would miss it: as uns_plan_has_data asks of the trees that settings use. */
static int count_data(const struct uns_root *root, const char *path, struct uns_old_tree *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs drivers = UNS_STRS_INIT;
	int r = uns_host_count_store(root, path, &drivers, &ret->containers, &ret->volumes, err);

	ret->layers = drivers.n > 0;
	return r;
}

/* until: 0 leaves the sizes alone. */
static int add_old(const struct uns_root *root, const char *data_root, const char *name, int64_t until, struct uns_hostfacts *h,
                   struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", data_root, name);
	struct uns_old_tree *v = path ? reallocarray(h->old, h->olds + 1, sizeof(*v)) : NULL;
	struct uns_err gone;
	struct uns_tree tree;
	int r;

	if (!path)
		return -1;
	if (!v)
		return uns_err_nomem(err);
	h->old = v;
	if (uns_tree_open(root, path, &tree, &gone) < 0)
		return 0;
	v[h->olds] = (struct uns_old_tree){.name = uns_str_dup(name, err), .measured = until != 0};
	r = v[h->olds].name ? count_data(root, path, &v[h->olds], err) : -1;
	if (r == 0 && until != 0)
		r = measure(&tree, until, &v[h->olds], err);
	h->olds++;
	uns_tree_close(&tree);
	return r;
}

static int read_old(const struct uns_root *root, const struct uns_facts *f, bool sizes, struct uns_hostfacts *h, struct uns_err *err)
{
	int64_t until = sizes ? uns_idfacts_clock() + UNS_OLD_TREES_LIMIT : 0;

	for (size_t i = 0; i < f->remap_dirs.n; i++) {
		const char *name = f->remap_dirs.v[i];

		if (f->active_dir && strcmp(name, f->active_dir) == 0)
			continue;
		if (add_old(root, f->data_root, name, until, h, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

static int read_data(const struct uns_root *root, const struct uns_facts *f, const struct uns_hostfacts_want *want,
                     struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto_free char *inner = f->active_dir ? uns_str_printf(err, "%s/%s", f->data_root, f->active_dir) : NULL;
	bool nested = want->nested && f->active_dir && uns_strs_has(&f->remap_dirs, f->active_dir);

	if (f->active_dir && !inner)
		return -1;
	if (nested && look_at(root, f->data_root, UNS_TOUCHED_DATA, h, err) < 0)
		return -1;
	if (look_at_data(root, nested ? inner : f->data_root, nested ? &f->nested : &f->flat, f->census.unread.n > 0, h, err) < 0)
		return -1;
	return read_old(root, f, want->sizes, h, err);
}

int uns_host_read_place(const struct uns_root *root, const struct uns_facts *f, const struct uns_hostfacts_want *want,
                        struct uns_hostfacts *h, struct uns_err *err)
{
	const char *const places[] = {
	    [UNS_SPACE_DATA] = f->data_root, [UNS_SPACE_JOURNAL] = JOURNAL, [UNS_SPACE_ETC] = "/etc"};

	for (int i = 0; i < UNS_SPACES; i++)
		if (read_space(root, places[i], f->told, &h->space[i], err) < 0)
			return -1;
	if (read_parents(root, f->data_root, h, err) < 0 || look_at_files(root, f, h, err) < 0 ||
	    read_pinned(root, f, h, err) < 0 || read_type(root, f->data_root, h, err) < 0)
		return -1;
	if (root->is_host && read_mount(f->data_root, h, err) < 0)
		return -1;
	return f->have_data_root && !f->told ? read_data(root, f, want, h, err) : 0;
}
