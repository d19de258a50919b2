/* SPDX-License-Identifier: Apache-2.0 */
/* A user of rootless Podman or Docker: 65536 IDs beside his own (newuidmap(1); podman(1), Rootless mode), and what else must be so
 * that they are of use to him. */
#include <string.h>

#include "preset.h"
#include "uns/cleanup.h"

static int check_program(const struct uns_presetting *s, enum uns_program_id id, const char *remedy, struct uns_err *err)
{
	const struct uns_program *p = &s->f->program[id];

	if (!p->path)
		return uns_preset_need_program(s, id, "install uidmap (shadow-utils)", "nobody but root can use a range without it",
		                               err);
	if (p->powerful)
		return 0;
	return uns_preset_say(s, "ToolPowerless", p->path, remedy, err,
	                      "%s is neither setuid root nor has it the capability that it needs", p->path);
}

static int check_kernel(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_sysctl *clone = &s->f->sysctl[UNS_UNPRIVILEGED_CLONE], *apparmor = &s->f->sysctl[UNS_APPARMOR_USERNS];

	if (clone->known && clone->value == 0 &&
	    uns_preset_say(s, "UnprivilegedOff", clone->name, "$ sysctl -w kernel.unprivileged_userns_clone=1", err,
	                   "the kernel setting %s is 0: only root can make user namespaces", clone->name) < 0)
		return -1;
	if (!apparmor->known || apparmor->value == 0)
		return 0;
	return uns_preset_say(s, "AppArmorRestricts", apparmor->name,
	                      "a profile with \"userns,\" for podman, rootlesskit or crun, in /etc/apparmor.d", err,
	                      "the kernel setting %s is 1: only programs with a profile that allows it get a useful user namespace",
	                      apparmor->name);
}

static int check_home(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_account *a = uns_accounts_name(&s->f->ids.users, s->want->owner);
	uns_auto_free char *word = uns_str_shell(s->want->owner, err);
	uns_auto_free char *linger = word ? uns_str_printf(err, "$ loginctl enable-linger %s", word) : NULL;

	if (!linger || !a)
		return linger ? 0 : -1;
	if (!s->f->home &&
	    uns_preset_say(s, "HomeMissing", a->home ? a->home : "", "mkhomedir_helper, or useradd --create-home", err,
	                   "the home of %s is no directory: images and containers would lie there", a->name) < 0)
		return -1;
	if (s->f->lingers || !(s->f->ids.present & UNS_HAS_SYSTEMD))
		return 0;
	return uns_preset_say(s, "NoLinger", a->name, linger, err,
	                      "containers of %s end with the last session, and XDG_RUNTIME_DIR is there only in one", a->name);
}

static const char *is_there(const struct uns_presetting *s, enum uns_program_id id)
{
	return s->f->program[id].path ? "is" : "is not";
}

/* Podman needs pasta or slirp4netns, Docker one of these and rootlesskit. */
static int check_network(const struct uns_presetting *s, struct uns_err *err)
{
	bool docker = (s->f->ids.present & UNS_HAS_DOCKER) || !(s->f->ids.present & UNS_HAS_PODMAN);

	if (!s->f->program[UNS_PASTA].path && !s->f->program[UNS_SLIRP4NETNS].path)
		return uns_preset_say(s, "RootlessNetwork", "pasta, slirp4netns", "install passt or slirp4netns", err,
		                      "neither pasta nor slirp4netns is installed (rootlesskit %s): rootless containers reach no network",
		                      is_there(s, UNS_PROGRAM_ROOTLESSKIT));
	if (s->f->program[UNS_PROGRAM_ROOTLESSKIT].path || !docker)
		return 0;
	return uns_preset_say(s, "RootlessNetwork", "rootlesskit", "install rootlesskit, when Docker is meant", err,
	                      "rootlesskit is not installed, without which rootless Docker does not start (pasta %s installed, slirp4netns %s)",
	                      is_there(s, UNS_PASTA), is_there(s, UNS_SLIRP4NETNS));
}

static int check_storage(const struct uns_presetting *s, struct uns_err *err)
{
	if (!s->f->overlay_needs_fuse || s->f->program[UNS_FUSE_OVERLAYFS].path)
		return 0;
	return uns_preset_say(s, "RootlessOverlay", "fuse-overlayfs", "install fuse-overlayfs, or a kernel from 5.11 on", err,
	                      "this kernel mounts no overlay inside a user namespace: without fuse-overlayfs each layer is a whole copy");
}

static int check_cgroups(const struct uns_presetting *s, struct uns_err *err)
{
	if (s->f->cgroups == UNS_CGROUPS_V1)
		return uns_preset_say(s, "RootlessLimits", "/sys/fs/cgroup", "boot with systemd.unified_cgroup_hierarchy=1", err,
		                      "cgroups are of version 1: limits of rootless containers have no effect");
	if (s->f->cgroups != UNS_CGROUPS_UNDELEGATED)
		return 0;
	return uns_preset_say(s, "RootlessLimits", s->want->owner,
	                      "[Service] Delegate=cpu cpuset io memory pids, in /etc/systemd/system/user@.service.d/delegate.conf", err,
	                      "systemd does not hand all of cpu, memory and pids to %s: such limits of rootless containers have no effect",
	                      s->want->owner);
}

static int check_bus(const struct uns_presetting *s, struct uns_err *err)
{
	if (s->f->user_bus || !(s->f->ids.present & UNS_HAS_SYSTEMD))
		return 0;
	return uns_preset_say(s, "RootlessBus", "dbus.socket", "install dbus-user-session or dbus-broker", err,
	                      "users have no bus of their own: rootless engines cannot ask systemd for cgroups");
}

static int check_comforts(const struct uns_presetting *s, struct uns_err *err)
{
	if (check_network(s, err) < 0 || check_storage(s, err) < 0)
		return -1;
	return check_cgroups(s, err) < 0 ? -1 : check_bus(s, err);
}

static int look(struct uns_presetting *s, struct uns_err *err)
{
	if (check_program(s, UNS_NEWUIDMAP, "chmod u+s, or setcap cap_setuid+ep", err) < 0 ||
	    check_program(s, UNS_NEWGIDMAP, "chmod u+s, or setcap cap_setgid+ep", err) < 0)
		return -1;
	if (check_kernel(s, err) < 0 || check_home(s, err) < 0)
		return -1;
	return check_comforts(s, err);
}

const struct uns_preset uns_preset_rootless = {
    .name = "rootless",
    .title = "rootless Podman or Docker",
    .count = UNS_ID_BLOCK,
    .least = UNS_ID_BLOCK,
    .no_purge = "the user is a person's account and is never removed",
    .source = "newuidmap and newgidmap",
    .look = look,
};
