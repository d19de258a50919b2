/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of each container under remapping. Each rule is one thing that a container was given and that a user namespace takes away;
 * it is foretold for a container that uses what it was given. Sources: moby daemon/daemon_unix.go and oci_linux.go for what the engine
 * refuses; for the rest the kernel, where capable() asks for a capability in the host's user namespace and ns_capable() in the
 * container's. tests/e2e/containers holds the rules against a real engine, but for these capabilities, of which capabilities(7) and the
 * kernel's source alone are known: AUDIT_CONTROL, AUDIT_WRITE, BLOCK_SUSPEND, BPF, MAC_ADMIN, MAC_OVERRIDE, PERFMON, SYS_MODULE,
 * SYS_PACCT, SYS_RAWIO, SYS_RESOURCE and SYS_TTY_CONFIG; and for what it says by itself that it does not show. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/syspath.h"

struct judge {
	const struct uns_facts *f;
	const struct uns_store *store;
	const struct uns_shift *shift;
	const char *user;
	struct uns_verdict *v; /* that is being made */
};

static void reason_done(struct uns_reason *r)
{
	free(r->what);
	free(r->text);
	free(r->remedy);
	free(r->command);
}

void uns_verdicts_done(struct uns_verdicts *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].reasons; k++)
			reason_done(&l->v[i].reason[k]);
		free(l->v[i].reason);
	}
	free(l->v);
	*l = (struct uns_verdicts){0};
}

/* Takes text; NULL: out of memory. */
static int add(struct judge *j, const char *check, enum uns_fate fate, const char *what, const char *remedy, char *text,
               struct uns_err *err)
{
	struct uns_verdict *v = j->v;
	struct uns_reason one = {.check = check, .fate = fate, .text = text};
	struct uns_reason *more = reallocarray(v->reason, v->reasons + 1, sizeof(*more));

	if (more)
		v->reason = more;
	if (!text || !more)
		goto fail;
	one.what = uns_str_dup(what, err);
	one.remedy = remedy ? uns_str_dup(remedy, err) : NULL;
	if (!one.what || (remedy && !one.remedy))
		goto fail;
	v->reason[v->reasons++] = one;
	v->fate = fate > v->fate ? fate : v->fate;
	return 0;
fail:
	reason_done(&one);
	return uns_err_nomem(err);
}

/* Of the reason that was added last. */
static int set_command(struct judge *j, const char *command, struct uns_err *err)
{
	char **to = &j->v->reason[j->v->reasons - 1].command;

	*to = uns_str_dup(command, err);
	return *to ? 0 : -1;
}

static bool is(const char *s, const char *value)
{
	return s && strcmp(s, value) == 0;
}

static bool has(const json_t *list, const char *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is(json_string_value(json_array_get(list, i)), value))
			return true;
	return false;
}

static const json_t *host_member(const struct uns_container *c, const char *key)
{
	return json_object_get(c->host, key);
}

/* ---- what the engine or the runtime refuses ---- */

#define ANEW "create it anew without that option, or with --userns=host where it must be"

static bool writable_cgroups(const struct uns_container *c)
{
	const json_t *options = host_member(c, "SecurityOpt");

	return has(options, "writable-cgroups") || has(options, "writable-cgroups=true");
}

#define FORBIDDEN 5

/* The options of the container with which it does not start. */
static size_t list_forbidden(const struct uns_container *c, const char *ret[FORBIDDEN])
{
	size_t n = 0;

	if (c->privileged)
		ret[n++] = "--privileged";
	if (is(c->network_mode, "host"))
		ret[n++] = "--network=host";
	if (is(c->pid_mode, "host"))
		ret[n++] = "--pid=host";
	if (is(c->ipc_mode, "host"))
		ret[n++] = "--ipc=host";
	if (writable_cgroups(c))
		ret[n++] = "--security-opt=writable-cgroups";
	return n;
}

const char *uns_container_forbidden(const struct uns_container *c)
{
	const char *options[FORBIDDEN];

	return list_forbidden(c, options) ? options[0] : NULL;
}

static int judge_options(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const char *options[FORBIDDEN];
	size_t n = list_forbidden(c, options);

	for (size_t i = 0; i < n; i++)
		if (add(j, "ContainerWillNotStart", UNS_FATE_HOST, options[i], ANEW,
		        uns_str_printf(err, "it uses %s, which is not possible in a user namespace of its own", options[i]), err) < 0)
			return -1;
	return 0;
}

/* ---- capabilities ---- */

enum loss {
	LOST_WHOLLY,
	LOST_PARTLY, /* what containers mostly want of it stays */
};

/* capable() of Linux 6.18. Those that are not listed count inside the namespace as they did, for what belongs to it. A limit (ulimit) does
 * what the capability is mostly wanted for. */
