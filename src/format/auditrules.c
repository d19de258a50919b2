/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of audit as text. See uns/auditrules.h. */
#include "uns/auditrules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "auditrules-edit.h"
#include "line.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

const char *const uns_audit_op_texts[] = {"=", "!=", "<", ">", "<=", ">=", "&", "&="};

static const char *const list_names[] = {"task", "exit", "user", "exclude", "filesystem", "io_uring"};
#define LISTS (sizeof(list_names) / sizeof(*list_names))

#define FOUND_MAX 100 /* bytes of a word in a message */

/* Names of fields that auditctl knows, but for path, dir, perm and key, which have members of their own. */
static const char *const field_names[] = {
	"pid", "uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid", "auid", "loginuid", "pers", "arch", "msgtype", "subj_user",
	"subj_role", "subj_type", "subj_sen", "subj_clr", "ppid", "obj_user", "obj_role", "obj_type", "obj_lev_low", "obj_lev_high",
	"sessionid", "devmajor", "devminor", "inode", "exit", "success", "filetype", "fstype", "obj_uid", "obj_gid", "a0", "a1", "a2",
	"a3", "exe", "saddr_fam",
};

/* Each costs the time to go through all rules. No host has a tenth of them, as each costs time in every system call. */
#define CHANGES_MAX 10000
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

enum verb { NOTHING, APPEND, PREPEND, DELETE, CLEAR };

/* What was wrong in one file. */
struct told {
	size_t first; /* of its problems */
	size_t more;  /* problems that are only counted: a file that is no text has one in each line */
};

/* One line. */
struct line {
	struct uns_auditrules *all;
	const char *where;
	struct told *told;
	struct uns_auditrule rule;
	enum verb verb;
	bool list;  /* -a, -A or -d is there */
	bool watch; /* -w or -W is there */
	bool bad;
	bool from_dir;
};

static void field_done(struct uns_audit_field *f)
{
	free(f->name);
	free(f->value);
}

void uns_auditrule_done(struct uns_auditrule *r)
{
	for (size_t i = 0; i < r->n; i++)
		field_done(&r->field[i]);
	free(r->field);
	free(r->where);
	free(r->path);
	uns_strs_done(&r->syscalls);
	uns_strs_done(&r->keys);
	*r = (struct uns_auditrule){0};
}

void uns_auditrules_done(struct uns_auditrules *all)
{
	for (size_t i = 0; i < all->n; i++)
		uns_auditrule_done(&all->v[i]);
	free(all->v);
	uns_strs_done(&all->problems);
	uns_strs_done(&all->notes);
	*all = (struct uns_auditrules){0};
}

/* ---- what a rule says ---- */

bool uns_auditrule_covers(const struct uns_auditrule *r, const char *path)
{
	switch (r->kind) {
	case UNS_AUDIT_FILE:
		return strcmp(path, r->path) == 0;
	case UNS_AUDIT_TREE:
	case UNS_AUDIT_WATCH:
		return strcmp(r->path, "/") == 0 || uns_path_below(path, r->path);
	case UNS_AUDIT_ANYWHERE:
		break;
	}
	return true;
}

/* Native: rules of the other architecture are about few programs. */
static bool is_plain_field(const struct uns_audit_field *f)
{
	static const char *const others[] = {sizeof(long) == 8 ? "b32" : "b64", "i386"};
	static const char *const unset[] = {"unset", "-1", "4294967295"};
	uint32_t first;

	if (f->between)
		return false;
	if (strcasecmp(f->name, "arch") == 0)
		return f->op == UNS_AUDIT_EQ && strcasecmp(f->value, others[0]) != 0 && strcasecmp(f->value, others[1]) != 0;
	if (strcasecmp(f->name, "auid") != 0 && strcasecmp(f->name, "loginuid") != 0)
		return false;
	for (size_t i = 0; f->op == UNS_AUDIT_NE && i < sizeof(unset) / sizeof(*unset); i++)
		if (strcmp(f->value, unset[i]) == 0)
			return true;
	return f->op == UNS_AUDIT_GE && uns_num_u32(f->value, strlen(f->value), &first) == 0 && first <= 1000;
}

