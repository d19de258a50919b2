/* SPDX-License-Identifier: Apache-2.0 */
/* Facts → results of the CIS Docker Benchmark. Where docker-bench-security looks at less than the benchmark means, more is looked at: a
 * value that leaves user namespaces off is no pass, a mode is compared bit by bit and not as a number. */
#include "uns/cis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/ranges.h"
#include "uns/vec.h"

const char *const uns_cis_results[] = {"PASS", "WARN", "FAIL", "NA"};

static void row_done(struct uns_cis_row *row)
{
	free(row->object);
	free(row->reason);
	free(row->remedy);
	free(row->command);
}

void uns_cis_rows_done(struct uns_cis_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		row_done(&rows->v[i]);
	free(rows->v);
	*rows = (struct uns_cis_rows){0};
}

struct judge {
	const struct uns_facts *f;
	const struct uns_cisfacts *c;
	struct uns_cis_rows *rows;
};
struct item {
	const char *number, *title;
};

static int put_remedy(struct uns_cis_row *row, const char *remedy, struct uns_err *err)
{
	bool is_command = remedy && uns_str_starts(remedy, UNS_COMMAND);

	if (!remedy)
		return 0;
	row->remedy = uns_str_dup(remedy + (is_command ? strlen(UNS_COMMAND) : 0), err);
	if (row->remedy && is_command)
		row->command = uns_str_dup(row->remedy, err);
	return row->remedy && (!is_command || row->command) ? 0 : -1;
}

static __attribute__((format(printf, 7, 8))) int put(const struct judge *j, struct item item, enum uns_cis_result result,
                                                      const char *object, const char *remedy, struct uns_err *err, const char *fmt, ...)
{
	uns_auto(row_done) struct uns_cis_row row = {.number = item.number, .title = item.title, .result = result};
	struct uns_cis_row *v;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&row.reason, fmt, ap);
	va_end(ap);
	if (len < 0) {
		row.reason = NULL;
		return uns_err_nomem(err);
	}
	if (put_remedy(&row, remedy, err) < 0)
		return -1;
	if (object && !(row.object = uns_str_dup(object, err)))
		return -1;
	v = uns_vec_room(j->rows->v, j->rows->n, &j->rows->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	j->rows->v = v;
	v[j->rows->n++] = row;
	row = (struct uns_cis_row){0};
	return 0;
}

/* ---- names ---- */

#define LISTED 20u
struct names {
	struct uns_buf text; /* "a, b and 3 more" once it is closed */
	size_t n;
};

static void names_done(struct names *l)
{
	uns_buf_done(&l->text);
}

static int add_name(struct names *l, const char *name, size_t len, struct uns_err *err)
{
	return l->n++ < LISTED ? uns_buf_printf(&l->text, err, "%s%.*s", l->n > 1 ? ", " : "", (int)len, name) : 0;
}

static int close_names(struct names *l, struct uns_err *err)
{
	return l->n > LISTED ? uns_buf_printf(&l->text, err, " and %zu more", l->n - LISTED) : 0;
}

/* ---- 1.1.1 and 1.1.2: where the data lies, who controls the engine ---- */

static int judge_partition(const struct judge *j, struct uns_err *err)
{
	static const struct item item = {"1.1.1", "Docker's data is on a partition of its own"};
	static const char remedy[] = "stop the engine, move the data to a file system of its own, and mount that there";
	const char *path = j->f->data_root;

	if (!j->f->have_data_root)
		return put(j, item, UNS_CIS_NA, path, NULL, err, "it is not there");
	switch (j->c->mount) {
	case UNS_CIS_MOUNT_OWN:
		return put(j, item, UNS_CIS_PASS, path, NULL, err, "a file system of its own is mounted there");
	case UNS_CIS_MOUNT_SAME:
		return put(j, item, UNS_CIS_FAIL, path, remedy, err, "what is mounted there is of the same file system as %s", j->c->above);
	case UNS_CIS_MOUNT_ABOVE:
		return put(j, item, UNS_CIS_FAIL, path, remedy, err, "it is a part of the file system at %s", j->c->above);
	case UNS_CIS_MOUNT_UNKNOWN:
		break;
	}
	return put(j, item, UNS_CIS_WARN, path, "look into /etc/fstab of that host", err, "what will be mounted there is not known");
}

static bool in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && strncmp(at, name, len) == 0)
			return true;
	return false;
}