static const struct {
	const char *name, *gone, *limit;
	enum loss loss;
} powers[] = {
    {"AUDIT_CONTROL", "setting audit rules", NULL, LOST_WHOLLY},
    {"AUDIT_READ", "reading audit records", NULL, LOST_WHOLLY},
    {"AUDIT_WRITE", "writing audit records", NULL, LOST_WHOLLY},
    {"BLOCK_SUSPEND", "keeping the machine awake", NULL, LOST_WHOLLY},
    {"BPF", "loading BPF programs", NULL, LOST_WHOLLY},
    {"CHECKPOINT_RESTORE", "the mapped files of processes in /proc", NULL, LOST_PARTLY},
    {"DAC_READ_SEARCH", "opening files by handle", NULL, LOST_PARTLY},
    {"IPC_LOCK", "locking memory beyond the limit", "memlock", LOST_WHOLLY},
    {"LEASE", "leases on files of other users", NULL, LOST_WHOLLY},
    {"LINUX_IMMUTABLE", "immutable and append-only flags", NULL, LOST_WHOLLY},
    {"MAC_ADMIN", "the policy of a security module", NULL, LOST_WHOLLY},
    {"MAC_OVERRIDE", "passing over a security module", NULL, LOST_WHOLLY},
    {"MKNOD", "making device nodes", NULL, LOST_WHOLLY},
    {"NET_ADMIN", "buffers of sockets beyond the limit and loading of kernel modules", NULL, LOST_PARTLY},
    {"PERFMON", "measuring the whole machine", NULL, LOST_WHOLLY},
    {"SYSLOG", "the kernel's log", NULL, LOST_WHOLLY},
    {"SYS_ADMIN", "mounts of disks and network shares, swap, quotas, BPF and kernel settings", NULL, LOST_PARTLY},
    {"SYS_BOOT", "loading another kernel", NULL, LOST_PARTLY},
    {"SYS_MODULE", "kernel modules", NULL, LOST_WHOLLY},
    {"SYS_NICE", "higher and real-time priorities", "nice, rtprio", LOST_WHOLLY},
    {"SYS_PACCT", "process accounting", NULL, LOST_WHOLLY},
    {"SYS_RAWIO", "raw access to ports, memory and disks", NULL, LOST_WHOLLY},
    {"SYS_RESOURCE", "raising hard limits", NULL, LOST_WHOLLY},
    {"SYS_TIME", "setting the clock", NULL, LOST_WHOLLY},
    {"SYS_TTY_CONFIG", "settings of the host's terminals", NULL, LOST_WHOLLY},
    {"WAKE_ALARM", "waking the machine", NULL, LOST_WHOLLY},
};

static const char *cap_name(const json_t *cap)
{
	const char *s = json_string_value(cap);

	return s && strncasecmp(s, "CAP_", 4) == 0 ? s + 4 : s;
}

static bool has_cap(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = cap_name(json_array_get(list, i));

		if (s && strcasecmp(s, name) == 0)
			return true;
	}
	return false;
}

/* One of the limits in "nice, rtprio" is set. */
static bool has_limit(const struct uns_container *c, const char *limits)
{
	const json_t *list = host_member(c, "Ulimits");

	for (size_t i = 0; limits && i < json_array_size(list); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(list, i), "Name"));

		if (name && strstr(limits, name))
			return true;
	}
	return false;
}

static int judge_cap(struct judge *j, size_t at, struct uns_err *err)
{
	uns_auto_free char *what = uns_str_printf(err, "--cap-add=%s", powers[at].name);
	uns_auto_free char *remedy = NULL;

	if (!what)
		return -1;
	if (powers[at].loss == LOST_PARTLY)
		return add(j, "ContainerCapability", UNS_FATE_WORKS, what, NULL,
		           uns_str_printf(err, "%s no longer gives it %s; what else it gives stays", what, powers[at].gone), err);
	remedy = powers[at].limit
	             ? uns_str_printf(err, "create it anew with a limit instead (--ulimit: %s), or with --userns=host", powers[at].limit)
	             : uns_str_dup("create it anew without it where it can do without, or with --userns=host", err);
	if (!remedy)
		return -1;
	return add(j, "ContainerCapability", UNS_FATE_HOST, what, remedy,
	           uns_str_printf(err, "with %s it asks for %s, which the kernel grants in the host's user namespace only", what,
	                          powers[at].gone),
	           err);
}

static int judge_caps(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const json_t *added = host_member(c, "CapAdd");

	if (c->privileged)
		return 0;
	if (has_cap(added, "ALL"))
		return add(j, "ContainerCapability", UNS_FATE_WORKS, "--cap-add=ALL", NULL,
		           uns_str_dup("of --cap-add=ALL only what belongs to its own namespaces stays: no kernel modules, clock, devices, "
		                       "mounts of disks",
		                       err),
		           err);
	for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]); i++)
		if (has_cap(added, powers[i].name) && !has_limit(c, powers[i].limit) && judge_cap(j, i, err) < 0)
			return -1;
	return 0;
}

/* ---- IDs ---- */

/* "uid=1000" among options that are joined by commas. 0, or 1 when it is not there. */
static int option_number(const char *options, const char *key, bool octal, uint32_t *ret)
{
	size_t len = strlen(key);

	for (const char *p = options; p && *p; p += strcspn(p, ","), p += *p == ',') {
		size_t n = strcspn(p, ",");

		if (n <= len + 1 || strncmp(p, key, len) != 0 || p[len] != '=')
			continue;
		if ((octal ? uns_num_mode : uns_num_u32)(p + len + 1, n - len - 1, ret) == 0)
			return 0;
	}
	return 1;
}

static int say_outside(struct judge *j, const char *what, bool group, uint32_t id, struct uns_err *err)
{
	uint32_t count = group ? j->shift->gid.count : j->shift->uid.count, start = 0;
	uint32_t wanted = (id / UNS_ID_BLOCK + 1) * UNS_ID_BLOCK;
	uns_auto_free char *remedy = NULL;
	const char *first = "";
	int rc = 1;

	if (id < count)
		return 0;
	if (id < 4096u * UNS_ID_BLOCK)
		rc = uns_plan_free(j->f, j->user, wanted, &start, err);
	if (rc < 0)
		return -1;
	/* A range that there is already is kept. */
	if (!rc && (uns_plan_own(j->f, UNS_UID, j->user).n || uns_plan_own(j->f, UNS_GID, j->user).n))
		first = "remove the lines of the remap user from " UNS_SUBUID " and " UNS_SUBGID ", then ";
	remedy = rc ? uns_str_dup("create it anew with an ID that the range holds, or with --userns=host", err)
	            : uns_str_printf(err, "%susernsctl enable docker --range=%u:%u", first, start, wanted);
	if (!remedy)
		return -1;
	return add(j, "ContainerIdOutside", UNS_FATE_HOST, what, remedy,
	           uns_str_printf(err, "it uses the ID %u (%s), which the range of %u IDs does not hold, and does not start", id, what, count), err);
}

static int judge_tmpfs(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	json_t *all = json_object_get(c->host, "Tmpfs"), *options;
	const char *path;

	json_object_foreach (all, path, options) {
		const char *text = json_string_value(options);
		uint32_t id;

		if (option_number(text, "uid", false, &id) == 0 && say_outside(j, "--tmpfs with uid=", false, id, err) < 0)
			return -1;
		if (option_number(text, "gid", false, &id) == 0 && say_outside(j, "--tmpfs with gid=", true, id, err) < 0)
			return -1;
	}
	return 0;
}

