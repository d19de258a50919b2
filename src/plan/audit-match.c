/* SPDX-License-Identifier: Apache-2.0 */
/* A rule against a system call of ours. See audit-match.h. */
#include "audit-match.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "uns/num.h"
#include "uns/str.h"

enum match { NO, YES, PERHAPS };

/* ---- fields ---- */

static enum match compare(uint64_t is, enum uns_audit_op op, uint64_t value)
{
	switch (op) {
	case UNS_AUDIT_EQ:
		return is == value ? YES : NO;
	case UNS_AUDIT_NE:
		return is != value ? YES : NO;
	case UNS_AUDIT_LT:
		return is < value ? YES : NO;
	case UNS_AUDIT_GT:
		return is > value ? YES : NO;
	case UNS_AUDIT_LE:
		return is <= value ? YES : NO;
	case UNS_AUDIT_GE:
		return is >= value ? YES : NO;
	case UNS_AUDIT_MASK:
		return is & value ? YES : NO;
	case UNS_AUDIT_TEST:
		break;
	}
	return (is & value) == value ? YES : NO;
}

/* An ID as rules write it: a number, "unset" or -1, or the name of a user. */
static bool read_id(const struct uns_audit_who *w, const char *s, uint32_t *ret)
{
	const struct uns_account *user;

	if (strcmp(s, "unset") == 0 || strcmp(s, "-1") == 0) {
		*ret = UNS_AUID_UNSET;
		return true;
	}
	if (uns_num_u32(s, strlen(s), ret) == 0)
		return true;
	user = uns_accounts_name(w->users, s);
	if (user)
		*ret = user->id;
	return user != NULL;
}

static bool is_in(const char *name, const char *const list[])
{
	for (; *list; list++)
		if (strcasecmp(name, *list) == 0)
			return true;
	return false;
}

static bool is_auid(const char *name)
{
	return strcasecmp(name, "auid") == 0 || strcasecmp(name, "loginuid") == 0;
}

/* We run as root: its IDs of all kinds are 0. */
static bool own_id(const struct uns_audit_who *w, const char *name, uint32_t *ret)
{
	static const char *const roots[] = {"uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid", NULL};

	if (!is_auid(name) && !is_in(name, roots))
		return false;
	*ret = is_auid(name) ? w->f->auid : 0;
	return true;
}

static enum match between(const struct uns_audit_who *w, const struct uns_audit_field *f)
{
	uint32_t a, b;

	if (!own_id(w, f->name, &a) || !own_id(w, f->value, &b))
		return PERHAPS;
	return compare(a, f->op, b);
}

/* The calls that count succeed, with 0. */
static enum match outcome(const struct uns_audit_field *f)
{
	bool yes = strcmp(f->value, "1") == 0 || strcasecmp(f->value, "yes") == 0;

	if (strcasecmp(f->name, "success") == 0)
		return compare(1, f->op, yes);
	if (strcmp(f->value, "0") == 0)
		return compare(0, f->op, 0);
	/* -EPERM, -13, EACCES: an error. */
	return f->op == UNS_AUDIT_NE || ((f->op == UNS_AUDIT_GT || f->op == UNS_AUDIT_GE) && *f->value == '-') ? YES : NO;
}

static enum match arch(const struct uns_audit_field *f)
{
	bool wide = strstr(f->value, "64") || strcmp(f->value, "s390x") == 0, ours = wide == (sizeof(long) == 8);

	return ours == (f->op == UNS_AUDIT_EQ) ? YES : NO;
}

static enum match field(const struct uns_audit_who *w, const struct uns_audit_field *f)
{
	/* One inode, one process, one argument: hardly what so many calls have. */
	static const char *const one[] = {"inode", "pid", "ppid", "a0", "a1", "a2", "a3", "msgtype", "fstype", "saddr_fam", NULL};
	uint32_t is, value;

