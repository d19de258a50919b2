/* SPDX-License-Identifier: Apache-2.0 */
/* Intent → findings about the host: the kernel, the way to the data root, its file system and mount, room, SELinux, other engines. */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "uns/cleanup.h"

#define SYSCTL "user.max_user_namespaces"
#define ENOUGH "15000"
#define WRITE_IT UNS_COMMAND "echo " SYSCTL "=" ENOUGH " > /etc/sysctl.d/99-userns.conf && sysctl -p /etc/sysctl.d/99-userns.conf"

/* "a, b and 3 more" */
static char *list(const struct uns_strs *l, uint64_t all, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < l->n; i++)
		if (uns_buf_printf(&b, err, "%s%s", i ? ", " : "", l->v[i]) < 0)
			return NULL;
	if (all > l->n && uns_buf_printf(&b, err, " and %" PRIu64 " more", all - l->n) < 0)
		return NULL;
	return uns_buf_take(&b, err);
}

/* ---- the kernel ---- */

/* The rule of a hardening profile that asks for 0, as the benchmark of this system calls it. */
static const char *hardening_rule(const struct uns_hostfacts *h)
{
	static const struct {
		const char *id, *major, *rule;
	} rules[] = {
	    {"rhel", "8", "RHEL-08-040284"}, {"ol", "8", "OL08-00-040284"},         {"rhel", "9", "RHEL-09-213105"},
	    {"ol", "9", "OL09-00-002370"},   {"almalinux", "9", "ALMA-09-023010"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && h->os_id && h->os_version; i++)
		if (strcmp(h->os_id, rules[i].id) == 0 && h->os_version[0] == rules[i].major[0] &&
		    (h->os_version[1] == '.' || h->os_version[1] == '\0'))
			return rules[i].rule;
	return "sysctl_user_max_user_namespaces";
}

static int add_line(const struct uns_intent *w, const struct uns_persisted *p, const char *when, struct uns_err *err)
{
	uns_auto_free char *file = uns_str_escape(p->file, err);
	uns_auto_free char *place = file ? uns_str_printf(err, "%s:%u", file, p->line) : NULL;
	uns_auto_free char *word = place ? uns_str_shell(p->file, err) : NULL;
	uns_auto_free char *remedy =
	    word ? uns_str_printf(err, UNS_COMMAND "sed -i '%us/.*/" SYSCTL " = " ENOUGH "/' %s", p->line, word) : NULL;

	if (!remedy)
		return -1;
	return uns_intent_add(w, "UserNamespacesOffAtBoot", place, remedy, err,
	                      "this line sets " SYSCTL " to 0 %s: no container starts from then on. It is what the rule %s of hardening "
	                      "profiles asks for, which does not apply to a host of containers",
	                      when, hardening_rule(&w->f->host));
}

static int check_persisted(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	const struct uns_persisted *boot = &h->persisted[UNS_SYSCTL_BOOT], *system = &h->persisted[UNS_SYSCTL_SYSTEM];

	if (boot->zero)
		return add_line(w, boot, "whenever the host starts", err);
	if (system->zero)
		return add_line(w, system, "whenever \"sysctl --system\" is run", err);
	if (!h->el7 || boot->file || h->el7_no_sysctl)
		return 0;
	return uns_intent_add(w, "UserNamespacesOffAtBoot", SYSCTL, WRITE_IT, err,
	                      "kernels of Enterprise Linux 7 start with 0, and no file of sysctl.d sets another value: no container starts "
	                      "then");
}

static int check_present(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	if (h->no_namespaces)
		return uns_intent_add(w, "UserNamespacesOff", "CONFIG_USER_NS", "boot a kernel that was built with user namespaces", err,
		                      "the kernel was built without user namespaces: no container could start");
	if (h->el7_no_sysctl && !h->el7_switch)
		return uns_intent_add(w, "UserNamespacesOff", "user_namespace.enable",
		                      UNS_COMMAND "grubby --update-kernel=ALL --args=user_namespace.enable=1" UNS_COMMAND_ENDS
		                      "and boot that kernel", err,
		                      "kernels of Enterprise Linux 7 before 7.4 make user namespaces only when user_namespace.enable=1 is on "
		                      "their command line: no container could start");
	if (!w->f->have_max_user_namespaces || w->f->max_user_namespaces != 0)
		return 0;
	return uns_intent_add(w, "UserNamespacesOff", SYSCTL,
	                      h->known && !h->persisted[UNS_SYSCTL_BOOT].file ? WRITE_IT : UNS_COMMAND "sysctl -w " SYSCTL "=" ENOUGH, err,
	                      "the kernel setting " SYSCTL " is 0: no container could start");
}

static int check_kernel(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	if (check_present(w, err) < 0 || check_persisted(w, err) < 0)
		return -1;
	if (!h->clone_off && !h->apparmor)
		return 0;
	return uns_intent_add(w, "RootlessRestricted",
	                      h->clone_off ? "kernel.unprivileged_userns_clone" : "kernel.apparmor_restrict_unprivileged_userns",
	                      NULL, err,
	                      "this kernel setting restricts user namespaces of users, as rootless engines need them; an engine that root runs "
	                      "is not concerned");
}

/* ---- the way to the data root ---- */

/* As dockerd asks (daemon_unix.go, canAccess), which knows no other groups and no ACLs; beside that the kernel asks for "/" too. */
static bool lets_pass(const struct uns_parent *p, const struct uns_shift *s)
{
	return (p->mode & 0001) || (p->uid == s->uid.start && (p->mode & 0100)) || (p->gid == s->gid.start && (p->mode & 0010));
}

static int check_parents(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	for (size_t i = 0; i < h->parents; i++) {
		const struct uns_parent *p = &h->parent[i];
		uns_auto_free char *object = NULL, *word = NULL, *remedy = NULL;

		if (lets_pass(p, &w->shift))
			continue;
		object = uns_str_escape(p->path, err);
		word = uns_str_shell(p->path, err);
		remedy = word ? uns_str_printf(err, UNS_COMMAND "chmod o+x %s", word) : NULL;
		if (!object || !remedy)
			return -1;
		if (uns_intent_add(w, "DataRootUnreachable", object, remedy, err,
		                   "its mode %04o does not let the root of containers (%u:%u) pass on the way to %s: %s", p->mode,
		                   w->shift.uid.start, w->shift.gid.start, w->root,
		                   strcmp(p->path, "/") == 0 ? "no container could start" : "the engine refuses to start") < 0)
			return -1;
	}
	return 0;
}

/* ---- inodes that cannot be changed ---- */

static bool is_edited(const struct uns_intent *w, const char *path)
{
	for (size_t i = 0; i < w->edits; i++) {
		const char *file = w->edit[i].now && w->edit[i].now->file ? w->edit[i].now->file : w->f->config_file;
		const char *slash = file ? strrchr(file, '/') : NULL;

		if (slash && (strcmp(path, file) == 0 ||
		              (strlen(path) == (size_t)(slash - file) && strncmp(path, file, (size_t)(slash - file)) == 0)))
			return true;
	}
	return false;
}

static bool is_touched(const struct uns_intent *w, enum uns_touched what, const char *path)
{
	switch (what) {
	case UNS_TOUCHED_DATA:
		return w->move;
	case UNS_TOUCHED_ACCOUNTS:
		return w->account;
	case UNS_TOUCHED_SUBIDS:
		return w->account || w->subuid || w->subgid;
	case UNS_TOUCHED_OPTIONS:
		return is_edited(w, path);
	case UNS_TOUCHED_JOURNAL:
		return w->work;
	case UNS_TOUCHED:
		break;
	}
	return false;
}

static int add_command(struct uns_buf *b, const struct uns_fixed *x, struct uns_err *err)
{
	uns_auto_free char *word = uns_str_shell(x->path, err);

	return word ? uns_buf_printf(b, err, "%s %s", b->len ? "" : UNS_COMMAND "chattr -i -a", word) : -1;
}

static int check_fixed(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf remedy = UNS_BUF_INIT;
	uns_auto_free char *text = NULL;
	uint64_t more = w->move ? h->fixed_all[UNS_TOUCHED_DATA] : 0;

	for (size_t i = 0; i < h->fixeds; i++) {
		const struct uns_fixed *x = &h->fixed[i];
		uns_auto_free char *name = NULL;

		if (!is_touched(w, x->what, x->path))
			continue;
		more -= x->what == UNS_TOUCHED_DATA;
		name = uns_str_escape(x->path, err);
		if (!name || uns_strs_add(&names, name, err) < 0 || add_command(&remedy, x, err) < 0)
			return -1;
	}
	if (names.n == 0)
		return 0;
	text = list(&names, names.n + more, err);
	if (!text)
		return -1;
	return uns_intent_add(w, "ImmutablePath", names.v[0], remedy.data, err,
	                      "what has to be changed, replaced or moved is immutable or append-only: %s", text);
}

/* ---- files that cannot be replaced ---- */

/* Accounts, lines and settings are written beside the file and renamed over it. */
static int add_pinned(const struct uns_intent *w, const struct uns_pinned *p, struct uns_err *err)
{
	uns_auto_free char *object = uns_str_escape(p->path, err);

	if (!object)
		return -1;
	if (p->what == UNS_TOUCHED_JOURNAL)
		return uns_intent_add(w, "PathNotReplaceable", object, "mount it read-write", err,
		                      "the journal of changes is kept here, and the file system is read-only");
	if (p->why == UNS_PIN_SYMLINK)
		return uns_intent_add(w, "PathNotReplaceable", object, "make it a file of the root", err,
		                      "the file is a symlink, which account tools would follow on this host, out of the root");
	if (p->why == UNS_PIN_READONLY)
		return uns_intent_add(w, "PathNotReplaceable", object, "mount it read-write", err,
		                      "the file has to be replaced by a new one, and the file system of its directory is read-only");
	return uns_intent_add(w, "PathNotReplaceable", object,
	                      "unmount it; in a container, make the change on the host, or mount the directory instead of the file", err,
	                      "the file has to be replaced by a new one, and a file system is mounted on the file itself: nothing can be "
	                      "renamed over a mount point");
}

static int check_pinned(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	for (size_t i = 0; i < h->pinneds; i++)
		if (is_touched(w, h->pinned[i].what, h->pinned[i].path) && add_pinned(w, &h->pinned[i], err) < 0)
			return -1;
	return 0;
}

/* ---- the file system ---- */

static int check_owners(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	if (!w->move || h->owners == UNS_OWNERS_KEPT)
		return 0;
	if (h->owners == UNS_OWNERS_NONE)
		return uns_intent_add(w, "OwnersNotKept", w->root, "move the data root to a file system of Linux (data-root)", err,
		                      "%s keeps no owners of files: they cannot be given to IDs of the range", h->fstype);
	return uns_intent_add(w, "OwnersRemote", w->root, "usernsctl shift on a small tree there shows whether owners can be changed", err,
	                      "the data root is on %s, where a server or a program decides who may change owners, and whether the change "
	                      "lasts; each one is read back, and all is taken back when one is not there",
	                      h->fstype);
}

/* Layers that are plain directories are run from the mount itself; those of an overlay are not. */
static bool runs_from_mount(const struct uns_store *s)
{
	return uns_strs_has(&s->drivers, "vfs") || uns_strs_has(&s->drivers, "btrfs");
}

char *uns_plan_remount_acl(const struct uns_intent *w, struct uns_err *err)
{
	const char *point = w->f->host.mount_point;
	uns_auto_free char *word = point ? uns_str_shell(point, err) : NULL;

	if (!point)
		return uns_str_dup("mount that file system with acl", err);
	return word ? uns_str_printf(err, "$ mount -o remount,acl %s", word) : NULL;
}

static int check_mount_options(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	uns_auto_free char *remount = uns_plan_remount_acl(w, err);

	if (!remount)
		return -1;
	if (h->noexec && uns_intent_add(w, "MountNoExec", w->root, "mount it without noexec where that is not wanted", err,
	                                "its mount has noexec%s: programs in %s cannot be run, which remapping does not change%s",
	                                h->nosuid ? ",nosuid" : "", runs_from_mount(w->source) ? "containers and volumes" : "volumes",
	                                runs_from_mount(w->source) ? "" : "; those of images can") < 0)
		return -1;
	if (w->move && h->no_acl &&
	    uns_intent_add(w, "AclsHidden", w->root, remount, err,
	                   "it is mounted with noacl: access control lists that files have from before are not seen, and the IDs in them "
	                   "stay as they are") < 0)
		return -1;
	if (!w->move || !h->quota)
		return 0;
	return uns_intent_add(w, "QuotaMoves", w->root,
	                      "repquota -n shows the limits; setquota gives IDs of the range theirs (ID + start of the range)", err,
	                      "its file system has limits for users or groups (%s): files of containers count for IDs of the range "
	                      "afterwards, which have no limits, and no more for those of the host",
	                      h->quota);
}

/* ---- room ---- */

struct need {
	uint64_t bytes, inodes;
};

/* The journal keeps the plan, a log, what a shift could lose (about 400 bytes for each such inode), and sums of each tree. On a file
 * system that copies what it changes all inodes are written anew. */
static void needs(const struct uns_intent *w, struct need ret[UNS_SPACES])
{
	const struct uns_census *c = &w->f->census;
	uint64_t special = c->specials + c->acls + c->capabilities + c->in_target.n + c->unmapped.n;

	ret[UNS_SPACE_JOURNAL] = (struct need){256u << 10, 12};
	ret[UNS_SPACE_ETC] = (struct need){128u << 10, 12};
	ret[UNS_SPACE_DATA] = (struct need){0, 0};
	if (!w->move)
		return;
	ret[UNS_SPACE_JOURNAL].bytes += 400 * (special + w->f->host.touched);
	ret[UNS_SPACE_DATA] = (struct need){256u << 10, 12};
	if (w->f->host.copy_on_write)
		ret[UNS_SPACE_DATA].bytes += (16u << 20) + 512 * c->inodes;
}

static const char *short_of(const struct uns_space *s, const struct need *n)
{
	if (s->bytes < n->bytes)
		return s->inodes < n->inodes ? "room and inodes" : "room";
	return s->inodes < n->inodes ? "inodes" : NULL;
}

static int add_space(const struct uns_intent *w, const struct uns_space *s, const struct need *n, struct uns_err *err)
{
	const char *what = short_of(s, n);
	char inodes[32];

	if (!what)
		return 0;
	snprintf(inodes, sizeof(inodes), "%" PRIu64, s->inodes);
	return uns_intent_add(w, "SpaceShort", s->path, "make room there, or usernsctl … --ignore=SpaceShort tries it all the same", err,
	                      "not enough %s on its file system: the change needs about %" PRIu64 " KiB and %" PRIu64
	                      " inodes, and %" PRIu64 " KiB and %s inodes are free",
	                      what, (n->bytes + 1023) / 1024, n->inodes, s->bytes / 1024, s->inodes == UINT64_MAX ? "all" : inodes);
}

/* Places of one file system need their room together, and are named once. */
static int check_space(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_space *space = w->f->host.space;
	struct need need[UNS_SPACES];

	if (!w->work)
		return 0;
	needs(w, need);
	for (int i = 0; i < UNS_SPACES; i++) {
		int first = 0;

		while (space[first].dev != space[i].dev)
			first++;
		if (first == i)
			continue;
		need[first].bytes += need[i].bytes;
		need[first].inodes += need[i].inodes;
		need[i] = (struct need){0, 0};
	}
	for (int i = 0; i < UNS_SPACES; i++)
		if (add_space(w, &space[i], &need[i], err) < 0)
			return -1;
	return 0;
}

/* ---- SELinux ---- */

/* Whether the administrator's expression, which is anchored at both ends, is for the tree or for what is in it. */
static bool is_for(const char *expression, const char *inner, struct uns_err *err)
{
	static const char *const samples[] = {"", "/overlay2/x/diff/etc", "/overlay2"};
	uns_auto_free char *anchored = uns_str_printf(err, "^(%s)$", expression);
	regex_t re;
	bool found = false;

	if (!anchored || regcomp(&re, anchored, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]) && !found; i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s%s", inner, samples[i]);

		found = path && regexec(&re, path, 0, NULL, 0) == 0;
	}
	regfree(&re);
	return found;
}

