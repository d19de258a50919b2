/* SPDX-License-Identifier: Apache-2.0 */
/* Which text files a plan edits, and what becomes of them when all its steps have been at them. */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/report.h"
#include "uns/vec.h"

#define FILE_MAX (64u << 20)

struct edited {
	const char *file; /* in the plan */
	struct uns_buf old, now;
	bool was_there, there;
};
struct edits {
	struct edited *v;
	size_t n, cap;
};

static void edits_done(struct edits *e)
{
	for (size_t i = 0; i < e->n; i++) {
		uns_buf_done(&e->v[i].old);
		uns_buf_done(&e->v[i].now);
	}
	free(e->v);
}

static int read_file(const struct uns_run *r, struct edited *one, struct uns_err *err)
{
	int rc = uns_root_read(&r->root, one->file, FILE_MAX, &one->old, NULL, err);

	if (rc < 0 || uns_buf_append(&one->now, one->old.data ? one->old.data : "", one->old.len, err) < 0)
		return -1;
	one->was_there = one->there = rc == 0;
	return 0;
}

/* NULL: it cannot be read. */
static struct edited *edited_file(const struct uns_run *r, struct edits *e, const char *file, struct uns_err *err)
{
	struct edited *v;

	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->v[i].file, file) == 0)
			return &e->v[i];
	v = uns_vec_room(e->v, e->n, &e->cap, sizeof(*v));
	if (!v) {
		uns_err_nomem(err);
		return NULL;
	}
	e->v = v;
	v += e->n++;
	*v = (struct edited){ .file = file };
	return read_file(r, v, err) < 0 ? NULL : v;
}

static int edit(const struct uns_run *r, struct edits *e, const struct uns_step *s, struct uns_err *err)
{
	const char *file = uns_json_str_or(s->args, "file", NULL);
	struct edited *one;

	if (!file || strcmp(s->kind, "validate") == 0)
		return 0;
	one = edited_file(r, e, file, err);
	return !one || uns_step_edited(s, &one->now, &one->there, err) < 0 ? -1 : 0;
}

static int put_diffs(const struct edits *e, bool color, struct uns_buf *ret, struct uns_err *err)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct edited *one = &e->v[i];

		if (uns_report_diff(one->file, one->was_there ? &one->old : NULL, one->there ? &one->now : NULL, color, ret, err) < 0)
			return -1;
	}
	return 0;
}

int uns_outlook_put(const struct uns_run *r, const struct uns_plan *p, const struct uns_outlook *o, bool color, struct uns_buf *ret,
                    struct uns_err *err)
{
	uns_auto(edits_done) struct edits e = { .n = 0 };
	struct uns_err why;

	if (uns_report_outlook(p, o, color, ret, err) < 0)
		return -1;
	/* What cannot be foreseen (another one's edit since, a file that cannot be read) is met by the step itself, which says it better. */
	for (size_t i = 0; i < p->n; i++)
		if (edit(r, &e, &p->v[i], &why) < 0)
			return 0;
	return put_diffs(&e, color, ret, err);
}
