/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine that runs says of its containers, beside what the files of its store say. Its word wins: it has in memory what it
 * writes to its files when it stops. A stopped container of which list and files say the same is not asked for alone, as it is read
 * from these files the next time. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/http.h"
#include "uns/json.h"
#include "uns/layout.h"

#define MAX_ALONE 10000 /* containers, and images, that are asked for one by one */
#define ALL_MS 60000    /* for all answers together */

void uns_host_asked_done(struct uns_asked *a)
{
	free(a->data_root);
	json_decref(a->info);
	json_decref(a->containers);
	*a = (struct uns_asked){ .silent = true };
}

/* ---- asking ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_MONOTONIC, &now) < 0 ? 0 : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* 0; 1: there is no such thing, no answer of use, or no time left. One that does not come, breaks off or is too long is that one alone:
 * the next is asked for all the same. */
static int ask(struct uns_asked *a, const char *path, bool *ret_absent, json_t **ret)
{
	uint64_t now = now_ms();
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err ignored = { 0 };
	long http = 0;

	*ret_absent = false;
	a->late |= now >= a->until;
	if (a->silent || a->late)
		return 1;
	if (uns_http_get_within(a->socket, path, (unsigned)((a->until - now + 999) / 1000), &http, &text, &ignored) < 0) {
		a->dead = true;
		return 1;
	}
	*ret_absent = http == 404;
	return http == 200 && text.data && uns_json_parse(text.data, text.len, path, ret, &ignored) == 0 ? 0 : 1;
}

int uns_host_ask(const struct uns_root *root, const struct uns_facts *f, struct uns_asked *ret, struct uns_err *err)
{
	uns_auto(uns_host_asked_done) struct uns_asked a = { .socket = f->socket, .until = now_ms() + ALL_MS };
	struct uns_err absent = { 0 };
	const char *dir;
	bool none;

	*ret = (struct uns_asked){ .silent = true };
	if (ask(&a, "/info", &none, &a.info) || ask(&a, "/containers/json?all=1", &none, &a.containers) || !json_is_array(a.containers)) {
		ret->dead = a.dead;
		return 0;
	}
	dir = uns_json_str_or(a.info, "DockerRootDir", "");
	/* Podman answers as if it were dockerd, of a store that is none of dockerd's. */
	if (*dir != '/' || !strrchr(dir, '/')[1] || json_object_get(a.info, "BuildahVersion"))
		return 0;
	a.data_root = uns_root_resolve(root, dir, &absent);
	if (!a.data_root && !(a.data_root = uns_str_dup(dir, err)))
		return -1;
	*ret = a;
	a = (struct uns_asked){ .silent = true };
	return 0;
}

enum told { TOLD, TOLD_ABSENT, TOLD_NOTHING };

/* 0 with *ret; -1. */
static int inspect(struct uns_asked *a, const char *id, struct uns_container *c, enum told *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "/containers/%s/json", id);
	uns_auto_json json_t *answer = NULL;
	struct uns_err why = { 0 };
	bool absent = false;

	if (!path)
		return -1;
	*ret = TOLD_NOTHING;
	if (++a->alone > MAX_ALONE)
		return 0;
	if (ask(a, path, &absent, &answer)) {
		*ret = absent ? TOLD_ABSENT : TOLD_NOTHING;
		return 0;
	}
	if (uns_container_parse_answer(answer, id, c, &why) == 0)
		*ret = TOLD;
	else if (why.code != UNS_E_INPUT)
		return uns_err_set(err, why.code, "%s", why.text);
	return 0;
}

/* What the engine lists and nobody tells of, by a name of it. */
static int note(struct uns_facts *f, const char *name, const char *why, struct uns_err *err)
{
	return uns_host_note_unseen(f, UNS_UNSEEN_ANSWER, *name ? name : f->socket, why, err);
}

static int note_container(struct uns_facts *f, const json_t *listed, struct uns_err *err)
{
	const json_t *names = json_object_get(listed, "Names");
	const char *own = uns_json_str_or(listed, "Id", "");

	/* Others are "/OTHER/ALIAS": what linked containers call it. */
	for (size_t i = json_array_size(names); i-- > 0;) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name && *name == '/' && name[1] && !strchr(name + 1, '/'))
			own = name + 1;
	}
	return note(f, own, "the engine lists this container, and does not tell of it", err);
}

