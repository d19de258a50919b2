/* SPDX-License-Identifier: Apache-2.0 */
/* What audit makes of a migration: how much it records, whether its log holds that, and what else on a hardened host will notice. */
#include <string.h>
#include <sys/syscall.h>

#include "audit-match.h"
#include "internal.h"
#include "uns/cleanup.h"

/* What the looks before, the scan, the change and the look after read: how often a directory is opened, and the names of an inode's
 * extended attributes are asked for. Measured (tests/e2e/audit). */
#define OPENS 12
#define LISTS 3
#define MIB (1u << 20)

struct flood {
	const struct uns_intent *w;
	struct uns_audit_who who;
	struct uns_audit_cost cost;
	const struct uns_auditrule *rule[4]; /* those that record something, each once */
	size_t rules;
};

/* ---- how much ---- */

static void note_rule(struct flood *fl, const struct uns_auditrule *r)
{
	for (size_t i = 0; i < fl->rules; i++)
		if (fl->rule[i] == r)
			return;
	if (fl->rules < sizeof(fl->rule) / sizeof(*fl->rule))
		fl->rule[fl->rules++] = r;
}

static void estimate(struct flood *fl)
{
	const struct uns_census *c = &fl->w->f->census;
	uint64_t moved = c->home ? c->home : c->inodes;
	const struct uns_audit_act acts[] = {
		{"fchownat", SYS_fchownat, UNS_AUDIT_PERM_A, moved},
		{"setxattr", SYS_setxattr, UNS_AUDIT_PERM_A, c->acls + c->capabilities},
		{"fchmod", SYS_fchmod, UNS_AUDIT_PERM_A, c->specials - (c->capabilities < c->specials ? c->capabilities : c->specials)},
		{"llistxattr", SYS_llistxattr, UNS_AUDIT_PERM_R, LISTS * c->inodes},
		{"openat", SYS_openat, UNS_AUDIT_PERM_R, OPENS * (c->directories + 1)},
	};

	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		const struct uns_auditrule *r = acts[i].times ? uns_audit_decides(&fl->who, &acts[i]) : NULL;

		if (!r || r->never)
			continue;
		note_rule(fl, r);
		uns_audit_add_cost(&fl->who, r, acts[i].times, &fl->cost);
	}
}

/* ---- the room ---- */

/* Bytes that the log grows by at most: where it is rotated, what is new takes the place of what is old. */
static uint64_t growth(const struct uns_auditfacts *f, uint64_t bytes)
{
	uint64_t capacity = uns_auditdconf_capacity(&f->conf), left = capacity > f->log_used ? capacity - f->log_used : 0;

	return capacity == UINT64_MAX || bytes < left ? bytes : left;
}

static bool ends_the_host(enum uns_auditd_action a)
{
	return a == UNS_AUDITD_HALT || a == UNS_AUDITD_SINGLE;
}

static bool falls_below(const struct uns_auditfacts *f, const struct uns_auditd_room *room, uint64_t left)
{
	uint64_t limit = room->percent ? f->space_size / 100 * room->amount : (uint64_t)room->amount * MIB;

	return ends_the_host(room->action) && room->amount && left < limit;
}

/* The setting by which the host would be halted, or NULL. */
static const char *halts(const struct uns_auditfacts *f, uint64_t bytes, enum uns_auditd_action *ret)
{
	uint64_t more = growth(f, bytes), left = f->space_free > more ? f->space_free - more : 0;

	if (!f->have_space || !f->have_conf)
		return NULL;
	if (ends_the_host(f->conf.disk_full_action) && left == 0) {
		*ret = f->conf.disk_full_action;
		return "disk_full_action";
	}
	if (falls_below(f, &f->conf.admin_space_left, left)) {
		*ret = f->conf.admin_space_left.action;
		return "admin_space_left_action";
	}
	if (falls_below(f, &f->conf.space_left, left)) {
		*ret = f->conf.space_left.action;
		return "space_left_action";
	}
	return NULL;
}

/* ---- words ---- */

