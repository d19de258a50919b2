/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

#define TEXT_MAX (64u * 1024u * 1024u)

void text_done(struct text *t)
{
	uns_buf_done(&t->old);
	uns_buf_done(&t->new);
}

int text_read(struct text *t, const struct uns_root *root, const char *file, struct uns_err *err)
{
	int r;

	t->file = file;
	r = uns_root_read(root, file, TEXT_MAX, &t->old, NULL, err);
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