static int judge_ids(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const json_t *groups = host_member(c, "GroupAdd");

	/* One of them is enough to know. */
	if (c->as.known && (c->as.uid >= j->shift->uid.count ? say_outside(j, "--user", false, c->as.uid, err)
	                                                     : say_outside(j, "group of --user", true, c->as.gid, err)) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const char *s = json_string_value(json_array_get(groups, i));
		uint32_t id;

		if (s && uns_num_u32(s, strlen(s), &id) == 0 && say_outside(j, "--group-add", true, id, err) < 0)
			return -1;
	}
	return judge_tmpfs(j, c, err);
}

/* ---- what of the host's files it reaches ---- */

#define MAY_READ 4u
#define MAY_WRITE 2u
#define MAY_ENTER 1u

struct owner {
	uint32_t uid, gid, mode;
};

static bool is_dir(uint32_t mode)
{
	return (mode & 0170000) == 0040000;
}

static bool is_socket(uint32_t mode)
{
	return (mode & 0170000) == 0140000;
}

static bool is_device(uint32_t mode)
{
	return (mode & 0170000) == 0020000 || (mode & 0170000) == 0060000;
}

static bool in_range(struct uns_range r, uint32_t id)
{
	return id >= r.start && id - r.start < r.count;
}

/* A group's name is looked up inside when it starts, so that it may be any, but for root's. */
static bool in_groups(const struct uns_container *c, uint32_t gid)
{
	const json_t *added = host_member(c, "GroupAdd");
	bool in = gid == c->as.gid;

	for (size_t i = 0; !in && i < json_array_size(added); i++) {
		const char *s = json_string_value(json_array_get(added, i));
		uint32_t id;

		if (s)
			in = uns_num_u32(s, strlen(s), &id) == 0 ? id == gid : gid != 0 || strcmp(s, "root") == 0;
	}
	return in;
}

/* As the engine reckons (moby oci/caps, TweakCapabilities). */
static bool is_given_cap(const struct uns_container *c, const char *name, bool unasked)
{
	const json_t *added = host_member(c, "CapAdd"), *dropped = host_member(c, "CapDrop");

	if (c->privileged)
		return true;
	if (has_cap(added, "ALL"))
		return !has_cap(dropped, name);
	return has_cap(added, name) || (unasked && !has_cap(dropped, "ALL") && !has_cap(dropped, name));
}

/* One of the capabilities that the engine gives unasked. */
static bool keeps_cap(const struct uns_container *c, const char *name)
{
	return is_given_cap(c, name, true);
}

static bool overrides(const struct uns_container *c)
{
	return c->as.known && c->as.uid == 0 && keeps_cap(c, "DAC_OVERRIDE");
}

/* To what is the container's own to pass over, whatever the mode (generic_permission): a backup may be let read all and write nothing. */
static unsigned passes_over(const struct uns_container *c, const struct owner *o)
{
	if (overrides(c))
		return MAY_READ | MAY_WRITE | MAY_ENTER;
	if (!c->as.known || c->as.uid != 0 || !is_given_cap(c, "DAC_READ_SEARCH", false))
		return 0;
	return MAY_READ | (is_dir(o->mode) ? MAY_ENTER : 0);
}

static unsigned bits_of(const struct owner *o, bool owner, bool group)
{
	return (o->mode >> (owner ? 6 : group ? 3 : 0)) & 7u;
}

/* With the host's IDs. Whom a container runs as whose user is not known may well be the owner. */
static unsigned reach_before(const struct uns_container *c, const struct owner *o)
{
	return passes_over(c, o) | bits_of(o, !c->as.known || c->as.uid == o->uid, in_groups(c, o->gid));
}

/* A container's root passes over permissions only where both IDs are mapped (capable_wrt_inode_uidgid). */
static unsigned reach_after(const struct judge *j, const struct uns_container *c, const struct owner *o)
{
	bool uid = in_range(j->shift->uid, o->uid), gid = in_range(j->shift->gid, o->gid);
	uint32_t inner_gid = o->gid - j->shift->gid.start;

	return (uid && gid ? passes_over(c, o) : 0) |
	       bits_of(o, uid && (!c->as.known || c->as.uid == o->uid - j->shift->uid.start), gid && in_groups(c, inner_gid));
}

static unsigned lost(const struct judge *j, const struct uns_container *c, const struct owner *o, unsigned need)
{
	return need & reach_before(c, o) & ~reach_after(j, c, o);
}

#define STICKY 01000u

/* What of an entry it can no longer do. Where a directory is sticky, everybody has files of his own there, and writes only those. Of a
 * directory that is given as a device (need has no MAY_ENTER) the engine passes on the devices alone. */
static unsigned lost_of_entry(const struct judge *j, const struct uns_container *c, const struct uns_hostpath *p, const struct uns_closed *e,
                              unsigned need)
{
	struct owner o = {e->uid, e->gid, e->mode};

	if (is_socket(e->mode))
		return lost(j, c, &o, MAY_WRITE);
	if (p->mode & STICKY)
		need &= ~MAY_WRITE;
	if (is_dir(e->mode))
		return need & MAY_ENTER ? lost(j, c, &o, need) : 0;
	return lost(j, c, &o, need & ~MAY_ENTER);
}

/* The first entry in the directory that it could use so, and no longer can. Devices are closed to it anyway without a rule. */
static const struct uns_closed *lost_inside(const struct judge *j, const struct uns_container *c, const struct uns_hostpath *p, unsigned need,
                                            unsigned *gone)
{
	bool devices = json_array_size(host_member(c, "DeviceCgroupRules")) > 0 || json_array_size(host_member(c, "Devices")) > 0;

	for (size_t i = 0; i < p->closeds; i++) {
		const struct uns_closed *e = &p->closed[i];

		if (is_device(e->mode) && !devices)
			continue;
		*gone = lost_of_entry(j, c, p, e, need);
		if (*gone)
			return e;
	}
	return NULL;
}

