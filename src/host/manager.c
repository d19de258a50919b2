/* SPDX-License-Identifier: Apache-2.0 */
/* Who starts and stops the engine: systemd, snapd, OpenRC, an init script, or nobody that is known. A running engine belongs to the
 * one that says so itself; of one that does not run, the one that would start it at the next boot counts. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"

#define INIT_SCRIPT "/etc/init.d/docker"
#define SNAP_UNIT "/etc/systemd/system/snap.docker.dockerd.service"

/* Written by the scripts when they have started the engine: its process by start-stop-daemon (Debian), a mark (Red Hat). */
static const char *const ssd_pidfiles[] = {"/run/docker-ssd.pid", "/var/run/docker-ssd.pid"};
static const char *const subsys_marks[] = {"/run/lock/subsys/docker", "/var/lock/subsys/docker"};

static int is_there(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err)
{
	struct stat st;
	int r = uns_root_stat(root, path, &st, err);

	if (r < 0)
		return -1;
	*ret = r == 0;
	return 0;
}

/* Whether a line of /proc/PID/cgroup has the unit as a component. */
static int in_unit(pid_t pid, const char *unit, bool *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (uns_host_read_proc(path, &text, err) < 0)
		return -1;
	*ret = false;
	for (const char *p = text.data; p && (p = strstr(p, unit)); p += strlen(unit))
		if (p > text.data && p[-1] == '/' && strchr("/\n", p[strlen(unit)])) /* also at the end of the text */
			*ret = true;
	return 0;
}

static bool names_pid(const struct uns_root *root, const char *file, pid_t pid)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err ignored;
	uint32_t found;

	if (uns_root_read(root, file, 4096, &text, NULL, &ignored) != 0 || text.len == 0)
		return false;
	return uns_num_u32(text.data, strcspn(text.data, " \n"), &found) == 0 && found <= INT_MAX && (pid_t)found == pid;
}

static int started_by_script(const struct uns_root *root, const struct uns_facts *f, bool *ret, struct uns_err *err)
{
	*ret = false;
	for (size_t i = 0; !*ret && i < sizeof(ssd_pidfiles) / sizeof(ssd_pidfiles[0]); i++)
		*ret = names_pid(root, ssd_pidfiles[i], f->pid);
	for (size_t i = 0; !*ret && i < sizeof(subsys_marks) / sizeof(subsys_marks[0]); i++)
		if (is_there(root, subsys_marks[i], ret, err) < 0)
			return -1;
	return 0;
}

static int read_systemd(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	bool service = f->unit, snap = false;

	if (f->running) {
		if (in_unit(f->pid, "docker.service", &service, err) < 0 ||
		    in_unit(f->pid, "snap.docker.dockerd.service", &snap, err) < 0)
			return -1;
	} else if (!service && is_there(root, SNAP_UNIT, &snap, err) < 0) {
		return -1;
	}
	f->manager = service ? UNS_MANAGER_SYSTEMD : snap ? UNS_MANAGER_SNAP : f->running ? UNS_MANAGER_PROCESS : UNS_MANAGER_NONE;
	return 0;
}

/* OpenRC links what it has started into its state directory (librc: RC_SVCDIR "/started"). */
static int read_script(const struct uns_root *root, struct uns_facts *f, bool openrc, struct uns_err *err)
{
	bool script, started = false;

	if (is_there(root, INIT_SCRIPT, &script, err) < 0)
		return -1;
	if (script && f->running && openrc && is_there(root, "/run/openrc/started/docker", &started, err) < 0)
		return -1;
	if (script && f->running && !openrc && started_by_script(root, f, &started, err) < 0)
		return -1;
	if (script && (started || !f->running))
		f->manager = openrc ? UNS_MANAGER_OPENRC : UNS_MANAGER_SYSVINIT;
	else
		f->manager = f->running ? UNS_MANAGER_PROCESS : UNS_MANAGER_NONE;
	return 0;
}

/* A tree that is not booted: units count as the init that reads them, a script as one of OpenRC where that is installed. */
static int read_offline(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	bool snap = false, openrc = false;

	f->manager = UNS_MANAGER_SYSTEMD;
	if (f->unit)
		return 0;
	if (is_there(root, SNAP_UNIT, &snap, err) < 0 || is_there(root, "/sbin/openrc-run", &openrc, err) < 0)
		return -1;
	f->manager = UNS_MANAGER_SNAP;
	return snap ? 0 : read_script(root, f, openrc, err);
}

int uns_host_read_manager(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	bool systemd = false, openrc = false;

	if (!root->is_host)
		return read_offline(root, f, err);
	if (uns_host_is_dir(root, "/run/systemd/system", &systemd, err) < 0 ||
	    uns_host_is_dir(root, "/run/openrc", &openrc, err) < 0)
		return -1;
	return systemd ? read_systemd(root, f, err) : read_script(root, f, openrc, err);
}
