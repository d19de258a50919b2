/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/txn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/num.h"
#include "uns/sys.h"

#define PLAN_MAX (256u * 1024u * 1024u)
#define NEW_DIR "new"
#define NUMBER_MAX 999999u

const char *const uns_txn_state_names[] = { "pending", "going back", "done", "rolled back" };

static int make_dir(const struct uns_root *root, const char *path, mode_t mode, struct uns_err *err)
{
	uns_auto_close int parent = -1;
	const char *name;

	if (uns_root_parent(root, path, &parent, &name, err))
		return -1;
	if (!uns_sys_mkdir(parent, name, mode))
		return uns_sys_fsync(parent) ? uns_err_sys(err, errno, "cannot sync the directory of %s", path) : 0;
	if (errno == EEXIST)
		return 0;
	uns_err_sys(err, errno, "cannot make %s", path);
	return uns_err_room(err, UNS_TXN_DIR);
}

static int open_dir(const struct uns_root *root, struct uns_err *err)
{
	return uns_root_openat(root, UNS_TXN_DIR, O_RDONLY | O_DIRECTORY, err);
}

int uns_txn_lock(const struct uns_root *root, int *ret_fd, struct uns_err *err)
{
	uns_auto_close int dir = -1;
	uns_auto_close int fd = -1;

	if (make_dir(root, "/var", 0755, err) || make_dir(root, "/var/lib", 0755, err) || make_dir(root, UNS_TXN_DIR, 0700, err))
		return -1;
	dir = open_dir(root, err);
	if (dir < 0)
		return -1;
	fd = uns_sys_create(dir, "lock", O_RDWR, 0600);
	if (fd < 0) {
		uns_err_sys(err, errno, "cannot open " UNS_TXN_DIR "/lock");
		return uns_err_room(err, UNS_TXN_DIR);
	}
	if (uns_lock_fd(fd, UNS_TXN_DIR, err))
		return -1;
	*ret_fd = uns_take_fd(fd);
	return 0;
}

/* A transaction's directory name, at least four digits. 0 when it is something else. */
static unsigned number_of(const char *name)
{
	size_t len = strlen(name), zeros = strspn(name, "0");
	uint32_t n;

	if (len < 4 || zeros == len || uns_num_u32(name + zeros, len - zeros, &n) || n > NUMBER_MAX)
		return 0;
	return n;
}

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

int uns_txn_list(const struct uns_root *root, unsigned **ret, size_t *ret_n, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	unsigned *v;
	size_t n = 0;

	if (uns_root_list(root, UNS_TXN_DIR, &names, err) < 0)
		return -1;
	v = calloc(names.n + 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < names.n; i++)
		if (number_of(names.v[i]))
			v[n++] = number_of(names.v[i]);
	qsort(v, n, sizeof(*v), compare);
	*ret = v;
	*ret_n = n;
	return 0;
}

