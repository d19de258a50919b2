/* SPDX-License-Identifier: Apache-2.0 */
/* What several floors ask of containers and images that were read: names, and looking one up. */
#include "uns/images.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/container.h"

const char *const uns_fate_names[UNS_FATES] = {"works-unchanged", "works-after-migration", "needs-userns-host", "cannot-work"};

bool uns_image_is_root(const char *user)
{
	size_t len = user ? strcspn(user, ":") : 0;

	return len == 0 || (len == 4 && strncmp(user, "root", 4) == 0) || strspn(user, "0") == len;
}

static int by_id(const void *a, const void *b)
{
	const struct uns_image *x = a, *y = b;

	return strcmp(x->id, y->id);
}

const struct uns_image *uns_images_find(const struct uns_images *l, const char *id)
{
	struct uns_image key = {.id = (char *)(uintptr_t)(uns_str_starts(id, "sha256:") ? id + 7 : id)};

	return l->n ? bsearch(&key, l->v, l->n, sizeof(*l->v), by_id) : NULL;
}

static int by_dir(const void *a, const void *b)
{
	const struct uns_layer *x = a, *y = b;

	return strcmp(x->dir, y->dir);
}

const char *uns_images_whose(const struct uns_images *l, const char *path)
{
	const char *start = strchr(path, '/');
	uns_auto_free char *dir = NULL;
	struct uns_layer key;
	const struct uns_layer *found;

	if (!start || uns_str_starts(path, "volumes/") || uns_str_starts(path, "containers/"))
		return NULL;
	if (uns_str_starts(path, "vfs/dir/") || uns_str_starts(path, "btrfs/subvolumes/"))
		start = strchr(start + 1, '/');
	dir = strndup(start + 1, strcspn(start + 1, "/"));
	if (!dir || !l->layers)
		return NULL;
	key.dir = dir;
	found = bsearch(&key, l->layer, l->layers, sizeof(*l->layer), by_dir);
	return found ? found->whose : NULL;
}

static int by_path(const void *a, const void *b)
{
	const struct uns_hostpath *x = a, *y = b;

	return strcmp(x->path, y->path);
}

const struct uns_hostpath *uns_hostpath_find(const struct uns_hostpaths *l, const char *path)
{
	struct uns_hostpath key = {.path = (char *)(uintptr_t)path};

	return l->n ? bsearch(&key, l->v, l->n, sizeof(*l->v), by_path) : NULL;
}
