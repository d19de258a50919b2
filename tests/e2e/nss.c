/* SPDX-License-Identifier: Apache-2.0 */
/* A name service for the tests, in place of LDAP: libnss_e2e.so.2 ("passwd: files e2e" in nsswitch.conf). Its accounts are the
 * lines "u NAME UID" and "g NAME GID" of /run/e2e/accounts; they cannot be listed, only asked for, as with most directories. */
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct wanted {
	char kind;
	const char *name; /* NULL: by id */
	unsigned id;
};

static struct account {
	char kind, name[64];
	unsigned id;
} accounts[64];
static int n = -1;

/* Once: whoever asks is not here for long. */
static void read_accounts(void)
{
	FILE *f = fopen("/run/e2e/accounts", "re");

	n = 0;
	while (f && n < 64 && fscanf(f, " %c %63s %u", &accounts[n].kind, accounts[n].name, &accounts[n].id) == 3)
		n++;
	if (f)
		fclose(f);
}

static bool find(const struct wanted *w, char *ret_name, size_t size, unsigned *ret_id)
{
	if (n < 0)
		read_accounts();
	for (int i = 0; i < n; i++) {
		const struct account *a = &accounts[i];

		if (a->kind != w->kind || strlen(a->name) >= size || (w->name ? strcmp(a->name, w->name) != 0 : a->id != w->id))
			continue;
		strcpy(ret_name, a->name);
		*ret_id = a->id;
		return true;
	}
	return false;
}

static enum nss_status user(const struct wanted *w, struct passwd *ret, char *buf, size_t len)
{
	static char none[] = "", shell[] = "/bin/false", home[] = "/", x[] = "x";
	unsigned id;

	if (!find(w, buf, len, &id))
		return NSS_STATUS_NOTFOUND;
	*ret = (struct passwd){
		.pw_name = buf, .pw_passwd = x, .pw_uid = id, .pw_gid = id, .pw_gecos = none, .pw_dir = home, .pw_shell = shell
	};
	return NSS_STATUS_SUCCESS;
}

static enum nss_status group(const struct wanted *w, struct group *ret, char *buf, size_t len)
{
	static char x[] = "x", *nobody[] = { NULL };
	unsigned id;

	if (!find(w, buf, len, &id))
		return NSS_STATUS_NOTFOUND;
	*ret = (struct group){ .gr_name = buf, .gr_passwd = x, .gr_gid = id, .gr_mem = nobody };
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_e2e_getpwuid_r(uid_t uid, struct passwd *ret, char *buf, size_t len, int *errnop);
enum nss_status _nss_e2e_getpwuid_r(uid_t uid, struct passwd *ret, char *buf, size_t len, int *errnop)
{
	(void)errnop;
	return user(&(struct wanted){ 'u', NULL, uid }, ret, buf, len);
}

enum nss_status _nss_e2e_getpwnam_r(const char *name, struct passwd *ret, char *buf, size_t len, int *errnop);
enum nss_status _nss_e2e_getpwnam_r(const char *name, struct passwd *ret, char *buf, size_t len, int *errnop)
{
	(void)errnop;
	return user(&(struct wanted){ 'u', name, 0 }, ret, buf, len);
}

enum nss_status _nss_e2e_getgrgid_r(gid_t gid, struct group *ret, char *buf, size_t len, int *errnop);
enum nss_status _nss_e2e_getgrgid_r(gid_t gid, struct group *ret, char *buf, size_t len, int *errnop)
{
	(void)errnop;
	return group(&(struct wanted){ 'g', NULL, gid }, ret, buf, len);
}

enum nss_status _nss_e2e_getgrnam_r(const char *name, struct group *ret, char *buf, size_t len, int *errnop);
enum nss_status _nss_e2e_getgrnam_r(const char *name, struct group *ret, char *buf, size_t len, int *errnop)
{
	(void)errnop;
	return group(&(struct wanted){ 'g', name, 0 }, ret, buf, len);
}