/* What an earlier, killed creation left; only files that we make there. */
static int drop_new(int dir, struct uns_err *err)
{
	uns_auto_close int old = openat(dir, NEW_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (old < 0)
		return errno == ENOENT ? 0 : uns_err_sys(err, errno, "cannot open " UNS_TXN_DIR "/" NEW_DIR);
	if ((uns_sys_unlink(old, "plan.json", 0) && errno != ENOENT) || (uns_sys_unlink(old, "log", 0) && errno != ENOENT) ||
	    uns_sys_unlink(dir, NEW_DIR, AT_REMOVEDIR))
		return uns_err_sys(err, errno, "cannot remove " UNS_TXN_DIR "/" NEW_DIR);
	return 0;
}

static int write_plan(int fd, const struct uns_plan *plan, struct uns_err *err)
{
	uns_auto_json json_t *j = uns_plan_to_json(plan);
	uns_auto_free char *text = NULL;
	uns_auto_close int file = -1;

	if (!j)
		return uns_err_nomem(err);
	text = uns_json_dump(j, true, err);
	if (!text)
		return -1;
	file = uns_sys_create(fd, "plan.json", O_WRONLY | O_EXCL, 0600);
	if (file < 0 || uns_sys_write(file, text, strlen(text)) || uns_sys_fsync(file))
		return uns_err_sys(err, errno, "cannot write the plan into " UNS_TXN_DIR);
	return 0;
}

/* Everything of the new transaction, still unpublished; t owns what was opened. */
static int fill_new(struct uns_txn *t, int dir, struct uns_err *err)
{
	if (uns_sys_mkdir(dir, NEW_DIR, 0700))
		return uns_err_sys(err, errno, "cannot make " UNS_TXN_DIR "/" NEW_DIR);
	t->dir_fd = openat(dir, NEW_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->dir_fd < 0)
		return uns_err_sys(err, errno, "cannot open " UNS_TXN_DIR "/" NEW_DIR);
	if (write_plan(t->dir_fd, &t->plan, err))
		return -1;
	t->log_fd = uns_sys_create(t->dir_fd, "log", O_RDWR | O_APPEND | O_EXCL, 0600);
	if (t->log_fd < 0)
		return uns_err_sys(err, errno, "cannot make the log of the transaction");
	if (log_reserve(t, err))
		return -1;
	if (uns_sys_fsync(t->log_fd) || uns_sys_fsync(t->dir_fd))
		return uns_err_sys(err, errno, "cannot sync the transaction");
	return 0;
}

static int publish(struct uns_txn *t, int dir, struct uns_err *err)
{
	char name[16];

	snprintf(name, sizeof(name), "%04u", t->number);
	if (uns_sys_rename(dir, NEW_DIR, dir, name, RENAME_NOREPLACE))
		return uns_err_sys(err, errno, "cannot publish transaction %s", name);
	if (uns_sys_fsync(dir)) {
		uns_err_sys(err, errno, "cannot publish transaction %s", name);
		uns_sys_rename(dir, name, dir, NEW_DIR, RENAME_NOREPLACE);
		return -1;
	}
	return 0;
}

static int copy_plan(const struct uns_plan *plan, struct uns_plan *ret, struct uns_err *err)
{
	uns_auto_json json_t *j = uns_plan_to_json(plan);

	return j ? uns_plan_from_json(j, "plan", ret, err) : uns_err_nomem(err);
}

static int alloc_steps(struct uns_txn *t, struct uns_err *err)
{
	t->step = calloc(t->plan.n + 1, sizeof(*t->step));
	return t->step ? 0 : uns_err_nomem(err);
}

static int next_number(const struct uns_root *root, unsigned *ret, struct uns_err *err)
{
	uns_auto_free unsigned *all = NULL;
	size_t n;

	if (uns_txn_list(root, &all, &n, err))
		return -1;
	*ret = n ? all[n - 1] + 1 : 1;
	return 0;
}

int uns_txn_create(const struct uns_root *root, const struct uns_plan *plan, struct uns_txn *ret, struct uns_err *err)
{
	struct uns_txn t = { .dir_fd = -1, .log_fd = -1, .state = UNS_TXN_FORWARD, .started = time(NULL) };
	uns_auto_close int dir = open_dir(root, err);
	struct uns_err second;

	if (dir < 0)
		return -1;
	if (next_number(root, &t.number, err) || drop_new(dir, err) || copy_plan(plan, &t.plan, err) || alloc_steps(&t, err) ||
	    fill_new(&t, dir, err) || publish(&t, dir, err)) {
		drop_new(dir, &second);
		uns_txn_close(&t);
		return uns_err_room(err, UNS_TXN_DIR);
	}
	*ret = t;
	return 0;
}

static int load_plan(struct uns_txn *t, const struct uns_root *root, const char *path, struct uns_err *err)
{
	uns_auto_free char *file = uns_str_printf(err, "%s/plan.json", path);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *j = NULL;
	int r;

	if (!file)
		return -1;
	r = uns_root_read(root, file, PLAN_MAX, &text, NULL, err);
	if (r)
		return r < 0 ? -1 : uns_err_set(err, UNS_E_INPUT, "%s is missing", file);
	if (uns_json_parse(text.data ? text.data : "", text.len, file, &j, err) || uns_plan_from_json(j, file, &t->plan, err))
		return -1;
	return uns_steps_check(&t->plan, file, err);
}

static int load(struct uns_txn *t, const struct uns_root *root, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, UNS_TXN_DIR "/%04u", t->number);

	if (!path)
		return -1;
	t->dir_fd = uns_root_openat(root, path, O_RDONLY | O_DIRECTORY, err);
	if (t->dir_fd < 0 || load_plan(t, root, path, err) || alloc_steps(t, err))
		return -1;
	t->log_fd = openat(t->dir_fd, "log", O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (t->log_fd < 0)
		return uns_err_sys(err, errno, "cannot open %s/log", path);
	return log_fold(t, err);
}

static int load_number(const struct uns_root *root, unsigned number, struct uns_txn *ret, struct uns_err *err)
{
	struct uns_txn t = { .number = number, .dir_fd = -1, .log_fd = -1, .state = UNS_TXN_FORWARD };

	if (load(&t, root, err)) {
		uns_txn_close(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

/* The newest; but the one that is pending, where newer ones were rolled back before it. */
static int load_current(const struct uns_root *root, const unsigned *all, size_t n, struct uns_txn *ret, struct uns_err *err)
{
	for (size_t i = n; i-- > 0;) {
		struct uns_txn t;
		enum uns_txn_state state;

		if (load_number(root, all[i], &t, err))
			return -1;
		state = t.state;
		if (state == UNS_TXN_FORWARD || state == UNS_TXN_BACKWARD || (state == UNS_TXN_DONE && i + 1 == n)) {
			*ret = t;
			return 0;
		}
		uns_txn_close(&t);
		if (state == UNS_TXN_DONE)
			break;
	}
	return load_number(root, all[n - 1], ret, err);
}

int uns_txn_load(const struct uns_root *root, unsigned number, struct uns_txn *ret, struct uns_err *err)
{
	uns_auto_free unsigned *all = NULL;
	size_t n;

	if (uns_txn_list(root, &all, &n, err))
		return -1;
	if (!n || (number && !bsearch(&number, all, n, sizeof(*all), compare)))
		return 1;
	return number ? load_number(root, number, ret, err) : load_current(root, all, n, ret, err);
}

void uns_txn_close(struct uns_txn *t)
{
	uns_closep(&t->dir_fd);
	uns_closep(&t->log_fd);
	uns_plan_done(&t->plan);
	free(t->step);
	*t = (struct uns_txn){ .dir_fd = -1, .log_fd = -1 };
}
