/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that interoperate. */
#ifndef UNS_LOCK_H
#define UNS_LOCK_H

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
/* Waits up to timeout_ms; UNS_E_LOCKED names the holder. */
int uns_lock_shadow(struct uns_shadow_lock *ret, const struct uns_root *root, int timeout_ms, struct uns_err *err);
void uns_unlock_shadow(struct uns_shadow_lock *lock);

/* flock(2) LOCK_EX|LOCK_NB on fd; UNS_E_LOCKED "what is locked by process PID (COMM)" when somebody else has it. */
int uns_lock_fd(int fd, const char *what, struct uns_err *err);

#endif
