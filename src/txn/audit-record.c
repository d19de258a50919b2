/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of audit an event makes. See uns/audit.h. */
#include <stdio.h>
#include <string.h>

#include "uns/audit.h"
#include "uns/cleanup.h"
#include "uns/json.h"

struct out {
	struct uns_audit *a;
	const struct uns_event *e;
	void (*put)(void *user, const struct uns_audit_record *r);
	void *user;
	bool forward; /* the step goes from its before to its after */
	bool ok;
};

static void add(struct uns_audit_record *r, const char *name, const char *value, bool safe)
{
	if (r->n == UNS_AUDIT_PAIRS)
		return;
	snprintf(r->pair[r->n].name, sizeof(r->pair[r->n].name), "%s", name);
	snprintf(r->pair[r->n].value, sizeof(r->pair[r->n].value), "%s", value);
	r->pair[r->n++].safe = safe;
}

static void add_number(struct uns_audit_record *r, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add(r, name, text, true);
}

static struct uns_audit_record start(const struct out *o, enum uns_audit_type type, const char *op)
{
	struct uns_audit_record r = {.type = type, .ok = o->ok};

	add(&r, "op", op, true);
	return r;
}

/* ---- ranges ---- */

static bool has_line(const json_t *list, const json_t *line)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), line))
			return true;
	return false;
}

static void add_part(struct uns_audit_record *r, const char *name, const char *s, size_t len, bool number)
{
	char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : sizeof(text) - 1), s);
	add(r, name, text, number && *text && !text[strspn(text, "0123456789")]);
}

/* "owner:first:count", of which any part may be anything. */
static void put_range(const struct out *o, const char *op, const char *line)
{
	struct uns_audit_record r = start(o, UNS_AUDIT_MGMT, op);
	size_t owner = strcspn(line, ":"), first = line[owner] ? strcspn(line + owner + 1, ":") : 0;
	const char *count = line + owner + (line[owner] ? 1 : 0) + first;

	add_part(&r, "acct", line, owner, false);
	add_part(&r, "subid-first", line + owner + (line[owner] ? 1 : 0), first, true);
	add_part(&r, "subid-count", *count ? count + 1 : "", *count ? strlen(count + 1) : 0, true);
	o->put(o->user, &r);
}

static void put_lines(const struct out *o, const char *op, const json_t *from, const json_t *to)
{
	for (size_t i = 0; i < json_array_size(to); i++) {
		const json_t *line = json_array_get(to, i);

		if (json_is_string(line) && !has_line(from, line))
			put_range(o, op, json_string_value(line));
	}
}

static void ranges(const struct out *o)
{
	const json_t *args = o->e->what->args;
	const json_t *from = json_object_get(args, o->forward ? "before" : "after"), *to = json_object_get(args, o->forward ? "after" : "before");
	bool gid = strcmp(uns_json_str_or(args, "file", ""), "/etc/subgid") == 0;

	put_lines(o, gid ? "del-subgid-range" : "del-subuid-range", to, from);
	put_lines(o, gid ? "add-subgid-range" : "add-subuid-range", from, to);
}

/* ---- accounts ---- */

/* useradd and userdel tell themselves; the tools of busybox do not. */
static void put_name(const struct out *o, enum uns_audit_type type, const char *op, const char *key)
{
	struct uns_audit_record r = start(o, type, op);

	add(&r, "acct", uns_json_str_or(o->e->what->args, key, ""), false);
	o->put(o->user, &r);
}

static void account(const struct out *o)
{
	if (!o->e->unaudited)
		return;
	if (o->forward) {
		put_name(o, UNS_AUDIT_ADD_GROUP, "add-group", "group");
		put_name(o, UNS_AUDIT_ADD_USER, "add-user", "user");
	} else {
		put_name(o, UNS_AUDIT_DEL_USER, "delete-user", "user");
		put_name(o, UNS_AUDIT_DEL_GROUP, "delete-group", "group");
	}
}

/* ---- options ---- */

static void add_side(struct uns_audit_record *r, const char *side, const char *option, const json_t *value)
{
	uns_auto_free char *text = value && !json_is_string(value) ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	char name[48];

	/* What is no plain name cannot be part of a field's name. */
	if (!*option || option[strspn(option, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] || strlen(option) > 40)
		option = "option";
	snprintf(name, sizeof(name), "%s-%s", side, option);
	if (json_is_string(value))
		add(r, name, json_string_value(value), false);
	else
		add(r, name, text ? text : "?", !text);
}

static void option(const struct out *o)
{
	const json_t *args = o->e->what->args;
	const char *name = uns_json_str_or(args, "key", uns_json_str_or(args, "option", "option"));
	struct uns_audit_record r = start(o, UNS_AUDIT_CONFIG, "set-engine-option");

	if (strcmp(name, UNS_HOLD_KEY) == 0)
		return;
	add_side(&r, "old", name, json_object_get(args, o->forward ? "before" : "after"));
	add_side(&r, "new", name, json_object_get(args, o->forward ? "after" : "before"));
	add(&r, "path", uns_json_str_or(args, "file", ""), false);
	o->put(o->user, &r);
}

/* ---- the data ---- */

static bool moves_data(const char *kind)
{
	return strcmp(kind, "shift-tree") == 0 || strcmp(kind, "nest") == 0 || strcmp(kind, "volume") == 0;
}

static const char *data_of(const struct uns_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (moves_data(p->v[i].kind))
			return uns_json_str_or(p->v[i].args, "base", uns_json_str_or(p->v[i].args, "dir", "?"));
	return NULL;
}

/* A run there is started and finished, or aborted; a run back is one record, at its end. */
static void migration(const struct out *o)
{
	bool begins = strcmp(o->e->type, "run") == 0, back = o->e->to == UNS_BEFORE;
	const char *path = data_of(o->a->plan);
	struct uns_audit_record r = start(o, UNS_AUDIT_CONFIG,
	                                  back ? "userns-migrate-rollback" : begins ? "userns-migrate-start" :
	                                  o->ok ? "userns-migrate-finish" : "userns-migrate-abort");

	if (!path || (begins && back))
		return;
	add(&r, "path", path, false);
	if (o->a->number)
		add_number(&r, "transaction", o->a->number);
	if (!begins)
		add_number(&r, "shifted", o->a->shifted);
	o->put(o->user, &r);
}

/* ---- events ---- */

static void step(const struct out *o)
{
	static const struct {
		const char *kind;
		void (*put)(const struct out *o);
	} kinds[] = {{"subid-lines", ranges}, {"account", account}, {"json-member", option}, {"env-option", option}, {"toml-member", option}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(o->e->what->kind, kinds[i].kind) == 0)
			kinds[i].put(o);
}

void uns_audit_records(struct uns_audit *a, const struct uns_event *e, void (*put)(void *user, const struct uns_audit_record *r),
                       void *user)
{
	struct out o = {.a = a, .e = e, .put = put, .user = user, .ok = strcmp(e->type, "fail") != 0};

	if (e->what)
		o.forward = (e->to == UNS_AFTER) != e->what->reverse;
	if (strcmp(e->type, "run") == 0)
		a->shifted = 0;
	if (e->what && (strcmp(e->type, "done") == 0 || !o.ok)) {
		json_t *changed = json_object_get(e->result, "changed");

		a->shifted += json_is_integer(changed) ? (uint64_t)json_integer_value(changed) : 0;
		step(&o);
	} else if (!e->what) {
		migration(&o);
	}
}