/* ---- mounts ---- */

/* A user's home, or what is hidden in it: keys and settings. */
static bool is_home(const struct uns_facts *f, const char *path)
{
	for (size_t i = 0; i < f->ids.users.n; i++) {
		const char *home = f->ids.users.v[i].home;
		size_t len = home ? strlen(home) : 0;

		if (len > 1 && uns_path_below(path, home) && (!path[len] || path[len + 1] == '.'))
			return true;
	}
	return false;
}

bool uns_container_dangerous(const struct uns_facts *f, const char *path)
{
	if (uns_path_is_systems(path) || uns_path_below(path, "/var/lib/docker") || is_home(f, path))
		return true;
	return f->data_root && (uns_path_below(path, f->data_root) || uns_path_below(f->data_root, path));
}

/* "it mounts /srv/x from the host (owner 0:0, mode 755), and can no longer write there". gone: of inside, where it is not NULL. */
static char *mount_text(const struct uns_hostpath *p, const struct uns_closed *inside, unsigned gone, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_escape(p->path, err);
	uns_auto_free char *name = inside ? uns_str_escape(inside->name, err) : NULL;

	if (!path || (inside && !name))
		return NULL;
	if (inside)
		return uns_str_printf(err, "it mounts %s from the host, and can no longer %s %s in it (owner %u:%u, mode %o)", path,
		                      is_socket(inside->mode) ? "connect to" : gone & ~MAY_WRITE ? "read" : "write", name, inside->uid,
		                      inside->gid, inside->mode & 07777);
	return uns_str_printf(err, "it mounts %s from the host (owner %u:%u, mode %o), and can no longer %s", path, p->uid, p->gid,
	                      p->mode & 07777,
	                      !(gone & MAY_WRITE) ? "read it" : gone & ~MAY_WRITE ? "read and write it" : is_dir(p->mode) ? "make files there" : "write it");
}

static int say_dangerous(struct judge *j, const struct uns_hostpath *p, char *text, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_escape(p->path, err);
	uns_auto_free char *begin = text;
	uns_auto_free char *place = strcmp(p->path, p->real) == 0 ? uns_str_dup("that place", err) : uns_str_escape(p->real, err);
	char *whole = path && place && text
	                  ? uns_str_printf(err, "%s; the host itself lives by %s, so its files are not to be shifted", begin, place)
	                  : NULL;

	return path && place ? add(j, "ContainerBind", UNS_FATE_HOST, path,
	                  "mount only what it needs and may read, or create it anew with --userns=host", whole, err)
	            : -1;
}

static int say_shift(struct judge *j, const struct uns_hostpath *p, char *text, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_escape(p->path, err);
	uns_auto_free char *word = uns_str_shell(p->path, err);
	uns_auto_free char *remedy = word ? uns_str_printf(err, "after the switch: usernsctl shift --user=%s %s", j->user, word) : NULL;

	if (!path || !remedy) {
		free(text);
		return -1;
	}
	if (add(j, "ContainerBind", UNS_FATE_SHIFT, path, remedy, text, err) < 0)
		return -1;
	return set_command(j, strstr(remedy, "usernsctl"), err);
}

static bool is_engine_socket(const struct judge *j, const char *path)
{
	const char *base = strrchr(path, '/');

	return is(j->f->socket, path) || (base && strcmp(base, "/docker.sock") == 0);
}

static int say_socket(struct judge *j, const struct uns_hostpath *p, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_escape(p->path, err);
	bool engine = is_engine_socket(j, p->real);

	if (!path)
		return -1;
	return add(j, "ContainerSocket", UNS_FATE_HOST, path,
	           engine ? "create it anew with --userns=host, as whoever has this socket is root of the host anyway"
	                  : "create it anew with --userns=host, or let the service open the socket to it",
	           uns_str_printf(err, "it mounts the socket %s (owner %u:%u, mode %o), to which it can no longer connect", path, p->uid, p->gid,
	                          p->mode & 07777),
	           err);
}

static int say_device(struct judge *j, const struct uns_hostpath *p, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_escape(p->path, err);

	if (!path)
		return -1;
	return add(j, "ContainerDevice", UNS_FATE_HOST, path,
	           "open the device to everybody by a rule of udev where that is safe, or create it anew with --userns=host",
	           uns_str_printf(err, "it uses the device %s (owner %u:%u, mode %o), which it may no longer open", path, p->uid, p->gid,
	                          p->mode & 07777),
	           err);
}

/* Said beside what becomes of it, which may well be nothing. */
static int say_power(struct judge *j, const struct uns_hostpath *p, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_escape(p->path, err);
	uns_auto_free char *place = uns_str_escape(p->real, err);
	bool engine = is_engine_socket(j, p->real), same = strcmp(p->path, p->real) == 0;

	if (!path || !place)
		return -1;
	return add(j, "ContainerHostMount", UNS_FATE_WORKS, path,
	           engine ? "give it a proxy that passes on only what it needs" : "mount only what it needs, and that read-only",
	           uns_str_printf(err, "it mounts %s%s%s, which is dangerous%s: %s", path, same ? "" : ", that is ", same ? "" : place,
	                          engine ? "" : ", even read-only",
	                          engine ? "whoever can use the engine's socket is root of the host" : "it shows or gives the host itself to it"),
	           err);
}

static int judge_power(struct judge *j, const char *path, struct uns_err *err)
{
	const struct uns_hostpath *p = uns_hostpath_find(&j->f->hostpaths, path);
	bool socket = p && p->there && is_socket(p->mode) && is_engine_socket(j, p->real);

	return p && p->there && (socket || uns_path_is_powerful(p->real)) ? say_power(j, p, err) : 0;
}

