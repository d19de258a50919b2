/* SPDX-License-Identifier: Apache-2.0 */
/* A container as JSON has it: in two files of the data root, or in one answer of the engine. Both are made of the same structs of
 * moby (daemon/container, api/types), so that one reader serves both. */
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/container.h"
#include "uns/json.h"

void uns_container_done(struct uns_container *c)
{
	char *const strings[] = { c->id, c->name, c->network_mode, c->pid_mode, c->ipc_mode, c->userns_mode, c->driver, c->user, c->image };

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(strings[i]);
	uns_strs_done(&c->volumes);
	uns_strs_done(&c->binds);
	json_decref(c->host);
	json_decref(c->mounts);
	*c = (struct uns_container){ 0 };
}

bool uns_container_is_id(const char *s)
{
	return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* ---- what it mounts ---- */

static int add_mount(const json_t *mount, struct uns_container *c, struct uns_err *err)
{
	const char *type = uns_json_str_or(mount, "Type", "");
	const char *name = uns_json_str_or(mount, "Name", "");
	const char *source = uns_json_str_or(mount, "Source", "");

	/* Containers of before 1.12 have no type: a name makes it a volume. */
	if (strcmp(type, "volume") == 0 || (!*type && *name))
		return *name ? uns_strs_add(&c->volumes, name, err) : 0;
	if ((strcmp(type, "bind") == 0 || !*type) && *source)
		return uns_strs_add(&c->binds, source, err);
	return 0;
}

struct mount {
	const char *destination;
	json_t *value;
	size_t at; /* in the list: of two for one place the last counts, as in any JSON object */
};

static int by_place(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;
	int r = strcmp(x->destination, y->destination);

	return r ? r : (x->at > y->at) - (x->at < y->at);
}

/* The engine lists them in no order, its files have them by where they are inside, sorted by that. */
static json_t *by_destination(const json_t *list, struct uns_err *err)
{
	uns_auto_free struct mount *all = calloc(json_array_size(list) + 1, sizeof(*all));
	uns_auto_json json_t *map = json_object();
	bool whole = all && map;
	size_t n = 0;

	for (size_t i = 0; whole && i < json_array_size(list); i++) {
		struct mount one = { uns_json_str_or(json_array_get(list, i), "Destination", ""), json_array_get(list, i), i };

		if (*one.destination)
			all[n++] = one;
	}
	if (n)
		qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; whole && i < n; i++)
		whole = json_object_set(map, all[i].destination, all[i].value) == 0;
	if (!whole) {
		uns_err_nomem(err);
		return NULL;
	}
	return uns_take_ptr(map);
}

static int read_mounts(const json_t *j, struct uns_container *c, struct uns_err *err)
{
	json_t *points = json_object_get(j, "MountPoints"), *list = json_object_get(j, "Mounts");
	const char *destination;
	json_t *mount;

	if (json_is_object(points))
		c->mounts = json_incref(points);
	else if (json_is_array(list) && !(c->mounts = by_destination(list, err)))
		return -1;
	json_object_foreach (c->mounts, destination, mount) {
		if (add_mount(mount, c, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the rest ---- */

static int read_config(const json_t *j, const char *id, struct uns_container *c, struct uns_err *err)
{
	const char *name = uns_json_str_or(j, "Name", "");

	c->running = uns_json_bool_or(json_object_get(j, "State"), "Running", false);
	c->paused = uns_json_bool_or(json_object_get(j, "State"), "Paused", false);
	c->id = uns_str_dup(id, err);
	if (!c->id || uns_json_copy(j, "Driver", &c->driver, err) < 0 ||
	    uns_json_copy(json_object_get(j, "Config"), "User", &c->user, err) < 0 || uns_json_copy(j, "Image", &c->image, err) < 0)
		return -1;
	c->name = uns_str_dup(*name == '/' ? name + 1 : name, err);
	return c->name ? read_mounts(j, c, err) : -1;
}

static int read_host_config(json_t *j, struct uns_container *c, struct uns_err *err)
{
	c->privileged = uns_json_bool_or(j, "Privileged", false);
	c->auto_remove = uns_json_bool_or(j, "AutoRemove", false);
	c->host = json_incref(j);
	if (uns_json_copy(j, "NetworkMode", &c->network_mode, err) < 0 || uns_json_copy(j, "PidMode", &c->pid_mode, err) < 0)
		return -1;
	if (uns_json_copy(j, "IpcMode", &c->ipc_mode, err) < 0)
		return -1;
	return uns_json_copy(j, "UsernsMode", &c->userns_mode, err);
}

static int parse(const json_t *config, json_t *host, const char *id, struct uns_container *ret, struct uns_err *err)
{
	uns_auto(uns_container_done) struct uns_container c = { 0 };

	if (read_config(config, id, &c, err) < 0 || read_host_config(host, &c, err) < 0)
		return -1;
	*ret = c;
	c = (struct uns_container){ 0 };
	return 0;
}

int uns_container_parse(const json_t *config, json_t *host, const char *id, struct uns_container *ret, struct uns_err *err)
{
	const char *own = uns_json_str_or(config, "ID", "");

	return parse(config, host, *own ? own : id, ret, err);
}

int uns_container_parse_answer(const json_t *answer, const char *id, struct uns_container *ret, struct uns_err *err)
{
	json_t *host = json_object_get(answer, "HostConfig");

	if (strcmp(uns_json_str_or(answer, "Id", ""), id) != 0)
		return uns_err_set(err, UNS_E_INPUT, "the engine's answer is about another container than %.12s", id);
	if (!json_is_object(host) || !json_is_object(json_object_get(answer, "Config")) ||
	    !json_is_object(json_object_get(answer, "State")))
		return uns_err_set(err, UNS_E_INPUT, "the engine's answer about %.12s has no HostConfig, Config or State", id);
	return parse(answer, host, id, ret, err);
}
