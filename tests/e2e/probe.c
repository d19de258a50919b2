/* SPDX-License-Identifier: Apache-2.0 */
/* A static program that the zoo puts into images and volumes with various modes and capabilities: says as whom it runs. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
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

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "setcap") == 0)
		return set_cap(argv[2], CAP_NET_BIND_SERVICE);
	if (argc == 4 && strcmp(argv[1], "setxattr") == 0)
		return setxattr(argv[2], "user.e2e", argv[3], strlen(argv[3]), 0) == 0 ? 0 : 1;
	(void)printf("uid=%u euid=%u gid=%u egid=%u caps=%llx\n", (unsigned int)getuid(), (unsigned int)geteuid(),
		     (unsigned int)getgid(), (unsigned int)getegid(), effective_caps());
	return 0;
}
