/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of the account files (shadow lib/commonio.c, do_lock_file) and what killed account tools leave beside them. */
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

static bool is_lock(const char *name)
{
	static const char *const locks[] = { "subuid.lock", "subgid.lock", "passwd.lock", "group.lock" };

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++)
		if (strcmp(name, locks[i]) == 0)
			return true;
	return false;
}

static bool is_all(const char *s, int (*test)(int))
{
	while (*s && test((unsigned char)*s))
		s++;
	return !*s;
}

/* Behind "subuid" or "subgid": F+ (shadow before 4.20), F.cioXXXXXX (since), F.PID and F.lock.… (a lock in the making), and the
 * temporary files of usernsctl, of the file and of its backup. */
static bool is_leftover(const char *name)
{
	const char *rest = name + strlen("subuid");

	if (!uns_str_starts(name, "subuid") && !uns_str_starts(name, "subgid"))
		return false;
	if (strcmp(rest, "+") == 0 || strcmp(rest, ".usernsctl") == 0 || strcmp(rest, "-.usernsctl") == 0)
		return true;
	if (uns_str_starts(rest, ".cio"))
		return strlen(rest) == strlen(".cioXXXXXX") && is_all(rest + strlen(".cio"), isalnum);
	return uns_str_starts(rest, ".lock.") || (rest[0] == '.' && rest[1] && is_all(rest + 1, isdigit));
}

/* The PID in decimal with a NUL behind it or not; anything else is none to shadow either, and such a lock is never taken over. */
static pid_t read_pid(int fd)
{
	char buf[32];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	uint32_t pid;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	return uns_num_u32(buf, strlen(buf), &pid) < 0 || pid > INT32_MAX ? 0 : (pid_t)pid;
}

/* The number behind a word at the start of a line of the text. */
static bool find_number(const char *text, const char *word, uint64_t *ret)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (uns_str_starts(line, word)) {
			line += strlen(word);
			return uns_num_u64(line, strcspn(line, "\n"), ret) == 0;
		}
	}
	return false;
}

/* Field 22 of /proc/PID/stat (proc(5)): ticks since boot. The name in field 2 may hold blanks and brackets. */
static bool find_start(const char *stat, uint64_t *ret)
{
	const char *s = strrchr(stat, ')');

	for (int field = 2; s && field < 22; field++) {
		s = strchr(s, ' ');
		s = s ? s + 1 : NULL;
	}
	return s && uns_num_u64(s, strcspn(s, " \n"), ret) == 0;
}

/* When the process was started, in seconds since 1970. 0; 1 when that is not known. */
static int read_start(const char *proc, pid_t pid, uint64_t *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%d/stat", proc, (int)pid);
	uns_auto_free char *boot_path = uns_str_printf(err, "%s/stat", proc);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf boot = UNS_BUF_INIT;
	long hz = sysconf(_SC_CLK_TCK);
	uint64_t ticks, btime;

	if (!path || !boot_path || uns_host_read_proc(path, &text, err) < 0 || uns_host_read_proc(boot_path, &boot, err) < 0)
		return -1;
	if (!text.data || !boot.data || hz <= 0)
		return 1;
	if (!find_start(text.data, &ticks) || !find_number(boot.data, "btime ", &btime))
		return 1;
	*ret = btime + ticks / (uint64_t)hz;
	return 0;
}

static int look_at_process(const char *proc, const struct stat *st, struct uns_idlock *l, struct uns_err *err)
{
	uint64_t start = 0;
	int r = read_start(proc, l->pid, &start, err);

	if (r < 0 || uns_host_read_comm(proc, l->pid, l->comm, sizeof(l->comm), err) < 0)
		return -1;
	/* Both clocks are only good for a second. */
	l->younger = r == 0 && st->st_mtim.tv_sec >= 0 && start > (uint64_t)st->st_mtim.tv_sec + 1;
	return 0;
}

static int add(struct uns_idfacts *f, size_t *cap, struct uns_idlock *l, struct uns_err *err)
{
	struct uns_idlock *v = uns_vec_room(f->lock, f->locks, cap, sizeof(*v));

	if (!v) {
		free(l->path);
		return uns_err_nomem(err);
	}
	f->lock = v;
	f->lock[f->locks++] = *l;
	return 0;
}

static int read_one(const struct uns_root *root, const char *proc, const char *name, struct uns_idfacts *f, size_t *cap,
                    struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "/etc/%s", name);
	struct uns_idlock l = { .is_lock = is_lock(name) };
	struct uns_err ignored;
	uns_auto_close int fd = -1;
	struct stat st;
	int r = path ? uns_root_stat(root, path, &st, err) : -1;

	if (r)
		return r < 0 ? -1 : 0; /* a lock that was given up meanwhile */
	/* A lock is 0600: who may not read it learns that it is there. */
	if (S_ISREG(st.st_mode))
		fd = uns_root_openat(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, &ignored);
	l.pid = fd < 0 ? 0 : read_pid(fd);
	l.age = (int64_t)time(NULL) - st.st_mtim.tv_sec;
	if (l.age < 0)
		l.age = 0;
	l.alive = l.pid > 0 && (kill(l.pid, 0) == 0 || errno == EPERM);
	if (l.alive && !f->offline && look_at_process(proc, &st, &l, err) < 0)
		return -1;
	l.path = uns_take_ptr(path);
	return add(f, cap, &l, err);
}

int uns_host_read_locks(const struct uns_root *root, const char *proc, struct uns_idfacts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	size_t cap = 0;

	if (uns_root_list(root, "/etc", &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if ((is_lock(names.v[i]) || is_leftover(names.v[i])) && read_one(root, proc, names.v[i], f, &cap, err) < 0)
			return -1;
	return 0;
}
