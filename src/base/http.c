/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "effect.h"
#include "uns/cleanup.h"
#include "uns/progress.h"
#include "uns/sys.h"

#define ANSWER_MAX (64u << 20)
#define CONNECT_S 10L
#define READ_S 30L
/* An effect may take an engine long (a volume plugin, a busy disk); giving up early would leave its end unknown. */
#define EFFECT_S 300L

struct answer {
	struct uns_buf *buf;
	size_t start; /* length of buf before the answer */
	struct uns_err *err;
	const char *refused; /* why the rest was not taken */
};

static size_t take(char *data, size_t size, size_t n, void *user)
{
	struct answer *a = user;
	size_t len = size * n; /* size is 1, CURLOPT_WRITEFUNCTION(3) */

	if (len > ANSWER_MAX - (a->buf->len - a->start)) {
		a->refused = "its answer is longer than 64 MiB";
		return 0;
	}
	if (len && uns_buf_append(a->buf, data, len, a->err)) {
		a->refused = "out of memory";
		return 0;
	}
	return len;
}

/* Called about once a second, CURLOPT_XFERINFOFUNCTION(3). */
static int wait_on(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	(void)user, (void)total, (void)now, (void)up_total, (void)up_now;
	uns_progress_tick();
	return 0;
}

static void easy_cleanup(CURL **c)
{
	curl_easy_cleanup(*c);
}

static void slist_cleanup(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}

static CURLcode only_http(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
#else
	return curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTP);
#endif
}

/* An environment variable must not send an engine's socket through a proxy, nor an answer send us elsewhere. */
static bool set_transport(CURL *c, const char *socket, const char *url, long timeout)
{
	return !curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket) && !curl_easy_setopt(c, CURLOPT_URL, url) &&
	       !curl_easy_setopt(c, CURLOPT_PROXY, "") && !curl_easy_setopt(c, CURLOPT_NOPROXY, "*") && !only_http(c) &&
	       !curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) && !curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) &&
	       !curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) && !curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S) &&
	       !curl_easy_setopt(c, CURLOPT_TIMEOUT, timeout) && !curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L) &&
	       !curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
}

static bool set_request(CURL *c, const char *method, const char *body, const struct curl_slist *headers)
{
	if (!strcmp(method, "GET"))
		return true;
	if (curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method) || curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers))
		return false;
	if (!body && !strcmp(method, "DELETE"))
		return true;
	return !curl_easy_setopt(c, CURLOPT_POSTFIELDS, body ? body : "");
}

static int failed(CURL *c, CURLcode code, const char *detail, const char *socket, const struct answer *a)
{
	long errnum = 0;

	if (a->refused)
		detail = a->refused;
	else if (!*detail)
		detail = curl_easy_strerror(code);
	/* "Cannot connect" hides whether the socket is absent or nobody listens. */
	curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &errnum);
	if (errnum && code == CURLE_COULDNT_CONNECT)
		uns_err_sys(a->err, (int)errnum, "the engine does not answer at %s", socket);
	else
		uns_err_set(a->err, UNS_E_FAILED, "the engine does not answer at %s: %s", socket, detail);
	if (a->err)
		a->err->errnum = (int)errnum;
	return -1;
}

static int perform(CURL *c, const char *socket, struct answer *a, long *ret_http)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode code;
	long http = 0;

	if (curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) || curl_easy_setopt(c, CURLOPT_WRITEDATA, a) ||
	    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail) || curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, wait_on) ||
	    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L))
		return uns_err_nomem(a->err);
	code = curl_easy_perform(c);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
	if (code != CURLE_OK)
		return failed(c, code, detail, socket, a);
	*ret_http = http;
	return 0;
}

static int request(const char *socket, const char *method, const char *path, const char *body, long timeout, long *ret_http,
                   struct answer *a)
{
	uns_auto(easy_cleanup) CURL *c = curl_easy_init();
	uns_auto(slist_cleanup) struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	uns_auto_free char *url = uns_str_printf(a->err, "http://localhost%s", path);

	if (!c || !headers || !url)
		return uns_err_nomem(a->err);
	if (!set_transport(c, socket, url, timeout) || !set_request(c, method, body, headers))
		return uns_err_set(a->err, UNS_E_FAILED, "libcurl refuses the socket %s (longer than a unix socket's path may be?)",
		                   socket);
	if (perform(c, socket, a, ret_http)) {
		if (a->buf->data) {
			a->buf->len = a->start;
			a->buf->data[a->start] = '\0';
		}
		return -1;
	}
	return 0;
}

int uns_http_get_within(const char *socket, const char *path, unsigned seconds, long *ret_http, struct uns_buf *answer, struct uns_err *err)
{
	struct answer a = {.buf = answer, .start = answer->len, .err = err};

	return request(socket, "GET", path, NULL, seconds < READ_S ? (long)seconds : READ_S, ret_http, &a);
}

int uns_http_get(const char *socket, const char *path, long *ret_http, struct uns_buf *answer, struct uns_err *err)
{
	return uns_http_get_within(socket, path, READ_S, ret_http, answer, err);
}

int uns_sys_http(const char *socket, const char *method, const char *path, const char *body, long *ret_http, struct uns_buf *answer,
                 struct uns_err *err)
{
	struct answer a = {.buf = answer, .start = answer->len, .err = err};
	int r;

	if (uns_effect_enter("http", NULL))
		return uns_err_sys(err, errno, "%s %s at %s", method, path, socket);
	r = request(socket, method, path, body, EFFECT_S, ret_http, &a);
	uns_effect_leave("http");
	return r;
}
