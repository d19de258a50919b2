/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: members of a step's args. */
#ifndef UNS_STEP_ARGS_H
#define UNS_STEP_ARGS_H

#include <stdint.h>

#include "uns/json.h"
#include "uns/step.h"
#include "uns/tree.h"

/* An absolute path; borrowed. UNS_E_INPUT otherwise. */
static inline int uns_args_path(const json_t *args, const char *key, const char **ret, struct uns_err *err)
{
	const char *path;

	if (uns_json_str(args, key, &path, err))
		return -1;
	if (*path != '/') {
		uns_err_set(err, UNS_E_INPUT, "%s: expected an absolute path", key);
		return -1;
	}
	*ret = path;
	return 0;
}

/* An octal mode in a string ("0755"). UNS_E_INPUT otherwise. */
int uns_args_mode(const json_t *args, uint32_t *ret, struct uns_err *err);

/* Owner and mode of a directory that a step makes: "uid", "gid", "mode". */
struct uns_args_dir {
	uint32_t uid, gid, mode;
};
int uns_args_dir(const json_t *args, struct uns_args_dir *ret, struct uns_err *err);
/* Makes it, or mends one that was made half-way. -1 with errno. The parent is not synced. */
int uns_args_make_dir(int parent, const char *name, const struct uns_args_dir *d);

/* Opens the base of a step. A step on data that a later one moves into a subdirectory ("into") finds it there when the whole is looked
 * at afterwards (deep); while it is driven, the data is always at the base. */
int uns_args_open_base(const struct uns_step_ctx *c, const char *base, const char *into, struct uns_tree *ret, struct uns_err *err);

#endif