/* A path that is not there is made by the engine, for the container's root. */
static int judge_bind(struct judge *j, const struct uns_container *c, const char *path, bool writes, struct uns_err *err)
{
	const struct uns_hostpath *p = uns_hostpath_find(&j->f->hostpaths, path);
	struct owner o = p ? (struct owner){p->uid, p->gid, p->mode} : (struct owner){0};
	unsigned need = MAY_READ | (writes ? MAY_WRITE : 0) | (is_dir(o.mode) ? MAY_ENTER : 0), gone;
	const struct uns_closed *inside = NULL;
	char *text;

	if (!p || !p->there)
		return 0;
	if (is_socket(o.mode))
		return lost(j, c, &o, MAY_WRITE) ? say_socket(j, p, err) : 0;
	gone = lost(j, c, &o, need);
	if (is_device(o.mode))
		return gone ? say_device(j, p, err) : 0;
	if (!gone)
		inside = lost_inside(j, c, p, need, &gone);
	if (!gone)
		return 0;
	text = mount_text(p, inside, gone, err);
	if (!text)
		return -1;
	return uns_container_dangerous(j->f, p->real) ? say_dangerous(j, p, text, err) : say_shift(j, p, text, err);
}

/* ---- volumes ---- */

static bool has_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, word, len) == 0 && (p[len] == '\0' || p[len] == ','))
			return true;
	return false;
}

static bool is_bind_volume(const struct uns_volume *v)
{
	return v->device && *v->device == '/' && (!v->type || !*v->type || is(v->type, "none") || is(v->type, "bind")) &&
	       (has_option(v->opts, "bind") || has_option(v->opts, "rbind"));
}

static int say_volume(struct judge *j, const char *name, const char *remedy, char *text, struct uns_err *err)
{
	uns_auto_free char *what = uns_str_printf(err, "volume %s", name);

	return what ? add(j, "ContainerVolume", UNS_FATE_HOST, what, remedy, text, err) : (free(text), -1);
}

/* The host's IDs for whom it runs as. */
static uint32_t uid_after(const struct judge *j, const struct uns_container *c)
{
	return j->shift->uid.start + (c->as.known && c->as.uid < j->shift->uid.count ? c->as.uid : 0);
}

static uint32_t gid_after(const struct judge *j, const struct uns_container *c)
{
	return j->shift->gid.start + (c->as.known && c->as.gid < j->shift->gid.count ? c->as.gid : 0);
}

/* The engine mounts it with the host's IDs. */
static int judge_tmpfs_volume(struct judge *j, const struct uns_container *c, const struct uns_volume *v, unsigned need, struct uns_err *err)
{
	struct owner o = {0, 0, 0041777};
	uint32_t mode;
	uns_auto_free char *remedy = NULL;

	(void)option_number(v->opts, "uid", false, &o.uid);
	(void)option_number(v->opts, "gid", false, &o.gid);
	if (option_number(v->opts, "mode", true, &mode) == 0)
		o.mode = 0040000 | mode;
	if (!lost(j, c, &o, need))
		return 0;
	remedy = uns_str_printf(err, "create the volume anew with uid=%u,gid=%u among its options (o=)", uid_after(j, c), gid_after(j, c));
	if (!remedy)
		return -1;
	return say_volume(j, v->name, remedy,
	                  uns_str_printf(err, "its volume %s is a tmpfs of owner %u:%u and mode %o, which it can no longer use in full", v->name,
	                                 o.uid, o.gid, o.mode & 07777),
	                  err);
}

/* Where the driver puts its files while they are mounted. An empty directory may be one on which nothing is mounted now. */
static int judge_plugin(struct judge *j, const struct uns_container *c, const char *name, const char *driver, const char *path, unsigned need,
                        struct uns_err *err)
{
	static const char remedy[] = "ask its driver for files of the range's IDs, or create the container anew with --userns=host";
	const struct uns_hostpath *p = uns_hostpath_find(&j->f->hostpaths, path);
	const struct uns_closed *inside = NULL;
	uns_auto_free char *text = NULL;
	struct owner o;
	unsigned gone;

	if (!p || !p->there || !is_dir(p->mode) || p->empty)
		return say_volume(j, name, remedy,
		                  uns_str_printf(err, "its volume %s comes from the driver %s, whose files keep the host's IDs", name, driver), err);
	o = (struct owner){p->uid, p->gid, p->mode};
	gone = lost(j, c, &o, need);
	if (!gone)
		inside = lost_inside(j, c, p, need, &gone);
	if (!gone)
		return 0;
	text = mount_text(p, inside, gone, err);
	return !text ? -1 : say_volume(j, name, remedy, uns_str_printf(err, "for the volume %s of the driver %s %s", name, driver, text), err);
}

/* What a file system that the engine mounts by itself has for owners: those of an option, those of a server, or its own, on a disk that
 * can be written or on one that cannot. iso9660 has its own too, but the option wins (Linux, isofs_read_inode); 9p has the option for
 * servers without owners only (dfltuid=). */
enum ownership { BY_PLACE, BY_OPTION, BY_SERVER, BY_DISK, BY_IMAGE };

static enum ownership ownership_of(const char *type)
{
	static const struct {
		const char *type;
		enum ownership by;
	} known[] = {
	    {"9p", BY_SERVER},   {"btrfs", BY_DISK},    {"cifs", BY_OPTION},     {"cramfs", BY_IMAGE},  {"erofs", BY_IMAGE}, {"exfat", BY_OPTION},
	    {"ext2", BY_DISK},   {"ext3", BY_DISK},     {"ext4", BY_DISK},       {"f2fs", BY_DISK},     {"iso9660", BY_OPTION}, {"msdos", BY_OPTION},
	    {"nfs", BY_SERVER},  {"nfs4", BY_SERVER},   {"ntfs", BY_OPTION},     {"ntfs3", BY_OPTION},  {"smb3", BY_OPTION}, {"squashfs", BY_IMAGE},
	    {"vfat", BY_OPTION}, {"xfs", BY_DISK},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(type, known[i].type) == 0)
			return known[i].by;
	return BY_PLACE;
}

