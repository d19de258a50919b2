/* SPDX-License-Identifier: Apache-2.0 */
/* final-newline: the newline at the end of /etc/subuid or /etc/subgid, without which shadow 4.20 refuses the whole file and LXC
 * loses a digit. Disjoint: BEFORE the file ends in this line and in no newline, AFTER it is empty or ends in a newline. Another last line
 * without a newline is FOREIGN. The newline is ours only as long as it ends that line: it is not taken from behind a line that
 * somebody added since. */
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"

struct args {
	const char *file, *line;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (text_subid_file(j, &ret->file, err) || uns_json_str(j, "line", &ret->line, err))
		return -1;
	if (!*ret->line || strchr(ret->line, '\n'))
		return uns_err_set(err, UNS_E_INPUT, "line: expected one line that is not empty, without its newline");
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

/* Whether the first len bytes of the text end in the line, and it is a whole one. */
static bool ends_in(const struct text *t, size_t len, const char *line)
{
	size_t n = strlen(line);

	return n <= len && !memcmp(t->old.data + len - n, line, n) && (n == len || t->old.data[len - n - 1] == '\n');
}

static enum uns_side side_of(const struct text *t, const struct args *a)
{
	if (!t->old.len || t->old.data[t->old.len - 1] == '\n')
		return UNS_AFTER;
	return ends_in(t, t->old.len, a->line) ? UNS_BEFORE : UNS_FOREIGN;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err))
		return -1;
	*ret = side_of(&t, &a);
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "the last line of %s has no newline, and is another one than \"%.200s\"", a.file,
		         a.line);
	return 0;
}

static int end_line(struct text *t, void *user, struct uns_err *err)
{
	const struct args *a = user;
	enum uns_side now = side_of(t, a);

	if (now == UNS_AFTER)
		return TEXT_SAME;
	if (now == UNS_FOREIGN)
		return uns_err_set(err, UNS_E_CONFLICT, "the last line of %s is another one than \"%.200s\"", a->file, a->line);
	if (uns_buf_append(&t->new, t->old.data, t->old.len, err) || uns_buf_puts(&t->new, "\n", err))
		return -1;
	return TEXT_NEW;
}

static int unend_line(struct text *t, void *user, struct uns_err *err)
{
	const struct args *a = user;
	enum uns_side now = side_of(t, a);

	if (now == UNS_BEFORE)
		return TEXT_SAME;
	if (now == UNS_FOREIGN || !t->old.len || !ends_in(t, t->old.len - 1, a->line))
		return TEXT_KEPT;
	return uns_buf_append(&t->new, t->old.data, t->old.len - 1, err) ? -1 : TEXT_NEW;
}

int text_edit_final_newline(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err)
{
	struct args a;

	if (parse(args, &a, err))
		return -1;
	return to == UNS_AFTER ? end_line(t, &a, err) : unend_line(t, &a, err);
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	struct args a;

	if (parse(c->step->args, &a, err))
		return -1;
	return text_edit_subid(c, a.file, to == UNS_AFTER ? end_line : unend_line, &a, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	if (reverse)
		return uns_buf_printf(ret, err, "take the newline from the end of %s again", a.file);
	return uns_buf_printf(ret, err, "end the last line of %s with a newline", a.file);
}

const struct uns_kind uns_kind_final_newline = { "final-newline", false, check, observe, drive, describe };
