/* SPDX-License-Identifier: Apache-2.0 */
/* The verdicts on containers as findings. */
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"

#define NAMED_MAX 5
#define AS_ROOT "run it as root; where root may not read it either, its security module says why"

const char *uns_plan_forbidden(const struct uns_intent *w, const struct uns_container *c)
{
	return w->r->command == UNS_ENABLE && !(c->userns_mode && strcmp(c->userns_mode, "host") == 0) ? uns_container_forbidden(c) : NULL;
}

static int check_unread(const struct uns_intent *w, const struct uns_store *s, struct uns_err *err)
{
	for (size_t i = 0; i < s->unreads; i++) {
		const struct uns_unread *u = &s->unread[i];

		if (uns_intent_add(w, "ContainerUnreadable", u->name,
		                   u->volume ? "mend the file, or remove the volume with the engine running"
		                             : "mend the file, or move its directory out of containers/ while the engine is stopped",
		                   err, "this %s cannot be taken along, for its paths and options cannot be read: %s",
		                   u->volume ? "volume" : "container", u->why) < 0)
			return -1;
	}
	return 0;
}

int uns_plan_check_unread(const struct uns_intent *w, struct uns_err *err)
{
	return check_unread(w, &w->f->flat, err) < 0 ? -1 : check_unread(w, &w->f->nested, err);
}

/* ---- what the engine and its files do not both have ---- */

static const char *name_of(const struct uns_container *c)
{
	return *c->name ? c->name : c->id;
}

int uns_plan_check_apart(const struct uns_intent *w, struct uns_err *err)
{
	for (size_t i = 0; i < w->present->containers; i++) {
		const struct uns_container *c = &w->present->container[i];

		if (c->ignored &&
		    uns_intent_add(w, "ContainerNotLoaded", name_of(c), "restart the engine to have it loaded, or move its directory out of containers/", err,
		                   "its directory is in containers/, but the engine that runs has not loaded it: what is said of it is what its files say") < 0)
			return -1;
		if (c->no_files && w->stop &&
		    uns_intent_add(w, "ContainerNoFiles", name_of(c),
		                   "save what is needed of it while the engine runs (docker commit, docker cp), then remove it: docker rm -f", err,
		                   "the engine that runs has it, but it has no directory in containers/: it is gone when the engine stops") < 0)
			return -1;
	}
	return 0;
}

/* ---- what could not be read ---- */

static bool mounts_it(const struct uns_container *c, const char *path)
{
	const char *inside;
	json_t *m;

	json_object_foreach (c->mounts, inside, m)
		if (strcmp(uns_json_str_or(m, "Source", ""), path) == 0)
			return true;
	return uns_strs_has(&c->binds, path);
}

static bool has_device(const struct uns_container *c, const char *path)
{
	const json_t *devices = json_object_get(c->host, "Devices");

	for (size_t i = 0; i < json_array_size(devices); i++)
		if (strcmp(uns_json_str_or(json_array_get(devices, i), "PathOnHost", ""), path) == 0)
			return true;
	return false;
}

/* As the paths of the host were collected: mounted, of a driver of volumes, a device, or what a volume is made of. */
static bool uses(const struct uns_store *s, const struct uns_container *c, const char *path)
{
	if (mounts_it(c, path) || has_device(c, path))
		return true;
	for (size_t i = 0; i < c->volumes.n; i++) {
		const struct uns_volume *v = uns_plan_volume(s, c->volumes.v[i]);

		if (v && v->device && strcmp(v->device, path) == 0)
			return true;
	}
	return false;
}

/* "a, b and 3 more" */
static char *name_users(const struct uns_store *s, const char *path, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < s->containers; i++) {
		const struct uns_container *c = &s->container[i];

		if (!uses(s, c, path) || n++ >= NAMED_MAX)
			continue;
		if (uns_buf_printf(&b, err, "%s%s", n == 1 ? " (" : ", ", name_of(c)) < 0)
			return NULL;
	}
	if (n > NAMED_MAX && uns_buf_printf(&b, err, " and %zu more", n - NAMED_MAX) < 0)
		return NULL;
	return uns_buf_puts(&b, n ? ")" : "", err) < 0 ? NULL : uns_buf_take(&b, err);
}

static int check_closed(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostpaths *l = &w->f->hostpaths;

	for (size_t i = 0; w->f->told && i < l->n; i++) {
		uns_auto_free char *users = l->v[i].closed_to_us ? name_users(w->present, l->v[i].path, err) : NULL;

		if (!l->v[i].closed_to_us)
			continue;
		if (!users || uns_intent_add(w, "PathUnread", l->v[i].path, AS_ROOT, err,
		                             "it may not be looked at: what uses it%s is not judged by its owner and mode", users) < 0)
			return -1;
	}
	return 0;
}

