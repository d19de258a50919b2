/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the base floor: how an effect is announced. Every uns_sys_ function enters before it acts and leaves after it acted. */
#ifndef UNS_BASE_EFFECT_H
#define UNS_BASE_EFFECT_H

#include <stddef.h>

/* Counts the effect and asks the hook. 0, or -1 with errno set: the effect must not be done. len: see uns_sys_hook, or NULL. */
int uns_effect_enter(const char *effect, size_t *len);
void uns_effect_leave(const char *effect);

#endif
