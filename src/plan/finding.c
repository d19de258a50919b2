/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"

#define INFO(id, summary)                                                                                                          \
	{                                                                                                                          \
		id, UNS_INFO, UNS_OK, true, summary                                                                                \
	}
#define WARNING(id, summary)                                                                                                       \
	{                                                                                                                          \
		id, UNS_WARNING, UNS_OK, true, summary                                                                             \
	}
#define REFUSED(id, summary)                                                                                                       \
	{                                                                                                                          \
		id, UNS_ERROR, UNS_E_REFUSED, false, summary                                                                       \
	}
#define RISK(id, summary)                                                                                                          \
	{                                                                                                                          \
		id, UNS_ERROR, UNS_E_REFUSED, true, summary                                                                        \
	}
#define CONFLICT(id, summary)                                                                                                      \
	{                                                                                                                          \
		id, UNS_ERROR, UNS_E_CONFLICT, false, summary                                                                      \
	}

/* clang-format off */
const struct uns_check uns_checks[] = {
	REFUSED("BothTreesHaveData", "the tree with and the tree without remapping both hold data"),
	WARNING("ContainerAutoRemove", "a running container with --rm vanishes when the engine stops"),
	WARNING("ContainerBind", "a container mounts host paths, whose files will belong to nobody inside it"),
	WARNING("ContainerUsernsHost", "a container keeps the host's user namespace, but not its files' owners"),
	WARNING("ContainerWillNotStart", "a container uses what user namespaces do not allow"),
	REFUSED("ContainerdImageStore", "the containerd image store cannot be used together with remapping"),
	REFUSED("DataRootReadOnly", "the data root is mounted read-only"),
	WARNING("EngineSilent", "the running engine does not answer, so that nothing can be compared afterwards"),
	REFUSED("EngineUnmanaged", "the running engine cannot be stopped and started by this program"),
	INFO("FlaggedInode", "immutable or append-only files, whose flag is lifted for a moment and set again"),
	RISK("HardLinkOutside", "files have further names outside the trees that are shifted"),
	REFUSED("LiveRestore", "live-restore keeps containers running while the engine is stopped"),
	REFUSED("MigrateNeedsRemap", "migrate is for hosts on which remapping is on"),
	REFUSED("NestedMount", "file systems are mounted below the data root"),
	REFUSED("NeverStarted", "remapping is configured, but the engine never ran with it"),
	REFUSED("NoRestartNeedsStop", "data must be moved, which needs the engine stopped"),
	INFO("NotEnabled", "remapping is off"),
	INFO("NotInstalled", "the engine is not installed"),
	INFO("OldTreeLeft", "containers and images from before remapping stay where they are, unused"),
	CONFLICT("OptionForeign", "remapping is on for another user, with data"),
	REFUSED("OptionOnCommandLine", "the option is on the engine's command line, which is not edited"),
	WARNING("OptionRoot", "the option names root, which leaves user namespaces off"),
	REFUSED("OptionTwice", "the option is set in more than one place"),
	WARNING("PurgeKeepsUser", "the remap user is no system account and is kept"),
	REFUSED("RangeNone", "no range of this size is free"),
	REFUSED("RangeSeveral", "the remap user has several lines in one file"),
	WARNING("RangeShared", "the range that is in use overlaps IDs of somebody else"),
	CONFLICT("RangeTaken", "the range overlaps IDs of somebody else"),
	REFUSED("RangeUnsafe", "the range cannot be used safely"),
	WARNING("RemapActive", "remapping is on already and the data from before was left behind"),
	REFUSED("RemapBroken", "the option names a user without a usable range"),
	REFUSED("RootTree", "data lies in the tree 0.0 of the option value root"),
	REFUSED("StorageDriver", "layers of a storage driver that cannot be shifted in place"),
	REFUSED("TargetDirTaken", "the directory of the range exists in the data root already"),
	RISK("TargetIdInUse", "files have IDs of the range already"),
	RISK("UnmappedId", "files have IDs that the range cannot hold"),
	REFUSED("UserIncomplete", "of the remap user and the group of the same name only one exists"),
	REFUSED("UserNamespacesOff", "the kernel allows no user namespaces"),
	REFUSED("UserUnfit", "this name cannot be the remap user"),
	REFUSED("VolumeDeviceInside", "a volume's device option is a path inside the data root"),
	RISK("VolumeLabelsLost", "the labels of a volume cannot be taken along while the engine is stopped"),
	{ "VolumeNameTaken", UNS_ERROR, UNS_E_CONFLICT, true, "a volume of this name exists in both trees" },
	RISK("VolumeSymlink", "a volume's directory is a symlink, which is not followed"),
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

static void finding_done(struct uns_finding *f)
{
	free(f->object);
	free(f->reason);
	free(f->remedy);
}

void uns_findings_done(struct uns_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		finding_done(&f->v[i]);
	free(f->v);
	*f = (struct uns_findings){0};
}

static int grow(struct uns_findings *f, struct uns_err *err)
{
	size_t cap = f->cap ? 2 * f->cap : 8;
	struct uns_finding *v;

	if (f->n < f->cap)
		return 0;
	v = reallocarray(f->v, cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	f->v = v;
	f->cap = cap;
	return 0;
}

/* A command asks for the range before it asks for the plan, which asks for the range again: what was found twice is said once. */
static bool listed(const struct uns_findings *f, const struct uns_finding *new)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].check == new->check && strcmp(f->v[i].object, new->object) == 0 &&
		    strcmp(f->v[i].reason, new->reason) == 0)
			return true;
	return false;
}

static int fill(struct uns_finding *new, const char *object, const char *remedy, char *reason, struct uns_err *err)
{
	new->reason = reason;
	if (!new->reason)
		return uns_err_nomem(err);
	new->object = uns_str_dup(object, err);
	if (!new->object)
		return -1;
	if (!remedy)
		return 0;
	new->remedy = uns_str_dup(remedy, err);
	return new->remedy ? 0 : -1;
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
	if (listed(f, &new))
		return 0;
	if (grow(f, err) < 0)
		return -1;
	if (new.check->ignorable && ignore)
		new.ignored = uns_strs_has(ignore, id);
	f->v[f->n++] = new;
	new = (struct uns_finding){0};
	return 0;
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