static char *foreign_remedy(const struct judge *j, const struct uns_container *c, enum ownership by, struct uns_err *err)
{
	static const char *const ways[] = {
	    [BY_PLACE] = "shift the files where they lie, or create the container anew with --userns=host",
	    [BY_SERVER] = "shift the files on the server, or create the container anew with --userns=host",
	    [BY_DISK] = "mount the device elsewhere and shift the files there (usernsctl shift), or create the container anew with --userns=host",
	    [BY_IMAGE] = "make its image anew with files of the range's IDs, or create the container anew with --userns=host",
	};

	if (by != BY_OPTION)
		return uns_str_dup(ways[by], err);
	return uns_str_printf(err, "create the volume anew with uid=%u,gid=%u among its options (o=), or the container with --userns=host",
	                      uid_after(j, c), gid_after(j, c));
}

/* An option gives all files in it to whom the container runs as, or to whom its root passes over. */
static bool is_given_to(const struct judge *j, const struct uns_container *c, const char *options)
{
	uint32_t uid, gid;

	if (option_number(options, "uid", false, &uid) != 0 || !in_range(j->shift->uid, uid))
		return false;
	if (!c->as.known || uid == uid_after(j, c))
		return true;
	return overrides(c) && option_number(options, "gid", false, &gid) == 0 && in_range(j->shift->gid, gid);
}

static int judge_foreign(struct judge *j, const struct uns_container *c, const struct uns_volume *v, struct uns_err *err)
{
	const char *type = v->type ? v->type : "";
	enum ownership by = ownership_of(type);
	uns_auto_free char *remedy = NULL;

	if (by == BY_OPTION && is_given_to(j, c, v->opts))
		return 0;
	remedy = foreign_remedy(j, c, by, err);
	return !remedy ? -1
	               : say_volume(j, v->name, remedy,
	                            uns_str_printf(err, "its volume %s is mounted as %s: the files in it keep their IDs, which are nobody's inside",
	                                           v->name, *type ? type : "another file system"),
	                            err);
}

static int judge_volume(struct judge *j, const struct uns_container *c, const char *name, const json_t *mount, struct uns_err *err)
{
	const struct uns_volume *v = uns_plan_volume(j->store, name);
	const char *driver = uns_json_str_or(mount, "Driver", "");
	bool writes = uns_json_bool_or(mount, "RW", true) && !(v && has_option(v->opts, "ro"));
	unsigned need = MAY_READ | MAY_ENTER | (writes ? MAY_WRITE : 0);

	if (*driver && strcmp(driver, "local") != 0)
		return judge_plugin(j, c, name, driver, uns_json_str_or(mount, "Source", ""), need, err);
	if (!v || !v->mounted_type)
		return 0;
	if (is_bind_volume(v))
		return judge_bind(j, c, v->device, writes, err);
	if (is(v->type, "tmpfs"))
		return judge_tmpfs_volume(j, c, v, need, err);
	return judge_foreign(j, c, v, err);
}

/* It does not lie where it lay: the engine keeps it below U.G, but for what is mounted by a path in it, which is rewritten. */
static int judge_data_root(struct judge *j, const char *path, struct uns_err *err)
{
	uns_auto_free char *remedy = uns_str_printf(err, "create it anew with %s/%u.%u and --userns=host", path, j->shift->uid.start, j->shift->gid.start);

	return !remedy ? -1
	               : add(j, "ContainerBind", UNS_FATE_NOT, path, remedy,
	                     uns_str_printf(err, "it mounts the data root %s, from which containers, images and volumes move to %u.%u", path,
	                                    j->shift->uid.start, j->shift->gid.start),
	                     err);
}

static bool is_moved_along(const struct judge *j, const char *path)
{
	return j->f->data_root && uns_path_below(path, j->f->data_root);
}

static int judge_mounts(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const char *inside;
	json_t *m;

	json_object_foreach (c->mounts, inside, m) {
		const char *type = uns_json_str_or(m, "Type", ""), *name = uns_json_str_or(m, "Name", "");
		const char *source = uns_json_str_or(m, "Source", "");
		bool writes = uns_json_bool_or(m, "RW", true), volume = strcmp(type, "volume") == 0 || (!*type && *name);

		if (volume && *name && judge_volume(j, c, name, m, err) < 0)
			return -1;
		if (volume || (*type && strcmp(type, "bind") != 0) || *source != '/')
			continue;
		if (is(j->f->data_root, source) ? judge_data_root(j, source, err) < 0
		                                : !is_moved_along(j, source) && judge_bind(j, c, source, writes, err) < 0)
			return -1;
	}
	return 0;
}

/* The path of the host that it mounts, also as a local volume. NULL: none. */
static const char *bound_path(const struct judge *j, const json_t *m)
{
	const struct uns_volume *v = uns_plan_volume(j->store, uns_json_str_or(m, "Name", ""));
	const char *type = uns_json_str_or(m, "Type", ""), *source = uns_json_str_or(m, "Source", "");

	if (v)
		return is_bind_volume(v) ? v->device : NULL;
	return *source == '/' && (!*type || strcmp(type, "bind") == 0) ? source : NULL;
}

