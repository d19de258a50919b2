/* SPDX-License-Identifier: Apache-2.0 */
/* As lenient as glibc's reader of these files: an account that it sees and we do not is a collision that we would not see. */
#include "uns/account.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

enum { FIELD_NAME, FIELD_PASSWORD, FIELD_ID, FIELD_GID, FIELD_MEMBERS = FIELD_GID, FIELD_GECOS, FIELD_HOME, FIELDS };

struct span {
	const char *s;
	size_t len;
};

void uns_accounts_done(struct uns_accounts *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].name);
		free(a->v[i].home);
		free(a->v[i].members);
	}
	free(a->v);
	*a = (struct uns_accounts){ 0 };
}

static size_t split(const char *s, size_t len, struct span field[FIELDS])
{
	const char *end = s + len;

	for (size_t n = 0; n < FIELDS; n++) {
		const char *colon = memchr(s, ':', (size_t)(end - s));

		field[n] = (struct span){ s, (size_t)((colon ? colon : end) - s) };
		if (!colon)
			return n + 1;
		s = colon + 1;
	}
	return FIELDS;
}

static struct span skip_blanks(struct span f)
{
	while (f.len > 0 && strchr(" \t\v\f\r", *f.s)) {
		f.s++;
		f.len--;
	}
	return f;
}

/* Blanks, a plus sign and zeros in front are taken as strtoul takes them. */
static int read_id(struct span f, uint32_t *ret)
{
	f = skip_blanks(f);
	if (f.len > 1 && *f.s == '+')
		f = (struct span){ f.s + 1, f.len - 1 };
	while (f.len > 1 && *f.s == '0')
		f = (struct span){ f.s + 1, f.len - 1 };
	return uns_num_u32(f.s, f.len, ret);
}

struct reading {
	struct span name, home, members;
	uint32_t id, gid;
};

static bool read_account(const struct uns_line *l, bool user, struct reading *ret)
{
	struct span line = { l->s, l->len }, field[FIELDS];

	/* A NUL would end the line for some readers and not for others; glibc never sees such a file whole. */
	if (memchr(line.s, '\0', line.len))
		return false;
	line = skip_blanks(line);
	if (line.len == 0 || strchr("#+-:", *line.s))
		return false;

	size_t n = split(line.s, line.len, field);

	if (n <= (user ? FIELD_GID : FIELD_ID) || read_id(field[FIELD_ID], &ret->id) < 0)
		return false;
	if (read_id(user ? field[FIELD_GID] : field[FIELD_ID], &ret->gid) < 0)
		return false;
	ret->name = field[FIELD_NAME];
	ret->home = user && n > FIELD_HOME ? field[FIELD_HOME] : (struct span){ NULL, 0 };
	ret->members = !user && n > FIELD_MEMBERS ? field[FIELD_MEMBERS] : (struct span){ NULL, 0 };
	return true;
}

static int accounts_push(struct uns_accounts *a, const struct reading *r, struct uns_err *err)
{
	struct uns_account *v = uns_vec_room(a->v, a->n, &a->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	a->v = v;
	a->v[a->n] = (struct uns_account){ .name = strndup(r->name.s, r->name.len), .id = r->id, .gid = r->gid };
	if (!a->v[a->n].name)
		return uns_err_nomem(err);
	v = &a->v[a->n++];
	if (r->home.s && !(v->home = strndup(r->home.s, r->home.len)))
		return uns_err_nomem(err);
	return r->members.s && !(v->members = strndup(r->members.s, r->members.len)) ? uns_err_nomem(err) : 0;
}

static int parse(const char *text, size_t len, bool user, struct uns_accounts *ret, struct uns_err *err)
{
	uns_auto(uns_accounts_done) struct uns_accounts all = { 0 };

	for (struct uns_line l = { 0 }; uns_line_next(&l, text, len);) {
		struct reading r;

		if (read_account(&l, user, &r) && accounts_push(&all, &r, err) < 0)
			return -1;
	}
	*ret = all;
	all = (struct uns_accounts){ 0 };
	return 0;
}

int uns_passwd_parse(const char *text, size_t len, struct uns_accounts *ret, struct uns_err *err)
{
	return parse(text, len, true, ret, err);
}

int uns_group_parse(const char *text, size_t len, struct uns_accounts *ret, struct uns_err *err)
{
	return parse(text, len, false, ret, err);
}

const struct uns_account *uns_accounts_name(const struct uns_accounts *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].name, name))
			return &a->v[i];
	return NULL;
}

const struct uns_account *uns_accounts_id(const struct uns_accounts *a, uint32_t id)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].id == id)
			return &a->v[i];
	return NULL;
}
