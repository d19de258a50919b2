/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"

#define UNS_TXN_PLACE "/var/lib/usernsctl"
#define RECORD_MAX (1024u * 1024u * 1024u)

static size_t limit(const struct uns_step_ctx *c)
{
	return c->record_max ? c->record_max : RECORD_MAX;
}

static int write_synced(int dir, const char *name, const char *text, size_t len)
{
	uns_auto_close int fd = uns_sys_create(dir, name, O_WRONLY | O_TRUNC, 0600);

	if (fd < 0 || uns_sys_write(fd, text, len))
		return -1;
	return uns_sys_fsync(fd);
}

int uns_record_write(const struct uns_step_ctx *c, const json_t *record, struct uns_err *err)
{
	uns_auto_free char *text = uns_json_dump(record, false, err);
	char tmp[sizeof(c->record_name) + 8];

	if (!text)
		return -1;
	if (strlen(text) > limit(c))
		return uns_err_set(err, UNS_E_REFUSED,
		                   "%zu bytes are to be recorded, and a record can hold %zu; shift parts of the tree one by one",
		                   strlen(text), limit(c));
	snprintf(tmp, sizeof(tmp), "%s.new", c->record_name);
	if (write_synced(c->record_dir, tmp, text, strlen(text)) ||
	    uns_sys_rename(c->record_dir, tmp, c->record_dir, c->record_name, RENAME_NOREPLACE)) {
		uns_err_sys(err, errno, "cannot write %s of the transaction", c->record_name);
		(void)uns_sys_unlink(c->record_dir, tmp, 0); /* on a full disk it has what room there was */
		return uns_err_room(err, UNS_TXN_PLACE);
	}
	return uns_sys_fsync(c->record_dir) ? uns_err_sys(err, errno, "cannot write %s of the transaction", c->record_name) : 0;
}

static int read_whole(int fd, size_t max, struct uns_buf *ret, struct uns_err *err)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		if (ret->len + (size_t)n > max)
			return uns_err_set(err, UNS_E_INPUT, "larger than a record can be (%zu bytes)", max);
		if (uns_buf_append(ret, chunk, (size_t)n, err))
			return -1;
	}
	return n < 0 ? uns_err_sys(err, errno, "cannot read") : 0;
}

int uns_record_read(const struct uns_step_ctx *c, bool first, json_t **ret, struct uns_err *err)
{
	const char *name = first ? c->first_record_name : c->record_name;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_close int fd = -1;

	if (c->record_dir < 0)
		return 1;
	fd = openat(c->record_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 1 : uns_err_sys(err, errno, "cannot open %s of the transaction", name);
	if (read_whole(fd, limit(c), &text, err))
		return uns_err_prefix(err, "%s of the transaction", name);
	return uns_json_parse(text.data ? text.data : "", text.len, name, ret, err);
}
