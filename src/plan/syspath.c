/* SPDX-License-Identifier: Apache-2.0 */
/* Places of a host that the host itself lives by. */
#include "uns/syspath.h"

#include <stddef.h>
#include <string.h>

#include "uns/str.h"

/* With everything below them. */
static const char *const trees[] = {
    "/bin", "/boot", "/dev", "/efi", "/etc", "/gnu", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/ostree", "/proc", "/root", "/run", "/sbin",
    "/snap", "/sys", "/sysroot", "/usr",
    "/var/backups", "/var/cache", "/var/log", "/var/mail", "/var/roothome", "/var/run", "/var/spool",
};
/* Below /var/lib, where services keep what is theirs: those of the system, and other engines. */
static const char *const states[] = {
    "AccountsService", "NetworkManager", "PackageKit", "alternatives", "apparmor", "apt", "bluetooth", "chrony", "cloud", "containerd",
    "containers", "dbus", "dhclient", "dhcp", "dkms", "dnf", "dpkg", "fwupd", "gdm", "gdm3", "incus", "initramfs-tools", "iscsi", "kubelet",
    "libvirt", "lightdm", "logrotate", "lxd", "nfs", "ntp", "ntpsec", "pacman", "pam", "plymouth", "polkit-1", "private", "rancher", "rpcbind",
    "rpm", "samba", "sddm", "selinux", "snapd", "sss", "sudo", "swtpm", "systemd", "tpm", "ucf", "udisks2", "unattended-upgrades",
    "update-notifier", "upower", "usbguard", "usernsctl", "wicked", "yum", "zypp",
};
/* These alone, which hold what may well be shifted. */
static const char *const holders[] = {
    "/", "/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var", "/var/home", "/var/lib", "/var/local", "/var/mnt", "/var/opt", "/var/srv",
    "/var/tmp", "/var/usrlocal",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool is_one_of(const char *path, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(path, list[i]) == 0)
			return true;
	return false;
}

/* The rest behind the directory, or NULL. */
static const char *behind(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return uns_path_below(path, dir) && path[len] == '/' ? path + len + 1 : NULL;
}

static bool is_state(const char *path)
{
	const char *name = behind(path, "/var/lib");

	for (size_t i = 0; name && i < COUNT(states); i++)
		if (uns_path_below(name, states[i]))
			return true;
	return false;
}

/* Keys and settings of a user: /home/alice/.ssh. The data of his own engines is what shifts are for. */
static bool is_hidden_in_home(const char *path)
{
	const char *user = behind(path, "/home"), *slash;

	user = user ? user : behind(path, "/var/home");
	slash = user ? strchr(user, '/') : NULL;
	return slash && slash[1] == '.' && !uns_path_below(slash, "/.local/share/containers") && !uns_path_below(slash, "/.local/share/docker");
}

bool uns_path_is_systems(const char *path)
{
	for (size_t i = 0; i < COUNT(trees); i++)
		if (uns_path_below(path, trees[i]))
			return true;
	return is_one_of(path, holders, COUNT(holders)) || is_state(path) || is_hidden_in_home(path);
}

bool uns_path_is_powerful(const char *path)
{
	static const char *const whole[] = {"/", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/usr"};

	return is_one_of(path, whole, COUNT(whole)) || uns_path_below(path, "/proc") || uns_path_below(path, "/sys");
}
