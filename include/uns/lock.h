/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that interoperate. */
#ifndef UNS_LOCK_H
#define UNS_LOCK_H

#include <sys/types.h>

#include "uns/err.h"
#include "uns/root.h"

/* The lock of the account files, as shadow-utils and systemd take it: an open-file-description write lock on etc/.pwd.lock
 * (lckpwdf(3), systemd-sysusers) and then etc/subuid.lock and etc/subgid.lock, made by link(2) with our PID (shadow lib/commonio.c:
 * PID in decimal with a trailing NUL; a lock of a dead process is taken over). Never run useradd and the like while holding it. */
struct uns_shadow_lock {
	int pwd_fd; /* -1: not held */
	int etc_fd;
	bool have_subuid, have_subgid;
};
#define UNS_SHADOW_LOCK_INIT { -1, -1, false, false }
/* How long, and what about locks that nobody holds any more. */
struct uns_lock_how {
	int timeout_ms;
	/* A lock file whose PID is dead is taken over in any case, as shadow does. With break_stale also one that names no PID that can
	 * be read, and one whose PID belongs to a process that started after the lock was made. Never that of a process that may hold it. */
	bool break_stale;
};
#define UNS_LOCK_TIMEOUT_MS 15000 /* as long as useradd waits for us */
/* UNS_E_LOCKED names the lock, its PID, the name of the process, the age of the lock, and, where it would help,
 * --break-stale-locks. */
int uns_lock_shadow(struct uns_shadow_lock *ret, const struct uns_root *root, const struct uns_lock_how *how, struct uns_err *err);
void uns_unlock_shadow(struct uns_shadow_lock *lock);

/* flock(2) LOCK_EX|LOCK_NB on fd; UNS_E_LOCKED "what is locked by process PID (COMM)" when somebody else has it. */
int uns_lock_fd(int fd, const char *what, struct uns_err *err);
/* The process that has such a lock on the inode of fd; 0: none, or it is not to be seen from here. */
pid_t uns_lock_holder(int fd);

#endif