static char *rules_text(const struct flood *fl, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < fl->rules; i++) {
		uns_auto_free char *rule = uns_auditrule_format(fl->rule[i], err);

		if (!rule || uns_buf_printf(&b, err, "%s%s (%s)", i ? "; " : "", rule, fl->rule[i]->where) < 0)
			return NULL;
	}
	return uns_buf_take(&b, err);
}

/* Without auditd nobody keeps them, but in the kernel's own log. */
static char *room_text(const struct uns_auditfacts *f, uint64_t bytes, struct uns_err *err)
{
	uint64_t capacity = uns_auditdconf_capacity(&f->conf);

	if (!f->have_conf)
		return uns_str_printf(err, "auditd, which would keep them, is not configured");
	if (capacity == 0)
		return uns_str_printf(err, "auditd is configured to keep none of them");
	if (capacity == UINT64_MAX)
		return uns_str_printf(err, "auditd keeps all of them (no max_log_file with ROTATE or SUSPEND)");
	return uns_str_printf(err, "auditd keeps %llu MiB%s", (unsigned long long)(capacity / MIB),
	                      bytes <= capacity                                       ? "" :
	                      f->conf.max_log_file_action == UNS_AUDITD_SUSPEND ? ", and stops recording then" :
	                                                                                ", so that older records are lost");
}

static char *remedy_text(const struct flood *fl, struct uns_err *err)
{
	const struct uns_auditfacts *f = fl->who.f;
	uns_auto_free char *exe = uns_str_shell(f->exe, err), *root = exe ? uns_str_shell(fl->who.root, err) : NULL;

	if (!root)
		return NULL;
	if (f->locked)
		return uns_str_printf(err, "put \"-a never,exit -F exe=%s -F dir=%s\" before all rules and restart the host (the rules are "
		                           "locked by -e 2), if your policy allows that",
		                      f->exe, fl->who.root);
	return uns_str_printf(err, UNS_COMMAND "auditctl -A never,exit -F exe=%s -F dir=%s" UNS_COMMAND_ENDS
	                           "before the change, and the same with -d afterwards, if your policy allows that",
	                      exe, root);
}

static int say_flood(const struct flood *fl, struct uns_err *err)
{
	const struct uns_audit_cost *c = &fl->cost;
	uns_auto_free char *rules = rules_text(fl, err);
	uns_auto_free char *room = rules ? room_text(fl->who.f, c->bytes, err) : NULL;
	uns_auto_free char *remedy = room ? remedy_text(fl, err) : NULL;

	if (!remedy)
		return -1;
	return uns_intent_add(fl->w, "AuditFlood", fl->w->root, remedy, err,
	                      "audit will write about %llu records, %llu KiB, about these files, by %s rules: %s; %s",
	                      (unsigned long long)c->records, (unsigned long long)(c->bytes / 1024 + 1),
	                      fl->who.f->loaded ? "loaded" : "configured", rules, room);
}

/* What makes the kernel lose a record; NULL: out of memory. Of both limits 0 is none (kernel/audit.c: audit_log_start, audit_rate_check). */
static char *loses(const struct flood *fl, struct uns_err *err)
{
	const struct uns_auditfacts *f = fl->who.f;
	uint64_t records = fl->cost.records;
	bool full = f->backlog && records > f->backlog, fast = f->rate && records >= f->rate;

	if (full && fast)
		return uns_str_printf(err, "than auditd may take them: the backlog holds %u, and only %u a second are let through (-r)",
		                      f->backlog, f->rate);
	if (fast)
		return uns_str_printf(err, "than they are let through: %u a second (-r)", f->rate);
	return uns_str_printf(err, "than auditd may take them: the backlog holds %u", f->backlog);
}

static int say_loss(const struct flood *fl, struct uns_err *err)
{
	const struct uns_auditfacts *f = fl->who.f;
	uint64_t records = fl->cost.records;
	uns_auto_free char *why = NULL;

	if (f->failure != 2 || ((!f->backlog || records <= f->backlog) && (!f->rate || records < f->rate)))
		return 0;
	why = loses(fl, err);
	if (!why)
		return -1;
	return uns_intent_add(fl->w, "AuditPanicRisk", "-f 2",
	                      f->locked ? "auditctl -f 1 for the time of the change, after a restart without -e 2; or keep it from being "
	                                  "recorded (AuditFlood)" :
	                                  UNS_COMMAND "auditctl -f 1" UNS_COMMAND_ENDS
	                                              "for the time of the change; or keep it from being recorded (AuditFlood)",
	                      err, "the kernel panics when it loses a record (-f 2), and %llu records come faster %s",
	                      (unsigned long long)records, why);
}

