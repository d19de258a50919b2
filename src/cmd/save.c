/* SPDX-License-Identifier: Apache-2.0 */
/* plan -o FILE, map --svg=FILE. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/sys.h"

static int write_new(int dir, const char *tmp, const char *text, mode_t mode)
{
	uns_auto_close int fd = uns_sys_create(dir, tmp, O_WRONLY | O_EXCL, mode);

	if (fd < 0)
		return -1;
	return uns_sys_write(fd, text, strlen(text)) || uns_sys_fsync(fd) ? -1 : 0;
}

static int replace(int dir, const char *name, const char *text, mode_t mode, struct uns_err *err)
{
	uns_auto_free char *tmp = uns_str_printf(err, ".%s.%d", name, (int)getpid());

	if (!tmp)
		return -1;
	if (write_new(dir, tmp, text, mode) == 0 && uns_sys_rename(dir, tmp, dir, name, 0) == 0 && uns_sys_fsync(dir) == 0)
		return 0;
	uns_err_sys(err, errno, "cannot write %s", name);
	uns_sys_unlink(dir, tmp, 0);
	return -1;
}

/* A FIFO, a device, what a symbolic link leads to: written to, as by a redirection of the shell; never made another thing. */
static int write_through(int dir, const char *name, const char *text, struct uns_err *err)
{
	uns_auto_close int fd = openat(dir, name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || uns_sys_write(fd, text, strlen(text)) != 0)
		return uns_err_sys(err, errno, "cannot write %s", name);
	return 0;
}

static int save(int dir, const char *name, const char *text, mode_t mode, struct uns_err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? replace(dir, name, text, mode, err) : uns_err_sys(err, errno, "cannot look at %s", name);
	return S_ISREG(st.st_mode) ? replace(dir, name, text, mode, err) : write_through(dir, name, text, err);
}

int uns_run_write_file(const char *file, const char *text, mode_t mode, struct uns_err *err)
{
	uns_auto_free char *parent = uns_str_dup(file, err), *last = uns_str_dup(file, err);
	uns_auto_close int dir = -1;

	if (!parent || !last)
		return -1;
	if (strcmp(file, "-") == 0)
		return fflush(stdout) == 0 && uns_sys_write(STDOUT_FILENO, text, strlen(text)) == 0
		               ? 0
		               : uns_err_sys(err, errno, "cannot write to the standard output");
	dir = open(dirname(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return uns_err_sys(err, errno, "cannot open the directory of %s", file);
	return save(dir, basename(last), text, mode, err);
}

int uns_run_save(const char *file, const json_t *document, struct uns_err *err)
{
	uns_auto_free char *json = uns_json_dump(document, true, err), *text = json ? uns_str_printf(err, "%s\n", json) : NULL;

	return text ? uns_run_write_file(file, text, 0600, err) : -1;
}
