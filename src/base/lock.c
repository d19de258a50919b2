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
#include "uns/sys.h"

#define RETRY_MS 50

static void sleep_ms(int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* "PID 123 (useradd)" for messages; a process that is gone or hidden has no name. */
static const char *describe_pid(pid_t pid, char *buf, size_t size)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = '\0';
		fclose(f);
	}
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(buf, size, "PID %d%s%s%s", (int)pid, *comm ? " (" : "", comm, *comm ? ")" : "");
	return buf;
}

/* The holder as the kernel knows it: F_GETLK cannot name the owner of an open-file-description lock (it says -1). */
static int pwd_lock_try(int fd, struct uns_err *err)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char who[80];

	if (!fcntl(fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return uns_err_sys(err, errno, "cannot lock /etc/.pwd.lock");
	if (fcntl(fd, F_OFD_GETLK, &fl) || fl.l_type == F_UNLCK || fl.l_pid <= 0)
		return uns_err_set(err, UNS_E_LOCKED, "the account files are locked (/etc/.pwd.lock); try again later");
	return uns_err_set(err, UNS_E_LOCKED, "the account files are locked by %s; try again later",
	                   describe_pid(fl.l_pid, who, sizeof(who)));
}

/* The PID in a lock file in shadow's format, or 0: unreadable, which shadow treats as held. */
static pid_t read_holder(int etc, const char *lock)
{
	uns_auto_close int fd = openat(etc, lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[32];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	uint32_t pid;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	return uns_num_u32(buf, strlen(buf), &pid) || pid > INT32_MAX ? 0 : (pid_t)pid;
}

/* A lock that stays behind locks out every account tool, so one failure is not the last word. */
static void drop(int etc, const char *name)
{
	if (uns_sys_unlink(etc, name, 0) && errno != ENOENT)
		uns_sys_unlink(etc, name, 0);
}

static int write_own(int etc, const char *own, struct uns_err *err)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d", (int)getpid());
	uns_auto_close int fd = -1;

	/* What a killed run left may be the very inode of a lock: never write into it. */
	if (uns_sys_unlink(etc, own, 0) && errno != ENOENT)
		return uns_err_sys(err, errno, "cannot remove /etc/%s", own);
	fd = uns_sys_create(etc, own, O_WRONLY | O_EXCL, 0600);
	if (fd < 0 || uns_sys_write(fd, pid, (size_t)len + 1))
		return uns_err_sys(err, errno, "cannot write /etc/%s", own);
	return 0;
}

/* One try at "<file>.lock" by link(2), as shadow does it; a lock of a dead process is removed first. */
static int dot_lock_try(int etc, const char *file, struct uns_err *err)
{
	char own[64], lock[64], who[80];
	int r, errnum;

	snprintf(own, sizeof(own), "%s.lock.usernsctl", file);
	snprintf(lock, sizeof(lock), "%s.lock", file);
	if (write_own(etc, own, err))
		return -1;
	r = uns_sys_link(etc, own, etc, lock);
	errnum = errno;
	if (r && errnum == EEXIST) {
		pid_t holder = read_holder(etc, lock);

		if (holder > 0 && kill(holder, 0) && errno == ESRCH && !uns_sys_unlink(etc, lock, 0))
			r = uns_sys_link(etc, own, etc, lock);
		if (r)
			uns_err_set(err, UNS_E_LOCKED, "/etc/%s is held by %s; if that is no account tool, remove it", lock,
			            holder > 0 ? describe_pid(holder, who, sizeof(who)) : "an unknown process");
	} else if (r) {
		uns_err_sys(err, errnum, "cannot make /etc/%s", lock);
	}
	drop(etc, own);
	return r;
}

static int take_all(struct uns_shadow_lock *l, struct uns_err *err)
{
	if (pwd_lock_try(l->pwd_fd, err))
		return -1;
	if (!l->have_subuid && dot_lock_try(l->etc_fd, "subuid", err))
		return -1;
	l->have_subuid = true;
	if (!l->have_subgid && dot_lock_try(l->etc_fd, "subgid", err))
		return -1;
	l->have_subgid = true;
	return 0;
}

int uns_lock_shadow(struct uns_shadow_lock *ret, const struct uns_root *root, int timeout_ms, struct uns_err *err)
{
	struct uns_shadow_lock l = UNS_SHADOW_LOCK_INIT;

	l.etc_fd = uns_root_openat(root, "/etc", O_RDONLY | O_DIRECTORY, err);
	if (l.etc_fd < 0)
		return uns_err_prefix(err, "cannot lock the account files");
	l.pwd_fd = uns_sys_create(l.etc_fd, ".pwd.lock", O_WRONLY, 0600);
	if (l.pwd_fd < 0) {
		uns_err_sys(err, errno, "cannot open /etc/.pwd.lock");
		uns_unlock_shadow(&l);
		return -1;
	}
	for (int waited = 0; take_all(&l, err); waited += RETRY_MS) {
		if (err->code != UNS_E_LOCKED || waited >= timeout_ms) {
			uns_unlock_shadow(&l);
			return -1;
		}
		sleep_ms(RETRY_MS);
	}
	*ret = l;
	return 0;
}

void uns_unlock_shadow(struct uns_shadow_lock *l)
{
	if (l->have_subgid)
		drop(l->etc_fd, "subgid.lock");
	if (l->have_subuid)
		drop(l->etc_fd, "subuid.lock");
	uns_closep(&l->pwd_fd);
	uns_closep(&l->etc_fd);
	*l = (struct uns_shadow_lock)UNS_SHADOW_LOCK_INIT;
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4242 08:01:1234 0 EOF". */
static pid_t flock_holder(int fd)
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
	pid = flock_holder(fd);
	return uns_err_set(err, UNS_E_LOCKED, "%s is locked by %s", what,
	                   pid ? describe_pid(pid, who, sizeof(who)) : "another process");
}