/* About all that those do who have logged in. */
static bool is_plain(const struct uns_auditrule *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!is_plain_field(&r->field[i]))
			return false;
	return r->all_syscalls;
}

/* The rule by which no task is audited. */
static const struct uns_auditrule *no_task(const struct uns_auditrules *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].list == UNS_AUDIT_TASK && is_plain(&all->v[i]) && (all->go_on || !all->v[i].behind_problem))
			return all->v[i].never ? &all->v[i] : NULL;
	return NULL;
}

/* The first that says something of changes; what is left of them goes down by those that never record. */
static enum uns_audit_watched look_for_watch(const struct uns_auditrules *all, const char *path, const struct uns_auditrule **ret)
{
	unsigned left = UNS_AUDIT_PERM_W | UNS_AUDIT_PERM_A;
	enum uns_audit_watched found = UNS_AUDIT_UNWATCHED;

	for (size_t i = 0; i < all->n; i++) {
		const struct uns_auditrule *r = &all->v[i];
		bool loaded = all->go_on || !r->behind_problem;
		unsigned perm = r->perm ? r->perm : UNS_AUDIT_PERM_ALL;

		if (r->list != UNS_AUDIT_EXIT || !is_plain(r) || !uns_auditrule_covers(r, path) ||
		    (r->never ? !loaded : r->kind == UNS_AUDIT_ANYWHERE))
			continue;
		if (found == UNS_AUDIT_UNWATCHED || (loaded && (perm & left)))
			*ret = r;
		if (loaded && !r->never && (perm & left))
			return UNS_AUDIT_WATCHED;
		left &= r->never ? ~perm : left;
		if (!left)
			return UNS_AUDIT_NEVER;
		if (!r->never && found == UNS_AUDIT_UNWATCHED)
			found = loaded ? UNS_AUDIT_NO_CHANGES : UNS_AUDIT_NOT_LOADED;
	}
	*ret = found == UNS_AUDIT_UNWATCHED ? NULL : *ret;
	return found;
}

enum uns_audit_watched uns_auditrules_watching(const struct uns_auditrules *all, const char *path, const struct uns_auditrule **ret)
{
	const struct uns_auditrule *task = no_task(all);

	*ret = NULL;
	if (all->has_enabled && all->enabled == 0)
		return UNS_AUDIT_OFF;
	*ret = task;
	return task ? UNS_AUDIT_NEVER : look_for_watch(all, path, ret);
}

/* A blank or a backslash within a word is written behind a backslash. */
static int put_word(struct uns_buf *b, const char *s, struct uns_err *err)
{
	for (; *s; s++)
		if (((*s == ' ' || *s == '\\') && uns_buf_puts(b, "\\", err) < 0) || uns_buf_append(b, s, 1, err) < 0)
			return -1;
	return 0;
}

static int put_field(struct uns_buf *b, const char *option, const char *name, const char *op, const char *value, struct uns_err *err)
{
	return uns_buf_printf(b, err, " %s %s%s", option, name, op) < 0 ? -1 : put_word(b, value, err);
}

static int put_path(struct uns_buf *b, const struct uns_auditrule *r, struct uns_err *err)
{
	static const char letters[] = "xwra";
	char perm[5] = "";
	size_t n = 0;

	if (r->kind != UNS_AUDIT_ANYWHERE && put_field(b, "-F", r->kind == UNS_AUDIT_FILE ? "path" : "dir", "=", r->path, err) < 0)
		return -1;
	for (size_t i = 0; i < 4; i++)
		if (r->perm & 1u << i)
			perm[n++] = letters[i];
	return n ? put_field(b, "-F", "perm", "=", perm, err) : 0;
}

