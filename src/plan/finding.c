/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"

/* A summary and, where there is one, a reference. */
#define TEXTS(summary, reference, ...) summary, reference
#define INFO(id, ...)                                                                                                              \
	{                                                                                                                          \
		id, UNS_INFO, UNS_OK, true, TEXTS(__VA_ARGS__, NULL, NULL)                                                         \
	}
#define WARNING(id, ...)                                                                                                           \
	{                                                                                                                          \
		id, UNS_WARNING, UNS_OK, true, TEXTS(__VA_ARGS__, NULL, NULL)                                                      \
	}
#define REFUSED(id, ...)                                                                                                           \
	{                                                                                                                          \
		id, UNS_ERROR, UNS_E_REFUSED, false, TEXTS(__VA_ARGS__, NULL, NULL)                                                \
	}
#define RISK(id, ...)                                                                                                              \
	{                                                                                                                          \
		id, UNS_ERROR, UNS_E_REFUSED, true, TEXTS(__VA_ARGS__, NULL, NULL)                                                 \
	}
#define CONFLICT(id, ...)                                                                                                          \
	{                                                                                                                          \
		id, UNS_ERROR, UNS_E_CONFLICT, false, TEXTS(__VA_ARGS__, NULL, NULL)                                               \
	}

/* clang-format off */
const struct uns_check uns_checks[] = {
	WARNING("AclsHidden", "the data root is mounted with noacl, so that IDs in access control lists are not seen", "ext4(5), acl(5)"),
	WARNING("AppArmorRestricts", "AppArmor lets only programs with a profile use user namespaces", "apparmor.d(5)"),
	WARNING("AuditFlood", "audit records every file whose owner changes", "CIS Docker 1.1.x"),
	RISK("AuditPanicRisk", "audit would take the host down by what it records of the change", "auditctl(8)"),
	WARNING("AuditRuleInvalid", "a line that auditctl or auditd does not take, or a file of audit's that cannot be read", "audit.rules(7)"),
	REFUSED("AutoSizeUnfit", "the sizes of --userns=auto in storage.conf do not fit each other", "containers-storage.conf(5)"),
	REFUSED("BothTreesHaveData", "the tree with and the tree without remapping both hold data", "docs.docker.com/engine/security/userns-remap"),
	WARNING("ContainerAutoRemove", "a running container with --rm vanishes when the engine stops", "docker-run(1)"),
	WARNING("ContainerBind", "a container mounts host paths that it can no longer read or write as it did", "CIS Docker 5.6"),
	WARNING("ContainerCapability", "a container has a capability that counts less in a user namespace", "CIS Docker 5.4"),
	WARNING("ContainerDevice", "a container may no longer open a device", "CIS Docker 5.18, STIG DKER-EE-002040"),
	INFO("ContainerHostMount", "a container mounts what has power over the host", "CIS Docker 5.6, 5.32"),
	WARNING("ContainerIdOutside", "a container uses an ID that the range does not hold", "docker/for-linux #1040"),
	WARNING("ContainerJoins", "a container shares a namespace with one of the host's user namespace", "user_namespaces(7)"),
	REFUSED("ContainerNoFiles", "the running engine has a container that is not in its files"),
	INFO("ContainerNotLoaded", "the running engine has not loaded a container that is in its files"),
	WARNING("ContainerRestarts", "a container that cannot work is started again and again", "CIS Docker 5.15"),
	WARNING("ContainerRuntime", "a container uses a runtime that may not know user namespaces"),
	WARNING("ContainerSocket", "a container can no longer connect to a socket of the host", "CIS Docker 5.32, STIG DKER-EE-002130"),
	REFUSED("ContainerUnreadable", "a file of a container or volume is malformed or cannot be read, so that it cannot be taken along"),
	WARNING("ContainerUsernsHost", "a container keeps the host's user namespace, but not its files' owners", "CIS Docker 5.31, STIG DKER-EE-002120"),
	WARNING("ContainerVolume", "a container uses a volume whose files keep the host's IDs", "moby #22725"),
	WARNING("ContainerWillNotStart", "a container uses what user namespaces do not allow", "CIS Docker 5.5, 5.10, 5.16, 5.17, STIG DKER-EE-002000, moby #36208"),
	REFUSED("ContainerdImageStore", "the containerd image store cannot be used together with remapping", "moby #47377"),
	INFO("ContainersRunning", "containers run, and stop with the engine"),
	REFUSED("DataRootReadOnly", "the data root is mounted read-only", "mount(8)"),
	REFUSED("DataRootUnreachable", "a directory above the data root keeps the root of containers out", "moby #43724"),
	INFO("DesktopEngine", "Docker Desktop has an engine of its own", "docker-context(1)"),
	WARNING("EngineSilent", "the running engine does not answer, so that nothing can be compared afterwards"),
	REFUSED("EngineRangeUnfit", "the range is not one that the engine accepts", "subuid(5)"),
	REFUSED("EngineUnmanaged", "the running engine cannot be stopped and started by this program"),
	CONFLICT("ExpectDiffers", "an owner has not the ranges that it has on the host that is the model"),
	WARNING("ExpectMore", "an owner has a range that the host which is the model does not know"),
	INFO("FlaggedInode", "immutable or append-only files, whose flag is lifted for a moment and set again", "chattr(1)"),
	RISK("HardLinkOutside", "files have further names outside the trees that are shifted", "inode(7)"),
	WARNING("HomeMissing", "the home of the rootless user is no directory", "passwd(5)"),
	INFO("ImageRunsAsRoot", "an image names no USER, so that its containers run as root", "CIS Docker 4.1"),
	REFUSED("ImmutablePath", "what is to be changed is immutable or append-only", "chattr(1)"),
	INFO("IncusImplicit", "Incus or LXD without a line of root's takes 1000000 to 1000999999, which no file says"),
	REFUSED("InodeUnreadable", "files or directories of the data root cannot be read", "fsck(8), acl(5)"),
	WARNING("IptablesOff", "without iptables rules containers reach nothing outside, and ports are published by docker-proxy alone", "CIS Docker 2.4"),
	WARNING("KubeletRange", "kubelet without a line that it accepts takes all IDs from 65536 up", "KEP-127"),
	REFUSED("LiveRestore", "live-restore keeps containers running while the engine is stopped", "CIS Docker 2.15"),
	REFUSED("MigrateNeedsRemap", "migrate is for hosts on which remapping is on", "moby #21050"),
	INFO("MountNoExec", "programs in volumes cannot be run, with or without remapping", "mount(8)"),
	REFUSED("NestedMount", "file systems are mounted below the data root", "rename(2)"),
	REFUSED("NeverStarted", "remapping is configured, but the engine never ran with it", "docs.docker.com/engine/security/userns-remap"),
	REFUSED("NoRestartNeedsStop", "data must be moved, which needs the engine stopped"),
	INFO("NoLinger", "what the rootless user runs ends with the last session", "loginctl(1)"),
	INFO("NotEnabled", "remapping is off", "CIS Docker 2.9"),
	INFO("NotInstalled", "the engine is not installed"),
	INFO("OldRemapTree", "a tree of an earlier remapping, which is not in use", "moby #46403"),
	INFO("OldTreeLeft", "containers and images from before remapping stay where they are, unused", "docs.docker.com/engine/security/userns-remap"),
	REFUSED("OptionConflict", "two options of dockerd do not go together", "dockerd(8)"),
	REFUSED("OptionDefault", "the option value default lets dockerd choose ranges that collide", "moby #53524"),
	CONFLICT("OptionForeign", "remapping is on for another user, with data", "docs.docker.com/engine/security/userns-remap"),
	REFUSED("OptionInvalid", "dockerd does not take the value of an option", "dockerd(8)"),
	RISK("OptionMovesData", "the engine starts with another store, without the data of today", "dockerd(8)"),
	RISK("OptionNeedsEnable", "userns-remap switched alone hides all images, containers and volumes", "moby #21050"),
	WARNING("OptionNoEffect", "dockerd passes over an option in silence", "dockerd(8)"),
	REFUSED("OptionNotEditable", "an option stands in a form that is not rewritten", "systemd.service(5)"),
	REFUSED("OptionOnCommandLine", "the option is on the engine's command line, which is not edited", "dockerd(8)"),
	WARNING("OptionRoot", "the option names root, which leaves user namespaces off", "CIS Docker 2.9"),
	REFUSED("OptionTwice", "the option is set in more than one place", "moby #22339"),
	RISK("OptionUnknown", "an option that dockerd does not know", "dockerd(8)"),
	REFUSED("OptionsReadOnly", "the files of the options cannot be written on this host"),
	RISK("OwnerUnknown", "an owner that is no account of this host", "subuid(5)"),
	REFUSED("OwnersNotKept", "the file system of the data root keeps no owners", "mount(8)"),
	WARNING("OwnersRemote", "somebody else decides about the owners of files in the data root", "exports(5)"),
	REFUSED("PathNotReplaceable", "a file that is to be replaced cannot be", "rename(2)"),
	RISK("PathUnread", "what is to be judged may not be read by who asks"),
	INFO("PluginsNotRemapped", "plugins of the engine go on as the host's root"),
	RISK("PodsOutside", "pods have IDs outside of the range, with which kubelet does not start", "KEP-127"),
	INFO("ProbeIncomplete", "name services do not answer, or not within the time limit", "nsswitch.conf(5)"),
	WARNING("PurgeKeepsUser", "the remap user is no system account and is kept", "login.defs(5)"),
	WARNING("QuotaMoves", "the file system of the data root limits users or groups, whose files get other owners", "setquota(8)"),
	WARNING("RangeAsymmetric", "the UID and the GID range of an owner differ, or one of them is missing", "subuid(5), subgid(5)"),
	WARNING("RangeCut", "the range that is in use has fewer than 65536 IDs", "systemd UIDS-GIDS"),
	CONFLICT("RangeDiffers", "the owner has another range already", "subuid(5)"),
	WARNING("RangeDiscouraged", "the range overlaps IDs that other software may take", "systemd UIDS-GIDS"),
	WARNING("RangeFilesLeft", "files have IDs of an owner that is gone, or of nobody", "STIG no_files_unowned_by_user"),
	WARNING("RangeHigh", "the range reaches beyond 2147483647, which some programs take for negative", "systemd UIDS-GIDS"),
	REFUSED("RangeInUse", "processes or an engine's data use what is to go"),
	INFO("RangeLiveUnrecorded", "processes use IDs that no line gives to anybody", "systemd-nspawn(1)"),
	REFUSED("RangeNoLine", "the owner has no line in each of the files", "subuid(5), subgid(5)"),
	REFUSED("RangeNone", "no range of this size is free", "login.defs(5)"),
	CONFLICT("RangeOnAccount", "the range holds the ID of an account", "docs.docker.com/engine/security/userns-remap"),
	WARNING("RangeOrphan", "the owner of a line is no account", "subuid(5)"),
	CONFLICT("RangeOverlap", "ranges of two owners overlap", "subuid(5)"),
	WARNING("RangeOwnUid", "the range holds its owner's own ID", "podman #5751"),
	REFUSED("RangePastEnd", "the range ends beyond the last ID", "user_namespaces(7)"),
	CONFLICT("RangeReserved", "the range overlaps IDs that are reserved", "systemd UIDS-GIDS"),
	REFUSED("RangeSeveral", "the remap user has several lines in one file", "moby #39301"),
	WARNING("RangeSeveralLines", "an owner has several lines in one file, whose order decides", "moby #39301"),
	WARNING("RangeShared", "the range that is in use overlaps IDs of somebody else", "docs.docker.com/engine/security/userns-remap"),
	INFO("RangeSmall", "the range has fewer than 65536 IDs", "systemd UIDS-GIDS"),
	WARNING("RangeStaleNumeric", "the line of a UID without account, which the next account with it inherits", "subuid(5)"),
	CONFLICT("RangeTaken", "the range overlaps IDs of somebody else", "docs.docker.com/engine/security/userns-remap"),
	WARNING("RangeTreeUnowned", "an engine's tree of a range that no line gives to anybody", "STIG no_files_unowned_by_user"),
	INFO("RangeUnaligned", "the range begins at no multiple of 65536", "KEP-127"),
	REFUSED("RangeUnsafe", "the range cannot be used safely", "subuid(5)"),
	WARNING("RangesNeedCare", "ranges of others collide, or can be misread", "subuid(5)"),
	WARNING("RemapActive", "remapping is on already and the data from before was left behind", "moby #21050"),
	REFUSED("RemapBroken", "the option names a user without a usable range", "docs.docker.com/engine/security/userns-remap"),
	REFUSED("RemapTreeLost", "the settings do not lead to the tree that holds the data", "moby #39301"),
	INFO("RootlessBus", "users have no bus of their own, over which rootless engines ask systemd", "docs.docker.com/engine/security/rootless"),
	INFO("RootlessEngine", "a user has an engine of his own, which is not touched", "docs.docker.com/engine/security/rootless"),
	INFO("RootlessLimits", "limits of rootless containers have no effect", "docs.docker.com/engine/security/rootless, systemd.resource-control(5)"),
	INFO("RootlessNetwork", "a program is missing by which rootless containers reach a network", "docs.docker.com/engine/security/rootless"),
	INFO("RootlessOverlay", "the kernel mounts no overlay inside a user namespace, and fuse-overlayfs is missing", "docs.docker.com/engine/security/rootless"),
	REFUSED("RootTree", "data lies in the tree 0.0 of the option value root", "moby #18334"),
	INFO("RootlessRestricted", "the kernel restricts the user namespaces of users, not those of an engine of root's", "docs.docker.com/engine/security/rootless"),
	WARNING("SELinuxContexts", "the SELinux policy has no file contexts for the tree of the range", "semanage-fcontext(8)"),
	RISK("SpaceShort", "there is less room than the change needs"),
	WARNING("StaleLock", "a lock of the account files that nobody holds"),
	REFUSED("StorageDriver", "layers of a storage driver that cannot be shifted in place", "CIS Docker 2.6"),
	WARNING("SubidDuplicate", "the same line twice", "user_namespaces(7)"),
	WARNING("SubidFileMode", "/etc/subuid or /etc/subgid does not have the owner or the mode that it should", "subuid(5)"),
	WARNING("SubidFileRefused", "a line that makes a program refuse the whole file or stop reading it", "subuid(5)"),
	INFO("SubidLeftover", "files that a killed account tool left behind"),
	INFO("SubidMissing", "/etc/subuid or /etc/subgid is missing", "moby #38712"),
	WARNING("SubidNameAndUid", "an owner has lines by name and by UID", "subuid(5)"),
	INFO("SubidNisLine", "a line that begins with + or -, behind which useradd neither sorts nor looks"),
	INFO("SubidNumericOwner", "a line by UID, which not every program reads", "subuid(5)"),
	REFUSED("SubidOwnLine", "programs read the owner's line differently", "subuid(5)"),
	WARNING("SubidReadDifferently", "programs read the line differently", "subuid(5)"),
	REFUSED("SubidReadsRoot", "a program takes the line for the host's root", "subuid(5)"),
	WARNING("SubidSource", "some programs ask another source than the files", "nsswitch.conf(5)"),
	WARNING("SubidSymlink", "/etc/subuid or /etc/subgid is a symbolic link, which shadow's tools refuse"),
	INFO("SwarmNode", "the engine is a node of a swarm", "moby #39722"),
	REFUSED("TargetDirTaken", "the directory of the range exists in the data root already", "docs.docker.com/engine/security/userns-remap"),
	RISK("TargetIdInUse", "files have IDs of the range already"),
	RISK("ToolMissing", "a program that the engine needs for its range is not installed", "newuidmap(1)"),
	RISK("ToolPowerless", "newuidmap or newgidmap cannot write maps", "newuidmap(1)"),
	INFO("UnexpectedXattr", "files have attributes that a container cannot read, or that a change of owner may break", "xattr(7)"),
	RISK("UnmappedId", "files have IDs that the range cannot hold", "docker/for-linux #1040"),
	INFO("UnownedFiles", "a scanner of the host will name the shifted files", "STIG no_files_unowned_by_user"),
	RISK("UnprivilegedOff", "the kernel lets only root make user namespaces", "docs.docker.com/engine/security/rootless"),
	REFUSED("UserIncomplete", "of a user that is to be made and the group of the same name only one exists", "useradd(8)"),
	REFUSED("UserNamespacesOff", "the kernel allows no user namespaces", "STIG sysctl_user_max_user_namespaces"),
	RISK("UserNamespacesOffAtBoot", "a configuration file takes all user namespaces away when the host starts", "STIG sysctl_user_max_user_namespaces"),
	REFUSED("UserUnfit", "this user cannot be the owner", "docs.docker.com/engine/security/userns-remap"),
	REFUSED("VolumeDeviceInside", "a volume's device option is a path inside the data root", "docker-volume-create(1)"),
	RISK("VolumeLabelsLost", "the labels of a volume cannot be taken along while the engine is stopped", "docker-volume-create(1)"),
	{ "VolumeNameTaken", UNS_ERROR, UNS_E_CONFLICT, true, "a volume of this name exists in both trees", NULL },
	RISK("VolumeSymlink", "a volume's directory is a symlink, which is not followed", "symlink(7)"),
};
/* clang-format on */
const size_t uns_checks_n = sizeof(uns_checks) / sizeof(uns_checks[0]);

