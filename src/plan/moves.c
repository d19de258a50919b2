/* SPDX-License-Identifier: Apache-2.0 */
/* Options that make the engine start with another store, or on another socket. Nothing is lost on disk by that, but whoever looks at
 * the engine finds it empty, and data that is taken along would go to where the engine no longer looks. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"

#define DEFAULT_ROOT "/var/lib/docker"
#define DEFAULT_SOCKET "/var/run/docker.sock"

static bool changes(const struct uns_intent *w, const char *key)
{
	for (size_t i = 0; i < w->edits; i++)
		if (strcmp(w->edit[i].wish->key, key) == 0)
			return true;
	return false;
}

/* As it is started now, or after the change. */
static int value_of(const struct uns_intent *w, bool after, const char *key, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs now = UNS_STRS_INIT;

	if (after)
		return uns_plan_value(&w->words, w->config, key, ret, err);
	if (uns_plan_words(w->f, &now, err) < 0)
		return -1;
	return uns_plan_value(&now, w->f->config, key, ret, err);
}

/* ---- the data root ---- */

static int root_of(const struct uns_intent *w, bool after, char **ret, struct uns_err *err)
{
	uns_auto_json json_t *root = NULL, *graph = NULL;
	const char *text;
	size_t len;

	if (value_of(w, after, "data-root", &root, err) < 0 || value_of(w, after, "graph", &graph, err) < 0)
		return -1;
	text = json_string_length(root) ? json_string_value(root) : json_string_length(graph) ? json_string_value(graph) : DEFAULT_ROOT;
	for (len = strlen(text); len > 1 && text[len - 1] == '/';)
		len--;
	*ret = uns_str_printf(err, "%.*s", (int)len, text);
	return *ret ? 0 : -1;
}

/* Another name of the same directory, a symlink perhaps, is only known by the text and by where it leads today. */
static int read_root(struct uns_intent *w, struct uns_err *err)
{
	uns_auto_free char *before = NULL, *after = NULL;

	if (!changes(w, "data-root") && !changes(w, "graph"))
		return 0;
	if (root_of(w, false, &before, err) < 0 || root_of(w, true, &after, err) < 0)
		return -1;
	if (strcmp(before, after) != 0 && strcmp(w->root, after) != 0)
		w->root_after = uns_take_ptr(after);
	return 0;
}

/* ---- the store of images and containers ---- */

/* An engine that is told no driver looks for the one that it finds layers of. */
static int driver_moves(const struct uns_intent *w, bool *ret, struct uns_err *err)
{
	uns_auto_json json_t *after = NULL;
	const struct uns_strs *drivers = &w->present->drivers;
	const char *name;

	if (value_of(w, true, "storage-driver", &after, err) < 0)
		return -1;
	name = json_string_length(after) ? json_string_value(after) : NULL;
	*ret = name ? drivers->n != 1 || strcmp(drivers->v[0], name) != 0 : drivers->n > 1;
	return 0;
}

static int has_store(const struct uns_intent *w, bool after, enum uns_tristate *ret, struct uns_err *err)
{
	uns_auto_json json_t *features = NULL;

	if (value_of(w, after, "features", &features, err) < 0)
		return -1;
	*ret = uns_plan_feature(features, "containerd-snapshotter");
	return 0;
}

/* Without a word about it engines from 29 on stay with what they have, earlier ones have the old store. */
static int feature_moves(const struct uns_intent *w, bool *ret, struct uns_err *err)
{
	enum uns_tristate before, after;

	if (has_store(w, false, &before, err) < 0 || has_store(w, true, &after, err) < 0)
		return -1;
	if (before == UNS_UNSET)
		before = w->f->containerd_store || w->present->containerd_images ? UNS_TRUE : UNS_FALSE;
	if (after == UNS_UNSET)
		after = w->f->major >= 29 ? before : UNS_FALSE;
	*ret = before != after;
	return 0;
}

static int read_images(struct uns_intent *w, struct uns_err *err)
{
	if (changes(w, "storage-driver") && driver_moves(w, &w->other_driver, err) < 0)
		return -1;
	return changes(w, "features") ? feature_moves(w, &w->other_store, err) : 0;
}

/* ---- the socket ---- */

static const char *unix_socket(const struct uns_intent *w, const char *host)
{
	if (strcmp(host, "fd://") == 0)
		return w->f->socket_unit ? w->f->socket : NULL;
	if (!uns_str_starts(host, "unix://"))
		return NULL;
	return host[7] ? host + 7 : DEFAULT_SOCKET;
}

/* The one of today where it stays, else the first. */
static int read_socket(struct uns_intent *w, struct uns_err *err)
{
	uns_auto_json json_t *hosts = NULL;
	const char *found = w->f->socket;

	if (changes(w, "hosts")) {
		if (value_of(w, true, "hosts", &hosts, err) < 0)
			return -1;
		found = json_array_size(hosts) ? NULL : DEFAULT_SOCKET;
	}
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const char *host = json_string_value(json_array_get(hosts, i));
		const char *path = host ? unix_socket(w, host) : NULL;

		if (path && (!found || (w->f->socket && strcmp(path, w->f->socket) == 0)))
			found = path;
	}
	w->socket_after = found ? uns_str_dup(found, err) : NULL;
	return found && !w->socket_after ? -1 : 0;
}

int uns_plan_moves(struct uns_intent *w, struct uns_err *err)
{
	return read_root(w, err) < 0 || read_images(w, err) < 0 ? -1 : read_socket(w, err);
}

void uns_plan_moves_done(struct uns_intent *w)
{
	free(w->root_after);
	free(w->socket_after);
}

/* ---- what to say ---- */

static bool has_data(const struct uns_intent *w)
{
	const struct uns_store *flat = &w->f->flat, *nested = &w->f->nested;

	return uns_plan_has_data(flat) || uns_plan_has_data(nested) || flat->containerd_images || nested->containerd_images ||
	       json_array_size(w->f->images) || json_array_size(w->f->containers) || (w->r->command == UNS_ENABLE && w->move);
}

/* Together with a move of the data there is no way to be right; alone it may be what is wanted. */
static int say(const struct uns_intent *w, const char *key, const char *what, struct uns_err *err)
{
	if (w->r->command == UNS_ENABLE)
		return uns_findings_add(w->findings, NULL, "OptionMovesData", key,
		                        "set it before or after, by usernsctl daemon set", err,
		                        "the data is taken along where it is, but with another %s the engine does not look there", key);
	return uns_intent_add(w, "OptionMovesData", key,
	                      "copy what is needed first; --ignore=OptionMovesData accepts an engine without them",
	                      err, "the engine starts with another store: %s of today are not in it", what);
}

int uns_plan_check_moves(const struct uns_intent *w, struct uns_err *err)
{
	if (!has_data(w))
		return 0;
	if (w->root_after && say(w, changes(w, "data-root") ? "data-root" : "graph", "images, containers and volumes", err) < 0)
		return -1;
	if (w->other_driver && say(w, "storage-driver", "images and containers", err) < 0)
		return -1;
	return w->other_store ? say(w, "features", "images and containers", err) : 0;
}
