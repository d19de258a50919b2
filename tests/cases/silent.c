/* SPDX-License-Identifier: Apache-2.0 */
/* A name service whose server is down: libnss_silent.so.2 ("passwd: files silent" in nsswitch.conf). */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>

enum nss_status _nss_silent_getpwuid_r(uid_t uid, struct passwd *ret, char *buf, size_t len, int *errnop);
enum nss_status _nss_silent_getpwuid_r(uid_t uid, struct passwd *ret, char *buf, size_t len, int *errnop)
{
	(void)uid, (void)ret, (void)buf, (void)len;
	*errnop = ECONNREFUSED;
	return NSS_STATUS_UNAVAIL;
}

enum nss_status _nss_silent_getgrgid_r(gid_t gid, struct group *ret, char *buf, size_t len, int *errnop);
enum nss_status _nss_silent_getgrgid_r(gid_t gid, struct group *ret, char *buf, size_t len, int *errnop)
{
	(void)gid, (void)ret, (void)buf, (void)len;
	*errnop = ECONNREFUSED;
	return NSS_STATUS_UNAVAIL;
}