static int put_fields(struct uns_buf *b, const struct uns_auditrule *r, bool arch, struct uns_err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct uns_audit_field *f = &r->field[i];

		if ((strcmp(f->name, "arch") == 0) == arch &&
		    put_field(b, f->between ? "-C" : "-F", f->name, uns_audit_op_texts[f->op], f->value, err) < 0)
			return -1;
	}
	return 0;
}

static int put_syscalls(struct uns_buf *b, const struct uns_auditrule *r, struct uns_err *err)
{
	for (size_t i = 0; i < r->syscalls.n; i++)
		if (uns_buf_puts(b, i ? "," : " -S ", err) < 0 || put_word(b, r->syscalls.v[i], err) < 0)
			return -1;
	return r->all_syscalls && r->kind == UNS_AUDIT_ANYWHERE && r->list == UNS_AUDIT_EXIT ? uns_buf_puts(b, " -S all", err) : 0;
}

char *uns_auditrule_word(const char *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (strpbrk(s, "\n\r"))
		return uns_str_dup("", err);
	return put_word(&b, s, err) < 0 ? NULL : uns_buf_take(&b, err);
}

char *uns_auditrule_format(const struct uns_auditrule *r, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (uns_buf_printf(&b, err, "-a %s,%s", r->never ? "never" : "always", list_names[r->list]) < 0 || put_fields(&b, r, true, err) < 0 ||
	    put_syscalls(&b, r, err) < 0 || put_path(&b, r, err) < 0 || put_fields(&b, r, false, err) < 0)
		return NULL;
	for (size_t i = 0; i < r->keys.n; i++)
		if (put_field(&b, "-F", "key", "=", r->keys.v[i], err) < 0)
			return NULL;
	return uns_buf_take(&b, err);
}

/* ---- lines ---- */

static int problem(struct line *l, const char *found, const char *expected, struct uns_err *err)
{
	uns_auto_free char *text = NULL;

	l->bad = true;
	if (l->all->problems.n - l->told->first >= UNS_AUDIT_PROBLEMS) {
		l->told->more++;
		return 0;
	}
	text = uns_str_printf(err, "%s: found \"%.*s%s\"; expected %s", l->where, FOUND_MAX, found,
	                      strlen(found) > FOUND_MAX ? "..." : "", expected);
	return text ? uns_strs_add(&l->all->problems, text, err) : -1;
}

static int set_text(char **ret, const char *s, struct uns_err *err)
{
	char *copy = uns_str_dup(s, err);

	if (!copy)
		return -1;
	free(*ret);
	*ret = copy;
	return 0;
}

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && strncmp(s, word, len) == 0;
}

static void take_list_word(struct uns_auditrule *r, const char *s, size_t len, bool *ret_action, bool *ret_list)
{
	if (is_word(s, len, "always") || is_word(s, len, "never")) {
		r->never = *s == 'n';
		*ret_action = true;
	}
	for (size_t i = 0; i < LISTS; i++)
		if (is_word(s, len, list_names[i])) {
			r->list = (enum uns_audit_list)i;
			*ret_list = true;
		}
}

/* "always,exit" or "exit,always". */
static int take_list(struct line *l, const char *arg, enum verb verb, struct uns_err *err)
{
	size_t first = strcspn(arg, ",");
	bool action = false, list = false;

	if (l->verb != NOTHING)
		return problem(l, arg, "one of -a, -A, -d, -D, -w and -W in a line", err);
	take_list_word(&l->rule, arg, first, &action, &list);
	if (arg[first])
		take_list_word(&l->rule, arg + first + 1, strlen(arg + first + 1), &action, &list);
	if (!action || !list)
		return problem(l, arg, "always or never, a comma, and task, exit, user, exclude, filesystem or io_uring", err);
	l->verb = verb;
	l->list = true;
	return 0;
}