static int judge_powers(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const char *inside;
	json_t *m;

	json_object_foreach (c->mounts, inside, m) {
		const char *path = bound_path(j, m);

		if (path && judge_power(j, path, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- devices ---- */

/* runc binds the device from the path inside the container, as if it were one of the host (rootfs_linux.go, bindMountDeviceNode). */
static int judge_device(struct judge *j, const struct uns_container *c, const json_t *device, struct uns_err *err)
{
	const char *path = uns_json_str_or(device, "PathOnHost", ""), *inside = uns_json_str_or(device, "PathInContainer", "");
	const char *rights = uns_json_str_or(device, "CgroupPermissions", "rwm");
	const struct uns_hostpath *p = uns_hostpath_find(&j->f->hostpaths, path);
	struct owner o = p ? (struct owner){p->uid, p->gid, p->mode} : (struct owner){0};
	unsigned need = (strchr(rights, 'r') ? MAY_READ : 0) | (strchr(rights, 'w') ? MAY_WRITE : 0), gone = 0;

	if (*inside && strcmp(path, inside) != 0) {
		uns_auto_free char *what = uns_str_printf(err, "--device=%s:%s", path, inside);

		return !what ? -1
		             : add(j, "ContainerDevice", UNS_FATE_HOST, what, "create it anew with the device's own name inside, or with --userns=host",
		                   uns_str_printf(err, "it has the device %s as %s: runc gives a container in a user namespace no device by another name",
		                                  path, inside),
		                   err);
	}
	if (!p || !p->there)
		return 0;
	if (is_dir(o.mode) ? lost_inside(j, c, p, need, &gone) != NULL : lost(j, c, &o, need) != 0)
		return say_device(j, p, err);
	return 0;
}

/* "*" or the number, up to end. */
static bool is_number_of(const char **p, char end, uint32_t number)
{
	size_t n = strcspn(*p, ": ");
	const char *s = *p;
	uint32_t id;

	if (s[n] != end)
		return false;
	*p += n + 1;
	return (n == 1 && *s == '*') || (uns_num_u32(s, n, &id) == 0 && id == number);
}

/* "c 1:* rwm", as the engine lets them be (opts.ValidateDeviceCgroupRule of docker/cli). */
static bool is_of_rule(const char *rule, const struct uns_hostpath *p)
{
	const char *at = rule + 2;

	if (*rule == 'a')
		return true;
	return uns_str_starts(rule, (p->mode & 0170000) == 0020000 ? "c " : "b ") && is_number_of(&at, ':', p->dev_major) &&
	       is_number_of(&at, ' ', p->dev_minor);
}

/* It was given what the rule is for. Of a directory any may be meant, and of a device that is not there nothing is known. */
static bool is_given_device(const struct judge *j, const struct uns_container *c, const char *rule)
{
	const json_t *devices = host_member(c, "Devices");

	for (size_t i = 0; i < json_array_size(devices); i++) {
		const struct uns_hostpath *p =
		    uns_hostpath_find(&j->f->hostpaths, uns_json_str_or(json_array_get(devices, i), "PathOnHost", ""));

		if (!p || !p->there || !is_device(p->mode) || is_of_rule(rule, p))
			return true;
	}
	return false;
}

/* Devices that lie in a directory that it mounts are opened there. */
static bool mounts_device(const struct judge *j, const struct uns_container *c, const char *rule)
{
	const char *inside;
	json_t *m;

	json_object_foreach (c->mounts, inside, m) {
		const char *path = bound_path(j, m);
		const struct uns_hostpath *p = path ? uns_hostpath_find(&j->f->hostpaths, path) : NULL;

		if (!p || !p->there)
			continue;
		if (is_device(p->mode) ? is_of_rule(rule, p)
		                       : is_dir(p->mode) && (p->devices || uns_path_below("/dev", p->real) || uns_path_below(p->real, "/dev")))
			return true;
	}
	return false;
}

/* A rule allows devices that it was not given: it makes them by itself (mknod), which the kernel refuses in a user namespace. */
static int judge_device_rules(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const json_t *rules = host_member(c, "DeviceCgroupRules");

	if (!c->as.known || c->as.uid != 0 || !keeps_cap(c, "MKNOD"))
		return 0;
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const char *rule = json_string_value(json_array_get(rules, i)), *rights = rule ? strrchr(rule, ' ') : NULL;

		if (rights && strchr(rights, 'm') && !is_given_device(j, c, rule) && !mounts_device(j, c, rule))
			return add(j, "ContainerDevice", UNS_FATE_HOST, "--device-cgroup-rule", "give it the devices by --device, or create it anew with --userns=host",
			           uns_str_printf(err, "a rule lets it make devices (%s), which no user namespace can", rule), err);
	}
	return 0;
}

static int judge_devices(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const json_t *devices = host_member(c, "Devices");

	for (size_t i = 0; !c->privileged && i < json_array_size(devices); i++)
		if (judge_device(j, c, json_array_get(devices, i), err) < 0)
			return -1;
	if (!c->privileged && judge_device_rules(j, c, err) < 0)
		return -1;
	if (json_array_size(host_member(c, "DeviceRequests")) == 0)
		return 0;
	return add(j, "ContainerDevice", UNS_FATE_HOST, "--gpus", "create it anew with --userns=host",
	           uns_str_dup("it asks for GPUs, whose hooks are not made for user namespaces", err), err);
}

/* ---- sysctls ---- */

/* Linux 6.18 shows these only to network namespaces of the host's user namespace; before 6.3 also those of net.core (sysctl_core_net_init). */
static bool is_hidden_sysctl(unsigned kernel, const char *name)
{
	if (uns_str_starts(name, "net.core.xfrm_") || uns_str_starts(name, "net.ipv6.route."))
		return true;
	return kernel && kernel < (6u << 16 | 3u) && (uns_str_starts(name, "net.core.") || uns_str_starts(name, "net.unix."));
}

static int judge_sysctls(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	json_t *all = json_object_get(c->host, "Sysctls"), *value;
	const char *name;

	json_object_foreach (all, name, value) {
		uns_auto_free char *what = NULL;

		if (!is_hidden_sysctl(j->f->hostpaths.kernel, name))
			continue;
		what = uns_str_printf(err, "--sysctl=%s", name);
		if (!what || add(j, "ContainerWillNotStart", UNS_FATE_HOST, what, ANEW,
		                 uns_str_printf(err, "it sets %s, which the kernel keeps to the host's user namespace", name), err) < 0)
			return -1;
	}
	return 0;
}

/* ---- other containers ---- */

/* By ID, the beginning of one, or name. */
static size_t find_container(const struct uns_store *s, const char *ref)
{
	size_t len = strlen(ref);

	for (size_t i = 0; i < s->containers; i++)
		if (strcmp(s->container[i].id, ref) == 0 || strcmp(s->container[i].name, ref) == 0)
			return i;
	for (size_t i = 0; len && i < s->containers; i++)
		if (strncmp(s->container[i].id, ref, len) == 0)
			return i;
	return s->containers;
}

static int judge_join(struct judge *j, const struct uns_verdicts *l, const struct uns_container *c, const char *kind, const char *mode,
                      struct uns_err *err)
{
	const struct uns_container *other;
	uns_auto_free char *what = NULL;
	size_t at;

	if (!mode || !uns_str_starts(mode, "container:"))
		return 0;
	at = find_container(j->store, mode + strlen("container:"));
	other = at < j->store->containers ? &j->store->container[at] : NULL;
	if (!other || other == c || (!is(other->userns_mode, "host") && l->v[at].fate < UNS_FATE_HOST))
		return 0;
	what = uns_str_printf(err, "--%s=container:%s", kind, other->name);
	if (!what)
		return -1;
	return add(j, "ContainerJoins", l->v[at].fate == UNS_FATE_NOT ? UNS_FATE_NOT : UNS_FATE_HOST, what, "create it anew with --userns=host, or both without",
	           uns_str_printf(err, "it shares a namespace (%s) with %s, which %s the host's user namespace", what, other->name,
	                          is(other->userns_mode, "host") ? "has" : "needs"),
	           err);
}

/* What it needs may be known only once the others are judged: as often as that changes anything, chains being short. */
static int judge_joins(struct judge *j, struct uns_verdicts *l, struct uns_err *err)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < l->n; i++) {
			const struct uns_container *c = l->v[i].container;
			enum uns_fate before = l->v[i].fate;

			if (before >= UNS_FATE_HOST || is(c->userns_mode, "host"))
				continue;
			j->v = &l->v[i];
			if (judge_join(j, l, c, "network", c->network_mode, err) < 0 || judge_join(j, l, c, "pid", c->pid_mode, err) < 0 ||
			    judge_join(j, l, c, "ipc", c->ipc_mode, err) < 0)
				return -1;
			changed |= l->v[i].fate != before;
		}
	}
	return 0;
}

