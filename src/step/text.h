/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: reading a text file before an edit and publishing it afterwards. */
#ifndef UNS_STEP_TEXT_H
#define UNS_STEP_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "uns/err.h"
#include "uns/lock.h"
#include "uns/root.h"
#include "uns/step.h"
#include "uns/str.h"

struct text {
	const char *file;
	struct uns_buf old, new;
	struct stat st; /* of the file when it was read */
	bool existed;
};

void text_done(struct text *t);
int text_read(struct text *t, const struct uns_root *root, const char *file, struct uns_err *err);
/* What an edit made of the text: */
enum text_answer {
	TEXT_NEW,    /* t->new is what the file is to be */
	TEXT_KEPT,   /* it is to stay as it is */
	TEXT_SAME,   /* it is as it should be already */
	TEXT_REMOVE, /* the file is to vanish */
};
/* The edits of the kinds: t->old, as it was read, becomes t->new. They touch no file. -1 with err, or an answer. */
int text_edit_json_member(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
int text_edit_env_option(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
int text_edit_toml_member(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
int text_edit_subid_lines(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
int text_edit_final_newline(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
int text_edit_own_file(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
/* Makes t->new the contents of the file, durably; or, with remove, makes the file vanish. When nothing changes, only what a killed
 * write left behind is removed. A new file is 0644 and root's, or the caller's when he is not root. */
int text_publish(struct text *t, const struct uns_root *root, bool remove, struct uns_err *err);

/* ---- the files of subordinate IDs, which account tools edit too ---- */

/* The member "file": one of the two that the lock is for; borrowed. */
int text_subid_file(const json_t *args, const char **ret, struct uns_err *err);
/* The lock of the account files as the step is told to take it; *ret stays as it is when the caller of the step has it already. */
int text_lock(const struct uns_step_ctx *c, struct uns_shadow_lock *ret, struct uns_err *err);

/* -1 with err, or an answer. */
typedef int (*text_edit)(struct text *t, void *user, struct uns_err *err);
/* One edit under the lock: read, edit, replace (with a backup). Done again, from the reading on, when somebody who takes no lock
 * changed the file meanwhile. 0; 1 when the answer was TEXT_KEPT. */
int text_edit_subid(const struct uns_step_ctx *c, const char *file, text_edit edit, void *user, struct uns_err *err);

#endif
