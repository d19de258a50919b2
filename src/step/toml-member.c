/* SPDX-License-Identifier: Apache-2.0 */
/* toml-member: one key of a TOML file that people edit (storage.conf). Disjoint as json-member: "before" and "after" are two
 * different values, of which one may be "absent"; any third is FOREIGN. The file is edited as text, so all else in it stays. A file
 * that we made is made with the text "base" and vanishes again when that is all that is left of it. */
#include <string.h>

#include "args.h"
#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/toml.h"

struct args {
	const char *file;
	struct uns_toml_edit edit;    /* table, key, header */
	const json_t *before, *after; /* borrowed; NULL: absent */
	const char *base;             /* NULL: the file is not ours */
};

static bool same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

static bool is_plain(const json_t *v)
{
	return !v || json_is_string(v) || json_is_integer(v);
}

/* Letters, digits, '-', '_', and '.' between the parts of a table: what is written without quotes. */
static int get_bare(const json_t *j, const char *key, bool dots, const char **ret, struct uns_err *err)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	const char *s;
	size_t len;

	if (uns_json_str(j, key, &s, err))
		return -1;
	len = strlen(s);
	if (!len || len > 255 || strspn(s, letters) != len || *s == '.' || s[len - 1] == '.' || strstr(s, "..") ||
	    (!dots && strchr(s, '.')))
		return uns_err_set(err, UNS_E_INPUT, "%s: expected a bare key%s", key, dots ? ", or several with dots" : "");
	*ret = s;
	return 0;
}

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	struct args a = {.before = json_object_get(j, "before"), .after = json_object_get(j, "after")};

	if (uns_args_path(j, "file", &a.file, err) || get_bare(j, "table", true, &a.edit.table, err) ||
	    get_bare(j, "key", false, &a.edit.key, err))
		return -1;
	a.edit.header = uns_json_bool_or(j, "header", false);
	a.base = uns_json_str_or(j, "base", NULL);
	if (!is_plain(a.before) || !is_plain(a.after))
		return uns_err_set(err, UNS_E_INPUT, "before, after: expected a string or an integer");
	if (same(a.before, a.after))
		return uns_err_set(err, UNS_E_INPUT, "before and after are the same");
	*ret = a;
	return 0;
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

/* *ret: new reference, or NULL when the key is not set. */
static int now(const struct text *t, const struct args *a, json_t **ret, struct uns_err *err)
{
	json_t *v = NULL;

	if (uns_toml_get(t->old.data, t->old.len, a->file, a->edit.table, a->edit.key, &v, NULL, err) < 0)
		return -1;
	*ret = v;
	return 0;
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	uns_auto(text_done) struct text t = {0};
	uns_auto_json json_t *v = NULL;
	struct args a;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err) || now(&t, &a, &v, err))
		return -1;
	*ret = same(v, a.after) ? UNS_AFTER : same(v, a.before) ? UNS_BEFORE : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN) {
		uns_auto_free char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

		snprintf(c->why, sizeof(c->why), "%s: %s in [%s] is %s", a.file, a.edit.key, a.edit.table, text ? text : "not set");
	}
	return 0;
}

static bool is_base(const struct args *a, const struct uns_buf *b)
{
	return a->base && b->len == strlen(a->base) && !memcmp(b->data ? b->data : "", a->base, b->len);
}

/* Of a file that is made: with its base. */
static int begin(struct text *t, const struct args *a, struct uns_err *err)
{
	return t->existed || !a->base ? 0 : uns_buf_puts(&t->old, a->base, err);
}

int text_edit_toml_member(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err)
{
	struct args a;

	if (parse(args, &a, err))
		return -1;
	a.edit.value = to == UNS_AFTER ? a.after : a.before;
	if (!t->existed && !a.edit.value)
		return TEXT_REMOVE;
	if (begin(t, &a, err) || uns_toml_set(t->old.data, t->old.len, a.file, &a.edit, &t->new, err))
		return -1;
	return !a.edit.value && is_base(&a, &t->new) ? TEXT_REMOVE : TEXT_NEW;
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto(text_done) struct text t = {0};
	struct args a;
	int answer;

	if (parse(c->step->args, &a, err) || text_read(&t, c->root, a.file, err))
		return -1;
	answer = text_edit_toml_member(c->step->args, to, &t, err);
	return answer < 0 ? -1 : text_publish(&t, c->root, answer == TEXT_REMOVE, err);
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *text = NULL;
	const json_t *v;
	struct args a;

	if (parse(j, &a, err))
		return -1;
	v = reverse ? a.before : a.after;
	if (!v)
		return uns_buf_printf(ret, err, "remove %s from %s", a.edit.key, a.file);
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	return text ? uns_buf_printf(ret, err, "set %s = %s in %s", a.edit.key, text, a.file) : uns_err_nomem(err);
}

const struct uns_kind uns_kind_toml_member = {"toml-member", false, check, observe, drive, describe};