static bool has_contexts(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	if (uns_strs_has(&h->selinux_subs, w->inner))
		return true;
	for (size_t i = 0; i < h->selinux_locals.n; i++)
		if (uns_str_starts(h->selinux_locals.v[i], w->root) && is_for(h->selinux_locals.v[i], w->inner, err))
			return true;
	return false;
}

static int check_contexts(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	const char *same = h->selinux_alias ? h->selinux_alias : w->root;
	uns_auto_free char *original = NULL, *tree = NULL, *remedy = NULL;

	if (!h->selinux || !w->inner || has_contexts(w, err))
		return 0;
	original = uns_str_shell(same, err);
	tree = uns_str_shell(w->inner, err);
	remedy = original && tree ? uns_str_printf(err, UNS_COMMAND "semanage fcontext -a -e %s %s", original, tree) : NULL;
	if (!remedy)
		return -1;
	return uns_intent_add(w, "SELinuxContexts", w->inner, remedy, err,
	                      "the SELinux policy knows %s but not this tree: what is moved keeps its labels, but restorecon or a relabelling "
	                      "of the host would give the files of containers other ones%s",
	                      same, h->selinux_enforcing ? ", with which they may not read them" : "");
}

/* ---- what else is there ---- */

static int check_swarm(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	if (!h->swarm || !w->move)
		return 0;
	return uns_intent_add(w, "SwarmNode", "swarm",
	                      h->swarm_manager ? "docker node update --availability drain NODE, and with several managers one host after the other"
	                                       : "docker node update --availability drain NODE, on a manager",
	                      err,
	                      "it %s: identity, secrets and services are taken along; its tasks stop meanwhile, and come back as new containers%s. "
	                      "Services cannot use --userns=host",
	                      h->swarm_manager ? "is a manager of a swarm" : "is a worker of a swarm",
	                      h->swarm_manager ? "; while it is down, the swarm has one manager less" : "");
}