static int set_path(struct line *l, const char *arg, enum uns_audit_path kind, struct uns_err *err)
{
	size_t len;

	if (*arg != '/')
		return problem(l, arg, "an absolute path", err);
	if (l->rule.kind != UNS_AUDIT_ANYWHERE)
		return problem(l, arg, "one path in a rule", err);
	if (set_text(&l->rule.path, arg, err) < 0)
		return -1;
	len = strlen(l->rule.path);
	while (len > 1 && l->rule.path[len - 1] == '/')
		l->rule.path[--len] = '\0';
	l->rule.kind = kind;
	return 0;
}

static int take_watch(struct line *l, const char *arg, enum verb verb, struct uns_err *err)
{
	if (l->verb != NOTHING)
		return problem(l, arg, "one of -a, -A, -d, -D, -w and -W in a line", err);
	l->verb = verb;
	l->watch = true;
	l->rule.list = UNS_AUDIT_EXIT;
	l->rule.perm = UNS_AUDIT_PERM_ALL;
	return set_path(l, arg, UNS_AUDIT_WATCH, err);
}

static int take_perm(struct line *l, const char *arg, struct uns_err *err)
{
	static const char letters[] = "xwra";
	unsigned perm = 0;

	for (const char *s = arg; *s; s++) {
		const char *at = strchr(letters, tolower((unsigned char)*s));

		if (!at)
			return problem(l, arg, "letters of rwxa", err);
		perm |= 1u << (at - letters);
	}
	if (!perm)
		return problem(l, arg, "letters of rwxa", err);
	l->rule.perm = perm;
	return 0;
}

static int take_syscalls(struct line *l, const char *arg, struct uns_err *err)
{
	if (!l->list)
		return problem(l, arg, "-a, -A or -d before -S", err);
	for (const char *s = arg; *s;) {
		size_t len = strcspn(s, ",");
		uns_auto_free char *name = strndup(s, len);

		if (!name)
			return uns_err_nomem(err);
		if (strcmp(name, "all") == 0)
			l->rule.all_syscalls = true;
		else if (len && uns_strs_add(&l->rule.syscalls, name, err) < 0)
			return -1;
		s += len + (s[len] ? 1 : 0);
	}
	return l->rule.all_syscalls || l->rule.syscalls.n ? 0 : problem(l, arg, "names of system calls", err);
}

/* The operator of "name op value": two characters before one. */
static bool find_op(const char *s, size_t *ret_at, enum uns_audit_op *ret)
{
	static const enum uns_audit_op order[] = {UNS_AUDIT_NE,   UNS_AUDIT_GE, UNS_AUDIT_LE, UNS_AUDIT_TEST,
	                                          UNS_AUDIT_MASK, UNS_AUDIT_EQ, UNS_AUDIT_GT, UNS_AUDIT_LT};

	*ret_at = strcspn(s, "=!<>&");
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (uns_str_starts(s + *ret_at, uns_audit_op_texts[order[i]])) {
			*ret = order[i];
			return true;
		}
	return false;
}

int uns_auditrule_add_field(struct uns_auditrule *r, const char *name, enum uns_audit_op op, const char *value, bool between,
                            struct uns_err *err)
{
	struct uns_audit_field *v = uns_vec_room(r->field, r->n, &r->cap, sizeof(*v));
	struct uns_audit_field f = {.op = op, .between = between};

	if (!v)
		return uns_err_nomem(err);
	r->field = v;
	f.name = uns_str_dup(name, err);
	f.value = f.name ? uns_str_dup(value, err) : NULL;
	if (!f.value) {
		field_done(&f);
		return -1;
	}
	v[r->n++] = f;
	return 0;
}

static bool known_field(const char *name)
{
	for (size_t i = 0; i < sizeof(field_names) / sizeof(*field_names); i++)
		if (strcasecmp(name, field_names[i]) == 0)
			return true;
	return false;
}

