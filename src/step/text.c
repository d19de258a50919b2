/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <errno.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"

#define TEXT_MAX (1024u * 1024u * 1024u)
#define TRIES 10

void text_done(struct text *t)
{
	uns_buf_done(&t->old);
	uns_buf_done(&t->new);
}

int text_read(struct text *t, const struct uns_root *root, const char *file, struct uns_err *err)
{
	int r;

	t->file = file;
	r = uns_root_read(root, file, TEXT_MAX, &t->old, &t->st, err);
	if (r < 0 || uns_buf_append(&t->old, "", 0, err)) /* so that data is a string, also of an empty file */
		return -1;
	t->existed = r == 0;
	return 0;
}

int text_publish(struct text *t, const struct uns_root *root, bool remove, struct uns_err *err)
{
	if (remove)
		return uns_root_remove(root, t->file, err) < 0 ? -1 : 0;
	if (t->existed && t->new.len == t->old.len && !memcmp(t->new.data ? t->new.data : "", t->old.data, t->old.len))
		return uns_root_clean(root, t->file, err);
	return uns_root_write(root, t->file, t->new.data ? t->new.data : "", t->new.len, 0644, err);
}

int text_subid_file(const json_t *args, const char **ret, struct uns_err *err)
{
	const char *file;

	if (uns_json_str(args, "file", &file, err))
		return -1;
	if (strcmp(file, "/etc/subuid") && strcmp(file, "/etc/subgid"))
		return uns_err_set(err, UNS_E_INPUT, "file: found \"%s\"; expected \"/etc/subuid\" or \"/etc/subgid\"", file);
	*ret = file;
	return 0;
}

int text_lock(const struct uns_step_ctx *c, struct uns_shadow_lock *ret, struct uns_err *err)
{
	struct uns_lock_how how = c->lock;

	if (c->locked)
		return 0;
	if (!how.timeout_ms)
		how.timeout_ms = UNS_LOCK_TIMEOUT_MS;
	return uns_lock_shadow(ret, c->root, &how, err);
}

static int changed(const struct text *t, const struct uns_root *root, struct uns_err *err)
{
	uns_err_set(err, UNS_E_CONFLICT, "%s%s was changed by somebody else meanwhile", root->path, t->file);
	err->errnum = EAGAIN;
	return -1;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that somebody has written into since it was read is not ours to remove. */
static int vanish(const struct text *t, const struct uns_root *root, struct uns_err *err)
{
	struct stat now;
	int absent = uns_root_stat(root, t->file, &now, err);

	if (absent < 0)
		return -1;
	if (absent ? t->existed : !t->existed || !same_file(&now, &t->st))
		return changed(t, root, err);
	return uns_root_remove(root, t->file, err) < 0 ? -1 : 0;
}

static int carry_out(const struct text *t, const struct uns_root *root, enum text_answer answer, struct uns_err *err)
{
	switch (answer) {
	case TEXT_NEW:
		return uns_root_replace(root, t->file, t->existed ? &t->st : NULL, true, t->new.data ? t->new.data : "", t->new.len,
		                        0644, err);
	case TEXT_REMOVE:
		return vanish(t, root, err);
	case TEXT_KEPT:
	case TEXT_SAME:
	default:
		return uns_root_clean(root, t->file, err);
	}
}

static int edit_once(const struct uns_step_ctx *c, const char *file, text_edit edit, void *user, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	int answer;

	if (text_read(&t, c->root, file, err))
		return -1;
	answer = edit(&t, user, err);
	if (answer < 0 || carry_out(&t, c->root, (enum text_answer)answer, err))
		return -1;
	return answer == TEXT_KEPT;
}

int text_edit_subid(const struct uns_step_ctx *c, const char *file, text_edit edit, void *user, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;
	struct uns_err e = { 0 };
	int r = -1;

	if (text_lock(c, &lock, err))
		return -1;
	for (int tries = 0; tries < TRIES; tries++) {
		r = edit_once(c, file, edit, user, &e);
		if (r >= 0 || e.code != UNS_E_CONFLICT || e.errnum != EAGAIN)
			break;
	}
	if (r < 0 && err)
		*err = e;
	return r;
}
