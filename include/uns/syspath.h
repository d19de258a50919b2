/* SPDX-License-Identifier: Apache-2.0 */
/* Places of a host that the host itself lives by: their owners are never to be changed for a container's sake. Pure. */
#ifndef UNS_SYSPATH_H
#define UNS_SYSPATH_H

#include <stdbool.h>

/* The path is one of these places: path is absolute, without symlinks, "." and "..". What lies in some of them (/srv, /home, /tmp) is not. */
bool uns_path_is_systems(const char *path);
/* Whoever has it has power over the host, whatever its mode and even read-only: "/", "/etc", what lies in /proc. */
bool uns_path_is_powerful(const char *path);

#endif
