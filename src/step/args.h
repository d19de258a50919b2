/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: members of a step's args. */
#ifndef UNS_STEP_ARGS_H
#define UNS_STEP_ARGS_H

#include "uns/json.h"

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

#endif