static int check_plugins(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	uns_auto_free char *text = NULL;
	bool volumes = false;

	for (size_t i = 0; i < h->plugins; i++) {
		if (!h->plugin[i].enabled)
			continue;
		volumes |= h->plugin[i].volumes;
		if (uns_strs_add(&names, h->plugin[i].name, err) < 0)
			return -1;
	}
	if (names.n == 0 || !w->move || !w->all)
		return 0;
	text = list(&names, names.n, err);
	if (!text)
		return -1;
	return uns_intent_add(w, "PluginsNotRemapped", "plugins", NULL, err,
	                      "%s: plugins are taken along, and go on as root of the host%s", text,
	                      volumes ? "; files in volumes of theirs keep their owners, and belong to nobody in containers" : "");
}

static int check_rootless(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	for (size_t i = 0; i < h->rootlesses; i++)
		if (uns_intent_add(w, "RootlessEngine", h->rootless[i].user, NULL, err,
		                   "this user %s, which has its data in the home and ranges of its own: it is not touched",
		                   h->rootless[i].running ? "runs an engine without root" : "has an engine without root") < 0)
			return -1;
	return 0;
}

static int check_desktop(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	uns_auto_free char *users = h->desktops.n ? list(&h->desktops, h->desktops.n, err) : NULL;

	if (!h->desktop && !h->desktops.n)
		return 0;
	if (h->desktops.n && !users)
		return -1;
	return uns_intent_add(w, "DesktopEngine", h->desktop ? "/opt/docker-desktop" : "~/.docker/desktop",
	                      "docker context use default reaches the engine of this host", err,
	                      "Docker Desktop runs its engine in a machine of its own, which is not touched; with the context desktop-linux "
	                      "the client shows that one%s%s",
	                      users ? ". It was used by " : "", users ? users : "");
}

