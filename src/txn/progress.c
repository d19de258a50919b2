/* SPDX-License-Identifier: Apache-2.0 */
/* What a running process says of itself for others to show: not durable, and read by nobody who decides anything. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/str.h"
#include "uns/sys.h"
#include "uns/txn.h"

#define FILE_NAME "progress"
#define ROOM 1024 /* always as long, so that who reads it meanwhile finds a whole line */

void uns_txn_progress_write(const struct uns_txn *t, const json_t *progress)
{
	uns_auto_free char *text = uns_json_dump(progress, false, NULL);
	uns_auto_close int fd = -1;
	char line[ROOM + 1];

	if (!text || strlen(text) >= ROOM)
		return;
	snprintf(line, sizeof(line), "%-*s\n", ROOM - 1, text);
	fd = uns_sys_create(t->dir_fd, FILE_NAME, O_WRONLY, 0600);
	if (fd >= 0)
		(void)uns_sys_write(fd, line, ROOM);
}

void uns_txn_progress_drop(const struct uns_txn *t)
{
	if (!faccessat(t->dir_fd, FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW))
		(void)uns_sys_unlink(t->dir_fd, FILE_NAME, 0);
}

json_t *uns_txn_progress_read(const struct uns_txn *t)
{
	uns_auto_close int fd = openat(t->dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char line[ROOM];
	ssize_t n = fd < 0 ? -1 : pread(fd, line, sizeof(line), 0);
	json_t *j = n > 0 ? json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (j && !json_is_object(j)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

pid_t uns_txn_runner(const struct uns_root *root)
{
	struct uns_err err;
	uns_auto_close int fd = uns_root_openat(root, UNS_TXN_DIR "/lock", O_RDONLY | O_NONBLOCK, &err);

	return fd < 0 ? 0 : uns_lock_holder(fd);
}
