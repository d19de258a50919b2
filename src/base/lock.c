/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/progress.h"
#include "uns/str.h"
#include "uns/sys.h"

#define RETRY_MS 50 /* at most; the first waits are shorter */
#define LINK_TRIES 8
#define START_FIELD 22 /* of /proc/PID/stat: clock ticks from boot to the start of the process */
/* Files get the time of the last timer tick and a start is counted in clock ticks, so a lock may look older than its maker. */
#define YOUNGER_MS 1000

/* What a lock file tells about whoever made it. */
enum holder {
	HELD,    /* by a process that lives, or by we do not know whom */
	DEAD,    /* no process has its PID */
	YOUNGER, /* the PID belongs to a process that started after the lock was made */
	NO_PID,  /* shadow calls such a lock held, for ever */
};

struct judged {
	enum holder holder;
	pid_t pid; /* 0: none that could be read */
	struct stat st;
};

/* A lock, what it is linked from, and where a stale one is taken to. */
struct dot {
	const char *lock, *own, *aside;
};
static const struct dot subuid_dot = { "subuid.lock", "subuid.lock.usernsctl", "subuid.lock.stale.usernsctl" };
static const struct dot subgid_dot = { "subgid.lock", "subgid.lock.usernsctl", "subgid.lock.stale.usernsctl" };

