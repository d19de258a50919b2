/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes which IDs: the account files, nsswitch.conf(5), login.defs(5), data roots of engines, and which software is there that
 * has ranges of its own. The rest of struct uns_idfacts is read by live.c, nss.c, sssd.c, idlock.c and libsubid.c. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"
#include "uns/num.h"
#include "uns/vec.h"

/* ---- freeing ---- */

static void trees_done(struct uns_idfacts *f)
{
	for (size_t i = 0; i < f->trees; i++)
		free(f->tree[i].path);
	free(f->tree);
	f->tree = NULL;
	f->trees = 0;
}

static void locks_done(struct uns_idfacts *f)
{
	for (size_t i = 0; i < f->locks; i++)
		free(f->lock[i].path);
	free(f->lock);
}

void uns_idfacts_done(struct uns_idfacts *f)
{
	uns_accounts_done(&f->users);
	uns_accounts_done(&f->groups);
	for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++) {
		uns_accounts_done(&f->nss[k]);
		uns_subid_done(&f->sub[k].s);
		uns_rangeset_done(&f->plugin[k]);
		uns_rangeset_done(&f->scanned[k]);
	}
	uns_rangeset_done(&f->sssd);
	free(f->subid_source);
	free(f->by_name);
	free(f->live);
	trees_done(f);
	locks_done(f);
	*f = (struct uns_idfacts){ 0 };
}

/* ---- the account files ---- */

static int read_accounts(const struct uns_root *root, struct uns_idfacts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf users = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf groups = UNS_BUF_INIT;

	if (uns_root_read(root, "/etc/passwd", UNS_HOST_MAX_ACCOUNTS, &users, NULL, err) < 0 ||
	    uns_passwd_parse(users.data ? users.data : "", users.len, &f->users, err) < 0)
		return -1;
	if (uns_root_read(root, "/etc/group", UNS_HOST_MAX_ACCOUNTS, &groups, NULL, err) < 0)
		return -1;
	return uns_group_parse(groups.data ? groups.data : "", groups.len, &f->groups, err);
}

static int read_subid(const struct uns_root *root, const char *path, struct uns_subid_file *file, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct stat st;
	int r = uns_root_stat(root, path, &st, err);

	if (r)
		return r < 0 ? -1 : 0;
	file->symlink = S_ISLNK(st.st_mode);
	r = uns_root_read(root, path, UNS_HOST_MAX_SUBID, &text, &st, err);
	if (r) /* also a symlink that leads nowhere */
		return r < 0 ? -1 : 0;
	file->exists = true;
	file->mode = st.st_mode & 07777;
	file->uid = st.st_uid;
	file->gid = st.st_gid;
	return uns_subid_read(&text, &file->s, err);
}

/* A file of settings below /etc, or the distribution's below /usr/etc (SUSE). 0; 1 when there is none. */
static int read_setting_file(const struct uns_root *root, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	static const char *const dirs[] = { "/etc", "/usr/etc" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", dirs[i], name);
		int r = path ? uns_root_read(root, path, UNS_HOST_MAX_CONFIG, ret, NULL, err) : -1;

		if (r <= 0)
			return r;
	}
	return 1;
}

/* ---- nsswitch.conf ---- */

/* Whether a list of services has one that knows accounts which passwd and group do not. */
static bool beyond_files(const char *s)
{
	static const char *const local[] = { "files", "compat", "db" };

	while (*(s += strspn(s, " \t"))) {
		size_t len = strcspn(s, " \t["), known = 0;

		if (*s == '[') { /* an action: [NOTFOUND=return] */
			s += strcspn(s, "]");
			s += *s == ']';
			continue;
		}
		for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
			known += strlen(local[i]) == len && strncmp(s, local[i], len) == 0;
		if (!known)
			return true;
		s += len;
	}
	return false;
}

/* As shadow's nss_init: the first line that has a word counts, and of it the first word; a name of more than 50 bytes is none. */
static int take_subid_source(const char *line, struct uns_idfacts *f, bool *found, struct uns_err *err)
{
	uns_auto_free char *word = NULL;
	const char *s = line + strlen("subid:");
	size_t len;

	s += strspn(s, " \t");
	len = strcspn(s, " \t");
	*found = len > 0;
	if (len == 0 || len > 50 || *s == '#')
		return 0;
	word = strndup(s, len);
	if (!word)
		return uns_err_nomem(err);
	if (strcmp(word, "files") != 0)
		f->subid_source = uns_take_ptr(word);
	return 0;
}