	if (f->between)
		return between(w, f);
	if (own_id(w, f->name, &is))
		return read_id(w, f->value, &value) ? compare(is, f->op, value) : f->op == UNS_AUDIT_NE ? YES : NO;
	if (strcasecmp(f->name, "loginuid_set") == 0)
		return compare(w->f->auid != UNS_AUID_UNSET, f->op, strcmp(f->value, "1") == 0);
	if (strcasecmp(f->name, "exe") == 0)
		return (strcmp(f->value, w->f->exe) == 0) == (f->op == UNS_AUDIT_EQ) ? YES : NO;
	if (strcasecmp(f->name, "arch") == 0)
		return arch(f);
	if (strcasecmp(f->name, "success") == 0 || strcasecmp(f->name, "exit") == 0)
		return outcome(f);
	if (strcasecmp(f->name, "filetype") == 0)
		return (strcasecmp(f->value, "file") == 0) == (f->op == UNS_AUDIT_EQ) ? YES : NO;
	return is_in(f->name, one) && f->op == UNS_AUDIT_EQ ? NO : PERHAPS;
}

/* ---- rules ---- */

static bool fields_match(const struct uns_audit_who *w, const struct uns_auditrule *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (field(w, &r->field[i]) == NO)
			return false;
	return true;
}

static bool syscall_matches(const struct uns_auditrule *r, const struct uns_audit_act *a)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", a->number);
	return r->all_syscalls || uns_strs_has(&r->syscalls, a->syscall) || uns_strs_has(&r->syscalls, number);
}

/* A tree below ours counts like the whole for a rule that records: how much of all lies there is not known. A rule that is to keep
 * something from being recorded must cover all. */
static bool place_matches(const struct uns_audit_who *w, const struct uns_auditrule *r)
{
	if (r->kind == UNS_AUDIT_FILE)
		return false;
	return uns_auditrule_covers(r, w->root) || (!r->never && uns_path_below(r->path, w->root));
}

const struct uns_auditrule *uns_audit_decides(const struct uns_audit_who *w, const struct uns_audit_act *a)
{
	const struct uns_auditrules *all = &w->f->rules;

	/* A task that no rule is to see has no events. */
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].list == UNS_AUDIT_TASK && fields_match(w, &all->v[i]))
			return all->v[i].never ? &all->v[i] : NULL;
	for (size_t i = 0; i < all->n; i++) {
		const struct uns_auditrule *r = &all->v[i];

		if (r->list == UNS_AUDIT_EXIT && syscall_matches(r, a) && (!r->perm || r->perm & a->perm) && place_matches(w, r) &&
		    fields_match(w, r))
			return r;
	}
	return NULL;
}

/* ---- cost ---- */

/* Measured (tests/e2e/audit): what a record of each type has beside the texts that differ, and what log_format = ENRICHED adds. */
enum { SYSCALL_BYTES = 310, SYSCALL_MORE = 110, CWD_BYTES = 65, PATH_BYTES = 215, PATH_MORE = 35, PROCTITLE_BYTES = 62, TITLE = 24 };

static bool is_excluded(const struct uns_auditfacts *f, const char *name, const char *number)
{
	for (size_t i = 0; i < f->rules.n; i++) {
		const struct uns_auditrule *r = &f->rules.v[i];

		if (r->list != UNS_AUDIT_EXCLUDE || r->n != 1 || r->field[0].op != UNS_AUDIT_EQ || strcasecmp(r->field[0].name, "msgtype"))
			continue;
		if (strcasecmp(r->field[0].value, name) == 0 || strcmp(r->field[0].value, number) == 0)
			return true;
	}
	return false;
}

static size_t key_length(const struct uns_auditrule *r)
{
	size_t len = 0;

	for (size_t i = 0; i < r->keys.n; i++)
		len += strlen(r->keys.v[i]) + 1;
	return len;
}

void uns_audit_add_cost(const struct uns_audit_who *w, const struct uns_auditrule *r, uint64_t events, struct uns_audit_cost *c)
{
	const struct uns_auditfacts *f = w->f;
	const struct {
		const char *name, *number;
		uint64_t bytes, more;
	} records[] = {
		{"SYSCALL", "1300", SYSCALL_BYTES + strlen(f->exe) + key_length(r), SYSCALL_MORE},
		{"CWD", "1307", CWD_BYTES, 0},
		{"PATH", "1302", PATH_BYTES, PATH_MORE},
		{"PROCTITLE", "1327", PROCTITLE_BYTES + 2 * TITLE, 0},
	};

	c->events += events;
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		if (is_excluded(f, records[i].name, records[i].number))
			continue;
		c->records += events;
		c->bytes += events * (records[i].bytes + (f->conf.enriched ? records[i].more : 0));
	}
}
