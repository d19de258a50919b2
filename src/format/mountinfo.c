/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/mountinfo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/str.h"
#include "uns/vec.h"

enum { FIELD_ID, FIELD_PARENT, FIELD_DEVICE, FIELD_ROOT, FIELD_POINT, FIELD_OPTIONS, FIELDS };

struct span {
	const char *s;
	size_t len;
};

static void mount_done(struct uns_mount *m)
{
	free(m->point);
	free(m->fstype);
	free(m->options);
	free(m->super);
}

void uns_mounts_done(struct uns_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		mount_done(&m->v[i]);
	free(m->v);
	*m = (struct uns_mounts){ 0 };
}

/* The next field of *rest, never an empty one: the kernel escapes every blank in a field. */
static bool next_field(struct span *rest, struct span *ret)
{
	const char *blank = memchr(rest->s, ' ', rest->len);
	size_t len = blank ? (size_t)(blank - rest->s) : rest->len;

	if (len == 0)
		return false;
	*ret = (struct span){ rest->s, len };
	rest->s += len + (blank ? 1 : 0);
	rest->len -= len + (blank ? 1 : 0);
	return true;
}

static bool octal_escape(const char *s, size_t len, char *ret)
{
	unsigned value = 0;

	if (len < 4 || s[0] != '\\')
		return false;
	for (size_t i = 1; i < 4; i++) {
		if (s[i] < '0' || s[i] > '7')
			return false;
		value = value * 8 + (unsigned)(s[i] - '0');
	}
	if (value == 0 || value > 255)
		return false;
	*ret = (char)(unsigned char)value;
	return true;
}

static char *decode(struct span f, struct uns_err *err)
{
	char *out = malloc(f.len + 1), *to = out;

	if (!out) {
		uns_err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < f.len; i++) {
		if (octal_escape(f.s + i, f.len - i, to))
			i += 3;
		else
			*to = f.s[i];
		to++;
	}
	*to = '\0';
	return out;
}

static bool read_device(struct span f, uint32_t *ret_major, uint32_t *ret_minor)
{
	const char *colon = memchr(f.s, ':', f.len);

	if (!colon)
		return false;

	size_t len = (size_t)(colon - f.s);

	return uns_num_u32(f.s, len, ret_major) == 0 && uns_num_u32(colon + 1, f.len - len - 1, ret_minor) == 0;
}

/* Optional fields ("shared:1") up to a lone hyphen, then the type, the source (which may be empty: then two blanks follow each other)
 * and the options of the file system. */
static bool read_rest(struct span *rest, struct span *ret_fstype, struct span *ret_super)
{
	struct span f;

	while (next_field(rest, &f))
		if (f.len == 1 && *f.s == '-') {
			const char *blank = NULL;

			if (!next_field(rest, ret_fstype))
				return false;
			for (size_t i = rest->len; i > 0 && !blank; i--)
				blank = rest->s[i - 1] == ' ' ? rest->s + i : NULL;
			*ret_super = blank ? (struct span){blank, rest->len - (size_t)(blank - rest->s)} : (struct span){rest->s, 0};
			return true;
		}
	return false;
}

static const char *read_fields(const struct uns_line *l, struct span field[FIELDS], struct span *fstype, struct span *super,
                               uint32_t device[2])
{
	struct span rest = { l->s, l->len };

	if (memchr(l->s, '\0', l->len))
		return "a NUL byte";
	for (size_t i = 0; i < FIELDS; i++)
		if (!next_field(&rest, &field[i]))
			return "too few fields";
	if (!read_device(field[FIELD_DEVICE], &device[0], &device[1]))
		return "no device numbers in the third field";
	if (*field[FIELD_POINT].s != '/')
		return "a mount point that is no absolute path";
	return read_rest(&rest, fstype, super) ? NULL : "no filesystem type after a lone hyphen";
}

static int mounts_push(struct uns_mounts *all, const struct uns_line *l, struct uns_err *err)
{
	struct span field[FIELDS], fstype, super;
	uint32_t device[2];
	const char *found = read_fields(l, field, &fstype, &super, device);

	if (found)
		return uns_err_set(err, UNS_E_INPUT, "mountinfo:%u: found %s; expected a line as in proc_pid_mountinfo(5)", l->number,
		                   found);

	struct uns_mount *v = uns_vec_room(all->v, all->n, &all->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	all->v = v;

	uns_auto(mount_done) struct uns_mount m = { .major = device[0], .minor = device[1] };

	m.point = decode(field[FIELD_POINT], err);
	m.fstype = m.point ? decode(fstype, err) : NULL;
	m.options = m.fstype ? decode(field[FIELD_OPTIONS], err) : NULL;
	m.super = m.options ? decode(super, err) : NULL;
	if (!m.super)
		return -1;
	all->v[all->n++] = m;
	m = (struct uns_mount){ 0 };
	return 0;
}

int uns_mountinfo_parse(const char *text, size_t len, struct uns_mounts *ret, struct uns_err *err)
{
	uns_auto(uns_mounts_done) struct uns_mounts all = { 0 };

	for (struct uns_line l = { 0 }; uns_line_next(&l, text, len);)
		if (mounts_push(&all, &l, err) < 0)
			return -1;
	*ret = all;
	all = (struct uns_mounts){ 0 };
	return 0;
}

const struct uns_mount *uns_mounts_of(const struct uns_mounts *m, const char *path)
{
	const struct uns_mount *best = NULL;
	size_t best_len = 0;

	if (path[0] != '/')
		return NULL;
	for (size_t i = 0; i < m->n; i++) {
		const char *point = m->v[i].point;
		size_t len = strlen(point);

		/* Of equals the last: it was mounted on top of the others. */
		if (len >= best_len && (!strcmp(point, "/") || uns_path_below(path, point))) {
			best = &m->v[i];
			best_len = len;
		}
	}
	return best;
}
