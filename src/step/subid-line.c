/* SPDX-License-Identifier: Apache-2.0 */
/* subid-line: one line of /etc/subuid or /etc/subgid. Disjoint: BEFORE is "the owner has no line", AFTER is "the owner has exactly this
 * line". Another line of the owner is FOREIGN: the engine would join the two, and the order of the file would choose the data root.
 * All other lines belong to others and stay, whatever becomes of ours. */
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/lock.h"
#include "uns/step.h"
#include "uns/subid.h"

#define LOCK_TIMEOUT_MS 15000 /* as long as useradd waits for us */

struct args {
	const char *file, *owner;
	struct uns_range range;
	bool created;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "file", &ret->file, err) || uns_json_str(j, "owner", &ret->owner, err) ||
	    uns_json_u32(j, "start", &ret->range.start, err) || uns_json_u32(j, "count", &ret->range.count, err))
		return -1;
	ret->created = uns_json_bool_or(j, "created", false);
	if (!uns_range_valid(ret->range))
		return uns_err_set(err, UNS_E_INPUT, "%u:%u is no range of IDs", ret->range.start, ret->range.count);
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static int count(const struct text *t, const struct args *a, size_t *ret_same, size_t *ret_other, struct uns_err *err)
{
	uns_auto(uns_subid_done) struct uns_subid s = { 0 };

	if (uns_subid_parse(t->old.data, t->old.len, a->file, &s, err))
		return -1;
	uns_subid_count(&s, a->owner, a->range, ret_same, ret_other);
	return 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	size_t same, other;
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err) || count(&t, &a, &same, &other, err))
		return -1;
	*ret = !same && !other ? UNS_BEFORE : same == 1 && !other ? UNS_AFTER : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%s has %zu other and %zu equal line(s) of %s than %s:%u:%u", a.file, other, same,
		         a.owner, a.owner, a.range.start, a.range.count);
	return 0;
}

static int edit(struct uns_step_ctx *c, const struct args *a, bool add, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	int r;

	if (text_read(&t, c->root, a->file, err))
		return -1;
	r = add ? uns_subid_add(t.old.data, t.old.len, a->owner, a->range, &t.new, err)
	        : uns_subid_remove(t.old.data, t.old.len, a->owner, a->range, &t.new, err);
	if (r)
		return -1;
	return text_publish(&t, c->root, !add && !t.new.len && (a->created || !t.existed), err);
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(uns_unlock_shadow) struct uns_shadow_lock lock = UNS_SHADOW_LOCK_INIT;
	struct args a;

	if (parse(c->step->args, &a, err) || uns_lock_shadow(&lock, c->root, LOCK_TIMEOUT_MS, err))
		return -1;
	return edit(c, &a, to == UNS_AFTER, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	if (parse(j, &a, err))
		return -1;
	return uns_buf_printf(ret, err, "%s %s:%u:%u %s %s", reverse ? "remove" : "add", a.owner, a.range.start, a.range.count,
	                      reverse ? "from" : "to", a.file);
}

const struct uns_kind uns_kind_subid_line = { "subid-line", false, check, observe, drive, describe };
