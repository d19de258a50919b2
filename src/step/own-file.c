/* SPDX-License-Identifier: Apache-2.0 */
/* own-file: a file that is wholly ours. Disjoint: BEFORE is "no such file" (or, with "before", the file with exactly these other bytes),
 * AFTER is "the file with exactly our bytes"; a file with other bytes is FOREIGN and never overwritten unless we were writing it. The write is a rename, so no third state is left by us. */
#include <string.h>

#include "args.h"
#include "process.h"
#include "text.h"
#include "uns/cleanup.h"
#include "uns/step.h"

#define OWN_FILE_MAX (1024u * 1024u)

struct args {
	const char *file, *content, *before; /* before: NULL: absent */
	uint32_t mode;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "file", &ret->file, err) || uns_json_str(j, "content", &ret->content, err))
		return -1;
	ret->before = uns_json_str_or(j, "before", NULL);
	if (ret->before && strcmp(ret->before, ret->content) == 0)
		return uns_err_set(err, UNS_E_INPUT, "before and content are the same");
	return uns_args_mode(j, &ret->mode, err);
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static bool is_text(const struct uns_buf *b, const char *text)
{
	return text && b->len == strlen(text) && !memcmp(b->data ? b->data : "", text, b->len);
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct args a;
	int r;

	if (parse(c->step->args, &a, err))
		return -1;
	r = uns_root_read(c->root, a.file, OWN_FILE_MAX, &b, NULL, err);
	if (r < 0)
		return -1;
	if (r == 1 ? !a.before : is_text(&b, a.before)) {
		*ret = UNS_BEFORE;
	} else if (r == 0 && is_text(&b, a.content)) {
		*ret = UNS_AFTER;
	} else {
		snprintf(c->why, sizeof(c->why), "%s has other contents than ours", a.file);
		*ret = UNS_FOREIGN;
	}
	return 0;
}

/* A drop-in holds from the moment at which the running systemd has read it, not only from the next boot on. */
static int reload_units(struct uns_step_ctx *c, const char *file, struct uns_err *err)
{
	const char *const argv[] = { "systemctl", "daemon-reload", NULL };
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	struct stat st;
	int status;

	if (!c->root->is_host || !uns_str_starts(file, "/etc/systemd/system/") ||
	    uns_root_stat(c->root, "/run/systemd/system", &st, err))
		return 0;
	if (uns_program_run(argv, &status, &out, err))
		return -1;
	return status ? uns_err_set(err, UNS_E_FAILED, "systemctl daemon-reload failed: %s", out.data ? out.data : "") : 0;
}

int text_edit_own_file(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err)
{
	const char *text;
	struct args a;

	if (parse(args, &a, err))
		return -1;
	text = to == UNS_AFTER ? a.content : a.before;
	if (!text)
		return TEXT_REMOVE;
	return uns_buf_puts(&t->new, text, err) ? -1 : TEXT_NEW;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	const char *text;
	struct args a;
	int r;

	if (parse(c->step->args, &a, err))
		return -1;
	text = to == UNS_AFTER ? a.content : a.before;
	r = text ? uns_root_write(c->root, a.file, text, strlen(text), a.mode, err) : uns_root_remove(c->root, a.file, err);
	return r < 0 ? -1 : reload_units(c, a.file, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	return uns_buf_printf(ret, err, reverse && !a.before ? "remove %s" : "write %s", a.file);
}

const struct uns_kind uns_kind_own_file = { "own-file", false, check, observe, drive, describe };
