/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "process.h"
#include "uns/cleanup.h"
#include "uns/http.h"
#include "uns/json.h"
#include "uns/progress.h"

#define PING_MS 200

static int ping(const char *socket, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	long http;

	if (uns_http_get(socket, "/_ping", &http, &answer, err))
		return -1;
	return http == 200 ? 0 : uns_engine_refused("GET /_ping", http, &answer, err);
}

int uns_engine_wait(const struct uns_root *root, const char *socket, int timeout_ms, uns_engine_ended ended, void *user,
                    struct uns_err *err)
{
	uns_auto_free char *path = uns_root_host_path(root, socket, err);
	int64_t deadline = uns_now_ms() + timeout_ms;

	if (!path)
		return -1;
	while (ping(path, err)) {
		if (ended && ended(user))
			return 1;
		if (uns_now_ms() >= deadline)
			return uns_err_prefix(err, "waited %d s for the engine", timeout_ms / 1000);
		if (uns_stop_check(err))
			return -1;
		uns_sleep_ms(PING_MS);
	}
	return 0;
}

int uns_engine_get(const struct uns_root *root, const char *socket, const char *path, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	uns_auto_free char *host = uns_root_host_path(root, socket, err);
	uns_auto_free char *what = uns_str_printf(err, "GET %s", path);
	long http;

	if (!host || !what || uns_http_get(host, path, &http, &answer, err))
		return -1;
	if (http != 200)
		return uns_engine_refused(what, http, &answer, err);
	return uns_json_parse(answer.data ? answer.data : "", answer.len, what, ret, err);
}

int uns_engine_refused(const char *what, long http, const struct uns_buf *answer, struct uns_err *err)
{
	const char *text = answer->data ? answer->data : "";
	uns_auto_json json_t *j = json_loadb(text, answer->len, 0, NULL);
	const char *message = json_string_value(json_object_get(j, "message"));

	return uns_err_set(err, UNS_E_FAILED, "%s: the engine answers %ld: %.500s", what, http, message ? message : text);
}