static int take_field(struct line *l, const char *arg, bool between, struct uns_err *err)
{
	enum uns_audit_op op;
	size_t at;

	if (!l->list)
		return problem(l, arg, between ? "-a, -A or -d before -C" : "-a, -A or -d before -F", err);
	if (!find_op(arg, &at, &op) || at == 0)
		return problem(l, arg, "a field, an operator and a value", err);

	const char *value = arg + at + strlen(uns_audit_op_texts[op]);
	uns_auto_free char *name = strndup(arg, at);

	if (!name)
		return uns_err_nomem(err);
	if (!*value)
		return problem(l, arg, "a field, an operator and a value", err);
	if (between)
		return known_field(name) && known_field(value) && op <= UNS_AUDIT_NE ?
		               uns_auditrule_add_field(&l->rule, name, op, value, true, err) :
		               problem(l, arg, "two fields that are equal or not (= or !=)", err);
	if (strcasecmp(name, "path") == 0 && op == UNS_AUDIT_EQ)
		return set_path(l, value, UNS_AUDIT_FILE, err);
	if (strcasecmp(name, "dir") == 0 && op == UNS_AUDIT_EQ)
		return set_path(l, value, UNS_AUDIT_TREE, err);
	if (strcasecmp(name, "perm") == 0 && op == UNS_AUDIT_EQ)
		return take_perm(l, value, err);
	if (strcasecmp(name, "key") == 0 && op == UNS_AUDIT_EQ)
		return uns_strs_add(&l->rule.keys, value, err);
	if (!known_field(name))
		return problem(l, arg, "a field of auditctl(8)", err);
	return uns_auditrule_add_field(&l->rule, name, op, value, false, err);
}

static int take_number(struct line *l, const char *arg, uint32_t max, uint32_t *ret, bool *ret_has, const char *expected,
                       struct uns_err *err)
{
	uint32_t v;

	if (uns_num_u32(arg, strlen(arg), &v) < 0 || v > max)
		return problem(l, arg, expected, err);
	*ret = v;
	*ret_has = true;
	return 0;
}

/* ---- options ---- */

static int take_key(struct line *l, const char *arg, struct uns_err *err)
{
	if (l->verb == NOTHING)
		return problem(l, arg, "a rule before -k", err);
	return uns_strs_add(&l->rule.keys, arg, err);
}

static int take_clear(struct line *l, struct uns_err *err)
{
	if (l->verb != NOTHING)
		return problem(l, "-D", "one of -a, -A, -d, -D, -w and -W in a line", err);
	l->verb = CLEAR;
	return 0;
}

static int take_option(struct line *l, char c, const char *arg, struct uns_err *err)
{
	switch (c) {
	case 'a':
		return take_list(l, arg, APPEND, err);
	case 'A':
		return take_list(l, arg, PREPEND, err);
	case 'd':
		return take_list(l, arg, DELETE, err);
	case 'w':
		return take_watch(l, arg, APPEND, err);
	case 'W':
		return take_watch(l, arg, DELETE, err);
	case 'D':
		return take_clear(l, err);
	case 'S':
		return take_syscalls(l, arg, err);
	case 'F':
		return take_field(l, arg, false, err);
	case 'C':
		return take_field(l, arg, true, err);
	case 'k':
		return take_key(l, arg, err);
	case 'p':
		return l->watch ? take_perm(l, arg, err) : problem(l, arg, "-w or -W before -p", err);
	case 'e':
		return take_number(l, arg, 2, &l->all->enabled, &l->all->has_enabled, "-e 0, 1 or 2", err);
	case 'f':
		return take_number(l, arg, 2, &l->all->failure, &l->all->has_failure, "-f 0, 1 or 2", err);
	case 'b':
		return take_number(l, arg, INT32_MAX, &l->all->backlog, &l->all->has_backlog, "-b and a number", err);
	case 'r':
		return take_number(l, arg, INT32_MAX, &l->all->rate, &l->all->has_rate, "-r and a number", err);
	case 'i':
	case 'c':
		l->all->go_on = true;
		return 0;
	}
	return 0; /* -h -l -q -m -R -s -t -v change nothing of this */
}

