/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of sd_notify(3): lines VARIABLE=value in one datagram to the socket that NOTIFY_SOCKET names. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "display.h"
#include "uns/cleanup.h"

/* A path, or with "@" a name of the abstract namespace. 0: neither. */
static socklen_t address(struct sockaddr_un *a)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(a->sun_path) || (*name != '/' && *name != '@'))
		return 0;
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(a->sun_path, name, len);
	if (*name == '/')
		return (socklen_t)sizeof(*a);
	a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void uns_notify(const char *fmt, ...)
{
	struct sockaddr_un a;
	socklen_t len = address(&a);
	char text[1024];
	va_list ap;

	if (!len)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	uns_auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* A manager that does not listen misses something, nothing else. */
	if (fd >= 0)
		(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&a, len);
}
