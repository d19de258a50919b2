/* SPDX-License-Identifier: Apache-2.0 */
/* What the two readers of rules, of text and of the kernel's form, share. */
#ifndef UNS_AUDITRULES_EDIT_H
#define UNS_AUDITRULES_EDIT_H

#include "uns/auditrules.h"

/* Copies name and value. */
int uns_auditrule_add_field(struct uns_auditrule *r, const char *name, enum uns_audit_op op, const char *value, bool between,
                            struct uns_err *err);
/* Takes over what *r has, and leaves it empty. */
int uns_auditrules_insert(struct uns_auditrules *all, size_t at, struct uns_auditrule *r, struct uns_err *err);

#endif
