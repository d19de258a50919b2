/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: reading a text file before an edit and publishing it afterwards. */
#ifndef UNS_STEP_TEXT_H
#define UNS_STEP_TEXT_H

#include <stdbool.h>

#include "uns/err.h"
#include "uns/root.h"
#include "uns/str.h"

struct text {
	const char *file;
	struct uns_buf old, new;
	bool existed;
};

void text_done(struct text *t);
int text_read(struct text *t, const struct uns_root *root, const char *file, struct uns_err *err);
/* Makes t->new the contents of the file, durably; or, with remove, makes the file vanish. When nothing changes, only what a killed
 * write left behind is removed. A new file is 0644 root:root. */
int text_publish(struct text *t, const struct uns_root *root, bool remove, struct uns_err *err);

#endif