/* Those of the group's line, and those whose own group it is; without root. */
static int list_members(const struct judge *j, const struct uns_account *group, struct names *l, struct uns_err *err)
{
	const struct uns_accounts *users = &j->f->ids.users;

	for (const char *at = group->members; at && *at; at += strcspn(at, ","), at += *at == ',') {
		size_t len = strcspn(at, ",");

		if (len > 0 && !(len == 4 && strncmp(at, "root", 4) == 0) && add_name(l, at, len, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < users->n; i++) {
		const struct uns_account *u = &users->v[i];

		if (u->gid == group->id && u->id != 0 && !in_list(group->members, u->name) && add_name(l, u->name, strlen(u->name), err) < 0)
			return -1;
	}
	return close_names(l, err);
}

/* Whom to trust is for people to say. */
static int judge_trusted(const struct judge *j, struct uns_err *err)
{
	static const struct item item = {"1.1.2", "only trusted users control the engine"};
	static const char object[] = "group docker";
	const struct uns_account *group = uns_accounts_name(&j->f->ids.groups, "docker");
	uns_auto(names_done) struct names l = {.n = 0};
	bool more = j->f->ids.has_nss[UNS_GID];

	if (group && list_members(j, group, &l, err) < 0)
		return -1;
	if (l.n > 0)
		return put(j, item, UNS_CIS_WARN, object, "take out whom you do not trust with root: gpasswd -d USER docker", err,
		           "%s %s in it, and as good as root%s", l.text.data, l.n > 1 ? "are" : "is",
		           more ? "; name services may know more" : "");
	if (more)
		return put(j, item, UNS_CIS_WARN, object, "see whom they know: getent group docker", err, "no file names members; name services may");
	return put(j, item, group ? UNS_CIS_PASS : UNS_CIS_NA, object, NULL, err, group ? "nobody is in it" : "it is not there");
}

/* ---- 1.1.3 to 1.1.18: watches ---- */

static const struct {
	struct item item;
	enum uns_cis_file_id file;
} watches[] = {
    {{"1.1.3", "dockerd is audited"}, UNS_CIS_DOCKERD},
    {{"1.1.4", "containerd's runtime directory is audited"}, UNS_CIS_CONTAINERD_RUN},
    {{"1.1.5", "Docker's data is audited"}, UNS_CIS_DATA_ROOT},
    {{"1.1.6", "Docker's configuration is audited"}, UNS_CIS_ETC_DOCKER},
    {{"1.1.7", "docker.service is audited"}, UNS_CIS_SERVICE},
    {{"1.1.8", "containerd's socket is audited"}, UNS_CIS_CONTAINERD_SOCKET},
    {{"1.1.9", "docker.socket is audited"}, UNS_CIS_SOCKET_UNIT},
    {{"1.1.10", "dockerd's defaults are audited"}, UNS_CIS_DEFAULT},
    {{"1.1.11", "daemon.json is audited"}, UNS_CIS_DAEMON_JSON},
    {{"1.1.12", "containerd's configuration is audited"}, UNS_CIS_CONTAINERD_CONFIG},
    {{"1.1.13", "dockerd's sysconfig is audited"}, UNS_CIS_SYSCONFIG},
    {{"1.1.14", "containerd is audited"}, UNS_CIS_CONTAINERD},
    {{"1.1.15", "containerd-shim is audited"}, UNS_CIS_SHIM},
    {{"1.1.16", "containerd-shim-runc-v1 is audited"}, UNS_CIS_SHIM_V1},
    {{"1.1.17", "containerd-shim-runc-v2 is audited"}, UNS_CIS_SHIM_V2},
    {{"1.1.18", "runc is audited"}, UNS_CIS_RUNC},
};

/* "": no line can name the path. */
static char *add_watch(const char *path, struct uns_err *err)
{
	uns_auto_free char *name = uns_auditrule_word(path, err);
	uns_auto_free char *line = name ? uns_str_printf(err, "-w %s -k docker", name) : NULL;
	uns_auto_free char *word = line ? uns_str_shell(line, err) : NULL;

	if (!word)
		return NULL;
	if (!*name)
		return uns_str_dup("give it a name without line breaks: no rule can have one", err);
	return uns_str_printf(err, "$ printf '%%s\\n' %s >> /etc/audit/rules.d/docker.rules && augenrules --load", word);
}

/* What the kernel has now, where it said so. */
static bool is_loaded(const struct judge *j, const char *path)
{
	const struct uns_auditrule *rule;

	return uns_auditrules_watching(&j->f->audit.rules, path, &rule) == UNS_AUDIT_WATCHED;
}

/* Configured by the rule; loaded as well? */
static int judge_loaded(const struct judge *j, struct item item, const char *path, const struct uns_auditrule *rule, struct uns_err *err)
{
	const struct uns_auditfacts *a = &j->f->audit;
	const char *where = rule->where ? rule->where : "a rule";

	if (!a->loaded)
		return put(j, item, UNS_CIS_PASS, path, NULL, err, "%s watches %s", where, rule->path);
	if (!a->enabled)
		return put(j, item, UNS_CIS_FAIL, path, "$ auditctl -e 1", err, "%s watches %s, but audit is turned off now", where, rule->path);
	if (!is_loaded(j, path))
		return put(j, item, UNS_CIS_FAIL, path, a->locked ? "restart the host: the loaded rules are locked (-e 2)" : "$ augenrules --load", err,
		           "%s watches %s, but no loaded rule does", where, rule->path);
	return put(j, item, UNS_CIS_PASS, path, NULL, err, "%s watches %s, and so does a loaded rule", where, rule->path);
}

static int judge_watch(const struct judge *j, struct item item, const struct uns_cis_file *file, struct uns_err *err)
{
	const struct uns_auditrules *rules = &j->c->rules;
	const struct uns_auditrule *rule;
	enum uns_audit_watched how;
	uns_auto_free char *add = NULL;
	const char *now;

	if (!file->exists)
		return put(j, item, UNS_CIS_NA, file->path, NULL, err, "it is not there");
	how = uns_auditrules_watching(rules, file->path, &rule);
	const char *where = rule && rule->where ? rule->where : "a rule";

	switch (how) {
	case UNS_AUDIT_WATCHED:
		return judge_loaded(j, item, file->path, rule, err);
	case UNS_AUDIT_OFF:
		return put(j, item, UNS_CIS_FAIL, file->path, "take -e 0 away, then augenrules --load", err, "the rules turn audit off (-e 0)");
	case UNS_AUDIT_NEVER:
		return put(j, item, UNS_CIS_FAIL, file->path,
		           rule->list == UNS_AUDIT_TASK ? "take that rule away" : "take that rule away, or put it behind the watches", err,
		           "the rule at %s says never%s", where, rule->list == UNS_AUDIT_TASK ? ", of all tasks" : "");
	case UNS_AUDIT_NOT_LOADED:
		return put(j, item, UNS_CIS_FAIL, file->path, "mend that line, then augenrules --load", err,
		           "%s; auditctl stops there and does not load the rule at %s", rules->problems.v[0], where);
	case UNS_AUDIT_UNWATCHED:
	case UNS_AUDIT_NO_CHANGES:
		break;
	}
	add = add_watch(file->path, err);
	if (!add)
		return -1;
	now = j->f->audit.loaded && j->f->audit.enabled && is_loaded(j, file->path)
	          ? "; a loaded one watches it now, which the next start does not load"
	          : "";
	return put(j, item, UNS_CIS_FAIL, file->path, add, err, rule ? "the rule at %s records no changes%s" : "no rule watches it%s%s",
	           rule ? where : "", now);
}

static int judge_watches(const struct judge *j, struct uns_err *err)
{
	for (size_t i = 0; i < sizeof(watches) / sizeof(watches[0]); i++)
		if (judge_watch(j, watches[i].item, &j->c->file[watches[i].file], err) < 0)
			return -1;
	return 0;
}

/* ---- 2.9 and 5.31: user namespaces ---- */

static const struct item support = {"2.9", "containers have user namespaces of their own"};

/* Why the range of the remap user is none to rely on, as the first finding about it says; *ret stays NULL when it is fine. */
static int bad_range(const struct judge *j, const char *user, char **ret, struct uns_err *err)
{
	struct uns_request r = {.command = UNS_ENABLE, .user = user, .range_how = UNS_RANGE_AUTO, .migrate = UNS_MIGRATE_ALL};
	uns_auto(uns_findings_done) struct uns_findings found = {0};
	struct uns_shift shift;

	if (uns_plan_own(j->f, UNS_UID, user).n == 0 || uns_plan_own(j->f, UNS_GID, user).n == 0) {
		*ret = uns_str_printf(err, "%s has no range in both of /etc/subuid and /etc/subgid: dockerd does not start", user);
		return *ret ? 0 : -1;
	}
	if (uns_plan_range(j->f, &r, &shift, &found, err) < 0)
		return -1;
	for (size_t i = 0; !*ret && i < found.n; i++) {
		const struct uns_check *check = found.v[i].check;

		if (check->severity != UNS_ERROR && strcmp(check->id, "RangeShared") != 0)
			continue;
		*ret = uns_str_printf(err, "%s: %s", check->id, found.v[i].reason);
		if (!*ret)
			return -1;
	}
	return 0;
}

static int judge_user(const struct judge *j, const char *user, struct uns_err *err)
{
	uns_auto_free char *bad = NULL;

	if (bad_range(j, user, &bad, err) < 0)
		return -1;
	if (bad)
		return put(j, support, UNS_CIS_FAIL, user, "$ usernsctl check docker", err, "%s", bad);
	if (j->c->effect == UNS_CIS_OFF)
		return put(j, support, UNS_CIS_FAIL, user, "restart the engine, after usernsctl check", err,
		           "it is configured, but the running engine has no user namespaces");
	if (j->c->effect == UNS_CIS_UNKNOWN)
		return put(j, support, UNS_CIS_WARN, user, NULL, err, "it is configured; no running engine says whether it is in effect");
	return put(j, support, UNS_CIS_PASS, user, NULL, err, "it is configured and in effect");
}

static int judge_support(const struct judge *j, bool *ret_on, struct uns_err *err)
{
	const struct uns_setting *option = uns_plan_option(j->f);
	uns_auto_free char *owner = NULL;
	const struct uns_account *account;

	*ret_on = j->c->effect == UNS_CIS_ON;
	if (!option)
		return put(j, support, UNS_CIS_FAIL, "userns-remap", "$ usernsctl enable docker", err,
		           j->c->effect == UNS_CIS_ON ? "the running engine has it, but its next start will not: it is not configured"
		                                      : "it is not configured");
	owner = uns_plan_owner(j->f, option->value, err);
	if (!owner)
		return -1;
	account = uns_accounts_name(&j->f->ids.users, owner);
	if (strcmp(owner, "root") == 0 || (account && account->id == 0))
		return put(j, support, UNS_CIS_FAIL, "userns-remap", "$ usernsctl enable docker", err,
		           "the option names root, with which dockerd leaves user namespaces off");
	*ret_on |= j->c->effect == UNS_CIS_UNKNOWN;
	return judge_user(j, owner, err);
}

static int judge_sharing(const struct judge *j, bool on, struct uns_err *err)
{
	static const struct item item = {"5.31", "no container has the host's user namespace"};
	const struct uns_store *s = j->f->active_dir ? &j->f->nested : &j->f->flat;
	uns_auto(names_done) struct names sharing = {.n = 0};

	for (size_t i = 0; i < s->containers; i++) {
		const struct uns_container *c = &s->container[i];
		const char *name = c->name ? c->name : c->id;

		if (c->userns_mode && strcmp(c->userns_mode, "host") == 0 && add_name(&sharing, name, strlen(name), err) < 0)
			return -1;
	}
	if (close_names(&sharing, err) < 0)
		return -1;
	if (s->unreads && !sharing.n)
		return put(j, item, UNS_CIS_WARN, s->unread[0].name, "$ usernsctl check docker", err,
		           "the files of %zu containers or volumes cannot be read, first %s", s->unreads, s->unread[0].why);
	if (s->containers == 0)
		return put(j, item, UNS_CIS_NA, NULL, NULL, err, "there are no containers");
	if (sharing.n)
		return put(j, item, UNS_CIS_FAIL, sharing.text.data, "create them anew without --userns=host", err,
		           "%zu of %zu containers were made with --userns=host", sharing.n, s->containers);
	if (!on)
		return put(j, item, UNS_CIS_WARN, NULL, NULL, err, "none of %zu asks for it, but without 2.9 all of them have it", s->containers);
	return put(j, item, UNS_CIS_PASS, NULL, NULL, err, "none of %zu was made with --userns=host", s->containers);
}

/* ---- 3: owners and modes ---- */

static const struct {
	struct item owner, mode;
	enum uns_cis_file_id file;
	mode_t most;
	bool docker; /* the group is docker's */
	bool mode_first;
} files[] = {
    {{"3.1", "docker.service belongs to root"}, {"3.2", "docker.service is root's to write"}, UNS_CIS_SERVICE, 0644, false, false},
    {{"3.3", "docker.socket belongs to root"}, {"3.4", "docker.socket is root's to write"}, UNS_CIS_SOCKET_UNIT, 0644, false, false},
    {{"3.5", "Docker's configuration belongs to root"}, {"3.6", "Docker's configuration is root's to write"}, UNS_CIS_ETC_DOCKER, 0755, false, false},
    {{"3.9", "the CA certificate belongs to root"}, {"3.10", "the CA certificate is for reading only"}, UNS_CIS_CA, 0444, false, false},
    {{"3.11", "the server's certificate belongs to root"}, {"3.12", "the server's certificate is for reading only"}, UNS_CIS_CERT, 0444, false, false},
    {{"3.13", "the server's key belongs to root"}, {"3.14", "the server's key is root's to read"}, UNS_CIS_KEY, 0400, false, false},
    {{"3.15", "the engine's socket belongs to root and docker"}, {"3.16", "the engine's socket is closed to others"}, UNS_CIS_SOCKET, 0660, true, false},
    {{"3.17", "daemon.json belongs to root"}, {"3.18", "daemon.json is root's to write"}, UNS_CIS_DAEMON_JSON, 0644, false, false},
    {{"3.19", "dockerd's defaults belong to root"}, {"3.20", "dockerd's defaults are root's to write"}, UNS_CIS_DEFAULT, 0644, false, false},
    {{"3.22", "dockerd's sysconfig belongs to root"}, {"3.21", "dockerd's sysconfig is root's to write"}, UNS_CIS_SYSCONFIG, 0644, false, true},
    {{"3.23", "containerd's socket belongs to root"}, {"3.24", "containerd's socket is closed to others"}, UNS_CIS_CONTAINERD_SOCKET, 0660, false, false},
};

static int judge_owner(const struct judge *j, size_t i, struct uns_err *err)
{
	const struct uns_cis_file *file = &j->c->file[files[i].file];
	const struct uns_account *docker = files[i].docker ? uns_accounts_name(&j->f->ids.groups, "docker") : NULL;
	uns_auto_free char *word = NULL, *remedy = NULL;
	gid_t group = docker ? docker->id : 0;

	if (!file->exists)
		return put(j, files[i].owner, UNS_CIS_NA, file->path, NULL, err, file->path ? "it is not there" : "the settings name none");
	if (file->uid == 0 && file->gid == group)
		return put(j, files[i].owner, UNS_CIS_PASS, file->path, NULL, err, "owner 0, group %u", (unsigned)group);
	word = uns_str_shell(file->path, err);
	remedy = word ? uns_str_printf(err, "$ chown root:%s %s", docker ? "docker" : "root", word) : NULL;
	if (!remedy)
		return -1;
	return put(j, files[i].owner, UNS_CIS_FAIL, file->path, remedy, err, "owner %u, group %u", (unsigned)file->uid, (unsigned)file->gid);
}

static int judge_mode(const struct judge *j, size_t i, struct uns_err *err)
{
	const struct uns_cis_file *file = &j->c->file[files[i].file];
	uns_auto_free char *word = NULL, *remedy = NULL;
	mode_t mode = file->mode & 07777;

	if (!file->exists)
		return put(j, files[i].mode, UNS_CIS_NA, file->path, NULL, err, file->path ? "it is not there" : "the settings name none");
	if ((mode & ~files[i].most) == 0)
		return put(j, files[i].mode, UNS_CIS_PASS, file->path, NULL, err, "mode %04o", (unsigned)mode);
	word = uns_str_shell(file->path, err);
	remedy = word ? uns_str_printf(err, "$ chmod %04o %s", (unsigned)(mode & files[i].most), word) : NULL;
	if (!remedy)
		return -1;
	return put(j, files[i].mode, UNS_CIS_FAIL, file->path, remedy, err, "mode %04o, at most %04o", (unsigned)mode, (unsigned)files[i].most);
}

/* ---- 3.7 and 3.8: certificates of registries ---- */

#define CERT_MOST 0444
static const struct item cert_owners = {"3.7", "the registries' certificates belong to root"};
static const struct item cert_modes = {"3.8", "the registries' certificates are for reading only"};

static bool is_roots(const struct uns_cis_file *file)
{
	return file->uid == 0 && file->gid == 0;
}

static bool is_closed(const struct uns_cis_file *file)
{
	return (file->mode & 07777 & ~CERT_MOST) == 0;
}

/* Those that are not fine. What is reached through a link may be anything of the host: that is shown, and for people to mend. */
struct certs {
	const struct uns_cis_file *direct, *linked; /* the first of each, or NULL */
	size_t directs, linkeds;
	struct uns_buf words; /* " 'a file' b": the first of those that are reached through no link, as a shell takes them */
};

static void certs_done(struct certs *l)
{
	uns_buf_done(&l->words);
}

static int add_cert(struct certs *l, const struct uns_cis_file *file, struct uns_err *err)
{
	uns_auto_free char *word = NULL;

	if (file->real) {
		if (!l->linkeds++)
			l->linked = file;
		return 0;
	}
	if (!l->directs++)
		l->direct = file;
	if (l->directs > LISTED)
		return 0;
	word = uns_str_shell(file->path, err);
	return word ? uns_buf_printf(&l->words, err, " %s", word) : -1;
}

/* Each by its name, or all of a long list at once; find(1) follows no links. */
static char *mend_certs(const struct certs *l, const char *with, struct uns_err *err)
{
	if (!l->direct)
		return uns_str_dup("change it where it lies, or take the link away", err);
	if (l->directs > LISTED)
		return uns_str_printf(err, "$ find " UNS_CIS_CERTS " -mindepth 2 -maxdepth 2 -type f -exec %s {} +", with);
	return uns_str_printf(err, "$ %s%s", with, l->words.data);
}

static char *tell_links(const struct certs *l, struct uns_err *err)
{
	if (!l->linked)
		return uns_str_dup("", err);
	return uns_str_printf(err, "; %zu of these through a symbolic link, as %s, which is %s", l->linkeds, l->linked->path, l->linked->real);
}

/* with: what mends them; most: of the modes, or 0 for the owners. */
static int judge_these(const struct judge *j, struct item item, bool (*fine)(const struct uns_cis_file *), const char *with, mode_t most,
                       struct uns_err *err)
{
	uns_auto(certs_done) struct certs l = {.direct = NULL};
	uns_auto_free char *remedy = NULL, *links = NULL;
	const struct uns_cis_file *first;

	for (size_t i = 0; i < j->c->certs; i++)
		if (!fine(&j->c->cert[i]) && add_cert(&l, &j->c->cert[i], err) < 0)
			return -1;
	first = l.direct ? l.direct : l.linked;
	if (!first && most)
		return put(j, item, UNS_CIS_PASS, UNS_CIS_CERTS, NULL, err, "%zu files, mode %04o at most", j->c->certs, (unsigned)most);
	if (!first)
		return put(j, item, UNS_CIS_PASS, UNS_CIS_CERTS, NULL, err, "%zu files, owner 0, group 0", j->c->certs);
	remedy = mend_certs(&l, with, err);
	links = tell_links(&l, err);
	if (!remedy || !links)
		return -1;
	if (most)
		return put(j, item, UNS_CIS_FAIL, first->path, remedy, err, "mode %04o, at most %04o; %zu of %zu files have more%s",
		           (unsigned)first->mode & 07777, (unsigned)most, l.directs + l.linkeds, j->c->certs, links);
	return put(j, item, UNS_CIS_FAIL, first->path, remedy, err, "owner %u, group %u; %zu of %zu files are not root's%s",
	           (unsigned)first->uid, (unsigned)first->gid, l.directs + l.linkeds, j->c->certs, links);
}

static int judge_certs(const struct judge *j, struct uns_err *err)
{
	/* Takes away only: a key that others may not read stays closed to them. */
	if (j->c->certs)
		return judge_these(j, cert_owners, is_roots, "chown root:root", 0, err) < 0
		           ? -1
		           : judge_these(j, cert_modes, is_closed, "chmod a-wxst", CERT_MOST, err);
	return put(j, cert_owners, UNS_CIS_NA, UNS_CIS_CERTS, NULL, err, "no registry has any") < 0
	           ? -1
	           : put(j, cert_modes, UNS_CIS_NA, UNS_CIS_CERTS, NULL, err, "no registry has any");
}

static int judge_files(const struct judge *j, struct uns_err *err)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].file == UNS_CIS_CA && judge_certs(j, err) < 0)
			return -1;
		if (files[i].mode_first && judge_mode(j, i, err) < 0)
			return -1;
		if (judge_owner(j, i, err) < 0 || (!files[i].mode_first && judge_mode(j, i, err) < 0))
			return -1;
	}
	return 0;
}

int uns_cis_judge(const struct uns_facts *f, const struct uns_cisfacts *c, struct uns_cis_rows *ret, struct uns_err *err)
{
	const struct judge j = {f, c, ret};
	bool on;

	if (judge_partition(&j, err) < 0 || judge_trusted(&j, err) < 0 || judge_watches(&j, err) < 0 || judge_support(&j, &on, err) < 0 || judge_files(&j, err) < 0)
		return -1;
	return judge_sharing(&j, on, err);
}
