/* SPDX-License-Identifier: Apache-2.0 */
/* json-member: one top-level member of a JSON file that people edit (daemon.json). Disjoint: "before" and "after" are two different
 * values, of which one may be "absent"; any third value is FOREIGN. Where another step of the plan takes the member further, its value
 * there ("beyond") counts as this step's after, or as its before where it came from there ("behind"); it is neither of the two, so the
 * sets stay disjoint. The file is edited as text, so all else in it stays; a file that
 * we made vanishes again with its last member. */
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/jsontext.h"
#include "uns/step.h"

struct args {
	const char *file, *key;
	json_t *before, *after;   /* borrowed; NULL: absent */
	json_t *beyond, *behind; /* borrowed; NULL: none; an array with one value, or empty: absent */
	const char *before_text, *after_text; /* NULL: spelled as we do */
	bool created;
};

static bool same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

/* Whether the value is the one of "beyond" or "behind". */
static bool is_other(const json_t *other, const json_t *now)
{
	return other && same(json_array_get(other, 0), now);
}

static bool spells(const char *text, const json_t *value)
{
	uns_auto_json json_t *j = text ? json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL) : NULL;

	return !text || (j && value && json_equal(j, value));
}

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "file", &ret->file, err) || uns_json_str(j, "key", &ret->key, err))
		return -1;
	ret->before = json_object_get(j, "before");
	ret->after = json_object_get(j, "after");
	ret->beyond = json_object_get(j, "beyond");
	ret->behind = json_object_get(j, "behind");
	ret->before_text = uns_json_str_or(j, "before_text", NULL);
	ret->after_text = uns_json_str_or(j, "after_text", NULL);
	if (!spells(ret->before_text, ret->before) || !spells(ret->after_text, ret->after))
		return uns_err_set(err, UNS_E_INPUT, "before_text, after_text: expected JSON of the same value");
	ret->created = uns_json_bool_or(j, "created", false);
	if (ret->before == ret->after || (ret->before && ret->after && json_equal(ret->before, ret->after)))
		return uns_err_set(err, UNS_E_INPUT, "before and after are the same");
	if (is_other(ret->beyond, ret->before) || is_other(ret->behind, ret->after))
		return uns_err_set(err, UNS_E_INPUT, "beyond, behind: expected a value of neither side");
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static bool is_blank(const struct uns_buf *b)
{
	return strspn(b->data, " \t\r\n") == b->len;
}

static int document(const struct text *t, json_t **ret, struct uns_err *err)
{
	if (!is_blank(&t->old))
		return uns_json_parse(t->old.data, t->old.len, t->file, ret, err);
	*ret = json_object();
	return *ret ? 0 : uns_err_nomem(err);
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	uns_auto_json json_t *doc = NULL;
	const json_t *now;
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err) || document(&t, &doc, err))
		return -1;
	now = json_object_get(doc, a.key);
	if (same(now, a.after) || is_other(a.beyond, now))
		*ret = UNS_AFTER;
	else
		*ret = same(now, a.before) || is_other(a.behind, now) ? UNS_BEFORE : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN) {
		uns_auto_free char *value = now ? json_dumps(now, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

		snprintf(c->why, sizeof(c->why), "%s: \"%s\" is %s", a.file, a.key, value ? value : "absent");
	}
	return 0;
}

int text_edit_json_member(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err)
{
	uns_auto_json json_t *doc = NULL;
	const json_t *value;
	struct args a;

	if (parse(args, &a, err) || document(t, &doc, err))
		return -1;
	value = to == UNS_AFTER ? a.after : a.before;
	if (!value && a.created && (json_object_size(doc) == 0 || (json_object_size(doc) == 1 && json_object_get(doc, a.key))))
		return TEXT_REMOVE;
	if (same(json_object_get(doc, a.key), value))
		return TEXT_SAME;
	return uns_jsontext_spelled(t->old.data, t->old.len, a.file, a.key, value, to == UNS_AFTER ? a.after_text : a.before_text, &t->new,
				    err)
		       ? -1
		       : TEXT_NEW;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(text_done) struct text t = { 0 };
	struct args a;
	int answer;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err))
		return -1;
	answer = text_edit_json_member(c->step->args, to, &t, err);
	if (answer == TEXT_SAME)
		return t.existed ? uns_root_clean(c->root, a.file, err) : 0;
	return answer < 0 ? -1 : text_publish(&t, c->root, answer == TEXT_REMOVE, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *text = NULL;
	const json_t *value;
	struct args a;

	if (parse(j, &a, err))
		return -1;
	value = reverse ? a.before : a.after;
	if (!value)
		return uns_buf_printf(ret, err, "remove \"%s\" from %s", a.key, a.file);
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	return text ? uns_buf_printf(ret, err, "set \"%s\": %s in %s", a.key, text, a.file) : uns_err_nomem(err);
}

const struct uns_kind uns_kind_json_member = { "json-member", false, check, observe, drive, describe };