/* A word that begins with one hyphen: letters without argument up to one with, whose argument is the rest or the next word. */
static int take_letters(struct line *l, const struct uns_strs *words, size_t *at, struct uns_err *err)
{
	static const char plain[] = "hicslDvt", with[] = "CefrbaAdSFmRwWkpq";

	for (const char *s = words->v[*at] + 1; *s && !l->bad; s++) {
		const char *arg = s[1] ? s + 1 : *at + 1 < words->n ? words->v[*at + 1] : NULL;

		if (strchr(plain, *s)) {
			if (take_option(l, *s, NULL, err) < 0)
				return -1;
			continue;
		}
		if (!strchr(with, *s) || !arg)
			return problem(l, words->v[*at], strchr(with, *s) ? "an argument behind it" : "an option of auditctl(8)", err);
		*at += s[1] ? 0 : 1;
		return take_option(l, *s, arg, err);
	}
	return 0;
}

static int take_long(struct line *l, const struct uns_strs *words, size_t *at, struct uns_err *err)
{
	static const char *const plain[] = {"--loginuid-immutable", "--reset-lost", "--reset_backlog_wait_time_actual"};
	static const char *const with[] = {"--backlog_wait_time", "--signal"};
	const char *word = words->v[*at];

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (strcmp(word, plain[i]) == 0)
			return 0;
	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++)
		if (uns_str_starts(word, with[i])) {
			*at += word[strlen(with[i])] == '=' ? 0 : 1;
			return 0;
		}
	return problem(l, word, "an option of auditctl(8)", err);
}