static int read_nsswitch(const struct uns_root *root, struct uns_idfacts *f, struct uns_err *err)
{
	static const char *const names[UNS_IDKINDS] = { "passwd:", "group:" };
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	bool found = false;
	size_t at = 0;
	char *line;

	if (read_setting_file(root, "nsswitch.conf", &text, err) < 0)
		return -1;
	while ((line = uns_host_line(&text, &at))) {
		if (!found && strncasecmp(line, "subid:", 6) == 0 && take_subid_source(line, f, &found, err) < 0)
			return -1;
		line += strspn(line, " \t");
		line[strcspn(line, "#")] = '\0';
		for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS && !f->offline; k++)
			if (uns_str_starts(line, names[k]) && beyond_files(line + strlen(names[k])))
				f->has_nss[k] = true;
	}
	return 0;
}

/* ---- login.defs ---- */

enum { DEF_MIN, DEF_MAX, DEF_SYS_MAX, DEF_SUB_MIN, DEF_SUB_MAX, DEF_SUB_COUNT, DEFS };

static const char *const def_names[DEFS][UNS_IDKINDS] = {
	[DEF_MIN] = { "UID_MIN", "GID_MIN" },
	[DEF_MAX] = { "UID_MAX", "GID_MAX" },
	[DEF_SYS_MAX] = { "SYS_UID_MAX", "SYS_GID_MAX" },
	[DEF_SUB_MIN] = { "SUB_UID_MIN", "SUB_GID_MIN" },
	[DEF_SUB_MAX] = { "SUB_UID_MAX", "SUB_GID_MAX" },
	[DEF_SUB_COUNT] = { "SUB_UID_COUNT", "SUB_GID_COUNT" },
};

struct def {
	bool set;
	uint32_t value;
};

static unsigned digit_of(char c)
{
	if (isdigit((unsigned char)c))
		return (unsigned)(c - '0');
	return isalpha((unsigned char)c) ? (unsigned)(tolower((unsigned char)c) - 'a') + 10 : 99;
}

/* As shadow reads it (strtoul with base 0): 0x is hexadecimal, 0 octal. What does not fit into 32 bits is beyond all IDs. */
static bool read_def(const char *s, uint32_t *ret)
{
	unsigned base = 10;
	uint64_t n = 0;

	s += *s == '+';
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = digit_of(*s);
		if (digit >= base || n > (UINT64_MAX - digit) / base)
			return false;
		n = n * base + digit;
	}
	*ret = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	return true;
}

/* As shadow's def_load: a later line replaces an earlier one, also when its value is no number, which then means the default. */
static void take_def(char *line, struct def def[DEFS][UNS_IDKINDS])
{
	char *name = line + strspn(line, " \t");
	char *value = name + strcspn(name, " \t");

	if (!*value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t\"");
	value[strcspn(value, "\"")] = '\0';
	for (size_t i = 0; i < DEFS; i++)
		for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++)
			if (strcmp(name, def_names[i][k]) == 0)
				def[i][k].set = read_def(value, &def[i][k].value);
}

static uint32_t def_or(const struct def *d, uint32_t standard)
{
	return d->set ? d->value : standard;
}

static int read_login_defs(const struct uns_root *root, struct uns_login_defs *ret, struct uns_err *err)
{
	struct def def[DEFS][UNS_IDKINDS] = { 0 };
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t at = 0;
	char *line;

	if (read_setting_file(root, "login.defs", &text, err) < 0)
		return -1;
	while ((line = uns_host_line(&text, &at)))
		take_def(line, def);
	for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++) {
		ret->id_min[k] = def_or(&def[DEF_MIN][k], 1000);
		ret->id_max[k] = def_or(&def[DEF_MAX][k], 60000);
		ret->sys_max[k] = def_or(&def[DEF_SYS_MAX][k], ret->id_min[k] ? ret->id_min[k] - 1 : 0);
		ret->sub_min[k] = def_or(&def[DEF_SUB_MIN][k], 100000);
		ret->sub_max[k] = def_or(&def[DEF_SUB_MAX][k], 600100000);
		ret->sub_count[k] = def_or(&def[DEF_SUB_COUNT][k], 65536);
		ret->sub_set[k] = def[DEF_SUB_MIN][k].set || def[DEF_SUB_MAX][k].set;
	}
	return 0;
}