/* ---- beside the files ---- */

static int by_id(const void *a, const void *b)
{
	const struct uns_container *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static struct uns_container *find(const struct uns_store *s, size_t n, const char *id)
{
	struct uns_container key = { .id = (char *)(uintptr_t)id };

	return n ? bsearch(&key, s->container, n, sizeof(key), by_id) : NULL;
}

static bool has_name(const json_t *names, const char *name)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *s = json_string_value(json_array_get(names, i));

		if (s && *s == '/' && strcmp(s + 1, name) == 0)
			return true;
	}
	return false;
}

/* Both say that it is stopped, and that it is the same. */
static bool agrees(const struct uns_container *c, const json_t *listed)
{
	const char *state = uns_json_str_or(listed, "State", "");

	return !c->running && (strcmp(state, "exited") == 0 || strcmp(state, "created") == 0 || strcmp(state, "dead") == 0) &&
	       has_name(json_object_get(listed, "Names"), c->name) &&
	       strcmp(uns_json_str_or(listed, "ImageID", ""), c->image ? c->image : "") == 0;
}

static int add(struct uns_store *s, struct uns_container *c, struct uns_err *err)
{
	struct uns_container *v = reallocarray(s->container, s->containers + 1, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	s->container = v;
	v[s->containers++] = *c;
	*c = (struct uns_container){ 0 };
	return 0;
}

struct place {
	const struct uns_root *root;
	const char *base; /* the store's directory; NULL: its files are not looked at */
	struct uns_facts *f;
	struct uns_store *s;
	size_t n;         /* containers that its files told, sorted by ID; what only the engine has stands behind them */
	enum { UNLISTED, LISTED, GONE } *seen; /* of these */
};

static int has_files(const struct place *p, const char *id, bool *ret, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/containers/%s", p->base, id);

	return dir ? uns_host_is_dir(p->root, dir, ret, err) : -1;
}

static int take_new(const struct place *p, struct uns_container *c, struct uns_err *err)
{
	bool there = true;

	if (p->base && has_files(p, c->id, &there, err) < 0)
		return -1;
	c->no_files = !there;
	return add(p->s, c, err);
}

static int settle_absent(const struct place *p, const struct uns_container *c, struct uns_err *err)
{
	bool there = true;

	if (has_files(p, c->id, &there, err) < 0)
		return -1;
	p->seen[c - p->s->container] = there ? LISTED : GONE;
	return 0;
}

static int settle_listed(const struct place *p, struct uns_asked *a, const json_t *listed, struct uns_err *err)
{
	uns_auto(uns_container_done) struct uns_container told = { 0 };
	const char *id = uns_json_str_or(listed, "Id", "");
	struct uns_container *c;
	enum told r;

	if (!uns_container_is_id(id))
		return note_container(p->f, listed, err);
	c = find(p->s, p->n, id);
	if (c)
		p->seen[c - p->s->container] = LISTED;
	if (c && agrees(c, listed))
		return 0;
	if (inspect(a, id, &told, &r, err) < 0)
		return -1;
	if (r == TOLD && !c)
		return take_new(p, &told, err);
	if (r == TOLD) {
		uns_container_done(c);
		*c = told;
		told = (struct uns_container){ 0 };
	}
	if (r == TOLD_NOTHING && !c)
		return note_container(p->f, listed, err);
	/* Removed since, or nobody knows more than the files. */
	return r == TOLD_ABSENT && c ? settle_absent(p, c, err) : 0;
}

/* Of one that the engine did not list: made since, removed since, or one that it has not loaded. */
static int settle_unlisted(const struct place *p, struct uns_asked *a, size_t at, struct uns_err *err)
{
	struct uns_container *c = &p->s->container[at];
	uns_auto(uns_container_done) struct uns_container told = { 0 };
	bool there = true;
	enum told r = TOLD_ABSENT;

	if (uns_container_is_id(c->id) && inspect(a, c->id, &told, &r, err) < 0)
		return -1;
	if (r == TOLD_ABSENT && has_files(p, c->id, &there, err) < 0)
		return -1;
	p->seen[at] = there ? LISTED : GONE;
	c->ignored = r == TOLD_ABSENT && there;
	c->running = c->running && !c->ignored;
	if (r == TOLD) {
		uns_container_done(c);
		*c = told;
		told = (struct uns_container){ 0 };
	}
	return 0;
}

static int settle_all(struct place *p, struct uns_asked *a, struct uns_err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < json_array_size(a->containers); i++)
		if (settle_listed(p, a, json_array_get(a->containers, i), err) < 0)
			return -1;
	for (size_t i = 0; i < p->n; i++)
		if (p->seen[i] == UNLISTED && settle_unlisted(p, a, i, err) < 0)
			return -1;
	for (size_t i = 0; i < p->s->containers; i++)
		if (i < p->n && p->seen[i] == GONE)
			uns_container_done(&p->s->container[i]);
		else
			p->s->container[kept++] = p->s->container[i];
	p->s->containers = kept;
	return 0;
}

