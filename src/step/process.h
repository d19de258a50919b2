/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: processes as /proc shows them, the programs of the host, and time. Reads only, but for uns_program_run. */
#ifndef UNS_STEP_PROCESS_H
#define UNS_STEP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "uns/err.h"
#include "uns/root.h"
#include "uns/str.h"

#define UNS_COMM_MAX 64

/* Monotonic milliseconds; a sleep that a signal cannot cut short. */
int64_t uns_now_ms(void);
void uns_sleep_ms(int ms);

/* A process that runs: a zombie has let go of everything and does not count. */
bool uns_process_alive(pid_t pid);
/* Its command name for messages, "?" when it is gone. */
const char *uns_process_comm(pid_t pid, char buf[UNS_COMM_MAX]);
/* Appends its arguments; none for a kernel thread or a process that is gone. */
int uns_process_args(pid_t pid, struct uns_strs *ret, struct uns_err *err);
/* Appends its mountinfo. 0; 1 when it is gone. */
int uns_process_mountinfo(pid_t pid, size_t max, struct uns_buf *ret, struct uns_err *err);
/* It runs and is that program: by its command name or by the last component of its first argument. */
bool uns_process_is(pid_t pid, const char *program);
/* Whether its root directory is the inode of fd, and whether its PID namespace is ours. False when it cannot be told. */
bool uns_process_rooted(pid_t pid, int fd);
bool uns_process_here(pid_t pid);
/* One of its open files, or its working directory, has a path that the predicate takes. */
typedef bool (*uns_path_is)(const char *path, const char *what);
bool uns_process_uses(pid_t pid, uns_path_is is, const char *what);

/* Calls f for each process (threads apart) but ourselves. Stops at the first answer that is not 0, and returns it. */
typedef int (*uns_process_visit)(void *user, pid_t pid, struct uns_err *err);
int uns_process_each(uns_process_visit f, void *user, struct uns_err *err);

/* Absolute path of a program in /usr/sbin, /usr/bin, /sbin, /bin of this host; a name with a slash is taken from cwd (may be NULL).
 * Heap string in *ret. 0; 1 when there is none. */
int uns_program_find(const char *name, const char *cwd, char **ret, struct uns_err *err);
/* Finds argv[0] and runs it. UNS_E_FAILED when it is not there. Its exit status (128 + signal) is in *ret_exit, what it said is
 * appended to *output, as one line (line ends become ";"). */
int uns_program_run(const char *const argv[], int *ret_exit, struct uns_buf *output, struct uns_err *err);
/* The same, with what it said as lines; empty ones are left out. */
int uns_program_lines(const char *const argv[], int *ret_exit, struct uns_strs *ret, struct uns_err *err);
/* The lines of a text that are not empty, appended; bytes that a terminal would obey become '?'. */
int uns_lines_add(const char *text, struct uns_strs *ret, struct uns_err *err);

#endif