struct taker {
	struct uns_shadow_lock l;
	const struct uns_lock_how *how;
	const char *root; /* for messages */
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- processes ---- */

/* A small file of /proc as a string; false when it cannot be read. */
static bool read_proc(const char *path, char *buf, size_t size)
{
	uns_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

/* "PID 123 (useradd)" for messages; a process that is gone or hidden has no name. */
static const char *describe_pid(pid_t pid, char *buf, size_t size)
{
	char path[64], comm[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	read_proc(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(buf, size, "PID %d%s%s%s", (int)pid, *comm ? " (" : "", comm, *comm ? ")" : "");
	return buf;
}

/* When the process started, in milliseconds since the epoch. The name before the fields may have any bytes, blanks and ')' too. */
static bool started(pid_t pid, int64_t *ret)
{
	char path[64], stat[1024], *p, *save = NULL;
	long hz = sysconf(_SC_CLK_TCK);
	uint64_t ticks;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!read_proc(path, stat, sizeof(stat)) || hz <= 0 || !(p = strrchr(stat, ')')))
		return false;
	p = strtok_r(p + 1, " ", &save);
	for (int field = 3; p && field < START_FIELD; field++)
		p = strtok_r(NULL, " ", &save);
	if (!p || uns_num_u64(p, strlen(p), &ticks))
		return false;
	*ret = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME) + (int64_t)(ticks * 1000 / (uint64_t)hz);
	return true;
}

/* A clock that was set forward meanwhile makes the very maker of the lock look younger: only who asks for it may act upon this. */
static bool is_younger(pid_t pid, const struct stat *lock)
{
	int64_t start;

	return started(pid, &start) && start > (int64_t)lock->st_mtim.tv_sec * 1000 + lock->st_mtim.tv_nsec / 1000000 + YOUNGER_MS;
}

/* ---- .pwd.lock ---- */

/* 1: somebody else has it. */
static int pwd_lock_try(const struct taker *t, struct uns_err *err)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(t->l.pwd_fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return 1;
	return uns_err_sys(err, errno, "cannot lock %s/etc/.pwd.lock", t->root);
}

/* Whether descriptor "name" of the process is the file, and the lock is that of this descriptor. */
static bool fd_has_lock(int fds, pid_t pid, const char *name, const struct stat *file)
{
	static const char wanted[] = "/.pwd.lock";
	char target[4096], path[64], info[4096];
	ssize_t n = readlinkat(fds, name, target, sizeof(target));
	struct stat st;

	/* stat(2) of a descriptor on a dead network mount would hang, so only of one whose name says that it may be the one. */
	if (n < (ssize_t)strlen(wanted) || memcmp(target + n - strlen(wanted), wanted, strlen(wanted)))
		return false;
	if (fstatat(fds, name, &st, 0) || st.st_dev != file->st_dev || st.st_ino != file->st_ino)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.20s", (int)pid, name);
	return read_proc(path, info, sizeof(info)) && strstr(info, "\nlock:") && strstr(info, "OFDLCK");
}

static bool process_has_lock(pid_t pid, const struct stat *file)
{
	uns_auto(uns_closedirp) DIR *d = NULL;
	char path[64];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (*e->d_name != '.' && fd_has_lock(dirfd(d), pid, e->d_name, file))
			return true;
	return false;
}

/* The kernel does not tell who owns an open-file-description lock; the descriptor that has it does. 0: not found. */
static pid_t find_ofd_holder(int fd)
{
	uns_auto(uns_closedirp) DIR *d = opendir("/proc");
	struct stat file;
	struct dirent *e;
	uint32_t pid;

	if (!d || fstat(fd, &file))
		return 0;
	while ((e = readdir(d)))
		if (!uns_num_u32(e->d_name, strlen(e->d_name), &pid) && process_has_lock((pid_t)pid, &file))
			return (pid_t)pid;
	return 0;
}

static int pwd_lock_refuse(const struct taker *t, struct uns_err *err)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	pid_t pid = fcntl(t->l.pwd_fd, F_OFD_GETLK, &fl) || fl.l_type == F_UNLCK ? 0 : fl.l_pid;
	char who[80];

	if (pid < 0)
		pid = find_ofd_holder(t->l.pwd_fd);
	return uns_err_set(err, UNS_E_LOCKED, "the account files are locked: %s/etc/.pwd.lock is held by %s; try again later",
	                   t->root, pid > 0 ? describe_pid(pid, who, sizeof(who)) : "another process");
}

/* ---- subuid.lock, subgid.lock ---- */

/* A lock that stays behind locks out every account tool, so one failure is not the last word. */
static void drop(int etc, const char *name)
{
	if (uns_sys_unlink(etc, name, 0) && errno != ENOENT)
		uns_sys_unlink(etc, name, 0);
}

/* As shadow reads it: decimal digits up to the end or a NUL, nothing else. 0: none. */
static pid_t read_pid(int fd)
{
	char buf[32];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	uint32_t pid;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	return uns_num_u32(buf, strlen(buf), &pid) || pid > INT32_MAX ? 0 : (pid_t)pid;
}

static enum holder judge_pid(pid_t pid, const struct stat *st)
{
	if (pid == 0)
		return NO_PID;
	if (kill(pid, 0) && errno == ESRCH)
		return DEAD;
	return is_younger(pid, st) ? YOUNGER : HELD;
}

/* 0; 1 when there is no such lock (any more). What cannot be opened may be anybody's. */
static int judge(int etc, const char *lock, struct judged *ret)
{
	uns_auto_close int fd = -1;
	struct judged j = { .holder = HELD };

	if (fstatat(etc, lock, &j.st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 1 : -1;
	if (S_ISREG(j.st.st_mode)) {
		fd = openat(etc, lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (fd < 0 && errno == ENOENT)
			return 1;
	}
	if (fd >= 0) {
		if (fstat(fd, &j.st))
			return -1;
		j.pid = read_pid(fd);
		j.holder = judge_pid(j.pid, &j.st);
	} else if (!S_ISREG(j.st.st_mode) && !S_ISDIR(j.st.st_mode)) {
		j.holder = NO_PID;
	}
	*ret = j;
	return 0;
}

static bool may_break(const struct uns_lock_how *how, const struct judged *j)
{
	return j->holder == DEAD || (how->break_stale && (j->holder == YOUNGER || j->holder == NO_PID));
}

static const char *describe_age(const struct judged *j, char *buf, size_t size)
{
	int64_t s = clock_ms(CLOCK_REALTIME) / 1000 - j->st.st_mtim.tv_sec;

	if (s < 120)
		snprintf(buf, size, "%d s", s < 0 ? 0 : (int)s);
	else if (s < 120 * 60)
		snprintf(buf, size, "%d min", (int)(s / 60));
	else if (s < 48 * 3600)
		snprintf(buf, size, "%d h", (int)(s / 3600));
	else
		snprintf(buf, size, "%lld days", (long long)(s / 86400));
	return buf;
}

/* Returns 1. */
static int dot_lock_refuse(const struct taker *t, const char *lock, const struct judged *j, struct uns_err *err)
{
	static const char *const reasons[] = {
		[HELD] = "; try again when that is done",
		[DEAD] = ", which is gone",
		[YOUNGER] = ", but that process started after the lock was made; --break-stale-locks removes the lock",
		[NO_PID] = ", for it names no PID; when no account tool is at work, --break-stale-locks removes it",
	};
	char who[80], age[40];

	uns_err_set(err, UNS_E_LOCKED, "%s/etc/%s, made %s ago, is held by %s%s", t->root, lock, describe_age(j, age, sizeof(age)),
	            j->pid > 0 ? describe_pid(j->pid, who, sizeof(who)) : "an unknown process", reasons[j->holder]);
	return 1;
}

static int write_own(const struct taker *t, const char *own, struct uns_err *err)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d", (int)getpid());
	uns_auto_close int fd = -1;

	/* What a killed run left may be the very inode of a lock: never write into it. */
	if (uns_sys_unlink(t->l.etc_fd, own, 0) && errno != ENOENT)
		return uns_err_sys(err, errno, "cannot remove %s/etc/%s", t->root, own);
	fd = uns_sys_create(t->l.etc_fd, own, O_WRONLY | O_EXCL, 0600);
	if (fd < 0 || uns_sys_write(fd, pid, (size_t)len + 1))
		return uns_err_sys(err, errno, "cannot write %s/etc/%s", t->root, own);
	return 0;
}

/* The inode number alone is given out again at once. A rename changes the ctime. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Takes a stale lock away. Whoever judged it at the same time may have been faster, and what now has the name may be a good lock. So
 * it is moved to a name that only we use, looked at there, and put back when it is not the one that was meant. */
static int break_lock(const struct taker *t, const struct dot *d, const struct judged *stale)
{
	int etc = t->l.etc_fd;
	struct judged now;

	if (uns_sys_rename(etc, d->lock, etc, d->aside, 0))
		return errno == ENOENT ? 0 : -1;
	if (judge(etc, d->aside, &now))
		return -1;
	/* Putting back never replaces a lock that was made in between. */
	if ((!is_same(&now.st, &stale->st) || !may_break(t->how, &now)) && uns_sys_link(etc, d->aside, etc, d->lock) &&
	    errno != EEXIST && uns_sys_rename(etc, d->aside, etc, d->lock, RENAME_NOREPLACE))
		return -1;
	drop(etc, d->aside);
	return 0;
}

/* What a run left that was killed while it broke a lock: that lock is to be judged again, unless there is a new one. */
static int restore_aside(const struct taker *t, const struct dot *d, struct uns_err *err)
{
	int etc = t->l.etc_fd;
	struct stat st;

	if (fstatat(etc, d->aside, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return 0;
	if (uns_sys_link(etc, d->aside, etc, d->lock) && errno != EEXIST)
		return uns_err_sys(err, errno, "cannot put %s/etc/%s back", t->root, d->lock);
	if (uns_sys_unlink(etc, d->aside, 0))
		return uns_err_sys(err, errno, "cannot remove %s/etc/%s", t->root, d->aside);
	return 0;
}

static int link_or_break(const struct taker *t, const struct dot *d, struct uns_err *err)
{
	for (int tries = 0; tries < LINK_TRIES; tries++) {
		struct judged j;
		int gone;

		if (!uns_sys_link(t->l.etc_fd, d->own, t->l.etc_fd, d->lock))
			return 0;
		if (errno != EEXIST)
			return uns_err_sys(err, errno, "cannot make %s/etc/%s", t->root, d->lock);
		gone = judge(t->l.etc_fd, d->lock, &j);
		if (gone < 0)
			return uns_err_sys(err, errno, "cannot look at %s/etc/%s", t->root, d->lock);
		if (gone)
			continue;
		if (!may_break(t->how, &j))
			return dot_lock_refuse(t, d->lock, &j, err);
		if (break_lock(t, d, &j))
			return uns_err_sys(err, errno, "cannot remove the stale %s/etc/%s", t->root, d->lock);
	}
	uns_err_set(err, UNS_E_LOCKED, "%s/etc/%s passes from hand to hand; try again later", t->root, d->lock);
	return 1;
}

/* One try at a lock by link(2), as shadow does it. 1: somebody else has it, err names him. */
static int dot_lock_try(const struct taker *t, const struct dot *d, struct uns_err *err)
{
	int r;

	if (restore_aside(t, d, err))
		return -1;
	r = write_own(t, d->own, err) ? -1 : link_or_break(t, d, err);
	drop(t->l.etc_fd, d->own);
	return r;
}

/* Unless it was broken, and somebody else has it now. */
static void dot_unlock(int etc, const char *lock)
{
	struct judged j;

	if (judge(etc, lock, &j) || j.pid == 0 || j.pid == getpid())
		drop(etc, lock);
}

/* ---- all of them ---- */

static int take_dots(struct taker *t, struct uns_err *err)
{
	int r;

	if (!t->l.have_subuid) {
		r = dot_lock_try(t, &subuid_dot, err);
		if (r)
			return r;
		t->l.have_subuid = true;
	}
	r = t->l.have_subgid ? 0 : dot_lock_try(t, &subgid_dot, err);
	t->l.have_subgid |= !r;
	return r;
}

static int take_all(struct taker *t, struct uns_err *err)
{
	int64_t until = clock_ms(CLOCK_MONOTONIC) + t->how->timeout_ms;

	for (int wait = 1;; wait = wait < RETRY_MS / 2 ? wait * 2 : RETRY_MS) {
		int pwd = pwd_lock_try(t, err), r = pwd ? pwd : take_dots(t, err);

		if (r <= 0)
			return r;
		if (clock_ms(CLOCK_MONOTONIC) >= until)
			return pwd ? pwd_lock_refuse(t, err) : -1;
		if (uns_stop_check(err))
			return -1;
		uns_progress_sleep_ms(wait);
	}
}

int uns_lock_shadow(struct uns_shadow_lock *ret, const struct uns_root *root, const struct uns_lock_how *how, struct uns_err *err)
{
	struct taker t = { .l = UNS_SHADOW_LOCK_INIT, .how = how, .root = root->path };

	t.l.etc_fd = uns_root_openat(root, "/etc", O_RDONLY | O_DIRECTORY, err);
	if (t.l.etc_fd < 0)
		return uns_err_prefix(err, "cannot lock the account files");
	t.l.pwd_fd = uns_sys_create(t.l.etc_fd, ".pwd.lock", O_WRONLY, 0600);
	if (t.l.pwd_fd < 0)
		uns_err_sys(err, errno, "cannot open %s/etc/.pwd.lock", root->path);
	if (t.l.pwd_fd < 0 || take_all(&t, err)) {
		uns_unlock_shadow(&t.l);
		return -1;
	}
	*ret = t.l;
	return 0;
}

void uns_unlock_shadow(struct uns_shadow_lock *l)
{
	if (l->have_subgid)
		dot_unlock(l->etc_fd, subgid_dot.lock);
	if (l->have_subuid)
		dot_unlock(l->etc_fd, subuid_dot.lock);
	uns_closep(&l->pwd_fd);
	uns_closep(&l->etc_fd);
	*l = (struct uns_shadow_lock)UNS_SHADOW_LOCK_INIT;
}

/* ---- flock ---- */

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4242 08:01:1234 0 EOF". */
pid_t uns_lock_holder(int fd)
{
	struct stat st;
	char line[256];
	uns_auto(uns_closefp) FILE *f = fopen("/proc/locks", "re");

	if (!f || fstat(fd, &st))
		return 0;
	while (fgets(line, sizeof(line), f)) {
		char kind[16];
		int pid;
		unsigned long long ino;

		if (sscanf(line, "%*s %15s %*s %*s %d %*x:%*x:%llu", kind, &pid, &ino) == 3 && !strcmp(kind, "FLOCK") && pid > 0 &&
		    ino == st.st_ino)
			return pid;
	}
	return 0;
}

int uns_lock_fd(int fd, const char *what, struct uns_err *err)
{
	char who[80];
	pid_t pid;

	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return uns_err_sys(err, errno, "cannot lock %s", what);
	pid = uns_lock_holder(fd);
	return uns_err_set(err, UNS_E_LOCKED, "%s is locked by %s", what,
	                   pid ? describe_pid(pid, who, sizeof(who)) : "another process");
}