/* ---- the rest ---- */

/* Its files belong to IDs of the range, which only a root with the capability for it passes over. What it becomes by itself is not known. */
static int judge_userns_host(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	bool root = c->as.known && c->as.uid == 0;
	const char *who = overrides(c) ? "its root still reaches them, but a program that drops root does not"
	                  : root       ? "its root was not left the capability to pass over that (DAC_OVERRIDE)"
	                               : "it is no root that could pass over that";

	return add(j, "ContainerUsernsHost", overrides(c) ? UNS_FATE_WORKS : UNS_FATE_NOT, "--userns=host", "create it anew without --userns=host",
	           uns_str_printf(err,
	                          "it runs with --userns=host: the files of its image and its volumes will belong to IDs of the range, not to "
	                          "its own users; %s",
	                          who),
	           err);
}

static int judge_runtime(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const char *runtime = uns_json_str_or(c->host, "Runtime", "");
	uns_auto_free char *what = NULL;

	if (!*runtime || strcmp(runtime, "runc") == 0 || strcmp(runtime, "crun") == 0 || strcmp(runtime, "io.containerd.runc.v2") == 0)
		return 0;
	what = uns_str_printf(err, "--runtime=%s", runtime);
	return !what ? -1
	             : add(j, "ContainerRuntime", UNS_FATE_WORKS, what, "try it with a container that nobody needs",
	                   uns_str_printf(err, "it uses the runtime %s, of which it is not known here whether it makes user namespaces", runtime), err);
}

/* What starts, fails and starts again. */
static int judge_restart(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	const char *policy = uns_json_str_or(json_object_get(c->host, "RestartPolicy"), "Name", "");
	uns_auto_free char *what = NULL, *remedy = NULL, *name = NULL;

	if (j->v->fate == UNS_FATE_WORKS || !*policy || strcmp(policy, "no") == 0)
		return 0;
	what = uns_str_printf(err, "--restart=%s", policy);
	name = uns_str_shell(*c->name ? c->name : c->id, err);
	remedy = name ? uns_str_printf(err, "docker update --restart=no %s", name) : NULL;
	if (!what || !remedy)
		return -1;
	if (add(j, "ContainerRestarts", UNS_FATE_WORKS, what, "take the policy off until it is mended",
	        uns_str_printf(err, "its restart policy is %s: what cannot work is started again and again", policy), err) < 0)
		return -1;
	return set_command(j, remedy, err);
}

static int judge_one(struct judge *j, const struct uns_container *c, struct uns_err *err)
{
	if (is(c->userns_mode, "host"))
		return judge_userns_host(j, c, err) < 0 ? -1 : judge_powers(j, c, err);
	if (judge_options(j, c, err) < 0 || judge_caps(j, c, err) < 0 || judge_ids(j, c, err) < 0 || judge_mounts(j, c, err) < 0)
		return -1;
	if (judge_powers(j, c, err) < 0 || judge_devices(j, c, err) < 0 || judge_sysctls(j, c, err) < 0)
		return -1;
	return judge_runtime(j, c, err);
}

const struct uns_store *uns_containers_store(const struct uns_facts *f)
{
	return f->active_dir && uns_plan_has_data(&f->nested) ? &f->nested : &f->flat;
}

int uns_containers_judge(const struct uns_facts *f, const struct uns_store *store, const struct uns_shift *shift, const char *user,
                         struct uns_verdicts *ret, struct uns_err *err)
{
	uns_auto(uns_verdicts_done) struct uns_verdicts l = {calloc(store->containers + 1, sizeof(*l.v)), 0};
	struct judge j = {f, store, shift, user, NULL};

	if (!l.v)
		return uns_err_nomem(err);
	for (; l.n < store->containers; l.n++) {
		j.v = &l.v[l.n];
		j.v->container = &store->container[l.n];
		if (judge_one(&j, j.v->container, err) < 0) {
			l.n++;
			return -1;
		}
	}
	if (judge_joins(&j, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		j.v = &l.v[i];
		if (judge_restart(&j, l.v[i].container, err) < 0)
			return -1;
	}
	*ret = l;
	l = (struct uns_verdicts){0};
	return 0;
}
