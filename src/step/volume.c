/* SPDX-License-Identifier: Apache-2.0 */
/* volume: the engine lacks the volume → has it.
 * Disjoint: the directory of the volume is absent or is there; the engine makes and removes it with its own record. Asking the
 * engine again for a volume that it has is answered as if it were new, so a torn creation is mended by driving again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "engine.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"

struct volume {
	const char *socket, *path, *name;
	json_t *labels, *options;
};

static int get_object(const json_t *args, const char *key, json_t **ret, struct uns_err *err)
{
	json_t *o = json_object_get(args, key), *v;
	const char *k;

	if (!json_is_object(o))
		return uns_err_set(err, UNS_E_INPUT, "%s: expected an object", key);
	json_object_foreach(o, k, v) if (!json_is_string(v)) return uns_err_set(err, UNS_E_INPUT,
	                                                                        "%s: member %.80s: expected a string", key, k);
	*ret = o;
	return 0;
}

/* The names that the engine allows, so that a name cannot become another request. */
static bool name_valid(const char *s)
{
	return *s && *s != '.' && *s != '-' && *s != '_' &&
	       !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")];
}

static int get_volume(const json_t *args, struct volume *ret, struct uns_err *err)
{
	struct volume v;

	if (uns_args_path(args, "socket", &v.socket, err) || uns_args_path(args, "path", &v.path, err) ||
	    uns_json_str(args, "name", &v.name, err) || get_object(args, "labels", &v.labels, err) ||
	    get_object(args, "options", &v.options, err))
		return -1;
	if (!name_valid(v.name))
		return uns_err_set(err, UNS_E_INPUT,
		                   "name: expected letters, digits, '_', '.', '-', the first a letter or a digit");
	*ret = v;
	return 0;
}

static int volume_check(const json_t *args, struct uns_err *err)
{
	struct volume v;

	return get_volume(args, &v, err);
}

static int volume_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	struct volume v;
	struct stat st;
	int r;

	if (get_volume(c->step->args, &v, err))
		return -1;
	r = uns_root_stat(c->root, v.path, &st, err);
	if (r < 0)
		return -1;
	*ret = r ? UNS_BEFORE : S_ISDIR(st.st_mode) ? UNS_AFTER : UNS_FOREIGN;
	if (*ret == UNS_FOREIGN)
		snprintf(c->why, sizeof(c->why), "%.400s is no directory", v.path);
	return 0;
}

static char *creation_body(const struct volume *v, struct uns_err *err)
{
	uns_auto_json json_t *j =
	    json_pack("{s:s, s:s, s:O, s:O}", "Name", v->name, "Driver", "local", "Labels", v->labels, "DriverOpts", v->options);

	if (!j) {
		uns_err_nomem(err);
		return NULL;
	}
	return uns_json_dump(j, false, err);
}

/* The request to the engine, with its answer. */
static int ask(struct uns_step_ctx *c, const struct volume *v, const char *method, const char *path, const char *body,
               long *ret_http, struct uns_buf *answer, struct uns_err *err)
{
	uns_auto_free char *host = uns_root_host_path(c->root, v->socket, err);

	if (!host)
		return -1;
	if (uns_sys_http(host, method, path, body, ret_http, answer, err))
		return uns_err_prefix(err, "volume %.100s needs the running engine (start it and run again)", v->name);
	return 0;
}

static int create(struct uns_step_ctx *c, const struct volume *v, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	uns_auto_free char *body = creation_body(v, err), *what = uns_str_printf(err, "cannot create volume %.100s", v->name);
	uns_auto_json json_t *j = NULL;
	const char *name;
	long http;

	if (!body || !what || ask(c, v, "POST", "/volumes/create", body, &http, &answer, err))
		return -1;
	if (http != 201)
		return uns_engine_refused(what, http, &answer, err);
	if (uns_json_parse(answer.data ? answer.data : "", answer.len, "answer of the engine", &j, err) ||
	    uns_json_str(j, "Name", &name, err))
		return uns_err_prefix(err, "%s", what);
	if (strcmp(name, v->name))
		return uns_err_set(err, UNS_E_FAILED, "the engine made volume %.100s, expected %.100s", name, v->name);
	return 0;
}

/* 1 when _data has an entry. What was put there since must not go with the volume. */
static int has_content(struct uns_step_ctx *c, const struct volume *v, struct uns_err *err)
{
	uns_auto_free char *data = uns_str_printf(err, "%s/_data", v->path);
	uns_auto(uns_closedirp) DIR *dir = NULL;
	struct uns_err why = {0};
	struct dirent *e;
	int fd;

	if (!data)
		return -1;
	fd = uns_root_openat(c->root, data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &why);
	if (fd < 0 && why.errnum == ENOENT)
		return 0;
	if (fd < 0 || !(dir = fdopendir(fd))) {
		if (fd < 0)
			return uns_err_set(err, UNS_E_REFUSED, "volume %.100s is not removed: %.700s", v->name, why.text);
		close(fd);
		return uns_err_nomem(err);
	}
	errno = 0;
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			return 1;
	return errno ? uns_err_sys(err, errno, "%s", data) : 0;
}

static int remove_volume(struct uns_step_ctx *c, const struct volume *v, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf answer = UNS_BUF_INIT;
	uns_auto_free char *path = uns_str_printf(err, "/volumes/%s", v->name);
	uns_auto_free char *what = uns_str_printf(err, "cannot remove volume %.100s", v->name);
	int r = path && what ? has_content(c, v, err) : -1;
	long http;

	if (r > 0)
		return uns_err_set(err, UNS_E_REFUSED,
		                   "volume %.100s has content in %.600s/_data that came after its creation: move it away "
		                   "or remove the volume by hand",
		                   v->name, v->path);
	if (r || ask(c, v, "DELETE", path, NULL, &http, &answer, err))
		return -1;
	/* 404: the engine does not know it any more, which is what is wanted. */
	return http == 204 || http == 404 ? 0 : uns_engine_refused(what, http, &answer, err);
}

static int volume_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	struct volume v;

	if (get_volume(c->step->args, &v, err))
		return -1;
	return to == UNS_AFTER ? create(c, &v, err) : remove_volume(c, &v, err);
}

static int volume_describe(const json_t *args, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct volume v;

	if (get_volume(args, &v, err))
		return -1;
	return uns_buf_printf(ret, err, "%s volume %s", reverse ? "remove the empty" : "create", v.name);
}

const struct uns_kind uns_kind_volume = {
    .name = "volume",
    .check = volume_check,
    .observe = volume_observe,
    .drive = volume_drive,
    .describe = volume_describe,
};