const struct uns_check *uns_check_find(const char *id)
{
	for (size_t i = 0; i < uns_checks_n; i++)
		if (strcmp(uns_checks[i].id, id) == 0)
			return &uns_checks[i];
	return NULL;
}

#define WORD_MAX 64u

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to put in, take out or change until one is the other (Levenshtein). Both are shorter than WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b);

	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t above = row[k];

			row[k] = least(above + 1, row[k - 1] + 1, corner + (small(a[i - 1]) != small(b[k - 1])));
			corner = above;
		}
	}
	return row[n];
}

const struct uns_check *uns_check_nearest(const char *id)
{
	const struct uns_check *nearest = NULL;
	size_t best = strlen(id) / 2 + 1;

	for (size_t i = 0; i < uns_checks_n && *id && strlen(id) < WORD_MAX; i++) {
		size_t d = distance(id, uns_checks[i].id);

		if (d < best) {
			best = d;
			nearest = &uns_checks[i];
		}
	}
	return nearest;
}

static void finding_done(struct uns_finding *f)
{
	free(f->object);
	free(f->reason);
	free(f->remedy);
	free(f->command);
}

void uns_findings_done(struct uns_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		finding_done(&f->v[i]);
	free(f->v);
	free(f->slot);
	*f = (struct uns_findings){0};
}

