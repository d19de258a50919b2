/* SPDX-License-Identifier: Apache-2.0 */
/* A line "key: number" at the margin, and one that is indented below "userNamespaces:". All else of the YAML is somebody else's to
 * read. */
#include "uns/kubeletconf.h"

#include <stdbool.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"

struct reader {
	const char *file;
	struct uns_line line;
	bool inside; /* the lines below userNamespaces: */
	struct uns_kubeletconf c;
};

static int fail(const struct reader *r, const char *at, const char *expected, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%zu: expected %s", r->file, r->line.number, (size_t)(at - r->line.s) + 1,
	                   expected);
}

static size_t blanks(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (s[n] == ' ' || s[n] == '\t'))
		n++;
	return n;
}

/* What stands behind "key:", without blanks, quotes, and a comment; NULL: it is another key. */
static const char *value_of(const char *s, size_t len, const char *key, size_t *ret_len)
{
	size_t k = strlen(key), quote = len > 0 && (*s == '"' || *s == '\''), n;

	if (len < k + 2 * quote + 1 || memcmp(s + quote, key, k) != 0 || (quote && s[quote + k] != *s) || s[k + 2 * quote] != ':')
		return NULL;
	s += k + 2 * quote + 1;
	len -= k + 2 * quote + 1;
	n = blanks(s, len);
	s += n;
	len -= n;
	for (n = 0; n < len && !(s[n] == '#' && (n == 0 || s[n - 1] == ' ' || s[n - 1] == '\t')); n++)
		;
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		n--;
	*ret_len = n;
	return s;
}

static int take(const struct reader *r, const char *s, size_t len, uint32_t *ret, struct uns_err *err)
{
	uint32_t n;

	if (*ret)
		return fail(r, s, "this key once", err);
	if (uns_num_u32(s, len, &n) < 0 || n == 0)
		return fail(r, s, "a number above 0", err);
	*ret = n;
	return 0;
}

static int margin(struct reader *r, const char *s, size_t len, struct uns_err *err)
{
	size_t n;
	const char *v = value_of(s, len, "maxPods", &n);

	r->inside = false;
	if (v)
		return take(r, v, n, &r->c.max_pods, err);
	v = value_of(s, len, "userNamespaces", &n);
	if (v && n > 0 && *v != '~' && !(n == 4 && memcmp(v, "null", 4) == 0))
		return fail(r, v, "its keys in lines of their own", err);
	r->inside = v != NULL;
	return 0;
}

static int read_line(struct reader *r, struct uns_err *err)
{
	size_t indent = blanks(r->line.s, r->line.len), n;
	const char *s = r->line.s + indent, *v;

	if (indent == r->line.len || *s == '#' || *s == '\r')
		return 0;
	if (indent == 0)
		return margin(r, s, r->line.len, err);
	v = r->inside ? value_of(s, r->line.len - indent, "idsPerPod", &n) : NULL;
	return v ? take(r, v, n, &r->c.ids_per_pod, err) : 0;
}

static int member(const json_t *j, const char *key, uint32_t *ret, struct uns_err *err)
{
	if (!json_object_get(j, key))
		return 0;
	if (uns_json_u32(j, key, ret, err) < 0)
		return -1;
	return *ret ? 0 : uns_err_set(err, UNS_E_INPUT, "%s: expected a number above 0", key);
}

static int parse_json(const char *text, size_t len, const char *file, struct uns_kubeletconf *c, struct uns_err *err)
{
	uns_auto_json json_t *j = NULL;
	const json_t *inner;

	if (uns_json_parse(text, len, file, &j, err) < 0)
		return -1;
	inner = json_object_get(j, "userNamespaces");
	if (member(j, "maxPods", &c->max_pods, err) < 0 || (inner && member(inner, "idsPerPod", &c->ids_per_pod, err) < 0))
		return uns_err_prefix(err, "%s", file);
	return 0;
}

int uns_kubeletconf_parse(const char *text, size_t len, const char *file, struct uns_kubeletconf *ret, struct uns_err *err)
{
	struct reader r = {.file = file};
	size_t start = 0;

	while (start < len && strchr(" \t\r\n", text[start]))
		start++;
	if (start < len && text[start] == '{') {
		if (parse_json(text, len, file, &r.c, err) < 0)
			return -1;
	} else {
		while (uns_line_next(&r.line, text, len))
			if (read_line(&r, err) < 0)
				return -1;
	}
	*ret = r.c;
	return 0;
}
