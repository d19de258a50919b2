/* SPDX-License-Identifier: Apache-2.0 */
/* A static program that the zoo puts into images and volumes with various modes and capabilities: says as whom it runs. With "may POWER"
 * it does what a capability is for, in a way that changes nothing, and says whether it was let. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static unsigned long long effective_caps(void)
{
	unsigned long long caps = ~0ULL;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	if (f == NULL)
		return caps;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	(void)fclose(f);
	return caps;
}

/* What setcap(8) writes; inside a user namespace the kernel turns it into revision 3. */
static int set_cap(const char *path, unsigned int cap)
{
	struct vfs_cap_data data;

	memset(&data, 0, sizeof(data));
	data.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
	data.data[0].permitted = 1U << cap;
	if (setxattr(path, "security.capability", &data, sizeof(data), 0) == 0)
		return 0;
	perror(path);
	return 1;
}

/* ---- what capabilities are for ---- */

/* The tick that the clock has already. */
static int may_time(void)
{
	struct timex t = {.modes = 0};

	if (adjtimex(&t) < 0)
		return -1;
	t.modes = ADJ_TICK;
	return adjtimex(&t) < 0 ? -1 : 0;
}

static int may_priority(void)
{
	return setpriority(PRIO_PROCESS, 0, -20);
}

/* More than the limit that the kernel gives to everybody. */
static int may_lock(void)
{
	size_t size = 64U << 20;
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return room == MAP_FAILED ? -1 : mlock2(room, size, MLOCK_ONFAULT);
}

static int may_syslog(void)
{
	char some[512];

	return klogctl(3, some, sizeof(some)) < 0 ? -1 : 0;
}

static int may_flag(void)
{
	int fd = open("/flagged", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	int old = 0, flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &old) < 0)
		return -1;
	flags = old | FS_IMMUTABLE_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0 ? -1 : ioctl(fd, FS_IOC_SETFLAGS, &old);
}

static int may_mknod(void)
{
	(void)unlink("/made");
	return mknod("/made", S_IFCHR | 0600, makedev(1, 3));
}

static int may_alarm(void)
{
	return timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC) < 0 ? -1 : 0;
}

/* On a file of somebody else. */
static int may_lease(void)
{
	int fd = open("/home/app/.profile", O_RDONLY | O_CLOEXEC);

	return fd < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? -1 : fcntl(fd, F_SETLEASE, F_UNLCK);
}

static int may_audit_read(void)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&to, sizeof(to));
}

static int may_mount(const char *type)
{
	(void)mkdir("/mounted", 0700);
	return mount("none", "/mounted", type, 0, NULL) < 0 ? -1 : umount("/mounted");
}

static int may_mount_tmpfs(void)
{
	return may_mount("tmpfs");
}

static int may_mount_kernel(void)
{
	return may_mount("tracefs");
}

static int may_host_name(void)
{
	return sethostname("renamed", 7);
}

static int may_connect(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/b/docker.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static const struct {
	const char *name;
	int (*may)(void);
} powers[] = {
    {"time", may_time},   {"priority", may_priority},     {"lock", may_lock},
    {"syslog", may_syslog}, {"flag", may_flag},             {"mknod", may_mknod},
    {"lease", may_lease},
    {"alarm", may_alarm}, {"audit-read", may_audit_read}, {"mount-tmpfs", may_mount_tmpfs},
    {"mount-kernel", may_mount_kernel}, {"host-name", may_host_name}, {"connect", may_connect},
};

static int may(const char *name)
{
	for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]); i++)
		if (strcmp(name, powers[i].name) == 0) {
			if (powers[i].may() == 0)
				return 0;
			perror(name);
			return 1;
		}
	(void)fprintf(stderr, "%s: no such power\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "may") == 0)
		return may(argv[2]);
	if (argc == 3 && strcmp(argv[1], "setcap") == 0)
		return set_cap(argv[2], CAP_NET_BIND_SERVICE);
	if (argc == 4 && strcmp(argv[1], "setxattr") == 0)
		return setxattr(argv[2], "user.e2e", argv[3], strlen(argv[3]), 0) == 0 ? 0 : 1;
	(void)printf("uid=%u euid=%u gid=%u egid=%u caps=%llx\n", (unsigned int)getuid(), (unsigned int)geteuid(),
		     (unsigned int)getgid(), (unsigned int)getegid(), effective_caps());
	return 0;
}