static int say_panic(const struct flood *fl, struct uns_err *err)
{
	const struct uns_auditfacts *f = fl->who.f;
	enum uns_auditd_action action = UNS_AUDITD_IGNORE;
	const char *setting = halts(f, fl->cost.bytes, &action);

	if (say_loss(fl, err) < 0)
		return -1;
	if (!setting)
		return 0;
	return uns_intent_add(fl->w, "AuditPanicRisk", setting, "make room in the file system of the log, or change that action for the time", err,
	                      "the log of audit grows by about %llu KiB and leaves too little room in its file system, by which auditd "
	                      "takes the host down (%s = %s)",
	                      (unsigned long long)(growth(f, fl->cost.bytes) / 1024 + 1), setting, uns_auditd_action_names[action]);
}

/* ---- the rest ---- */

/* said: "file:line: found …", or "file: …" of a whole file. */
static int say_file(const struct uns_intent *w, const char *said, const char *ends, const char *remedy, const char *tail, struct uns_err *err)
{
	const char *end = strstr(said, ends), *rest = end ? end + strlen(": ") : said;
	uns_auto_free char *place = end ? uns_str_printf(err, "%.*s", (int)(end - said), said) : uns_str_dup("/etc/audit", err);

	return place ? uns_intent_add(w, "AuditRuleInvalid", place, remedy, err, "%s%s", rest, tail) : -1;
}

static int check_files(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_auditfacts *f = &w->f->audit;
	const char *tail = f->rules.go_on ? "; auditctl stops there, and no rule behind it is loaded, but for -c or -i, by which it goes on"
	                                  : "; auditctl stops there, and no rule behind it is loaded";

	for (size_t i = 0; i < f->rules.problems.n; i++)
		if (say_file(w, f->rules.problems.v[i], ": found \"", "auditctl -R tells the same of the file; mend the line", tail, err) < 0)
			return -1;
	for (size_t i = 0; i < f->rules.notes.n; i++)
		if (say_file(w, f->rules.notes.v[i], ": ", "mend the file, or take it away", "", err) < 0)
			return -1;
	for (size_t i = 0; i < f->conf.problems.n; i++)
		if (say_file(w, f->conf.problems.v[i], ": found \"", "mend the line", "; auditd does not start with it", err) < 0)
			return -1;
	return 0;
}

static int check_scanners(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_strs *s = &w->f->audit.scanners;

	for (size_t i = 0; i < s->n; i++) {
		bool aide = strstr(s->v[i], "aide") != NULL;

		if (uns_intent_add(w, "UnownedFiles", s->v[i],
		                   aide ? "exclude the tree, or update the database afterwards (aide --update)" :
		                          "exempt the tree from that rule, and say so in the report",
		                   err,
		                   aide ? "it will name every file below %s as changed" :
		                          "the files below %s will belong to IDs without an account, which rules against unowned files name "
		                          "(no_files_unowned_by_user, file_permissions_ungroupowned; RHEL-08-010780, RHEL-08-010790)",
		                   w->inner) < 0)
			return -1;
	}
	return 0;
}

int uns_plan_check_audit(const struct uns_intent *w, struct uns_err *err)
{
	struct flood fl = {.w = w, .who = {.f = &w->f->audit, .users = &w->f->ids.users, .root = w->root}};

	if (!w->move || !w->f->have_census)
		return 0;
	if (check_files(w, err) < 0 || (w->r->command == UNS_ENABLE && w->inner && check_scanners(w, err) < 0))
		return -1;
	if (!w->f->audit.enabled)
		return 0;
	estimate(&fl);
	if (!fl.rules)
		return 0;
	return say_flood(&fl, err) < 0 ? -1 : say_panic(&fl, err);
}
