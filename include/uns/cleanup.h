/* SPDX-License-Identifier: Apache-2.0 */
/* Scope cleanup: uns_auto(f) runs f(&variable) when the variable leaves its scope; uns_take_* hand the value on. */
#ifndef UNS_CLEANUP_H
#define UNS_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define uns_auto(f) __attribute__((cleanup(f)))

static inline void uns_freep(void *p)
{
	int saved = errno;
	free(*(void **)p);
	errno = saved;
}

static inline void uns_closep(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void uns_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void uns_closefp(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define uns_auto_free uns_auto(uns_freep)
#define uns_auto_close uns_auto(uns_closep)

#define uns_take_ptr(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
#define uns_take_fd(fd) ({ int taken_ = (fd); (fd) = -1; taken_; })

#endif