/* ---- trees ---- */

static int add_tree(const struct uns_root *root, const char *dir, const char *name, struct uns_idfacts *f, size_t *cap,
                    struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
	size_t dot = strcspn(name, ".");
	struct uns_idtree t = { 0 }, *v;
	struct stat st;

	if (!path)
		return -1;
	if (!uns_layout_is_remap_dir(name) || uns_num_u32(name, dot, &t.start[UNS_UID]) < 0 ||
	    uns_num_u32(name + dot + 1, strlen(name + dot + 1), &t.start[UNS_GID]) < 0)
		return 0;
	if (uns_root_stat(root, path, &st, err) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	v = uns_vec_room(f->tree, f->trees, cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	f->tree = v;
	t.path = uns_take_ptr(path);
	f->tree[f->trees++] = t;
	return 0;
}

int uns_host_read_trees(const struct uns_root *root, const char *data_root, struct uns_idfacts *f, struct uns_err *err)
{
	struct uns_err ignored = { 0 };
	uns_auto_free char *dir = uns_root_resolve(root, data_root, &ignored);
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	size_t cap = 0;

	trees_done(f);
	/* Absent, or kept from us: what cannot be seen is no reason to refuse the rest. */
	if (!dir || uns_root_list(root, dir, &names, &ignored) != 0)
		return 0;
	for (size_t i = 0; i < names.n; i++)
		if (add_tree(root, dir, names.v[i], f, &cap, err) < 0)
			return -1;
	return 0;
}

/* As daemon.json says; "graph" is the name before 17.05. A file that dockerd would refuse says nothing. */
static int read_docker_trees(const struct uns_root *root, struct uns_idfacts *f, struct uns_err *err)
{
	static const char *const keys[] = { "graph", "data-root" };
	uns_auto_free char *dir = uns_str_dup("/var/lib/docker", err);
	uns_auto_free char *absolute = NULL;
	uns_auto_json json_t *j = NULL;
	struct uns_err ignored;

	if (!dir)
		return -1;
	if (uns_host_read_object(root, "/etc/docker/daemon.json", UNS_HOST_MAX_CONFIG, &j, &ignored) == 0)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (uns_json_copy(j, keys[i], &dir, err) < 0)
				return -1;
	absolute = uns_str_printf(err, "%s%s", *dir == '/' ? "" : "/", dir);
	return absolute ? uns_host_read_trees(root, absolute, f, err) : -1;
}

/* ---- what is there ---- */

/* Where packages (of the distributions, and upstream's) put what tells that the software is there. */
static const struct {
	unsigned bit;
	const char *path;
} marks[] = {
	{ UNS_HAS_SYSTEMD, "/usr/lib/systemd/systemd" },
	{ UNS_HAS_SYSTEMD, "/lib/systemd/systemd" },
	{ UNS_HAS_KUBELET, "/usr/bin/kubelet" },
	{ UNS_HAS_KUBELET, "/usr/local/bin/kubelet" },
	{ UNS_HAS_KUBELET, "/var/lib/kubelet" },
	{ UNS_HAS_INCUS, "/var/lib/incus" },
	{ UNS_HAS_INCUS, "/var/lib/lxd" },
	{ UNS_HAS_INCUS, "/var/snap/lxd" },
	{ UNS_HAS_INCUS, "/usr/bin/incusd" },
	{ UNS_HAS_INCUS, "/usr/bin/lxd" },
	{ UNS_HAS_SNAPD, "/usr/lib/snapd" },
	{ UNS_HAS_SNAPD, "/var/lib/snapd/state.json" },
	{ UNS_HAS_IPA, "/etc/ipa/default.conf" },
	{ UNS_HAS_SSSD, "/etc/sssd/sssd.conf" },
	{ UNS_HAS_APPTAINER, "/usr/bin/apptainer" },
	{ UNS_HAS_APPTAINER, "/etc/apptainer" },
	{ UNS_HAS_DOCKER, "/usr/bin/dockerd" },
	{ UNS_HAS_DOCKER, "/usr/sbin/dockerd" },
	{ UNS_HAS_DOCKER, "/etc/docker" },
	{ UNS_HAS_PODMAN, "/usr/bin/podman" },
	{ UNS_HAS_PODMAN, "/etc/containers" },
};

/* What may not be looked at counts as absent. */
static bool is_there(const struct uns_root *root, const char *path)
{
	struct uns_err ignored;
	struct stat st;

	return uns_root_stat(root, path, &st, &ignored) == 0;
}

static bool has_homes(const struct uns_root *root)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_err ignored;

	if (uns_root_list(root, "/var/lib/systemd/home", &names, &ignored) == 0 && names.n > 0)
		return true;
	/* Many packages of systemd bring the daemon; who configured it means to use it. */
	return is_there(root, "/etc/systemd/homed.conf") && is_there(root, "/usr/lib/systemd/systemd-homed");
}

static void read_presence(const struct uns_root *root, struct uns_idfacts *f)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (!(f->present & marks[i].bit) && is_there(root, marks[i].path))
			f->present |= marks[i].bit;
	if (!f->offline && is_there(root, "/run/systemd/system"))
		f->present |= UNS_HAS_SYSTEMD;
	if (has_homes(root))
		f->present |= UNS_HAS_HOMED;
}

