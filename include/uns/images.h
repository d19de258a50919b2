/* SPDX-License-Identifier: Apache-2.0 */
/* Images of a data root, from its own files (moby image/store.go, layer/filestore.go): image/DRIVER/imagedb/content/sha256/ID is the
 * configuration, image/DRIVER/layerdb/sha256/CHAIN/{diff,parent,cache-id} one layer, layerdb/mounts/CONTAINER/mount-id that of a
 * container, image/DRIVER/repositories.json the names. */
#ifndef UNS_IMAGES_H
#define UNS_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

/* What makes accounts in the files of an image. */
enum uns_usertool {
	UNS_USERTOOL_NONE,    /* nothing: a distroless image, or one of a single program */
	UNS_USERTOOL_SHADOW,  /* useradd, groupadd */
	UNS_USERTOOL_BUSYBOX, /* adduser, addgroup of busybox */
	UNS_USERTOOL_UNKNOWN, /* its files could not be looked at */
};

struct uns_image {
	char *id; /* 64 hex digits */
	struct uns_strs tags;
	char *user;            /* USER of its configuration; NULL: none */
	struct uns_strs dirs;  /* names of its layers' directories, the topmost first */
	enum uns_usertool tool; /* looked up when it runs as root */
};
/* Whose a layer is: "image web:1, web:2", "container db". */
struct uns_layer {
	char *dir, *whose;
};
struct uns_images {
	struct uns_image *v; /* sorted by id */
	size_t n;
	struct uns_layer *layer; /* sorted by dir */
	size_t layers;
};
const struct uns_image *uns_images_find(const struct uns_images *l, const char *id); /* also "sha256:…"; NULL: none */
/* Of "overlay2/DIR/diff/a/b" and the like, or NULL. */
const char *uns_images_whose(const struct uns_images *l, const char *path);
bool uns_image_is_root(const char *user); /* as a USER: none, root or 0, with any group */

#endif