static int grow(struct uns_findings *f, struct uns_err *err)
{
	size_t cap = f->cap ? 2 * f->cap : 8;
	struct uns_finding *v;

	if (f->n == UINT32_MAX - 1)
		return uns_err_set(err, UNS_E_FAILED, "more findings than can be counted");
	if (f->n < f->cap)
		return 0;
	v = reallocarray(f->v, cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	f->v = v;
	f->cap = cap;
	return 0;
}

static uint32_t hash_text(uint32_t hash, const char *s)
{
	/* FNV-1a */
	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	return hash * 16777619u;
}

static uint32_t hash(const struct uns_finding *f)
{
	return hash_text(hash_text(hash_text(2166136261u, f->check->id), f->object), f->reason);
}

static bool same(const struct uns_finding *a, const struct uns_finding *b)
{
	return a->check == b->check && strcmp(a->object, b->object) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* The slot of an equal finding, or the empty one where it belongs. */
static uint32_t *slot_of(const struct uns_findings *f, const struct uns_finding *one)
{
	size_t at = hash(one) & (f->slots - 1);

	while (f->slot[at] && !same(&f->v[f->slot[at] - 1], one))
		at = (at + 1) & (f->slots - 1);
	return &f->slot[at];
}

static int more_slots(struct uns_findings *f, struct uns_err *err)
{
	size_t slots = f->slots ? 2 * f->slots : 64;
	uint32_t *slot;

	while (slots < 2 * (f->n + 1))
		slots *= 2;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return uns_err_nomem(err);
	free(f->slot);
	f->slot = slot;
	f->slots = slots;
	f->indexed = 0;
	return 0;
}

/* A command asks for the range before it asks for the plan, which asks for the range again: what was found twice is said once. */
static int listed(struct uns_findings *f, const struct uns_finding *new, bool *ret, struct uns_err *err)
{
	if (f->slots < 2 * (f->n + 1) && more_slots(f, err) < 0)
		return -1;
	for (; f->indexed < f->n; f->indexed++)
		*slot_of(f, &f->v[f->indexed]) = (uint32_t)f->indexed + 1;
	*ret = *slot_of(f, new) != 0;
	return 0;
}

/* Apart: what a shell takes, and what people read. */
static int fill_remedy(struct uns_finding *new, const char *remedy, struct uns_err *err)
{
	bool is_command = uns_str_starts(remedy, UNS_COMMAND);
	const char *text = remedy + (is_command ? strlen(UNS_COMMAND) : 0);
	size_t len = strcspn(text, UNS_COMMAND_ENDS);

	if (is_command) {
		new->command = uns_str_printf(err, "%.*s", (int)len, text);
		if (!new->command)
			return -1;
	}
	new->remedy = uns_str_dup(text, err);
	if (!new->remedy)
		return -1;
	if (is_command && new->remedy[len])
		new->remedy[len] = ' ';
	return 0;
}

static int fill(struct uns_finding *new, const char *object, const char *remedy, char *reason, struct uns_err *err)
{
	new->reason = reason;
	if (!new->reason)
		return uns_err_nomem(err);
	new->object = uns_str_dup(object, err);
	if (!new->object)
		return -1;
	return remedy ? fill_remedy(new, remedy, err) : 0;
}

static __attribute__((format(printf, 1, 0))) char *format(const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return NULL;
	text = malloc((size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, ap);
	return text;
}

int uns_findings_add(struct uns_findings *f, const struct uns_strs *ignore, const char *id, const char *object, const char *remedy,
                     struct uns_err *err, const char *reason_fmt, ...)
{
	uns_auto(finding_done) struct uns_finding new = {0};
	bool known = false;
	va_list ap;
	char *reason;

	new.check = uns_check_find(id);
	if (!new.check)
		return uns_err_set(err, UNS_E_FAILED, "%s: not in the table of findings", id);
	va_start(ap, reason_fmt);
	reason = format(reason_fmt, ap);
	va_end(ap);
	if (fill(&new, object, remedy, reason, err) < 0)
		return -1;
	if (listed(f, &new, &known, err) < 0)
		return -1;
	if (known)
		return 0;
	if (grow(f, err) < 0)
		return -1;
	if (new.check->ignorable && ignore)
		new.ignored = uns_strs_has(ignore, id);
	f->v[f->n++] = new;
	new = (struct uns_finding){0};
	return 0;
}

/* NULL with *ret_foreign when a piece is no command of ours; NULL without when out of memory. */
static char *command_in(const char *command, const char *root, bool *ret_foreign, struct uns_err *err)
{
	static const char ours[] = "usernsctl ", and[] = " && ";
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	*ret_foreign = false;
	for (const char *p = command;; p += strlen(and)) {
		const char *end = strstr(p, and);
		size_t len = end ? (size_t)(end - p) : strlen(p);

		if (!uns_str_starts(p, ours)) {
			*ret_foreign = true;
			return NULL;
		}
		if (uns_buf_printf(&b, err, "%s%s--root=%s %.*s", p == command ? "" : and, ours, root, (int)(len - strlen(ours)),
		                   p + strlen(ours)) < 0)
			return NULL;
		if (!end)
			return uns_buf_take(&b, err);
		p = end;
	}
}

int uns_findings_set_root(struct uns_findings *f, const char *root, struct uns_err *err)
{
	uns_auto_free char *word = uns_str_shell(root, err);

	if (!word)
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		bool foreign;
		char *command;

		if (!f->v[i].command)
			continue;
		command = command_in(f->v[i].command, word, &foreign, err);
		if (!command && !foreign)
			return -1;
		free(f->v[i].command);
		f->v[i].command = command;
	}
	return 0;
}

void uns_findings_only(struct uns_findings *f, const struct uns_strs *ids)
{
	size_t kept = 0;

	for (size_t i = 0; ids->n > 0 && i < f->n; i++) {
		if (uns_strs_has(ids, f->v[i].check->id))
			f->v[kept++] = f->v[i];
		else
			finding_done(&f->v[i]);
	}
	if (ids->n == 0 || kept == f->n)
		return;
	f->n = kept;
	/* The positions are others now: they are found anew when something is added. */
	free(f->slot);
	f->slot = NULL;
	f->slots = f->indexed = 0;
}

enum uns_code uns_findings_code(const struct uns_findings *f)
{
	enum uns_code code = UNS_OK;

	for (size_t i = 0; i < f->n; i++) {
		const struct uns_finding *one = &f->v[i];

		if (one->ignored || one->check->severity != UNS_ERROR)
			continue;
		if (one->check->code == UNS_E_REFUSED)
			return UNS_E_REFUSED;
		code = one->check->code;
	}
	return code;
}
