/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of audit as the kernel lists them: struct audit_rule_data of linux/audit.h. See uns/auditrules.h. */
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "auditrules-edit.h"
#include "uns/cleanup.h"

#define LOGINUID_SET 24 /* AUDIT_LOGINUID_SET, which older headers lack */
#define SADDR_FAM 113
#define EXE 112
#define FSTYPE 26

/* The strings of a rule lie one behind the other; a field's value is the length of its string. */
struct strings {
	const char *s;
	size_t left;
};

static const struct {
	uint32_t type;
	const char *name;
	bool text;
} fields[] = {
	{AUDIT_PID, "pid"}, {AUDIT_UID, "uid"}, {AUDIT_EUID, "euid"}, {AUDIT_SUID, "suid"}, {AUDIT_FSUID, "fsuid"}, {AUDIT_GID, "gid"},
	{AUDIT_EGID, "egid"}, {AUDIT_SGID, "sgid"}, {AUDIT_FSGID, "fsgid"}, {AUDIT_LOGINUID, "auid"}, {AUDIT_PERS, "pers"},
	{AUDIT_ARCH, "arch"}, {AUDIT_MSGTYPE, "msgtype"}, {AUDIT_SUBJ_USER, "subj_user", true}, {AUDIT_SUBJ_ROLE, "subj_role", true},
	{AUDIT_SUBJ_TYPE, "subj_type", true}, {AUDIT_SUBJ_SEN, "subj_sen", true}, {AUDIT_SUBJ_CLR, "subj_clr", true}, {AUDIT_PPID, "ppid"},
	{AUDIT_OBJ_USER, "obj_user", true}, {AUDIT_OBJ_ROLE, "obj_role", true}, {AUDIT_OBJ_TYPE, "obj_type", true},
	{AUDIT_OBJ_LEV_LOW, "obj_lev_low", true}, {AUDIT_OBJ_LEV_HIGH, "obj_lev_high", true}, {LOGINUID_SET, "loginuid_set"},
	{AUDIT_SESSIONID, "sessionid"}, {FSTYPE, "fstype"}, {AUDIT_DEVMAJOR, "devmajor"}, {AUDIT_DEVMINOR, "devminor"},
	{AUDIT_INODE, "inode"}, {AUDIT_EXIT, "exit"}, {AUDIT_SUCCESS, "success"}, {AUDIT_WATCH, "path", true}, {AUDIT_PERM, "perm"},
	{AUDIT_DIR, "dir", true}, {AUDIT_FILETYPE, "filetype"}, {AUDIT_OBJ_UID, "obj_uid"}, {AUDIT_OBJ_GID, "obj_gid"},
	{AUDIT_FIELD_COMPARE, "field_compare"}, {EXE, "exe", true}, {SADDR_FAM, "saddr_fam"}, {AUDIT_ARG0, "a0"}, {AUDIT_ARG1, "a1"},
	{AUDIT_ARG2, "a2"}, {AUDIT_ARG3, "a3"}, {AUDIT_FILTERKEY, "key", true},
};

/* AUDIT_COMPARE_…, from 1. */
static const char *const pairs[][2] = {
	{"uid", "obj_uid"}, {"gid", "obj_gid"}, {"euid", "obj_uid"}, {"egid", "obj_gid"}, {"auid", "obj_uid"}, {"suid", "obj_uid"},
	{"sgid", "obj_gid"}, {"fsuid", "obj_uid"}, {"fsgid", "obj_gid"}, {"uid", "auid"}, {"uid", "euid"}, {"uid", "fsuid"}, {"uid", "suid"},
	{"auid", "fsuid"}, {"auid", "suid"}, {"auid", "euid"}, {"euid", "suid"}, {"euid", "fsuid"}, {"suid", "fsuid"}, {"gid", "egid"},
	{"gid", "fsgid"}, {"gid", "sgid"}, {"egid", "fsgid"}, {"egid", "sgid"}, {"sgid", "fsgid"},
};

static bool read_op(uint32_t flags, enum uns_audit_op *ret)
{
	static const uint32_t ops[] = {AUDIT_EQUAL, AUDIT_NOT_EQUAL, AUDIT_LESS_THAN, AUDIT_GREATER_THAN, AUDIT_LESS_THAN_OR_EQUAL,
	                               AUDIT_GREATER_THAN_OR_EQUAL, AUDIT_BIT_MASK, AUDIT_BIT_TEST};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if ((flags & AUDIT_OPERATORS) == ops[i]) {
			*ret = (enum uns_audit_op)i;
			return true;
		}
	return false;
}

static bool read_list(uint32_t flags, enum uns_audit_list *ret)
{
	switch (flags & ~(uint32_t)AUDIT_FILTER_PREPEND) {
	case AUDIT_FILTER_USER:
		*ret = UNS_AUDIT_USER;
		return true;
	case AUDIT_FILTER_TASK:
		*ret = UNS_AUDIT_TASK;
		return true;
	case AUDIT_FILTER_EXIT:
		*ret = UNS_AUDIT_EXIT;
		return true;
	case AUDIT_FILTER_EXCLUDE:
		*ret = UNS_AUDIT_EXCLUDE;
		return true;
	case 6:
		*ret = UNS_AUDIT_FILESYSTEM;
		return true;
	case 7:
		*ret = UNS_AUDIT_IO_URING;
		return true;
	}
	return false;
}