static int take_words(struct line *l, const struct uns_strs *words, struct uns_err *err)
{
	for (size_t i = 0; i < words->n && !l->bad; i++) {
		const char *word = words->v[i];
		int r;

		if (word[0] == '-' && word[1] == '-')
			r = take_long(l, words, &i, err);
		else if (word[0] == '-' && word[1])
			r = take_letters(l, words, &i, err);
		else
			r = problem(l, word, "an option of auditctl(8)", err);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* ---- what a line does to the rules before it ---- */

int uns_auditrules_insert(struct uns_auditrules *all, size_t at, struct uns_auditrule *r, struct uns_err *err)
{
	struct uns_auditrule *v = uns_vec_room(all->v, all->n, &all->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	all->v = v;
	memmove(v + at + 1, v + at, (all->n - at) * sizeof(*v));
	v[at] = *r;
	all->n++;
	*r = (struct uns_auditrule){0};
	return 0;
}

static void take_away(struct uns_auditrules *all, size_t at)
{
	uns_auditrule_done(&all->v[at]);
	memmove(all->v + at, all->v + at + 1, (all->n - at - 1) * sizeof(*all->v));
	all->n--;
}

/* The rule as text, which the caller frees; notes its hash. */
static char *hashed_text(struct uns_auditrule *r, struct uns_err *err)
{
	char *text = uns_auditrule_format(r, err);
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (const char *s = text; s && *s; s++)
		hash = (hash ^ (unsigned char)*s) * 0x100000001b3;
	r->hash = hash ? hash : 1;
	return text;
}

static int delete_same(struct line *l, struct uns_err *err)
{
	uns_auto_free char *wanted = hashed_text(&l->rule, err);

	if (!wanted)
		return -1;
	for (size_t i = 0; i < l->all->n; i++) {
		uns_auto_free char *text = NULL;

		if (l->all->v[i].hash && l->all->v[i].hash != l->rule.hash)
			continue;
		text = hashed_text(&l->all->v[i], err);
		if (!text)
			return -1;
		if (strcmp(text, wanted) == 0) {
			take_away(l->all, i);
			return 0;
		}
	}
	return problem(l, wanted, "a rule that is there, to delete", err);
}

static void clear(struct line *l)
{
	for (size_t i = l->all->n; i-- > 0;) {
		bool named = l->rule.keys.n == 0;

		for (size_t k = 0; k < l->rule.keys.n; k++)
			named |= uns_strs_has(&l->all->v[i].keys, l->rule.keys.v[k]);
		if (named && (l->rule.keys.n || !l->from_dir))
			take_away(l->all, i);
	}
}

static int carry_out(struct line *l, struct uns_err *err)
{
	if (l->verb != NOTHING && l->all->changes++ >= CHANGES_MAX)
		return l->all->changes > CHANGES_MAX + 1
		           ? 0
		           : problem(l, "one more rule", "at most " TEXT(CHANGES_MAX) " lines that change the rules", err);
	if (l->rule.syscalls.n == 0)
		l->rule.all_syscalls = true;
	switch (l->verb) {
	case APPEND:
	case PREPEND:
		if (set_text(&l->rule.where, l->where, err) < 0)
			return -1;
		l->rule.behind_problem = l->all->problems.n > 0;
		return uns_auditrules_insert(l->all, l->verb == APPEND ? l->all->n : 0, &l->rule, err);
	case DELETE:
		return delete_same(l, err);
	case CLEAR:
		clear(l);
		break;
	case NOTHING:
		break;
	}
	return 0;
}

static void line_done(struct line *l)
{
	uns_auditrule_done(&l->rule);
}

static int take_line(struct uns_auditrules *all, const struct uns_strs *words, const char *where, struct told *told, bool from_dir,
                     struct uns_err *err)
{
	uns_auto(line_done) struct line l = {.all = all, .where = where, .told = told, .from_dir = from_dir};

	if (take_words(&l, words, err) < 0)
		return -1;
	return l.bad ? 0 : carry_out(&l, err);
}

/* ---- text ---- */

/* The next word of *s: "\ " is a blank, "\\" a backslash. */
static int next_word(const char **s, const char *end, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf word = UNS_BUF_INIT;

	for (; *s < end && **s != ' '; ++*s) {
		if (**s == '\\' && *s + 1 < end && ((*s)[1] == ' ' || (*s)[1] == '\\'))
			++*s;
		if (uns_buf_append(&word, *s, 1, err) < 0)
			return -1;
	}
	return uns_strs_add(ret, word.data, err);
}

static int split(const char *s, const char *end, struct uns_strs *ret, struct uns_err *err)
{
	for (;;) {
		while (s < end && *s == ' ')
			s++;
		if (s == end)
			return 0;
		if (next_word(&s, end, ret, err) < 0)
			return -1;
	}
}

/* augenrules takes comments away that auditctl would stumble over. */
static bool is_comment(const char *s, const char *end, bool from_dir)
{
	while (s < end && (*s == ' ' || (from_dir && isspace((unsigned char)*s))))
		s++;
	return s == end || *s == '#';
}

int uns_auditrules_parse(const char *text, size_t len, const char *file, bool from_dir, struct uns_auditrules *ret, struct uns_err *err)
{
	struct told told = {.first = ret->problems.n};
	uns_auto_free char *note = NULL;

	for (struct uns_line l = {0}; uns_line_next(&l, text, len);) {
		uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
		const char *end = l.s + strnlen(l.s, l.len);
		uns_auto_free char *where = NULL;

		if (is_comment(l.s, end, from_dir))
			continue;
		where = uns_str_printf(err, "%s:%u", file, l.number);
		if (!where || split(l.s, end, &words, err) < 0 || take_line(ret, &words, where, &told, from_dir, err) < 0)
			return -1;
	}
	if (!told.more)
		return 0;
	note = uns_str_printf(err, "%s: %zu more lines are none that auditctl takes", file, told.more);
	return note ? uns_strs_add(&ret->notes, note, err) : -1;
}
