/* SPDX-License-Identifier: Apache-2.0 */
/* The verdicts on containers as findings. */
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"

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

	if (check_lost(w, err) < 0)
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
