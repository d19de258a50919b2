/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: talking to the engine over its socket (a path inside the root). Reads only. */
#ifndef UNS_STEP_ENGINE_H
#define UNS_STEP_ENGINE_H

#include <jansson.h>
#include <stdbool.h>

#include "uns/err.h"
#include "uns/root.h"
#include "uns/str.h"

#define UNS_ENGINE_START_MS 60000

/* Whether the daemon that was started is gone again. */
typedef bool (*uns_engine_ended)(void *user);
/* Waits until the engine answers GET /_ping with 200. 0; 1 when ended (asked after each try; may be NULL) said so; -1 when timeout_ms
 * have passed, with the last reason. */
int uns_engine_wait(const struct uns_root *root, const char *socket, int timeout_ms, uns_engine_ended ended, void *user,
                    struct uns_err *err);
/* GET path, which must be answered with 200 and JSON: new reference in *ret. */
int uns_engine_get(const struct uns_root *root, const char *socket, const char *path, json_t **ret, struct uns_err *err);
/* UNS_E_FAILED with the engine's own words ({"message":…}, or the bare text) after what. Returns -1. */
int uns_engine_refused(const char *what, long http, const struct uns_buf *answer, struct uns_err *err);

#endif