/* What is listed twice is one. */
static void sort(struct uns_store *s)
{
	size_t kept = 0;

	if (s->containers)
		qsort(s->container, s->containers, sizeof(*s->container), by_id);
	for (size_t i = 0; i < s->containers; i++)
		if (kept && by_id(&s->container[kept - 1], &s->container[i]) == 0)
			uns_container_done(&s->container[i]);
		else
			s->container[kept++] = s->container[i];
	s->containers = kept;
}

int uns_host_settle(const struct uns_root *root, const char *base, struct uns_asked *a, struct uns_facts *f, struct uns_store *s, struct uns_err *err)
{
	struct place p = { .root = root, .base = base, .f = f, .s = s };
	int r;

	if (base && !f->running)
		return uns_host_note_unseen(f, UNS_UNSEEN_ENGINE, f->socket, "an engine answers here that is no process of this host, and says that its data are in this data root",
		                            err);
	sort(s);
	p.n = s->containers;
	p.seen = calloc(p.n + 1, sizeof(*p.seen));
	if (!p.seen)
		return uns_err_nomem(err);
	r = settle_all(&p, a, err);
	free(p.seen);
	sort(s);
	return r;
}

/* ---- in place of the files ---- */

#define NO_LIST "the engine does not tell which there are"

static int told_volume(const json_t *listed, struct uns_volume *v, struct uns_err *err)
{
	json_t *options = json_object_get(listed, "Options"), *labels = json_object_get(listed, "Labels");

	v->name = uns_str_dup(uns_json_str_or(listed, "Name", ""), err);
	v->labels = json_is_object(labels) ? json_incref(labels) : json_object();
	v->options = json_is_object(options) ? json_incref(options) : json_object();
	if (!v->name || !v->labels || !v->options)
		return uns_err_nomem(err);
	if (uns_json_copy(options, "type", &v->type, err) < 0 || uns_json_copy(options, "o", &v->opts, err) < 0 ||
	    uns_json_copy(options, "device", &v->device, err) < 0)
		return -1;
	v->mounted_type = v->type || v->device;
	return 0;
}

/* Only those of the driver "local" lie in the data root. */
static int read_volumes(struct uns_asked *a, struct uns_facts *f, struct uns_store *s, struct uns_err *err)
{
	uns_auto_json json_t *answer = NULL;
	bool absent;
	const json_t *list = ask(a, "/volumes", &absent, &answer) ? NULL : json_object_get(answer, "Volumes");

	if (!json_is_array(list) && !json_is_null(list) && note(f, "volumes", NO_LIST, err) < 0)
		return -1;
	s->volume = calloc(json_array_size(list) + 1, sizeof(*s->volume));
	if (!s->volume)
		return uns_err_nomem(err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		if (strcmp(uns_json_str_or(one, "Driver", ""), "local") == 0 && told_volume(one, &s->volume[s->volumes++], err) < 0)
			return -1;
	}
	return 0;
}

/* Sorted. */
static int read_tags(const json_t *listed, struct uns_strs *ret, struct uns_err *err)
{
	const json_t *tags = json_object_get(listed, "RepoTags");

	for (size_t i = 0; i < json_array_size(tags); i++) {
		const char *tag = json_string_value(json_array_get(tags, i));

		if (tag && strcmp(tag, "<none>:<none>") != 0 && uns_strs_add(ret, tag, err) < 0)
			return -1;
	}
	uns_strs_sort(ret);
	return 0;
}