/* Those whose user has a name: what ID it is, only files of their image tell. */
static char *name_unknown(const struct uns_store *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < s->containers; i++) {
		if (s->container[i].as.known || n++ >= NAMED_MAX)
			continue;
		if (uns_buf_printf(&b, err, "%s%s", n == 1 ? "; nor the IDs of users that have a name, in " : ", ", name_of(&s->container[i])) < 0)
			return NULL;
	}
	if (n > NAMED_MAX && uns_buf_printf(&b, err, " and %zu more", n - NAMED_MAX) < 0)
		return NULL;
	return uns_buf_puts(&b, "", err) < 0 ? NULL : uns_buf_take(&b, err);
}

static const char *const unseen[] = {
	[UNS_UNSEEN_DATA] = ("containers, volumes and images are judged by what the engine tells; not judged are IDs in files that cannot be "
			    "mapped, inodes that cannot be changed, attributes of files, plugins, the containerd image store, old trees, room, "
			    "time, and what audit would write"),
	[UNS_UNSEEN_ELSEWHERE] = "containers, volumes and images are judged by what the engine tells, without the paths of its host that they use",
	[UNS_UNSEEN_OPTIONS] = "the options in it are not judged",
	[UNS_UNSEEN_ANSWER] = "what is not told is not judged",
	[UNS_UNSEEN_ENGINE] = "its containers are not judged, and it would not be stopped",
};

static const char *const remedies[] = {
	[UNS_UNSEEN_DATA] = AS_ROOT,
	[UNS_UNSEEN_ELSEWHERE] = "run it on the host of the engine",
	[UNS_UNSEEN_OPTIONS] = AS_ROOT,
	[UNS_UNSEEN_ANSWER] = "run it again when the engine answers",
	[UNS_UNSEEN_ENGINE] = "run it where the engine runs; or let it not answer here, if its data are elsewhere",
};

int uns_plan_check_unseen(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_free char *unknown = w->f->told ? name_unknown(w->present, err) : NULL;

	if (w->f->told && !unknown)
		return -1;
	for (size_t i = 0; i < w->f->unseens; i++) {
		const struct uns_unseen *u = &w->f->unseen[i];
		bool stores = u->what == UNS_UNSEEN_DATA || u->what == UNS_UNSEEN_ELSEWHERE;

		if (uns_intent_add(w, "PathUnread", u->path, remedies[u->what], err, "%s: %s%s", u->why, unseen[u->what], stores && unknown ? unknown : "") < 0)
			return -1;
	}
	return check_closed(w, err);
}

static int check_lost(const struct uns_intent *w, struct uns_err *err)
{
	for (size_t i = 0; w->stop && i < w->present->containers; i++) {
		const struct uns_container *c = &w->present->container[i];

		if (c->running && c->auto_remove &&
		    uns_intent_add(w, "ContainerAutoRemove", c->name, NULL, err,
		                   "it was started with --rm: it vanishes, with its anonymous volumes, when the engine stops") < 0)
			return -1;
	}
	return 0;
}

/* A shift before the switch would take the files from the containers that use them now. */
static int say(const struct uns_intent *w, const struct uns_container *c, const struct uns_reason *r, bool on, struct uns_err *err)
{
	bool now = r->command && (on || r->fate != UNS_FATE_SHIFT);
	uns_auto_free char *command = now ? uns_str_printf(err, UNS_COMMAND "%s", r->command) : NULL;

	if (now && !command)
		return -1;
	return uns_intent_add(w, r->check, *c->name ? c->name : c->id, now ? command : r->remedy, err, "%s", r->text);
}

/* Those that enable takes along, or those that are remapped already. */
static const struct uns_store *judged(const struct uns_intent *w)
{
	if (w->r->command != UNS_ENABLE || !w->have_shift)
		return NULL;
	if (w->move)
		return w->all ? w->source : NULL;
	return w->option && uns_containers_store(w->f) == &w->f->nested ? &w->f->nested : NULL;
}

int uns_plan_check_containers(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto(uns_verdicts_done) struct uns_verdicts l = {NULL, 0};
	const struct uns_store *store = judged(w);

	if (check_lost(w, err) < 0 || uns_plan_check_apart(w, err) < 0)
		return -1;
	if (!store)
		return 0;
	if (uns_containers_judge(w->f, store, &w->shift, w->r->user, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; k < l.v[i].reasons; k++)
			if (say(w, l.v[i].container, &l.v[i].reason[k], store == &w->f->nested, err) < 0)
				return -1;
	return uns_plan_check_images(w, store, err);
}