/* "1.5 GB" */
static void show_size(uint64_t bytes, char ret[32])
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		n /= 1000;
	snprintf(ret, 32, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void show_date(int64_t seconds, char ret[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(ret, 32, "%Y-%m-%d", &tm) == 0)
		snprintf(ret, 32, "?");
}

static int check_old_trees(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	for (size_t i = 0; i < h->olds; i++) {
		const struct uns_old_tree *t = &h->old[i];
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", w->root, t->name);
		bool needed = uns_plan_is_needed(w, t);
		char size[32], date[32];

		if (!path)
			return -1;
		if (!t->measured || uns_plan_is_lost(w, t) || (w->rooted && strcmp(t->name, "0.0") == 0)) /* other findings say more of it */
			continue;
		show_size(t->bytes, size);
		show_date(t->newest, date);
		if (uns_intent_add(w, "OldRemapTree", path,
		                   needed ? "keep it" : "remove it when nothing of it is needed any more", err,
		                   "a tree of an earlier remapping that %s: %s%s in %" PRIu64 " files%s%s%s",
		                   needed ? "holds data, while there is none where the engine looks with the settings of today"
		                          : "no engine uses",
		                   t->cut || t->bytes == UINT64_MAX ? "at least " : "",
		                   size, t->files, t->files ? ", the newest of " : "", t->files ? date : "",
		                   t->cut ? " (not all were counted: the time limit)" : "") < 0)
			return -1;
	}
	return 0;
}

/* An engine that is down cannot say where its images are. By default the newer ones use containerd, unless a storage driver has layers
 * from before (daemon/image_store_choice.go). */
static int check_image_store(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	enum uns_tristate wish = uns_plan_feature(json_object_get(w->f->config, "features"), "containerd-snapshotter");
	uns_auto_free char *db = NULL;

	if (!h->containerd_images || !w->all || !w->work || w->r->command != UNS_ENABLE || w->f->images || w->source->containerd_images)
		return 0;
	if (wish != UNS_UNSET || w->source->drivers.n > 0) /* a wish for it is refused by itself */
		return 0;
	db = uns_str_escape(h->containerd_db, err);
	if (!db)
		return -1;
	return uns_intent_add(w, "ContainerdImageStore", w->root,
	                      "usernsctl enable docker --migrate=volumes leaves images and containers behind", err,
	                      "images of the engine are in the containerd image store (%s), which it does not use with remapping", db);
}

int uns_plan_check_host(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	bool there = w->r->command == UNS_ENABLE || w->r->command == UNS_MIGRATE;

	if (w->r->command != UNS_DISABLE && !h->known)
		return check_present(w, err);
	if (!h->known || w->r->command == UNS_DAEMON)
		return 0;
	if (there && (check_kernel(w, err) < 0 || check_contexts(w, err) < 0))
		return -1;
	if (w->r->command == UNS_ENABLE && w->have_shift && check_parents(w, err) < 0)
		return -1;
	if (check_fixed(w, err) < 0 || check_pinned(w, err) < 0 || check_owners(w, err) < 0 || check_mount_options(w, err) < 0 || check_space(w, err) < 0)
		return -1;
	if (check_swarm(w, err) < 0 || check_plugins(w, err) < 0)
		return -1;
	if (w->r->command != UNS_ENABLE)
		return 0;
	if (check_image_store(w, err) < 0 || check_rootless(w, err) < 0 || check_desktop(w, err) < 0)
		return -1;
	return check_old_trees(w, err);
}