static int note_image(struct uns_facts *f, const json_t *listed, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs tags = UNS_STRS_INIT;

	if (read_tags(listed, &tags, err) < 0)
		return -1;
	return note(f, tags.n ? tags.v[0] : uns_json_str_or(listed, "Id", ""), "the engine lists this image, and does not tell of it", err);
}

/* Its names in the list, its configuration in an answer of its own. 0; 1: nothing is told of it. */
static int told_image(struct uns_asked *a, struct uns_facts *f, const json_t *listed, struct uns_image *image, struct uns_err *err)
{
	const char *id = uns_json_str_or(listed, "Id", ""), *digits = uns_str_starts(id, "sha256:") ? id + 7 : "";
	uns_auto_free char *path = uns_str_printf(err, "/images/%s/json", id);
	uns_auto_json json_t *answer = NULL;
	bool absent = false;

	if (!path)
		return -1;
	if (!uns_container_is_id(digits) || ++a->alone > MAX_ALONE || ask(a, path, &absent, &answer) || !json_is_object(answer))
		return !absent && note_image(f, listed, err) < 0 ? -1 : 1;
	image->id = uns_str_dup(digits, err);
	image->tool = UNS_USERTOOL_UNKNOWN;
	if (!image->id || uns_json_copy(json_object_get(answer, "Config"), "User", &image->user, err) < 0)
		return -1;
	return read_tags(listed, &image->tags, err);
}

static int by_image(const void *a, const void *b)
{
	const struct uns_image *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static int read_images(struct uns_asked *a, struct uns_facts *f, struct uns_images *l, struct uns_err *err)
{
	uns_auto_json json_t *list = NULL;
	bool absent;

	if (ask(a, "/images/json?all=1", &absent, &list) || !json_is_array(list))
		return note(f, "images", NO_LIST, err);
	l->v = calloc(json_array_size(list) + 1, sizeof(*l->v));
	if (!l->v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		int r = told_image(a, f, json_array_get(list, i), &l->v[l->n], err);

		if (r < 0) {
			l->n += l->v[l->n].id != NULL;
			return -1;
		}
		l->n += r == 0;
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_image);
	return 0;
}

/* Names of what is there, as the files would have them. */
static int name_entries(const struct uns_asked *a, struct uns_store *s, struct uns_err *err)
{
	const char *driver = uns_json_str_or(a->info, "Driver", "");

	if (s->containers && uns_strs_add(&s->entries, "containers", err) < 0)
		return -1;
	if (s->volumes && uns_strs_add(&s->entries, "volumes", err) < 0)
		return -1;
	if ((!s->images.n && !s->containers) || !*driver)
		return 0;
	return uns_strs_add(&s->entries, "image", err) < 0 || uns_strs_add(&s->entries, driver, err) < 0 ||
	                       uns_strs_add(&s->drivers, driver, err) < 0
	               ? -1
	               : 0;
}

/* SystemInfo, Swarm (moby api/types/swarm, Info): "inactive" and "" mean none. */
static void read_swarm(const struct uns_asked *a, struct uns_facts *f)
{
	const json_t *swarm = json_object_get(a->info, "Swarm");
	const char *state = uns_json_str_or(swarm, "LocalNodeState", "");

	f->told_swarm = *state && strcmp(state, "inactive") != 0;
	f->told_manager = f->told_swarm && uns_json_bool_or(swarm, "ControlAvailable", false);
}

int uns_host_read_told(struct uns_asked *a, struct uns_facts *f, struct uns_err *err)
{
	const char *name = strrchr(a->data_root, '/') + 1;
	bool remapped = uns_layout_is_remap_dir(name);
	struct uns_store *s = remapped ? &f->nested : &f->flat;

	uns_store_done(&f->flat);
	uns_store_done(&f->nested);
	f->told = true;
	if (remapped) {
		free(f->active_dir);
		f->active_dir = uns_str_dup(name, err);
		if (!f->active_dir || (!uns_strs_has(&f->remap_dirs, name) && uns_strs_add(&f->remap_dirs, name, err) < 0))
			return -1;
	}
	read_swarm(a, f);
	if (uns_host_settle(NULL, NULL, a, f, s, err) < 0 || read_volumes(a, f, s, err) < 0 || read_images(a, f, &s->images, err) < 0)
		return -1;
	return uns_host_guess_users(s, err) < 0 ? -1 : name_entries(a, s, err);
}