/* Every bit that auditctl can set: then it is all of them. */
static int read_mask(const struct audit_rule_data *d, struct uns_auditrule *r, struct uns_err *err)
{
	bool all = true;

	for (size_t i = 0; i < AUDIT_BITMASK_SIZE - 1; i++)
		all &= d->mask[i] == UINT32_MAX;
	r->all_syscalls = all;
	for (uint32_t n = 0; !all && n < 32 * AUDIT_BITMASK_SIZE; n++) {
		uns_auto_free char *text = NULL;

		if (!(d->mask[n / 32] & 1u << n % 32))
			continue;
		text = uns_str_printf(err, "%u", n);
		if (!text || uns_strs_add(&r->syscalls, text, err) < 0)
			return -1;
	}
	return 0;
}

/* Several keys are one string, with \001 between them. */
static int read_keys(struct uns_auditrule *r, const char *s, struct uns_err *err)
{
	for (;;) {
		size_t len = strcspn(s, "\001");
		uns_auto_free char *key = strndup(s, len);

		if (!key)
			return uns_err_nomem(err);
		if (uns_strs_add(&r->keys, key, err) < 0)
			return -1;
		if (!s[len])
			return 0;
		s += len + 1;
	}
}

static int bad(struct uns_err *err, const char *where, const char *what)
{
	return uns_err_set(err, UNS_E_INPUT, "%s: found %s; expected a rule as in linux/audit.h", where, what);
}

static int read_text(struct uns_auditrule *r, size_t at, uint32_t len, struct strings *strings, enum uns_audit_op op, struct uns_err *err)
{
	uns_auto_free char *s = NULL;

	if (len > strings->left)
		return bad(err, r->where, "a string that is too long");
	s = strndup(strings->s, len);
	if (!s)
		return uns_err_nomem(err);
	strings->s += len;
	strings->left -= len;
	if (fields[at].type == AUDIT_FILTERKEY)
		return read_keys(r, s, err);
	if (fields[at].type != AUDIT_WATCH && fields[at].type != AUDIT_DIR)
		return uns_auditrule_add_field(r, fields[at].name, op, s, false, err);
	if (*s != '/' || r->path)
		return bad(err, r->where, "no path, or two of them");
	r->kind = fields[at].type == AUDIT_DIR ? UNS_AUDIT_TREE : UNS_AUDIT_FILE;
	r->path = uns_take_ptr(s);
	return 0;
}

static int read_number(struct uns_auditrule *r, size_t at, uint32_t v, enum uns_audit_op op, struct uns_err *err)
{
	char text[16];

	switch (fields[at].type) {
	case AUDIT_PERM:
		r->perm = v & UNS_AUDIT_PERM_ALL;
		return 0;
	case AUDIT_FIELD_COMPARE:
		if (v == 0 || v > sizeof(pairs) / sizeof(*pairs))
			return bad(err, r->where, "a comparison that is not known");
		return uns_auditrule_add_field(r, pairs[v - 1][0], op, pairs[v - 1][1], true, err);
	case AUDIT_ARCH:
		return uns_auditrule_add_field(r, "arch", op, v & __AUDIT_ARCH_64BIT ? "b64" : "b32", false, err);
	case AUDIT_EXIT:
		snprintf(text, sizeof(text), "%d", (int32_t)v);
		break;
	default:
		snprintf(text, sizeof(text), "%u", v);
	}
	return uns_auditrule_add_field(r, fields[at].name, op, text, false, err);
}

static int read_field(struct uns_auditrule *r, const struct audit_rule_data *d, uint32_t i, struct strings *strings, struct uns_err *err)
{
	enum uns_audit_op op;
	char name[24];

	if (!read_op(d->fieldflags[i], &op))
		return bad(err, r->where, "an operator that is not known");
	for (size_t at = 0; at < sizeof(fields) / sizeof(*fields); at++)
		if (fields[at].type == d->fields[i])
			return fields[at].text ? read_text(r, at, d->values[i], strings, op, err) :
			                         read_number(r, at, d->values[i], op, err);
	snprintf(name, sizeof(name), "field%u", d->fields[i]);
	return uns_auditrule_add_field(r, name, op, "?", false, err);
}

int uns_auditrules_decode(const void *data, size_t len, const char *where, struct uns_auditrules *ret, struct uns_err *err)
{
	uns_auto(uns_auditrule_done) struct uns_auditrule r = {0};
	uns_auto_free struct audit_rule_data *d = NULL;
	struct strings strings;

	if (len < sizeof(*d))
		return bad(err, where, "too few bytes");
	d = malloc(len); /* aligned */
	r.where = uns_str_dup(where, err);
	if (!d || !r.where)
		return uns_err_nomem(err);
	memcpy(d, data, len);
	strings = (struct strings){(const char *)d + sizeof(*d), len - sizeof(*d)};
	if (d->field_count > AUDIT_MAX_FIELDS || d->buflen > strings.left || !read_list(d->flags, &r.list))
		return bad(err, where, "numbers that do not fit");
	if (d->action != AUDIT_ALWAYS && d->action != AUDIT_NEVER)
		return bad(err, where, "an action that is not known");
	r.never = d->action == AUDIT_NEVER;
	for (uint32_t i = 0; i < d->field_count; i++)
		if (read_field(&r, d, i, &strings, err) < 0)
			return -1;
	return read_mask(d, &r, err) < 0 ? -1 : uns_auditrules_insert(ret, ret->n, &r, err);
}