/* ---- all ---- */

static int read_files(const struct uns_root *root, struct uns_idfacts *f, struct uns_err *err)
{
	if (read_accounts(root, f, err) < 0)
		return -1;
	for (enum uns_idkind k = UNS_UID; k < UNS_IDKINDS; k++)
		if (read_subid(root, UNS_SUBID_FILE(k), &f->sub[k], err) < 0)
			return -1;
	if (read_nsswitch(root, f, err) < 0 || read_login_defs(root, &f->defs, err) < 0)
		return -1;
	if (uns_host_read_sssd(root, f, err) < 0 || read_docker_trees(root, f, err) < 0)
		return -1;
	read_presence(root, f);
	return uns_host_read_locks(root, "/proc", f, err);
}

int uns_idfacts_read(const struct uns_root *root, struct uns_idfacts *ret, struct uns_err *err)
{
	struct uns_idfacts f = { .offline = !root->is_host };
	int r = read_files(root, &f, err);

	if (r == 0 && !f.offline)
		r = uns_host_read_live("/proc", &f, err);
	if (r == 0 && !f.offline)
		r = uns_host_read_plugin(&f, err);
	if (r < 0) {
		uns_idfacts_done(&f);
		return -1;
	}
	*ret = f;
	return 0;
}

static int add_blocks(const struct uns_rangeset *found, const char *base, struct uns_rangeset *ret, struct uns_err *err)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct uns_taken *t = &found->v[i];
		uns_auto_free char *path = NULL;

		if (t->range.start < UNS_ID_BLOCK)
			continue;
		path = strcmp(t->who, ".") == 0 ? uns_str_dup(base, err)
		                                : uns_str_printf(err, "%s/%s", strcmp(base, "/") == 0 ? "" : base, t->who);
		if (!path || uns_rangeset_add(ret, t->range, path, err) < 0)
			return -1;
	}
	return 0;
}

int uns_idfacts_scan(const struct uns_root *root, const char *path, struct uns_idfacts *f, struct uns_err *err)
{
	static const char *const all[] = { "." };
	uns_auto(uns_census_done) struct uns_census c = { 0 };
	const struct uns_rangeset *found[UNS_IDKINDS] = { &c.uid_blocks, &c.gid_blocks };
	uns_auto_free char *resolved = uns_root_resolve(root, path, err);
	struct uns_tree tree;
	int r;

	if (!resolved || uns_tree_open(root, resolved, &tree, err) < 0)
		return -1;
	r = uns_tree_census(&tree, all, 1, NULL, false, &c, err);
	uns_tree_close(&tree);
	for (enum uns_idkind k = UNS_UID; r == 0 && k < UNS_IDKINDS; k++)
		r = add_blocks(found[k], path, &f->scanned[k], err);
	return r;
}
